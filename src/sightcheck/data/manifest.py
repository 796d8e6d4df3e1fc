"""Which files are there, and what is known of each? A table of items, read, written or made from folders."""

import csv
import hashlib
import math
import os
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from sightcheck.errors import InputError, NotAFile, OutputError, UsageError
from sightcheck.media.noise import is_noise

if TYPE_CHECKING:
    from sightcheck.media import Clip


@dataclass(frozen=True, kw_only=True)
class Item:
    """One file and what is known of it; "" , 0 or None where a column is unknown. A photo has no label.

    `group` is the scene, drive or person and is never split; without one an item is its own group. `lat`, `lon` are
    WGS84 degrees. `width` to `codec` are read by the audit and the controls, never by a detector.
    """

    sha256: str = ""
    path: str
    kind: str = ""
    label: Literal["real", "fake", ""] = ""
    group: str = ""
    source: str = ""
    generator: str = ""
    subset: str = ""
    quality: str = ""
    split: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    lat: float | None = None
    lon: float | None = None
    taken: str = ""
    licence: str = ""
    width: int = 0
    height: int = 0
    fps: float = 0.0
    frames: int = 0
    duration_s: float = 0.0
    bit_rate: float = 0.0
    codec: str = ""

    def __post_init__(self) -> None:
        if self.label not in (("", "real", "fake") if self.kind == "photo" else ("real", "fake")):
            raise UsageError(f"the label is {self.label!r}; write real or fake")
        if not self.group:
            object.__setattr__(self, "group", self.sha256 or self.path)

    @property
    def place(self) -> str:
        """The city with its region and country, which tell Paris from Paris; "" where no city is known."""
        return ", ".join(filter(None, (self.city, self.region, self.country))) if self.city else ""

    @property
    def synthetic(self) -> bool:
        """Whether the label is fake."""
        return self.label == "fake"

    @property
    def origin(self) -> str:
        """The source, or the group where no source is known."""
        return self.source or self.group

    @property
    def maker(self) -> str:
        """The generator, or the origin where no generator is known; "" for a real item."""
        return (self.generator or self.origin) if self.synthetic else ""

    @property
    def unit(self) -> str:
        """What the clip has in common with others of its making: its source, and its generator."""
        return f"{self.origin} {self.maker}"


def read(path: Path) -> tuple[Item, ...]:
    """Table (.csv or .parquet) -> its items, with absolute paths.

    `scene` is another name of `group`; unknown columns are ignored. A path is looked for in the table's folder and in
    the folder beside the table that has its name (video.csv: video/), and may not leave the table's folder.
    Raises UsageError with the row, counted from 1 below the header, and what to do.
    """
    return tuple(_item(row, number, path) for number, row in enumerate(rows(path, {"path", "label"}), start=1))


def write(items: tuple[Item, ...], path: Path) -> None:
    """Write the items as a table (.csv or .parquet) that `read` gives back.

    Paths are stored relative to the table. In a CSV, text that a spreadsheet would run as a formula gets a leading
    apostrophe. Raises UsageError for a file outside the table's folder, OutputError where it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    _check_suffix(path)
    rows = [_row(replace(item, path=_relative(item.path, path))) for item in items]
    try:
        if path.suffix == ".parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
            return
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, COLUMNS)
            table.writeheader()
            table.writerows({name: inert(value) for name, value in row.items()} for row in rows)
    except OSError as error:
        raise OutputError(f"{path}: the table could not be written ({error.strerror or error})") from error


def from_folders(real: Path, fake: Path) -> tuple[Item, ...]:
    """Two folders of clips -> items with their sha256, sorted by path, real ones first.

    A sub-folder is a group, and the same sub-folder name on both sides is the same group (a clip and its synthetic
    twin); a file directly in the folder is its own group. Hidden files are skipped. Raises UsageError for a folder
    that is missing or empty.
    """
    items = []
    sides: tuple[tuple[Literal["real", "fake"], Path], ...] = (("real", real), ("fake", fake))
    for label, folder in sides:
        found = sorted(_visible(folder))
        if not found:
            raise UsageError(f"{folder}: no files to learn from; put the {label} clips in this folder")
        for file in found:
            inside = file.relative_to(folder)
            group = inside.parts[0] if len(inside.parts) > 1 else f"{label}/{inside}"
            items.append(Item(sha256=sha256(file), path=str(file.resolve()), label=label, group=group))
    return tuple(items)


def described(item: Item, clip: "Clip") -> Item:
    """The item with the size, rate, length and codec that the decoder found, and its sha256 where it had none."""
    return replace(
        item,
        sha256=item.sha256 or clip.sha256,
        width=clip.width,
        height=clip.height,
        fps=clip.fps,
        frames=clip.frames,
        duration_s=clip.duration_s,
        bit_rate=clip.bit_rate,
        codec=clip.codec,
    )


def verify(item: Item) -> None:
    """Hash the file; raises NotAFile where it cannot be read, InputError where the table gives another sha256."""
    if item.sha256 and sha256(Path(item.path)) != item.sha256.lower():
        raise InputError(f"{item.path}: this is not the file the table describes (sha256 differs); fetch it again")


def sha256(path: Path) -> str:
    """File -> sha256 in lower-case hex. Raises NotAFile."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise NotAFile(f"{path}: cannot be read ({error.strerror}); check the path") from error


