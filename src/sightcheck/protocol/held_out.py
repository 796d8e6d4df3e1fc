"""How well does a detector do on what it was never taught? One generator, or one source, left out at a time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from sightcheck.data.audit import Score, logistic, metadata
from sightcheck.data.manifest import Item
from sightcheck.data.split import By, balanced, folds, linked_groups, names_by
from sightcheck.errors import UsageError
from sightcheck.protocol.metrics import Estimate, Labels, Values, estimate, resamples

Indices = NDArray[np.intp]
Fit = Callable[[Values, Sequence[Item]], Score]
"""Features (n, d) and the (n) items that teach, with their labels, units and aligned pairs -> what scores (m, d)."""

CALIPER = 0.5
"""A pair is matched when its two metadata-only scores differ by at most this many pooled standard deviations."""


@dataclass(frozen=True)
class Scope:
    """The kinds of item that are scored and those that are taught; () is every kind."""

    scored: tuple[str, ...] = ()
    taught: tuple[str, ...] = ()


EVERYTHING = Scope()


@dataclass(frozen=True)
class Trial:
    """One model: the items that teach it, and the held-out ones it scores. All are indices of items."""

    held_out: str
    fold: int
    train: Indices
    fakes: Indices
    reals: Indices


@dataclass(frozen=True)
class HeldOut:
    """Raw scores (m,) of items `clips` (m,) by the model of trial `models` (m,). Scales differ between models."""

    scores: Values
    clips: Indices
    models: Indices


@dataclass(frozen=True)
class Summary:
    """AUC over generators (or sources): their mean, the mean weighted by pairs, and the lowest."""

    macro: Estimate
    weighted: Estimate
    minimum: Estimate


@dataclass(frozen=True)
class Row:
    """One generator (or source): its clips, the real clips they are compared with, the pairs, and AUC.

    `matched` counts only the pairs whose metadata look alike; nan where there is none.
    """

    held_out: str
    fakes: int
    reals: int
    pairs: int
    auc: Estimate
    matched_pairs: int
    matched: Estimate


@dataclass(frozen=True)
class LeaveOneOut:
    """What `leave_one_out` found; `left_out` names what no model could be taught for."""

    by: By
    auc: Summary
    matched: Summary
    rows: tuple[Row, ...]
    held: HeldOut
    left_out: tuple[str, ...]


def leave_one_out(
    features: Values,
    items: Sequence[Item],
    fit: Fit,
    by: By = "generator",
    scope: Scope = EVERYTHING,
    folds: int = 5,
    seed: int = 0,
    resampled: int = 1000,
) -> LeaveOneOut:
    """Features (n, d), (n) items -> held-out AUC for every generator (or source) of synthetic clips.

    AUC compares only scores of one model; a generator's AUC is the mean over its models, weighted by pairs. Intervals
    resample groups within class, `resampled` times. Near copies are known only through the items' groups: give
    `split.joined` items. Raises UsageError where nothing can be compared or features are not finite.
    """
    return compared(features, items, fit, trials(items, by, scope, folds, seed), by, scope, seed, resampled)


def folds_out(
    features: Values,
    items: Sequence[Item],
    fit: Fit,
    scope: Scope = EVERYTHING,
    k: int = 5,
    seed: int = 0,
    resampled: int = 1000,
) -> LeaveOneOut:
    """As `leave_one_out` by generator, for detectors too costly to teach that often: k models in all.

    Sources are dealt to k folds, and one model is taught without each fold, so without all its generators and sources.
    """
    planned, taught = fold_trials(items, scope, k, seed), dict[bytes, Score]()

    def once(rows: Values, teachers: Sequence[Item]) -> Score:
        return taught.get(rows.tobytes()) or taught.setdefault(rows.tobytes(), fit(rows, teachers))

    return compared(features, items, once, planned, "generator", scope, seed, resampled)


def compared(
    features: Values,
    items: Sequence[Item],
    fit: Fit,
    planned: Sequence[Trial],
    by: By = "generator",
    scope: Scope = EVERYTHING,
    seed: int = 0,
    resampled: int = 1000,
) -> LeaveOneOut:
    """Features (n, d), (n) items, the models to teach -> held-out AUC for every name that the trials hold out."""
    if len(features) != len(items) or not np.isfinite(features).all():
        raise UsageError(f"features {features.shape} for {len(items)} items: give one row of finite numbers an item")
    if not planned:
        raise UsageError("nothing can be held out: give real clips of two sources and synthetic clips of two")
    held = scores(features, items, planned, fit)
    names = sorted({trial.held_out for trial in planned})
    weights = _weights(items, np.unique(held.clips), resampled, seed)
    plain = _wins(held, planned, names, weights)
    near = _wins(held, planned, names, weights, scores(metadata(items)[1], items, planned, unpaired(logistic)))
    tested = [np.unique(held.clips[np.isin(held.models, _models(planned, name))]) for name in names]
    rows = tuple(_row(name, items, tested[at], plain[:, at], near[:, at]) for at, name in enumerate(names))
    overall, matched = (_summary(wins, items, np.unique(held.clips)) for wins in (plain, near))
    left_out = tuple(sorted(set(_names(items, by, scope)) - set(names)))
    return LeaveOneOut(by, overall, matched, rows, held, left_out)


def trials(
    items: Sequence[Item], by: By = "generator", scope: Scope = EVERYTHING, folds: int = 5, seed: int = 0
) -> tuple[Trial, ...]:
    """The models to teach: one for each generator (or source) of synthetic clips and each fold of the real sources.

    Not taught: the generator itself; every clip of a source its clips come from; the real clips of the fold and of
    their sources; any clip that shares a group or a sha256 with a scored one. Trials without both classes on both
    sides are left out.
    """
    synthetic = np.array([item.synthetic for item in items])
    origins, groups = names_by(items, "source"), linked_groups(items)
    names = names_by(items, by)
    scored, taught = of_kinds(items, scope.scored), of_kinds(items, scope.taught)
    fold = _real_folds(items, scored & ~synthetic, folds, seed)
    planned = []
    for name in _names(items, by, scope):
        held = synthetic & (names == name)
        for k in range(folds):
            fakes, reals = held & scored, fold == k
            same = np.isin(origins, origins[held]) | np.isin(groups, groups[held | reals])
            train = taught & ~same & ~(~synthetic & np.isin(origins, origins[reals]))
            if reals.any() and {*synthetic[train]} == {False, True}:
                planned.append(Trial(name, k, *(np.flatnonzero(side) for side in (train, fakes, reals))))
    return tuple(planned)


def fold_trials(items: Sequence[Item], scope: Scope = EVERYTHING, k: int = 5, seed: int = 0) -> tuple[Trial, ...]:
    """One trial for each generator, taught on the other folds of sources; trials of one fold teach the same model."""
    synthetic, makers = np.array([item.synthetic for item in items]), names_by(items, "generator")
    scored, taught = of_kinds(items, scope.scored), of_kinds(items, scope.taught)
    fold, planned = folds(items, k, seed), []
    for at in range(k):
        here = fold == at
        same = here | np.isin(makers, makers[here & synthetic])
        train, reals = np.flatnonzero(taught & ~same), np.flatnonzero(here & scored & ~synthetic)
        if len(reals) and {*synthetic[train]} == {False, True}:
            fakes = here & scored & synthetic
            for name in sorted(set(makers[fakes].tolist())):
                planned.append(Trial(name, at, train, np.flatnonzero(fakes & (makers == name)), reals))
    return tuple(planned)


def scores(features: Values, items: Sequence[Item], planned: Sequence[Trial], fit: Fit) -> HeldOut:
    """Features (n, ...), trials -> raw held-out scores in the order of trials, synthetic clips before real ones."""
    found, clips = [], [np.r_[trial.fakes, trial.reals] for trial in planned]
    with threadpool_limits(1):  # many small fits: threads only wait for each other
        for trial, tested in zip(planned, clips, strict=True):
            found.append(fit(features[trial.train], [items[at] for at in trial.train])(features[tested]))
    models = np.repeat(np.arange(len(planned)), [len(tested) for tested in clips])
    return HeldOut(np.concatenate(found), np.concatenate(clips), models)


def labels_and_units(items: Sequence[Item]) -> tuple[Labels, NDArray[np.str_]]:
    """(n) items -> (n,) whether each is synthetic, and (n,) what a weighting should know: source, with generator."""
    return np.array([item.synthetic for item in items]), np.array([item.unit for item in items])


def unpaired(fit: Callable[[Values, Labels, NDArray[np.str_]], Score]) -> Fit:
    """What is fitted to features (n, d), labels (n,) and units (n,), whatever is paired -> Fit."""
    return lambda features, items: fit(features, *labels_and_units(items))


def of_kinds(items: Sequence[Item], kinds: tuple[str, ...]) -> Labels:
    """(n) items -> (n,) whether each is of one of the kinds; () is every kind."""
    return np.array([not kinds or item.kind in kinds for item in items])


def _names(items: Sequence[Item], by: By, scope: Scope) -> list[str]:
    """The generators (or sources) of the synthetic items to be scored, in order."""
    wanted = of_kinds(items, scope.scored) & np.array([item.synthetic for item in items])
    return sorted(set(names_by(items, by)[wanted].tolist()))


def _real_folds(items: Sequence[Item], reals: Labels, folds: int, seed: int) -> Indices:
    """Real items to be scored (n,) bool -> (n,) fold, -1 elsewhere; no source or group lies in two folds."""
    fold = np.full(len(items), -1)
    if reals.any():
        units = linked_groups([item for item, real in zip(items, reals, strict=True) if real], by_source=True)
        fold[reals] = balanced(units, np.zeros(len(units), dtype=bool), folds, seed)
    return fold


def _weights(items: Sequence[Item], tested: Indices, resampled: int, seed: int) -> Values:
    """(1 + resampled, n) weights of items: first all 1, then how often the group was drawn; 0 for items not tested."""
    synthetic, groups = _sides(items, tested)
    weights = np.zeros((1 + resampled, len(items)))
    weights[0] = 1
    weights[1:, tested] = resamples(synthetic, groups, resampled, seed)
    return weights


def _wins(
    held: HeldOut, planned: Sequence[Trial], names: list[str], weights: Values, matched_by: HeldOut | None = None
) -> Values:
    """Scores, weights (w, n) -> (2, names, w): pairs where the synthetic clip scores higher, and pairs.

    With `matched_by`, only pairs count whose scores there differ by at most CALIPER pooled standard deviations.
    """
    wins = np.zeros((2, len(names), len(weights)))
    caliper = _caliper(matched_by, planned) if matched_by is not None else 0.0
    for model, trial in enumerate(planned):
        ahead = _gaps(held, model, trial)
        counted = np.ones_like(ahead) if matched_by is None else abs(_gaps(matched_by, model, trial)) <= caliper
        for at, pairs in enumerate((counted * ((ahead > 0) + 0.5 * (ahead == 0)), counted)):
            drawn = (weights[:, trial.fakes] @ pairs) * weights[:, trial.reals]  # (w, reals)
            wins[at, names.index(trial.held_out)] += drawn.sum(1)
    return wins


def _gaps(held: HeldOut, model: int, trial: Trial) -> Values:
    """Scores of one model's synthetic clips less those of its real ones, (fakes, reals)."""
    fakes, reals = np.split(held.scores[held.models == model], [len(trial.fakes)])
    gaps: Values = np.subtract.outer(fakes, reals)
    return gaps


