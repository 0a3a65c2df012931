"""The k=v words of `c! start`, `K! start` and of `-- processes --`, held against what was observed."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from conformance.format import octets
from conformance.format.talk import Section
from conformance.format.talk_parser import note
from conformance.playing.stage import Ended, Process, Program, signal_name

_IDS = frozenset({"uid", "euid", "gid"})
_KNOWN = _IDS | {"fds", "argv", "cwd", "exit", "signal", "ignored", "blocked"}


class Difference(NamedTuple):
    """What is wrong in a process tree: the line, its rules, what stands there and what was observed."""

    line: int
    rules: tuple[str, ...]
    expected: str
    got: str


class Row(NamedTuple):
    """One line of a process tree."""

    line: int
    depth: int
    name: str
    becomes: bool
    words: tuple[str, ...]
    rules: tuple[str, ...] = ()


def check(
    words: Iterable[str], program: Program, process: Process, observes: frozenset[str]
) -> tuple[str, set[str]]:
    """Return the first wrong attribute as observed, "" if none, and what could not be observed."""
    unobserved = set()
    for word in words:
        need, got = _observed(word, program, process)
        if need not in observes or got is None:
            unobserved.add(need)
        elif got != word:
            return got, unobserved
    return "", unobserved


def compare_tree(
    section: Section, processes: Sequence[Process], observes: frozenset[str]
) -> tuple[Difference | None, set[str]]:
    """Return what is first wrong in a process tree, None if nothing, and what was not observed."""
    if "processes" not in observes:
        return None, {"processes"}
    rows = parse_tree(section)
    seen = flatten(processes)
    for row, (depth, program, _, becomes) in zip(rows, seen, strict=False):
        if (row.name, row.becomes, row.depth) != (program.name, becomes, depth):
            expected, got = _shape(row.depth, row.name, row.becomes), _shape(depth, program.name, becomes)
            return Difference(row.line, row.rules, expected, got), set()
    if len(rows) != len(seen):
        names = " ".join(program.name for _, program, _, _ in seen)
        rules = rows[-1].rules if rows else ()
        return Difference(section.line, rules, " ".join(row.name for row in rows), names), set()
    first: Difference | None = None
    unobserved = set()
    for row, (_, program, process, _) in zip(rows, seen, strict=True):
        got, missing = check(row.words, program, process, observes)
        unobserved |= missing
        if got and first is None:
            expected = f"{row.name} {' '.join(row.words)}"
            first = Difference(row.line, row.rules, expected, f"{row.name} {got}")
    return first, unobserved


def _shape(depth: int, name: str, becomes: bool) -> str:
    return f"{'  ' * depth}{name}{' =' if becomes else ''}"


def parse_tree(section: Section) -> list[Row]:
    """Understand the lines of `-- processes --`; depth counts from 0.

    `# [RULE]` names the rules of the rows up to the next empty line, as in the talk.
    """
    rows: list[Row] = []
    indents: list[int] = []
    rules: tuple[str, ...] = ()
    for number, line in enumerate(section.lines, section.line + 1):
        name, *words = line.split() or [""]
        if not name:
            rules = ()
            continue
        if name.startswith("#"):
            rules = (*rules, *note(line.strip(), number).rules)
            continue
        indent = len(line) - len(line.lstrip())
        while indents and indents[-1] >= indent:
            indents.pop()
        indents.append(indent)
        becomes = words[:1] == ["="]
        rows.append(
            Row(number, len(indents) - 1, name, becomes, tuple(words[1:] if becomes else words), rules)
        )
    return rows


def flatten(processes: Sequence[Process]) -> list[tuple[int, Program, Process, bool]]:
    """Return the programs in the order of their start: depth, program, its process, by exec or not.

    What a process becomes stands one step to the right of it, and its children from then on two.
    """
    started = [(program, process) for process in processes for program in process.programs]
    started.sort(key=lambda pair: pair[0].order)
    depths: dict[int, int] = {}
    found = []
    for program, process in started:
        becomes = program is not process.programs[0]
        if program is process.programs[0]:
            depths[process.pid] = depths.get(process.parent, -1) + 1
        elif program is process.programs[1]:
            depths[process.pid] += 1
        found.append((depths[process.pid], program, process, becomes))
    return found


def _observed(word: str, program: Program, process: Process) -> tuple[str, str | None]:
    """Return what has to be observable for this word, and the word as it really is (None: unknown)."""
    key, equals, _ = word.partition("=")
    if key not in _KNOWN or not equals:
        return "env", _variable(word, program)
    if key in _IDS:
        number = getattr(program, key)
        return "uid", None if number is None else f"{key}={number}"
    if key == "fds":
        return "fds", None if program.fds is None else f"fds={','.join(map(str, sorted(program.fds)))}"
    if key == "argv":
        return "argv", f"argv={','.join(octets.write(arg) for arg in program.argv)}"
    if key == "cwd":
        return "cwd", None if program.cwd is None else f"cwd={octets.write(program.cwd)}"
    if key in ("ignored", "blocked"):
        signals = program.ignored if key == "ignored" else program.blocked
        return "signals", None if signals is None else f"{key}={_names(signals)}"
    return "exit", end_word(process.ended) if process.observed_end else None


def _variable(word: str, program: Program) -> str | None:
    """Return NAME=value, NAME or !NAME as it is."""
    env = program.env
    if env is None:
        return None
    name, equals, _ = word.removeprefix("!").partition("=")
    value = env.get(name.encode())
    if value is None:
        return f"!{name}"
    return f"{name}={octets.write(value)}" if equals or word.startswith("!") else name


def _names(signals: Iterable[int]) -> str:
    return ",".join(sorted(map(signal_name, signals))) or "none"


def end_word(ended: Ended | None) -> str:
    """Return the word of an end: exit=N, signal=NAME, or alive."""
    if ended is None:
        return "alive"
    if ended.signal is not None:
        return f"signal={signal_name(ended.signal).removeprefix('SIG')}"
    return f"exit={ended.code}"


def shape(name: str) -> bool:
    """Say whether a word can be an attribute, for lint: key=value, NAME or !NAME."""
    return re.fullmatch(r"!?[A-Za-z_][A-Za-z0-9_]*(=.*)?", name) is not None
