"""How does the gallery's file stay whole under two writers, a stop at any moment, and a file that is not ours?"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightcheck.errors import BrokenInstallation, OutputError, SightcheckError

APPLICATION = 0x53434731
"""SQLite's application_id of our files."""
VERSION = 1
WAIT_S = 30.0
"""How long one writer waits for another; a write takes milliseconds."""
DISK = {
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_IOERR,
}
# Pictures and embeddings lie apart from what identifies a photo, so that looking one up reads little.
SCHEMA = """
CREATE TABLE city (
    geoname_id INTEGER PRIMARY KEY, label TEXT NOT NULL, city TEXT NOT NULL, country TEXT NOT NULL
) STRICT;
CREATE TABLE photo (
    id INTEGER PRIMARY KEY, geoname_id INTEGER NOT NULL REFERENCES city ON DELETE CASCADE,
    sha256 TEXT NOT NULL, name TEXT NOT NULL, fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 8),
    licence TEXT NOT NULL, origin TEXT NOT NULL, added TEXT NOT NULL, UNIQUE (geoname_id, sha256)
) STRICT;
CREATE INDEX photo_sha256 ON photo (sha256);
CREATE TABLE picture (id INTEGER PRIMARY KEY REFERENCES photo ON DELETE CASCADE, jpeg BLOB NOT NULL) STRICT;
CREATE TABLE embedding (
    id INTEGER PRIMARY KEY REFERENCES photo ON DELETE CASCADE, model TEXT NOT NULL,
    vector BLOB NOT NULL, scenes BLOB NOT NULL, places BLOB NOT NULL, countries BLOB NOT NULL
) STRICT;
"""

Rows = list[tuple[Any, ...]]


class Store:
    """One SQLite file, opened when first needed; until something is written, a missing file stays missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: sqlite3.Connection | None = None
        self._in_file = False

    def rows(self, statement: str, *values: Any) -> Rows:
        """Run one statement and return its rows. Raises BrokenInstallation or OutputError."""
        with self._told():
            return self._opened().execute(statement, values).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """One transaction: everything in it is kept, or nothing is. No other writer comes between."""
        with self._told():
            db = self._opened(in_file=True)
            db.execute("BEGIN IMMEDIATE")
        try:
            yield
            with self._told():
                db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise

    def stacked(self, blobs: Sequence[bytes]) -> NDArray[np.float32]:
        """m blobs of float32 -> (m, d), (0, 0) for none. Raises BrokenInstallation when they differ in length."""
        width = len(blobs[0]) // 4 if blobs else 0
        try:
            return np.frombuffer(b"".join(blobs), "<f4").astype(np.float32).reshape(len(blobs), width)
        except ValueError:
            raise self.broken("it holds embeddings of several lengths") from None

    def broken(self, why: str) -> BrokenInstallation:
        """The error to raise when what the file holds cannot be so."""
        return BrokenInstallation(f"{self.path} is damaged ({why}); move it away, then add or import the photos again")

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _opened(self, in_file: bool = False) -> sqlite3.Connection:
        in_file = in_file or self.path.exists()
        if self._db is None or (in_file and not self._in_file):
            self.close()
            self._db, self._in_file = self._open(self.path if in_file else None), in_file
        return self._db

    def _open(self, path: Path | None) -> sqlite3.Connection:
        """Open the file, or an empty store in memory, and see that it is ours."""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(path or ":memory:", timeout=WAIT_S, isolation_level=None)
        try:
            db.execute("PRAGMA foreign_keys = ON")
            if not self._ours(db):
                self._make(db)
            with contextlib.suppress(sqlite3.OperationalError):  # another has it open: whoever comes next does this
                db.execute("PRAGMA journal_mode = WAL")
        except BaseException:
            db.close()
            raise
        return db

    def _ours(self, db: sqlite3.Connection) -> bool:
        """Whether it is a store; False for an empty file. Raises BrokenInstallation for any other."""
        db.execute("BEGIN")
        application, version, tables = (
            db.execute(question).fetchone()[0]
            for question in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
        )
        db.execute("COMMIT")
        if (application, version, tables) == (0, 0, 0):
            return False
        if application != APPLICATION:
            raise BrokenInstallation(f"{self.path} is another program's file; move it away or set $SIGHTCHECK_HOME")
        if version > VERSION:
            raise BrokenInstallation(
                f"{self.path} was written by a newer sightcheck (version {version} of the gallery, this one reads "
                f"{VERSION}); install the newer one or set $SIGHTCHECK_HOME"
            )
        return True

    def _make(self, db: sqlite3.Connection) -> None:
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA application_id").fetchone()[0] == 0:  # else another made it in the meantime
            for statement in SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION}")
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turn what SQLite and the file system raise into one sentence."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._sentence(error) from None
        except OSError as error:
            raise OutputError(f"{self.path} cannot be made ({error.strerror}); choose $SIGHTCHECK_HOME") from None

    def _sentence(self, error: sqlite3.Error) -> SightcheckError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the upper bits are details
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return OutputError(f"{self.path} is being written by another program; try again when that is done")
        if code in DISK:
            return OutputError(f"{self.path} cannot be used ({error}); see to its disk or set $SIGHTCHECK_HOME")
        return self.broken(str(error))
