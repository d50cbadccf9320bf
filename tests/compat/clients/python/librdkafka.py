"""confluent-kafka against one broker: librdkafka.py BOOTSTRAP TOPIC ACTION [CODEC]; prints one JSON document."""

import json
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewPartitions, NewTopic, OffsetSpec,
                                   ResourceType)

bootstrap, topic, action, codec = (sys.argv[1:] + [""])[:4]


def text(value):
    return None if value is None else value.decode()


def read(partition, count):
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused", "enable.auto.commit": False,
                         "enable.auto.offset.store": False, "auto.offset.reset": "error", "isolation.level": "read_committed"})
    consumer.assign([TopicPartition(topic, partition, 0)])
    rows, deadline = [], time.monotonic() + 20
    while len(rows) < count and time.monotonic() < deadline:
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            raise KafkaException(message.error())
        rows.append({"offset": message.offset(), "key": text(message.key()), "value": text(message.value()),
                     "headers": [[name, text(value)] for name, value in message.headers() or []]})
    low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
    stamp = consumer.offsets_for_times([TopicPartition(topic, partition, 1)], timeout=10)[0].offset
    consumer.seek(TopicPartition(topic, partition, count - 1))
    again = consumer.poll(10)
    consumer.close()
    return rows, {"low": low, "high": high, "by time": stamp, "after seek": again.offset() if again else None}


def produce(settings, messages):
    failed = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", **settings})
    for message in messages:
        producer.produce(topic, partition=0, on_delivery=lambda error, _: failed.append(str(error)) if error else None, **message)
    assert producer.flush(20) == 0
    assert not failed, failed


def roundtrip():
    messages = [{"key": f"key {index}", "value": f"value {index} " * 5, "headers": [("a", b"1"), ("b", str(index).encode()), ("a", None)]}
                for index in range(50)]
    messages += [{"key": "deleted", "value": None}, {"key": None, "value": "no key"}]
    produce({"compression.type": codec, "linger.ms": 50}, messages)
    rows, extra = read(0, 52)
    return {"rows": rows, **extra}


def idempotent():
    produce({"enable.idempotence": True, "batch.num.messages": 10}, [{"value": str(index)} for index in range(200)])
    return {"rows": [row["value"] for row in read(0, 200)[0]]}


def administer():
    admin = AdminClient({"bootstrap.servers": bootstrap})
    out = {}

    def result(futures):
        try:
            list(futures.values())[0].result(15)
            return "ok"
        except KafkaException as error:
            return error.args[0].name()

    out["created"] = result(admin.create_topics([NewTopic(topic, 3, 1, config={"retention.ms": "86400000"})]))
    out["again"] = result(admin.create_topics([NewTopic(topic, 3, 1)]))
    out["bad name"] = result(admin.create_topics([NewTopic("a b", 3, 1)]))
    out["grown"] = result(admin.create_partitions([NewPartitions(topic, 5)]))
    out["shrunk"] = result(admin.create_partitions([NewPartitions(topic, 2)]))
    deadline = time.monotonic() + 10
    while len(admin.list_topics(topic, timeout=10).topics[topic].partitions) != 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    out["partitions"] = len(admin.list_topics(topic, timeout=10).topics[topic].partitions)
    resource = ConfigResource(ResourceType.TOPIC, topic)
    before = list(admin.describe_configs([resource]).values())[0].result(15)
    out["retention"] = (before["retention.ms"].value, before["retention.ms"].source)
    change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[
        ConfigEntry("retention.ms", "1000000", incremental_operation=AlterConfigOpType.SET)])
    deadline = time.monotonic() + 10
    out["altered"] = result(admin.incremental_alter_configs([change]))
    while list(admin.describe_configs([resource]).values())[0].result(15)["retention.ms"].value != "1000000" and time.monotonic() < deadline:
        time.sleep(0.05)
    out["changed"] = list(admin.describe_configs([resource]).values())[0].result(15)["retention.ms"].value
    cluster = admin.describe_cluster().result(15)
    out["cluster"] = (len(cluster.nodes), bool(cluster.cluster_id), cluster.controller is not None)
    from confluent_kafka import TopicCollection
    described = list(admin.describe_topics(TopicCollection([topic])).values())[0].result(15)
    out["described"] = (len(described.partitions), described.is_internal)
    offsets = list(admin.list_offsets({TopicPartition(topic, 0): OffsetSpec.latest()}).values())[0].result(15)
    out["latest"] = offsets.offset
    out["deleted"] = result(admin.delete_topics([topic]))
    out["deleted again"] = result(admin.delete_topics([topic]))
    return out


print(json.dumps({"roundtrip": roundtrip, "idempotent": idempotent, "admin": administer}[action]()))
