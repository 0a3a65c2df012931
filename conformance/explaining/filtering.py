"""What the lines of control/fixsmtpio do to a request and to a reply, one after the other.

The rules themselves do it: a Rewriter that takes note. So the last text is what fixsmtpio sends.
"""

from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from acceptutils import control
from acceptutils.lines import without_ending
from acceptutils.rules import Response, Rewriter, Rule, parse
from conformance.explaining.globbing import why_not
from conformance.format.octets import write


class Applied(NamedTuple):
    """A rule that matched a line of a reply; or that stands in front of a request (`line` is the request).

    `number`: of the line of control/fixsmtpio, from 1. `before` and `after`: the text so far, and what the
    rule made of it; empty when there is nothing left.
    """

    number: int
    rule: bytes
    line: bytes
    before: bytes
    after: bytes
    words: str
    exit_code: int | None = None


class Missed(NamedTuple):
    """A rule of the same event that did nothing, and why."""

    number: int
    rule: bytes
    words: str


class Numbered(NamedTuple):
    """The rules of a file, with the number and the text of each one's line."""

    rules: tuple[Rule, ...]
    lines: tuple[control.ListedLine, ...]

    def place(self, rule: Rule) -> control.ListedLine:
        """Return the line of a rule; of two that are alike each has its own."""
        return next(line for known, line in zip(self.rules, self.lines, strict=True) if known is rule)


def numbered(content: bytes | None) -> Numbered:
    """Read control/fixsmtpio. Raises acceptutils.rules.BadRuleError."""
    return Numbered(tuple(parse(content)), tuple(control.listed(content or b"")))


class NotingRewriter(Rewriter):
    """A Rewriter that keeps what each rule did; take() gives it and forgets it."""

    def __init__(self, rules: Numbered, greeting: bytes, *, authenticated: bool) -> None:
        super().__init__(rules.rules, greeting, authenticated=authenticated)
        self._numbered = rules
        self._applied: list[Applied] = []

    def acted(self, rule: Rule, line: bytes, before: bytes, after: bytes) -> None:
        """See Rewriter."""
        place = self._numbered.place(rule)
        words = _words(rule, place.text, before, after)
        step = Applied(place.number, place.text, line, before, after, words, rule.exit_code)
        self._applied.append(step)

    def take(self) -> tuple[Applied, ...]:
        """Return what was done since the last time."""
        applied, self._applied = tuple(self._applied), []
        return applied


def request_steps(
    content: bytes | None, env: Container[bytes], event: bytes, request: bytes
) -> list[Applied]:
    """Return which rules put what in front of a request (FIX-REQ-2). Raises BadRuleError."""
    rules, steps = numbered(content), []
    for rule, place in zip(rules.rules, rules.lines, strict=True):
        if rule.prepend and rule.applies(event.lower(), env):
            after = rule.prepend + request
            words = f'puts "{write(rule.prepend)}" in front'
            steps.append(Applied(place.number, place.text, request, request, after, words))
            request = after
    return steps


def missed(
    rules: Numbered, env: Container[bytes], event: bytes | None, lines: Sequence[bytes]
) -> Iterable[Missed]:
    """Yield the rules of an event that matched no line of a reply."""
    for rule, place in zip(rules.rules, rules.lines, strict=True):
        if event is None or rule.event != event.lower():
            continue
        if rule.env and rule.env not in env:
            yield Missed(place.number, place.text, f"{write(rule.env)} is not set")
        elif not any(rule.matches(line) for line in lines):
            yield Missed(place.number, place.text, why_not(rule.glob, lines))


def _words(rule: Rule, text: bytes, before: bytes, after: bytes) -> str:
    words = _response_words(rule, text, before, after)
    return words if rule.exit_code is None else f"{words}; exit code {rule.exit_code}"


def _response_words(rule: Rule, text: bytes, before: bytes, after: bytes) -> str:
    if rule.response is Response.KEEP:
        response = text.split(b":", 5)[5:]
        return (
            f"leaves it alone ({write(response[0])})" if response else "leaves it alone (no response given)"
        )
    if isinstance(rule.response, bytes):
        if not rule.response:
            return "removes the line" if before else "removes the line, which was removed before"
        return "replaces the line" if before else "puts a line in place of the removed one"
    routine = f"the built-in routine of {rule.event.decode()}"
    if after == before:
        return f"{routine} leaves it alone"
    if not after:
        return f"{routine} removes the line"
    if before and after.endswith(before):
        return f'{routine} puts "{write(without_ending(after.removesuffix(before)))}" in front'
    return f"{routine} replaces the line"
