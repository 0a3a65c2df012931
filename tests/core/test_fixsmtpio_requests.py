"""Requests on their way to the server: FIX-REQ-1 to -8, pipelining, AUTH, BDAT, overlong lines (LIM-4)."""

import time

import pytest

from acceptutils.actions import Action, Send, ToServer
from acceptutils.fixsmtpio import Filter
from acceptutils.ucspitls import Tls
from tests.core.conftest import Cases
from tests.core.exchange import play, scenarios

VERBS = r"""
FIX-REQ-1 the verb ends at the first space, in any case
    R: :noop:X-:*::
    greeted
    C: nOOp  a b
    c: X-nOOp  a b
    s: 250 ok
FIX-REQ-1 the verb is the line without LF and one CR
    R: :noop:X-:*::
    greeted
    C: NOOP
    C: NOOP\n\
    C: NOOP\r
    c: X-NOOP
    s: 250 ok
    c: X-NOOP\n\
    s: 250 ok
    c: NOOP\r
    s: 250 three
    S: 250 three
FIX-REQ-1 the verb ends at a NUL
    R: :noop:X-:*::
    greeted
    C: NOOP\0MORE x
    c: X-NOOP\0MORE x
    s: 250 ok
FIX-REQ-1 a leading space, TAB or colon is part of the verb
    R: :noop:X-:*::
    greeted
    C: \x20NOOP
    C: \tNOOP
    C: NOOP\tx
    C: :NOOP
    C: NOOP: x
    C: NOO
    C: NOOPX
    c: \x20NOOP
    s: 250 1
    S: 250 1
    c: \tNOOP
    s: 250 2
    S: 250 2
    c: NOOP\tx
    s: 250 3
    S: 250 3
    c: :NOOP
    s: 250 4
    S: 250 4
    c: NOOP: x
    s: 250 5
    S: 250 5
    c: NOO
    s: 250 6
    S: 250 6
    c: NOOPX
    s: 250 7
    S: 250 7
FIX-REQ-1 an event with a leading space
    R: : noop:X-:*::
    greeted
    C: \x20NOOP now
    C: NOOP
    c: X- NOOP now
    s: 250 1
    c: NOOP
    s: 250 2
    S: 250 2
FIX-REQ-1 the empty line matches nothing
    R: : :X-:*::
    R: :noop:X-:*::
    greeted
    C:
    C: \n\
    C: \0NOOP
    c:
    s: 500 1
    S: 500 1
    c: \n\
    s: 500 2
    S: 500 2
    c: \0NOOP
    s: 500 3
    S: 500 3
FIX-REQ-2 prepends, the last one first, without a space, whatever glob and exit code say
    V: HAS=
    R: :noop:A:nothing:9:250 no
    R: HAS:NOOP:B :nothing:
    R: NOT:noop:C:*:
    R: :noop::*:
    R: :rset:D:*:
    greeted
    C: NOOP x
    c: B ANOOP x
    s: 250 ok
    S: 250 ok
FIX-REQ-3 everything byte for byte, before any reply, the greeting's included
    C: MAIL FROM:<a\0\xff\r>  \x20
    C: RCPT TO:<b>\n\
    C: frob
    c: MAIL FROM:<a\0\xff\r>  \x20
    c: RCPT TO:<b>\n\
    c: frob
    s: 220 hi
    s: 250 mail
    s: 250 rcpt
    s: 500 frob
    S: 220 hi
    S: 250 mail
    S: 250 rcpt
    S: 500 frob
FIX-REQ-4 an incomplete line waits
    greeted
    C: NOOP\
    --
    C: \x20more\r\
    --
    C: \n\
    c: NOOP more
    s: 250 ok
    S: 250 ok
FIX-RESP-2 the event of a reply is its request's
    R: :a::*::250 to a
    R: :b::*::250 to b
    greeted
    C: B
    C: A
    C: C
    C: A
    c: B
    c: A
    c: C
    c: A
    s: 250 1
    s: 250 2
    s: 250 3
    s: 250 4
    S: 250 to b
    S: 250 to a
    S: 250 3
    S: 250 to a
FIX-REQ-6 pseudo events from the client
    R: :greeting:X:*:1:500 hidden
    R: :timeout:X:*:2:500 hidden
    R: :clienteof:X:*:3:
    R: :in_data:X:*:4:500 hidden
    --
    C: GREETING
    C: Timeout x
    C: CLIENTEOF
    C: in_data
    c: GREETING
    c: Timeout x
    c: CLIENTEOF
    c: in_data
"""


