import errno

import pytest
from trio.testing import MockClock

from fakes import ofmipd as module
from fakes.ofmipd import ofmipd
from tests.fakes.scripted_process import MemoryFiles, ScriptedProcess, cuts, outcome

GREETING = b"220 ofmipd.local ESMTP\r\n"
ENVELOPE = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
TAKEN = GREETING + b"250 ok\r\n250 ok\r\n354 go ahead\r\n"
HEAD = b"Return-Path: <a@b>\nDelivered-To: <c@d>\n"

VERBS = [
    (b"HELO x", b"250 ofmipd.local"),
    (b"EHLO x", b"250-ofmipd.local\r\n250-PIPELINING\r\n250 8BITMIME"),
    (b"help me", b"214 qmail home page: http://pobox.com/~djb/qmail.html"),
    (b"noop whatever", b"250 ok"),
    (b"Vrfy so-and-so", b"252 send some mail, i'll try my best"),
    (b"RSET", b"250 flushed"),
    (b"RCPT TO:<a@b>", b"503 MAIL first (#5.5.1)"),
    (b"DATA", b"503 MAIL first (#5.5.1)"),
    (b"MAIL FROM:<a@b>\r\nDATA", b"250 ok\r\n503 RCPT first (#5.5.1)"),
    (b"MAIL FROM:<a@b>\r\nRSET\r\nDATA", b"250 ok\r\n250 flushed\r\n503 MAIL first (#5.5.1)"),
    (b"MAIL FROM:<a@b>\r\nHELO x\r\nRCPT y", b"250 ok\r\n250 ofmipd.local\r\n503 MAIL first (#5.5.1)"),
    (b"MAIL me: one\r\nRCPT you: two", b"250 ok\r\n250 ok"),
    (b"MAIL FROM:<" + b"a" * 900 + b">", b"250 ok"),
    (b"MAIL FROM:<" + b"a" * 901 + b">", b"555 syntax error (#5.5.4)"),
    (b"MAIL FROM:<>\r\nRCPT TO:<" + b"a" * 901 + b">", b"250 ok\r\n555 syntax error (#5.5.4)"),
    (b"AUTH PLAIN", b"502 unimplemented (#5.5.1)"),
    (b"STARTTLS", b"502 unimplemented (#5.5.1)"),
    (b"", b"502 unimplemented (#5.5.1)"),
    (b" NOOP", b"502 unimplemented (#5.5.1)"),
    (b"NOOP\r", b"502 unimplemented (#5.5.1)"),
    (b"NOOP\0QUIT", b"250 ok"),
]


@pytest.mark.parametrize(("command", "reply"), VERBS)
async def test_each_verb_has_its_reply(command: bytes, reply: bytes) -> None:
    process = ScriptedProcess([], [command + b"\r\n"])
    assert await outcome(ofmipd, process) == (1, GREETING + reply + b"\r\n")


async def test_a_bare_lf_ends_a_command_too() -> None:
    process = ScriptedProcess([], [b"NOOP\nQUIT\nNOOP\n"])
    assert await outcome(ofmipd, process) == (0, GREETING + b"250 ok\r\n221 ofmipd.local\r\n")


SESSION = b"EHLO x\r\n" + ENVELOPE + b"..a\r\n\r\nb\r.\r\n.\r\nNOOP\r\nMAIL x:y\r\nQUIT\r\n"
REPLIES = (
    GREETING
    + b"250-ofmipd.local\r\n250-PIPELINING\r\n250 8BITMIME\r\n250 ok\r\n250 ok\r\n354 go ahead\r\n"
    + b"250 ok\r\n250 ok\r\n250 ok\r\n221 ofmipd.local\r\n"
)


@pytest.mark.parametrize("pieces", cuts(SESSION))
async def test_a_session_is_the_same_however_it_is_cut(pieces: list[bytes]) -> None:
    process = ScriptedProcess([b"--maildir", b"/m"], pieces)
    assert await outcome(ofmipd, process) == (0, REPLIES)
    assert [data for path, data in process.memory.files.items()] == [HEAD + b".a\n\nb\r.\n"]


