"""Which model files are there, and are they what they should be? The only loader of weights.

A model is a folder: `model.npz` (plain arrays, never pickled), `model.onnx` where it has a network, and `card.json`,
which names their SHA-256, what the model learned from, what it scored and what it must not be used for. Bundled models
ship with the package; taught ones live in the user's data folder, or under $SIGHTCHECK_HOME.
"""

import hashlib
import io
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from sightcheck.errors import BrokenInstallation, OutputError, UsageError

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BUNDLED = Path(__file__).parent / "bundled"
FILES = ("card.json", "model.npz", "model.onnx")
SMALL_BYTES = 16 << 20
"""Up to here a network runs on one thread. The bundled ones, of up to 7 MB, took half the processor time or less on one
thread than on one a core, gave the same bytes and were no slower; a whole network of the thesis has 48 MB and more."""
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")

Arrays = Mapping[str, NDArray[Any]]

# NumPy parses an array's header as Python, and CPython 3.11 can fail when two threads parse at once.
_LOADING = threading.Lock()


@dataclass(frozen=True)
class Metric:
    """One number with its 95 % bootstrap interval over groups; `scope` says on what. None where it is undefined."""

    name: str
    scope: str
    value: float | None
    low: float | None = None
    high: float | None = None

    def __str__(self) -> str:
        """`0.83 [0.71, 0.92]`."""
        if self.value is None:
            return "not measurable"
        interval = "" if self.low is None or self.high is None else f" [{self.low:.2f}, {self.high:.2f}]"
        return f"{self.value:.2f}{interval}"


@dataclass(frozen=True)
class Source:
    """Where training files came from, and under which licence: clips of each label, or photos."""

    name: str
    real: int = 0
    synthetic: int = 0
    licence: str = "not stated"
    photos: int = 0


@dataclass(frozen=True)
class Card:
    """What a model is, learned and scored. `limits` are carried by every answer made with it.

    `left_out`: the files that were given but could not be measured, and why. `files`: the SHA-256 of those that taught.
    """

    name: str
    method: str
    summary: str
    recipe: dict[str, Any]
    sources: tuple[Source, ...]
    split: str
    metrics: tuple[Metric, ...]
    controls: tuple[Metric, ...]
    limits: tuple[str, ...]
    not_for: str
    versions: dict[str, str]
    made: str
    sha256: str = ""
    left_out: tuple[str, ...] = ()
    network_sha256: str = ""
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weights:
    """A model's arrays and network (ONNX; b"" where it has none) with its card, checked against each other."""

    card: Card
    arrays: Arrays
    network: bytes = b""


def home() -> Path:
    """Folder of the user's own models."""
    import platformdirs

    return Path(os.environ.get("SIGHTCHECK_HOME") or platformdirs.user_data_dir("sightcheck")) / "detectors"


def folders() -> Iterator[Path]:
    """Every model folder, also one that lost a file, bundled first; a name found twice means the bundled one."""
    for root in (BUNDLED, home()):
        if root.is_dir():
            yield from sorted(folder for folder in root.iterdir() if any((folder / name).is_file() for name in FILES))


def find(name: str) -> Path:
    """Name of a model -> its folder. Raises UsageError with the names there are."""
    known = {folder.name: folder for folder in reversed([*folders()])}
    if name not in known:
        raise UsageError(f"no detector is called {name!r}; there are: {', '.join(sorted(known)) or 'none'}")
    return known[name]


