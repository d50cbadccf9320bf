"""Produce and idempotence: behaviours 30-37, InitProducerId and DescribeProducers.

Numbers are those of the list of client-visible behaviours in docs/compatibility.md.
"""

import struct
import time
import uuid

import wire
from harness import case

HOUR = 3600 * 1000
NOT_PARSED = "weir checks each record only where the topic needs it (compaction, LogAppendTime, another codec)"
LEAKED = "real Kafka lets an exception out as UNKNOWN_SERVER_ERROR (-1); weir names what is wrong"


@case()
def behaviour_30_offsets_and_crc(t):
    """The broker writes base offset and leader epoch, and nothing that the checksum covers."""
    name = t.topic()
    sent = wire.batch([(b"k%d" % index, b"v") for index in range(3)], leader_epoch=55)
    for expected in (0, 3):
        answer = t.produce(name, sent)
        assert (answer["ErrorCode"], answer["BaseOffset"]) == (0, expected), answer
    got = wire.batches(t.fetch_one(name)["Records"])
    assert [(one.base_offset, one.last_offset, one.leader_epoch) for one in got] == [(0, 2, 0), (3, 5, 0)]
    assert got[0].data[21:] == sent[21:], "the bytes under the checksum are the producer's own"
    assert [row[0] for one in got for row in one.records()] == list(range(6))
    t.note("base offset of the producer not 0", t.produce(name, wire.batch([(b"k", b"v")], base_offset=777))["ErrorCode"])


@case()
def behaviour_30_bad_batches(t):
    """Damaged, misnumbered and forbidden batches are refused and leave nothing behind."""
    name = t.topic()
    good = wire.batch([(b"k", b"v"), (b"k", b"w")])
    broken = bytearray(good)
    broken[-1] ^= 1
    batches = {
        "bad checksum": bytes(broken),
        "two batches": good + good,
        "no batch": b"",
        "null records": None,
        "magic 1": wire.batch([(b"k", b"v")], magic=1),
        "magic 3": wire.batch([(b"k", b"v")], magic=3),
        "count too high": wire.batch([(b"k", b"v")], count=5),
        "count and delta too high": wire.batch([(b"k", b"v")], count=5, last_offset_delta=4),
        "delta too high": wire.batch([(b"k", b"v")], last_offset_delta=3),
        "count 0": wire.batch([], count=0, last_offset_delta=0),
        "negative delta": wire.batch([(b"k", b"v")], last_offset_delta=-1),
        "control batch": wire.batch([(struct.pack(">hh", 0, 0), struct.pack(">hi", 0, 0))], attributes=0x20),
        "transactional without a producer": wire.batch([(b"k", b"v")], attributes=0x10),
        "producer id without a sequence": wire.batch([(b"k", b"v")], producer_id=1, producer_epoch=0),
        "length too long": good[:8] + struct.pack(">i", len(good)) + good[12:],
        "length too short": good[:8] + struct.pack(">i", 10) + good[12:],
        "cut short": good[:-3],
        "codec 5": wire.batch([(b"k", b"v")], attributes=5),
        "offset deltas not from 0": wire.batch([wire.record(b"k", b"v", offset_delta=1), wire.record(b"k", b"v", offset_delta=2)]),
        "offset delta repeated": wire.batch([wire.record(b"k", b"v"), wire.record(b"k", b"v")]),
        "record longer than the batch": wire.batch([b"\x7f" + wire.record(b"k", b"v")[1:]]),
        "bytes behind the last record": wire.batch([wire.record(b"k", b"v") + b"rest"]),
    }
    for key, data in batches.items():
        before = t.list_offset(name, -1)["Offset"]
        connection = t.connect(timeout=2)
        try:
            answer = t.produce(name, data, connection=connection)
            t.note(key, answer["ErrorCode"], differs={
                "codec 5": LEAKED, "record longer than the batch": NOT_PARSED, "bytes behind the last record": NOT_PARSED}.get(key))
            if answer["ErrorCode"]:
                assert answer["BaseOffset"] == -1, key
                assert t.list_offset(name, -1)["Offset"] == before, f"{key} left something behind"
        except wire.Closed:
            t.note(key, "closed")
        except TimeoutError:
            t.note(key, "no answer", differs="real Kafka never answers this request; ours must not leave a client waiting")
        connection.close()
    for key in ("bad checksum", "two batches", "control batch", "count too high", "count 0"):
        assert t.notes[key] not in (0, "closed"), (key, t.notes[key])
    assert t.notes["bad checksum"] == 2
    assert t.produce(name, good)["ErrorCode"] == 0


