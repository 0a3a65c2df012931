"""conform list, show, rules, targets: what there is."""

import argparse

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
    """Print each rule with the scenario lines that hold it and the seeded bugs that prove it."""
    catalogue = rules.read()
    wanted = (
        {rule.id for word in args.rules for rule in catalogue.matching(word)}
        if args.rules
        else set(catalogue)
    )
    if not wanted:
        raise selection.NothingMatchedError(args.rules[0])
    bugs = {mutant.id: [mutant.rule] for mutant in mutants.read() if mutant.id not in _survivors()}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("rule", "level", "title", "lines", "scenarios", "seeded bugs"):
        table.add_column(heading, overflow="fold")
    rows = [row for row in rules.coverage(catalogue, selection.scenarios(), bugs) if row.rule.id in wanted]
    covered, proved = sum(row.covered for row in rows), sum(bool(row.proof) for row in rows)
    for row in rows:
        if (args.uncovered and row.covered) or (args.unproved and row.proof):
            continue
        names = sorted({line.scenario for line in row.lines})
        shown = " ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        places = shown if row.covered and row.lines else ("(fakes)" if row.covered else "NONE")
        table.add_row(
            row.rule.id, row.rule.level, row.rule.title, str(len(row.lines)), places, row.proof or "-"
        )
    console = Console(highlight=False)
    console.print(table)
    tried = "" if TRIED.exists() else " (by mutants.toml; `conform mutants` tries them)"
    print(f"{covered} of {len(rows)} rules covered, {proved} proved{tried}")
    return 0


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
            print(f"{'':10} {'all' if target.kind == 'simulation' else observed} can be observed")
    return 0
