#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""imapflow, the IMAP client of web applications, with all it knows: COMPRESS, ENABLE of CONDSTORE, QRESYNC and IMAP4rev2, SPECIAL-USE,
IDLE, MOVE, and coming back after others have changed the mailbox. imapflow/package-lock.json says which version; npm brings it."""

import base64
import json
import os
import queue
import re
import shutil
import subprocess
import threading

from support import BUILD, PASSWORD, PREFIX, Server, check, children, folder, main, message, run, wait_for

HERE = f"{os.path.dirname(os.path.abspath(__file__))}/imapflow"
USER = "anna@example.org"
server = None
where = None


def begin():
    global server
    server = Server().start()
    server.add_user(USER)


def by_npm():
    """imapflow and what it needs, as the lock file has it; what a former run has brought is kept in the build directory."""
    global where
    place = folder if PREFIX else f"{BUILD}/tests/e2e"
    os.makedirs(place, exist_ok=True)
    home = f"{place}/imapflow.npm"
    with open(f"{HERE}/package-lock.json", encoding="utf-8") as file:
        lock = file.read()
    stamp = f"{home}/complete"
    if os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as file:
            complete = file.read() == lock
    else:
        complete = False
    if not complete:
        shutil.rmtree(home, ignore_errors=True)
        os.mkdir(home)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(f"{HERE}/{name}", home)
        try:
            result = run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=4", "--fetch-retry-mintimeout=2000",
                         "--fetch-retry-maxtimeout=20000", cwd=home, timeout=200)
        except FileNotFoundError:
            raise RuntimeError("npm is missing (Debian: apt-get install nodejs npm)") from None
        if result.returncode:
            network = re.search(r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ERR_SOCKET\w*|E[45]\d\d)\b",
                                result.stderr)
            reason = f"the npm registry could not be reached ({network.group(1)}): this is the network's failure, not the server's" \
                if network else "npm ci failed"
            raise RuntimeError(f"{reason}\n{result.stdout}{result.stderr}")
        with open(stamp, "w", encoding="utf-8") as file:
            file.write(lock)
    shutil.copy(f"{HERE}/session.js", home)
    where = home
    check("npm has brought imapflow", os.path.exists(f"{where}/node_modules/imapflow/package.json"))


class Refused(Exception):
    pass


class Session:
    """A process of node with one imapflow connection."""

    def __init__(self, **options):
        if not where:
            raise RuntimeError("without imapflow there is nothing to try")
        self.process = subprocess.Popen(["node", "session.js"], cwd=where, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        encoding="utf-8")
        children.append(self)
        self.log, self.events, self.answers = [], [], queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        with open(f"{server.dir}/cert.pem", encoding="ascii") as file:
            certificate = file.read()
        self.hello = self.ask({"connect": {
            "host": "localhost", "port": server.imaps, "secure": True, "tls": {"ca": certificate}, "qresync": True,
            "disableAutoIdle": True, "auth": {"user": USER, "pass": PASSWORD}, **options}})

    def read(self):
        for line in self.process.stdout:
            told = json.loads(line)
            if "log" in told:
                self.log.append(told["log"])
            elif "event" in told:
                self.events.append((told["event"], told.get("data")))
            else:
                self.answers.put(told)
        self.answers.put({"error": "node has ended"})

    def ask(self, what):
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        answer = self.answers.get(timeout=60)
        if "error" in answer:
            raise Refused(f"{what}: {answer}; {self.log[-6:]}")
        return answer["result"]

    def call(self, method, *args):
        return self.ask({"call": method, "args": args})

    def said(self, pattern):
        """Whether a line of the protocol matches: C: from imapflow, S: from the server."""
        return any(re.search(pattern, line) for line in self.log)

    def event(self, name, condition=lambda data: True):
        def found():
            return next((data for event, data in self.events if event == name and condition(data)), None)
        return wait_for(found, 20, f"event {name} among {self.events}")

    def end(self):
        self.call("logout")
        self.process.stdin.close()
        self.process.wait(20)

    def kill(self):
        """As support's clean_up wants it; also what a phone does that loses its network."""
        self.process.kill()
        self.process.wait(20)


