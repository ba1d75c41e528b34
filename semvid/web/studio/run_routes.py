"""Routes of what encodes: choices, the trial, and the queue."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from semvid.core.checked import Field, Malformed
from semvid.core.config import CompressConfig
from semvid.core.text import encodable, visible
from semvid.studio.choices import codecs_to_choose, map_words, profiles_to_choose, read_choices
from semvid.studio.clip import MEDIA_TYPES, SUFFIX_OF
from semvid.studio.reports import place_of
from semvid.studio.runs import Runs
from semvid.studio.studio import Opened, Studio
from semvid.studio.trial import TRIAL_SECONDS
from semvid.web.guard import refusal
from semvid.web.studio.requests import in_thread, json_of, opened_of, telling
from semvid.web.studio.words import answer

_SIDES = ("ours", "theirs", "source")
_MOST_INDEX = 2**31
_MOST_SECONDS = 30
_APART = (
    "sandbox allow-scripts allow-downloads allow-popups; default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
"""Of a report, with scripts in it under a stricter policy. It is of no site, and may ask ours nothing."""


def routes(studio: Studio) -> list[Route]:
    """Return all of them."""
    runs = _Runs(studio)
    get, post = ["GET"], ["POST"]
    return [
        Route("/api/choices", telling(runs.choices), methods=get),
        Route("/api/video/{id}/try", telling(runs.begin_trial), methods=post),
        Route("/api/try", telling(runs.trial), methods=get),
        Route("/api/try/cancel", telling(runs.cancel_trial), methods=post),
        Route("/api/try/{name}/{side}", telling(runs.clip), methods=get),
        Route("/api/video/{id}/queue", telling(runs.add), methods=post),
        Route("/api/queue", telling(runs.queue), methods=get),
        Route("/api/queue/pause", telling(runs.pause), methods=post),
        Route("/api/queue/resume", telling(runs.resume), methods=post),
        Route("/api/queue/{job:int}/cancel", telling(runs.cancel), methods=post),
        Route("/api/queue/{job:int}/retry", telling(runs.retry), methods=post),
        Route("/api/queue/{job:int}/delete", telling(runs.delete), methods=post),
        Route("/api/queue/{job:int}/compare", telling(runs.compare), methods=post),
        Route("/api/queue/{job:int}/output", telling(runs.output), methods=get),
        Route("/api/queue/{job:int}/folder", telling(runs.show), methods=post),
        Route("/api/queue/{job:int}/report", telling(runs.make_report), methods=post),
        Route("/api/queue/{job:int}/report", telling(runs.report), methods=get),
    ]


class _Runs:
    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._runs: Runs = studio.runs

    async def choices(self, request: Request) -> Response:
        return answer({
            "codecs": await in_thread(codecs_to_choose),
            "profiles": await in_thread(profiles_to_choose, self._runs.profiles, self._studio.root.folder),
        })  # fmt: skip

    async def begin_trial(self, request: Request) -> Response:
        one, body = opened_of(self._studio, request), await json_of(request)
        video = one.video
        try:
            body.known("frame", "seconds", "plays", "choices")
            frame = body.get("frame").whole(0, _MOST_INDEX)
            length = body.find("seconds")
            seconds = TRIAL_SECONDS if length is None else length.number(0.5, _MOST_SECONDS)
            plays = {one.text(20) for one in body.get("plays").items(most=20)} & SUFFIX_OF.keys()
            chosen = body.get("choices")
        except Malformed as error:
            return refusal(400, f"the trial cannot be read: {error}; reload the page")
        config = await in_thread(one.editing.for_encode, await in_thread(self._config, one, chosen))
        await in_thread(video.check_index, frame)
        middle = float(await in_thread(video.seconds_of, frame))
        trials = self._runs.trials
        return answer(await in_thread(trials.begin, video.path, config, middle, seconds, plays))

    async def trial(self, request: Request) -> Response:
        return answer(self._runs.trials.status())

    async def cancel_trial(self, request: Request) -> Response:
        await in_thread(self._runs.trials.cancel)
        return answer(self._runs.trials.status())

    async def clip(self, request: Request) -> Response:
        name, side = request.path_params["name"], request.path_params["side"]
        path = self._runs.trials.clip(name, side) if side in _SIDES else None
        if path is None or not path.is_file():
            return refusal(404, "this trial is over; try again")
        return FileResponse(path, media_type=MEDIA_TYPES.get(path.suffix, "image/jpeg"))

    async def add(self, request: Request) -> Response:
        one, chosen = opened_of(self._studio, request), await json_of(request)
        config = await in_thread(one.editing.for_encode, await in_thread(self._config, one, chosen))
        job = await in_thread(self._runs.queue.add, one.video.path, config)
        return answer({"job": job, "map_words": await in_thread(map_words, config)})

    async def queue(self, request: Request) -> Response:
        return answer(await in_thread(self._told))

    async def pause(self, request: Request) -> Response:
        self._runs.queue.pause()
        return await self.queue(request)

    async def resume(self, request: Request) -> Response:
        self._runs.queue.resume()
        return await self.queue(request)

    async def cancel(self, request: Request) -> Response:
        await in_thread(self._runs.queue.cancel, request.path_params["job"])
        return await self.queue(request)

    async def retry(self, request: Request) -> Response:
        await in_thread(self._runs.queue.retry, request.path_params["job"])
        return await self.queue(request)

    async def delete(self, request: Request) -> Response:
        body = await json_of(request)
        try:
            field = body.known("with_output").find("with_output")
            with_output = field is not None and field.flag()
        except Malformed as error:
            return refusal(400, f"the request cannot be read: {error}; reload the page")
        await in_thread(self._runs.delete, request.path_params["job"], with_output=with_output)
        return await self.queue(request)

    async def compare(self, request: Request) -> Response:
        job = request.path_params["job"]
        await in_thread(self._runs.check_done, job)
        entry = await in_thread(self._runs.queue.entry, job)
        config = await in_thread(self._runs.queue.config_of, job)
        if not isinstance(config, CompressConfig):
            return refusal(400, f"{visible(entry.output.name)} is a picture, and is not played")
        half = (entry.result or {}).get("duration_seconds", 0) / 2
        begin = self._runs.trials.begin_result
        return answer(await in_thread(begin, entry.source, entry.output, half, config.edit.start))

    async def output(self, request: Request) -> Response:
        await in_thread(self._runs.check_done, request.path_params["job"])
        path = self._runs.queue.entry(request.path_params["job"]).output
        return FileResponse(path, filename=encodable(path.name))

    async def show(self, request: Request) -> Response:
        await in_thread(self._runs.check_done, request.path_params["job"])
        entry = await in_thread(self._runs.queue.entry, request.path_params["job"])
        if self._runs.show_file is None:
            return refusal(400, f"there is no desktop here; {visible(str(entry.output))} is the file")
        await in_thread(self._runs.show_file, entry.output)
        return answer({})

    async def make_report(self, request: Request) -> Response:
        job = request.path_params["job"]
        await in_thread(self._runs.check_done, job)
        config = await in_thread(self._runs.queue.config_of, job)
        entry = await in_thread(self._runs.queue.entry, job)
        await in_thread(self._runs.reports.begin, entry, config)
        return await self.queue(request)

    async def report(self, request: Request) -> Response:
        entry = await in_thread(self._runs.queue.entry, request.path_params["job"])
        path = place_of(entry.output)
        # Those of the studio are no links, which may lead anywhere.
        if path.is_symlink() or not path.is_file():
            return refusal(404, "there is no report of this job; have one made")
        return FileResponse(path, media_type="text/html", headers={"Content-Security-Policy": _APART})

    def _config(self, one: Opened, chosen: Field) -> CompressConfig:
        config = read_choices(chosen, partial(self._runs.profiles.read, folder=one.video.path.parent))
        # The page has no place for these, and profiles may not have them either.
        return replace(config, overwrite=False, save_maps=None)

    def _told(self) -> dict[str, Any]:
        queue = self._runs.queue
        jobs = []
        for one in queue.jobs():
            told = one.to_plain()
            told["report"] = ""
            if one.state == "done":
                told["report"] = self._runs.reports.state_of(one.id, queue.folder / one.output)
            jobs.append(told)
        return {
            "folder": visible(str(queue.folder)), "is_paused": queue.is_paused, "failure": queue.failure,
            "jobs": jobs, "has_file_manager": self._runs.show_file is not None,
        }  # fmt: skip
