"""What do the commands about model files print?"""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from sightcheck import weights
from sightcheck.cli import app
from sightcheck.video import reference

CARD = weights.Card("mine", "traces", "a test", {}, (), "", (), (), ("a limit",), "x", {}, "")


def shown(root: Path, worth: reference.Reliability | None) -> str:
    known = reference.Reference(None, (), np.zeros(0, bool), np.zeros(0), reliability=worth)
    weights.save(CARD, reference.to_arrays(known, None), root / "detectors")
    found = CliRunner().invoke(app.app, ["weights", "show", "mine"])
    assert found.exit_code == 0
    return found.stdout


def test_a_card_is_shown_with_what_the_ratios_of_the_model_were_worth(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path))
    ratios, synthetic = np.array([-0.7, 0.7, 0.7, 0.7]), np.array([False, False, True, True])
    told = shown(tmp_path, reference.reliability(ratios, synthetic, list("aabc")))
    assert "! a limit" in told
    assert "sources that taught nothing (1 source of real and 2 of synthetic clips, each weighing alike)" in told
    assert "0.5 to 1: stated 5 : 1 on average, observed 2 : 1; 1 real, 2 synthetic clips of 3 sources" in told


def test_a_card_without_it_is_shown_all_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path))
    told = shown(tmp_path, None)
    assert "! a limit" in told
    assert "stated against observed" not in told
