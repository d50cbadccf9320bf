"""Messages as Kafka's own published definitions describe them (`tests/peers/kafka definitions DIR`): nothing here repeats the
broker's schema code, so that a mistake there cannot hide behind the same mistake here. Field names are those of the definitions.
"""

import json
import os
import re
import struct
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
