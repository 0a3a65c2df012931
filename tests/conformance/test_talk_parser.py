"""Reading .talk files: what every line becomes, and FILE:LINE for what is none."""

from pathlib import Path

import pytest

from conformance.format.talk import VARIATIONS, Alternative, Entry, Gap, Happen, Mark, Note, Say, Step
from conformance.format.talk_parser import TalkError, parse, read

LOGIN = """\
# a comment
title: AUTH PLAIN hands the connection over
rules: AUTHUP-SMTP-1 CNR-1

run:   {authup} smtp {checkpassword} {ofmipd}
users: alice secret uid=1001
users: bob  x
needs: root, generation=reup
vary:  cuts, merge
       # not slow: CNR-1

-- control/smtpgreeting --
mail.example.org
-- talk --
S: 220 mail.example.org ESMTP

C: AUTH PLAIN {b64:\\0alice\\0secret}
    fd3: alice\\0secret\\0\\0
# [AUTHUP-ERR-4 CNR-1 ordered] five seconds
+5.5s
S: 535 no
 |: 535 never
 |info: 535
S:
S! exit 1
# words only
-- processes --
authup  exit=1
"""


def steps(*lines: str) -> tuple[Step, ...]:
    return parse("-- talk --\n" + "".join(line + "\n" for line in lines)).steps


def test_a_file_is_what_was_written() -> None:
    talk = parse(LOGIN, name="login", file="login.talk")
    assert (talk.name, talk.file, talk.row) == ("login", "login.talk", {})
    assert talk.header[0] == Entry("#", "# a comment", 1)
    assert talk.header[3] == Entry("", "", 4)
    assert talk.header[-2] == Entry("#", "       # not slow: CNR-1", 10)
    assert [(section.name, section.line) for section in talk.sections] == [
        ("control/smtpgreeting", 12),
        ("talk", 14),
        ("processes", 27),
    ]
    assert talk.steps == (
        Say("S", "220 mail.example.org ESMTP", 15),
        Gap(16),
        Say("C", r"AUTH PLAIN {b64:\0alice\0secret}", 17),
        Say("fd3", r"alice\0secret\0\0", 18),
        Note(
            "# [AUTHUP-ERR-4 CNR-1 ordered] five seconds",
            ("AUTHUP-ERR-4", "CNR-1"),
            ordered=True,
            line=19,
        ),
        Mark(5.5, 20),
        Say(
            "S",
            "535 no",
            21,
            (Alternative("non-strict", "535 never", 22), Alternative("info", "535", 23)),
        ),
        Say("S", "", 24),
        Happen("S", "exit 1", 25),
        Note("# words only", (), ordered=False, line=26),
    )


def test_the_header_can_be_asked() -> None:
    talk = parse(LOGIN)
    assert talk.rules == ("AUTHUP-SMTP-1", "CNR-1")
    assert talk.all("users") == ["alice secret uid=1001", "bob  x"]
    assert talk.one("as", "nobody") == "nobody"
    assert talk.needs == {"root": "", "generation": "reup"}
    assert talk.level == "must"
    assert talk.vary == ("cuts", "merge")
    assert parse("-- talk --").vary == VARIATIONS
    assert parse("vary: none\n-- talk --").vary == ()


def test_a_section_is_found_with_and_without_octets() -> None:
    talk = parse("-- control/me octets --\n\\0\n-- talk --")
    section = talk.section("control/me")
    assert section is not None
    assert section.lines == ("\\0",)
    assert talk.section("control") is None


def test_blanks_inside_a_line_are_bytes() -> None:
    assert steps("C:  two", "    c:   three") == (Say("C", " two", 2), Say("c", "  three", 3))


def test_a_line_of_blanks_is_empty() -> None:
    assert steps("   ", "") == (Gap(2), Gap(3))


def test_columns_may_stand_for_rules_and_seconds() -> None:
    assert steps("# [{rule}] why", "+{delay}s") == (
        Note("# [{rule}] why", ("{rule}",), ordered=False, line=2),
        Mark(0.0, 3, "delay"),
    )


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("", 1, "expected a section `-- talk --`"),
        ("title: x\n\n", 2, "expected a section `-- talk --`"),
        ("-- talk --\n-- talk --", 2, "expected one section talk"),
        ("-- talk --\n-- control/me --\n-- control/me octets --", 3, "expected one section control/me"),
        ("title: x\nS: hello\n-- talk --", 2, "unknown key 'S'"),
        ("Title: x\n-- talk --", 1, "unknown key 'Title'"),
        ("title\n-- talk --", 1, "expected `key: value`"),
        (" title: x\n-- talk --", 1, "expected `key: value`"),
        ("title: x\ntitle: y\n-- talk --", 2, "expected 'title' once"),
        ("-- talk --\nS: x\r\n", 2, "expected no CR"),
        ("-- talk --\n\nX: hello", 3, "expected `GUTTER: text`"),
        ("-- talk --\nS:hello", 2, "expected `GUTTER: text`"),
        ("-- talk --\nfd3! eof", 2, "expected `GUTTER: text`"),
        ("-- talk --\nS!", 2, "expected `GUTTER: text`"),
        ("-- talk --\n+5", 2, "expected `GUTTER: text`"),
        ("-- talk --\n\tS: x", 2, "expected `GUTTER: text`"),
        ("-- talk --\nS: x ", 2, "a raw blank at the end of the line"),
        ("-- talk --\nS: x\t", 2, "a raw blank at the end of the line"),
        ("-- talk --\n# x ", 2, "a raw blank at the end of the line"),
        ("-- talk --\nS: \\q", 2, r"\\q: expected one of"),
        ("-- talk --\nS: x\n |: {b64:", 3, "expected } after {"),
        ("-- talk --\n |: x", 2, "below the expected line"),
        ("-- talk --\nS: x\n\n |: x", 4, "below the expected line"),
        ("-- talk --\nC: x\n |: y", 3, "below the expected line"),
        ("-- talk --\n# [sic] words", 2, "'sic': expected a rule id"),
        ("-- talk --\n# [AUTHUP-ERR-*] words", 2, "expected a rule id"),
        ("-- talk --\n-- processes --\nauthup\n  # [sic]", 4, "'sic': expected a rule id"),
    ],
)
def test_errors_name_file_line_and_expectation(text: str, line: int, reason: str) -> None:
    with pytest.raises(TalkError, match=reason) as caught:
        parse(text, file="bad.talk")
    assert str(caught.value).startswith(f"bad.talk:{line}: ")
    assert (caught.value.file, caught.value.line) == ("bad.talk", line)


def test_a_scenario_is_named_after_its_path(tmp_path: Path) -> None:
    path = tmp_path / "authup" / "login.talk"
    path.parent.mkdir()
    path.write_text(LOGIN)
    assert read(path, tmp_path).name == "authup/login"
    assert read(path).name == "login"
    assert read(path).file == str(path)


def test_a_file_is_utf_8_with_line_feeds(tmp_path: Path) -> None:
    path = tmp_path / "x.talk"
    path.write_bytes(b"title: \xff\n-- talk --\n")
    with pytest.raises(TalkError, match=r"x\.talk:1: expected UTF-8"):
        read(path)
    path.write_bytes(b"title: x\r\n-- talk --\r\n")
    with pytest.raises(TalkError, match=r"x\.talk:1: expected no CR"):
        read(path)
