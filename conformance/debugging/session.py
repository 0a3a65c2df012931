"""One life of a chain under the debugger: does steps, and keeps what they led to."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Final

import trio

from conformance.debugging.clocks import Time
from conformance.debugging.inner_server import Servers
from conformance.debugging.record import Record, is_ours
from conformance.debugging.setting import Setting
from conformance.debugging.steps import Act, Hands, Play, Player, Step, Wait
from conformance.debugging.watching import Watch
from conformance.format import octets
from conformance.playing.beats import Beat, Event, Send, is_expected
from conformance.playing.calls import User
from conformance.playing.director import Director
from conformance.playing.stage import CHECKPASSWORD, Process, Puppet, Stage
from conformance.playing.verdicts import Moment
from fakes.machine import reseed

CALM: Final = 1.0
"""Seconds of real time in which what came the first time must come again."""
_TIMESTAMP: Final = re.compile(rb"<[0-9]+\.[0-9]+@")
_NUMBER: Final = re.compile(rb"[0-9]+")


class CannotError(Exception):
    """What was asked for makes no sense now; the message says why."""


class Session:
    """A life. `steps` are those that were done in it, `marks` where the record stood before each."""

    def __init__(self, setting: Setting, stage: Stage, time: Time, record: Record) -> None:
        self.setting = setting
        self.stage = stage
        self.time = time
        self.record = record
        self.steps: list[Step] = []
        self.marks: list[int] = []
        self.position = 0
        """How many beats of the scenario were played."""
        self.by_hand: dict[Player, bool] = {"inner": setting.own, "checkpassword": False, "tls": False}
        self.began = trio.current_time()
        self.director = Director(setting.score, setting.score.beats, stage, record)
        self.watch = Watch(stage, record, self._arrived)
        self.servers = Servers(stage, record, self.watch, by_hand=setting.own)
        self._last: Sequence[Process] | None = None
        self.users: list[str] = setting.score.talk.all("users")
        """The users table, as the header of a scenario has it."""

    @asynccontextmanager
    async def living(self) -> AsyncIterator[None]:
        """Have everybody play who plays by himself; all is idle when this begins."""
        async with self.director.performing():
            nursery = self.director.scene.nursery
            nursery.start_soon(self.watch.watch, nursery)
            await self.settle()
            try:
                yield
            finally:  # what is killed from here on is not part of it
                self._last = [replace(one, programs=[*one.programs]) for one in self.stage.processes]

    @property
    def processes(self) -> Sequence[Process]:
        """The processes as they are, or were at the end of this life."""
        return self.stage.processes if self._last is None else self._last

    async def settle(self) -> None:
        """Wait until everybody is idle, whom we play too."""
        said = -1
        while self.servers.speaking or said != self.servers.said:
            said = self.servers.said
            await self.stage.settle()
            if self.setting.is_simulated:
                await self.stage.settle()  # whoever notes an end has waited for the same, and woke with us

    @property
    def beats(self) -> tuple[Beat, ...]:
        """The scenario that is loaded."""
        return self.setting.score.beats

    @property
    def client_lane(self) -> str:
        """Where what the client says goes: CT once TLS was ordered."""
        ordered = any(moment.lane == "S" and moment.what == "tls" for moment in self.record)
        masked = "ucspitlsd" in self.setting.score.chain and any(
            moment.lane == "S" and b"220 Ready to start TLS" in moment.data for moment in self.record
        )
        return "CT" if ordered or masked else "C"

    @property
    def inner(self) -> Puppet | None:
        """The newest inner program."""
        servers = self.director.cast.servers
        return servers[-1] if servers else None

    @property
    def call(self) -> Puppet | None:
        """The newest call of checkpassword that is undecided."""
        calls = self.director.cast.calls.puppets
        if not calls or calls[-1].process.ended or calls[-1].process.programs[-1].name not in CHECKPASSWORD:
            return None
        return calls[-1]

    def _arrived(self, puppet: Puppet) -> None:
        if puppet.program.name not in CHECKPASSWORD:
            self.director.scene.nursery.start_soon(self.servers.serve, puppet)

    async def do(self, step: Step) -> None:
        """Do a step, and wait until all that it leads to is done. Raises CannotError, Wrong."""
        self._check(step)
        self.marks.append(len(self.record))
        self.steps.append(step)
        if self.setting.is_simulated:
            reseed(self.setting.seed + len(self.steps))  # what happens between two steps must not matter
        match step:
            case Act(beat):
                await self._act(beat)
            case Play(beat):
                await self._play(beat)
            case Wait():
                await self._wait(step)
            case Hands(who, by_hand):
                self._hand_over(who, by_hand=by_hand)
        if not isinstance(step, Play):
            await self.settle()

    async def _wait(self, step: Wait) -> None:
        there, began = len(self.record), trio.current_time()
        try:
            await self.time.wait(step.seconds, lambda: step.until_something and len(self.record) > there)
        except trio.Cancelled:  # by Ctrl-C: what is done again later is the time that really passed
            self.steps[-1] = Wait(trio.current_time() - began)
            raise

    def _check(self, step: Step) -> None:
        tls_by_hand = isinstance(step, Hands) and step.who == "tls" and step.by_hand
        if tls_by_hand and self.stage.front_end is None:
            raise CannotError("this chain has no TLS front end (--tls)")
        if tls_by_hand and self._tls_was_ordered:
            raise CannotError("TLS was asked for before; :restart, and :as tls before that")
        beat = step.beat if isinstance(step, Act) else None
        if beat is None:
            return
        if beat.lane == "s" and self.inner is None:
            raise CannotError("no inner program has started yet")
        if beat.lane == "K" and self.call is None:
            raise CannotError("nobody waits in checkpassword")
        if beat.lane == "T" and self.stage.front_end is None:
            raise CannotError("this chain has no TLS front end (--tls)")
        if beat.lane == "T" and isinstance(beat, Event):
            self._check_front_end(beat.words[0])
        if beat.lane in ("C", "CT"):
            self._check_client(beat)

    @property
    def _tls_was_ordered(self) -> bool:
        return self.stage.front_end is not None and bool(self.stage.front_end.orders.data)

    def _check_front_end(self, word: str) -> None:
        done = {m.what.split()[0] for m in self.record if m.lane == "T" and m.what and is_ours(m)}
        if done & {"refuse", "hangup"}:
            raise CannotError("the TLS front end is gone")
        if word != "hangup" and not self.by_hand["tls"]:
            raise CannotError("the TLS front end plays by itself; :as tls before it is asked")
        if word == "refuse" and not self._tls_was_ordered:
            raise CannotError("nobody has asked for TLS yet; :close ends it without being asked")

    def _check_client(self, beat: Send | Event) -> None:
        done = {moment.what for moment in self.record if moment.lane == beat.lane and is_ours(moment)}
        if done & {"hangup", "reset"} or (
            "eof" in done and (isinstance(beat, Send) or beat.words[0] == "eof")
        ):
            raise CannotError("the client has ended that: :restart, :back or :quit")

    async def _act(self, beat: Send | Event) -> None:
        director, scene = self.director, self.director.scene
        scene.line = 0
        if beat.lane == "s":
            director.cast.current = len(director.cast.servers) - 1
            await director.cast.server()
        if isinstance(beat, Event):
            beat = self._prepared(beat)
            if beat.lane == "T" and beat.words[0] == "refuse":
                self._refuse_tls(beat)
                return
        if isinstance(beat, Send) and beat.pause:
            async with self.time.running():
                await director.play_beat(beat)
        else:
            await director.play_beat(beat)
        await self.settle()
        self._take_all()

    def _prepared(self, beat: Event) -> Event:
        """Note what an event of ours means for what is watched; fill in whom checkpassword admits."""
        word = beat.words[0]
        if beat.lane in ("C", "CT") and word in ("reset", "hangup"):
            self.watch.closed |= {"S", "ST"} if word == "reset" else {"S" if beat.lane == "C" else "ST"}
        if beat.lane == "s" and word in ("exit", "signal") and self.inner is not None:
            self.watch.ordered.add(self.inner.process.pid)
        if beat.lane == "K":
            calls = self.director.cast.calls
            calls.current = len(calls.puppets) - 1
            if word == "signal" and self.call is not None:
                self.watch.ordered.add(self.call.process.pid)
            if word == "exec":
                self._admit(calls.puppets[-1], beat.words[1:])
                return beat._replace(words=("exec",))
        return beat

    def _admit(self, puppet: Puppet, words: tuple[str, ...]) -> None:
        """Put whoever waits into the users table, with the uid that was given."""
        fields = bytes(puppet.input.data).split(b"\0")
        if len(fields) < 3 or not fields[0] or not fields[1]:
            raise CannotError("there is no user name and password to accept")
        given = dict(word.partition("=")[::2] for word in words)
        calls = self.director.cast.calls
        if not words and calls.verdict(puppet).what == "exec":
            return
        uid = int(given.get("uid", "1001"))
        user = User(fields[0], fields[1], uid, uid, b"/", b"/bin/sh")
        calls.admit(user)
        name, password = (octets.write(field).replace(" ", r"\s") for field in fields[:2])
        self.users = [line for line in self.users if line.split()[0] != name]
        self.users.append(f"{name} {password} uid={uid}")

    def _refuse_tls(self, beat: Event) -> None:
        front_end = self.stage.front_end
        assert front_end is not None  # noqa: S101 - _check() has seen it
        self.director.scene.note(beat.lane, b"", " ".join(beat.words))
        self.watch.closed |= {"S", "ST"}
        front_end.close()

    async def _play(self, beat: Beat) -> None:
        """Play the next beat of the scenario. Raises Wrong."""
        self.position += 1
        if isinstance(beat, Event) and beat.lane in ("C", "CT", "s", "K"):
            self._watch_for(beat)
        try:
            async with self.time.running():
                await self.director.next(beat)
        except trio.Cancelled:  # by Ctrl-C: what did not arrive yet is still to come
            if is_expected(beat):
                self.position -= 1
                self.steps.pop()
                self.marks.pop()
            raise

    def _watch_for(self, beat: Event) -> None:
        if beat.words[0] in ("reset", "hangup"):
            self.watch.closed |= {"S", "ST"}
        puppet = self.inner if beat.lane == "s" else self.call
        if beat.words[0] in ("exit", "signal") and puppet is not None:
            self.watch.ordered.add(puppet.process.pid)

    async def finish(self) -> None:
        """See, behind the last beat, that nothing is left. Raises Wrong."""
        self.director.scene.line = 0
        async with self.time.running():
            await self.director.finish()

    def _hand_over(self, who: Player, *, by_hand: bool) -> None:
        self.by_hand[who] = by_hand
        if who == "inner":
            self.servers.by_hand = by_hand
        elif who == "checkpassword":
            self.director.cast.calls.by_hand = by_hand
        elif who == "tls":
            self.director.front_end.by_hand = by_hand
            if by_hand:
                self.record.append(Moment(trio.current_time(), "T", b"", "hold"))

    def _take_all(self) -> None:
        """Take all that has come: what is typed has no expectations, and the next one is not about it."""
        puppets = [puppet.input for puppet in self.stage.puppets]
        orders = [self.stage.front_end.orders] if self.stage.front_end else []
        for stream in (self.stage.plain, self.stage.tls, self.stage.log, *puppets, *orders):
            stream.take(len(stream.data) - stream.taken)

    # Once more

    def outcome(self, number: int) -> dict[str, bytes]:
        """Return what a step led to, by lanes; of real processes without what is never twice the same."""
        end = self.marks[number + 1] if number + 1 < len(self.marks) else None
        lanes = self.record.lanes(self.marks[number], end)
        if self.setting.is_simulated:
            return lanes
        pids = {b"%d" % process.pid for process in self.processes}
        return {lane: _blurred(data, pids if lane == "E" else set()) for lane, data in lanes.items()}

    async def wait_for(self, seen: dict[str, bytes], number: int) -> bool:
        """Wait until a step has led to what it led to before; False if it does not."""

        def is_there() -> bool:
            return self.outcome(number) == seen

        if not self.setting.is_simulated:
            await self.time.wait(CALM + self.setting.target.patience, is_there)
        return is_there()


def _blurred(data: bytes, pids: set[bytes]) -> bytes:
    """Return what was said without process IDs, and without the time in a POP3 greeting."""
    without = _TIMESTAMP.sub(b"<PID.TIME@", data)
    return _NUMBER.sub(lambda found: b"PID" if found[0] in pids else found[0], without)
