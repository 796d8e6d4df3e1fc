"""How does a gallery travel to a colleague? One plain zip: manifest.json and the small JPEGs.

Embeddings stay at home: a stranger's could say anything, so they are made anew from the pictures. What comes in is
hostile until shown otherwise: `contents` runs in the sandbox, nothing is unpacked to a name that the zip chooses.
"""

import os
import secrets
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from sightcheck.errors import Damaged, NotAFile, NotMedia, OutputError, OverLimit

MANIFEST = "manifest.json"
MOST_PHOTOS = 20_000
MOST_BYTES = 2 << 30
MOST_MANIFEST_BYTES = 32 << 20
MOST_PHOTO_BYTES = 4 << 20
"""A picture with a shorter side of 256 pixels takes about 30 kB."""

Text = Annotated[str, msgspec.Meta(max_length=1000)]


@dataclass(frozen=True)
class Entry:
    """One photo of an export; `sha256` is of the original file, on the exporter's word."""

    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
    name: Text
    licence: Text
    origin: Text

    @property
    def member(self) -> str:
        """Its name inside the zip."""
        return f"photos/{self.sha256}.jpg"


@dataclass(frozen=True)
class Manifest:
    """What an export holds: photos of one city."""

    format: Literal["sightcheck gallery"]
    version: Literal[1]
    geoname_id: Annotated[int, msgspec.Meta(ge=1, lt=2**53)]
    city: Text
    photos: Annotated[tuple[Entry, ...], msgspec.Meta(max_length=MOST_PHOTOS)]


def write(path: Path, manifest: Manifest, jpegs: Iterable[bytes]) -> None:
    """Write a manifest and the JPEG of each of its photos, in order: whole or not at all. Raises OutputError."""
    part = path.with_name(f".sightcheck-{secrets.token_hex(6)}")
    try:
        with zipfile.ZipFile(part, "x") as archive:  # ZipInfo states a fixed time: same photos, same bytes
            text = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
            archive.writestr(zipfile.ZipInfo(MANIFEST), text, zipfile.ZIP_DEFLATED)
            for entry, jpeg in zip(manifest.photos, jpegs, strict=True):
                archive.writestr(zipfile.ZipInfo(entry.member), jpeg)
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"{path} could not be written: {error.strerror}; choose another place") from None
    finally:
        part.unlink(missing_ok=True)


def contents(path: bytes) -> Manifest:
    """An export -> its manifest, when the zip holds what that names and nothing else, within the limits.

    Runs in the sandbox. Raises NotAFile, NotMedia, Damaged, OverLimit.
    """
    try:
        if os.path.getsize(path) > MOST_BYTES:
            raise OverLimit(f"the export is larger than {MOST_BYTES >> 30} GiB")
        with zipfile.ZipFile(os.fsdecode(path)) as archive:
            members = archive.infolist()
            _check_sizes(members)
            manifest = msgspec.json.decode(_member(archive, MANIFEST), type=Manifest)
    except OSError as error:
        raise NotAFile(f"the export cannot be read: {error.strerror}") from None
    except KeyError:
        raise NotMedia("it is no export of a gallery: it has no manifest.json") from None
    except zipfile.BadZipFile:
        raise NotMedia("it is no export of a gallery: it is not a zip file") from None
    except msgspec.DecodeError as error:
        raise Damaged(f"its manifest is malformed ({error}); ask for the export again") from None
    named = [MANIFEST, *(entry.member for entry in manifest.photos)]
    if sorted(named) != sorted(member.filename for member in members):
        raise Damaged("it does not hold exactly the photos that its manifest names; ask for the export again")
    return manifest


def unpack(archive: zipfile.ZipFile, entry: Entry, path: Path) -> Path:
    """Write the JPEG of one photo, for which nobody vouches, to a path of ours; returns it. Raises Damaged."""
    path.write_bytes(_member(archive, entry.member))
    return path


def _check_sizes(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MOST_PHOTOS + 1:
        raise OverLimit(f"the export holds more than {MOST_PHOTOS:,} photos")
    if sum(member.file_size for member in members) > MOST_BYTES:
        raise OverLimit(f"the export unpacks to more than {MOST_BYTES >> 30} GiB")
    for member in members:
        if member.file_size > (MOST_MANIFEST_BYTES if member.filename == MANIFEST else MOST_PHOTO_BYTES):
            raise OverLimit(f"one file of the export unpacks to {member.file_size:,} bytes")
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise NotMedia("the export is encrypted or compressed in an unusual way")


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    """One file of a zip, no more of it than the size that was checked. Raises Damaged."""
    most = archive.getinfo(name).file_size
    try:
        with archive.open(name) as member:
            return member.read(most)  # without a size zlib may unpack gigabytes before they are cut off
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Damaged(f"a file of the export is damaged ({error})") from None
