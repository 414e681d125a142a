#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""LMTP as an MTA would speak it, and as one that means harm would; the result is looked at over IMAP."""

import re
import threading
import time

from support import HF_DELIVER, Server, check, main, message, note, run

server = None


def begin():
    global server
    server = Server(options={"lmtp.message_size": '"60 MiB"', "lmtp.timeout": '"3 s"', "lmtp.recipients": "5", "lmtp.errors": "8"}).start()
    for name in ("anna", "bob", "carl", "dora"):
        server.add_user(f"{name}@example.org")


def inbox(user="anna", mailbox="INBOX"):
    """The bodies in a mailbox, oldest first."""
    with server.client(f"{user}@example.org") as client:
        return [client.body(n) for n in range(1, client.exists(mailbox) + 1)]


def newest(user="anna", mailbox="INBOX"):
    return inbox(user, mailbox)[-1]


def content(body):
    """What came after DATA: the trace lines are in front of it."""
    trace = re.match(rb"Return-Path: .*?\r\nDelivered-To: .*?\r\n(Received: .*?\r\n([ \t].*?\r\n)*)?", body)
    return body[trace.end():] if trace else body


def greeting_and_extensions():
    with server.lmtp_client() as c:
        check("greeting", c.greeting.startswith(b"220 mail.example.org "), c.greeting)
        check("MAIL before LHLO is refused", c.command("MAIL FROM:<>").startswith(b"503"))
        check("EHLO and HELO are refused (RFC 2033 4.1)", c.command("EHLO x").startswith(b"500") and
              c.command("HELO x").startswith(b"500"))
        reply = c.command("LHLO client")
        for word in (b"PIPELINING", b"8BITMIME", b"SMTPUTF8", b"CHUNKING", b"ENHANCEDSTATUSCODES", b"SIZE %d" % (60 << 20),
                     b"STARTTLS"):
            check(f"LHLO announces {word.decode()}", word in reply, reply)
        check("NOOP, VRFY, HELP, RSET", [c.command(x)[:3] for x in ("NOOP", "VRFY x", "HELP", "RSET")] ==
              [b"250", b"252", b"214", b"250"])
        check("DATA without MAIL", c.command("DATA").startswith(b"503"))
        check("RCPT without MAIL", c.command("RCPT TO:<anna@example.org>").startswith(b"503"))
        check("MAIL with SIZE over the limit is 552", c.command(f"MAIL FROM:<> SIZE={61 << 20}").startswith(b"552 5.3.4"))
        check("a parameter nobody knows is 555", c.command("MAIL FROM:<> NONSENSE=1").startswith(b"555"))
        check("malformed senders", c.command("MAIL FROM:anna").startswith(b"501") and
              c.command("MAIL FROM:<a b@c>").startswith(b"501"))
        check("a second MAIL", c.command("MAIL FROM:<>").startswith(b"250") and c.command("MAIL FROM:<>").startswith(b"503"))
        check("DATA without a recipient", c.command("DATA").startswith(b"503"))
        check("a line that is too long", c.command("NOOP " + "x" * 9000).startswith(b"500"))
        check("and goes on", c.command("NOOP").startswith(b"250"))
        check("QUIT", c.command("QUIT").startswith(b"221") and c.line() == b"")
    with server.lmtp_client() as c:
        replies = [c.command("NONSENSE") for _ in range(8)]
        check("too many errors end it", replies[-1].startswith(b"500") and c.reply().startswith(b"421") and c.line() == b"", replies)


