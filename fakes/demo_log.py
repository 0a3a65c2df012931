"""The demo's live log: what the programs of all connections say, made readable.

It only reads log lines and returns entries; where lines come from and go to is decided elsewhere.
A line belongs to a connection by the process IDs in it: each program announces itself and its parent
when it starts (see demo_text.SHIM). What cannot be understood is shown as it is. No byte that a
client chose reaches the terminal as a control character.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

COUNTED_EXACTLY = 65536  # programs drop log lines rather than wait, so above this nobody knows
_LAST_LINE = re.compile(rb"\d{3}(?: |\r?$)")


class Kind(Enum):
    """What an entry tells; decides its colour."""

    FRAME = "a connection begins or ends"
    START = "a program starts"
    LOGIN = "an attempt to log in and what became of it"
    TRAFFIC = "what passed the filter as it was"
    CHANGED = "what the rules made of it"
    REMARK = "anything else"


class Entry(NamedTuple):
    """One line of the live log. `connection` and `pid` are empty where they are not known."""

    connection: str
    program: str
    pid: str
    text: str
    kind: Kind


@dataclass
class _Connection:
    """What is known of one connection: its label, and the processes that it consists of."""

    label: str
    root: int
    programs: dict[int, str] = field(default_factory=dict)
    uids: dict[int, int] = field(default_factory=dict)
    filters: dict[int, "_Filter"] = field(default_factory=dict)


@dataclass
class _Filter:
    """Debug lines of one fixsmtpio that belong together and are not complete yet."""

    request: bytes | None = None
    reply: list[bytes] = field(default_factory=list)
    rewritten: list[bytes] = field(default_factory=list)
    message: int = 0


class LiveLog:
    """The log of one service. `users` tells what to call a UID."""

    def __init__(self, service: str, users: Mapping[int, str]) -> None:
        self._service = service
        self._users = users
        self._count = 0
        self._connections: dict[int, _Connection] = {}  # by the process ID of its first program
        self._by_pid: dict[int, _Connection] = {}

    def line(self, line: bytes) -> list[Entry]:
        """Take a log line, without its line end; return what to show for it, perhaps nothing yet."""
        for pattern, act in _PATTERNS:
            if match := pattern.fullmatch(line):
                return list(act(self, *match.groups()))
        return [Entry(self._service, "", "", printable(line), Kind.REMARK)]

    # One method for each kind of log line

    def _ignore(self, *_: bytes) -> Iterator[Entry]:
        yield from ()

    def _connected(self, pid: bytes, remote: bytes) -> Iterator[Entry]:
        connection = self._connection(int(pid))
        text = f"connection from {printable(remote)}"
        yield Entry(connection.label, "listener", pid.decode(), text, Kind.FRAME)

    def _closed(self, pid: bytes, status: bytes) -> Iterator[Entry]:
        connection = self._connection(int(pid))
        for filter_pid in list(connection.filters):
            yield from self._flush(connection, filter_pid)
        code, number = divmod(int(status), 256)
        how = f"killed by signal {number}" if number else f"exit code {code}"
        yield Entry(connection.label, "listener", pid.decode(), f"connection ends, {how}", Kind.FRAME)
        del self._connections[connection.root]
        self._by_pid = {pid: other for pid, other in self._by_pid.items() if other is not connection}

    def _started(self, pid: bytes, parent: bytes, uid: bytes, program: bytes) -> Iterator[Entry]:
        connection = self._by_pid.get(int(pid)) or self._by_pid.get(int(parent))
        connection = connection or self._connection(int(pid))
        self._by_pid[int(pid)] = connection
        connection.programs[int(pid)] = printable(program)
        connection.uids[int(pid)] = int(uid)
        who = self._users.get(int(uid), "")
        text = f"starts as {who} (UID {int(uid)})" if who else f"starts as UID {int(uid)}"
        yield self._entry(int(pid), text, Kind.START)

    def _attempt(self, pid: bytes, user: bytes) -> Iterator[Entry]:
        yield self._entry(int(pid), f"somebody wants to log in as {printable(user)}", Kind.LOGIN)

    def _refused(self, pid: bytes) -> Iterator[Entry]:
        yield self._entry(int(pid), "login refused; the client is told in 5 seconds", Kind.LOGIN)

    def _completed(self, pid: bytes) -> Iterator[Entry]:
        yield self._entry(int(pid), "login and session completed", Kind.LOGIN)

    def _retried(self, pid: bytes, name: bytes, tries: bytes, how: bytes) -> Iterator[Entry]:
        text = f"{printable(name)} has ended, try {tries.decode().replace('/', ' of ')}: {printable(how)}"
        yield self._entry(int(pid), text, Kind.FRAME)

    def _was_root(self) -> Iterator[Entry]:
        """Only a checknotroot that was announced as root says this, but it does not say which."""
        text = "WAS RUNNING AS ROOT, TERMINATING"
        for connection in self._connections.values():
            for pid, program in connection.programs.items():
                if program == "checknotroot" and connection.uids.pop(pid, None) == 0:
                    yield self._entry(pid, text, Kind.CHANGED)
                    return
        yield Entry(self._service, "checknotroot", "", text, Kind.CHANGED)

    def _filtered(self, pid: bytes, letter: bytes, data: bytes) -> Iterator[Entry]:
        connection = self._by_pid.get(int(pid))
        if connection is None:  # its announcement was lost, or this is a forgery
            yield Entry(self._service, "fixsmtpio", pid.decode(), printable(data), Kind.REMARK)
            return
        state = connection.filters.setdefault(int(pid), _Filter())
        reply_is_complete = bool(state.reply) and bool(_LAST_LINE.match(state.reply[-1]))
        if (
            (state.message and letter != b"D")
            or (reply_is_complete and letter != b"4")
            or (state.request is not None and letter != b"2")
        ):
            yield from self._flush(connection, int(pid))
            state = connection.filters[int(pid)]
        yield from self._take(connection, int(pid), state, letter, data)

    def _remark(self, program: bytes, text: bytes) -> Iterator[Entry]:
        name = printable(program)
        yield Entry(self._service, name, "", printable(text), Kind.REMARK)

    # What a filter does

    def _take(
        self, connection: _Connection, pid: int, state: _Filter, letter: bytes, data: bytes
    ) -> Iterator[Entry]:
        if letter == b"D":
            state.message += len(data) + 1
        elif letter == b"1":
            state.request = data
        elif letter == b"2":
            sent, state.request = state.request, None
            yield from self._compare(pid, "client", [] if sent is None else [sent], [data])
        elif letter == b"3":
            state.reply.append(data)
        else:
            state.rewritten.append(data)
            if _LAST_LINE.match(data):
                yield from self._flush(connection, pid)

    def _flush(self, connection: _Connection, pid: int) -> Iterator[Entry]:
        state = connection.filters[pid]
        connection.filters[pid] = _Filter()
        if state.message:
            about = "more than " if state.message > COUNTED_EXACTLY else ""
            size = min(state.message, COUNTED_EXACTLY)
            yield self._entry(pid, f"client: (a message, {about}{size} bytes)", Kind.TRAFFIC)
        if state.request is not None:
            yield from self._compare(pid, "client", [state.request], [state.request])
        yield from self._compare(pid, "server", state.reply, state.rewritten)

    def _compare(self, pid: int, who: str, before: list[bytes], after: list[bytes]) -> Iterator[Entry]:
        """Show what came, and below it what the rules made of it where that is something else."""
        old, new = ([printable(line.removesuffix(b"\r")) for line in lines] for lines in (before, after))
        for how, i, j, k, m in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            for text in old[i:j]:
                yield self._entry(pid, f"{who}: {text}", Kind.TRAFFIC)
            if how != "equal":
                for text in new[k:m] or ["(removed)"]:
                    yield self._entry(pid, f" rules: {text}", Kind.CHANGED)

    # Who is who

    def _entry(self, pid: int, text: str, kind: Kind) -> Entry:
        connection = self._by_pid.get(pid) or _Connection(self._service, pid)
        return Entry(connection.label, connection.programs.get(pid, "?"), str(pid), text, kind)

    def _connection(self, root: int) -> _Connection:
        """Return the connection whose first program has this process ID; it may be new."""
        if root not in self._connections:
            self._count += 1
            connection = _Connection(f"{self._service} {self._count}", root)
            self._connections[root] = self._by_pid[root] = connection
        return self._connections[root]


_LISTENER = rb"(?:tcpserver|listener): "
_FROM = rb"(?: from \S+)?"
_PID = rb"(\d{1,10})"
_ACTS: list[tuple[bytes, Callable[..., Iterator[Entry]]]] = [
    (rb"demo: %b %b %b (\S+)" % (_PID, _PID, _PID), LiveLog._started),
    (_LISTENER + rb"pid %b from (\S+)" % _PID, LiveLog._connected),
    (_LISTENER + rb"end %b status (\d{1,5})" % _PID, LiveLog._closed),
    (_LISTENER + rb"(?:status:|ok) .*", LiveLog._ignore),
    (rb"authup \d+ protocol \S+", LiveLog._ignore),
    (rb"authup %b checkpassword \S+ attempt for (\S*)" % _PID + _FROM, LiveLog._attempt),
    (rb"authup %b checkpassword \S+ failed, .*" % _PID, LiveLog._refused),
    (rb"authup %b checkpassword \S+ succeeded, child completed" % _PID, LiveLog._completed),
    (rb"reup %b (\S+) \d+ \((\d+/\d+)\): (.*)" % _PID, LiveLog._retried),
    (rb"checknotroot: WAS RUNNING AS ROOT, TERMINATING", LiveLog._was_root),
    (rb"fixsmtpio %b \S+ \d+ ([1234D]): (.*)" % _PID, LiveLog._filtered),
    (rb"([a-z][a-z0-9-]*): (.*)", LiveLog._remark),
]
_PATTERNS = [(re.compile(pattern, re.DOTALL), act) for pattern, act in _ACTS]


def printable(data: bytes) -> str:
    """Return `data` as text that does nothing to a terminal."""
    text = data.decode(errors="backslashreplace")
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


_COLOURS = {
    Kind.FRAME: "\033[1m",  # bold
    Kind.START: "\033[36m",  # cyan
    Kind.LOGIN: "\033[33m",  # yellow
    Kind.TRAFFIC: "\033[2m",  # faint
    Kind.CHANGED: "\033[1;32m",  # green
    Kind.REMARK: "",
}


def render(entry: Entry, time: str, *, width: int | None, colour: bool) -> str:
    """Return an entry as a line, in aligned columns, cut to `width` if there is one."""
    line = f"{time} {entry.connection:<7} {entry.program:<13} {entry.pid:>7} {entry.text}"
    if width is not None and len(line) > width:
        line = line[: width - 3] + "..."
    code = _COLOURS[entry.kind] if colour else ""
    return f"{code}{line}\033[0m" if code else line
