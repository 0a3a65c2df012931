"""Manuals and source agree, in both directions; and it would be noticed if they did not."""

import importlib
import re
from pathlib import Path

import pytest

from acceptutils import authup
from acceptutils.runtime import cli
from tests.manuals.comparison import OVERVIEW, common_variables, disagreements, known_files, source
from tests.manuals.page import HOLE, MANUALS, Page
from tests.manuals.reach import PROGRAMS, ROOT

HEADINGS = [
    *("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS", "EXAMPLES"),
    *("DIAGNOSTICS", "DIFFERENCES FROM THE C PROGRAMS", "SEE ALSO"),
]
COMPARED = ("OPTIONS", "ENVIRONMENT", "FILES", "EXIT STATUS", "DIAGNOSTICS")
INVENTIONS = {
    "OPTIONS": ".It Fl x",
    "ENVIRONMENT": ".It Ev AUTHUP_NONSENSE",
    "FILES": ".It Pa control/nonsense",
    "EXIT STATUS": ".It 99",
    "DIAGNOSTICS": ".It Li authup: utter nonsense",
}
# Placeholders alone, and lines all of whose fixed words stand in other lines too.
FREE = {
    ".It Ar n",
    ".It Li fixsmtpio Ar pid name child t : bytes",
    ".It Li fixsmtpio: unable to Ar step",
    ".It Li authup: control/ Ns Ar file : reason",
    ".It Li fixsmtpio: control/ Ns Ar file : reason",
}


def manual(program: str) -> Page:
    return Page.read(f"{program}.8")


def heads(program: str) -> list[str]:
    page = manual(program)
    return sorted(
        {
            line
            for section in COMPARED
            if section in page.sections
            for line in page.section(section)
            if line.startswith(".It ") and line not in FREE
        }
    )


def test_there_is_a_manual_for_each_program() -> None:
    assert {file.name for file in MANUALS.iterdir()} == {
        *(OVERVIEW, "acceptutils-check.8"),  # of which tests/checking knows more
        *(f"{name}.8" for name in cli.PROGRAMS),
    }


@pytest.mark.parametrize("program", PROGRAMS)
def test_they_agree(program: str) -> None:
    assert disagreements(program, manual(program)) == []


@pytest.mark.parametrize(("program", "head"), [(name, head) for name in PROGRAMS for head in heads(name)])
def test_what_is_missing_in_the_manual_is_noticed(program: str, head: str) -> None:
    text = manual(program).text
    for name in re.findall(r"\.It (?:Pa|Ev) (.*)", head):  # also where it is only mentioned
        for word in name.split(" , "):
            text = re.sub(rf"(?<![\w/]){re.escape(word)}(?![\w/])", "it", text)
    said = re.escape(head.removeprefix(".It Li "))
    text = re.sub(rf"^\.(It Li|Ql) {said}( [.,:])?\n", "", text, flags=re.MULTILINE)
    assert disagreements(program, Page(text.replace(f"{head}\n", ""))) != []


