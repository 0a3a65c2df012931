r"""Play authup sessions from scripts, without a driver, and hold each one under every cut of its input.

A script is a list of lines. The client: `C: line` (CRLF is added), `c: bytes` (as they are). The world:
`K:` answers the next question, `E:` happens once all bytes before it have arrived. Expected, in this
order: `S:` reply line, `P:` record for checkpassword, `L:` log line, `M:` moment awaited, `X:` exit code.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from acceptutils.actions import Action, AwaitMoment, CheckPassword, Exit, Log, Send, StartTls
from acceptutils.authup import Session, Settings
from tests.core.conftest import Cases
from tests.core.cuts import cuts

SETTINGS: Final = Settings(
    greeting=b"mail.example.org",
    capabilities=[b"PIPELINING", b"8BITMIME"],
    tries=5,
    pid=77,
    uid=0,
    unix_time=1538352000,
)
EVERYTHING: Final = "SPLMX"


def b64(text: str) -> str:
    return b64encode(text.encode("latin-1")).decode()


def plain(user: str, password: str, authzid: str = "") -> str:
    return b64(f"{authzid}\0{user}\0{password}")


class Phase(NamedTuple):
    """Bytes that the client sends, and what happens when all are there."""

    lines: list[bytes]
    expected: list[int]  # how many of the script's expected lines are out after each of `lines`
    event: str | None
    dropped_by_tls: bool  # plaintext: once TLS has started the driver reads no more of it


class Script(NamedTuple):
    """A script taken apart; `expected` holds only the kinds that are shown."""

    phases: list[Phase]
    answers: list[str]
    expected: list[str]


def read_script(lines: Iterable[str], show: str) -> Script:
    phases: list[Phase] = []
    said: list[bytes] = []
    counts: list[int] = []
    answers: list[str] = []
    expected: list[str] = []

    def end_phase(event: str | None, *, tls: bool = False) -> None:
        phases.append(Phase(said[:], counts[:], event, tls))
        said.clear()
        counts.clear()

    for line in lines:
        kind, text = line[0], line[3:]
        assert line[1:3] == ": ", line
        if kind in "Cc":
            said.append((text + ("\r\n" if kind == "C" else "")).encode("latin-1"))
            counts.append(len(expected))
        elif kind == "K":
            answers.append(text)
            if text.startswith("TLS "):
                end_phase(None, tls=True)
        elif kind == "E":
            end_phase(text)
        else:
            assert kind in EVERYTHING, line
            if kind in show:
                expected.append(line)
                counts[-1:] = [len(expected)] if counts else []
    end_phase(None)
    return Script(phases, answers, expected)


class Player:
    """Does what a session asks for, and writes down what happened in the notation of the scripts."""

    def __init__(self, session: Session, answers: Sequence[str], show: str = EVERYTHING) -> None:
        self.session = session
        self.events: list[str] = []
        self.in_tls = False
        self.over = False
        self._tls_answers = iter([answer for answer in answers if "TLS" in answer])
        self._child_ends = iter([answer for answer in answers if "TLS" not in answer])
        self._show = show
        self._child = 9000

    def perform(self, actions: list[Action]) -> None:
        while actions:
            question: CheckPassword | AwaitMoment | StartTls | None = None
            for action in actions:
                assert not self.over, f"{action!r} after the end"
                assert question is None, f"{action!r} after the question {question!r}"
                if isinstance(action, CheckPassword | AwaitMoment | StartTls):
                    question = action
                else:
                    self._do(action)
            actions = [] if question is None else self._answer(question)

    def happen(self, event: str) -> None:
        events: dict[str, Callable[[], list[Action]]] = {
            "start": self.session.start,
            "EOF": self.session.client_eof,
            "timeout": self.session.timed_out,
            "SIGTERM": self.session.terminated,
        }
        self.perform(events[event]() if event in events else self.session.trouble(event))

    def _do(self, action: Action) -> None:
        if isinstance(action, Send):
            self._say(action.data)
        elif isinstance(action, Log):
            assert b"\n" not in action.line
            self._note("L: " + action.line.decode("latin-1"))
        else:
            assert isinstance(action, Exit), f"authup does not ask for {action!r}"
            self._note(f"X: {action.code}")
            self.over = True

    def _say(self, data: bytes) -> None:
        assert data.endswith(b"\r\n")
        for line in data.decode("latin-1").removesuffix("\r\n").split("\r\n"):
            self._note("S: " + line)

    def _note(self, event: str) -> None:
        if event[0] in self._show:
            self.events.append(event)

    def _answer(self, question: CheckPassword | AwaitMoment | StartTls) -> list[Action]:
        if isinstance(question, AwaitMoment):
            self._note("M: once" if question.once else "M: next")
            return self.session.moment_came()
        how = next(self._tls_answers if isinstance(question, StartTls) else self._child_ends, None)
        assert how is not None, f"the script has no answer to {question!r}"
        if isinstance(question, StartTls):
            return self._tls(question.ready, how)
        assert question.record.startswith(question.user + b"\0")  # AUTHUP_USER, AUTHUP-CP-2
        self._note("P: " + question.record.decode("latin-1"))
        return self._checkpassword(how)

    def _tls(self, ready: bytes, how: str) -> list[Action]:
        if how == "no TLS":
            return self.session.tls_unavailable()
        self._say(ready)
        if how == "broken TLS":
            return self.session.tls_failed()
        self.in_tls = True
        return self.session.tls_started(how.removeprefix("TLS ").encode("latin-1"))

    def _checkpassword(self, how: str) -> list[Action]:
        if how.startswith("no "):
            return self.session.cannot_run(how.removeprefix("no "))
        self._child += 1
        started = self.session.child_started(self._child)
        if how == "given up":
            return [*started, *self.session.child_given_up()]
        if how == "client left":
            return [*started, *self.session.client_left()]
        code, _, uid = how.partition(" as ")
        ended = self.session.child_ended(None if code == "killed" else int(code), int(uid) if uid else None)
        return [*started, *ended]


class Stage:
    """One script for one kind of session."""

    def __init__(
        self, protocol: type[Session], settings: Settings, lines: Iterable[str], show: str = EVERYTHING
    ) -> None:
        self._protocol = protocol
        self._settings = settings
        self._show = show
        self.script = read_script(lines, show)

    def play(self, pieces: Sequence[Sequence[bytes]], *, lockstep: bool = False) -> Player:
        player = Player(self._protocol(self._settings), self.script.answers, self._show)
        if self.script.phases[0].event != "start":
            player.session.start()
        for phase, parts in zip(self.script.phases, pieces, strict=True):
            for number, part in enumerate(parts):
                if phase.dropped_by_tls and player.in_tls:
                    break
                player.perform(player.session.client_data(part))
                if lockstep and not (phase.dropped_by_tls and player.in_tls):
                    assert player.events == self.script.expected[: phase.expected[number]]
            if phase.event is not None:
                player.happen(phase.event)
        return player

    def ways(self, cut: Callable[[bytes], Iterable[list[bytes]]]) -> Iterable[list[list[bytes]]]:
        whole = [b"".join(phase.lines) for phase in self.script.phases]
        for number, data in enumerate(whole):
            for pieces in cut(data) if data else ():
                yield (
                    [[data] for data in whole[:number]] + [pieces] + [[data] for data in whole[number + 1 :]]
                )
        if not any(whole):
            yield [[] for _ in whole]


def converse(
    protocol: type[Session],
    settings: Settings,
    lines: Iterable[str],
    cases: Cases,
    *,
    show: str = EVERYTHING,
    cut: Callable[[bytes], Iterable[list[bytes]]] = cuts,
) -> None:
    """Hold the script line by line, and then under every cut."""
    stage = Stage(protocol, settings, lines, show)
    assert stage.play([phase.lines for phase in stage.script.phases]).events == stage.script.expected
    stage.play([phase.lines for phase in stage.script.phases], lockstep=True)
    cases.count += 2
    for pieces in stage.ways(cut):
        assert stage.play(pieces).events == stage.script.expected, pieces
        cases.count += 1
