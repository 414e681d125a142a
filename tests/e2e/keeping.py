#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What an administrator brings back, and what the server throws away by itself: hfctl kept, mailbox undelete, retention; over restarts and crashes."""

import re
import threading
import time

from support import Reader, Server, check, main, message, wait_for

server = None
ANNA, BOB = "anna@example.org", "bob@example.org"


def begin():
    global server
    server = Server("keeping").start()
    server.add_user(ANNA)
    server.add_user(BOB)


def fetch(c, uids="1:*"):
    return [r for r in c.ok(f"UID FETCH {uids} (FLAGS INTERNALDATE EMAILID THREADID BODY.PEEK[])") if b" FETCH (" in r]


def expunged_messages():
    with server.client(ANNA) as c, server.client(ANNA) as watcher:
        for n in range(6):
            c.append("INBOX", message(f"number {n}"), r"(\Flagged $Key)" if n == 2 else "()")
        c.ok("SELECT INBOX")
        watcher.ok("SELECT INBOX")
        before = fetch(c, "3")[0]
        c.ok(r"UID STORE 2:4 +FLAGS (\Deleted)")
        c.ok("EXPUNGE")
        watcher.ok("NOOP")
        shown = server.result_of("kept", "list", ANNA)
        check("kept list tells of INBOX", [(r["mailbox"], r["what"], r["messages"]) for r in shown] == [("INBOX", "expunged", 3)], shown)
        shown = server.result_of("kept", "list", ANNA, "INBOX")
        check("kept list shows who wrote what", shown["messages"] == 3 and {r["subject"] for r in shown["list"]} ==
              {"number 1", "number 2", "number 3"} and all("bob@example.net" in r["from"] for r in shown["list"]), shown)
        check("and for how long", all(6 * 86400 < r["until_at"] - r["expunged_at"] < 8 * 86400 for r in shown["list"]), shown)
        check("--limit", len(server.result_of("kept", "list", ANNA, "INBOX", "--limit", "2")["list"]) == 2)
        check("as a table for people", re.search(r"^\s*UID +SIZE", server.hfctl("kept", "list", ANNA, "INBOX").stdout, re.M))
        dry = server.result_of("kept", "restore", ANNA, "INBOX", "--uid", "3:4", "--dry-run")
        check("a dry run counts", dry["messages"] == 2 and not dry["over_quota"] and dry["size"] > 200, dry)
        check("and does nothing", server.result_of("kept", "list", ANNA, "INBOX")["messages"] == 3)
        watcher.begin("IDLE")
        check("idling", watcher.line().startswith(b"+"))
        reader = Reader(watcher)
        done = server.result_of("kept", "restore", ANNA, "INBOX", "--uid", "3")
        check("kept restore", done["messages"] == 1 and done["uids"] == "7", done)
        check("a session that has it selected sees EXISTS at once", reader.wait_for(rb"^\* 4 EXISTS", 5))
        watcher.send(b"DONE\r\nz LOGOUT\r\n")
        reader.join(10)
        c.ok("NOOP")
        after = fetch(c, "7")[0]

        def facts(response):
            return [re.search(pattern, response, re.S).group(1) for pattern in
                    (rb"INTERNALDATE (\"[^\"]*\")", rb"EMAILID (\(\S+\))", rb"THREADID (\(\S+\))", rb"BODY\[\] (.*)\)$")]
        check("with date, ids and octets as they were", facts(after) == facts(before), (before, after))
        check("and its flags but \\Deleted", re.search(rb"FLAGS \(([^)]*)\)", after).group(1).split() and
              set(re.search(rb"FLAGS \(([^)]*)\)", after).group(1).split()) - {rb"\Recent"} == {rb"\Flagged", b"$Key"}, after)
        check("--since takes how long ago", server.result_of("kept", "restore", ANNA, "INBOX", "--since", "1 h", "--uid", "2", "--into", "Archive")
              ["messages"] == 1)
        check("--into another mailbox", c.exists("Archive") == 1)
        c.ok("SELECT INBOX")
        server.refuses("a time in the future finds nothing", 1, "kept", "restore", ANNA, "INBOX", "--since", "2100-01-01", text="nothing of that is kept")
        check("--since takes a date", server.result_of("kept", "restore", ANNA, "INBOX", "--since", "2020-01-01")["messages"] == 1)
        server.refuses("nothing is left", 1, "kept", "restore", ANNA, "INBOX", "--all", text="nothing of that is kept")
    server.refuses("none chosen", 2, "kept", "restore", ANNA, "INBOX")
    server.refuses("too much chosen", 2, "kept", "restore", ANNA, "INBOX", "--all", "--uid", "1")
    server.refuses("no set", 2, "kept", "restore", ANNA, "INBOX", "--uid", "x")
    server.refuses("no time", 2, "kept", "restore", ANNA, "INBOX", "--since", "yesterday")
    server.refuses("no such mailbox", 1, "kept", "restore", ANNA, "Nowhere", "--all", text="no such mailbox")
    server.refuses("nor one to go into", 1, "kept", "restore", ANNA, "INBOX", "--all", "--into", "Nowhere", text="no such mailbox")
    server.refuses("no such user", 1, "kept", "list", "nobody@example.org", text="no such user")
    server.refuses("no such limit", 2, "kept", "list", ANNA, "INBOX", "--limit", "0")


