"""What encrypts one connection of the front end (ucspitlsd.py): bytes in, bytes out; it never waits.

The front end reads and writes; a cipher says what that meant. Whatever it was told, there may then be
something to send: the answer to a handshake, an alert, a new key. The pretended one is here, TLS in tls.py.
"""

from collections.abc import Sequence
from typing import Protocol

CIPHER = bytes(byte ^ 0x80 for byte in range(256))
_RECORDS = (b"SSL_PROTOCOL=TLSv1.3", b"SSL_CIPHER=PRETENDED_XOR_80", b"SSL_SERVER_NAME=")


class CipherError(Exception):
    """There is no way to go on; the message says why. What is left to send is an alert, or nothing."""


class Cipher(Protocol):
    """The server's side of one connection."""

    @property
    def ended(self) -> bool:
        """Whether the peer will say no more that counts: it said so, it is gone, or it sent nonsense."""
        ...

    def receive(self, data: bytes) -> None:
        """Take what came from the network, b"" for its end."""
        ...

    def shake_hands(self) -> bool:
        """Go on with the handshake as far as possible; say whether it is done. Raises CipherError."""
        ...

    def records(self) -> Sequence[bytes]:
        """Return what is to be told about the connection: NAME=VALUE, after the handshake."""
        ...

    def decrypt(self) -> bytes:
        """Return the plaintext of all that was received, b"" if there is none yet or no more."""
        ...

    def encrypt(self, plaintext: bytes) -> None:
        """Have this sent. Raises CipherError."""
        ...

    def end(self) -> None:
        """Have the peer told that no more comes."""
        ...

    def to_send(self) -> bytes:
        """Return, once, what is now to be written to the network."""
        ...


class Xor:
    """The pretended encryption. Implements Cipher."""

    def __init__(self) -> None:
        self.ended = False
        self._received = b""
        self._to_send = b""

    def receive(self, data: bytes) -> None:
        """See Cipher."""
        self._received += data
        self.ended = not data

    def shake_hands(self) -> bool:
        """See Cipher."""
        return True

    def records(self) -> Sequence[bytes]:
        """See Cipher."""
        return _RECORDS

    def decrypt(self) -> bytes:
        """See Cipher."""
        taken, self._received = self._received, b""
        return taken.translate(CIPHER)

    def encrypt(self, plaintext: bytes) -> None:
        """See Cipher."""
        self._to_send += plaintext.translate(CIPHER)

    def end(self) -> None:
        """See Cipher."""

    def to_send(self) -> bytes:
        """See Cipher."""
        taken, self._to_send = self._to_send, b""
        return taken
