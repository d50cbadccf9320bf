"""One member of a group by confluent-kafka: librdkafka_member.py BOOTSTRAP TOPIC SETTINGS(JSON).

Settings: group, and optionally instance, strategies (comma separated), session_ms. Prints one JSON document a line: what it owns
whenever that changes, what was taken from it, each record it read and committed, and errors that end it. It leaves when its
standard input ends.
"""

import json
import sys
import threading

from confluent_kafka import Consumer, KafkaException, TopicPartition

bootstrap, topic, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])


def say(**event):
    print(json.dumps(event), flush=True)


done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
config = {"bootstrap.servers": bootstrap, "group.id": settings["group"], "auto.offset.reset": "earliest", "enable.auto.commit": False,
          "session.timeout.ms": settings.get("session_ms", 6000), "heartbeat.interval.ms": 500,
          "partition.assignment.strategy": settings.get("strategies", "range")}
if "instance" in settings:
    config["group.instance.id"] = settings["instance"]
consumer = Consumer(config)
consumer.subscribe([topic], on_revoke=lambda _, parts: say(revoked=sorted(part.partition for part in parts)),
                   on_lost=lambda _, parts: say(lost=sorted(part.partition for part in parts)))
owned, read = None, {}
while not done.is_set():
    message = consumer.poll(0.1)
    now = sorted(part.partition for part in consumer.assignment())
    if now != owned and (now or owned):
        owned = now
        say(owned=owned)
    try:
        if message is not None and message.error():
            raise KafkaException(message.error())
        if message is not None:
            read.setdefault(message.partition(), []).append(message.offset())
        read = {part: offsets for part, offsets in read.items() if part in now}
        if read:
            # what is refused in the middle of a rebalance is tried again as long as the partition is ours
            consumer.commit(offsets=[TopicPartition(topic, part, offsets[-1] + 1) for part, offsets in read.items()], asynchronous=False)
            for part, offsets in read.items():
                for offset in offsets:
                    say(read=[part, offset])
            read = {}
    except KafkaException as error:
        name = error.args[0].name()
        fatal = error.args[0].fatal() or name == "_FATAL"
        say(error=name, fatal=fatal)
        if fatal:
            sys.exit(3)
consumer.close()
