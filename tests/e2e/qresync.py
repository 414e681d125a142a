#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A client that comes and goes with QRESYNC (RFC 7162), with or without UIDONLY and IMAP4rev2, while others change the mailbox: what it
knows from SELECT (QRESYNC ...), news and UID FETCH (VANISHED) alone equals a model fed with acknowledged commands, and what a fresh
session reads; also after a restart.

    qresync.py [seed [rounds]]
"""

import random
import re
import sys

from support import Server, check, main, note

USER = "anna@example.org"
MESSAGE = b"Subject: x\r\n\r\nhi\r\n"
FLAGS = ["\\Seen", "\\Flagged", "\\Answered", "kw"]

server = None
seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1 << 30)
rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 200
rnd = random.Random(seed)


def numbers(text):
    found = set()
    for part in text.split(","):
        first, _, last = part.partition(":")
        found.update(range(int(first), int(last or first) + 1))
    return found


class Cache:
    """What the client knows; kept between its connections."""

    def __init__(self):
        self.uidvalidity = None
        self.modseq = 0
        self.flags = {}

    def apply(self, responses, uid_only):
        for response in (r.decode() for r in responses):
            vanished = re.match(r"\* VANISHED (?:\(EARLIER\) )?(\S+)$", response)
            fetch = re.match(r"\* (\d+) (UID)?FETCH \((.*)\)$", response)
            if vanished:
                for uid in numbers(vanished.group(1)):
                    self.flags.pop(uid, None)
            elif fetch:
                assert bool(fetch.group(2)) == uid_only, response
                uid = int(fetch.group(1)) if uid_only else int(re.search(r"UID (\d+)", fetch.group(3)).group(1))
                flags = re.search(r"FLAGS \(([^)]*)\)", fetch.group(3))
                if flags:
                    self.flags[uid] = frozenset(flags.group(1).split()) - {"\\Recent"}
            assert " EXPUNGE" not in response, response


def fresh():
    client, cache = server.client(USER), Cache()
    client.ok("EXAMINE INBOX")
    cache.apply(client.ok("UID FETCH 1:* (UID FLAGS)"), False)
    client.close()
    return cache.flags


def some(model, most=5):
    uids = sorted(model) or [1]
    return ",".join(str(uid) for uid in rnd.sample(uids, min(len(uids), rnd.randint(1, most))))


def act(client, model):
    """One random command; the model follows it. The untagged responses."""
    kind = rnd.random()
    if kind < 0.35:
        count = rnd.randint(1, 4)
        literal = b"{%d+}\r\n%s" % (len(MESSAGE), MESSAGE)
        tagged, untagged = client.command(b"APPEND INBOX " + b" ".join([literal] * count))
        for uid in numbers(re.search(rb"APPENDUID \d+ (\S+)\]", tagged).group(1).decode()):
            model[uid] = frozenset()
        return untagged
    uids = some(model)
    there = numbers(uids) & set(model)
    if kind < 0.6:
        sign, flag = rnd.choice("+-"), rnd.choice(FLAGS)
        for uid in there:
            model[uid] = model[uid] | {flag} if sign == "+" else model[uid] - {flag}
        return client.ok(f"UID STORE {uids} {sign}FLAGS ({flag})")
    if kind < 0.8:
        for uid in there:
            model[uid] |= {"\\Deleted"}
        return client.ok(f"UID STORE {uids} +FLAGS (\\Deleted)")
    if kind < 0.9:
        untagged = client.ok("NOOP")  # EXPUNGE leaves alone what its session has not been told of
        for uid in [uid for uid in model if "\\Deleted" in model[uid]]:
            del model[uid]
        return untagged + client.ok("EXPUNGE")
    for uid in there:
        del model[uid]
    return client.ok(f"UID MOVE {uids} Trash")


def parameters(cache, uid_only):
    text = f"{cache.uidvalidity} {cache.modseq}"
    known = sorted(cache.flags)
    if not uid_only and known and rnd.random() < 0.5:
        places = sorted(rnd.sample(range(len(known)), min(len(known), rnd.randint(1, 6))))
        text += f" 1:4294967295 ({','.join(str(i + 1) for i in places)} {','.join(str(known[i]) for i in places)})"
    return text


def highest(responses):
    return int(re.search(rb"HIGHESTMODSEQ (\d+)", b"\n".join(responses)).group(1))


def visit(cache, others, model):
    """One connection of the client. None, or what it knew wrongly."""
    uid_only = rnd.random() < 0.3
    client = server.client(USER)
    client.ok("ENABLE QRESYNC" + (" UIDONLY" if uid_only else "") + (" IMAP4rev2" if rnd.random() < 0.3 else ""))
    if cache.uidvalidity is None:
        untagged = client.ok("SELECT INBOX")
        cache.uidvalidity = int(re.search(rb"UIDVALIDITY (\d+)", b"\n".join(untagged)).group(1))
    else:
        untagged = client.ok(f"SELECT INBOX (QRESYNC ({parameters(cache, uid_only)}))")
        cache.apply(untagged, uid_only)
    assert highest(untagged) >= cache.modseq
    cache.modseq = highest(untagged)
    if cache.flags != model:
        return "after SELECT", untagged
    for _ in range(rnd.randint(1, 12)):
        who = rnd.choice(others + [client])
        untagged = act(who, model)
        if who is client:
            cache.apply(untagged, uid_only)
    if rnd.random() < 0.5:
        untagged = client.ok(f"UID FETCH 1:4294967295 (FLAGS) (CHANGEDSINCE {cache.modseq} VANISHED)") + client.ok("NOOP")
        untagged += client.ok(f"UID FETCH 1:4294967295 (FLAGS) (CHANGEDSINCE {cache.modseq} VANISHED)")
        cache.apply(untagged, uid_only)
        if cache.flags != model:
            return "after UID FETCH", untagged
    client.close()
    return None


def begin():
    global server
    note(f"seed {seed}")
    server = Server().start()
    server.add_user(USER)


def comes_and_goes():
    cache, model = Cache(), {}
    for half in range(2):
        others = [server.client(USER), server.client(USER)]
        for other in others:
            other.ok("SELECT INBOX")
        wrong = None
        for number in range(rounds // 2):
            wrong = visit(cache, others, model)
            if wrong:
                differ = {uid: (cache.flags.get(uid), model.get(uid)) for uid in set(model) | set(cache.flags)
                          if cache.flags.get(uid) != model.get(uid)}
                wrong = f"round {number} {wrong[0]}: (known, right) {differ}; {wrong[1][-20:]}"
                break
        check("what the client knows is right", not wrong, wrong)
        check("a fresh session reads the same", fresh() == model)
        for other in others:
            other.close()
        if wrong:
            return
        if not half:
            server.stop()
            server.start()


main(begin, comes_and_goes, seconds=300)
