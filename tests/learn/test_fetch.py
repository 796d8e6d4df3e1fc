"""Is a published network fetched whole, resumed where it broke, and refused where it is not plain weights?"""

import builtins
import hashlib
import io
import pickletools
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("torchvision", reason="needs the train extra")
pytest.importorskip("httpx", reason="needs the train extra")
stamina = pytest.importorskip("stamina", reason="needs the train extra")

from sightcheck import weights
from sightcheck.errors import BrokenInstallation, InputError, NotAFile, OverLimit, UsageError
from sightcheck.learn import fetch

NAME = "places365-resnet18"


class Ran:
    """Unpickled without care it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, str]]:
        return open, (str(self.path), "w")


def checkpoint(state: dict[str, Any], **more: Any) -> bytes:
    """As the published files are: by Python 2 on a GPU, "module." before every key, no counters of batches."""
    kept = {f"module.{key}": value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    stream = io.BytesIO()
    whole = {"epoch": 90, "arch": "resnet18", "state_dict": kept, "best_prec1": 55.0, **more}
    torch.save(whole, stream, _use_new_zipfile_serialization=False)
    return by_python_2(stream.getvalue())


def by_python_2(file: bytes) -> bytes:
    """Old format of torch.save with its text as Python 2's byte strings, its storages as those of a GPU."""
    stream, written = io.BytesIO(file), b""
    for _ in range(5):  # magic number, protocol, machine, what was saved, names of the storages that follow raw
        start = stream.tell()
        opcodes = [(code.name, value, at) for code, value, at in pickletools.genops(stream)]
        ends = [at for _, _, at in opcodes[1:]] + [stream.tell()]
        for (name, value, at), end in zip(opcodes, ends, strict=True):
            raw = file[at:end]
            if name == "BINUNICODE":
                text = b"cuda:0" if value == "cpu" else value.encode()
                raw = b"U" + bytes([len(text)]) + text
            elif name == "GLOBAL":
                raw = raw.replace(b"ctorch\nFloatStorage", b"ctorch.cuda\nFloatStorage")
            written += raw
        assert opcodes[0][2] == start
    return written + file[stream.tell() :]


@pytest.fixture(scope="module")
def net() -> Any:
    from torchvision.models import resnet18

    torch.manual_seed(0)
    return resnet18(weights=None, num_classes=365).eval()


@pytest.fixture(scope="module")
def published(net: Any) -> bytes:
    return checkpoint(net.state_dict())


