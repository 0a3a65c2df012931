"""What we hand out has nothing wrong: examples, run scripts, the recipes of docs/filter-rules.md."""

import re
import shlex
from pathlib import Path

import pytest

from checking import chain, files
from checking.checkup import check
from checking.remarks import Severity
from tests.checking.house import HOME_ITSELF, make
from tests.examples.documents import DOCS, Fence, fences

EXAMPLES = DOCS.parent / "examples"
RECIPES = [fence for fence in fences((DOCS / "filter-rules.md").read_text()) if fence.language == "fixsmtpio"]
CONTROL = {file.name: file.read_bytes() for file in (EXAMPLES / "control").iterdir()}


def command_lines() -> list[str]:
    scripts = [path.read_text() for path in (EXAMPLES / "run").glob("*/run")]
    units = [path.read_text() for path in (EXAMPLES / "systemd").glob("*.service")]
    found = [line for text in scripts for line in re.findall(r"(?ms)^exec (tcpserver.*)", text)]
    found += [line for text in units for line in re.findall(r"(?m)^ExecStart=-(.*)", text)]
    return [line.replace("\\\n", " ") for line in found]


def above(home: files.Home, words: str | None, least: Severity) -> list[str]:
    taken = chain.parse([word.encode() for word in shlex.split(words)]) if words else None
    found = check(home, taken, {}).remarks
    return [remark.code for remark in found if remark.severity >= least and remark.code not in HOME_ITSELF]


def test_the_control_files(tmp_path: Path) -> None:
    assert above(make(tmp_path, CONTROL), None, Severity.WARNING) == []


@pytest.mark.parametrize("words", command_lines())
def test_run_scripts_and_units(tmp_path: Path, words: str) -> None:
    assert len(command_lines()) == 4
    assert above(make(tmp_path, CONTROL), words, Severity.WARNING) == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.heading)
def test_recipes(tmp_path: Path, recipe: Fence) -> None:
    home = make(tmp_path, {"fixsmtpio": recipe.text.encode()})
    assert above(home, None, Severity.ERROR) == []
