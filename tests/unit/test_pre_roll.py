"""What an encoder sees of the frames before a part, and what is kept of it."""

from __future__ import annotations

from fractions import Fraction
from types import SimpleNamespace

import pytest

from semvid.core.coded import CodedPacket
from semvid.core.errors import EncoderError
from semvid.core.types import AnalysedFrame, Span
from semvid.engine.encoding import Encoded
from semvid.engine.pre_roll import Lead, PreRoll

SPAN = Span(10, 14)


def before_part(num_ticks):
    lead = Lead(Fraction(num_ticks, 25)) if num_ticks else None
    return PreRoll(SPAN, Fraction(1, 25), lead)


def frames(*times):
    return [AnalysedFrame(SimpleNamespace(pts=one), None, is_cut=False) for one in times]


def packet(pts, *, is_keyframe=False):
    return CodedPacket(b"data", "h264", pts, pts, 1, is_keyframe)


def encoded(pts, *packets):
    return Encoded(SimpleNamespace(decoded=SimpleNamespace(pts=pts)), list(packets))


@pytest.mark.parametrize(("num_ticks", "first"), [(0, 10), (3, 7), (99, 0)])
def test_an_encoder_sees_the_end_of_what_is_before_a_part(num_ticks, first):
    pre_roll = before_part(num_ticks)
    passed = list(pre_roll.hide(iter([*frames(*range(20)), "event"])))
    assert [one.frame.pts for one in passed if isinstance(one, AnalysedFrame)] == [10, 11, 12, 13]
    shown = [one for one in pre_roll.show(iter(passed)) if one != "event"]
    assert [one.frame.pts for one in shown] == list(range(first, 14))
    assert [one.frame.pts for one in shown if one.wants_key] == ([10] if num_ticks else [])


def test_what_is_coded_of_it_is_thrown_away_also_where_it_comes_later():
    items = [
        encoded(8, packet(7, is_keyframe=True)), encoded(10), "event", encoded(11, packet(9), packet(8)),
        encoded(12, packet(10, is_keyframe=True), packet(9)), Encoded(None, [packet(11)]),
    ]  # fmt: skip
    found = list(before_part(3).drop(iter(items)))
    assert found[1] == "event"
    packets = [one for item in found if item != "event" for one in item.packets]
    assert [one.pts for one in packets] == [10, 11]


def test_a_part_that_begins_without_a_key_frame_is_refused():
    with pytest.raises(EncoderError, match="does not begin with a key frame"):
        list(before_part(3).drop(iter([encoded(12, packet(10))])))
