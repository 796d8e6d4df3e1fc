"""How do detectors come to speak together? From what each said of clips whose source taught it nothing: one ratio."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, astuple, dataclass, fields, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox, weights
from sightcheck.ask import versions
from sightcheck.data import manifest
from sightcheck.data.audit import logistic, metadata
from sightcheck.data.manifest import Item
from sightcheck.errors import InputError, UsageError
from sightcheck.learn import teach
from sightcheck.media import Clip, look
from sightcheck.protocol import sources
from sightcheck.protocol.held_out import unpaired
from sightcheck.protocol.metrics import Values
from sightcheck.protocol.sources import Worth
from sightcheck.verdict import Calibration
from sightcheck.video import joint, reference
from sightcheck.video.joint import Part, Recipe
from sightcheck.video.reference import Reference
from sightcheck.weights import Card, Metric

Told = Callable[[float, str], None]
FEWEST = 5
"""Sources of each label under which nothing is calibrated."""
NAMES = {
    "auc": "AUC, all clips",
    "auc_by_source": "AUC, sources alike",
    "aligned": "AUC, members of aligned pairs",
    "pairs": "aligned pairs in the right order",
    "cllr": "Cllr, all clips",
    "cllr_by_source": "Cllr, sources alike",
    "decided": "share with an answer",
    "false_synthetic": "real clips called synthetic",
    "false_none": "synthetic clips told no sign of synthesis",
}
WITHOUT = "it does without CLIP, which tells far more: run `sightcheck weights get clip` once, with a connection"
SCOPE = "each source held out with its scenes and generators"


@dataclass(frozen=True)
class Scored:
    """The n clips that all parts held out: items, clips, and `scores` (n, k) of the parts."""

    items: tuple[Item, ...]
    clips: tuple[Clip, ...]
    scores: Values

    @property
    def synthetic(self) -> NDArray[np.bool_]:
        """(n,) labels."""
        return sources.labels(self.items)

    @property
    def origins(self) -> NDArray[np.str_]:
        """(n,) sources."""
        return np.array([item.origin for item in self.items], np.str_)


def train(name: str, of: Sequence[str], tables: Sequence[Path], to: Path | None, tell: Told) -> Path:
    """Detectors by name, which held out clips of these tables -> their fusion's folder.

    Raises UsageError for a detector that is no part, and where too few sources were held out by all.
    """
    parts = [weights.load(one) for one in of]
    wrong = [one.card.name for one in parts if one.card.method not in joint.PARTS]
    if wrong:
        raise UsageError(f"{', '.join(wrong)} cannot be a part; these methods can: {', '.join(joint.PARTS)}")
    found = scored(parts, [item for table in tables for item in manifest.read(table)], tell)
    counts = [len(set(found.origins[found.synthetic == side])) for side in (False, True)]
    if min(counts) < FEWEST:
        raise UsageError(
            f"{counts[0]} sources of real and {counts[1]} of synthetic clips were held out by all of {', '.join(of)}: "
            f"{FEWEST} of each are needed; train them on these tables"
        )
    alone = control(found.items)
    recipe, known, worth = fitted(parts, found, counts)
    if alone.auc_by_source >= worth.auc_by_source - 0.02:
        known = replace(known, made=reference.by_metadata(found.clips, found.synthetic, found.origins))
    return joint.save(card(name, recipe, found, worth, alone), recipe, known, to)


def scored(parts: Sequence[weights.Weights], items: Sequence[Item], tell: Told) -> Scored:
    """The clips of a table that every part held out when it was taught."""
    known = [reference.from_arrays(part.arrays) for part in parts]
    held = [dict(zip(one.clips.tolist(), one.held_out.tolist(), strict=True)) for one in known]

    def described(item: Item) -> tuple[Item, Clip] | None:
        try:
            clip = sandbox.run(look, os.fsencode(item.path))
        except InputError:
            return None
        return manifest.described(item, clip), clip

    kept: dict[str, tuple[Item, Clip]] = {}
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for at, one in enumerate(pool.map(described, items), 1):
            if one is not None and all(np.isfinite(each.get(one[1].sha256, np.nan)) for each in held):
                kept.setdefault(one[1].sha256, one)
            tell(at / len(items), f"{at}/{len(items)} clips")
    if not kept:
        raise UsageError("no clip of these tables was held out by all parts; train them on these tables")
    rows = np.array([[each[sha256] for each in held] for sha256 in kept])
    return Scored(tuple(item for item, _ in kept.values()), tuple(clip for _, clip in kept.values()), rows)


def fitted(parts: Sequence[weights.Weights], found: Scored, counts: Sequence[int]) -> tuple[Recipe, Reference, Worth]:
    """The fusion, its calibration with what it bore on sources held out, and what it is worth."""
    labels = (found.synthetic, found.origins)
    given = sources.ratios(found.scores, found.items)
    coefficients, offset = sources.fused(found.scores, *labels)
    plain = found.scores @ coefficients + offset
    less = sources.shrinkage(plain, *labels)
    bound, floor = sources.borne(less.stated(plain), *labels)
    named = zip(parts, coefficients.tolist(), strict=True)
    recipe = Recipe(tuple(Part(part.card.name, part.card.sha256, one) for part, one in named), offset, *astuple(less))
    known = Reference(
        Calibration(1.0, 0.0, bound, counts[0], counts[1], floor),
        reference.scope(found.clips, given, found.synthetic),
        found.synthetic,
        given,
        np.array([clip.sha256 for clip in found.clips]),
        reference.forms(found.clips),
        reference.reliability(given, *labels),
    )
    return recipe, known, sources.worth(given, given, found.items)


def card(name: str, recipe: Recipe, found: Scored, worth: Worth, alone: Worth) -> Card:
    """What the fusion is, learned from and worth, beside what the files' metadata alone are worth."""
    silent = [part.name for part in recipe.parts if not part.coefficient]
    poor = all(weights.card(weights.find(part.name)).method != "appearance" for part in recipe.parts)
    own = [_row("together", worth)]
    for at, part in enumerate(recipe.parts):
        own_scores = found.scores[:, at]
        own.append(_row(part.name, sources.worth(own_scores, sources.ratios(own_scores, found.items), found.items)))
    return Card(
        name=name,
        method="joint",
        summary=f"What {joint.listed([part.name for part in recipe.parts])} say together, weighed on sources held out",
        recipe=asdict(recipe),
        sources=teach.sources(found.items),
        split=SCOPE,
        metrics=tuple(row for rows in own for row in rows),
        controls=_row("metadata alone", alone),
        limits=(
            *(f"{one} has no voice in it: beside the others it told nothing" for one in silent),
            *((WITHOUT,) if poor else ()),
        ),
        not_for=teach.NOT_FOR,
        versions={**dict(versions()), "scikit-learn": version("scikit-learn")},
        made=datetime.now(UTC).date().isoformat(),
        files=tuple(sorted(clip.sha256 for clip in found.clips)),
    )


def control(items: Sequence[Item]) -> Worth:
    """What size, rate, compression, length and codec alone are worth, by the same protocol."""
    scores = sources.held_out(items, sources.teaching(unpaired(logistic), metadata(items)[1], items))
    return sources.worth(scores, sources.ratios(scores, items), items)


def _row(scope: str, worth: Worth) -> tuple[Metric, ...]:
    return tuple(Metric(NAMES[one.name], scope, round(getattr(worth, one.name), 3)) for one in fields(worth))
