"""What is in this file? Its container, its codec, its packets; what it says of itself.

Containers are told by their first bytes, never by name; libav gets an open file and no way to open another.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO
from xml.parsers import expat

import av
import msgspec
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from sightcheck import sandbox
from sightcheck.errors import Damaged, NotAFile, NotMedia, OverLimit
from sightcheck.media.declared import Declaration, declarations

MAX_PIXELS = 8192 * 4320
MAX_FRAMES = 2_000_000
MAX_DURATION_S = 24 * 3600.0
TRANSFERS = {16: "PQ", 18: "HLG"}
"""Transfer characteristics of high dynamic range by their number in ITU-T H.273."""
ATTACHED = Disposition.attached_pic | Disposition.timed_thumbnails | Disposition.still_image
STILLS = {"mjpeg", "png", "bmp", "gif", "webp", "tiff"}
"""Codecs of cover art and previews."""

MPEG_CODECS = {"h264", "hevc", "mpeg1video", "mpeg2video", "mpeg4", "h263"}
OTHER_CODECS = {"vp8", "libvpx", "vp9", "libvpx-vp9", "av1", "libdav1d", "mjpeg", "gif", "prores", "ffv1"}
DECODERS = MPEG_CODECS | OTHER_CODECS


class Clip(msgspec.Struct, frozen=True, tag_field="kind", tag="video"):
    """A video file: its identity and what it says of itself. Sizes are upright, in square pixels.

    `fps` is the mean rate of the timestamps, 0 where there are fewer than two frames; `timestamps` is False for raw
    streams, whose times are counted at the stated rate. `tags` are the file's own claims, unverified. `transfer`: PQ or
    HLG, "" for tones of common range; `declared`: where the file says that it is synthetic.
    """

    path: str
    sha256: str
    size_bytes: int
    container: str
    codec: str
    profile: str
    pixel_format: str
    width: int
    height: int
    rotation_deg: int
    sample_aspect: str
    frames: int
    duration_s: float
    fps: float
    variable_frame_rate: bool
    interlaced: bool
    timestamps: bool
    bit_rate: float
    tags: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    transfer: str = ""
    declared: tuple[Declaration, ...] = ()


def sniff(head: bytes) -> str | None:
    """First 512 bytes -> libav's name of an allowed container, or None. Playlists and scripts are never allowed."""
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"):
        return "mov"
    if head.startswith(b"\x1aE\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] in (b"AVI ", b"AVIX"):
        return "avi"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if any(len(head) > 2 * step + at and {head[at + k * step] for k in range(3)} == {0x47} for step, at in PACKETS):
        return "mpegts"
    start = head.find(b"\x00\x00\x01", 0, 4)
    if start >= 0 and len(head) > start + 4:
        unit, next_byte = head[start + 3], head[start + 4]
        if unit in (0x40, 0x42, 0x46) and next_byte == 1:
            return "hevc"
        if unit & 0x1F in (6, 7, 9) and not unit & 0x80:
            return "h264"
    return None


PHOTOS = (b"\xff\xd8\xff", b"\x89PNG", b"II*\0", b"MM\0*")
HEIC = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif")
"""Brands of photos in the container that videos have too."""
NOT_OPENED = {
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": "Windows Media, WMV",
    b"FLV": "Flash video, FLV",
    b"\x00\x00\x01\xba": "MPEG program stream, MPG or VOB",
    b"\x00\x00\x01\xb3": "MPEG video",
    b"\x00\x00\x01\xb0": "MPEG-4 video",
    b"\x1f\x07\x00": "DV",
    b"\x3f\x07\x00": "DV",
    b"\x1f\x07\x80": "DV",
    b"\x9f\x07\x00": "DV",
    b"\xbf\x07\x00": "DV",
    b"OggS": "Ogg, OGV",
    b".RMF": "RealMedia",
    b"\x06\x0e\x2b\x34": "MXF",
    b"DKIF": "IVF",
    b"YUV4MPEG2": "raw video, Y4M",
}
"""First bytes of containers that are known and not opened."""
SOUND = (b"ID3", b"fLaC", b"#!AMR", b"MThd", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2", b"\xff\xf1", b"\xff\xf9")
"""First bytes of MP3, FLAC, AMR, MIDI and AAC."""
PACKETS = ((188, 0), (192, 4))  # (packet length, offset of the sync byte) of MPEG-TS and M2TS


def _why_not(head: bytes) -> str:
    """First bytes that are no allowed container's -> the sentence that says what they are."""
    if head.startswith(PHOTOS) or (head.startswith(b"RIFF") and head[8:12] == b"WEBP"):
        return "is not a video but a photo; ask `sightcheck photo` about it"
    for start, name in NOT_OPENED.items():
        if head.startswith(start):
            return f"is a video or sound in a format that is not opened here ({name}); convert it to MP4 first"
    if head.startswith(SOUND) or (head.startswith(b"RIFF") and head[8:12] == b"WAVE"):
        return "is audio, not a video"
    return "is not a video: its first bytes are not MP4/MOV, Matroska/WebM, AVI, MPEG-TS, GIF, H.264 or HEVC"


def look(path: bytes) -> Clip:
    """Hash a file, read its packets, decode its first frame: what it is. Raises InputError."""
    from sightcheck.media import truncation

    with _regular_file(path) as file:
        size, sha256 = os.fstat(file.fileno()).st_size, _sha256(file)
    with opened(path) as (container, stream):
        times, stamped = _packet_times(container, stream)
        missing = truncation.frames_missing(stream, times)
    with opened(path) as (container, stream):
        first = next(decode(container, stream), None)
        if first is None:
            raise Damaged(
                "has no frame that can be decoded: it is truncated, encrypted, empty or "
                f"over {MAX_PIXELS / 1e6:.0f} megapixels a frame"
            )
        shape = _shape(first, container, stream)
        stated = [*container.metadata.items(), *stream.metadata.items(), *_stated(stream).items()]
        deep = max(part.bits for part in first.format.components) > 8
    with _regular_file(path) as file:
        tags, declared = _said(file, shape["container"], stated)
        missing = missing or truncation.bytes_missing(file, shape["container"])
    gaps = np.diff(times)
    varies = bool(len(gaps) and gaps.max() > 1.5 * max(float(np.median(gaps)), 1e-9))
    duration = float(times[-1] - times[0] + np.median(gaps)) if len(gaps) else 0.0
    if duration > MAX_DURATION_S:
        raise OverLimit(f"it lasts {duration / 3600:.0f} hours; the limit is {MAX_DURATION_S / 3600:.0f}")
    notes = {
        "interlaced: its fields are measured together, as frames": shape["interlaced"],
        "its frame rate varies: frames are chosen by their timestamps": varies,
        "it carries no timestamps: times are counted at the rate it states": not stamped,
        "deeper than 8 bits: measured in 8": deep,
        f"high dynamic range ({shape['transfer']}): its tones are measured as they are coded": shape["transfer"],
        missing: missing,
    }
    return Clip(
        path=os.fsdecode(path).encode("utf-8", "backslashreplace").decode(),
        sha256=sha256,
        size_bytes=size,
        frames=len(times),
        duration_s=round(duration, 6),
        fps=round(len(gaps) / float(times[-1] - times[0]), 6) if len(gaps) and times[-1] > times[0] else 0.0,
        variable_frame_rate=varies,
        timestamps=stamped,
        bit_rate=round(8 * size / duration, 3) if duration else 0.0,
        tags=tags,
        declared=declared,
        notes=tuple(note for note, holds in notes.items() if holds),
        **shape,
    )


def _shape(first: VideoFrame, container: InputContainer, stream: VideoStream) -> dict[str, Any]:
    """How the pictures are coded: the fields of a Clip that the first frame and its stream settle."""
    width, height = _display_size(first, stream)
    return {
        "container": container.format.name,
        "codec": stream.codec_context.codec.canonical_name,
        "profile": stream.codec_context.profile or "",
        "pixel_format": first.format.name,
        "width": width,
        "height": height,
        "rotation_deg": first.rotation,
        "sample_aspect": str(stream.sample_aspect_ratio or "1"),
        "interlaced": first.interlaced_frame,
        "transfer": TRANSFERS.get(int(first.color_trc), ""),
    }


def _said(
    file: BinaryIO, container: str, tags: list[tuple[str, str]]
) -> tuple[tuple[tuple[str, str], ...], tuple[Declaration, ...]]:
    """The container's tags, its XMP and its seal -> the claims of a Clip, by name, and what it declares itself."""
    from sightcheck.media.credentials import credentials
    from sightcheck.media.tags import MAX_TAGS, flattened, limited

    found = [(name, value) for name, value in tags if name != "xmp"]
    packet = dict(tags).get("xmp", "")
    try:
        found += [(f"XMP {name}", value) for name, value in flattened(packet.encode())]
    except (ValueError, expat.ExpatError):
        found.append(("XMP", "damaged, and passed over"))
    found += credentials(file, container.split(",")[0])
    pairs = [(str(key), str(value)) for key, value in found]
    # of two tags of one name the stream's is shown, and whatever declares something
    said = sorted({*dict(pairs).items(), *(pair for pair in pairs if declarations([pair]))})
    return tuple((key, limited(value)) for key, value in said[:MAX_TAGS]), declarations(said)


@contextmanager
def opened(path: bytes) -> Iterator[tuple[InputContainer, VideoStream]]:
    """Open a file's container and its video stream; raises NotAFile, NotMedia, Damaged or OverLimit."""
    with _regular_file(path) as file, _open(file) as container:
        yield container, _video_stream(container)


def decode(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Frames in display order; packets that cannot be decoded are passed over. Raises OverLimit on huge frames."""
    codec = stream.codec_context
    if not codec.is_open:  # it is after a seek
        codec.options = {**codec.options, "max_pixels": str(MAX_PIXELS)}
        codec.thread_count, codec.thread_type = 1, "NONE"
    for packet in _packets(container, stream):
        try:
            frames = packet.decode()
        except av.FFmpegError:
            continue
        for frame in frames:
            if frame.width * frame.height > MAX_PIXELS:
                raise OverLimit(
                    f"a frame is {frame.width}x{frame.height}; the limit is {MAX_PIXELS / 1e6:.0f} megapixels"
                )
            sandbox.step()
            yield frame


def _regular_file(path: bytes) -> BinaryIO:
    """Open a regular file for reading, never a device, pipe or folder."""
    try:
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise NotAFile(f"cannot be opened: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotAFile("is not a regular file; give the path of a video file")
    return os.fdopen(handle, "rb")


def _sha256(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while block := file.read(1 << 22):
        digest.update(block)
        sandbox.step()
    file.seek(0)
    return digest.hexdigest()


def _open(file: BinaryIO) -> InputContainer:
    """Open an allowed container on an open file; nested opens are refused."""
    from sightcheck.media import truncation

    head = file.read(512)
    file.seek(0)
    if not head:
        raise NotMedia("is empty; give a video file")
    name = sniff(head)
    if name is None:
        raise NotMedia(_why_not(head))
    if head[4:8] == b"ftyp" and head[8:12] in HEIC:
        raise NotMedia("is not a video but a photo; ask `sightcheck photo` about it")
    try:
        return av.open(
            file,
            "r",
            format=name,
            options={"codec_whitelist": ",".join(sorted(DECODERS)), "max_pixels": str(MAX_PIXELS), "export_xmp": "1"},
            metadata_errors="replace",
            io_open=_refuse,
        )
    except (av.FFmpegError, ValueError) as error:
        why = truncation.index_missing(file) if name == "mov" else ""
        cut = truncation.bytes_missing(file, name) or "it may be truncated"
        raise Damaged(why or f"looks like {name} but cannot be opened ({_reason(error)}); {cut}") from None


def _refuse(*_: Any) -> BinaryIO:
    raise PermissionError("a video may not open other files")


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__


def _video_stream(container: InputContainer) -> VideoStream:
    """The stream that a player shows, its codec allowed and its stated size within limits.

    Cover art, previews and thumbnails are not it. Raises NotMedia, OverLimit.
    """
    moving = [one for one in container.streams.video if not one.disposition & ATTACHED]
    if not moving and container.streams.audio:
        raise NotMedia(
            "is audio: it holds sound and "
            + ("a cover picture, " if container.streams.video else "")
            + "no video stream"
        )
    if not moving:
        raise NotMedia("has no video stream that can be read: it holds something else, or is truncated")
    known = [one for one in moving if one.codec_context is not None] or moving
    best = [one for one in known if one.codec_context and one.codec_context.name not in STILLS] or known
    stream = max(best, key=_prominence)
    codec = stream.codec_context
    if codec is None:
        raise NotMedia("is coded in a way that is unknown here, encrypted or truncated")
    if codec.name not in DECODERS:
        raise NotMedia(f"is coded as {codec.name}, which is not read here")
    if codec.width * codec.height > MAX_PIXELS:
        raise OverLimit(f"is {codec.width}x{codec.height}; the limit is {MAX_PIXELS / 1e6:.0f} megapixels a frame")
    return stream


def _prominence(stream: VideoStream) -> tuple[bool, int]:
    """Of several streams, players show the default one, else the largest."""
    codec = stream.codec_context
    return bool(stream.disposition & Disposition.default), codec.width * codec.height if codec else 0


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Any]:
    """Packets of a stream up to the end or to the first place that cannot be read."""
    try:
        for number, packet in enumerate(container.demux(stream)):
            if number > MAX_FRAMES:
                raise OverLimit(f"has more than {MAX_FRAMES} frames")
            yield packet
    except av.FFmpegError:
        return


def _packet_times(container: InputContainer, stream: VideoStream) -> tuple[NDArray[np.float64], bool]:
    """Presentation times (n,) in seconds, sorted, without decoding; and whether the stream states them."""
    stamps, count = [], 0
    for packet in _packets(container, stream):
        if packet.size and not packet.is_discard:  # an edit list may leave frames out
            if packet.has_sidedata("encryption_info"):
                raise Damaged("is encrypted; decrypt it first")
            count += 1
            stamps += [packet.pts] if packet.pts is not None else []
            sandbox.step()
    if len(stamps) == count and stream.time_base:
        return np.sort(np.array(stamps, float)) * float(stream.time_base), True
    return np.arange(count) / stated_fps(stream), False


def stated_fps(stream: VideoStream) -> float:
    """The frame rate that the stream states, 25 where it states none."""
    # libav's average for a raw stream is its own default
    average = None if stream.container.format.name in ("h264", "hevc") else stream.average_rate
    rate = average or stream.guessed_rate or stream.base_rate
    return float(rate) if rate else 25.0


def _stated(stream: VideoStream) -> dict[str, str]:
    """The stream's stated frame rate, as one more claim of the file."""
    return {"stated_frame_rate": f"{stated_fps(stream):.6g}"}


def _display_size(frame: VideoFrame, stream: VideoStream) -> tuple[int, int]:
    """Width and height after sample aspect and rotation."""
    width, height = round(frame.width * pixel_aspect(stream)), frame.height
    return (height, width) if frame.rotation % 180 else (width, height)


def pixel_aspect(stream: VideoStream) -> float:
    """Sample aspect ratio, 1 where unset or absurd."""
    ratio = float(stream.sample_aspect_ratio or 1)
    return ratio if 0.25 <= ratio <= 4 else 1.0