@case()
def behaviour_30_log_append_time(t):
    """message.timestamp.type=LogAppendTime: attribute bit 3, the broker's time, a checksum that is right again."""
    name = t.topic(message_timestamp_type="LogAppendTime")
    for codec in ("none", "gzip"):
        before = wire.now_ms()
        answer = t.produce(name, wire.batch([(b"k", b"v"), (b"k", b"w", (), 5)], codec, first_timestamp=12345))
        assert answer["ErrorCode"] == 0 and before - 2 <= answer["LogAppendTimeMs"] <= wire.now_ms() + 2
        one = wire.batches(t.fetch_one(name, answer["BaseOffset"])["Records"])[-1]
        assert one.is_log_append_time and one.max_timestamp == answer["LogAppendTimeMs"] and one.attributes & 8
        t.note(f"{codec}: base timestamp", one.first_timestamp)


@case()
def behaviour_31_record_errors(t):
    """A record without key on a compacted topic: INVALID_RECORD (87) with the index of each such record; none is kept."""
    name = t.topic(cleanup_policy="compact")
    for codec in ("none", "gzip", "lz4", "zstd", "snappy"):
        answer = t.produce(name, wire.batch([(b"k", b"v"), (None, b"v"), (b"k", b"w"), (None, b"x")], codec))
        assert answer["ErrorCode"] == 87, answer
        t.note(f"indexes {codec}", [entry["BatchIndex"] for entry in answer["RecordErrors"]])
        assert answer["ErrorMessage"] and all(entry["BatchIndexErrorMessage"] for entry in answer["RecordErrors"])
    assert t.list_offset(name, -1)["Offset"] == 0
    for version in (3, 5, 7, 8):
        t.note(f"v{version}", t.produce(name, wire.batch([(None, b"v")]), version=version)["ErrorCode"])
    assert t.produce(name, wire.batch([(b"", None)]))["ErrorCode"] == 0, "an empty key is a key"


@case()
def behaviour_32_timestamp_limits(t):
    """message.timestamp.after.max.ms is one hour unless set; before.max has no limit unless set."""
    name = t.topic()
    now = wire.now_ms()
    for key, offset, error in (("far past", -1000 * 24 * HOUR, 0), ("half an hour ahead", HOUR // 2, 0), ("two hours ahead", 2 * HOUR, 32)):
        answer = t.produce(name, wire.batch([(b"k", b"v")], first_timestamp=now + offset))
        assert answer["ErrorCode"] == error, (key, answer)
        if error:
            t.note(key, [entry["BatchIndex"] for entry in answer["RecordErrors"]])
    strict = t.topic("strict", message_timestamp_before_max_ms=1000, message_timestamp_after_max_ms=1000)
    assert t.produce(strict, wire.batch([(b"k", b"v")], first_timestamp=now - HOUR))["ErrorCode"] == 32
    mixed = t.produce(strict, wire.batch([(b"k", b"v"), (b"k", b"v", (), HOUR)]))
    assert mixed["ErrorCode"] == 32
    t.note("mixed", [entry["BatchIndex"] for entry in mixed["RecordErrors"]])
    t.note("no timestamp", t.produce(strict, wire.batch([(b"k", b"v")], first_timestamp=-1))["ErrorCode"])


@case()
def behaviour_33_message_too_large(t):
    """A batch over max.message.bytes, compressed size and header counted, is MESSAGE_TOO_LARGE (10)."""
    name = t.topic(max_message_bytes=1000)
    assert t.produce(name, wire.batch([(None, b"x" * 900)]))["ErrorCode"] == 0
    assert t.produce(name, wire.batch([(None, b"x" * 1000)]))["ErrorCode"] == 10
    assert t.produce(name, wire.batch([(None, b"x" * 5000)], "gzip"))["ErrorCode"] == 0, "what counts is the compressed size"
    exact = next(size for size in range(850, 1000) if len(wire.batch([(None, b"x" * size)])) == 1000)
    assert t.produce(name, wire.batch([(None, b"x" * exact)]))["ErrorCode"] == 0
    assert t.produce(name, wire.batch([(None, b"x" * (exact + 1))]))["ErrorCode"] == 10


@case()
def behaviour_34_acks(t):
    """acks other than -1, 0, 1 is INVALID_REQUIRED_ACKS (21); too few replicas is 19 before anything is written."""
    name = t.topic()
    data = wire.batch([(None, b"x")])
    for acks in (2, -2, 100):
        answer = t.produce(name, data, acks=acks)
        assert answer["ErrorCode"] == 21, acks
        t.note(f"acks {acks}", (answer["BaseOffset"], answer["LogStartOffset"]))
    assert t.list_offset(name, -1)["Offset"] == 0
    strict = t.topic("strict", min_insync_replicas=2)
    answer = t.produce(strict, data)
    t.note("too few in sync", answer["ErrorCode"])
    t.note("acks 1 does not mind", t.produce(strict, data, acks=1)["ErrorCode"])
    t.note("left behind", t.list_offset(strict, -1)["Offset"])


@case()
def behaviour_34_unknown_partition(t):
    """Unknown topics and partitions are answered one by one beside the good ones."""
    name = t.topic()
    data = wire.batch([(None, b"x")])
    answer = t.call("Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [
        {"Name": name, "PartitionData": [{"Index": 0, "Records": data}, {"Index": 7, "Records": data}, {"Index": -1, "Records": data}]},
        {"Name": "no-such-topic", "PartitionData": [{"Index": 0, "Records": data}]}]})
    found = {(topic["Name"], part["Index"]): part["ErrorCode"] for topic in answer["Responses"] for part in topic["PartitionResponses"]}
    assert found == {(name, 0): 0, (name, 7): 3, (name, -1): 3, ("no-such-topic", 0): 3}, found
    t.note("unknown id", t.produce(uuid.UUID(int=99), data, version=13)["ErrorCode"])


