import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from conformance.playing.stage import Ended, Opening, Order
from conformance.playing.stream import Stream
from conformance.processes import keeping, observing
from conformance.processes.premises import observes, prepared
from conformance.processes.real import open_stage
from conformance.processes.real_stage import RealStage
from conformance.targets import TargetConfig, Unusable
from tests.conformance.signal_lines import without_glibcs

ROOT = os.geteuid() == 0
ALICE = 1001 if ROOT else os.getuid()
needs_root = pytest.mark.skipif(not ROOT, reason="needs root")
PATIENCE = 60
Zoo = Callable[..., AbstractAsyncContextManager[RealStage]]

AUTHUP = "exec 3</dev/null; checkpassword ofmipd arg; echo code $?"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TargetConfig]:
    directory = tmp_path_factory.mktemp("programs")
    (directory / "authup").write_text("#!/bin/sh\n")
    (directory / "authup").chmod(0o755)
    target = TargetConfig("zoo", "exec", dir=str(directory), home="QMAILHOME")
    with prepared(target) as made:
        yield made


@pytest.fixture(params=["best", "none"])
def target(ready: TargetConfig, request: pytest.FixtureRequest) -> TargetConfig:
    return ready if request.param == "best" else replace(ready, isolation="none")


def add_program(target: TargetConfig, name: str, script: str) -> Path:
    program = Path(target.place) / "zoo" / name
    program.parent.mkdir(exist_ok=True)
    program.parent.chmod(0o755)
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def zoo(target: TargetConfig) -> Zoo:
    """Open a stage whose authup is this shell script."""

    @asynccontextmanager
    async def opened(
        script: str,
        chain: str = "{authup} {checkpassword} {ofmipd}",
        record: Callable[[str, bytes], None] = lambda _lane, _data: None,
        **asked: object,
    ) -> AsyncIterator[RealStage]:
        directory = add_program(target, "authup", script).parent
        given = {"files": {}, "env": {}, **asked}
        opening = Opening(chain=tuple(chain.split()), **given)  # type: ignore[arg-type]
        with trio.fail_after(PATIENCE):
            async with open_stage(opening, replace(target, dir=str(directory)), record) as stage:
                yield stage

    return opened


async def until(what: bytes, stream: Stream) -> bytes:
    with trio.fail_after(10):
        while what not in stream.untaken and not stream.ended:
            await stream.more()
    found = stream.untaken.find(what)
    return stream.take(found + len(what) if found >= 0 else len(stream.untaken))


async def everything(stream: Stream) -> bytes:
    with trio.fail_after(10):
        while not stream.ended:
            await stream.more()
    return bytes(stream.data)


async def soon(wait: Callable[[], Awaitable[Ended]]) -> Ended:
    with trio.fail_after(10):
        return await wait()


# The zoo


async def test_the_first_process_ends_with_a_code(zoo: Zoo) -> None:
    async with zoo("echo bye; exit 3") as stage:
        assert await soon(stage.ended) == Ended(3, None)
        assert stage.plain.data == b"bye\n"  # all of it is there when the end is told
        assert await everything(stage.plain) == b"bye\n"
        assert stage.living() == []
        assert stage.processes[0].ended_at is not None


async def test_a_crash_is_a_signal(zoo: Zoo) -> None:
    async with zoo("kill -SEGV $$") as stage:
        assert await soon(stage.ended) == Ended(None, signal.SIGSEGV)


async def test_who_burns_cpu_is_named(zoo: Zoo) -> None:
    async with zoo("while :; do :; done") as stage:
        await stage.settle()  # which gives up after one second of its CPU
        found = stage.spinning()
        assert found is not None
        assert found[0] == "authup"
        assert found[1] > 0.2


async def test_who_waits_does_not_spin(zoo: Zoo) -> None:
    async with zoo("read line") as stage:
        await stage.settle()
        await trio.sleep(0.8)
        assert stage.spinning() is None
        assert [process.name for process in stage.living()] == ["authup"]


async def test_a_daemon_that_left_the_tree_is_seen_and_does_not_survive(zoo: Zoo) -> None:
    async with zoo("setsid sleep 1000 </dev/null >/dev/null 2>&1 & exit 0") as stage:
        await soon(stage.ended)
        await stage.settle()
        (left,) = stage.living()
        assert left.name == "sleep"
        assert left.programs[0].argv == (b"sleep", b"1000")
        pid, shown = left.pid, stage.processes[0].pid
    if shown > 2:  # no namespace: the process IDs are those of everybody
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_who_ignores_the_end_of_its_input_lives(zoo: Zoo) -> None:
    async with zoo("exec sleep 1000") as stage:
        stage.end_input()
        await stage.settle()
        assert len(stage.living()) == 1


