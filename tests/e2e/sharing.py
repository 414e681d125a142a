#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Who may do what: each right alone against every command, what is hidden against what does not exist (to the octet, and in time), rights that
are taken away under a running command, mail to shared mailboxes, the administrator's verbs, and all of it after a restart."""

import json
import re
import statistics
import time

from support import PASSWORD, Server, check, main, message, wait_for

server = None
ANNA, BOB, CARL = "anna@example.org", "bob@example.org", "carl@example.org"
RIGHTS = "lrswipkxtea"
TEXT = b"Subject: x\r\n\r\nx\r\n"


def start():
    global server
    server = Server(options={"auth.admins": '( "root@example.org" )'})
    server.start()
    for user in (ANNA, BOB, CARL, "root@example.org"):
        server.add_user(user)


def ctl(*words):
    result = server.hfctl("--json", *words)
    if result.returncode:
        raise RuntimeError(f"hfctl {words}: {result.stderr}")
    return json.loads(result.stdout) if result.stdout.strip() else None


def acl(mailbox, who, rights, owner=ANNA):
    ctl("acl", "set", owner, mailbox, who, rights)


def outcome(reply):
    """OK, or NO with its code."""
    words = reply.split(b" ", 2)
    if words[0] != b"NO":
        return words[0].decode()
    code = re.match(rb"NO \[([A-Z]+)", reply)
    return code.group(1).decode() if code else "NO"


def literal(command):
    return f"{command} {{{len(TEXT)}+}}\r\n".encode() + TEXT


def fresh(anna, name):
    """A mailbox of anna's with one message that carries \\Deleted."""
    anna.command(f'DELETE "{name}/Child"')
    anna.command(f'DELETE "{name}"')
    anna.command(f'DELETE "{name}2"')
    anna.ok(f'CREATE "{name}"')
    anna.append(name, message("in it"), "(\\Deleted)")


# --- each right alone -------------------------------------------------------------------------------------------------

def commands(name):
    """(what, the command, the rights that allow it: any one of them)"""
    return [
        ("SELECT", f'SELECT "{name}"', "r"),
        ("EXAMINE", f'EXAMINE "{name}"', "r"),
        ("STATUS", f'STATUS "{name}" (MESSAGES UNSEEN RECENT UIDNEXT SIZE)', "r"),
        ("APPEND", literal(f'APPEND "{name}"'), "i"),
        ("APPEND CATENATE", literal(f'APPEND "{name}" CATENATE (TEXT') + b")", "i"),
        ("CATENATE from it", 'APPEND INBOX CATENATE (URL "/' + name.replace(" ", "%20") + '/;UID=1")', ""),
        ("COPY to it", f'COPY 1 "{name}"', "i"),
        ("MOVE to it", f'MOVE 1 "{name}"', "i"),
        ("REPLACE into it", literal(f'REPLACE 1 "{name}"'), "i"),
        ("CREATE below it", f'CREATE "{name}/Child"', "k"),
        ("GETACL", f'GETACL "{name}"', "a"),
        ("SETACL", f'SETACL "{name}" {CARL} +l', "a"),
        ("DELETEACL", f'DELETEACL "{name}" {CARL}', "a"),
        ("LISTRIGHTS", f'LISTRIGHTS "{name}" {CARL}', "a"),
        ("MYRIGHTS", f'MYRIGHTS "{name}"', "lrikxa"),
        ("GETQUOTAROOT", f'GETQUOTAROOT "{name}"', "r"),
        ("DELETE", f'DELETE "{name}"', "x"),
    ]


