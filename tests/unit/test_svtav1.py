import _ctypes
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.codecs.base.self_test import texture_frames
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.ffmpeg.rated import rated_options
from semvid.codecs.ffmpeg.twins import encode_beside
from semvid.codecs.registry import find_codec
from semvid.codecs.svtav1 import library as library_module
from semvid.codecs.svtav1 import priority, trial, trust
from semvid.codecs.svtav1.av1 import AV1
from semvid.codecs.svtav1.library import Library, load_library
from semvid.codecs.svtav1.live_rate import LiveRate
from semvid.codecs.svtav1.segments import BLOCK_SIZE, Segments, segments_of
from semvid.codecs.svtav1.session import Session
from semvid.core.config import AllocationConfig, CompressConfig
from semvid.core.errors import ConfigError, EncoderError
from semvid.core.luma import plane_of
from semvid.core.rate import Crf
from semvid.core.types import QuantizerOffsets

SMALL = {
    "width": "128", "height": "64", "fps-num": "25", "fps-denom": "1", "input-depth": "8", "preset": "12",
}  # fmt: skip


@pytest.fixture
def untrusted(monkeypatch, tmp_path):
    """Nobody has tried the library yet."""
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache"))
    trust.trusted_library.cache_clear()
    yield tmp_path / "cache"
    trust.trusted_library.cache_clear()


def packets_of(session, num_frames, segments=None, keys=()):
    packets = []
    for number, frame in enumerate(texture_frames(128, 64, num_frames)):
        planes = tuple(plane_of(frame.picture, index) for index in range(3))
        session.send(planes, number, is_key=number in keys, segments=None if number else segments)
        packets += session.packets()
    return [*packets, *session.packets(is_end=True)]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3), st.integers(1, 4), st.integers(0, 4), st.integers(1, 5), st.integers(-90, 90)
        ),
        max_size=8,
    )
)
def test_segments_are_the_first_region_that_covers_a_block(rectangles):
    rows, cols = 4, 5
    regions = np.array([one[:4] for one in rectangles], np.int32).reshape(-1, 4) * BLOCK_SIZE
    levels = [one[4] for one in rectangles]
    found = segments_of(regions, np.array(levels, np.float64) / 255, (rows, cols))
    blocks = np.frombuffer(found.blocks, np.uint8).reshape(rows, cols)
    assert list(found.offsets) == sorted(set(found.offsets), reverse=True)
    for row in range(rows):
        for col in range(cols):
            covering = [one[4] for one in rectangles if one[0] <= row < one[1] and one[2] <= col < one[3]]
            assert found.offsets[blocks[row, col]] == (covering[0] if covering else 0)


def test_what_others_are_predicted_from_is_coarsened_less(monkeypatch):
    sent, send = [], Session.send

    def note(self, planes, number, *, is_key, segments, quantizer):
        sent.append(segments and segments.offsets)
        send(self, planes, number, is_key=is_key, segments=segments, quantizer=quantizer)

    monkeypatch.setattr(Session, "send", note)
    offsets = QuantizerOffsets(np.array([[0, 6]], np.float32), BLOCK_SIZE)
    _, packets = encode_beside(AV1, AV1.options(35, "12", {}), texture_frames(128, 64, 9), offsets)
    assert len(list(packets)) == 9
    octave = round(float(AV1.to_native(np.array([6], np.float32), 35)[0]))
    base, others = (round(0.74 * octave), 0), (round(1.07 * octave), 0)
    # A map stays in force until another comes.
    assert sent == [base, others, None, None, None, None, None, None, base]


@pytest.mark.parametrize(
    ("match", "given", "crf", "lagrangian"),
    [
        ("size", {}, "31.5", "128,80,128,128,128,128,128"),
        ("size", {"lambda-scale-factors": ",".join(["100"] * 7)}, "31.5", ",".join(["100"] * 7)),
        ("region", {}, "35", None),
    ],
)
def test_a_map_at_equal_size_comes_with_a_finer_frame(match, given, crf, lagrangian):
    config = CompressConfig(
        codec="av1", rate=Crf(35), allocation=AllocationConfig(match=match), encoder_options=given
    )
    options, offsets_crf, _ = rated_options(AV1, config, None)
    assert (options["crf"], options.get("lambda-scale-factors"), offsets_crf) == (crf, lagrangian, 35)


