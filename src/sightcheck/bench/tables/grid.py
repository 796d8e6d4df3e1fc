"""Where does each cell of a table stand? In the rows and columns of the thesis, under heads that span several."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean
from typing import Literal

from sightcheck.protocol.metrics import Estimate


@dataclass(frozen=True)
class Result:
    """One cell: where it stands, ours with its interval, the published number; texts where cells are no numbers."""

    row: str
    column: str
    method: str
    metric: str
    ours: Estimate | None
    published: float | None
    note: str = ""
    ours_text: str = ""
    published_text: str = ""

    @property
    def difference(self) -> float | None:
        """Ours less published; None where one is missing."""
        if self.ours is None or self.published is None or math.isnan(self.ours.value):
            return None
        return self.ours.value - self.published


@dataclass(frozen=True)
class Shape:
    """How the thesis lays a table out: what rows and columns stand for, and where it tells methods apart.

    `methods`: "rows" where each is a row of its own, "above" or "below" where they are heads of or under the columns.
    """

    axes: str = ""
    methods: Literal["rows", "above", "below"] = "below"


FIELDS = {
    "rows": (("row", "method"), ("column", "metric")),
    "above": (("row",), ("method", "column", "metric")),
    "below": (("row",), ("column", "method", "metric")),
}
"""What heads name, by where methods are: of the rows, of the columns."""

TAUGHT = "Rows: taught on; columns: tested on"
SHAPES = {
    **dict.fromkeys(("3.3", "3.4", "3.extra"), Shape(TAUGHT)),
    **dict.fromkeys(("4.4", "4.5", "4.6", "4.12", "4.13", "4.14"), Shape(TAUGHT, "above")),
    **dict.fromkeys(("4.7", "4.8", "4.9"), Shape("Rows: tested on; columns: quality taught to quality tested", "rows")),
    "4.10": Shape("Columns: quality tested", "rows"),
    "5.2": Shape("Rows: tested on", "rows"),
    **dict.fromkeys(("4.11", "5.1", "5.3"), Shape("Rows: clips a class that teach")),
}


@dataclass(frozen=True)
class Head:
    """A name over `span` columns, or before as many rows, from number `at` on."""

    at: int
    name: str
    span: int


@dataclass(frozen=True)
class Row:
    """A row: the heads that begin there, and a cell for every column."""

    heads: tuple[Head, ...]
    cells: tuple[Result | None, ...]


@dataclass(frozen=True)
class Grid:
    """A table in rows and columns.

    `axes`: what they stand for, or ""; `shared`: what every cell has in common, so that no head says it; `heads`: of
    the columns, from the widest on; `depth`: heads of a row; `parted`: columns that begin a new group.
    """

    axes: str
    shared: tuple[str, ...]
    heads: tuple[tuple[Head, ...], ...]
    depth: int
    parted: frozenset[int]
    rows: tuple[Row, ...]


def grid(number: str, results: Sequence[Result]) -> Grid:
    """Number of a table, its cells in reading order -> Grid."""
    shape = SHAPES.get(number, Shape())
    values = {name: {getattr(one, name) for one in results} for name in ("row", "column", "method", "metric")}
    down, across = FIELDS[shape.methods]
    if len({(one.row, one.metric) for one in results}) == len(values["row"]) > 1:
        across = across[:-1]  # the row says which metric
    down, across = (tuple(name for name in names if len(values[name]) > 1) or names[:1] for names in (down, across))
    cells = {(_key(one, down), _key(one, across)): one for one in results}
    rows, place = list(dict.fromkeys(key for key, _ in cells)), _places(results)
    columns = sorted({key for _, key in cells}, key=lambda key: [place[at] for at in zip(across, key, strict=True)])
    heads = tuple(_heads(columns, level) for level in range(len(across)))
    begun = [head for level in range(len(down)) for head in _heads(rows, level)]
    return Grid(
        axes=shape.axes,
        shared=tuple(min(only) for name, only in values.items() if len(only) == 1 and name not in down + across),
        heads=heads,
        depth=len(down),
        parted=frozenset(head.at for head in heads[0] if head.at and len(heads) > 1),
        rows=tuple(
            Row(tuple(head for head in begun if head.at == at), tuple(cells.get((row, column)) for column in columns))
            for at, row in enumerate(rows)
        ),
    )


def _key(one: Result, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(getattr(one, name) for name in names)


def _heads(keys: Sequence[tuple[str, ...]], level: int) -> tuple[Head, ...]:
    """Keys in order -> the heads of one level: neighbours alike down to it share one."""
    found = []
    for start, alike in groupby(range(len(keys)), key=lambda at: keys[at][: level + 1]):
        covered = list(alike)
        found.append(Head(covered[0], start[-1], len(covered)))
    return tuple(found)


def _places(results: Sequence[Result]) -> dict[tuple[str, str], float]:
    """(field, value) -> where it stands: in the order of the cells, a column by its mean place in the rows.

    So a diagonal that is left out moves no column.
    """
    rows: dict[str, dict[str, None]] = {}
    for one in results:
        rows.setdefault(one.row, {})[one.column] = None
    seen: dict[tuple[str, str], list[int]] = {}
    for row in rows.values():
        for at, column in enumerate(row):
            seen.setdefault(("column", column), []).append(at)
    for name in ("method", "metric"):
        for at, value in enumerate(dict.fromkeys(getattr(one, name) for one in results)):
            seen[name, value] = [at]
    return {key: fmean(found) for key, found in seen.items()}
