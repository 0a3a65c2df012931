"""The machine keeps the rules of Unix that our programs live by."""

import contextlib
import time
from collections.abc import Awaitable, Callable
from errno import EACCES
from signal import SIGCHLD, SIGHUP, SIGKILL, SIGSEGV, SIGTERM

import pytest
import trio

from acceptutils.runtime.world import CannotReadControl, CannotRun, Child, Ended, World
from fakes.connection import ClosedEarly, Connection
from fakes.machine import Driver, Leftovers, Machine, Stuck, run
from fakes.process import Fake, Process
from fakes.traffic import Cuts

SEEDS = range(12)
TWENTY_MINUTES = 1200

Script = Callable[[Connection], Awaitable[None]]


def play(
    script: Script,
    *argv: bytes,
    driver: Driver | None = None,
    fake: Fake | None = None,
    seed: int = 0,
    transport: str = "socket",
    machine: Machine | None = None,
    leftovers: str = "refuse",
    env: dict[bytes, bytes] | None = None,
    uid: int = 0,
) -> Machine:
    """Run a script against a chain of `driver` and `fake`, named so, and the programs below."""
    machine = machine or Machine(
        drivers={b"driver": driver} if driver else {},
        fakes={**FAKES, **({b"fake": fake} if fake else {})},
        files={b"/home/alice/": b""},
        seed=seed,
    )

    async def connect(machine: Machine) -> None:
        async with machine.connect(
            argv or (b"driver" if driver else b"fake",),
            transport=transport,  # type: ignore[arg-type]
            leftovers=leftovers,  # type: ignore[arg-type]
            env=env,
            uid=uid,
        ) as connection:
            await script(connection)

    run(machine, connect)
    return machine


async def cat(process: Process) -> int:
    while data := await process.read(0):
        await process.write(1, data)
    return 0


async def sleep(process: Process) -> int:
    await trio.sleep(int(process.args[0]))
    return 0


async def hello(process: Process) -> int:
    await process.write(1, b"hello\n")
    return 0


async def become_alice(process: Process) -> int:
    process.become(1000, 1000, b"/home/alice")
    await trio.sleep(1)
    return await process.exec(process.args, process.env)


async def head(process: Process) -> int:
    """Reads three bytes and leaves."""
    wanted = 3
    while wanted:
        wanted -= len(await process.read(0, wanted))
    return 0


FAKES: dict[bytes, Fake] = {
    b"cat": cat,
    b"sleep": sleep,
    b"hello": hello,
    b"become_alice": become_alice,
    b"head": head,
}


async def nothing(_: Connection) -> None:
    pass


async def to_the_end(connection: Connection) -> None:
    await connection.ended()


async def read_all(child: Child) -> bytes:
    data = b""
    while piece := await child.stdout.receive(65536):
        data += piece
    return data


async def send_all(stream: Child, data: bytes) -> None:
    while data:
        data = data[await stream.stdin.send_some(data) :]


