"""What Tab offers: commands, their words, verbs."""

from collections.abc import Iterator
from typing import Final

from conformance.debugging.debugger import Debugger

SMTP_VERBS: Final = "EHLO HELO AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT HELP VRFY STARTTLS"
POP3_VERBS: Final = "CAPA USER PASS APOP AUTH STAT LIST RETR DELE UIDL TOP NOOP RSET QUIT STLS"


def complete(debugger: Debugger, text: str) -> Iterator[str]:
    """Return what may stand in place of the last word of a text."""
    first, space, rest = text.partition(" ")
    if not space and text.startswith(":"):
        yield from (f":{name}" for name in debugger.commands if f":{name}".startswith(text))
    elif not space:
        verbs = POP3_VERBS if debugger.setting.protocol == "pop3" else SMTP_VERBS
        yield from (verb for verb in verbs.split() if verb.startswith(first.upper()))
    elif first.removeprefix(":") in debugger.commands and text.startswith(":"):
        last = rest.rpartition(" ")[2]
        words = debugger.commands[first[1:]].complete(debugger)
        yield from (word for word in words if word.startswith(last))