def each_right_alone():
    name, full = "One", f"Other Users/{ANNA}/One"
    with server.client(ANNA) as anna:
        for right in RIGHTS:
            bad = []
            fresh(anna, name)
            acl(name, BOB, right)
            for what, command, needs in commands(full):
                with server.client(BOB) as bob:
                    bob.append("INBOX", message("mine"))
                    bob.ok("SELECT INBOX")
                    reply, _ = bob.command(command)
                    got = outcome(reply)
                allowed = right in needs
                refusal = "NOPERM" if right == "l" else "NONEXISTENT"
                wanted = "OK" if allowed else refusal
                if got == "TRYCREATE" and wanted == "NONEXISTENT":
                    got = wanted
                if what == "CATENATE from it" and not allowed:
                    wanted = "BADURL"
                if got != wanted:
                    bad.append(f"{what}: {got}, wanted {wanted}")
                if allowed:
                    fresh(anna, name)
                    acl(name, BOB, right)
            with server.client(BOB) as bob:
                listed = full.encode() in b"".join(bob.ok(f'LIST "" "Other Users/{ANNA}/*"'))
                if listed != (right == "l"):
                    bad.append(f"LIST shows it: {listed}")
                found = bob.ok(f'ESEARCH IN (mailboxes "{full}" subtree "Other Users") RETURN (COUNT) ALL')
                if bool(found) != (right == "r"):
                    bad.append(f"ESEARCH: {found}")
                told = bob.ok(f'NOTIFY SET STATUS (mailboxes "{full}" (MessageNew MessageExpunge))')
                if [b"NoAccess" in t for t in told] != ([True] if right == "l" else []):
                    bad.append(f"NOTIFY: {told}")
            check(f"right {right} alone allows what it should, and nothing else", not bad, "\n".join(bad))


def selected_with():
    """In the selected mailbox: r, and each right beside it."""
    name, full = "Two", f"Other Users/{ANNA}/Two"
    cases = [
        ("STORE \\Seen", "STORE 1 +FLAGS (\\Seen)", {"s"}),
        ("STORE \\Deleted", "STORE 1 -FLAGS (\\Deleted)", {"t"}),
        ("STORE \\Flagged", "STORE 1 +FLAGS (\\Flagged)", {"w"}),
        ("STORE a keyword", "STORE 1 +FLAGS.SILENT (word)", {"w"}),
        ("STORE FLAGS", "UID STORE 1 FLAGS (\\Seen \\Flagged word)", {"s", "t", "w"}),
        ("EXPUNGE", "EXPUNGE", {"e"}),
        ("UID EXPUNGE", "UID EXPUNGE 1", {"e"}),
        ("MOVE", "MOVE 1 INBOX", set()),
        ("COPY", "COPY 1 INBOX", set(RIGHTS)),
        ("FETCH", "FETCH 1 BODY[]", set(RIGHTS)),
        ("SEARCH", "SEARCH ALL", set(RIGHTS)),
    ]
    with server.client(ANNA) as anna:
        for right in RIGHTS:
            bad = []
            for what, command, needs in cases:
                fresh(anna, name)
                acl(name, BOB, "r" + right)
                with server.client(BOB) as bob:
                    untagged = bob.ok(f'SELECT "{full}"')
                    flags = b"".join(u for u in untagged if b"PERMANENTFLAGS" in u)
                    if (b"\\Seen" in flags, b"\\Deleted" in flags, b"\\Flagged" in flags, b"\\*" in flags) != \
                            (right == "s", right == "t", right == "w", right == "w"):
                        bad.append(f"PERMANENTFLAGS: {flags!r}")
                    got = outcome(bob.command(command)[0])
                    if got != ("OK" if right in needs else "NOPERM"):
                        bad.append(f"{what}: {got}")
                    if what == "FETCH":
                        seen = b"\\Seen" in b"".join(bob.ok("FETCH 1 FLAGS"))
                        if seen != (right == "s"):
                            bad.append(f"FETCH sets \\Seen: {seen}")
                    bob.ok("CLOSE")
            fresh(anna, name)
            acl(name, BOB, "r" + right)
            with server.client(BOB) as bob:
                bob.ok(f'SELECT "{full}"')
                bob.ok("CLOSE")
            left = anna.exists(name)
            anna.ok("UNSELECT")
            if left != (0 if right == "e" else 1):
                bad.append(f"CLOSE leaves {left}")
            check(f"rights r and {right} in the selected mailbox", not bad, "\n".join(bad))
        fresh(anna, name)
        acl(name, BOB, "rte")
        with server.client(BOB) as bob:
            bob.ok(f'SELECT "{full}"')
            check("MOVE with t and e", outcome(bob.command("MOVE 1 INBOX")[0]) == "OK")


# --- what is hidden ---------------------------------------------------------------------------------------------------

