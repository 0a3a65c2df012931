"""Logs of real chains, from recordio and FIXSMTPIODEBUG, as scenarios that the simulated machine plays."""

import re
import shutil
from pathlib import Path

import pytest

from conformance import cli
from conformance.format.talk_parser import parse
from tests.real.conftest import Serve
from tests.real.service import needs_tcpserver
from tests.real.talker import Talker
from tests.real.test_tls_logins import ACCEPTED, REFUSED, RIGHT, WRONG
from tests.runtime.running import needs_root

needs_recordio = pytest.mark.skipif(
    shutil.which("recordio") is None, reason="NOT TESTED: recordio is not installed"
)
pytestmark = [needs_tcpserver, needs_root]
LOGGED_IN = 'checkpassword checknotroot fixsmtpio env RELAYCLIENT="" ofmipd'


def attach(*words: object) -> int:
    return cli.main(["attach", *map(str, words)])


def speak(client: Talker) -> None:
    """A session with a refused login, an accepted one, and a message."""
    client.hear(b" ESMTP\r\n")
    client.send(b"EHLO client.example\r\n")
    client.hear(b"250 8BITMIME\r\n")
    assert client.ask(WRONG) == REFUSED
    assert client.ask(RIGHT) == ACCEPTED
    client.send(b"HELP\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n")
    client.hear(b"354 go ahead\r\n")
    client.send(b"Subject: x\r\n\r\n..dot\r\n.\r\nQUIT\r\n")
    client.hear_all()


@needs_recordio
def test_recordio_in_front(serving: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chain = f"recordio reup -t 5 authup smtp {LOGGED_IN}"
    with serving(chain, recorded=True) as service:
        (service.site.home / "control" / "authdelay").write_text("2\n")
        with Talker(service) as client:
            speak(client)
        assert service.ends() == [0]
        log, home, talk = service.site.log, service.site.home, tmp_path / "x.talk"
        assert attach(log) == 0
        assert "secret" not in capsys.readouterr().out
        code = attach(log, "--run", chain, "--home", home, "--save", talk, "--replay")
        out = capsys.readouterr().out
        assert code == 0, out + talk.read_text()
        assert "lint: ok" in out
        text = talk.read_text()
        assert re.search(r"^users: alice made-up-2 uid=1001$", text, re.MULTILINE)
        assert "secret" not in text
        assert "c2VjcmV0" not in text
        assert "+2s\nS: 535 " in text


def test_fixsmtpio_debug(serving: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chain = f"reup -t 5 authup smtp {LOGGED_IN}"
    with serving(chain, {"FIXSMTPIODEBUG": "1"}) as service:
        with Talker(service) as client:
            speak(client)
        assert service.ends() == [0]
        log, home, talk = service.site.log, service.site.home, tmp_path / "x.talk"
        code = attach(log, "--home", home, "--save", talk, "--replay")
        out = capsys.readouterr().out
        assert code == 0, out + talk.read_text()
        assert parse(talk.read_text()).one("run") == "{fixsmtpio} {env}"
        assert "..dot" in talk.read_text()
