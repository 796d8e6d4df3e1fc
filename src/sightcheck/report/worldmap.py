"""Where on the map? Countries, places and their labels in an equal-area picture of the world; the template draws it.

Equal Earth (Šavrič, Patterson and Jenny 2018), so that no country looks likelier for being stretched. Units are
thousandths of the world's width, ten to each, y downwards; Antarctica is left out.
"""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sightcheck.place.world import gazetteer
from sightcheck.report import wording
from sightcheck.report.charts import covers
from sightcheck.verdict import Place, Share

Points = NDArray[np.float64]
Box = tuple[float, float, float, float]  # left, top, right, bottom

WIDTH = 10_000
NORTH, SOUTH = 84.0, -57.0
LEVELS = (0.01, 0.05, 0.10, 0.25, 0.50)
EARTH_KM = 6371.0
LABELLED, LEAST_LABELLED = 3, 0.03
MOST_PLACES = 8
SEEN = 1000.0  # square units, 12,000 km²
CLOSE, CLOSEST, AIR = 2500.0, 1300.0, 260.0  # a close-up shows at most and at least this width, with air around
FAR = (12, 24, 40, 60, 84)  # in pixels: how far from its mark a label may lie
SCREENS = (("wide", 780.0, 12.5), ("narrow", 330.0, 11.0))  # its class, its width and its letters in pixels


@dataclass(frozen=True)
class Land:
    """A country's outline as an SVG path of whole units; `large` when it can be seen on a map of the world.

    `middle`: the centre of its largest part.
    """

    code: str
    path: str
    large: bool
    middle: tuple[float, float]


@dataclass(frozen=True)
class Fill:
    """A covered country, its level of probability (0 the least) and what it says when pointed at."""

    code: str
    level: int
    title: str


@dataclass(frozen=True)
class Mark:
    """A place, or a country too small to be seen: `kind` is claim, stated or dot; `radius` in units, 0 for a point."""

    kind: str
    x: float
    y: float
    text: str
    radius: float = 0.0
    level: int = 0


@dataclass(frozen=True)
class Label:
    """Text that overlaps no other, starting at x with its middle at y, and a line to its mark where it lies apart."""

    x: float
    y: float
    text: str
    kind: str
    line: Box | None


@dataclass(frozen=True)
class Layer:
    """The labels for one width of screen; `size` of the letters in units."""

    screen: str
    size: float
    labels: tuple[Label, ...]


@dataclass(frozen=True)
class View:
    """A window onto the map, in units; `unit` is one pixel of a wide screen."""

    left: float
    top: float
    width: float
    height: float
    unit: float
    layers: tuple[Layer, ...]


@dataclass(frozen=True)
class World:
    """The map with everything on it; `close` looks at where most of it lies, None where it lies far apart.

    `outlined`: the code of the country that is claimed as a whole.
    """

    fills: tuple[Fill, ...]
    outlined: str
    marks: tuple[Mark, ...]
    view: View
    close: View | None


def world(shares: Sequence[Share], places: Sequence[Place], country: str = "") -> World:
    """Countries with their probabilities, the likeliest first, places, a country claimed as a whole -> the map."""
    whole = _large().get(country) if country else None
    marks = list(_marks([place for place in places if whole is None or place.stated_by != "claim"]))
    names = list(_names(shares))
    held = [(mark.x, mark.y) for mark in marks] + ([whole.middle] if whole else [])
    close = _close(held, [(name.x, name.y) for name in names])
    inside = [one for one in (*marks, *names) if close and _holds(close, one)]
    outside = [one for one in (*marks, *names) if one not in inside]
    view = _view((0.0, 0.0, float(WIDTH), height()), outside, marks)
    near = _view(close, inside, marks) if close else None
    return World(tuple(_fills(shares)), whole.code if whole else "", (*_dots(shares), *marks), view, near)


@cache
def lands() -> tuple[Land, ...]:
    """Every country's outline but Antarctica's, drawn once for all maps of a page."""
    rings: dict[str, list[Points]] = {}
    for outline in gazetteer.outlines():
        if outline.code != "AQ":
            rings.setdefault(outline.code, []).extend(np.asarray(ring, np.float64) for ring in outline.rings)
    return tuple(_land(code, group) for code, group in rings.items())


def project(lon: Points, lat: Points) -> Points:
    """Degrees (n,), (n,) -> (n, 2) units; longitudes beyond 180 go on to the right. Equal Earth."""
    a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
    t = np.arcsin(math.sqrt(3) / 2 * np.sin(np.radians(lat)))
    x = 2 * math.sqrt(3) * np.radians(lon) * np.cos(t) / (3 * (9 * a4 * t**8 + 7 * a3 * t**6 + 3 * a2 * t**2 + a1))
    y = a4 * t**9 + a3 * t**7 + a2 * t**3 + a1 * t
    return np.column_stack([x, -y]) * _scale() + [WIDTH / 2, _north()]


