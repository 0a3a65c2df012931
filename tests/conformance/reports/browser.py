"""A headless Chromium, where there is one."""

import shutil
import subprocess
from pathlib import Path

import pytest

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)

needs_browser = pytest.mark.skipif(
    CHROMIUM is None,
    reason="THE HTML REPORT WAS NOT LOOKED AT: no chromium here (Debian: apt-get install chromium)",
)


def dom(page: Path, place: str = "") -> str:
    """Return the document as the browser has it when the script has run."""
    assert CHROMIUM is not None
    words = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    words += [f"--user-data-dir={page.parent / 'profile'}", "--virtual-time-budget=4000", "--dump-dom"]
    done = subprocess.run([*words, page.as_uri() + place], capture_output=True, timeout=60, check=True)
    return done.stdout.decode()
