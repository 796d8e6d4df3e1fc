"""Is the place understood that is meant, and what lies where?"""

import math
import random
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightcheck.errors import UsageError
from sightcheck.place.world import gazetteer, tables
from sightcheck.place.world.gazetteer import Claim, candidates, country_at, distance_km, parse

ROME, ROME_GA, LONDON_ON, NEW_YORK, BERLIN = 3169070, 4219762, 6058560, 5128581, 2950159


@pytest.mark.parametrize(
    ("text", "geoname_id"),
    [
        ("Rome", ROME), ("Roma", ROME), ("ROME , italy", ROME), ("Rome, Lazio, Italy", ROME), ("Ρώμη", ROME),
        ("Rome, GA", ROME_GA), ("Rome, Georgia", ROME_GA), ("Rome, Georgia, United States", ROME_GA),
        ("Berlin", BERLIN), ("  berlin ", BERLIN), ("ＢＥＲＬＩＮ，Germany", BERLIN), ("Berlin, DE", BERLIN),
        ("Berlín", BERLIN),
        ("London, Ontario", LONDON_ON), ("London Ontario", LONDON_ON), ("London, ON", LONDON_ON),
        ("London Ontario, Canada", LONDON_ON), ("London", 2643743), ("London, England", 2643743),
        ("New York", NEW_YORK), ("new york city", NEW_YORK), ("NYC", NEW_YORK), ("New York, NY", NEW_YORK),
        ("Paris, Texas", 4717560), ("Paris TX", 4717560), ("Paris, France", 2988507), ("São Paulo", 3448439),
        ("Sao Paulo", 3448439), ("Washington, DC", 4140963), ("Washington", 4140963),
        ("St. Petersburg", 498817),
        ("St. Petersburg, FL", 4171563), ("München", 2867714), ("東京", 1850147),
        ("Strasbourg, Grand Est", 2973783),
        ("Mexico City", 3530597), ("Singapore", 1880252), ("Québec", 6325494), ("Bo", 2410048),
        ("Kiev", 703448), ("ｔｏｋｙｏ", 1850147), ("ROMA;IT", ROME), ("Singapore, Singapore", 1880252),
        ("Monaco", 2993458), ("Maseru", 932505), ("St Peter Port, Guernsey", 3042287), ("Cayenne", 3382160),
    ],
)  # fmt: skip
def test_a_city_by_the_names_people_write(text: str, geoname_id: int) -> None:
    claim = parse(text)
    assert (claim.geoname_id, claim.text) == (geoname_id, text)
    assert country_at(claim.lat, claim.lon) == claim.country


@pytest.mark.parametrize(
    ("text", "code"),
    [("Italy", "IT"), ("IT", "IT"), ("italia", "IT"), ("the Netherlands", "NL"), ("UK", "GB"), ("usa", "US"),
     ("U.S.A.", "US"),
     ("GE", "GE"), ("Türkiye", "TR"), ("Deutschland", "DE"), ("Allemagne", "DE"), ("Россия", "RU"), ("中国", "CN"),
     ("États-Unis", "US"), ("Großbritannien", "GB"),
     ("Luxemburg", "LU"), ("Kuba", "CU"), ("Армения", "AM"), ("Soome", "FI"), ("DE", "DE"), ("IN", "IN"),
     ("BO", "BO"), ("GBR", "GB"), ("Kosovo", "XK"), ("Luxembourg", "LU"),
     ("no", "NO"), ("nor", "NO"), ("prt", "PT"), ("tun", "TN")],  # Ho, Niort, Perth, Thun
)  # fmt: skip
def test_a_country_alone(text: str, code: str) -> None:
    claim = parse(text)
    assert (claim.country, claim.city, claim.geoname_id) == (code, "", 0)
    assert country_at(claim.lat, claim.lon) == code
    assert gazetteer.country_code(text) == code


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("Springfield", '"Springfield, Illinois, United States"'),
        ("Vancouver", '"Vancouver, British Columbia, Canada"; "Vancouver, Washington, United States"'),
        ("California", "is also a region of United States"),
        ("Tuscany", "is also a region of Italy"),
        ("Georgia", 'say which place: "GE"; "Georgia, United States"'),
        ("LA", '"Laos"; "Los Angeles, California, United States"; "Louisiana, United States"'),
        ("CA", 'say which place: "Canada"; "California, United States"'),
        ("MA", '"Massachusetts, United States"'),
        ("WA", '"WA, United States"; "Western Australia, Australia"; "Wa, Upper West, Ghana"'),
        ("PA", '"Panama"; "Pennsylvania, United States"'),
        ("Punjab", '"Punjab, Pakistan"; "Punjab, India"'),
        ("Алжир", 'say which place: "Algeria"; "Algiers, Algeria"'),
        ("https://maps.app.goo.gl/abc123", "nothing is fetched"),
        ("https://www.google.com/maps/dir/52.52,13.405/Rome/@47.0,13.0,6z", "holds no coordinates"),
        ("geo:41.89,12.49;crs=moon-2011", "holds no coordinates"),
        ("40°26'46\"N 3°42'09\"O", "write E or W"),
        ("41°99'24\"N 12°29'32\"E", "no place is called"),
        ("95°N 12°E", "latitude lies in -90 to 90"),
        ("Berln", 'did you mean "Berlin"'),
        ("Rome, Frankreich", "no place is called"),
        ("nan,inf", "no place is called"),
        ("200,300", "latitude lies in -90 to 90"),
        ("90.01,0", "latitude lies in -90 to 90"),
        ("0,-180.5", "longitude in -180 to 180"),
        ("   ", "give a city and its country"),
        ("0,-30", "lies at sea"),
        ("", "give a city and its country"),
        (",,\x00\x1b[2J", r"\x1b"),
        ("a" * 10_000_000, "at most 200"),
    ],
    ids=lambda text: ascii(text[:20]),
)
def test_what_is_unknown_or_ambiguous_is_told_with_what_can_be_typed(text: str, offered: str) -> None:
    with pytest.raises(UsageError) as told:
        parse(text)
    assert offered in str(told.value)
    assert len(str(told.value)) < 500
    assert str(told.value).isprintable()


