"""What a broker keeps over a stop and a kill, and whether Kafka's own reader understands the files. These run last."""

import glob
import os
import re

import wire
from cases_produce import put, producer
from harness import case


def state(t, name):
    topic = t.await_topic(name)
    return {"id": topic["TopicId"], "end": t.list_offset(name, -1)["Offset"], "start": t.list_offset(name, -2)["Offset"]}


@case(limit=90)
def restart_clean_keeps_everything(t):
    """After a clean stop: records, offsets, topic id, settings, and the producers' last batches (behaviour 37)."""
    name = t.topic(retention_ms=123456789)
    pid = producer(t)
    assert put(t, name, pid, 0, 3)["ErrorCode"] == 0
    assert put(t, name, pid, 3, 2)["ErrorCode"] == 0
    before = state(t, name)
    t.restart()
    assert state(t, name) == before
    again = put(t, name, pid, 3, 2)
    assert (again["ErrorCode"], again["BaseOffset"]) == (0, 3), again
    assert put(t, name, pid, 6)["ErrorCode"] == 45
    assert put(t, name, pid, 5)["BaseOffset"] == 5
    assert [one.base_offset for one in wire.batches(t.fetch_one(name)["Records"])] == [0, 3, 5]
    config = t.call("DescribeConfigs", 4, {"Resources": [{"ResourceType": 2, "ResourceName": name, "ConfigurationKeys": ["retention.ms"]}]})
    assert config["Results"][0]["Configs"][0]["Value"] == "123456789"
    now = t.await_topic(name)["Partitions"][0]["LeaderEpoch"]
    if now:
        # behaviour 47, the half that needs an epoch gone by
        assert t.fetch_one(name, {"FetchOffset": 0, "CurrentLeaderEpoch": now - 1})["ErrorCode"] == 74
        asked = t.call("OffsetForLeaderEpoch", 4, {"ReplicaId": -1, "Topics": [
            {"Topic": name, "Partitions": [{"Partition": 0, "LeaderEpoch": 0}]}]})["Topics"][0]["Partitions"][0]
        assert (asked["ErrorCode"], asked["LeaderEpoch"], asked["EndOffset"]) == (0, 0, 5), asked
    t.note("leader epoch", t.await_topic(name)["Partitions"][0]["LeaderEpoch"],
           differs="which epoch a restarted leader takes is the controller's choice")


@case(limit=90)
def restart_after_kill_keeps_acknowledged(t):
    """After kill -9: every acknowledged record, and a producer's repeated batch is still known (behaviours 37, 82)."""
    name = t.topic()
    pid = producer(t)
    for sequence in range(20):
        assert put(t, name, pid, sequence)["ErrorCode"] == 0
    before = state(t, name)
    t.restart(kill=True)
    assert state(t, name) == before
    again = put(t, name, pid, 19)
    assert (again["ErrorCode"], again["BaseOffset"]) == (0, 19), again
    assert put(t, name, pid, 20)["BaseOffset"] == 20
    got = [row[0] for one in wire.batches(t.fetch_one(name)["Records"]) for row in one.records()]
    assert got == list(range(21)), got


@case(limit=90, smoke=False)
def restart_deleted_topic_stays_deleted(t):
    """A topic deleted before the stop is not there after it."""
    name = t.topic()
    t.produce(name, wire.batch([(None, b"x")]))
    t.call("DeleteTopics", 6, {"TimeoutMs": 5000, "Topics": [{"Name": name}]})
    t.await_gone(name)
    t.restart()
    found = t.call("Metadata", 12, {"Topics": [{"Name": name}], "AllowAutoTopicCreation": False})["Topics"][0]
    assert found["ErrorCode"] == 3


@case(limit=120)
def dump_log_segments(t):
    """DumpLogSegments reads log, indexes and producer snapshot of a cleanly stopped broker without a complaint."""
    name = t.topic(segment_bytes=1048576, index_interval_bytes=512)
    pid = producer(t)
    count = 0
    for index in range(30):
        assert put(t, name, pid, count, 5, text=b"x" * 12000)["ErrorCode"] == 0
        count += 5
    for codec in ("gzip", "snappy", "lz4", "zstd"):
        assert t.produce(name, wire.batch([(b"k", b"v"), (None, None)], codec))["ErrorCode"] == 0
    folder = t.folder_of(name)
    t.close()
    t.side.stop()
    try:
        logs = sorted(glob.glob(os.path.join(glob.escape(folder), "*.log")))
        assert len(logs) >= 2, os.listdir(folder)
        out = t.java("DumpLogSegments", "--files", ",".join(logs), "--deep-iteration", bootstrap=False)
        text = out.out + out.err
        # the tool counts from -1 in every file, so it finds a gap before each segment but the first: that one is its own
        gaps = re.findall(r"^  (-?\d+) is followed by (\d+)$", text, re.M)
        assert all(before == "-1" for before, _ in gaps), gaps
        complaints = [line for line in text.splitlines() if re.search("(?i)mismatch|corrupt|invalid bytes|exception|not found", line)]
        assert not complaints, complaints[:3]
        assert text.count("isvalid: false") == 0 and text.count("baseOffset:") == 34, text.count("baseOffset:")
        for kind in ("index", "timeindex"):
            files = sorted(glob.glob(os.path.join(glob.escape(folder), f"*.{kind}")))
            assert len(files) == len(logs), (kind, len(files))
            checked = t.java("DumpLogSegments", "--files", ",".join(files), "--index-sanity-check", bootstrap=False)
            assert (checked.out + checked.err).count("passed sanity check.") == len(files), checked.out[-500:] + checked.err[-300:]
            full = t.java("DumpLogSegments", "--files", ",".join(files), bootstrap=False)
            assert not re.search("(?i)mismatch|error|exception", full.out + full.err), (full.out + full.err)[-500:]
        snapshots = sorted(glob.glob(os.path.join(glob.escape(folder), "*.snapshot")))
        assert snapshots, "a clean stop leaves a producer snapshot"
        dumped = t.java("DumpLogSegments", "--files", snapshots[-1], bootstrap=False).out
        assert f"producerId: {pid}" in dumped and "lastSequence: 149" in dumped, dumped
        t.note("files", sorted({os.path.splitext(entry)[1] or entry for entry in os.listdir(folder)}))
    finally:
        t.side.start()


@case(limit=90)
def dump_cluster_metadata(t):
    """Kafka's decoder reads the metadata log of a cleanly stopped broker: every record, with the topic just made."""
    name = t.topic(retention_ms=4242)
    t.close()
    found = glob.glob(os.path.join(glob.escape(t.side.data), "**", "__cluster_metadata-0"), recursive=True)
    assert found
    t.side.stop()
    try:
        logs = sorted(glob.glob(os.path.join(found[0], "*.log")))
        text = ""
        for path in logs:
            done = t.java("DumpLogSegments", "--cluster-metadata-decoder", "--files", path, bootstrap=False)
            text += done.out + done.err
        assert not re.search("(?i)error at|exception|could not|skipping", text), text[-600:]
        assert f'"name":"{name}"' in text and '"type":"TOPIC_RECORD"' in text and '"4242"' in text
        kinds = sorted(set(re.findall(r'"type":"(\w+)"', text)))
        t.note("record kinds", kinds, differs="kinds depend on what else has happened on that side")
        for kind in ("REGISTER_BROKER_RECORD", "PARTITION_RECORD", "CONFIG_RECORD", "FEATURE_LEVEL_RECORD"):
            assert kind in kinds, (kind, kinds)
    finally:
        t.side.start()
