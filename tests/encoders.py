"""The encoders of FFmpeg that take regions, for tests that go over all of them."""

from semvid.codecs.registry import CODECS

ENCODERS = {name: one for name, one in CODECS.items() if one.takes_offsets}
LIVE = {name: one for name, one in ENCODERS.items() if one.not_live is None}
