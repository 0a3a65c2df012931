"""--new: which scenarios changed since the last commit."""

import subprocess
from pathlib import Path

import pytest

from conformance import changes
from conformance.changes import NoGitError
from conformance.format.talk import Talk


def git(directory: Path, *words: str) -> None:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run(["git", *who, *words], cwd=directory, check=True, capture_output=True)


def case(file: Path) -> Talk:
    return Talk(file.stem, str(file), (), (), ())


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    changes._changed.cache_clear()
    git(tmp_path, "init", "-q")
    (tmp_path / "sub dir").mkdir()
    for name in ("same", "changed", "staged", "sub dir/same"):
        (tmp_path / f"{name}.talk").write_text("before")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "x")
    return tmp_path


def test_what_is_new_changed_or_staged(checkout: Path) -> None:
    for name in ("changed", "staged", "new", "sub dir/nëw"):
        (checkout / f"{name}.talk").write_text("after")
    git(checkout, "add", "staged.talk")
    cases = [case(file) for file in sorted(checkout.rglob("*.talk"))]
    assert {found.name for found in changes.new(cases)} == {"changed", "staged", "new", "nëw"}


def test_nothing_is_new_in_a_clean_checkout(checkout: Path) -> None:
    assert changes.new([case(checkout / "same.talk"), case(checkout / "sub dir" / "same.talk")]) == []


def test_where_git_knows_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes._changed.cache_clear()
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(NoGitError, match=f"--new needs git to know {tmp_path}: .*not a git repository"):
        changes.new([case(tmp_path / "x.talk")])


def test_without_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changes._changed.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoGitError, match="not installed"):
        changes.new([case(tmp_path / "x.talk")])