def quota():
    with server.client(BOB) as c:
        for n in range(4):
            c.append("INBOX", message(f"q {n}"))
        c.ok("SELECT INBOX")
        c.ok(r"STORE 1:3 +FLAGS (\Deleted)")
        c.ok("CLOSE")
        server.result_of("user", "quota", BOB, "--messages", "2")
        server.refuses("over quota", 1, "kept", "restore", BOB, "INBOX", "--all", text="--force")
        check("none came back", c.exists("INBOX") == 1 and server.result_of("kept", "restore", BOB, "INBOX", "--all", "--dry-run")["over_quota"])
        check("--force", server.result_of("kept", "restore", BOB, "INBOX", "--all", "--force")["messages"] == 3 and c.exists("INBOX") == 4)
        check("they count again", server.result_of("user", "quota", BOB)["messages"] == 4)
        server.result_of("user", "quota", BOB, "--messages", "none")


def shared():
    """The same for the mailboxes of the shared account."""
    server.result_of("shared", "create", "Team", "--rights", "anyone lrswipkxte")
    with server.client(ANNA) as c:
        name = next(re.search(rb'"/" "?(.*?)"?$', r).group(1).decode() for r in c.ok('LIST "" "*"') if b"Team" in r)
        for n in range(3):
            c.append(name, message(f"s {n}"))
        c.ok(f'SELECT "{name}"')
        c.ok(r"STORE 1:2 +FLAGS (\Deleted)")
        c.ok("CLOSE")
        check("expunged by a member", server.result_of("kept", "list", "shared", "Team")["messages"] == 2)
        check("brought back", server.result_of("kept", "restore", "shared", "Team", "--all")["messages"] == 2 and c.exists(name) == 3)
        server.result_of("retention", "set", "shared", "Team", "30 d")
        server.result_of("shared", "delete", "Team")
        check("deleted", [r["mailbox"] for r in server.result_of("kept", "list", "shared")] == ["Team"])
        check("and back", server.result_of("mailbox", "undelete", "shared", "Team")["messages"] == 3)
        check("with its rights", c.exists(name) == 3)
        shown = server.result_of("retention", "show", "shared")
        check("and its time", [(r["mailbox"], r["keep"]) for r in shown] == [("Team", "30 d")], shown)
        check("which the list has", any(r["user"] == "shared" for r in server.result_of("retention", "list")))
        server.result_of("retention", "set", "shared", "Team", "default")


def picture(c, name):
    untagged = c.ok(f'EXAMINE "{name}"')
    return ([r for r in untagged if re.search(rb"UIDVALIDITY|UIDNEXT|EXISTS|HIGHESTMODSEQ|MAILBOXID", r)],
            [r for r in c.ok("UID FETCH 1:* (FLAGS INTERNALDATE SAVEDATE MODSEQ EMAILID BODY.PEEK[])") if b" FETCH (" in r])


