# SPDX-License-Identifier: BSD-2-Clause
"""Transcripts: their parsing, and one replay of one against a server. README.md has the format."""

import base64
import os
import re
import shlex
import socket
import ssl
import time
import zlib

import server as wire

HERE = os.path.dirname(os.path.abspath(__file__))
CORPUS = os.path.join(os.path.dirname(HERE), "data", "corpus")
TIMEOUT = 5 * wire.PATIENCE
ONE_BY_ONE = 2000  # octets of one run of C: lines that go out singly; what is longer goes on in pieces

LINE = re.compile(r"(?:(C)(\d*)(-raw|-close)?|(S)(\d*)(-any|-close|-none|\.\.\.)?|(L-|L<|L)):?(?: (.*))?$", re.S)
DIRECTIVE = re.compile(r"(opt|alone|quota|deliver|append|sleep|login|tls|compress|uncompress|user|hfctl|afar|restart|damage)(\d*): ?(.*)$", re.S)
HEADER = re.compile(rb"\{(\d+)(\+?)\}$")


class Broken(Exception):
    """The transcript itself is wrong."""


class Mismatch(Exception):
    pass


# Templates ------------------------------------------------------------------------------------------------------

def split_template(text):
    """[(kind, ...)] of "text", {$name}, {$name=regex}, {*}, {**}, {#}, {#+}, {x10:a}, {b64:...}, {\\xff}."""
    parts, plain, at = [], [], 0

    def end_plain():
        if plain:
            parts.append(("text", "".join(plain)))
            plain.clear()

    while at < len(text):
        match = re.compile(r"\{(\$\w+|\*\*?\}|#\+?\}|x\d+:|b64:|\\)").match(text, at)
        if not match:
            plain.append(text[at])
            at += 1
            continue
        depth, end = 0, at
        while True:
            if end >= len(text):
                raise Broken(f"no end of {text[at:at + 20]}")
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            end += 1
            if depth == 0:
                break
        inner, at = text[at + 1:end - 1], end
        end_plain()
        if inner.startswith("$"):
            name, has_regex, regex = inner[1:].partition("=")
            parts.append(("take", name, regex or "[0-9]+") if has_regex else ("use", name))
        elif inner[0] == "*":
            parts.append(("any", inner))
        elif inner[0] == "#":
            parts.append(("size", inner))
        elif inner[0] == "x":
            count, _, what = inner[1:].partition(":")
            parts.append(("repeat", int(count), what))
        elif inner[0] == "\\":
            parts.append(("octets", inner.encode().decode("unicode_escape").encode("latin-1")))
        else:
            parts.append(("b64", inner[4:]))
    end_plain()
    return parts


def value_of(variables, name):
    if name not in variables:
        raise Broken(f"{{${name}}} has no value yet")
    return variables[name]


def fill(text, variables, literal=None):
    """The octets that a template stands for."""
    out = b""
    for part in split_template(text):
        if part[0] == "text":
            out += part[1].encode()
        elif part[0] == "use":
            out += value_of(variables, part[1])
        elif part[0] == "repeat":
            out += fill(part[2], variables) * part[1]
        elif part[0] == "octets":
            out += part[1]
        elif part[0] == "b64":
            out += base64.b64encode(fill(part[1], variables))
        elif part[0] == "size" and literal is not None:
            out += b"{%d%s}" % (len(literal), part[1][1:].encode())
        else:
            raise Broken(f"{part} cannot stand here")
    return out


def pattern(text, variables, literal=None):
    """The source of a regular expression of octets that a template stands for."""
    is_regex = text.startswith("~")
    out = b""
    for part in split_template(text[1:] if is_regex else text):
        if part[0] == "text":
            out += part[1].encode() if is_regex else re.escape(part[1].encode())
        elif part[0] == "take":
            out += b"(?P<%s>%s)" % (part[1].encode(), part[2].encode())
        elif part[0] == "any":
            out += b"[^\r\n]*" if part[1] == "*" else b"(?s:.*)"
        elif part[0] == "size":
            if literal is None:
                raise Broken("{#} without L: lines")
            out += re.escape(b"{%d%s}" % (len(literal), part[1][1:].encode()))
        elif part[0] == "use":
            out += re.escape(value_of(variables, part[1]))
        else:
            out += re.escape(fill_part(part, variables))
    return out


