"""One data directory that Weir and Kafka open in turn: the same records, topics, settings and group positions in both.

On the side of Weir the directory is begun by Weir, on the side of Kafka by Kafka; both must end with the same contents.
"""

import glob
import hashlib
import json
import os

import harness
import wire
from cases_groups import commit, coordinator_ready
from cases_produce import producer
from harness import case

# What Kafka must not finalize for Weir to open its directory, until Weir serves it.
FEATURES = ("transaction.version=0", "group.version=0", "share.version=0", "streams.version=0", "eligible.leader.replicas.version=0")
STAMP = 1_700_000_000_000          # fixed, so that both sides write the same bytes
CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
KEPT = {"retention.ms": "-1"}
TOPICS = {                         # name: (partitions, settings)
    "plain": (3, {}),
    "rolled": (1, {"segment.bytes": "1048576", "index.interval.bytes": "512", "max.message.bytes": "200000"}),
    "keyed": (1, {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.9"}),
    "trimmed": (2, {"segment.bytes": "1048576"}),
    "empty": (1, {"compression.type": "zstd"}),
}


class WeirOn(harness.Weir):
    """`weir` on a directory that Kafka knows too."""

    def __init__(self, home):
        super().__init__(harness.weir_program(), home.folder, ("offsets.topic.num.partitions=4", "auto.create.topics.enable=false"))
        self.port, self.dirs, self.data = home.port, home.dirs, home.dirs[0]

    def command(self):
        line = [self.program, "serve", "--port", str(self.port), "--override", "log.dirs=" + ",".join(self.dirs)]
        for setting in self.settings:
            line += ["--override", setting]
        return line


class Home:
    """The directory, and whoever has it open now."""

    def __init__(self, t, dirs=1, features=FEATURES):
        self.t = t
        self.folder = os.path.join(t.folder, f"{t.name}-{t.side.name}")
        os.makedirs(self.folder)
        self.port = harness.free_ports(3)
        run = os.path.join(self.folder, "run")
        self.dirs = [os.path.join(run, "data")] + [os.path.join(run, f"data{index}") for index in range(2, dirs + 1)]
        settings = ["offsets.topic.num.partitions=4", "auto.create.topics.enable=false", "group.initial.rebalance.delay.ms=0",
                    "log.dirs=" + ",".join(self.dirs)]
        self.kafka = harness.Kafka(self.folder, settings)
        self.kafka.port = self.port
        self.kafka.environment.update(KAFKA_PORT=str(self.port), KAFKA_FEATURES=" ".join(features), KAFKA_HEAP="320m")
        self.weir = WeirOn(self)
        self.open_now = None

    def open(self, who):
        """A context of its own for the broker that opens the directory now."""
        assert self.open_now is None
        side = self.kafka if who == "kafka" else self.weir
        side.start()
        self.open_now = side
        context = harness.Context(side, self.t.definitions, self.t.clients, self.t.name, self.t.left(), self.folder)
        self.context = context
        return context

    def close(self, kill=False):
        self.context.close()
        self.open_now.stop(kill)
        self.open_now = None

    def wipe(self):
        if not os.environ.get("KEEP_DIRECTORIES"):
            self.kafka.peer("wipe")
            self.weir.wipe()       # and the folder with it


def carried(function):
    """Gives the case two directories' keepers in the order of this side and takes everything down after it."""
    def body(t):
        home = Home(t)
        first, second = ("kafka", "weir") if t.is_kafka else ("weir", "kafka")
        try:
            function(t, home, first, second)
        finally:
            home.wipe()
    body.__name__, body.__doc__ = function.__name__, function.__doc__
    return body


def create(t, name, partitions, settings):
    answer = t.call("CreateTopics", 7, {"TimeoutMs": 10000, "Topics": [
        {"Name": name, "NumPartitions": partitions, "ReplicationFactor": 1,
         "Configs": [{"Name": key, "Value": value} for key, value in {**KEPT, **settings}.items()]}]})["Topics"][0]
    assert answer["ErrorCode"] == 0, answer
    t.await_topic(name, partitions)


def put(t, name, data, partition=0):
    answer = t.produce(name, data, partition=partition)
    assert answer["ErrorCode"] == 0, (name, answer)
    return answer["BaseOffset"]


class Producer:
    """An idempotent producer that goes on where it was, whoever has the directory open."""

    def __init__(self, t):
        self.id = producer(t)      # waits for the ids of a broker that has just begun
        self.sequence = 0
        self.last, self.began = None, wire.now_ms()

    def batch(self, text):
        # of now: a producer whose last record is old is forgotten
        return wire.batch([(b"id", text)], first_timestamp=self.began, producer_id=self.id, producer_epoch=0, base_sequence=self.sequence)

    def put(self, t):
        offset = put(t, "plain", self.batch(b"mine"), partition=2)
        self.last = (self.batch(b"mine"), offset)
        self.sequence += 1

    def repeat(self, t):
        """The last batch again: it is known, and given its old offset."""
        offset = put(t, "plain", self.last[0], partition=2)
        assert offset == self.last[1], f"the batch at {self.last[1]} came again and was given {offset}"


def fill(t):
    for name, (partitions, settings) in TOPICS.items():
        create(t, name, partitions, settings)
    for codec in CODECS:
        for partition in range(2):
            put(t, "plain", wire.batch([(b"k", b"v" * 400), (None, b"no key"), (b"gone", None), (b"h", b"x", [(b"a", b"b"), (b"n", None)])],
                                       codec, first_timestamp=STAMP + partition), partition)
    for index in range(25):
        put(t, "rolled", wire.batch([(b"%d" % index, b"x" * 100_000)], first_timestamp=STAMP + index))
        put(t, "trimmed", wire.batch([(b"%d" % index, b"y" * 100_000)], first_timestamp=STAMP + index))
    for index in range(20):
        put(t, "keyed", wire.batch([(b"key %d" % (index % 5), b"%d" % index)], first_timestamp=STAMP))
    mine = Producer(t)
    for _ in range(3):
        mine.put(t)
    create(t, "gone", 2, {})
    put(t, "gone", wire.batch([(b"k", b"v")]))
    deleted = t.call("DeleteTopics", 6, {"TimeoutMs": 5000, "Topics": [{"Name": "gone"}]})
    assert deleted["Responses"][0]["ErrorCode"] == 0
    t.await_gone("gone")
    answer = t.call("DeleteRecords", 2, {"TimeoutMs": 10000, "Topics": [{"Name": "trimmed", "Partitions": [{"PartitionIndex": 0, "Offset": 15}]}]})
    assert answer["Topics"][0]["Partitions"][0]["ErrorCode"] == 0, answer
    set_broker(t, "1", "log.cleaner.io.buffer.size", "655360")
    set_broker(t, "", "log.cleaner.backoff.ms", "16000")
    move_groups(t, 1)
    t.kcat("-G", "live", "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000", "-e", "-q", "plain")
    return mine


def set_broker(t, broker, name, value):
    answer = t.call("IncrementalAlterConfigs", 1, {"ValidateOnly": False, "Resources": [
        {"ResourceType": 4, "ResourceName": broker, "Configs": [{"Name": name, "ConfigOperation": 0, "Value": value}]}]})
    assert answer["Responses"][0]["ErrorCode"] == 0, answer


def move_groups(t, offset):
    for group in ("first", "second"):
        coordinator_ready(t, group)
        assert commit(t, group, "plain", offset, metadata=f"at {offset}") == 0
        assert commit(t, group, "rolled", offset * 2) == 0


def more(t, mine, offset):
    """The next owner's own writes."""
    mine.repeat(t)
    mine.put(t)
    put(t, "plain", wire.batch([(b"later", b"z")], "gzip", first_timestamp=STAMP + offset), 1)
    put(t, "rolled", wire.batch([(b"later", b"z" * 150_000)], first_timestamp=STAMP + offset))
    put(t, "trimmed", wire.batch([(b"later", b"z")], first_timestamp=STAMP + offset))
    move_groups(t, offset)


def log_of(t, name, partition):
    """(start, end, fingerprint of every byte between but the leader epochs)"""
    start = t.list_offset(name, -2, partition=partition)["Offset"]
    end = t.list_offset(name, -1, partition=partition)["Offset"]
    digest, at = hashlib.sha256(), start
    while at < end:
        part = t.fetch_one(name, {"FetchOffset": at, "PartitionMaxBytes": 4 << 20}, partition)
        assert part["ErrorCode"] == 0, (name, partition, at, part["ErrorCode"])
        got = wire.batches(part["Records"])
        assert got, (name, partition, at)
        for one in got:
            clean = one.data[:12] + b"\0\0\0\0" + one.data[16:]
            # the producer's id is the cluster's choice and its time is now; so is the checksum over them
            digest.update(clean if one.producer_id < 0 else clean[:17] + clean[21:27] + clean[51:])
        at = got[-1].last_offset + 1
    return start, end, digest.hexdigest()[:16]


def contents(t):
    """What a client can see of the directory. Topic ids are told apart: they stay, but differ between the sides."""
    found = t.call("Metadata", 12, {"Topics": None})["Topics"]
    ids = {topic["Name"]: str(topic["TopicId"]) for topic in found if not topic["IsInternal"]}
    topics = {}
    for topic in found:
        if topic["IsInternal"]:
            continue
        t.await_topic(topic["Name"], len(topic["Partitions"]))
        topics[topic["Name"]] = [log_of(t, topic["Name"], index) for index in range(len(topic["Partitions"]))]
    settings = {}
    for kind, names, source in ((2, sorted(topics), 1), (4, ["1", ""], None)):
        answer = t.call("DescribeConfigs", 4, {"Resources": [{"ResourceType": kind, "ResourceName": name, "ConfigurationKeys": None} for name in names]})
        for result in answer["Results"]:
            assert result["ErrorCode"] == 0, result
            settings[result["ResourceName"]] = {entry["Name"]: entry["Value"] for entry in result["Configs"] if entry["ConfigSource"] in
                                                ((source,) if source else (2, 3))}
    groups = {}
    for group in ("first", "second", "live"):
        coordinator_ready(t, group)
        answer = t.call("OffsetFetch", 8, {"Groups": [{"GroupId": group, "Topics": None}], "RequireStable": True})["Groups"][0]
        groups[group] = sorted((topic["Name"], entry["PartitionIndex"], entry["CommittedOffset"], entry["Metadata"])
                               for topic in answer["Topics"] for entry in topic["Partitions"])
    listed = t.call("ListGroups", 4, {"StatesFilter": []})["Groups"]
    return {"topics": topics, "ids": ids, "settings": settings, "groups": groups, "listed": sorted(group["GroupId"] for group in listed)}


def same(now, before, who):
    for key, value in before.items():
        assert now[key] == value, f"{key} after {who} opened the directory: {now[key]}, before: {value}"


def told(seen):
    return {key: value for key, value in seen.items() if key != "ids"}


@case(limit=150)
@carried
def directories_there_and_back(t, home, first, second):
    """A cleanly stopped broker's directory opened by the other and by itself again: records, topics, settings, positions, producers."""
    owner = home.open(first)
    mine = fill(owner)
    seen = contents(owner)
    assert sorted(seen["topics"]) == sorted(TOPICS)
    assert [log[:2] for log in seen["topics"]["trimmed"]] == [(15, 25), (0, 0)]
    t.note("written", told(seen))
    home.close()
    for round_number, who in enumerate((second, first, second)):
        owner = home.open(who)
        same(contents(owner), seen, who)
        more(owner, mine, 5 + round_number)
        seen = contents(owner)
        home.close()
    t.note("in the end", told(seen))


@case(limit=150, smoke=False)
@carried
def directories_after_kill(t, home, first, second):
    """The same after kill -9: the other broker recovers, and the first one again after the other was killed."""
    owner = home.open(first)
    mine = fill(owner)
    seen = contents(owner)
    home.close(kill=True)
    for round_number, who in enumerate((second, first)):
        owner = home.open(who)
        same(contents(owner), seen, who)
        more(owner, mine, 5 + round_number)
        seen = contents(owner)
        home.close(kill=True)
    owner = home.open(second)
    same(contents(owner), seen, second)
    home.close()
    t.note("in the end", told(seen))


def adopt(t, home, *flags, code=0):
    done = t.run([harness.weir_program(), "adopt", *flags, *home.dirs], check=False)
    assert done.returncode == code, f"weir adopt {' '.join(flags)}: {done.returncode}, not {code}: {done.out} {done.err}"
    return done.out + done.err


def listing(home):
    """Every file with its size and content, but what only says when or who."""
    found = {}
    for folder in home.dirs:
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), "**", "*"), recursive=True)):
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


