#include "weir/cli/shop_state.h"

#include <charconv>

#include <fmt/format.h>

#include "weir/client/consumer.h"

namespace weir::cli {

namespace {
constexpr std::string_view kStateMark = "state ";
}  // namespace

std::string state_reference(Offset state) { return fmt::format("{}{}", kStateMark, state); }

Result<Offset> parse_state_reference(std::string_view metadata) {
  int64_t offset = -1;
  const char* end = metadata.data() + metadata.size();
  const bool is_one = metadata.starts_with(kStateMark) && std::from_chars(metadata.data() + kStateMark.size(), end, offset).ptr == end && offset >= 0;
  if (!is_one) return fail(ErrorCode::kCorruptMessage, fmt::format("a position of the group refers to no state: \"{}\"", metadata));
  return Offset(offset);
}

Task<Result<ShopTally>> read_state(client::Cluster& cluster, std::string state_topic, PartitionIndex partition, client::Committed committed,
                                   client::Patience patience) {
  WEIR_CO_TRY(const Offset at, parse_state_reference(committed.metadata));
  client::Consumer consumer(cluster, {.wait_max = 50ms});
  consumer.assign(state_topic, partition, {client::Start::Kind::kOffset, at.value()});
  auto batch = co_await consumer.poll(patience);
  co_await consumer.close();
  if (!batch) co_return fail(batch.error());
  if (!*batch) co_return fail(ErrorCode::kDeadlineExceeded, fmt::format("{}-{} gave nothing at offset {}", state_topic, partition, at));
  const record::Record& first = (*batch)->records.front();
  if (first.offset != at || !first.value) co_return fail(ErrorCode::kNotFound, fmt::format("{}-{} has no state at offset {}", state_topic, partition, at));
  co_return ShopTally::parse(as_text(*first.value));
}

}  // namespace weir::cli
