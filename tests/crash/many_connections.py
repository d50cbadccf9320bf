"""Connections that are hostile, idle, or too many."""

import os
import random
import socket
import struct
import time

import protocol
from case import case
from load import Load, check_log
from protocol import Connection


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
