"""kcat (librdkafka): every way it reads, writes and asks; -P, -C, -L, -Q and -G."""

import json
import time

from harness import case

LINES = "".join(f"key{index}|value {index}\n" for index in range(20))


@case()
def kcat_list_brokers_and_topics(t):
    """-L lists this broker and a topic with its partitions; -J says the same as JSON."""
    name = t.topic(partitions=3)
    text = t.kcat("-L").out
    assert f'topic "{name}" with 3 partitions' in text
    data = json.loads(t.kcat("-L", "-J").out)
    assert len(data["brokers"]) == 1
    assert data["brokers"][0]["name"].endswith(f":{t.port}")
    mine = [topic for topic in data["topics"] if topic["topic"] == name][0]
    t.note("partitions", sorted((part["partition"], len(part["replicas"]), len(part["isrs"])) for part in mine["partitions"]))


@case()
def kcat_list_one_topic(t):
    """-L -t names one topic only, also one that does not exist."""
    name = t.topic(partitions=2)
    t.topic("other")
    data = json.loads(t.kcat("-L", "-J", "-t", name).out)
    assert [topic["topic"] for topic in data["topics"]] == [name]


@case()
def kcat_produce_and_consume(t):
    """-P with keys, -C from the beginning to the end, offsets and keys as sent."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, "-K", "|", input=LINES)
    got = t.kcat("-C", "-t", name, "-p", 0, "-o", "beginning", "-e", "-q", "-f", "%o %k=%s\\n").out
    assert got == "".join(f"{index} key{index}=value {index}\n" for index in range(20)), got[:200]


@case()
def kcat_auto_create_on_produce(t):
    """Producing to a topic that is not there creates it with the default partition count."""
    name = t.topic_name("auto")
    t.kcat("-P", "-t", name, input="one\n")
    assert t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q").out == "one\n"
    data = json.loads(t.kcat("-L", "-J", "-t", name).out)
    t.note("partitions", len(data["topics"][0]["partitions"]))


def codec_case(codec):
    def body(t):
        name = t.topic()
        lines = "".join(f"{codec} line {index} {'x' * 200}\n" for index in range(300))
        t.kcat("-P", "-t", name, "-p", 0, "-z", codec, "-X", "linger.ms=50", input=lines)
        assert t.kcat("-C", "-t", name, "-p", 0, "-o", "beginning", "-e", "-q").out == lines
        part = t.fetch_one(name)
        import wire
        codecs = {entry.codec for entry in wire.batches(part["Records"])}
        t.note("codec on disk", sorted(codecs))
        assert codecs == {["none", "gzip", "snappy", "lz4", "zstd"].index(codec)}, \
            f"stored with {codecs}" + (" (librdkafka writes lz4 only where FindCoordinator 0 is advertised)" if codec == "lz4" else "")
    body.__name__ = f"kcat_codec_{codec}"
    body.__doc__ = f"{codec}: 300 lines out and back, stored with the codec the producer chose."
    return case()(body)


for _codec in ("none", "gzip", "snappy", "lz4", "zstd"):
    codec_case(_codec)


@case()
def kcat_headers(t):
    """Record headers come back in order, with repeated names."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, "-H", "a=1", "-H", "b=2", "-H", "a=3", input="with headers\n")
    assert t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q", "-f", "%h %s\\n").out == "a=1,b=2,a=3 with headers\n"


