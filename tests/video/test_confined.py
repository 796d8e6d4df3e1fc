"""Is a hostile network stopped, at adoption and when it is asked?"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sightcheck.errors import BrokenInstallation, UsageError
from sightcheck.learn import adopt
from sightcheck.sandbox import Limits
from sightcheck.video import confined

onnx = pytest.importorskip("onnx", reason="makes networks with the train extra")
helper, FLOAT = onnx.helper, onnx.TensorProto.FLOAT


def saved(path: Path, nodes: list[object], constants: list[object] = ()) -> Path:  # type: ignore[assignment]
    """A network (n, 3, 16, 16) -> `out`."""
    given = helper.make_tensor_value_info("input", FLOAT, ["n", 3, 16, 16])
    out = helper.make_tensor_value_info("out", FLOAT, None)
    graph = helper.make_graph(nodes, "g", [given], [out], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
    return path


def numbers(name: str, *values: int) -> object:
    return helper.make_tensor(name, onnx.TensorProto.INT64, [len(values)], values)


def mean(path: Path) -> Path:
    return saved(path, [helper.make_node("ReduceMean", ["input"], ["flat"], axes=[1, 2, 3], keepdims=0),
                        helper.make_node("Unsqueeze", ["flat", "one"], ["out"])], [numbers("one", 1)])  # fmt: skip


def endless(path: Path) -> Path:
    """A loop of 2^62 turns."""
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["x", "x"], ["y"])], "body",
        [helper.make_tensor_value_info("at", onnx.TensorProto.INT64, []),
         helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
         helper.make_tensor_value_info("x", FLOAT, None)],
        [helper.make_tensor_value_info("go_on", onnx.TensorProto.BOOL, []),
         helper.make_tensor_value_info("y", FLOAT, None)],
    )  # fmt: skip
    turns = helper.make_tensor("turns", onnx.TensorProto.INT64, [], [2**62])
    yes = helper.make_tensor("yes", onnx.TensorProto.BOOL, [], [True])
    return saved(path, [helper.make_node("Loop", ["turns", "yes", "input"], ["out"], body=body)], [turns, yes])


def huge(path: Path) -> Path:
    """A constant of 8 GB."""
    return saved(
        path,
        [helper.make_node("ConstantOfShape", ["shape"], ["big"]), helper.make_node("ReduceSum", ["big"], ["sum"]),
         helper.make_node("Add", ["input", "sum"], ["out"])],
        [numbers("shape", 2000, 1000, 1000)],
    )  # fmt: skip


def no_number(path: Path) -> Path:
    """0 / 0 wherever a picture is of one colour."""
    return saved(path, [helper.make_node("Div", ["input", "input"], ["share"]),
                        helper.make_node("ReduceMean", ["share"], ["flat"], axes=[1, 2, 3], keepdims=0),
                        helper.make_node("Unsqueeze", ["flat", "one"], ["out"])], [numbers("one", 1)])  # fmt: skip


def infinite(path: Path) -> Path:
    """Everything over 0."""
    zero = helper.make_tensor("zero", FLOAT, [1], [0.0])
    return saved(path, [helper.make_node("ReduceMean", ["input"], ["flat"], axes=[1, 2, 3], keepdims=0),
                        helper.make_node("Unsqueeze", ["flat", "one"], ["each"]),
                        helper.make_node("Div", ["each", "zero"], ["out"])], [numbers("one", 1), zero])  # fmt: skip


def changing(path: Path) -> Path:
    """Where the picture is not black: as many numbers as there are such places."""
    return saved(path, [helper.make_node("NonZero", ["input"], ["where"]),
                        helper.make_node("Cast", ["where"], ["out"], to=FLOAT)])  # fmt: skip


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(confined, "LIMITS", Limits(stall_s=4.0, total_s=4.0, memory_bytes=4 << 30))
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (endless, r"pictures of noise: the network was stopped: it took more than 4 s or 4 GiB$"),
        (huge, r"pictures of noise: the network was stopped: it took more than 4 s or 4 GiB$"),
        (no_number, "what is no number .* for pictures of one colour"),
        (infinite, "what is no number .* for pictures of noise"),
        (changing, r"puts out \(2, 3072\) for some pictures and \(2, 0\) for one colour"),
    ],
)
def test_a_hostile_network_is_refused_at_adoption(made: Callable[[Path], Path], why: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=why):
        adopt.adopt("theirs", made(tmp_path / "net.onnx"))
    assert not (tmp_path / "home/detectors/theirs").exists()


def test_what_is_no_file_that_ends_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    (tmp_path / "folder.onnx").mkdir()
    (tmp_path / "words.onnx").write_text("no network")
    for name, why in (("pipe", "one file of at most"), ("folder", "one file of at most"), ("words", "network failed")):
        with pytest.raises(UsageError, match=why) as told:
            adopt.adopt("theirs", tmp_path / f"{name}.onnx")
        assert "\n" not in str(told.value)
    with pytest.raises(UsageError, match="one file of at most"):
        adopt.adopt("theirs", Path("/dev/zero"))


def test_a_network_that_hangs_later_is_stopped(tmp_path: Path) -> None:
    network = confined.Confined(
        endless(tmp_path / "net.onnx"), (confined.Input("input", "tensor(float)", (None, 3, 16, 16)),)
    )
    with pytest.raises(BrokenInstallation, match=r"the network was stopped: it took more than 4 s"):
        network.run(None, {"input": np.zeros((1, 3, 16, 16), np.float32)})


def test_a_harmless_network_is_asked_in_the_child(tmp_path: Path) -> None:
    card, folder = adopt.adopt("theirs", mean(tmp_path / "net.onnx"), adopt.How(synthetic=1))
    assert card.recipe["name"] == "adopted"
    from sightcheck.video import frames

    session = frames.load("theirs").session
    assert isinstance(session, confined.Confined)
    given = np.random.default_rng(0).standard_normal((3, 3, 16, 16)).astype(np.float32)
    np.testing.assert_allclose(session.run(None, {"input": given})[0][:, 0], given.mean((1, 2, 3)), atol=1e-6)
    with pytest.raises(UsageError, match="--replace"):
        adopt.adopt("theirs", tmp_path / "net.onnx", adopt.How(synthetic=1))
    adopt.adopt("theirs", tmp_path / "net.onnx", adopt.How(synthetic=1), replace=True)
    assert folder.exists()
