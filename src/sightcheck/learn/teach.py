"""How is a detector taught from a handful of clips? Measure, hold out, calibrate, audit, and write it with its card."""

import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from sightcheck import weights
from sightcheck.ask import versions
from sightcheck.data import audit, manifest
from sightcheck.data.manifest import Item
from sightcheck.data.pairs import aligned
from sightcheck.errors import BrokenInstallation, UsageError
from sightcheck.protocol import evaluate
from sightcheck.protocol import sources as sources_held_out
from sightcheck.protocol.evaluate import Controls, Evaluation
from sightcheck.protocol.held_out import LeaveOneOut
from sightcheck.protocol.metrics import Estimate, Values
from sightcheck.protocol.readings import Progress, Readings, readings
from sightcheck.report.report import visible
from sightcheck.verdict import Calibration
from sightcheck.video import appearance, fewshot, reference
from sightcheck.video.fewshot import FewShot, Method, Recipe
from sightcheck.video.reference import Reference
from sightcheck.weights import Card, Metric, Source

NOT_FOR = (
    "Not proof of anything alone. Not for faces swapped into real footage, still pictures, screen recordings or drawn "
    "animation: it was neither taught nor tested on them. An edit of a part of the frame may leave no trace."
)
MANY, FOLDS = 150, 20
"""Sources above which they are held out by folds, and how many."""
SUMMARIES: dict[Method, str] = {
    "traces": "Predictability, motion and spectrum against taught clips",
    "footprint": "F-SVM: macroblock shares in order, as published (thesis, algorithm 1)",
    "appearance": "CLIP's features of whole frames, after two thirds of its blocks and at its end",
}


def items(real: Path | None, fake: Path | None, tables: Sequence[Path]) -> tuple[Item, ...]:
    """Two folders, or tables of clips -> items. Raises UsageError when neither or both are given."""
    if tables and real is None and fake is None:
        return tuple(item for table in tables for item in manifest.read(table))
    if not tables and real is not None and fake is not None:
        return manifest.from_folders(real, fake)
    raise UsageError("give --real DIR and --fake DIR, or --manifest FILE")


def recipe(method: Method = "traces", frames: int = 14, crf: int = 0) -> Recipe:
    """What is measured: `frames` (N, after the first) and `crf` belong to the footprint; the others fix their own.

    The defaults are what docs/video-study.md found best. Raises UsageError.
    """
    if method == "traces":
        return Recipe()
    if method == "appearance":
        if not appearance.ready():
            raise BrokenInstallation(appearance.MISSING)
        return Recipe("appearance", appearance.SAMPLING)
    if not (1 <= frames <= 1000 and 0 <= crf <= 51):
        raise UsageError("--frames lies in 1 to 1000 and --crf in 0 to 51")
    return fewshot.canonical(frames, crf)


