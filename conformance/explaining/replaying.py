"""A session that was recorded, replayed through our own programs' logic to learn what answers what.

No program is started. What the client and the inner server said goes through authup's and fixsmtpio's
own decisions, which tell for each reply who gave it to which line. Where other replies were seen (those of
another implementation, of a clock, of a signal), the pairing is told as not sure.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from acceptutils import control, ucspitls
from acceptutils.actions import Action, RestartServer, StartTls
from acceptutils.rules import BadRuleError
from conformance.explaining.answer import Answer
from conformance.explaining.before_login import ENDS, BeforeLogin, names_descriptors
from conformance.explaining.filtering import Numbered, numbered
from conformance.explaining.watching import WatchedFilter
from conformance.playing.verdicts import Moment

_BEFORE = ("reup", "authup", "checkpassword", "checknotroot", "fixsmtpio")
_LAST_LINE = re.compile(rb"[0-9]{3}(?: |\r?\n|\Z)")
_NOTHING_BETWEEN = "nothing stands between it and the client"
_AHEAD = 3  # replies that are looked through for one that fits


class Located(NamedTuple):
    """A reply as it was seen, which moment of the record had its first bytes, and where it comes from."""

    lane: str
    data: bytes
    number: int
    answer: Answer


def likeliest(
    moments: Sequence[Moment], chain: Sequence[str], files: Mapping[str, bytes], env: Mapping[bytes, bytes]
) -> "Replay":
    """Return the replay that comes nearest to what was seen."""
    first = Replay(moments, chain, files, env)
    if b"UCSPITLS" not in env or not first.doubts:
        return first
    second = Replay(moments, chain, files, env, usable=False)
    return second if second.doubts < first.doubts else first


class Replay:
    """What a record says, put through our programs' logic.

    `trouble`: why control/fixsmtpio is no use, if so. `usable`: whether the front end's descriptors are open,
    where the environment names them; likeliest() finds out.
    """

    def __init__(
        self,
        moments: Sequence[Moment],
        chain: Sequence[str],
        files: Mapping[str, bytes],
        env: Mapping[bytes, bytes],
        *,
        usable: bool = True,
    ) -> None:
        self._usable = usable
        self._moments, self._chain, self._files = moments, chain, files
        self._before: BeforeLogin | None = None
        self._filter: WatchedFilter | None = None
        self._env = dict(env)
        self._answers: list[Answer] = []
        self._through = False
        self._last: bytes | None = None
        self._heard = 0  # bytes that the client got
        self._tls_came = any(m.lane in ("CT", "ST") or (m.lane == "T" and m.data) for m in moments)
        self.trouble = ""
        said = b"".join(m.data for m in moments if m.lane == "S")[:1000]
        try:
            self._rules = numbered(files.get("control/fixsmtpio"))
        except BadRuleError as error:
            self.trouble, self._rules = f"control/fixsmtpio is rejected: {error}", Numbered((), ())
        if "{authup}" in chain:
            self._before = BeforeLogin(chain, files, env, said, usable=usable)
        elif "{fixsmtpio}" in chain:
            self._begin_filter(b"", "S")
        else:
            self._through = True
        for moment in moments:
            self._take(moment)

    @property
    def env(self) -> Mapping[bytes, bytes]:
        """The environment at the end, as the rules see it."""
        return self._filter.env if self._filter else self._env

    @property
    def doubts(self) -> int:
        """How many replies were seen that our programs' logic would not have given."""
        return sum(not reply.answer.sure for lane in ("S", "ST") for reply in self.replies(lane))

    @property
    def rules(self) -> Numbered:
        """The rules of control/fixsmtpio."""
        return self._rules

    def answers(self) -> list[Answer]:
        """Return what our programs would have said, and what nothing was said for."""
        return [
            *(self._before.answers if self._before else ()),
            *(self._filter.answers if self._filter else ()),
            *self._answers,
        ]

    def replies(self, lane: str) -> list[Located]:
        """Return the replies on a lane (S or ST) as they were seen."""
        expected = [answer for answer in self.answers() if answer.lane == lane and answer.sent]
        seen = _Seen(self._moments, lane)
        found: list[Located] = []
        sure = True
        while not seen.over:
            fits = next((n for n, e in enumerate(expected[: _AHEAD + 1]) if seen.starts_with(e.sent)), None)
            if fits is not None:
                answer, expected = expected[fits], expected[fits + 1 :]
                data, number = seen.take(len(answer.sent))
                sure = sure and fits == 0
            else:
                data, number = seen.take_reply()
                follows = expected and seen.starts_with(expected[0].sent)
                if expected and not follows:
                    answer, expected = expected[0], expected[1:]
                else:
                    answer = self._unasked(lane, data)
                sure = answer.rule != ""
            found.append(Located(lane, data, number, answer._replace(sure=answer.sure and sure)))
            sure = True if fits is not None else sure
        return found

    def _unasked(self, lane: str, data: bytes) -> Answer:
        """Return what there is to say of a reply that our programs' logic does not have."""
        steps = [step for answer in self._filter.answers for step in answer.applied] if self._filter else []
        ended = next((step for step in reversed(steps) if step.exit_code is not None), None)
        meant = next((code for words, code in ENDS.items() if data.startswith(words)), 0)
        if ended is not None and ended.exit_code == meant:
            words = f"fixsmtpio ended with exit code {meant}, which a rule set"
            return Answer(lane, "authup", data, applied=(ended,), words=words, rule="AUTHUP-EXIT-1")
        words = _NOTHING_BETWEEN if self._through else _unasked(data)
        return Answer(lane, self._who(data), data, words=words)

    def _who(self, data: bytes) -> str:
        if b" authup " in data[:40]:
            return "authup"
        if self._filter is not None:
            return "fixsmtpio"
        return "authup" if self._before is not None and not self._through else self._inner

    @property
    def _inner(self) -> str:
        names = [word.strip("{}") for word in self._chain if word.startswith("{")]
        return (names or [*self._chain, "the program"])[-1 if names else 0]

    # The record, moment by moment

    def _take(self, moment: Moment) -> None:
        if moment.lane in ("c", "s", "proc") and self._hands_over(moment):
            self._hand_over()
        if moment.lane in ("S", "ST"):
            self._heard += len(moment.data)
            self._hear_refusal(moment.data)
        if moment.lane in ("C", "CT"):
            self._client(moment)
        elif moment.lane == "s" and moment.data:
            self._server(moment.data)
        elif moment.lane == "s" and moment.what.split()[0] in ("exit", "eof", "signal") and self._filter:
            self._act(self._filter.server_eof())

    def _hear_refusal(self, data: bytes) -> None:
        """More than authup had to say so far: what it says of a login that failed."""
        if self._before is not None and not (self._filter or self._through):
            more = self._heard - sum(len(answer.sent) for answer in self._before.answers)
            if more > 0:
                self._before.refused(data[-more:])

    def _hands_over(self, moment: Moment) -> bool:
        if self._filter is not None or self._through:
            return False
        if moment.lane == "proc":
            words = moment.what.split()
            return bool(words) and words[0] == "start" and words[-1] not in _BEFORE
        return bool(moment.data) or moment.what.startswith("start")

    def _hand_over(self) -> None:
        assert self._before is not None  # noqa: S101 - there is a filter, or nothing to hand over, without it
        if self._before.user is not None:
            self._env[b"AUTHUP_USER"] = self._before.user
        for name in ucspitls.VARIABLES:
            self._env.pop(name, None)
        if "{fixsmtpio}" in self._chain and b"NOFIXSMTPIO" not in self._env:
            self._begin_filter(self._before.unread, self._before.lane)
        else:
            self._through = True

    def _begin_filter(self, unread: bytes, lane: str) -> None:
        if b"NOFIXSMTPIO" in self._env:
            self._through = True
            return
        name = control.greeting(self._files.get("control/smtpgreeting"), self._files.get("control/me"))
        tls = ucspitls.tls(self._env, usable=self._usable and names_descriptors(self._env))
        self._filter = WatchedFilter(self._rules, name or b"", self._env, tls)
        self._filter.lane = lane
        self._act(self._filter.server_started(0))
        self._act(self._filter.client_data(unread))

    def _client(self, moment: Moment) -> None:
        if moment.data:
            self._last = moment.data.splitlines(keepends=True)[-1]
            if self._filter is not None:
                self._act(self._filter.client_data(moment.data))
            elif not self._through and self._before is not None:
                self._before.client_data(moment.data)
        elif moment.what == "eof" and self._filter is not None:
            self._act(self._filter.client_eof())
        elif moment.what == "eof" and not self._through and self._before is not None:
            self._before.client_eof()

    def _server(self, data: bytes) -> None:
        if self._filter is not None:
            self._act(self._filter.server_data(data))
        else:
            lane = self._before.lane if self._before else "S"
            for line in data.splitlines(keepends=True):
                self._answers.append(
                    Answer(
                        lane, self._inner, line, self._last, None, line, (), _NOTHING_BETWEEN, "AUTHUP-CP-1"
                    )
                )

    def _act(self, actions: list[Action]) -> None:
        """Answer what the filter asks its driver."""
        assert self._filter is not None  # noqa: S101
        for action in actions:
            if isinstance(action, StartTls) and self._tls_came:
                self._filter.started_tls(action)
                self._filter.lane = "ST"
                self._act(self._filter.tls_started(b""))
            elif isinstance(action, StartTls):
                self._act(self._filter.tls_unavailable())
            elif isinstance(action, RestartServer):
                self._act(self._filter.server_started(0))


