"""What a session has that names neither a scenario nor a directory: chain, user, control files."""

from collections.abc import Collection, Mapping
from typing import Final

SMTP: Final = "{authup} smtp {checkpassword} {checknotroot} {fixsmtpio} {ofmipd}"
POP3: Final = "{authup} pop3 {checkpassword} {checknotroot} {qmail-pop3d} Maildir"
USER: Final = "alice secret uid=1001"

_SEED: Final = """\
AUTHUP_USER:clienteof::*:0
AUTHUP_USER:greeting::4*:14
AUTHUP_USER:greeting::5*:15
AUTHUP_USER:timeout::*:16:
:greeting::2*::&fixsmtpio
:helo::2*::&fixsmtpio
:ehlo::2*::&fixsmtpio
:help::*::&fixsmtpio
:quit::2*::&fixsmtpio
"""
_HEAD: Final = """\
AUTHUP_USER:clienteof::*:0:
AUTHUP_USER:greeting::4*:14:&fixsmtpio_noop
AUTHUP_USER:greeting::5*:15:&fixsmtpio_noop
AUTHUP_USER:timeout::*:16:
:greeting::2*::&fixsmtpio_fixup
AUTHUP_USER:greeting::2*::235 ok, go ahead (#2.0.0)
:helo::2*::&fixsmtpio_fixup
:ehlo::2*::&fixsmtpio_fixup
:help::*::&fixsmtpio_fixup
:quit::2*::&fixsmtpio_fixup
"""
_BOTH: Final = """\
AUTHUP_USER:ehlo::250?AUTH*::
AUTHUP_USER:ehlo::250?STARTTLS::
AUTHUP_USER:auth:NOOP :*::502 unimplemented (#5.5.1)
AUTHUP_USER:starttls:NOOP :*::502 unimplemented (#5.5.1)
"""
_FILES: Final[Mapping[str, str]] = {
    "control/smtpgreeting": "mail.example.org\n",
    "control/smtpcapabilities": "PIPELINING\n8BITMIME\n",
    "control/pop3greeting": "mail.example.org\n",
    "control/pop3capabilities": "TOP\nUIDL\n",
}


def chain(*, pop3: bool = False, without: Collection[str] = ()) -> str:
    """Return the usual command line, without programs that are not there; without authup it is the filter."""
    words = (POP3 if pop3 else SMTP).split()
    if "authup" in without and "fixsmtpio" not in without and not pop3:
        words = words[words.index("{fixsmtpio}") :]
    return " ".join(word for word in words if word == "{authup}" or word.strip("{}") not in without)


def files(chain: str, generation: str) -> dict[str, bytes]:
    """Return the control files that a chain reads; generations behind the seed have rules of six fields."""
    words = chain.split()
    filters = any("fixsmtpio" in word for word in words)
    read = [name for name in ("smtp", "pop3") if name in words or (filters and name == "smtp")]
    found = {
        name: text
        for name, text in _FILES.items()
        if any(name.startswith(f"control/{word}") for word in read)
    }
    if filters:
        found["control/fixsmtpio"] = (_SEED if generation in ("", "seed") else _HEAD) + _BOTH
    return {name: text.encode() for name, text in found.items()}
