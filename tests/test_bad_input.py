"""Does every bad input get one sentence and its documented exit status, and do the others still get their answer?"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import psutil
import pytest

from conftest import moving_picture, write_video
from sightcheck.media import Encoding, encode

COMMAND = str(Path(sys.executable).with_name("sightcheck"))
ARGUMENTS = (COMMAND, "video", "--json", "--detector", "footprint")

Maker = Callable[[Path, Path], object]


def call(*arguments: str | bytes | Path, command: tuple[str, ...] = ARGUMENTS) -> tuple[int, str, list[str]]:
    """Exit status, standard output, lines of standard error."""
    done = subprocess.run([*command, *map(os.fsencode, arguments)], capture_output=True, timeout=60)
    error = done.stderr.decode()
    assert "Traceback" not in error
    return done.returncode, done.stdout.decode(), error.splitlines()


def answered(output: str) -> list[dict[str, Any]]:
    reports: list[dict[str, Any]] = json.loads(output)["reports"]
    return reports


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("good") / "good.mp4", moving_picture())


def zero_frames(path: Path, good: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", 10, width=160, height=96)
        stream.pix_fmt = "yuv420p"
        container.start_encoding()
    assert path.stat().st_size > 100


def encrypted(path: Path, good: Path) -> None:
    key = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": "0f" * 16, "encryption_kid": "1e" * 16}
    copied(path, good, key)


def copied(path: Path, good: Path, options: dict[str, str]) -> None:
    with av.open(str(good)) as source, av.open(str(path), "w", format="mp4", options=options) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.size:
                packet.stream = stream
                target.mux(packet)


def audio_only(path: Path, good: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", 44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def huge_h264(path: Path, good: Path) -> None:
    """One real frame whose sequence header then says 1024 x 512 macroblocks."""
    with av.open(str(path), "w", format="h264") as container:
        stream = container.add_stream("libx264", 10, width=64, height=64, options={"profile": "baseline"})
        stream.pix_fmt = "yuv420p"
        container.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    start = data.index(b"\0\0\0\1\x67") + 5
    end = data.index(b"\0\0\1", start)
    bits = "".join(f"{byte:08b}" for byte in data[start:end].rstrip(b"\0").replace(b"\0\0\3", b"\0\0"))
    at = 24  # profile, constraints, level; then exponential Golomb codes
    for _ in range(4):  # id, frame number bits, order count type 2, reference frames
        at = bits.index("1", at) * 2 - at + 1
    at += 1
    first = at
    for _ in range(2):
        at = bits.index("1", at) * 2 - at + 1
    bits = bits[:first] + "".join(f"{side:b}".zfill(2 * side.bit_length() - 1) for side in (1024, 512)) + bits[at:]
    bits = bits.ljust(-(-len(bits) // 8) * 8, "0")
    unit = int(bits, 2).to_bytes(len(bits) // 8, "big")
    path.write_bytes(data[:start] + re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", unit) + data[end:])


def huge_jpeg(path: Path, good: Path) -> None:
    """A container that says 64x64 around a JPEG that says 16384x8192."""
    write_video(path, moving_picture(frames=2, width=64, height=64), "mjpeg", format="avi", pix_fmt="yuvj420p")
    path.write_bytes(
        re.sub(rb"(\xff\xc0\0\x11\x08)....", lambda found: found[1] + b"\x20\0\x40\0", path.read_bytes(), flags=re.S)
    )


def cut(share: float) -> Maker:
    def make(path: Path, good: Path) -> None:
        data = good.read_bytes()
        path.write_bytes(data[: int(share * len(data))])

    return make


def text(content: bytes) -> Maker:
    return lambda path, good: path.write_bytes(content)


REFUSED: dict[str, tuple[Maker, str]] = {
    "empty": (text(b""), "is empty"),
    "text": (text(b"Dear reader,\n" * 100), "is not a video"),
    "noise": (text(np.random.default_rng(0).bytes(5000)), "is not a video"),
    "m3u8": (text(b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"), "is not a video"),
    "concat": (text(b"ffconcat version 1.0\nfile /etc/passwd\n"), "is not a video"),
    "sdp": (text(b"v=0\no=- 0 0 IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"), "is not a video"),
    "jpeg": (text(b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(100)), "is not a video"),
    "cut in the first box": (lambda path, good: path.write_bytes(good.read_bytes()[:24]), "cannot be opened"),
    "cut at a third": (cut(0.33), "cannot be opened .*truncated"),
    "cut near the end": (cut(0.9), "truncated"),
    "zero frames": (zero_frames, "no (video stream|frame)|cannot be opened"),
    "audio only": (audio_only, "no video stream"),
    "huge gif": (
        text(b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\2\2L\1\0;"),
        "35 megapixels",
    ),
    "huge h264": (huge_h264, "16384x8192; the limit is 35 megapixels"),
    "huge jpeg": (huge_jpeg, "35 megapixels"),
    "encrypted": (encrypted, "is encrypted; decrypt it first"),
    "encrypted in an unknown way": (
        lambda path, good: path.write_bytes(good.read_bytes().replace(b"avc1", b"encv")),
        "encrypted or truncated",
    ),
    "folder": (lambda path, good: path.mkdir(), "not a regular file"),
    "missing": (lambda path, good: None, "No such file"),
    "fifo": (lambda path, good: os.mkfifo(path), "not a regular file"),
    "device": (lambda path, good: path.symlink_to("/dev/zero"), "not a regular file"),
    "loop of links": (lambda path, good: path.symlink_to(path.name), "symbolic links"),
    "terminal\x1b[31m\ncontrols": (text(b""), "is empty"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_file_gets_one_sentence(name: str, good: Path, tmp_path: Path) -> None:
    make, pattern = REFUSED[name]
    path = tmp_path / f"{name}.mp4"
    make(path, good)
    started = time.monotonic()
    status, output, lines = call(path)
    assert time.monotonic() - started < 10
    (line,) = lines
    shown = str(path).replace("\x1b", "\\x1b").replace("\n", "\\n")
    assert line.startswith(f"sightcheck: {shown}: ")
    assert re.search(pattern, line.removeprefix(f"sightcheck: {shown}: "))
    assert line.isprintable()
    assert status == 1
    assert not answered(output)
    (failed,) = json.loads(output)["failed"]
    assert f"sightcheck: {failed['path']}: {failed['error']}" == line


def test_an_unreadable_file(good: Path, tmp_path: Path) -> None:
    path = tmp_path / "secret.mp4"
    path.write_bytes(good.read_bytes())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user can read any file")
    status, _, (line,) = call(path)
    assert (status, "Permission denied" in line) == (1, True)


def frames(count: int, **options: Any) -> Maker:
    return lambda path, good: write_video(path, moving_picture(frames=count), **options)


def cut_in_the_pictures(path: Path, good: Path) -> None:
    """The index comes first, so what is left can be read."""
    copied(path, good, {"movflags": "faststart"})
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def two_sizes(path: Path, good: Path) -> None:
    parts = [moving_picture(frames=31), moving_picture(frames=31, width=128, height=80)]
    path.write_bytes(b"".join(packet for part in parts for packet in encode(part, Encoding())))


ANSWERED: dict[str, Maker] = {
    "one frame.mp4": frames(1),
    "13 frames.mp4": frames(13),
    "interlaced.mp4": frames(36, **{"x264-params": "tff=1"}),
    "10 bit.mp4": frames(36, pix_fmt="yuv420p10le"),
    "alpha.mov": frames(36, codec="prores_ks", pix_fmt="yuva444p10le"),
    "moving.gif": frames(36, codec="gif", pix_fmt="rgb8"),
    "two sizes.h264": two_sizes,
    "cut in the pictures.mp4": cut_in_the_pictures,
    "link.mp4": lambda path, good: path.symlink_to(good),
    "line\nbreak.mp4": lambda path, good: path.write_bytes(good.read_bytes()),
    "[bold]-brackets.mp4": lambda path, good: path.write_bytes(good.read_bytes()),
    "no utf-8 \udcff\udcfe.mp4": lambda path, good: path.write_bytes(good.read_bytes()),
    "photo of nothing.txt": lambda path, good: path.write_bytes(good.read_bytes()),
}


def test_odd_but_readable_files_are_answered(good: Path, tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ANSWERED]
    for path, make in zip(paths, ANSWERED.values(), strict=True):
        try:
            make(path, good)
        except OSError:
            pytest.skip("this file system does not hold such a name")
    status, output, lines = call(*paths, command=(COMMAND, "video", "--json"))
    told = [line for line in lines if not re.fullmatch(r"\d+/\d+ files", line)]  # how far it is, on a busy machine
    assert (status, told) == (0, [])
    reports = answered(output)
    assert len(reports) == len(paths)
    evidence = dict(zip(ANSWERED, (report["verdicts"][0]["evidence"] for report in reports), strict=True))
    for name, items in evidence.items():
        if name not in ("one frame.mp4", "13 frames.mp4"):
            assert any(item["score"] is not None for item in items), name
    one = evidence["one frame.mp4"]
    assert {item["method"] for item in one if item["score"] is not None} == {"frames"}, "what needs one frame alone"
    told = [" ".join(item["limits"]) for item in one if item["log10_lr"] is not None]
    assert all("outside" in limits for limits in told), "on what it hardly depends, at most"
    assert reports[0]["verdicts"][0]["answer"] == "undecided"
    assert any("changes its size" in limit for item in evidence["two sizes.h264"] for limit in item["limits"])


def test_good_files_are_answered_beside_bad_ones(good: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    files = [tmp_path / "empty.mp4", good, tmp_path, good, tmp_path / "missing.mp4"]
    status, output, lines = call(*files)
    assert (status, len(lines), len(answered(output))) == (1, 3, 2)
    assert [one["path"] for one in json.loads(output)["failed"]] == [str(files[0]), str(files[2]), str(files[4])]
    status, output, lines = call(*files, command=(COMMAND, "video", "--detector", "footprint"))
    assert (status, len(lines), output.count("Is this video synthetic?")) == (1, 3, 2)


@pytest.mark.parametrize("arguments", [("video",), ("video", "--no-such"), ("video", "x.mp4", "--detector", "nobody")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    status, output, _ = call(*arguments, command=(COMMAND,))
    assert (status, output) == (2, "")


def test_standard_input_may_be_closed(good: Path) -> None:
    status, output, lines = call(good, command=("sh", "-c", 'exec "$@" <&-', "sh", *ARGUMENTS))
    assert (status, lines, len(answered(output))) == (0, [], 1)


@pytest.mark.parametrize("where", [">&-", "> /dev/full"])
def test_an_answer_that_cannot_be_printed(where: str, good: Path) -> None:
    if "full" in where and not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    status, _, lines = call(good, command=("sh", "-c", f'exec "$@" {where}', "sh", *ARGUMENTS))
    assert (status, len(lines)) == (1, 1)
    assert "cannot" in lines[0]


@pytest.mark.parametrize("target", ["/dev/full", "{folder}", "{folder}/no/such/report.html"])
def test_a_report_that_cannot_be_written(target: str, good: Path, tmp_path: Path) -> None:
    if target == "/dev/full" and not os.path.exists(target):
        pytest.skip("there is no /dev/full")
    status, output, lines = call(good, "--html", target.format(folder=tmp_path))
    assert (status, len(lines), len(answered(output))) == (1, 1, 1)
    assert "could not be written" in lines[0]


def test_ctrl_c_stops_it_and_its_child(good: Path) -> None:
    process = subprocess.Popen([*ARGUMENTS, *[good] * 200], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    watched, children = psutil.Process(process.pid), []
    while not children and process.poll() is None:
        time.sleep(0.05)
        children = watched.children()
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=10)
    assert (process.returncode, output, error) == (130, b"", b"sightcheck: stopped\n")
    _, alive = psutil.wait_procs(children, timeout=5)
    assert not alive
