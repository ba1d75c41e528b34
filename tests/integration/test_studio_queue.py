"""The queue of the page: jobs in one store with the batch, paused, cancelled, and gone on with after a restart."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from semvid.batch.jobs.holders import new_holder
from semvid.batch.jobs.store import JobStore
from semvid.core.config import AllocationConfig, CompressConfig, EditConfig, ImageConfig, MapsConfig
from semvid.core.errors import ConfigError, SemvidError
from semvid.core.rate import Crf, Size
from semvid.studio.queue import Queue
from tests.clips import make_clip

QUICK = CompressConfig(maps=MapsConfig(model="spectral"), preset="superfast", probe="none")
SLOW = CompressConfig(
    maps=MapsConfig(model="spectral"), preset="veryslow", edit=EditConfig(size="1440p", enlarge=True)
)


@pytest.fixture
def folder(tmp_path):
    make_clip(tmp_path / "clip.mp4", num_frames=24, audio=True)
    return tmp_path


@contextmanager
def started(folder):
    with Queue(folder) as queue:
        queue.start()
        yield queue
        queue.end_now()


def wait_until(what, seconds=60):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)
    return found


def states(queue):
    return [one.state for one in queue.jobs()]


def test_jobs_are_done_in_order_and_listed_by_the_command(folder):
    with started(folder) as queue:
        first, second = queue.add(folder / "clip.mp4", QUICK), queue.add(folder / "clip.mp4", QUICK)
        wait_until(lambda: states(queue) == ["done", "done"])
        one, two = queue.jobs()
    assert (one.id, two.id) == (first, second)
    assert (one.output, two.output) == ("clip.semvid.mp4", "clip.semvid-2.mp4")
    assert one.changed <= two.changed
    assert one.output_bytes == (folder / one.output).stat().st_size
    assert one.is_ours
    assert one.is_there
    assert 0 < one.saving < 1
    command = [str(Path(sys.executable).with_name("semvid")), "jobs", "list", str(folder)]
    listed = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert listed.stdout.count(" done ") == 2, listed


def test_outputs_do_not_take_names_of_others(folder):
    (folder / "clip.semvid.mp4").write_bytes(b"mine")
    with started(folder) as queue:
        queue.add(folder / "clip.mp4", QUICK)
        wait_until(lambda: states(queue) == ["done"])
        assert queue.jobs()[0].output == "clip.semvid-2.mp4"
    assert (folder / "clip.semvid.mp4").read_bytes() == b"mine"


def test_what_was_dropped_comes_out_where_it_is_seen(folder):
    dropped = folder / ".semvid" / "dropped"
    dropped.mkdir(parents=True)
    (folder / "clip.mp4").rename(dropped / "clip.mp4")
    with started(folder) as queue:
        queue.add(dropped / "clip.mp4", QUICK)
        assert queue.jobs()[0].output == "clip.semvid.mp4"


def test_what_runs_tells_how_far_it_is_and_is_cancelled(folder):
    with started(folder) as queue:
        job = queue.add(folder / "clip.mp4", SLOW)
        waiting = queue.add(folder / "clip.mp4", QUICK)
        wait_until(lambda: (one := queue.jobs()[0].progress) and one.share)
        progress = queue.jobs()[0].progress
        assert 0 < progress.share <= 1
        assert states(queue) == ["running", "waiting"]
        queue.cancel(job)
        wait_until(lambda: states(queue) == ["cancelled", "done"])
        with pytest.raises(ConfigError, match="cancelled already"):
            queue.cancel(job)
        queue.delete(job)
        assert [one.id for one in queue.jobs()] == [waiting]
    assert sorted(one.name for one in folder.iterdir()) == [".semvid", "clip.mp4", "clip.semvid-2.mp4"]


def test_pause_begins_nothing(folder):
    with started(folder) as queue:
        queue.pause()
        queue.add(folder / "clip.mp4", QUICK)
        time.sleep(1.5)
        assert states(queue) == ["waiting"]
        assert queue.is_paused
        queue.resume()
        wait_until(lambda: states(queue) == ["done"])


def test_pause_finishes_what_is_in_hand(folder):
    slower = CompressConfig(
        maps=MapsConfig(model="spectral"), preset="slow", edit=EditConfig(size="720p", enlarge=True)
    )
    with started(folder) as queue:
        queue.add(folder / "clip.mp4", slower)
        queue.add(folder / "clip.mp4", QUICK)
        wait_until(lambda: queue.is_working)
        queue.pause()
        wait_until(lambda: states(queue)[0] == "done")
        time.sleep(0.7)
        assert states(queue) == ["done", "waiting"]


def test_films_are_done_in_parts_and_end_where_they_were(folder):
    # Five frames a second: it is long, and done soon.
    pts = range(0, 330 * 2560, 2560)
    film = make_clip(folder / "film.mp4", width=192, height=112, num_frames=330, pts=pts, options={"g": "10"})
    with started(folder) as queue:
        job = queue.add(
            film, CompressConfig(maps=MapsConfig(model="spectral"), preset="veryslow", probe="none")
        )
        one = wait_until(
            lambda: (
                (one := queue.jobs()[0]).progress and one.progress.num_parts and one.progress.share and one
            )
        )
        assert one.progress.num_parts > 1
        assert one.progress.num_parts_done < one.progress.num_parts
        assert one.progress.share < 1
        queue.cancel(job)
        wait_until(lambda: states(queue) == ["cancelled"])
        queue.retry(job)
        wait_until(lambda: states(queue) == ["done"])


def test_after_a_restart_it_goes_on(folder):
    with started(folder) as queue:
        queue.add(folder / "clip.mp4", SLOW)
        queue.add(folder / "clip.mp4", QUICK)
        wait_until(lambda: queue.is_working)
        queue.end_now()
        queue.close()
        assert states(queue) == ["waiting", "waiting"]
        queue.cancel(1)
    with started(folder) as queue:
        wait_until(lambda: states(queue) == ["cancelled", "done"])


SCRIPT = """
import sys, time
from pathlib import Path
from semvid.core.config import CompressConfig, EditConfig, MapsConfig
from semvid.studio.queue import Queue
if __name__ == "__main__":
    queue = Queue(Path(sys.argv[1]))
    queue.start()
    slow = EditConfig(size="1440p", enlarge=True)
    queue.add(Path(sys.argv[1], "clip.mp4"), CompressConfig(maps=MapsConfig(model="spectral"), preset="veryslow", edit=slow))
    while not queue.is_working:
        time.sleep(0.05)
    print("begun", flush=True)
    time.sleep(600)
