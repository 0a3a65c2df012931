"""What is known of the service that the control files are for: which protocols, with a login or without."""

from typing import NamedTuple

from checking.environment import Environment
from checking.files import KNOWN


class Service(NamedTuple):
    """The service that a command line starts, or any, where there is none.

    `protocols`: smtp, pop3. `logs_in`: whether clients log in; None where it is not known. `filters`: whether
    fixsmtpio has a part in it.
    """

    protocols: tuple[str, ...] = ("smtp", "pop3")
    logs_in: bool | None = None
    filters: bool = True
    environment: Environment = Environment()

    def reads(self, name: str) -> bool:
        """Say whether the service reads this control file."""
        if name in {"smtpgreeting", "timeoutsmtpd"}:
            return "smtp" in self.protocols
        if name in {"pop3greeting", "timeoutpop3d"}:
            return "pop3" in self.protocols
        if name == "fixsmtpio":
            return self.filters
        if name in {"smtpcapabilities", "pop3capabilities"}:
            return name.removesuffix("capabilities") in self.protocols and self.logs_in is not False
        return name in KNOWN and (name == "me" or self.logs_in is not False)
