"""Whose land is which piece of Natural Earth? TopoJSON -> rings by ISO 3166-1 code, on the source's own grid.

Natural Earth draws who holds the land, folds some territories into their state, and gives some pieces no ISO number.
Here every piece goes to the code that ISO 3166-1 and GeoNames file it under; the tables below are all the cases.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightcheck.place.world.atlas import CIRCLES, distances_km, surrounds

Ring = NDArray[np.int32]
"""(n, 2) of x and y on the grid, the last point the first one again."""

WITHOUT_NUMBER = {
    "Kosovo": "XK", "N. Cyprus": "CY", "Cyprus U.N. Buffer Zone": "CY", "Dhekelia": "CY", "Akrotiri": "CY",
    "Somaliland": "SO", "USNB Guantanamo Bay": "CU", "Baikonur": "KZ", "Indian Ocean Ter.": "CX", "Coral Sea Is.": "AU",
    "Clipperton I.": "FR", "Bajo Nuevo Bank": "CO", "Serranilla Bank": "CO",
}  # fmt: skip
"""Left out, since several states claim them and nobody lives there: Siachen Glacier, Spratly Is., Scarborough."""
BOXES = (
    ("FR", "GF", -55, 2, -51, 6), ("FR", "GP", -62, 15.8, -60.9, 16.6), ("FR", "MQ", -61.4, 14.3, -60.7, 15),
    ("FR", "RE", 55, -21.6, 56, -20.7), ("FR", "YT", 45, -13.2, 45.4, -12.5), ("NO", "SJ", 9, 74, 36, 81.5),
    ("NO", "SJ", -10, 70.5, -7, 71.5), ("NO", "BV", 3, -55, 4, -54), ("NL", "BQ", -68.6, 11.9, -68.1, 12.4),
    ("NL", "BQ", -63.4, 17.3, -62.8, 17.8), ("NZ", "TK", -173, -10, -171, -8), ("CX", "CC", 96, -13, 97.5, -11),
    ("RU", "UA", 32, 44, 36.7, 46.3),
)  # fmt: skip
"""A piece of the first code with its middle in the box (west, south, east, north) is the second's; last: Crimea."""
BY_HAND = {code for code, *_ in CIRCLES}
SAHARA = 27 + 2 / 3
"""The parallel that parts Morocco from Western Sahara, which Natural Earth draws with Morocco west of the berm."""


@dataclass(frozen=True)
class Grid:
    """Longitude, latitude = origin + step * (x, y)."""

    origin: NDArray[np.float64]
    step: NDArray[np.float64]


def grid(topology: dict[str, Any]) -> Grid:
    """The grid that a TopoJSON file is drawn on."""
    return Grid(np.array(topology["transform"]["translate"]), np.array(topology["transform"]["scale"]))


def pieces(topology: dict[str, Any], numbers: dict[str, str], cut: bool) -> dict[str, list[Ring]]:
    """TopoJSON and ISO numbers -> the rings of each code, holes among them.

    `cut`: for asking whose land a point is on: rings are parted at the antimeridian and closed around the pole, so that
    plane geometry holds, and countries drawn by hand are left out.
    """
    arcs = [np.cumsum(np.array(arc, np.int32), axis=0, dtype=np.int32) for arc in topology["arcs"]]
    lattice = grid(topology)
    found: dict[str, list[Ring]] = {}
    for shape in topology["objects"]["countries"]["geometries"]:
        code = numbers.get(shape.get("id", "")) or WITHOUT_NUMBER.get(shape["properties"]["name"], "")
        code = "" if cut and code in BY_HAND else code
        for polygon in _polygons(shape, arcs) if code else ():
            parted = [part for ring in polygon for part in _parted(ring, lattice)] if cut else polygon
            for owner, ring in _owned(code, polygon, parted, lattice):
                found.setdefault(owner, []).append(ring)
    return dict(sorted(found.items()))


def extent(rings: list[Ring], lattice: Grid) -> tuple[float, float, float]:
    """Rings of a country -> latitude and longitude of a point on its largest piece, and km to that piece's end.

    The point is the middle of the widest stretch of land on the latitude of the piece's centroid.
    """
    largest = max(rings, key=lambda ring: abs(_area(ring)))
    x, y = largest[:-1].T.astype(float)
    level = _centroid_y(x, y) + 1e-3
    crossings = sorted(itertools.chain.from_iterable(_crossings(ring, level) for ring in rings))
    stretches = [
        (b - a, (a + b) / 2)
        for a, b in itertools.pairwise(crossings)
        if surrounds(largest[:-1, 0], largest[:-1, 1], (a + b) / 2, level) and _inside(rings, (a + b) / 2, level)
    ]
    lon, lat = lattice.origin + lattice.step * [max(stretches)[1], level]
    lons, lats = (lattice.origin + lattice.step * largest).T
    return round(float(lat), 4), round(float(lon), 4), round(float(distances_km(lat, lon, lats, lons).max()), 1)


