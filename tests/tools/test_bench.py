#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What the benchmarks' scripts conclude from figures: ratios, tables in their places, verdicts on counted instructions."""

import importlib.machinery
import importlib.util
import os
import sys
import tempfile

BENCH = os.path.join(os.environ.get("HF_SRCDIR", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")), "bench")
sys.dont_write_bytecode = True
sys.path.insert(0, BENCH)
import report  # noqa: E402
import rows as rowlist  # noqa: E402

CC = os.environ.get("HF_CC", "cc")
passed = failed = 0


def check(what, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
        print(f"ok - {what}")
    else:
        failed += 1
        print(f"not ok - {what}: {detail}")


def cell(*values, key="ops_s"):
    return {"results": [{key: v, "server_us": 1.0} for v in values]}


def ratios():
    row = rowlist.Row("a", "A", "login", "--count 1", 2)
    cells = {"holdfast": cell(100, 300, 200), "mdbox": cell(50, 40, 60), "cyrus": cell(90, 80, 100)}
    check("medians, and the best peer", report.ratio(row, cells) == (200 / 90, "cyrus"), report.ratio(row, cells))
    less = rowlist.Row("b", "B", "idle_conns", "", 2, value="kib", peers=("mdbox",))
    cells = {"holdfast": cell(10, key="kib"), "mdbox": cell(400, key="kib"), "cyrus": cell(20, key="kib")}
    check("less is better, with the peers that are named", report.ratio(less, cells) == (40, "mdbox"), report.ratio(less, cells))
    check("no ratio without figures of ours", report.ratio(row, {"cyrus": cell(1)}) == (None, ""))


def tables():
    listed = rowlist.rows(False, 10000)
    row = next(r for r in listed if r.key == "store_1")
    run = {"servers": ["holdfast", "cyrus"], "cells": {"store_1": {"holdfast": cell(900), "cyrus": cell(200)}}, "flushes": [1000, 1200, 800]}
    text = "\n".join(report.table([row], run))
    check("STORE beside the disk's flushes", "0.90 of the disk | 0.8 | yes" in text and "4.50 of cyrus | 3 | yes" in text, text)
    run["cells"]["store_1"]["holdfast"] = cell(500)
    text = "\n".join(report.table([row], run))
    check("and what is missed", text.count("**no**") == 2, text)
    row = next(r for r in listed if r.key == "login_tls")
    used = {n: {"results": [{"ops_s": 100, "server_us": us, "client_cpu_s": 0.5, "ops": 1000}]}
            for n, us in (("holdfast", 300), ("cyrus", 1200))}
    text = "\n".join(report.table([row], {"servers": ["holdfast", "cyrus"], "cells": {"login_tls": used}}))
    check("where the client is the limit, the servers' processor time is a row",
          "| login C=8, TLS: the server's CPU, us | 300; client 500 | 1200; client 500 | 4.00 of cyrus | 3 | yes |" in text, text)
    check("keys of rows are unique", len({r.key for r in rowlist.rows(True, 100000)}) == len(rowlist.rows(True, 100000)))
    check("a million messages are for --full", not any(r.key.endswith("_1m") for r in listed))


def places():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "doc.md")
        begin, end = report.GROWTH
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"by hand, above\n{begin}\nold\n{end}\nby hand, below\n")
        report.replace(path, report.GROWTH, f"{begin}\nnew\n{end}")
        with open(path, encoding="utf-8") as f:
            text = f.read()
        check("only what is between the markers is replaced", text == f"by hand, above\n{begin}\nnew\n{end}\nby hand, below\n", text)
        try:
            report.replace(path, (report.BEGIN, report.END), "x")
            check("a file without the place is refused", False)
        except RuntimeError:
            check("a file without the place is refused", True)
    with open(os.path.join(BENCH, "..", "doc", "performance.md"), encoding="utf-8") as f:
        text = f.read()
    check("doc/performance.md has both places", all(text.count(m) == 1 for m in (report.BEGIN, report.END, *report.GROWTH)))


def instructions():
    loader = importlib.machinery.SourceFileLoader("micro_check", os.path.join(BENCH, "micro", "check"))
    micro = importlib.util.module_from_spec(importlib.util.spec_from_loader("micro_check", loader))
    loader.exec_module(micro)
    _, verdicts = micro.compare({"a": 100.0, "b": 100.0, "c": 100.0}, [("a", "x", 109.0), ("b", "x", 111.0), ("d", "x", 5.0)], True)
    check("ten per cent more pass, eleven fail, and what is in one of both only", [v.split(" (")[0] for v in verdicts] == [
        "PASS: micro-a", "FAIL: micro-b", "FAIL: micro-d", "FAIL: micro-c"], verdicts)
    with tempfile.NamedTemporaryFile("w+") as f:
        micro.write(f.name, "x86_64 gcc 12.2.0 -O2", [("a", "message", 12.34)])
        check("a baseline is read as it was written", micro.read(f.name) == ("x86_64 gcc 12.2.0 -O2", {"a": 12.3}), micro.read(f.name))
    check("-g and warnings change no code", micro.toolchain(CC, "-O2 -g -Wall") == micro.toolchain(CC, "-O2"))
    check("-O1 does", micro.toolchain(CC, "-O1") != micro.toolchain(CC, "-O2"))
    tools, counts = micro.read(os.path.join(BENCH, "micro", "baseline"))
    check("the baseline names its compiler and has cases", tools.startswith("x86_64 gcc ") and len(counts) > 30, tools)


for test in (ratios, tables, places, instructions):
    test()
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