async def test_a_leaked_descriptor_is_reported(zoo: Zoo) -> None:
    async with zoo("exec 7</dev/null; exec ofmipd", chain="{authup} {ofmipd}") as stage:
        puppet = await stage.puppet(0)
        assert set(puppet.program.fds or ()) == {0, 1, 2, 7}
        assert set(puppet.process.programs[0].fds or ()) == {0, 1, 2}


async def test_who_starts_programs_without_end_burns_cpu(zoo: Zoo) -> None:
    async with zoo("while :; do /bin/true; done") as stage:
        with trio.fail_after(30):
            while stage.spinning() is None:  # noqa: ASYNC110 - that is how one asks
                await trio.sleep(0.1)


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
@pytest.mark.parametrize("closed", ["", "exec 0<&-", "exec 2>&-", "exec 0<&- 2>&-"])
async def test_ignored_signals_are_reported_and_passed_on(
    zoo: Zoo, target: TargetConfig, closed: str
) -> None:
    inner = add_program(target, "checknotroot", "exec ofmipd")
    script = f"trap '' PIPE XFSZ FPE; {closed}\nexec checknotroot"
    async with zoo(script, chain="{authup} {checknotroot} {ofmipd}") as stage:
        puppet = await stage.puppet(0)
        given = {signal.SIGPIPE, signal.SIGXFSZ, signal.SIGFPE}
        for program in puppet.process.programs[1:]:
            assert set(program.ignored or ()) == given
            assert set(program.fds or ()) == {0, 1, 2} - {int(word[0]) for word in closed.split()[1:]}
    inner.unlink()
    async with zoo("exec ofmipd", chain="{authup} {ofmipd}") as stage:
        puppet = await stage.puppet(0)
        assert puppet.program.ignored == frozenset()


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
async def test_the_name_is_as_the_chain_wrote_it(zoo: Zoo) -> None:
    script = 'exec python3 -c \'import os; os.execvp("ofmipd", ["-other", "x"])\''
    async with zoo(script, chain="{authup} {ofmipd}") as stage:
        puppet = await stage.puppet(0)
        assert puppet.program.name == "ofmipd"
        assert puppet.program.argv == (b"-other", b"x")


async def test_sigchld_stays_ignored(zoo: Zoo) -> None:
    async with zoo("", chain="ofmipd {ofmipd}", inherit={"sigchld": "ignored", "blocked": "TERM"}) as stage:
        puppet = await stage.puppet(0)
        assert puppet.program.ignored in ({signal.SIGCHLD}, None)
        assert set(puppet.program.blocked or ()) == {signal.SIGTERM}


async def test_a_program_that_is_missing_makes_the_target_unusable(zoo: Zoo) -> None:
    with pytest.raises(Unusable, match="reup is missing"):
        async with zoo("exit 0", chain="{reup} {authup}"):
            pass


async def test_a_chain_that_cannot_start_says_why(zoo: Zoo) -> None:
    async with zoo("", chain="nosuchprogram") as stage:
        assert await soon(stage.ended) == Ended(111, None)
        await stage.settle()
        assert "No such file" in stage.failures[0]


# What the first process gets


async def test_environment_descriptors_and_directory_are_exact(zoo: Zoo) -> None:
    inherit = {"fd9": "open", "umask": "077", "nofile": "20"}
    script = "umask; ulimit -n; pwd; for fd in /proc/$$/fd/*; do echo ${fd##*/}; done; exec env"
    async with zoo(script, env={b"A": b"1\xff"}, inherit=inherit) as stage:
        said = (await everything(stage.plain)).splitlines()
    assert said[:3] == [b"0077", b"20", b"/"]
    assert set(said[3:9]) == {b"0", b"1", b"2", b"9", b"10", b"3"}  # 10 and 3 are sh's
    assert b"A=1\xff" in said[9:]


