"""reup, authup, checknotroot and fixsmtpio: authenticated SMTP and POP3 beside an unmodified server.

The modules of this package decide *what to say*: bytes in, a list of actions out. They never
wait, read a clock, open a file or import trio. `acceptutils.runtime` does what they decide.
"""

__version__ = "0.1.0"

HOME_PAGE = b"https://schmonz.com/qmail/acceptutils"  # what HELP answers