@pytest.mark.parametrize("talk", scenarios(VERBS))
def test_verbs_and_prepends(talk: str, cases: Cases) -> None:
    play(talk, cases)


PSEUDO = r"""
FIX-REQ-6 greeting
    R: :greeting::500*:1:500 hidden
    greeted
    C: GREETING
    c: GREETING
    s: 500 a
    S: 500 a
FIX-REQ-6 timeout
    R: :timeout:X:500*:1:500 hidden
    greeted
    C: TIMEOUT
    c: TIMEOUT
    s: 500 a
    S: 500 a
FIX-REQ-6 clienteof
    R: :clienteof:X:*:1:
    greeted
    C: clienteof
    c: clienteof
    s: 500 a
    S: 500 a
FIX-REQ-6 in_data
    R: :in_data:X:*:1:500 hidden
    greeted
    C: IN_data
    c: IN_data
    s: 500 a
    S: 500 a
"""


@pytest.mark.parametrize("talk", scenarios(PSEUDO))
def test_a_client_cannot_say_pseudo_events(talk: str, cases: Cases) -> None:
    play(talk, cases)


AUTH = r"""
FIX-REQ-7 a continuation is event auth and has no prepend
    R: :auth:X-:2*::235 mine
    R: :auth::334*::334 Mine
    R: :noop:NO:*::
    greeted
    C: AUTH LOGIN
    C: noop
    C: QUIT
    C: noop
    c: X-AUTH LOGIN
    s: 334 a
    S: 334 Mine
    c: noop
    s: 334 b
    S: 334 Mine
    c: QUIT
    s: 235 ok
    S: 235 mine
    c: NOnoop
    s: 250 ok
FIX-REQ-7 the client cancels
    greeted
    C: AUTH LOGIN
    C: *
    C: NOOP
    c: AUTH LOGIN
    s: 334 a
    S: 334 a
    c: *
    s: 501 cancelled
    S: 501 cancelled
    c: NOOP
    s: 250 ok
    S: 250 ok
FIX-REQ-7 refused at once: the next line is a request
    R: :noop:X-:*::250 mine
    greeted
    C: AUTH PLAIN
    C: NOOP
    c: AUTH PLAIN
    s: 504 no
    S: 504 no
    c: X-NOOP
    s: 250 ok
    S: 250 mine
FIX-REQ-7 refused by the rules
    R: :auth:NOOP :*::502 no
    R: :noop:X-:*::250 mine
    greeted
    C: AUTH PLAIN
    C: NOOP
    c: NOOP AUTH PLAIN
    s: 250 ok
    S: 502 no
    c: X-NOOP
    s: 250 ok
    S: 250 mine
FIX-REQ-7 the 334 may be rewritten or removed
    R: :auth::334*::
    R: :noop:X-:*::250 mine
    greeted
    C: AUTH PLAIN
    C: NOOP
    c: AUTH PLAIN
    s: 334-a
    s: 334 b
    c: NOOP
    s: 235 ok
    S: 235 ok
FIX-REQ-7 only the last line's code counts
    R: :noop:X-:*::250 mine
    greeted
    C: AUTH PLAIN
    C: NOOP
    c: AUTH PLAIN
    s: 334-a
    s: 504 b
    S: 334-a
    S: 504 b
    c: X-NOOP
    s: 250 ok
    S: 250 mine
FIX-REQ-7 334 to another request is no continuation
    R: :noop:X-:*::250 mine
    greeted
    C: FROB
    C: NOOP
    c: FROB
    s: 334 a
    S: 334 a
    c: X-NOOP
    s: 250 ok
    S: 250 mine
FIX-REQ-7 DATA and STARTTLS as continuations are only words
    greeted
    C: AUTH LOGIN
    C: DATA
    C: STARTTLS
    C: NOOP
    c: AUTH LOGIN
    s: 334 a
    S: 334 a
    c: DATA
    s: 334 b
    S: 334 b
    c: STARTTLS
    s: 535 no
    S: 535 no
    c: NOOP
    s: 250 ok
    S: 250 ok
"""


