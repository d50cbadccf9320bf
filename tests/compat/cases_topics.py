"""Metadata, topics and their settings: behaviours 15-27.

Numbers are those of the list of client-visible behaviours in docs/compatibility.md.
"""

import time
import uuid

import wire
from harness import case

NOTHING = uuid.UUID(int=0)
# Kafka's eligible leader replicas, a finalized feature there, write this setting into the cluster default.
ELR = "min.insync.replicas"
ELR_REASON = "eligible leader replicas, where they are finalized, write this setting into the cluster default"
UNSET = -2147483648


def metadata(t, version, **body):
    return t.call("Metadata", version, body)


def create(t, name, version=7, **fields):
    topic = {"Name": name, "NumPartitions": 1, "ReplicationFactor": 1}
    validate = fields.pop("validate", False)
    topic.update(fields)
    return t.call("CreateTopics", version, {"TimeoutMs": 10000, "ValidateOnly": validate, "Topics": [topic]})["Topics"][0]


@case()
def behaviour_15_metadata_empty_and_null(t):
    """v0: an empty list means all topics; v1 and later: null means all, empty means none."""
    name = t.topic()
    assert name in [topic["Name"] for topic in metadata(t, 0, Topics=[])["Topics"]]
    for version in range(1, 14):
        assert metadata(t, version, Topics=[])["Topics"] == []
        assert name in [topic["Name"] for topic in metadata(t, version, Topics=None)["Topics"]]
        one = metadata(t, version, Topics=[{"Name": name}])["Topics"]
        assert [topic["Name"] for topic in one] == [name]


@case()
def behaviour_16_auto_create(t):
    """A named unknown topic is answered 3 at once, then exists; a bad name is 17; not when the client says no."""
    name = t.topic_name()
    refused = metadata(t, 12, Topics=[{"Name": name}], AllowAutoTopicCreation=False)["Topics"][0]
    assert refused["ErrorCode"] == 3
    first = metadata(t, 12, Topics=[{"Name": name}], AllowAutoTopicCreation=True)["Topics"][0]
    assert first["ErrorCode"] == 3 and first["Partitions"] == [], first
    topic = t.await_topic(name)
    t.note("partitions", len(topic["Partitions"]))
    for bad in ("bad name", "a" * 250, ".", "..", "é", ""):
        answer = metadata(t, 12, Topics=[{"Name": bad}], AllowAutoTopicCreation=True)["Topics"][0]
        t.note(f"bad name {bad[:10]!r}", answer["ErrorCode"])
        assert answer["ErrorCode"] == 17, (bad, answer["ErrorCode"])
    # before v4 the client cannot say no
    old = t.topic_name("old")
    assert metadata(t, 3, Topics=[{"Name": old}])["Topics"][0]["ErrorCode"] == 3
    t.await_topic(old)


@case()
def behaviour_17_controller_is_a_broker(t):
    """controller_id names a broker of the list."""
    answer = metadata(t, 12, Topics=[])
    assert answer["ControllerId"] in [broker["NodeId"] for broker in answer["Brokers"]]
    assert answer["Brokers"][0]["Port"] == t.port and answer["ClusterId"]


@case()
def behaviour_18_topic_ids(t):
    """Metadata by id, unknown id 100, a new id after recreation, Fetch and Produce with the old one."""
    name = t.topic()
    first = t.topic_id(name)
    assert first != NOTHING
    for version in (10, 11, 12, 13):
        found = metadata(t, version, Topics=[{"TopicId": first, "Name": None}])["Topics"][0]
        t.note(f"by id v{version}", (found["ErrorCode"], found.get("Name") == name))
    unknown = metadata(t, 12, Topics=[{"TopicId": uuid.uuid4(), "Name": None}])["Topics"][0]
    assert unknown["ErrorCode"] == 100, unknown
    t.note("unknown id", (unknown["ErrorCode"], unknown["Name"]))
    assert t.call("DeleteTopics", 6, {"TimeoutMs": 10000, "Topics": [{"Name": name}]})["Responses"][0]["ErrorCode"] == 0
    t.await_gone(name)
    t.topic()
    assert t.topic_id(name) != first
    assert t.fetch(first, {0: 0}, version=13)["Responses"][0]["Partitions"][0]["ErrorCode"] == 100
    assert t.produce(first, wire.batch([(None, b"x")]), version=13)["ErrorCode"] == 100
    assert t.produce(t.topic_id(name), wire.batch([(None, b"x")]), version=13)["ErrorCode"] == 0


