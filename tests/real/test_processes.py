"""What /proc shows while a session is open: who runs as whom, and which secrets lie about."""

import os
from pathlib import Path
from typing import NamedTuple

from tests.real.conftest import Serve
from tests.real.senders import has
from tests.real.servers import POP3FRONT, SMTPFRONT
from tests.real.service import Service, needs_tcpserver
from tests.real.talker import Talker
from tests.real.test_tls_logins import RIGHT, WRONG, start_tls
from tests.runtime.running import needs_root
from tests.sessions.real_chain import UID, processes_with

pytestmark = [needs_tcpserver, needs_root, has(POP3FRONT)]

LOGGED_IN = {"Uid": [UID] * 4, "Gid": [UID] * 4, "Groups": [UID]}
SECRETS = (b"secret", b"guess", *(command.split()[-1] for command in (RIGHT, WRONG)))


class Seen(NamedTuple):
    """A process: what its environment was at the start, whose it is, and what it has open."""

    environ: dict[str, str]
    identity: dict[str, list[int]]
    descriptors: dict[int, str]


def processes(service: Service) -> dict[str, Seen]:
    """Return the processes of a service by their programs' names."""
    found = dict(map(look, processes_with(f"QMAILHOME={service.site.home}")))
    del found["tcpserver"]
    return found


def look(pid: int) -> tuple[str, Seen]:
    directory = Path("/proc", str(pid))
    argv, environ = (directory / "cmdline").read_bytes(), (directory / "environ").read_bytes()
    for secret in SECRETS:
        assert secret not in argv + environ
    lines = [line.split() for line in (directory / "status").read_text().splitlines()]
    program = argv.decode().removesuffix("\0").split("\0")
    while program[0].endswith("/python3"):
        program = program[4:] if program[2] == "-m" else program[2:]
    return Path(program[0]).name, Seen(
        dict(record.split("=", 1) for record in environ.decode().split("\0")[:-1]),
        {line[0][:-1]: [int(word) for word in line[1:]] for line in lines if line[0][:-1] in LOGGED_IN},
        {int(entry.name): os.readlink(entry) for entry in (directory / "fd").iterdir()},
    )


def check_rights(seen: dict[str, Seen], of_root: set[str], of_user: set[str]) -> None:
    """In front of the login is root, behind it the user, who inherits nothing of what reup and TLS need."""
    assert seen.keys() == of_root | of_user
    assert all(seen[name].identity["Uid"] == [0] * 4 for name in of_root)
    for name in of_user:
        process = seen[name]
        assert process.identity == LOGGED_IN
        assert process.environ["USER"] == process.environ["AUTHUP_USER"] == "alice"
        assert not [name for name in process.environ if name == "REUPSTATE" or name.endswith("FD")]
        assert not [link for link in process.descriptors.values() if "memfd" in link or "/tls/" in link]


def test_submission(serving: Serve) -> None:
    """After a failed attempt and inside TLS, when there are all secrets that there can be."""
    chain = "reup -t 5 authup smtp checkpassword checknotroot fixsmtpio env RELAYCLIENT= "
    with serving(f"ucspitlsd --ucspitls ! {chain}{SMTPFRONT}") as service, Talker(service) as client:
        start_tls(client)
        assert client.ask(WRONG).startswith(b"535 ")
        assert client.ask(RIGHT).startswith(b"235 ")
        assert client.ask(b"NOOP").startswith(b"250 ")
        seen = processes(service)
        check_rights(seen, {"ucspitlsd", "reup", "authup"}, {"fixsmtpio", "mailfront"})
        server = seen["mailfront"]
        assert set(server.descriptors) == {0, 1, 2}
        assert all(server.descriptors[fd].startswith("pipe:") for fd in (0, 1))
        assert server.descriptors[2] == str(service.site.log)
        assert server.environ["RELAYCLIENT"] == ""
        assert client.ask(b"QUIT").startswith(b"221 ")
        assert service.ends() == [0]


def test_pop3(serving: Serve) -> None:
    """Without TLS the server has the client's socket itself."""
    chain = f"reup -t 5 authup pop3 checkpassword checknotroot {POP3FRONT} Maildir"
    with serving(chain) as service, Talker(service) as client:
        client.hear(b">\r\n")
        for password in (b"guess", b"secret"):
            client.send(b"USER alice\r\nPASS %b\r\n" % password)
            client.hear(b"\r\n")
            client.hear(b"\r\n")
        assert client.ask(b"STAT") == b"+OK 0 0\r\n"
        seen = processes(service)
        check_rights(seen, {"reup", "authup"}, {"pop3front-maildir"})
        server = seen["pop3front-maildir"]
        assert set(server.descriptors) == {0, 1, 2}
        assert server.descriptors[0] == server.descriptors[1]
        assert server.descriptors[0].startswith("socket:")
        client.ask(b"QUIT")
        assert service.ends() == [0]
