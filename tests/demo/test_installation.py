"""Installations that another user can run."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from fakes import installation as module
from fakes.installation import PROGRAMS, NotPossible, installation, reachable_directory, required, works_for

OURS = Path(sys.executable).parent
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
ANOTHER = 20002


def run_as(uid: int, *argv: object) -> subprocess.CompletedProcess[bytes]:
    user = {"user": uid, "group": uid, "extra_groups": []} if os.getuid() == 0 else {}
    return subprocess.run(list(map(str, argv)), cwd="/", env={}, capture_output=True, check=False, **user)  # type: ignore[call-overload,no-any-return]


def test_we_ourselves_need_no_other_installation() -> None:
    with installation(os.getuid()) as programs:
        assert programs == OURS


@AS_ROOT
def test_another_user_can_run_everything() -> None:
    with installation(ANOTHER) as programs:
        for name in PROGRAMS:
            assert run_as(ANOTHER, programs / name, "--version").stdout.startswith(name.encode())
        done = run_as(ANOTHER, programs / "python3", "-I", "-m", "fakes", "checkpassword", "--help")
        assert done.stdout.startswith(b"usage: checkpassword")
    if programs != OURS:
        assert not programs.parent.parent.exists()


@AS_ROOT
def test_a_private_installation_is_made_where_ours_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "works_for", lambda uid, place: place != OURS and works_for(uid, place))
    umask = os.umask(0o077)
    try:
        with installation(ANOTHER) as programs:
            assert programs != OURS
            assert run_as(ANOTHER, programs / "fixsmtpio", "--version").returncode == 0
            # Whoever runs from a private installation needs no further one.
            code = (
                "from fakes.installation import installation\n"
                f"with installation({ANOTHER}) as programs: print(programs)"
            )
            done = subprocess.run(
                [programs / "python3", "-I", "-c", code], capture_output=True, text=True, check=True
            )
            assert done.stdout.strip() == str(programs)
    finally:
        os.umask(umask)
    assert not programs.parent.parent.exists()


def test_without_any_python_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "works_for", lambda *_: False)
    monkeypatch.setattr(module, "PYTHONS", ("/nonexistent", "/nowhere"))
    with pytest.raises(NotPossible, match=r"no Python 3.11 or newer in /nonexistent or /nowhere"):
        installation(os.getuid()).__enter__()


def test_without_our_programs_one_line_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python3"))
    with pytest.raises(NotPossible, match="reup is not installed in"):
        installation(os.getuid()).__enter__()


@pytest.mark.skipif(os.getuid() == 0, reason="root tries it out")
def test_who_is_not_root_counts_everybody_as_himself() -> None:
    with installation(ANOTHER) as programs:
        assert programs == OURS


def test_a_directory_that_is_reachable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(closed))
    with reachable_directory(ANOTHER, "prefix-") as directory:
        assert directory.name.startswith("prefix-")
        program = directory / "program"
        program.write_text("#!/bin/sh\nexit 42\n")
        program.chmod(0o755)
        assert run_as(ANOTHER, program).returncode == 42
        if os.getuid() == 0:
            assert directory.parent != closed
    assert not directory.exists()
    assert not list(closed.iterdir())


def test_no_directory_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_can_run_in", lambda *_: False)
    with pytest.raises(NotPossible, match="no directory"):
        reachable_directory(ANOTHER, "prefix-").__enter__()


def test_what_trio_requires() -> None:
    names = {distribution.name for distribution in required("trio")}
    assert {"trio", "outcome", "sortedcontainers", "attrs"} <= names
    assert not names & {"pytest", "mypy"}
