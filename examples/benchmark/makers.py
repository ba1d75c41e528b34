"""Ways to make small files: the packaged FFmpeg with chosen options, Pillow, and bytes put together by hand.

A maker is a function that is given the path to write.
"""

from __future__ import annotations

import io
import struct
import subprocess
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import numpy as np
from PIL import Image, PngImagePlugin

Maker = Callable[[Path], None]

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
PICTURES = "testsrc2=s=128x96:r=25:d=1"
SOUND = "sine=f=440:r=48000:d=1"
H264 = "-c:v libx264 -preset veryfast -g 12"


def run(arguments: str, path: Path, *, folder: Path | None = None) -> None:
    """Run the packaged FFmpeg with ``arguments``, split at blanks; ``~`` stands for a blank in a word."""
    words = [word.replace("~", " ") for word in arguments.split()]
    done = subprocess.run(
        [FFMPEG, "-v", "error", "-nostdin", "-y", *words, f"file:{path}"],
        cwd=folder or path.parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{path.name}: {done.stderr.strip()}")


def ffmpeg(options: str, *, pictures: str = PICTURES, sound: str | None = None) -> Maker:
    """A maker: test pictures, and a tone where ``sound`` is given, coded with ``options``."""
    inputs = f"-f lavfi -i {pictures}" + (f" -f lavfi -i {sound}" if sound else "")
    return lambda path: run(f"{inputs} {options}", path)


def with_files(files: Mapping[str, bytes], arguments: str) -> Maker:
    """A maker that needs other files beside it while it works."""

    def make(path: Path) -> None:
        for name, data in files.items():
            (path.parent / name).write_bytes(data)
        try:
            run(arguments, path)
        finally:
            for name in files:
                (path.parent / name).unlink()

    return make


SRT = (
    b"1\n00:00:00,100 --> 00:00:00,400\nfirst <i>line</i>\n\n2\n00:00:00,500 --> 00:00:00,900\nsecond\nline\n"
)
ASS = (
    b"[Script Info]\nScriptType: v4.00+\nPlayResX: 128\nPlayResY: 96\n\n[V4+ Styles]\n"
    b"Format: Name, Fontname, Fontsize, PrimaryColour\nStyle: Default,Arial,12,&H00FFFFFF\n\n"
    b"[Events]\nFormat: Layer, Start, End, Style, Text\n"
    b"Dialogue: 0,0:00:00.10,0:00:00.40,Default,{\\b1}first{\\b0}\n"
    b"Dialogue: 0,0:00:00.50,0:00:00.90,Default,second\\Nline\n"
)
CHAPTERS = (
    b";FFMETADATA1\ntitle=A film\nartist=Somebody\n[CHAPTER]\nTIMEBASE=1/1000\nSTART=0\nEND=400\ntitle=One\n"
    b"[CHAPTER]\nTIMEBASE=1/1000\nSTART=400\nEND=1000\ntitle=Two\n"
)
AV = f"-f lavfi -i {PICTURES} -f lavfi -i {SOUND}"


def sup() -> bytes:
    """A Blu-ray subtitle (PGS): a white 16x8 block shown from 0.2 to 0.8 s."""

    def segment(seconds: float, kind: int, data: bytes) -> bytes:
        return b"PG" + struct.pack(">IIBH", round(seconds * 90_000), 0, kind, len(data)) + data

    line = bytes([0x00, 0x80 | 16, 1, 0x00, 0x00])
    pixels = line * 8
    picture = (
        struct.pack(">HBB", 0, 0, 0xC0) + (len(pixels) + 4).to_bytes(3, "big") + struct.pack(">HH", 16, 8)
    )
    shown = struct.pack(">HHBHBBBB", 128, 96, 0x10, 0, 0x80, 0, 0, 1) + struct.pack(">HBBHH", 0, 0, 0, 10, 10)
    hidden = struct.pack(">HHBHBBBB", 128, 96, 0x10, 1, 0x00, 0, 0, 0)
    window = bytes([1]) + struct.pack(">BHHHH", 0, 10, 10, 16, 8)
    palette = bytes([0, 0]) + bytes([1, 235, 128, 128, 255])
    return (
        segment(0.2, 0x16, shown) + segment(0.2, 0x17, window) + segment(0.2, 0x14, palette)
        + segment(0.2, 0x15, picture + pixels) + segment(0.2, 0x80, b"")
        + segment(0.8, 0x16, hidden) + segment(0.8, 0x17, window) + segment(0.8, 0x80, b"")
    )  # fmt: skip


def png(size: tuple[int, int] = (32, 32), mode: str = "RGB") -> bytes:
    """A PNG as bytes."""
    file = io.BytesIO()
    Image.fromarray(texture(*size)).convert(mode).save(file, "PNG")
    return file.getvalue()


def texture(width: int, height: int) -> np.ndarray:
    """A picture of ramps, ``(height, width, 3)``."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 5 % 256, columns * 3 % 256, (rows + columns) * 2 % 256], -1).astype(np.uint8)


def joined(first: str, second: str) -> Maker:
    """Two transport streams, one after the other in one file."""

    def make(path: Path) -> None:
        parts = []
        for index, arguments in enumerate((first, second)):
            part = path.with_name(f"part{index}.ts")
            run(arguments, part)
            parts.append(part.read_bytes())
            part.unlink()
        path.write_bytes(b"".join(parts))

    return make


def cut(maker: Maker, share: float) -> Maker:
    """A maker whose file breaks off after ``share`` of its bytes."""

    def make(path: Path) -> None:
        maker(path)
        data = path.read_bytes()
        path.write_bytes(data[: int(len(data) * share)])

    return make


def scratched(maker: Maker, start: float, length: int) -> Maker:
    """Overwrite some bytes in the middle with noise."""

    def make(path: Path) -> None:
        maker(path)
        data = bytearray(path.read_bytes())
        at = int(len(data) * start)
        data[at : at + length] = np.random.default_rng(0).bytes(length)
        path.write_bytes(data)

    return make


def gif(milliseconds: list[int]) -> Maker:
    """A maker of a GIF whose frames are shown so long each."""

    def make(path: Path) -> None:
        pictures = [Image.fromarray(np.roll(texture(64, 48), 7 * i, 1)) for i in range(len(milliseconds))]
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=milliseconds, loop=0)

    return make


def animated(kind: str) -> Maker:
    """A maker of five frames in a format of Pillow's that moves."""

    def make(path: Path) -> None:
        pictures = [Image.fromarray(np.roll(texture(64, 48), 7 * i, 1)) for i in range(5)]
        pictures[0].save(path, kind, save_all=True, append_images=pictures[1:], duration=100)

    return make


def last_frame_long(path: Path) -> None:
    """The last sample of an mp4 lasts as long as its entry in the sample table says: 5 s."""
    run(f"-f lavfi -i {PICTURES} -bsf:v setts=duration=if(eq(N\\,24)\\,5/TB\\,DURATION) {H264} -bf 0", path)


def variable(path: Path) -> None:
    """Frame times of an uneven beat."""
    run(f"-f lavfi -i {PICTURES} -vf setpts=(N+0.6*mod(N\\,3))/25/TB -fps_mode vfr {H264}", path)


def box(kind: bytes, data: bytes) -> bytes:
    """A box of an mp4."""
    return struct.pack(">I", len(data) + 8) + kind + data


def spherical(path: Path) -> None:
    """An mp4 with the boxes of a 360 degree video (``st3d`` and ``sv3d``) in its sample entry."""
    run(f"-f lavfi -i {PICTURES} {H264} -f mp4", path)
    data = path.read_bytes()
    projection = box(b"proj", box(b"prhd", bytes(16)) + box(b"equi", bytes(20)))
    extra = box(b"st3d", bytes(4) + b"\x01") + box(b"sv3d", box(b"svhd", bytes(4) + b"maker\0") + projection)
    at = data.index(b"avcC") - 4
    at += struct.unpack(">I", data[at : at + 4])[0]
    data = data[:at] + extra + data[at:]
    # moov lies behind mdat: chunk offsets stay, only the boxes around grow.
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        place = data.index(name, data.index(b"moov")) - 4
        size = struct.unpack(">I", data[place : place + 4])[0] + len(extra)
        data = data[:place] + struct.pack(">I", size) + data[place + 4 :]
    path.write_bytes(data)


def pillow(mode: str = "RGB", **save: Any) -> Maker:
    """A maker of a still in a mode of Pillow's; ``save`` goes to its ``save``."""
    return lambda path: Image.fromarray(texture(96, 64)).convert(mode).save(path, **save)


def exif(orientation: int) -> bytes:
    """EXIF with an orientation and a title."""
    tags = Image.Exif()
    tags[0x0112], tags[0x010E] = orientation, "a picture"
    return tags.tobytes()


def deep_png(path: Path) -> None:
    """16 bits a sample in three channels, which Pillow cannot write."""
    samples = (texture(96, 64).astype(np.uint16) * 257).astype(">u2")
    raw = b"".join(b"\0" + row.tobytes() for row in samples)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 96, 64, 16, 2, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


def png_text(path: Path) -> None:
    """A PNG with XMP and a density."""
    text = PngImagePlugin.PngInfo()
    text.add_itxt("XML:com.adobe.xmp", "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf/></x:xmpmeta>")
    Image.fromarray(texture(96, 64)).save(path, pnginfo=text, dpi=(300, 300))


def many_pages(path: Path) -> None:
    """A TIFF of three pages."""
    pages = [Image.fromarray(np.roll(texture(64, 48), 9 * i, 1)) for i in range(3)]
    pages[0].save(path, save_all=True, append_images=pages[1:])


def exif_video(path: Path) -> None:
    """Motion-JPEG whose first picture carries EXIF, as cameras write it."""
    files = []
    for index in range(5):
        one = path.with_name(f"exif{index}.jpg")
        Image.fromarray(np.roll(texture(64, 48), 7 * index, 1)).save(one, exif=exif(1), quality=90)
        files.append(one)
    try:
        run("-framerate 25 -i exif%d.jpg -c copy", path)
    finally:
        for one in files:
            one.unlink()
