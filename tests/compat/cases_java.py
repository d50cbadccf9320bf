"""Kafka's own Java tools, unmodified, against either broker."""

import re
import time

from harness import case

LINES = "".join(f"k{index}\tvalue {index}\n" for index in range(50))


def refusal(done):
    """The Java exception that a refused command ended with. The words are each broker's own; that there are some is not."""
    line = [line for line in done.out.splitlines() if line.startswith("Error while")][0]
    assert len(line.split(" : ", 1)[1]) > 10, line
    return re.search(r"org\.apache\.kafka\.common\.\w+\.(\w+Exception)", done.err + done.out).group(1)


def produce_lines(t, name, text=LINES, *extra):
    t.java("ConsoleProducer", "--topic", name, "--reader-property", "parse.key=true", *extra, input=text)


def consume_lines(t, name, count, *extra, partition=0, offset="earliest"):
    return t.java("ConsoleConsumer", "--topic", name, "--partition", partition, "--offset", offset, "--max-messages", count,
                  "--timeout-ms", 15000, "--formatter-property", "print.key=true", *extra).out


@case()
def java_topics_create_list_describe_delete(t):
    """TopicCommand through a topic's whole life; describe prints the same on both sides."""
    name = t.topic_name()
    out = t.topics_tool("--create", "--topic", name, "--partitions", 3, "--replication-factor", 1,
                        "--config", "retention.ms=3600000", "--config", "cleanup.policy=compact").out
    assert f"Created topic {name}." in out
    assert name in t.topics_tool("--list").out.split()
    described = t.topics_tool("--describe", "--topic", name).out
    described = re.sub(r"TopicId: \S+", "TopicId: ID", described)
    head, *rows = described.replace("\t", " ").splitlines()
    # without what Kafka's eligible leader replicas add
    t.note("configs", sorted(entry for entry in head.split("Configs: ")[1].split(",") if not entry.startswith("min.insync.replicas=")))
    t.note("head", head.split("Configs: ")[0])
    t.note("rows", rows)
    assert described.count("Partition: ") == 3
    t.topics_tool("--delete", "--topic", name)
    deadline = time.monotonic() + 5
    while name in t.topics_tool("--list").out.split():
        assert time.monotonic() < deadline
    missing = t.topics_tool("--describe", "--topic", name, check=False)
    assert missing.returncode == 1 and "does not exist as expected" in missing.out + missing.err


@case()
def java_topics_alter_partitions(t):
    """--alter --partitions grows a topic; shrinking is refused with the broker's sentence."""
    name = t.topic(partitions=2)
    t.topics_tool("--alter", "--topic", name, "--partitions", 5)
    t.await_topic(name, 5)
    refused = t.topics_tool("--alter", "--topic", name, "--partitions", 3, check=False)
    assert refused.returncode == 1
    t.note("exception", refusal(refused))


@case()
def java_topics_create_refusals(t):
    """What TopicCommand prints for an existing topic, a bad name, bad replication, a bad config."""
    name = t.topic()
    for key, args in {"exists": (name,), "replication": (name + "x", "--replication-factor", 3),
                      "config": (name + "y", "--config", "retention.ms=soon")}.items():
        refused = t.topics_tool("--create", "--topic", *args, check=False)
        assert refused.returncode == 1, key
        t.note(key, refusal(refused))


@case(limit=60)
def java_configs_topic(t):
    """ConfigCommand describes, sets and deletes a topic's settings, with source and synonyms."""
    name = t.topic()
    t.java("ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", name,
           "--add-config", "retention.ms=1234567,max.message.bytes=2000000")
    out = t.java("ConfigCommand", "--describe", "--entity-type", "topics", "--entity-name", name).out
    t.note("own", sorted(line.strip() for line in out.splitlines()[1:]))
    assert "retention.ms=1234567" in out
    t.java("ConfigCommand", "--alter", "--entity-type", "topics", "--entity-name", name, "--delete-config", "retention.ms")
    out = t.java("ConfigCommand", "--describe", "--entity-type", "topics", "--entity-name", name).out
    assert "retention.ms" not in out and "max.message.bytes=2000000" in out
    full = t.java("ConfigCommand", "--describe", "--all", "--entity-type", "topics", "--entity-name", name).out
    names = sorted(line.split("=")[0].strip() for line in full.splitlines()[1:] if "=" in line)
    t.note("all names", [name for name in names if not name.startswith("weir.")])


