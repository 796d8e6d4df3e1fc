"""Are clues read out of writing as they are, and set beside the claim without more than they say?"""

import importlib.util
import logging
import socket

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from sightcheck.errors import BrokenInstallation
from sightcheck.place.world.gazetteer import parse
from sightcheck.place.world.tables import countries
from sightcheck.place.writing import clues, lands, reading, signs
from sightcheck.report.wording import visible
from sightcheck.verdict import Statement

ROME, BERLIN, ZURICH = parse("Rome, Italy"), parse("Berlin, Germany"), parse("Zürich, Switzerland")
needs_text = pytest.mark.skipif(not reading.installed(), reason="needs the [text] extra")


def said(line, claim=None, language=""):
    return clues.statements([line], claim, lambda _: language)


def one(line, claim=None, language=""):
    (found,) = said(line, claim, language)
    return found.name, found.value, found.agrees


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("FARMACIA www.rossi.it", "www.rossi.it"),
        ("rossi.it", "rossi.it"),
        ("info@rossi.it", "info@rossi.it"),
        ("https://shop.rossi.it/menu", "https://shop.rossi.it"),
    ],
)
def test_an_address_points_to_the_country_of_its_domain(line, value):
    assert one(line, ROME) == ("Web address", value, True)
    assert one(line, BERLIN) == ("Web address", value, False)
    assert one(line) == ("Web address", value, None)


@pytest.mark.parametrize(
    "line",
    ["www.example.com", "www.radio.tv", "openai.ai", "Chiuso.il lunedi", "S.it", "rossi.itx", "rossi.it.com", "a.b.c.d",
     "www.nothing.zz", "www.europa.eu", "3.de"],
)  # fmt: skip
def test_what_is_no_countrys_address_points_nowhere(line):
    assert not said(line, ROME)


def test_uk_is_not_an_iso_code_but_a_domain():
    assert one("www.tea.co.uk", parse("London, United Kingdom"))[2] is True


@pytest.mark.parametrize(
    ("line", "prefix"),
    [("+39 06 1234567", "+39"), ("Tel. 0039 06/1234567", "+39"), ("T +41 44 123 45 67", "+41"),
     ("+49(0)30 1234567", "+49"), ("Tel.+358 9 1234567", "+358")],
)  # fmt: skip
def test_a_phone_number_with_its_prefix(line, prefix):
    assert one(line)[:2] == ("Phone prefix", prefix)


@pytest.mark.parametrize(
    "line",
    ["06 1234567", "9.00 - 13.00 15.00-19.00", "+39", "+39 06", "10:0039 061234567", "0012", "+999 1234567890",
     "+800 12345678"],
)  # fmt: skip
def test_other_numbers_are_no_phone_number(line):
    assert not said(line, ROME)


def test_prefixes_that_countries_share_agree_with_each_of_them():
    for name in ("New York, USA", "Toronto, Canada", "Jamaica"):
        assert one("+1 212 555 0123", parse(name))[2] is True
    assert one("+7 495 1234567", parse("Kazakhstan"))[2] is True
    assert one("+7 495 1234567", ROME)[2] is False


@pytest.mark.parametrize("line", ["Menu 12,50 €", "€ 3", "EUR 1.200,00", "5,- €"])
def test_money_agrees_where_it_is_tender_and_contradicts_nowhere(line):
    assert [each.agrees for each in said(line, ROME)] == [True]
    assert [each.agrees for each in said(line, ZURICH)] == [None]


@pytest.mark.parametrize("line", ["$ 5", "WORLD CUP 2018", "TOP 10", "100 kroner", "CHF", "€"])
def test_what_is_no_price_or_says_too_little_is_no_money(line):
    assert not said(line, ROME)


def test_a_language_agrees_where_it_is_official_and_contradicts_nowhere():
    assert one("Vietato fumare", ROME, "it") == ("Language", "Italian", True)
    assert one("Vietato fumare", ZURICH, "it")[2] is True
    assert one("Pizzeria Napoletana", BERLIN, "it")[2] is None
    assert one("No smoking please", parse("London, UK"), "en")[2] is None, "English is written everywhere"
    assert one("Prohibit fumar aquí", parse("Barcelona, Spain"), "ca")[2] is None, "official in a part only"


def test_short_lines_and_languages_that_are_not_told_say_nothing():
    assert not said("Exit", BERLIN, "ca")
    assert not said("Schlafen schön", BERLIN, "nds")
    assert one("東京都庁", parse("Tokyo, Japan"), "ja")[2] is True


@pytest.mark.parametrize("name", ["ROMA TERMINI", "Rome", "Rom"])
def test_the_claimed_citys_name_agrees_in_any_language(name):
    assert [each.agrees for each in said(name, ROME)] == [True]


def test_another_citys_name_contradicts_nothing_and_small_or_short_names_are_words():
    assert one("Hotel Barcelona", BERLIN) == ("Place name", "Barcelona", None)
    assert not said("Centro Street Nice Bath", BERLIN)


def test_statements_and_their_kinds_are_few():
    lines = [f"www.shop{number}.it +39 06 12345{number:02}" for number in range(50)]
    found = clues.statements(lines, ROME, lambda _: "")
    assert [each.name for each in found] == ["Web address"] * clues.EACH + ["Phone prefix"]


