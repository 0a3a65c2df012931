"""A site with the scripts of examples/."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.examples.sending import User
from tests.examples.standing import furnish
from tests.runtime.running import new_site
from tests.sessions.real_chain import Site


@pytest.fixture
def site(programs: Path) -> Iterator[Site]:
    """A site of this test's own."""
    with new_site(programs) as site:
        furnish(site, programs)
        yield site


@pytest.fixture
def user(tmp_path: Path) -> User:
    """A user with an empty home."""
    return User(tmp_path)
