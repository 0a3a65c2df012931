"""Variations: their text, which ones a case gets, and what they do to its beats."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.format import octets
from conformance.format.talk_parser import parse as parse_talk
from conformance.playing.beats import Beat, Event, Expect, Score, Send, understand
from conformance.varying.cutting import Cut
from conformance.varying.merging import mergeable
from conformance.varying.tokens import Token, TokenError, parse_token
from conformance.varying.variation_plan import LeftOut, enumerate_variations
from conformance.varying.variations import (
    BASE,
    EVERY_BYTE,
    MERGE_ALL,
    Variation,
    VariationError,
    apply,
    cuts_at,
    impossible,
    opening_changes,
    parse,
)

HEADER = "title: t\nrun: {authup} smtp {checkpassword} {ofmipd}\n"


def score(*lines: str, header: str = "", files: str = "") -> Score:
    """Understand these lines of a talk; the first of them is line 1 of the file + what stands above."""
    return understand(parse_talk(HEADER + header + files + "-- talk --\n" + "\n".join(lines) + "\n"))


def packets(beats: tuple[Beat, ...], lane: str = "C") -> list[list[bytes]]:
    """Return what each Send of a lane puts on the wire, packet by packet."""
    sends = []
    for beat in beats:
        if isinstance(beat, Send) and beat.lane == lane:
            data, edges = octets.resolve(beat.what, {})
            bounds = [0, *edges, len(data)]
            sends.append([data[start:end] for start, end in itertools.pairwise(bounds)])
    return sends


def texts(score: Score, level: object, kind: str = "simulation", most: int = 10_000) -> list[str]:
    found = enumerate_variations(score, level, 1, kind)  # type: ignore[arg-type]
    return [str(variation) for variation in itertools.islice(found, most)]


NUMBERS = st.integers(0, 10**12)
VARIATIONS = st.one_of(
    st.just(BASE),
    st.just(EVERY_BYTE),
    st.lists(st.builds(Cut, NUMBERS, NUMBERS), min_size=1).map(cuts_at),
    st.builds(
        lambda kind, number: Variation(kind, number=number),
        st.sampled_from(["multi", "merge", "slow", "schedule", "eintr", "fault"]),
        NUMBERS,
    ),
)


@given(VARIATIONS)
def test_the_text_of_a_variation_reads_back(variation: Variation) -> None:
    assert parse(str(variation)) == variation
    token = Token("pop3/stls-injection#3", "c-reup", variation)
    assert parse_token(str(token)) == token


@pytest.mark.parametrize(
    "text",
    ["", "bytes=3", "base=", "cuts", "cuts=3", "cuts=3:1+", "multi", "multi=x", "merge=some", "slow=-1"],
)
def test_what_is_no_variation(text: str) -> None:
    with pytest.raises(VariationError, match="expected"):
        parse(text)


@pytest.mark.parametrize("text", ["", "case", "case@target", "@target:base", "case@:base", "case@t:nothing"])
def test_what_is_no_token(text: str) -> None:
    with pytest.raises(TokenError, match="expected"):
        parse_token(text)


def test_cuts_count_from_the_line_of_the_file_with_its_ending() -> None:
    case = score("C: NOOP", "C: QUIT")
    beats = apply(parse("cuts=4:4+4:6+5:5"), case)
    assert packets(beats) == [[b"NOOP", b"\r\n", b"QUIT\r", b"\n"]]


@pytest.mark.parametrize("text", ["cuts=4:0", "cuts=4:7", "cuts=5:6", "cuts=6:1", "cuts=3:1"])
def test_a_cut_needs_bytes_on_both_sides(text: str) -> None:
    case = score("C: NOOP", "C: QUIT", "S: 250 ok")
    with pytest.raises(VariationError, match="both sides"):
        apply(parse(text), case)


def test_a_packet_edge_of_the_talk_stays() -> None:
    case = score(r"C: NO\|OP")
    assert packets(apply(BASE, case)) == [[b"NO", b"OP\r\n"]]
    assert packets(apply(parse("cuts=4:3"), case)) == [[b"NO", b"O", b"P\r\n"]]
    assert packets(apply(parse("cuts=4:2"), case)) == [[b"NO", b"OP\r\n"]]
    assert "cuts=4:2" not in texts(case, {"cuts"})


def test_every_byte_in_both_directions_and_nothing_dynamic() -> None:
    case = score("S: +OK <{pid:a}>", "C: AB", "", r"C: {pid:a}\|x", "    s: 2")
    beats = apply(EVERY_BYTE, case)
    assert packets((beats[1],)) == [[b"A", b"B", b"\r", b"\n"]]
    assert beats[2] == case.beats[2]
    assert packets(beats, "s") == [[b"2", b"\r", b"\n"]]


@given(st.integers(0, 1000), st.binary(min_size=1, max_size=40))
def test_no_cut_changes_a_byte(seed: int, data: bytes) -> None:
    case = score(r"C: " + octets.write(data, ending=b"\r\n"))
    beats = apply(Variation("multi", number=seed), case)
    assert b"".join(packets(beats)[0]) == b"".join(packets(case.beats)[0])
    assert beats == apply(Variation("multi", number=seed), case)


def test_quick() -> None:
    found = texts(score("C: A. B", "S: 250 ok"), "quick")
    assert found[:2] == ["base", "bytes"]
    singles = [text for text in found if text.startswith("cuts")]
    assert singles == ["cuts=4:1", "cuts=4:2", "cuts=4:3", "cuts=4:4", "cuts=4:5"]
    assert sum(text.startswith("multi") for text in found) == 8
    assert sum(text.startswith("schedule") for text in found) == 4
    assert len(found) == 2 + 5 + 8 + 4


def test_full_has_every_cut_pairs_merges_and_faults_without_end() -> None:
    found = texts(score("C: ABCD", "S: 250 ok", "C: QUIT"), "full", most=200)
    assert {f"cuts=4:{offset}" for offset in range(1, 6)} <= set(found)
    assert "cuts=4:4+4:5" in found
    assert "cuts=4:1+4:2" not in found
    assert [text for text in found if text.startswith(("merge", "slow", "eintr"))] == [
        "merge=6",
        "slow=1199",
        "eintr=2",
        "eintr=3",
        "eintr=7",
    ]
    assert found[-1] == f"fault={found[::-1].index('eintr=7')}"
    assert len(found) == len(set(found)) == 200


def test_real_processes_get_no_machine_variations() -> None:
    found = texts(score("C: ABCD", "S: 250 ok", "C: QUIT"), "full", kind="exec")
    assert {text.partition("=")[0] for text in found} == {
        "base", "bytes", "cuts", "multi", "merge", "stop"
    }  # fmt: skip
    quick = texts(score("C: ABCD", "S: 250 ok"), "quick", kind="exec")
    assert [text.partition("=")[0] for text in quick] == ["base", "bytes", "multi", "stop"]
    spared = texts(score("C: ABCD", "S: 250 ok", header="vary: cuts\n"), "full", kind="exec")
    assert not [text for text in spared if text.startswith("stop")]


def test_what_a_kind_of_target_cannot_play() -> None:
    for text in ("schedule=1", "eintr=2", "fault=3"):
        assert impossible(parse(text), "simulation") == ""
        assert impossible(parse(text), "exec").startswith("needs the simulated machine for ")
    assert impossible(parse("stop=1"), "exec") == ""
    assert "stops nobody" in impossible(parse("stop=1"), "simulation")
    for text in ("base", "bytes", "cuts=1:1", "merge=all"):
        assert impossible(parse(text), "exec") == impossible(parse(text), "simulation") == ""


def test_the_talk_restricts_the_kinds() -> None:
    lines = ["C: ABCD", "S: 250 ok", "C: QUIT"]
    assert texts(score(*lines, header="vary: none\n"), "full") == ["base"]
    assert texts(score(*lines), "none") == ["base"]
    assert texts(score(*lines, header="vary: merge slow\n"), "full") == ["base", "merge=7", "slow=1199"]
    assert texts(score(*lines), {"merge"}) == ["base", "merge=6"]


def test_a_huge_message_is_cut_at_its_ends_and_at_buffer_sizes() -> None:
    left_out = LeftOut()
    case = score("C: {repeat:5000000:x}")
    found = list(enumerate_variations(case, {"cuts"}, 1, "simulation", left_out))
    assert {cuts_at([Cut(4, offset)]) for offset in (1, 1023, 8192, 65537, 5000001)} <= set(found)
    assert len(found) < 2000
    assert left_out["cuts"] > 4_990_000
    assert left_out["bytes"] == 5000001 - 4096
    assert len(packets(apply(EVERY_BYTE, case))[0]) == 4097


def test_the_seed_decides() -> None:
    case = score("C: EHLO there")
    assert texts(case, "quick") == texts(case, "quick")
    other = [str(variation) for variation in enumerate_variations(case, "quick", 2, "simulation")]
    assert other != texts(case, "quick")


def test_merge_sends_ahead_of_its_turn() -> None:
    case = score("S: 220 x", "C: EHLO", "S: 250 x", "C: NOOP", "S: 250 ok", "C: QUIT")
    beats = apply(parse("merge=7"), case)
    assert packets(beats) == [[b"EHLO\r\nNOOP\r\n"], [b"QUIT\r\n"]]
    expected = [beat.line for beat in beats if isinstance(beat, Expect)]
    assert expected == [4, 6, 8]
    beats = apply(MERGE_ALL, case)
    assert packets(beats) == [[b"EHLO\r\nNOOP\r\nQUIT\r\n"]]
    assert isinstance(beats[1], Send)
    assert [line for line, _ in beats[1].lines] == [5, 7, 9]


@pytest.mark.parametrize(
    "between",
    [
        ["S: 250 ok"],
        ["    fd3: alice\\0x\\0\\0", "+5s", "S: 535 no"],
        ["    fd3: alice\\0x\\0\\0", "    c! start", "    s: 220 me", "S: 235 ok"],
        ["    c: RSET", "    s: 250-a", "    s: 250 b", "S: 250-a", "S: 250 b"],
        ["    c: STAT", "    s: +OK", "S: +OK"],
        ["    fd3: a\\0b\\0\\0", "K! exit 1", "+5s", "S: 535 no"],
        ["C: PLAIN", "S: 501 no"],
        [
            "    s: 220 me",
            "    c: DATA",
            "    s: 354 go",
            "    c: x",
            "    c: .",
            "    c: NOOP",
            "    s: 200 x",
            "    s: 250 y",
        ],
    ],
)
def test_pipelining_is_legitimate(between: list[str]) -> None:
    assert 4 + 1 + len(between) in mergeable(score("C: one", *between, "C: last", "S: 250 ok"))


@pytest.mark.parametrize(
    "between",
    [
        ["S: 221 bye", "S! eof"],
        ["S! silent 3s"],
        ["    c! silent 3s"],
        ["S: 250 ok", "A! wait 3s"],
        ["S: 250 ok", "+3s"],  # before a sent line: time passes
        ["    s: 220 me", "    s: 421 nobody asked", "S: 421 nobody asked"],
        ["    s: 220 me", "    c: NOOP", "    s: 250 ok", "    s: 421 going", "S: 250 ok"],
        [
            "    s: 220 me",
            "    c: DATA",
            "    s: 354 go",
            "    c: x",
            "    c: y",
            "    s: 451 b",
            "    s: 451 c",
        ],
        ["    s! exit 1", "S: 250 ok"],
        ["A! signal TERM authup", "S: 421 down"],
        ["C! stall", "C! resume"],
        ["T! env A=B", "S: 250 ok"],
        ["# ordered here:", "# [ordered FIX-REQ-3] x", "    c: NOOP", "    s: 250 ok", "S: 250 ok"],
        ["{pid}"],
    ],
)
def test_merging_is_not_legitimate(between: list[str]) -> None:
    lines = ["C: one", *between, "C: last", "S: 250 ok"]
    if between == ["{pid}"]:
        lines = ["S: +OK {pid:a}", "C: USER {pid:a}", "S: +OK", "C: last"]
    case = score(*lines)
    assert mergeable(case) == []
    with pytest.raises(VariationError, match="expected one of"):
        apply(Variation("merge", number=len(lines) + 2), case)


def test_nothing_is_sent_ahead_behind_starttls_nor_from_one_side_of_tls_to_the_other() -> None:
    lines = ["C: starttls", "S: 454 no", "C: NOOP", "S: 250 ok", "C: STLS", "S: 220 go", "S! tls", "CT: NOOP"]
    assert mergeable(score(*lines)) == [6, 8]
    assert mergeable(score(*lines, header="env: UCSPITLS=\n")) == [9]


def test_slow_is_one_byte_at_a_time_of_the_client_only() -> None:
    case = score("C: AB", "    s: 220 x", "C: x\\|y\\", "C: {repeat:1000:y}")
    beats = apply(parse("slow=9"), case)
    assert packets(beats, "s") == [[b"220 x\r\n"]]
    assert [beat.pause for beat in beats if isinstance(beat, Send)] == [9.0, 0.0, 9.0]
    first, second = packets(beats)
    assert first == [b"A", b"B", b"\r", b"\n"]
    assert (len(second), len(second[-1])) == (396, 609)


def test_slow_leaves_alone_what_stands_behind_a_line_whose_reply_has_a_time_mark() -> None:
    beats = apply(parse("slow=9"), score("C: A", "C: NOOP", "+5s", "S: 535 no", "S: 250 ok", "C: Q", "C: R"))
    assert packets(beats) == [[b"A", b"\r", b"\nNOOP\r\n"], [b"Q", b"\r", b"\n", b"R", b"\r", b"\n"]]


@pytest.mark.parametrize(
    "lines",
    [
        ["    fd3: a\\0b\\0\\0", "C: NOOP", "    K! exit 1", "S: 535 no"],  # checkpassword's time is bounded
        ["    fd3: a\\0b\\0\\0", "    K! exit 1", "C: NOOP", "+5s", "S: 535 no"],
        ["    c! start", "C: NOOP", "    s! exit 111", "+4s", "S: 454 no"],  # counts from the login
    ],
)
def test_nothing_is_slow_while_somebody_else_counts_the_time(lines: list[str]) -> None:
    case = score(*lines)
    assert apply(parse("slow=9"), case) == case.beats


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("-- control/timeoutsmtpd --\n30\n", ["slow=29"]),
        ("-- control/timeoutpop3d --\n5000\n", ["slow=1199"]),
        ("-- control/timeoutsmtpd --\nsoon\n", ["slow=1199"]),
        ("-- control/timeoutsmtpd --\n0\n", []),
        ("-- control/logintimeout --\n300\n", []),
        ("-- control/timeoutsmtpd --\n" + "9" * 5000 + "\n", ["slow=1199"]),
        ("-- control/logintimeout --\n0\n", ["slow=1199"]),
    ],
)
def test_slow_stays_below_the_timeout(file: str, expected: list[str]) -> None:
    assert texts(score("C: NOOP", files=file), {"slow"}) == ["base", *expected]


def test_what_the_stage_does() -> None:
    assert opening_changes(BASE) == opening_changes(parse("cuts=1:1")) == {}
    assert opening_changes(parse("schedule=7")) == {"seed": 7, "schedule": "random"}
    assert opening_changes(parse("eintr=3")) == {"interrupt": 3}
    assert opening_changes(parse("fault=12")) == {"fail": 12}
    case = score("C: NOOP", "C! eof")
    assert apply(parse("fault=12"), case) == case.beats
    assert isinstance(case.beats[1], Event)
