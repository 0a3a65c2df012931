"""A server that insists on EHLO, as exim does unless told not to, has not heard the one before the login."""

from pathlib import Path

import pytest

from tests.real.conftest import Serve
from tests.real.senders import SENDERS, Encryption, Sender, has, small
from tests.real.servers import EXIM, exim
from tests.real.service import needs_tcpserver
from tests.real.test_table import SUBMISSION
from tests.runtime.running import needs_root
from tests.sessions.real_chain import Site

pytestmark = [needs_tcpserver, needs_root, has(EXIM)]


def insisting(site: Site) -> str:
    """Return the chain with an exim whose hosts_require_helo is what it is by itself."""
    command = exim(site)
    file = site.directory / "exim.conf"
    assert "\nhosts_require_helo =\n" in file.read_text()
    file.write_text(file.read_text().replace("\nhosts_require_helo =\n", "\n"))
    return SUBMISSION + command


@pytest.mark.parametrize("sender", SENDERS)
def test_no_client_repeats_it(serving: Serve, place: Path, sender: Sender) -> None:
    """docs/tested-with.md says what to do."""
    with serving(insisting) as service:
        code, said = sender(service, place, Encryption.NONE, small("refused"))
        assert code != 0
        assert "503" in said
        assert service.ends() == [0]
