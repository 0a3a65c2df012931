"""The sessions that the simulated machine and real processes must play alike, byte for byte."""

from pathlib import Path

from tests.sessions.transcript import Session, b64, plain

SEED_RULES = (Path(__file__).parents[2] / "examples/control/fixsmtpio").read_text()

SUBMISSION = "reup -t 5 authup smtp checkpassword checknotroot fixsmtpio env RELAYCLIENT= ofmipd"
POP3 = "authup pop3 checkpassword checknotroot pop3d Maildir"

MAIL = b"Subject: hi\n\n.\n"  # what waits in alice's Maildir

RIGHT = plain("alice", "secret")
WRONG = plain("alice", "guess")

SESSIONS = [
    Session(
        "accepted login and message",
        SUBMISSION,
        f"""
        S: 220 mail.example.org ESMTP
        C: EHLO client.example
        S: 250-mail.example.org
        S: 250-AUTH LOGIN PLAIN
        S: 250-PIPELINING
        S: 250 8BITMIME
        C: AUTH PLAIN {RIGHT}
        S: 235 ok, go ahead (#2.0.0)
        C: EHLO client.example
        S: 250-mail.example.org
        S: 250-PIPELINING
        S: 250 8BITMIME
        C: AUTH PLAIN {RIGHT}
        S: 502 unimplemented (#5.5.1)
        C: STARTTLS
        S: 502 unimplemented (#5.5.1)
        C: HELP
        S: 214-fixsmtpio home page: https://schmonz.com/qmail/acceptutils
        S: 214 qmail home page: http://pobox.com/~djb/qmail.html
        C: MAIL FROM:<alice@example.org>
        S: 250 ok
        C: RCPT TO:<bob@example.org>
        S: 250 ok
        C: DATA
        S: 354 go ahead
        C: Subject: hello
        C:
        C: ..one dot
        C: RSET
        C: .
        S: 250 ok
        C: QUIT
        S: 221 mail.example.org
        S! eof
        S! exit 0
        """,
    ),
    Session(
        "AUTH LOGIN, with and without initial response, cancelled and malformed",
        SUBMISSION,
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: *
        S: 501 authup auth exchange cancelled (#5.0.0)
        C: AUTH LOGIN =
        S: 501 authup malformed auth input (#5.5.4)
        C: AUTH LOGIN {b64("alice")}
        S: 334 UGFzc3dvcmQ6
        C: {b64("secret")}
        S: 235 ok, go ahead (#2.0.0)
        C: QUIT
        S: 221 mail.example.org
        S! eof
        S! exit 0
        """,
    ),
    Session(
        "three bad logins under reup",
        SUBMISSION.replace("-t 5", "-t 3"),
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {WRONG}
        +1s
        S: 535 authup authorization failed (#5.7.0)
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: {b64("alice")}
        S: 334 UGFzc3dvcmQ6
        C: {b64("guess")}
        +1s
        S: 535 authup authorization failed (#5.7.0)
        C: AUTH PLAIN {plain("nobody", "secret")}
        +1s
        S: 535 authup authorization failed (#5.7.0)
        S! eof
        S! exit 1
        """,
    ),
    Session(
        "root's password is refused like a wrong one",
        SUBMISSION,
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {plain("root", "toor")}
        +1s
        S: 535 authup authorization failed (#5.7.0)
        C: QUIT
        S: 221 mail.example.org
        S! eof
        S! exit 0
        """,
        needs_root=True,
    ),
    Session(
        "pipelining: everything in one packet, across two attempts and the login",
        SUBMISSION,
        f"""
        C: EHLO client.example
        C: AUTH PLAIN {WRONG}
        C: AUTH PLAIN {RIGHT}
        C: MAIL FROM:<alice@example.org>
        C: RCPT TO:<bob@example.org>
        C: DATA
        C: Subject: all at once
        C: .
        C: QUIT
        S: 220 mail.example.org ESMTP
        S: 250-mail.example.org
        S: 250-AUTH LOGIN PLAIN
        S: 250-PIPELINING
        S: 250 8BITMIME
        S: 535 authup authorization failed (#5.7.0)
        S: 235 ok, go ahead (#2.0.0)
        S: 250 ok
        S: 250 ok
        S: 354 go ahead
        S: 250 ok
        S: 221 mail.example.org
        S! eof
        S! exit 0
        """,
    ),
    Session(
        "half-close: the replies to what was sent still come",
        SUBMISSION,
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {RIGHT}
        S: 235 ok, go ahead (#2.0.0)
        C: MAIL FROM:<alice@example.org>
        C: RCPT TO:<bob@example.org>
        C! eof
        S: 250 ok
        S: 250 ok
        S! eof
        S! exit 0
        """,
    ),
    Session(
        "client leaves before login",
        SUBMISSION,
        """
        S: 220 mail.example.org ESMTP
        C: NOOP
        S: 250 ok
        C! eof
        S: 454 authup unable to read pipe (#4.3.0)
        S! eof
        S! exit 12
        """,
    ),
    Session(
        "client hangs up inside a message",
        SUBMISSION,
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {RIGHT}
        S: 235 ok, go ahead (#2.0.0)
        C: MAIL FROM:<alice@example.org>
        C: RCPT TO:<bob@example.org>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354 go ahead
        C: Subject: never finished
        C! gone
        S! exit 0
        """,
    ),
    Session(
        "client hangs up soon after the login: the session ends by itself, authup does not kill it",
        SUBMISSION,
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {RIGHT}
        S: 235 ok, go ahead (#2.0.0)
        C! gone
        S! exit 0
        """,
        needs_root=True,
    ),
    Session(
        "time-out before login",
        SUBMISSION,
        """
        S: 220 mail.example.org ESMTP
        +1s
        S: 451 authup timeout (#4.4.2)
        S! eof
        S! exit 12
        """,
        control={"timeoutsmtpd": "1\n"},
    ),
    Session(
        "21 mistakes are one too many",
        "authup smtp checkpassword checknotroot fixsmtpio ofmipd",
        "\n".join(
            [
                "S: 220 mail.example.org ESMTP",
                *["C: WHAT"] * 21,
                *["S: 530 authup authentication required (#5.7.1)"] * 20,
                "S: 421 authup too many errors (#4.7.0)",
                "S! eof",
                "S! exit 12",
            ]
        ),
    ),
    Session(
        "the server crashes",
        SUBMISSION + " --crash rcpt=SEGV",
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {RIGHT}
        S: 235 ok, go ahead (#2.0.0)
        C: MAIL FROM:<alice@example.org>
        S: 250 ok
        C: RCPT TO:<bob@example.org>
        S: 454 authup temporary authentication failure (#4.7.0)
        S! eof
        S! exit 0
        """,
        needs_root=True,  # only then can authup tell that the login had succeeded (AUTHUP-EXIT-2)
    ),
    Session(
        "checkpassword crashes",
        "authup smtp checkpassword --crash record=SEGV checknotroot fixsmtpio ofmipd",
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {RIGHT}
        S: 454 authup aack, child crashed (#4.3.0)
        S! eof
        S! exit 12
        """,
    ),
    Session(
        "checkpassword has temporary trouble",
        "authup -t 1 smtp checkpassword --exit 111 checknotroot fixsmtpio ofmipd",
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {WRONG}
        +1s
        S: 454 authup temporary authentication failure (#4.7.0)
        S! eof
        S! exit 1
        """,
    ),
    Session(
        "checkpassword does not exist",
        "authup smtp nosuchprogram checknotroot",
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {RIGHT}
        S: 454 authup unable to fork (#4.3.0)
        S! eof
        S! exit 12
        """,
    ),
    Session(
        "the server greets with 421",
        "authup smtp checkpassword checknotroot fixsmtpio ofmipd --reply 'greeting=421 busy'",
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {RIGHT}
        S: 421 busy
        S! eof
        S! exit 14
        """,
    ),
    Session(
        "the filter's rules cannot be read",
        SUBMISSION,
        f"""
        S: 220 mail.example.org ESMTP
        C: AUTH PLAIN {RIGHT}
        S: 421 authup unable to read controls (#4.3.0)
        S! eof
        S! exit 12
        """,
        control={"fixsmtpio": "no rule at all\n"},
    ),
    Session(
        "no greeting to be had",
        SUBMISSION,
        """
        S: 421 authup unable to read controls (#4.3.0)
        S! eof
        S! exit 12
        """,
        control={"me": None},
    ),
    Session(
        "the server ends its lines with LF",
        "fixsmtpio ofmipd --line-end lf",
        """
        S: 220 mail.example.org ESMTP
        C: EHLO client.example
        S: 250-mail.example.org
        S: 250-PIPELINING
        S: 250 8BITMIME
        C: QUIT
        S: 221 mail.example.org
        S! eof
        S! exit 0
        """,
    ),
    Session(
        "STARTTLS: what was sent ahead in plaintext is gone, and reup goes on inside TLS",
        "ucspitlsd " + SUBMISSION,
        f"""
        S: 220 mail.example.org ESMTP
        C: EHLO client.example
        S: 250-mail.example.org
        S: 250-STARTTLS
        S: 250-AUTH LOGIN PLAIN
        S: 250-PIPELINING
        S: 250 8BITMIME
        C: STARTTLS
        C: AUTH PLAIN {plain("mallory", "evil")}
        S: 220 Ready to start TLS (#5.7.0)
        C! tls
        C: AUTH PLAIN {WRONG}
        +1s
        S: 535 authup authorization failed (#5.7.0)
        C: EHLO client.example
        S: 250-mail.example.org
        S: 250-AUTH LOGIN PLAIN
        S: 250-PIPELINING
        S: 250 8BITMIME
        C: AUTH PLAIN {RIGHT}
        S: 235 ok, go ahead (#2.0.0)
        C: QUIT
        S: 221 mail.example.org
        S! eof
        S! exit 0
        """,
    ),
    Session(
        "STARTTLS in the filter, without authentication",
        "ucspitlsd fixsmtpio ofmipd",
        """
        S: 220 mail.example.org ESMTP
        C: EHLO client.example
        S: 250-mail.example.org
        S: 250-STARTTLS
        S: 250-PIPELINING
        S: 250 8BITMIME
        C: NOOP
        C: STARTTLS
        C: MAIL FROM:<mallory@example.org>
        S: 250 ok
        S: 220 Ready to start TLS (#5.7.0)
        C! tls
        C: RCPT TO:<bob@example.org>
        S: 503 MAIL first (#5.5.1)
        C: STARTTLS
        S: 502 unimplemented (#5.5.1)
        C: QUIT
        S: 221 mail.example.org
        S! eof
        S! exit 0
        """,
    ),
    Session(
        "POP3 login",
        POP3,
        """
        S: +OK <{n}.{n}@mail.example.org>
        C: CAPA
        S: +OK capability list follows
        S: USER
        S: TOP
        S: UIDL
        S: .
        C: STAT
        S: -ERR authup authorization first
        C: USER alice
        S: +OK\x20
        C: PASS secret
        S: +OK\x20
        C: STAT
        S: +OK 1 15
        C: RETR 1
        S: +OK\x20
        S: Subject: hi
        S:
        S: ..
        S:
        S: .
        C: QUIT
        S: +OK\x20
        S! eof
        S! exit 0
        """,
    ),
    Session(
        "POP3 refusal",
        POP3,
        """
        S: +OK <{n}.{n}@mail.example.org>
        C: USER alice
        S: +OK\x20
        C: PASS  secret
        +1s
        S: -ERR authup authorization failed
        S! eof
        S! exit 1
        """,
    ),
]


def control_files(session: Session) -> dict[str, str]:
    """Return the control files of a session's qmail home; short delays keep real runs short."""
    files = {"me": "mail.example.org\n", "fixsmtpio": SEED_RULES, "authdelay": "1\n", **session.control}
    return {name: content for name, content in files.items() if content is not None}
