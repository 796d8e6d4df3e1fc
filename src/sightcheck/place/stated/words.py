"""Which place does the file state in words, and is it the claimed one? No part of it is passed over."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sightcheck.errors import UsageError
from sightcheck.place.stated.places import inside, km, named, short
from sightcheck.place.world import gazetteer
from sightcheck.place.world.gazetteer import Claim
from sightcheck.verdict import Place, Statement

ENCODINGS = ("cp1251", "cp1250", "cp1253", "cp1254", "cp1256", "koi8-r", "shift-jis", "gb18030", "big5", "euc-kr")
"""What IPTC without a stated character set is written in where it is neither UTF-8 nor Latin-1."""


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


class Read(NamedTuple):
    """Words of a place: what they may mean, the likeliest first, the parts nobody knows, and the encoding guessed."""

    meant: tuple[Claim, ...]
    unread: tuple[str, ...] = ()
    encoding: str = ""


def in_words(said: Mapping[str, str], claim: Claim | None) -> tuple[list[Statement], tuple[Place, ...]]:
    """Places in words, compared with the claim, and those that the gazetteer knows."""
    statements, places = [], []
    for words in WORDS:
        parts = [said.get(tag, "").strip() for tag in words[1:]]
        if not any(parts):
            continue
        shown, found = _decoded(parts)
        fitting = [] if found.unread else [one for one in found.meant if claim is not None and _same(one, claim)]
        best = next(iter([*fitting, *found.meant]), None)
        if best is not None and not found.unread:
            places.append(Place(best.label, words.source, best.lat, best.lon, best.radius_km))
        value = ", ".join(short(part) for part in shown if part)
        statements.append(_worded(words.source, value, found, best, claim, bool(fitting)))
    return statements, tuple(places)


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
    """City, region and country as they are written or, where nobody knows them so, in the encoding they may be in."""
    found = _read(*parts)
    if found.meant and not found.unread:
        return list(parts), found
    for encoding in ENCODINGS:
        try:
            other = [part.encode("latin-1").decode(encoding) for part in parts]
        except UnicodeError:
            continue
        if other != list(parts) and (read := _read(*other)).meant and not read.unread:
            return other, read._replace(encoding=encoding)
    return list(parts), found


def _read(city: str, region: str, country: str) -> Read:
    """What the gazetteer takes the words for, all of them together; where it cannot, which of them it does not know."""
    parts = [part for part in (city, region, country) if part]
    if found := _candidates(parts):
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
