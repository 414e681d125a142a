#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Clients that mean harm: before login, with names, with messages, with commands, over LMTP, and a machine that fails. Each attack must
end in the right reply, in bounded time and memory, and without harm to a session that only wants to say NOOP.

HF_HOSTILE names the tests to run (default: all)."""

import os
import re
import resource
import select
import socket
import ssl
import threading
import time
import zlib

from hostile_data import (APPENDS, BAD_APPENDS, BAD_LINES, BAD_NAMES, CONDSTORE, EXCHANGES, ITEMS, NESTED, PATHS, SEARCHES, Raw,
                          fetch_fields, flood, is_closed, odd_messages, plain, timed)
from support import PASSWORD, Control, Imap, Server, check, main, message, note, percentile, run

ANNA, BOB = "anna@example.org", "bob@example.org"
server = None
witness = None
sanitised = False
# Octets, in one test: the database's cache (64 MiB in support.py) may fill up in it; the rest is the daemon's own. A sanitiser's share
# comes on top.
GROWTH_MAX = (64 + 128) << 20


# --- what the tests share ------------------------------------------------------------------------------------------------

class Witness(threading.Thread):
    """A session that says NOOP now and then, and a watch on the daemon's memory."""

    def __init__(self):
        super().__init__(daemon=True)
        self.client = server.client(BOB)
        self.client.ok("SELECT INBOX")
        self.times, self.error, self.stopping, self.peak = [], None, False, 0
        self.control = Control()
        self.start()

    def run(self):
        try:
            while not self.stopping:
                began = time.monotonic()
                self.client.ok("NOOP")
                self.times.append(time.monotonic() - began)
                self.peak = max(self.peak, server.rss())
                time.sleep(0.01)
        except Exception as error:  # pylint: disable=broad-except
            self.error = repr(error)


def attack(function):
    """A test between two looks at the witness."""
    def whole():
        before = server.rss()
        witness.peak, at, control_at = before, len(witness.times), len(witness.control.times)
        function()
        time.sleep(0.05)
        name = function.__name__
        check(f"{name}: the daemon lives", server.died() is None, server.log()[-3000:])
        check(f"{name}: another session goes on", witness.error is None and len(witness.times) > at, witness.error)
        times = witness.times[at:] or [0]
        slow = percentile(times, 0.99)
        limit = witness.control.allows(0.5 if sanitised else 0.05, control_at)
        check(f"{name}: its NOOP stays quick", slow < limit, (slow, limit))
        growth = witness.peak - before
        note(f"{name}: memory grew by {growth >> 20} MiB, NOOP p99 {slow * 1e3:.1f} ms, longest {max(times) * 1e3:.0f} ms")
        check(f"{name}: memory stays bounded", growth < GROWTH_MAX * (4 if sanitised else 1), growth)
    whole.__name__ = function.__name__
    return whole


def reply_to(data, until=rb"", port=None, tls=False, greeting=True, timeout=20, close=False):
    """Sends octets on a new connection; what came back until the pattern (or the end, or one line when there is none)."""
    with Imap(port or server.imap, tls, timeout) if greeting else Raw(port or server.imap) as c:
        got = b""
        try:
            c.send(data)
            while True:
                piece = c.socket.recv(65536)
                got += piece
                if not piece or (until and re.search(until, got)) or (not until and b"\n" in got and not close):
                    break
        except (ConnectionError, ssl.SSLError):
            pass
        except TimeoutError:
            got += b"<<no end>>"
        return got


def begin():
    global server, witness, sanitised
    server = Server(options={
        "imap.login_timeout": '"5 s"', "imap.stall_timeout": '"4 s"', "limits.handshake_timeout": '"3 s"', "limits.write_timeout": '"4 s"',
        "limits.linger": '"2 s"', "imap.bad_commands_max": "1000", "lmtp.timeout": '"5 s"', "lmtp.recipients": "2000",
        "lmtp.errors": "100"})
    options = os.environ.get("ASAN_OPTIONS", "")
    server.start(ASAN_OPTIONS=options + (":" if options else "") + "quarantine_size_mb=16")
    with open(f"/proc/{server.process.pid}/maps", encoding="utf-8") as maps:
        text = maps.read()
        sanitised = "libasan" in text or "libtsan" in text
    for name in (ANNA, BOB):
        server.add_user(name)
    server.deliver(message("first"), ANNA, BOB)
    witness = Witness()


# --- before login --------------------------------------------------------------------------------------------------------

@attack
def starttls():
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
def handshakes():
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
def slow_before_login():
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
def lines():
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
def literals():
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


def sasl(steps, mechanism=b"PLAIN"):
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
def authenticate():
    """Item 8. Replies are BAD (no base64, cancelled) or NO; failures are answered after a delay, so they run beside each other."""
    results = {}

    def one(case):
        mechanism = b"SCRAM-SHA-256" if case[0].startswith("SCRAM") else b"PLAIN"
        results[case[0]] = sasl(case[1], mechanism)
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


# --- names ---------------------------------------------------------------------------------------------------------------

