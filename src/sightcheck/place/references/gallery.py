"""Which reference photos of a city are there? Each is embedded once and kept in one file on this computer.

The store is SQLite. A photo goes in with its embedding in one transaction, so a stop at any moment loses at most the
photo in hand, and running the same command again goes on from there. What is kept is a small JPEG, and the embedding is
always made from that JPEG: when the model changes, `references` makes it anew by the same definition.
"""

import os
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox, weights
from sightcheck.errors import UsageError
from sightcheck.place.references import export as exports
from sightcheck.place.references import folder as folders
from sightcheck.place.references import likeness, store
from sightcheck.place.references.likeness import fingerprint as fingerprint
from sightcheck.place.references.reading import Embed, Given, Seen, blobs, read

if TYPE_CHECKING:
    from sightcheck.place.world.gazetteer import Claim

Progress = Callable[[int, int], None]
"""Called with photos done and photos in all."""

FEWEST_DIGITS = 6
"""Of a SHA-256 that stand for a photo."""
RENEWED = "UPDATE embedding SET model = ?, vector = ?, scenes = ?, places = ?, countries = ? WHERE id = ?"
PHOTOGRAPH = "sha256, name, licence, origin, added"


@dataclass(frozen=True)
class Photograph:
    """A reference photo: SHA-256 of its file, name, licence and origin as stated, time added."""

    sha256: str
    name: str
    licence: str
    origin: str
    added: str


@dataclass(frozen=True)
class References:
    """The m reference photos of a city, row by row.

    fingerprints (m,), 0 where too flat to have one; vectors (m, 64), scenes (m, 16), places (m, 365), countries (m, C)
    as in `Embedding`. Without photos every array is empty.
    """

    photographs: tuple[Photograph, ...]
    fingerprints: NDArray[np.uint64]
    vectors: NDArray[np.float32]
    scenes: NDArray[np.float32]
    places: NDArray[np.float32]
    countries: NDArray[np.float32]


@dataclass(frozen=True)
class CitySummary:
    """A city of the gallery: number of photos, of each licence ("" = not stated), time of the last one added."""

    geoname_id: int
    label: str
    city: str
    country: str
    photos: int
    licences: tuple[tuple[str, int], ...]
    last_added: str


@dataclass(frozen=True)
class Told:
    """A file and what is to be said of it."""

    name: str
    why: str


@dataclass(frozen=True)
class Added:
    """What became of each file given for a city.

    `near_copies` were kept out because of the photo named; `elsewhere` were added though the same photo is also
    there for the other city named, so one of the two claims is wrong; `left` stay under the other city alone, as was
    asked; `skipped` could not be read.
    """

    city: str
    added: tuple[str, ...]
    already: tuple[str, ...]
    near_copies: tuple[Told, ...]
    elsewhere: tuple[Told, ...]
    skipped: tuple[Told, ...]
    left: tuple[Told, ...] = ()


Outcome = Literal["added", "already", "near", "left", "skipped"]
Elsewhere = Literal["ask", "both", "move", "skip"]
OUTCOMES: tuple[Outcome, ...] = ("added", "already", "near", "left", "skipped")


