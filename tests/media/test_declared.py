"""Is it told when a file says of itself that a machine made it?"""

import io
import json
import re
import time
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, PngImagePlugin
from test_photo import signed

from conftest import moving_picture, write_video
from sightcheck import sandbox
from sightcheck.media import credentials, look, look_photo
from sightcheck.media.declared import MADE, Declaration, declarations, sentence

A1111 = "a street\nNegative prompt: blurry\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 42, Size: 512x512"
WORKFLOW = json.dumps({"3": {"class_type": "KSampler", "inputs": {"seed": 1}}})
DRAWN = json.dumps({"nodes": [{"id": 1}], "links": []})
TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:{prefix}="{space}" {prefix}:{name}="{value}"/></rdf:RDF></x:xmpmeta>'
)
EXT, PHOTOSHOP = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "http://ns.adobe.com/photoshop/1.0/"
PICTURE = np.random.default_rng(0).integers(0, 255, (64, 80, 3)).astype(np.uint8)


def declared(path: Path, **saved: object) -> tuple[Declaration, ...]:
    Image.fromarray(PICTURE).save(path, **saved)
    return look_photo(bytes(path)).photo.declared


def exif(tag: int, value: object, directory: int = 0) -> bytes:
    made = Image.Exif()
    (made.get_ifd(directory) if directory else made)[tag] = value
    return made.tobytes()


def png_text(key: str, text: str, compressed: bool = False, international: bool = False) -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_itxt(key, text, zip=compressed) if international else info.add_text(key, text, zip=compressed)
    return info


@pytest.mark.parametrize("coding", ["ASCII", "utf-16-le", "utf-16-be", "utf-16"])
@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".png"])
def test_stable_diffusion_in_a_user_comment(coding: str, suffix: str, tmp_path: Path) -> None:
    value = b"ASCII\0\0\0" + A1111.encode() if coding == "ASCII" else b"UNICODE\0" + A1111.encode(coding)
    (found,) = declared(tmp_path / f"a{suffix}", exif=exif(0x9286, value, 0x8769))
    assert (found.statement, found.tool) == (MADE, "Stable Diffusion's parameters")


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("international", [False, True])
@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("parameters", A1111), ("parameters", "x" * 5000 + A1111), ("prompt", WORKFLOW), ("workflow", DRAWN),
        ("Dream", "a street"), ("Comment", A1111), ("AIGC", '{"Label":"1","ContentProducer":"x"}'),
        ("Description", "a cat --v 5 Job ID: 01234567-89ab-cdef-0123-456789abcdef"), ("Software", "NovelAI"),
    ],
)  # fmt: skip
def test_texts_of_a_png(key: str, text: str, compressed: bool, international: bool, tmp_path: Path) -> None:
    found = declared(tmp_path / "a.png", pnginfo=png_text(key, text, compressed, international))
    assert [one.statement for one in found] == [MADE]


@pytest.mark.parametrize(
    ("prefix", "space", "name", "value", "statement"),
    [
        ("Iptc4xmpExt", EXT, "DigitalSourceType", TYPE + "trainedAlgorithmicMedia", MADE),
        ("Iptc4xmpExt", EXT, "DigitalSourceType", TYPE + "compositeSynthetic", "put together with synthetic parts"),
        (
            "Iptc4xmpExt",
            EXT,
            "DigitalSourceType",
            TYPE + "compositeWithTrainedAlgorithmicMedia",
            "edited with generative",
        ),
        ("Iptc4xmpExt", EXT, "DigitalSourceType", TYPE + "algorithmicMedia", "made by an algorithm"),
        ("Iptc4xmpExt", EXT, "DigitalSourceType", TYPE + "digitalCapture", ""),
        ("photoshop", PHOTOSHOP, "Credit", "Made with Google AI", MADE),
        ("photoshop", PHOTOSHOP, "Credit", "Edited with Google AI", "edited with generative AI"),
        ("photoshop", PHOTOSHOP, "Credit", "Sora Kim", ""),
        (
            "TC260",
            "http://www.tc260.org.cn/ns/AIGC/1.0/",
            "AIGC",
            "{&quot;Label&quot;:&quot;2&quot;}",
            "perhaps made by",
        ),
    ],
)
def test_xmp(prefix: str, space: str, name: str, value: str, statement: str, tmp_path: Path) -> None:
    packet = XMP.format(prefix=prefix, space=space, name=name, value=value).encode()
    found = declared(tmp_path / "a.jpg", xmp=packet)
    assert [one.statement.startswith(statement) for one in found] == [True] * bool(statement)


