"""In which words? A verdict, its evidence, a file and a claim told in short sentences, for terminal and page alike.

What is quoted comes from files nobody vouches for: `visible` makes it harmless before it is shown.
"""

import math
import re
from collections.abc import Sequence

from sightcheck.media import Clip
from sightcheck.media.photo import Photo
from sightcheck.place.country import GATE
from sightcheck.place.world.gazetteer import Claim
from sightcheck.report.charts import covers
from sightcheck.verdict import BANDS, IS_SYNTHETIC, TAKEN_THERE, Evidence, Share, Verdict, strength

HOW_TO_READ_VIDEO = (
    "“No sign of synthesis” is not proof that a video is authentic: absence of detection is no guarantee, and an "
    "edit that leaves most of each frame alone may leave no trace. “Synthetic” is evidence with a stated strength, "
    "not proof. A likelihood ratio (LR) of 5 : 1 means that what was measured is five times likelier in a synthetic "
    "video than in a real one; how likely the video is synthetic also depends on everything else known about it."
)
HOW_TO_READ_PHOTO = (
    "“Taken there” is evidence with a stated strength, not proof, and so is “not taken there”. “Undecided” is an "
    "answer: what was measured does not tell. A country that is not covered is not denied: the model was never taught "
    "it and names another one in its stead. What a file says of itself, its place, time and camera included, can be "
    "written by anyone. A likelihood ratio (LR) of 5 : 1 means that what was measured is five times likelier in a "
    "photo taken at the claimed place than in one taken elsewhere; how likely the claim is true also depends on "
    "everything else known about it."
)
NO_CLAIM = "no claim to verify"

# Line breaks, terminal controls, marks that turn the reading direction, halves of characters.
HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def visible(text: str) -> str:
    """Text with hidden and control characters as backslash escapes: one line that no terminal obeys."""
    return HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def headline(verdict: Verdict, claimed: bool = True) -> str:
    """Answer and strength with its number: `synthetic - weak (LR about 5 : 1)`; `undecided` stands alone."""
    if not claimed:
        return NO_CLAIM
    lead = verdict.log10_lr
    if verdict.answer == "undecided" or lead is None:
        return verdict.answer
    return f"{verdict.answer} - {verdict.strength} (LR about {odds(lead)})"


def reason(verdict: Verdict, claimed: bool = True) -> str:
    """What the answer means, or why there is none, in one sentence; a near copy in the gallery is told before it."""
    if not claimed:
        return _unclaimed(verdict)
    return " ".join(filter(None, (_copy(verdict), _weighed(verdict))))


def _copy(verdict: Verdict) -> str:
    """The gallery's near copy of the photo, by name; "" where there is none."""
    copies = [one for item in verdict.evidence if item.method == "near copies" for one in item.references]
    if not copies:
        return ""
    name = shortened(visible(copies[0].name), 80)
    return f"The gallery holds a near copy of this photo, {name}: who took that one, and where?"


def _weighed(verdict: Verdict) -> str:
    """What the ratio that decides means, in one sentence."""
    lead, (against, towards) = verdict.log10_lr, sides(verdict)
    if lead is None and verdict.question == TAKEN_THERE:
        return "Nothing measured can be weighed against this claim, so no likelihood ratio can be given."
    if lead is None:
        return "No calibrated method covers this file, so no likelihood ratio can be given."
    if strength(lead) == "none":
        least = times(BANDS[-1][0])
        return (
            f"The evidence points neither way: LR about {odds(lead)}, and an answer needs {least} : 1 or 1 : {least}."
        )
    if verdict.answer == "undecided":
        return f"The methods disagree: LR about {odds(lead)} by the first, but another points the other way."
    told = "is" if verdict.question == IS_SYNTHETIC else "was"
    likelier, other = (towards, against) if lead > 0 else (against, towards)
    return f"What was measured is about {times(lead)} times likelier if it {told} {likelier} than if it {told} {other}."


def odds(log10_lr: float) -> str:
    """log10 LR -> `5 : 1`, `1 : 32`."""
    return f"{times(log10_lr)} : 1" if log10_lr >= 0 else f"1 : {times(log10_lr)}"


def sides(verdict: Verdict) -> tuple[str, str]:
    """What an LR below one and above one speak for."""
    return ("real", "synthetic") if verdict.question == IS_SYNTHETIC else ("taken elsewhere", "taken there")


NUMBERS = re.compile(r" \((AUC: [^()]*)\)")


def limits(verdicts: Sequence[Verdict]) -> list[str]:
    """Every limit once, in order, with the methods it holds for; those that differ in numbers alone are one."""
    methods: dict[str, dict[str, str]] = {}
    for item in (item for verdict in verdicts for item in verdict.evidence):
        for limit in item.limits:
            numbers = NUMBERS.search(limit)
            methods.setdefault(NUMBERS.sub("", limit), {}).setdefault(item.method, numbers[1] if numbers else "")
    return [_limit(text, names) for text, names in methods.items()]


