"""The two questions: a file (and a claim) in, a Report out. Start reading here."""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from sightcheck import sandbox
from sightcheck.errors import NotAFile
from sightcheck.media import Clip, look
from sightcheck.report.report import Report
from sightcheck.verdict import Evidence, Still, weigh_photo, weigh_video
from sightcheck.video.detector import Detector
from sightcheck.video.detectors import default, detector
from sightcheck.video.frames import Network
from sightcheck.video.fusion import Fusion
from sightcheck.video.joint import Joint

if TYPE_CHECKING:
    from sightcheck.media.photo import Seen
    from sightcheck.place.embedding import Names, Reader
    from sightcheck.place.references.gallery import Gallery
    from sightcheck.place.world.gazetteer import Claim


def video(
    path: str | os.PathLike[str],
    detectors: str | Sequence[str | Detector] | None = None,
    progress: sandbox.Progress | None = None,
    heat: bool = False,
) -> Report:
    """Is this video synthetic? A file, detectors by name (the deciding one first; all by default) -> Report.

    Detectors are told apart by their names: one that is asked for and is part of a fusion too measures the clip once.
    `heat` adds a map of what spoke for a network on frames, at the cost of 26 more readings.
    Raises InputError when the file cannot be answered, UsageError for an unknown detector, BrokenInstallation when a
    model file is missing or altered.
    """
    names = [detectors] if isinstance(detectors, str) else default() if detectors is None else detectors
    asked = [detector(one) if isinstance(one, str) else one for one in names]
    name = _file(path, "video")
    clip = sandbox.run(look, name)
    evidence = _examined(asked, clip, name, progress, heat)
    settings = (("detectors", ", ".join(one.name for one in asked)),)
    programs = (*versions(), ("onnxruntime", version("onnxruntime")))
    return Report(clip, (weigh_video(evidence),), programs, settings, _now())


def _file(path: str | os.PathLike[str], kind: str) -> bytes:
    """The path of a file. Raises NotAFile for an address and for a folder."""
    name = os.fsencode(path)
    if re.match(rb"[A-Za-z][A-Za-z0-9+.-]+://|www\.[^/]+/", name) and not os.path.exists(name):
        raise NotAFile("is an address: download the file first and give its path, for nothing is fetched")
    if os.path.isdir(name):
        more = "; to keep photos of a city, use `sightcheck gallery add`" if kind == "photo" else ""
        raise NotAFile(f"is not a regular file but a folder: give the {kind} files in it, such as FOLDER/*{more}")
    return name


def _examined(
    asked: Sequence[Detector], clip: Clip, path: bytes, progress: sandbox.Progress | None, heat: bool
) -> list[Evidence]:
    """What each detector says, those of a fusion fused."""
    single = {part.name: part for one in asked for part in (one.parts if isinstance(one, (Fusion, Joint)) else (one,))}
    said = {
        name: (replace(one, heat=heat) if isinstance(one, Network) else one).examine(
            clip, path, sandbox.part(progress, at, len(single))
        )
        for at, (name, one) in enumerate(single.items())
    }
    return [
        one.fuse(clip, [said[part.name] for part in one.parts]) if isinstance(one, (Fusion, Joint)) else said[one.name]
        for one in asked
    ]


def photo(
    path: str | os.PathLike[str],
    claim: "str | Claim | None" = None,
    gallery: "Gallery | None" = None,
    models: "Names | None" = None,
    heat: bool = False,
) -> Report:
    """Was this photo taken where they say? A file, and what is claimed ("Berlin, Germany") -> Report.

    `gallery`: the store with the reference photos, the user's own by default; `models`: which networks answer, the
    bundled ones by default; `heat` adds a map of what spoke for the country, at the cost of 26 more readings.
    Without a claim there is nothing to verify and the report names the likeliest countries.
    Raises InputError when the file cannot be answered, UsageError for a claim that is unknown or has several readings,
    BrokenInstallation when a model file is missing or altered.
    """
    from sightcheck.media.photo import look_photo
    from sightcheck.place import embedding
    from sightcheck.place.stated import metadata
    from sightcheck.place.world import gazetteer
    from sightcheck.place.writing import signs

    names = models or embedding.DEFAULT
    stated = gazetteer.parse(claim) if isinstance(claim, str) else claim
    seen = sandbox.run(look_photo, _file(path, "photo"))
    reader = embedding.reader(names)
    pixels = _from_pixels(seen, stated, gallery, reader, heat)
    written = [one for one in [signs.examine(seen.pixels, stated)] if one is not None]
    evidence = (*pixels, *written, metadata.examine(seen.photo, stated))
    settings = tuple((role, card.name) for role, card in reader.cards.items())
    own = ("sightcheck", "onnxruntime", "numpy", "opencv-python-headless", "pillow")
    libraries = (*own, *(signs.LIBRARIES if written else ()))
    return Report(
        seen.photo,
        (weigh_photo(evidence),),
        tuple((name, version(name)) for name in libraries),
        settings,
        _now(),
        stated,
    )


def _from_pixels(
    seen: "Seen", claim: "Claim | None", gallery: "Gallery | None", reader: "Reader", heat: bool
) -> list[Evidence]:
    """What the pixels say: near copies, matched points, the city's vote, the country, the deciding one first."""
    from sightcheck.media.photo import jpeg, png
    from sightcheck.place import examine, plausible
    from sightcheck.place.references.gallery import Gallery, fingerprint, near

    found, read = [], reader.embed(seen.pixels)
    within = partial(examine.within, photo=seen.photo, pixels=seen.pixels, reader=reader)
    if claim is not None and claim.city:
        with gallery or Gallery(embed=reader.reference, key=reader.key) as store:
            references = store.references(claim.geoname_id)
            copies = near(references, fingerprint(seen.pixels))
            picture = partial(store.jpeg, claim.geoname_id)
            matched = examine.of_matches(seen.pixels, read, claim, references, copies, store)
            found = [
                examine.of_copies(references, copies, picture),
                None if matched is None else examine.untaught(matched, seen.pixels, reader),
                within(examine.of_city(read, reader, claim, references, copies, picture)),
            ]
    country = within(examine.of_country(read, reader, claim))
    country = replace(country, stills=(Still(0.0, png(seen.pixels, 240)),))
    if heat:
        at = examine.looked_for(read, reader, claim)
        country = replace(country, heat=plausible.occlusion(seen.pixels, reader, at, jpeg(seen.pixels, 320, 85)))
    return [one for one in (*found, country) if one is not None]


def versions() -> tuple[tuple[str, str], ...]:
    """The programs whose version can change an answer about a video."""
    import av

    libraries = [(name, version(name)) for name in ("sightcheck", "av", "numpy", "opencv-python-headless")]
    return (*libraries, ("FFmpeg", av.ffmpeg_version_info))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
