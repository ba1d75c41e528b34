"""``semvid image`` with folders: names, order, failures; sizes, metadata, and what would become larger."""

import json
import os
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import cv2
import numpy as np
import pytest
from clips import texture
from PIL import Image, ImageCms, ImageOps
from terminal import Screen, run_in_terminal

import semvid
from semvid.core.errors import ConfigError, InputError, InputMissingError, MissedError, OutputError
from semvid.core.events import Compressed, Failed, Finished, Listed, Notice

SPECTRAL = semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral"))
PROGRAM = [sys.executable, "-P", "-c", "from semvid.cli.main import run; run()"]
_BUILT = Image.Exif()
_BUILT[0x0112], _BUILT[0x010F] = 6, "Camera"
_BUILT[0x8825] = {1: "N", 2: (48.0, 51.0, 29.5)}
_BUILT[0x8769] = {0xA002: 160, 0xA003: 96}
EXIF = Image.Exif()
EXIF.load(_BUILT.tobytes())


def picture(width=160, height=96, seed=0):
    smooth = cv2.GaussianBlur(np.stack([texture(width, height, seed + i) for i in range(3)], -1), (0, 0), 1)
    return Image.fromarray(smooth)


def tree(folder):
    return {str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file()}


def run(*arguments, folder, **options):
    return subprocess.run(
        [*PROGRAM, "image", *map(str, arguments), "--model", "spectral"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False, **options,
    )  # fmt: skip


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    (folder / "sub" / "deep").mkdir(parents=True)
    for number, name in enumerate(("b.png", "a.png", "sub/c.tiff", "sub/deep/d.jpg")):
        picture(seed=number).save(folder / name, **({"quality": 97} if name.endswith("jpg") else {}))
    return folder


def test_a_folder_keeps_its_structure_whatever_the_number_of_workers(photos, tmp_path):
    events = []
    result = semvid.compress_images([photos], config=SPECTRAL, jobs=3, on_event=events.append)
    made = tmp_path / "photos.semvid"
    assert tree(made) == {"a.jpg", "b.jpg", "sub/c.jpg", "sub/deep/d.jpg"}
    assert [one.source.name for one in result.done] == ["a.png", "b.png", "c.tiff", "d.jpg"]
    assert (result.failed, result.passed_over) == ((), {})
    assert [type(one) for one in events] == [Listed, *[Compressed] * 4, Finished]
    assert (events[0].num_images, events[-1].num_done, events[-1].output_bytes) == (4, 4, result.output_bytes)
    assert result.output_bytes == sum(one.stat().st_size for one in made.rglob("*.jpg"))
    semvid.compress_images([photos], tmp_path / "again" / "here", SPECTRAL, jobs=1)
    for name in tree(made):
        alone = semvid.compress_image(
            next(one.source for one in result.done if one.output == made / name), tmp_path / "one.jpg",
            replace(SPECTRAL, overwrite=True),
        )  # fmt: skip
        assert (made / name).read_bytes() == (tmp_path / "again" / "here" / name).read_bytes()
        assert (made / name).read_bytes() == alone.output.read_bytes()


def test_networks_give_the_same_maps_in_all_threads(photos, tmp_path):
    config = semvid.ImageConfig(maps=semvid.MapsConfig(model="msroi-fast"))
    for workers in (1, 4):
        semvid.compress_images([photos], tmp_path / str(workers), config, jobs=workers)
    for name in tree(tmp_path / "1"):
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "4" / name).read_bytes()


def test_files_go_beside_themselves_and_folders_under_their_names(photos, tmp_path):
    semvid.compress_images([photos / "a.png", photos / "b.png"], config=SPECTRAL)
    assert {"a.semvid.jpg", "b.semvid.jpg"} < tree(photos)
    other = tmp_path / "other"
    other.mkdir()
    picture().save(other / "a.png")
    semvid.compress_images([photos / "sub", other, photos / "b.png"], tmp_path / "out", SPECTRAL)
    assert tree(tmp_path / "out") == {"sub/c.jpg", "sub/deep/d.jpg", "other/a.jpg", "b.jpg"}


