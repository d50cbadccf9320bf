"""kafka-python against one broker: purepython.py BOOTSTRAP TOPIC ACTION [CODEC]; prints one JSON document."""

import json
import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions, NewTopic
from kafka.errors import KafkaError

bootstrap, topic, action, codec = (sys.argv[1:] + [""])[:4]


def text(value):
    return None if value is None else value.decode()


def read(partition, count):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, auto_offset_reset="none",
                             consumer_timeout_ms=15000, isolation_level="read_committed")
    place = TopicPartition(topic, partition)
    consumer.assign([place])
    consumer.seek_to_beginning(place)
    rows = []
    for message in consumer:
        rows.append({"offset": message.offset, "key": text(message.key), "value": text(message.value),
                     "headers": [[name, text(value)] for name, value in message.headers]})
        if len(rows) == count:
            break
    extra = {"end": list(consumer.end_offsets([place]).values()), "beginning": list(consumer.beginning_offsets([place]).values()),
             "by time": consumer.offsets_for_times({place: 1})[place].offset}
    consumer.close()
    return rows, extra


def roundtrip():
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=50, compression_type=None if codec == "none" else codec,
                             enable_idempotence=False)
    for index in range(50):
        producer.send(topic, f"value {index} ".encode() * 5, f"key {index}".encode(), headers=[("a", b"1"), ("b", b"2"), ("a", b"")],
                      partition=0)
    producer.send(topic, None, b"deleted", partition=0)
    producer.send(topic, b"no key", None, partition=0)
    producer.flush(20)
    producer.close()
    rows, extra = read(0, 52)
    return {"rows": rows, **extra}


def idempotent():
    producer = KafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, batch_size=100)
    pending = [producer.send(topic, str(index).encode(), partition=0) for index in range(200)]
    producer.flush(20)
    offsets = [one.get(10).offset for one in pending]
    producer.close()
    return {"offsets": offsets, "rows": [row["value"] for row in read(0, 200)[0]]}


def administer():
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    out = {}

    def attempt(call, *arguments, **options):
        try:
            call(*arguments, **options)
            return "ok"
        except KafkaError as error:
            return type(error).__name__

    out["created"] = attempt(admin.create_topics, [NewTopic(topic, 3, 1, topic_configs={"retention.ms": "86400000"})])
    out["again"] = attempt(admin.create_topics, [NewTopic(topic, 3, 1)])
    out["listed"] = topic in admin.list_topics()
    out["grown"] = attempt(admin.create_partitions, {topic: NewPartitions(5)})
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and len(admin.describe_topics([topic])[0]["partitions"]) != 5:
        time.sleep(0.05)
    out["partitions"] = len(admin.describe_topics([topic])[0]["partitions"])
    admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
    cluster = admin.describe_cluster()
    out["cluster"] = (len(cluster["brokers"]), bool(cluster["cluster_id"]))
    out["deleted"] = attempt(admin.delete_topics, [topic])
    admin.close()
    return out


print(json.dumps({"roundtrip": roundtrip, "idempotent": idempotent, "admin": administer}[action]()))
