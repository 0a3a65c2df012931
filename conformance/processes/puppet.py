"""The program behind every braced name of a chain on real processes: it reports, then obeys.

It is started in place of checkpassword, the inner programs and the tested programs themselves, by
whatever user the chain has become. It tells the stage what it was started with and either becomes the
real program at once or hands its descriptors to the stage and waits for orders (puppetry.py).

Only modules that Python starts with or that are built in: this runs before every login, and `socket`
and `signal` would double the time that it takes. Python itself ignores SIGPIPE and SIGXFSZ before we
can look, so whoever starts us (look_first.c) tells whether these two were inherited as ignored.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import fcntl
import os
import sys

from conformance.processes import records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn  # whose import takes longer than all the rest

SOCKET = "stage"
"""The stage's socket, in the directory above that of the puppets."""
CANNOT_RUN = 111
OUT_OF_THE_WAY = 64
IGNORED_BY_PYTHON = (_signal.SIGPIPE, _signal.SIGXFSZ)
OF_THE_C_LIBRARY = (32, 33)
HIGHEST_TRIED = 1024


def main(script: str, words: list[str], mask: str = "") -> NoReturn:
    """Be the program whose name the script has; `mask`: the ignored signals, "" if that is not known.

    `words` is the command line; without a mask its first word is the script, not what the chain wrote.
    """
    ignored = [number for number in signals_in(mask or "0") if number in IGNORED_BY_PYTHON]
    descriptors = open_descriptors()
    name = os.path.basename(script)
    argv = [os.fsencode(word) for word in (words if mask else [name, *words[1:]])]
    env = environment()
    stage = _connect(os.path.join(os.path.dirname(os.path.dirname(script)), SOCKET))
    handed = [fd for fd in ((3,) if name == "checkpassword" else (0, 1)) if fd in descriptors]
    report = [("name", os.fsencode(name)), *_report(argv, env, descriptors, handed)]
    if mask:
        report += [("ignored", b"%d" % number) for number in ignored] + [("knows", b"ignored")]
    _send(stage, report, handed)
    while True:
        order = _receive(stage)
        match records.first(order, "order"):
            case b"become":
                _become(stage, records.first(order, "path"), argv, env, ignored)
            case b"play":
                for fd in handed:
                    os.close(fd)
            case b"ignore":
                _signal.signal(int(records.first(order, "number")), _signal.SIG_IGN)
                _send(stage, [("done", b"ignore")], [])
            case b"exit":
                os._exit(int(records.first(order, "number")))
            case b"signal":
                _be_killed(int(records.first(order, "number")))
            case b"exec":
                _exec(stage, order, ignored)
            case _:
                os._exit(CANNOT_RUN)  # the stage is gone


def open_descriptors() -> list[int]:
    """Return the numbers of the descriptors that we inherited; call it before anything is opened."""
    try:
        numbers = sorted(int(entry) for entry in os.listdir("/proc/self/fd"))
    except OSError:
        numbers = list(range(HIGHEST_TRIED))
    return [fd for fd in numbers if _is_open(fd)]


def environment() -> list[tuple[bytes, bytes]]:
    """Return the environment as it was before Python changed LC_CTYPE in it (PEP 538)."""
    try:
        with open("/proc/self/environ", "rb") as file:
            entries = file.read().split(b"\0")
    except OSError:
        return list(os.environb.items())
    return variables(entries)


def variables(entries: list[bytes]) -> list[tuple[bytes, bytes]]:
    """Return what NAME=value entries say, in order."""
    parts = (entry.partition(b"=") for entry in entries)
    return [(name, value) for name, equals, value in parts if equals]


def signals_in(mask: str) -> list[int]:
    """Return the signals of one of the masks in /proc/PID/status."""
    bits = int(mask, 16)
    return [number for number in range(1, 65) if bits >> (number - 1) & 1]


def _report(
    argv: list[bytes], env: list[tuple[bytes, bytes]], descriptors: list[int], handed: list[int]
) -> list[tuple[str, bytes]]:
    uid, euid, _ = os.getresuid()
    numbers = {"pid": os.getpid(), "parent": os.getppid(), "uid": uid, "euid": euid, "gid": os.getgid()}
    report = [(key, b"%d" % number) for key, number in numbers.items()]
    report.append(("cwd", _cwd()))
    report += [("argv", word) for word in argv]
    report += [("env", name + b"=" + value) for name, value in env]
    report += [("fd", b"%d" % fd) for fd in descriptors]
    report += [("handed", b"%d" % fd) for fd in handed]
    report += [("ignored", b"%d" % number) for number in _ignored()]
    blocked = _signal.pthread_sigmask(_signal.SIG_BLOCK, [])
    report += [("blocked", b"%d" % number) for number in sorted(blocked)]
    return report


