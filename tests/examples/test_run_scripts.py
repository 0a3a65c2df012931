"""The run scripts of examples/run: started as they are, but for the port and the place of the programs."""

import base64
import poplib
import shutil
import smtplib
import subprocess
from pathlib import Path

import pytest

from tests.examples.standing import EXAMPLES, free_port, service
from tests.runtime.running import needs_root
from tests.sessions.real_chain import UID, Site

SHELL_SCRIPTS = [
    file
    for file in sorted(EXAMPLES.rglob("*"))
    if file.is_file() and file.read_bytes().startswith(b"#!/bin/sh\n")
]
ROOT = base64.b64encode(b"\0root\0toor").decode()
MAIL = b"Subject: hi\r\n\r\nhello\r\n"


def place(site: Site, name: str, standard_port: int) -> tuple[Path, int]:
    """Return a service directory as supervise(8) wants one, and the port that is in it now."""
    directory, port = site.directory / name, free_port()
    shutil.copytree(EXAMPLES / "run" / name, directory)
    script = directory / "run"
    text = script.read_text()
    for old, new in [
        (f" 127.0.0.1 {standard_port} ", f" 127.0.0.1 {port} "),
        ("PATH=/var/qmail/bin:", f"PATH={site.bin}:"),
    ]:
        assert text.count(old) == 1
        text = text.replace(old, new)
    script.write_text(text)
    return directory, port


def test_there_are_as_many_as_we_think() -> None:
    assert len(SHELL_SCRIPTS) == 5


@pytest.mark.parametrize("script", SHELL_SCRIPTS, ids=lambda path: str(path.relative_to(EXAMPLES)))
def test_syntax_and_mode(script: Path) -> None:
    assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
    assert script.stat().st_mode & 0o111 == 0o111


def test_submission(site: Site) -> None:
    directory, port = place(site, "submission", 26)
    with service(site, [directory / "run"], port, directory), smtplib.SMTP("127.0.0.1", port) as client:
        with pytest.raises(smtplib.SMTPSenderRefused, match="530"):
            client.sendmail("a@example.org", ["b@example.org"], MAIL)
        with pytest.raises(smtplib.SMTPAuthenticationError, match="535"):
            client.login("alice", "wrong")
        assert client.login("alice", "secret")[0] == 235
        assert client.sendmail("a@example.org", ["b@example.org"], MAIL) == {}
        assert client.noop()[0] == 250
    assert [mail.partition(b"\n\n")[2] for mail in site.mail()] == [b"hello\n"]
    assert {file.stat().st_uid for file in (site.user_home / "Maildir" / "new").iterdir()} == {UID}
    assert " attempt for alice from 127.0.0.1\n" in site.log.read_text()


@needs_root
def test_root_cannot_log_in(site: Site) -> None:
    directory, port = place(site, "submission", 26)
    with service(site, [directory / "run"], port, directory), smtplib.SMTP("127.0.0.1", port) as client:
        for _ in range(5):
            assert client.docmd("AUTH PLAIN", ROOT)[0] == 535
        with pytest.raises(smtplib.SMTPServerDisconnected):  # five tries were all
            client.noop()
    log = site.log.read_text()
    assert log.count("checknotroot: WAS RUNNING AS ROOT, TERMINATING\n") == 5
    assert " (5/5): exit 1\n" in log


def test_pop3(site: Site) -> None:
    site.deliver(b"Subject: hi\n\nhello\n")
    directory, port = place(site, "pop3", 110)
    with service(site, [directory / "run"], port, directory):
        client = poplib.POP3("127.0.0.1", port)
        client.user("alice")
        client.pass_("secret")
        assert client.retr(1)[1] == [b"Subject: hi", b"", b"hello", b""]
        client.quit()
    assert " attempt for alice from 127.0.0.1\n" in site.log.read_text()


LOGGERS = {
    "multilog": ("setuidgid qmaill multilog t ./main", ("setuidgid", "multilog")),
    "svlogd": ("chpst -u qmaill svlogd -tt ./main", ("chpst", "svlogd")),
}


@pytest.mark.parametrize("name", ["submission", "pop3"])
@pytest.mark.parametrize("logger", LOGGERS)
def test_log_is_kept_by_what_is_installed(tmp_path: Path, name: str, logger: str) -> None:
    expected, tools = LOGGERS[logger]
    for tool in tools:
        (tmp_path / tool).write_text(f'#!/bin/sh\necho {tool} "$@"; cat\n')
        (tmp_path / tool).chmod(0o755)
    script = EXAMPLES / "run" / name / "log" / "run"
    done = subprocess.run(
        ["/bin/sh", script], env={"PATH": f"{tmp_path}"}, input=b"", capture_output=True, check=False
    )
    assert (done.stdout.splitlines()[0].decode(), done.returncode) == (expected, 127)  # 127: no cat


@pytest.mark.skipif(shutil.which("multilog") is None, reason="NOT TESTED: multilog is not installed")
def test_with_the_real_multilog(tmp_path: Path) -> None:
    (tmp_path / "setuidgid").write_text('#!/bin/sh\nshift\nexec "$@"\n')  # there need be no qmaill here
    (tmp_path / "setuidgid").chmod(0o755)
    (tmp_path / "main").mkdir()
    subprocess.run(
        [EXAMPLES / "run" / "submission" / "log" / "run"],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:{Path(shutil.which('multilog') or '').parent}:/usr/bin:/bin"},
        input=b"authup 1 protocol smtp\n",
        check=True,
    )
    assert (tmp_path / "main" / "current").read_bytes().endswith(b" authup 1 protocol smtp\n")
