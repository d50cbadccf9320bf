"""Fetch, its sessions, ListOffsets and OffsetForLeaderEpoch: behaviours 40-50 and 76.

Numbers are those of the list of client-visible behaviours in docs/compatibility.md.
"""

import threading
import time
import uuid

import wire
from harness import case


def fill(t, name, count, size=10, partition=0, per_batch=1):
    for index in range(count):
        answer = t.produce(name, wire.batch([(b"k", b"%d" % index + b"x" * size)] * per_batch), partition=partition)
        assert answer["ErrorCode"] == 0


def offsets(part):
    return [(one.base_offset, one.last_offset) for one in wire.batches(part["Records"])]


@case()
def behaviour_40_first_batch_whole(t):
    """Limits are soft: the first batch of the first partition with data comes whole, later ones only when there is room."""
    name = t.topic(partitions=3)
    for partition in (1, 2):
        fill(t, name, 3, 5000, partition)
    for version in (4, 11, 12):
        answer = t.fetch(name, {0: {"FetchOffset": 0, "PartitionMaxBytes": 10}, 1: {"FetchOffset": 0, "PartitionMaxBytes": 10},
                                2: {"FetchOffset": 0, "PartitionMaxBytes": 10}}, version, MaxBytes=100)
        parts = {part["PartitionIndex"]: part for part in answer["Responses"][0]["Partitions"]}
        got = {index: offsets(part) for index, part in parts.items()}
        t.note(f"v{version}", got)
        assert got[1] == [(0, 0)] and got[0] == [] and got[2] == [], got
    roomy = t.fetch_one(name, {"FetchOffset": 0, "PartitionMaxBytes": 11000}, partition=1)
    whole = wire.batches(roomy["Records"])
    assert len(whole) == 2 and len(roomy["Records"]) <= 11000
    order = t.fetch(name, {2: {"FetchOffset": 0, "PartitionMaxBytes": 10}, 1: {"FetchOffset": 0, "PartitionMaxBytes": 10}}, 12, MaxBytes=100)
    got = {part["PartitionIndex"]: offsets(part) for part in order["Responses"][0]["Partitions"]}
    assert got == {2: [(0, 0)], 1: []}, got
    nothing = t.fetch_one(name, {"FetchOffset": 0, "PartitionMaxBytes": 0}, partition=1, MaxBytes=0)
    t.note("limits of 0", offsets(nothing))


@case()
def behaviour_41_offset_inside_batch(t):
    """An offset within a batch returns that whole batch."""
    name = t.topic()
    fill(t, name, 3, per_batch=10)
    for offset, first in ((0, 0), (5, 0), (9, 0), (10, 10), (29, 20)):
        assert offsets(t.fetch_one(name, offset))[0][0] == first


@case()
def behaviour_42_long_poll(t):
    """A fetch at the end waits: for min_bytes, at most max_wait; an offset out of range answers at once."""
    name = t.topic()
    fill(t, name, 1)
    started = time.monotonic()
    part = t.fetch_one(name, 1, MaxWaitMs=700, MinBytes=1)
    waited = time.monotonic() - started
    assert part["ErrorCode"] == 0 and offsets(part) == [] and 0.65 <= waited < 3, waited
    started = time.monotonic()
    t.fetch_one(name, 1, MaxWaitMs=5000, MinBytes=0)
    assert time.monotonic() - started < 2, "min_bytes 0 does not wait"
    connection = t.connect()
    correlation = connection.send("Fetch", 12, t.fetch_body(12, name, {0: 1}, MaxWaitMs=10000, MinBytes=1))
    time.sleep(0.4)
    started = time.monotonic()
    fill(t, name, 1)
    answer = connection.receive("Fetch", 12, correlation)
    assert time.monotonic() - started < 2, "a record wakes the waiter"
    assert offsets(answer["Responses"][0]["Partitions"][0]) == [(1, 1)]
    started = time.monotonic()
    for offset in (99, -1):
        part = t.fetch_one(name, offset, MaxWaitMs=5000, MinBytes=1)
        assert part["ErrorCode"] == 1 and part["HighWatermark"] == -1, part
        t.note(f"offset {offset}", {key: part[key] for key in ("LastStableOffset", "LogStartOffset", "AbortedTransactions")})
        t.note(f"records {offset}", part["Records"] in (None, b""))
    assert time.monotonic() - started < 3


