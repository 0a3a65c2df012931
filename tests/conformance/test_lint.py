"""Every message of lint has a file that provokes it: a good one with one thing changed."""

import re
from pathlib import Path

import pytest

from conformance.format import lint as linter
from conformance.format.complaint import Complaint, Weight
from conformance.rules import read

CATALOGUE = read()
SCENARIOS = sorted((Path(__file__).parents[2] / "conformance" / "scenarios").rglob("*.talk"))
GOOD = """\
title: a refusal takes five seconds
rules: AUTHUP-SMTP-1 AUTHUP-ERR-4 AUTHUP-EXIT-1
run:   {authup} smtp {checkpassword} {prog}
as:    uid=0 euid=0
users: alice secret uid=1001 home=/home/alice
env:   UCSPITLS=
needs: generation=reup log
inherit: blocked=SIGTERM,SIGHUP fd7=open
fault: fork@2=EAGAIN read:control/authdelay=EIO
vary:  cuts merge
       # not the others: AUTHUP-ERR-4

-- control/me --
mail.example.org
-- control/authdelay octets --
5\\s
-- talk --
# [AUTHUP-SMTP-1]
S: 220 mail.example.org ESMTP

C: STARTTLS
S: 220 ready
S! tls
CT: AUTH PLAIN
    fd3: alice\\0wrong\\0\\0
    K! exit 1
# [AUTHUP-ERR-4] to the tick
+5s
ST: 535 no
# nobody minds the words
ST: {any}
    c! start uid=1001
    c: x
    s: y
    s! exit 0
# [AUTHUP-EXIT-1]
S! exit 1
E: bye
-- processes --
authup  uid=0 exit=1
"""
TABLE = """\
title: {what}
rules: {rule}
run:   {authup} smtp
each:  what = one | two
each:  rule = AUTHUP-SMTP-1 | AUTHUP-SMTP-4

-- talk --
# [{rule}]
S: x
"""


def lint(text: str) -> list[Complaint]:
    return linter.lint(text, CATALOGUE, file="x.talk")


def test_nothing_is_said_about_good_files() -> None:
    assert lint(GOOD) == []
    assert lint(TABLE) == []


def test_a_complaint_is_one_line() -> None:
    (complaint,) = lint("title: x\nnonsense\n")
    assert complaint.weight is Weight.ERROR
    assert str(complaint) == "x.talk:2: error: expected `key: value`, a comment, or `-- section --`"


