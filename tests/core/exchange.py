r"""Play a Filter against a transcript: in every order that the protocol allows, with every cut.

    R: a rule            V: NAME=value, in the environment      T: available | required | unusable
    C: client sends      c: server gets      s: server sends    S: client gets      E: log line (a glob)
    c! eof               the server's input is closed           S! exit N    fixsmtpio ends with N
    C! eof               the client ends; nothing waits for that
    greeted              short for s: 220 hi and S: 220 hi
    --                   nobody goes on before all that stands above has happened; so do
    C! gone, s! eof, s! overdue, s! exit N, s! signal, s! killed and
    S! tls [NAME=value ...], S! tls failed, S! tls unavailable

Lines end CRLF unless `\` is their last byte; other escapes are Python's. What the client has said may
come at any time the filter wants it, what the server says once it has got all of `c:` above it.
"""

import random
from bisect import bisect_right
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from itertools import accumulate
from typing import NamedTuple

import pytest
from _pytest.mark.structures import ParameterSet

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
from acceptutils.fixsmtpio import Filter
from acceptutils.rules import parse
from acceptutils.ucspitls import Level, Tls
from tests.core.conftest import Cases
from tests.core.cuts import cuts

GREETING = b"mail.example.org"
_LEVELS = {
    "available": Tls(Level.AVAILABLE, usable=True),
    "required": Tls(Level.REQUIRED, usable=True),
    "unusable": Tls(Level.REQUIRED),
}
_QUESTIONS = (StartTls, RestartServer, EndServer)
_MOST_ORDERS = 48
_MOST_PAIRS = 40
_LONG = 1500  # from here on only some cuts


class Phase:
    """What happens between two points where both sides are waited for."""

    def __init__(self) -> None:
        self.client = b""
        self.client_ends = False
        self.server: list[tuple[int, bytes]] = []  # each with how much the server must have got before
        self.to_server = b""
        self.to_client = b""
        self.closes_server = False
        self.logs: list[str] = []
        self.exit_code: int | None = None
        self.end = "--"


class Scenario:
    """A transcript, parsed."""

    def __init__(self, talk: str) -> None:
        self.rules: list[bytes] = []
        self.env: dict[bytes, bytes] = {}
        self.tls = Tls()
        self.phases = [Phase()]
        for line in talk.replace("greeted\n", "s: 220 hi\nS: 220 hi\n").splitlines():
            if line.strip():
                self._parse(line.lstrip())
        self.client = b"".join(phase.client for phase in self.phases)
        self.server = b"".join(data for phase in self.phases for _, data in phase.server)

    def new_filter(self) -> Filter:
        return Filter(parse(b"".join(self.rules)), GREETING, self.env, tls=self.tls, label=b"7 prog")

    def _parse(self, line: str) -> None:
        kind, text = line[:2], line[2:].removeprefix(" ")
        whole = text.removesuffix("\\").encode("latin-1").decode("unicode_escape").encode("latin-1")
        data = whole if text.endswith("\\") else whole + b"\r\n"
        match kind:
            case "R:":
                self.rules.append(data)
            case "V:":
                name, _, value = whole.partition(b"=")
                self.env[name] = value
            case "T:":
                self.tls = _LEVELS[text]
            case _ if kind[1] == ":":
                self._parse_words(kind[0], data, text)
            case _:
                self._parse_event(line, text)

    def _parse_words(self, who: str, data: bytes, text: str) -> None:
        phase = self.phases[-1]
        match who:
            case "C":
                phase.client += data
            case "c":
                phase.to_server += data
            case "s":
                phase.server.append((sum(len(phase.to_server) for phase in self.phases), data))
            case "S":
                phase.to_client += data
            case "E":
                phase.logs.append(text)
            case _:
                raise ValueError(text)

    def _parse_event(self, line: str, text: str) -> None:
        phase = self.phases[-1]
        match line:
            case "C! eof":
                phase.client_ends = True
            case "c! eof":
                phase.closes_server = True
            case _ if line.startswith("S! exit "):
                phase.exit_code = int(text.split()[1])
            case _:
                phase.end = line
                self.phases.append(Phase())