def naming(name):
    """Every command that takes the name of a mailbox."""
    more = [
        ("LIST", f'LIST "" "{name}"'),
        ("LIST below", f'LIST "{name}/" "*"'),
        ("LIST extended", f'LIST (SUBSCRIBED RECURSIVEMATCH) "" ("{name}" "{name}/%") RETURN (CHILDREN STATUS (MESSAGES) MYRIGHTS)'),
        ("LSUB", f'LSUB "" "{name}"'),
        ("CREATE", f'CREATE "{name}"'),
        ("RENAME from", f'RENAME "{name}" Elsewhere'),
        ("RENAME to", f'RENAME Archive "{name}"'),
        ("RENAME to below", f'RENAME Archive "{name}/x"'),
        ("RENAME within", f'RENAME "{name}" "{name}x"'),
        ("SUBSCRIBE", f'SUBSCRIBE "{name}"'),
        ("LSUB of it", f'LSUB "" "{name}"'),
        ("LIST SUBSCRIBED", f'LIST (SUBSCRIBED) "" "{name}" RETURN (CHILDREN)'),
        ("ESEARCH subscribed", 'ESEARCH IN (subscribed) RETURN (COUNT) ALL'),
        ("UNSUBSCRIBE", f'UNSUBSCRIBE "{name}"'),
        ("ESEARCH", f'ESEARCH IN (mailboxes "{name}" subtree "{name}" subtree-one "{name}") RETURN (COUNT) ALL'),
        ("NOTIFY", f'NOTIFY SET STATUS (mailboxes "{name}" (MessageNew MessageExpunge FlagChange)) (subtree "{name}" (MailboxName))'),
        ("NOTIFY NONE", "NOTIFY NONE"),
        ("STATUS once more", f'STATUS "{name}" (HIGHESTMODSEQ MAILBOXID)'),
        ("SELECT QRESYNC", f'SELECT "{name}" (QRESYNC (1 1))'),
        ("GETMETADATA", f'GETMETADATA "{name}" /shared/comment'),
        ("SETMETADATA", f'SETMETADATA "{name}" (/private/comment "x")'),
    ]
    return [(what, command) for what, command, _ in commands(name)] + more


def said(name):
    """All that bob hears, with the name taken out."""
    heard = {}
    for what, command in naming(name):
        with server.client(BOB) as bob:
            bob.ok("SELECT INBOX")
            if "QRESYNC" in what:
                bob.ok("ENABLE QRESYNC")
            reply, untagged = bob.command(command)
        text = b"\n".join([*untagged, reply]).replace(name.encode(), b"NAME").replace(name.replace(" ", "%20").encode(), b"NAME")
        heard[what] = re.sub(rb'TAG "\w+"', b"TAG", text)
    return heard


def compare(what, one, other):
    a, b = said(one), said(other)
    differ = [f"{k}: {a[k]!r} but {b[k]!r}" for k in a if a[k] != b[k]]
    check(f"{what}: no command tells, of {len(a)}", not differ, "\n".join(differ))


def hidden():
    with server.client(ANNA) as anna:
        anna.ok("CREATE Hidden/Deep")
        anna.append("Hidden", message("secret"))
        anna.append("Hidden/Deep", message("secret"))
        anna.ok("CREATE Open")
        acl("Open", BOB, "lrswipkxtea")
        anna.ok("CREATE Open/Veiled")
        ctl("acl", "delete", ANNA, "Open/Veiled", BOB)
    with server.client(BOB) as bob:
        bob.append("INBOX", message("mine"))
    ctl("shared", "create", "Hidden")
    ctl("acl", "delete", "shared", "Hidden", "anyone")
    anna, carl, nobody = f"Other Users/{ANNA}", f"Other Users/{CARL}", "Other Users/nora@example.org"
    compare("a hidden mailbox of one who shares others", f"{anna}/Hidden", f"{anna}/Absent")
    compare("one below a hidden one", f"{anna}/Hidden/Deep", f"{anna}/Absent/Deep")
    compare("a user who shares nothing", f"{carl}/INBOX", f"{nobody}/INBOX")
    compare("a hidden shared mailbox", "Shared Folders/Hidden", "Shared Folders/Absent")
    acl("Hidden", CARL, "lr")
    acl("Hidden", f"-{BOB}", "lrswipkxtea")
    acl("Hidden", "group:others", "lr")
    compare("a mailbox that others may see and this user may not", f"{anna}/Hidden", f"{anna}/Absent")
    # Here CREATE alone differs: it makes what is not there.
    a, b = f"{anna}/Open/Veiled", f"{anna}/Open/Absent"
    with server.client(BOB) as bob:
        for command in ("STATUS {} (MESSAGES)", "SELECT {}", "DELETE {}", "GETACL {}", "MYRIGHTS {}", "RENAME {} x", "GETQUOTAROOT {}"):
            one, other = (bob.command(command.format(f'"{name}"'))[0] for name in (a, b))
            check(f"below a mailbox with all rights: {command}", one == other, (one, other))
        taken = bob.command(f'CREATE "{a}"')[0]
        check("a hidden name that is taken is not said to be", outcome(taken) == "NOPERM", taken)
    with server.lmtp_client() as c:
        replies = c.begin("shared+Hidden@example.org", "shared+Absent@example.org", "nora@example.org")
        plain = {re.sub(rb"<[^>]*>", b"<>", r) for r in replies}
        check("nor does mail", len(plain) == 1 and replies[0].startswith(b"550 5.1.1"), replies)


