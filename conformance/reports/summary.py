"""The conclusions that all reports share: one verdict a case and target, one cause once, rules, changes."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from conformance.playing.verdicts import GOOD, Result, Verdict
from conformance.reports.causes import SERIOUS, WANTS_ATTENTION, Cause, causes
from conformance.reports.facts import Case, Killer, Report, Rule


class Cell(NamedTuple):
    """All runs of one case on one target."""

    case: str
    target: str
    runs: tuple[Result, ...]

    @property
    def verdict(self) -> Verdict:
        """The most serious verdict."""
        return worst(run.verdict for run in self.runs)

    @property
    def base(self) -> Result | None:
        """The run as written, if there was one."""
        return next((run for run in self.runs if run.variation == "base"), None)

    @property
    def variations(self) -> list[Result]:
        """The other runs."""
        return [run for run in self.runs if run.variation != "base"]

    @property
    def speaking(self) -> Result:
        """The run to tell about: the base run where it has the verdict, else the first that has."""
        return next((r for r in (self.base, *self.runs) if r and r.verdict is self.verdict), self.runs[0])


class RuleState(NamedTuple):
    """How a rule is looked after, and how the targets keep it."""

    rule: Rule
    cases: tuple[str, ...]
    asserted: Mapping[str, tuple[int, ...]]
    """Case to the lines that hold something against it."""
    bugs: tuple[str, ...]
    killers: tuple[tuple[str, Killer], ...]
    """The seeded bugs of this rule that were noticed, and by whom."""
    targets: Mapping[str, Verdict]

    @property
    def lamps(self) -> tuple[bool, bool, bool]:
        """Covered, asserted, proved."""
        return bool(self.cases), bool(self.asserted), bool(self.killers)


class Change(NamedTuple):
    """A case that came out otherwise than in the baseline; None: it was not run."""

    case: str
    target: str
    before: Verdict | None
    now: Verdict | None


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the most serious verdict; SKIP of none."""
    return min(verdicts, key=SERIOUS.index, default=Verdict.SKIP)


def cells(report: Report) -> dict[tuple[str, str], Cell]:
    """Return the cells of the matrix, cases in the order of their first result."""
    runs: dict[tuple[str, str], list[Result]] = {}
    for result in report.results:
        runs.setdefault((result.case, result.target), []).append(result)
    return {key: Cell(*key, tuple(found)) for key, found in runs.items()}


def groups(report: Report) -> dict[str, list[Case]]:
    """Return the cases that have results, by program; those of one group as they were planned."""
    found: dict[str, list[Case]] = {}
    run = dict.fromkeys(result.case for result in report.results)
    for name in [*(name for name in report.cases if name in run), *(n for n in run if n not in report.cases)]:
        case = report.case(name)
        found.setdefault(case.group, []).append(case)
    return dict(sorted(found.items()))


def counts(report: Report, target: str) -> Counter[Verdict]:
    """Count the cases of a target by their verdicts."""
    return Counter(cell.verdict for (_, name), cell in cells(report).items() if name == target)


def rule_states(report: Report) -> list[RuleState]:
    """Return all rules, those of the specification first, in its order."""
    unknown = {rule for case in report.cases.values() for rule in (*case.rules, *case.asserted)}
    rules = [*report.rules.values(), *(Rule(name) for name in sorted(unknown - set(report.rules)))]
    by_rule: dict[str, list[Case]] = {}
    for case in report.cases.values():
        for rule in dict.fromkeys((*case.rules, *case.asserted)):
            by_rule.setdefault(rule, []).append(case)
    matrix = cells(report)
    targets = report.targets
    return [_rule_state(report, rule, by_rule.get(rule.id, []), matrix, targets) for rule in rules]


def sentence(report: Report, target: str) -> str:
    """Say in one sentence how a target came out."""
    judged = [state.targets[target] for state in rule_states(report) if target in state.targets]
    judged = [verdict for verdict in judged if verdict is not Verdict.SKIP]
    kept = sum(verdict in GOOD for verdict in judged)
    words = f"{target}: conforms to {kept} of {_many(len(judged), 'rule')}"
    known = len(_of(report, target, {Verdict.KNOWN}))
    bad = len(_of(report, target, WANTS_ATTENTION))
    extra = [_many(bad, "problem")] if bad else []
    extra += [_many(known, "known problem")] if known else []
    return "; ".join([words, *extra])


def changes(report: Report, baseline: Report) -> list[Change]:
    """Return what came out otherwise than in the baseline, on the targets that both have."""
    before, now = cells(baseline), cells(report)
    shared = set(report.targets) & set(baseline.targets)
    found = []
    for case, target in dict.fromkeys([*now, *before]):
        was = before[case, target].verdict if (case, target) in before else None
        is_now = now[case, target].verdict if (case, target) in now else None
        if target in shared and was is not is_now:
            found.append(Change(case, target, was, is_now))
    return found


def left_out_words(why: str, count: int) -> str:
    """Say what was not run, in the words of `Outcome.left_out`."""
    many = f"{count:,}".replace(",", " ")
    match why:
        case "bytes":
            return f"{many} of the packet edges inside lines too long to be cut at every byte"
        case "cuts":
            return f"{many} of the cuts of long lines"
        case "no time left":
            return f"the variations of {_many(count, 'case')}, or some of them: the time was used up"
    return f"{_many(count, 'run')}, {why}"


def skip_reasons(report: Report, target: str) -> dict[str, int]:
    """Return why cases were skipped on a target, and how many; the most frequent reason first."""
    reasons = Counter(
        re.sub(r"^takes [0-9.]+ s of real time", "takes more than 10 s of real time", result.reason)
        for result in report.results
        if result.verdict is Verdict.SKIP and result.target == target
    )
    return dict(reasons.most_common())


def _rule_state(
    report: Report,
    rule: Rule,
    cases: Sequence[Case],
    matrix: Mapping[tuple[str, str], Cell],
    names: Sequence[str],
) -> RuleState:
    bugs = [bug for bug in report.bugs if bug.rule == rule.id]
    targets = {}
    for target in names:
        found = [matrix[case.name, target] for case in cases if (case.name, target) in matrix]
        runs = [run for cell in found for run in cell.runs]
        if runs:
            targets[target] = worst(_for_rule(run, rule.id) for run in runs)
    return RuleState(
        rule,
        tuple(case.name for case in cases),
        {case.name: case.asserted[rule.id] for case in cases if rule.id in case.asserted},
        tuple(bug.id for bug in bugs),
        tuple((bug.id, killer) for bug in bugs for killer in bug.killers),
        targets,
    )


def _for_rule(run: Result, rule: str) -> Verdict:
    """Return what a run says about one of the rules of its case: a failure of another rule says nothing.

    A failure that no rule is blamed for counts against all rules of the case.
    """
    blamed = {name for finding in run.findings for name in finding.rules}
    if run.verdict not in (Verdict.PASS, Verdict.SKIP) and blamed and rule not in blamed:
        return Verdict.SKIP if run.verdict in WANTS_ATTENTION else Verdict.PASS
    return run.verdict


def _of(report: Report, target: str, verdicts: Iterable[Verdict]) -> list[Cause]:
    return [cause for cause in causes(report, frozenset(verdicts)) if cause.target == target]


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