@case()
def behaviour_42_min_bytes_over_partitions(t):
    """min_bytes is counted over all partitions of the request; an offset out of range ends the wait at once (real Kafka
    does wait beside a partition that does not exist)."""
    name = t.topic(partitions=2)
    connection = t.connect()
    body = t.fetch_body(12, name, {0: 0, 1: 0}, MaxWaitMs=8000, MinBytes=3000)
    correlation = connection.send("Fetch", 12, body)
    started = time.monotonic()
    fill(t, name, 1, 2000, 0)
    fill(t, name, 1, 2000, 1)
    answer = connection.receive("Fetch", 12, correlation)
    assert time.monotonic() - started < 4
    assert [len(offsets(part)) for part in answer["Responses"][0]["Partitions"]] == [1, 1]
    started = time.monotonic()
    answer = t.fetch(name, {0: 1, 1: 99}, MaxWaitMs=8000, MinBytes=1)
    assert time.monotonic() - started < 4
    assert {part["PartitionIndex"]: part["ErrorCode"] for part in answer["Responses"][0]["Partitions"]} == {0: 0, 1: 1}
    started = time.monotonic()
    answer = t.fetch(name, {0: 1, 5: 0}, MaxWaitMs=1000, MinBytes=1)
    t.note("waits beside an unknown partition", time.monotonic() - started > 0.9)
    assert {part["PartitionIndex"]: part["ErrorCode"] for part in answer["Responses"][0]["Partitions"]} == {0: 0, 5: 3}


@case()
def behaviour_42_unknown_topics(t):
    """Unknown topic by name is 3, by id 100; a topic deleted under a waiter ends the wait."""
    assert t.fetch_one("no-such-topic")["ErrorCode"] == 3
    assert t.fetch_one(uuid.UUID(int=77), version=13)["ErrorCode"] == 100
    part = t.fetch_one(uuid.UUID(int=77), version=17)
    t.note("unknown id", {key: part[key] for key in ("HighWatermark", "LastStableOffset", "LogStartOffset")})


@case()
def behaviour_43_records_never_missing(t):
    """Nothing to read is an empty records field in every version, and whole batches come whole."""
    name = t.topic()
    ident = t.topic_id(name)
    for version in range(4, 19):
        part = t.fetch_one(ident if version >= 13 else name, 0, version=version)
        assert part["ErrorCode"] == 0
        t.note(f"v{version} empty", part["Records"])
    fill(t, name, 10, 1000)
    for version in range(4, 19):
        part = t.fetch_one(ident if version >= 13 else name, {"FetchOffset": 0, "PartitionMaxBytes": 5000}, version=version)
        t.note(f"v{version} batches", len(wire.batches(part["Records"])))
        t.note(f"v{version} bytes fit", len(part["Records"]) <= 5000)


@case()
def behaviour_44_high_watermark(t):
    """With one replica a record is readable once acknowledged; the last stable offset is in the answer."""
    name = t.topic()
    for index in range(20):
        assert t.produce(name, wire.batch([(None, b"x")]), acks=1)["ErrorCode"] == 0
        part = t.fetch_one(name, index)
        assert offsets(part) == [(index, index)] and part["HighWatermark"] == index + 1, \
            f"acknowledged offset {index} cannot be read: high watermark {part['HighWatermark']}"
        assert part["LastStableOffset"] == index + 1 and part["LogStartOffset"] == 0


@case()
def behaviour_45_aborted_transactions_field(t):
    """aborted_transactions is null for read_uncommitted and a list for read_committed."""
    name = t.topic()
    fill(t, name, 1)
    plain = t.fetch_one(name, 0, IsolationLevel=0)
    committed = t.fetch_one(name, 0, IsolationLevel=1)
    t.note("read_uncommitted", plain["AbortedTransactions"])
    t.note("read_committed", committed["AbortedTransactions"])
    assert plain["AbortedTransactions"] is None and committed["AbortedTransactions"] == []
    assert offsets(plain) == offsets(committed) == [(0, 0)]
    full = t.topic("full")
    fill(t, full, 1)
    for key, room in {"first batch does not fit": 10, "no room at all": 0}.items():
        body = t.fetch_body(12, name, {0: 0}, IsolationLevel=1)
        other = t.fetch_body(12, full, {0: 0}, IsolationLevel=1)["Topics"][0]
        other["Partitions"][0]["PartitionMaxBytes"] = room
        body["Topics"].append(other)
        answer = t.call("Fetch", 12, body)["Responses"]
        left = next(topic for topic in answer if topic["Topic"] == full)["Partitions"][0]
        t.note(key, (left["AbortedTransactions"], len(left["Records"] or b"")))