class Way(NamedTuple):
    """One way to play a scenario: pieces of both sides, and who goes first where both could."""

    client: list[bytes]
    server: list[bytes]
    server_first: Callable[[], bool]


class Play:
    """One filter, played one way."""

    def __init__(self, scenario: Scenario, way: Way) -> None:
        self._scenario = scenario
        self._way = way
        self._client_cuts = list(accumulate(map(len, way.client)))
        self._server_cuts = list(accumulate(map(len, way.server)))
        self._client_at = self._client_end = self._server_at = self._server_end = self._got = 0
        self._client_ended = self._client_gone = False
        self._reset()
        self._question: Action | None = None
        self._closed = False
        self.filter = scenario.new_filter()
        self._do(self.filter.server_started(42))

    def run(self) -> None:
        for phase in self._scenario.phases:
            self._run_phase(phase)

    def _reset(self) -> None:
        self._closes = False
        self._to_server = b""
        self._to_client = b""
        self._logs: list[bytes] = []
        self._exit_code: int | None = None

    def _run_phase(self, phase: Phase) -> None:
        self._client_end += len(phase.client)
        base = self._server_at
        self._server_end = base + sum(len(data) for _, data in phase.server)
        while self._question is None and self._exit_code is None:
            moves = list(self._moves(phase, base))
            if not moves:
                break
            moves[len(moves) > 1 and self._way.server_first()]()
        if self._question is None and self._exit_code is None:
            assert self._server_at == self._server_end, "the server still waits"
        if phase.end.startswith("S! tls") and phase.end != "S! tls unavailable":
            assert isinstance(self._question, StartTls), f"{self._question} where STARTTLS is answered"
            self._to_client += self._question.ready
        assert self._to_server == phase.to_server, "what the server gets"
        if not self._client_gone:
            assert self._to_client == phase.to_client, "what the client gets"
        assert self._closes == phase.closes_server, "the server's input is closed"
        assert len(self._logs) == len(phase.logs), f"{self._logs} are logged"
        for line, glob in zip(self._logs, phase.logs, strict=True):
            assert fnmatchcase(line.decode("latin-1").rstrip("\r\n"), glob)
        assert self._exit_code == phase.exit_code, "the exit code"
        self._reset()
        self._end(phase)

    def _moves(self, phase: Phase, base: int) -> Iterator[Callable[[], None]]:
        if self._client_at < self._client_end:
            if self.filter.wants_client:
                yield self._feed_client
        elif phase.client_ends and not self._client_ended:
            yield self._end_client
        allowed = base
        for need, data in phase.server:
            if need > self._got:
                break
            allowed += len(data)
        if allowed > self._server_at:
            yield lambda: self._feed_server(allowed)

    def _feed_client(self) -> None:
        cut = self._client_cuts[bisect_right(self._client_cuts, self._client_at)]
        piece = self._scenario.client[self._client_at : min(cut, self._client_end)]
        self._client_at += len(piece)
        self._do(self.filter.client_data(piece))

    def _end_client(self) -> None:
        self._client_ended = True
        self._do(self.filter.client_eof())
        assert not self.filter.wants_client

    def _feed_server(self, allowed: int) -> None:
        cut = self._server_cuts[bisect_right(self._server_cuts, self._server_at)]
        piece = self._scenario.server[self._server_at : min(cut, allowed)]
        self._server_at += len(piece)
        self._do(self.filter.server_data(piece))

    def _end(self, phase: Phase) -> None:
        match phase.end.split():
            case ["C!", "gone"]:
                self._client_gone = True
                self._do(self.filter.client_gone())
            case ["s!", "eof"]:
                self._do(self.filter.server_eof())
            case ["s!", "overdue"]:
                self._do(self.filter.reply_overdue())
            case ["s!", how, *code]:
                assert not self.filter.wants_client
                self._take_question(EndServer)
                status = int(code[0]) if how == "exit" else None
                self._do(self.filter.server_ended(status, killed=how == "killed"))
            case ["S!", "tls", *how]:
                self._answer_tls(how)
            case ["--"]:
                assert self._question is None, f"{self._question} comes as a surprise"
            case _:
                raise ValueError(phase.end)

    def _answer_tls(self, how: list[str]) -> None:
        self._take_question(StartTls)
        if how == ["failed"]:
            self._do(self.filter.tls_failed())
        elif how == ["unavailable"]:
            self._do(self.filter.tls_unavailable())
        else:
            self._client_at = self._client_end  # the driver drops what it has not read of both
            self._server_at = self._server_end
            block = b"".join(variable.encode() + b"\0" for variable in how) + b"\0"
            self._do(self.filter.tls_started(block))
            self._take_question(RestartServer)
            self._closed = False
            self._do(self.filter.server_started(43))

    def _take_question(self, kind: type[Action]) -> None:
        assert isinstance(self._question, kind), f"{self._question} where {kind.__name__} is answered"
        self._question = None

    def _do(self, actions: list[Action]) -> None:
        assert self._exit_code is None, "nothing can happen after the end"
        for action in actions:
            assert self._question is None, f"{action} follows {self._question}: a question comes last"
            match action:
                case Send(data):
                    self._to_client += data
                case ToServer(data):
                    assert not self._closed, "nothing can be sent to a server whose input is closed"
                    self._to_server += data
                    self._got += len(data)
                case Log(line):
                    self._logs.append(line)
                case CloseServerInput():
                    assert not self._closed, "closed twice"
                    self._closed = self._closes = True
                case Exit(code):
                    self._exit_code = code
                case _:
                    assert isinstance(action, _QUESTIONS)
                    self._question = action