def codec_case(codec):
    def body(t):
        name = t.topic()
        for version in (3, 7, 9, 12):
            answer = t.produce(name, wire.batch([(b"k", b"value " * 20)] * 4, codec), version=version)
            if codec == "zstd" and version < 7:
                assert answer["ErrorCode"] == 76
            else:
                assert answer["ErrorCode"] == 0, (version, answer)
        number = wire.CODECS[codec][0]
        assert {one.codec for one in wire.batches(t.fetch_one(name)["Records"])} == {number}
        plain = t.topic("plain", compression_type="uncompressed")
        assert t.produce(plain, wire.batch([(b"k", b"one", [(b"h", b"x")]), (None, b"two")], codec))["ErrorCode"] == 0
        one = wire.batches(t.fetch_one(plain)["Records"])[0]
        assert one.codec == 0 and [(row[2], row[3], row[4]) for row in one.records()] == \
            [(b"k", b"one", [(b"h", b"x")]), (None, b"two", [])]
        squeezed = t.topic("gzip", compression_type="gzip")
        assert t.produce(squeezed, wire.batch([(b"k", b"one"), (b"k", b"two")], codec))["ErrorCode"] == 0
        one = wire.batches(t.fetch_one(squeezed)["Records"])[0]
        assert one.codec == 1 and [row[3] for row in one.records()] == [b"one", b"two"]
        # what cannot be decompressed, on a topic where the broker has to
        if number:
            junk = wire.batch([b"this is not compressed data"], attributes=number)
            t.note("junk where it is recompressed", t.produce(plain, junk)["ErrorCode"], differs=LEAKED)
            t.note("junk where it is kept", t.produce(name, junk)["ErrorCode"], differs=NOT_PARSED)
            assert t.notes["junk where it is recompressed"] != 0
    body.__name__ = f"behaviour_35_codec_{codec}"
    body.__doc__ = f"{codec}: kept as sent, recompressed where compression.type says so; zstd needs Produce v7 (76)."
    return case()(body)


for _codec in ("none", "gzip", "snappy", "xerial", "lz4", "zstd"):
    codec_case(_codec)


@case()
def behaviour_35_zstd_and_old_fetch(t):
    """A zstd batch asked for by Fetch below v10: Kafka 4 just gives it (older ones said 76)."""
    name = t.topic()
    t.produce(name, wire.batch([(b"k", b"v")], "zstd"))
    for version in (4, 9):
        part = t.fetch_one(name, version=version)
        t.note(f"v{version}", (part["ErrorCode"], len(wire.batches(part["Records"]))))
    assert t.fetch_one(name, version=10)["ErrorCode"] == 0
    forced = t.topic("forced", compression_type="zstd")
    t.produce(forced, wire.batch([(b"k", b"v")]))
    t.note("topic of type zstd, v9", t.fetch_one(forced, version=9)["ErrorCode"])
    assert wire.batches(t.fetch_one(forced, version=10)["Records"])[0].codec == 4


