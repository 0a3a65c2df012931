"""What a fault that was injected excuses, and what nothing excuses."""

import pytest

from conformance.format.octets import write
from conformance.machine.faulty_world import Faults
from conformance.playing.beats import Beat, Event, Expect
from conformance.playing.fault_judging import DOCUMENTED, excused
from conformance.playing.verdicts import Finding, Kind

REPLY = Expect("S", (b"220 x\r\n",), 3, ())
INSIDE = Expect("ST", (b"250 x\r\n",), 3, ())
RECORD = Expect("fd3", (b"a\0b\0\0",), 3, ())
EXIT = Event("S", ("exit", "0"), 3, ())


@pytest.mark.parametrize(
    ("beat", "kind", "expected", "got", "is_excused"),
    [
        (REPLY, Kind.MISSING, "", "", True),
        (REPLY, Kind.LATE, "", "", True),
        (REPLY, Kind.EARLY, "", "", False),
        (REPLY, Kind.WRONG, "220 x", write(min(DOCUMENTED)), True),
        (REPLY, Kind.WRONG, "220 x", r"451 something else\r\n", False),
        (REPLY, Kind.WRONG, "220 x", r"exit of nobody\r\n", False),
        (INSIDE, Kind.WRONG, "250 x", r"451 something else\r\n", False),
        (REPLY, Kind.WRONG, r"250-x\r\n250 y\r\n", r"250-x\r\n", True),
        (RECORD, Kind.WRONG, r"a\0b\0\0", r"a\0", True),
        (EXIT, Kind.WRONG, "S! exit 0", "exit 12", True),
        (None, Kind.EXTRA, "nothing more", "S: x", True),
    ],
)
def test_excuses(beat: Beat | None, kind: Kind, expected: str, got: str, is_excused: bool) -> None:
    assert excused(Finding(3, kind, (), expected, got), beat) is is_excused


def test_the_kth_operation_fails_and_no_other() -> None:
    faults = Faults(fail=2)
    assert [bool(faults.happens("fork")) for _ in range(4)] == [False, True, False, False]
    assert (faults.count, faults.failed) == (4, True)


def test_named_operations_are_counted_by_kind() -> None:
    faults = Faults(words=["fork@2=EAGAIN", "pipe@1"])
    assert [faults.happens(kind) for kind in ("fork", "pipe", "exec", "fork")] == [
        None, "Input/output error", None, "Resource temporarily unavailable"
    ]  # fmt: skip
