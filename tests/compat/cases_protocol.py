"""Framing, versions, ApiVersions, and what describes the cluster: behaviours 1-12, 28, 79, 81 and DescribeQuorum.

Numbers are those of the list of client-visible behaviours in docs/compatibility.md.
"""

import struct
import time

import wire
from harness import case

ME = {"ClientSoftwareName": "compat", "ClientSoftwareVersion": "1.0"}


@case()
def behaviour_01_api_versions_unsupported_version(t):
    """ApiVersions of a version nobody has: answered as version 0 with error 35 and the range of key 18; stays open."""
    connection = t.connect()
    for version in (5, 100, 32767):
        # a flexible header without tags, then a body in no known layout: it must not be parsed
        connection.send_raw(struct.pack(">ihhih", 15, 18, version, 7, -1) + b"\0\xff\xff\xff\xff")
        answer = connection.decode("ApiVersions", 0, connection.receive_raw(), 7)
        assert answer["ErrorCode"] == 35
        t.note("keys", answer["ApiKeys"])
        assert answer["ApiKeys"] == [{"ApiKey": 18, "MinVersion": 0, "MaxVersion": 4}]
    assert connection.call("ApiVersions", 3, ME)["ErrorCode"] == 0


@case()
def behaviour_02_api_versions_header_never_flexible(t):
    """ApiVersions v3 and v4 answer with a header without tags; other flexible APIs have them."""
    for version in range(5):
        connection = t.connect()
        connection.send("ApiVersions", version, ME if version >= 3 else {})
        data = connection.receive_raw()
        assert data[4:6] == b"\0\0", "the error code follows the correlation id at once"
        assert connection.decode("ApiVersions", version, data)["ErrorCode"] == 0
    connection = t.connect()
    connection.send("Metadata", 12, {"Topics": []})
    assert connection.receive_raw()[4:5] == b"\0"


@case()
def behaviour_03_request_header_client_id(t):
    """The flexible request header keeps a two-byte client id, also null and empty, before its tags."""
    connection = t.connect()
    for client_id in (None, "", "ünïcode", "x" * 300):
        connection.send("Metadata", 12, {"Topics": []}, client_id=client_id)
        connection.receive("Metadata", 12)
        connection.send("Metadata", 1, {"Topics": []}, client_id=client_id)
        connection.receive("Metadata", 1)


@case()
def behaviour_04_client_software_name(t):
    """ApiVersions v3+: names with other characters than letters, digits, dash and dot are INVALID_REQUEST (42)."""
    for text, error in {"ok-1.2": 0, "a": 0, "": 42, "-a": 42, "a-": 42, "a b": 42, ".": 42, "a_b": 42}.items():
        for field in ("ClientSoftwareName", "ClientSoftwareVersion"):
            connection = t.connect()
            answer = connection.call("ApiVersions", 3, {**ME, field: text})
            t.note(f"{field}={text}", (answer["ErrorCode"], len(answer["ApiKeys"]) > 1))
            assert answer["ErrorCode"] == error, (field, text, answer["ErrorCode"])


@case()
def behaviour_05_unknown_api_closes(t):
    """An unknown API key, an unsupported version, a body that cannot be read: the connection closes without an answer."""
    frames = {
        "unknown key": struct.pack(">hhih", 9999, 0, 1, -1),
        "negative key": struct.pack(">hhih", -1, 0, 1, -1),
        "version too high": struct.pack(">hhih", 3, 99, 1, -1),
        "version removed": struct.pack(">hhih", 1, 3, 1, -1),
        "controller-only key": struct.pack(">hhih", 62, 0, 1, -1),
        "body cut short": struct.pack(">hhih", 3, 1, 1, -1) + b"\0\0",
        "array too long": struct.pack(">hhih", 3, 1, 1, -1) + b"\x7f\xff\xff\xff",
        "header cut short": b"\0\x03\0",
    }
    for name, body in frames.items():
        connection = t.connect()
        connection.send_raw(struct.pack(">i", len(body)) + body)
        closed = connection.is_closed(3)
        t.note(name, closed)
        assert closed, name
    assert t.call("ApiVersions", 3, ME)["ErrorCode"] == 0, "the broker goes on"


