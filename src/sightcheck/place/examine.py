"""What do the pixels say about the claim? Country, city, near copies and matches, each as evidence (chapters 7, 8)."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sightcheck.media import Photo
from sightcheck.media.photo import from_jpeg
from sightcheck.media.photo import jpeg as shrunk
from sightcheck.place import city, country, matching, scene
from sightcheck.place.country import Pixels
from sightcheck.place.embedding import BETTER, Embedding, Reader
from sightcheck.place.references.gallery import Gallery, Photograph, References
from sightcheck.place.references.likeness import fingerprint, near
from sightcheck.place.references.reading import QUALITY, SHORTER
from sightcheck.place.world import gazetteer
from sightcheck.place.world.gazetteer import Claim
from sightcheck.verdict import Evidence, Match, Place, Reference

SHOWN = 24
"""References carried by the evidence, the heaviest first; the sentence counts all of them."""
MATCHES = 3
"""Matched references carried by the evidence, those with most points first."""
URBAN = 0.5
"""Urban probability below which the thesis leaves a photo out of its data (7.2.1)."""

SMALLEST, LEAST_COLOUR, LEAST_CONTRAST = 120, 7.0, 15.0
"""Shorter side in pixels, mean range of the colour channels and deviation of the brightness, both of 255: below these
lie at most one in two hundred of the photos that the bundled models were calibrated on."""

WEAK = 0.99
"""log10 LR just below the band "moderate"."""

Jpeg = Callable[[str], bytes]


def of_country(seen: Embedding, reader: Reader, claim: Claim | None) -> Evidence:
    """Embedding (and claim) -> country probabilities, the shortlist, and a ratio for a claimed country that is covered.

    For a claim on a city a ratio above 1 is not carried: the right country does not make the city.
    """
    countries, shares = reader.countries, country.ranked(seen.countries, reader.countries, gazetteer.country_name)
    short = country.shortlist(seen.countries, countries)
    first = ", ".join(f"{one.name} {one.probability:.0%}" for one in shares[:3])
    names = ", ".join(one.name for one in shares if one.code in short.codes)
    few = len(short.codes) <= len(shares) / 2
    narrowed = f"one of {names}" if few else f"any of {len(short.codes)} countries, so it cannot narrow it down"
    sentence = (
        f"The scene looks most like {first}. It says {narrowed}; on photos of each source that it had not seen, "
        f"{short.coverage:.0%} of such lists or more held the right country."
    )
    score, ratio = None, None
    if claim is not None:
        at = countries.index(claim.country)
        sentence += " " + _claimed(seen, reader, claim, at)
        if at is not None:
            score = country.log_odds(float(seen.countries[at]))
            if countries.claimed is not None:
                ratio = countries.claimed.log10_lr(score)
        if ratio is not None and claim.city and ratio > 0:
            ratio = None
    places = () if claim is None else (Place(claim.label, "claim", claim.lat, claim.lon, claim.radius_km),)
    card = reader.cards["country"]
    return Evidence(
        "country", sentence, score, ratio, shares=shares, shortlist=short, places=places,
        weights_sha256=card.network_sha256, limits=(*better(reader), *_domain(seen, reader), *card.limits),
    )  # fmt: skip


def better(reader: Reader) -> tuple[str, ...]:
    """A limit where a better backbone can be had."""
    return (BETTER,) if reader.better else ()


def within(evidence: Evidence, photo: Photo, pixels: Pixels, reader: Reader) -> Evidence:
    """Evidence from the pixels -> the same, without its ratio where the calibration does not hold for the photo.

    It does not where the photo is unlike all that it saw, nor where `untaught` says so.
    """
    from PIL import Image

    small = np.asarray(Image.fromarray(pixels).resize((64, 64)), np.float64)
    reasons = {
        f"it is {photo.width} x {photo.height} pixels": min(photo.width, photo.height) < SMALLEST,
        "it has next to no colour": float(np.ptp(small, axis=2).mean()) < LEAST_COLOUR,
        "it has next to no contrast": float(small.mean(2).std()) < LEAST_CONTRAST,
    }
    limits = tuple(f"{why}: outside what was calibrated on, so no ratio is given" for why, so in reasons.items() if so)
    kept = untaught(evidence, pixels, reader)
    return replace(kept, log10_lr=None, limits=(*limits, *kept.limits)) if limits else kept


def untaught(evidence: Evidence, pixels: Pixels, reader: Reader) -> Evidence:
    """Evidence -> the same, without its ratio where the models learned from the photo, or from a near copy of it."""
    if not len(near(reader.taught, fingerprint(pixels))):
        return evidence
    why = "the models learned from it, or from a near copy of it: outside what was calibrated on, so no ratio is given"
    return replace(evidence, log10_lr=None, limits=(why, *evidence.limits))


def looked_for(seen: Embedding, reader: Reader, claim: Claim | None) -> int:
    """The class to explain: the claimed country's where the model covers it, else the likeliest."""
    at = None if claim is None else reader.countries.index(claim.country)
    return int(seen.countries.argmax()) if at is None else at


