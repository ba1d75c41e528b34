"""Stills: what is kept beside the pixels, what is told to be left out, what colours come out, what is refused."""

import io
import re
import struct
import subprocess
import zlib

import imageio_ffmpeg
import numpy as np
import pytest
from clips import texture
from PIL import Image, ImageCms, PngImagePlugin, TiffImagePlugin

import semvid
from semvid.core.errors import InputError, MapError
from semvid.core.events import Notice
from semvid.media.stills.picture import read_picture
from semvid.media.stills.picture_file import is_still

SPECTRAL = semvid.ImageConfig(
    maps=semvid.MapsConfig(model="spectral"), rate=semvid.Quality(92), overwrite=True, allow_larger=True
)
"""So small pictures are often smaller than their JPEG."""
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
IPTC = b"\x1c\x02\x78\x00\x05words"
PHOTOSHOP = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(IPTC)) + IPTC


def profile_of(kind):
    """A profile that says it is of other colours."""
    return SRGB[:16] + kind + SRGB[20:]


def colour(width=64, height=48):
    return np.stack([texture(width, height, seed) for seed in range(3)], -1)


def compressed(path, config=SPECTRAL):
    """Return the JPEG as Pillow sees it, its segments, and the notices."""
    result = semvid.compress_image(path, path.with_name("out.jpg"), config)
    with Image.open(result.output) as image:
        image.load()
    return image, image.applist, result.notices


def spliced(path, *segments):
    """Put segments into a JPEG behind its JFIF header."""
    data = path.read_bytes()
    end = 4 + struct.unpack(">H", data[4:6])[0]
    more = b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", len(one) + 2) + one for marker, one in segments
    )
    path.write_bytes(data[:end] + more + data[end:])


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff", "jpg"])
def test_xmp_is_kept_from_every_format(suffix, tmp_path):
    source = tmp_path / f"in.{suffix}"
    image = Image.fromarray(colour())
    if suffix == "png":
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP.decode())
        image.save(source, pnginfo=text)
    elif suffix == "tiff":
        image.save(source, tiffinfo={700: XMP})
    else:
        image.save(source, xmp=XMP)
    shown, _, notices = compressed(source)
    assert shown.info["xmp"] == XMP
    assert notices == ()


def test_segments_of_a_jpeg_are_kept_as_they_are(tmp_path):
    Image.fromarray(colour()).save(tmp_path / "in.jpg", dpi=(300, 150), exif=Image.Exif())
    more_xmp = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + struct.pack(">II", 9, 0) + b"extension"
    spliced(
        tmp_path / "in.jpg", (0xED, PHOTOSHOP), (0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP), (0xE1, more_xmp),
        (0xFE, b"first"), (0xFE, b"second"), (0xE4, b"Vendor\0data"), (0xEB, b"JP\0\1jumb"),
    )  # fmt: skip
    shown, segments, notices = compressed(tmp_path / "in.jpg")
    assert ("APP13", PHOTOSHOP) in segments
    assert ("APP1", more_xmp) in segments
    assert [data for name, data in segments if name == "COM"] == [b"first", b"second"]
    assert shown.info["xmp"] == XMP
    assert shown.info["dpi"] == (300, 150)
    assert [re.sub("'.*'", "", one) for one in notices] == [
        "content credentials (C2PA), which a changed picture invalidates, left out",
        "data of APP4  left out",
    ]


@pytest.mark.parametrize("suffix", ["png", "tiff", "bmp"])
def test_density_is_kept(suffix, tmp_path):
    Image.fromarray(colour()).save(tmp_path / f"in.{suffix}", dpi=(300, 300))
    shown, _, _ = compressed(tmp_path / f"in.{suffix}")
    assert shown.info["dpi"] == (300, 300)
    assert shown.info["jfif_unit"] == 1


def test_pixels_that_are_not_square_stay_so(tmp_path):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    file = io.BytesIO()
    Image.fromarray(colour()).save(file, "PNG")
    data = file.getvalue()
    (tmp_path / "in.png").write_bytes(data[:33] + chunk(b"pHYs", struct.pack(">IIB", 3, 4, 0)) + data[33:])
    shown, _, _ = compressed(tmp_path / "in.png")
    assert (shown.info["jfif_unit"], shown.info["jfif_density"]) == (0, (3, 4))


