"""Does it look made? CLIP's features of whole frames, after two thirds of the network and at its end.

Read where the backbone `clip` was fetched. What it knows after two thirds of its blocks tells more of how a picture was
made than its last output, which tells what it shows (Koutlis and Papadopoulos 2024); both are kept.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.errors import BrokenInstallation
from sightcheck.media import Sampling, windows
from sightcheck.verdict import Still

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Rgb = NDArray[np.uint8]
Values = NDArray[np.float64]
Batch = NDArray[np.float32]

SAMPLING = Sampling(frames=3, fps=10.0, width=None, height=None, windows=6)
"""The middle frame of each window is looked at; of a clip too short for six, frames spread over what there is."""
SIDE = 224
CLIP = "clip"
"""The backbone, as `sightcheck weights get clip` fetches it."""
BLOCK, MIDDLE = 8, "middle"
"""After so many of CLIP's twelve blocks its class token and the mean of its patches are read, by this output."""
WIDTH = 768
MISSING = "appearance reads CLIP: run `sightcheck weights get clip` once, with a connection"
LENGTH = 2 * WIDTH + 512


@dataclass(frozen=True)
class Glimpses:
    """`times_s` (k,); `rgb` (k, 224, 224, 3) uint8, the middle square of each frame."""

    times_s: tuple[float, ...]
    rgb: Rgb


def ready() -> bool:
    """Whether the backbone is here and puts out what is read; one that an earlier version fetched does not."""
    folder = weights.home() / CLIP
    return folder.is_dir() and MIDDLE in weights.card(folder).recipe


def measure(path: bytes) -> Glimpses:
    """A clip -> at most six glimpses of it; none where no frame can be read. Run it in the sandbox."""
    runs = [list(zip(window.times_s, window.yuv, strict=True)) for window in windows(path, SAMPLING)]
    if len(runs) == SAMPLING.windows:
        chosen = [run[len(run) // 2] for run in runs]
    else:
        every = [one for run in runs for one in run]
        spread = np.linspace(0, len(every) - 1, SAMPLING.windows).round().astype(int).tolist() if every else []
        chosen = [every[at] for at in sorted({*spread})]
    rgb = [np.asarray(cv2.cvtColor(np.ascontiguousarray(yuv), cv2.COLOR_YUV2RGB_I420), np.uint8) for _, yuv in chosen]
    squares = np.stack([_square(one) for one in rgb]) if rgb else np.zeros((0, SIDE, SIDE, 3), np.uint8)
    return Glimpses(tuple(time for time, _ in chosen), squares)


def features(seen: Glimpses) -> Values:
    """k glimpses -> (k, LENGTH): class token and mean of the patches after block BLOCK, then the last output."""
    if not seen.times_s:
        return np.zeros((0, LENGTH))
    session, mean, deviation = _session()
    given = np.moveaxis((seen.rgb.astype(np.float32) / 255 - mean) / deviation, -1, 1)
    names = [MIDDLE, session.get_outputs()[0].name]
    return np.concatenate(session.run(names, {"input": np.ascontiguousarray(given)}), axis=1).astype(np.float64)


def stills(seen: Glimpses) -> tuple[Still, ...]:
    """The glimpses as small pictures to look at."""
    small = [cv2.resize(rgb, (96, 96), interpolation=cv2.INTER_AREA)[..., ::-1] for rgb in seen.rgb]
    pngs = [bytes(cv2.imencode(".png", one)[1]) for one in small]
    return tuple(Still(time, png) for time, png in zip(seen.times_s, pngs, strict=True))


@cache
def _session() -> "tuple[InferenceSession, Batch, Batch]":
    """The backbone, mean and deviation of its pixels. Raises BrokenInstallation where it is not here."""
    if not ready():
        raise BrokenInstallation(MISSING)
    model = weights.load(CLIP)
    mean, deviation = (np.array(model.card.recipe[name], np.float32) for name in ("mean", "deviation"))
    return weights.session(model.network), mean, deviation


def _square(rgb: Rgb) -> Rgb:
    height, width = rgb.shape[:2]
    scale = SIDE / min(height, width)
    size = max(SIDE, round(width * scale)), max(SIDE, round(height * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    y, x = (small.shape[0] - SIDE) // 2, (small.shape[1] - SIDE) // 2
    return np.asarray(small[y : y + SIDE, x : x + SIDE], np.uint8)