@case(limit=60)
def java_configs_broker(t):
    """ConfigCommand sets and removes a dynamic broker setting and a cluster-wide default."""
    for entity in (("--entity-name", "1"), ("--entity-default",)):
        t.java("ConfigCommand", "--alter", "--entity-type", "brokers", *entity, "--add-config", "log.cleaner.threads=2")
        try:
            out = t.java("ConfigCommand", "--describe", "--entity-type", "brokers", *entity).out
            t.note(f"described {entity}", sorted(line.strip() for line in out.splitlines()[1:] if "log.cleaner.threads" in line))
            assert "log.cleaner.threads=2" in out
        finally:
            t.java("ConfigCommand", "--alter", "--entity-type", "brokers", *entity, "--delete-config", "log.cleaner.threads")
        out = t.java("ConfigCommand", "--describe", "--entity-type", "brokers", *entity).out
        assert "log.cleaner.threads=2" not in out


@case(limit=60)
def java_offsets_special_times(t):
    """GetOffsetShell: earliest, latest, max-timestamp, earliest-local, latest-tiered, and a time."""
    name = t.topic(partitions=2)
    import wire
    start = wire.now_ms() - 60000
    t.produce(name, wire.batch([(None, b"a", (), 0), (None, b"b", (), 5000), (None, b"c", (), 1000)], first_timestamp=start))
    for when in ("earliest", "latest", "max-timestamp", "earliest-local", "latest-tiered", "earliest-pending-upload", start + 500):
        done = t.java("GetOffsetShell", "--topic", name, "--time", when)
        key = when if isinstance(when, str) else "a time"
        t.note(key, sorted(done.out.split()))
    assert t.notes["latest"] == [f"{name}:0:3", f"{name}:1:0"]
    assert t.notes["max-timestamp"][0] == f"{name}:0:1"
    assert t.notes["a time"][0] == f"{name}:0:1"


@case(limit=45)
def java_console_produce_and_consume(t):
    """ConsoleProducer (idempotent by default) and ConsoleConsumer of one assigned partition, with keys."""
    name = t.topic()
    produce_lines(t, name)
    assert consume_lines(t, name, 50) == LINES
    assert consume_lines(t, name, 3, offset=47) == "".join(LINES.splitlines(True)[47:])


@case(limit=60)
def java_console_headers_nulls_timestamps(t):
    """Headers, null keys and null values of ConsoleProducer come back through ConsoleConsumer."""
    name = t.topic()
    t.java("ConsoleProducer", "--topic", name, "--reader-property", "parse.key=true", "--reader-property", "parse.headers=true",
           "--reader-property", "null.marker=NIL", input="h1:a,h2:b\tkey\tvalue\nh1:c\tNIL\tvalue\nh1:d\tkey\tNIL\n")
    out = consume_lines(t, name, 3, "--formatter-property", "print.headers=true", "--formatter-property", "print.offset=true",
                        "--formatter-property", "print.partition=true", "--formatter-property", "null.literal=NIL")
    t.note("rows", out)
    assert out.splitlines()[2].endswith("\tNIL")


def codec_case(codec):
    def body(t):
        name = t.topic()
        produce_lines(t, name, LINES, "--compression-codec", codec)
        assert consume_lines(t, name, 50) == LINES
        import wire
        assert {entry.codec for entry in wire.batches(t.fetch_one(name)["Records"])} == \
            {["none", "gzip", "snappy", "lz4", "zstd"].index(codec)}
    body.__name__ = f"java_console_codec_{codec}"
    body.__doc__ = f"The Java clients' {codec} (snappy in its xerial framing) out and back."
    return case(limit=45, smoke=codec in ("snappy", "zstd"))(body)


for _codec in ("gzip", "snappy", "lz4", "zstd"):
    codec_case(_codec)


@case(limit=45, smoke=False)
def java_console_read_committed(t):
    """A read_committed consumer of a topic without transactions reads everything."""
    name = t.topic()
    produce_lines(t, name)
    assert consume_lines(t, name, 50, "--isolation-level", "read_committed") == LINES