def test_text_of_a_png_and_a_gif_becomes_comments(tmp_path):
    text = PngImagePlugin.PngInfo()
    text.add_text("Title", "a title")
    text.add_itxt("Author", "Ä", "de", "Autor")
    Image.fromarray(colour()).save(tmp_path / "in.png", pnginfo=text)
    _, segments, _ = compressed(tmp_path / "in.png")
    assert [data.decode() for name, data in segments if name == "COM"] == ["Title: a title", "Author: Ä"]
    Image.fromarray(colour()).save(tmp_path / "in.gif", comment=b"words")
    _, segments, _ = compressed(tmp_path / "in.gif")
    assert ("COM", b"words") in segments


def test_a_tiff_s_layout_is_not_copied_but_its_words_are(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[270], tags[271], tags[33723], tags[36867] = "a picture", "Maker", IPTC, "2020:01:01 00:00:00"
    Image.fromarray(colour()).save(tmp_path / "in.tiff", tiffinfo=tags, compression="tiff_lzw", dpi=(72, 72))
    shown, segments, notices = compressed(tmp_path / "in.tiff")
    exif = dict(shown.getexif())
    assert exif[270] == "a picture"
    assert exif[271] == "Maker"
    assert exif.keys() <= {270, 271, 282, 283, 296, 36867}
    assert [data for name, data in segments if name == "APP13"] == [PHOTOSHOP]
    assert notices == ()


def test_a_turned_tiff_stays_upright(tmp_path):
    Image.fromarray(colour()).save(tmp_path / "in.tiff", tiffinfo={274: 6}, xmp=b'<a tiff:Orientation="6"/>')
    shown, _, _ = compressed(tmp_path / "in.tiff")
    assert shown.size == (48, 64)
    assert 274 not in shown.getexif()


SHORT, TEXT, RATIONAL = 3, 2, 5


@pytest.mark.parametrize(
    ("kind", "value"),
    [(SHORT, b"\0\0\0\0"), (SHORT, b"\x09\0\0\0"), (TEXT, b"6\0\0\0"), (RATIONAL, struct.pack("<I", 26))],
)
def test_an_orientation_that_is_none_is_told_and_taken_for_upright(kind, value, tmp_path):
    entry = struct.pack("<HHI", 274, kind, 2 if kind == TEXT else 1) + value
    exif = b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4) + struct.pack("<II", 7, 2)
    Image.fromarray(colour()).save(tmp_path / "in.png", exif=exif)
    shown, _, notices = compressed(tmp_path / "in.png")
    assert shown.size == (64, 48)
    (notice,) = notices
    assert notice.startswith("the EXIF orientation ")
    assert notice.endswith(" is not one of 1 to 8; taken as 1 (upright)")


def test_orientation_in_xmp_alone_turns_nothing(tmp_path):
    Image.fromarray(colour()).save(tmp_path / "in.jpg", xmp=b'<a tiff:Orientation="6"/>')
    assert read_picture(tmp_path / "in.jpg").orientation == 1
    _, segments, _ = compressed(tmp_path / "in.jpg")
    assert not any(data.startswith(b"Exif") for _, data in segments)


def test_damaged_exif_and_profiles_and_large_xmp_are_told(tmp_path):
    Image.fromarray(colour()).save(
        tmp_path / "in.webp", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff", xmp=b"x" * 70_000
    )
    _, segments, notices = compressed(tmp_path / "in.webp")
    assert "70000 bytes of XMP left out: a JPEG holds 65504" in notices
    assert not any(name == "APP1" and data.startswith(b"http") for name, data in segments)
    for broken in (SRGB[:100], b"profile" * 50, SRGB[:-9]):
        Image.fromarray(colour()).save(tmp_path / "in.png", icc_profile=broken)
        shown, _, notices = compressed(tmp_path / "in.png")
        assert notices == ("colour profile left out: it is damaged",)
        assert "icc_profile" not in shown.info


@pytest.mark.parametrize(
    ("mode", "kind", "sampling", "is_kept"),
    [
        ("RGB", b"RGB ", "4:2:0", True),
        ("RGB", b"RGB ", "grey", False),
        ("RGB", b"CMYK", "4:2:0", False),
        ("RGB", b"GRAY", "4:2:0", False),
        ("L", b"GRAY", "4:2:0", True),
        ("L", b"RGB ", "4:2:0", False),
        ("LA", b"GRAY", "4:2:0", True),
    ],
)
def test_profiles_are_kept_where_they_fit_the_components(mode, kind, sampling, is_kept, tmp_path):
    Image.fromarray(colour()).convert(mode).save(tmp_path / "in.png", icc_profile=profile_of(kind))
    config = semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral"), sampling=sampling, overwrite=True)
    shown, _, notices = compressed(tmp_path / "in.png", config)
    assert shown.mode == ("L" if mode != "RGB" or sampling == "grey" else "RGB")
    assert ("icc_profile" in shown.info) == is_kept
    assert [one.startswith("colour profile for ") for one in notices] == [True] * (not is_kept)


