"""Entry points: which world a program runs in, --help and --version, the exit code.

A program loads what it needs and no more: trio takes ten times as long as Python itself.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from acceptutils import __version__, options

PROGRAMS = {
    "reup": "Run a program repeatedly until it succeeds.",
    "authup": "Offer SMTP or POP3 authentication, and have checkpassword run the rest.",
    "checknotroot": "Refuse to go on as UID 0.",
    "fixsmtpio": "Filter SMTP requests, replies and exit codes by control/fixsmtpio.",
}
FAULT_OF_OURS = {"authup": 12}  # LIM-6; 111 for the others


def main(name: str, args: Sequence[str]) -> NoReturn:
    """Run one of our programs, and exit with its code."""
    if name not in PROGRAMS:
        sys.exit(f"{name}: expected to be called {', '.join(PROGRAMS)}, acceptutils")
    arguments = [os.fsencode(arg) for arg in args]
    wanted = information(name, arguments)
    if wanted is None:
        sys.exit(_run_guarded(name, arguments))
    print(wanted, end="")
    sys.exit(0)


def information(name: str, args: Sequence[bytes]) -> str | None:
    """Return what --version or --help asks for (BASE-5); None when the program itself is wanted."""
    asked = _asked_for(name, args)
    if asked is None:
        return None
    if asked == b"--version":
        return f"{name} {__version__}\n"
    usage: bytes = importlib.import_module(f"acceptutils.{name}").USAGE
    return "\n".join([usage.decode(), PROGRAMS[name], f"See {name}(8).", ""])


def _asked_for(name: str, args: Sequence[bytes]) -> bytes | None:
    if name == "checknotroot" and len(args) != 1:  # CNR-2
        return None
    try:
        return options.parse(args, tries=name in {"reup", "authup"}).asks_for
    except options.BadUsageError:
        return None


def _run_guarded(name: str, args: Sequence[bytes]) -> int:
    try:
        return _run(name, args)
    except Exception as fault:  # what even the driver did not expect (LIM-6)
        from acceptutils.runtime import descriptors, faults

        descriptors.log(name.encode() + b": " + faults.describe(fault))
        return FAULT_OF_OURS.get(name, 111)


def _run(name: str, args: Sequence[bytes]) -> int:
    if name == "reup":
        from acceptutils.runtime import launcher
        from acceptutils.runtime.reup import reup

        return launcher.run(reup, args)
    if name == "checknotroot":
        from acceptutils.runtime import launcher
        from acceptutils.runtime.checknotroot import checknotroot

        return launcher.run(checknotroot, args)
    if name == "fixsmtpio" and b"NOFIXSMTPIO" in os.environb:
        from acceptutils.runtime import launcher
        from acceptutils.runtime.bypass import without_filter

        return launcher.run(without_filter, args)
    from acceptutils.runtime import posix

    if name == "authup":
        from acceptutils.runtime.authup import authup

        return posix.run(authup, args)
    from acceptutils.runtime.fixsmtpio import fixsmtpio

    return posix.run(fixsmtpio, args)