MESSAGES = [  # what the client sends, what is stored; None: the message has not ended (OFM-2)
    (b".\r\n", b""),
    (b".\n", b""),
    (b"a\r\n.\r\n", b"a\n"),
    (b"a\n.\n", b"a\n"),
    (b"a\n.\r\n", b"a\n"),
    (b"a\r\n.\n", b"a\n"),
    (b"a\r\n..\r\n.\r\n", b"a\n.\n"),
    (b".a\r\n...\r\n.\r\n", b"a\n..\n"),
    (b"a\r\r\n.\r\n", b"a\r\n"),
    (b".\r\r\n.\r\n", b"\r\n"),
    (b"a.\r\n.b\n.\n", b"a.\nb\n"),
    (b"\0\xff\r\n.\r\n", b"\0\xff\n"),
    (b"\r\r\r\n\r\n.\r\n", b"\r\r\n\n"),
    (b"a\r.\r\n", None),
    (b"a.\r\n", None),
    (b"a\r\n.\r", None),
    (b"a\r\n..\r\n", None),
    (b"", None),
]


@pytest.mark.parametrize(("sent", "stored"), MESSAGES)
async def test_where_a_message_ends(sent: bytes, stored: bytes | None) -> None:
    for pieces in cuts(sent) if sent else [[]]:
        process = ScriptedProcess([b"--maildir=/m"], [ENVELOPE, *pieces])
        said = TAKEN if stored is None else TAKEN + b"250 ok\r\n"
        assert await outcome(ofmipd, process) == (1, said)
        kept = [] if stored is None else [HEAD + stored]
        assert list(process.memory.files.values()) == kept


async def test_every_recipient_is_in_the_stored_head() -> None:
    sent = b"MAIL FROM:<a@b> SIZE=1\r\nRCPT TO: <c@d>\r\nRCPT TO:<e@f>\r\nDATA\r\nx\r\n.\r\n"
    process = ScriptedProcess([], [sent], env={b"HOME": b"/home/alice"})
    process.memory.directories.add(b"/home/alice")
    await ofmipd(process)
    ((path, text),) = process.memory.files.items()
    assert path.startswith(b"/home/alice/Maildir/new/")
    assert text == b"Return-Path: <a@b>\nDelivered-To: <c@d>\nDelivered-To: <e@f>\nx\n"


async def test_without_a_home_messages_are_accepted_and_forgotten() -> None:
    process = ScriptedProcess([], [ENVELOPE + b"x\r\n.\r\n"], env={b"HOME": b""})
    assert await outcome(ofmipd, process) == (1, TAKEN + b"250 ok\r\n")
    assert process.memory.calls == []


QUEUE = [
    (b"31", b"554 mail server permanently rejected message (#5.3.0)"),
    (b"53", b"451 qq write error or disk full (#4.3.0)"),
    (b"111", b"451 qq temporary problem (#4.3.0)"),
    (b"exec", b"451 unable to exec qq (#4.3.0)"),
]


@pytest.mark.parametrize(("option", "reply"), QUEUE)
async def test_queue_trouble_refuses_each_message(option: bytes, reply: bytes) -> None:
    process = ScriptedProcess([b"--queue", option, b"--maildir", b"/m"], [ENVELOPE + b".\r\nDATA\r\n"])
    said = TAKEN + reply + b"\r\n503 MAIL first (#5.5.1)\r\n"
    assert await outcome(ofmipd, process) == (1, said)
    assert process.memory.files == {}


@pytest.mark.parametrize(
    ("operation", "number", "reply"),
    [
        ("create", errno.ENOSPC, QUEUE[1][1]),
        ("rename", errno.EDQUOT, QUEUE[1][1]),
        ("make_directory", errno.EACCES, QUEUE[2][1]),
    ],
)
async def test_a_maildir_in_trouble_is_queue_trouble(operation: str, number: int, reply: bytes) -> None:
    process = ScriptedProcess([b"--maildir", b"/m"], [ENVELOPE + b".\r\n"])
    process.memory.trouble[operation] = number
    assert await outcome(ofmipd, process) == (1, TAKEN + reply + b"\r\n")
    assert process.memory.files == {}


