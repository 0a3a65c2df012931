"""Words of `run` without braces are our fakes, and their rules are held by scenarios as all others are."""

import pytest

from conformance import targets
from conformance.format.cases import cases
from conformance.format.talk import Talk
from conformance.format.talk_parser import parse
from conformance.playing import runner
from conformance.playing.beats import understand
from conformance.playing.verdicts import Kind, Result, Verdict
from conformance.selection import SCENARIOS, scenarios
from conformance.varying.variations import BASE

TARGETS = targets.read(targets.DEFAULTS)
ALL = [case for talk in scenarios(SCENARIOS / "fakes") for case in cases(talk)]


def play(text: str, target: str = "sim") -> Result:
    return runner.run(understand(parse(text, name="x")), TARGETS[target], BASE)


@pytest.mark.parametrize("case", ALL, ids=[case.name for case in ALL])
def test_every_scenario_passes(case: Talk) -> None:
    result = runner.run(understand(case), TARGETS["sim"], BASE)
    assert (result.verdict, result.findings) == (Verdict.PASS, ())


def test_only_the_machine_has_them() -> None:
    result = play("run: ofmipd\nneeds: fakes\n-- talk --\nS: 220 ofmipd.local ESMTP\n", "ours")
    assert (result.verdict, result.reason) == (Verdict.SKIP, "needs fakes")


def test_in_braces_it_is_still_the_harness_that_speaks() -> None:
    silent = "run: {ofmipd}\n-- talk --\n    c! start argv=ofmipd\nS! silent 5s\n    s! exit 0\nS! exit 0\n"
    assert play(silent).verdict is Verdict.PASS


def test_an_empty_pair_of_braces_is_the_empty_word() -> None:
    text = "run: {ofmipd} {} x\n-- talk --\n    c! start argv=ofmipd,,x\n    s! exit 0\nS! exit 0\n"
    assert play(text).verdict is Verdict.PASS


MASKED = """\
run: ucspitlsd {fixsmtpio} {ofmipd}
-- control/me --
x
-- talk --
    c! start
    s: 220 a
S: 220 a
C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
S: 220 Ready to start TLS (#5.7.0)
    s! exit 0
    c! start
    s: 220 b
CT: NOOP
    c: NOOP
    s: 250 ok
LINE
"""


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("ST: 250 ok", Verdict.PASS),
        ("ST: 250 no", Verdict.FAIL),
        ("S: 250 ok", Verdict.HANG),
        ("ST: 250 ok\n    s! exit 3\nST! eof\nS! eof\nS! exit 3", Verdict.PASS),
    ],
)
def test_inside_the_pretended_tls_there_are_lanes_of_its_own(line: str, verdict: Verdict) -> None:
    assert play(MASKED.replace("LINE", line)).verdict is verdict


def test_a_program_that_falls_silent_inside_it_is_found_out() -> None:
    result = play(MASKED.replace("    s: 250 ok\nLINE", "S! silent 1s\nST: 250 ok"))
    assert [finding.kind for finding in result.findings] == [Kind.HANG, Kind.MISSING]
