"""Plays beats on a stage: sends what is ours to send, and holds what arrives against what was written.

It stops at the first thing that is wrong; what that means for the run is judged in runner.py. Each
stream is a total order, between streams the order is causal (1.5).
"""

import re
import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

import trio

from conformance.format import octets
from conformance.format.octets import Octets
from conformance.playing import attributes
from conformance.playing.beats import Beat, Event, Expect, Score, Send
from conformance.playing.calls import Calls, FrontEndPlan, call_plans, front_end_plan
from conformance.playing.stage import CHECKPASSWORD, Ended, Order, Process, Puppet, Stage, Stream, signal_name
from conformance.playing.verdicts import Finding, Kind, Moment

AFTERWARDS = 10.0  # seconds in which something that is missing may still come, to be called late
TLS_LANES = ("CT", "ST")


class Wrong(Exception):
    """The first finding that speaks against the target."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.kind.value)
        self.finding = finding


class Director:
    """One playing of one score. `findings` are the accepted alternatives, then what was wrong."""

    def __init__(self, score: Score, beats: Sequence[Beat], stage: Stage, record: list[Moment]) -> None:
        self.findings: list[Finding] = []
        self.unobserved: set[str] = set()
        self.captured: dict[str, bytes] = {}
        self.killed: set[tuple[int, int]] = set()
        """Who was sent which signal from outside, by PID."""
        self._score = score
        self._beats = beats
        self._stage = stage
        self._record = record
        self._now = self._acted = trio.current_time()
        """When the beat before was done, and when we last did something ourselves."""
        self._line = 0
        self._calls = Calls(score.talk, call_plans(beats))
        self._front_end = front_end_plan(beats)
        self._unasked: dict[str, int] = {}
        """How much of S and ST had come when we first sent something after their last line."""
        self._over: set[str] = set()
        """The streams whose end the talk has seen."""
        self._inner: list[Puppet] = []
        self._current = 0  # which inner program c: and s: mean
        self._inner_used = False
        self._seen = 0  # puppets that were looked at
        self._arrived = trio.lowlevel.ParkingLot()
        self._senders: dict[str, trio.MemorySendChannel[Callable[[], Awaitable[None]]]] = {}
        self._nursery: trio.Nursery

    async def play(self) -> None:
        """Play everything; afterwards `findings` tells what was noticed."""
        try:
            async with trio.open_nursery() as self._nursery:
                self._nursery.start_soon(self._usher)
                if self._stage.front_end is not None:
                    self._nursery.start_soon(self._be_front_end)
                await self._play()
                self._nursery.cancel_scope.cancel()
        except* Wrong as wrong:
            self.findings.append(_first_wrong(wrong))

    async def _play(self) -> None:
        before: Beat | None = None
        for beat in self._beats:
            self._line = beat.line
            if isinstance(beat, Send):
                if before is not None and (self._is_exact or not isinstance(before, Expect)):
                    await self._stage.settle()
                for stream in (self._stage.plain, self._stage.tls):
                    self._unasked.setdefault(stream.name, len(stream.data))
                await self._send(beat)
            elif isinstance(beat, Expect):
                await self._expect(beat)
            else:
                await self._event(beat)
            before = beat
        await self._close()

    @property
    def _is_exact(self) -> bool:
        """Whether time is virtual: then waiting until all is done costs none."""
        return self._stage.early == self._stage.late == 0.0

    def _act(self) -> None:
        self._now = self._acted = trio.current_time()

    # What we send

    async def _send(self, beat: Send) -> None:
        data, edges = octets.resolve(beat.what, self.captured)
        self._act()
        pieces = [data[a:b] for a, b in zip([0, *edges], [*edges, len(data)], strict=True)]
        pieces = [piece for piece in pieces if piece]
        for number, piece in enumerate(pieces):
            if number:
                await self._between(beat)
                self._act()
            self._note(beat.lane, piece)
            await self._enqueue(beat.lane, lambda piece=piece: self._deliver(beat.lane, piece))  # type: ignore[misc]

    async def _between(self, beat: Send) -> None:
        await self._stage.settle()
        if beat.pause:
            await trio.sleep(beat.pause)

    async def _deliver(self, lane: str, data: bytes) -> None:
        """Send, and let what happens to the connection be seen by what the talk expects next."""
        with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            if lane == "s":
                await (await self._inner_puppet()).send(data)
            else:
                await self._stage.send(data, tls=lane in TLS_LANES)

    async def _enqueue(self, lane: str, action: Callable[[], Awaitable[None]]) -> None:
        """Do it when all that was enqueued for this lane before is done: nobody waits for a slow reader."""
        if lane == "s":
            lane = f"s{self._current}"
            await self._inner_puppet()
        if lane not in self._senders:
            self._senders[lane], receive = trio.open_memory_channel[Callable[[], Awaitable[None]]](10_000)
            self._nursery.start_soon(self._work, receive)
        self._senders[lane].send_nowait(action)
        await trio.lowlevel.checkpoint()

    async def _work(self, actions: trio.MemoryReceiveChannel[Callable[[], Awaitable[None]]]) -> None:
        async for action in actions:
            await action()

    # What must arrive

    async def _expect(self, beat: Expect) -> None:
        stream, due = await self._stream(beat.lane), self._now + (beat.after or 0.0)
        start = stream.taken
        data = await self._arrive(beat, stream, due)
        before, captured = self.captured, dict(self.captured)
        accepted = self._accepted(beat, data, captured)
        if accepted is None:
            await self._stage.settle()
            self._wrong_line(beat, stream, data)
        stream.take(len(data))
        self.captured = captured
        self._check_clock(beat, before)
        if accepted:
            self.findings.append(self._finding(beat, Kind.ALTERNATIVE, data, note=accepted))
        if start < self._unasked.pop(stream.name, 0):
            self._fail(beat, Kind.EARLY, data, note="came before we sent what it answers")
        last = stream.ended_at if beat.lane == "fd3" else None
        if data:
            last = last or stream.arrival(start + len(data) - 1)
            self._on_time(beat, due, stream.arrival(start), last)
        elif last is not None:
            self._on_time(beat, due, last, last)

    async def _arrive(self, beat: Expect, stream: Stream, due: float) -> bytes:
        """Wait for as many bytes as the line has; return what is there in their place."""
        with trio.move_on_at(due + self._stage.late + AFTERWARDS):
            while (count := _complete(beat, stream)) is None:
                await stream.more()
            return bytes(stream.data[stream.taken : stream.taken + count])
        return _one_line(stream.untaken)

    def _accepted(self, beat: Expect, data: bytes, captured: dict[str, bytes]) -> str | None:
        """Return "" for the line itself, the kind of an accepted alternative, None for neither."""
        if octets.matches(beat.what, data, captured):
            return ""
        for kind, what in beat.alternatives:
            if octets.matches(what, data, captured):
                return kind
        return None

    def _wrong_line(self, beat: Expect, stream: Stream, data: bytes) -> NoReturn:
        got = _one_line(stream.untaken) if stream.untaken else data
        note = "the stream had ended" if stream.ended and not got else ""
        self._fail(beat, Kind.WRONG if got else Kind.MISSING, got, note=note)

    def _on_time(self, beat: Expect | Event, due: float, first: float, last: float) -> None:
        # In real time what is expected is seen late, so that the next thing may seem to come early.
        soonest = due - (self._now - self._acted if self._stage.early else 0.0)
        timed = beat.after is not None or (isinstance(beat, Expect) and beat.ordered)
        early = timed and first < soonest - self._stage.early - 1e-9
        if early or last > due + self._stage.late + 1e-9:
            came = _seconds((first if early else last) - self._now)
            note = f"came {came} after the line before, expected {beat.after or 0:g} s"
            self._fail(beat, Kind.EARLY if early else Kind.LATE, note=note)
        if beat.after is None:
            self._now = max(self._now, last)
        else:
            self._now = self._acted = max(self._now + beat.after, last)

    def _check_clock(self, beat: Expect, before: Mapping[str, bytes]) -> None:
        """A new {unix:t} is the time of now, give or take a moment."""
        for part in beat.what:
            if isinstance(part, octets.Capture) and part.kind == "unix" and part.name not in before:
                difference = int(self.captured[part.name]) - self._stage.unix_time()
                if abs(difference) > 3 + self._stage.late:
                    self._fail(beat, Kind.WRONG, self.captured[part.name], note=f"{difference} s from now")

    async def _stream(self, lane: str) -> Stream:
        match lane:
            case "S":
                return self._stage.plain
            case "ST":
                return self._stage.tls
            case "E":
                return self._stage.log
            case "fd3":
                return (await self._call(self._calls.next())).input
            case _:
                return (await self._inner_puppet()).input

    # Events

    async def _event(self, beat: Event) -> None:
        self._note(beat.lane, b"", " ".join(beat.words))
        match beat.lane:
            case "C" | "CT":
                await self._client_event(beat)
            case "S" | "ST":
                await self._outcome(beat)
            case "c":
                await self._inner_happens(beat)
            case "s":
                await self._inner_does(beat)
            case "K":
                await self._checkpassword_event(beat)
            case "T":
                await self._front_end_event(beat)
            case _:
                await self._outside(beat)

    async def _client_event(self, beat: Event) -> None:
        tls = beat.lane == "CT"
        self._act()
        match beat.words[0]:
            case "eof":
                await self._stage.settle()
                await self._enqueue(beat.lane, _later(lambda: self._stage.end_input(tls=tls)))
            case "reset":
                await self._stage.settle()
                self._stage.reset(tls=tls)
            case "hangup":
                await self._stage.settle()
                self._stage.hang_up(tls=tls)
            case "stall":
                self._stage.stall(tls=tls)
            case _:
                self._stage.resume(tls=tls)

    async def _outcome(self, beat: Event) -> None:
        stream = self._stage.plain if beat.lane == "S" else self._stage.tls
        due = self._now + (beat.after or 0.0)
        match beat.words:
            case ("eof",):
                await self._ends(beat, stream, due)
            case ("silent", seconds):
                await self._silent(beat, [stream], _duration(seconds))
            case ("tls",):
                await self._tls_ordered(beat, due)
            case ("exit", code):
                await self._first_ends(beat, due, Ended(int(code), None))
            case _:
                await self._first_ends(beat, due, Ended(None, signal_number(beat.words[1])))

    async def _ends(self, beat: Event, stream: Stream, due: float) -> None:
        """Wait for the stream's end, with nothing more before it."""
        with trio.move_on_at(due + self._stage.late + AFTERWARDS):
            while not stream.ended and not stream.untaken:
                await stream.more()
        if stream.untaken:
            await self._stage.settle()
            self._fail(beat, Kind.EXTRA, _one_line(stream.untaken))
        if stream.ended_at is None:
            self._fail(beat, Kind.MISSING, note="the stream is still open")
        self._over.add(stream.name)
        self._on_time(beat, due, stream.ended_at, stream.ended_at)

    async def _silent(self, beat: Event, streams: Sequence[Stream], seconds: float) -> None:
        began = self._now
        await trio.sleep_until(began + seconds)
        self._now += seconds
        for stream in streams:
            if stream.untaken:
                self._fail(beat, Kind.EXTRA, _one_line(stream.untaken))
            if stream.name in self._over or stream.ended_at is None:
                continue
            if beat.lane != "A" or stream.ended_at > began + self._stage.late:
                self._fail(beat, Kind.EXTRA, note="the stream ended")

    async def _first_ends(self, beat: Event, due: float, expected: Ended) -> None:
        ended = None
        with trio.move_on_at(due + self._stage.late + AFTERWARDS):
            ended = await self._stage.ended()
        if ended is None:
            self._fail(beat, Kind.MISSING, note="the chain's first process lives")
        self._compare_end(beat, expected, ended)
        when = self._stage.processes[0].ended_at if self._stage.processes else None
        when = trio.current_time() if when is None else when
        self._on_time(beat, due, when, when)

    def _compare_end(self, beat: Event, expected: Ended, ended: Ended) -> None:
        if ended != expected:
            self._fail(beat, Kind.WRONG, words=_describe_end(ended))

    async def _inner_happens(self, beat: Event) -> None:
        due = self._now + (beat.after or 0.0)
        match beat.words[0]:
            case "start":
                await self._inner_starts(beat, due)
            case "eof":
                puppet = await self._inner_puppet()
                await self._ends(beat, puppet.input, due)
            case "silent":
                puppet = await self._inner_puppet()
                await self._silent(beat, [puppet.input], _duration(beat.words[1]))
            case _:
                await self._is_killed(beat, await self._inner_puppet(), due)

    async def _inner_starts(self, beat: Event, due: float) -> None:
        if self._inner_used:
            self._current += 1
            self._over.discard("c")
        puppet = await self._inner_puppet()
        self._check(beat, puppet.process, puppet)
        self._on_time(beat, due, puppet.program.started, puppet.program.started)

    async def _is_killed(self, beat: Event, puppet: Puppet, due: float) -> None:
        ended = None
        with trio.move_on_at(due + self._stage.late + AFTERWARDS):
            ended = await puppet.over()
        if ended is None:
            self._fail(beat, Kind.MISSING, note=f"{puppet.process.name} lives")
        if not puppet.process.observed_end:
            self.unobserved.add("exit")
        else:
            self._compare_end(beat, Ended(None, signal_number(beat.words[1])), ended)
        when = puppet.process.ended_at
        when = trio.current_time() if when is None else when
        self._on_time(beat, due, when, when)

    async def _inner_does(self, beat: Event) -> None:
        puppet = await self._inner_puppet()
        self._act()
        match beat.words:
            case ("exit" | "signal", _):
                order = _order(beat)
                await self._enqueue("s", lambda: self._obey(puppet, order))
            case ("eof",):
                await self._enqueue("s", _later(puppet.close_output))
            case ("stall",):
                puppet.pause()
            case ("resume",):
                puppet.listen()
            case _:
                puppet.ignore(signal_number(beat.words[1]))

    async def _obey(self, puppet: Puppet, order: Order) -> None:
        with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
            await puppet.obey(order)

    async def _checkpassword_event(self, beat: Event) -> None:
        due = self._now + (beat.after or 0.0)
        match beat.words[0]:
            case "start":
                puppet = await self._call(self._calls.coming)
                self._check(beat, puppet.process, puppet)
                self._on_time(beat, due, puppet.program.started, puppet.program.started)
            case "unread":
                await self._call(self._calls.next())
            case "killed":
                await self._is_killed(beat, await self._call(self._calls.current), due)
            case "ignore":
                (await self._call(self._calls.current)).ignore(signal_number(beat.words[1]))
            case "hang":
                await self._call(self._calls.current)
            case "exec":
                puppet = await self._call(self._calls.current)
                await self._obey(puppet, self._calls.verdict(puppet))
            case _:
                puppet = await self._call(self._calls.current)
                self._act()
                await self._obey(puppet, _order(beat))

    async def _front_end_event(self, beat: Event) -> None:
        front_end = self._stage.front_end
        if front_end is None:
            self._fail(beat, Kind.MISSING, note="this chain has no TLS front end")
        match beat.words[0]:
            case "block":
                await self._stage.settle()
                text = " ".join(beat.words[1:])
                block = octets.literal(octets.parse(text)) if text else self._front_end.block
                with suppress(OSError, trio.BrokenResourceError):
                    await front_end.block(block)
            case "hangup":
                await self._stage.settle()
                front_end.close_control()
            case "silent":
                await self._silent(beat, [front_end.orders], _duration(beat.words[1]))
            case "eof":
                await self._ends(beat, front_end.orders, self._now + (beat.after or 0.0))
            case _:
                pass  # refuse, env, hold, close: part of the plan from the start

    async def _tls_ordered(self, beat: Event, due: float) -> None:
        front_end = self._stage.front_end
        if front_end is None:
            self._fail(beat, Kind.MISSING, note="this chain has no TLS front end")
        orders = front_end.orders
        with trio.move_on_at(due + self._stage.late + AFTERWARDS):
            while not orders.untaken and not orders.ended:
                await orders.more()
        got = orders.take(len(orders.untaken))
        if got != b"Y":
            self._fail(beat, Kind.WRONG if got else Kind.MISSING, got)
        when = orders.arrival(orders.taken - 1)
        self._on_time(beat, due, when, when)

    async def _outside(self, beat: Event) -> None:
        if beat.words[0] == "wait":
            inner = [puppet.input for puppet in self._inner[self._current :][:1]]
            await self._silent(beat, [self._stage.plain, self._stage.tls, *inner], _duration(beat.words[1]))
            return
        await self._stage.settle()
        number, program = signal_number(beat.words[1]), beat.words[2]
        self._act()
        self.killed |= {(p.pid, number) for p in self._stage.living() if p.name == program}
        if not self._stage.signal(program, number):
            self._fail(beat, Kind.MISSING, note=f"no {program} lives")

    # Puppets

    async def _usher(self) -> None:
        """Take up each puppet as it starts: read its input, and have checkpassword decide."""
        while True:
            puppet = await self._stage.puppet(self._seen)
            self._seen += 1
            if puppet.program.name in CHECKPASSWORD:
                if self._calls.arrive(puppet):
                    puppet.listen()
                    self._nursery.start_soon(self._decide, puppet)
            else:
                self._inner.append(puppet)
                puppet.listen()
            self._note("proc", b"", f"start {puppet.process.pid} {puppet.program.name}")
            self._arrived.unpark_all()

    async def _decide(self, puppet: Puppet) -> None:
        """Be checkpassword with the users table, unless the talk decides itself."""
        while not puppet.input.ended:
            await puppet.input.more()
        if self._calls.is_automatic(puppet):
            await self._obey(puppet, self._calls.verdict(puppet))

    async def _be_front_end(self) -> None:
        front_end = self._stage.front_end
        assert front_end is not None  # noqa: S101 - else this task is not started
        plan: FrontEndPlan = self._front_end
        while not front_end.orders.data:
            if front_end.orders.ended:
                return
            await front_end.orders.more()
        if plan.refuse:
            await self._stage.settle()  # closing tears the client's end too, which must have read the 220
            front_end.close()
        elif not plan.hold:
            with suppress(OSError, trio.BrokenResourceError):
                await front_end.block(plan.block)
            if plan.close:
                front_end.close_control()

    async def _call(self, number: int) -> Puppet:
        """Wait for the call of checkpassword with this number."""
        return await self._wait_for(self._calls.puppets, number, "checkpassword was not started")

    async def _inner_puppet(self) -> Puppet:
        self._inner_used = True
        return await self._wait_for(self._inner, self._current, "the inner program was not started")

    async def _wait_for(self, puppets: Sequence[Puppet], number: int, complaint: str) -> Puppet:
        with trio.move_on_at(max(self._now, trio.current_time()) + self._stage.late + AFTERWARDS):
            while len(puppets) <= number:
                await self._arrived.park()
        if len(puppets) <= number:
            self._fail(self._beat_here(), Kind.MISSING, note=complaint)
        return puppets[number]

    def _beat_here(self) -> Beat:
        return next(beat for beat in self._beats if beat.line == self._line)

    # The end

    async def _close(self) -> None:
        """Nothing extra may be left (1.5)."""
        await self._stage.settle()
        self._line = 0
        streams = [self._stage.plain, self._stage.tls, *(puppet.input for puppet in self._inner)]
        if any(isinstance(beat, Expect) and beat.lane == "E" for beat in self._beats):
            streams.append(self._stage.log)
        if self._stage.front_end is not None:
            streams.append(self._stage.front_end.orders)
        for stream in streams:
            if stream.untaken:
                self._extra(f"{stream.name}: {octets.write(stream.untaken[:300])}")
        for puppet in self._calls.unlisted():
            self._extra(f"checkpassword was started once more: {octets.write(bytes(puppet.input.data))}")
        listed = self._current + 1 if self._inner_used else 0
        for puppet in self._inner[listed:]:
            self._extra(f"{puppet.program.name} was started and is not in the talk")
        await self._leave()
        if self._score.processes is not None:
            self._check_tree()

    async def _leave(self) -> None:
        """When the talk has seen the chain's end nothing of it may be left."""
        if not any(
            isinstance(beat, Event) and beat.words[0] in ("exit", "signal") and beat.lane == "S"
            for beat in self._beats
        ):
            return
        with trio.move_on_after(self._stage.late):
            while self._stage.living():  # noqa: ASYNC110  nobody tells when the last process ends
                await trio.sleep(0.01)
        left = self._stage.living()
        if left:
            words = ", ".join(f"{process.name} (pid {process.pid})" for process in left)
            self._raise(Finding(0, Kind.LEFTOVERS, (), "no process is left", words))

    def _check_tree(self) -> None:
        section = self._score.processes
        assert section is not None  # noqa: S101 - looked at before
        wrong, unobserved = attributes.compare_tree(section, self._stage.processes, self._stage.observes)
        self.unobserved |= unobserved
        if wrong:
            rules = wrong.rules or self._score.talk.rules
            self._raise(Finding(wrong.line, Kind.WRONG, rules, wrong.expected, wrong.got))

    def _check(self, beat: Event, process: Process, puppet: Puppet) -> None:
        wrong, unobserved = attributes.check(beat.words[1:], puppet.program, process, self._stage.observes)
        self.unobserved |= unobserved
        if wrong:
            self._fail(beat, Kind.WRONG, words=wrong)

    def _extra(self, words: str) -> NoReturn:
        self._raise(Finding(0, Kind.EXTRA, self._score.talk.rules, "nothing more", words))

    # Findings

    def _finding(self, beat: Beat, kind: Kind, got: bytes = b"", words: str = "", note: str = "") -> Finding:
        expected = _expected(beat)
        rules = () if isinstance(beat, Send) else beat.rules
        return Finding(beat.line, kind, rules, expected, words or octets.write(got[:2000]), note)

    def _fail(self, beat: Beat, kind: Kind, got: bytes = b"", *, words: str = "", note: str = "") -> NoReturn:
        self._raise(self._finding(beat, kind, got, words, note))

    def _raise(self, finding: Finding) -> NoReturn:
        raise Wrong(finding)

    def _note(self, lane: str, data: bytes, what: str = "") -> None:
        self._record.append(Moment(trio.current_time(), lane, data, what, self._line))


