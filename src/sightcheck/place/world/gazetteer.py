"""Which place is meant, and what lies there? Text -> Claim; points -> country, region, city; all offline."""

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from sightcheck.errors import UsageError
from sightcheck.place.world import points
from sightcheck.place.world.atlas import Outline, distance_km, distances_km, land_at, outlines
from sightcheck.place.world.lands import (
    class_of,
    classes,
    country_code,
    country_name,
    country_named,
    country_point,
    shown,
)
from sightcheck.place.world.tables import Country, Region, cities, city_names, countries, fold, regions, rows_named

__all__ = [
    "Claim", "Outline", "candidates", "class_of", "classes", "country_at", "country_code", "country_name",
    "country_point", "distance_km", "fold", "nearest_city", "outlines", "parse", "region_at",
]  # fmt: skip

NEAR_KM = 100.0
"""A point outside every border belongs to the nearest city's country up to this far: beaches, piers, islets."""
CLEARLY = 5
"""A name means its most populous place alone when that has this many times the inhabitants of the next one."""
BY_ANOTHER_NAME = 0.1
"""What an inhabitant counts where the name is not the place's own."""
DWARFS = 20
"""A region of this many times the inhabitants is more likely meant than the place: California, not a town."""
EVERYDAY_CODES = ("us", "usa")
POST = ("US", "CA", "AU")
"""Countries whose regions are written in letters of the post."""
INITIALS = {"la": "los angeles", "sf": "san francisco", "dc": "washington", "kl": "kuala lumpur"}
"""Letters that mean a city, beside what else they mean."""
CITY_STATES = ("SG", "MC", "HK", "MO", "GI", "VA")
"""Their name means the city: it is the whole country."""
RADIUS_KM = (5.0, 25.0)
LONGEST = 200
# A comma by other names: full-width, Arabic, ideographic, and the semicolon.
COMMAS = re.compile("[,;،、，]")


