"""Reports tell the answer first, quote hostile names harmlessly and need nothing from outside."""

import errno
import json
import math
import os
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import msgspec
import numpy as np
import pytest

from sightcheck.errors import OutputError
from sightcheck.media import Clip, Photo
from sightcheck.place.world.gazetteer import Claim
from sightcheck.report import charts, report, wording
from sightcheck.report.report import Document, Failure, Report
from sightcheck.verdict import (
    Cloud,
    Evidence,
    Heat,
    Place,
    Reference,
    Series,
    Share,
    Shortlist,
    Statement,
    Still,
    Verdict,
    weigh_photo,
    weigh_video,
)

HOSTILE = "a\nb\x1b[31m\x9bm\u202e<script>alert(1)</script>\udc80&.mp4"
SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"

CLIP = Clip(
    path="/evidence/street.mp4",
    sha256="ab" * 32,
    size_bytes=1_848_211,
    container="mov,mp4,m4a,3gp,3g2,mj2",
    codec="h264",
    profile="High",
    pixel_format="yuv420p",
    width=1024,
    height=512,
    rotation_deg=90,
    sample_aspect="1",
    frames=480,
    duration_s=48.0,
    fps=10.0,
    variable_frame_rate=False,
    interlaced=False,
    timestamps=True,
    bit_rate=308035.0,
    tags=(("encoder", "Lavf58.76.100"), ("location", "+52.52+013.40/")),
    notes=(),
)


PHOTO = Photo(
    path="/evidence/piazza.jpg",
    sha256="3f" * 32,
    size_bytes=2_431_889,
    format="JPEG",
    mode="RGB",
    width=4032,
    height=2688,
    orientation=6,
    frames=1,
    tags=(("EXIF Make", "Canon"),),
    notes=("turned upright",),
)
ROME = Claim("rome", "Rome", "Lazio", "IT", "Italy", 41.89, 12.51, 10.0, 3169070)
JPEG = b"\xff\xd8\xff\xd9"


def footprint(log10_lr: float | None = 0.7, **changes: object) -> Evidence:
    times = tuple(2.0 * k for k in range(24))
    intra = tuple(50 + 10 * math.sin(k) for k in range(24))
    shares = (intra, tuple(80 - value for value in intra), (20.0,) * 24)
    points = tuple(map(tuple, np.random.default_rng(0).normal(size=(216, 2)).tolist()))
    evidence = Evidence(
        "footprint",
        "Half of the blocks had to be coded anew.",
        score=0.83,
        log10_lr=log10_lr,
        series=tuple(Series(n, "%", times, v) for n, v in zip(("intra", "inter", "skip"), shares, strict=True)),
        stills=tuple(Still(4.0 * k, b"\x89PNG\r\n\x1a\n") for k in range(12)),
        cloud=Cloud(("first", "second"), points, (False, True) * 108, (0.3, 0.1)),
        weights_sha256="cd" * 32,
        limits=("The calibration rests on 18 groups.",),
    )
    return replace(evidence, **changes)


def made(*evidence: Evidence, clip: Clip = CLIP) -> Report:
    verdict = weigh_video(evidence or (footprint(),))
    return Report(clip, (verdict,), (("sightcheck", "0.1.0"),), (("encode", "CRF 23"),), "2026-01-02T03:04:05Z")


def reference(at: int, **changes: object) -> Reference:
    one = Reference(f"rome-{at}.jpg", f"{at:064x}", JPEG, 1 - at / 50, 0.75, "CC0", "an archive")
    return replace(one, **changes)


def country(**changes: object) -> Evidence:
    codes = (("IT", "Italy"), ("ES", "Spain"), ("PT", "Portugal"), ("FR", "France"), ("GR", "Greece"), ("JP", "Japan"))
    shares = tuple(Share(code, name, 0.4 / 2**at) for at, (code, name) in enumerate(codes))
    evidence = Evidence(
        "country",
        "The scene looks most like Italy.",
        shares=shares,
        shortlist=Shortlist(("IT", "ES", "PT"), 0.9),
        places=(Place("Rome, Lazio, Italy", "claim", 41.89, 12.51, 10.0),),
        heat=Heat("The fall when a part is covered.", 2, 3, (0.0, 0.1, 0.2, -0.05, math.nan, 0.0), JPEG),
    )
    return replace(evidence, **changes)


