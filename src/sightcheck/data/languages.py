"""What are countries called in other languages? Unicode's CLDR, packed for offline use.

npm pack cldr-localenames-full           CLDR: names of territories (Unicode License v3)
python -m sightcheck.data.languages CLDR-LOCALENAMES-FULL.tgz

A name is left out where it is also another country's, a region's, the own name of a known city there ("Tunis" is also
Tunisia somewhere) or any name of a known city elsewhere ("Angora" is Ankara before Angola).
The same archive gives the same file.
"""

import csv
import json
import sys
import tarfile
from collections import defaultdict

from sightcheck.place.world.tables import DATA, cities, city_names, countries, fold, regions, rows_named

LONGEST = 60
KNOWN = 15_000
"""Inhabitants from which on a name means the city."""


def main(archive: str) -> None:
    """The archive -> place/world/data/languages.csv."""
    meant: defaultdict[str, set[str]] = defaultdict(set)
    for names in _locales(archive):
        for code, name in names.items():
            meant[fold(name)].add(code.split("-")[0])
    known = {one.code: one.own for one in countries()}
    taken = {key for keys in known.values() for key in keys} | {key for one in regions() for key in one.keys}
    rows: defaultdict[str, list[str]] = defaultdict(list)
    for key, codes in sorted(meant.items()):
        (code, *others) = sorted(codes)
        if not others and code in known and _telling(key) and key not in taken and not _city(key, code):
            rows[code].append(key)
    with (DATA / "languages.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["code", "keys"])
        writer.writerows([code, "|".join(keys)] for code, keys in sorted(rows.items()))


def _telling(key: str) -> bool:
    """Whether a folded name is long enough to mean one thing: two letters of Chinese, four of Latin."""
    return (4 if key.isascii() else 2) <= len(key) <= LONGEST


def _city(key: str, code: str) -> bool:
    """Whether a name means a known city rather than the country."""
    known = [row for row in rows_named(key) if cities().population[row] >= KNOWN]
    return any(cities().country[row] != code or fold(city_names(row, row + 1)[0]) == key for row in known)


def _locales(archive: str) -> list[dict[str, str]]:
    """Territory names of every language in the archive, short and variant forms among them."""
    found = []
    with tarfile.open(archive) as files:
        for member in files:
            if member.name.endswith("/territories.json") and (file := files.extractfile(member)):
                ((_, locale),) = json.loads(file.read())["main"].items()
                found.append(locale["localeDisplayNames"]["territories"])
    return found


if __name__ == "__main__":
    main(sys.argv[1])
