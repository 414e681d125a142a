# SPDX-License-Identifier: BSD-2-Clause
"""mutt and neomutt, which differ little: a configuration, and runs on a terminal of their own."""

import os
import subprocess

from support import PASSWORD, folder


def write_rc(path, server, user, settings):
    """One that asks nothing; `settings` are further lines."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'''set imap_user="{user}"
set imap_pass="{PASSWORD}"
set folder="imaps://localhost:{server.imaps}/"
set spoolfile="+INBOX"
set certificate_file="{server.dir}/cert.pem"
set delete=yes
set confirmappend=no
set confirmcreate=no
set quit=yes
set wait_key=no
set sort=mailbox-order
set pipe_decode=no
set delete_untag=yes
set auto_tag=no
set mail_check=60
{settings}''')


def run_keys(keys, *command, seconds=120):
    """A run with the keys pushed into it."""
    environment = {**os.environ, "TERM": "xterm", "HOME": folder, "LANG": "C.UTF-8"}
    script = ["script", "-qefc", " ".join([*command, "-e", f"'push \"{keys}\"'"]), "/dev/null"]
    return subprocess.run(script, stdin=subprocess.DEVNULL, capture_output=True, timeout=seconds, env=environment, check=False)
