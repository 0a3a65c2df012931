"""Each invariant is provoked once, and stays silent once."""

import base64
from collections.abc import Mapping, Sequence

import pytest

from conformance.format.talk_parser import parse
from conformance.playing.beats import understand
from conformance.playing.invariants import broken
from conformance.playing.seen import Seen
from conformance.playing.stage import Ended, Opening, Process, Program
from conformance.playing.verdicts import Moment

SMTP = "{authup} smtp {checkpassword} {fixsmtpio} {ofmipd}"
POP3 = "{authup} pop3 {checkpassword} {qmail-pop3d}"
RECORD = ("fd3", b"alice\0wrong-one\0\0")
LISTED = b"+OK capability list follows\r\n"
REFUSED = b"535 authup authorization failed (#5.7.0)\r\n"
FULL = frozenset({"exact-time"})


def seen(
    *moments: tuple[str, bytes] | tuple[str, bytes, float],
    run: str = SMTP,
    processes: Sequence[Process] = (),
    observes: frozenset[str] = FULL,
    env: Mapping[bytes, bytes] = {},
    talk: str = "",
    whole: bool = True,
) -> Seen:
    files = "-- control/fixsmtpio --\n:rset:pre :*:0:x\n"
    score = understand(parse(f"run: {run}\nusers: alice secret\n{files}-- talk --\n{talk}"))
    record = [
        Moment(
            moment[2] if len(moment) > 2 else 0.0, moment[0], moment[1], "start 9 ofmipd" * (not moment[1])
        )
        for moment in moments
    ]
    return Seen(
        score, score.beats, record, processes, observes, Opening(score.chain, score.files, env), whole
    )


def process(
    name: str, *, code: int | None = 0, pid: int = 1, observed: bool = True, **seen: object
) -> Process:
    return Process(
        pid,
        0,
        [Program(name, (name.encode(),), **seen)],  # type: ignore[arg-type]
        Ended(code, None) if observed else None,
        observed_end=observed,
    )