@case()
def behaviour_05_trailing_bytes(t):
    """Bytes after a complete request body: what the broker makes of them."""
    connection = t.connect()
    frame = connection.frame("Metadata", 1, {"Topics": []}, 5)
    frame = struct.pack(">i", len(frame) - 4 + 3) + frame[4:] + b"abc"
    connection.send_raw(frame)
    try:
        connection.decode("Metadata", 1, connection.receive_raw(3), 5)
        t.note("trailing bytes", "answered")
    except wire.Closed:
        t.note("trailing bytes", "closed")


@case()
def behaviour_06_produce_advertised_from_0(t):
    """Produce is advertised from version 0 (old librdkafka needs it) although 0 to 2 are refused."""
    keys = {entry["ApiKey"]: entry for entry in t.call("ApiVersions", 3, ME)["ApiKeys"]}
    assert keys[0]["MinVersion"] == 0
    for version in (0, 1, 2):
        connection = t.connect()
        body = struct.pack(">hiih", 1, 1000, 1, 1) + b"t" + struct.pack(">iii", 1, 0, 0)
        head = struct.pack(">hhih", 0, version, 1, -1)
        connection.send_raw(struct.pack(">i", len(head + body)) + head + body)
        t.note(f"produce v{version} closes", connection.is_closed(3))


@case()
def behaviour_07_version_ranges(t):
    """The ranges of every API that is advertised are those of Kafka 4.3, floors of KIP-896 included."""
    keys = {entry["ApiKey"]: (entry["MinVersion"], entry["MaxVersion"]) for entry in t.call("ApiVersions", 3, ME)["ApiKeys"]}
    for key in (0, 1, 2, 3, 18, 19, 20, 22, 23, 32, 33, 35, 37, 44, 46, 55, 60, 61, 74, 75):
        t.note(t.definitions.by_key[key], keys.get(key))
    assert keys[1] == (4, 18) and keys[2] == (1, 11) and keys[19] == (2, 7) and keys[20] == (1, 6)
    for key, span in keys.items():
        message = t.definitions.requests[t.definitions.by_key[key]]
        low, _, high = message["validVersions"].partition("-")
        assert span[1] <= int(high or low), (key, span)


@case()
def behaviour_07_every_version_answers(t):
    """Each version of the plain APIs answers in its own layout, without a byte too many."""
    name = t.topic()
    ident = t.topic_id(name)
    bodies = {
        "Metadata": lambda v: {"Topics": [{"Name": name}]},
        "ApiVersions": lambda v: ME if v >= 3 else {},
        "ListOffsets": lambda v: {"ReplicaId": -1, "Topics": [{"Name": name, "Partitions": [{"PartitionIndex": 0, "Timestamp": -1}]}]},
        "DescribeConfigs": lambda v: {"Resources": [{"ResourceType": 2, "ResourceName": name, "ConfigurationKeys": None}]},
        "DescribeCluster": lambda v: {},
        "DescribeLogDirs": lambda v: {"Topics": None},
        "DescribeQuorum": lambda v: {"Topics": [{"TopicName": "__cluster_metadata", "Partitions": [{"PartitionIndex": 0}]}]},
        "DescribeProducers": lambda v: {"Topics": [{"Name": name, "PartitionIndexes": [0]}]},
        "DescribeTopicPartitions": lambda v: {"Topics": [{"Name": name}], "Cursor": None},
        "OffsetForLeaderEpoch": lambda v: {**({"ReplicaId": -1} if v >= 3 else {}), "Topics": [
            {"Topic": name, "Partitions": [{"Partition": 0, "LeaderEpoch": 0}]}]},
        "InitProducerId": lambda v: {"TransactionalId": None, "TransactionTimeoutMs": 1000},
        "Fetch": lambda v: t.fetch_body(v, ident if v >= 13 else name, {0: 0}),
        "Produce": lambda v: {"Acks": 1, "TimeoutMs": 1000, "TopicData": [
            {"TopicId" if v >= 13 else "Name": ident if v >= 13 else name,
             "PartitionData": [{"Index": 0, "Records": wire.batch([(b"k", b"v")])}]}]},
        "CreateTopics": lambda v: {"TimeoutMs": 5000, "ValidateOnly": True, "Topics": [
            {"Name": name + "x", "NumPartitions": 1, "ReplicationFactor": 1}]},
        "CreatePartitions": lambda v: {"Topics": [{"Name": name, "Count": 4, "Assignments": None}], "TimeoutMs": 5000,
                                       "ValidateOnly": True},
        "DeleteTopics": lambda v: {"TimeoutMs": 5000, **({"Topics": [{"Name": "no-such-topic"}]} if v >= 6 else
                                                         {"TopicNames": ["no-such-topic"]})},
        "AlterConfigs": lambda v: {"Resources": [{"ResourceType": 2, "ResourceName": name, "Configs": []}], "ValidateOnly": True},
        "IncrementalAlterConfigs": lambda v: {"Resources": [{"ResourceType": 2, "ResourceName": name, "Configs": []}],
                                              "ValidateOnly": True},
        "ListConfigResources": lambda v: {},
        "ListPartitionReassignments": lambda v: {"TimeoutMs": 1000, "Topics": [{"Name": name, "PartitionIndexes": [0]}]},
    }
    for api, body in bodies.items():
        low, _, high = t.definitions.requests[api]["validVersions"].partition("-")
        for version in range(int(low), int(high or low) + 1):
            if (api, version) == ("InitProducerId", 6):           # not yet stable
                continue
            answer = t.call(api, version, body(version))
            t.note(f"{api} v{version}", sorted(answer))


