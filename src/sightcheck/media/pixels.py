"""How does a photo become small, upright and sRGB, within little memory whatever its size?"""

import io
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.errors import Damaged, NotMedia

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE = 640  # the thesis's shorter side, Section 7.2
GREY_SPREAD = 2.0
"""Mean standard deviation across the colour channels, of 255, below which a picture is grey-level (7.2.1)."""
GAP = 3.0
"""A picture is averaged over blocks to this many times the wanted size, then resampled."""
LARGE = 50_000_000
"""Pixels from which on a picture is made small strip by strip."""
STRIP = 4_000_000
BLOCK = 1 << 20
END = b"\xff\xd9"
"""The mark that ends a JPEG."""
NOISE = bytes(range(1, 250, 3))


def small(
    image: "Image", orientation: Callable[["Image"], int], judge: Callable[["Image"], None]
) -> tuple[NDArray[np.uint8], tuple[str, ...]]:
    """An open photo -> pixels (H, W, 3), notes on how they were made.

    `orientation` and `judge` are asked once it is decoded: some files say only then how they lie, how large they are.
    Raises Damaged, NotMedia.
    """
    deep = _deep(image)
    if image.format in ("JPEG", "MPO"):
        share = 2 * SIDE / min(image.size)
        image.draft(None, (round(image.width * share), round(image.height * share)))
    sandbox.step()
    source: IO[bytes] | None = getattr(image, "fp", None)  # forgotten once it is decoded
    image.load()
    sandbox.step()
    judge(image)  # some sizes are known only now
    reduced = shrunk(_in_strips(image) if image.width * image.height > LARGE else _eight_bits(image), SIDE)
    if image.format in ("JPEG", "MPO"):
        _refuse_missing(np.asarray(reduced), image, source)
    colours, notes = _srgb(reduced, image.info.get("icc_profile"))
    pixels = np.asarray(_turned(colours, orientation(image)))
    if pixels.std(axis=2).mean() < GREY_SPREAD:
        notes += ("grey-level: country recognition was made for colour photos",)
    if deep:
        notes += ("deeper than 8 bits: looked at in 8",)
    return pixels, notes


def _turned(image: "Image", orientation: int) -> "Image":
    """A picture upright, by its EXIF orientation."""
    from PIL.Image import Transpose

    turns = (
        Transpose.FLIP_LEFT_RIGHT,
        Transpose.ROTATE_180,
        Transpose.FLIP_TOP_BOTTOM,
        Transpose.TRANSPOSE,
        Transpose.ROTATE_270,
        Transpose.TRANSVERSE,
        Transpose.ROTATE_90,
    )
    return image if orientation == 1 else image.transpose(turns[orientation - 2])


def _deep(image: "Image") -> bool:
    """Whether the file holds more than 8 bits a channel."""
    bits = getattr(image, "tag_v2", {}).get(258, image.info.get("bit_depth", 8))
    sixteen = any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))
    return image.mode.startswith("I") or sixteen or max(np.atleast_1d(np.asarray(bits)).tolist()) > 8


def _eight_bits(image: "Image") -> "Image":
    """Any mode -> L, LA, RGB, RGBA or CMYK in 8 bits: deep tones are scaled, palettes looked up. Raises NotMedia."""
    from PIL import Image

    if image.mode.startswith("I"):
        tones = np.asarray(image)
        if tones.min() < 0 or tones.max() > 65535:
            raise NotMedia("holds 32-bit numbers, not a photo's tones; export it in 8 or 16 bits")
        return Image.fromarray((tones >> 8).astype(np.uint8))
    if image.mode in ("P", "PA", "RGBa") or "transparency" in image.info:
        clear = image.mode != "P" or "transparency" in image.info
        return image.convert("RGBA" if clear else "RGB")
    if image.mode in ("1", "La"):
        return image.convert("L" if image.mode == "1" else "LA")
    if image.mode in ("YCbCr", "HSV", "RGBX"):
        return image.convert("RGB")
    if image.mode not in ("L", "LA", "RGB", "RGBA", "CMYK"):
        raise NotMedia(f"has {image.mode} values, which are not read here; export it as an RGB photo")
    return image


