"""examples/bin/sent-token-queue: what goes out, and what is remembered."""

import hashlib
import os
import re
import shlex
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.examples.sending import ENVELOPE, KEPT, MAIL, QUEUE, User, names, token_of
from tests.sessions.real_chain import UID, Site, connect


def test_a_line_in_front_and_nothing_else(user: User) -> None:
    sent = user.send(env={"QMAILQUEUE": "loop", "KEPT_AS_IT_IS": "x"})
    assert (sent.code, sent.complaint) == (0, b"")
    assert sent.message == b"X-Sent-Token: " + token_of(sent) + b"\n" + MAIL
    assert sent.envelope == ENVELOPE
    assert "QMAILQUEUE=" not in sent.env.replace("SENT_TOKEN_QUEUE=", "")
    assert "KEPT_AS_IT_IS=x" in sent.env


@pytest.mark.parametrize("umask", ["0", "077"])
def test_what_is_remembered_is_private(user: User, umask: str) -> None:
    sent = user.send(wrap=["sh", "-c", f'umask {umask}; exec "$0"'])
    assert user.remembered() == names(token_of(sent), b"<1.2@client.example>")
    assert stat.S_IMODE(user.store.stat().st_mode) == 0o700
    files = list(user.store.iterdir())
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert {file.read_bytes() for file in files} == {b""}


def test_a_directory_that_others_can_enter_is_closed(user: User) -> None:
    user.store.mkdir(mode=0o755)
    user.send()
    assert stat.S_IMODE(user.store.stat().st_mode) == 0o700


def test_each_message_has_a_token_of_its_own(user: User) -> None:
    assert token_of(user.send()) != token_of(user.send())


HOSTILE = {
    "nothing": b"",
    "NULs and no end of line": b"\0" * 70000,
    "all bytes": bytes(range(256)) * 4000,
    "an endless line": b"In-Reply-To: " + b"x" * 3_000_000,
    "brackets": b"References: " + b"<" * 60000 + b"\n\n" + b"<" * 2_000_000,
    "ids": b"References: " + b"<x>" * 20000 + b"\n\n",
    "many different ids": b"In-Reply-To:\n" + b"".join(b" <%d@x>\n" % n for n in range(8000)) + b"\n",
    "fields": b"Message-ID:\nIn-Reply-To:\n" * 3000 + b"\n",
    "folds": b"Message-ID: " + b"\n " * 32000 + b"\n\n",
    "carriage returns": b"Message-ID:" + b"\r\n \r" * 15000 + b"In-Reply-To:" + b"\r" * 60000 + b"\n\n",
    "tokens": b"\n" + b"X-Sent-Token: 0123456789abcdef0123456789abcdef\n" * 40000,
    "almost tokens": b"X-Sent-Token: 0123456789abcdef0123456789abcde\n" * 40000,
    "a shell": b"Message-ID: <$(touch${IFS}/tmp/x)@`id`>\nIn-Reply-To: <;reboot>\n\n",
    "a long id": b"Message-ID: <" + b"a" * 5000 + b">\n\n",
}


@pytest.mark.parametrize("mail", HOSTILE.values(), ids=HOSTILE)
def test_hostile_messages(user: User, mail: bytes) -> None:
    began = time.monotonic()
    sent = user.send(mail)
    assert (sent.code, sent.complaint, sent.envelope) == (0, b"", ENVELOPE)
    assert sent.message == b"X-Sent-Token: " + token_of(sent) + b"\n" + mail
    assert user.check(mail) == 1
    assert time.monotonic() - began < 20
    assert len(user.remembered()) <= 2
    assert [path.name for path in user.home.iterdir()] == [".sent-tokens"]


def test_memory_does_not_grow_with_the_message(user: User) -> None:
    mail = b"Subject: x\n\n" + b"x" * 100_000_000
    limited = ["sh", "-c", 'ulimit -v 80000; exec "$0"']
    assert user.send(mail, wrap=limited).code == 0
    assert user.send(mail, wrap=["sh", "-c", 'ulimit -v 5000; exec "$0"']).code != 0  # the limit limits


def test_many_at_once(user: User) -> None:
    with ThreadPoolExecutor(8) as pool:
        mails = [MAIL.replace(b"1.2", b"%d" % number) for number in range(24)]
        sent = list(pool.map(user.send, mails))
    assert [one.code for one in sent] == [0] * 24
    tokens = [token_of(one) for one in sent]
    assert len(set(tokens)) == 24
    assert user.remembered() == names(*tokens, *(b"<%d@client.example>" % number for number in range(24)))


