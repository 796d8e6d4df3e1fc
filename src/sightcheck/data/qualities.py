"""How does a clip look at the thesis's qualities? HQ and LQ as published, or made once with x264 and kept."""

import os
from dataclasses import replace
from pathlib import Path

from sightcheck import sandbox
from sightcheck.data import cache
from sightcheck.data.manifest import Item, sha256
from sightcheck.media.whole import reencoded
from sightcheck.sandbox import Limits

CRF = {"HQ": 23, "LQ": 40}
LIMITS = Limits(total_s=4 * 3600.0)


def at_quality(item: Item, quality: str) -> Item:
    """A clip -> the clip at "RAW", "HQ" or "LQ", with the path and sha256 of that file. Raises InputError, OutputError.

    RAW is the file as it is: CRF 0 is lossless, so encoding it so would give the same pixels back.
    """
    if quality not in CRF:
        return replace(item, quality=quality, sha256=item.sha256 or sha256(Path(item.path)))
    source = item.sha256 or sha256(Path(item.path))
    # its own name, by which its keypoints are found
    made = cache.folder("quality") / f"{cache.key(source, code=('media',))}-{CRF[quality]}/{Path(item.path).stem}.mp4"
    if not made.exists():
        cache.put(made, sandbox.run(reencoded, os.fsencode(item.path), CRF[quality], limits=LIMITS))
    return replace(item, path=str(made), sha256=sha256(made), quality=quality)
