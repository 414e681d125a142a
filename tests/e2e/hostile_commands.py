# SPDX-License-Identifier: BSD-2-Clause
"""Attacks of hostile.py with commands, and by clients that do not read the answers."""

import os
import re
import socket
import threading
import time
import zlib

from hostile_case import ANNA, attack
from hostile_data import CONDSTORE, SEARCHES, is_closed, timed
from support import PASSWORD, Imap, check, message


@attack
def sets_and_flags(server):
    """Item 23."""
    with server.client(ANNA) as c:
        c.ok("CREATE sets")
        for n in range(3):
            c.append("sets", message(f"set {n}"))
        c.ok("SELECT sets")
        for text, count in (("*:*", 1), ("*", 1), ("3:1", 3), ("1,1,1:3,3:1,*", 3), (",".join(["1:3"] * 8000), 3)):
            tagged, untagged = c.command(f"FETCH {text} UID")
            check(f"FETCH {text[:20]}: each once", tagged.startswith(b"OK") and len(untagged) == count, (tagged, len(untagged)))
        for text in ("1:4294967295", "4294967295:*", "4"):
            tagged, untagged = c.command(f"FETCH {text} UID")
            check(f"FETCH {text}: BAD, or what there is", tagged.startswith(b"BAD") or len(untagged) <= 3, (tagged, untagged))
        for text in ("0", "0:1", "1:0", "4294967296", "99999999999999999999", ",", "1,", ",1", "1::2", "1:2:3", ":", "-1", "1:-1", "1 2", ""):
            tagged, untagged = c.command(f"FETCH {text} UID")
            check(f"FETCH {text!r}: BAD", tagged.startswith(b"BAD"), (tagged, untagged))
        tagged, untagged = c.command("UID FETCH 1:4294967295 FLAGS")
        check("UID FETCH 1:4294967295", tagged.startswith(b"OK") and len(untagged) == 3, untagged)
        tagged, untagged = c.command("UID FETCH 4000000000:* FLAGS")
        check("UID FETCH 4000000000:*: the last", tagged.startswith(b"OK") and len(untagged) == 1, untagged)
        keywords = " ".join(f"kw{n}" for n in range(9000))
        tagged, _ = c.command(f"STORE 1 +FLAGS ({keywords})")
        check("9,000 keywords are refused", tagged.startswith((b"NO", b"BAD")), tagged)
        check("and none was set", b"kw" not in b"".join(c.ok("FETCH 1 FLAGS")))
        for n in range(200):
            tagged, _ = c.command(f"STORE 1 +FLAGS.SILENT (word{n})")
            if not tagged.startswith(b"OK"):
                break
        check("the table of keywords has an end, and says so", tagged.startswith(b"NO") and n >= 32, (n, tagged))
        tagged, _ = c.command("STORE 1 +FLAGS (word1)")
        check("those that are known still go", tagged.startswith(b"OK"), tagged)
        for flag in (r"\Recent", r"\*", r"\Unknown", "a(b", '"x"', "a%b", "a]b", "\\", "x" * 5000, "\u00e4"):
            tagged, _ = c.command(f"STORE 1 +FLAGS ({flag})")
            check(f"STORE {flag[:12]}: an answer", tagged.startswith((b"OK", b"NO", b"BAD")), tagged)
        got = b"".join(c.ok("FETCH 1 FLAGS"))
        check("and FLAGS are sound", re.search(rb"FLAGS \(([\\$A-Za-z0-9_.\]-]+ ?)*\)", got), got[:500])


