"""Count the cases that the core tests run, and show the figure when they are done."""

from collections.abc import Iterator

import pytest


class Cases:
    """How many (input, cut, order) cases have run."""

    def __init__(self) -> None:
        self.count = 0


_KEY = pytest.StashKey[Cases]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_KEY] = Cases()


@pytest.fixture
def cases(pytestconfig: pytest.Config) -> Iterator[Cases]:
    """The counter; a test that feeds a core adds one for each case, and must run at least one."""
    counter = pytestconfig.stash[_KEY]
    before = counter.count
    yield counter
    assert counter.count > before, "this test ran no case"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    terminalreporter.write_line(f"core tests: {config.stash[_KEY].count} (input, cut, order) cases")
