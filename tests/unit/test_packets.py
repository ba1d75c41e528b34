"""Reading goes on after what cannot be read, and only what is wanted is read."""

from fractions import Fraction
from types import SimpleNamespace

from av.error import EOFError as FileEnd
from av.stream import Discard

from semvid.media.reading.packets import PacketReader


class FakeInput:
    """A container whose ``demux`` ends or fails where the script says so."""

    def __init__(self, name, streams, script):
        self.format = SimpleNamespace(name=name, flags=0)
        self.streams = streams
        self._script = iter(script)

    def demux(self):
        for one in self._script:
            if one is None:
                return
            if isinstance(one, Exception):
                raise one
            yield one


def stream(index, kind):
    return SimpleNamespace(index=index, type=kind, disposition=0, discard=Discard.default)


def packet(of, ticks):
    return SimpleNamespace(
        stream=of, pts=ticks, dts=ticks, duration=1, time_base=Fraction(1, 25), size=9, is_discard=False,
        has_sidedata=lambda name: False,
    )  # fmt: skip


def test_the_end_of_one_stream_is_not_that_of_the_others():
    video, sound = stream(0, "video"), stream(1, "audio")
    script = [packet(video, 0), packet(sound, 0), None, packet(video, 1), None, None, packet(video, 2)]
    reader = PacketReader(FakeInput("mov,mp4", [video, sound], script), video, None)
    assert [one.pts for one in reader.read() if one.stream is video] == [0, 1, 2]
    assert not reader.errors.is_unreadable


def test_an_error_does_not_end_the_reading_and_is_remembered():
    video = stream(0, "video")
    script = [packet(video, 0), FileEnd(1, "broken"), packet(video, 1)]
    reader = PacketReader(FakeInput("avi", [video], script), video, None)
    assert len(list(reader.read())) == 2
    assert reader.errors.is_unreadable


def test_endless_errors_end():
    video = stream(0, "video")

    def script():
        yield packet(video, 0)
        while True:
            yield FileEnd(1, "broken")

    reader = PacketReader(FakeInput("avi", [video], script()), video, None)
    assert len(list(reader.read())) == 1


def test_what_is_not_wanted_is_not_read():
    video, sound, words, data = (
        stream(i, kind) for i, kind in enumerate(["video", "audio", "subtitle", "data"])
    )
    PacketReader(FakeInput("mov,mp4", [video, sound, words, data], []), video, [2])
    assert [one.discard for one in (video, sound, words, data)] == [
        Discard.default, Discard.all, Discard.default, Discard.all,
    ]  # fmt: skip
    PacketReader(FakeInput("mov,mp4", [video, sound, words, data], []), video, None)
    assert [one.discard for one in (sound, words, data)] == [Discard.default, Discard.default, Discard.all]
