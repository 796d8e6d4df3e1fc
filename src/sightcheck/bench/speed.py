"""How fast, and in how much memory? Each number beside its limit, measured in the same run.

Run `make bench`, or `python -m sightcheck.bench.speed [CLIP]`; without a clip the frames are made by code. Ratios are
medians over alternating runs; nothing here fails a build.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from sightcheck.media import Encoding, Sampling, encode, windows
from sightcheck.video import fewshot
from sightcheck.video.footprint import as_it_is, recoded

ROUNDS = 5
CLIPS = 16
PEAK = """
import resource, sys
from sightcheck.media import Sampling
from sightcheck.video import traces
traces.measure(sys.argv[1].encode(), Sampling())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main(clip: str | None = None) -> None:
    """Print the table, a line as soon as it is measured."""
    whole = Sampling(frames=30, fps=None, width=None, height=None, windows=1)
    yuv = next(windows(clip.encode(), whole)).yuv if clip else texture(30, 1024, 512)
    height, width = yuv.shape[1] * 2 // 3, yuv.shape[2]
    print(f"{len(yuv)} frames of {width}x{height}; medians of {ROUNDS} alternating runs\n")
    for crf in (0, 23, 40):
        for line in extraction(yuv, Encoding(crf=crf)):
            print(line, flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for line in (*memory(Path(folder)), *cold(Path(folder), yuv), *training(Path(folder))):
            print(line, flush=True)


def extraction(yuv: NDArray[np.uint8], encoding: Encoding) -> Iterator[str]:
    """Footprint extraction against a bare encode of the same frames, and against encode, decode and parse."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.h264"

        def two_pass() -> None:
            path.write_bytes(b"".join(encode(yuv, encoding)))
            as_it_is(str(path).encode(), len(yuv))

        bare, ours, theirs = alternate(lambda: bare_encode(yuv, encoding), lambda: recoded(yuv, encoding), two_pass)
    yield f"CRF {encoding.crf}: extraction {ours:.2f} s, {ours / bare:.2f} times a bare encode (goal at most 1.15)"
    yield f"CRF {encoding.crf}: two-pass route {theirs:.2f} s, {theirs / ours:.2f} times extraction (goal at least 2)"


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


def alternate(*functions: Callable[[], object]) -> list[float]:
    """Run functions in turn, ROUNDS times after one warm-up -> the median seconds of each."""
    seconds: list[list[float]] = [[] for _ in functions]
    for number in range(ROUNDS + 1):
        for at, function in enumerate(functions):
            started = time.perf_counter()
            function()
            if number:
                seconds[at].append(time.perf_counter() - started)
    return [statistics.median(one) for one in seconds]


def memory(folder: Path) -> Iterator[str]:
    """Peak memory of a fresh process that measures a 10-second and a 60-minute clip."""
    peaks = []
    for name, seconds in (("10 seconds", 10), ("60 minutes", 3600)):
        path = written(folder / f"{seconds}.mp4", seconds * 10, 320, 240, 10)
        output = subprocess.run([sys.executable, "-c", PEAK, str(path)], capture_output=True, text=True, check=True)
        peaks.append(int(output.stdout) / 1024)
        yield f"memory on {name}: {peaks[-1]:.0f} MiB"
    yield f"memory on 60 minutes: {peaks[1] / peaks[0]:.2f} times that on 10 seconds (goal at most 1.2)"


def cold(folder: Path, yuv: NDArray[np.uint8]) -> Iterator[str]:
    """Whole commands, each in a new process."""
    path = folder / "cold.mp4"
    write(path, iter(yuv), yuv.shape[2], yuv.shape[1] * 2 // 3, 30)
    command = str(Path(sys.executable).with_name("sightcheck"))
    for arguments, goal in ((["--help"], 0.5), (["video", str(path)], 4.0)):
        started = time.perf_counter()
        for _ in range(ROUNDS):
            subprocess.run([command, *arguments], capture_output=True, check=True)
        seconds = (time.perf_counter() - started) / ROUNDS
        yield f"sightcheck {arguments[0]}, cold: {seconds:.2f} s (goal under {goal:g})"


def training(folder: Path) -> Iterator[str]:
    """F-SVM taught from CLIPS clips, extraction included, against one epoch of Xception on their frames."""
    paths = [written(folder / f"{number}.mp4", 31, 320, 192, 10, seed=number) for number in range(CLIPS)]
    started = time.perf_counter()
    readings = [fewshot.read(str(path).encode(), fewshot.PUBLISHED).vector for path in paths]
    vectors = np.stack([vector for vector in readings if vector is not None])
    fewshot.fit(fewshot.PUBLISHED, vectors, np.arange(CLIPS) % 2 == 0, [path.name for path in paths])
    ours = time.perf_counter() - started
    yield f"F-SVM, {CLIPS} clips, extraction included: {ours:.2f} s"
    if find_spec("torch") is None or find_spec("timm") is None:
        yield "one epoch of Xception: not measured, torch and timm are not installed"
        return
    code = XCEPTION.format(frames=30 * CLIPS)
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    theirs = float(output.stdout)
    yield f"one epoch of Xception on as many frames: {theirs:.0f} s, {theirs / ours:.0f} times as long"


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
    main(*sys.argv[1:2])
