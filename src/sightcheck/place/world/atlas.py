"""On whose land is a point? Country outlines of Natural Earth (public domain), packaged.

`land.parquet` holds the 1:10 million outlines on a grid of about 0.004 by 0.002 degrees (up to 400 m by 190 m), not
simplified by us and cut at the 180th meridian; neighbours share their points, so a point on land is in one country.
`outlines.parquet` holds the 1:110 million ones for drawing. Where Natural Earth draws who holds the land and ISO 3166-1
and GeoNames file it elsewhere, the latter are followed: sightcheck/data/borders.py lists every case.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sightcheck.place.world.tables import numbers, open_parquet

EARTH_KM = 6371.0088
"""Mean radius (IUGG)."""
CIRCLES = (
    ("VA", 41.9034, 12.4527, 0.45), ("MC", 43.7385, 7.4246, 0.7), ("MC", 43.7290, 7.4165, 0.55),
    ("MC", 43.7465, 7.4335, 0.6), ("GI", 36.1470, -5.3500, 0.75), ("GI", 36.1320, -5.3490, 1.2),
)  # fmt: skip
"""Code, latitude, longitude, km: countries that the grid cannot show, drawn by hand to about 200 m."""


@dataclass(frozen=True)
class Outline:
    """One country (ISO 3166-1 alpha-2) as drawn on a small map; `rings` are (n, 2) float32 of longitude, latitude in
    degrees, the last point the first one again. A ring inside another is a hole; one may cross the 180th meridian."""

    code: str
    rings: tuple[NDArray[np.float32], ...]


@dataclass(frozen=True)
class Rings:
    """n rings, one after the other, in grid units: `x`, `y` (points,); `starts` (n + 1,); `box` (n, 4) of x and y lows,
    x and y highs; `origin` and `step`: longitude, latitude = origin + step * (x, y)."""

    codes: tuple[str, ...]
    x: NDArray[np.int32]
    y: NDArray[np.int32]
    starts: NDArray[np.int64]
    box: NDArray[np.int32]
    origin: tuple[float, float]
    step: tuple[float, float]


def land_at(lat: float, lon: float) -> str:
    """WGS84 degrees, longitude in [-180, 180] -> ISO 3166-1 alpha-2 of the land (lakes included), "" off all land."""
    for code, *circle in CIRCLES:
        if distance_km(lat, lon, *circle[:2]) <= circle[2]:
            return code
    land = _rings("land.parquet")
    x, y = (lon - land.origin[0]) / land.step[0], (lat - land.origin[1]) / land.step[1]
    low_x, low_y, high_x, high_y = land.box.T
    inside: dict[str, bool] = {}
    for ring in np.flatnonzero((low_x <= x) & (x <= high_x) & (low_y <= y) & (y <= high_y)):
        points = slice(land.starts[ring], land.starts[ring + 1])
        code = land.codes[ring]
        inside[code] = inside.get(code, False) ^ surrounds(land.x[points], land.y[points], x, y)
    return next((code for code, is_in in sorted(inside.items()) if is_in), "")


def surrounds(xs: NDArray[np.int32], ys: NDArray[np.int32], x: float, y: float) -> bool:
    """Is the point inside the ring of corners (n,), (n,)? Crossings of a ray to the right, even-odd rule."""
    next_x, next_y = np.roll(xs, -1), np.roll(ys, -1)
    spans = (ys > y) != (next_y > y)
    x0, y0, x1, y1 = xs[spans], ys[spans], next_x[spans], next_y[spans]
    return bool(np.count_nonzero(x < x0 + (x1 - x0) * ((y - y0) / (y1 - y0))) % 2)


def distance_km(lat1: float, lon1: float, lat2: float, lon2: float) -> float:
    """Two points in WGS84 degrees -> kilometres along the great circle (haversine, mean radius)."""
    return float(distances_km(lat1, lon1, np.array([lat2]), np.array([lon2]))[0])


def distances_km(lat: float, lon: float, lats: NDArray[np.float64], lons: NDArray[np.float64]) -> NDArray[np.float64]:
    """A point and points (n,), (n,) in WGS84 degrees -> (n,) kilometres along great circles (haversine)."""
    p, q = math.radians(lat), np.radians(lats)
    half = np.sin((q - p) / 2) ** 2 + math.cos(p) * np.cos(q) * np.sin(np.radians(lons - lon) / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1))))


@lru_cache(maxsize=1)
def outlines() -> tuple[Outline, ...]:
    """Every country that is large enough for the 1:110 million map, by code."""
    drawn = _rings("outlines.parquet")
    lon = (drawn.origin[0] + drawn.step[0] * drawn.x).astype(np.float32)
    lat = (drawn.origin[1] + drawn.step[1] * drawn.y).astype(np.float32)
    rings = np.split(np.stack([lon, lat], axis=1), drawn.starts[1:-1])
    grouped: dict[str, list[NDArray[np.float32]]] = {}
    for code, ring in zip(drawn.codes, rings, strict=True):
        grouped.setdefault(code, []).append(ring)
    return tuple(Outline(code, tuple(found)) for code, found in sorted(grouped.items()))


@lru_cache(maxsize=2)
def _rings(name: str) -> Rings:
    file = open_parquet(name)
    table = file.read(use_threads=False)
    x, y = (numbers(table[axis].combine_chunks().flatten()) for axis in "xy")
    starts = np.concatenate([[0], np.cumsum(numbers(table["x"].combine_chunks().value_lengths()))]).astype(np.int64)
    parts = [reduce.reduceat(axis, starts[:-1]) for reduce in (np.minimum, np.maximum) for axis in (x, y)]
    grid = [float(number) for number in file.schema_arrow.metadata[b"grid"].split()]
    box = np.stack(parts, axis=1)
    return Rings(tuple(table["code"].to_pylist()), x, y, starts, box, (grid[0], grid[1]), (grid[2], grid[3]))
