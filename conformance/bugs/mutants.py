"""Seeded bugs: small realistic faults in our programs, each of which a scenario must notice.

    [[mutant]]                              in mutants.toml
    id = "dot-per-packet"
    rule = "FIX-DATA-3"                     what it breaks
    why = "the end of DATA judged by how a read ends, as the C programs do"
    file = "acceptutils/fixsmtpio.py"       below the directory that holds the package
    find = '''text that stands once in the file'''
    put = '''what stands there instead'''

Each one is tried in a process of its own (`mutated.py`), which loads the changed text in place of the
file: nothing on the disk is changed. It is killed by a case of which a line under its rule fails, or
which names its rule and ends in a hang, spin, crash or leftovers.
"""

import json
import pickle
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

from conformance.format.talk import Talk
from conformance.reports.facts import Case, Killer, SeededBug

FILE: Final = Path(__file__).parents[1] / "mutants.toml"
ROOT: Final = Path(__file__).parents[2]
_KEYS: Final = {"id", "rule", "why", "file", "find", "put"}
LONGEST: Final = 600.0  # seconds for one seeded bug


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
        if set(entry) != _KEYS:
            raise MutantError(f"{path}: mutant {number}: expected {' '.join(sorted(_KEYS))}")
        mutant = Mutant(**entry)
        if any(mutant.id == other.id for other in found):
            raise MutantError(f"{path}: mutant {mutant.id}: expected each id once")
        mutant.applied((root / mutant.file).read_text(encoding="utf-8"))
        found.append(mutant)
    return found


def select(mutants: Sequence[Mutant], words: Sequence[str]) -> list[Mutant]:
    """Return those with these ids or rules; all if there are no words. Raises LookupError."""
    for word in words:
        if not any(word in (mutant.id, mutant.rule) for mutant in mutants):
            raise LookupError(word)
    return [m for m in mutants if not words or m.id in words or m.rule in words]


def hunt(
    mutants: Sequence[Mutant], cases: Sequence[Talk], jobs: int, on_bug: Callable[[SeededBug], None]
) -> list[SeededBug]:
    """Try every seeded bug against the cases that hold something against its rule (`hunting.py`)."""
    asserted = [(case, Case.of(case).asserted) for case in sorted(cases, key=lambda case: case.name)]

    def attempt(mutant: Mutant) -> SeededBug:
        return _try(mutant, [case for case, rules in asserted if mutant.rule in rules])

    with ThreadPoolExecutor(jobs) as pool:
        bugs = []
        for bug in pool.map(attempt, mutants):
            on_bug(bug)
            bugs.append(bug)
    return bugs


def _try(mutant: Mutant, cases: Sequence[Talk]) -> SeededBug:
    command = [sys.executable, "-m", "conformance.bugs.mutated", mutant.id]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter
            command,
            input=pickle.dumps(cases),
            capture_output=True,
            timeout=LONGEST,
            check=False,
            cwd=ROOT,
        )
        killers = list(_killers(done.stdout.decode()))
        trouble = done.stderr.decode().strip().splitlines()[-1:] if done.returncode else []
    except subprocess.TimeoutExpired:
        killers, trouble = [], [f"took more than {LONGEST:g} s"]
    why = mutant.why if not trouble else f"{mutant.why} (could not be tried: {trouble[0]})"
    change = f"- {mutant.find}\n+ {mutant.put}"
    names = tuple(case.name for case in cases)
    return SeededBug(mutant.id, mutant.rule, mutant.file, change, tuple(killers), names, why)


def _killers(output: str) -> Iterator[Killer]:
    for line in output.splitlines():
        yield Killer(**json.loads(line))
