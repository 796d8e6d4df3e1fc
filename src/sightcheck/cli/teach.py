"""The commands that teach a detector and say how far one can be trusted: parse, call, print."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sightcheck.cli.console import Jobs, print_safely, progress_bar
from sightcheck.errors import UsageError


class Method(StrEnum):
    """The few-shot methods."""

    traces = "traces"
    footprint = "footprint"
    appearance = "appearance"


def teach(
    name: Annotated[str, typer.Argument(help="What the detector will be called.")],
    real: Annotated[Path | None, typer.Option(help="Folder of real clips; a sub-folder is one scene.")] = None,
    fake: Annotated[Path | None, typer.Option(help="Folder of synthetic clips.")] = None,
    manifest: Annotated[
        list[Path] | None, typer.Option(help="A table of clips (CSV or Parquet) in place of both; several: repeat.")
    ] = None,
    method: Annotated[Method, typer.Option(help="What is measured.")] = Method.traces,
    frames: Annotated[int, typer.Option(help="N of F-SVM: frames after the first (footprint).")] = 14,
    crf: Annotated[int, typer.Option(help="Quality of the encode, 0 to 51 (footprint).")] = 0,
    to: Annotated[Path | None, typer.Option(help="Folder to write the model's folder into. [default: yours]")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a detector of this name.")] = False,
) -> None:
    """Teach a detector from a handful of clips: real ones and synthetic ones."""
    from sightcheck.learn import teach as teaching

    items = teaching.items(real, fake, manifest or ())
    with progress_bar() as show:
        card, folder = teaching.teach(
            name,
            items,
            teaching.recipe(method.value, frames, crf),
            root=to,
            progress=lambda done, of: show(f"{done}/{of} clips", done / of),
            replace=replace,
        )
    print_safely(teaching.to_text(card, folder))


def evaluate(
    detector: Annotated[str, typer.Argument(help="A detector by name: its recipe is taught and tested anew.")],
    manifest: Annotated[Path, typer.Argument(help="A table of clips: path, label, source, generator, scene ...")],
    kind: Annotated[list[str] | None, typer.Option(help="Score these kinds only; all are taught.")] = None,
    gate: Annotated[str, typer.Option(help="City models: the country model that gates. [default: country]")] = "",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    jobs: Jobs = None,
) -> None:
    """How well does a detector do on generators and sources it was not taught? Networks are scored as they are."""
    from sightcheck import batch
    from sightcheck.protocol import as_it_is, evaluate_photos, printed
    from sightcheck.protocol import evaluate as evaluation

    of_photos = evaluate_photos.role(detector) in evaluate_photos.ROLES
    if gate and not of_photos:
        raise UsageError("--gate belongs to city models; leave it out")
    at_once = batch.jobs(batch.PHOTO_BYTES if of_photos else batch.VIDEO_BYTES, asked=jobs)
    with progress_bar() as show, batch.side_by_side(at_once) as each:
        if of_photos:
            scored = evaluate_photos.evaluate(
                detector, manifest, lambda done, of: show(f"{done}/{of} photos", done / of), each, gate
            )
            print_safely(evaluate_photos.to_json(scored) if json else evaluate_photos.to_text(scored))
            return
        if evaluate_photos.role(detector) in as_it_is.ROLES:
            seen = as_it_is.evaluate(
                detector, manifest, kind or (), lambda done, of: show(f"{done}/{of} clips", done / of), each
            )
            print_safely(as_it_is.to_json(seen) if json else as_it_is.to_text(seen))
            return
        found = evaluation.evaluate(
            detector, manifest, tuple(kind or ()), lambda done, of: show(f"{done}/{of} clips", done / of), each=each
        )
    print_safely(evaluation.to_json(found) if json else printed.to_text(found))