def gate(seen: Embedding, reader: Reader, claim: Claim) -> bool | None:
    """Whether the claimed country is among the two likeliest (8.3.2); None where the model does not cover it."""
    at = reader.countries.index(claim.country)
    return None if at is None else country.passes(seen.countries, at)


def of_city(
    seen: Embedding, reader: Reader, claim: Claim, references: References, copies: NDArray[np.intp], jpeg: Jpeg
) -> Evidence:
    """Embedding, claim on a city, its references -> how near they lie, or their vote (8.3.2), and its ratio.

    `copies` are left out of it; `jpeg` gives the small picture of a reference by its SHA-256. The thesis's gate is
    told and silences nothing: a country that the model does not see lowers a ratio for the city to "weak" at most.
    """
    kept = np.setdiff1d(np.arange(len(references.photographs)), copies)
    if not len(kept):
        return Evidence(
            "city", f"The gallery has no photos of {claim.label}: sightcheck gallery add {claim.label!r} DIR."
        )
    verifier = reader.verifier
    nearest = isinstance(verifier, city.Nearest)
    if isinstance(verifier, city.Nearest):
        verifier = verifier.elsewhere(claim.geoname_id)
    found = city.verify(verifier, seen.vector, seen.scenes, references.vectors[kept], references.scenes[kept])
    limits, passed = [], gate(seen, reader, claim)
    if passed is False:
        limits.append(
            f"{claim.country_name} is not among the two likeliest countries: by the rule of the thesis the claim is "
            "not verified, and what speaks for the city counts as weak at most"
        )
    if len(kept) < city.FEWEST:
        limits.append(f"{len(kept)} references are too few to weigh; add at least {city.FEWEST}")
    if found.apart and not nearest:
        limits.append("the references vote apart: others could have turned the decision")
    usable = len(kept) >= city.FEWEST and (nearest or not (found.apart or passed is False))
    ratio = reader.margin.log10_lr(found.margin) if usable and reader.margin is not None else None
    if ratio is not None and passed is False:
        ratio = min(ratio, WEAK)
    shown = [
        _reference(references.photographs[kept[row]], similarity, different, jpeg)
        for row, similarity, different in list(zip(found.rows, found.similarity, found.different, strict=True))[:SHOWN]
    ]
    card = reader.cards["city"]
    return Evidence(
        "city" if nearest else "pairs", (_near if nearest else _voted)(found, claim), found.margin, ratio,
        references=tuple(shown), weights_sha256=card.network_sha256 or card.sha256, limits=(*limits, *card.limits),
    )  # fmt: skip


def of_copies(references: References, copies: NDArray[np.intp], jpeg: Jpeg) -> Evidence | None:
    """Rows of references that are near copies of the photo -> evidence that names them; None without any."""
    if not len(copies):
        return None
    one = len(copies) == 1
    which = "photo is a near copy" if one else "photos are near copies"
    sentence = (
        f"{len(copies)} reference {which} of this one. Who took the reference, and where, answers the claim better "
        "than any network; the vote leaves it out."
    )
    shown = [_reference(references.photographs[row], 1.0, 0.0, jpeg) for row in copies[:SHOWN]]
    return Evidence("near copies", sentence, references=tuple(shown))


