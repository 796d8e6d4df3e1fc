"""Are local derivative patterns, their ten classifiers and the vote what section 4.3.1 says?"""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from test_body import person, without, write_keypoints

from conftest import moving_picture, write_video
from sightcheck import ask, weights
from sightcheck.data.manifest import Item
from sightcheck.errors import BrokenInstallation, InputError, OverLimit
from sightcheck.learn.video import texture as texture_recipe
from sightcheck.protocol.contender import by_index
from sightcheck.verdict import Calibration
from sightcheck.video import reference
from sightcheck.video.detectors import detector
from sightcheck.video.person import body, ldp, pose, texture
from sightcheck.video.person.body import PARTS, SIDES, Body
from sightcheck.video.person.texture import Recipe, Texture, Textures
from sightcheck.video.reference import Range, Reference

PATCH = np.array([[2, 5, 3, 5, 1], [6, 7, 9, 1, 5], [2, 3, 4, 8, 2], [3, 2, 3, 2, 9], [1, 2, 3, 2, 1]], np.uint8)
RECIPE = Recipe("test", frames=10, overlap=5)
CARD = weights.Card("mine", "texture", "a test", {}, (), "", (), (), ("a limit",), "nothing", {}, "2026-01-01")
WIDE = tuple(Range(name, 0, 10**6, "") for name in ("short side", "frame rate", "compression", "length"))
KNOWN = Reference(Calibration(1, 0, 1, 9, 9), WIDE, np.array([False, True] * 2), np.array([-9.0, -9.0, -9.0, 9.0]))


def test_the_pattern_of_the_notes() -> None:
    found = [format(int(ldp.ldp(PATCH, way)[0, 0]), "08b") for way in (0, 45, 90, 135)]
    assert found == ["01010100", "00101111", "11010000", "11000110"]


def slow_ldp(picture: np.ndarray, way: int, form: str) -> list[list[int]]:
    """The definition, pixel by pixel."""
    down, right = {0: (0, 1), 45: (-1, 1), 90: (-1, 0), 135: (-1, -1)}[way]
    values = picture.astype(int)

    def derivative(y: int, x: int) -> int:
        return int(values[y, x] - values[y + down, x + right])

    def bit(own: int, other: int) -> bool:
        return own * other <= 0 if form == "sign" else abs(own) >= abs(other)

    around = ((-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1))
    return [
        [
            sum(bit(derivative(y, x), derivative(y + dy, x + dx)) << (7 - at) for at, (dy, dx) in enumerate(around))
            for x in range(2, picture.shape[1] - 2)
        ]
        for y in range(2, picture.shape[0] - 2)
    ]


@pytest.mark.parametrize("form", ["sign", "magnitude"])
def test_ldp_top_is_what_plain_loops_find(form: ldp.Form) -> None:
    video = np.random.default_rng(0).integers(0, 4, (9, 12, 14)).astype(np.uint8) * 60
    expected = []
    for plane in (video[4], video[:, 6], video[:, :, 7]):
        for way in (0, 45, 90, 135):
            counts = [0.0] * 256
            patterns = [one for row in slow_ldp(plane, way, form) for one in row]
            for one in patterns:
                counts[one] += 1 / len(patterns)
            expected += counts
    found = ldp.ldp_top(video, form)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(found.reshape(12, 256).sum(1), 1, rtol=1e-6)


def test_what_is_flat_falls_into_the_last_bin() -> None:
    for form in ("sign", "magnitude"):
        found = ldp.ldp_top(np.full((10, 16, 16), 7, np.uint8), form).reshape(12, 256)
        assert (found[:, 255] == 1).all()


def test_the_smallest_picture_has_one_pattern() -> None:
    assert ldp.ldp(PATCH, 90, "magnitude").shape == (1, 1)
    assert ldp.ldp_top(np.zeros((5, 5, 5), np.uint8)).shape == (ldp.LENGTH,)


def parts(count: int, present: np.ndarray, seed: int = 0) -> Body:
    """A body of noise in one sequence of so many frames."""
    rng = np.random.default_rng(seed)
    cut = [tuple(rng.integers(0, 255, (count, side, side)).astype(np.uint8) for side in SIDES) for _ in range(2)]
    return Body(tuple(np.arange(count) / 25), present, cut[0], cut[1])


def test_a_sequence_has_the_parts_that_stay() -> None:
    present = np.ones((10, 5), bool)
    lost = present.copy()
    present[:, 4] = False
    lost[7, 1] = lost[:, 4] = False
    found = texture.textures([parts(10, present), parts(10, lost)])
    np.testing.assert_array_equal(found.spans_s, [[0, 9 / 25]] * 2)
    assert found.present[:, 1].tolist() == [True, False]
    assert found.present[:, [0, 2, 3]].all()
    assert not found.present[:, 4].any()
    assert found.vectors.shape == (2, 10, 3072)
    np.testing.assert_array_equal(found.vectors.any(2), np.tile(found.present, 2))


