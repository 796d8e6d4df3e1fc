"""Do the same points of two pictures find each other, whatever happened to the picture, and do others not?"""

import cv2
import numpy as np
import pytest

from sightcheck.place import matching
from sightcheck.place.matching import Features, Scale, features, matched

TURN = np.array([[0.9, -0.12, 30.0], [0.15, 0.85, 10.0], [2e-4, -1e-4, 1.0]])
SCALE = Scale((10, 20, 50), (60, 40, 10), (30, 2, 0), 100, 4000, 4.0)


def textured(seed: int, height: int = 256, width: int = 340) -> np.ndarray:
    """(H, W, 3) uint8: blobs of several sizes, another picture for every seed."""
    random = np.random.default_rng(seed)
    grey = np.zeros((height, width), np.float32)
    for size in (4, 8, 16, 32):
        cells = random.uniform(0, 1, (height // size + 2, width // size + 2)).astype(np.float32)
        grey += cv2.resize(cells, (width, height), interpolation=cv2.INTER_CUBIC)
    grey = np.clip(255 * (grey - grey.min()) / np.ptp(grey), 0, 255).astype(np.uint8)
    return np.stack([grey] * 3, axis=-1)


def warped(pixels: np.ndarray) -> np.ndarray:
    return cv2.warpPerspective(pixels, TURN, (pixels.shape[1], pixels.shape[0]), borderMode=cv2.BORDER_REFLECT)


def test_the_points_of_a_warped_picture_are_where_the_warp_puts_them() -> None:
    here = textured(0)
    found = matched(features(here), features(warped(here)))
    assert len(found) >= 50
    size = np.array([here.shape[1], here.shape[0]])
    truth = cv2.perspectiveTransform((found[:, :2] * size).astype(np.float32)[None], TURN)[0]
    assert np.median(np.linalg.norm(truth - found[:, 2:] * size, axis=1)) < 1.5
    assert found.min() >= 0
    assert found.max() <= 1


def test_one_picture_in_another_is_found_among_much_that_is_not_shared() -> None:
    there = textured(1)
    there[60:200, 80:260] = textured(2)[60:200, 80:260]
    found = matched(features(textured(2)), features(there))
    assert len(found) >= 20
    assert np.median(np.abs(found[:, :2] - found[:, 2:])) < 0.01


@pytest.mark.parametrize("seed", range(5))
def test_other_pictures_share_next_to_nothing(seed: int) -> None:
    assert len(matched(features(textured(100 + seed)), features(textured(200 + seed)))) < 10


def test_the_same_pictures_give_the_same_points() -> None:
    one, other = textured(3), warped(textured(3))
    first = matched(features(one), features(other))
    assert np.array_equal(first, matched(features(one), features(other)))


def test_no_point_is_matched_twice() -> None:
    tiles = np.tile(textured(4, 64, 64), (4, 5, 1))
    found = matched(features(tiles), features(warped(tiles)))
    assert len(np.unique(found[:, 2:], axis=0)) == len(found)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (10, 5000), (5000, 10), (2, 3), (256, 256)])
def test_flat_and_odd_pictures_have_no_points(height: int, width: int) -> None:
    flat = features(np.full((height, width, 3), 128, np.uint8))
    assert flat.points.shape == (0, 2)
    assert flat.descriptors.shape == (0, 128)
    assert len(matched(flat, features(textured(5)))) == 0
    assert len(matched(features(textured(5)), flat)) == 0


def test_a_panorama_is_shrunk_and_noise_is_bounded() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (300, 6000, 3)).astype(np.uint8)
    found = features(noise)
    assert max(found.width, found.height) == matching.LONGER
    assert len(found.points) <= matching.KEYPOINTS + 50


def test_the_most_alike_references_are_matched() -> None:
    vectors = np.eye(100, dtype=np.float32)
    rows = matching.nearest(vectors[7], vectors, np.arange(100))
    assert len(rows) == matching.NEAREST
    assert rows[0] == 7
    assert matching.nearest(vectors[7], vectors, np.array([3, 7, 9])).tolist() == [7, 3, 9]


def test_few_points_say_nothing_and_more_never_say_less() -> None:
    ratios = [SCALE.log10_lr(points) for points in range(120)]
    assert ratios[0] is None
    assert ratios[9] is None
    told = [ratio for ratio in ratios if ratio is not None]
    assert told == sorted(told)
    assert min(told) > 0


def test_no_number_of_points_says_more_than_the_false_claims_carry() -> None:
    most = SCALE.log10_lr(10_000)
    assert most is not None
    assert most <= np.log10(40 / 100 / (SCALE.each / (SCALE.elsewhere + SCALE.each)))
    fewer = Scale(SCALE.steps, SCALE.reached_there, SCALE.reached_elsewhere, 100, 400, 4.0)
    assert (fewer.log10_lr(10_000) or 0) < most


def test_steps_out_of_order_are_one() -> None:
    ratios = Scale((10, 20), (40, 4), (20, 10), 100, 1000, 1.0).ratios()
    assert ratios[0] == ratios[1]


def test_a_scale_survives_its_model_folder() -> None:
    assert matching.from_arrays(matching.to_arrays(SCALE)) == SCALE


def test_features_of_one_picture_do_not_depend_on_its_size() -> None:
    large = cv2.resize(textured(6), (1360, 1024), interpolation=cv2.INTER_CUBIC)
    assert isinstance(features(large), Features)
    assert features(large).width == matching.LONGER