@attack
def searches(server):
    """Item 24."""
    with server.client(ANNA) as c:
        c.ok("SELECT INBOX")
        for key in ("BCC", "BODY", "CC", "FROM", "SUBJECT", "TEXT", "TO", 'HEADER ""', "HEADER Subject"):
            tagged, _ = c.command(f'SEARCH {key} ""')
            check(f'SEARCH {key} ""', tagged.startswith((b"OK", b"BAD")), tagged)
        for text, expected in SEARCHES:
            tagged, _ = c.command(f"SEARCH {text}")
            check(f"SEARCH {text}: {expected.decode()}", tagged.startswith(expected), tagged)
        tagged, _ = c.command(b'SEARCH CHARSET UTF-8 SUBJECT {2+}\r\n\xc3\x28')
        check("a string that is not of its CHARSET", tagged.startswith((b"OK", b"NO", b"BAD")), tagged)
        tagged, _ = c.command(b"SEARCH TEXT {60000+}\r\n" + b"x" * 60000)
        check("a pattern of 60,000 octets", tagged.startswith(b"OK"), tagged)
        tagged, seconds = timed(c.command, b"SEARCH " + b"TEXT x " * 5000)
        check("5,000 patterns", tagged[0].startswith((b"OK", b"NO", b"BAD")) and seconds < 20, (tagged[0], seconds))
        tagged, seconds = timed(c.command, b"SEARCH " + b"OR (TEXT aab) (NOT BODY aac) " * 2000)
        check("2,000 alternatives", tagged[0].startswith((b"OK", b"NO", b"BAD")) and seconds < 20, (tagged[0], seconds))
    storm(server)


def storm(server):
    """Searches and fetches while another session expunges and appends."""
    with server.client(ANNA) as c, server.client(ANNA) as d:
        c.ok("CREATE storm")
        c.ok("SELECT storm")
        d.ok("SELECT storm")
        stop, errors = [], []

        def writes():
            try:
                while not stop:
                    for _ in range(5):
                        d.append("storm", message("storm"))
                    d.ok(r"STORE 1:* +FLAGS.SILENT (\Deleted)")
                    d.ok("EXPUNGE")
            except Exception as error:  # pylint: disable=broad-except
                errors.append(repr(error))
        thread = threading.Thread(target=writes, daemon=True)
        thread.start()
        end = time.monotonic() + 3
        count, rounds, wrong = c.exists("storm"), 0, []

        def apply(responses, may_expunge):
            nonlocal count
            for r in responses:
                exists = re.match(rb"\* (\d+) (EXISTS|EXPUNGE)", r)
                if not exists:
                    continue
                if exists.group(2) == b"EXISTS":
                    if int(exists.group(1)) < count:
                        wrong.append(r)
                    count = int(exists.group(1))
                else:
                    if not may_expunge or int(exists.group(1)) > count:
                        wrong.append(r)
                    count -= 1
        while time.monotonic() < end:
            for command, may in (("SEARCH TEXT storm", False), ("NOOP", True), ("FETCH 1:* (UID BODY.PEEK[])", False),
                                 (r"STORE 1:* +FLAGS (\Flagged)", False), ("UID SEARCH SUBJECT storm", True)):
                if "1:*" in command and not count:
                    continue
                tagged, untagged = c.command(command)
                if not tagged.startswith((b"OK", b"NO [EXPUNGEISSUED]")):
                    wrong.append((command, tagged))
                if command.startswith("SEARCH") and any(int(n) > count for n in b"".join(
                        u[8:] for u in untagged if u.startswith(b"* SEARCH")).split()):
                    wrong.append((command, untagged, count))
                apply(untagged, may)
                rounds += 1
        stop.append(True)
        thread.join(20)
        apply(c.ok("NOOP"), True)
        check("in a storm of EXPUNGE and APPEND numbers hold still while they are used", not wrong and not errors and rounds > 10,
              (wrong[:3], errors, rounds))
        check("and in the end the count is right", c.exists("storm") == d.exists("storm") == count, count)
        c.ok("UNSELECT")