def in_time():
    """Interleaved, so that what else runs hits both alike; the fastest quarter of each."""
    pairs = [
        ("a hidden mailbox", f"Other Users/{ANNA}/Hidden", f"Other Users/{ANNA}/Absent"),
        ("a user who shares nothing", f"Other Users/{CARL}/INBOX", "Other Users/nora@example.org/INBOX"),
        ("a hidden shared mailbox", "Shared Folders/Hidden", "Shared Folders/Absent"),
    ]
    with server.client(BOB) as bob:
        asked = [(*pair, command) for pair in pairs for command in ('STATUS "{}" (MESSAGES)', 'MYRIGHTS "{}"', 'CREATE "{}/x"')]
        for what, one, other, command in asked + [("a user", ANNA, "nora@example.org", "GETQUOTA {}")]:
            times = {one: [], other: []}
            for _ in range(400):
                for name in (one, other):
                    began = time.perf_counter()
                    bob.command(command.format(name))
                    times[name].append(time.perf_counter() - began)
            a, b = (statistics.mean(sorted(times[n])[:100]) for n in (one, other))
            check(f"{what}, {command.split()[0]}: as long as for nothing", max(a, b) / min(a, b) < 1.25, (a, b))
        for count, wanted in ((1000, "OK"), (1001, "LIMIT")):
            reply, _ = bob.command(f"ESEARCH IN (subtree ({'a ' * (count - 1)}a)) ALL")
            check(f"ESEARCH in {count} names", outcome(reply) == wanted, reply)


# --- rights that go ---------------------------------------------------------------------------------------------------

def taken_away():
    with server.client(ANNA) as anna:
        anna.ok("CREATE Large")
        anna.append("Large", message("large"))
        anna.ok("SELECT Large")
        for _ in range(15):
            anna.ok("COPY 1:* Large")
    acl("Large", BOB, "lrs")
    with server.client(BOB) as bob:
        bob.ok(f'SELECT "Other Users/{ANNA}/Large"')
        tag = bob.begin("FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE RFC822.SIZE INTERNALDATE)")
        bob.line()
        acl("Large", BOB, "l")
        rest = b""  # from now on there is room again
        while not re.search(rb"^" + tag.encode() + rb" [^\r\n]*\r\n", rest, re.M):
            piece = bob.file.read1(1 << 20)
            if not piece:
                break
            rest = (rest + piece)[-300000:]
        text = re.search(rb"^" + tag.encode() + rb" [^\r\n]*", rest, re.M).group(0)
        check("a FETCH under way ends when the right goes", outcome(text.split(b" ", 1)[1]) == "NONEXISTENT", text)
    acl("Large", BOB, "lr")
    with server.client(BOB) as bob:
        bob.ok(f'SELECT "Other Users/{ANNA}/Large"')
        acl("Large", f"-{BOB}", "r")
        reply, untagged = bob.command("FETCH 1 FLAGS")
        check("a negative right takes effect at once", outcome(reply) == "NONEXISTENT" and any(b"NONEXISTENT" in u for u in untagged),
              (reply, untagged))
        ctl("acl", "delete", ANNA, "Large", f"-{BOB}")
        reply, _ = bob.command("FETCH 1 FLAGS")
        check("and stays until the mailbox is selected again", outcome(reply) == "NONEXISTENT", reply)
        bob.ok(f'SELECT "Other Users/{ANNA}/Large"')
        bob.ok("FETCH 1 FLAGS")
    ctl("group", "add", "readers", CARL)
    acl("Large", "group:readers", "lr")
    with server.client(CARL) as carl:
        carl.ok(f'SELECT "Other Users/{ANNA}/Large"')
        tag = carl.begin("IDLE")
        carl.response()
        ctl("group", "remove", "readers", CARL)
        carl.timeout(10)
        told = carl.response()
        check("IDLE is told when a membership ends", told.startswith(b"* NO [NONEXISTENT]"), told)
        carl.send("DONE\r\n")
        carl.finish(tag)


