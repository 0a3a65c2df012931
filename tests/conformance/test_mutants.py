"""The engine of the seeded bugs: what fits, what is loaded, who counts as a killer."""

from pathlib import Path

import pytest

from conformance import rules, selection
from conformance.bugs import matrix, mutants
from conformance.bugs.installed import installed
from conformance.bugs.matrix import Hunted
from conformance.bugs.mutants import Mutant, MutantError, select
from conformance.cli import main
from conformance.format.talk_parser import parse
from conformance.reports.facts import SeededBug
from conformance.targets import Unusable
from fakes.installation import PROGRAMS

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
        ('why = "because"\n', 'why = "because"\ntarget = "theirs"\n', "expected file find id put rule why"),
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


def test_ids_are_unique_and_sorted_by_rule() -> None:
    found = mutants.read()
    order = list(rules.read())
    assert [mutant.rule for mutant in found] == sorted((m.rule for m in found), key=order.index)


def test_a_bug_is_killed_in_a_process_of_its_own() -> None:
    """The whole way, for one bug: the process loads the changed text, and a case notices."""
    mutant: Mutant = select(mutants.read(), ["reup-counts-from-zero"])[0]
    told: list[SeededBug] = []
    bugs, red = matrix.hunt([mutant], selection.select([mutant.rule]), 1, told.append)
    assert bugs == told
    assert not red
    assert not bugs[0].survived
    assert bugs[0].why == mutant.why
    assert {killer.case for killer in bugs[0].killers} <= set(bugs[0].asked)


RED = """\
title: reup counts from 7
rules: REUP-3
run:   {reup} -t 1 {prog}

-- talk --
# [REUP-3]
    c! start REUP=7
    s! exit 0
S! eof
S! exit 0
"""


def test_what_is_red_without_the_bug_kills_nothing() -> None:
    (mutant,) = select(mutants.read(), ["reup-counts-from-zero"])
    bugs, red = matrix.hunt([mutant], [parse(RED, name="red")], 1, lambda _: None)
    assert bugs[0].survived
    assert bugs[0].asked == ()
    (words,) = red
    assert words.startswith("red@sim:base FAIL: line 7, ")


TRACED = """\
title: a message is logged as it comes
rules: FIX-DBG-1
run:   {fixsmtpio} {ofmipd}
env:   FIXSMTPIODEBUG=1

-- control/me --
mail.example.org
-- talk --
    s: 220 hello
E: fixsmtpio {pid:f} ofmipd {pid:s} 3: 220 hello\\r
E: fixsmtpio {pid:f} ofmipd {pid:s} 4: 220 hello\\r
S: 220 hello
C: DATA
E: fixsmtpio {pid:f} ofmipd {pid:s} 1: DATA\\r
E: fixsmtpio {pid:f} ofmipd {pid:s} 2: DATA\\r
    c: DATA
    s: 354 go
E: fixsmtpio {pid:f} ofmipd {pid:s} 3: 354 go\\r
E: fixsmtpio {pid:f} ofmipd {pid:s} 4: 354 go\\r
S: 354 go
C: half\\
# [FIX-DBG-1]
E: fixsmtpio {pid:f} ofmipd {pid:s} D: half
    c: half\\
C! eof
    c! eof
    s! exit 0
S! eof
S! exit 0
"""


def test_what_is_red_under_a_variation_without_the_bug_kills_nothing() -> None:
    """Each piece of a message is a line of the log: one packet a byte makes this red, and no bug."""
    case = parse(TRACED, name="traced")
    (mutant,) = select(mutants.read(), ["trace-label-with-its-path"])
    bugs, red = matrix.hunt([mutant], [case], 1, lambda _: None)
    assert bugs[0].survived
    assert bugs[0].asked == ("traced",)
    assert "bytes" in {words.split()[0].partition("@sim:")[2] for words in red}


def test_red_cases_are_told_and_make_it_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def hunt(*_: object) -> Hunted:
        return Hunted([], ["red@sim:base FAIL: line 7"])

    monkeypatch.setattr(matrix, "hunt", hunt)
    assert main(["mutants", "REUP-3", "--jsonl", str(tmp_path / "tried.jsonl")]) == 1
    assert "RED WITHOUT A BUG, so it kills none: red@sim:base FAIL: line 7\n" in capsys.readouterr().out


def test_a_bug_is_installed_and_the_tree_is_left_alone() -> None:
    """For real processes: a changed module, or the launcher, which is all four programs."""
    for file, find in (("acceptutils/control.py", "_TRAILING ="), (mutants.LAUNCHER, "here =")):
        before = (mutants.ROOT / file).read_text()
        mutant = Mutant("one", "BASE-1", "because", file, find, f"{find} None or", "ours")
        with installed(mutant) as target:
            place = Path(target.dir)
            (changed,) = place.parent.glob("lib/*/site-packages/acceptutils/control.py")
            paths = [changed] if file.endswith(".py") else [place / name for name in PROGRAMS]
            assert all(path.read_text() == mutant.applied(before) for path in paths)
        assert not place.exists()
        assert (mutants.ROOT / file).read_text() == before


def test_a_bug_that_no_installation_has_is_not_tried() -> None:
    bug = Mutant("one", "BASE-1", "because", "tests/conftest.py", "import pytest\n", "", "ours")
    with pytest.raises(Unusable, match=r"one: tests/conftest\.py is no part of an installation"):
        installed(bug).__enter__()
