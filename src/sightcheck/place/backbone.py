"""Which network turns a photo into features, and which cuts of the photo does it read?"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sightcheck import weights
from sightcheck.errors import BrokenInstallation
from sightcheck.place.country import SHORTER, SIDE, STANDARD, Pixels, Values, five_crops, normalised, shortened

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

LITE, CLIP = "backbone", "clip"
"""The bundled backbone and the better one, which `sightcheck weights get clip` fetches."""
PIXELS = "pixels"
"""What whole networks read in the place of a backbone's features."""
LONG = 1.1
"""Longer side over shorter side from which on a photo is read at its ends too."""


@dataclass(frozen=True)
class Look:
    """How a backbone looks at a photo: its shorter side resized to `shorter`, squares of `side` cut out of it.

    `mean` and `deviation` of the three channels are taken from pixels in [0, 1] and divide them then. `corners`: the
    four corners and the centre (7.3), else the centre and, of a photo longer than wide, its two ends.
    """

    shorter: int
    side: int
    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    corners: bool = False

    @property
    def most(self) -> int:
        """How many cuts a photo has at most."""
        return 5 if self.corners else 3

    def cuts(self, pixels: Pixels) -> Values:
        """(H, W, 3) uint8 of any size -> (k, 3, side, side) standardised, the centre last."""
        if self.corners:
            return five_crops(pixels)
        small = shortened(pixels, self.shorter)
        most = [length - self.side for length in small.shape[:2]]
        middle = (most[0] // 2, most[1] // 2)
        ends = [(0, 0), (most[0], most[1])] if max(small.shape[:2]) >= LONG * self.side else []
        cut = [small[y : y + self.side, x : x + self.side] for y, x in (*ends, middle)]
        return self.standardised(np.stack(cut))

    def squeezed(self, pixels: Pixels) -> Values:
        """(H, W, 3) uint8 -> (1, 3, side, side) standardised, the whole photo with its aspect lost."""
        from PIL import Image

        small = Image.fromarray(pixels).resize((self.side, self.side), Image.Resampling.BICUBIC)
        return self.standardised(np.asarray(small)[None])

    def standardised(self, cuts: Pixels) -> Values:
        """(n, H, W, 3) uint8 -> (n, 3, H, W) float32."""
        return normalised(cuts, np.array([self.mean, self.deviation], np.float32))

    def recipe(self) -> dict[str, Any]:
        """The look as a card states it."""
        return asdict(self)


_MEAN, _DEVIATION = (tuple(one) for one in STANDARD.tolist())
IMAGENET = Look(SHORTER, SIDE, _MEAN, _DEVIATION, corners=True)
"""The look of the bundled backbone and of whole networks: section 7.3."""


@dataclass(frozen=True)
class Eye:
    """A backbone at work: its look, and what turns its cuts (k, 3, side, side) into features (k, d)."""

    look: Look
    run: Callable[[Values], Values]


def eye(model: weights.Weights | None) -> Eye:
    """A backbone's model -> Eye; None -> the cuts themselves, which whole networks read."""
    if model is None:
        return Eye(IMAGENET, lambda cuts: cuts)
    session = weights.session(model.network)
    return Eye(look(model.card.recipe), lambda cuts: run(session, cuts))


def look(recipe: Mapping[str, Any]) -> Look:
    """The recipe on a backbone's card -> Look; the bundled one's card states none."""
    if "shorter" not in recipe:
        return IMAGENET
    mean, deviation = (tuple(float(one) for one in recipe[name]) for name in ("mean", "deviation"))
    return Look(int(recipe["shorter"]), int(recipe["side"]), mean, deviation, bool(recipe["corners"]))  # type: ignore[arg-type]


def reads(card: weights.Card) -> str:
    """A head's card -> the name of the backbone whose features it reads, or PIXELS."""
    said = str(card.recipe.get("reads", PIXELS))
    return said.removeprefix("features of ") if said.startswith("features of ") else PIXELS


def run(session: "InferenceSession", values: Values) -> Values:
    """Batch -> the network's first output. Raises BrokenInstallation where it does not take such a batch."""
    try:
        return np.asarray(session.run(None, {session.get_inputs()[0].name: values})[0], np.float32)
    except Exception as error:  # ONNX Runtime raises errors of many kinds
        raise BrokenInstallation(
            f"a network does not take pixels of 224 x 224 or the backbone's features: {error}"
        ) from error
