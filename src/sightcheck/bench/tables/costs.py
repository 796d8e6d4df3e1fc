"""What does it cost to train a detector? Learnt numbers, time and size, as Table 5.4 prints them."""

from sightcheck.bench.tables.fits import Fits, Taught
from sightcheck.bench.tables.plans import FULL, Cell, Shortened
from sightcheck.bench.tables.scores import Measured
from sightcheck.errors import UsageError
from sightcheck.protocol.contender import Told

METRICS = ("parameters", "training time", "model size")
READING_COUNTS = ("F-SVM",)
"""Methods whose training time includes reading the clips, as in the thesis (5.4.1)."""
LENGTH = {"Xcept": Shortened(50, 30), "ResNetLSTM": Shortened(50, 30), "DeFakeHop": Shortened(0, 30)}
"""Epochs and frames a clip of the published recipes (5.3.2); 0 where there are no epochs. Time grows with both."""


def measured(cell: Cell, taught: Taught, fits: Fits, shortened: Shortened, told: Told) -> Measured:
    """One number of Table 5.4, measured in one run on this machine."""
    try:
        cost = fits.cost(taught, told)
    except UsageError as error:
        return Measured(note=str(error))
    note = fewer(cell, taught)
    if cell.metric == "parameters":
        return Measured(text=count(cost.parameters), note=note)
    if cell.metric == "model size":
        return Measured(text=size(cost.size_bytes), note=note)
    took = cost.training_s + (cost.reading_s if cell.method in READING_COUNTS else 0)
    times = ratio(cell.method, shortened)
    if times == 1:
        return Measured(text=duration(took), note=note)
    estimate = f"the whole recipe would take about {duration(took * times)}: an estimate, {times:g} times as long"
    return Measured(text=duration(took), note="; ".join(filter(None, (note, estimate))))


def fewer(cell: Cell, taught: Taught) -> str:
    """That a cell was taught on fewer clips than it asks for, or ""."""
    return f"taught on {taught.count} clips a class, all there are" if taught.count < cell.count else ""


def ratio(method: str, shortened: Shortened) -> float:
    """How many times the work of a shortened run the published recipe is."""
    whole = LENGTH.get(method, FULL)
    each = ((whole.epochs, shortened.epochs), (whole.frames, shortened.frames))
    product = 1.0
    for full, short in each:
        product *= full / short if full and short else 1
    return product


def duration(seconds: float) -> str:
    """0.7281s, 18m34s, 1h15m24s."""
    if seconds < 60:
        return f"{seconds:.4f}s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}m{rest:02}s" if hours else f"{minutes}m{rest:02}s"


def count(number: int) -> str:
    """91, 42.8K, 22.8M."""
    return _scaled(number, 1000, ("", "K", "M", "G"))


def size(number: int) -> str:
    """10.0KB, 79.7MB: of 1,024 bytes."""
    return _scaled(number, 1024, ("B", "KB", "MB", "GB"))


def _scaled(number: float, step: int, units: tuple[str, ...]) -> str:
    at = 0
    while number >= step and at + 1 < len(units):
        number, at = number / step, at + 1
    return f"{number:.1f}{units[at]}" if at else f"{number:.0f}{units[at]}"