BROKEN = {
    "1 the log": (1, seen(RECORD, ("E", b"authup: wrong-one\n"))),
    "1 of the users table": (1, seen(("E", b"is it secret?\n"))),
    "1 a record in pieces": (1, seen(("fd3", b"alice\0wro"), ("fd3", b"ng-one\0\0"), ("E", b"wrong-one\n"))),
    "1 the second record": (1, seen(RECORD, ("fd3", b"bob\0another\0\0"), ("E", b"another\n"))),
    "1 base64": (1, seen(("E", base64.b64encode(b"secret")))),
    "1 base64 of the whole answer": (1, seen(("E", base64.b64encode(b"\0alice\0secret") + b"\n"))),
    "1 base64 of another answer": (1, seen(("E", base64.b64encode(b"\0alic\0secret") + b"\n"))),
    "1 environment": (1, seen(processes=[process("ofmipd", env={b"PASS": b"secret"})])),
    "1 argument": (1, seen(processes=[process("secret")])),
    "2 checkpassword": (2, seen(processes=[process("checkpassword", fds=frozenset({0, 1, 2, 3, 7}))])),
    "2 the inner program": (2, seen(processes=[process("ofmipd", fds=frozenset({0, 1, 2, 3}))])),
    "6 no code": (6, seen(("S", b"hello\r\n"))),
    "6 no CR": (6, seen(("S", b"220 x\n"))),
    "6 too long": (6, seen(("S", b"220 " + b"x" * 507 + b"\r\n"))),
    "6 two codes": (6, seen(("S", b"250-x\r\n220 x\r\n"), ("C", b"EHLO x\r\n"))),
    "6 no last line": (6, seen(("S", b"220 x\r\n"), ("C", b"EHLO x\r\n"), ("S", b"250-x\r\n250-y\r\n"))),
    "6 no last line inside TLS": (6, seen(("CT", b"EHLO x\r\n"), ("ST", b"250-x\r\n"))),
    "7 unasked": (7, seen(("S", b"220 x\r\n221 x\r\n221 x\r\n"))),
    "7 inside TLS": (7, seen(("ST", b"220 x\r\n221 x\r\n"))),
    "7 asked for only later": (7, seen(("S", b"220 x\r\n221 x\r\n221 x\r\n"), ("C", b"NOOP\r\n" * 9))),
    "7 in pieces": (7, seen(("S", b"220 x\r\n22"), ("S", b"1 x\r\n221 x\r"), ("S", b"\n"))),
    "7 in POP3": (7, seen(("S", b"+OK <x>\r\n" + b"+OK \r\n" * 2), run=POP3)),
    "7 errors in POP3": (7, seen(("CT", b"NOOP\r\n"), ("ST", b"-ERR x\r\n" * 3), run=POP3)),
    "7 behind a list": (7, seen(("CT", b"CAPA\r\n"), ("ST", LISTED + b".\r\n+OK \r\n+OK \r\n"), run=POP3)),
    "8 never an end": (8, seen(("C", b"CAPA\r\n"), ("S", LISTED + b"USER\r\n"), run=POP3)),
    "8 never an end inside TLS": (8, seen(("CT", b"CAPA\r\n"), ("ST", LISTED), run=POP3)),
    "8 no end": (8, seen(("S", b"+OK capability list follows\r\nUSER\r\n+OK \r\n"), run=POP3)),
    "8 a dot": (8, seen(("S", b"+OK capability list follows\r\n.x\r\n.\r\n"), run=POP3)),
    "9": (9, seen(("T", b"Y"), ("CT", b"EHLO x\r\n"), ("S", b"250 x\r\n"))),
    "10": (10, seen(("C", b"NOOP\r\n"), ("c", b"NOOP\r\nQUIT\r\n"))),
    "10 the beginning of a line": (10, seen(("C", b"NOOP\r\n"), ("c", b"NO\r\n"))),
    "10 the end of a line": (10, seen(("C", b"NOOP\r\n"), ("c", b"OP\r\n"))),
    "10 behind what is put in front": (10, seen(("C", b"RSET\r\n"), ("c", b"pre QUIT\r\n"))),
    "10 in front of that": (10, seen(("C", b"RSET\r\n"), ("c", b"xpre RSET\r\n"))),
    "10 half a line": (10, seen(("C", b"NOOP\r\n"), ("c", b"NOOP\r\nQUI"))),
    "10 the second program": (10, seen(("C", b"NOOP\r\n"), ("c", b"NO"), ("proc", b""), ("c", b"OP\r\n"))),
    "11": (11, seen(processes=[process("authup", code=99)])),
    "12 bytes": (12, seen(("S", REFUSED), ("S", b"535 unknown user\r\n"), ("C", b"\n\n"))),
    "12 delay": (12, seen(RECORD, ("S", REFUSED, 5.0), RECORD, ("S", REFUSED, 7.0), ("C", b"\n\n"))),
    "12 no delay": (12, seen(RECORD, ("S", REFUSED, 0.0), RECORD, ("S", REFUSED, 5.0), ("C", b"\n\n"))),
}
SILENT = {
    "1 a short one": seen(("fd3", b"alice\0abcd\0\0"), ("E", b"abcd\n")),
    "1 the name itself": seen(("fd3", b"alice\0alice\0\0"), ("E", b"login attempt by alice\n")),
    "2 checkpassword": seen(processes=[process("checkpassword", fds=frozenset({0, 1, 2, 3}))]),
    "2 the first of the chain": seen(processes=[process("authup", fds=frozenset({0, 1, 2, 7}))]),
    "2 without a filter": seen(
        processes=[process("ofmipd", fds=frozenset({0, 1, 2, 7}))], env={b"NOFIXSMTPIO": b""}
    ),
    "6 the longest": seen(("S", b"220 " + b"x" * 506 + b"\r\n")),
    "6 behind the login": seen(("S", b"220 x\r\n"), ("proc", b""), ("S", b"hello\n")),
    "6 the login cut it off": seen(("C", b"EHLO x\r\n"), ("S", b"250-x\r\n"), ("proc", b"")),
    "6 something was wrong before": seen(("C", b"EHLO x\r\n"), ("S", b"250-x\r\n"), whole=False),
    "6 the client left": seen(("C", b"EHLO x\r\n"), ("S", b"250-x\r\n"), talk="C! hangup\n"),
    "6 the front end left": seen(("CT", b"EHLO x\r\n"), ("ST", b"250-x\r\n"), talk="T! hangup\n"),
    "6 a signal": seen(("C", b"EHLO x\r\n"), ("S", b"250-x\r\n"), talk="A! signal KILL authup\n"),
    "7 greeting and last word": seen(("S", b"220 x\r\n"), ("S", b"421 x\r\n")),
    "7 the next is on its way": seen(("S", b"220 x\r\n421 x\r\n2"), ("proc", b"")),
    "7 in POP3": seen(
        ("S", b"+OK <x>\r\n"), ("C", b"NOOP\r\nUSER x\r\n"), ("S", b"+OK \r\n+OK \r\n-ERR x\r\n"), run=POP3
    ),
    "7 what is in a list": seen(
        ("S", b"+OK <x>\r\n"), ("C", b"CAPA\r\n"), ("S", LISTED + b"A\r\n" * 9 + b".\r\n"), run=POP3
    ),
    "8 the client left": seen(("C", b"CAPA\r\n"), ("S", LISTED), run=POP3, talk="C! reset\n"),
    "8 the login cut it off": seen(("C", b"CAPA\r\n"), ("S", LISTED), ("proc", b""), run=POP3),
    "7 several lines": seen(("S", b"220 x\r\n"), ("C", b"EHLO x\r\n"), ("S", b"250-x\r\n250-y\r\n250 z\r\n")),
    "8": seen(("S", b"+OK capability list follows\r\nUSER\r\n..x\r\n.\r\n+OK \r\n"), run=POP3),
    "9 the order": seen(("T", b"Y"), ("S", b"220 x\r\n"), ("CT", b"x\r\n"), ("ST", b"250 x\r\n")),
    "9 not ordered": seen(("proc", b""), ("CT", b"x\r\n"), ("S", b"250 x\r\n")),
    "10": seen(("C", b"NOOP\r\nRSET\r\n"), ("c", b"NOOP\r\npre RSET\r\n"), ("CT", b"x\r\n"), ("c", b"x\r\n")),
    "10 not yet a line": seen(("C", b"NOOP\r\n"), ("c", b"NO")),
    "10 to two programs": seen(("C", b"NOOP\r\n"), ("c", b"NO"), ("proc", b""), ("c", b"NOOP\r\n")),
    "10 twice in front": seen(("C", b"RSET\r\n"), ("c", b"NOOP fixsmtpio DATA BLOCK pre RSET\r\n")),
    "10 behind a chunk": seen(("C", b"BDAT 2\r\nxxRSET\r\n"), ("c", b"NOOP fixsmtpio BDAT 2\r\nRSET\r\n")),
    "11 of what it ran": seen(processes=[process("authup", code=99), process("ofmipd", code=99, pid=2)]),
    "11 not seen": seen(processes=[process("authup", code=99), process("ofmipd", pid=2, observed=False)]),
    "12": seen(RECORD, ("S", REFUSED, 5.0), RECORD, ("S", REFUSED, 15.0), ("C", b"\n\n")),
    "12 in real time": seen(
        RECORD, ("S", REFUSED, 5.01), RECORD, ("S", REFUSED, 10.0), ("C", b"\n\n"), observes=frozenset()
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_it_fires(name: str) -> None:
    number, run = BROKEN[name]
    notes = [finding.note for finding in broken(run)]
    assert len(notes) == 1
    assert notes[0].startswith(f"invariant {number}: ")


@pytest.mark.parametrize("name", SILENT)
def test_it_is_silent(name: str) -> None:
    assert broken(SILENT[name]) == []
