"""The pretended TLS front end keeps UTLS-1 to UTLS-5, in the machine and as a real program."""

import os
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from signal import SIGTERM

import pytest
import trio

from acceptutils.runtime.world import Ended, TlsFailed, TlsUnavailable, World
from fakes.connection import Connection
from fakes.machine import Driver, Machine, run
from fakes.process import Fake, Process
from fakes.ucspitlsd import CIPHER, FrontEndProcess, ucspitlsd

SEEDS = range(8)
READY = b"220 Ready to start TLS\r\n"
DEFAULT_BLOCK = b"SSL_PROTOCOL=TLSv1.3\0SSL_CIPHER=PRETENDED_XOR_80\0SSL_SERVER_NAME=\0\0"

Script = Callable[[Connection], Awaitable[None]]


async def cat(process: Process) -> int:
    while data := await process.read(0):
        await process.write(1, data)
    return 0


async def server(world: World) -> int:
    """Starts TLS after a line, logs the block, then echoes with a child as authup and fixsmtpio would."""
    assert world.tls_is_usable()
    line = b""
    while not line.endswith(b"\n"):
        line += await world.client.receive_line(100)
    world.log(await world.start_tls(READY, 60))
    return (await (await world.spawn([b"cat"], {})).wait()).code or 7


def play(
    script: Script,
    *options: bytes,
    driver: Driver = server,
    fake: Fake = cat,
    program: tuple[bytes, ...] = (b"driver",),
    seed: int = 0,
    transport: str = "socket",
) -> Machine:
    machine = Machine({b"driver": driver}, {b"cat": fake, b"ucspitlsd": ucspitlsd}, seed=seed)

    async def connect(machine: Machine) -> None:
        async with machine.connect(
            [b"ucspitlsd", *options, *program],
            transport=transport,  # type: ignore[arg-type]
        ) as connection:
            await script(connection)

    run(machine, connect)
    return machine


async def secret_echo(connection: Connection) -> None:
    """A client that sends plaintext behind STARTTLS, and then talks inside TLS."""
    await connection.send(b"STARTTLS\r\nINJECTED\r\n")
    assert await connection.receive_until(b"\n") == READY
    connection.encrypt()
    await connection.send(b"secret\r\n")
    assert await connection.receive_until(b"\n") == b"secret\r\n"
    connection.half_close()
    assert await connection.receive_all() == b""
    assert await connection.ended() == Ended(7, None, 0)


def lines(machine: Machine) -> list[bytes]:
    return [line.line for line in machine.log_lines]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("transport", ["socket", "pipes"])
@pytest.mark.parametrize(
    "options",
    [
        (),
        (b"--fds", b"3,4,5"),
        (b"--fds=7,7,3",),
        (b"--close-control",),
        (b"--fork",),
        (b"--fork", b"--fds=9,9,4"),
    ],
)
def test_tls_starts(options: tuple[bytes, ...], transport: str, seed: int) -> None:
    machine = play(secret_echo, *options, seed=seed, transport=transport)
    assert lines(machine) == [DEFAULT_BLOCK]
    assert machine.process(b"driver").parent == (0 if b"--fork" in options else 100)


@pytest.mark.parametrize(
    ("option", "block"),
    [
        (b"--env=LD_PRELOAD=x", DEFAULT_BLOCK[:-1] + b"LD_PRELOAD=x\0\0"),
        (b"--no-values", b"SSL_PROTOCOL\0SSL_CIPHER\0SSL_SERVER_NAME\0\0"),
        (b"--empty-block", b"\0\0"),
    ],
)
def test_blocks(option: bytes, block: bytes) -> None:
    for seed in SEEDS:
        assert lines(play(secret_echo, option, seed=seed)) == [block]


def test_the_environment() -> None:
    async def driver(world: World) -> int:
        names = (b"UCSPITLS", b"SSLREADFD", b"SSLWRITEFD", b"SSLCTLFD")
        world.log(b" ".join(world.env[name] for name in names))
        return 0

    async def script(connection: Connection) -> None:
        assert (await connection.ended()).code == 0

    assert lines(play(script, b"--ucspitls", b"!", b"--fds=9,8,7", driver=driver)) == [b"! 9 8 7"]


def test_declined() -> None:
    async def script(connection: Connection) -> None:
        await connection.send(b"plain\n")
        connection.half_close()
        assert await connection.receive_all() == b"plain\n"
        assert await connection.ended() == Ended(0, None, 0)

    play(script, program=(b"cat",))
    play(script, b"--fork", program=(b"cat",))


def test_the_end_of_the_program_is_the_end_of_the_front_end() -> None:
    async def script(connection: Connection) -> None:
        assert await connection.ended() == Ended(None, 11, 0)

    play(script, program=(b"signal", b"11"))


