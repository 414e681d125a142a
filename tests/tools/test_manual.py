#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The manual pages say what the programs say: doc/holdfast.conf.5 has the settings as `holdfastd --options-doc` prints them, the others name
every option of --help. Paths may differ by where it was configured to be. --update writes the settings into the page."""

import os
import re
import subprocess
import sys
import tempfile

BUILD = os.environ.get("HF_BUILDDIR", ".")
SOURCE = os.environ.get("HF_SRCDIR") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
BEGIN, END = '.\\" begin: ', '.\\" end\n'
# where Debian's packages would have it
PLACES = [(r"/\S*/lib/holdfast\b(?!/)", "/var/lib/holdfast"), (r"/\S*/run/holdfast\b", "/run/holdfast"),
          (r"/\S*/holdfast/modules\b", "/usr/lib/holdfast/modules")]
passed = failed = 0


def check(what, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
        print(f"ok: {what}")
    else:
        failed += 1
        print(f"FAILED: {what} {detail}")


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def settings():
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as conf:
        conf.write(f'modules: {{ directory = ( "{BUILD}/module/imap/.libs", "{BUILD}/module/lmtp/.libs" ); }};\n')
        conf.flush()
        text = output(f"{BUILD}/holdfastd", "-c", conf.name, "--options-doc")
    for pattern, place in PLACES:
        text = re.sub(pattern, place, text)
    return text


def page(name):
    with open(f"{SOURCE}/doc/{name}", encoding="utf-8") as file:
        return file.read()


def main():
    text = page("holdfast.conf.5")
    head, rest = text.split(BEGIN, 1)
    first, rest = rest.split("\n", 1)
    body, tail = rest.split(END, 1)
    wanted = settings()
    if "--update" in sys.argv:
        with open(f"{SOURCE}/doc/holdfast.conf.5", "w", encoding="utf-8") as file:
            file.write(head + BEGIN + first + "\n" + wanted + END + tail)
        return 0
    check("holdfast.conf.5 has the settings of holdfastd --options-doc (update: tests/tools/test_manual.py --update)", body == wanted,
          next((f"{a!r} instead of {b!r}" for a, b in zip(body.split("\n"), wanted.split("\n")) if a != b), "their number differs"))
    examples(wanted)
    for program, name in (("holdfastd", "holdfastd.8"), ("hfctl", "hfctl.8"), ("hf-deliver", "hf-deliver.1")):
        plain = page(name).replace("\\-", "-").replace("\\fR", "").replace("\\fB", "")
        told = subprocess.run([f"{BUILD}/{program}", "--socket=/nonexistent/x", "--help"] if program == "hfctl" else
                              [f"{BUILD}/{program}", "--help"], capture_output=True, text=True, timeout=60).stdout
        options = set(re.findall(r"--[a-z][a-z-]+", told))
        check(f"{name} names every option of {program} --help", options and all(o in plain for o in options),
              [o for o in options if o not in plain])
        macros = subprocess.run(["man", "--warnings", "-l", f"{SOURCE}/doc/{name}"], capture_output=True, text=True,
                                env={**os.environ, "MANWIDTH": "80", "LC_ALL": "C.UTF-8"}) if has_man() else None
        check(f"{name} is formatted without complaint", macros is None or (macros.returncode == 0 and not macros.stderr),
              macros and macros.stderr[:300])
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def examples(text):
    """Each setting has an example, and all of them together are a configuration."""
    sections, section, missing = {}, "", []
    for line in text.split("\n"):
        if line.startswith(".SS "):
            section = line[4:]
        elif line.startswith(".B "):
            key = line[3:]
            missing.append(f"{section}.{key}")
        elif line.startswith("Example: "):
            example = line[len("Example: \\fB"):-len("\\fR")].replace("\\-", "-").replace("\\e", "\\")
            group = section + ".sni" if key.startswith("sni.") else section
            sections.setdefault(group, []).append(example)
            missing.pop()
    check("each setting has an example in holdfast.conf.5", sections and not missing, missing)
    sections["modules"] = [f'directory = ( "{BUILD}/module/imap/.libs", "{BUILD}/module/lmtp/.libs" );']
    sections["tls"].append("sni = ( {" + " ".join(sections.pop("tls.sni")) + "} );")
    with tempfile.NamedTemporaryFile("w", suffix=".conf", encoding="utf-8") as conf:
        conf.write("\n".join(sections.pop("Top level")) + "\nlisten = ( {" + " ".join(sections.pop("listen")) + "} );\n")
        conf.writelines(f"{name}: {{ {' '.join(lines)} }};\n" for name, lines in sections.items())
        conf.flush()
        result = subprocess.run([f"{BUILD}/holdfastd", "-c", conf.name, "--show"], capture_output=True, text=True, check=False, timeout=60)
    check("all examples together are a configuration", result.returncode == 0, result.stderr[:1000])


def has_man():
    return any(os.access(os.path.join(p, "man"), os.X_OK) for p in os.environ.get("PATH", "").split(":"))


if __name__ == "__main__":
    sys.exit(main())