def refusals():
    """What is wrong in a command is said, and undoes nothing before it."""
    with server.lmtp_client() as c:
        c.command("LHLO client")
        for what, command, wanted in (
                ("MAIL without FROM", "MAIL <>", b"501 5.5.4"), ("SIZE of no number", "MAIL FROM:<> SIZE=big", b"501 5.5.4"),
                ("a BODY nobody knows", "MAIL FROM:<> BODY=9BIT", b"501 5.5.4"),
                ("a sender too long", f"MAIL FROM:<{'x' * 700}@example.net>", b"501 5.1.7"),
                ("a NUL", b"MAIL FROM:<a\0@example.net>", b"500 5.5.2"),
                ("STARTTLS with an argument", "STARTTLS now", b"501 5.5.4")):
            reply = c.command(command)
            check(what, reply.startswith(wanted), reply)
            c.command("RSET")  # so that these are not too many in a row
    with server.lmtp_client() as c:
        c.command("LHLO client")
        check("a sender", c.command("MAIL FROM:<bob@example.net> SIZE=100 BODY=8BITMIME").startswith(b"250"))
        for what, command, wanted in (
                ("RCPT without TO", "RCPT <anna@example.org>", b"501 5.5.4"), ("a recipient in two words", "RCPT TO:<a b@c>", b"501 5.1.3"),
                ("no recipient", "RCPT TO:<>", b"501 5.1.3"),
                ("a parameter", "RCPT TO:<anna@example.org> NOTIFY=NEVER", b"555 5.5.4")):
            reply = c.command(command)
            check(what, reply.startswith(wanted), reply)
        check("then a recipient", c.command("RCPT TO:<anna@example.org>").startswith(b"250"))
        c.send(b"NOOP " + b"x" * 200000)
        check("a line without an end", c.reply().startswith(b"500 5.5.2"))
        c.send(b"x" * 200000 + b"\r\n")
        check("ends at last", c.command("NOOP").startswith(b"250"))
        check("and the message comes", c.data(b"Subject: refused first\r\n\r\nx\r\n.\r\n", 1)[0].startswith(b"250") and
              b"Subject: refused first" in newest())


def starttls():
    with server.lmtp_client() as c:
        c.command("LHLO client")
        check("a sender in clear", c.command("MAIL FROM:<clear@example.net>").startswith(b"250"))
        check("STARTTLS", c.command("STARTTLS").startswith(b"220 2.0.0"))
        c.begin_tls()
        check("what was said in clear is forgotten", c.command("MAIL FROM:<>").startswith(b"503"))
        reply = c.command("LHLO client")
        check("it is not offered again", reply.startswith(b"250") and b"STARTTLS" not in reply, reply)
        check("nor taken", c.command("STARTTLS").startswith(b"502 5.5.1"))
        c.command("MAIL FROM:<bob@example.net>")
        c.command("RCPT TO:<anna@example.org>")
        check("a message over TLS", c.data(b"Subject: over tls\r\n\r\nx\r\n.\r\n", 1)[0].startswith(b"250"))
    check("has come, and says so", b"Subject: over tls" in newest() and re.search(rb"with LMTPS", newest()), newest())


def recipients():
    with server.lmtp_client() as c:
        replies = c.begin("anna@example.org", "nobody@example.org", "bob@example.org", "anna+Work/2026@example.org")
        check("known users are accepted, others 550 5.1.1", [r[:9] for r in replies] ==
              [b"250 2.1.5", b"550 5.1.1", b"250 2.1.5", b"250 2.1.5"], replies)
        final = c.data(message("recipients") + b".\r\n", 3)
        check("one reply for each accepted recipient, in order", [r[:9] for r in final] == [b"250 2.0.0"] * 3 and
              b"<anna@" in final[0] and b"<bob@" in final[1] and b"+Work/2026@" in final[2], final)
        c.command("MAIL FROM:<x@example.net>")
        many = [c.command("RCPT TO:<anna@example.org>") for _ in range(6)]
        check("recipients over the limit are 452 4.5.3", many[4].startswith(b"250") and many[5].startswith(b"452 4.5.3"), many)
    body = newest()
    check("Return-Path, Delivered-To and Received are in front", body.startswith(
        b"Return-Path: <bob@example.net>\r\nDelivered-To: anna@example.org\r\nReceived: from client.example.net "), body[:300])
    check("then the message as it was sent", content(body) == message("recipients")[:20] + content(body)[20:] and
          b"Subject: recipients\r\n" in content(body))
    check("each recipient has its own Delivered-To", b"Delivered-To: bob@example.org\r\n" in newest("bob"))
    check("a folder that is not there means INBOX, and two recipients with one mailbox get one message",
          sum(b"Subject: recipients" in b for b in inbox()) == 1)
    server.deliver(message("no such folder"), "anna+Work/2026@example.org")
    check("its Delivered-To has the whole address", b"Delivered-To: anna+Work/2026@example.org\r\n" in newest())
    with server.client("anna@example.org") as c:
        c.ok('CREATE "Lists/golf"')
    server.deliver(message("golf"), "anna+Lists/golf@example.org")
    check("user+folder@ goes to a folder that is there", b"Subject: golf" in newest(mailbox="Lists/golf"))
    server.deliver(message("bad folder"), '"anna+a//b"@example.org')
    check("a detail that is no mailbox name means INBOX", b"Subject: bad folder" in newest())


