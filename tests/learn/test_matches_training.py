"""Does a table of photos become a scale of matched points with its card, without torch?"""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from sightcheck import weights
from sightcheck.errors import UsageError
from sightcheck.learn import recipes
from sightcheck.learn.place import matches
from sightcheck.place import matching

EACH = 6


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two cities of EACH photos; those of Rome show one scene from several sides."""
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(matches, "MANY", EACH)
    monkeypatch.setattr(recipes, "needs_torch", lambda: pytest.fail("asked for torch"))
    rows = [{"path": _drawn(tmp_path, city, at), "city": city, "country": country, "source": "s"}
            for city, country in (("Rome", "IT"), ("Madrid", "ES")) for at in range(EACH)]  # fmt: skip
    path = tmp_path / "photos.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def _drawn(folder: Path, city: str, at: int) -> str:
    random = np.random.default_rng(0 if city == "Rome" else 1 + at)
    cells = [random.uniform(0, 255, (300 // k, 400 // k, 3)).astype(np.float32) for k in (50, 20, 10, 5)]
    picture = np.mean([cv2.resize(one, (400, 300)) for one in cells], axis=0)
    turn = cv2.getRotationMatrix2D((200, 150), 8 * at, 1 + 0.1 * at)
    turned = cv2.warpAffine(picture, turn, (400, 300), borderMode=cv2.BORDER_REFLECT)
    path = folder / f"{city}-{at}.png"
    Image.fromarray(np.clip(4 * (turned - 127) + 127, 0, 255).astype(np.uint8)).save(path)
    return path.name


def test_a_scale_is_counted_with_its_card(table: Path) -> None:
    steps: list[float] = []
    folder = recipes.run(recipes.Asked("matches", name="mine"), [table], lambda done, _: steps.append(done))
    loaded = weights.load("mine")
    scale = matching.from_arrays(loaded.arrays)
    assert (scale.there, scale.elsewhere) == (2 * EACH, 2 * EACH)
    assert scale.reached_there[0] >= EACH - 1
    assert scale.reached_elsewhere[-1] == 0
    assert loaded.card.method == "matches"
    assert any("12 false claims of 12 photos" in limit for limit in loaded.card.limits)
    assert "points or more" in recipes.to_text(folder)
    assert steps == sorted(steps)


def test_claims_once_measured_are_kept(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos, _ = matches.read([table])
    first = matches.asked(photos)
    monkeypatch.setattr(matching, "matched", lambda *_: pytest.fail("matched again"))
    assert matches.asked(photos) == first


def test_one_city_is_too_few(table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matches, "MANY", EACH + 1)
    with pytest.raises(UsageError, match="two cities"):
        recipes.run(recipes.Asked("matches", name="mine"), [table])


def test_a_bundled_name_is_refused(table: Path) -> None:
    with pytest.raises(UsageError, match="bundled"):
        recipes.run(recipes.Asked("matches"), [table])
