"""Do imports run one way? The import law of ARCHITECTURE.md."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src/sightcheck"

# A room may import the rooms of lower floors only.
FLOORS = (
    ("errors",),
    ("verdict", "sandbox", "weights"),
    ("media",),
    ("video", "place"),
    ("report",),
    ("ask",),
    ("data",),
    ("nets",),
    ("protocol",),
    ("learn",),
    ("bench",),
    ("batch", "server"),
    ("cli",),
    ("__main__",),
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
        assert not used & {"data", "nets", "protocol", "learn", "bench"}
    if own == "server":
        assert used <= {"ask", "report", "errors"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_nets_imports_torch_and_nothing_unpickles(path: Path) -> None:
    tops = {module.split(".")[0] for module in imports(path)}
    assert not tops & FORBIDDEN
    if path.relative_to(SOURCE).parts[0] != "nets":
        assert not tops & {"torch", "torchvision", "timm", "lightning"}


def test_the_tree_stays_small_enough_to_read() -> None:
    assert len([path for path in SOURCE.glob("*.py") if not path.stem.startswith("__")]) <= 8
    for folder in (path for path in SOURCE.rglob("*") if path.is_dir() and list(path.glob("*.py"))):
        assert len(folder.relative_to(SOURCE.parent).parts) <= 3
        assert len([path for path in folder.iterdir() if path.is_file() and path.stem != "__init__"]) <= 14, folder
        assert (folder / "__init__.py").read_text().split('"""')[1].splitlines()[0].count("?"), f"{folder} asks nothing"


def test_no_module_imports_itself_through_others() -> None:
    """No circles, not even through an import inside a function or for types."""
    names = {".".join(("sightcheck", *path.relative_to(SOURCE).with_suffix("").parts)): path for path in FILES}
    names = {name.removesuffix(".__init__"): path for name, path in names.items()}
    after = {
        name: {m if m in names else m.rsplit(".", 1)[0] for m in imports(path)} & set(names) - {name}
        for name, path in names.items()
    }
    while ready := [name for name, others in after.items() if not others]:
        for name in ready:
            del after[name]
        after = {name: others - set(ready) for name, others in after.items()}
    assert not after