class TestStreams:
    @pytest.mark.parametrize("transport", ["socket", "pipes"])
    @pytest.mark.parametrize("seed", SEEDS)
    def test_bytes_pass_and_a_half_close_is_end_of_file(self, seed: int, transport: str) -> None:
        async def script(connection: Connection) -> None:
            await connection.send(b"one\ntwo\n")
            assert await connection.receive_until(b"\n") == b"one\n"
            assert await connection.receive_until(3) == b"two"
            connection.half_close()
            assert await connection.receive_all() == b"\n"
            assert await connection.ended() == Ended(0, None, 0)
            assert connection.transcript == b"one\ntwo\n"

        play(script, b"cat", seed=seed, transport=transport)

    def test_more_than_fits_waits_for_the_reader(self) -> None:
        much = bytes(range(256)) * 1024

        async def script(connection: Connection) -> None:
            with trio.move_on_after(TWENTY_MINUTES) as patience:
                await connection.send(much)
            assert patience.cancelled_caught
            assert len(await connection.receive_for(1)) > 65536

        play(script, b"cat", leftovers="kill")

    def test_a_writer_without_readers_gets_epipe(self) -> None:
        async def driver(world: World) -> int:
            child = await world.spawn([b"head"], {}, pipes=True)
            with pytest.raises(BrokenPipeError):
                await send_all(child, bytes(200_000))
            assert await child.wait() == Ended(0, None, 0)
            return 0

        play(to_the_end, driver=driver)

    def test_a_pipe_ends_when_the_last_of_its_writers_ends(self) -> None:
        async def parent(process: Process) -> int:
            return await process.exec([b"become_alice", b"hello"], process.env)

        async def driver(world: World) -> int:
            child = await world.spawn([b"fake"], {}, pipes=True)
            assert await read_all(child) == b"hello\n"
            assert world.now() >= 1
            child.stdin.close()
            child.stdin.close()
            with pytest.raises(trio.ClosedResourceError):
                await child.stdin.send_some(b"x")
            return 0

        play(to_the_end, driver=driver, fake=parent)

    def test_reset_breaks_both_directions(self) -> None:
        async def fake(process: Process) -> int:
            assert await process.read(0) == b""
            with pytest.raises(BrokenPipeError):
                await process.write(1, b"x")
            return 5

        async def script(connection: Connection) -> None:
            await connection.send(b"lost")
            connection.reset()
            assert await connection.receive_all() == b""
            assert (await connection.ended()).code == 5

        play(script, fake=fake)

    @pytest.mark.parametrize("transport", ["socket", "pipes"])
    def test_only_a_full_hang_up_is_leaving(self, transport: str) -> None:
        async def driver(world: World) -> int:
            assert await world.client.receive(1) == b""
            assert not world.client.has_left()
            await world.client.send_some(b"x")
            await trio.sleep(1)
            return int(world.client.has_left())

        async def script(connection: Connection) -> None:
            connection.half_close()
            await connection.receive_until(1)
            connection.close()
            assert (await connection.ended()).code == 1

        play(script, driver=driver, transport=transport)

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_line_is_taken_and_nothing_behind_it(self, seed: int) -> None:
        async def driver(world: World) -> int:
            line = b""
            while not line.endswith(b"\n"):
                line += await world.client.receive_line(100)
            assert line == b"one\n"
            return await world.exec([b"cat"])

        async def script(connection: Connection) -> None:
            await connection.send(b"one\ntwo\nthree")
            connection.half_close()
            assert await connection.receive_all() == b"two\nthree"

        play(script, driver=driver, seed=seed)

    def test_a_cancelled_read_loses_nothing(self) -> None:
        async def driver(world: World) -> int:
            got = b""
            while not got.endswith(b"."):
                with trio.move_on_after(0.5):
                    got += await world.client.receive(10)
            return int(got == b"0123456789.")

        async def script(connection: Connection) -> None:
            for byte in b"0123456789.":
                await connection.stall(0.5)
                await connection.send(bytes([byte]))
            assert (await connection.ended()).code == 1

        for seed in SEEDS:
            play(script, driver=driver, seed=seed)

    def test_a_parent_that_reads_while_its_child_does_fails_loudly(self) -> None:
        async def driver(world: World) -> int:
            await world.spawn([b"cat"], {})
            with contextlib.suppress(Exception):
                await world.client.receive(1)
            return 0

        with pytest.raises(trio.BusyResourceError):
            play(to_the_end, driver=driver)

    def test_an_answer_that_never_comes_whole_is_told(self) -> None:
        async def script(connection: Connection) -> None:
            await connection.receive_until(b"goodbye")

        with pytest.raises(ClosedEarly) as caught:
            play(script, b"hello")
        assert caught.value.received == b"hello\n"


