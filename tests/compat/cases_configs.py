"""Options that are changed while a broker runs, and what options do to a log: beside Kafka."""

import glob
import os
import time

import wire
from cases_directories import Home, create, put
from cases_topics import DELETE, SET, alter, describe
from harness import case

ALREADY_TOLD = {
    "listeners": "Kafka opens and closes sockets; here they are refused while the broker runs",
    "listener.security.protocol.map": "as listeners",
    "principal.builder.class": "Java classes cannot be loaded",
    "min.insync.replicas": "eligible leader replicas forbid it for one broker, until that feature is finalized here",
    "ssl.keystore.type": "there is no key store to load yet",
    "ssl.truststore.type": "there is no key store to load yet",
}


@case(limit=90)
def config_which_change_while_running(t):
    """Every broker option, tried for one broker and for all with validate_only: which may change, and with which error not."""
    _, configs = describe(t, 4, "1")
    names = sorted(name for name in configs if not name.startswith("weir."))
    t.note("names", names)
    for where, broker in (("one broker", "1"), ("all brokers", "")):
        outcome = {}
        for name in names:
            value = configs[name]["Value"]
            outcome[name] = alter(t, 4, broker, (SET, name, "1" if value is None else value), validate=True)["ErrorCode"]
        for name, reason in ALREADY_TOLD.items():
            t.note(f"{name} of {where}", outcome.pop(name), differs=reason)
        # values that were never set: "1" may be nonsense for them, and only the broker that reads it can tell
        unset = {name: outcome.pop(name) for name in names if configs[name]["Value"] is None and name in outcome}
        t.note(f"may change, {where}", sorted(name for name, error in outcome.items() if error == 0))
        t.note(f"may not, {where}", sorted(f"{name} {error}" for name, error in outcome.items() if error))
        t.note(f"of unset ones, {where}", len(unset) > 0)


@case(limit=60)
def config_precedence(t):
    """message.max.bytes: topic over broker over all brokers over default, each in effect at once and shown with its source."""
    name = t.topic()
    sizes = {"small": 900, "middle": 1900, "large": 2900}
    batches = {key: wire.batch([(None, b"x" * size)]) for key, size in sizes.items()}

    def taken():
        return [key for key in sizes if t.produce(name, batches[key])["ErrorCode"] == 0]

    def becomes(expected, label):
        while taken() != expected:
            assert t.left() > 1, (label, taken())
            time.sleep(0.05)
        entry = describe(t, 2, name, ["max.message.bytes"], IncludeSynonyms=True)[1]["max.message.bytes"]
        t.note(label, (entry["Value"], entry["ConfigSource"], [(one["Name"], one["Value"], one["Source"]) for one in entry["Synonyms"]]))

    try:
        becomes(["small", "middle", "large"], "default")
        assert alter(t, 4, "", (SET, "message.max.bytes", "1000"))["ErrorCode"] == 0
        becomes(["small"], "all brokers")
        assert alter(t, 4, "1", (SET, "message.max.bytes", "2000"))["ErrorCode"] == 0
        becomes(["small", "middle"], "this broker")
        assert alter(t, 2, name, (SET, "max.message.bytes", "3000"))["ErrorCode"] == 0
        becomes(["small", "middle", "large"], "topic")
        assert alter(t, 2, name, (DELETE, "max.message.bytes", None))["ErrorCode"] == 0
        becomes(["small", "middle"], "topic's removed")
        assert alter(t, 4, "1", (DELETE, "message.max.bytes", None))["ErrorCode"] == 0
        becomes(["small"], "this broker's removed")
    finally:
        for broker in ("1", ""):
            alter(t, 4, broker, (DELETE, "message.max.bytes", None))
    becomes(["small", "middle", "large"], "none left")


@case(limit=120)
def restart_keeps_dynamic_configs(t):
    """Settings of one broker and of all are there after a restart, in effect and with their sources."""
    name = t.topic()
    data = wire.batch([(None, b"x" * 3000)])
    try:
        assert alter(t, 4, "", (SET, "message.max.bytes", "1000"), (SET, "log.retention.ms", "777000"))["ErrorCode"] == 0
        assert alter(t, 4, "1", (SET, "log.retention.ms", "999000"))["ErrorCode"] == 0
        t.restart()
        t.await_topic(name)
        assert t.produce(name, data)["ErrorCode"] == 10
        for kind, who, key in ((4, "1", "log.retention.ms"), (4, "1", "message.max.bytes"), (2, name, "retention.ms"), (2, name, "max.message.bytes")):
            entry = describe(t, kind, who, [key], IncludeSynonyms=True)[1][key]
            t.note(f"{kind} {key}", (entry["Value"], entry["ConfigSource"], [(one["Name"], one["Value"], one["Source"]) for one in entry["Synonyms"]]))
    finally:
        for broker in ("1", ""):
            alter(t, 4, broker, (DELETE, "message.max.bytes", None), (DELETE, "log.retention.ms", None))


