"""control/fixsmtpio: what its lines mean, and what they make of a reply.

    [env]:event:[request-prepend]:response-line-glob:[exitcode][:response]

Three dialects are read alike: the seed page's (five fields, `&fixsmtpio`, `&nofixsmtpio`), today's
(six fields, `&fixsmtpio_fixup`, `&fixsmtpio_noop`) and any mixture. One bad line rejects the file: a
filter that silently lost a rule would let through what that rule was for.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from acceptutils import HOME_PAGE, control, decimal
from acceptutils.glob import Glob
from acceptutils.lines import without_ending

LOGGED_IN = b"AUTHUP_USER"
MOST_REPLY_BYTES = 1048576  # LIM-4; rules can make many short lines long
# Ours to offer, and what a filter of commands and replies cannot follow (FIX-REQ-8).
_DROPPED_KEYWORDS = {b"STARTTLS", b"CHUNKING", b"BINARYMIME"}


class Response(Enum):
    """What a rule does to a line, when it does not replace or remove it."""

    KEEP = "leave the line as it is"
    FIXUP = "the event's built-in routine"
    SEED_FIXUP = "the same, but the greeting that answers AUTH says 235"


# Each spelling of a response that starts with "&" and is not a text (FIX-RULE-3, FIX-RULE-4).
_SPECIAL: Mapping[bytes, Response] = {
    b"&fixsmtpio_fixup": Response.FIXUP,
    b"&fixsmtpio": Response.SEED_FIXUP,
    b"&fixsmtpio_noop": Response.KEEP,
    b"&nofixsmtpio": Response.KEEP,
}


class Rule(NamedTuple):
    """One rule. `response` bytes replace the line; empty bytes remove it (FIX-RULE-2)."""

    env: bytes
    event: bytes  # in lower case
    prepend: bytes
    glob: Glob
    exit_code: int | None
    response: bytes | Response

    def applies(self, event: bytes | None, env: Container[bytes]) -> bool:
        """Say whether the rule is for this event and this environment (FIX-RULE-7)."""
        return self.event == event and (not self.env or self.env in env)

    def matches(self, line: bytes) -> bool:
        """Say whether the glob matches a server's line, with or without its ending (FIX-RESP-3)."""
        return self.glob.matches(line) or self.glob.matches(without_ending(line))


