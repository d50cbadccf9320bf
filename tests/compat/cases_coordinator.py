"""What clients depend on in the coordinator of classic groups, and lessons that other brokers learned late."""

import struct
import threading
import time

from cases_directories import Home
from cases_groups import PROTOCOL, commit, committed, coordinator_ready, join, stable_member, sync
from cases_produce import put, producer
from harness import case


def beat(t, group, member, generation, **fields):
    return t.call("Heartbeat", 4, {"GroupId": group, "GenerationId": generation, "MemberId": member, **fields})["ErrorCode"]


def state_of(t, group):
    return t.call("DescribeGroups", 5, {"Groups": [group]})["Groups"][0]["GroupState"]


class Later:
    """A request on a connection of its own, whose answer is waited for elsewhere."""

    def __init__(self, function, *args, **fields):
        self.began, self.ended, self.answer, self.error = time.monotonic(), None, None, None
        self.thread = threading.Thread(target=self.body, args=(function, args, fields), daemon=True)
        self.thread.start()

    def body(self, function, args, fields):
        try:
            self.answer = function(*args, **fields)
        except Exception as error:  # noqa: BLE001
            self.error = error
        self.ended = time.monotonic()

    def get(self, seconds=20):
        self.thread.join(seconds)
        assert not self.thread.is_alive(), "no answer"
        assert self.error is None, self.error
        return self.answer

    @property
    def took(self):
        return self.ended - self.began


def named(t, group, version=5, **fields):
    """A member id, given by the coordinator."""
    first = join(t, group, version=version, **fields)
    assert first["ErrorCode"] == 79 and first["MemberId"], first
    return first["MemberId"]


def subscription(*topics):
    """What a consumer says when it joins: version 0, its topics, no data of its own."""
    data = struct.pack(">hi", 0, len(topics))
    for topic in topics:
        data += struct.pack(">h", len(topic)) + topic.encode()
    return data + struct.pack(">i", -1)


@case(smoke=False)
def behaviour_54_member_id_required(t):
    """JoinGroup 4+ without a member id: 79 and an id that begins with the client's; it is then taken. Below 4 one call is enough."""
    group = t.topic_name("g")
    coordinator_ready(t, group)
    for version in (4, 5, 9):
        answer = join(t, group, version=version, **({"Reason": "I want to"} if version >= 8 else {}))
        t.note(f"v{version}", (answer["ErrorCode"], answer["GenerationId"], answer["Members"]))
        assert answer["MemberId"].startswith("compat-") and len(answer["MemberId"]) > 36, answer["MemberId"]
    member = answer["MemberId"]
    t.note("leave before joining", [row["ErrorCode"] for row in t.call("LeaveGroup", 5, {"GroupId": group, "Members": [
        {"MemberId": member, "Reason": "enough"}]})["Members"]])
    t.note("an id that left", join(t, group, member)["ErrorCode"])
    again = named(t, group)
    joined = join(t, group, again)
    t.note("the id is taken", (joined["ErrorCode"], joined["MemberId"] == again, joined["Leader"] == again))
    for version in (0, 3):
        old = join(t, group + f"-v{version}", version=version)
        t.note(f"at once, v{version}", (old["ErrorCode"], old["GenerationId"], old["MemberId"] == old["Leader"], len(old["Members"])))


@case(limit=45, smoke=False)
def behaviour_55_first_rebalance_waits(t):
    """The first round of an empty group waits 3 s, longer when somebody comes meanwhile; a later round waits for those it knows."""
    group = t.topic_name("g")
    coordinator_ready(t, group)
    first, second = named(t, group), named(t, group)
    one = Later(join, t, group, first, connection=t.connect())
    time.sleep(1.5)
    two = Later(join, t, group, second, connection=t.connect())
    answers = one.get(), two.get()
    assert 4 < one.took < 9, f"the first waited {one.took:.1f} s"
    t.note("one round", sorted((answer["ErrorCode"], answer["GenerationId"], len(answer["Members"])) for answer in answers))
    leader, follower = (first, second) if answers[0]["Leader"] == first else (second, first)
    for member, share in ((leader, [(leader, b"a"), (follower, b"b")]), (follower, ())):
        assert sync(t, group, member, 1, share)["ErrorCode"] == 0
    third = named(t, group)
    begin = time.monotonic()
    late = Later(join, t, group, third, connection=t.connect())
    t.until(lambda: beat(t, group, leader, 1) == 27)
    again = [Later(join, t, group, member, connection=t.connect()) for member in (leader, follower)]
    t.note("the next round", [waiting.get()["GenerationId"] for waiting in (late, *again)])
    assert time.monotonic() - begin < 3, "a round that everybody joined waited all the same"


