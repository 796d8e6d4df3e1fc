"""The commands that ask: is this video synthetic, was this photo taken there?"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sightcheck.cli.console import Jobs, complain, print_safely, progress_bar
from sightcheck.errors import SightcheckError, UsageError

if TYPE_CHECKING:
    from sightcheck.report.report import Report


Form = Literal["text", "json", "csv", "brief"]


class FailOn(StrEnum):
    """Answers that can be asked to change the exit status."""

    synthetic = "synthetic"
    undecided = "undecided"


class PhotoFailOn(StrEnum):
    """Answers about a photo that can be asked to change the exit status."""

    not_taken_there = "not taken there"
    undecided = "undecided"


def video(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Video files.")],
    detector: Annotated[
        list[str] | None, typer.Option("--detector", help="A detector by name; the first one decides. [default: all]")
    ] = None,
    keypoints: Annotated[
        Path | None, typer.Option(metavar="DIR", help="OpenPose's JSON of the clips, for LDP-TOP. [default: mediapipe]")
    ] = None,
    sequences: Annotated[
        int, typer.Option(min=0, help="LDP-TOP: at most so many sequences of a clip, for a quick answer. [0: all]")
    ] = 0,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    pictures: Annotated[bool, typer.Option("--pictures", help="With --json: its pictures too.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print a table, a row a file.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="Print a line a file.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write one self-contained HTML report here.")] = None,
    fail_on: Annotated[FailOn | None, typer.Option(help="Exit with 4 when any file gets this answer.")] = None,
    jobs: Jobs = None,
) -> None:
    """Is this video synthetic?"""
    from sightcheck import ask, batch
    from sightcheck.video.detectors import default
    from sightcheck.video.detectors import detector as find

    how = Told(_form(json, csv, brief, pictures), pictures, html, fail_on)
    detectors = [find(name, keypoints, sequences) for name in detector or default()]
    at_once = batch.jobs(batch.VIDEO_BYTES, len(files), jobs)
    _answer(files, lambda path, told: ask.video(path, detectors, told, html is not None), how, at_once)


def photo(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Photo files.")],
    claim: Annotated[
        str | None, typer.Option(help='Where it is said to be taken: "Berlin, Germany", "Italy", "41.9,12.5".')
    ] = None,
    country: Annotated[str, typer.Option(help="The country model, by name.")] = "country",
    city: Annotated[str, typer.Option(help="The city model, by name.")] = "city",
    scene: Annotated[str, typer.Option(help="The scene model, by name.")] = "scene",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    pictures: Annotated[bool, typer.Option("--pictures", help="With --json: its pictures too.")] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print a table, a row a file.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="Print a line a file.")] = False,
    html: Annotated[Path | None, typer.Option("--html", help="Write one self-contained HTML report here.")] = None,
    fail_on: Annotated[PhotoFailOn | None, typer.Option(help="Exit with 4 when any file gets this answer.")] = None,
    jobs: Jobs = None,
) -> None:
    """Was this photo taken where they say? Without a claim: in which country does it seem to be?"""
    from sightcheck import ask, batch
    from sightcheck.place.embedding import Names, reader
    from sightcheck.place.world.gazetteer import parse

    how = Told(_form(json, csv, brief, pictures), pictures, html, fail_on)
    stated, models = None if claim is None else parse(claim), Names(scene, country, city)
    reader(models)  # once, before there are several threads
    at_once = batch.jobs(batch.PHOTO_BYTES, len(files), jobs)
    _answer(files, lambda path, _: ask.photo(path, stated, None, models, html is not None), how, at_once)


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


@dataclass(frozen=True)
class Told:
    """How answers are told: `form` on stdout, `pictures` in JSON, the page to write, the answer that fails the call."""

    form: Form
    pictures: bool
    html: Path | None
    fail_on: StrEnum | None


def _form(json: bool, csv: bool, brief: bool, pictures: bool) -> Form:
    """The one form that was asked for. Raises UsageError for several."""
    forms: tuple[tuple[Form, bool], ...] = (("json", json), ("csv", csv), ("brief", brief))
    asked = [form for form, given in forms if given]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0]} and --{asked[1]} exclude each other: choose one")
    if pictures and not json:
        raise UsageError("--pictures belongs to --json")
    return asked[0] if asked else "text"


def _answer(
    files: list[str], ask_one: "Callable[[str, Callable[[float], None]], Report]", how: Told, jobs: int
) -> None:
    """Answer the files, several at once, tell each in the order given; ends with the documented exit status."""
    from sightcheck import batch
    from sightcheck.report import report

    reports: list[Report] = []
    failed: list[report.Failure] = []
    told_before: set[str] = set()
    done = [0.0] * len(files)

    def answer(at: int) -> "Report | SightcheckError":
        def told(fraction: float) -> None:
            done[at] = fraction
            show(f"{sum(one == 1 for one in done)}/{len(files)} files", sum(done) / len(files))

        try:
            return ask_one(files[at], told)
        except SightcheckError as error:
            if error.exit_status > 1:
                raise
            return error
        finally:
            told(1.0)

    with progress_bar() as show, batch.side_by_side(jobs) as each:
        for path, found in zip(files, each(answer, range(len(files))), strict=True):
            if isinstance(found, SightcheckError):
                failed.append(report.Failure(report.visible(path), str(found)))
                complain(f"{report.visible(path)}: {found}")
            else:
                reports.append(found)
                if how.form == "text":
                    print_safely(report.to_text(found, told=told_before))
                if how.form == "brief":
                    print_safely(report.to_brief(found))
    if how.form == "json":
        print_safely(report.to_json(report.Document(tuple(reports), tuple(failed)), how.pictures))
    if how.form == "csv":
        print_safely(report.to_csv(reports, failed))
    if how.html is not None:
        report.write(report.to_html(reports, failed), how.html)
        typer.echo(f"wrote {how.html}", err=True)
    answers = {verdict.answer for one in reports for verdict in one.verdicts}
    if failed or (how.fail_on is not None and how.fail_on.value in answers):
        raise typer.Exit(1 if failed else 4)
