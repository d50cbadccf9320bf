"""Client libraries from their registries, unmodified: Go (franz-go), Python (librdkafka and kafka-python), JavaScript (kafkajs).

Each writes and reads assigned partitions with every codec, with keys, headers and nulls, writes idempotently, and makes,
describes and deletes topics. What each program printed is compared between the brokers.
"""

import json
import os

import wire
from harness import HERE, case

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")


def program(t, name):
    if name == "go":
        return [t.clients.get("go")], {}
    if name == "node":
        modules = t.clients.get("node")
        return ["node", os.path.join(HERE, "clients", "node", "client.js")], {"NODE_PATH": modules}
    script = {"librdkafka": "librdkafka.py", "purepython": "purepython.py"}[name]
    return [t.clients.get("python"), os.path.join(HERE, "clients", "python", script)], {}


def run_client(t, name, topic, action, codec=""):
    line, extra = program(t, name)
    done = t.run([*line, t.bootstrap, topic, action, codec], env={**os.environ, **extra})
    return json.loads(done.out.strip().splitlines()[-1])


def make(name, title):
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
        case(limit=60, smoke=codec in ("none", "snappy", "zstd"))(body)

    for codec in CODECS:
        roundtrip(codec)

    def idempotent(t):
        topic = t.topic()
        result = run_client(t, name, topic, "idempotent")
        count = 20 if name == "node" else 200
        assert result["rows"] == [str(index) for index in range(count)]
        t.note("result", result)
        stored = wire.batches(t.fetch_one(topic)["Records"])
        assert all(one.producer_id >= 0 for one in stored)
        assert [one.base_sequence for one in stored] == [one.base_offset for one in stored]
    idempotent.__name__ = f"{name}_idempotent"
    idempotent.__doc__ = f"{title}: an idempotent producer; every record once and in order."
    case(limit=60)(idempotent)

    def admin(t):
        result = run_client(t, name, t.topic_name(), "admin")
        for key, value in result.items():
            t.note(key, value)
    admin.__name__ = f"{name}_admin"
    admin.__doc__ = f"{title}: creates, lists, grows, describes, configures and deletes a topic."
    case(limit=60)(admin)


make("go", "franz-go")
make("librdkafka", "confluent-kafka (librdkafka)")
make("purepython", "kafka-python")
make("node", "kafkajs")