def city(log10_lr: float | None = 1.4, **changes: object) -> Evidence:
    references = tuple(reference(at) for at in range(15))
    return replace(Evidence("pairs", "Most references look alike.", 0.41, log10_lr, references=references), **changes)


def copies(**changes: object) -> Evidence:
    return replace(Evidence("near copies", "One is a near copy.", references=(reference(99),)), **changes)


def stated(**changes: object) -> Evidence:
    statements = (
        Statement("GPS position", "41.9, 12.5", "2 km from Rome", True),
        Statement("City", "Milano", "477 km from Rome", False),
        Statement("Camera", "Canon EOS R6"),
    )
    places = (Place("GPS position", "EXIF", 41.90, 12.48),)
    return replace(Evidence("metadata", "It states a place.", statements=statements, places=places), **changes)


def photographed(*evidence: Evidence, claim: Claim | None = ROME, photo: Photo = PHOTO) -> Report:
    verdict = weigh_photo(evidence or (copies(), city(), country(), stated()))
    return Report(photo, (verdict,), (("sightcheck", "0.1.0"),), (("city", "lite0"),), "2026-01-02T03:04:05Z", claim)


def hostile_photo(evil: str = HOSTILE) -> Report:
    items = (
        copies(method=evil, references=(reference(1, name=evil, licence=evil, origin=evil, sha256=evil),)),
        city(sentence=evil, limits=(evil,), references=(reference(1, name=evil, licence=evil, origin=evil),)),
        country(shares=(Share("IT", evil, 0.5), Share(evil, evil, 0.2)), shortlist=Shortlist(("IT", evil), 0.9)),
        stated(statements=(Statement(evil, evil, evil, False),), places=(Place(evil, evil, 1.0, 2.0),)),
    )
    photo = msgspec.structs.replace(PHOTO, path=evil, format=evil, mode=evil, tags=((evil, evil),), notes=(evil,))
    claim = replace(ROME, text=evil)
    return photographed(*items, claim=claim, photo=photo)


def hostile() -> Report:
    evil = footprint(method=HOSTILE, sentence=HOSTILE, limits=(HOSTILE,), series=(Series(HOSTILE, "x", (0,), (1,)),))
    return made(evil, clip=msgspec.structs.replace(CLIP, path=HOSTILE, tags=((HOSTILE, HOSTILE), ("long", "x" * 5000))))


