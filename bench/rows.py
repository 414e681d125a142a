# SPDX-License-Identifier: BSD-2-Clause
"""The rows of the comparison: what the client is asked to do, on whose data, and what we want to reach.

A row is measured in one of three phases. They differ in what the servers promise, so that a ratio never compares unequal durability:

  durable   every change is on the disk before its OK. Dovecot: mail_fsync=always.
  read      nothing is changed for good. Dovecot: mail_fsync=optimized.
  relaxed   flag changes are answered before they are flushed. Dovecot: optimized; Holdfast: flags_relaxed.

`ops` is what the client counts: messages for deliveries, APPEND, FETCH, SEARCH, COPY, MOVE and EXPUNGE; sessions for login;
commands for SELECT, STORE and mixed; selects for QRESYNC.
"""
from dataclasses import dataclass

READER = 120  # the user whose mailbox "big" is read
STORERS = 130  # and eight more, for STORE in mailboxes of their own
HUGE = 140  # the user with a million messages (--full)
MILLION = 1000000
WRITTEN = "lmtp_4"  # with this row goes the table of what is written for what is delivered
FEW = "$BenchFew"  # a keyword on a dozen messages of "big"


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
    value: str = "ops_s"  # of the client's line; of the others less is better
    own: bool = False  # only the project's own client can do it
    tls: bool = False
    fresh: str = ""  # "start": the server is started again before each run; "cold": and the system's file cache emptied
    rounds: int = 0  # 0: as many as the others
    conns: tuple = ()  # (server, connections): another number for some servers
    cpu: float = 0  # target of a row more, of the servers' processor time alone: where the client's own limits this one

    @property
    def can_shrink(self):
        """Whether --count only says how often: fewer give the same figure."""
        return self.workload in ("login", "lmtp_deliver", "append", "store_flags", "select", "idle_latency", "query")

    @property
    def less_is_better(self):
        return self.value != "ops_s"


def login_rows(n):
    return [
        Row("login_8", "login C=8", "login", f"--count {1000 * n} --conns 8 --users 100", 3),
        Row("login_tls", "login C=8, TLS", "login", f"--count {500 * n} --conns 8 --users 100", 3, own=True, tls=True, cpu=3,
            note="implicit TLS, a whole handshake each time, certificate on P-256"),
        Row("login_resumed", "login C=8, TLS resumed", "login", f"--count {500 * n} --conns 8 --users 100 --resume", 6, own=True, tls=True, cpu=6,
            note="each connection offers the last session; a server of several processes need not know it"),
    ]


def durable_rows(n, big):
    return [
        Row("lmtp_1", "LMTP C=1", "lmtp_deliver", f"--count {300 * n} --conns 1 --users 100", 2.5, "durable"),
        Row("lmtp_4", "LMTP C=4", "lmtp_deliver", f"--count {400 * n} --conns 4 --users 100", 4, "durable"),
        Row("lmtp_16", "LMTP C=16", "lmtp_deliver", f"--count {600 * n} --conns 16 --users 100", 6, "durable"),
        Row("lmtp_one", "LMTP C=4, one user", "lmtp_deliver", f"--count {300 * n} --conns 4 --users 1 --first-user 110", 5, "durable"),
        Row("lmtp_r10", "LMTP C=4, 10 recipients", "lmtp_deliver", f"--count {80 * n} --conns 4 --users 100 --rcpts 10", 15, "durable",
            note="messages, not deliveries"),
        Row("append_1", "APPEND C=1", "append", f"--count {200 * n} --conns 1 --first-user 111", 2, "durable"),
        Row("append_8", "APPEND C=8", "append", f"--count {600 * n} --conns 8 --first-user 111 --users 8", 3, "durable"),
        Row("append_same", "APPEND C=8, one mailbox", "append", f"--count {400 * n} --conns 8 --first-user 119 --same", 4, "durable"),
        Row("store_1", "STORE C=1, durable", "store_flags", big(f"--count {500 * n} --conns 1"), 3, "durable", peers=("cyrus",),
            note="target: 3 of Cyrus; the next row is the other half of it"),
        Row("store_same", "STORE C=8, one mailbox", "store_flags", big(f"--count {1000 * n} --conns 8 --same"), 4, "durable"),
        Row("store_own", "STORE C=8, own mailboxes", "store_flags",
            f"--first-user {STORERS} --users 8 --mailbox small --count {1000 * n} --conns 8", 2, "durable"),
        Row("copy", "COPY 1000", "copy", big("--count 1000"), 2, "durable"),
        Row("move", "MOVE 1000", "move", big("--count 1000"), 2, "durable", needs="MOVE"),
        Row("expunge", "EXPUNGE 1000", "expunge", big("--count 1000"), 2, "durable"),
        Row("mixed", "mixed C=8", "mixed",
            f"--first-user {STORERS} --users 8 --mailbox mixed --conns 8 --seconds {5 if n > 1 else 2}", 4, "durable"),
    ]


