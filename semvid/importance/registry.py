"""Opens the source of importance that a configuration asks for, describes it, and asks it for one map."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import semvid
from semvid.core.config import EditConfig, MapsConfig
from semvid.core.map_source import ImportanceSource, MapSource, complete
from semvid.core.plain import to_plain
from semvid.core.threads import thread_budget
from semvid.core.types import FloatArray, Frame
from semvid.importance.files.sidecar import SUFFIX

if TYPE_CHECKING:
    from semvid.importance.predictor import Network, OpeningNetwork

_begun: dict[MapsConfig, OpeningNetwork] = {}
"""Networks that nobody has asked for yet."""


def sharing_cores(config: MapsConfig) -> MapsConfig:
    """Leave most cores to the encoder."""
    return replace(config, threads=config.threads or thread_budget().network_beside_encoder)


def open_source(
    config: MapsConfig,
    expected_frames: int | None,
    own: ImportanceSource | None = None,
    *,
    duration: Fraction | None = None,
) -> MapSource:
    """Return the caller's own source if there is one, else what the configuration names.

    Args:
        config: What the user asked for.
        expected_frames: Frames by the video's header, None if unknown.
        own: The caller's source; None = there is none.
        duration: In seconds by the video's header, None if unknown.

    Raises:
        ConfigError: The caller's object is not a source.
        MapError: The file of maps, boxes or marks is unusable.
        ModelError: The network cannot be loaded.
    """
    if own is not None:
        return complete(own)
    # Each kind is loaded when it is asked for: most read other files or need libraries that take a while.
    if config.path is not None and config.path.suffix.lower() == SUFFIX:
        from semvid.importance.files.sidecar_source import SidecarSource

        return SidecarSource(config.path, hold=config.hold)
    if config.path is not None:
        from semvid.importance.files.map_files import MapFileSource

        return MapFileSource(config.path, hold=config.hold, expected_frames=expected_frames)
    if config.boxes is not None:
        from semvid.importance.files.boxes import BoxSource

        return BoxSource(config.boxes, expected_frames=expected_frames)
    if config.track:
        return _open_tracking(config, expected_frames, duration)
    return _open_model(config)


def _open_tracking(config: MapsConfig, expected_frames: int | None, duration: Fraction | None) -> MapSource:
    from semvid.importance.tracking.marks import Marks
    from semvid.importance.tracking.source import TrackSource
    from semvid.models.registry import open_features

    marks = Marks(config.track, expected_frames, duration)
    threads = config.threads or thread_budget().network
    return TrackSource(open_features(config.chosen_model, config.device, threads), marks)


def _open_model(config: MapsConfig) -> MapSource:
    if config.chosen_model == "spectral":
        from semvid.importance.spectral import SpectralSource

        return SpectralSource()
    from semvid.importance.predictor import NetworkSource, OpeningNetwork

    config = _with_threads(config)
    if not _is_sure(config):
        return NetworkSource(_open_network(config))
    begun = _begun.pop(config, None)
    return NetworkSource(begun or OpeningNetwork(partial(_open_network, config)))


def begin_opening(config: MapsConfig) -> None:
    """Begin to open a network, if one makes the maps: the next ``open_source`` with this config takes it.

    For who still has something else to do before: loading modules, for example.
    """
    is_given = config.path is not None or config.boxes is not None or config.track
    if not is_given and config.chosen_model != "spectral" and _is_sure(config):
        from semvid.importance.predictor import OpeningNetwork

        config = _with_threads(config)
        _begun[config] = OpeningNetwork(partial(_open_network, config))


def _with_threads(config: MapsConfig) -> MapsConfig:
    """Decide on the threads now: another thread may open the network."""
    return replace(config, threads=config.threads or thread_budget().network)


def _is_sure(config: MapsConfig) -> bool:
    """Whether nothing should go wrong: what is wrong with the user's own file or device is told first."""
    return not Path(config.chosen_model).suffix and config.device in {"auto", "cpu"}


def _open_network(config: MapsConfig) -> Network:
    from semvid.models.registry import open_predictor

    return open_predictor(config.chosen_model, config.focus, config.device, config.threads)


def importance_of(
    upright: NDArray[np.uint8], maps: MapsConfig, importance: ImportanceSource | None = None
) -> tuple[FloatArray, list[str]]:
    """Make the map of one picture.

    Args:
        upright: ``(h, w)`` grey or ``(h, w, 3)`` RGB.
        maps: See ``open_source``.
        importance: The caller's source; None = there is none.

    Returns:
        ``(h, w)`` of any size in 0..1, and sentences for the user.

    Raises:
        ConfigError: The map is to be followed through a video.
    """
    if maps.track and importance is None:
        from semvid.importance.tracking.marks import refuse_picture

        refuse_picture()
    with closing(open_source(maps, 1, importance)) as source:
        values = importance_from(source, upright, 0)
        said = source.finish(1)
    return values, [said] if said else []


def importance_from(source: MapSource, upright: NDArray[np.uint8], index: int) -> FloatArray:
    """Ask an open source for the map of one of several pictures.

    A source that is a model may be asked by several threads at the same time, each picture with an index of
    its own.
    """
    return source.update(frame_of(upright, index)).values


def frame_of(pixels: NDArray[np.uint8], index: int) -> Frame:
    """Make a frame of a picture, ``(h, w)`` grey or ``(h, w, 3)`` RGB."""
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    rgb = pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb, np.uint8), format="rgb24")
    return Frame(shown, index, np.asarray(grey, np.uint8), 8)


def describe_maps(
    config: MapsConfig | None, source: MapSource, temporal: Mapping[str, Any], edit: EditConfig
) -> Mapping[str, Any]:
    """Return what made the maps of a run, as JSON values; for maps from an earlier run, what made those.

    ``temporal`` is how they follow from frame to frame; ``config`` is None if the caller supplied a source;
    ``edit`` is what was done to the video before.
    """
    earlier: Mapping[str, Any] | None = source.made_by
    if earlier is not None:
        return earlier
    record: dict[str, Any] = {"semvid": semvid.__version__}
    if not edit.is_all:
        record["edit"] = edit.changes()
    if config is None:
        return record | {"source": source.kind, "temporal": dict(temporal)}
    # Only the name: a path would reveal who ran it, and means nothing elsewhere.
    if config.path is not None:
        return record | {"maps": config.path.name}
    if config.boxes is not None:
        return record | {"boxes": config.boxes.name}
    if config.track:
        names = [{"file": one.path.name, "seconds": one.seconds} for one in config.track]
        return record | {"track": names, "model": config.model_name, "temporal": dict(temporal)}
    return record | {"model": config.model_name, "focus": to_plain(config.focus), "temporal": dict(temporal)}
