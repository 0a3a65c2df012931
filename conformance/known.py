r"""Known deviations of a target: a reviewed file of exact evidence, `conformance/known/TARGET.toml`.

    [[deviation]]
    scenario = "authup-tls/stls-injection"      a case, or a pattern such as "fixsmtpio/*"
    variations = "base"                         base (default), or a pattern such as "cuts=*"
    rule = "AUTHUP-TLS-5"                       the one that it breaks, which need not be that of the line
    verdict = "FAIL"                            FAIL HANG SPIN CRASH
    at = "ST: -ERR authup USER first"           the line of the talk; left out: whichever
    seen = '+OK\s\r\n'                         what came in its place, exactly; left out: whatever came
    why = "POP3 keeps bytes that were buffered before the handshake"
    severity = "security"                       or "" (default)

A run that deviates as written is `known`; one that deviates otherwise is news, and so is a deviation
that a run of its case does not show any more.
"""

import tomllib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final, NamedTuple

from conformance.playing.verdicts import BAD, Kind, Result, Verdict
from conformance.reports.facts import Case

DIRECTORY: Final = Path(__file__).with_name("known")
_KEYS: Final = {"scenario", "variations", "rule", "verdict", "at", "seen", "why", "severity"}
_NEEDED: Final = {"scenario", "rule", "verdict", "why"}


class KnownError(ValueError):
    """A file that is no list of deviations; the message names the file and what was expected."""


class Deviation(NamedTuple):
    """One reviewed deviation; see the module."""

    scenario: str
    rule: str
    verdict: str
    at: str | None
    why: str
    variations: str = "base"
    seen: str | None = None
    severity: str = ""

    @property
    def where(self) -> str:
        """Name the place in words."""
        return "anywhere" if self.at is None else self.at or "at the end"

    def covers(self, result: Result) -> bool:
        """Say whether a result is of its case and variation."""
        return fnmatchcase(result.case, self.scenario) and fnmatchcase(result.variation, self.variations)

    def explains(self, result: Result, case: Case) -> bool:
        """Say whether a bad result deviates exactly as written."""
        if not self.covers(result) or result.verdict != self.verdict:
            return False
        line, got = evidence(result, case)
        return self.at in (None, line) and self.seen in (None, got)


def evidence(result: Result, case: Case) -> tuple[str, str]:
    """Return the line of the talk where a result went wrong ("" for the end), and what came there."""
    finding = result.finding
    if finding is None:
        return "", ""
    lines = case.lines
    at = lines[finding.line - 1].strip() if 0 < finding.line <= len(lines) else ""
    got = finding.got if finding.got or finding.kind is not Kind.INVARIANT else finding.note
    return at, got or _early_or_late(finding.kind)


def _early_or_late(kind: Kind) -> str:
    """A line that came at the wrong time is evidence by its kind: seconds differ from run to run."""
    return (
        kind.value if kind in (Kind.EARLY, Kind.LATE, Kind.MISSING, Kind.SPIN, Kind.CRASH, Kind.HANG) else ""
    )


def read(path: Path) -> list[Deviation]:
    """Read a file of deviations; an absent one is empty. Raises KnownError."""
    if not path.exists():
        return []
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise KnownError(f"{path}: {error}") from None
    found = []
    for number, entry in enumerate(content.get("deviation", []), 1):
        unknown, missing = set(entry) - _KEYS, _NEEDED - set(entry)
        if unknown or missing:
            words = f"unknown {sorted(unknown)}" if unknown else f"expected {sorted(missing)}"
            raise KnownError(f"{path}: deviation {number}: {words}")
        if entry["verdict"] not in BAD or not entry["why"]:
            raise KnownError(f"{path}: deviation {number}: expected a bad verdict and a reason why")
        found.append(Deviation(**{"at": None, **entry}))
    return found


def apply(result: Result, deviations: Iterable[Deviation], case: Case) -> Deviation | None:
    """Turn a result that deviates as known into Verdict.KNOWN; return the deviation."""
    if not result.verdict.bad:
        return None
    for deviation in deviations:
        if deviation.explains(result, case):
            result.verdict, result.known = Verdict.KNOWN, deviation.why
            result.severity = deviation.severity
            return deviation
    return None


def vanished(
    deviations: Sequence[Deviation], seen: set[Deviation], results: Iterable[Result]
) -> list[Deviation]:
    """Return the deviations that no run of their cases showed, though there was one."""
    played = [result for result in results if result.verdict not in (Verdict.SKIP, Verdict.UNUSABLE)]
    return [d for d in deviations if d not in seen and any(d.covers(result) for result in played)]


def draft(results: Iterable[Result], cases: dict[str, Case]) -> str:
    """Write the unreviewed deviations of base runs as TOML; `why` is left for a person to fill in."""
    entries = []
    for result in results:
        if not result.verdict.bad or result.variation != "base":
            continue
        at, seen = evidence(result, cases[result.case])
        finding = result.finding
        rule = (finding.rules if finding and finding.rules else result.rules or ("",))[0]
        values = {
            "scenario": result.case,
            "rule": rule,
            "verdict": result.verdict.value,
            "at": at,
            "seen": seen,
            "why": "",
        }
        entries.append(
            "[[deviation]]\n" + "".join(f"{key} = {quoted(value)}\n" for key, value in values.items())
        )
    return "\n".join(entries)


def quoted(text: str) -> str:
    """Return a TOML string: a literal one where that is possible, for its backslashes to be read."""
    if "'" not in text and text.isprintable():
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in escaped) + '"'
