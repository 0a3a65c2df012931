"""acceptutils-check(8) and the source agree, in both directions."""

import argparse
import inspect
import re

from checking import as_json, chain_checks, checkup, cli, path_checks, rule_sessions, trying
from checking.remarks import CODES, Severity
from tests.manuals.page import Page

PAGE = Page.read("acceptutils-check.8")


def options() -> set[str]:
    """Return the long options of both parsers."""
    whole = cli.parser()
    (commands,) = [action for action in whole._actions if isinstance(action, argparse._SubParsersAction)]
    parsers = [whole, *commands.choices.values()]
    actions = [action for parser in parsers for action in parser._actions]
    return {name for action in actions for name in action.option_strings if name.startswith("--")}


def test_options() -> None:
    assert {f"--{item.words[1]}" for item in PAGE.heads("OPTIONS", "Fl")} == options()


def test_exit_codes() -> None:
    listed = {int(item.words[0]) for item in PAGE.heads("EXIT STATUS")}
    assert listed == {cli.FINE, cli.WRONG, cli.USAGE, cli.UNREADABLE}


def test_codes_severities_and_words() -> None:
    found = {}
    for number, line in enumerate(PAGE.lines):
        if line.startswith(".Ss "):
            severity = line.removeprefix(".Ss ").removesuffix("s").upper()
        elif line.startswith(".It Li "):
            found[line.removeprefix(".It Li ")] = (severity, PAGE.lines[number + 1])
    said = {
        code: (kind.severity.name, f"{kind.words[0].upper()}{kind.words[1:]}.")
        for code, kind in CODES.items()
    }
    assert found == said


def test_what_is_milder_where_less_is_known() -> None:
    sources = [inspect.getsource(module) for module in (chain_checks, path_checks, rule_sessions)]
    assert sum(source.count("severity=") for source in sources) == 6
    said = PAGE.literals_in("DIAGNOSTICS")
    milder = {"auth-220", "open-relay", "memory", "not-found", "plaintext"}
    assert {*said} == {*milder, "auth-advertised", "starttls-advertised"}
    assert Severity.NOTE < Severity.WARNING < Severity.ERROR


def test_keys_of_the_object() -> None:
    keys = re.findall(r'(?m)^        "(\w+)":', inspect.getsource(as_json.text))
    assert [name for item in PAGE.heads("EXAMPLES", "Cm") for name in item.names] == keys
    of_remarks = re.findall(r'(?m)^        "(\w+)":', inspect.getsource(as_json.as_object))
    assert all(f".Cm {key}" in PAGE.text for key in of_remarks)


def test_environment() -> None:
    sources = "".join(inspect.getsource(module) for module in (cli, chain_checks, checkup, trying))
    for name in PAGE.named("ENVIRONMENT", "Ev"):
        assert re.search(rf'"{name}"', sources), name
    assert {name.decode() for name in trying.PASSED_ON} <= PAGE.named("ENVIRONMENT", "Ev")


def test_the_usual_command_line() -> None:
    assert f".Ql {b' '.join(trying.USUAL).decode()} ." in PAGE.lines