@pytest.mark.parametrize(
    ("inherit", "line"),
    [
        ({"sigchld": "ignored"}, b"SigIgn:\t0000000000010000"),
        ({"sigpipe": "ignored"}, b"SigIgn:\t0000000000001000"),
        ({}, b"SigIgn:\t0000000000000000"),
        ({"blocked": "SIGTERM,SIGUSR1"}, b"SigBlk:\t0000000000004200"),
        ({}, b"SigBlk:\t0000000000000000"),
    ],
)
async def test_signals_are_as_asked_for(zoo: Zoo, inherit: dict[str, str], line: bytes) -> None:
    async with zoo("", chain="cat /proc/self/status", inherit=inherit) as stage:
        assert line in map(without_glibcs, (await everything(stage.plain)).splitlines())


@needs_root
async def test_the_users_are_as_asked_for(zoo: Zoo) -> None:
    async with zoo("", chain="cat /proc/self/status", uid=1001, euid=1002) as stage:
        assert b"Uid:\t1001\t1002\t1002\t1002" in await everything(stage.plain)
    async with zoo("exec cat /proc/self/status", uid=1001) as stage:
        said = await everything(stage.plain)
    assert b"Gid:\t1001\t1001\t1001\t1001" in said
    assert b"Groups:\t1001 \n" in said


async def test_standard_error_closed_or_full(zoo: Zoo) -> None:
    async with zoo(
        "echo >&2 2>/dev/null; test -e /proc/self/fd/2; echo $?", inherit={"stderr": "closed"}
    ) as stage:
        assert (await everything(stage.plain)).endswith(b"1\n")
    async with zoo("echo >&2; echo written", inherit={"stderr": "full"}) as stage:
        await stage.settle()
        assert stage.plain.data == b""
        assert len(stage.living()) == 1


async def test_control_files_are_in_the_qmail_home(zoo: Zoo, target: TargetConfig) -> None:
    files = {"control/me": b"mail\0\n", "control/dir/": b"", "alias/.qmail": b"x"}
    home = "$QMAILHOME" if target.isolation == "none" else "/var/qmail"
    async with zoo(f"cd {home}; cat control/me; ls -d control/dir alias/.qmail", files=files) as stage:
        assert await everything(stage.plain) == b"mail\0\nalias/.qmail\ncontrol/dir\n"


async def test_the_namespace_is_ours_alone(zoo: Zoo, target: TargetConfig) -> None:
    if target.isolation == "none":
        pytest.skip("there is none here")
    before = os.listdir("/var")
    async with zoo("echo $$; ls -A /var") as stage:
        first, *entries = (await everything(stage.plain)).decode().split()
    assert first == "2"
    assert {"qmail", "tmp", "lib"} <= set(entries)
    assert os.listdir("/var") == before


# Puppets


async def test_checkpassword_reads_decides_and_becomes(zoo: Zoo) -> None:
    script = 'checkpassword ofmipd "a b" 3<<X\nuser\nX\necho code $?'
    async with zoo(script, env={b"GIVEN": b"1"}) as stage:
        call = await stage.puppet(0)
        assert call.program.name == "checkpassword"
        assert call.program.argv == (b"checkpassword", b"ofmipd", b"a b")
        assert {0, 1, 2, 3} <= (call.program.fds or set())
        call.listen()
        assert await everything(call.input) == b"user\n"
        env = {**(call.program.env or {}), b"USER": b"alice"}
        await call.obey(Order("exec", 0, call.program.argv[1:], env, ALICE, ALICE, b"/tmp"))
        inner = await stage.puppet(1)
        assert inner.process is call.process
        assert inner.program.uid == (ALICE if ROOT else None)
        assert inner.program.cwd == b"/tmp"
        assert (inner.program.env or {})[b"USER"] == b"alice"
        assert 3 not in (inner.program.fds or set())
        await inner.send(b"220 hello\r\n")
        assert await until(b"\n", stage.plain) == b"220 hello\r\n"
        inner.listen()
        await stage.send(b"QUIT\r\n")
        assert await until(b"\n", inner.input) == b"QUIT\r\n"
        await inner.obey(Order("exit", 7))
        assert await until(b"\n", stage.plain) == b"code 7\n"
        assert await soon(inner.over) == Ended(7, None)
        assert [p.name for p in inner.process.programs] == ["checkpassword", "ofmipd"]
        assert [p.parent for p in stage.processes[1:]] == [stage.processes[0].pid]


async def test_checkpassword_that_cannot_become_exits_111(zoo: Zoo) -> None:
    async with zoo(AUTHUP) as stage:
        call = await stage.puppet(0)
        await call.obey(Order("exec", 0, (b"nosuchprogram",)))
        assert await soon(call.over) == Ended(111, None)
        assert "nosuchprogram" in stage.failures[0]


