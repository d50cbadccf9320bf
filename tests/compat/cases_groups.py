"""Consumer groups: the classic protocol by real clients and byte by byte."""

import json
import re
import time
import uuid

from harness import case

PROTOCOL = b"\x00\x00" + b"\x00\x00\x00\x00" + b"\xff\xff\xff\xff"  # a subscription to nothing


def coordinator_ready(t, group):
    """Waits until the group's coordinator serves."""
    while True:
        found = t.call("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [group]})["Coordinators"][0]
        if found["ErrorCode"] == 0:
            assert (found["NodeId"], found["Port"]) == (1, t.port), found
            probe = t.call("OffsetFetch", 8, {"Groups": [{"GroupId": group, "Topics": None}], "RequireStable": False})["Groups"][0]
            if probe["ErrorCode"] == 0:
                return
        assert t.left() > 1, found
        time.sleep(0.1)


def commit(t, group, topic, offset, version=8, member="", generation=-1, metadata="", partition=0):
    answer = t.call("OffsetCommit", version, {"GroupId": group, "GenerationIdOrMemberEpoch": generation, "MemberId": member, "Topics": [
        {"Name": topic, "Partitions": [{"PartitionIndex": partition, "CommittedOffset": offset, "CommittedLeaderEpoch": 0,
                                        "CommittedMetadata": metadata}]}]})
    return answer["Topics"][0]["Partitions"][0]["ErrorCode"]


def committed(t, group, topic, partition=0):
    answer = t.call("OffsetFetch", 8, {"Groups": [{"GroupId": group, "Topics": [
        {"Name": topic, "PartitionIndexes": [partition]}]}], "RequireStable": True})["Groups"][0]
    assert answer["ErrorCode"] == 0
    part = answer["Topics"][0]["Partitions"][0]
    return part["CommittedOffset"], part["CommittedLeaderEpoch"], part["Metadata"], part["ErrorCode"]


def join(t, group, member="", version=5, session=10000, connection=None, **fields):
    body = {"GroupId": group, "SessionTimeoutMs": session, "RebalanceTimeoutMs": 10000, "MemberId": member, "ProtocolType": "consumer",
            "Protocols": [{"Name": "range", "Metadata": PROTOCOL}]}
    body.update(fields)
    return (connection.call if connection else t.call)("JoinGroup", version, body, 15)


def sync(t, group, member, generation, assignments=(), version=3):
    return t.call("SyncGroup", version, {"GroupId": group, "GenerationId": generation, "MemberId": member, "Assignments": [
        {"MemberId": name, "Assignment": data} for name, data in assignments]})


def stable_member(t, group):
    member = join(t, group)["MemberId"]
    joined = join(t, group, member)
    assert joined["ErrorCode"] == 0, joined
    assert sync(t, group, member, joined["GenerationId"], [(member, b"mine")])["Assignment"] == b"mine"
    return member, joined["GenerationId"]


@case(limit=60)
def groups_kcat_consumes_and_resumes(t):
    """kcat -G reads a topic as a group of one, leaves, and a second run goes on where the first ended."""
    name = t.topic(partitions=2)
    t.kcat("-P", "-t", name, "-p", 0, input="a\nb\n")
    t.kcat("-P", "-t", name, "-p", 1, input="c\n")
    group = t.topic_name("g")
    options = ["-X", "auto.offset.reset=earliest", "-q", "-f", "%s\\n", "-e"]
    got = t.kcat("-G", group, *options, name).out.split()
    assert sorted(got) == ["a", "b", "c"], got
    t.kcat("-P", "-t", name, "-p", 0, input="d\n")
    assert t.kcat("-G", group, *options, name).out.split() == ["d"]


@case(limit=90)
def groups_java_console_consumer_and_tool(t):
    """The Java console consumer as a group; ConsumerGroupCommand lists, describes, resets and deletes it."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, input="one\ntwo\nthree\n")
    group = t.topic_name("g")
    got = t.java("ConsoleConsumer", "--topic", name, "--group", group, "--from-beginning", "--max-messages", 3, "--timeout-ms", 20000).out
    assert got.split() == ["one", "two", "three"]
    assert group in t.java("ConsumerGroupCommand", "--list").out.split()
    rows = t.java("ConsumerGroupCommand", "--describe", "--group", group).out
    row = [line.split() for line in rows.splitlines() if line.startswith(group)][0]
    t.note("described", row)
    state = t.java("ConsumerGroupCommand", "--describe", "--group", group, "--state").out
    t.note("state", [line.split() for line in state.splitlines() if line.startswith(group)][0][2:])
    reset = t.java("ConsumerGroupCommand", "--group", group, "--topic", name, "--reset-offsets", "--to-earliest", "--execute").out
    assert re.search(rf"{name}\s+0\s+0", reset), reset
    assert committed(t, group, name)[0] == 0
    t.java("ConsumerGroupCommand", "--delete", "--group", group)
    assert group not in t.java("ConsumerGroupCommand", "--list").out.split()


@case()
def groups_offsets_commit_fetch_delete(t):
    """Positions of a simple consumer: stored with metadata, refused where they should be, deleted, and gone with the group."""
    name = t.topic(partitions=2)
    group = t.topic_name("g")
    coordinator_ready(t, group)
    t.note("nothing yet", committed(t, group, name))
    for version in range(2, 10):
        assert commit(t, group, name, 10 + version, version=version, metadata=f"v{version}") == 0
        assert committed(t, group, name)[0] == 10 + version
    t.note("stored", committed(t, group, name))
    t.note("unknown topic", commit(t, group, "no-such-topic", 1))
    t.note("unknown partition", commit(t, group, name, 1, partition=7))
    t.note("large metadata", commit(t, group, name, 1, metadata="x" * 4097))
    t.note("generation without a group", commit(t, group + "x", name, 1, generation=3, member="m"))
    t.note("generation of an empty group", commit(t, group, name, 1, generation=3, member="m"))
    for version in range(1, 8):
        answer = t.call("OffsetFetch", version, {"GroupId": group, "Topics": [{"Name": name, "PartitionIndexes": [0, 1]}]})
        t.note(f"fetch v{version}", [(part["CommittedOffset"], part["Metadata"], part["ErrorCode"]) for part in answer["Topics"][0]["Partitions"]])
    everything = t.call("OffsetFetch", 8, {"Groups": [{"GroupId": group, "Topics": None}], "RequireStable": False})["Groups"][0]
    t.note("all", [(topic["Name"], len(topic["Partitions"])) for topic in everything["Topics"]])
    gone = t.call("OffsetDelete", 0, {"GroupId": group, "Topics": [{"Name": name, "Partitions": [{"PartitionIndex": 0}, {"PartitionIndex": 1}]}]})
    t.note("offset delete", (gone["ErrorCode"], [part["ErrorCode"] for part in gone["Topics"][0]["Partitions"]]))
    assert committed(t, group, name)[0] == -1
    t.note("offset delete unknown", t.call("OffsetDelete", 0, {"GroupId": group + "x", "Topics": []})["ErrorCode"])
    for version in range(3):
        assert commit(t, group, name, 5) == 0
        answer = t.call("DeleteGroups", version, {"GroupsNames": [group, group + "x", ""]})
        t.note(f"delete v{version}", sorted(result["ErrorCode"] for result in answer["Results"]))
    assert committed(t, group, name)[0] == -1


@case()
def groups_offsets_by_topic_id(t):
    """OffsetCommit and OffsetFetch 10 name topics by id; an id that nobody has is refused; stable positions are asked for."""
    name = t.topic(partitions=2)
    group = t.topic_name("g")
    coordinator_ready(t, group)
    known, unknown = t.topic_id(name), uuid.UUID(int=1 << 100)

    def store(topic_id, offset, partition=0):
        answer = t.call("OffsetCommit", 10, {"GroupId": group, "GenerationIdOrMemberEpoch": -1, "MemberId": "", "Topics": [
            {"TopicId": topic_id, "Partitions": [{"PartitionIndex": partition, "CommittedOffset": offset, "CommittedLeaderEpoch": 3,
                                                  "CommittedMetadata": "m"}]}]})
        row = answer["Topics"][0]
        return row["TopicId"] == topic_id, row["Partitions"][0]["ErrorCode"]
    t.note("stored", store(known, 11))
    t.note("unknown id", store(unknown, 12))
    t.note("unknown partition", store(known, 13, 9))
    for stable in (False, True):
        answer = t.call("OffsetFetch", 10, {"Groups": [{"GroupId": group, "MemberId": None, "MemberEpoch": -1, "Topics": [
            {"TopicId": known, "PartitionIndexes": [0, 1, 9]}, {"TopicId": unknown, "PartitionIndexes": [0]}]}], "RequireStable": stable})["Groups"][0]
        t.note(f"fetched, stable {stable}", (answer["ErrorCode"], [
            (row["TopicId"] == known, [(part["PartitionIndex"], part["CommittedOffset"], part["CommittedLeaderEpoch"], part["Metadata"],
                                        part["ErrorCode"]) for part in row["Partitions"]]) for row in answer["Topics"]]))
    everything = t.call("OffsetFetch", 10, {"Groups": [{"GroupId": group, "Topics": None}, {"GroupId": group + "x", "Topics": None}],
                                            "RequireStable": True})["Groups"]
    t.note("all", [(row["ErrorCode"], [(topic["TopicId"] == known, len(topic["Partitions"])) for topic in row["Topics"]]) for row in everything])
    t.note("by name it is the same", committed(t, group, name))


@case()
def groups_member_by_bytes(t):
    """One member through its whole life: ids, generations, heartbeats, describe and list in every version, leave."""
    group = t.topic_name("g")
    coordinator_ready(t, group)
    first = join(t, group)
    t.note("first join", (first["ErrorCode"], first["GenerationId"], first["ProtocolName"], first["Leader"], len(first["Members"])))
    member, generation = stable_member(t, group)
    t.note("generation", generation)
    for version in range(5):
        beat = {"GroupId": group, "GenerationId": generation, "MemberId": member}
        t.note(f"beat v{version}", (t.call("Heartbeat", version, beat)["ErrorCode"],
                                    t.call("Heartbeat", version, dict(beat, GenerationId=9))["ErrorCode"],
                                    t.call("Heartbeat", version, dict(beat, MemberId="x"))["ErrorCode"],
                                    t.call("Heartbeat", version, dict(beat, GroupId=group + "x"))["ErrorCode"],
                                    t.call("Heartbeat", version, dict(beat, GroupId=""))["ErrorCode"]))
    for version in range(7):
        body = {"Groups": [group, group + "x"]}
        if version >= 3:
            body["IncludeAuthorizedOperations"] = True
        one, none = sorted(t.call("DescribeGroups", version, body)["Groups"], key=lambda row: row["GroupId"])
        people = [(who["ClientId"], who["ClientHost"], who["MemberMetadata"], who["MemberAssignment"]) for who in one["Members"]]
        t.note(f"describe v{version}", (one["ErrorCode"], one["GroupState"], one["ProtocolType"], one["ProtocolData"], people,
                                        one.get("AuthorizedOperations")))
        t.note(f"describe nobody v{version}", (none["ErrorCode"], none["GroupState"]))
    for version in range(6):
        rows = [row for row in t.call("ListGroups", version, {})["Groups"] if row["GroupId"] == group]
        t.note(f"list v{version}", [(row["ProtocolType"], row.get("GroupState"), row.get("GroupType")) for row in rows])
    for key, body in {"states": {"StatesFilter": ["stable"]}, "other state": {"StatesFilter": ["Empty"]},
                      "type": {"TypesFilter": ["Classic"]}, "other type": {"TypesFilter": ["consumer"]}}.items():
        t.note(f"list {key}", [row["GroupId"] for row in t.call("ListGroups", 5, body)["Groups"] if row["GroupId"] == group])
    t.note("delete while used", t.call("DeleteGroups", 2, {"GroupsNames": [group]})["Results"][0]["ErrorCode"])
    t.note("sync wrong generation", sync(t, group, member, 77)["ErrorCode"])
    t.note("leave", [(row["ErrorCode"]) for row in t.call("LeaveGroup", 5, {"GroupId": group, "Members": [
        {"MemberId": "x"}, {"MemberId": member}]})["Members"]])
    t.note("beat after leave", t.call("Heartbeat", 4, {"GroupId": group, "GenerationId": generation, "MemberId": member})["ErrorCode"])
    deadline = time.monotonic() + 10
    while True:  # real Kafka may be caught in the rebalance that nobody joins
        state = t.call("DescribeGroups", 5, {"Groups": [group]})["Groups"][0]
        if state["GroupState"] != "PreparingRebalance" or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    t.note("empty", (state["GroupState"], state["ProtocolType"], state["ProtocolData"]))


@case()
def groups_join_refusals(t):
    """What JoinGroup refuses, and how."""
    group = t.topic_name("g")
    coordinator_ready(t, group)
    for key, fields in {"no group": {"group": ""}, "short session": {"session": 5999}, "long session": {"session": 1800001},
                        "unknown member": {"member": "x"}, "no protocols": {"Protocols": []}, "no type": {"ProtocolType": ""}}.items():
        fields = dict(fields)
        answer = join(t, fields.pop("group", group), **fields)
        t.note(key, (answer["ErrorCode"], answer["GenerationId"], answer["MemberId"][:1]))
    stable_member(t, group)
    for key, fields in {"other type": {"ProtocolType": "connect"}, "other protocol": {"Protocols": [{"Name": "x", "Metadata": b""}]}}.items():
        t.note(key, join(t, group, **fields)["ErrorCode"])


@case(limit=60)
def groups_survive_restart(t):
    """After a restart positions and group are there, and the member goes on without joining again."""
    name = t.topic()
    group = t.topic_name("g")
    coordinator_ready(t, group)
    member, generation = stable_member(t, group)
    assert commit(t, group, name, 42, member=member, generation=generation, metadata="kept") == 0
    t.restart()
    coordinator_ready(t, group)
    t.note("position", (committed(t, group, name)[0], committed(t, group, name)[2]))
    t.note("beat", t.call("Heartbeat", 4, {"GroupId": group, "GenerationId": generation, "MemberId": member})["ErrorCode"])


@case(limit=60)
def groups_formatters_read_the_topic(t):
    """Kafka's own formatters decode the records of the topic."""
    name = t.topic()
    group = t.topic_name("g")
    coordinator_ready(t, group)
    member, generation = stable_member(t, group)
    assert commit(t, group, name, 7, member=member, generation=generation, metadata="seen") == 0
    for kind in ("OffsetsMessageFormatter", "GroupMetadataMessageFormatter"):
        done = t.java("ConsoleConsumer", "--topic", "__consumer_offsets", "--from-beginning", "--timeout-ms", 8000,
                      "--formatter", f"org.apache.kafka.tools.consumer.{kind}", check=False)
        rows, at = [], 0
        while at < len(done.out) and done.out[at] == "{":
            row, at = json.JSONDecoder().raw_decode(done.out, at)
            rows.append(row)
        rows = [row for row in rows if row["key"]["data"]["group"] == group and row["value"]]
        # Kafka also records a group at birth; what matters is that the one with our member is the same
        rows = [row for row in rows if row["value"]["data"].get("members", True)]
        text = json.dumps(rows, sort_keys=True).replace(member, "MEMBER")
        text = re.sub(r'("(?:commitTimestamp|currentStateTimestamp)": )\d+', r"\1T", text)
        t.note(kind, re.sub(r'("topicId": )"[^"]{22}"', r"\1ID", text))
        assert rows, done.out[-500:] + done.err[-500:]
