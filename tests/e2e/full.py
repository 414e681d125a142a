#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The disk fills up: deliveries are put off, reading goes on, nothing acknowledged is lost; a crash on a disk without one free block is recovered
with the ballast; and with room again all goes on by itself. On a small file system of its own, in a name space of its own: needs root."""

import atexit
import ctypes
import os
import shutil
import sys
import time

from support import Server, check, folder, main, message, note, run, wait_for

CLONE_NEWNS = 0x20000
ANNA = "anna@example.org"
disk = f"{folder}/disk"
server = None
sent = []


def text_of(number):
    line = (b"%06d " % number) + os.urandom(32).hex().encode()
    return b"\r\n".join([line + os.urandom(300).hex().encode()[:900] for _ in range(1200)]).decode() + "\r\n"


def fills_up():
    global server
    server = Server(options={"store.directory": f'"{disk}/store"', "store.reserve": '"64 MiB"', "store.ballast": '"32 MiB"',
                             "store.checkpoint": '"8 MiB"', "store.cache": '"32 MiB"'}).start()
    server.add_user(ANNA)
    replies = [b""]
    for number in range(1000):
        with server.lmtp_client() as c:
            replies = c.deliver(message(f"number {number}", text_of(number)), [ANNA])
        if not replies or not replies[0].startswith(b"250"):
            break
        sent.append(number)
    check("at the reserve deliveries are put off with 452", replies[0].startswith(b"452 4.3.1"), replies)
    check("some came in before", len(sent) > 20, len(sent))
    with server.client(ANNA) as c:
        check("reading goes on", c.exists("INBOX") == len(sent) and len(c.body(1)) > 500000)
        for command in (r"STORE 1 +FLAGS (\Seen)", "CREATE x", "COPY 1 Sent", "APPEND INBOX {3+}\r\nabc"):
            reply = c.command(command)[0]
            check(f"{command[:6]} is refused for the time being", reply.startswith(b"NO [UNAVAILABLE]"), reply)
    result = server.hfctl("--json", "stats")
    check("stats tell that it is full", '"store.full": true' in result.stdout, result.stdout)


def not_one_block():
    """Somebody else takes what the reserve has left; then the power fails, so to speak."""
    time.sleep(2)  # what is in memory is written at the next tick, one second after the reserve was reached
    with open(f"{disk}/filler", "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(65536))
        except OSError:
            pass
    check("the disk is full", shutil.disk_usage(disk).free < 65536, shutil.disk_usage(disk))
    with server.client(ANNA) as c:
        check("reading goes on still", c.exists("INBOX") == len(sent) and len(c.body(2)) > 500000)
    server.kill()
    server.start()
    check("it recovers on the full disk, by the ballast", not os.path.exists(f"{disk}/store/ballast"))
    with server.client(ANNA) as c:
        check("all that was acknowledged is there", c.exists("INBOX") == len(sent))
        check("and whole", (b"%06d " % sent[-1]) in c.body(len(sent)))


def room_again():
    os.unlink(f"{disk}/filler")
    result = run("mount", "-o", "remount,size=500m", disk)
    check("there is room", result.returncode == 0, result)

    def taken():
        with server.lmtp_client() as c:
            replies = c.deliver(message("afterwards"), [ANNA])
        return replies and replies[0].startswith(b"250")
    wait_for(taken, 20, "deliveries go on")
    check("deliveries go on by themselves", True)
    wait_for(lambda: os.path.exists(f"{disk}/store/ballast"), 20, "the ballast is there again")
    check("and the ballast is made anew", True)
    result = server.hfctl("verify")
    check("verify finds nothing", result.returncode == 0, result)


if os.getuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
    note("needs root and name spaces: left out")
    sys.exit(0)
os.mkdir(disk)
if run("mount", "--make-rprivate", "/").returncode or run("mount", "-t", "tmpfs", "-o", "size=220m", "none", disk).returncode:
    note("cannot mount: left out")
    sys.exit(0)
atexit.register(run, "umount", "-l", disk)
main(fills_up, not_one_block, room_again, seconds=180)
