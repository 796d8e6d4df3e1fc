"""GeoCLIP as one network that reads pixels: its gallery of places, summed by country."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sightcheck.place import country

CLIP_MEAN, CLIP_STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


class Aggregated(nn.Module):
    """(n, 3, 224, 224) pixels as our models take them -> (n, C) logarithms of the countries' probabilities.

    `images`: CLIP's pixels (n, 3, 224, 224) -> features (n, d); `places` (m, d) unit vectors of the gallery's points;
    `owner` (m,) the country of each.
    """

    places: torch.Tensor
    member: torch.Tensor
    factor: torch.Tensor
    shift: torch.Tensor

    def __init__(self, images: nn.Module, places: torch.Tensor, owner: torch.Tensor, scale: float) -> None:
        super().__init__()
        self.images, self.scale = images, scale
        self.register_buffer("places", places)
        self.register_buffer("member", nn.functional.one_hot(owner).float())
        ours, theirs = torch.from_numpy(country.STANDARD[0]), torch.tensor(CLIP_MEAN)
        factor = torch.from_numpy(country.STANDARD[1]) / torch.tensor(CLIP_STD)
        self.register_buffer("factor", factor[:, None, None])
        self.register_buffer("shift", ((ours - theirs) / torch.tensor(CLIP_STD))[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, 224, 224) -> (n, C)."""
        features = nn.functional.normalize(self.images(x * self.factor + self.shift), dim=1)  # (n, d)
        odds = self.scale * features @ self.places.T  # (n, m)
        chances: torch.Tensor = odds.softmax(1) @ self.member  # (n, C)
        return chances.clamp_min(1e-12).log()


def convert(model: Any, inside: NDArray[np.bool_], owner: NDArray[np.intp]) -> Aggregated:
    """A GeoCLIP, which points of its gallery (m,) lie in a country, and in which -> its network over countries."""
    with torch.no_grad():
        points = model.gps_gallery[torch.from_numpy(inside)]
        places = nn.functional.normalize(model.location_encoder(points), dim=1)
    return Aggregated(model.image_encoder, places, torch.from_numpy(owner), float(model.logit_scale.exp()))
