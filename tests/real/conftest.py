"""A site with TLS, services of it, and a place for a client's secrets."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from tests.real.service import Service, serve, tls_site

Serve = Callable[..., AbstractContextManager[Service]]


@pytest.fixture
def serving(programs: Path) -> Iterator[Serve]:
    """`serving(chain)` or `serving(chain, env)` is a service of a site of this test's own."""
    with tls_site(programs) as (site, files):
        yield partial(serve, site, files)


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory for the client, which is gone afterwards; pytest would keep its own."""
    with tempfile.TemporaryDirectory(prefix="acceptutils-client-") as directory:
        yield Path(directory)
