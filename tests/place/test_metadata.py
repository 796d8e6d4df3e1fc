"""Is what a file says of itself compared rightly with the claim, with itself and with the sun?"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sightcheck import sandbox
from sightcheck.media import Photo
from sightcheck.media.photo import look_photo
from sightcheck.place.stated import clock
from sightcheck.place.stated.metadata import ANYONE, CLOCKS, STRIPPED, examine
from sightcheck.place.stated.sun import elevation
from sightcheck.place.world import gazetteer
from sightcheck.verdict import Evidence, Statement

CASES = Path(os.environ.get("SIGHTCHECK_DATA", Path(__file__).parents[3] / "shared/data/video")).parent / "cases"
NOON = {"EXIF DateTimeOriginal": "2019:05:04 14:03:11", "EXIF OffsetTimeOriginal": "+02:00"}
COLOSSEUM = {"EXIF GPSLatitude": "41.890210", "EXIF GPSLongitude": "12.492231"}
IN_GERMANY = {"EXIF GPSLatitude": "52.520000", "EXIF GPSLongitude": "13.405000"}


def read(tags: dict[str, str], claim: str | None = None) -> Evidence:
    photo = Photo("a.jpg", "0" * 64, 1, "JPEG", "RGB", 640, 480, 1, 1, tuple(tags.items()), ())
    found = examine(photo, gazetteer.parse(claim) if claim else None)
    assert (found.method, found.score, found.log10_lr) == ("metadata", None, None)
    assert ANYONE in found.limits
    return found


def told(tags: dict[str, str], name: str, claim: str | None = None) -> Statement:
    (found,) = (one for one in read(tags, claim).statements if one.name == name)
    return found


def test_a_file_without_metadata_says_nothing() -> None:
    found = read({}, "Rome, Italy")
    assert (found.sentence, found.statements, found.places) == ("The file says nothing of place or time.", (), ())
    assert STRIPPED in found.limits
    camera = read({"EXIF Make": "NIKON", "EXIF Model": "NIKON D90"}, "Rome, Italy")
    assert camera.sentence == "The file says nothing of place or time."
    assert [(one.name, one.value) for one in camera.statements] == [("Camera", "NIKON D90")]


def test_a_position_is_compared_with_a_claimed_city() -> None:
    here = told(COLOSSEUM, "GPS position", "Rome, Italy")
    assert (here.value, here.agrees) == ("41.89021, 12.49223", True)
    assert "Italy" in here.comparison
    assert "km from the claimed Rome" in here.comparison
    assert told(COLOSSEUM, "GPS position", "Berlin, Germany").agrees is False
    assert told(COLOSSEUM, "GPS position").agrees is None
    evidence = read({**COLOSSEUM, **NOON}, "Rome, Italy")
    assert evidence.sentence.startswith("The file says it was taken at 41.89021, 12.49223 on 2019-05-04 14:03 UTC+2.")
    assert "agrees: GPS position" in evidence.sentence
    assert (evidence.places[0].stated_by, evidence.places[0].lat) == ("EXIF", 41.89021)
    assert CLOCKS in evidence.limits


def test_a_position_is_compared_with_a_claimed_country() -> None:
    assert told(COLOSSEUM, "GPS position", "Italy").agrees is True
    assert told(COLOSSEUM, "GPS position", "Germany").agrees is False


@pytest.mark.parametrize(
    ("lat", "lon", "comparison", "agrees"),
    [
        ("0.000000", "0.000000", "in the sea at 0, 0", None),
        ("95.000000", "12.000000", "no such place on Earth", False),
        ("41.9", "-720", "no such place on Earth", False),
        ("41.9", "", "cannot be read as a position", None),
        ("33, 51, 24.42", "12.5", "cannot be read as a position", None),
        ("nan", "inf", "cannot be read as a position", None),
        ("<b>x</b>", "1e400", "cannot be read as a position", None),
    ],
)
def test_positions_that_are_none(lat: str, lon: str, comparison: str, agrees: bool | None) -> None:
    evidence = read({"EXIF GPSLatitude": lat, "EXIF GPSLongitude": lon}, "Rome, Italy")
    (found,) = (one for one in evidence.statements if one.name == "GPS position")
    assert (comparison in found.comparison, found.agrees) == (True, agrees)
    assert evidence.places == ()


def test_positions_as_xmp_writes_them() -> None:
    tags = {"XMP exif:GPSLatitude": "33,51.4070S", "XMP exif:GPSLongitude": "151,12,54E"}
    found = told(tags, "GPS position", "Sydney, Australia")
    assert (found.value, found.agrees) == ("-33.85678, 151.21500", True)


def test_places_in_words() -> None:
    tags = {"IPTC City": "Rome", "IPTC Country": "Italy", "XMP photoshop:City": "Berlin"}
    evidence = read(tags, "Rome, Italy")
    iptc, xmp = (one for one in evidence.statements if one.name.startswith("Place"))
    assert (iptc.value, iptc.agrees) == ("Rome, Italy", True)
    assert (xmp.value, xmp.agrees) == ("Berlin", False)
    assert [place.stated_by for place in evidence.places] == ["IPTC", "XMP"]
    assert "taken at Rome, Italy" in evidence.sentence
    assert "What does not fit: Place (XMP)" in evidence.sentence
    country = {"XMP Iptc4xmpExt:LocationCreated/Iptc4xmpExt:CountryName": "Italy"}
    assert told(country, "Place (XMP, where it was taken)", "Rome, Italy").agrees is True
    assert told(country, "Place (XMP, where it was taken)", "Berlin, Germany").agrees is False
    assert told({"IPTC City": "Qqxyzzy"}, "Place (IPTC)", "Rome, Italy").agrees is None
    assert told({"IPTC City": "Rome"}, "Place (IPTC)").comparison.startswith("read as Rome")


@pytest.mark.parametrize(
    ("text", "offset", "expected"),
    [
        ("2019:05:04 14:03:11", "+02:00", "2019-05-04 14:03 UTC+2"),
        ("2019:05:04 14:03:11.25", "", "2019-05-04 14:03"),
        ("2019-05-04T14:03-03:30", "", "2019-05-04 14:03 UTC-3:30"),
        ("2019-05-04T14:03:11Z", "", "2019-05-04 14:03 UTC+0"),
        ("20190504 140311+0530", "", "2019-05-04 14:03 UTC+5:30"),
        ("2019-05-04", "", "2019-05-04"),
        ("2019:05:04 14:03:60", "+99:00", "2019-05-04 14:03"),
    ],
)
def test_times_are_read(text: str, offset: str, expected: str) -> None:
    assert str(clock.moment(text, offset)) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "0000:00:00 00:00:00", "2019:13:04 10:00:00", "2019", "9" * 9999])
def test_what_is_no_time(text: str) -> None:
    assert clock.moment(text) is None


def test_times_that_cannot_be() -> None:
    assert told({"EXIF DateTimeOriginal": "0000:00:00 00:00:00"}, "Taken").comparison == "the clock was never set"
    assert told({"EXIF DateTimeOriginal": "last <i>week</i>"}, "Taken").comparison == "cannot be read as a time"
    assert told({"EXIF DateTimeOriginal": "1970:01:01 00:00:00"}, "Taken").agrees is False
    soon = datetime.now(UTC) + timedelta(days=3)
    future = told({"EXIF DateTimeOriginal": f"{soon:%Y:%m:%d %H:%M:%S}"}, "Taken")
    assert (future.agrees, "future" in future.comparison) == (False, True)
    assert told({"EXIF DateTimeOriginal": "2019:05:04 14:03:11"}, "Taken").comparison == "its time zone is not stated"


@pytest.mark.parametrize(
    ("modified", "agrees", "comparison"),
    [
        ({"EXIF DateTime": "2019:05:01 10:00:00"}, False, "3 days before it was taken, which cannot be"),
        ({"EXIF DateTime": "2019:05:04 04:00:00"}, None, ""),
        ({"XMP xmp:ModifyDate": "2019-05-04T04:00:00+02:00"}, False, "10 hours before it was taken, which cannot be"),
        ({"XMP xmp:ModifyDate": "2019-05-04T13:03:11+01:00"}, None, ""),
        ({"EXIF DateTime": "2021:05:04 14:03:11"}, None, "731 days after it was taken"),
    ],
)
def test_a_photo_is_not_changed_before_it_is_taken(
    modified: dict[str, str], agrees: bool | None, comparison: str
) -> None:
    found = told({**NOON, **modified}, "Modified")
    assert (found.agrees, found.comparison) == (agrees, comparison)


def test_the_same_time_twice_is_told_once() -> None:
    names = [one.name for one in read({**NOON, "EXIF DateTimeDigitized": "2019:05:04 14:03:11"}).statements]
    assert names == ["Taken"]


def test_the_satellites_time_and_the_clock() -> None:
    satellites = {"EXIF GPSDateStamp": "2019:05:04", "EXIF GPSTimeStamp": "12:03:11"}
    assert told({**NOON, **satellites}, "Satellite time").comparison == "the camera's clock ran at UTC+2"
    assert told(satellites, "Satellite time").value == "2019-05-04 12:03 UTC"
    late = {"EXIF GPSDateStamp": "2019:05:04", "EXIF GPSTimeStamp": "17:03:11"}
    assert told({**NOON, **late}, "Satellite time").comparison.startswith("5 hours off the camera's clock")
    assert told({**NOON, **late}, "Satellite time").agrees is False
    unzoned = {"EXIF DateTimeOriginal": "2019:05:04 21:03:11"}  # nine hours ahead of the satellites
    tags = {**unzoned, **satellites, **COLOSSEUM}
    assert told(tags, "Clock at the claimed place", "Rome, Italy").agrees is False
    assert told(tags, "Clock at the GPS position", "Rome, Italy").value == "UTC+9"


@pytest.mark.parametrize(
    ("claim", "agrees"), [("Rome, Italy", True), ("Berlin, Germany", True), ("Sydney, Australia", False)]
)
def test_the_clocks_zone_is_compared_with_the_claimed_longitude(claim: str, agrees: bool) -> None:
    assert told(NOON, "Clock at the claimed place", claim).agrees is agrees


def test_a_large_country_has_no_one_time_of_day() -> None:
    assert not [one for one in read(NOON, "Australia").statements if "claimed place" in one.name]


def test_the_sun_at_the_stated_time() -> None:
    day = told(NOON, "Sun at the claimed place", "Rome, Italy")
    assert day.value == "61 degrees above the horizon at the stated time"
    assert day.comparison.startswith("it was day there: a picture of the night would contradict this")
    night = told(NOON, "Sun at the claimed place", "Sydney, Australia")
    assert night.value.endswith("below the horizon at the stated time")
    assert night.comparison.startswith("it was night there: a picture in daylight")
    assert (day.agrees, night.agrees) == (None, None)


def test_without_a_zone_the_sun_is_judged_only_when_every_zone_agrees() -> None:
    def sun(time: str) -> Statement:
        return told({"EXIF DateTimeOriginal": f"2019:05:04 {time}"}, "Sun at the claimed place", "Rome, Italy")

    assert sun("13:00:00").comparison.startswith("it was day there")
    assert "zone guessed from the longitude" in sun("13:00:00").value
    assert sun("02:00:00").comparison.startswith("it was night there")
    assert sun("20:00:00").comparison.startswith("near the horizon, or too uncertain")
    assert not [one for one in read({"IPTC DateCreated": "20190504"}, "Rome, Italy").statements if "Sun" in one.name]


@pytest.mark.parametrize(
    ("lat", "lon", "time", "height"),
    [
        (23.436, 0.0, "2020-06-20T12:02", 90.0),  # the tropic at the solstice
        (90.0, 0.0, "2020-06-20T21:44", 23.44),  # the pole all that day
        (0.0, 0.0, "2020-03-20T12:07", 90.0),  # the equator at the equinox
        (52.52, 13.4, "2020-12-21T22:00", -58.39),
        (-33.86, 151.2, "2015-01-15T03:00", 72.36),
    ],
)
def test_the_suns_height(lat: float, lon: float, time: str, height: float) -> None:
    assert elevation(lat, lon, datetime.fromisoformat(time).replace(tzinfo=UTC)) == pytest.approx(height, abs=0.2)


def test_editors_and_generators_are_named() -> None:
    assert "an image editor" in told({"EXIF Software": "Adobe Photoshop 25.1"}, "Software").comparison
    assert told({"EXIF Software": "HDR+ 1.0.4"}, "Software").comparison == ""
    made = told({"XMP xmp:CreatorTool": "Adobe Firefly"}, "Software")
    assert (made.agrees, "generated" in made.comparison) == (False, True)
    assert told({"PNG parameters": "a street in Rome, Steps: 20"}, "Prompt").agrees is False


def test_a_seal_is_told_and_proves_nothing() -> None:
    seal = told({"C2PA": "found, signature valid, signer A (not on a trust list here)"}, "C2PA", "Rome, Italy")
    assert (seal.agrees, "proves neither place nor time" in seal.comparison) == (None, True)
    broken = told({"C2PA": "found, invalid: assertion.dataHash.mismatch; signer A"}, "C2PA")
    assert broken.comparison == "changed after it was sealed, or sealed wrongly"


HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e" + "x" * 3000


@pytest.mark.parametrize("claim", [None, "Rome, Italy"])
def test_hostile_text_stays_text_and_is_shortened(claim: str | None) -> None:
    names = ["EXIF Make", "EXIF Model", "EXIF Software", "EXIF DateTimeOriginal", "EXIF DateTime", "C2PA", "IPTC City"]
    names += ["IPTC Country", "EXIF GPSLatitude", "EXIF GPSLongitude", "EXIF GPSDateStamp", "XMP photoshop:City"]
    evidence = read(dict.fromkeys(names, HOSTILE), claim)
    assert any("<script>" in one.value for one in evidence.statements)
    for one in evidence.statements:
        assert len(one.value) < 1000
        assert len(one.comparison) < 500
    assert len(evidence.sentence) < 2000


@pytest.mark.parametrize(
    ("parts", "claim", "agrees", "comparison"),
    [
        (("Portland", "Maine", "USA"), "Portland, Oregon", False, "read as Portland, Maine, United States"),
        (("Portland", "Oregon", "USA"), "Portland, Oregon", True, "read as Portland, Oregon"),
        (("Paris", "", "États-Unis"), "Paris, France", False, "United States"),
        (("Paris", "", "Frankreich"), "Paris, France", True, "read as Paris"),
        (("Paris", "Qqxyz", "France"), "Paris, France", None, "cannot be compared: “Qqxyz” is not in the gazetteer"),
        (("Qqxyz", "", "France"), "Paris, France", None, "cannot be compared: “Qqxyz”"),
        (("Qqxyz", "", "Italy"), "Paris, France", False, "in Italy, not in France; “Qqxyz”"),
        (("Paris", "", "Qqxyz"), "Paris, France", None, "cannot be compared: “Qqxyz”"),
        (("Paris", "Bavaria", "Germany"), "Paris, France", None, "do not go together"),
        (("", "Scotland", "United Kingdom"), "Scotland", True, "read as Scotland"),
        (("Munich", "", "Germany"), "Bavaria", True, "read as Munich"),
        (("Berlin", "", "Germany"), "Bavaria", False, "read as Berlin"),
        (("Guadalajara", "", "Mexiko"), "Guadalajara, Spain", False, "read as Guadalajara, Jalisco, Mexico"),
        (("München", "Bayern", "Deutschland"), "Munich", True, "read as Munich"),
        (("Sevilla", "Andalucía", "España"), "Seville, Spain", True, "read as Sevilla, Andalusia"),
        (("Rome", "Roma", "Italy"), "Rome, Italy", True, "read as Rome, Lazio"),
        (("Rome", "Berlin", "Italy"), "Rome, Italy", None, "do not go together"),
    ],
)
def test_no_part_of_a_place_in_words_is_passed_over(
    parts: tuple[str, str, str], claim: str, agrees: bool | None, comparison: str
) -> None:
    tags = dict(zip(("IPTC City", "IPTC Province", "IPTC Country"), parts, strict=True))
    found = told({name: part for name, part in tags.items() if part}, "Place (IPTC)", claim)
    assert (found.agrees, comparison in found.comparison) == (agrees, True), found


def test_a_place_in_words_of_another_encoding() -> None:
    tags = {name: text.encode("cp1251").decode("latin-1") for name, text in
            (("IPTC City", "Киев"), ("IPTC Country", "Украина"))}  # fmt: skip
    found = told(tags, "Place (IPTC)", "Kyiv, Ukraine")
    assert (found.value, found.agrees) == ("Киев, Украина", True)
    assert "cp1251" in found.comparison


@pytest.mark.parametrize(
    ("date", "agrees", "why"),
    [
        ("2003:05:07", None, "1,024 weeks from the camera's clock"),
        ("1970:01:01", None, "before it has found the satellites"),
        ("1980:01:06", None, "before it has found the satellites"),
        ("2022:12:12", False, "off the camera's clock"),
    ],
)
def test_an_unreliable_satellite_time_feeds_neither_zone_nor_sun(date: str, agrees: bool | None, why: str) -> None:
    tags = {"EXIF DateTimeOriginal": "2022:12:21 17:00:00", "EXIF GPSDateStamp": date, "EXIF GPSTimeStamp": "16:00:00"}
    found = told(tags, "Satellite time", "Tromsø")
    assert (found.agrees, why in found.comparison, "nothing is drawn from it" in found.comparison) == (
        agrees,
        True,
        True,
    )
    evidence = read(tags, "Tromsø")
    assert not [one for one in evidence.statements if one.name.startswith("Clock at")]
    (sun,) = (one for one in evidence.statements if one.name.startswith("Sun at"))
    assert "its zone guessed" in sun.value


def test_times_at_which_unset_clocks_start_say_nothing() -> None:
    tags = {"EXIF DateTimeOriginal": "2017:01:30 11:02:33", "EXIF DateTimeDigitized": "2002:12:08 12:00:00"}
    assert told(tags, "Digitised").agrees is None
    assert told({"EXIF DateTimeOriginal": "2002:01:01 00:00:00"}, "Taken").agrees is None
    assert not [one for one in read({"EXIF DateTimeOriginal": "2002:01:01 00:00:00"}, "Rome").statements
                if one.name.startswith("Sun")]  # fmt: skip


def test_a_position_of_uncertain_hemisphere_is_told_and_not_compared() -> None:
    tags = {"EXIF GPSLatitude": "41.890200 (no N or S is stated)", "EXIF GPSLongitude": "12.492200"}
    found = told(tags, "GPS position", "Rome, Italy")
    assert found.agrees is None
    assert found.comparison.startswith("ambiguous")
    assert "2 km from the claimed Rome" in found.comparison
    assert read(tags, "Rome, Italy").places == ()


def test_a_bad_position_yields_to_a_good_one_and_two_good_ones_are_compared() -> None:
    xmp = {"XMP exif:GPSLatitude": "41,53.412N", "XMP exif:GPSLongitude": "12,29.532E"}
    for bad in (
        {"EXIF GPSLatitude": "95.2", "EXIF GPSLongitude": "12.4"},
        {"EXIF GPSLatitude": "0", "EXIF GPSLongitude": "0"},
    ):
        evidence = read({**bad, **xmp}, "Rome, Italy")
        assert [place.stated_by for place in evidence.places] == ["XMP"]
        assert told({**bad, **xmp}, "GPS position (XMP)", "Rome, Italy").agrees is True
    other = {"EXIF GPSLatitude": "52.5", "EXIF GPSLongitude": "13.4"}
    apart = [one for one in read({**other, **xmp}, "Rome, Italy").statements if "from each other" in one.comparison]
    assert [one.agrees for one in apart] == [False]


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({"EXIF GPSDateStamp": "1985:03:02"}, "before the satellites served everyone"),
        ({"EXIF GPSDateStamp": "2002:01:01"}, "before it has found the satellites"),
        ({"EXIF GPSDateStamp": "2999:03:02"}, "in the future"),
        ({"EXIF GPSDateStamp": "2003:05:07", "EXIF DateTime": "2022:12:21 17:00:00"}, "1,024 weeks"),
        ({"EXIF GPSDateStamp": "2003:05:07", "XMP xmp:CreateDate": "2022-12-21T17:00:00"}, "1,024 weeks"),
        ({"EXIF GPSDateStamp": "2021:05:07", "XMP xmp:CreateDate": "2022-12-21T17:00:00"}, "off the camera's clock"),
    ],
)
def test_a_satellite_time_alone_is_held_against_itself_and_the_other_times(tags: dict[str, str], why: str) -> None:
    tags = {"EXIF GPSTimeStamp": "16:00:00", **COLOSSEUM, **tags}
    assert why in told(tags, "Satellite time", "Rome").comparison
    assert not [one for one in read(tags, "Rome").statements if one.name.startswith(("Sun at", "Clock at"))]


@pytest.mark.parametrize("time", ["2999:12:21 17:00:00", "1985:12:21 17:00:00", "1970:01:01 03:00:00"])
def test_a_camera_time_that_cannot_be_feeds_nothing(time: str) -> None:
    tags = {"EXIF DateTimeOriginal": time, **COLOSSEUM}
    assert told(tags, "Taken").agrees is False
    assert not [one for one in read(tags, "Rome").statements if one.name.startswith(("Sun at", "Clock at"))]
    satellites = {"EXIF GPSDateStamp": "2019:05:04", "EXIF GPSTimeStamp": "12:03:11"}
    assert told({**tags, **satellites}, "Satellite time").agrees is None  # it is the camera that was wrong
    assert told({**tags, **satellites}, "Sun at the claimed place", "Rome").value.startswith("61 degrees above")
    later = {"EXIF DateTime": "2020:01:01 10:00:00"}
    assert told({**tags, **later}, "Modified").comparison == ""


@pytest.mark.parametrize(
    ("lat", "value", "comparison"),
    [
        ("41,8902N", "189.36667, 12.49220", "ambiguous, so it is not compared: minutes or seconds"),
        ("41,72N", "42.20000, 12.49220", "ambiguous, so it is not compared: minutes or seconds above 60"),
        ("-33,51.4S", "-33.85667, 12.49220", "at sea"),
    ],
)
def test_positions_in_xmp_that_are_written_otherwise(lat: str, value: str, comparison: str) -> None:
    found = told({"XMP exif:GPSLatitude": lat, "XMP exif:GPSLongitude": "12.4922"}, "GPS position", "Rome")
    assert (found.value, found.comparison.startswith(comparison)) == (value, True), found


@pytest.mark.parametrize("prefix", ["IPTC ", "XMP Iptc4xmpCore:", "XMP Iptc4xmpExt:LocationCreated/Iptc4xmpExt:"])
def test_a_countrys_code_is_a_part_too(prefix: str) -> None:
    city = "XMP photoshop:City" if "Core" in prefix else f"{prefix}City"
    country = {"XMP photoshop:City": "XMP photoshop:Country", "IPTC City": "IPTC Country"}.get(
        city, f"{prefix}CountryName"
    )

    def agrees(code: str, name: str = "") -> bool | None:
        tags = {city: "Paris", f"{prefix}CountryCode": code} | ({country: name} if name else {})
        (found,) = (one for one in read(tags, "Paris, France").statements if one.name.startswith("Place"))
        return found.agrees

    assert (agrees("FRA"), agrees("FR"), agrees("USA"), agrees("US"), agrees("Q9")) == (True, True, False, False, None)
    assert (agrees("FRA", "France"), agrees("FRA", "Francia"), agrees("USA", "France")) == (True, True, None)


def test_a_country_known_only_by_its_code_is_read_beside_another_encoding() -> None:
    tags = {"IPTC City": "Абиджан".encode("cp1251").decode("latin-1"), "IPTC CountryCode": "CIV"}
    assert told(tags, "Place (IPTC)", "Abidjan").agrees is True


def test_several_places_are_not_mixed_into_one() -> None:
    prefix = "XMP Iptc4xmpExt:LocationShown/Iptc4xmpExt:"
    said = [(f"{prefix}City", "Paris"), (f"{prefix}CountryName", "France"), (f"{prefix}City", "Berlin"),
            (f"{prefix}CountryName", "Germany")]  # fmt: skip
    photo = Photo("a.jpg", "0" * 64, 1, "JPEG", "RGB", 640, 480, 1, 1, tuple(said), ())
    (found,) = examine(photo, gazetteer.parse("Paris, France")).statements
    assert (found.value, found.agrees) == ("Paris; Berlin; France; Germany", None)
    assert examine(photo, None).places == ()
    once = Photo("a.jpg", "0" * 64, 1, "JPEG", "RGB", 640, 480, 1, 1, tuple(said[:2] * 2), ())
    assert examine(once, gazetteer.parse("Paris, France")).statements[0].agrees is True


def test_a_spot_in_a_city_is_told_and_not_compared() -> None:
    tags = {"IPTC City": "Paris", "IPTC Country": "France", "IPTC Sublocation": "Tour Eiffel"}
    found = told(tags, "Place (IPTC)", "Paris, France")
    assert (found.value, found.agrees) == ("Tour Eiffel, Paris, France", True)
    assert found.comparison.endswith("“Tour Eiffel” is not compared")
    assert told({"IPTC Sublocation": "Tour Eiffel"}, "Place (IPTC)", "Paris, France").agrees is None


@pytest.mark.skipif(not CASES.is_dir(), reason=f"no research photos in {CASES}")
@pytest.mark.parametrize(
    ("name", "claim", "statement", "agrees", "comparison"),
    [
        ("p02_noref.jpg", "Rome, Italy", "GPS position", None, "ambiguous"),
        ("p05_negS.jpg", "Sydney", "GPS position", True, "Australia"),
        ("p10_2002.jpg", "Rome, Italy", "Digitised", None, "never set"),
        ("p11c_tromso.jpg", "Tromsø", "Satellite time", None, "1,024 weeks"),
        ("p13_iptc_1251.jpg", "Kyiv, Ukraine", "Place (IPTC)", True, "cp1251"),
        ("p40_portland.jpg", "Portland, Oregon", "Place (IPTC)", False, "Portland, Maine"),
        ("p42_paris_eu.jpg", "Paris, France", "Place (IPTC)", False, "United States"),
    ],
)
def test_photos_as_people_have_them(
    name: str, claim: str, statement: str, agrees: bool | None, comparison: str
) -> None:
    photo = sandbox.run(look_photo, os.fsencode(CASES / name)).photo
    evidence = examine(photo, gazetteer.parse(claim))
    (found,) = (one for one in evidence.statements if one.name == statement)
    assert (found.agrees, comparison in found.comparison) == (agrees, True), found