@dataclass(frozen=True)
class Claim:
    """A stated place. `city` is "" where a region, a country or a point is stated, `region` where one of these two last
    is; `country` is ISO 3166.

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
    def pointed(self) -> bool:
        """Whether it means a city or a point, and not all of a region or country."""
        return bool(self.city) or any(map(str.isdecimal, self.text))

    @property
    def label(self) -> str:
        """`Rome, Lazio, Italy`, as it can be typed; a region named after its city is left out: `La Paz, Bolivia`."""
        region = "" if self.city and fold(self.region).startswith(fold(self.city)) else self.region
        return ", ".join(dict.fromkeys(part for part in (self.city, region, self.country_name) if part))


def parse(text: str) -> Claim:
    """ "Berlin", "Rome, GA", "London Ontario", "Italy", "IT", "Bavaria", "41.9,12.5", a link of a map -> Claim.

    A country's name means the country, save for the CITY_STATES and where a region elsewhere that is called so has more
    inhabitants (Georgia). So does its code, in small letters only where the likeliest city of that name does not bear
    it as its own, and not where it is also a city's INITIALS (LA) or the letters by the POST of a region with a tenth
    of its inhabitants (CA, MA; but IN, DE); capital letters by the POST alone mean the region (TX).

    Another name means its most populous place where that has CLEARLY times the inhabitants of the next one in another
    region, those of places that are only also called so counting BY_ANOTHER_NAME, and where no region elsewhere that is
    called so DWARFS it; a region's name where no place bears it means the region, and so does a region with its country
    after it. Otherwise, and for what is unknown, UsageError offers what can be typed.
    """
    found = candidates(text)
    if not found:
        raise UsageError(_unknown(text))
    if points.point_in(text):
        return found[0]
    if _country_alone(text):
        if others := found[1:]:
            _ask(text, "may mean several places", (found[0], *others))
        return found[0]
    if not found[0].city:  # a region
        if len({one.country for one in found}) > 1 and found[0].radius_km and not _parts(text)[1:]:
            _ask(text, "may mean several regions", found)
        return found[0]
    head, rows = _meant(text)
    if states := _regions_meant(text, head, rows[0]):
        whole = [_of_region(one, text) for one in states]
        _ask(text, f"is also a region of {whole[0].country_name}", (*whole, *found))
    if not _clear(head, rows):
        _ask(text, "may mean several places", found)
    return found[0]


def _ask(text: str, what: str, found: Sequence[Claim]) -> NoReturn:
    typed = "; ".join([f'"{offer}"' for offer in dict.fromkeys(_offer(text, one) for one in found) if offer][:5])
    raise UsageError(f"{shown(text)} {what}; say which place: {typed}")


def _offer(text: str, one: Claim) -> str:
    """What leads to a place when typed; "" for a region whose name and country mean its city: "Odessa, Ukraine"."""
    if one.city or not one.region:
        return one.country if fold(one.label) == fold(text) and not one.city else one.label
    if not candidates(one.label)[0].city:
        return one.label
    keys = next(region.keys for region in regions() if (region.country, region.name) == (one.country, one.region))
    return next((f"{key.upper()}, {one.country_name}" for key in sorted(keys) if len(key) <= 3), "")


def candidates(text: str) -> tuple[Claim, ...]:
    """Text -> every place it may mean, the likeliest first; empty for none. Raises UsageError."""
    if len(text) > (points.LONGEST_LINK if points.is_link(text) else LONGEST):
        raise UsageError(f"the place has {len(text):,} characters; give a city and its country in at most {LONGEST}")
    if point := points.point_in(text):
        return (_of_point(text, *point),)
    if points.is_link(text):
        raise UsageError(
            "the link holds no coordinates, and nothing is fetched: open it and give the place's name or point"
        )
    country = _country_alone(text)
    if country and (part := _part_of(country, fold(text))):
        return (_of_region(part, text),)
    claims = tuple(_of_row(row, text) for row in _meant(text)[1])
    if country and country.code in CITY_STATES and claims and claims[0].country == country.code:
        return claims[:1]
    if country:
        return (_of_country(country, text), *_rivals(country, text))
    whole = tuple(_of_region(one, text) for one in _regions_named(text))
    return whole if whole and (not claims or _parts(text)[1:]) else claims


def nearest_city(lat: float, lon: float) -> tuple[Claim, float]:
    """A point in WGS84 degrees -> the nearest listed place and how far it is, in km."""
    row, away = _nearest(lat, lon)
    return _of_row(row, f"{lat:.4f},{lon:.4f}"), away


def country_at(lat: float, lon: float) -> str:
    """A point in WGS84 degrees -> ISO 3166 code: by borders first, by a city within NEAR_KM second; else "".

    Borders are Natural Earth's at 1:10m, true to a kilometre or so: exclaves that are not in them (Büsingen, Campione)
    count to the country around them. Raises UsageError where the numbers are no place.
    """
    if not (math.isfinite(lon) and abs(lat) <= 90):
        raise UsageError(f"{lat}, {lon} is no place: latitude lies in -90 to 90 and longitude in -180 to 180")
    lon = (lon + 180) % 360 - 180
    if inside := land_at(lat, lon):
        return inside
    row, away = _nearest(lat, lon)
    return str(cities().country[row]) if away <= NEAR_KM else ""


def _parts(text: str) -> list[str]:
    return [part for part in map(fold, COMMAS.split(text)) if part]


def _country_alone(text: str) -> Country | None:
    """The country that the whole text names. A code in small letters yields to a city's own name: Bo, Nan."""
    key = fold(text)
    country = country_named(key)
    if country is None or text.strip().isupper() or key in EVERYDAY_CODES:
        return country
    if key not in (country.code.casefold(), country.code3.casefold()):
        return country
    return None if any(_own(row, key) for row in _fitting(key, ())[:1]) else country


def _meant(text: str) -> tuple[str, list[int]]:
    """The name in a text, and rows of the cities that it may mean, the likeliest first."""
    return next(((head, rows) for head, rest in _readings(text) if (rows := _fitting(head, rest))), ("", []))


def _readings(text: str) -> list[tuple[str, list[str]]]:
    """A text -> how it may part into a name and what the place lies in: "London Ontario" is "London" in "Ontario"."""
    first, *rest = _parts(text) or [""]
    words = first.split()
    splits = [(" ".join(words[:at]), [" ".join(words[at:]), *rest]) for at in range(len(words) - 1, 0, -1)]
    city = [(first.removesuffix(" city"), rest)] if first.endswith(" city") else []
    return [(first, rest), *city, *splits]


