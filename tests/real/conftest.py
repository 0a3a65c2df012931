"""A site with TLS, and services of it."""

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