@pytest.mark.parametrize(
    ("find", "put", "line", "text"),
    [
        # what the parser, the table and the beats refuse
        ("title:", "tilte:", 1, "unknown key 'tilte'"),
        ("S! tls", "S! tsl", 23, "S! tsl: expected one of"),
        ("ST: 535 no", "ST: {column}", 29, "expected a column"),
        ("users:", "each:  x\nusers:", 5, "expected `each: column"),
        # the header
        ("title: a refusal takes five seconds\n", "", 1, "expected `title: ...`"),
        ("rules: AUTHUP-SMTP-1 AUTHUP-ERR-4 AUTHUP-EXIT-1", "rules:", 1, "expected `rules: ...`"),
        ("run:   {authup} smtp {checkpassword} {prog}\n", "", 1, "expected `run: ...`"),
        ("home=/home/alice", "home=/home/alice ", 5, "blanks at the end"),
        ("\n-- control/me --", " \n-- control/me --", 12, "blanks at the end"),
        (
            "{authup} smtp {checkpassword}",
            "authup smtp {checkpassword}",
            3,
            "at least one of {reup} {authup}",
        ),
        ("{prog}\n", "{prog} ofmipd\n", 3, "run: expected {ofmipd}, or `needs: fakes` for our own"),
        ("run: ", "level: may\nrun: ", 3, "level: may: expected must should info"),
        ("uid=0 euid=0", "alice", 4, "as: expected root"),
        ("secret uid=1001", "secret id=1001", 5, "users: expected name password"),
        ("alice secret uid=1001 home=/home/alice", "alice", 5, "users: expected name password"),
        ("alice secret", r"alice \q", 5, r"users: \q: expected one of"),
        ("UCSPITLS=", "UCSPITLS=\nenv: TWO WORDS=1", 7, "env: expected NAME=VALUE"),
        ("UCSPITLS=", "UCSPITLS=\\q", 6, r"env: \q: expected one of"),
        ("generation=reup", "generation=now", 7, "needs: generation=now: expected root"),
        ("blocked=SIGTERM,", "blocked=TERM,", 8, "inherit: blocked=TERM,SIGHUP: expected"),
        ("fork@2=EAGAIN", "fork@0=EAGAIN", 9, "fault: fork@0=EAGAIN: expected"),
        ("fork@2=EAGAIN", "fork@2=AGAIN", 9, "fault: fork@2=AGAIN: expected"),
        ("cuts merge", "cuts emerge", 10, "vary: emerge: expected none cuts"),
        ("       # not the others: AUTHUP-ERR-4\n", "", 10, "why not schedule slow eintr faults"),
        ("title: a", "slow: long\ntitle: a", 1, "slow: expected seconds"),
        ("title: a", "draft: yes\ntitle: a", 1, "a draft cannot be level must"),
        ("+5s", "+11s", 1, "it waits for 11 s: expected `slow: 11`"),
        ("+5s", "+5s\nS! silent 6s\nA! wait 6s", 29, "seconds of a silence in one place"),
        ("S! tls", "S! tls\nST! silent 6s", 1, "it waits for 11 s"),
        # rules
        ("AUTHUP-SMTP-1 A", "AUTHUP-SMTP-7 AUTHUP-SMTP-1 A", 2, "AUTHUP-SMTP-7 is no rule"),
        ("# [AUTHUP-EXIT-1]", "# [AUTHUP-EXIT-1 AU-1]", 36, "AU-1 is no rule"),
        ("# [AUTHUP-EXIT-1]", "# [AUTHUP-EXIT-1 CTL-1]", 36, "CTL-1 does not stand in the header"),
        ("authup  uid=0", "# [CTL-1]\nauthup  uid=0", 41, "CTL-1 does not stand in the header"),
        ("# [AUTHUP-EXIT-1]\n", "", 2, "warning: AUTHUP-EXIT-1 stands above no line"),
        ("# [AUTHUP-EXIT-1]", "# [AUTHUP-EXIT-1 UTLS-3]", 36, "warning: UTLS-3 binds the fakes"),
        ("    s: y", "\n# [AUTHUP-EXIT-1]\n    s: y\n", 35, "[AUTHUP-EXIT-1] stands above no expected line"),
        ("    s: y", "#[AUTHUP-EXIT-1]\n    s: y", 34, "expected `# [RULE]`"),
        ("    s: y", "# see [AUTHUP-EXIT-1]\n    s: y", 34, "expected `# [RULE]`"),
        # lanes
        ("env:   UCSPITLS=\n", "", 22, "S! tls cannot come: there is no TLS front end"),
        ("env:   UCSPITLS=\n", "", 23, "CT: cannot come: there is no TLS front end"),
        ("fd7=open", "tlsfds=none", 29, "ST: cannot come: there is no TLS front end"),
        ("{checkpassword}", "checkpassword", 25, "fd3: cannot come: {checkpassword} does not"),
        ("{checkpassword}", "checkpassword", 26, "K! exit cannot come: {checkpassword} does not"),
        ("{prog}", "prog", 32, "c! start cannot come: no inner program"),
        ("{prog}", "prog", 34, "s: cannot come: no inner program"),
        ("fd7=open", "stderr=closed", 38, "E: cannot come: standard error is closed or full"),
        # order
        ("S! tls", "CT: x\nS! tls", 23, "CT: cannot be reached before `S! tls`"),
        ("CT: AUTH", "T! env A=1\nCT: AUTH", 24, "T! env must stand above `S! tls`"),
        ("E: bye", "E: bye\nS: x", 39, "S: cannot be reached behind line 37"),
        ("E: bye", "E: bye\nC: x", 39, "C: cannot be reached behind line 37"),
        ("E: bye", "S! eof\nE: bye", 38, "S! eof cannot be reached behind line 37"),
        ("E: bye", "A! wait 1s\nE: bye", 38, "A! wait cannot be reached behind line 37"),
        ("    s! exit 0", "    s! exit 0\n    s: z", 36, "s: cannot be reached behind line 35"),
        ("    c: x", "    c! eof\n    c: x", 34, "c: cannot be reached behind line 33"),
        ("    c: x", "    c! killed TERM\n    s: x", 34, "s: cannot be reached behind line 33"),
        ("S! tls", "C! eof\nS! tls\nC: x", 25, "C: cannot be reached behind line 23"),
        ("S! tls", "C! hangup\nS! tls\nS: x", 25, "S: cannot be reached behind line 23"),
        ("S! tls", "S! eof\nS! tls\nS: x", 25, "S: cannot be reached behind line 23"),
        ("ST: {any}", "ST! eof\nST: x", 32, "ST: cannot be reached behind line 31"),
        ("    K! exit 1", "    K! exit 1\n    K! hang", 27, "K! hang: expected fd3: or K! unread above"),
        ("CT: AUTH", "    K! exec\nCT: AUTH", 24, "K! exec: expected fd3: or K! unread above"),
        # bytes
        ("# nobody minds the words", "\n# [AUTHUP-ERR-4]", 32, "warning: {any} and {re:} are a last resort"),
        ("\nC: STARTTLS", "\nS: x\n |: {re:[0-9]}", 22, "warning: {any} and {re:} are a last resort"),
        # sections
        ("-- processes --", "-- proceses --", 39, "-- proceses --: expected talk, processes"),
        ("authdelay octets", "authdelay octet", 15, "-- control/authdelay octet --: expected talk"),
        ("-- control/me --", "-- control/me/ --", 13, "a directory has no lines"),
        ("mail.example.org\n-- c", "mail.example.org \n-- c", 14, r"blanks at the end of the line; \s"),
        ("exit=1\n", "exit:1\n", 40, "exit:1: expected k=v"),
        ("-- control/me --", "-- control/you --", 13, "warning: nobody reads control/you"),
        (
            "-- control/me --",
            "-- control/fixsmtpio --",
            13,
            "warning: nobody in this chain reads control/fixsmtpio",
        ),
        ("-- control/me --", "-- home/x --", 13, "warning: nobody reads home/x"),
    ],
)
def test_every_complaint(find: str, put: str, line: int, text: str) -> None:
    assert GOOD.count(find) >= 1
    found = [str(complaint) for complaint in lint(GOOD.replace(find, put, 1))]
    wanted = re.compile(rf"x\.talk:{line}: (error|warning): .*")
    assert [c for c in found if wanted.fullmatch(c) and text in c], "\n".join(found)