# ---------------------------------------------------------------------------------------------------------- sessions

def session(t, connection, session_id, epoch, topic=None, parts=None, version=12, forget=(), **options):
    body = t.fetch_body(version, topic, parts or {}, SessionId=session_id, SessionEpoch=epoch, **options)
    if forget:
        body["ForgottenTopicsData"] = [{"TopicId" if version >= 13 else "Topic": topic, "Partitions": list(forget)}]
    return connection.call("Fetch", version, body)


def listed(answer):
    return {part["PartitionIndex"]: offsets(part) for topic in answer["Responses"] for part in topic["Partitions"]}


@case()
def behaviour_46_session_incremental(t):
    """(0, 0) opens a session; the next answers list only partitions with news; forgotten ones stay silent; -1 closes."""
    name = t.topic(partitions=3)
    connection = t.connect()
    opened = session(t, connection, 0, 0, name, {0: 0, 1: 0, 2: 0})
    number = opened["SessionId"]
    assert opened["ErrorCode"] == 0 and number > 0 and sorted(listed(opened)) == [0, 1, 2]
    idle = session(t, connection, number, 1)
    assert idle["SessionId"] == number and idle["Responses"] == [], idle
    fill(t, name, 1, partition=1)
    news = session(t, connection, number, 2)
    assert listed(news) == {1: [(0, 0)]}, listed(news)
    again = session(t, connection, number, 3)
    assert listed(again) == {1: [(0, 0)]}, "the position is the client's to move"
    moved = session(t, connection, number, 4, name, {1: 1})
    t.note("position moved to the end", listed(moved))
    assert listed(session(t, connection, number, 5)) == {}
    fill(t, name, 1, partition=2)
    forgotten = session(t, connection, number, 6, name, forget=[2])
    assert listed(forgotten) == {}, listed(forgotten)
    back = session(t, connection, number, 7, name, {2: 0})
    assert listed(back) == {2: [(0, 0)]}
    closed = session(t, connection, number, -1, name, {1: 0})
    t.note("closed", (closed["ErrorCode"], closed["SessionId"], listed(closed)))
    assert session(t, connection, number, 8)["ErrorCode"] == 70


@case()
def behaviour_46_partition_named_twice(t):
    """A partition that a request names twice is answered once, at the offset named last."""
    name = t.topic()
    connection = t.connect()
    fill(t, name, 3)
    wanted = [{"Partition": 0, "CurrentLeaderEpoch": -1, "FetchOffset": offset, "LogStartOffset": -1, "PartitionMaxBytes": 1 << 20}
              for offset in (0, 99)]
    answer = connection.call("Fetch", 11, {
        "ReplicaId": -1, "MaxWaitMs": 100, "MinBytes": 1, "MaxBytes": 1 << 20, "IsolationLevel": 0, "SessionId": 0, "SessionEpoch": -1,
        "Topics": [{"Topic": name, "Partitions": wanted}], "ForgottenTopicsData": [], "RackId": ""})
    rows = [(row["PartitionIndex"], row["ErrorCode"]) for topic in answer["Responses"] for row in topic["Partitions"]]
    assert rows == [(0, 1)], rows


@case()
def behaviour_46_session_errors(t):
    """Unknown session 70; wrong epoch 71, after which the right one still works; sessions are not bound to a connection."""
    name = t.topic()
    connection = t.connect()
    unknown = session(t, connection, 123456, 5)
    assert unknown["ErrorCode"] == 70 and unknown["SessionId"] == 0 and unknown["Responses"] == []
    number = session(t, connection, 0, 0, name, {0: 0})["SessionId"]
    wrong = session(t, connection, number, 7)
    assert wrong["ErrorCode"] == 71
    t.note("wrong epoch", (wrong["SessionId"] in (0, number), wrong["Responses"]))
    assert session(t, t.connect(), number, 1)["ErrorCode"] == 0
    assert session(t, connection, number, 1)["ErrorCode"] == 71, "an epoch is used once"
    assert session(t, connection, number, 2)["ErrorCode"] == 0
    reopened = session(t, connection, number, 0, name, {0: 0})
    t.note("epoch 0 with an old id", (reopened["ErrorCode"], reopened["SessionId"] > 0, reopened["SessionId"] != number))
    sessionless = session(t, connection, 0, -1, name, {0: 0})
    assert sessionless["SessionId"] == 0 and listed(sessionless) == {0: []}


