"""The commands about model files: parse, call, print."""

from pathlib import Path
from typing import Annotated

import typer

from sightcheck.console import EXIT, print_safely, progress_bar

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
    """Fetch a published network and turn it into a model. Needs the train extra; the one command that goes online."""
    from sightcheck import fetch, training

    if name is None:
        for key, one in fetch.OFFICIAL.items():
            print_safely(f"{key}\t{one.megabytes} MB\t{one.licence}\t{one.address}\n")
        print_safely("geoclip\t1.7 GB\tMIT\tpip install geoclip; its CLIP backbone comes from its hub\n")
        return
    with progress_bar() as show:
        if name == "geoclip":
            folder = training.geoclip_model()
        else:
            folder = fetch.get(name, None, lambda done, what: show(what, done), file)
    print_safely(f"wrote {folder}")


@weights_app.command("verify", epilog=EXIT)
def weights_verify() -> None:
    """Check every model file against the SHA-256 on its card."""
    from sightcheck import weights

    for folder in weights.folders():
        weights.load(folder.name)
        print_safely(f"{folder.name}\tas its card says\n")