def sixteen(kind, folder):
    """The same 16-bit RGB picture in several formats."""
    path = folder / f"in.{kind}"
    samples = (colour().astype(np.uint16) * 257).tobytes()
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", "64x48", "-i", "-",
         "-frames:v", "1", str(path)],
        input=samples, check=True,
    )  # fmt: skip
    return path


@pytest.mark.parametrize("kind", ["png", "tiff", "ppm"])
def test_16_bits_in_colour_are_told(kind, tmp_path):
    _, _, notices = compressed(sixteen(kind, tmp_path))
    assert notices == ("16 bits a sample reduced to 8",)


def test_8_bits_are_not_told(tmp_path):
    for kind in ("png", "tiff", "ppm", "jp2"):
        Image.fromarray(colour()).save(tmp_path / f"in.{kind}")
        assert compressed(tmp_path / f"in.{kind}")[2] == ()


def test_transparent_pixels_do_not_show(tmp_path):
    hidden = np.zeros((48, 64, 4), np.uint8)
    hidden[..., 0] = 255
    hidden[:, :32, 3] = 255
    Image.fromarray(hidden).save(tmp_path / "rgba.png")
    palette = Image.new("P", (64, 48), 1)
    palette.putpalette([255, 0, 0, 0, 0, 255])
    palette.paste(0, (0, 0, 32, 48))
    palette.save(tmp_path / "palette.png", transparency=1)
    Image.fromarray(hidden[..., :3]).save(tmp_path / "key.png", transparency=(255, 0, 0))
    for name in ("rgba", "palette"):
        shown, _, notices = compressed(tmp_path / f"{name}.png")
        samples = np.asarray(shown, int)
        assert np.abs(samples[:, 48:] - 255).max() < 4
        assert np.abs(samples[:, :16] - [255, 0, 0]).max() < 8
        assert notices == ("transparent parts shown on white, since a JPEG has no transparency",)
    assert np.asarray(compressed(tmp_path / "key.png")[0]).min() > 250
    grey = np.full((48, 64), 1000, np.uint16)
    grey[:, :32] = 60_000
    Image.fromarray(grey).save(tmp_path / "grey.png", transparency=1000)
    assert np.asarray(compressed(tmp_path / "grey.png")[0])[:, 48:].min() > 250
    hidden[..., 3] = 255
    Image.fromarray(hidden).save(tmp_path / "opaque.png")
    assert compressed(tmp_path / "opaque.png")[2] == ()


def test_premultiplied_samples_are_undone(tmp_path):
    # Extra samples of kind 1 are what the others were multiplied with.
    for mode, value in (("RGBA", (100, 0, 0, 128)), ("LA", (100, 128))):
        Image.new(mode, (64, 48), value).save(tmp_path / "in.tif")
        data = bytearray((tmp_path / "in.tif").read_bytes())
        place = data.index(struct.pack("<HHI", 338, 3, 1)) + 8
        assert data[place] == 2
        data[place] = 1
        (tmp_path / "in.tif").write_bytes(data)
        shown, _, notices = compressed(tmp_path / "in.tif")
        expected = [227, 127, 127] if mode == "RGBA" else 227
        assert np.abs(np.asarray(shown, int)[24, 32] - expected).max() < 6
        assert notices == ("transparent parts shown on white, since a JPEG has no transparency",)


def without_adobe(path):
    data = path.read_bytes()
    start = data.index(b"\xff\xee")
    path.write_bytes(data[:start] + data[start + 2 + struct.unpack(">H", data[start + 2 : start + 4])[0] :])


