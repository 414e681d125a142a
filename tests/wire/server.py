# SPDX-License-Identifier: BSD-2-Clause
"""A holdfastd of the build tree with a store of its own: started, given users, fed by LMTP, stopped."""

import json
import os
import random
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time

BUILD = os.environ.get("HF_BUILDDIR", os.getcwd())
PATIENCE = float(os.environ.get("CK_TIMEOUT_MULTIPLIER", "1"))
PASSWORD = "wire-secret"
COMPLAINTS = re.compile(r"(Sanitizer|runtime error|assertion|ABORTING|WARNING: ThreadSanitizer)")


def wait_for(condition, seconds, what):
    end = time.monotonic() + seconds * PATIENCE
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise RuntimeError(f"{what}: not within {seconds * PATIENCE:.0f} s")
        time.sleep(0.02)


def address_from_afar():
    """An address of this machine that is not loopback, or None: who connects to it counts as from afar."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect(("192.0.2.1", 9))  # sends nothing
            address = sock.getsockname()[0]
        except OSError:
            return None
    return None if address.startswith("127.") else address


class Server:
    """options: "section.key" or "key" -> value in the configuration file's own syntax. afar: an address to listen on as well."""

    def __init__(self, options=None, tls=False, afar=None):
        self.options = dict(options or {})
        self.tls = tls
        self.users = 0
        self.naming = threading.Lock()
        self.dir = tempfile.mkdtemp(prefix="hf-wire-")
        self.imap = f"{self.dir}/imap"
        self.imaps = f"{self.dir}/imaps"
        self.lmtp = f"{self.dir}/lmtp"
        self.control = f"{self.dir}/control"
        self.log_path = f"{self.dir}/log"
        self.process = None
        self.afar = (afar, self._free_port(afar)) if afar else None

    @staticmethod
    def _free_port(address):
        """Outside the range from which outgoing connections get theirs."""
        while True:
            port = random.randrange(20000, 32000)
            with socket.socket() as sock:
                try:
                    sock.bind((address, port))
                    return port
                except OSError:
                    pass

    def _certificate(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
             "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
             "-keyout", f"{self.dir}/key.pem", "-out", f"{self.dir}/cert.pem"],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _write_config(self):
        sections = {
            "": {"hostname": '"wire.example.org"'},
            "store": {"directory": f'"{self.dir}/store"', "reserve": '"16 MiB"', "ballast": '"1 MiB"', "cache": '"64 MiB"'},
            "control": {"socket": f'"{self.control}"'},
            "log": {"destination": '"stderr"', "level": '"info"'},
            "modules": {"directory": f'( "{BUILD}/module/imap/.libs", "{BUILD}/module/lmtp/.libs" )'},
        }
        if os.getuid() == 0:
            sections[""]["user"] = '"root"'
        listen = [f'{{ module = "imap"; address = "unix:{self.imap}"; }}',
                  f'{{ module = "lmtp"; address = "unix:{self.lmtp}"; }}']
        if self.afar:
            listen.append(f'{{ module = "imap"; address = "{self.afar[0]}:{self.afar[1]}"; }}')
        if self.tls:
            self._certificate()
            sections["tls"] = {"certificate": f'"{self.dir}/cert.pem"', "key": f'"{self.dir}/key.pem"'}
            listen.append(f'{{ module = "imap"; service = "imaps"; address = "unix:{self.imaps}"; tls = true; }}')
        for key, value in self.options.items():
            section, _, name = key.rpartition(".")
            sections.setdefault(section, {})[name] = value
        with open(f"{self.dir}/conf", "w", encoding="utf-8") as conf:
            for name, values in sections.items():
                lines = [f"{key} = {value};" for key, value in values.items()]
                conf.write("\n".join(lines) if not name else f"{name}: {{ {' '.join(lines)} }};")
                conf.write("\n")
            conf.write("listen = ( " + ", ".join(listen) + " );\n")

    def start(self):
        self._write_config()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([f"{BUILD}/holdfastd", "-c", f"{self.dir}/conf"], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, env={**os.environ, "TZ": "UTC"})
        wait_for(self._answers, 20, "holdfastd does not answer")
        return self

    def restart(self, meanwhile=None):
        """Ends in order, and starts again."""
        self.process.terminate()
        status = self.process.wait(30 * PATIENCE)
        if status:
            raise RuntimeError(f"holdfastd ended with status {status} when told to stop:\n{self.log()}")
        if meanwhile:
            meanwhile()
        self.start()

    def damage(self, text):
        """One bit of `text` changes wherever it stands in the content of messages."""
        found = 0
        for folder, _, names in os.walk(f"{self.dir}/store"):
            for name in names:
                if name.startswith("body"):
                    with open(os.path.join(folder, name), "r+b") as file:
                        data = file.read()
                        at = data.find(text)
                        while at >= 0:
                            found += 1
                            file.seek(at)
                            file.write(bytes([data[at] ^ 1]))
                            at = data.find(text, at + 1)
        if not found:
            raise RuntimeError(f"{text!r} is not in the store")

    def _answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"holdfastd ended with status {self.process.returncode}:\n{self.log()}")
        try:
            with self.connect(self.imap) as sock:
                return sock.recv(1) == b"*"
        except OSError:
            return False

    def connect(self, path, timeout=10):
        """A unix socket's path, or (address, port)."""
        sock = socket.socket(socket.AF_INET if isinstance(path, tuple) else socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(timeout * PATIENCE)
        try:
            sock.connect(path)
        except OSError:
            sock.close()
            raise
        return sock

    def log(self):
        try:
            with open(self.log_path, encoding="utf-8", errors="replace") as log:
                return log.read()
        except OSError:
            return ""

    def call(self, verb, *args, **more):
        """A verb of the control socket; its result."""
        with self.connect(self.control, 60) as sock, sock.makefile("rwb") as file:
            file.write(json.dumps({"verb": verb, "args": list(args), **more}).encode() + b"\n")
            file.flush()
            for line in file:
                reply = json.loads(line)
                if "progress" in reply:
                    continue
                if reply.get("status") != "ok":
                    raise RuntimeError(f"{verb}: {reply}")
                return reply.get("result")
        raise RuntimeError(f"{verb}: no reply")

    def add_users(self, count):
        """The names of so many new users, all with PASSWORD."""
        with self.naming:
            names = [f"w{self.users + i + 1}@example.org" for i in range(count)]
            self.users += count
        for name in names:
            self.call("user add", name, password=PASSWORD)
        return names

    def deliver(self, recipient, message, sender="sender@example.net", expected="250"):
        """By LMTP; the reply to the message, after the reply code."""
        with self.connect(self.lmtp, 30) as sock, sock.makefile("rwb") as file:
            def reply():
                while True:
                    line = file.readline().decode("latin-1")
                    if line[3:4] != "-":
                        return line.strip()

            def command(text, expected):
                file.write(text.encode() + b"\r\n")
                file.flush()
                got = reply()
                if not got.startswith(expected):
                    raise RuntimeError(f"LMTP {text.split(':')[0]}: {got}")
                return got

            reply()
            command("LHLO client.example.net", "250")
            command(f"MAIL FROM:<{sender}>", "250")
            command(f"RCPT TO:<{recipient}>", "250")
            command("DATA", "354")
            if not message.endswith(b"\r\n"):
                message += b"\r\n"
            stuffed = (b"\r\n" + message).replace(b"\r\n.", b"\r\n..")[2:]
            file.write(stuffed)
            return command(".", expected)

    def stop(self, keep=False):
        """What went wrong, or None."""
        problem = None
        if self.process and self.process.poll() is not None:
            problem = f"holdfastd ended by itself with status {self.process.returncode}"
        elif self.process:
            self.process.terminate()
            try:
                status = self.process.wait(30 * PATIENCE)
                if status != 0:
                    problem = f"holdfastd ended with status {status} when told to stop"
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                problem = "holdfastd did not stop"
        complaint = COMPLAINTS.search(self.log())
        if complaint and not problem:
            problem = f"holdfastd's log has \"{complaint.group(0)}\""
        if problem:
            problem += "; the end of its log:\n" + "\n".join(self.log().split("\n")[-60:])
        if keep:
            print(f"# kept: {self.dir}")
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
        return problem