@case()
def behaviour_36_produce_response(t):
    """log_append_time_ms is -1 for CreateTime, base offset and log start offset are filled."""
    name = t.topic()
    for version in (3, 5, 8, 12):
        answer = t.produce(name, wire.batch([(None, b"x")] * 2), version=version)
        t.note(f"v{version}", {key: value for key, value in answer.items() if key != "CurrentLeader"})
    assert t.notes["v12"]["LogAppendTimeMs"] == -1 and t.notes["v12"]["BaseOffset"] == 6


# ------------------------------------------------------------------------------------------------------- idempotence

def producer(t):
    while True:
        answer = t.call("InitProducerId", 4, {"TransactionalId": None, "TransactionTimeoutMs": 60000})
        if answer["ErrorCode"] != 14:           # a broker that has just started may still be fetching its block of ids
            break
        assert t.left() > 1
        time.sleep(0.05)
    assert answer["ErrorCode"] == 0 and answer["ProducerId"] >= 0 and answer["ProducerEpoch"] == 0
    return answer["ProducerId"]


def put(t, name, pid, sequence, count=1, epoch=0, connection=None, text=b"v"):
    return t.produce(name, wire.batch([(None, text)] * count, producer_id=pid, producer_epoch=epoch, base_sequence=sequence),
                     connection=connection)


@case()
def behaviour_37_init_producer_id(t):
    """InitProducerId without a transactional id: always a new id, epoch 0, whatever the timeout; v3+ with an old id."""
    ids = [producer(t) for _ in range(5)]
    assert len(set(ids)) == 5
    for version in range(0, 6):
        answer = t.call("InitProducerId", version, {"TransactionalId": None, "TransactionTimeoutMs": -5})
        t.note(f"v{version}", (answer["ErrorCode"], answer["ProducerEpoch"]))
    bumped = t.call("InitProducerId", 4, {"TransactionalId": None, "TransactionTimeoutMs": 1000, "ProducerId": ids[0], "ProducerEpoch": 0})
    t.note("with an old id", (bumped["ErrorCode"], bumped["ProducerEpoch"], bumped["ProducerId"] in ids))
    half = t.call("InitProducerId", 4, {"TransactionalId": None, "TransactionTimeoutMs": 1000, "ProducerId": ids[0], "ProducerEpoch": -1})
    t.note("id without epoch", half["ErrorCode"])
    empty = t.call("InitProducerId", 4, {"TransactionalId": "", "TransactionTimeoutMs": 1000})
    t.note("empty transactional id", empty["ErrorCode"])


@case()
def behaviour_37_duplicates(t):
    """The last five batches of a producer are remembered: each is answered again with its first offset; the sixth is not."""
    name = t.topic()
    pid = producer(t)
    first = [put(t, name, pid, 2 * index, 2)["BaseOffset"] for index in range(6)]
    assert first == [0, 2, 4, 6, 8, 10]
    for index in range(1, 6):
        again = put(t, name, pid, 2 * index, 2)
        assert (again["ErrorCode"], again["BaseOffset"]) == (0, first[index]), (index, again)
    t.note("the sixth", put(t, name, pid, 0, 2)["ErrorCode"])
    t.note("part of one", put(t, name, pid, 10, 1)["ErrorCode"])
    assert t.list_offset(name, -1)["Offset"] == 12


@case()
def behaviour_37_gaps_and_wrap(t):
    """A gap is OUT_OF_ORDER_SEQUENCE_NUMBER (45); sequences go on from INT32_MAX at 0; an unknown producer may start anywhere."""
    name = t.topic()
    pid = producer(t)
    assert put(t, name, pid, 0, 3)["ErrorCode"] == 0
    assert put(t, name, pid, 4)["ErrorCode"] == 45
    assert put(t, name, pid, 3)["ErrorCode"] == 0
    other = producer(t)
    t.note("unknown producer starts at 7", put(t, name, other, 7)["ErrorCode"])
    wrapping = producer(t)
    top = 0x7FFFFFFF
    t.note("start at the top", put(t, name, wrapping, top - 1)["ErrorCode"])
    assert put(t, name, wrapping, top)["ErrorCode"] == 0
    assert put(t, name, wrapping, 0)["ErrorCode"] == 0
    again = producer(t)
    assert put(t, name, again, top - 1, 4)["ErrorCode"] == 0, "a batch may itself wrap"
    assert put(t, name, again, 2)["ErrorCode"] == 0


