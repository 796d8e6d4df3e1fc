"""Media made by code: nothing recorded, nothing downloaded."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("untimed", deadline=None)  # a busy machine must not fail a test
settings.load_profile("untimed")


def moving_picture(frames: int = 36, width: int = 160, height: int = 96, seed: int = 0) -> np.ndarray:
    """(T, 3H/2, W) uint8 planar 4:2:0: a textured scene that pans, with a little noise."""
    rng = np.random.default_rng(seed)
    scene = rng.normal(size=(height // 4 + 40, width // 4 + 40)).cumsum(0).cumsum(1)
    scene = np.kron((scene - scene.min()) / np.ptp(scene) * 200 + 20, np.ones((4, 4)))
    luma = np.stack([scene[t : t + height, 2 * t : 2 * t + width] for t in range(frames)])
    luma = luma + rng.normal(0, 2, luma.shape)
    chroma = np.full((frames, height // 2, width), 128.0)
    return np.concatenate([luma, chroma], axis=1).clip(0, 255).astype(np.uint8)


def write_video(
    path: Path,
    yuv: np.ndarray,
    codec: str = "libx264",
    fps: int = 10,
    format: str | None = None,
    pix_fmt: str = "yuv420p",
    **options: str,
) -> Path:
    """Encode frames to a file of the container its name says."""
    with av.open(str(path), "w", format=format) as container:
        stream = container.add_stream(codec, fps, width=yuv.shape[2], height=yuv.shape[1] * 2 // 3, options=options)
        stream.pix_fmt = pix_fmt
        for number, picture in enumerate(yuv):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p").reformat(format=pix_fmt)
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="session")
def moving() -> np.ndarray:
    return moving_picture()


@pytest.fixture(scope="session")
def clip(moving: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("media") / "clip.mp4", moving)


@pytest.fixture(scope="session")
def make_clip() -> Callable[..., Path]:
    return lambda path, **kwargs: write_video(path, moving_picture(**kwargs))


@pytest.fixture(scope="session", autouse=True)
def _nobodys_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Models and galleries of whoever runs the tests take no part in them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTCHECK_HOME", str(tmp_path_factory.mktemp("nobodys")))
        yield