def test_colours_of_cmyk_are_right_with_adobe_s_marker_and_without(tmp_path):
    ink = Image.new("CMYK", (64, 48), (0, 255, 255, 0))
    ink.save(tmp_path / "adobe.jpg", quality=95)
    shown, _, notices = compressed(tmp_path / "adobe.jpg")
    assert np.abs(np.asarray(shown, int)[24, 32] - [255, 0, 0]).max() < 12
    assert notices == ("CMYK converted to RGB without a colour profile",)
    # Who does not say Adobe does not turn its ink upside down.
    Image.new("CMYK", (64, 48), (255, 0, 0, 255)).save(tmp_path / "plain.jpg", quality=95)
    without_adobe(tmp_path / "plain.jpg")
    assert np.abs(np.asarray(compressed(tmp_path / "plain.jpg")[0], int)[24, 32] - [255, 0, 0]).max() < 12


def test_lab_comes_out_in_its_colours(tmp_path):
    to_lab = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB"
    )
    lab = ImageCms.applyTransform(Image.new("RGB", (64, 48), (200, 60, 40)), to_lab)
    lab.save(tmp_path / "in.tiff")
    shown, _, notices = compressed(tmp_path / "in.tiff")
    assert np.abs(np.asarray(shown, int)[24, 32] - [200, 60, 40]).max() < 10
    assert notices == ("Lab converted to sRGB",)


def test_progressive_jpeg_comes_in(tmp_path):
    Image.fromarray(colour()).save(tmp_path / "in.jpg", progressive=True, quality=95)
    assert compressed(tmp_path / "in.jpg")[2] == ()


def test_pngs_of_another_gamma_are_told(tmp_path):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    file = io.BytesIO()
    Image.fromarray(colour()).save(file, "PNG")
    data = file.getvalue()
    for gamma, count in ((45455, 0), (100_000, 1)):
        (tmp_path / "in.png").write_bytes(data[:33] + chunk(b"gAMA", struct.pack(">I", gamma)) + data[33:])
        assert len(compressed(tmp_path / "in.png")[2]) == count


def test_hdr_colours_named_by_number_are_told(tmp_path):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    file = io.BytesIO()
    Image.fromarray(colour()).save(file, "PNG")
    data = file.getvalue()
    for numbers, count in ((b"\x01\x0d\x00\x01", 0), (b"\x09\x10\x00\x01", 1)):
        (tmp_path / "in.png").write_bytes(data[:33] + chunk(b"cICP", numbers) + data[33:])
        notices = compressed(tmp_path / "in.png")[2]
        assert [one.startswith("colours of primaries 9 and transfer 16 ") for one in notices] == [
            True
        ] * count


def test_gain_maps_and_moving_parts_are_told(tmp_path):
    for words, notice in (
        (b'hdrgm:Version="1.0"', "gain map for HDR"),
        (b'GCamera:MotionPhoto="1"', "moving part"),
    ):
        Image.fromarray(colour()).save(tmp_path / "in.jpg", xmp=b"<a " + words + b"/>")
        shown, _, notices = compressed(tmp_path / "in.jpg")
        assert notices[0].startswith(notice)
        assert "xmp" not in shown.info
    first, second = Image.fromarray(colour()), Image.fromarray(255 - colour())
    first.save(tmp_path / "in.mpo", save_all=True, append_images=[second])
    shown, _, notices = compressed(tmp_path / "in.mpo")
    assert notices == ("the first of 2 pictures or pages kept: a JPEG holds one",)
    assert np.abs(np.asarray(shown, int) - colour()).mean() < 30


def moving(folder, kind):
    frames = [Image.fromarray(np.full((48, 64, 3), value, np.uint8)) for value in (10, 90, 200)]
    path = folder / f"in.{kind}"
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    return path


def test_each_animation_is_sent_where_it_works(tmp_path):
    for kind in ("gif", "png"):
        path = moving(tmp_path, kind)
        assert not is_still(path)
        with pytest.raises(
            InputError, match=r"is animated \(3 pictures\); make a video of it with semvid compress"
        ):
            semvid.compress_image(path, config=SPECTRAL)
        config = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), overwrite=True)
        assert semvid.compress(path, tmp_path / "out.mp4", config).num_frames == 3
    path = moving(tmp_path, "webp")
    with pytest.raises(InputError, match="convert it to GIF or APNG and give that to semvid compress"):
        semvid.compress_image(path, config=SPECTRAL)
    with pytest.raises(
        InputError, match="is WebP that FFmpeg cannot decode, as if animated; convert it to GIF or APNG"
    ):
        semvid.compress(
            path,
            tmp_path / "out.mp4",
            semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), overwrite=True),
        )