class BadRuleError(Exception):
    """A line is no rule; `number` counts from 1, `reason` says what was expected."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(f"line {number}: {reason}")
        self.number = number
        self.reason = reason


def parse(content: bytes | None) -> list[Rule]:
    """Return the rules of control/fixsmtpio; none if there is no file.

    Raises BadRuleError for the first line that is neither a rule nor a comment (FIX-RULE-5).
    """
    return [_parsed(line) for line in control.listed(content or b"")]


def _parsed(line: control.ListedLine) -> Rule:
    fields = line.text.split(b":", 5)
    if len(fields) < 5:
        raise BadRuleError(line.number, "expected env:event:prepend:glob:exitcode[:response]")
    env, event, prepend, glob, digits = fields[:5]
    event = event.lower()
    problem = _problem(event, glob, digits, fields[5:])
    if problem:
        raise BadRuleError(line.number, problem)
    exit_code = decimal.number(digits)
    response: bytes | Response = Response.KEEP
    for text in fields[5:]:
        response = _SPECIAL.get(text, text)
    return Rule(env, event, prepend, Glob(glob), exit_code, response)


def _problem(event: bytes, glob: bytes, digits: bytes, response: Sequence[bytes]) -> str | None:
    if not event:
        return "expected an event in the second field"
    if not glob:
        return "expected a glob in the fourth field"
    exit_code = decimal.number(digits)
    if digits and (exit_code is None or exit_code > 255):
        return "expected an exit code from 0 to 255 in the fifth field"
    return next((problem for text in response if (problem := _bad_response(event, text))), None)


def _bad_response(event: bytes, text: bytes) -> str | None:
    if event == b"clienteof" and text:
        return "expected no response for clienteof: nobody is there to read it"
    if len(text) in {1, 2}:
        return "expected a response of three bytes or more"
    if text not in _SPECIAL and text.startswith((b"&fixsmtpio", b"&nofixsmtpio")):
        return "expected &fixsmtpio, &fixsmtpio_fixup, &fixsmtpio_noop or &nofixsmtpio"
    if _SPECIAL.get(text, Response.KEEP) is not Response.KEEP and event not in ROUTINES:
        return f"expected one of the events with a built-in routine: {_ROUTINE_NAMES}"
    return None


class Place(NamedTuple):
    """The line that a built-in routine works on, and what it needs to know."""

    greeting: bytes
    offers_tls: bool
    position: int  # in the reply, from 0
    only: bool  # the reply has no other line
    repeated: bool  # the routine has changed a line of this reply before
    original: bytes  # as the server sent it


def _greeting(place: Place, _: bytes) -> bytes:
    return b"220 %b ESMTP\r\n" % place.greeting


def _code_250(place: Place, _: bytes) -> bytes:
    return b"250 %b\r\n" % place.greeting


def _ehlo(place: Place, text: bytes) -> bytes:
    ours = b"250-STARTTLS\r\n" if place.offers_tls else b""
    if place.position == 0:
        return _code_250(place, text) + (ours if place.only else b"")
    keyword = without_ending(text)[4:].partition(b" ")[0].upper()
    kept = b"" if keyword in _DROPPED_KEYWORDS else text
    return ours + kept if place.position == 1 else kept


def _help(place: Place, text: bytes) -> bytes:
    if place.repeated:
        return text
    code = without_ending(text or place.original)[:3]
    return b"%-3b fixsmtpio home page: %b\r\n%b" % (code, HOME_PAGE, text)


def _quit(place: Place, _: bytes) -> bytes:
    return b"221 %b\r\n" % place.greeting


ROUTINES: Mapping[bytes, Callable[[Place, bytes], bytes]] = {
    b"greeting": _greeting,
    b"helo": _code_250,
    b"ehlo": _ehlo,
    b"help": _help,
    b"quit": _quit,
}
_ROUTINE_NAMES = ", ".join(event.decode() for event in ROUTINES)


class Rewriting(NamedTuple):
    """What rules make of a reply: one reply again, empty if nothing is left, and an exit code.

    None in place of a reply that the rules made larger than MOST_REPLY_BYTES.
    """

    reply: bytes | bytearray | None
    exit_code: int | None


class Rewriter:
    """The rules of one session, and what their routines put into replies.

    `authenticated`: AUTHUP_USER is set, so that the greeting answers AUTH.
    """

    def __init__(self, rules: Iterable[Rule], greeting: bytes, *, authenticated: bool) -> None:
        self._rules = list(rules)
        self._greeting = greeting
        self._authenticated = authenticated
        self.events = frozenset(rule.event for rule in self._rules)

    def prepended(self, event: bytes | None, env: Container[bytes], request: bytes) -> bytes:
        """Return the request with what the rules put in front of it (FIX-REQ-2)."""
        for rule in self._rules:
            if rule.applies(event, env):
                request = rule.prepend + request
        return request

    def has_routine(self, event: bytes, env: Container[bytes]) -> bool:
        """Say whether an applying rule uses the event's built-in routine."""
        return any(
            rule.applies(event, env) and rule.response in {Response.FIXUP, Response.SEED_FIXUP}
            for rule in self._rules
        )

    def rewrite(
        self,
        event: bytes | None,
        env: Container[bytes],
        lines: Iterable[bytes],
        *,
        only: bool,
        offers_tls: bool,
    ) -> Rewriting:
        """Apply the rules to each line of a reply, as the server sent it (FIX-RESP-3 to -6).

        The lines are taken one at a time: a list of a million short ones would be large. `only` says
        that there is just one.
        """
        rules = [rule for rule in self._rules if rule.applies(event, env)]
        exit_code = None
        repeated = False
        rewritten = ReplyWriter()
        for position, line in enumerate(lines):
            text, fixed_up = line, None
            for rule in (rule for rule in rules if rule.matches(line)):
                before = text
                exit_code = exit_code if rule.exit_code is None else rule.exit_code
                if isinstance(rule.response, bytes):
                    text = rule.response
                elif rule.response is not Response.KEEP and text is not fixed_up:  # once
                    place = Place(self._greeting, offers_tls, position, only, repeated, line)
                    text = fixed_up = self._fixed_up(rule, place, text)
                    repeated = True
                self.acted(rule, line, before, text)
            rewritten.add(text)
        return Rewriting(rewritten.finish(), exit_code)

    def acted(self, rule: Rule, line: bytes, before: bytes, after: bytes) -> None:
        """Take note of what a matching rule made of the text so far: for whoever explains that."""

    def _fixed_up(self, rule: Rule, place: Place, text: bytes) -> bytes:
        answers_auth = rule.event == b"greeting" and self._authenticated
        if rule.response is Response.SEED_FIXUP and answers_auth and (text or place.original)[:1] == b"2":
            return b"235 ok, go ahead (#2.0.0)\r\n"
        return ROUTINES[rule.event](place, text)


class ReplyWriter:
    """Make one reply of lines: CRLF, and `-` in every line but the last (FIX-RESP-6)."""

    def __init__(self) -> None:
        self._reply = bytearray()
        self._last = 0  # where the last line begins

    def add(self, text: bytes) -> None:
        """Add a text of any number of lines; empty ones do not count."""
        start = 0
        while start < len(text):
            found = text.find(b"\n", start)
            end = len(text) if found < 0 else found
            with memoryview(text)[start : end - text.endswith(b"\r", start, end)] as line:
                self._add_line(line)
            start = end + 1

    def _add_line(self, line: memoryview) -> None:
        if line and len(self._reply) <= MOST_REPLY_BYTES:
            self._last = len(self._reply)
            self._reply += bytes(line[:3]).ljust(3) + b"-"
            self._reply += line[4:]
            self._reply += b"\r\n"

    def finish(self) -> bytearray | None:
        """Return the reply, empty if there was no line; None if it is too large."""
        if self._reply:
            self._reply[self._last + 3] = ord(" ")
        return self._reply if len(self._reply) <= MOST_REPLY_BYTES else None
