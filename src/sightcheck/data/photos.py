"""Which photos are there, and which of them are one picture? A table of photos with their countries and cities."""

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.data import manifest
from sightcheck.data.audit import near_copies
from sightcheck.data.manifest import Item
from sightcheck.data.split import joined
from sightcheck.errors import InputError, UsageError
from sightcheck.media.photo import look_photo
from sightcheck.place.references.gallery import fingerprint
from sightcheck.place.world.gazetteer import country_code, parse
from sightcheck.weights import Source

T = TypeVar("T")


def read(table: Path) -> tuple[Item, ...]:
    """Table of photos (.csv or .parquet) -> items of kind "photo" with ISO 3166 alpha-2 countries and absolute paths.

    Columns: path, country (a name or a code; `country_iso2` is another name), and where known city, region, lat, lon,
    source, group, licence, sha256. Without a group a photo is its own. Raises UsageError with the row, counted from 1.
    """
    rows = manifest.rows(table, {"path"})
    return tuple(_item(row, number, table) for number, row in enumerate(rows, start=1))


def _item(row: dict[str, object], number: int, table: Path) -> Item:
    try:
        values = {name: cast(name, row.get(name)) for name, cast in manifest.COLUMNS.items()}
        values["country"] = country_code(values["country"] or str(row.get("country_iso2") or ""))
        values["group"] = values["group"] or values["sha256"] or values["path"]
        return Item(**{**values, "kind": "photo", "path": manifest.resolved(values["path"], table)})
    except UsageError as error:
        raise UsageError(f"{table}, row {number}: {error}") from None


def opened(
    items: Sequence[Item],
    keep: Callable[[NDArray[np.uint8]], T],
    told: Callable[[int, int], None] | None = None,
    each: sandbox.Each = map,
) -> tuple[tuple[Item, ...], tuple[T, ...], tuple[str, ...]]:
    """Items -> those that can be read, near copies in one group; what `keep` makes of each one's pixels; the others.

    Of each other: its file and why. `told` hears of photos done and photos in all. Raises UsageError when none can be.
    """
    found, kept, prints, left_out = [], [], [], []

    def read(item: Item) -> tuple[T, int] | InputError:
        try:
            pixels = sandbox.run(look_photo, item.path.encode()).pixels
        except InputError as error:
            return error
        return keep(pixels), fingerprint(pixels)

    for number, (item, made) in enumerate(zip(items, each(read, items), strict=True), start=1):
        if isinstance(made, InputError):
            left_out.append(f"{Path(item.path).name}: {made}")
            continue
        found.append(item)
        kept.append(made[0])
        prints.append(made[1])
        if told is not None:
            told(number, len(items))
    if not found:
        raise UsageError("none of the photos can be read; check the paths in the table")
    return grouped(found, np.array(prints, np.uint64)), tuple(kept), tuple(left_out)


def grouped(items: Sequence[Item], fingerprints: NDArray[np.uint64]) -> tuple[Item, ...]:
    """Items (n), their fingerprints (n,) -> the items with near copies in one group, to be held out together."""
    return joined(items, near_copies([fingerprints[at : at + 1] for at in range(len(items))]))


def sources(items: Sequence[Item]) -> tuple[Source, ...]:
    """How many photos came from where, and under which licence."""
    counts = Counter((item.source, item.licence or "not stated") for item in items)
    return tuple(Source(name, licence=licence, photos=count) for (name, licence), count in sorted(counts.items()))


def numbers(items: Sequence[Item]) -> NDArray[np.int64]:
    """Photos -> the GeoNames number of the city of each, 0 for those of no city or of one that is not known so."""
    known: dict[str, int] = {"": 0}
    for place in {one.place for one in items if one.city}:
        try:
            known[place] = parse(place).geoname_id
        except UsageError:
            known[place] = 0
    return np.array([known[one.place if one.city else ""] for one in items], np.int64)


def folds(items: Sequence[Item], labels: Sequence[str], k: int = 5, seed: int = 0) -> NDArray[np.intp]:
    """Items (n), labels (n) -> (n,) fold in [0, k): groups stay whole, labels are spread evenly."""
    from sklearn.model_selection import StratifiedGroupKFold

    fold = np.zeros(len(items), dtype=np.intp)
    splits = StratifiedGroupKFold(k, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a label with fewer photos than folds is in fewer folds
        for number, (_, held_out) in enumerate(splits.split(fold, list(labels), [item.group for item in items])):
            fold[held_out] = number
    return fold
