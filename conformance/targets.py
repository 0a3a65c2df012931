"""What can be tested: targets.toml, and what of it is usable on this computer.

An error names the file, the target and what was expected there.
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

from conformance.playing.stage import SUBJECTS

DEFAULTS: Final = Path(__file__).with_name("targets.toml")
Clock = Literal["virtual", "inject", "real"]
SCRIPTS: Final = "@scripts"
OBSERVABLE: Final = frozenset(
    {"exit", "uid", "env", "fds", "argv", "cwd", "signals", "processes", "cpu", "leftovers", "exact-time"}
)
CLOCKS: Final[Mapping[str, tuple[Clock, ...]]] = {"simulation": ("virtual",), "exec": ("real", "inject")}
"""Those that each kind of target can have, the usual one first."""
COMPUTER_NEEDS: Final = frozenset({"root", "namespaces"})


class TargetError(ValueError):
    """A targets.toml that is none, or a target that does not exist."""


class Unusable(Exception):
    """A target that cannot be tested here; the message says why."""


@dataclass(frozen=True)
class TargetConfig:
    """One target. `place` and `isolation` are there when premises.prepared() has made it ready to run."""

    name: str
    kind: Literal["simulation", "exec"]
    file: str = ""
    dir: str = ""
    generation: str = ""
    home: str = ""
    patience: float = 2.0
    clock: Clock = "real"
    log: bool = True
    programs: Mapping[str, str] = field(default_factory=dict)
    unobserved: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    sanity: tuple[str, ...] = ()
    place: str = ""
    kept: str = ""
    """Where the directories of runs stay; "" if they do not."""
    isolation: Literal["", "root", "user", "none"] = ""

    @property
    def directory(self) -> Path:
        """Where its programs are."""
        return Path(sys.executable).parent if self.dir == SCRIPTS else Path(self.dir)

    @property
    def installed(self) -> dict[str, Path]:
        """Its programs that there are."""
        paths = {name: self.directory / name for name in sorted(SUBJECTS)}
        paths |= {name: Path(path) for name, path in self.programs.items()}
        return {name: path for name, path in paths.items() if os.access(path, os.X_OK)}


def read(path: Path) -> dict[str, TargetConfig]:
    """Read a targets.toml. Raises TargetError, OSError."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TargetError(f"{path}: expected TOML: {error}") from None
    return {name: _target(str(path), name, table) for name, table in tables.items()}


def known(directory: Path | None = None) -> dict[str, TargetConfig]:
    """Return the targets by name: the default ones and those of a directory's targets.toml."""
    own = (directory or Path.cwd()) / "targets.toml"
    return read(DEFAULTS) | (read(own) if own.exists() else {})


def find(name: str, targets: Mapping[str, TargetConfig]) -> TargetConfig:
    """Return a target by name, or one made of a directory of programs. Raises TargetError."""
    if name in targets:
        return targets[name]
    if "/" in name:
        path = Path(name).resolve()
        if not path.is_dir():
            raise TargetError(
                f"target {name}: expected a directory with the programs {' '.join(sorted(SUBJECTS))}"
            )
        return TargetConfig(_called(path), "exec", dir=str(path))
    expected = " ".join(sorted(targets))
    raise TargetError(f"target {name!r}: expected one of {expected}, or a directory (with a / in its name)")


def _called(path: Path) -> str:
    """Return what a directory is called in tokens and reports: as short as it is without doubt."""
    here = Path.cwd()
    return f"./{path.relative_to(here)}" if path.is_relative_to(here) else str(path)


def with_clock(target: TargetConfig, clock: Clock | None) -> TargetConfig:
    """Return a target with another clock, if one is asked for. Raises TargetError."""
    if clock is None:
        return target
    if clock not in CLOCKS[target.kind]:
        raise TargetError(f"target {target.name}: clock {clock}: expected {_clocks(target.kind)}")
    return replace(target, clock=clock)


