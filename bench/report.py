# SPDX-License-Identifier: BSD-2-Clause
"""From the results of a run to the tables of doc/performance.md. What stands between the two markers is replaced, the rest is kept."""
import statistics

BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"
GROWTH = ("<!-- growth: begin -->", "<!-- growth: end -->")

STORE_TARGET = 0.8  # of the disk's own flushes of 4 KiB by one writer


def number(x):
    if x >= 1e6:
        return f"{x / 1e6:.2f}M"
    if x >= 1e4:
        return f"{x / 1e3:.1f}k"
    return f"{x:.0f}" if x >= 100 else f"{x:.1f}" if x >= 10 else f"{x:.2f}"


def cpu(x):
    return f"{x:.0f}" if x >= 10 else f"{x:.2f}"


def values(row, results):
    return [r[row.value] for r in results if r]


def median(row, cell):
    found = values(row, cell["results"]) if cell else []
    return statistics.median(found) if found else None


def cell_text(row, cell):
    if cell is None:
        return "-"
    found = values(row, cell["results"])
    if not found:
        return cell.get("why") or "failed"
    text = f"{number(statistics.median(found))} ({number(min(found))}-{number(max(found))})"
    if row.value == "system_kib_each":
        text += f"; processes {number(statistics.median([r['pss_kib_each'] for r in cell['results'] if r]))}"
    elif row.workload == "idle_latency":
        text += f"; {number(statistics.median([r['after_ok_p50_ms'] for r in cell['results'] if r]))}"
    elif not row.less_is_better:
        text += f"; {cpu(statistics.median([r['server_us'] for r in cell['results'] if r]))}"
    return text


def ratio(row, cells):
    """(our median / best peer's, the peer's name), or (None, "") where one of both is missing. Turned round where less is better."""
    ours = median(row, cells.get("holdfast"))
    best, who = None, ""
    for name, cell in cells.items():
        m = median(row, cell)
        if name == "holdfast" or m is None or (row.peers and name not in row.peers):
            continue
        if best is None or (m < best if row.less_is_better else m > best):
            best, who = m, name
    if not ours or not best:
        return None, ""
    return (best / ours if row.less_is_better else ours / best), who


def table(rows, run):
    names = run["servers"]
    out = ["| workload | " + " | ".join(names) + " | ratio | target | met |", "|---|" + "---|" * (len(names) + 3)]
    for row in rows:
        cells = run["cells"].get(row.key)
        if not cells:
            continue
        r, who = ratio(row, cells)
        met = "" if r is None else "yes" if r >= row.target else "**no**"
        shown = "-" if r is None else f"{r:.2f} of {who}"
        out.append(f"| {row.title} | " + " | ".join(cell_text(row, cells.get(n)) for n in names) + f" | {shown} | {row.target:g} | {met} |")
        if row.cpu:
            out.append(of_the_processor(row, cells, names))
        if row.key == "store_1" and run.get("flushes") and median(row, cells.get("holdfast")):
            out.append(of_the_disk(median(row, cells["holdfast"]), run["flushes"], names))
    return out


def of_the_processor(row, cells, names):
    """What the servers take of the processor for one operation, and the client beside them: it shares their cores."""
    server = {n: [r["server_us"] for r in c["results"] if r] for n, c in cells.items()}
    client = {n: [1e6 * r["client_cpu_s"] / r["ops"] for r in c["results"] if r] for n, c in cells.items()}
    texts = [f"{cpu(statistics.median(server[n]))}; client {cpu(statistics.median(client[n]))}" if server.get(n) else "-" for n in names]
    others = {n: statistics.median(v) for n, v in server.items() if v and n != "holdfast" and (not row.peers or n in row.peers)}
    ours = statistics.median(server["holdfast"]) if server.get("holdfast") else 0
    shown, met = "-", ""
    if ours and others:
        who = min(others, key=others.get)
        shown, met = f"{others[who] / ours:.2f} of {who}", "yes" if others[who] / ours >= row.cpu else "**no**"
    return f"| {row.title}: the server's CPU, us | " + " | ".join(texts) + f" | {shown} | {row.cpu:g} | {met} |"


def of_the_disk(ours, flushes, names):
    """STORE beside what the disk does by itself, measured in the same rounds."""
    disk = statistics.median(flushes)
    text = f"disk: {number(disk)} ({number(min(flushes))}-{number(max(flushes))}) flushes/s"
    others = [" "] * (len(names) - 1)
    if others:
        others[0] = text
    r = ours / disk
    return (f"| STORE C=1, of the disk's own flushes | {number(ours)} | " + " | ".join(others) +
            f" | {r:.2f} of the disk | {STORE_TARGET:g} | {'yes' if r >= STORE_TARGET else '**no**'} |")


