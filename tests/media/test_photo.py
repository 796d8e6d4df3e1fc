"""Is a photo told by its content, are its pixels upright and true, and is what it says of itself read as plain text?"""

import io
import os
import socket
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin, TiffImagePlugin
from pillow_heif import register_heif_opener

from sightcheck import sandbox
from sightcheck.errors import OverLimit
from sightcheck.media import Photo, Seen, look_photo, pixels
from sightcheck.media import photo as photo_module
from sightcheck.media import tags as metadata
from sightcheck.media.credentials import MARK
from sightcheck.media.photo import from_jpeg, jpeg

TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # the inverse of what undoes it
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}
XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:City="Köln"
 xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">A &lt;b&gt;bridge&lt;/b&gt;</rdf:li></rdf:Alt></dc:title>
<Iptc4xmpExt:LocationCreated><rdf:Bag>
<rdf:li rdf:parseType="Resource"><Iptc4xmpExt:City>Bonn</Iptc4xmpExt:City></rdf:li>
</rdf:Bag></Iptc4xmpExt:LocationCreated>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def picture(width: int = 240, height: int = 160) -> Image.Image:
    """A smooth scene in colour, with no symmetry."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    bands = (255 * x, 220 * y + 20, 128 + 100 * np.sin(9 * x + 5 * y))
    return Image.fromarray(np.stack(bands, axis=2).astype(np.uint8))


def look(path: Path) -> Seen:
    return look_photo(os.fsencode(path))


def saved(path: Path, image: Image.Image | None = None, **options: object) -> Path:
    (image or picture()).save(path, **options)
    return path


def difference(pixels: np.ndarray, image: Image.Image) -> float:
    """Mean absolute difference, of 255."""
    expected = np.asarray(image.convert("RGB"), float)
    assert pixels.shape == expected.shape
    return float(np.abs(pixels - expected).mean())


FORMATS: dict[str, tuple[str, dict[str, object], float]] = {
    "a.jpg": ("JPEG", {"quality": 95}, 2.5),
    "a.png": ("PNG", {}, 0.0),
    "a.webp": ("WEBP", {"quality": 95}, 4.0),
    "lossless.webp": ("WEBP", {"lossless": True}, 0.0),
    "a.tif": ("TIFF", {"compression": "tiff_lzw"}, 0.0),
    "a.bmp": ("BMP", {}, 0.0),
    "a.heic": ("HEIF", {"quality": 95}, 4.0),
    "a.avif": ("AVIF", {"quality": 95}, 4.0),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_picture(name: str, tmp_path: Path) -> None:
    register_heif_opener()
    kind, options, most = FORMATS[name]
    path = saved(tmp_path / name, **options)
    nameless = path.rename(tmp_path / "photo of nothing.txt")
    seen = sandbox.run(look_photo, os.fsencode(nameless))
    assert difference(seen.pixels, picture()) <= most
    assert (seen.photo.format, seen.photo.width, seen.photo.height) == (kind, 240, 160)
    assert (seen.photo.frames, seen.photo.orientation, seen.photo.notes) == (1, 1, ())
    assert seen.photo.size_bytes == nameless.stat().st_size
    assert seen.pixels.dtype == np.uint8


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "webp"])
def test_every_orientation_is_undone(suffix: str, orientation: int, tmp_path: Path) -> None:
    turn, exif = TURNS[orientation], Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    turned = picture() if turn is None else picture().transpose(turn)
    options = {"lossless": True} if suffix == "webp" else {"quality": 98} if suffix == "jpg" else {}
    seen = look(saved(tmp_path / f"a.{suffix}", turned, exif=exif, **options))
    assert difference(seen.pixels, picture()) < (2.5 if suffix == "jpg" else 0.5)
    assert (seen.photo.width, seen.photo.height, seen.photo.orientation) == (240, 160, orientation)


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_an_orientation_that_is_none_changes_nothing(value: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = value
    assert look(saved(tmp_path / "a.png", exif=exif)).photo.orientation == 1


@pytest.mark.parametrize(("size", "shape"), [((1600, 1200), (640, 853, 3)), ((90, 300), (300, 90, 3))])
def test_the_shorter_side_is_at_most_640_and_never_enlarged(
    size: tuple[int, int], shape: tuple[int, ...], tmp_path: Path
) -> None:
    for name in ("a.jpg", "a.png"):
        seen = look(saved(tmp_path / name, picture(*size)))
        assert seen.pixels.shape == shape
        assert (seen.photo.width, seen.photo.height) == size
        resized = picture(*size).resize((shape[1], shape[0]), Image.Resampling.LANCZOS)
        assert difference(seen.pixels, resized) < 2.5


def deep_png(path: Path, tones: np.ndarray) -> Path:
    """(H, W) or (H, W, 3) uint16 -> a PNG of 16 bits."""
    colour = 2 if tones.ndim == 3 else 0
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in tones)
    header = struct.pack(">IIBBBBB", tones.shape[1], tones.shape[0], 16, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
                   for kind, data in chunks)
    )  # fmt: skip
    return path


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    deep = np.asarray(picture()).astype(np.uint16) * 257
    colours = look(deep_png(tmp_path / "rgb.png", deep))
    assert difference(colours.pixels, picture()) == 0
    grey = look(deep_png(tmp_path / "grey.png", deep[..., 0]))
    assert difference(grey.pixels, Image.fromarray(np.asarray(picture())[..., 0])) == 0
    Image.fromarray(deep[..., 0]).save(tmp_path / "grey.tif")
    assert difference(look(tmp_path / "grey.tif").pixels, Image.fromarray(np.asarray(picture())[..., 0])) == 0
    for seen in (colours, grey):
        assert "deeper than 8 bits: looked at in 8" in seen.photo.notes


def test_printing_inks(tmp_path: Path) -> None:
    inks = picture().convert("CMYK")
    for name in ("a.jpg", "a.tif"):
        seen = look(saved(tmp_path / name, inks, **({"quality": 95} if name == "a.jpg" else {})))
        assert difference(seen.pixels, inks.convert("RGB")) < 3
        assert seen.photo.mode == "CMYK"
        assert any("CMYK" in note for note in seen.photo.notes)


def test_palettes_and_transparency_are_seen_over_white(tmp_path: Path) -> None:
    palette = picture().quantize(64)
    plain = look(saved(tmp_path / "plain.png", palette))
    assert (difference(plain.pixels, palette), plain.photo.notes) == (0, ())
    hole = palette.getpixel((0, 0))
    holed = look(saved(tmp_path / "holed.png", palette, transparency=hole))
    assert holed.pixels[0, 0].tolist() == [255, 255, 255]
    clear = picture().convert("RGBA")
    clear.putalpha(Image.new("L", clear.size, 51))
    faint = look(saved(tmp_path / "faint.png", clear))
    assert np.abs(faint.pixels - (0.8 * 255 + 0.2 * np.asarray(picture(), float))).max() < 1.5
    for seen in (holed, faint):
        assert "transparent in part: looked at over white" in seen.photo.notes


@pytest.mark.parametrize("mode", ["L", "1", "LA", "RGB"])
def test_grey_is_told_whatever_the_mode(mode: str, tmp_path: Path) -> None:
    grey = picture().convert("L").convert(mode)
    notes = look(saved(tmp_path / "a.png", grey)).photo.notes
    assert any("grey-level" in note for note in notes)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_of_several_pictures_the_first_is_looked_at(suffix: str, tmp_path: Path) -> None:
    first, others = picture(), [Image.new("RGB", (240, 160), colour) for colour in ("red", "blue")]
    options = {"lossless": True} if suffix == "webp" else {}
    seen = look(saved(tmp_path / f"a.{suffix}", first, save_all=True, append_images=others, **options))
    assert difference(seen.pixels, first) < (8 if suffix == "gif" else 0.5)
    assert seen.photo.frames == 3
    assert "holds 3 pictures: only the first is looked at" in seen.photo.notes


def swapped_profile() -> bytes:
    """sRGB's profile with the primaries of red and blue exchanged."""
    data = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return data.replace(b"rXYZ", b"tXYZ").replace(b"bXYZ", b"rXYZ").replace(b"tXYZ", b"bXYZ")


