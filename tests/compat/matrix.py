"""`./dev compat --all`: the matrix of clients, part by part.

A part is a named group of cases of one client. Its results are one small file, build/compat/all/PART.json, written after every case:
a run that was stopped goes on with the case it was at, and a part that is complete is not run again before --again says so. With
--only the cases that match are run again wherever they belong. At the end the table in docs/compatibility.md has a row for every
part that is complete; rows of clients that could not be had on this machine stay as they were.
"""

import datetime
import json
import os
import re
import subprocess

import cases_clients
import harness
import session

PAGE = os.path.join(harness.ROOT, "docs", "compatibility.md")
BEGIN, END = "<!-- matrix: written by ./dev compat --all -->", "<!-- matrix: end -->"
HEAD = ["| client | version | date | cases | passed on Weir | passed on Kafka | differences |", "|--|--|--|--:|--:|--:|--|"]


class Part:
    def __init__(self, name, client, version, pattern):
        self.name, self.client, self.version, self.pattern = name, client, version, re.compile(pattern)


def text_of(*path):
    with open(os.path.join(harness.HERE, *path), encoding="utf-8") as file:
        return file.read()


def first(pattern, text):
    found = re.search(pattern, text)
    return found.group(1) if found else "unknown"


def python_version(package):
    return lambda _: first(rf"(?m)^{package}==(\S+)", text_of("clients", "python", "requirements.txt"))


def go_version(folder, module):
    def version(clients):
        program = clients.get("go" if folder == "go" else folder)
        return first(rf"(?m)^\s*dep\s+{re.escape(module)}\s+v(\S+)", clients.shell(["go", "version", "-m", program]))
    return version


def kcat_version(_):
    said = subprocess.run(["kcat", "-V"], stdout=subprocess.PIPE, text=True).stdout
    return first(r"Version (\S+)", said) + ", librdkafka " + first(r"librdkafka (\S+)", said)


def suite_version(clients):
    with open(os.path.join(os.path.dirname(clients.get("suite")), "src", "rdkafka.h"), encoding="utf-8") as file:
        number = int(first(r"#define RD_KAFKA_VERSION\s+0x([0-9a-f]{8})", file.read()), 16)
    return f"{number >> 24}.{number >> 16 & 255}.{number >> 8 & 255}"


def fixed(text):
    return lambda _: text


PARTS = [
    Part("librdkafka-tests", "librdkafka's own tests", suite_version, r"suite_"),
    *(Part(f"java-clients-{version}", "Java kafka-clients", fixed(version), f"java{version.replace('.', '')}_")
      for version in cases_clients.JAVA_VERSIONS),
    Part("sarama", "sarama (Go)", go_version("sarama", "github.com/IBM/sarama"), r"sarama_"),
    Part("franz-go", "franz-go (Go)", go_version("go", "github.com/twmb/franz-go"), r"go_"),
    Part("rust", "rust-rdkafka", lambda _: first(r'(?m)^rdkafka = .*"=?([0-9.]+)"', text_of("clients", "rust", "Cargo.toml")), r"rust_"),
    Part("confluent-kafka", "confluent-kafka (Python)", python_version("confluent-kafka"), r"librdkafka_"),
    Part("kafka-python", "kafka-python", python_version("kafka-python"), r"purepython_"),
    Part("aiokafka", "aiokafka (Python)", python_version("aiokafka"), r"aiokafka_"),
    Part("kafkajs", "kafkajs (JavaScript)",
         lambda _: json.loads(text_of("clients", "node", "package.json"))["dependencies"]["kafkajs"], r"node_"),
    Part("kcat", "kcat", kcat_version, r"kcat_"),
    Part("java-tools", "Kafka's Java tools", fixed("4.3.1"), r"java_"),
    Part("ecosystem", "Kafka Streams, Connect, MirrorMaker 2", fixed("4.3.1"), r"streams_|connect_|mirror_"),
    Part("protocol", "the protocol itself (`tests/compat/wire.py`)", fixed("4.3.1"), r"behaviour_|lesson_|groups_|config_|delete_records_"),
    Part("directories", "data directories, restarts, files", fixed("4.3.1"), r"directories_|restart_|dump_"),
    Part("weir", "Weir's own client and command line", fixed("this tree"), r"weir_"),
    Part("others", "everything else", fixed("4.3.1"), r""),
]


def part_of(case):
    return next(part for part in PARTS if part.pattern.match(case.name))


def commit(program):
    """What the broker says that it was built from."""
    said = subprocess.run([program, "--version"], stdout=subprocess.PIPE, text=True).stdout
    return first(r"\(commit ([0-9a-f]+(?: with changes)?)\)", said).replace("unknown", "a build of its own")