class Site:
    """A server of one file; `breaks` holds after how many bytes each request in turn breaks off."""

    def __init__(self) -> None:
        self.body, self.mark, self.breaks = b"", '"one"', list[int]()
        self.asked: list[str | None] = []
        self.status = 200
        site = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_GET(self) -> None:
                site.answer(self)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}/resnet18.pth.tar"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range")
        self.asked.append(wanted)
        if self.status != 200:
            request.send_error(self.status)
            return
        same = request.headers.get("If-Range") == self.mark
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and same else 0
        if start >= len(self.body):
            request.send_error(416)
            return
        request.send_response(206 if start else 200)
        if start:
            request.send_header("Content-Range", f"bytes {start}-{len(self.body) - 1}/{len(self.body)}")
        request.send_header("ETag", self.mark)
        request.send_header("Content-Length", str(len(self.body) - start))
        request.end_headers()
        stop = self.breaks.pop(0) if self.breaks else len(self.body)
        request.wfile.write(self.body[start : start + stop])


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    site = Site()
    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path))
    monkeypatch.setitem(fetch.OFFICIAL, NAME, replace(fetch.OFFICIAL[NAME], address=site.address))
    with stamina.set_testing(True, attempts=fetch.ATTEMPTS):
        yield site
    site.server.shutdown()
    site.server.server_close()


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What reaches the conversion, in place of the conversion."""
    from sightcheck.nets.place import places365

    came: list[bytes] = []

    def keep(path: Path, *_: object) -> Path:
        came.append(path.read_bytes())
        return path

    monkeypatch.setattr(places365, "to_model", keep)
    return came


def left(home: Path) -> list[str]:
    folder = home / "downloads"
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_a_network_is_fetched_over_a_connection_that_breaks(
    site: Site, published: bytes, net: Any, tmp_path: Path
) -> None:
    site.body, site.breaks = published, [5_000_000, 1_000_000]
    heard: list[tuple[float, str]] = []
    folder = fetch.get(NAME, told=lambda done, what: heard.append((done, what)))
    assert site.asked[0] is None
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for asked in site.asked[1:] if asked]
    assert len(starts) == 2
    assert 0 < starts[0] <= 5_000_000 < starts[1] + 1_000_000
    assert heard[-1] == (1.0, f"{len(published) // 10**6} of {len(published) // 10**6} MB")
    assert left(tmp_path) == []

    assert folder == weights.home() / NAME
    model = weights.load(NAME)
    assert model.card.recipe == {
        "reads": "pixels",
        "architecture": "resnet18",
        "from": site.address,
        "file_sha256": hashlib.sha256(published).hexdigest(),
    }
    assert "not scored here" in model.card.limits
    assert model.card.sources[0].licence == fetch.OFFICIAL[NAME].licence == "CC BY 4.0"
    given = np.random.default_rng(1).standard_normal((3, 3, 224, 224)).astype(np.float32)
    found = weights.session(model.network).run(None, {"input": given})[0]
    with torch.no_grad():
        wanted = net(torch.from_numpy(given)).numpy()
    np.testing.assert_allclose(found, wanted, atol=5e-3 * np.abs(wanted).max())


def test_it_reads_photos_as_the_scene_model(published: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sightcheck.place.embedding import Names, Reader

    monkeypatch.setenv("SIGHTCHECK_HOME", str(tmp_path))
    file = tmp_path / "by-hand.pth.tar"
    file.write_bytes(published)
    fetch.get(NAME, file=file)
    assert file.read_bytes() == published
    assert weights.load(NAME).card.recipe["from"] == "a file given by hand, named by-hand.pth.tar"
    seen = Reader(Names(scene=NAME)).embed(np.full((300, 400, 3), 90, np.uint8))
    assert seen.places.shape == (365,)
    assert seen.scenes.shape == (16,)


def test_a_run_that_was_stopped_goes_on_in_the_next(site: Site, received: list[bytes], tmp_path: Path) -> None:
    site.body, site.breaks = bytes(range(256)) * 8000, [400_000]

    def stop(done: float, _: str) -> None:
        if done > 0.1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.get(NAME, told=stop)
    assert left(tmp_path) == [f"{NAME}.mark", f"{NAME}.part"]
    fetch.get(NAME)
    assert site.asked[-1] is not None
    assert received == [site.body]
    assert left(tmp_path) == []


@pytest.mark.parametrize("change", ["other file", "longer than the server's"])
def test_a_part_of_another_file_is_not_continued(
    site: Site, received: list[bytes], tmp_path: Path, change: str
) -> None:
    site.body = b"new" * 1000
    folder = tmp_path / "downloads"
    folder.mkdir()
    (folder / f"{NAME}.part").write_bytes(b"old" * 10 if change == "other file" else site.body + b"more")
    (folder / f"{NAME}.mark").write_text('"other"' if change == "other file" else site.mark)
    fetch.get(NAME)
    assert received == [site.body]


def test_without_a_connection_the_sentence_says_what_to_do(site: Site, tmp_path: Path) -> None:
    site.server.shutdown()
    site.server.server_close()
    with pytest.raises(BrokenInstallation, match="--from FILE") as refused:
        fetch.get(NAME)
    assert site.address in str(refused.value)


@pytest.mark.parametrize(("status", "requests"), [(404, 1), (503, fetch.ATTEMPTS)])
def test_what_may_pass_is_tried_again(site: Site, status: int, requests: int) -> None:
    site.status = status
    with pytest.raises(BrokenInstallation, match="cannot be fetched"):
        fetch.get(NAME)
    assert len(site.asked) == requests


def test_more_than_the_largest_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "LARGEST", 1000)
    site.body = b"x" * 1001
    with pytest.raises(OverLimit, match="not the file"):
        fetch.get(NAME)


def test_wrong_bytes_are_refused_and_forgotten(site: Site, tmp_path: Path) -> None:
    site.body = b"<html>moved</html>"
    with pytest.raises(InputError, match="is refused"):
        fetch.get(NAME)
    assert left(tmp_path) == []


def test_code_in_a_file_is_never_run(net: Any, tmp_path: Path) -> None:
    proof = tmp_path / "ran"
    file = tmp_path / "evil.pth.tar"
    file.write_bytes(checkpoint(net.state_dict(), extra=Ran(proof)))
    with pytest.raises(InputError, match="more than plain weights"):
        fetch.get(NAME, tmp_path, file=file)
    assert not proof.exists()
    torch.load(file, map_location="cpu", weights_only=False)
    assert proof.exists(), "the file must be one that runs code where it is let"


@pytest.mark.parametrize("wrong", ["list", "another network", "not tensors", "not finite"])
def test_other_weights_are_refused(net: Any, tmp_path: Path, wrong: str) -> None:
    state = dict(net.state_dict())
    if wrong == "another network":
        del state["fc.weight"]
    elif wrong == "not tensors":
        state["fc.weight"] = "text"
    elif wrong == "not finite":
        state["fc.bias"] = torch.full((365,), float("nan"))
    file = tmp_path / "file.pth"
    torch.save([1, 2], file) if wrong == "list" else torch.save(state, file)
    with pytest.raises(InputError, match=r"not finite|does not hold"):
        fetch.get(NAME, tmp_path, file=file)
    assert not (tmp_path / NAME).exists()


def test_names_and_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="places365-resnet18, places365-resnet50"):
        fetch.get("resnet18")
    with pytest.raises(NotAFile, match="is not a file"):
        fetch.get(NAME, tmp_path, file=tmp_path / "nothing")


def test_without_the_train_extra_one_sentence_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.split(".")[0] == "torchvision":
            raise ModuleNotFoundError(name)
        return before(name, *rest, **more)

    monkeypatch.delitem(sys.modules, "sightcheck.nets.place.places365", raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BrokenInstallation, match="train extra"):
        fetch.get(NAME, tmp_path)
