"""kill -9 and power cuts: what was acknowledged is there."""

import os
import random
import time

import protocol
from case import case
from load import Load, check_log
from protocol import Connection

PARTITIONS = 100


def admin_step(context, broker, number):
    """Creates a topic and deletes the one before; what was acknowledged must hold after the fault."""
    connection = Connection(broker.port)
    if connection.create_topic(f"made-{number}") == 0:
        context.topics[f"made-{number}"] = True
    if number and connection.delete_topic(f"made-{number - 1}") == 0:
        context.topics[f"made-{number - 1}"] = False
    connection.close()


def check_topics(context, broker):
    wrong = []
    connection = Connection(broker.port)
    for name, exists in list(context.topics.items())[-6:]:
        error = connection.offsets(name, [0])[0][0]
        if exists and error == protocol.UNKNOWN_TOPIC:
            wrong.append(f"lost-write: topic {name} was created and is gone")
        if not exists and error != protocol.UNKNOWN_TOPIC:
            wrong.append(f"lost-write: topic {name} was deleted and is back (error {error})")
    connection.close()
    return wrong


def rounds_of_faults(context, broker, fault, first_wait=0.4):
    """Load goes on all the time; in each round `fault` strikes, the broker starts again, and everything new is read back."""
    broker.start()
    broker.make_topic("load", PARTITIONS)
    load = Load("load", PARTITIONS, broker.port, context.seed)
    load.start()
    context.on_end(load.stop)
    chance = random.Random(context.seed)
    slowest = 0.0
    for number in range(context.rounds):
        before = load.book.total()
        until = time.monotonic() + 20
        while load.book.total() == before and time.monotonic() < until and not load.ended_early():
            time.sleep(0.01)
        assert not load.ended_early(), f"a producer gave up: {load.book.anomalies}"
        assert load.book.total() > before, f"nothing is acknowledged in round {number}: {broker.last_words()}"
        admin_step(context, broker, number)
        time.sleep(first_wait + chance.random())
        fault(chance, load)
        slowest = max(slowest, broker.start())
        broker.await_topic("load", PARTITIONS)
        count, wrong = check_log(load.book, broker.port, load.checked_offset, time.monotonic() + 60)
        wrong += load.book.anomalies + load.committer.check(broker.port, time.monotonic() + 20) + check_topics(context, broker)
        context.say(f"round {number + 1}: {load.book.total()} acknowledged, {count} read back, {len(wrong)} anomalies")
        assert not wrong, "; ".join(wrong[:8])
    assert load.hold(time.monotonic() + 60), "producers do not come to rest"
    whole = [0] * PARTITIONS
    count, wrong = check_log(load.book, broker.port, whole, time.monotonic() + 240)
    assert not wrong and not load.book.anomalies, "; ".join((wrong + load.book.anomalies)[:8])
    load.stop()
    assert broker.stop() == 0, f"the last stop was not clean: {broker.last_words()}"
    return (f"{context.rounds} rounds, {load.book.total()} records acknowledged, {count} read back, 0 lost, 0 twice, "
            f"slowest start {slowest:.2f} s")


@case(limit=30, smoke=3)
def kill_9(context):
    """kill -9 under load: nothing acknowledged is lost, twice or out of order; positions and topics hold."""
    broker = context.broker(os.path.join(context.folder, "data"))

    def fault(_chance, _load):
        broker.kill()
    return rounds_of_faults(context, broker, fault)


@case(limit=40, smoke=1)
def power_cut(context):
    """A power cut under load, in flush mode (the default of topics with one replica): nothing acknowledged is lost."""
    disk = context.disk(2048)
    broker = context.broker(os.path.join(disk.place, "data"))

    def fault(chance, load):
        # the disk first, under syncs that are under way: nobody hears what the broker says from then on; or the process first
        if chance.random() < 0.7:
            load.book.power_is_off.set()
            disk.cut_power()
            time.sleep(chance.random() * 0.1)
            broker.kill()
            load.book.power_is_off.clear()
        else:
            broker.kill()
            disk.cut_power()
        disk.restart()
    return rounds_of_faults(context, broker, fault)


@case(limit=40, smoke=5)
def power_cut_control(context):
    """The control: the same cut without fsync (weir.flush.on.ack=false) must lose something, or the test above proves nothing."""
    lost = 0
    for number in range(max(context.rounds, 1)):
        disk = context.disk(1024, f"control-{number}")
        broker = context.broker(os.path.join(disk.place, "data"), ["weir.flush.on.ack=false"])
        broker.start()
        broker.make_topic("load", PARTITIONS)
        load = Load("load", PARTITIONS, broker.port, f"{context.seed}-{number}")
        load.start()
        time.sleep(1)
        disk.cut_power()
        broker.kill()
        load.stop()
        disk.restart()
        broker.start()
        broker.await_topic("load", PARTITIONS)
        _, wrong = check_log(load.book, broker.port, load.checked_offset, time.monotonic() + 60)
        missing = sum(max(0, acknowledged - there) for acknowledged, there in zip(load.book.acknowledged, load.checked_offset))
        broker.kill()
        context.give_up_disk(disk)
        lost += missing
        context.say(f"control round {number + 1}: {load.book.total()} acknowledged, {missing} lost")
        if lost:
            assert all("ends at" in line for line in wrong), wrong
            return f"lost {lost} of {load.book.total()} acknowledged records without fsync, as it must"
    raise AssertionError(f"{context.rounds} power cuts without fsync lost nothing: this test cannot see a loss on this machine")
