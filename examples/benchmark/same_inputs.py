"""The inputs of ``same.py``: small videos and stills made on the spot, and parts of real ones.

Widths are multiples of 128: at others libx264 reads memory it never set, and repeats itself only mostly. One
thread codes each, for the same reason.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from common import data_folder
from keeps_inputs import make_all
from makers import run, texture
from PIL import Image

NUM_FRAMES = 24
_BALL = "testsrc2=s=384x216:r=25:d=0.96"
_TONE = "sine=f=440:r=48000:d=0.96"
_EXACT = "-fflags +bitexact -flags:v +bitexact -flags:a +bitexact -threads 1"
_CUT = (
    "testsrc2=s=384x216:r=25:d=0.48[a];mandelbrot=s=384x216:r=25:start_scale=1:end_scale=0.1:end_pts=24,"
    "trim=end=0.48,setsar=1[b];[a][b]concat"
)
_MOVING = (
    "smptehdbars=s=384x216:r=25:d=0.96,drawbox=x=20+240*t:y=60:w=70:h=90:c=orange:t=fill,"
    "drawbox=x=40+240*t:y=80:w=20:h=20:c=black:t=fill"
)
CLIPS = {
    "plain.mp4": f"-f lavfi -i {_BALL} -f lavfi -i {_TONE} -c:v libx264 -preset veryfast -g 12 -c:a aac",
    "cut.mkv": f"-f lavfi -i {_CUT} -f lavfi -i {_TONE} -c:v libx264 -preset veryfast -g 48 -c:a libopus",
    "moving.webm": f"-f lavfi -i {_MOVING} -f lavfi -i {_TONE} -c:v libvpx-vp9 -deadline realtime "
                   "-cpu-used 8 -c:a libvorbis",
    "deep.mkv": "-f lavfi -i mandelbrot=s=384x216:r=25:end_pts=24 -t 0.96 -c:v libx265 -preset ultrafast "
                "-pix_fmt yuv420p10le -x265-params log-level=none:pools=1",
    "wide.mov": f"-f lavfi -i {_MOVING.replace('384x216', '640x360')} -f lavfi -i {_TONE} -c:v prores_ks "
                "-c:a pcm_s16le",
    "old.avi": f"-f lavfi -i {_BALL} -f lavfi -i {_TONE} -c:v mpeg4 -bf 2 -q:v 4 -c:a libmp3lame",
}  # fmt: skip
"""The six clips: as FFmpeg makes them."""
ODD = (
    "below_zero.mov", "joined.ts", "edit_list.mp4", "delays.gif", "last_long.mp4", "variable.mkv",
    "repeated.mkv", "cut_off.mp4", "scratched.avi", "sound_51.mkv", "dvb.ts", "tracks.mkv",
    "chapters.mp4", "ass.mkv", "attachment.mkv", "cover_png.mp4", "timecode.mov", "telemetry.ts",
    "rotated_aspect.mp4", "stereo.mkv", "hdr10.mkv", "full_range.mp4", "alpha.webm", "chroma_444.mkv",
    "grey.mkv", "fields.ts", "grows.ts",
)  # fmt: skip
"""Of the inputs of ``keeps.py``: time, damage, sound, tracks, tags, shape, colour, fields."""
REAL_CLIPS = ("bunny_720p_audio.mp4", "cars_432p_audio.mp4", "dog_720p.mp4", "signer_480p_fullrange.mkv")
REAL_ODD = (
    "SAR-2by3.mp4", "discard_first_keyframe.mp4", "h264_10bits.mp4", "nasa_13013_rotated.mp4",
    "sample_opus.mp4", "test_yuv422p.mp4", "testsrc2_odd_height_and_width_444.mp4",
    "testsrc_with_attachment.mkv", "webvtt.mkv", "dolbyVision-hdr.MOV", "sample_with_ssa_subtitles.mkv",
    "subsample_encrypted_altref.webm",
)  # fmt: skip


def make_inputs(folder: Path) -> list[str]:
    """Write all inputs, and return their names."""
    folder.mkdir()
    for name, options in CLIPS.items():
        run(f"{options} {_EXACT}", folder / name)
    for one, path in make_all(folder / "made", set(ODD)):
        path.rename(folder / one.name)
    shutil.rmtree(folder / "made")
    _make_stills(folder)
    _make_maps(folder)
    for name, parts in (("clips", REAL_CLIPS), ("odd", REAL_ODD)):
        for part in parts if has_data() else ():
            source = data_folder() / name / part
            if name == "odd":
                shutil.copyfile(source, folder / part)
            else:
                run(f"-i {source} -t 0.5 -c copy {_EXACT}", folder / part)
    return sorted(path.name for path in folder.iterdir())


def has_data() -> bool:
    """Say whether the shared test material is there."""
    try:
        return data_folder().is_dir()
    except SystemExit:
        return False


def _make_stills(folder: Path) -> None:
    picture = Image.fromarray(texture(300, 200))
    picture.paste((250, 180, 40), (90, 60, 150, 140))
    picture.save(folder / "still.png", dpi=(144, 144))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "A picture"
    picture.save(folder / "turned.jpg", quality=92, exif=exif)
    picture.convert("L").save(folder / "grey.png")
    see_through = picture.convert("RGBA")
    see_through.putalpha(128)
    see_through.save(folder / "clear.png")


def _make_maps(folder: Path) -> None:
    """The same moving spot as a folder of PNGs, a grey video, one picture, and boxes of two kinds."""
    pictures = folder / "maps"
    pictures.mkdir()
    rows, columns = np.mgrid[:54, :96]
    lines, mot = [], []
    for index in range(NUM_FRAMES):
        spot = np.hypot(columns - 12 - 3 * index, rows - 27) / 14
        grey = np.clip(255 * (1.3 - spot), 0, 255).astype(np.uint8)
        Image.fromarray(grey).save(pictures / f"{index:04d}.png")
        box = [20 + 10 * index, 60, 70, 90]
        lines.append(json.dumps({"frame": index, "box": box, "class": "person", "score": 0.9}))
        mot.append(",".join(map(str, (index + 1, 1, *box, 1))))
    shutil.copyfile(pictures / "0010.png", folder / "map.png")
    (folder / "boxes.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "boxes.txt").write_text("\n".join(mot) + "\n")
    (folder / "beyond.jsonl").write_text(lines[0].replace('"frame": 0', '"frame": 9000') + "\n")
    (folder / "short.jsonl").write_text(lines[0] + "\n")
    run("-framerate 25 -i maps/%04d.png -c:v ffv1 " + _EXACT, folder / "maps.mkv", folder=folder)