@case()
def behaviour_19_leader_epochs(t):
    """Metadata v7+ carries a leader epoch that starts at 0 and does not go back when the topic changes."""
    name = t.topic()
    epochs = []
    for count in (2, 3):
        epochs.append(t.await_topic(name, count - 1)["Partitions"][0]["LeaderEpoch"])
        t.call("CreatePartitions", 3, {"Topics": [{"Name": name, "Count": count, "Assignments": None}], "TimeoutMs": 5000})
        epochs.append(t.await_topic(name, count)["Partitions"][0]["LeaderEpoch"])
    assert epochs == sorted(epochs)
    t.note("epochs", epochs)


@case()
def behaviour_20_authorized_operations(t):
    """Authorized operations are INT32_MIN unless asked for."""
    name = t.topic()
    quiet = metadata(t, 8, Topics=[{"Name": name}])
    assert quiet["ClusterAuthorizedOperations"] == UNSET and quiet["Topics"][0]["TopicAuthorizedOperations"] == UNSET
    asked = metadata(t, 8, Topics=[{"Name": name}], IncludeClusterAuthorizedOperations=True, IncludeTopicAuthorizedOperations=True)
    t.note("cluster", asked["ClusterAuthorizedOperations"])
    t.note("topic", asked["Topics"][0]["TopicAuthorizedOperations"])


@case()
def behaviour_21_create_topics(t):
    """CreateTopics: defaults for -1, v5+ returns what was made, v7 its id; the errors, each with a sentence."""
    name = t.topic_name()
    made = create(t, name, NumPartitions=-1, ReplicationFactor=-1, Configs=[{"Name": "retention.ms", "Value": "777"}])
    assert made["ErrorCode"] == 0 and made["TopicId"] != NOTHING and made["ErrorMessage"] is None
    t.note("made", (made["NumPartitions"], made["ReplicationFactor"]))
    configs = {entry["Name"]: entry for entry in made["Configs"]}
    assert configs["retention.ms"]["Value"] == "777" and configs["retention.ms"]["ConfigSource"] == 1
    t.note("config names", sorted(key for key in configs if not key.startswith("weir.")))
    t.note("config sources", sorted((key, entry["ConfigSource"]) for key, entry in configs.items()
                                    if not key.startswith("weir.") and key != ELR))
    t.note("source of " + ELR, configs[ELR]["ConfigSource"], differs=ELR_REASON)
    expected = {
        "exists": (36, {"Name": name}),
        "partitions": (37, {"NumPartitions": 0}),
        "negative partitions": (37, {"NumPartitions": -2}),
        "replication": (38, {"ReplicationFactor": 5}),
        "replication 0": (38, {"ReplicationFactor": 0}),
        "assignment and count": (42, {"NumPartitions": 2, "Assignments": [{"PartitionIndex": 0, "BrokerIds": [1]}]}),
        "assignment gap": (39, {"NumPartitions": -1, "ReplicationFactor": -1,
                                "Assignments": [{"PartitionIndex": 1, "BrokerIds": [1]}]}),
        "assignment broker": (39, {"NumPartitions": -1, "ReplicationFactor": -1,
                                   "Assignments": [{"PartitionIndex": 0, "BrokerIds": [99]}]}),
        "assignment twice": (39, {"NumPartitions": -1, "ReplicationFactor": -1,
                                  "Assignments": [{"PartitionIndex": 0, "BrokerIds": [1, 1]}]}),
        "config value": (40, {"Configs": [{"Name": "retention.ms", "Value": "soon"}]}),
        "config name": (40, {"Configs": [{"Name": "retention.days", "Value": "1"}]}),
        "config null": (40, {"Configs": [{"Name": "retention.ms", "Value": None}]}),
        "name": (17, {"Name": "a b"}),
    }
    for key, (error, fields) in expected.items():
        answer = create(t, **{"name": fields.pop("Name", f"{name}-other")}, **fields)
        t.note(key, answer["ErrorCode"])
        assert answer["ErrorCode"] == error, (key, answer["ErrorCode"], answer["ErrorMessage"])
        assert answer["ErrorMessage"], key
    for version in range(2, 8):
        made = create(t, f"{name}-v{version}", version)
        assert made["ErrorCode"] == 0


