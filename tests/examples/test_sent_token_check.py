"""examples/bin/sent-token-check: what is an answer to a message that was sent."""

import hashlib
import os
import shutil
import subprocess
import time

import pytest

from tests.examples.sending import CHECK, KEPT_SECONDS, MAIL, User, token_of

ANSWERS = {
    "in-reply-to": b"Subject: Re: hi\nIn-Reply-To: <1.2@client.example>\n\nyes\n",
    "references, folded": b"REFERENCES: <0@x>\n <1.2@client.example>\n\t<9@y>\nSubject: x\n\nyes\n",
    "crlf": b"Subject: x\r\nIn-Reply-To:\r\n <1.2@client.example>\r\n\r\nyes\r\n",
    "bounce": b"Subject: failure notice\n\nHi.\n--- Below\n\nX-Sent-Token: %(token)b\nFrom: alice\n",
    "challenge": b"Subject: confirm\n\nYou wrote:\n> X-Sent-Token: %(token)b\n",
    "from a list": b"X-Sent-Token: %(token)b\nSubject: hi\n\nhello\n",
}
OTHERS = {
    "nothing": b"",
    "no header": b"\n",
    "somebody else's message": b"In-Reply-To: <1.3@client.example>\n\nyes\n",
    "the body answers to nothing": b"Subject: x\n\nIn-Reply-To: <1.2@client.example>\n",
    "its own name is no answer": b"Message-ID: <1.2@client.example>\n\nhello\n",
    "another token": b"Subject: x\n\nX-Sent-Token: 0123456789abcdef0123456789abcdef\n",
    "more than the token": b"Subject: x\n\nX-Sent-Token: %(token)b0\n",
    "a part of the token": b"Subject: x\n\nX-Sent-Token: %(token).31b\n",
    "a path": b"In-Reply-To: <../../../../etc/passwd>\n\nX-Sent-Token: ../../etc/passwd\n",
    "a hash": b"In-Reply-To: <" + hashlib.sha256(b"<1.2@client.example>").hexdigest().encode() + b">\n\n",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers(user: User, answer: bytes) -> None:
    token = token_of(user.send())
    assert user.check(answer % {b"token": token}) == 0
    shutil.rmtree(user.store)
    assert user.check(answer % {b"token": token}) == 1


@pytest.mark.parametrize("mail", OTHERS.values(), ids=OTHERS)
def test_what_is_no_answer(user: User, mail: bytes) -> None:
    token = token_of(user.send())
    assert user.check(mail % {b"token": token}) == 1


def test_an_answer_may_come_late_but_not_for_ever(user: User) -> None:
    user.send()
    for age, code in [(KEPT_SECONDS - 60, 0), (KEPT_SECONDS + 1, 1)]:
        for file in user.store.iterdir():
            os.utime(file, (time.time() - age,) * 2)
        assert user.check(ANSWERS["in-reply-to"]) == code
    user.send(b"\n")
    assert len(user.remembered()) == 1  # the old ones are forgotten
    user.send()
    assert user.check(ANSWERS["in-reply-to"]) == 0


def test_without_home(user: User) -> None:
    sent = user.send(env={"HOME": None})
    assert (sent.code, sent.message) == (0, MAIL)
    assert user.check(ANSWERS["in-reply-to"], {"HOME": None}) == 111
    assert user.check(b"Subject: nothing to look up\n\n", {"HOME": None}) == 1


def test_a_check_that_cannot_look_is_tried_again(user: User) -> None:
    user.store.touch()
    assert user.check(ANSWERS["in-reply-to"]) == 111
    done = subprocess.run(
        ["sh", "-c", 'exec "$0" 0>/dev/null', CHECK], capture_output=True, check=False, env={}
    )
    assert (done.returncode, done.stderr) == (111, b"sent-token-check: OSError\n")
