"""The rest of Kafka's own tools, unmodified, against either broker."""

import json
import os
import re
import signal
import subprocess
import threading
import time

import wire
from cases_groups import commit, committed, coordinator_ready
from cases_members import Group
from harness import PEER, case


class Program:
    """A Java program that runs until it is told to stop; its lines are kept. None outlives the case."""

    def __init__(self, t, line, **environment):
        self.t, self.lines, self.errors = t, [], []
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        cwd=t.folder, env={**os.environ, "TOOL_HEAP": "256m", **environment})
        for stream, kept in ((self.process.stdout, self.lines), (self.process.stderr, self.errors)):
            threading.Thread(target=lambda stream=stream, kept=kept: kept.extend(line.rstrip("\n") for line in stream), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def stop(self):
        """As a service manager does; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not stop in 40 s of SIGTERM; it said: {self.errors[-5:]}") from None

    def until(self, what, condition, pause=0.2):
        while not condition():
            assert self.process.poll() is None, f"{what}: it ended with {self.process.returncode}: {self.lines[-3:]} {self.errors[-8:]}"
            assert self.t.left() > 2, f"{what}: {self.lines[-3:]} {self.errors[-8:]}"
            time.sleep(pause)

    def told(self, kind):
        """The JSON lines of one kind that a verifiable client wrote."""
        return [row for row in map(json.loads, [line for line in list(self.lines) if line.startswith("{")]) if row["name"] == kind]


def properties(t, label, **entries):
    """A properties file of this case; keys use __ for the dots."""
    path = os.path.join(t.folder, f"{t.side.name}-{t.name}-{label}.properties")
    with open(path, "w", encoding="utf-8") as file:
        for key, value in entries.items():
            file.write(f"{key.replace('__', '.')}={value}\n")
    return path


def read_all(t, topic, partition=0):
    """(offset, timestamp, key, value, headers) of every record."""
    rows, at = [], t.list_offset(topic, -2, partition=partition)["Offset"]
    end = t.list_offset(topic, -1, partition=partition)["Offset"]
    while at < end:
        got = wire.batches(t.fetch_one(topic, at, partition)["Records"])
        rows += [row for one in got for row in one.records() if row[0] >= at]
        at = got[-1].last_offset + 1
    return rows


# -- the tools


@case(limit=60, smoke=False)
def java_client_compatibility_test(t):
    """ClientCompatibilityTest of Kafka's system tests (in its published tools): everything that it knows is supported."""
    name = t.topic()
    done = t.java("ClientCompatibilityTest", "--topic", name, "--offsets-for-times-supported", "True", "--cluster-id-supported", "True",
                  "--expect-record-too-large-exception", "False", "--num-cluster-nodes", "1", "--create-topics-supported", "True",
                  "--describe-acls-supported", "True", "--describe-configs-supported", "True", "--idempotent-producer-supported", "True")
    t.note("said", [line for line in (done.out + done.err).splitlines() if "SUCCESS" in line or "supported" in line])


@case(limit=60, smoke=False)
def java_acls_without_authorizer(t):
    """AclCommand is told that there is no authorizer, whatever it asks."""
    for key, words in {"list": ("--list",), "add": ("--add", "--allow-principal", "User:a", "--operation", "Read", "--topic", "x"),
                       "remove": ("--remove", "--force", "--topic", "x")}.items():
        done = t.java("AclCommand", *words, check=False)
        t.note(key, sorted(set(re.findall(r"(\w+Exception): No [Aa]uthorizer", done.out + done.err))))


@case(limit=60, smoke=False)
def java_features_and_groups(t):
    """FeatureCommand describes what is finalized; GroupsCommand lists groups by type and protocol."""
    out = t.java("FeatureCommand", "describe").out
    t.note("features", sorted(line.split()[1] for line in out.splitlines() if line.startswith("Feature:")),
           differs="only features that are served in full are named")
    assert "metadata.version" in out
    assert "metadata.version" in t.java("FeatureCommand", "describe", "--node-id", 1).out
    group = t.topic_name("g")
    coordinator_ready(t, group)
    assert commit(t, group, t.topic(), 1) == 0
    for words in ((), ("--group-type", "classic"), ("--group-type", "consumer"), ("--protocol", "consumer"), ("--consumer",)):
        rows = [line.split() for line in t.java("GroupsCommand", "--list", *words).out.splitlines()]
        t.note(f"groups {words}", [row[1:] for row in rows if row and row[0] == group])


@case(limit=90, smoke=False)
def java_topics_filters(t):
    """TopicCommand's filters: own settings, partitions that lack replicas or leaders, no internal topics."""
    name = t.topic(retention_ms=4242, min_insync_replicas=1)
    coordinator_ready(t, t.topic_name("g"))     # there is an internal topic now
    for words in (("--topics-with-overrides",), ("--under-replicated-partitions",), ("--unavailable-partitions",),
                  ("--under-min-isr-partitions",), ("--at-min-isr-partitions",)):
        out = t.topics_tool("--describe", "--topic", name, *words).out
        t.note(words[0], [re.sub(r"TopicId: \S+|min.insync.replicas=1,?", "", line.replace(name, "TOPIC")).split() for line in out.splitlines()])
    every, own = (t.topics_tool("--list", *words).out.split() for words in ((), ("--exclude-internal",)))
    t.note("internal", ("__consumer_offsets" in every, "__consumer_offsets" in own, name in own))


@case(limit=90, smoke=False)
def java_tools_with_files(t):
    """Settings of a client and of a topic out of files; offsets of several topics at once; load after a warm-up."""
    one, two = t.topic("a", partitions=2), t.topic("b")
    client = properties(t, "client", client__id="from-a-file", request__timeout__ms=20000)
    settings = properties(t, "topic", retention__ms=5151, cleanup__policy="compact,delete")
    t.java("ConfigCommand", "--command-config", client, "--alter", "--entity-type", "topics", "--entity-name", one, "--add-config-file", settings)
    out = t.java("ConfigCommand", "--command-config", client, "--describe", "--entity-type", "topics", "--entity-name", one).out
    t.note("settings", sorted(line.strip() for line in out.splitlines()[1:]))
    out = t.java("ProducerPerformance", "--topic", two, "--num-records", 3000, "--record-size", 50, "--throughput", -1, "--warmup-records", 1000).out
    t.note("summary", [line.split(",")[0].replace("records sent", "") for line in out.strip().splitlines()][-1:])
    offsets = t.java("GetOffsetShell", "--command-config", client, "--topic-partitions", f"{one}:0-2,{two}:0").out
    t.note("offsets", sorted(offsets.replace(one, "ONE").replace(two, "TWO").split()))


def group_rows(t, name, group, *words, check=True):
    """ConsumerGroupCommand: its rows as words, with names that are the same on both sides."""
    done = t.java("ConsumerGroupCommand", *words, check=check)
    text = (done.out + done.err).replace(group, "GROUP").replace(name, "TOPIC").replace(f"127.0.0.1:{t.port}", "ADDRESS").replace(f"localhost:{t.port}", "ADDRESS")
    return [line.split() for line in text.splitlines() if line.strip()]


@case(limit=120, smoke=False)
def java_consumer_groups_describe(t):
    """ConsumerGroupCommand describes a live and an empty group in every form: offsets, members, assignments, state, all groups."""
    with Group(t, 2) as group:
        group.produce(3)
        member = group.add("librdkafka")
        group.await_shared(member)
        group.await_read()
        group.produce(2)
        group.await_read()

        def ask(key, *words):
            rows = group_rows(t, group.topic, group.name, *words, "--timeout", "20000")
            rows = [[re.sub(r"^rdkafka-[0-9a-f-]{36}$", "MEMBER", word) for word in row] for row in rows
                    if row[0] in ("GROUP", "Consumer") or "GROUP" in row]
            t.note(key, rows)
            assert rows, key
        for live in ("live", "empty"):
            for form in ((), ("--members",), ("--members", "--verbose"), ("--state",), ("--offsets", "--verbose")):
                ask(f"{live} {' '.join(form)}", "--describe", "--group", group.name, *form)
            if live == "live":
                listed = t.java("ConsumerGroupCommand", "--list", "--state", "Stable").out
                t.note("listed as stable", [line.split()[1:] for line in listed.splitlines() if line.startswith(group.name)])
                member.leave()
                t.until(lambda: group.described()[0] == "Empty")
        everything = t.java("ConsumerGroupCommand", "--describe", "--all-groups").out
        t.note("among all groups", len([line for line in everything.splitlines() if line.startswith(group.name)]))
        missing = t.java("ConsumerGroupCommand", "--describe", "--group", group.name + "-none", check=False)
        t.note("no such group", (missing.returncode, re.findall(r"\w+Exception|does not exist", missing.out + missing.err)[:1]))


@case(limit=150, smoke=False)
def java_consumer_groups_reset_offsets(t):
    """ConsumerGroupCommand --reset-offsets by every option, tried (--dry-run) and done (--execute), for partitions and all topics."""
    name = t.topic(partitions=2)
    start = wire.now_ms() - 3 * 3_600_000
    for partition in range(2):
        for hour in range(3):
            assert t.produce(name, wire.batch([(b"k", b"%d" % hour, (), offset) for offset in range(4)],
                                              first_timestamp=start + hour * 3_600_000 + 60_000), partition=partition)["ErrorCode"] == 0
    group = t.topic_name("g")
    coordinator_ready(t, group)
    for partition in range(2):
        assert commit(t, group, name, 5, partition=partition) == 0
    iso = time.strftime("%Y-%m-%dT%H:%M:%S.000", time.gmtime((start + 3_600_000) / 1000))
    plan = os.path.join(t.folder, f"{t.side.name}-plan.csv")
    with open(plan, "w", encoding="utf-8") as file:
        file.write(f'"{group}","{name}",0,2\n"{group}","{name}",1,9\n')
    forms = {"to-earliest": ("--to-earliest",), "to-latest": ("--to-latest",), "to-offset": ("--to-offset", 7), "to-offset beyond": ("--to-offset", 700),
             "shift-by": ("--shift-by", -3), "shift-by beyond": ("--shift-by", 99), "by-duration": ("--by-duration", "PT1H30M"),
             "to-datetime": ("--to-datetime", iso), "to-current": ("--to-current",), "from-file": ("--from-file", plan)}
    for key, words in forms.items():
        where = () if key == "from-file" else ("--topic", name) if key != "to-current" else ("--all-topics",)
        rows = group_rows(t, name, group, "--group", group, "--reset-offsets", *where, *words, "--execute")
        t.note(key, (sorted(row for row in rows if row[0] in ("GROUP", "TOPIC")), [committed(t, group, name, index)[0] for index in range(2)]))
    dry = group_rows(t, name, group, "--group", group, "--reset-offsets", "--topic", f"{name}:1", "--to-earliest", "--dry-run")
    t.note("dry run of one partition", (sorted(row for row in dry if row[0] in ("GROUP", "TOPIC")), committed(t, group, name, 1)[0]))
    exported = t.java("ConsumerGroupCommand", "--group", group, "--reset-offsets", "--all-topics", "--to-latest", "--export", "--dry-run").out
    t.note("exported", sorted(exported.replace(name, "TOPIC").replace(group, "GROUP").split()))


@case(limit=90, smoke=False)
def java_consumer_groups_delete(t):
    """ConsumerGroupCommand deletes offsets of a topic and of one partition, groups one and many, and says what it could not."""
    one, two = t.topic("a", partitions=2), t.topic("b")
    groups = [t.topic_name(f"g{index}") for index in range(3)]
    coordinator_ready(t, groups[0])
    for group in groups:
        t.until(lambda: commit(t, group, one, 3) == 0)
        assert commit(t, group, one, 3, partition=1) == 0 and commit(t, group, two, 3) == 0

    def ask(*words):
        done = t.java("ConsumerGroupCommand", *words, check=False)
        text = done.out + done.err
        for index, group in enumerate(groups):
            text = text.replace(group, f"GROUP{index}")
        text = text.replace(one, "ONE").replace(two, "TWO")
        return done.returncode, sorted(re.findall(r"(?:ONE|TWO) +\d+ +\w+|\w+Exception|Deletion of [\w ]+|successful\w*", text))
    t.note("one partition", ask("--group", groups[0], "--delete-offsets", "--topic", f"{one}:0"))
    t.note("a topic", ask("--group", groups[0], "--delete-offsets", "--topic", two))
    t.note("unknown topic", ask("--group", groups[0], "--delete-offsets", "--topic", "no-such-topic"))
    t.note("left", [committed(t, groups[0], topic, index)[0] for topic, index in ((one, 0), (one, 1), (two, 0))])
    t.note("unknown group", ask("--group", groups[0] + "-none", "--delete-offsets", "--topic", one))
    t.note("delete two, one unknown", ask("--delete", "--group", groups[0], "--group", groups[1], "--group", "nobody-at-all"))
    listed = t.java("ConsumerGroupCommand", "--list").out.split()
    t.note("listed", [group in listed for group in groups])


@case(limit=90, smoke=False)
def java_consumer_performance(t):
    """ConsumerPerformance reads 20,000 records of three partitions as a group, and prints its table."""
    name = t.topic(partitions=3)
    t.java("ProducerPerformance", "--topic", name, "--num-records", 20000, "--record-size", 100, "--throughput", -1)
    out = t.java("ConsumerPerformance", "--topic", name, "--num-records", 20000, "--timeout", 20000, "--group", t.topic_name("g")).out
    head, row = [line.split(", ") for line in out.splitlines() if line.count(", ") > 5]
    t.note("columns", head)
    counted = int(row[head.index("data.consumed.in.nMsg")])
    assert counted == 20000, row


@case(limit=60, smoke=False)
def java_end_to_end_latency(t):
    """EndToEndLatency: 300 records there and back one by one, acks=1 and acks=all; how long it took is printed, not compared."""
    for acks in ("1", "all"):
        name = t.topic(acks)
        out = t.java("EndToEndLatency", "--topic", name, "--num-records", 300, "--producer-acks", acks, "--record-size", 100).out
        t.note(f"acks={acks}", sorted(re.sub(r"[\d.,]+", "N", line.split("\t")[0]) for line in out.splitlines() if "atency" in line or "ercentiles" in line))
        assert t.list_offset(name, -1)["Offset"] == 300


def acknowledged(program):
    """{(partition, offset): value} of what a verifiable producer was told is stored."""
    return {(row["partition"], row["offset"]): row["value"] for row in program.told("producer_send_success")}


@case(limit=180, smoke=False)
def java_verifiable_producer_over_restarts(t):
    """VerifiableProducer while its broker stops, is killed, and starts again: what it was told is stored is there, at that offset."""
    name = t.topic(partitions=2)
    line = [PEER, "tool", "VerifiableProducer", "--bootstrap-server", t.bootstrap, "--topic", name, "--throughput", "300", "--acks", "-1"]
    with Program(t, line) as program:
        program.until("first records", lambda: len(program.lines) > 300)
        for kill in (False, True):
            t.restart(kill=kill)
            t.await_topic(name, 2)
            count = len(acknowledged(program))
            program.until("records after a restart", lambda: len(acknowledged(program)) > count + 300)
        program.stop()
        stored = {}
        for partition in range(2):
            stored.update(((partition, row[0]), row[3].decode()) for row in read_all(t, name, partition))
        wanted = acknowledged(program)
        missing = [place for place, value in wanted.items() if stored.get(place) != value]
        assert not missing, f"{len(missing)} of {len(wanted)} acknowledged records are not there: {missing[:5]}"
        t.note("enough", len(wanted) > 900)


@case(limit=180, smoke=False)
def java_verifiable_consumer_over_restarts(t):
    """VerifiableConsumer in a group while its broker stops, is killed, and starts again: every record is read, positions are kept."""
    name = t.topic(partitions=2)
    group = t.topic_name("g")
    coordinator_ready(t, group)
    written = 0

    def write(count):
        nonlocal written
        for number in range(count):
            assert t.produce(name, wire.batch([(None, b"%d" % (written + number))]), partition=number % 2)["ErrorCode"] == 0
        written += count
    line = [PEER, "tool", "VerifiableConsumer", "--bootstrap-server", t.bootstrap, "--topic", name, "--group-id", group, "--verbose",
            "--reset-policy", "earliest", "--session-timeout", "20000"]
    with Program(t, line) as program:
        def values():
            return {int(row["value"]) for row in program.told("record_data")}
        write(100)
        program.until("the first records", lambda: len(values()) == 100)
        for kill in (False, True):
            t.restart(kill=kill)
            t.await_topic(name, 2)
            write(100)
            program.until("records after a restart", lambda: len(values()) == written)
        coordinator_ready(t, group)
        program.until("everything is committed", lambda: sum(committed(t, group, name, index)[0] for index in range(2)) == written)
        program.stop()
        assert values() == set(range(written))
        t.note("it left", t.call("DescribeGroups", 5, {"Groups": [group]})["Groups"][0]["GroupState"])
