"""Does the table of few pairs compare what it says?"""

import numpy as np

from sightcheck.bench import few_pairs
from sightcheck.data.manifest import Item


def test_rows_are_taught_on_the_same_pairs_with_and_without_their_differences() -> None:
    items = [
        Item(path=f"{label}{scene}", label=label, source=f"s{scene % 4}", group=str(scene))
        for scene in range(24)
        for label in ("real", "fake")
    ]
    rng, synthetic = np.random.default_rng(0), np.array([item.synthetic for item in items])
    scene = np.repeat(rng.normal(size=(24, 1, 72)), 2, axis=0)
    vectors = scene + rng.normal(size=(48, 2, 72)) * 0.5 + 0.1 * synthetic[:, None, None]
    both = {"footprint": vectors[:, :1, :42], "traces": vectors}
    said, _, _, *rows = few_pairs.table(items, both, sizes=(2, 4), draws=5)
    assert said.strip().startswith("48 clips, 24 aligned pairs of 24 scenes")
    cells = {name.strip(): values for _, name, *values, _ in (row.split("|") for row in rows)}
    assert list(cells) == ["F-SVM canonical", "traces, clips alone", "traces, differences too"]
    assert cells["traces, clips alone"] != cells["traces, differences too"]
    apart = [Item(path=x.path, label=x.label, source=x.source, width=1 + x.synthetic, group=x.group) for x in items]
    assert [row.split("|")[2:] for row in [*few_pairs.table(apart, {"traces": vectors})][3:]] == [
        [" - "] * 5 + [""]
    ] * 2
