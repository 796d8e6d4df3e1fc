"""What were ratios like this one worth on sources that taught nothing? The Tippett plot's geometry, and the words."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from sightcheck.report.charts import Band, Tick
from sightcheck.report.wording import finite, odds, percent, times
from sightcheck.verdict import RatioBand, Reliability, band_at, strength

ORIGIN = "Of clips of sources that taught nothing"


@dataclass(frozen=True)
class Plot:
    """A Tippett plot: its curves as SVG paths in a 100 x 100 box, the bands along its top, where this clip lies."""

    real: str
    synthetic: str
    bands: tuple[Band, ...]
    x: tuple[Tick, ...]
    y: tuple[Tick, ...]
    here: float


@dataclass(frozen=True)
class Row:
    """One band in words: its log10 LR, the LR stated (mean) and observed, its clips; `here`: this clip's is in it."""

    log10_lr: str
    stated: str
    observed: str
    real: int
    synthetic: int
    sources: int
    here: bool


def plot(known: Reliability, log10_lr: float) -> Plot:
    """A reliability and this clip's log10 LR -> the plot, this clip held inside it."""
    grid = known.tippett.grid
    low, high = grid[0], grid[-1]

    def place(x: float) -> float:
        return 100 * (min(max(x, low), high) - low) / (high - low)

    inner = [low, *(edge for edge in known.edges if low < edge < high), high]
    bands = [_strip(place(a), place(b), (a + b) / 2) for a, b in pairwise(inner)]
    whole = range(int(-(-low // 1)), int(high // 1) + 1)
    return Plot(
        _curve([place(x) for x in grid], known.tippett.real),
        _curve([place(x) for x in grid], known.tippett.synthetic),
        tuple(bands),
        tuple(Tick(place(x), f"{x:+d}".replace("-", "−") if x else "0") for x in whole),
        tuple(Tick(100 - share, f"{share} %") for share in (0, 25, 50, 75, 100)),
        place(log10_lr),
    )


def rows(known: Reliability, log10_lr: float | None = None) -> list[Row]:
    """The bands that have clips, from the lowest ratios up; the one of this clip is marked, and told without clips."""
    here = band_at(known.edges, log10_lr) if log10_lr is not None and finite(log10_lr) else -1
    return [
        Row(
            _range(known.edges, at),
            _ratio(one.stated),
            _observed(one),
            one.real,
            one.synthetic,
            one.sources,
            at == here,
        )
        for at, one in enumerate(known.bands)
        if one.real + one.synthetic or at == here
    ]


def sentence(known: Reliability, log10_lr: float) -> str:
    """What ratios in the band of this one were worth, in one sentence."""
    one = known.band(log10_lr)
    if one.stated is None:
        return f"{ORIGIN}, none was given a ratio like this one: what it is worth was not tested."
    told = f"about {odds(one.stated)} on average"
    if one.observed is None:
        side, count, other = ("real", one.real, "synthetic") if one.real else ("synthetic", one.synthetic, "real")
        clips = f"{_several(count, f'{side} clip')} {'was' if count == 1 else 'were'}"
        return f"{ORIGIN}, {clips} given a ratio like this one, {told}, and no {other} one was."
    return f"{ORIGIN}, ratios like this one, {told}, were {_often(one.observed)} ({_counted(one)})."


def brief(known: Reliability, log10_lr: float) -> str:
    """The same for one line of a terminal: `... such LRs stated 5 : 1, observed 4 : 1 (25 real, ...)`."""
    one = known.band(log10_lr)
    if one.stated is None:
        return "held-out sources: no clip was given such an LR, so it was not tested"
    return (
        f"held-out sources: such LRs stated {odds(one.stated)}, observed {_observed(one)} "
        f"({one.real} real, {one.synthetic} synthetic clips)"
    )


def reached(known: Reliability, log10_lr: float) -> str:
    """How many of the held-out clips got as much as this one or more, or as little or less, in one sentence.

    Counted from the point of the plot's grid next to it on the side of 0, so never too few.
    """
    grid, curves = known.tippett.grid, (known.tippett.real, known.tippett.synthetic)
    after = bisect_right(grid, log10_lr)
    if log10_lr < 0:
        shares, far = [1 - one[min(after, len(grid) - 1)] for one in curves], "as little or less"
    else:
        shares, far = [one[max(after - 1, 0)] for one in curves], "as much or more"
    real, synthetic = (percent(share) if share > 0 else "none" for share in shares)
    told = f"{real} of the real and {synthetic} of the synthetic clips were given {far}."
    return told[0].upper() + told[1:]


def basis(known: Reliability) -> str:
    """Whose clips these are: `14 sources of real and 11 of synthetic clips, each weighing alike`."""
    real = _several(known.sources_real, "source")
    return f"{real} of real and {known.sources_synthetic} of synthetic clips, each weighing alike"


def to_text(known: Reliability) -> str:
    """Stated beside observed ratios by band, as a model's card tells them: a line a band that has clips."""
    lines = [f"stated against observed LR, on sources that taught nothing ({basis(known)})"]
    for one in rows(known):
        clips = f"{one.real} real, {one.synthetic} synthetic clips of {_several(one.sources, 'source')}"
        lines.append(f"  log10 LR {one.log10_lr}: stated {one.stated} on average, observed {one.observed}; {clips}")
    return "\n".join(lines)


def _strip(start: float, end: float, middle: float) -> Band:
    """A band of the strength scale between two places in percent, by the log10 LR in its middle."""
    name = strength(middle)
    side = "middle" if name == "none" else "right" if middle > 0 else "left"
    return Band(start, end - start, "undecided" if name == "none" else name, side)


def _curve(at: Sequence[float], shares: Sequence[float]) -> str:
    """Places and shares (n,) -> steps: each share holds up to the next place."""
    path = f"M{at[0]:.2f} {100 - 100 * shares[0]:.2f}"
    return path + "".join(f"H{x:.2f}V{100 - 100 * y:.2f}" for x, y in zip(at[1:], shares[1:], strict=True))


def _range(edges: Sequence[float], at: int) -> str:
    """A band's log10 LR: `−1 to −0.5`, `under −3`, `over 3`."""
    low, high = (f"{edge:g}".replace("-", "−") for edge in (edges[max(at - 1, 0)], edges[min(at, len(edges) - 1)]))
    return f"under {high}" if at == 0 else f"over {low}" if at == len(edges) else f"{low} to {high}"


def _ratio(log10_lr: float | None) -> str:
    return "none" if log10_lr is None else odds(log10_lr)


def _observed(one: RatioBand) -> str:
    """The observed ratio, or which side it lacks."""
    if one.observed is not None:
        return odds(one.observed)
    return "no clips" if one.stated is None else "only real" if one.real else "only synthetic"


def _often(observed: float) -> str:
    """An observed ratio in words: `8 times as frequent among synthetic clips as among real ones`."""
    more, less = ("synthetic", "real") if observed >= 0 else ("real", "synthetic")
    factor = times(observed)
    often = "as frequent" if factor == "1" else f"{factor} times as frequent"
    return f"{often} among {more} clips as among {less} ones"


def _counted(one: RatioBand) -> str:
    return f"{one.real} real and {one.synthetic} synthetic clips of {_several(one.sources, 'source')}"


def _several(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
