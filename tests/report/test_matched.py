"""Are matched points shown as they were found, whoever named the reference?"""

import json
import math
import re
from pathlib import Path

import jsonschema
import pytest

from sightcheck.media import Photo
from sightcheck.place.world.gazetteer import Claim
from sightcheck.report import charts
from sightcheck.report.report import Document, Report, json_schema, to_html, to_json, to_text
from sightcheck.verdict import Evidence, Match, Reference, weigh_photo

PHOTO = Photo("/evidence/piazza.jpg", "3f" * 32, 2_431_889, "JPEG", "RGB", 4032, 2688, 1, 1, (), ())
ROME = Claim("rome", "Rome", "Lazio", "IT", "Italy", 41.89, 12.51, 10.0, 3169070)
SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"
JPEG, OTHER = b"\xff\xd8here\xff\xd9", b"\xff\xd8there\xff\xd9"
POINTS = tuple((at / 100, 0.5, at / 200, 0.25) for at in range(47))


def made(points: tuple = POINTS, aspects: tuple = (1.5, 0.75), **named: str) -> Report:
    texts = {"name": "forum.jpg", "licence": "CC0", "origin": "an archive"} | named
    reference = Reference(texts["name"], "ab" * 32, OTHER, 0.9, 0.99, texts["licence"], texts["origin"])
    evidence = Evidence(
        "matches",
        "The same building or view as in a reference: 47 points agree.",
        47.0,
        2.0,
        matches=(Match(reference, JPEG, aspects, points),),
    )
    return Report(PHOTO, (weigh_photo([evidence]),), (), (), "2026-01-02T03:04:05Z", ROME)


def test_a_drawing_joins_the_points_of_both_pictures() -> None:
    drawing = charts.joined(made().verdicts[0].evidence[0].matches[0])
    assert (drawing.here, drawing.there, drawing.height) == (150, 75, 100)
    assert drawing.lines[46] == pytest.approx((69, 50, drawing.at + 17.25, 25))


@pytest.mark.parametrize("aspects", [(math.nan, 1.0), (1e9, 1e-9), (math.inf, 0.0)])
def test_odd_pictures_still_fit_on_the_page(aspects: tuple[float, float]) -> None:
    drawing = charts.joined(made(aspects=aspects).verdicts[0].evidence[0].matches[0])
    assert 0 < drawing.here <= 1000
    assert 0 < drawing.there <= 1000


def test_points_outside_the_pictures_are_not_drawn() -> None:
    outside = ((1.5, 0.5, 0.5, 0.5), (0.5, math.nan, 0.5, 0.5), (0.1, 0.1, 0.2, 0.2))
    assert len(charts.joined(made(outside).verdicts[0].evidence[0].matches[0]).lines) == 1


def test_the_page_shows_both_pictures_and_every_line() -> None:
    html = to_html([made()])
    assert len(re.findall(r'<image [^>]*href="data:image/jpeg;base64,', html)) == 2
    assert html.count('<path class="joins') == 47
    assert "47 points agree" in html
    assert "forum.jpg" in html
    assert "an archive" in html
    assert "CC0" in html
    assert "<script" not in html


def test_a_page_joins_no_more_points_than_can_be_seen() -> None:
    html = to_html([made(POINTS * 5)])
    assert html.count('<path class="joins') == charts.LINES
    assert f"the surest {charts.LINES} are joined" in html


def test_a_hostile_reference_stays_text() -> None:
    report = made(name="<script>alert(1)</script>\x1b[31m", origin='" onload="x', licence="")
    html = to_html([report])
    assert "<script>alert" not in html
    assert 'onload="x"' not in html
    assert "Licence: <bdi>not stated</bdi>" in html
    assert "\x1b[31m" not in to_text(report, 100)


def test_the_terminal_says_how_many_points_and_of_what() -> None:
    text = " ".join(to_text(made(), 100).split())
    assert "forum.jpg 47 points agree; origin: an archive; licence: CC0" in text
    assert "taken there - strong" in text


def test_json_holds_the_points_and_follows_the_schema() -> None:
    document = json.loads(to_json(Document((made(),))))
    jsonschema.validate(document, json_schema())
    assert json.loads(SCHEMA.read_text()) == json_schema()
    [match] = document["reports"][0]["verdicts"][0]["evidence"][0]["matches"]
    assert len(match["points"]) == 47
    assert match["jpeg"] == ""