def fill_part(part, variables):
    if part[0] == "repeat":
        return fill(part[2], variables) * part[1]
    if part[0] == "octets":
        return part[1]
    return base64.b64encode(fill(part[1], variables))


# Parsing --------------------------------------------------------------------------------------------------------

class Step:
    def __init__(self, number, kind, conn, lines):
        self.number, self.kind, self.conn, self.lines = number, kind, conn, lines


class Transcript:
    def __init__(self, path):
        self.path = path
        self.name = os.path.relpath(path, HERE)[:-5]
        self.options = {}
        self.tls = False
        self.login = True
        self.alone = self.afar = False
        self.steps = []
        with open(path, encoding="utf-8") as file:
            self.lines = [line.rstrip("\n") for line in file]
        self._parse()

    def _parse(self):
        for number, line in enumerate(self.lines, 1):
            if not line or line.startswith("#"):
                continue
            try:
                self._line(number, line)
            except Broken as problem:
                raise Broken(f"{self.path}:{number}: {problem}") from None
        if not self.steps:
            raise Broken(f"{self.path}: nothing to play")

    def _line(self, number, line):
        directive = DIRECTIVE.match(line)
        if directive:
            self._directive(number, *directive.groups())
            return
        match = LINE.match(line)
        if not match:
            raise Broken(f"not a line of a transcript: {line}")
        side, conn, way, other_side, other_conn, other_way, literal, text = match.groups("")
        word, conn = side + way or other_side + other_way or literal, int(conn or other_conn or 1)
        last = self.steps[-1] if self.steps else None
        if word in ("L", "L-", "L<"):
            if not last or last.kind not in ("C", "S", "S-any", "deliver", "append"):
                raise Broken("L: belongs to the line before it")
            last.lines.append((word, text))
        elif word in ("C", "C-raw") and last and last.kind == "C" and last.conn == conn:
            last.lines.append((word, text))
        elif word in ("C", "C-raw"):
            self.steps.append(Step(number, "C", conn, [(word, text)]))
        elif word in ("S", "S-any") and last and last.kind == word and last.conn == conn and self._goes_on(last):
            last.lines.append(("S", text))
        elif word in ("S", "S-any"):
            self.steps.append(Step(number, word, conn, [("S", text)]))
        elif word == "S...":
            self.steps.append(Step(number, "skip", conn, []))
        else:
            self.steps.append(Step(number, word, conn, [("", text)]))

    @staticmethod
    def _goes_on(step):
        """Whether an expected response ended in a literal, so that the next S: is its rest."""
        return step.lines[-1][0] != "S"

    def _directive(self, number, word, conn, text):
        if word == "opt":
            key, sep, value = text.partition("=")
            if not sep:
                raise Broken("opt: key=value")
            self.options[key.strip()] = value.strip()
        elif word == "alone":
            self.alone = True
        elif word == "login" and conn:
            self.steps.append(Step(number, "as", int(conn), [("", text)]))
        elif word == "login":
            self.login = text.strip() != "no"
        elif word == "afar":
            self.afar = True
        elif word == "tls" and not text.strip():
            self.tls = True
            self.steps.append(Step(number, "starttls", int(conn or 1), []))
        elif word == "tls":
            self.tls = True
        elif word in ("compress", "uncompress"):
            self.steps.append(Step(number, word, int(conn or 1), [("", text)]))
        else:
            self.steps.append(Step(number, word, int(conn or 1), [("", text)]))

    def group(self, singly):
        """Transcripts of one group share a daemon. Who stops it, or listens where others must not come, has one of his own."""
        alone = self.alone or self.afar or any(step.kind in ("restart", "damage") for step in self.steps)
        return (tuple(sorted(self.options.items())), self.tls, self.afar, (self.name, singly) if alone else None)


# Playing --------------------------------------------------------------------------------------------------------

