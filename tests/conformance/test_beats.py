"""What the lines of a talk mean: packets, expectations, events, silences, files."""

import pytest

from conformance.format.octets import Capture, Edge
from conformance.format.talk_parser import TalkError, parse
from conformance.playing.beats import Beat, Event, Expect, Score, Send, is_expected, understand


def score(*lines: str, above: str = "run: {authup} smtp\n") -> Score:
    """Understand a talk; with the `above` of one line its first line is line 3."""
    return understand(parse(above + "-- talk --\n" + "".join(f"{line}\n" for line in lines), file="bad.talk"))


def beats(*lines: str) -> tuple[Beat, ...]:
    return score(*lines).beats


def test_lines_of_one_sender_are_one_packet() -> None:
    assert beats("C: a", "# a comment", "C: b") == (Send("C", (b"a\r\nb\r\n",), 3, ((3, 3), (5, 3))),)


@pytest.mark.parametrize("between", ["", "    c: x", "    s: x", "CT: x", "S! silent 1s", "A! wait 1s"])
def test_anything_but_a_comment_parts_two_packets(between: str) -> None:
    found = [
        beat.what for beat in beats("C: a", between, "C: b") if isinstance(beat, Send) and beat.lane == "C"
    ]
    assert found == [(b"a\r\n",), (b"b\r\n",)]


def test_lines_end_as_their_stream_wants_it() -> None:
    found = beats("C: a", "    s: a", "S: a", "    c: a", "E: a", "    fd3: a\\0", "C: a\\")
    whole = [beat.what for beat in found if not isinstance(beat, Event)]
    assert whole == [(b"a\r\n",), (b"a\r\n",), (b"a\r\n",), (b"a\r\n",), (b"a\n",), (b"a\0",), (b"a",)]


def test_edges_stay_in_the_packet() -> None:
    (send,) = beats("C: foo\\|.", "C: x\\|\\")
    assert isinstance(send, Send)
    assert send.what == (b"foo", Edge(), b".\r\nx", Edge())
    assert send.lines == ((3, 6), (4, 1))
    assert not send.dynamic


def test_a_packet_with_a_capture_is_dynamic() -> None:
    (send,) = beats("S: <{pid:p}>", "C: <{pid:p}>")[1:]
    assert isinstance(send, Send)
    assert send.what == (b"<", Capture("pid", "p"), b">\r\n")
    assert send.dynamic
    assert send.lines == ((4, 0),)


def test_rules_reach_to_the_next_empty_line() -> None:
    found = beats("# [CTL-1] one", "S: a", "# [CTL-2 ordered] two", "S! eof", "", "S! exit 0")
    assert [beat.rules for beat in found if not isinstance(beat, Send)] == [
        ("CTL-1",),
        ("CTL-1", "CTL-2"),
        (),
    ]
    ordered = beats("# [ordered]", "S: a", "", "S: b")
    assert [beat.ordered for beat in ordered if isinstance(beat, Expect)] == [True, False]


def test_a_mark_is_a_silence_before_what_is_expected() -> None:
    assert beats("+5s", "# comment", "+0.5s", "", "S: a") == (Expect("S", (b"a\r\n",), 7, (), after=5.5),)
    assert beats("+2s", "S! exit 1") == (Event("S", ("exit", "1"), 4, (), after=2.0),)


def test_a_mark_lets_time_pass_before_we_act() -> None:
    assert beats("+1199s", "C: a") == (
        Event("A", ("wait", "1199s"), 4, ()),
        Send("C", (b"a\r\n",), 4, ((4, 3),)),
    )
    assert beats("+3s", "C! eof") == (Event("A", ("wait", "3s"), 4, ()), Event("C", ("eof",), 4, ()))


def test_a_long_pause_is_exact() -> None:
    (pause, _) = beats("+1234567.125s", "C: a")
    assert isinstance(pause, Event)
    assert pause.words == ("wait", "1234567.125s")


def test_a_mark_parts_two_packets() -> None:
    assert [type(beat) for beat in beats("C: a", "+1s", "C: b")] == [Send, Event, Send]


def test_alternatives_are_understood_like_their_line() -> None:
    (line,) = beats("E: a", " |: b", " |info: {any}")
    assert isinstance(line, Expect)
    assert [kind for kind, _ in line.alternatives] == ["non-strict", "info"]
    assert line.alternatives[0][1] == (b"b\n",)