@pytest.mark.parametrize("prefix", [b"", bytes(8)])
def test_a_user_comment_without_a_coding(prefix: bytes, tmp_path: Path) -> None:
    (found,) = declared(tmp_path / "a.jpg", exif=exif(0x9286, prefix + A1111.encode(), 0x8769))
    assert found.tool == "Stable Diffusion's parameters"


def test_a_source_type_that_is_a_link(tmp_path: Path) -> None:
    packet = XMP.replace('{prefix}:{name}="{value}"/>', '><{prefix}:{name} rdf:resource="{value}"/></rdf:Description>')
    said = {"prefix": "e", "space": EXT, "name": "DigitalSourceType", "value": TYPE + "trainedAlgorithmicMedia"}
    (found,) = declared(tmp_path / "a.jpg", xmp=packet.format(**said).encode())
    assert (found.statement, found.where) == (MADE, "XMP Iptc4xmpExt:DigitalSourceType")
    digits = packet.format(**said).encode().hex()
    profile = png_text("Raw profile type xmp", f"\nxmp\n{len(digits) // 2:8}\n{digits}\n", compressed=True)
    assert [one.statement for one in declared(tmp_path / "a.png", pnginfo=profile)] == [MADE], "as ImageMagick does"


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ('{"sui_image_params": {"prompt": "a", "seed": 1}}', "a generator's settings"),
        ('{"prompt": "a", "steps": 28, "sampler": "k_euler", "seed": 3}', "a generator's settings"),
        ('"{\\"AIGC\\":{\\"Label\\":\\"1\\"}}"', "an AIGC label"),
        ('{"prompt": "' + WORKFLOW.replace('"', '\\"') + '"}', "a ComfyUI workflow"),
        ('{"prompt": "a question", "model": "Canon"}', ""), ('{"nodes": 3, "prompt": ""}', ""),
    ],
)  # fmt: skip
def test_settings_in_json(text: str, tool: str) -> None:
    assert [one.tool for one in declarations([("Comment", text)])] == [tool] * bool(tool)


def test_a_long_text_is_gone_through_once() -> None:
    started = time.monotonic()
    for text in ("Steps: 1," * 1_000_000, '{"nodes":[' * 1_000_000, '{"prompt":[' + "[]," * 3_000_000):
        assert declarations([("Comment", text)]) == ()
    assert time.monotonic() - started < 9, "a text that is gone through again at each word takes minutes"


def test_a_photo_that_says_nothing_declares_nothing(tmp_path: Path) -> None:
    assert declared(tmp_path / "a.jpg", exif=exif(0x0131, "Adobe Lightroom 7")) == ()
    said = [("EXIF Artist", "Sora Kim"), ("Comment", "Steps to the castle"), ("PNG data", '{"nodes": 3}')]
    assert declarations(said) == ()


@pytest.mark.parametrize("broken", [False, True])
def test_a_seal_comes_first_with_its_signature(broken: bool, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    comment = exif(0x9286, b"ASCII\0\0\0" + A1111.encode(), 0x8769)
    Image.fromarray(PICTURE).save(buffer, "JPEG", exif=comment)
    path = tmp_path / "a.jpg"
    data = bytearray(signed(buffer.getvalue(), "image/jpeg", "trainedAlgorithmicMedia"))
    if broken:
        data[-40] ^= 1  # in the picture
    path.write_bytes(bytes(data))
    first, second = look_photo(bytes(path)).photo.declared
    assert (first.where, first.signature) == ("C2PA", "invalid" if broken else "valid")
    assert second.where == "EXIF UserComment"
    told = sentence((first, second))
    assert told.startswith("The file declares itself made by generative AI (C2PA, EXIF UserComment")
    assert ("signature valid, signer A signer" in told) is not broken


@pytest.mark.parametrize(
    ("relation", "statement"), [("parentOf", MADE), ("componentOf", "put together with synthetic parts")]
)
def test_what_was_placed_into_a_photo_is_a_part_of_it(relation: str, statement: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, "JPEG")
    part = signed(buffer.getvalue(), "image/jpeg", "trainedAlgorithmicMedia")
    path = tmp_path / "a.jpg"
    path.write_bytes(signed(buffer.getvalue(), "image/jpeg", "digitalCapture", {relation: part}))
    (found,) = look_photo(bytes(path)).photo.declared
    assert (found.statement, found.where) == (statement, "C2PA")


def video(path: Path, format: str = "mp4", **tags: str) -> Path:
    options = {"movflags": "use_metadata_tags"} if format == "mp4" else {}
    with av.open(str(path), "w", format=format, options=options) as container:
        container.metadata.update(tags)
        stream = container.add_stream("libx264", 10, width=96, height=64)
        stream.pix_fmt = "yuv420p"
        for number, yuv in enumerate(moving_picture(6, 96, 64)):
            one = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
            one.pts, one.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(one))
        container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize(
    "tags",
    [
        {"comment": "Generated by Sora"}, {"AIGC": '{"Label":"1","ContentProducer":"x"}'}, {"comment": WORKFLOW},
        {"prompt": WORKFLOW}, {"description": "Made with Google AI"},
    ],
)  # fmt: skip
def test_tags_of_a_video(tags: dict[str, str], tmp_path: Path) -> None:
    (found,) = look(bytes(video(tmp_path / "a.mp4", **tags))).declared
    assert found.statement == MADE
    assert look(bytes(video(tmp_path / "b.mp4", comment="a holiday"))).declared == ()


