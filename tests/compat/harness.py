"""What a case sees and how the two brokers are kept: one `weir`, one real Apache Kafka, the same cases against both."""

import glob
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time

import messages
import wire

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PEER = os.path.join(ROOT, "tests", "peers", "kafka")
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "weir")

CASES = []


class Skip(Exception):
    """The case cannot be run here; the message says why."""


class Case:
    def __init__(self, function, limit, smoke, settings, needs):
        self.function, self.limit, self.smoke, self.settings, self.needs = function, limit, smoke, tuple(settings), needs
        self.name = function.__name__


def case(limit=30, smoke=True, settings=(), needs=None):
    """Marks a function as a case. `limit` is its time in seconds; `smoke` whether the short suite has it; `settings` are options
    that both brokers must run with (they get brokers of their own); `needs` names the client program, made before the first case."""
    def mark(function):
        CASES.append(Case(function, limit, smoke, settings, needs))
        return function
    return mark


def port_is_free(port):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count):
    """The first of `count` free ports in a row, below the range from which the kernel gives out ports of its own."""
    for _ in range(200):
        first = random.randrange(20000, 32000)
        if all(port_is_free(first + index) for index in range(count)):
            return first
    raise RuntimeError("no free ports")


def weir_program():
    return os.environ.get("WEIR") or os.path.join(ROOT, "build", "release", "weir")


def require_weir():
    """The program, which is there: else ends with a sentence."""
    program = weir_program()
    if not os.access(program, os.X_OK):
        print(f"there is no {program}: build it with ./dev build release, or set WEIR to the program", file=sys.stderr)
        sys.exit(2)
    return program


def definitions():
    """Kafka's own descriptions of its messages, taken from its jars once."""
    subprocess.run([PEER, "resolve"], check=True)
    folder = os.path.join(CACHE, "kafka-4.3.1", "definitions")
    if not os.path.isdir(os.path.join(folder, "clients")):
        subprocess.run([PEER, "definitions", folder], check=True, stdout=subprocess.DEVNULL)
    return messages.Definitions(folder)


