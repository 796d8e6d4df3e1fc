"""What does the file say of itself, and does that fit the claim? Place, time, camera, software, seal.

Everything here is what the file claims: shown beside the claim, compared with it, never weighed.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from sightcheck.errors import UsageError
from sightcheck.media import Photo
from sightcheck.place.stated import clock
from sightcheck.place.stated.clock import Spot
from sightcheck.place.world import gazetteer
from sightcheck.place.world.gazetteer import Claim
from sightcheck.verdict import Evidence, Place, Statement

SLACK_KM = 10.0
"""Added to a claimed city's radius: a position in its outskirts still fits it."""
LOCAL_KM = 300.0
"""A claimed place that is larger has no one time of day."""
SHOWN = 200

ANYONE = "metadata can be written by anyone: they are what the file claims, not what happened"
STRIPPED = "most sites and messengers remove metadata from photos, so their absence says nothing"
CLOCKS = "a camera's clock may be wrong, or still at the time of another country"

EDITORS = (
    "photoshop", "lightroom", "gimp", "affinity", "capture one", "darktable", "rawtherapee", "snapseed", "pixelmator",
    "paint.net", "picsart", "canva", "vsco", "luminar", "acdsee", "photoscape", "imagemagick", "facetune", "picasa",
    "photofiltre", "polarr", "remini", "meitu", "photopea", "krita", "paintshop",
)  # fmt: skip
GENERATORS = (
    "midjourney", "dall-e", "dall·e", "stable diffusion", "firefly", "comfyui", "automatic1111", "novelai", "invokeai",
    "openai", "imagen", "flux.1", "trainedalgorithmicmedia",
)  # fmt: skip
PROMPTS = ("PNG parameters", "PNG prompt", "PNG workflow", "PNG Dream", "PNG sd-metadata", "PNG invokeai_metadata")
SOFTWARE = ("EXIF Software", "XMP xmp:CreatorTool", "IPTC Program", "PNG Software", "EXIF ProcessingSoftware")
SOURCE_TYPE = "XMP Iptc4xmpExt:DigitalSourceType"


class Words(NamedTuple):
    """Where a format writes the place in words: its name, and the tags of city, region and country."""

    source: str
    city: str
    region: str
    country: str


_CREATED, _SHOWN = ("XMP Iptc4xmpExt:Location" + kind + "/Iptc4xmpExt:" for kind in ("Created", "Shown"))
WORDS = (
    Words("IPTC", "IPTC City", "IPTC Province", "IPTC Country"),
    Words("XMP", "XMP photoshop:City", "XMP photoshop:State", "XMP photoshop:Country"),
    Words("XMP, where it was taken", _CREATED + "City", _CREATED + "ProvinceState", _CREATED + "CountryName"),
    Words("XMP, what it shows", _SHOWN + "City", _SHOWN + "ProvinceState", _SHOWN + "CountryName"),
)


def examine(photo: Photo, claim: Claim | None) -> Evidence:
    """The file's own claims, compared with each other and with the claimed place; no score and no ratio.

    `statements` hold what the file says, `places` what of it can be put on a map.
    """
    said = dict(reversed(photo.tags))  # of two tags of one name the first counts
    point, placed = _position(said, claim)
    worded, places = _in_words(said, claim)
    spots = [Spot("the GPS position", *point)] if point else []
    if claim is not None and claim.radius_km <= LOCAL_KM:
        spots.append(Spot("the claimed place", claim.lat, claim.lon))
    timed = clock.statements(said, spots, datetime.now(UTC))
    statements = [*placed, *worded, *timed, *_device(said), *_software(said), *_seal(said)]
    if point:
        places = (Place("GPS position", "EXIF", *point), *places)
    where = next((one.value for one in [*(placed if point else []), *worded]), "")
    return Evidence(
        method="metadata",
        sentence=_sentence(where, clock.taken(said), [*placed, *worded], statements, claim),
        places=places,
        statements=tuple(statements),
        limits=(ANYONE, *([CLOCKS] if timed else []), *([] if placed or worded or timed else [STRIPPED])),
    )


def _sentence(
    where: str, when: clock.Moment | None, placed: list[Statement], statements: list[Statement], claim: Claim | None
) -> str:
    """Place and time as stated, what fits the claim and what fits nothing."""
    if not where and when is None:
        told = "The file says nothing of place or time."
    else:
        told = "The file says it was taken" + (f" at {where}" if where else "") + (f" on {when}" if when else "") + "."
    fits = _list(one.name for one in placed if one.agrees)
    against = _list(one.name for one in statements if one.agrees is False)
    told += f" With {claim.label} agrees: {fits}." if claim and fits else ""
    return told + (f" What does not fit: {against}." if against else "")


