"""How good is what a detector said of a test set? Frames, sequences or whole clips, weighed by clip."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sightcheck.protocol import metrics
from sightcheck.protocol.contender import MOMENT_S
from sightcheck.protocol.metrics import Estimate, Labels, Values


@dataclass(frozen=True)
class Measured:
    """One cell of a table: its number, or the same as text, or a note why there is none."""

    ours: Estimate | None = None
    text: str = ""
    note: str = ""


Rate = Callable[[Values], float]
"""Weights (clips,) -> a number; what `metrics.bootstrap` takes."""


@dataclass(frozen=True)
class Said:
    """What was said of one clip: `fake` P(synthetic) and `called` synthetic, of each of its frames or sequences.

    `spans_s`: from when to when each of these is; see `contender.Spoken`.
    """

    sha256: str
    synthetic: bool
    group: str
    fake: tuple[float, ...]
    called: tuple[bool, ...]
    spans_s: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Heard:
    """What was said of a test set, clip by clip."""

    said: tuple[Said, ...]

    @property
    def clips(self) -> Labels:
        """(clips,) which are synthetic."""
        return np.array([one.synthetic for one in self.said], bool)

    @property
    def fake(self) -> Values:
        """(units,) P(synthetic) of every frame or sequence of every clip."""
        return np.array([value for one in self.said for value in one.fake], np.float64)

    def called(self, threshold: float | None = None) -> Labels:
        """(units,) which are called synthetic: as the detector does, or from `threshold` on."""
        if threshold is not None:
            return np.asarray(self.fake >= threshold)
        return np.array([value for one in self.said for value in one.called], bool)

    def units(self, values: NDArray[np.generic]) -> NDArray[np.generic]:
        """(clips,) -> (units,)."""
        return np.repeat(values, [len(one.fake) for one in self.said])

    def estimate(self, rate: Rate) -> Estimate:
        """The rate with a 95 % interval over groups of clips; none where every resample gives the same.

        Such a number, as of a detector that calls all clips synthetic, is no surer for it.
        """
        found = metrics.bootstrap(rate, self.clips, [one.group for one in self.said])
        return replace(found, low=metrics.NAN, high=metrics.NAN) if found.low == found.high else found


def frame_accuracy(heard: Heard) -> Rate:
    """Share of frames called right (chapter 3)."""
    called, truth = heard.called(), np.asarray(heard.units(heard.clips), bool)
    return lambda weights: metrics.accuracy(called, truth, np.asarray(heard.units(weights), np.float64))


def clip_accuracy(heard: Heard) -> Rate:
    """Share of clips called right by a soft vote over their frames (5.3.2)."""
    called = np.array([np.mean(one.fake) > 0.5 for one in heard.said], bool)
    return lambda weights: metrics.accuracy(called, heard.clips, weights)


def balanced(heard: Heard, threshold: float | None = None) -> Rate:
    """ACC of chapter 4: balanced accuracy over sequences."""
    called, truth = heard.called(threshold), np.asarray(heard.units(heard.clips), bool)
    return lambda weights: metrics.balanced_accuracy(called, truth, np.asarray(heard.units(weights), np.float64))


def auc(heard: Heard) -> Rate:
    """AUC of chapter 4, over sequences."""
    fake, truth = heard.fake, np.asarray(heard.units(heard.clips), bool)
    return lambda weights: metrics.auc(fake, truth, np.asarray(heard.units(weights), np.float64))


def change(before: Rate, after: Rate) -> Rate:
    """Relative change in percent; nan where there was nothing before."""

    def rate(weights: Values) -> float:
        first = before(weights)
        return 100 * (after(weights) - first) / first if first > 0 else metrics.NAN

    return rate


RATES: dict[str, Callable[[Heard], Rate]] = {
    "frame accuracy": frame_accuracy,
    "video accuracy": clip_accuracy,
    "AUC": auc,
}


def best_threshold(heard: Heard) -> float:
    """The threshold of P(synthetic) with the highest ACC on a validation set (Table 4.8).

    Of equal ones it is that nearest 1/2. Thresholds lie midway between neighbouring values; 1/2 itself is one of them.
    """
    seen = np.unique(heard.fake)
    tried = np.r_[0.0, 0.5, (seen[1:] + seen[:-1]) / 2, np.nextafter(1.0, 2.0)]
    tried = tried[np.argsort(np.abs(tried - 0.5), kind="stable")]
    ones = np.ones(len(heard.said))
    return float(tried[int(np.argmax([balanced(heard, one)(ones) for one in tried]))])


def fused(heard: Sequence[Heard]) -> Heard:
    """What several detectors said -> the mean of their probabilities (4.4.3), span by span of what all spoke of."""
    return Heard(tuple(_mean(each) for each in zip(*(one.said for one in paired(heard)), strict=True)))


def paired(heard: Sequence[Heard]) -> tuple[Heard, ...]:
    """What several detectors said -> of each what all said of the same spans of the same clips, in the same order."""
    by_clip = [{one.sha256: one for one in part.said} for part in heard]
    shared = [one.sha256 for one in heard[0].said if all(one.sha256 in part for part in by_clip)]
    each = [alike for sha256 in shared if (alike := _alike([part[sha256] for part in by_clip]))[0].fake]
    return tuple(Heard(tuple(one[at] for one in each)) for at in range(len(heard)))


def _alike(said: Sequence[Said]) -> list[Said]:
    """What several detectors said of one clip -> what they said of the spans that all spoke of."""
    places = [[_place(span, one.spans_s) for span in said[0].spans_s] for one in said]
    kept = [row for row in zip(*places, strict=True) if None not in row]
    return [_only(one, [at for row in kept if (at := row[number]) is not None]) for number, one in enumerate(said)]


def _place(span: tuple[float, float], among: Sequence[tuple[float, float]]) -> int | None:
    """The number of the same span among others, None where it is not there.

    Sequences begin half their length apart, so one that begins and ends within a quarter of it is the same, read by
    another who could not decode some frame.
    """
    length = span[1] - span[0]
    away = [max(abs(one[0] - span[0]), abs(one[1] - span[1])) for one in among]
    at = int(np.argmin(away)) if away else 0
    return at if away and away[at] <= max(length / 4, MOMENT_S) else None


def _only(one: Said, places: Sequence[int]) -> Said:
    """What was said of some of a clip's spans."""
    return replace(
        one,
        fake=tuple(one.fake[at] for at in places),
        called=tuple(one.called[at] for at in places),
        spans_s=tuple(one.spans_s[at] for at in places),
    )


def _mean(said: Sequence[Said]) -> Said:
    fake = np.mean([one.fake for one in said], axis=0)
    return replace(said[0], fake=tuple(fake.tolist()), called=tuple((fake > 0.5).tolist()))
