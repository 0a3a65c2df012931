"""The loop: one life of a chain after the other, in each of them one command after the other."""

from collections.abc import Callable, Mapping
from typing import Final

import trio

from conformance.debugging import differences, lives
from conformance.debugging.clocks import Time
from conformance.debugging.interrupts import Interrupts
from conformance.debugging.lanes import Lane
from conformance.debugging.obeying import command, obey
from conformance.debugging.prompts import Input, Interrupted
from conformance.debugging.record import Record
from conformance.debugging.screen import Screen
from conformance.debugging.session import CannotError, Session
from conformance.debugging.setting import Setting
from conformance.debugging.steps import PLAYERS, Act, Anew, Hands, Play, Player, Step
from conformance.debugging.table import LATER, LONGEST, Command, Outcome
from conformance.playing.runner import explain
from conformance.playing.scene import Wrong
from conformance.playing.verdicts import Moment
from conformance.targets import Unusable

LANES: Final = ("S", "ST", "c", "fd3", "E")


class Debugger:
    """`session` is the life that is shown, also after its end; `alive` says whether its chain runs."""

    def __init__(self, setting: Setting, time: Time, screen: Screen, commands: Mapping[str, Command]) -> None:
        self.setting = setting
        self.time = time
        self.screen = screen
        self.commands = commands
        self.session: Session
        self.alive = False
        self.who = "client"
        """Whose lines the prompt types: client, inner, checkpassword or tls."""
        self.lane = ""
        """The lane of the client's lines, where it was chosen; else it follows TLS."""
        self.burst: list[str] | None = None
        """Lines that wait to go out as one packet."""
        self.breaks: list[str] = []
        self.lanes: dict[str, Lane] = {}
        self.lines: Input
        self.interrupts = Interrupts(self._interrupted)

    async def debug(self, first: Anew, last: str = "") -> int:
        """Go on until somebody has had enough, then obey the last line; return the exit code."""
        self.remark_skip()
        code = 0
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(self.interrupts.hear)
                anew: Outcome = first
                while isinstance(anew, Anew):
                    anew = await self._live(anew)
                if last and self.has_steps:
                    code = await self._at_last(last)
                nursery.cancel_scope.cancel()
        finally:
            for lane in self.lanes.values():
                lane.close()
        return code or (anew.code if anew else 0)

    async def _at_last(self, line: str) -> int:
        """Obey the last line; return 1 if that cannot be done."""
        with self.interrupts.stopping():
            try:
                await command(self, line)
            except CannotError as error:
                self.screen.error(str(error))
                return 1
        return 0

    def remark_skip(self) -> None:
        """Say so where a case is not meant for the target: what comes of it proves nothing."""
        if self.setting.skipped:
            self.screen.comment(
                f"conform run would skip this on {self.setting.target.name}: {self.setting.skipped}"
            )

    @property
    def prompt(self) -> str:
        """What stands in front of a line that is typed."""
        if self.burst is not None:
            return "... "
        if self.who != "client":
            return f"{self.who}> "
        return f"{self.lane or self.session.client_lane}> "

    @property
    def has_steps(self) -> bool:
        """Whether anything was done that could be kept."""
        return hasattr(self, "session") and bool(self.session.steps)

    @property
    def ended(self) -> str:
        """How the chain's first process ended, `exit 0`; "" while it lives."""
        ends = (
            m.what for m in self.session.record if m.lane == "S" and m.what.startswith(("exit", "signal"))
        )
        return next(ends, "")

    @property
    def is_connected(self) -> bool:
        """Whether the client could still say something, and somebody hear it."""
        left = (m.lane in ("C", "CT") and m.what in ("eof", "hangup", "reset") for m in self.session.record)
        return self.alive and not self.ended and not any(left)

    @property
    def status(self) -> str:
        """Where everything stands: target, time, who is played by hand, the next clock."""
        words = [self.setting.target.name]
        if not self.alive:
            return "  ".join([*words, LATER])
        words.append(f"t+{trio.current_time() - self.session.began:.3f}")
        if self.time.next_deadline < LONGEST and self.setting.is_simulated:
            words.append(f"next clock in {self.time.next_deadline:g} s")
        hands = [who for who in PLAYERS if self.session.by_hand[who]]
        if hands:
            words.append(f"by hand: {' '.join(hands)}")
        return "  ".join(words)

    def _interrupted(self) -> None:
        if not self.lines.is_terminal:
            raise KeyboardInterrupt

    async def do(self, step: Step) -> None:
        """Do a step in the chain that runs. Raises CannotError, Wrong."""
        if not self.alive:
            raise CannotError(LATER)
        if isinstance(step, Act) and self.ended:
            raise CannotError(f"nobody is there any more ({self.ended}): :restart, :back or :quit")
        with lives.guarded(self.setting):
            await self.session.do(step)

    async def finish(self) -> None:
        """Look, behind the last beat of a scenario, at what is left. Raises Wrong."""
        await self.session.finish()

    # Lives

    async def _live(self, anew: Anew) -> Outcome:
        """Live one life; return what comes after it."""
        for lane in self.lanes.values():
            lane.close()
        self.lanes = {name: Lane(name) for name in LANES}
        record = Record(self._happened)
        self.who, self.lane, self.burst = "client", "", None
        self.screen.muted = anew.seen is not None
        said: Outcome = None
        try:
            async with lives.opened(self.setting, self.time, self._arrives(record)) as stage:
                self.screen.begin()
                self.session = Session(self.setting, stage, self.time, record)
                async with self.session.living():
                    self.alive = True
                    with self.interrupts.stopping() as scope:
                        await self._again(anew)
                    if scope.cancelled_caught:
                        done = len(self.session.steps)
                        self.screen.muted = False
                        self.screen.error(f"interrupted in step {done} of {len(anew.steps)}: it stands there")
                    said = await self._commands()
        except (Unusable, OSError) as error:
            self.alive = self.screen.muted = False
            if not hasattr(self, "session"):  # not even the first one
                raise
            self.screen.error(f"{error}; {LATER}")
        except Exception as error:
            self.alive = False
            if said is None:
                self._trouble(error)
        except BaseException as error:
            self.alive = False
            words = explain(error)[1]
            if words is None:
                raise
            self._trouble(error)
        self.alive = False
        if said is None:
            self.screen.settled()
            said = await self._commands()
        return said

    def _arrives(self, record: Record) -> Callable[[str, bytes], None]:
        def note(lane: str, data: bytes) -> None:
            record.append(Moment(trio.current_time(), lane, data))

        return note

    def _happened(self, moment: Moment) -> None:
        self.screen.moment(moment)
        lane = self.lanes.get(moment.lane)
        if lane is not None and moment.data:
            lane.feed(moment.data)

    def _trouble(self, error: BaseException) -> None:
        """Say in one line why the chain is gone. Raises what is a fault of ours."""
        finding = explain(error)[1]
        if finding is None:
            raise error
        self.screen.error(f"{finding.note}; {LATER}")

    async def _again(self, anew: Anew) -> None:
        """Do the steps of an earlier life again; see whether they lead to the same."""
        for number, step in enumerate(anew.steps):
            if isinstance(step, Hands):
                self.who = step.who if step.by_hand else "client"
            try:
                await self.do(step)
            except CannotError as error:
                self.screen.muted = False
                self.screen.error(f"step {number + 1} cannot be done again: {error}")
                return
            except Wrong as wrong:
                if anew.seen is None:
                    self.show_wrong(wrong)
            if anew.seen is not None and not await self.session.wait_for(anew.seen[number], number):
                self.screen.muted = False
                self.screen.error(
                    f"step {number + 1} did not lead to the same as before; the chain stands there"
                )
                self.screen.words(*differences.from_before(anew.seen[number], self.session.outcome(number)))
                return
        self.screen.muted = False
        if anew.words:
            self.screen.comment(anew.words)

    # Commands

    async def _commands(self) -> Outcome:
        """Take commands until one of them ends this life."""
        while True:
            self.screen.settled()
            try:
                line = await self.lines.ask(self.prompt, self.status)
            except Interrupted:
                self.burst = None
                self.screen.comment(
                    "Ctrl-C: a line is given up with it, the debugger is left with :quit or Ctrl-D"
                )
                continue
            self.screen.resized()
            said = await obey(self, line)
            if said is not None:
                return said

    @property
    def typing_lane(self) -> str:
        """The lane of what is typed now. Raises CannotError."""
        if self.who == "client":
            return self.lane or self.session.client_lane
        if self.who == "inner":
            return "s"
        raise CannotError(f"{self.who} says nothing by lines: :help has what it can do; :as client")

    def show_wrong(self, wrong: Wrong) -> None:
        """Show what is not as the scenario has it."""
        headline, lines = differences.from_scenario(self.setting.score.talk.file, wrong)
        self.screen.settled()
        self.screen.error(headline)
        self.screen.words(*lines)

    async def hand_over(self, who: Player, *, by_hand: bool) -> None:
        """Let somebody be played by hand, or not any more."""
        if self.session.by_hand[who] != by_hand:
            await self.do(Hands(who, by_hand))

    async def all_by_themselves(self) -> None:
        """Let the debugger play everybody but the client."""
        for who in PLAYERS:
            await self.hand_over(who, by_hand=False)
        self.who = "client"


def upcoming(session: Session) -> Play | None:
    """Return the step that plays the next beat of the scenario; None at its end."""
    if session.position >= len(session.beats):
        return None
    return Play(session.beats[session.position])