def _limit(text: str, numbers: dict[str, str]) -> str:
    """`traces, frames: it may ... (traces: AUC ...)`."""
    shown = "; ".join(f"{name} {told}" for name, told in numbers.items() if told)
    return f"{', '.join(numbers)}: {text}" + (f" ({shown})" if shown else "")


def own_limits(verdict: Verdict, others: Sequence[Verdict]) -> list[str]:
    """The limits of a verdict that not every one of several shares; all of them where it stands alone."""
    common = set(limits([verdict])) if len(others) > 1 else set()
    for other in others:
        common &= set(limits([other]))
    return [one for one in limits([verdict]) if one not in common]


def shared_limits(verdicts: Sequence[Verdict]) -> list[str]:
    """The limits that all of several verdicts have, told once for a page."""
    own = set(own_limits(verdicts[0], verdicts)) if len(verdicts) > 1 else set()
    return [one for one in limits(verdicts[:1]) if one not in own] if len(verdicts) > 1 else []


def silent(item: Evidence) -> bool:
    """Whether a method was not asked or saw nothing: it has nothing to show but its sentence."""
    shown = (
        item.series,
        item.stills,
        item.cloud,
        item.shares,
        item.statements,
        item.references,
        item.matches,
        item.heat,
        item.places,
    )
    return item.score is None and item.log10_lr is None and not any(shown)


def next_step(file: Clip | Photo, verdict: Verdict, claimed: bool = True) -> str:
    """What a person can do next, in one sentence."""
    if not claimed:
        return 'Say where it is said to be taken: --claim "Rome, Italy".'
    if verdict.answer != "undecided":
        return "Look at the evidence below, and at where the file comes from, before you rely on it."
    outside = any("outside" in limit or "coded as" in limit for item in verdict.evidence for limit in item.limits)
    if isinstance(file, Clip):
        if outside:
            return "Look for the clip as it was first published: this copy is unlike those that the answer rests on."
        return "Look for a longer or better copy, or teach a detector this source: sightcheck teach."
    if any("models learned from it" in limit for item in verdict.evidence for limit in item.limits):
        return "The models learned from this photo, so they say nothing of it: look at matched points and near copies."
    if any("gallery has no photos" in item.sentence for item in verdict.evidence):
        return "Add 20 or more photos of the place: sightcheck gallery add."
    return "Add more reference photos of the place, of the same quarter if you can, or look at what the file states."


def band_ranges() -> list[tuple[str, str, str]]:
    """(name, log10 LR, LR) of each band in words, the weakest first."""
    edges = [(low, name) for low, name in BANDS[::-1]]
    highs = [low for low, _ in edges[1:]]
    ranges = [(n, f"{a:g} to {b:g}", f"{times(a)} to {times(b)}") for (a, n), b in zip(edges, highs, strict=False)]
    last, name = edges[-1]
    return [*ranges, (name, f"{last:g} and over", f"{times(last)} and over")]


def facts(file: Clip | Photo) -> list[tuple[str, str]]:
    """What reading the file showed: (name, value)."""
    return _clip_facts(file) if isinstance(file, Clip) else _photo_facts(file)


def finite(value: float | None) -> bool:
    """Whether there is a number to show."""
    return value is not None and math.isfinite(value)


def shortened(text: str, most: int) -> str:
    """At most `most` characters, saying how many there are when some are left out."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


def claimed(file: Clip | Photo, claim: Claim | None) -> bool:
    """Whether there is something to answer: every video is asked, a photo only beside a claim."""
    return isinstance(file, Clip) or claim is not None


def claim_line(claim: Claim) -> str:
    """`Rome, Lazio, Italy (41.89° N, 12.51° E, within 10 km; given as “Roma”)`; what adds nothing is left out."""
    where = "" if whole_country(claim) else position(claim.lat, claim.lon, claim.radius_km)
    plain = claim.text.strip().casefold() in claim.label.casefold()
    told = "; ".join(filter(None, (where, "" if plain else f"given as “{shortened(claim.text, 80)}”")))
    return f"{claim.label} ({told})" if told else claim.label


def whole_country(claim: Claim | None) -> str:
    """The code of the country that is claimed without a city or a point in it, else ""."""
    return "" if claim is None or claim.pointed or claim.region else claim.country


def position(lat: float, lon: float, radius_km: float = 0.0) -> str:
    """WGS84 degrees as `41.89° N, 12.51° E, within 10 km`."""
    if not math.isfinite(lat + lon):
        return "nowhere"
    within = f", within {radius_km:.3g} km" if radius_km > 0 else ""
    return f"{abs(lat):.2f}° {'N' if lat >= 0 else 'S'}, {abs(lon):.2f}° {'E' if lon >= 0 else 'W'}{within}"


def shortlist(evidence: Evidence) -> str:
    """`One of: Italy, Spain, Portugal (90 %)`; empty where nothing was narrowed down to."""
    short = evidence.shortlist
    if short is None or not short.codes:
        return ""
    names = {share.code: shortened(share.name, 60) for share in evidence.shares}
    kept = [names.get(code, code) for code in short.codes]
    least = f"{percent(short.coverage)} or more"
    if len(kept) > 1 and (2 * len(kept) > len(names) or len(kept) > 12):
        return f"Any of {len(kept)} of {len(names)} countries ({least}): too many to narrow it down"
    between = "; " if any("," in name for name in kept) else ", "
    return f"{'One of: ' if len(kept) > 1 else 'Only '}{between.join(kept)} ({least})"


def gate(shares: Sequence[Share], claim: Claim) -> str:
    """Whether the claimed city's country is likely enough for its city to be looked at (8.3.2), in one sentence."""
    if not claim.city or not shares:
        return ""
    at = next((n for n, one in enumerate(shares) if covers(one, claim.country, claim.country_name)), None)
    if at is None:
        return f"Gate: left out, for the model does not cover {claim.country_name}."
    passed = at < GATE
    among = f"{'' if passed else 'not '}among the {GATE} likeliest countries"
    return f"Gate: {'passed' if passed else 'not passed'}, {claim.country_name} is {among}."


