# SPDX-License-Identifier: BSD-2-Clause
"""Attacks of hostile.py with what is stored: names, messages, annotations; over IMAP and LMTP."""

import re
import select
import socket
import time

from hostile_case import ANNA, attack
from hostile_data import APPENDS, BAD_APPENDS, BAD_NAMES, ITEMS, PATHS, fetch_fields, flood, odd_messages, timed
from support import check, message, note


@attack
def names(server):
    """Item 11: names are names in a database."""
    with server.client(ANNA) as c:
        for name, text in BAD_NAMES:
            reply, _ = c.command(b"CREATE " + text)
            check(f"CREATE {name} is refused", reply.startswith((b"NO", b"BAD")), reply)
        for text in ('".."', '"a/../b"', '"../../../etc/passwd"', '"."', '"inbox/x"', '"INBOX/y"', '"&AOQ-"', '"nul.so"', '"~bob"', '"#news"'):
            c.ok(f"CREATE {text}")
        again, _ = c.command(b'CREATE "&AGEDCA-"')  # a and a combining diaeresis
        with_letter, _ = c.command('CREATE "a&Awg-"')
        check("names that are equal after NFC are equal", with_letter.startswith(b"NO [ALREADYEXISTS]") and again.startswith((b"NO", b"BAD")),
              (again, with_letter))
        listed = b"\n".join(c.ok('LIST "" "*"'))
        check("they are names and nothing more", b'"../../../etc/passwd"' in listed or b" ../../../etc/passwd" in listed, listed)
        check("INBOX in any case", b"INBOX/x" in listed and b"INBOX/y" in listed and b"inbox" not in listed, listed)
        for command in ("SELECT", "EXAMINE", "DELETE", "SUBSCRIBE", "STATUS", "APPEND", "RENAME"):
            rest = {"STATUS": " (MESSAGES)", "APPEND": " {3+}\r\nabc", "RENAME": " other"}.get(command, "")
            reply, _ = c.command(f'{command} "../bob@example.org/INBOX"{rest}')
            check(f"{command} of a path into another account", reply.startswith((b"NO", b"OK")) and
                  (command == "SUBSCRIBE" or reply.startswith(b"NO")), reply)
        for name, command in (("INBOX away", "DELETE INBOX"), ("a tree onto its child", 'RENAME "a" "a/b/c"'),
                              ("what is not there", "DELETE nowhere"), ("a rename onto one that is there", 'RENAME ".." "."')):
            reply, _ = c.command(command)
            check(f"{name}: NO", reply.startswith(b"NO"), reply)
        c.ok("CREATE twice")
        first = c.ok("STATUS twice (UIDVALIDITY)")
        c.ok("DELETE twice")
        c.ok("CREATE twice")
        check("made again, it has a new UIDVALIDITY", c.ok("STATUS twice (UIDVALIDITY)") != first, first)
        pattern = "*%" * 200
        reply, seconds = timed(c.command, f'LIST "" "{pattern}x{pattern}"')
        check("a pattern of 800 wildcards is quick", reply[0].startswith((b"OK", b"BAD", b"NO")) and seconds < 2, seconds)


