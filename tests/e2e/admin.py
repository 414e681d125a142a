#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What an administrator does: every verb of hfctl, checks, reloads, mistakes in the configuration, a second daemon, restarts."""

import os
import re
import signal
import time

from support import HF_DELIVER, HFCTL, HOLDFASTD, PASSWORD, Imap, Server, check, folder, free_port, main, message, run, wait_for

server = None
ANNA, BOB = "anna@example.org", "bob@example.org"


def can_log_in(user, password):
    with Imap(server.imap) as c:
        return c.command(f'LOGIN "{user}" "{password}"')[0].startswith(b"OK")


def before_it_runs():
    global server
    server = Server()
    result = server.hfctl("user", "list")
    check("without a daemon hfctl says so: 75", result.returncode == 75 and server.control in result.stderr, result)
    result = run(HF_DELIVER, "-s", f"unix:{server.lmtp_unix}", ANNA, input="x\n")
    check("hf-deliver is told to try again: 75", result.returncode == 75, result)
    result = run(HOLDFASTD, "-c", server.config, "--check")
    check("--check takes the configuration", result.returncode == 0, result)
    result = run(HOLDFASTD, "-c", server.config, "--show")
    check("--show tells values and where they come from", result.returncode == 0 and "directory" in result.stdout and
          "holdfast.conf:" in result.stdout and "default" in result.stdout, result)
    for option in ("--help", "--version", "--sample", "--options-doc"):
        result = run(HOLDFASTD, option)
        check(f"holdfastd {option}", result.returncode == 0 and result.stdout, result)
    sample = f"{folder}/sample.conf"
    with open(sample, "w", encoding="utf-8") as file:
        file.write(run(HOLDFASTD, "-c", server.config, "--sample").stdout)
    result = run(HOLDFASTD, "-c", sample, "--show")
    check("the sample is a configuration", result.returncode == 0, result.stderr)
    server.start()


def users():
    server.add_user(ANNA)
    check("user add", can_log_in(ANNA, PASSWORD))
    server.refuses("adding it again", 1, "user", "add", ANNA, "--password-stdin", input="x\n")
    server.refuses("adding an impossible name", 1, "user", "add", "a\nb", "--password-stdin", input="x\n")
    server.refuses("adding without a name", 2, "user", "add", "--password-stdin", input="x\n")
    names = f"{folder}/names"
    with open(names, "w", encoding="utf-8") as file:
        file.writelines(f"load{n}@example.org\tpw-{n}\n" for n in range(100))
        file.write(f"{BOB}\t{PASSWORD}\n")
    result = server.hfctl("user", "add", "--from", names)
    check("user add --from, 101 of them", result.returncode == 0 and can_log_in("load99@example.org", "pw-99"), result)
    server.refuses("adding them again", 1, "user", "add", "--from", names)
    listed = server.result_of("user", "list")
    listed = {u["name"]: u for u in (listed if isinstance(listed, list) else listed["users"])}
    check("user list has them", len(listed) == 102 and ANNA in listed, list(listed)[:5])
    table = server.hfctl("user", "list").stdout
    check("as a table for people", table.startswith("NAME") and len(table.strip().split("\n")) == 103, table[:200])
    result = server.hfctl("user", "passwd", ANNA, "--password-stdin", input="another\n")
    check("user passwd", result.returncode == 0 and can_log_in(ANNA, "another") and not can_log_in(ANNA, PASSWORD), result)
    server.hfctl("user", "passwd", ANNA, "--password-stdin", input=PASSWORD + "\n")
    server.refuses("a password for nobody", 1, "user", "passwd", "nobody@example.org", "--password-stdin", input="x\n")
    with server.client(BOB) as c:
        result = server.hfctl("user", "disable", BOB)
        check("user disable", result.returncode == 0 and not can_log_in(BOB, PASSWORD), result)
        c.timeout(10)
        check("its sessions end", b"BYE" in c.response())
    server.deliver(message("while disabled"), BOB)
    result = server.hfctl("user", "enable", BOB)
    check("user enable", result.returncode == 0 and can_log_in(BOB, PASSWORD), result)
    with server.client(BOB) as c:
        check("mail came in meanwhile", c.exists("INBOX") == 1)
    check("user delete", server.hfctl("user", "delete", "load0@example.org").returncode == 0 and
          not can_log_in("load0@example.org", "pw-0"))
    server.refuses("deleting it again", 1, "user", "delete", "load0@example.org")
    with server.lmtp_client() as c:
        check("a deleted user is unknown", c.begin("load0@example.org")[0].startswith(b"550 5.1.1"))


