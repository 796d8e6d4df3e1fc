"""How does an image detector made elsewhere answer about videos? Its ONNX file, one frame a second, averaged (4.4.4).

On a table of clips it is also scored, as it is, and calibrated.
"""

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightcheck import weights
from sightcheck.ask import versions
from sightcheck.data import manifest
from sightcheck.errors import BrokenInstallation, UsageError
from sightcheck.learn.teach import NOT_FOR, groups, metric, sources, sure
from sightcheck.media import Sampling
from sightcheck.protocol import evaluate
from sightcheck.protocol.as_it_is import Scored, scored
from sightcheck.protocol.readings import Progress
from sightcheck.report.report import visible
from sightcheck.verdict import Calibration
from sightcheck.video import frames, reference
from sightcheck.video.confined import Confined, confined
from sightcheck.video.frames import ADOPTED, IMAGENET, Network, Recipe
from sightcheck.video.reference import Reference
from sightcheck.weights import Card, Metric

SAMPLING = Sampling(frames=1, fps=1.0, width=None, height=None, windows=60)
SIDES = (8, 2048)
LARGEST_BYTES = 2 << 30
"""An ONNX file cannot be larger: Protocol Buffers end there."""
UNKNOWN = Reference(None, (), np.zeros(0, np.bool_), np.zeros(0))
UNCALIBRATED = "it was not calibrated, so its score cannot be turned into an answer: add it again with --manifest TABLE"
UNSEEN = "its calibration holds only if it was not trained on the clips it was calibrated on, which nobody checked"


@dataclass(frozen=True)
class How:
    """How a network is read. `height`, `width`: 0 as its file states them; `mean`, `deviation`: of RGB in [0, 1].

    `synthetic`: which of its outputs is the synthetic class, counted from 0; of one output, 1 says that it speaks for
    synthetic and 0 that it speaks for real. None: 1, where there are no more than two.
    """

    height: int = 0
    width: int = 0
    mean: tuple[float, float, float] = IMAGENET[0]
    deviation: tuple[float, float, float] = IMAGENET[1]
    probabilities: bool = False
    synthetic: int | None = None


DEFAULT = How()


def adopt(
    name: str,
    file: Path,
    how: How = DEFAULT,
    table: Path | None = None,
    root: Path | None = None,
    progress: Progress | None = None,
    replace: bool = False,
) -> tuple[Card, Path]:
    """An image detector's ONNX file -> its card and its model folder; with a table of clips, scored and calibrated.

    Raises UsageError for a network or a table that cannot be used, OutputError when the model cannot be written.
    """
    weights.check_free(name, root, replace)
    items = manifest.read(table) if table else ()
    network, session = opened(file)
    recipe, golden = fitted(session, how)
    found = scored(Network(name, recipe, UNKNOWN, session), items, progress) if items else None
    fit = evaluate.calibration(found.scores, found.items) if found else None
    card = Card(
        name=name,
        method="frames",
        summary=f"A network made elsewhere ({file.name}), on one frame a second, averaged",
        recipe=dataclasses.asdict(recipe),
        sources=sources(found.items) if found else (),
        split="not known: it was trained elsewhere",
        metrics=scores(found, table.name) if found and table else (),
        controls=(),
        limits=limits(found, fit),
        not_for=NOT_FOR,
        versions={**dict(versions()), "onnxruntime": version("onnxruntime")},
        made=datetime.now(UTC).date().isoformat(),
        left_out=found.skipped if found else (),
    )
    known = UNKNOWN
    if found:
        seen = reference.scope(found.clips), reference.forms(found.clips)
        known = Reference(fit, seen[0], found.synthetic, found.scores, forms=seen[1])
    folder = reference.save(card, recipe, known, network, golden, root)
    return weights.card(folder), folder


def opened(file: Path) -> tuple[bytes, Confined]:
    """An ONNX file -> its bytes, its network in the child. Raises UsageError."""
    try:
        if not (file.is_file() and file.stat().st_size <= LARGEST_BYTES):  # a pipe or a device would never end
            raise UsageError(f"{file}: not an ONNX network in one file of at most {LARGEST_BYTES >> 30} GiB")
        return file.read_bytes(), confined(file)
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); check the path") from None
    except BrokenInstallation as error:
        raise UsageError(f"{file}: not an ONNX network in one file that can be run ({error})") from None


def _contents(shape: tuple[int, ...]) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Pictures of several contents, standardised: the first is nets.export's golden input."""
    yield "noise", np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    yield "black", np.full(shape, -2.1, np.float32)
    yield "white", np.full(shape, 2.6, np.float32)
    yield "one colour", np.zeros(shape, np.float32)
    ramp = np.linspace(-2.1, 2.6, shape[-1], dtype=np.float32)
    yield "a gradient", np.broadcast_to(ramp, shape).copy()


