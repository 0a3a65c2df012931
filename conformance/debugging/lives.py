"""One life of a chain: from the start of its first process until all of it is dead."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from acceptutils.runtime.world import CannotRun
from conformance.debugging.clocks import MachineTime, Time
from conformance.debugging.setting import Setting
from conformance.machine import sim
from conformance.machine.faulty_world import Faults
from conformance.playing.stage import Stage
from conformance.playing.staging import Limits, alarm, found
from conformance.processes import real
from conformance.targets import Unusable
from fakes.machine import EPOCH, reseed, seeded_scheduler


@asynccontextmanager
async def opened(setting: Setting, time: Time, note: Callable[[str, bytes], None]) -> AsyncIterator[Stage]:
    """Start the chain; `note` is told of each piece that arrives. In the machine each life begins alike.

    Raises Unusable, OSError.
    """
    opening = setting.opening
    if not opening.chain:
        raise Unusable("expected a chain with a program in it")
    if not isinstance(time, MachineTime):
        async with real.open_stage(opening, setting.target, note) as processes:
            yield processes
        return
    machine, attach = sim.machine_for(
        opening, Faults(opening.fail, opening.faults), epoch=EPOCH - await time.align()
    )
    reseed(setting.seed)
    try:
        async with sim.open_stage(opening, machine, attach, note) as stage:
            yield stage
    except BaseException as error:
        if cannot := found(error, CannotRun):
            raise Unusable(f"{opening.chain[0]}: {cannot.reason}; what is tested stands in braces") from None
        raise


@contextmanager
def surroundings(time: Time, seed: int) -> Iterator[None]:
    """What a run that has lives in the machine needs around it: an order of tasks that the seed decides."""
    if isinstance(time, MachineTime):
        with seeded_scheduler(seed):
            yield
    else:
        yield


@contextmanager
def guarded(setting: Setting) -> Iterator[None]:
    """Raise staging.Spinning when a program of the machine burns the CPU: nobody else could run then."""
    if setting.is_simulated:
        with alarm(Limits().cpu):
            yield
    else:
        yield
