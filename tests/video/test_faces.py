"""Are faces cropped where they are found, and whole frames told where they are not?"""

import csv
import dataclasses
import itertools
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


def test_the_first_frames_are_cropped_as_the_first_that_shows_a_face(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = itertools.count()
    monkeypatch.setattr(faces, "detector", lambda: lambda rgb: brightest(rgb) if next(calls) >= 3 else [])
    found = faces.faces(bytes(clip(tmp_path)), ALL, 64, 64)
    assert found.faces
    assert found.rgb[:, 16:48, 16:48].mean((1, 2, 3)).min() > 200


def test_faces_in_too_few_frames_are_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = itertools.count()
    monkeypatch.setattr(faces, "detector", lambda: lambda rgb: brightest(rgb) if next(calls) >= 5 else [])
    assert not faces.faces(bytes(clip(tmp_path)), ALL, 64, 64).faces


@pytest.mark.parametrize("shape", [(200, 300), (1000, 1500), (2160, 3840)])
def test_a_small_face_is_not_looked_at_whatever_the_size(shape: tuple[int, int]) -> None:
    def of(side: float) -> faces.Find:
        return lambda rgb: [(0, 0, round(side * min(rgb.shape[:2])), round(side * min(rgb.shape[:2])))]

    searched: list[tuple[int, ...]] = []
    assert faces.largest(of(0.14), np.zeros((*shape, 3), np.uint8)) is None
    box = faces.largest(of(0.5), np.zeros((*shape, 3), np.uint8))
    assert box is not None
    assert box[2] == pytest.approx(shape[0] / 2, rel=0.01)
    faces.largest(lambda rgb: searched.append(rgb.shape) or [], np.zeros((*shape, 3), np.uint8))  # type: ignore[func-returns-value]
    assert min(searched[0][:2]) * faces.LEAST_SHARE == pytest.approx(faces.SMALLEST, rel=0.01)


def test_of_two_faces_the_larger_counts() -> None:
    picture = np.zeros((533, 533, 3), np.uint8)
    found = faces.largest(lambda rgb: [(0, 0, 100, 100), (200, 200, 400, 400)], picture)
    assert found == (200, 200, 400, 400)


@pytest.mark.parametrize("box", [(0, 0, 40, 40), (70, 120, 96, 160), (-10, -10, 90, 90), (0, 0, 96, 160)])
def test_a_crop_at_an_edge_is_square_and_inside(box: faces.Box) -> None:
    part = faces._crop(np.zeros((96, 160, 3), np.uint8), box)
    assert part.shape[0] == part.shape[1] > 0


def test_a_network_on_sequences_says_that_it_looked_at_a_face(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "detector", lambda: brightest)
    seen = faces.faces(bytes(clip(tmp_path)), ALL, 64, 64)
    one = Network("x", RECIPES["defakehop"], None, None)  # type: ignore[arg-type]
    assert one._looked_at(seen, seen.sequences(6)) == "3 sequences of 6 crops of a face"
    assert one._looked_at(dataclasses.replace(seen, faces=False), seen.sequences(6)) == "3 sequences of 6 frames"


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