def aliases():
    check("user alias add", server.hfctl("user", "alias", "add", ANNA, "Info@example.org").returncode == 0)
    check("user alias add, with nothing behind", server.hfctl("user", "alias", "add", ANNA, "chef").returncode == 0)
    listed = server.result_of("user", "alias", "list")
    check("user alias list", listed == [{"alias": "chef", "user": ANNA}, {"alias": "info@example.org", "user": ANNA}], listed)
    check("of one account", server.result_of("user", "alias", "list", BOB) == [] and len(server.result_of("user", "alias", "list", ANNA)) == 2)
    with server.client(ANNA) as c:
        before = c.exists("INBOX")
    server.deliver(message("to the alias"), "INFO@example.org")
    with server.client("chef") as c:
        check("mail to one alias is read by another", c.exists("INBOX") == before + 1)
        who = {r.get("user") for r in server.result_of("who")}
        check("who shows the account", who == {ANNA}, who)
    check("each with the account's password", can_log_in("info@example.org", PASSWORD) and not can_log_in("info@example.org", "x"))
    server.refuses("one that there is", 1, "user", "alias", "add", BOB, "info@example.org")
    server.refuses("the name of an account", 1, "user", "alias", "add", BOB, ANNA)
    server.refuses("an impossible name", 1, "user", "alias", "add", BOB, "a b")
    server.refuses("a name that means others", 1, "user", "alias", "add", BOB, "anyone")
    server.refuses("for nobody", 1, "user", "alias", "add", "nobody@example.org", "x")
    server.refuses("without an alias", 2, "user", "alias", "add", ANNA)
    server.refuses("an account with that name", 1, "user", "add", "chef", "--password-stdin", input="x\n")
    server.refuses("taking away another's", 1, "user", "alias", "remove", BOB, "chef")
    check("user alias remove", server.hfctl("user", "alias", "remove", ANNA, "chef").returncode == 0 and not can_log_in("chef", PASSWORD))
    server.refuses("again", 1, "user", "alias", "remove", ANNA, "chef")
    with server.lmtp_client() as c:
        check("it is unknown then", c.begin("chef")[0].startswith(b"550 5.1.1"))


def mailboxes():
    def names():
        listed = server.result_of("mailbox", "list", ANNA)
        return [m["name"] for m in (listed if isinstance(listed, list) else listed["mailboxes"])]
    first = names()
    check("the usual mailboxes are there", first[0] == "INBOX" and {"Sent", "Drafts", "Trash"} <= set(first), first)
    check("mailbox create", server.hfctl("mailbox", "create", ANNA, "Work/Büro ☃").returncode == 0)
    check("with those above it", {"Work", "Work/Büro ☃"} <= set(names()))
    server.refuses("creating it again", 1, "mailbox", "create", ANNA, "Work/Büro ☃")
    server.refuses("an impossible name", 1, "mailbox", "create", ANNA, "a//b")
    server.refuses("for nobody", 1, "mailbox", "create", "nobody@example.org", "x")
    with server.client(ANNA) as c:
        check("IMAP sees it", b"Work/B&APw-ro &JgM-" in b"".join(c.ok('LIST "" "Work/%"')))
        c.append("Work/B&APw-ro &JgM-", message("in it"))
    check("mailbox rename", server.hfctl("mailbox", "rename", ANNA, "Work", "Arbeit").returncode == 0 and
          "Arbeit/Büro ☃" in names())
    server.refuses("renaming what is not there", 1, "mailbox", "rename", ANNA, "Work", "x")
    check("mailbox delete", server.hfctl("mailbox", "delete", ANNA, "Arbeit/Büro ☃").returncode == 0 and "Arbeit/Büro ☃" not in names())
    server.refuses("deleting INBOX", 1, "mailbox", "delete", ANNA, "INBOX")


