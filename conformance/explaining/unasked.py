"""What authup says that answers no line: a clock, a signal, the end of a program."""

from acceptutils.authup_errors import ERRORS
from acceptutils.lines import without_ending
from conformance.explaining.answer import Answer

_ENDS = {"badauth": 1, "tempauth": 111, "alarm": 16, "control": 18, "crash": None}
_WORDS = {
    "alarm": ("the client was silent for too long, or took too long to log in", "AUTHUP-GEN-7"),
    "control": ("a control file cannot be read", "AUTHUP-GEN-3"),
    "read": ("the client has ended, or a pipe cannot be read", "AUTHUP-GEN-8"),
    "shutdown": ("a signal asked for the end", "AUTHUP-GEN-9"),
    "crash": ("the program behind was killed by a signal", "AUTHUP-EXIT-1"),
    **dict.fromkeys(("nomem", "pipe", "write", "fork", "wait"), ("trouble of its own", "AUTHUP-ERR-3")),
    "internal": ("a fault of its own", "LIM-6"),
    "tempauth": ("the program behind ended with exit code 111", "AUTHUP-EXIT-2"),
}


def is_of_authup(reply: bytes) -> bool:
    """Say whether a reply is an error of authup's."""
    return _error(reply) != ""


def child_end(reply: bytes) -> int | None:
    """Return how checkpassword must have ended for this reply: an exit code, None for a signal."""
    return _ENDS.get(_error(reply), 1)


def unasked(lane: str, reply: bytes) -> Answer:
    """Return what there is to say of an error; not surely if it is one that answers a line."""
    words, rule = _WORDS.get(_error(reply), ("", ""))
    return Answer(lane, "authup", reply, words=words, rule=rule, sure=rule != "")


def _error(reply: bytes) -> str:
    bare = without_ending(reply)
    return next((name for name, replies in ERRORS.items() if bare in replies), "")