def pipelining():
    data = message("pipelined")
    with server.lmtp_client() as c:
        c.send(b"LHLO x\r\nMAIL FROM:<p@example.net>\r\nRCPT TO:<anna@example.org>\r\nRCPT TO:<nobody@example.org>\r\nDATA\r\n" + data +
               b".\r\nMAIL FROM:<>\r\nRCPT TO:<carl@example.org>\r\nDATA\r\n" + message("second") + b".\r\nNOOP\r\nQUIT\r\n")
        replies = [c.reply() for _ in range(11)]
        check("a whole conversation in one packet", [r.rsplit(b"\n", 1)[-1][:3] for r in replies] ==
              [b"250", b"250", b"250", b"550", b"354", b"250", b"250", b"250", b"354", b"250", b"250"], replies)
        check("ends with its QUIT", c.reply().startswith(b"221"))
    check("both messages are there", content(newest()) == data and b"Subject: second" in newest("carl"))
    with server.lmtp_client() as c:
        for octet in b"LHLO x\r\nMAIL FROM:<p@example.net>\r\nRCPT TO:<carl@example.org>\r\nDATA\r\nSubject: drip\r\n\r\n..\r\n.\r\n":
            c.send(bytes([octet]))
        replies = [c.reply() for _ in range(5)]
        check("octet by octet it is the same", replies[-1].startswith(b"250") and content(newest("carl")) == b"Subject: drip\r\n\r\n.\r\n",
              replies)


SMUGGLED = b"MAIL FROM:<evil@example.net>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nevil\r\n"


def smuggling():
    before = len(inbox("bob"))
    for name, end in (("LF.LF", b"\n.\n"), ("LF.CRLF", b"\n.\r\n"), ("CR.CR", b"\r.\r"), ("CR.CRLF", b"\r.\r\n"),
                      ("CRLF.LF", b"\r\n.\n"), ("CRLF.CR", b"\r\n.\r"), ("CRCRLF.", b"\r\r\n..\r\n"), ("NUL", b"\r\n.\0\r\n")):
        with server.lmtp_client() as c:
            c.begin("anna@example.org")
            sent = b"Subject: smuggling\r\n\r\nfirst" + end + SMUGGLED
            replies = c.data(sent + b".\r\n", 1)
            noop = c.command("NOOP")
            stored = content(newest())
            expected = re.sub(rb"\r\n\.", b"\r\n", sent).replace(b"\0", b"\x80")
            check(f"{name} ends no message", replies[0].startswith(b"250") and noop.startswith(b"250") and stored == expected,
                  (replies, noop, stored))
    check("nothing was smuggled", len(inbox("bob")) == before)


def octets():
    data = b"Subject: octets\r\nX-Raw: \xff\xfe\r\n\r\nbare\rCR, bare\nLF, \x80\xc3\xa4\r\n..stuffed\r\nno end"
    with server.lmtp_client() as c:
        c.begin("anna@example.org", parameters=" BODY=8BITMIME")
        c.data(data + b"\r\n.\r\n", 1)
    check("8-bit and bare CR and LF are stored as they came", content(newest()) == data.replace(b"..s", b".s") + b"\r\n", newest())
    with server.lmtp_client() as c:
        c.begin("anna@example.org", parameters=" SMTPUTF8", sender="jürgen@bücher.example")
        c.data("Subject: Grüße\r\nFrom: jürgen@bücher.example\r\n\r\näöü\r\n.\r\n".encode(), 1)
    check("SMTPUTF8 sender and header", "Return-Path: <jürgen@bücher.example>".encode() in newest() and "Grüße".encode() in newest())


