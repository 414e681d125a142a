#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Clients that mean harm: before login, with names, with messages, with commands, over LMTP, and a machine that fails. Each attack must
end in the right reply, in bounded time and memory, and without harm to a session that only wants to say NOOP. The attacks are in
hostile_login.py, hostile_mail.py, hostile_commands.py and hostile_machine.py.

HF_HOSTILE names the tests to run (default: all)."""

import os

from hostile_case import begin, end
from hostile_commands import compression_unread, condstore, idle_and_pipelines, searches, sets_and_flags, slow_readers, steady_readers
from hostile_login import authenticate, handshakes, lines, literals, slow_before_login, starttls
from hostile_machine import full_disk, no_descriptors, verify
from hostile_mail import appends, lmtp, messages, metadata, names, partial, threads
from support import main

TESTS = (starttls, handshakes, slow_before_login, lines, literals, authenticate, names, messages, threads, partial, sets_and_flags, searches,
         appends, idle_and_pipelines, slow_readers, steady_readers, compression_unread, condstore, metadata, lmtp, no_descriptors)
chosen = os.environ.get("HF_HOSTILE", "").split()
main(begin, *[t for t in TESTS if not chosen or t.__name__ in chosen], end,
     *[t for t in (verify, full_disk) if not chosen or t.__name__ in chosen], seconds=400)
