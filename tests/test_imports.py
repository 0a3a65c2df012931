"""Who may import whom (design.md): a rule of the house that a program keeps instead of a reviewer."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    path.relative_to(ROOT)
    for package in ("acceptutils", "fakes", "conformance", "checking")
    for path in (ROOT / package).rglob("*.py")
)
CORE_MUST_NOT = {"trio", "os", "socket", "subprocess", "time", "signal", "random", "logging", "io", "sys"}
LAUNCHER = [  # what reup and checknotroot load: not a tenth of a second of trio before every login
    "acceptutils/runtime/bypass.py",
    "acceptutils/runtime/checknotroot.py",
    "acceptutils/runtime/descriptors.py",
    "acceptutils/runtime/launcher.py",
    "acceptutils/runtime/programs.py",
    "acceptutils/runtime/reup.py",
    "acceptutils/runtime/world.py",
]


def imported(path: Path, *, everywhere: bool = True) -> Iterator[str]:
    """Yield the modules that a file imports; `everywhere` also inside functions."""
    tree = ast.parse((ROOT / path).read_text())
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_core(path: Path) -> bool:
    return path.parts[0] == "acceptutils" and "runtime" not in path.parts


@pytest.mark.parametrize("path", [path for path in SOURCES if is_core(path)], ids=str)
def test_cores_decide_without_looking_around(path: Path) -> None:
    modules = {name.partition(".")[0] for name in imported(path)}
    assert not modules & CORE_MUST_NOT, "a core never waits and never looks around"
    assert not [name for name in imported(path) if name.startswith("acceptutils.runtime")], (
        "a core that knows the runtime cannot run in another one"
    )
    assert modules <= {"abc", "acceptutils", "binascii", "collections", "enum", "functools", "re", "typing"}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parts[0] == "acceptutils"], ids=str)
def test_nothing_points_back(path: Path) -> None:
    others = {"checking", "conformance", "fakes", "tests"}
    assert not [name for name in imported(path) if name.split(".")[0] in others]


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parts[0] == "fakes"], ids=str)
def test_fakes_share_no_bugs_with_us(path: Path) -> None:
    ours = [name for name in imported(path) if name.startswith("acceptutils")]
    assert all(name.startswith("acceptutils.runtime.world") for name in ours), (
        "a fake that shared our parser would share our bugs"
    )
    assert not [name for name in imported(path) if name.split(".")[0] in {"checking", "conformance", "tests"}]


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parts[0] == "conformance"], ids=str)
def test_the_suite_does_not_know_the_check(path: Path) -> None:
    assert not [name for name in imported(path) if name.split(".")[0] == "checking"]


@pytest.mark.parametrize("path", LAUNCHER)
def test_what_only_waits_starts_without_trio(path: str) -> None:
    assert not [name for name in imported(Path(path)) if name.split(".")[0] == "trio"]


def test_entry_points_import_trio_only_on_demand() -> None:
    at_start = list(imported(Path("acceptutils/runtime/cli.py"), everywhere=False))
    assert not [name for name in at_start if "trio" in name or "runtime" in name]
