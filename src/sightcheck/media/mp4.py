"""How do frames become a clip? One way to write an MP4, so that clips of one size differ in their pictures alone."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from sightcheck.media.encode import Encoding

MAX_DENOMINATOR = 1001


def write(path: Path, rgb: NDArray[np.uint8], fps: float, crf: int) -> None:
    """(T, H, W, 3) uint8, H and W even -> H.264 in MP4 at a constant rate, by the settings of media/encode.py.

    Chroma is made as BT.601, as media/pictures.py reads it. Raises OSError.
    """
    rate = Fraction(fps).limit_denominator(MAX_DENOMINATOR)
    with av.open(str(path), "w", format="mp4") as container:
        options = {"crf": str(crf), "preset": "medium", "x264-params": Encoding(crf).x264(None)}
        stream = container.add_stream("libx264", rate, options=options)
        stream.height, stream.width = rgb.shape[1:3]
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(rgb):
            planar = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420), np.uint8)
            frame = VideoFrame.from_ndarray(planar, format="yuv420p")
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
