"""Actions are values, and only those of the same kind can be equal."""

from acceptutils.actions import CheckPassword, CloseServerInput, EndServer, RestartServer, Send, ToServer


def test_actions_of_different_kinds_are_never_equal() -> None:
    assert Send(b"x") != ToServer(b"x")
    assert not Send(b"x") == ToServer(b"x")  # noqa: SIM201  both operators, on purpose
    assert len({str(action) for action in (CloseServerInput(), RestartServer(), EndServer())}) == 3
    assert CloseServerInput() != EndServer()


def test_actions_of_one_kind_are_equal_by_value() -> None:
    assert Send(b"x") == Send(b"x")
    assert not Send(b"x") != Send(b"x")  # noqa: SIM202
    assert Send(b"x") != Send(b"y")


def test_a_question_about_a_password_does_not_show_it() -> None:
    assert "secret" not in repr(CheckPassword(b"alice\0secret\0\0", b"alice"))