def test_colour_profiles_are_applied_when_they_can_be(tmp_path: Path) -> None:
    swapped = look(saved(tmp_path / "a.png", icc_profile=swapped_profile()))
    assert difference(swapped.pixels, Image.fromarray(np.asarray(picture())[..., ::-1])) < 1.5
    assert swapped.photo.notes == ()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert difference(look(saved(tmp_path / "b.png", icc_profile=srgb)).pixels, picture()) < 1
    for nonsense in (b"nonsense", srgb[:200]):
        seen = look(saved(tmp_path / "c.png", icc_profile=nonsense))
        assert difference(seen.pixels, picture()) == 0
        assert "its colour profile cannot be used: colours are read as sRGB" in seen.photo.notes


def described() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Zeiß <script>alert(1)</script>".encode()
    exif[ExifTags.Base.Software] = "x" * 10_000
    exif[ExifTags.Base.ImageDescription] = "two\nlines\x1b[31m"
    ifd = exif.get_ifd(ExifTags.IFD.Exif)
    ifd[ExifTags.Base.DateTimeOriginal] = "2019:05:04 14:03:11"
    ifd[ExifTags.Base.OffsetTimeOriginal] = "+02:00"
    ifd[ExifTags.Base.UserComment] = b"ASCII\0\0\0by hand"
    ifd[ExifTags.Base.MakerNote] = bytes(range(256))
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[1], gps[2], gps[3], gps[4] = "S", (33.0, 51.0, 24.42), "W", (70.0, 30.0, 0.0)
    gps[7], gps[29] = (12.0, 3.0, 11.0), "2019:05:04"
    return exif


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.heic", "a.avif"])
def test_exif_is_read_as_plain_text(name: str, tmp_path: Path) -> None:
    register_heif_opener()
    tags = dict(sandbox.run(look_photo, os.fsencode(saved(tmp_path / name, exif=described().tobytes()))).photo.tags)
    assert tags["EXIF Make"] == "Zeiß <script>alert(1)</script>"
    assert tags["EXIF Software"] == "x" * 2000 + "… (10,000 characters)"
    assert tags["EXIF ImageDescription"] == "two\nlines\x1b[31m"
    assert tags["EXIF DateTimeOriginal"] == "2019:05:04 14:03:11"
    assert tags["EXIF UserComment"] == "by hand"
    assert (tags["EXIF GPSLatitude"], tags["EXIF GPSLongitude"]) == ("-33.856783", "-70.500000")
    assert (tags["EXIF GPSDateStamp"], tags["EXIF GPSTimeStamp"]) == ("2019:05:04", "12:03:11")
    assert "EXIF MakerNote" not in tags


