"""Which place is meant, and what lies there? Cities, countries, the 61 classes, distances; text -> Claim.

Everything is packaged and offline: GeoNames' places of 1,000 inhabitants and more, Natural Earth's borders.
"""

import csv
import difflib
import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sightcheck.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

DATA = Path(__file__).parent / "data"
EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""
NEAR_KM = 100.0
"""A point outside every border belongs to the nearest city's country up to this far: beaches, piers, islets."""
CLEARLY = 5
"""A name means its most populous place alone when that has this many times the inhabitants of the next one."""
BY_ANOTHER_NAME = 0.1
"""What an inhabitant counts where the name is not the place's own: Rome outweighs Lomé, which some also call Rome."""
CITY_STATES = ("SG", "MC", "HK", "MO", "GI")
RADIUS_KM = (5.0, 25.0)
LONGEST = 200
COORDINATES = re.compile(r"\s*([-+]?\d{1,3}(?:\.\d+)?)\s*[,;\s]\s*([-+]?\d{1,3}(?:\.\d+)?)\s*")
ALSO = {
    "uk": "GB", "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "usa": "US", "united states of america": "US", "america": "US", "holland": "NL", "the netherlands": "NL",
    "czechia": "CZ", "czech republic": "CZ", "south korea": "KR", "korea": "KR", "north korea": "KP",
    "ivory coast": "CI", "burma": "MM", "turkiye": "TR", "uae": "AE", "vatican city": "VA", "macedonia": "MK",
    "cape verde": "CV", "swaziland": "SZ", "east timor": "TL", "palestine": "PS", "drc": "CD", "congo kinshasa": "CD",
    "congo brazzaville": "CG", "russian federation": "RU", "hongkong": "HK", "macau": "MO",
}  # fmt: skip
"""Folded names that are not GeoNames' own -> code."""
FOLDED_IN = {"FR": ("GF", "GP", "MQ", "RE", "YT"), "NO": ("SJ", "BV"), "NL": ("BQ",), "NZ": ("TK",), "AU": ("CX", "CC")}
"""Territories with a code of their own that Natural Earth draws as a part of their state."""


@dataclass(frozen=True)
class Claim:
    """A stated place. `city` and `region` are "" where only a country or a point is stated; `country` is ISO 3166.

    `lat`, `lon`: WGS84 degrees; `radius_km`: how far from there still counts as the place; `geoname_id` 0: no city.
    """

    text: str
    city: str
    region: str
    country: str
    country_name: str
    lat: float
    lon: float
    radius_km: float
    geoname_id: int

    @property
    def label(self) -> str:
        """`Rome, Latium, Italy`; as it can be typed."""
        parts = [part for part in (self.city, self.region, self.country_name) if part]
        return ", ".join(dict.fromkeys(parts)) or self.text


@dataclass(frozen=True)
class Outline:
    """The borders of a country: rings (n, 2) of longitude and latitude in degrees; holes are rings too."""

    code: str
    rings: tuple[NDArray[np.float32], ...]


def parse(text: str) -> Claim:
    """ "Berlin", "Rome, GA", "Italy", "41.9,12.5" -> Claim.

    A country's own name or code means the country, save for the CITY_STATES. A city's name means its most populous
    place where that has CLEARLY times the inhabitants of the next, those of places that only some call so counting
    BY_ANOTHER_NAME; otherwise, and for what is unknown, UsageError offers what can be typed instead.
    """
    found = candidates(text)
    if not found:
        close = _close(text)
        offered = (
            f"; did you mean {' or '.join(close)}?" if close else "; give a city and its country, or latitude,longitude"
        )
        raise UsageError(f"no place is called {_shown(text)}{offered}")
    if len(found) > 1 and not _clear(found, fold(text.split(",")[0])):
        typed = "; ".join(f'"{one.label}"' for one in found[:5])
        raise UsageError(f"{_shown(text)} may mean several places; say which: {typed}")
    return replace(found[0], text=text)