def teach(
    name: str,
    clips: Sequence[Item],
    how: Recipe | None = None,
    root: Path | None = None,
    progress: Progress | None = None,
    replace: bool = False,
) -> tuple[Card, Path]:
    """Teach a detector and write it: returns its card and its folder.

    Scores are held out by source with its generators (by group, where none is named); they give the calibration, which
    is left out with fewer than FEWEST_GROUPS groups of a class: then every answer is `undecided` and says why.
    Raises UsageError when a class is missing, when a clip bears both labels, when the name is taken and not to be
    replaced; OutputError when the model cannot be written.
    """
    weights.check_free(name, root, replace)
    how = how or Recipe()
    found = readings(clips, how, progress)
    _refuse_both(found)
    joined = found.joined
    synthetic = np.array([item.synthetic for item in joined])
    checked = tested(how, found, joined)
    held_out = np.full(len(joined), np.nan) if checked is None else by_source(how, found, joined)
    calibration = evaluate.calibration(held_out, joined)
    calibration, mute = evaluate.voice(calibration, held_out, joined)
    made = checked is not None and leaks(checked.by_generator, checked.controls)
    limits = mute or warnings(calibration, joined)
    named = np.array([clip.sha256 for clip in found.clips])
    model = FewShot(
        name=name,
        recipe=how,
        linear=evaluate.fitted(how, found.vectors, joined),
        reference=Reference(
            calibration,
            reference.scope(found.clips, held_out, synthetic),
            synthetic,
            held_out,
            named,
            reference.forms(found.clips),
            made=reference.by_metadata(found.clips, synthetic, [item.unit for item in joined]) if made else (),
        ),
        vectors=found.vectors[: len(joined) if how.drawn else 0, 0],
    )
    card = Card(
        name=name,
        method=how.method,
        summary=summary(how.method, joined),
        recipe=dataclasses.asdict(how),
        sources=sources(joined),
        split=f"AUC: each {unit(joined)} with its sources and scenes, and a fifth of the real sources; "
        "calibration: each source with its scenes and generators",
        metrics=() if checked is None else sure(scores(checked, unit(joined)), joined),
        controls=() if checked is None else sure(controls(checked), joined),
        limits=limits,
        not_for=NOT_FOR,
        versions=dict(versions()),
        made=datetime.now(UTC).date().isoformat(),
        left_out=tuple(f"{Path(path).name}: {why}" for path, why in found.skipped),
    )
    folder = fewshot.save(model, card, root)
    return weights.card(folder), folder


def by_source(how: Recipe, found: Readings, joined: Sequence[Item]) -> Values:
    """(n,) the score of each clip by a detector taught without its source, the scenes and generators of that."""

    def fit(vectors: Values, items: Sequence[Item]) -> Callable[[Values], Values]:
        return evaluate.fitted(how, vectors, items).scores

    many = len({item.origin for item in joined}) > MANY
    taught = sources_held_out.teaching(fit, found.vectors, joined, found.vectors[:, 0])
    return sources_held_out.held_out(joined, taught, FOLDS if many else 0)


def summary(method: Method, joined: Sequence[Item]) -> str:
    """What the detector is, and on how many aligned pairs it was taught where its method learns from them."""
    count = len(aligned(joined)) if method != "footprint" else 0
    pairs = "an aligned pair" if count == 1 else f"{count} aligned pairs"
    return SUMMARIES[method] + (f", taught on the difference inside {pairs} too" if count else "")


def _refuse_both(found: Readings) -> None:
    """Raise UsageError for a clip, or near copies of one, under both labels: labels would mean nothing.

    Near copies of one group are let be: a clip and its synthetic twin.
    """
    first: dict[str, int] = {}
    same = [(first.setdefault(clip.sha256, at), at) for at, clip in enumerate(found.clips)]
    near = [(a, b) for a, b in audit.near_copies(found.fingerprints) if found.items[a].group != found.items[b].group]
    for pairs, what in ((same, "the same file"), (near, "near copies")):
        for one, other in pairs:
            if found.items[one].synthetic != found.items[other].synthetic:
                names = " and ".join(visible(found.items[at].path) for at in (one, other))
                raise UsageError(f"{names} are {what} under both labels: remove the one whose label is wrong")


def unit(joined: Sequence[Item]) -> str:
    """What is held out at a time: a generator where any is named, else a group."""
    return "generator" if any(item.generator for item in joined) else "group"


def tested(how: Recipe, found: Readings, joined: Sequence[Item]) -> Evaluation | None:
    """The evaluation, or None where there is too little to hold anything out."""
    try:
        return evaluate.measured(how, found, joined, draws=5)
    except UsageError:
        return None


def groups(items: Sequence[Item]) -> tuple[int, int]:
    """How many groups of real and of synthetic clips there are; a named source or generator is one group."""
    real, fake = (len({item.unit for item in items if item.synthetic == side}) for side in (False, True))
    return real, fake