@attack
def names():
    """Item 11: names are names in a database."""
    with server.client(ANNA) as c:
        for name, text in BAD_NAMES:
            reply, _ = c.command(b"CREATE " + text)
            check(f"CREATE {name} is refused", reply.startswith((b"NO", b"BAD")), reply)
        for text in ('".."', '"a/../b"', '"../../../etc/passwd"', '"."', '"inbox/x"', '"INBOX/y"', '"&AOQ-"', '"nul.so"', '"~bob"', '"#news"'):
            c.ok(f"CREATE {text}")
        again, _ = c.command(b'CREATE "&AGEDCA-"')  # a and a combining diaeresis
        with_letter, _ = c.command('CREATE "a&Awg-"')
        check("names that are equal after NFC are equal", with_letter.startswith(b"NO [ALREADYEXISTS]") and again.startswith((b"NO", b"BAD")),
              (again, with_letter))
        listed = b"\n".join(c.ok('LIST "" "*"'))
        check("they are names and nothing more", b'"../../../etc/passwd"' in listed or b" ../../../etc/passwd" in listed, listed)
        check("INBOX in any case", b"INBOX/x" in listed and b"INBOX/y" in listed and b"inbox" not in listed, listed)
        for command in ("SELECT", "EXAMINE", "DELETE", "SUBSCRIBE", "STATUS", "APPEND", "RENAME"):
            rest = {"STATUS": " (MESSAGES)", "APPEND": " {3+}\r\nabc", "RENAME": " other"}.get(command, "")
            reply, _ = c.command(f'{command} "../bob@example.org/INBOX"{rest}')
            check(f"{command} of a path into another account", reply.startswith((b"NO", b"OK")) and
                  (command == "SUBSCRIBE" or reply.startswith(b"NO")), reply)
        for name, command in (("INBOX away", "DELETE INBOX"), ("a tree onto its child", 'RENAME "a" "a/b/c"'),
                              ("what is not there", "DELETE nowhere"), ("a rename onto one that is there", 'RENAME ".." "."')):
            reply, _ = c.command(command)
            check(f"{name}: NO", reply.startswith(b"NO"), reply)
        c.ok("CREATE twice")
        first = c.ok("STATUS twice (UIDVALIDITY)")
        c.ok("DELETE twice")
        c.ok("CREATE twice")
        check("made again, it has a new UIDVALIDITY", c.ok("STATUS twice (UIDVALIDITY)") != first, first)
        pattern = "*%" * 200
        reply, seconds = timed(c.command, f'LIST "" "{pattern}x{pattern}"')
        check("a pattern of 800 wildcards is quick", reply[0].startswith((b"OK", b"BAD", b"NO")) and seconds < 2, seconds)


# --- messages ------------------------------------------------------------------------------------------------------------


