"""A site with TLS, services of it, a place for a client's secrets, and the table of test_table.py."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

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


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print who got on with whom, from the tests that recorded a cell."""
    cells: dict[tuple[str, ...], str] = {}
    for outcome, said in (("passed", "ok"), ("failed", "FAILED"), ("error", "FAILED")):
        for report in terminalreporter.stats.get(outcome, []):
            for name, cell in getattr(report, "user_properties", []):
                if name == "cell":
                    cells[cell] = said
    for protocol in dict.fromkeys(cell[0] for cell in cells):
        terminalreporter.section(f"{protocol}: clients and servers")
        for line in table({cell[1:]: said for cell, said in cells.items() if cell[0] == protocol}):
            terminalreporter.write_line(line)


def table(cells: dict[tuple[str, ...], str]) -> list[str]:
    """Return lines with columns for (way, client, server); a dash is what was not tested."""
    servers = list(dict.fromkeys(server for _, _, server in cells))
    rows = [["client", "through", *servers]]
    for way, client in dict.fromkeys((way, client) for way, client, _ in cells):
        rows.append([client, way, *(cells.get((way, client, server), "-") for server in servers)])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