def negotiated():
    session = Session()
    check("it sees what it can use", {"CONDSTORE", "QRESYNC", "IDLE", "COMPRESS=DEFLATE", "MOVE", "SPECIAL-USE", "ENABLE", "UIDPLUS"} <=
          set(c.upper() for c in session.hello["capabilities"]), session.hello)
    check("it compresses", session.said(r"^C: \w+ COMPRESS DEFLATE") and session.said(r"^S: \w+ OK .*DEFLATE"), session.log)
    check("it enables CONDSTORE, QRESYNC and IMAP4rev2", {"CONDSTORE", "QRESYNC", "IMAP4REV2"} <= set(session.hello["enabled"]) and
          session.said(r"^S: \* ENABLED .*QRESYNC"), (session.hello, session.log))
    found = session.call("list")
    uses = {m.get("specialUse"): (m["path"], m.get("specialUseSource")) for m in found if m.get("specialUse")}
    check("special uses come from the server, not from names",
          all(uses.get(use) == (name, "extension") for use, name in
              (("\\Sent", "Sent"), ("\\Drafts", "Drafts"), ("\\Trash", "Trash"), ("\\Junk", "Junk"), ("\\Archive", "Archive"))), uses)
    status = session.call("status", "INBOX", {"messages": True, "uidNext": True, "highestModseq": True, "size": True, "deleted": True})
    check("STATUS with HIGHESTMODSEQ, SIZE and DELETED", status["messages"] == 0 and int(status["highestModseq"]) > 0 and status["size"] == 0 and
          status["deleted"] == 0, status)
    session.end()
    plain = Session(disableCompression=True, disableIMAP4rev2=True)
    check("without COMPRESS and rev2 it works as well", not plain.said("COMPRESS DEFLATE$") and "IMAP4REV2" not in plain.hello["enabled"] and
          plain.call("mailboxOpen", "INBOX")["exists"] == 0, plain.log)
    plain.end()


def reads_and_writes():
    session = Session()
    text = message("appended", body="".join(f"line {n}\r\n" for n in range(2000))).decode()
    appended = session.call("append", "INBOX", text, ["\\Seen", "$Custom"])
    check("APPEND tells the UID", appended["uid"] == 1, appended)
    server.deliver(message("with an attachment", extra="MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n",
                           body="--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x\r\nContent-Type: application/octet-stream\r\n"
                                "Content-Disposition: attachment; filename=a.bin\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
                                base64.b64encode(bytes(range(256))).decode() + "\r\n--x--\r\n"), USER)
    box = session.call("mailboxOpen", "INBOX")
    check("SELECT: all there is to know", box["exists"] == 2 and box["uidNext"] == 3 and int(box["highestModseq"]) > 0 and box["mailboxId"] and
          "\\*" in box["permanentFlags"], box)
    got = session.call("fetchAll", "1:*", {"uid": True, "flags": True, "envelope": True, "bodyStructure": True, "internalDate": True,
                                           "size": True, "threadId": True, "source": True})
    check("FETCH: the source is what was appended", got[0]["source"] == text, got[0])
    check("flags, modseq, EMAILID, THREADID", set(got[0]["flags"]) >= {"\\Seen", "$Custom"} and int(got[0]["modseq"]) > 0 and
          got[0]["emailId"] and got[0]["threadId"], got[0])
    parts = got[1]["bodyStructure"]
    check("BODYSTRUCTURE", parts["type"] == "multipart/mixed" and parts["childNodes"][1]["dispositionParameters"]["filename"] == "a.bin", parts)
    check("SEARCH", session.call("search", {"seen": False, "body": "hello"}, {"uid": True}) == [2])
    check("STORE", session.call("messageFlagsAdd", "2", ["\\Flagged"], {"uid": True}) is True and
          session.call("search", {"flagged": True}, {"uid": True}) == [2])
    session.call("mailboxCreate", "Projekte/Größe")
    moved = session.call("messageMove", "2", "Projekte/Größe", {"uid": True})
    check("MOVE with COPYUID", moved["uidMap"] == {"2": 1} and session.said(r"^C: \w+ UID MOVE 2 ") and
          session.said(r"^S: (\w+|\*) OK \[COPYUID \d+ 2 1\]") and session.said(r"^S: \* VANISHED 2$") and not session.said(r"^C: .*EXPUNGE"),
          (moved, session.log[-8:]))
    check("names in UTF-8 under IMAP4rev2", any(m["path"] == "Projekte/Größe" for m in session.call("list")) and
          session.said("C: .*Projekte/Größe"), session.log[-12:])
    check("the moved message is there", session.call("mailboxOpen", "Projekte/Größe")["exists"] == 1)
    check("nothing was refused", not session.said(r"^S: \w+ (BAD|NO)"), session.log)
    session.end()