def _ignored() -> list[int]:
    with open("/proc/self/status") as file:
        mask = next((line.split()[1] for line in file if line.startswith("SigIgn:")), "0")
    return [number for number in signals_in(mask) if number not in (*IGNORED_BY_PYTHON, *OF_THE_C_LIBRARY)]


def _cwd() -> bytes:
    try:
        return os.getcwdb()
    except OSError:
        return b""


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def _connect(path: str) -> _socket.socket:
    """Connect to the stage, on a descriptor that no program expects to be its own."""
    low = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        low.connect(path)
    except OSError as trouble:
        _give_up(f"{path}: {trouble.strerror}")
    try:
        high = fcntl.fcntl(low.fileno(), fcntl.F_DUPFD_CLOEXEC, OUT_OF_THE_WAY)
    except OSError:  # the limit is below
        high = fcntl.fcntl(low.fileno(), fcntl.F_DUPFD_CLOEXEC, 4)
    low.close()
    return _socket.socket(fileno=high)


def _give_up(reason: str) -> NoReturn:
    try:
        os.write(2, f"puppet: {reason}\n".encode())
    finally:
        os._exit(CANNOT_RUN)


def _send(stage: _socket.socket, report: list[tuple[str, bytes]], descriptors: list[int]) -> None:
    data = records.pack(report)
    rights = b"".join(fd.to_bytes(4, sys.byteorder) for fd in descriptors)
    sent = stage.sendmsg([data], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if rights else [])
    while sent < len(data):
        sent += stage.send(data[sent:])


def _receive(stage: _socket.socket) -> list[tuple[str, bytes]]:
    """Return the next order; none at all when the stage is gone."""
    head = _receive_exactly(stage, records.LENGTH_DIGITS)
    return records.unpack(_receive_exactly(stage, records.length(head))) if head else []


def _receive_exactly(stage: _socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = stage.recv(count - len(data))
        if not piece:
            return b""
        data += piece
    return data


def _become(
    stage: _socket.socket,
    path: bytes,
    argv: list[bytes],
    env: list[tuple[bytes, bytes]],
    ignored: list[int],
) -> NoReturn:
    """Become a program; what Python had changed is put back, everything else is as we found it."""
    for number in IGNORED_BY_PYTHON:
        _signal.signal(number, _signal.SIG_IGN if number in ignored else _signal.SIG_DFL)
    try:
        os.execve(path, argv, dict(env))  # noqa: S606 - its purpose
    except OSError as trouble:
        reason = (trouble.strerror or "").encode()
        _send(stage, [("failed", path + b": " + reason)], [])
    os._exit(CANNOT_RUN)


def _exec(stage: _socket.socket, order: list[tuple[str, bytes]], ignored: list[int]) -> NoReturn:
    """Do what checkpassword does for a right password (CPW-4)."""
    uid, gid = records.first(order, "uid"), records.first(order, "gid")
    argv = records.every(order, "argv")
    env = variables(records.every(order, "env"))
    try:
        if gid:
            os.setgroups([int(gid)])
            os.setresgid(int(gid), int(gid), int(gid))
        if uid:
            os.setresuid(int(uid), int(uid), int(uid))
        os.chdir(records.first(order, "home", b"/"))
    except OSError as trouble:
        _send(stage, [("failed", str(trouble).encode())], [])
        os._exit(CANNOT_RUN)
    _become(stage, _found(argv[0], dict(env)), argv, env, ignored)


def _found(name: bytes, env: dict[bytes, bytes]) -> bytes:
    """Return the path of a program as execvp(3) finds it; the name if it is nowhere."""
    if b"/" in name:
        return name
    path = env.get(b"PATH", os.environb.get(b"PATH", b"/usr/bin:/bin"))
    candidates = (directory + b"/" + name for directory in path.split(b":"))
    return next((file for file in candidates if os.access(file, os.X_OK)), name)


def _be_killed(number: int) -> NoReturn:
    import resource  # noqa: PLC0415 - it costs a millisecond, and few puppets are killed

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if number not in (_signal.SIGKILL, _signal.SIGSTOP):
        _signal.signal(number, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    os._exit(CANNOT_RUN)
