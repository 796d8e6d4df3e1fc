"""Do imports run one way? The import law of ARCHITECTURE.md."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/sightcheck"

# A room may import the rooms of lower floors only.
FLOORS = (
    ("errors",),
    ("verdict", "sandbox", "weights"),
    ("charts",),
    ("media",),
    ("video", "place"),
    ("wording",),
    ("worldmap", "terminal"),
    ("report",),
    ("ask",),
    ("data",),
    ("train",),
    ("bench",),
    ("teach", "batch", "server"),
    ("adopt", "training", "fetch"),
    ("console",),
    ("cli_gallery", "cli_weights", "cli_train", "cli_build", "cli_table"),
    ("cli",),
)
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}
FORBIDDEN = {"pickle", "dill", "joblib", "cloudpickle", "marshal", "shelve"}


def imports(path: Path) -> set[str]:
    """Every module a file imports, at any depth of its code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "sightcheck" and len(parts) > 1 and parts[1] in FLOOR else None


FILES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py" or path.parent != SOURCE)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_room_imports_lower_floors_only(path: Path) -> None:
    own = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    assert own in FLOOR, f"{own} has no floor: give it one in FLOORS and in ARCHITECTURE.md"
    used = {used for module in imports(path) if (used := room(module)) and used != own}
    assert not {other for other in used if FLOOR[other] >= FLOOR[own]}
    if own in ("video", "place", "report", "ask"):
        assert not used & {"data", "train", "bench"}
    if own == "server":
        assert used <= {"ask", "report", "errors"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_training_imports_torch_and_nothing_unpickles(path: Path) -> None:
    tops = {module.split(".")[0] for module in imports(path)}
    assert not tops & FORBIDDEN
    if path.relative_to(SOURCE).parts[0] not in ("train", "training"):
        assert not tops & {"torch", "torchvision", "timm", "lightning"}
