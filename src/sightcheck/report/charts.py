"""What is drawn where? The geometry of the report's charts; the template draws it (the map is worldmap.py's).

Places are percentages of the plot, y downwards, so a drawing stretches to any page while its text keeps its size.
"""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sightcheck.verdict import BANDS, Cloud, Evidence, Heat, Match, Reference, Series, Share

Point = tuple[float, float]

SPARKS = "▁▂▃▄▅▆▇█"
BLOCKS = " ▏▎▍▌▋▊▉█"
LINES = 60
"""Matched points that are joined, the surest ones; more would hide the pictures."""
SCALE_END = 4.0  # in log10 LR: leaves the last band, from 3 on, as wide as the one before it


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Band:
    """One band of the strength scale; `name` is `undecided` in the middle."""

    start: float
    width: float
    name: str
    side: str


@dataclass(frozen=True)
class Layer:
    """One series as an SVG path in a 100 x 100 box, and what it comes to in words."""

    name: str
    path: str
    summary: str


@dataclass(frozen=True)
class Timeline:
    """Series of one unit over the clip; `stacked` when they are shares of one whole."""

    unit: str
    stacked: bool
    layers: tuple[Layer, ...]
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    stills: tuple[Tick, ...]


@dataclass(frozen=True)
class Scatter:
    """Reference clips in two principal components; `here` is None when this clip has no place among them."""

    axes: tuple[str, str]
    real: tuple[Point, ...]
    synthetic: tuple[Point, ...]
    here: Point | None


@dataclass(frozen=True)
class Bar:
    """A country's share as a bar; `rank` counts from 1, and 0 stands for the claimed country that is not covered."""

    rank: int
    name: str
    share: float
    listed: bool
    claimed: bool


@dataclass(frozen=True)
class Pair:
    """A reference beside the query; `vote` in [-1, 1] is its similarity times how far it says same, not different."""

    reference: Reference
    vote: float


@dataclass(frozen=True)
class Joined:
    """Two pictures side by side: widths of this photo and of the reference, where that begins, their one height.

    Each of `lines` joins a point of the one to its point in the other: x1, y1, x2, y2.
    """

    here: float
    there: float
    at: float
    height: float
    lines: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Cell:
    """A part of the picture that matters: its column and row, and `part` in [-1, 1] of the most that any did."""

    column: int
    row: int
    part: float


def scale_bands() -> list[Band]:
    """The bands of |log10 LR| mirrored about zero, from left to right."""
    edges = [SCALE_END, *(edge for edge, _ in BANDS)]
    outer = [(low, high, name) for high, (low, name) in zip(edges, BANDS, strict=False)]
    left = [Band(scale_at(-high), scale_at(high) - scale_at(low), name, "left") for low, high, name in outer]
    right = [Band(scale_at(low), scale_at(high) - scale_at(low), name, "right") for low, high, name in outer[::-1]]
    middle = Band(scale_at(-edges[-1]), scale_at(edges[-1]) - scale_at(-edges[-1]), "undecided", "middle")
    return [*left, middle, *right]


def scale_ticks() -> list[Tick]:
    """The bands' edges in log10 LR."""
    edges = sorted(edge for edge, _ in BANDS)
    return [Tick(scale_at(x), f"{x:+g}".replace("-", "−")) for x in [*(-e for e in edges[::-1]), *edges]]


def scale_at(log10_lr: float) -> float:
    """log10 LR -> percent of the scale, held inside it."""
    return 100 * (min(max(log10_lr, -SCALE_END), SCALE_END) + SCALE_END) / (2 * SCALE_END)


def timelines(evidence: Evidence, duration_s: float) -> list[Timeline]:
    """One chart for each unit among the evidence's series, with the stills' times marked."""
    series = [_in_percent(item) for item in evidence.series if _samples(item)]
    end = max([duration_s, *(stop for item in series for _, stop in spans(item.times_s, duration_s))], default=0)
    if not 0 < end < math.inf:
        return []
    marks = tuple(
        Tick(100 * min(max(still.time_s, 0) / end, 1), str(number))
        for number, still in enumerate(evidence.stills, 1)
        if math.isfinite(still.time_s)
    )
    unit_s = 3600 if end > 3 * 3600 else 60 if end > 120 else 1
    x = tuple(Tick(100 * t * unit_s / end, clock(t * unit_s)) for t in ticks(0, end / unit_s, 6))
    units = dict.fromkeys(item.unit for item in series)
    groups = [(unit, [item for item in series if item.unit == unit]) for unit in units]
    return [_timeline(unit, group, end, x, marks) for unit, group in groups]


