"""mandoc has nothing to complain of in the manuals, neither mistakes nor style."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.manuals.page import MANUALS

PAGES = sorted(MANUALS.iterdir())

pytestmark = pytest.mark.skipif(
    shutil.which("mandoc") is None, reason="NOT TESTED: no mandoc (Debian: apt-get install mandoc)"
)


def complaints(page: Path, manpath: Path) -> list[str]:
    """Return what mandoc complains of; pages of others need not be on this computer."""
    done = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "style", page],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": os.environ["PATH"], "MANPATH": str(manpath)},
    )
    ours = {file.stem for file in PAGES}
    found = []
    for line in (done.stdout + done.stderr).splitlines():
        missing = re.search(r"referenced manual not found: Xr (\w[\w-]*)", line)
        if "mandoc.db" not in line and (not missing or missing[1] in ours):
            found.append(line)
    return found


@pytest.fixture
def manpath(tmp_path: Path) -> Path:
    """A directory of manuals that has ours."""
    for page in PAGES:
        directory = tmp_path / f"man{page.suffix[1:]}"
        directory.mkdir(exist_ok=True)
        shutil.copyfile(page, directory / page.name)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_mandoc_is_content(page: Path, manpath: Path) -> None:
    assert complaints(page, manpath) == []


def test_it_would_complain(tmp_path: Path) -> None:
    page = tmp_path / "bad.8"
    page.write_text(PAGES[0].read_text().replace(".El", "", 1) + ".Xr reup 9\n")
    found = complaints(page, tmp_path)
    assert any("Bl" in line for line in found)
    assert any("Xr reup 9" in line for line in found)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_rendered_fits_a_terminal(page: Path) -> None:
    done = subprocess.run(["mandoc", "-T", "ascii", page], capture_output=True, text=True, check=True)
    text = re.sub(r".\x08", "", done.stdout)
    assert page.stem.upper() in text.splitlines()[0]
    assert max(map(len, text.splitlines())) <= 85
