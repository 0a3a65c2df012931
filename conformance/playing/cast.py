"""The puppets of one playing: checkpassword's calls, and the inner programs, taken up as they start."""

from collections.abc import Sequence
from contextlib import suppress

import trio

from conformance.playing import attributes
from conformance.playing.beats import Event
from conformance.playing.calls import CallPlan, Calls, call_plans
from conformance.playing.received import Received
from conformance.playing.scene import Scene
from conformance.playing.stage import CHECKPASSWORD, Order, Puppet
from conformance.playing.verdicts import Kind


class Cast:
    """Who has started so far. Waiting for somebody who does not start raises Wrong."""

    def __init__(self, scene: Scene) -> None:
        told = sum(section.lane == "fd3" for section in scene.score.received)
        plans = [CallPlan(unread=False, decided=False)] * told
        self.calls = Calls(scene.score.talk, plans or call_plans(scene.beats))
        self.servers: list[Puppet] = []
        """The inner programs, in the order of their start."""
        self.current = 0
        """Which of them c: and s: mean."""
        self._scene = scene
        self._used = False
        self._seen = 0  # puppets that were looked at
        self._arrived = trio.lowlevel.ParkingLot()

    async def usher(self) -> None:
        """Take up each puppet as it starts: read its input, and have checkpassword decide."""
        while True:
            puppet = await self._scene.stage.puppet(self._seen)
            self._seen += 1
            if puppet.program.name in CHECKPASSWORD:
                if self.calls.arrive(puppet):
                    puppet.listen()
                    self._scene.nursery.start_soon(self._decide, puppet)
            else:
                self.servers.append(puppet)
                puppet.listen()
            self._scene.note("proc", b"", f"start {puppet.process.pid} {puppet.program.name}")
            self._arrived.unpark_all()

    async def _decide(self, puppet: Puppet) -> None:
        """Be checkpassword with the users table, unless the talk decides itself."""
        while not puppet.input.ended:
            await puppet.input.more()
        if self.calls.is_automatic(puppet):
            await obey(puppet, self.calls.verdict(puppet))

    async def call(self, number: int) -> Puppet:
        """Wait for the call of checkpassword with this number."""
        return await self._wait_for(self.calls.puppets, number, "checkpassword was not started")

    async def server(self) -> Puppet:
        """Wait for the inner program that c: and s: mean."""
        self._used = True
        return await self._wait_for(self.servers, self.current, "the inner program was not started")

    async def next_server(self) -> Puppet:
        """Wait for the next inner program: from now on it is the one that is meant."""
        if self._used:
            self.current += 1
            self._scene.over.discard("c")
        return await self.server()

    def of(self, section: Received) -> Puppet | None:
        """Return who got what a section tells; None if nobody like that was started."""
        puppets = self.calls.puppets if section.lane == "fd3" else self.servers
        named = [puppet for puppet in puppets if puppet.program.name == section.actor]
        return named[section.number - 1] if len(named) >= section.number else None

    def unlisted(self) -> list[Puppet]:
        """Return the inner programs that neither the talk nor a section has."""
        told = [self.of(section) for section in self._scene.score.received]
        listed = self.current + 1 if self._used else 0
        return [puppet for puppet in self.servers[listed:] if puppet not in told]

    def check(self, beat: Event, puppet: Puppet) -> None:
        """Hold a puppet against the attributes of a `start` line. Raises Wrong."""
        scene = self._scene
        words = beat.words[1:]
        wrong, unobserved = attributes.check(words, puppet.program, puppet.process, scene.stage.observes)
        scene.unobserved |= unobserved
        if wrong:
            scene.fail(beat, Kind.WRONG, words=wrong)

    async def _wait_for(self, puppets: Sequence[Puppet], number: int, complaint: str) -> Puppet:
        scene = self._scene
        with trio.move_on_at(scene.patience(max(scene.now, trio.current_time()))):
            while len(puppets) <= number:
                await self._arrived.park()
        if len(puppets) <= number:
            scene.fail(scene.beat, Kind.MISSING, note=complaint)
        return puppets[number]


async def obey(puppet: Puppet, order: Order) -> None:
    """Have a puppet carry out its end, if it still lives."""
    with suppress(OSError, trio.BrokenResourceError, trio.ClosedResourceError):
        await puppet.obey(order)
