"""The commands that make data to learn from: parse, call, print."""

from pathlib import Path
from typing import Annotated

import typer

from sightcheck.cli.console import EXIT, complain, print_safely, progress_bar

build_app = typer.Typer(no_args_is_help=True, help="Make clips to learn from.", epilog=EXIT)


@build_app.callback()
def about() -> None:
    """Make clips to learn from."""


@build_app.command(epilog=EXIT)
def twins(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="Table of clips; its real ones are read.")],
    to: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the pairs: new, empty, or an earlier run's.")],
) -> None:
    """Make a synthetic twin of every real clip. Needs the train extra; stopped, it resumes.

    A twin is the clip after a small autoencoder, taught here. Both are written alike: TO/twins.csv names them.
    """
    from sightcheck.learn import twins as making

    with progress_bar() as show:

        def told(done: float, what: str) -> None:
            complain(what) if what.startswith("left out") else show(what, done)

        found = making.build(table, to, told)
    print_safely(str(found))
