"""Do the detectors that are compared learn, resume to the bit and answer alike in ONNX?"""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import weights
from sightcheck.data.manifest import Item
from sightcheck.errors import BrokenInstallation, Damaged, InputError, UsageError
from sightcheck.learn.video import contenders
from sightcheck.learn.video.contenders import Bodies, contender
from sightcheck.media import Pictures
from sightcheck.protocol.contender import WHOLE
from sightcheck.video import frames

torch = pytest.importorskip("torch")

from sightcheck.nets.loop import Schedule
from sightcheck.nets.video import frames as training

SMALL = "test_efficientnet"
SYNTHETIC = np.array([False, True] * 3)
UNITS = np.array([str(at) for at in range(6)])


def pictures(synthetic: bool, seed: int, side: int = 64, count: int = 9) -> Pictures:
    """Frames of noise, brighter where they are synthetic."""
    draw = np.random.default_rng(seed)
    rgb = draw.integers(0, 128, (count, side, side, 3), dtype=np.uint8) + np.uint8(100 * synthetic)
    return Pictures(tuple(at / 10 for at in range(count)), rgb, (0,))


def small(name: str, **changes: object) -> training.Training:
    """A training of the thesis on a tiny network and tiny frames."""
    own = training.TRAININGS[name]
    schedule = replace(own.schedule, epochs=3, batch=4, rate=1e-3)
    recipe = replace(own.recipe, height=64, width=64)
    return replace(
        own, recipe=recipe, backbone=SMALL, pretrained=False, schedule=replace(schedule, **changes), frames=3
    )


CLIPS = [pictures(synthetic, at) for at, synthetic in enumerate(SYNTHETIC)]


@pytest.mark.parametrize("name", [*training.TRAININGS])
@pytest.mark.parametrize("validated", [False, True])
def test_a_stopped_training_goes_on_to_the_same_weights_to_the_bit(name: str, validated: bool, tmp_path: Path) -> None:
    how = small(name, patience=2)
    checked = (CLIPS[:2], SYNTHETIC[:2]) if validated else None

    def stop(done: float, what: str) -> None:
        if what.startswith("epoch 2"):
            raise KeyboardInterrupt

    whole = training.train(how, CLIPS, SYNTHETIC, checked, folder(tmp_path / "whole"))
    with pytest.raises(KeyboardInterrupt):
        training.train(how, CLIPS, SYNTHETIC, checked, folder(tmp_path / "parts"), stop)
    parts = training.train(how, CLIPS, SYNTHETIC, checked, folder(tmp_path / "parts"))
    for (key, one), other in zip(whole.state_dict().items(), parts.state_dict().values(), strict=True):
        assert torch.equal(one, other), key


def folder(path: Path) -> Path:
    path.mkdir(exist_ok=True)
    return path


def test_training_stops_when_the_loss_no_longer_falls(tmp_path: Path) -> None:
    heard: list[str] = []
    how = small("xception", epochs=20, patience=2, rate=0.0)
    training.train(how, CLIPS, SYNTHETIC, (CLIPS, SYNTHETIC), tmp_path, lambda done, what: heard.append(what))
    epochs = {what.split(",")[0] for what in heard}
    # a rate of zero: only running statistics change, so the validation loss soon stops falling
    assert len(epochs) < 20


@pytest.mark.parametrize("name", [*training.TRAININGS])
def test_what_is_exported_speaks_as_the_trained_network(name: str, tmp_path: Path) -> None:
    how = small(name)
    net = training.train(how, CLIPS, SYNTHETIC, None, tmp_path)
    from sightcheck.nets.export import to_onnx

    network, golden = to_onnx(net, training.shape(how))
    rows = training.heard(how, CLIPS[0])
    spoken = training.speak(net, how, CLIPS[0], rows)
    given = frames.network_input(CLIPS[0].rgb[rows], how.recipe)
    found = frames.run(weights.session(network), given[:, 0] if how.recipe.sequence == 1 else given)
    np.testing.assert_allclose(frames.probabilities(found, how.recipe), spoken, atol=1e-3)
    assert golden.shape == (2, 2)


def test_an_export_may_differ_by_what_single_precision_loses() -> None:
    from sightcheck.nets.export import compare

    wanted = np.array([1000.0], np.float32)
    compare(wanted + 0.05, wanted, np.array([1000.0]))
    compare(wanted + 5, wanted, np.array([1003.0]))
    for exact in (1000.0, math.nan):
        with pytest.raises(BrokenInstallation, match=r"differs from PyTorch's by 5.0e-03"):
            compare(wanted + 5, wanted, np.array([exact]))


def test_both_classes_weigh_alike() -> None:
    data = training.Frames(small("xception"), [CLIPS[0], CLIPS[1], CLIPS[3]], np.array([False, True, True]))
    assert training._weights(data).tolist() == pytest.approx([1.5, 0.75])


def test_the_recipes_are_the_thesiss() -> None:
    adam = {
        name: (one.schedule.rate, one.schedule.batch, one.schedule.patience) for name, one in training.TRAININGS.items()
    }
    assert adam["xception"] == (1e-4, 8, 10)
    assert (adam["efficientnet-b3"][0], adam["efficientnet-b3"][2]) == (2e-4, 5)
    assert (adam["xception-scratch"][:2], training.TRAININGS["xception-scratch"].schedule.epochs) == ((2e-4, 24), 50)
    assert all(one.schedule.optimizer == "adam" for one in training.TRAININGS.values())
    assert isinstance(training.TRAININGS["xception"].schedule, Schedule)


