"""Is the container told as it is built, and does no size that a box claims hang or crash the reading?"""

import struct
import tempfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import sandbox
from sightcheck.media import truncation
from sightcheck.video.stated import boxes
from sightcheck.video.stated.boxes import anatomy, runs
from sightcheck.video.stated.reading import read


def box(name: bytes, contents: bytes = b"", size: int | None = None) -> bytes:
    return struct.pack(">I", 8 + len(contents) if size is None else size) + name + contents


def full(name: bytes, contents: bytes, version: int = 0) -> bytes:
    return box(name, bytes([version, 0, 0, 0]) + contents)


def handler(name: bytes) -> bytes:
    return full(b"hdlr", bytes(4) + b"vide" + bytes(12) + name)


def track(*edits: bytes, name: bytes = b"VideoHandler\0", version: int = 0) -> bytes:
    clock = full(b"mdhd", bytes(8) + struct.pack(">II", 1000, 5000) + bytes(4))
    listed = box(b"edts", full(b"elst", struct.pack(">I", len(edits)) + b"".join(edits), version))
    return box(b"trak", box(b"tkhd", bytes(84)) + (listed if edits else b"") + box(b"mdia", clock + handler(name)))


def movie(*tracks: bytes) -> bytes:
    clock = full(b"mvhd", bytes(8) + struct.pack(">II", 600, 3000) + bytes(80))
    return box(b"moov", clock + b"".join(tracks))


FTYP = box(b"ftyp", b"isom" + struct.pack(">I", 512) + b"isomiso2" + bytes(4) + b"mp41")


def told(data: bytes) -> boxes.Anatomy:
    found = anatomy(_file(data), "mov")
    assert found is not None
    return found


def _file(data: bytes) -> Any:
    file = tempfile.TemporaryFile()  # noqa: SIM115
    file.write(data)
    file.flush()
    return file


def test_boxes_brands_tracks_and_edit_lists_are_told_in_order() -> None:
    wait = struct.pack(">IiI", 300, -1, 1 << 16)
    shown = struct.pack(">IiI", 1200, 500, 1 << 16)
    slow = struct.pack(">IiI", 600, 0, 1 << 15)
    found = told(FTYP + box(b"free") + movie(track(wait, shown), track(slow)) + box(b"mdat", bytes(50)))
    assert found.brands == ("isom", "512", "isom", "iso2", "mp41")
    assert found.top == ("ftyp", "free", "moov", "mdat")
    assert found.inner == ("mvhd", "trak x2")
    first, second = found.tracks
    assert (first.handler, first.name, first.boxes) == ("vide", "VideoHandler", ("tkhd", "edts", "mdia"))
    assert first.edits == (boxes.Edit(0.5, None, 1.0), boxes.Edit(2.0, 0.5, 1.0))
    assert second.edits == (boxes.Edit(1.0, 0.0, 0.5),)
    assert not found.damage


def test_a_wide_edit_list_and_a_counted_name_are_read() -> None:
    wide = struct.pack(">QqI", 1200, 250, 1 << 16)
    found = told(FTYP + movie(track(wide, name=b"\x1fMainconcept Video Media Handler", version=1)))
    assert found.tracks[0].edits == (boxes.Edit(2.0, 0.25, 1.0),)
    assert found.tracks[0].name == "Mainconcept Video Media Handler"


@pytest.mark.parametrize(
    ("data", "top"),
    [
        (box(b"moov", bytes(20), size=0), ("ftyp", "moov")),
        (box(b"moov", struct.pack(">Q", 3) + bytes(20), size=1), ("ftyp",)),
        (struct.pack(">I", 1) + b"moov" + struct.pack(">Q", 1 << 63), ("ftyp", "moov")),
        (box(b"moov", b"", size=1 << 31), ("ftyp", "moov")),
        (box(b"moov", b"", size=7), ("ftyp",)),
        (bytes(64), ("ftyp",)),
    ],
    ids=["to the end", "long and too short", "long beyond the end", "beyond the end", "too short", "zeros"],
)
def test_hostile_sizes_end_the_reading(data: bytes, top: tuple[str, ...]) -> None:
    assert told(FTYP + data).top == top


def test_boxes_within_boxes_end_at_the_outer_ones_end() -> None:
    inner = box(b"trak", b"", size=1 << 30)
    found = told(FTYP + box(b"moov", inner) + box(b"mdat", bytes(8)))
    assert (found.top, found.inner) == (("ftyp", "moov", "mdat"), ("trak",))


def test_deep_nesting_is_not_followed_without_end() -> None:
    data = b""
    for _ in range(3000):
        data = box(b"meta", bytes(4) + data)
    assert told(FTYP + data).top == ("ftyp", "meta")


def test_the_number_of_boxes_is_bounded_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "MOST_BOXES", 100)
    found = told(FTYP + box(b"free") * 200)
    assert "more than 100 boxes" in found.damage
    assert found.top == ("ftyp", "free x99")


def test_what_is_no_box_is_told_by_its_place() -> None:
    damage = told(FTYP + b"\0\0\0\x20\xff\xff\xff\xff" + bytes(24)).damage
    assert damage == f"at byte {len(FTYP)}: something else than a box"


@pytest.mark.parametrize(
    ("names", "short"),
    [
        (["moof", "mdat"] * 3 + ["mfra"], ("moof mdat x3", "mfra")),
        (["a", "a", "b", "a"], ("a x2", "b", "a")),
        ([], ()),
        ([str(n) for n in range(50)], (*map(str, range(40)), "...")),
    ],
)
def test_repeated_boxes_are_told_once(names: list[str], short: tuple[str, ...]) -> None:
    assert runs(names) == short


def test_the_same_walk_still_tells_what_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    path.write_bytes(FTYP + box(b"mdat", b"", size=1000))
    with path.open("rb") as file:
        said = truncation.bytes_missing(file, "mov")
    assert said == f"truncated: at least 992 of {len(FTYP) + 1000:,} bytes are missing"


def test_a_real_file_is_walked_as_it_was_written(clip: Path) -> None:
    found = sandbox.run(read, bytes(clip)).anatomy
    assert found is not None
    assert found.top[0] == "ftyp"
    assert {"moov", "mdat"} <= set(found.top)
    assert found.tracks[0].name == "VideoHandler"
    assert found.brands[:2] == ("isom", "512")


@pytest.mark.parametrize(("name", "doctype"), [("a.mkv", "matroska"), ("a.webm", "webm")])
def test_matroska_names_its_programs(name: str, doctype: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / name, moving_picture(6), codec="libvpx-vp9" if doctype == "webm" else "libx264")
    found = sandbox.run(read, bytes(path)).anatomy
    assert found is not None
    assert found.doctype == doctype
    assert [one[:4] for one in found.apps] == ["Lavf"]


def test_a_hostile_matroska_head_ends() -> None:
    nested = b"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" * 4000
    rng = np.random.default_rng(0)
    for data in (nested, b"\x1aE\xdf\xa3\x80" + bytes(100), *(rng.bytes(3000) for _ in range(20))):
        found = anatomy(_file(data), "matroska")
        assert found is not None
        assert not found.apps


def test_other_containers_are_not_read(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", moving_picture(6), codec="mpeg4")
    assert sandbox.run(read, bytes(path)).anatomy is None
    assert av.open(str(path)).format.name == "avi"
