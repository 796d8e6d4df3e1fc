"""Does a second encode show where key frames of the first lay, and does a single encode show nothing?"""

from pathlib import Path

import av
import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import sandbox
from sightcheck.media import look
from sightcheck.video.footprint import Footprint, as_it_is
from sightcheck.video.stated import double
from sightcheck.video.stated.double import Rhythm, rhythm
from sightcheck.video.stated.file import File

CODES = {
    "P-frames": ({"crf": "28", "g": "12", "bf": "0", "sc_threshold": "0"}, {"crf": "20", "bf": "0"}),
    "B-frames": ({"crf": "30", "g": "15", "bf": "2", "sc_threshold": "0"}, {"crf": "18"}),
}


def there_and_back() -> np.ndarray:
    """160 frames of a pan to and fro."""
    pan = moving_picture(80)
    return np.concatenate([pan, pan[::-1]])


def decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="yuv420p") for frame in container.decode(video=0)])


def measured(path: Path) -> Rhythm | None:
    return rhythm(sandbox.run(as_it_is, bytes(path), double.FRAMES))


@pytest.mark.parametrize("codes", CODES)
def test_a_second_encode_tells_the_key_frames_of_the_first(codes: str, tmp_path: Path) -> None:
    first, second = CODES[codes]
    once = write_video(tmp_path / "once.mp4", there_and_back(), fps=25, **first)
    twice = write_video(tmp_path / "twice.mp4", decoded(once), fps=25, **second)
    found = measured(twice)
    assert found is not None
    assert (found.found, found.period) == (True, int(first["g"]))
    sentence = File().examine(sandbox.run(look, bytes(twice)), bytes(twice)).sentence
    assert f"it looks as if it was encoded before, with key frames every {first['g']} frames" in sentence


@pytest.mark.parametrize("codes", CODES)
@pytest.mark.parametrize("which", [0, 1])
def test_a_single_encode_tells_none(codes: str, which: int, tmp_path: Path) -> None:
    path = write_video(tmp_path / "once.mp4", there_and_back(), fps=25, **CODES[codes][which])
    found = measured(path)
    assert found is not None
    assert not found.found
    evidence = File().examine(sandbox.run(look, bytes(path)), bytes(path))
    assert "encoded before" not in evidence.sentence
    (told,) = [one for one in evidence.statements if one.name == "Signs of double compression"]
    assert told.value == "none found"


def made(peaks: list[int], frames: int = 120, kinds: str = "") -> Footprint:
    """100 macroblocks a frame, more of them intra and fewer skipped at `peaks`."""
    counts = np.tile(np.array([10, 40, 50], np.int32), (frames, 1))
    counts[:, :2] += np.outer(np.arange(frames) % 2, [1, -1]).astype(np.int32)
    counts[peaks] = [40, 50, 10]
    times_s = tuple(at / 25 for at in range(frames))
    return Footprint(counts, kinds or "I" + "P" * (frames - 1), np.zeros(frames, np.int32), times_s, "as it is")


def test_the_period_is_that_of_the_peaks() -> None:
    found = rhythm(made(list(range(10, 120, 10))))
    assert found is not None
    assert (found.period, found.hits, found.places, found.found) == (10, 11, 11, True)


def test_a_period_of_this_encodes_own_key_frames_is_not_told() -> None:
    kinds = ("I" + "P" * 19) * 6
    found = rhythm(made([at for at in range(10, 120, 10) if at % 20], kinds=kinds))
    assert found is not None
    assert found.period not in (2, 4, 5, 10, 20, 40)


def test_repeated_pictures_are_no_key_frames() -> None:
    """Every fifth frame differs where 24 frames a second became 30."""
    found = rhythm(made(list(range(5, 120, 5))))
    assert found is not None
    assert (found.period, found.found) == (5, False)


def test_peaks_without_a_period_and_few_frames_tell_nothing() -> None:
    scattered = sorted(np.random.default_rng(1).choice(np.arange(2, 118), 12, replace=False).tolist())
    found = rhythm(made(scattered))
    assert found is not None
    assert not found.found
    assert rhythm(made([], frames=12)) is None


def test_large_pictures_are_counted_for_fewer_frames() -> None:
    assert double.frames(1920, 1080) == double.FRAMES
    assert 60 < double.frames(7680, 4320) * 4 < double.frames(3840, 2160) * 5 < 2 * double.FRAMES
    assert double.frames(0, 0) == double.FRAMES
