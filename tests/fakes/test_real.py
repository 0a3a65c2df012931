"""The fakes as real programs: real pipes, sockets, files, UIDs. Each test starts processes."""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fakes.__main__ import FAKES
from fakes.programs import PROGRAMS

REPOSITORY = Path(__file__).parents[2]
FAKE = [sys.executable, "-m", "fakes"]
TIMEOUT = 30
ALICE = 61_234
SOMEBODY = ALICE if os.getuid() == 0 else os.getuid()
needs_root = pytest.mark.skipif(
    os.getuid() != 0, reason="NOT TESTED: changing the UID for real needs root; run the tests as root too"
)

# Python itself may lie where only root can read it, so everything is imported before setuid().
AS_SOMEBODY = (
    "import importlib, os, sys; from fakes import __main__, real; name = sys.argv[1];"
    "module, function = __main__.FAKES[name]; fake = getattr(importlib.import_module(module), function);"
    f"os.getuid() == 0 and (os.setgid({SOMEBODY}), os.setuid({SOMEBODY}));"
    "sys.exit(real.run(name, fake, real.bytes_of_command_line()[1:]))"
)
SESSION = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n%b\r\n.\r\nQUIT\r\n"


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that SOMEBODY can enter; pytest's own is only for who runs the tests."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o711)  # noqa: S103 (only so far)
        (Path(name) / "home").mkdir()
        os.chown(Path(name) / "home", SOMEBODY, SOMEBODY)
        yield Path(name)


def run(
    *args: str | bytes,
    sent: bytes = b"",
    command: Sequence[str] = FAKE,
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*command, *args],
        input=sent,
        capture_output=True,
        timeout=TIMEOUT,
        cwd=REPOSITORY,
        check=False,
    )


def shell(script: str, *args: str) -> subprocess.CompletedProcess[bytes]:
    return run(command=["/bin/sh", "-c", script, "sh", *FAKE, *args])


