"""Actions are values, and only those of the same kind can be equal."""

from itertools import combinations

from acceptutils.actions import CheckPassword, CloseServerInput, EndServer, RestartServer, Send, ToServer

DIFFERENT: list[object] = [
    Send(b"x"),
    Send(b"y"),
    ToServer(b"x"),
    CloseServerInput(),
    RestartServer(),
    EndServer(),
    (b"x",),
    (),
]


def test_actions_of_different_kinds_are_never_equal() -> None:
    for one, other in combinations(DIFFERENT, 2):
        assert one != other
        assert not one == other  # noqa: SIM201  both operators, on purpose


def test_actions_of_one_kind_are_equal_by_value() -> None:
    assert Send(b"x") == Send(b"x")
    assert not Send(b"x") != Send(b"x")  # noqa: SIM202
    assert EndServer() == EndServer()


def test_a_question_about_a_password_does_not_show_it() -> None:
    assert "secret" not in repr(CheckPassword(b"alice\0secret\0\0", b"alice"))
