"""Whatever $VISUAL and $EDITOR are, a person gets an editor, or one line that says why not."""

from pathlib import Path

import pytest

from conformance.editor import edit


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "my editor"
    path.write_text('#!/bin/sh\necho "$@" >> "${0%/*}/said"\n')
    path.chmod(0o755)
    return path


def test_it_is_asked_with_its_own_words(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", f"'{script}' -w")
    monkeypatch.setenv("EDITOR", "/nonexistent")
    edit(Path("x.talk"), 3)
    edit(Path("y"))
    assert (script.parent / "said").read_text() == "-w +3 x.talk\n-w y\n"


@pytest.mark.parametrize(
    ("editor", "why"),
    [
        ("/nonexistent -x", "/nonexistent -x: No such file or directory"),
        ("'vi", "'vi: No closing quotation"),
        ("false", "false has said 1"),
    ],
)
def test_one_that_does_not_work(editor: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor)
    with pytest.raises(ValueError, match=f"^{why}$"):
        edit(Path("x"))


def test_blanks_are_no_editor(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script.rename(script.parent / "vi")
    monkeypatch.setenv("PATH", f"{script.parent}:/bin:/usr/bin")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "  ")
    edit(Path("x"))
    assert (script.parent / "said").read_text() == "x\n"
