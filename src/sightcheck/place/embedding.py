"""What is kept of a photo? One reading through the networks: city vector, scenes, countries.

A reading never changes for one picture and one set of models, so a gallery keeps it, and a question about a hundred
reference photos costs one reading. Three models take part, each a folder that `weights` knows: `scene`, `country` and
`city`. They read the features of a backbone, which looks at a cut of the photo once for all of them, or pixels where
they are whole networks.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sightcheck import weights
from sightcheck.errors import UsageError
from sightcheck.place import backbone, city, country, scene
from sightcheck.place.backbone import CLIP, LITE, PIXELS
from sightcheck.place.country import Countries, Pixels, Values
from sightcheck.verdict import Calibration
from sightcheck.weights import Weights

NONE = np.zeros(0, np.uint64)
ROLES = ("scene", "country", "city")
BETTER = (
    "a better backbone can be had: sightcheck weights get clip fetches it once (78 MB), and photos are then read by it"
)


@dataclass(frozen=True)
class Embedding:
    """One photo as the networks see it: (d,) city vector, (16,) scene groups, (365,) scenes, (C,) countries."""

    vector: Values
    scenes: Values
    places: Values
    countries: Values


@dataclass(frozen=True)
class Names:
    """Which model answers for scenes, countries and cities: names that `weights.find` knows.

    Where the backbone `clip` is here, a name means the model of that name which reads it, as `country-clip`.
    """

    scene: str = "scene"
    country: str = "country"
    city: str = "city"


DEFAULT = Names()


class Reader:
    """Loaded models. `countries`, `verifier` and `urban_classes` say how to read what they put out.

    `taught` (m,): fingerprints of the photos that they learned from, where they say so. `better`: whether a better
    backbone than this one can be had.
    """

    def __init__(self, names: Names = DEFAULT) -> None:
        models = {role: weights.load(_called(role, getattr(names, role))) for role in ROLES}
        self._reads = {role: backbone.reads(one.card) for role, one in models.items()}
        seen = {name: None if name == PIXELS else backbone_model(name) for name in sorted({*self._reads.values()})}
        self._eyes = {name: backbone.eye(one) for name, one in seen.items()}
        self.verifier: city.Verifier
        self.margin: Calibration | None
        self.verifier, self.margin = city.from_arrays(models["city"].arrays)
        self._heads = {role: _head(one) for role, one in models.items() if one.network}
        if isinstance(self.verifier, city.Nearest):
            self._heads["city"] = self.verifier.vectors
        self.cards = {role: one.card for role, one in models.items()}
        self.cards |= {f"backbone {name}": one.card for name, one in seen.items() if one is not None}
        self.better = LITE in seen and CLIP not in seen
        loaded = [*models.values(), *(one for one in seen.values() if one is not None)]
        digests = sorted(f"{one.card.sha256} {one.card.network_sha256}" for one in loaded)
        self.key = hashlib.sha256("\n".join(digests).encode()).hexdigest()
        self.taught = np.concatenate([one.arrays.get("taught", NONE) for one in models.values()])
        hierarchy = models["scene"].arrays if "groups16" in models["scene"].arrays else weights.load("scene").arrays
        self._groups = hierarchy["groups16"]
        self.urban_classes = np.asarray(hierarchy["groups3"][:, scene.URBAN] > 0)
        self.countries: Countries = country.from_arrays(models["country"].arrays)

    def embed(self, pixels: Pixels, centre: bool = False) -> Embedding:
        """(H, W, 3) uint8 -> Embedding: the centre cut for scenes and city, all cuts for countries (7.3, 8.3.2).

        `centre`: the centre alone for countries too, which is all that a reference photo needs.
        """
        seen = {name: self._see(name, pixels, centre or name != self._reads["country"]) for name in self._eyes}
        scenes, cuts, vector = (self._heads[role](seen[self._reads[role]]) for role in ROLES)
        places = country.softmax(scenes[-1])
        return Embedding(
            vector[-1],
            scene.grouped(places, self._groups),
            places.astype(np.float32),
            country.fused(cuts, temperature=self.countries.temperature).astype(np.float32),
        )

    def reference(self, pixels: Pixels) -> Embedding:
        """(H, W, 3) uint8 -> Embedding of a reference photo, from its centre."""
        return self.embed(pixels, centre=True)

    def cuts(self, pixels: Pixels) -> Values:
        """(H, W, 3) uint8 -> (k, 3, 224, 224): the cuts that the country model reads."""
        return self._eyes[self._reads["country"]].look.cuts(pixels)

    def squeezed(self, pixels: Pixels) -> Values:
        """(H, W, 3) uint8 -> (1, 3, 224, 224): the whole photo as the country model would read it."""
        return self._eyes[self._reads["country"]].look.squeezed(pixels)

    def crop_logits(self, cuts: Values) -> Values:
        """(n, 3, 224, 224) standardised cuts -> (n, C) logits of the country model."""
        return self._heads["country"](self._eyes[self._reads["country"]].run(cuts))

    def _see(self, name: str, pixels: Pixels, centre: bool) -> Values:
        eye = self._eyes[name]
        cuts = eye.look.cuts(pixels)
        return eye.run(cuts[-1:] if centre else cuts)


def _called(role: str, name: str) -> str:
    """The name asked for -> the name of the model that is meant.

    Raises UsageError for a name that no model for this role has, with those that there are.
    """
    of_role = {one.name: one for one in (weights.card(folder) for folder in weights.folders()) if one.method == role}
    if _here(CLIP) and f"{name}-{CLIP}" in of_role:
        return f"{name}-{CLIP}"
    if name in of_role:
        return name
    raise UsageError(f"no {role} model is called {name!r}; there are: {', '.join(sorted(of_role))}")


def _here(name: str) -> bool:
    return any(folder.name == name for folder in weights.folders())


def backbone_model(name: str) -> Weights:
    """Name -> the backbone's model. Raises UsageError, with how to get it, where it is not here."""
    if not _here(name):
        how = f"sightcheck weights get {name}" if name == CLIP else "see sightcheck weights list"
        raise UsageError(f"the backbone {name!r} that this model reads is not here: {how}")
    return weights.load(name)


def _head(model: Weights) -> Callable[[Values], Values]:
    """A model -> what turns features (k, d), or cuts, into its outputs (k, m)."""
    session = weights.session(model.network)
    return lambda seen: backbone.run(session, seen)


def reader(names: Names = DEFAULT) -> Reader:
    """The models under these names, loaded once for each backbone that is here."""
    return _reader(names, _here(CLIP))


@lru_cache
def _reader(names: Names, clip: bool) -> Reader:
    return Reader(names)


def embed(pixels: Pixels) -> Embedding:
    """(H, W, 3) uint8 -> Embedding of a reference photo by the default models."""
    return reader().reference(pixels)


def model_key() -> str:
    """SHA-256 over the default models: what `embed` was made with."""
    return reader().key