def test_other_products_treat_animations_and_stills_alike(tmp_path):
    overlay = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), overwrite=True)
    export = semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral"), overwrite=True)
    for kind in ("gif", "png"):
        path = moving(tmp_path, kind)
        assert semvid.export_overlay(path, tmp_path / "out.mp4", overlay).num_frames == 3
        assert semvid.export_maps(path, tmp_path / "out.svmap", export).num_frames == 3
    Image.fromarray(colour()).save(tmp_path / "still.gif")
    Image.fromarray(colour()).save(tmp_path / "still.ppm")
    for name in ("still.gif", "still.ppm"):
        assert semvid.export_overlay(tmp_path / name, tmp_path / "drawn.png", overlay).num_frames == 1
        assert semvid.export_maps(tmp_path / name, tmp_path / "map.png", export).num_frames == 1
    for one in (semvid.export_overlay, semvid.export_maps):
        with pytest.raises(InputError, match="is animated WEBP"):
            one(
                moving(tmp_path, "webp"),
                tmp_path / "new.png",
                overlay if one is semvid.export_overlay else export,
            )
    with pytest.raises(MapError, match="holds 3 pictures"):
        Image.fromarray(colour()).save(tmp_path / "a.png")
        semvid.compress_image(
            tmp_path / "a.png",
            config=semvid.ImageConfig(maps=semvid.MapsConfig(path=moving(tmp_path, "webp"))),
        )


def test_overlay_and_maps_tell_what_became_of_the_pixels_and_keep_the_profile(tmp_path):
    hidden = np.dstack([colour(), np.zeros((48, 64), np.uint8)])
    Image.fromarray(hidden).save(tmp_path / "in.png", icc_profile=SRGB)
    notices = []

    def note(event):
        if isinstance(event, Notice):
            notices.append(event.message)

    semvid.export_overlay(
        tmp_path / "in.png",
        tmp_path / "drawn.png",
        semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral")),
        on_event=note,
    )
    semvid.export_maps(
        tmp_path / "in.png",
        tmp_path / "map.png",
        semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral")),
        on_event=note,
    )
    assert notices == ["transparent parts shown on white, since a JPEG has no transparency"] * 2
    with Image.open(tmp_path / "drawn.png") as drawn:
        assert drawn.info["icc_profile"] == SRGB


def test_the_first_page_of_a_tiff_is_taken_and_told(tmp_path):
    pages = [Image.fromarray(colour()), Image.new("RGB", (64, 48))]
    pages[0].save(tmp_path / "in.tiff", save_all=True, append_images=pages[1:])
    shown, _, notices = compressed(tmp_path / "in.tiff")
    assert notices == ("the first of 2 pictures or pages kept: a JPEG holds one",)
    assert np.abs(np.asarray(shown, int) - colour()).mean() < 20
    told = []
    semvid.compress(
        tmp_path / "in.tiff", tmp_path / "out.mp4", semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral")),
        on_event=lambda event: told.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    assert any("in.tiff is a still picture: a video of one frame is made" in one for one in told)


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        (
            "a.heic",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1",
            "is HEIC, which cannot be read; convert it to JPEG or PNG",
        ),
        ("a.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1", "is HEIC"),
        ("a.avif", b"\0\0\0\x18ftypavif\0\0\0\0mif1", "is AVIF|cannot be decoded"),
        ("a.mp4", b"\0\0\0\x18ftypisom\0\0\0\0mp42", "is a video or sound; use semvid compress"),
        ("a.jxl", b"\xff\x0a\0\0\0\0\0\0", "is JPEG XL"),
        ("a.svg", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "is a drawing"),
        ("a.pdf", b"%PDF-1.7\n", "is a page"),
        ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n", "is a page"),
        ("a.NEF", b"MM\0*", "is a camera's raw file; develop it"),
        ("a.png", b"", "is empty"),
        ("a.png", b"hello", "is not a picture that can be read"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(name, data, words, tmp_path):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=words):
        semvid.compress_image(tmp_path / name, config=SPECTRAL)
    with pytest.raises(InputError, match="is a folder"):
        semvid.compress_image(tmp_path, tmp_path / "out.jpg", SPECTRAL)


def test_a_raw_file_under_another_name_is_not_its_thumbnail(tmp_path):
    Image.fromarray(colour()).save(tmp_path / "in.tif", tiffinfo={50706: b"\1\4\0\0"})
    with pytest.raises(InputError, match="raw file"):
        semvid.compress_image(tmp_path / "in.tif", config=SPECTRAL)
