#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""offlineimap3 keeps a Maildir and an account alike: flags both ways, keywords to letters, new folders, deletions of both sides; a run with
nothing to do transfers nothing."""

import os
import re

from maildir import files, local_state, mailboxes, remote_state, set_flags
from support import PASSWORD, Server, check, folder, main, message, run

USER = "sync@example.org"
maildir, config = f"{folder}/Mail", f"{folder}/offlineimaprc"
server = None


def begin():
    global server
    server = Server().start()
    server.add_user(USER)
    os.mkdir(maildir)
    with open(config, "w", encoding="utf-8") as file:
        file.write(f"""[general]
accounts = a
metadata = {folder}/offlineimap
ui = basic
socktimeout = 60

[Account a]
localrepository = near
remoterepository = far
utf8foldernames = yes

[Repository near]
type = Maildir
localfolders = {maildir}
sep = .
customflag_a = $Later
utf8foldernames = yes

[Repository far]
type = IMAP
remotehost = localhost
remoteport = {server.imaps}
remoteuser = {USER}
remotepass = {PASSWORD}
ssl = yes
sslcacertfile = {server.dir}/cert.pem
usecompression = yes
auth_mechanisms = PLAIN
maxconnections = 2
expunge = yes
""")


def names():
    """Folder -> mailbox: the Maildir's separator is another."""
    return {name: name.replace(".", "/") for name in sorted(os.listdir(maildir)) if os.path.isdir(f"{maildir}/{name}/cur")}


def sync(what):
    """One run; both sides must be equal afterwards. (The state, what the program has said)"""
    result = run("offlineimap", "-o", "-c", config, env={**os.environ, "HOME": folder, "LANG": "C.UTF-8"}, timeout=120)
    check(f"offlineimap: {what}", result.returncode == 0 and not re.search(r"ERROR|Traceback|WARNING", result.stdout + result.stderr), result)
    boxes = names()
    near = local_state(maildir)
    far = remote_state(server, USER, boxes.values())
    check(f"both sides are equal after: {what}", all(near[n] == far[boxes[n]] for n in near),
          {n: (near[n], far[boxes[n]]) for n in near if near[n] != far[boxes[n]]})
    check(f"every mailbox is on both sides after: {what}", set(boxes.values()) == set(mailboxes(server, USER)),
          (boxes, mailboxes(server, USER)))
    return near, result.stdout + result.stderr


def first_run():
    for n in range(20):
        server.deliver(message(f"sync {n}", body=f"line {n}\r\n" * (n * 50 + 1), message_id=f"<sync{n}@x>"), USER)
    with server.client(USER) as client:
        client.ok("CREATE Projects/Alpha")
        client.append("Projects/Alpha", message("a project", message_id="<p1@x>"), r"(\Seen \Flagged)")
    state, said = sync("first run")
    check("all came over", len(state["INBOX"]) == 20 and state["Projects.Alpha"] == {"<p1@x>": ("FS",)}, state)
    check("it says what it has copied", len(re.findall(r"Copy message", said)) == 21, said[-1500:])


def both_sides_change():
    inbox = f"{maildir}/INBOX"
    near = files(inbox)
    set_flags(near["<sync0@x>"], "S")
    set_flags(near["<sync1@x>"], "RS")
    os.unlink(near["<sync3@x>"])
    with open(f"{inbox}/new/1700000000.1_1.host", "wb") as file:
        file.write(message("from this side", message_id="<near@x>").replace(b"\r\n", b"\n"))
    for name in ("Fresh", "Fresh.Deep"):
        for part in ("cur", "new", "tmp"):
            os.makedirs(f"{maildir}/{name}/{part}")
    with open(f"{maildir}/Fresh.Deep/cur/1700000001.1_1.host:2,FS", "wb") as file:
        file.write(message("in a new folder", message_id="<fresh@x>").replace(b"\r\n", b"\n"))
    with server.client(USER) as client:
        client.ok("SELECT INBOX")
        uids = {n: client.search(f'HEADER Message-ID "<sync{n}@x>"')[0] for n in (0, 10, 11, 12)}
        client.ok(rf"STORE {uids[0]} +FLAGS (\Flagged)")
        client.ok(rf"STORE {uids[10]} +FLAGS (\Seen \Answered $Later)")
        client.ok(rf"STORE {uids[11]} +FLAGS (\Deleted)")
        client.ok(f"MOVE {uids[12]} Projects/Alpha")
        client.ok("EXPUNGE")
        client.append("INBOX", message("appended there", message_id="<far@x>"), r"(\Draft)")
        client.ok("CREATE Later")
        client.append("Later", message("in their new folder", message_id="<later@x>"))
    server.deliver(message("delivered", message_id="<new@x>"), USER)
    state, _ = sync("changes on both sides")
    got = state["INBOX"]
    check("flags met", got["<sync0@x>"] == ("FS",) and got["<sync1@x>"] == ("RS",) and got["<sync10@x>"] == ("RS",), got)
    check("a keyword has become a letter", os.path.basename(files(inbox)["<sync10@x>"]).endswith(":2,RSa"), files(inbox)["<sync10@x>"])
    check("deletions of both sides took effect", not any(f"<sync{n}@x>" in got for n in (3, 11, 12)), got)
    check("new mail of both sides is there", all(k in got for k in ("<near@x>", "<far@x>", "<new@x>")), got)
    check("a move, and new folders of both sides", "<sync12@x>" in state["Projects.Alpha"] and state.get("Fresh.Deep") == {"<fresh@x>": ("FS",)} and
          state.get("Later") == {"<later@x>": ("",)}, state)


def the_account_changes_again():
    """Flags taken away, keywords that offlineimap has no letter for, a message that comes back to where it was."""
    with server.client(USER) as client:
        client.ok("SELECT INBOX")
        numbers = {n: client.search(f'HEADER Message-ID "<sync{n}@x>"')[0] for n in (0, 1, 10)}
        client.ok(rf"STORE {numbers[0]} -FLAGS (\Seen \Flagged)")
        client.ok(rf"STORE {numbers[1]} FLAGS (\Deleted $Other)")
        client.ok(rf"STORE {numbers[10]} -FLAGS ($Later)")
        client.ok("EXPUNGE")
        client.ok("SELECT Projects/Alpha")
        client.ok('UID MOVE 2 INBOX')
    state, _ = sync("the account has changed again")
    check("flags taken away are gone", state["INBOX"]["<sync0@x>"] == ("",) and
          files(f"{maildir}/INBOX")["<sync10@x>"].endswith(":2,RS"), state["INBOX"])
    check("what was expunged and moved", "<sync1@x>" not in state["INBOX"] and "<sync12@x>" in state["INBOX"] and
          "<sync12@x>" not in state["Projects.Alpha"], state)


def nothing_to_do():
    state, before = local_state(maildir), mailboxes(server, USER)
    _, said = sync("nothing to do")
    check("a run with nothing to do transfers nothing", not re.search(r"Copy message|Adding flags|Deleting|Delete ", said), said[-1500:])
    check("and changes nothing", local_state(maildir) == state and mailboxes(server, USER) == before, (before, mailboxes(server, USER)))


main(begin, first_run, both_sides_change, the_account_changes_again, nothing_to_do, seconds=300)
