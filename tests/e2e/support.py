# SPDX-License-Identifier: BSD-2-Clause
"""What the end-to-end scripts share: a holdfastd of their own, an IMAP and an LMTP client that hide nothing, and the count of checks.

The programs are those of the build tree ($HF_BUILDDIR), or of an installation when $HOLDFAST_PREFIX names one. Everything is below a
temporary directory, which goes away unless something failed and $HF_KEEP is set.
"""

import atexit
import json
import os
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time

PREFIX = os.environ.get("HOLDFAST_PREFIX")
BUILD = os.environ.get("HF_BUILDDIR", os.getcwd())
HOLDFASTD = f"{PREFIX}/sbin/holdfastd" if PREFIX else f"{BUILD}/holdfastd"
HFCTL = f"{PREFIX}/bin/hfctl" if PREFIX else f"{BUILD}/hfctl"
HF_DELIVER = f"{PREFIX}/bin/hf-deliver" if PREFIX else f"{BUILD}/hf-deliver"
PASSWORD = "e2e-secret"
COMPLAINTS = re.compile(r"Sanitizer|runtime error:|assert|level=critical")

folder = tempfile.mkdtemp(prefix="hf-e2e-", dir="/tmp")
os.chmod(folder, 0o755)
passed = failed = 0
children = []
given = set()


# --- checks ------------------------------------------------------------------------------------------------------------

def check(what, ok, detail=""):
    """One line per check; the detail is shown when it fails."""
    global passed, failed
    if ok:
        passed += 1
        print(f"ok: {what}", flush=True)
    else:
        failed += 1
        text = repr(detail) if not isinstance(detail, str) else detail
        print(f"FAILED: {what}: {text[:2000]}", flush=True)
    return bool(ok)


def note(text):
    print(f"# {text}", flush=True)


def main(*tests, seconds=600):
    """Runs the tests in turn; one that raises counts as failed. Ends the process."""
    def too_long(_number, _frame):
        raise TimeoutError(f"longer than {seconds} s")
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(seconds)
    for test in tests:
        began = time.monotonic()
        try:
            test()
        except Exception as error:  # pylint: disable=broad-except
            import traceback
            check(f"{test.__name__} runs to its end", False, f"{error!r}\n{traceback.format_exc()}")
            if isinstance(error, TimeoutError) and "longer than" in str(error):
                break
        note(f"{test.__name__}: {time.monotonic() - began:.1f} s")
    signal.alarm(0)
    for server in [c for c in children if isinstance(c, Server)]:
        server.stop()
        server.look_for_complaints()
    print(f"{passed} passed, {failed} failed", flush=True)
    sys.exit(1 if failed else 0)


def clean_up():
    for child in children:
        child.kill()
    if failed and os.environ.get("HF_KEEP"):
        note(f"kept: {folder}")
    else:
        shutil.rmtree(folder, ignore_errors=True)


atexit.register(clean_up)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


# --- odds and ends -----------------------------------------------------------------------------------------------------