def of_matches(
    pixels: Pixels, seen: Embedding, claim: Claim, references: References, copies: NDArray[np.intp], store: Gallery
) -> Evidence | None:
    """The photo, its embedding, a claim on a city, its references -> the points that agree with one; None without any.

    It speaks for a claim and never against one: most photos of a city show what none of its references shows. `copies`
    are left out, for they have their own evidence.
    """
    kept = np.setdiff1d(np.arange(len(references.photographs)), copies)
    if not len(kept):
        return None
    card, scale = matching.bundled()
    here = shrunk(pixels, SHORTER, QUALITY)
    mine, found = matching.features(from_jpeg(here)), []
    for row in matching.nearest(seen.places, references.places, kept):
        other = matching.features(store.pixels(claim.geoname_id, references.photographs[row].sha256))
        found.append((matching.matched(mine, other), row, other.aspect))
    found.sort(key=lambda one: -len(one[0]))
    best = len(found[0][0])
    shown = tuple(
        Match(_matched(seen, claim, references, row, ratio, store), here, (mine.aspect, aspect), _listed(points))
        for points, row, aspect in found[:MATCHES]
        if (ratio := scale.log10_lr(len(points))) is not None
    )
    few = f"{len(kept)} references are few: most photos of {claim.city} match none of so few"
    plain = "the photo shows too little detail for its points to be matched"
    limits = [few] * (len(kept) < city.FEWEST) + [plain] * (len(mine.points) < matching.LEAST)
    return Evidence(
        "matches", _recognised(best, len(found), len(kept), scale), float(best), scale.log10_lr(best), matches=shown,
        weights_sha256=card.sha256, limits=(*limits, *(card.limits if shown else ())),
    )  # fmt: skip


def _claimed(seen: Embedding, reader: Reader, claim: Claim, at: int | None) -> str:
    """What the probabilities say of the claimed country, in one sentence."""
    if at is None:
        return f"{claim.country_name} is not covered by the model, which was never taught it: that denies nothing."
    place = int((seen.countries > seen.countries[at]).sum()) + 1
    share = f"{claim.country_name} has {seen.countries[at]:.0%} and is number {place} of {len(seen.countries)}"
    inside = "among" if country.passes(seen.countries, at) else "not among"
    return f"{share}, {inside} the two likeliest."


def _domain(seen: Embedding, reader: Reader) -> tuple[str, ...]:
    """A limit where the scene is not what the thesis trained on: an urban scene outdoors."""
    urban = scene.urban(seen.places, reader.urban_classes)
    if urban >= URBAN:
        return ()
    return (
        f"the scene does not look like a town outdoors (urban probability {urban:.0%}): countries differ least there",
    )


def _near(found: city.Vote, claim: Claim) -> str:
    """How near the nearest references lie, in one sentence."""
    count, side = min(city.NEAREST, len(found.rows)), "nearer" if found.margin > 0 else "no nearer"
    return (
        f"The {count} references of {claim.city} that look most like it, of {len(found.rows):,}, are {side} to it than "
        f"the nearest of as many photos of other places (by {found.margin:+.2f} in cosine)."
    )


def _voted(found: city.Vote, claim: Claim) -> str:
    """The vote in one sentence, with the thesis's decision."""
    same = int((found.different < 0.5).sum())
    decision = "verified" if found.verified else "not verified"
    return (
        f"{same:,} of {len(found.rows):,} references of {claim.city} look like the same city. Weighed by how alike the "
        f"scenes are, the margin is {found.margin:+.2f} ± {found.error:.2f}: {decision} by the rule of the thesis."
    )


def _recognised(best: int, compared: int, kept: int, scale: matching.Scale) -> str:
    """The points that agree in one sentence, with how often so many do."""
    step = scale.step(best)
    if step is None or scale.log10_lr(best) is None:
        among = f"the {compared} most alike of {kept:,} references" if compared < kept else f"the {kept} references"
        return f"Nothing in the photo was recognised in {among}, which says nothing against the claim."
    true, false = scale.reached_there[step] / scale.there, scale.reached_elsewhere[step]
    return (
        f"The same building or view as in a reference: {best} points agree. {scale.steps[step]} or more did in "
        f"{true:.0%} of true claims and in {false:,} of {scale.elsewhere:,} false ones."
    )


def _matched(
    seen: Embedding, claim: Claim, references: References, row: int, log10_lr: float, store: Gallery
) -> Reference:
    """A matched reference; P(same city) is what its points alone make of even odds."""
    similarity, different = scene.similarity(seen.scenes, references.scenes[[row]])[0], 1 / (1 + 10**log10_lr)
    return _reference(references.photographs[row], similarity, different, partial(store.jpeg, claim.geoname_id))


def _listed(points: matching.Values) -> tuple[tuple[float, float, float, float], ...]:
    """(n, 4) points as evidence carries them, to a ten-thousandth of a picture."""
    return tuple((a, b, c, d) for a, b, c, d in points.astype(float).round(4).tolist())


def _reference(photo: Photograph, similarity: float, different: float, jpeg: Jpeg) -> Reference:
    picture = jpeg(photo.sha256)
    return Reference(
        photo.name, photo.sha256, picture, float(similarity), 1 - float(different), photo.licence, photo.origin
    )
