# SPDX-License-Identifier: BSD-2-Clause
"""What the attacks of hostile.py send that no honest client would: lines, names, SASL exchanges, messages, commands; and how they send it."""

import base64
import socket
import ssl
import time

from support import PASSWORD


def plain(text):
    return base64.b64encode(text)


def literal(octets):
    return b"{%d+}\r\n%s" % (len(octets), octets)


BAD_LINES = [
    ("an empty line", b"\r\n"), ("only spaces", b"     \r\n"), ("an empty tag", b" NOOP\r\n"), ("a tag alone", b"a\r\n"),
    ("a tag and a space", b"a \r\n"), ("+ as a tag", b"+ NOOP\r\n"), ("* as a tag", b"* NOOP\r\n"), ("a long tag", b"a" * 300 + b" NOOP\r\n"),
    ("a quoted tag", b'"a" NOOP\r\n'), ("NUL", b"a NO\0OP\r\n"), ("NUL as a tag", b"\0 NOOP\r\n"), ("a bare CR", b"a NOOP\ra NOOP\r\n"),
    ("8-bit", b"a N\xc3\xb6P\r\n"), ("0xff", b"\xff\xff\xff\r\n"), ("an unknown command", b"a XYZZY\r\n"), ("UID NOOP", b"a UID NOOP\r\n"),
    ("UID alone", b"a UID\r\n"), ("a tab", b"a\tNOOP\r\n"), ("the wrong state", b"a FETCH 1 ALL\r\n"), ("LOGIN alone", b"a LOGIN\r\n"),
    ("LOGIN with one", b"a LOGIN x\r\n"), ("LOGIN with three", b"a LOGIN x y z\r\n"), ("an open parenthesis", b"a LOGIN (x y\r\n"),
    ("NUL in a quoted string", b'a LOGIN "x\0y" "z"\r\n'), ("CR in a quoted string", b'a LOGIN "x\ry" "z"\r\n'),
    ("a backslash at the end", b'a LOGIN "x\\\r\n'), ("a backslash before a letter", b'a LOGIN "\\x" "y"\r\n'),
    ("an unterminated quoted string", b'a LOGIN "x y\r\n'), ("a quoted string and more", b'a LOGIN "x"y z\r\n'),
    ("bad UTF-8 in a quoted string", b'a LOGIN "\xc3\x28" "y"\r\n'), ("a negative literal", b"a LOGIN {-1}\r\n"),
    ("a literal without digits", b"a LOGIN {}\r\n"), ("a literal with a word", b"a LOGIN {x}\r\n"),
    ("a literal and a space", b"a LOGIN {3} \r\n"),
]

# (name, the client's steps, the reply)
EXCHANGES = [
    ("bad base64", [b"!!!!"], b"BAD"), ("base64 that ends early", [b"AAA"], b"BAD"), ("only =", [b"===="], b"BAD"),
    ("cancelled", [b"*"], b"BAD"), ("nothing", [b""], b"NO"), ("NULs only", [plain(b"\0\0\0\0\0")], b"NO"),
    ("no name", [plain(b"\0\0" + PASSWORD.encode())], b"NO"), ("no password", [plain(b"\0" + b"anna@example.org" + b"\0")], b"NO"),
    ("one field", [plain(b"anna")], b"NO"), ("two fields", [plain(b"anna\0x")], b"NO"),
    ("another's identity", [plain(b"bob@example.org\0" + b"anna@example.org" + b"\0" + PASSWORD.encode())], b"NO"),
    ("bad UTF-8", [plain(b"\0\xff\xfe\0x")], b"NO"), ("a long name", [plain(b"\0" + b"x" * 8000 + b"\0x")], b"NO"),
    ("a name with a slash and dots", [plain(b"\0../../etc/passwd\0x")], b"NO"),
    ("a soft hyphen in the name", [plain("\0anna\u00ad@example.org\0x".encode())], b"NO"),
]
SCRAM = [
    ("SCRAM, garbage", [plain(b"garbage")]), ("SCRAM, empty", [b"="]), ("SCRAM, no nonce", [plain(b"n,,n=anna@example.org")]),
    ("SCRAM, p= without TLS", [plain(b"p=tls-exporter,,n=anna@example.org,r=abc")]),
    ("SCRAM, another's identity", [plain(b"n,a=bob@example.org,n=anna@example.org,r=abc"), plain(b"c=biws,r=abc,p=AAAA")]),
    ("SCRAM, a wrong nonce", [plain(b"n,,n=anna@example.org,r=abc"), plain(b"c=biws,r=zzz,p=AAAA")]),
    ("SCRAM, no proof", [plain(b"n,,n=anna@example.org,r=abc"), plain(b"c=biws,r=abc")]),
    ("SCRAM, a long nonce", [plain(b"n,,n=anna@example.org,r=" + b"x" * 6000), plain(b"c=biws,r=x,p=AAAA")]),
    ("SCRAM, bad escapes", [plain(b"n,,n=an=ZZna,r=abc"), plain(b"c=biws,r=abc,p=AAAA")]),
]
EXCHANGES += [(name, steps, b"NO") for name, steps in SCRAM]

