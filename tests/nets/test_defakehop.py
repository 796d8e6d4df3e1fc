"""Does DeFakeHop learn, and does its network say what its parts say? Saab by its algebra, trees by xgboost."""

import itertools
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
xgboost = pytest.importorskip("xgboost")

from sightcheck import weights
from sightcheck.errors import UsageError
from sightcheck.media import Pictures
from sightcheck.nets.export import to_onnx
from sightcheck.nets.video import defakehop, saab
from sightcheck.video.frames import RECIPES, network_input

RECIPE = RECIPES["defakehop"]


def made(synthetic: bool, seed: int, frames: int = 8) -> Pictures:
    """A moving patchwork; that of a synthetic clip has lines over it."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(60, 190, (frames, 16, 16, 3)).repeat(8, 1).repeat(8, 2)
    rgb = coarse + rng.integers(-12, 13, coarse.shape)
    if synthetic:
        rgb[:, ::8] += 50
    return Pictures(tuple(np.arange(frames) / 25), rgb.astype(np.uint8), (0,))


def runs(clip: Pictures) -> Any:
    return torch.from_numpy(network_input(clip.rgb, RECIPE))[clip.sequences(6)]


def say(net: Any, x: Any) -> np.ndarray:
    with torch.no_grad():
        return np.asarray(net(x).numpy())


LABELS = np.array([False, True] * 6)
CLIPS = [made(synthetic, seed) for seed, synthetic in enumerate(LABELS)]


@pytest.fixture(scope="module")
def net() -> Any:
    return defakehop.train(RECIPE, CLIPS, LABELS)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    """(60, 3, 32, 32) in [0, 1]."""
    rng = np.random.default_rng(5)
    return np.cumsum(rng.normal(0, 0.1, (60, 3, 32, 32)), axis=3).astype(np.float32)


def test_saab_kernels_are_a_rotation_whose_first_row_is_constant(pixels: np.ndarray) -> None:
    kernels, energy = saab.kernels(pixels)
    rows = kernels.reshape(27, 27)
    np.testing.assert_allclose(rows @ rows.T, np.eye(27), atol=1e-9)
    np.testing.assert_allclose(rows[0], 27**-0.5)
    np.testing.assert_allclose(rows[1:].sum(1), 0, atol=1e-9)
    assert energy.sum() == pytest.approx(1)
    assert np.all(np.diff(energy[1:]) <= 0)


def test_saab_energy_is_the_share_of_the_variance_of_each_response(pixels: np.ndarray) -> None:
    kernels, energy = saab.kernels(pixels)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (3, 3), axis=(2, 3))
    responses = np.einsum("nchwyx,kcyx->knhw", windows, kernels).reshape(27, -1)
    np.testing.assert_allclose(responses.var(1) / responses.var(1).sum(), energy, atol=1e-6)
    covariance = np.cov(responses[1:])
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 1e-6


def test_patches_that_vary_along_one_axis_only_have_it_as_their_kernel() -> None:
    edge = np.array([[1, 0, -1]] * 3) / 6**0.5  # sums to 0, length 1
    size = np.random.default_rng(0).normal(0, 1, 200)
    kernels, energy = saab.kernels((size[:, None, None, None] * edge[None, None]).astype(np.float32))
    np.testing.assert_allclose(np.abs(kernels[1, 0]), np.abs(edge), atol=1e-6)
    assert energy[1] == pytest.approx(1)


def test_a_channel_goes_on_or_ends_by_its_energy(pixels: np.ndarray) -> None:
    hops = saab.fit(pixels)
    assert [hop.kernels.shape[1:] for hop in hops] == [(3, 3, 3), (1, 3, 3), (1, 3, 3)]
    assert all(len(hop.energy) <= saab.CHANNELS and hop.energy.min() > saab.KEEP for hop in hops)
    for before, hop in itertools.pairwise(hops):
        assert before.energy[hop.parents].min() > saab.SPLIT
        for parent in np.unique(hop.parents):
            assert hop.energy[hop.parents == parent].sum() <= before.energy[parent] + 1e-9


def test_a_number_added_to_a_channel_moves_only_the_dc_of_the_next_hop(pixels: np.ndarray) -> None:
    """The reason why Saab's bias can be left out."""
    first, second, _ = saab.fit(pixels)
    x = first.transform(pixels[:, None])
    moved = second.transform((x + 3)[:, :, None]) - second.transform(x[:, :, None])
    dc = second.kernels.sum((1, 2, 3))
    np.testing.assert_allclose(
        moved, np.broadcast_to(3 * dc[:, None, None], moved.shape[1:])[None].repeat(60, 0), atol=1e-4
    )


