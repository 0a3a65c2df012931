"""Generated dialogues are scenarios without expectations, the same for the same seed, and of all kinds."""

import re

from hypothesis import given
from hypothesis import strategies as st

from conformance.differing.comparing import numbers
from conformance.differing.grammar import KINDS, generate, kind_of
from conformance.differing.phrases import GRAMMAR
from conformance.format import octets
from conformance.playing.beats import EVENTS, Event, Expect, Send, understand
from conformance.varying.written import source


@given(st.integers(0, 2**32), st.integers(0, 10**6))
def test_a_dialogue_is_a_scenario_that_expects_nothing(seed: int, number: int) -> None:
    score = understand(generate(seed, number))
    assert not any(isinstance(beat, Expect) for beat in score.beats)
    assert not any(isinstance(b, Event) and b.words[0] in EVENTS[b.lane].theirs for b in score.beats)
    assert any(isinstance(beat, Send) for beat in score.beats)
    assert not any(isinstance(beat, Send) and beat.dynamic for beat in score.beats)


def test_the_same_seed_gives_the_same_dialogue_and_another_number_another_one() -> None:
    assert source(generate(1, 7)) == source(generate(1, 7))
    assert len({source(generate(1, number)) for number in range(50)}) > 45


def test_all_kinds_come_up_with_hostile_bytes_edges_and_ends() -> None:
    talks = [generate(3, number) for number in range(300)]
    runs = {talk.one("run").split()[0] + talk.one("run").split()[-1] for talk in talks}
    assert {"{authup}{prog}", "{reup}{prog}", "{authup}{ofmipd}", "{fixsmtpio}{ofmipd}", "{reup}arg"} <= runs
    assert len(KINDS) == 5
    sends = [b for talk in talks for b in understand(talk).beats if isinstance(b, Send)]
    client = [octets.resolve(b.what, {}) for b in sends if b.lane in ("C", "CT")]
    assert any(b"\0" in data for data, _ in client)
    assert any(b"\rO" in data for data, _ in client)
    assert any(edges for _, edges in client)
    assert any(len(data) > 65536 for data, _ in client)
    assert any(b.lane == "CT" for b in sends)
    text = "".join(source(talk) for talk in talks)
    for part in (
        "! eof",
        "! hangup",
        "s! exit",
        "s! signal",
        "A! wait",
        "s: 354",
        "AUTH PLAIN",
        "clienteof:",
    ):
        assert part in text


def test_every_name_of_the_grammar_is_there() -> None:
    names = {name for texts in GRAMMAR.values() for text in texts for name in re.findall(r"\$([a-z]+)", text)}
    assert names <= set(GRAMMAR)


def test_a_kind_can_be_asked_for_and_its_dialogues_keep_their_numbers() -> None:
    chains = {
        "smtp": "smtp",
        "pop3": "pop3",
        "session": "{fixsmtpio}",
        "filter": "{fixsmtpio}",
        "reup": "arg",
    }
    for kind in KINDS:
        found = list(numbers(5, 10, frozenset({kind})))
        assert len(found) == 10
        assert all(kind_of(5, number) == kind for number in found)
        assert all(chains[kind] in generate(5, number).one("run") for number in found)
    assert list(numbers(5, 10, frozenset())) == list(range(10))
    both = list(numbers(5, 10, frozenset({"smtp", "pop3"})))
    assert {kind_of(5, number) for number in both} == {"smtp", "pop3"}


def test_a_decent_dialogue_has_nothing_malformed_and_no_packet_edges() -> None:
    for number in range(60):
        talk = generate(3, number, decent=True)
        sends = [beat for beat in understand(talk).beats if isinstance(beat, Send)]
        for beat in sends:
            data, edges = octets.resolve(beat.what, {})
            assert not edges
            assert data.endswith(b"\r\n")
            assert not set(data) & {0, 0x80, 0xFF}
            if beat.lane == "s":
                assert re.fullmatch(rb"(?:[2-5][0-9]{2}[- ].*\r\n|\+OK \r\n)+", data)
