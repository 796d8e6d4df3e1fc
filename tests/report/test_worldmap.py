"""The map: equal areas, no line across the world, every place once, labels that keep clear of each other."""

import math
import re

import numpy as np
import pytest

from sightcheck.report import worldmap
from sightcheck.verdict import Place, Share

ROME = Place("Rome, Italy", "claim", 41.89, 12.51, 10.0)
EXIF = Place("GPS position", "EXIF", 41.90, 12.48)
SHARES = (
    Share("IT", "Italy, San Marino, Malta, Vatican City", 0.4),
    Share("ES", "Spain", 0.2),
    Share("SG", "Singapore", 0.11),
    Share("PT", "Portugal", 0.004),
)


def points(path: str) -> list[np.ndarray]:
    """The subpaths of a path of whole relative steps as (n, 2) arrays."""
    found = []
    for part in re.findall(r"M[^M]*", path):
        start, _, rest = part.rstrip("z").partition("l")
        x, y = map(int, start[1:].split())
        steps = np.array(re.findall(r"-?\d+", rest), int).reshape(-1, 2)
        found.append(np.vstack([[x, y], *steps]).cumsum(0))
    return found


def area(path: str) -> float:
    return sum(abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2 for x, y in (p.T for p in points(path)))


def test_the_projection_has_the_published_shape():
    corner = worldmap.project(np.array([180.0, -180.0, 0.0]), np.array([0.0, 0.0, 90.0]))
    assert corner[0, 0] == pytest.approx(worldmap.WIDTH)
    assert corner[1, 0] == pytest.approx(0)
    tall = corner[0, 1] - corner[2, 1]
    assert tall / worldmap.WIDTH == pytest.approx(1 / 2.05458 / 2, rel=1e-3)  # width over height, Equal Earth


def test_equal_cells_of_the_globe_are_equal_on_the_map():
    def cell(south: float, north: float) -> float:
        lon, lat = np.linspace(0, 10, 50), np.linspace(south, north, 50)
        ring = np.concatenate(
            [
                np.column_stack([lon, np.full(50, south)]),
                np.column_stack([np.full(50, 10.0), lat]),
                np.column_stack([lon[::-1], np.full(50, north)]),
                np.column_stack([np.zeros(50), lat[::-1]]),
            ]
        )
        return area(worldmap.path(ring)) / (math.sin(math.radians(north)) - math.sin(math.radians(south)))

    assert cell(50, 60) == pytest.approx(cell(0, 10), rel=0.01)


def test_a_ring_across_the_antimeridian_is_drawn_at_both_ends():
    ring = np.array([[170.0, 10], [-170, 10], [-170, 20], [170, 20], [170, 10]])
    parts = points(worldmap.path(ring))
    assert len(parts) == 2
    assert all(np.ptp(part[:, 0]) < worldmap.WIDTH / 10 for part in parts)


def test_no_line_of_any_country_runs_across_the_world():
    for land in worldmap.lands():
        for part in points(land.path):
            assert np.abs(np.diff(part[:, 0])).max(initial=0) < worldmap.WIDTH / 8, land.code


def test_the_world_is_small_and_without_antarctica():
    codes = [land.code for land in worldmap.lands()]
    assert len(codes) == len(set(codes)) > 150
    assert "AQ" not in codes
    assert sum(len(land.path) for land in worldmap.lands()) < 150_000


def test_countries_have_the_level_of_their_share_and_others_none():
    fills = {fill.code: fill for fill in worldmap.world(SHARES, ()).fills}
    assert set(fills) >= {"IT", "ES", "PT"}
    assert "FR" not in fills
    assert fills["IT"].level == 4
    assert fills["IT"].title == "Italy: 40 %"
    assert fills["PT"].level == 0


def test_a_country_too_small_to_see_gets_a_dot():
    (dot,) = (mark for mark in worldmap.world(SHARES, ()).marks if mark.kind == "dot")
    assert dot.text == "Singapore: 11 %"
    assert dot.level == 3


