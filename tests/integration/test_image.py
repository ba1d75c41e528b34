"""``semvid image`` and ``compress_image``: what goes in, what must survive, what is refused."""

import shutil
import subprocess
import sys
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest
from clips import texture
from PIL import Image, ImageCms, JpegImagePlugin

import semvid
from semvid.core.errors import (
    ConfigError,
    InputError,
    InputMissingError,
    MissedError,
    OutputError,
    OutputExistsError,
)

SPECTRAL = semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral"), allow_larger=True)
"""Some of these pictures are so small that a JPEG is larger."""


def colour(width=160, height=96):
    return np.stack([texture(width, height, seed) for seed in range(3)], -1)


def read(path):
    with Image.open(path) as image:
        image.load()
        return image


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "tiff", "bmp"])
def test_usual_formats_come_in(suffix, tmp_path):
    source = tmp_path / f"in.{suffix}"
    Image.fromarray(colour()).save(source)
    result = semvid.compress_image(source, config=SPECTRAL)
    assert result.output == tmp_path / "in.semvid.jpg"
    image = read(result.output)
    assert (image.format, image.size, image.mode) == ("JPEG", (160, 96), "RGB")
    assert result.output_bytes == result.output.stat().st_size
    # The temporary file is gone.
    assert sorted(one.name for one in tmp_path.iterdir()) == sorted([source.name, "in.semvid.jpg"])


