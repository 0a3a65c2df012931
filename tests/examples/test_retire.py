"""docs/retire-smtp-auth-patch.md: its services are started, and its checks print what the page says.

The patched servers are played by fakes: one that relays only for RELAYCLIENT and offers AUTH.
"""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.examples.documents import DOCS, fences
from tests.examples.standing import free_port, service
from tests.sessions.real_chain import PATIENCE, Site

PAGE = (DOCS / "retire-smtp-auth-patch.md").read_text()
BLOCKS = {
    (fence.heading.partition(".")[0], fence.language): fence.text
    for fence in fences(PAGE)
    if fence.language in {"run", "check"}
}
RUN = {step: text for (step, language), text in BLOCKS.items() if language == "run"}
CHECK = {step: text for (step, language), text in BLOCKS.items() if language == "check"}

# What the patch did to EHLO, in front of the fake that it became; it relays for RELAYCLIENT only.
PATCHED = """\
[ "${RELAYCLIENT+set}" ] || exec qmail-smtpd
FAKE | sed -u '/^250 8BITMIME/i\\
250-AUTH LOGIN PLAIN\\r'
"""


def make_servers(site: Site, programs: Path, *, patched: bool) -> None:
    fake = f"{programs}/python3 -I -m fakes"
    site.script("qmail-smtpd", f"exec {fake} qmail-smtpd")
    site.script("ofmipd", (PATCHED if patched else "exec FAKE").replace("FAKE", f"{fake} ofmipd"))


@contextmanager
def running(site: Site, step: str) -> Iterator[dict[str, str]]:
    """Start the service of a step; yield what stands for its words in a check."""
    port = free_port()
    (address,) = re.findall(r"-l 0 (\S+ \d+) ", RUN[step])
    script = site.script("run", RUN[step].replace(address, f"127.0.0.1 {port}"))
    with service(site, [script], port, site.directory):
        yield {f"127.0.0.1 {address.split()[1]}": f"127.0.0.1 {port}"}


def check(site: Site, step: str, words: dict[str, str]) -> tuple[str, str]:
    """Return what the commands of a check print, and what the page says of that."""
    commands = re.findall(r"(?m)^\$ (.*)$", CHECK[step])
    expected = re.sub(r"(?m)^\$ .*\n", "", CHECK[step])
    script = "\n".join(commands)
    for old, new in words.items():
        assert old in script
        script = script.replace(old, new)
    env = {"PATH": site.path, "checkpassword": str(site.bin / "checkpassword")}
    done = subprocess.run(["sh", "-c", script], capture_output=True, env=env, timeout=PATIENCE, check=False)
    assert done.stderr == b""
    return done.stdout.decode(), expected


@pytest.fixture
def slow(site: Site) -> Site:
    """A site that refuses as late as a real one."""
    (site.home / "control" / "authdelay").unlink()
    return site


def test_step_1_beside_the_patched_server(slow: Site, programs: Path) -> None:
    make_servers(slow, programs, patched=True)
    with running(slow, "1") as words:
        seen, expected = check(slow, "1", words)
    assert seen == expected


def test_step_1_needs_its_rules(site: Site, programs: Path) -> None:
    make_servers(site, programs, patched=True)
    site.control({"fixsmtpio": "AUTHUP_USER:greeting::2*::235 ok, go ahead (#2.0.0)\n"})
    with running(site, "1") as words:
        seen, _ = check(site, "1", words)
    assert "NOT OK AUTH is not offered a second time: LOGIN PLAIN\n" in seen
    assert "NOT OK it is refused late: after 0 s\n" in seen  # the site has no delay


def test_step_3_with_the_unpatched_server_and_5_without_setuid(slow: Site, programs: Path) -> None:
    make_servers(slow, programs, patched=False)
    with running(slow, "3") as words:
        for step in ("3", "5"):
            seen, expected = check(slow, step, words)
            assert seen == expected


def test_step_3_tells_of_a_server_that_is_still_patched(site: Site, programs: Path) -> None:
    make_servers(site, programs, patched=True)
    with running(site, "3") as words:
        seen, _ = check(site, "3", words)
    assert seen.endswith(
        "NOT OK mail to the outside: 553 sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)\n"
    )


def test_step_4_incoming_mail(site: Site, programs: Path) -> None:
    make_servers(site, programs, patched=False)
    with running(site, "4") as words:
        seen, expected = check(site, "4", words)
    assert seen == expected


def test_step_4_tells_of_an_open_relay(site: Site, programs: Path) -> None:
    make_servers(site, programs, patched=False)
    site.script("qmail-smtpd", f"exec env RELAYCLIENT= {programs}/python3 -I -m fakes qmail-smtpd")
    with running(site, "4") as words:
        seen, _ = check(site, "4", words)
    assert "NOT OK no mail to the outside: 250 ok\n" in seen


def test_step_5_tells_of_a_setuid_bit(site: Site, programs: Path) -> None:
    make_servers(site, programs, patched=False)
    (site.bin / "checkpassword").chmod(0o4755)
    with running(site, "3") as words:
        seen, expected = check(site, "5", words)
    assert seen == f"{site.bin / 'checkpassword'}\n{expected}"


def test_a_command_line_that_is_none(site: Site) -> None:
    done = subprocess.run([site.bin / "check-submission", "x"], capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (2, b"")
