"""Does this file carry a C2PA manifest, what does it say, and is its signature whole? Never a proof: anyone can sign.

Nothing is fetched: no remote manifest, no revocation list, no list of trusted signers.
"""

import importlib
import importlib.util
import io
import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO

from sightcheck import sandbox
from sightcheck.media.declared import SOURCE_TYPES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# The first box of every manifest store, whichever container it lies in (C2PA 2, "Embedding manifests").
MARK = b"jumdc2pa\x00\x11\x00\x10\x80\x00\x00\xaa\x00\x38\x9b\x71"
MIME = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "HEIF": "image/heic",
    "AVIF": "image/avif",
    "mov": "video/mp4",
    "avi": "video/avi",
}
LONGEST = 4 << 20
"""Bytes of a manifest that are looked at where nothing checks it."""
BLOCK = 4 << 20
OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": False}}


def credentials(file: BinaryIO, format: str) -> list[tuple[str, str]]:
    """An open file and its format -> what its C2PA manifest is worth and says, as tags; empty where there is none."""
    start = _start(file)
    if start < 0:
        return []
    if importlib.util.find_spec("c2pa") is None:
        return [
            ("C2PA", "found, not checked: pip install 'sightcheck[c2pa]' checks it"),
            *_unchecked(file, start),
        ]
    if format not in MIME:
        return [("C2PA", f"found, not checked: {format} files cannot carry one")]
    return _checked(file, MIME[format], start)


def _start(file: BinaryIO) -> int:
    """Where an open file's first manifest store begins, -1 where it has none; memory is that of a block."""
    file.seek(0)
    at, data = 0, b""
    while block := file.read(BLOCK):
        sandbox.step()
        data = data[1 - len(MARK) :] + block
        at += len(block)
        if (found := data.find(MARK)) >= 0:
            return at - len(data) + found
    return -1


def _unchecked(file: BinaryIO, start: int) -> list[tuple[str, str]]:
    """What the bytes of a manifest name, where nothing can check them: its source type."""
    file.seek(start)
    found = re.findall(rb"digitalsourcetype/(\w{4,60})", file.read(LONGEST))
    names = dict.fromkeys(one.decode("ascii", "replace") for one in found)
    return [("C2PA source type", one) for one in names][:1] + ([("C2PA signature", "unchecked")] if names else [])


class _Stepping(io.FileIO):
    """A file that tells of each read, so that a large one is not taken for a stall."""

    def readinto(self, buffer: "WriteableBuffer", /) -> int | None:
        """As FileIO's."""
        sandbox.step()
        return super().readinto(buffer)


def _checked(file: BinaryIO, mime: str, start: int) -> list[tuple[str, str]]:
    """What the C2PA library says of the manifest; it reads strangers' bytes, so it runs where this file is read."""
    c2pa = importlib.import_module("c2pa")
    file.seek(0)
    try:
        context = c2pa.Context(c2pa.Settings.from_dict(OFFLINE))
        whole = _Stepping(file.fileno(), closefd=False)
        with whole, c2pa.Reader(mime, whole, context=context) as reader:
            state, store = reader.get_validation_state(), json.loads(reader.json())
    except Exception as error:  # the library's own errors have no public base
        return [("C2PA", f"found, not readable: {error}"), *_unchecked(file, start)]
    manifests: dict[str, dict[str, Any]] = store.get("manifests", {})
    manifest = manifests.get(store.get("active_manifest"), {})
    signature = manifest.get("signature_info", {})
    signer = ", ".join(filter(None, (signature.get("common_name"), signature.get("issuer")))) or "unnamed"
    valid = state in ("Valid", "Trusted")
    if valid:
        worth = f"found, signature valid, signer {signer} (not on a trust list here)"
    else:
        reasons = ", ".join(str(one.get("code")) for one in store.get("validation_status") or ()) or "no reason given"
        worth = f"found, invalid: {reasons}; signer {signer}"
    line = _line(manifests, store.get("active_manifest"))
    said = [("C2PA", worth), *_actions(line)]
    parts = dict(_actions([one for one in manifests.values() if one not in line])).get("C2PA source type", "")
    said += [("C2PA part's source type", parts)] if parts else []
    return [*said, ("C2PA signature", "valid" if valid else "invalid"), ("C2PA signer", signer)]


def _line(manifests: dict[str, dict[str, Any]], active: Any) -> list[dict[str, Any]]:
    """The file's own manifest, that of what it was made from, and so on back; what was placed into it is not among."""
    line: list[dict[str, Any]] = []
    while active in manifests and manifests[active] not in line:
        line.append(manifests[active])
        parents = [one for one in line[-1].get("ingredients") or () if one.get("relationship") == "parentOf"]
        active = parents[0].get("active_manifest") if parents else None
    return line


def _actions(manifests: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What was done and with what, as manifests say, the file's own first and then those of what it was made of."""
    kinds: dict[str, None] = {}
    names: dict[str, None] = {}
    tools: dict[str, None] = {}
    for manifest in manifests:
        for assertion in manifest.get("assertions") or ():
            if not str(assertion.get("label", "")).startswith("c2pa.actions"):
                continue
            for action in (assertion.get("data") or {}).get("actions") or ():
                names[str(action.get("action", ""))] = None
                kinds[str(action.get("digitalSourceType", "")).rpartition("/")[2]] = None
                tools[_name(action.get("softwareAgent"))] = None
        for info in manifest.get("claim_generator_info") or ():
            tools[_name(info)] = None
    kinds.pop("", None)
    synthetic = [kind for kind in kinds if kind.lower() in SOURCE_TYPES]
    found = {
        "C2PA source type": next(iter([*synthetic, *kinds]), ""),
        "C2PA actions": ", ".join(filter(None, names)),
        "C2PA tool": ", ".join(list(filter(None, tools))[:3]),
    }
    return [(key, value) for key, value in found.items() if value]


def _name(tool: Any) -> str:
    """A program as a manifest names it: text, or a name and a version."""
    return str(tool.get("name", "")) if isinstance(tool, dict) else str(tool or "")