def sure(rows: tuple[Metric, ...], items: Sequence[Item]) -> tuple[Metric, ...]:
    """The numbers of a card, without the intervals that so few groups cannot give by being drawn again."""
    if min(groups(items)) >= evaluate.FEWEST_GROUPS:
        return rows
    return tuple(dataclasses.replace(one, low=None, high=None) for one in rows)


def warnings(calibration: Calibration | None, joined: Sequence[Item]) -> tuple[str, ...]:
    """What every answer of a detector without a calibration must say."""
    if calibration is not None:
        return ()
    real, fake = groups(joined)
    return (
        f"it was taught on {real} groups of real and {fake} of synthetic clips: too few to calibrate "
        f"({evaluate.FEWEST_GROUPS} of each must be held out), so its score cannot be turned into an answer",
    )


def leaks(found: LeaveOneOut, against: Controls) -> bool:
    """Whether what a file says of itself does as well as looking at it: size, rate and compression, or length."""
    own = found.auc.macro.value
    return any(one.auc.macro.value >= own - 0.02 for one in (against.metadata, against.length))


def auc(value: Estimate) -> str:
    """Two decimals."""
    return f"{value.value:.2f}"


def sources(joined: Sequence[Item]) -> tuple[Source, ...]:
    """Where the clips came from, how many of each label."""
    named = any(item.source for item in joined)
    names = sorted({item.source for item in joined}) if named else [""]
    mine = [(name, [item for item in joined if item.source == name or not named]) for name in names]
    return tuple(
        Source(
            name or "given folders",
            sum(not item.synthetic for item in some),
            sum(item.synthetic for item in some),
            ", ".join(sorted({item.licence for item in some if item.licence})) or "not stated",
        )
        for name, some in mine
    )


def scores(checked: Evaluation, held: str = "generator") -> tuple[Metric, ...]:
    """The held-out numbers of a card; `held` is what was held out at a time."""
    parts = [(f"{held} held out", checked.by_generator), ("source held out", checked.by_source)]
    if checked.laundered is not None and checked.laundered_reals is not None:
        parts += [(f"{held} held out, all clips laundered", checked.laundered)]
        parts += [(f"{held} held out, real clips laundered", checked.laundered_reals)]
    kept = [metric("AUC, mean over the held out", scope, part.auc.macro) for scope, part in parts]
    return (*kept, *(metric(name, "all held-out clips", value) for name, value in checked.overall))


def controls(checked: Evaluation) -> tuple[Metric, ...]:
    """What scores the same without looking at the picture."""
    own = checked.controls
    return (
        metric("AUC, mean over the held out", "metadata only", own.metadata.auc.macro),
        metric("AUC, mean over the held out", "length only", own.length.auc.macro),
        metric("AUC, metadata-matched pairs", "this detector", checked.by_generator.matched.macro),
        Metric("AUC, one real source against the others", "metadata", own.sources_metadata.auc),
        Metric("AUC, one real source against the others", "this detector's measurements", own.sources_features.auc),
    )


def metric(name: str, scope: str, value: Estimate) -> Metric:
    """An estimate as it stands on a card: three decimals, None where undefined or where resampling gives none."""
    numbers = [None if np.isnan(one) else round(float(one), 3) for one in (value.value, value.low, value.high)]
    if numbers[1] == numbers[2]:  # no resample changes it: an interval that says nothing
        numbers[1:] = [None, None]
    return Metric(name, scope, *numbers)


def to_text(card: Card, folder: Path) -> str:
    """What the person who taught it should know."""
    lines = [f"{card.name}: {card.summary}", f"written to {folder}", ""]
    for title, rows in (("held out", card.metrics), ("controls", card.controls)):
        lines += [title, *(f"  {one.name}, {one.scope}: {one}" for one in rows), ""] if rows else []
    lines += [f"! {limit}" for limit in card.limits]
    lines += [f"- left out: {visible(one)}" for one in card.left_out]
    return "\n".join([*lines, f'ask it with: sightcheck video FILE --detector "{card.name}"'])
