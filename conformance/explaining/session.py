"""Why a reply in a session is what it is: who gave it, which rules stand behind it, what the filter did."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from acceptutils import control
from conformance.explaining.explanation import Explanation, quoted
from conformance.explaining.filtering import Applied, Missed, missed, request_steps
from conformance.explaining.mechanism import at_work
from conformance.explaining.pairing import Located
from conformance.explaining.replaying import likeliest
from conformance.explaining.specification import Around, Index, Reason, named
from conformance.explaining.watching import Forwarded
from conformance.explaining.wording import happened, setting, told
from conformance.format.octets import write
from conformance.playing.verdicts import Moment

_MOST_REASONS = 3
_MOST_TOUCHED = 500  # on each lane
_EXIT = re.compile(rb"exit ([0-9]{1,3})")
_MOST_CERTAIN = 2  # so that there is room for what the scenarios say
_CLIENT = ("S", "ST")
_OURS_TO_DO = ("C", "CT", "s", "K", "T", "A")
_OURS = ("authup", "fixsmtpio")
_AUTHUP = ("AUTHUP-SMTP-", "AUTHUP-POP3-", "AUTHUP-ERR-", "AUTHUP-GEN-", "AUTHUP-TLS-", "LIM-")


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
    """Explain a reply on S or ST, a line on c, E or fd3, an event on S!, c! ...; None if there is none.

    `chain`, `files` and `env` are those that the session was started with; `which` counts as in a list.
    """
    explainer = _Explainer(moments, chain, files, env, index)
    seen = explainer.seen(lane)
    return explainer.explain(seen[which]) if -len(seen) <= which < len(seen) else None


def rules_touched(
    moments: Sequence[Moment],
    chain: Sequence[str],
    files: Mapping[str, bytes],
    env: Mapping[bytes, bytes],
    index: Index,
) -> dict[str, int]:
    """Return the rules behind all that was seen so far, the most frequent first.

    Only those that are sure count, and of a long session only the last things on each lane.
    """
    explainer = _Explainer(moments, chain, files, env, index)
    counted: Counter[str] = Counter()
    for lane in ("S", "ST", "c", "fd3", "E", "S!", "ST!", "c!"):
        for seen in explainer.seen(lane)[-_MOST_TOUCHED:]:
            counted.update({reason.rule for reason in explainer.explain(seen).reasons if reason.sure})
    return dict(counted.most_common())


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
        self._stories: dict[int, frozenset[bytes]] = {}
        self._replay = likeliest(moments, chain, files, env)
        greeting = control.greeting(
            files.get("control/smtpgreeting", files.get("control/pop3greeting")), files.get("control/me")
        )
        self._around = Around(setting=setting(chain, files, env), greeting=greeting or b"")

    def seen(self, lane: str) -> Sequence[Located | _Piece]:
        """Return all that was seen on a lane: replies, lines, or events."""
        if lane in _CLIENT:
            return self._replay.replies(lane)
        numbered = list(enumerate(self._moments))
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
        heard = answer.heard.splitlines(keepends=True)
        cause = heard[-1] if heard else answer.cause or self._sent_before(seen.number)
        request = answer.cause if answer.heard else None
        around = self._around._replace(request=request, after=self._silence(seen), speaker=answer.speaker)
        around = around._replace(cause=cause, story=self._story(seen.number))
        certain = at_work(answer, ruled=bool(self._replay.rules.rules))
        if answer.speaker == "authup":
            first = named(seen.data.splitlines(keepends=True)[0], around.greeting)
            quoting = self._index.quoted(first, answer.cause, _AUTHUP)
            certain = tuple(filter(None, [answer.rule, *quoting]))[:_MOST_CERTAIN]
        lines = seen.data.splitlines(keepends=True)
        if answer.speaker not in _OURS:
            lines, certain = [], (answer.rule,)
        reasons = self._reasons(seen.lane, lines, around, certain)
        who = _who(seen)
        rules: tuple[Missed, ...] = ()
        if answer.event is not None and answer.heard:
            lines = answer.heard.splitlines(keepends=True)
            rules = tuple(missed(self._replay.rules, self._replay.env, answer.event, lines))
        if self._replay.trouble and (answer.speaker == "fixsmtpio" or b"read controls" in seen.data):
            who = f"{who}; {self._replay.trouble}"
        return Explanation(seen.lane, seen.data, who, reasons, answer.applied, rules, answer.sure)

    def _other(self, piece: _Piece) -> Explanation:
        cause = self._sent_before(piece.number)
        who = f"comes after {quoted(cause)}" if cause else "comes first"
        applied: tuple[Applied, ...] = ()
        certain: tuple[str, ...] = ()
        if piece.lane == "c" and (forwarded := self._request_of(piece)) is not None:
            cause = forwarded.request
            who, certain = f"fixsmtpio passes on {quoted(cause)}", (forwarded.rule or "FIX-REQ-3",)
            if cause != piece.data:
                who = f"fixsmtpio, for the request {quoted(cause)}"
                content = None if self._replay.trouble else self._files.get("control/fixsmtpio")
                applied = tuple(request_steps(content, self._replay.env, forwarded.event or b"", cause))
                certain = tuple(filter(None, [forwarded.rule, "FIX-REQ-2" if applied else ""]))
        elif piece.lane == "S!" and (code := _EXIT.fullmatch(piece.data)):
            steps = [step for answer in self._replay.answers() for step in answer.applied]
            applied = tuple(step for step in steps if step.exit_code == int(code[1]))[-1:]
        around = self._around._replace(cause=cause, story=self._story(piece.number))
        reasons = self._reasons(piece.lane, [] if certain else [piece.data], around, certain)
        return Explanation(piece.lane, piece.data, who, reasons, applied)

    def _request_of(self, piece: _Piece) -> Forwarded | None:
        """Return the request that the server heard as this line; None inside a message, say."""
        fitting = (one for one in reversed(self._replay.forwarded) if piece.data.endswith(one.request))
        return next(fitting, None)

    def _sent_before(self, number: int) -> bytes | None:
        """Return what the tester did last before a moment: a line, or an event in its own words."""
        before = (moment for moment in self._moments[:number] if moment.lane in _OURS_TO_DO)
        return next((line for moment in reversed(list(before)) if (line := _line_of(moment))), None)

    def _story(self, number: int) -> frozenset[bytes]:
        """Return what went before a moment; asked again and again for the lines of one."""
        if number not in self._stories:
            self._stories[number] = _told(self._moments[:number])
        return self._stories[number]

    def _silence(self, seen: Located) -> float:
        """Return how long before a reply the tester was silent."""
        came = self._moments[seen.number].time
        sent = [m.time for m in self._moments[: seen.number] if m.lane in ("C", "CT", "s")]
        return came - max(sent, default=came)

    def _reasons(
        self, lane: str, lines: Sequence[bytes], around: Around, certain: Sequence[str] = ()
    ) -> tuple[Reason, ...]:
        """Return the best reasons for a reply: the certain ones, then the best of its lines."""
        examples = (self._index.example(rule, lane, around) for rule in certain)
        found = {example.rule: (False, -1, example) for example in examples if example is not None}
        for line in lines:
            those = self._index.reasons(
                lane, line, cause=around.cause, chain=self._chain, most=_MOST_REASONS, around=around
            )
            for rank, reason in enumerate(those):
                known = found.get(reason.rule)
                if known is None or (not reason.sure, rank) < known[:2]:
                    found[reason.rule] = (not reason.sure, rank, reason)
        best = sorted(found.values(), key=lambda one: one[:2])
        best = [one for one in best if one[2].sure] or best
        return tuple(reason for _, _, reason in best[:_MOST_REASONS])


def _told(moments: Iterable[Moment]) -> frozenset[bytes]:
    """Return the story of these moments."""
    story: set[bytes] = set()
    for moment in moments:
        if moment.data:
            lines = [moment.data] if moment.lane == "fd3" else moment.data.splitlines(keepends=True)
            story |= told(moment.lane, lines)
        elif moment.what and moment.lane != "proc":
            story |= happened(moment.lane, moment.what)
    return frozenset(story)


def _line_of(moment: Moment) -> bytes | None:
    """Return what was sent last, in a line; an event in its own words."""
    if moment.data:
        return moment.data[moment.data.rfind(b"\n", 0, -1) + 1 :]
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
        words += f", answering {quoted(answer.cause)}"
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
