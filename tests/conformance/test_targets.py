import os
import pickle
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from conformance import selection, targets
from conformance.processes.premises import prepared
from conformance.targets import TargetConfig, TargetError, Unusable


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    for name in ("authup", "fixsmtpio", "reup"):
        (directory / name).write_text("#!/bin/sh\n")
        (directory / name).chmod(0o755)
    return directory


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "targets.toml"
    file.write_text(text)
    return file


def test_the_default_targets(tmp_path: Path) -> None:
    known = targets.known(tmp_path)
    assert list(known) == ["sim", "ours", "c-reup", "c-head", "c-seed"]
    assert known["sim"].clock == "virtual"
    assert known["ours"].directory == Path(sys.executable).parent
    assert [known[name].generation for name in ("c-reup", "c-head", "c-seed")] == ["reup", "head", "seed"]
    assert all(pickle.loads(pickle.dumps(target)) == target for target in known.values())  # noqa: S301


def test_a_file_in_the_directory_adds_and_replaces(tmp_path: Path, programs: Path) -> None:
    written(
        tmp_path,
        """
        [c-head]
        kind = "exec"
        dir = "bin"
        patience = 5
        clock = "inject"
        program = { ofmipd = "/bin/true", checkpassword = "puppet" }
        unobserved = ["exit"]
        needs = ["root"]
        sanity = ["a", "b"]
        log = false
        """,
    )
    target = targets.known(tmp_path)["c-head"]
    assert target.directory == programs
    assert (target.patience, target.clock, target.log) == (5.0, "inject", False)
    assert target.installed.keys() == {"authup", "fixsmtpio", "reup", "ofmipd"}
    assert (set(target.unobserved), set(target.needs)) == ({"exit"}, {"root"})
    assert target.sanity == ("a", "b")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[x", "expected TOML"),
        ("x = 1", r"x: expected a table \[x\]"),
        ("[x]\nkind = 'robot'", r"\[x\] kind = 'robot': expected \"simulation\" or \"exec\""),
        ("[x]\nkind = 'exec'", r"\[x\] dir = None: expected the path of a directory"),
        ("[x]\nkind = 'exec'\ndir = 3", r"\[x\] dir = 3: expected the path of a directory"),
        ("[x]\nkind = 'simulation'\ncolour = 1", r"\[x\] colour: expected one of clock dir"),
        ("[x]\nkind = 'simulation'\nclock = 'inject'", 'expected "virtual" for a target of kind simulation'),
        (
            "[x]\nkind = 'exec'\ndir = '.'\nclock = 'virtual'",
            'expected "real" or "inject" for a target of kind',
        ),
        ("[x]\nkind = 'simulation'\npatience = true", "patience = True: expected seconds"),
        ("[x]\nkind = 'simulation'\npatience = 0", "expected seconds above 0"),
        ("[x]\nkind = 'simulation'\nlog = 1", "log = 1: expected true or false"),
        ("[x]\nkind = 'simulation'\nprogram = {a = 1}", "expected a table of name"),
        ("[x]\nkind = 'simulation'\nneeds = ['luck']", "expected a list of namespaces root"),
        ("[x]\nkind = 'simulation'\nunobserved = 'exit'", "expected a list of words"),
    ],
)
def test_mistakes_name_the_file_and_what_was_expected(tmp_path: Path, text: str, message: str) -> None:
    file = written(tmp_path, text)
    with pytest.raises(TargetError, match=message) as caught:
        targets.read(file)
    assert str(caught.value).startswith(f"{file}: ")


def test_a_directory_is_a_target_of_its_own(programs: Path) -> None:
    target = targets.find(f"{programs}/", {})
    assert (target.name, target.kind, target.directory) == (str(programs), "exec", programs)
    with pytest.raises(TargetError, match="expected a directory with the programs"):
        targets.find(f"{programs}/nowhere", {})
    with pytest.raises(TargetError, match="'c-hed': expected one of c-head sim, or a directory"):
        targets.find("c-hed", {"sim": target, "c-head": target})


