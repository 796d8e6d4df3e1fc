"""Is what lies beneath the picture measured as described, and does the network on it answer?"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_picture
from sightcheck import ask, sandbox, weights
from sightcheck.media import planes
from sightcheck.verdict import Calibration
from sightcheck.video import frames, joint, reference, residual
from sightcheck.video.detectors import detector
from sightcheck.video.reference import Range, Reference
from sightcheck.video.residual import CHANNELS, SIDE, TOO_LITTLE, Recipe, Residual

CARD = weights.Card("mine", "residual", "a test", {}, (), "", (), (), ("a limit",), "nothing", {}, "2026-01-01")
WIDE = tuple(Range(name, 0, 10**6, "") for name in ("short side", "frame rate", "compression", "length"))
KNOWN = Reference(Calibration(1, 0, 1, 9, 9), WIDE, np.array([False, True]), np.array([-99.0, 99.0]))


def flat(*luma: float, chroma: tuple[int, int] = (100, 160)) -> np.ndarray:
    """(3, 3S/2, S): three pictures of one brightness each."""
    half = (SIDE // 4, SIDE)
    return np.stack(
        [
            np.concatenate([np.full((SIDE, SIDE), one), *(np.full(half, each) for each in chroma)]).astype(np.uint8)
            for one in luma
        ]
    )


def test_a_flat_picture_leaves_nothing() -> None:
    found = residual.residuals(np.stack([flat(90, 90, 90), flat(200, 200, 200)]))
    assert found.shape == (2, CHANNELS, SIDE, SIDE)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, 0, atol=1e-4)


def test_a_picture_that_flickers_departs_in_time_alone() -> None:
    (found,) = residual.residuals(flat(100, 108, 100)[None])
    np.testing.assert_allclose(found[3], 1, atol=1e-4)
    np.testing.assert_allclose(found[[0, 1, 2, 4, 5]], 0, atol=1e-4)
    (most,) = residual.residuals(flat(0, 255, 0)[None])
    np.testing.assert_allclose(most[3], 3)


@pytest.mark.parametrize(
    ("plane", "frame", "channels"),
    [
        ("y", 1, {0, 3}),
        ("y", 0, {1, 3}),
        ("y", 2, {2, 3}),
        ("u", 1, {4}),
        ("v", 1, {5}),
        ("u", 0, set()),
        ("v", 2, set()),
    ],
)
def test_each_channel_is_of_its_plane_and_frame(plane: str, frame: int, channels: set[int]) -> None:
    given = flat(90, 90, 90)
    rows = {"y": slice(SIDE), "u": slice(SIDE, SIDE + SIDE // 4), "v": slice(SIDE + SIDE // 4, None)}[plane]
    noise = np.random.default_rng(0).integers(-30, 30, given[frame, rows].shape)
    given[frame, rows] = given[frame, rows] + noise
    (found,) = residual.residuals(given[None])
    assert {at for at in range(CHANNELS) if np.abs(found[at]).max() > 0.1} == channels
    assert np.abs(found).max() <= 3


def test_a_slow_slope_is_scene_and_is_taken_away() -> None:
    given = flat(0, 0, 0)
    given[:, :SIDE] = np.arange(SIDE)  # one level a pixel
    (found,) = residual.residuals(given[None])
    np.testing.assert_allclose(found[:, 4:-4, 4:-4], 0, atol=1e-3)


@pytest.mark.parametrize(
    ("height", "width", "count"),
    [(96, 96, 1), (200, 300, 6), (384, 384, 16), (95, 400, 0), (400, 95, 0), (98, 290, 3), (288, 100, 3)],
)
def test_patches_lie_in_a_centred_grid_without_overlap(height: int, width: int, count: int) -> None:
    found = residual.corners(height, width)
    assert len({*found}) == len(found) == count
    assert not any(y % 2 or x % 2 for y, x in found)
    if found:
        for side, size in ((0, height), (1, width)):
            at = sorted({corner[side] for corner in found})
            assert {*np.diff(at).tolist()} <= {SIDE}
            assert abs(at[0] - (size - at[-1] - SIDE)) <= 3
            assert at[0] >= 0 <= size - at[-1] - SIDE


def test_a_patch_is_cut_out_of_every_plane_alike() -> None:
    yuv = moving_picture(3, 300, 200)
    yuv[:, 200:] = np.random.default_rng(0).integers(0, 255, yuv[:, 200:].shape)
    found = residual.cut(yuv, 4, 102)
    assert found.shape == (3, SIDE * 3 // 2, SIDE)
    for mine, whole, k in zip(planes(found), planes(yuv), (1, 2, 2), strict=True):
        np.testing.assert_array_equal(mine, whole[:, 4 // k : (4 + SIDE) // k, 102 // k : (102 + SIDE) // k])


def test_few_patches_are_drawn_by_the_seed() -> None:
    yuv = moving_picture(3, 384, 200)
    every = residual.corners(200, 384)
    assert residual.chosen(yuv, 99, 0) == every
    some = [residual.chosen(yuv, 3, seed) for seed in range(20)]
    assert some == [residual.chosen(yuv, 3, seed) for seed in range(20)]
    assert {len(one) for one in some} == {3}
    assert {corner for one in some for corner in one} == {*every}
    assert all(one == sorted(one) for one in some)


@pytest.mark.parametrize(("count", "middle"), [(3, [0, 1, 2]), (4, [1, 2, 3]), (5, [1, 2, 3])])
def test_the_middle_three_frames_are_taken(count: int, middle: list[int]) -> None:
    yuv = np.arange(count, dtype=np.uint8)[:, None, None] * np.ones((1, 6, 4), np.uint8)
    assert residual.triplets(yuv)[:, 0, 0].tolist() == middle


def test_a_clip_is_measured_in_windows(clip: Path) -> None:
    found = sandbox.run(residual.measure, os.fsencode(clip))
    assert len(found) == residual.SAMPLING.windows
    for one in found:
        assert one.yuv.shape == (3, 144, 160)
        assert one.corners == ((0, 32),)
        (patch,) = one.patches
        assert patch.shape == (3, SIDE * 3 // 2, SIDE)
        assert len(one.times_s) == residual.SAMPLING.frames
        assert one.middle_s == one.times_s[2]
    assert [one.middle_s for one in found] == sorted({one.middle_s for one in found})


@pytest.mark.parametrize("changes", [{"frames": 2}, {"width": 128, "height": 64}])
def test_too_little_is_told(changes: dict[str, int], make_clip: Callable[..., Path], tmp_path: Path) -> None:
    path = make_clip(tmp_path / "small.mp4", **changes)
    one = Residual("mine", Recipe(), KNOWN, None, ("a limit",), "ab")  # type: ignore[arg-type]  # it is never asked
    (found,) = ask.video(path, [one]).verdicts[0].evidence
    assert (found.sentence, found.score, found.limits) == (TOO_LITTLE, None, ("a limit",))


@pytest.fixture
def taught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The network as it is before any training, exported and kept as `mine`."""
    torch = pytest.importorskip("torch", reason="needs the train extra")
    from sightcheck.nets.export import to_onnx
    from sightcheck.nets.video.residual import Residual as Net

    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    torch.manual_seed(0)
    network, golden = to_onnx(Net(), (2, CHANNELS, SIDE, SIDE))
    reference.save(CARD, Recipe(), KNOWN, network, golden)
    return network