def test_every_offer_to_an_ambiguous_name_can_be_typed():
    for text in ("Springfield", "Vancouver", "Valencia", "Granada", "Cambridge", "Odessa", "Tuscany", "Punjab", "PA"):
        with pytest.raises(UsageError) as told:
            parse(text)
        for label in str(told.value).split('"')[3::2]:
            assert parse(label).label == label
    assert parse("WA, United States").region == "Washington"
    assert parse("GE").country == "GE"


def understood(text: str) -> Claim | str:
    """The claim, or what the user is told."""
    try:
        return parse(text)
    except UsageError as told:
        return str(told)


def test_a_label_leads_back_to_its_place():
    """Or, of places that share a name and a region, to the most populous one."""
    for row in random.Random(1).sample(range(len(tables.cities().lat)), 200):
        claim, _ = gazetteer.nearest_city(float(tables.cities().lat[row]), float(tables.cities().lon[row]))
        assert any(one.geoname_id == claim.geoname_id for one in candidates(claim.label)), claim.label
        found = understood(claim.label)
        if isinstance(found, str):
            assert claim.label in found
        else:
            assert (found.country, found.region) == (claim.country, claim.region), claim.label


def test_a_region_called_as_its_country_is_told_by_naming_it_twice():
    assert parse("La Cañada, México, Mexico").region == "México"
    assert parse("La Cañada, Querétaro, Mexico").region == "Querétaro"
    assert parse("Berlin, Germany, Germany").geoname_id == BERLIN


def test_candidates_come_likeliest_first_and_only_where_the_text_says():
    every = candidates("London")
    assert every[0].geoname_id == 2643743
    assert {one.country for one in every} >= {"GB", "CA", "US"}
    assert {one.country for one in candidates("London, US")} == {"US"}
    assert candidates("Xyzzyville") == ()


@given(st.text(max_size=40) | st.from_regex(r"[-+]?\d{1,4}\.?\d{0,3}[,; ][-+]?\d{1,4}\.?\d{0,3}", fullmatch=True))
@settings(max_examples=60)
def test_any_text_is_a_place_or_is_told_why_not(text: str) -> None:
    claim = understood(text)
    if isinstance(claim, str):
        assert claim.isprintable()
    else:
        assert -90 <= claim.lat <= 90
        assert -180 <= claim.lon <= 180
        assert claim.country == gazetteer.country_code(claim.country)