def shrunk(image: "Image", shorter: int) -> "Image":
    """Antialiased to a shorter side of at most `shorter`; never enlarged."""
    from PIL import Image

    share = shorter / min(image.size)
    if share >= 1:
        return image
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=GAP)


def _in_strips(image: "Image") -> "Image":
    """A large picture -> its mean over blocks, in 8 bits, made strip by strip so that no copy of it is ever whole."""
    from PIL import Image

    factor = max(1, int(min(image.size) / SIDE / GAP))
    rows = max(1, STRIP // (factor * image.width)) * factor
    found: Image.Image | None = None
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        part = _eight_bits(strip).reduce(factor)
        if found is None:
            found = Image.new(part.mode, (part.width, -(-image.height // factor)))
        found.paste(part, (0, top // factor))
        sandbox.step()
    assert found is not None
    return found


def _refuse_missing(pixels: NDArray[np.uint8], image: "Image", source: IO[bytes] | None) -> None:
    """Raise Damaged when the last rows are the flat grey that a JPEG decoder puts where data end early."""
    distance = np.abs(pixels.reshape(len(pixels), -1).astype(np.int16) - 128).max(axis=1)  # (H,)
    seen = np.flatnonzero(distance > 1)
    missing = 1 - (seen[-1] + 1) / len(distance) if len(seen) else 1.0
    if missing > 0.03 and not _complete(image, source):
        raise Damaged(f"is damaged: the last {missing:.0%} of its picture is missing; give a whole copy")


def _complete(image: "Image", source: IO[bytes] | None) -> bool:
    """Whether a JPEG's data reach its last row: bytes put behind them change nothing then, and fill a gap otherwise."""
    from PIL import Image

    if source is None:
        return True
    pictures = []
    with tempfile.TemporaryFile() as copy:
        source.seek(0)
        shutil.copyfileobj(source, copy, BLOCK)
        end = _end(copy)
        for more in (b"", NOISE):
            copy.truncate(end)
            copy.seek(end)
            copy.write(more + END)
            copy.seek(0)
            with Image.open(copy, formats=["JPEG"]) as again:
                again.draft(None, image.size)
                pictures.append(np.asarray(again))
            sandbox.step()
    return bool((pictures[0] == pictures[1]).all())


def _end(file: IO[bytes]) -> int:
    """Where the last mark that ends a JPEG begins, or the file ends where it has none; read block by block."""
    at = file.seek(0, os.SEEK_END)
    size, after = at, b""
    while at > 0:
        at = max(0, at - BLOCK)
        file.seek(at)
        after = file.read(BLOCK) + after[:1]
        if (found := after.rfind(END)) >= 0:
            return at + found
    return size


def _srgb(image: "Image", profile: bytes | None) -> tuple["Image", tuple[str, ...]]:
    """L, LA, RGB, RGBA or CMYK -> RGB by its colour profile, over white where transparent; and notes."""
    from PIL import Image

    notes: tuple[str, ...] = ()
    clear = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    plain = image.convert(image.mode[:-1]) if clear else image
    colours = _profiled(plain, profile) if profile else None
    if profile and colours is None:
        notes += ("its colour profile cannot be used: colours are read as sRGB",)
    elif plain.mode == "CMYK" and colours is None:
        notes += ("in printing inks (CMYK) without a profile: colours are approximate",)
    colours = colours or plain.convert("RGB")
    if clear and int(np.asarray(clear).min()) < 255:
        notes += ("transparent in part: looked at over white",)
        colours = Image.composite(colours, Image.new("RGB", image.size, "white"), clear)
    return colours, notes


def _profiled(image: "Image", profile: bytes) -> "Image | None":
    """Colours by an ICC profile, None where it does not fit the picture."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        return ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
