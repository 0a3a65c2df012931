"""`python -m fakes demo`: both services on loopback, with a live log, until somebody says stop.

Listeners and chains run apart from our terminal, so Ctrl-C reaches only us, and we end them in order
and look whether anybody is left. We always read what they log, so they never wait for us.

Exit code: 0 after SIGINT, SIGTERM, SIGHUP, or when nobody reads what is printed; 1 if it cannot
start, or a listener ends by itself; 2 for a bad command line.
"""

import argparse
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import trio

from fakes import demo_text
from fakes.demo_house import alices_uid, environment, furnish
from fakes.demo_log import LiveLog
from fakes.demo_screen import LAST_WORDS, Screen
from fakes.demo_service import CannotStart, Service
from fakes.demo_text import Ports, Situation
from fakes.installation import NotPossible, installation, reachable_directory

ADDRESS = "127.0.0.1"
ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
MOST_CONNECTIONS = 40


class Settings(NamedTuple):
    """What the command line says; `tcpserver` is its path, None for the stand-in."""

    ports: Ports
    tcpserver: str | None


def main(args: Sequence[str]) -> int:
    """Run the demo; return the exit code."""
    try:
        return trio.run(_run, _parse(args))
    except NotPossible as trouble:
        print(f"demo: {trouble}", file=sys.stderr)
        return 1


def _parse(args: Sequence[str]) -> Settings:
    parser = argparse.ArgumentParser(
        prog="demo", description="Submission and POP3 on 127.0.0.1, ready to use, with a live log."
    )
    parser.add_argument("--submission", type=_port, default=2626, metavar="PORT", help="default: 2626")
    parser.add_argument("--pop3", type=_port, default=2110, metavar="PORT", help="default: 2110; 0: any")
    parser.add_argument(
        "--listener",
        choices=("tcpserver", "standin"),
        help="default: tcpserver where it is installed, else the stand-in (python -m fakes listener)",
    )
    given = parser.parse_args(args)
    tcpserver = shutil.which("tcpserver")
    if given.listener == "tcpserver" and not tcpserver:
        parser.error("tcpserver is not installed (Debian: apt-get install ucspi-tcp)")
    return Settings(Ports(given.submission, given.pop3), None if given.listener == "standin" else tcpserver)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


async def _run(settings: Settings) -> int:
    with trio.open_signal_receiver(*ENDS) as signals, ExitStack() as stack:
        _require_free(settings.ports)
        uid = alices_uid()
        programs = stack.enter_context(installation(uid))
        directory = stack.enter_context(reachable_directory(uid, "acceptutils-demo-"))
        furnish(directory, programs, uid)
        return await _Demo(settings, directory, programs, uid).run(signals)
    raise AssertionError("an exit stack swallowed an exception")


def _require_free(ports: Ports) -> None:
    """Make sure that nobody has these ports, while there is nothing yet to clean up. Raises NotPossible."""
    with ExitStack() as stack:
        for port, variable in zip(ports, ("SUBMISSION", "POP3"), strict=True):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as listeners do
            try:
                sock.bind((ADDRESS, port))
                sock.listen()  # who only binds may share a port
            except OSError as trouble:
                raise NotPossible(
                    f"port {port}: {trouble.strerror} (choose another: make demo {variable}=PORT)"
                ) from None


class _Demo:
    """One run, from the first listener to the end of the last process."""

    def __init__(self, settings: Settings, directory: Path, programs: Path, uid: int) -> None:
        self._tcpserver = settings.tcpserver
        self._directory = directory
        self._uid = uid
        self._screen = Screen(1)
        standin = [f"{programs}/python3", "-I", "-m", "fakes", "listener"]
        listener = [self._tcpserver] if self._tcpserver else standin
        options = ["-1", "-v", "-H", "-R", "-l", "0", "-c", str(MOST_CONNECTIONS), ADDRESS]
        chains = {
            "smtp": [str(settings.ports.submission), *demo_text.SUBMISSION_CHAIN],
            "pop3": [str(settings.ports.pop3), *demo_text.POP3_CHAIN],
        }
        env = environment(directory)
        self._services = {name: Service([*listener, *options, *chain], env) for name, chain in chains.items()}
        self._end = trio.Event()
        self._trouble = ""

    async def run(self, signals: AsyncIterator[int]) -> int:
        """Serve until it ends; return the exit code."""
        async with trio.open_nursery() as printing:
            printing.start_soon(self._print)
            async with trio.open_nursery() as logging:
                try:
                    await self._serve(logging, signals)
                finally:
                    with trio.CancelScope(shield=True):
                        await self._stop()
                logging.cancel_scope.deadline = trio.current_time() + LAST_WORDS
            self._screen.show("demo: all processes have ended, both ports are free")
            self._screen.close()
            printing.cancel_scope.deadline = trio.current_time() + LAST_WORDS
        return 1 if self._trouble else 0

    async def _serve(self, logging: trio.Nursery, signals: AsyncIterator[int]) -> None:
        """Start both listeners, print what they are good for, and wait for a reason to end."""
        async with trio.open_nursery() as watching:
            watching.start_soon(self._await_signal, signals)
            try:
                ports = Ports(*[await service.start() for service in self._services.values()])
            except CannotStart as trouble:
                self._give_up(str(trouble))
            else:
                self._screen.show(demo_text.introduction(self._situation(ports)))
                for name, service in self._services.items():
                    watching.start_soon(self._watch, name, service)
                    log = LiveLog(name, self._users())
                    logging.start_soon(service.show_log, log, self._screen.show_entry)
            await self._end.wait()
            watching.cancel_scope.cancel()

    async def _stop(self) -> None:
        self._screen.show("", f"demo: {self._trouble or 'ending'}")
        for service in self._services.values():
            await service.end()

    async def _print(self) -> None:
        await self._screen.run()
        self._end.set()

    async def _await_signal(self, signals: AsyncIterator[int]) -> None:
        await anext(signals)
        self._end.set()

    async def _watch(self, name: str, service: Service) -> None:
        code = await service.wait()
        self._give_up(f"the listener of {name} has ended, exit code {code}")

    def _give_up(self, trouble: str) -> None:
        self._trouble = self._trouble or trouble
        self._end.set()

    def _situation(self, ports: Ports) -> Situation:
        return Situation(
            ports=ports,
            directory=self._directory,
            listener="tcpserver" if self._tcpserver else "a stand-in for tcpserver",
            uid=self._uid,
            is_root=os.geteuid() == 0,
            can_pretend=_can_pretend(),
            has_curl=shutil.which("curl") is not None,
            python=demo_text.python_command(shutil.which("python3")),
        )

    def _users(self) -> dict[int, str]:
        if os.geteuid() == 0:
            return {0: "root", self._uid: "alice"}
        return {0: "root of nothing", self._uid: _name_of(self._uid)}


def _can_pretend() -> bool:
    """Say whether we can become UID 0 in a user namespace, as `checkpassword --pretend-uid` does."""
    command = ["unshare", "--map-root-user", "true"]
    try:
        done = subprocess.run(command, check=False, capture_output=True)  # noqa: S603
    except OSError:
        return False
    return done.returncode == 0


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return ""
