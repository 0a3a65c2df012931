"""DATA: what starts a message, what ends it, what passes, and that nothing behind it goes unfiltered
(FIX-DATA-1 to -7, FIX-REQ-5, FIX-EV-3).
"""

import pytest

from tests.core.conftest import Cases
from tests.core.exchange import play, scenarios

ANSWERS = r"""
FIX-DATA-1 354 starts the message
    R: :rset:NOOP :*::
    R: :in_data::250*::250 taken
    greeted
    C: data
    C: RSET
    C: .
    C: RSET
    c: data
    s: 354 go
    S: 354 go
    c: RSET
    c: .
    s: 250 ok
    S: 250 taken
    c: NOOP RSET
    s: 250 ok
FIX-DATA-1 DATA with an argument
    greeted
    C: DATA now
    C: x
    C: .
    c: DATA now
    s: 354-well
    s: 354 go
    S: 354-well
    S: 354 go
    c: x
    c: .
    s: 250 ok
    S: 250 ok
FIX-DATA-1 any other answer does not
    R: :rset:NOOP :*::250 ok
    greeted
    C: DATA
    C: RSET
    C: .
    c: DATA
    s: 354-looks like it
    s: 503 RCPT first
    S: 354-looks like it
    S: 503 RCPT first
    c: NOOP RSET
    s: 250 noop
    S: 250 ok
    c: .
    s: 502 no
    S: 502 no
FIX-DATA-1 355 does not
    R: :rset:NOOP :*::
    greeted
    C: DATA
    C: RSET
    c: DATA
    s: 355 go
    S: 355 go
    c: NOOP RSET
    s: 250 ok
FIX-DATA-1 whatever rules make of the reply: replaced
    R: :rset:NOOP :*::
    R: :data::*::500 no
    greeted
    C: DATA
    C: RSET
    C: .
    c: DATA
    s: 354 go
    S: 500 no
    c: RSET
    c: .
    s: 250 ok
    S: 250 ok
FIX-DATA-1 whatever rules make of the reply: removed
    R: :rset:NOOP :*::
    R: :data::*::
    greeted
    C: DATA
    C: RSET
    C: .
    c: DATA
    s: 354 go
    c: RSET
    c: .
    s: 250 ok
    S: 250 ok
FIX-DATA-1 whatever rules make of the reply: no 354 of theirs starts it
    R: :rset:NOOP :*::
    R: :data::*::354 go
    greeted
    C: DATA
    C: RSET
    c: DATA
    s: 503 no
    S: 354 go
    c: NOOP RSET
    s: 250 ok
FIX-DATA-1 rules in the way
    R: :data:NOOP :*::502 no
    R: :rset:X-:*::
    greeted
    C: DATA
    C: RSET
    c: NOOP DATA
    s: 250 ok
    S: 502 no
    c: X-RSET
    s: 250 ok
FIX-DATA-1 354 to another request
    R: :rset:X-:*::
    greeted
    C: FROB
    C: RSET
    c: FROB
    s: 354 go
    S: 354 go
    c: X-RSET
    s: 250 ok
FIX-REQ-5 nothing is read before the reply
    R: :rset:NOOP :*::
    greeted
    C: MAIL
    C: DATA
    C: RSET
    c: MAIL
    c: DATA
    --
    s: 250 ok
    S: 250 ok
    --
    s: 354 go
    S: 354 go
    c: RSET
    --
FIX-EV-3 in_data before the message has ended
    R: :in_data::*::552 mine
    R: :timeout::*::421 nobody asked
    R: :rset:X-:*::
    greeted
    C: DATA
    c: DATA
    s: 354 go
    S: 354 go
    C: one
    C: two
    c: one
    s: 552 too much
    S: 552 mine
    c: two
    C: .
    C: RSET
    c: .
    c: X-RSET
    s: 250 ok
FIX-EV-3 in_data with an exit code
    R: :in_data::4*:8:
    greeted
    C: DATA
    C: one
    c: DATA
    s: 354 go
    S: 354 go
    c: one
    s: 451 timeout
    s! exit 1
    S! exit 8
FIX-EV-3 a second reply in a message
    R: :in_data::*::552 mine
    R: :timeout::*::421 nobody asked
    greeted
    C: DATA
    C: one
    c: DATA
    s: 354 go
    S: 354 go
    c: one
    s: 552 too much
    s: 421 bye
    S: 552 mine
    S: 421 nobody asked
FIX-DATA-4 what follows the end in the same packet is filtered, pipelined requests in order
    R: :in_data::*::250 mine
    R: :rset::*::250 flushed
    R: :data::2*::250 not this
    greeted
    C: DATA
    C: x
    C: .
    C: RSET
    C: DATA
    C: y
    C: .
    C: RSET
    c: DATA
    s: 354 go
    S: 354 go
    c: x
    c: .
    c: RSET
    c: DATA
    s: 250 ok
    s: 250 ok
    S: 250 mine
    S: 250 flushed
    s: 354 go
    S: 354 go
    c: y
    c: .
    c: RSET
    s: 250 ok
    s: 250 ok
    S: 250 mine
    S: 250 flushed
FIX-DATA-6 EOF inside a message
    greeted
    C: DATA
    C: x
    C: .\
    C! eof
    c: DATA
    s: 354 go
    S: 354 go
    c: x
    c: .\
    c! eof
    s! exit 1
    S! exit 1
FIX-DATA-6 EOF inside an empty message
    greeted
    C: DATA
    C! eof
    c: DATA
    s: 354 go
    S: 354 go
    c! eof
    s! exit 1
    S! exit 1
FIX-DATA-7 no reply is invented
    greeted
    C: DATA
    C: x
    C: .
    C! eof
    c: DATA
    s: 354 go
    S: 354 go
    c: x
    c: .
    c! eof
    --
    s! eof
    s! exit 1
    S! exit 1
FIX-DATA-7 the server's no
    greeted
    C: DATA
    C: x
    C: .
    c: DATA
    s: 354 go
    S: 354 go
    c: x
    c: .
    s: 554 permanently rejected
    S: 554 permanently rejected
"""


