"""What the measuring programs of this folder share: brokers, loads, and what a process has used.

A side is harness.Weir, harness.Kafka or Floor: it has a name, a port and a pid, and can be started, stopped and wiped.
"""

import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tests", "compat"))

import harness  # noqa: E402
import wire  # noqa: E402

BUILD = os.path.join(ROOT, "build", "bench")
PROGRAMS = os.path.join(BUILD, "build")
TICK = os.sysconf("SC_CLK_TCK")

# Files of deleted topics go at once on both sides, as the floor's do: else each run writes into page cache that the machine
# has to find first, and pays for that.
QUICK_DELETE = "log.segment.delete.delay.ms=100"


def build_programs():
    """The programs of this folder, in build/bench."""
    os.makedirs(os.path.join(BUILD, "build"), exist_ok=True)
    compiler = next((name for name in ("clang++-19", "clang++", "g++") if shutil.which(name)), None)
    if not compiler or not shutil.which("cmake"):
        sys.exit("bench needs cmake and a C++20 compiler (apt-get install cmake clang-19)")
    subprocess.run(["cmake", "-S", HERE, "-B", os.path.join(BUILD, "build"), f"-DCMAKE_CXX_COMPILER={compiler}"], check=True,
                   stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", os.path.join(BUILD, "build")], check=True, stdout=subprocess.DEVNULL)


# -- what a process has used, from /proc


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident_kib(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class Measured:
    """CPU, time and memory of a broker around a piece of work."""

    def __init__(self, side):
        self.side = side

    def __enter__(self):
        self.cpu, self.begin = cpu_seconds(self.side.pid), time.monotonic()
        return self

    def __exit__(self, failure, *_):
        if failure:
            return              # the broker may be gone: what failed is to be seen, not this
        self.wall = time.monotonic() - self.begin
        self.cpu = cpu_seconds(self.side.pid) - self.cpu
        self.rss = resident_kib(self.side.pid) / 1024


# -- brokers


class Floor:
    name = "floor"

    def __init__(self, folder, flush):
        self.folder, self.flush = folder, flush
        self.port, self.process, self.count = harness.free_ports(1), None, 0

    @property
    def pid(self):
        return self.process.pid

    def start(self):
        # a fresh one for every case: its files are its topics
        self.stop()
        os.makedirs(self.folder)
        self.process = subprocess.Popen([os.path.join(PROGRAMS, "floor"), str(self.port), self.folder] + (["flush"] if self.flush else []), stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self):
        if self.alive():
            self.process.terminate()
            self.process.wait()
            self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    wipe = stop


def side_named(name, folder, flush, overrides=(), both=()):
    """A broker in `folder`, not started. `flush`: it syncs before it acknowledges. `overrides` are settings for weir, `both` for
    Kafka too."""
    folder = os.path.join(folder, name)
    if name == "floor":
        return Floor(folder, flush)
    if name == "kafka":
        return harness.Kafka(folder, [QUICK_DELETE, *both, *(["log.flush.interval.messages=1"] if flush else [])])
    return harness.Weir(harness.require_weir(), folder, [f"weir.flush.on.ack={'true' if flush else 'false'}", QUICK_DELETE, *both, *overrides])


def wipe(sides):
    for side in sides:
        try:
            side.wipe()
        except Exception as error:  # noqa: BLE001
            print(f"{side.name}: {error}", file=sys.stderr)


# -- loads


def line_of(program, side, words, options):
    """The command line of a program of this folder against a broker."""
    line = [os.path.join(PROGRAMS, program), words[0], "127.0.0.1", str(side.port), *words[1:]]
    for key, value in options.items():
        line += ["--" + key, str(value)]
    return line


def figures_in(text):
    """{name: number} of what such a program prints, "name number name number"."""
    told = text.split()
    return {told[index]: float(told[index + 1]) for index in range(0, len(told), 2)}


def figures_of(program, side, words, options, timeout=600):
    done = subprocess.run(line_of(program, side, words, options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout)
    if done.returncode:
        raise RuntimeError(f"{program} {words[0]} against {side.name}: {done.stderr.strip()}")
    return figures_in(done.stdout)


def beside(side, mode, topic, **options):
    """lone as a process of its own, for a load that goes on while something else is measured; whoever starts it ends it."""
    return subprocess.Popen(line_of("lone", side, [mode, topic], options), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Wire:
    """Topics and records on any side, over the wire."""

    def __init__(self, definitions, patience=60):
        self.definitions, self.patience = definitions, patience

    def connect(self, side):
        return wire.Connection(self.definitions, "127.0.0.1", side.port, timeout=self.patience)

    def create(self, connection, names, partitions, settings=None, allowed=(0,)):
        configs = [{"Name": key, "Value": value} for key, value in (settings or {}).items()]
        answer = connection.call("CreateTopics", 7, {"TimeoutMs": int(self.patience * 1000), "Topics": [
            {"Name": name, "NumPartitions": partitions, "ReplicationFactor": 1, "Configs": configs} for name in names]})
        codes = {topic["ErrorCode"] for topic in answer["Topics"]}
        assert codes <= set(allowed), answer["Topics"][0]

    def widen(self, connection, name, partitions):
        answer = connection.call("CreatePartitions", 3, {"TimeoutMs": int(self.patience * 1000), "ValidateOnly": False, "Topics": [
            {"Name": name, "Count": partitions, "Assignments": None}]})
        assert answer["Results"][0]["ErrorCode"] == 0, answer

    def await_served(self, connection, names, partitions):
        """Returns when every partition answers ListOffsets."""
        deadline = time.monotonic() + self.patience
        waiting = {name: set(range(partitions)) for name in names}
        while waiting and time.monotonic() < deadline:
            some = list(waiting)[:10]
            answer = connection.call("ListOffsets", 7, {"ReplicaId": -1, "Topics": [
                {"Name": name, "Partitions": [{"PartitionIndex": index, "Timestamp": -1} for index in sorted(waiting[name])]}
                for name in some]})
            for topic in answer["Topics"]:
                waiting[topic["Name"]] -= {part["PartitionIndex"] for part in topic["Partitions"] if part["ErrorCode"] == 0}
                if not waiting[topic["Name"]]:
                    del waiting[topic["Name"]]
            if any(name in waiting for name in some):
                time.sleep(0.005)
        assert not waiting, f"{len(waiting)} topics did not come"

    def produce(self, connection, name, partition, records):
        """One batch; the error code."""
        answer = connection.call("Produce", 9, {"Acks": -1, "TimeoutMs": 10000, "TopicData": [
            {"Name": name, "PartitionData": [{"Index": partition, "Records": records}]}]})
        return answer["Responses"][0]["PartitionResponses"][0]["ErrorCode"]

    def first_ack(self, side, process, name, partition, records, create=False):
        """Returns when a broker that is starting has acknowledged a batch; a client that tries every 2 ms."""
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            assert process.poll() is None, f"{side.name} ended while starting"
            try:
                with self.connect(side) as connection:
                    if create:
                        self.create(connection, [name], 1, allowed=(0, 36))       # 36: it is there, of an attempt before
                        create = False
                    while self.produce(connection, name, partition, records) != 0:
                        assert time.monotonic() < deadline, f"{side.name} acknowledged nothing"
                        time.sleep(0.002)
                    return
            except (ConnectionError, wire.Closed):
                time.sleep(0.002)
        raise RuntimeError(f"{side.name} acknowledged nothing")


class Bench:
    """Loads against the sides of one run. A side named floor has no topics."""

    def __init__(self, definitions, scale, flush):
        # a sync costs milliseconds: less work says as much
        self.scale, self.flush = scale * (0.2 if flush else 1), flush
        self.wire = Wire(definitions, 240)
        self.made = 0

    # One request may make 10,000 things, the topic is one of them: the rest comes by CreatePartitions.
    PARTITIONS_AT_FIRST = 5000

    def topic(self, side, partitions, settings=None):
        if side.name == "floor":
            return "floor"
        self.made += 1
        name = f"bench-{self.made}"
        with self.wire.connect(side) as connection:
            self.wire.create(connection, [name], min(partitions, self.PARTITIONS_AT_FIRST), settings)
            if partitions > self.PARTITIONS_AT_FIRST:
                self.wire.widen(connection, name, partitions)
            self.wire.await_served(connection, [name], partitions)
        return name

    def drop(self, side, name):
        if side.name == "floor":
            return
        with self.wire.connect(side) as connection:
            connection.call("DeleteTopics", 6, {"TimeoutMs": 20000, "Topics": [{"Name": name}]})
        time.sleep(1)           # until its files are gone

    def lone(self, side, mode, topic, **options):
        return figures_of("lone", side, [mode, topic], options)

    def perf(self, side, topic, count, size, throughput, *properties):
        line = [harness.PEER, "tool", "ProducerPerformance", "--topic", topic, "--num-records", str(count), "--record-size", str(size),
                "--throughput", str(throughput), "--bootstrap-server", f"127.0.0.1:{side.port}", "--command-property", "acks=all",
                "enable.idempotence=false", "buffer.memory=134217728", *properties]
        done = subprocess.run(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=900,
                              env=dict(os.environ, TOOL_HEAP="1g"))
        last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""
        if done.returncode or not last.startswith(f"{count} records sent"):
            raise RuntimeError(f"ProducerPerformance against {side.name}: {last} {done.stderr[-400:]}")
        p99 = re.search(r"([\d.]+) ms 99th", last)
        p999 = re.search(r"([\d.]+) ms 99\.9th", last)
        return {"records": count, "mib": count * size / 1048576, "p99_us": float(p99.group(1)) * 1e3, "p999_us": float(p999.group(1)) * 1e3}
