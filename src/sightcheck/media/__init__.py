"""What is in this file? The only decoder and the only encoder.

Everything here runs on files nobody vouches for, so callers reach it through `sandbox.run`.
"""

from sightcheck.media.container import Clip, look, sniff
from sightcheck.media.encode import Encoding, encode, recode
from sightcheck.media.frames import Sampling, Window, crop, pack, planes, shrunk, windows
from sightcheck.media.photo import Photo, Seen, look_photo
from sightcheck.media.pictures import Pictures, pictures

__all__ = [
    "Clip",
    "Encoding",
    "Photo",
    "Pictures",
    "Sampling",
    "Seen",
    "Window",
    "crop",
    "encode",
    "look",
    "look_photo",
    "pack",
    "pictures",
    "planes",
    "recode",
    "shrunk",
    "sniff",
    "windows",
]
