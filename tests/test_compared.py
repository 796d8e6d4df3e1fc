"""Do tables and figures say what was measured, whatever the names?"""

import csv
import io
import math
from html.parser import HTMLParser
from xml.etree import ElementTree

import numpy as np
import pytest

from sightcheck.bench.compared import Compared, Result, to_csv, to_html, to_text
from sightcheck.bench.figures import Curve, average_shares, components, curves
from sightcheck.bench.metrics import Estimate
from sightcheck.data.manifest import Item

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


def test_text_has_ours_published_and_the_difference() -> None:
    shown = to_text(TABLE)
    assert "| Cityvid | taught on Kittivid | F-SVM | accuracy | 82.5 [75.0, 90.0] | 80.0 | +2.5 |" in shown
    assert "| - | 85.5 |  | nothing to teach |" in shown
    assert "\x1b" not in shown
    assert shown.endswith("- Shortened.")


def test_csv_has_a_line_a_cell_and_no_formula() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(TABLE))))
    assert [row["ours"] for row in rows] == ["82.5", "50.0", ""]
    assert rows[1]["column"].startswith("'=cmd")
    assert rows[1]["low"] == ""


def test_the_page_runs_nothing_and_keeps_the_tables_shape() -> None:
    page = to_html(TABLE)
    HTMLParser().feed(page)
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert page.count('<th scope="row">') == 2
    assert "published 80.0" in page
    assert "+2.5" in page


def test_words_stand_where_a_table_has_words() -> None:
    one = Result("training time", "VFHQ", "Xcept", "", None, None, "", "1m02s", "17m45s")
    found = Compared("5.4", "Cost", (one,), (), "clips", percent=False, text=True)
    assert "| 1m02s | 17m45s |" in to_text(found)
    assert "1m02s" in to_html(found)


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
    bars = [one for one in ElementTree.fromstring(average_shares(shares, items)).iter() if one.get("fill") == "#1f6fa8"]
    assert [float(one.get("width", 0)) for one in bars] == [190, 0, 0]


def test_curves_leave_out_what_was_not_drawn_and_labels_keep_apart() -> None:
    series = [Curve(f"detector {at}", ((2, 0.6, 0.5, 0.7), (4, 0.9, 0.8, 1), (8, NAN, NAN, NAN))) for at in range(9)]
    drawn = ElementTree.fromstring(curves(series))
    labels = [one for one in drawn.iter() if (one.text or "").startswith("detector")]
    heights = sorted(float(one.get("y", 0)) for one in labels)
    assert len(labels) == 9
    assert min(np.diff(heights)) >= 17.9
    assert "nan" not in curves(series)
    assert not math.isnan(heights[0])
