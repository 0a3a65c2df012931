"""What all rules of control/fixsmtpio together make of a session after a login."""

from collections.abc import Iterator, Sequence

from acceptutils.rules import LOGGED_IN, Response
from checking.environment import Environment
from checking.files import ControlFile
from checking.remarks import ERROR, NOTE, WARNING, Remark, quoted, remark
from checking.ruleset import Line, Ruleset

GREETING = b"220 ofmipd.local ESMTP\r\n"
RULE_235 = "AUTHUP_USER:greeting::2*::235 ok, go ahead (#2.0.0)"
_CAPABILITIES = {
    "auth-advertised": (b"AUTH LOGIN PLAIN", b"AUTH=LOGIN PLAIN"),
    "starttls-advertised": (b"STARTTLS",),
}
_RULES = {
    "auth-advertised": "AUTHUP_USER:ehlo::250?AUTH*::",
    "starttls-advertised": "AUTHUP_USER:ehlo::250?STARTTLS::",
}


def together(file: ControlFile, ruleset: Ruleset, name: bytes, environment: Environment) -> Iterator[Remark]:
    """Yield what is odd about a session that has these rules."""
    yield from _spellings(file, ruleset)
    if environment.logs_in is False:
        return
    yield from _login(file, ruleset, name, environment)
    for code in _CAPABILITIES:
        yield from _advertised(file, ruleset, name, code)


def _login(file: ControlFile, ruleset: Ruleset, name: bytes, environment: Environment) -> Iterator[Remark]:
    reply = bytes(ruleset.outcome(b"greeting", [GREETING], name).reply or b"")
    if reply.startswith(b"235"):
        return
    seen = quoted(reply.rstrip(b"\r\n")) if reply else "nothing"
    lines = [
        line.number
        for line in ruleset.lines
        if line.rule.applies(b"greeting", {LOGGED_IN})
        and line.rule.matches(GREETING)
        and line.rule.response is not Response.KEEP
    ]
    yield remark(
        "auth-220",
        file.at(lines[-1] if lines else None),
        "The server's greeting answers AUTH, and clients need 235 there. "
        f"{'Without this file' if file.content is None else 'With these rules'} a client whose "
        f"password is right gets {seen}, and does not take it for a login.",
        f"{'Write one with' if file.content is None else 'Below all other rules for greeting:'} `{RULE_235}`",
        severity=ERROR if environment.logs_in else WARNING,
    )


def _advertised(file: ControlFile, ruleset: Ruleset, name: bytes, code: str) -> Iterator[Remark]:
    replies = [
        reply
        for capability in _CAPABILITIES[code]
        for reply in (
            [b"250-ofmipd.local\r\n", b"250-%b\r\n" % capability, b"250 8BITMIME\r\n"],
            [b"250-ofmipd.local\r\n", b"250-8BITMIME\r\n", b"250 %b\r\n" % capability],
        )
    ]
    word = _CAPABILITIES[code][0].partition(b" ")[0]
    seen = [reply for reply in replies if word in bytes(ruleset.outcome(b"ehlo", reply, name).reply or b"")]
    if not seen:
        return
    missed = next(line for line in seen[0] if word in line)
    if len(seen) == len(replies):
        text = f"No rule removes {word.decode()} from the replies to EHLO after a login."
    else:
        text = (
            f"After a login {word.decode()} is removed from replies to EHLO, but not {quoted(missed[:-2])}."
        )
    yield remark(
        code,
        file.at(_last(ruleset.lines, word) if len(seen) < len(replies) else None),
        f"{text} If the server knows {word.decode()}, clients are offered it again.",
        f"`{_RULES[code]}`",
        severity=NOTE if len(seen) == len(replies) else WARNING,
    )


def _last(lines: Sequence[Line], word: bytes) -> int | None:
    found = [line.number for line in lines if word in line.rule.glob.pattern]
    return found[-1] if found else None


def _spellings(file: ControlFile, ruleset: Ruleset) -> Iterator[Remark]:
    old = [
        line.number
        for line in ruleset.lines
        if line.is_short or line.response_text in {b"&fixsmtpio", b"&nofixsmtpio"}
    ]
    new = [
        line.number
        for line in ruleset.lines
        if line.response_text in {b"&fixsmtpio_fixup", b"&fixsmtpio_noop"}
    ]
    if old and new:
        yield remark(
            "mixed-spellings",
            file.at(max(old[0], new[0])),
            f"Two ways of writing rules in one file: {_numbers(old)} as on the seed page (five fields, "
            f"&fixsmtpio, &nofixsmtpio), {_numbers(new)} as today (&fixsmtpio_fixup, &fixsmtpio_noop). All "
            "are read. &fixsmtpio makes the greeting 235 after a login; &fixsmtpio_fixup leaves that to a "
            "rule of its own.",
            "Choose one; today's is the one that the C programs of today read too.",
        )
    elif old:
        yield remark(
            "old-spelling",
            file.at(old[0]),
            f"{_numbers(old)}: written as on the seed page (five fields, &fixsmtpio, &nofixsmtpio). These "
            "programs read that, the C programs of 2020 and of today refuse it.",
            "Nothing need be done, unless the file is to serve both.",
        )


def _numbers(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:12])) + (", ..." if len(numbers) > 12 else "")
    return f"{'line' if len(numbers) == 1 else 'lines'} {shown}"