@attack
def idle_and_pipelines(server):
    """Items 29 and 32."""
    with server.client(ANNA) as c:
        c.ok("SELECT INBOX")
        c.send(b"a IDLE\r\nDONE\r\nb NOOP\r\nc IDLE\r\nd NOOP\r\ne NOOP\r\n")
        got = []
        while not got or not got[-1].startswith(b"e "):
            got.append(c.line())
        tags = [g[:4] for g in got if not g.startswith((b"+", b"*"))]
        check("IDLE, DONE and the next in one packet; a command instead of DONE", tags == [b"a OK", b"b OK", b"c BA", b"e OK"], got)
        c.send(b"a IDLE\r\n" + b"x" * 100000 + b"\r\nb NOOP\r\n")
        got = [c.line(), c.line(), c.line()]
        check("a long line during IDLE", got[1].startswith(b"a BAD") and got[2].startswith(b"b OK"), got)
        c.send(b"s SEARCH TEXT first\r\ni IDLE\r\nDONE\r\nn NOOP\r\n")
        got = []
        while not got or not got[-1].startswith(b"n "):
            got.append(c.line())
        check("IDLE behind a slower command", [g[:4] for g in got if g[:2] in (b"s ", b"i ", b"n ")] == [b"s OK", b"i OK", b"n OK"], got)
    idlers = []
    for _ in range(50):
        c = server.client(ANNA)
        c.ok("SELECT INBOX")
        c.begin("IDLE")
        c.line()
        idlers.append(c)
    server.deliver(message("to all"), ANNA)
    told = 0
    for c in idlers:
        c.timeout(10)
        told += b"EXISTS" in c.line()
        c.close()
    check("50 that idle hear of one delivery", told == 50, told)
    with server.client(ANNA) as c:
        count = 20000 if server.sanitised else 100000
        got = [0]

        def read():
            while got[0] < count:
                line = c.line()
                if not line:
                    break
                got[0] += line.endswith(b"NOOP completed") or b" OK " in line
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        _, seconds = timed(c.send, b"".join(b"%d NOOP\r\n" % n for n in range(count)))
        thread.join(60)
        check(f"{count} commands in one go", got[0] == count, (got[0], seconds))
    with server.client(ANNA) as c:
        c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.socket.settimeout(10)
        sent = 0
        try:
            for _ in range(400):
                c.socket.sendall(b"x CAPABILITY\r\n" * 10000)
                sent += 140000
        except OSError:
            pass
        check("commands without reading the replies: the server stops reading", sent < 40 << 20, sent)
        check("and closes", is_closed(c, 20))


@attack
def slow_readers(server):
    """Item 28."""
    with server.client(ANNA) as c:
        c.ok("CREATE slow")
        c.append("slow", message("slow", body="x" * 70 + "\r\n") * 1 + b"0123456789abcdef" * 65536 * 8)
        for _ in range(50):
            c.append("slow", message("little"))
        clients = []
        for _ in range(10):
            d = Imap(server.imap)
            d.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            d.ok(f'LOGIN "{ANNA}" "{PASSWORD}"')
            d.ok("SELECT slow")
            d.send(b"".join(b"d%d FETCH 1:* BODY.PEEK[]\r\n" % n for n in range(1000)))
            clients.append(d)
        c.ok("SELECT slow")
        c.ok(r"STORE 2:51 +FLAGS.SILENT (\Deleted)")
        check("EXPUNGE while ten read and do not", len(c.ok("EXPUNGE")) >= 50)
        closed = [is_closed(d, 25) for d in clients]
        check("they are closed by rule", all(closed), closed)
        for d in clients:
            d.close()


def read_slowly(server, tls, compress, command, answers):
    """20 KiB a second through a window of 64 KiB, for longer than limits.write_timeout and imap.stall_timeout; then the rest at once."""
    c = Imap(server.imaps if tls else server.imap, tls)
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 32768)
    c.ok(f'LOGIN "{ANNA}" "{PASSWORD}"')
    c.ok("SELECT steady")
    both = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.decompressobj(-15)
    data = b"slow " + command + b"\r\n"
    if compress:
        c.ok("COMPRESS DEFLATE")
        data = both[0].compress(data) + both[0].flush(zlib.Z_SYNC_FLUSH)
    c.socket.settimeout(20)
    got, began = b"", time.monotonic()
    try:
        c.socket.sendall(data)
        while b"\r\nslow " not in got[-200:]:
            slow = time.monotonic() < began + 11
            piece = c.socket.recv(1024 if slow else 1 << 20)
            if not piece:
                break
            got += both[1].decompress(piece) if compress else piece
            time.sleep(0.05 if slow else 0)
    except OSError:
        pass
    answers.append((f"{command.decode()} tls={tls} compress={compress}", got, time.monotonic() - began))
    c.close()


