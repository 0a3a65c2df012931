"""A site whose chains greet and never delay; and what only root can test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.running import new_site
from tests.sessions.real_chain import Site


@pytest.fixture
def site(programs: Path) -> Iterator[Site]:
    """A site of this test's own."""
    with new_site(programs) as site:
        yield site
