"""A world that notes what a driver asks it for, and lets it get no further than it must."""

import importlib
import string
from typing import NoReturn, cast

import trio

from acceptutils.authup import DEFAULT_TRIES
from acceptutils.runtime import cli
from acceptutils.runtime.world import CannotRun, World
from tests.manuals.source import constants_of

_OPERANDS = {"authup": [b"smtp", b"prog"]}


class NotingWorld:
    """Every program starts in it, no child does, and the client leaves at once."""

    uid = euid = 20001
    pid = 1

    def __init__(self, args: list[bytes]) -> None:
        self.args = args
        self.env: dict[bytes, bytes] = {}
        self.client = self
        self.logged: list[bytes] = []
        self.controls: set[str] = set()

    def log(self, line: bytes) -> None:
        self.logged.append(line)

    def enter_qmail_home(self) -> None:
        pass

    def read_control(self, name: str) -> bytes | None:
        self.controls.add(f"control/{name}")
        return b"mail.example.org\n" if name == "me" else None

    def now(self) -> float:
        return 0

    def unix_time(self) -> int:
        return 0

    def tls_is_usable(self) -> bool:
        return False

    def recall(self) -> None:
        return None

    def remember(self, _: bytes) -> None:
        pass

    async def signalled(self) -> NoReturn:
        await trio.sleep_forever()

    async def send_some(self, data: bytes) -> int:
        return len(data)

    async def receive_line(self, _: int) -> bytes:
        return b""

    async def exec(self, argv: list[bytes]) -> NoReturn:
        raise CannotRun("exec", argv[0].decode())

    async def attempt(self, argv: list[bytes], _: object) -> NoReturn:
        raise CannotRun("exec", argv[0].decode())

    async def spawn(self, argv: list[bytes], *_: object, **__: object) -> NoReturn:
        raise CannotRun("exec", argv[0].decode())


def run(program: str, args: list[bytes]) -> NotingWorld:
    """Run a program's driver; return its world."""
    world = NotingWorld(args)
    driver = getattr(importlib.import_module(f"acceptutils.runtime.{program}"), program)
    trio.run(driver, cast("World", world))
    return world


def control_files(program: str) -> set[str]:
    """Return the control files that a program reads, whatever its protocol."""
    lines = [[protocol, b"prog"] for protocol in DEFAULT_TRIES] if program == "authup" else [[b"prog"]]
    return {file for args in lines for file in run(program, args).controls}


def options(program: str) -> set[str]:
    """Return the options that a program knows, without their first hyphen: those that it does not refuse."""
    letters = {letter for letter in string.ascii_letters + string.digits if _knows(program, f"-{letter}")}
    long = {text for text in constants_of("acceptutils.options") if text.startswith("--") and len(text) > 2}
    return letters | {text[1:] for text in long if cli.information(program, [text.encode()]) is not None}


def _knows(program: str, option: str) -> bool:
    args = [option.encode(), b"1", *_OPERANDS.get(program, [b"prog"])]
    log = b"\n".join(run(program, args).logged)
    return b"illegal option" not in log and f"unable to run {option}".encode() not in log
