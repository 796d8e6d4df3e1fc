"""Do chains give back the frames they were given, and are copies what a site would make of a clip?"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck.data import chains
from sightcheck.data.chains import COPIED_S, COPIES, Chain
from sightcheck.data.manifest import Item, sha256
from sightcheck.media import look

DRAWN = [chains.drawn(seed) for seed in range(600)]
QUALITIES = {"libx264": range(15, 36), "libvpx-vp9": range(20, 46), "mpeg4": range(2, 9)}


def test_a_seed_draws_the_same_chain_again_and_another_one_others() -> None:
    assert [chains.drawn(seed) for seed in range(600)] == DRAWN
    assert len({*DRAWN}) > 100


def test_chains_stay_in_their_ranges() -> None:
    for one in DRAWN:
        assert one.quality in QUALITIES[one.codec]
        assert one.short_side == 0 or (240 <= one.short_side <= 360 and one.short_side % 2 == 0)
    codecs = Counter(one.codec for one in DRAWN)
    shares = {name: count / len(DRAWN) for name, count in codecs.items()}
    assert shares == pytest.approx({"libx264": 0.7, "libvpx-vp9": 0.15, "mpeg4": 0.15}, abs=0.05)
    assert 0.4 < sum(one.short_side > 0 for one in DRAWN) / 600 < 0.6


@pytest.mark.parametrize("codec", QUALITIES)
@pytest.mark.parametrize("count", [1, 5])
def test_an_encode_keeps_size_count_and_order(codec: str, count: int, moving: np.ndarray) -> None:
    given = moving[::7][:count]
    best, worst = (chains.transcoded(given, Chain(0, codec, QUALITIES[codec][at])) for at in (0, -1))
    assert best.shape == worst.shape == given.shape
    assert best.dtype == np.uint8
    off = np.abs(best[:, None].astype(int) - given[None]).mean((2, 3))  # (out, given)
    assert off.argmin(1).tolist() == list(range(len(given)))
    assert 0 < off.diagonal().mean() < np.abs(worst.astype(int) - given).mean()


@pytest.mark.parametrize(
    ("size", "short_side", "smaller"),
    [
        ((160, 96), 48, (80, 48)),
        ((96, 160), 48, (48, 80)),
        ((160, 96), 50, (84, 50)),
        ((160, 96), 96, (160, 96)),
        ((160, 96), 240, (160, 96)),
        ((160, 96), 0, (160, 96)),
        ((300, 50), 24, (144, 24)),
    ],
)
def test_a_picture_is_shrunk_to_even_sides_and_never_enlarged(
    size: tuple[int, int], short_side: int, smaller: tuple[int, int]
) -> None:
    given = moving_picture(2, *size)
    found = chains.shrunk(given, short_side)
    assert found.shape == (2, smaller[1] * 3 // 2, smaller[0])
    assert not found.shape[2] % 2
    assert found[:, : smaller[1]].mean() == pytest.approx(given[:, : size[1]].mean(), abs=3)
    assert found[:, smaller[1] :].mean() == pytest.approx(128, abs=1)


def test_a_chain_shrinks_then_encodes(moving: np.ndarray) -> None:
    chain = Chain(48, "libx264", 20)
    found = chains.passed(moving[:4], chain)
    assert found.shape == (4, 72, 80)
    np.testing.assert_array_equal(found, chains.transcoded(chains.shrunk(moving[:4], 48), chain))
    assert (found != chains.shrunk(moving[:4], 48)).any()


@pytest.fixture
def long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Item:
    """Ten seconds of a clip of 640 x 500 pixels, two frames a second."""
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path / "cache"))
    path = write_video(tmp_path / "long.mp4", moving_picture(20, 640, 500), fps=2)
    return Item(path=str(path), label="real", group="scene", source="s")


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_plays_is_small_and_ends_early(name: str, long: Item) -> None:
    found = chains.copied(long, name)
    assert found == replace(long, path=found.path, sha256=sha256(Path(found.path)))
    clip = look(found.path.encode())
    assert (clip.codec, min(clip.width, clip.height)) == ("h264", COPIES[name].short_side)
    assert clip.width / clip.height == pytest.approx(640 / 500, rel=0.01)
    assert clip.fps == pytest.approx(2)
    assert clip.duration_s == pytest.approx(COPIED_S)


def test_a_copy_is_made_once_and_each_name_its_own(long: Item, monkeypatch: pytest.MonkeyPatch) -> None:
    first, other = chains.copied(long, "small"), chains.copied(long, "messenger")
    assert first.path != other.path
    made = Path(first.path).stat().st_mtime_ns

    def never(*_: object) -> bytes:
        raise AssertionError("made a second time")

    monkeypatch.setattr(chains.sandbox, "run", never)
    assert chains.copied(long, "small") == first
    assert Path(first.path).stat().st_mtime_ns == made
    changed = Path(long.path).with_name("changed.mp4")
    changed.write_bytes(Path(long.path).read_bytes() + b"\0\0\0\x08free")
    with pytest.raises(AssertionError, match="second time"):
        chains.copied(replace(long, path=str(changed)), "small")


def test_a_copy_has_no_more_frames_a_second_than_its_kind(tmp_path: Path) -> None:
    path = write_video(tmp_path / "fast.mp4", moving_picture(50), fps=50)
    (tmp_path / "copy.mp4").write_bytes(chains.copy(str(path).encode(), "messenger"))
    clip = look(str(tmp_path / "copy.mp4").encode())
    assert clip.fps == pytest.approx(25, rel=0.02)
    assert clip.duration_s == pytest.approx(1, abs=0.05)
    assert (clip.width, clip.height) == (160, 96)
