"""Which languages are official where, and which money is tender? Unicode's CLDR, packed for offline use.

npm pack cldr-core                       CLDR: languages and currencies of territories (Unicode License v3)
python -m sightcheck.data.spoken CLDR-CORE.tgz

The same archive gives the same file.
"""

import csv
import json
import sys
import tarfile
from typing import Any

from sightcheck.place.world.tables import DATA, countries

OFFICIAL = ("official", "de_facto_official")


def main(archive: str) -> None:
    """The archive -> place/world/data/spoken.csv."""
    spoken = _supplement(archive, "territoryInfo")
    tender = _supplement(archive, "currencyData")["region"]
    with (DATA / "spoken.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["code", "official", "regional", "money"])
        for one in countries():
            languages = spoken.get(one.code, {}).get("languagePopulation", {})
            official, regional = _languages(languages, OFFICIAL), _languages(languages, ("official_regional",))
            money = sorted({name for entry in tender.get(one.code, ()) for name, span in entry.items() if _now(span)})
            writer.writerow([one.code, " ".join(official), " ".join(regional), " ".join(money)])


def _languages(spoken: dict[str, Any], status: tuple[str, ...]) -> list[str]:
    """The languages of a status, without the script that CLDR may add to them."""
    return sorted({name.split("_")[0] for name, one in spoken.items() if one.get("_officialStatus") in status})


def _now(span: dict[str, str]) -> bool:
    return "_to" not in span and span.get("_tender") != "false"


def _supplement(archive: str, name: str) -> dict[str, Any]:
    with tarfile.open(archive) as files:
        file = files.extractfile(f"package/supplemental/{name}.json")
        assert file is not None
        found: dict[str, Any] = json.loads(file.read())["supplemental"][name]
    return found


if __name__ == "__main__":
    main(sys.argv[1])
