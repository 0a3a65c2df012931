"""What is odd about the response of a rule of control/fixsmtpio, and what is no rule but looks like one."""

import re
from collections.abc import Iterator
from typing import Final

from acceptutils.rules import Response
from checking.remarks import Place, Remark, quoted, remark
from checking.ruleset import Bad, Line

UNIMPLEMENTED: Final = b"502 unimplemented (#5.5.1)"
UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
UTF_8_MARK: Final = b"\xef\xbb\xbf"
OWN_LINE: Final = "A comment needs a line of its own, which begins with #."


def check(place: Place, line: Line) -> Iterator[Remark]:
    """Yield what is odd about what a rule says to clients."""
    rule = line.rule
    if isinstance(rule.response, bytes) and rule.response:
        yield from _text(place, rule.response)
    if rule.event == b"starttls" and (rule.response not in {Response.KEEP, UNIMPLEMENTED} or rule.exit_code):
        yield remark(
            "starttls-fixed",
            place,
            "Rules do not see the reply to STARTTLS: it is fixed, and 502 after a login or where there is "
            "no TLS.",
            "Take the response and the exit code away.",
        )
    if (
        rule.event == b"data"
        and isinstance(rule.response, bytes)
        and not rule.prepend
        and rule.matches(b"354 go ahead\r\n")
        and not rule.response.startswith(b"354")
    ):
        yield remark(
            "data-reply",
            place,
            "The client is told something else than 354, but the server waits for a message: what the "
            "client says next is taken for one.",
            "To forbid messages write `NOOP ` (with the blank) into the third field.",
        )


def _text(place: Place, response: bytes) -> Iterator[Remark]:
    if not re.match(rb"[2-5][0-9][0-9]([ -]|$)", response):
        yield remark(
            "not-a-reply",
            place,
            f"{quoted(response)} does not begin with a code and a blank, as each reply does: clients get "
            "what they do not understand.",
            _meant(response),
        )
    if odd := re.search(rb"[^\x20-\x7e\t]", response):
        yield remark(
            "odd-bytes",
            place,
            f"There is a byte {quoted(odd[0])} in its response, which clients get as it is.",
            "Write ASCII without control characters.",
        )


def _meant(response: bytes) -> str:
    text = response.strip()
    if text.startswith(b"#"):
        return OWN_LINE
    if routine := re.search(rb"(no)?fixsmtpio(_fixup|_noop)?", text):
        return f"Write {quoted(b'&' + routine[0])}, and nothing else."
    if re.match(rb"[2-5][0-9][0-9]([ -]|$)", text):
        return "Blanks count in rules: write none behind the colon."
    return "Begin it with a code such as `250 `, and write no quotes around it."


def no_rule(bad: Bad) -> str:
    """Say what to do about a line that is no rule: which mistake it may be, if it looks like a usual one."""
    text = bad.text
    if text.startswith(UTF_8_MARK):
        return (
            "The file begins with a byte order mark, which some editors write in front of UTF-8: save it "
            "without one."
        )
    if text.startswith(UTF_16):
        return "The file is UTF-16: save it as plain text (ASCII)."
    if text.lstrip().startswith(b"#"):
        return "Write the # as the first byte of the line."
    fields = text.split(b":")
    if re.search(rb"\s#", fields[-1]):
        return OWN_LINE
    guess = ""
    if len(fields) > 2 and re.match(rb"[0-9*?\[]", fields[2]) and not (fields[3:4] or [b""])[0]:
        guess = f"It looks as if a colon is missing in front of {quoted(fields[2])}. "
    return f"{guess}Correct it, or put a # in front of it."
