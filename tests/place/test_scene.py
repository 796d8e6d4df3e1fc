"""Are scene groups, the urban part and the similarity of scenes what sections 7.2.1 and 8.3.2 say?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightcheck.place import scene


def test_a_class_of_two_groups_counts_in_both() -> None:
    hierarchy = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [0, 0, 0]])
    photos = np.array([[0.5, 0.25, 0.125, 0.125], [0, 1, 0, 0]])
    assert np.allclose(scene.grouped(photos, hierarchy), [[0.75, 0.375, 0.125], [1, 1, 0]])
    assert scene.grouped(photos[1], hierarchy).sum() == 2, "a multi-label sum may exceed 1"


def test_only_the_five_likeliest_classes_make_a_photo_urban() -> None:
    places = np.full(365, 0.001)
    places[[10, 20, 30, 40, 50, 60]] = 0.25, 0.2, 0.1, 0.08, 0.06, 0.05
    assert scene.urban(places, np.isin(np.arange(365), [10, 30, 50])) == pytest.approx(0.41)
    assert scene.urban(places, np.isin(np.arange(365), [60, 0])) == 0
    assert scene.urban(places, np.ones(365, bool)) == pytest.approx(0.69)


def test_of_equal_classes_the_first_ones_are_taken() -> None:
    assert scene.urban(np.full(365, 1 / 365), np.arange(365) < 5) == pytest.approx(5 / 365)
    assert scene.urban(np.full(365, 1 / 365), np.arange(365) >= 5) == 0


@given(st.integers(0, 10_000), st.floats(1e-3, 1e3))
@settings(max_examples=40)
def test_similarity_is_the_cosine_whatever_the_lengths(seed: int, scale: float) -> None:
    random = np.random.default_rng(seed)
    one, others = random.random(16), random.random((6, 16))
    wanted = [sum(a * b for a, b in zip(one, two, strict=True)) for two in others]
    wanted = [value / (sum(one**2) * sum(two**2)) ** 0.5 for value, two in zip(wanted, others, strict=True)]
    assert np.allclose(scene.similarity(one * scale, others), wanted)
    assert scene.similarity(one, one[None] * scale)[0] == pytest.approx(1)


def test_similarity_stays_in_its_range() -> None:
    alike = np.full(16, np.float32(0.1))
    assert scene.similarity(alike, np.stack([alike, -alike])).tolist() == [pytest.approx(1), 0]
    assert scene.similarity(alike, alike[None]).max() <= 1


def test_a_photo_without_any_scene_is_like_nothing() -> None:
    assert scene.similarity(np.zeros(16), np.ones((2, 16))).tolist() == [0, 0]
    assert scene.similarity(np.ones(16), np.zeros((2, 16))).tolist() == [0, 0]
    assert scene.similarity(np.ones(16), np.zeros((0, 16))).shape == (0,)
