"""The sessions, with real processes; the client must see the same bytes as in the machine."""

import os
import re
from pathlib import Path

import pytest
import trio

from tests.sessions import real_chain
from tests.sessions.sessions import MAIL, SESSIONS, control_files
from tests.sessions.test_machine_sessions import play_in_machine
from tests.sessions.transcript import Session, play


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session.name)
def test_session(session: Session, programs: Path) -> None:
    if session.needs_root and os.getuid() != 0:
        pytest.skip("LOUD: only root can change UIDs, so this session was not played with real processes")
    simulated, _ = play_in_machine(session, seed=1)
    real = trio.run(play_really, session, programs)
    assert timeless(real) == timeless(simulated)


async def play_really(session: Session, programs: Path) -> bytes:
    with real_chain.site(programs) as site:
        site.control(control_files(session))
        site.deliver(MAIL)
        async with real_chain.connect(site, session.chain) as client:
            return await play(session, client, client.exit_code)


def timeless(received: bytes) -> bytes:
    """Take out the process ID and the time of a POP3 greeting."""
    return re.sub(rb"<[0-9]+\.[0-9]+@", b"<PID.TIME@", received)
