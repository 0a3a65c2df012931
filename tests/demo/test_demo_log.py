"""The live log: which lines become which entries."""

from collections.abc import Iterable

import pytest

from fakes.demo_log import Entry, Kind, LiveLog, printable, render


def shown(lines: Iterable[bytes], users: dict[int, str] | None = None) -> list[str]:
    log = LiveLog("smtp", users or {0: "root", 20001: "alice"})
    return [
        " ".join(filter(None, [entry.connection, entry.program, entry.pid, entry.text]))
        for line in lines
        for entry in log.line(line)
    ]


STARTED = [
    b"tcpserver: status: 1/40",
    b"tcpserver: pid 10 from 127.0.0.1",
    b"tcpserver: ok 10 0:127.0.0.1:2626 :127.0.0.1::41000",
    b"demo: 10 9 0 reup",
    b"demo: 11 10 0 authup",
]
LOGGED_IN = [
    *STARTED,
    b"demo: 12 11 0 checkpassword",
    b"demo: 12 11 20001 checknotroot",
    b"demo: 12 11 20001 fixsmtpio",
    b"demo: 13 12 20001 ofmipd",
]


def filtered(*lines: bytes) -> list[str]:
    debug = [b"fixsmtpio 12 env 13 " + line for line in lines]
    prefix = "smtp 1 fixsmtpio 12 "
    entries = shown([*LOGGED_IN, *debug, b"tcpserver: end 10 status 0"])[len(shown(LOGGED_IN)) :]
    assert entries.pop() == "smtp 1 listener 10 connection ends, exit code 0"
    return [entry.removeprefix(prefix) for entry in entries]


def test_programs_are_known_by_who_started_them() -> None:
    assert shown(LOGGED_IN) == [
        "smtp 1 listener 10 connection from 127.0.0.1",
        "smtp 1 reup 10 starts as root (UID 0)",
        "smtp 1 authup 11 starts as root (UID 0)",
        "smtp 1 checkpassword 12 starts as root (UID 0)",
        "smtp 1 checknotroot 12 starts as alice (UID 20001)",
        "smtp 1 fixsmtpio 12 starts as alice (UID 20001)",
        "smtp 1 ofmipd 13 starts as alice (UID 20001)",
    ]


def test_a_user_without_a_name() -> None:
    assert shown([b"demo: 10 9 5 reup"]) == ["smtp 1 reup 10 starts as UID 5"]


def test_a_program_may_speak_before_the_listener_does() -> None:
    lines = [b"demo: 10 9 0 authup", b"listener: pid 10 from 127.0.0.1", b"demo: 20 9 0 authup"]
    assert [entry[:6] for entry in shown(lines)] == ["smtp 1", "smtp 1", "smtp 2"]


def test_logins() -> None:
    lines = [
        b"authup 11 protocol smtp",
        b"authup 11 checkpassword 12 attempt for al\\x20ice from 127.0.0.1",
        b"authup 11 checkpassword 12 failed, 0 remaining from 127.0.0.1",
        b"authup 11 checkpassword 12 succeeded, child completed",
        b"reup 10 authup 11 (1/5): exit 1",
        b"tcpserver: end 10 status 256",
    ]
    assert shown([*STARTED, *lines])[3:] == [
        "smtp 1 authup 11 somebody wants to log in as al\\x20ice",
        "smtp 1 authup 11 login refused; the client is told in 5 seconds",
        "smtp 1 authup 11 login and session completed",
        "smtp 1 reup 10 authup has ended, try 1 of 5: exit 1",
        "smtp 1 listener 10 connection ends, exit code 1",
    ]


def test_a_connection_that_a_signal_ends() -> None:
    assert shown([b"tcpserver: end 10 status 15"]) == [
        "smtp 1 listener 10 connection ends, killed by signal 15"
    ]


def test_a_process_id_that_comes_again_is_another_connection() -> None:
    again = [*STARTED, b"tcpserver: end 10 status 0", *STARTED]
    assert [entry for entry in shown(again) if "authup" in entry] == [
        "smtp 1 authup 11 starts as root (UID 0)",
        "smtp 2 authup 11 starts as root (UID 0)",
    ]


def test_only_a_checknotroot_that_is_root_says_so() -> None:
    terminating = b"checknotroot: WAS RUNNING AS ROOT, TERMINATING"
    other = [b"demo: 20 9 0 authup", b"demo: 21 20 0 checkpassword", b"demo: 21 20 0 checknotroot"]
    entries = shown([*LOGGED_IN, *other, terminating, terminating])
    assert entries[-2] == "smtp 2 checknotroot 21 WAS RUNNING AS ROOT, TERMINATING"
    assert entries[-1] == "smtp checknotroot WAS RUNNING AS ROOT, TERMINATING"