@attack
def messages(server):
    with server.client(ANNA, tls=False) as c:
        c.timeout(60)
        c.ok("CREATE odd")
        c.ok("SELECT odd")
        count, slowest = 0, []
        for name, data in odd_messages():
            began = time.monotonic()
            with server.lmtp_client() as lmtp:
                replies = lmtp.deliver(data, ["anna+odd@example.org"])
            c.ok("NOOP")
            count += 1
            tagged, got = fetch_fields(c, count, ITEMS)
            size = re.search(rb"RFC822.SIZE (\d+)", got)
            structure = b"BODYSTRUCTURE (" in got and b"ENVELOPE (" in got
            body = c.body(count)
            whole = body is not None and size and len(body) == int(size.group(1))
            expected = data if data.endswith(b"\r\n") else data + b"\r\n"
            found = c.search("SUBJECT zzqq") + c.search("TEXT zzqq") + c.search("FROM zzqq")
            seconds = time.monotonic() - began
            slowest.append((seconds, name))
            check(f"{name}: taken, described, given back, searched",
                  replies[0].startswith(b"250") and tagged.startswith(b"OK") and structure and whole and body.endswith(expected) and
                  not found and seconds < (60 if server.sanitised else 20),
                  (replies, tagged, structure, size and size.group(1), len(body or b""), len(expected), found, f"{seconds:.1f} s", got[:300]))
        slow = ", ".join(f"{name} {seconds:.1f} s" for seconds, name in sorted(slowest, reverse=True)[:8])
        note(f"{count} messages in {sum(s for s, _ in slowest):.1f} s; slowest: {slow}")
        listing, seconds = timed(c.command, "FETCH 1:* (ENVELOPE BODYSTRUCTURE)")
        check("a list of them all", listing[0].startswith(b"OK") and len(listing[1]) >= count, (listing[0], len(listing[1])))
        check("is of bounded size", sum(len(u) for u in listing[1]) < 64 << 20 and seconds < 30,
              (sum(len(u) for u in listing[1]), seconds))
        for criteria in ("SUBJECT x", "BODY x", "HEADER Received x", "TO a@b", "SENTBEFORE 1-Jan-1990", "LARGER 1000000"):
            tagged, _ = c.command("SEARCH " + criteria)
            check(f"SEARCH {criteria} among them", tagged.startswith(b"OK"), tagged)
        c.ok(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
        c.ok("CLOSE")
        c.ok("DELETE odd")


@attack
def threads(server):
    """References of a megabyte in each of many messages, no two ids the same but the first and the last: one thread of pairs."""
    pairs = 15
    with server.client(ANNA) as c:
        c.timeout(60)
        c.ok("CREATE threads")
        for n in range(pairs):
            c.append("threads", f"Subject: {n}\r\nMessage-ID: <last{n}@x>\r\nReferences: <first{n}@x>\r\n\r\nx\r\n".encode())
            ids = b"".join(b" <%d.%d@x>\r\n" % (n, m) for m in range(65_000))
            _, seconds = timed(c.append, "threads", b"Subject: %d\r\nReferences: <first%d@x>\r\n%s <last%d@x>\r\n\r\nx\r\n" % (n + 100, n, ids, n))
            check("a megabyte of ids is stored at once", 2**19 < len(ids) < 2**20 and seconds < (20 if server.sanitised else 5), (len(ids), seconds))
        c.ok("SELECT threads")
        expected = b"".join(b"(%d %d)" % (2 * n + 1, 2 * n + 2) for n in range(pairs))
        for algorithm in ("REFERENCES", "REFS"):
            (tagged, untagged), seconds = timed(c.command, f"THREAD {algorithm} UTF-8 ALL")
            check(f"THREAD {algorithm} of megabytes of ids: pairs, and soon",
                  tagged.startswith(b"OK") and untagged[0].strip() == b"* THREAD " + expected and seconds < (20 if server.sanitised else 2),
                  (tagged, untagged, seconds))
        c.ok("CLOSE")
        c.ok("DELETE threads")


@attack
def partial(server):
    """Item 21."""
    with server.client(ANNA) as c:
        c.ok("CREATE partial")
        data = message("partial", body="0123456789" * 1000 + "\r\n")
        c.append("partial", data)
        c.append("partial", b"Content-Transfer-Encoding: base64\r\nContent-Type: text/plain\r\n\r\n!!!=A\r\n")
        c.ok("SELECT partial")
        for item, expected in (("<0.1>", data[:1]), ("<1.4294967295>", data[1:]), (f"<{len(data) - 1}.10>", data[-1:]),
                               (f"<{len(data)}.10>", b""), ("<4294967295.1>", b"")):
            tagged, untagged = c.command(f"FETCH 1 BODY.PEEK[]{item}")
            got = b"".join(untagged)
            at = re.search(rb'\{(\d+)\}\r\n', got)
            octets = got[at.end():at.end() + int(at.group(1))] if at else b""
            check(f"BODY[]{item}", tagged.startswith(b"OK") and octets == expected, (tagged, got[:100]))
        for item in ("<0.0>", "<-1.1>", "<1>", "<1.>", "<.1>", "<1.2", "<99999999999999999999.1>", "<1.99999999999999999999>"):
            tagged, untagged = c.command(f"FETCH 1 BODY.PEEK[]{item}")
            check(f"BODY[]{item} is BAD", tagged.startswith(b"BAD"), (tagged, untagged))
        for item in ("BODY.PEEK[" + "1." * 1000 + "1]", "BODY.PEEK[4294967295]", "BODY.PEEK[2.MIME]", "BODY.PEEK[1.2.3.TEXT]"):
            tagged, untagged = c.command(f"FETCH 1 {item}")
            check(f"{item[:30]}: no such part", tagged.startswith((b"OK", b"BAD")), (tagged, untagged))
        for item in ("BODY[0]", "BODY[1", "BODY]", "BODY[MIME]", "BODY[HEADER.FIELDS ()]", "BODY[HEADER.FIELDS]", "BODY[99999999999]", "BODY[1.]",
                     "BODY[.1]", "RFC822[]", "XYZZY", "(FLAGS", "FLAGS)", "()", ""):
            tagged, untagged = c.command(f"FETCH 1 {item}")
            check(f"FETCH 1 {item} is BAD", tagged.startswith(b"BAD"), (tagged, untagged))
        fields = " ".join(f"X-{n}" for n in range(5000))
        tagged, _ = c.command(f"FETCH 1:* BODY.PEEK[HEADER.FIELDS ({fields})]")
        check("5,000 header names", tagged.startswith(b"OK"), tagged)
        c.append("partial", b"Subject: " + b"x" * 4000 + b"\r\nX-Long: " + b"y" * 60_000 + b"\r\n\r\n" + b"z" * 70 + b"\r\n")
        c.ok("NOOP")
        c.send("big FETCH 3 (" + " ".join(f"BODY.PEEK[]<{n}.65536>" for n in range(2500)) + ")\r\n")
        tail, octets = b"", 0
        while not re.search(rb"\r\nbig [A-Z]+ .*\r\n$", tail):  # in one piece it would be much for us, too
            piece = c.file.read1(1 << 20)
            octets += len(piece)
            tail = (tail + piece)[-200:]
            if not piece:
                break
        check("2,500 times 64 KiB in one response", b"big OK" in tail and octets > 100 << 20, (octets, tail))
        tagged, untagged = c.command("FETCH 3 (" + " ".join(f"BODY.PEEK[HEADER.FIELDS (X-Long X{n})]" for n in range(1500)) + ")")
        check("1,500 times a long header field is refused", tagged.startswith((b"NO [LIMIT]", b"BAD")), tagged)
        tagged, untagged = c.command("FETCH 1 (" + "BODY.PEEK[]<0.10> " * 2000 + "UID)")
        check("2,000 items", tagged.startswith((b"OK", b"BAD", b"NO")), (tagged, len(untagged)))


@attack
def appends(server):
    """Item 25."""
    data = message("append")
    with server.client(ANNA) as c:
        c.ok("CREATE appended")
        c.ok("CREATE gone")
    for cut in (b"a APPEND appended", b"a APPEND appended {%d}\r\n" % len(data), b"a APPEND appended {%d+}\r\n" % len(data) + data[:10],
                b"a APPEND appended {%d+}\r\n" % len(data) + data, b"a APPEND appended {3000000+}\r\n" + b"x" * 2999999,
                b"a APPEND appended {3+}\r\nabc {3+}\r\nab"):
        with server.client(ANNA) as c:
            c.send(cut)
    with server.client(ANNA) as c:
        for name, text in BAD_APPENDS:
            tagged, untagged = c.command(b"APPEND " + text)
            check(f"APPEND {name} is refused before the message", tagged.startswith((b"NO", b"BAD")) and not untagged, (tagged, untagged))
        for name, text, expected in APPENDS:
            tagged, _ = c.command(b"APPEND " + text)
            check(f"APPEND {name}: {expected.decode()}, and in step", tagged.startswith(expected) and not c.command("NOOP")[1], tagged)
        for date in ("01-Jan-1950 00:00:00 +0000", "31-Dec-9999 23:59:59 -1200", " 1-Feb-2020 00:00:00 +1400"):
            tagged, _ = c.command(f'APPEND appended "{date}" {{3+}}\r\nabc')
            check(f"INTERNALDATE {date}: an answer", tagged.startswith((b"OK", b"NO", b"BAD")), tagged)
        before = c.exists("appended")
        many = b"APPEND appended" + b" {3+}\r\nabc" * 3000 + b" {3+}\r\nabc extra"
        tagged, _ = c.command(many)
        check("3,000 in one, the last malformed: none", tagged.startswith(b"BAD") and c.exists("appended") == before, tagged)
        check("none of those that were cut off", before <= 3, before)
        with server.client(ANNA) as d:
            c.send(b"z APPEND gone {%d+}\r\n" % len(data) + data[:20])
            time.sleep(0.1)
            d.ok("DELETE gone")
        c.send(data[20:] + b"\r\n")
        line = c.line()
        check("to a mailbox that is deleted meanwhile: NO [TRYCREATE]", line.startswith(b"z NO [TRYCREATE]"), line)
    with server.client(ANNA) as c:
        c.send(b"a APPEND appended {1000}\r\n")
        c.line()
        began, ended = time.monotonic(), None
        while time.monotonic() < began + 15 and not ended:
            try:
                c.send(b"x")
                if select.select([c.socket], [], [], 0.25)[0] and not c.socket.recv(1000):
                    ended = time.monotonic() - began
            except OSError:
                ended = time.monotonic() - began
        check("a message that drips is given up", ended is not None and ended > 3, ended)


@attack
def metadata(server):
    """Annotations: floods, huge values, names that look like patterns, everything asked for at once."""
    with server.client(ANNA) as c, server.client(ANNA) as idler:
        idler.ok("ENABLE METADATA")
        for name in (b"/private/*", b"/private/%", b"/private/../../etc", b"/private//x", b"/", b"", b"/private/", b"/shared/\xff", b"{4+}\r\n/a\0b"):
            for text in (b"GETMETADATA INBOX " + (name or b'""'), b"SETMETADATA INBOX (" + (name or b'""') + b' "x")'):
                tagged, _ = c.command(text)
                check(f"{text}", tagged.startswith(b"OK" if b".." in name else b"BAD"), tagged)
        tagged, _ = c.command(b"SETMETADATA INBOX (/private/x {9999999}\r\n")
        check("10 MB for a value are refused before they are sent", tagged.startswith(b"NO [METADATA MAXSIZE 65536]"), tagged)
        value = b"v" * 65000
        refusals = 0
        for n in range(40):
            tagged, _ = c.command(b"SETMETADATA INBOX (/private/big/%d {%d+}\r\n%s)" % (n, len(value), value))
            refusals += tagged.startswith(b"NO [METADATA TOOMANY]")
        check("a megabyte of them and no more", 20 < refusals < 30, refusals)
        names = b" ".join(b"/private/n%d NIL" % n for n in range(3000))
        tagged, seconds = timed(c.command, b"SETMETADATA INBOX (" + names + b")")
        check("3,000 entries in one command", tagged[0].startswith(b"NO [METADATA TOOMANY]") and seconds < 2, (tagged[0], seconds))
        for n in range(0, 1000, 500):
            pairs = b" ".join(b'/private/a/%d ""' % (n + i) for i in range(500))
            tagged, seconds = timed(c.command, b"SETMETADATA Sent (" + pairs + b")")
            check("500 entries at once", tagged[0].startswith(b"OK") and seconds < 2, (tagged[0], seconds))
        deep = "/private" + "/a" * 245
        c.ok(f'SETMETADATA Drafts ({deep} "x")')
        asked = " ".join("/private" + "/a" * n for n in range(1, 200))
        tagged, seconds = timed(c.command, f"GETMETADATA (DEPTH infinity) Drafts ({asked})")
        check("entries that lie in each other are told once", tagged[0].startswith(b"OK") and seconds < 2 and
              b"".join(tagged[1]).count(deep.encode()) == 1, seconds)
        asked = b" ".join(b"/private/a/%d" % n for n in range(4000))
        for text in (b"GETMETADATA Sent (%s)", b"GETMETADATA (DEPTH 1) Sent (%s)", b'LIST "" "*" RETURN (METADATA (%s))'):
            (tagged, _), seconds = timed(c.command, text % asked)
            check(f"{text.decode()} of 4,000 entries", tagged.startswith(b"OK") and seconds < 5, (tagged, seconds))
        (tagged, untagged), seconds = timed(c.command, b"GETMETADATA (DEPTH infinity) INBOX (" + b" ".join([b"/private"] * 5000) + b")")
        check("the same 5,000 times is told once", tagged.startswith(b"OK") and sum(map(len, untagged)) < 1200000 and seconds < 5, (tagged, seconds))
        with server.client(ANNA) as deaf:
            deaf.socket.sendall(b"x GETMETADATA (DEPTH infinity) INBOX /private\r\n" * 500)
            time.sleep(1)
        for n in range(600):
            c.ok(f'SETMETADATA Trash (/private/{n}a "" /private/{n}b "" /private/{n}c "")')
            c.ok(f"SETMETADATA Trash (/private/{n}a NIL /private/{n}b NIL /private/{n}c NIL)")
        _, news = idler.command("NOOP")
        check("a session that did not listen is told of it in bounded form", sum(map(len, news)) < 200000 and news, len(news))
        for name, options in (("INBOX", 40), ("Sent", 0)):
            c.ok(f"SETMETADATA {name} (" + " ".join(f"/private/big/{n} NIL" for n in range(options or 1)) + ")")


@attack
def lmtp(server):
    """Item 33, beside what lmtp.py has."""
    with server.lmtp_client() as c:
        c.command("LHLO x")
        check("DATA without MAIL, RCPT without MAIL", c.command("DATA").startswith(b"503") and c.command(f"RCPT TO:<{ANNA}>").startswith(b"503"))
        c.command("MAIL FROM:<>")
        check("DATA without RCPT", c.command("DATA").startswith(b"503"))
        for name, path, codes in PATHS:
            reply = c.command(f"RCPT TO:<{path}>")
            check(f"RCPT, {name}: {codes.decode()}xx", reply.startswith(codes), reply)
        before = server.rss()
        for _ in range(20):
            c.send(b"RCPT TO:<nobody%s@example.org>\r\n" % (b"x" * 200) * 2000)
            replies = [c.reply() for _ in range(2000)]
        check("40,000 unknown recipients", all(r.startswith((b"550", b"452")) for r in replies), replies[-1])
        growth = server.rss() - before
        check("are not remembered", growth < (60 << 20 if server.sanitised else 8 << 20), growth)
    with server.lmtp_client() as c:
        c.command("LHLO x")
        c.command("MAIL FROM:<x@example.net>")
        c.send(f"RCPT TO:<{ANNA}>\r\n".encode() * 3000)
        replies = [c.reply()[:3] for _ in range(3000)]
        check("3,000 times one recipient: the limit", replies.count(b"250") == 2000 and replies.count(b"452") == 1000, replies[-1])
        replies = c.data(message("many") + b".\r\n", 2000)
        check("a reply for each", len(replies) == 2000 and all(r.startswith(b"250") for r in replies), replies[-1])
    with server.lmtp_client() as c:
        c.command("LHLO x")
        check("SIZE that lies", c.command("MAIL FROM:<x@example.net> SIZE=1").startswith(b"250"))
        c.command(f"RCPT TO:<{ANNA}>")
        replies = c.data(message("larger", body="x" * 5000 + "\r\n") + b".\r\n", 1)
        check("does no harm", replies[0].startswith((b"250", b"552")), replies)
        for text in ("MAIL FROM:<x> SIZE=-1", "MAIL FROM:<x> SIZE=99999999999999999999999", "MAIL FROM:<x> SIZE=", "MAIL FROM:<x> BODY=XYZZY"):
            check(f"{text} is refused", c.command(text).startswith(b"5"))
    with server.lmtp_client() as c:
        c.begin(ANNA)
        c.send(b"BDAT 18446744073709551615\r\n")
        reply = c.reply()
        check("BDAT of 2^64 - 1 ends the session", reply.startswith(b"5") and c.line() == b"", reply)
    with server.lmtp_client() as c:
        sent, _ = flood(c, b"x" * (1 << 20), 100)
        check("a line of 100 MB", server.died() is None, sent)
    with server.lmtp_client() as c:
        c.command("LHLO x")
        for n in range(300):
            c.send(b"XYZZY\r\n")
            if not c.reply():
                break
        check("errors end it", n < 200, n)
    with server.client(ANNA) as c:
        before = c.exists("INBOX")
    received = b"Received: from mx by mail with ESMTP id Hostile%d\r\n"
    for n, (end, expected) in enumerate(((b"", 0), (b"\r\n.", 0), (b"\r\n.\r\n", 1), (b"\r\n.\r\nQUIT\r\n", 1))):
        with server.lmtp_client() as c:
            c.begin(ANNA)
            c.command("DATA")
            c.send(received % n + b"Subject: cut\r\n\r\nx" + end)
            c.socket.shutdown(socket.SHUT_WR)
            reply = c.reply() if expected else b""
        if expected:
            check("a client that shuts its side down hears the reply", reply.startswith(b"250"), reply)
        with server.lmtp_client() as c:  # and the MTA comes again
            replies = c.deliver(received % n + b"Subject: cut\r\n\r\nx\r\n", [ANNA])
            check("cut at the end, and again: taken", replies[0].startswith(b"250"), replies)
    with server.client(ANNA) as c:
        check("four times, and each is there once", c.exists("INBOX") == before + 4, c.exists("INBOX") - before)
