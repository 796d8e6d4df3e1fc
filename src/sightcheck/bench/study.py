"""What tells synthetic video from real on sources nobody taught? The tables of docs/video-study.md, with controls.

    python -m sightcheck.bench.study MANIFEST...

Every line is scored with each source held out, its scenes and generators with it (protocol/sources.py). What is read of
a clip is kept, so a second run only fits. Lines of `appearance` need the backbone CLIP, those of `residual` PyTorch.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck.data import chains, manifest, pairs
from sightcheck.data.audit import length, logistic, metadata, real_against_real
from sightcheck.data.manifest import Item
from sightcheck.errors import InputError, UsageError
from sightcheck.protocol import sources
from sightcheck.protocol.held_out import Fit, labels_and_units
from sightcheck.protocol.metrics import Values
from sightcheck.protocol.readings import one, readings
from sightcheck.protocol.sources import Indices, Worth
from sightcheck.video import appearance, fewshot, linear, traces
from sightcheck.video.fewshot import Recipe

Scores = dict[str, Values]
"""Held-out scores (n,) by the name of their line; nan where a clip could not be read."""
EVERY = 10
"""Of clips that are copied as the web does, every so many-th of the table and of its pairs."""
TAUGHT = (5, 10, 20, 40)
"""Sources that teach, in the curve."""
DRAWS = 3


@dataclass(frozen=True)
class Line:
    """One line of a table: what is read, vectors (n, forms, d) of the items, nan where unread, and what is fitted."""

    name: str
    vectors: Values
    fit: Fit


def main(*tables: str) -> None:
    """Print every table, line by line as it is ready."""
    clips = [item for table in tables for item in manifest.read(Path(table))]
    found = readings(clips, Recipe(), told)
    items, by_path = found.joined, {item.path: at for at, item in enumerate(found.items)}
    lines = [*plain(found.vectors), *published(clips, items, by_path), *looked(clips, items, by_path)]
    scores: Scores = {}
    print(head(Worth), flush=True)
    for name, alone in controls(items):
        print(row(name, alone, items), flush=True)
    for line in lines:
        scores[line.name] = held_out(line, items)
        print(row(line.name, scores[line.name], items), flush=True)
    for name, alone in networks(items, by_path):
        scores[name] = alone
        print(row(name, alone, items), flush=True)
    for name, parts in fusions(scores).items():
        for shrunk in (False, True):
            print(together(name, [scores[part] for part in parts], items, shrunk), flush=True)
    print("\n" + told_apart(items, lines), flush=True)
    chosen = {line.name: line for line in lines}
    print("\n## Copies\n", flush=True)
    for text in copies(items, chosen):
        print(text, flush=True)
    print("\n## Sources that taught\n", flush=True)
    for text in curve(items, chosen):
        print(text, flush=True)


def plain(vectors: Values) -> Iterator[Line]:
    """`traces` as it is shipped, then otherwise."""
    yield Line("traces", vectors, fitted("traces"))
    yield Line("traces, no pairs", vectors, fitted("traces", paired=False))
    yield Line("traces, clips as they are only", vectors[:, :1], fitted("traces", paired=False))
    yield Line("traces, differences inside pairs alone", vectors, only_pairs("traces"))
    starts = np.cumsum([0, *(size for _, size in traces.FAMILIES)])
    for at, (name, _) in enumerate(traces.FAMILIES):
        columns = slice(starts[at], starts[at + 1])
        yield Line(f"traces, {name} alone", vectors[:, :, columns], family(name, vectors[:, :, columns].shape[2]))


def published(clips: Sequence[Item], items: Sequence[Item], by_path: dict[str, int]) -> Iterator[Line]:
    """F-SVM, the reference: as published where clips are long enough, then on what clips have alike."""
    with suppress(UsageError):
        found = readings(clips, fewshot.published(), told)
        yield Line("F-SVM", spread(found.vectors, found.items, by_path, len(items)), fitted("footprint"))
    found = readings(clips, fewshot.canonical(), told)
    vectors = spread(found.vectors, found.items, by_path, len(items))
    yield Line("F-SVM canonical", vectors, fitted("footprint"))
    yield Line("F-SVM canonical, differences inside pairs alone", vectors, only_pairs("footprint"))


def looked(clips: Sequence[Item], items: Sequence[Item], by_path: dict[str, int]) -> Iterator[Line]:
    """`appearance`, then parts of its vector."""
    if not appearance.ready():
        return
    found = readings(clips, Recipe("appearance", appearance.SAMPLING), told)
    vectors = spread(found.vectors, found.items, by_path, len(items))
    yield Line("appearance", vectors, fitted("appearance", paired=False))
    yield Line("appearance, pairs too", vectors, fitted("appearance"))
    middle, width = 2 * appearance.WIDTH, appearance.WIDTH
    for name, columns in (
        ("class token after block 8", slice(width)),
        ("patches after block 8", slice(width, middle)),
        ("last output", slice(middle, None)),
    ):
        some = vectors[:, :, columns]
        yield Line(f"appearance, {name} alone", some, family("all", some.shape[2], linear.STRENGTHS["appearance"]))


def networks(items: Sequence[Item], by_path: dict[str, int]) -> Iterator[tuple[str, Values]]:
    """`frames` and `residual`, too costly for a model a source: five folds of whole sources."""
    from sightcheck.bench.comparison import read
    from sightcheck.learn.video.contenders import contender
    from sightcheck.protocol.contender import by_index

    for name in ("frames", "residual"):
        method = contender(name)
        kept, seen = read(method, items)
        fit = by_index(method, seen, [item.sha256 for item in kept], "study")
        rows = np.arange(len(kept), dtype=float)[:, None]
        alone = np.full(len(items), np.nan)
        alone[[by_path[item.path] for item in kept]] = sources.held_out(kept, sources.teaching(fit, rows, kept), 5)
        yield f"{name} (5 folds)", alone


def fusions(scores: Scores) -> dict[str, list[str]]:
    """Names of fusions -> the lines they are made of, where these are there."""
    wanted = {
        "joint: traces, frames": ["traces", "frames (5 folds)"],
        "traces, frames, residual": ["traces", "frames (5 folds)", "residual (5 folds)"],
        "joint-appearance: traces, appearance": ["traces", "appearance"],
        "traces, appearance, frames": ["traces", "appearance", "frames (5 folds)"],
        "traces, appearance, residual": ["traces", "appearance", "residual (5 folds)"],
    }
    return {name: parts for name, parts in wanted.items() if {*parts} <= {*scores}}


def controls(items: Sequence[Item]) -> Iterator[tuple[str, Values]]:
    """What scores without looking at the picture."""
    names, columns = metadata(items)
    rate = [name.startswith("frame rate") for name in names]
    for name, alone in (("metadata", columns), ("length", length(items)), ("frame rate", columns[:, rate])):
        yield f"control: {name}", held_out(Line(name, alone[:, None], by_columns), items)


def by_columns(vectors: Values, items: Sequence[Item]) -> Callable[[Values], Values]:
    """A regression on plain columns (n, 1, d)."""
    return logistic(vectors[:, 0], *labels_and_units(items))


def fitted(method: str, paired: bool = True) -> Fit:
    """The fit of a method, on aligned pairs too where there are any."""

    def fit(vectors: Values, items: Sequence[Item]) -> Callable[[Values], Values]:
        couples = pairs.aligned(items) if paired else ()
        return linear.fit(method, vectors, *labels_and_units(items), couples).scores

    return fit


def family(name: str, size: int, strength: float = linear.STRENGTH) -> Fit:
    """One regression on all columns."""

    def fit(vectors: Values, items: Sequence[Item]) -> Callable[[Values], Values]:
        return linear.late_fusion(vectors, *labels_and_units(items), (), ((name, size),), strength).scores

    return fit


def only_pairs(method: str) -> Fit:
    """Taught on nothing but the members of aligned pairs, each less the mean of its pair; nan where there are none."""

    def fit(vectors: Values, items: Sequence[Item]) -> Callable[[Values], Values]:
        couples = np.array(pairs.aligned(items), np.intp).reshape(-1, 2)
        if not len(couples):
            return lambda rows: np.full(len(rows), np.nan)
        real, fake = (vectors[couples[:, side]] for side in (0, 1))
        centred = np.concatenate([real - (real + fake) / 2, fake - (real + fake) / 2])
        labels = np.arange(len(centred)) >= len(real)
        units = np.array([items[at].unit for at in [*couples[:, 1], *couples[:, 1]]])
        return linear.fit(method, centred, labels, units).scores

    return fit


def held_out(line: Line, items: Sequence[Item], exam: Values | None = None, most: int = 0, seed: int = 0) -> Values:
    """A line -> held-out scores (n,), nan where unread; of `exam` (n, d) in the place of the clips as they are.

    `most`: at most so many sources teach, drawn by the seed; 0: all.
    """
    kept = np.flatnonzero(np.isfinite(line.vectors).all((1, 2)))
    some = [items[at] for at in kept.tolist()]
    vectors, asked = line.vectors[kept], (line.vectors[:, 0] if exam is None else exam)[kept]
    origins = np.array([item.origin for item in some])

    every = sources.teaching(line.fit, vectors, some, asked)

    def teach(taught: Indices) -> Callable[[Indices], Values]:
        return every(taught[np.isin(origins[taught], drawn(origins[taught], some, taught, most, seed))])

    scores = np.full(len(items), np.nan)
    scores[kept] = sources.held_out(some, teach if most else every)
    return scores


def drawn(origins: NDArray[np.str_], items: Sequence[Item], taught: Indices, most: int, seed: int) -> NDArray[np.str_]:
    """`most` of the sources that could teach, both labels among them."""
    synthetic = np.array([items[at].synthetic for at in taught.tolist()])
    names = np.random.default_rng((seed, most)).permutation(np.unique(origins))
    for start in range(len(names)):
        some = np.roll(names, -start)[:most]
        if {*synthetic[np.isin(origins, some)].tolist()} == {False, True}:
            return np.asarray(some)
    return np.asarray(names)


def spread(vectors: Values, read: Sequence[Item], by_path: dict[str, int], n: int) -> Values:
    """Vectors of the items that could be read -> (n, forms, d) of all, nan elsewhere."""
    every = np.full((n, *vectors.shape[1:]), np.nan)
    at = [row for row, item in enumerate(read) if item.path in by_path]
    every[[by_path[read[row].path] for row in at]] = vectors[at]
    return every


def told_apart(items: Sequence[Item], lines: Sequence[Line]) -> str:
    """Real against real: how well measurements tell one source of real clips from the others."""
    found = {"metadata": metadata(items)[1]}
    found |= {line.name: line.vectors[:, 0] for line in lines if line.name in ("traces", "appearance")}
    each = [f"{name} {number(real_against_real(one, items).auc or np.nan)}" for name, one in found.items()]
    return f"Control, real against real, AUC of telling one real source from the others: {', '.join(each)}."


def copies(items: Sequence[Item], lines: dict[str, Line]) -> Iterator[str]:
    """Clips as they are, then their copies: the same held-out models, on every EVERY-th clip and pair."""
    couples = pairs.aligned(items)[::EVERY]
    some = sorted({at for pair in couples for at in pair} | {*range(0, len(items), EVERY)})
    names = ("as it is", *chains.COPIES)
    yield f"{len(some)} clips, {len(couples)} of the aligned pairs.\n"
    yield "| line | " + " | ".join(f"{name}: AUC, Cllr by source, pairs" for name in names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    wanted: dict[str, tuple[str, ...]] = {name: (name,) for name in ("F-SVM canonical", "traces", "appearance")}
    wanted["joint-appearance: traces, appearance"] = ("traces", "appearance")
    exams = {
        (name, copy): exam_of(name, copy, some, items, lines[name])
        for name in wanted
        if name in lines
        for copy in names
    }
    for title, parts in wanted.items():
        if {*parts} <= {*lines}:
            each = [cell([(exams[part, copy], lines[part]) for part in parts], items, some) for copy in names]
            yield f"| {title} | " + " | ".join(each) + " |"


def exam_of(name: str, copy: str, some: Sequence[int], items: Sequence[Item], line: Line) -> Values:
    """What is read of some clips' copies, (n, d), nan elsewhere."""
    recipes = {"F-SVM canonical": fewshot.canonical(), "traces": Recipe()}
    recipe = recipes.get(name) or Recipe("appearance", appearance.SAMPLING)

    def read(at: int) -> Values:
        try:
            path = items[at].path if copy == "as it is" else chains.copied(items[at], copy).path
            return np.asarray(one(Path(path), recipe).forms[0])
        except InputError as error:
            print(f"{Path(items[at].path).name}, {copy}: {error}", file=sys.stderr)
            return np.full(line.vectors.shape[2], np.nan)

    exam = np.full((len(items), line.vectors.shape[2]), np.nan)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        exam[list(some)] = [*pool.map(read, some)]
    return exam


