"""Which point does a text state? Decimal degrees, degrees with minutes and seconds, geo: URIs and links of maps."""

import math
import re
import unicodedata
from urllib.parse import unquote

LONGEST_LINK = 4000
NUMBER = r"[-+]?\d{1,3}(?:\.\d{0,14})?"
PAIR = re.compile(rf"\s*({NUMBER})\s*[,;\s]\s*({NUMBER})\s*", re.ASCII)
COMMAS = re.compile(r"\s*([-+]?\d{1,3},\d{1,14})\s*[;\s]\s*([-+]?\d{1,3},\d{1,14})\s*", re.ASCII)
"""Decimal commas: `41,8902 12,4922`."""
WITHIN = re.compile(r",?\s*within\s+[\d.]+\s*km\s*$")
"""How reports end a position."""
GEO = re.compile(rf"geo:({NUMBER}),({NUMBER})(?:,{NUMBER})?(?:[;?].*)?", re.ASCII | re.IGNORECASE)
LINK = re.compile(r"(?:https?|geo|maps?):", re.IGNORECASE)
LINKS = (
    re.compile(rf"!3d({NUMBER})!4d({NUMBER})", re.ASCII),  # the pin, before the middle of the map that @ states
    re.compile(rf"[?&#]mlat=({NUMBER})&mlon=({NUMBER})", re.ASCII),
    re.compile(
        rf"[?&](?:q|query|ll|sll|center|destination|daddr|coordinate|cp|loc)=(?:loc:)?({NUMBER})\s*[,~+ ]\s*({NUMBER})",
        re.ASCII,
    ),
    re.compile(rf"[?&#]lat(?:itude)?=({NUMBER})&(?:lon|lng|longitude)=({NUMBER})", re.ASCII),
    re.compile(rf"@({NUMBER}),({NUMBER})", re.ASCII),
    re.compile(rf"#(?:map=)?\d+(?:\.\d+)?/({NUMBER})/({NUMBER})", re.ASCII),
    re.compile(rf"/(?:place|search|dir)/({NUMBER}),\+?({NUMBER})", re.ASCII),
)
LONGITUDE_FIRST = re.compile(r"//(?:[\w.-]*\.)?yandex\.", re.IGNORECASE)
SIGNS = str.maketrans({"º": "°", "˚": "°", "′": "'", "’": "'", "‘": "'", "″": '"', "“": '"', "”": '"', "−": "-"})
PARTS = re.compile(r"(\d+(?:\.\d*)?)|([NSEW])|([°'\",;\s]+)|(.)", re.ASCII)


def is_link(text: str) -> bool:
    """Whether a text is an address, which is read for coordinates and never fetched."""
    return LINK.match(text.strip()) is not None


def point_in(text: str) -> tuple[float, float] | None:
    """The latitude and longitude that a text states, in signed degrees as they stand; None where it states none."""
    if is_link(text):
        return _in_link(text.strip())
    plain = WITHIN.sub("", unicodedata.normalize("NFKC", text.translate(SIGNS)).translate(SIGNS))
    if found := PAIR.fullmatch(plain):
        return float(found[1]), float(found[2])
    if found := COMMAS.fullmatch(plain):
        return float(found[1].replace(",", ".")), float(found[2].replace(",", "."))
    return _lettered(plain.upper().replace("''", '"')) or _signed(plain.replace("''", '"'))


def _in_link(text: str) -> tuple[float, float] | None:
    """The coordinates in a geo: URI or in a link of a map: of the pin where it has one, else of the map's middle."""
    address = unquote(text[:LONGEST_LINK])
    found = GEO.fullmatch(address) or next((hit for one in LINKS if (hit := one.search(address))), None)
    if found is None:
        return None
    first, second = float(found[1]), float(found[2])
    return (second, first) if LONGITUDE_FIRST.search(address) else (first, second)


def _lettered(text: str) -> tuple[float, float] | None:
    """`41°53'24"N 12°29'32"E`, `N 41 53.4, E 12 29.5`, `41.89° N, 12.49° E` -> signed degrees."""
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