class Gallery:
    """The store as a context manager; methods raise BrokenInstallation when it is damaged or not ours.

    `path`: $SIGHTCHECK_HOME/gallery.sqlite or the user's data folder. `embed` and `key`: what embeds a photo, and the
    name of that model; by default place.embedding's. Reading where there is no store yet makes none.
    """

    def __init__(self, path: Path | None = None, embed: Embed | None = None, key: str | None = None) -> None:
        self._store = store.Store(path or weights.home().parent / "gallery.sqlite")
        self._embed, self._key = embed, key

    def __enter__(self) -> "Gallery":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: object, trace: TracebackType | None) -> None:
        self._store.close()

    def add(
        self,
        claim: "Claim",
        folder: str | os.PathLike[str],
        licence: str = "",
        origin: str = "",
        progress: Progress | None = None,
        elsewhere: Elsewhere = "both",
        each: sandbox.Each = map,
    ) -> Added:
        """Add every photo in a folder, at any depth, to a city. Raises UsageError for a claim that names no city.

        Hidden files and sidecars are passed over; links are not followed. A photo that is there changes nothing.
        `elsewhere`: what becomes of one that is filed under another city; "ask" raises UsageError. `each`: what reads
        the photos, one after another or several at once; they are kept in the order of their names.
        """
        files, passed = folders.files(Path(folder))
        licence, origin = folders.text(licence), folders.text(origin)
        given = [Given(name, "", licence, origin, partial(Path, path)) for name, path in files]
        return self._add_all(claim, given, [Told(*one) for one in passed], progress, elsewhere, each)

    def import_(self, path: str | os.PathLike[str], progress: Progress | None = None) -> Added:
        """Add the photos of an export; their pictures are embedded anew.

        Raises InputError when the file is no whole export, UsageError when its city is unknown here.
        """
        from sightcheck.place.world import gazetteer

        manifest = sandbox.run(exports.contents, os.fsencode(path))
        known = (one for one in gazetteer.candidates(manifest.city) if one.geoname_id == manifest.geoname_id)
        claim = next(known, None)
        if claim is None:
            raise UsageError(f"the export is of {manifest.city!r}, which the gazetteer does not know by its number")
        with tempfile.TemporaryDirectory(prefix="sightcheck-") as scratch, zipfile.ZipFile(path) as archive:
            alone = Path(scratch, "photo.jpg")
            given = [
                Given(one.name, one.sha256, one.licence, one.origin, partial(exports.unpack, archive, one, alone))
                for one in manifest.photos
            ]
            return self._add_all(claim, given, [], progress)

    def export(self, claim: "Claim", path: str | os.PathLike[str]) -> int:
        """Write a city's photos to a zip that `import_` reads; returns how many. Raises UsageError, OutputError."""
        photos = self._meant(claim, None)
        entries = tuple(exports.Entry(one.sha256, one.name, one.licence, one.origin) for one in photos)
        manifest = exports.Manifest("sightcheck gallery", 1, claim.geoname_id, claim.label, entries)
        exports.write(Path(path), manifest, (self.jpeg(claim.geoname_id, one.sha256) for one in photos))
        return len(photos)

    def remove(self, claim: "Claim", photo: str | None = None) -> tuple[str, ...]:
        """Remove a city, or its one photo of that name or SHA-256 (its beginning will do); returns the names removed.

        Raises UsageError when no photo or more than one is meant.
        """
        meant = self._meant(claim, photo)
        with self._store.writing():
            for one in meant:
                self._store.rows("DELETE FROM photo WHERE geoname_id = ? AND sha256 = ?", claim.geoname_id, one.sha256)
            self._store.rows("DELETE FROM city WHERE geoname_id NOT IN (SELECT geoname_id FROM photo)")
        return tuple(one.name for one in meant)

    def cities(self) -> tuple[CitySummary, ...]:
        """Every city that has photos, by label."""
        rows = self._store.rows(
            "SELECT geoname_id, label, city, country, licence, count(*), max(added) FROM city JOIN photo "
            "USING (geoname_id) GROUP BY geoname_id, licence ORDER BY label, geoname_id, count(*) DESC, licence"
        )
        return tuple(_summary([*parts]) for _, parts in groupby(rows, key=lambda row: row[:4]))

    def photographs(self, geoname_id: int) -> tuple[Photograph, ...]:
        """The photos of a city, in the order they were added."""
        rows = self._store.rows(f"SELECT {PHOTOGRAPH} FROM photo WHERE geoname_id = ? ORDER BY id", geoname_id)
        return tuple(Photograph(*row) for row in rows)

    def references(self, geoname_id: int, progress: Progress | None = None) -> References:
        """The photos of a city with their embeddings; those another model made are made anew first, and kept."""
        self._renew(geoname_id, progress)
        rows = self._store.rows(
            f"SELECT {PHOTOGRAPH}, fingerprint, vector, scenes, places, countries FROM photo JOIN embedding USING (id) "
            "WHERE geoname_id = ? AND model = ? ORDER BY id",
            geoname_id,
            self._model()[1],
        )
        *photographs, prints, vectors, scenes, places, countries = zip(*rows, strict=True) if rows else ((),) * 10
        stacked = self._store.stacked
        return References(
            tuple(map(Photograph, *photographs)),
            likeness.from_bytes(prints),
            stacked(vectors),
            stacked(scenes),
            stacked(places),
            stacked(countries),
        )

    def jpeg(self, geoname_id: int, sha256: str) -> bytes:
        """The small JPEG kept of a city's photo. Raises UsageError when there is none."""
        rows = self._store.rows(
            "SELECT jpeg FROM photo JOIN picture USING (id) WHERE geoname_id = ? AND sha256 = ?", geoname_id, sha256
        )
        if not rows:
            raise UsageError(f"the gallery has no photo {sha256[:12]}; see: sightcheck gallery list")
        return bytes(rows[0][0])

    def pixels(self, geoname_id: int, sha256: str) -> NDArray[np.uint8]:
        """The small picture kept of a city's photo, (H, W, 3). Raises UsageError, BrokenInstallation."""
        return self._pixels(self.jpeg(geoname_id, sha256))

    def _meant(self, claim: "Claim", photo: str | None) -> list[Photograph]:
        """All photos of a city, or the one that is called `photo`. Raises UsageError."""
        every = self.photographs(claim.geoname_id)
        meant = [one for one in every if photo is None or one.name == photo or _begins(one.sha256, photo)]
        if not meant:
            what = "photo" if photo is None else f"photo {photo!r}"
            raise UsageError(f"the gallery has no {what} of {claim.label}; see: sightcheck gallery list")
        if photo is not None and len(meant) > 1:
            which = ", ".join(one.sha256[:12] for one in meant[:5])
            raise UsageError(f"{photo!r} means {len(meant)} photos of {claim.label}; give its SHA-256, such as {which}")
        return meant

    def _add_all(
        self,
        claim: "Claim",
        given: Sequence[Given],
        skipped: list[Told],
        progress: Progress | None,
        elsewhere: Elsewhere = "both",
        each: sandbox.Each = map,
    ) -> Added:
        if not (claim.city and claim.geoname_id):
            raise UsageError(f"{claim.label or claim.text} names no city; name one, such as 'Berlin, Germany'")
        told: list[tuple[Outcome, Told]] = [("skipped", one) for one in skipped]
        kept = frozenset(one.sha256 for one in self.photographs(claim.geoname_id))
        found = each(partial(read, self._model()[0], kept), given)
        for number, (one, seen) in enumerate(zip(given, found, strict=True)):
            if progress is not None:
                progress(number, len(given))
            outcome: Outcome = "already" if seen is None else "skipped"
            why = "" if seen is None else str(seen)
            if isinstance(seen, Seen):
                outcome, why = self._keep(claim, one, seen, elsewhere)
            told.append((outcome, Told(one.name, why)))
        of = {kind: tuple(one for outcome, one in told if outcome == kind) for kind in OUTCOMES}
        added, already = (tuple(one.name for one in of[kind]) for kind in ("added", "already"))
        both = tuple(one for one in of["added"] if one.why)
        return Added(claim.label, added, already, of["near"], both, of["skipped"], of["left"])

    def _keep(self, claim: "Claim", given: Given, seen: "Seen", elsewhere: Elsewhere) -> tuple[Outcome, str]:
        """Keep a photo that was read -> its outcome, and the photo or city it repeats."""
        other = self._elsewhere(claim, seen.sha256)
        if other and elsewhere == "ask":
            raise UsageError(
                f"{given.name} is filed under {other} already: which city does it show? Say --elsewhere both, to keep "
                f"it under both; move, to keep it under {claim.label} alone; or skip, to leave it where it is"
            )
        if other and elsewhere == "skip":
            return "left", other
        with self._store.writing():
            if other and elsewhere == "move":
                self._store.rows(
                    "DELETE FROM photo WHERE sha256 = ? AND geoname_id != ?", seen.sha256, claim.geoname_id
                )
                self._store.rows("DELETE FROM city WHERE geoname_id NOT IN (SELECT geoname_id FROM photo)")
            if repeated := self._repeats(claim, seen.sha256, seen.bits):
                return repeated
            rows = self._store.rows
            rows("INSERT OR IGNORE INTO city VALUES (?, ?, ?, ?)", *_city(claim))
            now, bits = datetime.now(UTC).isoformat(timespec="seconds"), likeness.to_bytes(seen.bits)
            values = (claim.geoname_id, bits, seen.sha256, given.name, given.licence, given.origin, now)
            insert = f"INSERT INTO photo (geoname_id, fingerprint, {PHOTOGRAPH}) VALUES (?, ?, ?, ?, ?, ?, ?)"
            [(id_,)] = rows(f"{insert} RETURNING id", *values)
            rows("INSERT INTO picture VALUES (?, ?)", id_, seen.jpeg)
            rows("INSERT INTO embedding VALUES (?, ?, ?, ?, ?, ?)", id_, self._model()[1], *seen.blobs)
        return "added", self._elsewhere(claim, seen.sha256)

    def _repeats(self, claim: "Claim", sha256: str, bits: int) -> tuple[Outcome, str] | None:
        """Whether the city has this photo, or one whose fingerprint is near: then the outcome, and which one."""
        city = claim.geoname_id
        if self._store.rows("SELECT 1 FROM photo WHERE geoname_id = ? AND sha256 = ?", city, sha256):
            return "already", ""
        rows = self._store.rows("SELECT fingerprint, id FROM photo WHERE geoname_id = ?", city) if bits else []
        found = likeness.near(likeness.from_bytes([row[0] for row in rows]), bits)
        if not len(found):
            return None
        [(name,)] = self._store.rows("SELECT name FROM photo WHERE id = ?", rows[found[0]][1]) or [("",)]
        return "near", name

    def _elsewhere(self, claim: "Claim", sha256: str) -> str:
        """Label of another city for which the same photo is there, or ""."""
        rows = self._store.rows(
            "SELECT label FROM city JOIN photo USING (geoname_id) WHERE sha256 = ? AND geoname_id != ? LIMIT 1",
            sha256,
            claim.geoname_id,
        )
        return str(rows[0][0]) if rows else ""

    def _renew(self, geoname_id: int, progress: Progress | None) -> None:
        """Embed again, from the kept JPEGs, the photos of a city that another model embedded."""
        embed, key = self._model()
        stale = self._store.rows(
            "SELECT id FROM photo JOIN embedding USING (id) WHERE geoname_id = ? AND model != ?", geoname_id, key
        )
        for number, (id_,) in enumerate(stale):
            if progress is not None:
                progress(number, len(stale))
            for (jpeg,) in self._store.rows("SELECT jpeg FROM picture WHERE id = ?", id_):
                kept = blobs(embed(self._pixels(jpeg)))
                with self._store.writing():
                    self._store.rows(RENEWED, key, *kept, id_)

    def _pixels(self, jpeg: bytes) -> NDArray[np.uint8]:
        """A kept JPEG -> pixels (H, W, 3); SQLite does not notice when a picture's bytes have changed on the disk."""
        from sightcheck.media import photo

        try:
            return photo.from_jpeg(jpeg)
        except (OSError, SyntaxError, ValueError) as error:
            raise self._store.broken(f"one of its pictures cannot be decoded: {error}") from None

    def _model(self) -> tuple[Embed, str]:
        """What embeds a photo, and its name."""
        if self._embed is None or self._key is None:
            from sightcheck.place import embedding

            self._embed, self._key = embedding.embed, embedding.model_key()
        return self._embed, self._key


def near(references: References, bits: int) -> NDArray[np.intp]:
    """A photo's `fingerprint` -> rows of the references that are near copies of it, the nearest first."""
    return likeness.near(references.fingerprints, bits)


def _summary(rows: store.Rows) -> CitySummary:
    """A city's rows, one for each licence -> CitySummary."""
    geoname_id, label, city, country, *_ = rows[0]
    licences = tuple((licence, photos) for *_, licence, photos, _ in rows)
    photos, last = sum(photos for _, photos in licences), max(row[-1] for row in rows)
    return CitySummary(geoname_id, label, city, country, photos, licences, last)


def _city(claim: "Claim") -> tuple[int, str, str, str]:
    return claim.geoname_id, claim.label, claim.city, claim.country_name


def _begins(sha256: str, given: str) -> bool:
    return len(given) >= FEWEST_DIGITS and sha256.startswith(given.lower())
