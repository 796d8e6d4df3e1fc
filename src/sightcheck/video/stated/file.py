"""What does the file say of how it was made? Told as evidence that is shown and never weighed: all of it can be written
by anyone, and most of it comes from whoever handled the file last."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sightcheck import sandbox
from sightcheck.errors import InputError
from sightcheck.media import Clip
from sightcheck.sandbox import Progress
from sightcheck.verdict import Evidence, Statement
from sightcheck.video.footprint import as_it_is
from sightcheck.video.stated import double, encoder, gop, times, writers
from sightcheck.video.stated.boxes import Anatomy, Edit, Track
from sightcheck.video.stated.double import Rhythm
from sightcheck.video.stated.encoder import Encoder
from sightcheck.video.stated.reading import Inside, read
from sightcheck.video.stated.writers import Writer

UNKNOWN = "unknown: no known pattern tells"
OTHERS = 3


@dataclass(frozen=True)
class File:
    """Container, writer, encoder, frame groups, times and seal of a video, as they stand in the file; never weighed."""

    name: str = "file"

    def examine(self, clip: Clip, path: bytes, progress: Progress | None = None) -> Evidence:
        """Read the file beside its pictures; says so where it cannot be read."""
        try:
            inside = sandbox.run(read, path, progress=sandbox.part(progress, 0, 2))
        except InputError as error:
            return Evidence(self.name, f"What stands in the file beside its pictures could not be read: it {error}.")
        found = writers.writers(_facts(inside, clip))
        rhythm = _rhythm(clip, path, sandbox.part(progress, 1, 2))
        written = _written(found, writers.device(inside.tags))
        told = [
            *_declares(clip),
            *written,
            *_encoded(inside, found),
            *_before(rhythm),
            *_timed(inside.steps),
            _sealed(clip),
        ]
        return Evidence(self.name, _sentence(told), statements=tuple(_statements(clip, inside, found, rhythm)))


def _rhythm(clip: Clip, path: bytes, progress: Progress | None) -> Rhythm | None:
    """The rhythm of a progressive H.264 stream; None where none can be measured."""
    if clip.codec != "h264" or clip.interlaced:
        return None
    try:
        return double.rhythm(sandbox.run(as_it_is, path, double.frames(clip.width, clip.height), progress=progress))
    except InputError:
        return None


def _facts(inside: Inside, clip: Clip) -> Iterator[writers.Fact]:
    """Where writers give themselves away in this file; XMP is among the clip's tags."""
    anatomy = inside.anatomy or Anatomy()
    tags = [*inside.tags, *(("encoder", app) for app in anatomy.apps)]
    tags += [tag for tag in clip.tags if tag[0].startswith("XMP")]
    handlers = [track.name for track in anatomy.tracks] or inside.handlers
    return writers.facts(tags, anatomy.brands, handlers, inside.coded_by)


def _sentence(parts: Sequence[str]) -> str:
    whole = "; ".join(parts)
    return f"{whole[0].upper()}{whole[1:]}."


def _declares(clip: Clip) -> Iterator[str]:
    if clip.declared:
        yield f"it declares itself {clip.declared[0].statement}"


def _written(found: Sequence[Writer], device: str) -> Iterator[str]:
    """Who wrote the container last, the device that it names, and whom else."""
    last = writers.last(found)
    if last is not None:
        tells = last.where == "encoder" and last.text not in last.who
        yield f"written by {last.who}" + (f" ({_short(last.text)})" if tells else "")
    else:
        names = [one.text for one in found if one.where == "encoder"]
        yield "what wrote it is unknown" + (f", it names {_short(names[0])}" if names else "")
    if device:
        yield f"it names the device {_short(device)}"
    if earlier := writers.earlier(found):
        yield f"it still names {', '.join(earlier[:OTHERS])}, as a file does that was written anew"


def _encoded(inside: Inside, found: Sequence[Writer]) -> Iterator[str]:
    """The encoder by its own line, and how key frames lie."""
    lines, beside = inside.encoders, next((one.text for one in found if one.where == "codec" and one.who), "")
    if lines:
        yield f"the encoder names itself: {', then '.join(map(_named_encoder, lines[:2]))}"
    else:
        told = f", beside it the encoder is called {_short(beside)}" if beside else ""
        yield f"the encoder does not name itself in the stream{told}"
    yield from filter(None, (encoder.joined(lines), gop.interval(inside.groups)))


def _named_encoder(one: Encoder) -> str:
    return ", ".join(filter(None, (f"{one.name} {one.version}", encoder.quality(one))))


def _before(found: Rhythm | None) -> Iterator[str]:
    if found is not None and found.found:
        yield f"it looks as if it was encoded before, with key frames every {found.period} frames"


def _timed(found: times.Steps) -> Iterator[str]:
    yield times.sentence(found)
    if found.hidden:
        yield f"{found.hidden} more frames lie in the file and are not shown (edit list)"


def _sealed(clip: Clip) -> str:
    said = dict(clip.tags).get("C2PA", "")
    return f"C2PA manifest: {_short(said)}" if said else "no C2PA manifest"


def _statements(clip: Clip, inside: Inside, found: Sequence[Writer], rhythm: Rhythm | None) -> Iterator[Statement]:
    """Everything in detail: name, value, and what it means or where the pattern comes from."""
    yield from _declared(clip)
    yield from _named(found, writers.device(inside.tags))
    yield from _built(clip, inside.anatomy)
    for one in inside.encoders:
        yield from _settings(one)
    if joined := encoder.joined(inside.encoders):
        yield Statement("Lines of encoders", f"{sum(one.times for one in inside.encoders)}", joined)
    if not inside.encoders:
        told = f"its description says {inside.coded_by}" if inside.coded_by else ""
        yield Statement("Encoder", "unknown: the stream names none", told)
    yield from _grouped(inside)
    yield _twice(rhythm)
    yield from _steps(inside.steps)


