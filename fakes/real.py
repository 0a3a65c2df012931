"""The real process for a fake: descriptors 0 to 3, files, UIDs and exec of this computer.

Descriptors 0 to 3 are inherited: others share their open file descriptions, so O_NONBLOCK is never
set. We wait until one is ready and then read or write so little that it cannot block. What was closed
when we started stays closed for the fake, whatever trio opens there: else checkpassword without its
pipe would read trio's epoll.
"""

import errno
import os
import resource
import signal
import socket
import stat
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

import trio

from fakes.process import Fake, Files

WRITE_MAX = 4096
"""PIPE_BUF: a pipe that is ready takes as much without blocking."""

TEMPORARY = 111


def run(name: str, fake: Fake, args: Sequence[bytes]) -> int:
    """Run a fake in this process, on its real descriptors; return its exit code.

    A fault of the fake itself is one line on descriptor 2 and exit code 111, never a traceback.
    """
    process = RealProcess(args)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a C program has no KeyboardInterrupt either
    try:
        return trio.run(fake, process)
    except Exception as fault:  # nothing but a line may come out
        process.log(f"{name}: internal error: {type(fault).__name__}".encode())
        return TEMPORARY


class RealProcess:
    """This process, as `fakes.process.Process`. Make it before trio runs."""

    def __init__(self, args: Sequence[bytes]) -> None:
        self.args = args
        self.env: Mapping[bytes, bytes] = dict(os.environb)
        self.pid = os.getpid()
        self.files: Files = RealFiles()
        self._open = {fd for fd in range(4) if _is_open(fd)}

    @property
    def uid(self) -> int:
        """The real user ID now."""
        return os.getuid()

    async def read(self, fd: int, most: int = 65536) -> bytes:
        """read(2), waiting first. Raises OSError (EBADF) for a descriptor that we were not given."""
        self._require(fd)
        while True:
            await _ready(trio.lowlevel.wait_readable, fd)
            try:
                return os.read(fd, most)
            except BlockingIOError:
                continue  # another reader of the same description was faster
            except OSError:
                return b""

    async def write(self, fd: int, data: bytes) -> None:
        """write(2), repeated until all is taken. Raises BrokenPipeError, whatever the trouble is."""
        rest = memoryview(data)
        try:
            self._require(fd)
            put = _send if stat.S_ISSOCK(os.fstat(fd).st_mode) else os.write
            while rest:
                await _ready(trio.lowlevel.wait_writable, fd)
                with suppress(BlockingIOError):
                    rest = rest[put(fd, rest[:WRITE_MAX]) :]
        except OSError as trouble:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from trouble

    def close(self, fd: int) -> None:
        """close(2); no error if it is closed."""
        if fd in self._open:
            self._open.remove(fd)
            with suppress(OSError):
                trio.lowlevel.notify_closing(fd)
                os.close(fd)

    def log(self, line: bytes) -> None:
        """Write a line to descriptor 2, if somebody takes it."""
        if 2 in self._open:
            with suppress(OSError):
                os.write(2, line + b"\n")

    def become(self, uid: int, gid: int, home: bytes) -> None:
        """Become a user, in its home. Who is not root can only stay who it is: then just chdir(2)."""
        if os.getuid() == 0:
            os.setgroups([gid])
            os.setgid(gid)
            os.setuid(uid)
        elif uid != os.getuid():
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        os.chdir(home)

    async def exec(self, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> NoReturn:
        """execvp(3) with default signals and an empty signal mask. Raises OSError."""
        await trio.lowlevel.checkpoint()
        _default_signals()
        _execvp(list(argv), env)

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    async def crash(self, signal: int) -> NoReturn:
        """Be killed by this signal, leaving no core file."""
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        _default_signals()
        os.kill(os.getpid(), signal)
        await trio.sleep_forever()

    def _require(self, fd: int) -> None:
        if fd not in self._open:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))


class RealFiles:
    """The file system, as `fakes.process.Files`."""

    def read(self, path: bytes) -> bytes:
        """Return the whole file."""
        with open(path, "rb") as file:
            return file.read()

    def create(self, path: bytes, data: bytes) -> None:
        """Write a new file to the disk; if that fails there is none."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
        except OSError:
            os.unlink(path)
            raise

    def rename(self, old: bytes, new: bytes) -> None:
        """Move a file, on the disk too."""
        os.rename(old, new)
        fd = os.open(os.path.dirname(new) or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def remove(self, path: bytes) -> None:
        """unlink(2)."""
        os.unlink(path)

    def list(self, directory: bytes) -> list[bytes]:
        """Return the sorted names in a directory."""
        return sorted(os.listdir(directory))

    def make_directory(self, path: bytes) -> None:
        """mkdir(2) with mode 0700; no error if it exists."""
        with suppress(FileExistsError):
            os.mkdir(path, 0o700)


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


async def _ready(wait: Callable[[int], Awaitable[None]], fd: int) -> None:
    try:
        await wait(fd)
    except PermissionError:  # epoll does not take regular files: these are always ready
        await trio.lowlevel.checkpoint()


def _send(fd: int, data: memoryview) -> int:
    """send(2) without blocking: a socket that is ready may still not have room for all."""
    borrowed = socket.socket(fileno=fd)
    try:
        return borrowed.send(data, socket.MSG_DONTWAIT)
    finally:
        borrowed.detach()


def _default_signals() -> None:
    # Python ignores SIGPIPE and SIGXFSZ; the next program would inherit that.
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])


def _execvp(argv: list[bytes], env: Mapping[bytes, bytes]) -> NoReturn:
    """execvp(3) in full: os.execvpe() lacks the shell for files without #!."""
    trouble = OSError(errno.ENOENT, os.strerror(errno.ENOENT))
    for path in _candidates(argv[0]):
        try:
            os.execve(path, argv, env)  # noqa: S606 (a checkpassword does that)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError as refusal:
            trouble = refusal  # but a later directory may have one that we may run
        except OSError as failure:
            if failure.errno != errno.ENOEXEC:
                raise
            os.execve(b"/bin/sh", [b"sh", path, *argv[1:]], env)  # noqa: S606 (BASE-1)
    raise trouble


def _candidates(program: bytes) -> list[bytes]:
    if not program or b"/" in program:
        return [program] if program else []
    path = os.environb.get(b"PATH", b"/bin:/usr/bin")
    return [os.path.join(directory or b".", program) for directory in path.split(b":")]


def bytes_of_command_line() -> list[bytes]:
    """Return the command line behind the program's name, as the bytes that it was."""
    return [os.fsencode(arg) for arg in sys.argv[1:]]
