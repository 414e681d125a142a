# SPDX-License-Identifier: BSD-2-Clause
"""The rows of the comparison: what imapbench is asked to do, on whose data, and what we want to reach.

A row is measured in one of three phases. They differ in what the servers promise, so that a ratio never compares unequal durability:

  durable   every change is on the disk before its OK. Dovecot: mail_fsync=always.
  read      nothing is changed for good. Dovecot: mail_fsync=optimized.
  relaxed   flag changes are answered before they are flushed. Dovecot: optimized; Holdfast: flags_relaxed.

`ops` is what imapbench counts: messages for deliveries, APPEND, FETCH, SEARCH, COPY, MOVE and EXPUNGE; sessions for login;
commands for SELECT, STORE and mixed; selects for QRESYNC.
"""
from dataclasses import dataclass

READER = 120  # the user whose mailbox "big" is read
STORERS = 130  # and eight more, for STORE in mailboxes of their own


@dataclass(frozen=True)
class Row:
    key: str
    title: str
    workload: str
    options: str
    target: float
    phase: str = "read"
    needs: str = ""  # a capability without which the row is left out for that server
    full_only: bool = False
    timeout: int = 120
    note: str = ""
    peers: tuple = ()  # compare with these only; empty: with all
    cost: str = ""  # "latency": the p50 in ms is compared, less is better


def rows(full, messages):
    """All rows in the order in which they run, for a mailbox `big` of so many messages. Counts are such that one run takes about a second on a server of the better sort."""
    n = 4 if full else 1

    def big(rest):  # --expect: a server that shows another number is not measured
        return f"--first-user {READER} --mailbox big --expect {messages} {rest}"

    out = [
        Row("login_8", "login C=8", "login", f"--count {1000 * n} --conns 8 --users 100", 3),
        Row("lmtp_1", "LMTP C=1", "lmtp_deliver", f"--count {300 * n} --conns 1 --users 100", 2.5, "durable"),
        Row("lmtp_4", "LMTP C=4", "lmtp_deliver", f"--count {500 * n} --conns 4 --users 100", 4, "durable"),
        Row("lmtp_16", "LMTP C=16", "lmtp_deliver", f"--count {800 * n} --conns 16 --users 100", 6, "durable"),
        Row("lmtp_one", "LMTP C=4, one user", "lmtp_deliver", f"--count {400 * n} --conns 4 --users 1 --first-user 110", 5, "durable"),
        Row("lmtp_r10", "LMTP C=4, 10 recipients", "lmtp_deliver", f"--count {100 * n} --conns 4 --users 100 --rcpts 10", 15, "durable",
            note="messages, not deliveries"),
        Row("append_1", "APPEND C=1", "append", f"--count {300 * n} --conns 1 --first-user 111", 2, "durable"),
        Row("append_8", "APPEND C=8", "append", f"--count {800 * n} --conns 8 --first-user 111 --users 8", 3, "durable"),
        Row("append_same", "APPEND C=8, one mailbox", "append", f"--count {800 * n} --conns 8 --first-user 119 --same", 4, "durable"),
        Row("store_1", "STORE C=1, durable", "store_flags", big(f"--count {500 * n} --conns 1"), 3, "durable", peers=("cyrus",),
            note="target: 3 of Cyrus; the other half of it, 0.8 of the disk's own flush rate, is not measured yet"),
        Row("store_same", "STORE C=8, one mailbox", "store_flags", big(f"--count {1500 * n} --conns 8 --same"), 4, "durable"),
        Row("store_own", "STORE C=8, own mailboxes", "store_flags",
            f"--first-user {STORERS} --users 8 --mailbox small --count {1500 * n} --conns 8", 2, "durable"),
        Row("copy", "COPY 1000", "copy", big("--count 1000"), 2, "durable"),
        Row("move", "MOVE 1000", "move", big("--count 1000"), 2, "durable", needs="MOVE"),
        Row("expunge", "EXPUNGE 1000", "expunge", big("--count 1000"), 2, "durable"),
        Row("mixed", "mixed C=8", "mixed",
            f"--first-user {STORERS} --users 8 --mailbox mixed --conns 8 --seconds {5 if full else 3}", 4, "durable"),
        Row("select", "SELECT, warm", "select", big(f"--count {500 * n}"), 1.2),
        Row("fetch_flags", "FETCH FLAGS C=1", "fetch_flags", big(f"--runs {5 * n}"), 6),
        Row("fetch_flags_2", "FETCH FLAGS C=2", "fetch_flags", big(f"--runs {5 * n} --conns 2"), 4),
        Row("fetch_envelope", "FETCH ENVELOPE", "fetch_envelope", big(f"--runs {3 * n}"), 5),
        Row("fetch_bodystructure", "FETCH BODYSTRUCTURE", "fetch_bodystructure", big(f"--runs {3 * n}"), 2.5),
        Row("fetch_headers", "FETCH header fields", "fetch_headers", big(f"--runs {3 * n}"), 4),
        Row("fetch_full", "FETCH bodies C=1", "fetch_full", big(f"--runs {n}"), 1.2),
        Row("fetch_full_2", "FETCH bodies C=2", "fetch_full", big(f"--runs {n} --conns 2"), 1.4),
        Row("search_flags", "SEARCH flags", "search_flags", big(f"--count {10 * n}"), 10),
        Row("search_subject", "SEARCH SUBJECT", "search_header", big(f"--count {5 * n}"), 30),
        Row("search_body", "SEARCH BODY, rare word", "search_body", big("--count 1"), 500, timeout=300),
        Row("sort", "SORT (DATE)", "sort", big(f"--count {5 * n}"), 10, needs="SORT"),
        Row("thread", "THREAD REFERENCES", "thread", big(f"--count {5 * n}"), 15, needs="THREAD=REFERENCES"),
        Row("idle_latency", "delivery to EXISTS in IDLE", "idle_latency", "--first-user 118 --count 20", 5, needs="IDLE", cost="latency",
            peers=("cyrus",), note="milliseconds, p50; target: a fifth of Cyrus"),
        Row("store_relaxed", "STORE C=1, relaxed", "store_flags", big(f"--count {1000 * n} --conns 1"), 1.5, "relaxed",
            note="not flushed before the OK, on either side"),
        # last: it leaves the mailbox changed
        Row("qresync", "QRESYNC, 1000 changes", "qresync", big("--changes 1000"), 8, needs="QRESYNC", full_only=True),
    ]
    return [r for r in out if full or not r.full_only]


PHASES = ("durable", "read", "relaxed")
