"""The commands of the gallery: parse, call, print."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sightcheck.cli.console import EXIT, Jobs, complain, print_safely, progress_bar

if TYPE_CHECKING:
    from sightcheck.place.references.gallery import Added, CitySummary, Photograph, Told

SHOWN = 5
"""Files named of each kind; the others are counted."""

gallery_app = typer.Typer(no_args_is_help=True, help="Keep reference photos of cities.", epilog=EXIT)


class Elsewhere(StrEnum):
    """What to do with a photo that is filed under another city."""

    ask = "ask"
    both = "both"
    move = "move"
    skip = "skip"


City = Annotated[str, typer.Argument(metavar="CITY", help='A city, such as "Berlin, Germany".')]


@gallery_app.command(epilog=EXIT)
def add(
    city: City,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of photos of it, at any depth.")],
    licence: Annotated[str, typer.Option(help="Licence of these photos.")] = "",
    origin: Annotated[str, typer.Option(help="Where they come from: a person, an address.")] = "",
    elsewhere: Annotated[
        Elsewhere, typer.Option(help="What to do with a photo that is filed under another city.")
    ] = Elsewhere.ask,
    jobs: Jobs = None,
) -> None:
    """Add the photos of a folder to a city. Stopped, it goes on where it was when run again."""
    from sightcheck import batch
    from sightcheck.place.references.gallery import Gallery
    from sightcheck.place.world.gazetteer import parse

    claim = parse(city)
    at_once = batch.jobs(batch.PHOTO_BYTES, asked=jobs)
    with Gallery() as gallery, progress_bar() as show, batch.side_by_side(at_once) as each:
        found = gallery.add(
            claim,
            folder,
            licence,
            origin,
            lambda done, of: show(f"{done}/{of} photos", done / of),
            elsewhere.value,
            each,
        )
    _tell(found)


@gallery_app.command("import", epilog=EXIT)
def import_(file: Annotated[Path, typer.Argument(metavar="FILE", help="A zip that export wrote.")]) -> None:
    """Add the photos of an export; every one is read and embedded anew."""
    from sightcheck.place.references.gallery import Gallery

    with Gallery() as gallery, progress_bar() as show:
        found = gallery.import_(file, lambda done, of: show(f"{done}/{of} photos", done / of))
    _tell(found)


@gallery_app.command(epilog=EXIT)
def export(
    city: City,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The zip to write; one that is there is replaced.")],
) -> None:
    """Write a city's photos to a zip for a colleague."""
    from sightcheck.place.references.gallery import Gallery
    from sightcheck.place.world.gazetteer import parse
    from sightcheck.report.report import visible

    claim = parse(city)
    with Gallery() as gallery:
        count = gallery.export(claim, file)
    print_safely(f"wrote {visible(str(file))} with {_count(count, 'photo')} of {claim.label}")


@gallery_app.command("list", epilog=EXIT)
def list_(
    city: Annotated[str | None, typer.Argument(metavar="[CITY]", help="Only its photos. [default: all cities]")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List the cities, or the photos of one."""
    import msgspec

    from sightcheck.place.references.gallery import Gallery
    from sightcheck.place.world.gazetteer import parse

    with Gallery() as gallery:
        found: Sequence[CitySummary] | Sequence[Photograph]
        found = gallery.cities() if city is None else gallery.photographs(parse(city).geoname_id)
    if json:
        print_safely(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())
    elif found:
        print_safely(_table([_row(one) for one in found]))
    else:
        complain("no photos there; add some: sightcheck gallery add CITY DIR")


@gallery_app.command(epilog=EXIT)
def remove(
    city: City,
    photo: Annotated[
        str | None, typer.Argument(metavar="[PHOTO]", help="Name or SHA-256 of one. [default: all]")
    ] = None,
) -> None:
    """Remove a city's photos, or one of them, from the gallery; the files they came from stay."""
    from sightcheck.place.references.gallery import Gallery
    from sightcheck.place.world.gazetteer import parse
    from sightcheck.report.report import visible

    claim = parse(city)
    with Gallery() as gallery:
        names = gallery.remove(claim, photo)
    which = visible(names[0]) if len(names) == 1 else _count(len(names), "photo")
    print_safely(f"removed {which} of {claim.label}")


def _tell(found: "Added") -> None:
    """Say what became of the photos; ends with status 1 when some could not be read."""
    counts = [
        f"{_count(len(found.added), 'photo')} added",
        f"{len(found.already)} already there",
        f"{len(found.near_copies)} near copies kept out",
        f"{len(found.skipped)} skipped",
    ]
    if found.left:
        counts.append(f"{len(found.left)} left under another city")
    print_safely(f"{found.city}: {', '.join(counts)}")
    _each("", found.skipped)
    _each("left under ", found.left)
    _each("kept out as a near copy of ", found.near_copies)
    _each("one of two places is wrong, the same photo is also in the gallery of ", found.elsewhere)
    if found.skipped:
        raise typer.Exit(1)


def _each(prefix: str, told: "Sequence[Told]") -> None:
    for one in told[:SHOWN]:
        complain(f"{one.name}: {prefix}{one.why}")
    if len(told) > SHOWN:
        complain(f"and {len(told) - SHOWN} more")


def _row(one: "CitySummary | Photograph") -> tuple[str, ...]:
    from sightcheck.place.references.gallery import CitySummary

    if isinstance(one, CitySummary):
        licences = ", ".join(f"{name or 'no licence stated'} ({count})" for name, count in one.licences)
        return one.label, _count(one.photos, "photo"), licences, one.last_added
    return one.sha256[:12], one.name, one.licence or "no licence stated", one.origin, one.added


def _table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows -> lines with their cells below each other."""
    from sightcheck.report.report import visible

    cells = [[visible(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(line.rstrip() for line in lines)


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
