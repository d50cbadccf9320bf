#include "weir/cli/partition_list.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace weir::cli {

namespace {

// "3" or "2-5".
bool parse_range(std::string_view text, int32_t& first, int32_t& last) {
  const char* end = text.data() + text.size();
  const auto [dash, error] = std::from_chars(text.data(), end, first);
  if (error != std::errc() || first < 0) return false;
  last = first;
  if (dash == end) return true;
  if (*dash != '-') return false;
  const auto [at, again] = std::from_chars(dash + 1, end, last);
  return again == std::errc() && at == end && last >= first;
}

}  // namespace

Result<std::vector<PartitionIndex>> parse_partitions(const std::vector<std::string>& texts, const client::Topic& topic) {
  std::vector<PartitionIndex> partitions;
  const auto count = static_cast<int32_t>(topic.partitions.size());
  for (std::string_view text : texts) {
    while (!text.empty()) {
      const size_t comma = std::min(text.find(','), text.size());
      int32_t first = 0;
      int32_t last = 0;
      if (!parse_range(text.substr(0, comma), first, last)) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("--partition \"{}\" is neither a number nor a list like 0,2-5", text.substr(0, comma)));
      }
      if (last >= count) {
        return fail(ErrorCode::kInvalidArgument, fmt::format("topic \"{}\" has {} partition{}: there is no partition {}", topic.name, count,
                                                             count == 1 ? "" : "s", last));
      }
      for (int32_t index = first; index <= last; ++index) partitions.push_back(PartitionIndex(index));
      text.remove_prefix(std::min(comma + 1, text.size()));
    }
  }
  for (const client::Partition& one : topic.partitions) {
    if (texts.empty()) partitions.push_back(one.index);
  }
  std::ranges::sort(partitions);
  partitions.erase(std::unique(partitions.begin(), partitions.end()), partitions.end());
  return partitions;
}

}  // namespace weir::cli
