"""Chains of real processes for tests: installed programs, a qmail home, users, a client."""

import os
import shlex
import shutil
import socket
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import trio

from fakes.checkpassword import hash_password
from fakes.ucspitlsd import CIPHER

UID = 20001 if os.getuid() == 0 else os.getuid()
FAKES = ("checkpassword", "ofmipd", "pop3d", "ucspitlsd")
PATIENCE = 30  # seconds after which a real session counts as hanging


class Site:
    """A directory with everything that a chain needs; readable for all, so that any UID can run it.

    `bin` has our programs, the fakes and their Python, `home` is the qmail home.
    """

    def __init__(self, directory: Path, programs: Path) -> None:
        self.directory = directory
        self.home = directory / "qmail"
        self.user_home = directory / "alice"
        self.users = directory / "users"
        self.bin = directory / "bin"
        self.log = directory / "log"
        self.bin.mkdir()
        (self.home / "control").mkdir(parents=True)
        for name in FAKES:
            options = "--pretend " if name == "ucspitlsd" else ""
            self.script(name, f'exec {programs}/python3 -I -m fakes {name} {options}"$@"')
        self._programs = programs
        self._make_users()

    @property
    def path(self) -> str:
        """The PATH on which a chain finds its programs."""
        return f"{self.bin}:{self._programs}:/usr/bin:/bin"

    def control(self, files: Mapping[str, str]) -> None:
        """Write control files."""
        for name, content in files.items():
            (self.home / "control" / name).write_text(content)

    def script(self, name: str, text: str) -> Path:
        """Write a shell script into the bin directory."""
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)
        return file

    def deliver(self, mail: bytes) -> None:
        """Put a message into alice's Maildir."""
        (self.user_home / "Maildir" / "new" / "1.mail").write_bytes(mail)

    def mail(self) -> list[bytes]:
        """Return what is in alice's Maildir."""
        return [file.read_bytes() for file in sorted((self.user_home / "Maildir" / "new").iterdir())]

    def _make_users(self) -> None:
        for part in ("tmp", "new", "cur"):
            (self.user_home / "Maildir" / part).mkdir(parents=True)
        if os.getuid() == 0:
            for path in [self.user_home, *self.user_home.rglob("*")]:
                os.chown(path, UID, UID)
        lines = [
            f"{name}:{hash_password(password, b'salt').decode()}:{uid}:{uid}:{home}:/bin/sh\n"
            for name, password, uid, home in [
                ("alice", b"secret", UID, self.user_home),
                ("root", b"toor", 0, "/"),
            ]
        ]
        self.users.write_text("".join(lines))


@contextmanager
def site(programs: Path) -> Iterator[Site]:
    """Make a site in a directory of its own, and remove it."""
    directory = Path(tempfile.mkdtemp(prefix="acceptutils-"))
    directory.chmod(0o755)
    try:
        yield Site(directory, programs)
    finally:
        shutil.rmtree(directory)


class RealClient:
    """The client's end of a socket to a real chain. Implements `transcript.Client`."""

    def __init__(self, connection: socket.socket, process: trio.Process) -> None:
        self._socket = trio.socket.from_stdlib_socket(connection)
        self._process = process
        self._unread = b""
        self._encrypted = False

    async def send(self, data: bytes) -> None:
        """Send all of it."""
        await trio.SocketStream(self._socket).send_all(self._crypt(data))

    async def receive_until(self, end: bytes | int) -> bytes:
        """Receive up to and including `end`, or so many bytes."""
        while (count := self._complete(end)) is None:
            assert await self._receive_more(), f"the connection ended; before that came {self._unread!r}"
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    async def receive_all(self) -> bytes:
        """Receive what comes until the connection ends."""
        while await self._receive_more():
            pass
        taken, self._unread = self._unread, b""
        return taken

    def half_close(self) -> None:
        """Send end of file."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def encrypt(self) -> None:
        """From now on speak inside the pretended TLS of fakes/ucspitlsd.py."""
        self._encrypted = True
        self._unread = self._unread.translate(CIPHER)

    async def exit_code(self) -> int | None:
        """Wait for the chain's first process."""
        return await self._process.wait()

    @property
    def process(self) -> trio.Process:
        """The chain's first process."""
        return self._process

    def _complete(self, end: bytes | int) -> int | None:
        if isinstance(end, int):
            return end if len(self._unread) >= end else None
        found = self._unread.find(end)
        return None if found < 0 else found + len(end)

    async def _receive_more(self) -> bool:
        try:
            data = await self._socket.recv(65536)
        except ConnectionResetError:
            return False
        self._unread += self._crypt(data)
        return bool(data)

    def _crypt(self, data: bytes) -> bytes:
        return data.translate(CIPHER) if self._encrypted else data


@asynccontextmanager
async def connect(
    site: Site, chain: str, *, env: Mapping[str, str] | None = None
) -> AsyncIterator[RealClient]:
    """Be the client of a new chain; at the end nothing of it may be left running."""
    mark = f"ACCEPTUTILS_TEST={uuid.uuid4()}"
    name, _, value = mark.partition("=")
    full_env = {"PATH": site.path, "QMAILHOME": str(site.home), "FAKE_USERS": str(site.users), name: value}
    ours, theirs = socket.socketpair()
    with ours, theirs, trio.fail_after(PATIENCE), site.log.open("ab") as log:
        process = await trio.lowlevel.open_process(
            shlex.split(chain),
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=log,
            env={**full_env, **(env or {})},
        )
        theirs.close()
        client = RealClient(ours, process)
        try:
            yield client
            client.close()
            await process.wait()
            await no_process_left(mark)
        finally:
            client.close()
            for pid in processes_with(mark):
                os.kill(pid, 9)
            with trio.CancelScope(shield=True):
                await process.wait()
    assert b"Traceback" not in site.log.read_bytes()


async def no_process_left(mark: str) -> None:
    """Wait, within the patience, until no process has this in its environment."""
    while processes_with(mark):  # noqa: ASYNC110  /proc tells nobody when it changes
        await trio.sleep(0.01)


def processes_with(mark: str) -> list[int]:
    """Return the processes whose environment contains this text."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # ended meanwhile, or somebody else's
    return found
