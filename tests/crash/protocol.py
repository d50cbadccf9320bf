"""The few Kafka requests that these tests need, by hand, so that no client library stands between a fault and what is said of it."""

import ctypes
import socket
import struct
import time

NONE, OFFSET_OUT_OF_RANGE, UNKNOWN_TOPIC, REQUEST_TIMED_OUT = 0, 1, 3, 7
STORAGE_ERROR, OUT_OF_ORDER_SEQUENCE, DUPLICATE_SEQUENCE, UNKNOWN_PRODUCER_ID = 56, 45, 46, 59
# A client tries these again: LEADER_NOT_AVAILABLE, NOT_LEADER, REQUEST_TIMED_OUT, COORDINATOR_*, NOT_ENOUGH_REPLICAS*, STORAGE_ERROR
RETRIABLE = {UNKNOWN_TOPIC, 5, 6, REQUEST_TIMED_OUT, 14, 15, 16, 19, 20, STORAGE_ERROR}


class Gone(Exception):
    """The connection is gone, or was never there."""


# ----------------------------------------------------------------------------------------------------------- checksums

def make_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


def find_crc32c():
    try:
        fast = ctypes.CDLL("libisal.so.2").crc32_iscsi
        fast.argtypes, fast.restype = [ctypes.c_char_p, ctypes.c_int, ctypes.c_uint], ctypes.c_uint
        return lambda data: fast(data, len(data), 0xFFFFFFFF) ^ 0xFFFFFFFF
    except (OSError, AttributeError):
        table = make_table()

        def slow(data):
            crc = 0xFFFFFFFF
            for byte in data:
                crc = table[(crc ^ byte) & 255] ^ crc >> 8
            return crc ^ 0xFFFFFFFF
        return slow


crc32c = find_crc32c()
assert crc32c(b"123456789") == 0xE3069283


# ------------------------------------------------------------------------------------------------------------- batches

def zigzag(value):
    value = value << 1 if value >= 0 else (-value << 1) - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def batch(values, producer=(-1, -1), sequence=-1):
    """A record batch of magic 2 without keys; `producer` is id and epoch."""
    now = int(time.time() * 1000)
    records = bytearray()
    for index, value in enumerate(values):
        body = b"\0\0" + zigzag(index) + zigzag(-1) + zigzag(len(value)) + value + b"\0"
        records += zigzag(len(body)) + body
    tail = struct.pack(">hiqqqhii", 0, len(values) - 1, now, now, producer[0], producer[1], sequence, len(values)) + records
    return struct.pack(">qiibI", 0, 9 + len(tail), -1, 2, crc32c(bytes(tail))) + tail


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value >> 1 ^ -(value & 1), at
        shift += 7


def records(data):
    """(offset, value) of every record in whole batches; a wrong CRC is a ValueError."""
    at = 0
    while at + 61 <= len(data):
        base, size = struct.unpack_from(">qi", data, at)
        end = at + 12 + size
        if end > len(data):
            return
        magic, crc = struct.unpack_from(">bI", data, at + 16)
        if magic != 2 or crc != crc32c(bytes(data[at + 21:end])):
            raise ValueError(f"the batch at offset {base} was served with a wrong CRC")
        count, position = struct.unpack_from(">i", data, at + 57)[0], at + 61
        for _ in range(count):
            length, position = read_varint(data, position)
            after = position + length
            position += 1
            _, position = read_varint(data, position)
            delta, position = read_varint(data, position)
            key, position = read_varint(data, position)
            position += max(key, 0)
            value, position = read_varint(data, position)
            yield base + delta, data[position:position + max(value, 0)]
            position = after
        at = end


# ---------------------------------------------------------------------------------------------------------- connection

def string(text):
    return struct.pack(">h", -1) if text is None else struct.pack(">h", len(text)) + text.encode()


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.data, self.at)
        self.at += struct.calcsize(">" + form)
        return values[0] if len(values) == 1 else values

    def bytes(self, size):
        self.at += max(size, 0)
        return self.data[self.at - max(size, 0):self.at]

    def string(self):
        size = self.take("h")
        return None if size < 0 else bytes(self.bytes(size)).decode()

    def each(self, read):
        return [read(self) for _ in range(max(self.take("i"), 0))]


