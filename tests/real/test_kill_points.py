"""Whoever breaks off, and wherever: nothing hangs, nothing is left, no mail is lost or doubled.

One case by its name:  pytest tests/real/test_kill_points.py -k submission-dot-fixsmtpio-KILL
All of them, and the client gone at every byte:  EVERYWHERE=1 pytest tests/real/test_kill_points.py
"""

from pathlib import Path

import pytest

from tests.real.kill_cases import Case, cases, right
from tests.real.killing import PROMISE, Outcome, play_all
from tests.real.service import needs_tcpserver
from tests.runtime.running import needs_root

pytestmark = [needs_tcpserver, needs_root]


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest, programs: Path) -> dict[str, Outcome | BaseException]:
    """Play all cases that were asked for, some at once."""
    names = {item.name for item in request.session.items if item.path == request.path}
    return play_all([case for case in cases() if f"test_a_kill[{case.name}]" in names], programs)


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_a_kill(case: Case, outcomes: dict[str, Outcome | BaseException]) -> None:
    """AUTHUP-GEN-8, -9, AUTHUP-CP-7, AUTHUP-EXIT-1, -2, REUP-6, REUP-11, FIX-DATA-6, -7, FIX-EXIT-1 to -6."""
    outcome = outcomes[case.name]
    if isinstance(outcome, BaseException):
        raise outcome
    assert outcome[:3] in right(case)
    assert outcome.seconds < PROMISE
