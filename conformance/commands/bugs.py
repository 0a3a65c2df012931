"""conform mutants: the seeded bugs, and who kills them."""

import argparse
import os
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path

from conformance import selection
from conformance.bugs import matrix
from conformance.bugs import mutants as seeded
from conformance.cli import FAILURES
from conformance.commands.run import catalogue
from conformance.reports import jsonl
from conformance.reports.facts import Outcome, SeededBug, Session

TRIED = Path(".conform/mutants.jsonl")
"""Where the outcome of the last try is kept."""


def mutants(args: argparse.Namespace) -> int:
    """Try seeded bugs; print the kill matrix, survivors last.

    1 if one survives, or if a case is red without any.
    """
    chosen = seeded.select(seeded.read(), args.ids)
    if args.list:
        for mutant in chosen:
            print(f"{mutant.id:40} {mutant.rule:16} {mutant.target:4} {mutant.file:40} {mutant.why}")
        return 0
    cases = selection.select([])
    bugs, red = matrix.hunt(chosen, cases, args.jobs or os.cpu_count() or 1, _tell)
    survivors = [bug for bug in bugs if bug.survived]
    where, code = args.jsonl or TRIED, FAILURES if survivors or red else 0
    _write(where, bugs, code)
    for words in red:
        print(f"RED WITHOUT A BUG, so it kills none: {words}")
    for bug in survivors:
        print(f"SURVIVED {bug.id} ({bug.rule}, {bug.file}): {bug.why}")
    killed = len(bugs) - len(survivors)
    print(f"{killed} of {len(bugs)} seeded bugs killed by a scenario that names the rule; {where}")
    return code


def _tell(bug: SeededBug) -> None:
    killers = " ".join(f"{killer.case}:{killer.line}" for killer in bug.killers[:3])
    more = f" and {len(bug.killers) - 3} more" if len(bug.killers) > 3 else ""
    print(
        f"{'✖' if bug.survived else '✔'} {bug.id:40} {bug.rule:16} {killers or 'SURVIVED'}{more}", flush=True
    )


def _write(path: Path, bugs: list[SeededBug], code: int) -> None:
    """Write the stream, for `conform report`."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with jsonl.Writer(path) as writer:
        writer.start(Session(0, {}, ("conform", *map(shlex.quote, sys.argv[1:])), {}, now))
        writer.rules(catalogue())
        for bug in bugs:
            writer.bug(bug)
        writer.end(Outcome(code))