@attack
def steady_readers(server):
    """Who reads slowly, but reads, is no stalled client: the kernel tells of room when a third of the megabytes it holds have gone."""
    noise = os.urandom(3 << 20).hex().encode()
    body = message("steady", body="") + b"\r\n".join(noise[i:i + 76] for i in range(0, len(noise), 76)) + b"\r\n"
    little = message("steady", body="") + body[-5000:]
    with server.client(ANNA) as c:
        c.ok("CREATE steady")
        c.append("steady", body)
        c.append("steady", little)
        c.ok("SELECT steady")
        for n in range(10):
            c.ok(f"COPY 2:{2 ** n + 1} steady")
            c.ok("NOOP")
        c.ok("CLOSE")
        answers, threads = [], []
        for tls, compress in ((False, False), (True, False), (False, True), (True, True)):
            for command in (b"FETCH 1 BODY.PEEK[]", b"FETCH 2:1025 BODY.PEEK[]")[:1 if compress else 2]:
                threads.append(threading.Thread(target=read_slowly, args=(server, tls, compress, command, answers)))
                threads[-1].start()
        for thread in threads:
            thread.join()
        check("each ends", len(answers) == len(threads), len(answers))
        for name, got, seconds in answers:
            whole = got.count(body) == 1 if "FETCH 1 " in name else got.count(little) == 1024
            check(f"{name}: all of it", whole and b"\r\nslow OK" in got[-200:] and seconds > 10, (len(got), got[-200:], seconds))
        c.ok("DELETE steady")


def unread(server, tls):
    """A session whose output stands still in a long answer: its client reads none of it."""
    c = Imap(server.imaps if tls else server.imap, tls)
    c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    c.ok(f'LOGIN "{ANNA}" "{PASSWORD}"')
    c.ok("SELECT unread")
    return c


@attack
def compression_unread(server):
    """Compression begins and ends while none of it is read."""
    noise = os.urandom(6 << 20).hex().encode()
    body = message("unread", body="") + b"\r\n".join(noise[i:i + 76] for i in range(0, len(noise), 76)) + b"\r\n"
    with server.client(ANNA) as c:
        c.ok("CREATE unread")
        c.append("unread", body)
    for tls in (False, True):
        c = unread(server, tls)
        c.send(b"a FETCH 1 BODY.PEEK[]\r\n")
        for command in 2 * (b"b COMPRESS DEFLATE\r\n", b"c UNAUTHENTICATE\r\n", f'd LOGIN "{ANNA}" "{PASSWORD}"\r\n'.encode()):
            time.sleep(0.3)
            c.send(command)
        check(f"tls={tls}: COMPRESS with more behind it in clear is closed", is_closed(c, 25))
        c.close()

        c = unread(server, tls)
        c.ok("COMPRESS DEFLATE")
        out = zlib.compressobj(wbits=-15)
        c.send(out.compress(b"a FETCH 1 BODY.PEEK[]\r\n") + out.flush(zlib.Z_SYNC_FLUSH))
        time.sleep(0.3)
        c.send(out.compress(b"b UNAUTHENTICATE\r\n") + out.flush(zlib.Z_SYNC_FLUSH))
        time.sleep(0.3)
        c.send(b"c NOOP\r\nd LOGOUT\r\n")
        everything = c.file.read()
        inflate = zlib.decompressobj(wbits=-15)
        text = inflate.decompress(everything)
        check(f"tls={tls}: what was not read comes whole", body in text and text.endswith(b"\r\nb OK UNAUTHENTICATE completed\r\n"), text[-200:])
        check(f"tls={tls}: and behind it, in clear, the next answers",
              inflate.eof and inflate.unused_data.startswith(b"c OK ") and b"\r\nd OK " in inflate.unused_data, inflate.unused_data[-200:])
        c.close()


@attack
def condstore(server):
    """Item 31, as far as it goes without QRESYNC."""
    with server.client(ANNA) as c:
        for text, expected in CONDSTORE:
            tagged, _ = c.command(text)
            check(f"{text}: {expected.decode() or 'an answer'}", tagged.startswith(expected or (b"OK", b"BAD")), tagged)
