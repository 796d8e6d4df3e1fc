"""Which picture of a file is the video, and how much of it is there?"""

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition

from conftest import moving_picture, write_video
from sightcheck.errors import Damaged, NotMedia
from sightcheck.media import look


def still(width: int = 64, height: int = 64) -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(np.full((height, width, 3), 200, np.uint8), format="rgb24")


def with_cover(path: Path, moving: bool = True, first: bool = True, attached: bool = True, sound: bool = False) -> Path:
    """A file with a cover picture and, unless told otherwise, a video of 96x64."""
    with av.open(str(path), "w", format="mp4") as container:
        streams = {}

        def cover() -> None:
            streams["cover"] = container.add_stream("mjpeg", 1, width=640, height=480)
            streams["cover"].pix_fmt = "yuvj420p"
            if attached:
                streams["cover"].disposition = Disposition.attached_pic

        if first:
            cover()
        if moving:
            streams["video"] = container.add_stream("libx264", 10, width=96, height=64, options={"crf": "20"})
            streams["video"].pix_fmt = "yuv420p"
        if not first:
            cover()
        if sound:
            streams["sound"] = container.add_stream("aac", 44100)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts = 44100, 0
            container.mux(streams["sound"].encode(frame))
            container.mux(streams["sound"].encode(None))
        container.mux(streams["cover"].encode(still(640, 480).reformat(format="yuvj420p")))
        container.mux(streams["cover"].encode(None))
        if moving:
            for number, yuv in enumerate(moving_picture(12, 96, 64)):
                one = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
                one.pts, one.time_base = number, Fraction(1, 10)
                container.mux(streams["video"].encode(one))
            container.mux(streams["video"].encode(None))
    return path


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("attached", [True, False])
def test_a_cover_or_preview_is_not_the_video(first: bool, attached: bool, tmp_path: Path) -> None:
    clip = look(bytes(with_cover(tmp_path / "a.mp4", first=first, attached=attached)))
    assert (clip.codec, clip.width, clip.height, clip.frames) == ("h264", 96, 64, 12)


def test_sound_with_a_cover_is_audio(tmp_path: Path) -> None:
    path = with_cover(tmp_path / "a.m4a", moving=False, sound=True)
    with pytest.raises(NotMedia, match="is audio: it holds sound and a cover picture"):
        look(bytes(path))


def boxes(data: bytes) -> dict[bytes, tuple[int, int]]:
    """Name of each top-level box -> where it starts and how long it is."""
    found, at = {}, 0
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        found[data[at + 4 : at + 8]] = (at, length)
        at += length
    return found


def test_a_clip_without_its_end_says_how_much_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "whole.mp4"
    with av.open(str(path), "w", format="mp4", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", 10, width=160, height=96, options={"crf": "20", "bf": "0"})
        stream.pix_fmt = "yuv420p"
        for number, yuv in enumerate(moving_picture(40)):
            one = av.VideoFrame.from_ndarray(yuv, format="yuv420p")
            one.pts, one.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(one))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    start, length = boxes(data)[b"mdat"]
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: start + length // 2])
    clip = look(bytes(cut))
    (told,) = (note for note in clip.notes if "truncated" in note)
    missing = 40 - clip.frames
    assert 5 < missing < 35
    assert f"{missing} of 40 frames are missing, the last" in told
    assert "of 4.0 s" in told
    assert not [note for note in look(bytes(path)).notes if "truncated" in note]


def test_a_clip_without_its_index_says_how_many_bytes_are_missing(tmp_path: Path) -> None:
    data = write_video(tmp_path / "whole.mp4", moving_picture(20)).read_bytes()
    start, length = boxes(data)[b"mdat"]
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(data[: start + length - 100])
    with pytest.raises(Damaged, match=r"truncated: at least 100 of [\d,]+ bytes are missing"):
        look(bytes(cut))
    cut.write_bytes(data[: start + length])
    with pytest.raises(Damaged, match=r"its index .moov. is missing"):
        look(bytes(cut))


def test_an_edit_list_gives_the_frames_that_a_player_shows(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", moving_picture(30), g="30", bf="0")
    cut = tmp_path / "cut.mp4"
    with av.open(str(whole)) as source, av.open(str(cut), "w", format="mp4") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                shift = int(1.0 / packet.time_base)  # the first ten frames lie before time 0
                packet.pts, packet.dts, packet.stream = packet.pts - shift, packet.dts - shift, copy
                target.mux(packet)
    clip = look(bytes(cut))
    assert clip.frames == 20
    assert not [note for note in clip.notes if "truncated" in note]


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.avi", "mpeg4")])
def test_a_file_of_another_container_says_how_many_bytes_are_missing(name: str, codec: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / name, moving_picture(40), codec)
    assert not [note for note in look(bytes(path)).notes if "truncated" in note]
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 9 // 10])
    (told,) = (note for note in look(bytes(path)).notes if "truncated" in note)
    assert told == f"truncated: at least {len(data) - len(data) * 9 // 10:,} of {len(data):,} bytes are missing"
    path.write_bytes(data[:100])
    with pytest.raises(Damaged, match=r"missing|truncated"):
        look(bytes(path))


def test_what_lies_behind_the_last_box_is_not_missing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", moving_picture(12))
    with path.open("ab") as file:
        file.write(b"\0\0\x23\xc9\0\x004Y" + bytes(100))
    assert look(bytes(path)).notes == ()


def test_a_recording_of_unstated_length_lacks_nothing(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", moving_picture(12))
    data = path.read_bytes()
    at = data.index(bytes.fromhex("18538067")) + 4
    path.write_bytes(data[:at] + b"\x01" + b"\xff" * 7 + data[at + 8 :])
    assert not [note for note in look(bytes(path)).notes if "truncated" in note]


@pytest.mark.parametrize("start", [b"ID3\4", b"fLaC\0", b"\xff\xfb\x90", b"\xff\xf1\x50", b"RIFF\0\0\1\0WAVEfmt "])
def test_sound_is_said_to_be_sound(start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(start + bytes(2000))
    with pytest.raises(NotMedia, match="is audio, not a video"):
        look(bytes(path))


@pytest.mark.parametrize(("number", "name"), [(16, "PQ"), (18, "HLG"), (1, "")])
def test_high_dynamic_range_is_named(number: int, name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 10, width=96, height=64)
        stream.pix_fmt = "yuv420p"
        stream.codec_context.color_trc = number
        for yuv in moving_picture(4, 96, 64):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(yuv, format="yuv420p")))
        container.mux(stream.encode(None))
    clip = look(bytes(path))
    assert clip.transfer == name
    assert any("high dynamic range" in note for note in clip.notes) == bool(name)


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMV"), (b"FLV\x01", "FLV"), (b"\0\0\x01\xba\x44", "MPG"),
        (b"\0\0\x01\xb3\x16", "MPEG"), (b"\x1f\x07\0\x3f", "DV"), (b"OggS\0\x02", "OGV"),
    ],
)  # fmt: skip
def test_known_formats_that_are_not_opened_are_named(start: bytes, name: str, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(start + bytes(2000))
    with pytest.raises(NotMedia, match=f"video or sound in a format that is not opened here .*{name}.*convert it"):
        look(bytes(path))


def test_a_moving_jpeg_is_a_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.avi", moving_picture(8), codec="mjpeg", pix_fmt="yuvj420p")
    assert (look(bytes(path)).codec, look(bytes(path)).frames) == ("mjpeg", 8)
