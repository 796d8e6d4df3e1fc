"""Which table makes which model? Recipes run from photos, or from clips, to a model folder with its card."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from sightcheck.errors import BrokenInstallation, UsageError

if TYPE_CHECKING:
    from sightcheck.learn.place.photos import Photos
    from sightcheck.learn.video.trained import Clips
    from sightcheck.nets.loop import Schedule


@dataclass(frozen=True)
class Asked:
    """A recipe by name and what was asked of it; "" , 0 and None mean the recipe's own."""

    recipe: str
    name: str = ""
    features: str = "backbone"
    backbone: str = ""
    epochs: int = 0
    grouped: bool = False
    symmetric: bool = False
    teacher: Path | None = None
    gate: str = ""
    to: Path | None = None

    @property
    def called(self) -> str:
        """What the model will be called."""
        made = f"{self.recipe}-symmetric" if self.recipe == "pairs" and self.symmetric else self.recipe
        return self.name or (made if self.features == "backbone" else f"{made}-{self.features}")


def on_clips(asked: "Clips", tables: Sequence[Path], told: Callable[[float, str], None] | None = None) -> Path:
    """Train what was asked on some tables of clips -> the model's folder. See learn/video/trained.py."""
    needs_torch()
    from sightcheck.learn.video import trained

    return trained.run(asked, tables, told)


def run(asked: Asked, tables: Sequence[Path], told: Callable[[float, str], None] | None = None) -> Path:
    """Train what was asked on some tables of photos -> the model's folder.

    Raises UsageError for what makes no sense together, BrokenInstallation without the train extra, which `matches` does
    without.
    """
    if asked.recipe != "matches":
        needs_torch()
    _refuse(asked)
    if asked.recipe == "matches":
        from sightcheck.learn.place import matches

        return matches.train(tables, asked.called, asked.to, told)
    from sightcheck.learn.place import photos

    if asked.recipe == "backbone":
        return photos.backbone(asked.called, asked.to)
    found = photos.read(tables, told)
    return _whole(asked, found, told) if asked.recipe.startswith("whole-") else _head(asked, found, told)


def geoclip_model() -> Path:
    """GeoCLIP as a country model -> its folder. Raises BrokenInstallation where something it needs is not there."""
    needs_torch()
    from sightcheck.learn.place import geoclip

    return geoclip.to_model()


def needs_torch() -> None:
    """Raise BrokenInstallation, before any work, where PyTorch is not installed."""
    if find_spec("torch") is None:
        raise BrokenInstallation("this needs PyTorch: pip install 'sightcheck[train]'")


def to_text(folder: Path) -> str:
    """A model's folder -> what its card says of it, a metric a line."""
    from sightcheck import weights

    card = weights.card(folder)
    lines = [f"{card.name}: {card.summary}", f"written to {folder}", f"held out: {card.split}"]
    for one in (*card.metrics, *card.controls):
        interval = "" if one.low is None or one.high is None else f"  [{one.low:.3f}, {one.high:.3f}]"
        value = "undefined" if one.value is None else f"{one.value:.3f}"
        lines.append(f"  {one.name:32} {one.scope:44} {value}{interval}")
    return "\n".join(lines)


def _refuse(asked: Asked) -> None:
    """Raise UsageError, before any work is done, for options that do not belong together and for a taken name."""
    from sightcheck import weights

    whole = asked.recipe.startswith("whole-")
    if not whole and (asked.backbone or asked.epochs):
        raise UsageError("--backbone and --epochs belong to the whole-... recipes")
    if not whole and (asked.recipe == "scene") != (asked.teacher is not None):
        raise UsageError("the scene recipe, and no other, learns from a teacher: give it --teacher FILE.npz")
    if asked.features != "backbone" and (whole or asked.recipe == "backbone"):
        raise UsageError("--features belongs to the recipes scene, country, city and pairs")
    if asked.gate and asked.recipe not in ("pairs", "whole-city"):
        raise UsageError("--gate belongs to the recipes pairs and whole-city")
    weights.check_name(asked.called, asked.to)


def _head(asked: Asked, found: "Photos", told: Callable[[float, str], None] | None) -> Path:
    """A head on a backbone's features."""
    from sightcheck.learn.place import city, country, nearest, photos, scene

    views = photos.seen(found, asked.features, told)
    if asked.teacher is not None:
        return scene.train(found, views, asked.teacher, asked.called, asked.to)
    if asked.recipe == "country":
        return country.train(found, views, asked.called, asked.to)
    if asked.recipe == "city":
        return nearest.train(found, views, asked.called, asked.to)
    return city.train(found, views, asked.called, asked.to, asked.symmetric, asked.gate)


def _whole(asked: Asked, found: "Photos", told: Callable[[float, str], None] | None) -> Path:
    """A whole network by the thesis's recipe."""
    from sightcheck.learn.place import whole
    from sightcheck.nets.place.city import City
    from sightcheck.nets.place.country import Country

    if asked.recipe == "whole-country":
        one = Country()
        one = replace(one, backbone=asked.backbone or one.backbone, schedule=_shorter(one.schedule, asked.epochs))
        return whole.train_country(found, one, asked.called, asked.to, asked.grouped, told)
    two = City(symmetric=asked.symmetric)
    two = replace(two, backbone=asked.backbone or two.backbone, schedule=_shorter(two.schedule, asked.epochs))
    return whole.train_city(found, two, asked.called, asked.to, told, asked.gate or "country")


def _shorter(schedule: "Schedule", epochs: int) -> "Schedule":
    return replace(schedule, epochs=epochs) if epochs else schedule
