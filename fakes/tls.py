"""Real TLS for the front end: OpenSSL between two buffers, never at a descriptor.

TLS 1.2 and 1.3, no client certificates, no renegotiation. A peer that ends the TCP connection, or its
half of it, without close_notify is as good as one that says good-bye: SMTP and POP3 have ends of their own,
and the replies that are on their way are still delivered.
"""

import ssl
from collections.abc import Sequence
from contextlib import suppress

from fakes.cipher import CipherError

AT_ONCE = 65536


def server_context() -> ssl.SSLContext:
    """Return the settings of a server, still without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_IGNORE_UNEXPECTED_EOF
    return context


class Tls:
    """One TLS connection. Implements `cipher.Cipher`."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.ended = False
        self._received = ssl.MemoryBIO()
        self._to_send = ssl.MemoryBIO()
        self._server_name = ""
        context.sni_callback = self._note_server_name
        self._connection = context.wrap_bio(self._received, self._to_send, server_side=True)

    def receive(self, data: bytes) -> None:
        """See Cipher."""
        if data:
            self._received.write(data)
        else:
            self._received.write_eof()

    def shake_hands(self) -> bool:
        """See Cipher."""
        try:
            self._connection.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as trouble:
            raise CipherError(_reason(trouble)) from None
        return True

    def records(self) -> Sequence[bytes]:
        """See Cipher."""
        name, _, bits = self._connection.cipher() or ("", "", 0)
        told = {
            "SSL_PROTOCOL": self._connection.version(),
            "SSL_CIPHER": name,
            "SSL_CIPHER_USEKEYSIZE": bits,
            "SSL_SERVER_NAME": self._server_name,
        }
        return [f"{name}={value}".encode() for name, value in told.items()]

    def decrypt(self) -> bytes:
        """See Cipher."""
        plaintext = b""
        try:
            while not self.ended:
                piece = self._connection.read(AT_ONCE)
                plaintext += piece
                self.ended = not piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.ended = True
        return plaintext

    def encrypt(self, plaintext: bytes) -> None:
        """See Cipher."""
        try:
            self._connection.write(plaintext)  # a buffer takes all of it
        except ssl.SSLError as trouble:
            raise CipherError(_reason(trouble)) from None

    def end(self) -> None:
        """See Cipher."""
        with suppress(ssl.SSLError):  # SSLWantReadError: close_notify is out, the peer's is not here yet
            self._connection.unwrap()

    def to_send(self) -> bytes:
        """See Cipher."""
        return self._to_send.read()

    def _note_server_name(self, _connection: object, name: str | None, _context: object) -> None:
        self._server_name = name or ""


def _reason(trouble: ssl.SSLError) -> str:
    return (trouble.reason or trouble.strerror or "").lower().replace("_", " ")
