"""What a log keeps and lets go: DeleteRecords, retention, segments, and the options that decide."""

import glob
import os
import re

import wire
from harness import case


def delete_records(t, targets, version=2):
    """targets: [(topic, [(partition, offset)])]; {(topic, partition): (error, low watermark)}"""
    answer = t.call("DeleteRecords", version, {"TimeoutMs": 10000, "Topics": [
        {"Name": name, "Partitions": [{"PartitionIndex": index, "Offset": offset} for index, offset in parts]} for name, parts in targets]})
    return {(topic["Name"], entry["PartitionIndex"]): (entry["ErrorCode"], entry["LowWatermark"])
            for topic in answer["Topics"] for entry in topic["Partitions"]}


def bounds(t, name, partition=0):
    return t.list_offset(name, -2, partition=partition)["Offset"], t.list_offset(name, -1, partition=partition)["Offset"]


def ten(t, name, partition=0):
    for index in range(10):
        assert t.produce(name, wire.batch([(b"k", b"%d" % index)]), partition=partition)["ErrorCode"] == 0


@case(limit=60)
def behaviour_delete_records(t):
    """DeleteRecords: to an offset, to the high watermark (-1), before the start, beyond the end, below -1; every version."""
    name = t.topic(partitions=3)
    for partition in range(3):
        ten(t, name, partition)
    assert delete_records(t, [(name, [(0, 4), (1, -1), (2, 0)])]) == {(name, 0): (0, 4), (name, 1): (0, 10), (name, 2): (0, 0)}
    assert [bounds(t, name, partition) for partition in range(3)] == [(4, 10), (10, 10), (0, 10)]
    for version, offset in ((0, 5), (1, 6), (2, 3)):
        assert delete_records(t, [(name, [(0, offset)])], version) == {(name, 0): (0, max(4, 5 if version == 0 else 6))}
    seen = {}
    for offset in (11, 1000, -2, -5, 2 ** 62):
        seen[offset] = delete_records(t, [(name, [(0, offset)])])[name, 0]
    t.note("refused", seen)
    assert all(error == 1 for error, _ in seen.values()), seen
    assert t.fetch_one(name, 5)["ErrorCode"] == 1
    got = t.fetch_one(name, 6)
    assert got["LogStartOffset"] == 6 and wire.batches(got["Records"])[0].base_offset == 6
    empty = t.fetch_one(name, 10, partition=1)
    assert (empty["ErrorCode"], empty["LogStartOffset"], empty["HighWatermark"]) == (0, 10, 10), empty
    assert t.produce(name, wire.batch([(None, b"on")]), partition=1)["BaseOffset"] == 10
    by_time = t.list_offset(name, 1)
    assert by_time["Offset"] == 6, by_time


@case(limit=60)
def behaviour_delete_records_refusals(t):
    """DeleteRecords refuses compacted and internal topics and unknown partitions, each by itself; what is named twice is done once."""
    name, compacted, both = t.topic("a"), t.topic("b", cleanup_policy="compact"), t.topic("c", cleanup_policy="compact,delete")
    keeping = t.topic("d", cleanup_policy="")
    for topic in (compacted, both, name, keeping):
        ten(t, topic)
    t.call("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": ["g"]})
    t.await_topic("__consumer_offsets", 50)
    seen = delete_records(t, [(name, [(0, 2), (7, 0), (-1, 0)]), (compacted, [(0, 1)]), (both, [(0, 1)]), (keeping, [(0, 1)]), ("no-such-topic", [(0, 0)]),
                              ("__consumer_offsets", [(0, -1)])])
    t.note("each", {(topic.replace(t.topic_name(""), ""), index): value for (topic, index), value in seen.items()})
    assert seen[name, 0] == (0, 2) and seen[name, 7][0] == 3 and seen["no-such-topic", 0][0] == 3
    assert seen[compacted, 0][0] == 44 and seen[both, 0] == (0, 1) and seen["__consumer_offsets", 0][0] == 17
    assert seen[keeping, 0] == (0, 1)
    t.note("twice", delete_records(t, [(name, [(0, 5), (0, 3)]), (name, [(0, 4)])])[name, 0])
    t.note("nothing", delete_records(t, []))


