"""What tests with real processes share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fakes.installation import installation
from tests.sessions.real_chain import UID


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    """The directory of our installed programs, where any user can run them."""
    with installation(UID) as directory:
        yield directory
