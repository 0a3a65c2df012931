"""The front end of ucspitlsd.py as a real program, on real descriptors and processes.

Inherited descriptors keep their flags (see real.py); those that we make are close-on-exec, and a
program that we start gets the descriptors it is meant to have and no other.
"""

import fcntl
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from signal import SIGPIPE, SIGXFSZ
from typing import NoReturn

import trio

from acceptutils.runtime.world import Ended
from fakes import certificate, real, tls
from fakes.cipher import Cipher, Xor
from fakes.process import Process
from fakes.ucspitlsd import front_end
from fakes.ucspitlsd_options import Options

_OUT_OF_THE_WAY = 100


async def ucspitlsd(process: Process) -> int:
    """Be the front end in a real process."""
    return await front_end(RealFrontEnd(process.args), new_cipher)


def new_cipher(options: Options) -> Cipher:
    """Return a connection's encryption. Raises NoCertificate."""
    if options.pretend:
        return Xor()
    context = tls.server_context()
    certificate.load(context, options.certificate, options.key)
    return tls.Tls(context)


class RealFrontEnd(real.RealProcess):
    """`FrontEndProcess` on this computer."""

    itself: Sequence[bytes] = (os.fsencode(sys.executable), b"-m", b"fakes.ucspitlsd_real")

    def __init__(self, args: Sequence[bytes]) -> None:
        super().__init__(args)
        # Only the --serve variant is given more than 0 to 2; whatever else is open is trio's.
        self._open = {0, 1, 2} | ({3, 4, 5} if b"--serve" in args else set())

    def pipe(self) -> tuple[int, int]:
        """See FrontEndProcess."""
        return self._opened(*os.pipe())

    def socket_pair(self) -> tuple[int, int]:
        """See FrontEndProcess."""
        one, other = socket.socketpair()
        return self._opened(one.detach(), other.detach())

    def end_output(self, fd: int) -> None:
        """See FrontEndProcess."""
        if fd not in self._open:
            return
        try:
            with suppress(ConnectionError):
                _shut_down(fd)
        except OSError:  # ENOTSOCK: a pipe
            self.close(fd)

    async def spawn(
        self, argv: Sequence[bytes], env: Mapping[bytes, bytes], descriptors: Mapping[int, int]
    ) -> int:
        """See FrontEndProcess."""
        await trio.lowlevel.checkpoint()
        spare = {theirs: _duplicate(ours) for theirs, ours in descriptors.items()}
        try:
            return _start(list(argv), env, spare)
        finally:
            for fd in spare.values():
                os.close(fd)

    async def exec_with(
        self, argv: Sequence[bytes], env: Mapping[bytes, bytes], descriptors: Mapping[int, int]
    ) -> NoReturn:
        """See FrontEndProcess. If it fails this process ends, with 111."""
        await trio.lowlevel.checkpoint()
        spare = {theirs: _duplicate(ours) for theirs, ours in descriptors.items()}
        for fd in _inheritable():
            os.set_inheritable(fd, False)
        for theirs, own in spare.items():
            os.dup2(own, theirs)  # perhaps over trio's own: from here on there is no way back into trio
        try:
            real._default_signals()
            real._execvp(list(argv), env)
        except OSError as error:
            self.log(b"ucspitlsd: " + str(error.strerror).encode())
        os._exit(real.TEMPORARY)

    async def wait(self, pid: int) -> Ended:
        """See FrontEndProcess."""
        handle = os.pidfd_open(pid)
        try:
            await trio.lowlevel.wait_readable(handle)
        finally:
            os.close(handle)
        return _reap(pid)

    def kill(self, pid: int, signal: int) -> None:
        """See FrontEndProcess."""
        with suppress(ProcessLookupError):
            os.kill(pid, signal)

    def _opened(self, one: int, other: int) -> tuple[int, int]:
        self._open |= {one, other}
        return one, other


def _start(argv: list[bytes], env: Mapping[bytes, bytes], spare: Mapping[int, int]) -> int:
    """posix_spawnp(3), Python's own signal settings undone; `spare`: the child's numbers to ours."""
    moving = [(os.POSIX_SPAWN_DUP2, own, theirs) for theirs, own in spare.items()]
    closing = [(os.POSIX_SPAWN_CLOSE, fd) for fd in _inheritable() if fd not in spare]
    return os.posix_spawnp(
        argv[0], argv, env, file_actions=[*moving, *closing], setsigmask=[], setsigdef=[SIGPIPE, SIGXFSZ]
    )


def _reap(pid: int) -> Ended:
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return Ended(None, -status) if status < 0 else Ended(status, None)


def _duplicate(fd: int) -> int:
    """Copy a descriptor out of the way of those that a child is to have."""
    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _OUT_OF_THE_WAY)


def _inheritable() -> list[int]:
    """Return the open descriptors above 2 that a child would get unasked."""
    numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    return [fd for fd in numbers if fd > 2 and _is_inheritable(fd)]


def _is_inheritable(fd: int) -> bool:
    try:
        return os.get_inheritable(fd)
    except OSError:  # the descriptor of the listing itself
        return False


def _shut_down(fd: int) -> None:
    borrowed = socket.socket(fileno=fd)
    try:
        borrowed.shutdown(socket.SHUT_WR)
    finally:
        borrowed.detach()


if __name__ == "__main__":
    sys.exit(real.run("ucspitlsd", ucspitlsd, real.bytes_of_command_line()))
