"""How is a photo read for the gallery? Once: shrunk, fingerprinted, embedded, all from the one JPEG that is kept."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.errors import InputError
from sightcheck.place.references import folder as folders
from sightcheck.place.references.likeness import fingerprint

if TYPE_CHECKING:
    from sightcheck.place.embedding import Embedding

Embed = Callable[[NDArray[np.uint8]], "Embedding"]

SHORTER, QUALITY = 256, 92
"""Of the JPEG that is kept: shorter side in pixels, as the networks read it, and quality."""


@dataclass(frozen=True)
class Given:
    """A photo to add: its name, the SHA-256 stated for it ("" = of the file), and what puts it at a path."""

    name: str
    sha256: str
    licence: str
    origin: str
    path: Callable[[], Path]


@dataclass(frozen=True)
class Seen:
    """A photo that was read: SHA-256, fingerprint, the JPEG to keep and its embedding as bytes."""

    sha256: str
    bits: int
    jpeg: bytes
    blobs: tuple[bytes, ...]


def read(embed: Embed, kept: frozenset[str], given: Given) -> Seen | InputError | None:
    """Read, shrink and embed a photo; None for one that is kept already, the error for one that cannot be read."""
    from sightcheck.media import photo

    try:
        path = given.path()
        if (given.sha256 or folders.sha256(path)) in kept:
            return None
        seen = sandbox.run(photo.look_photo, os.fsencode(path))
    except InputError as error:
        return error
    jpeg = photo.jpeg(seen.pixels, SHORTER, QUALITY)
    pixels = photo.from_jpeg(jpeg)
    return Seen(given.sha256 or seen.photo.sha256, fingerprint(pixels), jpeg, blobs(embed(pixels)))


def blobs(embedding: "Embedding") -> tuple[bytes, ...]:
    """An embedding -> the bytes of its vector, scene groups, scenes and countries, little-endian float32."""
    parts = (embedding.vector, embedding.scenes, embedding.places, embedding.countries)
    return tuple(np.asarray(part, "<f4").tobytes() for part in parts)