@case()
def behaviour_46_session_high_watermark(t):
    """A moved high watermark or log start alone is news; an error is news each time."""
    name = t.topic()
    connection = t.connect()
    number = session(t, connection, 0, 0, name, {0: 0, 9: 0})["SessionId"]
    for epoch in (1, 2):
        answer = session(t, connection, number, epoch)
        errors = {part["PartitionIndex"]: part["ErrorCode"] for topic in answer["Responses"] for part in topic["Partitions"]}
        t.note(f"error in epoch {epoch}", errors)
    fill(t, name, 1)
    answer = session(t, connection, number, 3, name, {0: {"FetchOffset": 0, "PartitionMaxBytes": 1 << 20}}, forget=[9])
    assert listed(answer) == {0: [(0, 0)]}


@case()
def behaviour_46_session_names_and_ids(t):
    """A session by names (v12) cannot go on by ids (v13): FETCH_SESSION_TOPIC_ID_ERROR (106)."""
    name = t.topic()
    ident = t.topic_id(name)
    connection = t.connect()
    number = session(t, connection, 0, 0, name, {0: 0}, 12)["SessionId"]
    assert session(t, connection, number, 1, ident, {0: 0}, 13)["ErrorCode"] == 106
    number = session(t, connection, 0, 0, ident, {0: 0}, 13)["SessionId"]
    assert session(t, connection, number, 1, name, {0: 0}, 12)["ErrorCode"] == 106
    number = session(t, connection, 0, 0, ident, {0: 0}, 13)["SessionId"]
    fill(t, name, 1)
    answer = session(t, connection, number, 1, version=13)
    assert answer["Responses"][0]["TopicId"] == ident and listed(answer) == {0: [(0, 0)]}


@case()
def behaviour_46_session_emptied_and_deleted(t):
    """A session whose last partition is forgotten closes; a topic deleted in a session shows as an error."""
    name = t.topic()
    connection = t.connect()
    number = session(t, connection, 0, 0, name, {0: 0})["SessionId"]
    emptied = session(t, connection, number, 1, name, forget=[0])
    t.note("emptied", (emptied["ErrorCode"], emptied["SessionId"]))
    t.note("afterwards", session(t, connection, number, 2)["ErrorCode"])
    gone = t.topic("gone")
    ident = t.topic_id(gone)
    number = session(t, connection, 0, 0, ident, {0: 0}, 13)["SessionId"]
    t.call("DeleteTopics", 6, {"TimeoutMs": 5000, "Topics": [{"Name": gone}]})
    epoch, error = 1, 0
    while not error and t.left() > 2:
        answer = session(t, connection, number, epoch, version=13)
        error = answer["ErrorCode"] or max([part["ErrorCode"] for topic in answer["Responses"] for part in topic["Partitions"]], default=0)
        epoch += 1
        time.sleep(0.05)
    # by its id the topic is unknown as an id (100), or still as a name (3) while the session remembers it
    assert error in (3, 100), error


@case()
def behaviour_46_session_long_poll(t):
    """An incremental fetch waits like any other, and wakes for any partition of the session."""
    name = t.topic(partitions=4)
    connection = t.connect()
    number = session(t, connection, 0, 0, name, {index: 0 for index in range(4)})["SessionId"]
    timer = threading.Timer(0.4, lambda: wake(t, name))
    timer.start()
    started = time.monotonic()
    answer = session(t, connection, number, 1, MaxWaitMs=8000, MinBytes=1)
    assert time.monotonic() - started < 4 and listed(answer) == {3: [(0, 0)]}
    timer.join()


def wake(t, name):
    with t.connect() as connection:
        t.produce(name, wire.batch([(None, b"x")]), partition=3, connection=connection)


# ------------------------------------------------------------------------------------------------------------- epochs

