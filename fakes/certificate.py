"""Certificates for the TLS front end: from files, or made on the spot for this computer's loopback names.

The latter wants trustme (`pip install 'acceptutils[tls]'`): an authority of its own, which nobody trusts who
was not told to, and a certificate by it.
"""

import ssl
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import trustme

NAMES = ("localhost", "127.0.0.1")


class NoCertificate(Exception):
    """There is none; the message says why."""


class Files(NamedTuple):
    """PEM files: what a client trusts, and what a server shows and keeps to itself."""

    authority: Path
    certificate: Path
    key: Path


def load(context: ssl.SSLContext, certificate: bytes | None, key: bytes | None) -> None:
    """Give a server its certificate; without files it is made now. Raises NoCertificate."""
    if certificate is None:
        _issue()[1].configure_cert(context)
        return
    try:
        context.load_cert_chain(certificate, key)
    except OSError as trouble:  # SSLError is one; neither says which of the two files it was
        reason = trouble.strerror or str(trouble)
        raise NoCertificate(f"unable to use the certificate and its key: {reason}") from None


def make(directory: Path) -> Files:
    """Write a new authority's certificate and one by it, which only we can read. Raises NoCertificate."""
    authority, leaf = _issue()
    files = Files(*(directory / f"{name}.pem" for name in Files._fields))
    contents = (authority.cert_pem, leaf.cert_chain_pems[0], leaf.private_key_pem)
    for file, content in zip(files, contents, strict=True):
        file.touch(mode=0o600)
        file.write_bytes(content.bytes())
    return files


def _issue() -> "tuple[trustme.CA, trustme.LeafCert]":
    try:
        import trustme  # noqa: PLC0415 (it takes its time, and whoever has files does not need it)
    except ImportError:
        raise NoCertificate("without --certificate it needs trustme, which is not installed") from None
    authority = trustme.CA()
    return authority, authority.issue_cert(*NAMES)
