"""Do the traces measure what their names say?"""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from conftest import moving_picture
from sightcheck import sandbox
from sightcheck.media import Encoding, Sampling
from sightcheck.video import traces
from sightcheck.video.footprint import recoded
from sightcheck.video.motion import motion


def values(yuv: np.ndarray) -> dict[str, float]:
    luma = np.ascontiguousarray(yuv[:, : yuv.shape[1] * 2 // 3])
    shown = [recoded(yuv, Encoding(crf=crf)) for crf in traces.QUALITIES]
    found = [*traces.predictability(shown), *motion(luma), *traces.spectrum(luma)]
    return dict(zip(traces.NAMES, found, strict=True))


def pan(redrawn: float, frames: int = 8) -> np.ndarray:
    """A panning scene (T, 144, 160) whose fine detail is partly (0 to 1) drawn anew in each frame."""
    rng = np.random.default_rng(1)
    scene = cv2.GaussianBlur(rng.normal(size=(200, 260)) * 300, (0, 0), 6) + 128
    detail = rng.normal(size=(frames, 200, 260)) * 12
    pictures = []
    for number in range(frames):
        layer = scene + (1 - redrawn) * detail[0] + redrawn * detail[number]
        pictures.append(layer[20:164, 20 + 2 * number : 180 + 2 * number])
    return np.stack(pictures).clip(0, 255).astype(np.uint8)


def test_names_families_and_numbers_agree(clip: Path) -> None:
    assert len(set(traces.NAMES)) == len(traces.NAMES) == sum(size for _, size in traces.FAMILIES) == 72
    (window,) = sandbox.run(traces.measure, os.fsencode(clip), Sampling(), False)
    assert window.values.shape == (72,)
    assert np.isfinite(window.values).all()


@pytest.mark.parametrize("kind", ["flat", "still", "two frames", "noise"])
def test_degenerate_pictures_give_finite_numbers(kind: str, moving: np.ndarray) -> None:
    yuv = {
        "flat": np.full_like(moving[:6], 128),
        "still": np.repeat(moving[:1], 6, axis=0),
        "two frames": moving[:2],
        "noise": np.random.default_rng(0).integers(0, 255, moving[:6].shape, np.uint8),
    }[kind]
    assert np.isfinite(list(values(yuv).values())).all()


def test_detail_that_moves_with_the_scene_stays_correlated() -> None:
    carried, redrawn = (motion(pan(share)) for share in (0.0, 1.0))
    at = traces.motion.NAMES.index("detail correlation")
    assert carried[at] > 0.8 > 0.3 > redrawn[at]


def test_the_flow_of_a_known_translation_is_its_length() -> None:
    first, second = pan(0.0, 2)
    flow = [one_way(first, second), one_way(second, first)]
    row = traces.motion._pair(first.astype(np.float32), second.astype(np.float32), *flow)
    found = dict(zip((*traces.motion.FLOW, *traces.motion.DETAIL), row, strict=True))
    assert np.median(flow[0], axis=(0, 1)) == pytest.approx([-2, 0], abs=0.05), "the camera goes right by 2 pixels"
    assert np.exp(found["motion"]) - 0.02 == pytest.approx(2, abs=0.1)
    assert np.exp(found["flow disagreement"]) - 0.02 < 0.1


def one_way(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM).calc(first, second, None)


def test_two_frames_have_no_spread_and_no_step() -> None:
    assert motion(pan(0.5, 2))[len(traces.motion.DETAIL) :] == [0.0] * 21


def test_what_moved_is_warped_back_and_what_was_redrawn_is_not() -> None:
    still, moved = pan(0.0, 2)[:1].repeat(2, axis=0), pan(0.0, 2)
    names = list(traces.motion.NAMES)
    error = names.index("warp error, reliable flow")
    assert motion(still)[error] < motion(moved)[error] < motion(pan(1.0, 2))[error]


def test_blur_lowers_the_high_bands() -> None:
    sharp = np.random.default_rng(0).integers(0, 255, (8, 96, 160), np.uint8)
    blurred = np.stack([cv2.GaussianBlur(picture, (0, 0), 1.5) for picture in sharp])
    high = [number for number, name in enumerate(traces.NAMES[-17:]) if name.startswith("spectrum 0.4")]
    assert len(high) == 2
    assert all(traces.spectrum(blurred)[at] < traces.spectrum(sharp)[at] - 1 for at in high)


def test_a_grid_shows_on_the_axes() -> None:
    plain = np.random.default_rng(0).integers(100, 140, (8, 96, 160)).astype(np.uint8)
    grid = plain.copy()
    grid[:, :, ::2] += 60
    assert traces.spectrum(grid)[-1] > traces.spectrum(plain)[-1]


def test_laundering_shrinks_and_keeps_every_frame() -> None:
    small = traces.launder(moving_picture(frames=5, width=640, height=480))
    assert small.shape == (5, 240 * 3 // 2, 320)
    assert traces.launder(moving_picture(frames=3, width=160, height=96)).shape == (3, 144, 160)


def test_a_picture_that_is_too_small_is_not_measured(make_clip: Callable[..., Path], tmp_path: Path) -> None:
    path = make_clip(tmp_path / "small.mp4", width=48, height=48, frames=12)
    assert sandbox.run(traces.measure, os.fsencode(path), Sampling(), False) == ()