class Connection:
    def __init__(self, server, path):
        self.sock = server.connect(path)
        self.sock.settimeout(TIMEOUT)
        self.buffer = b""
        self.inflate = self.deflate = None
        self.closed = False

    def _more(self, end):
        left = end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.sock.settimeout(left)
        try:
            data = self.sock.recv(65536)
        except (ConnectionResetError, BrokenPipeError):
            data = b""
        except (socket.timeout, ssl.SSLWantReadError):
            raise TimeoutError from None
        if not data:
            self.closed = True
            raise EOFError
        self.buffer += self._inflated(data) if self.inflate else data

    def _inflated(self, data):
        data = self.inflate.decompress(data)
        if self.inflate.eof: # the server has ended it, and goes on in clear
            data, self.inflate = data + self.inflate.unused_data, None
        return data

    def compress(self):
        self.inflate, self.deflate = zlib.decompressobj(-15), zlib.compressobj(6, zlib.DEFLATED, -15)
        self.buffer = self._inflated(self.buffer)

    def uncompress(self):
        self.deflate = None

    def response(self, timeout=None):
        """A whole response with its literals in it, without the last CRLF."""
        end, at = time.monotonic() + (TIMEOUT if timeout is None else timeout), 0
        while True:
            found = self.buffer.find(b"\r\n", at)
            if found < 0:
                self._more(end)
                continue
            header = HEADER.search(self.buffer[at:found])
            if not header or self.buffer[at:at + 1] == b"+":
                result, self.buffer = self.buffer[:found], self.buffer[found + 2:]
                return result
            at = found + 2 + int(header.group(1))
            while len(self.buffer) < at:
                self._more(end)

    def send(self, data, singly):
        self.sock.settimeout(TIMEOUT)
        if self.deflate:
            data = self.deflate.compress(data) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        try:
            if not singly:
                self.sock.sendall(data)
                return
            for i in range(min(len(data), ONE_BY_ONE)):
                self.sock.sendall(data[i:i + 1])
            for i in range(ONE_BY_ONE, len(data), 997):
                self.sock.sendall(data[i:i + 997])
        except (ConnectionResetError, BrokenPipeError):
            pass  # the server has closed: what it said before that is still to be read

    def close(self):
        self.sock.close()


def load_file(name):
    path = os.path.join(CORPUS, name[7:]) if name.startswith("corpus/") else os.path.join(HERE, "data", name)
    with open(path, "rb") as file:
        data = file.read()
    return data if b"\r\n" in data else data.replace(b"\n", b"\r\n")