def candidates(text: str) -> tuple[Claim, ...]:
    """Text -> every place it may mean, the most populous first; empty for none. Raises UsageError."""
    if len(text) > LONGEST:
        raise UsageError(f"the place has {len(text):,} characters; give a city and its country in at most {LONGEST}")
    if point := COORDINATES.fullmatch(unicodedata.normalize("NFKC", text)):
        return (_point(text, float(point[1]), float(point[2])),)
    first, *rest = [part for part in map(fold, text.split(",")) if part] or [""]
    if not first:
        return ()
    whole = _country(fold(text)) if not rest else ""
    country = (_of_country(whole, text),) if whole else ()
    rows = [row for row in _rows(first) if all(_within(row, part) for part in rest)]
    rows.sort(key=lambda row: -_weight(row, first))
    cities = tuple(_of_row(row, text) for row in rows)
    return cities[:1] if whole in CITY_STATES and cities and cities[0].country == whole else country or cities


def fold(text: str) -> str:
    """A name as it is looked up: compatibility forms, no accents, lower case, no punctuation, single spaces."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    letters = "".join(one for one in plain if not unicodedata.combining(one))
    return " ".join(re.sub(r"[^\w]+", " ", letters.replace("'", "").replace("’", "")).split())


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Two points in WGS84 degrees -> kilometres along the great circle (haversine, mean radius)."""
    return float(_distances(lat1, lon1, np.array([lat2]), np.array([lon2]))[0])


def nearest_city(lat: float, lon: float) -> tuple[Claim, float]:
    """A point in WGS84 degrees -> the nearest listed place and how far it is, in km."""
    table = _cities()
    away = _distances(lat, lon, table["lat"].to_numpy(), table["lon"].to_numpy())
    row = int(away.argmin())
    return _of_row(row, f"{lat:.4f},{lon:.4f}"), float(away[row])


def country_at(lat: float, lon: float) -> str:
    """A point in WGS84 degrees -> ISO 3166 code: by borders first, by a city within NEAR_KM second; else "".

    The borders are Natural Earth's at 1:10m, true to a kilometre or two; exclaves smaller than that are not in them.
    """
    lon = (lon + 180) % 360 - 180
    inside = min((one for one in _borders() if _contains(one, lat, lon)), key=_extent, default=_NOWHERE).code
    if inside and inside not in FOLDED_IN:
        return inside
    city, away = nearest_city(lat, lon)
    if inside:
        return city.country if city.country in FOLDED_IN[inside] and away <= NEAR_KM else inside
    return city.country if away <= NEAR_KM else ""


def country_name(code: str) -> str:
    """ISO 3166 alpha-2 code -> name in English; a code that is none stands for itself."""
    return _countries()[0].get(code, code)


def country_code(text: str) -> str:
    """A country's name, alpha-2 or alpha-3 code -> alpha-2 code. Raises UsageError."""
    code = _country(fold(text))
    if not code:
        raise UsageError(f"no country is called {_shown(text)}; give its English name or its ISO 3166 code")
    return code


def country_point(code: str) -> tuple[float, float]:
    """ISO 3166 code -> latitude and longitude of its most populous place, or of its largest ring's middle."""
    rows = np.flatnonzero(_codes() == code)
    if len(rows):
        city = _of_row(int(rows[0]), "")
        return city.lat, city.lon
    rings = [ring for one in _borders() if one.code == code for ring in one.rings]
    lon, lat = max(rings, key=len).mean(0) if rings else (0.0, 0.0)
    return round(float(lat), 5), round(float(lon), 5)


@lru_cache
def classes() -> tuple[tuple[str, ...], ...]:
    """The 61 classes of section 7.2.2 as ISO 3166 codes; data/classes.csv gives the reason of each."""
    with (DATA / "classes.csv").open(newline="", encoding="utf-8") as file:
        rows = csv.DictReader(line for line in file if not line.startswith("#"))
        return tuple(tuple(row["codes"].split()) for row in rows)


