#include "weir/metadata/controller/topic_names.h"

#include <algorithm>

#include <fmt/format.h>

#include "weir/base/topic_name.h"

namespace weir::metadata {
namespace {

char metric_char(char c) { return c == '.' ? '_' : c; }

}  // namespace

Result<void> check_topic_name(std::string_view name) {
  if (name.empty()) return fail(ErrorCode::kInvalidTopicException, "a topic name must not be empty");
  if (name == "." || name == "..") {
    return fail(ErrorCode::kInvalidTopicException, fmt::format("\"{}\" cannot be a topic name", name));
  }
  if (name.size() > kTopicNameLengthMax) {
    return fail(ErrorCode::kInvalidTopicException,
                fmt::format("the topic name has {} characters, more than {}", name.size(), kTopicNameLengthMax));
  }
  if (!std::ranges::all_of(name, is_topic_name_char)) {
    return fail(ErrorCode::kInvalidTopicException,
                fmt::format("topic name \"{}\" has characters other than a-z, A-Z, 0-9, '.', '_' and '-'", name));
  }
  return {};
}

bool topic_names_collide(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, metric_char, metric_char);
}

const Topic* colliding_topic(const MetadataImage& image, std::string_view name) {
  const size_t first = name.find_first_of("._");
  if (first == std::string_view::npos) return nullptr;
  // A colliding name agrees up to its first '.' or '_': look only among names that begin so.
  const std::string_view prefix = name.substr(0, first);
  for (auto at = image.topics_by_name.lower_bound(prefix); at != image.topics_by_name.end(); ++at) {
    if (!at->key.starts_with(prefix)) break;
    if (at->key != name && topic_names_collide(at->key, name)) return at->value.get();
  }
  return nullptr;
}

}  // namespace weir::metadata