def _caliper(held: HeldOut, planned: Sequence[Trial]) -> float:
    fakes = np.concatenate([np.arange(len(t.fakes) + len(t.reals)) < len(t.fakes) for t in planned])
    return CALIPER * float(np.sqrt((held.scores[fakes].var() + held.scores[~fakes].var()) / 2))


def _row(name: str, items: Sequence[Item], tested: Indices, plain: Values, near: Values) -> Row:
    """Wins and pairs (2, w) of one generator -> its row; pairs are counted once however many models scored them."""
    synthetic, groups = _sides(items, tested)
    plain_auc, near_auc = (_estimate(_ratio(*wins), synthetic, groups) for wins in (plain, near))
    fakes = int(synthetic.sum())
    return Row(name, fakes, len(tested) - fakes, int(plain[1, 0]), plain_auc, int(near[1, 0]), near_auc)


def _summary(wins: Values, items: Sequence[Item], tested: Indices) -> Summary:
    """Wins and pairs (2, names, w) -> Summary over the names that have pairs."""
    synthetic, groups = _sides(items, tested)
    known, each = wins[1] > 0, _ratio(*wins)
    macro = _ratio(np.nansum(each, 0), known.sum(0))
    lowest = np.where(known.any(0), np.where(known, each, np.inf).min(0), np.nan)
    return Summary(*(_estimate(values, synthetic, groups) for values in (macro, _ratio(*wins.sum(1)), lowest)))


def _estimate(values: Values, synthetic: Labels, groups: Sequence[str]) -> Estimate:
    return estimate(float(values[0]), values[1:], synthetic, groups)


def _ratio(part: Values, whole: Values) -> Values:
    """Part / whole, nan where the whole is 0."""
    ratio = np.full(np.shape(part), np.nan)
    return np.asarray(np.divide(part, whole, out=ratio, where=whole > 0))


def _models(planned: Sequence[Trial], name: str) -> list[int]:
    return [model for model, trial in enumerate(planned) if trial.held_out == name]


def _sides(items: Sequence[Item], tested: Indices) -> tuple[Labels, list[str]]:
    """Labels and linked groups of the tested items."""
    groups = linked_groups(items).astype(np.str_)
    return np.array([items[i].synthetic for i in tested]), groups[tested].tolist()
