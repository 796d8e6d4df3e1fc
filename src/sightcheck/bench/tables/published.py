"""Which numbers did the thesis print? Those of its tables 3.2 to 5.4, each by its address."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sightcheck.errors import UsageError

FILE = Path(__file__).with_name("published.json")


@dataclass(frozen=True)
class Address:
    """Where a number stands: what was taught and tested, at which quality, by which method, from how many clips.

    "" where a table has no such thing; `count` is of each label, 0 for every training clip. "A/B" is the real clips of
    A with the synthetic ones of B. The quality is RAW, HQ or LQ: H.264 at CRF 0, 23 or 40.
    """

    train: str
    train_quality: str
    test: str
    test_quality: str
    method: str
    count: int
    metric: str


@dataclass(frozen=True)
class Printed:
    """One table as printed.

    `contradictions`: (printed, what the thesis's own other tables give) by address. `notes` say how to read the table,
    `remarks` what is odd about the printed numbers.
    """

    title: str
    percent: bool
    numbers: dict[Address, float | str]
    contradictions: dict[Address, tuple[float, float]]
    notes: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def text(self) -> bool:
        """Whether the numbers are printed with units, such as 18m34s."""
        return any(isinstance(value, str) for value in self.numbers.values())


def printed(number: str) -> Printed:
    """Number of a table, such as "4.7" -> Printed. Raises UsageError with the numbers there are."""
    if number not in numbers():
        raise UsageError(f"there is no table {number!r} here; there are: {', '.join(numbers())}")
    table = _file()[number]
    given, metrics = table["cells"] or [], table["metrics"]
    values = {
        Address(*[*cell[:6], metric]): value
        for cell in given
        for metric, value in zip(metrics, cell[6:], strict=True)
        if value is not None
    }
    wrong = {Address(*[*cell[:6], metrics[0]]): (cell[6], cell[7]) for cell in table.get("contradictions", [])}
    return Printed(table["title"], table["percent"], values, wrong, tuple(table["notes"]), tuple(table["remarks"]))


def numbers() -> tuple[str, ...]:
    """The tables there are, in the order of the thesis."""
    return tuple(_file())


@cache
def _file() -> dict[str, Any]:
    return dict(json.loads(FILE.read_text(encoding="utf-8"))["tables"])