def test_profile_and_exif_are_kept(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Camera"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(colour()).save(tmp_path / "in.jpg", exif=exif, icc_profile=profile)
    result = semvid.compress_image(tmp_path / "in.jpg", config=SPECTRAL)
    image = read(result.output)
    assert dict(image.getexif()) == {0x0112: 6, 0x010F: "Camera"}
    assert image.info["icc_profile"] == profile
    assert image.size == (160, 96)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_map_lies_right_in_turned_pictures(orientation, tmp_path):
    """The map is told of the upright picture; the detail must survive at that place of it."""
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = cv2.GaussianBlur(texture(160, 96), (0, 0), 0.8)
    Image.fromarray(stored).save(tmp_path / "in.png", exif=exif)
    upright = ImageOps.exif_transpose(read(tmp_path / "in.png"))
    width, height = upright.size
    values = np.zeros((height, width), np.uint8)
    values[: height // 2, : width // 2] = 255
    Image.fromarray(values).save(tmp_path / "map.png")
    result = semvid.compress_image(
        tmp_path / "in.png",
        config=semvid.ImageConfig(maps=semvid.MapsConfig(path=tmp_path / "map.png"), rate=semvid.Quality(60)),
    )
    shown = np.asarray(ImageOps.exif_transpose(read(result.output)), np.float64)
    error = np.square(shown - np.asarray(upright, np.float64))
    inside = error[: height // 2, : width // 2].mean()
    for rows, cols in (
        (slice(None, height // 2), slice(width // 2, None)),
        (slice(height // 2, None), slice(None)),
    ):
        assert inside < 0.85 * error[rows, cols].mean()


@pytest.mark.parametrize(
    ("make", "notice"),
    [
        (lambda: Image.fromarray(colour()).convert("CMYK"), "CMYK"),
        (lambda: Image.fromarray(texture(64, 48).astype(np.uint16) * 257), "16 bits"),
        (lambda: Image.fromarray(np.dstack([colour(), texture(160, 96)])), "transparent"),
        (lambda: Image.fromarray(colour()).convert("P"), None),
        (lambda: Image.fromarray(texture(64, 48)).convert("1"), None),
        (lambda: Image.new("RGB", (1, 1), (200, 20, 20)), None),
    ],
)
def test_unusual_pictures_are_converted_and_told(make, notice, tmp_path):
    image = make()
    image.save(tmp_path / "in.tiff")
    result = semvid.compress_image(tmp_path / "in.tiff", config=SPECTRAL)
    assert read(result.output).size == image.size
    assert [notice in one for one in result.notices] == ([True] if notice else [])


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    ramp = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[None], 32, 0)
    Image.fromarray(ramp).save(tmp_path / "in.png")
    result = semvid.compress_image(
        tmp_path / "in.png",
        config=replace(SPECTRAL, rate=semvid.Quality(95)),
    )
    shown = np.asarray(read(result.output), float)
    assert np.abs(shown.mean(0) - np.linspace(0, 255, 64)).max() < 4


def test_sizes_are_met(tmp_path):
    Image.fromarray(colour(320, 240)).save(tmp_path / "in.png")
    plain = tmp_path / "plain.jpg"
    Image.fromarray(colour(320, 240)).save(plain, quality=70, optimize=True, subsampling="4:2:0")
    for config, target in (
        (semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral"), rate=semvid.Size(12_000)), 12_000),
        (
            semvid.ImageConfig(
                maps=semvid.MapsConfig(model="spectral"), rate=semvid.Quality(70), match="size"
            ),
            plain.stat().st_size,
        ),
    ):
        result = semvid.compress_image(tmp_path / "in.png", tmp_path / f"{target}.jpg", config)
        assert 0.985 * target < result.output_bytes <= 1.003 * target
    with pytest.raises(ConfigError, match="100 bytes are out of reach"):
        semvid.compress_image(
            tmp_path / "in.png",
            config=semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral"), rate=semvid.Size(100)),
        )


def test_sampling_follows_the_colours(tmp_path):
    Image.fromarray(colour(320, 240)).save(tmp_path / "sharp.png")
    Image.fromarray(cv2.GaussianBlur(colour(320, 240), (0, 0), 4)).save(tmp_path / "soft.png")
    for name, chosen, expected in (
        ("sharp", None, 0), ("soft", None, 2), ("sharp", "4:2:0", 2), ("soft", "4:4:4", 0)
    ):  # fmt: skip
        result = semvid.compress_image(
            tmp_path / f"{name}.png", config=replace(SPECTRAL, sampling=chosen, overwrite=True)
        )
        with Image.open(result.output) as image:
            assert JpegImagePlugin.get_sampling(image) == expected


def test_progressive_files_are_smaller_and_show_the_same_picture(tmp_path):
    Image.fromarray(cv2.GaussianBlur(colour(320, 240), (0, 0), 1)).save(tmp_path / "in.png")
    spectral = semvid.MapsConfig(model="spectral")
    usual = semvid.compress_image(tmp_path / "in.png", tmp_path / "a.jpg", semvid.ImageConfig(maps=spectral))
    sequential = semvid.compress_image(
        tmp_path / "in.png", tmp_path / "b.jpg", semvid.ImageConfig(maps=spectral, progressive=False)
    )
    assert usual.output_bytes < sequential.output_bytes
    first, second = read(usual.output), read(sequential.output)
    assert first.info.get("progressive")
    assert not second.info.get("progressive")
    assert np.array_equal(np.asarray(first), np.asarray(second))


def test_bad_inputs_are_refused_in_one_line(tmp_path):
    Image.fromarray(colour()).save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:2000])
    (tmp_path / "text.png").write_text("no picture")
    frames = [Image.fromarray(colour(seed, seed)) for seed in (40, 40)]
    frames[0].save(
        tmp_path / "moving.webp", save_all=True, append_images=[Image.fromarray(255 - colour(40, 40))]
    )
    Image.new("L", (65536, 1)).save(tmp_path / "wide.png")
    cases = {"cut": "damaged|cut off", "text": "not a picture", "moving": "animated", "wide": "65500"}
    for path in sorted(tmp_path.glob("*")):
        if path.stem in cases:
            with pytest.raises(InputError, match=cases[path.stem]) as caught:
                semvid.compress_image(path, config=SPECTRAL)
            assert "\n" not in str(caught.value)
    with pytest.raises(InputMissingError):
        semvid.compress_image(tmp_path / "none.png", config=SPECTRAL)
    with pytest.raises(OutputError, match=r"end the output in \.jpg"):
        semvid.compress_image(tmp_path / "whole.png", tmp_path / "out.png", SPECTRAL)
    (tmp_path / "out.jpg").touch()
    with pytest.raises(OutputExistsError):
        semvid.compress_image(tmp_path / "whole.png", tmp_path / "out.jpg", SPECTRAL)
    assert not list(tmp_path.glob("*.semvid.jpg"))


def test_ffmpeg_reads_the_same_picture(tmp_path):
    Image.fromarray(colour(200, 120)).save(tmp_path / "in.png")
    result = semvid.compress_image(tmp_path / "in.png", config=SPECTRAL)
    with av.open(str(result.output)) as container:
        frame = next(container.decode(video=0))
    with Image.open(result.output) as shown:
        expected = np.asarray(shown.convert("L"), float)
    assert np.abs(frame.to_ndarray(format="yuvj420p")[:120] - expected).mean() < 1


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no chromium on the PATH")
def test_a_browser_shows_the_same_picture(tmp_path):
    Image.fromarray(colour(320, 240)).save(tmp_path / "in.png")
    result = semvid.compress_image(tmp_path / "in.png", tmp_path / "out.jpg", SPECTRAL)
    (tmp_path / "page.html").write_text('<body style="margin:0"><img src="out.jpg">')
    subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=400,400",
         f"--user-data-dir={tmp_path / 'profile'}", f"--screenshot={tmp_path / 'shot.png'}",
         (tmp_path / "page.html").as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    with Image.open(tmp_path / "shot.png") as shot, Image.open(result.output) as decoded:
        seen = np.asarray(shot.convert("RGB"), float)[:240, :320]
        assert np.abs(seen - np.asarray(decoded.convert("RGB"), float)).mean() < 2


@pytest.mark.parametrize("wanted", [70, 80, 88])
def test_a_score_is_reached_by_the_smallest_picture_that_has_it(wanted, tmp_path):
    ssimulacra2 = pytest.importorskip("ssimulacra2")
    source = tmp_path / "in.png"
    Image.fromarray(texture(480, 320)).convert("RGB").save(source)
    config = replace(SPECTRAL, rate=semvid.Ssimulacra2(wanted))
    result = semvid.compress_image(source, config=config)
    score = ssimulacra2.compute_ssimulacra2(str(source), str(result.output))
    assert wanted <= score <= wanted + 0.3
    finer = semvid.compress_image(
        source, tmp_path / "finer.jpg", replace(SPECTRAL, rate=semvid.Quality(round(result.quality) + 3))
    )
    assert finer.output_bytes > result.output_bytes


def test_a_score_out_of_reach_names_the_closest_and_what_to_change(tmp_path):
    pytest.importorskip("ssimulacra2")
    source = tmp_path / "in.png"
    Image.fromarray(colour()).save(source)
    with pytest.raises(
        MissedError,
        match=r"^`Ssimulacra2\(100\)` is out of reach: at quality 100 .* has -?\d.*sampling=4:4:4`$",
    ):
        semvid.compress_image(
            source, config=replace(SPECTRAL, rate=semvid.Ssimulacra2(100), sampling="4:2:0")
        )
    assert not (tmp_path / "in.semvid.jpg").exists()


def test_a_score_needs_its_package_and_pixels(tmp_path, monkeypatch):
    source = tmp_path / "in.png"
    config = replace(SPECTRAL, rate=semvid.Ssimulacra2(70))
    Image.fromarray(colour(16, 6)).save(source)
    with pytest.raises(ConfigError, match="at least 8 pixels a side, and this one is 16x6; give `Quality`"):
        semvid.compress_image(source, config=config)
    monkeypatch.setitem(sys.modules, "ssimulacra2", None)
    with pytest.raises(ConfigError, match=r"needs the extra scores; pip install 'semvid\[scores\]'"):
        semvid.compress_image(source, config=config)
    with pytest.raises(ConfigError, match="`Ssimulacra2` and `match` exclude each other; give one"):
        replace(config, match="size")
