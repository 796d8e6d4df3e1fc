"""Does this photo carry a C2PA manifest, and is its signature whole? Never a proof: anyone can sign.

Nothing is fetched: no remote manifest, no revocation list, no list of trusted signers.
"""

import importlib
import importlib.util
import json
import mmap
from typing import Any, BinaryIO

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
}
OFFLINE = {"verify": {"remote_manifest_fetch": False, "ocsp_fetch": False, "verify_trust": False}}


def credentials(file: BinaryIO, format: str) -> str:
    """An open photo and its format -> what its C2PA manifest is worth in words, "" where there is none."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if data.find(MARK) < 0:
            return ""
    if importlib.util.find_spec("c2pa") is None:
        return "found, not checked: pip install 'sightcheck[c2pa]' checks it"
    if format not in MIME:
        return f"found, not checked: {format} files cannot carry one"
    return _checked(file, MIME[format])


def _checked(file: BinaryIO, mime: str) -> str:
    """What the C2PA library says of the manifest; it reads strangers' bytes, so it runs where this file is read."""
    c2pa = importlib.import_module("c2pa")
    file.seek(0)
    try:
        context = c2pa.Context(c2pa.Settings.from_dict(OFFLINE))
        with c2pa.Reader(mime, file, context=context) as reader:
            state, store = reader.get_validation_state(), json.loads(reader.json())
    except Exception as error:  # the library's own errors have no public base
        return f"found, not readable: {error}"
    manifest: dict[str, Any] = store.get("manifests", {}).get(store.get("active_manifest"), {})
    signature = manifest.get("signature_info", {})
    signer = ", ".join(filter(None, (signature.get("common_name"), signature.get("issuer")))) or "unnamed"
    if state not in ("Valid", "Trusted"):
        reasons = ", ".join(str(one.get("code")) for one in store.get("validation_status") or ()) or "no reason given"
        return f"found, invalid: {reasons}; signer {signer}"
    return f"found, signature valid, signer {signer} (not on a trust list here)"
