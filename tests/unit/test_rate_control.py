import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from semvid.codecs.svtav1.rate_control import Complexity, RateControl

RATE, BUCKET_SECONDS, PIXELS, RATE_OF_PICTURES = 500_000, 0.3, 320 * 180, 30
FINEST, COARSEST = 2.0, 220.0
KEY_DISTANCE = 60


class Plant:
    """Pictures take ``a * complexity / quantizer ** b`` bits, off by up to ``noise``."""

    def __init__(self, rate=RATE, *, key=1.2, other=0.8, exponent=1.15, noise=0.0, seed=0):
        self.control = RateControl(
            rate, BUCKET_SECONDS * rate, PIXELS, 1 / RATE_OF_PICTURES, finest=FINEST, coarsest=COARSEST
        )
        self.rate, self.key, self.other, self.exponent = rate, key, other, exponent
        self.noise, self.random = noise, np.random.default_rng(seed)
        self.quantizers, self.bits, self.levels = [], [], []

    def run(self, pictures, pictures_per_second=RATE_OF_PICTURES):
        for complexity in pictures:
            is_key = len(self.bits) % KEY_DISTANCE == 0
            quantizer = self.control.choose(complexity, 1 / pictures_per_second, is_key=is_key)
            # What nothing before it resembles is coded like a key frame.
            intra = self.key * complexity.detail
            work = intra if is_key else min(self.other * complexity.change, intra)
            noise = np.exp(self.noise * self.random.uniform(-1, 1))
            self.bits.append(max(round(work * PIXELS / quantizer**self.exponent * noise), 200))
            self.control.coded(self.bits[-1])
            self.quantizers.append(quantizer)
            self.levels.append(self.control.level / (BUCKET_SECONDS * self.rate))
        return self

    def is_at_its_limits(self):
        return bool({FINEST, COARSEST} & set(self.quantizers))

    def held(self, since, pictures_per_second=RATE_OF_PICTURES):
        return sum(self.bits[since:]) / len(self.bits[since:]) * pictures_per_second / self.rate


def scene(num_pictures, detail=10.0, change=3.0):
    return [Complexity(detail, change)] * num_pictures


@settings(max_examples=30)
@given(
    st.integers(150_000, 1_500_000), st.floats(0.6, 1.8), st.floats(0.5, 2.0), st.floats(1.08, 1.22),
    st.floats(0, 0.2), st.floats(4, 20), st.floats(2, 10), st.integers(0, 99),
)  # fmt: skip
def test_the_bucket_never_overflows_and_the_rate_is_held(
    rate, key, other, exponent, noise, detail, change, seed
):
    plant = Plant(rate, key=key, other=other, exponent=exponent, noise=noise, seed=seed)
    plant.run(scene(5 * KEY_DISTANCE, detail, change))
    if not plant.is_at_its_limits():
        assert max(plant.levels) <= 1
        # After a key frame that is much coarser than the others some are too small.
        assert 0.9 < plant.held(KEY_DISTANCE) < 1.04


@settings(max_examples=30)
@given(st.floats(0.6, 2.0), st.floats(4, 20), st.floats(4, 20), st.floats(1, 4), st.integers(61, 80))
def test_a_cut_fits_into_the_bucket_and_is_over_in_a_second(key, detail, after, change, at):
    plant = Plant(key=key)
    plant.run([*scene(at, detail, change), Complexity(after, 40), *scene(179 - at, after, change)])
    if not plant.is_at_its_limits():
        assert max(plant.levels) <= 1
        assert np.mean(plant.levels[at + 30 : 118]) < 0.5


def test_it_converges_and_stays():
    plant = Plant(other=2.5).run(scene(6 * KEY_DISTANCE))
    settled = np.array(plant.quantizers[-KEY_DISTANCE + 30 :])
    assert settled.std() / settled.mean() < 0.05
    assert plant.held(KEY_DISTANCE) == pytest.approx(1, abs=0.02)


def test_a_key_frame_is_finer_than_the_others_where_the_bucket_lets_it():
    roomy = Plant(key=0.1, other=2.0).run(scene(KEY_DISTANCE + 1))
    assert roomy.quantizers[-1] == pytest.approx(0.8 * roomy.quantizers[-2])
    narrow = Plant(key=2.0, other=0.3).run(scene(KEY_DISTANCE + 1))
    assert narrow.quantizers[-1] > narrow.quantizers[-2]
    assert max(narrow.levels) <= 1


def test_after_a_coarse_key_frame_pictures_get_finer_step_by_step():
    plant = Plant(key=2.0, other=0.3).run(scene(30))
    steps = np.divide(plant.quantizers[1:], plant.quantizers[:-1])
    assert steps.min() >= np.exp(-4 / RATE_OF_PICTURES) - 1e-9


@pytest.mark.parametrize("pictures_per_second", [8, 15, 60])
def test_the_rate_is_of_the_clock_and_not_of_pictures(pictures_per_second):
    plant = Plant().run(scene(240), pictures_per_second)
    assert plant.held(60, pictures_per_second) == pytest.approx(1, abs=0.06)
    assert max(plant.levels) <= 1


def test_after_a_pause_the_line_is_empty():
    plant = Plant().run(scene(90))
    assert plant.control.level > 0
    plant.control.choose(Complexity(10, 3), 1.0, is_key=False)
    assert plant.control.level == 0


def test_still_pictures_take_what_they_take():
    # Noise below what counts as a change.
    plant = Plant(1_000_000, other=0.001).run(scene(90, 5, 0.0))
    assert plant.quantizers[-1] == FINEST
    assert max(plant.levels) <= 1