def deleted_mailboxes():
    with server.client(ANNA) as c:
        c.ok("CREATE Work/Old")
        for n in range(5):
            c.append("Work/Old", message(f"old {n}"), r"(\Seen word)" if n % 2 else "()")
        before = picture(c, "Work/Old")
        c.ok("UNSELECT")
        c.ok("DELETE Work/Old")
    shown = server.result_of("kept", "list", ANNA)
    row = next(r for r in shown if r["what"] == "deleted")
    check("kept list has it", row["mailbox"] == "Work/Old" and row["messages"] == 5 and row["id"], shown)
    server.stop()
    server.start()
    dry = server.result_of("mailbox", "undelete", ANNA, "Work/Old", "--dry-run")
    check("a dry run", dry["messages"] == 5 and not dry["name_taken"] and not dry["over_quota"], dry)
    done = server.result_of("mailbox", "undelete", ANNA, "Work/Old")
    check("mailbox undelete", done["messages"] == 5 and done["uidvalidity_kept"], done)
    with server.client(ANNA) as c:
        check("it is back as it was", picture(c, "Work/Old") == before)
        c.ok("UNSELECT")
        c.ok("DELETE Work/Old")
        c.ok("CREATE Work/Old")
        server.refuses("the name is taken", 1, "mailbox", "undelete", ANNA, "Work/Old", text="--as")
        c.ok("DELETE Work/Old")
        server.refuses("two had the name", 1, "mailbox", "undelete", ANNA, "Work/Old", text="--id")
        rows = [r for r in server.result_of("kept", "list", ANNA) if r["what"] == "deleted"]
        full = next(r for r in rows if r["messages"] == 5)
        done = server.result_of("mailbox", "undelete", ANNA, "--id", str(full["id"]))
        check("by its number", done["messages"] == 5 and not done["uidvalidity_kept"], done)
        back = picture(c, "Work/Old")
        check("with a new UIDVALIDITY, all else as it was", back != before and back[1] == before[1] and len(back[0]) == len(before[0]), (back, before))
        empty = next(r for r in rows if r["messages"] == 0)
        done = server.result_of("mailbox", "undelete", ANNA, "--id", str(empty["id"]), "--as", "New/Place")
        check("under another name", any(b"New/Place" in r for r in c.ok('LIST "" "*"')), done)
    server.refuses("it is back already", 1, "mailbox", "undelete", ANNA, "--id", str(empty["id"]), text="no such deleted mailbox")
    server.refuses("one that never was", 1, "mailbox", "undelete", ANNA, "Nothing", text="no such deleted mailbox")
    server.refuses("none named", 2, "mailbox", "undelete", ANNA)
    server.refuses("no number", 2, "mailbox", "undelete", ANNA, "--id", "x")
    server.refuses("an impossible name", 1, "mailbox", "undelete", ANNA, "x", "--as", "a//b")


def crashes():
    """A large mailbox is brought back while the daemon is killed: it is there whole, or not at all and can be brought back."""
    with server.client(ANNA) as c:
        c.ok("CREATE Big")
        c.append("Big", message("big"))
        c.ok("SELECT Big")
        for _ in range(12):
            c.ok("COPY 1:* Big")
            c.ok("NOOP")
        check("4096 messages", c.exists("Big") == 4096)
        before = c.ok("UID SEARCH RETURN (ALL COUNT) ALL")
    outcomes = set()
    for n in range(6):
        server.result_of("mailbox", "delete", ANNA, "Big")
        if n < 3:
            server.process.kill()
            server.process.wait()
            server.start(HOLDFAST_FAULT=("op.applied", "batch.committed", "batch.flushed")[n])
            server.hfctl("mailbox", "undelete", ANNA, "Big")
            wait_for(lambda: server.process.poll() is not None, 10, "it dies at the fault")
        else:
            thread = threading.Thread(target=server.hfctl, args=("mailbox", "undelete", ANNA, "Big"))
            thread.start()
            time.sleep(0.004 * n)
            server.kill()
            thread.join()
        server.start()
        with server.client(ANNA) as c:
            there = any(b'"Big"' in r or r.endswith(b" Big") for r in c.ok('LIST "" Big'))
            outcomes.add(there)
            if not there:
                server.result_of("mailbox", "undelete", ANNA, "Big")
            c.ok("SELECT Big")
            check(f"crash {n}: it is whole ({'done' if there else 'not done'})", c.exists("Big") == 4096 and
                  re.sub(rb"TAG \S+", b"", c.ok("UID SEARCH RETURN (ALL COUNT) ALL")[0]) == re.sub(rb"TAG \S+", b"", before[0]))
    check("both outcomes were seen", outcomes == {True, False}, outcomes)
    check("verify agrees", server.hfctl("verify").returncode == 0)


