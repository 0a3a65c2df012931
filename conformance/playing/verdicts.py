"""What a run can come out as, and the record that it leaves: picklable, and written as JSON lines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """The verdict of a run."""

    PASS = "pass"  # noqa: S105 - not that kind of pass
    NON_STRICT = "non-strict"
    INFO = "info"
    FAIL = "FAIL"
    HANG = "HANG"
    SPIN = "SPIN"
    CRASH = "CRASH"
    KNOWN = "known"
    FLAKY = "flaky"
    SKIP = "skip"
    UNUSABLE = "unusable"
    HARNESS = "harness-error"

    @property
    def bad(self) -> bool:
        """Whether it speaks against the target."""
        return self in BAD


BAD = frozenset({Verdict.FAIL, Verdict.HANG, Verdict.SPIN, Verdict.CRASH, Verdict.FLAKY})
GOOD = frozenset({Verdict.PASS, Verdict.NON_STRICT, Verdict.INFO})

SYMBOLS = {
    Verdict.PASS: "✔",
    Verdict.NON_STRICT: "≈",
    Verdict.INFO: "i",
    Verdict.FAIL: "✖",
    Verdict.HANG: "◌",
    Verdict.SPIN: "◌",
    Verdict.CRASH: "✖",
    Verdict.KNOWN: "⚑",
    Verdict.FLAKY: "~",
    Verdict.SKIP: "○",
    Verdict.UNUSABLE: "✖",
    Verdict.HARNESS: "‼",
}


class Kind(StrEnum):
    """What was wrong with one line, or with the run as a whole."""

    WRONG = "wrong"
    MISSING = "missing"
    LATE = "late"
    EARLY = "early"
    EXTRA = "extra"
    LEFTOVERS = "leftovers"
    HANG = "hang"
    SPIN = "spin"
    CRASH = "crash"
    INVARIANT = "invariant"
    ALTERNATIVE = "alternative"


@dataclass(frozen=True)
class Finding:
    """One thing that was noticed. `line` is that of the .talk file, 0 for the run as a whole.

    `expected` and `got` are in octets.py's notation (or words). For kind ALTERNATIVE `note` is
    "non-strict" or "info"; for INVARIANT it begins with "invariant N: ".
    """

    line: int
    kind: Kind
    rules: tuple[str, ...]
    expected: str = ""
    got: str = ""
    note: str = ""


@dataclass(frozen=True)
class Moment:
    """One thing on the record: bytes (`data`) or a happening (`what`) on a lane, at a time in seconds.

    `lane`: C S CT ST c s fd3 E K T A proc; `line` is that of the talk, where one is known.
    """

    time: float
    lane: str
    data: bytes = b""
    what: str = ""
    line: int = 0


@dataclass
class Result:
    """One run of one case on one target under one variation."""

    case: str
    target: str
    variation: str
    """As in the replay token: `base`, `cuts=24:3` ..."""
    verdict: Verdict
    rules: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    record: tuple[Moment, ...] = ()
    processes: tuple[Mapping[str, Any], ...] = ()
    """pid, parent, programs (name, argv, uid, env names, fds ...), code, signal: see tree.describe()."""
    unobserved: tuple[str, ...] = ()
    seconds: float = 0.0
    """By the target's clock."""
    wall: float = 0.0
    cpu: float | None = None
    operations: int = 0
    """How many operations of the tested programs there were that could have failed (machine only)."""
    kept: str = ""
    """The directory of the run, if it was kept."""
    reason: str = ""
    """Why it was skipped, or is unusable."""
    known: str | None = None
    """The `why` of the known deviation."""
    severity: str = ""
    """That of the known deviation: "security", or nothing."""
    control: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def token(self) -> str:
        """What `conform replay` takes."""
        return f"{self.case}@{self.target}:{self.variation}"

    @property
    def finding(self) -> Finding | None:
        """The first finding that speaks against the target."""
        return next((f for f in self.findings if f.kind is not Kind.ALTERNATIVE), None)
