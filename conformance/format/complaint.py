"""One thing that lint has to say about a scenario."""

from enum import StrEnum
from typing import NamedTuple


class Weight(StrEnum):
    """An error has to be mended; a warning may have its reasons."""

    ERROR = "error"
    WARNING = "warning"


class Complaint(NamedTuple):
    """What is wrong, and where; str() is the line that is printed."""

    file: str
    line: int
    weight: Weight
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.weight}: {self.text}"


class Remark(NamedTuple):
    """A complaint of one check, which need not know the file's name."""

    line: int
    text: str
    weight: Weight = Weight.ERROR
