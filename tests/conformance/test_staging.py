"""What a stage is opened with, and who guards it."""

import pytest
import trio

from conformance.format import talk_parser
from conformance.playing.beats import Score, understand
from conformance.playing.stage import Opening, Stage
from conformance.playing.staging import Limits, Spinning, found, inherited, on_stage, opening_of
from conformance.playing.verdicts import Moment
from conformance.targets import TargetConfig
from conformance.varying.variations import BASE, parse

SIM = TargetConfig("sim", "simulation", clock="virtual")
OPENING = Opening(("{checknotroot}", "{prog}"), {}, {}, uid=1001)


def score(
    header: str = "", lines: str = "S! eof", run: str = "{authup} smtp {checkpassword} {ofmipd}"
) -> Score:
    text = f"title: x\nrules: AUTHUP-SMTP-4\nrun: {run}\n{header}\n-- talk --\n{lines}\n"
    return understand(talk_parser.parse(text))


@pytest.mark.parametrize(
    ("header", "run", "who"),
    [
        ("", "{authup} smtp {checkpassword} {ofmipd}", (0, None)),
        ("", "{fixsmtpio} {ofmipd}", (1001, None)),
        ("as: root\n", "{fixsmtpio} {ofmipd}", (0, None)),
        ("as: 65534\n", "{authup} smtp {checkpassword}", (65534, None)),
        ("as: uid=1001 euid=0\n", "{checknotroot} {prog}", (1001, 0)),
    ],
)
def test_who_starts_the_chain(header: str, run: str, who: tuple[int, int | None]) -> None:
    opening = opening_of(score(header, run=run), BASE)
    assert (opening.uid, opening.euid) == who


def test_with_ucspitls_there_is_a_front_end_and_its_descriptors() -> None:
    assert not opening_of(score("env: UCSPI=1\n"), BASE).tls
    opening = opening_of(score("env: UCSPITLS=\nenv: SSLCTLFD=9\n"), BASE)
    assert opening.tls
    assert opening.env == {b"UCSPITLS": b"", b"SSLCTLFD": b"9", b"SSLREADFD": b"4", b"SSLWRITEFD": b"5"}
    one = opening_of(score("env: UCSPITLS=\ninherit: tlsfds=socket\n"), BASE)
    assert one.env[b"SSLWRITEFD"] == one.env[b"SSLREADFD"]
    assert not opening_of(score("env: UCSPITLS=\ninherit: tlsfds=none\n"), BASE).tls


def test_variations_change_what_is_opened() -> None:
    assert opening_of(score(), parse("schedule=7")).schedule == "random"
    assert opening_of(score(), parse("schedule=7")).seed == 7
    assert opening_of(score(), parse("eintr=3")).interrupt == 3
    assert opening_of(score(), parse("fault=4")).fail == 4
    assert opening_of(score(), parse("stop=5")).stop == 5


@pytest.mark.parametrize(
    ("lines", "paced"),
    [
        ("+5s\nS: x", False),
        ("S! silent 1s", True),
        ("A! wait 1s", True),
        ("+1s\nC: x", True),
        ("C: x", False),
    ],
)
def test_a_case_in_which_we_wait_ourselves_is_paced(lines: str, paced: bool) -> None:
    assert opening_of(score(lines=lines), BASE).paced is paced


def test_the_words_of_inherit() -> None:
    header = "inherit: sigchld=ignored fd7=open\ninherit: umask=077\n"
    assert inherited(score(header)) == {"sigchld": "ignored", "fd7": "open", "umask": "077"}


def test_what_arrives_is_on_the_record_and_operations_are_counted() -> None:
    record: list[Moment] = []

    async def act(stage: Stage) -> str:
        puppet = await stage.puppet(0)
        await puppet.send(b"hello")
        await stage.settle()
        return "acted"

    answer, operations = on_stage(OPENING, SIM, record, act, Limits())
    assert answer == "acted"
    assert operations > 0
    assert [(moment.lane, moment.data) for moment in record] == [("S", b"hello")]


def test_who_burns_the_cpu_in_virtual_time_is_stopped() -> None:
    async def act(_stage: Stage) -> None:
        while True:
            await trio.lowlevel.checkpoint()

    with pytest.raises(BaseException) as caught:
        on_stage(OPENING, SIM, [], act, Limits(cpu=0.2))
    assert found(caught.value, Spinning) is not None


def test_an_exception_is_found_in_groups() -> None:
    inner = KeyError("x")
    group = BaseExceptionGroup("", [ValueError(), ExceptionGroup("", [OSError(), inner])])
    assert found(inner, KeyError) is inner
    assert found(group, KeyError) is inner
    assert found(group, TypeError) is None
    assert found(inner, ValueError) is None