@case()
def behaviour_21_create_topics_duplicates_and_validate(t):
    """The same name twice in one request is 42 for it; validate_only judges and makes nothing."""
    name = t.topic_name()
    entry = {"Name": name, "NumPartitions": 1, "ReplicationFactor": 1}
    answer = t.call("CreateTopics", 7, {"TimeoutMs": 10000, "Topics": [entry, entry, {**entry, "Name": name + "-good"}]})
    found = sorted((topic["Name"], topic["ErrorCode"]) for topic in answer["Topics"])
    t.note("errors", found)
    assert found == [(name, 42), (name + "-good", 0)], found
    tried = create(t, name, validate=True)
    assert tried["ErrorCode"] == 0
    t.note("validated", (tried["NumPartitions"], tried["ReplicationFactor"]))
    t.note("validated topic has an id", tried["TopicId"] != NOTHING, differs="real Kafka gives an id that names nothing")
    assert create(t, name, validate=True, ReplicationFactor=9)["ErrorCode"] == 38
    assert metadata(t, 12, Topics=[{"Name": name}], AllowAutoTopicCreation=False)["Topics"][0]["ErrorCode"] == 3


@case()
def behaviour_21_create_topics_with_assignment(t):
    """A manual assignment gives partition count and replication factor."""
    name = t.topic_name()
    made = create(t, name, NumPartitions=-1, ReplicationFactor=-1,
                  Assignments=[{"PartitionIndex": index, "BrokerIds": [1]} for index in range(3)])
    assert made["ErrorCode"] == 0, made
    t.note("made", (made["NumPartitions"], made["ReplicationFactor"]))
    t.await_topic(name, 3)


@case()
def behaviour_22_topic_names(t):
    """249 characters at most, no . or .., a.b and a_b collide, a leading __ is legal."""
    base = t.topic_name()
    for name, error in {"x" * 249: 0, "x" * 250: 17, ".": 17, "..": 17, "": 17, base + "/": 17, base + "ä": 17,
                        "__" + base: 0, base + ".a.b": 0, base + "_a_b": 17, base + ".a_b": 17, "..." + base: 0}.items():
        answer = create(t, name)
        t.note(f"{len(name)} {name[-12:]}", answer["ErrorCode"])
        assert answer["ErrorCode"] == error, (name[-20:], answer["ErrorCode"], answer["ErrorMessage"])


@case()
def behaviour_23_delete_topics(t):
    """DeleteTopics by name and by id, unknown ones, both at once; recreation begins at offset 0 again."""
    name = t.topic()
    t.produce(name, wire.batch([(None, b"x")] * 5))
    by_id = t.topic("by-id")
    ident = t.topic_id(by_id)
    answer = t.call("DeleteTopics", 6, {"TimeoutMs": 10000, "Topics": [
        {"Name": name}, {"TopicId": ident}, {"Name": "no-such-topic"}, {"TopicId": uuid.UUID(int=12345)}]})
    found = {(topic["Name"], topic["TopicId"] == ident): topic["ErrorCode"] for topic in answer["Responses"]}
    t.note("errors", sorted((topic["Name"] or "", topic["ErrorCode"]) for topic in answer["Responses"]))
    assert found[(name, False)] == 0 and found[(by_id, True)] == 0
    assert found[("no-such-topic", False)] == 3 and found[(None, False)] == 100
    old = t.call("DeleteTopics", 1, {"TimeoutMs": 10000, "TopicNames": ["no-such-topic"]})
    assert old["Responses"][0]["ErrorCode"] == 3
    t.await_gone(name)
    t.topic()
    assert t.list_offset(name, -1)["Offset"] == 0 and t.list_offset(name, -2)["Offset"] == 0
    part = t.fetch_one(name)
    assert part["HighWatermark"] == 0 and part["LastStableOffset"] == 0 and part["LogStartOffset"] == 0
    assert t.produce(name, wire.batch([(None, b"y")]))["BaseOffset"] == 0