@pytest.mark.parametrize("options", [(b"--refuse",), (b"--no-block",)])
def test_failures_after_ready(options: tuple[bytes, ...]) -> None:
    async def driver(world: World) -> int:
        with pytest.raises(TlsFailed):
            await world.start_tls(READY, 60)
        world.log(b"%d" % world.now())
        return 12

    async def script(connection: Connection) -> None:
        assert await connection.receive_until(b"\n") == READY
        assert (await connection.ended()).code == 12

    machine = play(script, *options, driver=driver)
    assert lines(machine) == [b"0" if b"--refuse" in options else b"60"]


def test_lower_case_y_means_no_block() -> None:
    async def fake(process: Process) -> int:
        control, reading = int(process.env[b"SSLCTLFD"]), int(process.env[b"SSLREADFD"])
        await process.write(control, b"y")
        process.log(await process.read(reading, 6))
        with trio.move_on_after(5) as patience:
            await process.read(control)
        return int(patience.cancelled_caught)

    async def script(connection: Connection) -> None:
        connection.encrypt()
        await connection.send(b"secret")
        assert (await connection.ended()).code == 1

    machine = Machine(fakes={b"cat": fake, b"ucspitlsd": ucspitlsd}, cuts="whole")

    async def connect(machine: Machine) -> None:
        async with machine.connect([b"ucspitlsd", b"cat"]) as connection:
            await script(connection)

    run(machine, connect)
    assert lines(machine) == [b"secret"]


def test_a_program_that_dies_right_after_its_order() -> None:
    async def fake(process: Process) -> int:
        await process.write(int(process.env[b"SSLCTLFD"]), b"Y")
        return 9

    async def script(connection: Connection) -> None:
        assert await connection.receive_all() == b""
        assert (await connection.ended()).code == 9

    for seed in range(50):
        play(script, fake=fake, program=(b"cat",), seed=seed)


def test_without_a_front_end_nothing_is_said() -> None:
    async def driver(world: World) -> int:
        assert not world.tls_is_usable()
        with pytest.raises(TlsUnavailable):
            await world.start_tls(READY, 60)
        with pytest.raises(TlsUnavailable):
            world.resume_tls()
        return 3

    async def script(connection: Connection) -> None:
        assert await connection.receive_all() == b""

    play(script, driver=driver, program=(b"env", b"SSLCTLFD=77", b"driver"))


def test_a_front_end_that_died() -> None:
    async def driver(world: World) -> int:
        await trio.sleep(2)
        with pytest.raises(TlsUnavailable):
            await world.start_tls(READY, 60)
        return 3

    async def script(connection: Connection) -> None:
        await connection.stall(1)
        machine.kill(connection.pid, SIGTERM)
        await connection.stall(2)
        assert [p.ended and p.ended.code for p in machine.processes] == [None, 3]

    machine = Machine({b"driver": driver}, {b"ucspitlsd": ucspitlsd})

    async def connect(machine: Machine) -> None:
        async with machine.connect([b"ucspitlsd", b"driver"]) as connection:
            await script(connection)

    run(machine, connect)


def test_a_peer_that_leaves_costs_the_program_its_life_with_sigterm() -> None:
    async def deaf(_: Process) -> int:
        await trio.sleep(1200)
        return 0

    async def driver(world: World) -> int:
        await world.start_tls(READY, 60)
        await world.spawn([b"cat"], {})
        return await world.signalled()

    async def script(connection: Connection) -> None:
        await connection.receive_until(b"\n")
        connection.close()
        await connection.stall(1)
        assert not [p for p in machine.processes if p.alive and b"driver" in p.programs]
        await connection.ended()

    machine = Machine({b"driver": driver}, {b"cat": deaf, b"ucspitlsd": ucspitlsd})

    async def connect(machine: Machine) -> None:
        async with machine.connect([b"ucspitlsd", b"--sigterm", b"driver"]) as connection:
            await script(connection)

    run(machine, connect)


@pytest.mark.parametrize("options", [(), (b"--fds=4,4,3",)])
def test_a_reset_reaches_the_program(options: tuple[bytes, ...]) -> None:
    async def talker(process: Process) -> int:
        try:
            while True:
                await process.write(1, bytes(1000))
        except BrokenPipeError:
            return 9

    async def script(connection: Connection) -> None:
        await connection.send(b"STARTTLS\n")
        await connection.receive_until(b"\n")
        await connection.stall(1)
        connection.reset()
        assert (await connection.ended()).code == 9

    for seed in SEEDS:
        play(script, *options, fake=talker, seed=seed)


