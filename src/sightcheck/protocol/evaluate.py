"""How far can a recipe be trusted? Held-out scores, calibrated, with controls: the numbers on a card and in a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from sightcheck import sandbox
from sightcheck.data import audit, manifest, pairs
from sightcheck.data.audit import Score, Separation, length, logistic, metadata, real_against_real
from sightcheck.data.manifest import Item
from sightcheck.data.split import By
from sightcheck.protocol import metrics, sources
from sightcheck.protocol.held_out import (
    EVERYTHING,
    Fit,
    LeaveOneOut,
    Scope,
    labels_and_units,
    leave_one_out,
    of_kinds,
    unpaired,
)  # fmt: skip
from sightcheck.protocol.metrics import Estimate, Labels, Values
from sightcheck.protocol.readings import Progress, Readings, readings
from sightcheck.protocol.shots import Shot, few_shot
from sightcheck.verdict import Calibration, calibrate
from sightcheck.video import fewshot, linear
from sightcheck.video.fewshot import Recipe
from sightcheck.video.linear import Linear

Measures = tuple[tuple[str, Estimate], ...]

FEWEST_GROUPS = 5
"""Groups of each class under which nothing is calibrated."""


@dataclass(frozen=True)
class Row:
    """One generator (synthetic) or source (real) held out: its clips and its measures by name."""

    name: str
    clips: int
    measures: tuple[tuple[str, Estimate], ...]


@dataclass(frozen=True)
class Controls:
    """The same protocol on what the file says of itself, and real clips against real clips of other sources."""

    metadata: LeaveOneOut
    length: LeaveOneOut
    sources_metadata: Separation
    sources_features: Separation


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found. `laundered`: every clip laundered; `laundered_reals`: only the real ones."""

    method: str
    clips: tuple[int, int]
    by_generator: LeaveOneOut
    by_source: LeaveOneOut
    laundered: LeaveOneOut | None
    laundered_reals: LeaveOneOut | None
    overall: tuple[tuple[str, Estimate], ...]
    generators: tuple[Row, ...]
    sources: tuple[Row, ...]
    controls: Controls
    audit: audit.Audit
    shots: tuple[Shot, ...]
    skipped: tuple[tuple[str, str], ...]


def evaluate(
    detector: str,
    table: Path,
    kinds: tuple[str, ...] = (),
    progress: Progress | None = None,
    draws: int = 20,
    each: sandbox.Each | None = None,
) -> Evaluation:
    """Teach a detector's recipe anew with each generator, and each source, left out. Raises UsageError, InputError."""
    recipe = fewshot.load(detector).recipe
    found = readings(manifest.read(table), recipe, progress, each)
    return measured(recipe, found, found.joined, Scope(scored=kinds), draws)


def measured(
    recipe: Recipe, found: Readings, items: Sequence[Item], scope: Scope = EVERYTHING, draws: int = 20
) -> Evaluation:
    """Readings of n clips, their items with near copies joined -> Evaluation."""
    plain = found.vectors[:, 0]
    fits = teacher(recipe)
    vectors = exam(found.vectors, items)
    by_generator = leave_one_out(vectors, items, fits, "generator", scope)

    def twin(real: int, synthetic: int) -> LeaveOneOut | None:
        if not recipe.laundered:
            return None
        return leave_one_out(exam(found.vectors, items, real, synthetic), items, fits, "generator", scope)

    return Evaluation(
        method=recipe.method,
        clips=(sum(not item.synthetic for item in items), sum(item.synthetic for item in items)),
        by_generator=by_generator,
        by_source=leave_one_out(vectors, items, fits, "source", scope),
        laundered=twin(1, 1),
        laundered_reals=twin(1, 0),
        overall=overall(by_generator, items),
        generators=generators(by_generator, items),
        sources=real_sources(by_generator, items),
        controls=controls(plain, items, "generator", scope),
        audit=audit.audit(items, found.fingerprints, plain),
        shots=few_shot(vectors, items, fits, draws=draws, scope=scope),
        skipped=found.skipped,
    )


def exam(vectors: Values, items: Sequence[Item], real: int = 0, synthetic: int = 0) -> Values:
    """(n, forms, d) -> (n, forms + 1, d): the forms that teach, then the one that is scored, chosen by label."""
    scored = np.array([synthetic if item.synthetic else real for item in items])
    return np.concatenate([vectors, vectors[np.arange(len(vectors)), scored][:, None]], axis=1)


def teacher(recipe: Recipe) -> Fit:
    """A recipe -> the `fit` of the protocols, on vectors of `exam`: taught all forms but the last, scoring the last."""

    def fit(vectors: Values, items: Sequence[Item]) -> Score:
        taught = fitted(recipe, vectors[:, :-1], items)
        return lambda tested: taught.scores(tested[:, -1])

    return fit


def fitted(recipe: Recipe, vectors: Values, items: Sequence[Item]) -> Linear:
    """Vectors (n, forms, d), the (n) described items that teach -> Linear, taught on their aligned pairs too."""
    return linear.fit(recipe.method, vectors, *labels_and_units(items), pairs.aligned(items))


def clip_scores(found: LeaveOneOut, n: int) -> Values:
    """Held-out scores -> (n,) the mean over the models that held each clip out; nan where none did."""
    total = np.bincount(found.held.clips, found.held.scores, minlength=n)
    times = np.bincount(found.held.clips, minlength=n)
    mean: Values = np.where(times > 0, total / np.maximum(times, 1), np.nan)
    return mean