def card(folder: Path) -> Card:
    """Read the card of a model folder. Raises BrokenInstallation when it is missing or malformed."""
    try:
        return msgspec.json.decode((folder / "card.json").read_bytes(), type=Card)
    except (OSError, msgspec.DecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise BrokenInstallation(f"{folder / 'card.json'} cannot be read ({why}); {remedy(folder)}") from None


def load(name: str) -> Weights:
    """Name -> Weights; raises BrokenInstallation when a file is missing or is not the one its card names."""
    folder = find(name)
    described = card(folder)
    data = _checked(folder / "model.npz", described.sha256)
    network = _checked(folder / "model.onnx", described.network_sha256) if described.network_sha256 else b""
    with _LOADING, np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        return Weights(described, {key: arrays[key] for key in arrays.files}, network)


def session(network: bytes) -> "InferenceSession":
    """ONNX bytes -> a session on the CPU: one thread for a small network, else one a core.

    Raises BrokenInstallation where it is refused.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # weights of 8 bits are multiplied as floating-point numbers, or an embedding would depend on the processor
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    options.intra_op_num_threads = 1 if len(network) <= SMALL_BYTES else 0  # 0: one a core
    try:
        return onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise BrokenInstallation(f"ONNX Runtime {onnxruntime.__version__} cannot run a network: {error}") from None


def golden_input(shape: tuple[int, ...], seed: int = 0) -> NDArray[np.float32]:
    """Shape of a batch -> the pseudo-random input that every network is compared on."""
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def save(described: Card, arrays: Arrays, root: Path | None = None, network: bytes = b"") -> Path:
    """Write a model folder whole or not at all, replacing one of the same name. Returns the folder."""
    check_name(described.name, root)
    root = root or home()
    stream = io.BytesIO()
    plain: dict[str, Any] = {key: np.asarray(value) for key, value in sorted(arrays.items())}
    np.savez_compressed(stream, **plain)
    digest = hashlib.sha256(network).hexdigest() if network else ""
    described = replace(described, sha256=hashlib.sha256(stream.getvalue()).hexdigest(), network_sha256=digest)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=root, prefix=".", ignore_cleanup_errors=True) as staging:
            new, target = Path(staging) / "new", root / described.name
            new.mkdir()
            (new / "model.npz").write_bytes(stream.getvalue())
            if network:
                (new / "model.onnx").write_bytes(network)
            text = msgspec.json.format(msgspec.json.encode(described), indent=2)
            (new / "card.json").write_bytes(text + b"\n")
            if target.exists():
                os.rename(target, Path(staging) / "old")
            os.rename(new, target)
    except OSError as error:
        raise OutputError(
            f"cannot write {root / described.name}: {error.strerror}; free space or choose $SIGHTCHECK_HOME"
        ) from None
    return root / described.name


def check_name(name: str, root: Path | None = None) -> None:
    """Raise UsageError for a name that cannot be a folder's, or that a bundled detector has."""
    if not NAME.fullmatch(name):
        raise UsageError(f"{name!r} cannot name a detector: use a-z, 0-9, '.', '_' and '-'")
    if root is None and (BUNDLED / name).exists():
        raise UsageError(f"{name!r} is the name of a bundled detector; choose another")


def check_free(name: str, root: Path | None = None, replace: bool = False) -> None:
    """Raise UsageError for a name that cannot be given, or that a model has which is not to be replaced."""
    check_name(name, root)
    if not replace and ((root or home()) / name).exists():
        raise UsageError(f"a model is called {name!r} already: choose another name, or --replace to make it anew")


def remove(name: str) -> Path:
    """Remove one of the user's own models; returns where it was. Raises UsageError, OutputError."""
    if (BUNDLED / name).is_dir():
        raise UsageError(f"{name!r} comes with sightcheck and stays; only your own models can be removed")
    folder = find(name)
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise OutputError(f"cannot remove {folder}: {error.strerror or error}; check who may write there") from None
    return folder


def to_text(described: Card) -> str:
    """A card for a person: what the model is, what it learned from, what it scored, what limits it."""
    lines = [f"{described.name}: {described.summary}", f"made {described.made}; held out: {described.split}", ""]
    for title, rows in (("scored", described.metrics), ("without looking at the picture", described.controls)):
        lines += [title, *(f"  {one.name}, {one.scope}: {one}" for one in rows), ""] if rows else []
    lines += ["learned from"] if described.sources else []
    for one in described.sources:
        count = f"{one.photos} photos" if one.photos else f"{one.real} real, {one.synthetic} synthetic clips"
        lines.append(f"  {one.name}: {count} ({one.licence})")
    lines += ["", *(f"! {limit}" for limit in described.limits), f"not for: {described.not_for}", ""]
    lines += [
        f"settings {dict(described.recipe)}",
        "with " + ", ".join(f"{k} {v}" for k, v in described.versions.items()),
    ]
    return "\n".join(
        [*lines, f"SHA-256 {described.sha256}" + (f", {described.network_sha256}" * bool(described.network_sha256))]
    )


def remedy(folder: Path) -> str:
    """What to do about a broken model."""
    return "install sightcheck again" if folder.parent == BUNDLED else f"teach it again or remove {folder}"


def _checked(path: Path, sha256: str) -> bytes:
    """The file's bytes where they are what the card names."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BrokenInstallation(f"{path} cannot be read ({error.strerror}); {remedy(path.parent)}") from None
    if hashlib.sha256(data).hexdigest() != sha256:
        raise BrokenInstallation(f"{path} is not the file its card names: its SHA-256 differs; {remedy(path.parent)}")
    return data
