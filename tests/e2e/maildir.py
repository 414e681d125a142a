# SPDX-License-Identifier: BSD-2-Clause
"""What the programs that keep a Maildir and an account alike are held to: the pictures of both sides."""

import email
import os
import re

LETTERS = {b"\\Seen": "S", b"\\Answered": "R", b"\\Flagged": "F", b"\\Draft": "D", b"\\Deleted": "T"}


def message_id(path):
    with open(path, "rb") as file:
        return email.message_from_binary_file(file)["Message-ID"]


def files(maildir):
    """Message-ID -> path."""
    found = {}
    for part in ("cur", "new"):
        for name in os.listdir(f"{maildir}/{part}"):
            found[message_id(f"{maildir}/{part}/{name}")] = f"{maildir}/{part}/{name}"
    return found


def set_flags(path, flags):
    """As a mail program that works on the Maildir."""
    folder = os.path.dirname(os.path.dirname(path))
    os.rename(path, f"{folder}/cur/{os.path.basename(path).partition(':2,')[0]}:2,{flags}")


def local_state(root):
    """Message-ID -> flags that both sides know, by folder."""
    state = {}
    for name in sorted(os.listdir(root)):
        if not os.path.isdir(f"{root}/{name}/cur"):
            continue
        messages = state.setdefault(name, {})
        for part in ("cur", "new"):
            for file in os.listdir(f"{root}/{name}/{part}"):
                key = message_id(f"{root}/{name}/{part}/{file}")
                flags = file.rpartition(":2,")[2] if ":2," in file else ""
                messages[key] = messages.get(key, ()) + ("".join(sorted(c for c in flags if c in "SRFDT")),)
    return state


def remote_state(server, user, names):
    """The same of the account; a mailbox that is not there has no messages."""
    state = {}
    with server.client(user) as client:
        for name in names:
            messages = state.setdefault(name, {})
            if not client.command(f'EXAMINE "{name}"')[0].startswith(b"OK"):
                continue
            for response in client.ok("FETCH 1:* (FLAGS BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])"):
                key = re.search(rb"(?i)Message-ID: (\S+)", response)
                flags = re.search(rb"FLAGS \(([^)]*)\)", response)
                if key and flags:
                    text = "".join(sorted(LETTERS[f] for f in flags.group(1).split() if f in LETTERS))
                    messages[key.group(1).decode()] = messages.get(key.group(1).decode(), ()) + (text,)
    return state


def mailboxes(server, user):
    """Name -> (messages, UIDNEXT, HIGHESTMODSEQ): what any change would change."""
    state = {}
    with server.client(user) as client:
        for response in client.ok('LIST "" "*" RETURN (STATUS (MESSAGES UIDNEXT HIGHESTMODSEQ))'):
            match = re.match(rb'\* STATUS "?([^"]*?)"? \(MESSAGES (\d+) UIDNEXT (\d+) HIGHESTMODSEQ (\d+)\)$', response)
            if match:
                state[match.group(1).decode()] = tuple(int(n) for n in match.groups()[1:])
    return state
