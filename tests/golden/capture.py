#!/usr/bin/env python3
"""Captures what real clients and a real Kafka say to each other, as golden bytes for src/weir/protocol/golden_test.cc.

    python3 tests/golden/capture.py [CLIENT...]     clients: java librdkafka franz-go log; all by default

Starts a Kafka of its own (tests/peers/kafka) that advertises a proxy's address, runs each client through the proxy, and
writes tests/golden/CLIENT.frames: one line for each frame pair, "key version request response" in hexadecimal, both without
their int32 size; "-" for a request without a response. For each client, API and version the two largest pairs up to
FRAME_MAX bytes are kept, so that the files stay small. `log` reads what that Kafka wrote to its own topics into
tests/golden/kafka.records: "topic control? key value", two of each type and version. Needs Java, kcat and Go, as `./dev compat` does.
"""
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEER = os.path.join(ROOT, "tests", "peers", "kafka")
KAFKA_PORT, PROXY_PORT = 39392, 39399
FRAME_MAX = 3000
KEEP = 2
PRODUCE = 0

pairs = {}  # (key, version) -> [(request, response or b"")]
lock = threading.Lock()


def read_exactly(sock, count):
    data = b""
    while len(data) < count:
        piece = sock.recv(count - len(data))
        if not piece:
            raise EOFError
        data += piece
    return data


def read_frame(sock):
    head = read_exactly(sock, 4)
    return head, read_exactly(sock, struct.unpack(">i", head)[0])


def note(request, response):
    key, version = struct.unpack(">hh", request[:4])
    if max(len(request), len(response)) > FRAME_MAX:
        return
    with lock:
        known = pairs.setdefault((key, version), [])
        if (request[8:], response[4:]) not in [(q[8:], r[4:]) for q, r in known]:
            known.append((request, response))
            known.sort(key=lambda pair: -len(pair[0]) - len(pair[1]))
            del known[KEEP:]


def serve(client):
    waiting = {}
    server = socket.create_connection(("127.0.0.1", KAFKA_PORT))

    def answers():
        try:
            while True:
                head, frame = read_frame(server)
                request = waiting.pop(frame[:4], None)
                if request is not None:
                    note(request, frame)
                client.sendall(head + frame)
        except (EOFError, OSError):
            client.close()

    threading.Thread(target=answers, daemon=True).start()
    try:
        while True:
            head, frame = read_frame(client)
            waiting[frame[4:8]] = frame
            server.sendall(head + frame)
    except (EOFError, OSError):
        server.close()
        for request in waiting.values():
            if struct.unpack(">h", request[:2])[0] == PRODUCE:
                note(request, b"")


def listen():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", PROXY_PORT))
    listener.listen(64)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def run(*command, text="", check=False, **more):
    done = subprocess.run(command, input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, **more)
    print("  exit", done.returncode, " ".join(command)[:110])
    if done.returncode != 0:
        print(done.stdout.decode(errors="replace")[-400:])
    return done


BOOT = f"127.0.0.1:{PROXY_PORT}"
LINES = "".join(f"key{i % 7}:value number {i}\n" for i in range(40))


