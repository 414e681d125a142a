# SPDX-License-Identifier: BSD-2-Clause
"""The independent model of the model test: what the mailboxes of a user must hold, fed only with what the server has acknowledged."""

import re

SYSTEM_FLAGS = ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")


class Mismatch(Exception):
    """The server and the model, or a client's picture, disagree."""


def expect(ok, what, *detail):
    if not ok:
        raise Mismatch(f"{what}: " + ", ".join(repr(d)[:600] for d in detail) if detail else what)


def parse_set(text):
    """The numbers of an IMAP set, in its order."""
    numbers = []
    for part in (text.decode() if isinstance(text, bytes) else text).split(","):
        first, _, last = part.partition(":")
        first, last = int(first), int(last or first)
        expect(0 < last - first + 1 < 10 ** 6, "a set of sane size", text)
        numbers += range(first, last + 1)
    return numbers


def format_set(numbers):
    """Numbers as a set, neighbours joined."""
    ranges = []
    for n in sorted(set(numbers)):
        if ranges and ranges[-1][1] == n - 1:
            ranges[-1][1] = n
        else:
            ranges.append([n, n])
    return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in ranges)


def fold(flags):
    """Flags for comparison; \\Recent is told of apart."""
    return frozenset(f.lower() for f in flags) - {"\\recent"}


class Message:
    """`modseq` is None from a change until the next verification has learnt it."""

    def __init__(self, ident, flags):
        self.ident, self.flags, self.modseq = ident, fold(flags), None


class Mailbox:
    def __init__(self, name):
        self.name = name
        self.messages = {}        # UID -> Message
        self.uidvalidity = None   # learnt once, then fixed
        self.uidnext = 1          # above all UIDs acknowledged
        self.floor = 1            # UIDNEXT at the last verification: new UIDs are not below it
        self.highest = 0          # HIGHESTMODSEQ at the last verification
        self.claimed = 1          # UIDs below have been \Recent to somebody; None: not known
        self.changed = False      # anything since the last verification
        self.expected = []        # (ident, flags): acknowledged without a UID (LMTP, RENAME of INBOX)
        self.maybe = []           # (ident, flags): sent, never answered
        self.maybe_flags = {}     # UID -> flags of which either is right

    def add(self, uid, ident, flags):
        expect(uid >= self.floor and uid not in self.messages, f"{self.name}: a new message has a new UID", uid, self.floor)
        self.messages[uid] = Message(ident, flags)
        self.uidnext = max(self.uidnext, uid + 1)
        self.changed = True

    def remove(self, uid):
        self.changed = True
        return self.messages.pop(uid)

    def set_flags(self, uid, flags):
        message = self.messages.get(uid)
        if message and message.flags != flags:
            message.flags, message.modseq = flags, None
            self.changed = True

    def change_flags(self, uids, mode, flags):
        """mode: "+", "-" or "" (replace)"""
        flags = fold(flags)
        for uid in uids:
            message = self.messages.get(uid)
            if message:
                self.set_flags(uid, changed(message.flags, mode, flags))

    def expunge(self, uids=None):
        """Those that carry \\Deleted; the UIDs that go."""
        gone = [u for u, m in self.messages.items() if "\\deleted" in m.flags and (uids is None or u in uids)]
        for uid in gone:
            self.remove(uid)
        return sorted(gone)

    def newer_than(self, uid, modseq):
        """Whether the message has changed since `modseq`, which is not above `highest`."""
        message = self.messages[uid]
        return message.modseq is None or message.modseq > modseq

    def count(self, flag):
        return sum(flag in m.flags for m in self.messages.values())

    def place(self, uid, ident, flags):
        """A message of which only its acknowledgement was known turns up."""
        for candidates in (self.expected, self.maybe):
            same = [c for c in candidates if c[0] == ident]
            if same:
                chosen = next((c for c in same if c[1] == flags), same[0])
                candidates.remove(chosen)
                self.add(uid, *chosen)
                return
        raise Mismatch(f"{self.name}: message {uid} ({ident}, {sorted(flags)}) that nobody has put there")

    def settle(self, uid, flags):
        """What a crash has left open is what the server says, if that is one of the two."""
        if flags ^ self.messages[uid].flags <= self.maybe_flags.get(uid, frozenset()):
            self.set_flags(uid, flags)

    def settled(self):
        """After a verification."""
        self.expected.clear()
        self.maybe.clear()
        self.maybe_flags.clear()
        self.changed = False


def changed(before, mode, flags):
    if mode == "+":
        return before | flags
    if mode == "-":
        return before - flags
    return flags


class World:
    """All mailboxes of the user, and the content of every message ever made."""

    def __init__(self):
        self.mailboxes = {}      # name -> Mailbox
        self.contents = {}       # ident -> octets as sent
        self.uidvalidity = {}    # name -> the highest that a mailbox of this name has had
        self.made = 0

    def message(self, rng):
        """A new message: (ident, octets)"""
        self.made += 1
        ident = f"m{self.made}"
        body = b"".join(b"line %d of %s\r\n" % (i, ident.encode()) for i in range(rng.choice((0, 1, 3, 40))))
        self.contents[ident] = (f"From: a@example.net\r\nTo: anna@example.org\r\nSubject: {ident}\r\nX-Model-Id: {ident}\r\n"
                                "\r\n").encode() + body
        return ident, self.contents[ident]

    def create(self, name):
        self.mailboxes[name] = Mailbox(name)
        return self.mailboxes[name]

    def rename(self, old, new):
        """Those below go along; of INBOX the messages only."""
        if old == "INBOX":
            inbox, made = self.mailboxes[old], self.create(new)
            made.expected = [(m.ident, m.flags) for m in inbox.messages.values()]
            made.changed = inbox.changed = True
            inbox.messages.clear()
            return
        for name in [n for n in self.mailboxes if n == old or n.startswith(old + "/")]:
            mailbox = self.mailboxes.pop(name)
            mailbox.name = new + name[len(old):]
            self.mailboxes[mailbox.name] = mailbox


IDENT = re.compile(rb"X-Model-Id: (\S+)", re.I)
