"""The stand-in for tcpserver: the same to its programs and to its clients."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fakes import listener

Start = Callable[..., "Running"]
STANDIN = [sys.executable, "-I", "-m", "fakes", "listener"]
TCPSERVER = shutil.which("tcpserver")


class Running:
    """A listener on a port that was free."""

    def __init__(self, command: list[str], log: Path, *args: str, env: dict[str, str] | None = None) -> None:
        self._log = log
        with log.open("wb") as stderr:
            self.process = subprocess.Popen(
                [*command, "-1", *args], stdout=subprocess.PIPE, stderr=stderr, text=True, env=env
            )
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def all_said(self) -> bytes:
        with self.connect() as sock:
            said = b""
            while piece := sock.recv(65536):
                said += piece
            return said

    def log(self) -> str:
        return self._log.read_text()

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(20)
        assert self.process.stdout
        self.process.stdout.close()
        return code


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Running] = []

    def start_one(*args: str, command: list[str] = STANDIN, env: dict[str, str] | None = None) -> Running:
        running.append(Running(command, tmp_path / f"log{len(running)}", *args, env=env))
        return running[-1]

    yield start_one
    for one in running:
        if one.process.poll() is None:
            one.end()


SHOW = r"""
import os, sys, signal
names = "PROTO TCPLOCALIP TCPLOCALPORT TCPLOCALHOST TCPREMOTEIP TCPREMOTEPORT TCPREMOTEHOST TCPREMOTEINFO"
for name in names.split():
    print(name, os.environ.get(name))
print("blocking", os.get_blocking(0), os.get_blocking(1))
print("descriptors", [fd for fd in range(20) if os.path.exists(f"/proc/self/fd/{fd}")])
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print("mask", status["SigBlk"].strip())
"""


def told(start: Start, command: list[str]) -> str:
    env = {"PATH": "/usr/bin:/bin", "TCPREMOTEHOST": "x", "TCPREMOTEINFO": "y"}
    script = f"{shutil.which('true')}; exec {sys.executable} -I -c '{SHOW}'"
    one = start("-H", "-R", "-l", "me", "127.0.0.1", "0", "sh", "-c", script, command=command, env=env)
    said = one.all_said().decode()
    one.end()
    said = said.replace(f"TCPLOCALPORT {one.port}\n", "TCPLOCALPORT ours\n")
    return re.sub(r"TCPREMOTEPORT \d+", "TCPREMOTEPORT theirs", said)


def test_programs_see_the_ucspi_environment(start: Start) -> None:
    assert told(start, STANDIN).splitlines() == [
        "PROTO TCP",
        "TCPLOCALIP 127.0.0.1",
        "TCPLOCALPORT ours",
        "TCPLOCALHOST me",
        "TCPREMOTEIP 127.0.0.1",
        "TCPREMOTEPORT theirs",
        "TCPREMOTEHOST None",
        "TCPREMOTEINFO None",
        "blocking True True",
        "descriptors [0, 1, 2]",
        "mask 0000000000000000",
    ]


@pytest.mark.skipif(TCPSERVER is None, reason="tcpserver is not installed")
def test_programs_see_what_tcpserver_shows_them(start: Start) -> None:
    assert TCPSERVER is not None
    assert told(start, STANDIN) == told(start, [TCPSERVER])


@pytest.mark.parametrize(
    "command",
    [
        STANDIN,
        pytest.param([TCPSERVER], marks=pytest.mark.skipif(TCPSERVER is None, reason="not installed")),
    ],
)
def test_its_log_is_tcpservers(start: Start, command: list[str]) -> None:
    one = start("-v", "-HR", "-l0", "-c2", "127.0.0.1", "0", "sh", "-c", "echo $$; exit 3", command=command)
    pid = int(one.all_said())
    while "end" not in one.log() or one.log().count("0/2") < 2:
        assert one.process.poll() is None
    lines = [re.sub(r"^(tcpserver|listener): ", "", line) for line in one.log().splitlines()]
    lines = [re.sub(r"::\d+$", "::PORT", line) for line in lines]
    assert lines == [
        "status: 0/2",
        "status: 1/2",
        f"pid {pid} from 127.0.0.1",
        f"ok {pid} 0:127.0.0.1:{one.port} :127.0.0.1::PORT",
        f"end {pid} status 768",
        "status: 0/2",
    ]


def test_it_carries_both_ways_and_sees_the_end(start: Start) -> None:
    one = start("127.0.0.1", "0", "cat")
    data = os.urandom(300_000)
    with one.connect() as sock:
        echoed = b""
        for at in range(0, len(data), 1000):
            sock.sendall(data[at : at + 1000])
            echoed += sock.recv(1000)
        sock.shutdown(socket.SHUT_WR)
        while piece := sock.recv(65536):
            echoed += piece
    assert echoed == data
    assert one.log() == ""


def test_too_many_wait_for_their_turn(start: Start) -> None:
    one = start("-c", "1", "127.0.0.1", "0", "sh", "-c", "echo hello; read line")
    with one.connect() as first, one.connect() as second:
        assert first.recv(100) == b"hello\n"
        second.settimeout(0.3)
        with pytest.raises(TimeoutError):
            second.recv(100)
        first.sendall(b"\n")
        second.settimeout(10)
        assert second.recv(100) == b"hello\n"


def test_a_program_that_cannot_be_run_ends_only_its_connection(start: Start) -> None:
    one = start("127.0.0.1", "0", "/nonexistent/prog")
    assert one.all_said() == b""
    assert one.all_said() == b""
    assert (
        one.log().splitlines() == ["listener: unable to run /nonexistent/prog: No such file or directory"] * 2
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_it_and_its_programs(start: Start, number: int) -> None:
    one = start("127.0.0.1", "0", "sh", "-c", "echo $$; exec sleep 1000")
    with one.connect() as sock:
        pid = int(sock.recv(100))
        assert one.end(number) == 0
        assert sock.recv(100) == b""
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    with socket.socket() as again:
        again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        again.bind(("127.0.0.1", one.port))


@pytest.mark.parametrize(
    "args",
    [
        "", "127.0.0.1", "127.0.0.1 0", "127.0.0.1 smtp cat", "127.0.0.1 65536 cat", "127.0.0.1 -1 cat",
        "-c 0 127.0.0.1 0 cat", "-c x 127.0.0.1 0 cat", "-z 127.0.0.1 0 cat", "-c",
    ],
)  # fmt: skip
def test_bad_command_lines(args: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert listener.main(args.split()) == 100
    assert capsys.readouterr().err.startswith("listener: usage: ")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert listener.main(["--help"]) == 0
    assert capsys.readouterr().out.startswith("usage: listener ")


def test_a_port_that_is_taken(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    one = start("127.0.0.1", "0", "cat")
    assert listener.main(["127.0.0.1", str(one.port), "cat"]) == 111
    said = f"listener: fatal: unable to listen on 127.0.0.1 port {one.port}: Address already in use\n"
    assert capsys.readouterr().err == said


def test_options_are_tcpservers() -> None:
    options = ["-q", "-v", "-Q", "-1", "-HRPOD", "-b5", "-c7", "-l", "name"]
    parsed = listener.parse([*options, "0", "25", "prog", "-x"])
    assert parsed == listener.Settings(
        host="0.0.0.0",  # noqa: S104
        port=25,
        prog=["prog", "-x"],
        limit=7,
        backlog=5,
        local_name="name",
        is_quiet=False,
        is_verbose=False,
        tells_port=True,
    )
