"""Whole sessions under the rules of the seed page and their translation: FIX-RULE-8, FIX-RULE-9; the
environment of rules (FIX-RULE-7), FIXSMTPIODEBUG (FIX-DBG); and whatever bytes come, no exception, and
cuts make no difference.
"""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acceptutils.actions import (
    Action,
    CloseServerInput,
    EndServer,
    Exit,
    Log,
    RestartServer,
    Send,
    StartTls,
    ToServer,
)
from acceptutils.fixsmtpio import Filter, cannot_run, command_line, usage
from acceptutils.options import BadUsageError
from acceptutils.rules import parse
from acceptutils.ucspitls import Level, Tls
from tests.core.conftest import Cases
from tests.core.exchange import play, scenarios

SEED = (Path(__file__).parents[2] / "examples/control/fixsmtpio").read_text()
HEAD = """\
AUTHUP_USER:clienteof::*:0:
AUTHUP_USER:greeting::4*:14:&fixsmtpio_noop
AUTHUP_USER:greeting::5*:15:&fixsmtpio_noop
AUTHUP_USER:timeout::*:16:
:greeting::2*::&fixsmtpio_fixup
AUTHUP_USER:greeting::2*::235 ok, go ahead (#2.0.0)
:helo::2*::&fixsmtpio_fixup
:ehlo::2*::&fixsmtpio_fixup
:help::*::&fixsmtpio_fixup
:quit::2*::&fixsmtpio_fixup
AUTHUP_USER:ehlo::250?AUTH*::
AUTHUP_USER:ehlo::250?STARTTLS::
AUTHUP_USER:auth:NOOP :*::502 unimplemented (#5.5.1)
AUTHUP_USER:starttls:NOOP :*::502 unimplemented (#5.5.1)
"""

