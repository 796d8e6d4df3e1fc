"""Does this file say of itself that a machine made it? What generators, editors and platforms write, read as claims.

A declaration is what the file says, not what was measured: its absence says nothing, and anyone can write one.
"""

import re
from collections.abc import Iterable, Iterator

import msgspec

from sightcheck import sandbox

Tags = Iterable[tuple[str, str]]

MADE = "made by generative AI"
SOURCE_TYPES = {
    "trainedalgorithmicmedia": MADE,
    "compositewithtrainedalgorithmicmedia": "edited with generative AI, or put together with parts made by it",
    "compositesynthetic": "put together with synthetic parts",
    "algorithmicmedia": "made by an algorithm",
    "algorithmicallyenhanced": "enhanced by an algorithm",
    "trainedalgorithmicdata": MADE,
    "virtualrecording": "a recording of something virtual",
    "digitalart": "drawn with software",
    "digitalcreation": "made with software",
    "softwareimage": "made with software",
    "datadrivenmedia": "drawn from data",
}
"""IPTC's digital source types that are no capture of the world, by their last part -> what they mean."""
GENERATORS = (
    "midjourney", "dall-e", "dall·e", "stable diffusion", "firefly", "comfyui", "automatic1111", "novelai", "invokeai",
    "openai", "imagen", "flux.1", "sora", "runway", "pika", "kling", "luma dream machine", "hailuo", "veo", "gemini",
    "stability ai", "ideogram", "leonardo.ai", "draw things", "fooocus", "sd.next", "bing image creator",
    "hunyuan", "wan2", "wanx", "cogvideo", "seedream", "seedance", "jimeng", "dreamina", "synthesia", "heygen",
)  # fmt: skip
_NAMES = "|".join(map(re.escape, GENERATORS))
GENERATOR = re.compile(rf"(?<![a-z0-9])(?:{_NAMES})(?![a-z])", re.IGNORECASE)
SOFTWARE = re.compile(
    r"(?:Software|CreatorTool|Program|encoder|encoded_by|ProcessingSoftware|©too|tool|Generator)$", re.IGNORECASE
)
"""Tags that name a program."""
SENTENCE = re.compile(
    rf"\b(?:made|generated|created|edited|produced)\s+(?:by|with|using)\s+(?:google\s+ai|ai\b|generative\s+ai"
    rf"|artificial intelligence|(?:{_NAMES}))|\bai[- ]generated\b",
    re.IGNORECASE,
)
DIFFUSION = re.compile(r"Steps: ?\d+,.{0,2000}?\b(?:Sampler|CFG scale|Seed): ?", re.DOTALL)
"""The line under a prompt that Stable Diffusion's web interfaces write, from its first word on."""
GRAPHS = (("class_type", "inputs"), ("nodes", "links"))
KEY = re.compile(r'"(\w{1,40})\\?"\s*:')
SETTINGS = {"steps", "sampler", "sampler_name", "seed", "cfg_scale", "cfgscale", "guidance_scale", "scale", "model"}
"""What generators write beside a prompt, as JSON: three of them and a prompt are no accident."""
LONGEST = 1 << 20
"""Characters of a text in which settings are looked for."""
JOB = re.compile(r"\bJob ID: ?[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", re.IGNORECASE)
PROMPTS = re.compile(r"(?:^|[ :])(?:Dream|sd-metadata|invokeai_(?:metadata|graph)|fooocus_scheme|generation_data)$")
LABELS = {"1": MADE, "2": "perhaps " + MADE, "3": "suspected of being " + MADE}
"""The label of TC260's rules (China, 2025) for synthetic content."""


class Declaration(msgspec.Struct, frozen=True):
    """That a file says it is synthetic, wholly or in part, and where it says so; never weighed.

    `statement` follows "declares itself"; `tool`: the maker it names; `signature`: "valid", "invalid" or "unchecked" of
    a C2PA manifest, "" elsewhere; `signer`: who signed it.
    """

    statement: str
    where: str
    tool: str = ""
    signature: str = ""
    signer: str = ""


def declarations(tags: Tags) -> tuple[Declaration, ...]:
    """The file's tags, whole -> each declaration in them, that of a seal first; one a statement and place."""
    said = list(tags)
    found = dict.fromkeys([*_sealed(dict(said)), *(one for tag in said for one in _in_tag(*tag))])
    return tuple(found)


