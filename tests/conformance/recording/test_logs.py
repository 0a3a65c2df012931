"""Logs of recordio and FIXSMTPIODEBUG: sessions, what is shown of them, scenarios, and garbage."""

import base64
import io
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from conformance import cli
from conformance.format.talk_parser import parse
from conformance.recording.following import followed
from conformance.recording.log_lines import understand
from conformance.recording.log_reading import READERS
from conformance.recording.log_scenario import chain
from conformance.recording.log_sessions import Log
from conformance.recording.log_showing import Live, shown
from conformance.recording.passwords import Passwords

SUBMISSION = b"""tcpserver: pid 77 from 127.0.0.1
tcpserver: ok 77 localhost:127.0.0.1:25 :192.0.2.1::4711
77 > 220 mail.example.org ESMTP\r\x20
authup 78 protocol smtp
77 < EHLO client.example\r\x20
77 > 250-mail.example.org\r\x20
77 > 250-AUTH LOGIN PLAIN\r\x20
77 > 250 PIPELINING\r\x20
77 < AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\x20
77 > 235 ok, go ahead (#2.0.0)\r\x20
77 < NO+
77 < OP\r\x20
77 > 250 ok\r\x20
77 < QUIT\r\x20
77 > 221 mail.example.org\r\x20
77 < [EOF]
77 > [EOF]
tcpserver: end 77 status 0
"""
FILTER = b"""fixsmtpio 5 ofmipd 6 3: 220 ofmipd.local ESMTP\r
fixsmtpio 5 ofmipd 6 4: 220 mail.example.org ESMTP\r
fixsmtpio 5 ofmipd 6 1: AUTH PLAIN ***
fixsmtpio 5 ofmipd 6 2: NOOP AUTH PLAIN ***
fixsmtpio 5 ofmipd 6 3: 250 ok\r
fixsmtpio 5 ofmipd 6 4: 502 unimplemented (#5.5.1)\r
fixsmtpio 5 ofmipd 6 1: DATA\r
fixsmtpio 5 ofmipd 6 2: DATA\r
fixsmtpio 5 ofmipd 6 3: 354 go ahead\r
fixsmtpio 5 ofmipd 6 4: 354 go ahead\r
fixsmtpio 5 ofmipd 6 D: half a
fixsmtpio 5 ofmipd 6 D:  line\r
fixsmtpio 5 ofmipd 6 D: .\r
fixsmtpio 5 ofmipd 6 3: 250 ok\r
fixsmtpio 5 ofmipd 6 4: 250 ok\r
"""
RULES = ":auth:NOOP :*::502 unimplemented (#5.5.1)\n:greeting::2*::&fixsmtpio\n"
CHAIN = "recordio /var/qmail/bin/authup smtp checkpassword ofmipd"


def read(data: bytes) -> Log:
    log = Log(READERS)
    for line in data.split(b"\n"):
        log.feed(line)
    return log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "current"
    path.write_bytes(SUBMISSION)
    return path


def attach(*words: object) -> int:
    return cli.main(["attach", *map(str, words)])


