#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Logging in as mail programs do: every mechanism, over plain connections, STARTTLS and TLS 1.2 and 1.3, with each kind of channel binding, by a
client certificate; and what is refused. The SCRAM client below is of this file alone, so that server and client do not err together."""

import base64
import hashlib
import hmac
import os
import re
import socket
import ssl
import threading
import time

from support import PASSWORD, Imap, Lines, Server, check, folder, main, run, wait_for

server = None
ANNA = "anna@example.org"


# --- connections -------------------------------------------------------------------------------------------------------

def context_for(version=None, certificate=None, keylog=None):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    if certificate:
        context.load_cert_chain(*certificate)
    if keylog:
        context.keylog_filename = keylog
    return context


class Session(Imap):
    """IMAPS, or STARTTLS on the plain port; knows the channel bindings of its connection."""

    def __init__(self, version=ssl.TLSVersion.TLSv1_3, certificate=None, starttls=False, alpn=None, name=None):
        self.keylog = f"{folder}/keys{time.monotonic_ns()}"
        context = context_for(version, certificate, self.keylog)
        if alpn:
            context.set_alpn_protocols(alpn)
        if starttls:
            super().__init__(server.imap)
            self.ok("STARTTLS")
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
            self.file = self.socket.makefile("rb", 1 << 16)
        else:
            Lines.__init__(self, server.imaps)
            self.socket = context.wrap_socket(self.socket, server_hostname=name)
            self.file = self.socket.makefile("rb", 1 << 16)
            self.greeting, self.tag = self.line(), 0

    def binding(self, kind):
        if kind == "tls-unique":
            return self.socket.get_channel_binding("tls-unique")
        if kind == "tls-server-end-point":
            return hashlib.sha256(self.socket.getpeercert(binary_form=True)).digest()
        return exporter(self.keylog, self.socket.cipher()[0])


def exporter(keylog, cipher):
    """RFC 9266, from the exporter secret of TLS 1.3 (RFC 8446 7.5)."""
    hash_name = "sha384" if "SHA384" in cipher else "sha256"
    with open(keylog, encoding="ascii") as file:
        secret = bytes.fromhex(re.search(r"^EXPORTER_SECRET \w+ (\w+)", file.read(), re.M).group(1))

    def expand(key, label, data, size):
        label = b"tls13 " + label
        info = size.to_bytes(2, "big") + bytes([len(label)]) + label + bytes([len(data)]) + data
        return hmac.new(key, info + b"\1", hash_name).digest()[:size]
    empty = hashlib.new(hash_name, b"").digest()
    derived = expand(secret, b"EXPORTER-Channel-Binding", empty, len(empty))
    return expand(derived, b"exporter", empty, 32)


# --- mechanisms --------------------------------------------------------------------------------------------------------

def b64(data):
    return base64.b64encode(data).decode()


def exchange(client, mechanism, steps, initial=True):
    """Runs a SASL exchange: `steps` is a generator that is sent what the server says and gives what to answer. The tagged response."""
    first = next(steps)
    tag = client.begin(f"AUTHENTICATE {mechanism}" + (f" {b64(first) or '='}" if initial else ""))
    pending = None if initial else first
    while True:
        line = client.line()
        if not line:
            raise ConnectionError("closed")
        if line.startswith(tag.encode() + b" "):
            return line[len(tag) + 1:]
        if not line.startswith(b"+"):
            continue
        if pending is not None:
            answer, pending = pending, None
        else:
            answer = steps.send(base64.b64decode(line[2:]))
        client.send((answer if isinstance(answer, str) else b64(answer)) + "\r\n")


def plain(user, password, authzid=""):
    yield f"{authzid}\0{user}\0{password}".encode()


def login(user, password):
    yield user.encode()
    yield password.encode()


def external(authzid=""):
    yield authzid.encode()


def scram(hash_name, user, password, flag="n", data=b"", authzid="", seen=None):
    """RFC 5802; checks the server's signature too."""
    user = user.replace("=", "=3D").replace(",", "=2C")
    gs2 = f"{flag},{'a=' + authzid if authzid else ''},"
    nonce = base64.b64encode(os.urandom(18)).decode()
    bare = f"n={user},r={nonce}"
    first = yield (gs2 + bare).encode()
    fields = dict(f.split("=", 1) for f in first.decode().split(","))
    if not fields["r"].startswith(nonce) or len(fields["r"]) <= len(nonce):
        raise RuntimeError("the nonce is not continued")
    if seen is not None:
        seen.append((fields["s"], fields["i"]))
    salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))

    def sign(key, text):
        return hmac.new(key, text, hash_name).digest()
    key = sign(salted, b"Client Key")
    without = f"c={b64(gs2.encode() + data)},r={fields['r']}"
    text = f"{bare},{first.decode()},{without}".encode()
    proof = bytes(a ^ b for a, b in zip(key, sign(hashlib.new(hash_name, key).digest(), text)))
    final = yield f"{without},p={b64(proof)}".encode()
    if final != f"v={b64(sign(sign(salted, b'Server Key'), text))}".encode():
        raise RuntimeError(f"the server does not prove that it knows the password: {final!r}")
    yield b""


