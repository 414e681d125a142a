#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The main job: a private Postfix takes mail by SMTP and hands it over by LMTP, while holdfastd is killed again and again; every message
arrives, and once. Then single messages by swaks: attachments, UTF-8, several recipients, folders, an unknown user."""

import collections
import email
import email.policy
import imaplib
import os
import pwd
import re
import signal
import subprocess
import time

import support
from support import PASSWORD, Server, check, children, folder, free_port, main, note, run, wait_for

SBIN = "/usr/lib/postfix/sbin"
USERS = [f"user{n}@example.org" for n in range(1, 5)]
EACH = int(os.environ.get("E2E_MESSAGES", "1000")) // len(USERS)
server = postfix = None

MASTER = """\
127.0.0.1:{port} inet n - n - - smtpd
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
flush     unix  n - n 1000? 0 flush
proxymap  unix  - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
discard   unix  - - n - - discard
local     unix  - n n - - local
virtual   unix  - n n - - virtual
lmtp      unix  - - n - 20 lmtp
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
tlsmgr    unix  - - n 1000? 1 tlsmgr
pipe-in   unix  - n n - 4 pipe flags=R user=nobody null_sender=
  argv={deliver} -s unix:{lmtp} -f ${{sender}} -- ${{recipient}}
postlog   unix-dgram n - n - 1 postlogd
"""

MAIN = """\
compatibility_level = 3.6
queue_directory = {dir}/queue
data_directory = {dir}/data
command_directory = /usr/sbin
daemon_directory = {sbin}
mail_owner = postfix
setgid_group = postdrop
myhostname = mx.example.net
mydestination =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
alias_maps =
alias_database =
local_recipient_maps =
disable_dns_lookups = yes
smtputf8_enable = yes
recipient_delimiter = +
virtual_mailbox_domains = example.org
virtual_transport = lmtp:{target}
transport_maps = inline:{{ piped.example=pipe-in: }}
relay_domains = piped.example
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_error_sleep_time = 0
message_size_limit = 30000000
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
transport_retry_time = 1s
lmtp_connect_timeout = 5s
default_destination_concurrency_failed_cohort_limit = 0
lmtp_destination_concurrency_failed_cohort_limit = 0
maillog_file = {dir}/maillog
maillog_file_prefixes = /var, /dev/stdout, /tmp
"""


class Postfix:
    def __init__(self, target):
        self.dir = f"{folder}/postfix"
        self.port = free_port()
        self.process = None
        owner = pwd.getpwnam("postfix")
        os.mkdir(self.dir)
        os.chmod(self.dir, 0o755)
        for name in ("conf", "data", "queue"):
            os.mkdir(f"{self.dir}/{name}")
        os.chown(f"{self.dir}/data", owner.pw_uid, owner.pw_gid)
        for name in ("active bounce corrupt defer deferred flush hold incoming private saved trace").split():
            os.mkdir(f"{self.dir}/queue/{name}", 0o700)
            os.chown(f"{self.dir}/queue/{name}", owner.pw_uid, -1)
        os.mkdir(f"{self.dir}/queue/pid", 0o755)
        for name, mode in (("public", 0o710), ("maildrop", 0o730)):
            os.mkdir(f"{self.dir}/queue/{name}")
            os.chown(f"{self.dir}/queue/{name}", owner.pw_uid, -1)
            os.chmod(f"{self.dir}/queue/{name}", mode)
        with open(f"{self.dir}/conf/main.cf", "w", encoding="utf-8") as conf:
            conf.write(MAIN.format(dir=self.dir, sbin=SBIN, target=target))
        with open(f"{self.dir}/conf/master.cf", "w", encoding="utf-8") as conf:
            conf.write(MASTER.format(port=self.port, deliver=support.HF_DELIVER, lmtp=server.lmtp_unix))
        children.append(self)

    def start(self):
        with open(f"{self.dir}/output", "wb") as output:
            self.process = subprocess.Popen([f"{SBIN}/master", "-c", f"{self.dir}/conf", "-d"], stdin=subprocess.DEVNULL,
                                            stdout=output, stderr=output, start_new_session=True)

        def greets():
            if self.process.poll() is not None:
                raise RuntimeError(f"Postfix ended: {self.log()}")
            try:
                with support.Lines(self.port, timeout=5) as c:
                    return c.line().startswith(b"220")
            except OSError:
                return False
        wait_for(greets, 30, "Postfix greets")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process:
            try:
                os.killpg(self.process.pid, signal.SIGTERM)
            except ProcessLookupError:
                pass

    def log(self):
        text = ""
        for name in ("output", "maillog"):
            if os.path.exists(f"{self.dir}/{name}"):
                with open(f"{self.dir}/{name}", encoding="utf-8", errors="replace") as log:
                    text += log.read()
        return text

    def queued(self):
        return sum(len(files) for name in ("incoming", "active", "deferred", "maildrop")
                   for _, _, files in os.walk(f"{self.dir}/queue/{name}"))

    def flush(self):
        run("postqueue", "-c", f"{self.dir}/conf", "-f")

    def wait_empty(self, seconds):
        last = [0.0]

        def empty():
            if server.died() is not None:
                raise RuntimeError(f"holdfastd ended with {server.died()}: {server.log()[-1500:]}")
            if time.monotonic() > last[0] + 2:
                self.flush()
                last[0] = time.monotonic()
            return self.queued() == 0
        wait_for(empty, seconds, f"Postfix's queue is empty ({self.queued()} in it)")


def begin():
    global server, postfix
    if os.getuid() != 0:
        raise RuntimeError("Postfix can only be started by root")
    server = Server().start()
    names = f"{folder}/users"
    with open(names, "w", encoding="utf-8") as file:
        file.writelines(f"{user}\t{PASSWORD}\n" for user in USERS + ["anna@example.org", "bob@piped.example"])
    result = server.hfctl("user", "add", "--from", names)
    check("users from a file", result.returncode == 0, result)
    postfix = Postfix(f"unix:{server.lmtp_unix}")
    postfix.start()


def delivered():
    return server.log().count(" delivered ") + server.log().count("event=delivered")


def thousand_and_kills():
    sources = [subprocess.Popen(["smtp-source", "-c", "-m", str(EACH), "-s", "3", "-l", "3000", "-S", f"load for {user}",
                                 "-f", f"sender{n}@example.net", "-t", user, f"127.0.0.1:{postfix.port}"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
               for n, user in enumerate(USERS)]
    kills, fault, total = 0, None, EACH * len(USERS)
    for part in (0.05, 0.2, 0.4, 0.6, 0.8):
        def reached(part=part):
            return delivered() >= total * part or (postfix.queued() == 0 and all(s.poll() is not None for s in sources))
        wait_for(reached, 120, f"{part:.0%} delivered")
        if postfix.queued() or any(s.poll() is None for s in sources):
            server.kill()
            kills += 1
            if part == 0.4:  # between the flush and the reply: stored, and Postfix does not know
                server.start(HOLDFAST_FAULT="batch.flushed:20")
                postfix.flush()
                fault = wait_for(server.died, 60, "the fault point is reached")
            server.start()
    for source in sources:
        source.wait(120)
        check("smtp-source is done", source.returncode == 0, source.stderr.read().decode())
    postfix.wait_empty(180)
    note(f"killed {kills} times; repeated deliveries recognised: {server.log().count('repeated=yes')}")
    check("holdfastd was killed several times on the way", kills >= 4, kills)
    check("and once between flush and reply", fault == 86, fault)
    check("whose repetition was recognised", "repeated=yes" in server.log())
    log = postfix.log()
    check("Postfix bounced nothing", "status=bounced" not in log, re.findall(r".*status=bounced.*", log)[:5])
    for user in USERS:
        ids = message_ids(user)
        twice = [i for i, n in collections.Counter(ids).items() if n > 1]
        check(f"{user}: each of {EACH} messages exactly once", len(ids) == EACH and not twice, (len(ids), twice[:5]))


def mailbox(user, name="INBOX"):
    client = imaplib.IMAP4("127.0.0.1", server.imap)
    client.login(user, PASSWORD)
    client.select(f'"{name}"', readonly=True)
    return client


def message_ids(user):
    client = mailbox(user)
    _, data = client.fetch("1:*", "(UID BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])")
    client.logout()
    return [d[1].strip().lower() for d in data if isinstance(d, tuple)]


def newest(user, name="INBOX"):
    client = mailbox(user, name)
    _, data = client.search(None, "ALL")
    last = data[0].split()[-1].decode()
    _, data = client.fetch(last, "(BODY.PEEK[])")
    client.logout()
    return email.message_from_bytes(data[0][1], policy=email.policy.default)


def count(user, name="INBOX"):
    client = imaplib.IMAP4("127.0.0.1", server.imap)
    client.login(user, PASSWORD)
    _, data = client.select(f'"{name}"', readonly=True)
    client.logout()
    return int(data[0])


def swaks(*args):
    result = run("swaks", "--server", f"127.0.0.1:{postfix.port}", "--helo", "client.example.net", "--hide-all", *args)
    if result.returncode:
        raise RuntimeError(f"swaks {args}: {result.stdout}{result.stderr}")
    postfix.wait_empty(30)


def by_swaks():
    picture = f"{folder}/picture.bin"
    with open(picture, "wb") as file:
        file.write(os.urandom(300_000))
    swaks("--from", "bob@example.net", "--to", "anna@example.org", "--header", "Subject: with attachment",
          "--body", "see the attachment", "--attach-type", "application/octet-stream", "--attach-name", "Bild ä.bin",
          "--attach", f"@{picture}")
    got = newest("anna@example.org")
    parts = [p for p in got.walk() if p.get_content_type() == "application/octet-stream"]
    with open(picture, "rb") as file:
        check("an attachment arrives whole", len(parts) == 1 and parts[0].get_payload(decode=True) == file.read(), got.keys())
    check("trace lines are in front", list(got.keys())[:3] == ["Return-Path", "Delivered-To", "Received"], got.keys())

    swaks("--from", "bob@example.net", "--to", "anna@example.org", "--header", "Subject: Grüße aus München ☃",
          "--header", "Content-Type: text/plain; charset=UTF-8", "--header", "Content-Transfer-Encoding: 8bit", "--body", "Schöne Grüße ☃")
    raw = newest("anna@example.org").as_bytes()
    check("UTF-8 subject and body arrive as sent", "Schöne Grüße ☃".encode() in raw, raw[-300:])
    client = mailbox("anna@example.org")
    typ, data = client.uid("SEARCH", "CHARSET", "UTF-8", "BODY", '"schöne grüße"'.encode())
    check("and are found by SEARCH", typ == "OK" and len(data[0].split()) == 1, data)
    client.logout()

    before = {u: count(u) for u in USERS}
    swaks("--from", "bob@example.net", "--to", ",".join(USERS), "--header", "Subject: to all", "--body", "x")
    check("several recipients each get it once", all(count(u) == before[u] + 1 for u in USERS))

    client = imaplib.IMAP4("127.0.0.1", server.imap)
    client.login("anna@example.org", PASSWORD)
    client.create("Lists")
    client.logout()
    swaks("--from", "bob@example.net", "--to", "anna+Lists@example.org", "--header", "Subject: for the folder", "--body", "x")
    check("user+folder goes to the folder", count("anna@example.org", "Lists") == 1)

    swaks("--from", "anna@example.org", "--to", "nobody@example.org", "--header", "Subject: lost", "--body", "x")
    got = wait_for(lambda: "Undelivered" in (newest("anna@example.org")["Subject"] or "") and newest("anna@example.org"), 20, "the bounce")
    check("an unknown user bounces with 5.1.1", b"5.1.1" in got.as_bytes() and b"no such user" in got.as_bytes())

    swaks("--from", "bob@example.net", "--to", "bob@piped.example", "--header", "Subject: through the pipe", "--body", ".dot")
    got = newest("bob@piped.example")
    check("pipe(8) with hf-deliver", got["Subject"] == "through the pipe" and ".dot" in got.get_content(), got.as_bytes()[:500])


def store_is_whole():
    result = server.hfctl("verify")
    check("verify finds nothing wrong", result.returncode == 0, result)


main(begin, thousand_and_kills, by_swaks, store_is_whole, seconds=600)
