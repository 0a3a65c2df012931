"""One seeded bug in a process of its own: python -m conformance.bugs.mutated ID.

Reads pickled cases from standard input; writes a JSON object for each case that notices, with the fields
of hunting.Notice, and waits for a line behind each. It goes on until standard input ends.
"""

import importlib.machinery
import importlib.util
import json
import pickle
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from types import CodeType, ModuleType
from typing import BinaryIO

from conformance import targets
from conformance.bugs import mutants
from conformance.bugs.mutants import Mutant
from conformance.format.talk import Talk
from conformance.targets import TargetConfig


class Changed(MetaPathFinder):
    """Finds the one module that has the bug, before anybody else does."""

    def __init__(self, mutant: Mutant) -> None:
        self._name = mutant.file.removesuffix(".py").replace("/", ".")
        self._path = mutants.ROOT / mutant.file
        self._source = mutant.applied(self._path.read_text(encoding="utf-8"))

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """See MetaPathFinder."""
        del path, target
        if fullname != self._name:
            return None
        loader = _Loader(fullname, str(self._path), self._source)
        return importlib.util.spec_from_file_location(fullname, self._path, loader=loader)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.get_filename(fullname), "exec", dont_inherit=True)


def main(name: str, cases: Sequence[Talk], answers: BinaryIO) -> None:
    """Try one seeded bug against these cases."""
    mutant = next(mutant for mutant in mutants.read() if mutant.id == name)
    with _target(mutant) as target:
        from conformance.bugs import hunting  # noqa: PLC0415 - it imports what is to be changed

        for notice in hunting.notices(mutant.rule, cases, target):
            print(json.dumps(notice._asdict()), flush=True)
            if not answers.readline():
                return


@contextmanager
def _target(mutant: Mutant) -> Iterator[TargetConfig]:
    if mutant.target == "ours":
        from conformance.bugs.installed import installed  # noqa: PLC0415 - takes its time

        with installed(mutant) as target:
            yield target
        return
    sys.meta_path.insert(0, Changed(mutant))
    assert not any(module.startswith("acceptutils") for module in sys.modules)  # noqa: S101
    yield targets.read(targets.DEFAULTS)["sim"]


if __name__ == "__main__":
    main(sys.argv[1], pickle.load(sys.stdin.buffer), sys.stdin.buffer)  # noqa: S301 - trial.py wrote it