def path(ring: Points) -> str:
    """A ring (n, 2) of longitudes and latitudes -> SVG; one that crosses the antimeridian is drawn at both ends."""
    lon = np.degrees(np.unwrap(np.radians(ring[:, 0])))
    turns = [turn for turn in (-360, 0, 360) if (lon + turn).max() > -180 and (lon + turn).min() < 180]
    return "".join(_closed(project(lon + turn, ring[:, 1])) for turn in turns)


@cache
def frame() -> str:
    """The edge of the map as an SVG path: both sides of the antimeridian, cut at the north and the south."""
    lat = np.linspace(NORTH, SOUTH, 48)
    left, right = (project(np.full(len(lat), side), lat) for side in (-180.0, 180.0))
    return _closed(np.concatenate([right, left[::-1]]))


@cache
def grid() -> str:
    """Every thirtieth meridian and parallel as an SVG path."""
    lat, lon = np.linspace(NORTH, SOUTH, 32), np.array([-180.0, 180.0])
    meridians = [project(np.full(len(lat), at), lat) for at in np.arange(-150.0, 151, 30)]
    parallels = [project(lon, np.full(2, at)) for at in np.arange(-30.0, 61, 30)]
    return "".join(_path(line) for line in (*meridians, *parallels))


@cache
def height() -> float:
    """Of the whole map, in units."""
    return float(project(np.zeros(1), np.array([SOUTH]))[0, 1])


def level(probability: float) -> int:
    """Probability -> 0 below the lowest edge of LEVELS, counting up; what is no number counts as 0."""
    return sum(probability >= edge for edge in LEVELS)


def legend() -> list[str]:
    """The levels in words."""
    edges = [f"{100 * edge:.0f}" for edge in LEVELS]
    between = [f"{low} to {high} %" for low, high in pairwise(edges)]
    return [f"under {edges[0]} %", *between, f"{edges[-1]} % and over"]


def _scale() -> float:
    """Units to a radius of the globe."""
    return WIDTH / (2 * math.pi * 2 * math.sqrt(3) / (3 * 1.340264))


@cache
def _north() -> float:
    t = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(NORTH)))
    return (0.003796 * t**9 + 0.000893 * t**7 - 0.081106 * t**3 + 1.340264 * t) * _scale()


def _at(lat: float, lon: float) -> tuple[float, float]:
    x, y = project(np.array([(lon + 180) % 360 - 180]), np.array([min(max(lat, SOUTH), NORTH)]))[0]
    return float(x), float(y)


def _closed(points: Points) -> str:
    return _path(points) + "z"


def _path(points: Points) -> str:
    """Points (n, 2) -> a path of whole steps from the first; a point that does not move is dropped."""
    whole = np.round(points).astype(int)
    steps = [step for step in np.diff(whole, axis=0).tolist() if any(step)]
    line = " ".join(f"{x} {y}" for x, y in steps).replace(" -", "-")
    return f"M{whole[0, 0]} {whole[0, 1]}" + (f"l{line}" if line else "")


def _land(code: str, rings: list[Points]) -> Land:
    drawn = [project(np.degrees(np.unwrap(np.radians(ring[:, 0]))), ring[:, 1]) for ring in rings]
    largest = max(drawn, key=_area)
    (left, top), (right, bottom) = largest.min(0), largest.max(0)
    middle = float(left + right) / 2, float(top + bottom) / 2
    return Land(code, "".join(map(path, rings)), _area(largest) >= SEEN, middle)


def _area(points: Points) -> float:
    x, y = points.T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2


def _fills(shares: Sequence[Share]) -> Iterator[Fill]:
    for land in lands():
        name = gazetteer.country_name(land.code) if land.code else ""
        share = next((one for one in shares if name and covers(one, land.code, name)), None)
        if share is not None:
            yield Fill(land.code, level(share.probability), f"{name}: {wording.percent(share.probability)}")


def _dots(shares: Sequence[Share]) -> Iterator[Mark]:
    """Countries that would not be seen: without an outline, or with too small a one."""
    unseen = _known() - set(_large())
    for share in shares:
        if share.probability >= LEVELS[0] and share.code in unseen:
            text = f"{share.name}: {wording.percent(share.probability)}"
            yield Mark("dot", *_at(*gazetteer.country_point(share.code)), text, level=level(share.probability))


@cache
def _known() -> frozenset[str]:
    """The codes that the gazetteer has a point for: a model of others may name something else."""
    return frozenset(code for group in gazetteer.classes() for code in group)


@cache
def _large() -> dict[str, Land]:
    return {land.code: land for land in lands() if land.large}


def _names(shares: Sequence[Share]) -> Iterator[Mark]:
    for share in shares[:LABELLED]:
        if share.probability >= LEAST_LABELLED and share.code in _known():
            text = f"{_cut(share.name.split(',')[0], 24)} {wording.percent(share.probability)}"
            land = _large().get(share.code)
            yield Mark("name", *(land.middle if land else _at(*gazetteer.country_point(share.code))), text)


