"""Which cities, regions and countries are known, and under which names? The packaged tables, loaded on first use.

Made by `python -m sightcheck.data.world` from GeoNames (CC BY 4.0). Cities are sorted by population, largest first, so
a smaller row number is a larger city.
"""

import bisect
import csv
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightcheck.errors import BrokenInstallation

DATA = Path(__file__).parent / "data"
# Letters that Unicode does not take apart into a base letter and a mark.
LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i", "ð": "d", "þ": "th", "ə": "e"})
SILENT = "'’‘ʻʼʹ`´.·"
SHORT = {"st": "saint", "ste": "sainte", "mt": "mount", "ft": "fort"}


@dataclass(frozen=True)
class Country:
    """`own`: folded names and codes; `keys`: those and its names in other languages. `lat`, `lon` (degrees) lie on its
    largest piece of land, whose furthest point is `radius_km` away."""

    code: str
    code3: str
    name: str
    own: frozenset[str]
    keys: frozenset[str]
    lat: float
    lon: float
    radius_km: float


@dataclass(frozen=True)
class Region:
    """A first-level division (state, province). `population`: of its cities in the table, together."""

    country: str
    name: str
    keys: frozenset[str]
    population: int


@dataclass(frozen=True)
class Cities:
    """n cities of 1,000 inhabitants and more, and capitals; `lat`, `lon` (n,) in degrees to 0.0001.

    `region` (n,) are rows of `regions()`, -1 where GeoNames gives none.
    """

    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    population: NDArray[np.int32]
    geoname_id: NDArray[np.int32]
    country: NDArray[np.str_]
    region: NDArray[np.int16]


def fold(text: str) -> str:
    """A name -> the key it is filed under: no case, accents or punctuation; "St." is "saint". May be empty."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).translate(LETTERS)
    kept = (c for c in apart if not unicodedata.combining(c) and c not in SILENT)
    plain = unicodedata.normalize("NFC", "".join(c if c.isalnum() else " " for c in kept))
    return " ".join(SHORT.get(word, word) for word in plain.split())


@lru_cache(maxsize=4096)
def rows_named(key: str) -> tuple[int, ...]:
    """Rows of `cities()` that bear the folded name, largest first. Reads only the part of the file it may be in."""
    file = _names_file()
    rows: list[int] = []
    for group in range(file.num_row_groups):
        bounds = file.metadata.row_group(group).column(0).statistics
        if bounds.min <= key <= bounds.max:
            table = file.read_row_group(group, use_threads=False)
            keys = table["key"].to_pylist()
            first, end = bisect.bisect_left(keys, key), bisect.bisect_right(keys, key)
            rows += table["city"].slice(first, end - first).to_pylist()
    return tuple(sorted(rows))


@lru_cache(maxsize=1)
def cities() -> Cities:
    """Every city."""
    table = _city_table()
    codes = table["country"].combine_chunks().dictionary_encode()
    return Cities(
        numbers(table["lat"].combine_chunks()) / 1e4,
        numbers(table["lon"].combine_chunks()) / 1e4,
        numbers(table["population"].combine_chunks()),
        numbers(table["geoname_id"].combine_chunks()),
        np.asarray(codes.dictionary.to_pylist())[numbers(codes.indices)],
        numbers(table["region"].combine_chunks()),
    )


def numbers(array: Any) -> NDArray[Any]:
    """An Arrow array -> its numbers. Arrow's own way would import pandas, where there is one."""
    return np.from_dlpack(array)


def city_names(start: int, stop: int) -> tuple[str, ...]:
    """GeoNames' English or own names of the cities of these rows."""
    return tuple(_city_table()["name"].slice(start, stop - start).to_pylist())


@lru_cache(maxsize=1)
def countries() -> tuple[Country, ...]:
    """The 249 countries and territories of ISO 3166-1 and Kosovo (XK), by code."""
    abroad = {code: frozenset(keys.split("|")) for code, keys in lines("languages.csv")}
    rows = [(r, frozenset(r[6].split("|"))) for r in lines("countries.csv")]
    return tuple(
        Country(r[0], r[1], r[2], own, own | abroad.get(r[0], frozenset()), *map(float, r[3:6])) for r, own in rows
    )


@lru_cache(maxsize=1)
def regions() -> tuple[Region, ...]:
    """The first-level divisions that have a city in the table."""
    return tuple(Region(r[0], r[1], frozenset(r[3].split("|")), int(r[2])) for r in lines("regions.csv"))


def lines(name: str) -> list[list[str]]:
    """The rows of a packaged CSV below its heading; lines that start with # are comments."""
    try:
        text = (DATA / name).read_text(encoding="utf-8")
    except OSError as error:
        raise BrokenInstallation(
            f"{DATA / name} cannot be read ({error.strerror}): install sightcheck again."
        ) from error
    return list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))[1:]


@lru_cache(maxsize=1)
def _city_table():  # type: ignore[no-untyped-def]
    return open_parquet("cities.parquet").read(use_threads=False)


@lru_cache(maxsize=1)
def _names_file():  # type: ignore[no-untyped-def]
    return open_parquet("names.parquet")


def open_parquet(name: str):  # type: ignore[no-untyped-def]
    """A packaged Parquet file, opened."""
    import pyarrow.parquet

    try:
        return pyarrow.parquet.ParquetFile(DATA / name)
    except (OSError, pyarrow.ArrowException) as error:
        raise BrokenInstallation(f"{DATA / name} cannot be read ({error}): install sightcheck again.") from error
