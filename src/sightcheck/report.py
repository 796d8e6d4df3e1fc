"""How is an answer told? Report -> text for a terminal, JSON for a program, one HTML file for a person.

Everything here quotes files that nobody vouches for: their names and tags may hold anything, so what is shown goes
through `visible` first, and the HTML allows no script and no request.
"""

import contextlib
import inspect
import math
import os
import re
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from sightcheck import charts
from sightcheck.errors import OutputError
from sightcheck.media import Clip
from sightcheck.verdict import BANDS, IS_SYNTHETIC, Evidence, Verdict, strength

if TYPE_CHECKING:
    from rich.table import Table

HOW_TO_READ = (
    "“No sign of synthesis” is not proof that a video is authentic: absence of detection is no guarantee, and an "
    "edit that leaves most of each frame alone may leave no trace. “Synthetic” is evidence with a stated strength, "
    "not proof. A likelihood ratio (LR) of 5 : 1 means that what was measured is five times likelier in a synthetic "
    "video than in a real one; how likely the video is synthetic also depends on everything else known about it."
)

# Line breaks, terminal controls, marks that turn the reading direction, halves of characters.
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

Pairs = tuple[tuple[str, str], ...]


def _meta(description: str, **schema: Any) -> msgspec.Meta:
    return msgspec.Meta(description=description, extra_json_schema=schema or None)


@dataclass(frozen=True)
class Report:
    """Everything said about one file; the same inputs give the same report apart from its time."""

    file: Clip
    verdicts: Annotated[tuple[Verdict, ...], _meta("One for each question asked of the file.")]
    versions: Annotated[Pairs, _meta("Name and version of each program that took part.")]
    settings: Annotated[Pairs, _meta("Name and value of each setting that shaped the measurement.")]
    time: Annotated[str, _meta("When it was made: ISO 8601, UTC, whole seconds.", format="date-time")]


@dataclass(frozen=True)
class Failure:
    """A file that could not be answered, and the sentence that says why."""

    path: str
    error: str


@dataclass(frozen=True)
class Document:
    """What `sightcheck --json` prints: a report for each file answered, a failure for each other.

    Every number may be null where nothing finite was measured. Stills are PNG in base64. Text from files is as the
    files hold it, save that bytes which are no text are written as backslash escapes.
    """

    reports: tuple[Report, ...]
    failed: tuple[Failure, ...] = ()


def visible(text: str) -> str:
    """Text with hidden and control characters as backslash escapes: one line that no terminal obeys."""
    return HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def to_json(document: Document) -> str:
    """One JSON document that follows `json_schema`, with a line break at its end."""
    encoded = msgspec.json.encode(_without_surrogates(msgspec.to_builtins(document)))
    text = msgspec.json.format(encoded, indent=2).decode() + "\n"
    return re.sub("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", _json_escape, text)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what `to_json` writes, from the types themselves."""
    schema = _tidy(msgspec.json.schema(Document))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sightcheck report", **schema}


def to_text(report: Report, width: int | None = None) -> str:
    """Report for a terminal of `width` columns, the answer first; in colour only where standard output shows it."""
    from rich.console import Console

    console = Console(width=width, highlight=False, markup=False, emoji=False)
    with console.capture() as capture:
        console.print(visible(report.file.path), style="bold")
        for verdict in report.verdicts:
            console.print(verdict.question)
            console.print(_answer_table(verdict))
            console.print(_evidence_table(verdict, console.width))
        console.print(_file_table(report))
    return "\n".join(line.rstrip() for line in capture.get().splitlines()) + "\n"


def to_html(reports: Sequence[Report], failed: Sequence[Failure] = ()) -> str:
    """One HTML file that needs nothing else: no script, no request; several reports get a summary on top."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sightcheck", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.tests["finite"] = finite
    environment.globals.update(
        charts=charts, facts=facts, headline=headline, reason=reason, odds=odds, sides=sides, limits=limits,
        leading=leading, strength=strength, bands=band_ranges(), how_to_read=HOW_TO_READ, base64=_base64,
        finite=finite, shortened=shortened, name=lambda path: Path(path).name or path,
    )  # fmt: skip
    return environment.get_template("report.html.j2").render(reports=reports, failed=failed) + "\n"


