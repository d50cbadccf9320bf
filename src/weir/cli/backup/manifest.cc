#include "weir/cli/backup/manifest.h"

#include <charconv>

#include <fmt/format.h>

#include "weir/cli/json_text.h"

namespace weir::cli {

namespace {

using codec::JsonField;
using codec::JsonValue;

constexpr std::string_view kFormat = "weir-backup";
constexpr int64_t kVersion = 1;

std::unexpected<Error> wrong_manifest(std::string_view what) { return fail(ErrorCode::kInvalidArgument, fmt::format("backup.json: {}", what)); }

Result<int64_t> whole_of(const JsonValue& object, std::string_view name, int64_t max = INT64_MAX) {
  const JsonValue* value = object.field(name);
  if (value == nullptr || !value->whole || *value->whole < 0) return wrong_manifest(fmt::format("\"{}\" is no whole number", name));
  if (*value->whole > max) return wrong_manifest(fmt::format("\"{}\" is {}, and {} at most", name, *value->whole, max));
  return *value->whole;
}
Result<std::string> text_of(const JsonValue& object, std::string_view name) {
  const JsonValue* value = object.field(name);
  if (value == nullptr || value->kind != JsonValue::Kind::kText) return wrong_manifest(fmt::format("\"{}\" is no text", name));
  return value->text;
}
Result<const JsonValue*> list_of(const JsonValue& object, std::string_view name) {
  const JsonValue* value = object.field(name);
  if (value == nullptr || value->kind != JsonValue::Kind::kArray) return wrong_manifest(fmt::format("\"{}\" is no list", name));
  return value;
}

Result<BackupPartition> parse_partition(const JsonValue& from) {
  BackupPartition to;
  WEIR_TRY(const int64_t index, whole_of(from, "partition", INT32_MAX));
  to.index = static_cast<int32_t>(index);
  WEIR_TRY(to.file, text_of(from, "file"));
  if (to.file.starts_with('/') || to.file.find("..") != std::string::npos) return wrong_manifest("a file lies outside the backup");
  WEIR_TRY(to.start, whole_of(from, "start"));
  WEIR_TRY(to.end, whole_of(from, "end"));
  WEIR_TRY(const int64_t records, whole_of(from, "records"));
  WEIR_TRY(const int64_t bytes, whole_of(from, "bytes"));
  WEIR_TRY(const std::string crc, text_of(from, "crc32c"));
  to.records = static_cast<uint64_t>(records);
  to.bytes = static_cast<uint64_t>(bytes);
  const char* last = crc.data() + crc.size();
  const auto [end, error] = std::from_chars(crc.data(), last, to.crc, 16);
  if (error != std::errc() || end != last) return wrong_manifest("\"crc32c\" is no checksum");
  return to;
}

Result<BackupTopic> parse_topic(const JsonValue& from) {
  BackupTopic to;
  WEIR_TRY(to.name, text_of(from, "name"));
  WEIR_TRY(const int64_t replicas, whole_of(from, "replication_factor", INT16_MAX));
  to.replication_factor = static_cast<int16_t>(replicas);
  const JsonValue* configs = from.field("configs");
  if (configs == nullptr || configs->kind != JsonValue::Kind::kObject) return wrong_manifest("\"configs\" is no object");
  for (const JsonField& field : configs->fields) {
    if (field.value.kind != JsonValue::Kind::kText) return wrong_manifest(fmt::format("the option \"{}\" of {} is no text", field.name, to.name));
    to.configs.emplace_back(field.name, field.value.text);
  }
  WEIR_TRY(const JsonValue* partitions, list_of(from, "partitions"));
  for (const JsonValue& one : partitions->items) {
    WEIR_TRY(BackupPartition partition, parse_partition(one));
    if (partition.index != static_cast<int32_t>(to.partitions.size())) return wrong_manifest(fmt::format("the partitions of {} are not in order", to.name));
    to.partitions.push_back(std::move(partition));
  }
  return to;
}

Result<BackupGroup> parse_group(const JsonValue& from) {
  BackupGroup to;
  WEIR_TRY(to.name, text_of(from, "name"));
  WEIR_TRY(const JsonValue* positions, list_of(from, "positions"));
  for (const JsonValue& one : positions->items) {
    BackupPosition position;
    WEIR_TRY(position.topic, text_of(one, "topic"));
    WEIR_TRY(const int64_t partition, whole_of(one, "partition", INT32_MAX));
    position.partition = static_cast<int32_t>(partition);
    WEIR_TRY(position.offset, whole_of(one, "offset"));
    WEIR_TRY(position.metadata, text_of(one, "metadata"));
    to.positions.push_back(std::move(position));
  }
  return to;
}

}  // namespace

uint64_t Manifest::bytes() const {
  uint64_t sum = 0;
  for (const BackupTopic& topic : topics) for (const BackupPartition& one : topic.partitions) sum += one.bytes;
  return sum;
}

uint64_t Manifest::records() const {
  uint64_t sum = 0;
  for (const BackupTopic& topic : topics) for (const BackupPartition& one : topic.partitions) sum += one.records;
  return sum;
}

std::string backup_file_name(const std::string& topic, int32_t partition, int64_t start) {
  return fmt::format("topics/{}/{}/{:020}.log", topic, partition, start);
}

std::string manifest_text(const Manifest& manifest) {
  std::string out = fmt::format("{{\n  \"format\": \"{}\",\n  \"version\": {},\n  \"cluster\": {},\n  \"made\": {},\n  \"topics\": [", kFormat, kVersion,
                                json_string(manifest.cluster), json_string(manifest.made));
  const char* comma = "";
  for (const BackupTopic& topic : manifest.topics) {
    std::string configs;
    for (const auto& [name, value] : topic.configs) configs += fmt::format("{}{}: {}", configs.empty() ? "" : ", ", json_string(name), json_string(value));
    out += fmt::format("{}\n    {{\"name\": {}, \"replication_factor\": {}, \"configs\": {{{}}}, \"partitions\": [", std::exchange(comma, ","), json_string(topic.name),
                       topic.replication_factor, configs);
    const char* between = "";
    for (const BackupPartition& one : topic.partitions) {
      out += fmt::format("{}\n      {{\"partition\": {}, \"file\": {}, \"start\": {}, \"end\": {}, \"records\": {}, \"bytes\": {}, \"crc32c\": \"{:08x}\"}}",
                         std::exchange(between, ","), one.index, json_string(one.file), one.start, one.end, one.records, one.bytes, one.crc);
    }
    out += "]}";
  }
  out += "\n  ],\n  \"groups\": [";
  comma = "";
  for (const BackupGroup& group : manifest.groups) {
    out += fmt::format("{}\n    {{\"name\": {}, \"positions\": [", std::exchange(comma, ","), json_string(group.name));
    const char* between = "";
    for (const BackupPosition& one : group.positions) {
      out += fmt::format("{}\n      {{\"topic\": {}, \"partition\": {}, \"offset\": {}, \"metadata\": {}}}", std::exchange(between, ","), json_string(one.topic), one.partition,
                         one.offset, json_string(one.metadata));
    }
    out += "]}";
  }
  return out + "\n  ]\n}\n";
}

Result<Manifest> parse_manifest(std::string_view text) {
  auto parsed = codec::parse_json(text);
  if (!parsed) return wrong_manifest(parsed.error().message());
  WEIR_TRY(const std::string format, text_of(*parsed, "format"));
  WEIR_TRY(const int64_t version, whole_of(*parsed, "version"));
  if (format != kFormat) return wrong_manifest("this is not a backup of weir");
  if (version != kVersion) return wrong_manifest(fmt::format("version {} is not known here, only {}: use the weir that made it", version, kVersion));
  Manifest manifest;
  WEIR_TRY(manifest.cluster, text_of(*parsed, "cluster"));
  WEIR_TRY(manifest.made, text_of(*parsed, "made"));
  WEIR_TRY(const JsonValue* topics, list_of(*parsed, "topics"));
  for (const JsonValue& one : topics->items) {
    WEIR_TRY(BackupTopic topic, parse_topic(one));
    manifest.topics.push_back(std::move(topic));
  }
  WEIR_TRY(const JsonValue* groups, list_of(*parsed, "groups"));
  for (const JsonValue& one : groups->items) {
    WEIR_TRY(BackupGroup group, parse_group(one));
    manifest.groups.push_back(std::move(group));
  }
  return manifest;
}

}  // namespace weir::cli
