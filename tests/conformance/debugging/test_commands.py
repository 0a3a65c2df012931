"""Every command, on the simulated machine: what it does, and what it says when it is used wrongly."""

from pathlib import Path

import pytest

from conformance.debugging.words import COMMANDS
from tests.conformance.debugging.driving import INTERRUPT, LOGIN, debug

EFFECTS = [  # a command; what was typed before; what is seen after it
    (":split 2,4 NOOP", [], "C: NO\\|OP\\|\nS: 250 ok"),
    (":burst", ["NOOP"], "C: NOOP\nS: 250 ok"),
    (":end", [":burst", "NOOP", "HELO me"], "C: NOOP\nC: HELO me\nS: 250 ok\nS: 250 mail.example.org"),
    (":raw 4e4f 4f50 0a", [], "C: NOOP\\n\\\nS: 250 ok"),
    (":slow 1s NOOP", [], r"C: N\|O\|O\|P\|\r\|\n" + "\\\nS: 250 ok"),
    (":eof", [], "C! eof\nS: 454 "),
    (":hangup", [], "C! hangup\n"),
    (":reset", [], "C! reset\n"),
    (":stall", [], "C! stall\n"),
    (":resume", [":stall", "NOOP"], "C! resume\nS: 250 ok\n"),
    (":tls", [], "S: 220 Ready to start TLS (#5.7.0)\nS! tls\n"),
    (":wait 2s", [], "# 2 s passed"),
    (":wait", [], "# nothing in 60 s; :skip 1200s lets more time pass"),
    (":skip 1200s", [], "S: 451 authup timeout (#4.4.2)\n"),
    (":expect 25[0-9] within 5s", ["NOOP"], "# S: found 250"),
    (":as inner", [], "# what the inner program says is typed now"),
    (":accept uid=1002", [":as checkpassword", ":as client", LOGIN], "c! start uid=1002 AUTHUP_USER=alice"),
    (":reject", [":as checkpassword", ":as client", LOGIN], "K! exit 1"),
    (":hang", [":as checkpassword", ":as client", LOGIN], "K! hang"),
    (":exit 16", [LOGIN, ":as inner"], "s! exit 16\n"),
    (":signal KILL authup", [], "A! signal KILL authup\nS! eof\nS! signal KILL"),
    (":block TLS=1", [":as tls", ":as client", ":tls"], "T! block TLS=1\n"),
    (":refuse", [":as tls", ":as client", ":tls"], "T! refuse\n"),
    (":close", [":as tls", ":as client", ":tls"], "T! hangup\n"),
    (":ps", [LOGIN], "101 checkpassword → checknotroot → fixsmtpio uid 1001"),
    (":fds authup", [], "0"),
    (":env authup", [], "PATH="),
    (":why", ["NOOP"], "AUTHUP-SMTP-1"),
    (":rules", ["NOOP"], "AUTHUP-SMTP-1"),
    (":time", [], "# 0.000 s since the start"),
    (":quiet inner", [], "# not shown: c s"),
    (":help wait", [], ":wait [5s]  let time pass"),
    (":back", ["NOOP", "HELO me"], "# 1 back: 1 steps done again, with the same outcome"),
    (":restart again", ["NOOP"], "C: NOOP\nS: 250 ok\n# 1 steps done again"),
    (":run capa#1", [], "# the scenario was played to its end"),
    (":run capa#1 until 22", [], "# stands before line 22"),
    (":step 2", [":run capa#1 until 22"], "C: CAPA\n"),
    (":continue", [":run capa#1 until 22"], "# the end of the scenario: all is as written"),
    (":list", [":run capa#1 until 22"], ">   22  C: CAPA"),
    (
        ":control smtpgreeting 1 x.example",
        ["HELO me"],
        "S: 250 x.example\n# control/smtpgreeting has changed",
    ),
    (":control smtpgreeting remove", [], "started anew, 0 steps done again"),
    (":control smtpgreeting", [], "   1  mail.example.org"),
    (":control new/file + x", [], "# new/file has changed"),
    (":cast it.cast", [], "# it.cast: "),
]
WRONG = [
    *[f":{name}" for name in ("split", "raw", "slow", "skip", "expect", "as", "exit", "signal", "fds",
        "env", "run")],
    *[f":{name}" for name in ("save", "diff", "cast", "end", "accept", "reject", "hang", "block",
        "refuse", "close")],
    *[f":{name} nonsense" for name in ("split", "raw", "slow", "wait", "skip", "as", "tls", "accept",
        "exit")],
    *[f":{name} nonsense" for name in ("signal", "fds", "env", "why", "hex", "time", "quiet", "help",
        "back")],
    *[f":{name} nonsense" for name in ("restart", "run", "break", "control")],
    *[":back 0", ":back 1", ":back -1", ":back 99999999999", ":list", ":slow 1s {repeat:9999:xx}"],
    *[":split 99 NOOP", ":split 0 NOOP\\x", ":exit 256", ":exit -1", ":exit 1", ":signal KILL nobody"],
    *[":expect (", ":expect x within x", ":expect € within 1s", ":wait 1e9", ":wait inf", ":wait -1"],
    *[":skip 9999h"],
    *[":run /bin/ls", ":run .", ":run nosuch", ":run capa until x", ":save nosuch/x", ":save x\0"],
    *[":cast /"],
    *[":control ../x + x", ":control /etc/x + x", ":control x/ + x", ":control smtpgreeting 9 x"],
    *[":control x edit"],
    *[":control smtpgreeting + {num:x}", ":nonsense", ":", ": ", ":q", ":re", ":\0"],
    *["{", "{b64:", "{file:x}", "{num:x}", "{any}", "{repeat:999999999:x}", "\\xZZ", ":accept uid=1 uid=x"],
]  # fmt: skip


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("command", "before", "seen"), EFFECTS, ids=[command for command, _, _ in EFFECTS])
def test_effects(command: str, before: list[str], seen: str) -> None:
    lines = [":burst", *before, ":end"] if command == ":burst" else [*before, command]
    found = debug(lines, ["--tls"] if ":tls" in lines else [])
    assert found.code == 0
    assert seen in found.screen.partition(command)[2]


