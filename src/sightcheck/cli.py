"""The commands: parse, ask, print. Progress goes to stderr, results to stdout."""

import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sightcheck.cli_build import build_app
from sightcheck.cli_gallery import gallery_app
from sightcheck.cli_table import table
from sightcheck.cli_train import train
from sightcheck.cli_weights import weights_app
from sightcheck.console import EXIT, Show, complain, print_safely, progress_bar
from sightcheck.errors import SightcheckError

if TYPE_CHECKING:
    from sightcheck.report import Report

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(build_app, name="build")
app.add_typer(gallery_app, name="gallery")
app.add_typer(weights_app, name="weights")


class Method(StrEnum):
    """The few-shot methods."""

    traces = "traces"
    footprint = "footprint"


class FailOn(StrEnum):
    """Answers that can be asked to change the exit status."""

    synthetic = "synthetic"
    undecided = "undecided"


class PhotoFailOn(StrEnum):
    """Answers about a photo that can be asked to change the exit status."""

    not_taken_there = "not taken there"
    undecided = "undecided"


@app.callback(epilog=EXIT)
def about() -> None:
    """Is this video synthetic? Was this photo taken where they say? Answers with evidence, offline."""


@app.command(epilog=EXIT)
def video(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Video files.")],
    detector: Annotated[
        list[str] | None, typer.Option("--detector", help="A detector by name; the first one decides. [default: all]")
    ] = None,
    keypoints: Annotated[
        Path | None, typer.Option(metavar="DIR", help="OpenPose's JSON of the clips, for LDP-TOP. [default: mediapipe]")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write one self-contained HTML report here.")] = None,
    fail_on: Annotated[FailOn | None, typer.Option(help="Exit with 4 when any file gets this answer.")] = None,
) -> None:
    """Is this video synthetic?"""
    from sightcheck import ask
    from sightcheck.video.detectors import DETECTORS
    from sightcheck.video.detectors import detector as find

    detectors = [find(name, keypoints) for name in detector or DETECTORS]
    _answer(files, lambda path, show: ask.video(path, detectors, lambda done: show(None, done)), json, html, fail_on)


@app.command(epilog=EXIT)
def photo(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Photo files.")],
    claim: Annotated[
        str | None, typer.Option(help='Where it is said to be taken: "Berlin, Germany", "Italy", "41.9,12.5".')
    ] = None,
    country: Annotated[str, typer.Option(help="The country model, by name.")] = "country",
    city: Annotated[str, typer.Option(help="The city model, by name.")] = "city",
    scene: Annotated[str, typer.Option(help="The scene model, by name.")] = "scene",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write one self-contained HTML report here.")] = None,
    fail_on: Annotated[PhotoFailOn | None, typer.Option(help="Exit with 4 when any file gets this answer.")] = None,
) -> None:
    """Was this photo taken where they say? Without a claim: in which country does it seem to be?"""
    from sightcheck import ask
    from sightcheck.place.embedding import Names
    from sightcheck.place.gazetteer import parse

    stated, models = None if claim is None else parse(claim), Names(scene, country, city)
    _answer(
        files, lambda path, show: ask.photo(path, stated, models=models, heat=html is not None), json, html, fail_on
    )


@app.command(epilog=EXIT)
def composite(
    first: Annotated[str, typer.Argument(metavar="PHOTO", help="A photo.")],
    second: Annotated[str, typer.Argument(metavar="OTHER", help="A photo of another country.")],
    inset: Annotated[bool, typer.Option("--inset", help="Paste the second into the first.")] = False,
) -> None:
    """Does the country model see both when two photos are made into one? (section 7.4.2)"""
    from sightcheck import sandbox
    from sightcheck.media.photo import look_photo
    from sightcheck.place import plausible
    from sightcheck.place.embedding import reader

    one, other = (sandbox.run(look_photo, os.fsencode(path)).pixels for path in (first, second))
    found = plausible.composite(one, other, reader(), inset)
    for name, shares in (("first", found.first), ("second", found.second), ("together", found.together)):
        print_safely(f"{name:9}" + ", ".join(f"{one.name} {one.probability:.0%}" for one in shares[:3]))
    print_safely("both countries lead" if found.both_lead else "the two countries are not the two likeliest together")


def _answer(
    files: list[str],
    ask_one: "Callable[[str, Show], Report]",
    json: bool,
    html: Path | None,
    fail_on: StrEnum | None,
) -> None:
    """Answer file after file, tell each as it comes; ends with the documented exit status."""
    from sightcheck import report

    reports: list[Report] = []
    failed: list[report.Failure] = []
    with progress_bar() as show:
        for number, path in enumerate(files):
            show(f"{number + 1}/{len(files)} {report.visible(os.path.basename(path))}", 0.0)
            try:
                reports.append(ask_one(path, show))
                if not json:
                    print_safely(report.to_text(reports[-1]))
            except SightcheckError as error:
                if error.exit_status > 1:
                    raise
                failed.append(report.Failure(report.visible(path), str(error)))
                complain(f"{report.visible(path)}: {error}")
    if json:
        print_safely(report.to_json(report.Document(tuple(reports), tuple(failed))))
    if html is not None:
        report.write(report.to_html(reports, failed), html)
        typer.echo(f"wrote {html}", err=True)
    answers = {verdict.answer for one in reports for verdict in one.verdicts}
    if failed or (fail_on is not None and fail_on.value in answers):
        raise typer.Exit(1 if failed else 4)


@app.command(epilog=EXIT)
def teach(
    name: Annotated[str, typer.Argument(help="What the detector will be called.")],
    real: Annotated[Path | None, typer.Option(help="Folder of real clips; a sub-folder is one scene.")] = None,
    fake: Annotated[Path | None, typer.Option(help="Folder of synthetic clips.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="A table of clips (CSV or Parquet) in place of both.")] = None,
    method: Annotated[Method, typer.Option(help="What is measured.")] = Method.traces,
    frames: Annotated[int, typer.Option(help="N of F-SVM: frames after the first (footprint).")] = 30,
    crf: Annotated[int, typer.Option(help="Quality of the encode, 0 to 51 (footprint).")] = 23,
    to: Annotated[Path | None, typer.Option(help="Folder to write the model's folder into. [default: yours]")] = None,
) -> None:
    """Teach a detector from a handful of clips: real ones and synthetic ones."""
    import sightcheck.teach as teaching

    items = teaching.items(real, fake, manifest)
    with progress_bar() as show:
        card, folder = teaching.teach(
            name,
            items,
            teaching.recipe(method.value, frames, crf),
            root=to,
            progress=lambda done, of: show(f"{done}/{of} clips", done / of),
        )
    print_safely(teaching.to_text(card, folder))


@app.command(epilog=EXIT)
def evaluate(
    detector: Annotated[str, typer.Argument(help="A detector by name: its recipe is taught and tested anew.")],
    manifest: Annotated[Path, typer.Argument(help="A table of clips: path, label, source, generator, scene ...")],
    kind: Annotated[list[str] | None, typer.Option(help="Score these kinds only; all are taught.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """How well does a detector do on generators and sources it was not taught? Networks are scored as they are."""
    from sightcheck.bench import as_it_is, evaluate_photos, tables
    from sightcheck.bench import evaluate as evaluation

    with progress_bar() as show:
        if evaluate_photos.role(detector) in evaluate_photos.ROLES:
            scored = evaluate_photos.evaluate(
                detector, manifest, lambda done, of: show(f"{done}/{of} photos", done / of)
            )
            print_safely(evaluate_photos.to_json(scored) if json else evaluate_photos.to_text(scored))
            return
        if evaluate_photos.role(detector) in as_it_is.ROLES:
            seen = as_it_is.evaluate(
                detector, manifest, kind or (), lambda done, of: show(f"{done}/{of} clips", done / of)
            )
            print_safely(as_it_is.to_json(seen) if json else as_it_is.to_text(seen))
            return
        found = evaluation.evaluate(
            detector, manifest, tuple(kind or ()), lambda done, of: show(f"{done}/{of} clips", done / of)
        )
    print_safely(evaluation.to_json(found) if json else tables.to_text(found))


app.command(epilog=EXIT)(train)
app.command(epilog=EXIT)(table)


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