def test_the_network_answers_by_patch_and_shows_where(
    taught: bytes, make_clip: Callable[..., Path], tmp_path: Path
) -> None:
    path = make_clip(tmp_path / "wide.mp4", frames=30, width=320, height=208)
    one = detector("mine")
    assert isinstance(one, Residual)
    assert joint.PARTS["residual"]("mine").recipe == one.recipe == Recipe()
    (found,) = ask.video(path, ["mine"]).verdicts[0].evidence
    seen = sandbox.run(residual.measure, os.fsencode(path))
    session = weights.session(taught)
    fake = [residual.speak(session, np.stack(window.patches)) for window in seen]
    assert all(((each > 0) & (each < 1)).all() for each in fake)
    assert found.score == pytest.approx(frames.soft_vote(np.concatenate(fake)), rel=1e-4)
    assert found.log10_lr == pytest.approx(np.clip(found.score, -1, 1))
    (series,) = found.series
    np.testing.assert_allclose(series.values, [each.mean() for each in fake], rtol=1e-4)
    assert series.times_s == tuple(window.middle_s for window in seen)
    heat = found.heat
    assert heat is not None
    assert (heat.rows, heat.columns) == (2, 3)
    loudest = int(np.argmax([each.mean() for each in fake]))
    assert sum(value != 0 for value in heat.values) == len(seen[loudest].corners)
    np.testing.assert_allclose(
        sorted(heat.values), sorted(np.log(fake[loudest] / (1 - fake[loudest]))), rtol=1e-3, atol=1e-4
    )
    assert found.limits == ("a limit",)
    assert found.weights_sha256 == weights.card(weights.find("mine")).network_sha256
    assert f"in {sum(map(len, fake))} patches of {SIDE} pixels" in found.sentence
