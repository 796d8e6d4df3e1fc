"""Does every bad or odd photo end in pixels or in one sentence, within the limits and without harm to the caller?"""

import io
import os
import re
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from conftest import moving_picture, write_video
from sightcheck import sandbox
from sightcheck.errors import Damaged, InputError, NotAFile, NotMedia, OverLimit
from sightcheck.media import Seen, look_photo
from sightcheck.media.photo import MIN_SIDE
from sightcheck.media.pixels import SIDE

DATA = Path(os.environ.get("SIGHTCHECK_DATA", Path(__file__).parents[2] / "shared/data/video")).parent
ODD = sorted((DATA / "bad/image").glob("*"))

Maker = Callable[[Path], object]


def encoded(format: str, size: tuple[int, int] = (240, 160), **options: object) -> bytes:
    buffer = io.BytesIO()
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    noise = np.random.default_rng(0).integers(0, 60, (size[1], size[0], 3))
    scene = np.stack([x % 190, y % 180, (x + y) % 170], axis=2) + noise
    Image.fromarray(scene.astype(np.uint8)).save(buffer, format, **options)
    return buffer.getvalue()


def content(data: bytes) -> Maker:
    return lambda path: path.write_bytes(data)


def cut(format: str, share: float, **options: object) -> Maker:
    data = encoded(format, **options)
    return content(data[: int(share * len(data))])


def ended(share: float, **options: object) -> Maker:
    """A JPEG whose data stop early but which is closed properly: its decoder fills the rest with grey."""
    data = encoded("JPEG", **options)
    return content(data[: int(share * len(data))] + b"\xff\xd9")


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(body) + chunk(data)


def chunk(part: bytes) -> bytes:
    """A PNG's chunk, its name before its content."""
    return struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))


def tiff_header(width: int, height: int, *more: tuple[int, int]) -> bytes:
    entries = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, height), (279, 100)]
    entries = sorted([*entries, *more])
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    return struct.pack("<2sHIH", b"II", 42, 8, len(entries)) + directory + bytes(104)


def floats(path: Path) -> None:
    Image.fromarray(np.linspace(0, 1e6, 64 * 64, dtype=np.float32).reshape(64, 64)).save(path, "TIFF")


SVG = b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>"

