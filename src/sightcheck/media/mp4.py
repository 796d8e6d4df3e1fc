"""How do frames become a clip? One way to write an MP4, so that clips of one size differ in their pictures alone."""

from collections.abc import Iterable
from fractions import Fraction
from typing import IO

import av
import numpy as np
from av.video.frame import PictureType, VideoFrame
from numpy.typing import NDArray

from sightcheck.errors import Damaged

MAX_DENOMINATOR = 1001


def write(
    to: str | IO[bytes],
    frames: Iterable[tuple[int, NDArray[np.uint8]]],
    fps: float,
    options: dict[str, str],
    clock: Fraction | None = None,
) -> None:
    """Frames, each with its time in ticks of `clock` s, (3H/2, W) uint8 planar 4:2:0, H and W even -> H.264 in MP4.

    `options` are libx264's; a tick is the time of one frame where no clock is given. One thread. Raises OSError,
    Damaged where there is no frame.
    """
    rate = Fraction(fps).limit_denominator(MAX_DENOMINATOR)
    tick, stream = clock or 1 / rate, None
    with av.open(to, "w", format="mp4") as container:
        for ticks, picture in frames:
            if stream is None:
                stream = container.add_stream("libx264", rate, options=options)
                stream.width, stream.height, stream.pix_fmt = picture.shape[1], len(picture) * 2 // 3, "yuv420p"
                stream.codec_context.time_base, stream.codec_context.thread_count = tick, 1
            frame = VideoFrame.from_ndarray(picture, format="yuv420p")
            frame.pts, frame.time_base, frame.pict_type = ticks, tick, PictureType.NONE
            container.mux(stream.encode(frame))
        if stream is None:
            raise Damaged("has no frame that can be decoded")
        container.mux(stream.encode(None))
