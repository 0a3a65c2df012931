"""Whether a program may run: not as root (part 4 of the specification).

For the client a right guess of root's password must look like a wrong one, so the answer is an exit
code of checkpassword's and not a word on standard output.
"""

from collections.abc import Mapping, Sequence

from acceptutils import options
from acceptutils.actions import Action, Become, Exit, Log

USAGE = b"usage: checknotroot prog"


def start(args: Sequence[bytes], env: Mapping[bytes, bytes], uid: int, euid: int) -> list[Action]:
    """Decide from the command line and the user IDs (CNR-1, CNR-2)."""
    if not args:
        return options.refusal(b"checknotroot", None, USAGE, 111 if b"AUTHUP_USER" in env else 1)
    if uid == 0 or euid == 0:
        return [Log(b"checknotroot: WAS RUNNING AS ROOT, TERMINATING"), Exit(1)]
    return [Become(args)]


def cannot_run(prog: bytes, reason: bytes) -> list[Action]:
    """Answer to Become: it failed (CNR-3). 111 and not 1, which would look like a bad password."""
    return [Log(b"checknotroot: unable to run %b: %b" % (prog, reason)), Exit(111)]
