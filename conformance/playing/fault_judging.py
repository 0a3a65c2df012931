"""What is asked of a run in which an operation failed: a documented reply or none, and a clean end (3.2).

The replies are those of spec.md 3.3, written down here once more on purpose: a suite that imported
ours would agree with whatever we say.
"""

from contextlib import suppress

import trio

from conformance.format import octets
from conformance.playing.beats import Beat, Expect
from conformance.playing.stage import SUBJECTS, Order, Stage
from conformance.playing.verdicts import Finding, Kind

PATIENCE = 5000.0  # virtual seconds after which what lives will live for ever
DOCUMENTED = frozenset(
    {
        b"421 authup unable to read controls (#4.3.0)\r\n",
        b"451 authup out of memory (#4.3.0)\r\n",
        b"454 authup unable to open pipe (#4.3.0)\r\n",
        b"454 authup unable to read pipe (#4.3.0)\r\n",
        b"454 authup unable to write pipe (#4.3.0)\r\n",
        b"454 authup unable to fork (#4.3.0)\r\n",
        b"454 authup unable to wait for child (#4.3.0)\r\n",
        b"454 authup aack, child crashed (#4.3.0)\r\n",
        b"454 authup temporary authentication failure (#4.7.0)\r\n",
        b"454 authup TLS temporarily not available (#5.7.3)\r\n",
        b"535 authup authorization failed (#5.7.0)\r\n",
        b"421 authup internal error (#4.3.0)\r\n",
        b"454 TLS temporarily not available (#5.7.3)\r\n",
        b"-ERR authup unable to read controls\r\n",
        b"-ERR authup out of memory\r\n",
        b"-ERR authup unable to open pipe\r\n",
        b"-ERR authup unable to read pipe\r\n",
        b"-ERR authup unable to write pipe\r\n",
        b"-ERR authup unable to fork\r\n",
        b"-ERR authup unable to wait for child\r\n",
        b"-ERR authup aack, child crashed\r\n",
        b"-ERR [SYS/TEMP] authup temporary authentication failure\r\n",
        b"-ERR authup TLS temporarily not available\r\n",
        b"-ERR authup authorization failed\r\n",
        b"-ERR [SYS/TEMP] authup internal error\r\n",
    }
)


def excused(finding: Finding, beat: Beat | None) -> bool:
    """Say whether a fault that was injected excuses this: bytes that differ must be a documented error.

    `beat` is what the finding is about; None for the run as a whole.
    """
    if finding.kind is not Kind.WRONG or not isinstance(beat, Expect) or beat.lane not in ("S", "ST"):
        return finding.kind is not Kind.EARLY
    if finding.expected.startswith(finding.got):
        return True  # of several lines that stand for one, the first ones
    return octets.literal(octets.parse(finding.got)) in DOCUMENTED


async def wind_down(stage: Stage) -> list[Finding]:
    """Let the client leave and every puppet end; return what then does not end."""
    for tls in (False, True):
        with suppress(OSError):
            stage.hang_up(tls=tls)
    with trio.move_on_after(PATIENCE):
        while any(process.name in SUBJECTS for process in stage.living()):
            for puppet in list(stage.puppets):
                if puppet.process.ended is None:
                    with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                        await puppet.obey(Order("exit", 1))
            await trio.sleep(1)
    left = [process.name for process in stage.living() if process.name in SUBJECTS]
    return [Finding(0, Kind.HANG, (), got=f"{', '.join(left)} never ended after a fault")] if left else []