def on_kafka_side(function):
    """A case that begins with Kafka whatever the side: it runs once, on Kafka's."""
    def body(t):
        if t.is_kafka:
            function(t)
    body.__name__, body.__doc__ = function.__name__, function.__doc__
    return body


@case(limit=120)
@on_kafka_side
def directories_adopt_features(t):
    """A directory formatted by Kafka with all its features is refused by name and left as it was; the way out that the sentence
    gives is gone, and then it is adopted, served, and given back."""
    home = Home(t, features=())
    try:
        owner = home.open("kafka")
        create(owner, "plain", 1, {})
        put(owner, "plain", wire.batch([(b"k", b"v")]))
        running = adopt(t, home, "--check", code=1)
        assert "a server runs on" in running and "stop it first" in running, running
        home.close()
        before = listing(home)
        said = adopt(t, home, "--check", code=1)
        levels = dict(entry.split("=")[0:1] + ["0"] for entry in FEATURES)
        for feature in levels:
            assert f"{feature} " in said and f"--feature {feature}=0" in said, said
        report = json.loads(adopt(t, home, "--check", "--json", code=1))
        assert not report["works"] and report["features"]["group.version"] == 1 and report["problems"], report
        refused = t.run(home.weir.command(), check=False, timeout=30)
        assert refused.returncode == 1 and "kafka-features.sh" in refused.err and "transaction.version" in refused.err, refused.err
        after = listing(home)
        # a start that was refused took the marker of a clean stop away and put it back, and opened an epoch of the quorum
        changed = sorted(os.path.relpath(path, home.dirs[0]) for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        assert all(path.startswith("__cluster_metadata-0") or "checkpoint" in path for path in changed), changed
        owner = home.open("kafka")
        owner.java("FeatureCommand", "downgrade", *[word for feature in levels for word in ("--feature", f"{feature}=0")])
        home.close()
        before = listing(home)
        report = json.loads(adopt(t, home, "--check", "--json"))
        assert report["works"] and report["topics"][0]["name"] == "plain" and report["directories"][0]["clean"], report
        assert listing(home) == before, "a check changed something"
        said = adopt(t, home)
        assert "adopted" in said and "--undo" in said and "weir serve --override log.dirs=" in said
        owner = home.open("weir")
        assert log_of(owner, "plain", 0)[:2] == (0, 1)
        put(owner, "plain", wire.batch([(b"k", b"v")]))
        assert "a server runs on" in adopt(t, home, "--undo", code=1)
        home.close(kill=True)
        assert "not stopped cleanly" in adopt(t, home, "--undo", code=1)
        assert "read and checked at the start" in adopt(t, home, "--check")
        home.open("weir")
        home.close()
        assert "undone" in adopt(t, home, "--undo")
        assert "nothing to undo" in adopt(t, home, "--undo", code=1)
        owner = home.open("kafka")
        assert log_of(owner, "plain", 0)[:2] == (0, 2)
        home.close()
    finally:
        home.wipe()


@case(limit=120, smoke=False)
@on_kafka_side
def directories_two_log_dirs(t):
    """Two log directories: adopted together, served, and carried back."""
    home = Home(t, dirs=2)
    try:
        owner = home.open("kafka")
        mine = fill(owner)
        seen = contents(owner)
        home.close()
        report = json.loads(adopt(t, home, "--check", "--json"))
        assert len(report["directories"]) == 2 and all(entry["partitions"] > 0 for entry in report["directories"]), report
        single = t.run([harness.weir_program(), "adopt", "--check", home.dirs[1]], check=False)
        assert single.returncode == 1 and "metadata log" in single.out, single.out
        for who in ("weir", "kafka"):
            owner = home.open(who)
            same(contents(owner), seen, who)
            more(owner, mine, 9 if who == "weir" else 10)
            seen = contents(owner)
            home.close()
    finally:
        home.wipe()
