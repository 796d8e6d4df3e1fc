"""Does the network on residuals learn from pairs, and is what it learns what is asked later?"""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import weights
from sightcheck.data import chains
from sightcheck.data.manifest import Item
from sightcheck.errors import Damaged
from sightcheck.learn.video import residual as recipe
from sightcheck.learn.video.contenders import contender
from sightcheck.video import residual
from sightcheck.video.residual import SIDE

torch = pytest.importorskip("torch", reason="needs the train extra")

from sightcheck.nets.loop import Schedule
from sightcheck.nets.video import residual as training

QUICK = Schedule(epochs=6, batch=8, rate=3e-3, optimizer="adam")
SYNTHETIC = np.array([False, True] * 3)
UNITS = np.array([str(at) for at in range(6)])
PAIRS = [(0, 1), (2, 3)]


def patches(synthetic: bool, seed: int, count: int = 3) -> np.ndarray:
    """(2, k, 3, 3S/2, S): noise, finer where it is synthetic."""
    draw = np.random.default_rng(seed)
    luma = draw.integers(80, 120, (2, count, 3, SIDE, SIDE // 4)).repeat(4, -1)
    luma = luma + draw.integers(-25 * synthetic, 1 + 25 * synthetic, (2, count, 3, SIDE, SIDE))
    return np.concatenate([luma, np.full((2, count, 3, SIDE // 2, SIDE), 128)], 3).clip(0, 255).astype(np.uint8)


CLIPS = [patches(synthetic, at) for at, synthetic in enumerate(SYNTHETIC)]


def test_the_loss_falls_and_the_labels_come_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "COUPLES", 24)
    couples = training.drawn(SYNTHETIC, UNITS, PAIRS, 0)
    data = training.Couples(CLIPS, couples, 99)
    batch = tuple(torch.stack(column) for column in zip(*(data[at] for at in range(12)), strict=True))
    torch.manual_seed(0)
    net = training.Residual().eval()
    before = lost(net, batch)
    net = training.train(CLIPS, SYNTHETIC, UNITS, PAIRS, tmp_path, None, QUICK).eval()
    assert lost(net, batch) < before / 2
    said = [training.speak(net, clip[0]).mean() for clip in CLIPS]
    assert min(said[1::2]) > max(said[::2])


def lost(net: "torch.nn.Module", batch: tuple["torch.Tensor", ...]) -> float:
    with torch.no_grad():
        return float(training.loss(net, batch))


def test_the_network_is_as_small_as_is_said() -> None:
    net = training.Residual()
    assert round(sum(one.numel() for one in net.parameters()) / 1000) == 222
    assert net(torch.zeros(2, residual.CHANNELS, SIDE, SIDE)).shape == (2, 1)


def test_half_of_the_couples_are_aligned_and_units_weigh_as_the_root_of_their_clips() -> None:
    synthetic = np.array([False] * 9 + [True] * 10)
    units = np.array(["few"] + ["many"] * 8 + ["one"] + ["nine"] * 9)
    aligned = [(0, 9), *((at, at + 9) for at in range(1, 9))]
    found = training.drawn(synthetic, units, aligned, 0)
    assert found == training.drawn(synthetic, units, aligned, 0) != training.drawn(synthetic, units, aligned, 1)
    assert len(found) == training.COUPLES
    assert sum(one.aligned for one in found) == training.COUPLES // 2
    assert {(one.real, one.fake) for one in found if one.aligned} == {*aligned}
    assert all(not synthetic[one.real] and synthetic[one.fake] for one in found)
    alone = Counter(units[one.real] for one in found if not one.aligned)
    assert alone["many"] / alone["few"] == pytest.approx(np.sqrt(8), rel=0.15)
    together = Counter(units[one.fake] for one in found if one.aligned)
    assert together["nine"] / together["one"] == pytest.approx(np.sqrt(8), rel=0.15)
    assert not any(one.aligned for one in training.drawn(synthetic, units, (), 0))
    assert len(training.drawn(synthetic, units, (), 0)) == training.COUPLES


def test_an_aligned_couple_is_of_one_place_and_one_chain_and_is_flipped_alike() -> None:
    """Every patch differs, so what is given tells where it came from."""
    clip = patches(True, 7, count=5)
    data = training.Couples([clip, clip], [training.Couple(0, 1, True)] * 30, 0)
    given = [data[at][0] for at in range(30)]
    assert all(torch.equal(real, fake) for real, fake in given)
    assert len({one.numpy().tobytes() for one in given}) > 5
    assert all(float(data[at][1]) == 1 for at in range(3))
    others = training.Couples([clip, clip], [training.Couple(0, 1, False)] * 30, 0)
    assert any(not torch.equal(*others[at][0]) for at in range(30))
    assert float(others[0][1]) == 0


def test_the_loss_is_of_labels_and_of_the_order_of_aligned_couples_alone() -> None:
    class Given(torch.nn.Module):
        def forward(self, x: object) -> "torch.Tensor":
            return torch.tensor([[1.0], [0.5], [-1.0], [2.0]])

    def soft(value: float) -> float:
        return float(np.log1p(np.exp(value)))

    labels = (soft(1.0) + soft(-0.5) + soft(-1.0) + soft(-2.0)) / 4
    for aligned, order in (([0, 0], 0.0), ([1, 0], soft(0.5) / 2), ([1, 1], (soft(0.5) + soft(-3.0)) / 2)):
        found = training.loss(Given(), (torch.zeros(2, 2, 1), torch.tensor(aligned)))
        assert float(found) == pytest.approx(labels + training.RANKING * order, rel=1e-5)


@pytest.fixture
def twins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Item]:
    """A clip and its edit, in one scene, and the edit again in another."""
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    plain = moving_picture(8, 208, 104)
    edit = plain.copy()
    edit[:, :104] ^= 4
    for name, yuv in (("real", plain), ("fake", edit)):
        write_video(tmp_path / f"{name}.mp4", yuv, crf="1")
    real = Item(path=str(tmp_path / "real.mp4"), label="real", group="one", source="s", width=208, height=104)
    fake = replace(real, path=str(tmp_path / "fake.mp4"), label="fake")
    return [real, fake, replace(fake, group="two")]


def test_clips_of_a_scene_pass_one_chain_and_are_cut_at_one_place(
    twins: list[Item], monkeypatch: pytest.MonkeyPatch
) -> None:
    method = contender("residual")
    real, fake, other = (method.read(item) for item in twins)
    shape = (recipe.VARIANTS, real.taught.shape[1], 3, SIDE * 3 // 2, SIDE)
    assert real.taught.shape == fake.taught.shape == shape
    assert len(real.asked) == len(real.times_s) > 0
    luma = (slice(None), slice(None), slice(None), slice(SIDE))
    off = np.abs(real.taught[luma].astype(int) - fake.taught[luma]).mean()
    assert 1 < off < 8, "what differs is the edit, as far as the chain left it"
    apart = np.abs(other.taught[luma].astype(int) - fake.taught[luma]).mean()
    assert apart > 0, "the same file in another scene passes other chains"
    np.testing.assert_array_equal(other.asked, fake.asked)
    monkeypatch.setattr(chains, "passed", None)
    monkeypatch.setattr(recipe, "cut", None)
    np.testing.assert_array_equal(method.read(twins[0]).taught, real.taught)


def test_a_clip_that_is_too_small_is_told(twins: list[Item], tmp_path: Path) -> None:
    path = write_video(tmp_path / "small.mp4", moving_picture(8, 160, 64))
    with pytest.raises(Damaged, match="96 pixels"):
        contender("residual").read(replace(twins[0], path=str(path)))


def test_what_is_exported_speaks_as_the_trained_network(
    twins: list[Item], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "COUPLES", 12)
    method = contender("residual", epochs=1)
    clips = [method.read(item) for item in twins[:2]]
    fitted = method.fit(clips, SYNTHETIC[:2], UNITS[:2])
    assert fitted.parameters == sum(one.numel() for one in training.Residual().parameters())
    session = weights.session(fitted.export()[0])
    for clip in clips:
        spoken = fitted.speak(clip)
        np.testing.assert_allclose(residual.speak(session, clip.asked), spoken.fake, atol=2e-3)
        np.testing.assert_array_equal(spoken.spans_s[:, 0], clip.times_s)
    assert fitted.size_bytes() < 600_000
    assert not [*(tmp_path / "home/runs").iterdir()]
