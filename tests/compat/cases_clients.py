"""Client libraries from their registries, unmodified, each by a small program of ours in `clients/`.

Each writes and reads assigned partitions with every codec, with keys, headers and nulls, writes idempotently, makes, describes and
deletes topics, and, where the library can, looks after groups. What each program printed is compared between the brokers.
"""

import json
import os

import wire
from harness import HERE, case

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
JAVA_VERSIONS = ("2.1.1", "2.8.2", "3.9.1", "4.3.1")

# name in cases -> what it is, the program it needs, its script
CLIENTS = {
    "go": ("franz-go", "go", None),
    "librdkafka": ("confluent-kafka (librdkafka)", "python", "python/librdkafka"),
    "purepython": ("kafka-python", "python", "python/purepython"),
    "aiokafka": ("aiokafka", "python", "python/aio"),
    "node": ("kafkajs", "node", "node/client"),
    "sarama": ("sarama", "sarama", None),
    "rust": ("rust-rdkafka", "rust", None),
    **{"java" + version.replace(".", ""): ("kafka-clients " + version, "java-" + version, None) for version in JAVA_VERSIONS},
}
# libraries whose program looks after groups
GROUP_ADMINS = ("go", "aiokafka", "sarama", "rust", *(name for name in CLIENTS if name.startswith("java")))
# libraries that write fewer batches than records in the idempotent case
IDEMPOTENT_RECORDS = {"node": 20}


def command(t, name, topic, action, words=""):
    """(line, environment) of one run of a client's program."""
    _, needs, script = CLIENTS[name]
    made = t.clients.get(needs)
    rest = [t.bootstrap, topic, action, words]
    folder = os.path.join(HERE, "clients")
    if needs == "node":
        script = os.path.join(folder, "node", "member.js" if action == "member" else "client.js")
        return ["node", script, *(rest[:2] + rest[3:] if action == "member" else rest)], {"NODE_PATH": made}
    if needs == "python":
        if action == "member":
            return [made, os.path.join(folder, script + "_member.py"), *rest[:2], words], {}
        return [made, os.path.join(folder, script + ".py"), *rest], {}
    return [*(made if isinstance(made, list) else [made]), *rest], {}


def run_client(t, name, topic, action, words=""):
    line, extra = command(t, name, topic, action, words)
    done = t.run(line, env={**os.environ, **extra})
    return json.loads(done.out.strip().splitlines()[-1])


def make(name, smoke=False):
    title, needs, _ = CLIENTS[name]

    def roundtrip(codec):
        def body(t):
            topic = t.topic()
            result = run_client(t, name, topic, "roundtrip", codec)
            rows = result.pop("rows")
            assert [row["offset"] for row in rows] == list(range(52))
            assert rows[7]["key"] == "key 7" and rows[7]["value"] == "value 7 " * 5, rows[7]
            assert (rows[50]["key"], rows[50]["value"]) == ("deleted", None)
            assert (rows[51]["key"], rows[51]["value"]) == (None, "no key")
            assert rows[7]["headers"][0] == ["a", "1"]
            t.note("rows", rows)
            t.note("extra", result)
            stored = wire.batches(t.fetch_one(topic)["Records"])
            assert {one.codec for one in stored} == {CODECS.index(codec)}, [one.codec for one in stored]
        body.__name__ = f"{name}_roundtrip_{codec}"
        body.__doc__ = f"{title}: produce and consume an assigned partition with {codec}; keys, headers, nulls."
        case(limit=60, smoke=smoke and codec in ("none", "snappy", "zstd"), needs=needs)(body)

    for codec in CODECS:
        roundtrip(codec)

    def idempotent(t):
        topic = t.topic()
        result = run_client(t, name, topic, "idempotent")
        count = IDEMPOTENT_RECORDS.get(name, 200)
        assert result["rows"] == [str(index) for index in range(count)]
        t.note("result", result)
        stored = wire.batches(t.fetch_one(topic)["Records"])
        assert all(one.producer_id >= 0 for one in stored)
        assert [one.base_sequence for one in stored] == [one.base_offset for one in stored]
    idempotent.__name__ = f"{name}_idempotent"
    idempotent.__doc__ = f"{title}: an idempotent producer; every record once and in order."
    case(limit=60, smoke=smoke, needs=needs)(idempotent)

    def admin(t):
        result = run_client(t, name, t.topic_name(), "admin")
        for key, value in result.items():
            t.note(key, value)
    admin.__name__ = f"{name}_admin"
    admin.__doc__ = f"{title}: creates, lists, grows, describes, configures and deletes a topic."
    case(limit=60, smoke=smoke, needs=needs)(admin)


    if name in GROUP_ADMINS:
        def group_admin(t):
            topic = t.topic(partitions=2)
            for key, value in run_client(t, name, topic, "groups", t.topic_name("g")).items():
                t.note(key, value)
        group_admin.__name__ = f"{name}_group_admin"
        group_admin.__doc__ = f"{title}: commits, then lists and describes the group, reads, changes and deletes its positions, deletes it."
        case(limit=60, smoke=False, needs=needs)(group_admin)


for _name in CLIENTS:
    make(_name, smoke=_name in ("go", "librdkafka", "purepython", "aiokafka", "node"))
