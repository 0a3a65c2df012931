"""`python -m fakes NAME [options] [args]`: run one fake on the real descriptors.

Only the fake that is asked for is imported, so that it starts fast.
"""

import importlib
import sys

FAKES = {  # name on the command line: module, function over a Process
    "checkpassword": ("fakes.checkpassword", "checkpassword"),
    "ofmipd": ("fakes.ofmipd", "ofmipd"),
    "passwd": ("fakes.checkpassword", "passwd"),
    "pop3d": ("fakes.pop3d", "pop3d"),
    "qmail-pop3d": ("fakes.pop3d", "pop3d"),
    "qmail-smtpd": ("fakes.qmail_smtpd", "qmail_smtpd"),
    "ucspitlsd": ("fakes.ucspitlsd_real", "ucspitlsd"),
}

TOOLS = {  # name on the command line: module with a main() over the other arguments
    "demo": "fakes.demo",
    "listener": "fakes.listener",
}

_NAMES = "|".join(sorted([*FAKES, *TOOLS]))
USAGE = f"usage: python -m fakes {{{_NAMES}}} [options] [args]; each knows --help"


def main() -> int:
    """Run the fake that the command line names; return its exit code, 2 for a name that is unknown."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name == "--help":
        print(USAGE)
        return 0
    if name in TOOLS:
        return int(importlib.import_module(TOOLS[name]).main(sys.argv[2:]))
    if name not in FAKES:
        print(USAGE, file=sys.stderr)
        return 2
    module, function = FAKES[name]
    real = importlib.import_module("fakes.real")
    fake = getattr(importlib.import_module(module), function)
    return int(real.run(name, fake, real.bytes_of_command_line()[1:]))


if __name__ == "__main__":
    sys.exit(main())