def scatter(cloud: Cloud) -> Scatter | None:
    """Reference cloud -> its points on the plot with a small margin; None when nothing in it can be drawn."""
    known = [(p, fake) for p, fake in zip(cloud.points, cloud.synthetic, strict=False) if all(map(math.isfinite, p))]
    here = cloud.here if all(map(math.isfinite, cloud.here)) else None
    drawn = [point for point, _ in known] + ([here] if here else [])
    if not drawn:
        return None
    (left, right), (low, high) = (_margins([point[k] for point in drawn]) for k in (0, 1))

    def place(point: Point) -> Point:
        return 100 * (point[0] - left) / (right - left), 100 * (high - point[1]) / (high - low)

    return Scatter(
        cloud.axes,
        tuple(place(point) for point, fake in known if not fake),
        tuple(place(point) for point, fake in known if fake),
        place(here) if here else None,
    )


def covers(share: Share, code: str, name: str) -> bool:
    """Whether a share is that of a country, alone or as one of several that the model does not tell apart."""
    return share.code == code or f", {name}, " in f", {share.name}, "


def bars(evidence: Evidence, code: str = "", name: str = "", most: int = 5) -> list[Bar]:
    """The likeliest countries, then the claimed one where it is further down or not covered."""
    listed = evidence.shortlist.codes if evidence.shortlist else ()
    ranked = [
        Bar(rank, one.name, _held(one.probability), one.code in listed, bool(code) and covers(one, code, name))
        for rank, one in enumerate(evidence.shares, 1)
    ]
    found = [bar for bar in ranked if bar.claimed]
    absent = [Bar(0, name, math.nan, False, True)] if code and ranked and not found else []
    return [*ranked[:most], *(bar for bar in found if bar.rank > most), *absent]


def bar_text(share: float, width: int) -> str:
    """Share in [0, 1] -> a bar of at most `width` characters, fine to an eighth of one."""
    full, rest = divmod(round(_held(share) * width * 8), 8)
    return "█" * full + BLOCKS[rest].strip()


def pairs(references: Sequence[Reference]) -> list[Pair]:
    """References by their weight in the vote, the similarity of the scene, the heaviest first."""
    known = [one for one in references if math.isfinite(one.similarity) and math.isfinite(one.same)]
    ranked = sorted(known, key=lambda one: -one.similarity)
    return [Pair(one, min(max(one.similarity * (2 * one.same - 1), -1.0), 1.0)) for one in ranked]


def joined(match: Match) -> Joined:
    """A match -> its two pictures beside each other at one height, points joined."""
    side, gap = 100.0, 3.0
    here, there = (side * (min(max(one, 0.1), 10.0) if math.isfinite(one) else 1.0) for one in match.aspects)
    lines = tuple(
        (x1 * here, y1 * side, here + gap + x2 * there, y2 * side)
        for x1, y1, x2, y2 in match.points[:LINES]
        if all(0 <= value <= 1 for value in (x1, y1, x2, y2))
    )
    return Joined(here, there, here + gap, side, lines)


