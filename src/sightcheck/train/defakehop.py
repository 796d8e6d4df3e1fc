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
from sightcheck.train import saab
from sightcheck.video.frames import Recipe, network_input

Matrix = NDArray[np.float32]
Labels = NDArray[np.bool_]
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


class Trees(nn.Module):
    """(n, features) -> (n, trees) leaf values of t complete trees of one depth, a table's row being a tree.

    `feature`, `threshold` (t, 2^depth - 1) stand in the order of a heap, `leaf` (t, 2^depth) from left to right.
    """

    def __init__(self, feature: NDArray[np.int16], threshold: Matrix, leaf: Matrix) -> None:
        super().__init__()
        self.depth = int(leaf.shape[1]).bit_length() - 1
        self.register_buffer("feature", torch.from_numpy(feature))
        self.register_buffer("threshold", torch.from_numpy(threshold))
        self.register_buffer("leaf", torch.from_numpy(leaf))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, features) -> (n, t)."""
        count, inner = self.threshold.shape
        right = (x[:, self.feature.long().flatten()] >= self.threshold.flatten()).long()
        right = right.reshape(-1, count, inner)
        at = right[:, :, 0] + 1  # (n, t) numbers of nodes in the heap
        for _ in range(self.depth - 1):
            at = 2 * at + 1 + right.gather(2, at[:, :, None])[:, :, 0]
        first = torch.arange(count) * (inner + 1) - inner
        return self.leaf.flatten()[at + first]


class Forest(nn.ModuleList):
    """Trees in groups whose tables have at most 1,024 numbers, which export leaves in single precision."""

    def __init__(self, feature: NDArray[np.int16], threshold: Matrix, leaf: Matrix) -> None:
        size = 1024 // leaf.shape[1]
        groups = [slice(first, first + size) for first in range(0, len(leaf), size)]
        super().__init__(Trees(feature[group], threshold[group], leaf[group]) for group in groups)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, features) -> (n, trees) leaf values."""
        return torch.cat([trees(x) for trees in self], 1)


class Hop(nn.Module):
    """(n, c, H, W) -> (n, k, H', W'): the filters of one Saab hop and the max-pool behind them, as in saab.Hop."""

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
            x = F.conv2d(x[:, self.parents.long()], self.kernels, groups=len(self.parents))
        return F.max_pool2d(x, 2, ceil_mode=True)


class Soft(nn.Module):
    """(n, k, s, s) channels of one hop -> (n, k) P(fake) by each: spatial PCA, then trees of one split.

    `axes` (f, s s) are the principal axes that a tree looks at, `channel` (f,) says of which channel.
    """

    def __init__(self, axes: Matrix, channel: NDArray[np.int16], forest: Forest) -> None:
        super().__init__()
        self.forest = forest
        self.register_buffer("axes", torch.from_numpy(axes))
        self.register_buffer("channel", torch.from_numpy(channel))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, k, s, s) -> (n, k)."""
        maps = x.flatten(2)[:, self.channel.long()]  # (n, f, s s)
        leaves = self.forest((maps * self.axes).sum(2))
        return torch.sigmoid(leaves.reshape(-1, x.shape[1], TREES).sum(2))


class Region(nn.Module):
    """(n, 3, 32, 32) patches of one region -> (n, channels of all hops) P(fake)."""

    def __init__(self, hops: Sequence[Hop], softs: Sequence[Soft]) -> None:
        super().__init__()
        self.hops, self.softs = nn.ModuleList(hops), nn.ModuleList(softs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, 32, 32) -> (n, channels)."""
        said = []
        for hop, soft in zip(self.hops, self.softs, strict=True):
            x = hop(x)
            said.append(soft(x))
        return torch.cat(said, 1)


