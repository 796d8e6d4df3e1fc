"""What is in this file? The only decoder and the only encoder.

Everything here runs on files nobody vouches for, so callers reach it through `sandbox.run`.
"""

from sightcheck.media.container import Clip, look, sniff
from sightcheck.media.encode import Encoding, encode, recode
from sightcheck.media.frames import Sampling, Window, crop, pack, planes, windows

__all__ = [
    "Clip",
    "Encoding",
    "Sampling",
    "Window",
    "crop",
    "encode",
    "look",
    "pack",
    "planes",
    "recode",
    "sniff",
    "windows",
]