SESSIONS = r"""
accepted login, message, QUIT
    V: AUTHUP_USER=alice
    s: 220 ofmipd.local ESMTP
    S: 235 ok, go ahead (#2.0.0)
    C: EHLO client.example
    c: EHLO client.example
    s: 250-ofmipd.local
    s: 250-PIPELINING
    s: 250-AUTH LOGIN PLAIN
    s: 250-AUTH=LOGIN PLAIN
    s: 250-STARTTLS
    s: 250 8BITMIME
    S: 250-mail.example.org
    S: 250-PIPELINING
    S: 250 8BITMIME
    C: MAIL FROM:<alice@example.org>
    c: MAIL FROM:<alice@example.org>
    s: 250 ok
    S: 250 ok
    C: RCPT TO:<bob@example.org>
    c: RCPT TO:<bob@example.org>
    s: 250 ok
    S: 250 ok
    C: DATA
    c: DATA
    s: 354 go ahead
    S: 354 go ahead
    C: QUIT
    C: .
    c: QUIT
    c: .
    s: 250 ok
    S: 250 ok
    C: QUIT
    c: QUIT
    s: 221 ofmipd.local
    S: 221 mail.example.org
    --
    s! eof
    s! exit 0
    S! exit 0
greeting, HELO, HELP, QUIT without AUTHUP_USER
    s: 220-ofmipd.local
    s: 220 ESMTP
    S: 220-mail.example.org ESMTP
    S: 220 mail.example.org ESMTP
    C: HELO client.example
    c: HELO client.example
    s: 250 ofmipd.local
    S: 250 mail.example.org
    C: help
    c: help
    s: 214 qmail home page: http://pobox.com/~djb/qmail.html
    S: 214-fixsmtpio home page: https://schmonz.com/qmail/acceptutils
    S: 214 qmail home page: http://pobox.com/~djb/qmail.html
    C: quit
    c: quit
    s: 221 ofmipd.local
    S: 221 mail.example.org
    --
    s! eof
    s! exit 0
    S! exit 0
AUTH neither advertised nor allowed after login
    V: AUTHUP_USER=alice
    s: 220 ofmipd.local ESMTP
    S: 235 ok, go ahead (#2.0.0)
    C: EHLO x
    c: EHLO x
    s: 250-ofmipd.local
    s: 250-STARTTLS
    s: 250 AUTH LOGIN PLAIN
    S: 250 mail.example.org
    C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
    c: NOOP AUTH PLAIN AGFsaWNlAHNlY3JldA==
    s: 250 ok
    S: 502 unimplemented (#5.5.1)
    C: Starttls
    c: NOOP NOOP fixsmtpio STARTTLS BLOCK Starttls
    s: 250 ok
    S: 502 unimplemented (#5.5.1)
AUTH advertised and allowed without AUTHUP_USER
    s: 220 x
    S: 220 mail.example.org ESMTP
    C: EHLO x
    c: EHLO x
    s: 250-ofmipd.local
    s: 250 AUTH LOGIN PLAIN
    S: 250-mail.example.org
    S: 250 AUTH LOGIN PLAIN
    C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
    c: AUTH PLAIN AGFsaWNlAHNlY3JldA==
    s: 235 ok
    S: 235 ok
4xx greeting after login
    V: AUTHUP_USER=alice
    s: 421-not
    s: 421 now
    S: 421-not
    S: 421 now
    s! exit 1
    S! exit 14
5xx greeting after login
    V: AUTHUP_USER=alice
    s: 554 never
    S: 554 never
    s! exit 0
    S! exit 15
5xx greeting without AUTHUP_USER
    s: 554 never
    S: 554 never
    --
    s! eof
    s! exit 3
    S! exit 3
server timeout is hidden after login
    V: AUTHUP_USER=alice
    s: 220 x
    S: 235 ok, go ahead (#2.0.0)
    --
    s: 451 timeout (#4.4.2)
    s! exit 1
    S! exit 16
server timeout in a message is not hidden
    V: AUTHUP_USER=alice
    s: 220 x
    S: 235 ok, go ahead (#2.0.0)
    C: DATA
    c: DATA
    s: 354 go
    S: 354 go
    C: half a mess\
    c: half a mess\
    --
    s: 451 timeout (#4.4.2)
    S: 451 timeout (#4.4.2)
    --
    s! eof
    s! exit 1
    S! exit 1
server timeout without AUTHUP_USER
    s: 220 x
    S: 220 mail.example.org ESMTP
    --
    s: 451 timeout (#4.4.2)
    S: 451 timeout (#4.4.2)
    --
    s! eof
    s! exit 1
    S! exit 1
client EOF makes authup happy, whatever the server says
    V: AUTHUP_USER=alice
    s: 220 x
    S: 235 ok, go ahead (#2.0.0)
    C: MAIL
    c: MAIL
    s: 250 ok
    S: 250 ok
    C! eof
    c! eof
    s! exit 1
    S! exit 0
client EOF without AUTHUP_USER is the server's code
    s: 220 x
    S: 220 mail.example.org ESMTP
    C! eof
    c! eof
    s! exit 1
    S! exit 1
4xx in HELO, EHLO and QUIT is left alone
    s: 220 x
    S: 220 mail.example.org ESMTP
    C: HELO x
    C: EHLO x
    C: QUIT
    C: HELP
    c: HELO x
    s: 421 a
    S: 421 a
    c: EHLO x
    s: 421-b
    s: 421 c
    S: 421-b
    S: 421 c
    c: QUIT
    s: 421 d
    S: 421 d
    c: HELP
    s: 502 e
    S: 502-fixsmtpio home page: https://schmonz.com/qmail/acceptutils
    S: 502 e
"""


@pytest.mark.parametrize("rules", [pytest.param(SEED, id="FIX-RULE-8"), pytest.param(HEAD, id="FIX-RULE-9")])
@pytest.mark.parametrize("talk", scenarios(SESSIONS))
def test_the_rules_of_the_seed_page(rules: str, talk: str, cases: Cases) -> None:
    play("".join(f"R: {line}\n" for line in rules.splitlines()) + talk, cases)


def test_no_rule_of_the_seed_page_is_lost(cases: Cases) -> None:
    cases.count += 1
    assert len(parse(SEED.encode())) == 13
    assert len(parse(HEAD.encode())) == 14


