"""Are a clip's frames decoded once where they are few, and is what is measured the same as if they were not kept?"""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame

from conftest import moving_picture, write_video
from sightcheck.media import Sampling, Window, reel, windows

SAMPLINGS = (Sampling(), Sampling(frames=6, windows=1), Sampling(1, 2.0, None, None, 24), Sampling(5, None, first=True))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[VideoFrame]:
    """Every frame that a decoder gave since the test began."""
    given: list[VideoFrame] = []
    plain = reel.decode

    def counted(*arguments: object) -> Iterator[VideoFrame]:
        for frame in plain(*arguments):
            given.append(frame)
            yield frame

    monkeypatch.setattr(reel, "decode", counted)
    return given


def measured(path: Path) -> list[list[Window]]:
    return [list(windows(os.fsencode(path), sampling)) for sampling in SAMPLINGS]


def same(one: list[list[Window]], other: list[list[Window]]) -> bool:
    return all(
        a.times_s == b.times_s and a.png == b.png and np.array_equal(a.yuv, b.yuv)
        for these, those in zip(one, other, strict=True)
        for a, b in zip(these, those, strict=True)
    )


@pytest.mark.parametrize("frames", [1, 40, 75])
def test_a_short_clip_is_decoded_once_to_the_same_windows(
    frames: int, tmp_path: Path, decoded: list[VideoFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "clip.mp4", moving_picture(frames))
    kept = measured(path)
    assert len(decoded) <= frames
    os.utime(path, (0, 0))  # as of another file
    monkeypatch.setattr(reel.Reel.__init__, "__defaults__", (0,))
    assert same(measured(path), kept)
    assert len(decoded) > frames


def test_frames_that_are_more_than_stated_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = write_video(tmp_path / "clip.h264", moving_picture(40), format="h264")
    whole = measured(raw)
    os.utime(raw, (0, 0))
    monkeypatch.setattr(reel.Reel.__init__, "__defaults__", (10 * 160 * 96 * 3 // 2,))
    assert same(measured(raw), whole)
    with reel.reel(os.fsencode(raw)) as one:
        assert one.kept  # a raw stream states no length
        assert len(list(one.timed())) == 40
        assert not one.kept
        assert not one._frames


def test_a_file_that_changed_is_decoded_anew(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", moving_picture(24))
    before = measured(path)
    write_video(path, moving_picture(24, seed=1))
    assert not same(measured(path), before)


def test_frames_go_when_another_clip_comes(tmp_path: Path) -> None:
    """Without waiting for the garbage collector: a reel and its decoding hold each other."""
    first, second = (write_video(tmp_path / f"{at}.mp4", moving_picture(12, seed=at)) for at in (1, 2))
    gc.collect()
    gc.disable()
    try:
        with reel.reel(os.fsencode(first)) as one:
            assert len(list(one.timed())) == 12
        assert (one.kept, len(one._frames)) == (True, 12)
        with reel.reel(os.fsencode(second)) as other:
            assert (one.kept, one._frames) == (False, [])
            assert one._rest.gi_frame is None, "its decoding is over too"
            assert len(list(other.timed())) == 12
            assert next(other.timed())[0] == 0.0
        assert other.kept
    finally:
        gc.enable()


def test_a_clip_that_is_too_long_to_keep_lets_go_of_its_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "clip.mp4", moving_picture(12))
    monkeypatch.setattr(reel.Reel.__init__, "__defaults__", (0,))
    with reel.reel(os.fsencode(path)) as one:
        assert not one.kept
        assert len(list(one.timed())) == 12
    assert one._rest.gi_frame is None
    assert getattr(reel._here, "last", None) is None
