"""What is compared in a table? Detectors as one shape: read a clip once, fit on some clips, speak about others."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sightcheck.data import cache
from sightcheck.data.audit import Score
from sightcheck.data.cache import keep, kept
from sightcheck.data.manifest import Item
from sightcheck.media.container import MAX_DURATION_S
from sightcheck.protocol.held_out import Fit, labels_and_units
from sightcheck.protocol.metrics import Labels, Values
from sightcheck.video.frames import LEAST

CODE = (
    *("media", "video", "nets", "learn/video"),
    *(f"protocol/{name}.py" for name in ("readings", "evaluate", "contender")),
)
"""What decodes, measures and trains: what a model said is not taken for that of other code."""
Told = Callable[[float, str], None]
Units = NDArray[np.str_]
WHOLE: Values = np.array([[0.0, MAX_DURATION_S]])
"""The span of a clip that is spoken of as one."""
MOMENT_S = 1e-3
"""Times closer than this are one time, told by two counts."""
Network = tuple[bytes, NDArray[np.float32]]
"""A network in ONNX, and its output for the golden input of nets.export."""


@dataclass(frozen=True)
class Spoken:
    """What a fitted detector says of a clip: `fake` (k,) P(synthetic) of each frame or sequence, `called` (k,) bool.

    `spans_s` (k, 2): from when to when each of them is; WHOLE where it is the clip; a frame ends when it begins.
    """

    fake: Values
    called: Labels
    spans_s: Values

    @property
    def score(self) -> float:
        """The soft vote in [0, 1]."""
        return float(self.fake.mean())

    @property
    def of_frames(self) -> bool:
        """Whether it speaks of frames one by one."""
        return bool((self.spans_s[:, 0] == self.spans_s[:, 1]).all())

    def over(self, spans_s: Values) -> "Spoken":
        """The soft vote of the frames within each of these spans (n, 2); one without a frame is left out (4.3.2)."""
        times = self.spans_s[:, 0]
        within = (times >= spans_s[:, :1] - MOMENT_S) & (times <= spans_s[:, 1:] + MOMENT_S)  # (n, k)
        within, spans_s = within[within.any(1)], spans_s[within.any(1)]
        fake = within @ self.fake / within.sum(1)
        return Spoken(fake, fake > 0.5, spans_s)


class Fitted(Protocol):
    """A trained detector."""

    @property
    def parameters(self) -> int:
        """How many numbers it learnt."""

    def speak(self, clip: Any) -> Spoken:
        """What it says of a clip that `Method.read` read."""

    def size_bytes(self) -> int:
        """How large its model file is."""

    def export(self) -> tuple[bytes, NDArray[np.float32]]:
        """Its network in ONNX, and the output for train.export's golden input."""


class Method(Protocol):
    """A detector that can be trained. `read` raises InputError where a clip cannot be read by it."""

    @property
    def name(self) -> str:
        """What a table calls it."""

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


def by_index(method: Method, clips: Sequence[Any], names: Sequence[str] = (), kept_as: str = "") -> Fit:
    """A method -> the `fit` of the protocols on features (n, 1) that are the clips' own numbers.

    Scores are log odds of the soft vote. With `names` of the clips and `kept_as`, what stands for the method's settings
    and code, every model's scores are kept on disk, and a model is only taught where one of them is asked for anew.
    """

    def fit(rows: Values, items: Sequence[Item]) -> Score:
        taught, (synthetic, units) = [int(at) for at in rows[:, 0]], labels_and_units(items)
        about = (method.name, kept_as, [names[at] for at in taught] if kept_as else [], synthetic, units)
        key = f"models/{cache.key(*about, code=CODE)}"
        known = (kept(key, dict[str, float]) if kept_as else None) or {}
        fitted: list[Fitted] = []

        def score(at: int) -> float:
            name = names[at] if kept_as else str(at)
            if name not in known:
                if not fitted:
                    fitted.append(method.fit([clips[one] for one in taught], synthetic, units))
                known[name] = log_odds(fitted[0].speak(clips[at]).score)
            return known[name]

        def scores(tested: Values) -> Values:
            before = len(known)
            found = np.array([score(int(at)) for at in tested[:, 0]])
            if kept_as and len(known) > before:
                keep(key, known)
            return found

        return scores

    return fit


def log_odds(probability: float) -> float:
    """P(synthetic) -> its log odds, held as far from certainty as a detector's score is."""
    held = min(max(probability, LEAST), 1 - LEAST)
    return math.log(held / (1 - held))
