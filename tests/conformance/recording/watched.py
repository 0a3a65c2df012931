"""Scenarios of the suite, played in the machine and recorded as somebody who looks on would."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import trio

from conformance import selection, targets
from conformance.format.talk import Talk
from conformance.machine.sim_stage import SimStage
from conformance.playing.beats import EVENTS, understand
from conformance.playing.director import Director
from conformance.playing.event_words import describe_end
from conformance.playing.runner import run, skip_reason
from conformance.playing.stage import Process, Stage
from conformance.playing.staging import Limits, on_stage, opening_of
from conformance.playing.stream import Stream
from conformance.playing.verdicts import Moment, Result
from conformance.recording.recording import Recording
from conformance.varying.variations import BASE
from fakes.kernel_process import KernelProcess

SIM = targets.find("sim", targets.read(targets.DEFAULTS))


def case(name: str) -> Talk:
    return next(iter(selection.select([name])))


def watch(talk: Talk) -> Recording:
    """Play a case, and return what was seen of it."""
    score = understand(talk)
    assert not skip_reason(score, SIM, slow=True)
    record: list[Moment] = []

    async def act(stage: Stage) -> tuple[tuple[Process, ...], tuple[Moment, ...]]:
        await Director(score, score.beats, stage, record).play()
        return tuple(replace(process) for process in stage.processes), tuple(record)

    opening = opening_of(score, BASE)
    with _ends_on(record):
        (processes, moments), _ = on_stage(opening, SIM, record, act, Limits())
    return Recording(
        chain=score.chain,
        moments=tuple(m for m in moments if not _is_hoped_for(m)),
        processes=processes,
        uid=opening.uid,
        users=tuple(talk.all("users")),
        env=tuple(talk.all("env")),
        inherit=tuple(talk.all("inherit")),
        fault=tuple(talk.all("fault")),
        files=score.files,
        origin=f"{talk.name}, played in the machine",
    )


def play(talk: Talk) -> Result:
    return run(understand(talk), SIM, BASE, slow=True)


def _is_hoped_for(moment: Moment) -> bool:
    """Whether the director wrote down that it waits for something; that it came is written by _ends_on."""
    words = moment.what.split()
    return (
        bool(words) and moment.line != 0 and moment.lane in EVENTS and words[0] in EVENTS[moment.lane].theirs
    )


@contextmanager
def _ends_on(record: list[Moment]) -> Iterator[None]:
    """Put the ends of streams and of processes on the record, as the debugger does."""
    ended, bury = Stream.end, SimStage._bury

    def end(stream: Stream) -> None:
        if not stream.ended and stream.name in ("S", "ST", "c", "T"):
            record.append(Moment(trio.current_time(), stream.name, what="eof"))
        ended(stream)

    async def buried(stage: SimStage, process: Process, kernel_process: KernelProcess) -> None:
        await bury(stage, process, kernel_process)
        if process is stage.processes[0] and process.ended is not None:
            record.append(Moment(trio.current_time(), "S", what=describe_end(process.ended)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stream, "end", end)
        patch.setattr(SimStage, "_bury", buried)
        yield
