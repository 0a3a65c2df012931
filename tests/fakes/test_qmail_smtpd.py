import errno
from collections.abc import Mapping

import pytest
from trio.testing import MockClock

from fakes.qmail_smtpd import qmail_smtpd
from tests.fakes.scripted_process import MemoryFiles, ScriptedProcess, cuts, outcome

NAME = b"mail.example.org"
GREETING = b"220 mail.example.org ESMTP\r\n"
ENVELOPE = b"MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\n"
TAKEN = GREETING + b"250 ok\r\n250 ok\r\n354 go ahead\r\n"
ACCEPTED = b"250 ok 1000000000 qp 4711\r\n"
NOT_ALLOWED = b"553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)\r\n"
BARE_LF = b"451 See https://cr.yp.to/docs/smtplf.html.\r\n"
TIMEOUT = b"451 timeout (#4.4.2)\r\n"


def server(
    pieces: list[bytes],
    *,
    args: list[bytes] | None = None,
    control: Mapping[bytes, bytes] | None = None,
    env: Mapping[bytes, bytes] | None = None,
    stays: bool = False,
) -> ScriptedProcess:
    control = {b"smtpgreeting": NAME + b"\n"} if control is None else control
    files = MemoryFiles({b"/var/qmail/control/" + name: text for name, text in control.items()})
    return ScriptedProcess(
        args or [], pieces, env={b"RELAYCLIENT": b""} if env is None else env, files=files, stays=stays
    )


def kept(process: ScriptedProcess) -> list[bytes]:
    return [text for path, text in process.memory.files.items() if path.startswith(b"/m/new/")]


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (b"HELO x", b"250 mail.example.org"),
        (b"EHLO x", b"250-mail.example.org\r\n250-PIPELINING\r\n250 8BITMIME"),
        (b"help", b"214 qmail home page: http://pobox.com/~djb/qmail.html"),
        (b"RSET", b"250 flushed"),
        (b"RCPT TO:<a@b>", b"503 MAIL first (#5.5.1)"),
        (b"MAIL FROM:<" + b"a" * 901 + b">", b"555 syntax error (#5.5.4)"),
        (b"AUTH PLAIN", b"502 unimplemented (#5.5.1)"),
        (b"STARTTLS", b"502 unimplemented (#5.5.1)"),
    ],
)
async def test_verbs_are_ofmipds_but_for_the_name(command: bytes, reply: bytes) -> None:
    assert await outcome(qmail_smtpd, server([command + b"\r\n"])) == (1, GREETING + reply + b"\r\n")


async def test_quit_ends_it() -> None:
    assert await outcome(qmail_smtpd, server([b"QUIT\r\nNOOP\r\n"])) == (
        0,
        GREETING + b"221 mail.example.org\r\n",
    )


@pytest.mark.parametrize(
    ("control", "said"),
    [
        ({b"smtpgreeting": b"a b \t\r\n# c\n", b"me": b"d\n"}, b"220 a b ESMTP\r\n"),
        ({b"me": b"d"}, b"220 d ESMTP\r\n"),
        ({b"smtpgreeting": b"\n", b"me": b"d\n"}, b"220 d ESMTP\r\n"),
        ({}, b"421 unable to read controls (#4.3.0)\r\n"),
    ],
)
async def test_its_name_is_in_the_control_files(control: Mapping[bytes, bytes], said: bytes) -> None:
    assert await outcome(qmail_smtpd, server([], control=control)) == (1, said)


async def test_a_control_file_in_trouble_is_fatal() -> None:
    process = server([b"QUIT\r\n"])
    process.memory.trouble["read"] = errno.EIO
    assert await outcome(qmail_smtpd, process) == (1, b"421 unable to read controls (#4.3.0)\r\n")


async def test_the_qmail_home_may_be_elsewhere() -> None:
    files = MemoryFiles({b"/q/control/me": NAME})
    process = ScriptedProcess([], [b"QUIT\r\n"], env={b"QMAILHOME": b"/q"}, files=files)
    assert await outcome(qmail_smtpd, process) == (0, GREETING + b"221 mail.example.org\r\n")


