"""How do the detectors compare on generators they never saw, and how few clips do they need? docs/detector-study.md.

    python -m sightcheck.bench.comparison MANIFEST CURVES.svg [LINE...]

Every model's held-out scores are kept beside the readings, so a stopped run goes on and a second one only prints.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from sightcheck.bench.figures import Curve, curves
from sightcheck.data import manifest
from sightcheck.data.manifest import Item
from sightcheck.errors import InputError
from sightcheck.protocol import printed
from sightcheck.protocol.contender import Method, by_index
from sightcheck.protocol.evaluate import controls
from sightcheck.protocol.held_out import LeaveOneOut, Scope, folds_out, leave_one_out
from sightcheck.protocol.readings import readings
from sightcheck.protocol.shots import Shot, few_shot
from sightcheck.report.report import write
from sightcheck.video.fewshot import Recipe

SIZES = (2, 4, 8, 16)
SCOPES = {"street": ("street",), "dance": ("dance",), "both": ("street", "dance")}
PRECISION = "bf16-mixed"
"""Of the whole networks: two to three times faster on these cores."""


@dataclass(frozen=True)
class Line:
    """A detector and how much of its published training is given to it: 0 epochs or frames are the thesis's own.

    `F-SVM canonical` has N = 14, so that clips of two seconds at 10 frames a second can be scored.
    `folds` 0 teaches one model for each generator and fold of real sources, else so many in all; `kinds` are the
    kinds it is taught and scored on, for a detector made for one; `draws` of each size on its curve, 0 for none.
    """

    contender: str
    epochs: int = 0
    frames: int = 0
    folds: int = 0
    kinds: tuple[str, ...] = ()
    draws: int = 20


LINES = {
    "F-SVM": Line("F-SVM"),
    "F-SVM canonical": Line("F-SVM canonical"),
    "F-SVM canonical, 5 folds": Line("F-SVM canonical", folds=5, draws=0),
    "F-SVM canonical, 3 folds": Line("F-SVM canonical", folds=3, kinds=("street",), draws=0),
    "traces": Line("traces"),
    "frames": Line("frames"),
    "LDP-TOP": Line("LDP-TOP, T = 32", kinds=("dance",)),
    "DeFakeHop": Line("DeFakeHop", folds=5, draws=3),
    "EfficientNet-B3": Line("EfficientNet-B3", 2, 2, 3, ("dance",), 3),
    "Xception (3.2.2)": Line("Xception (3.2.2)", 2, 2, 3, ("street",), 3),
    "Xcept": Line("Xcept", 2, 1, 3, ("street",), 3),
    "ResNetLSTM": Line("ResNetLSTM", 2, 1, 3, ("street",), 3),
}
"""Whole networks start from scratch and see one or two frames of a clip for two epochs: two cores do not do more."""


@dataclass(frozen=True)
class Found:
    """What one line came to: held-out AUC by scope, and its curve."""

    line: str
    clips: int
    scopes: dict[str, LeaveOneOut]
    shots: tuple[Shot, ...]


def main(table: Path, plot: Path, *names: str) -> None:
    """Print every line, as soon as it is ready, and draw the curves of all."""
    items = readings(manifest.read(table), Recipe(), told).joined
    head = " | ".join(f"{name}: AUC, lowest, matched" for name in SCOPES)
    print(f"| detector | clips | models | {head} |")
    print("|---" * 6 + "|")
    for text in control_lines(items):
        print(text, flush=True)
    found = []
    for name in names or LINES:
        found.append(line(name, items))
        print(row(found[-1]), flush=True)
    found = [one for one in found if one.shots]
    print("\n| clips a class | " + " | ".join(one.line for one in found) + " |")
    print("|---" * (len(found) + 1) + "|")
    for at, size in enumerate(SIZES):
        print(f"| {size} | " + " | ".join(printed.number(one.shots[at].auc) for one in found) + " |", flush=True)
    drawn = [Curve(one.line, tuple(map(point, one.shots))) for one in found]
    write(curves(drawn, "Mean AUC of draws against clips a class that teach"), plot)


def point(one: Shot) -> tuple[int, float, float, float]:
    """A size as a point of a curve."""
    return one.clips, one.auc.value, one.auc.low, one.auc.high


def line(name: str, items: Sequence[Item]) -> Found:
    """One detector, read, held out and taught from few."""
    from sightcheck.learn.video.contenders import contender

    asked = LINES[name]
    method = contender(asked.contender, asked.epochs, asked.frames, PRECISION, scratch=True)
    some = [item for item in items if not asked.kinds or item.kind in asked.kinds]
    kept, clips = read(method, some)
    settings = msgspec.json.encode((asked.epochs, asked.frames, PRECISION)).decode()
    fit = by_index(method, clips, [item.sha256 or item.path for item in kept], settings)
    rows = np.arange(len(kept), dtype=float)[:, None]
    scopes = {}
    for scope, kinds in SCOPES.items():
        if not asked.kinds or {*kinds} <= {*asked.kinds}:
            only = Scope(scored=kinds)
            if asked.folds:
                scopes[scope] = folds_out(rows, kept, fit, only, asked.folds)
            else:
                scopes[scope] = leave_one_out(rows, kept, fit, scope=only)
    every = Scope(scored=asked.kinds or SCOPES["both"])
    shots = few_shot(rows, kept, fit, SIZES, asked.draws, by_source=True, scope=every) if asked.draws else ()
    return Found(name, len(kept), scopes, shots)


def read(method: Method, items: Sequence[Item]) -> tuple[list[Item], list[Any]]:
    """The items a method can read, and its readings; as many at once as there are cores."""

    def one(item: Item) -> Any:
        try:
            return method.read(item)
        except InputError as error:
            print(f"{method.name} leaves out {Path(item.path).name}: {error}", file=sys.stderr)
            return None

    pairs = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for at, (item, found) in enumerate(zip(items, pool.map(one, items), strict=True), 1):
            pairs += [(item, found)] if found is not None else []
            told(at, len(items))
    return [item for item, _ in pairs], [found for _, found in pairs]


def control_lines(items: Sequence[Item]) -> Iterator[str]:
    """What scores without looking at the picture."""
    cells: dict[str, list[str]] = {"metadata": [], "length": []}
    for kinds in SCOPES.values():
        own = controls(np.zeros((len(items), 1)), items, scope=Scope(scored=kinds), resampled=300)
        cells["metadata"].append(cell(own.metadata))
        cells["length"].append(cell(own.length))
    for name, three in cells.items():
        yield f"| control: {name} | {len(items)} | - | " + " | ".join(three) + " |"


def row(found: Found) -> str:
    """A detector as a line of the table."""
    cells = [cell(found.scopes[scope]) if scope in found.scopes else "-" for scope in SCOPES]
    folds = LINES[found.line].folds
    return f"| {found.line} | {found.clips} | {folds or 'one a generator and fold'} | " + " | ".join(cells) + " |"


def cell(one: LeaveOneOut) -> str:
    """Mean AUC with its interval, the lowest generator, pairs alike in metadata."""
    parts = (
        printed.number(one.auc.macro),
        printed.share(one.auc.minimum.value),
        printed.share(one.matched.macro.value),
    )
    return ", ".join(parts)


def told(done: int, of: int) -> None:
    """Progress on stderr."""
    if done == of or sys.stderr.isatty():
        print(f"\r{done}/{of} clips", end="\n" if done == of else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:])