@case(limit=120)
def restart_keeps_deleted_records_deleted(t):
    """The start that DeleteRecords answered stays after a clean stop and after kill -9 at once, and the offsets go on."""
    name = t.topic(partitions=2)
    for partition in range(2):
        ten(t, name, partition)
    assert delete_records(t, [(name, [(0, 4)])])[name, 0] == (0, 4)
    t.restart()
    t.await_topic(name, 2)
    assert bounds(t, name) == (4, 10)
    assert delete_records(t, [(name, [(0, 7), (1, -1)])]) == {(name, 0): (0, 7), (name, 1): (0, 10)}
    t.restart(kill=True)
    t.await_topic(name, 2)
    seen = [bounds(t, name, partition) for partition in range(2)]
    t.note("after a kill", seen, differs="Kafka writes the checkpoint of starts once a minute")
    assert t.is_kafka or seen == [(7, 10), (10, 10)], seen
    assert t.produce(name, wire.batch([(None, b"on")]), partition=1)["BaseOffset"] == 10


@case(limit=60)
def java_delete_records(t):
    """kafka-delete-records: the tool's file in, its table out."""
    name = t.topic(partitions=2)
    for partition in range(2):
        ten(t, name, partition)
    path = os.path.join(t.folder, f"{t.name}-{t.side.name}.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write('{"version": 1, "partitions": [{"topic": "%s", "partition": 0, "offset": 3}, {"topic": "%s", "partition": 1, "offset": -1}]}'
                   % (name, name))
    out = t.java("DeleteRecordsCommand", "--offset-json-file", path).out
    t.note("table", sorted(re.findall(r"partition: \S+-(\d)\s+low_watermark: (\d+)", out)))
    assert bounds(t, name) == (3, 10) and bounds(t, name, 1) == (10, 10)


@case(limit=60)
def delete_records_frees_segments(t):
    """Segments wholly below the new start leave the disk by themselves."""
    name = t.topic(segment_bytes=1048576, file_delete_delay_ms=100)
    for index in range(40):
        assert t.produce(name, wire.batch([(None, b"x" * 100_000)]))["ErrorCode"] == 0
    folder = t.folder_of(name)
    count = lambda: len(glob.glob(os.path.join(glob.escape(folder), "*.log*")))  # noqa: E731
    assert count() >= 4
    assert delete_records(t, [(name, [(0, -1)])])[name, 0] == (0, 40)
    if t.is_kafka:
        return          # it removes them with its next look at retention, every five minutes
    t.until(lambda: count() == 1)
    assert bounds(t, name) == (40, 40)


@case(limit=90, smoke=False)
def lesson_segments_roll_and_are_read_across(t):
    """A time index is full one entry early and segments roll before the append, as Kafka's; a reader with small limits sees every
    offset once, before and after a restart."""
    sizes = t.topic("sizes", segment_bytes=1048576)
    times = t.topic("times", segment_index_bytes=1200, index_interval_bytes=100)
    start = wire.now_ms() - 3_600_000
    for index in range(40):
        assert t.produce(sizes, wire.batch([(b"k", b"x" * 60_000)], first_timestamp=start + index))["ErrorCode"] == 0
    for index in range(260):
        assert t.produce(times, wire.batch([(b"k", b"y" * 40)], first_timestamp=start + index * 10))["ErrorCode"] == 0

    def files(name):
        return sorted(os.path.basename(path) for path in glob.glob(os.path.join(glob.escape(t.folder_of(name)), "*.log")))

    def walk(name, end, limit):
        offsets, at = [], 0
        while at < end:
            answer = t.fetch_one(name, {"FetchOffset": at, "PartitionMaxBytes": limit})
            assert answer["ErrorCode"] == 0, answer
            got = [one for one in wire.batches(answer["Records"])]
            assert got and got[0].base_offset <= at, (at, len(got))
            offsets += [offset for one in got for offset in range(max(at, one.base_offset), one.last_offset + 1)]
            at = offsets[-1] + 1
        return offsets
    t.note("by size", files(sizes))
    t.note("by time index", files(times))
    assert len(files(sizes)) >= 2 and len(files(times)) >= 2, (files(sizes), files(times))
    for round_ in ("before", "after"):
        for limit in (1, 1500, 130_000):
            assert walk(sizes, 40, limit) == list(range(40)), (round_, limit)
        assert walk(times, 260, 700) == list(range(260)), round_
        if round_ == "before":
            t.restart()
            for name in (sizes, times):
                t.await_topic(name)
