"""Sections -- NAME received --: all that somebody got, held against what was written when all is over."""

import pytest

from conformance import rules, targets
from conformance.differing.diff import draft
from conformance.differing.listening import listener
from conformance.format import lint as linter
from conformance.format import playable, received
from conformance.format.octets import parse as octets
from conformance.format.received import Line, Received
from conformance.format.talk import Talk
from conformance.format.talk_parser import TalkError, parse
from conformance.format.talk_writer import formatted
from conformance.playing import runner
from conformance.playing.beats import understand
from conformance.playing.received import Line as Expected
from conformance.playing.received import Received as Section
from conformance.playing.received import difference
from conformance.playing.verdicts import Kind, Result, Verdict
from conformance.reports.facts import Case
from conformance.varying.shrink import shrink
from conformance.varying.variation_plan import enumerate_variations
from conformance.varying.variations import BASE, Variation
from conformance.varying.variations import parse as variation
from conformance.varying.written import write_in

SIM = targets.read(targets.DEFAULTS)["sim"]
MESSAGE = """\
title: a message passes, a command behind it is filtered
rules: FIX-DATA-2 FIX-DATA-3 FIX-RULE-4
run:   {fixsmtpio} {ofmipd}

-- control/me --
mail.example.org
-- control/fixsmtpio --
:rset:X-:*::250 rset
-- talk --
    s: 220 ofmipd.local ESMTP

C: DATA
    s: 354 go ahead

C: Subject: x
C:
C: {repeat:3:ab}\\
C: \\x23 no comment
C: .
    s: 250 queued

C: RSET
    s: 250 ok

C: QUIT
    s: 221 ofmipd.local
    s! exit 0
S! eof
S! exit 0
-- ofmipd received --
DATA
# [FIX-DATA-2]
Subject: x

ababab\\
\\x23 no comment
.
# [FIX-DATA-3]
X-RSET
# that is all
QUIT
-- client received --
220 ofmipd.local ESMTP
354 {any}
250 queued
# [FIX-RULE-4]
250 rset
#
221 ofmipd.local
"""
LOGINS = """\
title: two calls, two servers
rules: AUTHUP-CP-1
run:   {authup} smtp {checkpassword} {ofmipd}
users: alice secret

-- control/me --
mail.example.org
-- talk --
S: 220 mail.example.org ESMTP
C: AUTH PLAIN {b64:\\0alice\\0wrong}
+5s
S: 535 authup authorization failed (#5.7.0)
C: AUTH PLAIN {b64:\\0alice\\0secret}
    c! start
    s: 220 hello
S: 220 hello
C: EHLO x
    s! exit 0
S! eof
S! exit 0
-- checkpassword received --
# [AUTHUP-CP-1]
alice\\0wrong\\0\\0
-- checkpassword 2 received --
alice\\0secret\\0\\0
-- ofmipd received --
EHLO x
"""


def play(text: str, under: Variation = BASE) -> Result:
    talk = parse(text, file="received.talk")
    playable.demand(talk)
    return runner.run(understand(talk), SIM, under)


def line_of(text: str, wanted: str, where: str = "-- ofmipd received --") -> int:
    """Return the number of a line below the one that says where."""
    lines = text.split("\n")
    return lines.index(wanted, lines.index(where)) + 1


@pytest.mark.parametrize("text", [MESSAGE, LOGINS])
def test_what_is_received_as_written_passes_under_every_quick_variation(text: str) -> None:
    score = understand(parse(text))
    variations = list(enumerate_variations(score, "quick", 7, "simulation"))
    assert len(variations) > 30
    for under in variations:
        result = play(text, under)
        assert (result.verdict, result.findings, result.reason) == (Verdict.PASS, (), ""), str(under)


