"""What does each table of the thesis measure? Its cells: what is taught, what is tested, at which quality, by whom."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

from sightcheck.bench.tables.published import Address, printed
from sightcheck.errors import UsageError

STREETS = ("Cityvid", "Citywcvid", "Kittivid")
DANCE = ("Fit", "Puppet", "Swap", "Splice")
FACES = ("DeepFor", "VFHQ")
UNIONS = {"DeepStreets": STREETS, "FakeDance": DANCE}
QUALITIES = ("RAW", "HQ", "LQ")

XCEPTION, TEXTURE, CNN, FUSION = "Xception (3.2.2)", "LDP-TOP", "EfficientNet-B3", "Fusion"
PAIRS, RELEASED = "pairs", "released"
COMPARED = ("F-SVM", "Xcept", "DeFakeHop", "ResNetLSTM")
DANCERS = DANCE[:3]
"""Splice only tests."""


@dataclass(frozen=True)
class Shortened:
    """How a run falls short of the thesis's recipes: epochs, and frames a clip; 0 is the thesis's own."""

    epochs: int = 0
    frames: int = 0

    def __str__(self) -> str:
        given = {"epochs": self.epochs, "frames a clip": self.frames}
        return ", ".join(f"at most {value} {what}" for what, value in given.items() if value)


FULL = Shortened()


@dataclass(frozen=True)
class Cell:
    """One number of a table: where it stands in it, and what it measures. See `published.Address`.

    `own_threshold`: called at the threshold that is best on Fit's validation clips at the tested quality, not at 1/2.
    """

    row: str
    column: str
    method: str
    metric: str
    train: str
    train_quality: str
    test: str
    test_quality: str
    count: int = 0
    own_threshold: bool = False

    @property
    def address(self) -> Address:
        """Where its number stands in the thesis."""
        return Address(
            self.train, self.train_quality, self.test, self.test_quality, self.method, self.count, self.metric
        )


@dataclass(frozen=True)
class Plan:
    """A table: `roles` are the subsets that its clips must come from; `cells` in reading order."""

    number: str
    title: str
    roles: tuple[str, ...]
    cells: tuple[Cell, ...]

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods it compares, in order."""
        return tuple(dict.fromkeys(cell.method for cell in self.cells))

    def only(self, methods: tuple[str, ...]) -> "Plan":
        """The plan with the cells of these methods. Raises UsageError for one that it does not compare."""
        if unknown := [name for name in methods if name not in self.methods]:
            known = ", ".join(self.methods)
            raise UsageError(f"table {self.number} does not compare {', '.join(unknown)}; it compares: {known}")
        return Plan(self.number, self.title, self.roles, tuple(cell for cell in self.cells if cell.method in methods))


def plan(number: str) -> Plan:
    """Number of a table -> its Plan. Raises UsageError with the numbers there are."""
    title = printed(number).title
    cells = tuple(CELLS[number]())
    named = {part for cell in cells for subset in (cell.train, cell.test) for part in members(subset)}
    family = next(roles for roles in (STREETS, DANCE, FACES) if named <= {*roles})
    return Plan(number, title, tuple(role for role in family if role in named), cells)


def members(subset: str) -> tuple[str, ...]:
    """A subset, a union or "A/B" -> the subsets whose clips it has."""
    return UNIONS.get(subset) or tuple(part for part in subset.split("/") if part)


def _matched_streets() -> Iterator[Cell]:
    for subset, quality in product((*STREETS, "DeepStreets"), QUALITIES):
        yield Cell(subset, quality, XCEPTION, "frame accuracy", subset, quality, subset, quality)


def _mismatched_streets() -> Iterator[Cell]:
    for taught, tested in product(QUALITIES, QUALITIES):
        yield Cell(taught, tested, XCEPTION, "frame accuracy", "DeepStreets", taught, "DeepStreets", tested)


def _across_streets() -> Iterator[Cell]:
    for train, test in product(STREETS, STREETS):
        yield Cell(train, test, XCEPTION, "frame accuracy", train, "RAW", test, "RAW")


def _same_city() -> Iterator[Cell]:
    train = "Cityvid/Kittivid"
    for test in (train, "Cityvid"):
        yield Cell(train, test, XCEPTION, "frame accuracy", train, "RAW", test, "RAW")


