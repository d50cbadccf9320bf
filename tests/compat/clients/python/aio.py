"""aiokafka against one broker: aio.py BOOTSTRAP TOPIC ACTION [WORDS]; prints one JSON document."""

import asyncio
import json
import sys
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, OffsetOutOfRangeError, for_code

bootstrap, topic, action, words = (sys.argv[1:] + [""])[:4]


def text(value):
    return None if value is None else value.decode()


async def read(partition, count):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=None, enable_auto_commit=False, auto_offset_reset="none",
                                isolation_level="read_committed")
    await consumer.start()
    place = TopicPartition(topic, partition)
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    rows = []
    while len(rows) < count:
        one = await asyncio.wait_for(consumer.getone(), 15)
        rows.append({"offset": one.offset, "key": text(one.key), "value": text(one.value),
                     "headers": [[name, text(value)] for name, value in one.headers]})
    extra = {"end": list((await consumer.end_offsets([place])).values()), "beginning": list((await consumer.beginning_offsets([place])).values()),
             "by time": (await consumer.offsets_for_times({place: 1}))[place].offset}
    consumer.seek(place, count - 1)
    extra["after seek"] = (await asyncio.wait_for(consumer.getone(), 15)).offset
    consumer.seek(place, 1000)
    try:
        await asyncio.wait_for(consumer.getone(), 10)
    except OffsetOutOfRangeError:
        extra["out of range"] = "told"
    await consumer.stop()
    return rows, extra


async def roundtrip():
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=50, compression_type=None if words == "none" else words)
    await producer.start()
    sent = [await producer.send(topic, f"value {index} ".encode() * 5, f"key {index}".encode(), partition=0,
                                headers=[("a", b"1"), ("b", b"2"), ("a", b"")]) for index in range(50)]
    sent.append(await producer.send(topic, None, b"deleted", partition=0))
    sent.append(await producer.send(topic, b"no key", None, partition=0))
    await asyncio.gather(*sent)
    await producer.stop()
    rows, extra = await read(0, 52)
    return {"rows": rows, **extra}


async def idempotent():
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True, max_batch_size=200)
    await producer.start()
    sent = [await producer.send(topic, str(index).encode(), partition=0) for index in range(200)]
    offsets = [one.offset for one in await asyncio.gather(*sent)]
    await producer.stop()
    return {"offsets": offsets, "rows": [row["value"] for row in (await read(0, 200))[0]]}


async def fill(partitions):
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for index in range(20):
        await producer.send_and_wait(topic, str(index).encode(), partition=index % partitions)
    await producer.stop()


async def administer():
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    out = {}

    def word(code):
        return for_code(code).__name__

    async def created(name=topic, replicas=1):
        answer = await admin.create_topics([NewTopic(name, 3, replicas, topic_configs={"retention.ms": "86400000"})])
        return word(answer.topic_errors[0][1])

    async def described():
        return (await admin.describe_topics([topic]))[0]

    async def grown(count):
        try:
            return word((await admin.create_partitions({topic: NewPartitions(count)})).topic_errors[0][1])
        except KafkaError as error:
            return type(error).__name__

    async def retention():
        resource = ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": None})
        answer = (await admin.describe_configs([resource]))[0]
        return [list(entry[:2]) + list(entry[3:4]) for entry in answer.resources[0][4]]

    out["created"] = await created()
    out["again"] = await created()
    out["bad name"] = await created("a b")
    out["too many replicas"] = await created(topic + "-2", 3)
    out["grown"] = await grown(5)
    out["shrunk"] = await grown(2)
    deadline = time.monotonic() + 10
    while len((await described())["partitions"]) != 5 and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    out["partitions"] = len((await described())["partitions"])
    out["listed"] = topic in await admin.list_topics()
    out["retention"] = await retention()
    changed = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, configs={"retention.ms": "1000000"})])
    out["altered"] = word(changed[0].resources[0][0])
    deadline = time.monotonic() + 10
    while "1000000" not in str(await retention()) and time.monotonic() < deadline:
        await asyncio.sleep(0.05)
    out["changed"] = await retention()
    cluster = await admin.describe_cluster()
    out["cluster"] = (len(cluster["brokers"]), bool(cluster["cluster_id"]))
    await fill(1)
    out["records deleted"] = list((await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(7)})).values())
    out["deleted"] = word((await admin.delete_topics([topic])).topic_error_codes[0][1])
    out["deleted again"] = word((await admin.delete_topics([topic])).topic_error_codes[0][1])
    await admin.close()
    return out


async def groups():
    await fill(2)
    out = {}
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    member = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=words, auto_offset_reset="earliest", enable_auto_commit=False)
    await member.start()
    for _ in range(20):
        await asyncio.wait_for(member.getone(), 20)
    await member.commit({TopicPartition(topic, 0): (5, "five"), TopicPartition(topic, 1): 6})
    out["committed"] = [await member.committed(TopicPartition(topic, index)) for index in range(2)]
    out["listed"] = [group for group in await admin.list_consumer_groups() if group[0] == words]
    row = (await admin.describe_consumer_groups([words]))[0].groups[0]
    out["described"] = [*row[:5], len(row[5])]
    await member.stop()
    positions = await admin.list_consumer_group_offsets(words)
    out["positions"] = sorted((place.partition, entry.offset, entry.metadata) for place, entry in positions.items())
    again = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=words, auto_offset_reset="earliest", enable_auto_commit=False)
    await again.start()
    rows = [await asyncio.wait_for(again.getone(), 20) for _ in range(9)]
    out["goes on at"] = sorted((row.partition, row.offset) for row in rows)
    await again.stop()
    await admin.close()
    return out


try:
    print(json.dumps(asyncio.run({"roundtrip": roundtrip, "idempotent": idempotent, "admin": administer, "groups": groups}[action]())))
except KafkaError as error:
    sys.exit(f"{type(error).__name__}: {error}")
