"""Which commands are there, and how do they end? Each is in the file of its group."""

import os
import sys
from typing import Annotated

import typer

from sightcheck.cli import ask
from sightcheck.cli.build import build_app
from sightcheck.cli.console import EXIT, complain
from sightcheck.cli.gallery import gallery_app
from sightcheck.cli.table import table
from sightcheck.cli.teach import evaluate, teach
from sightcheck.cli.train import train
from sightcheck.cli.weights import weights_app
from sightcheck.errors import SightcheckError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(build_app, name="build")
app.add_typer(gallery_app, name="gallery")
app.add_typer(weights_app, name="weights")
for command in (ask.video, ask.photo, ask.composite, teach, evaluate, train, table):
    app.command(epilog=EXIT)(command)


def _version(asked: bool) -> None:
    if asked:
        from sightcheck import __version__

        typer.echo(f"sightcheck {__version__}")
        raise typer.Exit


@app.callback(epilog=EXIT)
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Is this video synthetic? Was this photo taken where they say? Answers with evidence, offline."""


def main() -> None:
    """Run the command line; every error of ours becomes one sentence and its documented exit status."""
    try:
        app()
    except SightcheckError as error:
        complain(str(error))
        sys.exit(error.exit_status)
    except SystemExit as end:
        if end.code == 130:  # typer's own, after Ctrl-C
            complain("stopped")
        raise
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(1)
    except OSError as error:
        complain(f"cannot write the answer: {error.strerror}")
        sys.exit(1)