def test_exif_of_a_tiff_is_read_and_its_storage_left_out(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.tif", exif=described().tobytes())
    tags = dict(look(path).photo.tags)
    assert tags["EXIF DateTimeOriginal"] == "2019:05:04 14:03:11"
    assert tags["EXIF GPSLatitude"] == "-33.856783"
    assert not tags.keys() & {"EXIF StripOffsets", "EXIF Compression", "EXIF ImageWidth"}


def test_positions_that_cannot_be_computed_stay_text(tmp_path: Path) -> None:
    exif = Image.Exif()
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[2], gps[3], gps[4] = (33.0, 51.0, 24.42), "W", (TiffImagePlugin.IFDRational(1, 0), 0.0, 0.0)
    tags = dict(look(saved(tmp_path / "a.jpg", exif=exif)).photo.tags)
    assert tags["EXIF GPSLatitude"] == "33.856783 (no N or S is stated)"
    assert "EXIF GPSLongitude" in tags


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_xmp_is_read(name: str, tmp_path: Path) -> None:
    if name == "a.png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", XMP)
        path = saved(tmp_path / name, pnginfo=info)
    elif name == "a.tif":
        path = saved(tmp_path / name, tiffinfo={700: XMP.encode()})
    else:
        path = saved(tmp_path / name, xmp=XMP.encode())
    tags = dict(look(path).photo.tags)
    assert tags["XMP photoshop:City"] == "Köln"
    assert tags["XMP dc:title"] == "A <b>bridge</b>"
    assert tags["XMP Iptc4xmpExt:LocationCreated/Iptc4xmpExt:City"] == "Bonn"
    assert not any("rdf" in name or "xml" in name for name in tags)


