"""Commands of weir against Weir and against real Kafka: bench, produce and consume, backup and restore, doctor, delete-records."""

import json
import os

import harness
from harness import case


def records(t, name):
    lines = t.weir("consume", name, "--json").out.splitlines()
    return sorted((one["partition"], one["offset"], one["timestamp"], one.get("key"), one["value"], str(one.get("headers")))
                  for one in map(json.loads, lines))


@case(limit=60)
def weir_cli_bench_counts_every_record(t):
    """produce --verify and e2e read every acknowledged record once, at a rate and as fast as it goes."""
    for line in (["produce", "--count", 5000, "--verify", "--partitions", 3, "--keys", 50, "--compression", "lz4"],
                 ["e2e", "--rate", 2000, "--duration", "1s"]):
        got = json.loads(t.weir("bench", *line, "--warm-up", "200ms", "--json").out)
        assert got["verified"]["lost"] == 0 and got["verified"]["repeated"] == 0, got
        assert got["verified"]["acknowledged"] >= 2000 and got["refused"] == 0, got
        assert got["latency_us"]["count"] >= 2000, got


@case(limit=60)
def weir_cli_bench_groups_and_connections(t):
    """Twenty members join, one leaves, one joins; fifty connections are open at the end."""
    got = json.loads(t.weir("bench", "groups", "--members", 20, "--heartbeat", "200ms", "--json").out)
    assert [(phase["phase"], phase["members"]) for phase in got["phases"]] == [("all join", 20), ("one leaves", 19), ("one joins", 20)], got
    got = json.loads(t.weir("bench", "connections", 50, "--hold", "100ms", "--json").out)
    assert got["opened"] == got["alive_at_end"] == 50, got


@case()
def weir_cli_json_there_and_back(t):
    """consume --json into produce --input json gives the same records, bytes that are no text included."""
    first, second = t.topic("a", partitions=2), t.topic("b", partitions=2)
    lines = "".join(json.dumps(one) + "\n" for one in (
        {"key": "k", "value": "v", "headers": [{"key": "h", "value": "1"}], "timestamp": 1700000000000},
        {"key_base64": "/wA=", "value": None, "timestamp": 1700000000001},
        {"key": "", "value_base64": "gIE=", "timestamp": 1700000000002}))
    t.weir("produce", first, "--input", "json", input=lines)
    t.weir("produce", second, "--input", "json", "--keep-partition", input=t.weir("consume", first, "--json").out)
    assert t.weir("consume", first, "--json").out.replace(first, "x") == t.weir("consume", second, "--json").out.replace(second, "x")


@case()
def weir_cli_where_and_until(t):
    """Conditions and offsets select the same records on both."""
    name = t.topic()
    t.weir("produce", name, "-k", "=", input="".join(f"k{index % 3}=v{index}\n" for index in range(30)))
    seen = [t.weir("consume", name, "--format", "%o ", *line).out for line in (
        ["--where", "key=k1", "--where", "value~2"], ["--from", 5, "--until", 8], ["--from", -2], ["--from", "-1h", "-n", 1], ["--from", "2100-01-01"])]
    assert seen == ["22 25 28 ", "5 6 7 ", "28 29 ", "0 ", ""], seen


@case()
def weir_cli_delete_records(t):
    """delete-records by offset and by "all but the last N"; what is gone already is no error."""
    name = t.topic()
    t.weir("produce", name, input="".join(f"{index}\n" for index in range(20)))
    for before, start in ((5, 5), (3, 5), (-4, 16), ("end", 20)):
        got = json.loads(t.weir("topic", "delete-records", name, "--before", before, "--json").out)
        assert (got["start"], got["end"]) == (start, 20), got


@case(limit=60)
def weir_cli_backup_and_restore(t):
    """A backup verifies, a flipped bit is found, and a restore brings records, options and positions back."""
    name = t.topic(partitions=3, **{"max.message.bytes": 2000000})
    t.weir("produce", name, "-k", "=", "--header", "h=1", "--compression", "zstd", input="".join(f"k{index}=v{index}\n" for index in range(500)))
    t.weir("topic", "delete-records", name, "--before", 10, "--partition", 0)
    t.weir("consume", name, "--group", name, "-n", 100)
    before = records(t, name)
    folder = os.path.join(t.folder, f"backup-{t.side.name}")
    t.weir("backup", "--to", folder, "--topic", name)
    assert t.weir("backup", "--to", folder, "--topic", name, check=False).returncode == 1
    t.run([harness.weir_program(), "backup", "--verify", folder])
    assert t.weir("restore", folder, check=False).returncode == 1      # the topic is there
    assert records(t, name) == before
    t.weir("restore", folder, "--overwrite")
    after = records(t, name)
    moved = [(partition, offset - (10 if partition == 0 else 0), *rest) for partition, offset, *rest in before]
    assert [tuple(one) for one in after] == moved, (len(before), len(after))
    t.weir("restore", folder, "--resume")                        # nothing left to do
    assert records(t, name) == after
    assert json.loads(t.weir("config", "get", "topic", name, "max.message.bytes", "--json").out)["value"] == "2000000"
    file = next(os.path.join(root, one) for root, _, files in os.walk(folder) for one in files if one.endswith(".log"))
    with open(file, "r+b") as damaged:
        damaged.seek(100)
        byte = damaged.read(1)
        damaged.seek(100)
        damaged.write(bytes([byte[0] ^ 1]))
    assert t.run([harness.weir_program(), "backup", "--verify", folder], check=False).returncode == 1


@case()
def weir_cli_doctor(t):
    """A sound broker: no error but in the topics that other cases damaged; and it is found reachable where it says it is."""
    t.topic()
    findings = [json.loads(line) for line in t.weir("doctor", "--json", check=False).out.splitlines()]
    # What other cases left behind in their topics is theirs.
    assert not [one for one in findings if one["severity"] == "error" and not one["about"].startswith("topic ")], findings
    assert any("answers at" in one["what"] for one in findings), findings