def test_an_output_folder_among_the_sources_is_not_read_again(photos):
    for _ in range(2):
        result = semvid.compress_images([photos], photos / "small", replace(SPECTRAL, overwrite=True))
        assert len(result.done) == 4
    assert "small/small/a.jpg" not in tree(photos)


def test_names_that_clash_keep_their_endings(photos, tmp_path):
    picture(seed=5).save(photos / "A.webp", quality=99)
    picture(seed=6).save(photos / "b.jpg", quality=97)
    result, notices = None, []
    result = semvid.compress_images(
        [photos], tmp_path / "out", SPECTRAL, on_event=lambda one: notices.append(getattr(one, "message", ""))
    )
    assert not result.failed
    assert {"A.webp.jpg", "a.png.jpg", "b.png.jpg", "b.jpg"} < tree(tmp_path / "out")
    (told,) = filter(None, notices)
    assert told.startswith("3 outputs have the source's ending in the name too, as in A.webp.jpg")


def test_what_cannot_be_named_is_refused_before_anything_is_done(photos, tmp_path):
    (tmp_path / "other").mkdir()
    picture().save(tmp_path / "other" / "a.png")
    with pytest.raises(ConfigError, match=r"photos/a\.png and .*other/a\.png would both become"):
        semvid.compress_images([photos / "a.png", tmp_path / "other" / "a.png"], tmp_path / "out", SPECTRAL)
    with pytest.raises(OutputError, match="is a source itself"):
        semvid.compress_images([photos], photos, SPECTRAL)
    with pytest.raises(OutputError, match="names one picture"):
        semvid.compress_images([photos], tmp_path / "out.jpg", SPECTRAL)
    with pytest.raises(OutputError, match="is a file"):
        semvid.compress_images([photos], photos / "a.png", SPECTRAL)
    with pytest.raises(InputMissingError):
        semvid.compress_images([photos, tmp_path / "none"], tmp_path / "out", SPECTRAL)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no picture was found"):
        semvid.compress_images([tmp_path / "empty"], tmp_path / "out", SPECTRAL)
    with pytest.raises(ConfigError, match="`jobs=0`"):
        semvid.compress_images([photos], tmp_path / "out", SPECTRAL, jobs=0)
    with pytest.raises(ConfigError, match="are for one picture, and there are 4"):
        semvid.compress_images(
            [photos], tmp_path / "out", semvid.ImageConfig(maps=semvid.MapsConfig(path=photos / "a.png"))
        )
    assert not (tmp_path / "out").exists()


def test_a_source_is_never_the_output_of_another(photos):
    picture().save(photos / "sub" / "a.jpg")
    before = (photos / "sub" / "a.jpg").read_bytes()
    with pytest.raises(OutputError, match=r"sub/a\.jpg is one of the sources"):
        semvid.compress_images(
            [photos / "a.png", photos / "sub" / "a.jpg"],
            photos / "sub", replace(SPECTRAL, overwrite=True),
        )  # fmt: skip
    assert (photos / "sub" / "a.jpg").read_bytes() == before


def test_one_that_fails_does_not_stop_the_others(photos, tmp_path):
    (photos / "broken.png").write_text("no picture")
    (photos / "words.txt").write_text("words")
    (photos / "IMG.HEIC").write_text("?")
    (photos / "raw.NEF").write_text("?")
    (photos / ".hidden.png").write_text("?")
    out = tmp_path / "out"
    out.mkdir()
    (out / "b.jpg").write_text("precious")
    result = semvid.compress_images([photos], out, SPECTRAL)
    assert {one.source.name for one in result.failed} == {"broken.png", "b.png"}
    assert result.passed_over == {".txt": 1, ".heic": 1, ".nef": 1}
    assert tree(out) == {"a.jpg", "b.jpg", "sub/c.jpg", "sub/deep/d.jpg"}
    assert (out / "b.jpg").read_text() == "precious"
    assert not semvid.compress_images([photos / "b.png"], out, replace(SPECTRAL, overwrite=True)).failed
    assert (out / "b.jpg").read_bytes()[:2] == b"\xff\xd8"