async def test_a_signal_that_we_order_and_one_from_outside(zoo: Zoo) -> None:
    async with zoo(AUTHUP) as stage:
        call = await stage.puppet(0)
        await call.obey(Order("signal", signal.SIGSEGV))
        assert await soon(call.over) == Ended(None, signal.SIGSEGV)
    async with zoo(AUTHUP) as stage:
        call = await stage.puppet(0)
        assert stage.signal("checkpassword", signal.SIGTERM)
        assert await soon(call.over) == Ended(None, signal.SIGTERM)
        assert not stage.signal("checkpassword", signal.SIGTERM)


async def test_an_ignored_signal_is_ignored_at_once(zoo: Zoo) -> None:
    async with zoo(AUTHUP) as stage:
        call = await stage.puppet(0)
        call.ignore(signal.SIGTERM)
        stage.signal("checkpassword", signal.SIGTERM)
        await stage.settle()
        assert call.process.ended is None


async def test_closing_a_puppets_output_and_pausing_it(zoo: Zoo) -> None:
    async with zoo(
        "(echo one; cat >&2; echo gone >&2) | ofmipd | cat; echo end", chain="{authup} {ofmipd}"
    ) as stage:
        puppet = await stage.puppet(0)
        await stage.settle()
        assert puppet.input.data == b""  # not before it listens
        puppet.listen()
        assert await until(b"\n", puppet.input) == b"one\n"
        puppet.close_output()
        with pytest.raises(BrokenPipeError):
            await puppet.send(b"x")
        stage.end_input()
        assert await until(b"gone\n", stage.log) == b"gone\n"
        await puppet.obey(Order("exit", 0))
        assert await everything(stage.plain) == b"end\n"


async def test_python_leaves_no_traces_in_a_tested_program(zoo: Zoo, target: TargetConfig) -> None:
    (Path(target.place) / "zoo").mkdir(exist_ok=True)
    inner = Path(target.place) / "zoo" / "checknotroot"
    inner.write_text(
        "#!/bin/sh\necho $0; grep SigIgn /proc/self/status; ls /proc/self/fd | wc -l; exec env\n"
    )
    inner.chmod(0o755)
    async with zoo("exec 2>&-; LC_ALL=C exec checknotroot", chain="{authup} {checknotroot}") as stage:
        said = (await everything(stage.plain)).splitlines()
        assert set(stage.processes[0].programs[1].fds or ()) == {0, 1}
    inner.unlink()
    assert without_glibcs(said[1]) == b"SigIgn:\t0000000000000000"
    assert said[2] == b"3"  # 0, 1, and ls's own
    assert not [line for line in said if line.startswith(b"LC_CTYPE")]


# The client


async def test_half_close_hang_up_and_reset(zoo: Zoo) -> None:
    script = "cat >/dev/null; echo eof; cat 2>&1 | cat >&2; sleep 1000"
    async with zoo(script) as stage:
        stage.end_input()
        assert await until(b"\n", stage.plain) == b"eof\n"
    async with zoo("read line; cat; echo done >&2") as stage:
        stage.hang_up()
        assert await until(b"done\n", stage.log) == b"done\n"
        assert stage.plain.ended
        with pytest.raises(BrokenPipeError):
            await stage.send(b"x")
    async with zoo("exec cat") as stage:
        await stage.settle()
        stage.reset()
        assert b"Connection reset" in await until(b"\n", stage.log)


@pytest.mark.parametrize("transport", ["pipes", "socket"])
async def test_a_client_that_does_not_read_blocks_the_writer(zoo: Zoo, transport: str) -> None:
    async with zoo("exec head -c 1000000 /dev/zero", inherit={"transport": transport}) as stage:
        stage.stall()
        await stage.settle()
        assert len(stage.plain.data) < 300_000
        assert stage.processes[0].ended is None
        stage.resume()
        assert len(await everything(stage.plain)) == 1_000_000


@pytest.mark.parametrize("fds", ["", "socket"])
async def test_the_tls_front_end(zoo: Zoo, fds: str) -> None:
    writing = "4" if fds else "5"
    script = (
        f"printf Y >&3; read -r block <&3; read -r line <&4; echo $block $line >&{writing}; exec 4>&- 5>&-"
    )
    env = {b"SSLWRITEFD": writing.encode()}
    async with zoo(script, tls=True, env=env, inherit={"tlsfds": fds} if fds else {}) as stage:
        assert stage.front_end is not None
        assert await until(b"Y", stage.front_end.orders) == b"Y"
        await stage.front_end.block(b"block\n")
        await stage.send(b"line\n", tls=True)
        assert await everything(stage.tls) == b"block line\n"
        assert set(stage.processes[0].programs[0].fds or ()) == {0, 1, 2, 3, 4} | ({5} if not fds else set())
        stage.front_end.close()
        assert stage.plain.ended