def unusable(target: TargetConfig) -> str | None:
    """Return why a target cannot be tested here at all; None if it can, as far as one sees."""
    if target.kind == "simulation":
        return None
    if not target.directory.is_dir():
        return f"{target.directory} is missing"
    for own in (target.directory / name for name in sorted(SUBJECTS)):
        if own.exists() and not os.access(own, os.X_OK):
            return f"{own} cannot be executed"
    if not target.installed.keys() & SUBJECTS:
        return f"{target.directory} has none of {' '.join(sorted(SUBJECTS))}"
    for name, path in target.programs.items():
        if name not in target.installed:
            return f"{path} (for {name}) is not a program that can be run"
    if "root" in target.needs and os.geteuid() != 0:
        return "it needs root"
    return None


def unmet(target: TargetConfig, needs: Mapping[str, str]) -> str | None:
    """Return why a case with these `needs` has to be skipped on a target; None if it need not."""
    simulated = target.kind == "simulation"
    has = {
        "root": simulated or os.geteuid() == 0,
        "reup": simulated or "reup" in target.installed,
        "virtual-time": target.clock == "virtual",
        "faults": simulated,
        "fakes": simulated,
        "log": target.log,
    }
    for need, value in needs.items():
        if need == "generation":
            if target.generation not in ("", value):  # ours has no generation: it serves all
                return f"needs generation {value}, this is {target.generation}"
        elif not has.get(need, False):
            return f"needs {need}"
    return None


def _target(file: str, name: str, table: object) -> TargetConfig:
    """Understand one table. Raises TargetError."""
    if not isinstance(table, dict):
        raise TargetError(f"{file}: {name}: expected a table [{name}]")

    def wrong(key: str, expected: str) -> TargetError:
        return TargetError(f"{file}: [{name}] {key} = {table.get(key)!r}: expected {expected}")

    def take(key: str, kind: type | tuple[type, ...], expected: str, default: Any) -> Any:
        value = table.get(key, default)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise wrong(key, expected)
        return value

    def words(key: str, allowed: frozenset[str] | None) -> list[str]:
        found = take(key, list, "a list of words", [])
        if any(not isinstance(word, str) or (allowed is not None and word not in allowed) for word in found):
            raise wrong(key, "a list of " + (" ".join(sorted(allowed)) if allowed else "names"))
        return [str(word) for word in found]

    if unknown := table.keys() - _KEYS:
        raise TargetError(f"{file}: [{name}] {min(unknown)}: expected one of {' '.join(sorted(_KEYS))}")
    kind = table.get("kind")
    if kind not in ("simulation", "exec"):
        raise wrong("kind", '"simulation" or "exec"')
    clock = table.get("clock", CLOCKS[kind][0])
    if clock not in CLOCKS[kind]:
        raise wrong("clock", _clocks(kind))
    directory = take("dir", str, "the path of a directory", "")
    if kind == "exec" and not directory:
        raise wrong("dir", "the path of a directory")
    programs = take("program", dict, 'a table of name = "path"', {})
    if any(not isinstance(path, str) for path in programs.values()):
        raise wrong("program", 'a table of name = "path"')
    patience = take("patience", (int, float), "seconds", 2.0)
    if patience <= 0:
        raise wrong("patience", "seconds above 0")
    return TargetConfig(
        name=name,
        kind=kind,
        file=file,
        dir=_resolved(directory, file),
        generation=take("generation", str, "a word", ""),
        home=take("home", str, "the name of an environment variable", ""),
        patience=float(patience),
        clock=clock,
        log=take("log", bool, "true or false", True),
        programs={key: path for key, path in programs.items() if path != "puppet"},
        unobserved=frozenset(words("unobserved", OBSERVABLE)),
        needs=frozenset(words("needs", COMPUTER_NEEDS)),
        sanity=tuple(words("sanity", None)),
    )


def _clocks(kind: str) -> str:
    words = " or ".join(f'"{clock}"' for clock in CLOCKS[kind])
    return f"{words} for a target of kind {kind}"


_KEYS: Final = frozenset(
    "kind dir generation home patience clock log program unobserved needs sanity".split()  # noqa: SIM905
)


def _resolved(directory: str, file: str) -> str:
    """Return a directory as seen from the file that names it."""
    if directory in ("", SCRIPTS):
        return directory
    return str((Path(file).parent / Path(directory).expanduser()).resolve())