MIXED = r"""
FIX-RULE-7 an empty variable exists
    V: EMPTY=
    R: EMPTY:noop:X-:2*::250 seen
    greeted
    C: NOOP
    c: X-NOOP
    s: 250 ok
    S: 250 seen
FIX-RULE-7 a variable that does not exist
    R: EMPTY:noop:X-:2*:9:250 seen
    greeted
    C: NOOP
    c: NOOP
    s: 250 ok
    S: 250 ok
FIX-GEN-7 without rules the client sees what the server says
    s: 220-ofmipd
    s: 220 hi
    S: 220-ofmipd
    S: 220 hi
    C: EHLO x
    c: EHLO x
    s: 250-ofmipd
    s: 250-STARTTLS
    s: 250-CHUNKING
    s: 250 AUTH PLAIN
    S: 250-ofmipd
    S: 250-STARTTLS
    S: 250-CHUNKING
    S: 250 AUTH PLAIN
    C: HELP
    c: HELP
    s: 214 me
    S: 214 me
    C: BDAT 4 LAST
    c: BDAT 4 LAST
    s: 502 no
    S: 502 no
FIX-DBG-1 the letters
    V: FIXSMTPIODEBUG=
    R: :noop:X-:2*::250 seen
    greeted
    E: fixsmtpio 7 prog 42 3: 220 hi
    E: fixsmtpio 7 prog 42 4: 220 hi
    --
    C: NOOP a
    c: X-NOOP a
    s: 250 ok
    S: 250 seen
    E: fixsmtpio 7 prog 42 1: NOOP a
    E: fixsmtpio 7 prog 42 2: X-NOOP a
    E: fixsmtpio 7 prog 42 3: 250 ok
    E: fixsmtpio 7 prog 42 4: 250 seen
FIX-DBG-1 what is not sent is not logged
    V: FIXSMTPIODEBUG=1
    R: :greeting::*::
    s: 220 hi
    E: fixsmtpio 7 prog 42 3: 220 hi
FIX-DBG-1 not set
    R: :noop:X-:2*::250 seen
    greeted
    C: NOOP
    c: X-NOOP
    s: 250 ok
    S: 250 seen
FIX-DBG-1 no words AUTH in the middle are hidden
    V: FIXSMTPIODEBUG=
    greeted
    E: *3: 220 hi
    E: *4: 220 hi
    --
    C: NOOP auth plain text
    c: NOOP auth plain text
    s: 250 ok
    S: 250 ok
    E: *1: NOOP auth plain text
    E: *2: NOOP auth plain text
    E: *3: 250 ok
    E: *4: 250 ok
FIX-DBG-1 the words of a TLS start, and the new server's process ID
    V: FIXSMTPIODEBUG=
    T: available
    greeted
    E: *3: 220 hi
    E: *4: 220 hi
    --
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    E: fixsmtpio 7 prog 42 1: STARTTLS
    E: fixsmtpio 7 prog 42 2: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    E: fixsmtpio 7 prog 42 3: 250 ok
    S! tls
    E: fixsmtpio 7 prog 4? 4: 220 Ready to start TLS (#5.7.0)
    s: 220 again
    E: fixsmtpio 7 prog 43 3: 220 again
FIX-DBG-2 AUTH with an initial response
    V: FIXSMTPIODEBUG=
    greeted
    E: *3: 220 hi
    E: *4: 220 hi
    --
    C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
    c: AUTH PLAIN AGFsaWNlAHNlY3JldA==
    s: 235 ok
    S: 235 ok
    E: *1: AUTH PLAIN [*][*][*]
    E: *2: AUTH PLAIN [*][*][*]
    E: *3: 235 ok
    E: *4: 235 ok
FIX-DBG-2 AUTH with blanks, in small letters, behind a prepend
    V: FIXSMTPIODEBUG=
    R: :auth:NOOP :*::502 no
    greeted
    E: *3: 220 hi
    E: *4: 220 hi
    --
    C: auth  plain  AGFsaWNlAHNlY3JldA== trailing
    c: NOOP auth  plain  AGFsaWNlAHNlY3JldA== trailing
    s: 250 ok
    S: 502 no
    E: *1: auth*plain*[*][*][*]
    E: *2: NOOP auth*plain*[*][*][*]
    E: *3: 250 ok
    E: *4: 502 no
FIX-DBG-2 AUTH whose verb ends at a NUL
    V: FIXSMTPIODEBUG=
    greeted
    E: *3: 220 hi
    E: *4: 220 hi
    --
    C: AUTH\0PLAIN AGFsaWNlAHNlY3JldA==
    c: AUTH\0PLAIN AGFsaWNlAHNlY3JldA==
    s: 504 no
    S: 504 no
    E: *1: AUTH*[*][*][*]
    E: *2: AUTH*[*][*][*]
    E: *3: 504 no
    E: *4: 504 no
FIX-DBG-2 continuation lines, and nothing hidden where nothing is secret
    V: FIXSMTPIODEBUG=
    greeted
    E: *3: 220 hi
    E: *4: 220 hi
    --
    C: AUTH LOGIN
    C: YWxpY2U=
    C: c2VjcmV0
    c: AUTH LOGIN
    s: 334 VXNlcm5hbWU6
    S: 334 VXNlcm5hbWU6
    c: YWxpY2U=
    s: 334 UGFzc3dvcmQ6
    S: 334 UGFzc3dvcmQ6
    c: c2VjcmV0
    s: 235 ok
    S: 235 ok
    E: *1: AUTH LOGIN
    E: *2: AUTH LOGIN
    E: *3: 334 VXNlcm5hbWU6
    E: *4: 334 VXNlcm5hbWU6
    E: *1: [*][*][*]
    E: *2: [*][*][*]
    E: *3: 334 UGFzc3dvcmQ6
    E: *4: 334 UGFzc3dvcmQ6
    E: *1: [*][*][*]
    E: *2: [*][*][*]
    E: *3: 235 ok
    E: *4: 235 ok
FIX-DBG-2 AUTH while TLS is required
    V: FIXSMTPIODEBUG=
    T: required
    greeted
    E: *3: 220 hi
    E: *4: 220 hi
    --
    C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
    c: NOOP fixsmtpio STARTTLS FIRST AUTH PLAIN AGFsaWNlAHNlY3JldA==
    s: 250 ok
    S: 530 Must start TLS first (#5.7.0)
    E: *1: AUTH PLAIN [*][*][*]
    E: *2: NOOP fixsmtpio STARTTLS FIRST AUTH PLAIN [*][*][*]
    E: *3: 250 ok
    E: *4: 530 Must start TLS first (#5.7.0)
"""