@pytest.mark.parametrize(("share", "level"), [(0.0, 0), (0.0099, 0), (0.01, 1), (0.5, 5), (1.0, 5), (math.nan, 0)])
def test_levels(share, level):
    assert worldmap.level(share) == level
    assert len(worldmap.legend()) == len(worldmap.LEVELS) + 1


def test_a_place_lies_where_it_is_and_only_once():
    marks = worldmap.world((), (ROME, EXIF, ROME)).marks
    assert [mark.kind for mark in marks] == ["claim", "stated"]
    assert marks[0].x == pytest.approx(worldmap.project(np.array([12.51]), np.array([41.89]))[0, 0])
    assert marks[0].radius == pytest.approx(10 / 3.45, rel=0.01)


def test_a_country_that_is_claimed_as_a_whole_is_outlined_in_place_of_a_point():
    italy = Place("Italy", "claim", 41.89, 12.51)
    drawn = worldmap.world(SHARES[:1], (italy, EXIF), "IT")
    assert drawn.outlined == "IT"
    assert [mark.kind for mark in drawn.marks] == ["stated"]
    tiny = worldmap.world((), (Place("Singapore", "claim", 1.3, 103.8),), "SG")
    assert tiny.outlined == ""
    assert [mark.kind for mark in tiny.marks] == ["claim"]


@pytest.mark.parametrize("lat", [math.nan, math.inf, 91.0, -500.0])
def test_a_place_that_is_nowhere_is_not_drawn(lat):
    assert not worldmap.world((), (Place("GPS", "EXIF", lat, 5.0),)).marks


def test_any_longitude_and_the_poles_stay_on_the_map():
    for lat, lon in ((90, 0), (-90, 10), (10, 540), (10, -1e9), (0, 180)):
        (mark,) = worldmap.world((), (Place("p", "EXIF", lat, lon),)).marks
        assert 0 <= mark.x <= worldmap.WIDTH
        assert 0 <= mark.y <= worldmap.height()


def boxes(layer: worldmap.Layer) -> list[tuple[float, float, float, float]]:
    return [
        (one.x, one.y - layer.size / 2, one.x + 0.6 * layer.size * len(one.text), one.y + layer.size / 2)
        for one in layer.labels
    ]


@pytest.mark.parametrize("count", [1, 3, 8, 40])
def test_labels_keep_clear_of_each_other_and_of_the_edge(count):
    rng = np.random.default_rng(count)
    near = [Place(f"stated place {n}", "EXIF", *rng.normal((ROME.lat, ROME.lon), 0.4).tolist()) for n in range(count)]
    drawn = worldmap.world(SHARES, (ROME, EXIF, *near))
    views = [view for view in (drawn.view, drawn.close) if view]
    assert any(layer.labels for view in views for layer in view.layers)
    for view in views:
        for layer in view.layers:
            found = boxes(layer)
            for at, (left, top, right, bottom) in enumerate(found):
                assert view.left <= left
                assert right <= view.left + view.width
                assert not any(
                    left < other[2] and other[0] < right and top < other[3] and other[1] < bottom
                    for other in found[at + 1 :]
                )


def test_what_lies_together_is_enlarged_and_what_lies_apart_is_not():
    close = worldmap.world(SHARES[:2], (ROME, EXIF)).close
    assert close
    assert close.width < worldmap.WIDTH / 2
    assert {label.kind for label in close.layers[0].labels} == {"claim", "stated", "name"}
    assert worldmap.world((), (ROME, Place("Tokyo", "EXIF", 35.7, 139.7))).close is None
    assert worldmap.world((), ()).close is None


def test_a_hostile_place_is_shown_harmless_and_short():
    evil = Place("<script>\x1b\u202e" + "x" * 9999, "EXIF", 1.0, 2.0)
    (mark,) = worldmap.world((), (evil,)).marks
    assert len(mark.text) < 80
    assert "\x1b" not in mark.text
