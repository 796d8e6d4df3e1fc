"""Do the pair head and the vote follow section 8.3.2 at their edges?"""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightcheck.place import city
from sightcheck.place.city import PairHead
from sightcheck.place.scene import similarity
from sightcheck.verdict import Calibration


def made_head(symmetric: bool, seed: int = 0) -> PairHead:
    random = np.random.default_rng(seed)
    weight, bias, out = (random.normal(size=shape).astype(np.float32) for shape in ((64, 128), (64,), (64,)))
    return PairHead(weight / 8, bias, out / 8, -0.3, symmetric)


def vectors(n: int, seed: int = 5, size: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, size)).astype(np.float32)


def by_loops(head: PairHead, query: np.ndarray, reference: np.ndarray) -> float:
    """The head in plain Python, the query first."""
    joined = [*map(float, query), *map(float, reference)]
    if head.symmetric:
        joined = [abs(a - b) for a, b in zip(query.tolist(), reference.tolist(), strict=True)]
        joined += [a * b for a, b in zip(query.tolist(), reference.tolist(), strict=True)]
    score = head.out_bias
    for row, bias, out in zip(head.weight.tolist(), head.bias.tolist(), head.out.tolist(), strict=True):
        score += out * max(0.0, bias + sum(w * x for w, x in zip(row, joined, strict=True)))
    return 1 / (1 + math.exp(-score))


@pytest.mark.parametrize("symmetric", [False, True])
def test_the_head_is_its_definition_for_one_reference_and_for_many(symmetric: bool) -> None:
    head, query, references = made_head(symmetric), vectors(1, 6)[0], vectors(12)
    together = head.different(query, references)
    assert together == pytest.approx([by_loops(head, query, one) for one in references], abs=1e-5)
    assert together == pytest.approx([head.different(query, one[None])[0] for one in references], abs=1e-5)
    assert together.std() > 0.01, "the references are told apart"


def test_only_the_symmetric_form_does_not_mind_the_order() -> None:
    one, others = vectors(1, 6)[0], vectors(12)
    for symmetric in (False, True):
        head = made_head(symmetric)
        there = head.different(one, others)
        back = np.concatenate([head.different(other, one[None]) for other in others])
        assert (np.abs(there - back).max() < 1e-6) == symmetric


def test_no_reference_is_no_score() -> None:
    assert made_head(False).different(vectors(1)[0], vectors(0)).shape == (0,)


weights = st.floats(0, 1, allow_subnormal=False)  # their products with a margin would vanish
pairs = st.lists(st.tuples(weights, weights), min_size=1, max_size=12)


@given(pairs)
@settings(max_examples=100)
def test_the_decision_is_the_larger_sum_of_equation_8_2(pairs: list[tuple[float, float]]) -> None:
    different, similar = np.array(pairs).T
    found = city.vote(different, similar)
    same_sum = math.fsum(s * (1 - p) for p, s in pairs)
    other_sum = math.fsum(s * p for p, s in pairs)
    assert -1 <= found.margin <= 1
    if abs(same_sum - other_sum) > 1e-9 * (same_sum + other_sum):
        assert found.verified == (same_sum > other_sum)


def test_the_vote_worked_by_hand() -> None:
    different, similar = np.array([0.2, 0.7, 0.6]), np.array([0.9, 0.3, 0.6])
    found = city.vote(different, similar)  # same .72 + .09 + .24 = 1.05, different .18 + .21 + .36 = .75
    assert found.margin == pytest.approx(0.3 / 1.8)
    assert found.verified
    parts = [0.9 * (0.6 - found.margin), 0.6 * (-0.2 - found.margin), 0.3 * (-0.4 - found.margin)]
    assert found.error == pytest.approx(math.hypot(*parts) / 1.8)
    assert found.rows.tolist() == [0, 2, 1]
    assert found.similarity.tolist() == [0.9, 0.6, 0.3]
    assert found.different.tolist() == [0.2, 0.6, 0.7]


def test_similarity_can_turn_a_vote_and_is_left_out_when_asked() -> None:
    different, similar = np.array([0.1, 0.9, 0.9]), np.array([1.0, 0.1, 0.1])
    assert city.vote(different, similar).verified
    plain = city.vote(different, similar, weighted=False)
    assert not plain.verified
    assert plain.margin == pytest.approx((0.8 - 0.8 - 0.8) / 3)
    assert city.vote(different, similar, top=1, weighted=False).margin == pytest.approx(0.8)


@pytest.mark.parametrize(("top", "kept"), [(0, 4), (1, 1), (3, 3), (9, 4)])
def test_only_the_most_similar_vote(top: int, kept: int) -> None:
    found = city.vote(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.5, 0.8, 0.1, 0.9]), top)
    assert found.rows.tolist() == [3, 1, 0, 2][:kept]


def test_a_reference_unlike_the_query_has_no_voice() -> None:
    alone = city.vote(np.array([0.3]), np.array([0.8]))
    joined = city.vote(np.array([1.0, 0.3]), np.array([0.0, 0.8]))
    assert joined.margin == pytest.approx(alone.margin)