@case()
def behaviour_37_epochs(t):
    """A newer epoch begins at sequence 0; an older one is INVALID_PRODUCER_EPOCH (47)."""
    name = t.topic()
    pid = producer(t)
    assert put(t, name, pid, 0, 2)["ErrorCode"] == 0
    t.note("new epoch, sequence not 0", put(t, name, pid, 2, 1, 1)["ErrorCode"])
    assert put(t, name, pid, 0, 1, 1)["ErrorCode"] == 0
    assert put(t, name, pid, 2, 1, 0)["ErrorCode"] == 47
    assert put(t, name, pid, 1, 1, 1)["ErrorCode"] == 0
    t.note("old epoch, repeated batch", put(t, name, pid, 0, 2, 0)["ErrorCode"])


@case()
def behaviour_37_pipelined(t):
    """Five idempotent requests in flight keep their order; a failed one fails those behind it."""
    name = t.topic()
    pid = producer(t)
    connection = t.connect()
    sent = []
    for sequence in (0, 1, 2, 3, 4, 6, 7, 5):
        sent.append(connection.send("Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [
            {"Name": name, "PartitionData": [{"Index": 0, "Records": wire.batch(
                [(None, b"%d" % sequence)], producer_id=pid, producer_epoch=0, base_sequence=sequence)}]}]}))
    errors = [connection.receive("Produce", 9, one)["Responses"][0]["PartitionResponses"][0]["ErrorCode"] for one in sent]
    t.note("errors", errors)
    assert errors == [0, 0, 0, 0, 0, 45, 45, 0], errors


@case()
def behaviour_37_codecs_and_partitions(t):
    """Sequences are kept by partition; a compressed batch counts its records."""
    name = t.topic(partitions=2)
    pid = producer(t)
    for partition in (0, 1):
        for codec, sequence in (("gzip", 0), ("none", 3), ("zstd", 6)):
            answer = t.produce(name, wire.batch([(None, b"x")] * 3, codec, producer_id=pid, producer_epoch=0, base_sequence=sequence),
                               partition=partition)
            assert (answer["ErrorCode"], answer["BaseOffset"]) == (0, sequence)


@case()
def behaviour_describe_producers(t):
    """DescribeProducers: id, epoch, last sequence, no transaction (-1); unknown partitions and topics."""
    name = t.topic()
    pid = producer(t)
    before = wire.now_ms()
    put(t, name, pid, 0, 5)
    put(t, name, pid, 5, 2)
    answer = t.call("DescribeProducers", 0, {"Topics": [{"Name": name, "PartitionIndexes": [0, 9]},
                                                        {"Name": "no-such-topic", "PartitionIndexes": [0]}]})
    parts = {(topic["Name"], part["PartitionIndex"]): part for topic in answer["Topics"] for part in topic["Partitions"]}
    assert parts[(name, 0)]["ErrorCode"] == 0 and parts[(name, 9)]["ErrorCode"] == 3 and parts[("no-such-topic", 0)]["ErrorCode"] == 3
    one = parts[(name, 0)]["ActiveProducers"][0]
    assert one["ProducerId"] == pid and one["LastSequence"] == 6 and before - 5 <= one["LastTimestamp"] <= wire.now_ms() + 5
    t.note("state", {key: value for key, value in one.items() if key not in ("ProducerId", "LastTimestamp")})
    plain = t.topic("plain")
    t.produce(plain, wire.batch([(None, b"x")]))
    t.note("without idempotence", t.call("DescribeProducers", 0, {"Topics": [{"Name": plain, "PartitionIndexes": [0]}]})
           ["Topics"][0]["Partitions"][0]["ActiveProducers"])


@case()
def behaviour_produce_to_internal_topic(t):
    """A client may not produce to a topic that is Kafka's own; creating one with a leading __ of its own is fine."""
    for name in ("__cluster_metadata",):
        try:
            t.note(name, t.produce(name, wire.batch([(b"k", b"v")]), connection=t.connect())["ErrorCode"])
        except wire.Closed:
            t.note(name, "closed")
