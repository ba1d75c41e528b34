"""What semvid keeps of a file: over a hundred kinds of input through every product, compared fact by fact.

    python examples/benchmark/keeps.py [--only NAME ...] [--products NAME ...] [--work FOLDER]

Each cell of the table says what became of an input (``keeps_inputs``): kept = nothing a person could miss
differs (``keeps_facts``), converted or told = what differs was named in a notice, refused = one line, the
documented exit code, and nothing left behind. ``LOST`` = something is gone or other without a word;
``FAILED`` = a crash, a hang, a traceback, or an output left behind. Neither may occur. Writes
``results/keeps.json`` and the table to ``docs/keeps.md``; exits with 1 if a cell is wrong.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from commands import Command, Outcome, run_all
from common import REPOSITORY, environment, load, save
from keeps_facts import Facts, differences, read_animation, read_facts
from keeps_inputs import INPUTS, Input, make_all

_LIMIT_SECONDS = 60.0
_MAPS = ["--model", "spectral"]
_QUICK = [*_MAPS, "--no-preview"]


@dataclass(frozen=True, slots=True)
class Product:
    """A column: ``{in}`` and ``{out}`` stand for the paths."""

    arguments: tuple[str, ...]
    suffix: str
    facts: str
    """Regular expression of the names of the facts it promises to keep."""


_ALL = r"."
_FOR_JPEG = r"^(?!video\.full_range)"
"""JPEG has full range by definition, and samples are converted to it."""
_NO_PICTURE = r"^(video\.(frames|times|end|exists)|audio|subtitle|chapter|tag|cover)"
_LENGTH = r"^video\.end$"
"""Equal pictures of an animation become one that lasts."""


def _compress(suffix: str, *options: str) -> Product:
    return Product(("compress", "{in}", "-o", "{out}", *_QUICK, *options), suffix, _ALL)


VIDEO_PRODUCTS = {
    "mp4": _compress(".mp4", "--preset", "superfast"),
    "mov": _compress(".mov", "--preset", "superfast"),
    "mkv": _compress(".mkv", "--preset", "veryfast", "--codec", "x265"),
    "webm": _compress(".webm", "--codec", "vp9", "--preset", "8"),
    "vp8": _compress(".webm", "--codec", "vp8", "--preset", "5"),
    "avi": replace(_compress(".avi", "--codec", "mjpeg"), facts=_FOR_JPEG),
    "mjpeg mov": replace(_compress(".mov", "--codec", "mjpeg"), facts=_FOR_JPEG),
    "overlay mp4": Product(("overlay", "{in}", "-o", "{out}", *_QUICK), ".mp4", _NO_PICTURE),
    "overlay gif": Product(("overlay", "{in}", "-o", "{out}", *_QUICK), ".gif", _LENGTH),
    "overlay folder": Product(("overlay", "{in}", "-o", "{out}", *_QUICK), "", r"^video\.frames$"),
    "maps": Product(("maps", "{in}", "-o", "{out}", "--json", *_QUICK), ".svmap", r"^video\.frames$"),
    "compare": Product(("compare", "{in}", "{in}", "--metrics", "psnr", "--json"), "", r"^video\.frames$"),
    "stream": Product(("stream", "{in}", "{out}", *_MAPS, "--json"), ".mkv",
                      r"^(video|audio0)\.(frames|exists)$"),
}  # fmt: skip
STILL_PRODUCTS = {
    "image": Product(("image", "{in}", "-o", "{out}", "--allow-larger", *_MAPS), ".jpg", _ALL),
    "overlay": Product(("overlay", "{in}", "-o", "{out}", *_MAPS), ".png", r"^size$"),
    "maps": Product(("maps", "{in}", "-o", "{out}", *_MAPS), ".png", r"^size$"),
}

NOT_PROMISED = re.compile(
    r"^video\.(codec|disposition|tag\.(language|alpha_mode|stereo_mode|creation_time))$"
    r"|^side data\.(cpb|display matrix)"
    r"|^audio\d+\.disposition$|\.index$"
)
"""The coded video has another codec; what is default among one stream means nothing."""

_TOLD_BY = (
    (r"^audio\d+\.start", r"a frame is repeated|frames are moved"),
    (r"^audio", r"sound|audio|stream \d"),
    (r"^subtitle", r"subtitle|stream \d"),
    (r"^data", r"data|telemetry|timecode|stream \d"),
    (r"^attachment", r"attach|stream \d"),
    (r"^cover", r"cover|picture|stream \d"),
    (r"^chapter", r"chapter"),
    (r"^video1", r"stream \d|video track"),
    (r"^video\.(frames|times|end)", r"damaged|retimed|repeat|dropped|frame rate|timestamps|delay|shown for"),
    (r"^video\.(bits|chroma)", r"converted|bits a sample|rounded|does not code"),
    (r"^video\.size", r"repeated to|scaled|does not code|size"),
    (r"^video\.alpha", r"alpha|transparen"),
    (r"^video\.(full_range|primaries|transfer)", r"range|colou?r|converted"),
    (r"^video\.(aspect|rotation)", r"aspect|turn|rotat|repeated to"),
    (r"^video\.interlaced", r"interlac|field"),
    (r"^video\.tag\.alpha_mode", r"alpha|transparen"),
    (r"^side data\.stereo", r"stereo"),
    (r"^side data\.dovi", r"Dolby Vision"),
    (r"^side data\.spherical", r"spherical|360"),
    (r"^side data\.(mastering|content)", r"HDR"),
    (r"^side data\.icc", r"ICC|profile"),
    (r"^(exif|icc|xmp|density|depth|frames)", r"EXIF|profile|XMP|density|resolution|16 bit|page|frame"),
)  # fmt: skip
_CONVERTED_SOUND = re.compile(r"(sound|audio).*(convert|becomes)", re.I)
_CODED_SOUND_SECONDS = 0.03
_BRIDGE_SECONDS = 0.1
"""What a bridge between two clocks may be off by."""
_CONVERTED = re.compile(
    r"convert|becomes|coded as|rounded|repeated to|scaled|deinterlac|flatten|laid on", re.I
)


def still_facts(path: Path) -> Facts:
    """What a person could miss of a still picture."""
    from PIL import Image, ImageOps

    with Image.open(path) as image:
        facts: Facts = {
            "frames": getattr(image, "n_frames", 1),
            "size": ImageOps.exif_transpose(image).size,
            "exif": image.getexif().get(0x010E),
            "icc": bool(image.info.get("icc_profile")),
            "xmp": bool(image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")),
            "alpha": "A" in image.mode and image.getchannel("A").getextrema()[0] < 255,
        }
        if "dpi" in image.info:
            facts["density"] = tuple(round(float(one)) for one in image.info["dpi"])
        data = path.read_bytes()[:26]
        facts["depth"] = data[24] if data.startswith(b"\x89PNG") else 8
    return {key: value for key, value in facts.items() if value not in {None, False}}


def judge(
    one: Input, source: Path, product: Product, output: Path, outcome: Outcome
) -> tuple[str, list[str]]:
    """Say what became of an input: a word for the table, and the facts or words behind it."""
    if outcome.fault:
        return "FAILED", [outcome.fault]
    left = [entry.name for entry in output.parent.iterdir() if entry != output]
    if left:
        return "FAILED", [f"left behind: {left}"]
    said = outcome.err.strip()
    if outcome.code:
        last = said.splitlines()[-1]
        if output.exists():
            return "FAILED", [f"exit code {outcome.code}, and the output exists"]
        return "refused", [f"{outcome.code}: {last}"]
    words = " ".join(said.split()) + " " + " ".join(re.findall(r'"message": "(.*?)"', outcome.out))
    if one.is_damaged and "damage" not in words:
        return "LOST", ["damage without a word"]
    before = {**(still_facts(source) if one.kind == "still" else read_facts(source)), **one.truth}
    step = before.pop("video.step", None)
    after = _facts_of(one, product, output, outcome)
    wanted = {key: value for key, value in before.items()
              if re.search(product.facts, key) and not NOT_PROMISED.search(key)}  # fmt: skip
    if one.truth:
        wanted = {
            key: value for key, value in wanted.items() if not re.search(r"\.(times|end|start|seconds)$", key)
        }
    changed = differences(wanted, after)
    if _CONVERTED_SOUND.search(words):
        # Coding sound again blurs where it begins and ends.
        loose = differences(wanted, after, tolerance=_CODED_SOUND_SECONDS)
        changed = [
            key for key in changed if key in loose or not re.search(r"^audio\d+\.(start|seconds)$", key)
        ]
    if step is not None and product.facts == _ALL:
        changed += _uneven(after, step)
    lost = [key for key in changed if not is_told(key, words)]
    if lost:
        return "LOST", [f"{key}: {short(before.get(key))} -> {short(after.get(key))}" for key in lost]
    if not changed:
        return ("told" if one.is_damaged else "kept"), []
    return ("converted" if _CONVERTED.search(words) else "told"), changed


def _uneven(after: Facts, step: float) -> list[str]:
    """Facts that show a clock that was not bridged: a long step, or pictures and sound of unlike length."""
    times = after.get("video.times", ())
    long = len(times) * step
    faults = ["video.times"] if any(b - a > 3 * step for a, b in itertools.pairwise(times)) else []
    if times and abs(after.get("video.end", 0.0) - long) > _BRIDGE_SECONDS:
        faults.append("video.end")
    if times and abs(after.get("audio0.seconds", long) - long) > _BRIDGE_SECONDS:
        faults.append("audio0.seconds")
    return faults


def _facts_of(one: Input, product: Product, output: Path, outcome: Outcome) -> Facts:
    if one.kind == "still":
        return still_facts(output)
    if output.suffix == ".gif":
        return read_animation(output)
    if output.suffix == ".svmap":
        return {"video.frames": json.loads(outcome.out)["num_frames"]}
    if product.arguments[0] == "compare":
        return {"video.frames": len(json.loads(outcome.out)["times"])}
    if not output.suffix:
        return {"video.frames": sum(entry.suffix == ".png" for entry in output.iterdir())}
    return read_facts(output)


def is_told(key: str, words: str) -> bool:
    """Whether notices name a fact that changed."""
    for pattern, told in _TOLD_BY:
        if re.search(pattern, key) and re.search(told, words, re.I):
            return True
    name = key.rpartition(".")[2]
    return name in words or ("tag" in key and bool(re.search(rf"tag.*{re.escape(name)}", words, re.I)))


def short(value: object) -> str:
    """Of a fact, for a line of text."""
    text = str(value)
    return text if len(text) < 120 else text[:117] + "..."


def _commands(inputs: list[tuple[Input, Path]], products: set[str], work: Path) -> Iterator[Command]:
    for index, (one, source) in enumerate(inputs):
        table = VIDEO_PRODUCTS if one.kind == "video" else STILL_PRODUCTS
        for name, product in table.items():
            if products and name not in products:
                continue
            folder = work / f"{index:03d}-{name.replace(' ', '-')}"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            output = folder / f"out{product.suffix}"
            # Names like -o.mp4 are given as people must: with their folder, or after --.
            arguments = [word.replace("{in}", str(source)).replace("{out}", str(output))
                         for word in product.arguments]  # fmt: skip
            yield Command(arguments, source.parent, (one, source, name, product, output))


def main() -> int:
    """Run everything, write the table, return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", help="names of inputs")
    parser.add_argument("--products", nargs="*", default=[], help="names of columns")
    parser.add_argument("--work", type=Path, help="keep inputs and outputs there")
    parser.add_argument("--update", action="store_true", help="put the cells that were run into the table")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = options.work or Path(temporary)
        inputs = make_all(work / "inputs", set(options.only) if options.only else None)
        cells = []
        for command, outcome in run_all(
            _commands(inputs, set(options.products), work / "outputs"),
            workers=options.workers, limit_seconds=_LIMIT_SECONDS,
        ):  # fmt: skip
            one, source, name, product, output = command.key
            word, why = judge(one, source, product, output, outcome)
            why = [text.replace(f"{work}/", "") for text in why]
            cells.append({"input": one.name, "theme": one.theme, "kind": one.kind, "product": name,
                          "result": word, "why": why})  # fmt: skip
            if word in {"LOST", "FAILED"}:
                print(f"{word}: {one.name!r} -> {name}: {'; '.join(why)}", flush=True)
                print("   said:", short(outcome.err.strip())[:400], flush=True)
            if options.work is None:
                shutil.rmtree(output.parent, ignore_errors=True)
    print(len(inputs), "inputs,", len(cells), "cells:", dict(Counter(cell["result"] for cell in cells)))
    if options.update:
        run = {(cell["input"], cell["product"]) for cell in cells}
        kept = [cell for cell in load("keeps")["cells"] if (cell["input"], cell["product"]) not in run]
        order = [one.name for one in INPUTS]
        cells = sorted(kept + cells, key=lambda cell: order.index(cell["input"]))
    counts = Counter(cell["result"] for cell in cells)
    if options.update or not (options.only or options.products):
        save("keeps", {"counts": counts, "cells": cells})
        (REPOSITORY / "docs" / "keeps.md").write_text(page(cells, counts), encoding="utf-8")
    return int(bool(counts["LOST"] or counts["FAILED"]))


