"""Configs and jobs are values: what they say survives JSON, pickling and copying, and what is wrong is named."""

import copy
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Literal, get_args, get_origin

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import semvid
from semvid.codecs.registry import CODECS
from semvid.core.config import CLASSES, METRICS
from semvid.core.errors import ConfigError
from semvid.core.frozen import FrozenMapping
from semvid.core.plain import from_plain, to_plain
from semvid.core.setting_types import Limits, hints_of

NAMES = st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=9)
CONFIGS = [getattr(semvid, name) for name in semvid.__all__ if name.endswith("Config")]
KINDS = [*CONFIGS, semvid.Crf, semvid.Quality, semvid.Bitrate, semvid.Size, semvid.Job]
SCALARS = {bool: st.booleans(), str: NAMES, Path: NAMES.map(Path), NoneType: st.none()}
SPECIAL = {
    "model": st.sampled_from([None, "msroi", "spectral", "my/net.onnx"]),
    "weights": st.dictionaries(st.sampled_from(CLASSES), st.floats(0, 10)),
    "metrics": st.lists(st.sampled_from(METRICS), min_size=1).map(tuple),
    "audio": st.sampled_from(["auto", "copy", "opus:128k", "flac"]),
    "codec": st.sampled_from(list(CODECS)),
    "size": st.none() | st.just((640, 360)),
    "boxes": st.none(),
    "track": st.just(()),
    "span": st.none() | st.builds(semvid.Span, st.integers(0, 9), st.integers(10, 2**62)),
}

LIVE = {
    "rate": st.integers(50_000, 200_000_000).map(semvid.Bitrate),
    "temporal": st.floats(0, 0.99).map(lambda share: semvid.TemporalConfig(smoothing=share)),
}


def values(hint):
    """Anything a field of this type takes."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is None:
        return SCALARS[hint] if hint in SCALARS else made(hint)
    if origin is Annotated:
        limits = next((one for one in args if isinstance(one, Limits)), None)
        numbers = {int: st.integers, float: st.floats}.get(args[0])
        return numbers(limits.low, limits.high) if numbers and limits else values(args[0])
    ways = {
        Literal: lambda: st.sampled_from(args), tuple: lambda: st.tuples(*map(values, args)),
        frozenset: lambda: st.frozensets(values(args[0])),
        Mapping: lambda: st.dictionaries(*map(values, args), max_size=4),
    }  # fmt: skip
    return ways.get(origin, lambda: st.one_of(*map(values, args)))()


@st.composite
def made(draw, kind):
    """Some fields left at their default, the rest anything that fits."""
    given = {
        name: draw(
            LIVE[name] if name in LIVE and kind is semvid.LiveConfig else SPECIAL.get(name, values(hint))
        )
        for name, hint in hints_of(kind).items()
        if name not in {"MOVED", "USUAL_MODEL", "MEASURE"} and (kind not in CONFIGS or draw(st.booleans()))
    }
    if given.get("path") is None:
        given.pop("hold", None)
    try:
        return kind(**given)
    except ConfigError:
        assume(False)


def through_json(value):
    if isinstance(value, semvid.Job):
        return semvid.Job.from_json(value.to_json())
    return from_plain(type(value), json.loads(json.dumps(to_plain(value), allow_nan=False)), "config")


@pytest.mark.parametrize("kind", KINDS, ids=lambda one: one.__name__)
@given(st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
def test_values_survive_json_pickle_and_copies(kind, data):
    value = data.draw(made(kind))
    pickled = pickle.loads(pickle.dumps(value))  # noqa: S301 - it was made here
    for same in (through_json(value), pickled, copy.deepcopy(value)):
        assert type(same) is type(value)
        assert same == value
        assert hash(same) == hash(value)


def test_a_frozen_mapping_is_a_value():
    one, other = FrozenMapping({"a": 1, "b": 2}), FrozenMapping([("b", 2), ("a", 1)])
    assert (one, hash(one)) == (other, hash(other))
    assert one == {"b": 2, "a": 1}
    assert list(one) == ["a", "b"]
    with pytest.raises(TypeError):
        one["a"] = 3


JOB = semvid.Job(
    Path("in.mkv"), None, Path("out.mkv"),
    semvid.CompressConfig(rate=semvid.Bitrate(800_000), maps=semvid.MapsConfig(focus=semvid.FocusConfig({"face": 2}))),
)  # fmt: skip


def changed(path, value):
    record = JOB.to_plain()
    inner = record
    for one in path[:-1]:
        inner = inner[one]
    inner[path[-1]] = value
    return json.dumps(record)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "^the job cannot be read: it is not JSON"),
        ("[]", "^it is not a job"),
        ('{"schema": "semvid-report"}', "^it is not a job"),
        (changed(["version"], 2), "^the job has version 2, .* reads 1; install a newer"),
        (changed(["version"], True), "^the job has version true"),
        ('{"schema": "semvid-job", "version": 1}', r"^job.source is missing"),
        (changed(["speed"], 2), r"^job.speed is unknown; known are source, span, output, config"),
        (changed(["source"], 3), r"^job.source is 3 \(int\), which is no path"),
        (changed(["config"], []), r"^job.config is \[\] \(list\); give an object"),
        (changed(["config", "crf"], 3), r"^job.config.crf is unknown; known are maps, threads, codec, rate"),
        (changed(["config", "strict"], 1), r"^job.config.strict is 1 \(int\), .*give True or False"),
        (changed(["config", "drop"], ["music"]), r"^`job.config.drop=music` is unknown; choose one of video"),
        (changed(["config", "maps", "focus", "threshold"], 3), r"^`job.config.maps.focus.threshold=3` .* 0 to 1"),
        (changed(["config", "maps", "focus", "weights"], {"face": 11}), r"^`job.*.focus.weights\['face'\]=11` is out"),
        (changed(["config", "maps", "hold"], True), r"^job.config.maps: `hold` needs `path`"),
        (changed(["config", "rate"], 30), r"^job.config.rate is 30 \(int\); give an object"),
        (changed(["config", "rate", "kind"], "qp"), r"^job.config.rate.kind is 'qp' .*crf, quality, bitrate, size"),
        (changed(["config", "rate", "bits_per_second"], "1M"), r"^job.config.rate.bits_per_second is '1M'"),
        (changed(["span"], {"start": 5, "end": 5}), "^job.span: .* is empty or backwards"),
        (changed(["span"], {"start": 0.5}), "^job.span.start is 0.5"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_json_is_named_by_its_place(text, words):
    with pytest.raises(ConfigError, match=words) as raised:
        semvid.Job.from_json(text)
    assert "\n" not in str(raised.value)


def test_what_json_leaves_out_has_its_default():
    job = semvid.Job.from_json('{"schema": "semvid-job", "version": 1, "source": "a.mkv", "config": {}}')
    assert job == semvid.Job("a.mkv")
    assert job.config == semvid.CompressConfig()


def test_names_that_are_not_unicode_survive():
    job = semvid.Job("a\udcff.mkv")
    assert semvid.Job.from_json(job.to_json()) == job


def test_a_job_without_folders_names_nobody():
    maps = semvid.MapsConfig(model="/home/me/net.onnx", boxes="/home/me/boxes.jsonl")
    config = semvid.CompressConfig(maps=maps, save_maps="/home/me/a.svmap")
    bare = semvid.Job("/home/me/in.mkv", None, "/home/me/out.mkv", config).without_folders()
    assert "/" not in bare.to_json()
    assert bare.config.maps == semvid.MapsConfig(model="net.onnx", boxes="boxes.jsonl")
