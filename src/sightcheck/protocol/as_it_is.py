"""How well does a detector do on a table of clips, as it is? Networks, whose training is too long to repeat."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from sightcheck import sandbox, weights
from sightcheck.data import audit, manifest, split
from sightcheck.data.audit import Separation, grouped_auc, metadata
from sightcheck.data.manifest import Item
from sightcheck.errors import InputError, UsageError
from sightcheck.media import Clip, look
from sightcheck.protocol import metrics, printed
from sightcheck.protocol.evaluate import Row, calibration, measures
from sightcheck.protocol.metrics import Estimate, Labels, Values
from sightcheck.protocol.readings import Progress, glance
from sightcheck.report.report import visible
from sightcheck.video.detector import Detector
from sightcheck.video.detectors import detector

ROLES = ("frames", "texture", "fusion")


@dataclass(frozen=True)
class Scored:
    """The n clips of a table that could be scored, near copies in one group, and the files that could not."""

    items: tuple[Item, ...]
    clips: tuple[Clip, ...]
    scores: Values
    skipped: tuple[str, ...]

    @property
    def synthetic(self) -> Labels:
        """(n,) labels."""
        return np.array([item.synthetic for item in self.items])

    def auc(self, of: Labels | None = None) -> Estimate:
        """AUC of all the clips, or of some, with its interval over groups."""
        chosen = np.ones(len(self.items), bool) if of is None else of
        kept = self.scores[chosen]
        units = [item.unit for item, one in zip(self.items, chosen, strict=True) if one]
        labels = self.synthetic[chosen]
        return metrics.bootstrap(lambda w: metrics.auc(kept, labels, w), labels, units)


@dataclass(frozen=True)
class AsItIs:
    """What a detector scores on a table: all clips, each generator against all real clips, controls, warnings."""

    detector: str
    clips: tuple[int, int]
    overall: tuple[tuple[str, Estimate], ...]
    generators: tuple[Row, ...]
    metadata: Separation
    warnings: tuple[str, ...]


def evaluate(
    name: str, table: Path, kinds: Sequence[str] = (), progress: Progress | None = None, each: sandbox.Each = map
) -> AsItIs:
    """A detector by name, a table of clips -> AsItIs. Raises UsageError where nothing can be scored."""
    items = [item for item in manifest.read(table) if not kinds or item.kind in kinds]
    found = scored(detector(name), items, progress, each)
    synthetic, groups = found.synthetic, split.linked_groups(found.items)
    makers = np.array([item.maker for item in found.items])
    made = [(str(one), (makers == one) | ~synthetic) for one in sorted(set(makers[synthetic]))]
    rows = tuple(Row(one, int((of & synthetic).sum()), (("AUC", found.auc(of)),)) for one, of in made)
    fitted = calibration(found.scores, found.items)
    return AsItIs(
        name,
        (int((~synthetic).sum()), int(synthetic.sum())),
        measures(found.scores, found.items, np.ones(len(synthetic), bool), fitted),
        rows,
        grouped_auc(metadata(found.items)[1], synthetic, groups),
        (*_taught(weights.card(weights.find(name)), found.items), *(f"left out: {one}" for one in found.skipped)),
    )


def scored(one: Detector, items: Sequence[Item], progress: Progress | None = None, each: sandbox.Each = map) -> Scored:
    """Score every clip with the detector as it is. Raises UsageError when no clip of one label could be scored."""
    kept: list[tuple[Item, Clip, float, NDArray[np.uint64]]] = []
    skipped = []
    rows = each(partial(_score, one), items)
    for done, (item, row) in enumerate(zip(items, rows, strict=True), 1):
        if isinstance(row, InputError):
            skipped.append(f"{Path(item.path).name}: {row}")
        else:
            kept.append(row)
        if progress is not None:
            progress(done, len(items))
    if len({item.synthetic for item, *_ in kept}) < 2:
        reasons = "; ".join(skipped[:3]) or "none given"
        raise UsageError(f"clips of both labels are needed; too few could be scored ({reasons})")
    described, clips, scores, fingerprints = zip(*kept, strict=True)
    joined = split.joined(described, audit.near_copies(fingerprints))
    return Scored(joined, clips, np.array(scores), tuple(sorted(skipped)))


def _score(one: Detector, item: Item) -> tuple[Item, Clip, float, NDArray[np.uint64]] | InputError:
    path = os.fsencode(item.path)
    try:
        clip = sandbox.run(look, path)
        said = one.examine(clip, path)
        if said.score is None:
            return InputError(said.sentence)
        return manifest.described(item, clip), clip, said.score, glance(path)
    except InputError as error:
        return error


def _taught(card: weights.Card, items: Sequence[Item]) -> list[str]:
    """A warning where the clips come from sources that the detector learned from."""
    shared = sorted({item.source for item in items if item.source} & {one.name for one in card.sources})
    return [f"{card.name} learned from clips of {', '.join(shared)}: on those this is no score"] if shared else []


def to_text(found: AsItIs) -> str:
    """AsItIs -> Markdown, readable as it is."""
    real, fake = found.clips
    lines = [
        f"# {found.detector}, as it is: {real} real and {fake} synthetic clips",
        "",
        *(f"- {warning}" for warning in found.warnings),
        f"- control: metadata alone, cross-validated over groups, AUC {printed.share(found.metadata.auc)}",
        "",
        *printed.measures("All clips", [Row("all", real + fake, found.overall)]),
        *printed.measures("By generator, against all real clips", found.generators),
    ]
    return "\n".join(visible(line) for line in lines)


def to_json(found: AsItIs) -> str:
    """AsItIs -> one JSON document."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2).decode()
