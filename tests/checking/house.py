"""Qmail homes to check, and which codes a check finds there."""

from collections.abc import Mapping
from pathlib import Path

from checking import chain, checkup, files
from checking.checkup import Checkup

HOME_ITSELF = {"not-for-users", "writable", "foreign-owner", "not-found", "not-executable", "setuid"}
"""What depends on where the test runs."""
CLEAN = {
    "me": b"mail.example.org\n",
    "logintimeout": b"300\n",
    "smtpcapabilities": b"PIPELINING\n8BITMIME\n",
    "pop3capabilities": b"TOP\nUIDL\n",
}
RULES = b"""\
AUTHUP_USER:clienteof::*:0:
AUTHUP_USER:greeting::[45]*:14:&fixsmtpio_noop
AUTHUP_USER:timeout::*:16:
AUTHUP_USER:greeting::2*::235 ok, go ahead (#2.0.0)
:ehlo::2*::&fixsmtpio_fixup
AUTHUP_USER:ehlo::250?AUTH*::
"""
SMTP = "tcpserver -vRl0 127.0.0.1 26 reup -t 5 authup smtp checkpassword checknotroot fixsmtpio ofmipd"
POP3 = "tcpserver 127.0.0.1 110 authup pop3 checkpassword checknotroot qmail-pop3d Maildir"


def make(directory: Path, contents: Mapping[str, bytes | None]) -> files.Home:
    """Make a qmail home with the clean files and these; None for a file that shall not be there."""
    (directory / "control").mkdir()
    for name, content in {**CLEAN, **contents}.items():
        if content is not None:
            (directory / "control" / name).write_bytes(content)
    return files.read(directory)


def look(home: files.Home, words: str | None = None, env: Mapping[bytes, bytes] | None = None) -> Checkup:
    """Check a home, and the command line if there is one."""
    return checkup.check(home, chain.parse(words.encode().split()) if words else None, env or {})


def codes(found: Checkup) -> list[str]:
    """Return the codes of what does not depend on where the test runs."""
    return [remark.code for remark in found.remarks if remark.code not in HOME_ITSELF]
