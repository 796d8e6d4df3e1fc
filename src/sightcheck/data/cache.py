"""Where does a table's work lie while it is not done? Small files in the cache, each whole or not there."""

import os
import threading
from pathlib import Path
from typing import TypeVar

import msgspec

from sightcheck.errors import OutputError
from sightcheck.protocol.readings import cache

T = TypeVar("T")


def folder() -> Path:
    """Where it is kept; safe to delete."""
    return cache().parent / "tables"


def kept(name: str, kind: type[T]) -> T | None:
    """What was kept under a name; None where nothing was, or a file that is cut short or of another version."""
    try:
        return msgspec.json.decode((folder() / f"{name}.json").read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError):
        return None


def keep(name: str, value: object) -> None:
    """Keep a value under a name. Raises OutputError."""
    path = folder() / f"{name}.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.part")
        partial.write_bytes(msgspec.json.encode(value))
        partial.replace(path)
    except OSError as error:
        raise OutputError(
            f"cannot keep results in {path.parent}: {error.strerror}; free space or choose $SIGHTCHECK_CACHE"
        ) from None