def java():
    def tool(name, *args, text=""):
        run(PEER, "tool", name, *args, text=text)

    at = ("--bootstrap-server", BOOT)
    tool("TopicCommand", *at, "--create", "--topic", "golden-java", "--partitions", "3", "--config", "retention.ms=60000")
    tool("TopicCommand", *at, "--create", "--topic", "golden-gone", "--replica-assignment", "1")
    tool("TopicCommand", *at, "--alter", "--topic", "golden-java", "--partitions", "4")
    tool("TopicCommand", *at, "--describe")
    tool("ConfigCommand", *at, "--entity-type", "topics", "--entity-name", "golden-java", "--alter", "--add-config", "max.message.bytes=2000000")
    tool("ConfigCommand", *at, "--entity-type", "topics", "--entity-name", "golden-java", "--describe", "--all")
    tool("ConfigCommand", *at, "--entity-type", "users", "--entity-name", "ann", "--alter", "--add-config", "producer_byte_rate=1024")
    tool("ConfigCommand", *at, "--entity-type", "users", "--entity-name", "ann", "--alter", "--add-config", "SCRAM-SHA-256=[password=secret]")
    tool("ConfigCommand", *at, "--entity-type", "users", "--describe")
    tool("ConsoleProducer", *at, "--topic", "golden-java", "--reader-property", "parse.key=true", "--reader-property", "key.separator=:", text=LINES)
    tool("ConsoleProducer", *at, "--topic", "golden-java", "--command-property", "acks=0", "--command-property", "enable.idempotence=false", text=LINES)
    tool("ConsoleConsumer", *at, "--topic", "golden-java", "--partition", "0", "--offset", "earliest", "--timeout-ms", "3000")
    tool("ConsoleConsumer", *at, "--topic", "golden-java", "--group", "classic", "--from-beginning", "--timeout-ms", "6000")
    tool("ConsoleConsumer", *at, "--topic", "golden-java", "--group", "modern", "--from-beginning", "--timeout-ms", "6000", "--command-property",
         "group.protocol=consumer")
    tool("ConsoleShareConsumer", *at, "--topic", "golden-java", "--group", "shared", "--timeout-ms", "6000")
    for group in ("classic", "modern"):
        tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", *at, "--describe", "--group", group)
    tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", *at, "--list", "--state")
    tool("org.apache.kafka.tools.consumer.group.ShareGroupCommand", *at, "--describe", "--group", "shared")
    tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", *at, "--group", "classic", "--reset-offsets", "--to-earliest", "--execute", "--all-topics")
    tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", *at, "--group", "classic", "--delete-offsets", "--topic", "golden-java")
    tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", *at, "--group", "classic", "--delete")
    tool("GetOffsetShell", *at, "--topic", "golden-java", "--time", "latest")
    tool("GetOffsetShell", *at, "--topic", "golden-java", "--time", "max-timestamp")
    tool("BrokerApiVersionsCommand", *at)
    tool("LogDirsCommand", *at, "--describe")
    tool("ClusterTool", "cluster-id", *at)
    tool("ClusterTool", "list-endpoints", *at)
    tool("FeatureCommand", *at, "describe")
    tool("MetadataQuorumCommand", *at, "describe", "--status")
    tool("TransactionsCommand", *at, "list")
    tool("TransactionsCommand", *at, "describe-producers", "--topic", "golden-java", "--partition", "0")
    tool("LeaderElectionCommand", *at, "--election-type", "preferred", "--all-topic-partitions")
    tool("AclCommand", *at, "--add", "--allow-principal", "User:ann", "--operation", "read", "--topic", "golden-java")
    tool("AclCommand", *at, "--list")
    tool("AclCommand", *at, "--remove", "--force", "--allow-principal", "User:ann", "--operation", "read", "--topic", "golden-java")
    tool("ClientMetricsCommand", *at, "--list")
    tool("TransactionalMessageCopier", "--broker-list", BOOT, "--input-topic", "golden-java", "--input-partition", "0", "--output-topic",
         "golden-copy", "--max-messages", "5", "--transactional-id", "copier", "--consumer-group", "copiers", "--transaction-size", "2")
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('{"partitions": [{"topic": "golden-java", "partition": 0, "offset": 1}], "version": 1}')
        file.flush()
        tool("DeleteRecordsCommand", *at, "--offset-json-file", file.name)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        file.write('{"version": 1, "partitions": [{"topic": "golden-java", "partition": 0, "replicas": [1]}]}')
        file.flush()
        tool("org.apache.kafka.tools.reassign.ReassignPartitionsCommand", *at, "--reassignment-json-file", file.name, "--execute")
        tool("org.apache.kafka.tools.reassign.ReassignPartitionsCommand", *at, "--list")
    tool("TopicCommand", *at, "--delete", "--topic", "golden-gone")
    tool("ProducerPerformance", "--topic", "golden-java", "--num-records", "20", "--record-size", "50", "--throughput", "-1",
         "--bootstrap-server", BOOT, "--command-property", "compression.type=lz4", "--transactional-id", "perf", "--transaction-duration-ms", "100")


def librdkafka():
    at = ("kcat", "-b", BOOT)
    run(*at, "-L")
    for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
        run(*at, "-P", "-t", "golden-kcat", "-K:", "-z", codec, "-H", "h=1", text=LINES)
    run(*at, "-P", "-t", "golden-kcat", "-X", "acks=0", text=LINES)
    run(*at, "-P", "-t", "golden-kcat", "-X", "enable.idempotence=true", text=LINES)
    run(*at, "-P", "-t", "golden-kcat", "-X", "transactional.id=kcat", text=LINES)
    run(*at, "-C", "-t", "golden-kcat", "-o", "beginning", "-e")
    run(*at, "-C", "-t", "golden-kcat", "-o", "-3", "-e", "-X", "isolation.level=read_uncommitted")
    run(*at, "-Q", "-t", "golden-kcat:0:-1")
    run(*at, "-L", "-t", "golden-kcat")
    run("timeout", "12", *at, "-G", "kcat-group", "-e", "golden-kcat", "-X", "auto.offset.reset=earliest")


