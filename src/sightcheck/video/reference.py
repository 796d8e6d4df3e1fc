"""What does a score mean on this clip? The clips a detector was tested on, its calibration, and where that holds."""

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.errors import BrokenInstallation
from sightcheck.media import Clip
from sightcheck.verdict import BANDS, Calibration, RatioBand, Reliability, Tippett, band_at, group_weights

R = TypeVar("R")


FAR = 3.0
"""How many times outside a soft range a clip may lie and still get a ratio."""


@dataclass(frozen=True)
class Range:
    """What the calibration saw of one property of the clips; `soft`: the score does not depend on it: it only warns."""

    name: str
    low: float
    high: float
    unit: str
    soft: bool = False

    def excludes(self, value: float, slack: float = 1.01) -> bool:
        """Whether a value lies outside, with a hundredth of slack."""
        return not self.low / slack <= value <= self.high * slack

    def forbids(self, value: float) -> bool:
        """Whether no ratio is given there: outside, of a soft range by more than FAR times."""
        return self.excludes(value, FAR) if self.soft else self.excludes(value)


UNNAMED: NDArray[np.str_] = np.zeros(0, np.str_)
FEWEST, DEPENDS = 30, 0.2
"""Clips of a label from which on a range can be soft, and the largest rank correlation with the score of such a one."""
COMMON = 0.05
"""Share of the clips that must be coded in one way for the calibration to hold for it."""
EDGES = tuple(sorted(sign * edge for edge, _ in BANDS for sign in (-1, 1)))
"""Edges in log10 LR of the bands in which stated ratios are compared with observed ones: those of the answers."""
GRID = np.arange(-30, 31) / 10
"""Where a Tippett plot is kept, in log10 LR."""
LEARNT = "it is one of the clips that this detector learned from, on which its score says nothing"


@dataclass(frozen=True)
class Reference:
    """`held_out` (n,) scores of the n clips by models that had not seen them, NaN where none could; `synthetic` (n,).

    `calibration` is None where too few groups were held out, `scope` empty where no clips are known. `forms`: how the
    pictures of the calibration's clips were coded, empty where that is not known. `reliability`: what stated ratios
    were worth on held-out sources, None where that was not measured. `made`: where size, rate, compression and length
    alone tell the labels about as well as the score, their coefficients and the offset of log10 LR (`by_metadata`).
    """

    calibration: Calibration | None
    scope: tuple[Range, ...]
    synthetic: NDArray[np.bool_]
    held_out: NDArray[np.float64]
    clips: NDArray[np.str_] = field(default_factory=lambda: UNNAMED)
    forms: tuple[str, ...] = ()
    reliability: Reliability | None = None
    made: tuple[float, ...] = ()

    def log10_lr(self, clip: Clip, score: float) -> float | None:
        """The calibrated ratio; None where nothing was calibrated or the clip lies outside."""
        return self.calibration.log10_lr(score) if self.calibration and self.covers(clip) else None

    def covers(self, clip: Clip) -> bool:
        """Whether the calibration holds for a clip: it is none of its own, and unlike them at most where soft."""
        unlike = any(one.forbids(value) for one, value in self._ranged(clip))
        return not unlike and clip.sha256 not in self.clips and (not self.forms or form(clip) in self.forms)

    def limits(self, clip: Clip, log10_lr: float | None) -> tuple[str, ...]:
        """What weakens a ratio on this clip: where it is unlike the others, and what tells as much without looking."""
        return (*self.outside(clip), *self.leak(clip, log10_lr))

    def leak(self, clip: Clip, log10_lr: float | None) -> tuple[str, ...]:
        """A sentence where size, rate, compression and length alone point the same way on this clip."""
        if not self.made or log10_lr is None:
            return ()
        alone = float(np.dot(self.made[:-1], np.log2(np.maximum(properties(clip), 1e-6)))) + self.made[-1]
        if alone * log10_lr <= 0 or min(abs(alone), abs(log10_lr)) < BANDS[-1][0]:
            return ()
        return (
            "size, rate, compression and length of this file alone point the same way, and on the reference clips they "
            "told about as much as this does: it may have learnt how files were made",
        )

    def _ranged(self, clip: Clip) -> Iterator[tuple[Range, float]]:
        return zip(self.scope, properties(clip), strict=False)

    def outside(self, clip: Clip) -> tuple[str, ...]:
        """A sentence for each property in which the clip is unlike those of the calibration, or where it is one."""
        unlike = tuple(
            f"its {one.name} of {plain(value)}{one.unit} is outside the {plain(one.low)} to {plain(one.high)} "
            f"of the calibration{', on which the score hardly depends' if one.soft else ''}"
            for one, value in self._ranged(clip)
            if one.excludes(value)
        )
        if self.forms and form(clip) not in self.forms:
            unlike += (f"it is coded as {form(clip)}, and the calibration saw {', '.join(self.forms)}",)
        return (*unlike, LEARNT) if clip.sha256 in self.clips else unlike

    def place(self, score: float) -> str:
        """Where a score lies among clips that were held out, in words."""
        seen = np.isfinite(self.held_out)
        if not seen.any():
            return "No reference clip was held out to compare with"
        above = [np.mean(self.held_out[seen & (self.synthetic == side)] > score) for side in (False, True)]
        return (
            f"Of the reference clips {above[0]:.0%} of the real and {above[1]:.0%} of the synthetic ones score higher"
        )


