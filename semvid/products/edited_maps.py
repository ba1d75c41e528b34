"""Writes the maps of a video with a user's edits, each followed along the motion."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from semvid.core.config import ExportConfig, MapsConfig
from semvid.core.events import Event, Notice, Progress, Started
from semvid.core.opencv_threads import one_opencv_thread
from semvid.core.results import ExportResult
from semvid.core.settings import or_default
from semvid.core.text import counted
from semvid.core.threads import limited_threads, thread_budget
from semvid.engine.run import follow
from semvid.importance.edits.edits import Edits, checked
from semvid.importance.files.same_edit import check_edit
from semvid.importance.files.sidecar import SidecarReader, SidecarWriter, TimedMap
from semvid.importance.tracking.edit_follower import EditFollower
from semvid.importance.tracking.source import FeatureNetwork
from semvid.media.reading.reader import VideoReader
from semvid.media.writing.claim import Claim, writing
from semvid.media.writing.output import check_place
from semvid.products.edited_frames import EditedFrames, Followed, no_map


def edit_maps(
    source: Path | str,
    maps: Path | str,
    edits: Edits,
    output: Path | str,
    config: ExportConfig | None = None,
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> ExportResult:
    """Correct the maps of a video. ``--maps`` reads the result like any sidecar.

    Args:
        source: The video.
        maps: Its sidecar. If it has edits already, they are replaced.
        edits: What to correct; times are those of the sidecar. Those undone are kept in the file.
        output: A sidecar; may be ``maps``, with ``config.overwrite``.
        config: Options; the network of ``config.maps`` tells what things look like, or the usual one
            where that is ``spectral``. None = defaults.
        on_event: Called with ``Started``, ``Progress`` and ``Notice``.

    Raises:
        ConfigError: An edit is out of range.
        MapError: The sidecar is not of this video.
        SemvidError: See ``semvid.core.errors``. Whatever is raised, no partial output is left.
    """
    source, maps, output = Path(source), Path(maps), Path(output)
    return follow(edit_maps_events(source, maps, edits, output, or_default(config, ExportConfig)), on_event)


def edit_maps_events(
    source: Path,
    maps: Path,
    edits: Edits,
    output: Path,
    config: ExportConfig,
    took: Callable[[TimedMap], None] = lambda one: None,
    *,
    found: Followed | None = None,
    earlier: Followed | None = None,
) -> Generator[Event, None, ExportResult]:
    """Do what ``edit_maps`` does, step by step.

    Args:
        source: As for ``edit_maps``, and so are those that follow.
        maps: A sidecar.
        edits: What to correct.
        output: A sidecar.
        config: Options.
        took: Called with each map.
        found: Gets what a later run can go on from; the maps are known to be of this video then. See
            ``EditedFrames``.
        earlier: What an earlier run found with the same maps and options: it is not followed again.
    """
    edits = checked(edits)
    check_place(output, source, overwrite=config.overwrite)
    with closing(SidecarReader(maps)) as reader, limited_threads(config.threads), one_opencv_thread():
        check_edit(maps, reader.header.made_by, config.edit)
        header = replace(reader.header, edits=edits)
        with Claim(output, overwrite=config.overwrite) as claim:
            temporary = claim.temporary()
            with temporary.open("wb") as file, closing(SidecarWriter(file, header)) as writer:
                follower, networks = _follower(edits, config)
                with closing(VideoReader(source, edit=config.edit)) as video:
                    yield Started(video.info)
                    if reader.header.time_base != video.info.time_base:
                        raise no_map(maps, source, 0)
                frames = EditedFrames(source, maps, follower, config.edit, found=found, earlier=earlier)
                with closing(frames.run(reader.unedited_maps())) as edited:
                    for one in edited:
                        took(one)
                        writer.write(one)
                        yield Progress(writer.num_maps, reader.num_maps, 0)
                with writing(output):
                    num_maps = writer.num_maps
                    writer.finish()
                    reader.copy_unedited(file)
            # Some systems let nobody replace a file that is open.
            reader.close()
            num_bytes = claim.publish(temporary)
    if found is not None:
        found.is_whole = True
    yield from (Notice(one) for network in networks for one in network.notices)
    if follower.waiting:
        late = counted(len(follower.waiting), "edit begins", "edits begin")
        yield Notice(f"{late} after the last frame, and changed nothing")
    return ExportResult(source, output, num_maps, num_bytes)


def _follower(edits: Edits, config: ExportConfig) -> tuple[EditFollower, list[FeatureNetwork]]:
    """Return who follows edits, and a list that gets the network, once one is needed."""
    networks: list[FeatureNetwork] = []

    def open_network() -> FeatureNetwork:
        from semvid.models.registry import open_features

        model = config.maps.chosen_model
        if model == "spectral":
            # It is no network, and knows nothing of what things look like.
            model = MapsConfig().chosen_model
        threads = config.maps.threads or thread_budget().network
        networks.append(open_features(model, config.maps.device, threads))
        return networks[0]

    return EditFollower(edits.done, open_network), networks
