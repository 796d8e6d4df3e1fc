"""What does the shared backbone see? Its features of augmented views and of the test crops, computed once a photo."""

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.data import cache
from sightcheck.nets.place.photographs import Pixels, augmented
from sightcheck.place.country import five_crops, normalised, resized

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Told = Callable[[float, str], None]
CODE = ("place/country.py", "nets/place/photographs.py", "nets/place/features.py")
TEST_VIEWS = 6
"""The five crops, then the whole photo resized: the first six views of every photo."""


def features(photos: Sequence[Pixels], views: int, network: bytes, progress: Told | None = None) -> NDArray[np.float32]:
    """Photos (n), number of augmented views -> (n, 6 + views, d): five crops, `resize`, then the augmented views.

    Computed by ONNX Runtime and kept, a photo a file, so a stopped run goes on where it was.
    """
    session = weights.session(network)
    model = hashlib.sha256(network).hexdigest()
    rows = []
    for number, pixels in enumerate(photos):
        name = cache.key(model, views, pixels, code=CODE)
        rows.append(cache.arrays(name, partial(_seen, session, pixels, views))["features"])
        if progress is not None:
            progress((number + 1) / len(photos), f"features {number + 1}/{len(photos)}")
    return np.stack(rows)


def _seen(session: "InferenceSession", pixels: Pixels, views: int) -> cache.Arrays:
    found = session.run(None, {"input": _views(pixels, views)})[0]
    return {"features": np.asarray(found, np.float32)}


def _views(pixels: Pixels, count: int) -> NDArray[np.float32]:
    """(H, W, 3) -> (6 + count, 3, 224, 224)."""
    random = np.random.default_rng(count)
    seen = [augmented(pixels, random, vertical=False) for _ in range(count)]
    return np.concatenate([five_crops(pixels), resized(pixels), *([normalised(np.stack(seen))] if seen else [])])
