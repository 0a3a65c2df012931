"""A chain with real TLS behind tcpserver, as an administrator would run it.

The front end's key is only for root, in a directory of the site's own that goes with it. How a chain ended is
what tcpserver -v tells about the program that it started.
"""

import os
import re
import shlex
import shutil
import ssl
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from fakes import certificate
from tests.runtime.running import new_site, wait_for
from tests.sessions.real_chain import PATIENCE, Site, processes_with
from tests.sessions.sessions import SEED_RULES

LOGGED_IN = "checkpassword checknotroot fixsmtpio env RELAYCLIENT= ofmipd"
SUBMISSION = f"ucspitlsd reup -t 5 authup smtp {LOGGED_IN}"
POP3 = "ucspitlsd reup -t 5 authup pop3 checkpassword checknotroot pop3d Maildir"
FILTER = "ucspitlsd fixsmtpio ofmipd"

needs_tcpserver = pytest.mark.skipif(
    shutil.which("tcpserver") is None, reason="NOT TESTED: tcpserver is not installed (Debian: ucspi-tcp)"
)


@contextmanager
def tls_site(programs: Path) -> Iterator[tuple[Site, certificate.Files]]:
    """Make a site that never delays, with the seed page's rules and a front end that encrypts."""
    with new_site(programs) as site:
        directory = site.directory / "tls"
        directory.mkdir(mode=0o700)
        files = certificate.make(directory)
        options = ["--certificate", str(files.certificate), "--key", str(files.key)]
        fake = shlex.join([f"{programs}/python3", "-I", "-m", "fakes", "ucspitlsd", *options])
        site.script("ucspitlsd", f'exec {fake} "$@"')
        site.control({"fixsmtpio": SEED_RULES})
        yield site, files


class Service:
    """A chain that serves on 127.0.0.1; `trusted` is what its clients trust."""

    def __init__(self, site: Site, files: certificate.Files, port: int) -> None:
        self.site = site
        self.files = files
        self.port = port
        self.trusted = files.authority

    def context(self, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """Return the settings of a client that verifies; `version` is the only one that it speaks."""
        context = ssl.create_default_context(cafile=self.trusted)
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def log(self) -> str:
        """Return what all programs have logged."""
        return self.site.log.read_text()

    def ends(self, count: int = 1) -> list[int]:
        """Wait until so many connections have ended; return their programs' exit codes, in this order."""
        wait_for(lambda: len(self._statuses()) >= count)
        statuses = self._statuses()
        assert len(statuses) == count
        return [os.waitstatus_to_exitcode(status) for status in statuses]

    def _statuses(self) -> list[int]:
        return [
            int(status)
            for status in re.findall(r"^tcpserver: end \d+ status (\d+)$", self.log(), re.MULTILINE)
        ]


@contextmanager
def serve(
    site: Site,
    files: certificate.Files,
    chain: str | Callable[[Site], str],
    env: Mapping[str, str] | None = None,
    *,
    recorded: bool = False,
) -> Iterator[Service]:
    """Serve until the block is left; then every process has ended, and nothing secret was logged.

    A chain that needs to know its site, or to write files there, is a function. One with recordio in front of
    authup is `recorded`: passwords are in the log.
    """
    if callable(chain):
        chain = chain(site)
    mark = f"SERVICE={uuid.uuid4()}"
    name, _, value = mark.partition("=")
    known = {"PATH": site.path, "QMAILHOME": str(site.home), "FAKE_USERS": str(site.users), name: value}
    with site.log.open("ab") as log:
        listener = subprocess.Popen(
            ["tcpserver", "-v1RHllocalhost", "127.0.0.1", "0", *shlex.split(chain)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**known, **(env or {})},
            cwd="/",
        )
    assert listener.stdout
    try:
        with listener.stdout:
            service = Service(site, files, int(listener.stdout.readline()))
        yield service
        wait_for(lambda: processes_with(mark) == [listener.pid])
    finally:
        listener.terminate()
        listener.wait(PATIENCE)
        for pid in processes_with(mark):
            os.kill(pid, 9)
    if not recorded:
        check_log(service.log())


def check_log(log: str) -> None:
    """No password in any form, no fault of ours."""
    for text in ("secret", "c2VjcmV0", "AGFsaWNl", "Traceback", "internal error"):
        assert text not in log


def run(argv: Sequence[str], *, sent: str = "", home: Path | None = None) -> tuple[int, str]:
    """Run a client that reads `sent`; return its exit code and all that it said."""
    done = subprocess.run(
        argv,
        input=sent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home or "/nowhere"), "LC_ALL": "C"},
    )
    return done.returncode, done.stdout


def wait_a_moment() -> None:
    """Let what was sent arrive on its own; whatever else happens must be right too."""
    time.sleep(0.02)