@attack
def messages():
    with server.client(ANNA, tls=False) as c:
        c.timeout(60)
        c.ok("CREATE odd")
        c.ok("SELECT odd")
        count, slowest = 0, []
        for name, data in odd_messages():
            began = time.monotonic()
            with server.lmtp_client() as lmtp:
                replies = lmtp.deliver(data, ["anna+odd@example.org"])
            c.ok("NOOP")
            count += 1
            tagged, got = fetch_fields(c, count, ITEMS)
            size = re.search(rb"RFC822.SIZE (\d+)", got)
            structure = b"BODYSTRUCTURE (" in got and b"ENVELOPE (" in got
            body = c.body(count)
            whole = body is not None and size and len(body) == int(size.group(1))
            expected = data if data.endswith(b"\r\n") else data + b"\r\n"
            found = c.search("SUBJECT zzqq") + c.search("TEXT zzqq") + c.search("FROM zzqq")
            seconds = time.monotonic() - began
            slowest.append((seconds, name))
            check(f"{name}: taken, described, given back, searched",
                  replies[0].startswith(b"250") and tagged.startswith(b"OK") and structure and whole and body.endswith(expected) and
                  not found and seconds < (60 if sanitised else 20),
                  (replies, tagged, structure, size and size.group(1), len(body or b""), len(expected), found, f"{seconds:.1f} s", got[:300]))
        slow = ", ".join(f"{name} {seconds:.1f} s" for seconds, name in sorted(slowest, reverse=True)[:8])
        note(f"{count} messages in {sum(s for s, _ in slowest):.1f} s; slowest: {slow}")
        listing, seconds = timed(c.command, "FETCH 1:* (ENVELOPE BODYSTRUCTURE)")
        check("a list of them all", listing[0].startswith(b"OK") and len(listing[1]) >= count, (listing[0], len(listing[1])))
        check("is of bounded size", sum(len(u) for u in listing[1]) < 64 << 20 and seconds < 30,
              (sum(len(u) for u in listing[1]), seconds))
        for criteria in ("SUBJECT x", "BODY x", "HEADER Received x", "TO a@b", "SENTBEFORE 1-Jan-1990", "LARGER 1000000"):
            tagged, _ = c.command("SEARCH " + criteria)
            check(f"SEARCH {criteria} among them", tagged.startswith(b"OK"), tagged)
        c.ok(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
        c.ok("CLOSE")
        c.ok("DELETE odd")


@attack
def partial():
    """Item 21."""
    with server.client(ANNA) as c:
        c.ok("CREATE partial")
        data = message("partial", body="0123456789" * 1000 + "\r\n")
        c.append("partial", data)
        c.append("partial", b"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain\r\n\r\n!!!=A\r\n")
        c.ok("SELECT partial")
        for item, expected in (("<0.1>", data[:1]), ("<1.4294967295>", data[1:]), (f"<{len(data) - 1}.10>", data[-1:]),
                               (f"<{len(data)}.10>", b""), ("<4294967295.1>", b"")):
            tagged, untagged = c.command(f"FETCH 1 BODY.PEEK[]{item}")
            got = b"".join(untagged)
            at = re.search(rb'\{(\d+)\}\r\n', got)
            octets = got[at.end():at.end() + int(at.group(1))] if at else b""
            check(f"BODY[]{item}", tagged.startswith(b"OK") and octets == expected, (tagged, got[:100]))
        for item in ("<0.0>", "<-1.1>", "<1>", "<1.>", "<.1>", "<1.2", "<99999999999999999999.1>", "<1.99999999999999999999>"):
            tagged, untagged = c.command(f"FETCH 1 BODY.PEEK[]{item}")
            check(f"BODY[]{item} is BAD", tagged.startswith(b"BAD"), (tagged, untagged))
        for item in ("BODY.PEEK[" + "1." * 1000 + "1]", "BODY.PEEK[4294967295]", "BODY.PEEK[2.MIME]", "BODY.PEEK[1.2.3.TEXT]"):
            tagged, untagged = c.command(f"FETCH 1 {item}")
            check(f"{item[:30]}: no such part", tagged.startswith((b"OK", b"BAD")), (tagged, untagged))
        for item in ("BODY[0]", "BODY[1", "BODY]", "BODY[MIME]", "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS]", "BODY[99999999999]", "BODY[1.]",
                     "BODY[.1]", "RFC822[]", "XYZZY", "(FLAGS", "FLAGS)", "()", ""):
            tagged, untagged = c.command(f"FETCH 1 {item}")
            check(f"FETCH 1 {item} is BAD", tagged.startswith(b"BAD"), (tagged, untagged))
        fields = " ".join(f"X-{n}" for n in range(5000))
        tagged, _ = c.command(f"FETCH 1:* BODY.PEEK[HEADER.FIELDS ({fields})]")
        check("5,000 header names", tagged.startswith(b"OK"), tagged)
        c.append("partial", b"Subject: " + b"x" * 4000 + b"\r\nX-Long: " + b"y" * 60_000 + b"\r\n\r\n" + b"z" * 70 + b"\r\n")
        c.ok("NOOP")
        c.send("big FETCH 3 (" + " ".join(f"BODY.PEEK[]<{n}.65536>" for n in range(2500)) + ")\r\n")
        tail, octets = b"", 0
        while not re.search(rb"\r\nbig [A-Z]+ .*\r\n$", tail):  # in one piece it would be much for us, too
            piece = c.file.read1(1 << 20)
            octets += len(piece)
            tail = (tail + piece)[-200:]
            if not piece:
                break
        check("2,500 times 64 KiB in one response", b"big OK" in tail and octets > 100 << 20, (octets, tail))
        tagged, untagged = c.command("FETCH 3 (" + " ".join(f"BODY.PEEK[HEADER.FIELDS (X-Long X{n})]" for n in range(1500)) + ")")
        check("1,500 times a long header field is refused", tagged.startswith((b"NO [LIMIT]", b"BAD")), tagged)
        tagged, untagged = c.command("FETCH 1 (" + "BODY.PEEK[]<0.10> " * 2000 + "UID)")
        check("2,000 items", tagged.startswith((b"OK", b"BAD", b"NO")), (tagged, len(untagged)))


# --- commands ------------------------------------------------------------------------------------------------------------

@attack
def sets_and_flags():
    """Item 23."""
    with server.client(ANNA) as c:
        c.ok("CREATE sets")
        for n in range(3):
            c.append("sets", message(f"set {n}"))
        c.ok("SELECT sets")
        for text, count in (("*:*", 1), ("*", 1), ("3:1", 3), ("1,1,1:3,3:1,*", 3), (",".join(["1:3"] * 8000), 3)):
            tagged, untagged = c.command(f"FETCH {text} UID")
            check(f"FETCH {text[:20]}: each once", tagged.startswith(b"OK") and len(untagged) == count, (tagged, len(untagged)))
        for text in ("1:4294967295", "4294967295:*", "4"):
            tagged, untagged = c.command(f"FETCH {text} UID")
            check(f"FETCH {text}: BAD, or what there is", tagged.startswith(b"BAD") or len(untagged) <= 3, (tagged, untagged))
        for text in ("0", "0:1", "1:0", "4294967296", "99999999999999999999", ",", "1,", ",1", "1::2", "1:2:3", ":", "-1", "1:-1", "1 2", ""):
            tagged, untagged = c.command(f"FETCH {text} UID")
            check(f"FETCH {text!r}: BAD", tagged.startswith(b"BAD"), (tagged, untagged))
        tagged, untagged = c.command("UID FETCH 1:4294967295 FLAGS")
        check("UID FETCH 1:4294967295", tagged.startswith(b"OK") and len(untagged) == 3, untagged)
        tagged, untagged = c.command("UID FETCH 4000000000:* FLAGS")
        check("UID FETCH 4000000000:*: the last", tagged.startswith(b"OK") and len(untagged) == 1, untagged)
        keywords = " ".join(f"kw{n}" for n in range(9000))
        tagged, _ = c.command(f"STORE 1 +FLAGS ({keywords})")
        check("9,000 keywords are refused", tagged.startswith((b"NO", b"BAD")), tagged)
        check("and none was set", b"kw" not in b"".join(c.ok("FETCH 1 FLAGS")))
        for n in range(200):
            tagged, _ = c.command(f"STORE 1 +FLAGS.SILENT (word{n})")
            if not tagged.startswith(b"OK"):
                break
        check("the table of keywords has an end, and says so", tagged.startswith(b"NO") and n >= 32, (n, tagged))
        tagged, _ = c.command("STORE 1 +FLAGS (word1)")
        check("those that are known still go", tagged.startswith(b"OK"), tagged)
        for flag in (r"\Recent", r"\*", r"\Unknown", "a(b", '"x"', "a%b", "a]b", "\\", "x" * 5000, "\u00e4"):
            tagged, _ = c.command(f"STORE 1 +FLAGS ({flag})")
            check(f"STORE {flag[:12]}: an answer", tagged.startswith((b"OK", b"NO", b"BAD")), tagged)
        got = b"".join(c.ok("FETCH 1 FLAGS"))
        check("and FLAGS are sound", re.search(rb"FLAGS \(([\\$A-Za-z0-9_.\]-]+ ?)*\)", got), got[:500])


@attack
def searches():
    """Item 24."""
    with server.client(ANNA) as c:
        c.ok("SELECT INBOX")
        for key in ("BCC", "BODY", "CC", "FROM", "SUBJECT", "TEXT", "TO", 'HEADER ""', "HEADER Subject"):
            tagged, _ = c.command(f'SEARCH {key} ""')
            check(f'SEARCH {key} ""', tagged.startswith((b"OK", b"BAD")), tagged)
        for text, expected in SEARCHES:
            tagged, _ = c.command(f"SEARCH {text}")
            check(f"SEARCH {text}: {expected.decode()}", tagged.startswith(expected), tagged)
        tagged, _ = c.command(b'SEARCH CHARSET UTF-8 SUBJECT {2+}\r\n\xc3\x28')
        check("a string that is not of its CHARSET", tagged.startswith((b"OK", b"NO", b"BAD")), tagged)
        tagged, _ = c.command(b"SEARCH TEXT {60000+}\r\n" + b"x" * 60000)
        check("a pattern of 60,000 octets", tagged.startswith(b"OK"), tagged)
        tagged, seconds = timed(c.command, b"SEARCH " + b"TEXT x " * 5000)
        check("5,000 patterns", tagged[0].startswith((b"OK", b"NO", b"BAD")) and seconds < 20, (tagged[0], seconds))
        tagged, seconds = timed(c.command, b"SEARCH " + b"OR (TEXT aab) (NOT BODY aac) " * 2000)
        check("2,000 alternatives", tagged[0].startswith((b"OK", b"NO", b"BAD")) and seconds < 20, (tagged[0], seconds))
    storm()


def storm():
    """Searches and fetches while another session expunges and appends."""
    with server.client(ANNA) as c, server.client(ANNA) as d:
        c.ok("CREATE storm")
        c.ok("SELECT storm")
        d.ok("SELECT storm")
        stop, errors = [], []

        def writes():
            try:
                while not stop:
                    for _ in range(5):
                        d.append("storm", message("storm"))
                    d.ok(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
                    d.ok("EXPUNGE")
            except Exception as error:  # pylint: disable=broad-except
                errors.append(repr(error))
        thread = threading.Thread(target=writes, daemon=True)
        thread.start()
        end = time.monotonic() + 3
        count, rounds, wrong = c.exists("storm"), 0, []

        def apply(responses, may_expunge):
            nonlocal count
            for r in responses:
                exists = re.match(rb"\* (\d+) (EXISTS|EXPUNGE)", r)
                if not exists:
                    continue
                if exists.group(2) == b"EXISTS":
                    if int(exists.group(1)) < count:
                        wrong.append(r)
                    count = int(exists.group(1))
                else:
                    if not may_expunge or int(exists.group(1)) > count:
                        wrong.append(r)
                    count -= 1
        while time.monotonic() < end:
            for command, may in (("SEARCH TEXT storm", False), ("NOOP", True), ("FETCH 1:* (UID BODY.PEEK[])", False),
                                 (r"STORE 1:* +FLAGS (\Flagged)", False), ("UID SEARCH SUBJECT storm", True)):
                if "1:*" in command and not count:
                    continue
                tagged, untagged = c.command(command)
                if not tagged.startswith((b"OK", b"NO [EXPUNGEISSUED]")):
                    wrong.append((command, tagged))
                if command.startswith("SEARCH") and any(int(n) > count for n in b"".join(
                        u[8:] for u in untagged if u.startswith(b"* SEARCH")).split()):
                    wrong.append((command, untagged, count))
                apply(untagged, may)
                rounds += 1
        stop.append(True)
        thread.join(20)
        apply(c.ok("NOOP"), True)
        check("in a storm of EXPUNGE and APPEND numbers hold still while they are used", not wrong and not errors and rounds > 10,
              (wrong[:3], errors, rounds))
        check("and in the end the count is right", c.exists("storm") == d.exists("storm") == count, count)
        c.ok("UNSELECT")


@attack
def appends():
    """Item 25."""
    data = message("append")
    with server.client(ANNA) as c:
        c.ok("CREATE appended")
        c.ok("CREATE gone")
    for cut in (b"a APPEND appended", b"a APPEND appended {%d}\r\n" % len(data), b"a APPEND appended {%d+}\r\n" % len(data) + data[:10],
                b"a APPEND appended {%d+}\r\n" % len(data) + data, b"a APPEND appended {3000000+}\r\n" + b"x" * 2999999,
                b"a APPEND appended {3+}\r\nabc {3+}\r\nab"):
        with server.client(ANNA) as c:
            c.send(cut)
    with server.client(ANNA) as c:
        for name, text in BAD_APPENDS:
            tagged, untagged = c.command(b"APPEND " + text)
            check(f"APPEND {name} is refused before the message", tagged.startswith((b"NO", b"BAD")) and not untagged, (tagged, untagged))
        for name, text, expected in APPENDS:
            tagged, _ = c.command(b"APPEND " + text)
            check(f"APPEND {name}: {expected.decode()}, and in step", tagged.startswith(expected) and not c.command("NOOP")[1], tagged)
        for date in ("01-Jan-1950 00:00:00 +0000", "31-Dec-9999 23:59:59 -1200", " 1-Feb-2020 00:00:00 +1400"):
            tagged, _ = c.command(f'APPEND appended "{date}" {{3+}}\r\nabc')
            check(f"INTERNALDATE {date}: an answer", tagged.startswith((b"OK", b"NO", b"BAD")), tagged)
        before = c.exists("appended")
        many = b"APPEND appended" + b" {3+}\r\nabc" * 3000 + b" {3+}\r\nabc extra"
        tagged, _ = c.command(many)
        check("3,000 in one, the last malformed: none", tagged.startswith(b"BAD") and c.exists("appended") == before, tagged)
        check("none of those that were cut off", before <= 3, before)
        with server.client(ANNA) as d:
            c.send(b"z APPEND gone {%d+}\r\n" % len(data) + data[:20])
            time.sleep(0.1)
            d.ok("DELETE gone")
        c.send(data[20:] + b"\r\n")
        line = c.line()
        check("to a mailbox that is deleted meanwhile: NO [TRYCREATE]", line.startswith(b"z NO [TRYCREATE]"), line)
    with server.client(ANNA) as c:
        c.send(b"a APPEND appended {1000}\r\n")
        c.line()
        began, ended = time.monotonic(), None
        while time.monotonic() < began + 15 and not ended:
            try:
                c.send(b"x")
                if select.select([c.socket], [], [], 0.25)[0] and not c.socket.recv(1000):
                    ended = time.monotonic() - began
            except OSError:
                ended = time.monotonic() - began
        check("a message that drips is given up", ended is not None and ended > 3, ended)


@attack
def idle_and_pipelines():
    """Items 29 and 32."""
    with server.client(ANNA) as c:
        c.ok("SELECT INBOX")
        c.send(b"a IDLE\r\nDONE\r\nb NOOP\r\nc IDLE\r\nd NOOP\r\ne NOOP\r\n")
        got = []
        while not got or not got[-1].startswith(b"e "):
            got.append(c.line())
        tags = [g[:4] for g in got if not g.startswith((b"+", b"*"))]
        check("IDLE, DONE and the next in one packet; a command instead of DONE", tags == [b"a OK", b"b OK", b"c BA", b"e OK"], got)
        c.send(b"a IDLE\r\n" + b"x" * 100000 + b"\r\nb NOOP\r\n")
        got = [c.line(), c.line(), c.line()]
        check("a long line during IDLE", got[1].startswith(b"a BAD") and got[2].startswith(b"b OK"), got)
        c.send(b"s SEARCH TEXT first\r\ni IDLE\r\nDONE\r\nn NOOP\r\n")
        got = []
        while not got or not got[-1].startswith(b"n "):
            got.append(c.line())
        check("IDLE behind a slower command", [g[:4] for g in got if g[:2] in (b"s ", b"i ", b"n ")] == [b"s OK", b"i OK", b"n OK"], got)
    idlers = []
    for _ in range(50):
        c = server.client(ANNA)
        c.ok("SELECT INBOX")
        c.begin("IDLE")
        c.line()
        idlers.append(c)
    server.deliver(message("to all"), ANNA)
    told = 0
    for c in idlers:
        c.timeout(10)
        told += b"EXISTS" in c.line()
        c.close()
    check("50 that idle hear of one delivery", told == 50, told)
    with server.client(ANNA) as c:
        count = 20000 if sanitised else 100000
        got = [0]

        def read():
            while got[0] < count:
                line = c.line()
                if not line:
                    break
                got[0] += line.endswith(b"NOOP completed") or b" OK " in line
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        _, seconds = timed(c.send, b"".join(b"%d NOOP\r\n" % n for n in range(count)))
        thread.join(60)
        check(f"{count} commands in one go", got[0] == count, (got[0], seconds))
    with server.client(ANNA) as c:
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.socket.settimeout(10)
        sent = 0
        try:
            for _ in range(400):
                c.socket.sendall(b"x CAPABILITY\r\n" * 10000)
                sent += 140000
        except OSError:
            pass
        check("commands without reading the replies: the server stops reading", sent < 40 << 20, sent)
        check("and closes", is_closed(c, 20))


@attack
def slow_readers():
    """Item 28."""
    with server.client(ANNA) as c:
        c.ok("CREATE slow")
        c.append("slow", message("slow", body="x" * 70 + "\r\n") * 1 + b"0123456789abcdef" * 65536 * 8)
        for _ in range(50):
            c.append("slow", message("little"))
        clients = []
        for _ in range(10):
            d = Imap(server.imap)
            d.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            d.ok(f'LOGIN "{ANNA}" "{PASSWORD}"')
            d.ok("SELECT slow")
            d.send(b"".join(b"d%d FETCH 1:* BODY.PEEK[]\r\n" % n for n in range(1000)))
            clients.append(d)
        c.ok("SELECT slow")
        c.ok(r"STORE 2:51 +FLAGS.SILENT (\Deleted)")
        check("EXPUNGE while ten read and do not", len(c.ok("EXPUNGE")) >= 50)
        closed = [is_closed(d, 25) for d in clients]
        check("they are closed by rule", all(closed), closed)
        for d in clients:
            d.close()


def unread(tls):
    """A session whose output stands still in a long answer: its client reads none of it."""
    c = Imap(server.imaps if tls else server.imap, tls)
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    c.ok(f'LOGIN "{ANNA}" "{PASSWORD}"')
    c.ok("SELECT unread")
    return c


@attack
def compression_unread():
    """Compression begins and ends while none of it is read."""
    noise = os.urandom(6 << 20).hex().encode()
    body = message("unread", body="") + b"\r\n".join(noise[i:i + 76] for i in range(0, len(noise), 76)) + b"\r\n"
    with server.client(ANNA) as c:
        c.ok("CREATE unread")
        c.append("unread", body)
    for tls in (False, True):
        c = unread(tls)
        c.send(b"a FETCH 1 BODY.PEEK[]\r\n")
        for command in 2 * (b"b COMPRESS DEFLATE\r\n", b"c UNAUTHENTICATE\r\n", f'd LOGIN "{ANNA}" "{PASSWORD}"\r\n'.encode()):
            time.sleep(0.3)
            c.send(command)
        check(f"tls={tls}: COMPRESS with more behind it in clear is closed", is_closed(c, 25))
        c.close()

        c = unread(tls)
        c.ok("COMPRESS DEFLATE")
        out = zlib.compressobj(wbits=-15)
        c.send(out.compress(b"a FETCH 1 BODY.PEEK[]\r\n") + out.flush(zlib.Z_SYNC_FLUSH))
        time.sleep(0.3)
        c.send(out.compress(b"b UNAUTHENTICATE\r\n") + out.flush(zlib.Z_SYNC_FLUSH))
        time.sleep(0.3)
        c.send(b"c NOOP\r\nd LOGOUT\r\n")
        everything = c.file.read()
        inflate = zlib.decompressobj(wbits=-15)
        text = inflate.decompress(everything)
        check(f"tls={tls}: what was not read comes whole", body in text and text.endswith(b"\r\nb OK UNAUTHENTICATE completed\r\n"), text[-200:])
        check(f"tls={tls}: and behind it, in clear, the next answers",
              inflate.eof and inflate.unused_data.startswith(b"c OK ") and b"\r\nd OK " in inflate.unused_data, inflate.unused_data[-200:])
        c.close()


@attack
def condstore():
    """Item 31, as far as it goes without QRESYNC."""
    with server.client(ANNA) as c:
        for text, expected in CONDSTORE:
            tagged, _ = c.command(text)
            check(f"{text}: {expected.decode() or 'an answer'}", tagged.startswith(expected or (b"OK", b"BAD")), tagged)


@attack
def metadata():
    """Annotations: floods, huge values, names that look like patterns, everything asked for at once."""
    with server.client(ANNA) as c, server.client(ANNA) as idler:
        idler.ok("ENABLE METADATA")
        for name in (b"/private/*", b"/private/%", b"/private/../../etc", b"/private//x", b"/", b"", b"/private/", b"/shared/\xff", b"{4+}\r\n/a\0b"):
            for text in (b"GETMETADATA INBOX " + (name or b'""'), b"SETMETADATA INBOX (" + (name or b'""') + b' "x")'):
                tagged, _ = c.command(text)
                check(f"{text}", tagged.startswith(b"OK" if b".." in name else b"BAD"), tagged)
        tagged, _ = c.command(b"SETMETADATA INBOX (/private/x {9999999}\r\n")
        check("10 MB for a value are refused before they are sent", tagged.startswith(b"NO [METADATA MAXSIZE 65536]"), tagged)
        value = b"v" * 65000
        refusals = 0
        for n in range(40):
            tagged, _ = c.command(b"SETMETADATA INBOX (/private/big/%d {%d+}\r\n%s)" % (n, len(value), value))
            refusals += tagged.startswith(b"NO [METADATA TOOMANY]")
        check("a megabyte of them and no more", 20 < refusals < 30, refusals)
        names = b" ".join(b"/private/n%d NIL" % n for n in range(3000))
        tagged, seconds = timed(c.command, b"SETMETADATA INBOX (" + names + b")")
        check("3,000 entries in one command", tagged[0].startswith(b"NO [METADATA TOOMANY]") and seconds < 2, (tagged[0], seconds))
        for n in range(0, 1000, 500):
            pairs = b" ".join(b'/private/a/%d ""' % (n + i) for i in range(500))
            tagged, seconds = timed(c.command, b"SETMETADATA Sent (" + pairs + b")")
            check("500 entries at once", tagged[0].startswith(b"OK") and seconds < 2, (tagged[0], seconds))
        deep = "/private" + "/a" * 245
        c.ok(f'SETMETADATA Drafts ({deep} "x")')
        asked = " ".join("/private" + "/a" * n for n in range(1, 200))
        tagged, seconds = timed(c.command, f"GETMETADATA (DEPTH infinity) Drafts ({asked})")
        check("entries that lie in each other are told once", tagged[0].startswith(b"OK") and seconds < 2 and
              b"".join(tagged[1]).count(deep.encode()) == 1, seconds)
        asked = b" ".join(b"/private/a/%d" % n for n in range(4000))
        for text in (b"GETMETADATA Sent (%s)", b"GETMETADATA (DEPTH 1) Sent (%s)", b'LIST "" "*" RETURN (METADATA (%s))'):
            (tagged, _), seconds = timed(c.command, text % asked)
            check(f"{text.decode()} of 4,000 entries", tagged.startswith(b"OK") and seconds < 5, (tagged, seconds))
        (tagged, untagged), seconds = timed(c.command, b"GETMETADATA (DEPTH infinity) INBOX (" + b" ".join([b"/private"] * 5000) + b")")
        check("the same 5,000 times is told once", tagged.startswith(b"OK") and sum(map(len, untagged)) < 1200000 and seconds < 5, (tagged, seconds))
        with server.client(ANNA) as deaf:
            deaf.socket.sendall(b"x GETMETADATA (DEPTH infinity) INBOX /private\r\n" * 500)
            time.sleep(1)
        for n in range(600):
            c.ok(f'SETMETADATA Trash (/private/{n}a "" /private/{n}b "" /private/{n}c "")')
            c.ok(f"SETMETADATA Trash (/private/{n}a NIL /private/{n}b NIL /private/{n}c NIL)")
        _, news = idler.command("NOOP")
        check("a session that did not listen is told of it in bounded form", sum(map(len, news)) < 200000 and news, len(news))
        for name, options in (("INBOX", 40), ("Sent", 0)):
            c.ok(f"SETMETADATA {name} (" + " ".join(f"/private/big/{n} NIL" for n in range(options or 1)) + ")")


# --- LMTP ----------------------------------------------------------------------------------------------------------------

@attack
def lmtp():
    """Item 33, beside what lmtp.py has."""
    with server.lmtp_client() as c:
        c.command("LHLO x")
        check("DATA without MAIL, RCPT without MAIL", c.command("DATA").startswith(b"503") and c.command(f"RCPT TO:<{ANNA}>").startswith(b"503"))
        c.command("MAIL FROM:<>")
        check("DATA without RCPT", c.command("DATA").startswith(b"503"))
        for name, path, codes in PATHS:
            reply = c.command(f"RCPT TO:<{path}>")
            check(f"RCPT, {name}: {codes.decode()}xx", reply.startswith(codes), reply)
        before = server.rss()
        for _ in range(20):
            c.send(b"RCPT TO:<nobody%s@example.org>\r\n" % (b"x" * 200) * 2000)
            replies = [c.reply() for _ in range(2000)]
        check("40,000 unknown recipients", all(r.startswith((b"550", b"452")) for r in replies), replies[-1])
        growth = server.rss() - before
        check("are not remembered", growth < (60 << 20 if sanitised else 8 << 20), growth)
    with server.lmtp_client() as c:
        c.command("LHLO x")
        c.command("MAIL FROM:<x@example.net>")
        c.send(f"RCPT TO:<{ANNA}>\r\n".encode() * 3000)
        replies = [c.reply()[:3] for _ in range(3000)]
        check("3,000 times one recipient: the limit", replies.count(b"250") == 2000 and replies.count(b"452") == 1000, replies[-1])
        replies = c.data(message("many") + b".\r\n", 2000)
        check("a reply for each", len(replies) == 2000 and all(r.startswith(b"250") for r in replies), replies[-1])
    with server.lmtp_client() as c:
        c.command("LHLO x")
        check("SIZE that lies", c.command("MAIL FROM:<x@example.net> SIZE=1").startswith(b"250"))
        c.command(f"RCPT TO:<{ANNA}>")
        replies = c.data(message("larger", body="x" * 5000 + "\r\n") + b".\r\n", 1)
        check("does no harm", replies[0].startswith((b"250", b"552")), replies)
        for text in ("MAIL FROM:<x> SIZE=-1", "MAIL FROM:<x> SIZE=99999999999999999999999", "MAIL FROM:<x> SIZE=", "MAIL FROM:<x> BODY=XYZZY"):
            check(f"{text} is refused", c.command(text).startswith(b"5"))
    with server.lmtp_client() as c:
        c.begin(ANNA)
        c.send(b"BDAT 18446744073709551615\r\n")
        reply = c.reply()
        check("BDAT of 2^64 - 1 ends the session", reply.startswith(b"5") and c.line() == b"", reply)
    with server.lmtp_client() as c:
        sent, _ = flood(c, b"x" * (1 << 20), 100)
        check("a line of 100 MB", server.died() is None, sent)
    with server.lmtp_client() as c:
        c.command("LHLO x")
        for n in range(300):
            c.send(b"XYZZY\r\n")
            if not c.reply():
                break
        check("errors end it", n < 200, n)
    with server.client(ANNA) as c:
        before = c.exists("INBOX")
    received = b"Received: from mx by mail with ESMTP id Hostile%d\r\n"
    for n, (end, expected) in enumerate(((b"", 0), (b"\r\n.", 0), (b"\r\n.\r\n", 1), (b"\r\n.\r\nQUIT\r\n", 1))):
        with server.lmtp_client() as c:
            c.begin(ANNA)
            c.command("DATA")
            c.send(received % n + b"Subject: cut\r\n\r\nx" + end)
            c.socket.shutdown(socket.SHUT_WR)
            reply = c.reply() if expected else b""
        if expected:
            check("a client that shuts its side down hears the reply", reply.startswith(b"250"), reply)
        with server.lmtp_client() as c:  # and the MTA comes again
            replies = c.deliver(received % n + b"Subject: cut\r\n\r\nx\r\n", [ANNA])
            check("cut at the end, and again: taken", replies[0].startswith(b"250"), replies)
    with server.client(ANNA) as c:
        check("four times, and each is there once", c.exists("INBOX") == before + 4, c.exists("INBOX") - before)


# --- the machine ---------------------------------------------------------------------------------------------------------

@attack
def no_descriptors():
    """Item 34: EMFILE at accept; it must not spin, and it goes by."""
    pid = server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 10, hard))
    waiting = [socket.create_connection(("127.0.0.1", server.imap), 5) for _ in range(30)]
    time.sleep(0.5)

    def ticks():
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before = ticks()
    time.sleep(1)
    spent = (ticks() - before) / os.sysconf("SC_CLK_TCK")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    check("without descriptors the daemon does not spin", spent < 0.5, spent)
    for s in waiting:
        s.close()
    with server.client(ANNA) as c:
        check("when there are some again, clients get in", not c.ok("NOOP") or True)