def as_somebody(*args: str, sent: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return run(*args, sent=sent, command=[sys.executable, "-c", AS_SOMEBODY])


def deliver(maildir: Path, text: bytes) -> None:
    done = run("ofmipd", "--maildir", str(maildir), sent=SESSION % text)
    assert (done.returncode, done.stdout[-26:], done.stderr) == (
        0,
        b"250 ok\r\n221 ofmipd.local\r\n"[-26:],
        b"",
    )
    for directory, _, names in os.walk(maildir):
        for name in ("", *names):
            os.chown(Path(directory) / name, SOMEBODY, SOMEBODY)


def test_what_ofmipd_takes_pop3d_serves(place: Path) -> None:
    maildir = place / "Maildir"
    deliver(maildir, b"Subject: x\r\n\r\n..dot")
    assert [path.stat().st_mode & 0o777 for path in (maildir / "new").iterdir()] == [0o600]
    got = as_somebody("pop3d", str(maildir), sent=b"RETR 1\r\nQUIT\r\n")
    lines = [
        b"Return-Path: <a@b>",
        b"Delivered-To: <c@d>",
        b"Subject: x",
        b"",
        b"..dot",
        b"",
        b".",
        b"+OK ",
        b"",
    ]
    assert (got.returncode, got.stderr) == (0, b"")
    assert got.stdout.split(b"\r\n") == [b"+OK ", b"+OK ", *lines]
    assert [path.name[-3:] for path in (maildir / "cur").iterdir()] == [":2,"]
    assert [*(maildir / "new").iterdir(), *(maildir / "tmp").iterdir()] == []
    gone = as_somebody("qmail-pop3d", str(maildir), sent=b"DELE 1\r\nQUIT\r\n")
    assert (gone.stdout, list((maildir / "cur").iterdir())) == (b"+OK \r\n+OK \r\n+OK \r\n", [])


@needs_root
def test_pop_3_as_root(place: Path) -> None:
    done = run("pop3d", str(place), sent=b"QUIT\r\n")
    want = (1, b"", b"qmail-pop3d invoked as uid 0, terminating\n")
    assert (done.returncode, done.stdout, done.stderr) == want


def test_disk_trouble_is_a_reply(place: Path) -> None:
    (place / "file").write_bytes(b"")
    done = run("ofmipd", "--maildir", str(place / "file" / "Maildir"), sent=SESSION % b"")
    assert b"354 go ahead\r\n451 qq temporary problem (#4.3.0)\r\n221 " in done.stdout
    assert (done.returncode, done.stderr) == (0, b"")


def test_regular_files_as_standard_input_and_output(place: Path) -> None:
    (place / "in").write_bytes(b"NOOP\r\nQUIT\r\n")
    done = shell(f'"$@" ofmipd <{place}/in >{place}/out')
    assert (done.returncode, done.stderr) == (0, b"")
    assert (place / "out").read_bytes() == b"220 ofmipd.local ESMTP\r\n250 ok\r\n221 ofmipd.local\r\n"


@pytest.mark.parametrize(
    ("redirections", "code"),
    [
        ("<&-", 1),
        ("</dev/null", 1),
        (">&-", 1),
        ("<&- >&- 2>&-", 1),
        ("2>&- </dev/null", 1),
        (">/dev/full", 1),
    ],
)
def test_closed_descriptors_do_no_harm(redirections: str, code: int) -> None:
    done = shell(f'"$@" ofmipd {redirections}')
    assert (done.returncode, done.stderr) == (code, b"")


def test_descriptors_that_others_share_stay_blocking() -> None:
    ours, theirs = socket.socketpair()
    with (
        ours,
        theirs,
        subprocess.Popen(
            [*FAKE, "ofmipd"], stdin=theirs.fileno(), stdout=theirs.fileno(), cwd=REPOSITORY
        ) as fake,
    ):
        assert ours.recv(100) == b"220 ofmipd.local ESMTP\r\n"
        assert not fcntl.fcntl(theirs, fcntl.F_GETFL) & os.O_NONBLOCK
        ours.sendall(b"NO")
        ours.sendall(b"OP\r\n")
        assert ours.recv(100) == b"250 ok\r\n"
        theirs.setblocking(False)  # nor does it mind if somebody else sets it
        ours.sendall(b"QUIT\r\n")
        assert ours.recv(100) == b"221 ofmipd.local\r\n"
        assert fake.wait(TIMEOUT) == 0


@pytest.mark.parametrize("carrier", ["pipe", "socket", "nonblocking socket"])
def test_a_large_message_goes_through(place: Path, carrier: str) -> None:
    text = b"0123456789\r\n" * 300_000
    deliver(place / "Maildir", text.removesuffix(b"\r\n"))
    command = [sys.executable, "-c", AS_SOMEBODY, "pop3d", str(place / "Maildir")]
    if carrier == "pipe":
        got = run(sent=b"RETR 1\r\n", command=command).stdout
    else:
        ours, theirs = socket.socketpair()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        theirs.setblocking(carrier == "socket")
        with ours, subprocess.Popen(command, stdin=theirs.fileno(), stdout=theirs.fileno(), cwd=REPOSITORY):
            theirs.close()
            ours.sendall(b"RETR 1\r\n")
            ours.shutdown(socket.SHUT_WR)
            with ours.makefile("rb") as file:
                got = file.read()
    assert got.endswith(b"<c@d>\r\n" + text + b"\r\n.\r\n")


def test_a_client_that_leaves_ends_it_quietly() -> None:
    with subprocess.Popen(
        [*FAKE, "ofmipd"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
    ) as fake:
        assert fake.stdin is not None
        assert fake.stdout is not None
        assert fake.stderr is not None
        fake.stdout.readline()
        fake.stdout.close()
        fake.stdin.write(b"NOOP\r\n")
        fake.stdin.flush()
        assert (fake.wait(TIMEOUT), fake.stderr.read()) == (1, b"")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_kill_it_without_words(number: signal.Signals) -> None:
    with subprocess.Popen(
        [*FAKE, "ofmipd"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=REPOSITORY,
    ) as fake:
        assert fake.stdout is not None
        fake.stdout.readline()
        fake.send_signal(number)
        assert fake.communicate(timeout=TIMEOUT) == (b"", b"")
        assert fake.returncode == -number


@pytest.mark.parametrize("name", ["SEGV", "KILL", "SIGPIPE", "xfsz"])
def test_a_crash_is_a_real_signal(name: str) -> None:
    done = run("ofmipd", "--crash", f"noop={name}", sent=b"HELO x\r\nNOOP\r\n")
    assert done.returncode == -signal.Signals["SIG" + name.upper().removeprefix("SIG")]
    assert (done.stdout, done.stderr) == (b"220 ofmipd.local ESMTP\r\n250 ofmipd.local\r\n", b"")


RECORD = (
    'user=$1 password=$2; shift 2; { printf "%s\\0%s\\0\\0" "$user" "$password" | "$@" 3<&0 0<&4 4<&-; } 4<&0'
)


def login(
    place: Path, user: str, password: str, *program: str, command: Sequence[str] = FAKE
) -> subprocess.CompletedProcess[bytes]:
    """Run checkpassword with this record on descriptor 3, a pipe."""
    fake = [*command, "checkpassword", "--users", str(place / "users"), *program]
    return run(command=["/bin/sh", "-c", RECORD, "sh", user, password, *fake], sent=b"input")


def add_user(place: Path, name: str, password: bytes, uid: int, home: Path) -> None:
    done = run("passwd", name, str(uid), str(uid), str(home), "/bin/sh", sent=password + b"\n")
    assert (done.returncode, done.stderr) == (0, b"")
    with open(place / "users", "ab") as users:
        users.write(done.stdout)


@needs_root
def test_checkpassword_really_becomes_the_user(place: Path) -> None:
    add_user(place, "alice", b"wonder", ALICE, place / "home")
    script = 'id -u; id -ru; id -g; id -G; pwd; echo "$USER $HOME $SHELL"; ls /proc/self/fd; cat; exit 77'
    done = login(place, "alice", "wonder", "sh", "-c", script)
    home = str(place / "home")
    want = f"{ALICE}\n{ALICE}\n{ALICE}\n{ALICE}\n{home}\nalice {home} /bin/sh\n0\n1\n2\n3\ninput"
    assert (done.returncode, done.stderr) == (77, b"")
    assert done.stdout.decode() == want  # 3 is ls reading the directory


@needs_root
def test_checkpassword_lets_root_through(place: Path) -> None:
    add_user(place, "root", b"toor", 0, place)
    done = login(place, "root", "toor", "id", "-u")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"0\n", b"")


def test_checkpassword_refuses_silently(place: Path) -> None:
    add_user(place, "alice", b"wonder", SOMEBODY, place / "home")
    for user, password in (("alice", "Wonder"), ("bob", "wonder"), ("", "")):
        done = login(place, user, password, "echo", "no")
        assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")
    done = login(place, "alice", "wonder", "/nowhere/to/be/found")
    assert (done.returncode, done.stdout, done.stderr) == (111, b"", b"")


def test_checkpassword_without_root_stays_who_it_is(place: Path) -> None:
    add_user(place, "alice", b"wonder", 1, place / "home")
    command = [sys.executable, "-c", AS_SOMEBODY]
    done = login(place, "alice", "wonder", "sh", "-c", 'id -u; pwd; echo "$USER"', command=command)
    want = f"{SOMEBODY}\n{place / 'home'}\nalice\n"
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, want, b"")


def can_pretend() -> bool:
    if shutil.which("unshare") is None:
        return False
    user = SOMEBODY if os.getuid() == 0 else None
    unshare = ["unshare", "--map-root-user", "true"]
    return subprocess.run(unshare, check=False, capture_output=True, user=user).returncode == 0


def test_checkpassword_pretends_to_become_root_or_refuses(place: Path) -> None:
    add_user(place, "root", b"toor", 0, place / "home")
    command = [sys.executable, "-c", AS_SOMEBODY]
    done = login(place, "root", "toor", "--pretend-uid", "id", "-u", command=command)
    want = (0, b"0\n") if can_pretend() else (1, b"")
    assert (done.returncode, done.stdout) == want


def test_the_program_gets_default_signals(place: Path) -> None:
    add_user(place, "alice", b"wonder", SOMEBODY, place / "home")
    done = login(place, "alice", "wonder", "grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status")
    _, blocked, _, ignored = done.stdout.split()
    glibc_own = 0b11 << 31  # signals 32 and 33: a posix_spawn(3) of pytest's may have ignored them
    assert (int(blocked, 16), int(ignored, 16) & ~glibc_own) == (0, 0)


def test_exec_is_execvp(place: Path) -> None:
    add_user(place, "alice", b"wonder", SOMEBODY, place / "home")
    (place / "script").write_bytes(b'echo "$0 $1"\n')  # no #!
    (place / "script").chmod(0o755)
    done = login(place, "alice", "wonder", str(place / "script"), "x")
    assert (done.returncode, done.stdout) == (0, f"{place}/script x\n".encode())
    (place / "script").chmod(0o644)
    assert login(place, "alice", "wonder", str(place / "script")).returncode == 111


def test_checkpassword_without_its_pipe(place: Path) -> None:
    add_user(place, "alice", b"wonder", SOMEBODY, place / "home")
    done = shell('"$@" 3<&-', "checkpassword", "--users", str(place / "users"), "true")
    assert (done.returncode, done.stdout, done.stderr) == (111, b"", b"")


@pytest.mark.parametrize("name", [*sorted(FAKES), "--help"])
def test_help(name: str) -> None:
    done = run(*([name] if name == "--help" else [name, "--help"]))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(b"usage: ")


@pytest.mark.parametrize("args", [[], ["nonsense"], ["ofmipd", "--nonsense"]])
def test_bad_usage(args: list[str]) -> None:
    done = run(*args)
    assert (done.returncode, done.stdout, done.stderr.count(b"\n")) == (2, b"", 1)


def test_a_fault_of_the_fake_is_one_line() -> None:
    script = "import sys; from fakes import real\nasync def fake(process): raise KeyError('secret')\n"
    done = run(command=[sys.executable, "-c", script + "sys.exit(real.run('odd', fake, []))"])
    assert (done.returncode, done.stdout, done.stderr) == (111, b"", b"odd: internal error: KeyError\n")


def test_both_tables_name_the_same_fakes() -> None:
    assert {name.encode() for name in FAKES} >= set(PROGRAMS)
