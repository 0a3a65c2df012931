"""conform debug, conform record."""

import argparse
import os
import sys
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import trio

from conformance import targets
from conformance.cli import INTERRUPTED
from conformance.debugging import lives, prompts, setting
from conformance.debugging.clocks import MachineTime, RealTime, Time
from conformance.debugging.commands_keeping import keep
from conformance.debugging.completion import complete
from conformance.debugging.debugger import Debugger
from conformance.debugging.screen import Screen
from conformance.debugging.session import CannotError
from conformance.debugging.steps import Anew, Hands, Step
from conformance.debugging.words import COMMANDS
from conformance.playing.staging import found
from conformance.processes import premises
from conformance.targets import Unusable


def debug(args: argparse.Namespace) -> int:
    """Open a prompt over a running chain."""
    target = targets.find(args.target, targets.known())
    chosen = setting.of_arguments(args, target)
    if args.save:
        Path(args.save).parent.stat()  # better now than when all is done
    time: Time = MachineTime() if chosen.is_simulated else RealTime()
    screen = Screen(sys.stdout, args.color, in_ascii=args.ascii)
    with ExitStack() as stack:
        ready = stack.enter_context(premises.prepared(target))
        stack.enter_context(lives.surroundings(time, args.seed))
        debugger = Debugger(replace(chosen, target=ready), time, screen, COMMANDS)
        lines = debugger.lines = prompts.chosen(partial(complete, debugger))
        if lines.is_terminal:
            screen.comment(f"{target.name}: {' '.join(chosen.score.chain)}; :help has the commands")
        hands: tuple[Step, ...] = tuple(Hands(who, by_hand=True) for who in args.by_hand)
        clock = time.clock if isinstance(time, MachineTime) else None
        try:
            last = f":save {args.save}" if args.save else ""
            return trio.run(debugger.debug, Anew(hands), last, clock=clock)
        except BaseException as error:
            interrupted = found(error, KeyboardInterrupt)
            if args.save and debugger.has_steps and (interrupted or found(error, SystemExit)):
                with suppress(OSError, CannotError):  # there may be no terminal any more
                    keep(debugger, Path(args.save))
            if interrupted:
                return INTERRUPTED
            if plain := found(error, SystemExit) or found(error, Unusable) or found(error, OSError):
                raise plain from None
            raise
        finally:
            if args.cast:
                screen.cast.write(Path(args.cast), os.environ)
