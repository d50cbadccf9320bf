#include "weir/storage/topic_partition.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/base/topic_name.h"
#include "weir/storage/text_fields.h"

namespace weir::storage {
namespace {

constexpr size_t kFileNameMax = 255;
constexpr size_t kUniqueHexDigits = 32;

std::string_view suffix_of(DirectoryKind kind) {
  switch (kind) {
    case DirectoryKind::kLog: return "";
    case DirectoryKind::kDelete: return "-delete";
    case DirectoryKind::kStray: return "-stray";
    case DirectoryKind::kFuture: return "-future";
  }
  WEIR_UNREACHABLE(static_cast<int>(kind));
}

bool is_hex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

std::optional<TopicPartition> parse_topic_partition(std::string_view name) {
  const size_t dash = name.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view topic = name.substr(0, dash);
  const auto partition = parse_number<int32_t>(name.substr(dash + 1));
  if (!partition || *partition < 0 || !is_topic_name(topic)) return std::nullopt;
  if (name.substr(dash + 1) != fmt::format("{}", *partition)) return std::nullopt;   // "-03" is nobody's name
  return TopicPartition{std::string(topic), PartitionIndex(*partition)};
}

}  // namespace

std::string directory_name(std::string_view topic, PartitionIndex partition) { return fmt::format("{}-{}", topic, partition.value()); }

std::string directory_name(std::string_view topic, PartitionIndex partition, Uuid unique, DirectoryKind kind) {
  const std::string tail = fmt::format("-{}.{:016x}{:016x}{}", partition.value(), unique.high, unique.low, suffix_of(kind));
  return std::string(topic.substr(0, std::min(topic.size(), kFileNameMax - tail.size()))) + tail;
}

std::optional<DirectoryName> parse_directory_name(std::string_view name) {
  for (const DirectoryKind kind : {DirectoryKind::kDelete, DirectoryKind::kStray, DirectoryKind::kFuture}) {
    const std::string_view suffix = suffix_of(kind);
    if (!name.ends_with(suffix)) continue;
    const std::string_view rest = name.substr(0, name.size() - suffix.size());
    if (rest.size() < kUniqueHexDigits + 1 || rest[rest.size() - kUniqueHexDigits - 1] != '.') continue;
    if (!is_hex(rest.substr(rest.size() - kUniqueHexDigits))) continue;
    const auto partition = parse_topic_partition(rest.substr(0, rest.size() - kUniqueHexDigits - 1));
    if (!partition) return std::nullopt;
    return DirectoryName{kind, *partition};
  }
  const auto partition = parse_topic_partition(name);
  if (!partition) return std::nullopt;
  return DirectoryName{DirectoryKind::kLog, *partition};
}

}  // namespace weir::storage