def _declared(clip: Clip) -> Iterator[Statement]:
    for one in clip.declared:
        yield Statement("Declares itself", one.statement, f"in {one.where}" + (f"; {one.tool}" if one.tool else ""))
    said = [(name, value) for name, value in clip.tags if name.startswith("C2PA")]
    for name, value in said:
        yield Statement(name, value)
    if not said:
        yield Statement("C2PA", "no manifest", "which says nothing: most files have none, and it is easily removed")


PLACES = {
    "encoder": "Writer, by its tag",
    "software": "Software, by its tag",
    "handler": "Writer, by the name of a track",
    "brands": "Writer, by the brands",
    "codec": "Encoder, by the pictures' description",
    "key": "Writer, by the tags it uses",
    "text": "Writer, by a text",
}


def _named(found: Sequence[Writer], device: str) -> Iterator[Statement]:
    """Who gives itself away where."""
    if device:
        yield Statement("Make and model, by tags", device, "what the device wrote of itself, or whoever wrote the tags")
    if writers.last(found) is None:
        yield Statement("Written by", UNKNOWN)
    for one in found:
        told = f"{one.kind}: {one.who} (source: {one.source})" if one.who else "unknown here"
        yield Statement(PLACES[one.where], one.text, told)


def _built(clip: Clip, anatomy: Anatomy | None) -> Iterator[Statement]:
    """The container's anatomy."""
    if anatomy is None:
        yield Statement("Container", clip.container, "its anatomy is not read here")
        return
    if anatomy.doctype:
        yield Statement("Document type", anatomy.doctype)
    if anatomy.brands:
        major, version, *others = anatomy.brands
        yield Statement("Brands", f"{major} (version {version}); compatible: {', '.join(others) or 'none'}")
    for name, order in (("Boxes, in order", anatomy.top), ("Boxes of the index (moov)", anatomy.inner)):
        if order:
            yield Statement(name, " ".join(order))
    if anatomy.damage:
        yield Statement("Boxes that could not be read", anatomy.damage)
    for number, track in enumerate(anatomy.tracks, 1):
        yield _track(number, track)


def _track(number: int, track: Track) -> Statement:
    edits = "; ".join(map(_edit, track.edits)) or "none"
    name = f"“{track.name}”" if track.name else "without a name"
    told = f"boxes: {' '.join(track.boxes)}"
    return Statement(f"Track {number}", f"{track.handler}, {name}; edit list: {edits}", told)


def _edit(one: Edit) -> str:
    if one.start_s is None:
        return f"nothing for {one.duration_s:.3f} s"
    rate = "" if one.rate == 1 else f" at {one.rate:g} times its speed"
    return f"{one.duration_s:.3f} s from {one.start_s:.3f} s on{rate}"


def _settings(one: Encoder) -> Iterator[Statement]:
    at = "in the header" if one.first_s is None else f"at {one.first_s:.3f} s"
    told = f"stands {at}" + (f", and {one.times - 1} more times" if one.times > 1 else "")
    yield Statement("Encoder, by its own line", _named_encoder(one), told)
    if settings := encoder.preset(one):
        yield Statement("Encoder settings", settings, "the whole line stands in the stream")


def _grouped(inside: Inside) -> Iterator[Statement]:
    found = inside.groups
    yield Statement("Key frames", f"{found.keys:,}: {gop.interval(found)}")
    types, of = gop.pattern(found), f"of the first {len(found.types)} frames"
    yield Statement("Frame types, as shown", types or "unknown: none could be decoded", of if types else "")
    quantisers = gop.quantisers(found)
    yield Statement(
        "Quantisers, mean (range)",
        quantisers or "unknown: the decoder tells none for this codec",
        f"{found.scale}, higher is coarser; of the same frames" if quantisers else "",
    )


def _twice(found: Rhythm | None) -> Statement:
    """What the prediction says of an earlier encode."""
    name = "Signs of double compression"
    if found is None:
        return Statement(name, "unknown", "looked for in progressive H.264 with 20 P-frames or more")
    if not found.found:
        return Statement(name, "none found", "which says little: most clips that were encoded twice show none")
    told = f"the prediction falters every {found.period} frames, in {found.hits} of {found.places} places"
    return Statement(
        name, told, f"as where key frames of an earlier encode lay (z = {found.z:.1f}; Vázquez-Padín 2012)"
    )


def _steps(found: times.Steps) -> Iterator[Statement]:
    """Timestamps, where they stumble and what an edit list hides."""
    usual = f"{1000 * found.usual_s:.3f} ms from frame to frame" if found.usual_s else ""
    yield Statement("Timestamps", times.sentence(found), usual)
    if found.gap_count and not found.variable:
        yield Statement("Gaps", _places(found.gaps, found.gap_count), "after the frame at this time")
    if found.repeat_count:
        yield Statement("Repeated times", _places(found.repeats, found.repeat_count), "two frames at one time")
    if found.back:
        yield Statement("Decoding times that do not grow", f"{found.back}", "as where streams were joined")
    if found.hidden:
        yield Statement(
            "Frames that are not shown", f"{found.hidden}", "an edit list leaves them out of what lies in the file"
        )


def _places(told: Sequence[tuple[float, float]], count: int) -> str:
    """`1.200 s (0.320 s long), 4.000 s (1.000 s long) and 3 more`."""
    listed = ", ".join(f"{at:.3f} s" + (f" ({step:.3f} s long)" if step else "") for at, step in told)
    return listed + (f" and {count - len(told)} more" if count > len(told) else "")


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}…"
