"""sightcheck: is this video synthetic, and was this photo taken where they say?

>>> import sightcheck
>>> report = sightcheck.video("clip.mp4")  # doctest: +SKIP
>>> report.verdicts[0].answer  # doctest: +SKIP
'undecided'
"""

from importlib.metadata import version as _version

__version__ = _version("sightcheck")
__all__ = ["Report", "SightcheckError", "__version__", "video"]


def __getattr__(name: str) -> object:
    """Import the public names on first use, so that importing the package costs nothing (PEP 562)."""
    if name == "video":
        from sightcheck.ask import video

        return video
    if name == "Report":
        from sightcheck.report import Report

        return Report
    if name == "SightcheckError":
        from sightcheck.errors import SightcheckError

        return SightcheckError
    raise AttributeError(f"module 'sightcheck' has no attribute {name!r}")
