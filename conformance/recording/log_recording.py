"""A session of a log as a recording: who said what on which lane, made-up passwords, the control files."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from conformance.format import octets
from conformance.playing.verdicts import Moment
from conformance.recording.log_sessions import STARTED, Piece, Session
from conformance.recording.passwords import Login, Passwords
from conformance.recording.recording import Recording

TOGETHER: Final = 0.05
"""Seconds: lines that came within them were one packet."""
_PASSWORDS: Final = "passwords are made up: those of the log stand nowhere"
_TLS: Final = (b"220 ", b"+OK")


def moments(session: Session, passwords: Passwords) -> list[Moment]:
    """Return what a session tells, without its passwords."""
    found = list(_tls_lanes(_moments(session, passwords)))
    if session.code is not None:
        found.append(Moment(found[-1].time if found else 0.0, "S", what=f"exit {session.code}"))
    return found


def _moments(session: Session, passwords: Passwords) -> Iterator[Moment]:
    time, child = 0.0, ""
    for lane, what, group in _packets(session.pieces):
        times = [piece.line.time for piece in group if piece.line.time is not None]
        time = max(time, times[0]) if times else time
        if group[0].child != child:
            child = group[0].child
            yield Moment(time, "c", what="start")
        data = _message(group) if group[0].message else b"".join(piece.data for piece in group)
        if lane == "C":
            shown = passwords.rest() if what else passwords.from_client(data)
        elif lane in ("S", "s"):
            shown = passwords.from_server(data) if lane == "S" else passwords.in_between(data)
        else:
            shown = passwords.in_between(data)
        if shown:
            yield Moment(time, lane, shown)
        if shown and group[0].message:  # the server hears it with its line ends made whole (FIX-DATA-5)
            yield Moment(time, "c", shown.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        if what:
            yield Moment(time, lane, what=what)
            if lane == "S":
                passwords.server_ends()
    if rest := passwords.rest():
        yield Moment(time, "C", rest)


def _packets(pieces: Sequence[Piece]) -> Iterator[tuple[str, str, list[Piece]]]:
    """Yield the lines of one side that came together."""
    number, before = 0, None
    numbered = []
    for piece in pieces:
        same = before is not None and (before.lane, before.what, before.child, before.message) == (
            piece.lane,
            piece.what,
            piece.child,
            piece.message,
        )
        apart = before is not None and (piece.line.time or 0) - (before.line.time or 0) > TOGETHER
        number += not same or apart
        numbered.append((number, piece))
        before = piece
    for _, some in groupby(numbered, key=lambda pair: pair[0]):
        group = [piece for _, piece in some]
        yield group[0].lane, group[0].what, group


def _message(group: Sequence[Piece]) -> bytes:
    """Return the bytes of a message: where no line has a CR the client's lines ended in LF alone."""
    bare = not any(piece.data.endswith(b"\n") for piece in group)
    return b"".join(piece.data + b"\n" * bare for piece in group)


def _tls_lanes(told: Iterator[Moment]) -> Iterator[Moment]:
    """Yield what a session of fixsmtpio tells, with the lanes inside TLS behind its STARTTLS."""
    inside = False
    for moment in told:
        lane = moment.lane + "T" if inside and moment.lane in ("C", "S") else moment.lane
        yield replace(moment, lane=lane)
        if not inside and moment.lane == "S" and STARTED in moment.data:
            inside = True
            yield Moment(moment.time, "T", b"Y")


def users(logins: Sequence[Login]) -> tuple[str, ...]:
    """Return the `users:` lines with which the logins come out as they did."""
    found = {
        login.user: login.password for login in logins if login.accepted and login.user and login.password
    }
    return tuple(f"{_word(user)} {_word(password)} uid=1001" for user, password in found.items())


def _word(data: bytes) -> str:
    return octets.write(data + b"|")[:-1].replace(" ", "\\s")


