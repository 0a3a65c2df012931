"""The program's side of UCSPI-TLS: whether TLS is on, and what the front end tells about it.

A front end such as `sslserver -n` or `s6-ucspitlsd` offers TLS through three descriptors that it
names in the environment, and describes the connection in an environment block (AUTHUP-TLS-1 to -4).
"""

import re
from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple

VARIABLES = (b"UCSPITLS", b"DISABLETLS", b"SSLCTLFD", b"SSLREADFD", b"SSLWRITEFD")
MOST_BLOCK_BYTES = 65536
_SSL_NAME = re.compile(rb"SSL_[A-Z0-9_]{1,60}")


class Level(Enum):
    """What a run script wants of TLS."""

    OFF = "off"
    AVAILABLE = "available"
    REQUIRED = "required"


class Tls(NamedTuple):
    """TLS in one session: the level, whether the descriptors are there, whether it has started."""

    level: Level = Level.OFF
    usable: bool = False
    active: bool = False

    @property
    def offered(self) -> bool:
        """Whether STARTTLS and STLS are announced."""
        return self.level is not Level.OFF and self.usable and not self.active

    @property
    def needed(self) -> bool:
        """Whether TLS must come first (AUTHUP-TLS-7, FIX-TLS-6)."""
        return self.level is Level.REQUIRED and not self.active


def tls(env: Mapping[bytes, bytes], *, usable: bool) -> Tls:
    """Return the state at the start; `usable` says that the descriptors are open (AUTHUP-TLS-1)."""
    wish = env.get(b"UCSPITLS", b"-")
    if b"DISABLETLS" in env or wish == b"-":
        return Tls()
    if wish == b"!":
        return Tls(Level.REQUIRED, usable)
    return Tls(Level.AVAILABLE, usable) if usable else Tls()


def block_end(data: bytes) -> int | None:
    """Return where the environment block that `data` begins with ends; None if more must come."""
    end = data.find(b"\0\0") + 2
    return end if end >= 2 else None


def variables(block: bytes) -> dict[bytes, bytes | None]:
    """Return the SSL_ variables of a block; None for those to be unset (AUTHUP-TLS-4).

    All other names are left out: whatever the front end says, it sets no LD_PRELOAD.
    """
    records = (record.partition(b"=") for record in block.split(b"\0"))
    return {name: value if equals else None for name, equals, value in records if _SSL_NAME.fullmatch(name)}


def inner_environment(env: Mapping[bytes, bytes], block: bytes | None) -> dict[bytes, bytes]:
    """Return what an inner program sees: nothing of the front end's descriptors, its SSL_ variables."""
    inner = {name: value for name, value in env.items() if name not in VARIABLES}
    for name, value in variables(block or b"").items():
        inner.pop(name, None)
        if value is not None:
            inner[name] = value
    return inner
