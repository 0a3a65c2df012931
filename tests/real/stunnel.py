"""Debian's stunnel4 in front of a service: TLS from the first byte."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fakes.certificate import Files
from tests.real.service import Service
from tests.runtime.running import wait_for
from tests.sessions.real_chain import PATIENCE, Site

needs_stunnel = pytest.mark.skipif(
    shutil.which("stunnel4") is None, reason="NOT TESTED: stunnel4 is not installed (Debian: stunnel4)"
)


def configuration(site: Site, files: Files, settings: str) -> Path:
    """Write what stunnel is to do with the certificate of the site. Its log goes to descriptor 2."""
    file = site.directory / "stunnel.conf"
    common = f"foreground = yes\nsyslog = no\npid =\ncert = {files.certificate}\nkey = {files.key}\n"
    file.write_text(common + settings)
    return file


@contextmanager
def behind_stunnel(service: Service, files: Files) -> Iterator[Service]:
    """Have stunnel listen and pass on to the service; what comes out is the service with stunnel's port."""
    settings = f"debug = 5\n[front]\naccept = 127.0.0.1:0\nconnect = 127.0.0.1:{service.port}\n"
    file = configuration(service.site, files, settings)
    log = service.site.directory / "stunnel.log"
    with log.open("wb") as output:
        stunnel = subprocess.Popen(
            ["stunnel4", str(file)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        wait_for(lambda: _ports(stunnel.pid) or stunnel.poll() is not None)
        assert stunnel.poll() is None, log.read_text()
        (port,) = _ports(stunnel.pid)
        yield Service(service.site, files, port)
    finally:
        stunnel.terminate()
        stunnel.wait(PATIENCE)


def _ports(pid: int) -> list[int]:
    """Return the ports of 127.0.0.1 on which a process listens."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    listening = {row[9]: int(row[1].partition(":")[2], 16) for row in rows if row[3] == "0A"}
    links = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed since the directory was read
            links.append(os.readlink(link))
    inodes = [found[1] for link in links if (found := re.fullmatch(r"socket:\[(\d+)\]", link))]
    return [listening[inode] for inode in inodes if inode in listening]
