"""Frames as a live source gives them, and a source of maps, for tests."""

import time

import av
import numpy as np
from clips import pictures

import semvid
from semvid.core.coded import TIME_BASE
from semvid.core.types import Frame
from semvid.streaming.base.types import Captured

WIDTH, HEIGHT, RATE = 384, 256, 30
TICKS = 3000


class LeftThird(semvid.ImportanceSource):
    """What matters is the left third; it takes a moment to say so."""

    closed = 0

    def update(self, frame):
        time.sleep(0.005)
        values = np.zeros((8, 12), np.float32)
        values[:, :4] = 1
        return semvid.ImportanceMap(values)

    def close(self):
        LeftThird.closed += 1


def captured_frames(count, width=WIDTH, height=HEIGHT, start=0):
    for k, grey in enumerate(pictures(width, height, count)):
        yield captured(grey, start + k)


def captured(grey, k):
    planes = np.vstack([grey, np.full((grey.shape[0] // 2, grey.shape[1]), 128, np.uint8)])
    picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    picture.pts, picture.time_base = k * TICKS, TIME_BASE
    return Captured(Frame(picture, k, grey, 8), time.monotonic())


def decoded(packets):
    """Decode packets alone, as a player that joined at the first."""
    codec = av.CodecContext.create({"av1": "libdav1d"}.get(packets[0].codec, packets[0].codec), "r")
    found = []
    for one in packets:
        packet = av.Packet(one.data)
        packet.pts, packet.time_base = one.pts, TIME_BASE
        found += codec.decode(packet)
    return found + codec.decode(None)


def feed_all(stream, frames):
    packets, per_frame = [], []
    for one in frames:
        new = stream.feed(Captured(one.frame, time.monotonic()), expected_rate=RATE)
        per_frame.append(len(new))
        packets += new
    return packets, per_frame
