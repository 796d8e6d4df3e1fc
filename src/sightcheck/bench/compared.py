"""How is a table of the thesis shown beside ours? Markdown for a terminal, CSV, one HTML page."""

import csv
import io
import math
from dataclasses import dataclass

from sightcheck.bench.metrics import Estimate
from sightcheck.data.manifest import inert
from sightcheck.report import visible


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
class Compared:
    """A table: its cells in reading order, what it was run on, and what a reader must know of it.

    `percent`: numbers are percents, 0 to 100; `text`: cells are words such as "18m34s".
    """

    number: str
    title: str
    results: tuple[Result, ...]
    notes: tuple[str, ...]
    data: str
    percent: bool
    text: bool

    @property
    def rows(self) -> tuple[str, ...]:
        """Names of the rows, in order."""
        return tuple(dict.fromkeys(one.row for one in self.results))

    @property
    def columns(self) -> tuple[tuple[str, str, str], ...]:
        """(column, method, metric) of the columns, in order, those of one column together."""
        found = dict.fromkeys((one.column, one.method, one.metric) for one in self.results)
        order = {name: at for at, name in enumerate(dict.fromkeys(one.column for one in self.results))}
        return tuple(sorted(found, key=lambda one: order[one[0]]))

    def at(self, row: str, column: tuple[str, str, str]) -> Result | None:
        """The cell of a row and a column."""
        found = [one for one in self.results if one.row == row and (one.column, one.method, one.metric) == column]
        return found[0] if found else None

    def ours(self, one: Result) -> str:
        """Our number with its interval, or our words."""
        if one.ours_text or one.ours is None:
            return one.ours_text or "-"
        interval = ""
        if not math.isnan(one.ours.low):
            interval = f" [{self.number_of(one.ours.low)}, {self.number_of(one.ours.high)}]"
        return self.number_of(one.ours.value) + interval

    def published(self, one: Result) -> str:
        """The published number, or its words."""
        return one.published_text or ("-" if one.published is None else self.number_of(one.published))

    def difference(self, one: Result) -> str:
        """Ours less published, with its sign."""
        value = one.difference
        return "" if value is None else f"{value:+.1f}" if self.percent else f"{value:+.2f}"

    def number_of(self, value: float) -> str:
        """A number as the table writes it."""
        return "-" if math.isnan(value) else f"{value:.1f}" if self.percent else f"{value:.2f}"


def to_text(found: Compared) -> str:
    """Compared -> Markdown, one line a cell, readable as it is."""
    lines = [f"# Table {found.number}: {found.title}", "", found.data, ""]
    lines += ["| row | column | method | metric | ours | published | difference | |", "|---" * 8 + "|"]
    for one in found.results:
        cells = (one.row, one.column, one.method, one.metric, found.ours(one), found.published(one))
        lines.append(f"| {' | '.join(cells)} | {found.difference(one)} | {one.note} |")
    lines += ["", *(f"- {note}" for note in found.notes)]
    return "\n".join(visible(line) for line in lines)


def to_csv(found: Compared) -> str:
    """Compared -> one line a cell; what a spreadsheet would run as a formula gets a leading apostrophe."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(("table", "row", "column", "method", "metric", "ours", "low", "high", "published", "note"))
    for one in found.results:
        own = one.ours or Estimate(math.nan, math.nan, math.nan, 0, 0)
        numbers = ["" if math.isnan(value) else round(value, 4) for value in (own.value, own.low, own.high)]
        ours = [one.ours_text or numbers[0], *numbers[1:]]
        published = one.published_text or ("" if one.published is None else one.published)
        cells = (found.number, one.row, one.column, one.method, one.metric, *ours, published, one.note)
        table.writerow([inert(cell) for cell in cells])
    return out.getvalue()


def to_html(found: Compared) -> str:
    """Compared -> one page that needs nothing else: the table in its own shape, published and difference below ours."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("sightcheck", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    pages.globals["visible"] = visible
    return pages.get_template("bench/compared.html.j2").render(found=found)
