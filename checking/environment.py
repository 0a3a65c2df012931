"""Which variables a session's rules can ask for: who sets what."""

import re
from typing import Final, NamedTuple

from acceptutils.rules import LOGGED_IN
from checking.remarks import quoted

TLS_STARTED: Final = b"FIXSMTPIOTLS"
BY_LISTENERS: Final = re.compile(rb"(?:TCP|SSL)(?:LOCAL|REMOTE)(?:IP|HOST|PORT|INFO)|PROTO")
BY_LOGIN: Final = {b"USER", b"HOME", b"SHELL"}
ALWAYS: Final = {b"PATH"}


class Environment(NamedTuple):
    """What can be known of the environment of fixsmtpio.

    `logs_in`: whether authup and a login come first; None where no command line is known. `has_tls`: whether
    a front end is there, None likewise. `sets`: the variables that the command line sets in front of
    fixsmtpio. `is_open`: something there may set any others.
    """

    logs_in: bool | None = None
    has_tls: bool | None = None
    sets: frozenset[bytes] = frozenset()
    is_open: bool = False

    def why_never(self, name: bytes) -> str | None:
        """Return the reason why this variable can exist in no session; None if it can."""
        if re.search(rb"[=\0]", name):
            return f"{quoted(name)} is no name of a variable; only whether it exists is asked, not its value."
        if name in self.sets:
            return None
        if name == LOGGED_IN and self.logs_in is False:
            return "without authup in the command line nobody sets AUTHUP_USER."
        if name == TLS_STARTED and self.logs_in:
            return "behind authup TLS is authup's affair, and FIXSMTPIOTLS does not exist."
        if (name == TLS_STARTED or name.startswith(b"SSL_")) and self.has_tls is False and not self.is_open:
            return f"{quoted(name)} exists inside TLS, and no UCSPI-TLS front end is in the command line."
        return None

    def may_have(self, name: bytes) -> bool:
        """Say whether something that is known, or may be behind a word, sets this variable."""
        known = {LOGGED_IN, TLS_STARTED, *ALWAYS, *BY_LOGIN, *self.sets}
        return self.is_open or name in known or name.startswith(b"SSL_") or bool(BY_LISTENERS.fullmatch(name))
