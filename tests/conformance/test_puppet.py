import os
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.processes import records
from conformance.processes.puppet import SOCKET, signals_in, variables
from tests.conformance.signal_lines import without_glibcs

REPOSITORY = Path(__file__).parents[2]
VALUES = st.binary().map(lambda data: data.replace(b"\0", b""))
PATIENCE = 10


@given(st.lists(st.tuples(st.from_regex("[a-z]+", fullmatch=True), VALUES)))
def test_records_come_back(written: list[tuple[str, bytes]]) -> None:
    frame = records.pack(written)
    head, body = frame[: records.LENGTH_DIGITS], frame[records.LENGTH_DIGITS :]
    assert records.length(head) == len(body)
    assert records.unpack(body) == written


@pytest.mark.parametrize("body", [b"a=b", b"a\0", b"a=b\0rest"])
def test_what_is_no_record_is_refused(body: bytes) -> None:
    with pytest.raises(records.RecordsError, match="NUL"):
        records.unpack(body)


def test_a_length_has_digits() -> None:
    with pytest.raises(records.RecordsError, match="hexadecimal"):
        records.length(b"nonsense")


def test_values_of_a_key() -> None:
    written = [("a", b"1"), ("b", b"2"), ("a", b"3")]
    assert records.every(written, "a") == [b"1", b"3"]
    assert records.first(written, "a") == b"1"
    assert records.first(written, "c", b"none") == b"none"


def test_masks_and_variables() -> None:
    assert signals_in("0000000000011000") == [signal.SIGPIPE, signal.SIGCHLD]
    assert variables([b"A=1=2", b"junk", b"", b"B="]) == [(b"A", b"1=2"), (b"B", b"")]


class Puppet:
    """A puppet on its own, and us as its stage."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(directory / SOCKET))
        self.listener.listen()
        self.listener.settimeout(PATIENCE)
        self.connection: socket.socket
        (directory / "bin").mkdir()

    def start(self, name: str, **how: object) -> subprocess.Popen[bytes]:
        script = self.directory / "bin" / name
        script.write_text(
            f"#!{sys.executable} -IS\nimport sys\nsys.path.insert(0, {str(REPOSITORY)!r})\n"
            "from conformance.processes.puppet import main\nmain(sys.argv[0], sys.argv)\n"
        )
        script.chmod(0o755)
        return subprocess.Popen([script, "one", "two words"], **how)  # type: ignore[call-overload, no-any-return]

    def hear(self) -> tuple[list[tuple[str, bytes]], list[int]]:
        data, descriptors, _, _ = socket.recv_fds(self.connection, 1 << 20, 8)
        return records.unpack(data[records.LENGTH_DIGITS :]), list(descriptors)

    def report(self) -> tuple[list[tuple[str, bytes]], list[int]]:
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(PATIENCE)
        return self.hear()

    def tell(self, *order: tuple[str, bytes]) -> None:
        self.connection.sendall(records.pack(list(order)))

    def close(self) -> None:
        self.listener.close()
        if hasattr(self, "connection"):
            self.connection.close()


@pytest.fixture
def puppet(tmp_path: Path) -> Iterator[Puppet]:
    made = Puppet(tmp_path)
    yield made
    made.close()


def test_it_reports_what_it_was_started_with(puppet: Puppet) -> None:
    env = {b"B": b"2", b"A": b"\xff=", b"LC_ALL": b"C"}
    with puppet.start("ofmipd", env=env, cwd="/", stdin=subprocess.DEVNULL) as process:
        report, handed = puppet.report()
        assert records.every(report, "argv") == [b"ofmipd", b"one", b"two words"]
        assert variables(records.every(report, "env")) == list(env.items())
        assert records.every(report, "fd") == [b"0", b"1", b"2"]
        assert records.every(report, "handed") == [b"0", b"1"]
        assert records.first(report, "cwd") == b"/"
        assert records.first(report, "pid") == b"%d" % process.pid
        assert records.first(report, "parent") == b"%d" % os.getpid()
        for fd in handed:
            os.close(fd)
        puppet.tell(("order", b"play"))
        puppet.tell(("order", b"exit"), ("number", b"9"))
        assert process.wait(PATIENCE) == 9


def test_it_closes_what_it_handed_over(puppet: Puppet) -> None:
    with puppet.start("ofmipd", stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        _, handed = puppet.report()
        puppet.tell(("order", b"play"))
        for fd in handed:
            os.close(fd)
        assert process.stdout is not None
        assert process.stdout.read() == b""  # the end, though it lives
        assert process.poll() is None
        puppet.tell(("order", b"signal"), ("number", b"%d" % signal.SIGABRT))
        assert process.wait(PATIENCE) == -signal.SIGABRT


def test_without_descriptors_it_hands_none_over(puppet: Puppet) -> None:
    def close_all() -> None:
        for fd in (0, 1, 2):
            os.close(fd)

    with puppet.start("ofmipd", preexec_fn=close_all) as process:
        report, handed = puppet.report()
        assert records.every(report, "fd") == []
        assert handed == []
        puppet.tell(("order", b"exit"), ("number", b"0"))
        assert process.wait(PATIENCE) == 0


def test_it_lives_with_few_descriptors(puppet: Puppet) -> None:
    limit = (20, 20)
    with puppet.start(
        "ofmipd",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit),
    ) as process:
        _, handed = puppet.report()
        assert len(handed) == 2
        for fd in handed:
            os.close(fd)
        puppet.tell(("order", b"exit"), ("number", b"0"))
        assert process.wait(PATIENCE) == 0


def test_it_becomes_the_real_program_without_a_trace(puppet: Puppet) -> None:
    script = "printf '%s\\n' \"$@\"; grep SigIgn /proc/self/status"
    real = puppet.directory / "real"
    real.write_text(f"#!/bin/sh\n{script}\n")
    real.chmod(0o755)
    with puppet.start("authup", stdout=subprocess.PIPE, env={"PATH": "/usr/bin:/bin"}) as process:
        _, handed = puppet.report()
        for fd in handed:
            os.close(fd)
        puppet.tell(("order", b"become"), ("path", bytes(real)))
        said, _ = process.communicate(timeout=PATIENCE)
        assert [without_glibcs(line) for line in said.split(b"\n")[:3]] == [
            b"one",
            b"two words",
            b"SigIgn:\t0000000000000000",
        ]


@pytest.mark.parametrize("order", [b"become", b"exec"])
def test_it_says_what_it_could_not_become(puppet: Puppet, order: bytes) -> None:
    with puppet.start("checkpassword") as process:
        puppet.report()
        puppet.tell(("order", order), ("path", b"/nowhere"), ("argv", b"/nowhere"))
        report, _ = puppet.hear()
        assert records.first(report, "failed") == b"/nowhere: No such file or directory"
        assert process.wait(PATIENCE) == 111


def test_without_a_stage_it_gives_up(puppet: Puppet) -> None:
    puppet.listener.close()
    with puppet.start("ofmipd", stderr=subprocess.PIPE) as process:
        _, complaint = process.communicate(timeout=PATIENCE)
        assert b"Connection refused" in complaint
        assert process.returncode == 111


def test_it_ends_when_the_stage_ends(puppet: Puppet) -> None:
    with puppet.start("checkpassword") as process:
        puppet.report()
        puppet.connection.close()
        assert process.wait(PATIENCE) == 111