def metadata():
    def value(*place):
        return server.result_of("metadata", "get", *place)

    check("metadata set, of the server", server.hfctl("metadata", "set", "/shared/admin", "mailto:post@example.org").returncode == 0)
    check("metadata get", (value("/shared/Admin") or {}).get("value") == "mailto:post@example.org")
    check("of a user", server.hfctl("metadata", "set", "/private/vendor/x/y", "ä", ANNA).returncode == 0)
    check("of a mailbox, private and shared", server.hfctl("metadata", "set", "/private/comment", "mine", ANNA, "Sent").returncode == 0 and
          server.hfctl("metadata", "set", "/shared/Comment", "YQBi", ANNA, "Sent", "--base64").returncode == 0)
    with Imap(server.imap) as c:
        c.command(f'LOGIN "{ANNA}" "{PASSWORD}"')
        c.command('ENABLE METADATA')
        got = b"".join(c.command('GETMETADATA "" (/shared/admin /private/vendor/x/y)')[1])
        check("clients see the server's", b"mailto:post@example.org" in got and "ä".encode() in got, got)
        got = b"".join(c.command("GETMETADATA Sent (/shared/comment /private/comment)")[1])
        check("and the mailbox's, with NUL", b"~{3}\r\na\0b" in got and b'"mine"' in got, got)
        server.hfctl("metadata", "remove", "/private/comment", ANNA, "Sent")
        got = b"".join(c.command("NOOP")[1])
        check("and hear of changes", b"* METADATA Sent /private/comment" in got, got)
    rows = server.result_of("metadata", "list", ANNA, "Sent") or []
    check("metadata list", [(r["entry"], r["encoding"], r["value"]) for r in rows] == [("/shared/Comment", "base64", "YQBi")], rows)
    check("metadata list of the server", [r["entry"] for r in server.result_of("metadata", "list") or []] == ["/shared/admin"])
    check("metadata list of a user", [r["value"] for r in server.result_of("metadata", "list", ANNA) or []] == ["ä"])
    check("as a table for people", server.hfctl("metadata", "list", ANNA).stdout.startswith("ENTRY"))
    server.refuses("an entry that is not set", 1, "metadata", "get", "/private/comment", ANNA, "Sent")
    server.refuses("an impossible entry", 1, "metadata", "set", "/comment", "x")
    server.refuses("a private entry of nobody", 2, "metadata", "set", "/private/comment", "x")
    server.refuses("an entry of no mailbox", 1, "metadata", "set", "/private/comment", "x", ANNA, "Nowhere")
    server.refuses("an entry of no user", 1, "metadata", "set", "/private/comment", "x", "nobody@example.org")
    server.refuses("what is not base64", 2, "metadata", "set", "/shared/comment", "%", "--base64")
    server.hfctl("shared", "create", "News")
    check("of a shared mailbox", server.hfctl("metadata", "set", "/shared/comment", "for all", "shared", "News").returncode == 0 and
          [r["value"] for r in server.result_of("metadata", "list", "shared", "News") or []] == ["for all"])
    server.refuses("a private entry of the shared account", 2, "metadata", "set", "/private/comment", "x", "shared", "News")
    server.hfctl("shared", "delete", "News")
    server.refuses("a special use", 1, "metadata", "set", "/private/specialuse", "\\Junk", ANNA, "Sent")
    server.refuses("without a value", 2, "metadata", "set", "/shared/comment")