@case()
def behaviour_47_leader_epoch_fencing(t):
    """current_leader_epoch below the leader's is 74, above it 75, -1 is not looked at: Fetch, ListOffsets, OffsetForLeaderEpoch."""
    name = t.topic()
    fill(t, name, 1)
    now = t.await_topic(name)["Partitions"][0]["LeaderEpoch"]
    for epoch, error in ((now + 1, 75), (now, 0), (-1, 0)):
        part = t.fetch_one(name, {"FetchOffset": 0, "CurrentLeaderEpoch": epoch})
        assert part["ErrorCode"] == error, ("fetch", epoch, part["ErrorCode"])
        listing = t.call("ListOffsets", 7, {"ReplicaId": -1, "Topics": [{"Name": name, "Partitions": [
            {"PartitionIndex": 0, "Timestamp": -1, "CurrentLeaderEpoch": epoch}]}]})["Topics"][0]["Partitions"][0]
        assert listing["ErrorCode"] == error, ("list", epoch, listing)
        asked = t.call("OffsetForLeaderEpoch", 4, {"ReplicaId": -1, "Topics": [{"Topic": name, "Partitions": [
            {"Partition": 0, "CurrentLeaderEpoch": epoch, "LeaderEpoch": now}]}]})["Topics"][0]["Partitions"][0]
        assert asked["ErrorCode"] == error, ("epoch", epoch, asked)


@case()
def behaviour_47_diverging_epoch(t):
    """last_fetched_epoch (v12+) beyond what the log knows is answered with where the logs part."""
    name = t.topic()
    fill(t, name, 3)
    now = t.await_topic(name)["Partitions"][0]["LeaderEpoch"]
    same = t.fetch_one(name, {"FetchOffset": 2, "LastFetchedEpoch": now})
    assert same["ErrorCode"] == 0 and same["DivergingEpoch"]["EndOffset"] == -1 and offsets(same) == [(2, 2)]
    for key, fields in {"newer epoch": {"FetchOffset": 2, "LastFetchedEpoch": now + 5},
                        "past the end": {"FetchOffset": 9, "LastFetchedEpoch": now}}.items():
        part = t.fetch_one(name, fields)
        t.note(key, (part["ErrorCode"], part["DivergingEpoch"], offsets(part)))


@case()
def behaviour_48_preferred_replica(t):
    """A client's rack without a selector changes nothing: records come, the preferred replica is -1."""
    name = t.topic()
    fill(t, name, 1)
    part = t.fetch_one(name, 0, RackId="somewhere")
    assert part["PreferredReadReplica"] == -1 and offsets(part) == [(0, 0)]


@case()
def behaviour_49_list_offsets(t):
    """Latest, earliest, largest timestamp, earliest local, latest tiered, earliest pending upload, and by time."""
    name = t.topic()
    start = 1700000000000
    empty = {special: t.list_offset(name, special, 11) for special in (-1, -2, -3, -4, -5, -6)}
    t.note("empty", {special: (part["ErrorCode"], part["Offset"], part["Timestamp"], part["LeaderEpoch"]) for special, part in empty.items()})
    t.produce(name, wire.batch([(None, b"a", (), 0), (None, b"b", (), 5000), (None, b"c", (), 1000)], first_timestamp=start))
    t.produce(name, wire.batch([(None, b"d", (), 0), (None, b"e", (), 10)], first_timestamp=start + 4000))
    found = {special: t.list_offset(name, special, 11) for special in (-1, -2, -3, -4, -5, -6)}
    t.note("filled", {special: (part["ErrorCode"], part["Offset"], part["Timestamp"], part["LeaderEpoch"]) for special, part in found.items()})
    assert found[-1]["Offset"] == 5 and found[-2]["Offset"] == 0
    assert (found[-3]["Offset"], found[-3]["Timestamp"]) == (1, start + 5000)
    for when, offset, stamp in ((start - 1, 0, start), (start, 0, start), (start + 1, 1, start + 5000), (start + 4500, 1, start + 5000),
                                (start + 5000, 1, start + 5000), (start + 5001, -1, -1), (0, 0, start)):
        part = t.list_offset(name, when, 7)
        assert (part["ErrorCode"], part["Offset"], part["Timestamp"]) == (0, offset, stamp), (when - start, part)
        t.note(f"epoch at {when - start}", part["LeaderEpoch"])
    compressed = t.topic("gzip")
    t.produce(compressed, wire.batch([(None, b"a", (), 0), (None, b"b", (), 5000), (None, b"c", (), 1000)], "gzip", first_timestamp=start))
    part = t.list_offset(compressed, start + 1, 7)
    assert (part["Offset"], part["Timestamp"]) == (1, start + 5000), part
    part = t.list_offset(compressed, -3, 7)
    t.note("largest timestamp in a compressed batch", (part["Offset"], part["Timestamp"]))


