"""How is evidence weighed? Evidence, its calibration, and the verdict drawn from it.

A score becomes evidence through a likelihood ratio, LR = p(score | synthetic) / p(score | real) for a video and
p(score | taken there) / p(score | taken elsewhere) for a photo, estimated on groups the model has not seen. The verdict
reads log10 LR through fixed bands and never rounds up to an answer: between the bands it is `undecided`.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Question = Literal["Is this video synthetic?", "Was this photo taken where they say?"]
Answer = Literal["synthetic", "no sign of synthesis", "taken there", "not taken there", "undecided"]
Strength = Literal["none", "weak", "moderate", "strong", "very strong"]

IS_SYNTHETIC: Question = "Is this video synthetic?"
TAKEN_THERE: Question = "Was this photo taken where they say?"

# Lower edge of each band in |log10 LR|: one half decade is the least that is called an answer.
BANDS: tuple[tuple[float, Strength], ...] = (
    (3.0, "very strong"),
    (2.0, "strong"),
    (1.0, "moderate"),
    (0.5, "weak"),
)


@dataclass(frozen=True)
class Series:
    """A measurement along the clip: `values[i]` in `unit` at `times_s[i]` seconds."""

    name: str
    unit: str
    times_s: tuple[float, ...]
    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.times_s) != len(self.values):
            raise ValueError(f"series {self.name!r}: {len(self.times_s)} times, {len(self.values)} values")


@dataclass(frozen=True)
class Still:
    """One frame to look at: a small PNG and its time in seconds."""

    time_s: float
    png: bytes


@dataclass(frozen=True)
class Cloud:
    """The reference clips in two principal components, with this clip among them (Figure 5.2)."""

    axes: tuple[str, str]
    points: tuple[tuple[float, float], ...]
    synthetic: tuple[bool, ...]
    here: tuple[float, float]


@dataclass(frozen=True)
class Share:
    """A country's calibrated probability in [0, 1]; `code` is its ISO 3166-1 alpha-2 code."""

    code: str
    name: str
    probability: float


@dataclass(frozen=True)
class Shortlist:
    """The countries that may be it. `coverage`: the least share of such lists, over sources that were held out, that
    held the true one.
    """

    codes: tuple[str, ...]
    coverage: float


@dataclass(frozen=True)
class Place:
    """A point on the map in WGS84 degrees and who states it; `radius_km` 0 where it is a point."""

    name: str
    stated_by: str
    lat: float
    lon: float
    radius_km: float = 0.0


@dataclass(frozen=True)
class Statement:
    """What the file says of itself beside what was claimed or seen; `agrees` is None where nothing compares."""

    name: str
    value: str
    comparison: str = ""
    agrees: bool | None = None


@dataclass(frozen=True)
class Reference:
    """A reference photo beside the query: a small JPEG, and how alike they are in [0, 1].

    `similarity` of scene, or of features; `same` in [0, 1]: P(same city), or the share of photos of other places that
    lie farther.
    """

    name: str
    sha256: str
    jpeg: bytes
    similarity: float
    same: float
    licence: str = ""
    origin: str = ""


@dataclass(frozen=True)
class Match:
    """A reference with points of this photo in it: rows of x and y here, x and y there, in fractions from upper left.

    `jpeg`: this photo, small; `aspects`: width over height of this photo and of the reference. Surest points first.
    """

    reference: Reference
    jpeg: bytes
    aspects: tuple[float, float]
    points: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Heat:
    """Which parts of the picture carried the decision: (rows x columns) values, row by row, over a small JPEG."""

    meaning: str
    rows: int
    columns: int
    values: tuple[float, ...]
    jpeg: bytes

    def __post_init__(self) -> None:
        if len(self.values) != self.rows * self.columns:
            raise ValueError(f"heat of {self.rows} x {self.columns}: {len(self.values)} values")


@dataclass(frozen=True)
class RatioBand:
    """The held-out clips whose stated log10 LR lay in one band; the sources of a label weigh alike.

    `real`, `synthetic`, `sources`: how many clips and sources. `share_real`, `share_synthetic`: of all held-out clips
    of that label, in [0, 1]. `stated`: mean log10 LR, the labels weighing as their shares, None without clips.
    `observed`: log10(share_synthetic / share_real), None where a side is empty.
    """

    real: int
    synthetic: int
    sources: int
    share_real: float
    share_synthetic: float
    stated: float | None
    observed: float | None


@dataclass(frozen=True)
class Tippett:
    """A Tippett plot: shares in [0, 1] of the held-out clips whose log10 LR is at least `grid[i]`, which ascends."""

    grid: tuple[float, ...]
    real: tuple[float, ...]
    synthetic: tuple[float, ...]

    def __post_init__(self) -> None:
        if not len(self.grid) == len(self.real) == len(self.synthetic):
            raise ValueError(f"{len(self.grid)} points, {len(self.real)} and {len(self.synthetic)} shares")


