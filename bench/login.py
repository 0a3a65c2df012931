"""How long a whole login takes, from the connection to 235, through the seed's chain."""

import time
from pathlib import Path

import trio

from bench.timing import medians, report
from fakes.installation import installation
from tests.sessions import real_chain
from tests.sessions.sessions import SESSIONS, SUBMISSION, control_files
from tests.sessions.test_machine_sessions import play_in_machine
from tests.sessions.transcript import plain

RUNS = 15
PEER = "real processes"


async def real(programs: Path) -> float:
    """Return milliseconds from the start of the chain to the 235."""
    with real_chain.site(programs) as site:
        site.control(control_files(SESSIONS[0]))
        before = time.perf_counter()
        async with real_chain.connect(site, SUBMISSION) as client:
            await client.receive_until(b"\n")
            await client.send(f"AUTH PLAIN {plain('alice', 'secret')}\r\n".encode())
            assert (await client.receive_until(b"\n")).startswith(b"235 ")
            return (time.perf_counter() - before) * 1000


def simulated() -> float:
    """Return milliseconds for a whole session in the machine: login, message, QUIT."""
    before = time.perf_counter()
    play_in_machine(SESSIONS[0], seed=1)
    return (time.perf_counter() - before) * 1000


def main() -> None:
    """Print the table."""
    with installation(real_chain.UID) as programs:
        contestants = {PEER: lambda: trio.run(real, programs), "simulated, with message and QUIT": simulated}
        report(
            "login through reup, authup, checkpassword, checknotroot, fixsmtpio, ofmipd",
            "ms",
            medians(contestants, runs=RUNS),
            PEER,
        )


if __name__ == "__main__":
    main()