@case(limit=45, smoke=False)
def behaviour_56_leader_and_protocol(t):
    """Only the leader sees the members; the protocol is one that all know, chosen by vote; nothing in common is 23."""
    group = t.topic_name("g")
    coordinator_ready(t, group)

    def protocols(*names):
        return [{"Name": name, "Metadata": name.encode()} for name in names]
    wishes = [protocols("a", "b", "c"), protocols("b", "c"), protocols("c", "b", "d")]
    members = [named(t, group, version=9, Protocols=wish) for wish in wishes]
    waiting = [Later(join, t, group, member, version=9, connection=t.connect(), Protocols=wish) for member, wish in zip(members, wishes)]
    answers = [one.get() for one in waiting]
    t.note("answers", sorted((answer["ErrorCode"], answer["ProtocolType"], answer["ProtocolName"], answer["SkipAssignment"],
                              len(answer["Members"])) for answer in answers))
    leader = next(answer for answer in answers if answer["Members"])
    assert leader["Leader"] == leader["MemberId"]
    t.note("metadata", sorted(member["Metadata"] for member in leader["Members"]))
    for key, fields in {"nothing in common": {"Protocols": protocols("d", "e")}, "other type": {"ProtocolType": "connect", "Protocols": protocols("b")},
                        "an empty list": {"Protocols": []}}.items():
        answer = join(t, group, version=9, **fields)
        t.note(key, (answer["ErrorCode"], answer["ProtocolType"], answer["ProtocolName"]))


@case()
def behaviour_57_group_ids(t):
    """A group without a name: only offsets are stored and read for it; everything else is refused, each in its way."""
    name = t.topic()
    coordinator_ready(t, t.topic_name("g"))
    t.until(lambda: t.call("FindCoordinator", 3, {"KeyType": 0, "Key": ""})["ErrorCode"] != 15)
    t.note("find", t.call("FindCoordinator", 3, {"KeyType": 0, "Key": ""})["ErrorCode"])
    t.note("commit", commit(t, "", name, 5))
    t.note("fetch", committed(t, "", name))
    t.note("join", join(t, "")["ErrorCode"])
    t.note("sync", sync(t, "", "m", 1)["ErrorCode"])
    t.note("beat", beat(t, "", "m", 1))
    t.note("leave", t.call("LeaveGroup", 5, {"GroupId": "", "Members": [{"MemberId": "m"}]})["ErrorCode"])
    for version in (5, 6):
        row = t.call("DescribeGroups", version, {"Groups": [""]})["Groups"][0]
        t.note(f"describe v{version}", (row["ErrorCode"], row["GroupState"]))
    t.note("offset delete", t.call("OffsetDelete", 0, {"GroupId": "", "Topics": []})["ErrorCode"])
    t.note("delete", t.call("DeleteGroups", 2, {"GroupsNames": [""]})["Results"][0]["ErrorCode"])


@case(limit=45, smoke=False)
def behaviour_58_sync_group(t):
    """A follower waits for the leader's assignment; who is not in it gets nothing; another type or name is 23; a new round is 27."""
    group = t.topic_name("g")
    coordinator_ready(t, group)
    members = [named(t, group) for _ in range(2)]
    answers = [one.get() for one in [Later(join, t, group, member, connection=t.connect()) for member in members]]
    leader = answers[0]["Leader"]
    follower = next(member for member in members if member != leader)
    generation = answers[0]["GenerationId"]

    def call(member, connection=None, **fields):
        body = {"GroupId": group, "GenerationId": generation, "MemberId": member, "Assignments": [], **fields}
        return (connection or t).call("SyncGroup", 5, body, 15)
    for key, fields in {"other type": {"ProtocolType": "connect", "ProtocolName": "range"}, "other name": {"ProtocolType": "consumer", "ProtocolName": "x"},
                        "other generation": {"GenerationId": 9}, "unknown member": {"MemberId": "x"}}.items():
        t.note(key, call(**{"member": follower, **fields})["ErrorCode"] if "MemberId" not in fields else call("x")["ErrorCode"])
    waiting = Later(call, follower, t.connect(), ProtocolType="consumer", ProtocolName="range")
    time.sleep(0.5)
    assert waiting.ended is None, waiting.answer
    t.note("beat while completing", beat(t, group, follower, generation))
    t.note("commit while completing", commit(t, group, t.topic(), 1, member=leader, generation=generation))
    mine = call(leader, Assignments=[{"MemberId": leader, "Assignment": b"all of it"}], ProtocolType="consumer", ProtocolName="range")
    t.note("leader", (mine["ErrorCode"], mine["Assignment"], mine["ProtocolType"], mine["ProtocolName"]))
    theirs = waiting.get()
    t.note("follower", (theirs["ErrorCode"], theirs["Assignment"]))
    t.note("asked again", call(leader)["Assignment"])
    third = named(t, group)
    late = Later(join, t, group, third, connection=t.connect())
    t.until(lambda: state_of(t, group) == "PreparingRebalance")
    t.note("in a new round", call(leader)["ErrorCode"])
    for member in (leader, follower):
        t.call("LeaveGroup", 5, {"GroupId": group, "Members": [{"MemberId": member}]})
    t.note("the third", late.get()["ErrorCode"])