def run(here, cases, folder):
    """Runs what is left of every part and writes the table; totals over all that is kept."""
    os.makedirs(folder, exist_ok=True)
    options = here.options
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    for part in PARTS:
        mine = [case for case in harness.CASES if part_of(case) is part]
        wanted = [case for case in mine if case in cases]
        if not wanted or (options.part and part.name != options.part):
            continue
        path = os.path.join(folder, part.name + ".json")
        kept = session.read_json(path)
        past = {case.name: kept["cases"][case.name] for case in mine if case.name in kept.get("cases", {})}    # some were renamed since
        if options.only:
            left = wanted
        elif options.again or (kept.get("program") != session.fingerprint(here.program) and not complete(kept, mine)):
            past, left = {}, mine
        else:
            left = [case for case in mine if past.get(case.name, {}).get("state") != "passed"] if not complete(kept, mine) else []
        if left:
            print(f"\n== part {part.name}: {len(left)} of {len(mine)} cases", flush=True)
            run_part(here, part, left, {"part": part.name, "program": session.fingerprint(here.program), "cases": past}, path)
        else:
            print(f"== part {part.name}: complete since {kept['date']} (--again runs it anew)", flush=True)
        names = {case.name for case in mine}
        for name, one in session.read_json(path)["cases"].items():
            if name in names:
                totals[one["state"]] += 1
    if not options.side:
        write_table(folder)
    return totals


def complete(kept, cases):
    return all(case.name in kept.get("cases", {}) for case in cases)


def run_part(here, part, cases, kept, path):
    build, date = commit(here.program), datetime.date.today().isoformat()

    def finished(case, state, remark, outcomes):
        kept["cases"][case.name] = {**session.recorded(state, remark, outcomes), "commit": build}
        kept["date"] = date
        session.write_json(path, kept)

    here.run(cases, finished)
    here.close_sides()      # the next part begins with fresh brokers
    try:
        kept["version"] = part.version(here.clients)
    except (harness.Skip, RuntimeError, OSError) as reason:
        kept["version"] = f"not here: {reason}"
    session.write_json(path, kept)


def cell(text):
    return " ".join(text.replace("|", "/").split())


def row_of(part, kept, names):
    """The part's line in the table, or None when it says nothing."""
    ran = {name: one for name, one in kept.get("cases", {}).items() if name in names and one["state"] != "skipped"}
    if not ran or set(names) - set(kept["cases"]) or any(len(one["sides"]) != 2 for one in ran.values()):
        return None
    skipped = len(names) - len(ran)
    ours = sum(one["state"] == "passed" for one in ran.values())
    theirs = sum(one["sides"]["kafka"]["state"] == "passed" for one in ran.values())
    reasons = {}
    for name, one in sorted(ran.items()):
        for reason in one["remark"].split("; ") if one["state"] == "passed" and one["remark"] else []:
            reasons.setdefault(reason.split(" differs on purpose: ")[-1], []).append(name)
    said = [f"{cell(reason)} ({len(where)})" for reason, where in reasons.items()]
    said += [f"**{name}**: {cell(one['remark'])[:160]}" for name, one in sorted(ran.items()) if one["state"] == "failed"]
    if skipped:
        said.append(f"{skipped} skipped")
    builds = sorted({one.get("commit", "unknown") for one in ran.values()})
    when = f"{kept['date']}, {builds[0]}" + (f" and {len(builds) - 1} more builds" if len(builds) > 1 else "")
    return f"| {part.client} | {kept.get('version', 'unknown')} | {when} | {len(ran)} | {ours} | {theirs} | {'; '.join(said) or 'none'} |"


def write_table(folder):
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    before, _, rest = page.partition(BEGIN)
    table, _, after = rest.partition(END)
    old = {tuple(entry.strip() for entry in line.split("|")[1:3]): line for line in table.splitlines()[2:] if line.startswith("|")}
    rows = []
    for part in PARTS:
        names = [case.name for case in harness.CASES if part_of(case) is part]
        kept = session.read_json(os.path.join(folder, part.name + ".json"))
        row = row_of(part, kept, names)
        if not row:     # what was measured elsewhere or before stays
            rows += [line for key, line in old.items() if key[0] == part.client and (part.client != "Java kafka-clients" or key[1] in part.name)]
            continue
        rows.append(row)
    text = before + BEGIN + "\n" + "\n".join([*HEAD, *rows]) + "\n" + END + after
    if text != page:
        with open(PAGE, "w", encoding="utf-8") as file:
            file.write(text)
        print("docs/compatibility.md: the table of clients is written anew", flush=True)