def accepted(what, client, mechanism, steps, initial=True):
    reply = exchange(client, mechanism, steps, initial)
    check(what, reply.startswith(b"OK") and client.exists("INBOX") >= 0, reply)
    client.close()


def refused(what, client, mechanism, steps, code=b"NO"):
    reply = exchange(client, mechanism, steps)
    check(f"{what}: refused", reply.startswith(code), reply)
    check("and the session goes on", client.command("NOOP")[0].startswith(b"OK"))
    client.close()


# --- the tests ---------------------------------------------------------------------------------------------------------

def openssl(*args):
    result = run("openssl", *args)
    if result.returncode:
        raise RuntimeError(result.stderr)


def authority(name):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3", "-subj", f"/CN={name}",
            "-keyout", f"{folder}/{name}.key", "-out", f"{folder}/{name}.pem")


def certificate(name, subject, issuer, extensions):
    key, request, pem = (f"{folder}/{name}.{end}" for end in ("key", "csr", "pem"))
    openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", key, "-out", request)
    with open(f"{folder}/{name}.ext", "w", encoding="ascii") as file:
        file.write(extensions)
    openssl("x509", "-req", "-in", request, "-CA", f"{folder}/{issuer}.pem", "-CAkey", f"{folder}/{issuer}.key", "-days", "3",
            "-extfile", f"{folder}/{name}.ext", "-out", pem)
    return pem, key


def begin():
    global server
    authority("ca")
    authority("stranger")
    server = Server(options={"tls.client_ca": f'"{folder}/ca.pem"', "auth.admins": '( "root@example.org" )'})
    other = certificate("other", "/CN=other.example.org", "ca", "subjectAltName=DNS:other.example.org\n")
    server.options["tls.sni"] = f'( {{ name = "other.example.org"; certificate = "{other[0]}"; key = "{other[1]}"; }} )'
    server.write_config()
    server.start()
    for name in (ANNA, "root@example.org", "disabled@example.org", "comma,equals=@example.org"):
        server.add_user(name)
    server.hfctl("user", "disable", "disabled@example.org")


def passwords():
    for starttls in (False, True):
        how = "STARTTLS" if starttls else "IMAPS"
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            accepted(f"PLAIN, {how}, {version.name}", Session(version, starttls=starttls), "PLAIN", plain(ANNA, PASSWORD))
        accepted(f"PLAIN without an initial response, {how}", Session(starttls=starttls), "PLAIN", plain(ANNA, PASSWORD), False)
        with Session(starttls=starttls) as c:
            check(f"LOGIN, {how}", c.command(f"LOGIN {ANNA} {PASSWORD}")[0].startswith(b"OK"))
    accepted("PLAIN on loopback without TLS", Imap(server.imap), "PLAIN", plain(ANNA, PASSWORD))
    refused("PLAIN with a wrong password", Session(), "PLAIN", plain(ANNA, "wrong"))
    refused("PLAIN, unknown user", Session(), "PLAIN", plain("nobody@example.org", PASSWORD))
    refused("PLAIN, disabled user", Session(), "PLAIN", plain("disabled@example.org", PASSWORD))
    refused("PLAIN as somebody else", Session(), "PLAIN", plain(ANNA, PASSWORD, "root@example.org"))
    accepted("PLAIN as somebody else, by an admin", Session(), "PLAIN", plain("root@example.org", PASSWORD, ANNA))
    refused("a mechanism that is not there", Session(), "CRAM-MD5", plain("", ""))
    refused("a cancelled exchange", Session(), "SCRAM-SHA-256", iter_cancel(), b"BAD")


def iter_cancel():
    yield b"n,,n=anna@example.org,r=abcdefghijklmnop"
    yield "*"


