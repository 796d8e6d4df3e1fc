"""Which files does a folder hold, and which are passed over?"""

import hashlib
import os
import stat
from pathlib import Path

from sightcheck.errors import NotAFile, UsageError
from sightcheck.media.noise import is_noise

Named = list[tuple[str, Path]]
Passed = list[tuple[str, str]]


def files(folder: Path) -> tuple[Named, Passed]:
    """Folder -> (name, path) of its visible files at any depth, sorted; and (name, reason) of what is passed over.

    Links are not followed: what they mean inside the folder is found anyway, what lies outside was not given.
    Raises UsageError when it is no folder or holds nothing visible.
    """
    if not folder.is_dir():
        raise UsageError(f"{text(str(folder))} is not a folder; give the folder that holds the photos")
    found: Named = []
    passed: Passed = []

    def unreadable(error: OSError) -> None:
        passed.append((text(os.path.relpath(error.filename, folder)), f"cannot be listed: {error.strerror}"))

    for here, inner, names in os.walk(folder, onerror=unreadable):
        inner[:] = [name for name in inner if not name.startswith(".")]
        for path in (Path(here, name) for name in (*inner, *(one for one in names if not is_noise(one)))):
            name = text(path.relative_to(folder).as_posix())
            if path.is_symlink():
                if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)):
                    passed.append((name, "is a link that leads out of the folder; copy the photo here"))
            elif not path.is_dir():
                found.append((name, path))
    if not found and not passed:
        raise UsageError(f"{text(str(folder))} holds no visible files; give the folder that holds the photos")
    return sorted(found), sorted(passed)


def sha256(path: Path) -> str:
    """SHA-256 of a regular file, in hexadecimal. Raises NotAFile."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise NotAFile("is no regular file")
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NotAFile(f"cannot be read: {error.strerror}") from None


def text(name: str) -> str:
    """A name that may hold bytes that are no text -> text."""
    return name.encode("utf-8", "backslashreplace").decode()
