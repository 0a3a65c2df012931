"""Run installed programs under odd conditions, and see what they and their children were given.

Every run is marked in its environment; nothing that bears the mark may outlive it.
"""

import os
import shlex
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import pytest

from tests.sessions import real_chain
from tests.sessions.real_chain import PATIENCE, UID, Site, processes_with

PROGRAMS = ("reup", "authup", "checknotroot", "fixsmtpio")

needs_root = pytest.mark.skipif(
    os.getuid() != 0, reason="NOT TESTED: only root can change UIDs; run the tests as root too"
)

AS_ALICE = f"setpriv --reuid {UID} --regid {UID} --clear-groups --"
"""What checkpassword does at last, without asking for a password: what follows runs as a user."""

# dash keeps a script open on descriptor 10, and moves descriptors for redirections outside of (...).
PROBE = """
d=$1; shift
umask >$d/umask
for what in environ cmdline; do cat /proc/$$/$what >$d/$what; done
(ls -l /proc/$$/fd >$d/fds)
readlink /proc/$$/cwd >$d/cwd
[ -e /proc/$$/fd/3 ] && cat <&3 >$d/record
"$@"
"""

SHOW_SIGNALS = r"sed -n 's/^Sig\(Blk\|Ign\):/220-\1/p;$s/.*/220 end/p' /proc/self/status"
"""A server whose greeting tells its signals; a shell would change them before it looked."""

# Python ignores SIGPIPE and SIGXFSZ from its start on: put back.
_ODD = """
import json, os, resource, signal, sys
odd = json.loads(sys.argv[1])
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
for number in odd.get("ignore", []):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, odd.get("block", []))
os.umask(odd.get("umask", 0o22))
for fd in odd.get("open", []):
    os.dup2(os.open("/dev/null", os.O_RDWR), fd)
for fd, copy in odd.get("copy", []):
    os.dup2(fd, copy)
for fd in odd.get("close", []):
    os.close(fd)
if "files" in odd:
    resource.setrlimit(resource.RLIMIT_NOFILE, (odd["files"], odd["files"]))
os.execvp(sys.argv[2], sys.argv[2:])
"""


class Done(NamedTuple):
    """How a run ended, and what it wrote."""

    code: int
    out: bytes
    log: bytes


@contextmanager
def new_site(programs: Path) -> Iterator[Site]:
    """Make a site whose chains greet and never delay; its log is empty, not missing."""
    with real_chain.site(programs) as site:
        site.control({"me": "mail.example.org\n", "authdelay": "0\n"})
        odd = site.directory / "odd.py"
        odd.write_text(_ODD)
        site.script("odd", f'exec {programs}/python3 -I -S {odd} "$@"')
        site.log.touch()
        yield site


def environment(site: Site, env: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment that run() gives a program, but for the mark."""
    return {
        "PATH": site.path,
        "QMAILHOME": str(site.home),
        "FAKE_USERS": str(site.users),
        "LC_ALL": "C",
        **(env or {}),
    }


def run(
    site: Site,
    command: str | Sequence[str],
    *,
    sent: bytes = b"",
    env: Mapping[str, str] | None = None,
    cwd: Path | str = "/",
    stdin: IO[bytes] | None = None,
    stdout: IO[bytes] | None = None,
    as_user: int | None = None,
) -> Done:
    """Run a chain to its end, on pipes that hold what is `sent`, or on these files."""
    mark = str(uuid.uuid4())
    done = subprocess.run(
        shlex.split(command) if isinstance(command, str) else command,
        input=None if stdin else sent,
        stdin=stdin,
        stdout=stdout or subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**environment(site, env), "MARK": mark},
        cwd=cwd,
        timeout=PATIENCE,
        check=False,
        user=as_user,
        group=as_user,
    )
    wait_for(lambda: not processes_with(f"MARK={mark}"))
    assert b"Traceback" not in done.stderr
    return Done(done.returncode, done.stdout or b"", done.stderr)


def wait_for(condition: Callable[[], object], patience: float = PATIENCE) -> None:
    """Look again and again until it is true."""
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "this never came true"
        time.sleep(0.01)


class Probe:
    """A program that writes down what it was given; `command` stands in a chain in its place."""

    def __init__(self, site: Site, *then: str) -> None:
        self._directory = site.directory / f"probe-{uuid.uuid4()}"
        self._directory.mkdir()
        self._directory.chmod(0o777)
        self.command = shlex.join(
            ["sh", "-c", PROBE, "probe", str(self._directory), *(then or ["exit", "0"])]
        )

    @property
    def ran(self) -> bool:
        """Whether it was run."""
        return (self._directory / "cwd").exists()

    def read(self, name: str) -> bytes:
        """Return a file that it wrote."""
        return (self._directory / name).read_bytes()

    @property
    def descriptors(self) -> dict[int, str]:
        """Its descriptors and what they are."""
        links = (line.split(" -> ") for line in self.read("fds").decode().splitlines() if " -> " in line)
        return {int(link.split()[-1]): target for link, target in links}

    @property
    def environment(self) -> dict[str, str]:
        """Its environment, but for the mark."""
        records = self.read("environ").decode().split("\0")[:-1]
        env = dict(record.split("=", 1) for record in records)
        return {name: value for name, value in env.items() if name not in {"MARK", "ACCEPTUTILS_TEST"}}


def signals(shown: bytes) -> dict[str, set[int]]:
    """Return the sets Blk and Ign that SHOW_SIGNALS showed."""
    masks = {line[4:7].decode(): int(line[7:], 16) for line in shown.splitlines() if line.startswith(b"220-")}
    # Not 32 and 33, which are glibc's own: a posix_spawn(3) of pytest's may have ignored them.
    numbers = [*range(1, 32), *range(34, 65)]
    return {which: {n for n in numbers if mask >> (n - 1) & 1} for which, mask in masks.items()}
