"""How much do a few clips teach, and a few aligned pairs? From 2 to 32 of each, on generators and sources never seen.

    python -m sightcheck.bench.few_pairs MANIFEST... [--traces]

All rows are taught on the same draws and tested on clips of other scenes and sources: clips of each class at random,
then one pair of as many scenes. Clips too short for F-SVM are left out of every row; with --traces F-SVM is left out.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from sightcheck.bench.comparison import told
from sightcheck.data import manifest
from sightcheck.data.audit import Score
from sightcheck.data.manifest import Item
from sightcheck.data.pairs import aligned
from sightcheck.protocol import printed
from sightcheck.protocol.evaluate import exam, teacher
from sightcheck.protocol.held_out import Fit, labels_and_units
from sightcheck.protocol.metrics import Values
from sightcheck.protocol.readings import readings
from sightcheck.protocol.shots import few_shot
from sightcheck.video import appearance, linear
from sightcheck.video.fewshot import Recipe, canonical

SIZES = (2, 4, 8, 16, 32)
DRAWS = 50


def main(*arguments: str) -> None:
    """Print the tables."""
    clips = [item for name in arguments if name != "--traces" for item in manifest.read(Path(name))]
    recipes = {"traces": Recipe()} if "--traces" in arguments else {"footprint": canonical(), "traces": Recipe()}
    if appearance.ready():
        recipes["appearance"] = Recipe("appearance", appearance.SAMPLING)
    found = {name: readings(clips, recipe, told) for name, recipe in recipes.items()}
    at = {name: {item.path: row for row, item in enumerate(one.items)} for name, one in found.items()}
    items = [item for item in found["traces"].joined if all(item.path in rows for rows in at.values())]
    vectors = {name: one.vectors[[at[name][item.path] for item in items]] for name, one in found.items()}
    for paired in (False, True):
        for row in table(items, vectors, paired):
            print(row, flush=True)


def table(
    items: Sequence[Item],
    vectors: Mapping[str, Values],
    paired: bool = True,
    sizes: Sequence[int] = SIZES,
    draws: int = DRAWS,
) -> Iterator[str]:
    """(n) items, method -> vectors (n, forms, d) of them -> the lines of a table."""
    scenes = len({items[real].group for real, _ in aligned(items)})
    yield f"\n{len(items)} clips, {len(aligned(items))} aligned pairs of {scenes} scenes, {draws} draws.\n"
    yield f"| taught on so many {'pairs' if paired else 'clips a class'}: AUC | " + " | ".join(map(str, sizes)) + " |"
    yield "|---" * (1 + len(sizes)) + "|"
    rows: list[tuple[str, str, Fit]] = [
        ("F-SVM canonical", "footprint", teacher(canonical())),
        ("traces, clips alone", "traces", alone),
        ("traces, differences too", "traces", teacher(Recipe())),
        ("appearance", "appearance", teacher(Recipe("appearance", appearance.SAMPLING))),
    ]
    for name, method, fit in rows:
        if method in vectors:
            exams = exam(vectors[method], items)
            shots = few_shot(exams, items, fit, sizes, draws, by_source=True, paired=paired)
            yield f"| {name} | " + " | ".join(printed.number(one.auc) for one in shots) + " |"


def alone(vectors: Values, items: Sequence[Item]) -> Score:
    """The fit of traces that is told of no pair."""
    taught = linear.fit("traces", vectors[:, :-1], *labels_and_units(items))
    return lambda tested: np.asarray(taught.scores(tested[:, -1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
