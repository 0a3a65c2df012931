"""A user who sends through sent-token-queue and asks sent-token-check, with a qmail-queue that keeps all."""

import hashlib
import os
import re
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.examples.standing import EXAMPLES

QUEUE = EXAMPLES / "bin" / "sent-token-queue"
CHECK = EXAMPLES / "bin" / "sent-token-check"
ENVELOPE = b"Falice@example.org\0Tbob@example.net\0\0"
MAIL = b"From: alice@example.org\nMessage-ID: <1.2@client.example>\nSubject: hi\n\nhello\n"
KEPT = 2000
KEPT_SECONDS = 30 * 86400
PATIENCE = 60

# Keeps what it was given; descriptor 1 is read, as qmail-queue(8) does.
KEEP = 'cat >"$OUT/message"; cat <&1 >"$OUT/envelope"; env >"$OUT/env"; exit ${CODE:-0}'


class Sent(NamedTuple):
    """How sent-token-queue ended, and what it queued."""

    code: int
    complaint: bytes
    message: bytes | None
    envelope: bytes | None
    env: str


class User:
    """A user with a home; whom sent-token-queue and sent-token-check run for."""

    def __init__(self, directory: Path) -> None:
        self.home = directory / "home"
        self.home.mkdir()
        self._directory = directory
        self._queue = directory / "keep"
        self._queue.write_text(f"#!/bin/sh\n{KEEP}\n")
        self._queue.chmod(0o755)

    @property
    def store(self) -> Path:
        return self.home / ".sent-tokens"

    def send(
        self, mail: bytes = MAIL, env: Mapping[str, str | None] | None = None, wrap: Sequence[str] = ()
    ) -> Sent:
        out = self._directory / f"out{time.monotonic_ns()}"
        out.mkdir()
        read_end, write_end = os.pipe()
        os.write(write_end, ENVELOPE)
        os.close(write_end)
        try:
            done = subprocess.run(
                [*wrap, str(QUEUE)],
                input=mail,
                stdout=read_end,
                stderr=subprocess.PIPE,
                env=self._env({"SENT_TOKEN_QUEUE": str(self._queue), "OUT": str(out), **(env or {})}),
                timeout=PATIENCE,
                check=False,
            )
        finally:
            os.close(read_end)
        kept = [(out / name).read_bytes() if (out / name).exists() else None for name in OUTPUT]
        return Sent(done.returncode, done.stderr, kept[0], kept[1], (kept[2] or b"").decode())

    def check(self, mail: bytes, env: Mapping[str, str | None] | None = None) -> int:
        done = subprocess.run(
            [CHECK], input=mail, env=self._env(env or {}), timeout=PATIENCE, check=False, capture_output=True
        )
        assert done.stdout == b""
        assert (done.stderr != b"") == (done.returncode == 111)
        return done.returncode

    def remembered(self) -> set[str]:
        return set(os.listdir(self.store))

    def _env(self, changes: Mapping[str, str | None]) -> dict[str, str]:
        env: dict[str, str | None] = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), **changes}
        return {name: value for name, value in env.items() if value is not None}


OUTPUT = ("message", "envelope", "env")


def token_of(sent: Sent) -> bytes:
    assert sent.message is not None
    found = re.match(rb"X-Sent-Token: ([0-9a-f]{32})\n", sent.message)
    assert found
    return found[1]


def names(*keys: bytes) -> set[str]:
    return {hashlib.sha256(key).hexdigest() for key in keys}
