"""Opens the stage of whatever target it is, and guards it: no run burns the CPU or waits for ever."""

import inspect
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NamedTuple, TypeVar

import trio

from conformance.format import octets
from conformance.machine import sim
from conformance.machine.faulty_world import Faults
from conformance.playing.beats import Event, Score
from conformance.playing.stage import TLS_NUMBERS, Opening, Stage
from conformance.playing.verdicts import Moment
from conformance.processes import real
from conformance.processes.injecting import JumpingClock, NeedsRealTime
from conformance.targets import TargetConfig
from conformance.varying.variations import Variation, opening_changes
from fakes import machine as machines
from fakes.machine import Machine

T = TypeVar("T")
E = TypeVar("E", bound=BaseException)
WAITS = frozenset({"silent", "wait"})
RING_AGAIN = 0.01  # seconds of CPU until an alarm at a bad moment rings again


class Spinning(BaseException):
    """The virtual clock stands still and the CPU burns."""


class Limits(NamedTuple):
    """What one run may cost: seconds of CPU in the machine, where no clock runs; seconds of real time."""

    cpu: float = 15.0
    wall: float = 60.0
    real: bool = True
    """Whether what cannot be played with skipped sleeps may be played in real time."""


def on_stage(
    opening: Opening,
    config: TargetConfig,
    record: list[Moment],
    act: Callable[[Stage], Awaitable[T]],
    limits: Limits,
) -> tuple[T, int]:
    """Act on a target's stage, with what arrives on the record; return also how many operations could fail.

    Raises Spinning, trio.TooSlowError, fakes.machine.Stuck when the target does not come to an end;
    NeedsRealTime when its clock is "inject", this run needs a real one, and the limits forbid that.
    """
    faults = Faults(opening.fail, opening.faults)

    def note(lane: str, data: bytes) -> None:
        record.append(Moment(trio.current_time(), lane, data))

    if config.kind == "simulation":
        machine, attach = sim.machine_for(opening, faults)

        async def script(machine: Machine) -> T:
            async with sim.open_stage(opening, machine, attach, note) as stage:
                return await act(stage)

        with alarm(limits.cpu):
            return machines.run(machine, script), faults.count

    async def really() -> T:
        clock = trio.lowlevel.current_clock()
        with trio.fail_after(limits.wall) as scope:
            if isinstance(clock, JumpingClock):
                clock.guards.append(scope)
            async with real.open_stage(opening, config, note) as stage:
                return await act(stage)

    if config.clock == "inject" and not opening.paced:
        try:
            return trio.run(really, clock=JumpingClock()), 0
        except BaseException as error:
            needs = found(error, NeedsRealTime)
            if needs is None and (limits.real or found(error, trio.TooSlowError) is None):
                raise
            if not limits.real:
                raise NeedsRealTime(needs or "it waits otherwise than by sleeping") from None
        record.clear()
    return trio.run(really), 0


def found(error: BaseException, kind: type[E]) -> E | None:
    """Return an exception of this kind: the one given, or one in a group."""
    while isinstance(error, BaseExceptionGroup):
        part = error.subgroup(kind)
        if part is None:
            return None
        error = part.exceptions[0]
    return error if isinstance(error, kind) else None


def opening_of(score: Score, variation: Variation) -> Opening:
    """Return what the stage of a case is opened with."""
    talk = score.talk
    env = dict(_variable(text) for text in talk.all("env"))
    inherit = inherited(score)
    uid, euid = _who(talk.one("as", "root" if "{authup}" in score.chain else "1001"))
    tls = b"UCSPITLS" in env and inherit.get("tlsfds") != "none"
    if tls:
        usual = {name: b"%d" % number for name, number in TLS_NUMBERS.items()}
        if inherit.get("tlsfds") == "socket":
            usual[b"SSLWRITEFD"] = usual[b"SSLREADFD"]
        env = usual | env
    return Opening(
        chain=score.chain,
        files=score.files,
        env=env,
        uid=uid,
        euid=euid,
        inherit=inherit,
        tls=tls,
        faults=tuple(talk.words("fault")),
        paced=any(isinstance(beat, Event) and beat.words[0] in WAITS for beat in score.beats),
    )._replace(**opening_changes(variation))


def inherited(score: Score) -> dict[str, str]:
    """Return the words of `inherit`."""
    return {key: value for key, _, value in (word.partition("=") for word in score.talk.words("inherit"))}


def _variable(text: str) -> tuple[bytes, bytes]:
    name, _, value = octets.literal(octets.parse(text)).partition(b"=")
    return name, value


def _who(text: str) -> tuple[int, int | None]:
    """Return the real and the effective UID of `as`: root, 1001, or uid=1001 euid=0."""
    if "=" in text:
        given = {key: int(value) for key, _, value in (word.partition("=") for word in text.split())}
        return given.get("uid", 0), given.get("euid")
    return (0 if text == "root" else int(text)), None


@contextmanager
def alarm(seconds: float) -> Iterator[None]:
    """Raise Spinning when too much CPU is used: virtual time would wait for ever."""

    def ring(_number: int, frame: FrameType | None) -> None:
        if _is_in_a_task(frame):
            raise Spinning
        signal.setitimer(signal.ITIMER_VIRTUAL, RING_AGAIN)

    before = signal.signal(signal.SIGVTALRM, ring)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _is_in_a_task(frame: FrameType | None) -> bool:
    """Say whether a task runs, and not trio itself, which an exception would leave in pieces."""
    while frame is not None and frame.f_code.co_name != "unrolled_run":
        if frame.f_code.co_flags & inspect.CO_COROUTINE:
            return True
        frame = frame.f_back
    return False
