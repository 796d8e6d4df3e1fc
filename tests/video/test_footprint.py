"""Are the macroblocks counted as the codec counts them?"""

import os
from pathlib import Path

import av
import numpy as np
import pytest

from conftest import moving_picture
from sightcheck import sandbox
from sightcheck.errors import NotMedia
from sightcheck.media import Encoding, Sampling, encode, windows
from sightcheck.video.footprint import Footprint, as_it_is, measure, recoded

SHARED = Path(os.environ.get("SIGHTCHECK_DATA", Path(__file__).parents[3] / "shared/data/video"))
REAL_CLIPS = ("street_real/Arutselvan_d72c09a856.mp4", "dance_real/*.mp4", "street_fake/NVlabs*.mp4")


def written(yuv: np.ndarray, encoding: Encoding, path: Path) -> Footprint:
    """Encode to a raw H.264 file and count what a decoder finds in it."""
    path.write_bytes(b"".join(encode(yuv, encoding)))
    return sandbox.run(as_it_is, os.fsencode(path), len(yuv))


def decoder_sees_what_x264_counted(yuv: np.ndarray, crf: int, path: Path) -> None:
    ours = recoded(yuv, Encoding(crf=crf))
    theirs = written(yuv, Encoding(crf=crf), path)
    np.testing.assert_array_equal(ours.counts, theirs.counts)
    assert ours.frame_types == theirs.frame_types


@pytest.mark.parametrize("crf", [0, 23, 40])
def test_counts_equal_the_decoders_on_made_video(moving: np.ndarray, crf: int, tmp_path: Path) -> None:
    decoder_sees_what_x264_counted(moving, crf, tmp_path / "clip.h264")


@pytest.mark.parametrize("crf", [0, 23, 40])
@pytest.mark.parametrize("pattern", REAL_CLIPS)
def test_counts_equal_the_decoders_on_real_video(pattern: str, crf: int, tmp_path: Path) -> None:
    found = sorted(SHARED.glob(pattern))
    if not found:
        pytest.skip(f"no research video under {SHARED}")
    window = next(windows(os.fsencode(found[0]), Sampling(frames=61, fps=None, width=None, height=None, windows=1)))
    decoder_sees_what_x264_counted(window.yuv, crf, tmp_path / "clip.h264")


def test_every_macroblock_is_counted_once(moving: np.ndarray) -> None:
    height, width = moving.shape[1] * 2 // 3, moving.shape[2]
    footprint = recoded(moving, Encoding())
    assert (footprint.counts.sum(axis=1) == (height // 16) * (width // 16)).all()
    assert footprint.counts[0, 1:].tolist() == [0, 0], "the first frame is intra only"
    assert footprint.frame_types[0] == "I"
    assert "I" not in footprint.frame_types[1:]
    np.testing.assert_allclose(footprint.fractions.sum(axis=1), 1)
    assert footprint.bits[0] > 0


def test_a_still_picture_is_skipped_and_noise_is_not(moving: np.ndarray) -> None:
    still = np.repeat(moving[:1], 12, axis=0)
    noise = np.random.default_rng(0).integers(0, 255, still.shape, np.uint8)
    assert recoded(still, Encoding()).fractions[1:, 2].mean() > 0.95
    assert recoded(noise, Encoding()).fractions[1:, 0].mean() > 0.5


@pytest.mark.parametrize("width", [384, 480])
def test_encoding_again_gives_the_same_footprint(width: int) -> None:
    yuv, rng = moving_picture(frames=25, width=width, height=192), np.random.default_rng(0)
    first = recoded(yuv, Encoding())
    for size in rng.integers(1_000, 3_000_000, 4):
        _held = rng.bytes(int(size))  # other memory lies beside the encoder's
        np.testing.assert_array_equal(recoded(yuv, Encoding()).counts, first.counts)


def test_decoded_picture_types_do_not_leak_into_the_encode(clip: Path) -> None:
    (footprint, *_) = measure(os.fsencode(clip), Sampling(), Encoding())
    assert footprint.frame_types.count("I") == 1


def test_only_h264_states_its_macroblocks(moving: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "clip.avi"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", 25, width=moving.shape[2], height=moving.shape[1] * 2 // 3)
        stream.pix_fmt = "yuv420p"
        for picture in moving:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="yuv420p")))
        container.mux(stream.encode(None))
    with pytest.raises(NotMedia, match="mpeg4"):
        sandbox.run(as_it_is, os.fsencode(path), 5)
