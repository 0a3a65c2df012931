"""How a session ends and with which code: FIX-EV-2, FIX-EXIT-1 to -4; and how little memory hostile
input takes until then (LIM-5, FIX-DATA-2).
"""

import tracemalloc
from collections.abc import Callable, Iterable

import pytest

from acceptutils.actions import Action, EndServer, Exit, Send
from acceptutils.fixsmtpio import MOST_PENDING, Filter
from acceptutils.rules import parse
from acceptutils.ucspitls import Level, Tls
from tests.core.conftest import Cases
from tests.core.exchange import play, scenarios

NO_TLS = Tls()

CLIENT = r"""
FIX-EV-2 before the greeting
    R: :clienteof::*:5:
    C! eof
    c! eof
    s: 220 hi
    S: 220 hi
    s! exit 1
    S! exit 5
FIX-EV-2 replies to what was forwarded are delivered, what is incomplete is dropped
    greeted
    C: A
    C: B
    C: INCOMPLETE\
    C! eof
    c: A
    c: B
    c! eof
    s: 250-a
    s: 250 a
    s: 250 b
    S: 250-a
    S: 250 a
    S: 250 b
    s! exit 4
    S! exit 4
FIX-EV-2 blocked on DATA, refused
    greeted
    C: DATA
    C: RSET
    C! eof
    c: DATA
    s: 503 no
    S: 503 no
    c: RSET
    c! eof
    s: 250 ok
    S: 250 ok
    s! exit 0
    S! exit 0
FIX-EV-2 in a message
    R: :clienteof::*:5:
    greeted
    C: DATA
    C: half
    C! eof
    c: DATA
    s: 354 go
    S: 354 go
    c: half
    c! eof
    s! exit 1
    S! exit 5
FIX-EV-2 behind a message
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
    s: 250 ok
    S: 250 ok
    s! exit 0
    S! exit 0
FIX-EV-2 in AUTH
    greeted
    C: AUTH LOGIN
    C: YQ==
    C! eof
    c: AUTH LOGIN
    s: 334 a
    S: 334 a
    c: YQ==
    s: 334 b
    S: 334 b
    c! eof
    s! exit 0
    S! exit 0
FIX-EV-2 behind DATA, which is never answered
    R: :clienteof::*:5:
    greeted
    C: DATA
    C: early
    C! eof
    c: DATA
    --
    s! overdue
    c! eof
    s! killed
    S! exit 5
FIX-EV-2 behind AUTH, which is never answered
    greeted
    C: AUTH LOGIN
    C! eof
    c: AUTH LOGIN
    --
    s! overdue
    c! eof
    s! killed
    E: fixsmtpio: server did not end, killed
    S! exit 0
FIX-EV-2 behind STARTTLS, which never has its turn
    T: available
    R: :clienteof::*:5:
    greeted
    C: A
    C: STARTTLS
    C! eof
    c: A
    --
    s! overdue
    c! eof
    s! killed
    S! exit 5
FIX-EV-2 behind DATA, and then the server ends
    R: :clienteof::*:5:
    greeted
    C: DATA
    C! eof
    c: DATA
    --
    s! eof
    c! eof
    s! exit 3
    S! exit 5
FIX-EV-2 behind STARTTLS nobody is left to start TLS with
    T: available
    R: :clienteof::*:5:
    greeted
    C: STARTTLS
    C: A
    C! eof
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    --
    s: 250 ok
    S: 454 TLS temporarily not available (#5.7.3)
    c: A
    c! eof
    s: 250 a
    S: 250 a
    s! exit 3
    S! exit 5
FIX-EV-2 rules see the empty string, only the exit code counts
    R: :clienteof:X:?*:5:
    R: :clienteof::*:6
    R: :clienteof::*:
    R: NOT:clienteof::*:7:
    greeted
    C! eof
    c! eof
    s! exit 0
    S! exit 6
FIX-EV-2 a reply never comes
    greeted
    C: A
    C! eof
    c: A
    c! eof
    --
    s! overdue
    s! killed
    E: fixsmtpio: server did not end, killed
    S! exit 0
FIX-EV-2 the client is gone, replies are still awaited
    R: :clienteof::*:5:
    greeted
    C: A
    C: B\
    c: A
    C! gone
    c! eof
    s: 250 a
    s! exit 0
    S! exit 5
FIX-EV-2 the client is gone, nothing is awaited
    R: :clienteof::*:5:
    greeted
    C! gone
    c! eof
    s! exit 0
    S! exit 5
FIX-EV-2 the client is gone in a message
    greeted
    C: DATA
    c: DATA
    s: 354 go
    S: 354 go
    C: half
    c: half
    C! gone
    c! eof
    s! exit 3
    S! exit 3
FIX-EV-2 the client is gone while DATA waits for its reply
    greeted
    C: DATA
    C: half
    c: DATA
    C! gone
    c! eof
    s: 354 go
    s! exit 3
    S! exit 3
FIX-EV-2 the client is gone while STARTTLS waits for its turn
    T: available
    greeted
    C: A
    C: STARTTLS
    c: A
    C! gone
    c! eof
    s: 250 a
    s! exit 3
    S! exit 3
FIX-EV-2 the client is gone while STARTTLS waits for its reply
    T: available
    greeted
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    C! gone
    c! eof
    s: 250 ok
    s! exit 3
    S! exit 3
FIX-EV-2 a client that is gone after its end
    greeted
    C: A
    C! eof
    c: A
    c! eof
    C! gone
    s: 250 a
    s! exit 3
    S! exit 3
FIX-EXIT-2 a rule's code for a reply after the client's end
    R: :a::*:6
    greeted
    C: A
    C: B
    C! eof
    c: A
    c: B
    c! eof
    --
    s: 250 a
    S: 250 a
    s! exit 0
    S! exit 6
"""
SERVER = r"""
FIX-EXIT-2 the server's code
    greeted
    --
    s! eof
    s! exit 77
    S! exit 77
FIX-EXIT-2 the server's code 0
    greeted
    --
    s! eof
    s! exit 0
    S! exit 0
FIX-EXIT-2 killed by a signal
    greeted
    --
    s! eof
    s! signal
    E: fixsmtpio: aack, child crashed
    S! exit 111
FIX-EXIT-2 killed by us
    greeted
    --
    s! eof
    s! killed
    E: fixsmtpio: server did not end, killed
    S! exit 0
FIX-EXIT-2 no greeting
    --
    s! eof
    s! exit 0
    E: fixsmtpio: *
    S! exit 111
FIX-EXIT-2 half a greeting
    s: 220-half
    s: 220 a\
    --
    s! eof
    s! exit 0
    E: fixsmtpio: *
    S! exit 111
FIX-EXIT-2 no greeting comes before a crash
    --
    s! eof
    s! signal
    E: fixsmtpio: *greeting*
    S! exit 111
FIX-EXIT-2 no greeting comes before being killed
    --
    s! eof
    s! killed
    E: fixsmtpio: *greeting*
    S! exit 111
FIX-EXIT-2 a client that ended before the greeting
    C! eof
    c! eof
    --
    s! eof
    s! exit 0
    E: fixsmtpio: *
    S! exit 111
FIX-EXIT-2 a rule's code comes before a crash
    R: :a::*:0
    greeted
    C: A
    c: A
    s: 250 a
    S: 250 a
    s! signal
    S! exit 0
FIX-EXIT-2 a rule's code comes before being killed
    R: :a::*:9
    greeted
    C: A
    c: A
    s: 250 a
    S: 250 a
    s! killed
    S! exit 9
FIX-EXIT-2 clienteof's code comes before no greeting
    R: :clienteof::*:0:
    C! eof
    c! eof
    --
    s! eof
    s! signal
    S! exit 0
FIX-EXIT-3 an incomplete reply is dropped
    greeted
    C: A
    c: A
    s: 250-a
    s: 250 b\
    --
    s! eof
    s! exit 2
    S! exit 2
FIX-EXIT-4 a server that is gone while DATA waits
    greeted
    C: DATA
    C: early
    c: DATA
    --
    s! eof
    s! exit 2
    S! exit 2
"""


