# SPDX-License-Identifier: BSD-2-Clause
"""Attacks of hostile.py by who has not logged in: TLS, lines, literals, SASL."""

import os
import re
import select
import socket
import ssl
import threading
import time

from hostile_case import ANNA, attack, reply_to
from hostile_data import BAD_LINES, EXCHANGES, NESTED, flood, is_closed, plain, timed
from support import PASSWORD, Imap, check, run


@attack
def starttls(server):
    """Items 1 and 2: nothing that came in clear is obeyed under TLS."""
    login = f'b LOGIN "{ANNA}" "{PASSWORD}"\r\n'.encode()
    for name, data in (
            ("a LOGIN behind it", b"a STARTTLS\r\n" + login),
            ("a second STARTTLS behind it", b"a STARTTLS\r\nb STARTTLS\r\n"),
            ("half a line behind it", b"a STARTTLS\r\nb NO"),
            ("a literal that spans it", b"a STARTTLS\r\nb LOGIN {16+}\r\nanna@ex"),
            ("one octet behind it", b"a STARTTLS\r\n\r")):
        got = reply_to(data, close=True)
        check(f"STARTTLS, {name}: closed, not obeyed", b"\r\nb " not in got and b"<<" not in got, got)
    with Imap(server.imap) as c:
        c.ok("STARTTLS")
        c.send(login)
        got = c.socket.recv(1000) if select.select([c.socket], [], [], 5)[0] else b"<<no end>>"
        check("clear text instead of the handshake", b"OK" not in got and is_closed(c), got)
    with Imap(server.imap) as c:
        c.send(b"a AUTHENTICATE PLAIN\r\n")
        c.line()
        c.send(b"b STARTTLS\r\nc NOOP\r\n")
        got = [c.line(), c.line()]
        check("STARTTLS inside AUTHENTICATE is no STARTTLS", got[0].startswith(b"a BAD") and got[1].startswith(b"c OK"), got)
    for name, data in (("with an argument", b"a STARTTLS now\r\n"), ("with a literal", b"a STARTTLS {3+}\r\nabc\r\n")):
        got = reply_to(data)
        check(f"STARTTLS {name}: BAD", got.startswith(b"a BAD"), got)
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with Imap(server.imap) as c:
        c.ok("STARTTLS")
        c.socket = context.wrap_socket(c.socket)
        c.file = c.socket.makefile("rb")
        again, _ = c.command("STARTTLS")
        capability = b"".join(c.ok("CAPABILITY"))
        check("no STARTTLS under TLS", again.startswith((b"BAD", b"NO")) and b"STARTTLS" not in capability, (again, capability))
        check("and the session is good", not c.ok(f'LOGIN "{ANNA}" "{PASSWORD}"'))
    got = reply_to(b"LHLO x\r\nSTARTTLS\r\nMAIL FROM:<x@example.net>\r\n", port=server.lmtp, close=True, timeout=8)
    check("LMTP: STARTTLS, MAIL behind it: not obeyed", b"250 2.1.0" not in got or b"502" in got or b"500" in got, got)


