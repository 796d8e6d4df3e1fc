"""How does GeoCLIP answer for countries? Its gallery of places, summed by country, as one network that reads pixels.

GeoCLIP (Vivanco, Nayak and Shah, NeurIPS 2023; MIT licence) is `pip install geoclip`; its CLIP backbone comes from the
hub on first use. Converted once, it answers without PyTorch: `sightcheck photo --country geoclip`.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.errors import BrokenInstallation
from sightcheck.learn.place.photos import card
from sightcheck.nets.export import to_onnx
from sightcheck.nets.place.geoclip import convert
from sightcheck.place import country
from sightcheck.place.world import gazetteer


def owners(gallery: NDArray[np.floating]) -> tuple[NDArray[np.bool_], list[str], NDArray[np.intp]]:
    """Gallery (m, 2) of latitude and longitude -> which points lie in a country, the countries, each point's place."""
    codes = np.array([gazetteer.country_at(float(lat), float(lon)) for lat, lon in gallery])
    inside = codes != ""
    labels, owner = np.unique(codes[inside], return_inverse=True)
    return inside, labels.tolist(), owner


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
    inside, labels, owner = owners(model.gps_gallery.numpy())
    net = convert(model.eval(), inside, owner)
    network, golden = to_onnx(net, (2, 3, country.SIDE, country.SIDE))
    meaning = country.Countries(tuple((label,) for label in labels), 1.0, 0.0, 1.0, None)
    described = card(
        "geoclip", f"GeoCLIP's places summed over {len(labels)} countries; not calibrated here", {"reads": "pixels"},
        (weights.Source("GeoCLIP: MediaPlus-4.1M and CLIP", licence="MIT"),), "none: published weights", (), (),
        ("not calibrated here: its probabilities are its own, and no likelihood ratio is drawn from them",), None,
        "country",
    )  # fmt: skip
    return weights.save(described, {"golden": golden, **country.to_arrays(meaning)}, root, network)
