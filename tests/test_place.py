"""Do crops, fusion, gate, pairs, vote and similarity follow chapters 7 and 8?"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightcheck.place import city, country, scene
from sightcheck.place.city import PairHead
from sightcheck.place.country import Countries
from sightcheck.verdict import TAKEN_THERE, Calibration, Evidence, weigh_photo


def quarters() -> np.ndarray:
    """(600, 800, 3): a colour in each quarter."""
    made = np.zeros((600, 800, 3), np.uint8)
    made[:300, :400], made[:300, 400:], made[300:, :400], made[300:, 400:] = (250, 0, 0), (0, 250, 0), (0, 0, 250), 250
    return made


def test_the_shorter_side_becomes_256_and_the_aspect_stays() -> None:
    assert country.shortened(quarters()).shape == (256, 341, 3)
    assert country.shortened(quarters().transpose(1, 0, 2)).shape == (341, 256, 3)


def test_five_crops_are_the_corners_and_the_centre_in_order() -> None:
    crops = country.five_crops(quarters())
    assert crops.shape == (5, 3, 224, 224)
    shown = crops.transpose(0, 2, 3, 1) * country.STD + country.MEAN
    corners = [shown[0, 0, 0], shown[1, 0, -1], shown[2, -1, 0], shown[3, -1, -1]]
    assert np.allclose(np.array(corners) * 255, [(250, 0, 0), (0, 250, 0), (0, 0, 250), (250, 250, 250)], atol=3)
    assert np.allclose(shown[4, 0, 0] * 255, (250, 0, 0), atol=3)
    assert np.allclose(shown[4, -1, -1] * 255, 250, atol=3)


def test_average_is_equation_7_1_and_maximum_the_largest() -> None:
    logits = np.random.default_rng(0).normal(size=(5, 4))
    each = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    assert np.allclose(country.fused(logits), each.mean(0))
    assert np.allclose(country.fused(logits, "maximum"), each.max(0) / each.max(0).sum())
    for at, name in enumerate(country.CROPS):
        assert np.allclose(country.fused(logits, name), each[at])


@given(st.floats(0.2, 5))
@settings(max_examples=20, deadline=None)
def test_temperature_keeps_the_order(temperature: float) -> None:
    logits = np.random.default_rng(1).normal(size=(5, 6))
    assert (np.argsort(country.fused(logits, temperature=temperature)) == np.argsort(country.fused(logits))).all()


MEANING = Countries((("IT", "SM"), ("FR",), ("DE",)), 1.5, 0.25, 0.9, Calibration(1.0, 0.1, 1.2, 8, 9))


@pytest.mark.parametrize("fitted", [MEANING.claimed, None])
def test_what_outputs_mean_survives_a_model_folder(fitted: Calibration | None) -> None:
    one = Countries(MEANING.labels, 1.5, 0.25, 0.9, fitted)
    assert country.from_arrays(country.to_arrays(one)) == one


def test_a_class_covers_all_its_countries_and_no_other() -> None:
    assert MEANING.index("SM") == 0
    assert MEANING.index("KE") is None
    shares = country.ranked(np.array([0.2, 0.5, 0.3]), MEANING, str.lower)
    assert [(one.code, one.name) for one in shares] == [("FR", "fr"), ("DE", "de"), ("IT", "it, sm")]


def test_the_shortlist_holds_what_reaches_the_threshold_and_always_the_likeliest() -> None:
    assert country.shortlist(np.array([0.4, 0.35, 0.25]), MEANING).codes == ("IT", "FR", "DE")
    assert country.shortlist(np.array([0.24, 0.2, 0.2]), MEANING).codes == ("IT",)


def test_the_gate_is_the_two_likeliest() -> None:
    assert [country.passes(np.array([0.5, 0.3, 0.2]), at) for at in range(3)] == [True, True, False]
    assert country.passes(np.array([0.5, 0.3, 0.2]), 2, top=3)


def head(symmetric: bool, seed: int = 0) -> PairHead:
    random = np.random.default_rng(seed)
    weight, bias, out = (random.normal(size=shape).astype(np.float32) for shape in ((64, 128), (64,), (64,)))
    return PairHead(weight / 8, bias, out / 8, 0.1, symmetric)


@pytest.mark.parametrize("symmetric", [False, True])
def test_stored_references_score_as_pairs_do(symmetric: bool) -> None:
    one, random = head(symmetric), np.random.default_rng(3)
    query, others = random.normal(size=64).astype(np.float32), random.normal(size=(20, 64)).astype(np.float32)
    for other, found in zip(others, one.different(query, others), strict=True):
        joined = np.r_[np.abs(query - other), query * other] if symmetric else np.r_[query, other]
        score = np.maximum(one.weight @ joined + one.bias, 0) @ one.out + one.out_bias
        assert found == pytest.approx(1 / (1 + np.exp(-score)), abs=1e-5)
        turned = one.different(other, query[None])[0]
        assert (abs(turned - found) < 1e-6) == symmetric


def test_pair_head_and_calibration_survive_a_model_folder() -> None:
    one, fitted = head(True), Calibration(2.0, -0.5, 0.78, 5, 6)
    again, found = city.from_arrays(city.to_arrays(one, fitted))
    assert np.array_equal(again.weight, one.weight)
    assert (again.symmetric, again.out_bias) == (True, 0.1)
    assert found == fitted
    assert city.from_arrays(city.to_arrays(one, None))[1] is None


def test_the_vote_by_hand() -> None:
    found = city.vote(np.array([0.1, 0.9, 0.4]), np.array([0.5, 1.0, 0.25]))
    same = 0.5 * 0.9 + 1.0 * 0.1 + 0.25 * 0.6
    different = 0.5 * 0.1 + 1.0 * 0.9 + 0.25 * 0.4
    assert found.margin == pytest.approx((same - different) / (same + different))
    assert found.rows.tolist() == [1, 0, 2]
    assert not found.verified
    assert city.vote(np.array([0.1, 0.9, 0.4]), np.array([0.5, 1.0, 0.25]), top=1).margin == pytest.approx(-0.8)
    plain = city.vote(np.array([0.1, 0.9, 0.4]), np.array([0.5, 1.0, 0.25]), weighted=False)
    assert plain.margin == pytest.approx((0.8 - 0.8 + 0.2) / 3)


@given(st.integers(0, 1000))
@settings(max_examples=50, deadline=None)
def test_verified_is_the_arg_max_of_equation_8_2(seed: int) -> None:
    random = np.random.default_rng(seed)
    different, similar = random.random(7), random.random(7)
    assert city.vote(different, similar).verified == ((similar * (1 - different)).sum() > (similar * different).sum())


def test_references_that_disagree_vote_apart_and_no_similarity_decides_nothing() -> None:
    assert city.vote(np.array([0.0, 1.0] * 10), np.ones(20)).apart
    assert not city.vote(np.full(20, 0.2), np.ones(20)).apart
    assert city.vote(np.array([0.1, 0.2]), np.zeros(2)).apart


def test_scene_groups_urban_part_and_similarity() -> None:
    places = np.zeros(365)
    places[:6] = 0.3, 0.25, 0.2, 0.1, 0.1, 0.05
    hierarchy = np.zeros((365, 2))
    hierarchy[[0, 1], 0] = hierarchy[[1, 2], 1] = 1
    assert np.allclose(scene.grouped(places, hierarchy), (0.55, 0.45))
    town = np.isin(np.arange(365), [1, 3, 5])
    assert scene.urban(places, town) == pytest.approx(0.35), "the sixth is beyond the five likeliest"
    assert np.allclose(
        scene.similarity(np.array([1.0, 0]), np.array([[2.0, 0], [0, 1], [1, 1], [0, 0]])), (1, 0, 0.5**0.5, 0)
    )


def test_the_city_decides_and_a_contrary_country_makes_it_undecided() -> None:
    city_says, against = Evidence("city", "", log10_lr=0.7), Evidence("country", "", log10_lr=-0.8)
    assert weigh_photo([city_says]).answer == "taken there"
    assert weigh_photo([city_says]).question == TAKEN_THERE
    assert weigh_photo([city_says, against]).answer == "undecided"
    assert weigh_photo([Evidence("city", ""), against]).answer == "not taken there"
    assert weigh_photo([Evidence("city", "", log10_lr=0.4)]).answer == "undecided"
