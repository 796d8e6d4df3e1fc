"""Stated ratios beside observed ones: drawn, told, and kept with a model."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import msgspec
import pytest
from test_report import CLIP, footprint, made

from sightcheck.report import reliability, report
from sightcheck.report.report import Document
from sightcheck.verdict import RatioBand, Reliability, Tippett

NONE = RatioBand(0, 0, 0, 0.0, 0.0, None, None)
KNOWN = Reliability(
    edges=(-1.0, -0.5, 0.5, 1.0),
    bands=(
        RatioBand(40, 5, 6, 0.5, 0.05, -1.2, -1.0),
        NONE,
        RatioBand(30, 20, 7, 0.4, 0.2, 0.1, -0.3),
        RatioBand(8, 60, 5, 0.1, 0.8, 0.7, 0.903),
        RatioBand(0, 1, 1, 0.0, 0.05, 1.3, None),
    ),
    tippett=Tippett((-2.0, -1.0, 0.0, 1.0, 2.0), (1.0, 0.5, 0.2, 0.0, 0.0), (1.0, 0.95, 0.9, 0.05, 0.0)),
    sources_real=4,
    sources_synthetic=3,
)


class Drawn(HTMLParser):
    """The attributes of each element by its tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def page(log10_lr: float | None) -> str:
    return report.to_html([made(footprint(log10_lr, reliability=KNOWN))])


@pytest.mark.parametrize(
    ("log10_lr", "told"),
    [
        (0.6, "about 5 : 1 on average, were 8 times as frequent among synthetic clips as among real ones (8 real and "
              "60 synthetic clips of 5 sources)."),
        (-1.5, "about 1 : 16 on average, were 10 times as frequent among real clips as among synthetic ones (40 real "
               "and 5 synthetic clips of 6 sources)."),
        (0.2, "about 1.3 : 1 on average, were 2 times as frequent among real clips as among synthetic ones"),
        (1.1, "1 synthetic clip was given a ratio like this one, about 20 : 1 on average, and no real one was."),
        (-0.7, "none was given a ratio like this one: what it is worth was not tested."),
    ],
)  # fmt: skip
def test_the_sentence_tells_the_band_of_this_clip(log10_lr: float, told: str) -> None:
    sentence = reliability.sentence(KNOWN, log10_lr)
    assert sentence.startswith("Of clips of sources that taught nothing, ")
    assert told in sentence


def test_as_frequent_on_both_sides_is_not_one_time_as_frequent() -> None:
    even = replace(KNOWN, bands=(*KNOWN.bands[:2], replace(KNOWN.bands[2], observed=0.01), *KNOWN.bands[3:]))
    assert "were as frequent among synthetic clips as among real ones" in reliability.sentence(even, 0.0)


@pytest.mark.parametrize(
    ("log10_lr", "told"),
    [
        (1.0, "None of the real and 5 % of the synthetic clips were given as much or more."),
        (0.3, "20 % of the real and 90 % of the synthetic clips were given as much or more."),
        (9.0, "None of the real and none of the synthetic clips were given as much or more."),
        (-1.0, "80 % of the real and 10 % of the synthetic clips were given as little or less."),
        (-1.5, "50 % of the real and 5 % of the synthetic clips were given as little or less."),
        (-9.0, "None of the real and none of the synthetic clips were given as little or less."),
    ],
)
def test_how_many_got_as_much_is_read_off_the_curves_never_too_few(log10_lr: float, told: str) -> None:
    assert reliability.reached(KNOWN, log10_lr) == told


def test_the_plot_has_steps_the_bands_and_this_clip_within_it() -> None:
    drawn = reliability.plot(KNOWN, 0.5)
    assert drawn.real == "M0.00 0.00H25.00V50.00H50.00V80.00H75.00V100.00H100.00V100.00"
    assert drawn.here == 62.5
    assert reliability.plot(KNOWN, -7.0).here == 0
    assert [(one.start, one.width, one.name, one.side) for one in drawn.bands] == [
        (0, 25, "moderate", "left"),
        (25, 12.5, "weak", "left"),
        (37.5, 25, "undecided", "middle"),
        (62.5, 12.5, "weak", "right"),
        (75, 25, "moderate", "right"),
    ]
    assert [tick.label for tick in drawn.x] == ["−2", "−1", "0", "+1", "+2"]
    assert [tick.at for tick in drawn.y] == [100, 75, 50, 25, 0]


