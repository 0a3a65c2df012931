"""Command lines, usage lines and their exit codes, and how programs are found (BASE-1 to -5)."""

from pathlib import Path

import pytest

from tests.runtime.running import PROGRAMS, needs_root, run
from tests.sessions.real_chain import UID, Site

USAGE = {
    "reup": "reup: usage: reup [ -t tries ] prog\n",
    "authup": "authup: usage: authup [ -t tries ] <smtp|pop3> prog\n",
    "checknotroot": "checknotroot: usage: checknotroot prog\n",
    "fixsmtpio": "fixsmtpio: usage: fixsmtpio prog [ arg ... ]\n",
}
LOGGED_IN = {"AUTHUP_USER": "alice"}

MISUSES = [
    ("reup", "", 1, {}),
    ("reup -x true", "illegal option -- x", 1, {}),
    ("reup -xt 5 true", "illegal option -- x", 1, {}),
    ("reup --nonsense true", "illegal option -- -", 1, {}),
    ("reup -t", "option requires an argument -- t", 1, {}),
    ("reup -t ''  true", "", 1, {}),
    ("reup -t 5x true", "", 1, {}),
    ("reup -t +5 true", "", 1, {}),
    ("reup -t -1 true", "", 1, {}),
    ("reup -t 2147483648 true", "", 1, {}),
    ("reup -t 5", "", 1, {}),
    ("authup", "", 1, {}),
    ("authup imap true", "", 1, {}),
    ("authup -t 0 smtp true", "", 1, {}),
    ("authup -t five smtp true", "", 1, {}),
    ("authup -z smtp true", "illegal option -- z", 1, {}),
    ("authup -z smtp true", "illegal option -- z", 12, {"REUP": "1"}),
    ("authup smtp", "", 12, {"REUP": "3"}),
    ("checknotroot", "", 1, {}),
    ("checknotroot", "", 111, LOGGED_IN),
    ("fixsmtpio", "", 1, {}),
    ("fixsmtpio", "", 111, LOGGED_IN),
    ("fixsmtpio", "", 1, {"NOFIXSMTPIO": ""}),
    ("fixsmtpio", "", 111, {"NOFIXSMTPIO": "", **LOGGED_IN}),
    ("fixsmtpio -t 5 true", "illegal option -- t", 1, {}),
    ("fixsmtpio -q true", "illegal option -- q", 111, LOGGED_IN),
]