def page(cells: list[dict[str, object]], counts: Counter[str]) -> str:
    """The table as Markdown, and under it the notices and refusals in full."""
    made_with = environment()
    lines = [
        "# What semvid keeps", "",
        "Made by `examples/benchmark/keeps.py` with PyAV "
        f"{made_with['av']}: {len({one['input'] for one in cells})} inputs, {len(cells)} cells, "
        + ", ".join(f"{number} {word}" for word, number in sorted(counts.items())) + ".", "",
        "kept: nothing a person could miss differs. converted, told: what differs was named in a notice. "
        "refused: one line that names the remedy, and nothing left behind.", "",
    ]  # fmt: skip
    for kind, products in (("video", VIDEO_PRODUCTS), ("still", STILL_PRODUCTS)):
        lines += [f"| {kind} | " + " | ".join(products) + " |", "|---" * (len(products) + 1) + "|"]
        rows: dict[tuple[str, str], dict[str, str]] = {}
        for cell in cells:
            if cell["kind"] == kind:
                row = rows.setdefault((str(cell["input"]), str(cell["theme"])), {})
                row[str(cell["product"])] = str(cell["result"])
        for (name, theme), row in rows.items():
            safe = (
                name.encode("ascii", "backslashreplace")
                .decode()
                .replace("\x1b", "\\x1b")
                .replace("\x07", "\\a")
            )
            safe = safe if len(safe) < 40 else safe[:20] + "..."
            lines.append(f"| {theme} (`{safe}`) | " + " | ".join(row.get(one, "") for one in products) + " |")
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
