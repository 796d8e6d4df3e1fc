"""sightcheck: is this video synthetic, and was this photo taken where they say?

>>> from sightcheck import ask
>>> report = ask.video("clip.mp4")  # doctest: +SKIP
>>> report.verdicts[0].answer  # doctest: +SKIP
'undecided'
"""

from importlib.metadata import version as _version

from sightcheck.errors import SightcheckError

__version__ = _version("sightcheck")
__all__ = ["SightcheckError", "__version__"]
