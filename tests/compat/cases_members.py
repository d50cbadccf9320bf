"""Groups of real consumers: several processes that share a topic, leave, die, come back, and outlive their broker."""

import json
import os
import re
import subprocess
import threading
import time

import wire
from cases_clients import CLIENTS, command
from cases_groups import committed, coordinator_ready
from harness import case

SESSION_SECONDS = 6     # the least that a broker allows unless told otherwise


class Member:
    """One process in a group, and what it said: {"owned": [..]}, {"revoked": [..]}, {"read": [partition, offset]}, {"error": ..}."""

    def __init__(self, t, client, topic, group, **settings):
        self.client, self.events, self.errors = client, [], []
        line, extra = self.line(t, client, topic, dict(settings, group=group))
        self.process = subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **extra})
        threading.Thread(target=self.listen, args=(self.process.stdout, self.hear), daemon=True).start()
        threading.Thread(target=self.listen, args=(self.process.stderr, self.overhear), daemon=True).start()

    def line(self, t, client, topic, settings):
        if client == "kcat":
            options = ["-X", "auto.offset.reset=earliest", "-X", "partition.assignment.strategy=range", "-X", "auto.commit.interval.ms=100",
                       "-X", f"session.timeout.ms={SESSION_SECONDS * 1000}", "-f", "%p %o\\n"]
            return ["kcat", "-u", "-b", t.bootstrap, "-G", settings["group"], *options, topic], {}
        return command(t, client, topic, "member", json.dumps(settings))

    def listen(self, stream, take):
        for line in stream:
            take(line.strip())

    def hear(self, line):
        if self.client == "kcat" and re.fullmatch(r"\d+ \d+", line):
            self.events.append({"read": [int(word) for word in line.split()]})
        elif line.startswith("{"):
            self.events.append(json.loads(line))

    def overhear(self, line):
        self.errors.append(line)
        found = re.search(r"% Group \S+ rebalanced .*: (assigned|revoked)(.*)", line)
        if self.client == "kcat" and found:
            parts = sorted(int(word) for word in re.findall(r"\[(\d+)\]", found.group(2)))
            self.events.append({"owned": parts if found.group(1) == "assigned" else []})

    def told(self, kind):
        return [event[kind] for event in list(self.events) if kind in event]

    @property
    def owned(self):
        told = self.told("owned")
        return told[-1] if told else []

    def leave(self):
        if self.client == "kcat":
            self.process.terminate()
        else:
            self.process.stdin.close()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.client} has not left in 15 s: {self.events[-3:]} {self.errors[-3:]}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()


