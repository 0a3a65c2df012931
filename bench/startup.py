"""How long from the start of a process to its first byte (or, if it says nothing, to its end)."""

import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial

from bench.timing import medians, report
from fakes.installation import installation
from tests.sessions.real_chain import UID, site

RUNS = 30
PEER = "python3 -I -c pass"


def first_byte(argv: Sequence[str], env: dict[str, str]) -> float:
    """Return milliseconds until the first byte, or end of file, on the connection."""
    ours, theirs = socket.socketpair()
    before = time.perf_counter()
    with (
        ours,
        subprocess.Popen(
            argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL, env=env
        ) as child,
    ):
        theirs.close()
        ours.recv(1)
        passed = time.perf_counter() - before
        child.kill()
    return passed * 1000


def main() -> None:
    """Print the table."""
    with installation(UID) as programs, site(programs) as place:
        place.control({"me": "mail.example.org\n"})
        env = {"PATH": place.path, "QMAILHOME": str(place.home)}
        python = f"{programs}/python3"
        commands: dict[str, list[str]] = {
            PEER: [python, "-I", "-c", "pass"],
            "python3 -I -c 'import trio'": [python, "-I", "-c", "import trio"],
            "authup smtp: greeting": [f"{programs}/authup", "smtp", "checkpassword"],
            "fixsmtpio, server with 0 ms: greeting": [f"{programs}/fixsmtpio", "echo", "220 hello"],
            "checknotroot: program started": [f"{programs}/checknotroot", "echo", "hello"],
            "reup: program started": [f"{programs}/reup", "echo", "hello"],
        }
        contestants: dict[str, Callable[[], float]] = {
            name: partial(first_byte, argv, env) for name, argv in commands.items()
        }
        report("process start to first byte", "ms", medians(contestants, runs=RUNS), PEER)


if __name__ == "__main__":
    main()