def write(text: str, path: str | os.PathLike[str]) -> None:
    """Put text at path whole or not at all, replacing a file that is there. Raises OutputError."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        kind = os.stat(path).st_mode if os.path.exists(path) else stat.S_IFREG
        if stat.S_ISREG(kind):
            _replace(data, Path(os.path.realpath(path)))
        else:  # a device or a pipe cannot be replaced, and must not be
            Path(path).write_bytes(data)
    except OSError as error:
        shown = visible(os.fsdecode(path))
        cause = error.strerror or type(error).__name__
        raise OutputError(
            f"the report could not be written to {shown}: {cause}; choose another place or make room there"
        ) from error


def headline(verdict: Verdict) -> str:
    """Answer and strength with its number: `synthetic - weak (LR about 5 : 1)`; `undecided` stands alone."""
    lead = leading(verdict)
    if verdict.answer == "undecided" or lead is None:
        return verdict.answer
    return f"{verdict.answer} - {verdict.strength} (LR about {odds(lead)})"


def reason(verdict: Verdict) -> str:
    """What the answer means, or why there is none, in one sentence."""
    lead, (against, towards) = leading(verdict), sides(verdict)
    if lead is None:
        return "No calibrated method covers this file, so no likelihood ratio can be given."
    if strength(lead) == "none":
        least = _times(BANDS[-1][0])
        return (
            f"The evidence points neither way: LR about {odds(lead)}, and an answer needs {least} : 1 or 1 : {least}."
        )
    if verdict.answer == "undecided":
        return f"The methods disagree: LR about {odds(lead)} by the first, but another points the other way."
    likelier, other = (towards, against) if lead > 0 else (against, towards)
    return f"What was measured is about {_times(lead)} times likelier if it is {likelier} than if it is {other}."


def leading(verdict: Verdict) -> float | None:
    """log10 LR of the evidence that decides: the first that has one."""
    return next((item.log10_lr for item in verdict.evidence if finite(item.log10_lr)), None)


def odds(log10_lr: float) -> str:
    """log10 LR -> `5 : 1`, `1 : 32`."""
    return f"{_times(log10_lr)} : 1" if log10_lr >= 0 else f"1 : {_times(log10_lr)}"


def sides(verdict: Verdict) -> tuple[str, str]:
    """What an LR below one and above one speak for."""
    return ("real", "synthetic") if verdict.question == IS_SYNTHETIC else ("taken elsewhere", "taken there")


def limits(verdict: Verdict) -> list[str]:
    """Every limit of the evidence once, in order, with the methods it holds for."""
    methods: dict[str, list[str]] = {}
    for item in verdict.evidence:
        for limit in item.limits:
            methods.setdefault(limit, []).append(item.method)
    return [f"{', '.join(dict.fromkeys(names))}: {limit}" for limit, names in methods.items()]


def band_ranges() -> list[tuple[str, str, str]]:
    """(name, log10 LR, LR) of each band in words, the weakest first."""
    edges = [(low, name) for low, name in BANDS[::-1]]
    highs = [low for low, _ in edges[1:]]
    ranges = [(n, f"{a:g} to {b:g}", f"{_times(a)} to {_times(b)}") for (a, n), b in zip(edges, highs, strict=False)]
    last, name = edges[-1]
    return [*ranges, (name, f"{last:g} and over", f"{_times(last)} and over")]


def facts(clip: Clip) -> list[tuple[str, str]]:
    """What reading the file showed: (name, value)."""
    rate = f"{clip.fps:.6g} frames a second" + (", variable" if clip.variable_frame_rate else "")
    picture = f"{clip.width} x {clip.height}" + (", interlaced" if clip.interlaced else "")
    turned = f", turned by {clip.rotation_deg}°" if clip.rotation_deg else ""
    aspect = f", sample aspect {clip.sample_aspect}" if clip.sample_aspect not in ("1", "1/1", "1:1") else ""
    return [
        ("Format", f"{clip.container}, {clip.codec} {clip.profile}".strip() + f", {clip.pixel_format}"),
        ("Picture", picture + turned + aspect),
        ("Length", f"{clip.frames:,} frames, {clip.duration_s:.6g} s, {rate}"),
        ("Times", "from timestamps" if clip.timestamps else "counted at the stated frame rate"),
        ("Size", f"{clip.size_bytes:,} bytes, {clip.bit_rate / 1000:,.0f} kbit/s"),
        ("SHA-256", clip.sha256),
        *(("Note", note) for note in clip.notes),
    ]


def finite(value: float | None) -> bool:
    """Whether there is a number to show."""
    return value is not None and math.isfinite(value)


def shortened(text: str, most: int) -> str:
    """At most `most` characters, saying how many there are when some are left out."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def _times(log10_lr: float) -> str:
    """How many times likelier, to two figures; nothing calibrated here can reach a million."""
    if abs(log10_lr) >= 6:
        return "1,000,000 or more"
    value = 10 ** abs(log10_lr)
    return f"{value:.2g}" if value < 9.95 else f"{round(value, 1 - math.floor(math.log10(value))):,.0f}"