def bdat():
    data = b"Subject: chunks\r\n\r\n" + b".\r\nMAIL FROM:<x>\r\n" * 3 + b"NUL \0 and no end"
    with server.lmtp_client() as c:
        c.begin("anna@example.org", "bob@example.org")
        c.send(b"BDAT 10\r\n" + data[:10])
        first = c.reply()
        check("RCPT and DATA within BDAT are refused", c.command("RCPT TO:<carl@example.org>").startswith(b"503") and
              c.command("DATA").startswith(b"503"))
        c.send(b"BDAT 0\r\n")
        second = c.reply()
        c.send(b"BDAT %d LAST\r\n" % (len(data) - 10) + data[10:])
        final = [c.reply(), c.reply()]
        check("chunks make a message", first.startswith(b"250") and second.startswith(b"250") and
              all(r.startswith(b"250") for r in final), (first, second, final))
    body = content(newest())
    check("its octets as they came, a NUL shown as 0x80", body == data.replace(b"\0", b"\x80"), body)
    with server.client("anna@example.org") as c:
        count = c.exists("INBOX")
        tagged, untagged = c.command(f"FETCH {count} BINARY.PEEK[1]")
        if tagged.startswith(b"OK"):
            check("BINARY has the true NUL", b"NUL \0 and" in b"".join(untagged), untagged)
    with server.lmtp_client() as c:
        c.begin("nobody@example.org")
        c.send(b"BDAT 5\r\nQUIT\nBDAT 6 LAST\r\nNOOP\r\nNOOP\r\n")
        replies = [c.reply(), c.reply(), c.reply()]
        check("chunks without a recipient are read and refused", [r[:3] for r in replies] == [b"503", b"503", b"250"], replies)
        check("BDAT without a size ends the session", c.command("BDAT x").startswith(b"501") and c.line() == b"")


def delivered_once():
    before = len(inbox("carl"))
    received = b"Received: from mx by mail with ESMTP id 4QueueId\r\n"
    with server.lmtp_client() as c:
        first = c.deliver(received + message("once", message_id="<once@x>"), ["carl@example.org"])
        again = c.deliver(received + message("once", message_id="<once@x>"), ["carl@example.org", "bob@example.org"])
        other = c.deliver(received + message("once", message_id="<once@x>"), ["carl@example.org"], sender="other@example.net")
    check("a repeated delivery is acknowledged", first[0].startswith(b"250") and again[0].startswith(b"250"), (first, again))
    check("and not stored again, but another sender's is, and a new recipient's", len(inbox("carl")) == before + 2 and
          other[0].startswith(b"250") and b"Subject: once" in newest("bob"), len(inbox("carl")) - before)
    stats = server.hfctl("stats").stdout
    check("stats count both kinds", re.search(r"^lmtp\.repeated +1$", stats, re.M) and re.search(r"^lmtp\.delivered +\d+$", stats, re.M), stats)
    large = received + message("long", message_id="<long@x>") + b"word\r\n" * 60_000
    with server.lmtp_client() as c:
        for content in (large, large, large[:-3] + b"s\r\n", large + b"\r\n"):
            c.deliver(content, ["dora@example.org"])
    check("of a long message, all of it counts", len(inbox("dora")) == 3, len(inbox("dora")))
    with server.lmtp_client() as c:
        for _ in range(2):
            c.deliver(message("twice", message_id="<twice@x>"), ["carl@example.org"])
    check("without an MTA's Received line two are two", len(inbox("carl")) == before + 4)