def test_every_command_is_here() -> None:
    elsewhere = {"auto", "hex", "break", "quit", "save", "diff"}  # below, and in test_scripts.py
    assert {line[1:].split()[0] for line, _, _ in EFFECTS} | elsewhere == set(COMMANDS)


@pytest.mark.parametrize("line", WRONG)
def test_wrong_usage_is_one_line_and_the_session_goes_on(line: str) -> None:
    found = debug([line, "HELO me"])
    said = [text for text in found.screen.splitlines() if text.startswith("?")]
    assert len(said) == 1, found.screen
    assert found.screen.endswith("C: HELO me\nS: 250 mail.example.org\n")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([":as tls"], "this chain has no TLS front end"),
        ([LOGIN, ":as inner", ":as client", ":hangup", "NOOP"], "the client has ended that"),
        ([LOGIN, ":as inner", ":as client", ":eof", ":eof"], "the client has ended that"),
        ([":accept uid=²"], "expected :accept, or :accept uid=1002"),
        ([":break ²"], "expected"),
        ([":save ."], ".: Is a directory"),
        ([":expect S a{99999999999}"], "a{99999999999}: the repetition"),
        ([":eof", "NOOP"], "nobody is there any more (exit 12)"),
    ],
)
def test_what_cannot_be_done_is_said(lines: list[str], said: str) -> None:
    assert f"? {said}" in debug(lines).screen


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([":refuse"], "the TLS front end plays by itself"),
        ([":as tls", ":refuse"], "nobody has asked for TLS yet"),
        ([":tls", ":as tls"], "TLS was asked for before"),
        ([":as tls", ":as client", ":tls", ":refuse", ":block"], "nobody is there any more (exit 12)"),
    ],
)
def test_what_the_front_end_cannot_do(lines: list[str], said: str) -> None:
    assert f"? {said}" in debug(lines, ["--tls"]).screen


def test_hex_shows_bytes() -> None:
    screen = debug([":hex", "NOOP", ":hex off", "NOOP"]).screen
    assert "C: 4e 4f 4f 50 0d 0a" in screen
    assert screen.endswith("C: NOOP\nS: 250 ok\n")


def test_quit_quits() -> None:
    assert "NOOP" not in debug([":quit", "NOOP"]).screen


def test_everybody_by_himself_again() -> None:
    screen = debug([":as checkpassword", ":as client", LOGIN, ":auto", "NOOP", ":restart", LOGIN]).screen
    assert screen.count("c! start uid=1001") == 1
    assert screen.endswith("S: 235 ok, go ahead (#2.0.0)\n")


def test_a_burst_is_given_up_with_ctrl_c() -> None:
    assert debug([":burst", "NOOP", INTERRUPT, "HELO me"]).screen.endswith(
        "C: HELO me\nS: 250 mail.example.org\n"
    )


def test_a_break_stops_the_scenario() -> None:
    screen = debug([":run capa#1 until 22", ":break 'S: +OK cap*'", ":continue"]).screen
    assert "# break: S: +OK cap*" in screen
    assert "the end of the scenario" not in screen


@pytest.mark.parametrize("command", sorted({*COMMANDS, "nonsense"} - {"save", "diff"}))
def test_commands_after_the_end_of_the_chain(command: str) -> None:
    found = debug(
        [":signal KILL authup", f":{command}", "NOOP", INTERRUPT, ":restart", ":hex off", "HELO me"]
    )
    assert found.code == 0
    assert command == "quit" or "C: HELO me\n" in found.screen