class Page(HTMLParser):
    """Collects elements, what they would load, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        names = ("src", "href", "srcset", "data", "poster", "action", "xlink:href", "background")
        self.loads += [value or "" for name, value in attrs if name in names]
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_published_schema_is_the_one_of_the_types():
    fresh = json.dumps(report.json_schema(), indent=2, ensure_ascii=False) + "\n"
    assert SCHEMA.read_text("utf-8") == fresh, f"write json_schema() to {SCHEMA} again"


@pytest.mark.parametrize(
    "one",
    [made(), made(footprint(None)), hostile(), photographed(), photographed(country(), claim=None), hostile_photo()],
    ids=["plain", "undecided", "hostile", "photo", "no claim", "hostile photo"],
)
def test_json_follows_the_schema(one):
    text = report.to_json(Document((one,), (Failure("/x/" + HOSTILE, "it is empty"),)))
    document = json.loads(text)
    jsonschema.validate(document, report.json_schema(), jsonschema.Draft202012Validator)
    assert document["failed"][0]["path"].startswith("/x/a\nb\x1b")
    assert not wording.HIDDEN.search(text.replace("\n", ""))


def test_json_holds_what_the_report_holds():
    place = country(heat=None)
    plain = Document((made(), photographed(copies(), city(), place, stated()), photographed(place, claim=None)))
    assert msgspec.json.decode(report.to_json(plain, pictures=True), type=Document) == plain
    slim = report.to_json(plain)
    assert len(slim) < len(report.to_json(plain, pictures=True))
    assert msgspec.json.decode(slim, type=Document).reports[0].verdicts[0].answer == plain.reports[0].verdicts[0].answer
    pictures = [still.png for one in msgspec.json.decode(slim, type=Document).reports
                for item in one.verdicts[0].evidence for still in item.stills]  # fmt: skip
    assert set(pictures) == {b""}


def test_a_report_in_a_notebook():
    one = made()
    assert repr(one).startswith("<Report street.mp4: ")
    assert "\n" not in repr(one) + repr(one.verdicts[0])
    assert one._repr_html_().startswith("<!doctype html>")
    assert one.to_dict()["verdicts"][0]["answer"] == one.verdicts[0].answer
    assert one.verdicts[0].log10_lr == one.verdicts[0].evidence[0].log10_lr


def test_a_line_and_a_row_a_file():
    one, failed = made(), report.Failure("=cmd.mp4", "is empty")
    assert report.to_brief(one).startswith(f"street.mp4: {one.verdicts[0].answer}")
    head, row, bad = report.to_csv([one], [failed]).splitlines()
    assert head.split(",")[:4] == ["file", "sha256", "question", "answer"]
    assert one.verdicts[0].answer in row
    assert bad.startswith("'=cmd.mp4,")


def test_a_caveat_is_told_once_a_call_and_once_a_page():
    limit = "on its reference clips what a file says tells as much (AUC: size 0.82, this 0.83): it may have learnt it"
    other = limit.replace("0.83", "0.71")
    one = made(footprint(method="a", limits=(limit,)), footprint(method="b", limits=(other,)))
    (told,) = report.wording.limits(one.verdicts)
    assert told.startswith("a, b: on its reference clips what a file says tells as much: it may")
    assert told.endswith("(a AUC: size 0.82, this 0.83; b AUC: size 0.82, this 0.71)")
    said: set[str] = set()
    assert "what a file says" in " ".join(report.to_text(one, told=said).split())
    again = " ".join(report.to_text(one, told=said).split())
    assert "what a file says" not in again
    assert "and what was said of the files above" in again
    assert report.to_html([one, one]).count("what a file says tells") == 1


def luminance(colour: str) -> float:
    """Relative luminance of #rgb or #rrggbb (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * letter for letter in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_every_colour_of_text_stands_out_from_what_is_behind_it():
    css = (Path(report.__file__).parent / "page.css").read_text()
    palettes = [dict(re.findall(r"--(\w+): (#\w+)", block)) for block in re.findall(r":root \{([^}]*)\}", css)]
    assert len(palettes) == 3  # light, dark, print
    for colours in palettes:
        assert contrast(colours["p0"], colours["blank"]) >= 1.05, "also told apart by hue and by hatching"
        for text in ("ink", "soft", "fake", "real", "unsure"):
            for behind in ("page", "card"):
                assert contrast(colours[text], colours[behind]) >= 4.5, (text, behind, colours)
        steps = [luminance(colours[f"p{at}"]) for at in range(6)]
        assert steps in (sorted(steps), sorted(steps, reverse=True))
        for at in range(5):
            assert contrast(colours[f"p{at}"], colours[f"p{at + 1}"]) >= 1.2, (at, colours)


def test_json_numbers_that_are_not_finite_are_null():
    evidence = footprint(score=math.nan, series=(Series("intra", "%", (0.0, 1.0), (math.inf, 4.0)),))
    document = json.loads(report.to_json(Document((made(evidence),))), parse_constant=pytest.fail)
    jsonschema.validate(document, report.json_schema(), jsonschema.Draft202012Validator)
    (found,) = document["reports"][0]["verdicts"][0]["evidence"]
    assert found["score"] is None
    assert found["series"][0]["values"] == [None, 4.0]


