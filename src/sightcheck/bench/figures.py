"""What do footprints and learning curves look like? Figures 5.1 and 5.2 from any manifest, and curves in one plot.

python -m sightcheck.bench.figures MANIFEST FOLDER

Each is one SVG with its own background, in light and in dark, that a page can show or hold.
"""

import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np

from sightcheck.data import manifest
from sightcheck.data.manifest import Item
from sightcheck.learn.video.footprint import LEAST, N, f_svm
from sightcheck.protocol.metrics import Labels, Values
from sightcheck.protocol.readings import Readings, readings
from sightcheck.report.report import visible, write

WIDTH = 900
WHOLE, ONE = 18, 12
"""Heights of the bars of a label and of one generator."""
MODES = ("intra", "inter", "skip")
CIRCLE = "M-1 0a1 1 0 1 0 2 0a1 1 0 1 0-2 0Z"
SQUARE = "M-.9-.9H.9V.9H-.9Z"
UP, DOWN = "M0-1.15 1.1.9H-1.1Z", "M0 1.15 1.1-.9H-1.1Z"
DIAMOND = "M0-1.3 1.3 0 0 1.3-1.3 0Z"
PLUS, CROSS = "M-1.1 0H1.1M0-1.1V1.1", "M-.9-.9.9.9M-.9.9.9-.9"
STROKES = (
    (CIRCLE, True, ""),
    (SQUARE, True, "7 3"),
    (UP, True, "2 3"),
    (DIAMOND, True, "9 3 2 3"),
    (CIRCLE, False, "5 2"),
    (DOWN, True, ""),
    (SQUARE, False, "2 3"),
    (CROSS, False, "9 3 2 3"),
    (PLUS, False, "7 3"),
)
"""Mark, whether it is filled, and dashes of each curve: no two alike, so that colour only helps."""
LIGHT = ("#1f6fa8", "#b8470b", "#2f7a3a", "#70449a", "#8a6200", "#b0305c", "#00757a", "#59616b", "#1c1f23")
DARK = ("#6db6ea", "#f08a4b", "#7fc98a", "#bd9be0", "#d9b04a", "#f08bb0", "#5fc6cb", "#a6adb5", "#e9e7e3")


def _palette(page: str, ink: str, soft: str, rule: str, series: Sequence[str]) -> str:
    own = "".join(f".s{at}{{color:{colour}}}" for at, colour in enumerate(series))
    return f".page{{fill:{page}}}.ink{{color:{ink}}}.soft{{color:{soft}}}.rule{{color:{rule}}}{own}"


STYLE = (
    _palette("#fbfaf8", "#1c1f23", "#59616b", "#dcdad5", LIGHT)
    + "@media (prefers-color-scheme:dark){"
    + _palette("#15171a", "#e9e7e3", "#a6adb5", "#363a40", DARK)
    + "}"
)


@dataclass(frozen=True)
class Curve:
    """A detector's AUC against clips a class: points (clips, mean, low, high); nan where nothing was drawn."""

    name: str
    points: tuple[tuple[int, float, float, float], ...]


