"""Disks that are full, or fail."""

import os
import random
import signal
import subprocess
import time

import protocol
from case import case
from load import Load, check_log
from protocol import Connection


def refused_within(broker, topic, seconds, value):
    """Produces until the broker refuses; the error code and how many were taken."""
    connection = Connection(broker.port, 60)
    taken, until = 0, time.monotonic() + seconds
    while time.monotonic() < until:
        error = connection.produce(topic, [(0, protocol.batch([value]))], timeout=5000)[0][1]
        if error:
            connection.close()
            return error, taken
        taken += 1
    connection.close()
    return 0, taken


def resumes(broker, topic, seconds, value):
    """Seconds until a produce is acknowledged again."""
    began = time.monotonic()
    connection = Connection(broker.port, 60)
    error = -1
    while time.monotonic() - began < seconds:
        error = connection.produce(topic, [(0, protocol.batch([value]))], timeout=5000)[0][1]
        if error == 0:
            connection.close()
            return time.monotonic() - began
        assert error in protocol.RETRIABLE, f"produce is refused with error {error}"
        time.sleep(0.1)
    raise AssertionError(f"writing does not resume within {seconds} s of space (error {error}): {broker.last_words()}")


def a_user_waits(broker, topic):
    """`weir produce` on the full disk: it says within seconds why nothing is stored, and Ctrl-C ends it. Seconds until it was said."""
    began = time.monotonic()
    line = [broker.program, "produce", topic, "--bootstrap-server", f"127.0.0.1:{broker.port}"]
    user = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        user.stdin.write("x" * 900_000 + "\n")
        user.stdin.close()
        said = user.stderr.readline()
        told = time.monotonic() - began
        assert "its disk may be full" in said and "sending again" in said, f"the user is told: {said!r}"
        user.send_signal(signal.SIGINT)
        rest = user.stderr.read()
        code = user.wait(30)
        assert code != 0 and "of 1 records that were read, 1 may not be stored" in rest, f"after Ctrl-C: exit {code}, {rest!r}"
        assert told < 60, f"told after {told:.0f} s"    # the delivery timeout is 120 s
        return told
    finally:
        user.kill()


@case(limit=90, smoke=1)
def disk_full(context):
    """Disk full down to the reserve: produce gets a retriable error; reads, commits, creation, deletion, retention go on; resumes without a restart."""
    disk = context.disk(256 if context.smoke else 512)
    broker = context.broker(os.path.join(disk.place, "data"),
                            ["log.retention.check.interval.ms=1000", "log.segment.delete.delay.ms=1000", "log.initial.task.delay.ms=100"])
    broker.start()
    pid = broker.process.pid
    broker.make_topic("bulk", 1, segment_bytes=16 << 20, file_delete_delay_ms=500)
    broker.make_topic("old", 1, segment_bytes=4 << 20, file_delete_delay_ms=500)
    value = random.Random(1).randbytes(900_000)
    producer = Connection(broker.port, 60)
    for _ in range(40):
        assert producer.produce("old", [(0, protocol.batch([value]))])[0][1] == 0
    error, taken = refused_within(broker, "bulk", 60, value)
    assert error in protocol.RETRIABLE, f"the full disk is told as error {error}"
    free = disk.free()
    assert free > 8 << 20, f"the reserve was eaten: {free} bytes are left"
    # inside the reserve
    reader = Connection(broker.port, 60)
    found = reader.fetch("bulk", {0: 0})[0]
    assert found[0] == 0 and len(found[2]) > 0, f"fetch on the full disk: error {found[0]}"
    reader.find_coordinator("g")
    until, commit = time.monotonic() + 20, {0: -1}
    while any(commit.values()) and time.monotonic() < until:
        commit = reader.commit("g", "bulk", {0: 5})
        time.sleep(0.05)
    assert commit == {0: 0}, f"OffsetCommit on the full disk: {commit}"
    assert reader.create_topic("new") == 0, "CreateTopics on the full disk"
    told = a_user_waits(broker, "bulk")
    # retention frees space, and writing resumes
    configure(reader, "old", "retention.bytes", "1")
    after = resumes(broker, "bulk", 30, value)
    error, more = refused_within(broker, "bulk", 60, value)
    assert error in protocol.RETRIABLE
    assert more > 0, "retention freed nothing"
    assert reader.delete_topic("bulk") == 0, "DeleteTopics on the full disk"
    deleted = resumes(broker, "old", 60, value)
    assert reader.committed("g", "bulk", [0])[0][0] in (5, -1)
    assert broker.alive() and broker.process.pid == pid
    assert "offline" not in broker.log(), "a directory went offline"
    return (f"refused with error {error} after {taken} MB, {free >> 20} MiB kept; a user was told after {told:.1f} s; retention gave {more} MB, resumed {after:.1f} s after "
            f"retention, {deleted:.1f} s after DeleteTopics")


def configure(connection, topic, name, value):
    """IncrementalAlterConfigs of one topic option."""
    body = protocol.array([b"\2" + protocol.string(topic) + protocol.array([protocol.string(name) + b"\0" + protocol.string(value)])]) + b"\0"
    reader = connection.call(44, 0, body)
    reader.take("i")
    error = reader.each(lambda r: (r.take("h"), r.string(), r.take("b"), r.string()))[0][0]
    assert error == 0, f"{name}={value}: error {error}"


