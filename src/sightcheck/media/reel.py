"""Is a clip decoded once, whoever measures it? A short one's frames stay in the child for what measures it next."""

import os
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from sightcheck.media.container import decode, opened, pixel_aspect, stated_fps

KEPT_BYTES = 256 << 20
"""Most memory that a clip's frames are kept in: 7 s of 1280x720 at 25 frames a second, 30 s of 640x360."""

Timed = tuple[float, VideoFrame]


class Reel:
    """An open clip, and the frames that were decoded of it where all of them fit in `most` bytes."""

    def __init__(self, container: InputContainer, stream: VideoStream, most: int = KEPT_BYTES) -> None:
        self.container, self.stream = container, stream
        self.rate, self.aspect, self.duration_s = stated_fps(stream), pixel_aspect(stream), _duration(container, stream)
        frames = stream.frames or self.duration_s * self.rate
        self.most = most
        self.kept = frames * stream.codec_context.width * stream.codec_context.height * 1.5 < most
        self._frames: list[Timed] = []
        self._bytes = 0
        self._rest = self._decoded()

    def close(self) -> None:
        """Let go of the frames now: the reel and its decoding hold each other, so nothing else frees them soon."""
        self.kept, self._frames = False, []
        self._rest.close()

    def go_to(self, start: float) -> bool:
        """Make `timed` begin near a time, at the key frame before it; False where the container cannot seek."""
        if self.kept:
            return True
        if self.container.format.name == "mpegts":  # has no index: libav goes to a time, not to the key frame before it
            start = max(0.0, start - 10)
        at = int(start / (self.stream.time_base or 1)) + (self.stream.start_time or 0)
        try:
            self.container.seek(at, stream=self.stream)
        except (av.FFmpegError, TypeError):
            return False
        return True

    def timed(self, start: float = 0.0) -> Iterator[Timed]:
        """(seconds since the start of the stream, frame) in display order, from a time on."""
        return (one for one in (self._again() if self.kept else self._decoded()) if one[0] >= start)

    def _decoded(self) -> Generator[Timed, None, None]:
        origin = float((self.stream.start_time or 0) * (self.stream.time_base or 0))
        for number, frame in enumerate(decode(self.container, self.stream)):
            yield (frame.time - origin if frame.time is not None else number / self.rate), frame

    def _again(self) -> Iterator[Timed]:
        """The frames that are kept, then the rest, which are kept in turn unless they are more than was stated."""
        yield from self._frames
        for one in self._rest:
            self._bytes += sum(plane.buffer_size for plane in one[1].planes)
            self.kept = self.kept and self._bytes <= self.most
            if self.kept:
                self._frames.append(one)
            else:
                self._frames = []
            yield one


@contextmanager
def reel(path: bytes) -> Iterator[Reel]:
    """A clip's reel, this thread's last one if it is of the same file. Raises as `opened` does."""
    last, identity = getattr(_here, "last", None), _identity(path)
    if last is not None and last[0] == identity and last[1].kept:
        yield last[1]
        return
    if last is not None:
        _here.last = None
        last[2].close()
    with ExitStack() as open_files:
        made = Reel(*open_files.enter_context(opened(path)))
        open_files.callback(made.close)
        yield made
        if made.kept:
            _here.last = identity, made, open_files.pop_all()


def _identity(path: bytes) -> tuple[int, ...]:
    """What tells a file from any other and from itself after a change; () where there is none."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _duration(container: InputContainer, stream: VideoStream) -> float:
    """Seconds, as the stream or (Matroska) the container states them; 0 where neither does."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return (container.duration or 0) / av.time_base


_here = threading.local()
