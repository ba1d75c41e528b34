"""Routes of what encodes: a trial that can be played, and a queue with results."""

import http.client
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from urllib.parse import parse_qs, urlsplit

import av
import pytest

from semvid.cli.profile_config import config_of, still_config_of
from semvid.cli.profiles import known_profiles
from semvid.core.config import CompressConfig
from semvid.core.errors import ConfigError
from semvid.core.rate import Crf, Size
from semvid.studio.folder import Root
from semvid.studio.profiles import Profiles
from semvid.studio.studio import Studio
from semvid.web.studio.server import StudioServer
from tests.clips import make_clip

CHOICES = {"model": "spectral", "preset": "superfast"}


class Client:
    """Asks the server like a browser that has its token."""

    def __init__(self, link):
        parts = urlsplit(link)
        self._host, self._token = parts.netloc, parse_qs(parts.query)["token"][0]

    def get(self, path, headers=None):
        return self._ask("GET", path, None, headers or {})

    def post(self, path, json):
        return self._ask("POST", path, json, {"Content-Type": "application/json"})

    def _ask(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self._host, timeout=60)
        text = None if method == "GET" else json.dumps(body)
        connection.request(method, path, text, {"Authorization": f"Bearer {self._token}", **headers})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        headers = {key.lower(): value for key, value in answer.getheaders()}
        return SimpleNamespace(
            status_code=answer.status, content=content, headers=headers, json=lambda: json.loads(content)
        )


@pytest.fixture
def page(tmp_path):
    make_clip(tmp_path / "clip.mp4", num_frames=50, audio=True)

    def read(name, folder):
        if not name:
            return CompressConfig()
        if name != "small":
            raise ConfigError(f"there is no profile {name}")
        return CompressConfig(rate=Crf(35), preset="superfast")

    with Studio(Root(tmp_path), Profiles(read, {"small": "for tests"})) as studio:
        studio.runs.start()
        with StudioServer(studio) as server:
            client = Client(server.link)
            client.id = client.post("/api/open", json={"path": "clip.mp4"}).json()["id"]
            client.studio, client.folder = studio, tmp_path
            yield client
        studio.runs.queue.end_now()


def wait_until(what, seconds=60):
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)
    return found


def tried(page, **body):
    body = {"frame": 25, "seconds": 1, "plays": ["h264"], "choices": CHOICES, **body}
    answer = page.post(f"/api/video/{page.id}/try", json=body)
    assert answer.status_code == 200, answer.json()
    return wait_until(lambda: (told := page.get("/api/try").json())["state"] != "running" and told)


def jobs(page):
    return page.get("/api/queue").json()["jobs"]


def test_what_can_be_chosen(page):
    told = page.get("/api/choices").json()
    assert [(one["name"], one["about"], one["is_changed"]) for one in told["profiles"]] == [
        ("", "", False), ("small", "for tests", True),
    ]  # fmt: skip
    assert "x264" in [one["name"] for one in told["codecs"]]


