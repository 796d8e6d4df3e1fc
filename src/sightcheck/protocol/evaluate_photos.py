"""How well does a country or city model do on a table of photos, as it is? The measures of chapters 7 and 8."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox, weights
from sightcheck.data import photos as tables
from sightcheck.data.manifest import Item
from sightcheck.errors import UsageError
from sightcheck.place import country
from sightcheck.place.embedding import Embedding, Names, Reader
from sightcheck.protocol import cities, countries
from sightcheck.protocol.cities import Rates, Trial
from sightcheck.protocol.countries import Measures
from sightcheck.protocol.metrics import Estimate

Progress = Callable[[int, int], None]
ROLES = ("country", "city")


@dataclass(frozen=True)
class PhotoEvaluation:
    """Measures of a model on the photos that could be read and are covered; rates of a city model, gate on and off.

    `cells`: (claimed, true city, share verified) with the gate, as in Tables 8.2 and 8.3. `roc`: false and true
    positive rate at every threshold on the gated margin. `warnings`: what a reader of the numbers must know.
    """

    model: str
    photos: int
    country: Measures | None
    gated: Rates | None
    ungated: Rates | None
    cells: tuple[tuple[str, str, float], ...]
    roc: tuple[tuple[float, float], ...]
    warnings: tuple[str, ...]


def role(name: str) -> str:
    """What a model answers: `country`, `city`, or another method's name. Raises UsageError for an unknown model."""
    return weights.card(weights.find(name)).method


def evaluate(
    name: str, table: Path, progress: Progress | None = None, each: sandbox.Each = map, gate: str = ""
) -> PhotoEvaluation:
    """A country or city model, a table of photos -> PhotoEvaluation. `gate`: the country model of a city's gate.

    Raises UsageError where nothing can be scored, and for a gate of what is no city model.
    """
    kind = role(name)
    if gate and kind != "city":
        raise UsageError("--gate belongs to city models; leave it out")
    reader = Reader(Names(country=name) if kind == "country" else Names(country=gate or "country", city=name))
    items, read, left_out = tables.opened(tables.read(table), reader.embed, progress, each)
    used = ("country", "city") if kind == "city" else (kind,)
    name = reader.cards[kind].name
    warnings = [one for part in used for one in _taught(reader.cards[part], items)]
    warnings += [f"left out: {one}" for one in left_out]
    if kind == "country":
        return _country(name, items, read, reader, warnings)
    return _city(name, items, read, reader, warnings)


def _taught(card: weights.Card, items: Sequence[Item]) -> list[str]:
    """A warning where the photos come from sources that the model learned from."""
    shared = sorted({item.source for item in items if item.source} & {one.name for one in card.sources})
    return [f"{card.name} learned from photos of {', '.join(shared)}: on those this is no score"] if shared else []


def _country(
    name: str, items: Sequence[Item], read: Sequence[Embedding], reader: Reader, warnings: list[str]
) -> PhotoEvaluation:
    meaning = reader.countries
    classes = [meaning.index(item.country) for item in items]
    rows = [row for row, at in enumerate(classes) if at is not None]
    if not rows:
        raise UsageError(f"{name} covers none of the table's countries")
    if len(rows) < len(items):
        warnings.append(f"{len(items) - len(rows)} photos of countries that {name} does not cover are left out")
    truth = np.array([classes[row] for row in rows], np.intp)
    probabilities = np.stack([read[row].countries for row in rows]).astype(np.float64)
    listed = probabilities >= meaning.threshold
    listed[np.arange(len(rows)), probabilities.argmax(1)] = True
    found = countries.measures(probabilities, listed, truth, [items[row].group for row in rows])
    return PhotoEvaluation(name, len(rows), found, None, None, (), (), tuple(warnings))


def _city(
    name: str, items: Sequence[Item], read: Sequence[Embedding], reader: Reader, warnings: list[str]
) -> PhotoEvaluation:
    """Every photo claimed for every city, against all other photos of it: the procedure of 8.4.2."""
    rows = np.array([row for row, item in enumerate(items) if item.city], np.intp)
    names = tuple(sorted({items[row].place for row in rows}))
    if len(names) < 2:
        raise UsageError("verification is tried between cities: the table needs photos of two or more")
    items, read = [items[row] for row in rows], [read[row] for row in rows]
    photos = cities.Photos(
        np.stack([one.vector for one in read]).astype(np.float64),
        np.stack([one.scenes for one in read]).astype(np.float64),
        np.array([item.place for item in items]),
        np.array([item.group for item in items]),
        names,
        np.stack([_gate(read, items, reader, one) for one in names], 1),
        tables.numbers(items),
    )
    every = np.arange(len(items))
    found = cities.trials(photos, reader.verifier, every, every)
    cells = tuple((*cell, share) for cell, share in sorted(cities.matrix(found, gate=True).items()))
    gated, ungated = cities.rates(found, gate=True), cities.rates(found, gate=False)
    return PhotoEvaluation(name, len(items), None, gated, ungated, cells, _roc(found), tuple(warnings))


def _roc(found: Sequence[Trial]) -> tuple[tuple[float, float], ...]:
    from sklearn.metrics import roc_curve

    there = [one.claimed == one.truth for one in found]
    fpr, tpr, _ = roc_curve(there, cities.scores(found, gate=True))
    return tuple(zip(fpr.tolist(), tpr.tolist(), strict=True))


def _gate(read: Sequence[Embedding], items: Sequence[Item], reader: Reader, name: str) -> NDArray[np.bool_]:
    """(n,) whether each photo passes a city's gate; all do where its country is not covered."""
    at = reader.countries.index(next(item.country for item in items if item.place == name))
    return np.array([at is None or country.passes(one.countries, at) for one in read])


def to_text(found: PhotoEvaluation) -> str:
    """PhotoEvaluation -> a table for a terminal."""
    lines = [f"{found.model}: {found.photos:,} photos", *(f"warning: {one}" for one in found.warnings)]
    if found.country is not None:
        one = found.country
        lines += [_line(f"top-{k}", value) for k, value in zip(countries.TOPS, one.top, strict=True)]
        lines += [_line("balanced accuracy", one.balanced), _line("shortlist coverage", one.coverage)]
        lines += [f"{'shortlist size':24}{one.size:.1f}", f"{'ECE':24}{one.ece:.3f}"]
    for title, rates in (("with the gate", found.gated), ("without the gate", found.ungated)):
        if rates is not None:
            lines += [title, _line("  TP at FP 2 %", rates.at_2), _line("  TP at FP 5 %", rates.at_5)]
            lines += [_line("  AUC", rates.auc), f"  TP (8.3) {rates.tp:.3f}, FP (8.4) {rates.fp:.3f}"]
    lines += [f"claimed {a:24} true {b:24} verified {share:.2f}" for a, b, share in found.cells]
    return "\n".join(lines)


def to_json(found: PhotoEvaluation) -> str:
    """PhotoEvaluation -> one JSON document."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()


def _line(name: str, value: Estimate) -> str:
    return f"{name:24}{value.value:.3f}  [{value.low:.3f}, {value.high:.3f}]"
