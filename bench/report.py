# SPDX-License-Identifier: BSD-2-Clause
"""From the results of a run to the tables of doc/performance.md. What stands between the two markers is replaced, the rest is kept."""
import statistics

BEGIN, END = "<!-- compare: begin -->", "<!-- compare: end -->"

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
    if not row.less_is_better:
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
        if row.key == "store_1" and run.get("flushes") and median(row, cells.get("holdfast")):
            out.append(of_the_disk(median(row, cells["holdfast"]), run["flushes"], names))
    return out


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
    if run["failures"]:
        out += ["", "### What failed", "", *[f"- {line}" for line in run["failures"]]]
    out += ["", END]
    return "\n".join(out)


def write(path, rows, run):
    block = render(rows, run)
    try:
        with open(path, encoding="utf-8") as f:
            text = f.read()
    except FileNotFoundError:
        text = f"# Performance\n\n{BEGIN}\n{END}\n"
    if BEGIN not in text or END not in text:
        raise RuntimeError(f"{path} has no place for the tables ({BEGIN} ... {END})")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    with open(path, "w", encoding="utf-8") as f:
        f.write(head + block + tail)
