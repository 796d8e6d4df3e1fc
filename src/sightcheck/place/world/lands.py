"""Which country bears a name or a code, and of which of the 61 classes is it?"""

from functools import lru_cache

from sightcheck.errors import UsageError
from sightcheck.place.world.tables import Country, countries, fold, lines

LONGEST_NAME = 200


def country_name(code: str) -> str:
    """ISO 3166 alpha-2 code -> name in English; a code that is none stands for itself."""
    return next((one.name for one in countries() if one.code == code), code)


def country_code(text: str) -> str:
    """A country's name in use, alpha-2 or alpha-3 code -> alpha-2 code. Raises UsageError."""
    if country := country_named(fold(text[:LONGEST_NAME])):
        return country.code
    raise UsageError(f"no country is called {shown(text)}; give its English name or its ISO 3166 code")


def country_point(code: str) -> tuple[float, float]:
    """ISO 3166 code -> latitude and longitude of a point amid its largest piece of land. Raises UsageError."""
    for one in countries():
        if one.code == code:
            return one.lat, one.lon
    raise UsageError(f"{shown(code)} is no ISO 3166 code of a country")


@lru_cache(maxsize=1)
def classes() -> tuple[tuple[str, ...], ...]:
    """The 61 classes of section 7.2.2 as ISO 3166 codes; data/classes.csv gives the reason of each."""
    return tuple(tuple(row[1].split()) for row in lines("classes.csv"))


def class_of(code: str) -> int:
    """ISO 3166 code -> its class, 0 to 60. Raises UsageError for a code that is none."""
    for number, codes in enumerate(classes()):
        if code in codes:
            return number
    raise UsageError(f"{shown(code)} is no ISO 3166 code of a country")


def country_named(key: str) -> Country | None:
    """A folded name or code -> its country, if it is one's."""
    return next((one for one in countries() if key in one.keys or key.removeprefix("the ") in one.keys), None)


def shown(text: str) -> str:
    """A user's text as a sentence may quote it: at most 60 characters, all of them printable."""
    return ascii(text[:60]) if not text.isprintable() else f'"{text[:60]}"'
