"""Where networks can run."""

from __future__ import annotations

from dataclasses import dataclass

from semvid.core.text import counted


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """One place a network can run."""

    name: str
    """What ``--device`` takes."""
    description: str
    """Name of the hardware."""


def list_devices() -> list[DeviceInfo]:
    """List the CPU and every GPU torch sees. Imports torch, which takes a second or more."""
    import torch

    devices = [DeviceInfo("cpu", counted(torch.get_num_threads(), "thread"))]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append(DeviceInfo("cuda", f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"))
    if torch.backends.mps.is_available():
        devices.append(DeviceInfo("mps", "Apple GPU"))
    return devices