def test_grey_comes_first_then_flow() -> None:
    seen = parts(10, np.ones((10, 5), bool))
    for form in ("sign", "magnitude"):
        (vectors,) = texture.textures([seen], form).vectors
        np.testing.assert_array_equal(vectors[2], ldp.ldp_top(seen.grey[2], form))
        np.testing.assert_array_equal(vectors[7], ldp.ldp_top(seen.flow[2], form))


def test_sequences_without_any_part_are_left_out() -> None:
    none, one = np.zeros((10, 5), bool), np.zeros((10, 5), bool)
    one[:, 0] = True
    found = [texture.textures([parts(10, which)]) for which in (none, one, none)]
    assert [len(each.vectors) for each in found] == [0, 1, 0]
    both = texture.joined(found)
    np.testing.assert_array_equal(both.vectors, found[1].vectors)
    assert both.present.tolist() == [[True, False, False, False, False]]
    assert texture.joined([]).vectors.shape == (0, 10, 3072)


def test_the_parts_vote() -> None:
    # five parts; two absent; a tie that the mean settles, either way; nobody
    fake = np.full((5, 5), 0.5)
    fake[0], fake[1, [0, 2, 4]] = (0.6, 0.6, 0.6, 0.1, 0.1), (0.9, 0.2, 0.1)
    fake[2, :2], fake[3, :2] = (0.9, 0.4), (0.6, 0.1)
    np.testing.assert_allclose(texture.soft(fake), [0.4, 0.4, 0.65, 0.35, 0.5])
    assert texture.majority(fake).tolist() == [True, False, True, False, False]


def network(gain: float = 8.0, untaught: Sequence[int] = ()) -> bytes:
    """An ONNX network in the shape of ten classifiers: P(synthetic) rises with the share of the last bins."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper, numpy_helper

    weight = np.zeros((10, 3072, 1), np.float32)
    weight[:, 255::256] = gain / 12
    weight[[*untaught]] = 0
    graph = helper.make_graph(
        [
            helper.make_node("Unsqueeze", ["input", "axes"], ["rows"]),
            helper.make_node("MatMul", ["rows", "w"], ["each"]),
            helper.make_node("Squeeze", ["each", "both"], ["flat"]),
            helper.make_node("Sigmoid", ["flat"], ["output"]),
        ],
        "ten",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 10, 3072])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 10])],
        [
            numpy_helper.from_array(weight, "w"),
            numpy_helper.from_array(np.array([2]), "axes"),
            numpy_helper.from_array(np.array([2, 3]), "both"),
        ],
    )
    return onnx.helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    return tmp_path / "home/detectors"


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A clip of somebody whose left hand is not seen, and OpenPose's folder of it."""
    folder = tmp_path_factory.mktemp("walk")
    path = write_video(folder / "clip.mp4", moving_picture(30), fps=25, crf="18")
    write_keypoints(folder / "json", [[without(person(70 + at / 2), [6]), person(20, 30, 30)] for at in range(30)])
    return path, folder / "json"


def read(path: Path, recipe: Recipe, folder: Path) -> Textures:
    each: list[Textures] = []
    texture.read(bytes(path), recipe, lambda one: each.append(texture.textures([one], recipe.form)), folder)
    return texture.joined(each)


def test_the_spans_of_a_file_are_those_that_are_read(walk: tuple[Path, Path]) -> None:
    path, folder = walk
    found = texture.spans(bytes(path), RECIPE)
    np.testing.assert_allclose(found * 25, [[at, at + 9] for at in (0, 5, 10, 15, 20)], atol=1e-6)
    np.testing.assert_allclose(read(path, RECIPE, folder).spans_s, found, atol=1e-6)


def test_an_answer_from_some_sequences_says_so(home: Path, walk: tuple[Path, Path]) -> None:
    path, folder = walk
    reference.save(CARD, RECIPE, KNOWN, network(), np.zeros((2, 10), np.float32))
    (said,) = ask.video(path, [detector("mine", folder, 2)]).verdicts[0].evidence
    assert " in 2 sequences, 3 more left out as was asked, joints by OpenPose" in said.sentence
    assert len(said.series[0].times_s) == 2
    (whole,) = ask.video(path, [detector("mine", folder)]).verdicts[0].evidence
    assert " in 5 sequences, joints by OpenPose" in whole.sentence


