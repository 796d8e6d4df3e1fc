"""Which small patterns do patches of pictures consist of? The channel-wise Saab transform, learnt without labels."""

from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Maps = NDArray[np.float32]
Values = NDArray[np.float64]

SIDE = 3
"""Rows and columns of a kernel."""
HOPS, CHANNELS = 3, 10
SPLIT, KEEP = 0.01, 0.001
"""A channel with more than SPLIT of the patches' energy goes on to the next hop; one with no more than KEEP is dropped.
"""


@dataclass(frozen=True)
class Hop:
    """One hop: k filters on the channels that come in, then a 2 x 2 max-pool.

    `kernels` (k, c, 3, 3) have length 1 and, of those with one parent, stand at right angles; `parents` (k,): which
    group of c channels of the hop before each reads; `energy` (k,): its share of the energy of the patches.
    """

    kernels: Maps
    parents: NDArray[np.intp]
    energy: Values

    def transform(self, x: Maps) -> Maps:
        """(n, groups, c, H, W) -> (n, k, ceil((H - 2) / 2), ceil((W - 2) / 2)).

        The bias that keeps Saab's responses positive is left out: it adds one number to all responses of a channel,
        which neither max-pooling, nor the DC removal of the next hop, nor a threshold learnt behind it would notice.
        """
        height, width = x.shape[3] - SIDE + 1, x.shape[4] - SIDE + 1
        found = np.zeros((len(x), len(self.parents), height, width), np.float32)
        for dy, dx in product(range(SIDE), repeat=2):
            moved = x[:, self.parents, :, dy : dy + height, dx : dx + width]
            found += np.einsum("nkchw,kc->nkhw", moved, self.kernels[:, :, dy, dx])
        even = np.pad(found, ((0, 0), (0, 0), (0, height % 2), (0, width % 2)), constant_values=-np.inf)
        return np.asarray(even.reshape(*even.shape[:2], even.shape[2] // 2, 2, -1, 2).max((3, 5)))


def fit(patches: Maps) -> tuple[Hop, ...]:
    """Patches (n, 3, H, W) -> three hops; the first reads the three colours together, each later one single channels.

    Saab: Kuo et al. 2019; channel by channel: Chen et al. 2020 (PixelHop++); its setting in DeFakeHop: 5.3.2.
    """
    hops: list[Hop] = []
    x, energy = patches[:, None], np.ones(1)  # (n, groups, c, H, W), (groups,)
    for _ in range(HOPS):
        hops.append(_hop(x, energy))
        x, energy = hops[-1].transform(x)[:, :, None], hops[-1].energy
    return tuple(hops)


def kernels(x: Maps) -> tuple[Values, Values]:
    """(n, c, H, W) -> m = 9 c kernels (m, c, 3, 3) and their shares of the energy (m,): first DC, then AC falling.

    The DC kernel is constant; the AC kernels are the principal axes of the windows with their DC taken away.
    """
    covariance = _covariance(x)
    count = len(covariance)
    dc = np.full((count, 1), count**-0.5)
    away = np.eye(count) - dc @ dc.T
    within = away @ covariance @ away
    # DC gets the lowest eigenvalue, below those of axes that the windows never use
    values, axes = np.linalg.eigh((within + within.T) / 2 - (1 + np.trace(within)) * dc @ dc.T)
    ac = axes[:, :0:-1].T  # (m - 1, m)
    ac *= np.sign(ac[np.arange(count - 1), np.abs(ac).argmax(1)])[:, None]
    least = 1e-12  # patches that never change have all their energy in DC
    energy = np.concatenate([(dc.T @ covariance @ dc)[0] + least, np.maximum(values[:0:-1], 0)])
    return np.concatenate([dc.T, ac]).reshape(count, x.shape[1], SIDE, SIDE), energy / energy.sum()


def _hop(x: Maps, energy: Values) -> Hop:
    """The strongest channels that the strong groups (n, groups, c, H, W) split into."""
    split = np.flatnonzero(energy > SPLIT)
    found, shares = zip(*(kernels(x[:, group]) for group in split), strict=True)
    every, parents = np.concatenate(found), np.repeat(split, [len(one) for one in found])
    energies = np.concatenate([energy[group] * share for group, share in zip(split, shares, strict=True)])
    strongest = np.argsort(-energies, kind="stable")[:CHANNELS]
    kept = strongest[energies[strongest] > KEEP]
    return Hop(every[kept].astype(np.float32), parents[kept], energies[kept])


def _covariance(x: Maps) -> Values:
    """(n, c, H, W) -> (9 c, 9 c) of all 3 x 3 windows."""
    width = x.shape[1] * SIDE * SIDE
    total, square, count = np.zeros(width), np.zeros((width, width)), 0
    for first in range(0, len(x), 64):  # the windows of all patches at once would not fit
        windows = sliding_window_view(x[first : first + 64], (SIDE, SIDE), axis=(2, 3))
        rows = windows.transpose(0, 2, 3, 1, 4, 5).reshape(-1, width).astype(np.float64)
        total, square, count = total + rows.sum(0), square + rows.T @ rows, count + len(rows)
    mean = total / count
    return np.asarray(square / count - np.outer(mean, mean))
