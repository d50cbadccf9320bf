"""Random requests for the differential run: plausible ones with a little of everything that is wrong.

A request is built by walking Kafka's published definition; what goes into a field is chosen by its name from what exists
(topics, partitions, groups, members), from its edges, and sometimes from what makes no sense. Values that differ between
the two brokers (topic ids, member ids, producer ids) are symbols, which each side replaces by its own.
"""

import uuid

import wire

TOPICS = {  # name: (partitions, settings); always there
    "d0": (3, {}),
    "d1": (1, {"cleanup.policy": "compact"}),
    "d2": (2, {"message.timestamp.type": "LogAppendTime"}),
    "d3": (1, {"max.message.bytes": "600", "compression.type": "gzip"}),
}
CHURN = [f"n{index}" for index in range(4)]         # come and go
WRONG_NAMES = ["missing", "", "bad name", "x" * 250, ".", "a" * 249]
GROUPS = [f"g{index}" for index in range(5)]
SETTINGS = {
    "retention.ms": ["1000000000", "-1", "-2", "x", ""], "segment.bytes": ["1048576", "1", "-1", "99999999999"],
    "cleanup.policy": ["delete", "compact", "delete,compact", "compact,delete", "none", ""],
    "max.message.bytes": ["1000", "0", "-1", "1.5"], "compression.type": ["gzip", "producer", "lzma", "ZSTD"],
    "min.insync.replicas": ["1", "2", "0"], "message.timestamp.type": ["CreateTime", "LogAppendTime", "createtime"],
    "unclean.leader.election.enable": ["true", "FALSE", "yes"], "min.cleanable.dirty.ratio": ["0.5", "1.1", "-0.1", "nan"],
    "flush.ms": ["1", "-1"], "segment.ms": ["100", "0"], "retention.bytes": ["-1", "100", "-5"], "no.such.setting": ["1"],
    "leader.replication.throttled.replicas": ["*", "0:1", "1,2", ""], "file.delete.delay.ms": ["0", "-1", "60000"],
    "compression.gzip.level": ["1", "9", "10", "-1", "0"], "compression.zstd.level": ["3", "100", "-5"],
    "index.interval.bytes": ["0", "4096", "-1"], "preallocate": ["true", "maybe"], "message.timestamp.after.max.ms": ["1", "-1"],
}
# To nothing. What cannot be read as one lets real Kafka's timer fail: the member is never answered.
SUBSCRIPTION = b"\0\0" + b"\0\0\0\0" + b"\xff\xff\xff\xff"
READ_ONLY = {"Metadata", "ListOffsets", "OffsetFetch", "DescribeGroups", "ListGroups", "DescribeConfigs", "DescribeCluster", "Fetch",
             "OffsetForLeaderEpoch", "DescribeTopicPartitions", "DescribeProducers", "DescribeLogDirs", "FindCoordinator",
             "ListConfigResources", "ListPartitionReassignments", "DescribeQuorum", "ApiVersions", "DescribeAcls"}
INT32 = [0, 1, -1, 2, -2, 7, 2**31 - 1, -2**31]
INT64 = [*INT32, 2**63 - 1, -2**63, 1000]


# When the records were made: five hours before the run, so that no answer's time is taken for the present one, and no producer
# is forgotten for its age.
BASE_TIME = wire.now_ms() - 5 * 3600 * 1000


class Symbol:
    """A value that each side has of its own: Symbol("topic", "d0"), Symbol("member", "g1"), Symbol("producer", 3)."""

    def __init__(self, kind, key):
        self.kind, self.key = kind, key

    def __repr__(self):
        return f"<{self.kind} {self.key}>"


