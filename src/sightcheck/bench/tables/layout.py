"""Whose clips fill a table? The thesis's data sets as folders, or any table of clips in their place."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from sightcheck.bench.tables.plans import STREETS, UNIONS, members
from sightcheck.data import manifest
from sightcheck.data.manifest import Item
from sightcheck.data.qualities import CRF, at_quality
from sightcheck.data.split import linked_groups
from sightcheck.errors import UsageError

FEWEST = 5
"""Clips that a generator must have to stand for a subset, unless fewer are asked for."""
LABELS: tuple[Literal["real", "fake"], ...] = ("real", "fake")
TABLES = (".csv", ".parquet")


@dataclass(frozen=True)
class Collection:
    """The clips of a table: `items` are RAW, each with its subset and linked group.

    `published`: the same clips at other qualities, by the sha256 of the RAW one. `shown` names what stands for each
    subset. `own`: they are the thesis's data sets, so its numbers may stand beside. `tests`: the groups that only test.
    """

    path: Path
    items: tuple[Item, ...]
    published: dict[tuple[str, str], Item]
    shown: dict[str, str]
    own: bool
    notes: tuple[str, ...] = ()
    tests: frozenset[str] = frozenset()

    def of(self, subset: str) -> tuple[Item, ...]:
        """The clips of a subset, of a union, or of "A/B": the real ones of A, the synthetic ones of B."""
        real, _, fake = subset.partition("/")
        sides = {"real": members(real), "fake": members(fake or real)}
        return tuple(item for item in self.items if item.subset in sides[item.label])

    def at(self, item: Item, quality: str) -> Item:
        """A clip at a quality: as it was published, else made."""
        twin = self.published.get((item.sha256, quality))
        return at_quality(item, quality) if twin is None else replace(twin, group=item.group, quality=quality)

    def named(self, text: str) -> str:
        """A row or column of a plan in the names of these clips."""
        if text in UNIONS and not self.own:
            return "all of them"
        return re.sub(r"\w+", lambda word: self.shown.get(word[0], word[0]), text)


def gather(path: Path, roles: tuple[str, ...], kind: str = "", limit: int = 0) -> Collection:
    """A folder in the documented layout, or a table -> its clips, at most `limit` of a label in a subset unless 0.

    Raises UsageError naming the folder that is missing, or what the table lacks.
    """
    if path.suffix in TABLES:
        found = _from_table(path, roles, kind, limit)
    elif kind:
        raise UsageError(f"--kind chooses rows of a table; {path} is a folder")
    else:
        found = _from_folders(path, roles)
        found = replace(found, items=_limited(found.items, limit))
    return found


def layout(path: Path, roles: tuple[str, ...]) -> str:
    """Which folders there must be, in words."""
    there = f"{path}/{{{','.join(roles)}}}/{{real,fake}}/*.mp4"
    return f"give {there} (docs/tables.md), or a table that ends in .csv or .parquet"


def shuffled(names: Sequence[str], salt: str = "") -> list[str]:
    """Names in an order that depends on each name alone, so that it holds whatever else there is."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{salt}\n{name}".encode()).digest())


def _from_folders(root: Path, roles: tuple[str, ...]) -> Collection:
    items: list[Item] = []
    published: dict[tuple[str, str], Item] = {}
    for role in roles:
        top = root / role
        folders = {name: top / name for name in ("RAW", "HQ", "LQ") if (top / name).is_dir()}
        raw = _clips(folders.get("RAW", top), role, root, roles)
        items += raw.values()
        for quality in ("HQ", "LQ"):
            twins = _clips(folders[quality], role, root, roles) if quality in folders else {}
            published |= {(raw[key].sha256, quality): item for key, item in twins.items() if key in raw}
    linked, tests = _linked(items), _spliced(root)
    named = {one.group: two.group for one, two in zip(items, linked, strict=True)}
    tested = frozenset(named.get(group, group) for group in tests)
    return Collection(root, linked, published, {role: role for role in roles}, own=True, tests=tested)


def _clips(folder: Path, role: str, root: Path, roles: tuple[str, ...]) -> dict[tuple[str, str], Item]:
    """`real` and `fake` in a folder -> items by label and stem.

    A stem is a group: a clip and its synthetic twin.
    """
    found: dict[tuple[str, str], Item] = {}
    for label in LABELS:
        files = sorted(folder.joinpath(label).glob("[!.]*.mp4"))
        if not files:
            missing = "has no .mp4 file" if folder.joinpath(label).is_dir() else "is missing"
            raise UsageError(f"{folder / label} {missing}; {layout(root, roles)}")
        for file in files:
            found[label, file.stem] = Item(
                sha256=manifest.sha256(file), path=str(file.resolve()), label=label, subset=role,
                group=_group(role, file.stem),
            )  # fmt: skip
    return found


def _group(role: str, stem: str) -> str:
    """The scene a clip shows. Subsets of DeepStreets share theirs, two of them being driven by the same maps, and so do
    Fit and Splice, whose clips are those of Fit pasted anew (4.2.2), whatever they were encoded to."""
    return stem if role in STREETS else f"{'Fit' if role == 'Splice' else role}/{stem}"