REFUSED: dict[str, tuple[Maker, type[InputError], str]] = {
    "zero bytes": (content(b""), NotMedia, "is empty; give a photo"),
    "text": (content(b"Dear reader,\n" * 50), NotMedia, "is not a photo"),
    "noise": (content(np.random.default_rng(0).bytes(5000)), NotMedia, "is not a photo"),
    "html": (content(b"<!doctype html><img src='https://example.org/a.jpg'>"), NotMedia, "is not a photo"),
    "svg": (content(SVG), NotMedia, "an SVG: a drawing, not a photo"),
    "svg in utf-16": (content(SVG.decode().encode("utf-16")), NotMedia, "an SVG: a drawing, not a photo"),
    "pdf": (content(b"%PDF-1.7\n"), NotMedia, "a PDF document"),
    "eps": (content(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n"), NotMedia, "a PostScript file"),
    "psd": (content(b"8BPS\0\1" + bytes(40)), NotMedia, "a Photoshop file"),
    "ico": (content(encoded("ICO")), NotMedia, "an icon"),
    "jpeg 2000": (content(encoded("JPEG2000")), NotMedia, "a JPEG 2000 file"),
    "ppm": (content(encoded("PPM")), NotMedia, "is not a photo"),
    "tga": (content(encoded("TGA")), NotMedia, "is not a photo"),
    "sgi": (content(encoded("SGI")), NotMedia, "is not a photo"),
    "video": (
        lambda path: write_video(path, moving_picture(2), format="mp4"),
        NotMedia,
        "is a video; ask `sightcheck video`",
    ),
    "raw": (content(tiff_header(64, 64, (254, 1))), NotMedia, "camera's raw file"),
    "dng": (content(tiff_header(64, 64, (50706, 1))), NotMedia, "camera's raw file"),
    "floats": (floats, NotMedia, "F values, which are not read here"),
    "1x1": (content(encoded("PNG", (1, 1))), NotMedia, "is 1x1 pixels, too small to judge; .* at least 32"),
    "thin": (content(encoded("JPEG", (400, 31))), NotMedia, "too small to judge"),
    "long": (content(encoded("PNG", (400, 32))), OverLimit, "crop the part that matters"),
    "png bomb": (content(png_header(40_000, 40_000)), OverLimit, "is 40000x40000; the limit is 200 megapixels"),
    "tiff bomb": (content(tiff_header(40_000, 40_000)), OverLimit, "is 40000x40000; the limit is 200 megapixels"),
    "gif bomb": (
        content(b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;"),
        OverLimit,
        "is 65535x65535; the limit is 200 megapixels",
    ),
    "text bomb": (
        content(png_header(64, 64)[:33] + chunk(b"zTXtparameters\0\0" + zlib.compress(bytes(65 << 20)))),
        OverLimit,
        "more than 64 MiB of text beside its picture; save it without its metadata",
    ),
    "jpeg bomb": (
        content(
            re.sub(
                rb"(\xff\xc0\0\x11\x08)....", lambda found: found[1] + b"\xff\xdc\xff\xdc", encoded("JPEG"), flags=re.S
            )
        ),
        OverLimit,
        "is 65500x65500",
    ),
    "jpeg in its header": (cut("JPEG", 0.02), Damaged, "may be truncated"),
    "jpeg at a half": (cut("JPEG", 0.5), Damaged, "truncated"),
    "jpeg at a half, progressive": (cut("JPEG", 0.5, progressive=True), Damaged, "truncated"),
    "jpeg that was closed": (ended(0.5), Damaged, "the last [45]\\d% of its picture is missing; give a whole copy"),
    "png at a half": (cut("PNG", 0.5), Damaged, "truncated"),
    "webp at a half": (cut("WEBP", 0.5), Damaged, "truncated"),
    "gif at a half": (cut("GIF", 0.5), Damaged, "truncated"),
    "tiff at a half": (cut("TIFF", 0.5), Damaged, "truncated"),
    "deflated tiff at a half": (cut("TIFF", 0.5, compression="tiff_lzw"), Damaged, "truncated"),
    "bmp at a half": (cut("BMP", 0.5), Damaged, "truncated"),
    "avif at a half": (cut("AVIF", 0.5), Damaged, "truncated"),
    "only a name": (content(b"\x89PNG\r\n\x1a\n"), Damaged, "looks like PNG but cannot be read"),
    "another inside": (content(b"\xff\xd8\xff" + encoded("PNG")), Damaged, "looks like JPEG but cannot be read"),
    "folder": (lambda path: path.mkdir(), NotAFile, "not a regular file"),
    "missing": (lambda path: None, NotAFile, "No such file"),
    "fifo": (lambda path: os.mkfifo(path), NotAFile, "not a regular file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), NotAFile, "not a regular file"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_photo_gets_one_sentence(name: str, tmp_path: Path) -> None:
    make, kind, pattern = REFUSED[name]
    path = tmp_path / f"{name}.jpg"
    make(path)
    started = time.monotonic()
    with pytest.raises(InputError) as caught:
        sandbox.run(look_photo, os.fsencode(path))
    assert time.monotonic() - started < 10
    assert (caught.type, bool(re.search(pattern, str(caught.value)))) == (kind, True), caught.value
    assert str(caught.value).isprintable()


def test_heic_cut_at_a_half(tmp_path: Path) -> None:
    from pillow_heif import register_heif_opener

    register_heif_opener()
    cut("HEIF", 0.5)(tmp_path / "a.heic")
    with pytest.raises(Damaged, match="truncated"):
        sandbox.run(look_photo, os.fsencode(tmp_path / "a.heic"))


def test_a_file_over_a_gibibyte_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(encoded("JPEG"))
    os.truncate(path, (1 << 30) + 1)  # sparse
    with pytest.raises(OverLimit, match="larger than 1024 MiB"):
        look_photo(os.fsencode(path))


def test_a_bomb_of_megapixels_within_the_limit_is_held_by_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.gif"
    path.write_bytes(b"GIF89a\xff\x7f\x70\x17\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\x7f\x70\x17\0\2\2L\1\0;")
    limits = sandbox.Limits(memory_bytes=700 << 20)
    with pytest.raises(InputError, match=r"memory|truncated|read"):
        sandbox.run(look_photo, os.fsencode(path), limits=limits)


@pytest.mark.parametrize("seed", range(4))
def test_flipped_bytes_end_in_pixels_or_a_sentence(seed: int, tmp_path: Path) -> None:
    random, path = np.random.default_rng(seed), tmp_path / "a"
    for format in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF"):
        data = np.frombuffer(encoded(format, (64, 48)), np.uint8).copy()
        data[random.integers(12, min(len(data), 2000), 6)] = random.integers(0, 256, 6)
        path.write_bytes(data.tobytes())
        answered(path)


def answered(path: Path) -> str:
    """The format, or the class of the error; what comes back is checked."""
    try:
        seen: Seen = sandbox.run(look_photo, os.fsencode(path))
    except InputError as error:
        return type(error).__name__
    assert seen.pixels.ndim == 3
    assert seen.pixels.dtype == np.uint8
    assert MIN_SIDE <= min(seen.pixels.shape[:2]) <= SIDE
    assert seen.pixels.shape[2] == 3
    assert len(seen.photo.tags) <= 200
    return seen.photo.format


@pytest.mark.skipif(not ODD, reason=f"no odd photos under {DATA / 'bad/image'}")
def test_every_odd_photo_ends_in_pixels_or_a_sentence_in_time() -> None:
    slow, found = {}, []
    for path in ODD:
        started = time.monotonic()
        found.append(answered(path))
        took = time.monotonic() - started
        if took > 10:
            slow[path.name] = took
    assert slow == {}
    assert {"JPEG", "PNG", "GIF", "TIFF", "NotMedia", "Damaged", "OverLimit"} <= set(found)
    assert set(found) <= {"JPEG", "MPO", "PNG", "GIF", "TIFF", "HEIF", "NotMedia", "Damaged", "OverLimit"}