def heat_cells(heat: Heat) -> list[Cell]:
    """The cells that carried a fiftieth of the largest one's part or more."""
    peak = heat_peak(heat)
    cells = [
        Cell(at % heat.columns, at // heat.columns, value / peak)
        for at, value in enumerate(heat.values)
        if peak and math.isfinite(value)
    ]
    return [cell for cell in cells if abs(cell.part) >= 0.02]


def heat_peak(heat: Heat) -> float:
    """The largest part that any cell carried, either way; 0 where nothing was measured."""
    return max((abs(value) for value in heat.values if math.isfinite(value)), default=0.0)


def sparkline(series: Series, width: int) -> tuple[str, float]:
    """Series -> (one character per cell, mean value); shares run from 0 to 100 %, other units from least to most."""
    values = [value for _, value in _samples(_in_percent(series))]
    if not values:
        return "", math.nan
    cells = min(width, len(values))
    cuts = [len(values) * k // cells for k in range(cells + 1)]
    means = [statistics.fmean(values[a:b]) for a, b in pairwise(cuts)]
    low, high = (0.0, 100.0) if _in_percent(series).unit == "%" else (min(means), max(means))
    steps = [(value - low) / ((high - low) or 1) * len(SPARKS) for value in means]
    return "".join(SPARKS[min(max(int(s), 0), len(SPARKS) - 1)] for s in steps), statistics.fmean(values)


def spans(times_s: Sequence[float], duration_s: float) -> list[Point]:
    """Times of samples -> (start, end) of each: up to the next one, or one usual step where there is a gap."""
    steps = [b - a for a, b in pairwise(times_s)]
    usual = (
        statistics.median(steps) if steps else (duration_s - times_s[0] if times_s and duration_s > times_s[0] else 1.0)
    )
    return [
        (start, start + (step if 0 < step <= 2.5 * usual else usual))
        for start, step in zip(times_s, [*steps, usual], strict=True)
    ]


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from low to high, 1, 2 or 5 apart in some decade, at most `most` + 1 of them."""
    raw = (high - low) / most
    decade = 10 ** math.floor(math.log10(raw))
    step = next(decade * k for k in (1, 2, 5, 10) if decade * k >= raw * (1 - 1e-9))
    return [step * k for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def clock(seconds: float) -> str:
    """Seconds as `4.2 s` below two minutes, as `2:05` or `1:02:05` from there on."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _held(share: float) -> float:
    return min(max(share, 0.0), 1.0) if math.isfinite(share) else 0.0


def _timeline(unit: str, group: list[Series], end: float, x: tuple[Tick, ...], marks: tuple[Tick, ...]) -> Timeline:
    totals = [sum(values) for values in zip(*(item.values for item in group), strict=False)]
    alike = len({item.times_s for item in group}) == 1
    stacked = unit == "%" and len(group) > 1 and alike and all(99 <= total <= 101 for total in totals)
    values = [value for item in group for _, value in _samples(item)]
    low, high = (0.0, 100.0) if unit == "%" else _margins(values)
    floors = [0.0] * len(totals)
    layers = []
    for item in group:
        tops = [a + b for a, b in zip(floors, item.values, strict=False)] if stacked else list(item.values)
        boxes = [
            (100 * a / end, 100 * b / end, 100 * (high - floor) / (high - low), 100 * (high - top) / (high - low))
            for (a, b), floor, top in zip(spans(item.times_s, end), floors if stacked else tops, tops, strict=False)
            if math.isfinite(top)
        ]
        layers.append(Layer(item.name, _bars(boxes) if stacked else _steps(boxes), _summary(item)))
        floors = tops
    y = tuple(
        Tick(100 * (high - t) / (high - low), f"{t:g} %" if unit == "%" else f"{t:.3g}") for t in ticks(low, high, 5)
    )
    return Timeline(unit, stacked, tuple(layers), x, y, marks)


def _bars(boxes: Iterable[tuple[float, float, float, float]]) -> str:
    return "".join(f"M{a:.2f} {floor:.2f}H{b:.2f}V{top:.2f}H{a:.2f}Z" for a, b, floor, top in boxes)


def _steps(boxes: Iterable[tuple[float, float, float, float]]) -> str:
    path, last = "", math.nan
    for a, b, _, top in boxes:
        path += f"{'L' if abs(a - last) < 1e-6 else 'M'}{a:.2f} {top:.2f}H{b:.2f}"
        last = b
    return path


def _summary(series: Series) -> str:
    values = [value for _, value in _samples(series)]
    mean, low, high = (f"{value:.3g}" for value in (statistics.fmean(values), min(values), max(values)))
    return f"{mean} {series.unit} on average, from {low} to {high}".replace("  ", " ")


def _samples(series: Series) -> list[Point]:
    pairs = zip(series.times_s, series.values, strict=True)
    return [pair for pair in pairs if all(map(math.isfinite, pair))]


def _in_percent(series: Series) -> Series:
    """Finite samples only; shares from 0 to 1 become percent."""
    factor = 100.0 if series.unit in ("share", "fraction") else 1.0
    unit = "%" if series.unit in ("share", "fraction", "percent", "%") else series.unit
    kept = _samples(series)
    return Series(series.name, unit, tuple(t for t, _ in kept), tuple(factor * v for _, v in kept))


def _margins(values: Sequence[float]) -> Point:
    """Least and most with six percent of air around them."""
    air = 0.06 * (max(values) - min(values)) or 1.0
    return min(values) - air, max(values) + air