def properties(clip: Clip) -> tuple[float, ...]:
    """The properties a calibration is held to: short side, frame rate, bits per pixel, length."""
    pixels = clip.width * clip.height * clip.frames
    return min(clip.width, clip.height), clip.fps, 8 * clip.size_bytes / max(pixels, 1), clip.duration_s


def scope(
    clips: Sequence[Clip],
    scores: NDArray[np.float64] | None = None,
    synthetic: NDArray[np.bool_] | None = None,
) -> tuple[Range, ...]:
    """Clips (n), their held-out scores and labels (n,) -> the range of each property that is checked.

    A range is soft where the scores of neither label depend on the property: rank correlation within DEPENDS.
    """
    names = (("short side", " pixels"), ("frame rate", " a second"), ("compression", " bits a pixel"), ("length", " s"))
    columns = list(zip(*(properties(clip) for clip in clips), strict=True))
    ranges = [Range(name, min(column), max(column), unit) for (name, unit), column in zip(names, columns, strict=True)]
    # The measurement is of windows: a longer clip is only more of them.
    ranges[3] = replace(ranges[3], high=24 * 3600.0)
    if scores is None or synthetic is None:
        return tuple(ranges)
    return tuple(
        replace(one, soft=_independent(scores, np.array(column), synthetic))
        for one, column in zip(ranges, columns, strict=True)
    )


def _independent(scores: NDArray[np.float64], column: NDArray[np.float64], synthetic: NDArray[np.bool_]) -> bool:
    """Whether held-out scores and a property of the clips hardly rise or fall together, in either label."""
    from scipy.stats import spearmanr

    sides = [np.isfinite(scores) & (synthetic == side) for side in (False, True)]
    if min(int(side.sum()) for side in sides) < FEWEST:
        return False
    found = [spearmanr(scores[side], column[side]).statistic for side in sides if len({*column[side].tolist()}) > 1]
    return len(found) == 2 and bool(np.abs(found).max() <= DEPENDS)


def by_metadata(
    clips: Sequence[Clip], synthetic: NDArray[np.bool_], units: Sequence[str] | NDArray[np.str_]
) -> tuple[float, ...]:
    """Clips, labels, units -> coefficients of log2 of `properties` and the offset of log10 LR by them alone."""
    from sklearn.linear_model import LogisticRegression

    rows = np.log2(np.maximum([properties(clip) for clip in clips], 1e-6))
    mean, scale = rows.mean(0), rows.std(0) + 1e-9
    model = LogisticRegression().fit(
        (rows - mean) / scale, synthetic, sample_weight=group_weights(synthetic, np.asarray(units))
    )
    coefficients = model.coef_[0] / scale / np.log(10)
    return (*coefficients.tolist(), float(model.intercept_[0] / np.log(10) - mean @ coefficients))


def form(clip: Clip) -> str:
    """How a clip's pictures are coded, as the calibration tells it apart: `h264`, `h264, interlaced`, `hevc, PQ`."""
    return ", ".join(filter(None, (clip.codec, "interlaced" if clip.interlaced else "", clip.transfer)))


def forms(clips: Sequence[Clip]) -> tuple[str, ...]:
    """Clips -> the forms in which at least COMMON of them are coded, the most frequent first."""
    counted = Counter(form(clip) for clip in clips)
    return tuple(name for name, count in counted.most_common() if count >= COMMON * len(clips))


def reliability(
    log10_lr: NDArray[np.float64], synthetic: NDArray[np.bool_], sources: Sequence[str] | NDArray[np.str_]
) -> Reliability:
    """Stated ratios (n,), labels (n,), sources (n,) of held-out clips -> what those ratios were worth.

    Each ratio comes from a model and a calibration that never saw the clip's source; NaN where there was none, and such
    clips are left out. The sources of a label weigh alike. Raises ValueError where a label has no clips left.
    """
    known = np.isfinite(log10_lr)
    ratios, fake, names = log10_lr[known], synthetic[known], np.asarray(sources)[known]
    if fake.all() or not fake.any():
        raise ValueError("stated ratios are compared with observed ones on clips of both labels")
    shares = group_weights(fake, names)
    for side in (fake, ~fake):
        shares[side] /= shares[side].sum()
    at = np.array([band_at(EDGES, ratio) for ratio in ratios])
    bands = tuple(_band(ratios, fake, names, shares * (at == one)) for one in range(len(EDGES) + 1))
    reached = ratios >= GRID[:, None]  # (grid, n)
    real, made = (np.round(reached[:, side] @ shares[side], 4).tolist() for side in (~fake, fake))
    counts = (len(set(names[side])) for side in (~fake, fake))
    return Reliability(EDGES, bands, Tippett(tuple(GRID.tolist()), tuple(real), tuple(made)), *counts)


