"""The process that tries one seeded bug (`mutated.py`), as its parent sees it."""

import json
import pickle
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, Self

from conformance.bugs import mutants
from conformance.bugs.hunting import Notice
from conformance.format.talk import Talk

LONGEST: Final = 600.0  # seconds for one seeded bug


class Trial:
    """A context manager; iterate over it for what the cases notice, for as long as you want to know.

    `trouble` says, when it is closed, why the bug could not be tried; "" if it could.
    """

    def __init__(self, bug: str, cases: Sequence[Talk]) -> None:
        self.trouble = ""
        self._cases = cases
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "conformance.bugs.mutated", bug],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=mutants.ROOT,
        )
        self._alarm = threading.Timer(LONGEST, self._process.kill)

    def __enter__(self) -> Self:
        self._alarm.start()
        self._say(pickle.dumps(self._cases))
        return self

    def __iter__(self) -> Iterator[Notice]:
        assert self._process.stdout is not None  # noqa: S101
        for line in self._process.stdout:
            yield Notice(**json.loads(line))
            self._say(b"\n")

    def __exit__(self, *_: object) -> None:
        self._process.communicate()  # standard input ends, so it stops
        self._alarm.cancel()
        self._errors.seek(0)
        words = self._errors.read().decode().strip().rpartition("\n")[2]
        self._errors.close()
        if self._process.returncode:
            self.trouble = words or f"took more than {LONGEST:g} s"

    def _say(self, words: bytes) -> None:
        assert self._process.stdin is not None  # noqa: S101
        with suppress(BrokenPipeError):  # it died
            self._process.stdin.write(words)
            self._process.stdin.flush()
