"""How is a table of the thesis shown beside ours? Markdown for a terminal, CSV, one HTML page."""

import csv
import io
import math
from dataclasses import dataclass

from sightcheck.bench.tables.grid import Result, grid
from sightcheck.data.manifest import inert
from sightcheck.protocol.metrics import Estimate
from sightcheck.report.report import visible

WHERE = ("table", "row", "column", "method", "metric")
COLUMNS = (*WHERE, "ours", "low", "high", "clips", "groups", "published", "difference", "note")


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
    def remarks(self) -> tuple[str, ...]:
        """The notes, and why nothing is published where nothing is."""
        known = any(one.published is not None or one.published_text for one in self.results)
        return self.notes if known else (*self.notes, "published: no numbers of the thesis belong to these cells")

    def ours(self, one: Result) -> str:
        """Our number, or our words."""
        return one.ours_text or ("-" if one.ours is None else self.number_of(one.ours.value))

    def interval(self, one: Result) -> str:
        """Our 95 % interval, "" where it is not known."""
        if one.ours_text or one.ours is None or math.isnan(one.ours.low):
            return ""
        return f"[{self.number_of(one.ours.low)}, {self.number_of(one.ours.high)}]"

    def published(self, one: Result) -> str:
        """The published number with the digits it was printed with, or its words."""
        if one.published_text or one.published is None:
            return one.published_text or "-"
        printed = f"{one.published:.4f}".rstrip("0").partition(".")[2]
        return f"{one.published:.{max(self.digits, len(printed))}f}"

    def difference(self, one: Result) -> str:
        """Ours less published, with its sign."""
        value = one.difference
        return "" if value is None else f"{round(value, self.digits) + 0.0:+.{self.digits}f}"

    def number_of(self, value: float) -> str:
        """A number as the table writes it."""
        return "-" if math.isnan(value) else f"{value:.{self.digits}f}"

    @property
    def digits(self) -> int:
        """Digits after the point."""
        return 1 if self.percent else 2


def to_text(found: Compared) -> str:
    """Compared -> Markdown, one line a cell, its columns aligned: readable as it is."""
    rows: list[tuple[str, ...]] = [(*WHERE[1:], "ours", "clips", "published", "difference", "note")]
    for one in found.results:
        ours = f"{found.ours(one)} {found.interval(one)}".rstrip()
        told = (
            one.row,
            one.column,
            one.method,
            one.metric,
            ours,
            str(one.ours.n) if one.ours else "",
            found.published(one),
            found.difference(one),
            one.note,
        )
        rows.append(tuple(visible(cell).replace("|", "\\|") for cell in told))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[-1] = len("note")  # a long one must not widen every line
    rows.insert(1, tuple("-" * width for width in widths))
    lines = [f"| {' | '.join(map(str.ljust, row, widths))} |" for row in rows]
    notes = [f"- {visible(note)}" for note in found.remarks]
    title = f"# Table {found.number}: {found.title}"
    return "\n".join([visible(title), "", visible(found.data), "", *lines, "", *notes])


def to_csv(found: Compared) -> str:
    """Compared -> one line a cell; what a spreadsheet would run as a formula gets a leading apostrophe."""
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(COLUMNS)
    for one in found.results:
        own = one.ours or Estimate(math.nan, math.nan, math.nan, 0, 0)
        values = (own.value, own.low, own.high, math.nan if one.difference is None else one.difference)
        ours, low, high, difference = ("" if math.isnan(value) else round(value, 4) for value in values)
        published = one.published_text or ("" if one.published is None else one.published)
        where = (found.number, one.row, one.column, one.method, one.metric)
        cells = (*where, one.ours_text or ours, low, high, own.n, own.groups, published, difference, one.note)
        table.writerow([inert(visible(cell)) if isinstance(cell, str) else cell for cell in cells])
    return out.getvalue()


def to_html(found: Compared) -> str:
    """Compared -> one page that needs nothing else: the table in the thesis's shape, published small below ours."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("sightcheck", ""), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    pages.globals["visible"] = visible
    return pages.get_template("bench/tables/compared.html.j2").render(
        found=found, grid=grid(found.number, found.results)
    )
