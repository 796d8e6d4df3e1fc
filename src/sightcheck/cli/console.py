"""How does a command speak? Progress and complaints on stderr, results on stdout."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import typer

from sightcheck.errors import OutputError

EVERY_S = 10.0
"""Between two lines of progress in a log."""
Show = Callable[[str | None, float], None]

EXIT = (
    "Exit status: 0 done, 1 some files failed (the others are answered), 2 wrong usage, 3 broken installation, "
    "130 stopped. The answer never changes it unless --fail-on asks for it (then 4)."
)


@contextlib.contextmanager
def progress_bar() -> Iterator[Show]:
    """A bar on stderr where a person looks on, elsewhere a line now and then.

    Yields show(description or None, fraction).
    """
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    with Bar(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=1.0)
        lines = _Lines()

        def show(description: str | None, done: float) -> None:
            if not console.is_terminal:
                lines.show(description)
            elif description is None:
                bar.update(task, completed=done)
            else:
                bar.update(task, completed=done, description=escape(description))

        yield show


class _Lines:
    """Progress where nobody looks on: a line at most every EVERY_S seconds, the first one after that."""

    def __init__(self) -> None:
        self.told = time.monotonic()

    def show(self, description: str | None) -> None:
        """Print a description where it is time to."""
        if description and time.monotonic() - self.told >= EVERY_S:
            self.told = time.monotonic()
            shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in description)
            print(shown, file=sys.stderr, flush=True)


def print_safely(text: str) -> None:
    """Write to stdout whatever its encoding. Raises OutputError when it is closed."""
    if sys.stdout is None:
        raise OutputError("the answer cannot be written: standard output is closed")
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def complain(sentence: str) -> None:
    """One sentence on stderr: one line, nothing that a terminal obeys."""
    shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in sentence)
    typer.echo(f"sightcheck: {shown}", err=True)
