"""Real processes as a stage: the chain in surroundings of its own, puppets in it, us at all its ends."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import trio

from conformance.playing.stage import Opening, Process, Program
from conformance.processes import keeping, observing, premises, records
from conformance.processes.ends import Ends, Record
from conformance.processes.first_program import chain_of, order_for, starting
from conformance.processes.injecting import Injection, JumpingClock, attached
from conformance.processes.messages import Records, close_all
from conformance.processes.observing import Processes
from conformance.processes.premises import House
from conformance.processes.puppetry import Cast
from conformance.processes.real_stage import RealStage
from conformance.processes.run_directory import run_directory
from conformance.processes.stopping import Stops
from conformance.targets import TargetConfig, Unusable


@asynccontextmanager
async def open_stage(opening: Opening, target: TargetConfig, record: Record) -> AsyncIterator[RealStage]:
    """Start a chain on a target from premises.prepared(), its sleeps skipped by a JumpingClock.

    Raises Unusable; NeedsRealTime (only with that clock) comes out of the context.

    At the end all that is left of it is dead, and its directory is gone.
    """
    if not target.isolation:
        raise ValueError("expected a target from premises.prepared()")
    chain = chain_of(opening, target)
    with _one_error_plain(), ExitStack() as stack:
        directory = stack.enter_context(run_directory(target.place, chain.names, opening))
        cast = Cast(chain.real, record, knows_users=os.geteuid() == 0)
        stack.callback(cast.close)
        ends = Ends(opening, record)
        stack.callback(ends.close)
        async with (
            premises.house(Path(target.place)) as house,
            AsyncExitStack() as helpers,
            trio.open_nursery() as nursery,
        ):
            try:
                await cast.listen(directory, nursery)
                await house.enter(target.isolation, directory / "qmail")
                clock = trio.lowlevel.current_clock()
                injection = None
                if isinstance(clock, JumpingClock):
                    told = await helpers.enter_async_context(attached(house.seen_from_here))
                    injection = Injection(clock, told)
                program = starting(opening, target, chain, directory, frozenset(ends.theirs))
                order = order_for(program, chain, opening.inherit)
                if opening.keep:
                    stack.callback(
                        keeping.furnish, directory, chain.names, chain.real, order, target.isolation
                    )
                first = await _first_process(house, cast, ends, order)
                if program.name in chain.real:  # else a puppet reports
                    cast.add_program(first, _as_observed(program, cast))
                processes = Processes(house.proc, house.pid)
                for task in (processes.sample, *(inlet.flow for inlet in ends.inlets)):
                    nursery.start_soon(task)
                nursery.start_soon(_hear_house, house, cast)
                stage = RealStage(target, cast, ends, processes, first)
                stage.injection = injection
                if injection is not None:
                    nursery.start_soon(injection.follow, stage.drain)
                if opening.stop:
                    stage.stops = Stops(cast, opening.stop)
                    nursery.start_soon(stage.stops.go_on)
                yield stage
            finally:
                nursery.cancel_scope.cancel()


def _as_observed(program: Program, cast: Cast) -> Program:
    return program if cast.knows_users else replace(program, uid=None, euid=None, gid=None)


async def _first_process(house: House, cast: Cast, ends: Ends, order: Records) -> Process:
    """Have the house start the first program. Raises Unusable."""
    numbers = [("fd", b"%d" % fd) for fd in ends.theirs]
    await house.tell([*order, *numbers], tuple(ends.theirs.values()))
    ends.given()
    report, descriptors = await house.hear()
    pid = int(records.first(report, "started", b"0"))
    if not pid:
        raise Unusable(f"the chain did not start: {records.first(report, 'failed').decode(errors='replace')}")
    first = cast.living(pid)
    if first is None:
        first = Process(pid, house.pid)
        cast.enter(descriptors.pop(), first)
    close_all(descriptors)
    return first


async def _hear_house(house: House, cast: Cast) -> None:
    """Take note of deaths, and of a first program that could not be run."""
    while True:
        report, descriptors = await house.hear()
        close_all(descriptors)
        if not report:
            return
        cast.note_failure(report)
        if pid := records.first(report, "ended"):
            cast.note_burial(int(pid), observing.ended(int(records.first(report, "status"))))


@contextmanager
def _one_error_plain() -> Iterator[None]:
    """Take a single exception out of the groups that nurseries put it into."""
    try:
        yield
    except BaseExceptionGroup as group:
        error: BaseException = group
        while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
            error = error.exceptions[0]
        if error is group or isinstance(error, BaseExceptionGroup):
            raise
        raise error from None
