"""How close is a picture to another? SSIM, over the whole picture or over a subject."""

import numpy as np
from numpy.typing import NDArray

MARGIN = 5
"""Half the window: the map is given only where the window fits, so it is this much smaller on each side."""


def ssim(picture: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[float, NDArray[np.float64]]:
    """Two (H, W) luma or (H, W, 3) RGB uint8 pictures -> mean in [-1, 1] and map (H - 10, W - 10).

    Wang et al. 2004: Gaussian window of 11x11 with sigma 1.5, data range 255, K1 = .01, K2 = .03, population
    variances, no downsampling. Both sides are at least 11 pixels; raises ValueError otherwise or where shapes differ.
    """
    x, y = _luma(picture), _luma(other)
    if x.shape != y.shape or min(x.shape) <= 2 * MARGIN:
        raise ValueError(f"pictures of {x.shape} and {y.shape}: give equal sizes of at least 11x11")
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean_x, mean_y = _local_mean(x), _local_mean(y)
    variances = _local_mean(x * x) - mean_x**2 + _local_mean(y * y) - mean_y**2
    covariance = _local_mean(x * y) - mean_x * mean_y
    similarity = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    similarity /= (mean_x**2 + mean_y**2 + c1) * (variances + c2)
    return float(similarity.mean()), similarity


def mask_ssim(picture: NDArray[np.uint8], other: NDArray[np.uint8], mask: NDArray[np.bool_]) -> float:
    """Two pictures and a (H, W) mask -> mean of the whole pictures' map over the mask, nan where it holds no pixel.

    Chapter 4: the map is taken on the full pictures, so the mask's own edge makes no structure.
    """
    inside = mask[MARGIN:-MARGIN, MARGIN:-MARGIN]
    values = ssim(picture, other)[1][inside]
    return float(values.mean()) if len(values) else float("nan")


def _luma(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """RGB -> BT.601 luma (H, W) in [0, 255]."""
    import cv2

    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) if picture.ndim == 3 else picture
    return np.asarray(grey, dtype=np.float64)


def _local_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2

    return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), dtype=np.float64)[MARGIN:-MARGIN, MARGIN:-MARGIN]
