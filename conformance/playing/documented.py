"""The replies that authup and fixsmtpio may give of themselves after a fault.

They are written down here once more on purpose: a suite that imported ours would agree with whatever
we say.
"""

import re

DOCUMENTED = frozenset(
    {
        b"421 authup unable to read controls (#4.3.0)\r\n",
        b"451 authup out of memory (#4.3.0)\r\n",
        b"454 authup unable to open pipe (#4.3.0)\r\n",
        b"454 authup unable to read pipe (#4.3.0)\r\n",
        b"454 authup unable to write pipe (#4.3.0)\r\n",
        b"454 authup unable to fork (#4.3.0)\r\n",
        b"454 authup unable to wait for child (#4.3.0)\r\n",
        b"454 authup aack, child crashed (#4.3.0)\r\n",
        b"454 authup temporary authentication failure (#4.7.0)\r\n",
        b"454 authup TLS temporarily not available (#5.7.3)\r\n",
        b"535 authup authorization failed (#5.7.0)\r\n",
        b"421 authup internal error (#4.3.0)\r\n",
        b"454 TLS temporarily not available (#5.7.3)\r\n",
        b"-ERR authup unable to read controls\r\n",
        b"-ERR authup out of memory\r\n",
        b"-ERR authup unable to open pipe\r\n",
        b"-ERR authup unable to read pipe\r\n",
        b"-ERR authup unable to write pipe\r\n",
        b"-ERR authup unable to fork\r\n",
        b"-ERR authup unable to wait for child\r\n",
        b"-ERR authup aack, child crashed\r\n",
        b"-ERR [SYS/TEMP] authup temporary authentication failure\r\n",
        b"-ERR authup TLS temporarily not available\r\n",
        b"-ERR authup authorization failed\r\n",
        b"-ERR [SYS/TEMP] authup internal error\r\n",
    }
)
"""What is said of the fault itself."""

ORDINARY = re.compile(
    rb"(?:250-[^\r\n]*|250 (?:ok|[A-Z0-9][A-Z0-9 =-]*)|221 [^\r\n]*"
    rb"|334 (?:VXNlcm5hbWU6|UGFzc3dvcmQ6)?|451 authup timeout \(#4\.4\.2\)"
    rb"|421 authup (?:too many errors \(#4\.7\.0\)|shutting down \(#4\.3\.2\))"
    rb"|500 (?:authup )?line too long \(#5\.5\.6\)|502 unimplemented \(#5\.5\.1\)"
    rb"|501 authup (?:malformed auth input \(#5\.5\.4\)|auth exchange cancelled \(#5\.0\.0\))"
    rb"|504 authup auth type unimplemented \(#5\.5\.1\)|530 authup authentication required \(#5\.7\.1\)"
    rb"|530 (?:authup )?Must start TLS first \(#5\.7\.0\)|\+OK |-ERR STLS not available"
    rb"|-ERR authup (?:syntax error|USER first|authorization first|line too long|timeout|too many errors"
    rb"|Must start TLS first)|-ERR \[SYS/TEMP\] authup shutting down)\r\n"
)
"""What requests are answered with that without the fault would have been discarded, or refused otherwise."""