class TestProcesses:
    def test_exec_keeps_the_process_and_its_descriptors(self) -> None:
        async def driver(world: World) -> int:
            await world.client.send_some(b"%d\n" % world.pid)
            return await world.exec([b"env", b"X=y", b"fake"])

        async def fake(process: Process) -> int:
            await process.write(1, b"%d\n" % process.pid)
            return int(process.env == {b"A": b"b", b"X": b"y"})

        async def script(connection: Connection) -> None:
            assert await connection.receive_all() == b"100\n100\n"
            assert (await connection.ended()).code == 1

        machine = play(script, driver=driver, fake=fake, env={b"A": b"b"})
        assert machine.process(b"fake").programs == [b"driver", b"env", b"fake"]

    def test_a_child_has_descriptors_0_to_2_and_the_record_on_3(self) -> None:
        async def fake(process: Process) -> int:
            record = b""
            while piece := await process.read(3):
                record += piece
            with pytest.raises(OSError, match="Bad file"):
                await process.read(4)
            process.log(record + b" " + process.env[b"A"])
            return 0

        async def driver(world: World) -> int:
            first = await world.spawn([b"sleep", b"9"], {}, pipes=True)
            child = await world.spawn([b"fake"], {b"A": b"b"}, record=b"secret")
            assert await child.wait() == Ended(0, None, 0)
            first.kill(SIGKILL)
            assert await first.wait() == Ended(None, SIGKILL, 0)
            return 0

        machine = play(to_the_end, driver=driver, fake=fake)
        assert [(line.pid, line.line) for line in machine.log_lines] == [(102, b"secret b")]

    def test_a_zombie_keeps_its_uid_until_it_is_waited_for(self) -> None:
        async def driver(world: World) -> int:
            child = await world.spawn([b"become_alice", b"exit", b"3"], {})
            assert child.real_uid() == 0
            await trio.sleep(0.5)
            assert child.real_uid() == 1000
            await trio.sleep(TWENTY_MINUTES)
            assert child.real_uid() == 1000
            with trio.move_on_after(0):
                await child.wait()
            assert await child.wait() == Ended(3, None, 1000) == await child.wait()
            assert child.real_uid() is None
            child.kill(SIGTERM)
            return 0

        machine = play(to_the_end, driver=driver)
        alice = machine.process(b"exit")
        assert (alice.uid_at_start, alice.uid, alice.cwd) == (0, 1000, b"/home/alice")

    def test_only_root_becomes_somebody_else(self) -> None:
        with pytest.raises(PermissionError):
            play(to_the_end, b"become_alice", b"true", uid=7)

    def test_what_cannot_be_run(self) -> None:
        async def driver(world: World) -> int:
            for step, name in [("exec", b"nowhere"), ("fork", b"cat")]:
                with pytest.raises(CannotRun) as caught:
                    await world.spawn([name], {}, pipes=True, record=b"x")
                assert caught.value.step == step
            with pytest.raises(CannotRun):
                await world.attempt([b"/bin/nowhere"], {})
            return await world.exec([b"fake"])

        async def fake(process: Process) -> int:
            with pytest.raises(FileNotFoundError):
                await process.exec([b"nowhere"], {})
            return 0

        machine = Machine({b"driver": driver}, {b"fake": fake})
        machine.unrunnable[b"cat"] = CannotRun("fork", "Resource temporarily unavailable")
        play(to_the_end, b"driver", machine=machine)

    def test_a_crash_is_the_end_of_descriptors_too(self) -> None:
        async def script(connection: Connection) -> None:
            assert await connection.receive_all() == b""
            assert await connection.ended() == Ended(None, SIGSEGV, 0)

        play(script, b"signal", b"11")

    def test_a_bug_in_a_program_surfaces_in_the_test(self) -> None:
        async def fake(_: Process) -> int:
            raise ZeroDivisionError

        async def driver(world: World) -> int:
            return (await (await world.spawn([b"fake"], {})).wait()).code or 0

        with pytest.raises(ZeroDivisionError):
            play(to_the_end, driver=driver, fake=fake)

    def test_code_behind_an_exec_does_not_run(self) -> None:
        async def driver(world: World) -> int:
            try:
                return await world.exec([b"true"])
            finally:
                world.log(b"I am a ghost")

        assert play(to_the_end, driver=driver).log_lines == []

    def test_processes_that_are_left_are_an_error(self) -> None:
        with pytest.raises(Leftovers, match="100 cat: read 0"):
            play(nothing, b"cat")
        assert not play(nothing, b"cat", leftovers="kill").processes[0].alive

    def test_a_deadlock_is_an_error(self) -> None:
        async def script(connection: Connection) -> None:
            await connection.receive_until(b"\n")

        with pytest.raises(Stuck, match="0 client: read 0; 100 cat: read 0"):
            play(script, b"cat")

    def test_halves_of_log_lines_are_not_mixed(self) -> None:
        async def fake(process: Process) -> int:
            await process.write(2, b"half ")
            await trio.sleep(1)
            await process.write(2, b"line\n")
            return 0

        async def driver(world: World) -> int:
            child = await world.spawn([b"fake"], {})
            await trio.sleep(0.5)
            world.log(b"mine")
            await child.wait()
            return 0

        machine = play(to_the_end, driver=driver, fake=fake)
        assert machine.log_lines == [(0.5, 100, b"mine"), (1.0, 101, b"half line")]

    @pytest.mark.parametrize("standard_error", ["closed", "full"])
    def test_a_log_that_takes_nothing_does_no_harm(self, standard_error: str) -> None:
        async def driver(world: World) -> int:
            world.log(b"unheard")
            return (await (await world.spawn([b"true"], {})).wait()).code or 0

        async def script(machine: Machine) -> None:
            async with machine.connect(
                [b"driver"],
                standard_error=standard_error,  # type: ignore[arg-type]
            ) as connection:
                assert (await connection.ended()).code == 0

        run(Machine({b"driver": driver}), script)


