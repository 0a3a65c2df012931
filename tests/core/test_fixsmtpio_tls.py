"""STARTTLS at every level: FIX-TLS-1 to -7, what rules and servers see of the environment then
(FIX-RULE-7), and what the ehlo routine offers (5.6).
"""

import pytest

from acceptutils.actions import EndServer, Exit, Log, RestartServer, StartTls
from acceptutils.fixsmtpio import MOST_AHEAD, Filter
from acceptutils.ucspitls import Level, Tls
from tests.core.conftest import Cases
from tests.core.exchange import play, scenarios

OFF = r"""
FIX-TLS-2 off
    R: :starttls:A :*::
    R: :starttls:B-:*:9:250 fine
    greeted
    C: STARTTLS
    C: StartTls now
    c: B-A NOOP fixsmtpio STARTTLS BLOCK STARTTLS
    s: 250 ok
    S: 502 unimplemented (#5.5.1)
    c: B-A NOOP fixsmtpio STARTTLS BLOCK StartTls now
    s: 421-not
    s: 421 now
    S: 502 unimplemented (#5.5.1)
FIX-TLS-7 with AUTHUP_USER the level is off
    T: available
    V: AUTHUP_USER=
    R: :ehlo::2*::&fixsmtpio
    greeted
    C: EHLO x
    C: STARTTLS
    c: EHLO x
    s: 250-x
    s: 250-STARTTLS
    s: 250 A
    S: 250-mail.example.org
    S: 250 A
    c: NOOP fixsmtpio STARTTLS BLOCK STARTTLS
    s: 250 ok
    S: 502 unimplemented (#5.5.1)
FIX-TLS-7 with AUTHUP_USER it is not required
    T: required
    V: AUTHUP_USER=alice
    greeted
    C: MAIL
    c: MAIL
    s: 250 ok
    S: 250 ok
"""
AVAILABLE = r"""
FIX-TLS-3 the whole way
    T: available
    R: :ehlo::2*::&fixsmtpio
    greeted
    C: EHLO x
    c: EHLO x
    s: 250-x
    s: 250 A
    S: 250-mail.example.org
    S: 250-STARTTLS
    S: 250 A
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls SSL_X=1
    s: 220 again
    C: EHLO y
    c: EHLO y
    s: 250-x
    s: 250-STARTTLS
    s: 250 A
    S: 250-mail.example.org
    S: 250 A
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS AGAIN STARTTLS
    s: 250 ok
    S: 502 unimplemented (#5.5.1)
    C: QUIT
    c: QUIT
    s: 221 bye
    S: 221 bye
    --
    s! eof
    s! exit 0
    S! exit 0
FIX-TLS-3 TLS is offered in the second line of a one-line reply
    T: required
    R: :ehlo::2*::&fixsmtpio
    greeted
    C: EHLO x
    c: EHLO x
    s: 250 x
    S: 250-mail.example.org
    S: 250 STARTTLS
FIX-TLS-3 earlier replies are delivered first, prepends are added
    T: available
    R: :starttls:X-:*:9:500 no
    greeted
    C: A
    C: B
    C: STARTTLS
    c: A
    c: B
    s: 250-a
    s: 250 a
    s: 250 b
    S: 250-a
    S: 250 a
    S: 250 b
    c: X-NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 500 whatever
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    s: 220 again
FIX-TLS-3 STARTTLS before the greeting
    T: available
    C: STARTTLS
    s: 220 hi
    S: 220 hi
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    s: 220 again
FIX-TLS-3 trouble after the 220
    T: available
    greeted
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls failed
    E: fixsmtpio: TLS temporarily not available
    s! exit 0
    S! exit 111
FIX-TLS-3 the old server's last words belong to nobody
    T: available
    R: :timeout::*:9:421 nobody asked
    greeted
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok\r\n421 bye\r\n250-half\
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    s: 220 again
    C: NOOP
    c: NOOP
    s: 250 ok
    S: 250 ok
FIX-TLS-4 another greeting is handled as one
    T: available
    R: :greeting::4*:14
    greeted
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    s: 421-not
    s: 421 now
    S: 421-not
    S: 421 now
    s! exit 0
    S! exit 14
FIX-TLS-4 another greeting, without rules
    T: available
    greeted
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    s: 554 never
    S: 554 never
    C: NOOP
    c: NOOP
    s: 250 ok
    S: 250 ok
FIX-TLS-4 a 2xx greeting is hidden even when rules rewrite it
    T: available
    R: :greeting::2*::&fixsmtpio
    s: 220 hi
    S: 220 mail.example.org ESMTP
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    s: 220-hi
    s: 220 again
FIX-TLS-4 the client speaks first
    T: available
    greeted
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    C: NOOP
    c: NOOP
    --
    s: 220 again
    s: 250 ok
    S: 250 ok
FIX-TLS-5 plaintext behind it is discarded, with its events
    T: available
    R: :rset::*::250 mine
    greeted
    C: STARTTLS
    C: RSET
    C: RSE\
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    s: 220 again
    C: NOOP
    c: NOOP
    s: 250 noop
    S: 250 noop
FIX-EXIT-2 the new server ends without a greeting
    T: available
    greeted
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    --
    s! eof
    s! exit 0
    E: fixsmtpio: *
    S! exit 111
FIX-EV-2 the client ends inside TLS
    T: available
    R: FIXSMTPIOTLS:clienteof::*:6:
    greeted
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    s: 220 again
    C: NOOP
    C! eof
    c: NOOP
    c! eof
    s: 250 ok
    S: 250 ok
    s! exit 0
    S! exit 6
FIX-RULE-7 the environment from the TLS start on
    V: SSL_OLD=1
    T: available
    R: FIXSMTPIOTLS:noop:TLS-:*::
    R: SSL_NEW:noop:NEW-:*::
    R: SSL_OLD:noop:OLD-:*::
    R: LD_PRELOAD:noop:BAD-:*::
    greeted
    C: NOOP
    c: OLD-NOOP
    s: 250 ok
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls SSL_NEW= SSL_OLD LD_PRELOAD=x
    s: 220 again
    C: NOOP
    c: NEW-TLS-NOOP
    s: 250 ok
"""
REQUIRED = r"""
FIX-TLS-6 all but NOOP, EHLO, STARTTLS, QUIT are answered 530
    T: required
    greeted
    C: HELO x
    C: NOOP
    C: ehlo x
    C: FROB
    C:
    C: MAIL
    C: QUIT
    c: NOOP fixsmtpio STARTTLS FIRST HELO x
    s: 250 ok
    S: 530 Must start TLS first (#5.7.0)
    c: NOOP
    s: 250 noop
    S: 250 noop
    c: ehlo x
    s: 250 ehlo
    S: 250 ehlo
    c: NOOP fixsmtpio STARTTLS FIRST FROB
    s: 250-a
    s: 250 b
    S: 530 Must start TLS first (#5.7.0)
    c: NOOP fixsmtpio STARTTLS FIRST\x20
    s: 500 c
    S: 530 Must start TLS first (#5.7.0)
    c: NOOP fixsmtpio STARTTLS FIRST MAIL
    s: 250 ok
    S: 530 Must start TLS first (#5.7.0)
    c: QUIT
    s: 221 bye
    S: 221 bye
FIX-TLS-6 seen by the rules of their event
    T: required
    R: :mail:X-:530*::550 no TLS, no mail
    R: :mail::250*:9:
    R: :rcpt::530*:5
    greeted
    C: MAIL
    C: RCPT
    c: X-NOOP fixsmtpio STARTTLS FIRST MAIL
    s: 250 ok
    S: 550 no TLS, no mail
    c: NOOP fixsmtpio STARTTLS FIRST RCPT
    s: 250 ok
    S: 530 Must start TLS first (#5.7.0)
    s! exit 0
    S! exit 5
FIX-TLS-6 DATA and AUTH start nothing
    T: required
    greeted
    C: DATA
    C: AUTH LOGIN
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS FIRST DATA
    s: 354 what
    S: 530 Must start TLS first (#5.7.0)
    c: NOOP fixsmtpio STARTTLS FIRST AUTH LOGIN
    s: 334 what
    S: 530 Must start TLS first (#5.7.0)
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    s: 220 again
FIX-TLS-6 active is enough
    T: required
    greeted
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S: 220 Ready to start TLS (#5.7.0)
    S! tls
    s: 220 again
    C: MAIL
    c: MAIL
    s: 250 ok
    S: 250 ok
FIX-TLS-1 required without descriptors: not offered, never open
    T: unusable
    R: :ehlo::2*::&fixsmtpio
    greeted
    C: EHLO x
    c: EHLO x
    s: 250-x
    s: 250 A
    S: 250-mail.example.org
    S: 250 A
    C: STARTTLS
    c: NOOP fixsmtpio STARTTLS BEGIN STARTTLS
    s: 250 ok
    S! tls unavailable
    S: 454 TLS temporarily not available (#5.7.3)
    C: MAIL
    c: NOOP fixsmtpio STARTTLS FIRST MAIL
    s: 250 ok
    S: 530 Must start TLS first (#5.7.0)
"""


