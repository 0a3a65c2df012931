import signal

import pytest
import trio
from trio.testing import MockClock

from fakes.ofmipd import ofmipd
from fakes.pop3d import pop3d
from fakes.process import Fake
from fakes.programs import PROGRAMS
from tests.fakes.scripted_process import Crashed, MemoryFiles, ScriptedProcess, cuts, outcome

GREETING = b"220 ofmipd.local ESMTP\r\n"
OK = b"250 ok\r\n"
BYE = b"221 ofmipd.local\r\n"
SENT = b"NOOP\r\nVRFY x\r\nMAIL FROM:<>\r\nRCPT TO:<a>\r\nDATA\r\ntext\r\n.\r\nQUIT\r\n"
FULL = GREETING + OK + b"252 send some mail, i'll try my best\r\n" + OK + OK + b"354 go ahead\r\n" + OK + BYE

ENDINGS = [  # options, exit code, how much of FULL is said, and what after it
    ("--close greeting", 0, 0, b""),
    ("--close vrfy", 0, 2, b""),
    ("--close VRFY --exit 9", 9, 2, b""),
    ("--close body", 0, 6, b""),
    ("--close in_data", 0, 6, b""),
    ("--exit-at greeting=3", 3, 1, b""),
    ("--exit-at quit=12", 12, 8, b""),
    ("--exit-at vrfy=5 --exit 9", 5, 3, b""),
    ("--exit 111", 111, 8, b""),
    ("--reply noop=421_busy --exit-at noop=1", 1, 1, b"421 busy\r\n"),
    ("--reply greeting=554_no --exit-at GREETING=1", 1, 0, b"554 no\r\n"),
    ("--reply noop=500-a\\n500_b --close vrfy", 0, 1, b"500-a\r\n500 b\r\n"),
    ("--slow 0.5", 0, 8, b""),
    ("--cut 1", 0, 8, b""),
    ("--cut 7 --", 0, 8, b""),
]


def options(text: str) -> list[bytes]:
    return [word.replace("_", " ").encode() if "=" in word else word.encode() for word in text.split()]


@pytest.mark.parametrize(("text", "code", "said", "after"), ENDINGS)
async def test_how_it_ends_does_not_depend_on_cuts(
    text: str, code: int, said: int, after: bytes, autojump_clock: MockClock
) -> None:
    want = b"".join(FULL.splitlines(keepends=True)[:said]) + after
    for pieces in cuts(SENT):
        assert await outcome(ofmipd, ScriptedProcess(options(text), pieces)) == (code, want)
    assert (autojump_clock.current_time() > 0) == ("slow" in text or "cut" in text)


@pytest.mark.parametrize(
    ("event", "said"),
    [(b"greeting", 0), (b"noop", 1), (b"vrfy", 2), (b"data", 5), (b"body", 6), (b"in_data", 6), (b"quit", 7)],
)
async def test_crash_and_hang_come_after_all_earlier_replies(event: bytes, said: int) -> None:
    want = b"".join(FULL.splitlines(keepends=True)[:said])
    for pieces in cuts(SENT):
        process = ScriptedProcess([b"--crash", event + b"=SIGSEGV"], pieces)
        with pytest.raises(Crashed) as crash:
            await ofmipd(process)
        assert (crash.value.signal, process.output) == (signal.SIGSEGV, want)
    process = ScriptedProcess([b"--hang=" + event.upper()], [SENT])
    with trio.move_on_after(0.01) as scope:
        await ofmipd(process)
    assert (scope.cancelled_caught, process.output) == (True, want)


@pytest.mark.parametrize(
    ("name", "end"),
    [(b"crlf", b"\r\n"), (b"lf", b"\n"), (b"cr", b"\r"), (b"crcrlf", b"\r\r\n"), (b"none", b"")],
)
async def test_line_ends(name: bytes, end: bytes) -> None:
    process = ScriptedProcess([b"--line-end", name], [b"EHLO x\r\nQUIT\r\n"])
    lines = [b"220 ofmipd.local ESMTP", b"250-ofmipd.local", b"250-PIPELINING", b"250 8BITMIME"]
    assert await outcome(ofmipd, process) == (0, b"".join(line + end for line in [*lines, BYE.strip()]))