def signal_number(name: str) -> int:
    """Return the number of a signal: TERM, SIGTERM or 15. Raises ValueError."""
    if name.isdigit():
        return int(name)
    full = name if name.startswith("SIG") else f"SIG{name}"
    try:
        return int(signal.Signals[full])
    except KeyError:
        raise ValueError(f"{name!r}: expected the name of a signal") from None


def _complete(beat: Expect, stream: Stream) -> int | None:
    """Return how many of the untaken bytes are in the place of this line; None if more may come."""
    if beat.lane == "fd3":
        return len(stream.data) - stream.taken if stream.ended else None
    there = stream.untaken
    accepted = (beat.what, *(what for _, what in beat.alternatives))
    lengths = [_length(what, there) for what in accepted]
    for length, what in zip(lengths, accepted, strict=True):
        if length is not None and octets.expression(what, {}).fullmatch(there[:length]):
            return length
    if None in lengths and not stream.ended:
        return None
    complete = [n for n in lengths if n is not None]
    return complete[0] if complete else len(there)


def _length(what: Octets, there: bytes) -> int | None:
    """Return how long the bytes in this line's place are; None if they have not all come."""
    if all(isinstance(part, bytes) for part in what):
        data = octets.literal(what)
        if data.startswith(there[: len(data)]) and len(there) < len(data):
            return None
        return min(len(data), len(there))
    lines = sum(part.count(b"\n") for part in what if isinstance(part, bytes))
    position = 0
    for _ in range(lines):
        position = there.find(b"\n", position) + 1
        if position == 0:
            return None
    if lines == 0 and not octets.expression(what, {}).fullmatch(there):
        return None  # a pattern alone says nothing of where it ends
    return position if lines else len(there)


