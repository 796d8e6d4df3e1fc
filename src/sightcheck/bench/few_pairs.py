"""Does the difference inside aligned pairs teach more than the clips of the pairs alone? From 2 to 32 pairs.

    python -m sightcheck.bench.few_pairs MANIFEST... [--traces]

All rows are taught on the same draws, each of one pair of as many scenes, and tested on clips of other scenes and
sources. Clips too short for F-SVM are left out of every row; with --traces F-SVM is left out instead.
"""

import sys
from collections.abc import Iterator, Sequence
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
from sightcheck.video import linear
from sightcheck.video.fewshot import Recipe, canonical

SIZES = (2, 4, 8, 16, 32)
DRAWS = 100


def main(*arguments: str) -> None:
    """Print the table."""
    clips = [item for name in arguments if name != "--traces" for item in manifest.read(Path(name))]
    found = readings(clips, Recipe(), told)
    items, traces = found.joined, found.vectors
    if "--traces" in arguments:
        rows = table(items, traces)
    else:
        other = readings(clips, canonical(), told)
        at = {item.path: row for row, item in enumerate(other.items)}
        kept = [row for row, item in enumerate(items) if item.path in at]
        footprints = other.vectors[[at[items[row].path] for row in kept]]
        rows = table([items[row] for row in kept], traces[kept], footprints)
    for row in rows:
        print(row, flush=True)


def table(
    items: Sequence[Item],
    traces: Values,
    footprints: Values | None = None,
    sizes: Sequence[int] = SIZES,
    draws: int = DRAWS,
) -> Iterator[str]:
    """(n) items, their vectors of traces (n, 2, d) and of F-SVM (n, 1, e) -> the lines of a table."""
    scenes = len({items[real].group for real, _ in aligned(items)})
    yield f"{len(items)} clips, {len(aligned(items))} aligned pairs of {scenes} scenes, {draws} draws.\n"
    yield "| taught on so many pairs: AUC | " + " | ".join(map(str, sizes)) + " |"
    yield "|---" * (1 + len(sizes)) + "|"
    rows: list[tuple[str, Values, Fit]] = []
    if footprints is not None:
        rows.append(("F-SVM canonical", footprints, teacher(canonical())))
    rows += [("traces, clips alone", traces, alone), ("traces, differences too", traces, teacher(Recipe()))]
    for name, vectors, fit in rows:
        shots = few_shot(exam(vectors, items), items, fit, sizes, draws, by_source=True, paired=True)
        yield f"| {name} | " + " | ".join(printed.number(one.auc) for one in shots) + " |"


def alone(vectors: Values, items: Sequence[Item]) -> Score:
    """The fit of traces that is told of no pair."""
    taught = linear.fit("traces", vectors[:, :-1], *labels_and_units(items))
    return lambda tested: np.asarray(taught.scores(tested[:, -1]))


if __name__ == "__main__":
    main(*sys.argv[1:])