def test_text_gives_the_answer_first_and_the_rest_on_one_screen():
    lines = report.to_text(made(footprint(), footprint(0.2, method="frames", series=())), 100).splitlines()
    assert "synthetic - weak (LR about 5 : 1)" in lines[2]
    assert len(lines) <= 24
    text = "\n".join(lines)
    assert "limit" in text
    assert "claims" in text
    assert CLIP.sha256 in text
    assert any(spark in text for spark in charts.SPARKS)


@pytest.mark.parametrize("width", [20, 80, 200])
def test_text_cannot_command_a_terminal(width):
    text = report.to_text(hostile(), width)
    assert not wording.HIDDEN.search(text.replace("\n", ""))
    assert "\\x1b" in "".join(text.split())


@pytest.mark.parametrize("width", [20, 80, 200])
def test_text_of_a_photo_cannot_command_a_terminal(width):
    for evil in (HOSTILE, "x" * 10_000):
        text = report.to_text(hostile_photo(evil), width)
        assert not wording.HIDDEN.search(text.replace("\n", ""))


def test_text_of_a_photo_gives_the_answer_first_and_what_it_rests_on():
    lines = report.to_text(photographed(), 100).splitlines()
    assert "taken there - moderate (LR about 25 : 1)" in lines[2]
    text = "\n".join(lines)
    assert "claim         Rome, Lazio, Italy (41.89° N, 12.51° E, within 10 km)" in text
    assert any("Italy" in line and "40 %" in line and "█" in line and "claimed" in line for line in lines)
    for part in ("One of: Italy, Spain, Portugal (90 % or more)", "Gate: passed", "rome-0.jpg", "same city 75 %",
                 "vote +0.50", "rome-4.jpg", "and 10 more", "agrees: 2 km from Rome",
                 "contradicts: 477 km"):  # fmt: skip
        assert part in text
    assert "rome-5.jpg" not in text
    assert "Japan" not in text


def test_a_country_that_is_not_covered_is_never_a_zero():
    bolivia = replace(ROME, text="La Paz", city="La Paz", country="BO", country_name="Bolivia")
    one = photographed(country(), claim=bolivia)
    (line,) = (line for line in report.to_text(one, 100).splitlines() if "Bolivia  " in line)
    assert "not covered" in line
    assert "%" not in line
    assert "Gate: left out, for the model does not cover Bolivia." in report.to_text(one, 100)
    assert "not covered" in Page(report.to_html([one])).text
    japan = replace(bolivia, country="JP", country_name="Japan")
    text = report.to_text(photographed(country(), claim=japan), 100)
    assert "Gate: not passed, Japan is not among the 2 likeliest countries." in text
    assert "not covered  claimed" not in text


def test_without_a_claim_the_shortlist_is_the_answer():
    one = photographed(country(places=()), stated(), claim=None)
    lines = report.to_text(one, 120).splitlines()
    assert "no claim to verify" in lines[2]
    assert "one of: Italy, Spain, Portugal (90 % or more)" in lines[3]
    assert not any("Gate" in line or "likelihood" in line for line in lines)
    page = Page(report.to_html([one, made()])).text
    assert "No claim to verify" in page
    assert "Gate" not in page