@pytest.mark.parametrize("talk", scenarios(MIXED))
def test_environment_and_debug_lines(talk: str, cases: Cases) -> None:
    play(talk, cases)


def test_debug_lines_of_a_message(cases: Cases) -> None:
    """FIX-DBG-1: pieces of a message are D, and all of it is there; what follows it is a request."""
    cases.count += 1
    filter_ = Filter([], b"x", {b"FIXSMTPIODEBUG": b""}, tls=Tls(), label=b"7 prog")
    actions = (
        filter_.server_started(42)
        + filter_.client_data(b"DATA\r\n")
        + filter_.server_data(b"220 x\r\n354\r\n")
    )
    for piece in (b"one\r\n", b"two\r\n.\r\nNOOP\r\n"):
        actions += filter_.client_data(piece)
    lines = [action.line for action in actions if isinstance(action, Log)]
    shown = [line.removeprefix(b"fixsmtpio 7 prog 42 D: ") for line in lines if b" 42 D: " in line]
    assert b"".join(shown).replace(b"\r", b"").replace(b"\n", b"") == b"onetwo."
    assert lines[-1].rstrip() == b"fixsmtpio 7 prog 42 2: NOOP"


USAGE = Log(b"fixsmtpio: usage: fixsmtpio prog [ arg ... ]")
COMPLAINT = Log(b"fixsmtpio: illegal option -- x")


@pytest.mark.parametrize(
    ("env", "complaint", "expected"),
    [
        pytest.param({}, None, [USAGE, Exit(1)], id="FIX-GEN-1"),
        pytest.param({b"AUTHUP_USER": b""}, None, [USAGE, Exit(111)], id="FIX-GEN-1 after a login"),
        pytest.param({}, b"illegal option -- x", [COMPLAINT, USAGE, Exit(1)], id="BASE-3"),
    ],
)
def test_usage(
    env: dict[bytes, bytes], complaint: bytes | None, expected: list[Action], cases: Cases
) -> None:
    cases.count += 1
    actions = usage(env, complaint)
    assert actions == expected
    assert [type(action) for action in actions] == [type(action) for action in expected]


