"""What a playing comes out as: hang, spin, crash and wrong bytes told apart."""

import signal
from collections.abc import Container, Iterable, Sequence

from conformance.playing.stage import SUBJECTS, Process, signal_name
from conformance.playing.verdicts import Finding, Kind, Verdict

SENT = frozenset({signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGKILL})
"""What people, kernels and parents end processes with; all other signals are of a program's own making."""


def crashed(processes: Iterable[Process], killed: Container[tuple[int, int]]) -> Process | None:
    """Return a tested program that was killed by a signal that nobody sent, if there is one.

    `killed`: which processes, by PID, were sent which signal by the talk.
    """
    for process in processes:
        ended = process.ended
        if ended is None or ended.signal is None or ended.signal in SENT:
            continue
        if process.name in SUBJECTS and (process.pid, ended.signal) not in killed:
            return process
    return None


def judge(
    findings: Sequence[Finding],
    *,
    crash: Process | None,
    spinning: tuple[str, float] | None,
    idle: bool,
) -> tuple[Verdict, list[Finding]]:
    """Return the verdict, and the findings with the crash or spin that explains them in front.

    `idle`: the chain lives and waits, so what is missing will never come.
    """
    bad = [finding for finding in findings if finding.kind is not Kind.ALTERNATIVE]
    first = bad[0] if bad else None
    if crash is not None and crash.ended is not None and crash.ended.signal is not None:
        name = signal_name(crash.ended.signal)
        return Verdict.CRASH, [_explained(first, Kind.CRASH, f"{crash.name} was killed by {name}"), *findings]
    if spinning is not None:
        words = f"{spinning[0]} used {spinning[1]:.2f} s CPU instead of waiting"
        return Verdict.SPIN, [_explained(first, Kind.SPIN, words), *findings]
    if first is not None:
        if first.kind is Kind.MISSING and idle:
            return Verdict.HANG, [_explained(first, Kind.HANG, "everybody waits for ever"), *findings]
        return Verdict.FAIL, list(findings)
    kinds = {finding.note for finding in findings}
    if "info" in kinds:
        return Verdict.INFO, list(findings)
    return (Verdict.NON_STRICT if "non-strict" in kinds else Verdict.PASS), list(findings)


def _explained(first: Finding | None, kind: Kind, words: str) -> Finding:
    if first is None:
        return Finding(0, kind, (), note=words)
    note = f"{words}; {first.note}" if first.note else words
    return Finding(first.line, kind, first.rules, first.expected, first.got, note)
