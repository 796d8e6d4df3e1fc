"""Does fine detail travel with the motion, and how unsteadily? Optical-flow measures of consecutive frames.

Real detail moves with what it lies on; generated detail flickers, swims or is redrawn. The flow is OpenCV's DIS in its
medium setting, so nothing is learned.
"""

from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox

Picture = NDArray[np.float32]
Mask = NDArray[np.bool_]

FLOW = (
    "motion",
    "flow disagreement",
    "flow disagreement, q90",
    "flow disagreement, textured",
    "residual",
    "residual, q95",
    "affine misfit",
    "flow roughness",
)
DETAIL = (
    "warp error, reliable flow",
    "warp error",
    "detail change",
    "detail correlation",
    "detail correlation, flat",
    "detail correlation, textured",
    "detail gain",
)
SERIES = (*FLOW, *DETAIL, "acceleration")
STEPS = ("residual", "warp error, reliable flow", "detail change", "flow disagreement", "acceleration")
NAMES = (*DETAIL, *(f"spread of {name}" for name in SERIES), *(f"step of {name}" for name in STEPS))


def motion(luma: NDArray[np.uint8]) -> list[float]:
    """(T, H, W) uint8, T >= 2 -> (28,): DETAIL averaged over pairs (coherence), then spreads and steps (unsteadiness).

    With two frames there is one pair, so spreads and steps are 0.
    """
    cv2.setNumThreads(1)
    estimator: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    rows: list[list[float]] = []
    accelerations: list[float] = []
    before: Picture | None = None
    for first, second in pairwise(luma):
        sandbox.step()
        ahead, back = estimator.calc(first, second, None), estimator.calc(second, first, None)
        rows.append(_pair(first.astype(np.float32), second.astype(np.float32), ahead, back))
        if before is not None:
            change = _length(ahead - before).mean() / (_length(ahead).mean() + 0.3)
            accelerations.append(float(np.log(change + 0.02)))
        before = ahead
    columns = [*np.array(rows).T, np.array(accelerations or [0.0])]
    series = dict(zip(SERIES, columns, strict=True))
    return [
        *(float(series[name].mean()) for name in DETAIL),
        *(float(series[name].std()) for name in SERIES),
        *(float(np.abs(np.diff(series[name])).mean()) if len(series[name]) > 1 else 0.0 for name in STEPS),
    ]


def _pair(first: Picture, second: Picture, ahead: Picture, back: Picture) -> list[float]:
    """Two frames (H, W) in 0..255 and the flow both ways (H, W, 2) in pixels -> FLOW, then DETAIL."""
    returned = np.dstack([_warp(np.ascontiguousarray(back[..., k]), ahead) for k in (0, 1)])
    disagreement = _length(ahead + returned)
    inside: Mask = np.zeros(first.shape, bool)
    inside[12:-12, 12:-12] = True
    good: Mask = inside & (disagreement < 0.5 + 0.05 * _length(ahead))
    good = good if good.sum() >= 500 else inside
    brought = _warp(second, ahead)
    gradient = np.hypot(cv2.Sobel(first, cv2.CV_32F, 1, 0) / 8, cv2.Sobel(first, cv2.CV_32F, 0, 1) / 8)
    textured = gradient > np.quantile(gradient, 0.7)
    flat = gradient < np.quantile(gradient, 0.3)
    error = np.abs(brought - first)
    return [
        *_flow(ahead, disagreement[inside], disagreement[inside & textured], error[good]),
        float(np.log(error[good].mean() / (gradient[good].mean() + 0.3) + 0.02)),
        float(np.log(error[inside].mean() / (gradient[inside].mean() + 0.3) + 0.02)),
        *_detail(_highpass(first), _highpass(brought), good, flat, textured),
    ]


def _flow(ahead: Picture, disagreement: Picture, textured: Picture, residual: Picture) -> list[float]:
    """The measures of FLOW: log of pixels, of grey levels, or of a share of the motion, each plus 0.02."""
    magnitude = float(_length(ahead).mean())
    height, width = ahead.shape[:2]
    y, x = np.mgrid[0:height:4, 0:width:4]
    basis = np.stack([np.ones(x.size), x.ravel() / width - 0.5, y.ravel() / height - 0.5], axis=1)
    sampled = ahead[::4, ::4].reshape(-1, 2)
    misfit = (sampled - basis @ (np.linalg.pinv(basis) @ sampled)).std() / (magnitude + 0.3)
    roughness = np.abs(cv2.Laplacian(ahead[..., 0], cv2.CV_32F)).mean() / (magnitude + 0.3)
    agreement = (np.median(disagreement), np.quantile(disagreement, 0.9), textured.mean() if textured.size else 0.0)
    measures = [magnitude, *agreement, residual.mean(), np.quantile(residual, 0.95), misfit, roughness]
    return [float(np.log(value + 0.02)) for value in measures]


def _detail(before: Picture, after: Picture, good: Mask, flat: Mask, textured: Mask) -> list[float]:
    """Detail of a frame and of the next one brought back onto it -> change, three correlations, log gain."""
    sizes = before[good].std(), after[good].std()
    return [
        float((before - after)[good].std() / (sum(sizes) + 0.2)),
        *(_correlation(before[where], after[where]) for where in (good, good & flat, good & textured)),
        float(np.log((sizes[1] + 0.1) / (sizes[0] + 0.1))),
    ]


def _length(flow: Picture) -> Picture:
    """(H, W, 2) -> (H, W)."""
    return np.hypot(flow[..., 0], flow[..., 1])


def _warp(picture: Picture, flow: Picture) -> Picture:
    """Sample a picture (H, W) where the flow (H, W, 2) points, bicubic."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    moved = cv2.remap(picture, x + flow[..., 0], y + flow[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _highpass(picture: Picture) -> Picture:
    """A picture less its Gaussian blur of one pixel."""
    return np.asarray(picture - cv2.GaussianBlur(picture, (0, 0), 1.0), np.float32)


def _correlation(first: Picture, second: Picture) -> float:
    """Pearson correlation in [-1, 1]; 0 for nothing."""
    if not first.size:
        return 0.0
    first, second = first - first.mean(), second - second.mean()
    return float((first * second).sum() / np.sqrt((first * first).sum() * (second * second).sum() + 1e-9))
