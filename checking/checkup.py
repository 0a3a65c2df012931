"""All that a check finds, put together."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from acceptutils import control
from checking import (
    chain_checks,
    control_checks,
    path_checks,
    permissions,
    rule_pairs,
    rule_sessions,
    rules_checks,
)
from checking.chain import Chain
from checking.chain_words import Sentence, sentences
from checking.files import RULES, ControlFile, Home
from checking.globs import Budget, TooComplicated
from checking.remarks import COMMAND_LINE, Remark, Severity, quoted, remark
from checking.ruleset import Ruleset, read
from checking.service import Service
from checking.words import sentence

MOST_STEPS = 1_000_000  # of comparing globs: a second or two


class Checkup(NamedTuple):
    """What was looked at and what was found."""

    home: Path
    rules: Sequence[tuple[int, str]]
    """Each rule's line and what it does."""
    programs: Sequence[Sentence]
    """What is to be said of each program."""
    remarks: Sequence[Remark]
    transcript: Sequence[str] | None = None

    def count(self, severity: Severity) -> int:
        """Return how many remarks are of this severity."""
        return sum(remark.severity is severity for remark in self.remarks)


def check(home: Home, chain: Chain | None, env: Mapping[bytes, bytes]) -> Checkup:
    """Look at a qmail home and, if there is one, at the command line of its run script."""
    service = chain.service() if chain else Service()
    name = control.greeting(home.greeting_file.content, None) or b""
    ruleset = read(home.files[RULES].content)
    remarks = [*_rules(home.files[RULES], ruleset, name, service)] if service.filters else []
    remarks += [*control_checks.check(home, service), *permissions.check(home, service)]
    if chain:
        remarks += chain_checks.check(chain, env)
        remarks += path_checks.check(chain, os.environ.get("PATH"), home.path)
        remarks += _other_home(home, chain)
    explained = [(line.number, sentence(line, name)) for line in ruleset.lines] if service.filters else []
    return Checkup(home.path, explained, [*sentences(chain)] if chain else [], sorted(remarks, key=_place))


def _place(found: Remark) -> tuple[bool, str, int]:
    """Return by what remarks are sorted: rules first, the command line last, lines in their order."""
    file = found.place.file
    return file == COMMAND_LINE.file, "" if file.endswith(RULES) else file, found.place.line or 0


def _rules(file: ControlFile, ruleset: Ruleset, name: bytes, service: Service) -> Iterator[Remark]:
    if file.trouble is not None:
        yield remark(
            "unreadable",
            file.at(),
            f"It cannot be read: {file.trouble}. Then no session is served.",
            "Without rules there must be no such file.",
        )
        return
    yield from rules_checks.bad_lines(file, ruleset)
    if file.content is None and not service.logs_in:
        return
    budget = Budget(MOST_STEPS)
    try:
        for line in ruleset.lines:
            yield from rules_checks.single(file, line, service.environment, budget)
        yield from rule_pairs.pairs(file, ruleset, name, budget)
    except TooComplicated:
        yield remark(
            "too-complicated",
            file.at(),
            "There are more globs, or larger ones, than this check compares: something may be missing here.",
        )
    if not ruleset.bad:
        yield from rule_sessions.together(file, ruleset, name, service.environment)


def _other_home(home: Home, chain: Chain) -> Iterator[Remark]:
    for program in chain.programs:
        other = program.sets.get(b"QMAILHOME")
        if other and os.path.realpath(other) != os.fsencode(os.path.realpath(home.path)):
            yield remark(
                "other-home",
                COMMAND_LINE,
                f"It sets QMAILHOME to {quoted(other)}, so that the service reads other control files.",
                f"acceptutils check {os.fsdecode(other)}",
            )
