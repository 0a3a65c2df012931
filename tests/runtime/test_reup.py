"""reup with real programs: attempts, exit codes, signals, the private memory (part 2)."""

import os
import re
import signal
import time

import pytest
import trio

from tests.runtime.running import run
from tests.sessions.real_chain import Site, connect

ATTEMPTS = [
    ("reup sh -c 'exit 0'", 0, ["(1/0): exit 0"]),
    ("reup sh -c 'exit 12'", 12, ["(1/0): exit 12"]),
    ("reup -t 3 sh -c 'exit 1'", 1, ["(1/3): exit 1", "(2/3): exit 1", "(3/3): exit 1"]),
    ("reup -t 0 sh -c 'exit $((14 - REUP))'", 12, ["(1/0): exit 13", "(2/0): exit 12"]),
    ("reup -t 9 sh -c 'exit $((2 - REUP))'", 0, ["(1/9): exit 1", "(2/9): exit 0"]),
    ("reup -t 2 sh -c 'exit 255'", 255, ["(1/2): exit 255", "(2/2): exit 255"]),
    ("reup -t 5 sh -c 'kill -9 $$'", 1, ["(1/5): signal 9"]),
    ("reup -t 5 sh -c 'kill -TERM $$'", 1, ["(1/5): signal 15"]),
]


@pytest.mark.parametrize(("command", "code", "ends"), ATTEMPTS)
def test_attempts(site: Site, command: str, code: int, ends: list[str]) -> None:
    """REUP-2 to REUP-6, REUP-8."""
    done = run(site, command, env={"REUP": "77"})
    log = "".join(rf"reup (?P<pid{n}>[0-9]+) sh [0-9]+ {re.escape(end)}\n" for n, end in enumerate(ends))
    match = re.fullmatch(log, done.log.decode())
    assert match, done.log
    assert (done.code, len(set(match.groups()))) == (code, 1)


def test_the_number_of_the_attempt_replaces_an_inherited_one(site: Site) -> None:
    """REUP-3; and the name is argv[0] as given (REUP-8)."""
    done = run(site, "reup -t 3 /bin/sh -c 'echo $REUP; exit 1'", env={"REUP": "41"})
    assert done.out == b"1\n2\n3\n"
    assert all(b" /bin/sh " in line for line in done.log.splitlines())


def test_attempts_share_a_private_file(site: Site) -> None:
    """REUP-12: the same one, empty, with no name that others could open."""
    script = "readlink /proc/$$/fd/$REUPSTATE; cat <&$REUPSTATE; echo $REUP >&$REUPSTATE; exit 1"
    done = run(site, f"reup -t 2 sh -c '{script}'")
    assert len(done.out.splitlines()) == 2  # the offset is shared too
    assert len(set(done.out.splitlines())) == 1
    assert b"memfd:" in done.out


def test_there_is_no_delay_between_attempts(site: Site) -> None:
    began = time.monotonic()
    run(site, "reup -t 30 false")
    assert time.monotonic() - began < 10


# REUP-11

SIGNALS = pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda n: n.name
)


@SIGNALS
async def test_a_signal_is_passed_on_and_the_child_awaited(site: Site, number: signal.Signals) -> None:
    catch = (
        f"trap 'sleep 0.1; echo caught; exit 5' {number.name[3:]}; echo ready; while :; do sleep 0.05; done"
    )
    async with connect(site, f'reup sh -c "{catch}"') as client:
        await client.receive_until(b"ready\n")
        os.kill(client.process.pid, number)
        assert await client.receive_all() == b"caught\n"
        assert await client.exit_code() == 5
    assert len(site.log.read_bytes().splitlines()) == 1


@SIGNALS
async def test_a_child_that_the_signal_kills(site: Site, number: signal.Signals) -> None:
    """REUP-6: exit 1, no retry, although it was the signal passed on."""
    async with connect(site, "reup sh -c 'echo ready; exec sleep 60'") as client:
        await client.receive_until(b"ready\n")
        await trio.sleep(0.05)
        os.kill(client.process.pid, number)
        assert await client.exit_code() == 1
    assert site.log.read_bytes().endswith(b"(1/0): signal %d\n" % number)


def test_a_signal_that_comes_as_the_child_ends(site: Site) -> None:
    """As when a terminal's whole group gets it: no retry, and no fault of ours."""
    for _ in range(15):
        done = run(site, """reup -t 3 sh -c 'trap "" TERM; kill -TERM $PPID; exit 7'""")
        assert (done.code, len(done.log.splitlines())) == (7, 1), done.log