BILLION = "<!DOCTYPE a [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;&a;'>]><a>&b;</a>"
OUTSIDE = "<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>"


@pytest.mark.parametrize("xmp", [BILLION, OUTSIDE, "<a>" * 5000, XMP[:600]])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_hostile_xmp_is_passed_over(xmp: str, encoding: str, tmp_path: Path) -> None:
    photo = look(saved(tmp_path / "a.jpg", xmp=xmp.encode(encoding))).photo
    assert photo.tags == ()
    assert photo.notes == ("its XMP cannot be read in full: damaged, and passed over",)


def with_iptc(path: Path, *records: tuple[int, bytes]) -> Path:
    """A JPEG with an IPTC block in the segment where Photoshop puts it."""
    block = b"".join(b"\x1c\x02" + struct.pack(">BH", kind, len(value)) + value for kind, value in records)
    block += b"\0" * (len(block) % 2)
    body = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(block)) + block
    return with_segment(path, 0xED, body)


def with_segment(path: Path, marker: int, body: bytes) -> Path:
    buffer = io.BytesIO()
    picture().save(buffer, "JPEG")
    data = buffer.getvalue()
    path.write_bytes(data[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body + data[2:])
    return path


def test_iptc_is_read(tmp_path: Path) -> None:
    records = ((90, "Köln".encode()), (101, b"Germany"), (55, b"20190504"), (80, b"M\xfcller"), (25, b"a"), (25, b"b"))
    tags = dict(look(with_iptc(tmp_path / "a.jpg", *records)).photo.tags)
    assert (tags["IPTC City"], tags["IPTC Country"], tags["IPTC DateCreated"]) == ("Köln", "Germany", "20190504")
    assert (tags["IPTC Byline"], tags["IPTC Keywords"]) == ("Müller", "a; b")


def test_comments_and_prompts_are_read(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a street in Rome, Steps: 20")
    assert dict(look(saved(tmp_path / "a.png", pnginfo=info)).photo.tags) == {
        "PNG parameters": "a street in Rome, Steps: 20"
    }
    assert ("Comment", "hello") in look(saved(tmp_path / "a.jpg", comment="hello")).photo.tags


def test_there_are_at_most_200_claims(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    for number in range(300):
        info.add_text(f"key {number}", "value")
    photo = look(saved(tmp_path / "a.png", pnginfo=info)).photo
    assert len(photo.tags) == 200
    assert photo.notes == ("says 300 things of itself: the first 200 are kept",)


MANIFEST = (
    b"JP\0\1\0\0\0\1" + struct.pack(">I4sI4s", 60, b"jumb", 30, b"jumd") + b"c2pa\0\x11\0\x10\x80\0\0\xaa\0\x38\x9b\x71"
    b"\x03c2pa\0" + bytes(20)
)


def test_a_manifest_is_found_and_its_nonsense_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = with_segment(tmp_path / "a.jpg", 0xEB, MANIFEST)
    seal = dict(sandbox.run(look_photo, os.fsencode(path)).photo.tags)["C2PA"]
    assert seal.startswith(("found, not checked", "found, not readable", "found, invalid"))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert dict(look(path).photo.tags)["C2PA"] == "found, not checked: pip install 'sightcheck[c2pa]' checks it"
    assert "C2PA" not in dict(look(saved(tmp_path / "b.jpg")).photo.tags)


def signed(data: bytes, mime: str, created: str = "digitalCapture", of: dict[str, bytes] | None = None) -> bytes:
    """The picture with a C2PA manifest, signed by a certificate made here; `of`: what it was made of, by relation."""
    c2pa = pytest.importorskip("c2pa")
    signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", *certificate(), None))
    source = f"http://cv.iptc.org/newscodes/digitalsourcetype/{created}"
    action = {"action": "c2pa.created", "digitalSourceType": source}
    manifest = {
        "claim_generator_info": [{"name": "test", "version": "1"}],
        "assertions": [{"label": "c2pa.actions", "data": {"actions": [action]}}],
    }
    offline = c2pa.Settings.from_dict({"verify": {"verify_after_sign": False, "verify_trust": False}})
    target = io.BytesIO()
    builder = c2pa.Builder(manifest, c2pa.Context(offline))
    for relation, part in (of or {}).items():
        builder.add_ingredient({"title": "part", "relationship": relation}, mime, io.BytesIO(part))
    builder.sign(signer, mime, io.BytesIO(data), target)
    return target.getvalue()


def certificate() -> tuple[bytes, bytes]:
    """(chain, key) in PEM: an authority made for the occasion and what it signed."""
    import datetime

    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    authority, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())

    def made(name: str, key: ec.EllipticCurvePrivateKey, root: bool) -> bytes:
        subject = x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Anyone"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
        )
        issuer = x509.Name(
            [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Anyone"), x509.NameAttribute(NameOID.COMMON_NAME, "Root")]
        )
        usage = [not root, False, False, False, False, root, root, False, False]
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(start + datetime.timedelta(days=30))
            .add_extension(x509.BasicConstraints(root, None), True)
            .add_extension(x509.KeyUsage(*usage), True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), False)
        )
        if not root:
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), False)
        return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    private = leaf.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    return made("A signer", leaf, False) + made("Root", authority, True), private