def _tried(session: Confined, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Ask a network about every content -> what it puts out for the first. Raises UsageError."""
    found: list[NDArray[np.float32]] = []
    for name, given in _contents(shape):
        try:
            found.append(frames.run(session, given))
        except BrokenInstallation as error:
            raise UsageError(f"it cannot be asked about pictures of {name}: {error}") from None
        if not np.isfinite(found[-1]).all():
            raise UsageError(f"it puts out what is no number (NaN or infinite) for pictures of {name}")
        if found[-1].shape != found[0].shape:
            raise UsageError(f"it puts out {found[0].shape} for some pictures and {found[-1].shape} for {name}")
    return found[0]


def fitted(session: Confined, how: How) -> tuple[Recipe, NDArray[np.float32]]:
    """A network -> the recipe that feeds it, and its output for train.export's golden input. Raises UsageError."""
    height, width = size(session, how)
    recipe = Recipe(
        name=ADOPTED,
        sampling=SAMPLING,
        height=height,
        width=width,
        mean=how.mean,
        deviation=how.deviation,
        puts_out="probabilities" if how.probabilities else "logits",
        synthetic=1 if how.synthetic is None else how.synthetic,
    )
    shape = (1 if isinstance(session.get_inputs()[0].shape[0], int) else 2, 3, height, width)
    golden = _tried(session, shape)
    _check_outputs(golden, how)
    return recipe, golden


def _check_outputs(golden: NDArray[np.float32], how: How) -> None:
    """(n, k) outputs: raise UsageError where they are not what the person says they are."""
    count, inside = golden.shape[1], bool(np.all((golden >= -1e-3) & (golden <= 1.001)))
    if count > 2 and how.synthetic is None:
        raise UsageError(f"it puts out {count} numbers: say with --synthetic which of them is the synthetic class")
    if how.synthetic is not None and not 0 <= how.synthetic < max(count, 2):
        raise UsageError(f"--synthetic is {how.synthetic}, but it puts out {count} numbers, counted from 0")
    if how.probabilities and not inside:
        raise UsageError("it puts out numbers outside 0 to 1: leave --probabilities out")
    if not how.probabilities and count > 1 and inside and np.allclose(golden.sum(1), 1, atol=1e-3):
        raise UsageError("what it puts out sums to 1, as probabilities do: give --probabilities")


def size(session: Confined, how: How) -> tuple[int, int]:
    """(H, W) of the frames that a network takes, as it or `how` states them. Raises UsageError."""
    only, *more = session.get_inputs()
    if more or only.type != "tensor(float)" or len(only.shape) != 4:
        raise UsageError(f"it takes {only.type} {only.shape}: one float32 batch of pictures (n, 3, H, W) is needed")
    count, colours, height, width = only.shape
    if width == 3 and colours != 3:
        raise UsageError(f"it takes {only.shape}, colours last: export it with colours first, (n, 3, H, W)")
    if isinstance(colours, int) and colours != 3:
        raise UsageError(f"it takes {only.shape}: pictures of three colours (n, 3, H, W) are needed")
    if isinstance(count, int) and count != 1:
        raise UsageError(f"its batch is held at {count} pictures: export it with a free batch, or one of 1")
    return _side("height", height, how.height), _side("width", width, how.width)


def _side(name: str, stated: int | str | None, given: int) -> int:
    """One side of the pictures: what the file states, else what the person gives. Raises UsageError."""
    if isinstance(stated, int) and given not in (0, stated):
        raise UsageError(f"--{name} is {given}, but its file states {stated}: leave it out")
    side = stated if isinstance(stated, int) else given
    if not side:
        raise UsageError(f"its file does not state the {name} of its pictures: give --{name}")
    if not SIDES[0] <= side <= SIDES[1]:
        raise UsageError(f"pictures with a {name} of {side}: {SIDES[0]} to {SIDES[1]} can be made")
    return side


def scores(found: Scored, where: str) -> tuple[Metric, ...]:
    """The number of a card: what it scores on the clips of a table, as it is."""
    return sure((metric("AUC", f"the clips of {where}, as it is", found.auc()),), found.items)


def limits(found: Scored | None, fit: Calibration | None) -> tuple[str, ...]:
    """What every answer of it must say."""
    if found is None:
        return (UNCALIBRATED,)
    if fit is not None:
        return (UNSEEN,)
    real, fake = groups(found.items)
    return (
        f"it was scored on {real} groups of real and {fake} of synthetic clips: too few to calibrate "
        f"({evaluate.FEWEST_GROUPS} of each are needed), so its score cannot be turned into an answer",
    )


def to_text(card: Card, folder: Path) -> str:
    """What the person who added it should know."""
    lines = [f"{card.name}: {card.summary}", f"written to {folder}"]
    lines += [f"{one.name}, {one.scope}: {one}" for one in card.metrics]
    lines += [*(f"! {limit}" for limit in card.limits), *(f"- left out: {visible(one)}" for one in card.left_out)]
    return "\n".join([*lines, f'ask it with: sightcheck video FILE --detector "{card.name}"'])
