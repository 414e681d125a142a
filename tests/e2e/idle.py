#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Two sessions on one mailbox and a delivery: each sees what the other and the world did, at once and in order."""

import re
import socket
import time

from support import Reader, Server, check, main, message, wait_for

server = None
USER = "anna@example.org"


def begin():
    global server
    server = Server(options={"imap.idle_keepalive": '"2 s"'}).start()
    server.add_user(USER)
    for n in range(5):
        server.deliver(message(f"first {n}"), USER)


class Idle:
    """A session in IDLE, read in the background."""

    def __init__(self):
        self.client = server.client(USER, tls=True)
        self.before = self.client.ok("SELECT INBOX")
        self.tag = self.client.begin("IDLE")
        self.reader = Reader(self.client)
        self.reader.wait_for(rb"^\+")

    def end(self):
        self.client.send(b"DONE\r\n")
        self.reader.wait_for(self.tag.encode() + rb" OK")
        self.client.socket.shutdown(socket.SHUT_RDWR)
        self.reader.join(10)
        self.client.close()

    def seen(self):
        return [r for _, r in self.reader.responses]


def delivery_and_flags():
    one, two = Idle(), Idle()
    server.deliver(message("news"), USER)
    sent = time.monotonic()  # it is on the disk
    for idle in (one, two):
        idle.reader.wait_for(rb"^\* 6 EXISTS")
    late = max(t for i in (one, two) for t, r in i.reader.responses if b"EXISTS" in r) - sent
    check("a delivery reaches both IDLE sessions", True)
    check("within a second", late < 1, late)
    other = server.client(USER)
    other.ok("SELECT INBOX")
    other.ok(r"STORE 6 +FLAGS (\Seen \Flagged $Custom)")
    for idle in (one, two):
        response = idle.reader.wait_for(rb"^\* 6 FETCH .*\\Flagged")
        check("a flag change reaches it", b"\\Seen" in response and b"$Custom" in response, response)
    check("a new keyword's FLAGS come before it", any(b"FLAGS" in r and b"$Custom" in r for r in one.seen()[:-1]), one.seen())
    other.ok(r"STORE 2,4 +FLAGS.SILENT (\Deleted)")
    one.reader.wait_for(rb"^\* 4 FETCH .*\\Deleted")
    own = other.ok("EXPUNGE")
    check("the expunger sees its EXPUNGEs", [r for r in own if b"EXPUNGE" in r] in
          ([b"* 2 EXPUNGE", b"* 3 EXPUNGE"], [b"* 4 EXPUNGE", b"* 2 EXPUNGE"]), own)
    for idle in (one, two):
        wait_for(lambda idle=idle: sum(b"EXPUNGE" in r for r in idle.seen()) == 2, 10, "two EXPUNGEs")
        gone = [r for r in idle.seen() if b"EXPUNGE" in r]
        check("the others see them, numbered as they stand then", gone in
              ([b"* 2 EXPUNGE", b"* 3 EXPUNGE"], [b"* 4 EXPUNGE", b"* 2 EXPUNGE"]), gone)
    other.append("INBOX", message("appended"))
    one.reader.wait_for(rb"^\* 5 EXISTS")
    check("an APPEND reaches it", True)
    one.reader.wait_for(rb"^\* OK", 6)
    check("IDLE is kept alive", True)
    one.end()
    two.end()
    other.close()


def expunge_is_held_back():
    """RFC 9051 7.5.1: no EXPUNGE during FETCH, STORE, SEARCH with sequence numbers, nor while no command is under way."""
    one, two = server.client(USER), server.client(USER)
    count = one.exists("INBOX")
    two.ok("SELECT INBOX")
    one.ok(r"STORE 1 +FLAGS.SILENT (\Deleted)")
    one.ok("EXPUNGE")
    for command in ("FETCH 1:* (UID)", "SEARCH ALL", r"STORE 2 +FLAGS (\Answered)"):
        untagged = two.ok(command)
        check(f"no EXPUNGE in {command}", not any(b"EXPUNGE" in r for r in untagged), untagged)
    body = two.body(1, "BODY.PEEK[HEADER.FIELDS (SUBJECT)]")
    check("an expunged message stays readable until the news", body is not None and body.startswith(b"Subject: "), body)
    untagged = two.ok("NOOP")
    check("NOOP brings it", b"* 1 EXPUNGE" in untagged, untagged)
    check("and then the numbers agree", len(two.ok("FETCH 1:* (UID)")) == count - 1)
    one.close()
    two.close()


def pipelined_writes():
    """What one client sends in a row it sees in that order."""
    client = server.client(USER)
    client.ok("SELECT INBOX")
    tags = [client.begin(c) for c in (r"STORE 1 FLAGS (\Seen)", "FETCH 1 FLAGS", r"STORE 1 -FLAGS (\Seen)", "FETCH 1 FLAGS")]
    results = [client.finish(t) for t in tags]
    check("pipelined commands see their own changes", all(t.startswith(b"OK") for t, _ in results) and
          any(b"\\Seen" in r for r in results[1][1]) and not any(b"\\Seen" in r for r in results[3][1]), results)
    client.close()


def copies_between():
    one, two = server.client(USER), server.client(USER)
    one.ok("CREATE Other")
    one.ok("SELECT INBOX")
    before = two.exists("Other")
    one.ok("COPY 1:2 Other")
    untagged = two.ok("NOOP")
    check("COPY shows in the target's session", b"* %d EXISTS" % (before + 2) in untagged, untagged)
    uids = re.findall(rb"UID (\d+)", b"".join(one.ok("FETCH 1:* UID")))
    moved = one.ok(f"UID MOVE {int(uids[0])} Other")
    check("MOVE expunges here", any(b"EXPUNGE" in r for r in moved), moved)
    check("and arrives there", b"* %d EXISTS" % (before + 3) in two.ok("NOOP"))
    one.close()
    two.close()


main(begin, delivery_and_flags, expunge_is_held_back, pipelined_writes, copies_between, seconds=120)