@pytest.mark.parametrize(("format", "mime"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("AVIF", "image/avif")])
def test_a_signature_is_checked_and_never_trusted(format: str, mime: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    picture().save(buffer, format)
    path = tmp_path / "a"
    path.write_bytes(signed(buffer.getvalue(), mime))
    tags = dict(sandbox.run(look_photo, os.fsencode(path)).photo.tags)
    assert tags["C2PA"] == "found, signature valid, signer A signer, Anyone (not on a trust list here)"
    data = bytearray(path.read_bytes())
    data[-40] ^= 1
    path.write_bytes(data)
    if format == "JPEG":
        seal = dict(sandbox.run(look_photo, os.fsencode(path)).photo.tags)["C2PA"]
        assert seal.startswith("found, invalid: assertion.dataHash.mismatch")


def test_small_jpegs_go_there_and_back() -> None:
    pixels = np.asarray(picture(600, 400))
    data = jpeg(pixels, 96, 80)
    back = from_jpeg(data)
    assert back.shape == (96, 144, 3)
    assert difference(back, picture(600, 400).resize((144, 96), Image.Resampling.LANCZOS)) < 4
    assert from_jpeg(jpeg(pixels, 1000, 80)).shape == pixels.shape
    assert len(data) < 6000


def test_nothing_is_printed_and_names_need_not_be_text(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    path = with_segment(tmp_path / "line\nbreak.jpg", 0xE1, b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x0f\x01\x02\0\xff\xff")
    photo: Photo = look(path).photo
    assert photo.path == str(path)
    assert any("EXIF" in note or "metadata" in note for note in photo.notes)
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list


def test_a_manifest_kept_elsewhere_is_not_fetched(tmp_path: Path) -> None:
    pytest.importorskip("c2pa")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/manifest.c2pa"
        xmp = (
            '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
            f'<rdf:Description xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="{address}"/>'
            "</rdf:RDF></x:xmpmeta>"
        )
        path = saved(tmp_path / "a.jpg", xmp=xmp.encode())
        path.write_bytes(path.read_bytes() + MARK)
        tags = dict(sandbox.run(look_photo, os.fsencode(path)).photo.tags)
        assert tags["C2PA"].startswith("found, not readable")
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    ("latitude", "reference", "text"),
    [
        ((-33.0, 51.0, 24.0), "S", "-33.856667"), ((33.0, 51.0, 24.0), "S", "-33.856667"), (41.8902, "N", "41.890200"),
        ((41.8902,), "N", "41.890200"), (41.8902, None, "41.890200 (no N or S is stated)"),
        (-33.85, "N", "-33.850000 (a negative number and N)"), (41.8902, "E", "41.890200 ('E' is stated, not N or S)"),
        ((0.0, 0.0, 150804.72), "N", "41.890200"),
        ((41.0, 8902.0, 0.0), "N", "189.366667 (minutes or seconds above 60)"),
    ],
)  # fmt: skip
def test_a_latitude_is_read_or_its_doubt_is_told(latitude: object, reference: str | None, text: str) -> None:
    gps = {2: latitude} | ({1: reference} if reference else {})
    assert dict(metadata._position(gps))["GPSLatitude"] == text


def test_a_grey_strip_is_no_missing_data(tmp_path: Path) -> None:
    picture = np.full((200, 160, 3), 128, np.uint8)
    picture[:150] = np.random.default_rng(1).integers(0, 255, (150, 160, 3))
    for progressive in (False, True):
        Image.fromarray(picture).save(tmp_path / "a.jpg", quality=90, progressive=progressive)
        assert look(tmp_path / "a.jpg").photo.height == 200


def test_a_large_picture_is_made_small_as_a_whole_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = np.random.default_rng(2).integers(0, 255, (300, 402, 4)).astype(np.uint8)
    kron = np.kron(picture, np.ones((12, 12, 1), np.uint8))
    for mode in ("RGB", "RGBA", "L", "P"):
        image = Image.fromarray(kron).convert(mode)
        whole = np.asarray(pixels.shrunk(pixels._eight_bits(image), pixels.SIDE).convert("RGB")).astype(int)
        monkeypatch.setattr(pixels, "STRIP", 402 * 12 * 40)
        strips = np.asarray(pixels.shrunk(pixels._in_strips(image), pixels.SIDE).convert("RGB")).astype(int)
        assert whole.shape == strips.shape
        assert np.abs(whole - strips).mean() < 2


@pytest.mark.parametrize(("format", "megapixels"), [("WEBP", 91), ("AVIF", 150), ("HEIF", 180)])
def test_a_format_that_is_decoded_whole_is_refused_before_it_takes_the_memory(format: str, megapixels: int) -> None:
    image = Image.Image()
    image.format, image._size, image._mode = format, (10_000, megapixels * 100), "RGB"
    with pytest.raises(OverLimit, match=f"{format} can only be decoded whole, .*save it as JPEG") as told:
        photo_module._judge(image)
    assert "1.5 GiB" in str(told.value)
    image.format = "JPEG"
    photo_module._judge(image)
    image._size = (16_384, 12_288)  # 201 megapixels
    photo_module._judge(image)
    image._mode = "CMYK"
    with pytest.raises(OverLimit, match=r"a JPEG in inks can only be decoded whole, .*save it as a JPEG in RGB"):
        photo_module._judge(image)


def test_a_file_that_is_held_twice_counts() -> None:
    image = Image.Image()
    image.format, image._size, image._mode = "WEBP", (8000, 6000), "RGB"
    photo_module._judge(image, 50 << 20)
    with pytest.raises(OverLimit, match=r"more than 1\.5 GiB"):
        photo_module._judge(image, 500 << 20)


def test_little_is_kept_beside_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = with_segment(tmp_path / "a.jpg", 0xEF, bytes(60_000))
    assert look(path).photo.width == 240
    monkeypatch.setattr(photo_module, "MAX_BESIDE_BYTES", 50_000)
    with pytest.raises(OverLimit, match="beside its picture; save it without its metadata"):
        look(path)