@case()
def behaviour_08_features(t):
    """Features are tagged fields of ApiVersions v3+; those with a minimum of 0 show in v4 only."""
    third, fourth = t.call("ApiVersions", 3, ME), t.call("ApiVersions", 4, ME)
    by_name = {entry["Name"]: entry for entry in fourth["SupportedFeatures"]}
    assert by_name["metadata.version"]["MinVersion"] >= 1
    assert all(entry["MinVersion"] > 0 for entry in third["SupportedFeatures"])
    final = {entry["Name"]: entry["MaxVersionLevel"] for entry in fourth["FinalizedFeatures"]}
    assert fourth["FinalizedFeaturesEpoch"] >= 0
    t.note("metadata.version", final.get("metadata.version"))
    t.note("kraft.version", final.get("kraft.version"))
    for feature, level in final.items():
        assert by_name[feature]["MinVersion"] <= level <= by_name[feature]["MaxVersion"]
    t.note("finalized", sorted(final), differs="a feature is finalized here only once it is served in full")


@case()
def behaviour_09_unknown_tags_skipped(t):
    """Tags nobody defined, in the header and in the body, are skipped."""
    connection = t.connect()
    connection.send("Metadata", 12, {"Topics": [{"Name": "none", "_tags": [(77, b"x" * 40)]}], "AllowAutoTopicCreation": False,
                                     "_tags": [(9, b""), (12345, b"abc")]}, header_tags=[(3, b"yes"), (99, b"")])
    answer = connection.receive("Metadata", 12)
    assert answer["Topics"][0]["ErrorCode"] == 3
    connection.send("ApiVersions", 3, {**ME, "_tags": [(5, b"z")]}, header_tags=[(0, b"q")])
    assert connection.receive("ApiVersions", 3)["ErrorCode"] == 0


@case()
def behaviour_10_answers_in_order(t):
    """Twenty requests of several kinds sent at once are answered strictly in order, a slow one in their midst."""
    name = t.topic()
    connection = t.connect()
    expected = []
    for index in range(20):
        if index % 4 == 0:
            expected.append(("Produce", 9, connection.send("Produce", 9, {"Acks": -1, "TimeoutMs": 5000, "TopicData": [
                {"Name": name, "PartitionData": [{"Index": 0, "Records": wire.batch([(None, str(index).encode())])}]}]})))
        elif index == 5:
            # a long poll beyond the end: it holds up what follows
            expected.append(("Fetch", 12, connection.send("Fetch", 12, t.fetch_body(
                12, name, {0: 2}, MaxWaitMs=600, MinBytes=1 << 20))))
        elif index % 2:
            expected.append(("Metadata", 9, connection.send("Metadata", 9, {"Topics": [{"Name": name}]})))
        else:
            expected.append(("ApiVersions", 3, connection.send("ApiVersions", 3, ME)))
    offsets = []
    for api, version, correlation in expected:
        answer = connection.receive(api, version, correlation)
        if api == "Produce":
            offsets.append(answer["Responses"][0]["PartitionResponses"][0]["BaseOffset"])
    assert offsets == list(range(5)), offsets


