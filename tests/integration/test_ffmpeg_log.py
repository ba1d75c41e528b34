"""FFmpeg's log is one for the process: who listens to it stops nobody."""

import subprocess
import sys
import threading

from av import logging
from clips import make_clip

from semvid.media.ffmpeg_log import heard

PATIENCE = 100
READ_AND_LEAVE = """
import sys
from pathlib import Path
from av import logging
from semvid.core.types import Frame, Span
from semvid.media.probe import probe
from semvid.media.reading import reader
from semvid.media.reading.packets import shown_frames

path = Path(sys.argv[1])
pts = shown_frames(probe(path)).pts
logging.set_level(logging.ERROR)
for turn in range(100):
    first = (20 + 7 * turn) % (len(pts) - 20)
    with reader.VideoReader(path, span=reader.Span(int(pts[first]), int(pts[first + 3]) + 1)) as video:
        next(one for one in video.read() if isinstance(one, Frame))
"""


def test_readers_that_leave_early_wait_for_no_thread_that_complains(tmp_path):
    # After a seek to its key frames, which are open, decoders lack what frames before them refer to.
    options = {
        "preset": "ultrafast",
        "x265-params": "keyint=5:min-keyint=5:open-gop=1:bframes=3:log-level=none",
    }
    path = make_clip(
        tmp_path / "open.mkv", codec="libx265", width=128, height=64, num_frames=160, options=options
    )
    # Where it waits for ever, a signal does not end it either.
    subprocess.run([sys.executable, "-P", "-c", READ_AND_LEAVE, str(path)], check=True, timeout=PATIENCE)


def test_the_level_is_what_it_was():
    before, both_in, seen = logging.get_level(), threading.Barrier(2), []

    def listen():
        both_in.wait()
        with heard(logging.INFO) as lines:
            logging.log(logging.INFO, "somebody", "said")
            seen.append(lines)

    threads = [threading.Thread(target=listen) for _ in range(2)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert logging.get_level() == before
    assert [[text for _, _, text in lines] for lines in seen] == [["said"], ["said"]]