@case(limit=45)
def behaviour_59_heartbeat_by_state(t):
    """Heartbeat: 0 while the assignment is awaited and when stable, 27 while members gather, 25 in an empty or unknown group."""
    group = t.topic_name("g")
    coordinator_ready(t, group)
    t.note("unknown group", beat(t, group, "m", 1))
    member = named(t, group)
    t.note("an id that has not joined", beat(t, group, member, -1))
    generation = join(t, group, member)["GenerationId"]
    t.note("completing", (state_of(t, group), beat(t, group, member, generation)))
    assert sync(t, group, member, generation, [(member, b"x")])["ErrorCode"] == 0
    t.note("stable", (state_of(t, group), beat(t, group, member, generation)))
    t.note("stable, wrong", (beat(t, group, member, generation + 1), beat(t, group, "x", generation)))
    other = named(t, group)
    late = Later(join, t, group, other, connection=t.connect())
    t.until(lambda: state_of(t, group) == "PreparingRebalance")
    t.note("preparing", beat(t, group, member, generation))
    t.note("commit while preparing", commit(t, group, t.topic(), 1, member=member, generation=generation))
    t.call("LeaveGroup", 5, {"GroupId": group, "Members": [{"MemberId": member}]})
    late.get()
    t.call("LeaveGroup", 5, {"GroupId": group, "Members": [{"MemberId": other}]})
    t.until(lambda: state_of(t, group) == "Empty")
    t.note("empty", beat(t, group, member, generation))


@case()
def behaviour_60_offset_commit(t):
    """Who may commit: anybody to an empty group, only a member of this generation to a live one; every version."""
    name = t.topic()
    group = t.topic_name("g")
    coordinator_ready(t, group)
    t.note("simple", commit(t, group, name, 1))
    member, generation = stable_member(t, group)
    seen = {}
    for version in range(2, 10):
        seen[version] = (commit(t, group, name, 2, version=version, member=member, generation=generation),
                         commit(t, group, name, 3, version=version, member=member, generation=generation + 1),
                         commit(t, group, name, 4, version=version, member="x", generation=generation),
                         commit(t, group, name, 5, version=version, member="", generation=-1),
                         commit(t, group, name, 6, version=version, member=member, generation=-1))
    t.note("stable", seen)
    t.note("kept", committed(t, group, name))
    t.note("below zero", commit(t, group, name, -7, member=member, generation=generation))
    t.note("metadata", (commit(t, group, name, 8, member=member, generation=generation, metadata="ü" * 2048), committed(t, group, name)[2] == "ü" * 2048,
                        commit(t, group, name, 8, member=member, generation=generation, metadata="ü" * 4096),
                        commit(t, group, name, 8, member=member, generation=generation, metadata="ü" * 4097),
                        commit(t, group, name, 8, member=member, generation=generation, metadata="𝄞" * 2049)))
    t.call("LeaveGroup", 5, {"GroupId": group, "Members": [{"MemberId": member}]})
    t.until(lambda: state_of(t, group) == "Empty")
    t.note("after it left", (commit(t, group, name, 9), commit(t, group, name, 9, member=member, generation=generation)))


