"""What do matched points tell of a claim? The tables of docs/photo-study.md under "Matched buildings".

    python -m sightcheck.bench.matches TABLE...

Claims once measured are taken from the cache.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from sightcheck.learn.place.matches import MANY, asked, read
from sightcheck.place.matching import Scale
from sightcheck.protocol import matches
from sightcheck.protocol.matches import STEPS, Photos, Trial
from sightcheck.protocol.metrics import Values, cllr

THIRD = 3
"""Every which photo asks where the number of references changes."""


def main(*paths: str) -> None:
    """Print every table as Markdown, each as soon as it is there."""
    photos, _ = read([Path(path) for path in paths])
    for line in tables(photos):
        print(line, flush=True)


def tables(photos: Photos) -> Iterator[str]:
    """True and false claims that reached so many points, by city, by source and by how many references there were."""
    found = asked(photos)
    ratios = matches.held_out(found)
    yield f"\n{len(photos.items):,} photos, {MANY} references a city.\n"
    yield from _head("claims")
    parts = {"all": np.full(len(found), True)}
    parts |= {one: np.array([each.claimed == one for each in found]) for one in _distinct(found, "claimed")}
    parts |= {
        f"photos of {one}": np.array([each.source == one for each in found]) for one in _distinct(found, "source")
    }
    for name, where in parts.items():
        yield _row(name, [one for one, kept in zip(found, where, strict=True) if kept], ratios[where])
    yield f"\n{_scale(matches.scale(found))}\n"
    yield from _head("references, every third photo")
    groups = {photos.items[at].group for at in range(0, len(photos.items), THIRD)}
    third = [one for one in found if one.group in groups]
    for most, claims in ((20, asked(photos, 20, THIRD)), (MANY, third), (2 * MANY, asked(photos, 2 * MANY, THIRD))):
        yield _row(str(most), claims, matches.held_out(claims, found))


def _distinct(found: Sequence[Trial], field: str) -> list[str]:
    return sorted({str(getattr(one, field)) for one in found})


def _head(what: str) -> Iterator[str]:
    yield f"| {what} | true | false | {' | '.join(f'{step} or more' for step in STEPS)} | Cllr |"
    yield "| --- " * (4 + len(STEPS)) + "|"


def _row(name: str, found: Sequence[Trial], ratios: Values) -> str:
    """How many true claims reached each step, then how many false ones; what the ratios cost."""
    true, false = ([one.points for one in found if one.there == side] for side in (True, False))
    cells = " | ".join(f"{sum(p >= step for p in true)} : {sum(p >= step for p in false)}" for step in STEPS)
    cost = cllr(ratios, np.array([one.there for one in found]))
    return f"| {name} | {len(true):,} | {len(false):,} | {cells} | {cost:.3f} |".replace("nan", "-")


def _scale(scale: Scale) -> str:
    """The ratio from each step on, in words."""
    told = (f"{step} or more {ratio:+.2f}" for step, ratio in zip(scale.steps, scale.ratios(), strict=True))
    return f"log10 LR by points: {', '.join(told)}."


if __name__ == "__main__":
    main(*sys.argv[1:])
