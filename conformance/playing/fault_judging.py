"""What is asked of a run in which an operation failed: documented replies or none, and a clean end."""

from collections.abc import Iterator
from contextlib import suppress

import trio

from conformance.format import octets
from conformance.format.octets import Octets
from conformance.playing.beats import Beat, Expect, Score
from conformance.playing.documented import DOCUMENTED, ORDINARY
from conformance.playing.stage import SUBJECTS, Order, Stage
from conformance.playing.verdicts import Finding, Kind

PATIENCE = 5000.0  # virtual seconds after which what lives will live for ever


def excused(finding: Finding, beat: Beat | None) -> bool:
    """Say whether a fault that was injected excuses this: bytes that differ must be a documented error.

    So must those that come early: the fault may be what the talk was about to cause. `beat` is what the
    finding is about; None for the run as a whole.
    """
    if finding.kind not in (Kind.WRONG, Kind.EARLY):
        return True
    if not isinstance(beat, Expect) or beat.lane not in ("S", "ST"):
        return finding.kind is Kind.WRONG
    if finding.kind is Kind.WRONG and finding.expected.startswith(finding.got):
        return True  # of several lines that stand for one, the first ones
    return octets.literal(octets.parse(finding.got)) in DOCUMENTED


def undocumented(stage: Stage, score: Score) -> list[Finding]:
    """Return the first reply that is neither documented nor in the talk, of all that it did not take.

    Whether half a line may stand at the end is for the invariants to say.
    """
    for stream in (stage.plain, stage.tls):
        talk = [octets.expression(what, {}) for what in _lines(score, stream.name)]
        for line in stream.untaken.split(b"\n")[:-1]:
            reply = line + b"\n"
            if reply in DOCUMENTED or ORDINARY.fullmatch(reply):
                continue
            if not any(pattern.fullmatch(reply) for pattern in talk):
                note = f"{stream.name}: after a fault"
                return [Finding(0, Kind.EXTRA, (), "a documented reply", octets.write(reply[:2000]), note)]
    return []


def _lines(score: Score, lane: str) -> Iterator[Octets]:
    """Yield the lines that the talk has for a lane, what is in parts or several at once as single ones."""
    parts: list[Octets] = []
    for what in _expected(score, lane):
        parts.append(what)
        whole = octets.join(parts)
        if not whole or not isinstance(whole[-1], bytes) or not whole[-1].endswith(b"\n"):
            continue
        parts.clear()
        if all(isinstance(part, bytes) for part in whole):
            yield from ((line,) for line in octets.literal(whole).splitlines(keepends=True))
        else:
            yield whole


def _expected(score: Score, lane: str) -> Iterator[Octets]:
    for beat in score.beats:
        if isinstance(beat, Expect) and beat.lane == lane:
            yield beat.what
    for section in score.received:
        if section.lane == lane:
            yield from (line.what for line in section.lines)


async def wind_down(stage: Stage) -> list[Finding]:
    """Let the client leave, listening to the last, and every puppet end; return what then does not end."""
    for tls in (False, True):
        with suppress(OSError):
            stage.end_input(tls=tls)
    await _end(stage, PATIENCE)
    for tls in (False, True):
        with suppress(OSError):
            stage.hang_up(tls=tls)
    await _end(stage, PATIENCE)
    left = [process.name for process in stage.living() if process.name in SUBJECTS]
    return [Finding(0, Kind.HANG, (), got=f"{', '.join(left)} never ended after a fault")] if left else []


async def _end(stage: Stage, seconds: float) -> None:
    with trio.move_on_after(seconds):
        while any(process.name in SUBJECTS for process in stage.living()):
            for puppet in list(stage.puppets):
                if puppet.process.ended is None:
                    with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
                        await puppet.obey(Order("exit", 1))
            await trio.sleep(1)