def stalled(bob, prepare, commands):
    """What one hears who sends all this, reads nothing while the server writes until there is no room, and loses the right to read then."""
    acl("Large", BOB, "lrs")
    bob.ok(prepare)
    bob.send("".join(f"q{i} {command}\r\n" for i, command in enumerate(commands)) + "last NOOP\r\n")
    time.sleep(2)
    acl("Large", BOB, "l")
    heard = b""
    while not re.search(rb"^last OK [^\r\n]*\r\n", heard[-1000:], re.M):
        piece = bob.file.read1(1 << 20)
        if not piece:
            raise RuntimeError("the connection has ended")
        heard += piece
    return heard


def taken_away_midway():
    """Of the 32768 messages of taken_away()."""
    select = f'SELECT "Other Users/{ANNA}/Large"'
    for command in ("SEARCH ALL", "SORT (ARRIVAL) UTF-8 ALL", "THREAD REFERENCES UTF-8 ALL"):
        with server.client(BOB) as bob:
            heard = stalled(bob, select, [command] * 80)
        done = len(re.findall(rb"^q\d+ OK ", heard, re.M))
        check(f"{command.split()[0]}: the right goes under way", 0 < done < 80, done)
        word = command.split()[0].encode()
        whole = len(re.findall(rb"^\* " + word + rb"[ ()\d]*\r\n", heard, re.M))
        check(f"{command.split()[0]}: no line is broken by the news of it", whole == done and
              len(re.findall(rb"^\* NO \[NONEXISTENT\]", heard, re.M)) == heard.count(b"* NO ") == 1, (whole, done))
    with server.client(BOB) as bob:
        resync = select + f" (QRESYNC ({uidvalidity(bob)} 1))"
        bob.ok("ENABLE QRESYNC")
        heard = stalled(bob, "NOOP", [resync] * 20)
        before, gone, after = heard.partition(b"* NO [NONEXISTENT]")
        replies = re.findall(rb"^q\d+ (OK|NO \[NONEXISTENT|NO \[NOPERM)", after, re.M)
        check("SELECT ends when the right goes while it tells what has changed",
              gone and replies[0] == b"NO [NONEXISTENT" and b"OK" not in replies, replies)
        reply, _ = bob.command("FETCH 1 FLAGS")
        check("and selects nothing", reply.startswith(b"BAD"), reply)
    new_messages()


def uidvalidity(bob):
    acl("Large", BOB, "lr")
    return int(re.search(rb"UIDVALIDITY (\d+)", b"".join(bob.ok(f'STATUS "Other Users/{ANNA}/Large" (UIDVALIDITY)'))).group(1))


def new_messages():
    """NOTIFY tells new messages, contents included, as long as they may be read."""
    count = 32768  # of taken_away()
    with server.client(ANNA) as anna, server.client(BOB) as bob:
        anna.ok("CREATE News")
        acl("News", BOB, "lr")
        bob.ok("CREATE Own")
        bob.ok(f'SELECT "Other Users/{ANNA}/News"')
        bob.ok("NOTIFY SET (SELECTED (MessageNew (UID ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER]) MessageExpunge))")
        anna.ok("SELECT Large")
        anna.ok("COPY 1:* News")
        time.sleep(2)
        acl("News", BOB, "l")
        anna.append("News", message("after it"))
        time.sleep(1)
        reply, heard = bob.command("NOOP")
        told = [r for r in heard if b" FETCH (" in r]
        check("news under way ends when the right goes", 0 < len(told) < count and
              sum(r.startswith(b"* NO [NONEXISTENT]") for r in heard) == 1, (len(told), [(len(t), t[:80]) for t in told[:3]]))
        check("and nothing more of the mailbox is told", heard[-1].startswith(b"* NO [NONEXISTENT]"), heard[-1][:200])
        bob.ok("SELECT Own")
        with server.client(BOB) as other:
            other.append("Own", message("mine"))
        told = [r[:20] for r in bob.ok("NOOP") if b" FETCH (" in r]
        check("the next mailbox begins with its own", len(told) == 1 and told[0].startswith(b"* 1 FETCH"), told)


