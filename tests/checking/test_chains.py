"""Each code for command lines, and its nearest neighbour that has not; and how command lines are read."""

import os
import re
from pathlib import Path

import pytest

from checking import chain, checkup, files
from checking.programs import Role
from checking.remarks import Severity
from tests.checking.house import HOME_ITSELF, POP3, RULES, SMTP, codes, look, make

CHAIN = "reup -t 5 authup smtp checkpassword checknotroot fixsmtpio ofmipd"
# code, a command line that has it, one that has not
TABLE = [
    ("bad-usage", CHAIN.replace("-t 5", "-t five"), CHAIN),
    ("bad-usage", CHAIN.replace("smtp", "imap"), CHAIN),
    ("bad-usage", CHAIN.replace("authup", "authup -t 0"), CHAIN),
    ("bad-usage", "reup", CHAIN),
    ("bad-usage", "authup smtp checkpassword checknotroot", CHAIN),
    ("bad-usage", "authup smtp checkpassword checknotroot fixsmtpio", CHAIN),
    ("open-relay", CHAIN.replace("checkpassword", "/bin/true"), CHAIN),
    ("open-relay", CHAIN.replace("checkpassword", "true"), CHAIN.replace("checkpassword", "vchkpw")),
    ("open-relay", CHAIN.replace("checkpassword checknotroot", ""), CHAIN),
    ("open-relay", CHAIN.replace("checkpassword checknotroot", "env X=1"), CHAIN),
    ("open-relay", "fixsmtpio ofmipd", "fixsmtpio qmail-smtpd"),
    ("open-relay", "fixsmtpio env RELAYCLIENT= qmail-smtpd", "fixsmtpio env X= qmail-smtpd"),
    ("runs-as-root", "qmail-pop3d Maildir", "qmail-popup x checkpassword qmail-pop3d Maildir"),
    ("no-login", CHAIN.replace("checkpassword", "false"), CHAIN),
    ("no-login", "authup smtp env", CHAIN),
    ("no-checknotroot", CHAIN.replace("checknotroot", ""), CHAIN),
    ("no-checknotroot", POP3.replace("checknotroot", ""), POP3),
    ("checknotroot-place", "checknotroot " + CHAIN.replace("checknotroot", ""), CHAIN),
    ("checknotroot-place", CHAIN.replace("checkpassword checknotroot", "checknotroot checkpassword"), CHAIN),
    ("checknotroot-place", CHAIN.replace("checknotroot fixsmtpio", "fixsmtpio checknotroot"), CHAIN),
    ("no-fixsmtpio", CHAIN.replace("fixsmtpio", ""), CHAIN),
    ("fixsmtpio-place", "fixsmtpio " + CHAIN.replace("fixsmtpio", ""), CHAIN),
    ("fixsmtpio-place", "fixsmtpio " + CHAIN, CHAIN.replace("reup", "env X=1 reup")),
    ("fixsmtpio-with-pop3", POP3.replace("checknotroot", "checknotroot fixsmtpio"), POP3),
    ("wrong-server", CHAIN.replace("ofmipd", "qmail-pop3d Maildir"), CHAIN),
    ("wrong-server", POP3.replace("qmail-pop3d Maildir", "ofmipd"), POP3),
    ("listener-place", "reup " + SMTP, SMTP),
    ("listener-place", "tcpserver -u 0 0 25 sslserver -n 0 26 " + CHAIN, "softlimit sslserver 0 26 " + CHAIN),
    ("no-server", "authup smtp checkpassword /bin/true", CHAIN),
    ("no-server", CHAIN.replace("ofmipd", "env X=1"), CHAIN),
    ("no-maildir", POP3.replace("Maildir", ""), POP3),
    ("no-relayclient", CHAIN.replace("ofmipd", "qmail-smtpd"), CHAIN),
    (
        "no-relayclient",
        CHAIN.replace("ofmipd", "qmail-smtpd"),
        CHAIN.replace("ofmipd", "env RELAYCLIENT= qmail-smtpd"),
    ),
    ("endless-tries", CHAIN.replace("-t 5", ""), CHAIN),
    (
        "tries-multiply",
        CHAIN.replace("authup", "authup -t 5"),
        CHAIN.replace("reup -t 5 authup", "authup -t 5"),
    ),
    ("input-lost", CHAIN.replace("authup", "recordio authup"), CHAIN.replace("ofmipd", "recordio ofmipd")),
    ("passwords-in-log", "recordio " + CHAIN, CHAIN.replace("ofmipd", "recordio ofmipd")),
    ("tls-inside-reup", CHAIN.replace("authup", "s6-ucspitlsd authup"), "s6-ucspitlsd " + CHAIN),
    ("tls-missing", f"env UCSPITLS=! {SMTP}", f"env UCSPITLS=! {SMTP.replace('reup', 's6-ucspitlsd reup')}"),
    ("plaintext", SMTP.replace("127.0.0.1", "0"), SMTP),
    ("plaintext", "sslserver -n 0 26 " + CHAIN, "sslserver 0 26 " + CHAIN),
    ("plaintext", "sslserver -n 0 26 " + CHAIN, "env UCSPITLS=! sslserver -n 0 26 " + CHAIN),
    ("not-root", "setuidgid alice " + CHAIN, "setuidgid root " + CHAIN),
    ("not-root", SMTP.replace("-vRl0", "-vRl0 -u 1000"), SMTP),
    ("not-root", SMTP.replace("-vRl0", "-vURl0"), SMTP),
    ("runs-as-root", "tcpserver 0 25 fixsmtpio qmail-smtpd", "tcpserver -u 7 0 25 fixsmtpio qmail-smtpd"),
    ("memory", "softlimit -m 20000000 " + CHAIN, "softlimit -m 200000000 " + CHAIN),
    ("memory", "softlimit -a20000000 " + CHAIN, "softlimit -f20000000 " + CHAIN),
    ("memory", "chpst -m 50000000 " + CHAIN, CHAIN),
    ("filter-off", CHAIN.replace("fixsmtpio", "env NOFIXSMTPIO= fixsmtpio"), CHAIN),
    ("other-home", "env QMAILHOME=/nowhere " + CHAIN, CHAIN),
    ("unknown-program", CHAIN.replace("checkpassword", "our-password-check --x"), CHAIN),
    ("unknown-program", "our-limits 9 " + CHAIN, CHAIN),
    ("unknown-program", "sh -c 'authup smtp'", CHAIN),
    ("unknown-program", "tcpserver 127.0.0.1 110 qmail-pop3d Maildir", CHAIN),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("qmail")
    make(directory, {"fixsmtpio": RULES})
    return directory


def found(place: Path, words: str) -> list[str]:
    return codes(look(files.read(place), words))


@pytest.mark.parametrize("words", [CHAIN, SMTP, POP3, "exec " + SMTP])
def test_the_usual_ones_are_clean(place: Path, words: str) -> None:
    assert found(place, words) == []


@pytest.mark.parametrize(("code", "bad", "good"), TABLE)
def test_each_code(place: Path, code: str, bad: str, good: str) -> None:
    assert code in found(place, bad)
    assert code not in found(place, good)


def test_what_may_demand_tls_makes_it_a_note(place: Path) -> None:
    for words, severity in (("-n", Severity.WARNING), ("-n -x rules.cdb", Severity.NOTE)):
        seen = look(files.read(place), f"sslserver {words} 0 26 {CHAIN}").remarks
        assert [remark.severity for remark in seen if remark.code == "plaintext"] == [severity]


def test_a_relay_for_this_computer_only_is_a_warning(place: Path) -> None:
    for host, severity in (("127.0.0.1", Severity.WARNING), ("0", Severity.ERROR)):
        seen = look(files.read(place), f"tcpserver {host} 25 fixsmtpio ofmipd").remarks
        assert [remark.severity for remark in seen if remark.code == "open-relay"] == [severity]


@pytest.mark.parametrize(
    ("words", "roles"),
    [
        (SMTP, "LISTENER REUP AUTHUP LOGIN CHECKNOTROOT FIXSMTPIO SERVER"),
        ("tcpserver -v -u 7 -g 8 -c 40 -- 0 25 fixsmtpio qmail-smtpd", "LISTENER FIXSMTPIO SERVER"),
        ("envuidgid qmaild tcpserver -URHl0 0 25 fixsmtpio x y z", "WRAPPER LISTENER FIXSMTPIO UNKNOWN"),
        ("softlimit -a 9 -o5 setlock -nx file env -i A=b -u C authup smtp cvm-checkpassword x ofmipd",
         "WRAPPER WRAPPER WRAPPER AUTHUP LOGIN SERVER"),
        ("authup smtp softlimit -m 9 /usr/bin/checkpassword-pam -s smtp -- checknotroot x",
         "AUTHUP WRAPPER LOGIN CHECKNOTROOT UNKNOWN"),
        (
            "pgrphack env - A=b argv0 sslserver x -ne -vRl0 -x cdb 0 587 authup smtp nbcheckpassword ofmipd",
            "WRAPPER WRAPPER WRAPPER LISTENER AUTHUP LOGIN SERVER",
        ),
        ("authup smtp sh -c x ofmipd", "AUTHUP LOGIN SERVER"),
        ("ours ofmipd", "UNKNOWN SERVER"),
        ("bash -c x ofmipd", "SHELL"),
    ],
)  # fmt: skip
def test_how_a_command_line_is_read(words: str, roles: str) -> None:
    assert [p.role for p in chain.parse(words.encode().split()).programs] == [Role[r] for r in roles.split()]


@pytest.mark.parametrize(
    "words",
    ["argv0", "argv0 x", "tcpserver -v", "tcpserver 0", "env A=1", "softlimit -m", "env -u", "chpst -u"],
)
def test_one_that_breaks_off(place: Path, words: str) -> None:
    assert chain.parse(words.encode().split()).programs[-1].role in {
        *(Role.LISTENER, Role.WRAPPER, Role.UNKNOWN),
    }
    found(place, words)


def test_what_runs_as_whom(place: Path) -> None:
    programs = look(files.read(place), SMTP.replace("reup", "setuidgid alice reup")).programs
    assert [(words.split()[0], user) for words, _, user in programs] == [
        ("tcpserver", "whoever starts it, which should be root"),
        ("setuidgid", "whoever starts it, which should be root"),
        ("reup", "alice"),
        ("authup", "alice"),
        ("checkpassword", "alice"),
        ("checknotroot", "the user who has logged in"),
        ("fixsmtpio", "the user who has logged in"),
        ("ofmipd", "the user who has logged in"),
    ]


def test_programs_that_cannot_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("reup", "authup", "checkpassword", "checknotroot", "fixsmtpio", "ofmipd")
    home = make(tmp_path, {"fixsmtpio": RULES})
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in names:
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))

    def of_programs(words: str = CHAIN) -> list[str]:
        seen = [remark for remark in look(home, words).remarks if remark.place.file == "command line"]
        odd = [r for r in seen if r.code in HOME_ITSELF]
        return [f"{r.code} {' '.join(re.findall('`(.*?)`', r.text))}" for r in odd]

    reachable = all(place.stat().st_mode & 0o001 for place in programs.parents)
    closed = [] if reachable else [f"not-executable {programs}/{n}" for n in names[3:]]
    assert of_programs() == closed
    (programs / "checkpassword").chmod(0o4755)
    assert of_programs() == [f"setuid {programs}/checkpassword", *closed]
    (programs / "checkpassword").chmod(0o755)
    (programs / "authup").chmod(0o644)
    assert of_programs() == [f"not-executable {programs}/authup", *closed]
    (programs / "reup").unlink()
    assert of_programs() == [f"not-executable {programs}/authup", *closed, f"not-found {programs} reup"]
    assert of_programs(f"env PATH=/nowhere {CHAIN}")[1:] == [f"not-found /nowhere {' '.join(names)}"]
    (programs / "reup").touch()
    (remark,) = [r for r in look(home, f"/bin/env PATH=/nowhere {CHAIN}").remarks if r.code == "not-found"]
    assert (remark.severity, remark.advice.split(":")[0]) == (Severity.NOTE, f"They are in {programs}")
    monkeypatch.delenv("PATH")
    assert "not-found /nowhere/reup" in of_programs(CHAIN.replace("reup", "/nowhere/reup"))
    programs.chmod(0o755)
    (programs / "ofmipd").chmod(0o750)
    full = CHAIN.replace("ofmipd", f"{programs}/ofmipd")
    assert f"not-executable {programs}/ofmipd" in of_programs(full)
    assert os.access(programs / "ofmipd", os.X_OK)


def test_what_somebody_may_have_meant(tmp_path: Path) -> None:
    script = tmp_path / "run"
    script.write_text("#!/bin/sh\nexec authup smtp\n")
    home = make(tmp_path, {"fixsmtpio": RULES})

    def advice(*words: bytes) -> str:
        remarks = checkup.check(home, chain.parse(words), {}).remarks
        return next(remark.advice for remark in remarks if remark.code == "unknown-program")

    assert "backslash" in advice(b"\\", *CHAIN.encode().split())
    assert "backslash" in advice(b" ", *CHAIN.encode().split())
    assert "word by word" in advice(CHAIN.encode())
    assert "`env`" in advice(b"RELAYCLIENT=", *CHAIN.encode().split())
    assert "script" in advice(bytes(script))
    assert advice(bytes(tmp_path)) == advice(b"./run\0") == advice(bytes(tmp_path / "nothing")) == ""
    assert advice(bytes(tmp_path / "control/me")) == ""