@case()
def behaviour_23_delete_topics_same_twice(t):
    """One topic named twice, or by name and id, in one request: what each entry is told."""
    name = t.topic()
    ident = t.topic_id(name)
    answer = t.call("DeleteTopics", 6, {"TimeoutMs": 10000, "Topics": [{"Name": name}, {"Name": name}]})
    t.note("name twice", sorted(entry["ErrorCode"] for entry in answer["Responses"]))
    answer = t.call("DeleteTopics", 6, {"TimeoutMs": 10000, "Topics": [{"Name": name}, {"TopicId": ident}]})
    t.note("name and id", sorted(entry["ErrorCode"] for entry in answer["Responses"]))
    t.note("name and id: says", [(entry["Name"] == name, entry["TopicId"] == ident) for entry in answer["Responses"]])
    answer = t.call("DeleteTopics", 6, {"TimeoutMs": 10000, "Topics": [{"TopicId": ident}, {"TopicId": ident}]})
    t.note("id twice", [(entry["ErrorCode"], entry["Name"] == name, entry["TopicId"] == ident) for entry in answer["Responses"]])
    answer = t.call("DeleteTopics", 6, {"TimeoutMs": 10000, "Topics": [{"Name": name, "TopicId": ident}]})
    t.note("both in one entry", sorted(entry["ErrorCode"] for entry in answer["Responses"]))


@case()
def behaviour_24_create_partitions(t):
    """CreatePartitions: grows, and says 37, 39, 3 with a sentence otherwise; validate_only changes nothing."""
    name = t.topic(partitions=2)

    def ask(count, assignments=None, validate=False, topic=name):
        result = t.call("CreatePartitions", 3, {"Topics": [{"Name": topic, "Count": count, "Assignments": assignments}],
                                                "TimeoutMs": 5000, "ValidateOnly": validate})["Results"]
        assert len(result) == 1 and result[0]["Name"] == topic
        return result[0]

    for key, (error, arguments) in {"same": (37, (2,)), "fewer": (37, (1,)), "zero": (37, (0,)),
                                    "too few assignments": (39, (4, [{"BrokerIds": [1]}])),
                                    "unknown broker": (39, (3, [{"BrokerIds": [42]}]))}.items():
        answer = ask(*arguments)
        t.note(key, answer["ErrorCode"])
        assert answer["ErrorCode"] == error, (key, answer)
        assert answer["ErrorMessage"], key
    assert ask(3, topic="no-such-topic")["ErrorCode"] == 3
    assert ask(5, validate=True)["ErrorCode"] == 0
    t.await_topic(name, 2)
    assert ask(3, [{"BrokerIds": [1]}])["ErrorCode"] == 0
    t.await_topic(name, 3)
    assert t.produce(name, wire.batch([(None, b"x")]), partition=2)["BaseOffset"] == 0
    twice = t.call("CreatePartitions", 3, {"Topics": [{"Name": name, "Count": count, "Assignments": None} for count in (6, 7)],
                                           "TimeoutMs": 5000})["Results"]
    t.note("twice in one request", [entry["ErrorCode"] for entry in twice])


def describe(t, kind, name, keys=None, version=4, **options):
    answer = t.call("DescribeConfigs", version, {"Resources": [
        {"ResourceType": kind, "ResourceName": name, "ConfigurationKeys": keys}], **options})["Results"][0]
    return answer, {entry["Name"]: entry for entry in answer["Configs"]}


