"""The units of examples/systemd: accepted by systemd, and a session under what they take away.

systemd itself does not run here: systemd-socket-activate takes the place of the socket unit, setpriv that
of CapabilityBoundingSet=.
"""

import configparser
import os
import poplib
import shlex
import shutil
import smtplib
import subprocess
from pathlib import Path

import pytest

from tests.examples.standing import EXAMPLES, free_port, service
from tests.runtime.running import needs_root, run
from tests.sessions.real_chain import UID, Site

UNITS = EXAMPLES / "systemd"
NAMES = ("submission", "pop3")

needs_systemd_analyze = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="NOT TESTED: systemd-analyze is not installed"
)
needs_socket_activate = pytest.mark.skipif(
    shutil.which("systemd-socket-activate") is None,
    reason="NOT TESTED: systemd-socket-activate is not installed",
)

NO_LOGIN_OR_NO_QUEUE = {
    *("nonewprivileges", "systemcallfilter", "systemcallarchitectures", "systemcalllog", "user", "group"),
    *("privatedevices", "lockpersonality", "memorydenywriteexecute", "dynamicuser", "privateusers"),
    *("protectclock", "protecthostname", "protecthome", "protectkernellogs"),
    *("protectkernelmodules", "protectkerneltunables", "restrictaddressfamilies", "restrictnamespaces"),
    *("restrictrealtime", "restrictsuidsgid", "securebits", "noexecpaths", "rootdirectory"),
}


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.read(UNITS / name)
    return parser


def verify(file: Path) -> tuple[int, str]:
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", file], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


@needs_systemd_analyze
@pytest.mark.parametrize("name", NAMES)
def test_systemd_takes_them(name: str) -> None:
    assert verify(UNITS / f"acceptutils-{name}.socket") == (0, "")
    assert verify(UNITS / f"acceptutils-{name}@.service") == (0, "")


@needs_systemd_analyze
def test_systemd_complains_of_others(tmp_path: Path) -> None:
    for file in UNITS.iterdir():
        text = file.read_text().replace("TasksMax=", "TaskMax=").replace("Accept=yes", "Acept=yes")
        (tmp_path / file.name).write_text(text)
    assert "TaskMax" in verify(tmp_path / "acceptutils-pop3@.service")[1]
    assert "Acept" in verify(tmp_path / "acceptutils-pop3.socket")[1]


@pytest.mark.parametrize("name", NAMES)
def test_a_session_gets_the_connection(name: str) -> None:
    socket, service_unit = unit(f"acceptutils-{name}.socket"), unit(f"acceptutils-{name}@.service")
    assert socket["Socket"]["Accept"] == "yes"
    assert service_unit["Service"]["StandardInput"] == "socket"
    assert service_unit["Service"]["StandardOutput"] == "socket"
    assert service_unit["Service"]["StandardError"] == "journal"


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_hardened_to_death(name: str) -> None:
    assert not NO_LOGIN_OR_NO_QUEUE & set(unit(f"acceptutils-{name}@.service")["Service"])


def session(name: str) -> list[str]:
    """Return the command of a service unit, as systemd runs it for a client on this machine."""
    settings = unit(f"acceptutils-{name}@.service")["Service"]
    command = shlex.split(settings["ExecStart"].removeprefix("-"))
    assert command[:2] == ["/usr/bin/env", "TCPREMOTEIP=${REMOTE_ADDR}"]
    command[1] = "TCPREMOTEIP=127.0.0.1"
    if os.getuid() == 0:
        kept = settings["CapabilityBoundingSet"].lower().replace("cap_", "+").split()
        command = ["setpriv", f"--bounding-set=-all,{','.join(kept)}", "--", *command]
    passed = [f"-E{var}" for var in ("PATH", "QMAILHOME", "FAKE_USERS")]
    return ["systemd-socket-activate", "--accept", "--inetd", *passed, "-l", "127.0.0.1:{}", *command]


def listening(command: list[str], port: int) -> list[str]:
    return [word.format(port) if word.startswith("127.0.0.1:") else word for word in command]


@needs_socket_activate
def test_submission_under_the_bounding_set(site: Site) -> None:
    port = free_port()
    with (
        service(site, listening(session("submission"), port), port, site.directory),
        smtplib.SMTP("127.0.0.1", port) as client,
    ):
        assert client.login("alice", "secret")[0] == 235
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: hi\r\n\r\nhello\r\n")
    assert [mail.partition(b"\n\n")[2] for mail in site.mail()] == [b"hello\n"]
    assert {file.stat().st_uid for file in (site.user_home / "Maildir" / "new").iterdir()} == {UID}
    assert " attempt for alice from 127.0.0.1\n" in site.log.read_text()


@needs_socket_activate
def test_pop3_under_the_bounding_set(site: Site) -> None:
    site.deliver(b"Subject: hi\n\nhello\n")
    port = free_port()
    with service(site, listening(session("pop3"), port), port, site.directory):
        client = poplib.POP3("127.0.0.1", port)
        client.user("alice")
        client.pass_("secret")
        assert client.stat()[0] == 1
        client.quit()


@needs_root
@pytest.mark.parametrize("missing", ["setuid", "setgid"])
def test_without_these_nobody_gets_in(site: Site, missing: str) -> None:
    kept = unit("acceptutils-submission@.service")["Service"]["CapabilityBoundingSet"]
    assert f"CAP_{missing.upper()}" in kept.split()
    chain = f"setpriv --bounding-set=-{missing} authup -t 1 smtp checkpassword true"
    done = run(site, chain, sent=b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n")
    assert b"\r\n454 " in done.out


@needs_root
def test_authup_sees_a_login_though_proc_hides_others(site: Site) -> None:
    """ProtectProc=invisible is this mount option; a session that exits 1 would else be a refused login."""
    site.script("hidden", 'mount -t proc -o hidepid=invisible proc /proc && exec "$@"')
    site.script("server", 'echo "220 server.local ESMTP"; read line; ls -d /proc/1 >&2; exit 1')
    kept = unit("acceptutils-submission@.service")["Service"]["CapabilityBoundingSet"]
    dropped = f"setpriv --bounding-set=-all,{kept.lower().replace('cap_', '+').replace(' ', ',')}"
    chain = f"unshare --mount --pid --fork hidden {dropped} authup -t 1 smtp checkpassword server"
    done = run(site, chain, sent=b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\nNOOP\r\n")
    assert done.out.endswith(b"ESMTP\r\n220 server.local ESMTP\n")
    assert done.log.endswith(b" succeeded, child completed\n")
    assert b"/proc/1': No such file" in done.log  # it is hidden from the user


@needs_root
@pytest.mark.parametrize(("option", "uid"), [("--bounding-set=-all", UID + 1), ("--no-new-privs", UID)])
def test_no_new_privileges_would_stop_qmail_queue(site: Site, option: str, uid: int) -> None:
    setuid_program = site.bin / "like-qmail-queue"
    shutil.copy("/usr/bin/id", setuid_program)
    os.chown(setuid_program, UID + 1, 0)
    setuid_program.chmod(0o4755)
    done = subprocess.run(
        ["setpriv", option, "--reuid", str(UID), "--", setuid_program, "-u"], capture_output=True, check=True
    )
    assert int(done.stdout) == uid
