"""What do footprints and learning curves look like? Figures 5.1 and 5.2 from any manifest, and curves in one plot.

python -m sightcheck.bench.figures MANIFEST FOLDER
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck.bench.contenders import SHORT, f_svm
from sightcheck.bench.metrics import Labels, Values
from sightcheck.bench.readings import readings
from sightcheck.data import manifest
from sightcheck.data.manifest import Item
from sightcheck.report import visible, write

REAL, FAKE, INK, SOFT, RULE = "#1f6fa8", "#b8470b", "#1c1f23", "#59616b", "#dcdad5"
MODES = ("intra", "inter", "skip")
COLOURS = ("#1f6fa8", "#b8470b", "#3c7d3c", "#70449a", "#8a6d00", "#b03060", "#00777a", "#59616b", "#1c1f23")
DASHES = ("", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3", "")
MARKS = ("circle", "square", "triangle", "diamond")
HEAD = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {}" font-family="system-ui, sans-serif" font-size="13" '
    'role="img">'
)


@dataclass(frozen=True)
class Curve:
    """A detector's AUC against clips a class: points (clips, mean, low, high); nan where nothing was drawn."""

    name: str
    points: tuple[tuple[int, float, float, float], ...]


def main(table: Path, folder: Path) -> None:
    """Write both figures of the table's clips."""
    found = readings(manifest.read(table), f_svm(SHORT).recipe)
    shares = found.vectors[:, 0].reshape(len(found.items), -1, len(MODES))
    folder.mkdir(parents=True, exist_ok=True)
    for name, drawn in (
        ("figure-5.1.svg", average_shares(shares, found.items)),
        ("figure-5.2.svg", components(found.vectors[:, 0], np.array([item.synthetic for item in found.items]))),
    ):
        write(drawn, folder / name)
        print(folder / name)


def average_shares(shares: Values, items: Sequence[Item]) -> str:
    """(n, T, 3) macroblock shares, n items -> SVG: each generator's and the real clips' mean shares (Figure 5.1).

    A bar is the mean over clips, its line the middle 80 % of them.
    """
    makers = np.array([item.maker for item in items])
    names = ["", *sorted(set(makers.tolist()) - {""})]
    height = 70 + 26 * len(names)
    lines = [HEAD.format(900, height), _title(f"Average macroblock shares of {len(items)} clips", 900, height)]
    for column, mode in enumerate(MODES):
        left = 250 + 215 * column
        lines.append(_text(left, 48, f"{mode}, 0 to 100 %", SOFT))
        for row, name in enumerate(names):
            values = shares[makers == name].mean(1)[:, column]
            low, high = np.quantile(values, [0.1, 0.9])
            y, colour = 60 + 26 * row, FAKE if name else REAL
            if not column:
                lines.append(_text(240, y + 14, f"{_short(name) or 'real'} ({(makers == name).sum()})", INK, "end"))
            lines += [
                f'<rect x="{left}" y="{y}" width="190" height="18" fill="{RULE}" opacity=".45"/>',
                f'<rect x="{left}" y="{y}" width="{190 * values.mean():.1f}" height="18" fill="{colour}"/>',
                _line(left + 190 * low, y + 9, left + 190 * high, y + 9, INK, "", 2),
            ]
    return "\n".join([*lines, "</svg>"])


def components(vectors: Values, synthetic: Labels) -> str:
    """(n, d) footprints, labels (n,) -> SVG: their three principal components, two at a time (Figure 5.2)."""
    rest = vectors - vectors.mean(0)
    _, size, axes = np.linalg.svd(rest, full_matrices=False)
    points, share = rest @ axes[:3].T, size**2 / (size**2).sum()
    lines = [HEAD.format(900, 360), _title("Footprints in their first three principal components", 900, 360)]
    lines += [_mark(20, 50, REAL, "circle"), _text(30, 54, f"real ({(~synthetic).sum()})", INK)]
    lines += [_mark(130, 50, FAKE, "triangle"), _text(140, 54, f"synthetic ({synthetic.sum()})", INK)]
    for at, (x, y) in enumerate(((0, 1), (0, 2), (1, 2))):
        left = 20 + 295 * at
        lines.append(f'<rect x="{left}" y="70" width="265" height="240" fill="none" stroke="{RULE}"/>')
        places = np.stack([_scaled(points[:, x], left + 8, left + 257), _scaled(-points[:, y], 78, 302)], 1)
        for (a, b), fake in zip(places, synthetic, strict=True):
            lines.append(_mark(a, b, FAKE if fake else REAL, "triangle" if fake else "circle"))
        lines.append(_text(left, 330, f"across: component {x + 1}, {share[x]:.0%} of the variance", SOFT))
        lines.append(_text(left, 347, f"up: component {y + 1}, {share[y]:.0%}", SOFT))
    return "\n".join([*lines, "</svg>"])


