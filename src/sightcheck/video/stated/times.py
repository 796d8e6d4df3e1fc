"""Do the timestamps run evenly? Gaps, repeats, jumps back and frames that an edit list hides."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

GAP = 1.5
"""How many times the usual step one must take to be called a gap."""
EVEN = 0.02
"""Share of the usual step by which one may differ, beside the rounding to a tick."""
VARIABLE = 0.1
"""Share of uneven steps from which on the frame rate is called variable, and its steps no gaps."""
MOST_TOLD = 5


@dataclass(frozen=True)
class Steps:
    """Timestamps of a stream. `usual_s`: the median step between frames, 0 under two frames.

    `gaps`, `repeats`: (time in s, step in s) of those told, of `gap_count` and `repeat_count`; `uneven`: steps that are
    neither and differ from the usual one; `back`: decoding times that do not grow; `hidden`: frames left out by an edit
    list; `first_s`: the first frame's time; `stated`: whether every frame has a time.
    """

    frames: int
    usual_s: float
    gaps: tuple[tuple[float, float], ...]
    gap_count: int
    repeats: tuple[tuple[float, float], ...]
    repeat_count: int
    uneven: int
    back: int
    hidden: int
    first_s: float
    stated: bool

    @property
    def variable(self) -> bool:
        """Whether so many steps differ that the rate varies by design."""
        return self.frames > 2 and self.uneven + self.gap_count > VARIABLE * (self.frames - 1)


def steps(shown: Sequence[int | None], decoded: Sequence[int | None], tick_s: float, hidden: int = 0) -> Steps:
    """Presentation and decoding times of the frames that are shown, in ticks of `tick_s` s -> Steps."""
    stated = all(one is not None for one in shown)
    ticks = np.sort(np.array([one for one in shown if one is not None], np.float64))
    decoding = np.array([one for one in decoded if one is not None], np.float64)
    times: NDArray[np.float64] = ticks * tick_s
    gaps = np.diff(times)
    usual = float(np.median(gaps)) if len(gaps) else 0.0
    far = np.abs(gaps - usual) > EVEN * usual + 1.01 * tick_s
    long, same = gaps > max(GAP * usual, usual + 2.01 * tick_s), np.diff(ticks) == 0
    return Steps(
        len(shown),
        usual,
        _told(times, gaps, long),
        int(long.sum()),
        _told(times, gaps, same),
        int(same.sum()),
        int((far & ~long & ~same).sum()),
        int((np.diff(decoding) <= 0).sum()),
        hidden,
        float(times[0]) if len(times) else 0.0,
        stated and len(times) > 0,
    )


def _told(
    times: NDArray[np.float64], gaps: NDArray[np.float64], which: NDArray[np.bool_]
) -> tuple[tuple[float, float], ...]:
    """The first few steps of a kind: when they begin and how long they are."""
    return tuple((round(float(times[at]), 3), round(float(gaps[at]), 3)) for at in np.flatnonzero(which)[:MOST_TOLD])


def sentence(found: Steps) -> str:
    """How the times run, in a few words."""
    if not found.stated:
        return "the frames carry no timestamps of their own"
    if found.frames < 3:
        return "too few frames to say how the timestamps run"
    odd = [
        *([f"{found.gap_count} {_plural(found.gap_count, 'gap')}"] if found.gap_count and not found.variable else []),
        *([f"{found.repeat_count} repeated {_plural(found.repeat_count, 'time')}"] if found.repeat_count else []),
    ]
    if found.variable:
        return "the frame rate varies" + (f", with {' and '.join(odd)}" if odd else "")
    odd += [f"{found.uneven} slightly uneven {_plural(found.uneven, 'step')}"] if found.uneven else []
    return f"timestamps have {' and '.join(odd)}" if odd else "timestamps are even"


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