@case()
def behaviour_61_offset_fetch(t):
    """Positions nobody stored are -1 and no error; no topics means all; many groups in one request; a member may be named."""
    name = t.topic(partitions=2)
    group, other = t.topic_name("g"), t.topic_name("h")
    coordinator_ready(t, group)
    assert commit(t, group, name, 41, metadata="m") == 0
    for version in range(1, 10):
        asked = {"Topics": [{"Name": name, "PartitionIndexes": [0, 1, 7]}, {"Name": "no-such-topic", "PartitionIndexes": [0]}]}
        body = {"Groups": [{"GroupId": group, **asked}, {"GroupId": other, **asked}]} if version >= 8 else {"GroupId": group, **asked}
        answer = t.call("OffsetFetch", version, body)
        groups = answer["Groups"] if version >= 8 else [answer]
        t.note(f"v{version}", [(one.get("ErrorCode", 0), [(topic["Name"], [
            (part["PartitionIndex"], part["CommittedOffset"], part["Metadata"], part["ErrorCode"]) for part in topic["Partitions"]])
            for topic in one["Topics"]]) for one in groups])
    for version in range(2, 8):
        t.note(f"all v{version}", [(topic["Name"], len(topic["Partitions"])) for topic in t.call("OffsetFetch", version, {
            "GroupId": group, "Topics": None})["Topics"]])
    named_member = {"Groups": [{"GroupId": group, "MemberId": "nobody", "MemberEpoch": 3, "Topics": None}], "RequireStable": False}
    t.note("a member that is none", t.call("OffsetFetch", 9, named_member)["Groups"][0]["ErrorCode"])


@case(limit=45)
def behaviour_62_static_members(t):
    """A static member that comes back gets a new id and its assignment without a round; its old id is fenced everywhere (82)."""
    name = t.topic()
    group = t.topic_name("g")
    coordinator_ready(t, group)
    static = {"GroupInstanceId": "one", "version": 9}
    first = join(t, group, **static)
    t.note("no id is asked for", (first["ErrorCode"], first["GenerationId"]))
    old, generation = first["MemberId"], first["GenerationId"]

    def settle(member):
        return t.call("SyncGroup", 5, {"GroupId": group, "GenerationId": generation, "MemberId": member, "GroupInstanceId": "one",
                                       "ProtocolType": "consumer", "ProtocolName": "range",
                                       "Assignments": [{"MemberId": member, "Assignment": b"kept"}]})
    assert settle(old)["Assignment"] == b"kept"
    again = join(t, group, **static)
    t.note("back", (again["ErrorCode"], again["GenerationId"], again["SkipAssignment"], again["Leader"] == again["MemberId"],
                    again["Leader"] == old, len(again["Members"])))
    new = again["MemberId"]
    assert new != old
    t.note("state", state_of(t, group))
    got = t.call("SyncGroup", 5, {"GroupId": group, "GenerationId": again["GenerationId"], "MemberId": new, "GroupInstanceId": "one",
                                  "ProtocolType": "consumer", "ProtocolName": "range", "Assignments": []})
    t.note("its assignment", (got["ErrorCode"], got["Assignment"]))
    t.note("old id beats", beat(t, group, old, generation, GroupInstanceId="one"))
    t.note("old id syncs", settle(old)["ErrorCode"])
    t.note("old id joins", join(t, group, old, **static)["ErrorCode"])
    t.note("old id commits", t.call("OffsetCommit", 9, {"GroupId": group, "GenerationIdOrMemberEpoch": generation, "MemberId": old,
                                                        "GroupInstanceId": "one", "Topics": [{"Name": name, "Partitions": [
                                                            {"PartitionIndex": 0, "CommittedOffset": 1}]}]})["Topics"][0]["Partitions"][0]["ErrorCode"])
    t.note("old id leaves", [row["ErrorCode"] for row in t.call("LeaveGroup", 5, {"GroupId": group, "Members": [
        {"MemberId": old, "GroupInstanceId": "one"}]})["Members"]])
    t.note("unknown instance", beat(t, group, new, generation, GroupInstanceId="two"))
    t.note("new id beats", beat(t, group, new, again["GenerationId"], GroupInstanceId="one"))
    changed = Later(join, t, group, connection=t.connect(), Protocols=[{"Name": "range", "Metadata": PROTOCOL + b"changed"}], **static)
    answer = changed.get()
    t.note("with another subscription", (answer["ErrorCode"], answer["GenerationId"], answer["SkipAssignment"]))
    t.note("leave by instance", [(row["GroupInstanceId"], row["ErrorCode"]) for row in t.call("LeaveGroup", 5, {"GroupId": group, "Members": [
        {"MemberId": "", "GroupInstanceId": "one"}, {"MemberId": "", "GroupInstanceId": "two"}]})["Members"]])
    t.until(lambda: state_of(t, group) == "Empty")