def _spliced(root: Path) -> frozenset[str]:
    """The scenes that Splice shows, asked about in a table or not: Fit has one test set in all tables (Table 4.3)."""
    files = (file for label in LABELS for top in ("", "RAW") for file in (root / "Splice" / top / label).glob("*.mp4"))
    return frozenset(_group("Splice", file.stem) for file in files)


def _from_table(table: Path, roles: tuple[str, ...], kind: str, limit: int) -> Collection:
    """A table -> its subsets, or its generators, in the roles; real clips without a subset are dealt out."""
    rows = [item for item in manifest.read(table) if item.label and kind in ("", item.kind)]
    items = _linked([item for item in rows if item.quality not in CRF])  # these are made of the others
    if not items:
        raise UsageError(f"{table}: no clip of kind {kind!r}; look at its column kind")
    own = set(roles) <= {item.subset for item in items}
    by_subset = any(item.subset for item in items if item.synthetic)
    known = [replace(item, subset=item.subset if by_subset or not item.synthetic else item.maker) for item in items]
    names = {role: role for role in roles} if own else _chosen(known, roles, table, min(limit or FEWEST, FEWEST))
    role_of = {name: role for role, name in names.items()}
    fakes = [replace(item, subset=role_of[item.subset]) for item in known if item.synthetic and item.subset in role_of]
    stated = [item for item in known if not item.synthetic and item.subset in role_of]
    reals = [replace(item, subset=role_of[item.subset]) for item in stated] if stated else _dealt(known, roles)
    for role in roles:
        if not any(item.subset == role for item in reals):
            raise UsageError(f"{table}: too few real clips of different sources for {len(roles)} subsets; add some")
    kept = _limited([*reals, *fakes], limit)
    notes = () if own else _told(names, kept, "subsets" if by_subset else "generators")
    return Collection(table, kept, {}, names, own, notes)


def _chosen(items: Sequence[Item], roles: tuple[str, ...], table: Path, fewest: int) -> dict[str, str]:
    """Role -> the subset or generator that takes it: the one with most clips takes the first. Raises UsageError."""
    sizes = Counter(item.subset for item in items if item.synthetic)
    large = sorted((name for name in sizes if name and sizes[name] >= fewest), key=lambda name: (-sizes[name], name))
    if len(large) < len(roles):
        raise UsageError(
            f"{table}: {len(roles)} generators of at least {fewest} synthetic clips must stand for {', '.join(roles)}; "
            f"it has {len(large)}"
        )
    return dict(zip(roles, large, strict=False))


def _dealt(items: Sequence[Item], roles: tuple[str, ...]) -> list[Item]:
    """The real clips, each source to the role that has fewest groups, which are never split; largest source first."""
    reals = [item for item in items if not item.synthetic]
    units = linked_groups(reals, by_source=True).tolist() if reals else []
    clips = Counter(units)
    groups = Counter(unit for unit, _ in {(unit, item.group) for unit, item in zip(units, reals, strict=True)})
    load, role_of = dict.fromkeys(roles, (0, 0)), {}
    for unit in sorted(groups, key=lambda unit: (-groups[unit], -clips[unit], unit)):
        role = role_of[unit] = min(roles, key=lambda role: load[role])
        load[role] = load[role][0] + groups[unit], load[role][1] + clips[unit]
    return [replace(item, subset=role_of[unit]) for item, unit in zip(reals, units, strict=True)]


def _told(names: dict[str, str], items: Sequence[Item], what: str) -> tuple[str, ...]:
    counts = Counter((item.subset, item.label) for item in items)
    parts = (
        f"{name} for {role} ({counts[role, 'real']} real, {counts[role, 'fake']} synthetic)"
        for role, name in names.items()
    )
    return (
        f"other data: {what} as subsets: {'; '.join(parts)}",
        "clips of one source may both teach and test; `sightcheck evaluate` holds sources out",
    )


def _linked(items: Sequence[Item]) -> tuple[Item, ...]:
    """The items, each in the group of all it is linked to by group or sha256, named by the first name of them."""
    links = linked_groups(items).tolist() if items else []
    names: dict[int, str] = {}
    for item, link in zip(items, links, strict=True):
        names[link] = min(names.get(link, item.group), item.group)
    return tuple(replace(item, group=names[link]) for item, link in zip(items, links, strict=True))


def _limited(items: Sequence[Item], limit: int) -> tuple[Item, ...]:
    """At most `limit` items of a label in a subset, 0 for all; by group, so that a clip's twin stays with it."""
    rank = {name: at for at, name in enumerate(shuffled(sorted({item.group for item in items})))}
    taken: Counter[tuple[str, str]] = Counter()
    kept = []
    for item in sorted(items, key=lambda item: rank[item.group]):
        taken[item.subset, item.label] += 1
        if not limit or taken[item.subset, item.label] <= limit:
            kept.append(item)
    return tuple(kept)
