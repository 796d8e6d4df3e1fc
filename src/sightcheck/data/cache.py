"""What was measured or taught before? One key for all that a result depends on; what it names is kept on disk."""

import contextlib
import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.errors import OutputError

T = TypeVar("T")
Arrays = dict[str, NDArray[Any]]

PACKAGE = Path(__file__).parents[1]
LIBRARIES = (
    *(
        "av",
        "numpy",
        "opencv-python-headless",
        "pillow",
        "scikit-learn",
        "scipy",
        "onnxruntime",
        "mediapipe",
        "dlib-bin",
    ),
    *("torch", "torchvision", "timm", "lightning", "xgboost", "xgboost-cpu"),
)
"""What a measurement or a training can depend on, where it is installed."""

# NumPy parses an array's header as Python, and CPython 3.11 can fail when two threads parse at once.
_LOADING = threading.Lock()


def key(*about: object, code: tuple[str, ...]) -> str:
    """SHA-256 over everything a result depends on: what it is about, the libraries, and the project's own `code`.

    `about`: text, numbers, dataclasses, arrays, and lists of them. `code`: files and rooms of the package, such as
    "media" or "video/person/ldp.py".
    """
    return hashlib.sha256(msgspec.json.encode((about, _versions(), of_code(code)), enc_hook=_plain)).hexdigest()


def of_code(names: tuple[str, ...]) -> str:
    """SHA-256 over files and whole rooms of the package."""
    return _of_code(PACKAGE, names)


@cache
def _of_code(package: Path, names: tuple[str, ...]) -> str:
    files = [file for name in names for file in sorted((package / name).rglob("*.py")) or [package / name]]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


@cache
def _versions() -> tuple[tuple[str, str], ...]:
    import av

    found = [("FFmpeg", av.ffmpeg_version_info)]
    for name in LIBRARIES:
        with contextlib.suppress(PackageNotFoundError):
            found.append((name, version(name)))
    return tuple(found)


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return [str(value.dtype), list(value.shape), hashlib.sha256(np.ascontiguousarray(value).data).hexdigest()]
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be part of a key")


def folder(room: str) -> Path:
    """Where results of one kind are kept; safe to delete. $SIGHTCHECK_CACHE, or the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("SIGHTCHECK_CACHE") or platformdirs.user_cache_dir("sightcheck")) / room


def run(name: str) -> Path:
    """A folder for the checkpoints of the training with this key, until it is done."""
    path = weights.home().parent / "runs" / name
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot keep checkpoints in {path}: {error.strerror}; choose $SIGHTCHECK_HOME") from None
    return path


def arrays(name: str, measure: Callable[[], Arrays], packed: bool = False) -> Arrays:
    """The arrays that are kept under a key, or measured and kept now, `packed` where they hold little.

    Raises OutputError, and what `measure` raises.
    """
    path = folder("arrays") / f"{name}.npz"
    with (
        _LOADING,
        contextlib.suppress(OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile),  # cut short: measured again
        np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as stored,
    ):
        return {each: stored[each] for each in stored.files}
    found, written = measure(), io.BytesIO()
    (np.savez_compressed if packed else np.savez)(written, **found)  # type: ignore[arg-type]  # a stub that is too narrow
    put(path, written.getvalue())
    return found


def kept(name: str, kind: type[T]) -> T | None:
    """What was kept under a name; None where nothing was, or a file that is cut short or of another version."""
    try:
        return msgspec.json.decode((folder("results") / f"{name}.json").read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def keep(name: str, value: object) -> None:
    """Keep a value under a name. Raises OutputError."""
    put(folder("results") / f"{name}.json", msgspec.json.encode(value))


def put(path: Path, data: bytes) -> None:
    """Write a file of the cache, whole or not at all. Raises OutputError."""
    partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(path)
    except OSError as error:
        raise OutputError(
            f"cannot keep results in {path.parent}: {error.strerror}; free space or choose $SIGHTCHECK_CACHE"
        ) from None
