// Which names a topic may have. Kafka's rule: 1 to 249 characters of [a-zA-Z0-9._-], neither "." nor "..".
// 249 leaves room for "-<partition>" and the suffixes of a directory that is being deleted in a file name of 255 bytes.
#pragma once

#include <cstddef>
#include <string_view>

namespace weir {

inline constexpr size_t kTopicNameLengthMax = 249;

constexpr bool is_topic_name_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

constexpr bool is_topic_name(std::string_view name) {
  if (name.empty() || name.size() > kTopicNameLengthMax || name == "." || name == "..") return false;
  for (const char c : name) {
    if (!is_topic_name_char(c)) return false;
  }
  return true;
}

}  // namespace weir
