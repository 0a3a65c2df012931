"""The simulated machine as a stage: our drivers and the harness's puppets in one process, in virtual time.

Nothing is approximate here: times are exact, every process is seen, the same seed gives the same run.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from errno import errorcode
from typing import Final, Literal

import trio

from acceptutils.runtime import cli, faults
from acceptutils.runtime.authup import authup
from acceptutils.runtime.checknotroot import checknotroot
from acceptutils.runtime.fixsmtpio import fixsmtpio
from acceptutils.runtime.reup import reup
from acceptutils.runtime.sending import send_all
from acceptutils.runtime.world import World
from conformance.machine.faulty_world import Faults, FaultyWorld
from conformance.machine.sim_puppet import SimPuppet
from conformance.machine.sim_stage import SimStage
from conformance.playing.stage import TLS_NUMBERS, Opening, tls_number
from fakes.machine import EPOCH, Machine
from fakes.pipes import End, filled_pipe, pipe, socket_pair
from fakes.programs import PROGRAMS
from fakes.ucspitlsd import FrontEndProcess, ucspitlsd

Driver = Callable[[World], Awaitable[int]]
Fake = Callable[[FrontEndProcess], Awaitable[int]]
DRIVERS: Final[Mapping[str, Driver]] = {
    "reup": reup,
    "authup": authup,
    "checknotroot": checknotroot,
    "fixsmtpio": fixsmtpio,
}
FAKES: Final[Mapping[str, Fake]] = {
    **{name.decode(): fake for name, fake in PROGRAMS.items()},
    "ucspitlsd": ucspitlsd,
}
"""What a word of `run` without braces finds in the machine: programs that nobody plays."""
QMAIL_HOME: Final = "/var/qmail"
UNMODELLED: Final = ("sigchld", "sigpipe", "blocked", "nofile", "umask")
"""Words of `inherit` that mean nothing to the machine, which has no such things."""


def machine_for(
    opening: Opening, shared: Faults, *, epoch: int = EPOCH
) -> tuple[Machine, Callable[[SimStage], None]]:
    """Make the machine that a stage runs on; call what comes with it with that stage."""
    stages: list[SimStage] = []
    names = {word[1:-1] for word in opening.chain if word.startswith("{")} - {""}

    def driver(name: str) -> Driver:
        async def run(world: World) -> int:
            stages[0].note_program(name, world.pid, world.env)
            wanted = cli.information(name, world.args)
            if wanted is not None:
                await send_all(world.client, wanted.encode(), 60)
                return 0
            try:
                return await DRIVERS[name](FaultyWorld(world, shared))
            except Exception as fault:  # as cli.py does
                world.log(name.encode() + b": " + faults.describe(fault))
                return cli.FAULT_OF_OURS.get(name, 111)

        return run

    def fake(name: str) -> Fake:
        async def run(process: FrontEndProcess) -> int:
            stages[0].note_program(name, process.pid, process.env)
            return await FAKES[name](process)

        return run

    def puppet(name: str) -> Fake:
        async def run(fake: FrontEndProcess) -> int:
            stage = stages[0]
            process = stage.note_program(name, fake.pid, fake.env)
            played = SimPuppet(process, stage.kernel_process(fake.pid), fake, stage.record)
            stage.take_up(played)
            return await played.live()

        return run

    files: dict[bytes, bytes | OSError] = {
        os.fsencode(path if path.startswith("/") else f"{QMAIL_HOME}/{path}"): data
        for path, data in opening.files.items()
    }
    for fault in opening.faults:
        if fault.startswith("read:"):
            path, _, name = fault.removeprefix("read:").partition("=")
            number = next(number for number, known in errorcode.items() if known == name)
            files[os.fsencode(f"{QMAIL_HOME}/{path}")] = OSError(number, os.strerror(number))
    machine = Machine(
        drivers={name.encode(): driver(name) for name in DRIVERS},
        fakes={name.encode(): fake(name) for name in FAKES.keys() & set(opening.chain)}
        | {name.encode(): puppet(name) for name in names - set(DRIVERS)},
        files=files,
        seed=opening.seed,
        cuts="random" if opening.schedule == "random" else "whole",
        interrupt=opening.interrupt,
        epoch=epoch,
    )
    return machine, stages.append


@asynccontextmanager
async def open_stage(
    opening: Opening,
    machine: Machine,
    attach: Callable[[SimStage], None],
    record: Callable[[str, bytes], None],
) -> AsyncIterator[SimStage]:
    """Start a chain in a machine from machine_for(); inside fakes.machine.run()."""
    stage = SimStage(machine, record)
    attach(stage)
    inherited, client_ends = _inherited(opening)
    standard_error: Literal["log", "closed", "full"] = "log"
    if opening.inherit.get("stderr") in ("closed", "full"):
        standard_error = "closed" if opening.inherit["stderr"] == "closed" else "full"
    argv = [word.strip("{}").encode() for word in opening.chain]
    async with trio.open_nursery() as nursery:
        stage.nursery = nursery
        async with machine.connect(
            argv,
            env={b"PATH": b"/bin", **opening.env},
            uid=opening.uid,
            euid=opening.euid,
            transport="pipes" if opening.inherit.get("transport") == "pipes" else "socket",
            standard_error=standard_error,
            leftovers="kill",
            inherited=inherited,
        ) as stage.connection:
            numbers = [stage.connection.open(end) for end in client_ends]
            if numbers:
                stage.tls_fds = (numbers[1], numbers[2])
                nursery.start_soon(stage.front_end_on(numbers[0]).hear)
                nursery.start_soon(lambda: stage.pump(tls=True))
            elif "ucspitlsd" in opening.chain:
                stage.is_masked, stage.tls_fds = True, (0, 1)
            nursery.start_soon(lambda: stage.pump(tls=False))
            yield stage
        nursery.cancel_scope.cancel()


def _inherited(opening: Opening) -> tuple[dict[int, End], list[End]]:
    """Return the chain's further descriptors, and the client's ends: control, reading, writing."""
    given: dict[int, End] = {}
    for word, value in opening.inherit.items():
        if word.startswith("fd") and value == "open":
            given[int(word[2:])] = socket_pair()[0]
        elif word.startswith("fd"):
            given[int(word[2:])] = filled_pipe(opening.files[value])
    if not opening.tls:
        return given, []
    control, theirs = socket_pair()
    numbers = [tls_number(opening.env, name) for name in TLS_NUMBERS]
    if opening.inherit.get("tlsfds") == "socket":
        client, inner = socket_pair()
        given |= {numbers[0]: theirs, numbers[1]: inner}
        return given, [control, client, client.share()]
    (client_in, inner_out), (inner_in, client_out) = pipe(), pipe()
    given |= {numbers[0]: theirs, numbers[1]: inner_in, numbers[2]: inner_out}
    return given, [control, client_in, client_out]