@pytest.mark.parametrize("talk", scenarios(CLIENT + SERVER))
def test_the_end(talk: str, cases: Cases) -> None:
    play(talk, cases)


def test_how_many_replies_are_owed(cases: Cases) -> None:
    """FIX-EV-2: replies are awaited, but none to a message that did not end."""
    cases.count += 1
    filter_ = new_filter(b"")
    owed = [filter_.replies_owed]
    for feed, data in (
        (filter_.server_data, b"220 hi\r\n"),
        (filter_.client_data, b"A\r\nB\r\n"),
        (filter_.server_data, b"250 a\r\n"),
        (filter_.client_data, b"DATA\r\n"),
        (filter_.server_data, b"250 b\r\n354 go\r\n"),
        (filter_.client_data, b"half"),
        (filter_.client_data, b"\r\n.\r\n"),
        (filter_.server_data, b"250 ok\r\n"),
    ):
        feed(data)
        owed.append(filter_.replies_owed)
    assert owed == [1, 0, 2, 1, 2, 0, 0, 1, 0]


BLOCKED = {
    b"DATA\r\n": b"354 go\r\n",
    b"AUTH LOGIN\r\n": b"334 go\r\n",
    b"STARTTLS\r\n": b"250 go\r\n",
    b"NOOP\r\n" * MOST_PENDING: b"250 ok\r\n" * MOST_PENDING,
}


