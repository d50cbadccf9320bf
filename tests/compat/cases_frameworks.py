"""What stands on top of Kafka, unmodified, against either broker: Streams, Connect, MirrorMaker 2."""

import collections
import os
import time

import wire
from cases_ecosystem import Program, properties, read_all
from cases_groups import commit, committed, coordinator_ready
from harness import PEER, Kafka, case, free_ports


def of_set(t, jars, name, *words, **environment):
    return Program(t, [PEER, "run", jars, name, *map(str, words)], **environment)


def lines_of(path):
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().splitlines()
    except OSError:
        return []


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