@case(limit=60)
def java_producer_performance(t):
    """ProducerPerformance: 20,000 records over 3 partitions, all there afterwards."""
    name = t.topic(partitions=3)
    out = t.java("ProducerPerformance", "--topic", name, "--num-records", 20000, "--record-size", 200, "--throughput", -1,
                 "--command-property", "acks=all", "linger.ms=5").out
    assert out.strip().splitlines()[-1].startswith("20000 records sent"), out
    assert sum(t.list_offset(name, -1, partition=index)["Offset"] for index in range(3)) == 20000


@case()
def java_broker_api_versions(t):
    """BrokerApiVersionsCommand reads the table; every range that both serve is the same."""
    out = t.java("BrokerApiVersionsCommand").out
    rows = dict(re.findall(r"^\s*(\w+)\((?:\d+)\): ([^\[,\n]+?)(?: \[|,|$)", out, re.M))
    assert "Produce" in rows and "Fetch" in rows and "UNKNOWN" not in out, out[:300]
    if not t.is_kafka:
        expected = {"Produce": "0 to 13", "Fetch": "4 to 18", "ListOffsets": "1 to 11", "Metadata": "0 to 13",
                    "ApiVersions": "0 to 4", "CreateTopics": "2 to 7", "DeleteTopics": "1 to 6", "InitProducerId": "0 to 5"}
        for name, span in expected.items():
            assert rows.get(name) == span, (name, rows.get(name))
    for name in ("Produce", "Fetch", "ListOffsets", "Metadata", "ApiVersions", "CreateTopics", "DeleteTopics", "CreatePartitions",
                 "DescribeConfigs", "AlterConfigs", "IncrementalAlterConfigs", "OffsetForLeaderEpoch", "InitProducerId",
                 "DescribeProducers", "DescribeCluster", "DescribeLogDirs", "DescribeQuorum", "DescribeTopicPartitions",
                 "ListPartitionReassignments"):
        t.note(name, rows.get(name))


@case()
def java_reassignments(t):
    """ReassignPartitionsCommand --list: nothing moves."""
    t.topic()
    out = t.java("org.apache.kafka.tools.reassign.ReassignPartitionsCommand", "--list").out
    assert out.strip() == "No partition reassignments found.", out


@case()
def java_metadata_quorum(t):
    """MetadataQuorumCommand: one voter, itself the leader."""
    status = t.java("MetadataQuorumCommand", "describe", "--status", bootstrap=True).out
    rows = {line.split(":", 1)[0]: line.split(":", 1)[1].strip() for line in status.splitlines() if ":" in line}
    t.note("rows", sorted(rows))
    t.note("leader", rows["LeaderId"])
    assert int(rows["HighWatermark"]) > 0
    replication = t.java("MetadataQuorumCommand", "describe", "--replication").out.splitlines()
    t.note("columns", replication[0].split("\t"))
    assert len(replication) == 2 and replication[1].split()[0] == "1"


@case()
def java_log_dirs(t):
    """LogDirsCommand: the partition's size, no error, not a future log."""
    import json
    import wire
    name = t.topic()
    t.produce(name, wire.batch([(b"k", b"v")], first_timestamp=1700000000000))
    out = t.java("LogDirsCommand", "--describe", "--topic-list", name).out
    data = json.loads([line for line in out.splitlines() if line.startswith("{")][0])
    found = data["brokers"][0]["logDirs"][0]
    t.note("partitions", found["partitions"])
    assert found["error"] is None and found["partitions"][0]["size"] > 0


@case(limit=45, smoke=False)
def java_describe_producers(t):
    """DescribeProducers through TransactionsCommand: an idempotent producer shows with its id and last sequence."""
    name = t.topic()
    produce_lines(t, name, LINES)
    out = t.java("TransactionsCommand", "describe-producers", "--topic", name, "--partition", 0).out.splitlines()
    t.note("columns", out[0].split())
    row = out[1].split()
    t.note("epoch and sequence", (row[1], row[3]))


@case(limit=60, smoke=False)
def java_consume_every_partition(t):
    """Two consumers of the Java client one after another on all partitions, by assignment from the console tool."""
    name = t.topic(partitions=2)
    t.java("ProducerPerformance", "--topic", name, "--num-records", 5000, "--record-size", 100, "--throughput", -1)
    seen = 0
    for index in range(2):
        count = t.list_offset(name, -1, partition=index)["Offset"]
        if count:
            seen += len(consume_lines(t, name, count, partition=index).splitlines())
    assert seen == 5000
