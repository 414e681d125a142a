#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The client of bench/: every workload runs against the daemon and counts what it says it counts; and it notices when something is missing."""

import json
import os

from support import BUILD, PASSWORD, Server, check, main, run

CLIENT = f"{BUILD}/bench/client/holdfast-bench"
MESSAGES = 240
server = None


def begin():
    global server
    server = Server(options={"auth.allow_plaintext": "true"}).start()
    for user in range(1, 9):
        server.add_user(f"user{user}@example.org")


def bench(workload, *options, tls=False):
    """The last line that it prints, or what it says of its failure."""
    result = run(CLIENT, workload, "--imap", f"127.0.0.1:{server.imaps if tls else server.imap}", "--lmtp", f"127.0.0.1:{server.lmtp}",
                 "--user", "user%d@example.org", "--pass", PASSWORD, "--server-pid", server.process.pid, *options)
    if result.returncode:
        return result.stderr.strip()
    return json.loads(result.stdout.splitlines()[-1])


def counts(workload, ops, *options, tls=False):
    result = bench(workload, *options, tls=tls)
    check(f"{workload} {' '.join(str(o) for o in options)}", isinstance(result, dict) and result["ops"] == ops and result["seconds"] > 0 and
          result["server_cpu_s"] >= 0, result)
    return result if isinstance(result, dict) else {}


def fills():
    counts("populate", MESSAGES, "--mailbox", "big", "--count", MESSAGES)
    counts("lmtp_deliver", 40, "--count", 40, "--conns", 4, "--users", 8)
    result = counts("lmtp_deliver", 10, "--count", 10, "--conns", 2, "--users", 8, "--rcpts", 8)
    check("deliveries count recipients", result.get("deliveries") == 80, result)
    counts("append", 16, "--count", 16, "--conns", 8)
    counts("append", 16, "--count", 16, "--conns", 8, "--same")


def sessions():
    counts("login", 20, "--count", 20, "--conns", 4, "--users", 8)
    result = counts("login", 20, "--count", 20, "--conns", 4, "--users", 8, "--tls", tls=True)
    check("without --resume no session is resumed", result.get("resumed") == 0, result)
    result = counts("login", 20, "--count", 20, "--conns", 4, "--users", 8, "--tls", "--resume", tls=True)
    check("with it all are", result.get("resumed") == 20, result)
    result = counts("idle_conns", 200, "--conns", 200, "--users", 8, "--settle", "0.1")
    check("memory is told", result.get("pss_mib", 0) > 1, result)
    result = counts("idle_latency", 5, "--count", 5)
    check("EXISTS comes within a second", 0 < result.get("p50_ms", 0) < 1000, result)


def reads():
    big = ("--mailbox", "big", "--expect", MESSAGES)
    counts("select", 10, "--count", 10, *big)
    for workload in ("fetch_flags", "fetch_envelope", "fetch_bodystructure", "fetch_headers", "fetch_full", "search_flags", "search_header",
                     "search_body", "sort", "thread"):
        counts(workload, MESSAGES * 2, "--conns", 2, *big)
    counts("search", MESSAGES * 3, "--count", 3, "--command", "SEARCH DRAFT", *big)
    result = counts("query", 4, "--count", 4, "--command", "FETCH 200:* (FLAGS)", *big)
    check("responses are counted", result.get("fetched") == MESSAGES - 199, result)


def changes():
    big = ("--mailbox", "big")
    counts("store_flags", 50, "--count", 50, *big)
    counts("store_flags", 50, "--count", 50, "--conns", 8, "--same", *big)
    for workload in ("copy", "move", "expunge"):
        counts(workload, 100, "--count", 100, *big)
    result = counts("qresync", 1, "--changes", 100, *big)
    check("all changes are told", result.get("fetched", 0) >= 100, result)
    result = bench("mixed", "--seconds", "0.5", "--conns", 4, "--same", *big)
    check("mixed", isinstance(result, dict) and result["ops"] > 10, result)


def complaints():
    """What does not fit ends it with a message."""
    for what, options in (("another number of messages", ("select", "--mailbox", "big", "--expect", "1000000")),
                          ("a refused command", ("query", "--command", "NONSENSE", "--count", 1)),
                          ("a refused recipient", ("lmtp_deliver", "--rcpt", "nobody%d@example.org", "--count", 1)),
                          ("a refused password", ("login", "--pass", "wrong", "--count", 1)),
                          ("an unknown option", ("login", "--nonsense", "1"))):
        result = bench(*options)
        check(f"it notices {what}", isinstance(result, str) and result.startswith("holdfast-bench: "), result)


if not os.path.exists(CLIENT):
    raise SystemExit(f"{CLIENT} is not there: make {os.path.relpath(CLIENT, BUILD)}")
main(begin, fills, sessions, reads, changes, complaints, seconds=300)
