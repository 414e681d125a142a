#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The daemon as a service: modules that are missing, what is in which file, sockets and their owners, becoming a user without privileges, reloads
after that, readiness for systemd. What needs root is left out without it."""

import grp
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess

from support import BUILD, HOLDFASTD, PASSWORD, PREFIX, Imap, Lmtp, Server, check, folder, free_port, main, message, note, run, wait_for

ANNA = "anna@example.org"
LIBRARY = f"{PREFIX}/lib/holdfast" if PREFIX else f"{BUILD}/.libs"
MODULES = [f"{PREFIX}/lib/holdfast/modules"] * 2 if PREFIX else [f"{BUILD}/module/imap/.libs", f"{BUILD}/module/lmtp/.libs"]


def symbols(path):
    result = run("nm", path)
    if result.returncode or not result.stdout:
        result = run("nm", "-D", path)
    return {line.split()[-1] for line in result.stdout.split("\n") if line.strip()}


def what_is_where():
    """IMAP is in imap.so and nowhere else."""
    binary = f"{BUILD}/.libs/holdfastd" if os.path.exists(f"{BUILD}/.libs/holdfastd") else HOLDFASTD
    library = f"{LIBRARY}/libholdfast.so"
    for path in (binary, library):
        found = [s for s in symbols(path) if re.match(r"imap_|lmtp_|hf_module_", s)]
        check(f"no protocol in {os.path.basename(path)}", not found, found)
        with open(path, "rb") as file:
            text = file.read()
        found = [w for w in (b"UIDVALIDITY", b"\0BODYSTRUCTURE\0", b"\0LHLO\0", b"\0CAPABILITY\0", b"PERMANENTFLAGS") if w in text]
        check(f"nor its words in {os.path.basename(path)}", not found, found)
    handlers = [s for s in symbols(f"{MODULES[0]}/imap.so") if s.startswith("imap_cmd_")]
    check("the commands are in imap.so", PREFIX or {"imap_cmd_fetch", "imap_cmd_store", "imap_cmd_append"} <= set(handlers), handlers)
    for folder_of, name in zip(MODULES, ("imap", "lmtp")):
        result = run("nm", "-D", "--defined-only", f"{folder_of}/{name}.so")
        exported = [line.split()[-1] for line in result.stdout.split("\n") if " " in line]
        check(f"{name}.so exports one name", [s for s in exported if not s.startswith("_")] == [f"hf_module_{name}"], exported)


def without_imap():
    """Only lmtp.so is there: the file is named, and mail comes in all the same."""
    some = f"{folder}/modules"
    os.mkdir(some)
    shutil.copy(f"{MODULES[1]}/lmtp.so", some)
    server = Server("without", options={"modules.directory": f'( "{some}" )'})
    with open(server.log_path, "ab") as log:
        server.process = subprocess.Popen([HOLDFASTD, "-c", server.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def answers():
        try:
            return Lmtp(server.lmtp).greeting.startswith(b"220")
        except OSError:
            return False
    wait_for(answers, 30, "LMTP answers")
    server.add_user(ANNA)
    server.deliver(message("taken in"), ANNA)
    check("LMTP is served", True)
    check("the log names the file", f"{some}/imap.so" in server.log(), server.log())
    try:
        with socket.create_connection(("127.0.0.1", server.imap), 2) as s:
            check("and IMAP is not", not s.recv(10))
    except OSError:
        check("and IMAP is not", True)
    result = run(HOLDFASTD, "-c", server.config, "--check")
    check("--check names it too", f"{some}/imap.so" in result.stderr, result)
    server.stop()
    server.options = {}
    server.write_config()
    server.start()
    with server.client(ANNA) as c:
        check("with the module back the mail is there", c.exists("INBOX") == 1)
    server.stop()


def addresses():
    """IPv6, and one listener for both kinds."""
    server = Server("addresses")
    both, six = free_port(), free_port()
    with open(server.config, encoding="utf-8") as file:
        text = file.read()
    with open(server.config, "w", encoding="utf-8") as file:
        file.write(text.replace("listen = (", f'listen = ({{ module = "imap"; address = "[::1]:{six}"; }}, '
                                f'{{ module = "imap"; address = "*:{both}"; }},'))
    server.start()
    for address, port in (("::1", six), ("::1", both), ("127.0.0.1", both)):
        with socket.create_connection((address, port), 5) as s:
            check(f"{address} answers", s.recv(100).startswith(b"* OK"))
    server.stop()


def as_root():
    """Starts as root, serves as nobody."""
    if os.getuid() != 0:
        note("not root: nothing to give up")
        return
    nobody = pwd.getpwnam("nobody")
    queue = f"{folder}/queue"  # as Postfix's private directory: only root and postfix get in
    os.mkdir(queue)
    os.chmod(queue, 0o700)
    server = Server("root", options={"user": '"nobody"'})
    for key in ("key.pem", "cert.pem"):
        os.chmod(f"{server.dir}/{key}", 0o600)

    def rewrite(change=lambda text: text):
        server.write_config()
        with open(server.config, encoding="utf-8") as file:
            text = file.read()
        text = text.replace(server.lmtp_unix, f"{queue}/holdfast-lmtp").replace('mode = "0666"', 'mode = "0620"; owner = "daemon"; group = "mail"')
        with open(server.config, "w", encoding="utf-8") as file:
            file.write(change(text))
    os.mkdir(f"{server.dir}/run")
    server.control = f"{server.dir}/run/control"
    rewrite()
    result = run(HOLDFASTD, "-c", server.config, "--check")
    check("--check tells that the key cannot be reloaded", result.returncode != 0 and f"{server.dir}/key.pem" in result.stderr and
          "readable" in result.stderr, result)
    check("and leaves nothing behind", not os.path.exists(f"{server.dir}/store"))
    server.start()
    with open(f"/proc/{server.process.pid}/status", encoding="ascii") as file:
        status = file.read()
    check("it is nobody, for good", f"Uid:\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}\t{nobody.pw_uid}" in status and
          re.search(r"^Groups:\s*(65534)?\s*$", status, re.M) and re.search(r"^CapEff:\s*0+$", status, re.M) and
          re.search(r"^NoNewPrivs:\s*1", status, re.M), status)
    there = os.stat(f"{queue}/holdfast-lmtp")
    check("the socket has its owner, group and mode", stat.S_IMODE(there.st_mode) == 0o620 and
          there.st_uid == pwd.getpwnam("daemon").pw_uid and there.st_gid == grp.getgrnam("mail").gr_gid, there)
    store = os.stat(f"{server.dir}/store")
    check("the store is nobody's, and closed to others", store.st_uid == nobody.pw_uid and stat.S_IMODE(store.st_mode) & 0o77 == 0, store)
    server.add_user(ANNA)

    def through_socket():
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(f"{queue}/holdfast-lmtp")
            return s.recv(100).startswith(b"220")
    check("the socket answers", through_socket())
    result = server.hfctl("reload")
    check("a reload without a change keeps key and socket", result.returncode == 0 and through_socket() and
          os.stat(f"{queue}/holdfast-lmtp").st_ino == there.st_ino, result)
    server.options["lmtp.message_size"] = '"1 MiB"'
    rewrite()
    check("so does one with a change elsewhere", server.hfctl("reload").returncode == 0 and through_socket())
    with server.lmtp_client() as c:
        check("which takes effect", b"SIZE 1048576" in c.command("LHLO x"))
    server.options["lmtp.message_size"] = '"2 MiB"'
    rewrite(lambda text: text.replace("listen = (", f'listen = ({{ module = "lmtp"; address = "unix:{queue}/second"; }},'))
    result = server.hfctl("reload")
    check("a second socket where only root may go: restart needed", result.returncode == 1 and "restart needed" in result.stderr, result)
    with server.lmtp_client() as c:
        check("and nothing has changed", b"SIZE 1048576" in c.command("LHLO x") and through_socket())
    rewrite()
    os.utime(f"{server.dir}/key.pem", (1, 1))
    result = server.hfctl("reload")
    check("a changed key that only root may read: restart needed", result.returncode == 1 and "restart needed" in result.stderr, result)
    check("TLS goes on with the old one", Imap(server.imaps, tls=True).greeting.startswith(b"* OK"))
    server.stop()
    server.start()
    check("a restart binds the socket anew", through_socket())
    with server.lmtp_client() as c:
        check("and takes the new settings", b"SIZE 2097152" in c.command("LHLO x"))
    server.stop()


def for_systemd():
    """READY, RELOADING, STOPPING and the watchdog, as sd_notify(3) has them."""
    server = Server("notify")
    path = f"{folder}/notify.socket"
    told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    told.bind(path)
    told.settimeout(20)

    def hears(pattern):
        while True:
            text = told.recv(4096).decode()
            if re.search(pattern, text, re.M):
                return text
    server.start(NOTIFY_SOCKET=path, WATCHDOG_USEC="400000")
    check("ready", hears("^READY=1"))
    check("the watchdog is fed", hears("^WATCHDOG=1") and hears("^WATCHDOG=1"))
    server.process.send_signal(signal.SIGHUP)
    check("reloading, with the time", "MONOTONIC_USEC=" in hears("^RELOADING=1"))
    check("ready again", hears("^READY=1"))
    server.process.terminate()
    check("stopping", hears("^STOPPING=1"))
    server.process.wait(60)
    check("in order", server.process.returncode == 0)
    told.close()


def gracefully():
    """A command under way ends well when the daemon stops."""
    server = Server("graceful").start()
    server.add_user(ANNA)
    with server.client(ANNA) as c:
        for n in range(5):
            c.append("INBOX", message(f"{n}", "x" * 2000000))
        c.ok("SELECT INBOX")
        tag = c.begin("FETCH 1:* BODY.PEEK[]")
        first = c.response()  # it runs
        server.process.terminate()
        tagged, untagged = c.finish(tag)
        untagged.append(first)
        check("FETCH under way is finished", tagged.startswith(b"OK") and sum(len(u) > 2000000 for u in untagged) == 5, tagged)
        check("then BYE", b"BYE" in c.response() or any(b"BYE" in u for u in untagged))
    server.process.wait(60)
    check("and the end is in order", server.process.returncode == 0)
    check("the password is nowhere in the log", PASSWORD not in server.log())


main(what_is_where, without_imap, addresses, as_root, for_systemd, gracefully, seconds=180)
