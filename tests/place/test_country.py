"""Are crops, fusion, shortlist and gate right at their edges?"""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightcheck.place import country
from sightcheck.place.country import Countries
from sightcheck.verdict import Calibration

LABELS = (("US",), ("GB", "IM"), ("FR",), ("DE",), ("IT",), ("JP",))


def covering(threshold: float, claimed: Calibration | None = None) -> Countries:
    return Countries(LABELS, 1.0, threshold, 0.9, claimed)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height + width).integers(0, 256, (height, width, 3), np.uint8)


def probabilities(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.full(len(LABELS), 0.5), shape or None)


@pytest.mark.parametrize("size", [(256, 256), (640, 960), (960, 640), (64, 64), (100, 1000)])
def test_the_shorter_side_is_256_whatever_comes(size: tuple[int, int]) -> None:
    height, width = country.shortened(noise(*size)).shape[:2]
    assert min(height, width) == 256
    assert height / width == pytest.approx(size[0] / size[1], rel=0.003)


def test_a_photo_of_that_size_is_left_as_it_is() -> None:
    picture = noise(256, 300)
    assert np.array_equal(country.shortened(picture), picture)


@pytest.mark.parametrize("size", [(256, 300), (300, 256)])
def test_each_crop_is_cut_where_its_name_says(size: tuple[int, int]) -> None:
    picture, (height, width) = noise(*size), size
    y, x = height - 224, width - 224
    corners = {"upper left": (0, 0), "upper right": (0, x), "lower left": (y, 0), "lower right": (y, x)}
    cuts = corners | {"centre": (y // 2, x // 2)}
    for name, crop in zip(country.CROPS, country.five_crops(picture), strict=True):
        top, left = cuts[name]
        shown = (crop.transpose(1, 2, 0) * country.STANDARD[1] + country.STANDARD[0]) * 255
        assert np.allclose(shown, picture[top : top + 224, left : left + 224], atol=0.01), name


def test_the_resized_view_holds_the_whole_photo() -> None:
    picture = np.zeros((300, 900, 3), np.uint8)
    picture[:, 450:] = 255
    (view,) = country.resized(picture)
    assert view.shape == (3, 224, 224)
    assert view[0, 112, 100] == pytest.approx(-0.485 / 0.229, abs=1e-4)
    assert view[0, 112, 124] == pytest.approx((1 - 0.485) / 0.229, abs=1e-4)


@pytest.mark.parametrize("fusion", country.FUSIONS)
def test_every_row_of_the_table_of_fusions(fusion: str) -> None:
    each = probabilities(1, 3, 5)
    wanted = {"average": each.sum(1) / 5, "maximum": each.max(1)} | {
        name: each[:, at] for at, name in enumerate(country.CROPS)
    }
    found = country.fused(np.log(each), fusion)
    assert np.allclose(found, wanted[fusion] / wanted[fusion].sum(1, keepdims=True))


def test_average_is_of_probabilities_and_not_of_logits() -> None:
    logits = np.array([[[math.log(9), 0.0]] * 4 + [[0.0, math.log(99)]]])
    assert country.fused(logits) == pytest.approx(np.array([[(4 * 0.9 + 0.01) / 5, (4 * 0.1 + 0.99) / 5]]))


@given(st.integers(0, 10_000), st.floats(0.1, 10))
@settings(max_examples=40)
def test_temperature_keeps_the_order_and_flattens(seed: int, temperature: float) -> None:
    logits = np.log(probabilities(seed, 5) + 1e-6)
    plain, found = country.fused(logits), country.fused(logits, temperature=temperature)
    assert found.sum() == pytest.approx(1)
    assert np.array_equal(np.argsort(-found), np.argsort(-plain))
    assert (found.max() - plain.max()) * (temperature - 1) <= 1e-9


def test_logits_of_any_size_give_probabilities() -> None:
    for logits in (np.full((5, 6), -1e4), np.eye(5, 6, dtype=np.float32) * 1e4):
        found = country.fused(logits, temperature=0.5)
        assert np.isfinite(found).all()
        assert found.sum() == pytest.approx(1)


@given(st.integers(0, 10_000), st.floats(0, 1))
@settings(max_examples=40)
def test_a_shortlist_holds_the_likeliest_and_whatever_reaches_the_threshold(seed: int, threshold: float) -> None:
    given = probabilities(seed)
    found = country.shortlist(given, covering(threshold))
    reached = {codes[0] for codes, value in zip(LABELS, given, strict=True) if value >= threshold}
    assert found.codes[0] == LABELS[given.argmax()][0]
    assert set(found.codes) == reached | {found.codes[0]}
    assert [given[covering(0).index(code)] for code in found.codes] == sorted(
        (given[covering(0).index(code)] for code in found.codes), reverse=True
    )
    assert found.coverage == 0.9


def test_a_tie_at_the_gate_passes() -> None:
    tied = np.array([0.4, 0.2, 0.2, 0.2])
    assert [country.passes(tied, at) for at in range(4)] == [True] * 4
    assert not country.passes(np.array([0.4, 0.3, 0.15, 0.15]), 3)
    assert [country.passes(tied, at, top=1) for at in range(4)] == [True, False, False, False]


def test_a_country_that_is_not_covered_has_no_class() -> None:
    one = covering(0.1)
    assert (one.index("IM"), one.index("JP"), one.index("KE"), one.index("")) == (1, 5, None, None)


def test_shares_name_every_country_of_their_class_and_are_all_there() -> None:
    given = probabilities(3)
    shares = country.ranked(given, covering(0.1), lambda code: f"land of {code}")
    assert sum(one.probability for one in shares) == pytest.approx(1)
    assert [one.probability for one in shares] == sorted(given, reverse=True)
    assert next(one.name for one in shares if one.code == "GB") == "land of GB, land of IM"


@pytest.mark.parametrize("claimed", [None, Calibration(0.4, -0.1, 0.9, 7, 8)])
def test_a_model_folder_keeps_what_outputs_mean(claimed: Calibration | None) -> None:
    arrays = country.to_arrays(covering(0.03, claimed))
    assert all(array.dtype.kind in "fiU" for array in arrays.values()), "no pickled objects"
    assert country.from_arrays(arrays) == covering(0.03, claimed)


def test_log_odds_are_finite_at_the_ends() -> None:
    assert country.log_odds(0.9) == pytest.approx(math.log(9))
    assert country.log_odds(0.2) == pytest.approx(-country.log_odds(0.8))
    assert -country.log_odds(0.0) == pytest.approx(country.log_odds(1.0), rel=1e-6)
    assert math.isfinite(country.log_odds(1.0))
