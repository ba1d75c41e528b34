"""The cases of ``same.py``: what is run on which input.

A step is the arguments of the ``semvid`` program, or a mapping for ``same_api.run``. Inputs lie in
``../../in`` of the folder a case runs in, so that no path in a message tells where that is.

Left out, because it does not repeat itself:

- Packets of a live stream with a map: they depend on when each map was ready. Of those, times, key frames
  and headers are compared (``loose``); without a map, and at a pace that leaves no race, the bytes too. That
  takes encoders of one thread (``on_one_core``): several share out a bit rate by which is first. Live VP8 is
  loose always, because libvpx chooses its effort by the clock, and x265 as fast as it can, after a cut.
- Pictures of ``Preview``: at most four a second of the wall clock. Progress on stdout: likewise.
- x264 at widths that are no multiple of 128: it reads memory it never set. Other codecs take those inputs.
- ``--help``, whose words are meant to get better, and ``doctor`` and ``devices``, which tell of the machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from same_inputs import CLIPS, ODD, REAL_CLIPS, REAL_ODD

Step = Sequence[str] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """Steps that run one after the other in one folder.

    Attributes:
        name: Of the folder too.
        steps: What is run.
        loose: What packets hold varies from run to run.
        on_one_core: More threads would make it vary.
    """

    name: str
    steps: tuple[Step, ...]
    loose: bool = False
    on_one_core: bool = False


_CODECS = {
    "x264": ("mp4", "superfast"), "x265": ("mkv", "veryfast"), "vp8": ("webm", "5"), "vp9": ("webm", "8"),
    "mjpeg": ("avi", None),
}  # fmt: skip
_SOURCES = {
    "msroi": "--model msroi",
    "fast": "--model msroi-fast",
    "spectral": "--model spectral",
    "folder": "--maps ../../in/maps",
    "boxes": "--boxes ../../in/boxes.jsonl",
    "plain": "--strength 0",
}
_SIZE = ("--match", "size", "--probe", "none")
"""Every case of a video that does not say what it wants: the quickest."""
_FAST = "--preset superfast --no-preview"
_COMPRESS = {
    "crf": "--crf 20",
    "strength": "--strength 2 --background-weight 0.15 --finest -6 --coarsest 4",
    "medium": "--preset medium",
    "vectors": "--motion vectors --map-every 4 --smoothing 0.5 --movement 0",
    "focus": "--focus face=2,vehicle=0 --threshold 0.6",
    "grey video": "--maps ../../in/maps.mkv",
    "picture": "--maps ../../in/map.png --maps-hold",
    "mot": "--boxes ../../in/boxes.txt",
    "tune": "--encoder-option tune=film --encoder-option bf=0",
    "opus": "--audio opus:64k",
    "flac": "--audio flac",
    "mute": "--drop audio",
    "region": "--match region",
    "size": "--match size",
    "region estimated": "--match region --probe none",
    "json": "--json",
}
_CODEC_OPTIONS = {
    "x265 medium": "out.mp4 --codec x265 --preset medium --crf 30",
    "x265 mov": "out.mov --codec x265 --preset veryfast",
    "vp8 slow": "out.mkv --codec vp8 --preset 2 --crf 20",
    "vp9 slow": "out.mkv --codec vp9 --preset 5 --crf 30",
    "vp9 mp4": "out.mp4 --codec vp9 --preset 8",
    "mjpeg quality": "out.mov --codec mjpeg --quality 60",
    "mjpeg bitrate": "out.mkv --codec mjpeg --bitrate 3M",
    "mjpeg size": "out.avi --codec mjpeg --target-size 300k",
}
_REFUSED = {
    "crf": "--crf 99",
    "ultrafast": "--preset ultrafast",
    "codec": "--codec h266",
    "strict": "out.webm --codec vp9 --strict",
    "quality": "--quality 50",
    "two": "out.avi --codec mjpeg --quality 50 --bitrate 1M",
    "maps and boxes": "--maps ../../in/maps --boxes ../../in/boxes.txt",
    "container": "out.xyz",
    "no maps": "--maps nowhere.svmap",
    "not boxes": "--boxes ../../in/maps.mkv",
    "model": "--model nothing.onnx",
    "vp8 in mp4": "out.mp4 --codec vp8",
    "qp": "--encoder-option qp=20",
    "option": "--encoder-option nonsense=1",
    "focus": "--focus cat=1",
    "flag": "--cfr 20",
    "threads": "--threads -1",
    "audio": "--audio opus:1k",
}
_IMAGES = {
    "plain": "still.png",
    "quality": "still.png --quality 40",
    "bytes": "turned.jpg --target-bytes 9000",
    "match": "turned.jpg --quality 70 --match size",
    "full": "turned.jpg --sampling 4:4:4 --price 0.2",
    "grey": "grey.png --model msroi-fast",
    "clear": "clear.png --model spectral",
    "map": "still.png --maps ../../in/map.png",
    "boxes": "still.png --boxes ../../in/short.jsonl",
    "video": "plain.mp4",
}
_OVERLAYS = {
    "heat": "plain.mp4 -o out.mp4",
    "contour": "cut.mkv -o out.mkv --style contour",
    "blocks": "plain.mp4 -o out.mov --style blocks --numbers --legend",
    "dim": "wide.mov -o out.mp4 --style dim --opacity 0.8",
    "split": "plain.mp4 -o out.mp4 --style split --maps ../../in/maps",
    "gif": "plain.mp4 -o out.gif --every 3",
    "webp": "moving.webm -o out.webp --every 4 --size 108 --boxes ../../in/boxes.jsonl",
    "folder": "cut.mkv -o out --every 5",
    "still": "turned.jpg -o out.png",
    "turned": "rotated_aspect.mp4 -o out.gif",
    "fields": "fields.ts -o out.mkv",
    "delays": "delays.gif -o out.gif",
    "refused": "plain.mp4 -o out.jpg",
}
_MAPS = {
    "sidecar": "plain.mp4 -o out.svmap",
    "video": "cut.mkv -o out.mkv",
    "folder": "plain.mp4 -o out",
    "arrays": "moving.webm -o out.npz",
    "kvazaar": "plain.mp4 -o out.roi --match size",
    "svtav1": "plain.mp4 -o out.txt --format svtav1 --strength 2 --match size",
    "x264mod": "plain.mp4 -o out.avi --format x264mod",
    "boxes": "deep.mkv -o out.svmap --boxes ../../in/boxes.jsonl",
    "still": "turned.jpg -o out.png",
    "turned": "rotated_aspect.mp4 -o out",
    "fields": "fields.ts -o out.svmap --json",
    "refused": "plain.mp4 -o out.jpg",
}
_LIVE_OUTPUTS = ("out.mkv", "out.mp4", "out.ts", "out-%03d.ts", "out.m3u8")

_TOLD = (
    "joined.ts", "cut_off.mp4", "rotated_aspect.mp4", "hdr10.mkv", "fields.ts", "grows.ts", "tracks.mkv"
)  # fmt: skip
"""Inputs of which there is much to tell in events."""


def all_cases(inputs: Sequence[str]) -> list[Case]:
    """Return the cases whose inputs are there; names are folders, and unique."""
    cases = [
        *_clips(), *_odd(), *_options(), *_products(), *_live(), *_api(),
        *(one for one in _real() if any(name in one.name for name in inputs)),
    ]  # fmt: skip
    assert len({one.name for one in cases}) == len(cases)
    return cases


def _compress(source: str, codec: str, more: str, output: str = "out") -> tuple[str, ...]:
    suffix, preset = _CODECS[codec]
    words = ["compress", f"../../in/{source}", "-o", f"{output}.{suffix}", "--codec", codec, "--no-preview"]
    # Motion-JPEG has no presets, and takes no --match.
    return (*words, *(["--preset", preset, *_SIZE] if preset else []), *more.split())


def _clips() -> Iterator[Case]:
    for index, clip in enumerate(CLIPS):
        for codec in _CODECS:
            for kind, more in _SOURCES.items():
                if index < 2 or kind == "fast":
                    yield Case(f"{codec} {clip} {kind}", (_compress(clip, codec, more),))
    for codec in _CODECS:
        made = _compress("plain.mp4", codec, "--model msroi-fast --save-maps out.svmap")
        yield Case(f"{codec} sidecar", (made, _compress("plain.mp4", codec, "--maps out.svmap", "again")))


def _odd() -> Iterator[Case]:
    for index, name in enumerate(ODD):
        if name != "delays.gif":  # 64 pixels wide
            yield Case(f"x264 {name} odd", (_compress(name, "x264", "--model msroi-fast"),))
        codec = list(_CODECS)[1 + index % 4]
        yield Case(f"{codec} {name} odd", (_compress(name, codec, "--model spectral"),))
    yield Case("x264 fields.ts bwdif", (_compress("fields.ts", "x264", "--deinterlace bwdif"),))
    yield Case("x265 fields.ts keep", (_compress("fields.ts", "x265", "--deinterlace keep"),))
    for name in ("chapters.mp4", "ass.mkv", "telemetry.ts"):
        asked = (*_FAST.split(), *_SIZE, "--model", "spectral")
        yield Case(f"x264 {name} mov", (["compress", f"../../in/{name}", "-o", "out.mov", *asked],))


def _real() -> Iterator[Case]:
    for name in REAL_CLIPS:
        yield Case(f"x264 {name}", (_compress(name, "x264", ""),))
        yield Case(f"x265 {name}", (_compress(name, "x265", "--model msroi-fast"),))
        yield Case(f"mjpeg {name}", (_compress(name, "mjpeg", "--model msroi-fast --bitrate 4M"),))
    for index, name in enumerate(REAL_ODD):
        codec = ("vp9", "x265")[index % 2]
        yield Case(f"{codec} {name}", (_compress(name, codec, "--model msroi-fast"),))


def _options() -> Iterator[Case]:
    start = ["compress", "../../in/plain.mp4", "-o"]
    for name, more in _COMPRESS.items():
        fast = _FAST if "--preset" not in more else "--no-preview"
        wish = () if "--match" in more else _SIZE
        yield Case(f"option {name}", ([*start, "out.mkv", *fast.split(), *wish, *more.split()],))
    for name, more in _CODEC_OPTIONS.items():
        wish = () if "mjpeg" in more else _SIZE
        yield Case(f"codec {name}", ([*start, *more.split(), *wish, "--model", "msroi-fast"],))
    for name, more in _REFUSED.items():
        words = more.split() if more.startswith("out.") else ["out.mp4", *more.split()]
        yield Case(f"refused {name}", ([*start, *words],))
    yield Case("refused missing", (["compress", "nowhere.mp4"],))
    yield Case("refused exists", (_compress("plain.mp4", "x264", ""), _compress("plain.mp4", "x264", "")))
    yield Case("refused boxes beyond", (_compress("cut.mkv", "x264", "--boxes ../../in/beyond.jsonl"),))


def _products() -> Iterator[Case]:
    for name, more in _IMAGES.items():
        source, *words = more.split()
        yield Case(f"image {name}", (["image", f"../../in/{source}", "-o", "out.jpg", *words],))
    for product, table in (("overlay", _OVERLAYS), ("maps", _MAPS)):
        for name, more in table.items():
            source, *words = more.split()
            model = [] if {"--maps", "--boxes"} & set(words) else ["--model", "msroi-fast"]
            yield Case(
                f"{product} {name}", ([product, f"../../in/{source}", *words, *model, "--no-preview"],)
            )
    coded = _compress("plain.mp4", "x264", "--crf 40 --model msroi-fast")
    start = ["compare", "../../in/plain.mp4", "out.mp4", "--model", "msroi-fast"]
    few = ["--metrics", "psnr,ssim,xpsnr,weighted"]
    yield Case("compare", (coded, start, [*start, *few, "--json"], [*start, *few, "--csv", "out.csv"]))
    drawn = ["overlay", "../../in/plain.mp4", "-o", "both.mp4", "--style", "split", "--result", "out.mp4"]
    yield Case("overlay result", (coded, [*drawn, "--model", "spectral", "--every", "2"]))
    yield Case("compare refused", (["compare", "../../in/plain.mp4", "../../in/wide.mov"],))
    report = ["--report", "run.json", "--json"]
    yield Case("report", ((*coded, *report), ["report", "run.json", "-o", "page.html"]))


def _live() -> Iterator[Case]:
    for codec in _CODECS:
        words = ["stream", "../../in/cut.mkv", "out.mkv", "--codec", codec]
        yield Case(f"live {codec}", (words,), loose=True)
        plain = [*words, "--strength", "0"]
        yield Case(f"live {codec} no map", (plain,), loose=codec in {"vp8", "x265"}, on_one_core=True)
        asked: dict[str, Any] = {"call": "paced", "options": {"codec": codec, "bitrate": 400_000}}
        yield Case(f"live {codec} paced", (asked,), loose=codec == "vp8", on_one_core=True)
    for output in _LIVE_OUTPUTS:
        more = ["--sound-bitrate", "64k", "--bitrate", "500k", "--strength", "0"]
        yield Case(f"live to {output}", (["stream", "../../in/plain.mp4", output, *more],), on_one_core=True)
    wide = ["stream", "../../in/wide.mov", "out.mkv", "--size", "256x144", "--fps", "12.5", "--strength", "0"]
    yield Case("live size", ([*wide, "--record", "kept.mp4"],), on_one_core=True)
    for name in ("rotated_aspect.mp4", "fields.ts", "grows.ts", "variable.mkv"):
        words = ["stream", f"../../in/{name}", "out.mkv", "--strength", "0"]
        yield Case(f"live {name}", (words,), on_one_core=True)
    yield Case("live refused", (["stream", "../../in/plain.mp4", "out.mkv", "--preset", "ultrafast"],))


def _api() -> Iterator[Case]:
    def call(name: str, options: dict[str, Any], **more: Any) -> dict[str, Any]:
        return {"call": name, "options": options, **more}

    def path(name: str) -> str:
        return f"../../in/{name}"

    for codec, (suffix, preset) in _CODECS.items():
        wish = {"preset": preset, "match": "size", "probe": "none"} if preset else {}
        options = {"codec": codec, "model": "msroi-fast", **wish}
        asked = call("compress", options, source=path("cut.mkv"), output=f"out.{suffix}")
        own = call("compress", options, source=path("cut.mkv"), output=f"own.{suffix}", importance="blob")
        yield Case(f"python {codec}", (asked, own))
    quick = {"preset": "superfast", "match": "size", "probe": "none", "model": "spectral"}
    for name in _TOLD:
        asked = call("compress", quick, source=path(name), output="out.mp4")
        yield Case(f"python {name}", (asked, call("probe", {}, source=path(name))))
    for name, more in (
        ("crf", {"crf": 99}), ("preset", {"preset": "ultrafast"}), ("two", {"quality": 1, "bitrate": 9}),
        ("codec", {"codec": "no"}), ("strength", {"strength": 9}), ("maps", {"maps": "nowhere"}),
    ):  # fmt: skip
        yield Case(
            f"python refused {name}", (call("compress", more, source=path("plain.mp4"), output="out.mp4"),)
        )
    weighted = {"quality": 60, "background_weight": 0.2}
    asked = call("image", weighted, source=path("turned.jpg"), output="out.jpg")
    own = call("image", {}, source=path("still.png"), output="own.jpg", importance="blob")
    yield Case("python image", (asked, own))
    yield Case("python maps", (call("maps", {"map_every": 4}, source=path("cut.mkv"), output="out.svmap"),))
    drawn = {"style": "blocks", "strength": 2.0, "match": "size", "model": "spectral"}
    asked = call("overlay", drawn, source=path("cut.mkv"), output="out.mp4")
    own = call("overlay", {"every": 6}, source=path("cut.mkv"), output="out.gif", importance="blob")
    yield Case("python overlay", (asked, own))
    compared = {"metrics": ["psnr", "weighted"], "model": "spectral"}
    yield Case(
        "python compare", (call("compare", compared, source=path("plain.mp4"), test=path("plain.mp4")),)
    )
    yield Case(
        "python report", (call("report", {**quick, "crf": 30}, source=path("plain.mp4"), output="out.mp4"),)
    )
    asked = call("live", {"strength": 0.0}, source=path("cut.mkv"), output="out.mkv")
    yield Case("python live", (asked,), on_one_core=True)