def test_coordinates_are_of_the_city_they_lie_in():
    for text in ("41.9,12.5", "41.9, 12.5", " +41.9 ; 12.5 ", "４１.９，１２.５"):
        claim = parse(text)
        assert (claim.lat, claim.lon, claim.geoname_id, claim.country) == (41.9, 12.5, ROME, "IT")
    assert parse("52.49,13.40").geoname_id == BERLIN  # Kreuzberg is a part of it
    assert parse("40.7357,-74.1724").city == "Newark"  # not New York, across the state's border
    desert = parse("22.0,5.0")
    assert (desert.country, desert.city, desert.geoname_id) == ("DZ", "", 0)


@pytest.mark.parametrize(
    ("place", "lat", "lon", "code"),
    [
        ("Strasbourg", 48.5846, 7.7507, "FR"), ("Kehl", 48.5729, 7.8152, "DE"), ("Como", 45.8081, 9.0852, "IT"),
        ("Lugano", 46.0050, 8.9520, "CH"), ("Basel", 47.5570, 7.5900, "CH"),
        ("Saint-Louis", 47.5900, 7.5600, "FR"),
        ("Saint Peter", 41.9022, 12.4539, "VA"), ("Castel Sant'Angelo", 41.9031, 12.4663, "IT"),
        ("Monte Carlo", 43.7396, 7.4270, "MC"), ("Èze", 43.7280, 7.3620, "FR"),
        ("Gibraltar", 36.1447, -5.3526, "GI"),
        ("La Línea", 36.1681, -5.3477, "ES"), ("San Marino", 43.9360, 12.4470, "SM"),
        ("Llívia", 42.4640, 1.9810, "ES"),
        ("Ceuta", 35.8890, -5.3200, "ES"), ("Kaliningrad", 54.7100, 20.5100, "RU"),
        ("El Paso", 31.7700, -106.4800, "US"),
        ("Juárez", 31.7300, -106.4800, "MX"), ("Kinshasa", -4.3250, 15.3200, "CD"),
        ("Brazzaville", -4.2630, 15.2600, "CG"),
        ("Maseru's mountains", -29.6, 28.2, "LS"), ("Hong Kong", 22.3000, 114.1700, "HK"), ("Johor",
        1.4900, 103.7400, "MY"),
        ("Tamanrasset's desert, no city near", 22.0, 5.0, "DZ"), ("inner French Guiana", 3.5, -53.0, "GF"),
        ("Spitsbergen", 79.0, 16.0, "SJ"), ("Réunion", -21.1, 55.5, "RE"), ("Bonaire", 12.18, -68.25, "BQ"),
        ("Kyrenia", 35.3400, 33.3200, "CY"), ("Hargeisa", 9.56, 44.06, "SO"),
        ("Laayoune", 27.1500, -13.2000, "EH"),
        ("Simferopol", 44.9500, 34.1000, "UA"), ("Krasnodar", 45.0400, 38.9700, "RU"),
        ("Pristina", 42.6600, 21.1600, "XK"),
        ("Chukotka east of 180", 66.5, -175.0, "RU"), ("Chukotka west of 180", 67.0, 178.0, "RU"),
        ("Maseru", -29.31, 27.48, "LS"), ("Bloemfontein", -29.12, 26.22, "ZA"), ("Cayenne", 4.92, -52.33, "GF"),
        ("Saint Peter Port", 49.455, -2.540, "GG"), ("Cherbourg", 49.63, -1.62, "FR"),
        ("Taveuni", -16.85, -179.97, "FJ"), ("South Pole", -90.0, 0.0, "AQ"),
        ("Antarctica", -88.0, -100.0, "AQ"),
        ("off Nice, no land", 43.60, 7.30, "FR"), ("middle of the Atlantic", 40.0, -40.0, ""),
        ("Gulf of Guinea", 0.0, -30.0, ""),
        ("Paris once around", 48.85, 362.35, "FR"),
    ],
)  # fmt: skip
def test_whose_land_a_point_is_on(place: str, lat: float, lon: float, code: str) -> None:
    assert country_at(lat, lon) == code, place


def test_cities_lie_in_their_countries():
    big = np.flatnonzero(tables.cities().population >= 15_000)[::20].tolist()
    places = tables.cities()
    wrong = [row for row in big if country_at(float(places.lat[row]), float(places.lon[row])) != places.country[row]]
    assert len(wrong) <= 0.005 * len(big), [tables.city_names(row, row + 1) for row in wrong]


def test_a_place_that_is_none_is_refused():
    for lat, lon in ((math.nan, 0.0), (0.0, math.inf), (91.0, 0.0)):
        with pytest.raises(UsageError, match="is no place"):
            country_at(lat, lon)