@pytest.mark.parametrize("talk", scenarios(OFF + AVAILABLE + REQUIRED))
def test_starttls(talk: str, cases: Cases) -> None:
    play(talk.replace("LONG", "x" * 66000), cases)


def test_what_servers_see(cases: Cases) -> None:
    """FIX-TLS-1 and -3: the front end's descriptors never, FIXSMTPIOTLS and SSL_* from the TLS start on."""
    cases.count += 1
    hidden = dict.fromkeys([b"UCSPITLS", b"DISABLETLS", b"SSLCTLFD", b"SSLREADFD", b"SSLWRITEFD"], b"7")
    env = {b"HOME": b"/", b"SSL_OLD": b"1", b"SSL_KEPT": b"2"}
    tls = Tls(Level.AVAILABLE, usable=True)
    filter_ = Filter([], b"x", hidden | env, tls=tls, label=b"7 prog")
    assert filter_.server_env == env
    filter_.server_started(42)
    filter_.client_data(b"STARTTLS\r\n")
    [*_, question] = filter_.server_data(b"220 x\r\n250 ok\r\n")
    assert isinstance(question, StartTls)
    assert not filter_.wants_client
    [restart] = filter_.tls_started(b"SSL_NEW=n\0SSL_OLD\0SSLCTLFD=9\0LD_PRELOAD=x\0\0")
    assert isinstance(restart, RestartServer)
    assert not filter_.wants_client
    assert filter_.server_env == {b"HOME": b"/", b"SSL_KEPT": b"2", b"SSL_NEW": b"n", b"FIXSMTPIOTLS": b"1"}
    assert filter_.server_started(43) == []
    assert filter_.wants_client


def test_more_plaintext_behind_starttls_than_is_dropped(cases: Cases) -> None:
    """AUTHUP-TLS-3: above 64 KiB the session ends without a word, however much of it was read before."""
    cases.count += 1
    tls = Tls(Level.AVAILABLE, usable=True)
    filter_ = Filter([], b"x", {}, tls=tls, label=b"7 prog")
    filter_.server_started(1)
    filter_.server_data(b"220 hi\r\n")
    filter_.client_data(b"STARTTLS\r\n" + b"x" * (MOST_AHEAD + 1))
    actions = filter_.server_data(b"250 ok\r\n")
    assert actions == [Log(b"fixsmtpio: TLS temporarily not available"), EndServer()]
    assert filter_.server_ended(0, killed=False)[-1] == Exit(111)
