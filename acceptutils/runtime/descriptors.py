"""Inherited descriptors: keep them in order, and write to them without ever blocking.

O_NONBLOCK belongs to the open file description, which parents and children share: setting it would
make their reads fail. So the flag is set on nothing but our own ends of pipes that we made.
"""

import fcntl
import os
import select
import socket
import stat

# POLLOUT on a pipe promises room for this much (PIPE_BUF); more could block.
_PIPE_BUF = 4096
_FIRST_FREE = 10  # the descriptors below are spoken for by interfaces


def fill_standard(*, inheritable: bool) -> None:
    """Put /dev/null on descriptors 0, 1 and 2 that are closed, or our next file would land there."""
    for fd in range(3):
        if not is_open(fd):
            os.open("/dev/null", os.O_RDWR)
            os.set_inheritable(fd, inheritable)


def keep_from_children() -> None:
    """Mark all descriptors above 2 close-on-exec, whoever left them to us (BASE-7)."""
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:  # no /proc
        numbers = list(range(min(os.sysconf("SC_OPEN_MAX"), 65536)))
    for fd in numbers:
        if fd > 2 and is_open(fd):
            os.set_inheritable(fd, False)


def is_open(fd: int) -> bool:
    """Say whether this is an open descriptor."""
    try:
        os.fstat(fd)
    except OSError:
        return False
    return True


def is_memory_file(fd: int) -> bool:
    """Say whether this is a file of memfd_create(2), the only ones that have seals."""
    try:
        fcntl.fcntl(fd, fcntl.F_GET_SEALS)
    except OSError:
        return False
    return True


def out_of_the_way(fd: int) -> int:
    """Return a close-on-exec duplicate with a number that no interface uses, and close the original."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE)
    os.close(fd)
    return moved


def as_socket(fd: int) -> socket.socket | None:
    """Return a socket object for the descriptor; None if it is no socket.

    The caller must keep it, and detach() it rather than close it if the descriptor is not his.
    """
    return socket.socket(fileno=fd) if stat.S_ISSOCK(os.fstat(fd).st_mode) else None


def write_now(fd: int, sock: socket.socket | None, data: bytes) -> int:
    """Write what fits without waiting; return how many bytes that were. Raises OSError."""
    try:
        if sock:
            return sock.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        if not os.get_blocking(fd):
            return os.write(fd, data)
        if not poll_now(fd, select.POLLOUT):
            return 0
        return os.write(fd, data[:_PIPE_BUF])
    except BlockingIOError:
        return 0


def is_hung_up(fd: int) -> bool:
    """Say whether the other side is gone altogether; a half-closed connection is not (AUTHUP-CP-7)."""
    return bool(poll_now(fd, 0) & (select.POLLHUP | select.POLLERR | select.POLLNVAL))


def poll_now(fd: int, events: int) -> int:
    """Return what poll(2) sees without waiting: of `events`, and of hang-up and error; 0 for nothing."""
    poll = select.poll()
    poll.register(fd, events)
    return next((seen for _, seen in poll.poll(0)), 0)


def log(line: bytes) -> None:
    """Write a line to standard error, as far as that goes without waiting (AUTHUP-LOG-3)."""
    rest = line + b"\n"
    try:
        sock = as_socket(2)
        try:
            while rest and (written := write_now(2, sock, rest)):
                rest = rest[written:]
        finally:
            if sock:
                sock.detach()
    except OSError:
        pass  # a log that cannot be written does not end the service
