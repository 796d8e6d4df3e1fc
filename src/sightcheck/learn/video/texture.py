"""How is LDP-TOP compared with the others? The detector of section 4.3.1 as a Method: read once, fitted, asked."""

import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import media, sandbox, weights
from sightcheck.data import cache
from sightcheck.data.manifest import Item
from sightcheck.errors import Damaged, InputError, OverLimit
from sightcheck.protocol import readings
from sightcheck.protocol.contender import Spoken, Told
from sightcheck.protocol.metrics import Labels, Values
from sightcheck.video.person import body, pose, texture
from sightcheck.video.person.ldp import LENGTH
from sightcheck.video.person.texture import Recipe, Textures

MEASURING = (
    "media/pictures.py",
    *(f"video/person/{name}.py" for name in ("pose", "pose_worker", "body", "ldp", "texture")),
)
RECIPE = Recipe()


class Perceptrons:
    """Ten trained classifiers, asked through their ONNX network as an analyst's machine does."""

    def __init__(self, net: object) -> None:
        from sightcheck.nets.video import texture as training

        self.net = net
        self.parameters = training.parameters(net)  # type: ignore[arg-type]

    @cached_property
    def exported(self) -> tuple[bytes, NDArray[np.float32]]:
        """ONNX bytes and the golden output."""
        from sightcheck.nets.export import to_onnx

        return to_onnx(self.net, (2, 2 * len(body.PARTS), LENGTH))  # type: ignore[arg-type]

    @cached_property
    def session(self):  # type: ignore[no-untyped-def]
        """The network, ready to be asked."""
        return weights.session(self.exported[0])

    def parts(self, clip: Textures) -> Values:
        """A clip's sequences (n) -> (n, 5) P(synthetic) of each part."""
        return texture.speak(self.session, clip)

    def speak(self, clip: Textures) -> Spoken:
        """Soft score and majority of every sequence."""
        fake = self.parts(clip)
        return Spoken(texture.soft(fake), texture.majority(fake), clip.spans_s)

    def size_bytes(self) -> int:
        """Bytes of the network."""
        return len(self.exported[0])

    def export(self) -> tuple[bytes, NDArray[np.float32]]:
        """ONNX bytes and the golden output."""
        return self.exported


@dataclass(frozen=True)
class Texture:
    """LDP-TOP by a recipe; joints are MediaPipe's, or OpenPose's in the folder `keypoints` (see `pose.files`)."""

    recipe: Recipe = RECIPE
    keypoints: Path | None = None
    name: str = "LDP-TOP"

    @property
    def settings(self) -> str:
        """What tells these keypoints from others."""
        return pose.stamp(self.keypoints) if self.keypoints else "MediaPipe"

    def read(self, item: Item) -> Textures:
        """The textures of a clip, from the cache where they are there.

        Raises InputError where no part is seen, pose.Unavailable where nothing finds joints.
        """
        path = os.fsencode(item.path)
        clip = sandbox.run(media.look, path)
        joints = pose.digest(self.keypoints, Path(item.path).stem) if self.keypoints else "MediaPipe"
        code = (*readings.READING, *MEASURING)
        found = cache.arrays(
            cache.key(clip.sha256, self.recipe, joints, code=code), lambda: self._measured(path), packed=True
        )
        if str(found["why"]):
            raise Damaged(str(found["why"]))
        return Textures(found["vectors"], found["present"], found["spans_s"])

    def _measured(self, path: bytes) -> cache.Arrays:
        """The textures of a clip, or why there are none."""
        each: list[Textures] = []
        why = ""
        try:
            texture.read(
                path, self.recipe, lambda one: each.append(texture.textures([one], self.recipe.form)), self.keypoints
            )
        except OverLimit:  # perhaps only this time
            raise
        except InputError as error:
            each, why = [], str(error)
        found = texture.joined(each)
        if not len(found.vectors):
            why = why or texture.too_little(self.recipe)
        return {**dataclasses.asdict(found), "why": np.array(why)}

    def fit(
        self,
        clips: Sequence[Textures],
        synthetic: Labels,
        units: NDArray[np.str_],
        validation: tuple[Sequence[Textures], Labels] | None = None,
        told: Told | None = None,
    ) -> Perceptrons:
        """Train the ten classifiers."""
        from sightcheck.nets.video import texture as training

        return Perceptrons(training.train(clips, synthetic, validation))
