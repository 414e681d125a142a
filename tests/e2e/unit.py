#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""What an installation begins with: the unit, users, directories and configuration of contrib/, the sample that holdfastd prints. They must be
well-formed, name what exists, and agree with each other. What systemd's own programs would check is left out where they are missing."""

import getpass
import grp
import os
import pwd
import re
import shutil

from support import BUILD, HOLDFASTD, PREFIX, check, folder, main, note, run

CONTRIB = f"{os.path.dirname(os.path.abspath(__file__))}/../../contrib"
PLACES = {"sbindir": f"{folder}/sbin", "bindir": f"{folder}/bin", "sysconfdir": f"{folder}/etc", "statedir": f"{folder}/var/lib/holdfast",
          "rundir": f"{folder}/run/holdfast", "docdir": f"{folder}/doc"}
MODULES = "" if PREFIX else f'modules: {{\n\tdirectory = ( "{BUILD}/module/imap/.libs", "{BUILD}/module/lmtp/.libs" );\n}};\n'


def contrib(name):
    with open(f"{CONTRIB}/{name}.in", encoding="utf-8") as file:
        text = re.sub(r"@(\w+)@", lambda match: PLACES[match.group(1)], file.read())
    path = f"{PLACES['sysconfdir']}/{name}"
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path, text


def begin():
    for name in ("sbindir", "sysconfdir"):
        os.makedirs(PLACES[name])
    os.symlink(HOLDFASTD, f"{PLACES['sbindir']}/holdfastd")
    run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3", "-subj", "/CN=localhost",
        "-keyout", f"{PLACES['sysconfdir']}/key.pem", "-out", f"{PLACES['sysconfdir']}/cert.pem")


def exists(kind, name):
    try:
        kind(name)
        return True
    except KeyError:
        return False


def configurations():
    path, text = contrib("holdfast.conf")
    result = run(HOLDFASTD, "-c", path, "--check")
    if not exists(pwd.getpwnam, "holdfast"):
        check("--check names a user that is not there", result.returncode != 0 and 'user "holdfast"' in result.stderr, result)
    text = text.replace('user = "holdfast"', f'user = "{getpass.getuser()}"')
    if not exists(pwd.getpwnam, "postfix") or not exists(grp.getgrnam, "postfix"):
        note("no user postfix here: the socket is given to ourselves")
        text = re.sub(r'owner = "postfix"; group = "postfix"; ', "", text)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text + MODULES)
    result = run(HOLDFASTD, "-c", path, "--check")
    check("the configuration of contrib is taken", result.returncode == 0, result)
    with open(f"{folder}/wrong.conf", "w", encoding="utf-8") as file:
        file.write(text.replace("hostname =", "hostnmae =") + MODULES)
    result = run(HOLDFASTD, "-c", f"{folder}/wrong.conf", "--check")
    check("with a wrong word it is not", result.returncode == 78 and "hostnmae" in result.stderr, result)

    sample = run(HOLDFASTD, "-c", path, "--sample").stdout
    check("the sample has the modules' settings too", re.search(r"^imap: \{", sample, re.M) and re.search(r"^lmtp: \{", sample, re.M), sample[-500:])
    if MODULES:
        sample = re.sub(r"^modules: \{(.*?)^\};\n", lambda _: MODULES, sample, flags=re.M | re.S)
    with open(f"{folder}/sample.conf", "w", encoding="utf-8") as file:
        file.write(sample)
    result = run(HOLDFASTD, "-c", f"{folder}/sample.conf", "--check")
    check("the sample is taken as it is printed", result.returncode == 0, result)
    shown = re.findall(r"^(?:(\w+)\.)?(\w+) = ", run(HOLDFASTD, "-c", f"{folder}/sample.conf", "--show").stdout, re.M)
    sections = {name: text for name, text in re.findall(r"^(\w+): \{\n(.*?)^\};", sample, re.M | re.S)}
    missing = [f"{section}.{name}" for section, name in shown if section != "listen" and
               not re.search(rf"^\s*#?{name} = ", sections.get(section, "") if section else sample, re.M)]
    check("it explains every setting that --show knows", len(shown) > 50 and not missing, (len(shown), missing))
    # What is commented out shows the default: written down it is taken as well. Empty ones stand for "none".
    settings, count = re.subn(r'^(\s*)#(\w+ = (?!""|\( *\)).*;)$', r"\1\2", sample, flags=re.M)
    with open(f"{folder}/defaults.conf", "w", encoding="utf-8") as file:
        file.write(settings)
    result = run(HOLDFASTD, "-c", f"{folder}/defaults.conf", "--check")
    check("and with every default written down", count > 50 and result.returncode == 0, (count, result))
    result = run(HOLDFASTD, "-c", f"{folder}/nowhere.conf", "--check")
    check("a configuration that is not there is told as such", result.returncode == 78 and f"{folder}/nowhere.conf" in result.stderr and
          "--sample" in result.stderr, result)


