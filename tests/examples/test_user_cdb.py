"""examples/bin/ofmipd-with-user-cdb: which argument ofmipd gets, in a session of the user's own."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.runtime.running import Done, run
from tests.sessions.real_chain import UID, Site, connect

Arguments = Callable[[], list[str]]

CHAIN = "authup smtp checkpassword checknotroot fixsmtpio ofmipd-with-user-cdb"


@pytest.fixture
def arguments(site: Site) -> Arguments:
    """Have ofmipd write down, before it begins, who it is and what it was given; return how to read that."""
    file = site.directory / "arguments"
    file.touch()
    file.chmod(0o666)
    fake = (site.bin / "ofmipd").read_text().removeprefix("#!/bin/sh\n")
    site.script("ofmipd", f'for x in "$(id -u)" "$@"; do echo "<$x>"; done >{file}\n{fake}')
    return lambda: file.read_text().split()


def make_cdb(site: Site, name: str = "rules.cdb") -> Path:
    directory = site.user_home / ".ofmipd"
    directory.mkdir(mode=0o700)
    file = directory / name
    file.write_bytes(b"looked into by nobody here")
    file.chmod(0o600)
    if os.getuid() == 0:
        for path in (directory, file):
            os.chown(path, UID, UID)
    return file


async def log_in(site: Site, chain: str = CHAIN) -> bytes:
    async with connect(site, chain) as client:
        await client.send(b"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n")
        return (await client.receive_until(b"\n") + await client.receive_until(b"\n")).splitlines()[1]


def no_rules(_: Site) -> None:
    pass


def other_file(site: Site) -> None:
    make_cdb(site, "rules")


def directory(site: Site) -> None:
    make_cdb(site).unlink()
    (site.user_home / ".ofmipd" / "rules.cdb").mkdir()


async def test_the_users_rules_arrive(site: Site, arguments: Arguments) -> None:
    cdb = make_cdb(site)
    assert await log_in(site) == b"235 ok, go ahead (#2.0.0)"
    assert arguments() == [f"<{UID}>", f"<{cdb}>"]


@pytest.mark.parametrize("home", [no_rules, other_file, directory])
async def test_without_rules_there_is_no_argument(
    site: Site, arguments: Arguments, home: Callable[[Site], None]
) -> None:
    home(site)
    assert await log_in(site) == b"235 ok, go ahead (#2.0.0)"
    assert arguments() == [f"<{UID}>"]


async def test_the_rules_of_the_site_are_for_who_has_none(site: Site, arguments: Arguments) -> None:
    everybodys = site.home / "control" / "rules.cdb"
    site.control({"rules.cdb": ""})
    assert await log_in(site, f"{CHAIN} {everybodys}") == b"235 ok, go ahead (#2.0.0)"
    assert arguments() == [f"<{UID}>", f"<{everybodys}>"]
    cdb = make_cdb(site)
    await log_in(site, f"{CHAIN} {everybodys}")
    assert arguments() == [f"<{UID}>", f"<{cdb}>"]


async def test_an_empty_argument_would_refuse_the_login(site: Site, arguments: Arguments) -> None:
    reply = await log_in(site, CHAIN.replace("-with-user-cdb", " ''"))
    assert reply == b"451 unable to read configuration (#4.3.0)"
    assert arguments() == [f"<{UID}>", "<>"]


@pytest.mark.parametrize("home", [{}, {"HOME": ""}])
def test_without_a_home_there_is_no_argument(site: Site, arguments: Arguments, home: dict[str, str]) -> None:
    done: Done = run(site, "ofmipd-with-user-cdb", env=home)
    assert done.out == b"220 ofmipd.local ESMTP\r\n"
    assert arguments() == [f"<{os.getuid()}>"]
