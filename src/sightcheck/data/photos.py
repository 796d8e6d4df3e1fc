"""Which photos are there, and which of them are one picture? A table of photos with their countries and cities."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck.data import manifest
from sightcheck.data.audit import near_copies
from sightcheck.data.manifest import Item
from sightcheck.data.split import joined
from sightcheck.errors import UsageError
from sightcheck.place.gazetteer import country_code


def read(table: Path) -> tuple[Item, ...]:
    """Table of photos (.csv or .parquet) -> items of kind "photo" with ISO 3166 alpha-2 countries and absolute paths.

    Columns: path, country (a name or a code; `country_iso2` is another name), and where known city, lat, lon, source,
    group, licence, sha256. Without a group a photo is its own. Raises UsageError with the row, counted from 1.
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


def grouped(items: Sequence[Item], fingerprints: NDArray[np.uint64]) -> tuple[Item, ...]:
    """Items (n), their fingerprints (n,) -> the items with near copies in one group, to be held out together."""
    return joined(items, near_copies([fingerprints[at : at + 1] for at in range(len(items))]))


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
