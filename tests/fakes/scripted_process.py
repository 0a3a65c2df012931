"""A process whose input is a script, for tests of one fake alone."""

import errno
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import NoReturn

import trio

from fakes.process import Fake, Files

NOON = 1_000_000_000.25
OUT_OF_ORDER = "a fake did what its contract does not allow"


class Crashed(Exception):
    def __init__(self, signal: int) -> None:
        super().__init__(signal)
        self.signal = signal


class MemoryFiles:
    """Paths and bytes; `trouble` maps the name of an operation to the errno that it fails with."""

    def __init__(self, files: Mapping[bytes, bytes] | None = None) -> None:
        self.files = dict(files or {})
        self.directories = {b"/"}
        self.trouble: dict[str, int] = {}
        self.calls: list[tuple[str, bytes]] = []
        for path in self.files:
            self._add_parents(path)

    def read(self, path: bytes) -> bytes:
        self._called("read", path)
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "no such file")
        return self.files[path]

    def create(self, path: bytes, data: bytes) -> None:
        self._called("create", path)
        self._check_parent(path)
        if path in self.files:
            raise FileExistsError(errno.EEXIST, "exists")
        self.files[path] = data

    def rename(self, old: bytes, new: bytes) -> None:
        self._called("rename", new)
        self._check_parent(new)
        if old not in self.files:
            raise FileNotFoundError(errno.ENOENT, "no such file")
        self.files[new] = self.files.pop(old)

    def remove(self, path: bytes) -> None:
        self._called("remove", path)
        if path not in self.files:
            raise FileNotFoundError(errno.ENOENT, "no such file")
        del self.files[path]

    def list(self, directory: bytes) -> list[bytes]:
        self._called("list", directory)
        if directory not in self.directories:
            raise FileNotFoundError(errno.ENOENT, "no such directory")
        paths = {*self.files, *self.directories} - {b"/"}
        return sorted(posixpath.basename(path) for path in paths if posixpath.dirname(path) == directory)

    def make_directory(self, path: bytes) -> None:
        self._called("make_directory", path)
        self._check_parent(path)
        self.directories.add(path)

    def _called(self, operation: str, path: bytes) -> None:
        self.calls.append((operation, path))
        if operation in self.trouble:
            raise OSError(self.trouble[operation], "trouble")

    def _check_parent(self, path: bytes) -> None:
        if posixpath.dirname(path) not in self.directories:
            raise FileNotFoundError(errno.ENOENT, "no such directory")

    def _add_parents(self, path: bytes) -> None:
        while path != b"/":
            path = posixpath.dirname(path)
            self.directories.add(path)


class ScriptedProcess:
    """Reads of descriptor 0 return `pieces` in their order, then end of file (or silence for ever).

    `events` tells what happened: ("read", b"") when the fake waited, ("write", data).
    """

    def __init__(
        self,
        args: Sequence[bytes] = (),
        pieces: Iterable[bytes] = (),
        *,
        env: Mapping[bytes, bytes] | None = None,
        files: MemoryFiles | None = None,
        uid: int = 1001,
        record: bytes | None = None,
        stays: bool = False,
    ) -> None:
        self.args = args
        self.env: Mapping[bytes, bytes] = env or {}
        self.pid = 4711
        self.memory = files or MemoryFiles()
        self.files: Files = self.memory
        self._uid = uid
        self._inputs = {0: list(pieces), 3: [] if record is None else [record]}
        self._has_record = record is not None
        self.stays = stays
        self.takes = True
        self.events: list[tuple[str, bytes]] = []
        self.logged: list[bytes] = []
        self.closed: set[int] = set()
        self.became: list[tuple[int, int, bytes]] = []
        self.become_trouble = 0
        self.ran: list[tuple[list[bytes], dict[bytes, bytes]]] = []
        self.exec_result = 0
        self.exec_trouble = 0

    @property
    def uid(self) -> int:
        return self._uid

    @property
    def output(self) -> bytes:
        return b"".join(data for what, data in self.events if what == "write")

    async def read(self, fd: int, most: int = 65536) -> bytes:
        await trio.lowlevel.checkpoint()
        if fd == 3 and not self._has_record:
            raise OSError(errno.EBADF, "bad file descriptor")
        self.events.append(("read", b""))
        pieces = self._inputs[fd]
        if not pieces:
            if self.stays:
                await trio.sleep_forever()
            return b""
        piece = pieces.pop(0)
        if len(piece) > most:
            pieces.insert(0, piece[most:])
        return piece[:most]

    async def write(self, fd: int, data: bytes) -> None:
        assert fd == 1, OUT_OF_ORDER
        await trio.lowlevel.checkpoint()
        if not self.takes:
            raise BrokenPipeError(errno.EPIPE, "broken pipe")
        if data:
            self.events.append(("write", data))

    def close(self, fd: int) -> None:
        self.closed.add(fd)

    def log(self, line: bytes) -> None:
        self.logged.append(line)

    def become(self, uid: int, gid: int, home: bytes) -> None:
        if self.become_trouble:
            raise OSError(self.become_trouble, "cannot")
        self.became.append((uid, gid, home))
        self._uid = uid

    async def exec(self, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> int:
        await trio.lowlevel.checkpoint()
        assert 3 in self.closed, OUT_OF_ORDER
        if self.exec_trouble:
            raise OSError(self.exec_trouble, "cannot")
        self.ran.append((list(argv), dict(env)))
        return self.exec_result

    def time(self) -> float:
        return NOON

    async def crash(self, signal: int) -> NoReturn:
        await trio.lowlevel.checkpoint()
        raise Crashed(signal)


def cuts(data: bytes) -> list[list[bytes]]:
    """The ways that every input is cut: whole, byte by byte, and in two at every place."""
    in_two = [[data[:at], data[at:]] for at in range(1, len(data))]
    return [[data], [data[at : at + 1] for at in range(len(data))], *in_two]


async def outcome(fake: Fake, process: ScriptedProcess) -> tuple[int, bytes]:
    code = await fake(process)
    return code, process.output
