"""One seeded bug in real processes: an installation of our programs with the line changed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from conformance import targets
from conformance.bugs import mutants
from conformance.bugs.mutants import Mutant
from conformance.processes import premises
from conformance.targets import TargetConfig, Unusable
from fakes.installation import PROGRAMS, NotPossible, install, python_for, reachable_directory


@contextmanager
def installed(mutant: Mutant) -> Iterator[TargetConfig]:
    """Yield the target `ours` with the bug in it, ready to run. Raises targets.Unusable."""
    user = premises.anybody()
    changed = mutant.applied((mutants.ROOT / mutant.file).read_text(encoding="utf-8"))
    try:
        with reachable_directory(user, "conform-mutant-") as directory:
            programs = install(directory, python_for(user), Path(sys.executable).parent)
            copies = _copies(mutant.file, programs)
            if not copies:
                raise Unusable(f"{mutant.id}: {mutant.file} is no part of an installation")
            for path in copies:
                path.write_text(changed, encoding="utf-8")
            ours = replace(targets.read(targets.DEFAULTS)["ours"], dir=str(programs))
            with premises.prepared(ours) as ready:
                yield ready
    except NotPossible as impossible:
        raise Unusable(str(impossible)) from None


def _copies(file: str, programs: Path) -> list[Path]:
    """Return what an installation makes of a file: the launcher becomes every program."""
    if file == mutants.LAUNCHER:
        return [programs / name for name in PROGRAMS]
    return list(programs.parent.glob(f"lib/*/site-packages/{file}"))
