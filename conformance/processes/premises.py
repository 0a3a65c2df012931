"""Where runs on real processes take place: directories that every user can enter, a house each.

`prepared()` is for the whole of a session, in the process that starts the workers; what it makes they
share. `House` is for one run, like run_directory.py.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import trio

from conformance.machine import sim_stage
from conformance.processes import injecting, observing, records
from conformance.processes.messages import Records, receive
from conformance.targets import SCRIPTS, TargetConfig, Unusable, unusable
from fakes.installation import NotPossible, installation, python_for, reachable_directory

SOMEBODY: Final = 65534
"""A user who owns nothing."""
STANDALONE: Final = ("__init__.py", "records.py", "puppet.py", "house.py")
IMPORT: Final = "import sys\nsys.path.insert(0, {lib!r})\nfrom conformance.processes.{module} import main\n"
HOUSE: Final = "main(int(sys.argv[1]))\n"
PUPPET: Final = "main(sys.argv[2], sys.argv[3:], sys.argv[1])\n"
ALONE: Final = "main(sys.argv[0], sys.argv)\n"
LOOK_FIRST: Final = Path(__file__).with_name("look_first.c")
QMAIL_HOME: Final = "/var/qmail"
PATIENCE: Final = 10.0
"""Seconds that a house may take to open, or to close."""
Isolation = Literal["root", "user", "none"]


@contextmanager
def prepared(target: TargetConfig, *, keep: bool = False) -> Iterator[TargetConfig]:
    """Make a target ready to run, as `open_stage` wants it; picklable. Raises targets.Unusable.

    With `keep` the directories of its runs stay, below a directory of their own.
    """
    reason = unusable(target)
    if reason is not None:
        raise Unusable(reason)
    if target.kind == "simulation":
        yield target
        return
    if target.clock == "inject":
        injecting.strace()
    user = anybody()
    with ExitStack() as stack:
        try:
            place = stack.enter_context(reachable_directory(user, "conform-")).resolve()
            programs = stack.enter_context(installation(user)) if target.dir == SCRIPTS else target.directory
            _furnish(place, python_for(user))
        except NotPossible as impossible:
            raise Unusable(str(impossible)) from None
        if target.dir != SCRIPTS:  # those were tried out when they were found
            _try_out(target.installed)
        isolation = isolation_in(place)
        if isolation == "none" and (not target.home or "namespaces" in target.needs):
            raise Unusable(f"no namespaces here, to put control files into {QMAIL_HOME}")
        kept = ""
        if keep:
            kept = tempfile.mkdtemp(prefix="conform-kept-", dir=place.parent)
            Path(kept).chmod(0o755)
            if target.dir == SCRIPTS and programs != target.directory:  # made for this run
                programs = shutil.copytree(programs.parent, Path(kept) / "venv", symlinks=True) / "bin"
        yield replace(target, dir=str(programs), place=str(place), isolation=isolation, kept=kept)


def anybody() -> int:
    """Return the user that must be able to run all that is tested: what that one can, everybody can."""
    return SOMEBODY if os.geteuid() == 0 else os.geteuid()


def observes(target: TargetConfig) -> frozenset[str]:
    """Return what can be observed of a prepared target (stage.py)."""
    if target.kind == "simulation":
        return sim_stage.OBSERVES
    seen = {"argv", "env", "fds", "cwd", "signals", "processes", "cpu", "leftovers"}
    if os.geteuid() == 0:
        seen.add("uid")
    if observing.tells_exits():
        seen.add("exit")
    return frozenset(seen) - target.unobserved


class House:
    """One house. `pid` is that of the first process of its surroundings, as these know it."""

    def __init__(self, process: subprocess.Popen[bytes], connection: trio.socket.SocketType) -> None:
        self.pid = 0
        self.proc = -1
        """A descriptor of its /proc."""
        self.seen_from_here = process.pid
        """That process as we know it."""
        self._process = process
        self._connection = connection
        self._first = -1
        """A pidfd of the half that is process 1 of a namespace."""

    async def enter(self, isolation: Isolation, home: Path) -> None:
        """Have it make the surroundings. Raises Unusable."""
        await self.tell([("order", b"enter"), ("isolation", isolation.encode()), ("home", os.fsencode(home))])
        while not self.pid or (isolation != "none" and self._first < 0):
            report, descriptors = await self.hear()
            if not report or records.first(report, "failed"):
                raise Unusable(
                    f"the house did not open: {records.first(report, 'failed').decode() or 'it died'}"
                )
            if pid := records.first(report, "pid"):
                self.seen_from_here = int(pid)
                self._first = os.pidfd_open(self.seen_from_here)
            self.pid = int(records.first(report, "entered") or self.pid)
            if descriptors:
                self.proc = descriptors[0]

    async def tell(self, order: Records, descriptors: tuple[int, ...] = ()) -> None:
        """Give an order, with copies of these descriptors."""
        data = records.pack(order)
        rights = [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, b"".join(fd.to_bytes(4, "little") for fd in descriptors))
        ]
        sent = await self._connection.sendmsg([data], rights if descriptors else [])
        while sent < len(data):
            sent += await self._connection.send(data[sent:])

    async def hear(self) -> tuple[Records, list[int]]:
        """Return the next report, and the descriptors that came with it."""
        return await receive(self._connection)

    async def close(self) -> None:
        """Have everything die, and wait until it is dead."""
        self._connection.close()
        if self.proc >= 0:
            os.close(self.proc)
        if self._first >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            os.close(self._first)
        handle = os.pidfd_open(self._process.pid)
        try:
            with trio.CancelScope(shield=True), trio.move_on_after(PATIENCE):
                await trio.lowlevel.wait_readable(handle)
        finally:
            os.close(handle)
        self._process.kill()
        self._process.wait()


@asynccontextmanager
async def house(place: Path) -> AsyncIterator[House]:
    """Start a house; at the end everything in it dies."""
    ours, its = socket.socketpair()
    with its:
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - our own, and to start it takes no time
            [place / "house", str(its.fileno())],
            pass_fds=(its.fileno(),),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd="/",
            env={},
            process_group=0,  # Ctrl-C is for us alone
        )
    opened = House(process, trio.socket.from_stdlib_socket(ours))
    try:
        yield opened
    finally:
        await opened.close()


def _try_out(programs: Mapping[str, Path]) -> None:
    """See whether each program can be started at all. Raises Unusable.

    What it does then, without arguments, does not matter; it is killed.
    """
    for path in programs.values():
        try:
            process = subprocess.Popen(  # noqa: S603 - what is to be tested
                [path],
                cwd="/",
                env={},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                process_group=0,
            )
        except OSError as error:
            raise Unusable(f"{path} cannot be executed: {error.strerror}") from None
        process.kill()
        process.wait()


def isolation_in(place: Path) -> Isolation:
    """Try out how runs can be kept apart here."""

    async def works(isolation: Isolation) -> bool:
        try:
            with trio.fail_after(PATIENCE):
                async with house(place) as opened:
                    await opened.enter(isolation, place)
        except (Unusable, trio.TooSlowError):
            return False
        return True

    best: Isolation = "root" if os.geteuid() == 0 else "user"
    return best if trio.run(works, best) else "none"


def _furnish(place: Path, python: Path) -> None:
    """Put the puppet and the house there, compiled, for that Python."""
    package = place / "lib" / "conformance" / "processes"
    package.mkdir(parents=True)
    for name in STANDALONE:
        shutil.copyfile(Path(__file__).with_name(name), package / name)

    def script(module: str, text: str) -> str:
        return f"#!{python} -IS\n{IMPORT.format(lib=str(place / 'lib'), module=module)}{text}"

    (place / "house").write_text(script("house", HOUSE))
    (place / "puppet").write_text(script("puppet", ALONE))
    (place / "puppet.py").write_text(script("puppet", PUPPET))
    _compile(place / "puppet", {"PYTHON": python, "MAIN": place / "puppet.py"})
    subprocess.run(  # noqa: S603 - our own
        [python, "-I", "-m", "compileall", "-q", str(package)], check=True, env={}, stdin=subprocess.DEVNULL
    )
    for path in place.rglob("*"):
        path.chmod(0o755 if path.is_dir() or path.parent == place else 0o644)


def _compile(puppet: Path, paths: Mapping[str, Path]) -> None:
    """Replace the puppet by the compiled one; it stays as it is where that cannot be made."""
    compiler = shutil.which("cc")
    if compiler is not None:
        made = puppet.with_suffix(".compiled")
        defined = [f'-D{name}="{path}"' for name, path in paths.items()]
        command = [compiler, "-O1", "-s", *defined, "-o", str(made), str(LOOK_FIRST)]
        done = subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)  # noqa: S603
        if done.returncode == 0:
            made.replace(puppet)
