import errno
import hashlib
import math
import time

import pytest
import trio
from trio.testing import MockClock

from fakes import checkpassword as module
from fakes.checkpassword import checkpassword, hash_password, passwd
from tests.fakes.scripted_process import Crashed, MemoryFiles, ScriptedProcess, outcome

SALT = b"0123456789abcdef"
USERS = b"\n".join(
    [
        b"# comment:x:1:1:/:/bin/sh",
        b"alice:" + hash_password(b"wonder", SALT) + b":1001:1002:/home/alice:/bin/sh",
        b"root:" + hash_password(b"toor", SALT) + b":0:0:/root:/bin/sh",
        b"alice:" + hash_password(b"other", SALT) + b":1:1:/:/bin/sh",
        b"locked:*:1003:1003:/:/bin/sh",
        b"broken:scrypt$3$zz$:1003:1003:/:/bin/sh",
        b"short:" + hash_password(b"x", SALT),
        b"badid:" + hash_password(b"x", SALT) + b":-1:1003:/:/bin/sh",
        b"",
    ]
)


def record(user: bytes, password: bytes, timestamp: bytes = b"") -> bytes:
    return b"%s\0%s\0%s\0" % (user, password, timestamp)


def process_of(
    credentials: bytes | None, args: tuple[bytes, ...] = (b"prog", b"arg"), uid: int = 0
) -> ScriptedProcess:
    return ScriptedProcess(
        args,
        env={b"FAKE_USERS": b"/users", b"HOME": b"/old", b"TCPREMOTEIP": b"::1"},
        files=MemoryFiles({b"/users": USERS}),
        record=credentials,
        uid=uid,
    )


async def test_cpw_4_the_right_password_becomes_the_user_and_then_the_program() -> None:
    process = process_of(record(b"alice", b"wonder"))
    process.exec_result = 77
    assert await outcome(checkpassword, process) == (77, b"")
    assert process.became == [(1001, 1002, b"/home/alice")]
    assert process.closed == {3}
    env = {
        b"FAKE_USERS": b"/users",
        b"TCPREMOTEIP": b"::1",
        b"USER": b"alice",
        b"HOME": b"/home/alice",
        b"SHELL": b"/bin/sh",
    }
    assert process.ran == [([b"prog", b"arg"], env)]
    assert process.logged == []


async def test_cpw_4_root_is_let_through() -> None:
    process = process_of(record(b"root", b"toor"))
    assert await checkpassword(process) == 0
    assert process.became == [(0, 0, b"/root")]
    assert process.ran[0][0] == [b"prog", b"arg"]


REFUSED = [
    (b"alice", b"wrong"),
    (b"alice", b"Wonder"),
    (b"alice", b"other"),  # the first line of a name counts
    (b"nobody", b"wonder"),
    (b"", b""),
    (b"alice", b""),
    (b"", b"wonder"),
    (b"# comment", b"x"),
    (b"locked", b"*"),
    (b"broken", b"x"),
    (b"short", b"x"),
    (b"\xff\xfe", b"\xff"),
    (b"alice:x", b"y"),
]


@pytest.mark.parametrize(("user", "password"), REFUSED)
async def test_cpw_3_refused(user: bytes, password: bytes) -> None:
    process = process_of(record(user, password))
    assert await outcome(checkpassword, process) == (1, b"")
    assert (process.ran, process.became, process.logged) == ([], [], [])


@pytest.mark.parametrize("user", [b"alice", b"nobody", b"locked", b"broken", b""])
async def test_each_refusal_costs_one_hash(user: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    costs = []
    real = hashlib.scrypt

    def counting(password: bytes, *, salt: bytes, n: int, r: int, p: int, dklen: int) -> bytes:
        costs.append((n, r, p, dklen))
        return real(password, salt=salt, n=n, r=r, p=p, dklen=dklen)

    monkeypatch.setattr(hashlib, "scrypt", counting)
    await checkpassword(process_of(record(user, b"guess")))
    assert costs == [(module.COST, 8, 1, 32)]


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        (b"", 2),
        (b"alice", 2),
        (b"alice\0", 2),
        (b"alice\0wonder", 2),
        (b"alice\0wonder\0", 0),
        (b"alice\0wonder\0\0\0junk", 0),
        (b"a" * 512, 2),
        (b"a" * 513, 1),
        (record(b"alice", b"wonder", b"x" * 497), 0),
        (record(b"alice", b"wonder", b"x" * 498) + b"more", 1),
        (None, 111),  # descriptor 3 is closed
    ],
)
async def test_cpw_1_and_2_the_record(credentials: bytes | None, code: int) -> None:
    process = process_of(credentials)
    assert await outcome(checkpassword, process) == (code, b"")
    assert process.logged == []
    assert len(process.ran) == (code == 0)


async def test_cpw_2_no_program() -> None:
    process = process_of(record(b"alice", b"wonder"), ())
    assert await outcome(checkpassword, process) == (2, b"")
    assert (process.events, process.logged) == ([], [])


async def test_cpw_3_temporary_trouble() -> None:
    right = record(b"alice", b"wonder")
    cannot_run, cannot_become, no_users, no_option = (process_of(right) for _ in range(4))
    cannot_run.exec_trouble = errno.ENOENT
    cannot_become.become_trouble = errno.EPERM
    no_users.memory.files.clear()
    no_option.env = {}
    for process in (cannot_run, cannot_become, no_users, no_option):
        assert await outcome(checkpassword, process) == (111, b"")
        assert process.logged == []
    assert await checkpassword(process_of(record(b"badid", b"x"))) == 111


