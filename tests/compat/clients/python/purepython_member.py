"""One member of a group by kafka-python; as librdkafka_member.py."""

import json
import sys
import threading

from kafka import ConsumerRebalanceListener, KafkaConsumer, OffsetAndMetadata
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.errors import CommitFailedError, KafkaError

bootstrap, topic, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
ASSIGNORS = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor}


def say(**event):
    print(json.dumps(event), flush=True)


class Listener(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        say(revoked=sorted(part.partition for part in revoked))

    def on_partitions_assigned(self, assigned):
        say(owned=sorted(part.partition for part in assigned))


done = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), done.set()), daemon=True).start()
more = {"group_instance_id": settings["instance"]} if "instance" in settings else {}
consumer = KafkaConsumer(bootstrap_servers=bootstrap, group_id=settings["group"], auto_offset_reset="earliest", enable_auto_commit=False,
                         session_timeout_ms=settings.get("session_ms", 6000), heartbeat_interval_ms=500,
                         partition_assignment_strategy=[ASSIGNORS[name] for name in settings.get("strategies", "range").split(",")],
                         **more)
consumer.subscribe([topic], listener=Listener())
while not done.is_set():
    try:
        for part, messages in consumer.poll(timeout_ms=100).items():
            for message in messages:
                consumer.commit({part: OffsetAndMetadata(message.offset + 1, "", -1)})
                say(read=[message.partition, message.offset])
    except CommitFailedError:
        say(error="CommitFailed", fatal=False)
    except KafkaError as error:
        say(error=type(error).__name__, fatal=True)
        sys.exit(3)
consumer.close(autocommit=False)