def scrams():
    for number in ("1", "256"):
        mechanism, hash_name = f"SCRAM-SHA-{number}", f"sha{number}"
        accepted(f"{mechanism} without TLS", Imap(server.imap), mechanism, scram(hash_name, ANNA, PASSWORD))
        accepted(f"{mechanism} over TLS, a client without bindings", Session(), mechanism, scram(hash_name, ANNA, PASSWORD))
        accepted(f"{mechanism} without an initial response", Session(), mechanism, scram(hash_name, ANNA, PASSWORD), False)
        accepted(f"{mechanism}, a name with comma and equals sign", Session(), mechanism, scram(hash_name, "comma,equals=@example.org", PASSWORD))
        refused(f"{mechanism}, wrong password", Session(), mechanism, scram(hash_name, ANNA, "wrong"))
        refused(f"{mechanism}, unknown user", Session(), mechanism, scram(hash_name, "nobody@example.org", PASSWORD))
        refused(f"{mechanism}, disabled user", Session(), mechanism, scram(hash_name, "disabled@example.org", PASSWORD))
        refused(f"{mechanism}, a downgrade (y)", Session(), mechanism, scram(hash_name, ANNA, PASSWORD, "y"))
        accepted(f"{mechanism} by an admin for another", Session(), mechanism, scram(hash_name, "root@example.org", PASSWORD, authzid=ANNA))
        plus = mechanism + "-PLUS"
        for version, kind in ((ssl.TLSVersion.TLSv1_3, "tls-exporter"), (ssl.TLSVersion.TLSv1_3, "tls-server-end-point"),
                              (ssl.TLSVersion.TLSv1_2, "tls-unique"), (ssl.TLSVersion.TLSv1_2, "tls-server-end-point")):
            for starttls in (False, True):
                c = Session(version, starttls=starttls)
                accepted(f"{plus}, {kind}, {version.name}{', STARTTLS' if starttls else ''}", c, plus,
                         scram(hash_name, ANNA, PASSWORD, f"p={kind}", c.binding(kind)))
        c = Session()
        refused(f"{plus}, the binding of another connection", c, plus,
                scram(hash_name, ANNA, PASSWORD, "p=tls-exporter", bytes(32)))
        refused(f"{plus}, a kind of binding that nobody knows", Session(), plus,
                scram(hash_name, ANNA, PASSWORD, "p=tls-something", bytes(32)))
        c = Session()
        refused(f"{plus}, tls-unique on TLS 1.3", c, plus, scram(hash_name, ANNA, PASSWORD, "p=tls-unique", bytes(12)))
    seen = []
    for name in ("nobody@example.org", "nobody@example.org", ANNA):
        with Session() as c:
            exchange(c, "SCRAM-SHA-256", scram("sha256", name, "wrong", seen=seen))
    check("an unknown user has a salt of its own, the same each time, and the usual rounds", seen[0] == seen[1] and
          seen[0][1] == seen[2][1] and len(seen[0][0]) == len(seen[2][0]) and seen[0] != seen[2], seen)


def offers():
    def offer(client):
        with client:
            return set(client.ok("CAPABILITY")[0].split())
    tls, own = offer(Session()), offer(Session(starttls=True))
    everything = {b"AUTH=" + m for m in (b"PLAIN", b"SCRAM-SHA-1", b"SCRAM-SHA-256", b"SCRAM-SHA-1-PLUS", b"SCRAM-SHA-256-PLUS")}
    check("over TLS all is offered", everything <= tls and everything <= own and b"STARTTLS" not in tls | own and
          b"LOGINDISABLED" not in tls | own, tls)
    in_clear = offer(Imap(server.imap))
    check("without it no -PLUS", b"STARTTLS" in in_clear and not any(c.endswith(b"-PLUS") for c in in_clear), in_clear)
    check("EXTERNAL only with a certificate", b"AUTH=EXTERNAL" not in tls | in_clear, tls)


