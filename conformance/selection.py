"""Which cases a command means: one language of arguments for all commands.

FILE.talk   a file                        pop3-login      a scenario by its name or its last part
authup-*    a pattern over names          pop3-login#2    one row of a table
AUTHUP-ERR-1  AUTHUP-TLS-*                the scenarios that hold something against a rule
failed      what failed in the last run, of one's own files too
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Final

from conformance.format import talk_parser
from conformance.format.cases import cases
from conformance.format.talk import Note, Talk

SCENARIOS: Final = Path(__file__).with_name("scenarios")
_RULE: Final = re.compile(r"[A-Z][A-Z0-9]*-[A-Z0-9*?\[\]-]+")


class NothingMatchedError(LookupError):
    """An argument that selects nothing."""


@cache
def scenarios(root: Path = SCENARIOS) -> tuple[Talk, ...]:
    """Return all scenarios below a directory, sorted by name. Raises TalkError."""
    return tuple(talk_parser.read(path, root) for path in sorted(root.rglob("*.talk")))


def select(words: Sequence[str], failed: Iterable[str] = (), root: Path = SCENARIOS) -> list[Talk]:
    """Return the selected cases, rows of tables one by one; all if there are no words.

    `failed` are the names that the word "failed" stands for. Raises NothingMatchedError, TalkError.
    """
    if not words:
        return [case for talk in scenarios(root) for case in cases(talk)]
    found: dict[str, Talk] = {}
    for word in words:
        chosen = _chosen(word, set(failed), root)
        if not chosen:
            raise NothingMatchedError(word)
        found |= {case.name: case for case in chosen}
    return list(found.values())


def _chosen(word: str, failed: set[str], root: Path) -> list[Talk]:
    name, _, row = word.partition("#")
    path = Path(name)
    if path.is_dir():
        return [case for file in sorted(path.rglob("*.talk")) for case in cases(_read(file, root))]
    if name.endswith(".talk") and path.exists():
        return [case for case in cases(_read(path, root)) if not row or case.name.endswith(f"#{row}")]
    everything = [case for talk in scenarios(root) for case in cases(talk)]
    if word == "failed":
        files = {Path(name.partition("#")[0]) for name in failed}
        others = [case for file in sorted(files) if file.is_file() for case in cases(_read(file, root))]
        return [case for case in everything + others if case.name in failed]
    if _RULE.fullmatch(word):
        return [case for case in everything if _holds(case, word)]
    return [case for case in everything if _is_called(case.name, word)]


def _read(path: Path, root: Path) -> Talk:
    """Read a file; one from outside the suite is called by its path, for its tokens to be of use."""
    whole = path.resolve()
    talk = talk_parser.read(whole, root)
    return talk if whole.is_relative_to(root) else replace(talk, name=str(path), file=str(path))


def _holds(case: Talk, pattern: str) -> bool:
    asserted = {rule for step in case.steps if isinstance(step, Note) for rule in step.rules}
    return any(fnmatchcase(rule, pattern) for rule in asserted)


def _is_called(name: str, pattern: str) -> bool:
    scenario = name.partition("#")[0]
    names = {name, scenario, name.rpartition("/")[2], scenario.rpartition("/")[2]}
    return any(fnmatchcase(candidate, pattern) for candidate in names)