def test_links_in_a_circle_end(photos, tmp_path):
    (photos / "sub" / "up").symlink_to(photos)
    (photos / "again.png").symlink_to(photos / "a.png")
    assert len(semvid.compress_images([photos, photos / "a.png"], tmp_path / "out", SPECTRAL).done) == 4


def test_stopping_early_leaves_only_whole_files(photos, tmp_path):
    with closing(semvid.compress_images_events([photos], tmp_path / "out", SPECTRAL)) as events:
        next(one for one in events if isinstance(one, Compressed))
    assert tree(tmp_path / "out") == {"a.jpg"}


@pytest.mark.parametrize(
    ("edge", "size"), [(80, (80, 48)), (33, (33, 20)), (160, (160, 96)), (4000, (160, 96))]
)
def test_the_longer_edge_is_shrunk_never_enlarged(edge, size, tmp_path):
    picture().save(tmp_path / "in.png", exif=EXIF)
    result = semvid.compress_image(
        tmp_path / "in.png", tmp_path / "out.jpg", replace(SPECTRAL, max_edge=edge, rate=semvid.Quality(95))
    )
    with Image.open(result.output) as image:
        assert image.size == size
        # Turned on its side, as its source.
        assert image.getexif()[0x0112] == 6
        inner = image.getexif().get_ifd(0x8769)
        assert (inner[0xA002], inner[0xA003]) == size
        source = picture().resize(size, Image.Resampling.LANCZOS)
        error = np.abs(np.asarray(image.convert("L"), float) - np.asarray(source.convert("L"), float))
        assert error.mean() < 4


def test_the_map_of_a_shrunk_picture_is_that_of_the_whole(tmp_path):
    """Boxes are in pixels of the source."""
    picture().save(tmp_path / "in.png")
    (tmp_path / "boxes.jsonl").write_text('{"frame": 0, "box": [80, 0, 80, 96], "score": 1}\n')
    maps = semvid.MapsConfig(boxes=tmp_path / "boxes.jsonl")
    config = semvid.ImageConfig(maps=maps, max_edge=80, rate=semvid.Quality(60), strength=2)
    result = semvid.compress_image(tmp_path / "in.png", tmp_path / "out.jpg", config)
    source = np.asarray(picture().resize((80, 48), Image.Resampling.LANCZOS), float)
    with Image.open(result.output) as image:
        error = np.square(np.asarray(image, float) - source).mean((0, 2))
    assert error[48:].mean() < 0.8 * error[:32].mean()


def test_a_jpeg_that_would_become_larger_is_copied(tmp_path):
    source = tmp_path / "in.jpg"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture().save(source, quality=20, exif=EXIF, icc_profile=profile, comment=b"words")
    data = source.read_bytes() + b"something behind it"
    source.write_bytes(data)
    result = semvid.compress_image(source, tmp_path / "a.jpg", SPECTRAL)
    assert result.quality is None
    assert result.output.read_bytes() == data
    (told,) = result.notices
    assert told.startswith("copied without loss: compressed it would have ")
    assert "`allow_larger=True`" in told
    for strip in ("gps", "all"):
        bare = semvid.compress_image(source, tmp_path / f"{strip}.jpg", replace(SPECTRAL, strip=strip))
        with Image.open(source) as before, Image.open(bare.output) as after:
            assert np.array_equal(np.asarray(before), np.asarray(after))
            assert after.info["icc_profile"] == profile
            assert after.getexif()[0x0112] == 6
            assert not after.getexif().get_ifd(0x8825)
            assert (0x010F in after.getexif(), "comment" in after.info) == ((strip == "gps"),) * 2
        assert bare.quality is None
        assert bare.output_bytes < len(data)
    forced = semvid.compress_image(source, tmp_path / "b.jpg", replace(SPECTRAL, allow_larger=True))
    assert forced.quality == 80
    assert forced.output_bytes > len(data)
    assert forced.notices == ()


