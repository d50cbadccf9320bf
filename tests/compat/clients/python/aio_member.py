"""One member of a group by aiokafka; as librdkafka_member.py."""

import asyncio
import json
import sys
import threading

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

bootstrap, topic, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
ASSIGNORS = {"range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor}


def say(**event):
    print(json.dumps(event), flush=True)


class Listener(ConsumerRebalanceListener):
    def on_partitions_revoked(self, revoked):
        if revoked:
            say(revoked=sorted(part.partition for part in revoked))
            say(owned=[])

    def on_partitions_assigned(self, assigned):
        say(owned=sorted(part.partition for part in assigned))


async def take_part(done):
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=settings["group"], auto_offset_reset="earliest", enable_auto_commit=False,
                                session_timeout_ms=settings.get("session_ms", 6000), heartbeat_interval_ms=500,
                                partition_assignment_strategy=[ASSIGNORS[name] for name in settings.get("strategies", "range").split(",")],
                                group_instance_id=settings.get("instance"))
    consumer.subscribe([topic], listener=Listener())
    await consumer.start()
    while not done.is_set():
        try:
            for part, messages in (await consumer.getmany(timeout_ms=100)).items():
                await consumer.commit({part: messages[-1].offset + 1})
                for message in messages:
                    say(read=[message.partition, message.offset])
        except (CommitFailedError, IllegalStateError) as error:
            say(error=type(error).__name__, fatal=False)
        except KafkaError as error:
            say(error=type(error).__name__, fatal=True)
            sys.exit(3)
    await consumer.stop()


ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
asyncio.run(take_part(ended))