"""


def test_after_it_was_killed_it_goes_on(folder):
    command = [sys.executable, "-P", "-c", SCRIPT, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd="/", text=True) as child:
        assert child.stdout.readline() == "begun\n"
        os.kill(child.pid, signal.SIGKILL)
    with Queue(folder) as queue:
        assert states(queue) == ["running"]
        queue.start()
        # At once, and not when the time of the dead is up.
        wait_until(lambda: queue.is_working, 20)
        queue.end_now()
    assert states(queue) == ["waiting"]


def test_closing_finishes_what_is_nearly_done(folder):
    queue = Queue(folder)
    queue.start()
    queue.add(folder / "clip.mp4", QUICK)
    queue.add(folder / "clip.mp4", QUICK)
    wait_until(lambda: queue.is_working)
    queue.close()
    assert states(queue)[0] == "done"


def test_deleting_with_the_output(folder):
    with started(folder) as queue:
        first, second = queue.add(folder / "clip.mp4", QUICK), queue.add(folder / "clip.mp4", QUICK)
        with pytest.raises(ConfigError, match="cancel it first"):
            queue.delete(second)
        wait_until(lambda: states(queue) == ["done", "done"])
        queue.delete(first, with_output=True)
        assert not (folder / "clip.semvid.mp4").exists()
        (folder / "clip.semvid-2.mp4").write_bytes(b"mine now")
        with pytest.raises(ConfigError, match="not as semvid made it"):
            queue.delete(second, with_output=True)
        queue.delete(second)
        assert queue.jobs() == []
        with pytest.raises(ConfigError, match="no job 2 here"):
            queue.retry(second)
    assert (folder / "clip.semvid-2.mp4").read_bytes() == b"mine now"


def test_what_cannot_be_done_is_told_at_once(folder, tmp_path_factory):
    other = make_clip(tmp_path_factory.mktemp("other") / "other.mp4", num_frames=2)
    (folder / "link.mp4").symlink_to(other)
    (folder / "text.mp4").write_text("no video")
    with Queue(folder) as queue:
        for path, config in (
            (other, QUICK),
            (folder / "link.mp4", QUICK),
            (folder / "text.mp4", QUICK),
            (folder / "nothing.mp4", QUICK),
            (folder / "clip.mp4", CompressConfig(codec="x265", preset="plaid")),
        ):
            with pytest.raises(SemvidError):
                queue.add(path, config)
        assert queue.jobs() == []


def test_what_fails_says_why_and_is_tried_again(folder):
    with started(folder) as queue:
        job = queue.add(
            folder / "clip.mp4", CompressConfig(maps=MapsConfig(model="spectral"), rate=Size(300))
        )
        wait_until(lambda: states(queue) == ["failed"])
        assert "300" in queue.jobs()[0].reason
        queue.retry(job)
        wait_until(lambda: states(queue) == ["failed"] and queue.entry(job).num_attempts == 1)


def test_jobs_of_a_batch_are_shown_and_left_to_it(folder):
    from semvid.batch.run import compress_many
    from semvid.core.config import BatchConfig

    (folder / "in").mkdir()
    (folder / "clip.mp4").rename(folder / "in" / "clip.mp4")
    compress_many([folder / "in"], folder, BatchConfig(video=QUICK))
    with JobStore(folder / ".semvid" / "jobs.sqlite") as store:
        store.clean(["done"])
    (folder / "clip.mp4").unlink()
    with started(folder) as queue:
        queue.add(folder / "in" / "clip.mp4", QUICK)
        wait_until(lambda: states(queue) == ["done"])
        compress_many([folder / "in"], folder, BatchConfig(video=QUICK))
        # It also takes the output of the first, which is among its sources.
        assert [one.is_ours for one in queue.jobs()] == [True, False, False]
        with JobStore(folder / ".semvid" / "jobs.sqlite") as store:
            store.cancel()
            assert store.take(new_holder(), 3) is None


def test_a_store_that_somebody_made_writes_nothing_elsewhere(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    with Queue(folder) as queue:
        queue.add(folder / "clip.mp4", QUICK)
    with JobStore(folder / ".semvid" / "jobs.sqlite") as store:
        database = store._database
        with database.changing():
            database.execute("UPDATE jobs SET output = ?", (os.fsencode(elsewhere / "out.mp4"),))
    with started(folder) as queue:
        time.sleep(1.5)
        assert states(queue) == ["waiting"]
    assert list(elsewhere.iterdir()) == []


def test_pictures(folder):
    import cv2

    from tests.clips import texture

    cv2.imwrite(str(folder / "photo.png"), texture(160, 120))
    with started(folder) as queue:
        queue.add(folder / "photo.png", ImageConfig(maps=MapsConfig(model="spectral")))
        with pytest.raises(ConfigError, match="is a picture"):
            queue.add(folder / "photo.png", QUICK)
        wait_until(lambda: states(queue) == ["done"])
    assert (folder / "photo.semvid.jpg").exists()


def test_how_a_job_is_compressed_is_kept(folder):
    config = CompressConfig(rate=Crf(31), allocation=AllocationConfig(strength=0.5))
    with Queue(folder) as queue:
        assert queue.config_of(queue.add(folder / "clip.mp4", config)) == config