@pytest.mark.parametrize("references", [0, 3])
def test_without_any_likeness_nothing_is_decided(references: int) -> None:
    found = city.vote(np.full(references, 0.1), np.zeros(references))
    assert (found.margin, found.verified, found.apart) == (0.0, False, True)


def test_references_vote_apart_where_others_could_turn_the_decision() -> None:
    split = np.array([0.0, 1.0] * 10)
    assert city.vote(split, np.ones(20)).apart
    tilted = np.repeat([0.0, 1.0], [14, 6])  # margin .4, standard error .205: 1.95 errors from zero
    assert city.vote(tilted, np.ones(20)).error == pytest.approx(math.sqrt(0.84 / 20))
    assert not city.vote(tilted, np.ones(20)).apart
    assert city.vote(np.repeat([0.0, 1.0], [13, 7]), np.ones(20)).apart  # margin .3, error .213


@pytest.mark.parametrize("symmetric", [False, True])
def test_a_query_against_stored_references_equals_pair_by_pair(symmetric: bool) -> None:
    head, query, references = made_head(symmetric), vectors(1, 6)[0], vectors(30)
    scenes = np.random.default_rng(8).random((31, 16)).astype(np.float32)
    found = city.verify(head, query, scenes[0], references, scenes[1:])
    likeness = [similarity(scenes[0], one[None])[0] for one in scenes[1:]]
    singly = np.array([by_loops(head, query, one) for one in references])
    assert found.margin == pytest.approx(np.average(1 - 2 * singly, weights=likeness), abs=1e-5)
    assert found.rows[0] == np.argmax(likeness)
    assert found.different == pytest.approx(singly[found.rows], abs=1e-5)


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("calibration", [None, Calibration(3.0, -0.2, 1.1, 11, 12)])
def test_a_model_folder_keeps_head_and_calibration(symmetric: bool, calibration: Calibration | None) -> None:
    head = made_head(symmetric)
    arrays = city.to_arrays(head, calibration)
    assert all(array.dtype.kind in "fib" for array in arrays.values()), "no pickled objects"
    again, found = city.from_arrays(arrays)
    assert found == calibration
    assert again.symmetric is symmetric
    query, references = vectors(1, 6)[0], vectors(4)
    assert np.array_equal(again.different(query, references), head.different(query, references))


def nearest(others: int = 400, seed: int = 3) -> city.Nearest:
    random = np.random.default_rng(seed)
    blank = city.Nearest(
        random.normal(size=32), random.uniform(0.5, 2, 32), np.zeros((0, 32), np.float32), np.arange(others)
    )
    return replace(blank, others=blank.vectors(random.normal(size=(others, 32))))


def test_nearness_is_the_mean_of_the_nearest_less_that_of_other_places() -> None:
    model = nearest()
    query, references = (model.vectors(vectors(count, seed, 32)) for count, seed in ((1, 1), (40, 2)))
    found = model.near(query[0], references)
    cosines = references @ query[0]
    apart = model.others @ query[0]
    expected = np.mean([np.quantile(apart, 1 - (at + 0.5) / 40) for at in range(city.NEAREST)])
    assert found.margin == pytest.approx(np.sort(cosines)[-city.NEAREST :].mean() - expected, abs=1e-5)
    assert cosines[found.rows].tolist() == sorted(cosines.tolist(), reverse=True)
    assert found.different == pytest.approx([np.mean(apart > one) for one in cosines[found.rows]], abs=1e-6)


def test_more_references_of_anywhere_do_not_speak_for_a_city() -> None:
    """Photos of other places as references: the score stays about nought however many there are."""
    model, random = nearest(2000), np.random.default_rng(9)
    queries = model.vectors(random.normal(size=(60, 32)))
    for count in (20, 100, 1000):
        references = model.vectors(random.normal(size=(count, 32)))
        scores = [model.near(query, references).margin for query in queries]
        assert abs(np.mean(scores)) < 0.02


def test_photos_of_the_claimed_city_are_no_other_place() -> None:
    model = replace(nearest(), where=np.repeat([7, 0], 200))
    away = model.elsewhere(7)
    assert np.array_equal(away.others, model.others[200:])
    assert set(away.where.tolist()) == {0}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_few_references_are_enough_to_score(count: int) -> None:
    model = nearest()
    found = model.near(model.vectors(vectors(1, 1, 32))[0], model.vectors(vectors(count, 2, 32)))
    assert math.isfinite(found.margin)
    assert len(found.rows) == count


def test_a_verifier_is_kept_in_its_folder() -> None:
    fitted = Calibration(2.0, -0.5, 1.2, 30, 12, 0.8)
    for one in (nearest(), made_head(True)):
        arrays = city.to_arrays(one, fitted)
        again, measured = city.from_arrays(arrays)
        assert measured == fitted
        assert type(again) is type(one)
    assert measured is not None
    assert measured.log10_lr(-9) == -0.8
    assert measured.log10_lr(9) == 1.2