def _list(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _position(said: Mapping[str, str], claim: Claim | None) -> tuple[tuple[float, float] | None, list[Statement]]:
    """The GPS position where there is a real one, and what there is to say of it."""
    texts = [said.get(f"EXIF GPS{axis}", said.get(f"XMP exif:GPS{axis}", "")) for axis in ("Latitude", "Longitude")]
    if not any(texts):
        return None, []
    lat, lon = map(_degrees, texts)
    value = _short(", ".join(texts))
    if lat is None or lon is None:
        return None, [Statement("GPS position", value, "cannot be read as a position")]
    value = f"{lat:.5f}, {lon:.5f}"
    if abs(lat) > 90 or abs(lon) > 180:
        return None, [Statement("GPS position", value, "no such place on Earth", False)]
    if abs(lat) < 1e-4 and abs(lon) < 1e-4:
        return None, [Statement("GPS position", value, "in the sea at 0, 0: what devices write that know no position")]
    country = gazetteer.country_at(lat, lon)
    city, far = gazetteer.nearest_city(lat, lon)
    comparison = f"{gazetteer.country_name(country) if country else 'at sea'}, {_km(far)} from {city.label}"
    if claim is None:
        return (lat, lon), [Statement("GPS position", value, comparison)]
    comparison += f"; {_km(gazetteer.distance_km(lat, lon, claim.lat, claim.lon))} from {_named(claim)}"
    return (lat, lon), [Statement("GPS position", value, comparison, _inside(lat, lon, country, claim))]


def _degrees(text: str) -> float | None:
    """`-33.856784`, or XMP's `41,53.4N` and `41,53,24N` -> signed degrees; None for anything else."""
    try:
        if text[-1:].upper() not in tuple("NSEW"):
            return float(text) if text.isascii() and abs(float(text)) < 1e6 else None
        value = sum(float(part) / 60**at for at, part in enumerate(text[:-1].split(",")[:3]))
    except (ValueError, OverflowError):
        return None
    return (-value if text[-1].upper() in "SW" else value) if abs(value) < 1e6 else None


def _inside(lat: float, lon: float, country: str, claim: Claim) -> bool | None:
    """Whether a point fits a claim: near the city, or in the country where no city is claimed."""
    if not claim.city and not any(map(str.isdigit, claim.text)):  # a country, not a point
        return country == claim.country if country else None
    return gazetteer.distance_km(lat, lon, claim.lat, claim.lon) <= claim.radius_km + SLACK_KM


def _named(claim: Claim) -> str:
    return f"the claimed {claim.label}" if claim.city else f"the middle of the claimed {claim.label}"


def _km(distance: float) -> str:
    return f"{distance:,.0f} km" if distance >= 1 else "less than 1 km"


def _in_words(said: Mapping[str, str], claim: Claim | None) -> tuple[list[Statement], tuple[Place, ...]]:
    """Places in words, compared with the claim, and those that the gazetteer knows."""
    statements, places = [], []
    for words in WORDS:
        parts = [said.get(tag, "").strip() for tag in words[1:]]
        if not any(parts):
            continue
        readings = _readings(*parts)
        value = ", ".join(_short(part) for part in parts if part)
        fitting = [one for one in readings if claim is not None and _same(one, claim)]
        best = next(iter([*fitting, *readings]), None)
        if best is not None:
            places.append(Place(best.label, words.source, best.lat, best.lon, best.radius_km))
        statements.append(_worded(words.source, value, best, claim, bool(fitting)))
    return statements, tuple(places)


def _worded(source: str, value: str, best: Claim | None, claim: Claim | None, fits: bool) -> Statement:
    """One place in words beside the claim."""
    name = f"Place ({source})"
    if best is None:
        return Statement(name, value, "not in the gazetteer")
    if claim is None:
        return Statement(name, value, f"read as {best.label}")
    if not best.city and best.country == claim.country:  # a country says nothing of which of its cities
        return Statement(name, value, "the claimed country", True)
    far = _km(gazetteer.distance_km(best.lat, best.lon, claim.lat, claim.lon))
    return Statement(name, value, f"read as {best.label}, {far} from {_named(claim)}", fits)


def _readings(city: str, region: str, country: str) -> tuple[Claim, ...]:
    """What the gazetteer takes the words for, the fullest wording first; empty when it knows none."""
    wordings = [", ".join(filter(None, parts)) for parts in ((city, country), (city, region), (city,))]
    for text in wordings if city else [country or region]:
        try:
            if found := gazetteer.candidates(_short(text)):
                return found
        except UsageError:
            continue
    return ()


def _same(place: Claim, claim: Claim) -> bool:
    """Whether a place in words lies within the claimed place."""
    if not place.city or not claim.city:
        return place.country == claim.country
    return place.geoname_id == claim.geoname_id or bool(_inside(place.lat, place.lon, place.country, claim))


def _device(said: Mapping[str, str]) -> list[Statement]:
    make, model = (said.get(f"EXIF {tag}", said.get(f"XMP tiff:{tag}", "")).strip() for tag in ("Make", "Model"))
    name = model if model.lower().startswith(make.lower()) else f"{make} {model}"
    return [Statement("Camera", _short(name.strip()))] if make or model else []


def _software(said: Mapping[str, str]) -> list[Statement]:
    """Programs that wrote the file; one that makes pictures up is a contradiction to having been taken."""
    names = dict.fromkeys(said[tag].strip() for tag in (*SOFTWARE, SOURCE_TYPE) if said.get(tag, "").strip())
    found = []
    for name in names:
        if any(word in name.lower() for word in GENERATORS):
            found.append(Statement("Software", _short(name), "makes pictures: the file says it was generated", False))
        elif any(word in name.lower() for word in EDITORS):
            found.append(Statement("Software", _short(name), "an image editor: what it changed is not said"))
        else:
            found.append(Statement("Software", _short(name)))
    for tag in PROMPTS:
        if tag in said:
            found.append(Statement("Prompt", _short(said[tag]), "as generators of pictures write it", False))
    return found


def _seal(said: Mapping[str, str]) -> list[Statement]:
    """The C2PA manifest: who sealed the file, which proves neither place nor time."""
    seal = said.get("C2PA")
    if not seal:
        return []
    broken = "changed after it was sealed, or sealed wrongly" if "invalid" in seal else ""
    return [Statement("C2PA", _short(seal), broken or "names who sealed the file; it proves neither place nor time")]


def _short(text: str) -> str:
    """At most 200 characters of a file's text."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