def test_of_two_tags_of_one_name_both_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 10, width=96, height=64)
        stream.pix_fmt = "yuv420p"
        container.metadata["comment"], stream.metadata["comment"] = "Generated by Sora", "a track"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(moving_picture(1, 96, 64)[0], format="yuv420p")))
        container.mux(stream.encode(None))
    clip = look(bytes(path))
    assert [one.statement for one in clip.declared] == [MADE]
    assert {("COMMENT", "Generated by Sora"), ("COMMENT", "a track")} <= set(clip.tags)


def test_the_tool_that_wrote_an_mp4(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    write_video(path, moving_picture(6, 96, 64))
    written = re.search(rb"Lavf[\d.]+", path.read_bytes())
    assert written is not None, "the box \xa9too"
    path.write_bytes(path.read_bytes().replace(written[0], b"Sora".ljust(len(written[0]))))
    (found,) = look(bytes(path)).declared
    assert (found.statement, found.where, found.tool) == (MADE, "encoder", "Sora")


def test_a_seal_is_found_wherever_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for at in (0, 5, credentials.BLOCK - 5, credentials.BLOCK, 2 * credentials.BLOCK - 1):
        path.write_bytes(bytes(at) + credentials.MARK + bytes(100))
        with path.open("rb") as file:
            assert credentials._start(file) == at
    path.write_bytes(bytes(credentials.BLOCK + 7) + credentials.MARK[:-1])
    with path.open("rb") as file:
        assert credentials._start(file) == -1


def test_a_video_larger_than_the_memory_of_its_reader_is_read(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4")
    whole, rest = path.stat().st_size, (1 << 30) + (100 << 20)
    with path.open("ab") as file:
        file.write((1).to_bytes(4, "big") + b"free" + rest.to_bytes(8, "big"))
        file.truncate(whole + rest)  # sparse
    clip = sandbox.run(look, bytes(path), limits=sandbox.Limits(memory_bytes=1 << 30))
    assert (clip.frames, clip.notes) == (6, ())


def test_xmp_of_a_video(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4")
    packet = XMP.format(
        prefix="e", space=EXT, name="DigitalSourceType", value=TYPE + "trainedAlgorithmicMedia"
    ).encode()
    box = bytes.fromhex("be7acfcb97a942e89c71999491e3afac") + packet
    path.write_bytes(path.read_bytes() + (8 + len(box)).to_bytes(4, "big") + b"uuid" + box)
    (found,) = look(bytes(path)).declared
    assert (found.statement, found.where.endswith("DigitalSourceType")) == (MADE, True)


def test_a_seal_in_a_video(tmp_path: Path) -> None:
    path = video(tmp_path / "a.mp4")
    path.write_bytes(signed(path.read_bytes(), "video/mp4", "trainedAlgorithmicMedia"))
    (found,) = look(bytes(path)).declared
    assert (found.where, found.signature, found.statement) == ("C2PA", "valid", MADE)
    assert "A signer" in found.signer


def test_large_compressed_text_is_no_reason_to_refuse_a_photo(tmp_path: Path) -> None:
    info = png_text("workflow", json.dumps({"nodes": ["x" * 1000] * 4000, "links": []}), compressed=True)
    found = declared(tmp_path / "a.png", pnginfo=info)
    assert [one.tool for one in found] == ["a ComfyUI workflow"]
    assert len(zlib.compress(b"x" * 4_000_000)) < 10_000
