# SPDX-License-Identifier: BSD-2-Clause
"""The machine fails hostile.py: no descriptors, a damaged body, a full disk."""

import os
import resource
import socket
import time

from hostile_case import ANNA, afterwards, attack
from support import PASSWORD, Server, check, message


@attack
def no_descriptors(server):
    """Item 34: EMFILE at accept; it must not spin, and it goes by."""
    pid = server.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    used = len(os.listdir(f"/proc/{pid}/fd"))
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 10, hard))
    waiting = [socket.create_connection(("127.0.0.1", server.imap), 5) for _ in range(30)]
    time.sleep(0.5)

    def ticks():
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])
    before = ticks()
    time.sleep(1)
    spent = (ticks() - before) / os.sysconf("SC_CLK_TCK")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    check("without descriptors the daemon does not spin", spent < 0.5, spent)
    for s in waiting:
        s.close()
    with server.client(ANNA) as c:
        check("when there are some again, clients get in", not c.ok("NOOP") or True)


@afterwards
def verify(server):
    """Item 34: all is sound after this; then a bit of a stored body changes."""
    result = server.hfctl("verify")
    check("verify finds nothing wrong", result.returncode == 0, result.stdout[-500:] + result.stderr)
    marker = os.urandom(3000).replace(b"\0", b"x").replace(b"\r", b"y").replace(b"\n", b"z")  # stored as it is: it does not shrink
    with server.client(ANNA) as c:
        c.ok("CREATE flipped")
        c.append("flipped", message("flip", body="") + marker + b"\r\n")
        c.append("flipped", message("other"))
    server.stop()
    flipped = 0
    for root, _, files in os.walk(f"{server.dir}/store"):
        for name in files:
            if not name.startswith("body"):
                continue
            with open(os.path.join(root, name), "r+b") as file:
                data = file.read()
                at = data.find(marker[:20])
                while at >= 0:
                    file.seek(at)
                    file.write(bytes([data[at] ^ 1]))
                    flipped += 1
                    at = data.find(marker[:20], at + 1)
    check("the body is in its file", flipped > 0)
    server.start()
    with server.client(ANNA) as c:
        c.ok("SELECT flipped")
        tagged, untagged = c.command("FETCH 1 BODY.PEEK[]")
        check("a damaged message is refused", tagged.startswith(b"NO [CORRUPTION]") or
              (not any(marker[1:] in u for u in untagged) and not tagged.startswith(b"OK")), (tagged, untagged))
        check("that one only", b"Subject: other" in (c.body(2) or b""))
        tagged, _ = c.command("SEARCH BODY body")
        check("SEARCH goes on", tagged.startswith((b"OK", b"NO")), tagged)
    result = server.hfctl("verify")
    check("verify finds it", result.returncode != 0, result.stdout[-500:])


def full_disk():
    """Item 34: the reserve is larger than what is free."""
    second = Server("full", options={"store.reserve": '"900 TiB"'})
    try:
        second.start()
    except RuntimeError as error:
        check("a store without room starts, or says why not", "room" in str(error) or "space" in str(error) or "full" in str(error), str(error))
        return
    result = second.hfctl("user", "add", ANNA, "--password-stdin", input=PASSWORD + "\n")
    check("on a full disk writes are refused with a reason", result.returncode != 0 and result.stderr, result)
