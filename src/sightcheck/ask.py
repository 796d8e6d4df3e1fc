"""The two questions: a file (and a claim) in, a Report out. Start reading here."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from sightcheck import sandbox
from sightcheck.media import look
from sightcheck.report import Report
from sightcheck.verdict import weigh_video
from sightcheck.video.detectors import DETECTORS, Detector, detector


def video(
    path: str | os.PathLike[str],
    detectors: Sequence[str | Detector] = tuple(DETECTORS),
    progress: sandbox.Progress | None = None,
) -> Report:
    """Is this video synthetic? A file, detectors by name (the deciding one first) -> Report.

    Raises InputError when the file cannot be answered, UsageError for an unknown detector, BrokenInstallation when a
    model file is missing or altered.
    """
    asked = [detector(one) if isinstance(one, str) else one for one in detectors]
    name = os.fsencode(path)
    clip = sandbox.run(look, name)
    evidence = [one.examine(clip, name, _part(progress, at, len(asked))) for at, one in enumerate(asked)]
    return Report(
        file=clip,
        verdicts=(weigh_video(evidence),),
        versions=versions(),
        settings=(("detectors", ", ".join(one.name for one in asked)),),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def versions() -> tuple[tuple[str, str], ...]:
    """The programs whose version can change an answer."""
    import av

    libraries = [(name, version(name)) for name in ("sightcheck", "av", "numpy", "opencv-python-headless")]
    return (*libraries, ("FFmpeg", av.ffmpeg_version_info))


def _part(progress: sandbox.Progress | None, at: int, of: int) -> sandbox.Progress | None:
    """Progress of one of several equal parts."""
    return None if progress is None else lambda fraction: progress((at + fraction) / of)
