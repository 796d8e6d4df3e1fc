"""Which of the written lines say where it is, and do they fit the claim? Pure functions over strings."""

import re
from collections.abc import Callable, Iterator, Sequence

from sightcheck.place.world.gazetteer import Claim, country_name
from sightcheck.place.world.tables import cities, city_names, fold, rows_named
from sightcheck.place.writing import lands
from sightcheck.verdict import Statement

KINDS = ("Web address", "Phone prefix", "Money", "Language", "Place name")
EACH = 4
"""Statements of one kind at most."""
LARGE = 100_000
"""Inhabitants from which on a name is taken for a city's: of smaller ones too many are words (Centro, Street)."""
SHORTEST = 5
"""Letters of such a name."""
LOOKED_UP = 60
"""Names that are looked up at most, at some milliseconds each."""
QUOTED = 40
"""Letters of a line that are quoted."""
TELLING = 8
"""Letters that a line needs for its language to be told; one of Chinese or Japanese counts as four."""

WEB = re.compile(
    r"(?<![\w.@-])(https?://|www\.|[\w.+-]{1,40}@)?((?:[a-z0-9-]{1,40}\.){1,4}([a-z]{2}))(?![\w-]|\.\w)", re.I
)
PHONE = re.compile(r"(?:\+\s?|(?<![\w.:,+])00)([1-9](?:[\s().\-/]{0,3}\d){8,14})(?!\d)", re.ASCII)
PRICE = r"\d{1,4}(?:[.,]\d{3})*(?:[.,]\d{2}|[.,][-–—]{1,2})?"
SIGN = "|".join(re.escape(one) for one in sorted(lands.MONEY, key=len, reverse=True))
MONEY = re.compile(rf"(?<!\w)({SIGN})\s?{PRICE}(?![\w.,])|(?<![\w.,]){PRICE}\s?({SIGN})(?!\w)")


def statements(lines: Sequence[str], claim: Claim | None, tell: Callable[[str], str]) -> list[Statement]:
    """Lines as read (and the claim) -> what they say of the place, each beside it. `tell`: a line's language, or ""."""
    found: dict[tuple[str, str], Statement] = {}
    for line in lines:
        for one in (*_web(line, claim), *_phone(line, claim), *_money(line, claim), *_language(line, claim, tell)):
            found.setdefault((one.name, one.value), one)
    every = [*found.values(), *_places(lines, claim)]
    return [one for kind in KINDS for one in [item for item in every if item.name == kind][:EACH]]


def _web(line: str, claim: Claim | None) -> Iterator[Statement]:
    """Addresses that begin as such, or stand alone in their line: "Chiuso.il lunedì" is none."""
    for found in WEB.finditer(line):
        code = lands.of_domain(found[3])
        alone = found[0] == line.strip() and len(found[2].split(".")[-2]) >= 3
        if code and (found[1] or alone):
            yield _pointing(KINDS[0], found[0], (code,), "the domain", claim)


def _phone(line: str, claim: Claim | None) -> Iterator[Statement]:
    for found in PHONE.finditer(line):
        prefix, codes = lands.of_phone(re.sub(r"\D", "", found[1]))
        if codes:
            yield _pointing(KINDS[1], f"+{prefix}", codes, "the prefix", claim)


def _pointing(kind: str, value: str, codes: tuple[str, ...], what: str, claim: Claim | None) -> Statement:
    """A clue that belongs to countries: another one than the claimed contradicts."""
    agrees = None if claim is None else claim.country in codes
    against = f", not of {claim.country_name}" if claim is not None and agrees is False else ""
    return Statement(kind, value, f"{what} of {_named(codes, claim)}{against}", agrees)


def _money(line: str, claim: Claim | None) -> Iterator[Statement]:
    """Prices: money of elsewhere is named at borders, airports and exchange offices, and contradicts nothing."""
    for found in MONEY.finditer(line):
        codes = lands.of_money(found[1] or found[2])
        agrees = True if claim is not None and claim.country in codes else None
        yield Statement(KINDS[2], found[0], f"the money of {_named(codes, claim)}", agrees)


def _language(line: str, claim: Claim | None, tell: Callable[[str], str]) -> Iterator[Statement]:
    """The language of a line: foreign words are everywhere, so none contradicts, and English says nothing."""
    weight = sum(4 if letter > "\u2e7f" else 1 for letter in line if letter.isalpha())
    code = tell(line) if weight >= TELLING and not WEB.search(line) else ""
    name = lands.LANGUAGES.get(code)
    if name is None:
        return
    official, part = lands.of_language(code)
    agrees = True if claim is not None and claim.country in official and code != "en" else None
    if code == "en":
        where = "written everywhere"
    elif claim is not None and claim.country in part:
        where = f"official in a part of {claim.country_name}"
    else:
        other = claim is not None and not agrees
        where = f"official in {_named(official, claim)}" + ("; foreign words are everywhere" if other else "")
    yield Statement(KINDS[3], name, f"“{line[:QUOTED]}”: {where}", agrees)


def _places(lines: Sequence[str], claim: Claim | None) -> Iterator[Statement]:
    """Names of cities: the claimed one's, in any language, agrees; another's is in shop and street names as often."""
    told: set[str] = set()
    for words in list(dict.fromkeys(words for line in lines for words in _names(line)))[:LOOKED_UP]:
        key = fold(words)
        row = _row(key, claim) if key not in told else None
        if row is None:
            continue
        told |= {key, *key.split()}
        agrees = True if claim is not None and cities().geoname_id[row] == claim.geoname_id else None
        place = f"{city_names(row, row + 1)[0]}, {country_name(str(cities().country[row]))}"
        yield Statement(KINDS[4], words, "the claimed city" if agrees else f"{place}, is called so", agrees)


def _names(line: str) -> Iterator[str]:
    """Runs of one to three words that begin with a capital, the longest first."""
    words = re.findall(r"[^\W\d_][^\W\d_'’.-]*(?:['’-][^\W\d_]+)*", line)
    for size in (3, 2, 1):
        for at in range(len(words) - size + 1):
            run = words[at : at + size]
            if not run[0][0].islower() and not run[-1][0].islower():
                yield " ".join(run)


def _row(key: str, claim: Claim | None) -> int | None:
    """The city of a folded name: the claimed one, else a LARGE one whose own name it is; None for no city's."""
    rows = rows_named(key) if len(key) >= 3 else ()
    claimed = claim.geoname_id if claim is not None and claim.geoname_id else -1
    if own := [one for one in rows if cities().geoname_id[one] == claimed]:
        return own[0]
    if len(key) < SHORTEST:
        return None
    large = (one for one in rows if cities().population[one] >= LARGE)
    return next((one for one in large if fold(city_names(one, one + 1)[0]) == key), None)


def _named(codes: Sequence[str], claim: Claim | None) -> str:
    """`Italy, San Marino, Switzerland and 1 other country`, the claimed one first."""
    first = [claim.country] if claim is not None and claim.country in codes else []
    names = [country_name(code) for code in [*first, *(code for code in codes if code not in first)]]
    if len(names) > 3:
        rest = len(names) - 3
        names[3:] = [f"{rest} other {'country' if rest == 1 else 'countries'}"]
    return " and ".join(filter(None, (", ".join(names[:-1]), *names[-1:])))
