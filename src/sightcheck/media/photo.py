"""What is in this photo? Its pixels, upright and small; its identity; what it says of itself.

Formats are told by their first bytes, never by name, and Pillow may try no other decoder than the one they name.
"""

import importlib
import io
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from sightcheck.errors import Damaged, NotMedia, OverLimit, SightcheckError
from sightcheck.media.container import _regular_file, _sha256, sniff
from sightcheck.media.declared import Declaration
from sightcheck.media.pixels import shrunk, small

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SIDE = 32
MAX_ASPECT = 10
MAX_PIXELS = 200_000_000
SLACK = 1.05
"""Phones that are sold with 200 megapixels have a few more."""
MEMORY_BYTES = 1_450_000_000
"""What the pixels of a photo may take while they are decoded."""
DECODED_BYTES = {"WEBP": 16.5, "AVIF": 10.0, "HEIF": 8.5}
"""Bytes a pixel at the peak, of formats whose decoders know no smaller size and keep copies; of all others under 7."""
MAX_TEXT_BYTES = 64 << 20
"""Of a PNG's compressed texts together: workflows of generators have many megabytes."""
MAX_BESIDE_BYTES = 128 << 20
"""Of all that a header holds beside the picture."""
MAX_BYTES = 1 << 30
MODULES = {
    "JPEG": "PIL.JpegImagePlugin",
    "PNG": "PIL.PngImagePlugin",
    "GIF": "PIL.GifImagePlugin",
    "BMP": "PIL.BmpImagePlugin",
    "TIFF": "PIL.TiffImagePlugin",
    "WEBP": "PIL.WebPImagePlugin",
    "AVIF": "PIL.AvifImagePlugin",
}
STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
REFUSED = {
    b"%PDF": "a PDF document",
    b"%!PS": "a PostScript file",
    b"\xc5\xd0\xd3\xc6": "a PostScript file",
    b"8BPS": "a Photoshop file",
    b"\0\0\1\0": "an icon",
    b"\0\0\0\x0cjP  ": "a JPEG 2000 file",
    b"\xff\x4f\xff\x51": "a JPEG 2000 file",
    b"\0\0\0\x0cJXL ": "a JPEG XL file",
    b"\xff\x0a": "a JPEG XL file",
    b"\0\0\0\x18ftypcrx ": "a camera's raw file",
    b"FUJIFILMCCD-RAW": "a camera's raw file",
}


class Photo(msgspec.Struct, frozen=True, tag_field="kind", tag="photo"):
    """A photo file: its identity and what it says of itself. `width` and `height` are upright, in pixels.

    `orientation` is the EXIF orientation (1 to 8) that was undone. `tags` are the file's own claims as (name, value),
    unverified; `notes` say what was done to read it; `declared`: where it says that it is synthetic.
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
    declared: tuple[Declaration, ...] = ()


@dataclass(frozen=True)
class Seen:
    """A photo and its pixels: (H, W, 3) uint8 sRGB, upright, shorter side at most 640, never enlarged."""

    photo: Photo
    pixels: NDArray[np.uint8]


def look_photo(path: bytes) -> Seen:
    """Hash a photo, read what it says of itself, decode it upright and small. Section 7.2. Raises InputError."""
    from sightcheck.media.credentials import credentials
    from sightcheck.media.tags import tags_of

    with _regular_file(path) as file, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        name = _format(file)
        size_bytes, sha256 = os.fstat(file.fileno()).st_size, _sha256(file)
        sealed = credentials(file, name)
        file.seek(0)
        with _opened(file, name) as image:
            size, frames = image.size, _frames(image)
            undone = _orientation(image) if name == "TIFF" else 1  # Pillow turns a TIFF as it decodes it
            pixels, notes = small(image, _orientation, _judge)
            orientation = _orientation(image)
            width, height = size[::-1] if orientation > 4 else size
            tags, declared, damaged = tags_of(image, sealed)
            kind, mode = image.format or name, image.mode
    notes += (f"holds {frames} pictures: only the first is looked at",) if frames > 1 else ()
    notes += damaged or tuple({"its metadata are damaged in part" for one in warned if "EXIF" in str(one.message)})
    photo = Photo(
        path=os.fsdecode(path).encode("utf-8", "backslashreplace").decode(),
        sha256=sha256,
        size_bytes=size_bytes,
        format=kind,
        mode=mode,
        width=width,
        height=height,
        orientation=max(orientation, undone),
        frames=frames,
        tags=tags,
        notes=notes,
        declared=declared,
    )
    return Seen(photo, pixels)


def jpeg(pixels: NDArray[np.uint8], shorter: int, quality: int) -> bytes:
    """(H, W, 3) uint8 -> a JPEG whose shorter side is at most `shorter` pixels; quality 1 to 95."""
    from PIL import Image

    buffer = io.BytesIO()
    shrunk(Image.fromarray(np.ascontiguousarray(pixels)), shorter).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def png(pixels: NDArray[np.uint8], shorter: int) -> bytes:
    """(H, W, 3) uint8 -> a PNG whose shorter side is at most `shorter` pixels."""
    from PIL import Image

    buffer = io.BytesIO()
    shrunk(Image.fromarray(np.ascontiguousarray(pixels)), shorter).save(buffer, "PNG")
    return buffer.getvalue()


def from_jpeg(data: bytes) -> NDArray[np.uint8]:
    """A JPEG that `jpeg` made -> (H, W, 3) uint8. Not for strangers' files: it runs in this process."""
    from PIL import Image

    with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
        return np.asarray(image.convert("RGB"))


