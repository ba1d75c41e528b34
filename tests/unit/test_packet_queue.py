"""What waits for a sink stays bounded and can always be decoded."""

from hypothesis import given
from hypothesis import strategies as st

from semvid.core.coded import CodedPacket
from semvid.streaming.base.sound import CHUNK_TICKS, SILENCE, SoundChunk
from semvid.streaming.sinks.packet_queue import PacketQueue


def packet(index, is_keyframe):
    return CodedPacket(bytes([index % 256]), "h264", index * 3000, index * 3000, 3000, is_keyframe)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 3)), max_size=200), st.floats(0.1, 2))
def test_what_comes_out_can_be_decoded(events, seconds):
    queue, index, taken, last = PacketQueue(seconds), 0, 0, None
    for puts, gets in events:
        for _ in range(puts):
            queue.put(packet(index, index % 7 == 3))
            index += 1
        for _ in range(min(gets, len(queue))):
            one = queue.get()
            number = one.dts // 3000
            assert one.is_keyframe or number == last + 1
            last, taken = number, taken + 1
        assert len(queue) <= seconds * 30 + 1
        assert taken + len(queue) + queue.num_dropped == index


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 8)), max_size=100), st.floats(0.1, 2))
def test_sound_comes_out_in_order_and_only_after_a_key_frame(events, seconds):
    queue, index, chunk, last = PacketQueue(seconds), 0, 0, None
    num_packets = 0
    for puts, gets in events:
        for _ in range(puts):
            queue.put(packet(index, index % 7 == 3))
            index += 1
            while (chunk + 1) * CHUNK_TICKS <= index * 3000:
                queue.put_sound(SoundChunk(SILENCE, chunk * CHUNK_TICKS))
                chunk += 1
        for _ in range(min(gets, len(queue))):
            one = queue.get()
            if isinstance(one, CodedPacket):
                num_packets += 1
            else:
                assert num_packets
                assert last is None or one.pts > last
                last = one.pts
        # Of sound there are fifty chunks a second.
        assert len(queue) <= seconds * 80 + 4


def test_sound_alone_is_not_kept():
    queue = PacketQueue(10)
    queue.put_sound(SoundChunk(SILENCE, 0))
    assert len(queue) == 0
    queue.put(packet(0, True))
    queue.put_sound(SoundChunk(SILENCE, 0))
    queue.get()
    queue.put_back(queue.get())
    assert queue.needs_keyframe
    assert queue.num_dropped == 0


def test_what_was_not_written_waits_only_with_its_key_frame():
    queue = PacketQueue(10)
    for index in range(10):
        queue.put(packet(index, index % 5 == 0))
    queue.put_back(queue.get())
    assert queue.get().dts == 0
    queue.put_back(queue.get())
    assert queue.get().dts == 15_000
    queue.put_back(packet(4, False))
    assert queue.needs_keyframe
    assert len(queue) == 0
    assert queue.num_dropped == 9
