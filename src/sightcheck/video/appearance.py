"""Does it look made? CLIP's features of whole frames and of native squares, early and late in the network.

Read where the backbone `clip` was fetched. The class token after two thirds of the blocks tells more of how a picture was
made than the last one, which tells what it shows (Koutlis and Papadopoulos 2024); both are kept.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.errors import BrokenInstallation
from sightcheck.media import Sampling, windows
from sightcheck.place.backbone import CLIP, Look, look

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Rgb = NDArray[np.uint8]
Values = NDArray[np.float64]

SAMPLING = Sampling(frames=3, fps=10.0, width=None, height=None, windows=6)
"""The middle frame of each window is looked at; of a clip too short for six, frames spread over what there is."""
SIDE = 224
BLOCK, MIDDLE = 8, "middle"
"""The class token after so many of CLIP's twelve blocks, and what that output is called."""
LENGTH = 2 * (768 + 512)
AT = ((0.5, 0.5), (0.5, 0.25), (0.5, 0.75), (0.25, 0.5), (0.75, 0.5), (0.5, 0.5))
"""Where the native squares lie, y and x, as shares of what is left beside them."""


@dataclass(frozen=True)
class Glimpses:
    """`times_s` (k,); `whole` (k, 224, 224, 3) the middle of each frame, shrunk; `native` a square of its own pixels."""

    times_s: tuple[float, ...]
    whole: Rgb
    native: Rgb


def ready() -> bool:
    """Whether the backbone is here and puts out what is read."""
    return (weights.home() / CLIP).is_dir() and any(one.name == MIDDLE for one in _session()[0].get_outputs())


def measure(path: bytes) -> Glimpses:
    """A clip -> at most six glimpses of it; none where no frame can be read. Run it in the sandbox."""
    runs = [list(zip(window.times_s, window.yuv, strict=True)) for window in windows(path, SAMPLING)]
    if len(runs) == SAMPLING.windows:
        chosen = [run[len(run) // 2] for run in runs]
    else:
        every = [one for run in runs for one in run]
        spread = np.unique(np.linspace(0, len(every) - 1, SAMPLING.windows).round().astype(int)) if every else []
        chosen = [every[at] for at in spread]
    rgb = [np.asarray(cv2.cvtColor(np.ascontiguousarray(yuv), cv2.COLOR_YUV2RGB_I420), np.uint8) for _, yuv in chosen]
    empty = np.zeros((0, SIDE, SIDE, 3), np.uint8)
    return Glimpses(
        tuple(time for time, _ in chosen),
        np.stack([_whole(one) for one in rgb]) if rgb else empty,
        np.stack([_native(one, AT[at]) for at, one in enumerate(rgb)]) if rgb else empty,
    )


def features(seen: Glimpses) -> Values:
    """k glimpses -> (k, LENGTH): middle and last features of the whole frame, then of its native square."""
    session, how = _session()
    parts = [np.zeros((len(seen.times_s), 0), np.float32)]
    for squares in (seen.whole, seen.native) if seen.times_s else ():
        parts += [*session.run([MIDDLE, session.get_outputs()[0].name], {"input": how.standardised(squares)})]
    return np.concatenate(parts, axis=1).astype(np.float64)


@lru_cache
def _session() -> "tuple[InferenceSession, Look]":
    """The backbone and how it looks. Raises BrokenInstallation where it is not here."""
    if not (weights.home() / CLIP).is_dir():
        raise BrokenInstallation("this needs CLIP: run `sightcheck weights get clip` once, with a connection")
    model = weights.load(CLIP)
    return weights.session(model.network), look(model.card.recipe)


def _whole(rgb: Rgb) -> Rgb:
    height, width = rgb.shape[:2]
    scale = SIDE / min(height, width)
    size = max(SIDE, round(width * scale)), max(SIDE, round(height * scale))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    y, x = (small.shape[0] - SIDE) // 2, (small.shape[1] - SIDE) // 2
    return np.asarray(small[y : y + SIDE, x : x + SIDE], np.uint8)


def _native(rgb: Rgb, at: tuple[float, float]) -> Rgb:
    """A square of the frame's own pixels, on the macroblock grid; a smaller frame is mirrored at its edges."""
    below, right = (max(0, SIDE - side) for side in rgb.shape[:2])
    padded = cv2.copyMakeBorder(rgb, 0, below, 0, right, cv2.BORDER_REFLECT_101)
    y, x = (
        int((side - SIDE) * share) // 16 * 16 for side, share in zip(padded.shape[:2], at, strict=True)
    )
    return np.asarray(padded[y : y + SIDE, x : x + SIDE], np.uint8)
