"""What would a synthetic clip look like that differs from a real one in nothing but its making? Twins through decoders.

Each real clip goes through one small autoencoder taught on all of them, and both are written alike: same frames, size,
rate and x264 settings. What tells them apart is what a decoder leaves behind; see docs/video-study.md, the leak.
"""

import hashlib
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck import media, sandbox
from sightcheck.data import cache, manifest
from sightcheck.data.manifest import Item
from sightcheck.errors import InputError, OutputError, UsageError
from sightcheck.learn.recipes import needs_torch
from sightcheck.media import Sampling, mp4

if TYPE_CHECKING:
    from sightcheck.nets.autoencoders import Autoencoder
    from sightcheck.nets.loop import Schedule

Pixels = NDArray[np.uint8]
Told = Callable[[float, str], None]

WINDOWS = Sampling(frames=48, fps=None, width=None, height=None, windows=3)
"""The middle one of these is taken: successive frames, whole pictures."""
SHORT_SIDE = 384
FEWEST = 8
"""Frames a clip needs."""
CRFS = (12, 32)
"""Every pair is written at a CRF in this range, ends included."""
PARTS = ("real", "fake", "autoencoders", "twins.csv")
LEARNING = 0.7
"""Share of the work that teaching is, for the progress."""


@dataclass(frozen=True)
class Original:
    """A clip of the table that can be read: its item with its sha256, what it is, the kind of its twin, its CRF."""

    item: Item
    clip: media.Clip
    kind: str
    crf: int

    def path(self, folder: Path, fake: bool) -> Path:
        """Where the pair's real or fake clip lies."""
        name = f"fake/{self.item.sha256}-{self.kind}.mp4" if fake else f"real/{self.item.sha256}.mp4"
        return folder / name


def build(table: Path, to: Path, told: Told | None = None) -> Path:
    """The real clips of a table -> a folder of pairs with its table `twins.csv`, which is returned.

    Autoencoders and pairs that are there are kept, so that a stopped run goes on. `told` hears how much is done, and
    each clip that is left out, with the reason. Raises UsageError for a folder with other things in it and for a table
    without real clips that can be read, OutputError where the folder cannot be written, BrokenInstallation without
    PyTorch.
    """
    needs_torch()
    tell = told or (lambda done, what: None)
    _claim(to)
    found, crops = _originals(manifest.read(table), tell)
    try:
        nets = _taught(found, crops, to, tell)
        items = [item for one in _written(found, nets, to, tell) for item in one]
    except OSError as error:
        raise OutputError(f"{to}: the twins could not be written ({error.strerror or error}); free space") from error
    manifest.write(tuple(items), to / "twins.csv")
    return to / "twins.csv"


