"""Which point does a text state? Decimal degrees, degrees with minutes and seconds, geo: URIs and links of maps."""

import math
import re
import unicodedata
from urllib.parse import unquote

from sightcheck.errors import UsageError

LONGEST_LINK = 4000
NUMBER = r"[-+]?\d{1,3}(?:\.\d{0,14})?"
PAIR = re.compile(rf"\s*({NUMBER})\s*[,;/\s]\s*({NUMBER})\s*", re.ASCII)
COMMAS = re.compile(r"\s*([-+]?\d{1,3},\d{1,14})(?:\s*;\s*|,?\s+)([-+]?\d{1,3},\d{1,14})\s*", re.ASCII)
"""Decimal commas: `41,8902 12,4922`."""
ISO_6709 = re.compile(r"([-+]\d\d(?:\.\d+)?)([-+]\d{3}(?:\.\d+)?)(?:[-+]\d+(?:\.\d+)?)?(?:CRS\w+)?/?", re.ASCII)
"""As videos write it: `+41.8902+012.4922/`."""
LABELLED = re.compile(
    rf"\s*(lat|lon|lng)[a-z]*\W{{0,3}}?({NUMBER})[°,;\s]*(lat|lon|lng)[a-z]*\W{{0,3}}?({NUMBER})°?\s*", re.A | re.I
)
WITHIN = re.compile(r",?\s*within\s+[\d.]+\s*km\s*$")
"""How reports end a position."""
GEO = re.compile(rf"geo:({NUMBER}),({NUMBER})(?:,{NUMBER})?(?:[;?].*)?", re.ASCII | re.IGNORECASE)
LINK = re.compile(r"[a-z][a-z0-9+.-]+://|(?:geo|maps?):|(?:[a-z0-9-]+\.)+[a-z]{2,}/\S*$", re.ASCII | re.IGNORECASE)
POINT = rf"({NUMBER})\s*[,~+ ]\s*({NUMBER})"
LINKS = (
    re.compile(rf"!3d({NUMBER})!4d({NUMBER})", re.ASCII),  # the pin, before the middle of the map that @ states
    re.compile(rf"[?&#]mlat=({NUMBER})&mlon=({NUMBER})", re.ASCII),
    re.compile(rf"[?&#](?:q|query|ll|sll|destination|daddr|coordinate|loc|pt|viewpoint)=(?:loc:)?{POINT}", re.ASCII),
    re.compile(rf"[?&#](?:center|cp|cbll|map)={POINT}", re.ASCII),
    re.compile(rf"[?&#]lat(?:itude)?=({NUMBER})&(?:lon|lng|longitude)=({NUMBER})", re.ASCII),
)
LONGITUDE_BEFORE = re.compile(rf"[?&#]m?(?:lon|lng|longitude)=({NUMBER})&m?lat(?:itude)?=({NUMBER})", re.ASCII)
PLACE = re.compile(r"/(?:place|search)/([^/?#]+)")
ROUTE = re.compile(r"/dir/([^?#]+)")
MIDDLE = (
    re.compile(rf"@({NUMBER}),({NUMBER})", re.ASCII),
    re.compile(rf"#(?:map=)?\d+(?:\.\d+)?/({NUMBER})/({NUMBER})", re.ASCII),
)
LONGITUDE_FIRST = re.compile(r"//(?:[\w.-]*\.)?yandex\.", re.IGNORECASE)
SIGNS = str.maketrans({"º": "°", "˚": "°", "′": "'", "’": "'", "‘": "'", "″": '"', "“": '"', "”": '"', "−": "-"})
SPELT = (
    (re.compile(r"(?<=\d)\s*d(?:eg(?:rees?)?)?\.?(?=[\s\d,NSEW])", re.I), "°"),
    (re.compile(r"(?<=[°'\s]\d)\s*m(?:in)?\.?(?=[\s\dNSEW])|(?<=\d\d)\s*m(?:in)?\.?(?=[\s\dNSEW])", re.I), "'"),
    (re.compile(r"(?<=\d)s(?:ec)?\.?(?=\s*[NSEW](?:\W|$))|(?<=\d)\s*sec\.?", re.I), '"'),
    (re.compile(r"(?<=\d),(?=\d{3,})"), "."),  # a decimal comma: minutes have two digits
)
"""`41d53m24s N`, `41 deg 53' 24.7" N` -> signs."""
PARTS = re.compile(r"(\d+(?:\.\d*)?)|([NSEW])|([°'\",;:\s]+)|(.)", re.ASCII)
WEST_OR_EAST = re.compile(r"[\d.°'\",;:\s]+[NS][\d.°'\",;:\s]+O\s*", re.ASCII)


def is_link(text: str) -> bool:
    """Whether a text is an address, which is read for coordinates and never fetched."""
    return LINK.match(text.strip()) is not None