def test_what_is_no_copy_of_a_jpeg_is_refused_if_it_would_become_larger(tmp_path):
    picture().save(tmp_path / "low.jpg", quality=15, progressive=True)
    picture().convert("CMYK").save(tmp_path / "cmyk.jpg", quality=5)
    Image.new("RGB", (64, 64), (200, 20, 20)).save(tmp_path / "flat.png")
    cases = (
        ("low.jpg", {"sampling": "grey", "rate": semvid.Quality(100)}), ("low.jpg", {"progressive": False}),
        ("low.jpg", {"max_edge": 159, "rate": semvid.Quality(95)}), ("cmyk.jpg", {}), ("flat.png", {}),
    )  # fmt: skip
    for name, options in cases:
        with pytest.raises(
            MissedError, match=rf"{name} has \d+ bytes, and as a JPEG \d+; .*`allow_larger=True`"
        ):
            semvid.compress_image(tmp_path / name, tmp_path / "out.jpg", replace(SPECTRAL, **options))
        assert not (tmp_path / "out.jpg").exists()
        more = replace(SPECTRAL, allow_larger=True, overwrite=True, **options)
        semvid.compress_image(tmp_path / name, tmp_path / "forced.jpg", more)


def test_a_wish_that_the_source_itself_meets_is_met_by_the_source(tmp_path):
    source = tmp_path / "in.jpg"
    picture().save(source, quality=50)
    result = semvid.compress_image(source, tmp_path / "a.jpg", replace(SPECTRAL, rate=semvid.Size(50_000)))
    assert result.output.read_bytes() == source.read_bytes()
    assert "within the 50000 that were allowed" in result.notices[0]
    pytest.importorskip("ssimulacra2")
    result = semvid.compress_image(
        source, tmp_path / "b.jpg", replace(SPECTRAL, rate=semvid.Ssimulacra2(100))
    )
    assert result.output.read_bytes() == source.read_bytes()
    assert "is out of reach" in result.notices[0]


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "jpg"])
def test_metadata_is_stripped_from_every_format(suffix, tmp_path):
    source = tmp_path / f"in.{suffix}"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    more = {"png": {}, "tiff": {}, "webp": {"lossless": True}, "jpg": {"quality": 98}}[suffix]
    xmp = b'<x:xmpmeta><rdf:Description exif:GPSLatitude="48" dc:title="kept"/></x:xmpmeta>'
    if suffix in {"webp", "jpg"}:
        more["xmp"] = xmp
    picture().save(source, exif=EXIF, icc_profile=profile, dpi=(300, 300), **more)
    with Image.open(source) as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("L"), float)
    for strip in ("gps", "all"):
        result = semvid.compress_image(source, tmp_path / f"{strip}.jpg", replace(SPECTRAL, strip=strip))
        data = result.output.read_bytes()
        assert result.quality == 80
        assert b"GPS" not in data
        with Image.open(result.output) as image:
            assert image.info["icc_profile"] == profile
            assert not image.getexif().get_ifd(0x8825)
            assert (image.getexif().get(0x010F) == "Camera") == (strip == "gps")
            assert (b"kept" in data) == (strip == "gps" and "xmp" in more)
            shown = np.asarray(ImageOps.exif_transpose(image).convert("L"), float)
        assert shown.shape == upright.shape
        assert np.abs(shown - upright).mean() < 6