@case()
def behaviour_25_describe_topic_configs(t):
    """DescribeConfigs of a topic: every setting with source, type and synonyms in order; some keys only; unknown ones."""
    name = t.topic(retention_ms=1234, cleanup_policy="compact")
    answer, configs = describe(t, 2, name, IncludeSynonyms=True)
    assert answer["ErrorCode"] == 0
    mine = {key: entry for key, entry in configs.items() if not key.startswith("weir.")}
    t.note("names", sorted(mine))
    t.note(ELR, mine.pop(ELR)["ConfigSource"], differs=ELR_REASON)
    t.note("values", {key: (entry["Value"], entry["ConfigSource"]) for key, entry in sorted(mine.items())})
    t.note("types", {key: (entry["ConfigType"], entry["ReadOnly"], entry["IsSensitive"]) for key, entry in sorted(mine.items())})
    t.note("synonyms", {key: [(one["Name"], one["Value"], one["Source"]) for one in entry["Synonyms"]]
                        for key, entry in sorted(mine.items())})
    assert configs["retention.ms"]["Value"] == "1234" and configs["retention.ms"]["ConfigSource"] == 1
    assert configs["retention.ms"]["Synonyms"][0] == {"Name": "retention.ms", "Value": "1234", "Source": 1}
    assert all(entry["Documentation"] is None for entry in configs.values())
    _, some = describe(t, 2, name, ["retention.ms", "no.such.key"])
    assert list(some) == ["retention.ms"] and some["retention.ms"]["Synonyms"] == []
    _, documented = describe(t, 2, name, ["retention.ms"], IncludeDocumentation=True)
    assert documented["retention.ms"]["Documentation"]
    t.note("empty key list", len(describe(t, 2, name, [])[1]) > 0)
    for version in range(1, 5):
        assert describe(t, 2, name, ["retention.ms"], version)[1]["retention.ms"]["Value"] == "1234"


@case()
def behaviour_25_describe_broker_configs(t):
    """DescribeConfigs of this broker, of another one, of the default, of loggers, of nonsense."""
    answer, configs = describe(t, 4, "1", IncludeSynonyms=True)
    assert answer["ErrorCode"] == 0
    assert configs["node.id"]["ReadOnly"] and not configs["log.retention.ms"]["ReadOnly"]
    names = ("num.partitions", "auto.create.topics.enable", "message.max.bytes", "log.retention.hours", "log.segment.bytes",
             "default.replication.factor", "log.cleanup.policy", "compression.type", "log.message.timestamp.type",
             "min.insync.replicas", "socket.request.max.bytes", "connections.max.idle.ms", "fetch.max.bytes",
             "log.message.timestamp.after.max.ms", "max.incremental.fetch.session.cache.slots", "producer.id.expiration.ms")
    t.note("values", {key: configs.get(key, {}).get("Value") for key in names})
    t.note("read only", {key: configs.get(key, {}).get("ReadOnly") for key in names})
    t.note("sensitive are hidden", {key: configs[key]["Value"] for key in ("ssl.key.password", "ssl.keystore.password") if key in configs})
    for key, (kind, name) in {"another broker": (4, "77"), "not a number": (4, "one"), "unknown topic": (2, "no-such-topic"),
                              "bad topic name": (2, "a b"), "empty topic name": (2, ""), "unknown type": (99, "x")}.items():
        t.note(key, describe(t, kind, name)[0]["ErrorCode"])
    default, found = describe(t, 4, "")
    t.note("cluster default", (default["ErrorCode"], sorted(set(found) - {ELR})))


def alter(t, kind, name, *changes, validate=False, version=1):
    """changes: (operation, key, value)."""
    return t.call("IncrementalAlterConfigs", version, {"ValidateOnly": validate, "Resources": [
        {"ResourceType": kind, "ResourceName": name, "Configs": [
            {"Name": key, "ConfigOperation": operation, "Value": value} for operation, key, value in changes]}]})["Responses"][0]


SET, DELETE, APPEND, SUBTRACT = range(4)


