"""The one language of arguments that chooses cases."""

from pathlib import Path

import pytest

from conformance.selection import NothingMatchedError, select

TALK = "title: t\nrules: {rule}\nrun: {{reup}} {{prog}}\n{each}\n-- talk --\n# [{rule}]\nc! start\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, rule, each in [
        ("reup/again", "REUP-2", ""),
        ("reup/codes", "REUP-4", "each: code = 0 | 12"),
        ("pop3/login", "AUTHUP-POP3-2", ""),
    ]:
        file = tmp_path / f"{name}.talk"
        file.parent.mkdir(exist_ok=True)
        file.write_text(TALK.format(rule=rule, each=each))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ([], ["pop3/login", "reup/again", "reup/codes#1", "reup/codes#2"]),
        (["login"], ["pop3/login"]),
        (["reup/codes"], ["reup/codes#1", "reup/codes#2"]),
        (["codes#2"], ["reup/codes#2"]),
        (["reup/*"], ["reup/again", "reup/codes#1", "reup/codes#2"]),
        (["REUP-4"], ["reup/codes#1", "reup/codes#2"]),
        (["REUP-*", "again"], ["reup/again", "reup/codes#1", "reup/codes#2"]),
        (["failed"], ["reup/again"]),
    ],
)
def test_words(root: Path, words: list[str], names: list[str]) -> None:
    assert [case.name for case in select(words, ["reup/again"], root)] == names


def test_files_and_directories(root: Path) -> None:
    assert [case.name for case in select([str(root / "reup/again.talk")], root=root)] == ["reup/again"]
    names = ["reup/again", "reup/codes#1", "reup/codes#2"]
    assert [case.name for case in select([str(root / "reup")], root=root)] == names


def test_files_from_outside_are_called_by_their_path(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("outside") / "own.talk"
    file.write_text((root / "reup/codes.talk").read_text())
    assert [case.name for case in select([str(file)], root=root)] == [f"{file}#1", f"{file}#2"]
    assert [case.name for case in select([f"{file}#2"], root=root)] == [f"{file}#2"]


def test_nothing_matched(root: Path) -> None:
    with pytest.raises(NothingMatchedError, match="nonsense"):
        select(["login", "nonsense"], root=root)
