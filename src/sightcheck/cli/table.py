"""The command that runs a table of the thesis: parse, call, print."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sightcheck.cli.console import print_safely, progress_bar
from sightcheck.cli.train import Form
from sightcheck.errors import OutputError, UsageError

if TYPE_CHECKING:
    from sightcheck.bench.tables.compared import Compared
    from sightcheck.protocol.contender import Method


def table(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="A table of the thesis, such as 5.2.")],
    data: Annotated[
        Path, typer.Option(metavar="DIR|MANIFEST", help="Its data set as folders, or a table of other clips.")
    ],
    limit: Annotated[int, typer.Option(min=0, help="At most this many clips of a label in a subset. [0: all]")] = 0,
    epochs: Annotated[int, typer.Option(min=0, help="Epochs of training. [0: the thesis's own]")] = 0,
    frames: Annotated[int, typer.Option(min=0, help="Frames read of a clip. [0: the thesis's own]")] = 0,
    scratch: Annotated[bool, typer.Option("--scratch", help="Networks do not start from ImageNet's weights.")] = False,
    kind: Annotated[str, typer.Option(help="Only rows of the table with this kind: street, dance.")] = "",
    method: Annotated[list[str] | None, typer.Option("--method", help="Only these methods. [default: all]")] = None,
    detector: Annotated[str, typer.Option(help="The detector that table 4.sota tests, by name.")] = "",
    ldp: Annotated[Form, typer.Option(help="LDP-TOP: how patterns are made (docs/tables.md).")] = Form.sign,
    keypoints: Annotated[
        Path | None, typer.Option(metavar="DIR", help="LDP-TOP: OpenPose's JSON, a folder a clip. [default: mediapipe]")
    ] = None,
    to: Annotated[Path | None, typer.Option(metavar="DIR", help="Also write it here as CSV, HTML and text.")] = None,
) -> None:
    """Run a table of the thesis and set ours beside published. Stopped, it goes on where it was when run again."""
    from sightcheck.bench.tables import compared, layout, runner
    from sightcheck.bench.tables.plans import RELEASED, Shortened, plan
    from sightcheck.learn.recipes import needs_torch
    from sightcheck.learn.video.contenders import NEEDS_TORCH

    planned = plan(number)
    planned = planned.only(tuple(method)) if method else planned
    if (RELEASED in planned.methods) != bool(detector):
        raise UsageError("table 4.sota, and it alone, needs --detector NAME; `sightcheck weights list` names them")

    def make(name: str) -> "Method":
        from sightcheck.bench.tables.released import Released
        from sightcheck.learn.video.contenders import Bodies, contender

        if name == RELEASED:
            return Released(detector)
        return contender(name, epochs, frames, scratch=scratch, bodies=Bodies(ldp.value, keypoints=keypoints))

    if any(name in NEEDS_TORCH for name in planned.methods):
        needs_torch()
    clips = layout.gather(data, planned.roles, kind, limit)
    with progress_bar() as show:
        found = runner.run(planned, clips, make, Shortened(epochs, frames), lambda done, what: show(what, done))
    if to is not None:
        _write(found, to)
    print_safely(compared.to_text(found))


def _write(found: "Compared", folder: Path) -> None:
    """The table as files. Raises OutputError."""
    from sightcheck.bench.tables import compared

    forms = {"txt": compared.to_text, "csv": compared.to_csv, "html": compared.to_html}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for suffix, form in forms.items():
            (folder / f"table-{found.number}.{suffix}").write_text(form(found), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{folder}: the table cannot be written ({error.strerror}); choose another folder") from None