def curves(series: Sequence[Curve], title: str = "Mean AUC against clips a class") -> str:
    """Curves -> SVG: every detector's line with its name at its end; colours, dashes and marks tell them apart."""
    known = [drawn(one) for one in series]
    sizes = sorted({point[0] for one in known for point in one.points})
    low = min([0.45, *(point[1] for one in known for point in one.points)])
    lines = [HEAD.format(900, 480), _title(title, 900, 480)]

    def across(clips: int) -> float:
        return 60 + 560 * (math.log2(clips) - math.log2(sizes[0])) / max(math.log2(sizes[-1] / sizes[0]), 1)

    def up(auc: float) -> float:
        return 430 - 370 * (auc - low) / (1 - low)

    for tick in np.arange(math.ceil(low * 10) / 10, 1.01, 0.1):
        lines += [_line(60, up(tick), 640, up(tick), RULE), _text(52, up(tick) + 4, f"{tick:.1f}", SOFT, "end")]
    lines += [_text(across(size), 452, str(size), SOFT, "middle") for size in sizes]
    lines.append(_text(340, 472, "clips a class (log scale); AUC .5 is chance", SOFT, "middle"))
    ends = _apart([up(one.points[-1][1]) for one in known])
    for at, (one, end) in enumerate(zip(known, ends, strict=True)):
        colour, mark = COLOURS[at % len(COLOURS)], MARKS[at % len(MARKS)]
        places = [(across(clips), up(auc)) for clips, auc, *_ in one.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dash = f' stroke-dasharray="{DASHES[at % len(DASHES)]}"' if DASHES[at % len(DASHES)] else ""
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        lines += [_mark(x, y, colour, mark, 5) for x, y in places]
        lines.append(_line(places[-1][0] + 7, places[-1][1], 660, end, colour, "1 3"))
        lines.append(_text(666, end + 4, f"{one.name} {one.points[-1][1]:.2f}", colour))
    return "\n".join([*lines, "</svg>"])


def drawn(one: Curve) -> Curve:
    """The curve without the sizes for which nothing could be drawn."""
    return Curve(one.name, tuple(point for point in one.points if not math.isnan(point[1])))


def _short(name: str, most: int = 28) -> str:
    return name if len(name) <= most else f"{name[: most - 1]}…"


def _apart(heights: Sequence[float], least: float = 18) -> list[float]:
    """Heights of labels, moved so that none covers another."""
    order = np.argsort(heights)
    found, last = [0.0] * len(heights), -math.inf
    for at in order:
        last = max(heights[at], last + least)
        found[at] = last
    over = max(0.0, last - 440)
    return [height - over for height in found]


def _scaled(values: NDArray[np.float64], start: float, end: float) -> NDArray[np.float64]:
    spread = float(np.ptp(values)) or 1.0
    return np.asarray(start + (values - values.min()) / spread * (end - start))


def _title(title: str, width: int, height: int) -> str:
    shown = escape(visible(title))
    text = f'<text x="20" y="28" fill="{INK}" font-size="16" font-weight="600">{shown}</text>'
    return f'<title>{shown}</title><rect width="{width}" height="{height}" fill="#fff"/>{text}'


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(visible(text))}</text>'


def _line(x: float, y: float, to_x: float, to_y: float, colour: str, dash: str = "", width: float = 1) -> str:
    dashes = f' stroke-dasharray="{dash}"' if dash else ""
    return f'<path d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}" stroke="{colour}" stroke-width="{width}"{dashes}/>'


def _mark(x: float, y: float, colour: str, kind: str, size: float = 4) -> str:
    """A small shape about a point."""
    if kind == "circle":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size}" fill="{colour}" fill-opacity=".75"/>'
    corners = {
        "square": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
        "triangle": ((0, -1.2), (1.1, 0.9), (-1.1, 0.9)),
        "diamond": ((0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)),
    }[kind]
    points = " ".join(f"{x + size * a:.1f},{y + size * b:.1f}" for a, b in corners)
    return f'<polygon points="{points}" fill="{colour}" fill-opacity=".75"/>'


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