@case()
def kcat_null_keys_and_values(t):
    """-Z: empty means null; nulls come back as nulls, not as empty strings."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, "-K", "|", "-Z", input="k|\n|v\n")
    rows = [json.loads(line) for line in t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q", "-J", "-Z").out.splitlines()]
    t.note("rows", [(row["key"], row["payload"]) for row in rows])
    assert [(row["key"], row["payload"]) for row in rows] == [("k", None), (None, "v")] or \
        [(row["key"], row["payload"]) for row in rows] == [("k", None), ("", "v")]


@case()
def kcat_json_output(t):
    """-J carries topic, partition, offset, timestamp type and broker id."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, "-k", "key", input="text\n")
    row = json.loads(t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q", "-J").out)
    assert abs(row["ts"] / 1000 - time.time()) < 60
    t.note("row", {key: row[key] for key in ("partition", "offset", "tstype", "key", "payload")})


@case()
def kcat_consume_from_offset(t):
    """-o N, -o -N (from the end), and -c COUNT."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, "-K", "|", input=LINES)
    assert t.kcat("-C", "-t", name, "-p", 0, "-o", 17, "-e", "-q", "-f", "%o,").out == "17,18,19,"
    assert t.kcat("-C", "-t", name, "-p", 0, "-o", -2, "-e", "-q", "-f", "%o,").out == "18,19,"
    assert t.kcat("-C", "-t", name, "-p", 0, "-o", 5, "-c", 3, "-q", "-f", "%o,").out == "5,6,7,"


@case()
def kcat_consume_from_end(t):
    """-o end reads nothing that was there before."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, input="old\n")
    assert t.kcat("-C", "-t", name, "-p", 0, "-o", "end", "-e", "-q").out == ""


@case()
def kcat_consume_from_timestamp(t):
    """-o s@T starts at the first record at or after T, and -o e@T stops there."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, input="before\n")
    time.sleep(0.3)
    middle = int(time.time() * 1000)
    time.sleep(0.3)
    t.kcat("-P", "-t", name, "-p", 0, input="after\n")
    assert t.kcat("-C", "-t", name, "-p", 0, "-o", f"s@{middle}", "-e", "-q").out == "after\n"
    assert t.kcat("-C", "-t", name, "-p", 0, "-o", "beginning", "-o", f"e@{middle}", "-q").out == "before\n"


@case()
def kcat_query_offset(t):
    """-Q finds offsets by time."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, input="one\ntwo\n")
    assert f"{name} [0] offset 0" in t.kcat("-Q", "-t", f"{name}:0:1").out
    t.note("past the end", t.kcat("-Q", "-t", f"{name}:0:{int(time.time() * 1000) + 3600000}").out.strip().split(" offset ")[1])


@case()
def kcat_acks(t):
    """acks 0, 1 and all deliver alike."""
    name = t.topic()
    for acks in (0, 1, "all"):
        t.kcat("-P", "-t", name, "-p", 0, "-X", f"acks={acks}", input=f"acks {acks}\n")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        got = t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q").out
        if got.count("\n") == 3:
            break
    assert got == "acks 0\nacks 1\nacks all\n", got


@case()
def kcat_idempotent_producer(t):
    """enable.idempotence: every record once, in order, with a producer id on the batches."""
    name = t.topic()
    lines = "".join(f"{index}\n" for index in range(2000))
    t.kcat("-P", "-t", name, "-p", 0, "-X", "enable.idempotence=true", "-X", "batch.num.messages=100", input=lines)
    assert t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q").out == lines
    import wire
    found = wire.batches(t.fetch_one(name)["Records"])
    assert all(entry.producer_id >= 0 for entry in found)
    assert [entry.base_sequence for entry in found] == [entry.base_offset for entry in found]


@case()
def kcat_many_partitions(t):
    """Keys choose among 12 partitions; everything comes back, each key in one partition."""
    name = t.topic(partitions=12)
    t.kcat("-P", "-t", name, "-K", "|", input="".join(f"k{index % 50}|{index}\n" for index in range(1000)))
    rows = [line.split() for line in t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q", "-f", "%p %k %s\\n").out.splitlines()]
    assert sorted(int(row[2]) for row in rows) == list(range(1000))
    homes = {}
    for part, key, _ in rows:
        homes.setdefault(key, set()).add(part)
    assert all(len(parts) == 1 for parts in homes.values())
    t.note("homes", sorted((key, sorted(parts)) for key, parts in homes.items()))


@case()
def kcat_large_record(t):
    """A record just under the limit passes; one over it is refused with a message."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, "-D", "\\0", input="x" * 900000)
    assert len(t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q").out.rstrip("\n")) == 900000
    refused = t.kcat("-P", "-t", name, "-p", 0, "-D", "\\0", "-X", "message.max.bytes=3000000", input="x" * 1500000, check=False)
    assert refused.returncode != 0 and "too large" in refused.err.lower(), refused.err[-300:]


@case()
def kcat_read_committed(t):
    """isolation.level=read_committed reads all of a topic without transactions."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, input="one\n")
    assert t.kcat("-C", "-t", name, "-X", "isolation.level=read_committed", "-o", "beginning", "-e", "-q").out == "one\n"


@case()
def kcat_follow_while_producing(t):
    """A consumer that waits at the end is given records as they come."""
    import subprocess
    name = t.topic()
    reader = subprocess.Popen(["kcat", "-b", t.bootstrap, "-C", "-t", name, "-p", "0", "-o", "end", "-c", "3", "-q", "-u"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        time.sleep(1.5)
        for index in range(3):
            t.kcat("-P", "-t", name, "-p", 0, input=f"live {index}\n")
        assert reader.communicate(timeout=15)[0].decode() == "live 0\nlive 1\nlive 2\n"
    finally:
        reader.kill()


@case(limit=60, smoke=False)
def kcat_group_goes_on(t):
    """-G alone: reads all, commits when it leaves, and goes on from there the next time."""
    name, group = t.topic(partitions=3), t.topic_name("g")
    options = ["-X", "auto.offset.reset=earliest", "-X", "enable.partition.eof=true", "-e", "-f", "%p %o %s\\n", name]
    for index in range(3):
        t.kcat("-P", "-t", name, "-p", index, input="".join(f"{index}-{number}\n" for number in range(5)))
    first = t.kcat("-q", "-G", group, *options).out.splitlines()
    assert sorted(first) == sorted(f"{index} {number} {index}-{number}" for index in range(3) for number in range(5)), first
    t.kcat("-P", "-t", name, "-p", 1, input="new\n")
    assert t.kcat("-q", "-G", group, *options).out == "1 5 new\n"


@case(limit=60, smoke=False)
def kcat_group_of_several_topics(t):
    """-G with two topics and with a regular expression."""
    one, two = t.topic("one"), t.topic("two")
    for name in (one, two):
        t.kcat("-P", "-t", name, input=f"to {name}\n")
    options = ["-X", "auto.offset.reset=earliest", "-X", "topic.metadata.refresh.interval.ms=1000", "-c", "2"]
    told = sorted([f"to {one}", f"to {two}"])
    assert sorted(t.kcat("-q", "-G", t.topic_name("g"), *options, one, two).out.splitlines()) == told
    assert sorted(t.kcat("-q", "-G", t.topic_name("h"), *options, "^" + t.topic_name("") + ".*").out.splitlines()) == told


@case(smoke=False)
def kcat_list_more(t):
    """-L of a topic that is not there says so, and asks twice to make it; -Q of several partitions at once."""
    name = t.topic(partitions=3)
    for index in range(3):
        t.kcat("-P", "-t", name, "-p", index, input="x\n" * (index + 1))
    asked = [word for index in range(3) for word in ("-t", f"{name}:{index}:-1")]
    t.note("ends", sorted(line.replace(name, "") for line in t.kcat("-Q", *asked).out.splitlines()))
    asked = [word for index in range(3) for word in ("-t", f"{name}:{index}:-2")]
    t.note("beginnings", sorted(line.replace(name, "") for line in t.kcat("-Q", *asked).out.splitlines()))
    missing = json.loads(t.kcat("-L", "-J", "-t", t.topic_name("missing"), "-X", "allow.auto.create.topics=false").out)
    t.note("missing", missing["topics"][0].get("error"))


@case(smoke=False)
def kcat_produce_files_and_delimiters(t):
    """-P of whole files, with a delimiter of its own, with a count, to a partition chosen by the key's hash."""
    name = t.topic()
    path = f"{t.folder}/kcat-{t.side.name}.txt"
    with open(path, "w", encoding="utf-8") as file:
        file.write("whole\nfile\n")
    t.kcat("-P", "-t", name, "-p", 0, path)
    t.kcat("-P", "-t", name, "-p", 0, "-D", ";", input="a;b;c")
    t.kcat("-P", "-t", name, "-p", 0, "-c", 2, input="1\n2\n3\n")
    t.kcat("-P", "-t", name, "-p", 0, "-l", path)
    rows = [json.loads(line)["payload"] for line in t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q", "-J").out.splitlines()]
    assert rows == ["whole\nfile\n", "a", "b", "c", "1", "2", "whole", "file"], rows


@case(smoke=False)
def kcat_unpack(t):
    """-s packs what it prints: a number as key, a string as value."""
    name = t.topic()
    t.kcat("-P", "-t", name, "-p", 0, "-K", "|", input="abcd|efgh\n")
    t.note("unpacked", t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q", "-s", "key=>I", "-s", "value=s", "-f", "%k %s\\n").out)


@case(smoke=False)
def kcat_partition_by_murmur(t):
    """The Java client's partitioner and librdkafka's own choose the same partitions on both brokers."""
    name = t.topic(partitions=7)
    for partitioner in ("murmur2_random", "consistent"):
        t.kcat("-P", "-t", name, "-K", "|", "-X", f"topic.partitioner={partitioner}", input="".join(f"k{index}|{partitioner}\n" for index in range(40)))
    rows = t.kcat("-C", "-t", name, "-o", "beginning", "-e", "-q", "-f", "%p %k %s\\n").out.splitlines()
    t.note("homes", sorted(rows))
    assert len(rows) == 80