class Replay:
    def __init__(self, transcript, server, user, singly):
        self.t, self.server, self.singly = transcript, server, singly
        self.variables = {"user": user.encode(), "password": wire.PASSWORD.encode(), "name": user.split("@")[0].encode()}
        self.connections, self.logins = {}, {}
        self.skipping, self.done = set(), set()

    def run(self):
        step = None
        try:
            for step in self.t.steps:
                getattr(self, "do_" + {"C": "send", "S": "expect", "S-any": "expect_any", "S-close": "expect_close",
                                       "S-none": "expect_none", "C-close": "close"}.get(step.kind, step.kind))(step)
            self._leftovers()
        except (Mismatch, Broken, RuntimeError, OSError) as problem:
            return self._tell(step, problem)
        finally:
            for connection in self.connections.values():
                connection.close()
        return None

    def _tell(self, step, problem):
        number = step.number if step else 0
        out = [f"{os.path.relpath(self.t.path)}:{number}: {problem}"]
        first = max(0, number - 6)
        out += [f"    {n:4} {line}" for n, line in enumerate(self.t.lines[first:number + 1], first + 1)]
        return "\n".join(out)

    def _leftovers(self):
        for number, connection in self.connections.items():
            if connection.buffer and not connection.closed:
                raise Mismatch(f"connection {number} said more than was expected: {connection.buffer[:300]!r}")

    def connection(self, number, path=None, login=None):
        if number not in self.connections:
            path = path or (self.server.afar if self.t.afar else self.server.imap)
            connection = self.connections[number] = Connection(self.server, path)
            if self.t.login if login is None else login:
                connection.response()
                user = self.logins.get(number, self.variables["user"])
                connection.send(b"login LOGIN %s %s\r\n" % (user, self.variables["password"]), False)
                got = connection.response()
                if not got.startswith(b"login OK"):
                    raise Mismatch(f"login failed: {got!r}")
        return self.connections[number]

    def _literal(self, lines):
        """The octets of the L lines at the start of lines, and how many lines they are; None: there are none."""
        data, count = None, 0
        for word, text in lines:
            if word not in ("L", "L-", "L<"):
                break
            data = data or b""
            data += load_file(text) if word == "L<" else fill(text, self.variables) + (b"\r\n" if word == "L" else b"")
            count += 1
        return data, count

    def do_send(self, step):
        connection, out, at, after_literal = self.connection(step.conn), b"", 0, False
        while at < len(step.lines):
            word, text = step.lines[at]
            at += 1
            literal, count = self._literal(step.lines[at:])
            at += count
            if word == "C-raw":
                out += fill(text, self.variables)
                continue
            line = fill(text, self.variables, literal)
            out += line + b"\r\n"
            if literal is None:
                continue
            header = HEADER.search(line)
            if header and not header.group(2):
                connection.send(out, self.singly)
                out = b""
                self._expect_continuation(connection)
            out += literal
        if out:
            connection.send(out, self.singly)

    def _expect_continuation(self, connection):
        got = self._response(connection, "a continuation request")
        if not got.startswith(b"+"):
            raise Mismatch(f"expected a continuation request\n  got      {show(got)}")

    def _response(self, connection, expected):
        try:
            return connection.response()
        except TimeoutError:
            raise Mismatch(f"nothing came\n  expected {expected}\n  got      {show(connection.buffer)}") from None
        except EOFError:
            raise Mismatch(f"the server closed\n  expected {expected}\n  got      {show(connection.buffer)}") from None

    def _pattern(self, step):
        source, at, shown = b"", 0, []
        while at < len(step.lines):
            word, text = step.lines[at]
            at += 1
            literal, count = self._literal(step.lines[at:])
            at += count
            shown.append(text)
            source += pattern(text, self.variables, literal)
            if literal is not None:
                source += b"\r\n" + re.escape(literal)
                shown[-1] += f" + {literal[:200]!r}"
        return re.compile(source), " ... ".join(shown)

    def _keep(self, match):
        self.variables.update({name: value for name, value in match.groupdict().items() if value is not None})

    def do_expect(self, step):
        regex, shown = self._pattern(step)
        connection = self.connection(step.conn)
        skipping, skipped = step.conn in self.skipping, []
        while True:
            try:
                got = self._response(connection, shown)
            except Mismatch as problem:
                if skipped:
                    raise Mismatch(f"{problem}\n  skipped  " + "\n           ".join(skipped)) from None
                raise
            match = regex.fullmatch(got)
            if match:
                self._keep(match)
                self.skipping.discard(step.conn)
                return
            if not skipping:
                raise Mismatch(f"another response came\n  expected {shown}\n  got      {show(got)}{self._rest(connection)}")
            skipped.append(show(got))

    def _rest(self, connection):
        """What follows, up to a tagged response: for whoever reads of the failure."""
        out = ""
        try:
            for _ in range(5):
                out += "\n           " + show(connection.response(0.1))
        except (TimeoutError, EOFError):
            pass
        return out

    def do_skip(self, step):
        self.skipping.add(step.conn)

    def do_expect_any(self, step):
        """The responses of a run of S-any lines, in any order: taken together at the first of them."""
        if step.number in self.done:
            return
        steps, connection = [], self.connection(step.conn)
        for other in self.t.steps[self.t.steps.index(step):]:
            if other.kind != "S-any" or other.conn != step.conn:
                break
            steps.append(other)
            self.done.add(other.number)
        open_steps = list(steps)
        while open_steps:
            patterns = [(other, *self._pattern(other)) for other in open_steps]
            expected = " or ".join(shown for _, _, shown in patterns)
            got = self._response(connection, expected)
            for other, regex, _ in patterns:
                match = regex.fullmatch(got)
                if match:
                    self._keep(match)
                    open_steps.remove(other)
                    break
            else:
                raise Mismatch(f"another response came\n  expected {expected}\n  got      {show(got)}{self._rest(connection)}")

    def do_expect_close(self, step):
        connection = self.connection(step.conn)
        try:
            got = connection.response()
            while step.conn in self.skipping:
                got = connection.response()
        except EOFError:
            self.skipping.discard(step.conn)
            if connection.buffer:
                raise Mismatch(f"closed within a response: {connection.buffer!r}") from None
            return
        except TimeoutError:
            raise Mismatch("the server did not close") from None
        raise Mismatch(f"expected the end of the connection\n  got      {show(got)}")

    def do_expect_none(self, step):
        connection = self.connection(step.conn)
        try:
            got = connection.response(float(step.lines[0][1]))
        except TimeoutError:
            return
        except EOFError:
            raise Mismatch("the server closed") from None
        raise Mismatch(f"expected nothing\n  got      {show(got)}")

    def do_close(self, step):
        self.connection(step.conn).close()
        del self.connections[step.conn]

    def do_starttls(self, step):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if step.conn not in self.connections:
            self.connection(step.conn, self.server.imaps, False)
        connection = self.connections[step.conn]
        connection.sock.settimeout(TIMEOUT)
        try:
            connection.sock = context.wrap_socket(connection.sock, server_hostname="localhost")
        except ssl.SSLError as problem:
            raise Mismatch(f"TLS: {problem}") from None

    def do_compress(self, step):
        self.connections[step.conn].compress()

    def do_uncompress(self, step):
        self.connections[step.conn].uncompress()

    def do_sleep(self, step):
        time.sleep(float(step.lines[0][1]))

    def do_restart(self, step):
        """restart: [key=value] -> the daemon ends in order and starts again, with this setting. Connections end."""
        key, sep, value = step.lines[0][1].partition("=")
        if key and not sep:
            raise Broken("restart: key=value")
        if sep:
            self.server.options[key.strip()] = value.strip()
        self.server.restart()

    def do_damage(self, step):
        """damage: text -> a bit of it changes in the files of message content, while the daemon is stopped."""
        text = fill(step.lines[0][1], self.variables)
        self.server.restart(lambda: self.server.damage(text))

    def do_quota(self, step):
        """quota: {$user} size=10 KiB, messages=2 -> the account's limits."""
        name, _, limits = fill(step.lines[0][1], self.variables).decode().partition(" ")
        self.server.call("user quota", name, **dict(limit.split("=") for limit in limits.split(", ")))

    def do_user(self, step):
        """user: name -> {$name} is another new user."""
        self.variables[step.lines[0][1].strip()] = self.server.add_users(1)[0].encode()

    def do_as(self, step):
        """login2: {$other} -> who logs in on connection 2."""
        self.logins[step.conn] = fill(step.lines[0][1], self.variables)

    def do_hfctl(self, step):
        """hfctl: "acl set" {$user} INBOX anyone lrs -> a verb of the control socket."""
        words = shlex.split(fill(step.lines[0][1], self.variables).decode())
        self.server.call(*words)

    def _message(self, step):
        """(what stands before " < file", the message)"""
        text, is_file, name = step.lines[0][1].partition(" < ")
        if is_file:
            return fill(text, self.variables), load_file(name.strip())
        literal, _ = self._literal(step.lines[1:])
        if literal is None:
            raise Broken("no message: L: lines or < file")
        return fill(text, self.variables), literal

    def do_deliver(self, step):
        recipient, message = self._message(step)
        expected, _, recipient = ("250 " + recipient.decode()).rpartition(" ")
        self.server.deliver(recipient, message, expected=expected.split()[-1])

    def do_append(self, step):
        arguments, message = self._message(step)
        helper = self.connection("helper", None, True)
        helper.send(b"x APPEND %s {%d+}\r\n%s\r\n" % (arguments, len(message), message), False)
        got = helper.response()
        if not got.startswith(b"x OK"):
            raise Mismatch(f"append: {got!r}")


def show(data):
    text = data.decode("utf-8", "backslashreplace").replace("\r\n", "\\r\\n")
    return text if len(text) < 2000 else text[:2000] + "..."
