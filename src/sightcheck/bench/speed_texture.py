"""How fast are local derivative patterns? Beside a loop over pixels, and beside copying the same picture.

Run `python -m sightcheck.bench.speed_texture`. Seconds are medians over alternating runs in one thread; nothing here
fails a build.
"""

import statistics
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from sightcheck.bench.speed import Row, alternate, texture
from sightcheck.video.person.ldp import BITS, DIRECTIONS, ldp

HEIGHT, WIDTH = 1080, 1920
PATCH = 64
"""Pixels a side of what the loop is timed on: it is as slow for each pixel of any picture."""


def main() -> None:
    """Print the table, a row as soon as it is measured."""
    cv2.setNumThreads(1)
    for row in measurements(texture(1, WIDTH, HEIGHT)[0, :HEIGHT]):
        print(row, flush=True)


def measurements(picture: NDArray[np.uint8]) -> Iterator[Row]:
    """The four directions of a grey picture (H, W): by the kernel, by a loop, and four copies of it."""
    patch = np.ascontiguousarray(picture[:PATCH, :PATCH])
    assert all(np.array_equal(ldp(patch, way), looped(patch, way)) for way in DIRECTIONS), "both must find the same"
    copy = np.empty_like(picture)

    def kernel(of: NDArray[np.uint8] = picture) -> None:
        for way in DIRECTIONS:
            ldp(of, way)

    def copied() -> None:
        for _ in DIRECTIONS:
            np.copyto(copy, picture)

    ours, copies = alternate(kernel, copied)
    small, loops = alternate(lambda: kernel(patch), lambda: [looped(patch, way) for way in DIRECTIONS])
    sizes = f"{picture.shape[1]}x{picture.shape[0]}", f"{PATCH}x{PATCH}"
    for name, seconds in (
        (f"patterns in four directions, {sizes[0]}", ours),
        (f"four copies, {sizes[0]}", copies),
        (f"patterns in four directions, {sizes[1]}", small),
        (f"the same by a loop over pixels, {sizes[1]}", loops),
    ):
        milliseconds = [1000 * one for one in seconds]
        yield Row(name, statistics.median(milliseconds), "ms", "", (min(milliseconds), max(milliseconds)))
    yield Row("patterns / copies", statistics.median(ours) / statistics.median(copies), "times")
    yield Row(f"loop / patterns, {sizes[1]}", statistics.median(loops) / statistics.median(small), "times")
    each = [statistics.median(one) / size for one, size in ((loops, patch.size), (ours, picture.size))]
    yield Row("loop / patterns, a pixel of each", each[0] / each[1], "times")


def looped(picture: NDArray[np.uint8], direction: int) -> NDArray[np.uint8]:
    """What `ldp` finds by sign, pixel by pixel."""
    down, right = DIRECTIONS[direction]
    values = picture.tolist()
    found = np.zeros((picture.shape[0] - 4, picture.shape[1] - 4), np.uint8)
    around = [(int(y) - 1, int(x) - 1, int(BITS[y, x])) for y, x in np.argwhere(BITS)]
    for y in range(2, picture.shape[0] - 2):
        for x in range(2, picture.shape[1] - 2):
            own = values[y][x] - values[y + down][x + right]
            pattern = 0
            for row, column, bit in around:
                other = values[y + row][x + column] - values[y + row + down][x + column + right]
                pattern += bit * (own * other <= 0)
            found[y - 2, x - 2] = pattern
    return found


if __name__ == "__main__":
    main()
