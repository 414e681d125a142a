# SPDX-License-Identifier: BSD-2-Clause
"""The random commands of the model test, each with what its acknowledgement means to the model.

In a round every mailbox is either one session's own, which may then do anything to it, in a pipeline, or shared: then all sessions do
at once what commutes (append, set a keyword of their own, set \\Seen by reading). So the model is exact whatever order the server chose,
while all others look on.
"""

import re

from model_session import Command, pairs, parse_value
from model_state import SYSTEM_FLAGS, expect, fold, format_set, parse_set

KEYWORDS = ("$Forwarded", "$Junk", "Work", "later")


class Actions:
    """What one session sends in one round. `owned`: the mailboxes that are its own; `shared`: those open to all."""

    def __init__(self, world, rng, session, owned, shared):
        self.world, self.rng, self.session = world, rng, session
        self.owned, self.shared = owned, shared
        self.commands = []
        self.numbers_hold = True  # no command before has room for EXPUNGE
        self.over = False         # what follows depends on what is not known yet

    # what there is to work with

    def picture(self):
        return self.session.picture

    def mailbox(self):
        return self.session.picture.mailbox

    def own(self):
        return self.mailbox() in self.owned

    def own_keyword(self):
        return f"$own-{self.session.name}"

    def some(self, most=8):
        """Some of the messages that the client knows, as entries, in order."""
        known = [(i + 1, e) for i, e in enumerate(self.picture().entries) if e.uid]
        if not known:
            return []
        if self.rng.random() < 0.3:
            start = self.rng.randrange(len(known))
            return known[start:start + self.rng.randint(1, 3 * most)]
        return sorted(self.rng.sample(known, min(len(known), self.rng.randint(1, most))), key=lambda k: k[0])

    def selection(self):
        """(prefix, set, uids, numbers): a set of messages, by UID or by number; None if there are none."""
        chosen = self.some()
        if not chosen:
            return None
        uids = [e.uid for _, e in chosen]
        if self.numbers_hold and not self.session.uidonly and self.rng.random() < 0.5:
            return "", format_set(n for n, _ in chosen), uids, True
        text = format_set(uids)
        if self.rng.random() < 0.2:  # a range with holes
            text, uids = f"{uids[0]}:{uids[-1]}", [e.uid for e in self.picture().entries if e.uid and uids[0] <= e.uid <= uids[-1]]
        return "UID ", text, uids, False

    def add(self, text, done=None, numbers=False, **options):
        self.commands.append(Command(text, done, numbers=numbers, **options))
        if not numbers:
            self.numbers_hold = False

    def targets(self):
        return self.owned + self.shared

    def flags(self, some_deleted=True):
        flags = self.rng.sample(SYSTEM_FLAGS + KEYWORDS, self.rng.randint(0, 3))
        return [f for f in flags if some_deleted or f != "\\Deleted"]

    # into mailboxes

    def append(self):
        mailbox = self.rng.choice(self.targets())
        items = [(*self.world.message(self.rng), self.flags()) for _ in range(3 if self.rng.random() < 0.1 else 1)]
        text = f'APPEND "{mailbox.name}"'.encode()
        for _, data, flags in items:
            text += f" ({' '.join(flags)}) {{{len(data)}+}}\r\n".encode() + data

        def done(command, status, rest):
            code = re.match(rb"APPENDUID (\d+) (\S+)$", command.code)
            expect(status == b"OK" and code, "APPEND succeeds with APPENDUID", rest)
            uids = parse_set(code.group(2))
            expect(int(code.group(1)) == mailbox.uidvalidity, "APPENDUID has the UIDVALIDITY", rest, mailbox.uidvalidity)
            expect(len(uids) == len(items), "APPENDUID has a UID for each message", rest)
            for uid, (ident, _, flags) in zip(uids, items):
                mailbox.add(uid, ident, flags)
        self.add(text, done, uncertain=lambda: mailbox.maybe.extend((ident, fold(flags)) for ident, _, flags in items))

    def append_nowhere(self):
        def done(command, status, rest):
            expect(status == b"NO" and command.code == b"TRYCREATE", "APPEND to nowhere", rest)
        self.add('APPEND "no such mailbox" {3+}\r\nabc', done)

    def copy(self, move=False):
        chosen = self.selection()
        if not chosen or not self.own() or (move and self.picture().read_only):
            return
        prefix, text, uids, numbers = chosen
        source, target = self.mailbox(), self.rng.choice(self.targets())

        def done(command, status, rest):
            expect(status == b"OK", "COPY or MOVE succeeds", command.text, rest)
            there = [u for u in uids if u in source.messages]
            codes = [v for c, v in command.codes if c == b"COPYUID"] if move else re.findall(rb"COPYUID ([^\]]+)", command.code)
            expect(len(codes) == bool(there), "one COPYUID if anything was copied", command.text, codes, there)
            if not there:
                return
            uidvalidity, source_set, target_set = codes[0].split(b" ")
            expect(int(uidvalidity) == target.uidvalidity, "COPYUID has the UIDVALIDITY of the target", rest, target.uidvalidity)
            expect(sorted(parse_set(source_set)) == there, "COPYUID names the messages", command.text, codes, there)
            new = parse_set(target_set)
            expect(len(new) == len(there), "COPYUID has a UID for each", codes)
            for old_uid, uid in zip(parse_set(source_set), new):
                message = source.messages[old_uid]
                target.add(uid, message.ident, message.flags)
                if move:
                    source.remove(old_uid)
        self.add(f'{prefix}{"MOVE" if move else "COPY"} {text} "{target.name}"', done)
        if move and not self.session.qresync:
            self.numbers_hold = False

    def move(self):
        self.copy(move=True)

    # flags

    def store(self):
        chosen = self.selection()
        if not chosen:
            return
        prefix, text, uids, numbers = chosen
        session, mailbox, condition, limit = self.session, self.mailbox(), "", None
        if self.own():
            mode, flags = self.rng.choice(("+", "-", "")), self.flags()
        elif mailbox in self.shared:
            mode, flags = self.rng.choice("+-"), [self.own_keyword()]
        else:
            return
        if self.own() and session.condstore and self.rng.random() < 0.4:
            known = [m.modseq for m in mailbox.messages.values() if m.modseq and m.modseq <= mailbox.highest]
            limit = self.rng.choice(known + [mailbox.highest, 0])
            condition = f" (UNCHANGEDSINCE {limit})"
        silent = self.rng.random() < 0.4 and not self.picture().read_only
        number_of = {e.uid: i + 1 for i, e in enumerate(self.picture().entries)}
        read_only = self.picture().read_only

        def done(command, status, rest):
            if read_only:
                expect(status == b"NO", "STORE in a read-only mailbox", rest)
                return
            expect(status == b"OK", "STORE succeeds", command.text, rest)
            left_out = [u for u in uids if u in mailbox.messages and limit is not None and mailbox.newer_than(u, limit)]
            code = re.match(rb"MODIFIED (\S+)$", command.code)
            told = sorted(parse_set(code.group(1))) if code else []
            expect(told == [number_of[u] if numbers else u for u in left_out], "MODIFIED names what has changed", command.text, rest,
                   left_out)
            mailbox.change_flags([u for u in uids if u not in left_out], mode, flags)
        self.add(f"{prefix}STORE {text}{condition} {mode}FLAGS{'.SILENT' if silent else ''} ({' '.join(flags)})", done, numbers,
                 silent=(set(uids), mode, flags) if silent else None)

    def expunge(self):
        if not self.own():
            return
        mailbox, uids, text = self.mailbox(), None, "EXPUNGE"
        if self.rng.random() < 0.4:
            uids = [e.uid for _, e in self.some(20)]
            if not uids:
                return
            text = f"UID EXPUNGE {format_set(uids)}"
        elif self.session.uidonly:
            text = "EXPUNGE"
        read_only = self.picture().read_only

        def done(_command, status, rest):
            expect(status == (b"NO" if read_only else b"OK"), "EXPUNGE", rest)
            if not read_only:
                mailbox.expunge(None if uids is None else set(uids))
        self.add(text, done)

    def purge(self):
        """Most of a mailbox that has grown."""
        if not self.own() or self.picture().read_only:
            return
        mailbox, uids = self.mailbox(), [e.uid for e in self.picture().entries if e.uid]
        uids = uids[:len(uids) * 3 // 4]

        def done(command, status, rest):
            expect(status == b"OK", "STORE succeeds", command.text, rest)
            mailbox.change_flags(uids, "+", ["\\Deleted"])
        self.add(f"UID STORE {format_set(uids)} +FLAGS.SILENT (\\Deleted)", done, silent=(set(uids), "+", ["\\Deleted"]))
        self.expunge()

    # reading

    def fetch_flags(self):
        chosen = self.selection()
        if not chosen:
            return
        prefix, text, _, numbers = chosen
        items = self.rng.choice(("FLAGS", "(UID FLAGS)", "FAST", "(FLAGS RFC822.SIZE)")
                                + (("(FLAGS MODSEQ)", "MODSEQ") if self.session.condstore else ()))

        def done(command, status, rest):
            expect(status == b"OK" or b"EXPUNGEISSUED" in rest, "FETCH succeeds", command.text, rest)
        self.add(f"{prefix}FETCH {text} {items}", done, numbers)

    def fetch_body(self):
        """BODY[] sets \\Seen where that is the session's to do."""
        chosen = self.selection()
        if not chosen:
            return
        prefix, text, _, numbers = chosen
        session, world, mailbox, read_only = self.session, self.world, self.mailbox(), self.picture().read_only
        seen = (self.own() or mailbox in self.shared) and self.rng.random() < 0.6

        def done(command, status, rest):
            expect(status == b"OK" or b"EXPUNGEISSUED" in rest, "FETCH BODY[] succeeds", command.text, rest)
            for response in command.untagged:
                match = re.match(rb"\* (\d+) (UID)?FETCH ", response)
                items = pairs(parse_value(response, match.end())[0]) if match else {}
                if b"BODY[]" not in items:
                    continue
                body = items[b"BODY[]"]
                ident = re.search(rb"X-Model-Id: (\S+)", body).group(1).decode()
                expect(body.endswith(world.contents[ident]), "BODY[] is what was sent", ident, body)
                uid = int(match.group(1) if session.uidonly else items[b"UID"])
                if uid in mailbox.messages:
                    expect(mailbox.messages[uid].ident == ident, "BODY[] is of this message", uid, ident, mailbox.messages[uid].ident)
                    if seen and not read_only:
                        mailbox.change_flags([uid], "+", ["\\Seen"])
        self.add(f"{prefix}FETCH {text} (UID BODY{'' if seen else '.PEEK'}[])", done, numbers)

    def search(self):
        flag = self.rng.choice(("SEEN", "UNSEEN", "DELETED", "FLAGGED", "ALL", "KEYWORD work", "NOT DRAFT"))
        uid = self.session.uidonly or self.rng.random() < 0.5
        self.add(f"{'UID ' if uid else ''}SEARCH {flag}", lambda c, status, rest: expect(status == b"OK", "SEARCH succeeds", rest), not uid)

    def noop(self):
        self.add(self.rng.choice(("NOOP", "CHECK") if self.picture() and not self.session.rev2 else ("NOOP",)),
                 lambda c, status, rest: expect(status == b"OK", "NOOP succeeds", rest))

    def status(self):
        mailbox = self.rng.choice(list(self.world.mailboxes.values()))
        self.add(f'STATUS "{mailbox.name}" (MESSAGES UIDNEXT UNSEEN)',
                 lambda c, status, rest: expect(status == b"OK" and c.answers(b"STATUS"), "STATUS succeeds", rest))

    # selecting

    def select(self):
        mailbox = self.rng.choice(list(self.world.mailboxes.values()))
        read_only = self.rng.random() < 0.15
        params, resumed = "", None
        anchor = self.session.anchor
        if self.session.qresync and anchor and anchor[0] in self.world.mailboxes.values() and self.rng.random() < 0.6:
            mailbox, _, modseq, resumed = anchor
            params = f" (QRESYNC ({anchor[1]} {modseq}{self.known_uids(resumed)}))"
        elif self.session.condstore and self.rng.random() < 0.3:
            params = " (CONDSTORE)"
        left = self.mailbox() if self.picture() else None

        def done(command, status, rest):
            expect(status == b"OK", "SELECT succeeds", command.text, rest)
            expect(command.code == (b"READ-ONLY" if read_only else b"READ-WRITE"), "SELECT says how", rest)
            codes = self.session.picture.codes
            expect(mailbox.uidvalidity in (None, int(codes[b"UIDVALIDITY"])), "UIDVALIDITY stays", codes, mailbox.uidvalidity)
            expect(int(codes[b"HIGHESTMODSEQ"]) >= mailbox.highest, "HIGHESTMODSEQ does not go back", codes, mailbox.highest)
            expect(int(codes[b"UIDNEXT"]) >= mailbox.floor, "UIDNEXT does not go back", codes, mailbox.floor)
            for claimed in [left] * bool(left) + [mailbox] * (not read_only):
                claimed.claimed = None
        self.add(f'{"EXAMINE" if read_only else "SELECT"} "{mailbox.name}"{params}', done, select=(mailbox, read_only), resumed=resumed)
        self.over = True

    def known_uids(self, entries):
        """Sometimes the optional arguments of QRESYNC, as a client fills them."""
        uids = [e.uid for e in entries]
        if not uids or self.rng.random() < 0.5:
            return ""
        known = " " + format_set(uids)
        if self.session.uidonly or self.rng.random() < 0.5:
            return known
        sample = sorted(self.rng.sample(range(len(uids)), min(len(uids), 5)))
        return f"{known} ({format_set(i + 1 for i in sample)} {format_set(uids[i] for i in sample)})"

    def leave(self):
        """CLOSE or UNSELECT."""
        mailbox, read_only = self.mailbox(), self.picture().read_only
        close = (self.own() or read_only) and self.rng.random() < 0.5

        def done(_command, status, rest):
            expect(status == b"OK", "CLOSE or UNSELECT succeeds", rest)
            self.session.picture = None
            mailbox.claimed = None
            if close and not read_only:
                mailbox.expunge()
        self.add("CLOSE" if close else "UNSELECT", done)
        self.over = True

    # a round

    def make(self, count):
        """`count` commands at most: those of a pipeline."""
        anywhere = [(self.append, 4), (self.status, 1), (self.noop, 1), (self.append_nowhere, 0.2)]
        selected = [(self.store, 8), (self.fetch_flags, 4), (self.fetch_body, 3), (self.search, 2), (self.copy, 2), (self.move, 1.5),
                    (self.expunge, 2), (self.select, 0.6), (self.leave, 0.3)]
        if self.picture() and len(self.picture().entries) > 40:
            selected.append((self.purge, 8))
        while len(self.commands) < count and not self.over:
            choices = anywhere + (selected if self.picture() and not self.picture().gone else [(self.select, 8)])
            if not self.targets():
                choices = [c for c in choices if c[0] != self.append]
            action = self.rng.choices([c[0] for c in choices], [c[1] for c in choices])[0]
            if action in (self.copy, self.move) and not self.targets():
                action = self.noop
            action()
        return self.commands

    def make_uncertain(self, count):
        """Commands of which it may never be known whether they were done: for a crash."""
        while len(self.commands) < count and self.shared:
            if self.picture() and not self.picture().read_only and self.rng.random() < 0.6:
                chosen = self.selection()
                if chosen:
                    self.store_uncertain(*chosen)
                    continue
            self.append()
        return self.commands

    def store_uncertain(self, prefix, text, uids, numbers):
        mailbox, mode, flags = self.mailbox(), self.rng.choice("+-"), [self.own_keyword()]

        def uncertain():
            for uid in uids:
                mailbox.maybe_flags[uid] = mailbox.maybe_flags.get(uid, frozenset()) | frozenset(flags)

        def done(_command, status, rest):
            expect(status == b"OK", "STORE succeeds", rest)
            mailbox.change_flags(uids, mode, flags)
        self.add(f"{prefix}STORE {text} {mode}FLAGS ({' '.join(flags)})", done, numbers, uncertain=uncertain)
