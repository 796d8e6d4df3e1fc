"""What does a terminal show? An answer as tables of text, the answer first."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sightcheck.media import Clip, declared
from sightcheck.media.photo import Photo
from sightcheck.place.world.gazetteer import Claim
from sightcheck.report import charts, reliability, wording
from sightcheck.report.wording import finite, odds, shortened, visible
from sightcheck.verdict import Evidence, Match, Statement, Verdict, strength

if TYPE_CHECKING:
    from rich.table import Table

REFERENCES = 5
BAR = 24

CLOSING_VIDEO = "“No sign of synthesis” is not proof of authenticity; claims are not facts."
CLOSING_PHOTO = "“Taken there” is evidence, not proof; what is not covered is not denied; files may lie."
COLOURS = {"synthetic": "dark_orange", "not taken there": "dark_orange", "undecided": "yellow"}


def text(
    file: Clip | Photo, claim: Claim | None, verdicts: Sequence[Verdict], width: int | None, told: set[str]
) -> str:
    """What was found, for a terminal of `width` columns; in colour only where standard output shows it.

    `told`: caveats that need no second telling.
    """
    from rich.console import Console

    console = Console(width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(visible(file.path), style="bold")
        if declares := declared.sentence(file.declared):
            console.print(visible(declares), style="bold dark_orange")
        for verdict in verdicts:
            console.print(verdict.question)
            console.print(_answer_table(file, verdict, claim))
            console.print(_evidence_table(verdict, claim, console.width, told))
        console.print(_file_table(file))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def _answer_table(file: Clip | Photo, verdict: Verdict, claim: Claim | None) -> "Table":
    from rich.text import Text

    grid, claimed = _grid(), wording.claimed(file, claim)
    colour = COLOURS.get(verdict.answer, "cyan")
    grid.add_row("answer", Text(wording.headline(verdict, claimed), style=f"bold {colour}"))
    grid.add_row("", visible(wording.reason(verdict, claimed)))
    if claim is not None:
        grid.add_row("claim", visible(wording.claim_line(claim)))
    grid.add_row("next", visible(wording.next_step(file, verdict, claimed)))
    return grid


def _evidence_table(verdict: Verdict, claim: Claim | None, width: int, told: set[str]) -> "Table":
    grid = _grid()
    for item in verdict.evidence:
        grid.add_row(visible(item.method), visible(f"{item.sentence} {_numbers(item)}"))
        for line in (
            *_worth(item),
            *_countries(item, claim),
            *_references(item),
            *map(_match, item.matches),
            *map(_statement, item.statements),
        ):
            grid.add_row("", visible(line))
    fresh = [limit for limit in wording.limits([verdict]) if limit not in told]
    for limit in fresh:
        grid.add_row("limit", visible(limit))
    if len(fresh) < len(wording.limits([verdict])):
        grid.add_row("limit", "and what was said of the files above")
    told.update(fresh)
    for series in next((item.series for item in verdict.evidence if item.series), ()):
        line, mean = charts.sparkline(series, max(8, width - 48))
        if line:
            unit = "%" if series.unit in ("share", "fraction") else series.unit
            grid.add_row(visible(series.name), f"{line} {mean:.3g} {visible(unit)} on average")
    return grid


def _numbers(item: Evidence) -> str:
    """Score and likelihood ratio in brackets, whichever there is; nothing where the method gives neither."""
    if not wording.measures(item) or wording.silent(item):
        return ""
    score = f"score {item.score:.3g}" if item.score is not None and finite(item.score) else "no score"
    if item.log10_lr is None or not finite(item.log10_lr):
        return f"({score}, no LR)"
    band = strength(item.log10_lr)
    return f"({score}, LR about {odds(item.log10_lr)}" + (f", {band})" if band != "none" else ", too little)")


def _worth(item: Evidence) -> Iterator[str]:
    """What ratios like this one were worth on sources that taught nothing, where that was measured."""
    if item.reliability is not None and item.log10_lr is not None and finite(item.log10_lr):
        yield reliability.brief(item.reliability, item.log10_lr)


def _countries(item: Evidence, claim: Claim | None) -> Iterator[str]:
    """The likeliest countries as bars, the shortlist, the gate."""
    code, name = (claim.country, claim.country_name) if claim else ("", "")
    bars = charts.bars(item, code, name)
    width = max((len(shortened(bar.name, 30)) for bar in bars), default=0)
    for bar in bars:
        told = f"{wording.percent(bar.share):>5} {charts.bar_text(bar.share, BAR)}" if bar.rank else "not covered"
        marks = "  claimed" if bar.claimed else ""
        yield f"{shortened(bar.name, 30):<{width}} {told}{marks}"
    yield from filter(None, (wording.shortlist(item), wording.gate(item.shares, claim) if claim else ""))


def _references(item: Evidence) -> Iterator[str]:
    """The references that weighed most: name, similarity, and what it says of the city."""
    pairs = charts.pairs(item.references)
    for pair in pairs[:REFERENCES]:
        one = pair.reference
        told = f", nearer than {wording.percent(one.same)} of other places"
        if item.method == "pairs":
            told = f", same city {wording.percent(one.same)}, vote {pair.vote:+.2f}"
        yield f"{shortened(one.name, 40)}  similarity {one.similarity:.2f}{told if finite(item.score) else ''}"
    if len(pairs) > REFERENCES:
        yield f"and {len(pairs) - REFERENCES} more"


def _match(one: Match) -> str:
    """`colosseum.jpg  47 points agree; origin: an archive; licence: CC0`."""
    reference = one.reference
    origin, licence = (shortened(text, 80) or "not stated" for text in (reference.origin, reference.licence))
    return f"{shortened(reference.name, 40)}  {len(one.points)} points agree; origin: {origin}; licence: {licence}"


def _statement(one: Statement) -> str:
    """What the file says beside what was claimed or seen: `GPS position: 41.9, 12.5 - agrees: 2 km from Rome`."""
    marked = wording.agreement(one.agrees) if one.agrees is not None else ""
    told = ": ".join(filter(None, (marked, shortened(one.comparison, 120))))
    return f"{shortened(one.name, 40)}: {shortened(one.value, 80)}" + (f" - {told}" if told else "")


def _file_table(file: Clip | Photo) -> "Table":
    grid = _grid()
    for name, value in wording.facts(file):
        if name not in ("Times", "Size"):
            grid.add_row(name.lower(), visible(value))
    claims = [f"{shortened(visible(key), 60)}: {shortened(visible(value), 60)}" for key, value in file.tags]
    more = [f"and {len(claims) - 8} more"] if len(claims) > 8 else []
    told = "; ".join([*claims[:8], *more]) or "the file says nothing of itself"
    grid.add_row("claims" if isinstance(file, Clip) else "file says", told)
    grid.add_row("", CLOSING_VIDEO if isinstance(file, Clip) else CLOSING_PHOTO, style="dim")
    return grid


def _grid() -> "Table":
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", min_width=12, max_width=18, overflow="fold")
    grid.add_column(overflow="fold", ratio=1)
    return grid