@dataclass(frozen=True)
class Reliability:
    """What stated ratios were worth on clips of sources that taught nothing, neither a model nor its calibration.

    `edges` in log10 LR, ascending, part `bands`, one more than they are; an edge belongs to the band farther from 0.
    `sources_real`, `sources_synthetic`: how many sources had clips of that label.
    """

    edges: tuple[float, ...]
    bands: tuple[RatioBand, ...]
    tippett: Tippett
    sources_real: int
    sources_synthetic: int

    def __post_init__(self) -> None:
        if len(self.bands) != len(self.edges) + 1:
            raise ValueError(f"{len(self.edges)} edges part {len(self.edges) + 1} bands, not {len(self.bands)}")

    def band(self, log10_lr: float) -> RatioBand:
        """The band in which a ratio lies."""
        return self.bands[band_at(self.edges, log10_lr)]


@dataclass(frozen=True)
class Evidence:
    """What one method says about one file.

    `score`: the method's own scale, higher is more synthetic, or speaks more for the claimed place; None when nothing
    could be measured. `log10_lr`: log10 of the likelihood ratio, synthetic over real, or taken there over taken
    elsewhere; None when no calibration covers this file.
    `shares`: countries, the likeliest first; a country that is absent is not covered, which denies nothing.
    `reliability`: what such ratios were worth on sources that taught nothing; None where that was not measured.
    `limits`: what weakens this evidence on this file, one sentence each. `weighs`: the methods whose scores are fused
    in this one.
    """

    method: str
    sentence: str
    score: float | None = None
    log10_lr: float | None = None
    series: tuple[Series, ...] = ()
    stills: tuple[Still, ...] = ()
    cloud: Cloud | None = None
    shares: tuple[Share, ...] = ()
    shortlist: Shortlist | None = None
    places: tuple[Place, ...] = ()
    statements: tuple[Statement, ...] = ()
    references: tuple[Reference, ...] = ()
    matches: tuple[Match, ...] = ()
    heat: Heat | None = None
    weights_sha256: str | None = None
    limits: tuple[str, ...] = ()
    weighs: tuple[str, ...] = ()
    reliability: Reliability | None = None


@dataclass(frozen=True)
class Verdict:
    """The answer to one question with the evidence it rests on; deliberately without a truth value."""

    question: Question
    answer: Answer
    strength: Strength
    evidence: tuple[Evidence, ...]

    @property
    def log10_lr(self) -> float | None:
        """log10 of the likelihood ratio that decides: of the first evidence which has one, or of a fusion alone."""
        ratios = [one.log10_lr for one in _deciding(self.evidence)]
        return next((ratio for ratio in ratios if ratio is not None and math.isfinite(ratio)), None)

    def __repr__(self) -> str:
        ratio = "no LR" if self.log10_lr is None else f"log10 LR {self.log10_lr:+.2f}"
        return f"<{self.question} {self.answer} ({self.strength}, {ratio}, {len(self.evidence)} methods)>"

    def __bool__(self) -> bool:
        raise TypeError("a verdict is not true or false: read its answer, strength and evidence")


@dataclass(frozen=True)
class Calibration:
    """log10 LR = slope * score + offset, held within [-floor, bound].

    The bound is log10(groups + 1) of the smaller class: ten independent groups cannot support odds of
    a thousand to one, whatever the straight line says. `floor`: the same for ratios below 1, where they
    have a bound of their own; None is `bound`.
    """

    slope: float
    offset: float
    bound: float
    groups_real: int
    groups_synthetic: int
    floor: float | None = None

    def log10_lr(self, score: float) -> float:
        """Score on the detector's scale -> log10 likelihood ratio in [-floor, bound]."""
        floor = self.bound if self.floor is None else self.floor
        return float(np.clip(self.slope * score + self.offset, -floor, self.bound))


def to_arrays(calibration: Calibration | None, name: str) -> dict[str, NDArray[Any]]:
    """Calibration, or None -> the two arrays of a model folder that hold it: `name` and `groups`."""
    one = calibration
    return {
        name: np.array(_numbers(one) if one else [], np.float64),
        "groups": np.array([one.groups_real, one.groups_synthetic] if one else [], np.int64),
    }


def from_arrays(arrays: Mapping[str, NDArray[Any]], name: str) -> Calibration | None:
    """The arrays of a model folder -> the calibration that `to_arrays` put there."""
    numbers = arrays[name].tolist()
    return Calibration(*numbers[:3], *arrays["groups"].tolist(), *numbers[3:]) if numbers else None


