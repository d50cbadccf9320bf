"""Our own client and command line against Weir and against real Kafka, beside kcat and Java's clients."""

import collections
import json
import re
import signal
import subprocess
import threading
import time

import harness
from harness import case


def group_json(t, group):
    return json.loads(t.weir("group", "describe", group, "--json").out)


class Running:
    """A consumer that goes on: its lines as they come, one set of them at the end."""

    def __init__(self, line):
        self.process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            if line.strip().isdigit():  # some tools say other things, too
                self.lines.append(line.decode().strip())

    def stop(self, how=signal.SIGINT):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.reader.join(10)
        return self.lines


def weir_member(t, group, topic, *options):
    return Running([harness.weir_program(), "consume", topic, "--group", group, "--bootstrap-server", t.bootstrap, "--session", "10s", *options])


def kcat_member(t, group, topic, *options):
    return Running(["stdbuf", "-oL", "kcat", "-b", t.bootstrap, "-G", group, "-q", "-u", "-f", "%s\\n", "-X", "auto.offset.reset=earliest",
                    "-X", "session.timeout.ms=10000", "-X", "heartbeat.interval.ms=1000", *options, topic])


def java_member(t, group, topic, *properties):
    line = [harness.PEER, "tool", "ConsoleConsumer", "--bootstrap-server", t.bootstrap, "--topic", topic, "--group", group, "--from-beginning"]
    for one in ("session.timeout.ms=10000", "heartbeat.interval.ms=1000", *properties):
        line += ["--consumer-property", one]
    return Running(line)


def fill(t, topic, first, count, partitions):
    for partition in range(partitions):
        t.weir("produce", topic, "--partition", partition,
             input="".join(f"{number}\n" for number in range(first, first + count) if number % partitions == partition))


def share_of(t, group, members, partitions):
    """Waits until so many members are there and hold all partitions; how many each holds."""
    while True:
        found = t.weir("group", "describe", group, "--json", check=False)  # before the first member is in there is no group
        described = json.loads(found.out) if found.returncode == 0 else {"state": "", "members": []}
        held = sorted(len(member["assigned"]) for member in described["members"])
        if described["state"] == "Stable" and len(held) == members and sum(held) == partitions:
            return held
        assert t.left() > 1, described
        time.sleep(0.2)


@case(limit=60)
def weir_client_produces_and_consumes(t):
    """weir produce with every codec is read by kcat as it was written; weir consume reads what kcat wrote with every codec."""
    name = t.topic(partitions=1)
    expected = []
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        lines = [f"{codec} {number} {'x' * 50}" for number in range(200)]
        t.weir("produce", name, "--compression", codec, "--key", "k", "--header", "codec=" + codec, input="\n".join(lines) + "\n")
        expected += [f"k codec={codec} {line}" for line in lines]
    got = t.kcat("-C", "-t", name, "-e", "-q", "-f", "%k %h %s\\n").out.splitlines()
    assert got == expected, (len(got), got[:2])
    other = t.topic("u")
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        t.kcat("-P", "-t", other, "-z", codec, input="".join(f"{codec} {number}\n" for number in range(100)))
    got = t.weir("consume", other).out.splitlines()
    assert got == [f"{codec} {number}" for codec in ("none", "gzip", "snappy", "lz4", "zstd") for number in range(100)], len(got)
    t.note("tail", t.weir("consume", other, "--from", "-2", "--format", "%o %v\\n").out)