@case()
def behaviour_26_incremental_alter_configs(t):
    """SET, DELETE, APPEND and SUBTRACT; lists only for the last two; duplicates, unknown keys, bad values."""
    name = t.topic(retention_ms=1000)
    assert alter(t, 2, name, (SET, "retention.ms", "2000"), (SET, "max.message.bytes", "5000"))["ErrorCode"] == 0

    def now():
        return {key: entry["Value"] for key, entry in describe(t, 2, name)[1].items() if entry["ConfigSource"] == 1}

    t.until(lambda: now()["retention.ms"] == "2000" and now()["max.message.bytes"] == "5000")
    assert alter(t, 2, name, (DELETE, "retention.ms", None))["ErrorCode"] == 0
    t.until(lambda: "retention.ms" not in now() and now()["max.message.bytes"] == "5000")
    assert alter(t, 2, name, (APPEND, "cleanup.policy", "compact"))["ErrorCode"] == 0
    t.until(lambda: now()["cleanup.policy"] == "delete,compact")
    assert alter(t, 2, name, (SUBTRACT, "cleanup.policy", "delete"))["ErrorCode"] == 0
    t.until(lambda: now()["cleanup.policy"] == "compact")
    before = now()
    for key, changes in {
        "append to a number": [(APPEND, "retention.ms", "1")],
        "duplicate": [(SET, "retention.ms", "1"), (SET, "retention.ms", "2")],
        "unknown key": [(SET, "retention.days", "1")],
        "bad value": [(SET, "retention.ms", "x")],
        "out of range": [(SET, "segment.bytes", "1")],
        "null value": [(SET, "retention.ms", None)],
        "unknown operation": [(9, "retention.ms", "1")],
        "delete an unknown key": [(DELETE, "retention.days", None)],
        "one bad among good": [(SET, "retention.ms", "5"), (SET, "segment.bytes", "x")],
    }.items():
        answer = alter(t, 2, name, *changes)
        t.note(key, answer["ErrorCode"], differs="real Kafka lets an exception out as -1; 42 says what is wrong"
               if key == "unknown operation" else None)
        assert key.startswith("delete") or answer["ErrorCode"] != 0, key
    assert now() == before, "a refused change changes nothing"
    assert alter(t, 2, "no-such-topic", (SET, "retention.ms", "1"))["ErrorCode"] == 3
    t.note("unknown resource type", alter(t, 99, "x", (SET, "a", "b"))["ErrorCode"])
    assert alter(t, 2, name, (SET, "retention.ms", "9"), validate=True)["ErrorCode"] == 0
    assert now() == before


@case()
def behaviour_26_legacy_alter_configs(t):
    """AlterConfigs replaces the whole set, also with validate_only as a trial."""
    name = t.topic(retention_ms=1000, max_message_bytes=7777)

    def put(validate=False, **configs):
        return t.call("AlterConfigs", 2, {"ValidateOnly": validate, "Resources": [
            {"ResourceType": 2, "ResourceName": name, "Configs": [
                {"Name": key.replace("_", "."), "Value": value} for key, value in configs.items()]}]})["Responses"][0]

    def now():
        return {key: entry["Value"] for key, entry in describe(t, 2, name)[1].items()
                if entry["ConfigSource"] == 1 and not key.startswith("min.insync")}

    before = now()
    assert put(validate=True, retention_ms="5")["ErrorCode"] == 0 and now() == before
    assert put(retention_ms="3000")["ErrorCode"] == 0
    t.until(lambda: now() == {"retention.ms": "3000"})
    t.note("bad value", put(retention_ms="x")["ErrorCode"])
    t.note("unknown key", put(retention_days="1")["ErrorCode"])
    assert now() == {"retention.ms": "3000"}
    assert put()["ErrorCode"] == 0
    t.until(lambda: now() == {})


@case()
def behaviour_26_changes_take_effect(t):
    """A changed max.message.bytes rules the next produce."""
    name = t.topic()
    data = wire.batch([(None, b"x" * 3000)])
    assert t.produce(name, data)["ErrorCode"] == 0
    assert alter(t, 2, name, (SET, "max.message.bytes", "1000"))["ErrorCode"] == 0
    while t.produce(name, data)["ErrorCode"] != 10:
        assert t.left() > 1
        time.sleep(0.05)


@case()
def behaviour_26_broker_configs(t):
    """Broker settings: a read-only one is refused, a dynamic one is set, shown with its synonyms, and removed."""
    t.note("read only", alter(t, 4, "1", (SET, "log.dirs", "/tmp/x"))["ErrorCode"])
    t.note("another broker", alter(t, 4, "55", (SET, "log.retention.ms", "1000000"))["ErrorCode"])
    assert alter(t, 4, "1", (SET, "log.retention.ms", "999999999"))["ErrorCode"] == 0
    try:
        entry = describe(t, 4, "1", ["log.retention.ms"], IncludeSynonyms=True)[1]["log.retention.ms"]
        while entry["Value"] != "999999999":
            assert t.left() > 1
            time.sleep(0.05)
            entry = describe(t, 4, "1", ["log.retention.ms"], IncludeSynonyms=True)[1]["log.retention.ms"]
        assert entry["ConfigSource"] == 2
        t.note("synonyms", [(one["Name"], one["Source"]) for one in entry["Synonyms"]])
        name = t.topic()
        topic = describe(t, 2, name, ["retention.ms"], IncludeSynonyms=True)[1]["retention.ms"]
        t.note("topic sees it", (topic["Value"], topic["ConfigSource"], [(one["Name"], one["Source"]) for one in topic["Synonyms"]]))
    finally:
        assert alter(t, 4, "1", (DELETE, "log.retention.ms", None))["ErrorCode"] == 0