@pytest.mark.parametrize(
    ("find", "put", "kind", "at", "got", "ids"),
    [
        ("ababab\\\n", "ababac\\\n", Kind.WRONG, "ababac\\", r"ababab# no comment\r\n", ["FIX-DATA-2"]),
        ("\n\nababab", "\nababab", Kind.WRONG, "ababab\\", r"\r\n", ["FIX-DATA-2"]),
        ("X-RSET\n", "RSET\n", Kind.WRONG, "RSET", r"X-RSET\r\n", ["FIX-DATA-3"]),
        ("that is all\nQUIT\n", "[FIX-DATA-2]\nQUIT\nQUIT\n", Kind.MISSING, "QUIT", "", ["FIX-DATA-2"]),
        ("X-RSET\n# that is all\nQUIT\n", "X-RSET\n", Kind.EXTRA, "X-RSET", r"QUIT\r\n", ["FIX-DATA-3"]),
        ("354 {any}", "354 {num:n}", Kind.WRONG, "354 {num:n}", r"354 go ahead\r\n", []),
        ("#\n221 ofmipd.local\n", "", Kind.EXTRA, "250 rset", r"221 ofmipd.local\r\n", ["FIX-RULE-4"]),
    ],
)
def test_a_difference_is_told_with_its_line(  # noqa: PLR0917 - a table
    find: str, put: str, kind: Kind, at: str, got: str, ids: list[str]
) -> None:
    assert MESSAGE.count(find) == 1
    text = MESSAGE.replace(find, put)
    where = "-- client received --" if "client" in MESSAGE[: MESSAGE.index(find)] else "-- ofmipd received --"
    line = line_of(text, at, where) + (kind is Kind.MISSING)  # the second QUIT
    result = play(text)
    assert result.finding is not None, result.reason
    assert (result.verdict, result.finding.kind, result.finding.line) == (Verdict.FAIL, kind, line)
    assert (result.finding.got, list(result.finding.rules)) == (got, ids)


@pytest.mark.parametrize(
    ("find", "put", "kind"),
    [
        ("CP-1]\nalice\\0wrong", "CP-1]\nalice\\0secret", Kind.WRONG),
        ("-- checkpassword 2 received --\nalice\\0secret\\0\\0\n", "", Kind.EXTRA),
        ("-- ofmipd received --", "-- checkpassword 3 received --\n-- ofmipd received --", Kind.MISSING),
        ("-- ofmipd received --\nEHLO x\n", "", Kind.EXTRA),
        ("    c! start\n    s: 220 hello\nS: 220 hello\nC: EHLO x\n    s! exit 0\n", "", Kind.MISSING),
    ],
)
def test_each_start_has_its_own_section(find: str, put: str, kind: Kind) -> None:
    assert LOGINS.count(find) == 1
    result = play(LOGINS.replace(find, put))
    assert result.finding is not None, result.reason
    assert result.verdict.bad
    assert result.finding.kind in (kind, Kind.HANG)


def test_an_empty_section_says_that_nothing_came() -> None:
    result = play(MESSAGE[: MESSAGE.index("DATA\n# [FIX")] + MESSAGE[MESSAGE.index("-- client") :])
    assert result.finding is not None
    assert (result.finding.kind, result.finding.got) == (Kind.EXTRA, r"DATA\r\n")
    assert result.finding.line == line_of(MESSAGE, "-- ofmipd received --")


def test_silence_is_not_broken_by_what_a_section_tells() -> None:
    text = MESSAGE.replace("C: RSET\n", "A! wait 3s\nC: RSET\n").replace("S! eof\n", "    c! eof\nS! eof\n")
    assert play(text).verdict is Verdict.FAIL  # nobody closes the server's input
    assert play(text.replace("    c! eof\n", "")).verdict is Verdict.PASS


def test_digits_are_the_same_as_in_the_talk() -> None:
    section = Section("client", 1, "S", (Expected(octets("{num:a} {num:b}", b"\r\n"), 4, ()),), 3)
    assert difference(section, b"1 2\r\n", {"a": b"1"}) is None
    found = difference(section, b"2 2\r\n", {"a": b"1"})
    assert found is not None
    assert (found.line, found.kind) == (4, Kind.WRONG)


def test_a_section_is_lines_with_rules_up_to_the_next_note() -> None:
    section, _ = received.sections(parse(MESSAGE))
    start = line_of(MESSAGE, "DATA")
    assert (section.actor, section.number, section.lane, section.line) == ("ofmipd", 1, "c", start - 1)
    assert section.lines[:3] == (
        Line("DATA", start, ()),
        Line("Subject: x", start + 2, ("FIX-DATA-2",)),
        Line("", start + 3, ("FIX-DATA-2",)),
    )
    assert section.lines[-1] == Line("QUIT", start + 10, ())
    first, second, _ = received.sections(parse(LOGINS))
    assert (first.actor, first.number, first.lane) == ("checkpassword", 1, "fd3")
    assert isinstance(second, Received)
    assert second.number == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a ", "a raw blank at the end of the line"),
        (r"\q", "expected one of"),
        ("{repeat", "expected }"),
        ("# [nonsense]", "expected a rule id"),
    ],
)
def test_lines_are_in_the_notation_of_the_talk(line: str, reason: str) -> None:
    with pytest.raises(TalkError) as caught:
        parse(f"-- talk --\n-- client received --\n{line}\n")
    assert (caught.value.line, reason in caught.value.reason) == (3, True)