def render(rows, run):
    out = [BEGIN, "",
           f"Measured with `bench/compare --{run['mode']}`: revision {run['revision']}, {run['machine']}, load average before "
           f"{run['load']}; {run['rounds']} rounds (idle connections and a million messages: one), the servers in turn within each; mailbox "
           f"`big` of {run['messages']} messages, profile `real` (mean 21 KB); client: "
           f"{'imapbench, and bench/client where it cannot' if run['client'] == 'imapbench' else 'bench/client'}. "
           f"Each figure: ops/s, median (min-max); server CPU per op in us. The ratio is that of the medians, to the best peer.", ""]
    out += [f"- {n}: {s}" for n, s in run["setup"].items()]
    titles = {"durable": "Changes, flushed before the OK (Dovecot: `mail_fsync=always`)",
              "read": "Reading and logging in (Dovecot: `mail_fsync=optimized`)",
              "relaxed": "Flag changes answered before their flush"}
    for phase, title in titles.items():
        lines = table([r for r in rows if r.phase == phase], run)
        if len(lines) > 2:
            out += ["", f"### {title}", "", *lines]
    notes = [r for r in rows if r.note and r.key in run["cells"]]
    if notes:
        out += ["", *[f"- {r.title}: {r.note}." for r in notes]]
    if run.get("populate"):
        out += ["", "### Filling the mailbox, and what it takes on disk", "",
                "| server | messages/s | server CPU us per message | batch | disk octets per message |", "|---|---|---|---|---|"]
        for name, p in run["populate"].items():
            out.append(f"| {name} | {number(p['ops_s'])} | {cpu(p['server_us'])} | {p.get('batch', 1)} | {p['disk_per_message']:.0f} |")
        out += ["", "One run each. The batch is that of MULTIAPPEND where the server has it."]
    if run.get("written"):
        out += ["", "### Octets written for what is delivered", "", "| server | messages | octets of a message | octets written for each octet delivered |",
                "|---|---|---|---|"]
        for name, w in run["written"].items():
            out.append(f"| {name} | {w['messages']} | {number(w['octets'] / w['messages'])} | {w['written'] / w['octets']:.2f} |")
        out += ["", "LMTP C=4; what the disk was given between two syncs, the file system's own rows and journal with it, and whatever else wrote "
                "meanwhile. Holdfast: checkpoint included."]
    if run["failures"]:
        out += ["", "### What failed", "", *[f"- {line}" for line in run["failures"]]]
    out += ["", END]
    return "\n".join(out)


def write(path, rows, run):
    replace(path, (BEGIN, END), render(rows, run))


def replace(path, markers, block):
    """Puts the block, markers included, in the place of the one that the file has."""
    begin, end = markers
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read()
    except FileNotFoundError:
        text = f"# Performance\n\n{begin}\n{end}\n"
    if begin not in text or end not in text:
        raise RuntimeError(f"{path} has no place for the tables ({begin} ... {end})")
    head, rest = text.split(begin, 1)
    tail = rest.split(end, 1)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(head + block + tail)


# --- growth

def lines(heads, rows):
    return ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|", *["| " + " | ".join(str(x) for x in row) + " |" for row in rows]]


def ms_us(cell):
    return f"{cell['p50_ms']:.2f}; {cpu(cell['us'])}"


def rate_us(cell):
    return f"{number(cell['ops_s'])}; {cpu(cell['us'])}"


def seconds(values):
    return f"{statistics.median(values):.2f} s ({min(values):.2f}-{max(values):.2f})"


def growth_mailboxes(result):
    names = ("select", "fetch", "store", "search_flags", "search_subject", "sort", "deliver")
    table_lines = lines(
        ["messages", "SELECT", "FETCH of the last 50", "STORE of one", "SEARCH DRAFT", "SEARCH SUBJECT", "SORT of the last 1000", "delivery",
         "first SELECT after start, ms", "start, s", "memory, MiB: open", "and after SORT"],
        [[f"{r['size']:,}", *[ms_us(r[n]) for n in names], number(r["first_select_ms"]), f"{r['start_s']:.2f}", number(r["memory_mib"]),
          number(r["memory_sorted_mib"])] for r in result])
    text = ("Milliseconds of a command (p50); server CPU in us. Small messages; FETCH asks for UID, FLAGS, INTERNALDATE and ENVELOPE; nothing matches "
            "what is searched. The CPU of SEARCH SUBJECT is the mean of five, of which the first reads the headers into memory. Memory: PSS of the "
            "daemon over that at rest; after SORT with what the database's cache and the facts of the messages have taken by then.")
    if any(r["size"] > r["distinct"] for r in result):
        text += f" Beyond {max(r['distinct'] for r in result):,} messages a mailbox is filled with copies."
    return ["### Size of the mailbox", "", text, "", *table_lines]