def vanishing():
    counts = {u: len(inbox(u)) for u in ("anna", "bob", "carl")}
    for cut in (b"", b"Subject: gone\r\n", b"Subject: gone\r\n\r\nbody\r\n.", b"Subject: gone\r\n\r\n" + b"x" * 3_000_000):
        with server.lmtp_client() as c:
            c.begin("anna@example.org")
            c.command("DATA")
            c.send(cut)
    with server.lmtp_client() as c:
        c.begin("anna@example.org")
        c.send(b"BDAT 100000 LAST\r\n" + b"x" * 99_999)
    with server.lmtp_client() as c:
        began = time.monotonic()
        c.begin("anna@example.org")
        c.command("DATA")
        c.send(b"Subject: silent\r\n")
        c.timeout(30)
        check("silence is ended by the timeout", c.reply().startswith(b"421 4.4.2") and 2 < time.monotonic() - began < 15,
              time.monotonic() - began)
    with server.lmtp_client() as c:
        c.begin("anna@example.org")
        c.command("DATA")
        ended = []

        def drip():
            try:
                while not ended:
                    c.send(b"x")
                    time.sleep(0.2)
            except OSError:
                pass
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        c.timeout(30)
        reply = c.reply()
        ended.append(True)
        thread.join()
        check("so is dripping", reply.startswith(b"421 4.4.2"), reply)
    time.sleep(0.3)
    check("a client that vanishes leaves no trace", {u: len(inbox(u)) for u in counts} == counts)


def large():
    body = (b"0123456789abcdef" * 4 + b"\r\n") * 800_000  # 50 MiB and some
    data = message("large", body="") + body
    before = server.rss()
    peak = [before]
    done = []

    def watch():
        while not done:
            peak.append(server.rss())
            time.sleep(0.02)
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    with server.lmtp_client() as c:
        replies = c.deliver(data, ["anna@example.org", "bob@example.org", "carl@example.org"])
    check("50 MB for three", all(r.startswith(b"250") for r in replies), replies)
    growth = (max(peak) - before) / (1 << 20)
    with server.client("anna@example.org") as c:
        count = c.exists("INBOX")
        size = int(re.search(rb"RFC822.SIZE (\d+)", b"".join(c.ok(f"FETCH {count} RFC822.SIZE"))).group(1))
        got = c.body(count)
    done.append(True)
    thread.join()
    check("read back whole", got is not None and len(got) == size and content(got) == data)
    growth_all = (max(peak) - before) / (1 << 20)
    note(f"memory grew by {growth:.0f} MiB while it came in, {growth_all:.0f} MiB with reading")
    # the store's cache (64 MiB here) fills as well; the message itself would be 50 more, three copies 150
    check("memory does not grow by the message", growth < 64 + 40, growth)
    with server.lmtp_client() as c:
        c.begin("anna@example.org")
        c.command("DATA")
        for _ in range(62):
            c.send(b"x" * (1 << 20))
        c.send(b"\r\n.\r\n")
        reply = c.reply()
        check("a message over the limit is 552 after its data", reply.startswith(b"552 5.3.4"), reply)
        check("and the session goes on", c.command("NOOP").startswith(b"250"))


def hf_deliver():
    address = f"unix:{server.lmtp_unix}"
    result = run(HF_DELIVER, "-s", address, "-f", "bob@example.net", "carl@example.org",
                 input="From bob Mon Jan  1\nSubject: by pipe\n\n.dot\n")
    check("hf-deliver delivers", result.returncode == 0 and content(newest("carl")) == b"Subject: by pipe\r\n\r\n.dot\r\n", result)
    result = run(HF_DELIVER, "-s", address, "nobody@example.org", input="x\n")
    check("an unknown user is EX_NOUSER", result.returncode == 67, result)
    result = run(HF_DELIVER, "-s", f"127.0.0.1:{server.lmtp}", "carl@example.org", "nobody@example.org", input="Subject: two\n\nx\n")
    check("over TCP, one of two unknown", result.returncode == 67 and b"Subject: two" in newest("carl"), result)


main(begin, greeting_and_extensions, refusals, starttls, recipients, pipelining, smuggling, octets, bdat, delivered_once, vanishing, large,
     hf_deliver, seconds=300)
