"""Do tables and figures say what was measured, whatever the names?"""

import csv
import io
import math
from dataclasses import replace
from html.parser import HTMLParser
from itertools import product
from typing import ClassVar
from xml.etree import ElementTree

import numpy as np
import pytest

from sightcheck.bench.figures import STROKES, Curve, average_shares, components, curves, page
from sightcheck.bench.tables import published
from sightcheck.bench.tables.compared import Compared, to_csv, to_html, to_text
from sightcheck.bench.tables.grid import Result, grid
from sightcheck.bench.tables.plans import plan
from sightcheck.data.manifest import Item
from sightcheck.protocol.metrics import Estimate

NAN = float("nan")
EVIL = '=cmd|"</td><script>alert(1)</script>\x1b[31m'
TABLE = Compared(
    "5.2",
    "Across <subsets>",
    (
        Result("Cityvid", "taught on Kittivid", "F-SVM", "accuracy", Estimate(82.5, 75.0, 90.0, 40, 40), 80.0),
        Result("Cityvid", EVIL, "Xcept", "accuracy", Estimate(50.0, NAN, NAN, 40, 1), None, "a note"),
        Result("Kittivid", "taught on Kittivid", "F-SVM", "accuracy", None, 85.5, "nothing to teach"),
    ),
    ("Shortened.",),
    "clips of a table",
    percent=True,
    text=False,
)


def shown(page: str) -> list[str]:
    """The text of every cell of a page's table, row by row."""

    class Cells(HTMLParser):
        found: ClassVar[list[str]] = []

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            assert tag not in ("script", "img", "link", "iframe")
            assert not {name for name, _ in attrs} & {"src", "href", "onclick"}
            if tag in ("td", "th"):
                self.found.append("")

        def handle_data(self, data: str) -> None:
            if self.found:
                self.found[-1] += data

    Cells.found = []
    Cells().feed(page.split("</table>")[0])
    return [" ".join(cell.split()) for cell in Cells.found]


def test_text_has_ours_published_and_the_difference() -> None:
    lines = to_text(TABLE).splitlines()
    cells = [[cell.strip() for cell in line.split(" | ")] for line in lines if line.startswith("| ")]
    assert cells[2] == [
        "| Cityvid",
        "taught on Kittivid",
        "F-SVM",
        "accuracy",
        "82.5 [75.0, 90.0]",
        "40",
        "80.0",
        "+2.5",
        "|",
    ]
    assert cells[4][4:] == ["-", "", "85.5", "", "nothing to teach |"]
    assert [len(line) for line in cells] == [9] * 5
    assert "\x1b" not in "".join(lines)
    assert lines[-1] == "- Shortened."


def test_csv_has_a_line_a_cell_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(TABLE))))
    assert [row["ours"] for row in rows] == ["82.5", "50.0", ""]
    assert [row["difference"] for row in rows] == ["2.5", "", ""]
    assert [row["groups"] for row in rows] == ["40", "1", "0"]
    assert rows[1]["column"].startswith("'=cmd")
    assert "\x1b" not in to_csv(TABLE)
    assert rows[1]["low"] == ""


def test_the_page_runs_nothing_and_says_what_the_table_says() -> None:
    page = to_html(TABLE)
    cells = shown(page)
    assert "default-src 'none'" in page
    assert cells[0] == ""
    assert "82.5 [75.0, 90.0] pub. 80.0 +2.5" in cells
    assert "50.0 40 clips no published a note" in cells
    assert "- pub. 85.5 nothing to teach" in cells
    assert "\x1b" not in page


def test_numbers_keep_the_digits_they_were_printed_with_and_no_minus_before_zero() -> None:
    one = Result("Cityvid", "RAW", "Xcept", "accuracy", Estimate(99.83, NAN, NAN, 1, 1), 99.86)
    found = replace(TABLE, results=(one,))
    assert (found.ours(one), found.interval(one), found.published(one), found.difference(one)) == (
        "99.8", "", "99.86", "+0.0",
    )  # fmt: skip


def test_what_is_not_published_is_said() -> None:
    own = replace(TABLE, results=TABLE.results[1:2])
    assert to_text(own).splitlines()[-1] == "- published: no numbers of the thesis belong to these cells"


def laid(number: str, names: list[str]) -> tuple[list[list[str]], list[list[str]]]:
    """Heads of the columns, heads of the rows, of cells named row/column/method/metric."""
    cells = [name.split("/") for name in names]
    found = grid(number, [Result(a, b, c, d, Estimate(1, 1, 1, 1, 1), None) for a, b, c, d in cells])
    assert all(len(row.cells) == sum(head.span for head in found.heads[-1]) for row in found.rows)
    return (
        [[f"{head.name} {head.span}" for head in level] for level in found.heads],
        [[head.name for head in row.heads] for row in found.rows],
    )


def every(*values: str) -> list[str]:
    return ["/".join(one) for one in product(*(value.split() for value in values))]


def test_methods_are_rows_where_the_thesis_has_them_so() -> None:
    heads, rows = laid("4.7", [f"{a}/{c}/{b}/{d}" for a, b, c, d in product("FP", "TC", "xy", ("ACC", "AUC"))])
    assert heads == [["x 2", "y 2"], ["ACC 1", "AUC 1"] * 2]
    assert [len(row) for row in rows] == [2, 1, 2, 1]


