"""Which position does the file state, is it one, and does it lie in the claimed place?"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sightcheck.place.world import gazetteer
from sightcheck.place.world.gazetteer import Claim
from sightcheck.verdict import Statement

SLACK_KM = 10.0
"""Added to a claimed city's radius: a position in its outskirts still fits it."""
APART_KM = 1.0
"""Two statements of one position that are further apart contradict each other."""
SHOWN = 200
SOURCES = {"EXIF": "EXIF GPS", "XMP": "XMP exif:GPS"}
MIXED = "minutes or seconds above 60"
NUMBER = re.compile(r"([-+]?\d{1,6}(?:\.\d+)?(?:e-\d+)?)(?: \((.*)\))?", re.ASCII)


@dataclass(frozen=True)
class Point:
    """A stated position in WGS84 degrees and where the file states it: `EXIF` or `XMP`."""

    source: str
    lat: float
    lon: float


def position(said: Mapping[str, str], claim: Claim | None) -> tuple[Point | None, list[Statement]]:
    """The position where there is one beyond doubt, and what there is to say of each that is stated.

    EXIF's counts before XMP's; one that is none, or may be several, yields to the other.
    """
    found: list[Point] = []
    statements: list[Statement] = []
    for source, prefix in SOURCES.items():
        texts = [said.get(f"{prefix}{axis}", "") for axis in ("Latitude", "Longitude")]
        if any(texts):
            name = f"GPS position ({source})" if statements else "GPS position"
            point, statement = _one(source, name, texts, claim)
            found += [point] if point else []
            statements.append(statement)
    if len(found) > 1:
        apart = gazetteer.distance_km(found[0].lat, found[0].lon, found[1].lat, found[1].lon)
        if apart <= APART_KM:
            return found[0], statements[:1]
        statements.append(Statement("GPS position", "EXIF and XMP", f"{km(apart)} from each other", False))
    return (found[0] if found else None), statements


def _one(source: str, name: str, texts: list[str], claim: Claim | None) -> tuple[Point | None, Statement]:
    """One statement of a position -> the point, where it is one, and what to say."""
    values = [_degrees(text) for text in texts]
    if any(value is None for value in values):
        return None, Statement(name, short(", ".join(texts)), "cannot be read as a position")
    (lat, doubt), (lon, more) = (value for value in values if value is not None)
    value = f"{lat:.5f}, {lon:.5f}"
    if MIXED not in (doubt, more) and (abs(lat) > 90 or abs(lon) > 180):
        return None, Statement(name, value, "no such place on Earth", False)
    if abs(lat) < 1e-4 and abs(lon) < 1e-4:
        return None, Statement(name, value, "in the sea at 0, 0: what devices write that know no position")
    if doubt or more:
        return None, Statement(name, value, _ambiguous(lat, lon, (doubt, more), claim))
    country = gazetteer.country_at(lat, lon)
    city, far = gazetteer.nearest_city(lat, lon)
    comparison = f"{gazetteer.country_name(country) if country else 'at sea'}, {km(far)} from {city.label}"
    if claim is None:
        return Point(source, lat, lon), Statement(name, value, comparison)
    comparison += f"; {km(gazetteer.distance_km(lat, lon, claim.lat, claim.lon))} from {named(claim)}"
    return Point(source, lat, lon), Statement(name, value, comparison, inside(lat, lon, country, claim))


def _degrees(text: str) -> tuple[float, str] | None:
    """`-33.856784`, XMP's `41,53.4N` and `41,53,24N` -> signed degrees and ""; `41.89 (no N or S)`: and the doubt."""
    try:
        if text[-1:].upper() not in tuple("NSEW"):
            found = NUMBER.fullmatch(text)
            return (float(found[1]), found[2] or "") if found else None
        parts = [float(part) for part in text[:-1].split(",")[:3]]
    except (ValueError, OverflowError):
        return None
    value, letter = sum(abs(part) / 60**at for at, part in enumerate(parts)), text[-1].upper()
    if not value < 1e6:
        return None
    if max(parts[1:], default=0.0) > 60:
        return value, MIXED
    if text.strip().startswith("-") and letter in "NE":
        return -value, f"a negative number and {letter}"
    return (-value if letter in "SW" else value), ""


def _ambiguous(lat: float, lon: float, doubts: tuple[str, str], claim: Claim | None) -> str:
    """What a position may mean whose hemisphere is not certain, the reading nearest to the claim named."""
    why = "; ".join(filter(None, doubts))
    told = f"ambiguous, so it is not compared: {why}"
    if claim is None or MIXED in doubts:
        return told
    nearest = min(gazetteer.distance_km(*one, claim.lat, claim.lon) for one in _readings(lat, lon, doubts))
    return f"{told}; the nearest of its readings is {km(nearest)} from {named(claim)}"


def _readings(lat: float, lon: float, doubts: tuple[str, str]) -> Iterator[tuple[float, float]]:
    for one in (lat, -lat) if doubts[0] else (lat,):
        for other in (lon, -lon) if doubts[1] else (lon,):
            yield one, other


def inside(lat: float, lon: float, country: str, claim: Claim) -> bool | None:
    """Whether a point fits a claim: near the city or point, or in the region or country where none is claimed."""
    if claim.pointed:
        return gazetteer.distance_km(lat, lon, claim.lat, claim.lon) <= claim.radius_km + SLACK_KM
    if claim.region and country == claim.country:
        return gazetteer.region_at(lat, lon) == (claim.country, claim.region)
    return country == claim.country if country else None


def named(claim: Claim) -> str:
    """What a distance to a claim is a distance to."""
    return f"the claimed {claim.label}" if claim.pointed else f"the middle of the claimed {claim.label}"


def km(distance: float) -> str:
    """`7,531 km`."""
    return f"{distance:,.0f} km" if distance >= 1 else "less than 1 km"


def short(text: str) -> str:
    """At most 200 characters of a file's text."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