def write_rings(path: Path, found: dict[str, list[Ring]], lattice: Grid) -> None:
    """One row a ring; steps between points pack well."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = [(code, ring) for code, rings in found.items() for ring in rings]
    axes = {name: pa.array([ring[:, at] for _, ring in rows], pa.list_(pa.int32())) for at, name in enumerate("xy")}
    numbers = " ".join(repr(float(one)) for one in (*lattice.origin, *lattice.step))
    table = pa.table({"code": [code for code, _ in rows], **axes}).replace_schema_metadata({"grid": numbers})
    encoding = {"x.list.element": "DELTA_BINARY_PACKED", "y.list.element": "DELTA_BINARY_PACKED"}
    pq.write_table(
        table, path, compression="zstd", compression_level=19, use_dictionary=["code"], column_encoding=encoding
    )


def _polygons(shape: dict[str, Any], arcs: list[Ring]) -> Iterator[list[Ring]]:
    """A geometry -> its polygons, each an outer ring and its holes; a negative number is an arc run backwards."""
    for polygon in shape["arcs"] if shape["type"] == "MultiPolygon" else [shape["arcs"]]:
        parts = ([arcs[at] if at >= 0 else arcs[~at][::-1] for at in ring] for ring in polygon)
        yield [np.concatenate([ring[0][:1], *(part[1:] for part in ring)]) for ring in parts]


def _parted(ring: Ring, lattice: Grid) -> list[Ring]:
    """A ring -> rings within [-180, 180]; one that goes around the pole is led over it."""
    turn = round(360 / lattice.step[0])
    steps = np.diff(ring[:, 0])
    steps -= turn * np.round(steps / turn).astype(np.int32)
    x = ring[0, 0] + np.concatenate([[0], np.cumsum(steps)])
    line = np.column_stack([x, ring[:, 1]]).astype(np.int32)
    if line[-1, 0] != line[0, 0]:
        pole = np.floor((-90 - lattice.origin[1]) / lattice.step[1])
        line = np.vstack([line, [line[-1, 0], pole], [line[0, 0], pole], line[0]]).astype(np.int32)
    cuts = [line]
    for edge in range(-turn, 2 * turn + 1, turn):
        cuts = [half for one in cuts for half in (_half(one, 0, edge, 1), _half(one, 0, edge, -1)) if len(half)]
    return [one - np.array([turn * ((one[:, 0].min() + one[:, 0].max()) // 2 // turn), 0], np.int32) for one in cuts]


def _half(ring: Ring, axis: int, edge: int, side: int) -> Ring:
    """The part of a ring on one side (1 above, -1 below) of a line of the grid; empty when it has no width there."""
    over = (ring - edge)[:, axis] * side
    if over.min() >= 0:
        return ring
    if over.max() <= 0:
        return ring[:0]
    kept: list[NDArray[Any]] = []
    for (a, b), (da, db) in zip(itertools.pairwise(ring), itertools.pairwise(over), strict=True):
        if da >= 0:
            kept.append(a)
        if (da > 0 > db) or (da < 0 < db):
            kept.append(np.round(a + (b - a) * (da / (da - db))))
    return np.array([*kept, kept[0]], np.int32)


def _owned(code: str, polygon: list[Ring], parted: list[Ring], lattice: Grid) -> Iterator[tuple[str, Ring]]:
    """The rings of one polygon with the code they are filed under."""
    low, high = polygon[0].min(axis=0), polygon[0].max(axis=0)
    lon, lat = lattice.origin + lattice.step * (low + high) / 2
    for state, owner, west, south, east, north in BOXES:
        if code == state and west <= lon <= east and south <= lat <= north:
            yield from ((owner, ring) for ring in parted)
            return
    edge = round((SAHARA - lattice.origin[1]) / lattice.step[1])
    for ring in parted:
        halves = [("MA", _half(ring, 1, edge, 1)), ("EH", _half(ring, 1, edge, -1))] if code == "MA" else [(code, ring)]
        yield from ((owner, half) for owner, half in halves if len(half))


def _area(ring: Ring) -> float:
    x, y = ring[:-1].T.astype(float)
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _centroid_y(x: NDArray[np.float64], y: NDArray[np.float64]) -> float:
    cross = x * np.roll(y, -1) - y * np.roll(x, -1)
    return float(((y + np.roll(y, -1)) * cross).sum() / (3 * cross.sum()))


def _crossings(ring: Ring, level: float) -> list[float]:
    (x0, y0), (x1, y1) = ring[:-1].T.astype(float), ring[1:].T.astype(float)
    spans = (y0 > level) != (y1 > level)
    return (x0 + (x1 - x0) * (level - y0) / np.where(spans, y1 - y0, 1))[spans].tolist()  # type: ignore[no-any-return]


def _inside(rings: list[Ring], x: float, y: float) -> bool:
    return sum(surrounds(ring[:-1, 0], ring[:-1, 1], x, y) for ring in rings) % 2 == 1
