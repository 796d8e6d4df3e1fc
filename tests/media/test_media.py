"""Is a file told by its content, are its facts right, and are the right pixels measured at the right times?"""

import io
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from conftest import moving_picture, write_video
from sightcheck.media import Clip, Encoding, Sampling, Window, encode, look, sniff, windows
from sightcheck.media.frames import _sample

WHOLE = Sampling(frames=1000, fps=None, width=None, height=None, windows=1)
X265 = {"x265-params": "log-level=none", "preset": "ultrafast"}
VPX = {"deadline": "realtime"}


def facts(path: Path) -> Clip:
    return look(os.fsencode(path))


def read(path: Path, sampling: Sampling = WHOLE) -> list[Window]:
    return list(windows(os.fsencode(path), sampling))


def stamped(
    path: Path, yuv: np.ndarray, ticks: list[int], base: Fraction = Fraction(1, 1000), **stream: object
) -> Path:
    """Encode frames at the given times, with any attribute of the stream or its codec context set first."""
    with av.open(str(path), "w") as container:
        out = container.add_stream("libx264", 1 / base, width=yuv.shape[2], height=yuv.shape[1] * 2 // 3)
        out.pix_fmt, out.codec_context.time_base = "yuv420p", base
        for name, value in stream.items():
            method = getattr(out, name, None)
            method(value) if callable(method) else setattr(out.codec_context, name, value)
        for tick, picture in zip(ticks, yuv, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = tick, base
            container.mux(out.encode(frame))
        container.mux(out.encode(None))
    return path


def bright_top(frames: int = 6, width: int = 160, height: int = 96) -> np.ndarray:
    yuv = np.full((frames, height * 3 // 2, width), 128, np.uint8)
    yuv[:, :height] = 40
    yuv[:, : height // 4] = 220
    return yuv


@pytest.mark.parametrize(
    ("head", "container"),
    [
        (b"\0\0\0\x20ftypisom", "mov"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "mov"),
        (b"\x1aE\xdf\xa3", "matroska"),
        (b"RIFF\0\0\0\0AVI LIST", "avi"),
        (b"GIF89a", "gif"),
        ((b"\x47" + bytes(187)) * 3, "mpegts"),
        ((bytes(4) + b"\x47" + bytes(187)) * 3, "mpegts"),
        (b"\0\0\0\1\x67\x64", "h264"),
        (b"\0\0\1\x09\xf0", "h264"),
        (b"\0\0\0\1\x40\1", "hevc"),
        (b"#EXTM3U\n", None),
        (b"ffconcat version 1.0\n", None),
        (b"RIFF\0\0\0\0WAVE", None),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", None),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"<?xml version='1.0'?><MPD>", None),
        (b"", None),
    ],
)
def test_content_tells_the_container(head: bytes, container: str | None) -> None:
    assert sniff(head) == container


@pytest.mark.parametrize(
    ("name", "encoder", "options", "expected"),
    [
        ("clip.mp4", "libx264", {}, ("mov", "h264", "yuv420p")),
        ("clip.mkv", "libx264", {}, ("matroska", "h264", "yuv420p")),
        ("clip.webm", "libvpx-vp9", VPX, ("matroska", "vp9", "yuv420p")),
        ("clip.avi", "mpeg4", {}, ("avi", "mpeg4", "yuv420p")),
        ("clip.ts", "libx264", {"format": "mpegts"}, ("mpegts", "h264", "yuv420p")),
        ("clip.gif", "gif", {"pix_fmt": "rgb8"}, ("gif", "gif", "bgra")),
        ("av1.mp4", "libsvtav1", {"preset": "12"}, ("mov", "av1", "yuv420p")),
        ("ten.mp4", "libx264", {"pix_fmt": "yuv420p10le"}, ("mov", "h264", "yuv420p10le")),
        ("alpha.mov", "prores_ks", {"pix_fmt": "yuva444p10le"}, ("mov", "prores", "yuva444p12le")),
        ("alpha.webm", "libvpx-vp9", {"pix_fmt": "yuva420p", **VPX}, ("matroska", "vp9", "yuv420p")),
    ],
)
def test_facts_and_pictures_of_every_container_and_codec(
    name: str, encoder: str, options: dict[str, str], expected: tuple[str, ...], moving: np.ndarray, tmp_path: Path
) -> None:
    if encoder not in av.codecs_available:
        pytest.skip(f"this build of libav has no {encoder}")
    path = write_video(tmp_path / name, moving, encoder, **options)
    clip = facts(path)
    assert (clip.container, clip.codec, clip.pixel_format) == expected
    assert (clip.width, clip.height, clip.frames, clip.fps, clip.duration_s) == (160, 96, 36, 10.0, 3.6)
    assert clip.size_bytes == path.stat().st_size
    assert clip.timestamps
    assert not clip.variable_frame_rate
    (window,) = read(path)
    assert window.yuv.shape == moving.shape
    np.testing.assert_allclose(window.times_s, np.arange(36) / 10, atol=1e-6)
    error = np.abs(window.luma[::9].astype(float) - moving[::9, :96]).mean()
    assert error < 12, "the frames are those that were encoded, in their order"


@pytest.mark.parametrize(("encoder", "container", "options"), [("libx264", "h264", {}), ("libx265", "hevc", X265)])
def test_raw_streams_have_no_timestamps(
    encoder: str, container: str, options: dict[str, str], moving: np.ndarray, tmp_path: Path
) -> None:
    if encoder not in av.codecs_available:
        pytest.skip(f"this build of libav has no {encoder}")
    path = write_video(tmp_path / "clip", moving, encoder, format=container, **options)
    clip = facts(path)
    assert (clip.container, clip.codec, clip.frames, clip.timestamps) == (container, container, 36, False)
    assert clip.fps == 10.0, "the rate that the stream states, not libav's default"
    (window,) = read(path)
    assert np.abs(window.luma[::9].astype(float) - moving[::9, :96]).mean() < 12
    np.testing.assert_allclose(np.diff(window.times_s), 1 / clip.fps, atol=1e-6)


def test_sample_aspect_makes_square_pixels(moving: np.ndarray, tmp_path: Path) -> None:
    path = stamped(tmp_path / "wide.mp4", moving, [*range(0, 3600, 100)], sample_aspect_ratio=Fraction(2, 1))
    clip = facts(path)
    assert (clip.sample_aspect, clip.width, clip.height) == ("2", 320, 96)
    assert read(path)[0].luma.shape == (36, 96, 320)


def test_odd_sides_are_cut_to_even(tmp_path: Path) -> None:
    yuv = moving_picture(frames=4, width=642, height=362)
    with av.open(str(tmp_path / "odd.mp4"), "w") as container:
        stream = container.add_stream("libx264", 10, width=641, height=361)
        stream.pix_fmt = "yuv444p"
        for number, picture in enumerate(yuv):
            rgb = av.VideoFrame.from_ndarray(picture, format="yuv420p").to_ndarray(format="rgb24")[:361, :641]
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24").reformat(format="yuv444p")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    clip = facts(tmp_path / "odd.mp4")
    assert (clip.width, clip.height) == (641, 361)
    (window,) = read(tmp_path / "odd.mp4")
    assert window.luma.shape == (4, 360, 640)
    assert np.abs(window.luma.astype(float) - yuv[:, :360, :640]).mean() < 12
    (cropped,) = read(tmp_path / "odd.mp4", Sampling(windows=1))
    assert cropped.luma.shape[1:] == (192, 384)


def test_interlaced_is_said(moving: np.ndarray, tmp_path: Path) -> None:
    path = write_video(tmp_path / "fields.mp4", moving, **{"x264-params": "tff=1"})
    assert facts(path).interlaced
    assert "interlaced" in facts(path).notes[0]
    assert len(read(path)[0].yuv) == 36


def test_variable_rate_and_late_start_are_taken_from_timestamps(moving: np.ndarray, tmp_path: Path) -> None:
    ticks = [5000 + 40 * n + (400 if n >= 20 else 0) for n in range(36)]
    path = stamped(tmp_path / "vfr.mkv", moving, ticks)
    clip = facts(path)
    assert clip.variable_frame_rate
    assert "frame rate varies" in clip.notes[0]
    assert clip.duration_s == pytest.approx(36 * 0.04 + 0.4, abs=0.01)
    np.testing.assert_allclose(read(path)[0].times_s, (np.array(ticks) - ticks[0]) / 1000, atol=0.002)


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotation_is_honoured_in_pixels_and_in_the_still(degrees: int, tmp_path: Path) -> None:
    if not hasattr(av.VideoStream, "set_display_rotation"):
        pytest.skip("this PyAV cannot write a rotation")
    turned = np.rot90(bright_top()[0, :96], -degrees // 90)
    height, width = turned.shape
    chroma = np.full((6, height // 2, width), 128, np.uint8)
    yuv = np.concatenate([np.repeat(turned[None], 6, axis=0), chroma], axis=1)
    # The file holds the scene turned clockwise and says to turn it back, counter-clockwise.
    path = stamped(tmp_path / "turned.mov", yuv, [*range(0, 600, 100)], set_display_rotation=degrees)
    clip = facts(path)
    assert (clip.width, clip.height) == (160, 96)
    assert clip.rotation_deg % 360 == degrees
    (window,) = read(path)
    assert window.luma.shape == (6, 96, 160)
    with av.open(io.BytesIO(window.png)) as container:
        still = next(container.decode(video=0)).to_ndarray(format="gray")
    assert still.shape[1] > still.shape[0]
    for picture in (window.luma[0], still):
        rows = len(picture)
        assert picture[: rows // 5].mean() > 150 > 100 > picture[rows // 3 :].mean()


@pytest.mark.parametrize("fps", [10.0, 12.5, 24.0, 25.0, 29.97, 60.0, 144.0])
def test_sampling_takes_the_nearest_frame_to_each_tick(fps: float) -> None:
    timed = [(number / fps, number) for number in range(int(5 * fps))]
    taken = list(_sample(iter(timed), 10.0))  # type: ignore[arg-type]
    times = np.array([time for time, _ in taken])
    assert len({number for _, number in taken}) == len(taken), "no frame twice"
    assert len(taken) == pytest.approx(50, abs=1)
    away = np.abs(times - np.arange(len(times)) / 10)
    assert away[:-1].max() <= 0.5 / fps + 1e-9
    assert away[-1] <= 0.05, "the last tick may lie beyond the end"


def test_a_slow_clip_keeps_its_own_rate() -> None:
    timed = [(number / 4, number) for number in range(20)]
    assert list(_sample(iter(timed), 10.0)) == timed  # type: ignore[arg-type]


def test_jittered_times_give_no_frame_twice_and_stay_in_order() -> None:
    rng = np.random.default_rng(0)
    timed = [(float(time), number) for number, time in enumerate(np.cumsum(rng.exponential(1 / 24, 500)))]
    numbers = [number for _, number in _sample(iter(timed), 10.0)]  # type: ignore[arg-type]
    assert numbers == sorted(set(numbers))


def test_windows_are_back_to_back_when_they_fit(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.mp4", np.tile(moving_picture(), (3, 1, 1))[:100])
    found = read(path, Sampling(frames=24, fps=10.0, windows=12))
    assert [len(window.times_s) for window in found] == [24] * 4
    np.testing.assert_allclose(np.concatenate([w.times_s for w in found]), np.arange(96) / 10, atol=1e-6)


@pytest.mark.parametrize("name", ["long.mp4", "long.mkv", "long.ts", "long.gif"])
def test_windows_are_spread_over_a_long_clip(name: str, tmp_path: Path) -> None:
    yuv = np.tile(moving_picture(), (12, 1, 1))
    gif = name.endswith("gif")
    path = write_video(tmp_path / name, yuv, "gif" if gif else "libx264", pix_fmt="rgb8" if gif else "yuv420p", g="25")
    found = read(path, Sampling(frames=10, fps=10.0, width=None, height=None, windows=5))
    starts = [window.times_s[0] for window in found]
    np.testing.assert_allclose(starts, np.linspace(0, 43.2 - 1.1, 5), atol=0.11)
    for window in found:
        at = round(window.times_s[0] * 10)
        assert np.abs(window.luma[0].astype(float) - yuv[at, :96]).mean() < 12, "seeking lands on the frame it says"
        np.testing.assert_allclose(np.diff(window.times_s), 0.1, atol=1e-6)


def test_the_crop_lies_on_the_macroblock_grid(tmp_path: Path) -> None:
    yuv = moving_picture(frames=2, width=200, height=120)
    path = write_video(tmp_path / "clip.mp4", yuv)
    (window,) = read(path, Sampling(frames=2, fps=None, width=96, height=64, windows=1))
    assert window.luma.shape == (2, 64, 96)
    top, left = (120 - 64) // 2 // 16 * 16, (200 - 96) // 2 // 16 * 16
    cut = yuv[:, top : top + 64, left : left + 96].astype(float)
    assert np.abs(window.luma - cut).mean() < 5
    (small,) = read(path, Sampling(frames=2, fps=None, windows=1))
    assert small.luma.shape == (2, 112, 192), "a picture smaller than the crop keeps its whole macroblocks"


def test_a_stream_of_unknown_length_is_read_window_by_window(tmp_path: Path) -> None:
    path = write_video(tmp_path / "clip.h264", np.tile(moving_picture(), (3, 1, 1)), format="h264")
    found = read(path, Sampling(frames=24, fps=10.0, windows=12))
    np.testing.assert_allclose(np.concatenate([w.times_s for w in found]), np.arange(96) / 10, atol=1e-6)


def test_frames_of_another_size_are_left_out_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "two.h264"
    parts = [moving_picture(frames=8), moving_picture(frames=5, width=128, height=80)]
    path.write_bytes(b"".join(packet for part in parts for packet in encode(part, Encoding())))
    (window,) = read(path)
    assert window.luma.shape == (8, 96, 160)
    assert window.other_size == 5
    assert (facts(path).width, facts(path).height) == (160, 96)


PEAK = """
import os, resource, sys
from sightcheck.media import Sampling, look, windows
look(os.fsencode(sys.argv[1]))
assert sum(1 for _ in windows(os.fsencode(sys.argv[1]), Sampling())) == int(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="no resource usage on this system")
    short = write_video(tmp_path / "short.mkv", moving_picture(frames=36, width=384, height=192), preset="ultrafast")
    long = tmp_path / "long.mkv"
    with av.open(str(short)) as source, av.open(str(long), "w") as target:
        stream = source.streams.video[0]
        out = target.add_stream_from_template(stream)
        packets = [(packet.pts, packet.dts, bytes(packet)) for packet in source.demux(stream) if packet.size]
        keys = {packet.pts for packet in av.open(str(short)).demux(video=0) if packet.is_keyframe}
        for lap in range(500):
            for pts, dts, data in packets:
                packet = av.Packet(data)
                shift = int(lap * 3.6 / stream.time_base)
                packet.pts, packet.dts, packet.time_base, packet.stream = (
                    pts + shift,
                    dts + shift,
                    stream.time_base,
                    out,
                )
                packet.is_keyframe = pts in keys
                target.mux(packet)
    assert facts(long).duration_s == pytest.approx(1800, rel=0.01)
    peak = [
        int(subprocess.check_output([sys.executable, "-c", PEAK, str(path), windows]))
        for path, windows in ((short, "1"), (long, "12"))
    ]
    assert peak[1] <= 1.2 * peak[0]
