#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""SELECT of a large mailbox just after a start: it is answered before its records are read, and everything the client asks and is told
from then on fits to that answer, while mail is coming and other sessions want the mailbox as well.

    cold.py [rounds]
"""

import re
import sys
import threading

from support import Server, check, main

USER = "anna@example.org"
MESSAGE = b"Subject: x\r\n\r\nhi\r\n"
MESSAGES = 20000  # some slices
rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 8

server = None


def begin():
    global server
    server = Server().start()
    server.add_user(USER)
    client = server.client(USER)
    client.ok("CREATE big")
    client.ok(b"APPEND big" + b" {%d+}\r\n%s" % (len(MESSAGE), MESSAGE) * 100)
    client.ok("SELECT big")
    while (exists := client.exists("big")) < MESSAGES:
        client.ok(f"COPY 1:{min(exists, MESSAGES - exists)} big")
    client.ok("STORE 1:100 +FLAGS.SILENT (\\Seen)")
    client.close()


def delivers(counts):
    """Appends while the others select; what it was told of."""
    client = server.client(USER)
    for _ in range(20):
        client.append("big", MESSAGE)
        counts["acknowledged"] += 1
    client.close()


class Follower(threading.Thread):
    """A client that believes what it is told: how many messages there are."""

    def __init__(self, pipelined):
        super().__init__()
        self.client, self.pipelined, self.exists, self.wrong, self.uidnext = server.client(USER), pipelined, 0, [], 0
        self.found = None

    def follow(self, responses):
        for response in responses:
            match = re.match(rb"\* (\d+) (EXISTS|EXPUNGE)|\* OK \[UIDNEXT (\d+)", response)
            if not match:
                continue
            if match.group(3):
                self.uidnext = int(match.group(3))
            elif match.group(2) == b"EXISTS":
                if int(match.group(1)) < self.exists:
                    self.wrong.append(response)
                self.exists = int(match.group(1))
            else:
                if not 1 <= int(match.group(1)) <= self.exists:
                    self.wrong.append(response)
                self.exists -= 1

    def step(self, command):
        tagged, untagged = self.client.finish(command) if command.startswith("t") else self.client.command(command)
        if not tagged.startswith(b"OK"):
            self.wrong.append((command, tagged))
        self.follow(untagged)
        return untagged

    def run(self):
        try:
            commands = ["SELECT big", "FETCH * (UID)", "UID SEARCH ALL", "NOOP"]
            if self.pipelined:
                commands = [self.client.begin(command) for command in commands]
            self.step(commands[0])
            told, uidnext = self.exists, self.uidnext
            last = self.step(commands[1])
            uids = re.search(rb"\* (\d+) FETCH \(UID (\d+)\)", b"\n".join(last))
            if int(uids.group(1)) != told or int(uids.group(2)) >= uidnext:
                self.wrong.append(("FETCH *", told, uidnext, last))
            found = b" ".join(r for r in self.step(commands[2]) if r.startswith(b"* SEARCH"))
            self.found = [int(n) for n in found[8:].split()]
            self.step(commands[3])
        except Exception as error:  # pylint: disable=broad-except
            self.wrong.append(repr(error))


def answers_fit():
    wrong, before = [], None
    for number in range(rounds):
        server.stop()
        server.start()
        counts = {"acknowledged": 0}
        followers = [Follower(k % 2) for k in range(3)]
        threads = [threading.Thread(target=delivers, args=(counts,)), *followers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check_client = server.client(USER)
        exists = check_client.exists("big")
        if before is not None and exists != before + counts["acknowledged"]:
            wrong.append(("EXISTS", before, exists))
        for follower in followers:
            follower.step("NOOP")
            wrong += follower.wrong
            if follower.exists != exists:
                wrong.append(("after NOOP", follower.exists, exists))
            follower.client.close()
        check_client.ok("UID STORE 1:3 +FLAGS.SILENT (\\Seen)")
        check_client.ok(f"STORE {number + 1},{exists // 2} +FLAGS.SILENT (\\Deleted)")
        check_client.ok("EXPUNGE")
        before = exists - 2
        check_client.close()
    check("what is told after a cold SELECT fits to its answer", not wrong, repr(wrong[:5]))


def news_come():
    """IDLE, NOOP and the end of the mailbox, right behind it."""
    server.stop()
    server.start()
    client, other = server.client(USER), server.client(USER)
    exists = client.exists("big")
    idle = client.begin("IDLE")
    while not (line := client.response()).startswith(b"+"):
        pass
    other.append("big", MESSAGE)
    while not (line := client.response()).endswith(b" EXISTS"):
        pass
    check("a new message is told in IDLE", line == b"* %d EXISTS" % (exists + 1), line)
    client.send(b"DONE\r\n")
    client.finish(idle)
    client.close()
    server.stop()
    server.start()
    client, other = server.client(USER), server.client(USER)
    gone = other.begin("DELETE big")
    first, second = client.begin("SELECT big"), client.begin("FETCH 1 (UID)")
    tagged = client.finish(first)[0]
    again = client.finish(second)[0]
    other.finish(gone)
    right = tagged.startswith(b"OK") or (tagged.startswith(b"NO") and again.startswith(b"BAD"))
    check("a mailbox deleted this moment is refused or shown", right and re.match(rb"OK|NO|BAD", again), (tagged, again))
    tagged = client.command("NOOP")[0]
    check("the session lives", tagged.startswith(b"OK"), tagged)
    client.close()
    other.close()


main(begin, answers_fit, news_come, seconds=300)