@case()
def behaviour_11_frame_limits(t):
    """A frame over 100 MiB, or of negative size, closes the connection; a size of 0 does too."""
    for name, size in {"negative": -1, "over the limit": 104857601, "huge": 0x7FFFFFFF, "empty": 0}.items():
        connection = t.connect()
        connection.send_raw(struct.pack(">i", size) + b"\0" * 16)
        closed = connection.is_closed(3)
        t.note(name, closed)
        assert closed, name


@case()
def behaviour_11_frame_in_pieces(t):
    """A request that comes byte by byte, and two in one piece, are read alike."""
    connection = t.connect()
    frame = connection.frame("ApiVersions", 3, ME, 41)
    for byte in frame:
        connection.send_raw(bytes([byte]))
        time.sleep(0.002)
    assert connection.receive("ApiVersions", 3, 41)["ErrorCode"] == 0
    connection.send_raw(connection.frame("ApiVersions", 3, ME, 42) + connection.frame("ApiVersions", 0, {}, 43))
    connection.receive("ApiVersions", 3, 42)
    connection.receive("ApiVersions", 0, 43)


@case()
def behaviour_12_acks_0_is_silent(t):
    """acks=0 gets no answer; the next request's answer comes first."""
    name = t.topic()
    connection = t.connect()
    for index in range(3):
        connection.send("Produce", 9, {"Acks": 0, "TimeoutMs": 1000, "TopicData": [
            {"Name": name, "PartitionData": [{"Index": 0, "Records": wire.batch([(None, b"%d" % index)])}]}]})
    correlation = connection.send("ApiVersions", 3, ME)
    assert connection.receive("ApiVersions", 3, correlation)["ErrorCode"] == 0
    while t.list_offset(name, -1)["Offset"] < 3:
        assert t.left() > 1
        time.sleep(0.02)


@case()
def behaviour_12_acks_0_error_closes(t):
    """acks=0 with an error (here an unknown topic): the connection closes instead."""
    connection = t.connect()
    connection.send("Produce", 9, {"Acks": 0, "TimeoutMs": 1000, "TopicData": [
        {"Name": "no-such-topic", "PartitionData": [{"Index": 0, "Records": wire.batch([(None, b"x")])}]}]})
    assert connection.is_closed(5)


@case()
def behaviour_28_describe_cluster(t):
    """DescribeCluster: endpoint types of v1, is_fenced of v2, and who is asked what."""
    for version in (0, 1, 2):
        answer = t.call("DescribeCluster", version, {})
        assert answer["ErrorCode"] == 0 and len(answer["Brokers"]) == 1
        assert answer["ClusterId"] and answer["ControllerId"] == answer["Brokers"][0]["BrokerId"]
        broker = answer["Brokers"][0]
        assert broker["Port"] == t.port
        t.note(f"v{version}", sorted(broker))
    assert t.call("DescribeCluster", 2, {"IncludeFencedBrokers": True})["Brokers"][0]["IsFenced"] is False
    wrong = t.call("DescribeCluster", 1, {"EndpointType": 2})
    t.note("controllers asked of a broker", wrong["ErrorCode"])
    t.note("unknown endpoint type", t.call("DescribeCluster", 1, {"EndpointType": 7})["ErrorCode"])
    t.note("operations", t.call("DescribeCluster", 1, {})["ClusterAuthorizedOperations"])
    t.note("operations asked", t.call("DescribeCluster", 1, {"IncludeClusterAuthorizedOperations": True})["ClusterAuthorizedOperations"])


