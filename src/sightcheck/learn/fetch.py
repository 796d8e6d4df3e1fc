"""How does a full network get here? Fetched from its publisher, or given by hand, and turned into a model folder."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sightcheck import weights
from sightcheck.errors import BrokenInstallation, OutputError, OverLimit, UsageError

if TYPE_CHECKING:
    import httpx

Told = Callable[[float, str], None]

LARGEST = 300 * 2**20
"""Bytes beyond which nothing published here can be."""
ATTEMPTS = 5
CHUNK = 2**18


@dataclass(frozen=True)
class Published:
    """A network that its authors publish: torchvision's name of it, its address, about how many MB, its licence."""

    architecture: str
    address: str
    megabytes: int
    licence: str


_PLACES = "http://places2.csail.mit.edu/models_places365"
OFFICIAL = {
    "places365-resnet18": Published("resnet18", f"{_PLACES}/resnet18_places365.pth.tar", 45, "CC BY 4.0"),
    "places365-resnet50": Published("resnet50", f"{_PLACES}/resnet50_places365.pth.tar", 97, "CC BY 4.0"),
}
"""Name of the model folder -> what is fetched for it. By the Places365 authors, who publish no SHA-256 of them."""


def get(name: str, root: Path | None = None, told: Told | None = None, file: Path | None = None) -> Path:
    """Name in OFFICIAL -> its model folder, for `--scene`; the only thing here that uses the network.

    `file`: the published file where it was fetched by hand; nothing is downloaded then. A download that was stopped
    goes on where it was. `told(fraction, what)` hears how far it is. The SHA-256 of what came is put on the card.
    Raises UsageError for an unknown name, BrokenInstallation without the train extra or without a connection,
    OverLimit, InputError for a file that holds anything but this network's weights, OutputError.
    """
    one = OFFICIAL.get(name)
    if one is None:
        raise UsageError(f"no network is published as {name!r}; there are: {', '.join(OFFICIAL)}")
    try:
        from sightcheck.nets.place.places365 import to_model
    except ImportError:
        raise BrokenInstallation(_needs_extra()) from None
    if file is not None:
        return to_model(file, one.architecture, f"a file given by hand, named {file.name}", root)
    part = weights.home().parent / "downloads" / f"{name}.part"
    _download(one, part, told)
    try:
        return to_model(part, one.architecture, one.address, root)
    finally:
        _forget(part)


def _needs_extra() -> str:
    return "turning a published network into a model needs the train extra: pip install 'sightcheck[train]'"


def _download(one: Published, part: Path, told: Told | None) -> None:
    """The file at an address -> `part`, tried again and resumed where the connection breaks."""
    try:
        import httpx
        import stamina
    except ImportError:
        raise BrokenInstallation(_needs_extra()) from None
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        stamina.instrumentation.set_on_retry_hooks([])  # it would write to stderr
        for attempt in stamina.retry_context(on=_passing, attempts=ATTEMPTS, timeout=None):
            with attempt:
                _receive(one, part, told)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise BrokenInstallation(
            f"{one.address} cannot be fetched ({type(error).__name__}): run this again with a connection, or fetch the "
            "file by hand (a browser will do) and give it with --from FILE"
        ) from None
    except OSError as error:
        raise OutputError(f"cannot write {part}: {error.strerror}; free space or choose $SIGHTCHECK_HOME") from None


def _passing(error: Exception) -> bool:
    """Whether another attempt may go better."""
    import httpx

    if isinstance(error, httpx.HTTPStatusError):
        return error.response.status_code >= 500 or error.response.status_code in (408, 416, 429)
    return isinstance(error, httpx.TransportError)


def _receive(one: Published, part: Path, told: Told | None) -> None:
    """One request: what is missing of the file, or all of it where the server's file is another by now."""
    import httpx

    have = part.stat().st_size if part.exists() and _validator(part).exists() else 0
    asked = {"Accept-Encoding": "identity"}  # a range of a compressed answer would not fit
    if have:
        asked |= {"Range": f"bytes={have}-", "If-Range": _validator(part).read_text()}
    with httpx.stream("GET", one.address, headers=asked, follow_redirects=True, timeout=30) as answer:
        if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
            _forget(part)
        answer.raise_for_status()
        goes_on = answer.headers.get("content-range", "").startswith(f"bytes {have}-")
        if answer.status_code == httpx.codes.PARTIAL_CONTENT and not goes_on:
            _forget(part)
            raise httpx.RemoteProtocolError("another range than the one asked for")
        _append(answer, part, have if answer.status_code == httpx.codes.PARTIAL_CONTENT else 0, one, told)


def _append(answer: "httpx.Response", part: Path, have: int, one: Published, told: Told | None) -> None:
    """Write an answer's body behind the first `have` bytes, within LARGEST."""
    length = answer.headers.get("content-length", "")
    total = have + int(length) if length.isdecimal() else one.megabytes * 10**6
    if not have:
        _forget(part)
    known = answer.headers.get("etag") or answer.headers.get("last-modified")
    if known:
        _validator(part).write_text(known)
    with part.open("ab") as file:
        for chunk in answer.iter_raw(CHUNK):
            have += len(chunk)
            if max(have, total) > LARGEST:
                raise OverLimit(
                    f"{one.address} is larger than {LARGEST >> 20} MiB: it is not the file that was published"
                )
            file.write(chunk)
            if told is not None:
                told(min(1.0, have / total), f"{have // 10**6} of {total // 10**6} MB")


def _validator(part: Path) -> Path:
    """Where the server's mark of the file is kept, by which a later request knows whether it is still the same."""
    return part.with_suffix(".mark")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _validator(part).unlink(missing_ok=True)