def _answer_table(verdict: Verdict) -> "Table":
    from rich.text import Text

    grid = _grid()
    colour = {"synthetic": "dark_orange", "undecided": "yellow"}.get(verdict.answer, "cyan")
    grid.add_row("answer", Text(headline(verdict), style=f"bold {colour}"))
    grid.add_row("", reason(verdict))
    return grid


def _evidence_table(verdict: Verdict, width: int) -> "Table":
    grid = _grid()
    for item in verdict.evidence:
        grid.add_row(visible(item.method), visible(f"{item.sentence} {_numbers(item)}"))
    for limit in limits(verdict):
        grid.add_row("limit", visible(limit))
    for series in next((item.series for item in verdict.evidence if item.series), ()):
        line, mean = charts.sparkline(series, max(8, width - 48))
        if line:
            unit = "%" if series.unit in ("share", "fraction") else series.unit
            grid.add_row(visible(series.name), f"{line} {mean:.3g} {visible(unit)} on average")
    return grid


def _numbers(item: Evidence) -> str:
    """Score and likelihood ratio in brackets, whichever there is."""
    score = f"score {item.score:.3g}" if item.score is not None and finite(item.score) else "no score"
    if item.log10_lr is None or not finite(item.log10_lr):
        return f"({score}, no LR)"
    band = strength(item.log10_lr)
    return f"({score}, LR about {odds(item.log10_lr)}" + (f", {band})" if band != "none" else ", too little)")


def _file_table(report: Report) -> "Table":
    grid = _grid()
    for name, value in facts(report.file):
        if name not in ("Times", "Size"):
            grid.add_row(name.lower(), visible(value))
    claims = [f"{visible(key)}: {shortened(visible(value), 60)}" for key, value in report.file.tags]
    more = [f"and {len(claims) - 8} more"] if len(claims) > 8 else []
    grid.add_row("claims", "; ".join([*claims[:8], *more]) or "the file says nothing of itself")
    grid.add_row("", "“No sign of synthesis” is not proof of authenticity; claims are not facts.", style="dim")
    return grid


def _grid() -> "Table":
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim", width=12, overflow="fold")
    grid.add_column(overflow="fold", ratio=1)
    return grid


def _replace(data: bytes, path: Path) -> None:
    """Write beside the path, then rename over it; whatever stops that, nothing is left behind."""
    part = path.with_name(f".sightcheck-{secrets.token_hex(6)}")
    try:
        with part.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def _without_surrogates(value: Any) -> Any:
    """JSON has no half characters: names that are not UTF-8 get backslash escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {key: _without_surrogates(item) for key, item in value.items()}
    return [_without_surrogates(item) for item in value] if isinstance(value, list | tuple) else value


def _json_escape(found: "re.Match[str]") -> str:
    return f"\\u{ord(found[0]):04x}"


def _tidy(schema: Any) -> Any:
    """Numbers may be null (JSON has no NaN); descriptions lose the indentation of their docstrings."""
    if isinstance(schema, list | tuple):
        return [_tidy(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tidy = {
        key: inspect.cleandoc(v) if key == "description" and isinstance(v, str) else _tidy(v)
        for key, v in schema.items()
    }
    return {**tidy, "type": ["number", "null"]} if tidy.get("type") == "number" else tidy


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()
