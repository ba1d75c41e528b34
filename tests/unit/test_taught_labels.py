"""Frames of clips: what two networks and exact outlines make of them, and which are kept."""

import hashlib
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from clips import make_clip
from training_packs import disc, jpeg, write_frame, write_second_pack

from semvid.core.errors import ConfigError
from semvid.models.training import foreground, second_pack
from semvid.models.training.pack import PACK_CHANNELS, decode_rgb
from semvid.models.training.taught import TAUGHT, frame_example, load_frames

SALIENT, PERSON, ANIMAL = (PACK_CHANNELS.index(name) for name in ("salient", "person", "animal"))


def test_an_outline_counts_as_far_as_it_matters(tmp_path):
    soft = cv2.GaussianBlur(disc(20, 15, 8), (0, 0), 2)
    one = frame_example(
        write_frame(tmp_path, "clip__a__1", outline=disc(20, 15, 7), maps={"person": soft, "salient": soft})
    )
    assert (one.salient_from, one.source, one.terms, one.split) == (TAUGHT, "clip", "open", "train")
    salient = one.labels[SALIENT]
    assert salient[15, 20] > 220
    assert (salient[disc(20, 15, 7) == 0] == 0).all()
    assert np.array_equal(one.labels[PERSON] > 127, disc(20, 15, 7) > 127)
    assert one.doubt.max() < 64, "a quarter: edges alone"


def test_a_frame_the_networks_differ_about_is_left_out(tmp_path):
    there = disc(10, 15, 6)
    write_frame(tmp_path, "clip__a__1", outline=disc(30, 15, 6), maps={"person": there, "salient": there})
    write_frame(tmp_path, "clip__a__2", outline=there, maps={"person": there, "salient": there})
    assert [one.name for one in load_frames(tmp_path)] == ["clip__a__2"]


def test_an_empty_scene_teaches_that_nothing_matters(tmp_path):
    one = frame_example(
        write_frame(tmp_path, "clip__a__1", outline=disc(5, 5, 2) // 9, maps={"salient": disc(30, 9, 3) // 5})
    )
    assert one.salient_from == TAUGHT
    assert one.labels[SALIENT].max() < 30


def test_nothing_is_learned_where_they_differ_in_places(tmp_path):
    big, fence, missed = disc(20, 15, 9), disc(36, 4, 2), disc(4, 26, 2)
    seen = np.maximum(big, missed)
    one = frame_example(
        write_frame(
            tmp_path, "clip__a__1", outline=np.maximum(big, fence), maps={"person": seen, "salient": seen}
        )
    )
    assert one.doubt[4, 36] == 255
    assert one.doubt[26, 4] > 150
    assert one.doubt[15, 20] == one.doubt[2, 2] == 0


def test_what_was_pasted_is_certain(tmp_path):
    pasted, missed = disc(10, 10, 4), disc(30, 20, 5)
    agreed = write_frame(
        tmp_path, "clip__a__1", outline=missed, maps={"animal": missed, "salient": missed}, exact=pasted
    )
    one = frame_example(agreed)
    assert one.labels[SALIENT][10, 10] == 255
    assert one.labels[SALIENT][20, 30] > 200
    assert one.doubt.max() == 0
    # Of the picture behind nobody knows where the networks do not agree about it.
    apart = write_frame(
        tmp_path,
        "clip__a__2",
        outline=disc(35, 25, 4),
        maps={"animal": missed, "salient": missed},
        exact=disc(5, 5, 1),
    )
    one = frame_example(apart)
    assert one.labels[SALIENT][5, 5] == 255
    assert one.doubt[5, 5] == 0
    assert one.doubt[20, 30] == 255


def test_what_was_pasted_onto_a_thing_cuts_no_ring_into_it(tmp_path):
    thing, pasted = disc(20, 15, 10), disc(20, 15, 3)
    write_frame(tmp_path, "clip__a__1", outline=thing, maps={"person": thing, "salient": thing}, exact=pasted)
    (one,) = load_frames(tmp_path)
    assert (one.labels[SALIENT][thing > 0] > 200).all()


def test_a_class_the_network_is_unsure_of_is_not_learned(tmp_path):
    there = disc(20, 15, 8)
    one = frame_example(
        write_frame(
            tmp_path,
            "clip__a__1",
            outline=there,
            maps={"person": there, "salient": there, "animal": there // 3},
        )
    )
    assert one.valid[PERSON]
    assert not one.valid[ANIMAL]
    assert one.valid[PACK_CHANNELS.index("vehicle")]


def test_synthetic_frames_are_none_that_is_validated_with(tmp_path, monkeypatch):
    more = write_second_pack(tmp_path / "two")
    assert second_pack.load_synthetic(more) == []
    monkeypatch.setattr(second_pack, "_VALIDATION_SYNTHETIC", 0)
    (still,) = foreground.synthetic_stills(more)
    assert still.name == "synth__000__0"
    assert np.array_equal(still.exact, np.maximum(disc(8, 12, 5), disc(17, 12, 5)))


def test_frames_are_spread_over_a_clip_and_none_is_like_one_validated_with(tmp_path):
    clip = make_clip(tmp_path / "a.mp4", width=192, height=96, num_frames=12, cut_at=6)
    names = [one.name for one in foreground.clip_stills(clip, 4, SimpleNamespace(examples=[]))]
    assert names == ["clip__a__00001", "clip__a__00004", "clip__a__00007", "clip__a__00010"]
    (_, _, later, _) = foreground.clip_stills(clip, 4, SimpleNamespace(examples=[]))
    validated = SimpleNamespace(split="val", picture=lambda: later.picture)
    kept = foreground.clip_stills(clip, 4, SimpleNamespace(examples=[validated]))
    assert [one.name for one in kept][:2] == names[:2]
    assert names[2] not in [one.name for one in kept]


class Outlines:
    def __init__(self):
        self.asked = []

    def foreground(self, picture, rows, cols):
        self.asked.append(picture.shape)
        return np.zeros((rows, cols), np.uint8)

    def maps(self, picture, rows, cols):
        return np.zeros((8, rows, cols), np.uint8)


def test_frames_are_labelled_once_at_full_size_and_kept_small(tmp_path):
    networks = Outlines()
    still = foreground.Still("clip__a__0", decode_rgb(jpeg(1, 1024, 576)), np.zeros((72, 128), np.uint8))
    for _ in range(2):
        foreground.label_frames([still], tmp_path, networks, networks)
    assert networks.asked == [(576, 1024, 3)]
    one = frame_example(foreground.frame_file(tmp_path, still.name))
    assert one.picture().shape == (288, 512, 3)
    assert one.labels.shape == (6, 72, 128)
    assert not list(tmp_path.rglob("*.partial"))


def test_chunks_are_joined_in_order_and_checked(tmp_path):
    package, chunks = tmp_path / "dist", [b"first ", b"second"]
    package.mkdir()
    with pytest.raises(ConfigError, match=r"resources\.json; give the package's dist folder"):
        foreground.joined(package, tmp_path)
    hashes = [hashlib.sha256(one).hexdigest() for one in chunks]
    listed = {"/models/medium": {"chunks": [{"hash": one} for one in hashes]}}
    (package / "resources.json").write_text(json.dumps(listed))
    (package / hashes[1]).write_bytes(chunks[1])
    with pytest.raises(ConfigError, match=f"{hashes[0]} is missing or damaged; fetch the package again"):
        foreground.joined(package, tmp_path)
    (package / hashes[0]).write_bytes(chunks[0])
    path = foreground.joined(package, tmp_path)
    assert path.read_bytes() == b"first second"
    assert foreground.joined(path, tmp_path) == path
