"""Suggests what the user probably meant by an unknown option or command."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

_TYPO = 0.75
"""Similarity from which a name counts as a typo. Below it, names mean something else: --force, --focus."""

_NO_SCALING = "semvid keeps the size of the picture; scale it beforehand"
_NO_CUTTING = "semvid takes whole files; cut them beforehand"
_MEANT: Mapping[str, str] = {
    "-y overwrites an existing output": (
        "--overwrite --force -f --replace --clobber --no-clobber --yes-to-all"
    ),
    "-o names the file to write": (
        "--output-dir --outdir --out-dir --output-folder --out --outfile --output-file --dest "
        "--destination -d"
    ),
    "the input needs no option; give it before or after the others": (
        "-i --input --in --infile --input-file --source --src --file"
    ),
    "--crf sets the quality": "--rf --cq --qp -q -q:v --qscale --quantizer",
    "--codec names the encoder": "-c -c:v --encoder --vcodec --video-codec -e --codec:v",
    "--preset sets the speed": "--speed --cpu-used -p --effort --fast --slow",
    "--bitrate sets the rate of the video": "-b -b:v --vb --rate --video-bitrate",
    "--target-size sets the size of the output": (
        "--filesize --file-size --max-size --target --target-bytes -fs"
    ),
    "--target-bytes sets the size of the output": "--size --filesize --file-size --max-size --target-size",
    "--encoder-option {name}=VALUE passes it to the encoder": (
        "--level --gop -g --keyint --bframes --bf --refs --aq-mode --aq-strength --qmin "
        "--qmax --bufsize --x264-params --x265-params --x264opts --x264-opts --crf-max --rc-lookahead "
        "--row-mt --lag-in-frames --deadline --pass --maxrate"
    ),
    "--audio sets the codec of the sound, as in aac:128k": (
        "-c:a --codec:a --acodec --audio-codec --sound --sound-codec --aencoder -b:a --ab -ab "
        "--audio-bitrate --sound-bitrate"
    ),
    "--sound-bitrate sets the rate of the sound": "-b:a --ab -ab --audio-bitrate --audio",
    "--strict stops if something would be converted or left out": (
        "-strict --pedantic --exact --error --no-convert --no-conversion --fail --xerror -xerror"
    ),
    "--deinterlace bwdif deinterlaces": "--yadif --bwdif --deint --interlaced -deinterlace --no-interlace",
    "--wait sets how long to wait for the source": "--timeout --retry --retries --listen",
    "--allow-protocols lets playlists open more": (
        "--protocol-whitelist --protocol_whitelist -protocol_whitelist --protocols --allow-network --insecure"
    ),
    "--drop audio leaves the sound out": "-an --no-audio --mute --strip-audio --no-sound",
    "--drop subtitle leaves subtitles out": "-sn --no-subtitles --no-subs",
    "--sound-bitrate 0 leaves the sound out": "-an --no-audio --mute --no-sound",
    "--maps reads maps from a file": "--map --mask --masks --roi --saliency --importance -m",
    "--track follows what a mask or a box marks": "--follow --mark --seed --init-mask --first-mask",
    "--boxes reads boxes from a file": "--box --bbox --bboxes --detections",
    "--model names the network": "--network --weights --net --checkpoint",
    "--focus sets what matters": "--class --classes --objects --weights",
    "--device sets where the network runs": "--gpu --cuda --cpu --mps --no-gpu",
    "--jobs sets how many files to compress at a time": "-j --workers --parallel --processes --concurrency",
    "--retry sets how often to try again": "--retries --attempts --max-retries --tries",
    "--threads sets how many cores to keep busy": "-j --jobs --workers --num-threads --cores --cpus",
    "--no-preview hides the picture": "--quiet --silent --no-progress",
    "--json prints everything as JSON": "--verbose -v --debug --log-level --loglevel --quiet --silent",
    "--fps sets the frame rate": "-r --framerate --frame-rate --rate",
    "--size sets the size": "--resolution -s --width --height --scale --resize",
    "--start begins later": "-ss --from --begin --trim --seek",
    "--end ends earlier": "-to --until --stop",
    "--duration sets the length": "-t --length",
    "--filter takes filters of FFmpeg": "-vf --vf --filters --filter:v -filter:v",
    _NO_SCALING: "--resize --scale --width --height --resolution -s -vf --vf",
    _NO_CUTTING: "--start -ss --trim -to --end --duration -t --frames",
    "semvid keeps the times of all frames": "--fps -r --framerate --frame-rate",
    "'semvid --version' prints the version": "--version -V",
}
"""Advice for unknown options. One that begins with an option is only for commands that have that option."""

_COMMANDS: Mapping[str, str] = {
    "compress": "encode convert transcode shrink video reduce",
    "image": "picture photo jpeg jpg still img",
    "maps": "map saliency mask importance export",
    "compare": "diff score vmaf psnr ssim metrics measure",
    "overlay": "heatmap heat draw show visualize visualise view",
    "bench": "benchmark bd bd-rate bdrate evaluate",
    "report": "html page plot",
    "stream": "live serve broadcast webcam record camera",
    "devices": "list cameras screens",
    "doctor": "check test info selftest self-test diagnose encoders",
}
_PICTURES = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp", ".heic", ".avif"}
_LIVE = ("rtsp://", "rtmp://", "udp://", "rtp://", "srt://", "http://", "https://", "webcam:")


def option_advice(name: str, options: Iterable[str], given: Sequence[str]) -> str:
    """Return what to use instead of an option that a command does not have; empty if nothing is known.

    Args:
        name: The option as the parser read it.
        options: All spellings of the command's options.
        given: The whole command line.
    """
    options = set(options)
    # Parsers take "-crf" for "-c -r -f".
    word = next((one for one in given if one.startswith(name) and not name.startswith("--")), name)
    word = word.partition("=")[0]
    if f"-{word}" in options:
        return f"write -{word}"
    for advice, names in _MEANT.items():
        first = advice.split()[0]
        if word in names.split() and (first in options or not first.startswith("-")):
            return advice.format(name=word.strip("-").replace("crf-max", "crf_max"))
    close = difflib.get_close_matches(word.strip("-"), [one.strip("-") for one in options], 1, _TYPO)
    return f"did you mean --{close[0]}?" if close and word.startswith("--") else ""


def command_advice(name: str, commands: Iterable[str]) -> str:
    """Return what to type instead of an unknown command; empty if nothing is known."""
    if name.lower().startswith(_LIVE) or name == "screen":
        return f"did you mean 'semvid stream {name}'?"
    for command, names in _COMMANDS.items():
        if name.lower() in names.split():
            return f"did you mean 'semvid {command}'?"
    close = difflib.get_close_matches(name.lower(), list(commands), 1, _TYPO)
    if close:
        return f"did you mean 'semvid {close[0]}'?"
    suffix = PurePath(name).suffix.lower()
    if suffix or "/" in name:
        return f"did you mean 'semvid {'image' if suffix in _PICTURES else 'compress'} {name}'?"
    return ""


def explain(error: Any, given: Sequence[str], known: Iterable[str]) -> str:
    """Return one line that says what is wrong with a command line and what to do.

    Args:
        error: Typer's usage error.
        given: The command line without the program's name.
        known: The names of all commands.
    """
    context = getattr(error, "ctx", None)
    command = getattr(context, "command", None)
    # Some usage errors do not say which command they are about.
    started = next((f"semvid {one}" for one in given[:1] if one in known), "semvid")
    path = getattr(context, "command_path", started)
    # Typer has no words for an empty command line.
    message, advice = str(error.format_message()) or "No command is given", ""
    commands = getattr(command, "commands", None)
    if commands is not None and message.startswith("No such command"):
        name = message.split("'")[1]
        message, advice = f"No such command '{name}'", command_advice(name, commands)
    elif (option := getattr(error, "option_name", None)) and message.startswith("No such option"):
        spelled = (
            [one for each in command.params for one in (*each.opts, *each.secondary_opts)] if command else []
        )
        message = f"No such option: {option}"
        advice = "options come after the command" if commands else option_advice(option, spelled, given)
    elif message.startswith("Got unexpected extra argument"):
        has_output = any("--output" in each.opts for each in getattr(command, "params", ()))
        advice = "the output goes after -o" if has_output else ""
    said = "; ".join(filter(None, [message.rstrip("."), advice]))
    return f"{said} See '{path} --help'." if said.endswith("?") else f"{said}; see '{path} --help'"
