"""The command that trains networks: parse, call, print."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sightcheck.cli.console import print_safely, progress_bar
from sightcheck.errors import UsageError


class Recipe(StrEnum):
    """What can be trained."""

    frames = "frames"
    xception = "xception"
    efficientnet_b3 = "efficientnet-b3"
    xception_scratch = "xception-scratch"
    resnet_lstm = "resnet-lstm"
    defakehop = "defakehop"
    ldp_top = "ldp-top"
    texture = "texture"
    residual = "residual"
    fusion = "fusion"
    joint = "joint"
    backbone = "backbone"
    scene = "scene"
    country = "country"
    city = "city"
    pairs = "pairs"
    matches = "matches"
    whole_country = "whole-country"
    whole_city = "whole-city"


VIDEO = tuple(Recipe)[:11]
"""Those that learn from clips; the others learn from photos."""


class Backbone(StrEnum):
    """Whose features a head reads."""

    lite = "backbone"
    clip = "clip"


class Form(StrEnum):
    """Of local derivative patterns."""

    sign = "sign"
    magnitude = "magnitude"


class Precision(StrEnum):
    """Of the arithmetic; checkpoints and models are float32 in both."""

    full = "32-true"
    mixed = "bf16-mixed"


def train(
    recipe: Annotated[Recipe, typer.Argument(help="frames to joint learn from clips, the others from photos.")],
    tables: Annotated[list[Path], typer.Argument(metavar="TABLE...", help="Tables: path, label or country ...")],
    name: Annotated[str, typer.Option(help="What the model will be called. [default: the recipe's name]")] = "",
    epochs: Annotated[int, typer.Option(min=0, help="Epochs of a whole network. [0: the thesis's]")] = 0,
    frames: Annotated[int, typer.Option(min=0, help="Clips: frames of each that teach and are scored.")] = 0,
    folds: Annotated[int, typer.Option(min=0, help="Clips: models with a fold held out; 0 holds out nothing.")] = 5,
    precision: Annotated[Precision, typer.Option(help="Clips: of the arithmetic in training.")] = Precision.full,
    scratch: Annotated[bool, typer.Option("--scratch", help="Clips: not from ImageNet's weights.")] = False,
    of: Annotated[list[str] | None, typer.Option("--of", help="fusion, joint: a model; repeat.")] = None,
    keypoints: Annotated[Path | None, typer.Option(help="LDP-TOP: OpenPose's JSON, a folder a clip.")] = None,
    ldp: Annotated[Form, typer.Option(help="LDP-TOP: how patterns are made (docs/tables.md).")] = Form.sign,
    sequences: Annotated[int, typer.Option(min=0, help="LDP-TOP: at most so many of a clip. [0: all]")] = 0,
    features: Annotated[Backbone, typer.Option(help="Photos: the backbone that a head reads.")] = Backbone.lite,
    backbone: Annotated[str, typer.Option(help="Backbone of a whole-... recipe. [default: the thesis's]")] = "",
    grouped: Annotated[bool, typer.Option("--grouped", help="Country: the 61 classes of the thesis.")] = False,
    symmetric: Annotated[bool, typer.Option("--symmetric", help="Pairs: the head that forgets the order.")] = False,
    teacher: Annotated[Path | None, typer.Option(help="Scene: its .npz (path, probs), hierarchy.csv beside.")] = None,
    gate: Annotated[str, typer.Option(help="Pairs: the country model that gates it. [default: the recipe's]")] = "",
    to: Annotated[Path | None, typer.Option(help="Folder to write the model's folder into. [default: yours]")] = None,
) -> None:
    """Train a network and export it with its card. All but matches need the train extra; stopped, it resumes."""
    from sightcheck.learn import recipes
    from sightcheck.learn.video.contenders import Bodies
    from sightcheck.learn.video.trained import Clips

    on_clips = recipe in VIDEO
    given = {"--frames": frames, "--of": of, "--keypoints": keypoints, "--precision": precision != Precision.full}
    given |= {"--folds": folds != 5, "--scratch": scratch, "--ldp": ldp != Form.sign, "--sequences": sequences}
    others = {"--backbone": backbone, "--grouped": grouped, "--symmetric": symmetric, "--teacher": teacher}
    others |= {"--gate": gate, "--features": features != Backbone.lite}
    wrong = [option for option, value in (others if on_clips else given).items() if value]
    if wrong:
        raise UsageError(f"{', '.join(wrong)} does not belong to the recipe {recipe.value}; leave it out")
    with progress_bar() as show:

        def told(done: float, what: str) -> None:
            show(what, done)

        if on_clips:
            asked = Clips(
                recipe.value, name, epochs, frames, folds, precision.value, scratch,
                tuple(of or ()), Bodies(ldp.value, sequences, keypoints), to,
            )  # fmt: skip
            folder = recipes.on_clips(asked, tables, told)
        else:
            photos = recipes.Asked(
                recipe.value, name, features.value, backbone, epochs, grouped, symmetric, teacher, gate, to
            )
            folder = recipes.run(photos, tables, told)
    print_safely(recipes.to_text(folder))
