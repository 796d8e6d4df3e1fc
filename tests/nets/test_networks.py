"""Do the bundled networks answer here as they did where they were made? Needs no torch."""

import numpy as np
import pytest

from sightcheck import weights

TOLERANCE = 1e-4
"""As train.export.TOLERANCE: largest difference, relative to the largest output above 1."""
LARGEST = 25 * 2**20
SHAPES = {4: (2, 3, 224, 224), 3: (2, 10, 3072)}

NETWORKS = sorted(
    folder.name
    for folder in weights.folders()
    if folder.parent == weights.BUNDLED and weights.card(folder).network_sha256
)


def golden_input(name: str) -> np.ndarray:
    """What a network is compared on: pixels, cuts, or as many features as its backbone has."""
    shape = weights.session(weights.load(name).network).get_inputs()[0].shape
    return weights.golden_input(SHAPES.get(len(shape), (2, shape[-1])))


def difference(name: str, given: np.ndarray | None = None) -> float:
    model = weights.load(name)
    session = weights.session(model.network)
    (only,) = session.get_inputs()
    found = session.run(None, {only.name: golden_input(name) if given is None else given})[0]
    wanted = model.arrays["golden"]
    assert found.shape == wanted.shape
    return float(np.abs(found - wanted).max() / max(1.0, float(np.abs(wanted).max())))


def test_the_backbone_and_the_heads_are_there() -> None:
    assert {"backbone", "scene", "country", "pairs", "frames", "texture"} <= set(NETWORKS)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_bundled_network_gives_its_golden_output(name: str) -> None:
    assert difference(name) <= TOLERANCE


@pytest.mark.parametrize("name", NETWORKS)
def test_another_input_gives_another_output(name: str) -> None:
    assert difference(name, golden_input(name)[::-1].copy()) > TOLERANCE


@pytest.mark.parametrize("name", NETWORKS)
def test_a_batch_gives_what_its_rows_give_alone(name: str) -> None:
    session = weights.session(weights.load(name).network)
    (only,) = session.get_inputs()
    given = golden_input(name)
    together = session.run(None, {only.name: given})[0]
    alone = np.concatenate([session.run(None, {only.name: row[None]})[0] for row in given])
    np.testing.assert_allclose(together, alone, rtol=0, atol=TOLERANCE * max(1.0, float(np.abs(together).max())))


def test_the_bundled_files_are_small_together() -> None:
    assert sum(path.stat().st_size for path in weights.BUNDLED.rglob("*") if path.is_file()) <= LARGEST