def read_rows(n, big, messages):
    size = f"{messages // 1000}k"
    many = messages > 50000
    return [
        Row("select", f"SELECT, warm, {size}", "select", big(f"--count {500 * n}"), 1.2),
        Row("select_cold", f"SELECT, cold, {size}", "select", big("--count 1"), 10, value="p50_ms", fresh="cold", own=True,
            note="milliseconds; the server has been started anew and the system's file cache is empty; somebody else has logged in"),
        Row("fetch_flags", "FETCH FLAGS C=1", "fetch_flags", big(f"--runs {5 * n}"), 6, own=True, cpu=6,
            note="by our own client, which takes half of imapbench's time for a line"),
        Row("fetch_flags_2", "FETCH FLAGS C=2", "fetch_flags", big(f"--runs {5 * n} --conns 2"), 4, own=True, cpu=4,
            note="by our own client"),
        Row("fetch_envelope", "FETCH ENVELOPE", "fetch_envelope", big(f"--runs {3 * n}"), 5),
        Row("fetch_bodystructure", "FETCH BODYSTRUCTURE", "fetch_bodystructure", big(f"--runs {3 * n}"), 2.5),
        Row("fetch_headers", "FETCH header fields", "fetch_headers", big(f"--runs {3 * n}"), 4),
        Row("fetch_full", "FETCH bodies C=1", "fetch_full", big(f"--runs {n}"), 1.2),
        Row("fetch_full_2", "FETCH bodies C=2", "fetch_full", big(f"--runs {n} --conns 2"), 1.4),
        Row("search_flags", "SEARCH flags, many match", "search_flags", big(f"--count {10 * n}"), 10),
        Row("search_few", "SEARCH flags, few match", "search", big(f"--count {50 * n} --command 'SEARCH KEYWORD {FEW}'"), 100, own=True),
        Row("search_subject", f"SEARCH SUBJECT, {size}", "search_header", big(f"--count {5 * n}"), 100 if many else 30),
        Row("search_body", "SEARCH BODY, rare word", "search_body", big("--count 1"), 500, timeout=300),
        Row("search_common", "SEARCH BODY, common word", "search_body", big("--count 1 --rare qui"), 10, timeout=300),
        Row("sort_first", "SORT (DATE), first run", "sort", big("--count 1"), 10, needs="SORT", fresh="start",
            note="the server has been started anew"),
        Row("sort", "SORT (DATE), later", "sort", big(f"--count {5 * n}"), 10, needs="SORT"),
        Row("sort_subject", "SORT (SUBJECT), later", "search", big(f"--count {3 * n} --command 'SORT (SUBJECT) UTF-8 ALL'"), 5, needs="SORT", own=True),
        Row("thread", "THREAD REFERENCES", "thread", big(f"--count {5 * n}"), 15, needs="THREAD=REFERENCES"),
        Row("idle_latency", "delivery to EXISTS in IDLE", "idle_latency", "--first-user 118 --count 10", 5, needs="IDLE", value="p50_ms",
            peers=("cyrus",), note="milliseconds, p50, and from the OK on; target: a fifth of Cyrus"),
        # last: it leaves the mailbox changed
        Row("qresync", f"QRESYNC, 1000 changes in {size}", "qresync", big("--changes 1000"), 30 if many else 8, needs="QRESYNC"),
    ]


def idle_rows(most, most_tls):
    """`most` connections to Holdfast, far fewer where each takes a process. Memory that the system lacks afterwards, both ends' sockets with it. The
    servers are started anew, so that no connection lives on what earlier ones have left."""
    few = (("maildir", 300), ("mdbox", 300), ("cyrus", 100))
    note = ("KiB of system memory for each connection, logged in, INBOX selected, in IDLE, without the client's own, both ends' sockets with it; "
            f"{most} connections to Holdfast, {most_tls} with TLS, 300 to Dovecot, 100 to Cyrus")
    return [
        Row("idle", "memory of an idle connection", "idle_conns", f"--users 200 --settle 3 --conns {most}", 40, value="system_kib_each",
            peers=("maildir", "mdbox"), own=True, rounds=1, conns=few, note=note + "; target: a fortieth of Dovecot, at most 16", timeout=300, fresh="start"),
        Row("idle_tls", "memory of an idle connection, TLS", "idle_conns", f"--users 200 --settle 3 --conns {most_tls}", 40, value="system_kib_each",
            peers=("maildir", "mdbox"), own=True, tls=True, rounds=1, conns=few, note=note + "; at most 40", timeout=600, fresh="start"),
    ]


def huge_rows():
    """One mailbox of a million small messages."""
    def huge(rest):
        return f"--first-user {HUGE} --mailbox huge --expect {MILLION} {rest}"

    common = {"full_only": True, "timeout": 900, "rounds": 1}
    return [
        Row("select_1m", "SELECT, warm, 1M", "select", huge("--count 500"), 1.2, **common),
        Row("select_1m_cold", "SELECT, cold, 1M", "select", huge("--count 1"), 10, value="p50_ms", fresh="cold", own=True, note="milliseconds", **common),
        Row("sort_1m", "1M messages: first SORT", "sort", huge("--count 1"), 50, needs="SORT", fresh="start", **common),
        Row("thread_1m", "1M messages: first THREAD", "thread", huge("--count 1"), 50, needs="THREAD=REFERENCES", fresh="start", **common),
        Row("subject_1m", "1M messages: first SEARCH SUBJECT", "search_header", huge("--count 1"), 50, fresh="start", **common),
    ]


def rows(full, messages, most=19500):
    """All rows in the order in which they run, for a mailbox `big` of so many messages. Counts are such that one run takes about a second on a server of the better sort."""
    n = 4 if full else 1

    def big(rest):  # --expect: a server that shows another number is not measured
        return f"--first-user {READER} --mailbox big --expect {messages} {rest}"

    out = [*login_rows(n), *durable_rows(n, big), *read_rows(n, big, messages), *idle_rows(most, most if full else min(most, 5000)), *huge_rows(),
           Row("store_relaxed", "STORE C=1, relaxed", "store_flags", big(f"--count {1000 * n} --conns 1"), 1.5, "relaxed",
               note="not flushed before the OK, on either side")]
    return [r for r in out if full or not r.full_only]


PHASES = ("durable", "read", "relaxed")