def test_a_saved_detector_answers(home: Path, walk: tuple[Path, Path]) -> None:
    path, folder = walk
    golden = np.zeros((2, 10), np.float32)
    kept = reference.save(CARD, RECIPE, KNOWN, network(), golden)
    assert {one.name for one in kept.iterdir()} == {"card.json", "model.npz", "model.onnx"}
    one = dataclasses.replace(texture.load("mine"), keypoints=folder)
    assert one.recipe == RECIPE
    (said,) = ask.video(path, [one]).verdicts[0].evidence
    seen = read(path, RECIPE, folder)
    fake = texture.speak(one.session, seen)
    each = 1 / (1 + np.exp(-8 * seen.vectors.reshape(-1, 10, 12, 256)[..., 255].mean(2)))
    np.testing.assert_allclose(fake[:, [0, 2]], (each[:, [0, 2]] + each[:, [5, 7]]) / 2, rtol=1e-4)
    assert (fake[:, 1] == 0.5).all()
    mean = float(np.mean([row[row != 0.5].mean() for row in fake]))
    assert said.score == pytest.approx(math.log(mean / (1 - mean)), rel=1e-4)
    assert said.log10_lr == pytest.approx(np.clip(said.score, -1, 1))
    assert said.sentence.startswith(
        "LDP-TOP of face, right hand, left foot and right foot (left hand not seen) in 5 sequences, "
        f"joints by OpenPose: P(synthetic) {mean:.2f}, the parts call 5 of 5 synthetic; the "
    )
    assert [one.name for one in said.series] == [f"P(synthetic), {part}" for part in PARTS if part != "left hand"]
    assert said.series[0].times_s == tuple(seen.spans_s.mean(1).tolist())
    assert said.limits == ("another person is seen beside the one whose body was measured", "a limit")
    assert len(said.stills) == 3