def test_methods_are_above_or_below_the_columns_elsewhere() -> None:
    cells = every("F P", "F P", "T C", "ACC AUC")
    assert laid("4.4", cells)[0][0] == ["T 4", "C 4"]
    assert laid("4.11", cells)[0][:2] == [["F 4", "P 4"], ["T 2", "C 2"] * 2]


def test_what_all_cells_share_has_no_head() -> None:
    assert laid("3.4", every("A B", "A B", "X", "ACC")) == ([["A 1", "B 1"]], [["A"], ["B"]])
    assert laid("5.4", ["size/16/X/size", "size/16/Y/size", "time/16/X/time", "time/16/Y/time"])[0] == [["X 1", "Y 1"]]


def test_a_diagonal_left_out_moves_no_column() -> None:
    cells = [f"{a}/{b}/X/ACC" for a, b in product("ABC", "ABC") if a != b]
    assert laid("5.2", cells)[0] == [["A 1", "B 1", "C 1"]]


@pytest.mark.parametrize("number", published.numbers())
def test_every_cell_of_every_table_has_its_place(number: str) -> None:
    cells = [Result(cell.row, cell.column, cell.method, cell.metric, None, None) for cell in plan(number).cells]
    found = grid(number, cells)
    assert sorted(map(id, cells)) == sorted(id(cell) for row in found.rows for cell in row.cells if cell)


def test_words_stand_where_a_table_has_words() -> None:
    one = Result("training time", "VFHQ", "Xcept", "", None, None, "", "1m02s", "17m45s")
    found = Compared("5.4", "Cost", (one,), (), "clips", percent=False, text=True)
    assert "| 1m02s |       | 17m45s " in to_text(found)
    assert "1m02s pub. 17m45s" in shown(to_html(found))


@pytest.fixture
def items() -> list[Item]:
    return [
        Item(path=f"{at}", label="fake" if at % 2 else "real", generator=EVIL if at % 2 else "", source=f"s{at}")
        for at in range(8)
    ]


def test_figures_are_whole_whatever_the_names(items: list[Item]) -> None:
    shares = np.random.default_rng(0).dirichlet(np.ones(3), (8, 5))
    for drawn in (
        average_shares(shares, items),
        components(shares.reshape(8, -1), np.array([item.synthetic for item in items])),
    ):
        ElementTree.fromstring(drawn)
        assert "<script" not in drawn


def test_a_bar_is_the_mean_share(items: list[Item]) -> None:
    shares = np.zeros((8, 5, 3))
    shares[..., 0] = 1
    bars = [one for one in ElementTree.fromstring(average_shares(shares, items)).iter() if one.tag.endswith("rect")]
    real = [float(one.get("width", 0)) for one in bars if one.get("class") == "s0"]
    assert real == [150, 0, 0]


def test_shares_are_drawn_by_kind_and_generator(items: list[Item]) -> None:
    kinds = [replace(item, kind="street" if at < 4 else "dance") for at, item in enumerate(items)]
    drawn = ElementTree.fromstring(average_shares(np.full((8, 5, 3), 1 / 3), kinds))
    texts = [one.text or "" for one in drawn.iter() if one.tag.endswith("text")]
    named = [text for text in texts if text.startswith(("dance", "street", "real", "synthetic", "=cmd"))]
    evil = next(text for text in named if text.startswith("=cmd"))
    assert named == ["dance", "real (2)", "synthetic (2)", evil, "street", "real (2)", "synthetic (2)", evil]
    assert texts.count("33 %") == 18


def test_clips_far_from_the_others_are_drawn_on_the_edge_and_said_to_be() -> None:
    vectors = np.random.default_rng(0).normal(size=(300, 6))
    vectors[0] = 50
    drawn = components(vectors, np.arange(300) % 2 == 0)
    places = [one.get("transform", "") for one in ElementTree.fromstring(drawn).iter() if one.get("transform")]
    across = [float(place.split("(")[1].split()[0]) for place in places if place.startswith("translate")]
    assert max(across) <= 42 + 290 * 2 + 256
    assert "clips lie beyond a frame" in drawn


def test_a_page_of_figures_asks_for_nothing(items: list[Item]) -> None:
    shares = np.full((8, 5, 3), 1 / 3)
    shown(page((average_shares(shares, items), curves([]))))


def test_curves_leave_out_what_was_not_drawn_and_labels_keep_apart() -> None:
    series = [Curve(f"detector {at}", ((2, 0.6, 0.5, 0.7), (4, 0.9, 0.8, 1), (8, NAN, NAN, NAN))) for at in range(9)]
    drawn = ElementTree.fromstring(curves(series))
    labels = [one for one in drawn.iter() if one.tag.endswith("text") and (one.text or "").startswith("detector")]
    heights = sorted(float(one.get("y", 0)) for one in labels)
    assert len(labels) == 9
    assert min(np.diff(heights)) >= 17.9
    assert "nan" not in curves(series)
    assert not math.isnan(heights[0])


def test_no_two_curves_look_alike_and_one_that_ends_early_says_where() -> None:
    assert len({(mark, filled) for mark, filled, _ in STROKES}) == len(STROKES) == 9
    series = [
        Curve("long", ((2, 0.6, 0.5, 0.7), (4, 0.9, 0.8, 1))),
        Curve("short", ((2, 0.5, 0.5, 0.5), (4, NAN, NAN, NAN))),
    ]
    assert ">long 0.90<" in curves(series)
    assert ">short 0.50 from 2<" in curves(series)
