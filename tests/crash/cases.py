"""Real faults against a real broker. A case is a function of a Context; its docstring says what must hold."""

import os
import random
import time

import protocol
from load import Load, check_log
from machine import Broker, Disk, Skip
from protocol import Connection, Gone

CASES = []
PARTITIONS = 100


def case(limit, smoke=None):
    """`limit` in seconds of one round; `smoke` is the number of rounds in the short run, None: not in it."""
    def mark(function):
        function.limit, function.smoke = limit, smoke
        CASES.append(function)
        return function
    return mark


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
        fault(chance)
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

    def fault(chance):
        broker.kill()
    return rounds_of_faults(context, broker, fault)


@case(limit=40, smoke=1)
def power_cut(context):
    """A power cut under load, in flush mode (the default of topics with one replica): nothing acknowledged is lost."""
    disk = context.disk(2048)
    broker = context.broker(os.path.join(disk.place, "data"))

    def fault(chance):
        # the disk first: then nothing that the broker says afterwards may be an acknowledgement; or the process first
        if chance.random() < 0.7:
            disk.cut_power()
            time.sleep(chance.random() * 0.1)
            broker.kill()
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


# ---------------------------------------------------------------------------------------------------------- full disks

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
    return (f"refused with error {error} after {taken} MB, {free >> 20} MiB kept; retention gave {more} MB, resumed {after:.1f} s after "
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


# ---------------------------------------------------------------------------------------------------- several log.dirs

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
    second.cut_power()      # every write and sync fails from now on
    struck = list(load.book.acknowledged)
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
    for book in (load.book, others.book):
        broker.await_topic(book.topic, book.partitions)
        ends = Connection(broker.port).offsets(book.topic, range(book.partitions))
        for part, acknowledged in enumerate(book.acknowledged):
            if ends[part][1] < acknowledged:
                wrong.append(f"lost-write: {book.topic}-{part} ends at {ends[part][1]}; {acknowledged} were acknowledged")
    assert not wrong, wrong
    return (f"noticed after {took:.2f} s; {len(bad)} partitions refused, {len(good)} served; {sum(struck)} acknowledged before and "
            f"{load.book.total() - sum(struck)} after it, none lost after a restart with the disk back")


# --------------------------------------------------------------------------------------------------------- connections

def open_many(port, count, first_bytes):
    """`count` raw connections that each send first_bytes(index); those the broker refuses are left out."""
    import socket
    made = []
    for index in range(count):
        # several source addresses, so that no pair of addresses runs out of ports
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        try:
            link.bind((f"127.0.0.{2 + index % 8}", 0))
            link.connect(("127.0.0.1", port))
            data = first_bytes(index)
            if data:
                link.sendall(data)
            made.append(link)
        except OSError:
            link.close()
    return made


def latency_of(broker, seconds):
    """Acknowledgement times of lone produces, sorted."""
    connection = Connection(broker.port, 30)
    times, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        error = connection.produce("well", [(0, protocol.batch([b"x" * 100]))])[0][1]
        assert error == 0, f"a well-behaved client is answered with error {error}"
        times.append(time.monotonic() - began)
    connection.close()
    return sorted(times)


def hostile(context, kind, first_bytes, share_closed):
    """5,000 such connections at once: memory bounded, others served; at least so many of a hundred are closed, or none."""
    count = 1000 if context.smoke else 5000
    broker = context.broker(os.path.join(context.folder, kind), ["connections.max.idle.ms=600000"])
    broker.start()
    broker.make_topic("well")
    before = latency_of(broker, 0.5 if context.smoke else 1)
    memory = broker.memory_kib()
    links = open_many(broker.port, count, first_bytes)
    during = latency_of(broker, 1 if context.smoke else 3)
    grown = broker.memory_kib() - memory
    closed = 0
    for link in links:
        link.setblocking(False)
        try:
            closed += link.recv(1) == b""
        except BlockingIOError:
            pass
        except OSError:
            closed += 1
        link.close()
    time.sleep(0.5)
    latency_of(broker, 0.5)
    lines = broker.log().count("\n")
    assert broker.alive(), broker.last_words()
    assert grown <= 64 << 10, f"{len(links)} connections that {kind} cost {grown} KiB"
    assert closed * 100 >= share_closed * len(links), f"only {closed} of {len(links)} were closed"
    assert share_closed or closed == 0, f"{closed} of {len(links)} were closed"
    assert lines < 400, f"{lines} log lines"
    p99 = [sample[len(sample) * 99 // 100] * 1000 for sample in (before, during)]
    broker.kill()
    return f"{len(links)} that {kind}: +{grown / len(links):.1f} KiB each, {closed} closed, {lines} log lines, lone produce p99 {p99[0]:.1f} -> {p99[1]:.1f} ms"


@case(limit=60, smoke=1)
def hostile_connections(context):
    """5,000 connections that send nothing, half a frame, a 2 GiB length or garbage: closed or kept within limits, memory bounded, others served."""
    import struct
    chance = random.Random(context.seed)
    half = struct.pack(">ihhih", 100 << 20, 0, 7, 1, -1) + b"\0" * 500
    said = [
        hostile(context, "send nothing", lambda index: b"", 0),
        hostile(context, "send half a frame", lambda index: half, 0),
        hostile(context, "announce 2 GiB", lambda index: struct.pack(">i", 0x7FFFFFFF) + b"x" * 20, 100),
        # one in forty begins with what may be the length of a frame, and is waited for
        hostile(context, "send garbage", lambda index: chance.randbytes(200), 94),
    ]
    for line in said:
        context.say(line)
    return "; ".join(said) if context.smoke else f"{len(said)} kinds, see above"


@case(limit=60, smoke=1)
def idle_connections(context):
    """5,000 connections that have asked for ApiVersions, and were busy before, cost at most 25 KiB each."""
    count = 1000 if context.smoke else 5000
    broker = context.broker(os.path.join(context.folder, "data"))
    broker.start()
    broker.make_topic("well")
    warm = [Connection(broker.port) for _ in range(20)]
    for connection in warm:
        connection.api_versions()
    memory = broker.memory_kib()
    made = [Connection(broker.port) for _ in range(count)]
    for connection in made:
        connection.api_versions()
    time.sleep(0.5)
    fresh = (broker.memory_kib() - memory) / count
    big = protocol.batch([b"y" * 100_000])
    busy = made[:count // 10]
    for _ in range(3):
        for connection in busy:
            connection.produce("well", [(0, big)])
            connection.fetch("well", {0: 0}, 200_000)
    time.sleep(11)                  # until idle buffers are given back
    for connection in busy[:50]:    # and they still work
        assert connection.api_versions() == 0
    after = (broker.memory_kib() - memory) / count
    cache = broker.metric("weir_tail_cache_bytes") or 64 << 20
    assert fresh <= 25, f"an idle connection costs {fresh:.1f} KiB"
    for connection in made + warm:
        connection.close()
    return f"{count} idle connections: {fresh:.1f} KiB each; after a tenth was busy {after:.1f} KiB each, with up to {cache / 1048576:.0f} MiB of tail cache in it"


@case(limit=60, smoke=None)
def few_descriptors(context):
    """300 descriptors for 200 busy partitions and as many clients as come: connections are refused, the logs go on, nothing is lost."""
    import resource
    broker = context.broker(os.path.join(context.folder, "data"))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    program = os.path.join(context.folder, "weir-with-300")
    with open(program, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\nulimit -n 300\nexec {broker.program} \"$@\"\n")
    os.chmod(program, 0o755)
    broker.program = program
    broker.start()
    broker.make_topic("load", 200)
    load = Load("load", 200, broker.port, context.seed)
    load.start()
    context.on_end(load.stop)
    time.sleep(1)
    links = open_many(broker.port, 400, lambda index: b"")
    time.sleep(3)
    during = load.book.total()
    time.sleep(2)
    assert broker.alive(), broker.last_words()
    assert "offline" not in broker.log(), broker.last_words()
    assert load.book.total() > during, f"nothing is acknowledged beside 400 connections: {broker.last_words()}"
    for link in links:
        link.close()
    assert load.hold(time.monotonic() + 30), "producers do not come to rest"
    count, wrong = check_log(load.book, broker.port, [0] * 200, time.monotonic() + 60)
    wrong += load.book.anomalies
    assert not wrong, wrong[:5]
    load.stop()
    assert broker.stop() == 0, broker.last_words()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == before
    return f"{load.book.total()} acknowledged, {count} read back, refusals by error code {load.book.refusals}; 400 connections tried beside"
