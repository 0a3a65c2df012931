"""The sessions of a log: its lines sorted by who said them, while others speak in between."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from conformance.recording.log_lines import Line, understand

_TCPSERVER: Final = re.compile(
    rb"tcpserver: (?:ok ([0-9]+) \S+ \S*?:([0-9a-fA-F.:]*?):.*|end ([0-9]+) status ([0-9]+))"
)
_VERB: Final = re.compile(
    rb"(?i)(?:HELO|EHLO|AUTH|MAIL|RCPT|DATA|BDAT|RSET|NOOP|VRFY|HELP|STARTTLS|QUIT|"
    rb"USER|PASS|APOP|CAPA|STLS|STAT|LIST|RETR|DELE|TOP|UIDL)(?=[ \r]|$)"
)
"""Nothing else of a client's line stands in a list: it may be a password."""
MOST_VERBS: Final = 12
STARTED: Final = b"220 Ready to start TLS"
"""What fixsmtpio says before it gets another server."""


class LogError(ValueError):
    """A log that does not have what is asked for; the message is `FILE: what`, or `FILE:LINE: what`."""


class Piece(NamedTuple):
    """What one line of a log tells: bytes on a lane, or `what` in the words of a talk.

    `cut`: the line lost its end; `message`: the bytes are of a message, read by fixsmtpio.
    """

    kind: str
    name: str
    line: Line
    lane: str
    data: bytes
    what: str = ""
    server: str = ""
    child: str = ""
    message: bool = False
    cut: bool = False


@dataclass
class Session:
    """One session of a log. `kind` is recordio or fixsmtpio."""

    id: str
    kind: str
    pieces: list[Piece] = field(default_factory=list)
    peer: str = ""
    """The client's address, where tcpserver logged it."""
    code: int | None = None
    """The exit code of the chain, where tcpserver logged it."""

    ended: set[str] = field(default_factory=set)
    """The lanes whose end is in the log."""
    child: str = ""
    """The PID of fixsmtpio's server."""
    started_tls: bool = False

    def take(self, piece: Piece) -> None:
        """Take note of a line, without keeping it."""
        self.child = piece.child
        self.started_tls |= piece.lane == "S" and STARTED in piece.data
        if piece.what == "eof":
            self.ended.add(piece.lane)

    def goes_on_with(self, piece: Piece) -> bool:
        """Say whether a line can be of this session, and not of another program with the same PID."""
        if piece.lane in self.ended or self.code is not None:
            return False
        if piece.kind == "recordio":  # the end of the input may be logged behind that of the output
            return "S" not in self.ended or piece.what == "eof"
        return piece.child == self.child or self.started_tls

    @property
    def summary(self) -> str:
        """One line for a list: when, how much, the client's verbs."""
        times = [p.line.time for p in self.pieces if p.line.time is not None]
        said = b"".join(piece.data for piece in self.pieces if piece.lane == "C" and not piece.message)
        found = (_VERB.match(line) for line in said.split(b"\n"))
        verbs = [verb[0].decode().upper() for verb in found if verb is not None]
        shown = " ".join(verbs[:MOST_VERBS]) + (" ..." if len(verbs) > MOST_VERBS else "")
        when = f"{_shown(times[0])} to {_shown(times[-1])[11:]}" if times else "no times"
        who = [self.peer] if self.peer else []
        who += sorted({piece.server for piece in self.pieces if piece.server})
        return "  ".join([f"{self.id:<10}", when, f"{len(self.pieces)} lines", *who, shown]).rstrip()


class Log:
    """A log that is read. `sessions` are in the order of their first line, `count` is how many there were.

    `keep`: without it nothing is kept but what tells the next lines apart: a log that is followed for weeks
    has as many sessions as there are PIDs, and no lines.
    """

    def __init__(self, readers: Iterable[Callable[[Line], Piece | None]], *, keep: bool = True) -> None:
        self.sessions: list[Session] = []
        self.count = 0
        self.lines = 0
        self._keep = keep
        self._same: Counter[str] = Counter()
        self._readers = tuple(readers)
        self._open: dict[tuple[str, str], Session] = {}
        self._peers: dict[str, str] = {}

    def feed(self, raw: bytes) -> tuple[Session, Piece] | None:
        """Take up one line without its LF; return whose it is, and what it tells."""
        self.lines += 1
        line = understand(raw, self.lines)
        piece = next((piece for read in self._readers if (piece := read(line)) is not None), None)
        if piece is None:
            self._hear_tcpserver(line)
            return None
        session = self._session(piece)
        session.take(piece)
        if self._keep:
            session.pieces.append(piece)
        return session, piece

    def _session(self, piece: Piece) -> Session:
        key = (piece.kind, piece.name)
        known = self._open.get(key)
        if known is not None and known.goes_on_with(piece):
            return known
        self.count += 1
        self._same[piece.name] += 1
        same = self._same[piece.name]
        name = f"{piece.name}/{same}" if same > 1 else piece.name
        session = self._open[key] = Session(name, piece.kind, peer=self._peers.get(piece.name, ""))
        if self._keep:
            self.sessions.append(session)
        return session

    def _hear_tcpserver(self, line: Line) -> None:
        found = _TCPSERVER.fullmatch(line.said)
        if found is None:
            return
        if found[1]:
            self._peers[found[1].decode()] = found[2].decode()
        elif (session := self._open.get(("recordio", found[3].decode()))) is not None:
            status = int(found[4])
            session.code = status >> 8 if not status & 0xFF else None


def chosen(log: Log, name: str, wanted: str | None) -> Session:
    """Return the session that is asked for, or the only one. Raises LogError."""
    if not log.sessions:
        raise LogError(f"{name}: expected lines of recordio, or of fixsmtpio with FIXSMTPIODEBUG")
    if wanted is None and len(log.sessions) == 1:
        return log.sessions[0]
    known = ", ".join(session.id for session in log.sessions[:20])
    if wanted is None:
        raise LogError(f"{name}: expected --session, one of {known}")
    found = next((session for session in log.sessions if session.id == wanted), None)
    if found is None:
        raise LogError(f"{name}: no session {wanted}: expected one of {known}")
    return found


def _shown(time: float) -> str:
    try:
        return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError, OSError):
        return f"{time:.0f}"
