#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""hf-deliver against an LMTP server that this script plays: what it sends, and its exit status for each kind of answer."""

import os
import socket
import subprocess
import sys
import tempfile
import threading

TOOL = os.environ.get("HF_DELIVER") or os.path.join(os.environ.get("HF_BUILDDIR", "."), "hf-deliver")
LHLO = "250-host\r\n250-8BITMIME\r\n250 SMTPUTF8"
passed = failed = 0


def check(what, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
        print(f"ok: {what}")
    else:
        failed += 1
        print(f"FAILED: {what} {detail}")


class Server:
    """One connection: answers from a table by command; `data` has what came after DATA."""

    def __init__(self, listener, **answers):
        self.answers = {"greeting": "220 host LMTP", "LHLO": LHLO, "MAIL": "250 2.1.0 ok", "RCPT": "250 2.1.5 ok",
                        "DATA": "354 go", "QUIT": "221 bye", "final": ["250 2.0.0 ok"], **answers}
        self.listener = listener
        self.commands = []
        self.data = b""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def answer(self, key):
        value = self.answers[key]
        if isinstance(value, list) and key != "final":
            value = value.pop(0)
        return value

    def serve(self):
        connection = self.listener.accept()[0]
        with connection, connection.makefile("rb") as lines:
            def say(text):
                if text is None:
                    raise ConnectionError
                connection.sendall(text.encode() + b"\r\n")
            try:
                say(self.answer("greeting"))
                for line in lines:
                    command = line.decode("utf-8").rstrip("\r\n")
                    self.commands.append(command)
                    verb = command.split(" ")[0].split(":")[0]
                    if self.answers.get(verb) == "silence":
                        lines.read()
                        return
                    text = self.answer(verb)
                    say(text)
                    if verb == "DATA" and text.startswith("354"):
                        for piece in lines:
                            self.data += piece
                            if piece == b".\r\n":
                                break
                        else:
                            return
                        for final in self.answers["final"]:
                            say(final)
            except (ConnectionError, OSError):
                pass


class Tests:
    def __init__(self, folder):
        self.path = os.path.join(folder, "lmtp")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()

    def deliver(self, *args, message=b"Subject: x\n\nbody\n", **answers):
        server = Server(self.listener, **answers)
        result = subprocess.run([TOOL, "-s", "unix:" + self.path, *args], input=message, capture_output=True, timeout=30)
        server.thread.join(5)
        return result, server

    def status(self, what, expected, *args, **answers):
        result, _ = self.deliver(*args, **answers)
        check(f"{what}: exit status {expected}", result.returncode == expected, result)

    def what_is_sent(self):
        result, server = self.deliver("-f", "bob@example.net", "anna@example.org", "carl@example.org",
                                      message=b"From bob Mon Jan  1\nSubject: x\n\n.dot\nlast", final=["250 ok", "250 ok"])
        check("a message for two", result.returncode == 0, result)
        check("its envelope", server.commands[1:5] == ["MAIL FROM:<bob@example.net> BODY=8BITMIME", "RCPT TO:<anna@example.org>",
                                                       "RCPT TO:<carl@example.org>", "DATA"], server.commands)
        check("its text", server.data == b"Subject: x\r\n\r\n..dot\r\nlast\r\n.\r\n", server.data)
        check("it takes its leave", server.commands[-1] == "QUIT", server.commands)
        _, server = self.deliver("-f", "<>", "--", "<anna>")
        check("angle brackets are taken off", server.commands[1].startswith("MAIL FROM:<> ") and
              server.commands[2] == "RCPT TO:<anna>", server.commands)
        _, server = self.deliver("jürgen@example.org")
        check("UTF-8 asks for SMTPUTF8", server.commands[1].endswith(" SMTPUTF8"), server.commands)
        _, server = self.deliver("jürgen@example.org", LHLO="250 host")
        check("but only where it is offered", "SMTPUTF8" not in server.commands[1], server.commands)

    def statuses(self):
        self.status("delivered", 0, "a")
        self.status("unknown user", 67, "a", RCPT="550 5.1.1 no such user")
        self.status("one delivered, one unknown", 67, "a", "b", RCPT=["250 ok", "550 5.1.1 no"])
        self.status("unknown and refused", 65, "a", "b", RCPT=["550 5.1.1 no", "550 5.7.1 no"])
        self.status("unknown and tried later", 75, "a", "b", RCPT=["550 5.1.1 no", "451 4.3.0 later"])
        self.status("refused after the data", 65, "a", final=["552 5.3.4 too large"])
        self.status("deferred after the data", 75, "a", final=["452 4.3.1 full"])
        self.status("delivered and deferred", 75, "a", "b", final=["250 ok", "452 4.2.2 over quota"])
        self.status("sender refused", 65, "a", MAIL="501 5.1.7 no")
        self.status("sender deferred", 75, "a", MAIL="451 4.3.0 later")
        self.status("data deferred", 75, "a", DATA="452 4.3.1 later")
        self.status("turned away", 75, "a", greeting="554 5.3.2 no")
        self.status("no LMTP", 75, "a", LHLO="500 5.5.1 what")
        self.status("no server", 75, "a", greeting="SSH-2.0-x")
        self.status("gone at the greeting", 75, "a", greeting=None)
        self.status("gone at RCPT", 75, "a", RCPT=None)
        self.status("gone at a later RCPT", 75, "a", "b", RCPT=["550 5.1.1 no", None])
        self.status("gone before the last reply", 75, "a", "b", final=["250 ok", None])
        self.status("silence", 75, "-t", "1", "a", MAIL="silence")

    def alone(self):
        def run(*args, **kw):
            return subprocess.run([TOOL, *args], input=b"", capture_output=True, timeout=30, **kw).returncode
        check("no recipient is a usage error", run() == 64)
        check("unknown options too", run("--nonsense", "a") == 64)
        check("an address with a line end too", run("a\r\nRCPT TO:<b>") == 64 and run("-f", "a\nb", "c") == 64)
        check("and a timeout that is none", run("-t", "x", "a") == 64)
        check("a socket that is not there is temporary", run("-s", self.path + ".none", "a") == 75)
        check("a port that nobody listens on is temporary", run("-s", "127.0.0.1:1", "a") == 75)
        check("--help", run("--help") == 0)
        server = Server(self.listener)
        result = run("a", env={**os.environ, "HOLDFAST_LMTP": self.path})
        server.thread.join(5)
        check("HOLDFAST_LMTP names the server", result == 0)
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            server = Server(listener)
            check("a host and port", run("-s", f"127.0.0.1:{listener.getsockname()[1]}", "a") == 0)
            server.thread.join(5)


def main():
    with tempfile.TemporaryDirectory() as folder:
        tests = Tests(folder)
        tests.what_is_sent()
        tests.statuses()
        tests.alone()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