@attack
def handshakes(server):
    """Items 3 and 4."""
    half = []
    for n in range(300):
        s = socket.create_connection(("127.0.0.1", server.imaps), 10)
        if n % 3:
            s.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[:n % 11 + 1])
        half.append(s)
    with server.client(ANNA, tls=True) as c:
        check("300 half-open handshakes: others get in", bool(c.ok("NOOP") or True))
    time.sleep(3.5)
    open_still = 0
    for s in half:
        s.settimeout(2)
        try:
            while s.recv(1000):
                pass
        except TimeoutError:
            open_still += 1
        except OSError:
            pass
        s.close()
    check("they are closed by their timeout", open_still == 0, open_still)

    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    for n in range(150):
        with socket.create_connection(("127.0.0.1", server.imaps), 10) as s:
            with context.wrap_socket(s, server_hostname=f"{n}.{'x' * 50}.example.org") as tls:
                if n == 149:
                    check("150 names that nobody has", tls.recv(100).startswith(b"* OK"))
    context.set_alpn_protocols(["http/1.1"])
    try:
        with socket.create_connection(("127.0.0.1", server.imaps), 10) as s, context.wrap_socket(s) as tls:
            chosen = tls.selected_alpn_protocol()
            check("ALPN http/1.1 is not spoken", chosen is None, chosen)
    except (ssl.SSLError, ConnectionError):
        check("ALPN http/1.1 is not spoken", True)
    got = reply_to(b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: a\r\n\r\n", until=rb"(BAD.*?\n.*?){4}")
    check("HTTP on the plain port: BAD", got.count(b" BAD ") == 4, got)
    got = reply_to(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", port=server.imaps, greeting=False, close=True)
    check("HTTP on the TLS port: closed", b"OK" not in got and b"<<" not in got, got)
    hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + os.urandom(500)
    got = reply_to(hello + b"\r\na NOOP\r\n", until=rb"a OK|BYE", greeting=False)
    check("TLS on the plain port is refused and goes on", b"BAD" in got, got)
    done = run("openssl", "s_client", "-connect", f"127.0.0.1:{server.imaps}", "-tls1_2", input="R\n", timeout=20)
    asked, after = done.stderr.partition("RENEGOTIATING")[1:]
    check("renegotiation is refused", asked and "depth=" not in after and "error:" in after, done.stderr[-500:])


@attack
def slow_before_login(server):
    """Item 3: an octet now and then."""
    places = [b"a LOGIN " + b"x" * 100, b"a LOGIN {50+}\r\n" + b"x" * 50, b"a AUTHENTICATE PLAIN\r\n" + b"A" * 100]
    clients = [Imap(server.imap) for _ in range(60)]
    closed = [None] * len(clients)
    for n, c in enumerate(clients):
        c.send(places[n % 3][:places[n % 3].find(b"\n") + 1])
    began, step = time.monotonic(), 0
    while None in closed and time.monotonic() < began + 15:
        for n, c in enumerate(clients):
            if closed[n] is None:
                try:
                    while select.select([c.socket], [], [], 0)[0]:
                        if not c.socket.recv(4096):
                            raise ConnectionError
                    c.send(b"x")
                except OSError:
                    closed[n] = time.monotonic() - began
        step += 1
        time.sleep(0.25)
    for c in clients:
        c.close()
    check("60 that drip before login are closed when their time is up", None not in closed and max(closed) < 10, closed)


@attack
def lines(server):
    """Items 5 and 7."""
    with Imap(server.imap) as c:
        for name, data in BAD_LINES:
            c.send(data + b"n NOOP\r\n")
            got = [c.line()]
            while not got[-1].startswith(b"n ") and got[-1]:
                got.append(c.line())
            check(f"{name}: BAD, and the session goes on", got[-1].startswith(b"n OK") and len(got) == 2 and b" BAD " in got[0], got)
        c.send(b"a]b NOOP\r\nc   NOOP   \r\nd NOOP\n")
        got = [c.line(), c.line(), c.line()]
        check("a tag with ], more spaces, a lone LF are taken", [g[:6] for g in got] == [b"a]b OK", b"c OK N", b"d OK N"], got)
        c.send(b"a LOGIN " + b"x" * 70000 + b"\r\nn NOOP\r\n")
        got = [c.line(), c.line()]
        check("a line over the limit: BAD, and the session goes on", got[0].startswith(b"a BAD") and got[1].startswith(b"n OK"), got)
    with Imap(server.imap) as c:
        (sent, got), seconds = timed(flood, c, b"x" * (1 << 20), 200)
        check("a line without an end is given up", got.count(b"BYE") == 1 and seconds < 20, (sent, seconds, got[-200:]))
    with server.client(ANNA) as c:
        (sent, got), seconds = timed(flood, c, b"x" * (1 << 20), 400)
        check("after login too", got.count(b"BYE") == 1 and seconds < 20, (sent, seconds, got[-200:]))


@attack
def literals(server):
    """Item 6."""
    for name, size in (("4 GiB", b"4294967295"), ("2^64 - 1", b"18446744073709551615"), ("2^63", b"9223372036854775808"),
                       ("thirty digits", b"9" * 30), ("over the limit before login", b"5000")):
        got = reply_to(b"a LOGIN {" + size + b"}\r\nn NOOP\r\n", until=rb"n (OK|BAD)")
        check(f"a literal of {name} is refused before it is read", b"\r\n+" not in got and not got.startswith(b"+") and
              re.match(rb"a (BAD|NO) ", got) and b"n OK" in got, got)
    got = reply_to(b"a LOGIN {" + b"9" * 30 + b"+}\r\nn NOOP\r\n", close=True, timeout=8)
    check("and one that cannot be skipped ends the connection", b"n OK" not in got and b"BYE" in got, got)
    got = reply_to(b"a LOGIN {5000+}\r\n" + b"x" * 5000 + b" y\r\nn NOOP\r\n", until=rb"n OK")
    check("a non-synchronising one over the limit is skipped", re.match(rb"a (BAD|NO) .*\r\nn OK", got), got)
    got = reply_to(b"a XYZZY {10+}\r\nb LOGOUT\r\n x\r\nn NOOP\r\n", until=rb"n OK")
    check("what is in it is not obeyed", re.match(rb"a BAD .*\r\nn OK", got), got)
    got = reply_to(b"a LOGIN {00000000000000000010+}\r\nxxxxxxxxxx {0+}\r\n\r\nn NOOP\r\n", until=rb"n OK", timeout=30)
    check("leading zeros and none at all", re.match(rb"a NO .*\r\nn OK", got), got)
    got = reply_to(b"a LOGIN {1+}\r\nx {3+}\r\na\0b\r\nn NOOP\r\n", until=rb"n OK", timeout=30)
    check("NUL in an argument", re.match(rb"a (BAD|NO) .*\r\nn OK", got), got)
    for cut in (b"a LOGIN {10}\r\n", b"a LOGIN {10+}\r\n", b"a LOGIN {10+}\r\nabc", b"a LOGIN {10+}\r\n0123456789", b"a LOGIN {10+"):
        with Imap(server.imap) as c:
            c.send(cut)
    check("five that went away in the middle", bool(reply_to(b"a NOOP\r\n")))
    got = reply_to(b"a LOGIN " + b"{1+}\r\nx" * 100000 + b"\r\n", close=True, timeout=15)
    check("100,000 literals before login: BAD, and an end", b"BAD" in got and b"OK" not in got, got[:300])
    got = reply_to(b"a LOGIN " + b"(" * 60000 + b"\r\nb LIST " + b"(" * 60000 + b"\r\nn NOOP\r\n", until=rb"n OK")
    check("60,000 parentheses before login: BAD", got.count(b" BAD ") == 2, got[:300])
    with server.client(ANNA) as c:
        c.ok("SELECT INBOX")
        for name, text in NESTED:
            reply, _ = c.command(text)
            check(f"{name}: BAD", reply.startswith((b"BAD", b"NO [LIMIT]", b"NO [TOOBIG]")), reply)
        reply, seconds = timed(c.command, b"SEARCH " + b"OR " * 8000 + b"ALL " * 8001)
        check("wide or deep, it ends", reply[0][:3] in (b"OK ", b"BAD", b"NO "), (reply[0][:100], seconds))
        c.send(b"a SEARCH" + b" {1+}\r\nx" * 200000 + b"\r\nn NOOP\r\n")
        got = []
        while not got or not got[-1].startswith(b"n "):
            got.append(c.line())
            if not got[-1]:
                break
        check("200,000 literals after login: BAD, then on", got[0].startswith(b"a BAD") and got[-1].startswith(b"n OK") and len(got) == 2,
              got[:5])


def sasl(server, steps, mechanism=b"PLAIN"):
    """Steps of an exchange on a new connection: the tagged reply, and whether the session goes on."""
    with Imap(server.imap, timeout=30) as c:
        c.send(b"a AUTHENTICATE " + mechanism + b"\r\n")
        for step in steps:
            line = c.line()
            if not line.startswith(b"+"):
                break
            c.send(step + b"\r\n")
        else:
            line = c.line()
        while line.startswith(b"+"):
            c.send(b"*\r\n")
            line = c.line()
        c.send(b"n NOOP\r\n")
        return line, c.line().startswith(b"n OK")


@attack
def authenticate(server):
    """Item 8. Replies are BAD (no base64, cancelled) or NO; failures are answered after a delay, so they run beside each other."""
    results = {}

    def one(case):
        mechanism = b"SCRAM-SHA-256" if case[0].startswith("SCRAM") else b"PLAIN"
        results[case[0]] = sasl(server, case[1], mechanism)
    for begun in range(0, len(EXCHANGES), 2):
        threads = [threading.Thread(target=one, args=(c,), daemon=True) for c in EXCHANGES[begun:begun + 2]]
        for t in threads:
            t.start()
        for t in threads:
            t.join(40)
        with server.client(ANNA):  # a success takes the delay back
            pass
    for name, _, expected in EXCHANGES:
        line, on = results.get(name, (b"", False))
        check(f"AUTHENTICATE, {name}: {expected.decode()}, and the session goes on",
              on and line.startswith((b"a " + expected, b"a BAD") if expected == b"NO" else b"a " + expected), line)
    got = reply_to(b"a AUTHENTICATE XYZZY\r\nb AUTHENTICATE\r\nc AUTHENTICATE PLAIN a b\r\nn NOOP\r\n", until=rb"n OK")
    check("AUTHENTICATE, unknown, none, two", re.match(rb"a NO .*\r\nb BAD .*\r\nc BAD .*\r\nn OK", got), got)
    with Imap(server.imap) as c:
        c.send(b"a AUTHENTICATE PLAIN\r\n")
        sent, got = flood(c, b"A" * (1 << 20), 30)
        check("a response of 30 MB is refused", b"a OK" not in got and (b"BAD" in got or b"NO" in got or b"BYE" in got), (sent, got[:200]))
    good = plain(b"\0" + ANNA.encode() + b"\0" + PASSWORD.encode())
    got = reply_to(b"a AUTHENTICATE PLAIN " + good + b"\r\nb AUTHENTICATE PLAIN " + good + b"\r\nc NOOP\r\n", until=rb"c OK")
    check("two pipelined: the second is out of place", re.match(rb"a OK .*\r\nb BAD .*\r\nc OK", got), got)
    for _ in range(60):
        with Imap(server.imap) as c:
            c.send(b"a AUTHENTICATE PLAIN\r\n")
            c.line()
        with Imap(server.imap) as c:
            c.send(b"a AUTHENTICATE SCRAM-SHA-256 " + plain(b"n,,n=anna@example.org,r=abc") + b"\r\n")
        with Imap(server.imap) as c:
            c.send(b"a LOGIN nobody x\r\n")
    with server.client(ANNA):
        check("180 that went away during it", True)