def test_distances_are_great_circles():
    quarter = math.pi / 2 * 6371.0088
    assert distance_km(0, 0, 90, 0) == pytest.approx(quarter)
    assert distance_km(0, 179.5, 0, -179.5) == pytest.approx(quarter / 90)
    assert distance_km(52.5244, 13.4105, 41.8919, 12.5113) == pytest.approx(1184, abs=2)  # Berlin to Rome
    assert distance_km(51.5074, -0.1278, 48.8566, 2.3522) == pytest.approx(343.6, abs=0.2)  # London to Paris
    assert distance_km(10, 20, 10, 20) == 0
    assert distance_km(40, -70, -40, 110) == pytest.approx(2 * quarter)
    assert distance_km(90, 0, -90, 123) == pytest.approx(2 * quarter)


def test_nearest_city_is_the_nearest():
    claim, away = gazetteer.nearest_city(41.8919, 12.5113)
    assert (claim.geoname_id, away) == (ROME, pytest.approx(0, abs=0.02))
    lat, lon = 35.0, -40.0
    places = tables.cities()
    slow = min(
        distance_km(lat, lon, *one) for one in zip(places.lat[::50].tolist(), places.lon[::50].tolist(), strict=True)
    )
    assert 500 < gazetteer.nearest_city(lat, lon)[1] <= slow


def test_radius_grows_with_population():
    assert parse("Rome, GA").radius_km == 5.0
    assert 10 < parse("Rome").radius_km < 15
    assert parse("São Paulo").radius_km == 25.0
    assert 500 < parse("Italy").radius_km < 900


def test_the_61_classes_hold_every_country_once_and_agree_with_the_thesis():
    groups = gazetteer.classes()
    every = [code for group in groups for code in group]
    assert len(groups) == 61
    assert sorted(every) == sorted(one.code for one in tables.countries())
    assert len(every) == 250  # ISO 3166-1 and Kosovo
    known = {
        0: "US",
        1: "GB IM GG JE", 2: "ES GI AD", 3: "FR MC", 4: "DE", 5: "IT SM MT VA", 6: "CA", 7: "JP", 8: "AU", 9: "NL",
        10: "CN", 11: "BR", 14: "IN", 17: "MX", 22: "RU", 27: "TR", 44: "EG SD",
    }  # fmt: skip
    assert {number: " ".join(groups[number]) for number in known} == known
    assert [gazetteer.class_of(code) for code in ("SG", "JO", "AE")] == [36, 58, 60]
    for alone in ("AT", "PT", "BE", "RO", "SE", "KR"):
        assert groups[gazetteer.class_of(alone)] == (alone,)
    with pytest.raises(UsageError, match="no ISO 3166"):
        gazetteer.class_of("ZZ")


def test_every_country_has_a_name_and_a_point_on_its_land():
    for one in tables.countries():
        assert gazetteer.country_code(one.name) == one.code
        assert gazetteer.country_code(one.code3) == one.code
        assert country_at(*gazetteer.country_point(one.code)) == one.code, one.name
    assert gazetteer.country_name("DE") == "Germany"
    with pytest.raises(UsageError, match="no country is called"):
        gazetteer.country_code("Atlantis")


def test_outlines_are_closed_and_on_the_globe():
    drawn = {one.code: one for one in gazetteer.outlines()}
    assert len(drawn) > 170
    for one in drawn.values():
        for ring in one.rings:
            assert ring.dtype == np.float32
            assert np.isfinite(ring).all()
            assert np.array_equal(ring[0], ring[-1])
            assert np.abs(ring[:, 0]).max() <= 180.001
            assert np.abs(ring[:, 1]).max() <= 90
    assert 6 < drawn["IT"].rings[0][:, 0].min() < 19


def test_the_packaged_data_are_small_and_quick():
    assert sum(path.stat().st_size for path in tables.DATA.iterdir()) < 8e6
    for cached in (
        tables.cities,
        tables.countries,
        tables.regions,
        tables.rows_named,
        tables._city_table,
        tables._names_file,
    ):
        cached.cache_clear()
    start = time.perf_counter()
    parse("Rome, GA")
    assert time.perf_counter() - start < 1  # 0.1 s on an idle machine


