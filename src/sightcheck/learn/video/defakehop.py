"""How is DeFakeHop compared with the others? As a Method: filters and trees, fitted in one pass."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sightcheck.data.manifest import Item
from sightcheck.learn.video.frames import FittedNet, Look, seen
from sightcheck.media import Pictures
from sightcheck.protocol.contender import Told, Units
from sightcheck.protocol.metrics import Labels, Values
from sightcheck.video import frames
from sightcheck.video.frames import RECIPES


@dataclass(frozen=True)
class Hops:
    """DeFakeHop. `frames`: how many runs of frames of a clip are looked at, from its first; 0: every one."""

    name: str = "DeFakeHop"
    frames: int = 0

    def read(self, item: Item) -> Look:
        """A clip's pictures."""
        found = seen(item, RECIPES["defakehop"])
        kept = self.frames + RECIPES["defakehop"].sequence - 1 if self.frames else len(found.pictures.rgb)
        return replace(
            found,
            pictures=Pictures(found.pictures.times_s[:kept], found.pictures.rgb[:kept], (0,), found.pictures.faces),
        )

    def fit(
        self, clips: Sequence[Look], synthetic: Labels, units: Units,
        validation: tuple[Sequence[Look], Labels] | None = None, told: Told | None = None,
    ) -> FittedNet:  # fmt: skip
        """Filters and trees, in one pass."""
        from sightcheck.nets.video import defakehop
        from sightcheck.nets.video.frames import outputs

        recipe = RECIPES["defakehop"]
        net = defakehop.train(recipe, [clip.pictures for clip in clips], synthetic, told)

        def speak(net: Any, clip: Pictures, rows: frames.Indices) -> Values:
            given = frames.network_input(clip.rgb[rows], recipe)
            return frames.probabilities(outputs(net, given), recipe)

        shape = (2, recipe.sequence, 3, recipe.height, recipe.width)
        return FittedNet(net, lambda clip: frames.runs(clip, recipe.sequence), speak, shape, defakehop.parameters(net))