def scenarios(text: str) -> list[ParameterSet]:
    """Cut a text into scenarios: a line that is not indented names the indented ones below it."""
    named: dict[str, list[str]] = {}
    for line in text.splitlines(keepends=True):
        if line.startswith(" "):
            named[list(named)[-1]].append(line)
        elif line.strip():
            assert line.strip() not in named, f"two scenarios with the name {line.strip()}"
            named[line.strip()] = []
    return [pytest.param("".join(lines), id=name) for name, lines in named.items()]


def play(talk: str, cases: Cases) -> None:
    """Hold a filter against the transcript, whatever comes first and however it is cut."""
    scenario = Scenario(talk)
    for way in _ways(scenario):
        cases.count += 1
        try:
            Play(scenario, way).run()
        except AssertionError as error:
            if len(scenario.client + scenario.server) < _LONG:
                error.add_note(f"client pieces: {way.client}\nserver pieces: {way.server}")
            raise


def _ways(scenario: Scenario) -> Iterator[Way]:
    client = _lines(scenario.client)
    server = _lines(scenario.server)
    for order in _orders():
        yield Way(client, server, order)
    chance = random.Random(len(scenario.client))
    for order in (lambda: True, lambda: False):
        yield Way([scenario.client], [scenario.server], order)
    for pieces in _cuts(scenario.client, chance):
        yield Way(pieces, [scenario.server], _random_order(chance))
    for pieces in _cuts(scenario.server, chance):
        yield Way([scenario.client], pieces, _random_order(chance))


def _lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True) or [b""]


def _cuts(data: bytes, chance: random.Random) -> Iterator[list[bytes]]:
    if len(data) < _LONG:
        return cuts(data, most_pairs=_MOST_PAIRS)
    places = [chance.randrange(1, len(data)) for _ in range(8)]
    return ([data[:place], data[place:]] for place in places)


def _orders() -> Iterator[Callable[[], bool]]:
    """All orders, depth first; after so many of them others by chance."""
    prefix: list[bool] = []
    for _ in range(_MOST_ORDERS):
        trail: list[bool] = []

        def server_first(trail: list[bool] = trail, prefix: list[bool] = prefix) -> bool:
            trail.append(prefix[len(trail)] if len(trail) < len(prefix) else False)
            return trail[-1]

        yield server_first
        while trail and trail[-1]:
            trail.pop()
        if not trail:
            return
        prefix = [*trail[:-1], True]
    yield from (_random_order(random.Random(seed)) for seed in range(_MOST_ORDERS))


def _random_order(chance: random.Random) -> Callable[[], bool]:
    return lambda: chance.random() < 0.5