def serves(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


class Weir:
    name = "weir"

    def __init__(self, program, folder, settings=()):
        self.program, self.folder, self.settings = program, folder, list(settings)
        self.data = os.path.join(folder, "data")
        self.port = free_ports(3)         # clients, controller, and room for HTTP
        self.process = None
        os.makedirs(folder, exist_ok=True)

    @property
    def pid(self):
        return self.process.pid if self.process else None

    def command(self):
        line = [self.program, "serve", "--data-dir", self.data, "--port", str(self.port)]
        for setting in self.settings:
            line += ["--override", setting]
        return line

    def launch(self):
        """Starts the process and waits for nothing."""
        with open(os.path.join(self.folder, "weir.log"), "ab") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return self.process

    def start(self):
        self.launch()
        deadline = time.monotonic() + 60
        while not serves(self.port):
            if self.process.poll() is not None:
                raise RuntimeError(f"weir ended while starting (exit code {self.process.returncode}): {self.last_words()}")
            if time.monotonic() > deadline:
                raise RuntimeError("weir did not listen within 60 s")
            time.sleep(0.01)

    def last_words(self):
        try:
            with open(os.path.join(self.folder, "weir.log"), encoding="utf-8", errors="replace") as log:
                return " | ".join(log.read().splitlines()[-4:])
        except OSError:
            return ""

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, kill=False):
        if self.alive():
            self.process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise RuntimeError("weir did not stop within 30 s of SIGTERM")

    def wipe(self):
        if self.alive():
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Kafka:
    name = "kafka"

    def __init__(self, folder, settings=()):
        self.folder, self.settings = folder, list(settings)
        self.data = os.path.join(folder, "run", "data")
        self.port = free_ports(2)
        self.pid = None
        os.makedirs(folder, exist_ok=True)
        self.environment = dict(os.environ, KAFKA_RUN=os.path.join(folder, "run"), KAFKA_PORT=str(self.port))
        if self.settings:
            path = os.path.join(folder, "extra.properties")
            with open(path, "w", encoding="utf-8") as file:
                file.write("\n".join(self.settings) + "\n")
            self.environment["KAFKA_PROPS"] = path

    def peer(self, verb):
        # to a file, not a pipe: the broker it leaves behind inherits the descriptor
        path = os.path.join(self.folder, f"{verb}.out")
        with open(path, "wb") as out:
            try:
                done = subprocess.run([PEER, verb], env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=240)
            except subprocess.TimeoutExpired:
                sys.exit(f"real Kafka: {verb} took more than 240 s; it says in {path} how far it got. A run that goes on: --resume, "
                         "or --all without --again")
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
        if done.returncode:
            raise RuntimeError(f"real Kafka: {verb} failed: {text[-600:]}")
        return text

    def start(self):
        self.pid = int(self.peer("start").split()[-1])

    def launch(self, heap="512m"):
        """Starts the process over a directory that start() formatted, and waits for nothing; whoever calls this ends it."""
        run, program = self.environment["KAFKA_RUN"], os.path.join(CACHE, "kafka-4.3.1")
        with open(os.path.join(self.folder, "server.log"), "ab") as log:
            return subprocess.Popen(["java", "-Xms128m", f"-Xmx{heap}", "-XX:+UseG1GC",
                                     f"-Dlog4j2.configurationFile={program}/log4j2-INFO.properties", f"-Dkafka.logs.dir={run}",
                                     "-cp", f"{program}/libs/*", "kafka.Kafka", f"{run}/server.properties"],
                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def alive(self):
        return self.pid is not None and os.path.exists(f"/proc/{self.pid}")

    def last_words(self):
        return ""

    def stop(self, kill=False):
        if kill and self.alive():
            os.kill(self.pid, signal.SIGKILL)
            while self.alive():
                time.sleep(0.05)
        self.peer("stop")

    def wipe(self):
        self.peer("wipe")
        shutil.rmtree(self.folder, ignore_errors=True)


class Context:
    """One case on one side: the broker's address, tools with time limits, and a place for what was observed."""

    def __init__(self, side, definitions, clients, name, limit, folder):
        self.side, self.definitions, self.clients, self.name = side, definitions, clients, name
        self.host, self.port = "127.0.0.1", side.port
        self.bootstrap = f"{self.host}:{self.port}"
        self.deadline = time.monotonic() + limit
        self.folder = folder
        self.notes, self.allowed, self.connections = {}, {}, []

    @property
    def is_kafka(self):
        return self.side.name == "kafka"

    def note(self, key, value, differs=None):
        """An observation that must be the same on both sides, unless `differs` says why it may not be."""
        self.notes[key] = value
        if differs:
            self.allowed[key] = differs

    def left(self):
        return max(0.5, self.deadline - time.monotonic())

    # -- programs

    def run(self, line, input=None, check=True, env=None, timeout=None, cwd=None):
        data = input.encode() if isinstance(input, str) else input
        try:
            done = subprocess.run(line, input=data if data is not None else None,
                                  stdin=subprocess.DEVNULL if data is None else None,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout or self.left(), env=env, cwd=cwd)
        except subprocess.TimeoutExpired as error:
            said = ((error.stderr or b"") + (error.stdout or b"")).decode(errors="replace")
            raise AssertionError(f"{os.path.basename(line[0])} {' '.join(line[1:4])} ran out of time; it said: {said[-400:]}") from None
        done.out = done.stdout.decode(errors="replace")
        done.err = done.stderr.decode(errors="replace")
        if check and done.returncode:
            raise AssertionError(f"{os.path.basename(line[0])} {' '.join(line[1:])[:200]} exited {done.returncode}: "
                                 f"{done.err[-500:]} {done.out[-300:]}")
        return done

    def kcat(self, *args, input=None, check=True, timeout=None):
        if not shutil.which("kcat"):
            raise Skip("kcat is not installed (apt-get install kcat)")
        return self.run(["kcat", "-b", self.bootstrap, *map(str, args)], input=input, check=check, timeout=timeout)

    def java(self, tool, *args, input=None, check=True, bootstrap=True, timeout=None):
        line = [PEER, "tool", tool]
        if bootstrap:
            line += ["--bootstrap-server", self.bootstrap]
        return self.run(line + list(map(str, args)), input=input, check=check, timeout=timeout)

    def topics_tool(self, *args, check=True):
        return self.java("TopicCommand", *args, check=check)

    def weir(self, *args, input=None, check=True, timeout=None):
        """A command of the program that is tested, against either broker."""
        return self.run([weir_program(), *map(str, args), "--bootstrap-server", self.bootstrap], input=input, check=check, timeout=timeout)

    # -- the wire

    def connect(self, **options):
        connection = wire.Connection(self.definitions, self.host, self.port, **options)
        self.connections.append(connection)
        return connection

    def call(self, name, version, body, timeout=None):
        """One request on the case's own connection."""
        if not hasattr(self, "main"):
            self.main = self.connect()
        return self.main.call(name, version, body, timeout)

    def topic_name(self, suffix="t"):
        return f"{self.name.replace('_', '-')[:60]}-{suffix}"

    def topic(self, suffix="t", partitions=1, **config):
        """Creates a topic of this case and waits until its leaders serve; config keys use _ for the dots."""
        name = self.topic_name(suffix)
        answer = self.call("CreateTopics", 7, {"TimeoutMs": 10000, "Topics": [
            {"Name": name, "NumPartitions": partitions, "ReplicationFactor": 1,
             "Configs": [{"Name": key.replace("_", "."), "Value": str(value)} for key, value in config.items()]}]})
        result = answer["Topics"][0]
        assert result["ErrorCode"] == 0, f"create {name}: {result['ErrorCode']} {result['ErrorMessage']}"
        self.await_topic(name, partitions)
        return name

    def await_topic(self, name, partitions=1):
        while True:
            topic = self.call("Metadata", 12, {"Topics": [{"Name": name}], "AllowAutoTopicCreation": False})["Topics"][0]
            if topic["ErrorCode"] == 0 and len(topic["Partitions"]) == partitions and \
                    all(entry["LeaderId"] >= 0 and entry["ErrorCode"] == 0 for entry in topic["Partitions"]):
                # metadata may know a leader a moment before the leader does
                probe = self.call("ListOffsets", 7, {"ReplicaId": -1, "Topics": [{"Name": name, "Partitions": [
                    {"PartitionIndex": index, "Timestamp": -1} for index in range(partitions)]}]})
                if all(entry["ErrorCode"] == 0 for entry in probe["Topics"][0]["Partitions"]):
                    return topic
            assert self.left() > 0.6, f"{name} did not become ready"
            time.sleep(0.05)

    def until(self, condition):
        """Waits for what becomes true a moment after the request that asked for it was answered."""
        while not condition():
            assert self.left() > 1, "it did not come true in time"
            time.sleep(0.05)

    def await_gone(self, name):
        self.until(lambda: self.call("Metadata", 12, {"Topics": [{"Name": name}], "AllowAutoTopicCreation": False})
                   ["Topics"][0]["ErrorCode"] == 3)

    def topic_id(self, name):
        return self.call("Metadata", 12, {"Topics": [{"Name": name}], "AllowAutoTopicCreation": False})["Topics"][0]["TopicId"]

    def produce(self, topic, data, version=9, acks=-1, partition=0, connection=None, transactional_id=None):
        """One batch to one partition; the partition's response."""
        body = {"Acks": acks, "TimeoutMs": 10000, "TransactionalId": transactional_id, "TopicData": [
            {"TopicId" if version >= 13 else "Name": topic, "PartitionData": [{"Index": partition, "Records": data}]}]}
        answer = (connection.call if connection else self.call)("Produce", version, body)
        return answer["Responses"][0]["PartitionResponses"][0]

    def fetch_body(self, version, topic, parts, **options):
        """parts: {partition: offset} or {partition: {fields}}."""
        entries = []
        for index, what in parts.items():
            entry = {"Partition": index, "PartitionMaxBytes": 1 << 20}
            entry.update(what if isinstance(what, dict) else {"FetchOffset": what})
            entries.append(entry)
        body = {"MaxWaitMs": 0, "MinBytes": 0, "MaxBytes": 50 << 20}
        if version <= 14:
            body["ReplicaId"] = -1
        body.update(options)
        body.setdefault("Topics", [{"TopicId" if version >= 13 else "Topic": topic, "Partitions": entries}] if entries else [])
        return body

    def fetch(self, topic, parts, version=12, connection=None, timeout=None, **options):
        body = self.fetch_body(version, topic, parts, **options)
        return (connection.call if connection else self.call)("Fetch", version, body, timeout)

    def fetch_one(self, topic, offset=0, partition=0, version=12, **options):
        """The response of one partition."""
        answer = self.fetch(topic, {partition: offset}, version, **options)
        assert answer.get("ErrorCode", 0) == 0, f"fetch: {answer['ErrorCode']}"
        return answer["Responses"][0]["Partitions"][0]

    def list_offset(self, topic, timestamp, version=7, partition=0, **options):
        body = {"ReplicaId": -1, "Topics": [{"Name": topic, "Partitions": [{"PartitionIndex": partition, "Timestamp": timestamp}]}]}
        body.update(options)
        return self.call("ListOffsets", version, body)["Topics"][0]["Partitions"][0]

    def folder_of(self, topic, partition=0):
        """The partition's folder on disk."""
        found = glob.glob(os.path.join(glob.escape(self.side.data), "**", f"{topic}-{partition}"), recursive=True)
        assert found, f"no folder {topic}-{partition} below {self.side.data}"
        return found[0]

    def restart(self, kill=False):
        for connection in self.connections:
            connection.close()
        self.connections.clear()
        if hasattr(self, "main"):
            del self.main
        self.side.stop(kill)
        self.side.start()

    def close(self):
        for connection in self.connections:
            connection.close()