def retention():
    def count(mailbox, user=ANNA):
        with server.client(user) as c:
            return c.exists(mailbox)
    server.stop()
    server.options["store.retention"] = r'( "\\Trash = 2 s", "Lists/Old = 30 d" )'
    server.options["store.retention_every"] = '"1 s"'
    server.write_config()
    with server.start().client(ANNA) as c:
        rules = server.result_of("retention", "list")
        check("retention list", [(r["user"], r["mailbox"], r["keep"]) for r in rules] == [("*", r"\trash", "2 s"), ("*", "Lists/Old", "30 d")], rules)
        c.ok("CREATE Lists/Old")
        c.ok("SELECT Trash")
        for n in range(3):
            c.append("Trash", message(f"t {n}"))
            c.append("Lists/Old", message(f"l {n}"))
        c.ok("NOOP")
        c.begin("IDLE")
        check("idling", c.line().startswith(b"+"))
        reader = Reader(c)
        check("a session is told when the time is over", reader.wait_for(rb"^\* 1 EXPUNGE", 15))
        c.send(b"DONE\r\nz LOGOUT\r\n")
        reader.join(10)
    wait_for(lambda: count("Trash") == 0, 15, "all of them go")
    check("others stay", count("Lists/Old") == 3)
    check("the log tells", re.search(r"retention user=anna@example.org mailbox=Trash expunged=\d", server.log()))
    check("so do the counters", server.result_of("stats")["retention.messages"] >= 3)
    check("they can be brought back", server.result_of("kept", "list", ANNA, "Trash")["messages"] == 3)
    server.result_of("retention", "set", ANNA, "Trash", "off")
    check("and stay with the mailbox's own time", server.result_of("kept", "restore", ANNA, "Trash", "--all")["messages"] == 3)
    time.sleep(4)
    check("off is off", count("Trash") == 3)
    server.kill()
    server.start()
    time.sleep(4)
    check("after a crash too", count("Trash") == 3)
    shown = {r["mailbox"]: r for r in server.result_of("retention", "show", ANNA)}
    check("retention show", (shown["Trash"]["keep"], shown["Lists/Old"]["keep"], shown["INBOX"]["from"]) == ("off", "30 d", ""), shown)
    check("retention list shows it", any(r["user"] == ANNA and r["mailbox"] == "Trash" and r["keep"] == "off" for r in server.result_of("retention", "list")))

    server.options["store.retention"] = r'( "\\Trash = 1 s", "Lists/Old = 1 s" )'
    server.options["store.retention_every"] = '"7 d"'
    server.write_config()
    server.result_of("retention", "set", ANNA, "Lists/Old", "30d")
    check("reload", server.hfctl("reload").returncode == 0)
    server.result_of("retention", "set", ANNA, "Trash", "default")
    wait_for(lambda: count("Trash") == 0, 15, "the rules of a reload are in force at once")
    with server.client(ANNA) as c:
        c.append("Trash", message("one more"))
        check("its own time counts", c.exists("Lists/Old") == 3)
    time.sleep(2)
    told = server.result_of("retention", "run", "--dry-run")
    check("retention run --dry-run", [(r["user"], r["mailbox"], r["messages"]) for r in told] == [(ANNA, "Trash", 1)], told)
    check("did nothing", count("Trash") == 1)
    done = server.result_of("retention", "run")
    check("retention run", done == told and count("Trash") == 0, done)
    server.refuses("no such time", 1, "retention", "set", ANNA, "Trash", "soon", text="nor off or default")
    server.refuses("no such mailbox", 1, "retention", "set", ANNA, "Nowhere", "1 d", text="no such mailbox")
    server.refuses("no time", 2, "retention", "set", ANNA, "Trash")
    server.refuses("no such user", 1, "retention", "show", "nobody@example.org", text="no such user")
    for rule in (r"\\Tresh = 1 d", "Trash", "Trash = soon", "a//b = 1 d", "= 1 d"):
        server.options["store.retention"] = f'( "{rule}" )'
        server.write_config()
        server.refuses(f"a wrong rule: {rule}", 1, "reload", text="store.retention")
    server.options["store.retention"] = "( )"
    server.write_config()
    check("none", server.hfctl("reload").returncode == 0 and len(server.result_of("retention", "list")) == 1)
    check("verify", server.hfctl("verify").returncode == 0)


if __name__ == "__main__":
    main(begin, expunged_messages, quota, shared, deleted_mailboxes, crashes, retention, seconds=300)
