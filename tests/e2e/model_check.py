# SPDX-License-Identifier: BSD-2-Clause
"""What the model test compares at a synchronisation point: the model with a fresh look at each mailbox, with LIST and STATUS, with each
client's picture, and with what SEARCH and CHANGEDSINCE find."""

import re

from model_session import Command, pairs, parse_value, pump, text_flags
from model_state import IDENT, expect, fold, format_set, parse_set

ITEMS = "(UID FLAGS MODSEQ RFC822.SIZE BODY.PEEK[HEADER.FIELDS (X-Model-Id)])"
SEARCHES = (("SEEN", "\\seen", True), ("UNSEEN", "\\seen", False), ("DELETED", "\\deleted", True), ("UNDELETED", "\\deleted", False),
            ("FLAGGED", "\\flagged", True), ("ANSWERED", "\\answered", True), ("UNDRAFT", "\\draft", False),
            ("KEYWORD work", "work", True), ("NOT KEYWORD $Forwarded", "$forwarded", False))


class Checker:
    """A client that does nothing but look."""

    def __init__(self, server, user, world):
        self.server, self.user, self.world = server, user, world
        self.connect()

    def connect(self):
        self.client = self.server.client(self.user)
        capabilities = self.client.ok("CAPABILITY")[0].decode().upper().split()
        self.status_items = "MESSAGES UIDNEXT UIDVALIDITY UNSEEN HIGHESTMODSEQ RECENT" + (" SIZE" if "STATUS=SIZE" in capabilities else "") \
            + (" DELETED" if "IMAP4REV2" in capabilities else "")

    def close(self):
        self.client.close()

    def learn_names(self):
        """The mailboxes that a new user has: only INBOX is kept."""
        for name in self.names():
            if name != "INBOX":
                self.client.ok(f'DELETE "{name}"')
        self.world.create("INBOX")

    def names(self):
        names = set()
        for response in self.client.ok('LIST "" "*"'):
            values = parse_value(b"(" + response[7:] + b")")[0]
            if "\\noselect" not in fold(text_flags(values[0])) and "\\nonexistent" not in fold(text_flags(values[0])):
                names.add(values[2].decode())
        return names

    # mailboxes

    def verify_all(self, sessions):
        expect(self.names() == set(self.world.mailboxes), "LIST has the mailboxes", self.names(), set(self.world.mailboxes))
        self.verify_changed(sessions, everything=True)

    def verify_changed(self, sessions, everything):
        """All of the user's mailboxes, or those in which something has changed."""
        for mailbox in list(self.world.mailboxes.values()):
            if everything or mailbox.changed or mailbox.uidvalidity is None:
                self.verify(mailbox, sessions)

    def verify(self, mailbox, sessions):
        name = mailbox.name
        with_status = self.client.ok(f'STATUS "{name}" ({self.status_items})')
        tagged, untagged = self.client.command(f'EXAMINE "{name}"')
        expect(tagged.startswith(b"OK [READ-ONLY]"), f"EXAMINE {name}", tagged)
        text = b"\r\n".join(untagged)
        exists = int(re.search(rb"\* (\d+) EXISTS", text).group(1))
        codes = dict(re.findall(rb"\[([A-Z]+) ([^\]]+)\]", text))
        rows = self.client.ok(f"FETCH 1:* {ITEMS}") if exists else []
        rows = [pairs(parse_value(r, r.index(b"("))[0]) for r in rows if re.match(rb"\* \d+ FETCH", r)]
        self.client.ok("UNSELECT")
        expect(len(rows) == exists, f"{name}: FETCH tells all messages that EXISTS counts", exists, len(rows))
        self.numbers(mailbox, codes)
        self.messages(mailbox, rows, int(codes[b"HIGHESTMODSEQ"]))
        self.status(mailbox, with_status, sessions, sum(int(r[b"RFC822.SIZE"]) for r in rows))

    def numbers(self, mailbox, codes):
        name, uidvalidity = mailbox.name, int(codes[b"UIDVALIDITY"])
        if mailbox.uidvalidity is None:
            expect(uidvalidity > self.world.uidvalidity.get(name, 0), f"{name}: a new mailbox has a greater UIDVALIDITY", uidvalidity)
            mailbox.uidvalidity = uidvalidity
        expect(mailbox.uidvalidity == uidvalidity, f"{name}: UIDVALIDITY stays", mailbox.uidvalidity, uidvalidity)
        self.world.uidvalidity[name] = max(uidvalidity, self.world.uidvalidity.get(name, 0))
        mailbox.told_uidnext = int(codes[b"UIDNEXT"])

    def messages(self, mailbox, rows, highest):
        name, last = mailbox.name, 0
        unknown = bool(mailbox.maybe or mailbox.maybe_flags)
        expect(highest >= mailbox.highest, f"{name}: HIGHESTMODSEQ does not go back", highest, mailbox.highest)
        for row in rows:
            uid, modseq = int(row[b"UID"]), int(row[b"MODSEQ"][0])
            flags = fold(text_flags(row[b"FLAGS"]))
            ident = next(IDENT.search(v).group(1).decode() for k, v in row.items() if k.startswith(b"BODY["))
            expect(uid > last, f"{name}: UIDs ascend", uid, last)
            last = uid
            if uid not in mailbox.messages:
                mailbox.place(uid, ident, flags)
            message = mailbox.messages[uid]
            mailbox.settle(uid, flags)
            expect(message.ident == ident, f"{name}: message {uid} is the one that was put there", ident, message.ident)
            expect(message.flags == flags, f"{name}: message {uid} has its flags", "server", sorted(flags), "model", sorted(message.flags))
            expect(int(row[b"RFC822.SIZE"]) >= len(self.world.contents[ident]), f"{name}: message {uid} has its size", row)
            if message.modseq is None:
                expect(mailbox.highest < modseq <= highest, f"{name}: message {uid} has changed, so it has a new modseq", modseq,
                       mailbox.highest, highest)
            else:
                expect(message.modseq == modseq, f"{name}: message {uid} has not changed, nor its modseq", modseq, message.modseq)
            message.modseq = modseq
        shown = {int(r[b"UID"]) for r in rows}
        expect(not mailbox.messages.keys() - shown, f"{name}: nothing is lost", sorted(mailbox.messages.keys() - shown))
        expect(not mailbox.expected, f"{name}: what was delivered is here", mailbox.expected)
        expect(mailbox.told_uidnext == mailbox.uidnext or (unknown and mailbox.told_uidnext >= mailbox.uidnext),
               f"{name}: UIDNEXT", mailbox.told_uidnext, mailbox.uidnext)
        mailbox.uidnext = mailbox.floor = mailbox.told_uidnext
        mailbox.highest = highest
        mailbox.settled()

    def status(self, mailbox, responses, sessions, size):
        values = parse_value(b"(" + responses[0][9:] + b")")[0]
        told = {k.decode(): int(v) for k, v in pairs(values[1]).items()}
        want = {"MESSAGES": len(mailbox.messages), "UIDNEXT": mailbox.uidnext, "UIDVALIDITY": mailbox.uidvalidity,
                "UNSEEN": len(mailbox.messages) - mailbox.count("\\seen"), "HIGHESTMODSEQ": mailbox.highest,
                "DELETED": mailbox.count("\\deleted"), "SIZE": size}
        if any(s.picture and s.picture.mailbox is mailbox and not s.picture.read_only for s in sessions):
            mailbox.claimed = mailbox.uidnext
        if mailbox.claimed is None:
            want["RECENT"] = told["RECENT"]
        else:
            want["RECENT"] = sum(u >= mailbox.claimed for u in mailbox.messages)
        want = {k: v for k, v in want.items() if k in told}
        expect(told == want, f"STATUS {mailbox.name}", "server", told, "model", want)

    # clients

    def pictures(self, sessions, rng=None):
        """Every client's picture is the model; with `rng` they ask questions too."""
        recent = {}
        for session in sessions:
            picture = session.picture
            if not picture:
                continue
            self.picture(session, picture)
            if not picture.read_only:
                for entry in picture.entries:
                    if entry.recent:
                        key = picture.mailbox, entry.uid
                        expect(key not in recent, f"{picture.mailbox.name}: {entry.uid} is \\Recent once", session.name, recent.get(key))
                        recent[key] = session.name
            if session.qresync:
                session.set_anchor(picture.mailbox.highest)
            if rng:
                self.search(session, rng)
                if session.condstore:
                    self.changed_since(session, rng)
        pump(sessions)

    def picture(self, session, picture):
        mailbox = picture.mailbox
        who, uids = f"{session.name} in {mailbox.name}", [e.uid for e in picture.entries]
        expect(uids == sorted(mailbox.messages), f"{who}: the picture has the messages", "only the client", sorted(set(uids) - set(
            mailbox.messages)), "only the model", sorted(set(mailbox.messages) - set(uids)), "client", uids)
        for entry in picture.entries:
            message = mailbox.messages[entry.uid]
            expect(entry.flags == message.flags, f"{who}: flags of {entry.uid}", "client", sorted(entry.flags), "model",
                   sorted(message.flags))
            expect(entry.modseq in (None, message.modseq) or not session.condstore, f"{who}: modseq of {entry.uid}", entry.modseq,
                   message.modseq)
        told = sum(e.recent for e in picture.entries)
        expect(picture.recent in (None, told) or session.rev2 or picture.came_back, f"{who}: RECENT", picture.recent, told)
        expect(not session.rev2 or not told, f"{who}: no \\Recent in IMAP4rev2")

    def search(self, session, rng):
        key, flag, has = rng.choice(SEARCHES)
        messages = sorted(session.picture.mailbox.messages.items())
        uid = session.uidonly or rng.random() < 0.5
        want = [u if uid else i + 1 for i, (u, m) in enumerate(messages) if (flag in m.flags) == has]

        def done(command, status, rest):
            found = []
            for answer in command.answers(b"SEARCH"):
                found += [int(n) for n in re.sub(rb"\(.*", b"", answer).split()]
            for answer in command.answers(b"ESEARCH"):
                found += [n for text in re.findall(rb"ALL ([\d:,]+)", answer) for n in parse_set(text)]
            expect(status == b"OK" and sorted(found) == want, f"{session.name}: {command.text!r}", rest, "server", found, "model", want)
        session.queue(Command(f"{'UID ' if uid else ''}SEARCH {key}", done, numbers=not uid))

    def changed_since(self, session, rng):
        messages = session.picture.mailbox.messages
        since = rng.choice([m.modseq for m in messages.values()] + [session.picture.mailbox.highest])
        want = sorted(u for u, m in messages.items() if m.modseq > since)

        def done(command, status, rest):
            found = []
            for response in command.untagged:
                match = re.match(rb"\* (\d+) (UID)?FETCH ", response)
                if match:
                    found.append(int(match.group(1) if match.group(2) else pairs(parse_value(response, match.end())[0])[b"UID"]))
            expect(status == b"OK" and sorted(found) == want, f"{session.name}: {command.text!r}", rest, "server", found, "model", want)
        if messages:
            session.queue(Command(f"UID FETCH {rng.choice(('1:*', format_set(messages)))} (FLAGS) (CHANGEDSINCE {since})", done))
