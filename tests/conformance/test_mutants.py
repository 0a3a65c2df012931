"""The engine of the seeded bugs: what fits, what is loaded, who counts as a killer."""

from pathlib import Path

import pytest

from conformance import rules, selection
from conformance.bugs import mutants
from conformance.bugs.mutants import Mutant, MutantError, select
from conformance.reports.facts import SeededBug

ENTRY = """\
[[mutant]]
id = "one"
rule = "BASE-1"
why = "because"
file = "program.py"
find = '''return 1'''
put = '''return 2'''
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "program.py").write_text("def one():\n    return 1\n")
    (tmp_path / "mutants.toml").write_text(ENTRY)
    return tmp_path


def test_a_bug_is_put_in(root: Path) -> None:
    (mutant,) = mutants.read(root / "mutants.toml", root)
    assert mutant.applied((root / "program.py").read_text()) == "def one():\n    return 2\n"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("return 1'''", "return 3'''", "it is there 0 times"),
        ("return 1'''", "e'''", "it is there 3 times"),
        ('why = "because"\n', "", "expected file find id put rule why"),
        ("[[mutant]]", "[[mutant]", "mutants.toml"),
        ("id", ENTRY.replace("[[mutant]]\n", "") + "[[mutant]]\nid", "expected each id once"),
    ],
)
def test_bad_files_are_told(root: Path, old: str, new: str, complaint: str) -> None:
    file = root / "mutants.toml"
    file.write_text(ENTRY.replace(old, new, 1))
    with pytest.raises(MutantError, match=complaint.replace("[", r"\[")):
        mutants.read(file, root)


def test_selection_is_by_id_or_rule(root: Path) -> None:
    found = mutants.read(root / "mutants.toml", root)
    assert select(found, []) == select(found, ["one"]) == select(found, ["BASE-1"]) == found
    with pytest.raises(LookupError):
        select(found, ["two"])


def test_the_seeded_bugs_fit_and_break_rules_that_exist() -> None:
    """There are at least sixty of them; read() has found each text once in its file."""
    found = mutants.read()
    catalogue = rules.read()
    assert len(found) >= 60
    assert {mutant.rule for mutant in found} <= set(catalogue)
    for mutant in found:
        source = mutant.applied((mutants.ROOT / mutant.file).read_text())
        compile(source, mutant.file, "exec")


def test_a_bug_is_killed_in_a_process_of_its_own() -> None:
    """The whole way, for one bug: the process loads the changed text, and a case notices."""
    mutant: Mutant = mutants.read()[0]
    told: list[SeededBug] = []
    bugs = mutants.hunt([mutant], selection.select([mutant.rule]), 1, told.append)
    assert bugs == told
    assert not bugs[0].survived
    assert bugs[0].why == mutant.why
    assert {killer.case for killer in bugs[0].killers} <= set(bugs[0].asked)