@case(limit=60)
def weir_client_topics_and_options(t):
    """weir topic and weir config: what they make and change is what Java's tools and kcat see."""
    name = t.topic_name()
    t.note("created", t.weir("topic", "create", name, "--partitions", 3, "--replicas", 1, "--config", "retention.ms=3600000").out)
    t.await_topic(name, 3)
    t.note("again", t.weir("topic", "create", name, check=False).returncode)
    assert "retention.ms=3600000" in t.topics_tool("--describe", "--topic", name).out
    t.note("altered", t.weir("topic", "alter", name, "--partitions", 4, "--config", "max.message.bytes=2000", "--reset", "retention.ms").out)
    t.await_topic(name, 4)
    options = [json.loads(line) for line in t.weir("config", "get", "topic", name, "--json").out.splitlines()]
    t.note("options", sorted((one["option"], one["value"]) for one in options if one["option"] != "min.insync.replicas"))
    large = t.weir("produce", name, "--partition", 0, input="y" * 3000 + "\n", check=False)
    t.note("too large", large.returncode)
    t.weir("topic", "delete", name)
    t.await_gone(name)


@case(limit=90)
def weir_client_group_commands(t):
    """weir group lists, describes, resets and deletes; Java's tool and kcat see the same."""
    name = t.topic(partitions=2)
    fill(t, name, 0, 20, 2)
    group = t.topic_name("g")
    got = t.weir("consume", name, "--group", group, "--max", 20).out.split()
    assert sorted(map(int, got)) == list(range(20)), got
    rows = [json.loads(line) for line in t.weir("group", "list", "--json").out.splitlines()]
    t.note("listed", [(row["state"], row["type"], row["protocol"]) for row in rows if row["group"] == group])
    described = group_json(t, group)
    t.note("described", (described["state"], described["type"], described["lag"],
                         [(row["partition"], row["committed"], row["end"], row["lag"], row["metadata"]) for row in described["partitions"]]))
    tool = t.java("ConsumerGroupCommand", "--describe", "--group", group).out
    assert [line.split()[3:6] for line in sorted(tool.splitlines()) if line.startswith(group)] == [["10", "10", "0"]] * 2, tool
    t.note("plan", t.weir("group", "reset", group, "--to-earliest").out.replace(name, "T"))
    assert group_json(t, group)["lag"] == 0
    t.weir("group", "reset", group, "--shift-by", -3, "--topic", f"{name}:1", "--execute")
    t.note("shifted", [row["committed"] for row in group_json(t, group)["partitions"]])
    t.weir("group", "reset", group, "--to-datetime", "2020-01-01T00:00:00Z", "--execute")
    t.note("by time", [row["committed"] for row in group_json(t, group)["partitions"]])
    t.weir("group", "reset", group, "--by-duration", "0s", "--execute")
    t.note("by duration", [row["committed"] for row in group_json(t, group)["partitions"]])
    t.weir("group", "reset", group, "--to-offset", 7, "--execute")
    tool = t.java("ConsumerGroupCommand", "--describe", "--group", group).out
    assert [line.split()[3] for line in tool.splitlines() if line.startswith(group)] == ["7", "7"], tool
    member = weir_member(t, group, name)
    share_of(t, group, 1, 2)
    for command in (["reset", group, "--to-earliest", "--execute"], ["delete", group], ["delete", group, "--topic", name]):
        refused = t.weir("group", *command, check=False)
        t.note(f"{command[0]} {len(command)} while in use", refused.err.replace(name, "T").replace(group, "G"))
    t.until(lambda: len(member.lines) >= 6)
    assert len(member.stop()) == 6
    t.note("left", group_json(t, group)["state"])
    t.weir("group", "delete", group, "--topic", name)
    t.note("positions deleted", group_json(t, group)["partitions"])
    t.weir("group", "delete", group)
    t.note("gone", t.weir("group", "describe", group, check=False).returncode)