@pytest.mark.parametrize(
    ("command", "complaint", "code", "env"),
    MISUSES,
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_misuse_is_told_on_the_log_and_nothing_runs(
    site: Site, command: str, complaint: str, code: int, env: dict[str, str]
) -> None:
    """BASE-3, BASE-4, REUP-1, AUTHUP-GEN-1, CNR-2, FIX-GEN-1."""
    program = command.partition(" ")[0]
    done = run(site, command, env=env)
    log = (f"{program}: {complaint}\n" if complaint else "") + USAGE[program]
    assert (done.code, done.out, done.log.decode()) == (code, b"", log)


@pytest.mark.parametrize(
    ("command", "how"),
    [
        ("reup -t5 sh -c 'exit 3'", "5/5"),
        ("reup -t 9 -t3 sh -c 'exit 3'", "3/3"),
        ("reup -t 002 -- sh -c 'exit 3'", "2/2"),
        ("reup -t 1 sh -c 'exit 3' -t 4", "1/1"),
    ],
)
def test_options_stop_at_the_first_operand_and_the_last_one_wins(site: Site, command: str, how: str) -> None:
    done = run(site, command)
    assert done.code == 3
    assert done.log.splitlines()[-1].endswith(f" ({how}): exit 3".encode())


def test_the_largest_number_is_one(site: Site) -> None:
    done = run(site, "reup -t 2147483647 true")
    assert (done.code, done.log.endswith(b" (1/2147483647): exit 0\n")) == (0, True)


@pytest.mark.parametrize("option", ["--help", "--version"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_version_go_to_standard_output(site: Site, program: str, option: str) -> None:
    """BASE-5."""
    done = run(site, [program, option])
    assert (done.code, done.log) == (0, b"")
    assert program.encode() in done.out


@pytest.mark.parametrize("option", ["--help", "--version"])
@needs_root
def test_checknotroot_has_no_options_but_those_alone(site: Site, option: str) -> None:
    """CNR-2."""
    done = run(site, ["checknotroot", option, "x"], as_user=UID)
    log = f"checknotroot: unable to run {option}: No such file or directory\n"
    assert (done.code, done.out, done.log.decode()) == (111, b"", log)


@needs_root
def test_checknotroot_takes_an_option_for_a_program(site: Site) -> None:
    assert run(site, ["checknotroot", "-x", "true"], as_user=UID).log.startswith(
        b"checknotroot: unable to run -x: "
    )


@needs_root
@pytest.mark.parametrize(("real", "effective"), [(0, 0), (0, UID), (UID, 0)])
def test_checknotroot_refuses_root_of_either_kind(site: Site, real: int, effective: int) -> None:
    """CNR-1, CNR-4. The sh in front must not drop the effective UID before we see it."""
    done = run(site, f"setpriv --ruid {real} --euid {effective} -- checknotroot echo ran", sent=b"unread")
    assert (done.code, done.out, done.log) == (1, b"", b"checknotroot: WAS RUNNING AS ROOT, TERMINATING\n")


# How programs are found (BASE-1)


@pytest.fixture
def places(site: Site) -> Site:
    """Directories one, two and three on a PATH, with files that run, do not, and are no programs."""
    for number in ("one", "two", "three"):
        (site.directory / number).mkdir()
    write(site, "one/denied", "#!/bin/sh\necho one\n", 0o644)
    write(site, "two/plain", 'echo "$0" "$@"\n', 0o755)
    write(site, "two/denied-twice", "", 0o644)
    write(site, "three/denied", "#!/bin/sh\necho three\n", 0o755)
    write(site, "three/nowhere", "#!/no/such/interpreter\n", 0o755)
    (site.directory / "one" / "plain").mkdir()
    return site


def write(site: Site, name: str, text: str, mode: int) -> None:
    file = site.directory / name
    file.write_text(text)
    file.chmod(mode)


RUNNERS = {
    "reup": ("reup -t 1", "reup: unable to run {prog}: {reason}\n", 1),
    "checknotroot": ("checknotroot", "checknotroot: unable to run {prog}: {reason}\n", 111),
    "NOFIXSMTPIO": ("env NOFIXSMTPIO= fixsmtpio", "fixsmtpio: unable to exec\n", 111),
    "fixsmtpio": ("fixsmtpio", "fixsmtpio: unable to exec\n", 111),
}
by_exec_and_by_spawn = pytest.mark.parametrize("runner", ["checknotroot", "fixsmtpio"])


@needs_root
@by_exec_and_by_spawn
@pytest.mark.parametrize(
    ("prog", "says"),
    [
        ("plain", "{place}/two/plain 220"),  # a directory of that name is passed over; no #! means sh
        ("denied", "three"),  # what must not run is passed over
        ("{place}/two/plain", "{place}/two/plain 220"),
        ("./two/plain", "./two/plain 220"),
    ],
)
def test_programs_are_found_as_execvp_does(places: Site, runner: str, prog: str, says: str) -> None:
    place = str(places.directory)
    if runner == "fixsmtpio" and prog.startswith("."):
        prog, says = (text.replace("./two", "../two") for text in (prog, says))  # it runs in the qmail home
    command = f"{RUNNERS[runner][0]} {prog.format(place=place)} 220"
    env = {"PATH": f"{places.path}:{place}/one:{place}/missing:{place}/me/too:{place}/two:{place}/three"}
    done = run(places, command, env=env, cwd=places.directory, as_user=UID)
    if runner == "fixsmtpio":  # what it says is no greeting
        assert done.log == b"fixsmtpio: server ended without a greeting\n"
    else:
        assert (done.code, done.out.decode()) == (0, says.format(place=place) + "\n")


@needs_root
@pytest.mark.parametrize(
    ("runner", "prog", "reason"),
    [
        ("checknotroot", "nosuchprogram", "No such file or directory"),
        ("checknotroot", "denied-twice", "Permission denied"),
        ("checknotroot", "{place}/one/denied", "Permission denied"),
        ("checknotroot", "{place}/one", "Permission denied"),
        ("checknotroot", "{place}/two/nowhere", "No such file or directory"),
        ("checknotroot", "{place}/three/nowhere", "No such file or directory"),
        ("checknotroot", "nowhere", "No such file or directory"),
        ("checknotroot", "''", "No such file or directory"),
        ("reup", "nosuchprogram", "No such file or directory"),
        ("reup", "denied-twice", "Permission denied"),
        ("NOFIXSMTPIO", "nosuchprogram", ""),
        ("fixsmtpio", "nosuchprogram", ""),
        ("fixsmtpio", "{place}/one/denied", ""),
    ],
)
def test_the_reason_for_what_cannot_run(places: Site, runner: str, prog: str, reason: str) -> None:
    """REUP-7, CNR-3, FIX-GEN-6."""
    start, log, code = RUNNERS[runner]
    place = str(places.directory)
    prog = prog.format(place=place)
    env = {"PATH": f"{places.path}:{place}/one:{place}/two:{place}/three"}
    done = run(places, f"{start} {prog}", env=env, as_user=UID)
    said = log.format(prog=prog.strip("'"), reason=reason)
    assert (done.code, done.out, done.log.decode()) == (code, b"", said)


@needs_root
@by_exec_and_by_spawn
def test_without_path_the_system_is_searched(site: Site, runner: str, programs: Path) -> None:
    done = run(site, f"env -u PATH {programs}/{runner} echo 220 hello", as_user=UID)
    assert (done.code, done.out.rstrip()) == (0, b"220 hello")


def test_authup_and_fixsmtpio_work_in_the_qmail_home(site: Site) -> None:
    """BASE-2; also that authup finds ./ programs there, where it is by then."""
    site.script("../qmail/here", "echo 220 $(pwd -P)")
    assert run(site, "fixsmtpio ./here").out == f"220 {site.home}\r\n".encode()
    done = run(site, "authup -t 1 smtp ./here", sent=b"AUTH PLAIN AGEAYg==\r\n")
    assert done.out == f"220 mail.example.org ESMTP\r\n220 {site.home}\n".encode()


def test_checkpassword_that_cannot_be_run(site: Site) -> None:
    """AUTHUP-CP-5: exactly one reply, and the end."""
    login = b"AUTH PLAIN AGEAYg==\r\n"
    done = run(site, "authup smtp nosuchprogram", sent=login + login + b"NOOP\r\n")
    assert done.code == 12
    assert done.out == b"220 mail.example.org ESMTP\r\n454 authup unable to fork (#4.3.0)\r\n"
    done = run(site, "authup pop3 nosuchprogram", sent=b"USER a\r\nPASS b\r\nNOOP\r\n")
    assert done.code == 12
    assert done.out.splitlines()[1:] == [b"+OK ", b"-ERR authup unable to fork"]
