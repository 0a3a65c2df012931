"""How many MB of a message per second go through fixsmtpio to a fast sink."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from bench.timing import medians, report
from fakes.installation import installation
from tests.sessions.real_chain import UID, site

MESSAGE = (b"A line of a message, of which there are many. " * 2 + b"\r\n") * 2_200_000  # about 200 MB
RUNS = 5
PEER = "recordio"


def rate(argv: Sequence[str], env: dict[str, str]) -> float:
    """Return MB/s from the 354 to the 250."""
    ours, theirs = socket.socketpair()
    with (
        ours,
        subprocess.Popen(
            argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL, env=env
        ),
    ):
        theirs.close()
        replies = ours.makefile("rb")
        replies.readline()
        ours.sendall(b"DATA\r\n")
        replies.readline()
        before = time.perf_counter()
        sender = threading.Thread(target=ours.sendall, args=(MESSAGE + b".\r\n",))
        sender.start()
        replies.readline()
        passed = time.perf_counter() - before
        sender.join()
        ours.shutdown(socket.SHUT_RDWR)
    return len(MESSAGE) / passed / 1e6


def main() -> None:
    """Print the table."""
    sink = [sys.executable, "-I", str(Path(__file__).with_name("sink.py"))]
    with installation(UID) as programs, site(programs) as place:
        place.control({"me": "mail.example.org\n"})
        env = {"PATH": f"{place.path}:{os.defpath}", "QMAILHOME": str(place.home)}
        commands = {
            "no filter": sink,
            PEER: ["recordio", *sink],
            "fixsmtpio": [f"{programs}/fixsmtpio", *sink],
        }
        contestants = {name: partial(rate, argv, env) for name, argv in commands.items()}
        report(f"message of {len(MESSAGE) // 10**6} MB", "MB/s", medians(contestants, runs=RUNS), PEER)


if __name__ == "__main__":
    main()
