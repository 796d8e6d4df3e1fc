"""Which place does the file state in words, and is it the claimed one? No part of it is passed over."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from sightcheck.errors import UsageError
from sightcheck.place.stated.places import inside, km, named, short
from sightcheck.place.world import gazetteer
from sightcheck.place.world.gazetteer import Claim
from sightcheck.verdict import Place, Statement

ENCODINGS = ("cp1251", "cp1250", "cp1253", "cp1254", "cp1256", "koi8-r", "shift-jis", "gb18030", "big5", "euc-kr")
"""What IPTC without a stated character set is written in where it is neither UTF-8 nor Latin-1."""


class Words(NamedTuple):
    """Where a format writes the place in words: its name, the tags of city, region, country and the country's code, and
    that of a spot in the city."""

    source: str
    city: str
    region: str
    country: str
    code: str
    spot: str


_CREATED, _SHOWN = ("XMP Iptc4xmpExt:Location" + kind + "/Iptc4xmpExt:" for kind in ("Created", "Shown"))
_PARTS = ("City", "ProvinceState", "CountryName", "CountryCode", "Sublocation")
WORDS = (
    Words("IPTC", "IPTC City", "IPTC Province", "IPTC Country", "IPTC CountryCode", "IPTC Sublocation"),
    Words(
        "XMP", "XMP photoshop:City", "XMP photoshop:State", "XMP photoshop:Country", "XMP Iptc4xmpCore:CountryCode",
        "XMP Iptc4xmpCore:Location",
    ),
    Words("XMP, where it was taken", *(_CREATED + part for part in _PARTS)),
    Words("XMP, what it shows", *(_SHOWN + part for part in _PARTS)),
)  # fmt: skip


class Read(NamedTuple):
    """Words of a place: what they may mean, the likeliest first, the parts nobody knows, and the encoding guessed."""

    meant: tuple[Claim, ...]
    unread: tuple[str, ...] = ()
    encoding: str = ""


def in_words(tags: Sequence[tuple[str, str]], claim: Claim | None) -> tuple[list[Statement], tuple[Place, ...]]:
    """Places in words, compared with the claim, and those that the gazetteer knows."""
    statements, places = [], []
    for words in WORDS:
        stated = [
            list(dict.fromkeys(value.strip() for name, value in tags if name == tag and value.strip()))
            for tag in words[1:]
        ]
        if max(map(len, stated)) > 1:
            every = "; ".join(short(one) for one in [*stated[4], *(value for part in stated[:4] for value in part)])
            statements.append(Statement(f"Place ({words.source})", short(every), "several places, so none is compared"))
        elif any(stated):
            statement, place = _place(words.source, [next(iter(part), "") for part in stated], claim)
            statements.append(statement)
            places += [place] if place else []
    return statements, tuple(places)


def _place(source: str, stated: Sequence[str], claim: Claim | None) -> tuple[Statement, Place | None]:
    """City, region, country, its code and a spot in the city -> what to say of them, and where that is."""
    city, region, country, code, spot = stated
    named = _country_of(country, code)
    shown, found = _decoded([city, region, country, named])
    fitting = [] if found.unread else [one for one in found.meant if claim is not None and _same(one, claim)]
    best = next(iter([*fitting, *found.meant]), None)
    parts = [spot, *shown[:3], code if named else ""]
    value = ", ".join(short(part) for part in parts if part)
    if not any(stated[:4]):
        return Statement(f"Place ({source})", value, "cannot be compared: it names no city or country"), None
    told = _worded(source, value, found, best, claim, bool(fitting))
    if spot and best is not None and not found.unread:
        told = replace(told, comparison=f"{told.comparison}; “{short(spot)}” is not compared")
    if best is None or found.unread:
        return told, None
    return told, Place(best.label, source, best.lat, best.lon, best.radius_km)


def _country_of(country: str, code: str) -> str:
    """The country that a code means, or the code where it means none; "" where the words name the same country."""
    try:
        meant = gazetteer.country_code(code) if code else ""
    except UsageError:
        return code
    try:
        same = not meant or (country and gazetteer.country_code(country) == meant)
    except UsageError:
        same = False
    return "" if same else gazetteer.country_name(meant)


def _worded(source: str, value: str, found: Read, best: Claim | None, claim: Claim | None, fits: bool) -> Statement:
    """One place in words beside the claim."""
    name = f"Place ({source})"
    guessed = f" (its bytes taken for {found.encoding})" if found.encoding else ""
    if best is None or found.unread:
        unread = ", ".join(f"“{short(one)}”" for one in found.unread)
        why = f"{unread} is not in the gazetteer" if unread else "its parts do not go together in the gazetteer"
        other = best is not None and claim is not None and best.country != claim.country
        if best is not None and other:  # whatever the unread part means, the country is another
            return Statement(
                name, value, f"in {best.country_name}{guessed}, not in {claim_country(claim)}; {why}", False
            )
        return Statement(name, value, f"cannot be compared: {why}{guessed}" if claim else f"{why}{guessed}")
    if claim is None:
        return Statement(name, value, f"read as {best.label}{guessed}")
    if not best.city and not best.region and best.country == claim.country:
        return Statement(name, value, f"the claimed country{guessed}", True)
    far = km(gazetteer.distance_km(best.lat, best.lon, claim.lat, claim.lon))
    return Statement(name, value, f"read as {best.label}{guessed}, {far} from {named(claim)}", fits)


def claim_country(claim: Claim | None) -> str:
    """The claimed country's name."""
    return claim.country_name if claim else ""


