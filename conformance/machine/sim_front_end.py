"""The harness's end of a TLS front end in the machine."""

from collections.abc import Callable

from conformance.playing.stream import Stream
from fakes.connection import Connection


class SimFrontEnd:
    """`FrontEnd` with the machine's sockets; `hang_up` closes all that the client has."""

    def __init__(
        self,
        connection: Connection,
        control: int,
        record: Callable[[str, bytes], None],
        hang_up: Callable[[], None],
    ) -> None:
        self.orders = Stream("T", record)
        self._connection = connection
        self._control = control
        self._hang_up = hang_up

    async def block(self, data: bytes) -> None:
        """See FrontEnd."""
        await self._connection.send_to(self._control, data)

    def close_control(self) -> None:
        """See FrontEnd."""
        self._connection.close_descriptor(self._control)

    def close(self) -> None:
        """See FrontEnd."""
        self.close_control()
        self._hang_up()

    async def hear(self) -> None:
        """Fill `orders`, for as long as it lasts."""
        while True:
            try:
                data = await self._connection.receive_some(self._control)
            except OSError:
                data = b""
            if not data:
                self.orders.end()
                return
            self.orders.feed(data)
