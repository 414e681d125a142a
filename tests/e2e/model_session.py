# SPDX-License-Identifier: BSD-2-Clause
"""A client of the model test: commands in flight, and its own picture of the selected mailbox, made of untagged responses alone."""

import collections
import copy
import re
import select

from model_state import Mismatch, changed, expect, fold, parse_set

LITERAL = re.compile(rb"~?\{(\d+)\}$")
trace = collections.deque(maxlen=4000)  # of all sessions, in order


# --- reading responses -------------------------------------------------------------------------------------------------

def parse_value(data, at=0):
    """One value of a response and where it ends: bytes, or a list for what is in parentheses."""
    if data[at:at + 1] == b"(":
        values, at = [], at + 1
        while data[at:at + 1] != b")":
            if data[at:at + 1] == b" ":
                at += 1
                continue
            expect(at < len(data), "a closing parenthesis", data)
            value, at = parse_value(data, at)
            values.append(value)
        return values, at + 1
    if data[at:at + 1] == b'"':
        end = at + 1
        while data[end:end + 1] != b'"':
            end += 2 if data[end:end + 1] == b"\\" else 1
        return re.sub(rb"\\(.)", rb"\1", data[at + 1:end]), end + 1
    literal = re.match(rb"~?\{(\d+)\}\r\n", data[at:at + 20])
    if literal:
        start = at + literal.end()
        return data[start:start + int(literal.group(1))], start + int(literal.group(1))
    end, depth = at, 0
    while end < len(data) and (depth or data[end:end + 1] not in (b" ", b")", b"(")):
        depth += {b"[": 1, b"]": -1}.get(data[end:end + 1], 0)
        end += 1
    expect(end > at, "a value", data[at:at + 80])
    return data[at:end], end


def pairs(values):
    """NAME value NAME value as a dict."""
    return {values[i].upper(): values[i + 1] for i in range(0, len(values), 2)}


def text_flags(values):
    return [v.decode() for v in values]


# --- a picture ---------------------------------------------------------------------------------------------------------

class Entry:
    """A message as far as the client knows it; None is unknown."""
    __slots__ = ("uid", "flags", "modseq", "recent")

    def __init__(self):
        self.uid = self.flags = self.modseq = None
        self.recent = False


class Picture:
    def __init__(self, mailbox, read_only, uidonly):
        self.mailbox, self.read_only, self.uidonly = mailbox, read_only, uidonly
        self.entries = []
        self.recent = None
        self.codes = {}
        self.gone = False
        self.came_back = False
        self.resumed = None  # UID -> Entry: what a client that comes back knew, until the server has told what is new

    def resume(self, entries):
        self.resumed = {e.uid: copy.copy(e) for e in entries}
        self.came_back = True
        for entry in self.resumed.values():
            entry.recent = False  # of each session its own

    def resumed_now(self):
        """What was known and has not vanished comes first, and then what is new."""
        told = [e for e in self.entries if e.uid]
        places = {e.uid: i for i, e in enumerate(self.entries) if e.uid}
        unknown = len(self.entries)
        self.resumed.update((e.uid, e) for e in told)
        self.entries = [e for _, e in sorted(self.resumed.items())]
        unknown -= len(self.entries)
        expect(unknown >= 0, "no more messages are known than there are", len(self.entries), unknown)
        self.entries += [Entry() for _ in range(unknown)]
        self.resumed = None
        return places

    def exists(self, count):
        expect(count >= len(self.entries), f"EXISTS {count} where {len(self.entries)} messages are known")
        self.entries += [Entry() for _ in range(count - len(self.entries))]

    def expunge(self, seq):
        expect(0 < seq <= len(self.entries), f"EXPUNGE {seq} of {len(self.entries)}")
        self.drop(seq - 1)

    def drop(self, at):
        """RECENT is not told again when a message goes: the client counts, as far as it can."""
        entry = self.entries.pop(at)
        if entry.flags is None:
            self.recent = None
        elif entry.recent and self.recent:
            self.recent -= 1

    def find(self, uid):
        """The place of a UID, learnt now if it can be one of the unknown; None: not here."""
        gap = None
        for i, entry in enumerate(self.entries):
            if entry.uid == uid:
                return i
            if entry.uid is None:
                gap = i if gap is None else gap
            elif entry.uid > uid and not self.uidonly:
                return gap
            elif not self.uidonly:
                gap = None
        return gap

    def vanished(self, uids, earlier):
        for uid in uids:
            if self.resumed is not None:  # what goes while the answer to SELECT is on its way is told as what had gone before
                self.resumed.pop(uid, None)
            i = self.find(uid)
            if earlier and (i is None or self.entries[i].uid is None):
                continue  # of messages that this client never knew
            expect(i is not None, f"VANISHED {uid}: such a message is known", [e.uid for e in self.entries])
            self.drop(i)

    def fetch(self, at, items, with_modseq):
        entry = self.entries[at]
        if b"UID" in items:
            uid = int(items[b"UID"])
            below = [e.uid for e in self.entries[:at] if e.uid and not self.uidonly]
            above = [e.uid for e in self.entries[at + 1:] if e.uid and not self.uidonly]
            expect(entry.uid in (None, uid) and (not below or below[-1] < uid) and (not above or uid < above[0]),
                   f"message {at + 1} has UID {uid}", entry.uid, below[-3:], above[:3])
            entry.uid = uid
            if self.uidonly:  # where it is cannot be known: those that are unknown come last
                self.entries.sort(key=lambda e: e.uid or 1 << 32)
        if b"MODSEQ" in items:
            modseq = int(items[b"MODSEQ"][0])
            expect(modseq >= (entry.modseq or 1), f"the modseq of {entry.uid} does not go back", modseq, entry.modseq)
            entry.modseq = modseq
        if b"FLAGS" in items:
            flags = text_flags(items[b"FLAGS"])
            entry.flags = fold(flags)
            entry.recent = "\\Recent" in flags
            expect(b"MODSEQ" in items or not with_modseq, "FLAGS come with MODSEQ once CONDSTORE is enabled", items)

    def unknown(self):
        return [i + 1 for i, e in enumerate(self.entries) if e.uid is None or e.flags is None]

    def uids(self):
        return [e.uid for e in self.entries if e.uid]


