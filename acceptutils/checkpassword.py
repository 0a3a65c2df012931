"""What authup tells checkpassword, and which credentials it does not bother it with.

The interface is Bernstein's: on descriptor 3 a user name, a password and a timestamp, each ended by
a NUL, at most 512 bytes together (AUTHUP-CP-3, AUTHUP-SMTP-17).
"""

import re

MOST_BYTES = 512
_CONTROL_CHARACTER = re.compile(rb"[\x00-\x1f\x7f]")


def record(user: bytes, password: bytes, timestamp: bytes) -> bytes:
    """Return the record for descriptor 3."""
    return b"%b\0%b\0%b\0" % (user, password, timestamp)


def is_user(name: bytes) -> bool:
    """Say whether this can be a user name: not empty, no control character (AUTHUP-SMTP-15)."""
    return bool(name) and not _CONTROL_CHARACTER.search(name)


def is_password(password: bytes) -> bool:
    """Say whether this can be a password: not empty, no NUL (AUTHUP-SMTP-15)."""
    return bool(password) and b"\0" not in password
