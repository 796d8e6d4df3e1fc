"""What does a generator leave in moving pictures? Predictability, motion, spectrum: 72 numbers a window.

Four families that need no training data to be measured: how H.264 predicts the frames at three qualities (the thesis's
footprint, without the order of frames), whether fine detail travels with the motion, how unsteady
that is from frame to frame, and the shape of the spatial spectrum. docs/video-study.md tells what else was tried and
why it was left out.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sightcheck.media import Encoding, Sampling, crop, recode, shrunk, windows
from sightcheck.video import motion
from sightcheck.video.footprint import Footprint, recoded

Values = list[float]

QUALITIES = (0, 23, 40)
FAMILIES = (("footprint", 27), ("coherence", 7), ("unsteadiness", 21), ("spectrum", 17))
LEAST_SIDE = 64
BANDS = np.array([0.02, 0.04, 0.06, 0.09, 0.125, 0.175, 0.225, 0.275, 0.325, 0.375, 0.425, 0.475, 0.52])
NAMES = (
    *(f"{m} {s} CRF {q}" for q in QUALITIES for m in ("intra", "inter", "skip") for s in ("mean", "spread", "q90")),
    *motion.NAMES,
    *(f"spectrum {low:g}-{high:g}" for low, high in pairwise(BANDS)),
    "spectral slope, low",
    "spectral slope, high",
    "spectral curvature",
    "spectral anisotropy",
    "axes against diagonals",
)


@dataclass(frozen=True)
class Traces:
    """One window: `values` (72,) in the order of NAMES, and the footprint (CRF 23) to show."""

    values: NDArray[np.float64]
    footprint: Footprint


def measure(path: bytes, sampling: Sampling, laundered: bool = False) -> tuple[Traces, ...]:
    """A clip -> the traces of each of its windows; none when it has one frame or is under 64 pixels a side.

    `laundered` first does to the clip what the web does: shrink to a short side of 240, encode twice (CRF 26, then
    10). A detector taught on both forms of both classes cannot tell them by size or compression. Run it in the sandbox.
    """
    whole = Sampling(sampling.frames, sampling.fps, None, None, sampling.windows)
    found = []
    for window in windows(path, whole if laundered else sampling):
        yuv = crop(launder(window.yuv), sampling) if laundered else window.yuv
        if len(yuv) < 2 or min(yuv.shape[1] * 2 // 3, yuv.shape[2]) < LEAST_SIDE:
            break
        shown = [recoded(yuv, Encoding(crf=crf), window.times_s, window.png, window.other_size) for crf in QUALITIES]
        luma = np.ascontiguousarray(yuv[:, : yuv.shape[1] * 2 // 3])
        values = [*predictability(shown), *motion.motion(luma), *spectrum(luma)]
        found.append(Traces(np.array(values), shown[1]))
    return tuple(found)


def launder(yuv: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(T, 3H/2, W) -> shrunk to a short side of at most 240 pixels, then encoded at CRF 26 and at CRF 10."""
    return recode(recode(shrunk(yuv, 240), Encoding(crf=26)), Encoding(crf=10))


def predictability(footprints: list[Footprint]) -> Values:
    """Footprints at several qualities -> mean, spread and 90 % quantile over frames of each mode's share, 9 each."""
    values: Values = []
    for footprint in footprints:
        shares = footprint.fractions[1:]  # (T - 1, 3): the first frame is intra by construction
        for share in shares.T:
            values += [float(share.mean()), float(share.std()), float(np.quantile(share, 0.9))]
    return values


def spectrum(luma: NDArray[np.uint8]) -> Values:
    """(T, H, W) uint8 -> 12 bands of the log amplitude spectrum relative to the lowest four, 2 slopes, 3 shapes."""
    side = min(192, *luma.shape[1:]) // 16 * 16
    power, axis = _log_power(luma, side), np.fft.fftfreq(side)
    radius = np.hypot(*np.meshgrid(axis, axis))
    rings = pairwise(BANDS)
    profile = np.array([power[(radius >= low) & (radius < high)].mean() for low, high in rings]) / 2
    log_frequency = np.log((BANDS[:-1] + BANDS[1:]) / 2)
    low, high = (np.polyfit(log_frequency[half], profile[half], 1)[0] for half in (slice(6), slice(6, None)))
    diagonal = np.abs(np.sin(2 * np.arctan2(*np.meshgrid(axis, axis, indexing="ij"))))
    ring = (radius > 0.3) & (radius < 0.5)
    return [
        *(profile - profile[:4].mean()).tolist(),
        float(low),
        float(high),
        float(high - low),
        float(power[0, 1 : side // 2].mean() - power[1 : side // 2, 0].mean()) / 2,
        float(power[ring & (diagonal < 0.3)].mean() - power[ring & (diagonal > 0.9)].mean()) / 2,
    ]


def _log_power(luma: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """(side, side) mean log power of Hann-windowed squares: 8 frames by up to 3 columns."""
    hann = np.hanning(side)[:, None] * np.hanning(side)[None]
    columns = {0, (luma.shape[2] - side) // 2 // 16 * 16, (luma.shape[2] - side) // 16 * 16}
    squares = [
        luma[frame, :side, x : x + side].astype(np.float32)
        for frame in np.linspace(0, len(luma) - 1, 8).astype(int)
        for x in sorted(columns)
    ]
    mean: NDArray[np.float64] = np.mean(
        [np.log(np.abs(np.fft.fft2((square - square.mean()) * hann)) ** 2 + 1) for square in squares], axis=0
    )
    return mean
