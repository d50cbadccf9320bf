"""What stands on top of Kafka, unmodified, against either broker: the rest of its tools, Streams, Connect, MirrorMaker 2."""

import collections
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
from harness import PEER, Kafka, case, free_ports


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


def of_set(t, jars, name, *words, **environment):
    return Program(t, [PEER, "run", jars, name, *map(str, words)], **environment)


def properties(t, label, **entries):
    """A properties file of this case; keys use __ for the dots."""
    path = os.path.join(t.folder, f"{t.side.name}-{t.name}-{label}.properties")
    with open(path, "w", encoding="utf-8") as file:
        for key, value in entries.items():
            file.write(f"{key.replace('__', '.')}={value}\n")
    return path


def lines_of(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []


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


# -- Kafka Streams


@case(limit=150, smoke=False)
def streams_wordcount(t):
    """Kafka Streams' WordCount example: right counts, also after it is stopped and started again; then its reset tool."""
    for topic in ("streams-plaintext-input", "streams-wordcount-output"):
        made = t.call("CreateTopics", 7, {"TimeoutMs": 10000, "Topics": [{"Name": topic, "NumPartitions": 2, "ReplicationFactor": 1}]})
        assert made["Topics"][0]["ErrorCode"] == 0, made
        t.await_topic(topic, 2)
    counted, wanted = {}, collections.Counter()
    config = properties(t, "app", bootstrap__servers=t.bootstrap, state__dir=os.path.join(t.folder, f"{t.side.name}-wordcount"))

    def look():
        for partition in range(2):
            for row in read_all(t, "streams-wordcount-output", partition):
                counted[row[2].decode()] = int.from_bytes(row[3], "big")
        return counted == dict(wanted)
    for text in ("all streams lead to kafka\nhello kafka streams", "join kafka summit\nall streams"):
        with of_set(t, "streams", "org.apache.kafka.streams.examples.wordcount.WordCountDemo", config) as program:
            for number, line in enumerate(text.splitlines()):
                assert t.produce("streams-plaintext-input", wire.batch([(None, line.encode())]), partition=number % 2)["ErrorCode"] == 0
                wanted.update(line.split())
            program.until("the words are counted", look, pause=1)
            program.stop()
    t.note("counts", sorted(counted.items()))
    topics = [line for line in t.topics_tool("--list").out.split() if line.startswith("streams-wordcount-")]
    t.note("its topics", topics)
    described = t.topics_tool("--describe", "--topic", [name for name in topics if name.endswith("changelog")][0]).out
    t.note("the changelog is compacted", "cleanup.policy=compact" in described)
    t.java("StreamsResetter", "--application-id", "streams-wordcount", "--input-topics", "streams-plaintext-input", "--force")
    t.until(lambda: not [line for line in t.topics_tool("--list").out.split() if line.endswith(("changelog", "repartition"))])
    t.note("reset", [committed(t, "streams-wordcount", "streams-plaintext-input", index)[0] for index in range(2)])


SMOKE_TOPICS = "echo data min min-suppressed min-raw max sum sws-raw sws-suppressed dif cnt avg wcnt tagg fk".split()


def streams_smoke(t, disturb):
    """What the driver of Kafka Streams' smoke test printed."""
    def known():
        return [topic["Name"] for topic in t.call("Metadata", 12, {"Topics": None})["Topics"]
                if topic["Name"] in SMOKE_TOPICS or topic["Name"].startswith("SmokeTest-")]
    for name in known():        # of a run before this one
        t.call("DeleteTopics", 6, {"TimeoutMs": 5000, "Topics": [{"Name": name}]})
    t.until(lambda: not known())
    coordinator_ready(t, "SmokeTest")
    t.until(lambda: t.call("DeleteGroups", 2, {"GroupsNames": ["SmokeTest"]})["Results"][0]["ErrorCode"] in (0, 69))
    for topic in SMOKE_TOPICS:
        made = t.call("CreateTopics", 7, {"TimeoutMs": 10000, "Topics": [{"Name": topic, "NumPartitions": 5, "ReplicationFactor": 1}]})
        assert made["Topics"][0]["ErrorCode"] == 0, made
    t.await_topic("tagg", 5)
    config = properties(t, "app", bootstrap__servers=t.bootstrap, state__dir=os.path.join(t.folder, f"{t.side.name}-{t.name}"), num__stream__threads=2,
                        processing__guarantee="at_least_once", replication__factor=1, acks="all", auto__offset__reset="earliest")
    smoke = "org.apache.kafka.streams.tests.StreamsSmokeTest"
    with of_set(t, "streams-tests", smoke, config, "run") as driver, of_set(t, "streams-tests", smoke, config, "process") as app:
        begin, waiting = time.monotonic(), list(disturb)
        while driver.process.poll() is None:
            assert app.process.poll() is None, f"the application ended: {app.lines[-3:]} {app.errors[-8:]}"
            assert t.left() > 5, f"{driver.lines[-5:]} {app.errors[-3:]}"
            if waiting and time.monotonic() - begin > waiting[0][0]:
                t.restart(kill=waiting.pop(0)[1])
            time.sleep(1)
        time.sleep(0.5)
        app.stop()
        return driver.lines


@case(limit=540, smoke=False)
def streams_smoke_driver(t):
    """Kafka Streams' self-checking smoke test with at_least_once: windows, joins, aggregates; its driver judges the results."""
    lines = streams_smoke(t, ())
    verdict = [line for line in lines if line in ("SUCCESS", "FAILURE")]
    assert verdict == ["SUCCESS"], lines[-20:]
    t.note("verdict", verdict)


@case(limit=540, smoke=False)
def streams_smoke_over_restarts(t):
    """The same while the broker stops and is killed: nothing is lost, though some records may count twice with at_least_once."""
    lines = streams_smoke(t, ((40, False), (65, True)))
    said = [word for line in lines for word in ("ALL-RECORDS-DELIVERED", "PROCESSED-MORE-THAN-GENERATED") if word in line]
    assert said and "SUCCESS" in lines or "PROCESSED-MORE-THAN-GENERATED" in said, lines[-20:]
    t.note("nothing is lost", bool(said))


# -- Kafka Connect


@case(limit=180, smoke=False)
def connect_file_source_and_sink(t):
    """Connect standalone, file to topic to file: every line once and in order, also after the worker is stopped and started."""
    name = t.topic()
    folder = os.path.join(t.folder, f"{t.side.name}-connect")
    os.makedirs(folder)
    source, sink = os.path.join(folder, "in.txt"), os.path.join(folder, "out.txt")
    string = "org.apache.kafka.connect.storage.StringConverter"
    rest = free_ports(1)
    worker = properties(t, "worker", bootstrap__servers=t.bootstrap, key__converter=string, value__converter=string,
                        offset__storage__file__filename=os.path.join(folder, "offsets"), offset__flush__interval__ms=1000,
                        listeners=f"http://127.0.0.1:{rest}")
    files = properties(t, "source", name="file-source", connector__class="FileStreamSource", tasks__max=1, file=source, topic=name), \
        properties(t, "sink", name="file-sink", connector__class="FileStreamSink", tasks__max=1, file=sink, topics=name)
    written = []

    def write(count):
        lines = [f"line {len(written) + number}" for number in range(count)]
        with open(source, "a", encoding="utf-8") as file:
            file.write("".join(line + "\n" for line in lines))
        written.extend(lines)
    write(500)
    for _ in range(2):
        with of_set(t, "connect", "org.apache.kafka.connect.cli.ConnectStandalone", worker, *files) as program:
            program.until("the lines are there", lambda: len(lines_of(sink)) >= len(written))
            write(100)
            program.until("the new lines are there", lambda: len(lines_of(sink)) >= len(written))
            program.until("the position is stored", lambda: committed(t, "connect-file-sink", name)[0] == len(written))
            time.sleep(1.5)     # the source's position goes to a file once a second
            program.stop()
        write(50)
    with of_set(t, "connect", "org.apache.kafka.connect.cli.ConnectStandalone", worker, *files) as program:
        program.until("the lines written meanwhile are there", lambda: len(lines_of(sink)) >= len(written))
        program.stop()
    assert lines_of(sink) == written, (len(lines_of(sink)), len(written))
    t.note("in the topic", t.list_offset(name, -1)["Offset"])


# -- MirrorMaker 2


@case(limit=400, smoke=False)
def mirror_both_ways_with_kafka(t):
    """MirrorMaker 2 between this broker (A) and a real Kafka of its own (B), both ways: records, settings and group positions
    arrive on the other side, and a second run goes on where the first ended."""
    other = Kafka(os.path.join(t.folder, f"{t.side.name}-mirror"), ["log.cleaner.dedupe.buffer.size=8388608"])
    other.environment["KAFKA_HEAP"] = "256m"
    other.start()
    try:
        far = type(t)(other, t.definitions, t.clients, t.name, t.left(), t.folder)
        mine, theirs = t.topic("a", partitions=3, retention_ms=123456789, segment_bytes=1048577), far.topic("b", partitions=3)
        start = wire.now_ms() - 60_000

        def write(side, topic, first, count):
            for number in range(first, first + count):
                data = wire.batch([(b"k%d" % number, b"v%d" % number, ((b"h", b"%d" % number),), 0)], first_timestamp=start + number)
                assert side.produce(topic, data, partition=number % 3)["ErrorCode"] == 0
        write(t, mine, 0, 300)
        write(far, theirs, 0, 300)
        group = t.topic_name("g")
        for side, topic in ((t, mine), (far, theirs)):
            coordinator_ready(side, group)
            assert commit(side, group, topic, 100) == 0
        config = properties(t, "mm2", clusters="A,B", **{
            "A.bootstrap.servers": t.bootstrap, "B.bootstrap.servers": far.bootstrap, "A->B.enabled": "true", "B->A.enabled": "true",
            "A->B.topics": mine, "B->A.topics": theirs, "A->B.groups": group, "B->A.groups": group, "replication.factor": 1,
            "checkpoints.topic.replication.factor": 1, "heartbeats.topic.replication.factor": 1, "offset-syncs.topic.replication.factor": 1,
            "offset.storage.replication.factor": 1, "status.storage.replication.factor": 1, "config.storage.replication.factor": 1,
            "refresh.topics.interval.seconds": 2, "refresh.groups.interval.seconds": 2, "sync.topic.configs.interval.seconds": 2,
            "sync.group.offsets.enabled": "true", "sync.group.offsets.interval.seconds": 2, "emit.checkpoints.interval.seconds": 2,
            "offset.lag.max": 0, "dedicated.mode.enable.internal.rest": "false", "offset.flush.interval.ms": 1000})
        ways = ((t, mine, far, f"A.{mine}"), (far, theirs, t, f"B.{theirs}"))

        def end(side, topic):
            found = side.call("Metadata", 12, {"Topics": [{"Name": topic}], "AllowAutoTopicCreation": False})["Topics"][0]
            if found["ErrorCode"] or len(found["Partitions"]) != 3:
                return -1
            return sum(side.list_offset(topic, -1, partition=index)["Offset"] for index in range(3))
        for total in (300, 600):
            with of_set(t, "connect", "org.apache.kafka.connect.mirror.MirrorMaker", config) as program:
                program.until("everything is mirrored", lambda: all(end(to, copy) >= total for _, _, to, copy in ways), pause=0.5)
                program.until(f"positions are mirrored, {total}", lambda: all(
                    committed(to, group, copy)[0] == committed(at, group, topic)[0] for at, topic, to, copy in ways), pause=0.5)
                time.sleep(2)     # the source's position is stored once a second
                program.stop()
            for at, topic, to, copy in ways:
                assert end(to, copy) == total, (copy, end(to, copy), "records came twice")
                for index in range(3):
                    assert read_all(at, topic, index) == read_all(to, copy, index), (topic, index)
                if total == 300:
                    write(at, topic, 300, 300)
                    assert commit(at, group, topic, 200) == 0     # older positions are translated to about where they were
        got = far.call("DescribeConfigs", 4, {"Resources": [{"ResourceType": 2, "ResourceName": f"A.{mine}", "ConfigurationKeys": [
            "retention.ms", "segment.bytes"]}]})["Results"][0]["Configs"]
        t.note("settings of A's topic on B", sorted((one["Name"], one["Value"]) for one in got))
        names = {topic["Name"] for topic in t.call("Metadata", 12, {"Topics": None})["Topics"]}
        t.note("MirrorMaker's topics on A", sorted(name for name in names if name.startswith(("mm2-", "heartbeats", "B.")) or "checkpoints" in name))
        far.close()
    finally:
        other.wipe()
