#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The rules of the source tree that no compiler checks; CONTRIBUTING explains them.

Prints one PASS or FAIL line for each rule, after the findings as file:line: message. A line may be excused with a
comment  lint: RULE: reason  on it.
"""

import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import lint_protocol  # noqa: E402

CODE = ("base", "message", "storage", "sasl", "host", "module", "tools")

# Folder -> folders it may include from; a module only from itself, see allowed().
LAYERS = {
    "base": {"base"},
    "message": {"base", "message"},
    "storage": {"base", "message", "storage"},
    "sasl": {"base", "message", "sasl"},
    "host": {"base", "message", "storage", "sasl", "host"},
    "tools": {"base", "message", "storage", "sasl", "host", "module", "tools"},
}

# Header -> where it may be included.
LIBRARY_HEADERS = [
    (re.compile(r"^db\.h$"), re.compile(r"^storage/"), "Berkeley DB belongs in storage/"),
    (re.compile(r"^sasl/(sasl|saslplug|saslutil|prop|hmac-md5|md5)\.h$"), re.compile(r"^sasl/"),
     "Cyrus SASL belongs in sasl/"),
    (re.compile(r"^openssl/"), re.compile(r"^(host/tls\w*\.[ch]|base/digest\.c)$"),
     "OpenSSL belongs in host/tls*.c and base/digest.c"),
    (re.compile(r"^libconfig\.h$"), re.compile(r"^host/"), "libconfig belongs in host/"),
]

THREAD_FILES = {"host/worker.c", "host/poller.c", "host/offload.c", "storage/writer.c", "storage/flusher.c"}

MAX_LINES = 1000

# What bootstrap makes; only an archive's files need the list, git knows it from .gitignore.
GENERATED = re.compile(r"^(configure~?|aclocal\.m4|config\.h\.in~?|Makefile\.in|build-aux/(ar-lib|compile|config\.\w+|depcomp|"
                       r"install-sh|ltmain\.sh|missing|py-compile|test-driver)|build-aux/m4/(libtool|lt.*)\.m4)$")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def files():
    """Every file of the project: what git knows, or in a source archive what is there."""
    try:
        out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             check=True, capture_output=True).stdout
        names = [name for name in out.decode().split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, dirs, entries in os.walk("."):
            dirs[:] = [d for d in dirs if not d.startswith((".", "_")) and d != "autom4te.cache"]
            names += [os.path.relpath(os.path.join(folder, entry), ".") for entry in entries]
    return sorted(name for name in set(names) if os.path.isfile(name) and not GENERATED.match(name))


def lines(name):
    with open(name, encoding="utf-8", errors="surrogateescape") as file:
        return file.read().split("\n")


def excused(line, rule):
    return f"lint: {rule}:" in line


class Lint:
    def __init__(self):
        self.names = files()
        self.code = [n for n in self.names if n.endswith((".c", ".h")) and n.split("/")[0] in CODE]
        self.c_all = [n for n in self.names if n.endswith((".c", ".h"))]
        self.failed = False

    def includes_of(self, name):
        for number, line in enumerate(lines(name), 1):
            match = INCLUDE.match(line)
            if match:
                yield number, line, match.group(1), match.group(2)

    def named_by(self, header, folder):
        """The header and what it includes, and so on, inside its folder."""
        seen, todo = set(), [header]
        while todo:
            current = todo.pop()
            if current in seen or not os.path.isfile(current):
                continue
            seen.add(current)
            todo += [h for _, _, _, h in self.includes_of(current) if h.startswith(folder + "/")]
        return seen

    def run(self, rule, check):
        findings = list(check())
        for finding in findings:
            print(finding)
        print(f"{'FAIL' if findings else 'PASS'}: lint-{rule}")
        self.failed = self.failed or bool(findings)

    # --- rules

    def includes(self):
        host = self.named_by("host/module.h", "host")
        store = self.named_by("storage/store.h", "storage")
        for name in self.code:
            top = name.split("/")[0]
            folder = os.path.dirname(name)
            for number, line, kind, header in self.includes_of(name):
                where = f"{name}:{number}"
                if excused(line, "includes"):
                    continue
                for pattern, allowed, why in LIBRARY_HEADERS:
                    if kind == "<" and pattern.match(header) and not allowed.match(name):
                        yield f"{where}: <{header}>: {why}"
                if kind == "<" or header == "config.h":
                    continue
                target = header.split("/")[0]
                if "/" not in header or not os.path.isfile(header):
                    yield f'{where}: "{header}": name project headers from the top of the tree'
                elif header.endswith("_priv.h") and os.path.dirname(header) != folder:
                    yield f'{where}: "{header}" is private to {os.path.dirname(header)}/'
                elif top == "module":
                    if target == "module" and os.path.dirname(header) != folder:
                        yield f'{where}: "{header}": modules do not include each other'
                    elif target == "host" and header not in host:
                        yield f'{where}: "{header}": a module sees of the host only host/module.h'
                    elif target == "storage" and header not in store:
                        yield f'{where}: "{header}": a module sees of storage only storage/store.h'
                    elif target in ("tools", "tests"):
                        yield f'{where}: "{header}": includes go downwards'
                elif target not in LAYERS[top]:
                    yield f'{where}: "{header}": {top}/ may include only from {", ".join(sorted(LAYERS[top]))}'

    def rfc_index(self):
        try:
            known = set(re.findall(r"\bRFC (\d{3,5})\b", "\n".join(lines("doc/rfc.md"))))
        except OSError:
            yield "doc/rfc.md: missing"
            return
        for name in self.code:
            for number, line in enumerate(lines(name), 1):
                for rfc in re.findall(r"\bRFC (\d{3,5})\b", line):
                    if rfc not in known:
                        yield f"{name}:{number}: RFC {rfc} is not in doc/rfc.md"
                # RFC822 is a word of IMAP and MIME
                if re.search(r"\bRFC-?(?!822\b)\d{3,5}\b", line) and not excused(line, "rfc"):
                    yield f"{name}:{number}: write RFC nnnn, with a space"

    def spdx(self):
        suffixes = (".c", ".h", ".js", ".py", ".sh", ".am", ".ac", ".m4", ".inc", ".map", ".supp")
        for name in self.names:
            head = lines(name)[:4] if os.path.getsize(name) < 4 << 20 else []
            script = bool(head) and head[0].startswith("#!")
            if (name.endswith(suffixes) or script) and not name.startswith("tests/data/"):
                if not any("SPDX-License-Identifier: BSD-2-Clause" in line for line in head):
                    yield f"{name}:1: no SPDX-License-Identifier line"

    def length(self):
        for name in self.names:
            if name.endswith((".c", ".h", ".py", ".sh")) and len(lines(name)) - 1 > MAX_LINES:
                yield f"{name}: {len(lines(name)) - 1} lines; past {MAX_LINES} a file usually holds two"

    def leftovers(self):
        for name in self.c_all:
            for number, line in enumerate(lines(name), 1):
                if re.search(r"\b(TODO|FIXME|XXX)\b", line) and not excused(line, "leftovers"):
                    yield f"{name}:{number}: an issue is the place for what is left to do"
                if line.rstrip("\r") != line.rstrip():
                    yield f"{name}:{number}: white space at the end of the line"
                if re.match(r"\s*#\s*if 0\b", line):
                    yield f"{name}:{number}: dead code"

    def listed(self):
        """A file that no Makefile.inc names is missing from the source archive, or is not built at all."""
        words = set()
        for name in self.names:
            if name.endswith("Makefile.inc") or name == "Makefile.am":
                words.update("\n".join(lines(name)).split())
        for name in self.names:
            unit = name[:-2] if name.endswith(".c") else name
            if (name in self.c_all or name.startswith(("tests/e2e/", "tests/tools/"))) and name not in words and unit not in words \
                    and not name.endswith("Makefile.inc"):
                yield f"{name}: in no Makefile.inc"

    def threads(self):
        for name in self.code:
            for number, line in enumerate(lines(name), 1):
                if re.search(r"\bpthread_create\s*\(", line) and name not in THREAD_FILES \
                        and not excused(line, "threads"):
                    yield f"{name}:{number}: threads start in {', '.join(sorted(THREAD_FILES))}"

    def abi(self):
        configured = re.search(r"AC_SUBST\(\[HF_ABI\], \[(\d+)\]\)", "\n".join(lines("configure.ac")))
        declared = None
        for name in self.code:
            if name.startswith("host/") and name.endswith(".h"):
                match = re.search(r"#define HF_MODULE_ABI (\d+)", "\n".join(lines(name)))
                declared = match or declared
        if configured is None or declared is None or configured.group(1) != declared.group(1):
            yield "configure.ac: HF_ABI is not HF_MODULE_ABI of host/module.h"
        elif f"HOLDFAST_{declared.group(1)} " not in "\n".join(lines("libholdfast.map")):
            yield f"libholdfast.map: the version is not HOLDFAST_{declared.group(1)}"

    def tests_exist(self):
        """Advice, not a rule: small files are often tested through their neighbours."""
        missing = []
        for name in self.code:
            if name.startswith("module/") and name.endswith(".c"):
                folder, base = os.path.split(name)
                if not os.path.isfile(f"tests/{folder}/test_{base}"):
                    missing.append(name)
        if missing:
            print(f"note: no test file of their own: {' '.join(missing)}")


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    lint = Lint()
    lint.run("includes", lint.includes)
    lint.run("rfc", lint.rfc_index)
    lint.run("spdx", lint.spdx)
    lint.run("length", lint.length)
    lint.run("leftovers", lint.leftovers)
    lint.run("listed", lint.listed)
    lint.run("threads", lint.threads)
    lint.run("abi", lint.abi)
    lint.run("standards", lint_protocol.index_of_standards)
    lint.run("shown", lint_protocol.shown)
    lint.tests_exist()
    return 1 if lint.failed else 0


if __name__ == "__main__":
    sys.exit(main())