def test_a_session_of_recordio_is_shown_without_its_password(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attach(log) == 0
    assert capsys.readouterr().out == (
        """S: 220 mail.example.org ESMTP

C: EHLO client.example
S: 250-mail.example.org
S: 250-AUTH LOGIN PLAIN
S: 250 PIPELINING

C: AUTH PLAIN {b64:\\0alice\\0made-up-1}
S: 235 ok, go ahead (#2.0.0)

C: NOOP
S: 250 ok

C: QUIT
S: 221 mail.example.org
C! eof
S! eof
S! exit 0
"""
    )


def test_it_is_saved_and_replayed(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    talk = tmp_path / "x.talk"
    assert attach(log, "--run", CHAIN, "--save", talk, "--replay") == 0
    assert "lint: ok" in capsys.readouterr().out
    text = talk.read_text()
    assert "run:   {authup} smtp {checkpassword} {ofmipd}\n" in text
    assert "users: alice made-up-1 uid=1001\n" in text
    assert "-- control/smtpcapabilities --\nPIPELINING\n-- control/smtpgreeting --\nmail.example" in text
    assert "passwords are made up" in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("reply", "end"),
    [
        (b"454 authup temporary authentication failure (#4.7.0)", "+5s\nS: 454 authup temporary"),
        (b"454 authup aack, child crashed (#4.3.0)", "S: 454 authup aack"),
    ],
)
def test_checkpassword_in_trouble(log: Path, tmp_path: Path, reply: bytes, end: str) -> None:
    accepted, _, rest = SUBMISSION.partition(b"235 ok, go ahead (#2.0.0)")
    if b"crashed" in reply:  # which ends authup
        rest = b"\r \n77 > [EOF]\n"
    log.write_bytes(accepted + reply + rest)
    talk = tmp_path / "x.talk"
    assert attach(log, "--run", CHAIN, "--save", talk, "--replay") == 0
    text = talk.read_text()
    assert re.search(r"^    fd3: .*\n    K! (exit 111|signal KILL)$", text, re.MULTILINE)
    assert end in text


def test_a_replay_that_differs_tells_where(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_bytes(SUBMISSION.replace(b"250-AUTH LOGIN PLAIN", b"250-AUTH CRAM-MD5"))
    assert attach(log, "--run", CHAIN, "--replay") == 1
    out = capsys.readouterr().out
    assert re.search(r"^  line [0-9]+: S: 250-AUTH CRAM-MD5$", out, re.MULTILINE)
    assert "  got       250-AUTH LOGIN PLAIN\\r\\n\n" in out


def test_a_session_of_fixsmtpio_with_its_control_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "control").mkdir()
    (tmp_path / "control" / "me").write_text("mail.example.org\n")
    (tmp_path / "control" / "fixsmtpio").write_text(RULES)
    (tmp_path / "log").write_bytes(FILTER)
    talk = tmp_path / "x.talk"
    words = ("--home", tmp_path, "--save", tmp_path / "x", "--replay")
    assert attach(tmp_path / "log", *words) == 0, capsys.readouterr()
    text = talk.read_text()
    assert f"-- control/fixsmtpio --\n{RULES}" in text
    assert "C: half a line\nC: .\n    c: half a line\n    c: .\n" in text
    whole = "tcpserver 0 26 reup -t 5 authup smtp checkpassword checknotroot fixsmtpio ofmipd"
    assert attach(tmp_path / "log", "--home", tmp_path, "--replay", "--run", whole) == 0, "from fixsmtpio on"
    (tmp_path / "control" / "fixsmtpio").write_text("")
    assert attach(tmp_path / "log", "--home", tmp_path, "--replay") == 1
    assert attach(tmp_path / "log", "--replay", "--run", "authup smtp checkpassword ofmipd") == cli.USAGE
    assert "expected fixsmtpio in it" in capsys.readouterr().err


def test_sessions_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    again, other = SUBMISSION, SUBMISSION.replace(b"77 ", b"78 ")
    pairs = zip(io.BytesIO(SUBMISSION), io.BytesIO(other), strict=True)
    mixed = b"".join(line for pair in pairs for line in pair)
    (tmp_path / "log").write_bytes(mixed + again + FILTER)
    assert attach(tmp_path / "log") == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["77", "78", "77/2", "5"]
    assert lines[0].endswith("14 lines  192.0.2.1  EHLO AUTH NOOP QUIT")
    assert attach(tmp_path / "log", "--session", "77/2") == 0
    assert capsys.readouterr().out == "\n".join(shown(read(SUBMISSION).sessions[0])) + "\n"


def test_no_password_stands_in_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    login = b"77 < AUTH LOGIN\r \n77 < QWxhZGRp\r \n77 < PASSwordX\r \n77 < QUIT\r \n"
    (tmp_path / "log").write_bytes(login + FILTER)
    assert attach(tmp_path / "log") == 0
    assert capsys.readouterr().out.startswith("77          no times  4 lines  AUTH QUIT\n")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--session", "9"], "no session 9: expected one of 77"),
        (["--replay"], "expected --run CHAIN"),
        (["--run", "authup smtp checkpassword fixsmtpio recordio ofmipd", "--replay"], "use FIXSMTPIODEBUG"),
        (["--run", "authup smtp checkpassword ofmipd", "--replay", "--home", "/nowhere"], "/nowhere/control"),
        (["--run", "cat", "--save", "/dev/null"], "--run: expected one of"),
        (["--run", "authup 'smtp", "--save", "/dev/null"], "--run: No closing quotation"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    log: Path, words: list[str], expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attach(log, *words) in (0, cli.USAGE)
    told = capsys.readouterr()
    assert expected in told.err + told.out
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ("tcpserver 0 25 authup smtp checkpassword ofmipd", "{authup} smtp {checkpassword} {ofmipd}"),
        (
            'recordio /usr/bin/reup -t 5 authup smtp cvm fixsmtpio env RELAYCLIENT="" /usr/sbin/smtpd x',
            "{reup} -t 5 {authup} smtp cvm {fixsmtpio} env RELAYCLIENT= {smtpd} x",
        ),
        ("{authup} pop3 {checkpassword} {mine} Maildir", "{authup} pop3 {checkpassword} {mine} Maildir"),
    ],
)
def test_the_words_of_a_run_script(run: str, expected: str) -> None:
    assert " ".join(chain(run)) == expected