@case(limit=120, smoke=1)
def disk_without_a_byte(context):
    """Not a byte left, below the reserve too (another program took it): records wait or are refused, nothing is lost or doubled; resumes by itself."""
    disk = context.disk(256)
    broker = context.broker(os.path.join(disk.place, "data"), ["weir.disk.reserve.bytes.max=0", "log.segment.bytes=1048576"])
    broker.start()
    pid = broker.process.pid
    broker.make_topic("load", 20)
    load = Load("load", 20, broker.port, context.seed, producers=2, value_bytes=2000)
    load.start()
    context.on_end(load.stop)
    slowest, until = 0.0, time.monotonic() + 30
    while not all(load.committer.acknowledged.values()):    # a topic made on a full disk is served after a restart only
        assert time.monotonic() < until, "positions are not committed"
        time.sleep(0.05)
    times = 1 if context.smoke else 3
    for number in range(times):
        time.sleep(0.7)
        ballast = disk.fill(name=f"ballast-{number}")
        until = time.monotonic() + 10
        while "refused in logs" not in broker.log()[-20000:] and time.monotonic() < until:
            disk.fill(name=f"ballast-{number}")
            time.sleep(0.1)
        time.sleep(1 + number)
        stuck = load.book.total()
        _, wrong = check_log(load.book, broker.port, [0] * 20, time.monotonic() + 60)
        assert not wrong, wrong[:5]
        os.unlink(ballast)
        began = time.monotonic()
        while load.book.total() == stuck and time.monotonic() < began + 30:
            time.sleep(0.02)
        slowest = max(slowest, time.monotonic() - began)
        assert load.book.total() > stuck, f"writing does not resume: {broker.last_words()}"
    assert load.hold(time.monotonic() + 60), "producers do not come to rest"
    count, wrong = check_log(load.book, broker.port, [0] * 20, time.monotonic() + 60)
    wrong += load.book.anomalies + load.committer.check(broker.port, time.monotonic() + 20)
    assert not wrong, wrong[:5]
    load.stop()
    assert broker.alive() and broker.process.pid == pid and "offline" not in broker.log()
    assert "refused in logs" in broker.log(), "the disk was never full enough to stop a write"
    broker.kill()
    disk.cut_power()
    disk.restart()
    broker.start()
    broker.await_topic("load", 20)
    _, wrong = check_log(load.book, broker.port, [0] * 20, time.monotonic() + 60)
    assert not wrong, wrong[:5]
    return (f"{times} times full, {load.book.total()} acknowledged, {count} read back, refusals by error code {load.book.refusals}, "
            f"slowest resumption {slowest:.1f} s, nothing lost after a power cut behind it")



@case(limit=90, smoke=None)
def one_of_two_disks_fails(context):
    """Two log.dirs on two disks; the second fails under load: its partitions answer KAFKA_STORAGE_ERROR, the others serve, DescribeLogDirs tells."""
    first, second = context.disk(512, "one"), context.disk(512, "two")
    places = [os.path.join(first.place, "log"), os.path.join(second.place, "log")]
    broker = context.broker(None, directories=places)
    broker.start()
    broker.make_topic("load", 20)
    connection = Connection(broker.port)
    where = {part: path for path, (_, parts) in connection.log_dirs().items() for (name, part) in parts if name == "load"}
    assert len(set(where.values())) == 2, f"all partitions lie in one directory: {where}"
    load = Load("load", 20, broker.port, context.seed, producers=2)
    load.start()
    context.on_end(load.stop)
    time.sleep(1)
    struck = list(load.book.acknowledged)
    second.cut_power()      # every write and sync fails from now on; of one that is under way ext4 may say that it succeeded
    until = time.monotonic() + 20
    while "is taken offline" not in broker.log() and time.monotonic() < until:
        time.sleep(0.02)
    took = time.monotonic() - until + 20
    assert "is taken offline" in broker.log(), "the failed disk is not noticed"
    time.sleep(1)
    load.stop()
    good, bad = ([part for part, path in where.items() if path == place] for place in places)
    connection.close()
    connection = Connection(broker.port)
    for part in bad:
        error = connection.produce("load", [(part, protocol.batch([b"x"]))], timeout=3000)[0][1]
        assert error == protocol.STORAGE_ERROR, f"produce to a partition of the failed disk: error {error}"
        error = connection.fetch("load", {part: 0})[part][0]
        assert error == protocol.STORAGE_ERROR, f"fetch from a partition of the failed disk: error {error}"
    for part in good:
        error = connection.produce("load", [(part, protocol.batch([b"%d %d " % (part, 0)]))], timeout=3000)[0][1]
        assert error == 0, f"produce to a partition of the good disk: error {error}"
    assert connection.create_topic("others", 4) == 0
    broker.await_topic("others", 4)
    others = Load("others", 4, broker.port, context.seed)
    others.start()
    context.on_end(others.stop)
    time.sleep(1)
    others.stop()
    assert others.book.total() > 0, "a topic made after the failure takes no records"
    states = {path: error for path, (error, _) in connection.log_dirs().items()}
    assert states[places[0]] == 0 and states[places[1]] == protocol.STORAGE_ERROR, states
    broker.kill()
    second.restart()
    broker.start()
    wrong = []
    promised = [struck[part] if part in bad else load.book.acknowledged[part] for part in range(20)]
    for book, least in ((load.book, promised), (others.book, others.book.acknowledged)):
        broker.await_topic(book.topic, book.partitions)
        ends = Connection(broker.port).offsets(book.topic, range(book.partitions))
        for part, acknowledged in enumerate(least):
            if ends[part][1] < acknowledged:
                wrong.append(f"lost-write: {book.topic}-{part} ends at {ends[part][1]}; {acknowledged} were acknowledged")
    assert not wrong, wrong
    return (f"noticed after {took:.2f} s; {len(bad)} partitions refused, {len(good)} served; {sum(struck)} acknowledged before and "
            f"{load.book.total() - sum(struck)} after it, none lost after a restart with the disk back")