def idles():
    """Another session changes the mailbox while imapflow idles."""
    session = Session()
    session.call("mailboxOpen", "INBOX")
    session.call("idle")
    wait_for(lambda: session.said(r"^C: \w+ IDLE$"), 20, "IDLE")
    server.deliver(message("while it idles", message_id="<idle@x>"), USER)
    news = session.event("exists")
    check("IDLE tells of a delivery", news["count"] == 2 and news["prevCount"] == 1, news)
    with server.client(USER) as other:
        other.ok("SELECT INBOX")
        other.ok(r"UID STORE 1 +FLAGS (\Flagged)")
        flags = session.event("flags", lambda data: "\\Flagged" in data["flags"])
        check("of a flag, with its modseq", flags["uid"] == 1 and int(flags["modseq"]) > 0, flags)
        other.ok(r"UID STORE 3 +FLAGS.SILENT (\Deleted)")
        other.ok("EXPUNGE")
    gone = session.event("expunge")
    check("and of an expunge by UID: VANISHED", gone["vanished"] is True and gone["uid"] == 3 and not gone["earlier"] and
          not session.said(r"^S: \* \d+ EXPUNGE"), (gone, session.log[-8:]))
    session.call("noop")
    check("IDLE ends with DONE", session.said("^C: DONE$"), session.log[-6:])
    session.end()


def comes_back():
    """What changed while it was away comes at SELECT (QRESYNC ...): flags as FETCH, expunged UIDs as VANISHED (EARLIER)."""
    with server.client(USER) as other:
        for n in range(20):
            other.append("Archive", message(f"q {n}", message_id=f"<q{n}@x>"))
    session = Session()
    box = session.call("mailboxOpen", "Archive")
    known = {m["uid"]: set(m["flags"]) for m in session.call("fetchAll", "1:*", {"uid": True, "flags": True})}
    check("it knows twenty messages", sorted(known) == list(range(1, 21)), known)
    session.kill()  # without LOGOUT
    with server.client(USER) as other:
        other.ok("SELECT Archive")
        other.ok(r"UID STORE 5,7:8 +FLAGS (\Seen $Label1)")
        other.ok(r"UID STORE 2:3,10,20 +FLAGS.SILENT (\Deleted)")
        other.ok("EXPUNGE")
        other.ok("UID MOVE 15 INBOX")
        other.append("Archive", message("new", message_id="<q-new@x>"))
    session = Session()
    again = session.call("mailboxOpen", "Archive", {"changedSince": {"big": box["highestModseq"]}, "uidValidity": {"big": box["uidValidity"]}})
    check("SELECT takes the QRESYNC parameter", again["qresync"] is True and session.said(
        rf"^C: \w+ SELECT Archive \(QRESYNC \({box['uidValidity']} {box['highestModseq']}\)\)"), session.log[-10:])
    gone = [data for event, data in session.events if event == "expunge"]
    check("what vanished is told, as EARLIER", sorted(data["uid"] for data in gone) == [2, 3, 10, 15, 20] and
          all(data["earlier"] and data["vanished"] for data in gone) and session.said(r"^S: \* VANISHED \(EARLIER\)"), (gone, session.log[-10:]))
    changed = {data["uid"]: set(data["flags"]) for event, data in session.events if event == "flags"}
    check("and changed flags, of these messages only", {uid: flags for uid, flags in changed.items() if uid != 21} ==
          {uid: {"\\Seen", "$Label1"} for uid in (5, 7, 8)}, changed)
    for data in gone:
        del known[data["uid"]]
    known.update(changed)
    for new in session.call("fetchAll", f"{box['uidNext']}:*", {"uid": True, "flags": True}, {"uid": True}):
        known[new["uid"]] = set(new["flags"])
    fresh = {m["uid"]: set(m["flags"]) for m in session.call("fetchAll", "1:*", {"uid": True, "flags": True})}
    check("what it keeps is now what a full FETCH says", {u: f - {"\\Recent"} for u, f in known.items()} == fresh and 21 in fresh, (known, fresh))
    since = session.call("fetchAll", "1:*", {"uid": True, "flags": True}, {"uid": True, "changedSince": {"big": box["highestModseq"]}})
    check("FETCH CHANGEDSINCE says the same", sorted(m["uid"] for m in since) == [5, 7, 8, 21] and session.said(r"CHANGEDSINCE \d+"), since)
    session.end()


main(begin, by_npm, negotiated, reads_and_writes, idles, comes_back, seconds=300)