@pytest.mark.parametrize(("request_", "reply"), BLOCKED.items(), ids=lambda data: data[:5].decode())
def test_when_nothing_goes_on_without_a_reply(request_: bytes, reply: bytes, cases: Cases) -> None:
    """FIX-EV-2, LIM-5: the client is gone, or has sent so much that its going could not be noticed."""
    for trouble in (Filter.client_eof, Filter.client_gone, flood):
        cases.count += 1
        filter_ = new_filter(b"", Tls(Level.AVAILABLE, usable=True))
        filter_.server_data(b"220 hi\r\n")
        filter_.client_data(request_)
        assert (filter_.wants_client, filter_.needs_replies) == (True, False)
        filter_.client_data(b"early")
        assert (filter_.wants_client, filter_.needs_replies) == (True, False)
        trouble(filter_)
        assert (filter_.wants_client, filter_.needs_replies) == (False, True)
        filter_.server_data(reply)
        assert not filter_.needs_replies


def flood(filter_: Filter) -> None:
    """Send more than is kept."""
    while filter_.wants_client:
        filter_.client_data(b"x" * 1000)


def test_how_many_replies_were_heard(cases: Cases) -> None:
    """FIX-EV-2: each reply has its own time, also when the next request makes up for it at once."""
    cases.count += 1
    filter_ = new_filter(b"")
    filter_.client_data(b"AUTH LOGIN\r\nYQ==\r\n")
    heard = []
    for reply in (b"220-hi\r\n", b"220 hi\r\n", b"334 go\r\n", b"535 no\r\n421 bye\r\n"):
        filter_.server_data(reply)
        heard.append((filter_.replies_heard, filter_.replies_owed))
    assert heard == [(0, 2), (1, 1), (2, 1), (4, 0)]


def new_filter(rules: bytes, tls: Tls = NO_TLS) -> Filter:
    filter_ = Filter(parse(rules), b"mail.example.org", {}, tls=tls, label=b"7 prog")
    filter_.server_started(42)
    return filter_


def peak(feed: Callable[[bytes], list[Action]], data: Iterable[bytes]) -> int:
    """Return how many bytes more than before are taken at most."""
    tracemalloc.start()
    try:
        for piece in data:
            feed(piece)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


