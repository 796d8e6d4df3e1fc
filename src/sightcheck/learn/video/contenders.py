"""Which detectors are compared in the tables? Each by its name there."""

from dataclasses import dataclass, replace
from pathlib import Path

from sightcheck.errors import UsageError
from sightcheck.learn.video.defakehop import Hops
from sightcheck.learn.video.footprint import FewShot, canonical, f_svm
from sightcheck.learn.video.frames import Head, Net
from sightcheck.learn.video.residual import Residual
from sightcheck.protocol.contender import Method
from sightcheck.video import fewshot
from sightcheck.video.person import ldp, texture

NETWORKS = {
    "Xception (3.2.2)": "xception",
    "EfficientNet-B3": "efficientnet-b3",
    "Xcept": "xception-scratch",
    "ResNetLSTM": "resnet-lstm",
}
NEEDS_TORCH = ("residual", *NETWORKS, "DeFakeHop", "LDP-TOP", "LDP-TOP, T = 32")
"""Those whose training needs PyTorch."""
NAMES = ("F-SVM", "F-SVM canonical", "traces", "frames", *NEEDS_TORCH)


@dataclass(frozen=True)
class Bodies:
    """How LDP-TOP looks at bodies: `form` of its patterns (see ldp), at most so many `sequences` of a clip, 0 for all.

    `keypoints`: a folder of OpenPose's JSON of the clips; without one MediaPipe is asked.
    """

    form: ldp.Form = "sign"
    sequences: int = 0
    keypoints: Path | None = None

    def recipe(self, name: str) -> texture.Recipe:
        """The recipe of that name, so changed."""
        return replace(texture.RECIPES[name], form=self.form, sequences=self.sequences)


def contender(
    name: str,
    epochs: int = 0,
    frames: int = 0,
    precision: str = "32-true",
    backbone: str = "",
    scratch: bool = False,
    bodies: Bodies = Bodies(),
) -> Method:
    """A detector by its name in the tables; 0 epochs or frames and no backbone are the thesis's own.

    `scratch`: a network starts from random weights where the thesis's starts from ImageNet's; `bodies`: how LDP-TOP
    looks at them.

    Raises UsageError with the names there are.
    """
    if name in NETWORKS:
        return Net(name, NETWORKS[name], epochs, frames, precision, backbone, scratch)
    if name in NAMES[-2:]:
        from sightcheck.learn.video.texture import Texture

        return Texture(bodies.recipe("ldp-top" if name == "LDP-TOP" else "texture"), bodies.keypoints, name)
    others: dict[str, Method] = {
        "F-SVM": f_svm(),
        "F-SVM canonical": canonical(),
        "traces": FewShot("traces", fewshot.Recipe()),
        "frames": Head(frames=frames),
        "residual": Residual(epochs=epochs),
        "DeFakeHop": Hops(frames=frames),
    }
    if name not in others:
        raise UsageError(f"no detector is compared as {name!r}; there are: {', '.join(NAMES)}")
    return others[name]