@given(st.text(max_size=300), st.sampled_from([None, ROME]))
@settings(max_examples=200, deadline=None)
def test_any_text_is_taken(text, claim):
    line = reading.plain(text)
    assert len(line) <= reading.LONGEST_LINE
    assert line.isprintable()
    for found in clues.statements([line, text], claim, lambda _: "it"):
        assert found.name in clues.KINDS


@pytest.mark.parametrize("letters", ["a", "+39 ", "www.", "1 ", "é", "\u202e", "a.b", "00", "EUR 1,"])
def test_ten_thousand_letters_are_cut_before_anything_looks_at_them(letters):
    line = reading.plain(letters * 10_000)
    assert len(line) <= reading.LONGEST_LINE
    clues.statements([line] * reading.LINES, ROME, lambda _: "it")


def test_what_a_line_hides_is_gone_and_what_is_told_is_visible():
    line = reading.plain("\x1b[31mROMA\u202eti.issor.www\x00\n\u200bwww.rossi.it")
    assert line == "[31mROMA ti.issor.www www.rossi.it"
    told = signs.told(reading.Reading((line,), 2), ROME, said(line, ROME))
    assert visible(told.sentence) == told.sentence
    assert told.log10_lr is None
    assert told.score is None
    assert "at least 2 pieces" in told.limits[-1]


def test_a_sentence_tells_what_fits_and_what_does_not():
    lines = ("www.rossi.it", "Berlin")
    told = signs.told(reading.Reading(lines), BERLIN, clues.statements(lines, BERLIN, lambda _: ""))
    assert told.sentence == (
        "Written in the picture: “www.rossi.it”, “Berlin”. With Berlin, Germany agrees: place name Berlin. "
        "What does not fit: web address www.rossi.it."
    )
    assert told.statements[-1] == Statement("Reads", "“www.rossi.it”, “Berlin”")


def test_tables_name_countries_that_are():
    known = {each.code for each in countries()}
    for prefix, codes in lands._calling().items():
        assert 1 <= len(prefix) <= 3
        assert set(codes) <= known, prefix
    assert set(lands._spoken()) == known
    for sign in lands.MONEY:
        assert lands.of_money(sign), sign
    for code in lands.LANGUAGES:
        assert any(lands.of_language(code)), code
    assert "BG" in lands.of_money("€"), "since 2026"


def test_without_the_extra_nothing_is_said(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert signs.examine(np.zeros((64, 64, 3), np.uint8), ROME) is None


def drawn(*lines, size=(640, 480)):
    """(H, W, 3) uint8: black lines on white, in Pillow's own letters."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        draw.text((30, 30 + 90 * number), line, fill="black", font=ImageFont.load_default(size=36))
    return np.asarray(image)


@needs_text
def test_a_drawn_sign_is_read_and_compared(capfd, caplog, monkeypatch):
    def refuse(*_):
        raise AssertionError("nothing may be fetched")

    monkeypatch.setattr(socket, "socket", refuse)
    reading._reader.cache_clear()
    reading._languages.cache_clear()
    with caplog.at_level(logging.DEBUG):
        found = signs.examine(drawn("FARMACIA  www.rossi.it", "+39 06 1234567", "Vietato fumare nella stazione"), ROME)
    assert found is not None
    assert {(each.name, each.value) for each in found.statements if each.agrees} == {
        ("Web address", "www.rossi.it"), ("Phone prefix", "+39"), ("Language", "Italian"),
    }  # fmt: skip
    assert found.sentence.startswith("Written in the picture: ")
    assert "With Rome, Lazio, Italy agrees: web address www.rossi.it" in found.sentence
    assert capfd.readouterr() == ("", "")


@needs_text
def test_a_network_that_is_missing_is_a_broken_installation(monkeypatch):
    assert reading.model("Det").is_file()
    monkeypatch.setitem(reading.MODELS, "Det", "another.onnx")
    with pytest.raises(BrokenInstallation, match=r"another\.onnx is missing"):
        reading.model("Det")


@needs_text
@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 900, 3), (32, 320, 3), (300, 300, 3), (640, 6400, 3)])
def test_a_picture_without_writing_says_so(shape):
    found = signs.examine(np.full(shape, 127, np.uint8), None)
    assert found is not None
    assert (found.sentence, found.statements, found.limits) == ("No writing is read in the picture.", (), ())


@needs_text
def test_noise_is_not_read():
    random = np.random.default_rng(0)
    assert reading.read(random.integers(0, 256, (300, 400, 3)).astype(np.uint8)) == reading.Reading()


@needs_text
def test_small_print_is_read_in_part_and_the_rest_is_told():
    page = drawn(size=(800, 640)).copy()
    for number in range(40):
        page[16 * number : 16 * number + 14] = drawn_small("the quick brown fox jumps over the lazy dog " * 3)
    found = reading.read(page)
    assert 0 < len(found.lines) < 40
    assert found.unread


def drawn_small(line):
    image = Image.new("RGB", (800, 14), "white")
    ImageDraw.Draw(image).text((2, 0), line, fill="black", font=ImageFont.load_default(size=11))
    return np.asarray(image)


@needs_text
@pytest.mark.parametrize(
    ("line", "language"),
    [("Bitte nicht rauchen", "de"), ("APOTHEKE AM MARKT", "de"), ("Défense d'afficher", "fr"), ("xq", "")],
)  # fmt: skip
def test_the_language_of_a_line(line, language):
    assert reading.language(line) == language
