"""Is what a file says of how it was made told as it stands there, never weighed, and unknown where it is unknown?"""

import dataclasses
import re
from fractions import Fraction
from pathlib import Path

import av
import msgspec
import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck import ask, sandbox
from sightcheck.media import look
from sightcheck.report.report import to_html, to_text
from sightcheck.verdict import Evidence, Statement, weigh_video
from sightcheck.video.detectors import detector
from sightcheck.video.stated import encoder, gop, times, writers
from sightcheck.video.stated.file import File
from sightcheck.video.stated.reading import Inside, read

STILL = re.compile(r"still names")


def examined(path: Path) -> Evidence:
    return File().examine(sandbox.run(look, bytes(path)), bytes(path))


def inside(path: Path) -> Inside:
    return sandbox.run(read, bytes(path))


def named(evidence: Evidence, name: str) -> list[Statement]:
    return [one for one in evidence.statements if one.name == name]


def joined(path: Path, *parts: Path, left_out: range = range(0), **tags: str) -> Path:
    """The streams of files one after another, copied as they are; `left_out`: packets that are not."""
    with av.open(str(path), "w") as out:
        out.metadata.update(tags)
        stream, offset, number = None, 0, -1
        for part in parts:
            with av.open(str(part)) as container:
                source = container.streams.video[0]
                stream = stream or out.add_stream_from_template(source)
                end = 0
                for packet in container.demux(source):
                    if packet.dts is None or packet.pts is None:
                        continue
                    number += 1
                    end = max(end, packet.pts + (packet.duration or 0))
                    if number not in left_out:
                        packet.pts, packet.dts, packet.stream = packet.pts + offset, packet.dts + offset, stream
                        out.mux(packet)
                offset += end
    return path


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 frames at 25 a second without B-frames, a key frame every 10."""
    options = {"bf": "0", "g": "10", "sc_threshold": "0", "crf": "20"}
    return write_video(tmp_path_factory.mktemp("plain") / "plain.mp4", moving_picture(40), fps=25, **options)


def test_a_file_of_ffmpegs_is_told_in_one_sentence(plain: Path) -> None:
    found = examined(plain)
    assert re.fullmatch(
        r"Written by FFmpeg or a program built on it \(Lavf[\d.]+\); the encoder names itself: x264 core \d+.*, CRF 20"
        r"; key frames stand every 10 frames; timestamps are even; no C2PA manifest\.",
        found.sentence,
    )
    assert (found.score, found.log10_lr) == (None, None)
    assert [one.value for one in named(found, "Boxes, in order")] == ["ftyp free mdat moov"]
    assert named(found, "Key frames")[0].value == "4: key frames stand every 10 frames"


def test_it_is_shown_and_never_weighed(clip: Path) -> None:
    report = ask.video(clip, ["footprint", "file"])
    footprint, file = report.verdicts[0].evidence
    assert file.method == "file"
    assert weigh_video([footprint]).answer == report.verdicts[0].answer
    assert weigh_video([file]).answer == "undecided"
    assert detector("file") == File()


def test_text_page_and_json_tell_the_statements(clip: Path) -> None:
    report = ask.video(clip, "file")
    assert "Boxes, in order: ftyp" in to_text(report, 200)
    page = to_html([report])
    assert "What that means, or how it is known" in page
    assert "Boxes of the index (moov)" in page
    assert "Beside the claim" not in page
    (evidence,) = report.to_dict()["verdicts"][0]["evidence"]
    assert {"name", "value", "comparison", "agrees"} == set(evidence["statements"][0])


def test_a_declaration_of_being_synthetic_leads(tmp_path: Path, clip: Path) -> None:
    path = joined(tmp_path / "made.mp4", clip, comment="Made with Google AI")
    report = ask.video(path, "file")
    (found,) = report.verdicts[0].evidence
    assert found.sentence.startswith("It declares itself made by generative AI; written by FFmpeg")
    assert found.statements[0].name == "Declares itself"
    assert to_text(report, 200).splitlines()[1].startswith("The file declares itself made by generative AI")
    assert report.verdicts[0].answer == "undecided", "what a file says of itself is not weighed"


def test_a_seal_is_told_as_it_was_checked(clip: Path) -> None:
    seal = (("C2PA", "found, signature valid, signer Someone"), ("C2PA tool", "a camera"))
    looked = msgspec.structs.replace(sandbox.run(look, bytes(clip)), tags=seal)
    found = File().examine(looked, bytes(clip))
    assert found.sentence.endswith("; C2PA manifest: found, signature valid, signer Someone.")
    assert [(one.name, one.value) for one in found.statements[:2]] == list(seal)


def test_unknown_is_said_as_unknown(tmp_path: Path) -> None:
    path = write_video(tmp_path / "raw.264", moving_picture(6), format="h264", **{"x264-params": "repeat-headers=1"})
    data = path.read_bytes()
    found = examined(path)
    assert b"x264" in data
    assert found.sentence.startswith("What wrote it is unknown; the encoder names itself: x264")
    assert "carry no timestamps" in found.sentence
    assert named(found, "Written by")[0].value == "unknown: no known pattern tells"
    assert named(found, "Container")[0].comparison == "its anatomy is not read here"


def test_quantisers_that_the_decoder_does_not_tell_are_unknown(tmp_path: Path) -> None:
    found = examined(write_video(tmp_path / "a.avi", moving_picture(6), codec="mjpeg", pix_fmt="yuvj420p"))
    assert found.sentence.startswith("Written by FFmpeg or a program built on it (Lavf")
    assert "; every frame is a key frame; " in found.sentence
    assert named(found, "Quantisers, mean (range)")[0].value.startswith("unknown")


def test_parts_with_other_settings_were_joined(tmp_path: Path, plain: Path) -> None:
    other = write_video(tmp_path / "other.mp4", moving_picture(20, seed=1), fps=25, bf="0", crf="30")
    found = inside(joined(tmp_path / "two.mp4", plain, other))
    assert [encoder.quality(one) for one in found.encoders] == ["CRF 20", "CRF 30"]
    assert [one.first_s for one in found.encoders] == [0.0, pytest.approx(1.6)]
    assert "with different settings" in encoder.joined(found.encoders)
    assert "with different settings" in examined(tmp_path / "two.mp4").sentence


def test_one_line_twice_is_told_as_either(tmp_path: Path, plain: Path) -> None:
    found = inside(joined(tmp_path / "twice.mp4", plain, plain))
    assert [one.times for one in found.encoders] == [2]
    assert "stands more than once" in encoder.joined(found.encoders)
    assert not encoder.joined(inside(plain).encoders)


def test_x265_names_itself_in_its_header(tmp_path: Path) -> None:
    params = {"x265-params": "log-level=none:crf=31:keyint=6:scenecut=0"}
    path = write_video(tmp_path / "a.mp4", moving_picture(12), codec="libx265", **params)
    (line,) = inside(path).encoders
    assert (line.name, encoder.quality(line), line.first_s) == ("x265", "CRF 31", None)
    assert "keyint=6" in encoder.preset(line)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("rc=crf mbtree=1 crf=23.0 qcomp=0.60", "CRF 23"),
        ("rc=crf mbtree=1 crf=23.5", "CRF 23.5"),
        ("rc=2pass mbtree=1 bitrate=1500", "1500 kbit/s on average, in two passes"),
        ("rc=abr bitrate=800", "800 kbit/s on average"),
        ("rc=cbr bitrate=800", "800 kbit/s constant"),
        ("rc=cqp mbtree=0 qp=20", "QP 20"),
        ("", ""),
    ],
)
def test_rate_control_is_told_in_words(options: str, told: str) -> None:
    known: dict[str, encoder.Encoder] = {}
    encoder.add(
        known, b"\0\0\1\x06\x05" + b"x264 - core 164 r3095 baee400 - H.264 - options: " + options.encode() + b"\0", 0.0
    )
    (line,) = known.values()
    assert (line.version, encoder.quality(line)) == ("core 164 r3095 baee400", told)


def test_hostile_lines_are_bounded() -> None:
    known: dict[str, encoder.Encoder] = {}
    encoder.add(known, b"x264 - core 1" + b"a=b " * 100_000, 0.0)
    for number in range(200):
        encoder.add(known, b"x264 - core %d" % number, 0.0)
    encoder.add(known, b"x265 (build 1 options: ===== =", None)
    assert len(known) == encoder.MOST
    assert max(map(len, known)) < 4000


def test_gaps_and_hidden_frames_are_found(tmp_path: Path, plain: Path) -> None:
    path = joined(tmp_path / "gap.mp4", plain, left_out=range(15, 20))
    found = inside(path).steps
    assert (found.frames, found.gap_count, found.repeat_count, found.uneven) == (35, 1, 0, 0)
    assert found.gaps == ((0.56, 0.24),)
    evidence = examined(path)
    assert "timestamps have 1 gap" in evidence.sentence
    assert named(evidence, "Gaps")[0].value == "0.560 s (0.240 s long)"


TICK = 1 / 1000


@pytest.mark.parametrize(
    ("ticks", "told"),
    [
        ([0, 33, 67, 100, 133, 167, 200], "timestamps are even"),
        ([0, 40, 80, 80, 120, 160, 200, 240], "timestamps have 1 repeated time"),
        ([*range(0, 1000, 40), *range(1500, 2500, 40)], "timestamps have 1 gap"),
        ([0, 40, 80, 120, 160, 200, 240, 280, 320, 360, 400, 450, 490], "timestamps have 1 slightly uneven step"),
        ([0, 40, 100, 120, 210, 250, 280, 380], "the frame rate varies"),
        ([0, 40], "too few frames to say how the timestamps run"),
        ([None, 40, 80], "the frames carry no timestamps of their own"),
    ],
)
def test_steps_are_told_in_words(ticks: list[int | None], told: str) -> None:
    assert times.sentence(times.steps(ticks, [], TICK)) == told


def test_decoding_times_that_jump_back_are_counted() -> None:
    assert times.steps([0, 40, 80], [0, 40, 20, 60, 60], TICK).back == 2
    assert times.steps([], [], 0.0).frames == 0


def test_frames_that_an_edit_list_hides_are_counted(tmp_path: Path, plain: Path) -> None:
    data = plain.read_bytes()
    at = data.index(b"elst") + 12
    (start,) = np.frombuffer(data[at + 4 : at + 8], ">i4")
    clock = 25 * 512  # FFmpeg's ticks a second for 25 frames a second
    path = tmp_path / "trimmed.mp4"
    path.write_bytes(data[: at + 4] + np.array([start + clock * 8 // 25], ">i4").tobytes() + data[at + 8 :])
    found = examined(path)
    assert inside(path).steps.hidden == 8
    assert "8 more frames lie in the file and are not shown" in found.sentence


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ([True] + [False] * 9, "only the first frame is a key frame"),
        ([True, False, False] * 4, "key frames stand every 3 frames"),
        ([True, False, False, True, False, True, False], "key frames stand 2 to 3 frames apart"),
        ([True, False, True, False, False, False], "key frames stand 2 to 4 frames apart"),
        ([True] * 5, "every frame is a key frame"),
        ([False] * 5, "no frame is marked as a key frame"),
    ],
)
def test_key_frames_are_told_in_words(keys: list[bool], told: str) -> None:
    assert gop.interval(gop.groups(keys, "", (), "h264")) == told


def test_coarser_encodes_have_higher_quantisers(tmp_path: Path) -> None:
    means = []
    for crf in ("18", "35"):
        path = write_video(tmp_path / f"{crf}.mp4", moving_picture(20), crf=crf, bf="2")
        found = inside(path).groups
        assert found.types[0] == "I"
        assert set(found.types) == {"I", "P", "B"}
        assert [one.frame_type for one in found.quantisers] == ["I", "P", "B"]
        means.append(found.quantisers[0].mean)
        assert "% B-frames" in gop.pattern(found)
    assert means[0] + 10 < means[1]


FACTS = [
    (("encoder", "Lavf58.76.100"), "FFmpeg or a program built on it"),
    (("handler", "VideoHandle"), "Android's MP4 writer"),
    (("handler", "GPAC ISO Video Handler"), "GPAC (MP4Box)"),
    (("handler", "L-SMASH Video Handler"), "L-SMASH, as in x264's own program"),
    (("encoder", "Chrome"), "a browser of the Chromium family"),
    (("brands", "isom 512 isom iso2 avc1 mp41"), "FFmpeg or a program built on it"),
]


@pytest.mark.parametrize(("fact", "who"), FACTS)
def test_known_writers_are_named(fact: tuple[str, str], who: str) -> None:
    (found,) = writers.writers([fact])
    assert (found.who, found.text) == (who, fact[1])
    assert writers.last([found]) == found


@pytest.mark.parametrize(
    "fact", [("brands", "mp42 0 isom"), ("key", "title"), ("text", "my holiday"), ("codec", "H.264")]
)
def test_what_no_pattern_knows_names_nobody(fact: tuple[str, str]) -> None:
    assert writers.writers([fact]) == ()


def test_an_unknown_program_is_quoted_and_known_to_nobody() -> None:
    found = writers.writers([("encoder", "SomeTool 9")])
    assert [(one.text, one.who) for one in found] == [("SomeTool 9", "")]
    assert writers.last(found) is None


def test_a_name_that_several_writers_give_their_tracks_decides_nothing() -> None:
    found = writers.writers([("handler", "VideoHandler"), ("brands", "mp42 0 mp41 isom")])
    assert [one.text for one in found] == ["VideoHandler"]
    assert writers.last(found) is None
    assert writers.earlier(writers.writers([("encoder", "HandBrake 1.6"), ("handler", "VideoHandler")])) == ()


def test_every_pattern_has_a_source_and_a_place() -> None:
    for one in writers.patterns():
        assert one.where in writers.PLACES
        assert all((one.kind, one.who, one.source))


def test_what_an_earlier_writer_left_is_told(tmp_path: Path, plain: Path) -> None:
    data = plain.read_bytes()
    path = tmp_path / "anew.mp4"
    path.write_bytes(data.replace(b"VideoHandler\0", b"VideoHandle\0\0"))
    assert "it still names Android's MP4 writer" in examined(path).sentence
    assert not STILL.search(examined(plain).sentence)


def test_a_device_is_named(tmp_path: Path, plain: Path) -> None:
    tags = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.model": "iPhone 6"}
    with (
        av.open(str(tmp_path / "a.mov"), "w", options={"movflags": "use_metadata_tags"}) as out,
        av.open(str(plain)) as src,
    ):
        out.metadata.update(tags)
        stream = out.add_stream_from_template(src.streams.video[0])
        for packet in src.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
    found = examined(tmp_path / "a.mov")
    assert "it names the device Apple iPhone 6" in found.sentence
    assert named(found, "Make and model, by tags")[0].value == "Apple iPhone 6"


def test_a_variable_frame_rate_has_no_gaps(tmp_path: Path) -> None:
    path = tmp_path / "vfr.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 25, width=160, height=96, options={"bf": "0"})
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 1000)
        for number, picture in enumerate(moving_picture(20)):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number * 40 + 10 * (number % 3), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert inside(path).steps.variable
    assert not named(examined(path), "Gaps")


def test_a_file_that_vanishes_is_said_to(clip: Path) -> None:
    found = File().examine(sandbox.run(look, bytes(clip)), b"/nowhere/a.mp4")
    assert "could not be read: it cannot be opened" in found.sentence
    assert found.statements == ()


def test_the_reading_is_the_same_twice(clip: Path) -> None:
    assert dataclasses.asdict(examined(clip)) == dataclasses.asdict(examined(clip))
