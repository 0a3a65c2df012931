"""`acceptutils`: usage, exit codes, output; and that nothing hostile gets through or breaks it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import checking.cli
from acceptutils import __version__
from checking import as_json, as_text, chain, checkup, files, trying
from checking.remarks import CODES, Severity
from conformance import rules
from tests.checking import test_chains, test_controls, test_rules
from tests.checking.house import CLEAN, RULES, SMTP, make

NAMES = (*files.KNOWN, *files.OTHERS)
ROOT = Path(__file__).parents[2]
FIELDS = st.lists(
    st.sampled_from(
        [b"", b"AUTHUP_USER", b"ehlo", b"2*", b"*[", b"5", b"&fixsmtpio", b"\x1b[2J", b"x y", b"#"]
    )
    | st.binary(max_size=6),
    max_size=7,
).map(b":".join)
CONTENTS = st.lists(FIELDS | st.binary(max_size=20), max_size=6).map(b"\n".join)
WORDS = st.lists(
    st.sampled_from([word.encode() for word in f"{SMTP} env A=b sh -c true softlimit -m 9 -u chpst".split()])
    | st.binary(min_size=1, max_size=8).filter(lambda word: b"\0" not in word),
    min_size=1,
    max_size=8,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    make(tmp_path, {"fixsmtpio": RULES})
    return tmp_path


def run(*args: object) -> int:
    try:
        return checking.cli.main([str(arg) for arg in args])
    except SystemExit as ended:
        return int(ended.code or 0)


@pytest.mark.parametrize(
    "args",
    [
        [],
        ["nonsense"],
        ["check", "--nonsense"],
        ["check", "a", "b"],
        ["check", "--"],
        ["check", "--reply", "ehlo=250 x"],
        ["check", "--try", "--reply"],
        ["check", "--try", "--reply", "ehlo"],
        ["check", "--try", "--reply", "elho=250 x"],
    ],
)
def test_usage_goes_to_standard_error(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    assert run(*args) == 2
    out, err = capsys.readouterr()
    assert (out, err.startswith("usage: acceptutils")) == ("", True)


@pytest.mark.parametrize("args", [["--help"], ["check", "--help"], ["--version"]])
def test_help_and_version(capsys: pytest.CaptureFixture[str], args: list[str]) -> None:
    assert run(*args) == 0
    out, err = capsys.readouterr()
    assert (err, out.startswith(("usage: acceptutils", f"acceptutils {__version__}\n"))) == ("", True)


def test_exit_codes(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("checking.permissions.check", lambda *_: [])
    assert run("check", home) == 0
    (home / "control/authdelay").write_bytes(b"0")
    assert run("check", home) == 0
    assert run("check", "--strict", home) == 1
    assert "no errors, 1 warning, no notes." in capsys.readouterr().out
    (home / "control/fixsmtpio").write_bytes(b"x")
    assert run("check", home) == 1
    assert capsys.readouterr().err == ""
    assert run("check", home / "nowhere") == 111
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"acceptutils: {home}/nowhere: No such file or directory\n")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("spool", "spool/control: No such file or directory (is {home} the qmail home?)"),
        ("control", "control/control: No such file or directory (is {home} the qmail home?)"),
        ("control/me", "control/me: Not a directory (is {home} the qmail home?)"),
    ],
)
def test_who_gives_what_is_in_the_home_is_told(
    home: Path, capsys: pytest.CaptureFixture[str], given: str, said: str
) -> None:
    (home / "spool/mail").mkdir(parents=True)
    assert run("check", home / given) == 111
    assert capsys.readouterr().err == f"acceptutils: {home}/{said.format(home=home)}\n"
    assert run("check", home / "spool/mail") == 111
    assert "?" not in capsys.readouterr().err


def test_the_home_is_that_of_the_environment(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QMAILHOME", str(home))
    run("check")
    assert f"What {home}/control/fixsmtpio does" in capsys.readouterr().out


def test_the_object(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = run("check", "--json", "--try", home, "--", *SMTP.replace("checknotroot", "").split())
    found = json.loads(capsys.readouterr().out)
    assert (code, found["exit"], found["version"]) == (1, 1, __version__)
    assert list(found) == [
        *(
            "version",
            "home",
            "exit",
            "errors",
            "warnings",
            "notes",
            "remarks",
            "rules",
            "programs",
            "transcript",
        ),
    ]
    (remark,) = [remark for remark in found["remarks"] if remark["code"] == "no-checknotroot"]
    assert remark.pop("text").startswith("Who guesses root's password")
    assert remark.pop("advice").startswith("Put checknotroot")
    assert remark == {
        "code": "no-checknotroot",
        "severity": "error",
        "file": "command line",
        "line": None,
        "rules": ["CNR-1", "CNR-5"],
    }
    assert found["rules"][0]["line"] == 1
    assert found["programs"][0]["words"].startswith("tcpserver ")
    assert "S: 235 ok, go ahead (#2.0.0)" in found["transcript"]


def test_the_text_names_file_line_and_rules(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "control/fixsmtpio").write_bytes(RULES + b"A:noop::5*:256:\n")
    run("check", home)
    out = capsys.readouterr().out
    assert (
        "control/fixsmtpio:7: error: bad-rule (FIX-RULE-5, FIX-GEN-4)\n    `A:noop::5*:256:` is no rule"
        in out
    )
    assert "\n    -> Correct it" in out


def test_a_reader_that_leaves(home: Path) -> None:
    check = [sys.executable, "-m", "checking", "check", str(home)]
    with subprocess.Popen(check, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
    assert process.returncode in {0, 1}


def test_codes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("check", "--codes") == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(CODES)


def test_each_code_is_tried_and_cites_rules_that_exist() -> None:
    tables = [*test_rules.TABLE, *test_rules.WHOLE, *test_controls.TABLE, *test_chains.TABLE]
    elsewhere = {
        "unreadable",
        "not-for-users",
        "writable",
        "foreign-owner",
        "dangling-link",
        "not-found",
        "not-executable",
        "setuid",
    }
    assert {row[0] for row in tables} | elsewhere == CODES.keys()
    known = set(rules.read())
    assert {rule for kind in CODES.values() for rule in kind.rules} <= known


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(contents=st.dictionaries(st.sampled_from(files.KNOWN), CONTENTS), words=WORDS)
def test_nothing_breaks_it_and_nothing_raw_gets_out(
    tmp_path: Path, contents: dict[str, bytes], words: list[bytes]
) -> None:
    given = {name: files.ControlFile(name, {**CLEAN, **contents}.get(name), None, None) for name in NAMES}
    home = files.Home(tmp_path, given)
    for taken in (None, chain.parse(words)):
        found = checkup.check(home, taken, {})
        text = as_text.text(found)
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", text)
        assert json.loads(as_json.text(found, 0))["remarks"] == [as_json.as_object(r) for r in found.remarks]
        assert all(remark.severity in Severity for remark in found.remarks)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(words=WORDS)
def test_any_command_line_can_be_tried(tmp_path: Path, words: list[bytes]) -> None:
    given = {name: files.ControlFile(name, CLEAN.get(name), None, None) for name in NAMES}
    trying.session(files.Home(tmp_path, given), chain.parse(words), {})


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(content=CONTENTS)
def test_any_rules_can_be_tried(tmp_path: Path, content: bytes) -> None:
    given = {
        name: files.ControlFile(name, {**CLEAN, "fixsmtpio": content}.get(name), None, None) for name in NAMES
    }
    assert trying.session(files.Home(tmp_path, given), chain.parse(trying.USUAL), {})


@pytest.mark.parametrize(
    "content", [b"a:b::c:\n" * 100_000, b":noop::" + b"*a?" * 20_000 + b":\n", b"\xff" * 10**6]
)
def test_large_files_take_bounded_time(tmp_path: Path, content: bytes) -> None:
    home = make(tmp_path, {"fixsmtpio": content})
    assert as_text.text(checkup.check(home, None, {}))