BAD_NAMES = [
    ("empty", b'""'), ("/", b'"/"'), ("a double separator", b'"a//b"'), ("a leading separator", b'"/a"'), ("%", b'"a%b"'), ("*", b'"a*b"'),
    ("an & that begins nothing", b'"a&b"'), ("&AGE- for a letter", b'"&AGE-"'), ("an unpaired surrogate", b'"&2AA-"'),
    ("mUTF-7 with odd bits", b'"&AOQA-"'), ("mUTF-7 without its end", b'"&AOQ"'), ("U+2028", b'"&ICg-"'), ("U+0007", b'"&AAc-"'),
    ("NUL by literal", literal(b"a\0b")), ("CR LF by literal", literal(b"a\r\nb NOOP")), ("bad UTF-8 by literal", literal(b"\xc3\x28")),
    ("DEL by literal", literal(b"a\x7fb")), ("10,000 octets", b'"' + b"x" * 10000 + b'"'), ("1,000 levels", b'"' + b"x/" * 999 + b'x"'),
    ("INBOX", b"INBOX"), ("inbox", b"iNbOx"),
]


def nested(depth):
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(depth))
    return b"Subject: nested\r\n" + head + b"\r\ninnermost\r\n"


def odd_messages():
    """(name, octets): items 16 to 22."""
    header = b"From: x@example.net\r\nSubject: odd\r\n"
    mixed = header + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="
    yield "a million header lines", b"a: b\r\n" * 1_000_000 + b"\r\nbody\r\n"
    yield "a header line of 20 MB", b"Subject: " + b"x" * (20 << 20) + b"\r\n\r\nbody\r\n"
    yield "a header folded a million times", b"Subject: x" + b"\r\n y" * 1_000_000 + b"\r\n\r\nbody\r\n"
    yield "a header without a body", header
    yield "a body without a header", b"\r\nbody only\r\n"
    yield "no header line at all", b"just a line\r\nand another\r\n"
    yield "only CRLF", b"\r\n"
    yield "no CRLF at the end", header + b"\r\nbody"
    yield "bare CR and LF in the header", b"Subject: a\rb\nFrom: x\n\rTo: y\r\r\n\r\nbody\r\n"
    yield "8-bit and a BOM", b"\xef\xbb\xbfSubject: \xff\xfe\x80\r\nFrom: \xc3\xa4@\xff\r\n\r\n\x80\x81\r\n"
    yield "a million parts", mixed + b"b\r\n\r\n" + b"--b\r\n\r\n" * 1_000_000 + b"--b--\r\n"
    yield "a million parts with headers", mixed + b"b\r\n\r\n" + b"--b\r\nA: b\r\n\r\nx\r\n" * 300_000
    yield "parts nested 10,000 deep", nested(10_000)
    yield "message/rfc822 in itself 1,000 times", b"Content-Type: message/rfc822\r\n\r\n" * 1000 + b"Subject: inner\r\n\r\nx\r\n"
    yield "a boundary of nothing", mixed + b'""\r\n\r\n--\r\n\r\nx\r\n----\r\n'
    yield "no boundary", header + b"Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\ny\r\n"
    yield "a boundary of 10 kB", mixed + b'"' + b"b" * 10_000 + b'"\r\n\r\n--' + b"b" * 10_000 + b"\r\n\r\nx\r\n"
    yield "boundaries that begin alike", (mixed + b"a\r\n\r\n--a\r\nContent-Type: multipart/mixed; boundary=ab\r\n\r\n--ab\r\n\r\nx\r\n"
                                          b"--ab--\r\n--a\r\n\r\ny\r\n--a--\r\n")
    yield "a multipart that is cut off", mixed + b"b\r\n\r\n--b\r\nContent-Type: text/pl"
    yield "a million addresses", b"To: " + b"a@b," * 1_000_000 + b"c@d\r\n\r\nx\r\n"
    yield "groups that never end", b"To: " + b"g:" * 100_000 + b"a@b\r\nCc: g: a@b, c@d\r\n\r\nx\r\n"
    yield "100,000 comments in comments", b"From: " + b"(" * 100_000 + b"x" + b")" * 99_999 + b" a@b\r\n\r\nx\r\n"
    yield "a comment that ends in a backslash", b"From: a@b (comment\\\r\nSubject: x\\"
    yield "a quoted string that ends in a backslash", b'From: "a\\'
    yield "an empty local part", b'From: ""@example.net\r\nTo: @example.net\r\nCc: <@a,@b:c@d>\r\n\r\nx\r\n'
    yield "a domain literal of 1 MB", b"From: a@[" + b"1" * (1 << 20) + b"]\r\n\r\nx\r\n"
    yield "100,000 parameter pieces", (header + b"Content-Type: text/plain" +
                                       b"".join(b";\r\n name*%d=x" % n for n in range(100_000)) + b"\r\n\r\nx\r\n")
    yield "parameter pieces of all kinds", (header + b"Content-Type: text/plain; name*0*=utf-8''%ff%; name*0=x; name*99999999999999999999=y;"
                                            b" name*1*=%C3; name*2=z; name**=q; =; ;;; *=; a*b*c=d\r\nContent-Disposition: attachment;"
                                            b" filename*=iso-2022-jp''%1B$B; filename*0*=''; filename=\"\\\"\r\n\r\nx\r\n")
    yield "encoded words of all kinds", (b"Subject: =?utf-8?B?" + b"A" * 200_000 + b"?= =?x-unknown?Q?=FF=?= =?utf-7?Q?+2AA-?= =?=?=?=?=\r\n"
                                         b"From: =?iso-2022-jp?B?GyRCGyRC?= <a@b>\r\nTo: =?utf-8?Q?=00=0D=0A?= <c@d>\r\n\r\nx\r\n")
    yield "dates of all kinds", b"Date: Fri, 31 Feb 99999 99:99:99 +9999\r\nReceived: ; Date\r\n\r\nx\r\n"
    yield "the year 0", b"Date: Mon, 1 Jan 0000 00:00:00 -0000\r\n\r\nx\r\n"
    yield "References of 1 MB", b"References: " + b"<a@b> " * 170_000 + b"\r\nMessage-ID: <a@b>\r\nIn-Reply-To: <a@b>\r\n\r\nx\r\n"
    yield "broken base64", header + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"!@#$=A=B==\r\n" * 10_000
    yield "broken quoted-printable", header + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=ZZ=4=\r\n=" * 10_000
    yield "an unknown encoding", header + b"Content-Transfer-Encoding: x-bomb\r\n\r\n" + b"x" * 1000
    yield "a charset bomb", header + b"Content-Type: text/plain; charset=iso-2022-kr\r\n\r\n" + b"\x1b$)C\x0e\x0f" * 200_000
    yield "UTF-7", header + b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+2AA+" * 100_000
    yield "HTML nested 300,000 deep", header + b"Content-Type: text/html\r\n\r\n" + b"<div><!--<" * 300_000
    yield "parts with no end to their headers", mixed + b"b\r\n\r\n" + b"--b\r\nContent-Type: text/plain; charset=\"" * 20_000
    for size in (4095, 4096, 8191, 8192, 16383, 32767, 65535, 65536, 131071, 131072, 262143):
        at = len(mixed) + 5 + len(b"--b\r\n\r\n")
        yield (f"a boundary at octet {size}",
               mixed + b"b\r\n\r\n--b\r\n\r\n" + b"x" * (size - at) + b"\r\n--b\r\n\r\nsecond\r\n--b--\r\n")


