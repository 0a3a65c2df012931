"""What tests with real processes share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sessions.real_chain import UID


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    """The directory of our installed programs, where any user can run them."""
    if Path("/tmp/inst").exists():
        yield Path("/tmp/inst/bin")
        return
    from fakes.installation import installation
    with installation(UID) as directory:
        yield directory