@pytest.mark.parametrize("talk", scenarios(ANSWERS))
def test_data(talk: str, cases: Cases) -> None:
    play(talk, cases)


ENDS = [
    pytest.param(r".\r\n", r".\r\n", id="at the start"),
    pytest.param(r"\r\n.\r\n", r"\r\n.\r\n", id="behind an empty line"),
    pytest.param(r"x\r\n.\r\n", r"x\r\n.\r\n", id="behind a line"),
    pytest.param(r"x.\r\n.\r\n", r"x.\r\n.\r\n", id="behind a dot in mid-line"),
    pytest.param(r"x\r\r\n.\r\n", r"x\r\r\n.\r\n", id="behind two CRs"),
    pytest.param(r"x\n\r\n.\r\n", r"x\r\n\r\n.\r\n", id="behind a bare LF and an empty line"),
    pytest.param(r"\0\xff\r\n.\r\n", r"\0\xff\r\n.\r\n", id="behind other bytes"),
]
NO_ENDS = [
    pytest.param(r"x\n.\ny", r"x\r\n..\r\ny", id="LF . LF"),
    pytest.param(r"x\n.\r\ny", r"x\r\n..\r\ny", id="LF . CRLF"),
    pytest.param(r"x\r\n.\ny", r"x\r\n..\r\ny", id="CRLF . LF"),
    pytest.param(r".\ny", r"..\r\ny", id=". LF at the start"),
    pytest.param(r"\n.\r\ny", r"\r\n..\r\ny", id="LF . CRLF at the start"),
    pytest.param(r"x\n.\n.\ny", r"x\r\n..\r\n..\r\ny", id="LF . LF . LF"),
    pytest.param(r"x\n.\n.\r\ny", r"x\r\n..\r\n..\r\ny", id="LF . LF . CRLF"),
    pytest.param(r"x\n..\ny", r"x\r\n...\r\ny", id="LF . . LF"),
    pytest.param(r"x\r\n..\r\ny", r"x\r\n..\r\ny", id="CRLF . . CRLF"),
    pytest.param(r"x\r\n.y\r\n", r"x\r\n.y\r\n", id="CRLF . more"),
    pytest.param(r"x\r\n. \r\ny", r"x\r\n. \r\ny", id="CRLF . blank"),
    pytest.param(r"x\r.\ry", r"x\r.\ry", id="CR . CR"),
    pytest.param(r"x\n.\ry", r"x\r\n..\ry", id="LF . CR"),
    pytest.param(r"x\r.\ny", r"x\r.\r\ny", id="CR . LF"),
    pytest.param(r"x\r.\r\ny", r"x\r.\r\ny", id="CR . CRLF"),
    pytest.param(r"x\r\n.\ry", r"x\r\n.\ry", id="CRLF . CR"),
    pytest.param(r"x\r\n.\r\r\ny", r"x\r\n.\r\r\ny", id="CRLF . CR CRLF"),
    pytest.param(r"x\r\n\0.\r\ny", r"x\r\n\0.\r\ny", id="CRLF NUL . CRLF"),
    pytest.param(r"x\r\n.\0\r\ny", r"x\r\n.\0\r\ny", id="CRLF . NUL CRLF"),
    pytest.param(r"x.\r\ny", r"x.\r\ny", id="a dot in mid-line"),
    pytest.param(r"x\n\n\ny", r"x\r\n\r\n\r\ny", id="LF LF LF"),
]


@pytest.mark.parametrize(("message", "passed"), ENDS)
def test_a_message_ends(message: str, passed: str, cases: Cases) -> None:
    """FIX-DATA-3 and -4: whatever the cut, the next line is a request under its rules."""
    play(
        "R: :rset:NOOP :*::250 flushed\nR: :in_data::*::250 taken\ngreeted\n"
        f"C: DATA\nc: DATA\ns: 354 go\nS: 354 go\nC: {message}\\\nC: RSET\nc: {passed}\\\ns: 250 ok\n"
        "S: 250 taken\nc: NOOP RSET\ns: 250 ok\nS: 250 flushed\n",
        cases,
    )


@pytest.mark.parametrize(("message", "passed"), NO_ENDS)
def test_a_message_does_not_end(message: str, passed: str, cases: Cases) -> None:
    """FIX-DATA-3 and -5: RSET behind it is text, and no server sees an end before ours."""
    play(
        "R: :rset:NOOP :*::\nR: :quit:NOOP :*::\ngreeted\n"
        f"C: DATA\nc: DATA\ns: 354 go\nS: 354 go\nC: {message}\\\nC:\nC: RSET\nC: .\nC: QUIT\n"
        f"c: {passed}\\\nc:\nc: RSET\nc: .\ns: 250 ok\nS: 250 ok\nc: NOOP QUIT\ns: 221 bye\n",
        cases,
    )
