"""Why a reply in a session is what it is: who gave it, which rules stand behind it, what the filter did."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from acceptutils import control
from conformance.explaining.filtering import Applied, Missed, missed, request_steps
from conformance.explaining.replaying import Located, Replay
from conformance.explaining.specification import Around, Index, Reason
from conformance.explaining.wording import setting
from conformance.format.octets import write
from conformance.playing.verdicts import Moment

_MOST_REASONS = 3
_MOST_WORDS = 110  # of a rule's text and of a rule's line, in characters
_CLIENT = ("S", "ST")


class Explanation(NamedTuple):
    """What there is to say of one reply (or line, or event).

    `who`: one sentence: who said it, in answer to what. `applied`: what the rules of control/fixsmtpio did;
    `missed`: those of the same event that did nothing. `sure`: False where it is not certain which request
    it answers.
    """

    lane: str
    said: bytes
    who: str
    reasons: tuple[Reason, ...]
    applied: tuple[Applied, ...] = ()
    missed: tuple[Missed, ...] = ()
    sure: bool = True

    def lines(self) -> list[str]:
        """Return it for people: ASCII, in the notation of a talk, nothing that a terminal would obey."""
        return list(self._lines())

    def _lines(self) -> Iterator[str]:
        if self.lane.endswith("!"):
            yield f"{self.lane} {write(self.said)}"
        for line in [] if self.lane.endswith("!") else self.said.splitlines(keepends=True):
            yield f"{self.lane}: {_shown(line)}"
        yield f"   {self.who}"
        if not self.sure:
            yield "   not certain: our own programs would have said something else here"
        for step in self.applied:
            target = f' "{_shown(step.line)}"' if len({one.line for one in self.applied}) > 1 else ""
            yield f"   line {step.number}  {_cut(write(step.rule))}   {step.words}{target}"
        for rule in self.missed:
            yield f"   line {rule.number}  {_cut(write(rule.rule))}   does nothing: {rule.words}"
        for reason in self.reasons:
            place = f"{reason.case}:{reason.line}"
            near = "" if reason.sure else "perhaps "
            yield f"   {near}{reason.rule}  {_cut(reason.text)}  ({place})"
        if not self.reasons:
            yield "   no scenario of the suite has such a line"


def _cut(text: str) -> str:
    return text if len(text) <= _MOST_WORDS else text[: _MOST_WORDS - 3].rstrip() + "..."


def _shown(line: bytes) -> str:
    return write(line, ending=b"\r\n")


def explain(
    moments: Sequence[Moment],
    chain: Sequence[str],
    files: Mapping[str, bytes],
    env: Mapping[bytes, bytes],
    index: Index,
    *,
    lane: str = "S",
    which: int = -1,
) -> Explanation | None:
    """Explain a reply on S or ST, a line on c, E or fd3, or an event on S!, ST!, c! ...; None if there is none.

    `chain`, `files` and `env` are those that the session was started with; `which` counts as in a list.
    """
    explained = list(_explained(moments, chain, files, env, index, lane, which))
    return explained[0] if explained else None


def rules_touched(
    moments: Sequence[Moment],
    chain: Sequence[str],
    files: Mapping[str, bytes],
    env: Mapping[bytes, bytes],
    index: Index,
) -> dict[str, int]:
    """Return the rules behind all that was seen so far, the most frequent first: for each reply the best ones.

    Only those that are sure count.
    """
    counted: Counter[str] = Counter()
    for lane in ("S", "ST", "c", "fd3", "E", "S!", "ST!", "c!"):
        for explanation in _explained(moments, chain, files, env, index, lane, None):
            counted.update({reason.rule for reason in explanation.reasons if reason.sure})
    return dict(counted.most_common())


def _explained(
    moments: Sequence[Moment],
    chain: Sequence[str],
    files: Mapping[str, bytes],
    env: Mapping[bytes, bytes],
    index: Index,
    lane: str,
    which: int | None,
) -> Iterator[Explanation]:
    explainer = _Explainer(moments, chain, files, env, index)
    replies = explainer.replies(lane) if lane in _CLIENT else explainer.others(lane)
    chosen = range(len(replies)) if which is None else range(-len(replies), len(replies))
    for number in chosen if which is None else [which] if which in chosen else []:
        yield explainer.explain(replies[number])


class _Piece(NamedTuple):
    """A line or event that is no reply, and the place of its moment in the record."""

    lane: str
    data: bytes
    number: int


class _Explainer:
    def __init__(
        self,
        moments: Sequence[Moment],
        chain: Sequence[str],
        files: Mapping[str, bytes],
        env: Mapping[bytes, bytes],
        index: Index,
    ) -> None:
        self._moments, self._chain, self._files, self._index = moments, chain, files, index
        self._replay = Replay(moments, chain, files, env)
        greeting = control.greeting(
            files.get("control/smtpgreeting", files.get("control/pop3greeting")), files.get("control/me")
        )
        self._around = Around(setting=setting(chain, files, env), greeting=greeting or b"")

    def replies(self, lane: str) -> list[Located | _Piece]:
        return list(self._replay.replies(lane))

    def others(self, lane: str) -> list[Located | _Piece]:
        """Return the lines, or events, on another lane."""
        numbered = [(number, moment) for number, moment in enumerate(self._moments)]
        if lane.endswith("!"):
            return [_Piece(lane, m.what.encode(), n) for n, m in numbered if m.lane == lane[:-1] and m.what]
        return [
            _Piece(lane, line, n)
            for n, m in numbered
            if m.lane == lane
            for line in ([m.data] if lane == "fd3" else m.data.splitlines(keepends=True))
        ]

    def explain(self, seen: Located | _Piece) -> Explanation:
        return self._reply(seen) if isinstance(seen, Located) else self._other(seen)

    def _reply(self, seen: Located) -> Explanation:
        answer = seen.answer
        cause = answer.heard.splitlines(keepends=True)[-1] if answer.heard else answer.cause
        request = answer.cause if answer.heard else None
        around = self._around._replace(request=request, after=self._silence(seen), speaker=answer.speaker)
        reasons = self._reasons(seen.lane, seen.data.splitlines(keepends=True), cause, around)
        who = _who(seen)
        rules: tuple[Missed, ...] = ()
        if answer.event is not None and answer.heard:
            lines = answer.heard.splitlines(keepends=True)
            rules = tuple(missed(self._replay.rules, self._replay.env, answer.event, lines))
        if self._replay.trouble:
            who = f"{who}; {self._replay.trouble}"
        return Explanation(seen.lane, seen.data, who, reasons, answer.applied, rules, answer.sure)

    def _other(self, piece: _Piece) -> Explanation:
        before = [m for m in self._moments[: piece.number] if m.lane in ("C", "CT", "s", "K", "T", "A")]
        cause = next((line for m in reversed(before) if (line := _line_of(m))), None)
        reasons = self._reasons(piece.lane, [piece.data], cause, self._around)
        applied: tuple[Applied, ...] = ()
        who = "in answer to " + (f'"{_shown(cause)}"' if cause else "nothing that was said")
        if piece.lane == "c":
            request = next(
                (a.cause for a in self._replay.answers() if a.cause and piece.data.endswith(a.cause)), None
            )
            if request is not None and request != piece.data:
                who = f'fixsmtpio, for the request "{_shown(request)}"'
                event = request.split(b" ")[0].strip().lower()
                content = None if self._replay.trouble else self._files.get("control/fixsmtpio")
                applied = tuple(request_steps(content, self._replay.env, event, request))
        return Explanation(piece.lane, piece.data, who, reasons, applied)

    def _silence(self, seen: Located) -> float:
        """Return how long before a reply the tester was silent."""
        sent = [m.time for m in self._moments if m.lane in ("C", "CT", "s") and m.time <= seen.time]
        return seen.time - max(sent, default=seen.time)

    def _reasons(
        self, lane: str, lines: Sequence[bytes], cause: bytes | None, around: Around
    ) -> tuple[Reason, ...]:
        """Return the best reasons for a reply: those of its lines, the sure ones and the first ones first."""
        found: dict[str, tuple[bool, int, Reason]] = {}
        for line in lines:
            those = self._index.reasons(
                lane, line, cause=cause, chain=self._chain, most=_MOST_REASONS, around=around
            )
            for rank, reason in enumerate(those):
                known = found.get(reason.rule)
                if known is None or (not reason.sure, rank) < known[:2]:
                    found[reason.rule] = (not reason.sure, rank, reason)
        best = sorted(found.values(), key=lambda one: one[:2])
        return tuple(reason for _, _, reason in best[:_MOST_REASONS])


def _line_of(moment: Moment) -> bytes | None:
    """Return what was sent last, in a line; an event in its own words."""
    if moment.data:
        return moment.data.splitlines(keepends=True)[-1]
    words = moment.what.split()
    return f"{moment.lane}! {words[0]}".encode() if words and words[0] not in ("silent", "wait") else None


def _who(seen: Located) -> str:
    answer = seen.answer
    words = f"{answer.speaker}"
    if answer.event == b"greeting":
        words += ", as the greeting (event greeting)"
    elif answer.event == b"in_data":
        words += ", answering the message (event in_data)"
    elif answer.cause is not None:
        words += f', answering "{_shown(answer.cause)}"'
        words += f" (event {write(answer.event)})" if answer.event is not None else ""
    elif answer.event is not None:
        words += f" (event {write(answer.event)})"
    if answer.words:
        words += f"; {answer.words}"
    if answer.speaker == "fixsmtpio" and answer.heard:
        said, left = answer.heard.count(b"\n"), seen.data.count(b"\n")
        if not answer.applied and answer.heard == seen.data:
            words += "; as the server said it"
        else:
            words += f"; the server said {_lines(said)}, the client gets {_lines(left)}"
    return words


def _lines(count: int) -> str:
    return f"{count} line" if count == 1 else f"{count} lines"
