"""Which measurements tell synthetic video from real? The tables of docs/video-study.md: every variant, with controls.

Run `python -m sightcheck.bench.study MANIFEST`; readings are cached, so a second run only fits.
"""

import dataclasses
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sightcheck.data import manifest, pairs
from sightcheck.data.audit import Score, length, logistic, metadata
from sightcheck.data.manifest import Item
from sightcheck.media import Sampling
from sightcheck.protocol import printed
from sightcheck.protocol.evaluate import exam, teacher
from sightcheck.protocol.held_out import Fit, LeaveOneOut, Scope, labels_and_units, leave_one_out, unpaired
from sightcheck.protocol.metrics import Values
from sightcheck.protocol.readings import Readings, readings
from sightcheck.protocol.shots import few_shot
from sightcheck.video import linear, traces
from sightcheck.video.fewshot import Recipe

SCOPES = {"street": ("street",), "dance": ("dance",), "both": ("street", "dance")}
F_SVM = 15
"""Frames of the reference: N = 14, so that clips of two seconds at 10 frames a second can be scored at all."""


@dataclass(frozen=True)
class Variant:
    """One line of a table: vectors (n, forms, d) of items, and what is fitted to them."""

    name: str
    vectors: Values
    items: tuple[Item, ...]
    fit: Fit


def main(table: Path) -> None:
    """Print every table, line by line as it is ready."""
    clips = manifest.read(table)
    found = readings(clips, Recipe(), told)
    items = found.joined
    head = " | ".join(f"{name}: AUC, lowest, matched" for name in SCOPES)
    print(f"| variant | d | {head} | both, all laundered | both, real laundered |")
    print("|---" * 7 + "|")
    for variant in [*controls(items), *published(clips), *families(found, items), *alike(found, items)]:
        print(line(variant), flush=True)
    print("\n| clips a class | " + " | ".join(f"F-SVM {name} | traces {name}" for name in SCOPES) + " |")
    print("|---" * 7 + "|")
    for row in curves([next(published(clips)), next(families(found, items))]):
        print(row, flush=True)


def line(variant: Variant) -> str:
    """A variant on every scope, and its laundered forms where it has them."""
    cells = []
    for kinds in SCOPES.values():
        one = scored(variant, kinds)
        parts = (printed.number(one.auc.macro), printed.share(one.auc.minimum.value))
        cells.append(", ".join([*parts, printed.share(one.matched.macro.value)]))
    for real, synthetic in ((1, 1), (1, 0)):
        both = variant.vectors.shape[1] > 1
        cells.append(printed.number(scored(variant, SCOPES["both"], real, synthetic).auc.macro) if both else "-")
    return " | ".join([f"| {variant.name}", str(variant.vectors.shape[2]), *cells]) + " |"


def scored(variant: Variant, kinds: tuple[str, ...], real: int = 0, synthetic: int = 0) -> LeaveOneOut:
    """Leave one generator out, taught on every kind."""
    vectors = exam(variant.vectors, variant.items, real, synthetic)
    return leave_one_out(vectors, variant.items, variant.fit, "generator", Scope(scored=kinds), resampled=300)


def controls(items: tuple[Item, ...]) -> Iterator[Variant]:
    """What the file says of itself, by the same protocol."""
    names, columns = metadata(items)

    def fit(vectors: Values, teachers: Sequence[Item]) -> Score:
        score = unpaired(logistic)(vectors[:, -1], teachers)
        return lambda tested: score(tested[:, -1])

    yield Variant("control: metadata", columns[:, None], items, fit)
    yield Variant("control: length", length(items)[:, None], items, fit)
    rate = [name.startswith("frame rate") for name in names]
    yield Variant("control: frame rate", columns[:, None, rate], items, fit)


def published(clips: tuple[Item, ...]) -> Iterator[Variant]:
    """F-SVM at the three qualities, on fractions; at CRF 0 on percent too."""
    for crf in traces.QUALITIES:
        recipe = Recipe("footprint", Sampling(frames=F_SVM, windows=1), crf)
        found = readings(clips, recipe, told)
        items, fit = found.joined, teacher(recipe)
        yield Variant(f"F-SVM, CRF {crf}", found.vectors, items, fit)
        if crf == 0:
            yield Variant("F-SVM, CRF 0, percent", 100 * found.vectors, items, fit)


def families(found: Readings, items: tuple[Item, ...]) -> Iterator[Variant]:
    """The shipped detector, then without its parts."""
    every = [name for name, _ in traces.FAMILIES]
    yield chosen("traces (shipped)", every, found, items)
    yield chosen("not taught laundered", every, found, items, forms=1)
    yield chosen("one regression for all", every, found, items, fused=False)
    for name in every:
        yield chosen(f"without {name}", [other for other in every if other != name], found, items)
    for name in every:
        yield chosen(f"{name} alone", [name], found, items)


def alike(found: Readings, items: tuple[Item, ...]) -> Iterator[Variant]:
    """Clips of 10 frames a second and more: laundered, they share size, rate and compression."""
    keep = [at for at, item in enumerate(items) if item.fps >= 9.9]
    for one in (*controls(items), *families(found, items)):
        if one.name in ("control: metadata", "control: frame rate", "traces (shipped)", "footprint alone"):
            some = tuple(one.items[at] for at in keep)
            yield dataclasses.replace(one, name=f"{one.name}, 10 fps and more", vectors=one.vectors[keep], items=some)


def chosen(
    title: str, names: list[str], found: Readings, items: tuple[Item, ...], forms: int = 2, fused: bool = True
) -> Variant:
    """Some families, taught on `forms` forms of each clip, fused late or fitted together."""
    starts = np.cumsum([0, *(size for _, size in traces.FAMILIES)])
    kept = [at for at, (name, _) in enumerate(traces.FAMILIES) if name in names]
    columns = np.concatenate([np.arange(starts[at], starts[at + 1]) for at in kept])
    sizes = [traces.FAMILIES[at] for at in kept] if fused else [("all", len(columns))]

    def fit(vectors: Values, teachers: Sequence[Item]) -> Score:
        known = labels_and_units(teachers)
        taught = linear.late_fusion(vectors[:, :forms], *known, pairs.aligned(teachers), sizes)
        return lambda tested: taught.scores(tested[:, -1])

    return Variant(title, found.vectors[:, :, columns], items, fit)


def curves(variants: list[Variant]) -> Iterator[str]:
    """AUC against clips a class, mean and 95 % of 20 draws, no source on both sides."""
    shots = [
        few_shot(exam(one.vectors, one.items), one.items, one.fit, by_source=True, scope=Scope(scored=kinds))
        for kinds in SCOPES.values()
        for one in variants
    ]
    for row in zip(*shots, strict=True):
        yield " | ".join([f"| {row[0].clips}", *(printed.number(one.auc) for one in row)]) + " |"


def told(done: int, of: int) -> None:
    """Progress on stderr."""
    if done == of or sys.stderr.isatty():
        print(f"\r{done}/{of} clips", end="\n" if done == of else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
