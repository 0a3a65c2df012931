"""The conclusions that all reports share: one verdict a case and target, one cause once, rules, changes."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from conformance.playing.verdicts import Finding, Kind, Result, Verdict
from conformance.reports.facts import Case, Killer, Report, Rule
from conformance.varying.variations import Cut, VariationError, parse

SERIOUS: Final = (
    Verdict.HARNESS,
    Verdict.UNUSABLE,
    Verdict.CRASH,
    Verdict.SPIN,
    Verdict.HANG,
    Verdict.FAIL,
    Verdict.FLAKY,
    Verdict.FIXED,
    Verdict.KNOWN,
    Verdict.NON_STRICT,
    Verdict.INFO,
    Verdict.PASS,
    Verdict.SKIP,
)
"""Of several verdicts the first of these is the one to show."""
WANTS_ATTENTION: Final = frozenset(SERIOUS[: SERIOUS.index(Verdict.FIXED)])
_ANYWHERE: Final = frozenset({Kind.SPIN, Kind.CRASH, Kind.LEFTOVERS})
"""Kinds of which the line does not make another cause."""
_ONE_LINE: Final = frozenset({Kind.WRONG, Kind.MISSING, Kind.HANG})
_IN_WORDS: Final = _ANYWHERE | {Kind.HANG, Kind.INVARIANT}


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


@dataclass(frozen=True)
class Cause:
    """Runs that came out badly, or as known, for one reason."""

    verdict: Verdict
    target: str
    runs: tuple[Result, ...]

    @property
    def first(self) -> Result:
        """The run that is shown."""
        return self.runs[0]

    @property
    def finding(self) -> Finding | None:
        """What was wrong."""
        return self.first.finding

    @property
    def rules(self) -> tuple[str, ...]:
        """The rules that were broken, as far as that is known."""
        return self.finding.rules if self.finding else ()


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


def causes(report: Report, verdicts: frozenset[Verdict] = WANTS_ATTENTION) -> list[Cause]:
    """Return each cause of these verdicts once, base runs first among its runs.

    In the order of the targets; for each one what is most serious, then what explains most cases.
    """
    runs: dict[tuple[object, ...], list[Result]] = {}
    for result in report.results:
        if result.verdict in verdicts:
            runs.setdefault(_cause(result), []).append(result)
    merged: dict[tuple[object, ...], list[Result]] = {}
    for key, found in runs.items():
        merged.setdefault(_elsewhere(report, found[0]) or key, []).extend(found)
    sets = [tuple(sorted(found, key=_base_first)) for found in merged.values()]
    return sorted((Cause(found[0].verdict, found[0].target, found) for found in sets), key=_rank(report))


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
    kept = sum(verdict in (Verdict.PASS, Verdict.NON_STRICT, Verdict.INFO) for verdict in judged)
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


def spans(variations: Sequence[str]) -> str:
    """Name many variations in few words: `cuts 19:1…19:20 and 30:1…30:11, multi=7`."""
    single: dict[int, list[int]] = {}
    others = []
    for text in variations:
        cut = single_cut(text)
        if cut is None:
            others.append(text)
        else:
            single.setdefault(cut.line, []).append(cut.offset)
    words = []
    for line, offsets in sorted(single.items()):
        words += [f"{line}:{a}" if a == b else f"{line}:{a}…{line}:{b}" for a, b in _runs(sorted(offsets))]
    named = ["cuts " + _and(words)] if words else []
    return ", ".join([*named, *others[:12], *([f"{len(others) - 12} more"] if len(others) > 12 else [])])


def single_cut(variation: str) -> Cut | None:
    """Return the packet edge of a variation that is nothing but one."""
    try:
        cuts = parse(variation).cuts
    except VariationError:
        return None
    return cuts[0] if len(cuts) == 1 else None


def _cause(result: Result) -> tuple[object, ...]:
    """Return what is equal for two runs that came out badly for one reason."""
    finding = result.finding
    scenario = result.case.partition("#")[0]
    if finding is None:
        return result.target, scenario, result.verdict, result.reason
    line = 0 if finding.kind in _ANYWHERE else finding.line
    if finding.kind in _IN_WORDS:
        words = re.sub(r"[0-9]+(?:\.[0-9]+)?", "#", finding.note or finding.got)
    else:
        words = re.sub("[0-9]{4,}", "#", finding.got)  # pids and times, no reply codes
    return result.target, scenario, result.verdict, line, finding.kind, words


def _elsewhere(report: Report, result: Result) -> tuple[object, ...] | None:
    """Return what is equal for one fault that shows in several scenarios: the same for the same, by one rule.

    None where nobody could tell that from chance. A checkpassword that reads nothing is one fault, whatever
    it should have read.
    """
    finding = result.finding
    if finding is None or not finding.expected or finding.kind not in _ONE_LINE or result.variation != "base":
        return None
    got = re.sub("[0-9]{4,}", "#", finding.got)
    lines = report.case(result.case).lines
    if not got and 0 < finding.line <= len(lines) and lines[finding.line - 1].lstrip().startswith("fd3:"):
        return result.target, result.verdict, finding.kind, "fd3", finding.note
    return result.target, result.verdict, finding.kind, finding.rules, finding.expected, got, finding.note


def _rank(report: Report) -> Callable[[Cause], tuple[int, int, int]]:
    targets = report.targets

    def rank(cause: Cause) -> tuple[int, int, int]:
        cases = {run.case for run in cause.runs}
        return targets.index(cause.target), SERIOUS.index(cause.verdict), -len(cases)

    return rank


def _base_first(result: Result) -> bool:
    return result.variation != "base"


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


def rows_named(cases: Iterable[str]) -> list[str]:
    """Name many cases in few words: the rows of one table together, such as `capa#1…#4 #7`."""
    rows: dict[str, list[int]] = {}
    for name in cases:
        scenario, _, row = name.partition("#")
        rows.setdefault(scenario, []).extend([int(row)] if row else [])
    return [
        scenario + " ".join(f"#{a}" if a == b else f"#{a}…#{b}" for a, b in _runs(sorted(found)))
        for scenario, found in rows.items()
    ]


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return the first and last of each run of consecutive numbers."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number <= found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _many(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