def test_what_passes_the_filter_as_it_is() -> None:
    assert filtered(b"1: NOOP\r", b"2: NOOP\r", b"3: 250 ok\r", b"4: 250 ok\r") == [
        "client: NOOP",
        "server: 250 ok",
    ]


def test_what_the_rules_change() -> None:
    assert filtered(
        b"1: AUTH PLAIN ***",
        b"2: NOOP AUTH PLAIN ***",
        b"3: 250-ofmipd.local\r",
        b"3: 250-PIPELINING\r",
        b"3: 250 AUTH\r",
        b"4: 250-demo\r",
        b"4: 250 PIPELINING\r",
    ) == [
        "client: AUTH PLAIN ***",
        " rules: NOOP AUTH PLAIN ***",
        "server: 250-ofmipd.local",
        "server: 250-PIPELINING",
        "server: 250 AUTH",
        " rules: 250-demo",
        " rules: 250 PIPELINING",
    ]


def test_one_changed_line_among_others() -> None:
    assert filtered(
        b"3: 250-a\r", b"3: 250-b\r", b"3: 250 c\r", b"4: 250-a\r", b"4: 250-B\r", b"4: 250 c\r"
    ) == [
        "server: 250-a",
        "server: 250-b",
        " rules: 250-B",
        "server: 250 c",
    ]


@pytest.mark.parametrize("what_follows", [[], [b"1: QUIT\r", b"2: QUIT\r"], [b"3: 250 ok\r", b"4: 250 ok\r"]])
def test_a_reply_that_the_rules_remove(what_follows: list[bytes]) -> None:
    assert filtered(b"3: 451 timeout\r", *what_follows)[:2] == ["server: 451 timeout", " rules: (removed)"]


def test_a_reply_without_a_server() -> None:
    assert filtered(b"4: 500 line too long\r") == [" rules: 500 line too long"]


def test_a_message_is_counted_and_not_shown() -> None:
    end = [b"3: 250 ok\r", b"4: 250 ok\r"]
    assert filtered(b"D: secret\r", b"D: .\r", *end) == ["client: (a message, 11 bytes)", "server: 250 ok"]
    assert filtered(b"D: " + b"x" * 70000, *end)[0] == "client: (a message, more than 65536 bytes)"


def test_sessions_that_go_on_at_once_are_kept_apart() -> None:
    other = [b"demo: 20 9 0 reup", b"demo: 22 20 20001 fixsmtpio"]
    lines = [
        b"fixsmtpio 12 env 13 3: 220 a\r",
        b"fixsmtpio 22 env 23 3: 220 b\r",
        b"fixsmtpio 12 env 13 4: 220 a\r",
        b"fixsmtpio 22 env 23 4: 220 b\r",
    ]
    assert shown([*LOGGED_IN, *other, *lines])[-2:] == [
        "smtp 1 fixsmtpio 12 server: 220 a",
        "smtp 2 fixsmtpio 22 server: 220 b",
    ]


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        (b"", "smtp "),
        (b"\x1b[2Jnonsense\xff", "smtp \\x1b[2Jnonsense\\xff"),
        (b"fixsmtpio: aack, child crashed", "smtp fixsmtpio aack, child crashed"),
        (b"fixsmtpio 99 env 98 3: 220 \x07", "smtp fixsmtpio 99 220 \\x07"),
        (b"authup 99 checkpassword 98 attempt for x", "smtp ? 99 somebody wants to log in as x"),
        (b"demo: 99999999999 1 0 reup", "smtp demo 99999999999 1 0 reup"),
        (b"authup 11 negotiated TLS", "smtp authup 11 negotiated TLS"),
    ],
)
def test_what_is_not_understood_is_shown_and_does_nothing(line: bytes, entry: str) -> None:
    log = LiveLog("smtp", {})
    assert " ".join(part for one in log.line(line) for part in one[:4] if part) == entry.strip()


def test_printable() -> None:
    assert printable("Grüße\t\x9b\u202e".encode()) == "Grüße\\x09\\x9b\\x202e"


def test_rendering() -> None:
    entry = Entry("smtp 1", "fixsmtpio", "12", "x" * 100, Kind.CHANGED)
    plain = render(entry, "12:00:00", width=None, colour=False)
    assert plain == "12:00:00 smtp 1  fixsmtpio          12 " + "x" * 100
    cut = render(entry, "12:00:00", width=80, colour=False)
    assert len(cut) == 80
    assert cut.endswith("x...")
    assert render(entry, "12:00:00", width=80, colour=True) == f"\033[1;32m{cut}\033[0m"
