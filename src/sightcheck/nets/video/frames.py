"""How are the thesis's networks on frames trained? Xception, EfficientNet-B3, ResNet and LSTM (3.2.2, 4.3.2, 5.3.2)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils.data import Dataset

from sightcheck.media import Pictures
from sightcheck.nets.backbones import backbone
from sightcheck.nets.loop import Progress, Schedule, fit
from sightcheck.video import frames
from sightcheck.video.frames import RECIPES, Recipe

Labels = NDArray[np.bool_]
BATCH = 8
"""Frames or sequences that are asked about at once."""
CAP = 100
"""Epochs after which training ends although it was to end by itself."""


@dataclass(frozen=True)
class Training:
    """How a clip is read, which network learns (timm's name), from where it starts, and how long.

    `frames`: how many frames or sequences of a clip teach, spread evenly; 0: every one.
    """

    recipe: Recipe
    backbone: str
    pretrained: bool
    schedule: Schedule
    frames: int = 0


def _adam(epochs: int, rate: float, batch: int, patience: int = 0) -> Schedule:
    return Schedule(epochs, batch, rate, weight_decay=0.0, optimizer="adam", patience=patience)


TRAININGS: dict[str, Training] = {
    # 3.2.2 does not state where the weights start
    "xception": Training(RECIPES["xception"], "legacy_xception", False, _adam(CAP, 1e-4, 8, patience=10)),
    # 4.3.2; the batch is not stated
    "efficientnet-b3": Training(
        RECIPES["efficientnet-b3"], "tf_efficientnet_b3.in1k", True, _adam(CAP, 2e-4, 8, patience=5)
    ),
    # 5.3.2
    "xception-scratch": Training(RECIPES["xception-scratch"], "legacy_xception", False, _adam(50, 2e-4, 24)),
    # 5.3.2, "the same settings"; a batch of 24 frames is three sequences and three frames: 4 are taken
    "resnet-lstm": Training(RECIPES["resnet-lstm"], "resnet50", False, _adam(50, 2e-4, 4)),
}


class PerFrame(nn.Module):
    """(n, 3, H, W) -> (n, 2) logits of real and synthetic."""

    def __init__(self, training: Training) -> None:
        super().__init__()
        self.backbone = backbone(training.backbone, training.pretrained)
        self.head = nn.Linear(int(self.backbone.features), 2)  # type: ignore[arg-type]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, H, W) -> (n, 2)."""
        return self.head(self.backbone(x))  # type: ignore[no-any-return]


class ResNetLSTM(nn.Module):
    """(n, t, 3, H, W) -> (n, 2) logits of the last frame; in training (n, t, 2), those of every frame."""

    def __init__(self, training: Training) -> None:
        super().__init__()
        self.backbone = backbone(training.backbone, training.pretrained)
        self.narrow = nn.Conv2d(int(self.backbone.num_features), 128, 1)  # type: ignore[arg-type]
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.lstm = nn.LSTM(128, 512, batch_first=True)
        self.head = nn.Linear(512, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, t, 3, H, W) -> (n, 2), in training (n, t, 2)."""
        maps = self.backbone.forward_features(x.flatten(0, 1))  # type: ignore[operator]
        narrow = self.pool(self.narrow(maps)).flatten(1)  # (n * t, 128)
        steps, _ = self.lstm(narrow.unflatten(0, x.shape[:2]))  # (n, t, 512)
        logits: torch.Tensor = self.head(steps)  # (n, t, 2)
        return logits if self.training else logits[:, -1]


class Frames(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    """Every frame or sequence of clips that teaches, standardised as it is taken, with its clip's label."""

    def __init__(self, training: Training, clips: Sequence[Pictures], synthetic: Labels) -> None:
        self.training, self.clips, self.synthetic = training, clips, synthetic
        self.rows = [(at, row) for at, clip in enumerate(clips) for row in taught(training, clip)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int) -> tuple[torch.Tensor, torch.Tensor]:
        clip, row = self.rows[at]
        given = frames.network_input(self.clips[clip].rgb[row], self.training.recipe)
        single = given[0] if self.training.recipe.sequence == 1 else given
        return torch.from_numpy(np.ascontiguousarray(single)), torch.tensor(int(self.synthetic[clip]))


def taught(training: Training, clip: Pictures) -> NDArray[np.intp]:
    """(k, sequence) numbers of the frames that teach."""
    rows = clip.sequences(training.recipe.sequence)
    if not training.frames or len(rows) <= training.frames:
        return rows
    return np.asarray(rows[np.linspace(0, len(rows) - 1, training.frames).round().astype(np.intp)])


def made(training: Training) -> nn.Module:
    """An untrained network of the recipe."""
    torch.manual_seed(training.schedule.seed)
    return PerFrame(training) if training.recipe.sequence == 1 else ResNetLSTM(training)


def train(
    training: Training,
    clips: Sequence[Pictures],
    synthetic: Labels,
    validation: tuple[Sequence[Pictures], Labels] | None,
    folder: Path,
    progress: Progress | None = None,
) -> nn.Module:
    """Clips (n) with labels (n,) -> the trained network; both classes weigh alike. It resumes from `folder`."""
    data = Frames(training, clips, synthetic)
    weights = _weights(data)

    def loss(net: nn.Module, batch: tuple[torch.Tensor, ...]) -> torch.Tensor:
        return _loss(net(batch[0]), batch[1], weights)

    validate = None if validation is None else _validation(Frames(training, *validation))
    return fit(made(training), lambda epoch: data, loss, training.schedule, folder, progress, validate)


def _loss(logits: torch.Tensor, labels: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of (n, 2), or of (n, t, 2) over all frames of sequences."""
    if logits.dim() == 3:
        labels = labels[:, None].expand(logits.shape[:2])
    each = nn.functional.cross_entropy(logits.flatten(0, -2).float(), labels.flatten(), reduction="none")
    return (each * weights.to(each.device)[labels.flatten()]).mean()  # not over the batch's weights: it may be one clip


def _weights(data: Frames) -> torch.Tensor:
    """(2,) weights under which both classes weigh alike."""
    counts = np.bincount([int(data.synthetic[clip]) for clip, _ in data.rows], minlength=2)
    return torch.tensor(counts.sum() / (2 * np.maximum(counts, 1)), dtype=torch.float32)


def _validation(data: Frames):  # type: ignore[no-untyped-def]
    weights = _weights(data)

    @torch.no_grad()
    def validate(net: nn.Module) -> float:
        total = 0.0
        device = next(net.parameters()).device
        for at in range(0, len(data), BATCH):
            x, y = (
                torch.stack(part)
                for part in zip(*map(data.__getitem__, range(at, min(at + BATCH, len(data)))), strict=True)
            )
            total += float(_loss(net(x.to(device)), y.to(device), weights)) * len(y)
        return total / len(data)

    return validate


def heard(training: Training, clip: Pictures) -> NDArray[np.intp]:
    """(k, sequence) numbers of the frames that are spoken of: those of an answer, or as many as teach."""
    return taught(training, clip) if training.frames else frames.runs(clip, training.recipe.sequence)


def speak(net: nn.Module, training: Training, clip: Pictures, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """A clip and the numbers (k, sequence) of some frames -> (k,) P(synthetic) of each."""
    found = []
    for at in range(0, len(rows), BATCH):
        given = frames.network_input(clip.rgb[rows[at : at + BATCH]], training.recipe)
        single = given[:, 0] if training.recipe.sequence == 1 else given
        found.append(outputs(net, single, training.schedule.precision))
    return frames.probabilities(np.concatenate(found), training.recipe)


@torch.no_grad()
def outputs(net: nn.Module, given: NDArray[np.float32], precision: str = "32-true") -> NDArray[np.float32]:
    """A batch -> what the network puts out, by the precision it was trained in."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
        return np.asarray(net(torch.from_numpy(np.ascontiguousarray(given))).float().numpy())


def shape(training: Training) -> tuple[int, ...]:
    """Of the batch that its export is checked on."""
    one = (3, training.recipe.height, training.recipe.width)
    return (2, *one) if training.recipe.sequence == 1 else (2, training.recipe.sequence, *one)
