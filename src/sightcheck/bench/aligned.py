"""Does a detector that was taught on aligned twins know generators it never saw? docs/detector-study.md.

    python -m sightcheck.bench.aligned MANIFEST TWINS.csv

Twins of `sightcheck build twins` differ from their real clips in nothing but a decoder, so they teach no leak. Every
generator of the manifest is new to a detector taught on them; real clips of a scored source are never taught.
"""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sightcheck.bench import comparison
from sightcheck.bench.comparison import SCOPES, cell, told
from sightcheck.data import manifest
from sightcheck.data.audit import audit
from sightcheck.data.manifest import Item
from sightcheck.learn.video.contenders import contender
from sightcheck.protocol import printed
from sightcheck.protocol.contender import Method, by_index
from sightcheck.protocol.held_out import Scope, leave_one_out
from sightcheck.protocol.readings import readings
from sightcheck.video.fewshot import Recipe

METHODS = ("F-SVM canonical", "traces", "frames")
TWIN = "twin"


def main(table: Path, twins: Path) -> None:
    """Print how far the twins betray themselves, then every detector by what it was taught on."""
    clips = readings(manifest.read(table), Recipe(), told).joined
    pairs = [dataclasses.replace(item, kind=TWIN) for item in readings(manifest.read(twins), Recipe(), told).items]
    leak = audit(pairs)
    print(
        f"{len(pairs)} clips of twins; metadata alone tells them apart with AUC {printed.share(leak.metadata.auc)}.\n"
    )
    heads = ["twins: AUC, lowest kind", *(f"{one}: AUC, lowest, matched" for one in SCOPES)]
    print(f"| detector | taught on | {' | '.join(heads)} |")
    print("|---" * (3 + len(SCOPES)) + "|")
    for name in METHODS:
        for line in lines(contender(name), clips, pairs):
            print(line, flush=True)


def lines(method: Method, clips: Sequence[Item], pairs: Sequence[Item]) -> Iterator[str]:
    """One detector taught on twins alone, and on twins and clips."""
    items, read = comparison.read(method, [*clips, *pairs])
    fit = by_index(method, read, [item.sha256 or item.path for item in items], "aligned")
    rows = np.arange(len(items), dtype=float)[:, None]
    kinds = sorted({item.kind for item in clips})
    for name, taught in (("clips", kinds), ("twins", [TWIN]), ("both", [*kinds, TWIN])):
        cells = []
        if TWIN in taught:
            own = leave_one_out(rows, items, fit, scope=Scope((TWIN,), tuple(taught)), resampled=300)
            cells.append(f"{printed.number(own.auc.macro)}, {printed.share(own.auc.minimum.value)}")
        else:
            cells.append("-")
        for scope in SCOPES.values():
            cells.append(cell(leave_one_out(rows, items, fit, scope=Scope(scope, tuple(taught)), resampled=300)))
        yield f"| {method.name} | {name} | " + " | ".join(cells) + " |"


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