def test_a_directory_below_this_one_has_a_short_name(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(programs.parent)
    target = targets.find(str(programs), {})
    assert (target.name, target.directory) == (f"./{programs.name}", programs)
    assert targets.find(target.name, {}) == target  # so that a token can be replayed


def test_why_a_target_is_unusable(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.find(str(programs), {})
    assert targets.unusable(target) is None
    assert targets.unusable(TargetConfig("sim", "simulation")) is None
    assert targets.unusable(replace(target, dir="/nowhere")) == "/nowhere is missing"
    assert "has none of authup" in (targets.unusable(replace(target, dir="/")) or "")
    missing = replace(target, programs={"ofmipd": "/nowhere"})
    assert targets.unusable(missing) == "/nowhere (for ofmipd) is not a program that can be run"
    (programs / "checknotroot").write_text("#!/bin/sh\n")
    assert targets.unusable(target) == f"{programs}/checknotroot cannot be executed"
    (programs / "checknotroot").chmod(0o755)
    assert targets.unusable(target) is None
    monkeypatch.setattr(os, "geteuid", lambda: 1001)
    assert targets.unusable(replace(target, needs=frozenset({"root"}))) == "it needs root"
    with pytest.raises(Unusable, match="/nowhere is missing"), prepared(replace(target, dir="/nowhere")):
        pass


def test_what_a_case_needs(programs: Path, tmp_path: Path) -> None:
    target = targets.find(str(programs), {})
    sim = TargetConfig("sim", "simulation", clock="virtual")
    assert targets.unmet(target, {"reup": ""}) is None
    assert targets.unmet(target, {"faults": ""}) == "needs faults"
    assert targets.unmet(target, {"virtual-time": ""}) == "needs virtual-time"
    assert targets.unmet(replace(target, log=False), {"log": ""}) == "needs log"
    assert targets.unmet(target, {"generation": "reup"}) is None
    head = replace(target, generation="head")
    assert targets.unmet(head, {"generation": "reup"}) == "needs generation reup, this is head"
    assert targets.unmet(replace(target, dir=str(tmp_path)), {"reup": ""}) == "needs reup"
    needs = dict.fromkeys(["root", "reup", "faults", "virtual-time", "log"], "")
    assert targets.unmet(sim, needs) is None


@pytest.mark.parametrize("text", ["no program at all", "#!/nonexistent/interpreter\n"])
def test_a_program_that_cannot_be_started(programs: Path, text: str) -> None:
    (programs / "reup").write_text(text)
    with (
        pytest.raises(Unusable, match=f"{programs}/reup cannot be executed: "),
        prepared(targets.find(str(programs), {})),
    ):
        pass


def test_a_clock_for_one_run(programs: Path) -> None:
    target = targets.find(str(programs), {})
    assert targets.with_clock(target, None) is target
    assert targets.with_clock(target, "inject").clock == "inject"
    with pytest.raises(TargetError, match='clock virtual: expected "real" or "inject"'):
        targets.with_clock(target, "virtual")
    with pytest.raises(TargetError, match='target sim: clock real: expected "virtual"'):
        targets.with_clock(TargetConfig("sim", "simulation", clock="virtual"), "real")


def test_the_sanity_cases_of_the_default_targets_exist(tmp_path: Path) -> None:
    for target in targets.known(tmp_path).values():
        assert len(selection.select(target.sanity)) == 3


def test_a_target_is_prepared_for_all_users(programs: Path) -> None:
    with prepared(targets.find(str(programs), {})) as target:
        place = Path(target.place)
        assert pickle.loads(pickle.dumps(target)) == target  # noqa: S301
        assert target.isolation in ("root", "user")
        assert os.access(place / "puppet", os.X_OK)
        assert place.stat().st_mode & 0o777 == (0o755 if os.geteuid() == 0 else 0o700)
    assert not place.exists()
