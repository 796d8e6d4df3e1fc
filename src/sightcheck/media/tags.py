"""What does this photo say of itself? EXIF, XMP, IPTC and comments as plain text, none of it verified."""

import math
import re
from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any
from xml.parsers import expat

from PIL import ExifTags, IptcImagePlugin
from PIL.Image import Image
from PIL.ImageFile import ImageFile

from sightcheck.media.declared import Declaration, declarations

MAX_TAGS = 200
MAX_CHARACTERS = 2000
MAX_XMP_BYTES = 4 << 20
MAX_XMP_DEPTH = 32

Tags = list[tuple[str, str]]

# How the pixels are stored, pointers and blocks of bytes: not what the file says of the world.
STORAGE = {
    254, 255, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 282, 283, 284, 296, 317, 318, 319, 320, 322, 323, 324,
    325, 330, 338, 339, 347, 512, 513, 514, 529, 530, 531, 532, 700, 33723, 34377, 34665, 34675, 34853, 37500, 40965,
    50341, 59932,
}  # fmt: skip
WIDE = {40091, 40092, 40093, 40094, 40095}  # Windows' own title, comment, author, keywords, subject: UTF-16
IPTC = {
    (2, 5): "Title",
    (2, 25): "Keywords",
    (2, 55): "DateCreated",
    (2, 60): "TimeCreated",
    (2, 65): "Program",
    (2, 80): "Byline",
    (2, 90): "City",
    (2, 92): "Sublocation",
    (2, 95): "Province",
    (2, 100): "CountryCode",
    (2, 101): "Country",
    (2, 105): "Headline",
    (2, 110): "Credit",
    (2, 115): "Source",
    (2, 116): "Copyright",
    (2, 120): "Caption",
}
PREFIXES = {
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://ns.adobe.com/xap/1.0/": "xmp",
    "http://ns.adobe.com/xap/1.0/mm/": "xmpMM",
    "http://ns.adobe.com/xap/1.0/rights/": "xmpRights",
    "http://ns.adobe.com/photoshop/1.0/": "photoshop",
    "http://ns.adobe.com/exif/1.0/": "exif",
    "http://ns.adobe.com/tiff/1.0/": "tiff",
    "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/": "Iptc4xmpCore",
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/": "Iptc4xmpExt",
    "http://www.tc260.org.cn/ns/AIGC/1.0/": "TC260",
}
RESOURCE = "http://www.w3.org/1999/02/22-rdf-syntax-ns# resource"
"""An attribute that holds its element's value."""
SCAFFOLD = {
    "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "adobe:ns:meta/",
    "http://www.w3.org/XML/1998/namespace",
    "http://ns.adobe.com/xmp/note/",
}


def tags_of(
    image: Image, sealed: Sequence[tuple[str, str]] = ()
) -> tuple[tuple[tuple[str, str], ...], tuple[Declaration, ...], tuple[str, ...]]:
    """A decoded photo, what its seal says -> its claims as (name, value), what it declares itself, and notes.

    Claims are named `EXIF Model`, `XMP dc:title`, `IPTC City`: at most 200 of at most 2,000 characters, while
    declarations are looked for in all of them. What is damaged is passed over with a note.
    """
    found, notes = list(sealed), []
    for name, read in READERS.items():
        try:
            found += [(f"{name} {key}".strip(), value) for key, value in read(image)]
        except Exception:  # hostile bytes may raise anything, and the pixels are still worth an answer
            notes.append(f"its {name or 'comments'} cannot be read in full: damaged, and passed over")
    if len(found) > MAX_TAGS:
        notes.append(f"says {len(found):,} things of itself: the first {MAX_TAGS} are kept")
    kept = tuple((limited(key), limited(value)) for key, value in found[:MAX_TAGS])
    return kept, declarations(found), tuple(notes)


