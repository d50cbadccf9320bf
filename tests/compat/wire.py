"""The Kafka protocol, small: enough to say any request to a broker byte by byte and to read what it answers.

Record batches (magic 2) are written and read here too, without any compression library.
"""

import gzip
import socket
import struct
import time

from messages import Reader, Writer, covers, read_struct, write_length, write_struct


# -------------------------------------------------------------------------------------------------------- connections

class Closed(Exception):
    """The broker closed the connection instead of answering."""


class Connection:
    """One connection to a broker. Requests may be sent ahead; answers are taken in order."""

    def __init__(self, definitions, host, port, client_id="compat", timeout=20.0):
        self.definitions, self.client_id = definitions, client_id
        self.socket = socket.create_connection((host, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.next_correlation = 1

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def frame(self, name, version, body, correlation, header_tags=(), client_id=Ellipsis):
        message = self.definitions.requests[name]
        flexible = covers(message["flexibleVersions"], version)
        out = Writer()
        out.pack("h", message["apiKey"])
        out.pack("h", version)
        out.pack("i", correlation)
        client = self.client_id if client_id is Ellipsis else client_id
        client = client.encode() if client is not None else None
        write_length(out, None if client is None else len(client), False, "h")
        out.raw(client or b"")
        if flexible:
            out.uvarint(len(header_tags))
            for number, data in header_tags:
                out.uvarint(number)
                out.uvarint(len(data))
                out.raw(data)
        if isinstance(body, bytes):
            out.raw(body)
        else:
            write_struct(out, message["fields"], message["structs"], body, version, flexible)
        data = out.done()
        return struct.pack(">i", len(data)) + data

    def send(self, name, version, body, header_tags=(), client_id=Ellipsis):
        correlation = self.next_correlation
        self.next_correlation += 1
        self.send_raw(self.frame(name, version, body, correlation, header_tags, client_id))
        return correlation

    def send_raw(self, data):
        try:
            self.socket.sendall(data)
        except (ConnectionResetError, BrokenPipeError) as error:
            raise Closed(str(error)) from error

    def receive_raw(self, timeout=None):
        """One response frame without its size. Closed when the broker closed."""
        if timeout is not None:
            self.socket.settimeout(timeout)
        size = struct.unpack(">i", self.receive_exactly(4))[0]
        return self.receive_exactly(size)

    def receive_exactly(self, size):
        data = bytearray()
        while len(data) < size:
            try:
                piece = self.socket.recv(min(1 << 20, size - len(data)))
            except ConnectionResetError as error:
                raise Closed(str(error)) from error
            if not piece:
                raise Closed("the connection was closed")
            data += piece
        return bytes(data)

    def decode(self, name, version, data, expect_correlation=None):
        message = self.definitions.responses[name]
        flexible = covers(message["flexibleVersions"], version)
        reader = Reader(data)
        correlation = reader.unpack("i")
        if expect_correlation is not None and correlation != expect_correlation:
            raise AssertionError(f"answer {correlation} came where {expect_correlation} was due")
        if flexible and name != "ApiVersions":          # its response header never has tags
            for _ in range(reader.uvarint()):
                reader.uvarint()
                reader.raw(reader.uvarint())
        value = read_struct(reader, message["fields"], message["structs"], version, flexible)
        if reader.rest():
            raise AssertionError(f"{reader.rest()} bytes follow the {name} v{version} response")
        return value

    def receive(self, name, version, correlation=None, timeout=None):
        return self.decode(name, version, self.receive_raw(timeout), correlation)

    def call(self, name, version, body, timeout=None):
        correlation = self.send(name, version, body)
        return self.receive(name, version, correlation, timeout)

    def is_closed(self, wait=5.0):
        """True when the broker closes within `wait` seconds; False when it stays open and silent."""
        self.socket.settimeout(wait)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except (TimeoutError, socket.timeout):
            return False


# ----------------------------------------------------------------------------------------------------- record batches

CRC_TABLE = []
for _index in range(256):
    _value = _index
    for _ in range(8):
        _value = _value >> 1 ^ (0x82F63B78 if _value & 1 else 0)
    CRC_TABLE.append(_value)


def crc32c(data):
    value, table = 0xFFFFFFFF, CRC_TABLE
    for byte in data:
        value = table[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def varint(value):
    out = Writer()
    out.uvarint((value << 1 ^ value >> 63) & 0xFFFFFFFFFFFFFFFF)
    return out.done()


def read_varint(reader):
    value = reader.uvarint()
    return value >> 1 ^ -(value & 1)


def record(key=None, value=None, headers=(), offset_delta=0, time_delta=0):
    body = bytearray(b"\0")
    body += varint(time_delta) + varint(offset_delta)
    for field in (key, value):
        body += varint(-1) if field is None else varint(len(field)) + field
    body += varint(len(headers))
    for name, content in headers:
        body += varint(len(name)) + name
        body += varint(-1) if content is None else varint(len(content)) + content
    return varint(len(body)) + bytes(body)


def now_ms():
    return int(time.time() * 1000)


# Each codec without its library: literal blocks only, which every decoder must take.
def snappy_raw(data):
    out = Writer()
    out.uvarint(len(data))
    for at in range(0, len(data), 60):
        piece = data[at:at + 60]
        out.raw(bytes([(len(piece) - 1) << 2]) + piece)
    return out.done()


def snappy_xerial(data):
    block = snappy_raw(data)
    return b"\x82SNAPPY\x00" + struct.pack(">iii", 1, 1, len(block)) + block


def lz4_frame(data):
    # version 1, independent blocks, no checksums, 64 KiB blocks; 0x82 is the header's checksum for these two bytes
    out = b"\x04\x22\x4d\x18\x60\x40\x82"
    for at in range(0, len(data), 65536):
        piece = data[at:at + 65536]
        out += struct.pack("<I", len(piece) | 0x80000000) + piece
    return out + b"\0\0\0\0"


def zstd_frame(data):
    # single segment with a 4-byte content size, raw blocks
    out = b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(data))
    pieces = [data[at:at + 65536] for at in range(0, len(data), 65536)] or [b""]
    for index, piece in enumerate(pieces):
        out += struct.pack("<I", len(piece) << 3 | (index == len(pieces) - 1))[:3] + piece
    return out


CODECS = {"none": (0, bytes), "gzip": (1, lambda data: gzip.compress(data, mtime=0)), "snappy": (2, snappy_raw),
          "xerial": (2, snappy_xerial), "lz4": (3, lz4_frame), "zstd": (4, zstd_frame)}


def batch(records, codec="none", base_offset=0, leader_epoch=-1, first_timestamp=None, max_timestamp=None, attributes=0,
          producer_id=-1, producer_epoch=-1, base_sequence=-1, count=None, last_offset_delta=None, magic=2, crc=None):
    """A record batch of (key, value[, headers[, time_delta]]) tuples, or of ready record bytes. Offsets run from 0."""
    stamp = now_ms() if first_timestamp is None else first_timestamp
    encoded, latest = [], 0
    for index, item in enumerate(records):
        if isinstance(item, bytes):
            encoded.append(item)
            continue
        key, value, headers, delta = (tuple(item) + ((), 0)[len(item) - 2:])[:4]
        latest = max(latest, delta)
        encoded.append(record(key, value, headers, index, delta))
    number, compress = CODECS[codec]
    count = len(encoded) if count is None else count
    delta = len(encoded) - 1 if last_offset_delta is None else last_offset_delta
    tail = struct.pack(">hiqqqhii", attributes | number, delta, stamp, stamp + latest if max_timestamp is None else max_timestamp,
                       producer_id, producer_epoch, base_sequence, count) + compress(b"".join(encoded))
    checksum = crc32c(tail) if crc is None else crc
    head = struct.pack(">ibI", leader_epoch, magic, checksum)
    return struct.pack(">qi", base_offset, len(head) + len(tail)) + head + tail


class Batch:
    """A batch as the broker gave it back, its checksum verified."""

    def __init__(self, data):
        (self.base_offset, self.length, self.leader_epoch, self.magic, self.crc, self.attributes, self.last_offset_delta,
         self.first_timestamp, self.max_timestamp, self.producer_id, self.producer_epoch, self.base_sequence,
         self.count) = struct.unpack(">qiibIhiqqqhii", data[:61])
        self.size = self.length + 12
        self.data = data[:self.size]
        self.payload = self.data[61:]
        self.codec = self.attributes & 7
        self.is_log_append_time = bool(self.attributes & 8)
        self.last_offset = self.base_offset + self.last_offset_delta
        if crc32c(self.data[21:]) != self.crc:
            raise AssertionError(f"the batch at offset {self.base_offset} has a wrong checksum")

    def records(self):
        """[(offset, timestamp, key, value, headers)]; gzip and uncompressed batches only."""
        data = gzip.decompress(self.payload) if self.codec == 1 else self.payload
        if self.codec not in (0, 1):
            raise AssertionError(f"codec {self.codec} is not read here")
        reader, out = Reader(data), []
        for _ in range(self.count):
            body = Reader(reader.raw(read_varint(reader)))
            body.raw(1)
            delta, offset = read_varint(body), read_varint(body)
            fields = []
            for _ in range(2):
                size = read_varint(body)
                fields.append(None if size < 0 else body.raw(size))
            headers = []
            for _ in range(read_varint(body)):
                name = body.raw(read_varint(body))
                size = read_varint(body)
                headers.append((name, None if size < 0 else body.raw(size)))
            stamp = self.max_timestamp if self.is_log_append_time else self.first_timestamp + delta
            out.append((self.base_offset + offset, stamp, fields[0], fields[1], headers))
        return out


def batches(data):
    """The whole batches in a Records field; a cut-off last one is left out, as a client does."""
    out, at = [], 0
    while at + 61 <= len(data or b""):
        size = struct.unpack(">i", data[at + 8:at + 12])[0] + 12
        if at + size > len(data):
            break
        out.append(Batch(data[at:at + size]))
        at += size
    return out