@case()
def behaviour_64_find_coordinator(t):
    """FindCoordinator: by version and in batches; a group's records lie in partition abs(Java's hash of its name) % 50."""
    group = t.topic_name("g")
    coordinator_ready(t, group)
    for version in range(0, 4):
        answer = t.call("FindCoordinator", version, {"Key": group, **({"KeyType": 0} if version else {})})
        t.note(f"v{version}", (answer["ErrorCode"], answer["NodeId"], answer["Port"] == t.port))
    for version in range(4, 7):
        rows = t.call("FindCoordinator", version, {"KeyType": 0, "CoordinatorKeys": [group, group, "äöü", "other"]})["Coordinators"]
        t.note(f"v{version}", [(row["Key"], row["ErrorCode"], row["NodeId"]) for row in rows])
    t.note("unknown type", t.call("FindCoordinator", 3, {"KeyType": 7, "Key": group})["ErrorCode"])

    def java_hash(text):
        value, data = 0, text.encode("utf-16-be")
        for index in range(0, len(data), 2):
            value = (31 * value + (data[index] << 8) + data[index + 1]) & 0xFFFFFFFF
        return value - (1 << 32) if value >= 1 << 31 else value
    name = t.topic()
    ends = {}
    # the last one's hash is the least of all integers, which has no absolute value
    for text in (group, "grüße", "𝄞 clef", "polygenelubricants"):
        value = java_hash(text)
        partition = 0 if value == -(1 << 31) else abs(value) % 50
        t.until(lambda: t.call("FindCoordinator", 4, {"KeyType": 0, "CoordinatorKeys": [text]})["Coordinators"][0]["ErrorCode"] == 0)
        before = t.list_offset("__consumer_offsets", -1, partition=partition)["Offset"]
        t.until(lambda: commit(t, text, name, 3) == 0)
        ends[text] = t.list_offset("__consumer_offsets", -1, partition=partition)["Offset"] > before
    assert all(ends.values()), ends


@case()
def behaviour_65_describe_and_delete_groups(t):
    """A group that is not there is Dead, and 69 from version 6; a live one is not deleted (68), nor offsets of what it reads (86)."""
    name, other = t.topic(), t.topic("o")
    group = t.topic_name("g")
    coordinator_ready(t, group)
    for version in range(7):
        row = t.call("DescribeGroups", version, {"Groups": [group]})["Groups"][0]
        t.note(f"nobody v{version}", (row["ErrorCode"], row.get("ErrorMessage") is not None, row["GroupState"], row["ProtocolType"]))
    wish = [{"Name": "range", "Metadata": subscription(name)}]
    member = named(t, group, Protocols=wish)
    generation = join(t, group, member, Protocols=wish)["GenerationId"]
    assert sync(t, group, member, generation, [(member, b"")])["ErrorCode"] == 0
    for topic in (name, other):
        assert commit(t, group, topic, 3, member=member, generation=generation) == 0
    t.note("delete", t.call("DeleteGroups", 2, {"GroupsNames": [group]})["Results"][0]["ErrorCode"])
    gone = t.call("OffsetDelete", 0, {"GroupId": group, "Topics": [{"Name": topic, "Partitions": [{"PartitionIndex": 0}]} for topic in (name, other)]})
    t.note("offset delete", (gone["ErrorCode"], {topic["Name"]: topic["Partitions"][0]["ErrorCode"] for topic in gone["Topics"]}))
    t.note("left", (committed(t, group, name)[0], committed(t, group, other)[0]))
    t.call("LeaveGroup", 5, {"GroupId": group, "Members": [{"MemberId": member}]})
    t.until(lambda: t.call("DeleteGroups", 2, {"GroupsNames": [group]})["Results"][0]["ErrorCode"] == 0)
    t.note("after it", t.call("DescribeGroups", 6, {"Groups": [group]})["Groups"][0]["ErrorCode"])


