"""Does a head of countries tell two of them apart as it tells three?"""

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")

from sightcheck.nets import heads


@pytest.mark.parametrize("count", [2, 3])
def test_every_class_is_told_from_the_others(count: int) -> None:
    random = np.random.default_rng(0)
    classes = np.arange(90) % count
    means = 2 * random.normal(size=(count, 16))
    views = (means[classes][:, None] + random.normal(size=(90, 2, 16))).astype(np.float32)
    net = heads.country(heads.CountryHead(strength=0.1), views, classes, count)
    found = heads.outputs(net, views[:, 0])
    assert found.shape == (90, count)
    assert (found.argmax(1) == classes).mean() > 0.95
    assert len(set(found.argmax(1).tolist())) == count
