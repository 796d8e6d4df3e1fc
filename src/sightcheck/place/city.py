"""Is it the claimed city? How near its nearest photos are; or pairs and a similarity-weighted vote (8.3.2)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sightcheck import verdict
from sightcheck.place.scene import similarity
from sightcheck.verdict import Calibration
from sightcheck.weights import Arrays

Values = NDArray[np.floating]

FEWEST = 20
"""References below which the vote is shown and not weighed."""
NEAREST = 5
"""References whose nearness is averaged."""
SPREAD = 1.64
"""Standard errors from zero below which the references are said to vote apart: two-sided 90 %."""


@dataclass(frozen=True)
class PairHead:
    """Two 64-d vectors -> the probability that they show different cities: 128 -> 64 -> ReLU -> 1 -> sigmoid.

    `symmetric`: the 128 numbers are |a - b| and a * b in place of a and b, so the order of the photos cannot matter.
    """

    weight: NDArray[np.float32]
    bias: NDArray[np.float32]
    out: NDArray[np.float32]
    out_bias: float
    symmetric: bool

    def different(self, query: Values, references: Values) -> NDArray[np.float64]:
        """(64,), (m, 64) -> (m,) P(different city) in [0, 1]: 0 is the same city, as in the thesis."""
        size = query.shape[-1]
        if self.symmetric:
            joined = np.concatenate([np.abs(references - query), references * query], axis=-1)
            hidden = joined @ self.weight.T + self.bias
        else:
            hidden = references @ self.weight[:, size:].T + (query @ self.weight[:, :size].T + self.bias)
        scores = np.maximum(hidden, 0) @ self.out + self.out_bias
        return np.asarray(1 / (1 + np.exp(-scores.astype(np.float64))))


@dataclass(frozen=True)
class Nearest:
    """How near a photo lies to the nearest references of a city, less how near so many photos of other places lie.

    Features of the backbone less `centre` over `scale` (d,), at unit length, are compared by their cosine. `others`
    (m, d): such vectors of photos of many places, whose GeoNames numbers are `where` (m,), 0 where none is known.
    """

    centre: NDArray[np.float32]
    scale: NDArray[np.float32]
    others: NDArray[np.float32]
    where: NDArray[np.int64]

    def elsewhere(self, geoname_id: int) -> "Nearest":
        """Without the photos of a city: what is claimed to be there is compared with other places alone."""
        away = self.where != geoname_id
        return replace(self, others=self.others[away], where=self.where[away])

    def vectors(self, features: Values) -> NDArray[np.float32]:
        """(n, d) features -> (n, d) unit vectors."""
        standard = (features - self.centre) / self.scale
        lengths = np.linalg.norm(standard, axis=-1, keepdims=True)
        return np.asarray(standard / np.maximum(lengths, 1e-9), np.float32)

    def near(self, query: Values, references: Values) -> "Vote":
        """Vectors (d,), (m, d) -> Vote over all references, the nearest first.

        `margin`: the mean of the NEAREST largest cosines, less the mean of the NEAREST largest that m photos drawn
        from `others` would have, by their quantiles. `different`: the share of `others` that lie nearer than it.
        """
        cosines, apart = references @ query, np.sort(self.others @ query)
        order = np.argsort(-cosines, kind="stable")
        levels = 1 - (np.arange(min(NEAREST, len(order))) + 0.5) / max(len(order), 1)
        margin = float(cosines[order[:NEAREST]].mean() - np.quantile(apart, levels).mean()) if len(order) else 0.0
        nearer = 1 - np.searchsorted(apart, cosines[order]) / len(apart)
        return Vote(order, np.clip(cosines[order], 0, 1).astype(np.float64), nearer, margin, 0.0)


Verifier = PairHead | Nearest


@dataclass(frozen=True)
class Vote:
    """What the references said, the most similar first: their row, similarity in [0, 1], P(different); the outcome.

    `margin`: (same - different) / (same + different) of equation 8.2, in [-1, 1]; above 0 the thesis says verified.
    `error`: its standard error over the references.
    """

    rows: NDArray[np.intp]
    similarity: NDArray[np.float64]
    different: NDArray[np.float64]
    margin: float
    error: float

    @property
    def verified(self) -> bool:
        """The thesis's decision: the "same" sum is the larger."""
        return self.margin > 0

    @property
    def apart(self) -> bool:
        """Whether the references disagree so much that other references could have turned the decision."""
        return abs(self.margin) < SPREAD * self.error


def vote(different: Values, similarities: Values, top: int = 0, weighted: bool = True) -> Vote:
    """(m,) P(different), (m,) similarities -> Vote over the `top` most similar references (0: all). Equation 8.2.

    `weighted` False counts every reference alike: a comparison of this project; Table 8.4 has none.
    """
    kept = np.argsort(-similarities, kind="stable")[: top or None]
    p, s = np.asarray(different, np.float64)[kept], np.asarray(similarities, np.float64)[kept]
    weights = s if weighted else np.ones_like(s)
    total = float(weights.sum())
    if total <= 0:
        return Vote(kept, s, p, 0.0, 1.0)
    margin = float((weights * (1 - 2 * p)).sum() / total)
    error = float(np.sqrt(((weights * (1 - 2 * p - margin)) ** 2).sum()) / total)
    return Vote(kept, s, p, margin, error)


def verify(
    verifier: Verifier, vector: Values, scenes: Values, vectors: Values, references: Values, top: int = 0,
    weighted: bool = True,
) -> Vote:  # fmt: skip
    """Query's vector (d,) and scenes (16,), references' vectors (m, d) and scenes (m, 16) -> Vote.

    `top` and `weighted` are settings of a pair head's vote.
    """
    if isinstance(verifier, Nearest):
        return verifier.near(vector, vectors)
    return vote(verifier.different(vector, vectors), similarity(scenes, references), top, weighted)


def to_arrays(verifier: Verifier, calibration: Calibration | None) -> Arrays:
    """Pair head or nearest references, and the calibration of their score -> the arrays of a model folder."""
    measured = verdict.to_arrays(calibration, "margin")
    if isinstance(verifier, Nearest):
        others = verifier.others.astype(np.float16)
        parts: Arrays = {"centre": verifier.centre, "scale": verifier.scale, "others": others, "where": verifier.where}
        return {**parts, **measured}
    return {
        "weight": verifier.weight,
        "bias": verifier.bias,
        "out": verifier.out,
        "out_bias": np.array(verifier.out_bias),
        "symmetric": np.array(verifier.symmetric),
        **measured,
    }


def from_arrays(arrays: Arrays) -> tuple[Verifier, Calibration | None]:
    """The arrays of a model folder -> what verifies a city, and the calibration of its score."""
    calibration = verdict.from_arrays(arrays, "margin")
    if "others" in arrays:
        others = arrays["others"].astype(np.float32)
        return Nearest(arrays["centre"], arrays["scale"], others, arrays["where"]), calibration
    head = PairHead(
        arrays["weight"], arrays["bias"], arrays["out"], float(arrays["out_bias"]), bool(arrays["symmetric"])
    )
    return head, calibration
