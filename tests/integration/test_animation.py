"""GIF and WebP: every picture, its time, its colours; one picture in memory, and no file before it is whole."""

import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from clips import make_clip
from PIL import Image

import semvid
from semvid.core.errors import OutputError
from semvid.core.events import Progress
from semvid.media.writing.animation import Animation
from semvid.media.writing.claim import Claim

SUFFIXES = (".gif", ".webp")
RED, GREEN, BLUE = (0, 0, 255), (0, 255, 0), (255, 0, 0)
"""As BGR."""


def flat(bgr, size=(48, 32)):
    return np.full((size[1], size[0], 3), bgr, np.uint8)


def animate(output, shown, end):
    with Animation(output, overwrite=False) as animation:
        for picture, seconds in shown:
            animation.add(picture, Fraction(seconds))
        assert animation.finish(Fraction(end)) == output.stat().st_size
    return output


def read(path):
    """Milliseconds of each picture, and the colour of its middle as BGR."""
    with Image.open(path) as image:
        assert image.info.get("loop", 0) == 0
        found = []
        for index in range(image.n_frames):
            image.seek(index)
            image.load()
            middle = (image.width // 2, image.height // 2)
            found.append((image.info.get("duration", 0), image.convert("RGB").getpixel(middle)[::-1]))
    return [one for one, _ in found], [one for _, one in found]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("size", [(1, 1), (2, 1), (3, 200)])
def test_times_and_colours_are_those_of_the_pictures(suffix, size, tmp_path):
    colours, times = (RED, BLUE, GREEN, (9, 9, 9)), ("0.1", "0.2", "0.6", "0.65")
    shown = [(flat(one, size), when) for one, when in zip(colours, times, strict=True)]
    durations, found = read(animate(tmp_path / f"out{suffix}", shown, "1.65"))
    assert durations == [100, 400, 50, 1000]
    assert np.abs(np.subtract(found, colours)).max() <= 3


def test_players_of_ffmpeg_see_the_same_gif(tmp_path):
    shown = [(flat(one), when) for one, when in ((RED, "0"), (BLUE, "0.1"), (GREEN, "0.5"))]
    with av.open(str(animate(tmp_path / "out.gif", shown, "1.55"))) as container:
        frames = list(container.decode(video=0))
        assert [(one.pts, one.duration) for one in frames] == [(0, 10), (10, 40), (50, 105)]
        assert [one.to_ndarray(format="bgr24")[9, 9].tolist() for one in frames] == list(
            map(list, (RED, BLUE, GREEN))
        )


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_times_do_not_drift_and_each_picture_has_one(suffix, tmp_path):
    shown = [(flat((index * 8, 0, 0)), Fraction(index, 30)) for index in range(31)]
    durations, _ = read(animate(tmp_path / f"thirty{suffix}", shown, Fraction(31, 30)))
    assert len(durations) == 31
    assert abs(sum(durations) - 31_000 / 30) <= 5
    shown = [(flat(RED), 0), (flat(GREEN), 0), (flat(BLUE), 1)]
    durations, _ = read(animate(tmp_path / f"same{suffix}", shown, 1))
    tick = 10 if suffix == ".gif" else 1
    assert durations == [tick, 1000 - tick, tick]


@pytest.mark.parametrize(("suffix", "longest"), [(".gif", 655_350), (".webp", 16_777_215)])
def test_a_picture_shown_longer_than_the_format_can_say_is_repeated(suffix, longest, tmp_path):
    long = Fraction(2 * longest + 70, 1000)
    shown = [(flat(RED), 0), (flat(GREEN), 1), (flat(BLUE), 1 + long)]
    durations, colours = read(animate(tmp_path / f"out{suffix}", shown, 2 + 2 * long))
    assert durations == [1000, longest, longest, 70, longest, longest, 1070]
    assert [np.argmax(one) for one in colours] == [2, 1, 1, 1, 0, 0, 0]
    with pytest.raises(OutputError, match=r"s at most, and one should be shown for .* write to \.mp4"):
        animate(tmp_path / f"years{suffix}", [(flat(RED), 0), (flat(GREEN), 10**9)], 10**9 + 1)
    assert [one.name for one in tmp_path.iterdir()] == [f"out{suffix}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_pictures_that_repeat_are_one_that_lasts(suffix, tmp_path):
    shown = [(flat(RED), 0), (flat(RED), "0.2"), (flat(GREEN), "0.4"), (flat(GREEN), "0.6")]
    assert read(animate(tmp_path / f"out{suffix}", shown, 1))[0] == [400, 600]
    still = animate(tmp_path / f"still{suffix}", shown[:2], 1)
    with Image.open(still) as image:
        assert image.n_frames == 1


@pytest.mark.parametrize(("suffix", "worst"), [(".gif", 30), (".webp", 36)])
def test_a_picture_of_many_colours_looks_as_it_did(suffix, worst, tmp_path):
    columns, lines = np.meshgrid(np.linspace(0, 255, 128), np.linspace(0, 255, 96))
    pictures = [np.stack([columns, lines, np.full_like(lines, one)], -1).astype(np.uint8) for one in (0, 200)]
    output = animate(tmp_path / f"out{suffix}", [(pictures[0], 0), (pictures[1], 1)], 2)
    with Image.open(output) as image:
        for index, picture in enumerate(pictures):
            image.seek(index)
            error = np.asarray(image.convert("RGB"), float)[..., ::-1] - picture
            assert 20 * np.log10(255 / np.sqrt((error**2).mean())) > worst


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_is_taken_while_pictures_are_drawn(suffix, tmp_path):
    source = make_clip(tmp_path / "in.mkv", width=64, height=48, num_frames=4)
    output, refused = tmp_path / f"out{suffix}", []

    def look(event):
        if isinstance(event, Progress):
            assert not output.exists()
            with pytest.raises(OutputError, match="another run of semvid"):
                Claim(output, overwrite=True)
            refused.append(event)

    semvid.export_overlay(
        source, output, semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), every=2), on_event=look
    )
    assert len(refused) == 4
    assert sorted(one.name for one in tmp_path.iterdir()) == ["in.mkv", output.name]
    assert len(read(output)[0]) == 2


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_nothing_is_left_of_what_failed(suffix, tmp_path):
    output = tmp_path / f"out{suffix}"
    most = 65535 if suffix == ".gif" else 16383
    with pytest.raises(OutputError, match=f"takes {most} pixels a side at most"):
        animate(output, [(np.zeros((1, most + 1, 3), np.uint8), 0)], 1)
    with pytest.raises(RuntimeError), Animation(output, overwrite=False) as animation:
        animation.add(flat(RED), Fraction(0))
        animation.add(flat(BLUE), Fraction(1))
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def peak_and_files(suffix, folder, num_pictures, limit=""):
    script = (
        "import resource, sys\n"
        "from fractions import Fraction\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from semvid.media.writing.animation import Animation\n"
        "from semvid.core.errors import OutputError\n"
        f"{limit}\n"
        "picture = np.random.default_rng(0).choice(np.arange(0, 256, 51, np.uint8), (120, 160, 1))\n"
        "picture = picture.repeat(3, 2)\n"
        "try:\n"
        "    with Animation(Path(sys.argv[1]), overwrite=False) as animation:\n"
        f"        for index in range({num_pictures}):\n"
        "            animation.add(np.roll(picture, index, 1), Fraction(index, 25))\n"
        "        animation.finish(Fraction(index + 1, 25))\n"
        "except OutputError as error:\n"
        "    print(error)\n"
        "else:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    output = folder / f"{num_pictures}{suffix}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", script, str(output)], capture_output=True, text=True, check=True
    )
    return done.stdout, output


@pytest.mark.skipif(sys.platform == "win32", reason="has no getrusage")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_memory_does_not_grow_with_the_number_of_pictures(suffix, tmp_path):
    few, _ = peak_and_files(suffix, tmp_path, 20)
    many, output = peak_and_files(suffix, tmp_path, 400)
    # As they come 380 pictures more are 22 MB; the unit is 1 KiB, on macOS a byte.
    unit = 1 if sys.platform == "darwin" else 1024
    assert (int(many) - int(few)) * unit < 8_000_000
    assert read(output)[0] == [40] * 400


@pytest.mark.skipif(sys.platform == "win32", reason="has no limits")
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_full_disk_is_told_and_nothing_is_left(suffix, tmp_path):
    for bytes_left in (3, 20_000):
        limit = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({bytes_left}, {bytes_left}))"
        said, _ = peak_and_files(suffix, tmp_path, 6, limit)
        assert "cannot be written: " in said
        assert "nothing was left behind" in said
        assert not list(tmp_path.iterdir())
