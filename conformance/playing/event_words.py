"""The words of events understood: signals, seconds, how a process ends."""

import re
import signal

from conformance.playing.beats import Event
from conformance.playing.stage import Ended, Order, signal_name


def signal_number(name: str) -> int:
    """Return the number of a signal: TERM, SIGTERM or 15. Raises ValueError."""
    if name.isdigit():
        return int(name)
    full = name if name.startswith("SIG") else f"SIG{name}"
    try:
        return int(signal.Signals[full])
    except KeyError:
        raise ValueError(f"{name!r}: expected the name of a signal") from None


def duration(text: str) -> float:
    """Return the seconds of 3s. Raises ValueError."""
    found = re.fullmatch(r"([0-9.]+)s", text)
    if found is None:
        raise ValueError(f"{text!r}: expected seconds such as 3s")
    return float(found[1])


def order(beat: Event) -> Order:
    """Return what `exit N` or `signal NAME` orders."""
    if beat.words[0] == "exit":
        return Order("exit", int(beat.words[1]))
    return Order("signal", signal_number(beat.words[1]))


def describe_end(ended: Ended) -> str:
    """Return the words of an end: `exit N` or `signal NAME`."""
    if ended.signal is not None:
        return f"signal {signal_name(ended.signal).removeprefix('SIG')}"
    return f"exit {ended.code}"
