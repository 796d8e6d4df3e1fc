"""What does the file say of itself, and does that fit the claim? Place, time, camera, software, seal.

Everything here is what the file claims: shown beside the claim, compared with it, never weighed.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from sightcheck.media import Photo
from sightcheck.place.stated import clock, places, words
from sightcheck.place.stated.clock import Spot
from sightcheck.place.stated.places import short
from sightcheck.place.world.gazetteer import Claim
from sightcheck.verdict import Evidence, Place, Statement

LOCAL_KM = 300.0
"""A claimed place that is larger has no one time of day."""

ANYONE = "metadata can be written by anyone: they are what the file claims, not what happened"
STRIPPED = "most sites and messengers remove metadata from photos, so their absence says nothing"
CLOCKS = "a camera's clock may be wrong, or still at the time of another country"

EDITORS = (
    "photoshop", "lightroom", "gimp", "affinity", "capture one", "darktable", "rawtherapee", "snapseed", "pixelmator",
    "paint.net", "picsart", "canva", "vsco", "luminar", "acdsee", "photoscape", "imagemagick", "facetune", "picasa",
    "photofiltre", "polarr", "remini", "meitu", "photopea", "krita", "paintshop",
)  # fmt: skip
GENERATORS = (
    "midjourney", "dall-e", "dall·e", "stable diffusion", "firefly", "comfyui", "automatic1111", "novelai", "invokeai",
    "openai", "imagen", "flux.1", "trainedalgorithmicmedia",
)  # fmt: skip
PROMPTS = ("PNG parameters", "PNG prompt", "PNG workflow", "PNG Dream", "PNG sd-metadata", "PNG invokeai_metadata")
SOFTWARE = ("EXIF Software", "XMP xmp:CreatorTool", "IPTC Program", "PNG Software", "EXIF ProcessingSoftware")
SOURCE_TYPE = "XMP Iptc4xmpExt:DigitalSourceType"


def examine(photo: Photo, claim: Claim | None) -> Evidence:
    """The file's own claims, compared with each other and with the claimed place; no score and no ratio.

    `statements` hold what the file says, `places` what of it can be put on a map.
    """
    said = dict(reversed(photo.tags))  # of two tags of one name the first counts
    point, placed = places.position(said, claim)
    worded, named = words.in_words(photo.tags, claim)
    spots = [Spot("the GPS position", point.lat, point.lon)] if point else []
    if claim is not None and claim.radius_km <= LOCAL_KM:
        spots.append(Spot("the claimed place", claim.lat, claim.lon))
    timed = clock.statements(said, spots, datetime.now(UTC))
    statements = [*placed, *worded, *timed, *_device(said), *_software(said), *_seal(said)]
    if point:
        named = (Place("GPS position", point.source, point.lat, point.lon), *named)
    where = next((one.value for one in [*(placed if point else []), *worded]), "")
    return Evidence(
        method="metadata",
        sentence=_sentence(where, clock.taken(said), [*placed, *worded], statements, claim),
        places=named,
        statements=tuple(statements),
        limits=(ANYONE, *([CLOCKS] if timed else []), *([] if placed or worded or timed else [STRIPPED])),
    )


def _sentence(
    where: str, when: clock.Moment | None, placed: list[Statement], statements: list[Statement], claim: Claim | None
) -> str:
    """Place and time as stated, what fits the claim and what fits nothing."""
    if not where and when is None:
        told = "The file says nothing of place or time."
    else:
        told = "The file says it was taken" + (f" at {where}" if where else "") + (f" on {when}" if when else "") + "."
    fits = _list(one.name for one in placed if one.agrees)
    against = _list(one.name for one in statements if one.agrees is False)
    told += f" With {claim.label} agrees: {fits}." if claim and fits else ""
    return told + (f" What does not fit: {against}." if against else "")


def _list(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _device(said: Mapping[str, str]) -> list[Statement]:
    make, model = (said.get(f"EXIF {tag}", said.get(f"XMP tiff:{tag}", "")).strip() for tag in ("Make", "Model"))
    name = model if model.lower().startswith(make.lower()) else f"{make} {model}"
    return [Statement("Camera", short(name.strip()))] if make or model else []


def _software(said: Mapping[str, str]) -> list[Statement]:
    """Programs that wrote the file; one that makes pictures up is a contradiction to having been taken."""
    names = dict.fromkeys(said[tag].strip() for tag in (*SOFTWARE, SOURCE_TYPE) if said.get(tag, "").strip())
    found = []
    for name in names:
        if any(word in name.lower() for word in GENERATORS):
            found.append(Statement("Software", short(name), "makes pictures: the file says it was generated", False))
        elif any(word in name.lower() for word in EDITORS):
            found.append(Statement("Software", short(name), "an image editor: what it changed is not said"))
        else:
            found.append(Statement("Software", short(name)))
    for tag in PROMPTS:
        if tag in said:
            found.append(Statement("Prompt", short(said[tag]), "as generators of pictures write it", False))
    return found


def _seal(said: Mapping[str, str]) -> list[Statement]:
    """The C2PA manifest: who sealed the file, which proves neither place nor time."""
    seal = said.get("C2PA")
    if not seal:
        return []
    broken = "changed after it was sealed, or sealed wrongly" if "invalid" in seal else ""
    return [Statement("C2PA", short(seal), broken or "names who sealed the file; it proves neither place nor time")]