class TestSignals:
    def test_a_fake_is_killed_a_driver_hears(self) -> None:
        async def driver(world: World) -> int:
            child = await world.spawn([b"sleep", b"9"], {})
            number = await world.signalled()
            child.kill(number)
            assert await child.wait() == Ended(None, number, 0)
            return number

        async def script(connection: Connection) -> None:
            machine.kill(connection.pid, SIGCHLD)
            machine.kill(connection.pid, SIGHUP)
            assert await connection.ended() == Ended(SIGHUP, None, 0)

        machine = Machine({b"driver": driver}, FAKES)
        play(script, b"driver", machine=machine)

    def test_nothing_of_a_killed_program_goes_on(self) -> None:
        async def driver(world: World) -> int:
            with trio.CancelScope(shield=True):
                try:
                    await world.client.receive(1)
                finally:
                    await world.client.send_some(b"I am a ghost")
            return 0

        async def script(connection: Connection) -> None:
            await connection.stall(1)
            machine.kill(connection.pid, SIGKILL)
            assert await connection.receive_all() == b""
            assert await connection.ended() == Ended(None, SIGKILL, 0)

        machine = Machine({b"driver": driver}, FAKES)
        play(script, b"driver", machine=machine)

    def test_a_group_is_killed_together(self) -> None:
        async def parent(process: Process) -> int:
            process.log(b"ready")
            return await process.exec([b"driver2"], {})

        async def driver2(world: World) -> int:
            await (await world.spawn([b"sleep", b"99"], {})).wait()
            return 0

        async def driver(world: World) -> int:
            alone = await world.spawn([b"sleep", b"3"], {})
            child = await world.spawn([b"fake"], {}, own_group=True)
            await trio.sleep(1)
            child.kill(SIGKILL, group=True)
            assert (await child.wait()).signal == SIGKILL
            alone.kill(SIGKILL, group=True)  # it has no group of its own: nobody is killed
            assert await alone.wait() == Ended(0, None, 0)
            return 0

        machine = Machine({b"driver": driver, b"driver2": driver2}, {**FAKES, b"fake": parent})
        play(to_the_end, b"driver", machine=machine)
        assert [p.ended and p.ended.signal for p in machine.processes] == [None, None, SIGKILL, SIGKILL]

    def test_an_orphan_lives_on_with_init(self) -> None:
        async def driver(world: World) -> int:
            await world.spawn([b"sleep", b"5"], {})
            return 0

        async def script(connection: Connection) -> None:
            await connection.ended()
            await connection.stall(0.1)
            assert machine.processes[1].parent == 1
            await connection.stall(10)

        machine = Machine({b"driver": driver}, FAKES)
        play(script, b"driver", machine=machine)


