"""What the tests of examples/ stand on: a site with their scripts, and a service run from a run script."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.sessions.real_chain import PATIENCE, Site

EXAMPLES = Path(__file__).parents[2] / "examples"
SCRIPTS = ("check-submission", "ofmipd-with-user-cdb", "sent-token-check", "sent-token-queue")


def furnish(site: Site, programs: Path) -> None:
    """Put the example scripts, what they run, and the example control files into a site."""
    for name in SCRIPTS:
        shutil.copy(EXAMPLES / "bin" / name, site.bin / name)
    fake = f'exec {programs}/python3 -I -m fakes {{}} "$@"'
    site.script("qmail-pop3d", fake.format("qmail-pop3d"))
    if shutil.which("tcpserver") is None:
        site.script("tcpserver", fake.format("listener"))
    site.control({file.name: file.read_text() for file in (EXAMPLES / "control").iterdir()})


def free_port() -> int:
    """Return a port of 127.0.0.1 on which nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def service(site: Site, command: Sequence[str | Path], port: int, cwd: Path) -> Iterator[None]:
    """Run a listener, wait until it listens, and end it and its sessions; what it logs goes to site.log."""
    env = {"PATH": site.path, "QMAILHOME": str(site.home), "FAKE_USERS": str(site.users)}
    with site.log.open("ab") as log:
        listener = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _listens(port):
            assert listener.poll() is None, site.log.read_text()
            assert time.monotonic() < deadline, site.log.read_text()
            time.sleep(0.01)
        yield
    finally:
        with suppress(ProcessLookupError):
            os.killpg(listener.pid, signal.SIGTERM)
        listener.wait(PATIENCE)


def _listens(port: int) -> bool:
    # Not by connecting: that would be a session, and its log lines.
    local = f"0100007F:{port:04X}"
    tables = (Path("/proc/net/tcp").read_text(), Path("/proc/net/tcp6").read_text())
    rows = [line.split() for line in "".join(tables).splitlines()]
    return any(row[1] == local and row[3] == "0A" for row in rows if len(row) > 3)