def _marks(places: Sequence[Place]) -> Iterator[Mark]:
    """Places that lie somewhere, each once: a claim as a ring, what is stated otherwise as a point."""
    known = [one for one in dict.fromkeys(places) if math.isfinite(one.lat + one.lon) and abs(one.lat) <= 90]
    for one in known[:MOST_PLACES]:
        kind = "claim" if one.stated_by == "claim" else "stated"
        radius = max(one.radius_km, 0.0) / EARTH_KM * _scale() if math.isfinite(one.radius_km) else 0.0
        yield Mark(kind, *_at(one.lat, one.lon), place_text(one), radius)


def place_text(place: Place) -> str:
    """`claimed: Rome, Italy`, or the name of what states another place."""
    name = _cut(wording.visible(place.name), 36)
    return f"claimed: {name}" if place.stated_by == "claim" else name


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _close(marks: list[tuple[float, float]], names: list[tuple[float, float]]) -> Box | None:
    """The window that holds every place and as many of the likeliest countries as fit; None where none does."""
    held = list(marks)
    for name in names:
        if _spread([*held, name]) <= CLOSE - 2 * AIR:
            held.append(name)
    if not held or _spread(held) > CLOSE - 2 * AIR:
        return None
    (left, top), (right, bottom) = np.min(held, 0), np.max(held, 0)
    width = max(_spread(held) + 2 * AIR, CLOSEST)
    tall = width * height() / WIDTH
    x = min(max((left + right - width) / 2, 0.0), WIDTH - width)
    y = min(max((top + bottom - tall) / 2, 0.0), height() - tall)
    return float(x), float(y), float(x + width), float(y + tall)


def _spread(points: list[tuple[float, float]]) -> float:
    """The width a window needs for the points, its shape that of the whole map."""
    wide, tall = np.ptp(np.array(points), axis=0)
    return float(max(wide, tall * WIDTH / height()))


def _holds(box: Box, mark: Mark) -> bool:
    return box[0] <= mark.x <= box[2] and box[1] <= mark.y <= box[3]


def _view(box: Box, named: list[Mark], marks: list[Mark]) -> View:
    """A window with labels for each width of screen that keep clear of each other and of the marks."""
    left, top, right, bottom = box
    layers = []
    for screen, pixels, letters in SCREENS:
        unit = (right - left) / pixels
        size = letters * unit
        blocked = [_around(mark, 9 * unit) for mark in marks]
        layers.append(Layer(screen, size, tuple(_placed(named, box, size, unit, blocked))))
    return View(left, top, right - left, bottom - top, (right - left) / SCREENS[0][1], tuple(layers))


def _placed(named: list[Mark], box: Box, size: float, unit: float, blocked: list[Box]) -> Iterator[Label]:
    """Labels one after another, each at the first free place near its mark; one without a free place is left out."""
    for mark in named:
        wide = sum(1.0 if unicodedata.east_asian_width(c) in "WF" else 0.62 for c in mark.text) * size
        for distance in ((0.0,) if mark.kind == "name" else ()) + tuple(unit * pixels for pixels in FAR):
            spot = _free(mark, distance, wide, 1.3 * size, box, blocked)
            if spot:
                blocked.append(spot)
                line = _line(mark, spot) if distance > FAR[0] * unit else None
                yield Label(spot[0], (spot[1] + spot[3]) / 2, mark.text, mark.kind, line)
                break


def _free(mark: Mark, distance: float, wide: float, tall: float, box: Box, blocked: list[Box]) -> Box | None:
    """The first place for a label at a distance from its mark that lies inside the window and on nothing else."""
    spots = [(x, y, x + wide, y + tall) for x, y in _spots(mark, distance, wide, tall)]
    return next((spot for spot in spots if _inside(spot, box) and not any(_meet(spot, one) for one in blocked)), None)


def _spots(mark: Mark, distance: float, wide: float, tall: float) -> list[tuple[float, float]]:
    """Upper left corners of a label at a distance from its mark: right, left, above, below, then the corners."""
    if distance == 0:
        return [(mark.x - wide / 2, mark.y - tall / 2)]
    right, left = mark.x + distance, mark.x - distance - wide
    above, below = mark.y - distance - tall, mark.y + distance
    over, beside = mark.x - wide / 2, mark.y - tall / 2
    sides = [(right, beside), (left, beside), (over, above), (over, below)]
    return [*sides, (right, above), (right, below), (left, above), (left, below)]


def _line(mark: Mark, spot: Box) -> Box:
    """From the mark to the nearest edge of its label."""
    x, y = min(max(mark.x, spot[0]), spot[2]), min(max(mark.y, spot[1]), spot[3])
    return mark.x, mark.y, x, y


def _around(mark: Mark, radius: float) -> Box:
    return mark.x - radius, mark.y - radius, mark.x + radius, mark.y + radius


def _inside(spot: Box, box: Box) -> bool:
    return spot[0] >= box[0] and spot[1] >= box[1] and spot[2] <= box[2] and spot[3] <= box[3]


def _meet(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
