"""docs/from-c.md: each row cites rules, and what it says of the C programs is a known deviation of theirs."""

import re

import pytest

from conformance import known, rules, targets
from conformance.format.talk_parser import parse
from conformance.playing import runner
from conformance.playing.beats import understand
from conformance.playing.verdicts import Verdict
from conformance.varying.variations import BASE
from tests.examples.documents import DOCS, tables

PAGE = (DOCS / "from-c.md").read_text()
ROWS = [row for rows in tables(PAGE) if "rules" in rows[0] for row in rows]
RULES = rules.read()
DEVIATING = {
    generation: {deviation.rule for deviation in known.read(known.DIRECTORY / f"c-{generation}.toml")}
    for generation in ("head", "reup")
}
# What known/ cannot hold: a bound that no run would meet, and the words of logs (`log = false`).
NOT_RECORDED = {"LIM-3", "AUTHUP-LOG-1", "AUTHUP-LOG-2"}

LOG = """\
title: x
run: {{authup}} smtp {{checkpassword}} {{checknotroot}} {{fixsmtpio}} {{ofmipd}}
env: TCPREMOTEIP=192.0.2.7
users: alice secret uid=1001
-- control/me --
mail.example.org
-- talk --
S: 220 mail.example.org ESMTP
E: {0}

C: AUTH PLAIN {{b64:\\0alice\\0wrong}}
fd3: alice\\0wrong\\0\\0
E: {1}
E: {2}
+5s
S: 535 authup authorization failed (#5.7.0)

C: AUTH PLAIN {{b64:\\0alice\\0secret}}
fd3: alice\\0secret\\0\\0
E: {3}
s: 220 a
S: 220 a

C: QUIT
c: QUIT
s: 221 a
S: 221 a
s! exit 0
E: {4}
S! exit 0
"""


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["with C you see"])
def test_rules_and_deviations(row: dict[str, str]) -> None:
    cited = row["rules"].split()
    assert cited
    assert set(cited) <= set(RULES)
    for generation in re.findall(r"\b(?:head|reup)\b", row["in"]):
        assert set(cited) & (DEVIATING[generation] | NOT_RECORDED), generation


def test_the_log_is_as_shown() -> None:
    shown = [line.strip() for line in re.findall(r"(?m)^    authup 4711 .*\n", PAGE)]
    lines = [re.sub(r"471(\d)", r"{pid:p\1}", line) for line in shown]
    result = runner.run(
        understand(parse(LOG.format(*lines), name="x")), targets.read(targets.DEFAULTS)["sim"], BASE
    )
    assert (result.verdict, result.findings, result.reason) == (Verdict.PASS, (), "")