def mixed_group(t, assignor, partitions=6, others=(kcat_member, java_member)):
    """Members of three makes come one after another, share the partitions out evenly, and go again; nothing is left out."""
    name = t.topic(partitions=partitions)
    group = t.topic_name("g")
    fill(t, name, 0, 600, partitions)
    members = [weir_member(t, group, name, "--assignor", assignor)]
    shares = [share_of(t, group, 1, partitions)]
    fill(t, name, 600, 300, partitions)
    java_names = {"range": "org.apache.kafka.clients.consumer.RangeAssignor", "roundrobin": "org.apache.kafka.clients.consumer.RoundRobinAssignor",
                  "cooperative-sticky": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"}
    try:
        for start in others:
            if start is java_member:
                members.append(start(t, group, name, "partition.assignment.strategy=" + java_names[assignor]))
            else:
                members.append(start(t, group, name, "-X", "partition.assignment.strategy=" + assignor))
            shares.append(share_of(t, group, len(members), partitions))
        fill(t, name, 900, 600, partitions)
        t.until(lambda: len({line for member in members for line in member.lines}) >= 1500)
        # the leader goes: another make must share out
        members[0].stop()
        shares.append(share_of(t, group, len(others), partitions))
        members.append(weir_member(t, group, name, "--assignor", assignor))
        shares.append(share_of(t, group, len(others) + 1, partitions))
        fill(t, name, 1500, 300, partitions)
        t.until(lambda: len({line for member in members for line in member.lines}) >= 1800)
    finally:
        for member in members:
            member.stop(signal.SIGTERM if member is not members[0] and member is not members[-1] else signal.SIGINT)
    t.note("shares", shares)
    times = collections.Counter(line for member in members for line in member.lines)
    assert set(times) == {str(number) for number in range(1800)}, f"{1800 - len(times)} records were read by nobody"
    # what a make had printed but not committed when it was stopped comes again
    t.note("records read more than once, but few", sum(times.values()) - 1800 < 900)
    t.until(lambda: group_json(t, group)["state"] == "Empty")


@case(limit=150)
def weir_client_mixed_group_range(t):
    """weir, kcat and a Java consumer in one group with the range assignor; whoever leads, partitions are shared out evenly."""
    mixed_group(t, "range")


@case(limit=150)
def weir_client_mixed_group_cooperative(t):
    """weir, kcat and a Java consumer in one group with cooperative-sticky: they understand each other's owned partitions."""
    mixed_group(t, "cooperative-sticky")


@case(limit=90, smoke=False)
def weir_client_mixed_group_round_robin(t):
    """weir and kcat in one group with round robin."""
    mixed_group(t, "roundrobin", others=(kcat_member,))


@case(limit=60)
def weir_client_static_member(t):
    """A static member that goes and comes back keeps its partitions without a rebalance; a second one with its id fences it."""
    name = t.topic(partitions=2)
    group = t.topic_name("g")
    first = weir_member(t, group, name, "--instance", "one")
    share_of(t, group, 1, 2)
    first.stop()
    described = group_json(t, group)
    t.note("gone, but kept", (described["state"], [(member["instance"], len(member["assigned"])) for member in described["members"]]))
    second = weir_member(t, group, name, "--instance", "one")
    fill(t, name, 0, 10, 2)
    t.until(lambda: len(second.lines) == 10)
    third = weir_member(t, group, name, "--instance", "one")
    fenced = second.process.wait(t.left())
    said = second.process.stderr.read().decode()
    t.note("fenced", (fenced, re.sub(r'"[^"]*"', "G", said)))
    third.stop()
    second.reader.join(5)


@case(limit=120)
def weir_client_survives_restart(t):
    """A member goes on by itself after the broker was killed and started again; nothing is left out."""
    name = t.topic(partitions=3)
    group = t.topic_name("g")
    member = weir_member(t, group, name)
    fill(t, name, 0, 300, 3)
    t.until(lambda: len(set(member.lines)) == 300)
    t.restart(kill=not t.is_kafka)
    fill(t, name, 300, 300, 3)
    while len(set(member.lines)) < 600:
        ended = member.process.poll()
        assert ended is None, f"the member ended ({ended}): {member.process.stderr.read().decode()}"
        assert t.left() > 15, f"{len(set(member.lines))} of 600 records; {t.weir('group', 'describe', group, check=False).out}"
        time.sleep(0.1)
    member.stop()
    t.note("left", group_json(t, group)["state"])
