"""Choose the powers of the two networks that teach gaze, on photographs that no result is reported for.

    python examples/benchmark/gaze_powers.py --cache FOLDER [--pack FOLDER] [--more FOLDER]

The maps come from the cache of ``semvid.models.training.gaze``. Their product is scored against human
densities: of OSIE and Scene500, training rows, and of photographs of the second pack. NSS takes the
density in place of single fixations, so the flatter a density, the flatter the maps that it favours; in OSIE
and Scene500 it is also joined with objects, and msroi has seen it.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import data_folder, save, table

from semvid.core.resampling import fitted
from semvid.models.training.gaze import GRID, AttentionCenter, Seen, fill_cache, gaze_file, product
from semvid.models.training.pack import FIXATION_LABELS, decode_rgb, load_pack
from semvid.models.training.scores import gaze_scores
from semvid.models.training.second_pack import load_photographs

CENTER_POWERS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
SEEN_POWERS = (0.0, 0.5, 0.75, 1.0, 1.5, 2.0)
MOST = 200
"""Photographs of each kind."""


def rated(
    pack: Path, more: Path, cache: Path, photographs: int
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Yield the kind, the cached maps, and the human density of each photograph."""
    for example in load_pack(pack, open_terms_only=True).examples:
        path = gaze_file(cache, example.name)
        if example.salient_from == FIXATION_LABELS and example.split == "train" and path.exists():
            yield example.source, np.load(path), example.labels[-1]
    chosen = [one for one in load_photographs(more) if one.split == "val"][:photographs]
    names = [f"photograph-{index:03d}.jpg" for index in range(len(chosen))]
    center = AttentionCenter(more / "attention_center_logits.tflite")
    pictures = ((name, decode_rgb(one.jpeg)) for name, one in zip(names, chosen, strict=True))
    fill_cache(pictures, cache, center, Seen("msroi"))
    for name, one in zip(names, chosen, strict=True):
        yield "photographs", np.load(gaze_file(cache, name)), one.density


def mean_scores(pairs: list[tuple[np.ndarray, np.ndarray]], center: float, seen: float) -> np.ndarray:
    """NSS and CC of the product, mean over photographs."""
    rows = [gaze_scores(product(logits, center=center, seen=seen), density) for logits, density in pairs]
    return np.mean(rows, 0)


def main() -> None:
    """Score the grid, write ``results/gaze_powers.json``, print a table for each kind of photograph."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, default=None)
    parser.add_argument("--more", type=Path, default=None)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--photographs", type=int, default=60, help="half a second each")
    arguments = parser.parse_args()
    pack, more = arguments.pack or data_folder() / "training", arguments.more or data_folder() / "training2"
    kinds: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for kind, logits, density in rated(pack, more, arguments.cache, arguments.photographs):
        if len(kinds.setdefault(kind, [])) < MOST:
            kinds[kind].append((logits, fitted(density.astype(np.float32), *GRID)))
    results = {}
    for kind, pairs in kinds.items():
        scores = {
            (center, seen): mean_scores(pairs, center, seen)
            for center in CENTER_POWERS
            for seen in SEEN_POWERS
            if center or seen
        }
        results[kind] = {"count": len(pairs), "scores": [[*key, *value] for key, value in scores.items()]}
        print(f"\n{kind}, {len(pairs)}: NSS / CC")
        rows = [
            (
                f"{center:g}",
                *(
                    f"{scores[center, seen][0]:.2f} / {scores[center, seen][1]:.3f}" if center or seen else ""
                    for seen in SEEN_POWERS
                ),
            )
            for center in CENTER_POWERS
        ]
        print(table(["attention-center", *(f"msroi {one:g}" for one in SEEN_POWERS)], rows))
    save("gaze_powers", results)


if __name__ == "__main__":
    main()