def _claim(to: Path) -> None:
    """Make the folder; raise UsageError for one that holds anything but twins."""
    try:
        held = {one.name for one in to.iterdir()} if to.exists() else set()
        if held and not ("autoencoders" in held and held <= set(PARTS)):
            raise UsageError(f"{to} is not empty and holds no twins; give an empty folder or a new one")
        for name in PARTS[:3]:
            (to / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{to}: the folder cannot be written ({error.strerror}); choose another") from error


def _originals(items: Sequence[Item], tell: Told) -> tuple[list[Original], Pixels]:
    """The real clips that can be read, and crops of all of them to learn from."""
    from sightcheck.nets import autoencoders

    reals: dict[str, tuple[Item, media.Clip]] = {}
    crops: list[Pixels] = []
    real = [item for item in items if not item.synthetic]
    count = math.ceil(autoencoders.CROPS / max(len(real), 1))
    for item in real:
        try:
            clip = _looked(item)
            if clip.sha256 not in reals:
                crops.append(autoencoders.crops(_frames(item, clip), _number(clip.sha256, "crops"), count))
                reals[clip.sha256] = (replace(item, sha256=clip.sha256), clip)
        except InputError as error:
            tell(0.0, f"left out {Path(item.path).name}: {error}")
    if not reals:
        raise UsageError("the table holds no real clip that can be read; give it clips with the label real")
    # in turn within a source, and on from one source to the next, so that kinds are crossed with sources and even
    order = sorted(reals.values(), key=lambda one: (one[0].origin, one[0].sha256))
    kinds = list(autoencoders.KINDS)
    lowest, highest = CRFS
    found = [
        Original(item, clip, kinds[at % len(kinds)], lowest + _number(clip.sha256, "crf") % (highest - lowest + 1))
        for at, (item, clip) in enumerate(order)
    ]
    return found, np.concatenate(crops)


def _taught(found: Sequence[Original], crops: Pixels, to: Path, tell: Told) -> dict[str, "Autoencoder"]:
    """Every kind that is needed, taught or taken from the checkpoints of the same clips and schedule."""
    from sightcheck.nets import autoencoders

    schedule = autoencoders.SCHEDULE
    key = _key(found, schedule)
    nets = {}
    wanted = [name for name in autoencoders.KINDS if name in {one.kind for one in found}]
    for at, name in enumerate(wanted):

        def progress(done: float, what: str, at: int = at, name: str = name) -> None:
            tell(LEARNING * (at + done) / len(wanted), f"{name}: {what}")

        folder = to / "autoencoders" / f"{name}-{key}"
        nets[name] = autoencoders.train(autoencoders.KINDS[name], crops, schedule, folder, progress)
    return nets


def _written(
    found: Sequence[Original], nets: dict[str, "Autoencoder"], to: Path, tell: Told
) -> list[tuple[Item, Item]]:
    """Each clip and its twin as files, and their rows."""
    from sightcheck.nets import autoencoders

    pairs = []
    for at, one in enumerate(found):
        paths = one.path(to, False), one.path(to, True)
        done = LEARNING + (1 - LEARNING) * (at + 1) / len(found)
        if all(path.exists() for path in paths):
            tell(done, f"{at + 1}/{len(found)} pairs")
        else:
            rgb = _frames(one.item, one.clip)
            twin = autoencoders.pass_through(nets[one.kind], rgb)
            for path, pixels in zip(paths, (rgb, twin), strict=True):
                _write(path, pixels, one)
            tell(done, f"{at + 1}/{len(found)} pairs, {one.kind} at {autoencoders.psnr(rgb, twin):.1f} dB")
        pairs.append((_row(one, paths[0], False), _row(one, paths[1], True)))
    return pairs


def _write(path: Path, rgb: Pixels, one: Original) -> None:
    """A file that is there is whole."""
    partial = path.with_suffix(".part")
    options = {"crf": str(one.crf), "preset": "medium", "x264-params": media.Encoding(one.crf).x264(None)}
    # Chroma as BT.601, as media/pictures.py reads it.
    planar = (np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8) for picture in rgb)
    mp4.write(str(partial), enumerate(planar), one.clip.fps, options)
    partial.replace(path)


def _row(one: Original, path: Path, fake: bool) -> Item:
    """The table's row of one file: the clip's own kind, scene, source and licence."""
    item = Item(
        path=str(path.resolve()),
        kind=one.item.kind,
        label="fake" if fake else "real",
        group=one.item.group,
        source=one.item.source,
        generator=one.kind if fake else "",
        quality=f"CRF {one.crf}",
        licence=one.item.licence,
    )
    return manifest.described(item, sandbox.run(media.look, os.fsencode(path)))


def _looked(item: Item) -> media.Clip:
    """What the clip is. Raises InputError for one too short, too small or without a rate."""
    from sightcheck.nets.autoencoders import SIDE

    clip = sandbox.run(media.look, os.fsencode(item.path))
    if item.sha256 and item.sha256.lower() != clip.sha256:
        raise InputError("this is not the file the table describes (sha256 differs); fetch it again")
    if clip.frames < FEWEST or not clip.fps:
        raise InputError(f"has {clip.frames} frames; {FEWEST} are needed")
    if min(_size(clip)) < SIDE:
        raise InputError(f"is {clip.width}x{clip.height}; each side must be {SIDE} or more")
    return clip


def _frames(item: Item, clip: media.Clip) -> Pixels:
    """The frames of a clip that are passed through, (T, H, W, 3): the middle window, shrunk to SHORT_SIDE."""
    found = sandbox.run(media.pictures, os.fsencode(item.path), WINDOWS, *_size(clip))
    at = len(found.starts) // 2
    rgb = found.rgb[found.starts[at] : (*found.starts, len(found.rgb))[at + 1]] if len(found.rgb) else found.rgb
    if len(rgb) < FEWEST:
        raise InputError(f"only {len(rgb)} of its frames can be decoded; {FEWEST} are needed")
    return rgb


def _size(clip: media.Clip) -> tuple[int, int]:
    """Height and width to read a clip at: even, the shorter side at most SHORT_SIDE."""
    factor = min(1.0, SHORT_SIDE / min(clip.height, clip.width))
    return int(clip.height * factor) // 2 * 2, int(clip.width * factor) // 2 * 2


def _number(sha256: str, what: str) -> int:
    """A number that a clip always gets for a purpose."""
    return int.from_bytes(hashlib.sha256(f"{sha256} {what}".encode()).digest()[:4])


def _key(found: Sequence[Original], schedule: "Schedule") -> str:
    """Names what an autoencoder was taught on and how."""
    return cache.key([one.item.sha256 for one in found], schedule, code=("media", "nets", "learn/twins.py"))[:12]
