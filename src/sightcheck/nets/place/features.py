"""What does the shared backbone see? Its features of augmented views and of the test crops, computed once a photo."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sightcheck.data import cache
from sightcheck.nets.place.photographs import Pixels, augmented
from sightcheck.place import backbone
from sightcheck.place.backbone import LITE, Eye
from sightcheck.weights import Weights

Values = NDArray[np.float32]
Told = Callable[[float, str], None]
CODE = ("place/country.py", "place/backbone.py", "nets/place/photographs.py", "nets/place/features.py")


@dataclass(frozen=True)
class Features:
    """What a backbone sees of n photos: `values` (n, v, d), the first `cuts` of the v views being the test cuts.

    The centre is the last of these. Next, for the bundled backbone alone, comes the whole photo squeezed to a square,
    then augmented views. `read` is the backbone's name.
    """

    values: Values
    cuts: int
    read: str

    def __getitem__(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Features":
        return replace(self, values=self.values[rows])

    def __len__(self) -> int:
        return len(self.values)

    @property
    def tests(self) -> Values:
        """(n, cuts, d)."""
        return self.values[:, : self.cuts]

    @property
    def centre(self) -> Values:
        """(n, d)."""
        return self.values[:, self.cuts - 1]

    @property
    def squeezed(self) -> Values:
        """(n, 1, d), for the bundled backbone."""
        return self.values[:, self.cuts : self.cuts + 1]

    @property
    def teaching(self) -> Values:
        """(n, v', d): all but the squeezed view, whose aspect no other has."""
        return np.delete(self.values, self.cuts, axis=1) if self.read == LITE else self.values


def features(photos: Sequence[Pixels], augmentations: int, model: Weights, progress: Told | None = None) -> Features:
    """Photos (n), number of augmented views, a backbone -> Features.

    Computed by ONNX Runtime and kept, a photo a file, so a stopped run goes on where it was.
    """
    eye, digest = backbone.eye(model), hashlib.sha256(model.network).hexdigest()
    rows = []
    for number, pixels in enumerate(photos):
        name = cache.key(digest, augmentations, pixels, code=CODE)
        rows.append(cache.arrays(name, partial(_seen, eye, pixels, augmentations))["features"])
        if progress is not None:
            progress((number + 1) / len(photos), f"features {number + 1}/{len(photos)}")
    return Features(np.stack(rows), eye.look.most, model.card.name)


def _seen(eye: Eye, pixels: Pixels, count: int) -> cache.Arrays:
    """(H, W, 3) -> (v, d); a photo with fewer cuts than others repeats its centre."""
    random, cuts = np.random.default_rng(count), eye.look.cuts(pixels)
    seen = [augmented(pixels, random, vertical=False) for _ in range(count)]
    others = [eye.look.standardised(np.stack(seen))] if seen else []
    whole = [eye.look.squeezed(pixels)] if eye.look.corners else []
    found = eye.run(np.concatenate([cuts, *whole, *others]))
    return {"features": np.concatenate([found[:1]] * (eye.look.most - len(cuts)) + [found])}
