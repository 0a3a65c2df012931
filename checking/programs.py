"""The programs that are found in run scripts: how they take their arguments, what they do to the next one."""

from enum import Enum
from typing import Final, NamedTuple


class Role(Enum):
    """What a program is in a chain; the value is what people call it."""

    LISTENER = "accepts connections"
    TLS = "is the TLS front end"
    WRAPPER = "runs the next one in changed surroundings"
    RECORDER = "writes all that passes to the log"
    REUP = "starts over after a failed login"
    AUTHUP = "asks for user name and password"
    LOGIN = "checks the password and becomes the user"
    CHECKNOTROOT = "refuses to go on as root"
    FIXSMTPIO = "filters requests and replies by control/fixsmtpio"
    SERVER = "serves the client"
    SHELL = "is a shell, whose commands this check does not read"
    UNKNOWN = "is not known to this check"


class Known(NamedTuple):
    """A program that runs another one: the letters of its options that have an argument, how many operands
    stand in front of the next program, what it is, which variables it sets (`opens`: any may be).
    """

    valued: str = ""
    operands: int = 0
    role: Role = Role.WRAPPER
    sets: frozenset[bytes] = frozenset()
    opens: bool = False
    user: str = ""
    """The letter of the option that changes the user; `*` if the operand does."""


_TLS: Final = frozenset({b"UCSPITLS", b"SSLCTLFD", b"SSLREADFD", b"SSLWRITEFD"})
_IDS: Final = frozenset({b"UID", b"GID"})

RUNS_ANOTHER: Final[dict[str, Known]] = {
    "tcpserver": Known("BcxgublIt", 2, Role.LISTENER, user="u"),
    "sslserver": Known("Bcxgubltw", 2, Role.LISTENER, user="u"),
    "tcpsvd": Known("cCbulixtUZK/", 2, Role.LISTENER, user="u"),
    "sslsvd": Known("cCbulixtUZK/", 2, Role.LISTENER, user="u"),
    "s6-tcpserver": Known("cCbguGlt", 2, Role.LISTENER, user="u"),
    "s6-tlsserver": Known("cCbguGltKk", 2, Role.LISTENER, user="u"),
    "s6-ucspitlsd": Known("Kkv", 0, Role.TLS, _TLS),
    "ucspitlsd": Known("", 0, Role.TLS, _TLS),
    "recordio": Known(role=Role.RECORDER),
    "softlimit": Known("acdflmoprst"),
    "s6-softlimit": Known("acdflmoprst"),
    "envuidgid": Known(operands=1, sets=_IDS),
    "s6-envuidgid": Known(operands=1, sets=_IDS),
    "setuidgid": Known(operands=1, user="*"),
    "s6-setuidgid": Known(operands=1, user="*"),
    "envdir": Known(operands=1, opens=True),
    "s6-envdir": Known(operands=1, opens=True),
    "setlock": Known(operands=1),
    "chpst": Known("uUbenlLmdopfcr/", user="u"),
    "nice": Known("n"),
    "ionice": Known("cn"),
    "stdbuf": Known("ioe"),
    "timeout": Known("ks", 1),
    "nohup": Known(),
    "setsid": Known(),
    "pgrphack": Known(),
    "argv0": Known(),
    "exec": Known(),
    "rblsmtpd": Known("rat"),
    "fixcrio": Known(),
    "tcp-env": Known(),
}
LOGINS: Final[dict[str, Known]] = {
    "checkpassword": Known(),
    "checkpassword-pam": Known("sH"),
    "checkpoppasswd": Known(),
    "cmd5checkpw": Known(),
    "vchkpw": Known(),
    "cvm-checkpassword": Known(operands=1),
}
SMTP_SERVERS: Final = {
    *(
        "ofmipd",
        "ofmipd-with-user-cdb",
        "qmail-smtpd",
        "smtpfront-echo",
        "smtpfront-qmail",
        "smtpfront-reject",
    ),
    *("exim", "exim4", "sendmail"),
}
POP3_SERVERS: Final = {"qmail-pop3d", "pop3d", "pop3front-maildir"}
OURS: Final = {"reup", "authup", "checknotroot", "fixsmtpio"}
ALWAYS_TRUE: Final = {"true", ":", "echo", "printf", "cat", "date", "id"}
"""What exits 0 and runs nothing: no password is wrong to it."""
ALWAYS_FALSE: Final = {"false", "test", "["}
SHELLS: Final = {"sh", "bash", "dash", "ash", "ksh", "zsh"}
KNOWN: Final = {
    *RUNS_ANOTHER,
    *LOGINS,
    *SMTP_SERVERS,
    *POP3_SERVERS,
    *OURS,
    *ALWAYS_TRUE,
    *ALWAYS_FALSE,
    *SHELLS,
    "env",
}