@pytest.mark.parametrize("seed", SEEDS)
def test_tls_outlives_an_attempt(seed: int) -> None:
    """REUP-10: the next attempt goes on inside TLS on the descriptors that reup kept open."""

    async def reup(world: World) -> int:
        for _ in range(2):
            attempt = await world.attempt([b"driver"], world.env)
        return attempt.ended.code or 0

    async def driver(world: World) -> int:
        if world.recall():
            world.resume_tls()
        else:
            world.remember(await world.start_tls(READY, 60))
        line = b""
        while not line.endswith(b"\n"):
            line += await world.client.receive_line(100)
        while line:
            line = line[await world.client.send_some(line) :]
        return 1

    async def script(connection: Connection) -> None:
        assert await connection.receive_until(b"\n") == READY
        connection.encrypt()
        await connection.send(b"one\ntwo\n")
        assert await connection.receive_all() == b"one\ntwo\n"
        assert (await connection.ended()).code == 1

    machine = Machine({b"driver": driver, b"reup": reup}, {b"ucspitlsd": ucspitlsd}, seed=seed)

    async def connect(machine: Machine) -> None:
        async with machine.connect([b"ucspitlsd", b"reup"]) as connection:
            await script(connection)

    run(machine, connect)


@pytest.mark.parametrize("args", [(b"--nonsense", b"x"), (b"--fds=1,2,3", b"x"), (b"--fds=4,5,4", b"x"), ()])
def test_usage(args: tuple[bytes, ...]) -> None:
    async def script(connection: Connection) -> None:
        assert (await connection.ended()).code == 2

    machine = play(script, *args, program=())
    assert lines(machine)[0].startswith(b"ucspitlsd: usage: ucspitlsd [--fds R,W,C]")


@pytest.mark.parametrize("options", [(), (b"--fork",)])
def test_no_such_program(options: tuple[bytes, ...]) -> None:
    async def script(connection: Connection) -> None:
        assert (await connection.ended()).code == 111

    machine = play(script, *options, program=(b"nowhere",))
    assert lines(machine) == [b"ucspitlsd: No such file or directory"]


def test_front_ends_open_and_close_what_they_will() -> None:
    async def front(process: FrontEndProcess) -> int:
        reading, writing = process.pipe()
        process.end_output(writing)
        process.end_output(writing)
        assert await process.read(reading) == b""
        one, other = process.socket_pair()
        pid = await process.spawn([b"true"], {}, {0: one})
        process.close(one)
        assert await process.read(other) == b""
        await process.wait(pid)
        with pytest.raises(ChildProcessError):
            await process.wait(pid)
        return 0

    async def script(machine: Machine) -> None:
        async with machine.connect([b"front"]) as connection:
            assert (await connection.ended()).code == 0

    run(Machine(fakes={b"front": front}), script)


# The real program

REAL_PROGRAM = """
import os, sys
control, reading, writing = (int(os.environ[name]) for name in ("SSLCTLFD", "SSLREADFD", "SSLWRITEFD"))
fds = {int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")}
os.write(1, b"%d %r\\n" % (len(fds - {0, 1, 2, control, reading, writing}), os.get_blocking(0)))
os.write(control, b"Y")
block = b""
while not block.endswith(b"\\0\\0"):
    block += os.read(control, 1)
os.write(writing, block)
while data := os.read(reading, 65536):
    os.write(writing, data)
sys.exit(5)
"""


@pytest.fixture
def real_front_end() -> Iterator[Callable[[list[str]], tuple[socket.socket, subprocess.Popen[bytes]]]]:
    ours, theirs = socket.socketpair()
    ours.settimeout(20)
    leak = os.open("/dev/null", os.O_RDONLY)
    started: list[subprocess.Popen[bytes]] = []

    def start(options: list[str]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        command = ["-m", "fakes.ucspitlsd_real", "--pretend", *options, sys.executable, "-c", REAL_PROGRAM]
        fd = theirs.fileno()
        process = subprocess.Popen([sys.executable, *command], stdin=fd, stdout=fd, pass_fds=[leak])
        started.append(process)
        theirs.close()
        return ours, process

    yield start
    os.close(leak)
    ours.close()
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("options", [[], ["--fds", "9,9,3"], ["--fork"], ["--fork", "--fds=30,4,5"]])
def test_the_real_one(
    options: list[str],
    real_front_end: Callable[[list[str]], tuple[socket.socket, subprocess.Popen[bytes]]],
) -> None:
    network, process = real_front_end(options)
    with network.makefile("rb") as stream:
        assert stream.readline() == b"0 True\n"
        assert stream.read(len(DEFAULT_BLOCK)).translate(CIPHER) == DEFAULT_BLOCK
        network.sendall(b"secret".translate(CIPHER))
        assert stream.read(6).translate(CIPHER) == b"secret"
        network.shutdown(socket.SHUT_WR)
        assert stream.read() == b""
    assert process.wait(20) == 5


def test_the_real_one_without_a_program() -> None:
    command = [sys.executable, "-m", "fakes.ucspitlsd_real", "/nowhere"]
    result = subprocess.run(command, capture_output=True, check=False, stdin=subprocess.DEVNULL)
    assert (result.returncode, result.stderr) == (111, b"ucspitlsd: No such file or directory\n")
