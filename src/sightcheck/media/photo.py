"""What is in this photo? Its pixels, upright and small; its identity; what it says of itself."""

import msgspec


class Photo(msgspec.Struct, frozen=True, tag_field="kind", tag="photo"):
    """A photo file: its identity and what it says of itself. `width` and `height` are upright, in pixels.

    `tags` are the file's own claims as (name, value), unverified; `notes` say what was done to read it.
    """

    path: str
    sha256: str
    size_bytes: int
    format: str
    mode: str
    width: int
    height: int
    orientation: int
    frames: int
    tags: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