def franz_go():
    run("kcat", "-b", BOOT, "-P", "-t", "golden-go", text="made before\n")
    run("kcat", "-b", BOOT, "-P", "-t", "golden-go-once", text="made before\n")
    pairs.clear()
    with tempfile.TemporaryDirectory() as build:
        source = os.path.join(build, "source")
        shutil.copytree(os.path.join(ROOT, "tests", "compat", "clients", "go"), source)
        binary = os.path.join(build, "client")
        environment = dict(os.environ, GOFLAGS="-mod=readonly -buildvcs=false", GOTOOLCHAIN="local", CGO_ENABLED="0")
        run("go", "build", "-modfile", GO_MODULE, "-o", binary, ".", cwd=source, env=environment)
        for codec in ("none", "gzip", "snappy", "lz4", "zstd"):
            run(binary, BOOT, "golden-go", "roundtrip", codec)
        run(binary, BOOT, "golden-go-once", "idempotent")
        run(binary, BOOT, "golden-go-admin", "admin")


GO_MODULE = os.environ.get("GO_MODULE", "go.mod")  # go119.mod for Go below 1.26


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7


def records_of(path):
    """Yields (is_control, key, value) of every record of a log segment; Kafka does not compress its own topics."""
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at + 61 <= len(data):
        length, = struct.unpack_from(">i", data, at + 8)
        if length <= 0:
            return  # the rest was only allocated
        attributes, = struct.unpack_from(">h", data, at + 21)
        count, = struct.unpack_from(">i", data, at + 57)
        assert attributes & 7 == 0, "compressed"
        place = at + 61
        for _ in range(count):
            size, place = varint(data, place)
            end = place + size
            place += 1
            _, place = varint(data, place)
            _, place = varint(data, place)
            parts = []
            for _ in range(2):
                size, place = varint(data, place)
                parts.append(None if size < 0 else data[place:place + size])
                place += max(size, 0)
            place = end
            yield attributes & 0x20 != 0, parts[0], parts[1]
        at += 12 + length


def log():
    found = {}
    for folder, _, files in sorted(os.walk(os.environ["KAFKA_RUN"])):
        topic = os.path.basename(folder).rsplit("-", 1)[0]
        if topic not in ("__cluster_metadata", "__consumer_offsets", "__transaction_state", "__share_group_state", "golden-copy"):
            continue
        for name in sorted(files):
            if not name.endswith((".log", ".checkpoint")):
                continue
            for control, key, value in records_of(os.path.join(folder, name)):
                if topic == "golden-copy" and not control:
                    continue
                text = f"{topic} {'control' if control else 'data'} {'-' if key is None else key.hex()} {'-' if value is None else value.hex()}"
                head = (topic, control, key[:4] if control else key[:2] if key else value[:3], value[:2] if key and value else b"")
                known = found.setdefault(head, [])
                if text not in known and len(text) < 2 * FRAME_MAX:
                    known.append(text)
                    known.sort(key=len, reverse=True)
                    del known[KEEP:]
    with open(os.path.join(ROOT, "tests", "golden", "kafka.records"), "w") as out:
        for _, lines in sorted(found.items()):
            out.writelines(line + "\n" for line in lines)
    print(f"log: {sum(map(len, found.values()))} records of {len(found)} kinds")


def write(client):
    path = os.path.join(ROOT, "tests", "golden", client + ".frames")
    count = 0
    with open(path, "w") as out:
        for (key, version), known in sorted(pairs.items()):
            for request, response in known:
                out.write(f"{key} {version} {request.hex()} {response.hex() or '-'}\n")
                count += 1
    print(f"{client}: {count} pairs, {len({k for k, _ in pairs})} APIs, {len(pairs)} versions, {os.path.getsize(path)} bytes")
    pairs.clear()


def main():
    clients = {"java": java, "librdkafka": librdkafka, "franz-go": franz_go, "log": log}
    chosen = sys.argv[1:] or list(clients)
    folder = tempfile.mkdtemp(prefix="weir-golden-")
    with open(os.path.join(folder, "props"), "w") as file:
        file.write(f"advertised.listeners=PLAINTEXT://127.0.0.1:{PROXY_PORT},CONTROLLER://127.0.0.1:{KAFKA_PORT + 1}\n"
                   "num.partitions=2\nauthorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
                   "super.users=User:ANONYMOUS\nallow.everyone.if.no.acl.found=true\ngroup.share.record.lock.duration.ms=15000\n")
    os.environ.update(KAFKA_RUN=os.path.join(folder, "kafka"), KAFKA_PORT=str(KAFKA_PORT), KAFKA_PROPS=os.path.join(folder, "props"))
    threading.Thread(target=listen, daemon=True).start()
    subprocess.run([PEER, "start"], check=True)
    try:
        for client in chosen:
            print(client)
            clients[client]()
            if client != "log":
                write(client)
    finally:
        subprocess.run([PEER, "wipe"], check=False)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