def stop_witness():
    witness.stopping = True
    witness.join(10)
    witness.control.end()
    check("the other session went on to the end", witness.error is None, witness.error)
    witness.client.close()


def verify():
    """Item 34: all is sound after this; then a bit of a stored body changes."""
    result = server.hfctl("verify")
    check("verify finds nothing wrong", result.returncode == 0, result.stdout[-500:] + result.stderr)
    marker = os.urandom(3000).replace(b"\0", b"x").replace(b"\r", b"y").replace(b"\n", b"z")  # stored as it is: it does not shrink
    with server.client(ANNA) as c:
        c.ok("CREATE flipped")
        c.append("flipped", message("flip", body="") + marker + b"\r\n")
        c.append("flipped", message("other"))
    server.stop()
    flipped = 0
    for root, _, files in os.walk(f"{server.dir}/store"):
        for name in files:
            if not name.startswith("body"):
                continue
            with open(os.path.join(root, name), "r+b") as file:
                data = file.read()
                at = data.find(marker[:20])
                while at >= 0:
                    file.seek(at)
                    file.write(bytes([data[at] ^ 1]))
                    flipped += 1
                    at = data.find(marker[:20], at + 1)
    check("the body is in its file", flipped > 0)
    server.start()
    with server.client(ANNA) as c:
        c.ok("SELECT flipped")
        tagged, untagged = c.command("FETCH 1 BODY.PEEK[]")
        check("a damaged message is refused", tagged.startswith(b"NO [CORRUPTION]") or
              (not any(marker[1:] in u for u in untagged) and not tagged.startswith(b"OK")), (tagged, untagged))
        check("that one only", b"Subject: other" in (c.body(2) or b""))
        tagged, _ = c.command("SEARCH BODY body")
        check("SEARCH goes on", tagged.startswith((b"OK", b"NO")), tagged)
    result = server.hfctl("verify")
    check("verify finds it", result.returncode != 0, result.stdout[-500:])


def full_disk():
    """Item 34: the reserve is larger than what is free."""
    second = Server("full", options={"store.reserve": '"900 TiB"'})
    try:
        second.start()
    except RuntimeError as error:
        check("a store without room starts, or says why not", "room" in str(error) or "space" in str(error) or "full" in str(error), str(error))
        return
    result = second.hfctl("user", "add", ANNA, "--password-stdin", input=PASSWORD + "\n")
    check("on a full disk writes are refused with a reason", result.returncode != 0 and result.stderr, result)


TESTS = (starttls, handshakes, slow_before_login, lines, literals, authenticate, names, messages, partial, sets_and_flags, searches, appends,
         idle_and_pipelines, slow_readers, compression_unread, condstore, metadata, lmtp, no_descriptors)
chosen = os.environ.get("HF_HOSTILE", "").split()
main(begin, *[t for t in TESTS if not chosen or t.__name__ in chosen], stop_witness,
     *[t for t in (verify, full_disk) if not chosen or t.__name__ in chosen], seconds=400)
