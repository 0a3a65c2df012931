import errno

import pytest

from fakes.maildir import Maildir, identifier
from tests.fakes.scripted_process import MemoryFiles, ScriptedProcess

NAME = b"1000000000.M250000P4711Q%d.localhost"


def empty() -> tuple[Maildir, MemoryFiles]:
    files = MemoryFiles()
    maildir = Maildir(ScriptedProcess(files=files), b"/m")
    maildir.make()
    files.calls.clear()
    return maildir, files


def test_a_delivery_is_complete_in_tmp_before_it_is_in_new() -> None:
    maildir, files = empty()
    entry = maildir.deliver(b"text")
    assert entry == b"new/" + NAME % 1
    assert files.calls == [("create", b"/m/tmp/" + NAME % 1), ("rename", b"/m/new/" + NAME % 1)]
    assert files.files == {b"/m/new/" + NAME % 1: b"text"}


def test_names_are_unique() -> None:
    maildir, files = empty()
    files.files[b"/m/tmp/" + NAME % 2] = b"somebody else's"
    assert [maildir.deliver(b"") for _ in range(2)] == [b"new/" + NAME % 1, b"new/" + NAME % 3]


@pytest.mark.parametrize("operation", ["create", "rename"])
def test_a_failed_delivery_leaves_nothing(operation: str) -> None:
    maildir, files = empty()
    files.trouble[operation] = errno.ENOSPC
    with pytest.raises(OSError) as trouble:
        maildir.deliver(b"text")
    assert trouble.value.errno == errno.ENOSPC
    assert files.files == {}


def test_entries_are_in_the_order_of_their_times() -> None:
    names = [b"new/9.x", b"cur/10.b:2,S", b"new/10.c", b"new/.skipped", b"cur/11.a:2,", b"new/odd"]
    files = MemoryFiles({b"/m/" + name: b"" for name in names})
    entries = Maildir(ScriptedProcess(files=files), b"/m").entries()
    assert entries == [b"new/odd", b"new/9.x", b"cur/10.b:2,S", b"new/10.c", b"cur/11.a:2,"]
    assert [identifier(entry) for entry in entries] == [b"odd", b"9.x", b"10.b", b"10.c", b"11.a"]


def test_read_mark_and_remove() -> None:
    maildir, files = empty()
    entry = maildir.deliver(b"text")
    seen = maildir.mark_seen(entry)
    assert seen == b"cur/" + NAME % 1 + b":2,"
    assert maildir.mark_seen(seen) == seen
    assert (maildir.entries(), maildir.read(seen)) == ([seen], b"text")
    maildir.remove(seen)
    assert (maildir.entries(), files.files) == ([], {})
    with pytest.raises(FileNotFoundError):
        maildir.read(seen)


def test_a_missing_maildir_is_missing() -> None:
    maildir = Maildir(ScriptedProcess(), b"/m")
    assert not maildir.exists()
    with pytest.raises(FileNotFoundError):
        maildir.entries()
    maildir.make()
    assert maildir.exists()
