"""The stand-in for tcpserver where there is none: one program for each connection, on descriptors 0 and 1.

`python -m fakes listener [opts] HOST PORT prog [arg ...]` takes tcpserver's options and sets the
environment that tcpserver -H -R sets. It looks nothing up: the remote host has no name, the local one
that of `-l`. Two things differ from tcpserver: at SIGTERM (SIGINT, SIGHUP) the connections' programs
are ended too, and none of the options for access rules, IDs and banners exists.
"""

import contextlib
import getopt
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import NamedTuple

import trio

USAGE = "listener: usage: listener [ -1qQvhHrRpPoOdD ] [ -c n ] [ -b n ] [ -l localname ] host port prog"
MISUSED = 100
TROUBLE = 111
BACKLOG = 20
MOST_CONNECTIONS = 40
ENDS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Settings(NamedTuple):
    """What the command line says."""

    host: str
    port: int
    prog: Sequence[str]
    limit: int
    backlog: int
    local_name: str
    is_quiet: bool
    is_verbose: bool
    tells_port: bool


def main(args: Sequence[str]) -> int:
    """Serve until a signal asks for the end; return the exit code."""
    if list(args) == ["--help"]:
        print(USAGE.removeprefix("listener: "))
        return 0
    try:
        settings = parse(args)
    except (getopt.GetoptError, ValueError):
        print(USAGE, file=sys.stderr)
        return MISUSED
    try:
        return trio.run(_Listener(settings).run)
    except OSError as trouble:
        where = f"{settings.host} port {settings.port}"
        print(f"listener: fatal: unable to listen on {where}: {trouble.strerror}", file=sys.stderr)
        return TROUBLE


def parse(args: Sequence[str]) -> Settings:
    """Read the command line. Raises getopt.GetoptError or ValueError."""
    options, operands = getopt.getopt(list(args), "1qQvc:b:l:hHrRpPoOdD")
    given = dict(options)
    host, port, *prog = operands
    limit = _number(given.get("-c", str(MOST_CONNECTIONS)))
    if not prog or limit < 1:
        raise ValueError
    words = [option for option, _ in options if option in {"-q", "-Q", "-v"}]
    return Settings(
        host="0.0.0.0" if host == "0" else host,  # noqa: S104 (as tcpserver does)
        port=_number(port, most=65535),
        prog=prog,
        limit=limit,
        backlog=_number(given.get("-b", str(BACKLOG))),
        local_name=given.get("-l", ""),
        is_quiet=words[-1:] == ["-q"],
        is_verbose=words[-1:] == ["-v"],
        tells_port="-1" in given,
    )


def _number(text: str, most: int = 2**31 - 1) -> int:
    number = int(text) if text.isascii() and text.isdigit() else most + 1
    if number > most:
        raise ValueError
    return number


def ucspi_environment(
    env: Mapping[str, str], local: tuple[str, int], remote: tuple[str, int], local_name: str
) -> dict[str, str]:
    """Return the environment for a connection's program: http://cr.yp.to/ucspi-tcp/environment.html."""
    unknown = {"TCPREMOTEHOST", "TCPREMOTEINFO", "TCPLOCALHOST"}
    known = {name: value for name, value in env.items() if name not in unknown}
    ends = {
        "PROTO": "TCP",
        "TCPLOCALIP": local[0],
        "TCPLOCALPORT": str(local[1]),
        "TCPREMOTEIP": remote[0],
        "TCPREMOTEPORT": str(remote[1]),
    }
    return known | ends | ({"TCPLOCALHOST": local_name} if local_name else {})


class _Listener:
    """One run: accepts, starts programs, waits for them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._free = trio.Semaphore(settings.limit)
        self._running = 0

    async def run(self) -> int:
        listening = trio.socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        with listening, trio.open_signal_receiver(*ENDS) as signals:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            await listening.bind((self._settings.host, self._settings.port))
            listening.listen(self._settings.backlog)
            if self._settings.tells_port:
                print(listening.getsockname()[1], flush=True)
            self._show_status()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._accept, listening, nursery)
                await anext(signals)
                nursery.cancel_scope.cancel()  # run_process sends SIGTERM, five seconds later SIGKILL
        return 0

    async def _accept(self, listening: trio.socket.SocketType, nursery: trio.Nursery) -> None:
        while True:
            await self._free.acquire()  # with too many connections the next ones wait to be accepted
            try:
                connection, remote = await listening.accept()
            except OSError as trouble:
                self._free.release()
                self._complain(f"unable to accept: {trouble.strerror}")
                await trio.sleep(0.1)  # EMFILE does not go away by asking again at once
            else:
                nursery.start_soon(self._serve, connection, remote)

    async def _serve(self, connection: trio.socket.SocketType, remote: tuple[str, int]) -> None:
        self._running += 1
        self._show_status()
        try:
            await self._run_program(connection, remote)
        except* OSError as group:
            trouble = group.exceptions[0]
            reason = trouble.strerror if isinstance(trouble, OSError) else trouble
            self._complain(f"unable to run {self._settings.prog[0]}: {reason}")
        finally:
            connection.close()
            self._running -= 1
            self._free.release()
            self._show_status()

    async def _run_program(self, connection: trio.socket.SocketType, remote: tuple[str, int]) -> None:
        local = connection.getsockname()
        env = ucspi_environment(os.environ, local, remote, self._settings.local_name)
        async with trio.open_nursery() as nursery:
            # trio's sockets do not block, and a program shares that with us: it would read EAGAIN.
            os.set_blocking(connection.fileno(), True)
            start = partial(
                trio.run_process,
                self._settings.prog,
                stdin=connection.fileno(),
                stdout=connection.fileno(),
                check=False,
                env=env,
            )
            process: subprocess.Popen[bytes] | trio.Process = await nursery.start(start)
            connection.close()  # or the client would not see that the program has closed it
            self._say(f"pid {process.pid} from {remote[0]}")
            name = self._settings.local_name
            self._say(f"ok {process.pid} {name}:{local[0]}:{local[1]} :{remote[0]}::{remote[1]}")
        self._say(f"end {process.pid} status {_wait_status(process.returncode or 0)}")

    def _show_status(self) -> None:
        self._say(f"status: {self._running}/{self._settings.limit}")

    def _say(self, what: str) -> None:
        if self._settings.is_verbose:
            _log(what)

    def _complain(self, what: str) -> None:
        if not self._settings.is_quiet:
            _log(what)


def _wait_status(code: int) -> int:
    """Return what wait(2) says about an exit code, or a signal if it is negative; tcpserver shows that."""
    return code << 8 if code >= 0 else -code


def _log(what: str) -> None:
    with contextlib.suppress(OSError):  # a log that cannot be written does not end the service
        os.write(2, f"listener: {what}\n".encode(errors="surrogateescape"))