def point_in(text: str) -> tuple[float, float] | None:
    """The latitude and longitude that a text states, in signed degrees as they stand; None where it states none.

    Raises UsageError where it leaves open which half of the globe is meant.
    """
    if is_link(text):
        return _in_link(text.strip())
    plain = WITHIN.sub("", unicodedata.normalize("NFKC", text.translate(SIGNS)).translate(SIGNS)).strip(" ()[]")
    for form in (PAIR, ISO_6709):
        if found := form.fullmatch(plain):
            return float(found[1]), float(found[2])
    if found := COMMAS.fullmatch(plain):
        return float(found[1].replace(",", ".")), float(found[2].replace(",", "."))
    return _labelled(plain) or _lettered(plain) or _signed(plain.replace("''", '"'))


def _in_link(text: str) -> tuple[float, float] | None:
    """The coordinates in a geo: URI or in a link of a map.

    Of its pin, of the place it names, of the end of a route, or else of the map's middle; None for a route whose end
    is no point, and for a geo: URI of another globe.
    """
    address = unquote(text[:LONGEST_LINK])
    if re.search(r";crs=(?!wgs84\b)", address, re.IGNORECASE) and GEO.fullmatch(address):
        return None
    if found := next((hit for one in LINKS if (hit := one.search(address))), None) or GEO.fullmatch(address):
        first, second = float(found[1]), float(found[2])
        return (second, first) if LONGITUDE_FIRST.search(address) else (first, second)
    if found := LONGITUDE_BEFORE.search(address):
        return float(found[2]), float(found[1])
    if route := ROUTE.search(address):
        stops = [stop for stop in route[1].split("/") if stop and stop[0] != "@" and not stop.startswith("data=")]
        return point_in(stops[-1].replace("+", " ")) if stops else None
    if (place := PLACE.search(address)) and (point := _named(place[1])):
        return point
    middle = next((hit for one in MIDDLE if (hit := one.search(address))), None)
    return (float(middle[1]), float(middle[2])) if middle else None


def _named(place: str) -> tuple[float, float] | None:
    """The point that a link names as its place: `41°53'24.7"N+12°29'31.9"E`, `41.89,+12.49`."""
    spaced = place.replace("+", " ")
    return None if is_link(spaced) else point_in(spaced)


def _labelled(text: str) -> tuple[float, float] | None:
    """`lat 41.89, lon 12.49`, either first -> signed degrees."""
    found = LABELLED.fullmatch(text)
    if found is None or (found[1].lower() == "lat") == (found[3].lower() == "lat"):
        return None
    first, second = float(found[2]), float(found[4])
    return (first, second) if found[1].lower() == "lat" else (second, first)


def _lettered(text: str) -> tuple[float, float] | None:
    """`41°53'24"N 12°29'32"E`, `N 41 53.4, E 12 29.5`, `41 deg 53' 24" N, 12 deg 29' 32" E` -> signed degrees."""
    for spelt, sign in SPELT:
        text = spelt.sub(sign, text)
    text = text.upper().replace("''", '"')
    if WEST_OR_EAST.fullmatch(text):
        raise UsageError("O is east in German and west in French, Italian, Portuguese and Spanish: write E or W")
    parts = [(one[1], one[2]) for one in PARTS.finditer(text) if one[1] or one[2] or one[4]]
    letters = [at for at, (_, letter) in enumerate(parts) if letter]
    if len(letters) != 2 or any(not number and not letter for number, letter in parts):
        return None
    first, second = letters
    numbers = [number for number, _ in parts]
    if first == 0:  # the letter stands before its numbers
        groups = [numbers[1:second], numbers[second + 1 :]]
    elif second == len(parts) - 1:
        groups = [numbers[:first], numbers[first + 1 : second]]
    else:
        return None
    found = {}
    for at, group in zip(letters, groups, strict=True):
        letter, value = parts[at][1], _sexagesimal(group)
        if value is None:
            return None
        found["lat" if letter in "NS" else "lon"] = -value if letter in "SW" else value
    return (found["lat"], found["lon"]) if len(found) == 2 else None


def _signed(text: str) -> tuple[float, float] | None:
    """`-33°51'24", 151°12'55"` -> signed degrees; two degree signs are needed to tell that they are no numbers."""
    halves = re.fullmatch(r"\s*([-+]?)([^-+°]*°[^-+°]*?)[,;\s]\s*([-+]?)(\d[^-+°]*°[^-+°]*)", text)
    if halves is None:
        return None
    values = []
    for sign, half in ((halves[1], halves[2]), (halves[3], halves[4])):
        value = _sexagesimal(re.findall(r"\d+(?:\.\d*)?", half)) if re.fullmatch(r"[\d.°'\"\s]+", half) else None
        if value is None:
            return None
        values.append(-value if sign == "-" else value)
    return values[0], values[1]


def _sexagesimal(numbers: list[str]) -> float | None:
    """Degrees, minutes and seconds, only the last with a fraction -> degrees."""
    whole, parts = numbers[:-1], [float(one) for one in numbers]
    if not 1 <= len(numbers) <= 3 or any("." in one for one in whole) or any(part >= 60 for part in parts[1:]):
        return None
    return math.fsum(part / 60**at for at, part in enumerate(parts))