class TestAttempts:
    @staticmethod
    async def reup(world: World) -> int:
        for number in (b"1", b"2", b"3"):
            attempt = await world.attempt(world.args, {**world.env, b"REUP": number})
            world.log(b"%d %r %r" % (attempt.pid, attempt.ended.code, attempt.signalled))
            if attempt.ended.code == 0 or attempt.signalled:
                break
        return attempt.ended.code or 0

    @staticmethod
    async def counter(world: World) -> int:
        state = (world.recall() or b"") + world.env[b"REUP"]
        world.remember(state)
        await (await world.spawn([b"fake"], {b"REUPSTATE": world.env[b"REUPSTATE"]})).wait()
        return 0 if state == b"123" else 1

    @pytest.mark.parametrize("seed", SEEDS)
    def test_attempts_share_a_file_that_no_child_sees(self, seed: int) -> None:
        async def fake(process: Process) -> int:
            with pytest.raises(OSError, match="Bad file"):
                await process.read(int(process.env[b"REUPSTATE"]))
            return 0

        machine = Machine({b"reup": self.reup, b"counter": self.counter}, {b"fake": fake}, seed=seed)
        play(to_the_end, b"reup", b"counter", machine=machine)
        lines = [line.line for line in machine.log_lines]
        assert lines == [b"101 1 False", b"103 1 False", b"105 0 False"]

    def test_without_reup_nothing_is_remembered(self) -> None:
        async def driver(world: World) -> int:
            world.remember(b"x")
            return int(world.recall() is None)

        async def script(connection: Connection) -> None:
            assert (await connection.ended()).code == 1

        play(script, driver=driver, env={b"REUPSTATE": b"7"})

    @pytest.mark.parametrize("seed", SEEDS)
    def test_a_signal_is_passed_on_and_told(self, seed: int) -> None:
        async def driver(world: World) -> int:
            await world.signalled()
            return 12

        async def script(connection: Connection) -> None:
            await connection.stall(seed % 2)
            machine.kill(connection.pid, SIGTERM)
            assert (await connection.ended()).code == 12

        machine = Machine({b"reup": self.reup, b"driver": driver}, seed=seed)
        play(script, b"reup", b"driver", machine=machine)
        assert [line.line for line in machine.log_lines] == [b"101 12 True"]


class TestFiles:
    def test_control_files(self) -> None:
        async def driver(world: World) -> int:
            world.enter_qmail_home()
            assert world.read_control("me") == b"mail.example.org\n"
            assert world.read_control("absent") is None
            with pytest.raises(CannotReadControl, match="Permission denied"):
                world.read_control("secret")
            return (await (await world.spawn([b"fake"], {})).wait()).code or 0

        async def fake(process: Process) -> int:
            assert process.files.read(b"control/me") == b"mail.example.org\n"
            return 0

        files: dict[bytes, bytes | OSError] = {
            b"/var/qmail/control/me": b"mail.example.org\n",
            b"/var/qmail/control/secret": PermissionError(EACCES, "?"),
        }
        play(to_the_end, b"driver", machine=Machine({b"driver": driver}, {b"fake": fake}, files=files))

    def test_a_qmail_home_of_no_use(self) -> None:
        async def driver(world: World) -> int:
            with pytest.raises(CannotReadControl, match="No such file"):
                world.enter_qmail_home()
            return 0

        play(to_the_end, driver=driver, env={b"QMAILHOME": b"/nowhere"})

    def test_a_maildir(self) -> None:
        async def fake(process: Process) -> int:
            files = process.files
            for directory in (b"Maildir", b"Maildir/new", b"Maildir/cur", b"Maildir/new"):
                files.make_directory(directory)
            files.create(b"Maildir/new/1", b"Subject: x\n")
            with pytest.raises(FileExistsError):
                files.create(b"Maildir/new/1", b"")
            files.rename(b"Maildir/new/1", b"Maildir/cur/1:2,")
            assert files.list(b"Maildir") == [b"cur", b"new"]
            assert files.list(b"Maildir/new") == []
            assert files.list(b"/home/alice/Maildir/cur") == [b"1:2,"]
            assert files.read(b"Maildir/cur/1:2,") == b"Subject: x\n"
            files.remove(b"Maildir/cur/1:2,")
            for call in (files.remove, files.read, files.list):
                with pytest.raises(FileNotFoundError):
                    call(b"Maildir/cur/1:2,")
            with pytest.raises(FileNotFoundError):
                files.create(b"nowhere/1", b"")
            with pytest.raises(IsADirectoryError):
                files.read(b"Maildir")
            return 0

        play(to_the_end, b"become_alice", b"fake", fake=fake)


