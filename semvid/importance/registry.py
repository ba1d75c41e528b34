"""Open the importance source a configuration asks for."""

from __future__ import annotations

import os
from dataclasses import replace

from semvid.core.config import MapsConfig
from semvid.core.map_source import ImportanceSource, MapSource, complete
from semvid.importance.files.boxes import BoxSource
from semvid.importance.files.map_files import MapFileSource
from semvid.importance.files.sidecar import SUFFIX
from semvid.importance.files.sidecar_source import SidecarSource
from semvid.importance.predictor import NetworkSource
from semvid.importance.spectral import SpectralSource

_CORES_PER_THREAD = 4


def sharing_cores(config: MapsConfig) -> MapsConfig:
    """Most cores are for the encoder: a network on all of them costs more time than it saves."""
    if config.threads:
        return config
    return replace(config, threads=max((os.cpu_count() or 1) // _CORES_PER_THREAD, 1))


def open_source(
    config: MapsConfig, expected_frames: int | None, own: ImportanceSource | None = None
) -> MapSource:
    """Return the caller's own source if there is one, else what the configuration names.

    Args:
        config: What the user asked for.
        expected_frames: Frames by the video's header, None if unknown.
        own: The caller's source; None = there is none.

    Raises:
        ConfigError: The caller's object is not a source.
        MapError: The map or box file is unusable.
        ModelError: The network cannot be loaded.
    """
    if own is not None:
        return complete(own)
    if config.path is not None and config.path.suffix.lower() == SUFFIX:
        return SidecarSource(config.path, hold=config.hold)
    if config.path is not None:
        return MapFileSource(config.path, hold=config.hold, expected_frames=expected_frames)
    if config.boxes is not None:
        return BoxSource(config.boxes, expected_frames=expected_frames)
    if config.chosen_model == "spectral":
        return SpectralSource()
    # Networks need libraries that take a while to load.
    from semvid.models.registry import open_predictor

    return NetworkSource(open_predictor(config.chosen_model, config.focus, config.device, config.threads))
