"""Options that ask for a score."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from semvid.cli.options import encoding_option
from semvid.core.errors import ConfigError
from semvid.core.rate import AsGoodAs, RegionPsnr, RegionVmaf, Vmaf, Xpsnr
from semvid.core.settings import Settings

# fmt: off
TargetVmaf = Annotated[float | None, encoding_option(
    help="VMAF of the whole picture to reach, 10 to 100: 95 = hardly any visible difference, 80 = fair."
)]
TargetXpsnr = Annotated[float | None, encoding_option(
    help="XPSNR of the whole picture to reach, in dB, 10 to 60."
)]
RegionVmafOption = Annotated[float | None, encoding_option(
    help="VMAF of what matters to reach, 10 to 100."
)]
RegionPsnrOption = Annotated[float | None, encoding_option(
    help="PSNR of what matters to reach, in dB, 10 to 60."
)]
AsGoodAsFile = Annotated[Path | None, encoding_option(
    metavar="FILE", help="Another encode of the same video: be as good where it matters, by PSNR."
)]
Floor = Annotated[float | None, encoding_option(
    help="What the rest must have at least, by the measure of the target; it is coded finer until it has."
)]
# fmt: on


def score_rates(
    vmaf: float | None,
    xpsnr: float | None,
    region_vmaf: float | None,
    region_psnr: float | None,
    as_good_as: Path | None,
    floor: float | None,
) -> list[tuple[str, Callable[[Any], Settings], Any]]:
    """Return what ``options.one_rate`` takes.

    Raises:
        ConfigError: There is a floor without a target.
    """
    kinds: list[tuple[str, Callable[..., Settings], Any]] = [
        ("--target-vmaf", Vmaf, vmaf),
        ("--target-xpsnr", Xpsnr, xpsnr),
        ("--region-vmaf", RegionVmaf, region_vmaf),
        ("--region-psnr", RegionPsnr, region_psnr),
        ("--as-good-as", AsGoodAs, as_good_as),
    ]
    if floor is not None and all(value is None for _, _, value in kinds):
        *names, last = (name for name, _, _ in kinds)
        raise ConfigError(f"--floor needs a target; give {', '.join(names)} or {last}")
    return [(name, partial(kind, floor=floor), value) for name, kind, value in kinds]