def looking_on():
    with server.client(ANNA, tls=True) as c:
        c.ok("SELECT INBOX")
        rows = server.result_of("who")
        rows = rows if isinstance(rows, list) else rows["connections"]
        mine = [r for r in rows if r.get("user") == ANNA]
        check("who shows the session", len(mine) == 1 and ANNA in server.hfctl("who").stdout, rows)
        check("kick ends it", server.hfctl("kick", ANNA).returncode == 0)
        c.timeout(10)
        check("with a BYE", b"BYE" in c.response())
    server.refuses("kicking who is not there", 1, "kick", "nobody@example.org")
    stats = server.result_of("stats")
    check("stats are numbers by name", len(stats) > 5 and all(isinstance(k, str) for k in stats), stats)
    totals = server.result_of("verify")
    check("verify has counted", totals["damaged"] == 0 and totals["messages"] >= 1 and totals["users"] >= 100, totals)
    check("checkpoint", server.hfctl("checkpoint").returncode == 0)
    result = server.hfctl("postfix")
    check("postfix shows a line for main.cf", re.search(r"^virtual_transport = lmtp:", result.stdout, re.M), result)
    result = server.hfctl("--help")
    verbs = [v["name"] for v in server.result_of("help")]
    check("every verb is in --help", result.returncode == 0 and all(v in result.stdout for v in verbs), verbs)
    for verb in verbs:
        result = server.hfctl(*verb.split(" "), "--help")
        check(f"{verb} --help", result.returncode == 0 and f"hfctl [--socket PATH] [--json] {verb}" in result.stdout, result)
    server.refuses("an unknown verb", 2, "nonsense")
    server.refuses("a superfluous argument", 2, "stats", "x")
    server.refuses("an unknown option", 2, "stats", "--nonsense")
    result = run(HFCTL, "user", "list", env={**os.environ, "HOLDFAST_SOCKET": server.control})
    check("HOLDFAST_SOCKET names the socket", result.returncode == 0, result)


def second_daemon():
    other = f"{folder}/second.conf"
    with open(server.config, encoding="utf-8") as file:
        text = file.read()
    for port in (server.imap, server.imaps, server.lmtp):
        text = text.replace(f":{port}\"", f":{free_port()}\"")
    text = text.replace(server.lmtp_unix, server.lmtp_unix + "2").replace(server.control, server.control + "2")
    with open(other, "w", encoding="utf-8") as file:
        file.write(text)
    result = run(HOLDFASTD, "-c", other, timeout=30)
    check("a second daemon on the same store is refused", result.returncode != 0 and f"{server.dir}/store" in result.stderr, result)
    check("and the first goes on", can_log_in(ANNA, PASSWORD))


def reloading():
    with server.lmtp_client() as c:
        check("SIZE before", b"SIZE 67108864" in c.command("LHLO x"))
    server.options["lmtp.message_size"] = '"1 MiB"'
    server.write_config()
    check("reload", server.hfctl("reload").returncode == 0)
    with server.lmtp_client() as c:
        check("a new connection has the new setting", b"SIZE 1048576" in c.command("LHLO x"))
    server.options["lmtp.message_size"] = '"2 MiB"'
    server.write_config()
    server.process.send_signal(signal.SIGHUP)

    def size():
        with server.lmtp_client() as c:
            return b"SIZE 2097152" in c.command("LHLO x")
    wait_for(size, 10, "SIGHUP takes effect")
    check("SIGHUP does the same", True)

    with server.client(ANNA) as c:
        with open(server.config, encoding="utf-8") as file:
            good = file.read()
        with open(server.config, "w", encoding="utf-8") as file:
            file.write(good.replace('message_size = "2 MiB"', 'mesage_size = "3 MiB"').replace('hostname = "', 'colour = "red";\nhostname = "'))
        result = server.hfctl("reload")
        check("a wrong configuration is refused whole, all mistakes named with line and nearest key", result.returncode == 1 and
              re.search(r"holdfast\.conf:\d+.*mesage_size", result.stderr) and "message_size" in result.stderr and
              "colour" in result.stderr, result)
        check("nothing has changed", size() and c.command("NOOP")[0].startswith(b"OK"))
        check("--check says the same", run(HOLDFASTD, "-c", server.config, "--check").returncode != 0)
        with open(server.config, "w", encoding="utf-8") as file:
            file.write(good.replace("listen = (", "listen = ((("))
        result = server.hfctl("reload")
        check("so is a broken one", result.returncode == 1 and re.search(r"holdfast\.conf:\d+", result.stderr), result)
        with open(server.config, "w", encoding="utf-8") as file:
            file.write(good.replace(f"{server.dir}/store", f"{server.dir}/elsewhere"))
        result = server.hfctl("reload")
        check("what needs a restart is said so", result.returncode == 1 and "restart" in result.stderr, result)
        os.unlink(server.config)
        check("a missing one is refused", server.hfctl("reload").returncode == 1)
        with open(server.config, "w", encoding="utf-8") as file:
            file.write(good)
        check("and the good one is taken again", server.hfctl("reload").returncode == 0)
        check("all the while the session lived", c.command("NOOP")[0].startswith(b"OK"))


