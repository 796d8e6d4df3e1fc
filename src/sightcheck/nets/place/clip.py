"""CLIP's image tower as timm has it, exported: for where its hub can be reached and the package index has no wheel."""

from typing import Any

import torch
from torch import nn

from sightcheck.errors import BrokenInstallation
from sightcheck.nets.export import to_onnx
from sightcheck.video.appearance import BLOCK, MIDDLE

NAME = "vit_base_patch16_clip_224.openai"


class Tower(nn.Module):
    """(n, 3, 224, 224) standardised pixels -> (n, 512) embeddings, (n, 1536) class token and mean after block BLOCK."""

    def __init__(self, net: Any) -> None:
        super().__init__()
        self.net = net

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(n, 3, 224, 224) -> (n, 512), (n, 1536)."""
        x = self.net.norm_pre(self.net._pos_embed(self.net.patch_embed(x)))
        middle = x
        for number, block in enumerate(self.net.blocks, 1):
            x = block(x)
            middle = x if number == BLOCK else middle
        return self.net.forward_head(self.net.norm(x)), torch.cat([middle[:, 0], middle[:, 1:].mean(1)], 1)


def exported(pretrained: bool = True) -> bytes:
    """ONNX bytes: (n, 3, 224, 224) standardised pixels -> (n, 512) and, named MIDDLE, (n, 1536).

    Raises BrokenInstallation when the weights cannot be fetched.
    """
    import timm

    try:
        net = timm.create_model(NAME, pretrained=pretrained)
    except Exception as error:  # the hub's client raises errors of many kinds
        raise BrokenInstallation(f"the hub's weights of {NAME} could not be fetched ({type(error).__name__})") from None
    return to_onnx(Tower(net), (2, 3, 224, 224), ("output", MIDDLE))[0]