def test_rows_tell_bands_with_clips_and_that_of_this_clip() -> None:
    rows = reliability.rows(KNOWN, -0.6)
    assert [(one.log10_lr, one.stated, one.observed, one.here) for one in rows] == [
        ("under −1", "1 : 16", "1 : 10", False),
        ("−1 to −0.5", "none", "no clips", True),
        ("−0.5 to 0.5", "1.3 : 1", "1 : 2", False),
        ("0.5 to 1", "5 : 1", "8 : 1", False),
        ("over 1", "20 : 1", "only synthetic", False),
    ]
    assert len(reliability.rows(KNOWN)) == 4


def test_the_page_draws_it_where_the_clip_has_a_ratio() -> None:
    html = page(0.6)
    assert reliability.sentence(KNOWN, 0.6) in html
    elements = Drawn(html).found
    (figure,) = (a for tag, a in elements if tag == "svg" and "Tippett" in (a.get("aria-label") or ""))
    assert figure["role"] == "img"
    assert "this clip at a log10 LR of +0.60" in (figure["aria-label"] or "")
    assert "20 % of the real and 90 % of the synthetic clips" in (figure["aria-label"] or "")
    (here,) = (a for tag, a in elements if tag == "line" and a.get("class") == "line this")
    assert here["x1"] == here["x2"] == "65.0%"
    assert {a["d"] for tag, a in elements if tag == "path" and len(a.get("d") or "") > 20} >= {
        reliability.plot(KNOWN, 0.6).real,
        reliability.plot(KNOWN, 0.6).synthetic,
    }
    assert sum(a.get("class") == "here" for tag, a in elements if tag == "tr") == 1
    assert "Tippett" not in page(None)
    assert "Tippett" not in report.to_html([made()])


def test_the_terminal_tells_it_in_one_line() -> None:
    told = "held-out sources: such LRs stated 5 : 1, observed 8 : 1 (8 real, 60 synthetic clips)"
    assert any(told in line for line in report.to_text(made(footprint(0.6, reliability=KNOWN)), 110).splitlines())
    assert "observed only synthetic" in report.to_text(made(footprint(1.1, reliability=KNOWN)), 110)
    assert "so it was not tested" in report.to_text(made(footprint(-0.7, reliability=KNOWN)), 110)
    assert "held-out sources" not in report.to_text(made(footprint(None, reliability=KNOWN)), 110)


def test_json_holds_the_numbers() -> None:
    import jsonschema

    document = Document((made(footprint(0.6, reliability=KNOWN), clip=CLIP),))
    text = report.to_json(document)
    jsonschema.validate(json.loads(text), report.json_schema(), jsonschema.Draft202012Validator)
    (found,) = msgspec.json.decode(text, type=Document).reports[0].verdicts[0].evidence
    assert found.reliability == KNOWN


def test_a_card_tells_a_line_a_band() -> None:
    head, *lines = reliability.to_text(KNOWN).splitlines()
    assert head.endswith("(4 sources of real and 3 of synthetic clips, each weighing alike)")
    assert lines == [
        "  log10 LR under −1: stated 1 : 16 on average, observed 1 : 10; 40 real, 5 synthetic clips of 6 sources",
        "  log10 LR −0.5 to 0.5: stated 1.3 : 1 on average, observed 1 : 2; 30 real, 20 synthetic clips of 7 sources",
        "  log10 LR 0.5 to 1: stated 5 : 1 on average, observed 8 : 1; 8 real, 60 synthetic clips of 5 sources",
        "  log10 LR over 1: stated 20 : 1 on average, observed only synthetic; 0 real, 1 synthetic clips of 1 source",
    ]