class TestTimeAndChance:
    def test_twenty_minutes_cost_nothing(self) -> None:
        async def driver(world: World) -> int:
            start = world.unix_time()
            with trio.move_on_after(TWENTY_MINUTES):
                await world.client.receive(1)
            assert world.now() == TWENTY_MINUTES
            return int(world.unix_time() - start == TWENTY_MINUTES)

        async def script(connection: Connection) -> None:
            assert (await connection.ended()).code == 1

        begin = time.perf_counter()
        play(script, driver=driver)
        assert time.perf_counter() - begin < 0.5

    async def test_autojump(self, autojump_clock: trio.testing.MockClock) -> None:
        async with Machine(fakes=FAKES).connect([b"sleep", b"1200"]) as connection:
            assert (await connection.ended()).code == 0
        assert autojump_clock.current_time() == TWENTY_MINUTES

    @staticmethod
    async def relay(world: World) -> int:
        """Client to cat and back, both ways at once: enough tasks for many orders."""
        child = await world.spawn([b"cat"], {}, pipes=True)

        async def inward() -> None:
            while data := await world.client.receive(65536):
                await send_all(child, data)
            child.stdin.close()

        async def outward() -> None:
            while data := await child.stdout.receive(65536):
                while data:
                    data = data[await world.client.send_some(data) :]

        async with trio.open_nursery() as nursery:
            nursery.start_soon(inward)
            nursery.start_soon(outward)
        return (await child.wait()).code or 0

    def one_run(self, seed: int, cuts: Cuts = "random") -> tuple[Machine, bytes]:
        async def script(connection: Connection) -> None:
            await connection.send(b"EHLO there\r\nMAIL FROM:<a@b>\r\n" * 20)
            await connection.stall(3)
            await connection.send(b"QUIT\r\n")
            connection.half_close()
            transcripts.append(await connection.receive_all())
            await connection.ended()

        transcripts: list[bytes] = []
        machine = Machine({b"driver": self.relay}, FAKES, seed=seed, cuts=cuts)
        play(script, b"driver", machine=machine)
        return machine, transcripts[0]

    def test_a_seed_is_a_run(self) -> None:
        for seed in SEEDS:
            assert self.one_run(seed)[0].events == self.one_run(seed)[0].events

    def test_another_seed_is_another_run_with_the_same_transcript(self) -> None:
        runs = [self.one_run(seed) for seed in SEEDS]
        assert len({transcript for _, transcript in runs}) == 1
        assert len({tuple(machine.events) for machine, _ in runs}) == len(SEEDS)

    def test_whole_reads(self) -> None:
        machine, _ = self.one_run(1, cuts="whole")
        reads = [event.data for event in machine.events if event.program == b"cat" and event.what == "read 0"]
        assert reads[-2:] == [b"QUIT\r\n", b""]

    def test_the_scheduler_is_left_as_it_was(self) -> None:
        inside = vars(trio._core._run)
        before = inside["_ALLOW_DETERMINISTIC_SCHEDULING"], inside["_r"].getstate()
        self.one_run(5)
        assert (inside["_ALLOW_DETERMINISTIC_SCHEDULING"], inside["_r"].getstate()) == before