@case(limit=60)
def java_configs_tool_dynamic(t):
    """kafka-configs on brokers: add, describe, delete; a read-only option is refused."""
    try:
        t.java("ConfigCommand", "--entity-type", "brokers", "--entity-default", "--alter", "--add-config", "log.retention.ms=4200000,log.cleaner.threads=2")
        t.java("ConfigCommand", "--entity-type", "brokers", "--entity-name", "1", "--alter", "--add-config", "log.flush.interval.ms=60000")
        out = t.java("ConfigCommand", "--entity-type", "brokers", "--entity-default", "--describe").out
        t.note("of all", sorted(line.strip().split(" ")[0] for line in out.splitlines()[1:] if not line.strip().startswith("min.insync")))
        out = t.java("ConfigCommand", "--entity-type", "brokers", "--entity-name", "1", "--describe").out
        t.note("of one", sorted(line.strip() for line in out.splitlines()[1:] if not line.strip().startswith("min.insync")))
        refused = t.java("ConfigCommand", "--entity-type", "brokers", "--entity-name", "1", "--alter", "--add-config", "log.dirs=/x", check=False)
        assert refused.returncode != 0
    finally:
        t.java("ConfigCommand", "--entity-type", "brokers", "--entity-default", "--alter", "--delete-config", "log.retention.ms,log.cleaner.threads")
        t.java("ConfigCommand", "--entity-type", "brokers", "--entity-name", "1", "--alter", "--delete-config", "log.flush.interval.ms")


QUICK = ("log.retention.check.interval.ms=500", "log.initial.task.delay.ms=500", "log.cleaner.backoff.ms=500")
MIB = 1 << 20
UNTOUCHED = {"min.compaction.lag.ms": "3600000000"}     # what Kafka compacts is not the question here


@case(limit=120, smoke=False)
def config_retention_and_segments(t):
    """retention.ms, retention.bytes, cleanup.policy, segment.bytes, segment.ms, segment.index.bytes: what is left, and in how
    many segments, is the same as with Kafka. On brokers of their own that look every half second."""
    home = Home(t)
    for side in (home.kafka, home.weir):
        side.settings = [*side.settings, *QUICK]
    with open(home.kafka.environment["KAFKA_PROPS"], "a", encoding="utf-8") as file:
        file.write("\n".join(QUICK) + "\n")
    try:
        owner = home.open("kafka" if t.is_kafka else "weir")
        now = wire.now_ms()
        old = now - 5 * 60_000
        small = {"segment.bytes": str(MIB), "file.delete.delay.ms": "100"}
        topics = {
            "kept": small,
            "by-time": {**small, "retention.ms": "60000"},
            "by-size": {**small, "retention.bytes": str(2 * MIB)},
            "compacted": {**small, "retention.ms": "60000", "cleanup.policy": "compact", **UNTOUCHED},
            "both": {**small, "retention.ms": "60000", "cleanup.policy": "compact,delete", **UNTOUCHED},
            "neither": {**small, "retention.ms": "60000", "cleanup.policy": ""},
            "by-append-time": {**small, "retention.ms": "60000", "message.timestamp.type": "LogAppendTime"},
            "rolls-by-age": {"segment.ms": "1000"},
            "rolls-by-index": {"segment.index.bytes": "96", "index.interval.bytes": "1"},
        }
        for name, settings in topics.items():
            # retention comes when everything is there: what it finds must not depend on when it looks
            settings = {**{key: value for key, value in settings.items() if not key.startswith("retention.")}, "retention.ms": "-1"}
            answer = owner.call("CreateTopics", 7, {"TimeoutMs": 10000, "Topics": [
                {"Name": name, "NumPartitions": 1, "ReplicationFactor": 1, "Configs": [{"Name": key, "Value": value} for key, value in settings.items()]}]})
            assert answer["Topics"][0]["ErrorCode"] == 0, answer
            owner.await_topic(name)
        for name in topics:
            for index in range(30):
                if name.startswith("rolls"):
                    put(owner, name, wire.batch([(b"k", b"v")], first_timestamp=old + index * 500))
                else:
                    put(owner, name, wire.batch([(b"%d" % index, b"x" * 150_000)], first_timestamp=old if index < 20 else now))

        for name, settings in topics.items():
            for key in ("retention.ms", "retention.bytes"):
                if key in settings:
                    assert alter(owner, 2, name, (SET, key, settings[key]))["ErrorCode"] == 0

        def state(name):
            folder = owner.folder_of(name)
            logs = [path for path in glob.glob(os.path.join(glob.escape(folder), "*.log"))]
            return owner.list_offset(name, -2)["Offset"], owner.list_offset(name, -1)["Offset"], len(logs)

        owner.until(lambda: state("by-time")[0] > 0 and state("by-size")[0] > 0 and state("both")[0] > 0)
        time.sleep(1.5)          # whatever else would go has gone
        for name in topics:
            t.note(name, state(name))
        assert state("kept")[0] == state("compacted")[0] == state("neither")[0] == state("by-append-time")[0] == 0
        assert state("rolls-by-age")[2] > 5 and state("rolls-by-index")[2] > 1
        # the setting changes: what it protected goes
        assert alter(owner, 2, "kept", (SET, "retention.ms", "60000"))["ErrorCode"] == 0
        owner.until(lambda: state("kept")[0] > 0)
        time.sleep(1)
        t.note("kept no more", state("kept"))
        # everything is old: the newest segment goes too
        create(owner, "all-old", 1, {**small, "retention.ms": "60000"})
        for index in range(10):
            put(owner, "all-old", wire.batch([(None, b"x" * 1000)], first_timestamp=old))
        owner.until(lambda: state("all-old")[0] == 10)
        t.note("all old", state("all-old")[:2])
        home.close()
    finally:
        home.wipe()


