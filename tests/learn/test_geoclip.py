"""Is GeoCLIP's gallery summed by country, on its own pixels? With a stand-in for its networks."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from sightcheck.learn.place import geoclip
from sightcheck.nets.export import to_onnx
from sightcheck.nets.place.geoclip import CLIP_MEAN, CLIP_STD, convert
from sightcheck.place import country
from sightcheck.weights import session

POINTS = [(52.52, 13.4), (48.86, 2.35), (48.14, 11.58), (30.0, -40.0)]  # Berlin, Paris, Munich, the Atlantic


class Images(torch.nn.Module):
    """The mean colour stands for the features."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))


class Stub:
    """What `convert` needs of a GeoCLIP."""

    gps_gallery = torch.tensor(POINTS)
    logit_scale = torch.tensor(2.0)
    image_encoder = Images()

    @staticmethod
    def location_encoder(points: torch.Tensor) -> torch.Tensor:
        return torch.stack([points[:, 0] / 50, points[:, 1] / 10, torch.ones(len(points))], 1)


def test_places_are_summed_by_country_and_the_sea_is_left_out() -> None:
    inside, labels, owner = geoclip.owners(Stub.gps_gallery.numpy())
    net = convert(Stub(), inside, owner)
    assert labels == ["DE", "FR"]
    x = torch.from_numpy(np.random.default_rng(0).standard_normal((3, 3, 224, 224)).astype(np.float32))
    mean, deviation = (torch.from_numpy(one)[:, None, None] for one in country.STANDARD)
    pixels = x * deviation + mean
    clip = (pixels - torch.tensor(CLIP_MEAN)[:, None, None]) / torch.tensor(CLIP_STD)[:, None, None]
    seen = torch.nn.functional.normalize(clip.mean((2, 3)), dim=1)
    places = torch.nn.functional.normalize(Stub.location_encoder(Stub.gps_gallery[:3]), dim=1)
    chances = (float(torch.exp(torch.tensor(2.0))) * seen @ places.T).softmax(1)
    wanted = torch.stack([chances[:, 0] + chances[:, 2], chances[:, 1]], 1)
    assert torch.allclose(net(x).exp(), wanted, atol=1e-5)


def test_the_network_answers_as_a_country_model_does() -> None:
    inside, _, owner = geoclip.owners(Stub.gps_gallery.numpy())
    net = convert(Stub(), inside, owner)
    network, _ = to_onnx(net, (2, 3, 224, 224))
    logits = session(network).run(None, {"input": np.zeros((5, 3, 224, 224), np.float32)})[0]
    assert np.allclose(country.softmax(logits).sum(1), 1)
    assert logits.shape == (5, 2)