def test_a_log_of_others(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log.write_bytes(b"nothing\x1b[2J of ours\n")
    assert attach(log) == cli.USAGE
    assert capsys.readouterr().err.endswith(
        "expected lines of recordio, or of fixsmtpio with FIXSMTPIODEBUG\n"
    )
    assert attach(log.parent / "none") == cli.USAGE


def test_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(FILTER)))
    assert attach("-") == 0
    assert "C: AUTH PLAIN ***\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("front", "time"),
    [
        (b"", None),
        (b"@400000003b9aca0a1dcd6500 ", 1_000_000_000.5),
        (b"2001-09-09 01:46:40.500000000 ", 1_000_000_000.5),
        (b"2001-09-09T01:46:40.5+00:00 host recordio[12]: ", 1_000_000_000.5),
        (b"2001-09-09_01:46:40.50000 ", 1_000_000_000.5),
        (b"<22>Sep  9 01:46:40 mail tcpserver: ", 968463999.0 + 1),
        (b"Feb 31 01:46:40 mail tcpserver: ", None),
    ],
)
def test_what_loggers_put_in_front(front: bytes, time: float | None) -> None:
    line = understand(front + b"77 > 220 hi\r ", 1)
    assert (line.said, line.time) == (b"77 > 220 hi\r ", time)


def test_times_become_time_marks() -> None:
    lines = SUBMISSION.split(b"\n")
    stamped = [b"@400000003b9aca%02x00000000 %b" % (n * 5, line) for n, line in enumerate(lines)]
    told = list(shown(read(b"\n".join(stamped)).sessions[0]))
    assert told[:4] == ["S: 220 mail.example.org ESMTP", "", "+10s", "C: EHLO client.example"]


def test_syslog_escapes_and_lost_blanks() -> None:
    log = read(b"Sep  9 01:46:40 mail x: 7 > 220 hi#015\nSep  9 01:46:41 mail x: 7 > 220 cut")
    assert list(shown(log.sessions[0])) == ["S: 220 hi", "+1s", "S: 220 cut\\"]


