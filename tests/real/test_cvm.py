"""cvm-checkpassword, the one checkpassword that Debian has, in the place of our fake one."""

import shutil
from pathlib import Path

import pytest

from tests.real.conftest import Serve
from tests.real.service import needs_tcpserver
from tests.real.talker import Talker
from tests.real.test_tls_logins import ACCEPTED, REFUSED, RIGHT, ROOTS, WRONG
from tests.runtime.running import needs_root
from tests.sessions.real_chain import UID, Site

pytestmark = [
    needs_tcpserver,
    needs_root,
    pytest.mark.skipif(
        shutil.which("cvm-checkpassword") is None, reason="NOT TESTED: cvm is not installed (Debian: cvm)"
    ),
]


def cvm(site: Site) -> str:
    """Write its users' file, which only root can read; return what stands in the chain for checkpassword.

    cvm-pwfile compares with the password as it is. Names are not split at an @ into user and domain.
    """
    users = site.directory / "cvm-users"
    users.touch(mode=0o600)
    users.write_text(
        f"alice:secret:{UID}:{UID}:Alice:{site.user_home}:/bin/sh\nroot:toor:0:0:root:/:/bin/sh\n"
    )
    return f"env CVM_PWFILE_PATH={users} CVM_ACCOUNT_SPLIT_CHARS= cvm-checkpassword cvm-pwfile"


def submission(site: Site) -> str:
    return f'reup -t 5 authup smtp {cvm(site)} checknotroot fixsmtpio env RELAYCLIENT="" ofmipd'


def test_login(serving: Serve) -> None:
    """Root's right password is refused; alice's session runs as alice, in her home directory."""
    with serving(submission) as service, Talker(service) as client:
        client.hear(b" ESMTP\r\n")
        assert client.ask(ROOTS) == REFUSED
        assert client.ask(RIGHT) == ACCEPTED
        client.send(b"MAIL FROM:<>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nSubject: x\r\n.\r\nQUIT\r\n")
        assert client.hear_all().endswith(b"\r\n221 mail.example.org\r\n")
        assert service.ends() == [0]
        maildir = Path(service.site.user_home, "Maildir", "new")
        assert [file.stat().st_uid for file in maildir.iterdir()] == [UID]


def test_pop3_login(serving: Serve) -> None:
    chain = "authup pop3 {} checknotroot pop3d Maildir"
    with serving(lambda site: chain.format(cvm(site))) as service, Talker(service) as client:
        client.hear(b">\r\n")
        client.send(b"USER alice\r\nPASS secret\r\nSTAT\r\nQUIT\r\n")
        assert client.hear_all() == b"+OK \r\n+OK \r\n+OK 0 0\r\n+OK \r\n"
        assert service.ends() == [0]


def test_wrong_password(serving: Serve) -> None:
    """It exits 100, which a checkpassword must not: by AUTHUP-EXIT this is a session that ended.

    The client hears nothing, has no further attempt, and the log says what is not so.
    """
    with serving(submission) as service, Talker(service) as client:
        client.hear(b" ESMTP\r\n")
        client.send(WRONG + b"\r\n")
        assert client.hear_all() == b""
        assert service.ends() == [0]
        assert "succeeded, child completed\n" in service.log()