@pytest.mark.parametrize("talk", scenarios(AUTH))
def test_auth(talk: str, cases: Cases) -> None:
    play(talk, cases)


BDAT = r"""
FIX-REQ-8 the octets are neither commands nor message
    R: :ehlo::2*::&fixsmtpio
    R: :quit::*:7:
    greeted
    C: BDAT 12 LAST
    C: QUIT
    C: QUIT
    C: NOOP
    c: NOOP fixsmtpio BDAT BLOCK BDAT 12 LAST
    s: 250 ok
    S: 502 unimplemented (#5.5.1)
    c: NOOP
    s: 250 noop
    S: 250 noop
FIX-REQ-8 small letters, many blanks, no LAST, cut in mid-line
    R: :EHLO::2*::&fixsmtpio_fixup
    greeted
    C: bdat   4
    C: QUITNOOP
    c: NOOP fixsmtpio BDAT BLOCK bdat   4
    s: 250 ok
    S: 502 unimplemented (#5.5.1)
    c: NOOP
    s: 250 noop
    S: 250 noop
FIX-REQ-8 no octets
    R: :ehlo::2*::&fixsmtpio
    greeted
    C: BDAT 0 LAST
    C: BDAT
    C: BDAT x
    C: NOOP
    c: NOOP fixsmtpio BDAT BLOCK BDAT 0 LAST
    c: NOOP fixsmtpio BDAT BLOCK BDAT
    c: NOOP fixsmtpio BDAT BLOCK BDAT x
    c: NOOP
    s: 250 ok
    s: 250 ok
    s: 500 what
    s: 250 noop
    S: 502 unimplemented (#5.5.1)
    S: 502 unimplemented (#5.5.1)
    S: 502 unimplemented (#5.5.1)
    S: 250 noop
FIX-REQ-8 a number beyond all numbers
    R: :ehlo::2*::&fixsmtpio
    greeted
    C: BDAT 99999999999999999999999999 LAST
    C: QUIT
    c: NOOP fixsmtpio BDAT BLOCK BDAT 99999999999999999999999999 LAST
    s: 250 ok
    S: 502 unimplemented (#5.5.1)
FIX-REQ-8 the client ends among the octets
    R: :ehlo::2*::&fixsmtpio
    greeted
    C: BDAT 99
    C: QUIT
    C! eof
    c: NOOP fixsmtpio BDAT BLOCK BDAT 99
    s: 250 ok
    S: 502 unimplemented (#5.5.1)
    c! eof
    s! exit 0
    S! exit 0
FIX-REQ-8 prepends of bdat, and no other rule
    R: :ehlo::2*::&fixsmtpio
    R: :bdat:X-:*:9:250 fine
    greeted
    C: BDAT 1
    C: aNOOP
    c: X-NOOP fixsmtpio BDAT BLOCK BDAT 1
    s: 250 ok
    S: 502 unimplemented (#5.5.1)
    c: NOOP
    s: 250 ok
    S: 250 ok
FIX-REQ-8 without the ehlo routine nothing happens to it
    R: :ehlo::2*::250 mine
    greeted
    C: BDAT 4
    C: NOOP
    c: BDAT 4
    s: 502 no
    S: 502 no
    c: NOOP
    s: 250 ok
    S: 250 ok
FIX-REQ-8 the octets are no commands while TLS is required either
    T: required
    R: :ehlo::2*::&fixsmtpio
    greeted
    C: BDAT 10 LAST
    C: STARTTLS
    C: NOOP
    c: NOOP fixsmtpio STARTTLS FIRST BDAT 10 LAST
    s: 250 ok
    S: 530 Must start TLS first (#5.7.0)
    c: NOOP
    s: 250 ok
    S: 250 ok
"""


@pytest.mark.parametrize("talk", scenarios(BDAT))
def test_bdat(talk: str, cases: Cases) -> None:
    play(talk, cases)


