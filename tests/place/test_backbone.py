"""Which cuts does a backbone read, and is the better one read by the models that are made for it?"""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

from sightcheck import ask, weights
from sightcheck.errors import UsageError
from sightcheck.place import backbone, city, embedding
from sightcheck.place.backbone import CLIP, IMAGENET, Look
from sightcheck.place.embedding import Names, Reader
from sightcheck.place.references.gallery import Gallery
from sightcheck.place.world.gazetteer import parse

FETCHED = weights.home() / CLIP
"""Where whoever runs the tests keeps it; looked up before the tests get a home of their own."""
PHOTOS = Path(__file__).parents[3] / "shared/data/photo"
LOOK = Look(224, 224, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25))


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(("shape", "cuts"), [((224, 224), 1), ((300, 310), 1), ((300, 900), 3), ((900, 300), 3)])
def test_a_long_photo_is_read_at_both_ends_and_the_centre_last(shape: tuple[int, int], cuts: int) -> None:
    pixels = np.zeros((*shape, 3), np.uint8)
    pixels[: shape[0] // 3 or 1, : shape[1] // 3 or 1] = 255  # one corner
    found = LOOK.cuts(pixels)
    assert found.shape == (cuts, 3, 224, 224)
    if cuts == 3:
        first, second, centre = found.mean((1, 2, 3))
        assert first > centre
        assert second == pytest.approx(-2)
        assert centre == pytest.approx(-2, abs=0.1), "the corner is not in the centre"


@pytest.mark.parametrize("shape", [(1, 1), (2, 4000), (4000, 2)])
def test_a_photo_of_any_shape_has_its_cuts(shape: tuple[int, int]) -> None:
    for look in (LOOK, IMAGENET):
        assert look.cuts(noise(*shape)).shape[1:] == (3, 224, 224)
        assert look.squeezed(noise(*shape)).shape == (1, 3, 224, 224)


def test_a_look_is_what_its_card_states() -> None:
    assert backbone.look(LOOK.recipe()) == LOOK
    assert backbone.look(IMAGENET.recipe()) == IMAGENET
    assert backbone.look({}) == IMAGENET


def test_without_the_better_backbone_answers_come_and_say_how_to_get_it() -> None:
    assert Reader().better
    with pytest.raises(UsageError, match="sightcheck weights get clip"):
        Reader(Names(country="country-clip"))


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not (FETCHED / "model.onnx").is_file():
        pytest.skip("the better backbone is not here: sightcheck weights get clip")
    (tmp_path / "detectors").mkdir()
    (tmp_path / "detectors" / CLIP).symlink_to(FETCHED)
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path))


@pytest.mark.usefixtures("fetched")
def test_a_photo_is_read_alike_alone_and_among_others() -> None:
    eye = backbone.eye(weights.load(CLIP))
    cuts = eye.look.cuts(noise(224, 500))
    together = eye.run(cuts)
    alone = np.concatenate([eye.run(cut[None]) for cut in cuts])
    assert np.abs(together - alone).max() < 1e-4 * np.abs(together).max()
    golden = weights.load(CLIP).arrays["golden"]
    found = eye.run(weights.golden_input((1, 3, 224, 224)))
    assert np.abs(found - golden).max() < 1e-3 * np.abs(golden).max()


@pytest.mark.usefixtures("fetched")
def test_with_it_a_name_means_the_model_that_reads_it() -> None:
    reader = embedding.reader()
    assert {one.name for one in reader.cards.values()} == {"clip", "scene-clip", "country-clip", "city-clip"}
    assert not reader.better
    assert isinstance(reader.verifier, city.Nearest)
    seen = reader.embed(noise(300, 700))
    assert seen.vector.shape == (512,)
    assert seen.countries.sum() == pytest.approx(1, abs=1e-4)
    centre = reader.reference(noise(300, 700))
    assert np.allclose(centre.vector, seen.vector, atol=1e-5), "a batch adds in another order"


@pytest.mark.usefixtures("fetched")
def test_taught_photos_get_no_ratio_and_real_places_lie_near_their_references(tmp_path: Path) -> None:
    if not (PHOTOS / "city.csv").is_file():
        pytest.skip("the real photos are not here")
    with (PHOTOS / "city.csv").open() as table:
        rows = [row for row in csv.DictReader(table) if row["city"] == "Rome"]
    folder = tmp_path / "rome"
    folder.mkdir()
    for row in rows[:24]:
        shutil.copy(PHOTOS / row["path"], folder)
    with Gallery(tmp_path / "gallery.sqlite") as gallery:
        gallery.add(parse("Rome, Italy"), folder)
        told = ask.photo(PHOTOS / rows[30]["path"], "Rome, Italy", gallery).verdicts[0]
    (found,) = [one for one in told.evidence if one.method == "city"]
    assert found.score is not None
    assert found.log10_lr is None
    assert any("learned from it" in one for one in found.limits)
