"""What is compared in a table? Detectors as one shape: read a clip once, fit on some clips, speak about others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sightcheck.bench.metrics import Labels, Values
from sightcheck.data.audit import Score
from sightcheck.data.manifest import Item

Told = Callable[[float, str], None]


@dataclass(frozen=True)
class Spoken:
    """What a fitted detector says of a clip: `fake` (k,) P(synthetic) of each frame or sequence, `called` (k,) bool."""

    fake: Values
    called: Labels

    @property
    def score(self) -> float:
        """The soft vote in [0, 1]."""
        return float(self.fake.mean())


class Fitted(Protocol):
    """A trained detector."""

    parameters: int

    def speak(self, clip: Any) -> Spoken:
        """What it says of a clip that `Method.read` read."""

    def size_bytes(self) -> int:
        """How large its model file is."""


class Method(Protocol):
    """A detector that can be trained. `read` raises InputError where a clip cannot be read by it."""

    name: str

    def read(self, item: Item) -> Any:
        """One clip, measured in the sandbox and kept in the cache."""

    def fit(
        self,
        clips: Sequence[Any],
        synthetic: Labels,
        units: NDArray[np.str_],
        validation: tuple[Sequence[Any], Labels] | None = None,
        told: Told | None = None,
    ) -> Fitted:
        """Train on clips (n) with labels (n,) and units (n,); stop early by the validation clips where given."""


def by_index(method: Method, clips: Sequence[Any]) -> Callable[[Values, Labels, NDArray[np.str_]], Score]:
    """A method -> the `fit` of the protocols on features (n, 1) that are the clips' own numbers."""

    def fit(rows: Values, synthetic: Labels, units: NDArray[np.str_]) -> Score:
        taught = method.fit([clips[int(at)] for at in rows[:, 0]], synthetic, units)
        return lambda tested: np.array([taught.speak(clips[int(at)]).score - 0.5 for at in tested[:, 0]])

    return fit