def how_to_read(files: Sequence[Clip | Photo]) -> list[str]:
    """What an answer means and what it does not, for each kind of file among these; a page of none tells of videos."""
    photos = any(isinstance(file, Photo) for file in files)
    videos = not photos or any(isinstance(file, Clip) for file in files)
    return [HOW_TO_READ_VIDEO] * videos + [HOW_TO_READ_PHOTO] * photos


def measures(item: Evidence) -> bool:
    """Whether there is a score or a ratio to tell, or one to miss; other methods only show what they found."""
    shows = bool(item.statements or item.references or item.shares)
    return not shows or item.score is not None or item.log10_lr is not None


def agreement(agrees: bool | None) -> str:
    """A statement beside the claim: `agrees`, `contradicts` or `cannot be compared`."""
    return {True: "agrees", False: "contradicts", None: "cannot be compared"}[agrees]


def percent(share: float) -> str:
    """Share in [0, 1] -> `41 %`; never a round 0 or 100."""
    if not math.isfinite(share):
        return "no number"
    return "<1 %" if share < 0.01 else ">99 %" if share > 0.99 else f"{100 * share:.0f} %"


def _clip_facts(clip: Clip) -> list[tuple[str, str]]:
    rate = f"{clip.fps:.6g} frames a second" + (", variable" if clip.variable_frame_rate else "")
    picture = f"{clip.width} x {clip.height}" + (", interlaced" if clip.interlaced else "")
    turned = f", turned by {clip.rotation_deg}°" if clip.rotation_deg else ""
    aspect = f", sample aspect {clip.sample_aspect}" if clip.sample_aspect not in ("1", "1/1", "1:1") else ""
    return [
        ("Format", f"{clip.container}, {clip.codec} {clip.profile}".strip() + f", {clip.pixel_format}"),
        ("Picture", picture + turned + aspect),
        ("Length", f"{clip.frames:,} frames, {clip.duration_s:.6g} s, {rate}"),
        ("Times", "from timestamps" if clip.timestamps else "counted at the stated frame rate"),
        ("Size", f"{clip.size_bytes:,} bytes, {clip.bit_rate / 1000:,.0f} kbit/s"),
        ("SHA-256", clip.sha256),
        *(("Note", note) for note in clip.notes),
    ]


def _unclaimed(verdict: Verdict) -> str:
    words = next((found for item in verdict.evidence if (found := shortlist(item))), "")
    seen = f" By its scene, the country: {words[0].lower()}{words[1:]}." if words else ""
    return f"Nobody said where it was taken.{seen}"


def _photo_facts(photo: Photo) -> list[tuple[str, str]]:
    turned = f", stored turned (EXIF orientation {photo.orientation})" if photo.orientation > 1 else ""
    return [
        ("Format", f"{photo.format}, {photo.mode}" + (f", {photo.frames:,} frames" if photo.frames > 1 else "")),
        ("Picture", f"{photo.width} x {photo.height}{turned}"),
        ("Size", f"{photo.size_bytes:,} bytes"),
        ("SHA-256", photo.sha256),
        *(("Note", note) for note in photo.notes),
    ]


def times(log10_lr: float) -> str:
    """How many times likelier, to two figures; nothing calibrated here can reach a million."""
    if abs(log10_lr) >= 6:
        return "1,000,000 or more"
    value = 10 ** abs(log10_lr)
    return f"{value:.2g}" if value < 9.95 else f"{round(value, 1 - math.floor(math.log10(value))):,.0f}"