# All of it


async def test_everything_is_recorded_as_it_comes(zoo: Zoo) -> None:
    record: list[tuple[str, bytes]] = []
    async with zoo("echo out; echo log >&2", record=lambda lane, data: record.append((lane, data))) as stage:
        await soon(stage.ended)
    assert sorted(record) == [("E", b"log\n"), ("S", b"out\n")]


async def test_nothing_stays_open_whatever_happens(zoo: Zoo, target: TargetConfig) -> None:
    class Trouble(Exception):
        pass

    async def run() -> None:
        async with zoo(AUTHUP) as stage:
            await stage.puppet(0)
            raise Trouble

    with pytest.raises(Trouble):
        await run()
    before = os.listdir("/proc/self/fd")
    with pytest.raises(Trouble):
        await run()
    assert os.listdir("/proc/self/fd") == before
    assert not [name for name in os.listdir(target.place) if name.startswith("run-")]


async def test_several_runs_at_once_do_not_meet(zoo: Zoo) -> None:
    async def one(number: int) -> None:
        files = {"control/me": b"%d" % number}
        async with zoo("cd ${QMAILHOME-/var/qmail}; cat control/me", files=files) as stage:
            assert await everything(stage.plain) == b"%d" % number

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(one, number)


# Stops


async def test_whoever_is_stopped_and_continued_goes_on(zoo: Zoo) -> None:
    script = "echo ready; while read line; do echo $line; done; exit 5"
    async with zoo(script, stop=7) as stage:
        assert await until(b"ready\n", stage.plain) == b"ready\n"
        for number in range(20):
            line = b"%d\n" % number
            await stage.send(line)
            assert await until(line, stage.plain) == line
            await stage.settle()
        stage.end_input()
        assert await soon(stage.ended) == Ended(5, None)
        assert stage.stops is not None
        assert stage.stops.count > 3


async def test_nobody_is_stopped_without_a_seed(zoo: Zoo) -> None:
    async with zoo("read line") as stage:
        assert stage.stops is None


# Runs that are kept


async def test_a_kept_run_starts_again_by_hand(zoo: Zoo, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    script = 'cat ${QMAILHOME-/var/qmail}/control/me; echo "$COLOUR $*"; exit 7'
    given = {"files": {"control/me": b"mine\n"}, "env": {b"COLOUR": b"green"}, "uid": os.getuid()}
    async with zoo(script, "{authup} one {checkpassword} {ofmipd}", keep=str(kept), **given) as stage:
        await soon(stage.ended)
        before = bytes(stage.plain.data)
    assert before == b"mine\ngreen one checkpassword ofmipd\n"
    done = subprocess.run([kept / "again.sh"], check=False, capture_output=True)  # noqa: ASYNC221
    assert (done.stdout, done.stderr, done.returncode) == (before, b"", 7)
    assert "lets everybody in" in (kept / "bin" / "checkpassword").read_text()
    assert "220 hello" in (kept / "bin" / "ofmipd").read_text()
    assert (kept / "bin" / "authup").readlink().name == "authup"


def test_a_kept_run_whose_program_is_gone(tmp_path: Path) -> None:
    order = [
        ("path", b"/nonexistent/authup"),
        ("argv", b"authup"),
        ("uid", b"0"),
        ("euid", b"0"),
        ("gid", b"0"),
    ]
    (tmp_path / "bin").mkdir()
    keeping.furnish(tmp_path, ["qmail-pop3d"], {}, order, "none")
    assert "+OK hello" in (tmp_path / "bin" / "qmail-pop3d").read_text()
    done = subprocess.run([tmp_path / "again.sh"], check=False, capture_output=True, text=True)
    assert done.stderr == "again.sh: No such file or directory: b'/nonexistent/authup'\n"
    assert done.returncode == 1


def test_what_is_observed_is_said(ready: TargetConfig) -> None:
    assert {"fds", "env", "processes", "leftovers"} <= observes(ready)
    assert ("uid" in observes(ready)) == ROOT
    assert ("exit" in observes(ready)) == observing.tells_exits()
    assert "exit" not in observes(replace(ready, unobserved=frozenset({"exit"})))