def _fitting(head: str, rest: Sequence[str]) -> list[int]:
    every = (*rows_named(head), *rows_named(INITIALS.get(head, ""))[:1])
    rows = [row for row in every if all(_within(row, part) for part in rest)]
    if len(set(rest)) < len(rest):  # "México, Mexico": the first one means the region that is called as its country is
        rows = [row for row in rows if (region := _region(row)) and rest[0] in region.keys] or rows
    return sorted(rows, key=lambda row: -_weight(row, head))


def _within(row: int, part: str) -> bool:
    """Whether a place lies in the region or country that the text names after it."""
    country, region = str(cities().country[row]), _region(row)
    known = next(one for one in countries() if one.code == country)
    return part in known.keys or part.removeprefix("the ") in known.keys or (region is not None and part in region.keys)


def _region(row: int) -> Region | None:
    at = int(cities().region[row])
    return regions()[at] if at >= 0 else None


def _weight(row: int, head: str) -> float:
    """Inhabitants of a place, fewer where the name is not its own; never 0."""
    return max(float(cities().population[row]), 1.0) * (1.0 if _own(row, head) else BY_ANOTHER_NAME)


def _own(row: int, head: str) -> bool:
    """Whether the name is the place's own, and not another one that it is also called by."""
    return _plain(fold(city_names(row, row + 1)[0])) == _plain(head)


def _plain(key: str) -> str:
    return key.removesuffix(" city").removesuffix(" shi")


def _clear(head: str, rows: Sequence[int]) -> bool:
    """Whether the first place dwarfs those of its name in other regions; of one region, the most populous is meant."""
    enough = _weight(rows[0], head) / CLEARLY
    first, *others = [(cities().country[row], cities().region[row], _weight(row, head)) for row in rows]
    return all(other[:2] == first[:2] or other[2] <= enough for other in others)


def _regions_meant(text: str, head: str, row: int) -> list[Region]:
    """Regions that bear the name and dwarf the place, the most populous first, unless the place lies in them."""
    least = DWARFS * float(cities().population[row])
    return [one for one in _regions_of(text, head) if one.population >= least and one is not _region(row)]


def _regions_of(text: str, head: str) -> list[Region]:
    """The regions of a name or of capital letters by the POST, in the country that the text names after them."""
    rest, letters = _parts(text)[1:], COMMAS.split(text)[0].strip().isupper()
    named = (
        one for one in regions()
        if head in one.keys and (len(head) > 3 or head == fold(one.name) or (letters and one.country in POST))
    )  # fmt: skip
    found = [one for one in named if all(country_named(part) == country_named(fold(one.country)) for part in rest)]
    return sorted(found, key=lambda one: -one.population)


def _regions_named(text: str) -> list[Region]:
    """Regions that the whole text names, alone or with their country after them, the most populous first.

    With a country after it, a name means its place there where that is not dwarfed by the region: "Québec, Canada".
    """
    head, *rest = _parts(text) or [""]
    found = _regions_of(text, head)
    if len(rest) > 1 or not found:
        return []
    rows = _fitting(head, rest)
    return [one for one in found if not rows or float(cities().population[rows[0]]) * DWARFS <= one.population]


def _part_of(country: Country, key: str) -> Region | None:
    """The region that a name in a country's keys means when it is a part of the country: Scotland."""
    if key in (fold(country.name), country.code.casefold(), country.code3.casefold()):
        return None
    inside = (one for one in regions() if one.country == country.code and key == fold(one.name))
    return next(inside, None)


def _rivals(country: Country, text: str) -> list[Claim]:
    """What a country's name or code may as well mean.

    A region elsewhere (Georgia, CA), a city's INITIALS (LA), or a city in it where another language calls both so
    (Mexiko, Алжир).
    """
    key = fold(text)
    people = sum(one.population for one in regions() if one.country == country.code)
    named = (one for one in regions() if key in one.keys and one.country != country.code)
    rivals = [one for one in named if one.population > people * (BY_ANOTHER_NAME if one.country in POST else 1)]
    rows = [*rows_named(INITIALS.get(key, ""))[:1], *(rows_named(key)[:1] if key not in country.own else ())]
    return [*(_of_row(row, text) for row in rows), *(_of_region(one, text) for one in rivals)]


