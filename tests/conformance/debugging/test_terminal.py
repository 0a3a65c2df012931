"""`conform debug` on a real terminal: line editing, history, signals, and what is left afterwards."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.debugging.prompts import HISTORY
from tests.conformance.debugging.driving import LOGIN
from tests.conformance.debugging.person import CONFORM, CTRL_C, CTRL_D, CUT, HOME, LEFT, TAB, UP, Person
from tests.conformance.test_real import needs_root

At = Callable[..., Person]
GREETED = ("220 mail.example.org ESMTP", "C>")


@pytest.fixture
def at(tmp_path: Path) -> Iterator[At]:
    """Sit down at a terminal; what still runs at the end is hung up."""
    people = []

    def sit_down(*args: str, **env: str) -> Person:
        person = Person(tmp_path, *args, env=env)
        people.append(person)
        person.sees(*GREETED)
        return person

    yield sit_down
    for person in people:
        person.child.close(force=True)


def test_what_is_typed_is_sent_and_all_lanes_are_seen(at: At) -> None:
    person = at()
    person.says(LOGIN)
    person.sees(
        "C: AUTH PLAIN AGFsaWNlAHNlY3JldA==", r"fd3: alice\0secret\0\0", "c! start uid=1001", "S: 235"
    )
    person.says("QUIT")
    person.sees("    c: QUIT", "S: 221 mail.example.org", "S! eof", "S! exit 0")
    person.says(":quit")
    assert person.leaves() == 0


def test_tab_completes_commands_their_words_and_verbs(at: At) -> None:
    person = at()
    for typed, seen in [
        (":sp", ":split"),
        (":control fix", ":control fixsmtpio"),
        ("eh", "EHLO"),
        ("MA", "MAIL"),
    ]:
        person.types(typed + TAB)
        person.sees(seen.removeprefix(typed))
        person.types(HOME + CUT)
    person.types(":qui" + TAB + "inner\r")  # :quiet or :quit: nothing is chosen
    person.sees("inner")
    person.says(":quit")
    assert person.leaves() == 0


def test_a_line_is_corrected_before_it_is_sent(at: At) -> None:
    person = at()
    person.says("HLO me" + LEFT * 5 + "E")
    person.sees("C: HELO me", "S: 250 mail.example.org", "C>")
    person.says("me" + HOME + "HELO \\\\")
    person.sees(r"C: HELO \\me", "S: 250 mail.example.org", "C>")
    person.types("HELO " + CTRL_C)
    person.sees("# Ctrl-C: a line is given up", "C>")
    person.says("NOOP")
    person.sees("C: NOOP", "S: 250 ok", "C>")
    person.types(UP * 2 + "\r")
    person.sees(r"C: HELO \\me")


def test_the_history_is_kept_without_passwords(at: At, tmp_path: Path) -> None:
    secret = "c2VjcmV0"  # in base64
    lines = [
        "EHLO me",
        LOGIN,
        "PASS secret",
        "AUTH LOGIN",
        secret,
        "USER secret",
        "::secret",
        ":save secret.talk",
    ]
    more = [
        f"AUTH PLAIN {secret}",
        ":split 2 PASS secret",
        ":slow 1ms secret",
        ":raw 736563726574",
        "DATA secret",
    ]
    more += [
        "NOOP {b64:secret}",
        ":expect secret within 1s",
        ":burst secret",
        "secret",
        ":end",
        ":fds secret",
    ]
    more += [
        ":secret",
        ":SAVE secret",
        "rcpt secret",
        " PASS secret",
        "ehlo\tsecret",
        ":control secret + secret",
    ]
    allowed = {":save secret.talk", ":fds secret", "rcpt secret", "DATA secret", ":control secret + secret"}
    person = at()
    for line in [*lines[:-1], *more]:
        person.types(HOME + CUT)
        person.types(line.replace("\t", "\x16\t"))
        person.types("\r")
    person.says("NOOP last")
    person.sees("C: NOOP last")
    person.says(":quit")
    assert person.leaves() == 0
    kept = [line[1:] for line in (tmp_path / HISTORY).read_text().splitlines() if line.startswith("+")]
    assert kept[0] == "EHLO me"
    assert kept[-2:] == ["NOOP last", ":quit"]
    assert not [line for line in kept if ("secret" in line or secret in line) and line not in allowed]
    assert (tmp_path / HISTORY).stat().st_mode & 0o077 == 0
    person = at()
    person.types(UP * 2 + "\r")
    person.sees("C: NOOP last")


def test_what_is_pasted_is_line_after_line(at: At, tmp_path: Path) -> None:
    person = at()
    person.types("\x1b[200~NOOP 1\nPASS secret\n\x1b[201~\r")
    person.sees("C: NOOP 1", "S: 250", "C: PASS secret", "S: 530", "C>")
    person.says(":quit")
    assert person.leaves() == 0
    assert "secret" not in (tmp_path / HISTORY).read_text()


def test_ctrl_d_is_the_end_of_input_and_then_of_it_all(at: At) -> None:
    person = at()
    person.types(CTRL_D)
    person.sees("C! eof", "S! exit 12", "C>")
    person.types(CTRL_D)
    assert person.leaves() == 0


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"NO_COLOR": "1"}, {"TERM": "nonsense"}])
def test_other_terminals(at: At, env: dict[str, str]) -> None:
    person = at("--color", "auto", **env)
    person.says("NOOP")
    person.sees("250 ok")
    person.says(":quit")
    assert person.leaves() == 0


def test_another_size_of_the_terminal(at: At, tmp_path: Path) -> None:
    person = at()
    person.child.setwinsize(30, 40)
    person.says("NOOP " + "x" * 60)
    person.sees("C: NOOP " + "x" * 60, "S: 250 ok", "C>")
    person.says(":cast it.cast")
    person.sees("it.cast:")
    header, *events = map(json.loads, (tmp_path / "it.cast").read_text().splitlines())
    assert (header["term"]["cols"], header["term"]["rows"]) == (100, 24)
    assert [data for _, kind, data in events if kind == "r"] == ["40x30"]


def test_an_editor_changes_a_control_file_and_all_is_done_again(at: At, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\ntest -t 0 && echo 'mail.example.net' >\"$1\"\n")
    editor.chmod(0o755)
    person = at(EDITOR=str(editor))
    person.says("HELO me")
    person.sees("S: 250 mail.example.org")
    person.says(":control smtpgreeting edit")
    person.sees("S: 250 mail.example.net", "1 steps done again")
    editor.write_text("#!/bin/sh\nexit 3\n")
    person.says(":control smtpgreeting edit")
    person.sees("? ", "has said 3: nothing is changed")


def test_a_pattern_that_takes_for_ever_is_given_up(at: At) -> None:
    person = at()
    person.says(":expect S (([ -~]+)+)+!")
    person.sees(":expect S")
    person.types(CTRL_C)
    person.sees("? interrupted: this pattern takes too long", "C>")
    person.says("NOOP")
    person.sees("S: 250 ok")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_was_recorded_outlives_a_signal(tmp_path: Path, number: signal.Signals) -> None:
    person = Person(tmp_path, command=(*CONFORM, "record", "--color", "never", "it.talk"))
    person.sees(*GREETED)
    person.says("NOOP")
    person.sees("S: 250 ok", "C>")
    os.kill(person.pid, number)
    assert person.leaves() == 128 + number
    assert "\nC: NOOP\nS: 250 ok\n" in (tmp_path / "it.talk").read_text()


def test_what_is_saved_is_what_was_on_the_screen(at: At, tmp_path: Path) -> None:
    person = at()
    person.says("HELO me")
    person.sees("S: 250 mail.example.org")
    person.says(":save try")
    person.sees("try.talk: ", "lint: ok", "the same dialogue on sim: identical")
    assert "\nC: HELO me\n" in (tmp_path / "try.talk").read_text()


# Real processes


@needs_root
def test_ctrl_c_gives_up_a_command_and_the_session_goes_on(at: At) -> None:
    person = at("-t", "ours")
    person.says(":wait 1200s")
    person.sees(":wait 1200s\r\n")
    person.types(CTRL_C)
    person.sees("interrupted", "C>")
    person.says("NOOP")
    person.sees("C: NOOP", "S: 250 ok")


@needs_root
def test_ctrl_c_gives_up_what_is_done_again(at: At) -> None:
    person = at("-t", "ours")
    person.says("NOOP")
    person.sees("S: 250 ok", "C>")
    person.says(":skip 2s")
    person.sees("gives up)", "C>")
    person.says(":restart again")
    person.sees("C: NOOP", "S: 250 ok")
    person.types(CTRL_C)
    person.sees("? interrupted in step", "C>")
    person.says("HELO me")
    person.sees("C: HELO me", "S: 250 mail")


@needs_root
def test_what_comes_while_one_types_stands_above_the_line(at: At) -> None:
    person = at("-t", "ours")
    person.says(":control authdelay + 1")
    person.sees("started anew")
    person.says(LOGIN.replace("secret", "wrong"))
    person.sees("checkpassword", "C>")
    person.types("QU")
    person.sees("S: 535", "(#5.7.0)", "C>", "QU")
    person.says("IT")
    person.sees("C: QUIT", "S: 221 mail.example.org")


@needs_root
def test_a_chain_that_dies_while_one_types(at: At) -> None:
    person = at("-t", "ours")
    (pid,) = [pid for pid in descendants(person.pid) if b"authup\0smtp" in command_of(pid)]
    person.types("NO")
    person.sees("NO")
    os.kill(pid, signal.SIGKILL)
    person.sees("S! ", "signal KILL", "C>", "NO")
    person.says("OP")
    person.sees("? nobody is there any more (signal KILL)")
    person.says(":restart")
    person.sees(*GREETED)
    person.says("NOOP")
    person.sees("S: 250 ok")
    person.says(":signal KILL authup")
    person.sees("signal KILL")


@needs_root
def test_sigterm_leaves_nothing_but_a_terminal_as_it_was(tmp_path: Path) -> None:
    script = f"stty -a; {' '.join(CONFORM)} debug -t ours; echo code $?; stty -a; echo done"
    person = Person(tmp_path, command=("sh", "-c", script))
    person.sees("-echoprt")
    before = person.child.before
    person.sees("ESMTP", "C>")
    shell = person.pid
    (debugger,) = children(shell)
    started = descendants(debugger)
    assert len(started) > 1
    os.kill(debugger, signal.SIGTERM)
    person.sees("code 143\r\n", "-echoprt")
    assert person.child.before == before
    person.sees("done")
    assert not [pid for pid in started if is_alive(pid)]
    assert not list(person.temporary.iterdir())
    person.leaves()


def children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(word) for word in (task / "children").read_text().split()]
    return found


def descendants(pid: int) -> list[int]:
    return [one for child in children(pid) for one in (child, *descendants(child))]


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def is_alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"