@case()
def behaviour_list_config_resources(t):
    """ListConfigResources: topics, brokers; v0 lists client metrics only."""
    name = t.topic(retention_ms=1)
    found = t.call("ListConfigResources", 1, {"ResourceTypes": []})["ConfigResources"]
    assert (name, 2) in [(entry["ResourceName"], entry["ResourceType"]) for entry in found]
    only = t.call("ListConfigResources", 1, {"ResourceTypes": [4]})["ConfigResources"]
    t.note("brokers", only)
    t.note("types", sorted({entry["ResourceType"] for entry in found}))
    assert t.call("ListConfigResources", 0, {})["ConfigResources"] == []
    t.note("unknown type", t.call("ListConfigResources", 1, {"ResourceTypes": [99]})["ErrorCode"])


@case()
def behaviour_list_partition_reassignments(t):
    """ListPartitionReassignments: nothing moves on one node; what does not exist, or is named twice, is no error."""
    name = t.topic(partitions=2)
    asked = {"all": None, "none": [], "still": [{"Name": name, "PartitionIndexes": [0, 1]}], "twice": [{"Name": name, "PartitionIndexes": [0, 0]}] * 2,
             "unknown": [{"Name": "no-such-topic", "PartitionIndexes": [0]}, {"Name": name, "PartitionIndexes": [7, -1]}, {"Name": "", "PartitionIndexes": []}]}
    for what, topics in asked.items():
        answer = t.call("ListPartitionReassignments", 0, {"TimeoutMs": 5000, "Topics": topics})
        assert answer["Topics"] == [] and answer["ErrorCode"] == 0, (what, answer)
        t.note(what, answer)
    t.note("no time", t.call("ListPartitionReassignments", 0, {"TimeoutMs": -1, "Topics": None}))


@case()
def behaviour_27_describe_topic_partitions(t):
    """DescribeTopicPartitions: sorted by name, paged by the cursor, unknown names with 3."""
    a, b = t.topic("a", partitions=3), t.topic("b", partitions=2)
    page = t.call("DescribeTopicPartitions", 0, {"Topics": [{"Name": b}, {"Name": a}], "Cursor": None, "ResponsePartitionLimit": 100})
    assert [topic["Name"] for topic in page["Topics"]] == [a, b] and page["NextCursor"] is None
    part = page["Topics"][0]["Partitions"][0]
    t.note("partition", part)
    seen, cursor, pages = [], None, 0
    while True:
        page = t.call("DescribeTopicPartitions", 0, {"Topics": [{"Name": a}, {"Name": b}], "Cursor": cursor,
                                                     "ResponsePartitionLimit": 2})
        pages += 1
        seen += [(topic["Name"], part["PartitionIndex"]) for topic in page["Topics"] for part in topic["Partitions"]]
        cursor = page["NextCursor"]
        if cursor is None:
            break
        cursor = {"TopicName": cursor["TopicName"], "PartitionIndex": cursor["PartitionIndex"]}
    t.note("pages", pages)
    assert seen == [(a, 0), (a, 1), (a, 2), (b, 0), (b, 1)], seen
    unknown = t.call("DescribeTopicPartitions", 0, {"Topics": [{"Name": "no-such-topic"}], "Cursor": None})["Topics"][0]
    assert unknown["ErrorCode"] == 3
    everything = t.call("DescribeTopicPartitions", 0, {"Topics": [], "Cursor": None})["Topics"]
    t.note("empty list", a in [topic["Name"] for topic in everything])
    t.note("operations", page["Topics"][0]["TopicAuthorizedOperations"])