def main(table: Path, folder: Path) -> None:
    """Write both figures of the table's clips, and a page with both."""
    found = _read(table)
    vectors = found.vectors[:, 0]
    figures = {
        "figure-5.1": average_shares(vectors.reshape(len(vectors), -1, len(MODES)), found.items),
        "figure-5.2": components(vectors, np.array([item.synthetic for item in found.items])),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawn in figures.items():
        write(drawn, folder / f"{name}.svg")
    write(page(tuple(figures.values())), folder / "figures.html")
    print(f"{len(vectors)} clips drawn, {len(found.skipped)} could not be read: {folder / 'figures.html'}")


def _read(table: Path) -> Readings:
    """The published F-SVM's vectors of a table's clips: N = 30, or 29 where a clip has no more frames."""
    items = manifest.read(table)
    found = readings(items, f_svm(N).recipe)
    return readings(items, f_svm(LEAST).recipe) if any("Too short" in why for _, why in found.skipped) else found


def page(figures: Sequence[str]) -> str:
    """SVGs -> one HTML page that needs nothing else."""
    shown = "".join(f"<figure>{one}</figure>\n" for one in figures)
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Figures 5.1 and 5.2 of other clips</title>
<style>body {{ margin: 0; background: #fbfaf8; }} figure {{ max-width: 62rem; margin: 1rem auto; }}
@media (prefers-color-scheme: dark) {{ body {{ background: #15171a; }} }}</style>
</head>
<body>
{shown}</body>
</html>
"""


def average_shares(shares: Values, items: Sequence[Item]) -> str:
    """(n, T, 3) macroblock shares, n items -> SVG: mean shares of real and synthetic clips by kind (Figure 5.1).

    A bar is the mean over clips, its line the middle 80 % of them; the synthetic clips are also drawn by generator.
    """
    means = 100 * shares.mean(1)
    lines, y = [], 84
    for name, clips, height in _rows(items):
        if not height:
            lines.append(_text(20, y + 27, name, "ink", bold=True))
            y += 36
            continue
        side = "s1" if items[clips[0]].synthetic else "s0"
        colour = "ink" if height == WHOLE else "soft"
        lines.append(_text(226, y + height - 3, f"{_short(name)} ({len(clips)})", colour, "end"))
        for column in range(len(MODES)):
            lines += _bar(240 + 220 * column, y, height, means[clips, column], side)
        y += height + 5
    heads = [_text(240 + 220 * column, 76, f"{mode}, % of macroblocks", "soft") for column, mode in enumerate(MODES)]
    sides = [np.array([item.synthetic is side for item in items]) for side in (False, True)]
    told = "; ".join(
        f"{name} clips {intra:.0f} % intra, {inter:.0f} % inter, {skip:.0f} % skip"
        for name, (intra, inter, skip) in zip(
            ("real", "synthetic"), (means[side].mean(0) for side in sides if side.any()), strict=False
        )
    )
    note = f"Bar: mean over clips of {shares.shape[1]} frames each; line: the middle 80 % of the clips."
    lines.append(_text(20, y + 26, note, "soft"))
    return _svg(f"Average macroblock shares of {len(items)} clips", told, y + 44, [*heads, *lines])


def _rows(items: Sequence[Item]) -> Iterator[tuple[str, list[int], int]]:
    """Name, places of its clips and height (0: a heading) of every row of Figure 5.1."""
    kinds = [item.subset or item.kind for item in items]
    for kind in sorted(set(kinds)):
        own = [at for at, one in enumerate(kinds) if one == kind]
        if kind:
            yield kind, own, 0
        for name, side in (("real", False), ("synthetic", True)):
            clips = [at for at in own if items[at].synthetic is side]
            if clips:
                yield name, clips, WHOLE
        for maker in sorted({items[at].maker for at in own} - {""}, key=str.casefold):
            yield maker, [at for at in own if items[at].maker == maker], ONE


def _bar(x: float, y: float, height: int, values: Values, side: str) -> list[str]:
    """Percents of some clips as a bar, with their spread and mean."""
    low, mean, high = 1.5 * np.quantile(values, 0.1), 1.5 * values.mean(), 1.5 * np.quantile(values, 0.9)
    whole, faint = height == WHOLE, ' fill-opacity=".6"'
    spread = [_line(x + low, y + height / 2, x + high, y + height / 2, "ink", width=2)] if len(values) > 1 else []
    return [
        f'<rect class="rule" x="{x}" y="{y}" width="150" height="{height}" fill="currentColor" fill-opacity=".4"/>',
        f'<rect class="{side}" x="{x}" y="{y}" width="{mean:.1f}" height="{height}" fill="currentColor"'
        f"{'' if whole else faint}/>",
        *spread,
        _text(x + 186, y + height - 3, f"{values.mean():.0f} %", "ink" if whole else "soft", "end"),
    ]


def components(vectors: Values, synthetic: Labels) -> str:
    """(n, d) footprints, labels (n,) -> SVG: their three principal components, two at a time (Figure 5.2).

    A frame holds the middle 98 % of each component; the clips beyond it are drawn on its edge.
    """
    rest = vectors - vectors.mean(0)
    _, size, axes = np.linalg.svd(rest, full_matrices=False)
    points, share = rest @ axes[:3].T, size**2 / max(float((size**2).sum()), 1e-12)
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    air = 0.08 * np.maximum(high - low, 1e-9)
    places = (np.clip(points, low - air, high + air) - low + air) / (high - low + 2 * air)  # (n, 3) in [0, 1]
    lines = []
    for at, side, name in ((0, ~synthetic, "real"), (1, synthetic, "synthetic")):
        lines += [_mark(27 + 110 * at, 54, f"s{at}", STROKES[2 * at][0], 5)]
        lines += [_text(38 + 110 * at, 58, f"{name} ({side.sum()})", "ink")]
    for at, (x, y) in enumerate(((0, 1), (0, 2), (1, 2))):
        left = 42 + 290 * at
        lines.append(f'<path class="rule" d="M{left} 74h256v240h-256Z" fill="none" stroke="currentColor"/>')
        for clip in np.random.default_rng(0).permutation(len(places)):  # neither label lies on top of the other
            fake = int(synthetic[clip])
            here = left + 256 * places[clip, x], 314 - 240 * places[clip, y]
            lines.append(_mark(*here, f"s{fake}", STROKES[2 * fake][0], 3.6))
        lines.append(_text(left + 128, 332, f"component {x + 1}, {share[x]:.0%} of the variance", "soft", "middle"))
        lines.append(_text(left - 8, 194, f"component {y + 1}, {share[y]:.0%}", "soft", "middle", turned=True))
    beyond = int(((points < low - air) | (points > high + air)).any(1).sum())
    note = f"One mark a clip. {beyond} clips lie beyond a frame and are drawn on its edge."
    lines.append(_text(20, 362, note, "soft"))
    told = f"{(~synthetic).sum()} real and {synthetic.sum()} synthetic clips"
    return _svg("Footprints in their first three principal components", told, 380, lines)


def curves(series: Sequence[Curve], title: str = "Mean AUC against clips a class") -> str:
    """Curves -> SVG: every detector's line with its name at its end; marks and dashes tell them apart.

    Upright lines are the intervals. Curves stand a little beside each other, so that none hides another.
    """
    known = [one for one in map(drawn, series) if one.points]
    sizes = sorted({point[0] for one in known for point in one.points}) or [1, 2]
    least = min([0.45, *(point[2] for one in known for point in one.points if not math.isnan(point[2]))])
    low = max(0.0, math.floor(20 * least) / 20)

    def across(clips: int) -> float:
        return 90 + 510 * math.log2(clips / sizes[0]) / max(math.log2(sizes[-1] / sizes[0]), 1)

    def up(auc: float) -> float:
        return 430 - 370 * (auc - low) / (1 - low)

    lines = []
    for tick in np.arange(math.ceil(low * 10 - 1e-9), 11) / 10:
        lines += [_line(50, up(tick), 640, up(tick), "rule"), _text(42, up(tick) + 4, f"{tick:.1f}", "soft", "end")]
    lines += [_line(50, up(0.5), 640, up(0.5), "soft", "1 4"), _text(50, up(0.5) - 5, "chance", "soft")]
    lines += [_text(across(size), 454, str(size), "soft", "middle") for size in sizes]
    lines.append(_text(345, 476, "clips of each class that teach; upright lines: 95 % of draws", "soft", "middle"))
    ends = _apart([up(one.points[-1][1]) for one in known])
    for at, (one, end) in enumerate(zip(known, ends, strict=True)):
        beside = 5 * (at - (len(known) - 1) / 2)
        places = [(across(clips) + beside, *map(up, values)) for clips, *values in one.points]
        lines += _curve(at % len(STROKES), places)
        last, value, *_ = one.points[-1]
        name = f"{_short(one.name)} {value:.2f}" + (f" from {last}" if last < sizes[-1] else "")
        colour, (mark, filled, _) = f"s{at % len(STROKES)}", STROKES[at % len(STROKES)]
        lines.append(_line(places[-1][0] + 7, places[-1][1], 646, end, colour, "1 3"))
        lines += [_mark(656, end, colour, mark, 5, filled), _text(668, end + 4, name, "ink")]
    told = "; ".join(f"{one.name} " + ", ".join(f"{p[1]:.2f} from {p[0]}" for p in one.points) for one in known)
    return _svg(title, told, 494, lines)


def _curve(at: int, places: Sequence[tuple[float, ...]]) -> list[str]:
    """Points (x, mean, low, high) on the page -> line, marks and intervals in the look of curve `at`."""
    mark, filled, dash = STROKES[at]
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y, *_ in places)
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return [
        *(_line(x, low, x, high, f"s{at}", faint=True) for x, _, low, high in places if low - high > 1),
        f'<path class="s{at}" d="{path}" fill="none" stroke="currentColor" stroke-width="2"{dashes}/>',
        *(_mark(x, y, f"s{at}", mark, 5, filled) for x, y, *_ in places),
    ]


def drawn(one: Curve) -> Curve:
    """The curve without the sizes for which nothing could be drawn."""
    return Curve(one.name, tuple(point for point in one.points if not math.isnan(point[1])))


def _apart(heights: Sequence[float], least: float = 18) -> list[float]:
    """Heights of labels, moved so that none covers another."""
    found, last = [0.0] * len(heights), -math.inf
    for at in np.argsort(heights):
        last = max(heights[at], last + least)
        found[at] = last
    over = max(0.0, last - 440)
    return [height - over for height in found]


def _short(name: str, most: int = 25) -> str:
    return name if len(name) <= most else f"{name[: most - 1].rstrip()}…"


def _svg(title: str, told: str, height: float, lines: Sequence[str]) -> str:
    """A whole drawing, its title above it; `told` says in words what it shows."""
    inside = [
        f"<title>{escape(visible(title))}</title><desc>{escape(visible(told))}</desc><style>{STYLE}</style>",
        f'<rect class="page" width="{WIDTH}" height="{height}"/>',
        _text(20, 30, title, "ink", bold=True).replace("<text", '<text font-size="16"', 1),
        *lines,
    ]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" font-size="13"'
    return f'{head} font-family="system-ui, sans-serif">\n' + "\n".join(inside) + "\n</svg>\n"


def _text(
    x: float, y: float, text: str, colour: str, anchor: str = "start", bold: bool = False, turned: bool = False
) -> str:
    look = (' font-weight="600"' if bold else "") + (f' transform="rotate(-90 {x:.1f} {y:.1f})"' if turned else "")
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{look}'
    return f'<text class="{colour}" fill="currentColor" {place}>{escape(visible(text))}</text>'


def _line(
    x: float, y: float, to_x: float, to_y: float, colour: str, dash: str = "", width: float = 1, faint: bool = False
) -> str:
    look = (f' stroke-dasharray="{dash}"' if dash else "") + (' stroke-opacity=".55"' if faint else "")
    path = f"M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}"
    return f'<path class="{colour}" d="{path}" stroke="currentColor" stroke-width="{width}"{look}/>'


def _mark(x: float, y: float, colour: str, shape: str, size: float, filled: bool = True) -> str:
    """A small shape about a point."""
    look = 'fill="currentColor" fill-opacity=".75"' if filled else 'fill="none" stroke="currentColor" stroke-width=".4"'
    return f'<path class="{colour}" d="{shape}" transform="translate({x:.1f} {y:.1f}) scale({size})" {look}/>'


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
