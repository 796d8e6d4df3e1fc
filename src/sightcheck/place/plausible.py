"""Does the country model look at the scene? Occlusion, and two photos made into one (section 7.4.2)."""

from dataclasses import dataclass

import numpy as np

from sightcheck.place import country
from sightcheck.place.country import Pixels
from sightcheck.place.embedding import Reader
from sightcheck.place.world import gazetteer
from sightcheck.verdict import Heat, Share

CELLS = 5
"""Rows and columns of the occlusion map: one cell covers a twenty-fifth of the photo."""


def occlusion(pixels: Pixels, reader: Reader, at: int, jpeg: bytes) -> Heat:
    """(H, W, 3), class `at`, a small JPEG of the photo -> what each cell adds to the class's log odds.

    Each cell in turn is greyed (the photo's mean colour) in the photo resized to 224 x 224; the value is the fall of
    the class's log odds, above 0 where the cell spoke for it.
    """
    whole = country.resized(pixels)  # (1, 3, 224, 224)
    hidden = np.repeat(whole, CELLS * CELLS + 1, axis=0)
    edges = np.linspace(0, country.SIDE, CELLS + 1).round().astype(int)
    for cell in range(CELLS * CELLS):
        row, column = divmod(cell, CELLS)
        place = np.s_[cell + 1, :, edges[row] : edges[row + 1], edges[column] : edges[column + 1]]
        hidden[place] = whole.mean((0, 2, 3))[:, None, None]
    odds = [country.log_odds(float(p)) for p in country.softmax(reader.crop_logits(hidden))[:, at]]
    name = ", ".join(map(gazetteer.country_name, reader.countries.labels[at]))
    meaning = f"how far the log odds of {name} fall when a part is hidden"
    return Heat(meaning, CELLS, CELLS, tuple(odds[0] - value for value in odds[1:]), jpeg)


@dataclass(frozen=True)
class Composite:
    """What the model says of two photos and of the one made from them: countries, the likeliest first."""

    pixels: Pixels
    first: tuple[Share, ...]
    second: tuple[Share, ...]
    together: tuple[Share, ...]

    @property
    def both_lead(self) -> bool:
        """Whether the two photos' own likeliest countries are the two likeliest of the composite, as in 7.4.2."""
        return {self.first[0].code, self.second[0].code} <= {one.code for one in self.together[:2]}


def composite(first: Pixels, second: Pixels, reader: Reader, inset: bool = False) -> Composite:
    """Two photos (H, W, 3) -> their composite: halves side by side, or the second as an inset in the first. 7.4.2."""
    made = _inset(first, second) if inset else _halves(first, second)
    shares = [
        country.ranked(reader.embed(one).countries, reader.countries, gazetteer.country_name)
        for one in (first, second, made)
    ]
    return Composite(made, *shares)


def _halves(first: Pixels, second: Pixels) -> Pixels:
    """The middle squares of both photos, side by side."""
    return np.concatenate([_square(first), _square(second)], axis=1)


def _inset(first: Pixels, second: Pixels) -> Pixels:
    """The first photo with the middle of the second over the lower middle of it, half as high."""
    from PIL import Image

    made = country.shortened(first).copy()
    side = country.SHORTER // 2
    small = np.asarray(Image.fromarray(_square(second)).resize((side, side), Image.Resampling.BICUBIC))
    left = (made.shape[1] - side) // 2
    made[-side:, left : left + side] = small
    return made


def _square(pixels: Pixels) -> Pixels:
    """(H, W, 3) -> its middle (256, 256, 3)."""
    small = country.shortened(pixels)
    y, x = (small.shape[0] - country.SHORTER) // 2, (small.shape[1] - country.SHORTER) // 2
    return small[y : y + country.SHORTER, x : x + country.SHORTER]
