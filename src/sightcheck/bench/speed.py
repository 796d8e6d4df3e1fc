"""How fast, and in how much memory? Each number beside its limit, measured in the same run.

Run `make bench`, or `python -m sightcheck.bench.speed [CLIP] [--json]`; without a clip the frames are made by code.
Seconds are medians over alternating runs, with the least and the most; nothing here fails a build.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from sightcheck.bench import speed_photo
from sightcheck.media import Encoding, Sampling, encode, windows
from sightcheck.video import fewshot, linear
from sightcheck.video.footprint import as_it_is, recoded

ROUNDS = 5
CLIPS = 16
JOBS = 4
# Linux's own figure for this process image: getrusage's would count what the parent held before it started this.
PEAK = """
import re, sys
from sightcheck.media import Sampling, look
from sightcheck.video import traces
look(sys.argv[1].encode())
traces.measure(sys.argv[1].encode(), Sampling())
print(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1])
"""


@dataclass(frozen=True)
class Row:
    """One measurement; `goal` in words, `spread` the least and the most where it was measured several times."""

    name: str
    value: float | None
    unit: str
    goal: str = ""
    spread: tuple[float, float] | None = None

    def __str__(self) -> str:
        value = "not measured" if self.value is None else f"{self.value:.2f} {self.unit}"
        spread = f" [{self.spread[0]:.2f}, {self.spread[1]:.2f}]" if self.spread else ""
        return f"{self.name:<58}{value + spread:<28}{self.goal}".rstrip()


def main(*arguments: str) -> None:
    """Print the table, a row as soon as it is measured; with --json one document at the end."""
    clip = next((one for one in arguments if one != "--json"), None)
    whole = Sampling(frames=30, fps=None, width=None, height=None, windows=1)
    yuv = next(windows(clip.encode(), whole)).yuv if clip else texture(30, 1024, 512)
    title = f"{len(yuv)} frames of {yuv.shape[2]}x{yuv.shape[1] * 2 // 3}, {ROUNDS} alternating runs"
    rows = []
    for row in measurements(yuv):
        rows.append(row)
        if "--json" not in arguments:
            print(f"{title}\n\n{row}" if len(rows) == 1 else row, flush=True)
    if "--json" in arguments:
        print(json.dumps({"clip": title, "rows": [asdict(row) for row in rows]}, indent=2))


def measurements(yuv: NDArray[np.uint8]) -> Iterator[Row]:
    """Everything that is measured, in order."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for crf in (0, 23, 40):
            yield from extraction(folder, yuv, Encoding(crf=crf))
        yield from memory(folder)
        yield from cold(folder, yuv)
        for name, value, unit, goal in speed_photo.measurements(folder):
            yield Row(name, value, unit, f"goal: {goal}" if goal else "")
        yield jobs(folder)
        yield from training(folder)


def extraction(folder: Path, yuv: NDArray[np.uint8], encoding: Encoding) -> Iterator[Row]:
    """Footprint extraction against a bare encode of the same frames, and against encode, decode and parse.

    Both routes hold the same encode, so the second ratio cannot pass 1 + (decode and parse) / encode.
    """
    path = folder / "clip.h264"

    def two_pass() -> NDArray[np.int32]:
        path.write_bytes(b"".join(encode(yuv, encoding)))
        return as_it_is(str(path).encode(), len(yuv)).counts

    assert np.array_equal(two_pass(), recoded(yuv, encoding).counts), "both routes must count the same"
    bare, ours, theirs = alternate(lambda: bare_encode(yuv, encoding), lambda: recoded(yuv, encoding), two_pass)
    quality = f"CRF {encoding.crf}"
    for what, seconds in (("bare encode", bare), ("extraction", ours), ("encode, decode, parse", theirs)):
        yield Row(f"{quality}: {what}", statistics.median(seconds), "s", "", (min(seconds), max(seconds)))
    for what, one, other, goal in (
        ("extraction / bare encode", ours, bare, "goal: at most 1.15"),
        ("encode, decode, parse / extraction", theirs, ours, "goal: at least 2"),
    ):
        yield Row(f"{quality}: {what}", statistics.median(one) / statistics.median(other), "times", goal)


def bare_encode(yuv: NDArray[np.uint8], encoding: Encoding) -> None:
    """libx264 on the same frames in the same settings, and nothing else."""
    codec = av.CodecContext.create("libx264", "w")
    codec.width, codec.height = yuv.shape[2], yuv.shape[1] * 2 // 3
    codec.pix_fmt, codec.time_base, codec.framerate = "yuv420p", 1 / encoding.rate, encoding.rate
    codec.thread_count = 1
    codec.options = {"preset": encoding.preset, "crf": str(encoding.crf), "x264-params": encoding.x264(None)}
    for number, picture in enumerate(yuv):
        frame = VideoFrame.from_ndarray(picture, format="yuv420p")
        frame.pts, frame.time_base, frame.pict_type = number, codec.time_base, PictureType.NONE
        codec.encode(frame)
    codec.encode(None)


def alternate(*functions: Callable[[], object]) -> list[list[float]]:
    """Run functions in turn, ROUNDS times after one warm-up -> the seconds of each."""
    seconds: list[list[float]] = [[] for _ in functions]
    for number in range(ROUNDS + 1):
        for at, function in enumerate(functions):
            started = time.perf_counter()
            function()
            if number:
                seconds[at].append(time.perf_counter() - started)
    return seconds