def _format(file: BinaryIO) -> str:
    """The format that the first bytes name; raises NotMedia, OverLimit."""
    head = file.read(512)
    file.seek(0)
    if not head:
        raise NotMedia("is empty; give a photo")
    if os.fstat(file.fileno()).st_size > MAX_BYTES:
        raise OverLimit(f"is larger than {MAX_BYTES >> 20} MiB; save it as a JPEG first")
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        box = min(int.from_bytes(head[:4], "big"), len(head))
        brands = {head[8:12], *(head[at : at + 4] for at in range(16, box, 4))}
        if brands & {b"avif", b"avis"}:
            return "AVIF"
        if brands & HEIF_BRANDS:
            return "HEIF"
    for start, name in STARTS.items():
        if head.startswith(start):
            return name
    raise NotMedia(_why_not(head))


def _why_not(head: bytes) -> str:
    """First bytes that are no photo's -> the sentence that says what they are."""
    text = head.replace(b"\0", b"").lower()  # UTF-16 as well
    if b"<svg" in text or b"<!doctype svg" in text:
        return "is an SVG: a drawing, not a photo"
    for start, name in REFUSED.items():
        if head.startswith(start):
            return f"is {name}, which is not read here; export the photo as JPEG or PNG"
    if sniff(head):
        return "is a video; ask `sightcheck video` about it"
    return "is not a photo: its first bytes are not JPEG, PNG, WebP, GIF, TIFF, BMP, HEIC or AVIF"


@contextmanager
def _opened(file: BinaryIO, name: str) -> Iterator["Image"]:
    """Open a photo with the one decoder that may read it; its stated size is within limits before it is decoded."""
    from PIL import Image, UnidentifiedImageError

    if name == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    else:
        module = importlib.import_module(MODULES[name])
        if name == "PNG":
            vars(module).update(MAX_TEXT_CHUNK=MAX_TEXT_BYTES, MAX_TEXT_MEMORY=MAX_TEXT_BYTES)
    allowed, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None  # the size is judged here, in our words
    try:
        with Image.open(file, formats=[name]) as image:
            _judge(image, os.fstat(file.fileno()).st_size)
            yield image
    except (SightcheckError, MemoryError):
        raise
    except Exception as error:  # a decoder of hostile bytes may raise anything
        if "MAX_TEXT" in str(error):
            raise OverLimit(
                f"holds more than {MAX_TEXT_BYTES >> 20} MiB of text beside its picture; save it without its metadata"
            ) from None
        reason = "its header cannot be read" if isinstance(error, UnidentifiedImageError) else str(error)
        raise Damaged(f"looks like {name} but cannot be read ({reason}); it may be truncated") from None
    finally:
        Image.MAX_IMAGE_PIXELS = allowed


def _judge(image: "Image", size_bytes: int = 0) -> None:
    """Refuse by the header: what is too big, too small or too long to be judged, and previews of raw files.

    `size_bytes`: the file's, 0 once it is decoded.
    """
    width, height = image.size
    if width * height > SLACK * MAX_PIXELS:
        raise OverLimit(f"is {width}x{height}; the limit is {MAX_PIXELS / 1e6:.0f} megapixels")
    if _beside(image) > MAX_BESIDE_BYTES:
        raise OverLimit(f"has over {MAX_BESIDE_BYTES >> 20} MiB beside its picture; save it without its metadata")
    if _decoded_bytes(image, size_bytes) > MEMORY_BYTES:
        kind = "a JPEG in inks" if image.mode == "CMYK" else image.format
        raise OverLimit(
            f"is {width}x{height}: {kind} can only be decoded whole, which would take more than 1.5 GiB; "
            f"save it as {'a JPEG in RGB' if image.mode == 'CMYK' else 'JPEG'} first"
        )
    if min(width, height) < MIN_SIDE:
        raise NotMedia(f"is {width}x{height} pixels, too small to judge; its shorter side must be at least {MIN_SIDE}")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise OverLimit(f"is {width}x{height}: over {MAX_ASPECT} times as long as wide; crop the part that matters")
    directory = getattr(image, "tag_v2", {})
    if directory.get(254) == 1 or 50706 in directory:
        raise NotMedia("is a camera's raw file, of which only a preview can be read here; export it as JPEG")


def _decoded_bytes(image: "Image", size_bytes: int) -> float:
    """Bytes at the peak, where the whole picture must be held to decode it."""
    pixels = image.width * image.height
    if image.format in ("JPEG", "MPO"):  # 16 bits a coefficient, all of them where it comes in several scans
        return 2.0 * len(image.getbands()) * pixels
    if image.format in DECODED_BYTES:  # the file is held twice beside it
        return DECODED_BYTES[image.format] * pixels + 2 * size_bytes
    return 0.0


def _beside(image: "Image") -> int:
    """Bytes of metadata that are in memory once the header is read."""
    segments = (*getattr(image, "applist", ()), *getattr(image, "private_chunks", ()))
    stated = [one for one in image.info.values() if isinstance(one, bytes | str)]
    return sum(len(one[1]) for one in segments) + sum(map(len, stated))


def _frames(image: "Image") -> int:
    """How many pictures the file holds; those that can be counted, where a later one is damaged."""
    try:
        return int(getattr(image, "n_frames", 1))
    except (OSError, SyntaxError, ValueError, IndexError, KeyError, TypeError):
        image.seek(0)
        return 1


def _orientation(image: "Image") -> int:
    """The EXIF orientation that is still to be undone, 1 where there is none or nonsense."""
    try:
        value = image.getexif().get(274, 1)
    except Exception:  # damaged EXIF may raise anything; tags_of says so
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1