@case(limit=90, smoke=False)
def behaviour_82_kill_keeps_groups_and_producers(t):
    """After kill -9: positions, members, generation, and a producer's last batches are those that were acknowledged."""
    name = t.topic()
    group = t.topic_name("g")
    coordinator_ready(t, group)
    member, generation = stable_member(t, group)
    pid = producer(t)
    for sequence in range(5):
        assert put(t, name, pid, sequence)["ErrorCode"] == 0
        assert commit(t, group, name, sequence + 1, member=member, generation=generation, metadata=f"m{sequence}") == 0
    t.restart(kill=True)
    t.await_topic(name)
    coordinator_ready(t, group)
    t.note("position", committed(t, group, name)[0::2])
    t.note("member", (beat(t, group, member, generation), state_of(t, group)))
    t.note("last batch again", (lambda again: (again["ErrorCode"], again["BaseOffset"]))(put(t, name, pid, 4)))
    t.note("next batch", put(t, name, pid, 5)["BaseOffset"])
    t.note("commit", commit(t, group, name, 6, member=member, generation=generation))


@case(limit=45)
def lesson_who_never_syncs_is_removed(t):
    """A member that joins and beats but never fetches its assignment holds the group up for its rebalance timeout, not for ever."""
    group = t.topic_name("g")
    coordinator_ready(t, group)
    short = {"RebalanceTimeoutMs": 1000, "session": 30000}
    member = named(t, group, **short)
    generation = join(t, group, member, **short)["GenerationId"]
    deadline = time.monotonic() + 12
    while beat(t, group, member, generation) == 0:
        assert time.monotonic() < deadline, state_of(t, group)
        time.sleep(0.2)
    t.until(lambda: state_of(t, group) == "Empty")
    t.note("beat", beat(t, group, member, generation))


@case(limit=45, smoke=False)
def lesson_join_0_has_one_timeout(t):
    """JoinGroup 0 has no rebalance timeout: a round waits for such a member as long as its session, then goes on without it."""
    group = t.topic_name("g")
    coordinator_ready(t, group)
    old = join(t, group, version=0, session=6000)
    assert sync(t, group, old["MemberId"], old["GenerationId"], [(old["MemberId"], b"")], version=0)["ErrorCode"] == 0
    newcomer = named(t, group)
    begin = time.monotonic()
    late = Later(join, t, group, newcomer, connection=t.connect(), RebalanceTimeoutMs=1000)
    while late.ended is None:
        beat(t, group, old["MemberId"], old["GenerationId"])    # alive, but it does not join again
        assert time.monotonic() - begin < 20, "the round waited for more than the session"
        time.sleep(0.2)
    assert late.took > 4, f"the round waited {late.took:.1f} s only"
    t.note("who is left", (late.get()["ErrorCode"], len(late.get()["Members"])))


@case(limit=200, smoke=False)
def behaviour_63_offsets_expire(t):
    """Positions live for offsets.retention.minutes: of a simple consumer since each commit, of a group since it became empty; the
    group goes with its last position. On brokers of their own that look every second."""
    home = Home(t)
    quick = ("offsets.retention.minutes=1", "offsets.retention.check.interval.ms=1000")
    for side in (home.kafka, home.weir):
        side.settings = [*side.settings, *quick]
    with open(home.kafka.environment["KAFKA_PROPS"], "a", encoding="utf-8") as file:
        file.write("\n".join(quick) + "\n")
    try:
        owner = home.open("kafka" if t.is_kafka else "weir")
        name = owner.topic(partitions=2)
        simple, busy = owner.topic_name("s"), owner.topic_name("b")
        coordinator_ready(owner, simple)
        coordinator_ready(owner, busy)
        member = named(owner, busy, session=120_000)
        generation = join(owner, busy, member, session=120_000)["GenerationId"]
        assert sync(owner, busy, member, generation, [(member, b"")])["ErrorCode"] == 0
        begin = time.monotonic()
        assert commit(owner, simple, name, 1) == 0 and commit(owner, simple, name, 2, partition=1) == 0
        assert commit(owner, busy, name, 3, member=member, generation=generation) == 0

        def positions():
            return [committed(owner, group, name, index)[0] for group, index in ((simple, 0), (simple, 1), (busy, 0))]

        def at(second):
            time.sleep(max(0, begin + second - time.monotonic()))
        at(30)
        assert commit(owner, simple, name, 2, partition=1) == 0     # this one counts anew
        owner.call("LeaveGroup", 5, {"GroupId": busy, "Members": [{"MemberId": member}]})
        at(55)
        t.note("before a minute", positions())
        at(70)
        t.note("after a minute", (positions(), state_of(owner, simple), state_of(owner, busy)))
        at(100)
        t.note("a minute after the last commit and the leave", (positions(), state_of(owner, simple), state_of(owner, busy)))
        home.close()
    finally:
        home.wipe()