def _likeness() -> Iterator[Cell]:
    for test, metric in (("Puppet", "SSIM"), ("Fit", "SSIM"), ("Splice", "Mask-SSIM")):
        yield Cell(test, metric, PAIRS, metric, "", "", test, "RAW")


def _matched_dance(quality: str) -> Iterator[Cell]:
    for train, method, test, metric in product(DANCERS, (TEXTURE, CNN), DANCERS, ("ACC", "AUC")):
        yield Cell(train, test, method, metric, train, quality, test, quality)


def _mismatched_dance(metrics: tuple[str, ...], own_threshold: bool = False) -> Iterator[Cell]:
    for test, method, taught, tested, metric in product(DANCERS, (TEXTURE, CNN), QUALITIES, QUALITIES, metrics):
        if taught != tested:
            column = f"{taught} to {tested}"
            yield Cell(test, column, method, metric, "Fit", taught, test, tested, own_threshold=own_threshold)


def _splice() -> Iterator[Cell]:
    for method, quality, metric in product((TEXTURE, CNN), QUALITIES, ("ACC", "AUC")):
        yield Cell("Splice", quality, method, metric, "Fit", "RAW", "Splice", quality)


def _scarce_dance() -> Iterator[Cell]:
    for count, test, method, metric in product(
        (2, 4, 8, 16, 32, 54), ("Swap", "Puppet", "Fit", "Splice"), (TEXTURE, CNN), ("ACC", "AUC")
    ):
        yield Cell(str(count), test, method, metric, "Fit", "RAW", test, "RAW", count)


def _fusion(quality: str) -> Iterator[Cell]:
    for train, method, test in product(DANCERS, (TEXTURE, CNN, FUSION), DANCERS):
        metric = "ACC" if method == FUSION else "change by fusion"
        yield Cell(train, test, method, metric, train, quality, test, quality)


def _released() -> Iterator[Cell]:
    yield Cell("FakeDance", "one frame a second", RELEASED, "ACC", "", "", "FakeDance", "RAW")


def _scarce_streets() -> Iterator[Cell]:
    for quality, subset, count, method in product(QUALITIES, STREETS, (2, 4, 8, 16, 32, 64, 128), COMPARED[:2]):
        column = f"{subset} {quality}"
        yield Cell(str(count), column, method, "video accuracy", subset, quality, subset, quality, count)


def _few_across_streets() -> Iterator[Cell]:
    for test, method, train in product(STREETS, ("Xcept", "F-SVM"), STREETS):
        if train != test:
            yield Cell(test, f"taught on {train}", method, "video accuracy", train, "RAW", test, "RAW", 120)


def _scarce_faces() -> Iterator[Cell]:
    for count, subset, method in product((2, 4, 8, 16, 32, 64, 128, 256), FACES, COMPARED):
        yield Cell(str(count), subset, method, "video accuracy", subset, "RAW", subset, "RAW", count)


def _cost() -> Iterator[Cell]:
    """Parameters and size are printed once, so they are those of the model taught on DeepFor."""
    for method in COMPARED:
        for row, metric, train in (
            ("parameters", "parameters", "DeepFor"),
            ("training time (DeepFor)", "training time", "DeepFor"),
            ("training time (VFHQ)", "training time", "VFHQ"),
            ("model size", "model size", "DeepFor"),
        ):
            yield Cell(row, "16 clips a class", method, metric, train, "RAW", "", "", 16)


CELLS: dict[str, Callable[[], Iterator[Cell]]] = {
    "3.2": _matched_streets,
    "3.3": _mismatched_streets,
    "3.4": _across_streets,
    "3.extra": _same_city,
    "4.2": _likeness,
    "4.4": lambda: _matched_dance("RAW"),
    "4.5": lambda: _matched_dance("HQ"),
    "4.6": lambda: _matched_dance("LQ"),
    "4.7": lambda: _mismatched_dance(("ACC", "AUC")),
    "4.8": lambda: _mismatched_dance(("ACC", "AUC"), own_threshold=True),
    "4.9": lambda: _mismatched_dance(("change by threshold",)),
    "4.10": _splice,
    "4.11": _scarce_dance,
    "4.12": lambda: _fusion("RAW"),
    "4.13": lambda: _fusion("HQ"),
    "4.14": lambda: _fusion("LQ"),
    "4.sota": _released,
    "5.1": _scarce_streets,
    "5.2": _few_across_streets,
    "5.3": _scarce_faces,
    "5.4": _cost,
}
