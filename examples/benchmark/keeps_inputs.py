"""The inputs of ``keeps.py`` and of ``make fuzz``: small files of every kind people have, made on the spot.

Where a naive reading of a file is not what a player should show (clocks that jump), its row says what is right.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from makers import (
    ASS,
    AV,
    CHAPTERS,
    H264,
    PICTURES,
    SOUND,
    SRT,
    Maker,
    animated,
    cut,
    deep_png,
    exif,
    exif_video,
    ffmpeg,
    gif,
    joined,
    last_frame_long,
    many_pages,
    pillow,
    png,
    png_text,
    run,
    scratched,
    spherical,
    sup,
    texture,
    variable,
    with_files,
)
from PIL import Image

NUM_FRAMES = 25
_FAST_VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8"

Kind = Literal["video", "still"]


@dataclass(frozen=True, slots=True)
class Input:
    """One file.

    Attributes:
        name: File name.
        theme: What it stands for, a line of the table.
        make: Writes it, given its path.
        kind: What it is compressed with.
        truth: Facts (see ``keeps_facts``) that a naive reading of the file gets wrong.
        is_damaged: It must be reported as damaged, or refused.
    """

    name: str
    theme: str
    make: Maker
    kind: Kind = "video"
    truth: Mapping[str, Any] = field(default_factory=dict)
    is_damaged: bool = False


def _still(maker: Maker, name: str, theme: str, **more: Any) -> Input:
    return Input(name, theme, maker, "still", **more)


_TS_SOUND = f"{AV} {H264} -c:a aac -f mpegts"
_SIZES = f"-f lavfi -i testsrc2=s=%s:r=25:d=0.6 {H264} -f mpegts"
_FIELDS = f"-vf tinterlace=interleave_top,setfield=tff {H264} -flags +ildct+ilme"
_MAPS = "-map 0 -map 1"

INPUTS: tuple[Input, ...] = (
    # Time
    Input("plain.mp4", "an ordinary mp4", ffmpeg(f"{H264} -c:a aac", sound=SOUND)),
    Input("plain.mkv", "an ordinary mkv", ffmpeg(f"{H264} -c:a libopus", sound=SOUND)),
    Input("plain.webm", "an ordinary webm", ffmpeg(f"{_FAST_VP9} -c:a libopus", sound=SOUND)),
    Input("below_zero.wmv", "clock starts below zero", ffmpeg(
        f"{H264} -bf 0 -c:a aac -output_ts_offset -0.8 -avoid_negative_ts disabled", sound=SOUND)),
    Input("below_zero.mov", "edit list hides what lies below zero", ffmpeg(
        f"{H264} -bf 0 -c:a aac -output_ts_offset -0.8 -avoid_negative_ts disabled", sound=SOUND)),
    Input("wraps.flv", "clock wraps at 31 bits", ffmpeg(
        f"{H264} -c:a aac -output_ts_offset -0.8 -avoid_negative_ts disabled", sound=SOUND),
        truth={"video.frames": NUM_FRAMES, "video.step": 1 / 25}),
    Input("below_zero.avi", "clock starts below zero, avi", ffmpeg(
        "-c:v mpeg4 -bf 2 -c:a libmp3lame -output_ts_offset -0.4 -avoid_negative_ts disabled", sound=SOUND)),
    Input("far.ts", "clock starts at 53127 s", ffmpeg(f"{H264} -c:a aac -output_ts_offset 53127", sound=SOUND)),
    Input("far.mkv", "clock starts at 53127 s", ffmpeg(f"{H264} -c:a aac -output_ts_offset 53127", sound=SOUND)),
    Input("far.mpg", "clock starts at 4000 s", ffmpeg(
        "-c:v mpeg2video -c:a mp2 -f vob -output_ts_offset 4000", sound=SOUND)),
    Input("wraps.ts", "clock wraps at 33 bits", ffmpeg(
        f"{H264} -c:a aac -output_ts_offset 95443.2", sound=SOUND), truth={"video.frames": NUM_FRAMES}),
    Input("joined.ts", "two streams in one file, clock jumps back", joined(
        f"{_TS_SOUND} -output_ts_offset 500", _TS_SOUND), truth={"video.frames": 2 * NUM_FRAMES, "video.step": 1 / 25}),
    Input("joined_ahead.ts", "two streams in one file, clock jumps ahead", joined(
        _TS_SOUND, f"{_TS_SOUND} -output_ts_offset 9000"),
        truth={"video.frames": 2 * NUM_FRAMES, "video.step": 1 / 25}),
    Input("late_sound.mp4", "sound begins 0.4 s later", lambda path: run(
        f"-f lavfi -i {PICTURES} -itsoffset 0.4 -f lavfi -i {SOUND} {H264} -c:a aac", path)),
    Input("late_picture.mp4", "picture begins 0.4 s later", lambda path: run(
        f"-itsoffset 0.4 -f lavfi -i {PICTURES} -f lavfi -i {SOUND} {H264} -c:a aac", path)),
    Input("late_picture.mkv", "picture begins 0.4 s later", lambda path: run(
        f"-itsoffset 0.4 -f lavfi -i {PICTURES} -f lavfi -i {SOUND} {H264} -c:a aac", path)),
    Input("edit_list.mp4", "edit list hides the beginning", lambda path: (
        run(f"-f lavfi -i testsrc2=s=128x96:r=25:d=2 -f lavfi -i sine=r=48000:d=2 {H264} -g 50 -c:a aac -f mp4",
            path.with_name("whole.bin")),
        run("-ss 0.6 -i whole.bin -c copy", path), path.with_name("whole.bin").unlink())),
    Input("delays.gif", "delays 100/400/50/1000 ms", gif([100, 400, 50, 1000])),
    Input("gap.gif", "a frame shown for 655 s", gif([100, 655_000, 100])),
    Input("last_long.mp4", "last frame lasts 5 s", last_frame_long),
    Input("variable.mkv", "variable frame times", variable),
    Input("variable.mp4", "variable frame times", variable),
    Input("ntsc.mkv", "30000/1001 frames a second", ffmpeg(H264, pictures="testsrc2=s=128x96:r=30000/1001:d=1")),
    Input("repeated.mkv", "timestamps repeat", ffmpeg(
        f"{H264} -bf 0 -bsf:v setts=ts=if(eq(N\\,9)\\,PREV_OUTPTS\\,TS)")),
    Input("old.avi", "MPEG-4 and MP3 in avi", ffmpeg("-c:v mpeg4 -bf 2 -c:a libmp3lame", sound=SOUND)),
    Input("old.flv", "FLV", ffmpeg("-c:v flv -c:a libmp3lame -ar 44100", sound=SOUND)),
    Input("windows.wmv", "Windows Media", ffmpeg("-c:v wmv2 -c:a wmav2", sound=SOUND)),
    Input("real.rm", "RealVideo and RealAudio", ffmpeg("-c:v rv10 -c:a real_144 -ar 8000 -ac 1", sound=SOUND)),
    Input("phone.3gp", "H.263 and AMR", ffmpeg(
        "-s 128x96 -c:v h263 -c:a libopencore_amrnb -ar 8000 -ac 1 -b:a 12.2k", sound=SOUND)),
    Input("theora.ogv", "Theora and Vorbis", ffmpeg("-c:v libtheora -c:a libvorbis", sound=SOUND)),
    # Damage
    Input("cut_off.ts", "cut off in the middle of a packet; no header says how long it was", cut(
        ffmpeg(f"{H264} -c:a aac", sound=SOUND), 0.6), is_damaged=True),
    Input("cut_off.mkv", "cut off", cut(ffmpeg(f"{H264} -c:a aac", sound=SOUND), 0.3), is_damaged=True),
    Input("cut_off.mp4", "cut off, index at the front", cut(
        ffmpeg(f"{H264} -c:a aac -movflags +faststart", sound=SOUND), 0.7), is_damaged=True),
    Input("scratched.mp4", "noise in the middle", scratched(
        ffmpeg(f"{H264} -c:a aac -movflags +faststart", sound=SOUND), 0.6, 2000), is_damaged=True),
    Input("scratched.avi", "noise in the middle", scratched(
        ffmpeg("-c:v mpeg4 -c:a libmp3lame", sound=SOUND), 0.4, 1500), is_damaged=True),
    # Sound
    *(Input(f"sound_{name}.{suffix}", f"sound: {name}", ffmpeg(f"{H264} {options} -strict -2", sound=SOUND))
      for name, suffix, options in (
          ("pcm_alaw", "mov", "-c:a pcm_alaw -ar 8000"), ("pcm_mulaw", "mkv", "-c:a pcm_mulaw -ar 8000"),
          ("pcm_s24le", "mov", "-c:a pcm_s24le"), ("pcm_s16be", "mov", "-c:a pcm_s16be"),
          ("pcm_f32le", "mkv", "-c:a pcm_f32le"), ("adpcm_ms", "mkv", "-c:a adpcm_ms"),
          ("adpcm_ima_wav", "mkv", "-c:a adpcm_ima_wav"), ("ac3", "mp4", "-c:a ac3"), ("eac3", "mkv", "-c:a eac3"),
          ("dts", "mkv", "-c:a dca"), ("flac", "mkv", "-c:a flac"), ("alac", "mov", "-c:a alac"),
          ("mp2", "mkv", "-c:a mp2"), ("vorbis", "mkv", "-c:a libvorbis"), ("truehd", "mkv", "-c:a truehd"),
          ("wavpack", "mkv", "-c:a wavpack"), ("opus", "mp4", "-c:a libopus"), ("wma", "mkv", "-c:a wmav2"),
      )),
    Input("sound_latm.ts", "sound: AAC in LATM", ffmpeg(
        f"{H264} -c:a aac -mpegts_flags latm", sound=SOUND)),
    Input("sound_51.mkv", "5.1 sound", ffmpeg(f"{H264} -c:a ac3 -ac 6", sound=SOUND)),
    Input("layoutless.avi", "PCM without a channel layout", ffmpeg(
        "-c:v mpeg4 -c:a pcm_s16le -ac 3 -channel_layout 3.0", sound=SOUND)),
    # Streams and tags
    Input("srt.mkv", "SubRip subtitles", with_files({"s.srt": SRT}, f"-f lavfi -i {PICTURES} -i s.srt {_MAPS} "
          f"{H264} -c:s srt -metadata:s:s:0 language=ger -metadata:s:s:0 title=Words -disposition:s:0 forced")),
    Input("ass.mkv", "ASS subtitles", with_files({"s.ass": ASS}, f"-f lavfi -i {PICTURES} -i s.ass {_MAPS} "
          f"{H264} -c:s ass")),
    Input("webvtt.mkv", "WebVTT subtitles", with_files({"s.srt": SRT}, f"-f lavfi -i {PICTURES} -i s.srt {_MAPS} "
          f"{H264} -c:s webvtt")),
    Input("mov_text.mp4", "mov_text subtitles", with_files({"s.srt": SRT}, f"-f lavfi -i {PICTURES} -i s.srt "
          f"{_MAPS} {H264} -c:s mov_text -metadata:s:s:0 language=fre")),
    Input("dvb.ts", "DVB picture subtitles", with_files({"s.sup": sup()}, f"-f lavfi -i {PICTURES} -i s.sup "
          f"{_MAPS} {H264} -c:s dvbsub")),
    Input("dvd.mkv", "DVD picture subtitles", with_files({"s.sup": sup()}, f"-f lavfi -i {PICTURES} -i s.sup "
          f"{_MAPS} {H264} -c:s dvdsub")),
    Input("bluray.mkv", "Blu-ray picture subtitles and DTS", with_files({"s.sup": sup()},
          f"{AV} -i s.sup -map 0 -map 1 -map 2 {H264} -c:a dca -strict -2 -c:s copy")),
    Input("tracks.mkv", "two sound tracks with names, languages, dispositions", lambda path: run(
        f"{AV} -f lavfi -i sine=f=880:r=48000:d=1 -map 0 -map 1 -map 2 {H264} -c:a aac "
        "-metadata:s:a:0 language=eng -metadata:s:a:0 title=Main -metadata:s:a:1 language=jpn "
        "-metadata:s:a:1 title=Comments -disposition:a:0 default -disposition:a:1 comment", path)),
    Input("tracks.mp4", "two sound tracks with names, languages, dispositions", lambda path: run(
        f"{AV} -f lavfi -i sine=f=880:r=48000:d=1 -map 0 -map 1 -map 2 {H264} -c:a aac "
        "-metadata:s:a:0 language=eng -metadata:s:a:0 title=Main -metadata:s:a:1 language=jpn "
        "-metadata:s:a:1 title=Comments -disposition:a:0 default -disposition:a:1 comment", path)),
    Input("two_videos.mkv", "two video tracks", lambda path: run(
        f"-f lavfi -i {PICTURES} -f lavfi -i smptebars=s=64x48:r=25:d=1 -map 0 -map 1 {H264}", path)),
    Input("chapters.mkv", "chapters and tags", with_files({"c.txt": CHAPTERS}, f"{AV} -i c.txt -map 0 -map 1 "
          f"-map_metadata 2 {H264} -c:a aac")),
    Input("chapters.mp4", "chapters and tags", with_files({"c.txt": CHAPTERS}, f"{AV} -i c.txt -map 0 -map 1 "
          f"-map_metadata 2 {H264} -c:a aac")),
    Input("far_chapters.mkv", "chapters, and a clock that starts at 100 s", with_files({"c.txt": CHAPTERS},
          f"{AV} -i c.txt -map 0 -map 1 -map_metadata 2 {H264} -c:a aac -output_ts_offset 100")),
    Input("attachment.mkv", "a font attached", with_files({"font.ttf": bytes(range(256)) * 4},
          f"-f lavfi -i {PICTURES} {H264} -attach font.ttf -metadata:s:t mimetype=font/ttf "
          "-metadata:s:t title=A~font")),
    Input("cover_png.mp4", "a PNG cover", with_files({"c.png": png()}, f"-f lavfi -i {PICTURES} -i c.png "
          f"{_MAPS} {H264} -c:v:1 copy -disposition:v:1 attached_pic")),
    Input("cover_jpeg.mkv", "a JPEG cover", lambda path: (
        Image.fromarray(texture(32, 32)).save(path.with_name("cover.jpg")),
        run(f"-f lavfi -i {PICTURES} {H264} -attach cover.jpg -metadata:s:t mimetype=image/jpeg", path),
        path.with_name("cover.jpg").unlink())),
    Input("quicktime.mov", "QuickTime keys: place, date, maker", ffmpeg(
        f"{H264} -movflags use_metadata_tags -metadata com.apple.quicktime.location.ISO6709=+48.1+011.5/ "
        "-metadata com.apple.quicktime.creationdate=2024-05-01T12:00:00+0200 "
        "-metadata com.apple.quicktime.make=Maker")),
    Input("dated.mp4", "date, place, comment", ffmpeg(
        f"{H264} -metadata creation_time=2024-05-01T12:00:00Z -metadata location=+48.1+011.5/ "
        "-metadata comment=hello -metadata title=Name")),
    Input("timecode.mov", "a timecode track", ffmpeg(f"{H264} -timecode 01:02:03:04")),
    Input("telemetry.ts", "a data stream (KLV)", with_files({"k.bin": b"\x06\x0e\x2b\x34" + bytes(60)},
          f"-f lavfi -i {PICTURES} -f data -i k.bin {_MAPS} {H264} -c:d copy")),
    # What the picture means
    Input("rotated.mp4", "turned by 90 degrees", lambda path: (
        run(f"-f lavfi -i {PICTURES} {H264} -f mp4", path.with_name("up.bin")),
        run("-display_rotation 90 -i up.bin -c copy", path), path.with_name("up.bin").unlink())),
    Input("rotated_aspect.mp4", "turned by 90 degrees, pixels 4:3", lambda path: (
        run(f"-f lavfi -i {PICTURES} -vf setsar=4/3 {H264} -f mp4", path.with_name("up.bin")),
        run("-display_rotation 90 -i up.bin -c copy", path), path.with_name("up.bin").unlink())),
    Input("aspect.mkv", "pixels 4:3", ffmpeg(f"-vf setsar=4/3 {H264}")),
    Input("stereo.mkv", "stereo-3D, side by side", ffmpeg(f"{H264} -metadata:s:v:0 stereo_mode=left_right")),
    Input("spherical.mp4", "360 degrees", spherical),
    Input("hdr10.mkv", "HDR10", ffmpeg(
        "-pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -vf setparams=color_primaries=bt2020:color_trc=smpte2084:colorspace=bt2020nc "
        "-x265-params log-level=none:hdr10=1:master-display=G(13250,34500)B(7500,3000)"
        "R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400")),
    Input("hlg.mkv", "HLG", ffmpeg(
        "-pix_fmt yuv420p10le -c:v libx265 -preset ultrafast -x265-params log-level=none "
        "-vf setparams=color_primaries=bt2020:color_trc=arib-std-b67:colorspace=bt2020nc")),
    Input("full_range.mp4", "full range", ffmpeg(f"-vf scale=out_range=full -color_range pc {H264}")),
    Input("alpha.webm", "VP9 with alpha", ffmpeg(
        f"-vf format=yuva420p,colorchannelmixer=aa=0.5 {_FAST_VP9} -pix_fmt yuva420p")),
    Input("alpha_prores.mov", "ProRes 4444 with alpha", ffmpeg(
        "-vf format=yuva444p10le,colorchannelmixer=aa=0.5 -c:v prores_ks -profile:v 4444 -pix_fmt yuva444p10le")),
    Input("alpha_png.mov", "PNG with alpha", ffmpeg("-vf format=rgba,colorchannelmixer=aa=0.5 -c:v png")),
    Input("alpha_qtrle.mov", "QuickTime Animation with alpha", ffmpeg(
        "-vf format=argb,colorchannelmixer=aa=0.5 -c:v qtrle")),
    Input("ten_bits.mkv", "10 bits", ffmpeg(f"-pix_fmt yuv420p10le {H264}")),
    Input("chroma_444.mkv", "4:4:4", ffmpeg(f"-pix_fmt yuv444p {H264}")),
    Input("chroma_422.mov", "4:2:2 10 bits ProRes", ffmpeg("-c:v prores_ks")),
    Input("rgb.mkv", "RGB", ffmpeg("-c:v ffv1 -pix_fmt gbrp")),
    Input("grey.mkv", "grey", ffmpeg("-c:v ffv1 -pix_fmt gray")),
    Input("palette.avi", "palette", ffmpeg("-c:v msrle")),
    # Interlaced, changing
    Input("fields.ts", "interlaced, top field first", ffmpeg(_FIELDS, pictures="testsrc2=s=128x96:r=50:d=1")),
    Input("fields.mpg", "interlaced MPEG-2, bottom field first", ffmpeg(
        "-vf tinterlace=interleave_bottom,setfield=bff -c:v mpeg2video -flags +ildct+ilme -f vob",
        pictures="testsrc2=s=128x96:r=50:d=1")),
    Input("fields_later.ts", "interlaced from the middle on", joined(
        f"-f lavfi -i testsrc2=s=128x96:r=25:d=1 {H264} -f mpegts",
        f"-f lavfi -i testsrc2=s=128x96:r=50:d=1 {_FIELDS} -f mpegts -output_ts_offset 1"),
        truth={"video.frames": 2 * NUM_FRAMES}),
    Input("grows.ts", "size changes", joined(_SIZES % "128x96", f"{_SIZES % '192x128'} -output_ts_offset 0.6")),
    Input("shrinks.ts", "size changes", joined(_SIZES % "192x128", f"{_SIZES % '96x64'} -output_ts_offset 0.6")),
    Input("deepens.ts", "bits a sample change", joined(
        _SIZES % "128x96", f"-f lavfi -i testsrc2=s=128x96:r=25:d=0.6 -pix_fmt yuv420p10le {H264} -f mpegts "
        "-output_ts_offset 0.6")),
    Input("exif.avi", "EXIF in the first frame", exif_video),
    # Names
    Input("Talk: part 1.mp4", "a colon in the name", ffmpeg(H264)),
    Input("[/b] [red]x.mp4", "brackets in the name", ffmpeg(H264)),
    Input("-o.mp4", "a name like an option", ffmpeg(H264)),
    Input("\udce4\udcff.mp4", "a name that is not UTF-8", ffmpeg(H264)),
    Input("esc\x1b]0;title\x07\x1b[31m.mp4", "escape codes in the name", ffmpeg(H264)),
    Input("n" * 246 + ".mp4", "a name of 250 bytes", ffmpeg(H264)),
    Input("100%d.mp4", "a percent sign in the name", ffmpeg(H264)),
    # Sizes
    *(Input(f"size_{size}.mkv", f"{size} pixels", ffmpeg(
        f"-vf scale={size.replace('x', ':')} -c:v ffv1 -pix_fmt yuv444p", pictures="testsrc2=s=128x96:r=25:d=0.2"))
      for size in ("1x1", "2x2", "3x5", "4x300", "129x97", "2000x2")),
    # Stills
    _still(pillow(), "plain.png", "an ordinary PNG"),
    _still(pillow(exif=exif(6), quality=90), "turned.jpg", "EXIF: turned"),
    _still(pillow("CMYK"), "cmyk.jpg", "CMYK"),
    _still(pillow("L"), "grey.png", "grey"),
    _still(pillow("RGBA"), "alpha.png", "transparent"),
    _still(pillow("P"), "palette.gif", "palette"),
    _still(deep_png, "deep.png", "16 bits a sample"),
    _still(png_text, "xmp.png", "XMP and density"),
    _still(pillow(dpi=(300, 300), compression="tiff_lzw"), "density.tif", "TIFF with density"),
    _still(many_pages, "pages.tif", "three pages"),
    _still(animated("WEBP"), "moves.webp", "animated WebP"),
    _still(animated("PNG"), "moves.png", "animated PNG"),
    _still(cut(pillow(quality=95), 0.5), "cut_off.jpg", "cut off", is_damaged=True),
)  # fmt: skip
"""Every input of the table."""


def make_all(folder: Path, names: set[str] | None = None) -> list[tuple[Input, Path]]:
    """Write the inputs, each to a folder of its own, whose name is plain ASCII; existing ones stay.

    Args:
        folder: Where.
        names: Only these; None = all.
    """
    made = []
    for index, one in enumerate(INPUTS):
        if names is not None and one.name not in names:
            continue
        path = folder / f"{index:03d}" / one.name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            one.make(path)
        made.append((one, path))
    return made