def growth_accounts(result):
    return ["### Number of accounts", "", "Per second; server CPU in us. One INBOX each, with one small message at least. Logins are of ten of them.", "",
            *lines(["accounts", "delivery C=4", "login C=2", "STORE C=8", "start, s", "memory at rest, MiB", "and after it all"],
                   [[f"{r['accounts']:,}", rate_us(r["deliver"]), rate_us(r["login"]), rate_us(r["store"]), f"{r['start_s']:.2f}",
                     number(r["rest_mib"]), number(r["after_mib"])] for r in result])]


def growth_connections(result):
    names = ("deliver", "deliver_one", "store", "fetch", "mixed")
    return ["### Number of connections", "", "Per second; server CPU in us. FETCH is of 50 messages, flags and envelopes.", "",
            *lines(["connections", "delivery", "delivery to one user", "STORE, own mailboxes", "FETCH", "mixed"],
                   [[r["connections"], *[rate_us(r[n]) for n in names]] for r in result])]


def slope(rows):
    """KiB of the daemon for each further connection."""
    first, last = rows[0], rows[-1]
    return (last["connections"] * last["pss_kib"] - first["connections"] * first["pss_kib"]) / (last["connections"] - first["connections"])


def growth_idle(result):
    out = ["### Idle connections", "", "Logged in, INBOX selected, in IDLE. KiB for each: memory of the daemon (PSS), and what the system has less than before, "
           "without the client's own memory: both ends' sockets are in it, and whatever else the machine did meanwhile.", "",
           *lines(["connections", "", "daemon, KiB each", "system, KiB each"],
                  [[f"{r['connections']:,}", "TLS" if r["tls"] else "plain", number(r["pss_kib"]), number(r["system_kib"])] for r in result])]
    most = max(r["connections"] for r in result)
    for tls, title in (("", "Each further plain connection"), ("tls", "Each under TLS")):
        rows = [r for r in result if r["tls"] == tls]
        if len(rows) > 1:
            out += ["", f"{title}: {slope(rows):.1f} KiB of the daemon, so 100,000: {slope(rows) * 100000 / 2**20:.1f} GiB."]
    if most < 100000:
        out += ["", f"The machine allowed a process {most + 400:,} open files at most, hence no more connections than these."]
    return out


def growth_memory(result):
    return ["### Memory of the daemon", "", f"Just started, default settings, 50 accounts: {number(result['rest_mib'])} MiB (PSS); after the first login "
            f"{number(result['login_mib'])}. With a cache of 64 MiB, after each of {len(result['rounds'])} rounds of 1,500 deliveries, 300 logins, 4 s of the "
            f"mixed load over 16 connections, reading of all bodies of a mailbox and a search in them, MiB: " + ", ".join(number(x) for x in result["rounds"]) +
            ". (With the default the cache takes what is read and written up to its size, a quarter of memory.)"]


def growth_disk(result):
    rows = []
    for name, title in (("one", "C=1"), ("sixteen", "C=16")):
        r = result[name]
        rows.append([title, r["messages"], number(r["octets"] / r["messages"]), f"{r['written'] / r['octets']:.2f}", number(r["disk"] / r["messages"])])
    return ["### Octets written", "", "Delivered by LMTP, until after a checkpoint. `/proc/PID/io`.", "",
            *lines(["", "messages", "octets of a message", "octets written for each octet delivered", "octets of disk per message, log included"], rows)]


def growth_start(result):
    text = (f"Store of {result['octets'] / 2**30:.1f} GiB, {result['messages']:,} messages. Start until it answers, after a clean stop: "
            f"{seconds(result['clean_s'])}")
    if "cold_s" in result:
        text += f"; with an empty file cache: {result['cold_s']:.2f} s"
    return ["### Start and recovery", "", text + f"; after `kill -9` in the middle of deliveries over 16 connections and the mixed load over 16 more: "
            f"{seconds(result['killed_s'])}."]


def growth(results):
    out = [GROWTH[0], ""]
    parts = {"mailboxes": growth_mailboxes, "accounts": growth_accounts, "connections": growth_connections, "idle": growth_idle, "memory": growth_memory,
             "disk": growth_disk, "start": growth_start}
    for name, render_part in parts.items():
        if name in results:
            r = results[name]
            out += [*render_part(r["result"]), "", f"(`bench/growth --parts {name}`; revision {r['revision']}, {r['machine']}, load average before {r['load']})", ""]
    return "\n".join([*out, GROWTH[1]])
