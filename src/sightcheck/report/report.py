"""How is an answer told? Report -> text for a terminal, JSON for a program, one HTML file for a person.

Everything here quotes files that nobody vouches for: their names and tags may hold anything, so what is shown goes
through `visible` first, and the HTML allows no script and no request.
"""

import contextlib
import csv
import inspect
import io
import os
import re
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from sightcheck.errors import OutputError
from sightcheck.media import Clip
from sightcheck.media.declared import sentence
from sightcheck.media.photo import Photo
from sightcheck.place.world.gazetteer import Claim
from sightcheck.report import charts, reliability, terminal, wording, worldmap
from sightcheck.report.wording import visible as visible
from sightcheck.verdict import Verdict, strength

PICTURES = ("png", "jpeg")
CSV_COLUMNS = ("file", "sha256", "question", "answer", "strength", "log10_lr", "claim", "declared", "error")
Pairs = tuple[tuple[str, str], ...]


def _meta(description: str, **schema: Any) -> msgspec.Meta:
    return msgspec.Meta(description=description, extra_json_schema=schema or None)


@dataclass(frozen=True)
class Report:
    """Everything said about one file; the same inputs give the same report apart from its time."""

    file: Clip | Photo
    verdicts: Annotated[tuple[Verdict, ...], _meta("One for each question asked of the file.")]
    versions: Annotated[Pairs, _meta("Name and version of each program that took part.")]
    settings: Annotated[Pairs, _meta("Name and value of each setting that shaped the measurement.")]
    time: Annotated[str, _meta("When it was made: ISO 8601, UTC, whole seconds.", format="date-time")]
    claim: Annotated[Claim | None, _meta("Where a photo is said to have been taken; null where nobody said.")] = None

    def __repr__(self) -> str:
        answers = "; ".join(f"{one.answer} ({one.strength})" for one in self.verdicts)
        return f"<Report {visible(os.path.basename(self.file.path))}: {answers}>"

    def _repr_html_(self) -> str:
        """The page, for notebooks."""
        return to_html([self])

    def to_dict(self, pictures: bool = False) -> dict[str, Any]:
        """The report as `--json` prints it, of dicts, lists, numbers and text."""
        document: dict[str, Any] = msgspec.json.decode(to_json(Document((self,)), pictures))
        found: dict[str, Any] = document["reports"][0]
        return found


@dataclass(frozen=True)
class Failure:
    """A file that could not be answered, and the sentence that says why."""

    path: str
    error: str


@dataclass(frozen=True)
class Document:
    """What `sightcheck --json` prints: a report for each file answered, a failure for each other.

    Every number may be null where nothing finite was measured. Pictures are PNG or JPEG in base64, empty unless
    `--pictures` asks for them. Text from files is as they hold it, save that bytes
    which are no text are written as backslash escapes.
    """

    reports: tuple[Report, ...]
    failed: tuple[Failure, ...] = ()


def to_json(document: Document, pictures: bool = False) -> str:
    """One JSON document that follows `json_schema`, with a line break at its end; its pictures only where asked for."""
    plain = _without_surrogates(msgspec.to_builtins(document))
    encoded = msgspec.json.encode(plain if pictures else _without_pictures(plain))
    text = msgspec.json.format(encoded, indent=2).decode() + "\n"
    return re.sub("[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]", _json_escape, text)


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what `to_json` writes, from the types themselves."""
    schema = _tidy(msgspec.json.schema(Document))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "sightcheck report", **schema}


def to_text(report: Report, width: int | None = None, told: set[str] | None = None) -> str:
    """Report for a terminal of `width` columns, the answer first; in colour only where standard output shows it.

    `told`: the caveats that an earlier report of the same call told; those of this one are added to it.
    """
    return terminal.text(report.file, report.claim, report.verdicts, width, set() if told is None else told)


def to_html(reports: Sequence[Report], failed: Sequence[Failure] = ()) -> str:
    """One HTML file that needs nothing else: no script, no request; several reports get a summary on top."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("sightcheck.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.tests.update(finite=wording.finite, video=lambda file: isinstance(file, Clip))
    environment.globals.update(
        declared=sentence, charts=charts, reliability=reliability, worldmap=worldmap,
        words=wording, strength=strength, base64=_base64, thumbnail=_thumbnail,
        name=lambda path: Path(path).name or path,
    )  # fmt: skip
    every = [verdict for one in reports for verdict in one.verdicts]
    page = environment.get_template("video.html.j2")
    html = page.render(reports=reports, failed=failed, every=every, shared=wording.shared_limits(every))
    return html.strip() + "\n"


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


def _without_pictures(value: Any) -> Any:
    """The same with empty pictures: they are most of a report's bytes."""
    if isinstance(value, dict):
        return {key: "" if key in PICTURES else _without_pictures(item) for key, item in value.items()}
    return [_without_pictures(item) for item in value] if isinstance(value, list | tuple) else value


def to_csv(reports: Sequence[Report], failed: Sequence[Failure] = ()) -> str:
    """A table with a row a question: file, answer, strength, log10 LR, claim, what the file declares, or the error."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(CSV_COLUMNS)
    for one in reports:
        for verdict in one.verdicts:
            ratio = "" if verdict.log10_lr is None else f"{verdict.log10_lr:.3f}"
            claim = one.claim.label if one.claim else ""
            cells = (one.file.path, one.file.sha256, verdict.question, verdict.answer, verdict.strength, ratio, claim)
            rows.writerow([*map(_cell, (*cells, sentence(one.file.declared))), ""])
    for failure in failed:
        rows.writerow([_cell(failure.path), *[""] * (len(CSV_COLUMNS) - 2), _cell(failure.error)])
    return out.getvalue()


def _cell(text: str) -> str:
    """One cell: visible, and nothing that a spreadsheet would run as a formula."""
    shown = visible(text)
    return f"'{shown}" if shown.startswith(("=", "+", "-", "@")) and not _is_number(shown) else shown


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[-+]?[\d.]+", text) is not None


def to_brief(report: Report) -> str:
    """A line: file, answer, strength and ratio, what it declares."""
    file, claimed = visible(os.path.basename(report.file.path)), wording.claimed(report.file, report.claim)
    told = "; ".join(wording.headline(verdict, claimed) for verdict in report.verdicts)
    declares = f"; declares itself {report.file.declared[0].statement}" if report.file.declared else ""
    return f"{file}: {told}{visible(declares)}"


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


def _thumbnail(report: Report) -> str | None:
    """The photo itself as a data address, from whichever evidence carries a small picture of it."""
    for item in (item for verdict in report.verdicts for item in verdict.evidence):
        if item.heat:
            return "data:image/jpeg;base64," + _base64(item.heat.jpeg)
        if item.stills:
            return "data:image/png;base64," + _base64(item.stills[0].png)
    return None


def _base64(data: bytes) -> str:
    import base64

    return base64.b64encode(data).decode()
