"""docs/security.md: its process trees are played, its numbers are those of the code, its rules are held."""

import re

import pytest

from acceptutils import authup, checkpassword, fixsmtpio, rules
from acceptutils.runtime import authup as authup_runtime
from acceptutils.runtime import controls, posix
from acceptutils.runtime import fixsmtpio as fixsmtpio_runtime
from conformance import targets
from conformance.format.talk_parser import parse
from conformance.playing import runner
from conformance.playing.beats import understand
from conformance.playing.verdicts import Verdict
from conformance.rules import read
from conformance.selection import SCENARIOS, scenarios
from conformance.varying.variations import BASE
from tests.examples.documents import DOCS, table
from tests.examples.standing import EXAMPLES

PAGE = (DOCS / "security.md").read_text()
TREES: dict[str, str] = dict(re.findall(r"(?ms)^```processes (\w+)\n(.*?)^```$", PAGE))

LOGIN = """\
S: 220 mail.example.org ESMTP

C: AUTH PLAIN {b64:\\0alice\\0secret}
fd3: alice\\0secret\\0\\0
s: 220 a
S: 220 a

C: QUIT
c: QUIT
s: 221 a
S: 221 a
s! exit 0
S! exit 0
"""
POP3_LOGIN = """\
S: +OK <{pid:a}.{unix:t}@mail.example.org>

C: USER alice
S: +OK\\s

C: PASS secret
fd3: alice\\0secret\\0<{pid:a}.{unix:t}@mail.example.org>\\0
s: +OK
S: +OK

C: QUIT
c: QUIT
s: +OK
S: +OK
s! exit 0
S! exit 0
"""
ROOT_LOGIN = """\
S: 220 mail.example.org ESMTP

C: AUTH PLAIN {b64:\\0root\\0toor}
fd3: root\\0toor\\0\\0
+5s
S: 535 authup authorization failed (#5.7.0)
S! exit 1
"""
PLAYS = {
    "smtp": ("{reup} -t 5 {authup} smtp {checkpassword} {checknotroot} {fixsmtpio} {ofmipd}", LOGIN),
    "pop3": ("{authup} pop3 {checkpassword} {checknotroot} {qmail-pop3d} Maildir", POP3_LOGIN),
    "root": ("{authup} -t 1 smtp {checkpassword} {checknotroot} {fixsmtpio} {ofmipd}", ROOT_LOGIN),
}
SCENARIO = """\
title: x
run: {run}
as: root
users: alice secret uid=1001
users: root toor uid=0
-- control/me --
mail.example.org
-- talk --
{talk}-- processes --
{tree}"""

VALUES = {
    "refusal of a login": authup_runtime.DEFAULT_AUTHDELAY,
    "tries": authup.DEFAULT_TRIES[b"smtp"],
    "line before the login": authup.MOST_LINE_BYTES,
    "errors before the login": authup.MOST_ERRORS,
    "silence": controls.DEFAULT_TIMEOUT,
    "login as a whole": int((EXAMPLES / "control" / "logintimeout").read_text()),
    "credentials": checkpassword.MOST_BYTES,
    "checkpassword": authup_runtime.DEFAULT_CHECKPASSWORDTIMEOUT,
    "request line": fixsmtpio.MOST_REQUEST_BYTES,
    "reply": rules.MOST_REPLY_BYTES,
    "plaintext behind STARTTLS": posix._MOST_SENT_AHEAD,
    "end of a session": fixsmtpio_runtime.GRACE,
}
LIMITS = {row["limit"]: row["value"] for row in table(PAGE, "limit")}


def test_the_trees_are_the_played_ones() -> None:
    assert set(TREES) == set(PLAYS)


@pytest.mark.parametrize("which", PLAYS)
def test_what_runs_as_whom(which: str) -> None:
    run, talk = PLAYS[which]
    text = SCENARIO.format(run=run, talk=talk, tree=TREES[which])
    result = runner.run(understand(parse(text, name="x")), targets.read(targets.DEFAULTS)["sim"], BASE)
    assert (result.verdict, result.findings, result.reason) == (Verdict.PASS, (), "")


@pytest.mark.parametrize("limit", LIMITS)
def test_the_limits_have_the_values_of_the_code(limit: str) -> None:
    numbers = {int(number) for number in re.findall(r"\d+", LIMITS[limit])}
    if limit == "sessions at once":
        for file in [*EXAMPLES.glob("run/*/run"), *EXAMPLES.glob("systemd/*.socket")]:
            assert re.search(r"(-c |MaxConnections=)40\b", file.read_text())
        assert numbers == {40}
    else:
        assert VALUES[limit] in numbers


def test_the_number_of_guesses() -> None:
    guesses = 40 // authup_runtime.DEFAULT_AUTHDELAY
    assert f"{guesses} guesses a second, {guesses * 86400} a day" in PAGE


@pytest.mark.parametrize("row", table(PAGE, "threat"), ids=lambda row: row["threat"])
def test_a_scenario_holds_each_rule(row: dict[str, str]) -> None:
    cited = set(row["rules"].split())
    assert cited
    assert cited <= set(read())
    assert cited <= {rule for talk in scenarios(SCENARIOS) for rule in talk.rules}
