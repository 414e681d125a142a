#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Real mail programs read, flag, move and delete: curl, Python's imaplib, mbsync in both directions, mutt."""

import imaplib
import os
import re
import shutil
import ssl
import time

from maildir import files, local_state, mailboxes, remote_state, set_flags
from mutts import run_keys, write_rc
from support import PASSWORD, Server, check, folder, main, message, run

USER = "anna@example.org"
server = None


def begin():
    global server
    server = Server().start()
    for name in (USER, "sync@example.org", "mutt@example.org"):
        server.add_user(name)


def by_curl():
    config = f"{folder}/curlrc"
    with open(config, "w", encoding="utf-8") as file:
        file.write(f'user = "{USER}:{PASSWORD}"\ncacert = "{server.dir}/cert.pem"\nsilent\nshow-error\n')

    def curl(path, *args):
        return run("curl", "-K", config, *args, f"imaps://localhost:{server.imaps}/{path}", text=False)

    for n in range(3):
        server.deliver(message(f"curl {n}", body=f"body {n}\r\n"), USER)
    result = curl("")
    check("curl lists the mailboxes", result.returncode == 0 and b"INBOX" in result.stdout and b"Sent" in result.stdout, result)
    result = curl("INBOX;MAILINDEX=2")
    check("curl fetches a message", result.returncode == 0 and b"Subject: curl 1" in result.stdout and
          result.stdout.endswith(b"\r\n\r\nbody 1\r\n"), result)
    result = curl("INBOX;MAILINDEX=2;SECTION=TEXT")
    check("curl fetches a section", result.stdout == b"body 1\r\n", result)
    result = curl("INBOX?SUBJECT%20%22curl%202%22")
    check("curl searches", re.search(rb"\* SEARCH 3\b", result.stdout), result)
    path = f"{folder}/curl.eml"
    with open(path, "wb") as file:
        file.write(message("appended by curl"))
    result = curl("INBOX", "-T", path)
    check("curl appends", result.returncode == 0, result)
    result = curl("INBOX;MAILINDEX=4")
    with open(path, "rb") as file:
        check("and gets it back as it was", result.stdout == file.read(), result)
    result = curl("INBOX", "-X", r"STORE 4 +FLAGS (\Deleted)")
    check("curl stores a flag", result.returncode == 0, result)
    result = run("curl", "-sS", "--cacert", f"{server.dir}/cert.pem", "--user", f"{USER}:wrong",
                 f"imaps://localhost:{server.imaps}/")
    check("curl with a wrong password is refused (67)", result.returncode == 67, result)
    result = run("curl", "-K", config, "--ssl-reqd", f"imap://localhost:{server.imap}/INBOX;MAILINDEX=1")
    check("curl by STARTTLS", "Subject: curl 0" in result.stdout, result)