def snapshot():
    """All of a user's mail as IMAP shows it."""
    state = []
    with server.client(ANNA) as c:
        names = [re.search(rb'"/" "?(.*?)"?$', r).group(1).decode() for r in c.ok('LIST "" "*"')]
        for name in sorted(names):
            untagged = c.ok(f'EXAMINE "{name}"')
            state.append([name] + [r for r in untagged if b"UIDVALIDITY" in r or b"UIDNEXT" in r or b"EXISTS" in r])
            if not any(b"* 0 EXISTS" in r for r in untagged):
                state.append(c.ok("FETCH 1:* (UID FLAGS INTERNALDATE BODY.PEEK[])"))
    return state


def restarts():
    with server.client(ANNA) as c:
        for n in range(20):
            c.append("INBOX", message(f"kept {n}"), r"(\Seen $Key)" if n % 2 else "()")
        c.ok("SELECT INBOX")
        c.ok(r"STORE 3:5 +FLAGS (\Deleted)")
        c.ok("EXPUNGE")
        c.ok("LOGOUT")
    before = snapshot()
    with server.client(ANNA) as c:
        c.ok("SELECT INBOX")
        server.process.terminate()
        c.timeout(30)
        check("sessions hear BYE at the end", b"BYE" in c.response())
        server.process.wait(60)
    check("SIGTERM ends it in order", server.process.returncode == 0, server.process.returncode)
    server.start()
    check("a restart keeps everything", snapshot() == before)
    server.kill()
    server.start()
    check("so does a crash", snapshot() == before)
    check("and verify agrees", server.hfctl("verify").returncode == 0)
    result = server.hfctl("stop")
    server.process.wait(60)
    check("hfctl stop", result.returncode == 0 and server.process.returncode == 0, result)
    for path in (server.control, server.lmtp_unix):
        check(f"{os.path.basename(path)} socket is gone", not os.path.exists(path))
    with open(server.config, encoding="utf-8") as file:
        good = file.read()
    with open(server.config, "w", encoding="utf-8") as file:
        file.write(good.replace("listen = (", 'listne = ();\nlisten = ('))
    result = run(HOLDFASTD, "-c", server.config, timeout=30)
    check("a wrong configuration does not start, and the key meant is named", result.returncode != 0 and
          re.search(r"holdfast\.conf:\d+.*listne", result.stderr) and '"listen"' in result.stderr.replace("'", '"'), result)
    with open(server.config, "w", encoding="utf-8") as file:
        file.write(good)
    began = time.monotonic()
    server.start()
    check("it is back within seconds", time.monotonic() - began < 5, time.monotonic() - began)


main(before_it_runs, users, aliases, mailboxes, metadata, looking_on, second_daemon, reloading, restarts, seconds=240)