def test_every_picture_comes_back_in_order():
    session = Session(load_library(), {**SMALL, "crf": "40", "enable-force-key-frames": "1"})
    packets = packets_of(session, 7, keys=(3,))
    session.close()
    assert [one.number for one in packets] == list(range(7))
    assert [one.number for one in packets if one.is_key] == [0, 3]
    assert session.header[0] >> 3 == 1
    session.close()


def test_low_delay_gives_each_picture_at_once():
    session = Session(load_library(), {**SMALL, "crf": "40", "pred-struct": "1"})
    for number, frame in enumerate(texture_frames(128, 64, 4)):
        session.send(tuple(plane_of(frame.picture, i) for i in range(3)), number, is_key=False, segments=None)
        assert [one.number for one in session.packets()] == [number]
    session.close()


def test_offsets_about_their_mean_stay_where_quantizers_are():
    segments = Segments(1, 4, bytes([0, 0, 0, 1]), (80, 0))
    assert segments.centred(0.5).offsets == (50, -30)
    assert segments.centred(0.5).within(-20, 45) == Segments(1, 4, segments.blocks, (45, -20))


def test_quantizers_that_are_told_move_bits():
    def num_bytes(quantizer):
        session = Session(load_library(), {**SMALL, **AV1.low_delay, **LiveRate.PARAMETERS})
        sizes = []
        for number, frame in enumerate(texture_frames(128, 64, 4)):
            planes = tuple(plane_of(frame.picture, i) for i in range(3))
            session.send(planes, number, is_key=number == 2, segments=None, quantizer=quantizer)
            (packet,) = session.packets()
            assert packet.is_key == (number in {0, 2})
            sizes.append(len(packet.data))
        session.close()
        return sum(sizes)

    fine, middle, coarse = map(num_bytes, (10, 35, 60))
    assert fine > 1.5 * middle > 2.25 * coarse


def rate_of(frame_rate=25, **options):
    options = {"b": "400000", "bufsize": "120000", "g": "50", **options}
    found = LiveRate(options, (320, 192), Fraction(frame_rate))
    assert not options
    return found


def test_live_quantizers_follow_what_there_is_to_code():
    flat = np.full((192, 320), 128, np.uint8)
    noise = np.random.default_rng(1).integers(0, 255, (192, 320), np.uint8)
    assert rate_of().choose(flat, 0.0, is_key=True) == 4
    assert rate_of().choose(noise, 0.0, is_key=True) > 40
    # The same picture in 10 bits.
    assert rate_of().choose(noise.astype(np.uint16) * 4, 0.0, is_key=True) == rate_of().choose(
        noise, 0.0, is_key=True
    )


def test_live_key_frames_come_in_time():
    rate, keys = rate_of(g="3"), []
    for number in range(8):
        keys.append(rate.wants_key or number == 4)
        rate.choose(np.zeros((64, 64), np.uint8), number / 25, is_key=keys[-1])
        rate.coded(100)
    assert [number for number, one in enumerate(keys) if one] == [0, 3, 4, 7]


def test_offsets_have_room_to_the_ends_of_the_quantizer():
    assert rate_of().index_room(63) == (-254, 0)
    assert rate_of().index_room(4) == (-15, 239)


@pytest.mark.skipif(sys.platform != "linux", reason="what threads do is told on Linux alone")
def test_threads_of_others_are_not_taken_for_those_of_the_library():
    name = Path(f"/proc/self/task/{threading.get_native_id()}/comm")
    before, started, is_over = name.read_text(), [], threading.Event()

    def start_another():
        Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text("another")
        threading.Thread(target=lambda: started.append(threading.get_native_id()) or is_over.wait()).start()

    # Other parts of the process start threads too.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
        with priority.kept_priorities() as found:
            session = Session(load_library(), {**SMALL, "crf": "40"})
            pool.submit(start_another).result()
    assert not found & set(started)
    assert name.read_text() == before
    assert session._threads
    is_over.set()
    session.close()