# --- a session ---------------------------------------------------------------------------------------------------------

class Command:
    """`numbers`: with sequence numbers, so no EXPUNGE may come. `done`: called with (this, status, rest) at its end; `uncertain`: called
    instead when there will be no answer. `select`: (mailbox, read-only) that it selects; `resumed`: the entries it comes back with.
    `silent`: (UIDs, mode, flags) that it changes untold."""

    def __init__(self, text, done=None, numbers=False, select=None, silent=None, resumed=None, uncertain=None):
        self.text = text if isinstance(text, bytes) else text.encode()
        self.done, self.numbers, self.select, self.silent = done, numbers, select, silent
        self.resumed, self.uncertain = resumed, uncertain
        self.tag, self.status, self.rest, self.code = None, None, b"", b""
        self.untagged, self.codes = [], []

    def answers(self, kind):
        """The rest of untagged responses of a kind."""
        return [r[len(kind) + 3:] for r in self.untagged if r[2:2 + len(kind)].upper() == kind and r[2 + len(kind):3 + len(kind)] in (b" ", b"")]


class Session:
    """`kind` names what it enables: plain, condstore, qresync, uidonly, rev2, notify."""

    def __init__(self, server, name, kind, user):
        self.server, self.name, self.kind, self.user = server, name, kind, user
        self.picture = None
        self.anchor = None  # (mailbox, uidvalidity, modseq, picture) for QRESYNC
        self.saved = None
        self.connect()

    def connect(self):
        self.client = self.server.client(self.user)
        answer = self.client.ok("CAPABILITY")
        self.capabilities = set(answer[0].decode().upper().split()[2:])
        self.qresync = self.kind in ("qresync", "uidonly")
        self.uidonly, self.rev2, self.notify = self.kind == "uidonly", self.kind == "rev2", self.kind == "notify"
        self.condstore = self.qresync or self.kind in ("condstore", "rev2", "notify")
        for wanted, name in ((self.condstore, "CONDSTORE"), (self.qresync, "QRESYNC"), (self.uidonly, "UIDONLY"),
                             (self.rev2, "IMAP4rev2")):
            if wanted:
                enabled = self.client.ok(f"ENABLE {name}")
                expect(any(name.upper() in e.upper().decode().split() for e in enabled), f"ENABLE {name}", enabled)
        if self.notify:
            self.client.ok("NOTIFY SET (SELECTED-DELAYED (MessageNew (UID FLAGS MODSEQ) MessageExpunge FlagChange))")
        self.socket = self.client.socket
        self.socket.setblocking(False)
        self.inflight = collections.deque()
        self.buffer, self.out = b"", b""
        self.idling = None
        self.picture = None
        self.ended = False
        self.tags = 0

    def close(self):
        self.client.close()

    # sending

    def queue(self, *commands):
        """Into one packet, as far as the socket takes it."""
        for command in commands:
            self.tags += 1
            command.tag = b"%s.%d" % (self.name.encode(), self.tags)
            self.inflight.append(command)
            self.out += command.tag + b" " + command.text + b"\r\n"
            trace.append((self.name, b"C: " + command.tag + b" " + command.text))
            if len(self.inflight) == 1:
                self.begins(command)
        self.flush()

    def idle_done(self):
        """Ends an IDLE that has been asked for; the next command may follow at once."""
        if self.idling:
            self.out += b"DONE\r\n"
            trace.append((self.name, b"C: DONE"))
            self.idling = None
            self.flush()

    def idle(self):
        self.idling = Command("IDLE")
        self.queue(self.idling)

    def flush(self):
        try:
            while self.out:
                self.out = self.out[self.socket.send(self.out):]
        except BlockingIOError:
            pass
        except OSError:
            self.out = b""  # reading finds the end

    def begins(self, command):
        """The server turns to it now: what comes is of this command."""
        if command.select and not self.picture:
            self.selecting(command)

    def selecting(self, command):
        self.picture = Picture(*command.select, self.uidonly)
        if command.resumed is not None:
            self.picture.resume(command.resumed)

    def selected(self, command):
        if command.status != b"OK":
            self.picture = None
        elif command.resumed is not None:
            for uid, at in self.picture.resumed_now().items():
                expect(self.uidonly or self.picture.entries[at].uid == uid, f"{self.name}: message {at + 1} is {uid}", self.picture.uids())

    # receiving

    def read(self):
        """What is there; ended is set at the end of the connection."""
        try:
            piece = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            piece = b""
        if not piece:
            self.ended = True
            return
        self.buffer += piece
        start = 0
        while True:
            end = self.whole(start)
            if end is None:
                break
            response = self.buffer[start:end - 2]
            start = end
            trace.append((self.name, b"S: " + response))
            self.take(response)
        self.buffer = self.buffer[start:]

    def whole(self, start):
        """Where the response that begins at `start` ends, or None."""
        at = start
        while True:
            end = self.buffer.find(b"\r\n", at)
            if end < 0:
                return None
            literal = LITERAL.search(self.buffer, max(at, end - 20), end)
            if not literal:
                return end + 2
            at = end + 2 + int(literal.group(1))
            if at > len(self.buffer):
                return None

    def take(self, response):
        if response.startswith(b"* "):
            self.untagged(response)
        elif response.startswith(b"+"):
            expect(self.inflight and self.inflight[0].text == b"IDLE", f"{self.name}: + only for IDLE", response)
        else:
            self.tagged(response)

    def tagged(self, response):
        tag, _, rest = response.partition(b" ")
        expect(self.inflight and self.inflight[0].tag == tag, f"{self.name}: the oldest command is answered", response)
        command = self.inflight.popleft()
        status, _, command.rest = rest.partition(b" ")
        command.status = status.upper()
        code = re.match(rb"\[([^\]]*)\]", command.rest)
        command.code = code.group(1) if code else b""
        if command.select:
            self.selected(command)
        if command.silent and command.status == b"OK":
            self.apply_silently(command)
        if command.done:
            command.done(command, command.status, command.rest)
        highest = re.match(rb"HIGHESTMODSEQ (\d+)", command.code)
        if highest and self.picture and self.qresync:
            self.set_anchor(int(highest.group(1)))
        if self.inflight:
            self.begins(self.inflight[0])

    def apply_silently(self, command):
        """STORE .SILENT tells nothing: the client knows what it has done, but to those that are MODIFIED."""
        uids, mode, flags = command.silent
        modified = re.match(rb"MODIFIED (\S+)", command.code)
        left_out = set(parse_set(modified.group(1))) if modified else set()
        for i, entry in enumerate(self.picture.entries if self.picture else []):
            number = i + 1 if command.numbers else entry.uid
            if entry.uid in uids and number not in left_out and entry.flags is not None:
                entry.flags = changed(entry.flags, mode, fold(flags))

    def set_anchor(self, modseq):
        """All up to `modseq` has been told; a client may come back with it later."""
        if self.picture and not self.picture.gone and not self.picture.unknown():
            self.anchor = (self.picture.mailbox, self.picture.mailbox.uidvalidity, modseq, copy.deepcopy(self.picture.entries))

    def untagged(self, response):
        command = self.inflight[0] if self.inflight else None
        if command:
            command.untagged.append(response)
        numbered = re.match(rb"\* (\d+) ([A-Z]+)", response)
        if numbered:
            self.numbered(command, int(numbered.group(1)), numbered.group(2), response[numbered.end() + 1:])
            return
        words = response[2:].split(b" ", 2)
        word = words[0].upper()
        if word in (b"OK", b"NO", b"BAD"):
            code = re.match(rb"\* \w+ \[([A-Z]+) ?([^\]]*)\]", response)
            if code:
                self.coded(command, code.group(1), code.group(2))
        elif word == b"VANISHED":
            self.vanished(command, response[11:])
        elif word == b"BYE":
            raise Mismatch(f"{self.name}: {response!r}")

    def coded(self, command, code, value):
        if command:
            command.codes.append((code, value))
        if code == b"CLOSED":
            expect(command and command.select, f"{self.name}: CLOSED only for SELECT")
            self.selecting(command)
        elif code == b"NONEXISTENT" and self.picture:
            self.picture.gone = True
        elif self.picture and command and command.select:
            self.picture.codes[code] = value

    def numbered(self, command, number, word, rest):
        picture = self.picture
        expect(picture, f"{self.name}: no mailbox is selected", word, number)
        if word == b"EXISTS":
            picture.exists(number)
        elif word == b"RECENT":
            expect(not self.rev2, f"{self.name}: no RECENT in IMAP4rev2")
            picture.recent = number
        elif word == b"EXPUNGE":
            expect(command, f"{self.name}: EXPUNGE while no command is in progress")
            expect(not command.numbers, f"{self.name}: EXPUNGE during a command with sequence numbers", command.text)
            expect(not self.qresync, f"{self.name}: VANISHED instead of EXPUNGE")
            picture.expunge(number)
        elif word in (b"FETCH", b"UIDFETCH"):
            self.fetched(number, word, pairs(parse_value(rest)[0]))

    def fetched(self, number, word, items):
        expect((word == b"UIDFETCH") == self.uidonly, f"{self.name}: {word!r}")
        asked = self.inflight and b"FETCH " in self.inflight[0].text  # then it gets what it asked for
        if self.uidonly:
            at = self.picture.find(number)
            expect(at is not None, f"{self.name}: UIDFETCH of a message that is not here", number, self.picture.uids())
            items[b"UID"] = str(number).encode()
        else:
            at = number - 1
            expect(0 <= at < len(self.picture.entries), f"{self.name}: FETCH {number} of {len(self.picture.entries)}")
            expect(not self.qresync or asked or b"UID" in items, f"{self.name}: FETCH has a UID under QRESYNC", items)
        self.picture.fetch(at, items, self.condstore and not asked)

    def vanished(self, command, rest):
        expect(self.qresync, f"{self.name}: VANISHED without QRESYNC")
        expect(command and not command.numbers, f"{self.name}: VANISHED during a command with sequence numbers",
               command and command.text)
        earlier = rest.startswith(b"(EARLIER) ")
        self.picture.vanished(parse_set(rest[10:] if earlier else rest), earlier)


def pump(sessions, seconds=60, until_end=False):
    """Reads until no command but IDLE is in flight; with until_end, until all connections have ended."""
    def busy(session):
        return not session.ended if until_end else len(session.inflight) > bool(session.idling)
    while True:
        waiting = [s for s in sessions if busy(s)]
        if not waiting:
            return
        readable, writable, _ = select.select([s.socket for s in sessions if not s.ended],
                                              [s.socket for s in sessions if s.out and not s.ended], [], seconds)
        expect(readable or writable, f"an answer within {seconds} s", [(s.name, s.inflight[0].text) for s in waiting if s.inflight])
        for session in sessions:
            if session.socket in writable:
                session.flush()
            if session.socket in readable:
                session.read()
                expect(until_end or not session.ended, f"{session.name}: the connection stays")


def run_one(session, text, **options):
    """One command alone, to its end."""
    command = Command(text, **options)
    session.queue(command)
    pump([session])
    return command