def calibration(scores: Values, items: Sequence[Item]) -> Calibration | None:
    """Held-out scores (n,), nan for none -> Calibration; None with fewer than FEWEST_GROUPS groups in a class."""
    seen = np.isfinite(scores)
    synthetic = np.array([item.synthetic for item in items])
    units = np.array([item.unit for item in items])
    if min(len(set(units[seen & (synthetic == side)])) for side in (False, True)) < FEWEST_GROUPS:
        return None
    return calibrate(scores[seen], synthetic[seen], units[seen].tolist())


def voice(
    calibration: Calibration | None, scores: Values, items: Sequence[Item]
) -> tuple[Calibration | None, tuple[str, ...]]:
    """A calibration on held-out scores (n,) -> itself, or None and why: its ratios told nothing on held-out sources."""
    seen = np.flatnonzero(np.isfinite(scores))
    kept = [items[at] for at in seen.tolist()]
    if calibration is None or len({item.origin for item in kept}) < 2 * FEWEST_GROUPS:
        return calibration, ()
    cost = sources.worth(scores[seen], sources.ratios(scores[seen], kept, shrunk=False), kept).cllr_by_source
    if cost < 1:
        return calibration, ()
    return None, (
        f"on sources that were held out its ratios told less than nothing (Cllr {cost:.2f}, and 1 is silence): "
        "it has no voice",
    )


def overall(found: LeaveOneOut, items: Sequence[Item]) -> Measures:
    """All held-out clips together, each scored by models that saw neither its generator nor its source."""
    scores = clip_scores(found, len(items))
    fitted = calibration(scores, items)
    return measures(scores, items, np.isfinite(scores), fitted)


def generators(found: LeaveOneOut, items: Sequence[Item]) -> tuple[Row, ...]:
    """Each generator against the held-out real clips, calibrated on the other generators alone."""
    scores = clip_scores(found, len(items))
    synthetic = np.array([item.synthetic for item in items])
    makers = np.array([item.maker for item in items])
    rows = []
    for row in found.rows:
        mine = makers == row.held_out
        fitted = calibration(np.where(mine, np.nan, scores), items)
        tested = np.isfinite(scores) & (mine | ~synthetic)
        rows.append(Row(row.held_out, row.fakes, (("AUC", row.auc), *measures(scores, items, tested, fitted)[1:])))
    return tuple(rows)


def real_sources(found: LeaveOneOut, items: Sequence[Item]) -> tuple[Row, ...]:
    """Each source of real clips against the held-out synthetic ones."""
    scores = clip_scores(found, len(items))
    synthetic = np.array([item.synthetic for item in items])
    origins = np.array([item.origin for item in items])
    fitted, rows = calibration(scores, items), []
    for name in sorted(set(origins[~synthetic & np.isfinite(scores)])):
        mine = ~synthetic & (origins == name)
        tested = np.isfinite(scores) & (mine | synthetic)
        rows.append(Row(str(name), int(mine.sum()), measures(scores, items, tested, fitted)))
    return tuple(rows)


def measures(scores: Values, items: Sequence[Item], tested: Labels, fitted: Calibration | None) -> Measures:
    """Held-out scores -> the six measures with 95 % intervals over groups; a call is a likelihood ratio above 1."""
    chosen = [item for item, keep in zip(items, tested, strict=True) if keep]
    synthetic = np.array([item.synthetic for item in chosen])
    units = [item.unit for item in chosen]
    kept = scores[tested]
    log10_lr = np.array([fitted.log10_lr(score) for score in kept]) if fitted else kept
    called, sure = log10_lr > 0, 1 / (1 + 10.0**-log10_lr)
    by_name: dict[str, Callable[[Values], float]] = {
        "AUC": lambda w: metrics.auc(kept, synthetic, w),
        "accuracy": lambda w: metrics.accuracy(called, synthetic, w),
        "balanced accuracy": lambda w: metrics.balanced_accuracy(called, synthetic, w),
        "TPR at 1 % FPR": lambda w: metrics.tpr_at_fpr(kept, synthetic, 0.01, w),
        "TPR at 5 % FPR": lambda w: metrics.tpr_at_fpr(kept, synthetic, 0.05, w),
        "ECE": lambda w: metrics.ece(sure, synthetic, weights=w),
    }
    return tuple((name, metrics.bootstrap(metric, synthetic, units, n=300)) for name, metric in by_name.items())


def to_json(found: Evaluation) -> str:
    """Evaluation -> one JSON document; arrays of held-out scores become lists, nan becomes null."""
    return msgspec.json.encode(msgspec.to_builtins(found, enc_hook=lambda value: value.tolist())).decode()


def controls(
    features: Values,
    items: Sequence[Item],
    by: By = "generator",
    scope: Scope = EVERYTHING,
    seed: int = 0,
    resampled: int = 1000,
) -> Controls:
    """A detector's features (n, d), (n) items -> Controls to print beside its own `leave_one_out`."""
    table = metadata(items)[1]
    alone = [
        leave_one_out(values, items, unpaired(logistic), by, scope, seed=seed, resampled=resampled)
        for values in (table, length(items))
    ]
    wanted = of_kinds(items, scope.scored)
    chosen = [item for item, keep in zip(items, wanted, strict=True) if keep]
    sources = [real_against_real(values[wanted], chosen) for values in (table, features)]
    return Controls(alone[0], alone[1], sources[0], sources[1])
