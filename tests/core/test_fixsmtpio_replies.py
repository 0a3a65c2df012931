"""Replies on their way to the client: where they end, what they answer, their events and exit codes
(FIX-RESP-1, -2, -6 to -8, FIX-EV-1), and the limits of LIM-4.
"""

import pytest

from acceptutils.actions import Send
from acceptutils.fixsmtpio import Filter
from acceptutils.rules import parse
from acceptutils.ucspitls import Tls
from tests.core.conftest import Cases
from tests.core.exchange import play, scenarios

REPLIES = r"""
FIX-RESP-1 a line of three digits ends a reply
    greeted
    C: A
    C: B
    c: A
    s: 250
    S: 250\x20
    c: B
    s: 250-a
    s: 250\n\
    S: 250-a
    S: 250\x20
FIX-RESP-1 what looks like an end and is none
    greeted
    C: A
    c: A
    s: 250-a
    s: 25
    s: 2500
    s: x250 b
    s: 250\tc
    s: \x20250 d
    s: 250\r
    s: 999 end
    S: 250-a
    S: 25 -
    S: 250-
    S: x25- b
    S: 250-c
    S: \x2025- d
    S: 250-
    S: 999 end
FIX-RESP-1 the code is that of the last line
    R: :data::250-*:3:
    greeted
    C: NOOP
    C: NOOP
    c: NOOP
    c: NOOP
    s: 421-a
    s: 250 b
    S: 421-a
    S: 250 b
    s: 250-a
    s: 421 b
    S: 250-a
    S: 421 b
FIX-RESP-6 LF only, short and empty lines
    greeted
    C: A
    c: A
    s: \n\
    s: 250-a\n\
    s:
    s: x
    s: yz\n\
    s: abc
    s: 250 b\n\
    S: 250-a
    S: x  -
    S: yz -
    S: abc-
    S: 250 b
FIX-RESP-6 nothing left, nothing sent
    R: :a::*::
    greeted
    C: A
    C: B
    c: A
    s: 250-a
    s: 250 a
    c: B
    s: 250 b
    S: 250 b
FIX-RESP-5 exit code of the last rule that has one
    R: :a::*:3:
    R: :a::250?a*:4:
    R: :a::250?b*:
    greeted
    C: A
    c: A
    s: 250-a
    s: 250 b
    s! exit 9
    S! exit 3
FIX-RESP-7 the reply is written before an exit code takes effect
    R: :a::*:3:250 mine
    greeted
    C: A
    C: B
    c: A
    c: B
    s: 250 a
    S: 250 mine
    s! exit 0
    S! exit 3
FIX-RESP-7 nothing behind an exit code, in the same packet
    R: :a::*:0
    greeted
    C: A
    C: B
    c: A
    c: B
    s: 250 a\r\n250 b\r\n250 c\r\n\
    S: 250 a
    s! exit 7
    S! exit 0
FIX-RESP-7 a STARTTLS that waits is not begun behind an exit code
    T: available
    R: :a::*:5
    greeted
    C: A
    C: STARTTLS
    c: A
    s: 250 a
    S: 250 a
    s! exit 0
    S! exit 5
FIX-RESP-8 FIX-EV-4 a reply that belongs to no request
    R: :timeout::451*::421 gone
    greeted
    C: A
    c: A
    s: 250 a
    S: 250 a
    --
    s: 451 timeout
    s: 452 other
    S: 421 gone
    S: 452 other
FIX-RESP-8 and it answers no later request
    R: :timeout::*::
    greeted
    --
    s: 451 timeout
    --
    C: A
    c: A
    s: 250 a
    S: 250 a
FIX-EV-1 the greeting is the first reply, whoever spoke first
    R: :greeting::*::220 mine
    R: :a::*::250 A
    C: A
    c: A
    s: 220 server
    S: 220 mine
    s: 250 a
    S: 250 A
FIX-EV-1 whatever its code is
    R: :greeting::554*::421 mine
    s: 554-no
    s: 554 no
    S: 421-mine
    S: 421 mine
"""


@pytest.mark.parametrize("talk", scenarios(REPLIES))
def test_replies(talk: str, cases: Cases) -> None:
    play(talk, cases)


MIB = 1 << 20


def line(size: int, start: str = "250 ") -> str:
    """Return a line of a reply, of this many bytes with its ending."""
    return start + "x" * (size - len(start) - 2)


@pytest.mark.parametrize(
    ("sizes", "passes"),
    [
        pytest.param([MIB], True, id="a line of 1 MiB"),
        pytest.param([MIB + 1], False, id="a line above 1 MiB"),
        pytest.param([MIB // 2, MIB // 2], True, id="a reply of 1 MiB"),
        pytest.param([MIB // 2, MIB // 2 + 1], False, id="a reply above 1 MiB"),
        pytest.param([1000] * 1048 + [576], True, id="many lines of 1 MiB"),
        pytest.param([1000] * 1048 + [577], False, id="many lines above 1 MiB"),
    ],
)
def test_reply_limits(sizes: list[int], passes: bool, cases: Cases) -> None:
    """LIM-4: a log line, 111, and whether the line is complete plays no part."""
    lines = [line(size, "250-") for size in sizes[:-1]] + [line(sizes[-1])]
    replied = "".join(f"s: {text}\n" for text in lines)
    if passes:
        after = "".join(f"S: {text}\n" for text in lines)
    else:
        after = "E: fixsmtpio: *\ns! exit 0\nS! exit 111\n"
    play("greeted\n--\nC: A\nc: A\n" + replied + after, cases)


def test_the_end_of_a_line_too_long_is_not_awaited(cases: Cases) -> None:
    """LIM-4."""
    play(f"greeted\n--\ns: {'x' * (MIB + 1)}\\\nE: fixsmtpio: *\ns! exit 0\nS! exit 111\n", cases)


def test_replies_in_one_piece(cases: Cases) -> None:
    """Contract of a core, 4: what the client sent ahead is taken up between two replies, cut or not."""
    server = b"220 hi\r\n334 go\r\n535 no\r\n"
    results = []
    for size in (1, 8, len(server)):
        cases.count += 1
        filter_ = Filter(parse(b":timeout::*::421 nobody asked\n"), b"x", {}, tls=Tls(), label=b"7 prog")
        actions = filter_.server_started(42) + filter_.client_data(b"AUTH LOGIN\r\nYQ==\r\n")
        for start in range(0, len(server), size):
            actions += filter_.server_data(server[start : start + size])
        results.append(b"".join(action.data for action in actions if isinstance(action, Send)))
    assert results == [server] * 3