def by_imaplib():
    context = ssl.create_default_context(cafile=f"{server.dir}/cert.pem")
    client = imaplib.IMAP4_SSL("localhost", server.imaps, ssl_context=context)
    check("imaplib sees IMAP4rev1", "IMAP4REV1" in client.capabilities, client.capabilities)
    client.login(USER, PASSWORD)

    def ok(what, result):
        check(f"imaplib: {what}", result[0] == "OK", result)
        return result[1]
    for name in ("Work", '"Work/Deep er"'):
        ok(f"create {name}", client.create(name))
    data = message("appended", extra="X-Test: yes\r\n")
    where = ok("append", client.append("Work", r"(\Seen $Later)", '"01-Jan-2026 12:00:00 +0100"', data))
    check("APPENDUID", re.search(rb"\[APPENDUID \d+ 1\]", where[0]), where)
    client.append("Work", None, None, message("second", body="some needle here\r\n"))
    check("select tells how many", ok("select", client.select("Work")) == [b"2"])
    check("search by header", ok("search", client.search(None, "SUBJECT", '"appended"')) == [b"1"])
    check("search in the body", ok("search body", client.search(None, "BODY", "needle")) == [b"2"])
    check("search by keyword and flag", ok("search flags", client.search(None, "SEEN", "KEYWORD", "$Later")) == [b"1"])
    got = ok("fetch", client.fetch("1", "(FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])"))
    check("the message comes back", got[0][1] == data, got)
    when = imaplib.Internaldate2tuple(got[0][0])
    check("with its date and size", when and time.mktime(when) == 1767265200 and b"RFC822.SIZE %d " % len(data) in got[0][0], got)
    check("and its flags", rb"\Seen" in got[0][0] and b"$Later" in got[0][0], got)
    got = ok("envelope", client.fetch("1", "(ENVELOPE BODYSTRUCTURE)"))
    check("envelope and structure", b'"appended"' in got[0] and b'"text" "plain"' in got[0].lower(), got)
    ok("store", client.store("2", "+FLAGS", r"(\Flagged)"))
    check("the flag is there", b"\\Flagged" in ok("flags", client.fetch("2", "(FLAGS)"))[0])
    ok("copy", client.copy("1:2", '"Work/Deep er"'))
    typ, _ = client._simple_command("UID", "MOVE", "2", '"Work/Deep er"')  # imaplib has no MOVE
    check("imaplib: move", typ == "OK")
    check("what was moved is gone here", ok("noop", client.noop()) is not None and client.search(None, "ALL")[1] == [b"1"])
    check("and there twice", ok("status", client.status('"Work/Deep er"', "(MESSAGES UNSEEN)"))[0].endswith(b"(MESSAGES 3 UNSEEN 2)"))
    ok("store deleted", client.store("1", "+FLAGS.SILENT", r"(\Deleted)"))
    gone = ok("expunge", client.expunge())
    check("all EXPUNGEs have come, of MOVE and of EXPUNGE", gone == [b"2", b"1"], gone)
    ok("rename", client.rename("Work", "Job"))
    listed = b"\n".join(x for x in ok("list", client.list()) if x)
    check("rename takes the children along", b"Job/Deep er" in listed and b"Work" not in listed, listed)
    ok("subscribe", client.subscribe("Job"))
    check("lsub", b"Job" in b"\n".join(ok("lsub", client.lsub())))
    ok("unsubscribe", client.unsubscribe("Job"))
    tag = client._new_tag()  # IDLE by hand
    client.send(tag + b" IDLE\r\n")
    check("IDLE begins", client.readline().startswith(b"+"))
    server.deliver(message("during idle"), USER)
    with server.client(USER) as other:
        other.append("Job", message("for the idle one"))
    check("IDLE tells", client.readline() == b"* 1 EXISTS\r\n")
    client.send(b"DONE\r\n")
    line = client.readline()
    while line.startswith(b"*"):
        line = client.readline()
    check("IDLE ends", line.startswith(tag + b" OK"), line)
    ok("close", client.close())
    ok("delete", client.delete('"Job/Deep er"'))
    ok("delete", client.delete("Job"))
    check("logout", client.logout()[0] == "BYE")


# --- mbsync ------------------------------------------------------------------------------------------------------------

def by_mbsync():
    user, maildir = "sync@example.org", f"{folder}/Mail"
    os.mkdir(maildir)
    config = f"{folder}/mbsyncrc"
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""IMAPAccount h
Host localhost
Port {server.imaps}
User {user}
Pass {PASSWORD}
SSLType IMAPS
CertificateFile {server.dir}/cert.pem

IMAPStore far
Account h

