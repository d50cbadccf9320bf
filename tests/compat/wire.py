"""The Kafka protocol, small: enough to say any request to a broker byte by byte and to read what it answers.

Messages are driven by Kafka's own published definitions (`tests/peers/kafka definitions DIR`), so nothing here repeats the
broker's schema code: a mistake there cannot hide behind the same mistake here. Field names are those of the definitions.
Record batches (magic 2) are written and read here too, without any compression library.
"""

import gzip
import json
import os
import re
import socket
import struct
import time
import uuid as uuid_module


# ---------------------------------------------------------------------------------------------------- primitive types

class Writer:
    def __init__(self):
        self.parts = []

    def raw(self, data):
        self.parts.append(bytes(data))

    def pack(self, form, value):
        self.parts.append(struct.pack(">" + form, value))

    def uvarint(self, value):
        out = bytearray()
        while value >= 0x80:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
        self.raw(out)

    def done(self):
        return b"".join(self.parts)


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def raw(self, size):
        if size < 0 or self.at + size > len(self.data):
            raise ValueError(f"{size} bytes wanted at {self.at} of {len(self.data)}")
        self.at += size
        return self.data[self.at - size:self.at]

    def unpack(self, form):
        return struct.unpack(">" + form, self.raw(struct.calcsize(form)))[0]

    def uvarint(self):
        value = shift = 0
        while True:
            byte = self.raw(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7

    def rest(self):
        return len(self.data) - self.at


NUMBERS = {"int8": "b", "int16": "h", "uint16": "H", "int32": "i", "uint32": "I", "int64": "q", "float64": "d"}


# ------------------------------------------------------------------------------------------------ Kafka's definitions

def covers(span, version):
    """Whether a definition's version span ("3+", "0-12", "7", "none") holds `version`."""
    if not span or span == "none":
        return False
    low, _, high = span.partition("-")
    if span.endswith("+"):
        return version >= int(span[:-1])
    return int(low) <= version <= int(high or low)


def strip_comments(text):
    return "\n".join(re.sub(r"^\s*//.*$", "", line) for line in text.splitlines())


class Definitions:
    """All requests and responses by name ("Fetch") and by key (1)."""

    def __init__(self, folder):
        self.requests, self.responses, self.by_key = {}, {}, {}
        folder = os.path.join(folder, "clients")
        for entry in sorted(os.listdir(folder)):
            with open(os.path.join(folder, entry), encoding="utf-8") as file:
                text = strip_comments(file.read())
            text = re.sub(r'(?<=[\]}0-9"el])\s+//[^"\n]*$', "", text, flags=re.M)
            message = json.loads(text)
            if message["type"] not in ("request", "response") or message["validVersions"] == "none":
                continue
            name = message["name"].removesuffix("Request").removesuffix("Response")
            structs = {common["name"]: common["fields"] for common in message.get("commonStructs", [])}
            for fields in [message["fields"], *list(structs.values())]:
                self.learn_structs(fields, structs)
            message["structs"] = structs
            (self.requests if message["type"] == "request" else self.responses)[name] = message
            self.by_key[message["apiKey"]] = name

    def learn_structs(self, fields, structs):
        for field in fields:
            field["name"] = field["name"][0].upper() + field["name"][1:]       # a few definitions begin in lower case
            if "fields" in field:
                structs[field["type"].removeprefix("[]")] = field["fields"]
                self.learn_structs(field["fields"], structs)


def default_of(field, structs, version):
    kind = field["type"]
    text = field.get("default")
    if text == "null":
        return None
    if kind.startswith("[]"):
        return []
    if kind in NUMBERS:
        if kind == "float64":
            return float(text or 0)
        return int(str(text), 0) if text not in (None, "") else 0
    if kind == "bool":
        return str(text).lower() == "true"
    if kind == "string":
        return text or ""
    if kind == "uuid":
        return uuid_module.UUID(int=0)
    if kind in ("bytes", "records"):
        return b""
    return {inner["name"]: default_of(inner, structs, version) for inner in structs[kind]
            if covers(inner["versions"], version)}


def write_struct(out, fields, structs, value, version, flexible, extra_tags=()):
    unknown = set(value) - {field["name"] for field in fields} - {"_tags"}
    if unknown:
        raise KeyError(f"no such field: {', '.join(sorted(unknown))}")
    tagged = []
    for field in fields:
        if not covers(field["versions"], version):
            continue
        if covers(field.get("taggedVersions"), version):
            if field["name"] in value:
                tagged.append(field)
            continue
        content = value[field["name"]] if field["name"] in value else default_of(field, structs, version)
        write_value(out, field, field["type"], structs, content, version, flexible)
    if not flexible:
        return
    raw_tags = list(value.get("_tags", ())) + list(extra_tags)      # (number, bytes): tags nobody defined
    out.uvarint(len(tagged) + len(raw_tags))
    for field in sorted(tagged, key=lambda field: field["tag"]):
        inner = Writer()
        write_value(inner, field, field["type"], structs, value[field["name"]], version, flexible)
        body = inner.done()
        out.uvarint(field["tag"])
        out.uvarint(len(body))
        out.raw(body)
    for number, body in raw_tags:
        out.uvarint(number)
        out.uvarint(len(body))
        out.raw(body)


def write_value(out, field, kind, structs, value, version, flexible):
    if field.get("flexibleVersions") == "none":
        flexible = False
    if kind.startswith("[]"):
        write_length(out, None if value is None else len(value), flexible, "i")
        for item in value or ():
            write_value(out, {}, kind[2:], structs, item, version, flexible)
    elif kind in NUMBERS:
        out.pack(NUMBERS[kind], value)
    elif kind == "bool":
        out.pack("b", 1 if value else 0)
    elif kind == "uuid":
        out.raw(value.bytes)
    elif kind == "string":
        data = None if value is None else value.encode() if isinstance(value, str) else value
        write_length(out, None if data is None else len(data), flexible, "h")
        out.raw(data or b"")
    elif kind in ("bytes", "records"):
        write_length(out, None if value is None else len(value), flexible, "i")
        out.raw(value or b"")
    else:
        if covers(field.get("nullableVersions"), version):
            out.pack("b", -1 if value is None else 1)
            if value is None:
                return
        write_struct(out, structs[kind], structs, value, version, flexible)


def write_length(out, length, flexible, form):
    if flexible:
        out.uvarint(0 if length is None else length + 1)
    else:
        out.pack(form, -1 if length is None else length)


def read_struct(data, fields, structs, version, flexible):
    value = {}
    for field in fields:
        if not covers(field["versions"], version):
            continue
        if covers(field.get("taggedVersions"), version):
            value[field["name"]] = default_of(field, structs, version)
            continue
        value[field["name"]] = read_value(data, field, field["type"], structs, version, flexible)
    if flexible:
        by_tag = {field["tag"]: field for field in fields
                  if covers(field["versions"], version) and covers(field.get("taggedVersions"), version)}
        for _ in range(data.uvarint()):
            number = data.uvarint()
            body = Reader(data.raw(data.uvarint()))
            if number in by_tag:
                field = by_tag[number]
                value[field["name"]] = read_value(body, field, field["type"], structs, version, flexible)
    return value


def read_value(data, field, kind, structs, version, flexible):
    if field.get("flexibleVersions") == "none":
        flexible = False
    if kind.startswith("[]"):
        count = read_length(data, flexible, "i")
        if count is None:
            return None
        return [read_value(data, {}, kind[2:], structs, version, flexible) for _ in range(count)]
    if kind in NUMBERS:
        return data.unpack(NUMBERS[kind])
    if kind == "bool":
        return data.unpack("b") != 0
    if kind == "uuid":
        return uuid_module.UUID(bytes=data.raw(16))
    if kind == "string":
        size = read_length(data, flexible, "h")
        return None if size is None else data.raw(size).decode()
    if kind in ("bytes", "records"):
        size = read_length(data, flexible, "i")
        return None if size is None else data.raw(size)
    if covers(field.get("nullableVersions"), version) and data.unpack("b") < 0:
        return None
    return read_struct(data, structs[kind], structs, version, flexible)


def read_length(data, flexible, form):
    if flexible:
        size = data.uvarint() - 1
    else:
        size = data.unpack(form)
    return None if size < 0 else size


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
