# SPDX-License-Identifier: BSD-2-Clause
"""The servers that are compared: each can be started in a phase, stopped, and says where it listens and which process it is."""
import imaplib
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time

USERS = 200
CERTIFICATE = "bench.pem"  # in the data directory: certificate and key, the same for every server


def make_certificate(directory):
    """ECDSA on P-256, as a public authority gives out today."""
    path = os.path.join(directory, CERTIFICATE)
    if not os.path.exists(path):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=bench.example", "-keyout", path + ".key", "-out", path + ".crt"], check=True, capture_output=True)
        with open(path, "wb") as out:
            for part in (".crt", ".key"):
                with open(path + part, "rb") as f:
                    out.write(f.read())
        os.chmod(path, 0o644)  # Cyrus reads it as its own user
    return path


def wait_for_port(port, process=None, seconds=60, greeting=True):
    """Until the server there says something: a port may be open long before."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as s:
                if not greeting or s.recv(1):
                    return
        except OSError:
            pass
        if process is not None and process.poll() is not None:
            break
        time.sleep(0.005)
    raise RuntimeError(f"nothing answers on port {port}")


class Server:
    name = ""
    imap_port = imaps_port = lmtp_port = 0
    setup = ""  # for the report

    def capabilities(self):
        """After login, as a set of words."""
        with socket.create_connection(("127.0.0.1", self.imap_port), 10) as s:
            f = s.makefile("rwb")
            f.readline()
            f.write(b"a LOGIN user1 pass\r\nb CAPABILITY\r\nc LOGOUT\r\n")
            f.flush()
            words = set()
            for line in f:
                m = re.match(rb"\* CAPABILITY (.*)", line)
                if m:
                    words |= {w.decode() for w in m[1].split()}
        return words

    def prepare(self, mailboxes):
        """Makes the (user, mailbox) pairs where a server needs help with that."""

    def settle(self):
        """What the server would write sooner or later is written."""

    def disk_bytes(self):
        out = subprocess.run(["du", "-s", "--block-size=1", *self.data_dirs()], check=True, capture_output=True, text=True).stdout
        return sum(int(line.split()[0]) for line in out.splitlines())


class Holdfast(Server):
    name = "holdfast"
    imap_port, imaps_port, lmtp_port = 13143, 13993, 13024

    def __init__(self, directory, prefix):
        self.dir, self.prefix, self.process = os.path.join(directory, "holdfast"), prefix, None
        self.certificate = make_certificate(directory)
        self.setup = "this source tree with -O2, default settings"

    store_options = ""  # of the configuration, for measurements that want others than the defaults

    def program(self, name):
        for folder in ("sbin", "bin"):
            path = os.path.join(self.prefix, folder, name)
            if os.access(path, os.X_OK):
                return path
        raise RuntimeError(f"{name} is not in {self.prefix}")

    def config(self, phase):
        relaxed = "true" if phase == "relaxed" else "false"
        return f"""hostname = "bench.example";
