import errno

import pytest
from trio.testing import MockClock

from fakes.pop3d import pop3d
from tests.fakes.scripted_process import MemoryFiles, ScriptedProcess, cuts, outcome

FIRST = b"Subject: one\n\n.dot\n..\nlast line"
SECOND = b"Subject: two\n\nbody\n"


def mailbox() -> MemoryFiles:
    files = MemoryFiles({b"/m/new/20.b": SECOND, b"/m/cur/10.a:2,S": FIRST, b"/m/new/.hidden": b"x"})
    files.directories |= {b"/m/tmp"}
    return files


async def talk(*lines: bytes, files: MemoryFiles | None = None) -> list[bytes]:
    """What is said after the greeting, without line ends."""
    sent = b"".join(line + b"\r\n" for line in lines)
    process = ScriptedProcess([b"/m"], [sent], files=files or mailbox())
    code, said = await outcome(pop3d, process)
    assert code == 0
    assert said.startswith(b"+OK \r\n")
    assert said.endswith(b"\r\n")
    return said.split(b"\r\n")[1:-1]


LISTINGS = [
    ([b"STAT"], [b"+OK 2 50"]),
    ([b"LIST"], [b"+OK ", b"1 31", b"2 19", b"."]),
    ([b"list 2"], [b"+OK 2 19"]),
    ([b"UIDL"], [b"+OK ", b"1 10.a", b"2 20.b", b"."]),
    ([b"UIDL 1"], [b"+OK 1 10.a"]),
    ([b"NOOP"], [b"+OK "]),
    ([b"LAST"], [b"+OK 0"]),
    ([b"DELE 2", b"LAST", b"LIST", b"STAT"], [b"+OK ", b"+OK 2", b"+OK ", b"1 31", b".", b"+OK 2 31"]),
    ([b"DELE 1", b"DELE 1", b"RETR 1"], [b"+OK ", b"-ERR already deleted", b"-ERR already deleted"]),
    ([b"DELE 2", b"RSET", b"LAST", b"STAT"], [b"+OK ", b"+OK ", b"+OK 0", b"+OK 2 50"]),
    ([b"RETR 0"], [b"-ERR messages are counted from 1"]),
    ([b"RETR 3"], [b"-ERR not that many messages"]),
    ([b"RETR " + b"9" * 5000], [b"-ERR not that many messages"]),
    ([b"RETR " + b"0" * 5000 + b"3"], [b"-ERR not that many messages"]),
    ([b"RETR"], [b"-ERR syntax error"]),
    ([b"DELE x"], [b"-ERR syntax error"]),
    ([b"LIST -1"], [b"-ERR syntax error"]),
    ([b"UIDL 2x"], [b"+OK 2 20.b"]),
    ([b"CAPA"], [b"-ERR unimplemented"]),
    ([b"USER alice"], [b"-ERR unimplemented"]),
    ([b""], [b"-ERR unimplemented"]),
    ([b"QUIT", b"NOOP"], [b"+OK "]),
]


@pytest.mark.parametrize(("sent", "said"), LISTINGS)
async def test_each_verb_has_its_reply(sent: list[bytes], said: list[bytes]) -> None:
    assert await talk(*sent) == said


MESSAGES = [
    (b"RETR 1", [b"Subject: one", b"", b"..dot", b"...", b"last line"]),
    (b"RETR 2", [b"Subject: two", b"", b"body"]),
    (b"TOP 1 0", [b"Subject: one", b""]),
    (b"TOP 1  1", [b"Subject: one", b"", b"..dot"]),
    (b"TOP 1 99", [b"Subject: one", b"", b"..dot", b"...", b"last line"]),
    (b"TOP 1", [b"Subject: one", b"", b"..dot", b"...", b"last line"]),
    (b"RETR 1 1", [b"Subject: one", b"", b"..dot"]),
]


@pytest.mark.parametrize(("sent", "text"), MESSAGES)
async def test_a_message_is_stuffed_and_ends_in_an_empty_line_and_a_dot(
    sent: bytes, text: list[bytes]
) -> None:
    assert await talk(sent) == [b"+OK ", *text, b"", b"."]