def test_one_encoder_starts_at_a_time():
    """The library keeps the number of threads of an encoder that starts in tables of the whole process."""
    library, starting, most = load_library(), [], []

    class Slow:
        def __getattr__(self, name):
            return getattr(library, name)

        def svt_av1_enc_init(self, handle):
            starting.append(handle)
            most.append(len(starting))
            time.sleep(0.05)
            code = library.svt_av1_enc_init(handle)
            starting.remove(handle)
            return code

    with ThreadPoolExecutor(3) as pool:
        sessions = pool.map(lambda lp: Session(Slow(), {**SMALL, "crf": "40", "lp": lp}), "152")
        for session in sessions:
            session.close()
    assert most == [1, 1, 1]


_STARTS_AT_ONCE = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from semvid.codecs.svtav1.library import load_library
from semvid.codecs.svtav1.session import Session

luma, chroma = np.zeros((256, 448), np.uint8), np.zeros((128, 224), np.uint8)

def encode(lp):
    session = Session(load_library(), {
        "width": "448", "height": "256", "fps-num": "25", "fps-denom": "1", "input-depth": "8",
        "preset": "12", "crf": "60", "lp": lp,
    })
    if lp == "4":
        for number in range(9):
            session.send((luma, chroma, chroma), number, is_key=False, segments=None)
        list(session.packets(is_end=True))
    session.close()

with ThreadPoolExecutor(4) as pool:
    list(pool.map(encode, "1141" * 12))