def test_constant_patches_have_one_channel() -> None:
    assert [len(hop.energy) for hop in saab.fit(np.full((4, 3, 32, 32), 0.5, np.float32))] == [1, 1, 1]


def test_the_network_filters_as_saab_does(pixels: np.ndarray) -> None:
    x, groups = torch.from_numpy(pixels), pixels[:, None]
    for hop, side in zip(saab.fit(pixels), (15, 7, 3), strict=True):
        x, groups = defakehop.Hop(hop)(x), hop.transform(groups)[:, :, None]
        assert x.shape[2:] == (side, side)
        np.testing.assert_allclose(x.numpy(), groups[:, :, 0], atol=1e-4)


@pytest.mark.parametrize("depth", [1, 3, 6])
def test_a_forest_says_what_xgboost_says(depth: int) -> None:
    rng = np.random.default_rng(depth)
    rows = rng.normal(0, 1, (400, 12)).astype(np.float32)
    fake = rows[:, 0] * rows[:, 1] + rng.normal(0, 0.5, 400) > 0
    booster = defakehop.boosted(rows, fake, depth)
    forest = defakehop.Forest(*defakehop.tables(booster, depth))
    new = np.concatenate([rows, rng.normal(0, 1, (400, 12)).astype(np.float32)])
    margin = booster.predict(xgboost.DMatrix(new), output_margin=True)
    leaves = forest(torch.from_numpy(new))
    assert leaves.shape == (800, 100)
    np.testing.assert_allclose(leaves.sum(1).numpy(), margin, atol=1e-5)


def test_it_tells_unseen_clips_apart(net: Any) -> None:
    unseen = [say(net, runs(made(synthetic, 100 + seed))).mean() for seed, synthetic in enumerate(LABELS)]
    assert np.mean((np.array(unseen) > 0) == LABELS) >= 0.9


def test_its_last_trees_say_what_xgboost_says_on_what_its_regions_say(net: Any) -> None:
    spoken = []
    final = net.forest
    net.forest = Keeping(final, spoken)
    try:
        said = np.concatenate([say(net, runs(clip)) for clip in CLIPS])[:, 0]
    finally:
        net.forest = final
    fake = np.repeat(LABELS, 3)
    booster = defakehop.boosted(np.concatenate(spoken), fake, defakehop.DEPTH)
    margin = booster.predict(xgboost.DMatrix(np.concatenate(spoken)), output_margin=True)
    np.testing.assert_allclose(said, margin, atol=1e-5)


class Keeping(torch.nn.Module):
    """A module that writes down what it is given."""

    def __init__(self, inner: Any, seen: list[np.ndarray]) -> None:
        super().__init__()
        self.inner, self.seen = inner, seen

    def forward(self, x: Any) -> Any:
        self.seen.append(x.numpy())
        return self.inner(x)


def test_it_reaches_onnx_runtime_unchanged(net: Any) -> None:
    before = say(net, runs(CLIPS[1]))
    network, golden = to_onnx(net, (2, 6, 3, 128, 128))
    np.testing.assert_array_equal(say(net, runs(CLIPS[1])), before)  # nothing that decides was rounded
    session = weights.session(network)
    for clip in (CLIPS[0], CLIPS[1], made(True, 200, 12)):
        found = session.run(None, {"input": runs(clip).numpy()})[0]
        np.testing.assert_allclose(found, say(net, runs(clip)), atol=1e-5)
    assert golden.shape == (2, 1)
    assert len(network) < 2**20


def test_it_learns_the_same_twice_and_tells_how_far_it_is(net: Any) -> None:
    told: list[float] = []
    again = defakehop.train(RECIPE, CLIPS, LABELS, lambda share, text: told.append(share)).state_dict()
    assert all(torch.equal(value, again[name]) for name, value in net.state_dict().items())
    assert told == sorted(told)
    assert told[-1] == 1


def test_its_numbers_are_counted_as_in_the_paper(net: Any) -> None:
    trees = sum(4 * 100 * len(hop.parents) for region in net.regions for hop in region.hops) + 190 * 100
    axes = sum(spatial.axes.numel() for region in net.regions for spatial in region.spatial)
    kernels = sum(hop.kernels.numel() for region in net.regions for hop in region.hops)
    assert defakehop.parameters(net) == trees + axes + kernels


def test_runs_of_frames_stay_within_a_window_and_clips_without_one_are_told() -> None:
    short = Pictures((0.0,) * 8, np.zeros((8, 128, 128, 3), np.uint8), (0, 4))
    with pytest.raises(UsageError, match="runs of 6 frames"):
        defakehop.train(RECIPE, [short, short], np.array([True, False]))