@pytest.mark.parametrize("text", [b"", b"\n", b".", b".\n.\n", b"\r\n.\r\n", b"a\rb\0\xff"])
async def test_any_message_can_be_put_together_again(text: bytes) -> None:
    files = MemoryFiles({b"/m/new/1.a": text, b"/m/cur/0.b:2,": b""})
    said = await talk(b"RETR 2", files=files)
    lines = b"\r\n".join(said[1:]).removesuffix(b"\r\n.").split(b"\r\n")
    got = b"\n".join(line.removeprefix(b".") for line in lines)
    assert got == (text if text.endswith(b"\n") or not text else text + b"\n")


SESSION = b"STAT\r\nretr 1\nUIDL\r\nDELE 1\r\nRETR 9\r\nQUIT\r\nNOOP\r\n"


@pytest.mark.parametrize("pieces", cuts(SESSION))
async def test_a_session_is_the_same_however_it_is_cut(pieces: list[bytes]) -> None:
    files = mailbox()
    code, said = await outcome(pop3d, ScriptedProcess([b"/m"], pieces, files=files))
    assert code == 0
    assert said == (
        b"+OK \r\n+OK 2 50\r\n+OK \r\nSubject: one\r\n\r\n..dot\r\n...\r\nlast line\r\n\r\n.\r\n"
        b"+OK \r\n1 10.a\r\n2 20.b\r\n.\r\n+OK \r\n-ERR not that many messages\r\n+OK \r\n"
    )
    assert set(files.files) == {b"/m/cur/20.b:2,", b"/m/new/.hidden"}


@pytest.mark.parametrize("sent", [b"DELE 1\r\n", b"DELE 1\r\nQUIT", b""])
async def test_pop_2_without_quit_nothing_changes(sent: bytes) -> None:
    files = mailbox()
    code, _ = await outcome(pop3d, ScriptedProcess([b"/m"], [sent] if sent else [], files=files))
    assert code == 0
    assert files.files == mailbox().files


async def test_pop_2_silence_for_1200_seconds_ends_it(autojump_clock: MockClock) -> None:
    process = ScriptedProcess([b"/m"], [b"DELE 1\r\n"], files=mailbox(), stays=True)
    code, _ = await outcome(pop3d, process)
    assert (code, autojump_clock.current_time()) == (0, 1200)
    assert process.memory.files == mailbox().files


@pytest.mark.parametrize("args", [[], [b"/nowhere"], [b""]])
async def test_pop_1_no_maildir(args: list[bytes]) -> None:
    process = ScriptedProcess(args, [b"QUIT\r\n"])
    assert await outcome(pop3d, process) == (0, b"-ERR this user has no $HOME/Maildir\r\n")


async def test_a_directory_that_is_no_maildir() -> None:
    process = ScriptedProcess([b"/m"], files=MemoryFiles({b"/m/readme": b""}))
    assert await outcome(pop3d, process) == (0, b"-ERR unable to scan $HOME/Maildir\r\n")


async def test_pop_3_it_does_not_serve_root() -> None:
    process = ScriptedProcess([b"/m"], [b"QUIT\r\n"], files=mailbox(), uid=0)
    assert await outcome(pop3d, process) == (1, b"")
    assert process.logged == [b"qmail-pop3d invoked as uid 0, terminating"]


async def test_a_message_that_another_session_deleted() -> None:
    process = ScriptedProcess([b"/m"], [b"NOOP\r\n"], files=mailbox())
    process.memory.trouble["read"] = errno.ENOENT
    process.memory.trouble["remove"] = errno.ENOENT
    process.memory.trouble["rename"] = errno.ENOENT
    said = await talk(b"STAT", b"RETR 1", b"DELE 1", b"QUIT", files=process.memory)
    assert said == [
        b"+OK 2 0",
        b"-ERR unable to open that message",
        b"+OK ",
        b"-ERR unable to unlink all deleted messages",
        b"+OK ",
    ]


async def test_two_directories_are_a_usage_error() -> None:
    assert await outcome(pop3d, ScriptedProcess([b"/m", b"/n"])) == (2, b"")