"""


def test_encoders_that_start_at_once_with_other_threads_do_not_crash(tmp_path):
    done = subprocess.run([sys.executable, "-P", "-c", _STARTS_AT_ONCE], cwd=tmp_path, check=False)
    assert done.returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="what threads do is told on Linux alone")
def test_it_waits_for_threads_that_have_something_to_do(monkeypatch):
    monkeypatch.setattr(priority, "_MOST_SECONDS", 0.2)
    busy, looks = [True, True, True, False], []
    monkeypatch.setattr(priority, "_is_busy", lambda thread: looks.append(thread) or busy[len(looks) - 1])
    priority.wait_for_rest({7})
    assert looks == [7] * 4
    monkeypatch.undo()
    assert priority._is_busy(os.getpid())
    assert not priority._is_busy(2**22 + 1)


def test_segments_move_bits():
    def num_bytes(segments):
        session = Session(load_library(), {**SMALL, "crf": "20"})
        return sum(len(one.data) for one in packets_of(session, 4, segments))

    plain = num_bytes(None)
    assert num_bytes(Segments(1, 2, bytes([1, 1]), (90, 0))) == pytest.approx(plain, rel=0.05)
    assert num_bytes(Segments(1, 2, bytes([0, 0]), (90, 0))) < 0.6 * plain


def test_the_library_passes_its_trial():
    assert trial.find_fault() == ""


def test_what_works_is_tried_once(untrusted, monkeypatch):
    assert trust.trusted_library().version.startswith("4.")
    assert len(list(untrusted.glob("svtav1-*.json"))) == 1
    trust.trusted_library.cache_clear()
    monkeypatch.setattr(trust, "try_library", lambda: pytest.fail("tried twice"))
    assert trust.trusted_library()


def test_a_parameter_nobody_knows_is_refused():
    with pytest.raises(ConfigError, match="does not take `encoder_options=speediness=3`"):
        Session(load_library(), {**SMALL, "speediness": "3"})
    with pytest.raises(EncoderError, match="SVT-AV1 refuses its options: "):
        Session(load_library(), {**SMALL, "width": "2"})


@pytest.mark.parametrize("option", ["width", "h", "input-depth", "color-format"])
def test_nobody_tells_it_another_picture_than_it_gets(option):
    options = AV1.options(40, "12", {option: "400"})
    with pytest.raises(ConfigError, match=f"`encoder_options={option}=400` is for the picture to say; leave"):
        encode_beside(AV1, options, texture_frames(128, 64, 1))


@pytest.mark.skipif(sys.platform != "linux", reason="threads have such policies on Linux alone")
@pytest.mark.skipif(sys.platform != "linux", reason="priorities are put back on Linux alone")
def test_without_a_proc_that_can_be_written_all_new_threads_become_ordinary(monkeypatch, tmp_path):
    monkeypatch.setattr(priority, "_rename", lambda thread, name: False)
    with priority.kept_priorities() as found:
        ended = threading.Event()
        thread = threading.Thread(target=ended.wait)
        thread.start()
    assert thread.native_id in found
    ended.set()
    thread.join()
    monkeypatch.undo()
    monkeypatch.setattr(priority, "_TASKS", tmp_path / "none")
    with priority.kept_priorities() as found:
        pass
    assert found == set()
    pauses = []
    monkeypatch.setattr(priority.time, "sleep", pauses.append)
    priority.wait_for_rest(found)
    assert pauses == [priority._PAUSE_SECONDS]


def test_no_thread_has_real_time_priority():
    before = {one.name for one in Path("/proc/self/task").iterdir()}
    session = Session(load_library(), {**SMALL, "crf": "40"})
    threads = {one.name for one in Path("/proc/self/task").iterdir()}
    policies = {os.sched_getscheduler(int(one)) for one in threads}
    session.close()
    assert len(threads - before) > 1
    assert policies == {os.SCHED_OTHER}
    assert trial.find_fault() == ""
    # Processes that are started inherit that of the thread.
    assert os.sched_getscheduler(0) == os.SCHED_OTHER


def test_another_layout_is_refused():
    class Shifted(Library):
        def svt_av1_enc_parse_parameter(self, configuration, name, value):
            if name == b"tf-strength":
                configuration[449 + 8] = value
                configuration[448 + 8] = b"\1"
                return 0
            return self._functions.svt_av1_enc_parse_parameter(configuration, name, value)

    shifted = Shifted(load_library().path)
    with pytest.raises(EncoderError, match="has another layout than semvid knows"):
        Session(shifted, {**SMALL, "crf": "40"})


def test_another_version_is_refused(monkeypatch):
    monkeypatch.setattr(library_module, "NEWEST", (4, 0))
    with pytest.raises(EncoderError, match=r"SVT-AV1 4\.\d.* and semvid knows 4.0 to 4.0; install av 18.1"):
        Library(load_library().path)


def test_another_library_is_refused(tmp_path):
    (tmp_path / "libSvtAv1Enc.so").write_bytes(b"no library")
    with pytest.raises(EncoderError, match="libSvtAv1Enc.so cannot be loaded"):
        Library(tmp_path / "libSvtAv1Enc.so")
    with pytest.raises(EncoderError, match="has no function svt_av1_get_version; reinstall"):
        Library(Path(_ctypes.__file__))


def test_without_a_library_it_is_said(monkeypatch):
    monkeypatch.setattr(library_module, "_candidates", lambda: iter(()))
    load_library.cache_clear()
    with pytest.raises(EncoderError, match="was not found beside the package av; install av"):
        load_library()
    load_library.cache_clear()


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("import os; os.abort()", "its trial ended with code -6"),
        ("print('with a map, the half marked as finer gained 0.0 dB, and 3 is needed')", "gained 0.0 dB"),
        ("import time; time.sleep(600)", "its trial took more than 0.5 seconds"),
    ],
)
def test_a_library_that_crashes_or_ignores_maps_is_not_driven(
    untrusted, monkeypatch, tmp_path, program, said
):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{program}"\n')
    python.chmod(0o755)
    monkeypatch.setattr(trust.sys, "executable", str(python))
    monkeypatch.setattr(trust, "_SECONDS", 0.5 if "sleep" in program else 60)
    outcome = AV1.self_test()
    assert not outcome.is_available
    assert said in outcome.detail
    assert "use `codec=x265`, or install av 18.1" in outcome.detail
    assert not list(untrusted.glob("svtav1-*.json"))
    # Everything else works.
    assert find_codec("x264").self_test().obeys_map


def test_what_is_predicted_counts_that_frames_are_coded_finer():
    luma = np.random.default_rng(1).integers(0, 255, (96, 160), np.uint8)
    importance = np.ones((1, 1), np.float32)
    found = {}
    for match in ("region", "size"):
        allocator = OffsetAllocator(AV1, AllocationConfig(match=match), 35)
        offsets, predicted = allocator.allocate(importance, luma, (320, 192), is_cut=True)
        assert not offsets.values.any()
        found[match] = predicted.coded / predicted.plain
    assert found["region"] == 1
    assert found["size"] > 1.02
    assert AV1.coded_crf(35, AllocationConfig(match="size", strength=0.5)) == 33.25
    assert AV1.coded_crf(3, AllocationConfig(match="size")) == 1
    assert AV1.coded_crf(35, AllocationConfig(strength=0)) == 35