@pytest.mark.skipif(shutil.which("recordio") is None, reason="NOT TESTED: recordio is not installed")
@pytest.mark.parametrize("said", [b"hi\r\n", b"", b"no end", b"\0\xff+ \n[EOF]\n \n+", b"x" * 5000 + b"\n"])
def test_bytes_pass_the_real_recordio(said: bytes, tmp_path: Path) -> None:
    (tmp_path / "said").write_bytes(said)
    done = subprocess.run(
        ["recordio", "cat", tmp_path / "said"], stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    (session,) = read(done.stderr).sessions
    assert b"".join(piece.data for piece in session.pieces if piece.lane == "S") == said


LOGINS = [
    ([b"AUTH PLAIN %b\r\n"], ["\0alice\0{}"]),
    ([b"auth plain\r\n", b"%b\r\n"], ["\0alice\0{}"]),
    ([b"AUTH LOGIN\r\n", b"YWxpY2U=\r\n", b"%b\r\n"], ["{}"]),
    ([b"AUTH LOGIN YWxpY2U=\r\n", b"%b\r\n"], ["{}"]),
    ([b"AUTH  PLAIN  %b\n"], ["\0alice\0{}"]),
    ([b"  AUTH PLAIN %b\r\n"], ["\0alice\0{}"]),
    ([b"AUTH CRAM-MD5\r\n", b"%b\r\n"], ["alice {}"]),
]


@given(st.sampled_from(LOGINS), st.sampled_from(["correct horse", "pa}ss\\{wo", "\x01odd\xff!"]), st.data())
def test_passwords_never_pass(
    login: tuple[list[bytes], list[str]], password: str, data: st.DataObject
) -> None:
    lines, (credentials,) = login
    plain = password.encode("latin-1")
    secret = base64.b64encode(credentials.encode().replace(b"{}", plain))
    passwords, out = Passwords(), b""
    for number, line in enumerate(lines):
        text = line % secret if b"%b" in line else line
        cut = data.draw(st.integers(0, len(text)))
        out += passwords.from_client(text[:cut]) + passwords.from_client(text[cut:])
        out += passwords.from_server(b"334 \r\n" if number < len(lines) - 1 else b"235 ok\r\n")
    again = b"oops " + plain + b"\r\n"
    if b"CRAM" not in lines[0]:
        out += passwords.from_client(again) + passwords.from_client(base64.b64encode(plain) + b"\r\n")
        assert [(login.user, login.accepted) for login in passwords.logins] == [(b"alice", True)]
    assert plain not in out
    assert secret not in out
    assert base64.b64encode(plain) not in out


@given(st.binary(min_size=1, max_size=30).filter(lambda b: not set(b) & set(b"\r\n")))
def test_passwords_of_pop3_never_pass(password: bytes) -> None:
    passwords = Passwords()
    passwords.from_server(b"+OK hi\r\n")
    out = passwords.from_client(b"USER alice\r\n" + b"PASS " + password + b"\r\n")
    assert out == b"USER alice\r\nPASS made-up-1\r\n"
    passwords.from_server(b"-ERR no\r\n")
    assert passwords.logins[0].accepted is False


@pytest.mark.parametrize(
    "start", [b"PASS\t", b"\tpass ", b"pass", b"PASS\0", b"AUTH\tPLAIN ", b"AUTH PLAIN\t"]
)
def test_passwords_of_clients_that_mistype_never_pass(start: bytes) -> None:
    out = Passwords().from_client(b"USER alice\r\n" + start + b"c2VjcmV0\r\n")
    assert b"c2VjcmV0" not in out
    assert out.startswith(b"USER alice\r\n" + start[:4])
    assert out.endswith(b"not-understood\r\n")


def test_a_reply_to_something_else_does_not_end_a_login() -> None:
    passwords = Passwords()
    passwords.from_server(b"220 hi\r\n")
    passwords.from_client(b"NOOP\r\nAUTH LOGIN\r\n")
    passwords.from_server(b"250 ok\r\n")
    assert b"c2VjcmV0" not in passwords.from_client(b"YWxpY2U=\r\nc2VjcmV0\r\n")
    passwords.from_server(b"334 \r\n334 \r\n235 ok\r\n")
    assert passwords.logins[0].accepted
    assert passwords.from_client(b"MAIL FROM:<>\r\n") == b"MAIL FROM:<>\r\n"


def test_a_refused_auth_hides_nothing_behind_it() -> None:
    passwords = Passwords()
    passwords.from_client(b"RSET\r\nNOOP\r\nAUTH LOGIN\r\n")
    passwords.from_server(b"250 ok\r\n250 ok\r\n503 no\r\n")
    assert passwords.from_client(b"MAIL FROM:<>\r\n") == b"MAIL FROM:<>\r\n"


def test_a_verb_without_anything_hides_nothing() -> None:
    lines = b"PASS\r\nAUTH\r\nAUTH PLAIN\r\n"
    assert Passwords().from_client(lines) == lines


def test_messages_are_not_touched() -> None:
    passwords = Passwords()
    passwords.from_client(b"DATA\r\n")
    passwords.from_server(b"354 go\r\n")
    message = b"AUTH PLAIN AGEAYg==\r\nPASS word\r\nhalf"
    assert passwords.from_client(message) == message


_LINES = st.sampled_from([*SUBMISSION.split(b"\n"), *FILTER.split(b"\n")])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(
    st.lists(
        st.one_of(
            _LINES,
            st.tuples(_LINES, st.integers(0, 40)).map(lambda cut: cut[0][: cut[1]]),
            st.binary(max_size=40).map(lambda data: b"77 > " + data),
            st.binary(max_size=40).map(lambda data: b"77 < " + data + b" "),
            st.binary(max_size=40).map(lambda data: b"fixsmtpio 5 x 6 1: " + data),
            st.binary(max_size=60),
        ),
        max_size=25,
    )
)
@example([b"77 < " + b"x" * 1_200_000 + b" ", b"77 > \0\0 "])
@example(SUBMISSION.split(b"\n")[8:])
def test_whatever_a_log_has(tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[bytes]) -> None:
    (tmp_path / "log").write_bytes(b"\n".join(lines))
    talk = tmp_path / "x.talk"
    for session in read(b"\n".join(lines)).sessions:
        words = (tmp_path / "log", "--session", session.id)
        assert attach(*words) == 0
        run = () if session.kind == "fixsmtpio" else ("--run", CHAIN)
        assert attach(*words, *run, "--save", talk, "--replay") in (0, 1)
        out = capsys.readouterr().out
        assert "lint: ok" in out, out
        assert "harness-error" not in out, out
        assert all(c >= " " or c == "\n" for c in out)
        parse(talk.read_text())


def test_what_is_written_is_shown_as_it_comes(tmp_path: Path) -> None:
    """Through a rotation of multilog's: the file gets another name, and there is a new one."""
    current, old = tmp_path / "current", tmp_path / "@4000"
    current.write_bytes(b"1\n2")
    waits = 0

    def wait(_seconds: float) -> None:
        nonlocal waits
        waits += 1
        match waits:
            case 1:
                with current.open("ab") as file:
                    file.write(b"2\n3\n")
            case 2:
                current.rename(old)
            case 3:
                with old.open("ab") as file:
                    file.write(b"4\n")
                current.write_bytes(b"5\n")
            case 4:
                current.write_bytes(b"6")
            case 5:
                with current.open("ab") as file:
                    file.write(b"\n")

    def told() -> Iterator[bytes]:
        for line in followed(current, wait):
            if line is not None:
                yield line
            if line == b"6":
                return

    assert list(told()) == [b"1", b"22", b"3", b"4", b"5", b"6"]


def test_live_lines_are_those_of_the_whole() -> None:
    log, live, told = Log(READERS), Live(), list[str]()
    for line in SUBMISSION.split(b"\n"):
        found = log.feed(line)
        told += live.show(found[1]) if found else []
    assert [line for line in told if line] == [line for line in shown(log.sessions[0]) if line][:-1]


def test_two_sessions_live(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(
        "sys.stdin", io.TextIOWrapper(io.BytesIO(b"7 > 220 a\r \n8 > 220 b\r \n7 < NOOP\r \n"))
    )
    assert attach("-", "--follow") == 0
    assert capsys.readouterr().out.split("\n") == [
        "S: 220 a",
        "       8  S: 220 b",
        "       7  ",
        "       7  C: NOOP",
        "",
    ]


def test_nothing_is_kept_of_a_log_that_is_followed() -> None:
    kept, followed = Log(READERS), Log(READERS, keep=False)
    lines = [*SUBMISSION.split(b"\n"), *FILTER.split(b"\n")] * 3
    ids = [[told[0].id for line in lines if (told := log.feed(line))] for log in (kept, followed)]
    assert ids[0] == ids[1]
    assert list(dict.fromkeys(ids[0])) == ["77", "5", "77/2", "77/3"]
    assert (followed.count, followed.sessions) == (kept.count, [])
    session, _ = followed.feed(b"77 > x") or pytest.fail("a line of recordio")
    assert session.pieces == []


def test_ctrl_c_ends_following(log: Path) -> None:
    conform = [sys.executable, "-m", "conformance", "attach", str(log), "--follow"]
    with subprocess.Popen(conform, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        while process.stdout.readline() != b"S! eof\n":
            pass
        process.send_signal(signal.SIGINT)
        assert process.communicate()[1] == b""
        assert process.returncode == cli.INTERRUPTED
