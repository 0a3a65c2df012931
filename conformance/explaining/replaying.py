"""A session that was recorded, replayed through our own programs' logic to learn what answers what.

No program is started. What the client and the inner server said goes through authup's and fixsmtpio's
own decisions, which tell for each reply who gave it to which line. Where other replies were seen (those of
another implementation, of a clock, of a signal), the pairing is told as not sure.
"""

from collections.abc import Mapping, Sequence

from acceptutils import control, ucspitls
from acceptutils.actions import Action, RestartServer, StartTls
from acceptutils.rules import BadRuleError
from conformance.explaining.answer import Answer
from conformance.explaining.before_login import BeforeLogin, names_descriptors
from conformance.explaining.filtering import Numbered, numbered
from conformance.explaining.pairing import Located, paired
from conformance.explaining.unasked import child_end, is_of_authup, unasked
from conformance.explaining.watching import Forwarded, WatchedFilter
from conformance.playing.verdicts import Moment

_BEFORE = ("reup", "authup", "checkpassword", "checknotroot", "fixsmtpio")
_NOTHING_BETWEEN = "nothing stands between it and the client"


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

    @property
    def forwarded(self) -> Sequence[Forwarded]:
        """What fixsmtpio sent on to the server, in order."""
        return self._filter.forwarded if self._filter else ()

    def replies(self, lane: str) -> list[Located]:
        """Return the replies on a lane (S or ST) as they were seen."""
        expected = [answer for answer in self.answers() if answer.lane == lane and answer.sent]
        return paired(self._moments, lane, expected, self._unasked)

    def _unasked(self, lane: str, data: bytes) -> Answer:
        """Return what there is to say of a reply that our programs' logic does not have."""
        if self._before is None or not is_of_authup(data):
            words = _NOTHING_BETWEEN if self._through else ""
            return Answer(lane, "fixsmtpio" if self._filter else self._inner, data, words=words, sure=False)
        steps = [step for answer in self._filter.answers for step in answer.applied] if self._filter else []
        ended = next((step for step in reversed(steps) if step.exit_code is not None), None)
        if ended is not None and ended.exit_code == child_end(data):
            words = f"fixsmtpio ended with exit code {ended.exit_code}, which a rule set"
            return Answer(lane, "authup", data, applied=(ended,), words=words, rule="AUTHUP-EXIT-1")
        return unasked(lane, data)

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
        elif moment.lane == "s" and moment.what.startswith(("exit", "eof", "signal")) and self._filter:
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
            self._answers.append(
                Answer(lane, self._inner, data, self._last, None, data, (), _NOTHING_BETWEEN, "AUTHUP-CP-1")
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
