"""Seeded bugs: small realistic faults in our programs, each of which a scenario must notice.

    [[mutant]]                              in mutants.toml
    id = "dot-per-packet"
    rule = "FIX-DATA-3"                     what it breaks
    why = "the end of DATA judged by how a read ends, as the C programs do"
    file = "acceptutils/fixsmtpio.py"       below the directory that holds the package
    find = '''text that stands once in the file'''
    put = '''what stands there instead'''
    target = "ours"                         left out: "sim"

Each one is tried in a process of its own (`mutated.py`), which loads the changed text in place of the
file: nothing on the disk is changed. With target "ours" that process makes an installation with the
changed text, for what only real processes show. A bug is killed by a case of which a line under its rule
fails, or which names its rule and ends in a hang, spin, crash or leftovers, and which is green without
the bug (`baseline.py`).
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, NamedTuple

FILE: Final = Path(__file__).parents[1] / "mutants.toml"
ROOT: Final = Path(__file__).parents[2]
LAUNCHER: Final = "bin/launcher"
"""In a checkout only; what is installed of it are the programs."""
_KEYS: Final = {"id", "rule", "why", "file", "find", "put"}


class MutantError(ValueError):
    """A file of seeded bugs that is none, or a bug that fits its file no more."""


class Mutant(NamedTuple):
    """One seeded bug; see the module."""

    id: str
    rule: str
    why: str
    file: str
    find: str
    put: str
    target: Literal["sim", "ours"] = "sim"

    def applied(self, source: str) -> str:
        """Return the source with the bug in it. Raises MutantError."""
        count = source.count(self.find)
        if count != 1:
            raise MutantError(f"{self.id}: expected the text once in {self.file}, it is there {count} times")
        return source.replace(self.find, self.put)


def read(path: Path = FILE, root: Path = ROOT) -> list[Mutant]:
    """Read the seeded bugs, each of which must fit its file. Raises MutantError, OSError."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise MutantError(f"{path}: {error}") from None
    found: list[Mutant] = []
    for number, entry in enumerate(content.get("mutant", []), 1):
        if set(entry) - {"target"} != _KEYS or entry.get("target", "sim") not in ("sim", "ours"):
            raise MutantError(f"{path}: mutant {number}: expected {' '.join(sorted(_KEYS))}")
        mutant = Mutant(**entry)
        if any(mutant.id == other.id for other in found):
            raise MutantError(f"{path}: mutant {mutant.id}: expected each id once")
        if mutant.file == LAUNCHER and not (root / mutant.file).exists():
            continue
        mutant.applied((root / mutant.file).read_text(encoding="utf-8"))
        found.append(mutant)
    return found


def select(mutants: Sequence[Mutant], words: Sequence[str]) -> list[Mutant]:
    """Return those with these ids or rules; all if there are no words. Raises LookupError."""
    for word in words:
        if not any(word in (mutant.id, mutant.rule) for mutant in mutants):
            raise LookupError(word)
    return [m for m in mutants if not words or m.id in words or m.rule in words]