@pytest.mark.parametrize("section", INVENTIONS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_missing_in_the_source_is_noticed(program: str, section: str) -> None:
    invention = f".Bl -tag -width Ds\n{INVENTIONS[section]}\n.El\n"
    text = manual(program).text.replace(f".Sh {section}\n", f".Sh {section}\n{invention}")
    assert len(disagreements(program, Page(text))) == 1


def test_an_invented_reply_is_noticed() -> None:
    text = manual("authup").text.replace("535 authup authorization failed", "535 authup no")
    assert len(disagreements("authup", Page(text))) == 2


@pytest.mark.parametrize("name", [OVERVIEW, *(f"{program}.8" for program in PROGRAMS)])
def test_they_have_the_same_headings(name: str) -> None:
    wanted = [heading for heading in HEADINGS if name != OVERVIEW or heading != "DIAGNOSTICS"]
    assert Page.read(name).sections == wanted


@pytest.mark.parametrize("program", PROGRAMS)
def test_usage_line_and_synopsis_are_the_same(program: str) -> None:
    usage: bytes = importlib.import_module(f"acceptutils.{program}").USAGE
    assert f"usage: {synopsis(manual(program), program)}" == usage.decode()


def synopsis(page: Page, program: str) -> str:
    words = [program]
    for line in page.section("SYNOPSIS"):
        first, *rest = line.removeprefix(".").split()
        if first == "Op":
            words.append(f"[ {'-' * rest.count('Fl')}{' '.join(w for w in rest if w not in {'Fl', 'Ar'})} ]")
        elif first != "Nm":
            words += rest
    return " ".join(words)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_and_name_say_the_same(program: str) -> None:
    named = next(line for line in manual(program).lines if line.startswith(".Nd "))
    said = named.removeprefix(".Nd ")
    assert f"{said[0].upper()}{said[1:]}." == cli.PROGRAMS[program]
    assert f"See {program}(8)." in (cli.information(program, [b"--help"]) or "")


# acceptutils(7)


def test_the_overview_names_the_variables_of_all_programs() -> None:
    shared = set.intersection(*(source(program).variables for program in PROGRAMS))
    shebang, *_ = (ROOT / "bin" / "launcher").read_text().splitlines()
    assert shebang.endswith(" -I")  # ignores these:
    assert common_variables() == {*shared, "PYTHON*", *re.findall(r"-u (\w+)", shebang)}


def test_the_overview_tells_which_program_reads_what() -> None:
    table = {}
    for item in Page.read(OVERVIEW).heads("FILES", "Pa"):
        file, _, programs = " ".join(item.words).partition(" Ta ")
        table[file] = programs.split(", ")
    read = {program: known_files(program) for program in PROGRAMS}
    files = sorted(set.union(*read.values()))
    assert table == {file: [name for name in PROGRAMS if file in read[name]] for file in files}


def test_the_overview_explains_each_code() -> None:
    listed = {int(word) for item in Page.read(OVERVIEW).heads("EXIT STATUS") for word in item.names}
    rules = (ROOT / "examples" / "control" / "fixsmtpio").read_text().splitlines()
    by_rule = {int(rule.split(":")[4]) for rule in rules if not rule.startswith("#") and rule.split(":")[4]}
    ours = {code for program in PROGRAMS for code in source(program).exit_codes}
    assert listed == ours | by_rule | {*authup._REFUSALS, *authup._FATAL}


# Single texts


def test_the_table_of_the_childs_codes() -> None:
    rows = [line.split(" Ta ") for line in manual("authup").section("DESCRIPTION") if " Ta " in line]
    codes = {int(code) for code, *_ in rows for code in re.findall(r"\d+", code)}
    assert codes == {0, *authup._REFUSALS, *authup._FATAL}


def test_the_rules_in_the_manual_are_those_of_the_examples() -> None:
    rules = (ROOT / "examples" / "control" / "fixsmtpio").read_text()
    assert rules in manual("fixsmtpio").text


def test_the_manuals_name_the_limits() -> None:
    for program in ("authup", "fixsmtpio"):
        core = vars(importlib.import_module(f"acceptutils.{program}"))
        said = " ".join(manual(program).section("DESCRIPTION"))
        for name in ("MOST_LINE_BYTES", "MOST_REQUEST_BYTES", "MOST_REPLY_BYTES", "MOST_LOGGED_USER_BYTES"):
            text = manual(program).text if "USER" in name else said
            assert name not in core or str(core[name]) in text, name


def test_a_printed_line() -> None:
    page = Page(".Sh X\n.It Li reup Ar pid name Li \\&( Ns Ar n Ns / Ns Ar max Ns ): exit")
    assert [item.text for item in page.heads("X")] == [f"reup {HOLE} {HOLE} ({HOLE}/{HOLE}): exit"]


def test_nothing_in_a_manual_is_for_ourselves() -> None:
    for file in sorted(Path(MANUALS).iterdir()):
        assert not re.search(
            r"/work/|spec\.md|\b(?:FIX|AUTHUP|CTL|REUP|CNR|LIM|BASE)-[A-Z0-9]", file.read_text()
        )