@pytest.mark.parametrize(
    ("find", "put"),
    [
        ("UCSPITLS=", "UCSPITLS=!"),
        ("C: STARTTLS", "C: STARTTLS\n#\n"),
        ("    c! start uid=1001", "    s! exit 3\n    c! start uid=1001"),
        ("E: bye", "    c! killed TERM\n    K! killed TERM\nE: bye"),
        ("E: bye", "E: bye {file:control/me}"),
        ("-- control/me --", "-- x/script --\nexit\n-- control/me --"),
        ("title: a", "slow: 12\ntitle: a"),
        ("       # not the others: AUTHUP-ERR-4\nvary", "vary"),
    ],
)
def test_what_is_fine(find: str, put: str) -> None:
    text = GOOD.replace(find, put, 1).replace("{prog}", "{prog} x/script")
    assert lint(text) == []


def test_a_table_is_looked_at_row_by_row_and_complained_of_once() -> None:
    text = TABLE.replace("AUTHUP-SMTP-4", "NO-1").replace("S: x", "S: x\nCT: y")
    assert [str(complaint).partition(": ")[2] for complaint in lint(text)] == [
        "error: NO-1 is no rule of rules.md",
        "error: NO-1 is no rule of rules.md",
        "error: CT: cannot come: there is no TLS front end without `env: UCSPITLS=`",
        "error: CT: cannot be reached before `S! tls`",
    ]


def test_columns_that_nobody_uses() -> None:
    (complaint,) = lint(TABLE.replace("title: {what}", "title: x"))
    assert str(complaint) == "x.talk:4: warning: the column what is used nowhere"
    (complaint,) = lint(
        TABLE.replace("each:  what = one | two\n", "")
        .replace("each:  rule = ", "")
        .replace("AUTHUP-SMTP-1 | AUTHUP-SMTP-4\n", "", 1)
        .replace("{what}", "x")
        .replace("-- talk", "-- each --\nrule | more\nAUTHUP-SMTP-1 | 1\n-- talk")
    )
    assert complaint.text == "the column more is used nowhere"


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "x.talk"
    path.write_text(GOOD)
    assert linter.lint_file(path, CATALOGUE) == []
    path.write_bytes(b"\xff")
    assert [str(complaint) for complaint in linter.lint_file(path, CATALOGUE)] == [
        f"{path}:1: error: expected UTF-8 (invalid start byte)"
    ]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_scenarios_have_no_errors(path: Path) -> None:
    found = linter.lint_file(path, CATALOGUE)
    assert [str(complaint) for complaint in found if complaint.weight is Weight.ERROR] == []


OURS = """\
title: our front end in front of our server
rules: UTLS-3 POP-2
run:   ucspitlsd ofmipd
needs: fakes

-- /etc/anything --
x
-- talk --
S: 220 ofmipd.local ESMTP
CT: NOOP
# [UTLS-3]
ST: 250 ok
S! silent 20s
# [POP-2]
S! exit 0
"""


def test_our_fakes_may_stand_alone_and_have_a_tls_of_their_own() -> None:
    assert lint(OURS) == []
    found = {str(complaint).partition(": ")[2] for complaint in lint(OURS.replace("needs: fakes\n", ""))}
    assert {
        "error: it waits for 20 s: expected `slow: 20`",
        "error: run: expected {ofmipd}, or `needs: fakes` for our own",
        "warning: UTLS-3 binds the fakes: expected `needs: fakes`",
        "warning: nobody reads /etc/anything",
    } <= found


def test_the_orders_of_our_front_end_are_not_seen() -> None:
    (complaint,) = lint(OURS.replace("CT: NOOP", "S! tls"))
    assert (complaint.line, "there is no TLS front end" in str(complaint)) == (10, True)