def _numbers(one: Calibration) -> list[float]:
    return [one.slope, one.offset, one.bound, *([] if one.floor is None else [one.floor])]


def calibrate(scores: NDArray[np.float64], synthetic: NDArray[np.bool_], groups: Sequence[str]) -> Calibration:
    """Held-out scores (n,), labels (n,), groups (n,) -> Calibration.

    Logistic calibration (Brümmer and du Preez 2006): every group weighs alike inside its class, both
    classes weigh alike, so the fitted log odds are a log likelihood ratio. A slope below zero would
    turn the score round; it is set to zero, which answers `undecided`.
    """
    from sklearn.linear_model import LogisticRegression

    names = np.asarray(groups)
    spread = float(np.std(scores)) or 1.0
    model = LogisticRegression(C=1.0).fit(
        (scores / spread)[:, None], synthetic, sample_weight=group_weights(synthetic, names)
    )
    slope = float(model.coef_[0, 0]) / spread / math.log(10)
    offset = float(model.intercept_[0]) / math.log(10)
    real, fake = (len(set(names[synthetic == side])) for side in (False, True))
    bound = math.log10(min(real, fake) + 1)
    return Calibration(slope, offset, bound, real, fake) if slope > 0 else Calibration(0, 0, bound, real, fake)


def group_weights(synthetic: NDArray[np.bool_], groups: NDArray[np.str_], softness: float = 0.0) -> NDArray[np.float64]:
    """Labels (n,), groups (n,) -> (n,) weights summing to n; both classes weigh alike.

    `softness` 0: the groups of a class weigh alike; 1: its clips do; 0.5 lies between, as the square root.
    """
    weights: NDArray[np.float64] = np.zeros(len(synthetic))
    for side in (False, True):
        inside = synthetic == side
        _, at, counts = np.unique(groups[inside], return_inverse=True, return_counts=True)
        shares = counts[at] ** (softness - 1.0)
        weights[inside] = shares / shares.sum() if len(shares) else 0.0
    weights *= len(weights) / weights.sum()
    return weights


def strength(log10_lr: float | None) -> Strength:
    """log10 likelihood ratio -> its band; `none` below half a decade or where there is no ratio."""
    size = abs(log10_lr) if log10_lr is not None else 0.0
    return next((name for edge, name in BANDS if size >= edge), "none")


def band_at(edges: Sequence[float], log10_lr: float) -> int:
    """Ascending edges, log10 LR -> its band from 0 on; an edge belongs to the band farther from 0, as in `strength`."""
    return bisect_left(edges, log10_lr) if log10_lr < 0 else bisect_right(edges, log10_lr)


def weigh_video(evidence: Sequence[Evidence]) -> Verdict:
    """Evidence, the deciding method first -> Verdict on "Is this video synthetic?".

    A calibrated fusion decides alone: it has weighed the others by what they are worth together.
    """
    decided = _weighed(_deciding(evidence))
    answer: Answer = "undecided" if decided == 0 else "synthetic" if decided > 0 else "no sign of synthesis"
    return Verdict(IS_SYNTHETIC, answer, strength(decided), tuple(evidence))


def _deciding(evidence: Sequence[Evidence]) -> Sequence[Evidence]:
    """What the answer rests on: a fusion that stands first, alone; else all."""
    return evidence[:1] if evidence and evidence[0].weighs else evidence


TENFOLD = 1.0
"""How much larger than what speaks against it, in log10, what is seen of a photo first must be to decide."""


def weigh_photo(evidence: Sequence[Evidence]) -> Verdict:
    """Evidence, the deciding method first -> Verdict on "Was this photo taken where they say?"."""
    decided = _weighed(evidence, TENFOLD)
    answer: Answer = "undecided" if decided == 0 else "taken there" if decided > 0 else "not taken there"
    return Verdict(TAKEN_THERE, answer, strength(decided), tuple(evidence))


def _weighed(evidence: Sequence[Evidence], clear: float = math.inf) -> float:
    """The log10 LR that decides, 0 where none does.

    The first evidence with a likelihood ratio decides; ratios are never multiplied, because the methods look at the
    same pixels. Another method that reaches a band on the other side makes it undecided, unless the first is larger by
    `clear` in log10.
    """
    ratios = [item.log10_lr for item in evidence if item.log10_lr is not None]
    lead = ratios[0] if ratios else 0.0
    opposed = any(
        ratio * lead < 0 and strength(ratio) != "none" and abs(ratio) + clear > abs(lead) for ratio in ratios[1:]
    )
    return 0.0 if strength(lead) == "none" or opposed else lead
