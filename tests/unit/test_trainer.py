"""How a network learns: from where, how fast, and what counts."""

import numpy as np
import pytest
import torch

from semvid.models.architecture import Architecture
from semvid.models.msroi import MsRoi, fold
from semvid.models.training.batches import Batch, balanced
from semvid.models.training.losses import edge_emphasis
from semvid.models.training.pack import Cutout
from semvid.models.training.recipe import RECIPES
from semvid.models.training.start import unfold
from semvid.models.training.trainer import Schedule, Trainer

SMALL = Architecture("small", input_width=65, input_height=65, width16=8, width8=8, width4=8)


def network(**options):
    torch.manual_seed(0)
    return MsRoi(SMALL, **options)


def batch(step, side=65, count=2):
    rng = np.random.default_rng(step)
    cells = (side - 1) // 4 + 1
    density = torch.from_numpy(rng.random((count, cells, cells), np.float32))
    return Batch(
        torch.from_numpy(rng.integers(0, 256, (count, 3, side, side), np.uint8)),
        torch.from_numpy(rng.random((count, 7, cells, cells), np.float32)),
        torch.ones(count, 7, cells, cells),
        torch.ones(count, cells, cells),
        density / density.sum((1, 2), keepdim=True),
        None,
        None,
    )


def trained(trainer, steps):
    for step in steps:
        trainer.step(step, batch(step))
    return trainer


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened():
    schedule = Schedule(2, does_hold=True)
    whole = trained(Trainer(network(normalise=True), RECIPES["gated"], schedule, "cpu"), range(2))
    first = trained(Trainer(network(normalise=True), RECIPES["gated"], schedule, "cpu"), range(1))
    second = Trainer(network(normalise=True), RECIPES["gated"], schedule, "cpu")
    second.restore(first.state())
    trained(second, range(1, 2))
    for one, other in zip(
        whole.average.state_dict().values(), second.average.state_dict().values(), strict=True
    ):
        assert torch.allclose(one.float(), other.float(), atol=1e-6)


def test_loaded_weights_mean_the_same_with_batch_norm():
    folded = network().eval()
    pictures = torch.rand(4, 3, 65, 65) * 2 - 1
    again = unfold(folded, pictures)
    assert sum(isinstance(one, torch.nn.BatchNorm2d) for one in again.modules()) == 4
    with torch.no_grad():
        for other in (again.eval(), fold(again)):
            assert torch.allclose(folded(pictures), other(pictures), atol=1e-4)
        assert torch.allclose(folded(pictures), again.train()(pictures), atol=1e-2)


def test_rates_fall_from_the_start_or_stay():
    falling, staying = Schedule(1200, does_hold=False), Schedule(1200, does_hold=True, highest=0.5)
    assert falling.rate(199) == staying.rate(199) * 2 == 1
    assert falling.rate(700) == pytest.approx(0.5)
    assert staying.rate(900) == 0.5
    assert staying.rate(1080) == pytest.approx(0.25)
    assert Schedule(1200, does_hold=True, num_last=20).rate(1170) == 1
    assert falling.rate(1199) < 1e-5
    assert staying.rate(1199) < 0.003


def test_cells_at_outlines_count_more_as_far_as_they_are_trusted():
    target = torch.zeros(1, 1, 20, 20)
    target[..., 10:] = 1
    factors = edge_emphasis(target, torch.ones(1, 20, 20), 5)
    assert float(factors[0, 0, 10, 2]) == float(factors[0, 0, 10, 17]) == 1
    assert float(factors[0, 0, 10, 9]) > 2
    assert torch.equal(edge_emphasis(target, torch.zeros(1, 20, 20), 5), torch.ones_like(target))


def test_groups_of_cut_outs_come_as_often_as_wanted():
    few, many = [Cutout(b"", "person")] * 3, [Cutout(b"", "animal")] * 30
    found = balanced([*few, *many], {"person": 0.5, "animal": 0.5, "vehicle": 0.1})
    share = sum(one.group == "person" for one in found) / len(found)
    assert share == pytest.approx(0.5, abs=0.05)
    assert balanced(few, {}) == few


def test_the_recipe_of_version_1_stays():
    recipe = RECIPES["pack"]
    assert recipe.sizes == {"wide": [(257, 193)], "square": [(225, 225)], "tall": [(193, 257)]}
    assert (recipe.closest, recipe.paste_share, recipe.most_pasted, recipe.paste_heights) == (
        0.55,
        0.4,
        3,
        (0.15, 0.85),
    )
    assert recipe.channel_weights == {
        "person": 1, "face": 1, "animal": 1, "vehicle": 1, "object": 0.7, "text": 0.6, "salient": 2.5
    }  # fmt: skip
    assert (recipe.source_odds["caltech101"], recipe.soft_odds) == (0.6, 1)
    assert (recipe.crowd_share, recipe.group_odds, recipe.longest_clip) == (0, {}, 3)
    assert (recipe.fixation_label_weight, recipe.edge_weight, recipe.does_hold) == (0.6, 0, False)
