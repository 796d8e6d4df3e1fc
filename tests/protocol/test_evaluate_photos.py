"""Are country and city models scored on a table of photos as chapters 7 and 8 score them?"""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from sightcheck import weights
from sightcheck.cli import app
from sightcheck.errors import UsageError
from sightcheck.protocol import evaluate_photos

TAKEN = [
    ("Rome", "Italy"),
    ("Madrid", "ES"),
    ("Rome", "IT"),
    ("Madrid", "Spain"),
    ("Rome", "ITA"),
    ("Nairobi", "Kenya"),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pictures made by code, and one file that is none."""
    folder = tmp_path_factory.mktemp("photos")
    with (folder / "photos.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "city", "country", "source"])
        for number, (city, country) in enumerate(TAKEN):
            noise = np.random.default_rng(number).uniform(0, 255, (12, 16, 3))
            Image.fromarray(np.kron(noise, np.ones((20, 20, 1))).astype(np.uint8)).save(folder / f"{number}.png")
            rows.writerow([f"{number}.png", city, country, "drawn"])
        (folder / "text.jpg").write_text("no photo")
        rows.writerow(["text.jpg", "Rome", "Italy", "drawn"])
    return folder / "photos.csv"


def test_a_country_model_is_scored_on_what_it_covers(table: Path) -> None:
    found = evaluate_photos.evaluate("country", table)
    assert found.photos == 5
    assert found.country is not None
    tops = [one.value for one in found.country.top]
    assert tops == sorted(tops)
    assert any("does not cover" in warning for warning in found.warnings)
    assert any("text.jpg" in warning for warning in found.warnings)


def test_a_city_model_is_scored_on_every_claim(table: Path) -> None:
    found = evaluate_photos.evaluate("city", table)
    assert found.gated is not None
    assert found.ungated is not None
    assert found.ungated.trials == 6 * 3
    assert {cell[:2] for cell in found.cells} >= {
        ("Rome, IT", "Madrid, ES"),
        ("Madrid, ES", "Rome, IT"),
        ("Rome, IT", "Rome, IT"),
    }
    assert found.gated.tp <= found.ungated.tp
    assert found.roc[0] == (0.0, 0.0)
    assert found.roc[-1] == (1.0, 1.0)


def test_the_command_prints_text_and_json(table: Path) -> None:
    text = CliRunner().invoke(app.app, ["evaluate", "country", str(table)])
    assert text.exit_code == 0
    assert "balanced accuracy" in text.stdout
    document = CliRunner().invoke(app.app, ["evaluate", "city", str(table), "--json"])
    assert json.loads(document.stdout)["model"] == "city"


def test_any_country_model_gates(table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path))
    bundled = weights.load("country")
    order = np.argsort([label.split()[0] in ("IT", "ES") for label in bundled.arrays["labels"].tolist()], kind="stable")
    renamed = bundled.arrays["labels"][np.argsort(order)]  # the same network, its countries by other names
    card = replace(bundled.card, name="other")
    weights.save(card, {**bundled.arrays, "labels": renamed}, None, bundled.network)
    own, others = (evaluate_photos.evaluate("city", table, gate=gate) for gate in ("", "other"))
    assert own.ungated == others.ungated
    assert own.cells != others.cells
    with pytest.raises(UsageError, match="city models"):
        evaluate_photos.evaluate("country", table, gate="other")


def test_a_table_of_one_city_cannot_try_verification(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("path,city,country\na.png,Rome,Italy\n")
    with pytest.raises(UsageError, match="two or more"):
        evaluate_photos.evaluate("city", tmp_path / "t.csv")


def test_an_unknown_country_names_the_row(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    (tmp_path / "t.csv").write_text("path,country\na.png,Ruritania\n")
    with pytest.raises(UsageError, match="row 1"):
        evaluate_photos.evaluate("country", tmp_path / "t.csv")