class DeFakeHop(nn.Module):
    """(n, 6, 3, 128, 128) runs of frames in [0, 1] -> (n, 1) logits of P(fake)."""

    def __init__(self, regions: Sequence[Region], forest: Forest) -> None:
        super().__init__()
        self.regions, self.forest = nn.ModuleList(regions), forest

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 6, 3, 128, 128) -> (n, 1)."""
        frames = x.flatten(0, 1)
        said = [region(_patches(frames, corner)) for region, corner in zip(self.regions, REGIONS, strict=True)]
        row = x.shape[1] * sum(one.shape[1] for one in said)
        return self.forest(torch.cat(said, 1).reshape(-1, row)).sum(1, keepdim=True)


def train(recipe: Recipe, clips: Sequence[Pictures], synthetic: Labels, progress: Progress | None = None) -> nn.Module:
    """Clips (n) of 128 x 128 frames with labels (n,) -> DeFakeHop (Chen et al. 2021; 5.3.2), the same in every run.

    Raises UsageError where no clip has as many frames in a row as the recipe asks for.
    """
    rows = _rows(clips, recipe.sequence)
    if not len(rows):
        raise UsageError(
            f"DeFakeHop learns from runs of {recipe.sequence} frames, and no clip has one: give longer clips"
        )
    counts = [len(clip.rgb) for clip in clips]
    fake = np.repeat(np.asarray(synthetic, bool), counts)
    regions, said = [], []
    with torch.no_grad():
        for number, corner in enumerate(REGIONS):
            patches = torch.cat([_seen(clip, recipe, corner) for clip in clips])
            regions.append(_region(patches, fake, _part(progress, number)))
            said.append(torch.cat([regions[-1](part) for part in patches.split(BATCH)]).numpy())
    features = np.concatenate(said, 1)[rows].reshape(len(rows), -1)
    forest = _tables(boosted(features, fake[rows[:, 0]], DEPTH), DEPTH)
    if progress is not None:
        progress(1.0, "trees on what the regions say")
    return DeFakeHop(regions, Forest(*forest)).eval()


def parameters(net: nn.Module) -> int:
    """How many numbers a DeFakeHop has: those of filters and spatial PCA, 2 for each split of a tree, 1 for each leaf.

    Trees count as complete, as in the paper (4 numbers for one of depth 1, 190 for one of depth 6). Its sum of 42,845
    is that of one region whose channels share one PCA a hop; here every region and channel counts.
    """
    counted = ("kernels", "axes", "feature", "threshold", "leaf")
    return sum(value.numel() for name, value in net.state_dict().items() if name.rpartition(".")[2] in counted)


def boosted(features: Matrix, fake: Labels, depth: int) -> xgboost.Booster:
    """Rows (n, f) with labels (n,) -> 100 boosted trees of one depth.

    The exact search puts a threshold midway between two rows, so the last bits of a sum do not decide.
    """
    settings = {"objective": "binary:logistic", "base_score": 0.5, "max_depth": depth, "eta": RATE}
    fixed = {"tree_method": "exact", "nthread": 1, "seed": 0, "verbosity": 0}
    return xgboost.train(settings | fixed, xgboost.DMatrix(features, fake.astype(np.float32), nthread=1), TREES)


def _region(patches: torch.Tensor, fake: Labels, progress: Progress | None) -> Region:
    """Patches (n, 3, 32, 32) of one region with labels (n,) -> its filters, spatial PCA and trees."""
    spread = np.linspace(0, len(patches) - 1, min(len(patches), FITTED_ON)).round().astype(np.intp)
    hops, softs = [Hop(hop) for hop in saab.fit(patches[spread].numpy())], []
    for number, hop in enumerate(hops):
        patches = torch.cat([hop(part) for part in patches.split(BATCH)])
        softs.append(_soft(patches.numpy(), fake))
        if progress is not None:
            progress((number + 1) / len(hops), f"hop {number + 1}/{len(hops)}")
    return Region(hops, softs)


def _soft(maps: Matrix, fake: Labels) -> Soft:
    """Maps (n, k, s, s) of one hop with labels (n,) -> the k classifiers of its channels."""
    axes, channel, tables = [], [], []
    for number in range(maps.shape[1]):
        rows = maps[:, number].reshape(len(maps), -1)
        along = _principal(rows)
        feature, threshold, leaf = _tables(boosted(rows @ along.T, fake, 1), 1)
        used, again = np.unique(feature, return_inverse=True)
        tables.append((again.reshape(feature.shape) + sum(map(len, axes)), threshold, leaf))
        axes.append(along[used])
        channel += [number] * len(used)
    feature, threshold, leaf = (np.concatenate(part) for part in zip(*tables, strict=True))
    return Soft(np.concatenate(axes), np.array(channel, np.int16), Forest(feature.astype(np.int16), threshold, leaf))


def _principal(rows: Matrix) -> Matrix:
    """Rows (n, m) -> the principal axes (a, m) that hold 90 % of their energy, in the half precision of export."""
    values, axes = np.linalg.eigh(np.cov(rows.astype(np.float64), rowvar=False))
    energy = np.cumsum(np.maximum(values[::-1], 0))
    count = int(np.searchsorted(energy, SPATIAL * energy[-1])) + 1
    return axes[:, ::-1][:, :count].T.astype(np.float16).astype(np.float32)


def _tables(booster: xgboost.Booster, depth: int) -> tuple[NDArray[np.int16], Matrix, Matrix]:
    """Boosted trees -> `feature`, `threshold` and `leaf` of Trees; an early leaf stands at all ends below it."""
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


def _part(progress: Progress | None, number: int) -> Progress | None:
    """The progress of one region within that of all."""
    if progress is None:
        return None
    told = progress
    return lambda share, text: told((number + share) / (len(REGIONS) + 1), f"region {number + 1}, {text}")
