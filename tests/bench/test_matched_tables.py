"""Do the tables of matched points count what was measured, by city, source and number of references?"""

import numpy as np
import pytest

from sightcheck.bench import matches as bench
from sightcheck.data.manifest import Item
from sightcheck.protocol.matches import Photos, Trial


def test_each_table_counts_its_own_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    cities = ("Rome, IT", "Paris, FR", "Berlin, DE")
    items = tuple(Item(path=f"{at}.jpg", kind="photo", city="Rome") for at in range(9))
    claims = [
        Trial(60 if city == truth and at % 2 else 3, city, truth, items[at].group, "web" if at < 6 else "phone")
        for at, truth in enumerate(cities * 3)
        for city in cities
    ]
    monkeypatch.setattr(bench, "asked", lambda photos, most=100, step=1: claims)
    lines = list(bench.tables(Photos(items, (), np.zeros((9, 365), np.float32))))
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in lines if line.startswith("|")}
    assert rows["all"][:3] == ["9", "18", "4 : 0"]
    assert rows["photos of phone"][:3] == ["3", "6", "1 : 0"]
    assert rows["Rome, IT"][:2] == ["3", "6"]
    assert rows["100"][:2] == ["3", "6"], "every third photo"
    assert any(line.startswith("\nlog10 LR by points: 10 or more ") for line in lines)
