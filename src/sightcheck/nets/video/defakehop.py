"""How is DeFakeHop taught? Saab channels of three regions, boosted trees on each, and more trees on what those say."""

import json
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
import xgboost
from numpy.typing import NDArray
from torch import nn

from sightcheck.errors import UsageError
from sightcheck.media import Pictures
from sightcheck.nets.video import saab
from sightcheck.video.frames import Recipe, network_input

Matrix = NDArray[np.float32]
Labels = NDArray[np.bool_]
Tables = tuple[NDArray[np.int16], Matrix, Matrix]
"""`feature`, `threshold` and `leaf` of a Forest."""
Progress = Callable[[float, str], None]

PATCH = 32
REGIONS = ((0, 0), (0, 64), (64, 32))
"""Top and left of each 64 x 64 area of a 128 x 128 frame: where eyes and mouth are in a face that fills the frame.

Of a street they are the upper quarters and the lower middle: most of the frame, and no pixel twice.
"""
SPATIAL = 0.9
TREES, DEPTH, RATE = 100, 6, 0.2
FITTED_ON = 1000
"""At most so many patches of a region, spread over all clips, give its Saab filters."""
BATCH = 128


class Forest(nn.Module):
    """(n, features) -> (n, t) leaf values of t complete trees of one depth.

    `feature`, `threshold` (t, 2^depth - 1) have the nodes of a tree in the order of a heap, `leaf` (t, 2^depth) its
    ends from left to right. Floats are kept in pieces of at most 1,024, which export leaves in single precision.
    """

    feature: torch.Tensor
    paths: torch.Tensor

    def __init__(self, feature: NDArray[np.int16], threshold: Matrix, leaf: Matrix) -> None:
        super().__init__()
        self.depth = leaf.shape[1].bit_length() - 1
        self.register_buffer("feature", torch.from_numpy(feature))
        self.register_buffer("paths", torch.from_numpy(_paths(self.depth)))
        self.threshold, self.leaf = _pieces(threshold, 1024 // leaf.shape[1]), _pieces(leaf, 1024 // leaf.shape[1])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, features) -> (n, t)."""
        threshold, leaf = torch.cat(list(self.threshold)), torch.cat(list(self.leaf))
        right = x.index_select(1, self.feature.long().flatten()) >= threshold.flatten()
        sides = 2 * right.to(threshold.dtype) - 1  # -1 left, 1 right
        turns = sides.reshape(-1, *threshold.shape)  # (n, t, 2^depth - 1)
        reached = (turns @ self.paths).eq(self.depth)  # (n, t, 2^depth)
        return torch.where(reached, leaf, 0.0).sum(2)


class Hop(nn.Module):
    """(n, c, H, W) -> (n, k, H', W'): the filters of one Saab hop and the max-pool behind them, as in saab.Hop."""

    kernels: torch.Tensor
    parents: torch.Tensor

    def __init__(self, hop: saab.Hop) -> None:
        super().__init__()
        self.colours = hop.kernels.shape[1]
        self.register_buffer("kernels", torch.from_numpy(hop.kernels))
        self.register_buffer("parents", torch.from_numpy(hop.parents.astype(np.int16)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, c, H, W) -> (n, k, ceil((H - 2) / 2), ceil((W - 2) / 2))."""
        if self.colours > 1:
            x = F.conv2d(x, self.kernels)
        else:
            x = F.conv2d(x.index_select(1, self.parents.long()), self.kernels, groups=len(self.parents))
        return F.max_pool2d(x, 2, ceil_mode=True)


class Spatial(nn.Module):
    """(n, k, s, s) channels of one hop -> (n, f): where each frame's lie on the principal axes that a tree looks at.

    `axes` (f, s s), and `channel` (f,) says of which channel.
    """

    axes: torch.Tensor
    channel: torch.Tensor

    def __init__(self, axes: Matrix, channel: NDArray[np.int16]) -> None:
        super().__init__()
        self.register_buffer("axes", torch.from_numpy(axes))
        self.register_buffer("channel", torch.from_numpy(channel))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, k, s, s) -> (n, f)."""
        maps = x.flatten(2).index_select(1, self.channel.long())  # (n, f, s s)
        return (maps * self.axes).sum(2)


class Region(nn.Module):
    """(n, 3, 32, 32) patches of one region -> (n, f) of all hops."""

    def __init__(self, hops: Sequence[Hop], spatial: Sequence[Spatial]) -> None:
        super().__init__()
        self.hops, self.spatial = nn.ModuleList(hops), nn.ModuleList(spatial)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, 32, 32) -> (n, f)."""
        found = []
        for hop, spatial in zip(self.hops, self.spatial, strict=True):
            x = hop(x)
            found.append(spatial(x))
        return torch.cat(found, 1)


class Channels(nn.Module):
    """(n, f) of all regions -> (n, channels) P(fake) by each channel alone: a hundred trees of one split for each."""

    def __init__(self, forest: Forest) -> None:
        super().__init__()
        self.forest = forest

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, f) -> (n, channels)."""
        leaves = self.forest(x)
        return torch.sigmoid(leaves.reshape(-1, leaves.shape[1] // TREES, TREES).sum(2))


class DeFakeHop(nn.Module):
    """(n, 6, 3, 128, 128) runs of frames in [0, 1] -> (n, 1) logits of P(fake)."""

    def __init__(self, regions: Sequence[Region], channels: Channels, forest: Forest) -> None:
        super().__init__()
        self.regions, self.channels, self.forest = nn.ModuleList(regions), channels, forest

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 6, 3, 128, 128) -> (n, 1)."""
        frames = x.flatten(0, 1)
        found = [region(_patches(frames, corner)) for region, corner in zip(self.regions, REGIONS, strict=True)]
        said = self.channels(torch.cat(found, 1))
        leaves: torch.Tensor = self.forest(said.reshape(-1, x.shape[1] * said.shape[1]))
        return leaves.sum(1, keepdim=True)


def train(recipe: Recipe, clips: Sequence[Pictures], synthetic: Labels, progress: Progress | None = None) -> nn.Module:
    """Clips (n) of 128 x 128 frames with labels (n,) -> DeFakeHop (Chen et al. 2021; 5.3.2), the same in every run.

    Raises UsageError where no clip has as many frames in a row as the recipe asks for.
    """
    rows = _rows(clips, recipe.sequence)
    if not len(rows):
        raise UsageError(
            f"DeFakeHop learns from runs of {recipe.sequence} frames, and no clip has one: give longer clips"
        )
    fake = np.repeat(np.asarray(synthetic, bool), [len(clip.rgb) for clip in clips])
    regions: list[Region] = []
    found: list[torch.Tensor] = []
    stumps: list[Tables] = []
    with torch.no_grad():
        for number, corner in enumerate(REGIONS):
            patches = torch.cat([_seen(clip, recipe, corner) for clip in clips])
            region, trees = _region(patches, fake, _part(progress, number))
            regions.append(region)
            found.append(_batched(region, patches))
            stumps += trees
        channels = Channels(_joined(stumps))
        said = _batched(channels, torch.cat(found, 1)).numpy()
    forest = tables(boosted(said[rows].reshape(len(rows), -1), fake[rows[:, 0]], DEPTH), DEPTH)
    if progress is not None:
        progress(1.0, "trees on what the channels say")
    return DeFakeHop(regions, channels, Forest(*forest)).eval()


def parameters(net: nn.Module) -> int:
    """How many numbers a DeFakeHop has: those of filters and spatial PCA, 2 for each split of a tree, 1 for each leaf.

    Trees count as complete, as in the paper (4 numbers for one of depth 1, 190 for one of depth 6). Its 42,845 is what
    one region of 30 channels with one PCA a hop adds up to; here every region and channel counts.
    """
    uncounted = ("parents", "channel", "paths")
    return sum(value.numel() for name, value in net.state_dict().items() if not name.endswith(uncounted))


def boosted(features: Matrix, fake: Labels, depth: int) -> xgboost.Booster:
    """Rows (n, f) with labels (n,) -> 100 boosted trees of one depth.

    The exact search puts a threshold midway between two rows, so the last bits of a sum do not decide.
    """
    settings = {"objective": "binary:logistic", "base_score": 0.5, "max_depth": depth, "eta": RATE}
    fixed = {"tree_method": "exact", "nthread": 1, "seed": 0, "verbosity": 0}
    return xgboost.train(settings | fixed, xgboost.DMatrix(features, fake.astype(np.float32), nthread=1), TREES)


def tables(booster: xgboost.Booster, depth: int) -> Tables:
    """Boosted trees -> `feature`, `threshold` and `leaf` of a Forest; an early leaf stands at all ends below it."""
    trees = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]["model"]["trees"]
    inner = 2**depth - 1
    feature = np.zeros((len(trees), inner), np.int16)
    threshold, leaf = np.zeros((len(trees), inner), np.float32), np.zeros((len(trees), inner + 1), np.float32)
    for row, tree in enumerate(trees):
        nodes = [0] * (2 * inner + 1)  # place in the heap -> node of the tree
        for place in range(2 * inner + 1):
            node = nodes[place]
            left, value = tree["left_children"][node], tree["split_conditions"][node]
            if place >= inner:
                leaf[row, place - inner] = value
            elif left < 0:
                nodes[2 * place + 1] = nodes[2 * place + 2] = node
            else:
                feature[row, place], threshold[row, place] = tree["split_indices"][node], value
                nodes[2 * place + 1], nodes[2 * place + 2] = left, tree["right_children"][node]
    return feature, threshold, leaf


def _region(patches: torch.Tensor, fake: Labels, progress: Progress | None) -> tuple[Region, list[Tables]]:
    """Patches (n, 3, 32, 32) of one region with labels (n,) -> its filters and spatial PCA, each channel's trees."""
    spread = np.linspace(0, len(patches) - 1, min(len(patches), FITTED_ON)).round().astype(np.intp)
    hops, spatial = [Hop(hop) for hop in saab.fit(patches[spread].numpy())], []
    stumps: list[Tables] = []
    for number, hop in enumerate(hops):
        patches = _batched(hop, patches)
        axes, trees = zip(*(_channel(maps, fake) for maps in patches.flatten(2).numpy().swapaxes(0, 1)), strict=True)
        spatial.append(
            Spatial(np.concatenate(axes), np.repeat(np.arange(len(axes), dtype=np.int16), list(map(len, axes))))
        )
        stumps += trees
        if progress is not None:
            progress((number + 1) / len(hops), f"hop {number + 1}/{len(hops)}")
    return Region(hops, spatial), stumps


def _channel(maps: Matrix, fake: Labels) -> tuple[Matrix, Tables]:
    """Maps (n, s s) of one channel with labels (n,) -> the principal axes (f, s s) that trees look at, these trees."""
    along = _principal(maps)
    feature, threshold, leaf = tables(boosted(maps @ along.T, fake, 1), 1)
    used, again = np.unique(feature, return_inverse=True)
    return along[used], (again.reshape(feature.shape).astype(np.int16), threshold, leaf)


def _joined(stumps: Sequence[Tables]) -> Forest:
    """The trees of every channel, each looking at its own axes, as one forest that looks at those of all."""
    firsts = np.cumsum([0, *(feature.max() + 1 for feature, _, _ in stumps)]).astype(np.int16)
    moved = [feature + first for (feature, _, _), first in zip(stumps, firsts, strict=False)]
    _, threshold, leaf = zip(*stumps, strict=True)
    return Forest(np.concatenate(moved), np.concatenate(threshold), np.concatenate(leaf))


def _principal(rows: Matrix) -> Matrix:
    """Rows (n, m) -> the principal axes (a, m) that hold 90 % of their energy, in the half precision of export."""
    values, axes = np.linalg.eigh(np.cov(rows.astype(np.float64), rowvar=False))
    energy = np.cumsum(np.maximum(values[::-1], 0))
    count = int(np.searchsorted(energy, SPATIAL * energy[-1])) + 1
    return axes[:, ::-1][:, :count].T.astype(np.float16).astype(np.float32)


def _rows(clips: Sequence[Pictures], length: int) -> NDArray[np.intp]:
    """(r, length) numbers of the frames, counted over all clips, of every run of successive ones in one clip."""
    firsts = np.cumsum([0, *(len(clip.rgb) for clip in clips)])
    return np.concatenate([clip.sequences(length) + first for clip, first in zip(clips, firsts, strict=False)])


def _seen(clip: Pictures, recipe: Recipe, corner: tuple[int, int]) -> torch.Tensor:
    """A clip -> (T, 3, 32, 32) patches of one region in [0, 1]."""
    return _patches(torch.from_numpy(network_input(clip.rgb, recipe)), corner)


def _patches(frames: torch.Tensor, corner: tuple[int, int]) -> torch.Tensor:
    """(n, 3, 128, 128) -> (n, 3, 32, 32): one region at half its size."""
    top, left = corner
    return F.avg_pool2d(frames[:, :, top : top + 2 * PATCH, left : left + 2 * PATCH], 2)


def _batched(module: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What a module makes of (n, ...), a batch at a time."""
    return torch.cat([module(x[first : first + BATCH]) for first in range(0, len(x), BATCH)])


def _paths(depth: int) -> Matrix:
    """(2^depth - 1, 2^depth): which way the path to each leaf turns at each node, -1 left, 1 right, 0 never there."""
    turns = [np.kron(np.eye(2**level), np.repeat((-1, 1), 2 ** (depth - level - 1))) for level in range(depth)]
    return np.concatenate(turns).astype(np.float32)


def _pieces(table: Matrix, rows: int) -> nn.ParameterList:
    """A table in pieces of some rows; nothing of it is learnt by gradients."""
    return nn.ParameterList(nn.Parameter(piece, False) for piece in torch.from_numpy(table).split(rows))  # type: ignore[no-untyped-call]


def _part(progress: Progress | None, number: int) -> Progress | None:
    """The progress of one region within that of all."""
    if progress is None:
        return None
    told = progress
    return lambda share, text: told((number + share) / (len(REGIONS) + 1), f"region {number + 1}, {text}")
