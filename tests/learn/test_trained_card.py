"""Does the card of a trained model keep its recipe's own frames? And do a model's kept scores know what taught it?"""

from pathlib import Path

import numpy as np
import pytest

from sightcheck.data.manifest import Item
from sightcheck.learn.video import trained
from sightcheck.protocol.contender import WHOLE, Spoken, by_index
from sightcheck.video.person import texture

ITEMS = (Item(path="a.mp4", label="real"), Item(path="b.mp4", label="fake"))


@pytest.mark.parametrize("asked", [0, 7])
def test_the_card_keeps_the_recipes_frames_and_those_asked_for_apart(asked: int) -> None:
    name = next(iter(texture.RECIPES))
    found = trained.Read(ITEMS, (), (), ())
    recipe = {"frames": 32}
    card = trained.card(trained.Clips(name, frames=asked), found, None, None, 1, recipe)
    assert (card.recipe["frames"], card.recipe["frames_asked"]) == (32, asked)


class Share:
    """Speaks the share of synthetic clips that it was taught on, and counts how often it was taught."""

    name, taught = "share", 0

    def fit(self, clips, synthetic, units, validation=None, told=None):
        self.taught += 1
        mean = 0.25 + 0.5 * float(np.mean(synthetic[: len(synthetic) // 2]))
        return type("Fitted", (), {"speak": lambda _, clip: Spoken(np.array([mean]), np.array([True]), WHOLE)})()


def test_swapped_labels_or_units_are_taught_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTCHECK_CACHE", str(tmp_path))
    method, rows, names = Share(), np.arange(4.0)[:, None], ["a", "b", "c", "d"]
    fit = by_index(method, names, names, "settings")

    def items(labels: str, sources: str) -> list[Item]:
        named = {"f": "fake", "r": "real"}
        return [Item(path=n, label=named[x], source=s) for n, x, s in zip(names, labels, sources, strict=True)]

    first = fit(rows, items("ffrr", "xxyy"))(rows)
    assert fit(rows, items("ffrr", "xxyy"))(rows) == pytest.approx(first)
    assert method.taught == 1
    swapped = fit(rows, items("rrff", "xxyy"))(rows)
    assert method.taught == 2
    assert not np.allclose(swapped, first)
    fit(rows, items("ffrr", "yyxx"))(rows)
    assert method.taught == 3
