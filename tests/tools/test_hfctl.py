#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""hfctl against a control socket that this script serves: requests, replies, exit statuses, passwords."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HFCTL = os.environ.get("HFCTL") or os.path.join(os.environ.get("HF_BUILDDIR", "."), "hfctl")
USAGE = "NAME [--quota SIZE] [--password-stdin] [--from FILE]"
VERBS = [
    {"name": "user add", "usage": USAGE, "help": "add a user"},
    {"name": "user list", "usage": "", "help": "list users"},
    {"name": "verify", "usage": "", "help": "check the store"},
    {"name": "postfix", "usage": "[--apply] [--config DIR]", "help": "settings"},
]
passed = failed = 0


def check(what, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
        print(f"ok: {what}")
    else:
        failed += 1
        print(f"FAILED: {what} {detail}")


class Daemon:
    """Answers each request with what `reply` makes of it; remembers them."""

    def __init__(self, path):
        self.requests = []
        self.reply = lambda request: [{"status": "ok", "result": None}]
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(path)
        self.socket.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection = self.socket.accept()[0]
            with connection, connection.makefile("rb") as lines:
                line = lines.readline()
                if not line:
                    continue
                request = json.loads(line)
                if request["verb"] == "help":
                    replies = [{"status": "ok", "result": VERBS}]
                else:
                    self.requests.append(request)
                    replies = self.reply(request)
                for reply in replies:
                    data = reply if isinstance(reply, bytes) else json.dumps(reply).encode() + b"\n"
                    connection.sendall(data)


def run(*args, stdin="", env=None):
    return subprocess.run([HFCTL, *args], input=stdin, capture_output=True, text=True, timeout=20,
                          env={**os.environ, **(env or {})})


def on_terminal(path, *args, answers):
    """Runs hfctl with a terminal of its own; returns its exit status and what the terminal showed."""
    pid, fd = pty.fork()
    if pid == 0:
        os.execv(HFCTL, [HFCTL, "--socket", path, *args])
    shown = b""
    answers = list(answers)
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                data = os.read(fd, 4096)
            except OSError:
                break
            if not data:
                break
            shown += data
            if answers and shown.endswith(b": "):
                os.write(fd, answers.pop(0).encode() + b"\n")
    if time.monotonic() >= deadline:
        os.kill(pid, signal.SIGKILL)
    os.close(fd)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode()


def requests_and_replies(daemon, path):
    def hfctl(*args, **kw):
        return run("--socket", path, *args, **kw)

    result = hfctl("user", "add", "anna", "--quota", "5G", "--password-stdin", stdin="pass word\nrest")
    check("a password comes from standard input", result.returncode == 0 and daemon.requests[-1] ==
          {"verb": "user add", "args": ["anna"], "quota": "5G", "password": "pass word"}, daemon.requests[-1:])
    check("an empty password is refused", hfctl("user", "add", "x", "--password-stdin", stdin="\n").returncode == 2)

    daemon.reply = lambda r: [{"status": "ok", "result": [{"name": "anna", "size": 2048}]}]
    result = hfctl("user", "list")
    check("lists are tables", result.stdout == "NAME     SIZE\nanna  2.0 KiB\n", repr(result.stdout))
    result = hfctl("user", "list", "--json")
    check("--json prints the result", json.loads(result.stdout) == [{"name": "anna", "size": 2048}])
    result = run("user", "list", env={"HOLDFAST_SOCKET": path})
    check("HOLDFAST_SOCKET names the socket", result.returncode == 0 and "anna" in result.stdout, result.stderr)

    daemon.reply = lambda r: [{"progress": "half"}, {"status": "ok", "result": {"messages": 2}}]
    result = hfctl("verify")
    check("progress goes to standard error", result.stdout == "messages  2\n" and result.stderr == "half\n", result)
    check("--quiet drops it", hfctl("verify", "--quiet").stderr == "")

    for code, status in (("exists", 1), ("usage", 2), ("unavailable", 75)):
        daemon.reply = lambda r, code=code: [{"status": "error", "code": code, "message": "because"}]
        result = hfctl("user", "list")
        check(f"code {code} is exit status {status}", result.returncode == status and "because" in result.stderr, result)
    daemon.reply = lambda r: [{"status": "error", "code": "corrupt", "message": "m", "result": ["finding"]}]
    result = hfctl("verify")
    check("a refusal's result is shown", result.returncode == 1 and result.stdout == "finding\n", result)

    daemon.reply = lambda r: []
    check("a lost reply is temporary", hfctl("verify").returncode == 75)
    daemon.reply = lambda r: [b"220 hello\n"]
    check("no JSON is temporary", hfctl("verify").returncode == 75)


def usage_and_help(daemon, path):
    before = len(daemon.requests)
    for args in ([], ["nonsense"], ["user", "add", "x", "--nonsense"], ["user", "add", "--quota"], ["--socket"]):
        check(f"usage error: {args}", run("--socket", path, *args).returncode == 2 if args != ["--socket"]
              else run("--socket").returncode == 2)
    check("usage errors are not sent", len(daemon.requests) == before)
    result = run("--socket", path, "--help")
    check("--help lists the verbs", result.returncode == 0 and all(v["name"] in result.stdout for v in VERBS))
    result = run("--socket", path, "user", "--help")
    check("--help of a group", "user add" in result.stdout and "verify" not in result.stdout, result.stdout)
    result = run("--socket", path, "user", "add", "--help")
    check("--help of a verb", USAGE in result.stdout and "add a user" in result.stdout)
    check("--version", "Holdfast" in run("--version").stdout)
    result = run("--socket", path + ".none", "user", "list")
    check("no daemon is temporary and says so", result.returncode == 75 and path + ".none" in result.stderr and
          "systemctl start" in result.stderr, result)


def many_users(daemon, path, folder):
    daemon.reply = lambda r: [{"status": "ok", "result": None}]
    names = os.path.join(folder, "users")
    with open(names, "w", encoding="utf-8") as file:
        for n in range(150):
            file.write(f"user{n}@example.org\tpass word {n}\n")
        file.write("\n")
    daemon.requests.clear()
    result = run("--socket", path, "user", "add", "--from", names)
    sent = [u for r in daemon.requests for u in r["users"]]
    check("--from sends all of them in order", result.returncode == 0 and len(sent) == 150 and
          sent[149] == {"name": "user149@example.org", "password": "pass word 149"}, result)
    check("in several requests", 1 < len(daemon.requests) < 150 and
          all(r["verb"] == "user add" and r["args"] == [] for r in daemon.requests))
    result = run("--socket", path, "user", "add", "--from", "-", stdin="a\tb\nno tab\n")
    check("a malformed line is named", result.returncode == 2 and ":2:" in result.stderr, result)
    check("a missing file is a usage error", run("--socket", path, "user", "add", "--from", "/nonexistent").returncode == 2)
    daemon.reply = lambda r: [{"status": "error", "code": "exists", "message": "user0 exists"}]
    result = run("--socket", path, "user", "add", "--from", names)
    check("a refusal ends it", result.returncode == 1 and "user0 exists" in result.stderr, result)


def terminal(daemon, path):
    daemon.reply = lambda r: [{"status": "ok", "result": None}]
    status, shown = on_terminal(path, "user", "add", "anna", answers=["geheim", "geheim"])
    check("a terminal is asked twice", status == 0 and daemon.requests[-1].get("password") == "geheim", (status, shown))
    check("without echo", "geheim" not in shown, shown)
    before = len(daemon.requests)
    status, shown = on_terminal(path, "user", "add", "anna", answers=["one", "two"])
    check("two that differ are refused", status == 2 and len(daemon.requests) == before, (status, shown))
    result = subprocess.run(["setsid", HFCTL, "--socket", path, "user", "add", "x"], stdin=subprocess.DEVNULL,
                            capture_output=True, text=True, timeout=20)
    check("without a terminal it says what to do", result.returncode == 2 and "--password-stdin" in result.stderr, result)


def postfix(daemon, path, folder):
    tool = os.path.join(folder, "postconf")
    with open(tool, "w", encoding="utf-8") as file:
        file.write(f'#!/bin/sh\nprintf "%s\\n" "$@" >{folder}/args\n')
    os.chmod(tool, 0o755)
    daemon.reply = lambda r: [{"status": "ok", "result": {"settings": {"a": "b c", "d": "e"}, "lines": ["x"]}}]
    result = run("--socket", path, "postfix")
    check("postfix shows lines for main.cf", result.stdout == "a = b c\nd = e\n", result)
    settings = {"virtual_transport": "lmtp:unix:private/holdfast-lmtp", "b a d": "x", "worse": "a\nb"}
    daemon.reply = lambda r: [{"status": "ok", "result": {"settings": settings}}]
    result = run("--socket", path, "postfix", "--apply", "--config", "/etc/p",
                 env={"PATH": folder + ":" + os.environ["PATH"]})
    with open(os.path.join(folder, "args"), encoding="utf-8") as file:
        args = file.read().split("\n")[:-1]
    check("postfix --apply runs postconf", result.returncode == 0 and
          args == ["-c", "/etc/p", "-e", "virtual_transport=lmtp:unix:private/holdfast-lmtp"], (args, result))
    result = run("--socket", path, "postfix", "--apply", env={"PATH": "/nonexistent"})
    check("without postconf it is refused", result.returncode == 1 and "postconf" in result.stderr, result)


def main():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "control")
        daemon = Daemon(path)
        requests_and_replies(daemon, path)
        usage_and_help(daemon, path)
        many_users(daemon, path, folder)
        terminal(daemon, path)
        postfix(daemon, path, folder)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