def overlong(size: int, verb: str = "NOOP") -> str:
    """Return a request line of this many bytes with its ending."""
    return f"{verb} " + "x" * (size - len(verb) - 3)


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(f"C: {overlong(65536)}\nc: {overlong(65536)}\ns: 250 ok\nS: 250 ok\n", id="65536 bytes"),
        pytest.param(f"C: {overlong(65537)}\nS: 500 line too long (#5.5.6)\n", id="65537 bytes"),
        pytest.param(
            f"C: A\nC: {overlong(70000)}\nC: B\nc: A\ns: 250 a\nS: 250 a\n"
            "S: 500 line too long (#5.5.6)\nc: B\ns: 250 b\nS: 250 b\n",
            id="in its turn",
        ),
        pytest.param(
            f"C: {overlong(70000)}\nC: {overlong(140000)}\nC: NOOP\n"
            + "S: 500 line too long (#5.5.6)\n" * 2
            + "c: NOOP\ns: 250 ok\nS: 250 ok\n",
            id="several",
        ),
        pytest.param(
            f"R: :noop:X:*:9:250 no\nC: {overlong(70000)}\nS: 500 line too long (#5.5.6)\n",
            id="no event, no rules",
        ),
        pytest.param(f"T: required\nC: {overlong(70000)}\nS: 500 line too long (#5.5.6)\n", id="before TLS"),
        pytest.param(
            f"C: DATA\nC: {overlong(70000)}\nC: .\nc: DATA\ns: 354 go\nS: 354 go\nc: {overlong(70000)}\n"
            "c: .\ns: 250 ok\nS: 250 ok\n",
            id="not in a message",
        ),
        pytest.param(
            f"C: A\nC: {overlong(70000)}\nC! eof\nc: A\nc! eof\ns: 250 a\nS: 250 a\n"
            "S: 500 line too long (#5.5.6)\ns! exit 0\nS! exit 0\n",
            id="before the client's end",
        ),
        pytest.param(
            f"C: {overlong(70000)}\\\nS: 500 line too long (#5.5.6)\n--\nC: more\nC: A\nc: A\n"
            "s: 250 a\nS: 250 a\n",
            id="said when the limit is passed",
        ),
        pytest.param(
            f"R: :a::*:5:\nC: A\nC: {overlong(70000)}\nc: A\ns: 250 a\ns! exit 0\nS! exit 5\n",
            id="FIX-RESP-7 not behind an exit code",
        ),
    ],
)
def test_overlong_requests(talk: str, cases: Cases) -> None:
    """LIM-4."""
    rules = [line for line in talk.splitlines(keepends=True) if line[:2] in {"R:", "T:"}]
    play("".join(rules) + "greeted\n--\n" + talk.removeprefix("".join(rules)), cases)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b" " * 20000, id="blanks"),
        pytest.param(b"AUTH" + b" " * 20000, id="AUTH and blanks"),
        pytest.param(b"a " * 10000, id="words"),
        pytest.param(b"\0" * 20000, id="NULs"),
        pytest.param(b"auth a" * 3000, id="AUTH and AUTH"),
    ],
)
def test_no_line_costs_more_than_its_length(line: bytes, cases: Cases) -> None:
    """LIM-4, FIX-REQ-4: what is below the limit is forwarded in no time."""
    cases.count += 1
    filter_ = new_filter()
    before = time.process_time()
    assert sent_on(filter_.client_data(line + b"\r\n")) == line + b"\r\n"
    assert time.process_time() - before < 0.2


def test_a_client_that_pipelines_without_end_is_not_read(cases: Cases) -> None:
    """LIM-5: a bound for requests without replies; with replies the client is wanted again."""
    cases.count += 1
    filter_ = new_filter()
    requests = b""
    forwarded = b""
    while filter_.wants_client:
        requests += b"NOOP\r\n" * 100
        assert len(requests) < 1 << 20
        forwarded += sent_on(filter_.client_data(b"NOOP\r\n" * 100))
    replies = b""
    for count in range(len(requests) // 6 + 1):
        actions = filter_.server_data(b"250 %d\r\n" % count)
        forwarded += sent_on(actions)
        replies += b"".join(action.data for action in actions if isinstance(action, Send))
    assert forwarded == requests
    assert replies == b"".join(b"250 %d\r\n" % count for count in range(len(requests) // 6 + 1))
    assert filter_.wants_client


def new_filter() -> Filter:
    filter_ = Filter([], b"x", {}, tls=Tls(), label=b"7 prog")
    filter_.server_started(42)
    return filter_


def sent_on(actions: list[Action]) -> bytes:
    return b"".join(action.data for action in actions if isinstance(action, ToServer))