def external_address():
    """Any address of this machine that is not loopback, or None."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(("192.0.2.1", 9))
            return s.getsockname()[0]
        except OSError:
            return None


def login_disabled():
    address = external_address()
    if not address or address.startswith("127."):
        return
    with open(server.config, encoding="utf-8") as file:
        text = file.read()
    with open(server.config, "w", encoding="utf-8") as file:
        file.write(text.replace("listen = (", f'listen = (\n{{ module = "imap"; address = "{address}:{server.imap}"; }},'))
    check("a listener is added by a reload", server.hfctl("reload").returncode == 0)
    with socket.create_connection((address, server.imap), 10) as s, s.makefile("rb") as file:
        greeting = file.readline()
        check("from afar without TLS: LOGINDISABLED, no AUTH=PLAIN", b"LOGINDISABLED" in greeting and b"AUTH=PLAIN" not in greeting and
              b"AUTH=SCRAM-SHA-256" in greeting, greeting)
        for command in (f"LOGIN {ANNA} {PASSWORD}", "AUTHENTICATE PLAIN " + b64(f"\0{ANNA}\0{PASSWORD}".encode())):
            s.sendall(f"a {command}\r\n".encode())
            reply = file.readline()
            check(f"{command.split()[0]} is refused", reply.startswith(b"a NO [PRIVACYREQUIRED]"), reply)
    server.write_config()
    check("and taken away again", server.hfctl("reload").returncode == 0)


def certificates():
    usage = "extendedKeyUsage=clientAuth\n"
    anna = certificate("anna", "/CN=somebody", "ca", f"subjectAltName=email:{ANNA}\n" + usage)
    common = certificate("common", f"/CN={ANNA}", "ca", usage)
    unknown = certificate("unknown", "/CN=nobody@example.org", "ca", usage)
    stranger = certificate("strange", f"/CN={ANNA}", "stranger", usage)
    off = certificate("off", "/CN=disabled@example.org", "ca", usage)
    admin = certificate("admin", "/CN=root@example.org", "ca", usage)
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        c = Session(version, anna)
        check("a certificate brings EXTERNAL", b"AUTH=EXTERNAL" in c.ok("CAPABILITY")[0])
        accepted(f"EXTERNAL, an address in the certificate, {version.name}", c, "EXTERNAL", external())
    accepted("EXTERNAL, a common name", Session(certificate=common), "EXTERNAL", external())
    accepted("EXTERNAL, STARTTLS", Session(certificate=anna, starttls=True), "EXTERNAL", external())
    accepted("EXTERNAL, naming oneself", Session(certificate=anna), "EXTERNAL", external(ANNA))
    accepted("EXTERNAL, without an initial response", Session(certificate=anna), "EXTERNAL", external(), False)
    accepted("EXTERNAL, an admin for another", Session(certificate=admin), "EXTERNAL", external(ANNA))
    refused("EXTERNAL for another", Session(certificate=anna), "EXTERNAL", external("root@example.org"))
    refused("EXTERNAL, unknown user", Session(certificate=unknown), "EXTERNAL", external())
    refused("EXTERNAL, disabled user", Session(certificate=off), "EXTERNAL", external())
    refused("EXTERNAL, certificate of a stranger", Session(certificate=stranger), "EXTERNAL", external())
    refused("EXTERNAL without a certificate", Session(), "EXTERNAL", external(ANNA))
    accepted("a password with a stranger's certificate", Session(certificate=stranger), "PLAIN", plain(ANNA, PASSWORD))


def tls_itself():
    with Session(alpn=["imap"]) as c:
        check("ALPN imap", c.socket.selected_alpn_protocol() == "imap", c.socket.selected_alpn_protocol())

    def names(name):
        with Session(name=name) as c:
            return ssl.DER_cert_to_PEM_cert(c.socket.getpeercert(binary_form=True))
    with open(f"{folder}/other.pem", encoding="ascii") as file:
        other = file.read()
    check("the name asked for chooses the certificate", names("other.example.org") == other and names("localhost") != other)

    context = context_for(ssl.TLSVersion.TLSv1_2)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", server.imaps))) as s:
        session = s.session
    with context.wrap_socket(socket.create_connection(("127.0.0.1", server.imaps)), session=session) as s:
        check("a TLS session is resumed", s.session_reused)

    before = names("localhost")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3", "-subj", "/CN=new",
            "-keyout", f"{folder}/new.key", "-out", f"{folder}/new.pem")
    os.replace(f"{folder}/new.key", f"{server.dir}/key.pem")
    os.replace(f"{folder}/new.pem", f"{server.dir}/cert.pem")
    wait_for(lambda: names("localhost") != before, 15, "a new certificate is taken up")
    check("a certificate that has changed is taken up", True)

    with Imap(server.imap) as c:
        c.send("a STARTTLS\r\nb NOOP\r\n")
        rest = b""
        try:
            while data := c.socket.recv(1000):
                rest += data
        except OSError:
            pass
        check("commands in clear behind STARTTLS end the connection unanswered", b"b OK" not in rest, rest)


def delays():
    """Failures make an address wait, longer each time; nobody's account is locked. Loopback is an address like others here."""
    times = []
    for _ in range(6):
        with Session() as c:
            began = time.monotonic()
            exchange(c, "PLAIN", plain(ANNA, "wrong"))
            times.append(time.monotonic() - began)
    check("failed logins are answered later and later", times[-1] > times[0] and times[-1] > 1, times)
    noops, held = [], []

    def hold():
        began = time.monotonic()
        with Session() as c:
            exchange(c, "PLAIN", plain(ANNA, "wrong"))
        held.append(time.monotonic() - began)
    thread = threading.Thread(target=hold)
    thread.start()
    with Imap(server.imap) as c:
        while thread.is_alive() or len(noops) < 50:
            began = time.monotonic()
            c.ok("NOOP")
            noops.append(time.monotonic() - began)
            time.sleep(0.005)
    thread.join()
    check("while others are served", max(noops) < held[0] / 2, (max(noops), held))
    began = time.monotonic()
    with Session() as c:
        reply = exchange(c, "PLAIN", plain(ANNA, PASSWORD))
    check("the right password is taken all the same", reply.startswith(b"OK"), (reply, time.monotonic() - began))
    text = server.log()
    check("no password is in the log", PASSWORD not in text and b64(PASSWORD.encode()) not in text)


main(begin, passwords, scrams, offers, login_disabled, certificates, tls_itself, delays, seconds=300)