class Connection:
    def __init__(self, port, timeout=15):
        self.correlation = 0
        try:
            self.socket = socket.create_connection(("127.0.0.1", port), timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            raise Gone(str(error)) from None

    def close(self):
        self.socket.close()

    def send(self, key, version, body):
        self.correlation += 1
        head = struct.pack(">hhi", key, version, self.correlation) + string("crash")
        try:
            self.socket.sendall(struct.pack(">i", len(head) + len(body)) + head + body)
        except OSError as error:
            raise Gone(str(error)) from None
        return self.correlation

    def exactly(self, size):
        data = bytearray(size)
        view, got = memoryview(data), 0
        while got < size:
            try:
                count = self.socket.recv_into(view[got:])
            except OSError as error:
                raise Gone(str(error)) from None
            if count == 0:
                raise Gone("closed by the broker")
            got += count
        return data

    def receive(self):
        """Correlation id, and a Reader of the body."""
        reader = Reader(self.exactly(struct.unpack(">i", self.exactly(4))[0]))
        return reader.take("i"), reader

    def call(self, key, version, body):
        sent = self.send(key, version, body)
        correlation, reader = self.receive()
        assert correlation == sent, (correlation, sent)
        return reader

    # -- requests

    def api_versions(self):
        return self.call(18, 0, b"").take("h")

    def init_producer(self):
        reader = self.call(22, 0, string(None) + struct.pack(">i", 60000))
        _, error, producer, epoch = reader.take("ihqh")
        return error, (producer, epoch)

    def create_topic(self, name, partitions=1, timeout=10000, **configs):
        pairs = [string(key.replace("_", ".")) + string(str(value)) for key, value in configs.items()]
        topic = string(name) + struct.pack(">ih", partitions, 1) + array([]) + array(pairs)
        reader = self.call(19, 2, array([topic]) + struct.pack(">i?", timeout, False))
        reader.take("i")
        return reader.each(lambda r: (r.string(), r.take("h"), r.string()))[0][1]

    def delete_topic(self, name, timeout=10000):
        reader = self.call(20, 1, array([string(name)]) + struct.pack(">i", timeout))
        reader.take("i")
        return reader.each(lambda r: (r.string(), r.take("h")))[0][1]

    def offsets(self, topic, partitions, timestamp=-1):
        """{partition: (error, offset)}"""
        wanted = array([struct.pack(">iq", index, timestamp) for index in partitions])
        reader = self.call(2, 2, struct.pack(">ib", -1, 0) + array([string(topic) + wanted]))
        reader.take("i")
        rows = reader.each(lambda r: (r.string(), r.each(lambda p: p.take("ihqq"))))[0][1]
        return {index: (error, offset) for index, error, _, offset in rows}

    @staticmethod
    def produce_body(topic, batches, acks=-1, timeout=10000):
        rows = [struct.pack(">ii", index, len(data)) + data for index, data in batches]
        return string(None) + struct.pack(">hi", acks, timeout) + array([string(topic) + array(rows)])

    @staticmethod
    def produce_answer(reader):
        """[(partition, error, base offset)]"""
        rows = []
        for _, parts in reader.each(lambda r: (r.string(), r.each(lambda p: p.take("ihqqq")))):
            rows += [(index, error, base) for index, error, base, _, _ in parts]
        return rows

    def produce(self, topic, batches, acks=-1, timeout=10000):
        return self.produce_answer(self.call(0, 7, self.produce_body(topic, batches, acks, timeout)))

    def fetch(self, topic, wanted, bytes_max=8 << 20):
        """wanted: {partition: offset}; {partition: (error, high watermark, data)}"""
        rows = array([struct.pack(">iqqi", index, offset, -1, 1 << 20) for index, offset in wanted.items()])
        body = struct.pack(">iiiibii", -1, 0, 0, bytes_max, 0, 0, -1) + array([string(topic) + rows]) + array([])
        reader = self.call(1, 7, body)
        reader.take("ihi")

        def partition(r):
            index, error, high, _, _ = r.take("ihqqq")
            r.each(lambda a: a.take("qq"))
            return index, (error, high, r.bytes(r.take("i")))
        found = {}
        for _, parts in reader.each(lambda r: (r.string(), r.each(partition))):
            found.update(parts)
        return found

    def find_coordinator(self, group):
        return self.call(10, 0, string(group)).take("h")

    def commit(self, group, topic, offsets):
        """offsets: {partition: offset}; {partition: error}"""
        rows = array([struct.pack(">iq", index, offset) + string("") for index, offset in offsets.items()])
        reader = self.call(8, 2, string(group) + struct.pack(">i", -1) + string("") + struct.pack(">q", -1) + array([string(topic) + rows]))
        return dict(reader.each(lambda r: (r.string(), r.each(lambda p: p.take("ih"))))[0][1])

    def committed(self, group, topic, partitions):
        """{partition: (offset, error)}"""
        reader = self.call(9, 1, string(group) + array([string(topic) + array([struct.pack(">i", index) for index in partitions])]))

        def row(r):
            index, offset = r.take("iq")
            r.string()
            return index, (offset, r.take("h"))
        return dict(reader.each(lambda r: (r.string(), r.each(row)))[0][1])

    def log_dirs(self):
        """{directory: (error, {(topic, partition): bytes})}"""
        reader = self.call(35, 1, struct.pack(">i", -1))
        reader.take("i")

        def directory(r):
            error, path = r.take("h"), r.string()
            topics = r.each(lambda t: (t.string(), t.each(lambda p: p.take("iqq?"))))
            return path, (error, {(name, part[0]): part[1] for name, parts in topics for part in parts})
        return dict(reader.each(directory))