def class_of(code: str) -> int:
    """ISO 3166 code -> its class, 0 to 60. Raises UsageError for a code that is none."""
    for number, codes in enumerate(classes()):
        if code in codes:
            return number
    raise UsageError(f"{_shown(code)} is no ISO 3166 code of a country")


_NOWHERE = Outline("", ())


@lru_cache
def outlines() -> tuple[Outline, ...]:
    """Every country's borders at 1:110m, for drawing."""
    return _load("countries-110m.npz")


@lru_cache
def _borders() -> tuple[Outline, ...]:
    return _load("countries-10m.npz")


def _load(name: str) -> tuple[Outline, ...]:
    """Packed rings -> an Outline a country."""
    with np.load(DATA / name, allow_pickle=False) as file:
        codes, lengths = file["codes"], file["lengths"]
        steps, scale, origin = np.stack([file["x"], file["y"]], 1), file["scale"], file["origin"]
    ends = np.cumsum(lengths)
    rings: dict[str, list[NDArray[np.float32]]] = {}
    for code, end, length in zip(codes.tolist(), ends, lengths, strict=True):
        grid = np.cumsum(steps[end - length : end], axis=0)
        rings.setdefault(code, []).append((grid * scale + origin).astype(np.float32))
    return tuple(Outline(code, tuple(own)) for code, own in sorted(rings.items()))


def _extent(outline: Outline) -> float:
    """Square degrees of the largest ring's box: of two countries that overlap on the grid the smaller one is meant."""
    return max(float(np.prod(np.ptp(ring, axis=0))) for ring in outline.rings)


def _contains(outline: Outline, lat: float, lon: float) -> bool:
    """Even-odd rule over all rings of a country, so that holes are outside."""
    inside = False
    for ring in outline.rings:
        x, y = ring[:, 0], ring[:, 1]
        if not (y.min() <= lat <= y.max() and x.min() <= lon <= x.max()):
            continue
        above = y > lat
        turns = np.flatnonzero(above[1:] != above[:-1])
        x0, y0, x1, y1 = x[turns], y[turns], x[turns + 1], y[turns + 1]
        inside ^= bool((x0 + (lat - y0) / (y1 - y0) * (x1 - x0) > lon).sum() % 2)
    return inside


def _distances(lat: float, lon: float, lats: NDArray[np.floating], lons: NDArray[np.floating]) -> NDArray[np.float64]:
    p, q = math.radians(lat), np.radians(lats.astype(np.float64))
    half = np.sin((q - p) / 2) ** 2 + math.cos(p) * np.cos(q) * np.sin(np.radians(lons - lon) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1))))


@lru_cache
def _cities() -> "pa.Table":
    import pyarrow.parquet as pq

    return pq.read_table(DATA / "cities.parquet").combine_chunks()


@lru_cache
def _codes() -> NDArray[np.str_]:
    return np.asarray(_cities()["country"].to_numpy(zero_copy_only=False), dtype=np.str_)


