"""How does a published Places365 network become a model folder? Plain weights in, ONNX with a card out."""

import hashlib
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import torch
import torchvision
from torch import nn

from sightcheck import weights
from sightcheck.errors import InputError, NotAFile
from sightcheck.nets.export import to_onnx
from sightcheck.weights import Card, Source

CLASSES, PHOTOS = 365, 1_803_460
"""Scenes, and training photos of Places365-Standard as its authors state them."""

NOT_FOR = "Not proof of anything alone: it names the kind of scene, never a place or a person."


def to_model(path: Path, architecture: str, origin: str, root: Path | None = None) -> Path:
    """Checkpoint of a torchvision ResNet with 365 outputs -> the model folder `places365-<architecture>` (8.3.2).

    `architecture`: torchvision's name, such as "resnet18"; `origin`: where the file came from, for the card. The
    network takes (n, 3, 224, 224) normalised pixels and gives (n, 365) logits. Nothing in the file is run: only tensors
    are read. Raises NotAFile, InputError for a file that holds anything but this network's weights, OutputError.
    """
    net = torchvision.models.get_model(architecture, weights=None, num_classes=CLASSES)
    _fill(net, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    network, golden = to_onnx(net, (2, 3, 224, 224))
    return weights.save(_card(architecture, origin, digest), {"golden": golden}, root, network)


def _fill(net: nn.Module, path: Path) -> None:
    """Put a checkpoint's tensors into the network."""
    if not path.is_file():
        raise NotAFile(f"{path} is not a file; give the checkpoint that was fetched")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # it raises errors of many kinds
        raise InputError(
            f"{path} is refused ({type(error).__name__}): it is damaged or holds more than plain weights, such as code;"
            " fetch it again from its publisher"
        ) from None
    state = found.get("state_dict", found) if isinstance(found, dict) else None
    try:
        net.load_state_dict({str(key).removeprefix("module."): value for key, value in state.items()})  # type: ignore[union-attr]
    except (AttributeError, RuntimeError, TypeError):
        raise InputError(f"{path} does not hold the weights of this network; was another one fetched?") from None
    if not all(value.isfinite().all() for value in net.state_dict().values()):
        raise InputError(f"{path} holds weights that are not finite; fetch it again from its publisher")


def _card(architecture: str, origin: str, digest: str) -> Card:
    libraries = ("sightcheck", "torch", "torchvision", "onnx", "onnxruntime", "numpy")
    return Card(
        name=f"places365-{architecture}",
        method="scene",
        summary=f"365 Places scenes by the Places365 authors' {architecture}",
        recipe={"reads": "pixels", "architecture": architecture, "from": origin, "file_sha256": digest},
        sources=(Source("Places365-Standard, by the Places365 authors", licence="CC BY 4.0", photos=PHOTOS),),
        split="none: the published weights, rounded to half precision",
        metrics=(),
        controls=(),
        limits=(
            "not scored here",
            "its authors publish no SHA-256, so the one on the card is of the file that came and proves no origin",
        ),
        not_for=NOT_FOR,
        versions={one: version(one) for one in libraries},
        made=datetime.now(UTC).isoformat(timespec="seconds"),
    )
