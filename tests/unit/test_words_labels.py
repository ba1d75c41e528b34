"""Text in the world: whole lines from their cores, only what can be read, and its way into training."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from semvid.models.training.augment import OBJECTS, label_sample
from semvid.models.training.pack import Example
from semvid.models.training.recipe import RECIPES
from semvid.models.training.text_labels import fill_cache, words_file, words_label
from semvid.models.training.text_reader import TextReader, lines, straightened

TEXT = OBJECTS.index("text")


def example(words=None):
    """White words on black."""
    picture = np.zeros((160, 240, 3), np.uint8)
    picture[40:80, 60:180] = 255
    coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    labels = np.zeros((6, 40, 60), np.uint8)
    return Example(
        "a__b.jpg", coded, labels, np.ones(6, bool), "teacher", "x", "open", "train", 1.5, words=words
    )


def found(perhaps=0):
    words = np.zeros((2, 40, 60), np.uint8)
    words[0, 10:20, 15:45] = 255
    words[1, 30:, :] = perhaps
    return words


class NoWords:
    def paint(self, picture, rng):
        return picture, np.zeros(picture.shape[:2], np.float32)


def test_lines_are_grown_from_their_cores():
    probability = np.zeros((60, 120), np.float32)
    probability[20:31, 30:91] = 0.9
    probability[45:56, 30:91] = 0.45
    probability[5, 5] = 1
    (corners,) = lines(probability)
    # Core 60 x 10: grown by 1.6 * 600 / 70 = 13.7, half of it to each side.
    whole = np.array([[23.1, 13.1], [96.9, 13.1], [96.9, 36.9], [23.1, 36.9]])
    assert np.abs(corners - whole).max() < 0.3


def test_a_line_that_climbs_is_turned_to_the_left():
    picture = np.zeros((100, 60, 3), np.uint8)
    picture[:50] = 255
    corners = np.array([[20, 10], [40, 10], [40, 90], [20, 90]], np.float32)
    line = straightened(picture, corners)
    assert line.shape == (20, 80, 3)
    # It was read downwards: what was above is on the left.
    assert line[2:-2, 2:35].min() > 200
    assert line[2:-2, 45:78].max() < 50


class Session:
    """Stands for either network: a fixed answer."""

    def __init__(self, answer):
        self.answer = answer

    def get_inputs(self):
        return [type("Input", (), {"name": "x"})]

    def run(self, _, feed):
        return [self.answer(feed["x"])]


def reader(steps):
    """Finds one line in the middle, and reads it as the steps say: class and probability."""

    def cores(x):
        probability = np.zeros((1, 1, *x.shape[2:]), np.float32)
        probability[..., 200:240, 200:400] = 1
        return probability

    def letters(x):
        said = np.zeros((1, len(steps), 4), np.float32)
        for index, (letter, sure) in enumerate(steps):
            said[0, index, letter] = sure
        return said

    one = TextReader.__new__(TextReader)
    one._detector, one._recogniser, one._characters = Session(cores), Session(letters), ["", "A", "B", " "]
    return one


@pytest.mark.parametrize(
    ("steps", "is_text", "is_perhaps"),
    [
        ([(1, 0.9), (0, 1), (2, 0.9)], True, False),
        ([(1, 0.6), (2, 0.6)], False, True),
        ([(1, 0.95), (1, 0.95)], False, True),
        ([(1, 0.2), (2, 0.2)], False, False),
        ([(0, 1.0)], False, False),
    ],
    ids=["read", "hardly", "one letter", "guessed", "nothing"],
)
def test_only_what_can_be_read_is_text(steps, is_text, is_perhaps):
    words = reader(steps).words(np.zeros((240, 320, 3), np.uint8), 60, 80)
    assert words.shape == (2, 60, 80)
    assert (words[0, 27, 37] == 255, words[1, 27, 37] == 255) == (is_text, is_perhaps)
    assert not words[:, :15].any()


def test_a_cache_is_filled_once(tmp_path):
    asked = []

    class Counting:
        def words(self, picture, rows, cols):
            asked.append((picture.shape, rows, cols))
            return found()

    one = example()
    assert words_label(one, tmp_path) is None
    for _ in range(2):
        fill_cache([one], tmp_path, Counting())
    assert asked == [((160, 240, 3), 40, 60)]
    assert np.array_equal(words_label(one, tmp_path), found())
    assert words_file(tmp_path, one.name).name == "a__b.npy"


def test_words_follow_the_picture_and_what_may_be_text_does_not_count(monkeypatch):
    monkeypatch.setattr("semvid.models.training.augment.spoil", lambda picture, *_: picture)
    for seed in range(4):
        one = label_sample(example(found()), (257, 193), np.random.default_rng(seed), [], NoWords())
        bright = one.picture[::4, ::4].mean(2) > 127
        assert ((one.target[TEXT] > 0.5) != bright).mean() < 0.03
        assert (one.weight[TEXT] == 1).all()
    doubtful = [
        label_sample(example(found(255)), (257, 193), np.random.default_rng(seed), [], NoWords())
        for seed in range(4)
    ]
    assert min(one.weight[TEXT].min() for one in doubtful) < 0.01
    unseen = label_sample(example(), (257, 193), np.random.default_rng(0), [], NoWords())
    assert (unseen.weight[TEXT] < 1).all()
    assert unseen.target[TEXT].max() == 0


def test_pictures_with_words_are_drawn_more_often():
    recipe = RECIPES["taught"]
    assert recipe.odds(example(found())) == recipe.words_odds * recipe.odds(example())
    nothing = replace(example(), words=np.zeros((2, 40, 60), np.uint8))
    assert recipe.odds(nothing) == recipe.odds(example())
