"""A client that sees every byte: plaintext, then TLS on the same connection, and all ways to leave it."""

import socket
import ssl
import struct
from contextlib import suppress

from tests.real.service import Service
from tests.sessions.real_chain import PATIENCE


class Talker:
    """One connection; `outside` is all that was received outside of TLS, or as TLS without its meaning."""

    def __init__(self, service: Service) -> None:
        self.outside = b""
        self._service = service
        self._socket = socket.create_connection(("127.0.0.1", service.port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.port: int = self._socket.getsockname()[1]
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self._unread = b""

    def __enter__(self) -> "Talker":
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """Send, in TLS once that was started."""
        if self._tls:
            self._tls.write(data)
            data = self._outgoing.read()
        self._socket.sendall(data)

    def send_raw(self, data: bytes) -> None:
        """Send past TLS."""
        self._socket.sendall(data)

    def hear(self, end: bytes) -> bytes:
        """Receive up to and including `end`."""
        while end not in self._unread:
            more = self._receive()
            assert more, f"the connection ended; before that came {self._unread!r}"
            self._unread += more
        said, found, self._unread = self._unread.partition(end)
        return said + found

    def hear_all(self) -> bytes:
        """Receive until the connection ends."""
        while more := self._receive():
            self._unread += more
        said, self._unread = self._unread, b""
        return said

    def ask(self, line: bytes) -> bytes:
        """Send a line; return the line that answers it."""
        self.send(line + b"\r\n")
        return self.hear(b"\r\n")

    def start_tls(self, version: ssl.TLSVersion | None = None) -> None:
        """Shake hands. Raises ssl.SSLError, also if the connection ends."""
        context = self._service.context(version)
        assert not self._unread
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                with suppress(ConnectionError):
                    self._socket.sendall(self._outgoing.read())
                self._receive_raw()
        self._socket.sendall(self._outgoing.read())

    def hello(self) -> bytes:
        """Return what a handshake begins with."""
        self._tls = self._service.context().wrap_bio(
            self._incoming, self._outgoing, server_hostname="localhost"
        )
        with suppress(ssl.SSLWantReadError):
            self._tls.do_handshake()
        self._tls = None
        return self._outgoing.read()

    def good_bye(self) -> None:
        """Say close_notify, and go on listening."""
        assert self._tls
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._socket.sendall(self._outgoing.read())

    def make_room(self, size: int) -> None:
        """Have so much room for what was not read yet."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)

    def half_close(self) -> None:
        """End the TCP connection's one half without a word."""
        with suppress(OSError):  # ENOTCONN: it was reset
            self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Break the connection."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def _receive(self) -> bytes:
        """Return what comes next, b"" at the end."""
        if not self._tls:
            return self._receive_raw()
        while True:
            try:
                return self._tls.read(65536)
            except ssl.SSLWantReadError:
                self._receive_raw()
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def _receive_raw(self) -> bytes:
        data = b""
        with suppress(ConnectionError):
            data = self._socket.recv(65536)
        self.outside += data
        if not self._tls:
            return data
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        return data
