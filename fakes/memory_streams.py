"""What a driver holds of its peers in the machine: the client, and a child with its two pipes."""

import trio

from acceptutils.runtime.world import Ended
from fakes.kernel import Kernel
from fakes.kernel_process import KernelProcess


class DescriptorStream:
    """One descriptor as a stream; after close() it raises trio.ClosedResourceError."""

    def __init__(self, kernel: Kernel, process: KernelProcess, fd: int) -> None:
        self._kernel = kernel
        self._process = process
        self._fd: int | None = fd

    async def send_some(self, data: bytes) -> int:
        """See SendStream."""
        return await self._kernel.write_some(self._process, self._open(), data)

    async def receive(self, most: int) -> bytes:
        """See ReceiveStream."""
        return await self._kernel.read(self._process, self._open(), most)

    def close(self) -> None:
        """See SendStream."""
        if self._fd is not None:
            self._process.close(self._fd)
            self._fd = None

    def _open(self) -> int:
        if self._fd is None:
            raise trio.ClosedResourceError("this end was closed by its owner")
        return self._fd


class MemoryClient:
    """`Client` on descriptors 0 and 1."""

    def __init__(self, kernel: Kernel, process: KernelProcess) -> None:
        self._kernel = kernel
        self._process = process

    async def send_some(self, data: bytes) -> int:
        """See SendStream."""
        return await self._kernel.write_some(self._process, 1, data)

    async def receive(self, most: int) -> bytes:
        """See ReceiveStream."""
        return await self._kernel.read(self._process, 0, most)

    async def receive_line(self, most: int) -> bytes:
        """See Client."""
        return await self._kernel.read(self._process, 0, most, until=b"\n")

    def has_left(self) -> bool:
        """See Client."""
        return self._process.end(1).hung_up

    def close(self) -> None:
        """Close both descriptors, which may be one socket."""
        self._process.check_alive()
        self._process.close(1)
        self._process.close(0)


class MemoryChild:
    """`Child`, as its parent sees it."""

    def __init__(
        self,
        kernel: Kernel,
        parent: KernelProcess,
        child: KernelProcess,
        pipes: tuple[DescriptorStream, DescriptorStream] | None,
    ) -> None:
        self.pid = child.pid
        self._kernel = kernel
        self._parent = parent
        self._child = child
        self._pipes = pipes

    @property
    def stdin(self) -> DescriptorStream:
        """See Child."""
        return self._own_pipes()[0]

    @property
    def stdout(self) -> DescriptorStream:
        """See Child."""
        return self._own_pipes()[1]

    async def wait(self) -> Ended:
        """See Child."""
        return await self._kernel.wait(self._parent, self._child)

    def real_uid(self) -> int | None:
        """Return its real UID, a zombie's too; None when it was waited for."""
        self._parent.check_alive()
        return None if self._child.reaped else self._child.uid

    def kill(self, signal: int, *, group: bool = False) -> None:
        """See Child."""
        self._parent.check_alive()
        if not group:
            self._kernel.kill(self.pid, signal)
        else:
            self._kernel.kill_group(self.pid, signal)

    def _own_pipes(self) -> tuple[DescriptorStream, DescriptorStream]:
        if self._pipes is None:
            raise RuntimeError("this child was spawned without pipes")
        return self._pipes
