"""To which countries does a web address, a phone prefix, a price or a language point?"""

from functools import lru_cache

from sightcheck.place.world.tables import countries, lines

VANITY = (
    "ac", "ag", "ai", "am", "as", "bz", "cc", "cd", "cf", "co", "dj", "fm", "ga", "gg", "gl", "gq", "gs", "im", "io",
    "la", "li", "ly", "md", "me", "ml", "ms", "mu", "nu", "pw", "sc", "sh", "so", "st", "tf", "tk", "tl", "tm", "to",
    "tv", "vc", "vg", "vu", "ws",
)  # fmt: skip
"""Top-level domains of countries that anyone takes for what they spell (.tv, .ai, .me, .io, .co) or because they were
given away (.tk, .ml, .ga): they point nowhere."""
OTHERWISE = {"uk": "GB"}
"""Domains that are not ISO 3166 codes."""
MONEY = {
    "€": ("EUR",), "EUR": ("EUR",), "Euro": ("EUR",), "£": ("GBP",), "GBP": ("GBP",), "CHF": ("CHF",), "Fr.": ("CHF",),
    "zł": ("PLN",), "PLN": ("PLN",), "Kč": ("CZK",), "CZK": ("CZK",), "HUF": ("HUF",), "RON": ("RON",),
    "kr": ("SEK", "NOK", "DKK", "ISK"), "kr.": ("SEK", "NOK", "DKK", "ISK"), "SEK": ("SEK",), "NOK": ("NOK",),
    "DKK": ("DKK",), "₺": ("TRY",), "₹": ("INR",), "₩": ("KRW",), "₽": ("RUB",), "₴": ("UAH",), "₪": ("ILS",),
    "฿": ("THB",), "₫": ("VND",), "₱": ("PHP",), "R$": ("BRL",), "¥": ("JPY", "CNY"), "円": ("JPY",),
}  # fmt: skip
"""What is written beside a price. Left out: the dollar, which is the money of two dozen countries, and codes that are
words (ALL, TOP, CUP, MAD)."""
LANGUAGES = {
    "ca": "Catalan", "cs": "Czech", "cy": "Welsh", "da": "Danish", "de": "German", "el": "Greek", "en": "English",
    "es": "Spanish", "et": "Estonian", "eu": "Basque", "fi": "Finnish", "fr": "French", "ga": "Irish", "gl": "Galician",
    "hr": "Croatian", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian", "ja": "Japanese",
    "lt": "Lithuanian", "lv": "Latvian", "ms": "Malay", "nl": "Dutch", "no": "Norwegian", "pl": "Polish",
    "pt": "Portuguese", "ro": "Romanian", "sk": "Slovak", "sl": "Slovenian", "sq": "Albanian", "sv": "Swedish",
    "tr": "Turkish", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
"""ISO 639 codes and names of the languages that are told: in letters that are read, and official somewhere."""
SAME = {"no": ("no", "nb", "nn"), "ms": ("ms", "zsm")}


def of_domain(top: str) -> str:
    """A top-level domain -> its country's ISO 3166 code; "" for one of no country and for VANITY."""
    name = top.lower()
    code = OTHERWISE.get(name, name.upper())
    return "" if name in VANITY or not any(one.code == code for one in countries()) else code


def of_phone(digits: str) -> tuple[str, tuple[str, ...]]:
    """The digits after + or 00 -> the prefix among them and its countries; ("", ()) where it is no country's."""
    return next(
        ((digits[:size], _calling()[digits[:size]]) for size in (3, 2, 1) if digits[:size] in _calling()), ("", ())
    )


def of_money(sign: str) -> tuple[str, ...]:
    """A sign or code of MONEY -> the countries where it is tender."""
    return tuple(code for code, (_, _, money) in _spoken().items() if set(money) & set(MONEY[sign]))


def of_language(code: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A language of LANGUAGES -> the countries where it is official, and those where it is so in a part only."""
    names = set(SAME.get(code, (code,)))
    return (
        tuple(land for land, (official, _, _) in _spoken().items() if names & set(official)),
        tuple(land for land, (_, regional, _) in _spoken().items() if names & set(regional)),
    )


@lru_cache(maxsize=1)
def _calling() -> dict[str, tuple[str, ...]]:
    return {prefix: tuple(codes.split()) for prefix, codes in lines("calling.csv")}


@lru_cache(maxsize=1)
def _spoken() -> dict[str, tuple[list[str], list[str], list[str]]]:
    """ISO 3166 code -> official languages, those of a part of it, currencies."""
    return {code: (one.split(), part.split(), money.split()) for code, one, part, money in lines("spoken.csv")}
