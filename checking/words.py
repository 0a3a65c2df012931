"""A rule of control/fixsmtpio as a sentence."""

import re
from typing import Final

from acceptutils.rules import LOGGED_IN, Response, Rule
from checking.remarks import quoted, shown
from checking.ruleset import Line

TEXT_235: Final = "235 ok, go ahead (#2.0.0)"
EVENTS: Final = {
    b"greeting": "when the server greets",
    b"clienteof": "when the client has closed the connection or is gone",
    b"timeout": "when the server says something that nobody asked for, as at a timeout",
    b"in_data": "when the server answers a message",
}
# What authup makes of a session's exit code, of those that it looks at (it sees that there was a login).
MEANINGS: Final = {
    0: "all is well",
    12: "reup, if authup passes it on, stops",
    16: "authup tells the client of a timeout",
    18: "authup tells the client that controls cannot be read",
    111: "authup tells the client of a temporary failure",
}


def sentence(line: Line, greeting: bytes) -> str:
    """Return what a rule does: for whom, when, to the request, to which lines what, and the end."""
    rule = line.rule
    parts = [_request(rule)] if rule.prepend else []
    if rule.event == b"clienteof":
        parts.append("nothing is said, for nobody is there to hear it")
    elif rule.response is not Response.KEEP:
        parts.append(f"{_lines(rule.glob.pattern)} {_becomes(rule, greeting)}")
    elif rule.exit_code is not None:
        parts.append(f"{_lines(rule.glob.pattern)} stays as it is")
    elif not rule.prepend:
        parts.append(f"{_lines(rule.glob.pattern)} stays as it is, and nothing else happens")
    if rule.exit_code is not None:
        meaning = MEANINGS.get(rule.exit_code) if rule.env == LOGGED_IN else None
        parts.append(
            f"the session ends with exit code {rule.exit_code}" + (f" ({meaning})" if meaning else "")
        )
    return f"{_who(rule.env)}, {_when(rule.event)}: {'; '.join(parts)}."


def _who(env: bytes) -> str:
    known = {
        b"": "In every session",
        LOGGED_IN: "After a login",
        b"FIXSMTPIOTLS": "Inside TLS that fixsmtpio started",
    }
    return known.get(env) or f"In sessions with {shown(env)} in their environment"


def _when(event: bytes) -> str:
    return EVENTS.get(event) or f"when the client says {shown(event.upper())}"


def _request(rule: Rule) -> str:
    if rule.prepend.upper() == b"NOOP ":
        return f"the server gets `NOOP {shown(rule.event.upper())} ...`, so that it does nothing"
    return f"the server gets {quoted(rule.prepend)} in front of what the client said"


def _lines(glob: bytes) -> str:
    if glob == b"*":
        return "each line of the reply"
    if re.fullmatch(rb"[^][*?\\]+\*", glob):
        return f"each line that begins with {quoted(glob[:-1])}"
    if re.fullmatch(rb"[^][*?\\]+", glob):
        return f"the line {quoted(glob)}"
    return f"each line like {quoted(glob)}"


def _becomes(rule: Rule, greeting: bytes) -> str:
    if isinstance(rule.response, bytes):
        return f"becomes {quoted(rule.response)}" if rule.response else "is removed"
    name = shown(greeting) if greeting else "NAME"
    if rule.event == b"greeting":
        usual = f"becomes `220 {name} ESMTP`"
        if rule.response is Response.FIXUP:
            return usual
        if rule.env == LOGGED_IN:
            return f"becomes `{TEXT_235}`, which answers AUTH, if it begins with 2"
        return f"{usual}, or after a login `{TEXT_235}`, which answers AUTH"
    if rule.event == b"ehlo":
        return f"changes: the first one becomes `250 {name}`, STARTTLS, CHUNKING and BINARYMIME are removed"
    if rule.event == b"help":
        return "gets a line with a link in front of it"
    return f"becomes `{'221' if rule.event == b'quit' else '250'} {name}`"