async def test_the_users_option_comes_before_the_environment() -> None:
    process = process_of(record(b"bob", b"b"), (b"--users", b"/others", b"prog"))
    process.memory.files[b"/others"] = b"bob:" + hash_password(b"b", b"") + b":7:7:/:/bin/sh"
    assert await checkpassword(process) == 0
    assert process.became == [(7, 7, b"/")]


async def test_without_root_it_stays_who_it_is() -> None:
    process = process_of(record(b"alice", b"wonder"), uid=500)
    assert await checkpassword(process) == 0
    assert process.became == [(500, 1002, b"/home/alice")]
    assert process.ran[0][1][b"USER"] == b"alice"


async def test_without_root_a_root_is_let_through_or_pretended() -> None:
    plain = process_of(record(b"root", b"toor"), uid=500)
    pretending = process_of(record(b"root", b"toor"), (b"--pretend-uid", b"prog"), uid=500)
    alice = process_of(record(b"alice", b"wonder"), (b"--pretend-uid", b"prog"), uid=500)
    for process in (plain, pretending, alice):
        assert await checkpassword(process) == 0
        assert process.uid == 500
    assert plain.ran[0][0] == [b"prog", b"arg"]
    assert pretending.ran[0][0] == [b"unshare", b"--map-root-user", b"--", b"prog"]
    assert alice.ran[0][0] == [b"prog"]


async def test_a_root_that_cannot_be_pretended_is_refused() -> None:
    process = process_of(record(b"root", b"toor"), (b"--pretend-uid", b"prog"), uid=500)
    process.exec_trouble = errno.ENOENT
    assert await checkpassword(process) == 1


async def test_root_needs_no_pretending() -> None:
    process = process_of(record(b"root", b"toor"), (b"--pretend-uid", b"prog"))
    assert await checkpassword(process) == 0
    assert process.ran[0][0] == [b"prog"]


@pytest.mark.parametrize(
    "args", [(b"--what", b"prog"), (b"--close", b"record", b"prog"), (b"--pretend-uid=1",)]
)
async def test_an_unknown_option_gets_the_usage(args: tuple[bytes, ...]) -> None:
    process = process_of(record(b"alice", b"wonder"), args)
    assert await outcome(checkpassword, process) == (2, b"")
    assert process.logged[0].startswith(b"checkpassword: usage: checkpassword [--users FILE] ")


@pytest.mark.parametrize("code", [0, 1, 2, 16, 18, 111, 255])
async def test_misbehaviour_exit_replaces_the_verdict(code: int) -> None:
    process = process_of(record(b"alice", b"wonder"), (b"--exit", b"%d" % code, b"prog"))
    assert await checkpassword(process) == code
    assert process.ran == []


@pytest.mark.parametrize(
    ("event", "became", "closed"), [(b"start", 0, 0), (b"record", 0, 1), (b"login", 1, 1)]
)
async def test_misbehaviour_at_each_event(event: bytes, became: int, closed: int) -> None:
    process = process_of(record(b"alice", b"wonder"), (b"--crash", event + b"=segv", b"prog"))
    with pytest.raises(Crashed):
        await checkpassword(process)
    assert (len(process.became), len(process.closed), process.ran) == (became, closed, [])
    process = process_of(record(b"alice", b"wonder"), (b"--hang", event, b"prog"))
    with trio.move_on_after(0.01) as scope:
        await checkpassword(process)
    assert scope.cancelled_caught


async def test_misbehaviour_slow(autojump_clock: MockClock) -> None:
    process = process_of(record(b"alice", b"wonder"), (b"--slow=7.5", b"prog"))
    assert await checkpassword(process) == 0
    assert autojump_clock.current_time() == 7.5


async def test_passwd_makes_a_line_that_checkpassword_takes() -> None:
    args = [b"bob", b"1005", b"1006", b"/home/bob", b"/bin/sh"]
    maker = ScriptedProcess(args, [b"it's \xff", b" me\nrest"])
    assert await passwd(maker) == 0
    line = maker.output
    assert line.count(b":") == 5
    assert b"it's" not in line
    process = process_of(record(b"bob", b"it's \xff me"))
    process.memory.files[b"/users"] = line
    assert await checkpassword(process) == 0
    assert process.became == [(1005, 1006, b"/home/bob")]


@pytest.mark.parametrize(
    ("args", "password", "code"),
    [
        ([b"a", b"1", b"1", b"/"], b"x", 2),
        ([b"a:b", b"1", b"1", b"/", b"/"], b"x", 2),
        ([b"a\n", b"1", b"1", b"/", b"/"], b"x", 2),
        ([b"#a", b"1", b"1", b"/", b"/"], b"x", 2),
        ([b"", b"1", b"1", b"/", b"/"], b"x", 2),
        ([b"a", b"x", b"1", b"/", b"/"], b"x", 2),
        ([b"a", b"1", b"1", b"/", b"/"], b"\n", 1),
        ([b"a", b"1", b"1", b"/", b"/"], b"a\0b\n", 1),
    ],
)
async def test_passwd_refuses_what_no_line_can_hold(args: list[bytes], password: bytes, code: int) -> None:
    assert await outcome(passwd, ScriptedProcess(args, [password])) == (code, b"")


def test_a_hash_is_fast_enough_for_a_test_suite() -> None:
    least = math.inf
    for _ in range(5):
        begin = time.perf_counter()
        hash_password(b"x", b"y")
        least = min(least, time.perf_counter() - begin)
    assert least < 0.1