def test_the_command_line(cases: Cases) -> None:
    """FIX-GEN-1, BASE-3."""
    cases.count += 4
    assert list(command_line([b"prog", b"-x", b"--", b"y"])) == [b"prog", b"-x", b"--", b"y"]
    assert list(command_line([b"--", b"-prog"])) == [b"-prog"]
    for nothing in ([], [b"--"]):
        with pytest.raises(BadUsageError) as caught:
            command_line(nothing)
        assert caught.value.complaint is None


@pytest.mark.parametrize(
    ("step", "line"),
    [
        pytest.param("exec", b"fixsmtpio: unable to exec", id="FIX-GEN-6"),
        pytest.param("fork", b"fixsmtpio: unable to fork", id="FIX-GEN-8 fork"),
        pytest.param("pipe", b"fixsmtpio: unable to open pipe", id="FIX-GEN-8 pipe"),
    ],
)
def test_prog_cannot_be_run(step: str, line: bytes, cases: Cases) -> None:
    cases.count += 1
    actions = cannot_run(step)
    assert [type(action) for action in actions] == [Log, Exit]
    assert actions == [Log(line), Exit(111)]


# Fragments that mean something, and some that almost do
REQUESTS = [
    *(
        b"DATA\r\n",
        b"AUTH LOGIN\r\n",
        b"STARTTLS\r\n",
        b"EHLO x\r\n",
        b"HELP\r\n",
        b"NOOP\r\n",
        b"BDAT 9 LAST\r\n",
    ),
    *(
        b"\r\n",
        b"\n",
        b"\r",
        b".",
        b".\r\n",
        b"\r\n.\r\n",
        b" ",
        b"\0",
        b"noop",
        b"LONG",
        b"greeting\r\n",
    ),
]
REPLIES = [
    *(
        b"220 hi\r\n",
        b"250 ok\r\n",
        b"250-a\r\n",
        b"354 go\r\n",
        b"334 \r\n",
        b"535 no\r\n",
        b"451 timeout\r\n",
    ),
    *(b"250\n", b"\r\n", b"\n", b"\r", b"2", b"25", b"250", b"-", b" ", b"x\n"),
]
RULES = parse(SEED.encode() + b":rset::*:5:\n:mail:X :*::\n:in_data::5*:6\n:starttls:Y :*:7:500 no\n")


def said(side: str, fragments: list[bytes]) -> st.SearchStrategy[tuple[str, bytes]]:
    piece = st.lists(st.sampled_from(fragments) | st.binary(max_size=6), min_size=1, max_size=5)
    return piece.map(lambda pieces: (side, b"".join(pieces)))


ANSWERS = ("started", "started", "unavailable", "failed")