def _one_line(data: bytes) -> bytes:
    return data[: data.find(b"\n") + 1] if b"\n" in data else data


def _expected(beat: Beat) -> str:
    if isinstance(beat, Expect):
        return octets.notation(beat.what)
    if isinstance(beat, Event):
        return f"{beat.lane}! {' '.join(beat.words)}"
    return ""


def _order(beat: Event) -> Order:
    """Return what `exit N` or `signal NAME` orders."""
    if beat.words[0] == "exit":
        return Order("exit", int(beat.words[1]))
    return Order("signal", signal_number(beat.words[1]))


def _describe_end(ended: Ended) -> str:
    if ended.signal is not None:
        return f"signal {signal_name(ended.signal).removeprefix('SIG')}"
    return f"exit {ended.code}"


def _duration(text: str) -> float:
    found = re.fullmatch(r"([0-9.]+)s", text)
    if found is None:
        raise ValueError(f"{text!r}: expected seconds such as 3s")
    return float(found[1])


def _seconds(value: float) -> str:
    return f"{value:.3f} s"


def _later(action: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def act() -> None:
        await trio.lowlevel.checkpoint()
        action()

    return act


def _first_wrong(error: BaseException) -> Finding:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, Wrong)  # noqa: S101 - it was caught as one
    return error.finding
