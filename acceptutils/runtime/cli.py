"""Entry points: which world a program runs in, --help and --version, the exit code.

trio is imported only by programs that need it: it takes ten times as long as Python itself.
"""

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from acceptutils import __version__, authup, checknotroot, fixsmtpio, options, reup

PROGRAMS = {
    "reup": (reup.USAGE, b"Run a program repeatedly until it succeeds."),
    "authup": (authup.USAGE, b"Offer SMTP or POP3 authentication, and have checkpassword run the rest."),
    "checknotroot": (checknotroot.USAGE, b"Refuse to go on as UID 0."),
    "fixsmtpio": (fixsmtpio.USAGE, b"Filter SMTP requests, replies and exit codes by control/fixsmtpio."),
}


def main(name: str, args: Sequence[str]) -> NoReturn:
    """Run one of our programs, and exit with its code."""
    if name not in PROGRAMS:
        sys.exit(f"{name}: expected to be called {', '.join(PROGRAMS)}")
    arguments = [os.fsencode(arg) for arg in args]
    asked = _asked_for(name, arguments)
    sys.exit(_inform(name, asked) if asked else _run_guarded(name, arguments))


def _asked_for(name: str, args: Sequence[bytes]) -> bytes | None:
    if name == "checknotroot" and len(args) != 1:  # CNR-2
        return None
    try:
        return options.parse(args, tries=name in {"reup", "authup"}).asks_for
    except options.BadUsageError:
        return None


def _inform(name: str, asked: bytes) -> int:
    usage, purpose = PROGRAMS[name]
    if asked == b"--version":
        print(name, __version__)
    else:
        print(usage.decode(), purpose.decode(), f"See {name}(8).", sep="\n")
    return 0


def _run_guarded(name: str, args: Sequence[bytes]) -> int:
    try:
        return _run(name, args)
    except Exception as fault:  # what even the driver did not expect (LIM-6)
        from acceptutils.runtime import descriptors, faults

        descriptors.log(name.encode() + b": " + faults.describe(fault))
        return authup.PERMANENT if name == "authup" else fixsmtpio.TROUBLE


def _run(name: str, args: Sequence[bytes]) -> int:
    if name in {"reup", "checknotroot"} or (name == "fixsmtpio" and b"NOFIXSMTPIO" in os.environb):
        from acceptutils.runtime import becoming, launcher
        from acceptutils.runtime.reup import reup as drive_reup

        drivers = {
            "reup": drive_reup,
            "checknotroot": becoming.checknotroot,
            "fixsmtpio": becoming.without_filter,
        }
        return launcher.run(drivers[name], args)
    from acceptutils.runtime import posix
    from acceptutils.runtime.authup import authup as drive_authup
    from acceptutils.runtime.fixsmtpio import fixsmtpio as drive_fixsmtpio

    return posix.run(drive_authup if name == "authup" else drive_fixsmtpio, args)
