"""What a fake program may ask of the process that it runs in.

`fakes/machine.py` answers with an in-memory computer, `fakes/real.py` with the real one. Time is
trio's in both: a fake that wants to be slow calls trio.sleep().
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NoReturn, Protocol


class Files(Protocol):
    """The few file operations that a Maildir and a users file need; paths are absolute or relative
    to the working directory. Each raises the OSError of the call it names.
    """

    def read(self, path: bytes) -> bytes:
        """Return the whole file: open(2), read(2)."""
        ...

    def create(self, path: bytes, data: bytes) -> None:
        """Write a new file, refusing an existing one, and return when it is on disk: fsync(2)."""
        ...

    def rename(self, old: bytes, new: bytes) -> None:
        """Move a file, and return when the move is on disk: rename(2), fsync(2) of the directory."""
        ...

    def remove(self, path: bytes) -> None:
        """unlink(2)."""
        ...

    def list(self, directory: bytes) -> list[bytes]:
        """Return the sorted names in a directory: readdir(3)."""
        ...

    def make_directory(self, path: bytes) -> None:
        """mkdir(2) with mode 0700; no error if it exists."""
        ...


class Process(Protocol):
    """The process that a fake runs in. Descriptors are the Unix numbers 0, 1, 2, 3 ..."""

    args: Sequence[bytes]
    env: Mapping[bytes, bytes]
    pid: int
    files: Files

    @property
    def uid(self) -> int:
        """The real user ID now."""
        ...

    async def read(self, fd: int, most: int = 65536) -> bytes:
        """read(2): wait for 1 to `most` bytes; b"" at end of file or after a reset."""
        ...

    async def write(self, fd: int, data: bytes) -> None:
        """write(2), repeated until all is taken. Raises BrokenPipeError."""
        ...

    def close(self, fd: int) -> None:
        """close(2); no error if it is closed."""
        ...

    def log(self, line: bytes) -> None:
        """Write one line (its LF is added) to descriptor 2."""
        ...

    def become(self, uid: int, gid: int, home: bytes) -> None:
        """setgid(2), setgroups(2), setuid(2), chdir(2). Raises OSError."""
        ...

    async def exec(self, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> int:
        """execvp(3). Raises OSError. Only the machine returns: the exit code of that program."""
        ...

    def time(self) -> float:
        """time(2): seconds since 1970."""
        ...

    async def crash(self, signal: int) -> NoReturn:
        """Be killed by this signal."""
        ...


Fake = Callable[[Process], Awaitable[int]]
"""A fake program: does its work and returns its exit code."""
