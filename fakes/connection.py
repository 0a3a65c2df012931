"""The client's end of a connection to a chain in the machine, for scripts and tests."""

import trio

from acceptutils.runtime.world import Ended
from fakes.kernel import Kernel
from fakes.kernel_process import KernelProcess
from fakes.pipes import End
from fakes.ucspitlsd import CIPHER


class ClosedEarly(AssertionError):
    """The connection ended before what the script waited for had come; `received` is what had."""

    def __init__(self, received: bytes) -> None:
        super().__init__(f"the connection ended; before that came {received!r}")
        self.received = received


class Connection:
    """The client; `transcript` is all that it has received so far, decrypted."""

    def __init__(self, kernel: Kernel, client: KernelProcess, first: KernelProcess) -> None:
        self.transcript = b""
        self.first = first
        """The first process of the chain."""
        self._kernel = kernel
        self._client = client
        self._unread = b""
        self._encrypted = False

    @property
    def pid(self) -> int:
        """The process ID of the chain's first process."""
        return self.first.pid

    async def send(self, data: bytes) -> None:
        """Send all of it, waiting as long as the chain takes none. Raises BrokenPipeError."""
        await self._kernel.write(self._client, 1, self._crypt(data))

    async def receive_until(self, end: bytes | int) -> bytes:
        """Receive up to and including `end`, or so many bytes. Raises ClosedEarly."""
        while (count := self._complete(end)) is None:
            if not await self._receive_more():
                raise ClosedEarly(self._take(len(self._unread)))
        return self._take(count)

    async def receive_all(self) -> bytes:
        """Receive what comes until the connection ends."""
        while await self._receive_more():
            pass
        return self._take(len(self._unread))

    async def receive_for(self, seconds: float) -> bytes:
        """Receive what comes within this time."""
        with trio.move_on_after(seconds):
            while await self._receive_more():
                pass
            await trio.sleep_forever()
        return self._take(len(self._unread))

    async def stall(self, seconds: float) -> None:
        """Neither send nor receive for this time."""
        await trio.sleep(seconds)

    async def receive_some(self, fd: int = 0) -> bytes:
        """Receive what is there, raw, past the methods above; b"" at the end. For a harness's pump."""
        return await self._kernel.read(self._client, fd, 65536)

    async def send_to(self, fd: int, data: bytes) -> None:
        """Write, raw, to one of the client's descriptors. Raises OSError."""
        await self._kernel.write(self._client, fd, data)

    def open(self, end: End) -> int:
        """Give the client one more descriptor, 10 or above; return its number."""
        return self._client.open(end, lowest=10)

    def close_descriptor(self, fd: int) -> None:
        """Close one of the client's descriptors; no error if it is closed."""
        self._client.close(fd)

    def end_of(self, fd: int) -> End:
        """Return what one of the client's descriptors refers to. Raises OSError."""
        return self._client.end(fd)

    def encrypt(self) -> None:
        """From now on speak inside the pretended TLS of ucspitlsd.py."""
        self._encrypted = True
        self._unread = self._unread.translate(CIPHER)

    def half_close(self) -> None:
        """Send end of file; go on receiving. Over pipes: close the writing one."""
        end = self._client.end(1)
        if end.is_socket:
            end.shut_down()
        else:
            self._client.close(1)
        self._kernel.note(self._client, "half-close")

    def close(self) -> None:
        """Hang up, as on a local socket: TCP would tell no more than a half-close until we write."""
        self._kernel.note(self._client, "close")
        for fd in (0, 1):
            self._client.close(fd)

    def reset(self) -> None:
        """Break the connection: what is under way is lost, in both directions."""
        self._kernel.note(self._client, "reset")
        for fd in (0, 1):
            self._client.end(fd).reset()

    async def ended(self) -> Ended:
        """Wait for the end of the chain's first process."""
        return await self._kernel.wait(self._client, self.first)

    async def _receive_more(self) -> bool:
        data = self._crypt(await self._kernel.read(self._client, 0, 65536))
        self._unread += data
        return bool(data)

    def _complete(self, end: bytes | int) -> int | None:
        """Return how many of the unread bytes are what was asked for; None if more must come."""
        if isinstance(end, int):
            return end if len(self._unread) >= end else None
        found = self._unread.find(end)
        return None if found < 0 else found + len(end)

    def _take(self, count: int) -> bytes:
        taken, self._unread = self._unread[:count], self._unread[count:]
        self.transcript += taken
        return taken

    def _crypt(self, data: bytes) -> bytes:
        return data.translate(CIPHER) if self._encrypted else data