class Raw:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)


def flood(client, data, times, seconds=20):
    """Sends again and again until the other side gives up; the octets that went, and what came back."""
    sent, got = 0, b""
    client.socket.settimeout(seconds)
    try:
        for _ in range(times):
            client.socket.sendall(data)
            sent += len(data)
    except OSError:
        pass
    client.socket.settimeout(3)
    try:
        while True:
            piece = client.socket.recv(65536)
            if not piece:
                break
            got += piece
    except OSError:
        pass
    return sent, got


def is_closed(client, seconds=15):
    """Whether the connection ends within that time; what is still in it is read."""
    client.socket.settimeout(seconds)
    try:
        while client.socket.recv(65536):
            pass
        return True
    except (ConnectionError, ssl.SSLError):
        return True
    except TimeoutError:
        return False


def timed(function, *args):
    began = time.monotonic()
    result = function(*args)
    return result, time.monotonic() - began


def fetch_fields(c, number, items):
    tagged, untagged = c.command(f"FETCH {number} {items}")
    return tagged, b"".join(u for u in untagged if b" FETCH (" in u)


CONDSTORE = (
    ("ENABLE", b"BAD"), ("ENABLE XYZZY", b"OK"), ("ENABLE CONDSTORE CONDSTORE", b"OK"), ("SELECT INBOX (CONDSTORE)", b"OK"),
    ("FETCH 1:* (FLAGS) (CHANGEDSINCE 0)", b"OK"), ("FETCH 1:* (FLAGS) (CHANGEDSINCE 18446744073709551615)", b""),
    ("FETCH 1:* (FLAGS) (CHANGEDSINCE -1)", b"BAD"), ("FETCH 1:* (FLAGS) (CHANGEDSINCE 99999999999999999999)", b"BAD"),
    ("FETCH 1:* (FLAGS) (CHANGEDSINCE 1", b"BAD"), ("FETCH 1:* (FLAGS) (XYZZY)", b"BAD"),
    (r"STORE 1 (UNCHANGEDSINCE 0) +FLAGS (\Seen)", b"OK [MODIFIED"), (r"STORE 1 (UNCHANGEDSINCE x) +FLAGS ()", b"BAD"),
    ("SEARCH MODSEQ 9223372036854775807", b"OK"), ("STATUS INBOX (HIGHESTMODSEQ)", b"OK"),
    ("SELECT INBOX (XYZZY)", b"BAD"), ("NOOP", b"OK"))

