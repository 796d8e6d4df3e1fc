"""sightcheck: is this video synthetic, and was this photo taken where they say?

>>> from sightcheck import ask
>>> report = ask.video("clip.mp4")  # doctest: +SKIP
>>> report.verdicts[0].answer  # doctest: +SKIP
'undecided'
"""

import os as _os
from importlib import import_module as _import_module
from importlib.metadata import version as _version
from typing import TYPE_CHECKING
from typing import Any as _Any

from sightcheck.errors import (
    BrokenInstallation,
    Damaged,
    InputError,
    NotAFile,
    NotMedia,
    OutputError,
    OverLimit,
    SightcheckError,
    UsageError,
)

if TYPE_CHECKING:
    from sightcheck import ask
    from sightcheck.place.world.gazetteer import Claim
    from sightcheck.report.report import Report
    from sightcheck.verdict import Evidence, Verdict

# Offline means offline: what ONNX Runtime, timm's hub, Ray and others send of themselves is off before any of them
# loads, in children too.
_os.environ.update(
    ORT_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_TELEMETRY="1", RAY_USAGE_STATS_ENABLED="0", DO_NOT_TRACK="1"
)

__version__ = _version("sightcheck")
__all__ = [
    "BrokenInstallation",
    "Claim",
    "Damaged",
    "Evidence",
    "InputError",
    "NotAFile",
    "NotMedia",
    "OutputError",
    "OverLimit",
    "Report",
    "SightcheckError",
    "UsageError",
    "Verdict",
    "__version__",
    "ask",
]

_LATER = {
    "Claim": "sightcheck.place.world.gazetteer",
    "Evidence": "sightcheck.verdict",
    "Report": "sightcheck.report.report",
    "Verdict": "sightcheck.verdict",
}
"""What is imported when it is first asked for, so that `sightcheck --help` need not wait for it."""


def __getattr__(name: str) -> _Any:
    if name == "ask":
        return _import_module("sightcheck.ask")
    if name in _LATER:
        return getattr(_import_module(_LATER[name]), name)
    raise AttributeError(f"module 'sightcheck' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