@case()
def behaviour_81_describe_log_dirs(t):
    """DescribeLogDirs: null topics means all; v4 has total and usable bytes; sizes grow with what is written."""
    name = t.topic(partitions=2)
    t.produce(name, wire.batch([(b"k", b"v" * 5000)]))
    answer = t.call("DescribeLogDirs", 4, {"Topics": [{"Topic": name, "Partitions": [0, 1]}]})
    assert answer["ErrorCode"] == 0 and len(answer["Results"]) == 1
    found = answer["Results"][0]
    assert found["ErrorCode"] == 0 and found["TotalBytes"] > found["UsableBytes"] > 0
    parts = {part["PartitionIndex"]: part for part in found["Topics"][0]["Partitions"]}
    assert parts[0]["PartitionSize"] > 5000 and parts[1]["PartitionSize"] == 0
    t.note("partition", {index: (part["PartitionSize"], part["OffsetLag"], part["IsFutureKey"]) for index, part in parts.items()})
    everything = t.call("DescribeLogDirs", 4, {"Topics": None})["Results"][0]["Topics"]
    assert name in [topic["Name"] for topic in everything]
    t.note("metadata log is not listed", "__cluster_metadata" in [topic["Name"] for topic in everything])
    t.note("no topics", t.call("DescribeLogDirs", 4, {"Topics": []})["Results"][0]["Topics"])
    t.note("unknown topic", t.call("DescribeLogDirs", 4, {"Topics": [{"Topic": "none", "Partitions": [0]}]})["Results"][0]["Topics"])


@case()
def behaviour_describe_quorum(t):
    """DescribeQuorum: the one voter leads, its log end moves, other topics are refused."""
    ask = {"Topics": [{"TopicName": "__cluster_metadata", "Partitions": [{"PartitionIndex": 0}]}]}
    for version in (0, 1, 2):
        answer = t.call("DescribeQuorum", version, ask)
        part = answer["Topics"][0]["Partitions"][0]
        assert answer["ErrorCode"] == 0 and part["ErrorCode"] == 0
        assert part["LeaderId"] == part["CurrentVoters"][0]["ReplicaId"] and part["LeaderEpoch"] >= 1
        assert part["HighWatermark"] > 0 and part["CurrentVoters"][0]["LogEndOffset"] >= part["HighWatermark"]
        t.note(f"v{version}", (len(part["CurrentVoters"]), len(part["Observers"]), sorted(part["CurrentVoters"][0])))
    before = part["HighWatermark"]
    t.topic()
    assert t.call("DescribeQuorum", 2, ask)["Topics"][0]["Partitions"][0]["HighWatermark"] > before
    nodes = t.call("DescribeQuorum", 2, ask)["Nodes"]
    assert len(nodes) == 1 and nodes[0]["Listeners"][0]["Port"] > 0
    t.note("controller listener", nodes[0]["Listeners"][0]["Name"])
    other = t.call("DescribeQuorum", 2, {"Topics": [{"TopicName": t.topic_name(), "Partitions": [{"PartitionIndex": 0}]}]})
    t.note("another topic", (other["ErrorCode"], [part["ErrorCode"] for topic in other["Topics"] for part in topic["Partitions"]]))


@case()
def behaviour_79_telemetry_is_not_offered(t):
    """A broker that has nothing to receive clients' metrics with does not offer to: clients push them otherwise."""
    keys = {row["ApiKey"] for row in t.call("ApiVersions", 4, {"ClientSoftwareName": "x", "ClientSoftwareVersion": "1"})["ApiKeys"]}
    t.note("offered", sorted(keys & {71, 72}))


@case()
def lesson_no_authorizer(t):
    """Without an authorizer the requests for access rules are SECURITY_DISABLED (54): MirrorMaker and the tools understand that."""
    rule = {"ResourceType": 2, "ResourceName": "x", "ResourcePatternType": 3, "Principal": "User:a", "Host": "*", "Operation": 3, "PermissionType": 3}
    chosen = {"ResourceTypeFilter": 1, "ResourceNameFilter": None, "PatternTypeFilter": 1, "PrincipalFilter": None, "HostFilter": None,
              "Operation": 1, "PermissionType": 1}
    for version in (1, 2, 3):
        listed = t.call("DescribeAcls", version, chosen)
        t.note(f"describe v{version}", (listed["ErrorCode"], bool(listed["ErrorMessage"]), listed["Resources"]))
        made = t.call("CreateAcls", version, {"Creations": [rule, rule]})
        t.note(f"create v{version}", [(one["ErrorCode"], bool(one["ErrorMessage"])) for one in made["Results"]])
        gone = t.call("DeleteAcls", version, {"Filters": [chosen]})
        t.note(f"delete v{version}", [(one["ErrorCode"], bool(one["ErrorMessage"]), one["MatchingAcls"]) for one in gone["FilterResults"]])