def test_the_command_tells_each_failure_in_a_line_and_counts(photos, tmp_path, semvid_here):
    (photos / "broken.png").write_text("no picture")
    (photos / "words.txt").write_text("words")
    for name in ("low1.jpg", "low2.jpg"):
        picture().save(photos / name, quality=20)
    done = run("photos", "-o", "out", folder=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith("out: 6 pictures, ")
    assert ", 2 of them copied without loss, 1 failed, in " in done.stdout
    lines = done.stderr.splitlines()
    assert "note: 1 file passed over, not named like pictures that can be read: 1 .txt" in lines
    assert [one for one in lines if one.startswith("semvid: ")] == [
        "semvid: photos/broken.png is not a picture that can be read; give PNG, JPEG, WebP or TIFF"
    ]
    assert sum("low1.jpg: copied without loss: " in one for one in lines) == 1
    assert "note: 1 more picture like photos/low1.jpg: copied without loss" in lines
    (photos / "broken.png").unlink()

    def again(*arguments):
        return semvid_here("image", *arguments, "--model", "spectral", cwd=tmp_path)

    assert again("photos", "-o", "out", "-y").returncode == 0
    assert again("photos/a.png", "-o", "out", "--quality", "50", "-y").returncode == 0
    assert "leave it out for one" in again("photos/a.png", "--jobs", "2").stderr


def test_json_has_a_line_for_each(photos, tmp_path):
    (photos / "broken.png").write_text("no picture")
    done = run("photos", "-o", "out", "--json", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == ""
    events = list(map(json.loads, done.stdout.splitlines()))
    assert [one["event"] for one in events] == [
        "listed", "compressed", "compressed", "failed", "compressed", "compressed", "finished",
    ]  # fmt: skip
    assert events[0]["num_images"] == 5
    assert events[1]["result"]["output"] == os.path.join("out", "a.jpg")
    assert events[3]["failure"]["source"] == os.path.join("photos", "broken.png")
    assert (events[-1]["num_done"], events[-1]["num_failed"]) == (4, 1)


def test_a_terminal_shows_one_line_that_goes(photos, tmp_path):
    written, code = run_in_terminal(
        ["image", "photos", "--model", "spectral"], tmp_path, TERM="xterm-256color"
    )
    assert code == 0
    assert "of 4 pictures" in written
    assert next(filter(None, Screen().feed(written).lines)).startswith("4 pictures, ")


def test_what_is_named_like_a_picture_but_is_no_file_is_told(photos, tmp_path):
    (photos / "gone.png").symlink_to("nowhere.png")
    os.mkfifo(photos / "pipe.png")
    result = semvid.compress_images([photos], tmp_path / "out", SPECTRAL)
    told = [one.message.removeprefix(f"{photos}/") for one in result.failed]
    assert told == [
        "gone.png links to what does not exist; mend the link, or remove it",
        "pipe.png is a pipe or a device, not a file; save it in a file first",
    ]
    assert result.passed_over == {}
    with pytest.raises(InputError, match="is a pipe or a device, not a file"):
        semvid.compress_image(photos / "pipe.png", tmp_path / "one.jpg", SPECTRAL)


def test_events_can_be_ignored(photos, tmp_path):
    kinds = {Listed, Compressed, Failed, Finished, Notice}
    for event in semvid.compress_images_events([photos], tmp_path / "out", SPECTRAL):
        assert type(event) in kinds


def test_an_interrupt_between_two_pictures_is_told_and_leaves_whole_files(tmp_path):
    (tmp_path / "many").mkdir()
    picture(600, 400).save(tmp_path / "many" / "00.png", compress_level=1)
    # Far more than can be done before a busy machine delivers the signal.
    for number in range(1, 400):
        os.link(tmp_path / "many" / "00.png", tmp_path / "many" / f"{number:02}.png")
    written, code = run_in_terminal(
        ["image", "many", "--jobs", "1", "--model", "spectral"],
        tmp_path,
        interrupt_at="0.png",
        TERM="xterm",
    )
    assert code == 130
    assert "interrupted; nothing unfinished was left behind" in written
    made = list((tmp_path / "many.semvid").iterdir())
    assert len(made) < 400
    assert all(one.suffix == ".jpg" and one.read_bytes()[-2:] == b"\xff\xd9" for one in made)