class Session:
    """Feeds a filter as the driver does and remembers what came of it."""

    def __init__(self, level: Tls, env: dict[bytes, bytes], *, answer: str) -> None:
        self.results: list[tuple[str, bytes]] = []
        self._answer = answer
        self._unread: list[bytes] = []
        self._question: Action | None = None
        self._filter = Filter(RULES, b"mail.example.org", env, tls=level, label=b"7 prog")
        self._do(self._filter.server_started(1))

    def client(self, data: bytes, size: int) -> None:
        self._unread.append(data)
        self._read(size)

    def server(self, data: bytes, size: int) -> None:
        for start in range(0, len(data), size):
            starts = self.results.count(("tls", b"started"))
            if not self._ended:
                self._do(self._filter.server_data(data[start : start + size]))
            if self.results.count(("tls", b"started")) > starts:
                break  # the rest is the old server's
        self._read(size)

    def end(self) -> list[tuple[str, bytes]]:
        if not self._ended:
            self._do(self._filter.client_eof())
        if not self._ended:
            self._do(self._filter.server_eof())
        assert isinstance(self._question, EndServer)
        self.results += [
            (type(action).__name__, b"") for action in self._filter.server_ended(3, killed=False)
        ]
        return self.results

    @property
    def _ended(self) -> bool:
        return isinstance(self._question, EndServer)

    def _read(self, size: int) -> None:
        """Feed what a driver reads at once in pieces; between them nothing else can happen."""
        while self._unread and self._filter.wants_client:
            data = self._unread.pop(0)
            for start in range(0, len(data), size):
                self._do([] if self._ended else self._filter.client_data(data[start : start + size]))

    def _do(self, actions: list[Action]) -> None:
        for action in actions:
            assert self._question is None, f"{action} behind {self._question}"
            match action:
                case Send(data) | ToServer(data):
                    self._add(type(action).__name__, data)
                case Log(line):
                    self._add("Log", line + b"\n")
                case CloseServerInput():
                    self._add("CloseServerInput", b"")
                case _:
                    self._question = action
        if isinstance(self._question, StartTls):
            self._question = None
            self._answer_tls()

    def _answer_tls(self) -> None:
        self.results.append(("tls", self._answer.encode()))
        if self._answer == "started":
            self._unread.clear()
            assert self._filter.tls_started(b"SSL_X=1\0\0") == [RestartServer()]
            self._do(self._filter.server_started(2))
        elif self._answer == "failed":
            self._do(self._filter.tls_failed())
        else:
            self._do(self._filter.tls_unavailable())

    def _add(self, kind: str, data: bytes) -> None:
        """Join what has the same destination since the last event: pieces are not compared."""
        for at in range(len(self.results) - 1, -1, -1):
            if self.results[at][0] == "tls":
                break
            if self.results[at][0] == kind:
                self.results[at] = (kind, self.results[at][1] + data)
                return
        self.results.append((kind, data))


@settings(deadline=None, max_examples=250)
@given(
    st.lists(said("C", REQUESTS) | said("s", REPLIES), max_size=12),
    st.sampled_from([Tls(), Tls(Level.AVAILABLE, usable=True), Tls(Level.REQUIRED, usable=True)]),
    st.sampled_from([{}, {b"AUTHUP_USER": b"alice"}]),
    st.sampled_from(ANSWERS),
)
def test_random_bytes_in_random_order(
    events: list[tuple[str, bytes]], level: Tls, env: dict[bytes, bytes], answer: str
) -> None:
    """Contract of a core: bytes never make it raise, a question comes last, cuts do not matter."""
    results = []
    for size in (1 << 20, 1000, 7, 1):
        if size == 1 and any(b"LONG" in data for _, data in events):
            continue
        session = Session(level, env, answer=answer)
        for side, data in events:
            feed = session.client if side == "C" else session.server
            feed(data.replace(b"LONG", b"x" * 70000), size)
        results.append(sorted(session.end()))
    assert all(result == results[0] for result in results)


def test_a_client_that_goes_at_any_moment(cases: Cases) -> None:
    """FIX-EXIT-4: gone is clienteof wherever it happens; nothing raises, and the session can end."""
    client = b"EHLO x\r\nAUTH LOGIN\r\nYQ==\r\nDATA\r\nfoo\r\n.\r\nBDAT 7\r\nQUIT\r\nDATA\r\nab"
    server = b"220 x\r\n250 ok\r\n334 \r\n235 ok\r\n354 go\r\n250 ok\r\n502 no\r\n354 go\r\n"
    for moment in range(len(client) + len(server)):
        for chance in (random.Random(seed) for seed in range(4)):
            cases.count += 1
            assert _exit_code_when_gone(client, server, moment, chance) == 0


def _exit_code_when_gone(client: bytes, server: bytes, moment: int, chance: random.Random) -> int | None:
    filter_ = Filter(parse(b":clienteof::*:0:"), b"x", {}, tls=Tls(), label=b"7 prog")
    actions = filter_.server_started(1)
    for _ in range(moment):
        if client and filter_.wants_client and chance.random() < 0.7:
            actions += filter_.client_data(client[:1])
            client = client[1:]
        elif server:
            actions += filter_.server_data(server[:1])
            server = server[1:]
    actions += filter_.client_gone()
    assert not filter_.wants_client
    if not isinstance(actions[-1], EndServer):
        actions += filter_.reply_overdue()
    kinds = [type(action) for action in actions]
    assert kinds.count(CloseServerInput) == kinds.count(EndServer) == 1
    assert kinds[-1] == EndServer
    [*_, last] = filter_.server_ended(None, killed=True)
    return getattr(last, "code", None)
