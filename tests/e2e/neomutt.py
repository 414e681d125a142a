#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""neomutt with a header cache, CONDSTORE and QRESYNC on: reads, flags, searches on the server, copies, moves, expunges; after others have
changed the mailbox it takes what is new from FETCH (CHANGEDSINCE ... VANISHED) and the rest from its cache."""

import os
import re

from mutts import run_keys, write_rc
from support import Server, check, folder, main, message

USER = "anna@example.org"
server = None
runs = 0


def begin():
    global server
    server = Server().start()
    server.add_user(USER)
    for n in range(6):
        server.deliver(message(f"neo {n}", body=f"text {n}\r\n" + ("a needle\r\n" if n == 4 else ""), message_id=f"<neo{n}@x>"), USER)
    with server.client(USER) as client:
        client.ok("CREATE Keep")
    os.mkdir(f"{folder}/cache")
    write_rc(f"{folder}/neomuttrc", server, USER, f'''set header_cache="{folder}/cache/headers"
set message_cachedir="{folder}/cache/messages"
set imap_condstore=yes
set imap_qresync=yes
set imap_check_subscribed=no
set mark_old=no
''')
    os.mkdir(f"{folder}/cache/headers")
    os.mkdir(f"{folder}/cache/messages")


def neomutt(keys):
    """A run on a terminal of its own with the keys pushed into it: the lines of the protocol as it logs them, '> ' and '< '."""
    global runs
    runs += 1
    log = f"{folder}/neomutt.{runs}."  # to which it adds a number
    result = run_keys(keys, "neomutt", "-n", "-F", f"{folder}/neomuttrc", "-d", "5", "-l", log)
    with open(f"{log}0", encoding="utf-8", errors="replace") as file:
        text = file.read()
    lines = []
    for direction, several in re.findall(r"\(\) \d+([<>]) (.*(?:\n(?!\[\d{4}-).*)*)", text):
        lines += [f"{direction} {line}" for line in several.split("\n") if line]
    check("neomutt ends in order", result.returncode == 0 and lines, (result.returncode, result.stdout[-600:], text[-600:]))
    check("and nothing was refused", not said(lines, r"^< \w+ (BAD|NO)"), said(lines, r"^< \w+ (BAD|NO)"))
    return lines


def said(lines, pattern):
    return [line for line in lines if re.search(pattern, line)]


def subjects(name):
    """Subject -> flags."""
    found = {}
    with server.client(USER) as client:
        if client.exists(name) > 0:
            for response in client.ok("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])"):
                match = re.search(rb"FLAGS \(([^)]*)\).*Subject: ([^\r]*)", response, re.S)
                if match:
                    found[match.group(2).decode()] = set(match.group(1).decode().split()) - {"\\Recent"}
    return found


def first_visit():
    saved = f"{folder}/read.txt"
    lines = neomutt(f"<first-entry><display-message><exit><pipe-message>cat >{saved}<enter><quit>")
    check("it enables QRESYNC", said(lines, r"> \w+ ENABLE .*QRESYNC") and said(lines, r"< \* ENABLED .*QRESYNC"), lines)
    check("it fetches all headers", len(said(lines, r"< \* \d+ FETCH \(.*RFC822\.SIZE")) == 6, lines)
    with open(saved, encoding="utf-8") if os.path.exists(saved) else open(os.devnull, encoding="utf-8") as file:
        check("it reads a message", "text 0" in file.read())
    check("which is seen now", "\\Seen" in subjects("INBOX")["neo 0"], subjects("INBOX"))


def with_the_cache():
    lines = neomutt("<first-entry><quit>")
    check("it asks for what has changed since", said(lines, r"> \w+ UID FETCH 1:6 \(FLAGS\) \(CHANGEDSINCE \d+ VANISHED\)"), said(lines, "SELECT|FETCH"))
    check("that is the flag it has set itself", fetched(lines, "FLAGS") == [1], said(lines, "FETCH"))
    check("and fetches no header again", not said(lines, r"> \w+ .*FETCH .*BODY"), lines)


def others_have_been_here():
    """What changed meanwhile comes through CHANGEDSINCE and VANISHED. When a message is gone, this neomutt counts on as if it were still
    there, notices, says "QRESYNC failed" and reads the flags anew: what it shows in the end is right all the same."""
    with server.client(USER) as other:
        other.ok("SELECT INBOX")
        other.ok(r"STORE 2 +FLAGS (\Answered)")
    server.deliver(message("neo 6", body="text 6\r\n", message_id="<neo6@x>"), USER)
    lines = visit("neo 0 to 6", range(7))
    check("of the flags only the changed ones come", fetched(lines, "FLAGS") == [2, 7], said(lines, "FETCH"))
    check("and only the new message's header", fetched(lines, r"RFC822\.SIZE") == [7], said(lines, "FETCH"))
    neomutt("<first-entry><quit>")  # sees what piping has done to the flags
    lines = neomutt("<first-entry><quit>")
    check("when nothing has changed nothing comes", not said(lines, r"^< \* (\d+ FETCH|VANISHED)") and said(lines, "> .* SELECT"),
          said(lines, "FETCH|VANISHED"))
    with server.client(USER) as other:
        other.ok("SELECT INBOX")
        other.ok(r"STORE 3 +FLAGS.SILENT (\Deleted)")
        other.ok("EXPUNGE")
    lines = visit("neo 0, 1, 3, 4, 5, 6", [0, 1, 3, 4, 5, 6])
    check("VANISHED (EARLIER) tells it what is gone", said(lines, r"^< \* VANISHED \(EARLIER\) 3$"), said(lines, "VANISHED"))
    neomutt("<tag-pattern>~Q<enter><tag-prefix><flag-message><sync-mailbox><quit>")
    flagged = [s for s, flags in subjects("INBOX").items() if "\\Flagged" in flags]
    check("it knows which one was answered, and flags it", flagged == ["neo 1"], subjects("INBOX"))


def fetched(lines, item):
    """The sequence numbers that came with it."""
    return [int(re.match(r"< \* (\d+)", line).group(1)) for line in said(lines, rf"^< \* \d+ FETCH \(.*{item}")]


def visit(what, expected):
    """Opens INBOX; what it shows must be these messages."""
    listed = f"{folder}/listed.txt"
    lines = neomutt(f"<tag-pattern>~A<enter><tag-prefix><pipe-message>cat >{listed}<enter><untag-pattern>~A<enter><quit>")
    with open(listed, encoding="utf-8", errors="replace") if os.path.exists(listed) else open(os.devnull, encoding="utf-8") as file:
        shown = re.findall(r"^Subject: (.*)$", file.read(), re.M)
    check(f"it shows {what}", shown == [f"neo {n}" for n in expected], shown)
    return lines


def searches_and_moves():
    lines = neomutt("<tag-pattern>=b needle<enter><tag-prefix><flag-message><untag-pattern>~A<enter>"
                    "<tag-pattern>~s 6$<enter><tag-prefix><save-message>+Keep<enter><untag-pattern>~A<enter>"
                    "<tag-pattern>~s 3$<enter><tag-prefix><delete-message><untag-pattern>~A<enter>"
                    "<tag-pattern>~s 0$<enter><tag-prefix><copy-message>+Keep<enter><sync-mailbox><quit>")
    check("it searches in texts on the server", said(lines, r"> \w+ UID SEARCH .*BODY \"?needle"), said(lines, "SEARCH"))
    inbox, keep = subjects("INBOX"), subjects("Keep")
    check("and flags what was found", "\\Flagged" in inbox.get("neo 4", ()), inbox)
    check("it moves, deletes and copies", set(inbox) == {"neo 0", "neo 1", "neo 4", "neo 5"} and set(keep) == {"neo 0", "neo 6"}, (inbox, keep))
    visit("neo 0, 1, 4, 5", [0, 1, 4, 5])


main(begin, first_visit, with_the_cache, others_have_been_here, searches_and_moves, seconds=300)
