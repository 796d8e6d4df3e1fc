"""How is the network on residuals compared with the others? Read by patches, fitted on pairs, asked patch by patch."""

import hashlib
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightcheck import media, sandbox
from sightcheck.data import cache, chains, pairs
from sightcheck.data.manifest import Item
from sightcheck.errors import Damaged
from sightcheck.media import windows
from sightcheck.protocol import readings
from sightcheck.protocol.contender import Network, Spoken, Told, Units
from sightcheck.protocol.metrics import Labels, Values
from sightcheck.video import residual

VARIANTS = 3
"""Random chains that each clip passes."""
TAUGHT = 4
"""Patches of each window that teach in each chain."""
READ = (*readings.READING, "media/encode.py", "data/chains.py", "video/residual.py")


@dataclass(frozen=True)
class Look:
    """A clip's item, `taught` (V, k, 3, 3S/2, S) after random chains, `asked` (m, 3, 3S/2, S) and their times (m,)."""

    item: Item
    taught: NDArray[np.uint8]
    asked: NDArray[np.uint8]
    times_s: Values


def seen(item: Item) -> Look:
    """A clip's patches, from the cache where they are there. Raises InputError, OutputError."""
    name = os.fsencode(item.path)
    sha256 = sandbox.run(media.look, name).sha256
    scene = f"{item.group} {item.origin}"

    def measure() -> cache.Arrays:
        taught, asked, times = sandbox.run(cut, name, scene)
        return {"taught": taught, "asked": asked, "times": times}

    arrays = cache.arrays(cache.key(sha256, scene, VARIANTS, TAUGHT, code=READ), measure)
    if not len(arrays["asked"]):
        raise Damaged(residual.TOO_LITTLE)
    return Look(item, arrays["taught"], arrays["asked"], arrays["times"])


def cut(path: bytes, scene: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Values]:
    """A clip -> patches that teach, patches that are asked, times of these. Clips of a scene pass the same chains."""
    taught: list[list[NDArray[np.uint8]]] = [[] for _ in range(VARIANTS)]
    for number, window in enumerate(windows(path, residual.SAMPLING)):
        if len(window.yuv) < residual.LEAST:
            continue
        for variant, into in enumerate(taught):
            seed = int.from_bytes(hashlib.sha256(f"{scene} {variant} {number}".encode()).digest()[:4])
            three = residual.triplets(chains.passed(window.yuv, chains.drawn(seed)))
            into += [residual.cut(three, *corner) for corner in residual.chosen(three, TAUGHT, seed)]
    seen = residual.measure(path)
    asked = [patch for window in seen for patch in window.patches]
    times = [window.middle_s for window in seen for _ in window.corners]
    empty = np.zeros((0, 3, residual.SIDE * 3 // 2, residual.SIDE), np.uint8)
    fewest = min(map(len, taught))
    return (
        np.stack([np.stack(some[:fewest]) if fewest else empty for some in taught]),
        np.stack(asked) if asked else empty,
        np.array(times, np.float64),
    )


class FittedResidual:
    """A trained network, asked in PyTorch."""

    def __init__(self, net: Any) -> None:
        self.net = net

    @property
    def parameters(self) -> int:
        """How many numbers it learnt."""
        return sum(one.numel() for one in self.net.parameters())

    def speak(self, clip: Look) -> Spoken:
        """P(synthetic) of every patch."""
        from sightcheck.nets.video.residual import speak

        fake = speak(self.net, clip.asked)
        return Spoken(fake, fake > 0.5, np.stack([clip.times_s, clip.times_s], axis=1))

    @cached_property
    def exported(self) -> Network:
        """Its network in ONNX."""
        from sightcheck.nets.export import to_onnx

        return to_onnx(self.net, (1, residual.CHANNELS, residual.SIDE, residual.SIDE))

    def export(self) -> Network:
        """Its network in ONNX."""
        return self.exported

    def size_bytes(self) -> int:
        """Bytes of its network."""
        return len(self.exported[0])


@dataclass(frozen=True)
class Residual:
    """`residual`: taught on aligned pairs where there are any, everything else beside them."""

    name: str = "residual"
    epochs: int = 0

    def read(self, item: Item) -> Look:
        """A clip's patches."""
        return seen(item)

    def fit(
        self, clips: Sequence[Look], synthetic: Labels, units: Units,
        validation: tuple[Sequence[Look], Labels] | None = None, told: Told | None = None,
    ) -> FittedResidual:  # fmt: skip
        """Train it; stopped, it goes on from its last epoch."""
        from dataclasses import replace

        from sightcheck.nets.video import residual as training

        schedule = training.SCHEDULE
        schedule = replace(schedule, epochs=self.epochs or schedule.epochs)
        about = (schedule, [(one.item.sha256, one.item.group) for one in clips], synthetic, units)
        folder = cache.run(cache.key(*about, code=(*READ, "nets", "learn/video/residual.py")))
        couples = pairs.aligned([one.item for one in clips])
        net = training.train([one.taught for one in clips], synthetic, units, couples, folder, told, schedule)
        shutil.rmtree(folder, ignore_errors=True)
        return FittedResidual(net)
