"""The process that the machine gives to a fake: `Process`, and what front ends need on top of it."""

import errno
import os
from collections.abc import Mapping, Sequence
from typing import NoReturn

import trio

from acceptutils.runtime.world import CannotRun, Ended
from fakes.disk import DiskView
from fakes.kernel import Kernel
from fakes.kernel_process import KernelProcess, Killed
from fakes.pipes import pipe, socket_pair
from fakes.process import Files


class MemoryProcess:
    """`FrontEndProcess` over one process of the machine; `epoch` is its Unix time at 0."""

    def __init__(self, kernel: Kernel, process: KernelProcess, epoch: int) -> None:
        self.args: Sequence[bytes] = process.argv[1:]
        self.itself: Sequence[bytes] = process.argv[:1]
        self.env: Mapping[bytes, bytes] = process.env
        self.pid = process.pid
        self._view = DiskView(kernel.disk, lambda: process.cwd)
        self.files: Files = self._view
        self._kernel = kernel
        self._process = process
        self._epoch = epoch

    @property
    def uid(self) -> int:
        """See Process."""
        return self._process.uid

    async def read(self, fd: int, most: int = 65536) -> bytes:
        """See Process."""
        return await self._kernel.read(self._process, fd, most)

    async def write(self, fd: int, data: bytes) -> None:
        """See Process; BrokenPipeError whatever the trouble is, as in real.py."""
        try:
            await self._kernel.write(self._process, fd, data)
        except OSError as error:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from error

    def close(self, fd: int) -> None:
        """See Process."""
        self._process.check_alive()
        self._process.close(fd)

    def log(self, line: bytes) -> None:
        """See Process."""
        self._kernel.log(self._process, line + b"\n")

    def become(self, uid: int, gid: int, home: bytes) -> None:
        """See Process. Who is not root can only stay who it is; then it is just chdir(2)."""
        process = self._process
        process.check_alive()
        if process.euid != 0 and uid != process.uid:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        if process.euid == 0:
            process.uid = process.euid = uid
            process.gid = gid
        directory = self._view.absolute(home)
        self._kernel.disk.enter(directory)
        process.cwd = directory

    async def exec(self, argv: Sequence[bytes], env: Mapping[bytes, bytes]) -> int:
        """See Process."""
        try:
            return await self._kernel.execute(self._process, argv, env)
        except CannotRun as trouble:
            raise _as_os_error(trouble) from trouble

    def time(self) -> float:
        """See Process."""
        return self._epoch + trio.current_time()

    async def crash(self, signal: int) -> NoReturn:
        """See Process; also by a signal that a driver would catch."""
        await trio.lowlevel.checkpoint()
        self._kernel.finish(self._process, signal=signal)
        raise Killed

    # What front ends need on top

    def pipe(self) -> tuple[int, int]:
        """See FrontEndProcess."""
        reading, writing = pipe()
        return self._process.open(reading), self._process.open(writing)

    def socket_pair(self) -> tuple[int, int]:
        """See FrontEndProcess."""
        one, other = socket_pair()
        return self._process.open(one), self._process.open(other)

    def end_output(self, fd: int) -> None:
        """See FrontEndProcess."""
        self._process.check_alive()
        end = self._process.descriptors.get(fd)
        if end is not None and end.is_socket:
            end.shut_down()
        else:
            self._process.close(fd)

    async def spawn(
        self, argv: Sequence[bytes], env: Mapping[bytes, bytes], descriptors: Mapping[int, int]
    ) -> int:
        """See FrontEndProcess."""
        with self._kernel.operation(self._process, "spawn"):
            await self._kernel.dawdle()
        try:
            return self._kernel.start(self._process, argv, env, descriptors).pid
        except CannotRun as trouble:
            raise _as_os_error(trouble) from trouble

    async def exec_with(
        self, argv: Sequence[bytes], env: Mapping[bytes, bytes], descriptors: Mapping[int, int]
    ) -> int:
        """See FrontEndProcess."""
        process = self._process
        given = process.share(descriptors)
        for fd in sorted(process.descriptors):
            process.close(fd)
        process.descriptors |= given
        return await self.exec(argv, env)

    async def wait(self, pid: int) -> Ended:
        """See FrontEndProcess."""
        child = next((p for p in self._kernel.processes if p.pid == pid), None)
        if child is None or child.parent != self.pid or child.reaped:
            raise ChildProcessError(errno.ECHILD, os.strerror(errno.ECHILD))
        return await self._kernel.wait(self._process, child)

    def kill(self, pid: int, signal: int) -> None:
        """See FrontEndProcess."""
        self._process.check_alive()
        self._kernel.kill(pid, signal)


def _as_os_error(trouble: CannotRun) -> OSError:
    """Return the OSError with the same words: fakes know no CannotRun."""
    numbers = (number for number in errno.errorcode if os.strerror(number) == trouble.reason)
    return OSError(next(numbers, errno.ENOEXEC), trouble.reason)
