# SPDX-License-Identifier: BSD-2-Clause
"""What the attacks of hostile.py share: the server, the session that only wants to say NOOP, and what holds after each of them."""

import os
import re
import ssl
import threading
import time

from hostile_data import Raw
from support import Control, Imap, Server, check, message, note, percentile

ANNA, BOB = "anna@example.org", "bob@example.org"
# Octets, in one test: the database's cache (64 MiB in support.py) may fill up in it; the rest is the daemon's own. A sanitiser's share
# comes on top.
GROWTH_MAX = (64 + 128) << 20
server = None
witness = None


class Attacked(Server):
    def __init__(self):
        super().__init__(options={
            "imap.login_timeout": '"5 s"', "imap.stall_timeout": '"4 s"', "limits.handshake_timeout": '"3 s"',
            "limits.write_timeout": '"4 s"', "limits.linger": '"2 s"', "imap.bad_commands_max": "1000", "lmtp.timeout": '"5 s"',
            "lmtp.recipients": "2000", "lmtp.errors": "100"})
        self.sanitised = False

    def start(self, **environment):
        options = os.environ.get("ASAN_OPTIONS", "")
        environment.setdefault("ASAN_OPTIONS", options + (":" if options else "") + "quarantine_size_mb=16")
        super().start(**environment)
        with open(f"/proc/{self.process.pid}/maps", encoding="utf-8") as maps:
            text = maps.read()
            self.sanitised = "libasan" in text or "libtsan" in text
        return self


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
    """A test that is given the server, between two looks at the witness."""
    def whole():
        before = server.rss()
        witness.peak, at, control_at = before, len(witness.times), len(witness.control.times)
        function(server)
        time.sleep(0.05)
        name = function.__name__
        check(f"{name}: the daemon lives", server.died() is None, server.log()[-3000:])
        check(f"{name}: another session goes on", witness.error is None and len(witness.times) > at, witness.error)
        times = witness.times[at:] or [0]
        slow = percentile(times, 0.99)
        limit = witness.control.allows(0.5 if server.sanitised else 0.05, control_at)
        check(f"{name}: its NOOP stays quick", slow < limit, (slow, limit))
        growth = witness.peak - before
        note(f"{name}: memory grew by {growth >> 20} MiB, NOOP p99 {slow * 1e3:.1f} ms, longest {max(times) * 1e3:.0f} ms")
        check(f"{name}: memory stays bounded", growth < GROWTH_MAX * (4 if server.sanitised else 1), growth)
    whole.__name__ = function.__name__
    return whole


def afterwards(function):
    """A test behind the attacks, at which nobody looks on."""
    def whole():
        function(server)
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
    global server, witness
    server = Attacked()
    server.start()
    for name in (ANNA, BOB):
        server.add_user(name)
    server.deliver(message("first"), ANNA, BOB)
    witness = Witness()


def end():
    witness.stopping = True
    witness.join(10)
    witness.control.end()
    check("the other session went on to the end", witness.error is None, witness.error)
    witness.client.close()
