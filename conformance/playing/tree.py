"""Processes as plain values, for results, JSON lines and reports."""

from typing import Any

from conformance.format import octets
from conformance.playing.stage import Process


def describe(process: Process) -> dict[str, Any]:
    """Return a process as JSON would have it; environment values are left out but for a few."""
    return {
        "pid": process.pid,
        "parent": process.parent,
        "programs": [
            {
                "name": program.name,
                "argv": [octets.write(arg) for arg in program.argv],
                "uid": program.uid,
                "env": sorted(octets.write(name) for name in program.env or {}),
                "fds": None if program.fds is None else sorted(program.fds),
                "started": program.started,
            }
            for program in process.programs
        ],
        "code": process.ended.code if process.ended else None,
        "signal": process.ended.signal if process.ended else None,
        "ended": process.ended_at,
        "observed_end": process.observed_end,
    }
