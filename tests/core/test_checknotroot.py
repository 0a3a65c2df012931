"""Who may go on, and what is said otherwise: CNR-1, CNR-2, CNR-3; CNR-4 (nothing on standard output)."""

from itertools import product

import pytest

from acceptutils import checknotroot
from acceptutils.actions import Action, Become, Exit, Log

USAGE = Log(b"checknotroot: usage: checknotroot prog")
ROOT = Log(b"checknotroot: WAS RUNNING AS ROOT, TERMINATING")
UNDER_AUTHUP = {b"AUTHUP_USER": b"alice"}


@pytest.mark.parametrize(
    ("args", "env", "uid", "euid", "actions"),
    [
        pytest.param([b"prog"], {}, 1000, 1000, [Become([b"prog"])], id="CNR-1 a user becomes prog"),
        pytest.param(
            [b"prog", b"a", b"-b"], {}, 1000, 1000, [Become([b"prog", b"a", b"-b"])], id="CNR-1 its arguments"
        ),
        pytest.param(
            [b"-t", b"--", b"prog"], {}, 1, 1, [Become([b"-t", b"--", b"prog"])], id="CNR-2 no options at all"
        ),
        pytest.param([b"prog"], {}, 0, 0, [ROOT, Exit(1)], id="CNR-1 root"),
        pytest.param([b"prog"], {}, 0, 1000, [ROOT, Exit(1)], id="CNR-1 real UID 0"),
        pytest.param([b"prog"], {}, 1000, 0, [ROOT, Exit(1)], id="CNR-1 effective UID 0"),
        pytest.param(
            [b"prog"], UNDER_AUTHUP, 0, 0, [ROOT, Exit(1)], id="CNR-1 root under authup: 1, badauth"
        ),
        pytest.param([b"prog"], UNDER_AUTHUP, 5, 5, [Become([b"prog"])], id="CNR-1 a user under authup"),
        pytest.param([], {}, 1000, 1000, [USAGE, Exit(1)], id="CNR-2 no prog"),
        pytest.param([], {}, 0, 0, [USAGE, Exit(1)], id="CNR-2 no prog, root"),
        pytest.param([], UNDER_AUTHUP, 1000, 1000, [USAGE, Exit(111)], id="CNR-2 no prog under authup"),
        pytest.param([], UNDER_AUTHUP, 0, 0, [USAGE, Exit(111)], id="CNR-2 no prog, root, under authup"),
        pytest.param(
            [], {b"AUTHUP_USER": b""}, 5, 5, [USAGE, Exit(111)], id="CNR-2 AUTHUP_USER set but empty"
        ),
    ],
)
def test_start(
    args: list[bytes], env: dict[bytes, bytes], uid: int, euid: int, actions: list[Action]
) -> None:
    assert checknotroot.start(args, env, uid, euid) == actions


def test_prog_that_cannot_be_run() -> None:
    assert checknotroot.cannot_run(b"prog", b"No such file or directory") == [
        Log(b"checknotroot: unable to run prog: No such file or directory"),
        Exit(111),
    ]


@pytest.mark.parametrize(("uid", "euid"), list(product([0, 1, 65534, 2**32 - 2], repeat=2)))
def test_prog_is_never_run_as_root(uid: int, euid: int) -> None:
    becomes = any(isinstance(action, Become) for action in checknotroot.start([b"prog"], {}, uid, euid))
    assert becomes == (uid != 0 and euid != 0)
