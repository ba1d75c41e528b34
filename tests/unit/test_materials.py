"""What training reads, and which labels it takes."""

import numpy as np
import pytest
from training_packs import disc, write_frame, write_pack, write_second_pack

from semvid.core.errors import ConfigError
from semvid.models.training.gating import GATED, GATED_FIXATION
from semvid.models.training.kept import keep
from semvid.models.training.materials import Sources, describe, load_materials
from semvid.models.training.second_pack import load_clips, load_photographs
from semvid.models.training.text_labels import words_file


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packs")
    return Sources(write_pack(folder / "one"), write_second_pack(folder / "two"), folder / "cache")


def test_labels_of_the_pack_stay_as_they_are(sources):
    pack = load_materials(Sources(sources.pack), "pack", open_terms_only=True)
    assert [one.salient_from for one in pack.examples].count("teacher") == 3
    assert not any(one.gaze is not None or one.doubt is not None for one in pack.examples)


def test_gated_labels_leave_what_is_held_out(sources):
    pack = load_materials(sources, "gated", open_terms_only=True)
    assert [one.salient_from for one in pack.examples] == [
        GATED, GATED, GATED_FIXATION, GATED, GATED_FIXATION, "gt-fixation+teacher"
    ]  # fmt: skip
    assert (pack.examples[0].labels[-1] == disc(20, 15, 7)).all()
    assert (pack.examples[5].labels[-1] == disc(20, 15, 8)).all()
    assert [one.gaze is not None for one in pack.examples] == [False, False, True, False, True, False]
    counted = describe(pack)
    assert (counted["gated"], counted["gated_by_gaze"], counted["with_gaze"]) == (3, 2, 2)
    # Nothing is cut out of pictures that are validated with.
    assert counted["person_cutouts"] == 3
    plain = load_materials(Sources(sources.pack), "pack", open_terms_only=True)
    assert pack.digest != plain.digest


def test_photographs_of_unstated_terms_are_only_learned_from_on_request(sources):
    assert load_materials(sources, "gated", open_terms_only=True).fixations == []
    assert [one.split for one in load_photographs(sources.more)] == ["val", *["train"] * 5, "val"]


def test_gated_labels_need_the_second_pack(sources):
    with pytest.raises(ConfigError, match="need the second pack"):
        load_materials(Sources(sources.pack), "gated", open_terms_only=True)


def test_taught_labels_add_frames_of_clips_and_words(sources):
    cache = sources.pack.parent / "taught"
    several = Sources(sources.pack, sources.more, cache)
    with pytest.raises(ConfigError, match=r"no frames of clips; run semvid\.models\.training\.foreground"):
        load_materials(several, "taught", open_terms_only=True)
    write_frame(cache, "clip__a__0")
    with pytest.raises(ConfigError, match=r"no words; run semvid\.models\.training\.text_labels"):
        load_materials(several, "taught", open_terms_only=True)
    words = np.stack([disc(9, 9, 3), disc(30, 9, 3)])
    for name in ("osie__0", "osie__3", "clip__a__0"):
        keep(words_file(cache, name), lambda file: np.save(file, words))
    pack = load_materials(several, "taught", open_terms_only=True)
    gated = load_materials(several, "gated", open_terms_only=True)
    assert [one.name for one in pack.examples] == [*(one.name for one in gated.examples), "clip__a__0"]
    # Of what is validated with nothing changes.
    assert [one.words is not None for one in pack.examples] == [True, *[False] * 5, True]
    assert np.array_equal(pack.examples[0].words, words)
    counted = describe(pack)
    assert (counted["frames_of_clips"], counted["looked_for_words"]) == (1, 2)
    assert pack.digest != gated.digest


def test_clips_to_validate_with(sources):
    clips = load_clips(sources.more)
    assert [one.clip for one in clips] == ["synth/000", *["video/one"] * 3]
    # Both things of the synthetic clip matter.
    assert clips[0].mask[12, 8]
    assert clips[0].mask[12, 17]
    # Other things in the picture behind do not.
    assert clips[0].counts[12, 24]
    assert not clips[0].counts[25, 35]
    assert clips[1].counts.all()
    assert clips[0].picture().shape == (120, 160, 3)
