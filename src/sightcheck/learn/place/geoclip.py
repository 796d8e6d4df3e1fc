"""How does GeoCLIP answer for countries? Its gallery of places, summed by country, as one network that reads pixels.

GeoCLIP (Vivanco, Nayak and Shah, NeurIPS 2023; MIT licence) is `pip install geoclip`; its CLIP backbone comes from the
hub on first use. Converted once, it answers without PyTorch: `sightcheck photo --country geoclip`.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sightcheck import weights
from sightcheck.errors import BrokenInstallation
from sightcheck.learn.place.photos import card
from sightcheck.nets.export import to_onnx
from sightcheck.place import country
from sightcheck.place.world import gazetteer

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
        ours, theirs = torch.from_numpy(country.MEAN), torch.tensor(CLIP_MEAN)
        factor = torch.from_numpy(country.STD) / torch.tensor(CLIP_STD)
        self.register_buffer("factor", factor[:, None, None])
        self.register_buffer("shift", ((ours - theirs) / torch.tensor(CLIP_STD))[:, None, None])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, 3, 224, 224) -> (n, C)."""
        features = nn.functional.normalize(self.images(x * self.factor + self.shift), dim=1)  # (n, d)
        odds = self.scale * features @ self.places.T  # (n, m)
        chances: torch.Tensor = odds.softmax(1) @ self.member  # (n, C)
        return chances.clamp_min(1e-12).log()


def owners(gallery: NDArray[np.floating]) -> tuple[NDArray[np.bool_], list[str], NDArray[np.intp]]:
    """Gallery (m, 2) of latitude and longitude -> which points lie in a country, the countries, each point's place."""
    codes = np.array([gazetteer.country_at(float(lat), float(lon)) for lat, lon in gallery])
    inside = codes != ""
    labels, owner = np.unique(codes[inside], return_inverse=True)
    return inside, labels.tolist(), owner


def convert(model: Any) -> tuple[Aggregated, list[str]]:
    """A GeoCLIP -> its network over countries, and their codes."""
    inside, labels, owner = owners(model.gps_gallery.numpy())
    with torch.no_grad():
        points = model.gps_gallery[torch.from_numpy(inside)]
        places = nn.functional.normalize(model.location_encoder(points), dim=1)
    return Aggregated(model.image_encoder, places, torch.from_numpy(owner), float(model.logit_scale.exp())), labels


def to_model(root: Path | None = None) -> Path:
    """Fetch GeoCLIP where it is not there yet, convert it -> its model folder. Raises BrokenInstallation."""
    try:
        from geoclip import GeoCLIP
    except ImportError:
        raise BrokenInstallation("GeoCLIP is not installed: pip install geoclip") from None
    try:
        model = GeoCLIP()
    except Exception as error:  # the hub's client raises errors of many kinds
        raise BrokenInstallation(
            f"GeoCLIP's CLIP backbone could not be fetched ({type(error).__name__}): connect to the internet once"
        ) from error
    net, labels = convert(model.eval())
    network, golden = to_onnx(net, (2, 3, country.SIDE, country.SIDE))
    meaning = country.Countries(tuple((label,) for label in labels), 1.0, 0.0, 1.0, None)
    described = card(
        "geoclip", f"GeoCLIP's places summed over {len(labels)} countries; not calibrated here", {"reads": "pixels"},
        (weights.Source("GeoCLIP: MediaPlus-4.1M and CLIP", licence="MIT"),), "none: published weights", (), (),
        ("not calibrated here: its probabilities are its own, and no likelihood ratio is drawn from them",), None,
        "country",
    )  # fmt: skip
    return weights.save(described, {"golden": golden, **country.to_arrays(meaning)}, root, network)