def _band(
    ratios: NDArray[np.float64], synthetic: NDArray[np.bool_], names: NDArray[np.str_], shares: NDArray[np.float64]
) -> RatioBand:
    """Ratios, labels, sources and shares (n,) of all clips, the shares 0 outside the band -> the band."""
    inside = shares > 0
    real, fake = (float(shares[side].sum()) for side in (~synthetic, synthetic))
    return RatioBand(
        int(np.sum(inside & ~synthetic)),
        int(np.sum(inside & synthetic)),
        len(set(names[inside])),
        round(real, 4),
        round(fake, 4),
        round(float(np.average(ratios, weights=shares)), 3) if inside.any() else None,
        round(float(np.log10(fake / real)), 3) if min(real, fake) > 0 else None,
    )


def plain(value: float) -> str:
    """Three figures at least, never a power of ten: 0.00123, 23.98, 1080."""
    return f"{value:.0f}" if value >= 100 else np.format_float_positional(value, 3, fractional=False, trim="-")


def save(
    card: weights.Card,
    recipe: Any,
    reference: Reference,
    network: bytes,
    golden: NDArray[np.float32],
    root: Path | None = None,
) -> Path:
    """Write a network (ONNX) with its card; `golden` is its output for train.export's golden input. Its folder."""
    return weights.save(card, to_arrays(reference, recipe) | {"golden": golden}, root, network)


def load(name: str, kind: type[R]) -> tuple[weights.Weights, R, Reference]:
    """Name -> model, its recipe of that kind, its Reference. Raises UsageError (no such name), BrokenInstallation."""
    found = weights.load(name)
    with of_this_version(name):
        return found, setting(found.arrays, "recipe", kind), from_arrays(found.arrays)


@contextlib.contextmanager
def of_this_version(name: str) -> Iterator[None]:
    """While a model's arrays are read: what is missing or of another kind becomes BrokenInstallation."""
    try:
        yield
    except (KeyError, msgspec.DecodeError) as error:
        raise BrokenInstallation(f"the model {name!r} was made by another version ({error}); train it again") from None


def to_arrays(one: Reference, recipe: Any, **settings: Any) -> dict[str, NDArray[Any]]:
    """Reference, recipe (a msgspec type) and further settings -> the arrays of a model folder that hold them."""
    names = ("calibration", "scope", "forms", "reliability", "made")
    kept = {"recipe": recipe, **{name: getattr(one, name) for name in names}, **settings}
    return {
        "settings": np.frombuffer(msgspec.json.encode(kept), np.uint8),
        "synthetic": one.synthetic,
        "held_out": one.held_out,
        "clips": one.clips,
    }


def from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Reference:
    """The arrays of a model folder -> the Reference put there. Raises KeyError or msgspec.DecodeError."""
    return Reference(
        setting(arrays, "calibration", Calibration | None),
        setting(arrays, "scope", tuple[Range, ...]),
        arrays["synthetic"],
        arrays["held_out"],
        arrays.get("clips", UNNAMED),
        setting(arrays, "forms", tuple[str, ...]) if has_setting(arrays, "forms") else (),
        kept_reliability(arrays),
        setting(arrays, "made", tuple[float, ...]) if has_setting(arrays, "made") else (),
    )


def kept_reliability(arrays: Mapping[str, NDArray[Any]]) -> Reliability | None:
    """The arrays of any model folder -> what its ratios were worth on held-out sources; None where it keeps none."""
    kept = "settings" in arrays and has_setting(arrays, "reliability")
    return setting(arrays, "reliability", Reliability | None) if kept else None


def has_setting(arrays: Mapping[str, NDArray[Any]], key: str) -> bool:
    """Whether a model folder has a setting: those that an earlier version made lack some."""
    return key in msgspec.json.decode(arrays["settings"].tobytes(), type=dict[str, msgspec.Raw])


def setting(arrays: Mapping[str, NDArray[Any]], key: str, kind: Any) -> Any:
    """One setting of a model folder as a `kind`. Raises KeyError or msgspec.DecodeError."""
    settings = msgspec.json.decode(arrays["settings"].tobytes(), type=dict[str, msgspec.Raw])
    return msgspec.json.decode(settings[key], type=kind)