class Group:
    """Members over one topic; none outlives the case."""

    def __init__(self, t, partitions, suffix="g"):
        self.t, self.partitions = t, partitions
        self.topic = t.topic(partitions=partitions)
        self.name = t.topic_name(suffix)
        self.members, self.ends = [], [0] * partitions
        coordinator_ready(t, self.name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for member in self.members:
            if member.process.poll() is None:
                member.kill()

    def add(self, client, **settings):
        self.members.append(Member(self.t, client, self.topic, self.name, **settings))
        return self.members[-1]

    def produce(self, count):
        for index in range(self.partitions):
            self.t.produce(self.topic, wire.batch([(None, b"%d" % number) for number in range(count)]), partition=index)
            self.ends[index] += count

    def until(self, what, condition):
        while not condition():
            said = [(member.client, member.events[-3:], member.errors[-2:], member.process.poll()) for member in self.members]
            assert self.t.left() > 1, f"{what}: {said}"
            time.sleep(0.05)

    def await_shared(self, *members):
        """Every partition has one owner among `members`."""
        everything = list(range(self.partitions))
        self.until("the topic is shared", lambda: sorted(sum((list(member.owned) for member in members), [])) == everything)
        return sorted(len(member.owned) for member in members)

    def await_read(self):
        """Everything written was read and committed."""
        wanted = {(index, offset) for index in range(self.partitions) for offset in range(self.ends[index])}
        self.until("everything is read", lambda: wanted <= {tuple(read) for member in self.members for read in member.told("read")})
        self.until("everything is committed",
                   lambda: [committed(self.t, self.name, self.topic, index)[0] for index in range(self.partitions)] == self.ends)
        reads = [tuple(read) for member in self.members for read in member.told("read")]
        return len(reads) - len(set(reads))

    def described(self):
        row = self.t.call("DescribeGroups", 5, {"Groups": [self.name]})["Groups"][0]
        return row["GroupState"], row["ProtocolType"], row["ProtocolData"], len(row["Members"])


def share(t, client):
    with Group(t, 6) as group:
        group.produce(5)
        first, second, third = (group.add(client) for _ in range(3))
        t.note("shared by three", group.await_shared(first, second, third))
        t.note("read twice in peace", group.await_read() > 30)     # the first may be alone at first
        state = group.described()
        t.note("described", (state[0], state[1], state[3]))
        begin = time.monotonic()
        third.leave()
        t.note("shared by two", group.await_shared(first, second))
        t.note("at once", time.monotonic() - begin < SESSION_SECONDS)
        group.produce(3)
        group.await_read()
        first.leave()
        second.leave()
        t.note("left", [member.process.returncode for member in group.members])
        t.note("empty", group.described()[0])


def killed(t, client):
    with Group(t, 4) as group:
        group.produce(3)
        first, second = group.add(client), group.add(client)
        group.await_shared(first, second)
        group.await_read()
        begin = time.monotonic()
        second.kill()
        group.produce(3)
        group.await_shared(first)
        t.note("not before its session ended", time.monotonic() - begin > SESSION_SECONDS - 2)
        group.await_read()
        first.leave()


def make(client, smoke):
    title, needs, _ = CLIENTS[client]

    def shared(t):
        share(t, client)
    shared.__name__ = f"{client}_group_shares"
    shared.__doc__ = f"{title}: three members share a topic, one leaves, the others take over; every record read and committed."
    case(limit=75, smoke=smoke, needs=needs)(shared)

    def dies(t):
        killed(t, client)
    dies.__name__ = f"{client}_group_member_killed"
    dies.__doc__ = f"{title}: a killed member's partitions go to the other when its session ends."
    case(limit=75, smoke=client == "go", needs=needs)(dies)


for _client in CLIENTS:
    make(_client, smoke=_client in ("librdkafka", "purepython", "node"))


@case(limit=75, smoke=False, needs="go python")
def groups_mixed_clients(t):
    """franz-go, confluent-kafka, kafka-python and kcat in one group: whoever leads, everybody understands the assignment."""
    with Group(t, 8) as group:
        group.produce(4)
        members = [group.add(client) for client in ("go", "librdkafka", "purepython", "kcat")]
        t.note("shared", group.await_shared(*members))
        group.await_read()
        t.note("described", group.described())
        for gone in (0, 0, 0):
            members.pop(gone).leave()
            group.await_shared(*members)
        group.produce(2)
        group.await_read()


@case(limit=90, smoke=False, needs="java-2.1.1 java-4.3.1 python sarama rust")
def groups_java_beside_others(t):
    """Kafka's oldest and newest Java client, confluent-kafka, sarama and rust-rdkafka in one group: whoever leads, all understand."""
    with Group(t, 10) as group:
        group.produce(3)
        members = [group.add(client) for client in ("java431", "librdkafka", "sarama", "java211", "rust")]
        t.note("shared", group.await_shared(*members))
        group.await_read()
        t.note("described", group.described())
        while len(members) > 1:
            members.pop(0).leave()
            group.await_shared(*members)
        group.produce(2)
        group.await_read()


def cooperative(t, client):
    with Group(t, 6) as group:
        group.produce(2)
        first, second = (group.add(client, strategies="cooperative-sticky") for _ in range(2))
        group.until("three each", lambda: len(first.owned) == len(second.owned) == 3)
        group.await_shared(first, second)
        before = [len(member.told("revoked")) for member in (first, second)]
        third = group.add(client, strategies="cooperative-sticky")
        group.until("two each", lambda: len(first.owned) == len(second.owned) == len(third.owned) == 2)
        t.note("shared", group.await_shared(first, second, third))
        taken = [member.told("revoked")[count:] for member, count in zip((first, second), before)]
        t.note("taken from the first two", sorted(sorted(map(len, filter(None, one))) for one in taken))
        group.await_read()
        group.until("stable", lambda: group.described()[0] == "Stable")
        t.note("described", group.described())
        third.leave()
        group.await_shared(first, second)
        group.produce(2)
        group.await_read()


def make_cooperative(client, smoke):
    title, needs, _ = CLIENTS[client]

    def keeps(t):
        cooperative(t, client)
    keeps.__name__ = f"{client}_group_cooperative"
    keeps.__doc__ = f"{title}, cooperative-sticky: members keep what stays theirs when another comes."
    case(limit=75, smoke=smoke, needs=needs)(keeps)


# 2.1.1 is older than cooperative rebalancing; sarama, aiokafka, kafka-python and kafkajs do not have it
for _client in ("go", "librdkafka", "rust", "java282", "java391", "java431"):
    make_cooperative(_client, smoke=_client == "librdkafka")


def static(t, client):
    with Group(t, 4) as group:
        group.produce(2)
        first, second = group.add(client, instance="one"), group.add(client, instance="two")
        group.await_shared(first, second)
        group.await_read()
        owned, quiet = second.owned, len(first.told("owned")) + len(first.told("revoked"))
        second.kill()
        third = group.add(client, instance="two")
        group.until("its place is back", lambda: third.owned == owned)
        group.produce(2)
        group.await_read()
        t.note("the other noticed", len(first.told("owned")) + len(first.told("revoked")) - quiet)
        row = t.call("DescribeGroups", 5, {"Groups": [group.name]})["Groups"][0]
        t.note("instances", sorted(str(member["GroupInstanceId"]) for member in row["Members"]))
        t.note("described", group.described())


def make_static(client):
    title, needs, _ = CLIENTS[client]

    def returns(t):
        static(t, client)
    returns.__name__ = f"{client}_group_static_returns"
    returns.__doc__ = f"{title}: a static member that is killed and started again has its partitions back, unnoticed by the other."
    case(limit=75, smoke=False, needs=needs)(returns)


# 2.1.1 is older than static members
for _client in ("go", "sarama", "rust", "aiokafka", "java282", "java391", "java431"):
    make_static(_client)


@case(limit=75, needs="python")
def librdkafka_group_static(t):
    """Static members: one that is killed and started again has its partitions back without a rebalance; its double fences it."""
    with Group(t, 4) as group:
        group.produce(2)
        first, second = group.add("librdkafka", instance="one"), group.add("librdkafka", instance="two")
        group.await_shared(first, second)
        group.await_read()
        owned, quiet = second.owned, len(first.told("owned")) + len(first.told("revoked"))
        second.kill()
        third = group.add("librdkafka", instance="two")
        group.until("its place is back", lambda: third.owned == owned)
        group.produce(2)
        group.await_read()
        t.note("the other noticed", len(first.told("owned")) + len(first.told("revoked")) - quiet)
        row = t.call("DescribeGroups", 5, {"Groups": [group.name]})["Groups"][0]
        t.note("instances", sorted(member["GroupInstanceId"] for member in row["Members"]))
        group.add("librdkafka", instance="two")
        group.until("the double takes over", lambda: group.members[-1].owned == owned)
        group.until("the former is fenced", lambda: third.process.poll() is not None)
        t.note("fenced", [(event["error"], event["fatal"]) for event in third.events if "error" in event][-1:])
        t.note("leave by name", [row["ErrorCode"] for row in t.call("LeaveGroup", 5, {"GroupId": group.name, "Members": [
            {"MemberId": "", "GroupInstanceId": "two"}, {"MemberId": "", "GroupInstanceId": "three"}]})["Members"]])


@case(limit=75, smoke=False, needs="python")
def librdkafka_group_protocol_choice(t):
    """The assignor is the one that all members know, whatever they like best; nothing in common is refused."""
    with Group(t, 4) as group:
        first = group.add("librdkafka", strategies="roundrobin,range")
        group.await_shared(first)
        t.note("alone", group.described())
        second = group.add("librdkafka", strategies="range")
        group.await_shared(first, second)
        t.note("together", group.described())
        stranger = group.add("librdkafka", strategies="cooperative-sticky")
        group.until("the stranger is refused", lambda: any("error" in event for event in stranger.events))
        t.note("stranger", [event["error"] for event in stranger.events if "error" in event][:1])
        stranger.kill()
        second.leave()
        group.await_shared(first)
        group.until("its own wish again", lambda: group.described()[2] == "roundrobin")


def outlive(t, kill, *clients):
    with Group(t, 4) as group:
        group.produce(3)
        members = [group.add(client, strategies="range") for client in clients]
        group.await_shared(*members)
        group.await_read()
        t.restart(kill=kill)
        t.await_topic(group.topic, 4)
        coordinator_ready(t, group.name)
        t.note("positions", [committed(t, group.name, group.topic, index)[0] for index in range(4)])
        group.produce(3)
        group.await_read()
        group.await_shared(*members)
        t.note("described", group.described())
        members[0].leave()
        group.await_shared(members[1])


def make_outlive(client):
    title, needs, _ = CLIENTS[client]

    def goes_on(t):
        outlive(t, True, client, client)
    goes_on.__name__ = f"{client}_group_outlives_its_broker"
    goes_on.__doc__ = f"{title}: the broker is killed and started again under two members; positions are there, both go on."
    case(limit=90, smoke=False, needs=needs)(goes_on)


for _client in CLIENTS:
    if _client not in ("go", "librdkafka"):     # these have cases of their own
        make_outlive(_client)


@case(limit=90, smoke=False, needs="go python")
def groups_outlive_a_killed_broker(t):
    """A broker that is killed and started again in the middle of a group's life: positions are there, members go on."""
    outlive(t, True, "librdkafka", "go")


@case(limit=90, smoke=False, needs="go python")
def groups_outlive_a_stopped_broker(t):
    """The same with a clean stop."""
    outlive(t, False, "librdkafka", "go")


@case(limit=90, smoke=False, needs="go python")
def groups_tool_on_a_live_group(t):
    """ConsumerGroupCommand refuses to reset, delete or delete offsets of a group that is in use, and does so when it is not."""
    with Group(t, 2) as group:
        group.produce(3)
        member = group.add("librdkafka")
        group.await_shared(member)
        group.await_read()

        def tool(*words):
            done = t.java("ConsumerGroupCommand", "--group", group.name, *words, check=False)
            said = (done.out + done.err).replace(group.name, "GROUP").replace(group.topic, "TOPIC")
            return sorted(set(re.findall(r"\w+Exception|only be performed when|is not empty|Not Empty|successful", said)))
        t.note("delete", tool("--delete"))
        t.note("delete offsets", tool("--delete-offsets", "--topic", group.topic))
        t.note("reset", tool("--reset-offsets", "--topic", group.topic, "--to-earliest", "--execute"))
        member.leave()
        tool("--reset-offsets", "--topic", group.topic, "--shift-by", "-1", "--execute")
        t.note("shifted", [committed(t, group.name, group.topic, index)[0] for index in range(2)])
        t.note("delete offsets when left", tool("--delete-offsets", "--topic", f"{group.topic}:1"))
        t.note("one is left", [committed(t, group.name, group.topic, index)[0] for index in range(2)])
        t.note("delete when left", tool("--delete"))