def limited(text: str) -> str:
    """Valid Unicode of at most 2,000 characters, saying how many there were."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]}… ({len(text):,} characters)"


def exif_tags(image: Image) -> Tags:
    """EXIF of the picture, the camera and the position; latitude and longitude in signed decimal degrees."""
    exif = image.getexif()
    values = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
    found = [(ExifTags.TAGS.get(key, f"0x{key:04x}"), _exif_text(key, value)) for key, value in values.items()
             if key not in STORAGE]  # fmt: skip
    return [(key, value) for key, value in found if value] + _position(exif.get_ifd(ExifTags.IFD.GPSInfo))


def _exif_text(key: int, value: Any) -> str:
    """An EXIF value as text: Windows' UTF-16 and the prefix of a user comment are undone."""
    if isinstance(value, tuple) and key in WIDE:
        value = bytes(value)
    if isinstance(value, bytes) and key in WIDE:
        return value.decode("utf-16-le", "replace").rstrip("\0")
    if isinstance(value, bytes) and value.startswith((b"ASCII\0\0\0", b"UNICODE\0")):
        return (_wide(value[8:]) if value.startswith(b"UNICODE") else value[8:].decode("utf-8", "replace")).strip("\0 ")
    return _text(value)


def _wide(data: bytes) -> str:
    """UTF-16 of either byte order: by its mark, else the one in which more of it is Latin."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    both = [data.decode(order, "replace") for order in ("utf-16-le", "utf-16-be")]
    return max(both, key=lambda text: sum(letter < "\u0250" for letter in text))


def _text(value: Any) -> str:
    """A value of any type as text; bytes that are no text are only counted."""
    if isinstance(value, bytes):
        try:
            text = value.strip(b"\0 ").decode()
        except UnicodeDecodeError:
            return f"({len(value):,} bytes)"
        return text if re.sub(r"[\r\n\t]", "", text).isprintable() or "<" in text else f"({len(value):,} bytes)"
    if isinstance(value, str):
        return _repaired(value).strip("\0 ")
    if isinstance(value, tuple | list):
        more = f" and {len(value) - 16} more" if len(value) > 16 else ""
        return ", ".join(map(_text, value[:16])) + more
    return f"{float(value):.8g}" if isinstance(value, Real) and not isinstance(value, int) else str(value)


def _repaired(text: str) -> str:
    """EXIF text is read as Latin-1; where its bytes are UTF-8, as many cameras write, it is read again."""
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text


def _position(gps: dict[int, Any]) -> Tags:
    """GPS directory -> signed degrees where they can be computed, and everything else as it stands."""
    found = []
    for key, value in gps.items():
        name = ExifTags.GPSTAGS.get(key, f"GPS 0x{key:04x}")
        text = _text(value)
        if name in ("GPSLatitude", "GPSLongitude"):
            text = _degrees(value, _text(gps.get(key - 1, "")).upper(), "NS" if name == "GPSLatitude" else "EW") or text
        elif name == "GPSTimeStamp":
            text = _clock(value) or text
        found.append((name, text))
    return [(key, value) for key, value in found if value]


def _degrees(parts: Any, reference: str, letters: str) -> str:
    """(degrees, minutes, seconds) or one number, and N or S, E or W -> `-33.856784`; "" where that is no number.

    Where the hemisphere is not certain, why stands behind the number: `41.890200 (no N or S is stated)`.
    """
    numbers = parts if isinstance(parts, tuple) else (parts,)
    if not 1 <= len(numbers) <= 3 or not all(isinstance(one, Real) for one in numbers):
        return ""
    signed = [float(one) for one in numbers]
    value = sum(abs(one) / 60**at for at, one in enumerate(signed))
    if not math.isfinite(value):
        return ""
    if max(signed[1:], default=0.0) > 60 and any(signed[:-1]):  # all of it in seconds would be one number
        return f"{value:.6f} (minutes or seconds above 60)"
    negative, letter = min(signed) < 0, reference[:1]
    if letter and letter in letters:
        if negative and letter == letters[0]:
            return f"{-value:.6f} (a negative number and {letter})"
        return f"{-value if letter == letters[1] else value:.6f}"
    if negative and not letter:  # a sign says what the letter would
        return f"{-value:.6f}"
    stated = f"{reference!r} is stated, not" if letter else "no"
    return (
        f"{-value if negative else value:.6f} ({stated} {letters[0]} or {letters[1]}{'' if letter else ' is stated'})"
    )


def _clock(parts: Any) -> str:
    """(hours, minutes, seconds) -> `14:03:09`; "" where that is no time of day."""
    numbers = [float(part) for part in parts] if isinstance(parts, tuple) and len(parts) == 3 else [math.nan]
    if not all(math.isfinite(number) and 0 <= number < 100 for number in numbers):
        return ""
    return ":".join(f"{int(number):02d}" for number in numbers)


def xmp_tags(image: Image) -> Tags:
    """XMP of the photo by its usual prefixes; nested claims as `Iptc4xmpExt:LocationCreated/Iptc4xmpExt:City`."""
    data = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if not data and (profile := image.info.get("Raw profile type xmp")):
        data = bytes.fromhex("".join(str(profile).split("\n")[3:]))  # as ImageMagick writes it: name, length, digits
    return flattened(data.encode() if isinstance(data, str) else bytes(data))


def flattened(data: bytes) -> Tags:
    """An XMP packet -> its claims. Raises ValueError where there is too much of it, or what expat raises."""
    if len(data) > MAX_XMP_BYTES:
        raise ValueError("too much XMP")
    data = data.strip(b"\0 \r\n\t")
    return _flattened(data) if data else []


def _flattened(data: bytes) -> Tags:
    """XMP -> (path, text) of every attribute and leaf. Raises on a document type: no entity is ever expanded."""
    found: Tags = []
    path: list[str] = []
    text: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        path.append(_xmp_name(name))
        text.clear()
        if len(path) > MAX_XMP_DEPTH:
            raise ValueError("XMP is nested too deep")
        for key, value in attributes.items():
            if value and (_xmp_name(key) or (key == RESOURCE and any(path))):
                found.append(("/".join(filter(None, [*path, _xmp_name(key)])), value))

    def end(_: str) -> None:
        value, where = "".join(text).strip(), "/".join(filter(None, path))
        if value and where:
            found.append((where, value))
        path.pop()
        text.clear()

    def refuse(*_: Any) -> None:
        raise ValueError("XMP declares a document type")

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.StartDoctypeDeclHandler = text.append, refuse
    parser.Parse(data, True)
    return found


def _xmp_name(name: str) -> str:
    """`uri local` -> `prefix:local`, "" for what only holds the document together."""
    space, _, local = name.rpartition(" ")
    return "" if space in SCAFFOLD else f"{PREFIXES[space]}:{local}" if space in PREFIXES else local


def iptc_tags(image: Image) -> Tags:
    """IPTC-IIM: who, where and when, as agencies write it."""
    if not isinstance(image, ImageFile) or image.format not in ("JPEG", "MPO", "TIFF"):
        return []
    found = []
    for key, value in (IptcImagePlugin.getiptcinfo(image) or {}).items():
        values = value if isinstance(value, list) else [value]
        if key in IPTC:
            found.append((IPTC[key], "; ".join(_iptc_text(one) for one in values if one)))
    return [(key, value) for key, value in found if value]


def _iptc_text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def comments(image: Image) -> Tags:
    """Comments and a PNG's text chunks, which hold the prompt where a generator wrote it."""
    texts = getattr(image, "text", {})
    found = [(f"PNG {key}", str(value)) for key, value in texts.items() if not re.match("XML:|Raw profile", key)]
    comment = image.info.get("comment", b"")
    if comment:
        found.append(("Comment", comment.decode("utf-8", "replace") if isinstance(comment, bytes) else str(comment)))
    return [(key, value.strip("\0 ")) for key, value in found if value.strip("\0 ")]


READERS: dict[str, Callable[[Image], Tags]] = {"EXIF": exif_tags, "XMP": xmp_tags, "IPTC": iptc_tags, "": comments}
