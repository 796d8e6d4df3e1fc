"""Which synthetic clips have a real counterpart that differs in nothing but the making? Aligned pairs of a table."""

from collections import defaultdict
from collections.abc import Sequence

from sightcheck.data.manifest import Item

Pair = tuple[int, int]
"""Numbers of a real clip and of a synthetic one."""


def aligned(items: Sequence[Item]) -> list[Pair]:
    """(n) described items -> every (real, synthetic) pair of one scene and source, equal in size, rate and codec.

    Bit rate may still differ: encode both anew before anything is learnt from the pair.
    """
    alike: dict[tuple[str, str, int, int, float, str], list[int]] = defaultdict(list)
    for at, item in enumerate(items):
        alike[item.group, item.origin, item.width, item.height, round(item.fps, 2), item.codec].append(at)
    return [
        (real, fake)
        for some in alike.values()
        for real in some
        for fake in some
        if not items[real].synthetic and items[fake].synthetic
    ]