PIECE = 65536
MOST = 4 << 20


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"x" * PIECE, id="an endless line"),
        pytest.param(b"a " * (PIECE // 2), id="an endless line of words"),
        pytest.param(b"NOOP\r\n" * (PIECE // 6), id="endless pipelining"),
        pytest.param(b"\n" * PIECE, id="endless empty lines"),
        pytest.param((b"x" * (PIECE - 20) + b"\r\n"), id="endless long lines"),
    ],
)
def test_memory_for_hostile_requests(piece: bytes, cases: Cases) -> None:
    """LIM-5, with a client that is read only while it is wanted, and a server that says nothing."""
    cases.count += 1
    filter_ = new_filter(b"")
    assert peak(lambda data: filter_.client_data(data) if filter_.wants_client else [], [piece] * 320) < MOST


def test_memory_for_a_message(cases: Cases) -> None:
    """FIX-DATA-2: 20 MB, with bare LFs, in constant memory."""
    cases.count += 1
    filter_ = new_filter(b"")
    filter_.client_data(b"DATA\r\n")
    filter_.server_data(b"220 x\r\n354 go\r\n")
    text = (b"line\n" * 20 + b"line\r\n" * 600)[: PIECE // 2]
    assert peak(filter_.client_data, [text * (PIECE // len(text))] * 320) < 1 << 20


REPLY_LIMIT = 1 << 20
HELP = b":help::*::&fixsmtpio\n"


@pytest.mark.parametrize(
    ("rules", "reply"),
    [
        pytest.param(HELP, (b"250-" + b"x" * 1000 + b"\r\n") * 1042 + b"250 ok\r\n", id="long lines"),
        pytest.param(HELP, b"250-" + b"x" * (REPLY_LIMIT - 20) + b"\r\n250 ok\r\n", id="one line"),
        pytest.param(HELP, b"250 " + b"x" * (REPLY_LIMIT - 20) + b"\r\n", id="the last line"),
        pytest.param(b"", b"a\n" * (REPLY_LIMIT // 2 - 10) + b"250 ok\r\n", id="one-byte lines"),
        pytest.param(
            b":help::a::" + b"250 mine" * 10,
            b"a\n" * 100000 + b"250 ok\r\n",
            id="lines that a rule makes longer",
        ),
        pytest.param(b"", b"\n" * (REPLY_LIMIT // 32) + b"250 ok\r\n", id="empty lines"),
        pytest.param(b"", b"250-x\r\n" * (REPLY_LIMIT // 4), id="an endless reply"),
        pytest.param(b"", b"x" * REPLY_LIMIT * 4, id="an endless line"),
        pytest.param(b"", b"250 ok\r\n" * (REPLY_LIMIT // 64), id="endless replies"),
    ],
)
def test_memory_for_hostile_replies(rules: bytes, reply: bytes, cases: Cases) -> None:
    """LIM-5, whatever the server says in up to 1 MiB (LIM-4), and also after that."""
    cases.count += 1
    filter_ = new_filter(rules)
    filter_.server_data(b"220 hi\r\n")
    filter_.client_data(b"HELP\r\n")
    pieces = (reply[start : start + PIECE] for start in range(0, len(reply), PIECE))
    assert peak(filter_.server_data, pieces) < MOST


def test_memory_after_the_end(cases: Cases) -> None:
    """LIM-5: what a server says while it is being ended is not kept."""
    cases.count += 1
    filter_ = new_filter(b"")
    filter_.server_eof()
    assert peak(filter_.server_data, [b"x" * PIECE] * 320) < MOST


def test_what_comes_after_the_end(cases: Cases) -> None:
    """FIX-EXIT-1, FIX-EXIT-2: nothing is asked twice or said any more, and a rule's code stands."""
    cases.count += 1
    filter_ = new_filter(b":greeting::*:9\n")
    assert [type(action) for action in filter_.server_data(b"220 hi\r\n")] == [Send, EndServer]
    late = [
        filter_.server_data(b"250 late\r\n"),
        filter_.server_eof(),
        filter_.client_gone(),
        filter_.reply_overdue(),
    ]
    assert late == [[], [], [], []]
    assert filter_.server_ended(None, killed=True) == [Exit(9)]
