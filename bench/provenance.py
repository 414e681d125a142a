# SPDX-License-Identifier: BSD-2-Clause
"""What is measured, where, and with what: builds, revision, machine."""
import os
import platform
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(HERE)


def say(text):
    print(time.strftime("%H:%M:%S"), text, file=sys.stderr, flush=True)


def build(directory):
    """Builds and installs this tree, optimised, below `directory`; returns the prefix."""
    work, prefix = os.path.join(directory, "build"), os.path.join(directory, "prefix")
    os.makedirs(work, exist_ok=True)
    if not os.access(os.path.join(SOURCE, "configure"), os.X_OK):
        subprocess.run([os.path.join(SOURCE, "bootstrap")], cwd=SOURCE, check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(directory, "build.log"), "w", encoding="utf-8") as log:
        say(f"building in {work}, log in {log.name}")
        steps = [["make", "-j2", "all"], ["make", "install"]]
        if not os.path.exists(os.path.join(work, "Makefile")):
            steps.insert(0, [os.path.join(SOURCE, "configure"), f"--prefix={prefix}", "CFLAGS=-O2 -g"])
        for step in steps:
            subprocess.run(step, cwd=work, check=True, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    with open(os.path.join(prefix, "revision"), "w", encoding="utf-8") as f:
        f.write(tree_revision())
    return prefix


def build_client(directory):
    """The project's own client, below `directory`; its path."""
    work, source = os.path.join(directory, "client"), os.path.join(HERE, "client")
    os.makedirs(work, exist_ok=True)
    path = os.path.join(work, "holdfast-bench")
    files = [os.path.join(source, n) for n in sorted(os.listdir(source)) if n.endswith(".c")]
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-std=c11", "-D_GNU_SOURCE", "-o", path, *files, "-lssl", "-lcrypto", "-lm"], check=True)
    return path


def tree_revision():
    def git(*words):
        return subprocess.run(["git", "-C", SOURCE, *words], capture_output=True, text=True, check=False).stdout.strip()
    found = git("rev-parse", "--short", "HEAD")
    return found + (" with changes" if found and git("status", "--porcelain", "-uno") else "") or "unknown"


def revision(prefix):
    """Of what is installed there by build()."""
    try:
        with open(os.path.join(prefix, "revision"), encoding="utf-8") as f:
            return f.read()
    except OSError:
        return "unknown"


def machine():
    model = "?"
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB, Linux {platform.release()}"


def load():
    return " ".join(f"{x:.1f}" for x in os.getloadavg())
