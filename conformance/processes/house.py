"""The first process of a run: it makes the private surroundings, starts the chain and buries orphans.

It is started by premises.py, with one end of a socket as its only argument, and becomes two: one waits
in the old surroundings, the other is process 1 of a namespace, in which /proc is its own and the
run's directory lies on /var/qmail. When the stage closes its end of the socket everything dies: the
kernel kills a namespace whose process 1 has ended; without a namespace we kill our descendants.

Told (records): `order=enter` with uid, gid, home and the isolation; then `order=start` with the chain's
first program, its descriptors attached. Tells: `pid`, `entered`, `started`, `failed`, `ended`.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import _socket
import ctypes
import os
import resource
import select
import sys
from contextlib import suppress

from conformance.processes import records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn  # whose import takes longer than all the rest

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 8, 4096, 16384, 1 << 18
PR_SET_CHILD_SUBREAPER = 36
OUT_OF_THE_WAY = 512
CANNOT_RUN = 111
NEVER_OURS = {_signal.SIGKILL, _signal.SIGSTOP}
Records = list[tuple[str, bytes]]

libc = ctypes.CDLL(None, use_errno=True)


def main(fd: int) -> NoReturn:
    """Be the house."""
    stage = _socket.socket(fileno=fd)
    os.set_inheritable(fd, False)
    enter, _ = receive(stage)
    isolation = records.first(enter, "isolation")
    try:
        if isolation == b"none":
            check(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
        else:
            leave_namespaces(isolation == b"user")
            pid = os.fork()
            if pid:
                send(stage, [("pid", b"%d" % pid)])
                stage.close()
                os.waitpid(pid, 0)
                os._exit(0)
            furnish(records.first(enter, "home"))
    except OSError as trouble:
        send(stage, [("failed", str(trouble).encode())])
        os._exit(CANNOT_RUN)
    proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    send(stage, [("entered", b"%d" % os.getpid())], [proc])
    os.close(proc)
    keep(stage, everything_dies=isolation != b"none")


def check(result: int) -> None:
    """Raise the OSError that a function of the C library reports."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def leave_namespaces(as_user: bool) -> None:
    """Go where mounts and process IDs are our own; who is not root needs a user namespace for that."""
    uid, gid = os.geteuid(), os.getegid()
    check(libc.unshare(CLONE_NEWNS | CLONE_NEWPID | (CLONE_NEWUSER if as_user else 0)))
    if as_user:
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{uid} {uid} 1"),
            ("gid_map", f"{gid} {gid} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)


def mount(source: bytes, target: bytes, kind: bytes, flags: int, options: bytes | None = None) -> None:
    """mount(2). Raises OSError."""
    check(libc.mount(source, target, kind, ctypes.c_ulong(flags), options))


def furnish(home: bytes) -> None:
    """Put our own /proc and the run's directory in their places. Raises OSError."""
    mount(b"none", b"/", b"", MS_REC | MS_PRIVATE)
    mount(b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    if not os.path.isdir("/var/qmail"):
        make_room(b"/var", b"qmail")
    mount(home, b"/var/qmail", b"", MS_BIND)


def make_room(directory: bytes, name: bytes) -> None:
    """Give a directory one more entry, in this namespace only: a copy of it over itself, made of mounts."""
    old = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    entries = [(entry.name, entry.is_symlink(), entry.is_dir()) for entry in os.scandir(directory)]
    mount(b"tmpfs", directory, b"tmpfs", MS_NOSUID | MS_NODEV, b"mode=755,size=1m")
    for entry, is_link, is_directory in entries:
        here = directory + b"/" + entry
        if is_link:
            os.symlink(os.readlink(entry, dir_fd=old), here)
        elif is_directory:
            os.mkdir(here)
            mount(b"/proc/self/fd/%d/%s" % (old, entry), here, b"", MS_BIND | MS_REC)
    os.close(old)
    os.mkdir(directory + b"/" + name)


def keep(stage: _socket.socket, *, everything_dies: bool) -> NoReturn:
    """Start what we are told to, and bury who ends, until the stage is gone."""
    woken, wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    _signal.set_wakeup_fd(wake)
    _signal.signal(_signal.SIGCHLD, lambda _number, _frame: None)
    while True:
        ready, _, _ = select.select([stage.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 4096)
            bury(stage)
        if stage.fileno() in ready:
            order, descriptors = receive(stage)
            if not order:
                if not everything_dies:
                    kill_descendants()
                os._exit(0)
            start(stage, order, descriptors)


def bury(stage: _socket.socket) -> None:
    """Wait for whoever has ended, and tell how."""
    with suppress(ChildProcessError):
        while True:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            send(stage, [("ended", b"%d" % pid), ("status", b"%d" % status)])


def kill_descendants() -> None:
    """Kill all that came from us: who is orphaned becomes our child (PR_SET_CHILD_SUBREAPER)."""
    while True:
        for pid in children_of(os.getpid()):
            with suppress(ProcessLookupError):
                os.kill(pid, _signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children_of(parent: int) -> list[int]:
    """Return the processes with this parent."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
                if int(file.read().rpartition(b")")[2].split()[1]) == parent:
                    found.append(int(name))
    return found


def start(stage: _socket.socket, order: Records, descriptors: list[int]) -> None:
    """Start the chain's first program; its descriptors have the numbers in `fd`, in this order."""
    numbers = [int(fd) for fd in records.every(order, "fd")]
    failure, tell_failure = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid == 0:
        try:
            become(order, dict(zip(numbers, descriptors, strict=True)), tell_failure)
        except OSError as trouble:
            os.write(OUT_OF_THE_WAY - 1, str(trouble).encode())
        finally:
            os._exit(CANNOT_RUN)
    handle = os.pidfd_open(pid)
    send(stage, [("started", b"%d" % pid)], [handle])
    for fd in (handle, tell_failure, *descriptors):
        os.close(fd)
    reason = os.read(failure, 1000)  # ends when it has become the program
    os.close(failure)
    if reason:
        send(stage, [("failed", reason)])


def become(order: Records, descriptors: dict[int, int], tell_failure: int) -> NoReturn:
    """Be the chain's first program, with exactly these descriptors, signals, limits. Raises OSError."""
    os.dup2(tell_failure, OUT_OF_THE_WAY - 1, inheritable=False)
    high = {}
    for number, (fd, given) in enumerate(descriptors.items()):
        high[fd] = OUT_OF_THE_WAY + number
        os.dup2(given, high[fd], inheritable=False)
    os.closerange(0, OUT_OF_THE_WAY - 1)
    for fd, given in high.items():
        os.dup2(given, fd)
    _signal.set_wakeup_fd(-1)
    ignored = {int(number) for number in records.every(order, "ignore")}
    for number in _signal.valid_signals() - NEVER_OURS:  # who started us may ignore some (nohup)
        _signal.signal(number, _signal.SIG_IGN if number in ignored else _signal.SIG_DFL)
    os.umask(int(records.first(order, "umask", b"022"), 8))
    os.chdir("/")
    uid, euid, gid = (int(records.first(order, key)) for key in ("uid", "euid", "gid"))
    if os.geteuid() == 0 and (uid, euid) != (0, 0):
        os.setgroups([gid])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, euid, euid)
    blocked = [int(number) for number in records.every(order, "block")]
    _signal.pthread_sigmask(_signal.SIG_SETMASK, blocked)
    limit = int(records.first(order, "nofile", b"0"))
    if limit:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    env = dict(entry.split(b"=", 1) for entry in records.every(order, "env"))
    os.execve(records.first(order, "path"), records.every(order, "argv"), env)  # noqa: S606 - its purpose


def send(stage: _socket.socket, report: Records, descriptors: list[int] | None = None) -> None:
    """Tell the stage something; if it is gone that will be noticed in keep()."""
    rights = b"".join(fd.to_bytes(4, sys.byteorder) for fd in descriptors or [])
    attached = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, rights)] if rights else []
    with suppress(OSError):
        stage.sendmsg([records.pack(report)], attached)


def receive(stage: _socket.socket) -> tuple[Records, list[int]]:
    """Return an order and the descriptors attached to it; nothing when the stage is gone."""
    space = _socket.CMSG_SPACE(4 * 64)
    descriptors: list[int] = []
    try:
        head, attached, _, _ = stage.recvmsg(records.LENGTH_DIGITS, space)
    except ConnectionError:  # it did not hear all that we told
        return [], []
    for _, _, rights in attached:
        descriptors += memoryview(rights).cast("i")
    if not head:
        return [], descriptors
    count = records.length(head)
    body = b""
    while len(body) < count:
        body += stage.recv(count - len(body))
    return records.unpack(body), descriptors


if __name__ == "__main__":
    main(int(sys.argv[1]))