def of_filter(session: Session, origin: str, files: Mapping[str, bytes], env: Sequence[str]) -> Recording:
    """Return the recording of a session of fixsmtpio's."""
    told = moments(session, Passwords())
    said = b"".join(moment.data for moment in told if moment.lane == "S")
    server = next((piece.server for piece in session.pieces if piece.server), "ofmipd")
    env = [*env]
    if said.startswith(b"235") and not _has(env, "AUTHUP_USER"):
        env.append("AUTHUP_USER=somebody")
    if STARTED in said and not _has(env, "UCSPITLS"):
        env.append("UCSPITLS=")
    return Recording(
        chain=("{fixsmtpio}", f"{{{server}}}"),
        moments=tuple(told),
        uid=1001,
        env=tuple(env),
        files=files or {"control/me": _greeting_name(said) + b"\n"},
        origin=origin,
        exact=False,
        comments=(_PASSWORDS, *cut_lines(session)),
    )


def of_client(
    session: Session, origin: str, files: Mapping[str, bytes], env: Sequence[str], chain: Sequence[str]
) -> tuple[Recording, list[Login]]:
    """Return the recording of the client's side, which recordio saw, and its logins, for filled()."""
    passwords = Passwords()
    told = _plaintext(moments(session, passwords))
    said = b"".join(moment.data for moment in told if moment.lane == "S")
    env = [*env]
    if b"STARTTLS" in said.upper() or b"\nSTLS\r\n" in said.upper():
        env += [] if _has(env, "UCSPITLS") else ["UCSPITLS="]
    recording = Recording(
        chain=tuple(chain),
        moments=tuple(told),
        uid=0 if "{authup}" in chain else 1001,
        users=users(passwords.logins),
        env=tuple(env),
        files=files or dict(_files(said)),
        origin=origin,
        exact=False,
        comments=(_PASSWORDS, *cut_lines(session)),
    )
    return recording, passwords.logins


def cut_lines(session: Session) -> list[str]:
    """Return what there is to say of lines that have lost their end."""
    cut = [str(piece.line.number) for piece in session.pieces if piece.cut]
    return [f"lines of the log that have lost their end: {' '.join(cut[:10])}"] if cut else []


def _has(env: Sequence[str], name: str) -> bool:
    return any(line.partition("=")[0] == name for line in env)


def _plaintext(told: Sequence[Moment]) -> list[Moment]:
    """Return what was said until TLS began: the rest of the log is ciphertext."""
    asked = False
    for number, moment in enumerate(told):
        if moment.lane == "C":
            asked = moment.data.upper().startswith((b"STARTTLS\r\n", b"STLS\r\n"))
        elif asked and moment.lane == "S" and moment.data.startswith(_TLS):
            return list(told[: number + 1])
    return list(told)


def _greeting_name(said: bytes) -> bytes:
    """Return the host name that a session shows."""
    first = said.partition(b"\r\n")[0]
    if first.startswith(b"+OK <"):
        return first.partition(b"@")[2].rstrip(b">") or b"mail.example.org"
    return first[4:].removesuffix(b" ESMTP").strip() or b"mail.example.org"


def _files(said: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield control files with which authup says what it said in the log, where no others are given."""
    lines = said.split(b"\r\n")
    name = _greeting_name(said) + b"\n"
    if said.startswith(b"+OK"):
        yield "control/pop3greeting", name
        start = next((n for n, line in enumerate(lines) if line.startswith(b"+OK capability")), None)
        if start is not None:
            listed = lines[start + 1 : lines.index(b".", start)] if b"." in lines[start:] else []
            kept = [line for line in listed if line not in (b"STLS", b"USER")]
            yield "control/pop3capabilities", b"".join(line + b"\n" for line in kept)
        return
    yield "control/smtpgreeting", name
    start = next((n for n, line in enumerate(lines) if line == b"250-" + name.rstrip(b"\n")), None)
    if start is not None:
        kept = []
        for line in lines[start + 1 :]:
            if line.startswith(b"250") and not line[4:].upper().startswith((b"AUTH", b"STARTTLS")):
                kept.append(line[4:])
            if line[3:4] != b"-":
                break
        yield "control/smtpcapabilities", b"".join(line + b"\n" for line in kept)