# --- administration ---------------------------------------------------------------------------------------------------

def verbs():
    def fails(status, *words):
        result = server.hfctl(*words)
        check(f"hfctl {' '.join(words)}: {status}", result.returncode == status and result.stderr.startswith("hfctl: "), result)
    ctl("shared", "create", "Lists/Dev")
    ctl("shared", "create", "Board", "--rights", f"group:board lrswipkxte {CARL} lr")
    rows = {r["name"]: r for r in ctl("shared", "list")}
    check("shared list", rows["Lists/Dev"]["rights"] == ["anyone lrs"] and
          sorted(rows["Board"]["rights"]) == sorted([f"{CARL} lr", "group:board lrswipkxte"]), rows)
    ctl("acl", "set", "shared", "Lists", "anyone", "+i")
    ctl("shared", "create", "Lists/Users")
    check("below, the rights of the one above", ctl("acl", "list", "shared", "Lists/Users") == [{"identifier": "anyone", "rights": "lrsi"}])
    acl("INBOX", "-" + BOB, "w")
    acl("INBOX", "-" + BOB, "+t")
    check("acl list", {"identifier": "-" + BOB, "rights": "wt"} in ctl("acl", "list", ANNA, "INBOX"), ctl("acl", "list", ANNA, "INBOX"))
    ctl("acl", "delete", ANNA, "INBOX", "-" + BOB)
    check("acl delete", ctl("acl", "list", ANNA, "INBOX") == [])
    ctl("group", "add", "board", BOB)
    ctl("group", "add", "board", CARL)
    check("group list", ctl("group", "list", "board") == [{"group": "board", "user": BOB}, {"group": "board", "user": CARL}] and
          len(ctl("group", "list")) >= 2, ctl("group", "list"))
    with server.client(BOB) as bob:
        bob.ok('STATUS "Shared Folders/Board" (MESSAGES)')
    ctl("shared", "rename", "Board", "Council")
    ctl("shared", "quota", "--messages", "1")
    with server.client(BOB) as bob:
        bob.append("Shared Folders/Council", message("first"))
        reply = bob.command(literal('APPEND "Shared Folders/Council"'))[0]
        check("the quota of shared mailboxes is one for all", outcome(reply) == "OVERQUOTA", reply)
    shown = ctl("shared", "quota", "--messages", "none")
    check("shared quota", shown["messages"] >= 1 and shown["messages_limit"] == 0, shown)
    with server.client("root@example.org") as root:
        told = root.ok("GETQUOTA shared")
        check("an administrator sees the root of shared mailboxes", told and told[0].startswith(b"* QUOTA shared ("), told)
    ctl("shared", "delete", "Lists/Users")
    ctl("mailbox", "undelete", "shared", "Lists/Users")
    check("what is deleted comes back with its rights",
          ctl("acl", "list", "shared", "Lists/Users") == [{"identifier": "anyone", "rights": "lrsi"}], ctl("acl", "list", "shared", "Lists/Users"))
    ctl("shared", "delete", "Lists/Users")
    table = server.hfctl("shared", "list")
    check("as a table for people", "Lists/Dev" in table.stdout and "anyone lrs" in table.stdout, table)
    fails(1, "shared", "create", "Lists/Dev")
    fails(1, "shared", "create", "a//b")
    fails(1, "shared", "create", "New", "--rights", "anyone")
    fails(1, "shared", "create", "New", "--rights", "anyone lrQ")
    fails(1, "shared", "delete", "Nothing")
    fails(1, "shared", "rename", "Nothing", "Else")
    fails(1, "shared", "rename", "Lists", "Council")
    fails(2, "shared", "rename", "Lists")
    fails(1, "acl", "list", "nobody@example.org", "INBOX")
    fails(1, "acl", "list", ANNA, "Nothing")
    fails(1, "acl", "set", ANNA, "INBOX", BOB, "xyz")
    fails(1, "acl", "set", ANNA, "INBOX", "group:", "lrs")
    fails(1, "acl", "set", ANNA, "INBOX", ANNA, "lrs")
    fails(2, "acl", "set", ANNA, "INBOX", BOB)
    fails(1, "group", "add", "board", "nobody@example.org")
    fails(2, "group", "add", "board")
    fails(1, "mailbox", "create", ANNA, "Shared Folders/x")
    fails(1, "mailbox", "rename", ANNA, "Archive", "Other Users")


