"""Can the time of a refusal tell root's right password from a wrong one? (CNR-5; needs root)."""

import os
import statistics
import sys
import time
from pathlib import Path

import trio

from bench.timing import report
from fakes.installation import installation
from tests.sessions import real_chain
from tests.sessions.sessions import SESSIONS, SUBMISSION, control_files
from tests.sessions.transcript import plain

PAIRS = 100
AT_ONCE = 4
WRONG, RIGHT = "root's password, guessed wrong", "root's password, guessed right"
GUESSES = {WRONG: plain("root", "guess"), RIGHT: plain("root", "toor")}


async def refusal(site: real_chain.Site, guess: str) -> float:
    """Return milliseconds from AUTH to its 535."""
    async with real_chain.connect(site, SUBMISSION) as client:
        await client.receive_until(b"\n")
        before = time.perf_counter()
        await client.send(f"AUTH PLAIN {guess}\r\n".encode())
        assert (await client.receive_until(b"\n")).startswith(b"535 ")
        return (time.perf_counter() - before) * 1000


async def measure(programs: Path) -> dict[str, list[float]]:
    """Return the times of all refusals."""
    times: dict[str, list[float]] = {name: [] for name in GUESSES}
    limit = trio.CapacityLimiter(AT_ONCE)

    async def one(site: real_chain.Site, name: str) -> None:
        async with limit:
            times[name].append(await refusal(site, GUESSES[name]))

    with real_chain.site(programs) as site:
        site.control(control_files(SESSIONS[0]))
        async with trio.open_nursery() as nursery:
            for _ in range(PAIRS):
                for name in GUESSES:
                    nursery.start_soon(one, site, name)
    return times


def main() -> None:
    """Print the table."""
    if os.getuid() != 0:
        sys.exit("bench.guesses: only root can become somebody else, so there is nothing to measure")
    with installation(real_chain.UID) as programs:
        times = trio.run(measure, programs)
    medians = {name: statistics.median(values) for name, values in times.items()}
    report(f"AUTH to 535, authdelay 1, {PAIRS} pairs", "ms", medians, WRONG)
    print(f"  the medians differ by {abs(medians[WRONG] - medians[RIGHT]):.2f} ms")


if __name__ == "__main__":
    main()