def memory(folder: Path) -> Iterator[Row]:
    """Peak memory of a fresh process that describes and measures a 10-second and a 60-minute clip."""
    if not Path("/proc/self/status").exists():
        yield Row("peak memory", None, "MiB", "read from Linux's /proc")
        return
    peaks = []
    for name, seconds in (("10 seconds", 10), ("60 minutes", 3600)):
        path = written(folder / f"{seconds}.mp4", seconds * 10, 320, 240, 10)
        output = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
        peaks.append(int(output.stdout) / 1024)
        yield Row(f"peak memory, clip of {name}", peaks[-1], "MiB")
    yield Row("peak memory, 60 minutes / 10 seconds", peaks[1] / peaks[0], "times", "goal: at most 1.2")


def cold(folder: Path, yuv: NDArray[np.uint8]) -> Iterator[Row]:
    """Whole commands, each in a new process."""
    path = folder / "cold.mp4"
    write(path, iter(yuv), yuv.shape[2], yuv.shape[1] * 2 // 3, 30)
    command = str(Path(sys.executable).with_name("sightcheck"))
    for words, goal in (([command, "--help"], "0.5"), ([command, "video", str(path)], "4")):
        (seconds,) = alternate(partial(subprocess.run, words, capture_output=True, check=True))
        spread = min(seconds), max(seconds)
        yield Row(f"sightcheck {words[1]}, new process", statistics.median(seconds), "s", f"goal: under {goal}", spread)


def jobs(folder: Path) -> Row:
    """JOBS clips asked about one after another, and the same clips two at a time: whole commands, in turn."""
    paths = [written(folder / f"job{number}.mp4", 24, 384, 192, 10, seed=number) for number in range(JOBS)]
    command = [sys.executable, "-m", "sightcheck", "video", *map(str, paths), "--json", "--jobs"]
    one, two = alternate(*(partial(subprocess.run, [*command, n], capture_output=True, check=True) for n in "12"))
    ratios = [together / alone for alone, together in zip(one, two, strict=True)]
    ratio, spread = statistics.median(ratios), (min(ratios), max(ratios))
    return Row(f"{JOBS} clips, --jobs 2 / --jobs 1", ratio, "times", "goal: at most 0.59 on two idle cores", spread)


def training(folder: Path) -> Iterator[Row]:
    """F-SVM taught from CLIPS clips, extraction included, against one epoch of Xception on as many frames."""
    paths = [written(folder / f"{number}.mp4", 31, 320, 192, 10, seed=number) for number in range(CLIPS)]
    started = time.perf_counter()
    readings = [fewshot.read(str(path).encode(), fewshot.canonical(30, 23)).vector for path in paths]
    vectors = np.stack([vector for vector in readings if vector is not None])
    linear.fit("footprint", vectors, np.arange(CLIPS) % 2 == 0, [path.name for path in paths])
    ours = time.perf_counter() - started
    yield Row(f"F-SVM, {CLIPS} clips, extraction included", ours, "s")
    if find_spec("torch") is None or find_spec("timm") is None:
        yield Row("one epoch of Xception", None, "s", "torch or timm is not installed")
        return
    code = XCEPTION.format(frames=30 * CLIPS)
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    theirs = float(output.stdout)
    yield Row("one epoch of Xception on as many frames", theirs, "s")
    yield Row("one epoch of Xception / F-SVM", theirs / ours, "times")


XCEPTION = """
import time, timm, torch
model = timm.create_model("legacy_xception", pretrained=False, num_classes=2)
optimiser = torch.optim.Adam(model.parameters(), 2e-4)
started, done = time.perf_counter(), 0
while done < {frames}:
    optimiser.zero_grad()
    loss = torch.nn.functional.cross_entropy(model(torch.randn(24, 3, 299, 299)), torch.randint(0, 2, (24,)))
    loss.backward()
    optimiser.step()
    done += 24
print(time.perf_counter() - started)
"""


def texture(frames: int, width: int, height: int, seed: int = 0) -> NDArray[np.uint8]:
    """(T, 3H/2, W) uint8 planar 4:2:0: a textured scene that pans, with sensor-like noise."""
    return np.stack(list(pictures(frames, width, height, seed)))


def pictures(frames: int, width: int, height: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """The frames of `texture`, one at a time."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(height // 4 + 40, width // 4 + 40)).cumsum(0).cumsum(1)
    scene = np.kron((coarse - coarse.min()) / np.ptp(coarse) * 200 + 20, np.ones((4, 4)))
    chroma = np.full((height // 2, width), 128.0)
    for number in range(frames):
        left = 2 * number % 128
        luma = scene[left : left + height, left : left + width] + rng.normal(0, 2, (height, width))
        yield np.concatenate([luma, chroma]).clip(0, 255).astype(np.uint8)


def written(path: Path, frames: int, width: int, height: int, fps: int, seed: int = 0) -> Path:
    """Write a made clip."""
    write(path, pictures(frames, width, height, seed), width, height, fps)
    return path


def write(path: Path, frames: Iterator[NDArray[np.uint8]], width: int, height: int, fps: int) -> None:
    """Frames -> an MP4, quickly."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", fps, width=width, height=height, options={"preset": "ultrafast"})
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(frames):
            frame = VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


if __name__ == "__main__":
    main(*sys.argv[1:])