@case(limit=60, smoke=False, settings=("max.connection.creation.rate=5",))
def config_rate_of_new_connections(t):
    """max.connection.creation.rate: ten seconds' worth at once, the rest waits, all are served; a change acts at once."""
    def crowd(size):
        """How long after the first each of so many connections was answered, the last one first."""
        began = time.monotonic()
        connections = [t.connect() for _ in range(size)]
        for connection in connections:
            connection.send("ApiVersions", 0, {})
        times = []
        for connection in connections:
            connection.receive("ApiVersions", 0, timeout=30)
            times.append(time.monotonic() - began)
            connection.close()
        return times

    assert alter(t, 2, t.topic(), (SET, "retention.ms", "1000000"))["ErrorCode"] == 0      # has its connection from here on
    time.sleep(12)                                                                         # what the start used is forgotten
    times = crowd(56)
    quick = sum(one - times[0] < 0.19 for one in times)        # (real Kafka takes up to a second for the first)
    assert 45 <= quick <= 53, (quick, times)
    assert times[-1] - times[0] > 0.7, times
    assert alter(t, 4, "", (SET, "max.connection.creation.rate", "100000"))["ErrorCode"] == 0
    time.sleep(1)
    times = crowd(30)
    t.note("after the change", times[-1] < 0.5)
    assert times[-1] < 0.5, times


@case(limit=60, settings=("connections.max.idle.ms=3000",))
def config_a_slow_request_is_not_idle(t):
    """connections.max.idle.ms: a request of 960 KB that takes twice as long to arrive is answered; a silent connection is closed."""
    name = t.topic()
    silent, slow = t.connect(), t.connect()
    body = {"Acks": -1, "TimeoutMs": 10000, "TransactionalId": None, "TopicData": [
        {"Name": name, "PartitionData": [{"Index": 0, "Records": wire.batch([(None, b"x" * 960_000)])}]}]}
    frame = slow.frame("Produce", 9, body, 1)
    for at in range(0, len(frame), 70_000):
        slow.send_raw(frame[at:at + 70_000])
        time.sleep(0.5)
    answer = slow.receive("Produce", 9, correlation=1, timeout=10)["Responses"][0]["PartitionResponses"][0]
    assert (answer["ErrorCode"], answer["BaseOffset"]) == (0, 0), answer
    assert silent.is_closed(5), "a connection that was silent for seven seconds is still open"