class World:
    """Makes requests from one stream of random numbers; knows what it asked for, not what was answered."""

    def __init__(self, definitions, rng):
        self.definitions, self.rng, self.serial = definitions, rng, 0
        self.producers = 0
        self.sequences = {}

    def chance(self, one_in):
        return self.rng.randrange(one_in) == 0

    def pick(self, *usual, odd=(), one_in=8):
        return self.rng.choice(odd) if odd and self.chance(one_in) else self.rng.choice(usual)

    # -- values by name

    def topic(self):
        return self.pick(*TOPICS, *TOPICS, *CHURN, odd=WRONG_NAMES)

    def topic_id(self):
        if self.chance(8):
            return self.rng.choice([uuid.UUID(int=0), uuid.UUID(int=5), uuid.UUID(int=1)])
        return Symbol("topic", self.pick(*TOPICS, *TOPICS, *CHURN))

    def partition(self):
        return self.pick(0, 0, 0, 1, 2, odd=[3, -1, 100, 2**31 - 1])

    def group(self):
        return self.pick(*GROUPS, odd=["", "never", "g" * 300])

    def offset(self):
        return self.pick(0, 1, 2, 5, 10, odd=[-1, -2, 100000, 2**63 - 1, -2**63])

    def epoch(self):
        return self.pick(-1, -1, 0, odd=[1, 5, 2**31 - 1])

    def records(self):
        """(bytes) of a Records field."""
        rows = []
        for _ in range(self.rng.randint(1, 4)):
            key = self.pick(b"k", b"key", None)
            value = self.pick(b"v", b"value" * 20, None)
            headers = [(b"h", self.pick(b"x", None))] if self.chance(4) else []
            rows.append((key, value, headers, self.rng.randint(0, 5)))
        options = {"codec": self.pick("none", "none", "gzip", "snappy", "lz4", "zstd"), "first_timestamp": BASE_TIME}
        if self.chance(4) and self.producers:
            number = self.rng.randrange(self.producers)
            options.update(producer_id=Symbol("producer", number), producer_epoch=self.pick(0, 0, 0, odd=[1, 5]),
                           base_sequence=self.pick(0, 1, 2, 3, 4, odd=[100, 2**31 - 1]))
        if self.chance(12) and "producer_id" not in options:      # (one whose records are old is soon forgotten, by either)
            # (What lies inside a batch is another matter: weir does not parse it where the topic does not need it.)
            options.update(self.rng.choice([{"crc": 5}, {"base_offset": 7},
                                            {"first_timestamp": -1, "max_timestamp": -1},
                                            {"first_timestamp": 4000000000000}, {"leader_epoch": 9}]))
        return rows, options

    def setting(self):
        name = self.rng.choice(list(SETTINGS))
        return name, self.pick(*SETTINGS[name], odd=[None])

    # -- bodies

    def array(self, make, most=3, nullable=False):
        if nullable and self.chance(6):
            return None
        made = {}                      # the same entry twice is another matter: cases have it
        for _ in range(self.pick(1, 1, 1, 2, most)):
            item = make()
            made.setdefault(repr(self.identity(item)), item)
        return list(made.values())

    @staticmethod
    def identity(item):
        if not isinstance(item, dict):
            return item
        for key in ("TopicId", "Name", "Topic", "ResourceName", "GroupId", "MemberId", "Index", "PartitionIndex", "Partition"):
            if item.get(key) is not None:
                return item[key] if key != "ResourceName" else (item["ResourceType"], item[key])
        return item

    def topics(self, key, parts_key, part, nullable=False, extra=None, by_id=False):
        def one():
            entry = {key: self.topic()}
            if by_id:
                entry["TopicId"] = self.topic_id()
            if parts_key:
                entry[parts_key] = self.array(part)
            entry.update(extra() if extra else {})
            return entry
        entries = self.array(one, nullable=nullable)
        names = [entry.get(key) for entry in entries or []]
        return entries if len(set(names)) == len(names) or None in names else entries[:1]

    def member(self, group):
        return self.pick(Symbol("member", group), Symbol("member", group), odd=["", "stranger", Symbol("member", self.group())])

    def generation(self, group):
        return self.pick(Symbol("generation", group), Symbol("generation", group), odd=[-1, 0, 1, 77])

    def instance(self):
        return self.pick(None, None, None, odd=["static", ""], one_in=10)

    def next(self):
        """(api, version, body): the next request."""
        name = self.rng.choice(APIS)
        message = self.definitions.requests[name]
        low, _, high = message["validVersions"].partition("-")
        version = self.rng.randint(int(low), min(int(high or low), VERSION_MAX.get(name, 1000)))
        body = getattr(self, "make_" + name)(version)
        return name, version, body

    def make_Produce(self, version):
        return {"Acks": self.pick(-1, 1, odd=[2, -2], one_in=20), "TimeoutMs": 5000, "TransactionalId": None, "TopicData": self.topics(
            "Name", "PartitionData", lambda: {"Index": self.partition(), "Records": self.records()}, by_id=True)}

    def make_Fetch(self, version):
        return {"ReplicaId": -1, "MaxWaitMs": 0, "MinBytes": self.pick(0, 1), "MaxBytes": self.pick(1 << 20, 1, odd=[0]),
                "IsolationLevel": self.pick(0, 1), "SessionId": self.pick(0, 0, odd=[77]), "SessionEpoch": self.pick(-1, -1, odd=[1, 5, -2]),
                "Topics": self.topics("Topic", "Partitions", lambda: {
                    "Partition": self.partition(), "FetchOffset": self.offset(), "CurrentLeaderEpoch": self.epoch(),
                    "LastFetchedEpoch": self.pick(-1, -1, odd=[0]), "LogStartOffset": -1, "PartitionMaxBytes": self.pick(1 << 20, 100)}, by_id=True)}

    def make_ListOffsets(self, version):
        return {"ReplicaId": self.pick(-1, odd=[-2], one_in=20), "IsolationLevel": self.pick(0, 1), "TimeoutMs": 1000, "Topics": self.topics(
            "Name", "Partitions", lambda: {"PartitionIndex": self.partition(), "CurrentLeaderEpoch": self.epoch(),
                                           "Timestamp": self.pick(-1, -2, -3, -4, BASE_TIME + 2, 0, odd=[-5, -7, 2**62])})}

    def make_Metadata(self, version):
        return {"Topics": self.topics("Name", None, None, nullable=version >= 1, extra=(lambda: {"TopicId": uuid.UUID(int=0)})
                                      if version < 12 or self.chance(2) else (lambda: {"Name": None})),
                "AllowAutoTopicCreation": False, "IncludeClusterAuthorizedOperations": self.chance(2),
                "IncludeTopicAuthorizedOperations": self.chance(2)}

    def make_OffsetCommit(self, version):
        group = self.group()
        return {"GroupId": group, "GenerationIdOrMemberEpoch": self.pick(-1, self.generation(group)), "GroupInstanceId": self.instance(),
                "MemberId": self.pick("", self.member(group)), "RetentionTimeMs": -1, "Topics": self.topics(
                    "Name", "Partitions", lambda: {"PartitionIndex": self.partition(), "CommittedOffset": self.offset(),
                                                   "CommittedLeaderEpoch": self.epoch(),
                                                   "CommittedMetadata": self.pick("", "m", None)}, by_id=True)}

    def make_OffsetFetch(self, version):
        def topics():
            return self.topics("Name", "PartitionIndexes", self.partition, nullable=version >= 2, by_id=version >= 10)
        group = self.group()
        if version < 8:
            return {"GroupId": group, "Topics": topics(), "RequireStable": self.chance(2)}
        return {"RequireStable": self.chance(2), "Groups": self.array(lambda: {
            "GroupId": self.group(), "MemberId": self.pick(None, odd=["x"]), "MemberEpoch": self.pick(-1, odd=[0, 5]), "Topics": topics()})}

    def make_FindCoordinator(self, version):
        kind = self.pick(0, odd=[3, -1])
        return {"Key": self.group(), "KeyType": kind, "CoordinatorKeys": self.array(self.group)}

    def make_JoinGroup(self, version):
        group = self.group()
        if version == 0:     # waits for the session time of the others: only groups of its own
            self.serial += 1
            group = f"v0-{self.serial}"
        kind = self.pick("consumer", odd=["", "other"], one_in=15)
        names = self.pick(["range"], ["range", "roundrobin"], odd=[[], ["other"]])
        return {"GroupId": group, "SessionTimeoutMs": self.pick(1800000, odd=[50, -1, 1800001], one_in=15), "RebalanceTimeoutMs": 100,
                "MemberId": self.pick("", Symbol("pending", group), self.member(group)), "GroupInstanceId": self.instance(), "ProtocolType": kind,
                "Protocols": [{"Name": name, "Metadata": SUBSCRIPTION} for name in names], "Reason": self.pick(None, "because")}

    def make_SyncGroup(self, version):
        group = self.group()
        member = self.member(group)
        return {"GroupId": group, "GenerationId": self.generation(group), "MemberId": member, "GroupInstanceId": self.instance(),
                "ProtocolType": self.pick(None, "consumer", odd=["other"]), "ProtocolName": self.pick(None, "range", odd=["other"]),
                "Assignments": [{"MemberId": member, "Assignment": b"mine"}] if self.chance(2) else []}

    def make_Heartbeat(self, version):
        group = self.group()
        return {"GroupId": group, "GenerationId": self.generation(group), "MemberId": self.member(group), "GroupInstanceId": self.instance()}

    def make_LeaveGroup(self, version):
        group = self.group()
        return {"GroupId": group, "MemberId": self.member(group), "Members": self.array(
            lambda: {"MemberId": self.member(group), "GroupInstanceId": self.instance(), "Reason": None})}

    def make_DescribeGroups(self, version):
        return {"Groups": self.array(self.group), "IncludeAuthorizedOperations": self.chance(2)}

    def make_ListGroups(self, version):
        return {"StatesFilter": self.array(lambda: self.pick("Stable", "Empty", "empty", "Dead", odd=["nonsense", ""]), most=2) if self.chance(2) else [],
                "TypesFilter": self.array(lambda: self.pick("classic", "CLASSIC", "consumer", odd=["nonsense", ""]), most=2) if self.chance(3) else []}

    def make_DeleteGroups(self, version):
        return {"GroupsNames": self.array(self.group)}

    def make_OffsetDelete(self, version):
        return {"GroupId": self.group(), "Topics": self.topics("Name", "Partitions", lambda: {"PartitionIndex": self.partition()})}

    def settings(self):
        return [dict(zip(("Name", "Value"), self.setting())) for _ in range(self.pick(0, 0, 1, 2))]

    def make_CreateTopics(self, version):
        def one():
            manual = self.chance(6)
            return {"Name": self.pick(*CHURN, odd=[*WRONG_NAMES, "d0", "n_1", "n.1"]),
                    "NumPartitions": -1 if manual else self.pick(1, 2, -1, odd=[0, -2]),
                    "ReplicationFactor": -1 if manual else self.pick(1, -1, odd=[0, 2, -2]), "Configs": self.settings(),
                    "Assignments": [{"PartitionIndex": index, "BrokerIds": self.pick([1], odd=[[], [2], [1, 1]])}
                                    for index in range(self.pick(1, 2))] if manual else []}
        return {"Topics": self.array(one, most=2), "TimeoutMs": 5000, "ValidateOnly": self.chance(4)}

    def make_DeleteTopics(self, version):
        names = [*CHURN, "missing", "bad name", ""]
        if version < 6:
            return {"TopicNames": self.array(lambda: self.pick(*names)), "TimeoutMs": 5000}
        def one():
            if self.chance(3):
                return {"Name": None, "TopicId": self.pick(Symbol("topic", self.rng.choice(CHURN)), uuid.UUID(int=7))}
            return {"Name": self.pick(*names), "TopicId": uuid.UUID(int=0)}
        return {"Topics": self.array(one), "TimeoutMs": 5000}

    def make_CreatePartitions(self, version):
        return {"Topics": self.array(lambda: {"Name": self.pick(*CHURN, odd=WRONG_NAMES), "Count": self.pick(1, 2, 3, 4, odd=[0, -1]),
                                              "Assignments": self.pick(None, odd=[[], [{"BrokerIds": [1]}], [{"BrokerIds": [9]}]])}),
                "TimeoutMs": 5000, "ValidateOnly": self.chance(4)}

    def resource(self):
        kind = self.pick(2, 2, 2, odd=[0, 3, 127])
        return {"ResourceType": kind, "ResourceName": self.pick(*CHURN, *TOPICS, odd=WRONG_NAMES)}

    def make_DescribeConfigs(self, version):
        return {"Resources": self.array(lambda: {**self.resource(), "ConfigurationKeys": self.array(
            lambda: self.rng.choice(list(SETTINGS)))}), "IncludeSynonyms": self.chance(2), "IncludeDocumentation": False}

    def churn_resource(self):
        return {"ResourceType": self.pick(2, odd=[0, 3, 127], one_in=20), "ResourceName": self.pick(*CHURN, odd=WRONG_NAMES)}

    def make_IncrementalAlterConfigs(self, version):
        return {"Resources": self.array(lambda: {**self.churn_resource(), "Configs": [
            {**row, "ConfigOperation": self.pick(0, 0, 1, odd=[2, 3])} for row in self.settings()]}), "ValidateOnly": self.chance(4)}

    def make_AlterConfigs(self, version):
        return {"Resources": self.array(lambda: {**self.churn_resource(), "Configs": self.settings()}), "ValidateOnly": self.chance(4)}

    def make_InitProducerId(self, version):
        self.producers += 1
        return {"TransactionalId": None, "TransactionTimeoutMs": self.pick(60000, 0, -1), "ProducerId": -1, "ProducerEpoch": -1}

    def make_OffsetForLeaderEpoch(self, version):
        return {"ReplicaId": self.pick(-1, odd=[-2]), "Topics": self.topics("Topic", "Partitions", lambda: {
            "Partition": self.partition(), "CurrentLeaderEpoch": self.epoch(), "LeaderEpoch": self.pick(0, 1, 5, -1)})}

    def make_DeleteRecords(self, version):
        return {"TimeoutMs": 5000, "Topics": self.topics("Name", "Partitions", lambda: {
            "PartitionIndex": self.partition(), "Offset": self.pick(0, 1, 2, odd=[-1, -2, 100000])})}

    def make_DescribeLogDirs(self, version):
        return {"Topics": self.topics("Topic", "Partitions", self.partition, nullable=True)}

    def make_DescribeCluster(self, version):
        return {"IncludeClusterAuthorizedOperations": self.chance(2), "EndpointType": self.pick(1, odd=[2, 0, 9]), "IncludeFencedBrokers": self.chance(2)}

    def make_DescribeProducers(self, version):
        return {"Topics": self.topics("Name", "PartitionIndexes", self.partition)}

    def make_DescribeTopicPartitions(self, version):
        # Left out, since real Kafka answers neither: a topic without a name (-1 for all), a cursor at the largest partition (the next
        # page begins at the smallest number there is).
        cursor = {"TopicName": self.topic(), "PartitionIndex": self.pick(0, 1, 2, odd=[3, -1, 100])} if self.chance(4) else None
        topics = [topic for topic in self.topics("Name", None, None) if topic["Name"]] or [{"Name": "d0"}]
        return {"Topics": topics, "ResponsePartitionLimit": self.pick(2000, 1, 2, odd=[0, -1]), "Cursor": cursor}

    def make_ListConfigResources(self, version):
        return {"ResourceTypes": self.array(lambda: self.pick(2, odd=[16, 32, 99, 4]))}

    def acl_filter(self):
        """Resource and entry as a filter has them; unknown numbers among them."""
        return {"ResourceTypeFilter": self.pick(1, 2, 3, 4, odd=[0, 5, 6, 7, 99]), "ResourceNameFilter": self.pick(None, "d0", odd=["", "*"]),
                "PatternTypeFilter": self.pick(1, 3, odd=[0, 2, 4, 50]), **self.acl_entry("Filter")}

    def acl_entry(self, suffix):
        return {"Principal" + suffix: self.pick("User:alice", "User:*", odd=["", "alice", None if suffix else "User:"]),
                "Host" + suffix: self.pick("*", "127.0.0.1", odd=["", None if suffix else "10.0.0.0/8"]),
                "Operation": self.pick(1, 2, 3, 4, odd=[0, 13, 77]), "PermissionType": self.pick(1, 2, 3, odd=[0, 9])}

    def make_DescribeAcls(self, version):
        return self.acl_filter()

    def make_CreateAcls(self, version):
        return {"Creations": [{"ResourceType": self.pick(2, 3, 4, 5, odd=[0, 1, 99]), "ResourceName": self.pick("d0", "*", odd=["", "x" * 300]),
                               "ResourcePatternType": self.pick(3, 4, odd=[0, 1, 2, 50]), **self.acl_entry("")} for _ in range(self.pick(0, 1, 2))]}

    def make_DeleteAcls(self, version):
        return {"Filters": [self.acl_filter() for _ in range(self.pick(0, 1, 2))]}

    def make_ListPartitionReassignments(self, version):
        return {"TimeoutMs": 5000, "Topics": self.topics("Name", "PartitionIndexes", self.partition, nullable=True)}


APIS = [name.removeprefix("make_") for name in dir(World) if name.startswith("make_")]
VERSION_MAX = {"Produce": 13, "Fetch": 17, "ListOffsets": 10, "Metadata": 13, "CreateTopics": 7}


def resolve(value, side):
    """The request as this side must see it; records become bytes."""
    if isinstance(value, Symbol):
        return side.value_of(value)
    if isinstance(value, dict):
        return {key: resolve(item, side) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve(item, side) for item in value]
    if isinstance(value, tuple):
        rows, options = value
        return wire.batch(rows, **resolve(options, side))
    return value