store: {{ directory = "{self.dir}/store"; flags_relaxed = {relaxed}; {self.store_options} }};
control: {{ socket = "{self.dir}/control"; }};
log: {{ destination = "stderr"; level = "info"; }};
auth: {{ allow_plaintext = true; }};
tls: {{ certificate = "{self.certificate}"; key = "{self.certificate}"; }};
listen = (
	{{ module = "imap"; service = "imap"; address = "127.0.0.1:{self.imap_port}"; }},
	{{ module = "imap"; service = "imaps"; address = "127.0.0.1:{self.imaps_port}"; tls = true; }},
	{{ module = "lmtp"; service = "lmtp"; address = "127.0.0.1:{self.lmtp_port}"; }}
);
"""

    def start(self, phase):
        new = not os.path.isdir(f"{self.dir}/store")
        os.makedirs(f"{self.dir}/store", mode=0o700, exist_ok=True)
        conf = f"{self.dir}/holdfast.conf"
        with open(conf, "w", encoding="utf-8") as f:
            f.write(self.config(phase))
        with open(f"{self.dir}/log", "ab") as log:
            self.process = subprocess.Popen([self.program("holdfastd"), "--config", conf], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for_port(self.imap_port, self.process)
        wait_for_port(self.lmtp_port, self.process)
        if new:
            with open(f"{self.dir}/users", "w", encoding="utf-8") as f:
                f.writelines(f"user{i}\tpass\n" for i in range(1, USERS + 1))
            subprocess.run([self.program("hfctl"), "--socket", f"{self.dir}/control", "user", "add", "--from", f"{self.dir}/users"],
                           check=True, stdout=subprocess.DEVNULL)

    def pid(self):
        return self.process.pid

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            self.process = None

    def settle(self):
        subprocess.run([self.program("hfctl"), "--socket", f"{self.dir}/control", "checkpoint"], check=True, stdout=subprocess.DEVNULL)

    def data_dirs(self):
        return [f"{self.dir}/store"]


class Peer(Server):
    """One that a script of the peers directory starts: SCRIPT start DIR prints pid=N ... last."""

    script = ""

    def __init__(self, directory, peers):
        self.dir, self.peers, self._pid = os.path.join(directory, self.name), peers, 0
        self.certificate = make_certificate(directory)

    def environment(self, phase):
        return {"IMAP_PORT": str(self.imap_port), "LMTP_PORT": str(self.lmtp_port)}

    def start(self, phase):
        log = os.path.join(os.path.dirname(self.dir), f"{self.name}.start")
        # into a file: the daemons inherit the descriptor, and a pipe would never end
        with open(log, "w", encoding="utf-8") as f:
            subprocess.run([self.own_script(), "start", self.dir], check=True, stdin=subprocess.DEVNULL, stdout=f,
                           stderr=subprocess.STDOUT, env={**os.environ, **self.environment(phase)}, timeout=900)
        with open(log, encoding="utf-8") as f:
            self._pid = int(re.findall(r"^pid=(\d+)", f.read(), re.M)[-1])
        wait_for_port(self.imaps_port, greeting=False)

    def own_script(self):
        """A copy of the script in which the server listens with TLS as well."""
        with open(os.path.join(self.peers, self.script), encoding="utf-8") as f:
            text = f.read()
        for old, new in self.tls_changes():
            if old not in text:
                raise RuntimeError(f"{self.script}: no {old!r} in it")
            text = text.replace(old, new)
        path = os.path.join(os.path.dirname(self.dir), f"{self.name}.sh")
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        os.chmod(path, 0o755)
        return path

    def tls_changes(self):
        """[(text of the script, text instead)]"""
        return []

    def pid(self):
        return self._pid

    def stop(self):
        if self._pid:
            subprocess.run([self.own_script(), "stop", self.dir], check=False, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL, timeout=120)
            end = time.monotonic() + 5
            while os.path.exists(f"/proc/{self._pid}") and time.monotonic() < end:
                time.sleep(0.05)
            if os.path.exists(f"/proc/{self._pid}"):  # seen of Cyrus's master: it turns in circles instead of ending
                os.kill(self._pid, signal.SIGKILL)
            self._pid = 0

    def version(self, *command):
        try:
            return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]
        except (OSError, subprocess.CalledProcessError, IndexError):
            return "?"


class Dovecot(Peer):
    script = "dovecot.sh"
    format = ""

    def environment(self, phase):
        return {**super().environment(phase), "FORMAT": self.format, "FSYNC": "always" if phase == "durable" else "optimized"}

    def start(self, phase):
        super().start(phase)
        self.setup = f"Dovecot {self.version('dovecot', '--version')}, {self.format}"

    def tls_changes(self):
        return [("ssl = no", f"ssl = yes\nssl_cert = <{self.certificate}\nssl_key = <{self.certificate}"),
                ("  inet_listener imaps {\n    port = 0", f"  inet_listener imaps {{\n    port = {self.imaps_port}")]

    def data_dirs(self):
        return [f"{self.dir}/mail"]


class Maildir(Dovecot):
    name, format, imap_port, imaps_port, lmtp_port = "maildir", "maildir", 11143, 11993, 11024


class Mdbox(Dovecot):
    name, format, imap_port, imaps_port, lmtp_port = "mdbox", "mdbox", 11243, 11994, 11124


class Cyrus(Peer):
    name, script, imap_port, imaps_port, lmtp_port = "cyrus", "cyrus.sh", 12143, 12993, 12024

    def environment(self, phase):
        return {**super().environment(phase), "USERS": str(USERS),
                "IMAPD_EXTRA": f"tls_server_cert: {self.certificate}\ntls_server_key: {self.certificate}"}

    def start(self, phase):
        super().start(phase)
        version = self.version("dpkg-query", "-W", "-f", "${Version}", "cyrus-common")
        self.setup = f"Cyrus IMAP {version}"

    def stop(self):
        """At once: the script asks for an orderly end, and the master has been seen to turn in circles until it gives up, 5 s each time."""
        if self._pid:
            found = subprocess.run(["pgrep", "-P", str(self._pid)], capture_output=True, text=True, check=False).stdout.split()
            for pid in [self._pid, *map(int, found)]:
                try:
                    os.kill(pid, signal.SIGTERM)
                except ProcessLookupError:
                    pass
            end = time.monotonic() + 2
            while os.path.exists(f"/proc/{self._pid}") and time.monotonic() < end:
                time.sleep(0.02)
        super().stop()

    def tls_changes(self):
        return [("SERVICES {\n", "SERVICES {\n  imaps cmd=\"$D/pkg$B/imapd -C $D/imapd.conf -s -U 256\" "
                 f"listen=\"127.0.0.1:{self.imaps_port}\" prefork=2 maxchild=12000\n")]

    def prepare(self, mailboxes):
        # By one process: two that create mailboxes may draw the same unique id, and the mailboxes then share their files (3.6.1).
        admin = imaplib.IMAP4("127.0.0.1", self.imap_port)
        admin.login("cyrus", "pass")
        for user, mailbox in mailboxes:
            name = f"user/user{user}" if mailbox == "INBOX" else f"user/user{user}/{mailbox}"
            answer, text = admin.create(name)
            if answer != "OK":
                raise RuntimeError(f"cyrus: CREATE {name}: {text}")
        admin.logout()

    def data_dirs(self):
        return [f"{self.dir}/spool", f"{self.dir}/conf"]


ALL = {c.name: c for c in (Holdfast, Maildir, Mdbox, Cyrus)}


def measure(client, server, row, timeout):
    """Runs one workload once. Returns (result, None) or (None, what went wrong)."""
    command = [client, row.workload, "--imap", f"127.0.0.1:{server.imaps_port if row.tls else server.imap_port}",
               "--lmtp", f"127.0.0.1:{server.lmtp_port}", "--rcpt", "user%d@bench.example", "--quickack",
               "--server-pid", str(server.pid()), *shlex.split(row.options), *(["--tls"] if row.tls else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return None, f"not finished after {timeout} s"
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        return None, (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    runs = [x for x in lines if not x.get("summary")]
    # several runs inside one turn (for rows of a few milliseconds) count as one: their median
    runs.sort(key=lambda x: x["ops_s"])
    result = dict(runs[len(runs) // 2])
    ops = sum(x["ops"] for x in runs)
    result["server_us"] = 1e6 * sum(x.get("server_cpu_s", 0) for x in runs) / ops if ops else 0
    return result, None


def flush_rate(directory, seconds=0.5):
    """What the disk does by itself: 4 KiB written at the end of a file and flushed, again and again, per second."""
    path = os.path.join(directory, "flushes")
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    block, count = b"x" * 4096, 0
    begun = time.monotonic()
    try:
        while time.monotonic() - begun < seconds:
            os.write(fd, block)
            os.fdatasync(fd)
            count += 1
        return count / (time.monotonic() - begun)
    finally:
        os.close(fd)
        os.unlink(path)


def device_written(directory):
    """Octets that the disk below `directory` has been given since the machine started, by everybody; None where there is no such disk."""
    device = os.stat(directory).st_dev
    with open("/proc/diskstats", encoding="ascii") as f:
        for line in f:
            words = line.split()
            if (int(words[0]), int(words[1])) == (os.major(device), os.minor(device)):
                return int(words[9]) * 512
    return None


def drop_caches():
    """What is in memory of files goes; false where that is not ours to do."""
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as f:
            f.write("3\n")
        return True
    except OSError:
        return False