@pytest.mark.parametrize(
    ("recipient", "allowed"),
    [
        (b"x@here.example", True),
        (b"x@HERE.example", True),
        (b"x@a.below.example", True),
        (b"x@below.example", False),
        (b"x@there.example", False),
        (b"x@nothere.example", False),
        (b"here", False),
    ],
)
async def test_recipients_have_to_be_in_rcpthosts(recipient: bytes, allowed: bool) -> None:
    sent = [b"MAIL FROM:<>\r\nRCPT TO:<" + recipient + b">\r\nDATA\r\n"]
    control = {b"me": NAME, b"rcpthosts": b"#there.example\nHere.example\n.below.example\n"}
    said = b"250 ok\r\n354 go ahead\r\n" if allowed else NOT_ALLOWED + b"503 RCPT first (#5.5.1)\r\n"
    process = server(sent, control=control, env={})
    assert await outcome(qmail_smtpd, process) == (1, GREETING + b"250 ok\r\n" + said)


async def test_without_rcpthosts_only_a_relay_client_has_recipients() -> None:
    sent = [b"MAIL FROM:<>\r\nRCPT TO:<a@b>\r\n"]
    assert (await outcome(qmail_smtpd, server(sent, env={})))[1] == GREETING + b"250 ok\r\n" + NOT_ALLOWED
    assert (await outcome(qmail_smtpd, server(sent)))[1] == GREETING + b"250 ok\r\n250 ok\r\n"


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\n"),
        (b"a\r\n..\r\n.b\r\n.\r\n", b"a\n.\nb\n"),
        (b"a\r\r\n.\r\n", b"a\r\n"),
        (b"a\rb\r\n.\r\n", b"a\rb\n"),
    ],
)
async def test_a_message_is_taken(sent: bytes, stored: bytes) -> None:
    head = b"Return-Path: <a@b>\nDelivered-To: <c@d>\n"
    for pieces in cuts(sent):
        process = server([ENVELOPE, *pieces], args=[b"--maildir", b"/m"])
        assert await outcome(qmail_smtpd, process) == (1, TAKEN + ACCEPTED)
        assert kept(process) == [head + stored]


@pytest.mark.parametrize(
    "sent", [b"a\n", b"\n", b".\n", b"a\r\n.\n", b"a\n.\r\n", b"a\r\n\n.\r\n", b"a\r\nb\nc\r\n.\r\n"]
)
async def test_qsm_1_a_bare_lf_ends_the_session(sent: bytes) -> None:
    for pieces in cuts(sent):
        process = server([ENVELOPE, *pieces, b"QUIT\r\n"], args=[b"--maildir", b"/m"])
        assert await outcome(qmail_smtpd, process) == (1, TAKEN + BARE_LF)
        assert kept(process) == []


async def test_a_bare_lf_may_end_a_command() -> None:
    assert await outcome(qmail_smtpd, server([b"NOOP\nQUIT\n"])) == (
        0,
        GREETING + b"250 ok\r\n221 mail.example.org\r\n",
    )


@pytest.mark.parametrize(
    ("seconds", "end"),
    [(b"7\n", 7), (b"0\n", 1), (None, 1200), (b"", 1200), (b"x\n", 1200), (b"9" * 10, 1200)],
)
@pytest.mark.parametrize("before", [b"", b"NOO", ENVELOPE, ENVELOPE + b"text\r\n."])
async def test_qsm_2_silence_ends_it_with_a_word(
    before: bytes, seconds: bytes | None, end: float, autojump_clock: MockClock
) -> None:
    control = {b"me": NAME} | ({} if seconds is None else {b"timeoutsmtpd": seconds})
    process = server([before] if before else [], control=control, stays=True)
    said = TAKEN if before.startswith(ENVELOPE) else GREETING
    assert await outcome(qmail_smtpd, process) == (1, said + TIMEOUT)
    assert autojump_clock.current_time() == end


@pytest.mark.parametrize("before", [b"", b"NOO", ENVELOPE, ENVELOPE + b"text\r\n."])
async def test_qsm_3_at_eof_it_says_nothing(before: bytes) -> None:
    process = server([before] if before else [])
    said = TAKEN if before.startswith(ENVELOPE) else GREETING
    assert await outcome(qmail_smtpd, process) == (1, said)


async def test_queue_trouble_refuses_each_message() -> None:
    process = server([ENVELOPE + b"x\r\n.\r\nQUIT\r\n"], args=[b"--queue", b"31"])
    said = b"554 mail server permanently rejected message (#5.3.0)\r\n221 mail.example.org\r\n"
    assert await outcome(qmail_smtpd, process) == (0, TAKEN + said)


@pytest.mark.parametrize("args", [[b"cdb"], [b"--queue", b"1"], [b"--maildir"]])
async def test_a_bad_command_line_gets_the_usage(args: list[bytes]) -> None:
    process = server([], args=args)
    assert await outcome(qmail_smtpd, process) == (2, b"")
    assert process.logged[0].startswith(b"qmail-smtpd: usage: qmail-smtpd [--maildir DIR] ")
