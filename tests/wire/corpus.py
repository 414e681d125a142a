#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Every message of tests/data/corpus goes in by APPEND and by LMTP and comes out as it was.

Compared: BODY[] (LMTP: behind the trace lines), HEADER and TEXT, each leaf part, partial reads of every kind, the size told,
and with Python's email package, where the message is well-formed, the ENVELOPE and the BODYSTRUCTURE.
"""

import base64
import email
import email.header
import email.policy
import email.utils
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import server  # noqa: E402
import transcript  # noqa: E402


class Client:
    """Just enough of IMAP: a command and its responses, with literals in place."""

    def __init__(self, daemon, user):
        self.connection = transcript.Connection(daemon, daemon.imap)
        self.connection.response()
        self.count = 0
        self.command(b"LOGIN %s %s" % (user.encode(), server.PASSWORD.encode()))

    def command(self, text):
        self.count += 1
        tag = b"t%d" % self.count
        self.connection.send(tag + b" " + text + b"\r\n", False)
        responses = []
        while True:
            response = self.connection.response(60 * server.PATIENCE)
            if response.startswith(tag + b" "):
                if not response.startswith(tag + b" OK"):
                    raise RuntimeError(f"{text[:60]!r}: {response!r}")
                return responses
            responses.append(response)

    def fetch(self, number, item):
        """The value of one item of one message, as parse() gives it."""
        for response in self.command(b"FETCH %d %s" % (number, item)):
            match = re.match(rb"\* %d FETCH " % number, response)
            if match:
                value, at = parse(response, match.end())
                if at != len(response):
                    raise RuntimeError(f"octets behind the response: {response[at:]!r}")
                return value[1]
        raise RuntimeError(f"no FETCH response for {item!r}")


def parse(data, at):
    """(value, position behind it): lists, strings as bytes, atoms as str, NIL as None. Item names with brackets are one atom."""
    if data[at:at + 1] == b"(":
        values, at = [], at + 1
        while data[at:at + 1] != b")":
            value, at = parse(data, at)
            values.append(value)
            if data[at:at + 1] == b" ":
                at += 1
        return values, at + 1
    if data[at:at + 1] == b'"':
        match = re.compile(rb'"((?:[^"\\\r\n]|\\["\\])*)"').match(data, at)
        return re.sub(rb"\\(.)", rb"\1", match.group(1)), match.end()
    if data[at:at + 1] == b"{" or data[at:at + 2] == b"~{":
        match = re.compile(rb"~?\{(\d+)\}\r\n").match(data, at)
        return data[match.end():match.end() + int(match.group(1))], match.end() + int(match.group(1))
    match = re.compile(rb"(?:BODY|BINARY|BINARY\.SIZE)\[[^]]*\](<\d+>)?|[^ ()\"{]+").match(data, at)
    text = match.group(0).decode("ascii")
    return (None if text == "NIL" else text), match.end()


class Check:
    def __init__(self):
        self.problems = []
        self.binary = 0  # parts whose decoding was compared

    def same(self, what, got, expected):
        if got != expected:
            self.problems.append(f"{what}: got {cut(got)}, expected {cut(expected)}")

    def true(self, what, condition, got):
        if not condition:
            self.problems.append(f"{what}: {cut(got)}")


def cut(value):
    text = repr(value)
    return text if len(text) < 300 else text[:300] + "..."


# Octets ---------------------------------------------------------------------------------------------------------

def check_octets(check, client, number, expected):
    """expected: a function of what BODY[] gave that says what is wrong with it, or None"""
    body = client.fetch(number, b"BODY.PEEK[]")
    problem = expected(body)
    if problem:
        check.problems.append(problem)
        return body
    check.same("RFC822.SIZE", client.fetch(number, b"RFC822.SIZE"), str(len(body)))
    header = client.fetch(number, b"BODY.PEEK[HEADER]")
    text = client.fetch(number, b"BODY.PEEK[TEXT]")
    check.same("HEADER and TEXT together", header + text, body)
    for offset, count in ((0, 1), (0, len(body) + 1), (1, 7), (len(header), 100), (len(body) // 2, 1000), (len(body) - 1, 5),
                          (len(body), 5), (len(body) + 1000, 5), (4095, 4098)):
        check.same(f"BODY[]<{offset}.{count}>", client.fetch(number, b"BODY.PEEK[]<%d.%d>" % (offset, count)),
                   body[offset:offset + count])
    for offset, count in ((0, 10), (3, 2), (len(text), 1)):
        check.same(f"BODY[TEXT]<{offset}.{count}>", client.fetch(number, b"BODY.PEEK[TEXT]<%d.%d>" % (offset, count)),
                   text[offset:offset + count])
    return body


def check_parts(check, client, number, structure, path=()):
    """The sizes and lines that BODYSTRUCTURE tells are those of the parts, and each part lies in its parent."""
    if isinstance(structure[0], list):
        for i, child in enumerate(children_of(structure)):
            check_parts(check, client, number, child, path + (i + 1,))
        return
    path = path or (1,)
    name = ".".join(map(str, path)).encode()
    part = client.fetch(number, b"BODY.PEEK[%s]" % name)
    check.same(f"size of part {name.decode()}", str(len(part)), structure[6])
    if structure[0].lower() == b"text":
        check.same(f"lines of part {name.decode()}", structure[7], str(part.count(b"\n")))
    if len(part) > 3:
        check.same(f"BODY[{name.decode()}]<2.9>", client.fetch(number, b"BODY.PEEK[%s]<2.9>" % name), part[2:11])
    if structure[0].lower() == b"message" and structure[1].lower() == b"rfc822":
        check.same(f"lines of part {name.decode()}", structure[9], str(part.count(b"\n")))
        inner = structure[8]
        check_parts(check, client, number, inner, path if isinstance(inner[0], list) else path + (1,))


def children_of(structure):
    """The parts of a multipart: the lists before its subtype."""
    count = 0
    while isinstance(structure[count], list):
        count += 1
    return structure[:count]


# The email package ----------------------------------------------------------------------------------------------

def check_envelope(check, client, number, octets):
    envelope = client.fetch(number, b"ENVELOPE")
    check.same("members of ENVELOPE", len(envelope), 10)
    message = email.message_from_bytes(octets)
    for i, field in ((0, "date"), (1, "subject"), (8, "in-reply-to"), (9, "message-id")):
        raw = field_of(octets, field.encode())
        check.same(f"ENVELOPE {field}", envelope[i], raw)
    if message.defects:
        return
    for i, field in ((2, "from"), (5, "to"), (6, "cc"), (7, "bcc")):
        values = [value for value in message.get_all(field, []) if isinstance(value, str)]
        if len(values) > 1 or any(not value.isascii() or ":" in value or "(" in value or "\\" in value for value in values):
            continue  # groups and comments: the package has no view of them that could be compared
        expected = [address for _, address in email.utils.getaddresses(values) if address]
        got = [b"%s@%s" % (a[2] or b"", a[3] or b"") for a in envelope[i] or []]
        if all(re.fullmatch(r"[\w.+=-]+@[\w.-]+", address) for address in expected):
            check.same(f"ENVELOPE {field}", [a.decode("latin-1") for a in got], expected)


def field_of(octets, name):
    """The unfolded value of the first such field; None: there is none."""
    header = re.split(rb"\r\n\r\n", octets, maxsplit=1)[0] + b"\r\n"
    match = re.search(rb"^" + re.escape(name) + rb"[ \t]*:((?:.*\r\n)(?:[ \t].*\r\n)*)", header, re.M | re.I)
    return re.sub(rb"\r\n(?=[ \t])", b"", match.group(1)).strip(b" \t\r\n") if match else None


def is_plain(message):
    """Whether the package and RFC 2045 can only mean the same thing: no defects, boundaries present, nothing encoded that is composite."""
    for part in message.walk():
        if part.defects or part.get("content-type", "").count(";") > 20:
            return False
        if part.is_multipart() != (part.get_content_maintype() in ("multipart", "message")):
            return False
        if part.get_content_maintype() == "message" and part.get_content_type() != "message/rfc822":
            return False
        if part.get_content_maintype() in ("message", "multipart") and \
                str(part.get("content-transfer-encoding", "7bit")).lower().strip() not in ("7bit", "8bit", "binary"):
            return False
        if "content-type" in part and not re.match(r"\s*[\w.+-]+/[\w.+-]+\s*(;|$)", str(part["content-type"])):
            return False
    return True


def check_structure(check, structure, message, path="1"):
    kind = message.get_content_type()
    if message.get_content_maintype() == "multipart":
        if not isinstance(structure[0], list):
            check.problems.append(f"part {path}: a {kind} came as a single part")
            return
        children = children_of(structure)
        check.same(f"children of part {path}", len(children), len(message.get_payload()))
        check.same(f"subtype of part {path}", structure[len(children)].lower(), message.get_content_subtype().encode())
        for i, (child, part) in enumerate(zip(children, message.get_payload())):
            check_structure(check, child, part, f"{path}.{i + 1}")
        return
    check.same(f"type of part {path}", (structure[0] + b"/" + structure[1]).lower().decode(), kind)
    encoding = str(message.get("content-transfer-encoding", "7bit")).lower().strip()
    if re.fullmatch(r"[\w-]+", encoding):
        check.same(f"encoding of part {path}", structure[5].lower().decode(), encoding)
    if kind == "message/rfc822":
        check_structure(check, structure[8], message.get_payload(0), path + ".1")


def check_binary(check, client, number, structure, message, path=()):
    """BINARY decodes a part as the package does. Base64 that is not in order is left to each."""
    if isinstance(structure[0], list):
        for i, (child, part) in enumerate(zip(children_of(structure), message.get_payload())):
            check_binary(check, client, number, child, part, path + (i + 1,))
        return
    path = path or (1,)
    if message.get_content_maintype() == "message":
        return
    encoding = str(message.get("content-transfer-encoding", "7bit")).lower().strip()
    text = message.get_payload()
    if encoding == "base64" and not re.fullmatch(r"\s*(([A-Za-z0-9+/]\s*){4})*(([A-Za-z0-9+/]\s*){2}(=|[A-Za-z0-9+/])\s*=\s*)?", text):
        return
    if encoding == "quoted-printable" and not re.fullmatch(r"(=[0-9A-F]{2}|=\r\n|[!-<>-~]|[ \t](?![ \t]*\r\n)|\r\n)*", text):
        return
    if encoding not in ("7bit", "8bit", "binary", "base64", "quoted-printable"):
        return
    name = ".".join(map(str, path)).encode()
    got = client.fetch(number, b"BINARY.PEEK[%s]" % name) or b""
    # The package takes "base64 " with its blank for an encoding that it does not know.
    expected = base64.b64decode(text) if encoding == "base64" else message.get_payload(decode=True)
    check.same(f"BINARY[{name.decode()}]", got, expected)
    check.same(f"BINARY.SIZE[{name.decode()}]", client.fetch(number, b"BINARY.SIZE[%s]" % name), str(len(got)))
    check.binary += 1


# The whole ------------------------------------------------------------------------------------------------------

def check_message(client, number, octets, delivered):
    check = Check()
    shown = octets.replace(b"\0", b"\x80")

    def as_appended(body):
        return None if body == shown else f"BODY[] is not what was appended: {first_difference(body, shown)}"

    def as_delivered(body):
        if not body.startswith(b"Return-Path: <sender@example.net>\r\nDelivered-To: "):
            return f"BODY[] has no trace lines: {cut(body[:200])}"
        if not body.endswith(shown):
            return f"BODY[] does not end in what was delivered: {first_difference(body[-len(shown):], shown)}"
        trace = body[:len(body) - len(shown)]
        if not re.fullmatch(rb"Return-Path: .*\r\nDelivered-To: .*\r\nReceived: .*\r\n(\t.*\r\n)*", trace):
            return f"something between the trace lines and the message: {cut(trace)}"
        return None

    body = check_octets(check, client, number, as_delivered if delivered else as_appended)
    structure = client.fetch(number, b"BODYSTRUCTURE")
    check_parts(check, client, number, structure)
    short = client.fetch(number, b"BODY")
    check.same("multipart in BODY and BODYSTRUCTURE", isinstance(short[0], list), isinstance(structure[0], list))
    header_ends = re.search(rb"\r\n\r\n", body)
    if header_ends and b"\r" not in body.replace(b"\r\n", b"") and b"\n" not in body.replace(b"\r\n", b""):
        check_envelope(check, client, number, body)
        message = email.message_from_bytes(body)
        # Of two delimiters in a row the package makes no part, we an empty one.
        if is_plain(message) and not re.search(rb"^(--.+\r\n)\1", body, re.M):
            check_structure(check, structure, message)
            check_binary(check, client, number, structure, message)
    return check.problems, check.binary


def first_difference(a, b):
    at = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
    return f"from octet {at} on {cut(a[at:at + 40])} instead of {cut(b[at:at + 40])} ({len(a)} and {len(b)} octets)"


def main():
    names = sys.argv[1:] or sorted(name for name in os.listdir(transcript.CORPUS) if name.endswith(".msg"))
    messages = {name: transcript.load_file("corpus/" + name) for name in names}
    passed = failed = binary = 0
    daemon = server.Server({"store.delivered": '"0 s"'})
    try:
        daemon.start()
        user = daemon.add_users(1)[0]
        client = Client(daemon, user)
        numbers = []
        for name, octets in messages.items():
            client.command(b"APPEND INBOX {%d+}\r\n%s" % (len(octets), octets))
            numbers.append((name, octets, False))
            whole = octets if octets.endswith(b"\r\n") else octets + b"\r\n"
            daemon.deliver(user, whole)
            numbers.append((name, whole, True))
        client.command(b"SELECT INBOX")
        for number, (name, octets, delivered) in enumerate(numbers, 1):
            try:
                problems, compared = check_message(client, number, octets, delivered)
                binary += compared
            except (RuntimeError, AttributeError, IndexError, TypeError, TimeoutError, EOFError) as error:
                problems = [f"{type(error).__name__}: {error}"]
            print(f"{'FAIL' if problems else 'ok  '} {name} by {'LMTP' if delivered else 'APPEND'}" +
                  "".join(f"\n       {problem}" for problem in problems))
            passed += not problems
            failed += bool(problems)
    finally:
        problem = daemon.stop()
    if not sys.argv[1:] and not binary:
        problem = "no part's BINARY was compared"
    if problem:
        print(f"FAIL the server: {problem}")
        failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