def cell(parts: Sequence[tuple[Values, Line]], items: Sequence[Item], some: Sequence[int]) -> str:
    """AUC, Cllr by source and pairs in order of some clips, by lines together and what was read of copies for each.

    Ratios are those that the clips as they are calibrate.
    """
    own = np.stack([held_out(line, items) for _, line in parts], 1)
    filled = [np.where(np.isfinite(exam), exam, line.vectors[:, 0]) for exam, line in parts]
    copied = np.stack([held_out(line, items, one) for one, (_, line) in zip(filled, parts, strict=True)], 1)
    readable = np.all([np.isfinite(exam).all(1) for exam, _ in parts], axis=0)
    known = np.flatnonzero(np.isfinite(own).all(1))
    given = np.full(len(items), np.nan)
    given[known] = sources.ratios(own[known], [items[at] for at in known.tolist()], shrunk=False, asked=copied[known])
    seen = [at for at in some if readable[at] and np.isfinite(given[at])]
    scores = copied[seen, 0] if len(parts) == 1 else given[seen]
    worth = sources.worth(scores, given[seen], [items[at] for at in seen])
    return f"{number(worth.auc)}, {number(worth.cllr_by_source)}, {number(worth.pairs)}"


def curve(items: Sequence[Item], lines: dict[str, Line]) -> Iterator[str]:
    """Cllr by source against the number of sources that taught, mean of DRAWS draws."""
    names = [name for name in ("F-SVM canonical", "traces", "appearance") if name in lines]
    yield "| sources that taught | " + " | ".join(f"{name}: AUC by source, Cllr by source" for name in names) + " |"
    yield "|---" * (len(names) + 1) + "|"
    for most in (*TAUGHT, 0):
        cells = []
        for name in names:
            found = []
            for seed in range(DRAWS if most else 1):
                scores = held_out(lines[name], items, most=most, seed=seed)
                found.append(worth(scores, items))
            means = np.mean([(one.auc_by_source, one.cllr_by_source) for one in found], axis=0)
            cells.append(", ".join(map(number, means)))
        yield f"| {most or 'all'} | " + " | ".join(cells) + " |"