def test_files_are_bytes_below_the_qmail_home() -> None:
    above = (
        "-- control/me --\nmail.example.org\n-- control/x octets --\na\\0\\r\nno end\\\n"
        "-- control/dir/ --\n-- body --\nnot a file\n"
    )
    assert score("C: {file:control/me}\\", above=above).files == {
        "control/me": b"mail.example.org\n",
        "control/x": b"a\0\r\nno end",
        "control/dir/": b"",
    }


def test_a_score_knows_its_chain_and_tree() -> None:
    found = score("S: x", above="run:  {authup} smtp  {prog} -a\n-- processes --\nauthup\n")
    assert found.chain == ("{authup}", "smtp", "{prog}", "-a")
    assert found.processes is not None
    assert found.processes.lines == ("authup",)
    assert score("S: x").processes is None


def test_what_is_expected_and_what_we_do() -> None:
    ours = beats(
        "C: a", "C! eof", "    s: a", "    s! exit 0", "    K! unread", "T! refuse", "A! signal TERM reup"
    )
    theirs = beats(
        "S: a", "    c: a", "    fd3: a", "E: a", "S! tls", "    c! start", "    K! killed KILL", "ST! eof"
    )
    assert not any(map(is_expected, ours))
    assert all(map(is_expected, theirs))


@pytest.mark.parametrize(
    "event",
    [
        "C! stall",
        "CT! hangup",
        "S! signal SEGV",
        "S! silent 3s",
        "ST! silent 0.5s",
        "    c! start",
        "    c! start uid=1001 fds=0,1,2 NAME=value NAME !NAME argv=a,b",
        "    c! killed SIGTERM",
        "    s! signal 9",
        "    s! ignore TERM",
        "    K! start uid=0",
        "    K! exit 111",
        "    K! hang",
        "    T! env NAME=a value",
        "    T! env NAME",
        "    T! block",
        "    T! block SSL_X=1\\0\\0",
        "    T! close",
        "A! signal TERM authup",
        "A! wait 3s",
    ],
)
def test_events(event: str) -> None:
    gutter, _, words = event.strip().partition("! ")
    assert beats(event) == (Event(gutter, tuple(words.split()), 3, ()),)


@pytest.mark.parametrize(
    ("lines", "line", "reason"),
    [
        (["C! tls"], 3, "C! tls: expected one of eof hangup reset resume stall"),
        (["S! reset"], 3, "S! reset: expected one of"),
        (["S! exit"], 3, "S! exit: expected N below 256 behind it"),
        (["S! exit x"], 3, "expected N below 256 behind it"),
        (["S! eof now"], 3, "S! eof: expected nothing behind it"),
        (["S! signal SIGNAL"], 3, "expected NAME of a signal"),
        (["S! silent 3"], 3, "expected 3s behind it"),
        (["A! wait"], 3, "expected 3s behind it"),
        (["A! signal TERM"], 3, "expected NAME PROGRAM behind it"),
        (["A! signal NO authup"], 3, "expected NAME of a signal"),
        (["    c! start uid:1"], 3, "expected attributes"),
        (["T! env"], 3, "expected NAME=VALUE or NAME"),
        (["+1s", "S! silent 3s"], 4, "seconds of a silence in one place"),
        (["S: x", "+5s"], 4, "expected a line after the time mark"),
        (["S: {column}"], 3, "expected a column"),
        (["S: x", " |: {file:none}"], 4, "expected a section of that name"),
        (["S: {file:none}"], 3, "expected a section of that name"),
    ],
)
def test_errors(lines: list[str], line: int, reason: str) -> None:
    with pytest.raises(TalkError, match=reason) as caught:
        score(*lines)
    assert str(caught.value).startswith(f"bad.talk:{line}: ")


def test_bad_octets_in_a_file_are_found_where_they_stand() -> None:
    with pytest.raises(TalkError, match=r"bad\.talk:3: .*expected one of"):
        score("S: x", above="-- control/me octets --\nfine\n\\q\n")
    with pytest.raises(TalkError, match=r"bad\.talk:2: .*the bytes must be known"):
        score("S: x", above="-- control/me octets --\n{pid:a}\n")
