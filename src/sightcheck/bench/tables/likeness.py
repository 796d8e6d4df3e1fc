"""How alike are a clip and its synthetic twin? SSIM over the picture, or over the person in it."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.bench.tables.layout import Collection
from sightcheck.bench.tables.plans import Cell
from sightcheck.bench.tables.scores import Measured
from sightcheck.data.cache import keep, kept, key
from sightcheck.data.manifest import Item
from sightcheck.data.quality import mask_ssim, ssim
from sightcheck.errors import Damaged, InputError
from sightcheck.media.whole import every
from sightcheck.protocol.contender import Told
from sightcheck.protocol.metrics import Estimate, bootstrap
from sightcheck.sandbox import Limits

METRICS = ("SSIM", "Mask-SSIM")
LIMITS = Limits(total_s=4 * 3600.0)
INK = 48
"""Luma from which a pixel of a stick figure, drawn on black, is drawn."""
REACH = 16
"""A stick figure is dilated by its height divided by this; the thesis does not say by how much."""


def measured(cell: Cell, clips: Collection, frames: int, told: Told) -> Measured:
    """A cell of Table 4.2: the mean over the pairs of a subset, each the mean over its frames."""
    name, found, failed = clips.named(cell.test), [], ""
    pairs = [*_pairs(clips, cell.test)]
    for at, (real, fake) in enumerate(pairs):
        told(at / len(pairs), f"{cell.metric} of {name}")
        try:
            found.append((real.group, likeness(real, fake, _stick(clips, real), frames)))
        except InputError as error:
            failed = f"{fake.path}: {error}"
    if not found:
        return Measured(note=failed or f"no real clip of {name} has a synthetic twin in its group")
    whole = _mean([(group, one.whole) for group, one in found])
    if cell.metric == "SSIM":
        return Measured(whole)
    masked = [(group, one.masked) for group, one in found if one.masked is not None]
    if masked:
        return Measured(_mean(masked))
    return Measured(
        note=f"no stick figures in {clips.path / cell.test / 'stick'}; whole pictures: SSIM {whole.value:.2f}"
    )


def _pairs(clips: Collection, subset: str) -> Iterator[tuple[Item, Item]]:
    """The first real and the first synthetic clip of each group that has both."""
    groups: dict[str, dict[str, Item]] = {}
    for item in clips.of(subset):
        groups.setdefault(item.group, {}).setdefault(item.label, item)
    yield from ((one["real"], one["fake"]) for _, one in sorted(groups.items()) if len(one) == 2)


def _stick(clips: Collection, real: Item) -> Path | None:
    path = clips.path / real.subset / "stick" / f"{Path(real.path).stem}.mp4"
    return path if path.is_file() else None


def _mean(found: Sequence[tuple[str, float]]) -> Estimate:
    values = np.array([value for _, value in found])
    of = np.ones(len(values), bool)
    return bootstrap(lambda weights: float(np.average(values, weights=weights)), of, [group for group, _ in found])


class Likeness(msgspec.Struct, frozen=True):
    """Means over the frames of a pair of clips; `masked` over the dilated stick figure, None where there is none."""

    whole: float
    masked: float | None


def likeness(real: Item, fake: Item, stick: Path | None, most: int = 0) -> Likeness:
    """Two clips of one motion, a clip of its stick figure -> Likeness over `most` frames, 0 for all (4.2.3).

    Kept in the cache. Raises InputError.
    """
    drawn = hashlib.sha256(stick.read_bytes()).hexdigest() if stick else ""
    code = ("media", "data/quality.py", "bench/tables/likeness.py")
    name = f"likeness/{key(real.sha256, fake.sha256, drawn, most, code=code)}"
    found = kept(name, Likeness)
    if found is None:
        paths = [os.fsencode(path) for path in (real.path, fake.path, stick or "")]
        found = sandbox.run(alike, *paths, most, limits=LIMITS)
        keep(name, found)
    return found


def alike(real: bytes, fake: bytes, stick: bytes, most: int) -> Likeness:
    """Two clips, a clip of stick figures or b"" -> their Likeness, frame by frame up to the end of the shortest."""
    whole, masked = [], []
    figures = (picture for _, picture in every(stick, most)) if stick else None
    for (_, one), (_, other) in zip(every(real, most), every(fake, most), strict=False):
        if one.shape != other.shape:
            raise Damaged("is of another size than its twin")
        pictures = [cv2.cvtColor(picture, cv2.COLOR_YUV2RGB_I420).astype(np.uint8) for picture in (one, other)]
        figure = next(figures, None) if figures else None
        if figure is not None:
            masked.append(mask_ssim(pictures[0], pictures[1], mask(figure, *pictures[0].shape[:2])))
        whole.append(ssim(*pictures)[0])
        sandbox.step()
    if not whole:
        raise Damaged("has no frame that can be decoded")
    seen = [value for value in masked if np.isfinite(value)]
    return Likeness(float(np.mean(whole)), float(np.mean(seen)) if seen else None)


def mask(figure: NDArray[np.uint8], height: int, width: int) -> NDArray[np.bool_]:
    """(3h/2, w) planar 4:2:0 stick figure on black -> (height, width) its dilation."""
    luma = cv2.resize(figure[: len(figure) * 2 // 3], (width, height), interpolation=cv2.INTER_NEAREST)
    side = 2 * (height // REACH // 2) + 1
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate((luma >= INK).astype(np.uint8), brush) > 0)