def worth(scores: Values, items: Sequence[Item]) -> Worth:
    """Held-out scores (n,), nan where unread -> what they are worth."""
    known = np.flatnonzero(np.isfinite(scores))
    some = [items[at] for at in known.tolist()]
    if {item.synthetic for item in some} != {False, True}:
        return Worth(*[np.nan] * len(fields(Worth)))
    return sources.worth(scores[known], sources.ratios(scores[known], some, shrunk=False), some)


def together(name: str, scores: Sequence[Values], items: Sequence[Item], shrunk: bool) -> str:
    """A fusion's line, its ratios as calibrated or as stated, `shrunk`."""
    known = np.flatnonzero(np.isfinite(scores).all(0))
    some = [items[at] for at in known.tolist()]
    given = sources.ratios(np.stack(scores, 1)[known], some, shrunk=shrunk)
    return cells(f"{name}{', as stated' if shrunk else ''}", len(known), sources.worth(given, given, some))


def row(name: str, scores: Values, items: Sequence[Item]) -> str:
    """A line of the table of variants."""
    return cells(name, int(np.isfinite(scores).sum()), worth(scores, items))


def head(kind: type[Worth]) -> str:
    """The table's head."""
    names = [one.name.replace("_", " ") for one in fields(kind)]
    return "| line | clips | " + " | ".join(names) + " |\n" + "|---" * (len(names) + 2) + "|"


def cells(name: str, n: int, found: Worth) -> str:
    """A name, its clips and its numbers."""
    return f"| {name} | {n} | " + " | ".join(map(number, astuple(found))) + " |"


def number(value: float) -> str:
    """`.93`, `1.06`, `-` for none."""
    return "-" if np.isnan(value) else f"{value:.2f}".removeprefix("0")


def told(done: int, of: int) -> None:
    """Progress on stderr."""
    if done == of or sys.stderr.isatty():
        print(f"\r{done}/{of} clips", end="\n" if done == of else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