def test_a_clip_that_cannot_be_measured_has_no_score(
    home: Path, walk: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, folder = walk
    one = Texture("mine", RECIPE, KNOWN, weights.session(network()), keypoints=folder)
    none = write_keypoints(tmp_path / "none", [[]] * 30)
    brief = write_keypoints(tmp_path / "brief", [[person()]] * 5 + [[]] * 25)

    def said(one: Texture) -> str:
        (evidence,) = ask.video(path, [one]).verdicts[0].evidence
        assert evidence.score is None
        return evidence.sentence

    mute = dataclasses.replace(one, session=weights.session(network(untaught=range(10))))
    told = "of the body only face, right hand, left foot and right foot is seen, never taught"
    assert said(mute) == f"No LDP-TOP: {told}."
    deaf = dataclasses.replace(one, session=weights.session(network(untaught=(0, 5))))
    (heard,) = ask.video(path, [deaf]).verdicts[0].evidence
    assert "right foot (left hand not seen; face never taught) in 5 sequences" in heard.sentence
    assert len(heard.series) == 3
    assert said(dataclasses.replace(one, keypoints=none)).startswith("No body, no LDP-TOP: the clip shows nobody")
    assert said(dataclasses.replace(one, keypoints=brief)) == texture.too_little(RECIPE)

    def out_of_memory(*_: object) -> Body:
        raise OverLimit("finding the body was stopped")

    with monkeypatch.context() as patched:
        patched.setattr(texture, "read", out_of_memory)
        assert said(one) == "LDP-TOP has no answer: finding the body was stopped."
    monkeypatch.delenv("SIGHTCHECK_POSE_PYTHON", raising=False)
    monkeypatch.setattr(pose, "find_spec", lambda name: None)
    assert "pip install 'sightcheck[pose]'" in said(dataclasses.replace(one, keypoints=None))


def test_a_network_of_another_shape_or_without_sense_is_refused(home: Path) -> None:
    from test_frames import brightness

    reference.save(CARD, RECIPE, KNOWN, brightness(), np.zeros((2, 10), np.float32))
    with pytest.raises(BrokenInstallation, match="does not read ten vectors"):
        texture.load("mine")
    found = Textures(np.full((1, 10, 3072), np.nan, np.float32), np.ones((1, 5), bool), np.zeros((1, 2)))
    with pytest.raises(BrokenInstallation, match="no probability"):
        texture.speak(weights.session(network()), found)


def made(fake: bool, seed: int, absent: tuple[int, ...] = ()) -> Textures:
    """Three sequences whose histograms lean to one side."""
    rng = np.random.default_rng(seed)
    vectors = rng.dirichlet(np.ones(256) + 4 * (np.arange(256) % 2 == fake), (3, 10, 12)).reshape(3, 10, 3072)
    present = np.ones((3, 5), bool)
    present[:, list(absent)] = False
    vectors[:, [*absent, *(5 + at for at in absent)]] = 0
    return Textures(vectors.astype(np.float32), present, np.array([[at, at + 2.0] for at in range(3)]))


@pytest.fixture
def taught(monkeypatch: pytest.MonkeyPatch) -> tuple[texture_recipe.Texture, list[Textures], np.ndarray]:
    """The method with small classifiers, and clips to teach it: no synthetic one shows the right foot."""
    pytest.importorskip("torch")
    from sightcheck.nets.video import texture as training

    assert (training.HIDDEN, training.EPOCHS) == ((100, 100, 50, 25), 300)
    monkeypatch.setattr(training, "HIDDEN", (16, 8))
    monkeypatch.setattr(training, "EPOCHS", 100)
    clips = [made(at % 2 == 1, at, (4,) if at % 2 else ()) for at in range(8)]
    return texture_recipe.Texture(RECIPE), clips, np.arange(8) % 2 == 1


def test_ten_classifiers_are_taught_and_one_network_speaks_for_them(
    taught: tuple[texture_recipe.Texture, list[Textures], np.ndarray],
) -> None:
    method, clips, synthetic = taught
    fitted = method.fit(
        clips, synthetic, np.array([""] * 8), ([made(False, 50), made(True, 51)], np.array([False, True]))
    )
    fake = fitted.parts(made(True, 60))
    assert (fake[:, :4] > 0.5).all()
    assert (fake[:, 4] == 0.5).all(), "taught on one class alone, it has no vote"
    real = fitted.speak(made(False, 61, (0, 1)))
    assert (real.fake < 0.5).all()
    assert not real.called.any()
    assert fitted.parameters == 10 * (3072 * 16 + 16 + 16 * 8 + 8 + 8 + 1)
    onnx, golden = fitted.export()
    assert golden.shape == (2, 10)
    assert fitted.size_bytes() == len(onnx)


def test_scikit_learn_and_the_network_say_the_same(
    taught: tuple[texture_recipe.Texture, list[Textures], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from sklearn.neural_network import MLPClassifier

    from sightcheck.nets.video import texture as training

    _, clips, synthetic = taught
    models = []
    monkeypatch.setattr(training, "_layers", lambda model, kept=training._layers: models.append(model) or kept(model))
    net = training.train(clips, synthetic)
    assert all(isinstance(model, MLPClassifier) for model in models)
    given = made(True, 70).vectors
    with torch.no_grad():
        found = net(torch.from_numpy(given)).numpy()
    at = 0
    for view in range(10):
        if view % 5 == 4:
            assert (found[:, view] == 0.5).all()
            continue
        wanted = models[at].predict_proba(given[:, view])[:, 1]
        np.testing.assert_allclose(found[:, view], wanted, atol=1e-5)
        at += 1


def test_clips_are_read_once(walk: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, folder = walk
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path / "cache"))
    method, item = texture_recipe.Texture(RECIPE, folder), Item(path=str(path), label="real")
    first = method.read(item)
    empty = write_keypoints(tmp_path / "none", [[]] * 30)
    for _ in range(2):
        with pytest.raises(InputError, match="nobody"):
            texture_recipe.Texture(RECIPE, empty).read(item)
    monkeypatch.setattr(body, "read", None)
    again = method.read(item)
    np.testing.assert_array_equal(first.vectors, again.vectors)
    np.testing.assert_array_equal(first.present, again.present)
    np.testing.assert_array_equal(first.spans_s, again.spans_s)
    with pytest.raises(TypeError, match="NoneType"):
        texture_recipe.Texture(dataclasses.replace(RECIPE, form="magnitude"), folder).read(item)
    kept = sorted((tmp_path / "cache/arrays").iterdir())
    assert len(kept) == 2
    for one in kept:
        one.write_bytes(one.read_bytes()[:100])
    with pytest.raises(TypeError, match="NoneType"):
        method.read(item)


def test_it_is_scored_by_the_protocols(taught: tuple[texture_recipe.Texture, list[Textures], np.ndarray]) -> None:
    method, clips, synthetic = taught
    rows = np.arange(8.0)[:, None]
    items = [Item(path=str(at), label="fake" if fake else "real", source="s") for at, fake in enumerate(synthetic[:6])]
    score = by_index(method, clips)(rows[:6], items)
    found = score(rows[6:])
    assert found[1] > 0 > found[0]


def test_speed_is_measured_against_a_loop_that_agrees() -> None:
    from sightcheck.bench import speed_texture

    picture = np.random.default_rng(0).integers(0, 255, (70, 80)).astype(np.uint8)
    rows = {row.name: row.value for row in speed_texture.measurements(picture)}
    assert rows["patterns / copies"] > 1
    assert rows["loop / patterns, 64x64"] > 1
