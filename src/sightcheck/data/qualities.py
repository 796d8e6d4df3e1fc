"""How does a clip look at the thesis's qualities? HQ and LQ as published, or made once with x264 and kept."""

import os
from dataclasses import replace
from pathlib import Path

from sightcheck import sandbox
from sightcheck.data.manifest import Item, sha256
from sightcheck.errors import OutputError
from sightcheck.media.whole import reencoded
from sightcheck.protocol.readings import cache
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
    kept = cache().parent / "quality" / f"{source}-{CRF[quality]}.mp4"
    if not kept.exists():
        made = sandbox.run(reencoded, os.fsencode(item.path), CRF[quality], limits=LIMITS)
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            partial = kept.with_suffix(f".{os.getpid()}.part")
            partial.write_bytes(made)
            partial.replace(kept)
        except OSError as error:
            raise OutputError(
                f"cannot keep a clip in {kept.parent}: {error.strerror}; free space or choose $SIGHTCHECK_CACHE"
            ) from None
    return replace(item, path=str(kept), sha256=sha256(kept), quality=quality)