def unit():
    path, text = contrib("holdfast.service")
    _, configuration = contrib("holdfast.conf")
    options = run(HOLDFASTD, "--help").stdout
    commands = re.findall(r"^Exec\w+=([+\-!@:]*)(.*)$", text, re.M)
    check("it checks, starts and reloads", len(commands) == 5, commands)
    for _, command in commands:
        words = command.split()
        if words[0].startswith("systemd-") and not shutil.which("systemctl"):
            note(f"no systemd here: {words[0]} is not looked for")
            continue
        check(f"{os.path.basename(words[0])} is there", shutil.which(words[0]), words)
        if words[0].endswith("/holdfastd"):
            check(f"its options are: {command}", all(re.search(rf"(^|[\s,]){re.escape(word)}\b", options) for word in words if word.startswith("-")),
                  options)
            check("the configuration is where contrib's goes", words[words.index("-c") + 1] == f"{PLACES['sysconfdir']}/holdfast.conf", words)
    writable = re.search(r"^ReadWritePaths=(.*)$", text, re.M).group(1).replace("-/", "/").split()
    wanted = re.findall(r'(?:directory|socket) = "([^"]+)"|"unix:([^"]+)"', configuration)
    for name in (a or b for a, b in wanted):
        check(f"it may write where the configuration wants it to: {name}", any(name == w or name.startswith(w + "/") for w in writable), writable)
    with open(f"{CONTRIB}/../Makefile.am", encoding="utf-8") as file:
        makefile = file.read()
    for kind, verb in (("sysusers", "systemd-sysusers"), ("tmpfiles", "systemd-tmpfiles")):
        check(f"what {verb} is told to read is installed", re.search(rf"ExecStartPre=\+-?{verb} .*\bholdfast\.conf$", text, re.M) and
              f"/lib/{kind}.d/holdfast.conf'" in makefile)

    if not shutil.which("systemd-analyze"):
        note("no systemd-analyze here: left out")
        return
    def verify(name):
        return run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", name)
    result = verify(path)
    check("systemd-analyze verify finds nothing", result.returncode == 0 and not result.stderr.strip(), result)
    wrong = f"{folder}/wrong.service"
    with open(wrong, "w", encoding="utf-8") as file:
        file.write(text.replace("LockPersonality=yes", "LockPersonality=perhaps\nNoSuchThing=yes"))
    result = verify(wrong)
    check("and would have found something", "NoSuchThing" in result.stderr and "perhaps" in result.stderr, result)


def users_and_directories():
    if not shutil.which("systemd-sysusers") or os.getuid() != 0:
        note("no systemd-sysusers here, or not root: left out")
        return
    root = f"{folder}/root"
    os.makedirs(f"{root}/etc")
    users, _ = contrib("holdfast.sysusers")
    result = run("systemd-sysusers", f"--root={root}", users)
    with open(f"{root}/etc/passwd", encoding="utf-8") as file:
        line = re.search(r"^holdfast:.*$", file.read(), re.M)
    check("systemd-sysusers makes the user, whose home is the store", result.returncode == 0 and line and
          line.group(0).split(":")[5] == PLACES["statedir"], (result, line))
    directories, text = contrib("holdfast.tmpfiles")
    result = run("systemd-tmpfiles", "--create", f"--root={root}", directories)
    for name, mode in ((PLACES["statedir"], 0o700), (PLACES["rundir"], 0o755)):
        made = f"{root}{name}"
        check(f"systemd-tmpfiles makes {os.path.basename(os.path.dirname(name))}/holdfast", result.returncode == 0 and os.path.isdir(made) and
              os.stat(made).st_mode & 0o777 == mode and os.stat(made).st_uid == int(line.group(0).split(":")[2]), (result, text))


main(begin, configurations, unit, users_and_directories, seconds=60)