async def test_slow_waits_before_each_reply(autojump_clock: MockClock) -> None:
    process = ScriptedProcess([b"--slow", b"10"], [b"NOOP\r\nNOOP\r\n"])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(ofmipd, process)
        for at, count in ((5, 0), (15, 1), (25, 2), (35, 3)):
            await trio.sleep_until(at)
            assert autojump_clock.current_time() == at
            assert process.output == (GREETING + OK * 2)[: len(GREETING) + 8 * (count - 1) if count else 0]


async def test_cut_writes_small_pieces(autojump_clock: MockClock) -> None:
    process = ScriptedProcess([b"--cut", b"5"], [])
    await ofmipd(process)
    assert [data for what, data in process.events if what == "write"] == [
        b"220 o",
        b"fmipd",
        b".loca",
        b"l ESM",
        b"TP\r\n",
    ]
    assert autojump_clock.current_time() == pytest.approx(0.005)


async def test_no_message_follows_where_data_was_refused_by_option() -> None:
    process = ScriptedProcess([b"--reply", b"DATA=451 not now"], [SENT])
    _, said = await outcome(ofmipd, process)
    assert said.endswith(b"451 not now\r\n502 unimplemented (#5.5.1)\r\n502 unimplemented (#5.5.1)\r\n" + BYE)


@pytest.mark.parametrize("verb", [b"GREETING", b"in_data", b"Body"])
async def test_a_client_cannot_name_an_event(verb: bytes) -> None:
    args = [b"--close", b"body", b"--exit-at", b"in_data=7", b"--reply", b"in_data=x"]
    process = ScriptedProcess(args, [verb + b"\r\nQUIT\r\n"])
    assert await outcome(ofmipd, process) == (0, GREETING + b"502 unimplemented (#5.5.1)\r\n" + BYE)


async def test_pop3d_misbehaves_alike() -> None:
    files = MemoryFiles({b"/m/new/1.a": b"x\n", b"/m/cur/0.b:2,": b""})
    args = [b"--reply", b"retr=-ERR [IN-USE] no", b"--exit-at", b"retr=4", b"/m"]
    process = ScriptedProcess(args, [b"RETR 1\r\nQUIT\r\n"], files=files)
    assert await outcome(pop3d, process) == (4, b"+OK \r\n-ERR [IN-USE] no\r\n")
    process = ScriptedProcess(
        [b"--close=retr", b"--line-end=lf", b"/m"], [b"LIST\r\nRETR 1\r\n"], files=files
    )
    assert await outcome(pop3d, process) == (0, b"+OK \n+OK \n1 0\n2 2\n.\n")


BAD = [
    [b"--nonsense"],
    [b"--slow"],
    [b"--slow", b"x"],
    [b"--slow=nan"],
    [b"--slow=-1"],
    [b"--cut=-1"],
    [b"--cut=x"],
    [b"--exit=256"],
    [b"--exit", b"x"],
    [b"--exit="],
    [b"--exit-at=quit"],
    [b"--exit-at=quit=x"],
    [b"--crash=quit"],
    [b"--crash=quit=NOSUCH"],
    [b"--crash=quit=\xff"],
    [b"--reply=quit"],
    [b"--line-end=x"],
    [b"--=x"],
]


@pytest.mark.parametrize("args", BAD)
@pytest.mark.parametrize("fake", [ofmipd, pop3d])
async def test_a_bad_option_gets_the_usage_and_no_reply(fake: Fake, args: list[bytes]) -> None:
    process = ScriptedProcess(args)
    assert (await fake(process), process.output) == (2, b"")
    assert b": usage: " in process.logged[0]


@pytest.mark.parametrize("name", sorted(PROGRAMS))
async def test_each_fake_knows_help(name: bytes) -> None:
    process = ScriptedProcess([b"--help", b"--nonsense"])
    code, said = await outcome(PROGRAMS[name], process)
    assert code == 0
    assert said.startswith(b"usage: ")
    assert said.endswith(b"\n")
    assert process.logged == []