@pytest.mark.parametrize("path", [b"", b"/home/alice/.ofmipd/rules.cdb"])
async def test_ofm_3_a_missing_cdb_is_fatal(path: bytes) -> None:
    process = ScriptedProcess([path], [b"QUIT\r\n"])
    assert await outcome(ofmipd, process) == (1, b"451 unable to read configuration (#4.3.0)\r\n")


async def test_ofm_3_a_cdb_is_not_looked_into() -> None:
    process = ScriptedProcess([b"/r.cdb"], [b"QUIT\r\n"], files=MemoryFiles({b"/r.cdb": b"junk"}))
    assert await outcome(ofmipd, process) == (0, GREETING + b"221 ofmipd.local\r\n")


@pytest.mark.parametrize("before", [b"", b"NOO", ENVELOPE, ENVELOPE + b"text"])
async def test_ofm_1_silence_for_1200_seconds_ends_it(before: bytes, autojump_clock: MockClock) -> None:
    process = ScriptedProcess([], [before] if before else [], stays=True)
    code, _ = await outcome(ofmipd, process)
    assert (code, autojump_clock.current_time()) == (1, 1200)


async def test_ofm_4_replies_wait_until_input_is_wanted() -> None:
    process = ScriptedProcess([], [b"NOOP\r\nNOO", b"P\r\nRSET\r\n"])
    await ofmipd(process)
    assert process.events == [
        ("write", GREETING),
        ("read", b""),
        ("write", b"250 ok\r\n"),
        ("read", b""),
        ("write", b"250 ok\r\n250 flushed\r\n"),
        ("read", b""),
    ]


async def test_a_client_that_takes_nothing_is_gone() -> None:
    process = ScriptedProcess([], [b"NOOP\r\n"])
    process.takes = False
    assert await outcome(ofmipd, process) == (1, b"")


@pytest.mark.parametrize("size", [1, 65536, 65537, 70000, 200_000])
async def test_an_endless_line_is_one_command(size: int) -> None:
    line = b"NOOP " + b"x" * 200_000 + b"\r\nMAIL FROM:<" + b"y" * 100_000 + b">\r\nQUIT\r\n"
    pieces = [line[at : at + size] for at in range(0, len(line), size)]
    if size == 1:
        pieces = [line[:66_000], *(line[at : at + 1] for at in range(66_000, 66_100)), line[66_100:]]
    said = GREETING + b"250 ok\r\n555 syntax error (#5.5.4)\r\n221 ofmipd.local\r\n"
    assert await outcome(ofmipd, ScriptedProcess([], pieces)) == (0, said)


async def test_a_flood_of_commands_is_answered_in_bounded_pieces() -> None:
    process = ScriptedProcess([], [b"\n" * 65536])
    _, said = await outcome(ofmipd, process)
    assert said.count(b"502 ") == 65536
    assert max(len(data) for _, data in process.events) < 70_000


async def test_a_message_over_the_limit_is_refused_and_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MESSAGE_MAX", 100)
    sent = ENVELOPE + b"x" * 101 + b"\r\nmore\r\n.\r\n" + ENVELOPE + b"fits\r\n.\r\n"
    process = ScriptedProcess([b"--maildir", b"/m"], [sent])
    refusal = b"552 sorry, message exceeds fixed maximum message size (#5.3.4)\r\n"
    again = TAKEN.removeprefix(GREETING) + b"250 ok\r\n"
    assert await outcome(ofmipd, process) == (1, TAKEN + refusal + again)
    assert list(process.memory.files.values()) == [HEAD + b"fits\n"]


async def test_recipients_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RECIPIENTS_MAX", 1)
    process = ScriptedProcess([], [b"MAIL FROM:<>\r\n" + b"RCPT TO:<a>\r\n" * 2])
    said = GREETING + b"250 ok\r\n250 ok\r\n452 sorry, too many recipients (#4.5.3)\r\n"
    assert await outcome(ofmipd, process) == (1, said)


@pytest.mark.parametrize("args", [[b"a", b"b"], [b"--queue", b"1"], [b"--maildir"]])
async def test_a_bad_command_line_gets_the_usage(args: list[bytes]) -> None:
    process = ScriptedProcess(args)
    assert await outcome(ofmipd, process) == (2, b"")
    assert process.logged[0].startswith(b"ofmipd: usage: ofmipd [--maildir DIR] ")