def test_text_is_in_colour_only_on_request(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = report.to_text(made(), 80)
    assert "38;5;" in coloured
    monkeypatch.setenv("NO_COLOR", "1")
    assert "38;5;" not in report.to_text(made(), 80)


@pytest.mark.parametrize(
    ("evidence", "why"),
    [
        ((footprint(None),), "No calibrated method"),
        ((footprint(0.1),), "LR about 1.3 : 1, and an answer needs 3.2 : 1"),
        ((footprint(2.4), footprint(-1.2)), "The methods disagree"),
        ((footprint(math.nan),), "No calibrated method"),
    ],
)
def test_undecided_says_why(evidence, why):
    verdict = Verdict("Is this video synthetic?", "undecided", "none", evidence)
    assert wording.reason(verdict).startswith(why) or why in wording.reason(verdict)
    assert wording.headline(verdict) == "undecided"


@pytest.mark.parametrize(
    ("log10_lr", "words"),
    [(0.0, "1 : 1"), (0.5, "3.2 : 1"), (-1.5, "1 : 32"), (0.9999, "10 : 1"), (3.04, "1,100 : 1")],
)
def test_odds_are_rounded_to_two_figures(log10_lr, words):
    assert wording.odds(log10_lr) == words


def test_odds_too_large_to_count_do_not_overflow():
    assert wording.odds(400.0) == "1,000,000 or more : 1"


def test_a_country_claimed_as_a_whole_has_neither_point_nor_gate():
    italy = replace(ROME, text="Italy", city="", region="", radius_km=0.0, geoname_id=0)
    assert wording.claim_line(italy) == "Italy"
    assert wording.gate(country().shares, italy) == ""
    assert 'class="outlined"' in report.to_html([photographed(country(), claim=italy)])
    point = replace(italy, text="41.89, 12.51")
    assert "41.89° N, 12.51° E" in wording.claim_line(point)


def test_undecided_photos_say_why():
    assert "weighed against this claim" in wording.reason(weigh_photo([country()]))
    assert "if it was taken elsewhere than" in wording.reason(weigh_photo([city(-2.0)]))
    assert wording.sides(weigh_photo([city()])) == ("taken elsewhere", "taken there")


@pytest.mark.parametrize(
    "reports",
    [
        [made()],
        [made(), hostile(), made(footprint(None, series=(), stills=()))],
        [photographed()],
        [photographed(), made(), hostile_photo(), photographed(country(), claim=None)],
        [],
    ],
)
def test_html_loads_nothing_and_runs_nothing(reports):
    page = Page(report.to_html(reports, [Failure(HOSTILE, HOSTILE)]))
    assert not {"script", "link", "iframe", "object", "embed", "base", "form", "audio", "video"} & set(page.tags)
    assert all(load.startswith(("#", "data:image/png;base64,", "data:image/jpeg;base64,")) for load in page.loads)
    css = (Path(report.__file__).parent / "page.css").read_text()
    assert "url(" not in css
    assert "@import" not in css
    assert "default-src 'none'" in report.to_html(reports)


def test_html_shows_hidden_characters_and_quotes_markup():
    html = report.to_html([hostile()])
    assert not wording.HIDDEN.search(html.replace("\n", ""))
    assert "<script>" not in html
    shown = r"a\nb\x1b[31m\x9bm\u202e<script>alert(1)</script>\udc80&.mp4"
    assert shown in Page(html).text
    assert "x" * 1001 not in html


def test_html_of_a_photo_shows_hidden_characters_and_quotes_markup():
    html = report.to_html([hostile_photo()])
    assert not wording.HIDDEN.search(html.replace("\n", ""))
    assert "<script>" not in html
    text = Page(html).text
    shown = r"a\nb\x1b[31m\x9bm\u202e<script>alert(1)</script>\udc80&.mp4"
    assert text.count(shown) >= 12


def test_what_files_and_folders_say_at_length_is_cut():
    long = "x" * 10_000
    told = Statement(long, long, long, True)
    photo = msgspec.structs.replace(PHOTO, tags=((long, long),))
    one = photographed(
        copies(references=(reference(1, name=long, licence=long, origin=long),)),
        country(shares=(Share("IT", long, 0.5), Share("ES", "Spain", 0.2))),
        stated(statements=(told,), places=(Place(long, long, 1.0, 2.0),)),
        photo=photo,
        claim=replace(ROME, text=long),
    )
    assert "x" * 1001 not in report.to_html([one])
    assert "x" * 121 not in report.to_text(one, 20_000)


def test_html_of_a_photo_tells_everything():
    page = Page(report.to_html([photographed()]))
    for part in ("Taken there", "moderate", "25 : 1", "Rome, Lazio, Italy", "On the map", "claimed: Rome, Lazio, Italy",
                 "GPS position", "One of: Italy, Spain, Portugal (90 % or more)", "Gate: passed",
                 "not covered by the model", "25 to 50 %", "rome-11.jpg", "The first 12 of 15 recorded", "+0.50",
                 "CC0", "an archive", "The fall when a part", "agrees", "contradicts", "cannot be compared", "✕",
                 "JPEG, RGB", "EXIF orientation 6", "turned upright", "is not denied",
                 "can be written by anyone"):  # fmt: skip
        assert part in page.text, part
    assert "rome-12.jpg" not in page.text
    assert "absence of detection is no guarantee" not in page.text
    assert page.tags.count("img") == 1 + 2 + 1 + 12 + 1  # in the answer, beside two lists, near copy, references, heat
    assert "near copies" in page.text.split("Most references look alike")[0]


def test_writing_is_told_as_what_the_picture_shows():
    prefix = Statement("Phone prefix", "+39", "the prefix of Italy", True)
    written = Evidence("writing", "Written in the picture: “+39 06”.", statements=(prefix,))
    page = report.to_html([photographed(country(), written)])
    assert "In the picture</th>" in page
    assert "Read by a network, which can misread" in page
    text = report.to_text(photographed(country(), written))
    assert "Phone prefix: +39 - agrees: the prefix of Italy" in text


def test_the_map_of_a_page_is_drawn_once_for_all_its_photos():
    one, three = (report.to_html([photographed(country(heat=None))] * count) for count in (1, 3))
    assert len(three) - len(one) < len(one)
    assert one.count('<svg class="map"') == 2
    assert "map-edge" not in report.to_html([made()])


def test_html_tells_everything():
    page = Page(report.to_html([made()]))
    for part in ("Synthetic", "weak", "5 : 1", "18 groups", "Claims, not facts", "Lavf58", CLIP.sha256, "cd" * 32,
                 "CRF 23", "0.1.0", "absence of detection is no guarantee", "1,000 and over"):  # fmt: skip
        assert part in page.text
    assert page.tags.count("img") == 12
    assert page.tags.count("use") > 216


@pytest.mark.parametrize(
    "evidence",
    [
        footprint(series=(), stills=(), cloud=None),
        footprint(series=(Series("intra", "%", (0.0,), (40.0,)),), stills=()),
        footprint(series=(Series("intra", "share", (0.0, 1.0), (math.nan, math.nan)),)),
        footprint(series=(Series("flow", "pixels", (0.0, 1.0, 9.0), (2.0, 2.0, 2.0)),)),
        footprint(series=(Series("a", "%", (0.0, 1.0), (40.0, 1.0)), Series("b", "%", (0.0,), (4.0,)))),
        footprint(cloud=Cloud(("a", "b"), (), (), (math.nan, 0.0))),
        footprint(cloud=Cloud(("a", "b"), ((1.0, 1.0),), (True,), (1.0, 1.0))),
    ],
)
def test_pages_can_be_made_of_little(evidence):
    for clip in (CLIP, msgspec.structs.replace(CLIP, duration_s=0.0, frames=1, fps=0.0, tags=())):
        one = made(evidence, clip=clip)
        assert "nan" not in report.to_html([one]).replace(CLIP.sha256, "")
        assert report.to_text(one, 60)


@pytest.mark.parametrize(
    "evidence",
    [
        [],
        [country(shares=(), shortlist=None, places=(), heat=None)],
        [country(shares=(Share("IT", "Italy", math.nan),), shortlist=Shortlist((), 0.9))],
        [country(shares=(Share("XX", "Nowhere", 0.2), Share("SG", "Singapore", 0.5)))],
        [country(places=(Place("GPS", "EXIF", math.nan, 0.0),) * 30)],
        [country(heat=Heat("Nothing.", 0, 0, (), JPEG)), country(heat=Heat("Nothing.", 1, 1, (math.nan,), b""))],
        [city(references=(reference(1, similarity=math.nan), reference(2, same=7.0)))],
        [city(math.nan, score=None, references=()), stated(statements=(), places=())],
    ],
)
def test_pages_of_photos_can_be_made_of_little(evidence):
    for claim in (ROME, replace(ROME, city="", radius_km=600.0), replace(ROME, country="ZZ", country_name=""), None):
        one = photographed(*evidence, claim=claim) if evidence else replace(photographed(claim=claim), verdicts=())
        assert "nan" not in report.to_html([one])
        assert "nan" not in report.to_text(one, 60)


def test_bars_are_fine_and_the_heaviest_references_come_first():
    assert charts.bar_text(0.5, 10) == "█████"
    assert charts.bar_text(0.01, 10) == "▏"
    assert charts.bar_text(math.nan, 10) == ""
    pairs = charts.pairs([reference(5), reference(1, same=0.1), reference(3)])
    assert [pair.reference.name for pair in pairs] == ["rome-1.jpg", "rome-3.jpg", "rome-5.jpg"]
    assert pairs[0].vote == pytest.approx(-0.98 * 0.8)


def test_a_class_of_several_countries_covers_each_of_them():
    share = Share("IT", "Italy, San Marino, Malta", 0.5)
    assert charts.covers(share, "MT", "Malta")
    assert not charts.covers(share, "MH", "Mal")
    (bar,) = (bar for bar in charts.bars(country(shares=(share,)), "MT", "Malta") if bar.claimed)
    assert bar.rank == 1


def test_heat_keeps_what_matters_on_one_scale():
    cells = charts.heat_cells(Heat("m", 2, 2, (0.2, -0.1, 0.001, math.nan), JPEG))
    assert [(cell.column, cell.row, cell.part) for cell in cells] == [(0, 0, 1.0), (1, 0, -0.5)]


@pytest.mark.parametrize(
    ("share", "words"), [(0.0, "<1 %"), (0.006, "<1 %"), (0.41, "41 %"), (0.999, ">99 %"), (math.nan, "no number")]
)
def test_percents_are_never_a_round_zero_or_hundred(share, words):
    assert wording.percent(share) == words


def test_the_same_inputs_give_the_same_report():
    assert report.to_html([made()]) == report.to_html([made()])
    assert report.to_json(Document((made(),))) == report.to_json(Document((made(),)))
    assert report.to_text(made(), 80) == report.to_text(made(), 80)


def test_shares_fill_the_chart_and_gaps_stay_open():
    (chart,) = charts.timelines(footprint(), 48.0)
    assert chart.stacked
    assert chart.layers[-1].path.endswith("V0.00H95.83Z")
    assert [tick.label for tick in chart.x] == ["0 s", "10 s", "20 s", "30 s", "40 s"]
    assert charts.spans((0.0, 1.0, 2.0, 30.0), 31.0) == [(0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (30.0, 31.0)]


def test_bands_cover_the_scale():
    bands = charts.scale_bands()
    assert [band.name for band in bands][:5] == ["very strong", "strong", "moderate", "weak", "undecided"]
    assert sum(band.width for band in bands) == pytest.approx(100)
    ends = [band.start + band.width for band in bands]
    assert ends[:-1] == pytest.approx([band.start for band in bands[1:]])


def test_write_replaces_the_whole_file(tmp_path):
    target = tmp_path / "report.html"
    target.write_text("an older and much longer report")
    report.write("new ü\udc80", target)
    assert target.read_bytes() == b"new \xc3\xbc\\udc80"
    assert os.listdir(tmp_path) == ["report.html"]


def test_write_follows_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "real.html")
    report.write("x", tmp_path / "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real.html").read_text() == "x"


@pytest.mark.parametrize("name", [".", "missing/report.html", "n" * 300])
def test_write_where_no_file_can_be_is_one_sentence(tmp_path, name):
    with pytest.raises(OutputError, match="could not be written") as caught:
        report.write("x", tmp_path / name)
    assert "\n" not in str(caught.value)
    assert os.listdir(tmp_path) == []


def test_a_full_disk_leaves_the_old_report(tmp_path, monkeypatch):
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = tmp_path / "report.html"
    target.write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        report.write("new", target)
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["report.html"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_device_is_told():
    with pytest.raises(OutputError, match="No space left"):
        report.write("x" * 100_000, "/dev/full")
    assert not os.path.isfile("/dev/full")
