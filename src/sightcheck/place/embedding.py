"""What is kept of a photo? One reading through the networks: city vector, scenes, countries.

A reading never changes for one picture and one set of models, so a gallery keeps it, and a question about a hundred
reference photos costs one reading. Four models take part, each a folder that `weights` knows: `backbone` (pixels ->
features), and `scene`, `country` and `city`, which read its features, or pixels where they are whole networks.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.errors import BrokenInstallation, UsageError
from sightcheck.place import city, country, scene
from sightcheck.place.country import Countries, Pixels, Values
from sightcheck.verdict import Calibration

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BACKBONE = "backbone"
ROLES = ("backbone", "scene", "country", "city")
CENTRE = country.CROPS.index("centre")


@dataclass(frozen=True)
class Embedding:
    """One photo as the networks see it: (64,) city vector, (16,) scene groups, (365,) scenes, (C,) countries."""

    vector: Values
    scenes: Values
    places: Values
    countries: Values


@dataclass(frozen=True)
class Names:
    """Which model answers for scenes, countries and cities: names that `weights.find` knows."""

    scene: str = "scene"
    country: str = "country"
    city: str = "city"


BUNDLED = Names()


class Reader:
    """Loaded models. `countries`, `pair_head`, `margin` and `urban_classes` say how to read what they put out."""

    def __init__(self, names: Names = BUNDLED, threads: int = 0) -> None:
        for role, name in zip(ROLES[1:], (names.scene, names.country, names.city), strict=True):
            _check(role, name)
        loaded = {name: weights.load(name) for name in (BACKBONE, names.scene, names.country, names.city)}
        scene_model, country_model, city_model = (loaded[one] for one in (names.scene, names.country, names.city))
        self._backbone = weights.session(loaded[BACKBONE].network, threads)
        self._scene, self._country, self._city = (
            weights.session(one.network, threads) for one in (scene_model, country_model, city_model)
        )
        self.cards = {role: one.card for role, one in zip(ROLES, loaded.values(), strict=True)}
        digests = sorted(f"{one.card.sha256} {one.card.network_sha256}" for one in loaded.values())
        self.key = hashlib.sha256("\n".join(digests).encode()).hexdigest()
        hierarchy = (loaded.get("scene") or weights.load("scene")).arrays
        self._groups = hierarchy["groups16"]
        self.urban_classes = np.asarray(hierarchy["groups3"][:, scene.URBAN] > 0)
        self.countries: Countries = country.from_arrays(country_model.arrays)
        self.pair_head: city.PairHead
        self.margin: Calibration | None
        self.pair_head, self.margin = city.from_arrays(city_model.arrays)

    def embed(self, pixels: Pixels) -> Embedding:
        """(H, W, 3) uint8 -> Embedding: the centre crop for scenes and city, five crops for countries (7.3, 8.3.2)."""
        crops = country.five_crops(pixels)
        centre = crops[CENTRE : CENTRE + 1]
        whole = _reads_features(self._country)
        features = self._features(crops if whole else centre)
        middle = features[CENTRE : CENTRE + 1] if whole else features
        logits = _run(self._country, features if whole else crops)
        places = country.softmax(_run(self._scene, middle if _reads_features(self._scene) else centre)[0])
        return Embedding(
            _run(self._city, middle if _reads_features(self._city) else centre)[0],
            scene.grouped(places, self._groups),
            places.astype(np.float32),
            country.fused(logits, temperature=self.countries.temperature).astype(np.float32),
        )

    def crop_logits(self, crops: Values) -> Values:
        """(n, 3, 224, 224) normalised crops -> (n, C) logits of the country model."""
        return _run(self._country, self._features(crops) if _reads_features(self._country) else crops)

    def _features(self, crops: Values) -> Values:
        return _run(self._backbone, crops)


def _check(role: str, name: str) -> None:
    """Raise UsageError for a name that no model for this role has, with those that there are."""
    folders = {folder.name: folder for folder in weights.folders()}
    if name in folders and weights.card(folders[name]).method == role:
        return
    there = sorted(one for one, folder in folders.items() if weights.card(folder).method == role)
    raise UsageError(f"no {role} model is called {name!r}; there are: {', '.join(there)}")


@lru_cache
def reader(names: Names = BUNDLED) -> Reader:
    """The models under these names, loaded once."""
    return Reader(names)


def embed(pixels: Pixels) -> Embedding:
    """(H, W, 3) uint8 -> Embedding by the bundled models."""
    return reader().embed(pixels)


def model_key() -> str:
    """SHA-256 over the bundled models: what `embed` was made with."""
    return reader().key


def _reads_features(session: "InferenceSession") -> bool:
    return len(session.get_inputs()[0].shape) == 2


def _run(session: "InferenceSession", values: Values) -> NDArray[np.float32]:
    """Batch -> the network's first output. Raises BrokenInstallation where it does not take such a batch."""
    try:
        return np.asarray(session.run(None, {session.get_inputs()[0].name: values})[0], np.float32)
    except Exception as error:
        raise BrokenInstallation(
            f"a network does not take pixels of 224 x 224 or the backbone's features: {error}"
        ) from error
