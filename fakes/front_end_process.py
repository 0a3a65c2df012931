"""What a TLS front end may ask of the process that it runs in, beyond what other fakes ask (process.py)."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from acceptutils.runtime.world import Ended
from fakes.process import Process


class FrontEndProcess(Process, Protocol):
    """The process of a front end, which handles descriptors and children as no other fake does."""

    itself: Sequence[bytes]
    """The argv that runs this program again."""

    def pipe(self) -> tuple[int, int]:
        """pipe(2): the reading and the writing descriptor, close-on-exec."""
        ...

    def socket_pair(self) -> tuple[int, int]:
        """socketpair(2): two connected descriptors, close-on-exec."""
        ...

    def end_output(self, fd: int) -> None:
        """Let the other side see end of file: shutdown(2) of a socket, close(2) of a pipe."""
        ...

    async def spawn(
        self, argv: Sequence[bytes], env: Mapping[bytes, bytes], descriptors: Mapping[int, int]
    ) -> int:
        """Start a child with exactly these descriptors, its numbers to ours; its pid. Raises OSError."""
        ...

    async def exec_with(
        self, argv: Sequence[bytes], env: Mapping[bytes, bytes], descriptors: Mapping[int, int]
    ) -> int:
        """execvp(3) with exactly these descriptors. Raises OSError; only the machine returns."""
        ...

    async def wait(self, pid: int) -> Ended:
        """Wait for a child's end."""
        ...

    def kill(self, pid: int, signal: int) -> None:
        """kill(2); no error when it has ended."""
        ...
