"""The city model without pairs: how near the nearest references lie, tried on cities and sources never seen (8.3.2)."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import photos as tables
from sightcheck.data.manifest import Item
from sightcheck.learn.place.photos import FEWEST, Photos, card, elsewhere, metric
from sightcheck.nets.place.features import Features
from sightcheck.place.city import NEAREST, Nearest, to_arrays
from sightcheck.protocol.claims import Claims, calibration, informed
from sightcheck.protocol.metrics import Estimate, auc, bootstrap, tpr_at_fpr
from sightcheck.weights import Metric

Rows = NDArray[np.intp]
Vectors = NDArray[np.float32]
Score = Callable[[Nearest, Vectors, Vectors], float]
Values = NDArray[np.float64]

REFERENCES = 100
"""References of a claimed city in a trial, at most."""
OTHERS = 1000
"""Photos of other places that a model keeps."""
SPLIT = (
    "every city claimed with references that taught nothing; the photos of other places, and the calibration scored, "
    "are of other sources than the photo's and the references'"
)


@dataclass(frozen=True)
class Trials:
    """n claims, the city claimed and the true one (n,), the photo's group (n,)."""

    claims: Claims
    claimed: NDArray[np.str_]
    truth: NDArray[np.str_]
    group: NDArray[np.str_]

    def __getitem__(self, where: NDArray[np.bool_]) -> "Trials":
        return Trials(*(getattr(self, name)[where] for name in self.__dataclass_fields__))

    @property
    def across(self) -> NDArray[np.bool_]:
        """(n,) whether photo and references are of two sources."""
        return np.asarray(self.claims.source != self.claims.compared)


def verifier(features: Features, rows: Rows, places: NDArray[np.int64] | None = None) -> Nearest:
    """Features and the rows of photos to learn from -> Nearest, which keeps OTHERS of them as other places.

    `places`: GeoNames number of each photo's city, 0 where none is known.
    """
    seen = features.centre[rows]
    kept = np.sort(np.random.default_rng(0).permutation(len(rows))[:OTHERS])
    where = np.zeros(len(kept), np.int64) if places is None else places[rows[kept]]
    blank = Nearest(seen.mean(0), np.maximum(seen.std(0), 1e-6), seen[:0], where)
    return replace(blank, others=blank.vectors(seen[kept]))


def margin(model: Nearest, query: Vectors, references: Vectors) -> float:
    """Vectors (d,), (m, d) -> the score of a claim, as answers give it."""
    return model.near(query, references).margin


def trials(items: Sequence[Item], features: Features, references: int = REFERENCES, score: Score = margin) -> Trials:
    """Photos -> every photo of a city claimed for every city that has at least FEWEST photos in one source.

    Near copies of a photo are never compared with it. What is known of other places comes from sources that are
    neither the photo's nor the references', and from neither city.
    """
    place, source, group = (np.array([getattr(one, name) for one in items]) for name in ("place", "source", "group"))
    asked = np.flatnonzero([bool(one.city) for one in items])
    found: list[tuple[float, str, str, str, str, str]] = []
    for where, name in _sets(items):
        of_city = np.flatnonzero((source == where) & (place == name))
        kept = np.random.default_rng(0).permutation(of_city)
        for other in sorted(set(source[asked].tolist())):
            rest = np.flatnonzero((source != where) & (source != other) & (place != name))
            model, queries = verifier(features, rest), asked[source[asked] == other]
            vectors = {int(at): one for at, one in zip(kept, model.vectors(features.centre[kept]), strict=True)}
            for query, vector in zip(queries, model.vectors(features.centre[queries]), strict=True):
                near = [vectors[int(at)] for at in kept if group[at] != group[query]][:references]
                about = (name, str(place[query]), other, where, str(group[query]))
                found += [(score(model, vector, np.array(near)), *about)] if near else []
    scores, claimed, truth, photo, compared, groups = map(np.array, zip(*found, strict=True))
    unit = np.array([" ".join(one) for one in zip(claimed, truth, compared, photo, strict=True)])
    return Trials(Claims(scores, claimed == truth, unit, photo, compared), claimed, truth, groups)


def _sets(items: Sequence[Item]) -> list[tuple[str, str]]:
    """Source and city of every set of photos that is large enough to be compared with."""
    counts = Counter((one.source, one.place) for one in items if one.city)
    return sorted(key for key, count in counts.items() if count >= FEWEST)


def train(photos: Photos, features: Features, name: str, root: Path | None = None) -> Path:
    """What is known of other places, and the calibration of nearness -> the model's folder."""
    found = trials(photos.items, features)
    model = verifier(features, np.arange(len(features)), tables.numbers(photos.items))
    fitted = calibration(found.claims)
    recipe = {
        "reads": f"features of {features.read}", "nearest": NEAREST, "references": REFERENCES,
        "others": len(model.others),
    }  # fmt: skip
    scopes = {"all": found, "one source": found[~found.across], "across sources": found[found.across]}
    described = card(
        name, "The claimed city or not, by the nearest references and how near other places lie", recipe,
        tables.sources(photos.items), SPLIT,
        tuple(one for scope, part in scopes.items() for one in metrics(scope, part)),
        informed(found.claims), (elsewhere(photos.items),), photos, "city",
    )  # fmt: skip
    return weights.save(described, {"taught": photos.fingerprints, **to_arrays(model, fitted)}, root)


def metrics(scope: str, found: Trials) -> tuple[Metric, ...]:
    """Trials -> rates of true claims at a share of false ones, and AUC, with intervals over groups of photos."""
    if not found.claims.there.any() or found.claims.there.all():
        return ()
    at_2, at_5, area = rates(found)
    return (metric("TP at FP 2 %", scope, at_2), metric("TP at FP 5 %", scope, at_5), metric("AUC", scope, area))


def rates(found: Trials) -> tuple[Estimate, Estimate, Estimate]:
    """Trials -> TP at FP 2 % and at FP 5 %, AUC."""
    score, there, groups = found.claims.score, found.claims.there, found.group.tolist()
    return (
        bootstrap(lambda w: tpr_at_fpr(score, there, 0.02, w), there, groups, 400),
        bootstrap(lambda w: tpr_at_fpr(score, there, 0.05, w), there, groups, 400),
        bootstrap(lambda w: auc(score, there, w), there, groups, 400),
    )
