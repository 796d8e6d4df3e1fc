"""Which clips are aligned pairs, and is one property enough to part them?"""

from dataclasses import replace

import pytest

from sightcheck.data.manifest import Item
from sightcheck.data.pairs import aligned

REAL = Item(path="r", label="real", group="scene", source="s", width=640, height=360, fps=25.0, codec="h264")
FAKE = replace(REAL, path="f", label="fake", generator="g")


def test_a_clip_and_its_edit_are_a_pair_in_either_order() -> None:
    assert aligned([REAL, FAKE]) == [(0, 1)]
    assert aligned([FAKE, REAL]) == [(1, 0)]


@pytest.mark.parametrize(
    "other",
    [{"group": "another"}, {"source": "t"}, {"width": 642}, {"height": 362}, {"fps": 24.0}, {"codec": "vp9"}],
    ids=lambda one: next(iter(one)),
)
def test_one_property_that_differs_parts_them(other: dict[str, object]) -> None:
    assert aligned([REAL, replace(FAKE, **other)]) == []


@pytest.mark.parametrize(
    "other",
    [{"bit_rate": 9e6}, {"duration_s": 3.0}, {"frames": 7}, {"fps": 25.002}, {"generator": ""}, {"sha256": "ab"}],
    ids=lambda one: next(iter(one)),
)
def test_what_may_differ_does_not_part_them(other: dict[str, object]) -> None:
    assert aligned([REAL, replace(FAKE, **other)]) == [(0, 1)]


def test_every_real_clip_of_a_scene_pairs_with_every_edit_and_never_two_of_a_label() -> None:
    items = [REAL, FAKE, replace(REAL, path="r2"), replace(FAKE, path="f2"), replace(REAL, path="r3", group="alone")]
    assert sorted(aligned(items)) == [(0, 1), (0, 3), (2, 1), (2, 3)]
    assert aligned([REAL, REAL]) == aligned([FAKE, FAKE]) == aligned([]) == []