def test_a_trial_is_played(page):
    told = tried(page)
    assert (told["state"], told["kind"], told["match"], told["start"]) == ("done", "map", "region", 0.5)
    assert told["ours"]["bytes"] < told["theirs"]["bytes"]
    assert told["estimate"]["bytes"] > told["ours"]["bytes"]
    for side in ("ours", "theirs"):
        address = f"/api/try/{told['id']}/{side}"
        answer = page.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "video/mp4")
        # Browsers seek by parts of files.
        assert page.get(address, headers={"Range": "bytes=0-99"}).status_code == 206
        path = page.folder / "played.mp4"
        path.write_bytes(answer.content)
        with av.open(str(path)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 25
    assert page.get(f"/api/try/{told['id']}/../ours").status_code == 404
    assert page.get("/api/try/0000/ours").status_code == 404
    tried(page, frame=0)
    assert page.get(f"/api/try/{told['id']}/ours").status_code == 404
    assert len(list((page.folder / ".semvid" / "tried").iterdir())) == 1


def test_a_trial_that_fails_says_why(page):
    told = tried(page, choices={**CHOICES, "wish": {"kind": "size", "value": 0.001}})
    assert told["state"] == "failed"
    assert "0.001 MB is too small" in told["failure"]


def test_a_trial_is_stopped(page):
    body = {"frame": 25, "seconds": 2, "plays": [], "choices": {"model": "spectral", "preset": "veryslow"}}
    page.post(f"/api/video/{page.id}/try", json=body)
    assert page.post("/api/try/cancel", json={}).json()["state"] in {"cancelled", "done"}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"frame": -1, "plays": [], "choices": {}}, "frame is -1"),
        ({"frame": 99, "plays": [], "choices": {}}, "Frame 99 does not exist"),
        ({"frame": 0, "choices": {}}, "plays is missing"),
        ({"frame": 0, "plays": [], "choices": {"codec": "h266"}}, "unknown"),
        ({"frame": 0, "plays": [], "choices": {"profile": "huge"}}, "no profile huge"),
        ({"frame": 0, "seconds": 900, "plays": [], "choices": {}}, "seconds is 900"),
        ([], "not an object"),
    ],
)
def test_trials_that_are_refused(page, body, words):
    answer = page.post(f"/api/video/{page.id}/try", json=body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert page.post("/api/video/0123/try", json=body).status_code == 404


def test_from_the_queue_to_a_result(page):
    answer = page.post(f"/api/video/{page.id}/queue", json={**CHOICES, "profile": "small"})
    assert answer.json() == {"job": 1, "map_words": ""}
    done = wait_until(lambda: (one := jobs(page)[0])["state"] == "done" and one)
    assert (done["name"], done["output"], done["report"]) == ("clip.mp4", "clip.semvid.mp4", "")
    config = page.studio.runs.queue.config_of(1)
    assert (config.rate, config.preset, config.maps.model) == (Crf(35), "superfast", "spectral")
    file = page.get("/api/queue/1/output")
    assert file.content == (page.folder / "clip.semvid.mp4").read_bytes()
    assert "attachment" in file.headers["content-disposition"]
    page.post("/api/queue/1/compare", json={})
    told = wait_until(lambda: (told := page.get("/api/try").json())["state"] != "running" and told)
    assert (told["state"], told["kind"]) == ("done", "result")
    assert told["ours"]["bytes"] == done["output_bytes"]
    assert page.get(f"/api/try/{told['id']}/theirs").status_code == 200
    assert page.get("/api/queue/1/report").status_code == 404
    assert page.post("/api/queue/1/report", json={}).status_code == 200
    report = wait_until(lambda: (one := jobs(page)[0]["report"]) != "making" and one)
    assert report == "done"
    shown = page.get("/api/queue/1/report")
    assert b"<html" in shown.content
    assert shown.headers["content-type"].startswith("text/html")
    assert "content-disposition" not in shown.headers
    policy = shown.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-scripts")
    assert "allow-same-origin" not in policy
    told = page.get("/api/queue")
    assert told.headers["content-security-policy"].startswith("default-src 'none'")
    if not told.json()["has_file_manager"]:
        answer = page.post("/api/queue/1/folder", json={})
        assert (answer.status_code, "there is no desktop here" in answer.json()["error"]) == (400, True)
    assert page.post("/api/queue/1/delete", json={"with_output": True}).json()["jobs"] == []
    assert not (page.folder / "clip.semvid.mp4").exists()
    # The next one has the same number and the same output, and the report beside it is not of that.
    assert page.post(f"/api/video/{page.id}/queue", json=CHOICES).json()["job"] == 1
    done = wait_until(lambda: (one := jobs(page)[0])["state"] == "done" and one)
    assert (done["output"], done["report"]) == ("clip.semvid.mp4", "")


def test_what_a_link_leads_to_elsewhere_is_not_sent(page, tmp_path_factory):
    page.post(f"/api/video/{page.id}/queue", json=CHOICES)
    wait_until(lambda: jobs(page)[0]["state"] == "done")
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.mp4"
    secret.write_bytes(b"secret")
    output = page.folder / "clip.semvid.mp4"
    output.unlink()
    output.symlink_to(secret)
    output.with_name(f"{output.name}.report.html").symlink_to(secret)
    for path in ("/api/queue/1/output", "/api/stills/zip?jobs=1"):
        answer = page.get(path)
        assert (answer.status_code, "leads out of the folder" in answer.json()["error"]) == (400, True)
    assert page.get("/api/queue/1/report").status_code == 404


def test_pause_cancel_and_retry(page):
    assert page.post("/api/queue/pause", json={}).json()["is_paused"]
    page.post(f"/api/video/{page.id}/queue", json=CHOICES)
    assert page.post("/api/queue/1/retry", json={}).status_code == 400
    assert page.post("/api/queue/1/cancel", json={}).json()["jobs"][0]["state"] == "cancelled"
    assert page.post("/api/queue/1/retry", json={}).json()["jobs"][0]["state"] == "waiting"
    assert page.get("/api/queue/1/output").status_code == 400
    assert page.post("/api/queue/9/cancel", json={}).status_code == 400
    assert not page.post("/api/queue/resume", json={}).json()["is_paused"]
    wait_until(lambda: jobs(page)[0]["state"] == "done")


def test_bad_choices_are_refused_at_once(page):
    wrong = {"codec": "vp9", "wish": {"kind": "quality", "value": 400}}
    answer = page.post(f"/api/video/{page.id}/queue", json=wrong)
    assert answer.status_code == 400
    assert "wish.value" in answer.json()["error"]
    assert jobs(page) == []


def test_profiles_of_the_command_line(tmp_path):
    assert "messaging" in known_profiles()
    assert config_of("messaging", tmp_path).rate == Size(25_000_000)
    # Of many at once each is what it is alone.
    names = ["", *known_profiles()]
    alone = {name: config_of(name, tmp_path) for name in names}
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(6) as pool:
            found = pool.map(lambda name: (name, config_of(name, tmp_path)), names * 30)
            assert all(config == alone[name] for name, config in found)
    finally:
        sys.setswitchinterval(interval)
    with pytest.raises(ConfigError, match="no profile nothing"):
        config_of("nothing", tmp_path)
    (tmp_path / "semvid.toml").write_text('[compress]\ncrf = "fine"\n[image]\nquality = "fine"\n')
    for read, option in ((config_of, "--crf"), (still_config_of, "--quality")):
        with pytest.raises(ConfigError, match=f"a file of defaults, or the profile, is wrong: .*{option}"):
            read("", tmp_path)
