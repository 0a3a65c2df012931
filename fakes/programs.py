"""The fakes that are one function over a Process, by the names that a command line calls them."""

from fakes.checkpassword import checkpassword, passwd
from fakes.ofmipd import ofmipd
from fakes.pop3d import pop3d
from fakes.process import Fake
from fakes.qmail_smtpd import qmail_smtpd

PROGRAMS: dict[bytes, Fake] = {
    b"checkpassword": checkpassword,
    b"ofmipd": ofmipd,
    b"passwd": passwd,
    b"pop3d": pop3d,
    b"qmail-pop3d": pop3d,
    b"qmail-smtpd": qmail_smtpd,
}