def test_resnet_and_lstm_have_the_published_number_of_parameters() -> None:
    net = training.made(training.TRAININGS["resnet-lstm"])
    assert sum(one.numel() for one in net.parameters()) / 1e6 == pytest.approx(25.1, abs=0.1)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Item]:
    """Six short clips, the synthetic ones brighter."""
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    items = []
    for at, synthetic in enumerate(SYNTHETIC):
        yuv = moving_picture(18, 96, 64, at).astype(np.int16)
        yuv[:, :64] = (yuv[:, :64] // 3 + 120 * synthetic).clip(0, 255)
        path = write_video(tmp_path / f"{at}.mp4", yuv.astype(np.uint8))
        items.append(Item(path=str(path), label="fake" if synthetic else "real", source=f"s{at}"))
    return items


@pytest.mark.parametrize("name", ["F-SVM canonical", "frames"])
def test_the_quick_ones_tell_obvious_clips_apart(name: str, table: list[Item]) -> None:
    method = contender(name)
    clips = [method.read(item) for item in table]
    again = [method.read(item) for item in table]
    fitted = method.fit(clips[:4], SYNTHETIC[:4], UNITS[:4])
    scores = [fitted.speak(clip).score for clip in clips]
    assert scores == [fitted.speak(clip).score for clip in again]
    assert fitted.size_bytes() > 0
    if name == "F-SVM canonical":
        np.testing.assert_array_equal(fitted.speak(clips[0]).spans_s, WHOLE)
    if name == "frames":
        assert fitted.speak(clips[0]).of_frames
        assert min(scores[1::2]) > max(scores[::2])
        assert fitted.parameters == 1281
        session = weights.session(fitted.export()[0])
        found = frames.probabilities(frames.run(session, clips[5].features), frames.RECIPES["frames"])
        np.testing.assert_allclose(found, fitted.speak(clips[5]).fake, atol=2e-3)


def test_a_network_is_fitted_once_and_leaves_no_checkpoint(
    table: list[Item], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tiny: Callable[[frames.Recipe], frames.Recipe] = lambda one: replace(one, height=64, width=64)  # noqa: E731
    for name in ("xception-scratch", "resnet-lstm"):
        monkeypatch.setitem(frames.RECIPES, name, tiny(frames.RECIPES[name]))
        monkeypatch.setitem(training.TRAININGS, name, replace(training.TRAININGS[name], recipe=frames.RECIPES[name]))
    for name in ("Xcept", "ResNetLSTM"):
        method = contender(name, epochs=1, frames=2, backbone=SMALL)
        fitted = method.fit([method.read(item) for item in table], SYNTHETIC, UNITS)
        spoken = fitted.speak(method.read(table[0]))
        assert spoken.fake.shape == (2,)
        first, last = spoken.spans_s.T * 10  # at 10 frames a second
        np.testing.assert_allclose(last - first, 0 if name == "Xcept" else 6, atol=1e-6)
        assert spoken.of_frames == (name == "Xcept")
        assert not [*(tmp_path / "home/runs").iterdir()]


def test_a_clip_too_short_for_a_sequence_is_told(tmp_path: Path, table: list[Item]) -> None:
    path = write_video(tmp_path / "short.mp4", moving_picture(5, 96, 64))
    with pytest.raises(Damaged, match="7 successive frames"):
        contender("ResNetLSTM").read(Item(path=str(path), label="real"))


def test_an_unknown_contender_is_told_who_there_is() -> None:
    with pytest.raises(UsageError, match="F-SVM, F-SVM canonical, traces, frames"):
        contender("nobody")


def test_every_name_is_a_contender() -> None:
    assert [contender(name).name for name in contenders.NAMES] == [*contenders.NAMES]


def test_both_forms_of_the_pattern_and_keypoints_are_reached_by_name(tmp_path: Path) -> None:
    plain, other = contender("LDP-TOP"), contender("LDP-TOP", bodies=Bodies("magnitude", 3, tmp_path))
    assert (plain.recipe.form, plain.recipe.sequences, plain.keypoints) == ("sign", 0, None)
    assert (other.recipe.form, other.recipe.sequences, other.keypoints) == ("magnitude", 3, tmp_path)
    assert (other.recipe.frames, contender("LDP-TOP, T = 32", bodies=Bodies()).recipe.frames) == (50, 32)
    before = other.settings
    assert before != plain.settings
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip/clip_000000000000_keypoints.json").write_text("{}")
    assert other.settings != before


def test_f_svm_as_published_reads_whole_pictures_from_the_first_frame_and_30_frames_are_enough(tmp_path: Path) -> None:
    items, reads = [], []
    method = contender("F-SVM")
    for at, count in enumerate((31, 40, 30, 36)):
        path = write_video(tmp_path / f"{at}.mp4", moving_picture(count, 96, 64, seed=at), fps=25)
        items.append(Item(path=str(path), label="fake" if at % 2 else "real"))
        reads.append(method.read(items[-1]))
    assert [one.shape[1] for one in reads] == [90, 90, 87, 90]
    np.testing.assert_array_equal(reads[0][0], method.read(items[0])[0])
    labels, units = np.array([False, True, False, True]), np.array(list("abcd"))
    whole = method.fit([reads[at] for at in (0, 1, 3)], labels[[0, 1, 3]], units[[0, 1, 3]])
    assert whole.parameters == 91
    assert 0 < whole.speak(reads[2]).score < 1  # a clip of 30 frames is asked with N = 29
    assert method.fit(reads, labels, units).parameters == 88  # one that teaches holds all to 29
    with pytest.raises(Damaged, match="are needed"):
        whole.speak(reads[0][:, :60])
    short = write_video(tmp_path / "short.mp4", moving_picture(20, 96, 64), fps=25)
    with pytest.raises(InputError, match="30 frames are needed"):
        method.read(Item(path=str(short), label="real"))
