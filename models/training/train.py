"""Train MS-ROI: ``python -m semvid.models.training.train --out FOLDER``, and where the material lies.

With ``--labels gated`` (default) outlines come from a background-removal network where the pack's labels
agree with it, and gaze from attention-center: run ``semvid.models.training.gaze`` first, to fill the cache.
With ``--labels taught`` frames of clips and text in the world are learned too: then
run ``semvid.models.training.foreground`` and ``semvid.models.training.text_labels`` as well.
With ``--labels pack`` labels are the pack's alone, as for the weights of version 1.

The trunk starts from ImageNet weights, or with ``--start WEIGHTS`` everything from weights that were trained
before; everything above stride 4 is trained. Seeded: batch ``i`` is the same whatever came before, so an
interrupted run goes on from its last checkpoint as if nothing had happened. With gated labels the learning
rate stays high until the last steps, so a run can be made longer (``--steps``), and ended early: copy its
folder, and go on there with ``--steps`` a little more than it has done and ``--last`` as many.

With ``--teacher WEIGHTS`` labels that other networks made are averaged with what the teacher sees, and
channels without a label are learned from it: a round of self-training, or the making of ``msroi-fast`` from
``msroi``. The teacher sees pictures at full size, ``msroi-fast`` the same ones shrunk.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from semvid.core.errors import ConfigError
from semvid.models.architecture import ARCHITECTURES
from semvid.models.msroi import MsRoi, fold
from semvid.models.training.batches import Batch, BatchMaker
from semvid.models.training.curves import draw_curves
from semvid.models.training.materials import Sources, describe, load_materials
from semvid.models.training.pack import Pack
from semvid.models.training.recipe import RECIPES
from semvid.models.training.scoring import open_scorer
from semvid.models.training.start import load_trunk, unfold
from semvid.models.training.trainer import Schedule, Trainer
from semvid.models.training.validate import validate
from semvid.models.weights_file import open_weights, save_weights

_PATHS = {"pack", "more", "cache", "out"}


def _batches(maker: BatchMaker, first: int, workers: int) -> Iterator[Batch]:
    loader = DataLoader(
        maker, batch_size=None, sampler=range(first, len(maker)), num_workers=workers,
        prefetch_factor=3 if workers else None,
    )  # fmt: skip
    return iter(loader)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True, help="folder of the training pack")
    parser.add_argument("--more", type=Path, help="folder of the second pack; pack labels need none")
    parser.add_argument("--cache", type=Path, help="folder that the other commands filled; likewise")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--labels", choices=sorted(RECIPES), default="gated")
    parser.add_argument("--network", choices=sorted(ARCHITECTURES), default="msroi")
    parser.add_argument("--start", help="weights to start from, a name or a file; default: ImageNet's")
    parser.add_argument("--teacher", help="weights file of a trained network")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--last", type=int, default=0, help="steps in which the rate falls; 0 = a fifth")
    parser.add_argument("--rate", type=float, default=1.0, help="highest learning rate, 1 = the usual")
    parser.add_argument("--batch-size", type=int, default=12)
    parser.add_argument("--fixations", type=int, default=3, help="photographs with fixations per step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--terms",
        choices=["all", "open"],
        default="open",
        help="rows of the pack to learn from: those under open licences, or all",
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0, help="of torch on a CPU; 0 = it chooses")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--every", type=int, default=500, help="steps between validations")
    parser.add_argument("--save-every", type=int, default=100, help="steps between checkpoints")
    return parser


def _network(arguments: argparse.Namespace, maker: BatchMaker) -> MsRoi:
    if arguments.start:
        pictures = maker[0].pictures
        return unfold(open_weights(arguments.start).load(), pictures.float().div(127.5).sub(1))
    network = MsRoi(ARCHITECTURES[arguments.network], normalise=True)
    load_trunk(network, arguments.pack / "mobilenet_v2_imagenet.safetensors")
    return network


class _Records:
    """What a run writes into its folder."""

    def __init__(self, folder: Path, name: str, options: dict[str, str], data_sha256: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._name = folder, name
        self._options, self._data_sha256 = options, data_sha256
        self._checkpoint = folder / "checkpoint.pt"

    def restore(self, trainer: Trainer) -> int:
        """Go on from the last checkpoint; returns the number of steps done."""
        if not self._checkpoint.exists():
            return 0
        saved = torch.load(self._checkpoint, weights_only=True)
        trainer.restore(saved["state"])
        return int(saved["step"])

    def save(self, step: int, trainer: Trainer) -> None:
        partial = self._checkpoint.with_suffix(".tmp")
        torch.save({"step": step, "state": trainer.state()}, partial)
        partial.replace(self._checkpoint)

    def log(self, entry: dict[str, Any]) -> None:
        with (self._folder / "log.jsonl").open("a") as log:
            log.write(json.dumps(entry) + "\n")
        print(json.dumps(entry), flush=True)

    def publish(self, step: int, folded: MsRoi, scores: dict[str, Any]) -> None:
        draw_curves(self._folder / "log.jsonl", self._folder / "curves.png")
        save_weights(
            self._folder / f"{self._name}.safetensors", folded, data_sha256=self._data_sha256,
            training={**self._options, "step": step}, scores=scores,
        )  # fmt: skip


def main() -> None:
    """Train, validate, and write weights, ``log.jsonl``, ``curves.png`` and ``checkpoint.pt`` to ``OUT``."""
    parser = _parser()
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    recipe = RECIPES[arguments.labels]
    sources = Sources(arguments.pack, arguments.more, arguments.cache)
    try:
        if arguments.labels != "pack" and arguments.cache is None:
            raise ConfigError(
                f"{arguments.labels} labels need the folder that the gaze command filled; give its cache too"
            )
        pack = load_materials(sources, arguments.labels, open_terms_only=arguments.terms == "open")
    except ConfigError as error:
        parser.error(str(error))
    maker = BatchMaker(
        pack, arguments.seed, arguments.steps, arguments.batch_size, arguments.fixations, recipe
    )
    network, teacher = _network(arguments, maker), None
    if arguments.teacher:
        file = open_weights(arguments.teacher)
        teacher = file.load().to(arguments.device).requires_grad_(False)
        network.trunk.load_state_dict(teacher.trunk.state_dict())
    options = {key: str(value) for key, value in vars(arguments).items() if key not in _PATHS}
    options["teacher"] = f"SHA-256 {file.sha256}" if teacher else "None"
    options["start"] = f"SHA-256 {open_weights(arguments.start).sha256}" if arguments.start else "None"
    records = _Records(arguments.out, arguments.network, options, pack.digest)
    schedule = Schedule(arguments.steps, recipe.does_hold, arguments.last, arguments.rate)
    trainer = Trainer(network, recipe, schedule, arguments.device, teacher)
    first = records.restore(trainer)
    score = _scorer(arguments.labels, sources, pack)
    print(json.dumps({"first": first, **describe(pack)}), flush=True)
    started, losses, count = time.monotonic(), dict.fromkeys(("objects", "fixation"), 0.0), 0
    for step, batch in enumerate(_batches(maker, first, arguments.workers), first):
        for name, value in trainer.step(step, batch).items():
            losses[name] += value
        done, count = step + 1, count + 1
        is_last = done == arguments.steps
        if done % arguments.save_every == 0 or is_last:
            records.save(done, trainer)
            print(f"step {done}, {time.monotonic() - started:.0f} s", flush=True)
        if done % arguments.every and not is_last:
            continue
        folded = fold(trainer.average)
        scores = score(folded)
        means = {name: value / count for name, value in losses.items()}
        seconds = round(time.monotonic() - started)
        records.log({"step": done, "seconds": seconds, "loss": means, "val": scores})
        losses, count = dict.fromkeys(losses, 0.0), 0
        records.publish(done, folded, scores)


def _scorer(labels: str, sources: Sources, pack: Pack) -> Callable[[MsRoi], dict[str, Any]]:
    if labels == "pack":
        return lambda network: validate(network, pack)
    return open_scorer(sources, pack).score


if __name__ == "__main__":
    main()