def mail():
    def posted(recipient, begins):
        with server.lmtp_client() as c:
            got = c.begin(recipient)[0]
        check(f"mail to {recipient}: {begins.decode()}", got.startswith(begins), got)
    ctl("acl", "set", "shared", "Lists/Dev", "anyone", "lrsp")
    server.deliver(message("posted"), "shared+Lists/Dev@example.org")
    with server.client(CARL) as carl:
        check("posting by subaddress", carl.exists("Shared Folders/Lists/Dev") == 1)
        head = carl.body(1, "BODY.PEEK[HEADER]")
        check("with the address it came to", b"shared+Lists/Dev@example.org" in head, head)
    posted("SHARED+Lists/Dev@any.example", b"250")
    posted('"shared+Lists/Dev"@any.example', b"250")
    posted("shared@example.org", b"550 5.1.1")
    posted("shared+@example.org", b"550 5.1.1")
    posted("shared+Lists@example.org", b"550 5.1.1")
    posted("shared+Lists/Dev/None@example.org", b"550 5.1.1")
    posted("shared+a//b@example.org", b"550 5.1.1")
    ctl("acl", "set", "shared", "Lists/Dev", BOB, "lrsp")
    ctl("acl", "set", "shared", "Lists/Dev", "anyone", "-p")
    posted("shared+Lists/Dev@example.org", b"550 5.1.1")  # a sender is nobody in particular
    ctl("acl", "set", "shared", "Lists/Dev", "anyone", "+p")
    server.deliver(message("both"), "shared+Lists/Dev@example.org", "anna+Archive@example.org")
    with server.client(ANNA) as anna:
        check("one's own subaddress as ever", anna.exists("Archive") == 1)


def proxy():
    """An administrator acts as another (SASL authorisation identity); auth.py has all mechanisms."""
    import base64

    def plain(authzid, user):
        with server.client() as c:
            answer = base64.b64encode(f"{authzid}\0{user}\0{PASSWORD}".encode()).decode()
            reply, _ = c.command(f"AUTHENTICATE PLAIN {answer}")
            return reply, (c.ok("MYRIGHTS INBOX") if reply.startswith(b"OK") else None)
    reply, rights = plain(ANNA, "root@example.org")
    check("an administrator logs in as anna, with her rights", reply.startswith(b"OK") and b"lrswipkxtea" in rights[0], (reply, rights))
    log = wait_for(lambda: [line for line in server.log().split("\n") if "mech=PLAIN" in line], 10, "a line of the log")
    check("the log names both", "root@example.org" in log[-1] and ANNA in log[-1], log)
    reply, _ = plain(ANNA, BOB)
    check("others may not", reply.startswith(b"NO"), reply)


def restarted():
    before = {name: ctl("acl", "list", "shared", name) for name in ("Lists", "Lists/Dev", "Council")}
    with server.client(BOB) as bob:
        bob.ok('SELECT "Shared Folders/Lists/Dev"')
        bob.ok("STORE 1 +FLAGS (\\Seen)")
        unseen = bob.ok('STATUS "Shared Folders/Lists/Dev" (UNSEEN)')
    server.stop()
    server.start()
    after = {name: ctl("acl", "list", "shared", name) for name in before}
    check("rights are there after a restart", before == after, (before, after))
    with server.client(BOB) as bob:
        again = bob.ok('STATUS "Shared Folders/Lists/Dev" (UNSEEN)')
        check("and what each has seen", unseen == again, (unseen, again))
    check("groups too", {"group": "board", "user": BOB} in ctl("group", "list", "board"))
    server.hfctl("user", "delete", CARL)
    check("who goes leaves no rights and no membership", {"group": "board", "user": CARL} not in ctl("group", "list", "board") and
          all(CARL not in str(ctl("acl", "list", "shared", name)) for name in before))
    totals = ctl("verify")
    check("verify finds no damage", totals["damaged"] == 0, totals)


if __name__ == "__main__":
    main(start, each_right_alone, selected_with, hidden, in_time, taken_away, taken_away_midway, verbs, mail, proxy, restarted)
