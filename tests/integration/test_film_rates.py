"""Long videos in parts reach sizes, bit rates and scores as a whole, and go on after a kill at any moment."""

import json
import sqlite3
from functools import partial

import apart
import pytest
from clips import make_clip

import semvid
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.batch.plan import plan_jobs
from semvid.batch.run import compress_many
from semvid.batch.sources import find_sources
from semvid.core.config import BatchConfig

FAST = {"x264": "superfast", "x265": "veryfast", "vp9": "8", "av1": "12"}
SIZE = semvid.AllocationConfig(match="size")


def make_film(path, rate):
    """44 seconds with a cut and key frames every second: four parts. Its width is for bytes to be compared (REPEATABLE_WIDTH)."""
    return make_clip(
        path, num_frames=44 * rate, pts=[12_800 // rate * one for one in range(44 * rate)], cut_at=12 * rate - 1,
        width=128, height=64, options={"preset": "ultrafast", "g": str(rate), "crf": "18"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return make_film(tmp_path_factory.mktemp("film") / "film.mkv", 4)


def config_of(codec="x264", **more):
    video = semvid.CompressConfig(
        codec=codec, preset=FAST[codec], maps=semvid.MapsConfig(model="spectral"), **more
    )  # fmt: skip
    return BatchConfig(video=video, part_seconds=10)


def run(film, output, config):
    told = []
    compress_many([film], output, config, on_event=told.append)
    with JobStore(output / WORK_FOLDER / STORE) as store:
        (entry,) = store.entries()
    return entry, told


def began(told):
    """Which part each job is that was begun, None = of the whole; without the one that divides it."""
    parts = [one.part for one in told if type(one).__name__ == "JobBegan"]
    return parts[any("is compressed in" in getattr(one, "message", "") for one in told) :]


@pytest.fixture(scope="module")
def usual(film, tmp_path_factory):
    """In parts at the usual quality, with nothing to reach."""
    entry, told = run(film, tmp_path_factory.mktemp("usual"), config_of())
    assert sorted(began(told)[:-1]) == [1, 2, 3, 4]
    return entry.result


def change_solution(output, change):
    """Change what was found for a film, as if trials had told something else."""
    with sqlite3.connect(output / WORK_FOLDER / STORE) as database:
        number, text = database.execute(
            "SELECT id, result FROM jobs WHERE result LIKE '%solution%'"
        ).fetchone()
        result = json.loads(text)
        change(result["solution"])
        database.execute("UPDATE jobs SET result = ? WHERE id = ?", (json.dumps(result), number))


def killed_at(film, output, config, is_time):
    """Run a batch in a process that dies at an event."""
    apart.run_until_killed(apart.compress_until, [film], output, config, is_time)


def test_a_size_is_that_of_the_whole_and_survives_kills(film, usual, tmp_path):
    wanted = round(0.75 * usual["output_bytes"])
    config = config_of(rate=semvid.Size(wanted))
    undisturbed, told = run(film, tmp_path / "undisturbed", config)
    assert began(told)[0] is None
    assert sorted(began(told)[1:5]) == [1, 2, 3, 4]
    assert 0.97 * wanted < undisturbed.result["output_bytes"] <= wanted
    assert undisturbed.output.stat().st_size == undisturbed.result["output_bytes"]
    assert abs(undisturbed.result["saving"] - usual["saving"]) < 0.05
    output = tmp_path / "killed"
    killed_at(film, output, config, partial(apart.has_ended, part=0))
    killed_at(film, output, config, partial(apart.has_ended, part=2))
    again, told = run(film, output, config)
    before_joining = began(told)[: began(told).index(None)]
    assert before_joining, "what was found is not searched again"
    assert 2 not in before_joining, "a part that was done is not encoded again"
    assert again.output.read_bytes() == undisturbed.output.read_bytes()
    assert not list((output / WORK_FOLDER / "parts").iterdir())


def test_only_some_parts_are_corrected_also_if_that_is_interrupted(film, usual, tmp_path):
    """A little off, so that the whole is a little too large."""
    wanted = round(0.8 * usual["output_bytes"])
    config = config_of(rate=semvid.Size(wanted))

    def change(solution):
        solution["quality"] = solution["config"]["rate"]["value"] = found["base"] - 0.25

    # The quality at which it is as asked for, away from where headers change.
    first, _ = run(film, tmp_path / "first", config)
    found = first.result["rounds"][-1]
    if found["base"] % 1 < 0.3 or found["base"] % 1 > 0.6:
        found["base"] = found["base"] // 1 + 0.45
    outputs = []
    for name in ("undisturbed", "killed"):
        output = tmp_path / name
        killed_at(film, output, config, partial(apart.has_ended, part=0))
        change_solution(output, change)
        if name == "killed":
            killed_at(film, output, config, apart.is_corrected)
            killed_at(film, output, config, apart.has_ended)
        entry, _ = run(film, output, config)
        assert 0.97 * wanted < entry.result["output_bytes"] <= wanted
        assert len(entry.result["rounds"]) > 1
        outputs.append(entry.output.read_bytes())
        last = entry.result["rounds"][-1]["qualities"]
        assert max(last) - min(last) < 1
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("codec", ["x264", "x265", "vp9"])
def test_a_bit_rate_is_that_of_the_whole(codec, film, tmp_path):
    config = config_of(codec, rate=semvid.Bitrate(15_000))
    entry, _ = run(film, tmp_path, config)
    assert entry.state == "done", entry.reason
    assert entry.result["video_bytes"] * 8 / 44 == pytest.approx(15_000, rel=0.021)


def test_it_is_as_large_as_a_plain_encode_of_the_whole(tmp_path):
    # Where there are few frames, those with which parts begin tell.
    film = make_film(tmp_path / "film.mkv", 10)
    entry, _ = run(film, tmp_path / "parts", config_of(allocation=SIZE))
    plain = config_of(allocation=semvid.AllocationConfig(strength=0))
    compared, _ = run(film, tmp_path / "plain", plain)
    assert entry.result["video_bytes"] == pytest.approx(compared.result["video_bytes"], rel=0.03)
    assert abs(entry.result["missed_by"]) <= 0.01
    assert entry.result["gain_db"] > 0
    assert entry.result["plain_bytes"] == pytest.approx(entry.result["output_bytes"], rel=0.011)


@pytest.mark.parametrize(("rate", "measure", "near"), [
    (semvid.Vmaf(88), "vmaf", 1.0), (semvid.RegionPsnr(36.0), "psnr", 0.3),
])  # fmt: skip
def test_a_score_is_that_of_the_whole(rate, measure, near, film, tmp_path):
    entry, _ = run(film, tmp_path, config_of(rate=rate))
    assert entry.state == "done", entry.reason
    result = entry.result
    assert result["score"] == pytest.approx(rate.value, abs=0.41)
    assert result["num_scored"] >= 160
    if measure == "vmaf":
        compared = semvid.compare(film, entry.output, config=semvid.CompareConfig(metrics=("vmaf",)))
        assert compared.pooled["vmaf"].mean == pytest.approx(result["score"], abs=near)


def test_what_is_out_of_reach_is_told_of_the_whole(film, tmp_path):
    entry, told = run(film, tmp_path, config_of(rate=semvid.Size(8_000)))
    assert entry.state == "failed"
    assert entry.reason.startswith("`Size(8000)` is too small: at the lowest quality")
    assert [one.part for one in told if type(one).__name__ == "PartEnded"] == [0]


def test_all_parts_go_without_a_map_or_none(film, tmp_path):
    entry, told = run(film, tmp_path, config_of("av1"))
    assert entry.state == "done", entry.reason
    assert [began(told)[0], *sorted(began(told)[1:-1]), began(told)[-1]] == [None, 1, 2, 3, 4, None]
    if entry.result["map_left_out"]:
        assert entry.result["saving"] == 0
    else:
        assert entry.result["saving_error"] > 0


@pytest.mark.parametrize(
    ("more", "is_divided"),
    [
        ({}, True),
        ({"rate": semvid.Size(10_000)}, True),
        ({"allocation": SIZE}, True),
        ({"rate": semvid.Vmaf(90)}, True),
        ({"rate": semvid.AsGoodAs("other.mp4")}, False),
        ({"peak": semvid.Peak(500_000)}, False),
        ({"edit": semvid.EditConfig(start=3)}, False),
    ],
)
def test_what_needs_one_encoder_stays_in_one_piece(more, is_divided, film, tmp_path):
    with JobStore(tmp_path / STORE) as store:
        sources = find_sources([str(film)], []).sources
        plan = plan_jobs(sources, tmp_path, config_of(**more), store)
    assert bool(plan.jobs[0].task["part_seconds"]) == is_divided