def _decoded(parts: Sequence[str]) -> tuple[list[str], Read]:
    """City, region, country and the code's country: as written or, where nobody knows them so, in another encoding."""
    found = _read(*parts)
    if found.meant and not found.unread:
        return list(parts), found
    for encoding in ENCODINGS:
        try:
            other = [*(part.encode("latin-1").decode(encoding) for part in parts[:3]), *parts[3:]]
        except UnicodeError:
            continue
        if other != list(parts) and (read := _read(*other)).meant and not read.unread:
            return other, read._replace(encoding=encoding)
    return list(parts), found


def _read(city: str, region: str, country: str, code: str) -> Read:
    """What the gazetteer takes the words for, all of them together; where it cannot, which of them it does not know."""
    parts = [part for part in (city, region, country, code) if part]
    if found := _candidates(parts) or _twice(city, region, [country, code]):
        return Read(found)
    unread = [part for part in parts if not _known(part)]
    rest = [part for part in parts if part not in unread]
    if not unread:
        return Read(())
    kept = next((found for some in (rest, rest[-1:]) if some and (found := _candidates(some))), ())
    return Read(kept, tuple(unread))


def _candidates(parts: Sequence[str]) -> tuple[Claim, ...]:
    """What the parts mean together; "Berlin, Berlin, Germany" is Berlin in Germany. Empty when nothing is known."""
    plain = list(dict.fromkeys(gazetteer.fold(part) for part in parts))
    for some in ([short(part) for part in parts], plain):
        try:
            if found := gazetteer.candidates(", ".join(some)):
                return found
        except UsageError:
            continue
    return ()


def _twice(city: str, region: str, rest: Sequence[str]) -> tuple[Claim, ...]:
    """A city whose name, or another of its names, stands in the place of the region: "Rome, Roma, Italy"."""
    lies = [part for part in rest if part]
    if not (city and region):
        return ()
    there = {one.geoname_id for one in _candidates([region, *lies]) if one.city}
    return tuple(one for one in _candidates([city, *lies]) if one.geoname_id in there)


def _known(part: str) -> bool:
    return bool(_candidates([part]))


def _same(place: Claim, claim: Claim) -> bool:
    """Whether a place in words lies within the claimed place."""
    if place.country != claim.country:
        return False
    if not place.city and not place.region:
        return True
    if not place.city or not claim.city:
        both = place.region and claim.region
        return place.region == claim.region if both else bool(inside(place.lat, place.lon, place.country, claim))
    return place.geoname_id == claim.geoname_id or bool(inside(place.lat, place.lon, place.country, claim))