def test_what_is_kept_is_bounded_also_by_many_at_once(user: User) -> None:
    user.store.mkdir()
    for number in range(KEPT + 100):
        file = user.store / hashlib.sha256(b"%d" % number).hexdigest()
        file.touch()
        os.utime(file, (time.time() - 10000 + number,) * 2)
    (user.store / "notes").write_text("not ours")
    with ThreadPoolExecutor(8) as pool:
        sent = list(pool.map(lambda _: user.send(b"\n"), range(8)))
    assert {(one.code, one.complaint) for one in sent} == {(0, b"")}
    kept = user.remembered()
    assert len(kept) == KEPT + len(["notes"])
    assert "notes" in kept
    assert names(*map(token_of, sent)) <= kept
    assert names(b"%d" % (KEPT + 99)) <= kept
    assert not names(b"107") & kept


def no_home(user: User) -> None:
    shutil.rmtree(user.home)


def a_file(user: User) -> None:
    user.store.touch()


def a_link(user: User) -> None:
    (user.home / "elsewhere").mkdir()
    user.store.symlink_to("elsewhere")


def loop(user: User) -> None:
    user.store.symlink_to(user.store)


@pytest.mark.parametrize("trouble", [no_home, a_file, a_link, loop])
def test_when_nothing_can_be_remembered_the_message_goes_out_as_it_is(
    user: User, trouble: Callable[[User], None]
) -> None:
    trouble(user)
    sent = user.send()
    assert (sent.code, sent.message, sent.envelope) == (0, MAIL, ENVELOPE)
    assert sent.complaint.startswith(b"sent-token-queue: nothing is remembered: ")


def test_the_code_is_that_of_qmail_queue(user: User) -> None:
    assert user.send(env={"CODE": "31"}).code == 31


def test_troubles_have_the_codes_of_qmail_queue(user: User) -> None:
    missing = user.send(env={"SENT_TOKEN_QUEUE": "/nonexistent"})
    assert (missing.code, missing.message) == (120, None)
    assert missing.complaint == b"sent-token-queue: unable to run /nonexistent: No such file or directory\n"
    full = user.send(b"x" * 100000, wrap=["sh", "-c", 'ulimit -f 1; exec "$0"'])
    assert (full.code, full.message) == (53, None)
    unreadable = user.send(wrap=["sh", "-c", 'exec "$0" 0>/dev/null'])
    assert (unreadable.code, unreadable.message) == (54, None)


def test_who_is_killed_queues_nothing(user: User, tmp_path: Path) -> None:
    began = tmp_path / "began"
    (tmp_path / "keep").write_text(f"#!/bin/sh\ntouch {began}\n")
    with subprocess.Popen(
        [QUEUE],
        stdin=subprocess.PIPE,
        env={"HOME": str(user.home), "SENT_TOKEN_QUEUE": str(tmp_path / "keep")},
    ) as program:
        assert program.stdin is not None
        program.stdin.write(b"Subject: x\n\n" + b"x" * 200000)
        program.stdin.flush()
        while not user.store.exists():
            time.sleep(0.01)
        program.kill()
    assert program.returncode == -signal.SIGKILL
    assert not began.exists()


async def test_in_a_session_it_runs_as_the_user(site: Site, programs: Path) -> None:
    server = shutil.copy(Path(__file__).with_name("queueing_server.py"), site.directory)
    site.script("server", f"exec {shlex.quote(str(programs / 'python3'))} -I {server}")
    keep = site.script("keep", 'cat >"$HOME/queued"; cat <&1 >"$HOME/envelope"')
    env = {"QMAILQUEUE": str(site.bin / "sent-token-queue"), "SENT_TOKEN_QUEUE": str(keep)}
    chain = "reup -t 5 authup smtp checkpassword checknotroot fixsmtpio server"
    async with connect(site, chain, env=env) as client:
        for line in (b"AUTH PLAIN AGFsaWNlAHNlY3JldA==", b"MAIL FROM:<a@x>", b"RCPT TO:<b@y>", b"DATA"):
            await client.receive_until(b"\n")
            await client.send(line + b"\r\n")
        assert (await client.receive_until(b"\n"))[:3] == b"354"
        await client.send(b"Message-ID: <1.2@client.example>\r\n\r\nhello\r\n.\r\n")
        assert await client.receive_until(b"\n") == b"250 ok\r\n"
        await client.send(b"QUIT\r\n")
        await client.receive_all()
    queued = (site.user_home / "queued").read_bytes()
    assert re.fullmatch(rb"X-Sent-Token: \w{32}\nMessage-ID: <1.2@client.example>\n\nhello\n", queued)
    assert (site.user_home / "envelope").read_bytes() == b"Fa@x\0Tb@y\0\0"
    store = site.user_home / ".sent-tokens"
    assert {path.stat().st_uid for path in [store, *store.iterdir()]} == {UID}
    assert len(list(store.iterdir())) == 2
