"""What authup says when something is wrong: the table of section 3.3 of the specification, and more.

Each name has an SMTP reply and a POP3 reply; POP3 has no words for what can only go wrong in AUTH.
"""

from collections.abc import Mapping

ERRORS: Mapping[str, tuple[bytes, bytes]] = {
    "control": (b"421 authup unable to read controls (#4.3.0)", b"-ERR authup unable to read controls"),
    "nomem": (b"451 authup out of memory (#4.3.0)", b"-ERR authup out of memory"),
    "alarm": (b"451 authup timeout (#4.4.2)", b"-ERR authup timeout"),
    "pipe": (b"454 authup unable to open pipe (#4.3.0)", b"-ERR authup unable to open pipe"),
    "read": (b"454 authup unable to read pipe (#4.3.0)", b"-ERR authup unable to read pipe"),
    "write": (b"454 authup unable to write pipe (#4.3.0)", b"-ERR authup unable to write pipe"),
    "fork": (b"454 authup unable to fork (#4.3.0)", b"-ERR authup unable to fork"),
    "wait": (b"454 authup unable to wait for child (#4.3.0)", b"-ERR authup unable to wait for child"),
    "crash": (b"454 authup aack, child crashed (#4.3.0)", b"-ERR authup aack, child crashed"),
    "badauth": (b"535 authup authorization failed (#5.7.0)", b"-ERR authup authorization failed"),
    "tempauth": (
        b"454 authup temporary authentication failure (#4.7.0)",
        b"-ERR [SYS/TEMP] authup temporary authentication failure",
    ),
    "noauth": (b"504 authup auth type unimplemented (#5.5.1)", b""),
    "input": (b"501 authup malformed auth input (#5.5.4)", b"-ERR authup syntax error"),
    "authabrt": (b"501 authup auth exchange cancelled (#5.0.0)", b""),
    "toolong": (b"500 authup line too long (#5.5.6)", b"-ERR authup line too long"),
    "nonsense": (b"421 authup too many errors (#4.7.0)", b"-ERR authup too many errors"),
    "starttls": (
        b"454 authup TLS temporarily not available (#5.7.3)",
        b"-ERR authup TLS temporarily not available",
    ),
    "needtls": (b"530 authup Must start TLS first (#5.7.0)", b"-ERR authup Must start TLS first"),
    "shutdown": (b"421 authup shutting down (#4.3.2)", b"-ERR [SYS/TEMP] authup shutting down"),
    "internal": (b"421 authup internal error (#4.3.0)", b"-ERR [SYS/TEMP] authup internal error"),
}