def test_computed_bytes_must_be_known() -> None:
    with pytest.raises(TalkError, match=r"22: .*expected a section of that name"):
        understand(parse(LOGINS.replace("# [AUTHUP-CP-1]", "{file:a/b}")))


@pytest.mark.parametrize(
    ("text", "find", "put", "complaint"),
    [
        (MESSAGE, "C: RSET\n", "C: RSET\n    c: X-RSET\n", "c: cannot stand beside the section in line 31"),
        (MESSAGE, "S! eof\n", "S: x\nS! eof\n", "S: cannot stand beside the section in line 43"),
        (MESSAGE, "S! eof\n", "S! silent 1s\nS! eof\n", "S! silent cannot stand beside"),
        (MESSAGE, "-- ofmipd rec", "-- qmqpd rec", "qmqpd received: expected client, or a program"),
        (MESSAGE, "-- client rec", "-- fixsmtpio rec", "fixsmtpio received: expected client, or a program"),
        (MESSAGE, "-- ofmipd rec", "-- ofmipd 2 rec", "expected a section for the ofmipd before this one"),
        (MESSAGE, "-- ofmipd rec", "-- ofmipd one rec", "expected NAME received, or NAME 2 received"),
        (MESSAGE, "-- client rec", "-- client 2 rec", "there is one client"),
        (MESSAGE, "# that is all\n", "# [FIX-DATA-2]\n# and\n", "[FIX-DATA-2] stands above no expected line"),
        (MESSAGE, "# that is all\n", "# that is [FIX-DATA-2]\n", "expected `# [RULE]` if this rule is to"),
        (MESSAGE, "[FIX-DATA-2]", "[FIX-DATA-1]", "FIX-DATA-1 does not stand in the header's rules"),
        (LOGINS, "+5s\n", "    fd3: alice\\0wrong\\0\\0\n+5s\n", "fd3: cannot stand beside the section"),
        (LOGINS, "+5s\n", "    K! exit 1\n+5s\n", "K! cannot stand beside the section"),
    ],
)
def test_lint(text: str, find: str, put: str, complaint: str) -> None:
    assert not [str(c) for c in linter.lint(text, rules.read()) if c.weight == "error"]
    found = [c.text for c in linter.lint(text.replace(find, put, 1), rules.read())]
    assert any(complaint in line for line in found), found


def test_files_are_spoken_of_in_what_was_received() -> None:
    text = MESSAGE.replace("X-RSET\n", "X-RSET\n{file:letters/a}\n").replace(
        "-- talk", "-- letters/a --\n-- talk"
    )
    assert not [c for c in linter.lint(text, rules.read()) if "nobody reads" in c.text]


def test_rules_of_sections_count() -> None:
    line = line_of(MESSAGE, "X-RSET")
    assert [c.line for c in rules.citations(parse(MESSAGE))["FIX-DATA-3"]] == [line]
    assert Case.of(parse(MESSAGE)).asserted["FIX-DATA-3"] == (line,)


def test_the_form_leaves_them_alone() -> None:
    assert formatted(MESSAGE) == MESSAGE
    assert formatted(formatted(LOGINS)) == formatted(LOGINS)


@pytest.mark.parametrize("text", ["bytes", "multi=3", "merge=all"])
def test_variations_can_be_written_into_a_talk_with_sections(text: str) -> None:
    written = write_in(parse(MESSAGE, name="t"), variation(text))
    assert received.sections(written)[0].lines[0].text == "DATA"
    result = runner.run(understand(written), SIM, BASE)
    assert (result.verdict, result.reason) == (Verdict.PASS, "")


def test_shrinking_leaves_out_what_was_said_together_with_what_was_received() -> None:
    text = MESSAGE.replace("\nX-RSET\n", "\nY-RSET\n")

    def fails(talk: Talk, under: Variation) -> bool:
        finding = runner.run(understand(talk), SIM, under).finding
        return finding is not None and (finding.kind, finding.expected) == (Kind.WRONG, r"Y-RSET\r\n")

    shrunk = shrink(parse(text, name="t"), BASE, fails).talk
    section = next(section for section in shrunk.sections if section.name == "ofmipd received")
    assert section.lines == ("Y-RSET",)
    talk = shrunk.section("talk")
    assert talk is not None
    assert [line for line in talk.lines if "C:" in line] == ["C: RSET"]


def test_drafts_tell_all_in_the_talk() -> None:
    talk = parse(MESSAGE, name="t")
    written = draft(talk, listener(SIM)(understand(talk)))
    assert not received.sections(written)
    result = runner.run(understand(written), SIM, BASE)
    assert result.verdict in (Verdict.PASS, Verdict.INFO)
