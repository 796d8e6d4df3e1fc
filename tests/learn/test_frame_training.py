"""Does a table of clips become a network that answers where PyTorch is not?"""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import weights
from sightcheck.errors import BrokenInstallation, UsageError

torch = pytest.importorskip("torch", reason="needs the train extra")

from threadpoolctl import threadpool_limits

from sightcheck.learn import recipes
from sightcheck.learn.video.frames import every_core
from sightcheck.learn.video.trained import UNTESTED, Clips
from sightcheck.nets.loop import Schedule, fit
from sightcheck.nets.video import frames as networks
from sightcheck.video import frames, reference

nn = torch.nn
TINY = "test_efficientnet"
RECIPES = ("frames", "xception-scratch", "resnet-lstm", "defakehop")
EACH = 6
CALL = "from sightcheck.cli.app import main; main()"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folders, empty; networks of the thesis made tiny."""
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path / "cache"))
    for name, own in networks.TRAININGS.items():
        small = replace(frames.RECIPES[name], height=64, width=64)
        monkeypatch.setitem(frames.RECIPES, name, small)
        schedule = replace(own.schedule, batch=8, rate=3e-3)
        tiny = replace(own, recipe=small, backbone=TINY, pretrained=False, schedule=schedule)
        monkeypatch.setitem(networks.TRAININGS, name, tiny)
    return tmp_path / "home"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six clips of each label, each of its own source; the synthetic ones are brighter. The last file is no clip."""
    folder = tmp_path_factory.mktemp("clips")
    rows = ["path,label,kind,generator,source"]
    for at in range(2 * EACH):
        synthetic = at % 2 == 1
        yuv = moving_picture(12, 96, 64, at).astype(np.int16)
        yuv[:, :64] = (yuv[:, :64] // 3 + 120 * synthetic).clip(0, 255)
        write_video(folder / f"{at}.mp4", yuv.astype(np.uint8))
        rows.append(f"{at}.mp4,{'fake' if synthetic else 'real'},street,{f'g{at}' if synthetic else ''},s{at}")
    (folder / "no.mp4").write_bytes(b"no clip")
    (folder / "clips.csv").write_text("\n".join([*rows, "no.mp4,real,street,,s99"]) + "\n")
    return folder / "clips.csv"


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_recipe_trains_and_answers_without_torch(recipe: str, home: Path, table: Path, tmp_path: Path) -> None:
    heard: list[float] = []
    asked = Clips(recipe, name="tiny", epochs=2, frames=2, folds=2 if recipe == "xception-scratch" else 0)
    folder = recipes.on_clips(asked, [table], lambda done, what: heard.append(done))
    assert heard == sorted(heard)
    card = weights.card(folder)
    assert (card.name, card.method) == ("tiny", "frames")
    assert [one.split(":")[0] for one in card.left_out] == ["no.mp4"]
    known = reference.from_arrays(weights.load("tiny").arrays)
    assert len(known.clips) == 2 * EACH
    if asked.folds:
        assert np.isfinite(known.held_out).all()
        assert [one.scope for one in card.controls] == ["metadata only", "length only"]
        assert not any(home.glob("runs/*"))
    else:
        assert known.calibration is None
        assert UNTESTED in card.limits
    evidence = answer_without_torch(table.parent, "tiny", tmp_path)
    assert 0 not in {one["score"] for one in evidence}
    assert all(one["log10_lr"] is None for one in evidence)


def answer_without_torch(clips: Path, name: str, tmp_path: Path) -> list[dict[str, float | None]]:
    """What a detector says of two clips in a process in which neither torch nor its kin can be imported."""
    for module in ("torch", "torchvision", "timm", "lightning", "onnx", "xgboost"):
        (tmp_path / f"{module}.py").write_text("raise ImportError('not here')")
    done = subprocess.run(
        [sys.executable, "-c", CALL, "video", "--detector", name, "--json", clips / "0.mp4", clips / "1.mp4"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    reports = json.loads(done.stdout)["reports"]
    return [one for report in reports for verdict in report["verdicts"] for one in verdict["evidence"]]


def test_what_is_learnt_is_said_of_new_clips(home: Path, table: Path) -> None:
    recipes.on_clips(Clips("frames", name="head"), [table])
    known = reference.from_arrays(weights.load("head").arrays)
    assert known.held_out[known.synthetic].min() > known.held_out[~known.synthetic].max()
    assert known.calibration is not None
    auc = next(one for one in weights.card(weights.find("head")).metrics if one.scope == "generator held out")
    assert auc.value == 1


def test_a_name_that_is_taken_and_clips_of_one_label_are_told(home: Path, table: Path) -> None:
    with pytest.raises(UsageError, match="bundled"):
        recipes.on_clips(Clips("xception-scratch", name="backbone"), [table])
    lines = [line for line in table.read_text().splitlines() if ",fake," not in line]
    table.with_name("reals.csv").write_text("\n".join(lines))
    with pytest.raises(UsageError, match="both labels"):
        recipes.on_clips(Clips("xception-scratch"), [table.with_name("reals.csv")])


def test_weights_that_cannot_be_fetched_are_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    def offline(name: str, **asked: object) -> None:
        raise OSError("no route")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(BrokenInstallation, match=f"ImageNet weights of {TINY}"):
        networks.made(replace(networks.TRAININGS["efficientnet-b3"], pretrained=True))


class Stopped(Exception):
    """Someone pulled the plug."""


class Dropping(nn.Module):
    """A convolution, so that its layout changes; batch statistics and dropout, so that all state counts."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout(0.5), nn.Flatten(), nn.Linear(8 * 36, 2)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)  # type: ignore[no-any-return]


def trained(folder: Path, schedule: Schedule, stop: int = 0, validated: bool = False) -> tuple[nn.Module, list[int]]:
    """A small network, and the epochs it went through; with `stop`, pulled out in the middle of that epoch."""
    folder.mkdir(exist_ok=True)
    torch.manual_seed(5)
    net, went = Dropping(), []
    x, y = torch.randn(24, 3, 8, 8), torch.randint(0, 2, (24,))

    def data(epoch: int) -> torch.utils.data.TensorDataset:
        went.append(epoch)
        return torch.utils.data.TensorDataset(x, y)

    def told(done: float, what: str) -> None:
        if stop and what.startswith(f"epoch {stop}/") and done * schedule.epochs > stop - 0.5:
            raise Stopped

    def loss(net: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return nn.functional.cross_entropy(net(batch[0]), batch[1])

    def validate(net: nn.Module) -> float:
        with torch.no_grad():
            return float(loss(net, (x[:8], 1 - y[:8])))  # on wrong labels it only rises

    fit(net, data, loss, schedule, folder, told, validate if validated else None)
    return net, went


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("validated", [False, True])
def test_a_stopped_run_comes_to_the_same_weights_to_the_bit(optimizer: str, validated: bool, tmp_path: Path) -> None:
    schedule = Schedule(4, 6, 0.01, optimizer=optimizer, milestones=(2,), patience=3)  # type: ignore[arg-type]
    whole, _ = trained(tmp_path / "whole", schedule, validated=validated)
    with pytest.raises(Stopped):
        trained(tmp_path / "parts", schedule, stop=3, validated=validated)
    parts, went = trained(tmp_path / "parts", schedule, validated=validated)
    assert went[0] == 2
    for key, value in whole.state_dict().items():
        assert torch.equal(value, parts.state_dict()[key]), key


def test_patience_counts_on_after_a_stop(tmp_path: Path) -> None:
    schedule = Schedule(30, 6, 0.05, optimizer="adam", patience=3)
    whole, went = trained(tmp_path / "whole", schedule, validated=True)
    assert 3 < len(went) < 30
    with pytest.raises(Stopped):
        trained(tmp_path / "parts", schedule, stop=len(went), validated=True)
    parts, rest = trained(tmp_path / "parts", schedule, validated=True)
    assert rest == went[-1:]
    assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), parts.parameters(), strict=True))
    assert trained(tmp_path / "parts", schedule, validated=True)[1] == []


def test_a_checkpoint_that_was_cut_short_is_not_taken(tmp_path: Path) -> None:
    schedule = Schedule(2, 6, 0.01)
    trained(tmp_path, schedule)
    assert {path.name for path in tmp_path.iterdir()} == {"last.ckpt"}


def test_kernels_lie_as_processors_read_them(tmp_path: Path) -> None:
    net, _ = trained(tmp_path, Schedule(1, 6, 0.01))
    assert net.layers[0].weight.is_contiguous(memory_format=torch.channels_last)  # type: ignore[index,union-attr]


def test_classes_weigh_alike_even_where_a_batch_holds_one(home: Path) -> None:
    logits, weights_ = torch.tensor([[0.0, 2.0], [0.0, 2.0]]), torch.tensor([1.5, 0.75])
    real, fake = (float(networks._loss(logits, torch.full((2,), label), weights_)) for label in (0, 1))
    each = -torch.log_softmax(logits[0], 0)
    assert (real, fake) == pytest.approx((1.5 * float(each[0]), 0.75 * float(each[1])))


def test_networks_train_on_every_core_where_small_fits_are_held_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with threadpool_limits(1):
        assert torch.get_num_threads() == 1
        with every_core():
            assert torch.get_num_threads() == 2
