"""conform list, show, rules, targets: what there is."""

import argparse
import shutil
import textwrap
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from conformance import known, rules, selection, targets
from conformance.bugs import mutants
from conformance.commands.bugs import TRIED
from conformance.processes import premises
from conformance.reports import jsonl
from conformance.reports.facts import Case


def listing(args: argparse.Namespace) -> int:
    """Print the cases, one a line: name, level, title."""
    for case in selection.select(args.cases):
        print(f"{case.name:60} {case.level:6} {case.one('title')}")
    return 0


def show(args: argparse.Namespace) -> int:
    """Print cases as they are played, columns filled in."""
    for case in selection.select(args.cases):
        print(f"# {case.name}  ({case.file})")
        print(Case.of(case).text)
    return 0


def show_rules(args: argparse.Namespace) -> int:
    """Print what holds and proves each rule: of those that were named all of it, else a line each."""
    catalogue = rules.read()
    wanted = (
        {rule.id for word in args.rules for rule in catalogue.matching(word)}
        if args.rules
        else set(catalogue)
    )
    if not wanted:
        raise selection.NothingMatchedError(args.rules[0])
    bugs = {mutant.id: [mutant.rule] for mutant in mutants.read() if mutant.id not in _survivors()}
    rows = [row for row in rules.coverage(catalogue, selection.scenarios(), bugs) if row.rule.id in wanted]
    covered, proved = sum(row.covered for row in rows), sum(bool(row.proof) for row in rows)
    shown = [
        row for row in rows if not (args.uncovered and row.covered) and not (args.unproved and row.proof)
    ]
    if args.rules:
        for row in shown:
            print(_told(row))
    else:
        Console(highlight=False, markup=False).print(_counted(shown))
    tried = "" if TRIED.exists() else " (by mutants.toml; `conform mutants` tries them)"
    print(f"{covered} of {len(rows)} rules covered, {proved} proved{tried}")
    return 0


def _counted(rows: Iterable[rules.Coverage]) -> Table:
    """Return one line for each rule."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("rule", "level", "title", "scenarios", "lines", "proved by"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        scenarios = str(len({line.scenario for line in row.lines})) if row.lines else ""
        places = scenarios or ("(fakes)" if row.covered else "NONE")
        table.add_row(
            row.rule.id, row.rule.level, row.rule.title, places, str(len(row.lines)), row.proof or "-"
        )
    return table


def _told(row: rules.Coverage) -> str:
    """Return all about one rule: its text, each line that holds something against it, who proves it."""
    rule = row.rule
    width = shutil.get_terminal_size().columns - 1
    text = textwrap.wrap(rule.text, max(width, 30), initial_indent="  ", subsequent_indent="  ")
    lines: dict[str, list[str]] = {}
    for line in row.lines:
        lines.setdefault(line.scenario, []).append(str(line.line))
    places = [f"  {scenario}  line {' '.join(numbers)}" for scenario, numbers in sorted(lines.items())]
    proof = f"  proved by {row.proof}" if row.proof else "  not proved by a seeded bug"
    head = f"{rule.id}  {rule.title}  {rule.level}"
    return "\n".join([head, *text, *(places or ["  no line holds anything against it"]), proof, ""])


def _survivors() -> set[str]:
    """Return the seeded bugs that nobody noticed when they were last tried."""
    return {bug.id for bug in jsonl.read([TRIED]).bugs if bug.survived} if TRIED.exists() else set()


def show_targets(args: argparse.Namespace) -> int:
    """Print the targets: what they are, what is installed, with --check what can be observed."""
    for name, target in targets.known().items():
        reason = targets.unusable(target)
        words = reason or " ".join(target.installed) or "in this process"
        print(f"{name:10} {target.kind:10} clock={target.clock:8} {'unusable: ' if reason else ''}{words}")
        deviations = known.read(known.DIRECTORY / f"{name}.toml")
        if deviations:
            print(f"{'':10} {len(deviations)} known deviations")
        if args.check and not reason:
            with premises.prepared(target) as ready:
                observed = " ".join(sorted(premises.observes(ready)))
            print(f"{'':10} {observed} can be observed")
    return 0