def rows(path: Path, needed: set[str]) -> list[dict[str, Any]]:
    """Table -> one dict a row, as the file gives it. Raises UsageError for no rows or no `needed` column."""
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    _check_suffix(path)
    text = pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys((*COLUMNS, *ALIASES), pa.string()), strings_can_be_null=False
    )
    newlines = pyarrow.csv.ParseOptions(newlines_in_values=True)
    try:
        if path.suffix == ".parquet":
            table = pyarrow.parquet.read_table(path)
        else:
            table = pyarrow.csv.read_csv(path, parse_options=newlines, convert_options=text)
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{path}: not a readable table ({error}); give a CSV or Parquet file") from error
    if missing := needed - set(table.column_names):
        raise UsageError(f"{path}: no column {' or '.join(sorted(missing))}; add it to the header")
    if len(set(table.column_names)) < len(table.column_names):
        raise UsageError(f"{path}: a column name occurs twice; rename one")
    if not table.num_rows:
        raise UsageError(f"{path}: the table has no rows; add one row a file")
    wanted = [name for name in table.column_names if name in COLUMNS or name in ALIASES]
    found: list[dict[str, Any]] = table.select(wanted).to_pylist()
    return found if path.suffix == ".parquet" else [{k: _live(v) for k, v in row.items()} for row in found]


def _check_suffix(path: Path) -> None:
    if path.suffix not in (".csv", ".parquet"):
        raise UsageError(f"{path}: a table's name ends in .csv or .parquet; rename it")


def _item(row: dict[str, Any], number: int, table: Path) -> Item:
    """One row of the table -> Item. Raises UsageError naming the table and the row."""
    try:
        values = {name: cast(name, row.get(name)) for name, cast in COLUMNS.items()}
        values["group"] = values["group"] or _text("scene", row.get("scene")) or values["sha256"] or values["path"]
        return Item(**{**values, "path": resolved(values["path"], table)})
    except UsageError as error:
        raise UsageError(f"{table}, row {number}: {error}") from None


def resolved(path: str, table: Path) -> str:
    """Path as written -> absolute path inside the table's folder, links followed. Raises UsageError."""
    folder = table.resolve().parent
    if not path or "\0" in path:
        raise UsageError("the path is empty or not a path; write one relative to the table")
    beside = folder / table.stem / path
    full = (beside if beside.is_file() else folder / path).resolve()
    if not full.is_relative_to(folder):
        raise UsageError(
            f"the path {path!r} leaves the table's folder, {folder}: put the table into a folder above its files and "
            "write paths relative to it"
        )
    return str(full)


def _relative(path: str, table: Path) -> str:
    """Absolute path -> path relative to the table. Raises UsageError for one outside its folder."""
    full, folder = Path(path).resolve(), table.resolve().parent
    if not full.is_relative_to(folder):
        raise UsageError(f"{path} lies outside {folder}; write the table to a folder above its files")
    return full.relative_to(folder).as_posix()


def _visible(folder: Path) -> list[Path]:
    """Folder -> the files in it at any depth; hidden ones, sidecars and indexes of systems are left out."""
    found = []
    for here, names, files in os.walk(folder):
        names[:] = [name for name in names if not name.startswith(".")]
        found += [Path(here, name) for name in files if not is_noise(name)]
    return found


def _row(item: Item) -> dict[str, Any]:
    return {name: getattr(item, name) for name in COLUMNS}


def inert(value: object) -> object:
    """A cell of a CSV; text that a spreadsheet would run as a formula gets a leading apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _live(cell: str | None) -> str | None:
    return cell[1:] if cell and cell.startswith("'") and cell[1:].startswith(FORMULA) else cell


def _text(name: str, value: object) -> str:
    return "" if value is None else str(value)


def _number(name: str, value: object) -> float:
    number = _coordinate(name, value) or 0.0
    if number < 0:
        raise UsageError(f"{name} is {value!r}; write a number of at least 0, or nothing")
    return number


def _whole(name: str, value: object) -> int:
    return round(_number(name, value))


def _coordinate(name: str, value: object) -> float | None:
    if value is None or not str(value).strip():
        return None
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or abs(number) > {"lat": 90, "lon": 180}.get(name, math.inf):
        raise UsageError(f"{name} is {value!r}; write a number, or nothing")
    return number


ALIASES = ("scene", "country_iso2")
FORMULA = ("=", "+", "-", "@", "\t", "\r", "'")
_CASTS: dict[Any, Callable[[str, object], Any]] = {int: _whole, float: _number, float | None: _coordinate}
COLUMNS: dict[str, Callable[[str, object], Any]] = {field.name: _CASTS.get(field.type, _text) for field in fields(Item)}
"""The table's columns in order, each with what turns a cell into a value."""
