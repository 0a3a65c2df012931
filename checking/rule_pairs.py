"""Rules of control/fixsmtpio that get into each other's way."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import combinations

from acceptutils.rules import LOGGED_IN, Response
from checking import globs, ruleset
from checking.files import ControlFile
from checking.globs import Budget
from checking.remarks import Remark, quoted, remark, shown
from checking.ruleset import Line, Ruleset

_WHOLE_LINE_ROUTINES = {b"greeting", b"helo", b"quit"}  # what they make of a line is always the same
_HOST, _CAPABILITY = b"????[!A-Z]*", b"????[A-Z0-9]*"  # the first line of an EHLO reply, and the others
_LINES = {b"ehlo": (_HOST, _CAPABILITY), b"greeting": (b"220 mail.example.net ESMTP", b"*")}
_FILLER = b"250-PIPELINING\r\n"


def pairs(file: ControlFile, lines: Ruleset, name: bytes, budget: Budget) -> Iterator[Remark]:
    """Yield what is odd about two rules together. Raises globs.TooComplicated."""
    by_event: dict[bytes, list[Line]] = defaultdict(list)
    for line in lines.lines:
        if line.rule.event != b"clienteof":
            by_event[line.rule.event].append(line)
    for some in by_event.values():
        for upper, lower in combinations(some, 2):
            budget.spend(1)
            if upper.rule._replace(glob=lower.rule.glob) == lower.rule and upper.rule.glob == lower.rule.glob:
                yield _twice(file, upper, lower)
            elif _covers(upper, lower) and globs.outside(_glob(upper), _glob(lower), budget) is None:
                yield _hidden(file, upper, lower)
            else:
                yield from _order(file, upper, lower, name, budget)
        yield from _fourth_bytes(file, some, budget)


def _glob(line: Line) -> bytes:
    return line.rule.glob.pattern


def _twice(file: ControlFile, upper: Line, lower: Line) -> Remark:
    twice = f" The server gets {quoted(upper.rule.prepend * 2)}." if upper.rule.prepend else ""
    return remark(
        "twice",
        file.at(lower.number),
        f"This is line {upper.number} again.{twice}",
        "Remove one of the two.",
    )


def _covers(upper: Line, lower: Line) -> bool:
    """Say whether the lower rule, where both fit a line, undoes what the upper one made of it."""
    overwrites = isinstance(lower.rule.response, bytes) or (
        lower.rule.response is not Response.KEEP and lower.rule.event in _WHOLE_LINE_ROUTINES
    )
    is_there = lower.rule.env in {b"", upper.rule.env}
    return overwrites and is_there and upper.rule.response is not Response.KEEP


def _hidden(file: ControlFile, upper: Line, lower: Line) -> Remark:
    kept = [
        "its exit code" if upper.rule.exit_code is not None and lower.rule.exit_code is None else "",
        "what it puts in front of requests" if upper.rule.prepend else "",
    ]
    left = " and ".join(word for word in kept if word)
    return remark(
        "hides",
        file.at(upper.number),
        f"What this rule makes of a line is always undone by line {lower.number}: {quoted(_glob(lower))} "
        f"fits whatever {quoted(_glob(upper))} fits, and stands further down."
        + (f" Only {left} counts." if left else ""),
        "Rules act from the top to the bottom: put the special one below the general one.",
    )


def _order(file: ControlFile, upper: Line, lower: Line, name: bytes, budget: Budget) -> Iterator[Remark]:
    if not (_acts(upper) and _acts(lower)):
        return
    env = {line.rule.env for line in (upper, lower)} - {b""}
    kinds = _LINES.get(upper.rule.event, (b"250 ok", b"*"))
    for kind in kinds:
        found = globs.common(_glob(upper), _glob(lower), budget, among=kind)
        if found is None:
            continue
        reply = [_FILLER, found + b"\r\n"] if kind == _CAPABILITY else [found + b"\r\n"]
        event = upper.rule.event
        now = ruleset.outcome([upper.rule, lower.rule], event, reply, name, env)
        otherwise = ruleset.outcome([lower.rule, upper.rule], event, reply, name, env)
        if now != otherwise:
            yield remark(
                "order-matters",
                file.at(lower.number),
                f"{_sessions(env)}this rule and line {upper.number} are both for lines such as "
                f"{quoted(found)}. This one stands further down and has the last word: "
                f"{_said(now.reply, now.exit_code)}. The other way round: "
                f"{_said(otherwise.reply, otherwise.exit_code)}.",
                "Leave them in this order if that is what you want.",
            )
            return


def _acts(line: Line) -> bool:
    return line.rule.response is not Response.KEEP or line.rule.exit_code is not None


def _sessions(env: set[bytes]) -> str:
    if not env:
        return "In every session "
    return "After a login " if env == {LOGGED_IN} else f"With {shown(b', '.join(sorted(env)))} "


def _said(reply: bytes | bytearray | None, exit_code: int | None) -> str:
    last = bytes(reply or b"").removeprefix(_FILLER).rstrip(b"\r\n")
    said = f"the client gets {quoted(last)}" if last else "the client gets nothing"
    return said + ("" if exit_code is None else f", exit code {exit_code}")


def _fourth_bytes(file: ControlFile, some: Sequence[Line], budget: Budget) -> Iterator[Remark]:
    for line in some:
        if not isinstance(line.rule.response, bytes):
            continue
        glob = _glob(line)
        in_last = globs.example(glob, budget, among=b"??? *")
        in_others = globs.example(glob, budget, among=b"???-*")
        if (in_last is None) == (in_others is None):
            continue
        wants = b"-" if in_others is None else b" "
        example = in_last or in_others or b""
        missed = example[:3] + wants + example[4:]
        is_usual = wants == b"-" and line.rule.event not in {b"ehlo", b"help"}
        if is_usual or any(_does_the_same(line, other, missed) for other in some):
            continue
        yield remark(
            "fourth-byte",
            file.at(line.number),
            f"{quoted(glob)} fits {quoted(example)} but not {quoted(missed)}: the fourth byte is a blank in "
            "the last line of a reply and `-` in those before it, and which line is the last one is up to "
            "the server.",
            f"Write {quoted(glob[:3] + b'?' + glob[4:])}."
            if glob[3:4] in {b" ", b"-"}
            else "Write `?` there.",
        )


def _does_the_same(line: Line, other: Line, missed: bytes) -> bool:
    same = other.rule.env in {b"", line.rule.env} and other.rule.response == line.rule.response
    return same and other.rule.matches(missed + b"\r\n")