def _sealed(said: dict[str, str]) -> Iterator[Declaration]:
    """What the C2PA manifest declares, as `credentials` wrote it into the tags."""
    meaning = _source_type(said.get("C2PA source type", ""))
    tool = said.get("C2PA tool", "")
    if not meaning and GENERATOR.search(tool) and "created" in said.get("C2PA actions", ""):
        meaning = MADE
    if not meaning and _source_type(said.get("C2PA part's source type", "")):
        meaning = SOURCE_TYPES["compositesynthetic"]
    if meaning:
        yield Declaration(meaning, "C2PA", tool, said.get("C2PA signature", ""), said.get("C2PA signer", ""))


def _in_tag(name: str, value: str) -> Iterator[Declaration]:
    """What one tag declares."""
    sandbox.step()
    if name.startswith("C2PA"):
        return
    if name.endswith(("DigitalSourceType", "DigitalSourcefileType")) and (meaning := _source_type(value)):
        yield Declaration(meaning, name)
    elif (label := _labelled(name, value)) is not None:
        yield Declaration(LABELS.get(label, MADE), name, "an AIGC label")
    elif _has_parameters(value):
        yield Declaration(MADE, name, "Stable Diffusion's parameters")
    elif graph := _graph(value):
        yield Declaration(MADE, name, graph)
    elif JOB.search(value):
        yield Declaration(MADE, name, "a Midjourney job")
    elif PROMPTS.search(name):
        yield Declaration(MADE, name, "a generator's prompt")
    elif said := SENTENCE.search(value):
        edited = "edited" in said[0].lower()
        yield Declaration("edited with generative AI" if edited else MADE, name, _short(value))
    elif SOFTWARE.search(name) and len(value) < 200 and (maker := GENERATOR.search(value)):
        yield Declaration(MADE, name, maker[0])


def _has_parameters(value: str) -> bool:
    """Whether a text holds the line of Stable Diffusion's web interfaces, as its first or last of that kind."""
    return any(at >= 0 and DIFFUSION.match(value, at) for at in (value.find("Steps:"), value.rfind("Steps:")))


def _source_type(value: str) -> str:
    """`http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia` -> what it means; "" for captures."""
    return SOURCE_TYPES.get(re.split(r"[/#:]", value.strip().rstrip("/"))[-1].lower(), "")


def _labelled(name: str, value: str) -> str | None:
    """The label of a TC260 statement, "" where it has none; None for anything else."""
    own = re.search(r"(?:^|[^A-Za-z])(?:TC260:)?AIGC$", name) is not None
    found = re.search(r'"AIGC\\?"\s*:', value) is not None
    if not own and not found:
        return None
    label = re.search(r'\\?"Label\\?"\s*:\s*\\?"?(\w+)', value)
    return label[1] if label else ""


def _graph(value: str) -> str:
    """What a text in JSON is: a graph of ComfyUI, as it is run (`class_type`) or drawn (`nodes`), settings, or "".

    Nothing is parsed: lists of nothing would take a hundred times the memory of their text.
    """
    if not 0 <= value.find("{") < 32:
        return ""
    if any(all(f'"{key}"' in value or f'"{key}\\"' in value for key in keys) for keys in GRAPHS):
        return "a ComfyUI workflow"
    keys = {found[1] for found in KEY.finditer(value, 0, LONGEST)}
    settings = any("prompt" in key for key in keys) and len(SETTINGS & keys) > 2
    return "a generator's settings" if settings or "sui_image_params" in keys else ""


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:80]}…"


def sentence(found: tuple[Declaration, ...]) -> str:
    """Declarations -> the first line of an answer; "" for none."""
    if not found:
        return ""
    first = found[0]
    where = ", ".join(dict.fromkeys(one.where for one in found[:3]))
    told = f"The file declares itself {first.statement} ({where}{f'; {first.tool}' if first.tool else ''})"
    if first.signature == "valid":
        told += f"; signature valid, signer {first.signer or 'unnamed'}"
    elif first.signature:
        told += f"; signature {first.signature}" + (f", signer {first.signer}" if first.signer else "")
    return f"{told}. That is what the file says of itself: it stands beside what was measured."