@case()
def behaviour_49_list_offsets_versions(t):
    """A special timestamp on a version that does not know it: what each partition is told."""
    name = t.topic()
    fill(t, name, 1)
    for special, first in ((-3, 7), (-4, 8), (-5, 9), (-6, 11)):
        t.note(f"{special} on v{first - 1}", t.list_offset(name, special, first - 1)["ErrorCode"])
        assert t.notes[f"{special} on v{first - 1}"] == 35
        assert t.list_offset(name, special, first)["ErrorCode"] == 0
    t.note("unknown special", t.list_offset(name, -42, 11)["ErrorCode"])
    for version in range(1, 12):
        part = t.list_offset(name, -1, version)
        assert (part["ErrorCode"], part["Offset"]) == (0, 1)
        t.note(f"v{version}", sorted(part))
    twice = t.call("ListOffsets", 7, {"ReplicaId": -1, "Topics": [{"Name": name, "Partitions": [
        {"PartitionIndex": 0, "Timestamp": -1}, {"PartitionIndex": 0, "Timestamp": -2}]}]})["Topics"][0]["Partitions"]
    t.note("a partition twice", [part["ErrorCode"] for part in twice])
    unknown = t.call("ListOffsets", 7, {"ReplicaId": -1, "Topics": [
        {"Name": name, "Partitions": [{"PartitionIndex": 9, "Timestamp": -1}]},
        {"Name": "no-such-topic", "Partitions": [{"PartitionIndex": 0, "Timestamp": -1}]}]})["Topics"]
    assert [part["ErrorCode"] for topic in unknown for part in topic["Partitions"]] == [3, 3]
    assert t.list_offset(name, -1, 7, IsolationLevel=1)["Offset"] == 1


@case()
def behaviour_50_offset_for_leader_epoch(t):
    """The end offset of the largest epoch not above the one asked; unknown is (-1, -1)."""
    name = t.topic()
    fill(t, name, 4)

    def ask(epoch, version=4):
        return t.call("OffsetForLeaderEpoch", version, {**({"ReplicaId": -1} if version >= 3 else {}), "Topics": [
            {"Topic": name, "Partitions": [{"Partition": 0, "LeaderEpoch": epoch}]}]})["Topics"][0]["Partitions"][0]

    for version in (2, 3, 4):
        now = ask(0, version)
        assert (now["ErrorCode"], now["LeaderEpoch"], now["EndOffset"]) == (0, 0, 4), now
        for epoch in (5, -1):
            part = ask(epoch, version)
            t.note(f"epoch {epoch} v{version}", (part["ErrorCode"], part["LeaderEpoch"], part["EndOffset"]))
            assert (part["LeaderEpoch"], part["EndOffset"]) == (-1, -1)
    unknown = t.call("OffsetForLeaderEpoch", 4, {"ReplicaId": -1, "Topics": [
        {"Topic": "no-such-topic", "Partitions": [{"Partition": 0, "LeaderEpoch": 0}]}]})["Topics"][0]["Partitions"][0]
    assert unknown["ErrorCode"] == 3


@case()
def behaviour_76_end_for_read_committed(t):
    """Without open transactions both kinds of reader are given the same end, by ListOffsets and in Fetch."""
    name = t.topic()
    assert t.produce(name, wire.batch([(None, b"a"), (None, b"b")]))["ErrorCode"] == 0
    for level in (0, 1):
        t.note(f"isolation {level}", (t.list_offset(name, -1, IsolationLevel=level)["Offset"],
                                      t.fetch_one(name, IsolationLevel=level)["LastStableOffset"]))


@case()
def lesson_full_fetch_by_epoch(t):
    """Epoch 0 and -1 ask for everything, whatever session id comes with them."""
    name = t.topic()
    assert t.produce(name, wire.batch([(None, b"a")]))["ErrorCode"] == 0
    for epoch in (0, -1):
        for session in (0, 987654):
            answer = t.fetch(name, {0: 0}, SessionId=session, SessionEpoch=epoch)
            t.note(f"epoch {epoch}, session {session}", (answer["ErrorCode"], answer["SessionId"] > 0, len(answer["Responses"])))
