#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Compares what dump_message makes of the corpus with an independent reading, Python's email package: the part tree,
the types and the decoded bodies, wherever Python finds the message well-formed."""

import email
import email.policy
import glob
import hashlib
import os
import subprocess
import sys

srcdir = os.environ.get("srcdir", ".")
dump = os.path.join(os.environ.get("HF_BUILDDIR", "."), "tests/message/dump_message")

# Where the two differ on purpose.
DIFFERENT = {
    # a line of white space: a continuation for us (RFC 5322 section 4.2), the end of the header for Python
    "hdr-fakeout.msg",
    # a delimiter right after another: an empty part for us, nothing for Python
    "2002_06_12_doublebound.msg",
    "double-bound.msg",
    # white space after "base64", which Python then does not know
    "twopart.msg",
}


def python_parts(message, number):
    """Yields (number, kind, type, decoded body or None) as dump_message numbers them."""
    content_type = message.get_content_type()
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        yield number, "multipart", content_type, None
        for n, child in enumerate(message.get_payload(), 1):
            yield from python_parts(child, f"{number}.{n}")
    elif content_type == "message/rfc822" and message.is_multipart():
        yield number, "message", content_type, None
        yield from python_parts(message.get_payload(0), f"{number}.1")
    else:
        yield number, "leaf", content_type, message.get_payload(decode=True)


def has_defects(message):
    return any(part.defects for part in message.walk())


def our_parts(path):
    out = subprocess.run([dump, path], check=True, stdout=subprocess.PIPE).stdout
    for line in out.splitlines():
        if line.startswith(b"part "):
            _, _, number, kind, content_type, _, body, _, digest = line.decode("latin-1").split(" ")
            offset, size = body.split("+")
            yield number, kind, content_type.lower(), int(offset), int(size), digest


def compare(path):
    """Returns None when Python finds the message broken, else the list of differences."""
    with open(path, "rb") as stream:
        data = stream.read()
    message = email.message_from_bytes(data, policy=email.policy.compat32)
    if has_defects(message) or os.path.basename(path) in DIFFERENT:
        return None
    theirs = list(python_parts(message, "0"))
    ours = list(our_parts(path))
    wrong = []
    if [p[:3] for p in theirs] != [p[:3] for p in ours]:
        return [f"trees: {[p[:3] for p in theirs]} / {[p[:3] for p in ours]}"]
    for their, our in zip(theirs, ours):
        number, kind, _, decoded = their
        raw = data[our[3] : our[3] + our[4]]
        if kind != "leaf" or our[5] == "-":
            continue
        if hashlib.sha256(decoded).hexdigest() == our[5]:
            continue
        # Python's idea of a decoded body without transfer encoding is the raw octets.
        wrong.append(f"part {number}: {len(decoded)} octets for Python, raw {len(raw)}: {decoded[:60]!r}")
    return wrong


def main():
    failed = compared = skipped = 0
    for path in sorted(glob.glob(os.path.join(srcdir, "tests/data/corpus/*.msg"))):
        wrong = compare(path)
        if wrong is None:
            skipped += 1
            continue
        compared += 1
        if wrong:
            failed += 1
            print(os.path.basename(path), *wrong, sep="\n\t")
    print(f"{compared} compared, {skipped} broken for Python, {failed} differ")
    return 1 if failed or compared < 20 else 0


sys.exit(main())
