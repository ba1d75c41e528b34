"""A source goes only where its output has everything of it, or where it is kept elsewhere."""

from pathlib import Path

import pytest

import semvid
from semvid.batch.worth import why_skipped
from semvid.core.config import BatchConfig
from semvid.core.errors import ConfigError

GOOD = {"source_bytes": 100, "output_bytes": 50}
ONLY, KEPT, ASIDE = BatchConfig(replace=True), BatchConfig(replace=True, trash=Path("t")), BatchConfig()


@pytest.mark.parametrize(
    ("found", "only", "kept", "aside"),
    [
        ({}, None, None, None),
        ({"is_input_damaged": True}, "is damaged", "is damaged", None),
        ({"num_missing_frames": 3}, "3 frames seem to be missing; the source stays; `trash`", None, None),
        ({"losses": ["a is left out"]}, "a is left out; the source stays; `trash`", None, None),
        ({"losses": ["a", "b", "a"]}, "a, and 1 more loss; the source stays", None, None),
        ({"output_bytes": 100}, "larger; the source stays", "larger; the source stays", None),
    ],
)
def test_the_reason(found, only, kept, aside):
    for config, words in ((ONLY, only), (KEPT, kept), (ASIDE, aside)):
        why = why_skipped([GOOD | found], config)
        assert why is None if words is None else words in why


def test_what_a_part_lacks_its_video_lacks():
    assert "b is lost" in why_skipped([GOOD, GOOD | {"losses": ["b is lost"]}], ONLY)
    assert "damaged" in why_skipped([GOOD, GOOD | {"is_input_damaged": True}], ONLY)


def test_nothing_is_left_out_of_an_only_copy():
    assert ONLY.video.strict
    assert ONLY.video.verify == "full"
    assert not KEPT.video.strict
    assert KEPT.video.verify == "full"
    assert not ASIDE.video.strict
    own = semvid.CompressConfig(rate=semvid.Crf(30))
    assert ONLY.for_place(own).strict
    with pytest.raises(ConfigError, match="`replace` and `start` exclude each other"):
        ONLY.for_place(semvid.CompressConfig(edit=semvid.EditConfig(start=1.0)))
    why = "stream 1 is left out; `strict` does not allow that"
    assert "`trash`" in ONLY.strictly(why)
    assert KEPT.strictly(why) == why
