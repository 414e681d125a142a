#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The model test: sessions with different extensions do random things to the same mailboxes, many at once and partly pipelined. Whenever
nothing is in flight each client's picture, made of untagged responses alone, must equal the model, which is fed with acknowledgements
alone; so must a fresh look at every mailbox, and the store after restarts and crashes.

  model.py [--seed N] [--commands N] [--seconds N] [--long]

A failure prints the seed, what differs, and the last of the conversation; all of it goes to a file if $HF_KEEP is set. The same seed sends
the same commands, as far as the server's answers arrive in the same order.
"""

import argparse
import os
import random
import time

import model_session
from model_actions import Actions
from model_check import Checker
from model_session import Command, Session, pump, run_one, trace
from model_state import Mismatch, World, expect, fold, format_set
from support import Server, check, folder, main, note

USER = "anna@example.org"
KINDS = ("plain", "condstore", "qresync", "plain", "uidonly", "rev2", "notify", "qresync")
NAMES = ("A", "B", "C", "C/sub", "D")


class Model:
    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.world = World()
        self.server = Server("model").start()
        self.server.add_user(USER)
        self.commands = self.rounds = 0
        with self.server.client(USER) as client:
            capabilities = set(client.ok("CAPABILITY")[0].decode().upper().split())
        needed = {"uidonly": "UIDONLY", "rev2": "IMAP4REV2", "notify": "NOTIFY", "qresync": "QRESYNC", "condstore": "CONDSTORE"}
        kinds = [k for k in KINDS if needed.get(k, "IMAP4REV1") in capabilities]
        note(f"sessions: {' '.join(kinds)}")
        self.checker = Checker(self.server, USER, self.world)
        self.checker.learn_names()
        self.sessions = [Session(self.server, f"{kind[0]}{i}", kind, USER) for i, kind in enumerate(kinds)]
        for name in NAMES[:3]:
            run_one(self.sessions[0], f'CREATE "{name}"')
            self.world.create(name)
        self.checker.verify_all(self.sessions)

    # rounds

    def round(self):
        self.rounds += 1
        draw = self.rng.random()
        if draw < 0.06:
            self.names_round()
        else:
            self.busy_round()
        self.synchronise(fresh=draw < 0.25)

    def busy_round(self):
        """All at once."""
        rng = self.rng
        owned, shared = {s: [] for s in self.sessions}, []
        for mailbox in self.world.mailboxes.values():
            there = [s for s in self.sessions if s.picture and s.picture.mailbox is mailbox and not s.picture.read_only]
            if rng.random() < 0.4:
                shared.append(mailbox)
            else:
                owned[rng.choice(there or self.sessions)].append(mailbox)
        quiet = [s for s in self.sessions if rng.random() < 0.25]
        for session in quiet:
            if rng.random() < 0.6:
                session.idle()
        acting = [s for s in self.sessions if s not in quiet]
        work = []
        for session in acting:
            commands = Actions(self.world, rng, session, owned[session], shared).make(rng.choice((1, 1, 2, 4, 8)))
            self.commands += len(commands)
            work.append((session, commands))
        pipelined = rng.random() < 0.6
        for session, commands in work:
            session.queue(*(commands if pipelined else commands[:1]))
        if shared and rng.random() < 0.4:
            self.deliver(rng.choice(shared))
        if not pipelined:
            longest = max((len(c) for _, c in work), default=0)
            for step in range(1, longest):
                pump(self.sessions)
                for session, commands in work:
                    session.queue(*commands[step:step + 1])
        for session in quiet:
            session.idle_done()
        pump(self.sessions)

    def deliver(self, mailbox):
        ident, data = self.world.message(self.rng)
        address = USER if mailbox.name == "INBOX" else USER.replace("@", f"+{mailbox.name}@")
        self.server.deliver(data, address)
        self.commands += 1
        mailbox.expected.append((ident, fold(())))
        mailbox.changed = True

    def names_round(self):
        """CREATE, DELETE, RENAME: alone, while others may idle."""
        rng, world = self.rng, self.world
        actor = rng.choice(self.sessions)
        for session in self.sessions:
            if session is not actor and rng.random() < 0.4:
                session.idle()
        existing = [n for n in world.mailboxes if n in NAMES or n.startswith("R")]
        missing = [n for n in NAMES if n not in world.mailboxes]
        leaf = [n for n in existing if not any(o.startswith(n + "/") for o in world.mailboxes)]
        draw = rng.random()
        self.commands += 1
        if missing and (draw < 0.5 or len(leaf) < 2):
            name = rng.choice(missing)
            done = run_one(actor, f'CREATE "{name}"')
            if "/" in name and name.split("/")[0] not in world.mailboxes:
                world.create(name.split("/")[0])
            world.create(name)
        elif draw < 0.75:
            name = rng.choice(leaf)
            done = run_one(actor, f'DELETE "{name}"')
            del world.mailboxes[name]
        else:
            old = rng.choice(existing + ["INBOX"] * (len(existing) < 6))
            new = f"R{self.rounds}"
            done = run_one(actor, f'RENAME "{old}" "{new}"')
            if done.status == b"OK":
                world.rename(old, new)
        expect(done.status == b"OK", "CREATE, DELETE or RENAME succeeds", done.text, done.rest)
        for session in self.sessions:
            session.idle_done()
        pump(self.sessions)

    # synchronisation points

    def synchronise(self, fresh):
        for session in self.sessions:
            session.queue(Command("NOOP"))
        pump(self.sessions)
        self.leave_deleted()
        self.learn_new()
        self.checker.verify_changed(self.sessions, everything=fresh)
        self.checker.pictures(self.sessions, self.rng if fresh else None)

    def leave_deleted(self):
        """Sessions whose mailbox has been deleted must have been told."""
        for session in self.sessions:
            picture = session.picture
            if picture and picture.mailbox not in self.world.mailboxes.values():
                expect(picture.gone, f"{session.name}: told that {picture.mailbox.name} has been deleted")
                run_one(session, "UNSELECT")
                session.picture = None

    def learn_new(self):
        """What EXISTS or SELECT announced is fetched, and nothing else: the rest of the picture is what has been told."""
        for session in self.sessions:
            picture = session.picture
            unknown = picture.unknown() if picture else []
            if not unknown:
                continue
            items = "(UID FLAGS MODSEQ)" if session.condstore else "(UID FLAGS)"
            if session.uidonly:
                known = [0] + [e.uid for e in picture.entries if e.uid and e.flags is not None] + [1 << 32]
                gaps = ",".join(f"{a + 1}:{b - 1}" for a, b in zip(known, known[1:]) if b > a + 1)
                session.queue(Command(f"UID FETCH {gaps} {items}"))
            else:
                session.queue(Command(f"FETCH {format_set(unknown)} {items}", numbers=True))
        pump(self.sessions)

    # restarts

    def restart(self, crash):
        """A crash comes while commands are in flight: what was not acknowledged may be there or not."""
        for session in self.sessions:
            session.idle_done()
        if crash:
            self.work_until_killed()
        else:
            self.server.stop()
        for session in self.sessions:
            session.close()
        self.checker.close()
        self.server.start()
        self.checker.connect()
        for session in self.sessions:
            session.connect()
        for mailbox in self.world.mailboxes.values():
            mailbox.changed = True
            mailbox.claimed = None
        self.checker.verify_all(self.sessions)

    def work_until_killed(self):
        rng, shared = self.rng, list(self.world.mailboxes.values())
        acting = rng.sample(self.sessions, rng.randint(1, len(self.sessions)))
        for session in acting:
            session.queue(*Actions(self.world, rng, session, [], shared).make_uncertain(rng.randint(1, 6)))
        time.sleep(rng.choice((0, 0, 0.001, 0.003, 0.01)))
        self.server.kill()
        pump(self.sessions, until_end=True)
        for session in acting:
            for command in session.inflight:
                if command.uncertain:
                    command.uncertain()


def report():
    """The last of the conversation, and all that is kept of it in a file."""
    for name, line in list(trace)[-80:]:
        print(f"    {name} {line[:300]!r}")
    if os.environ.get("HF_KEEP"):
        with open(f"{folder}/trace", "w", encoding="utf-8") as file:
            file.writelines(f"{name} {line!r}\n" for name, line in trace)
        note(f"the conversation: {folder}/trace")


def one_run(seed, commands, seconds, restarts):
    """Until so many commands or seconds."""
    note(f"seed {seed}")
    model_session.trace.clear()
    began = time.monotonic()
    try:
        model = Model(seed)
        for part in range(restarts + 1):
            rounds = model.rounds
            while (model.commands < commands * (part + 1) // (restarts + 1)
                   and time.monotonic() - began < seconds * (part + 1) / (restarts + 1)):
                model.round()
            check(f"seed {seed}: {model.commands} commands, {model.rounds} synchronisations: all pictures are the model",
                  model.rounds > rounds)
            if part < restarts:
                model.restart(crash=part % 2 == 0)
                check(f"seed {seed}: and after a {'kill -9' if part % 2 == 0 else 'restart'}", True)
        return model
    except Mismatch as error:
        report()
        check(f"seed {seed}: no mismatch", False, str(error))
        return None


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--commands", type=int, default=8000)
    parser.add_argument("--seconds", type=float, default=35)
    parser.add_argument("--long", action="store_true", help="half an hour, a new seed every two minutes")
    return parser.parse_args()


options = arguments()


def sessions_agree():
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    one_run(seed, options.commands, options.seconds, 4)


def sessions_agree_for_long():
    seed = options.seed if options.seed is not None else random.randrange(1 << 32)
    for i in range(15):
        model = one_run(seed + i, 10 ** 9, 120, 8)
        if not model:
            break
        model.server.stop()


if __name__ == "__main__":
    main(sessions_agree_for_long if options.long else sessions_agree, seconds=3600 if options.long else 120)
