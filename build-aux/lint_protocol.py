# SPDX-License-Identifier: BSD-2-Clause
"""Rules about the protocol: doc/rfc.md has a row for every capability and says nothing that is not so, and every command, FETCH item,
SEARCH and SORT key, STATUS item and response code of module/imap is shown by a transcript of tests/wire. Used by lint-rules.py."""

import glob
import os
import re

IMAP = "module/imap"
WIRE = "tests/wire"
INDEX = "doc/rfc.md"
CODE = r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*"


def text_of(name):
    with open(name, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def sources():
    return sorted(glob.glob(f"{IMAP}/*.c"))


# --- doc/rfc.md ----------------------------------------------------------------------------------------------------------

def announced_by_imap():
    """Capability -> the RFC that the source says it is of."""
    found = {}
    for line in text_of(f"{IMAP}/capability.c").split("\n"):
        for name in re.findall(r'\{ "([A-Z][^" ]*)",|" ([A-Z][^" ]*?)(?:%llu)?"', line):
            rfc = re.search(r"RFC \d+|draft-[\w-]+", line)
            found[name[0] or name[1]] = rfc.group(0) if rfc else None
    return found


def announced_by_lmtp():
    return {name: None for line in re.findall(r'"((?:250[- ].*?))"', text_of("module/lmtp/cmd_lhlo.c"))
            for name in re.findall(r"250[- ]([A-Z0-9]+)", line)}


def tables():
    """(line number, heading of the section, names of the columns, cells) of each row."""
    heading, columns = "", []
    for number, line in enumerate(text_of(INDEX).split("\n"), 1):
        if line.startswith("#"):
            heading, columns = line.lstrip("# "), []
        if not line.startswith("|") or set(line) <= set("|- "):
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not columns:
            columns = [cell.split(" (")[0] for cell in cells]
        else:
            yield number, heading, columns, cells


def words_of(cell):
    """The capabilities of a cell: 'LITERAL-, then LITERAL+', 'APPENDLIMIT=n', 'QUOTASET for administrators'."""
    found = []
    for part in re.split(r",\s*(?:then\s+)?", re.sub(r"\([^)]*\)", "", cell)):
        match = re.match(r"([A-Z0-9][A-Za-z0-9+=-]*)", part.strip())
        if match:
            found.append(re.sub(r"=(?:n|mechanism)$", "=", match.group(1)))
    return found


def missing_paths(cell, folders):
    for word in re.findall(r"`([^`]+)`", cell):
        if word.startswith("/") or " " in word:
            continue
        if not any(glob.glob(os.path.join(folder, word)) or glob.glob(os.path.join(folder, word + ".*")) for folder in folders):
            yield word


def index_of_standards():
    rows = list(tables())
    for heading, announced, column, folder in (("IMAP", announced_by_imap(), "capability", IMAP),
                                               ("Mail delivery", announced_by_lmtp(), "announced", "module/lmtp")):
        if not announced:
            yield f"{folder}: nothing is announced: has the source another shape now?"
        told = {}
        for number, section, columns, cells in rows:
            if section != heading:
                continue
            for word in words_of(cells[columns.index(column)]):
                if word in told:
                    yield f"{INDEX}:{number}: {word} has a row already, line {told[word]}"
                told[word] = number
                if word not in announced:
                    yield f"{INDEX}:{number}: {word} is not announced by {folder}: take it from the row's column \"{column}\" or announce it"
        for name in sorted(set(announced) - set(told)):
            rfc = announced[name] or "its RFC"
            row = next((n for n, s, _, c in rows if s == heading and announced[name] and re.search(rf"\b{rfc}\b", c[0])), None)
            what = f"name it in the column \"{column}\" of line {row}" if row else \
                f"add a row for {rfc} to the table \"{heading}\": | {rfc} NAME | what is done | {name} | `files` | `tests` | left out |"
            yield f"{INDEX}: {name} is announced by {folder} but has no row: {what}"
    for number, section, columns, cells in rows:
        where = f"{INDEX}:{number}"
        if len(cells) != len(columns):
            yield f"{where}: {len(cells)} columns, the table has {len(columns)}"
            continue
        row = dict(zip(columns, cells))
        capability = row.get("capability") or row.get("announced")
        if not re.match(r"RFC \d+", cells[0]):
            yield f"{where}: a row begins with its RFC"
        for column in ("what is done", "files", "tests"):
            if column in row and not row[column] and (capability or column == "what is done") and "not announced" not in cells[-1]:
                yield f"{where}: {cells[0]}: the column \"{column}\" is empty"
        for word in missing_paths(row.get("files", ""), (IMAP, "module/lmtp", "message", "")):
            yield f"{where}: {word}: no such file"
        for word in missing_paths(row.get("tests", ""), ("tests",)):
            yield f"{where}: tests/{word}: no such test"


# --- what transcripts show ------------------------------------------------------------------------------------------------

def table_words(name, start):
    """The first string of each row of the table that begins with the line `start`."""
    found, inside = [], False
    for number, line in enumerate(text_of(f"{IMAP}/{name}").split("\n"), 1):
        if re.search(start, line):
            inside = True
        elif inside and line.startswith("}"):
            break
        elif inside:
            match = re.match(r'\s*(?:\[\w+\] = )?\{ "([A-Z][A-Z0-9.-]*)"', line)
            if match:
                found.append((match.group(1), f"{IMAP}/{name}:{number}"))
    return found


def commands():
    found = []
    for name in sorted(glob.glob(f"{IMAP}/cmd_*.c")):
        text = text_of(name)
        for match in re.finditer(r'const struct imap_command imap_cmd_\w+ = \{\s*\.name = "([A-Z]+)"(.*?)\n\};', text, re.S):
            where = f"{name}:{text.count(chr(10), 0, match.start()) + 1}"
            found.append((match.group(1), where))
            if "IMAP_HAS_UID" in match.group(2) or "IMAP_UID" in match.group(2):
                found.append((f"UID {match.group(1)}", where))
    return found


def codes():
    """Response codes that the module can send: words of the table of statuses, arguments of imap_code(), and those written by hand."""
    found = {}
    for name in sources():
        for number, line in enumerate(text_of(name).split("\n"), 1):
            for pattern in (rf'imap_code\(\w+, (?:[^"]*\? )?"({CODE})', rf'imap_code\(\w+, [^"]*\? "{CODE}" : "({CODE})"', rf'code, "({CODE})',
                            rf'"(?:\\r\\n)?\* (?:OK|NO|BAD|BYE) \[({CODE})', rf'\{{ "(?:OK|NO|BAD)", "({CODE})"',
                            rf'imap_untagged_text\([^,]+, "\w+", "({CODE})"', r'"(\w+UID) %u "', rf'imap_bye\([^,]+, (?:\w+ \? )?"({CODE})"'):
                for code in re.findall(pattern, line):
                    found.setdefault(code, f"{name}:{number}")
    return sorted(found.items())


def words():
    """Words that a parser knows, which are no items or keys of the tables above: options, modifiers, parts of a section, events."""
    found = {}
    for name in sources():
        if os.path.basename(name) in ("capability.c", "options.c"):
            continue
        for number, line in enumerate(text_of(name).split("\n"), 1):
            for known in re.findall(r'imap_parse_keyword\(\w+, "([^"]+)"\)', line) + re.findall(r'^\t\{ "([A-Za-z][\w.=-]*)", ', line):
                found.setdefault(known, f"{name}:{number}")
    return sorted(found.items())


def details():
    """What follows the word of a response code that has several meanings: METADATA LONGENTRIES."""
    return sorted({(detail, name) for name in sources() for detail in re.findall(rf'imap_code\(\w+, "({CODE} [A-Z]+)', text_of(name))})


def excused_codes():
    """Codes that README.md says no transcript can show, with the reason: rows | `CODE` | reason |."""
    return dict(re.findall(rf"^\| `({CODE})` \| (.+?) \|$", text_of(f"{WIRE}/README.md"), re.M))


def transcripts():
    """All lines of clients, and all of servers."""
    client, server = [], []
    for path in glob.glob(f"{WIRE}/*/*.imap"):
        for line in text_of(path).split("\n"):
            if re.match(r"C\d*(-raw)?:", line):
                client.append(line)
            elif re.match(r"S\d*(-any)?:", line):
                server.append(line.replace("\\[", "["))
    return "\n".join(client), "\n".join(server)


def word(name):
    return rf"(?<![\w.-]){re.escape(name)}(?![\w.-])"


def shown():
    client, server = transcripts()
    kinds = (
        ("command", commands(), lambda name: re.search(rf"^C\d*(-raw)?:\s*\S+ +{name}\b", client, re.M | re.I)),
        ("FETCH item", table_words("fetch_items.c", r"fetch_items\[\]|fetch_item \w+\[\]|macros\[\]"),
         lambda name: re.search(rf"^C.*\bFETCH\b.*{word(name)}", client, re.M | re.I)),
        ("SEARCH key", table_words("search_keys.c", r"search_key \w+\[\]"),
         lambda name: re.search(rf"^C.*\b(SEARCH|SORT|THREAD)\b.*{word(name)}", client, re.M | re.I)),
        ("SORT key", table_words("sort.c", r"\} \w+\[\w*\] = \{$"),
         lambda name: re.search(rf"^C.*\bSORT\b.*{word(name)}", client, re.M | re.I)),
        ("STATUS item", table_words("cmd_status.c", r"\[\] = \{"),
         lambda name: re.search(rf"^C.*\bSTATUS\b.*{word(name)}", client, re.M | re.I)),
    )
    for kind, names, is_shown in kinds:
        if len(names) < 5:
            yield f"{IMAP}: only {len(names)} of the kind {kind} found: has the source another shape now?"
        for name, where in names:
            if not is_shown(name):
                yield f"{where}: no transcript in {WIRE} shows the {kind} {name}"
    known = words()
    if len(known) < 80:
        yield f"{IMAP}: only {len(known)} words of parsers found: has the source another shape now?"
    for name, where in known:
        if not re.search(word(name), client, re.I):
            yield f"{where}: no transcript in {WIRE} has {name} in a command"
    for detail, where in details():
        if f"[{detail}" not in server:
            yield f"{where}: no transcript in {WIRE} shows the response code {detail}"
    excused, sent = excused_codes(), codes()
    if len(sent) < 30:
        yield f"{IMAP}: only {len(sent)} response codes found: has the source another shape now?"
    for code, where in sent:
        is_told = re.search(rf"\[{code}[ \]]", server)
        if not is_told and code not in excused:
            yield f"{where}: no transcript in {WIRE} shows the response code {code}; where none can, {WIRE}/README.md says why"
        if is_told and code in excused:
            yield f"{WIRE}/README.md: {code} is shown by a transcript after all"
    for code in sorted(set(excused) - {code for code, _ in sent}):
        yield f"{WIRE}/README.md: {code} is no response code of {IMAP}"
