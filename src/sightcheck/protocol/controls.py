"""What would a detector score that never looked at the picture? Controls for every table."""

from collections.abc import Sequence
from dataclasses import dataclass

from sightcheck.data.audit import Separation, length, logistic, metadata, real_against_real
from sightcheck.data.manifest import Item
from sightcheck.data.split import By
from sightcheck.protocol.held_out import EVERYTHING, LeaveOneOut, Scope, leave_one_out, of_kinds, unpaired
from sightcheck.protocol.metrics import Values


@dataclass(frozen=True)
class Controls:
    """The same protocol on what the file says of itself, and real clips against real clips of other sources."""

    metadata: LeaveOneOut
    length: LeaveOneOut
    sources_metadata: Separation
    sources_features: Separation


def controls(
    features: Values,
    items: Sequence[Item],
    by: By = "generator",
    scope: Scope = EVERYTHING,
    seed: int = 0,
    resampled: int = 1000,
) -> Controls:
    """A detector's features (n, d), (n) items -> Controls to print beside its own `leave_one_out`."""
    table = metadata(items)[1]
    alone = [
        leave_one_out(values, items, unpaired(logistic), by, scope, seed=seed, resampled=resampled)
        for values in (table, length(items))
    ]
    wanted = of_kinds(items, scope.scored)
    chosen = [item for item, keep in zip(items, wanted, strict=True) if keep]
    sources = [real_against_real(values[wanted], chosen) for values in (table, features)]
    return Controls(alone[0], alone[1], sources[0], sources[1])