@lru_cache
def _countries() -> tuple[dict[str, str], dict[str, str]]:
    """Code -> name, and every folded name and code -> code."""
    with (DATA / "countries.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = {row["code"]: row["name"] for row in rows}
    known = {fold(word): row["code"] for row in rows for word in (row["code"], row["code3"], row["name"])}
    return names, {**known, **ALSO}


def _country(folded: str) -> str:
    return _countries()[1].get(folded.removeprefix("the "), "") or _countries()[1].get(folded, "")


def _rows(folded: str) -> list[int]:
    """Rows of the places that have this name, the most populous first."""
    import pyarrow.compute as pc

    found = pc.match_substring(_cities()["names"], f"|{folded}|")
    rows = np.flatnonzero(found.to_numpy(zero_copy_only=False)).tolist()
    return rows or ([] if not folded.endswith(" city") else _rows(folded.removesuffix(" city")))


def _within(row: int, folded: str) -> bool:
    """Whether a place lies in the region or country that the text names after it."""
    table = _cities()
    country, region, code = (table[name][row].as_py() for name in ("country", "region", "region_code"))
    if _country(folded) == country or folded == fold(region):
        return True
    return len(folded) <= 3 and folded == code.casefold() and not code.isdigit()


def _of_row(row: int, text: str) -> Claim:
    one = {
        name: _cities()[name][row].as_py() for name in ("id", "name", "region", "country", "lat", "lon", "population")
    }
    return Claim(
        text, one["name"], one["region"], one["country"], country_name(one["country"]),
        round(one["lat"], 5), round(one["lon"], 5), _radius_km(one["population"]), one["id"],
    )  # fmt: skip


def _of_country(code: str, text: str) -> Claim:
    lat, lon = country_point(code)
    return Claim(text, "", "", code, country_name(code), lat, lon, _reach_km(code, lat, lon), 0)


def _reach_km(code: str, lat: float, lon: float) -> float:
    """How far a country's main land reaches from a point in it, in km: the farthest point of its largest ring."""
    rings = [ring for one in outlines() if one.code == code for ring in one.rings]
    if not rings:
        return RADIUS_KM[1]
    ring = max(rings, key=lambda one: float(np.prod(np.ptp(one, axis=0))))
    return round(float(_distances(lat, lon, ring[:, 1], ring[:, 0]).max()), 1)


def _point(text: str, lat: float, lon: float) -> Claim:
    """Coordinates -> a claim on the city they lie in, or on the country alone."""
    if abs(lat) > 90 or abs(lon) > 180:
        raise UsageError(f"{_shown(text)} is no place: latitude lies in -90 to 90 and longitude in -180 to 180")
    code = country_at(lat, lon)
    if not code:
        raise UsageError(f"{_shown(text)} lies at sea, in no country; give a place on land")
    city = _around(lat, lon, code)
    if city is not None:
        return replace(city, text=text, lat=lat, lon=lon)
    return Claim(text, "", "", code, country_name(code), lat, lon, 0.0, 0)


def _around(lat: float, lon: float, code: str) -> Claim | None:
    """The most populous place of a country whose circle a point lies in; None outside all."""
    table = _cities()
    away = _distances(lat, lon, table["lat"].to_numpy(), table["lon"].to_numpy())
    for row in np.flatnonzero(away <= RADIUS_KM[1]).tolist():
        city = _of_row(row, "")
        if city.country == code and away[row] <= city.radius_km:
            return city
    return None


def _radius_km(population: int) -> float:
    """Inhabitants -> 5 km for a town, 25 km for ten million and more: area grows about as population does.

    The thesis takes circles of 5 to 10 km across to have photos of the centre (8.3.1); a claim means all of the city.
    """
    return round(float(np.clip(RADIUS_KM[1] * math.sqrt(population / 10_000_000), *RADIUS_KM)), 1)


def _weight(row: int, folded: str) -> float:
    """Inhabitants of a place, fewer where the name is not its own."""
    table = _cities()
    own = fold(table["name"][row].as_py()).removesuffix(" city") == folded.removesuffix(" city")
    return float(table["population"][row].as_py()) * (1.0 if own else BY_ANOTHER_NAME)


def _clear(found: Sequence[Claim], folded: str) -> bool:
    """Whether the first of several places is meant: it dwarfs the next one."""
    ids = _cities()["id"].to_numpy()
    first, second = (_weight(int(np.flatnonzero(ids == one.geoname_id)[0]), folded) for one in found[:2])
    return first >= CLEARLY * second


def _close(text: str) -> list[str]:
    """Known names most like the text: of countries, and of the thousand largest cities."""
    table = _cities()
    names = [*_countries()[0].values(), *table["name"].slice(0, 3000).to_pylist()]
    known = {fold(name): name for name in reversed(names)}
    return [f'"{known[one]}"' for one in difflib.get_close_matches(fold(text.split(",")[0])[:60], known, 3, 0.75)]


def _shown(text: str) -> str:
    return ascii(text[:60]) if not text.isprintable() else f'"{text[:60]}"'
