#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Count what a test step ran: prints "passed failed skipped" and tells the failures on stderr.

    count-tests.py trs DIR      results of automake's harness (.trs and .log files) below DIR
    count-tests.py lines LOG    PASS:, FAIL: and SKIP: lines of a log; e2e logs named there are looked into

Unit tests count by test function (check's summary line), scripts that end with "N passed, N failed" by that, and
everything else as one.
"""

import os
import re
import sys

CHECK = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)", re.M)
FAILURE = re.compile(r"^FAILED: |^not ok|^\S+:\d+:[FE]:|ERROR: |Sanitizer|Assertion")
PASSED = re.compile(r"^\S+:\d+:P:|^$")
SCRIPT = re.compile(r"^(?:# )?(?:\S+: )?(\d+) passed, (\d+) failed", re.M)


def inside(log):
    """(passed, failed) that a test's own log tells, or None."""
    try:
        with open(log, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return None
    suites = CHECK.findall(text)
    if suites:
        failed = sum(int(f) + int(e) for _, f, e in suites)
        return sum(int(n) for n, _, _ in suites) - failed, failed
    scripts = SCRIPT.findall(text)
    if scripts:
        return int(scripts[-1][0]), int(scripts[-1][1])
    return None


class Count:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0

    def add(self, name, result, log):
        if result == "SKIP":
            self.skipped += 1
            print(f"skipped: {name}", file=sys.stderr)
            return
        passed, failed = inside(log) or ((1, 0) if result in ("PASS", "XFAIL") else (0, 1))
        if result not in ("PASS", "XFAIL"):
            failed = max(failed, 1)  # a crash after or between tests
            print(f"FAILED: {name}", file=sys.stderr)
            if os.path.isfile(log):
                print(f"  {log}:", file=sys.stderr)
                with open(log, encoding="utf-8", errors="replace") as file:
                    told = [line for line in file.read().split("\n") if not PASSED.match(line)]
                # What failed comes first: readers of a long output may get to see only a part of it.
                for line in [line for line in told if FAILURE.search(line)][:20] + told[-10:]:
                    print(f"  | {line}", file=sys.stderr)
        self.passed += passed
        self.failed += failed

    def trs(self, folder):
        for where, dirs, files in os.walk(folder):
            dirs[:] = sorted(d for d in dirs if not d.startswith(("_", ".")))
            for file in sorted(files):
                if not file.endswith(".trs"):
                    continue
                path = os.path.join(where, file)
                with open(path, encoding="utf-8") as trs:
                    result = re.search(r"^:test-result: (\w+)", trs.read(), re.M)
                name = os.path.relpath(path, folder)[:-4]
                self.add(name, result.group(1) if result else "ERROR", path[:-4] + ".log")

    def lines(self, log):
        with open(log, encoding="utf-8", errors="replace") as file:
            for line in file:
                match = re.match(r"(PASS|FAIL|SKIP): (\S+)", line)
                if match:
                    own = os.path.join(os.environ.get("HF_BUILDDIR", "."), match.group(2) + ".log")
                    self.add(match.group(2), match.group(1), own)


def main():
    count = Count()
    if sys.argv[1] == "trs":
        count.trs(sys.argv[2])
    else:
        count.lines(sys.argv[2])
    print(count.passed, count.failed, count.skipped)


if __name__ == "__main__":
    main()