MaildirStore near
Path {maildir}/
Inbox {maildir}/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Remove Both
Expunge Both
SyncState *
CopyArrivalDate yes
""")

    def sync(what):
        result = run("mbsync", "-c", config, "-a")
        check(f"mbsync: {what}", result.returncode == 0, result)
        near = local_state(maildir)
        far = remote_state(server, user, near.keys())
        check(f"both sides are equal after: {what}", near == far, {n: (near[n], far[n]) for n in near if near[n] != far[n]})
        return near

    for n in range(30):
        server.deliver(message(f"sync {n}", body=f"line {n}\r\n" * (n * 50 + 1), message_id=f"<sync{n}@x>"), user)
    with server.client(user) as client:
        client.ok("CREATE Projects")
        client.append("Projects", message("a project", message_id="<p1@x>"), r"(\Seen \Flagged)")
    state = sync("first run")
    check("all came over", len(state["INBOX"]) == 30 and state["Projects"] == {"<p1@x>": ("FS",)}, state)

    # changes on both sides
    inbox = f"{maildir}/INBOX"
    near_files = files(inbox)
    set_flags(near_files["<sync0@x>"], "S")
    set_flags(near_files["<sync1@x>"], "RS")
    set_flags(near_files["<sync2@x>"], "ST")
    os.unlink(near_files["<sync3@x>"])
    with open(f"{inbox}/new/1700000000.1_1.host", "wb") as file:
        file.write(message("from this side", message_id="<near@x>").replace(b"\r\n", b"\n"))
    shutil.copytree(inbox, f"{maildir}/Fresh", ignore=lambda d, names: [n for n in names if os.path.isfile(f"{d}/{n}")])
    with open(f"{maildir}/Fresh/cur/1700000001.1_1.host:2,FS", "wb") as file:
        file.write(message("in a new folder", message_id="<fresh@x>").replace(b"\r\n", b"\n"))
    with server.client(user) as client:
        client.ok("SELECT INBOX")
        uids = {n: client.search(f'HEADER Message-ID "<sync{n}@x>"')[0] for n in (0, 10, 11, 12, 13)}
        client.ok(rf"STORE {uids[0]} +FLAGS (\Flagged)")
        client.ok(rf"STORE {uids[10]} +FLAGS (\Seen \Answered)")
        client.ok(rf"STORE {uids[11]},{uids[12]} +FLAGS (\Deleted)")
        client.ok(f"MOVE {uids[13]} Projects")
        client.ok("EXPUNGE")
        client.append("INBOX", message("appended there", message_id="<far@x>"), r"(\Draft)")
    server.deliver(message("delivered", message_id="<new@x>"), user)
    state = sync("changes on both sides")
    inbox_state = state["INBOX"]
    check("flags met", inbox_state["<sync0@x>"] == ("FS",) and inbox_state["<sync1@x>"] == ("RS",) and
          inbox_state["<sync10@x>"] == ("RS",), inbox_state)
    check("deletions of both sides took effect", not any(f"<sync{n}@x>" in inbox_state for n in (2, 3, 11, 12, 13)), inbox_state)
    check("new mail of both sides is there", all(k in inbox_state for k in ("<near@x>", "<far@x>", "<new@x>")), inbox_state)
    check("a move and a new folder", "<sync13@x>" in state["Projects"] and state.get("Fresh") == {"<fresh@x>": ("FS",)}, state)
    before = mailboxes(server, user)
    sync("nothing to do")
    check("a run with nothing to do changes nothing", local_state(maildir) == state and mailboxes(server, user) == before and
          set(state) <= set(before), (before, mailboxes(server, user)))


# --- mutt --------------------------------------------------------------------------------------------------------------

def by_mutt():
    user = "mutt@example.org"
    for n in range(4):
        server.deliver(message(f"mutt {n}", body=f"text {n}\r\n"), user)
    with server.client(user) as client:
        client.ok("CREATE Archive2")
    rc = f"{folder}/muttrc"
    write_rc(rc, server, user, '''set ssl_verify_host=yes
set header_cache=""
set move=no
set pager_stop=yes
set timeout=1
''')

    def mutt(keys, *args):
        return run_keys(keys, "mutt", "-n", "-F", rc, *args)

    saved = f"{folder}/read.txt"
    result = mutt(f"<first-entry><display-message><exit><pipe-message>cat >{saved}<enter><quit>")
    with open(saved, encoding="utf-8") if os.path.exists(saved) else open(os.devnull, encoding="utf-8") as file:
        check("mutt reads a message", "text 0" in file.read(), (result.returncode, result.stdout[-600:]))
    mutt("2<enter><flag-message>3<enter><delete-message>4<enter><save-message>+Archive2<enter><sync-mailbox><quit>")
    time.sleep(0.2)
    with server.client(user) as client:
        count = client.exists("INBOX")
        flags = b"\n".join(client.ok("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))
        check("mutt has read, flagged, deleted and moved", count == 2 and re.search(rb"FLAGS \([^)]*\\Seen[^)]*\)[^*]*mutt 0", flags) and
              re.search(rb"FLAGS \([^)]*\\Flagged[^)]*\)[^*]*mutt 1", flags), (count, flags))
        check("and what was moved is there", client.exists("Archive2") == 1 and b"mutt 3" in client.body(1))
    mutt("<tag-pattern>~A<enter><tag-prefix><copy-message>+Archive2<enter><quit>")
    with server.client(user) as client:
        check("mutt copies tagged messages", client.exists("Archive2") == 3)


main(begin, by_curl, by_imaplib, by_mbsync, by_mutt, seconds=300)
