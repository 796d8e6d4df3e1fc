"""Are faces cropped where they are found, and whole frames told where they are not?"""

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck.media import Sampling
from sightcheck.video.frames import FACELESS, RECIPES, Network
from sightcheck.video.person import faces

ALL = Sampling(30, None, None, None, 1)
DATA = Path(os.environ.get("SIGHTCHECK_DATA", Path(__file__).parents[3] / "shared/data/video")).parent


def clip(folder: Path, bright: tuple[int, int] | None = (40, 60)) -> Path:
    """A dark clip with a bright square of 32 pixels at (top, left)."""
    yuv = moving_picture(8, 160, 96)
    yuv[:, :96] //= 4
    if bright:
        yuv[:, bright[0] : bright[0] + 32, bright[1] : bright[1] + 32] = 230
    return write_video(folder / "a.mp4", yuv, crf="5")


def brightest(rgb: np.ndarray) -> list[faces.Box]:
    """In place of dlib: the box of what is bright."""
    y, x = np.nonzero(rgb.mean(-1) > 180)
    return [(int(y.min()), int(x.min()), int(y.max()) + 1, int(x.max()) + 1)] if len(y) > 50 else []


def test_frames_are_cropped_to_the_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "detector", lambda: brightest)
    found = faces.faces(bytes(clip(tmp_path)), ALL, 64, 64)
    assert found.faces
    assert found.rgb.shape == (8, 64, 64, 3)
    assert found.rgb[:, 16:48, 16:48].mean() > 200  # the square fills the middle
    assert found.rgb[:, :4].mean() < 150  # and ROOM is left around it


def test_whole_frames_where_there_is_no_face_or_nobody_to_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dark = bytes(clip(tmp_path, bright=None))
    for find in (brightest, None):
        monkeypatch.setattr(faces, "detector", lambda find=find: find)
        found = faces.faces(dark, ALL, 64, 64)
        assert not found.faces
        assert found.rgb.shape == (8, 64, 64, 3)


def test_a_small_face_is_not_looked_at() -> None:
    picture = np.zeros((1000, 1000, 3), np.uint8)
    assert faces.largest(lambda rgb: [(10, 10, 60, 60)], picture) is None  # 5 of 64 parts once searched small
    assert faces.largest(lambda rgb: [(0, 0, 160, 160), (0, 0, 100, 100)], picture) == (0, 0, 250, 250)


def test_chapter_5_looks_at_faces_and_says_where_it_did_not() -> None:
    assert {name for name, recipe in RECIPES.items() if recipe.faces} == {
        "xception-scratch",
        "resnet-lstm",
        "defakehop",
    }
    one = Network("x", RECIPES["xception-scratch"], None, None)  # type: ignore[arg-type]
    seen = faces.Pictures((0.0,), np.zeros((1, 8, 8, 3), np.uint8), (0,))
    assert one._faceless(seen) == (FACELESS,)
    assert one._looked_at(faces.Pictures((0.0,), seen.rgb, (0,), True), np.zeros((3, 1), int)) == "3 crops of a face"


def test_real_faces_are_found() -> None:
    pytest.importorskip("dlib", reason="finds faces with the faces extra")
    table = DATA / "video.csv"
    if not table.exists():
        pytest.skip("the research clips are not here")
    rows = [row for row in csv.DictReader(table.open()) if row["kind"] == "dance" and row["label"] == "real"]
    found = [faces.faces(os.fsencode(DATA / "video" / row["path"]), Sampling(4, None, None, None, 1), 64, 64).faces
             for row in rows[:12]]  # fmt: skip
    assert any(found)
