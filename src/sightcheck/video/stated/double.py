"""Was this H.264 stream encoded before? A rhythm in its prediction, left by the key frames of an earlier encode.

Where an earlier encode had a key frame, a later one finds the picture changed all at once: more of its macroblocks are
intra and fewer are skipped than in the P-frames around it. Vázquez-Padín et al., "Detection of video double encoding
with GOP size estimation" (WIFS 2012), call this the variation of the prediction footprint; a place between P-frames
counts for the next one, as in their later work on B-frames (IEEE TIFS 15, 2020). Here ranks are compared instead of
sums, so that one strong change of scene makes no rhythm. The limits are high: in trials with x264 on small pictures no
clip that was encoded once passed them, and fewer than half of those encoded twice did. So a rhythm speaks for an
earlier encode, and its absence for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightcheck.video.footprint import Footprint

FRAMES = 300
MACROBLOCKS = 3_000_000
"""Frames and macroblocks at the beginning that are counted, whichever are fewer."""
SHORTEST = 8
"""Frames between key frames under which a rhythm may be that of B-frames or of repeated pictures."""
REPEATS = 4
LEAST_P, LEAST_Z, LEAST_HITS = 20, 4.0, 0.8


@dataclass(frozen=True)
class Rhythm:
    """The period that stands out most: `hits` of `places` a `period` of frames apart peak, and their mean rank lies `z`
    standard errors above that of all P-frames. `found`: whether that is enough to tell of."""

    period: int
    z: float
    hits: int
    places: int

    @property
    def found(self) -> bool:
        """Whether limits are passed that single encodes do not pass."""
        enough = self.z >= LEAST_Z and self.hits >= LEAST_HITS * self.places
        return self.period >= SHORTEST and enough


def frames(width: int, height: int) -> int:
    """Size in pixels -> how many frames are counted."""
    return min(FRAMES, MACROBLOCKS * 256 // max(width * height, 256))


def rhythm(footprint: Footprint) -> Rhythm | None:
    """Footprint of a stream as it is, T frames from the first on -> Rhythm; None where P-frames are too few."""
    kinds = np.array(list(footprint.frame_types))
    at = np.flatnonzero(kinds == "P")
    if len(at) < LEAST_P:
        return None
    kept = _apart(at, np.flatnonzero(kinds == "I"))
    peaks = _peaks(footprint.fractions[at])[kept]
    if kept.sum() < LEAST_P or (peaks > 0).sum() < REPEATS:
        return Rhythm(0, 0.0, 0, 0)
    before, own = np.r_[-1, at[:-1]][kept], np.unique(np.diff(np.flatnonzero(kinds == "I")))
    periods = [
        period
        for period in range(2, len(kinds) // REPEATS + 1)
        if len(own) != 1 or (own[0] % period and period % own[0])
    ]
    return _strongest(periods, at[kept], before, peaks)


def _strongest(
    periods: Sequence[int], at: NDArray[np.intp], before: NDArray[np.intp], peaks: NDArray[np.float64]
) -> Rhythm:
    """Periods in frames; where P-frames stand, where the ones before them stood, how far they peak, (P,) -> Rhythm."""
    ranks, best = _ranks(peaks), Rhythm(0, 0.0, 0, 0)
    for period in periods:
        on = (at // period * period > before) & (at >= period)
        if on.sum() >= REPEATS:
            z = float((ranks[on].mean() - ranks.mean()) / (ranks.std() / np.sqrt(on.sum())))
            best = max(best, Rhythm(period, z, int((peaks[on] > 0).sum()), int(on.sum())), key=lambda one: one.z)
    return best


def _apart(at: NDArray[np.intp], keys: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which P-frames are not the last before or the first after an I-frame of this encode, which peak by themselves."""
    kept = np.full(len(at), True)
    for key in keys:
        beside = np.searchsorted(at, key)
        kept[max(0, beside - 1) : beside + 1] = False
    return kept


def _peaks(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """(P, 3) shares of intra, inter and skip of P-frames -> (P,) how far intra peaks where skip dips, else 0."""
    intra, skip = np.diff(shares[:, 0]), np.diff(shares[:, 2])
    peaks = np.zeros(len(shares))
    is_peak = (intra[:-1] > 0) & (skip[:-1] < 0) & (intra[1:] < 0) & (skip[1:] > 0)
    peaks[1:-1] = np.where(is_peak, np.abs(intra[:-1] * skip[:-1]) + np.abs(intra[1:] * skip[1:]), 0.0)
    return peaks


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,) -> (n,) ranks in (0, 1], the same for equal values."""
    _, at, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[at] / len(values)
    return ranks