def free_port():
    """A port that nobody has, outside the range from which outgoing connections get theirs: it must be free again after a restart."""
    while True:
        port = random.randrange(20000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            if port not in given:
                given.add(port)
                return port


def wait_for(condition, seconds, what):
    """Returns the first true result of `condition`."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


def run(*command, **options):
    """A command to its end: its CompletedProcess, with text."""
    options.setdefault("timeout", 120)
    options.setdefault("text", True)
    if "input" not in options:
        options.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.run([str(c) for c in command], capture_output=True, check=False, **options)


def message(subject="test", body="body\r\n", sender="bob@example.net", to="anna@example.org", message_id=None, extra=""):
    """A small message, CRLF line ends."""
    message_id = message_id or f"<{subject.replace(' ', '.')}.{time.monotonic_ns()}@example.net>"
    return (f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Mon, 23 Nov 2026 12:00:00 +0000\r\n"
            f"Message-ID: {message_id}\r\n{extra}\r\n{body}").encode()


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p))]


class Control(threading.Thread):
    """What the machine does at the moment to a round trip in which no server of ours has a part: octets to a process and back, from a thread like
    those that measure. A limit for a reply is a limit for the daemon, not for a machine that is busy with other things."""

    def __init__(self):
        super().__init__(daemon=True)
        self.process = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        children.append(self.process)
        self.times, self.ended = [], False
        self.start()

    def run(self):
        while not self.ended:
            began = time.monotonic()
            time.sleep(0.01)
            self.process.stdin.write(b"x" * 32)
            self.process.stdout.read(32)
            self.times.append(time.monotonic() - began - 0.01)

    def allows(self, seconds, since=0):
        """The limit for the 99th percentile: what is asked for on a machine that has time, and never more than ten times that."""
        return min(seconds + 2 * percentile(self.times[since:] or [0], 0.99), 10 * seconds)

    def end(self):
        self.ended = True
        self.join(10)


# --- the daemon --------------------------------------------------------------------------------------------------------

class Server:
    """A holdfastd with a store below the temporary directory. `options`: "section.key" -> value in the configuration file's syntax."""

    def __init__(self, name="server", options=None):
        self.dir = f"{folder}/{name}"
        os.mkdir(self.dir)
        os.chmod(self.dir, 0o755)
        self.imap, self.imaps, self.lmtp = free_port(), free_port(), free_port()
        self.lmtp_unix = f"{self.dir}/lmtp"
        self.control = f"{self.dir}/control"
        self.config = f"{self.dir}/holdfast.conf"
        self.log_path = f"{self.dir}/log"
        self.process = None
        self.expected_exit = 0
        self.options = dict(options or {})
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-keyout", f"{self.dir}/key.pem", "-out", f"{self.dir}/cert.pem")
        self.write_config()
        children.append(self)

    def write_config(self):
        sections = {
            "": {"hostname": '"mail.example.org"'},
            "store": {"directory": f'"{self.dir}/store"', "reserve": '"16 MiB"', "ballast": '"1 MiB"', "cache": '"64 MiB"'},
            "control": {"socket": f'"{self.control}"'},
            "log": {"destination": '"stderr"', "level": '"info"'},
            "tls": {"certificate": f'"{self.dir}/cert.pem"', "key": f'"{self.dir}/key.pem"'},
        }
        if not PREFIX:
            sections["modules"] = {"directory": f'( "{BUILD}/module/imap/.libs", "{BUILD}/module/lmtp/.libs" )'}
        if os.getuid() == 0:
            sections[""]["user"] = '"root"'
        for key, value in self.options.items():
            section, _, name = key.rpartition(".")
            sections.setdefault(section, {})[name] = value
        with open(self.config, "w", encoding="utf-8") as conf:
            for name, values in sections.items():
                lines = "\n".join(f"{key} = {value};" for key, value in values.items())
                conf.write(f"{name}: {{\n{lines}\n}};\n" if name else lines + "\n")
            conf.write(f'''listen = (
    {{ module = "imap"; service = "imap"; address = "127.0.0.1:{self.imap}"; }},
    {{ module = "imap"; service = "imaps"; address = "127.0.0.1:{self.imaps}"; tls = true; }},
    {{ module = "lmtp"; service = "lmtp"; address = "127.0.0.1:{self.lmtp}"; }},
    {{ module = "lmtp"; service = "lmtp"; address = "unix:{self.lmtp_unix}"; mode = "0666"; }}
);
''')

    def start(self, **environment):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([HOLDFASTD, "-c", self.config], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **environment})
        wait_for(self.answers, 60, "holdfastd answers")
        return self

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"holdfastd ended with {self.process.returncode}: {self.log()[-2000:]}")
        try:
            for port in (self.imap, self.lmtp):
                with socket.create_connection(("127.0.0.1", port), 1) as s:
                    s.settimeout(5)
                    if not s.recv(100):
                        return False
            return True
        except OSError:
            return False

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def stop(self):
        """An orderly end."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                check("holdfastd ends within a minute", False)
                self.kill()
            else:
                check("holdfastd ends in order", self.process.returncode == 0, self.process.returncode)
        self.process = None

    def kill(self):
        """As a crash would."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def died(self):
        """The exit status, or None while it runs."""
        return self.process.poll()

    def look_for_complaints(self):
        lines = [line for line in self.log().split("\n") if COMPLAINTS.search(line)]
        check("nothing alarming in the log", not lines, "\n".join(lines[:20]))

    def rss(self):
        """Resident octets."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            status = file.read()
        if "holdfastd" not in status.split("\n")[0]:
            raise RuntimeError(f"not holdfastd: {status[:40]}")
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M).group(1)) * 1024

    def hfctl(self, *args, **options):
        return run(HFCTL, "--socket", self.control, *args, **options)

    def result_of(self, *args):
        """The JSON result of a verb that must succeed."""
        result = self.hfctl("--json", *args)
        if not check(f"hfctl {' '.join(args)}", result.returncode == 0, result):
            return None
        return json.loads(result.stdout)

    def refuses(self, what, status, *args, text="", **options):
        """A verb that must fail with an exit status, and say why."""
        result = self.hfctl(*args, **options)
        check(f"{what}: exit status {status}, with a reason", result.returncode == status and result.stderr.startswith("hfctl: ") and
              text in result.stderr and not result.stdout, result)
        return result

    def add_user(self, name, password=PASSWORD):
        result = self.hfctl("user", "add", name, "--password-stdin", input=password + "\n")
        if result.returncode:
            raise RuntimeError(f"user add {name}: {result.stderr}")

    def client(self, user=None, password=PASSWORD, tls=False):
        """A raw IMAP client, logged in if a user is given."""
        client = Imap(self.imaps if tls else self.imap, tls)
        if user:
            client.ok(f'LOGIN "{user}" "{password}"')
        return client

    def lmtp_client(self):
        return Lmtp(self.lmtp)

    def deliver(self, data, *recipients, sender="bob@example.net"):
        """Through LMTP; raises unless all get it."""
        with self.lmtp_client() as client:
            replies = client.deliver(data, recipients, sender)
        if any(not r.startswith(b"250") for r in replies):
            raise RuntimeError(f"not delivered: {replies}")


# --- clients that hide nothing -----------------------------------------------------------------------------------------

class Lines:
    """A connection read line by line."""

    def __init__(self, port, tls=False, timeout=60):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb", 1 << 16)
        if tls:
            self.begin_tls()

    def begin_tls(self):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.file.close()
        self.socket = context.wrap_socket(self.socket)
        self.file = self.socket.makefile("rb", 1 << 16)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """Without its end; b"" when the connection is over."""
        return self.file.readline().rstrip(b"\r\n")

    def timeout(self, seconds):
        self.socket.settimeout(seconds)


class Imap(Lines):
    def __init__(self, port, tls=False, timeout=60):
        super().__init__(port, tls, timeout)
        self.greeting = self.line()
        self.tag = 0

    def response(self):
        """One response with its literals in place; b"" at the end of the connection."""
        whole = b""
        while True:
            line = self.file.readline()
            whole += line
            literal = re.search(rb"~?\{(\d+)\+?\}\r\n$", line)
            if not literal:
                return whole[:-2] if whole.endswith(b"\r\n") else whole
            whole += self.file.read(int(literal.group(1)))

    def begin(self, command):
        """Sends a command; returns its tag."""
        self.tag += 1
        tag = f"t{self.tag}"
        self.send(tag.encode() + b" " + (command if isinstance(command, bytes) else command.encode()) + b"\r\n")
        return tag

    def finish(self, tag):
        """(the tagged response without its tag, the responses before it)"""
        untagged = []
        while True:
            response = self.response()
            if not response:
                raise ConnectionError(f"closed; before it: {untagged[-3:]}")
            if response.startswith(tag.encode() + b" "):
                return response[len(tag) + 1:], untagged
            untagged.append(response)

    def command(self, command):
        return self.finish(self.begin(command))

    def ok(self, command):
        """The untagged responses of a command that must succeed."""
        tagged, untagged = self.command(command)
        if not tagged.upper().startswith(b"OK"):
            raise RuntimeError(f"{command[:200]!r}: {tagged!r}")
        return untagged

    def append(self, mailbox, data, flags="()"):
        self.ok(f'APPEND "{mailbox}" {flags} {{{len(data)}+}}\r\n'.encode() + data)

    def search(self, criteria, uid=False):
        for response in self.ok(("UID " if uid else "") + "SEARCH " + criteria):
            if response.startswith(b"* SEARCH"):
                return [int(n) for n in response[8:].split()]
        return []

    def exists(self, mailbox):
        """Selects; the number of messages."""
        for response in self.ok(f'SELECT "{mailbox}"'):
            match = re.match(rb"\* (\d+) EXISTS", response)
            if match:
                return int(match.group(1))
        return -1

    def body(self, number, item="BODY.PEEK[]"):
        for response in self.ok(f"FETCH {number} {item}"):
            match = re.search(rb"\{(\d+)\}\r\n", response)
            if match:
                return response[match.end():match.end() + int(match.group(1))]
        return None


class Lmtp(Lines):
    def __init__(self, port, timeout=60):
        super().__init__(port, timeout=timeout)
        self.greeting = self.reply()

    def reply(self):
        """One reply, all its lines; b"" at the end of the connection."""
        whole = b""
        while True:
            line = self.line()
            whole += line + b"\n"
            if line[3:4] != b"-":
                return whole[:-1]

    def command(self, text):
        self.send((text if isinstance(text, bytes) else text.encode()) + b"\r\n")
        return self.reply()

    def begin(self, *recipients, sender="bob@example.net", parameters=""):
        """LHLO, MAIL, RCPT; the replies to RCPT."""
        self.command("LHLO client.example.net")
        self.command(f"MAIL FROM:<{sender}>{parameters}")
        return [self.command(f"RCPT TO:<{r}>") for r in recipients]

    def data(self, stuffed, count):
        """DATA with octets that are dot-stuffed already and end in CRLF.CRLF: a reply for each of `count` recipients."""
        first = self.command("DATA")
        if not first.startswith(b"354"):
            return [first]
        self.send(stuffed)
        return [self.reply() for _ in range(count)]

    def deliver(self, data, recipients, sender="bob@example.net"):
        stuffed = re.sub(rb"(\A|\r\n)\.", rb"\1..", data)
        accepted = [r for r in self.begin(*recipients, sender=sender) if r.startswith(b"250")]
        return self.data(stuffed + (b"" if stuffed.endswith(b"\r\n") else b"\r\n") + b".\r\n", len(accepted))


class Reader(threading.Thread):
    """Reads responses of an IMAP connection in the background, with the time of each."""

    def __init__(self, client):
        super().__init__(daemon=True)
        self.client = client
        self.responses = []
        self.start()

    def run(self):
        try:
            while True:
                response = self.client.response()
                if not response:
                    break
                self.responses.append((time.monotonic(), response))
        except (OSError, ValueError):
            pass

    def wait_for(self, pattern, seconds=10):
        """The first response that matches."""
        def found():
            return next((r for _, r in list(self.responses) if re.search(pattern, r)), None)
        return wait_for(found, seconds, f"{pattern!r} among {[r[:80] for _, r in self.responses]}")
