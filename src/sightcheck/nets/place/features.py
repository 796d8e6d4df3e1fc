"""What does the shared backbone see? Its features of augmented views and of the test crops, computed once a photo."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.nets.place.photographs import Pixels, augmented
from sightcheck.place.country import five_crops, normalised, resized

Told = Callable[[float, str], None]
TEST_VIEWS = 6
"""The five crops, then the whole photo resized: the first six views of every photo."""


def features(
    photos: Sequence[Pixels], views: int, network: bytes, cache: Path, progress: Told | None = None
) -> NDArray[np.float32]:
    """Photos (n), number of augmented views -> (n, 6 + views, d): five crops, `resize`, then the augmented views.

    Computed by ONNX Runtime and kept in `cache`, a photo a file, so a stopped run goes on where it was.
    """
    session = weights.session(network)
    model = hashlib.sha256(network).hexdigest()
    cache.mkdir(parents=True, exist_ok=True)
    rows = []
    for number, pixels in enumerate(photos):
        key = hashlib.sha256(f"{model} {views} ".encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()
        path = cache / f"{key}.npy"
        if not path.exists():
            seen = session.run(None, {"input": _views(pixels, views)})[0]
            part = path.with_suffix(".part.npy")
            np.save(part, seen.astype(np.float32))
            part.replace(path)
        rows.append(np.load(path, allow_pickle=False))
        if progress is not None:
            progress((number + 1) / len(photos), f"features {number + 1}/{len(photos)}")
    return np.stack(rows)


def _views(pixels: Pixels, count: int) -> NDArray[np.float32]:
    """(H, W, 3) -> (6 + count, 3, 224, 224)."""
    random = np.random.default_rng(count)
    seen = [augmented(pixels, random, vertical=False) for _ in range(count)]
    return np.concatenate([five_crops(pixels), resized(pixels), *([normalised(np.stack(seen))] if seen else [])])