SEARCHES = (
    ("CHARSET X-UNKNOWN ALL", b"NO [BADCHARSET"), ("", b"BAD"), ("(", b"BAD"), ("()", b"BAD"), ("NOT", b"BAD"), ("OR ALL", b"BAD"),
    ("KEYWORD", b"BAD"), ("LARGER -1", b"BAD"), ("LARGER 99999999999999999999", b"BAD"), ("SINCE 31-Feb-2020", b"BAD"),
    ("SINCE 1-Xyz-2020", b"BAD"), ("UID 0", b"BAD"), ("HEADER", b"BAD"), ("XYZZY", b"BAD"), ("ALL ALL)", b"BAD"),
    ("CHARSET", b"BAD"), ("CHARSET UTF-8", b"BAD"), ("MODSEQ", b"BAD"), ("MODSEQ -1", b"BAD"), ("ALL  ALL", b"OK"),
    ("UNKEYWORD neverseen", b"OK"), ("KEYWORD neverseen", b"OK"))

BAD_APPENDS = (
    ("over the limit", b"appended {99999999999}"), ("over 64 bits", b"appended {99999999999999999999999}"),
    ("to what is not there", b"nowhere {10}"), ("a bad name", b'"a//b" {10}'), ("a bad flag", b"appended (\\Bogus( {10}"),
    ("no literal", b"appended"), ("a quoted message", b'appended "x"'), ("a bad date", b'appended "31-Feb-2020 00:00:00 +0000" {10}'),
    ("a date that is none", b'appended "yesterday" {10}'))

PATHS = (
    ("an empty local part", '""@example.org', b"5"), ("nothing", "", b"5"), ("only @", "@", b"5"), ("only quotes", '""', b"5"),
    ("8-bit", "ann\u00e4@example.org", b"5"), ("a source route", "@a,@b:anna@example.org", b"2"), ("a path", "../../anna", b"5"),
    ("a long one", "x" * 3000 + "@example.org", b"5"), ("a backslash at the end", '"anna\\', b"5"),
    ("a domain literal that never ends", "anna@[1.2.3.4", b"5"), ("a detail that is a path", "anna+../../x@example.org", b"2"),
    ("a detail of wildcards", "anna+*%@example.org", b"2"), ("a tab", "an\tna@example.org", b"5"))

ITEMS = ("(UID FLAGS RFC822.SIZE INTERNALDATE ENVELOPE BODYSTRUCTURE BODY BODY.PEEK[HEADER.FIELDS (SUBJECT TO)] BODY.PEEK[TEXT]<0.100> "
         "BODY.PEEK[1]<0.100> BODY.PEEK[1.MIME]<0.100>)")

NESTED = (
    ("deep lists in SEARCH", b"SEARCH " + b"(" * 30000 + b"ALL" + b")" * 30000),
    ("deep lists in FETCH", b"FETCH 1 " + b"(" * 60000), ("deep lists in STORE", b"STORE 1 FLAGS " + b"(" * 60000),
    ("deep lists in LIST", b"LIST " + b"(" * 60000), ("deep lists in STATUS", b"STATUS INBOX " + b"(" * 60000),
    ("deep lists in ID", b"ID " + b"(" * 60000), ("deep NOT", b"SEARCH " + b"NOT " * 15000 + b"ALL"),
    ("deep OR", b"SEARCH " + b"OR " * 20000 + b"ALL"))

APPENDS = (
    ("to what is not there", b"nowhere {10+}\r\nb LOGOUT\r\n", b"NO [TRYCREATE]"), ("nothing", b"appended {0+}\r\n", b"NO"),
    ("and something behind it", b"appended {3+}\r\nabcdef", b"BAD"), ("a second that is cut", b"appended {3+}\r\nabc {", b"BAD"),
    ("a second of nothing", b"appended {3+}\r\nabc {0+}\r\n", b"NO"),
    ("a second over the limit", b"appended {3+}\r\nabc {99999999999}", b"NO"))