@pytest.mark.parametrize(
    "text",
    [
        "41.8902,12.4922", "41,8902 12,4922", "41.8902 N, 12.4922 E", "41.89° N, 12.49° E", "41°53'24\"N 12°29'32\"E",
        "41° 53′ 24″ N, 12° 29′ 32″ E", "N 41 53 24, E 12 29 32", "12°29'32\"E 41°53'24\"N", "41º53.4'N 12º29.5'E",
        "41°53'24\", 12°29'32\"", "41.89° N, 12.49° E, within 5 km", "geo:41.8902,12.4922",
        "geo:41.8902,12.4922,20;u=35",
        "https://www.google.com/maps/@41.8902,12.4922,15z",
        "https://www.google.com/maps/place/X/@41.0,12.0,15z/data=!3m1!4b1!4m6!8m2!3d41.8902!4d12.4922",
        "https://maps.google.com/?q=41.8902%2C12.4922", "https://www.openstreetmap.org/#map=15/41.8902/12.4922",
        "https://www.openstreetmap.org/?mlat=41.8902&mlon=12.4922#map=3/0/0", "https://maps.apple.com/?ll=41.8902,12.4922",
        "https://yandex.com/maps/?ll=12.4922,41.8902&z=12", "https://www.bing.com/maps?cp=41.8902~12.4922",
        "41 deg 53' 24.72\" N, 12 deg 29' 31.92\" E", "41d53m24s N 12d29m32s E", "41:53:24N 12:29:32E",
        "(41.8902, 12.4922)", "lat: 41.8902, lon: 12.4922", "lon 12.4922 lat 41.8902", "41,8902N 12,4922E",
        "41,8902, 12,4922", "+41.8902+012.4922/", "geo:0,0?q=41.8902,12.4922(Colosseo)",
        "google.com/maps/@41.8902,12.4922,15z", "https://www.openstreetmap.org/?mlon=12.4922&mlat=41.8902",
        "https://www.google.com/maps/place/41%C2%B053'24.7%22N+12%C2%B029'31.9%22E/@40.0,12.0,17z",
        "https://www.google.com/maps/dir/52.52,13.405/41.8902,12.4922/@47.0,13.0,6z",
        "https://wego.here.com/?map=41.8902,12.4922,15,normal",
    ],
)  # fmt: skip
def test_a_point_in_the_forms_people_paste(text: str) -> None:
    claim = parse(text)
    assert (claim.country, claim.geoname_id, claim.pointed) == ("IT", ROME, True)
    assert distance_km(claim.lat, claim.lon, 41.8902, 12.4922) < 1.5


def test_southern_and_western_points() -> None:
    for text in ("33°51'24\"S 151°12'55\"E", "-33°51'24\", 151°12'55\"", "S33.8568 E151.2153"):
        assert parse(text).country == "AU"
    assert parse("40.7128 N 74.0060 W").geoname_id == NEW_YORK


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Scotland", "Scotland, United Kingdom"), ("England", "England, United Kingdom"),
        ("Bavaria", "Bavaria, Germany"),
        ("Bavaria, Germany", "Bavaria, Germany"), ("Texas", "Texas, United States"),
        ("Georgia, USA", "Georgia, United States"), ("California, United States", "California, United States"),
        ("Catalonia", "Catalonia, Spain"), ("TX", "Texas, United States"), ("NSW", "New South Wales, Australia"),
        ("Bayern", "Bavaria, Germany"), ("Schottland", "Scotland, United Kingdom"), ("Haa", "Haa, Bhutan"),
    ],
)  # fmt: skip
def test_a_region_of_a_country_is_a_claim(text: str, label: str) -> None:
    claim = parse(text)
    assert (claim.label, claim.city, claim.geoname_id, claim.pointed) == (label, "", 0, False)
    assert parse(claim.label).label == label


def test_a_city_in_a_country_of_another_language() -> None:
    assert parse("Moskau, Russland").geoname_id == 524901
    assert parse("Rome, Italien").geoname_id == ROME
    with pytest.raises(UsageError, match="Paris, Texas, United States"):
        parse("Paris, États-Unis")


def test_regions_and_countries_bear_the_names_they_are_packed_under() -> None:
    from sightcheck.data.world import ALSO, REGIONS

    packed = {(one.country, one.name): one.keys for one in tables.regions()}
    for country, named in REGIONS.items():
        for name, others in named.items():
            assert {tables.fold(other) for other in others.split("|")} <= packed[country, name], name
    for one in tables.countries():
        assert {tables.fold(other) for other in ALSO.get(one.code, one.name).split("|")} <= one.own, one.name