def _unknown(text: str) -> str:
    """What to say of a name that no place has."""
    head = next(iter(_parts(text)), "")
    close = _close(head)
    more = f"did you mean {' or '.join(close)}?" if close else "give a city and its country, or latitude,longitude"
    return f"no place is called {shown(text)}; {more}"


def _close(head: str) -> list[str]:
    """Known names most like a folded name: of countries, and of the three thousand largest cities."""
    names = {fold(name): name for name in (*city_names(0, 3000)[::-1], *(one.name for one in countries()))}
    return [f'"{names[one]}"' for one in difflib.get_close_matches(head[:60], names, 3, 0.75)]


def _nearest(lat: float, lon: float) -> tuple[int, float]:
    away = distances_km(lat, lon, cities().lat, cities().lon)
    row = int(away.argmin())
    return row, float(away[row])


def _of_row(row: int, text: str) -> Claim:
    table, region = cities(), _region(row)
    code, radius = str(table.country[row]), _radius_km(int(table.population[row]))
    return Claim(
        text, city_names(row, row + 1)[0], region.name if region else "", code, country_name(code),
        float(table.lat[row]), float(table.lon[row]), radius, int(table.geoname_id[row]),
    )  # fmt: skip


def _of_country(one: Country, text: str) -> Claim:
    """The radius reaches the farthest end of its largest piece of land; what lies in it is for country_at to say."""
    return Claim(text, "", "", one.code, one.name, one.lat, one.lon, one.radius_km, 0)


def _of_region(one: Region, text: str) -> Claim:
    """The middle of its towns by their inhabitants; the radius reaches the farthest of them."""
    table = cities()
    rows = np.flatnonzero(table.region == regions().index(one))
    people = np.maximum(table.population[rows].astype(float), 1.0)
    lat, lon = (float(np.average(axis[rows], weights=people)) for axis in (table.lat, table.lon))
    radius = float(distances_km(lat, lon, table.lat[rows], table.lon[rows]).max())
    return Claim(
        text, "", one.name, one.country, country_name(one.country), lat, lon, round(max(radius, RADIUS_KM[0]), 1), 0
    )


def region_at(lat: float, lon: float) -> tuple[str, str]:
    """A point in WGS84 degrees -> ISO 3166 code and name of the region that the nearest listed place lies in."""
    row, _ = _nearest(lat, lon)
    region = _region(row)
    return str(cities().country[row]), region.name if region else ""


def _of_point(text: str, lat: float, lon: float) -> Claim:
    """Coordinates -> a claim on the city they lie in, or on the country alone."""
    if abs(lat) > 90 or abs(lon) > 180:
        raise UsageError(f"{shown(text)} is no place: latitude lies in -90 to 90 and longitude in -180 to 180")
    code = country_at(lat, lon)
    if not code:
        raise UsageError(f"{shown(text)} lies at sea, in no country; give a place on land")
    row = _around(lat, lon, code)
    whole = Claim(text, "", "", code, country_name(code), lat, lon, RADIUS_KM[0], 0)
    return whole if row is None else replace(_of_row(row, text), lat=lat, lon=lon)


def _around(lat: float, lon: float, code: str) -> int | None:
    """The city a point lies in: of the nearest place's region, the most populous whose circle holds the point.

    So Kreuzberg is Berlin, and Newark, across a state's border, is not New York.
    """
    table = cities()
    away = np.where(table.country == code, distances_km(lat, lon, table.lat, table.lon), np.inf)
    nearest = int(away.argmin())
    for row in np.flatnonzero((away <= RADIUS_KM[1]) & (table.region == table.region[nearest])).tolist():
        if away[row] <= _radius_km(int(table.population[row])):
            return int(row)
    return None


def _radius_km(population: int) -> float:
    """Inhabitants -> 5 km for a town, 25 km for ten million and more: area grows about as population does.

    The thesis takes circles of 5 to 10 km across to have photos of the centre (8.3.1); a claim means all of the city.
    """
    return round(float(np.clip(RADIUS_KM[1] * math.sqrt(population / 10_000_000), *RADIUS_KM)), 1)
