"""The demo as its users have it: started as a program, its commands pasted into a shell, Ctrl-C.

Once with tcpserver as whoever runs the tests, and once with the stand-in; the latter as an ordinary
user if root runs the tests.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fakes import demo, demo_service, demo_text
from tests.sessions.real_chain import UID

PATIENCE = 60
IS_ROOT = os.getuid() == 0
HAS_CURL = shutil.which("curl") is not None
Start = Callable[..., "Running"]


class Running:
    """A demo on ports that were free."""

    def __init__(self, output: Path, python: Path | str, *args: str, ordinary: bool = False) -> None:
        self._output = output
        user = {"user": UID, "group": UID, "extra_groups": []} if ordinary and IS_ROOT else {}
        with output.open("wb") as file:
            self.process: subprocess.Popen[bytes] = subprocess.Popen(  # type: ignore[call-overload]
                [python, "-I", "-m", "fakes", "demo", "--submission", "0", "--pop3", "0", *args],
                stdout=file,
                stderr=subprocess.STDOUT,
                cwd="/",
                **user,
            )
        self.wait_for("Live log.*\n")
        ports = re.search(r"127.0.0.1:(\d+), POP3 on 127.0.0.1:(\d+)", self.text())
        assert ports
        self.submission, self.pop3 = int(ports[1]), int(ports[2])
        self.listeners = [int(pid) for pid in self._children()]
        self.directory = Path(self.wait_for(r"Files: (\S+),")[1])

    def text(self) -> str:
        return self._output.read_text()

    def log(self) -> str:
        return self.text().partition("\nLive log")[2]

    def wait_for(self, pattern: str) -> re.Match[str]:
        deadline = time.monotonic() + PATIENCE
        while not (match := re.search(pattern, self.text())):
            assert time.monotonic() < deadline, f"no {pattern} in:\n{self.text()}"
            assert self.process.poll() is None, self.text()
            time.sleep(0.02)
        return match

    def commands(self) -> dict[str, str]:
        blocks = self.text().partition("\nLive log")[0].split("\n# ")[1:]
        return {title: text for title, _, text in (block.partition("\n") for block in blocks)}

    def connect(self, port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)

    def everybody(self) -> list[int]:
        return [pid for listener in self.listeners for pid in demo_service.members(listener)]

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def _children(self) -> list[str]:
        tasks = Path(f"/proc/{self.process.pid}/task")  # any thread of trio may have started them
        return [pid for children in tasks.glob("*/children") for pid in children.read_text().split()]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[Running] = []

    def start_one(*args: str, python: Path | str = sys.executable, ordinary: bool = False) -> Running:
        running.append(Running(tmp_path / f"output{len(running)}", python, *args, ordinary=ordinary))
        return running[-1]

    yield start_one
    for one in running:
        if one.process.poll() is None:
            one.end()


def paste(command: str) -> tuple[int, str]:
    done = subprocess.run(
        ["sh"], input=command, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    return done.returncode, done.stdout + done.stderr


def paste_all(one: Running) -> Mapping[str, tuple[int, str]]:
    """Paste what works in its order, and what waits five seconds all at once."""
    refused = {title: text for title, text in one.commands().items() if "efus" in title and "-u " in text}
    refused |= {title: text for title, text in one.commands().items() if title.startswith("Both")}
    with ThreadPoolExecutor() as pool:
        waiting = {title: pool.submit(paste, text) for title, text in refused.items()}
        results = {title: paste(text) for title, text in one.commands().items() if title not in refused}
        return results | {title: future.result() for title, future in waiting.items()}


def is_free(port: int) -> bool:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind(("127.0.0.1", port))
            sock.listen()
        except OSError:
            return False
    return True


def check_results(results: Mapping[str, tuple[int, str]]) -> None:
    remaining = dict(results)
    if HAS_CURL:
        assert remaining.pop("Alice sends a message with curl") == (0, "accepted\n")
        code, mail = remaining.pop(
            "... and reads it (a plain -u would make curl use APOP, which authup refuses)"
        )
        assert code == 0
        assert "\r\nSubject: hello\r\n\r\nSent with curl.\r\n" in mail.replace("\n", "\r\n")
        wrong = remaining.pop("A wrong password: refused after 5 seconds")
        guess = remaining.pop("The right password of root, guessed: refused alike. Only the log knows why")
        assert wrong == guess == (67, "curl: (67) Login denied\n")
    assert remaining.pop("Alice sends a message with Python") == (0, "accepted\n")
    code, mail = remaining.pop("... and reads all messages")
    assert code == 0
    assert "Subject: hi\n\nSent with Python." in mail
    code, refusals = remaining.pop("Both refusals once more, by POP3")
    assert code == 0
    refusal = r"b'-ERR authup authorization failed' 5\.\d s\n"
    assert re.fullmatch(f"alice wrong {refusal}root letmein {refusal}", refusals)
    assert not remaining


def check_log(log: str, *, as_root: bool) -> None:
    first, then = ("root (UID 0)", f"alice (UID {UID})") if as_root else (f"UID {UID}", f"UID {UID}")
    assert re.search(rf"smtp \d+ +checkpassword +\d+ starts as .*{re.escape(first)}\n", log)
    for program in ("checknotroot", "fixsmtpio", "ofmipd"):
        assert re.search(rf"smtp \d+ +{program} +\d+ starts as .*{re.escape(then)}\n", log), program
    assert re.search(rf"pop3 \d+ +pop3d +\d+ starts as .*{re.escape(then)}\n", log)
    assert "server: 220 ofmipd.local ESMTP\n" in log
    assert " rules: 235 ok, go ahead (#2.0.0)\n" in log
    assert re.search(r" client: \(a message, \d+ bytes\)\n", log)
    assert "Sent with" not in log
    assert " rules: 221 demo.example.org acceptutils\n" in log
    assert "somebody wants to log in as root\n" in log
    assert log.count("login refused") == (4 if HAS_CURL else 2)
    for password in (demo_text.ALICE_PASSWORD, demo_text.ROOT_PASSWORD, "AGFsaWNl"):
        assert password not in log


def check_end(one: Running, number: int) -> None:
    directory = one.directory
    assert one.end(number) == 0
    assert one.everybody() == []
    assert is_free(one.submission)
    assert is_free(one.pop3)
    assert not directory.exists()
    assert "\ndemo: ending\n" in one.text()
    assert one.text().endswith("\ndemo: all processes have ended, both ports are free\n")
    assert "Traceback" not in one.text()


@pytest.mark.skipif(shutil.which("tcpserver") is None, reason="tcpserver is not installed")
def test_with_tcpserver(start: Start) -> None:
    one = start("--listener", "tcpserver")
    assert "For each connection tcpserver runs" in one.text()
    check_results(paste_all(one))
    check_log(one.log(), as_root=IS_ROOT)
    if IS_ROOT:
        assert one.log().count("WAS RUNNING AS ROOT, TERMINATING") == (2 if HAS_CURL else 1)
        mails = list((one.directory / "alice" / "Maildir").glob("[nc][eu][wr]/*"))
        assert mails
        assert all(mail.stat().st_uid == UID for mail in mails)
    check_end(one, signal.SIGINT)


def test_with_the_stand_in_as_an_ordinary_user(start: Start, programs: Path) -> None:
    one = start("--listener", "standin", python=programs / "python3", ordinary=True)
    assert "For each connection a stand-in for tcpserver runs" in one.text()
    assert f"You are not root, so all of it runs as you, UID {UID}." in one.text()
    check_results(paste_all(one))
    check_log(one.log(), as_root=False)
    pretends = "user namespace of its own" in one.text()
    terminated = one.log().count("WAS RUNNING AS ROOT, TERMINATING")
    assert terminated == ((2 if HAS_CURL else 1) if pretends else 0)
    check_end(one, signal.SIGINT)


@pytest.mark.parametrize(("listener", "number"), [("standin", signal.SIGTERM), ("tcpserver", signal.SIGHUP)])
def test_it_ends_whatever_is_going_on(start: Start, listener: str, number: int) -> None:
    if not shutil.which(listener) and listener == "tcpserver":
        pytest.skip("tcpserver is not installed")
    one = start("--listener", listener)
    with one.connect(one.submission) as idle, one.connect(one.submission) as logged_in:
        assert idle.recv(100).startswith(b"220 ")
        logged_in.sendall(b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nDATA\r\n")
        with one.connect(one.pop3) as refused:
            refused.sendall(b"USER alice\r\nPASS wrong\r\n")
            one.wait_for("354 go ahead")
            one.wait_for("login refused")
            assert len(one.everybody()) >= 8
            began = time.monotonic()
            check_end(one, number)
            assert time.monotonic() - began < 5
            assert idle.recv(100) == b"421 authup shutting down (#4.3.2)\r\n"
            assert idle.recv(100) == b""
            assert _all_said(refused).endswith(b"-ERR [SYS/TEMP] authup shutting down\r\n")
            assert _all_said(logged_in).endswith(b"\r\n354 go ahead\r\n")


def test_a_terminal_that_takes_nothing_holds_nobody_up(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    while _fill(writing):
        pass
    os.set_blocking(writing, True)
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "fakes", "demo", "--submission", "0", "--pop3", "0"],
        stdout=writing,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
    )
    os.close(writing)
    port = _listening_port(process)
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as sock:
        assert sock.recv(100)
    process.terminate()
    assert process.wait(PATIENCE) == 0
    os.close(reading)


def test_it_ends_when_nobody_reads_any_more() -> None:
    process = subprocess.Popen(
        [sys.executable, "-I", "-m", "fakes", "demo", "--submission", "0", "--pop3", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout
    first = process.stdout.readline().decode()
    process.stdout.close()
    port = int(re.search(r"127.0.0.1:(\d+)", first)[1])  # type: ignore[index]
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE):
        assert process.wait(PATIENCE) == 0
    assert is_free(port)


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert demo.main(["--submission", "0", "--pop3", str(port)]) == 1
    expected = f"demo: port {port}: Address already in use (choose another: make demo POP3=PORT)\n"
    assert capsys.readouterr() == ("", expected)


@pytest.mark.parametrize("args", [["--submission", "x"], ["--pop3", "65536"], ["--pop3", "-1"], ["more"]])
def test_bad_command_lines(args: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        demo.main(args)
    assert "demo: error: " in capsys.readouterr().err


def test_without_curl_python_does_it_all(tmp_path: Path) -> None:
    situation = demo_text.Situation(
        ports=demo_text.Ports(12345, 54321),
        directory=tmp_path,
        listener="a stand-in for tcpserver",
        uid=4294967294,
        is_root=False,
        can_pretend=False,
        has_curl=False,
        python="python3",
    )
    assert len(demo_text.commands(situation)) == 3
    assert "curl -" not in demo_text.introduction(situation)
    everything = demo_text.introduction(situation._replace(has_curl=True, can_pretend=True))
    assert all(len(line) <= 100 or str(tmp_path) in line for line in everything.splitlines())


def test_the_rules_are_the_seed_pages() -> None:
    lines = (demo_text.EXAMPLES / "fixsmtpio").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) == 13
    assert len(lines) == 22


def _all_said(sock: socket.socket) -> bytes:
    said = b""
    while piece := sock.recv(65536):
        said += piece
    return said


def _fill(fd: int) -> bool:
    try:
        os.write(fd, b"\n" * 4096)
    except BlockingIOError:
        return False
    return True


def _listening_port(process: subprocess.Popen[bytes]) -> int:
    """Return a port that a child of the process listens on."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        for children in Path(f"/proc/{process.pid}/task").glob("*/children"):
            for pid in children.read_text().split():
                if port := _port_of(pid):
                    return port
        time.sleep(0.05)
    raise AssertionError("nobody listens")


def _port_of(pid: str) -> int | None:
    sockets = set()
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        try:
            sockets.add(os.readlink(link))
        except OSError:
            continue
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
            return int(fields[1].rpartition(":")[2], 16)
    return None