class _Seen:
    """The bytes of a lane, taken reply by reply."""

    def __init__(self, moments: Sequence[Moment], lane: str) -> None:
        pieces = [(n, m.data) for n, m in enumerate(moments) if m.lane == lane and m.data]
        self._data = b"".join(data for _, data in pieces)
        self._at = 0
        self._begins: list[tuple[int, int]] = []
        begin = 0
        for number, data in pieces:
            self._begins.append((begin, number))
            begin += len(data)

    @property
    def over(self) -> bool:
        return self._at >= len(self._data)

    def starts_with(self, data: bytes) -> bool:
        return self._data.startswith(data, self._at)

    def take(self, length: int) -> tuple[bytes, int]:
        """Return the next bytes, and the number of the moment that had the first of them."""
        start, self._at = self._at, self._at + length
        return self._data[start : self._at], next(n for begin, n in reversed(self._begins) if begin <= start)

    def take_reply(self) -> tuple[bytes, int]:
        """Return what looks like one reply."""
        end = self._at
        while end < len(self._data):
            line = self._data[end : self._data.find(b"\n", end) + 1 or len(self._data)]
            end += len(line)
            if _LAST_LINE.match(line) or not line[:3].isdigit():
                break
        return self.take(end - self._at)


def _unasked(data: bytes) -> str:
    if b"timeout" in data:
        return "nobody asked: the client was silent for too long"
    return "it answers no line: the end of a program, a clock or a signal made it"
