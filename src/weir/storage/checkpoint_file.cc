#include "weir/storage/checkpoint_file.h"

#include <fmt/format.h>

#include "weir/storage/text_fields.h"

namespace weir::storage {
namespace {

constexpr uint64_t kCheckpointBytesMax = uint64_t{256} << 20;  // a million partitions with the longest names

std::unexpected<Error> malformed_checkpoint(size_t line, std::string_view what) {
  return fail(ErrorCode::kMalformedFile, fmt::format("line {}: {}", line, what));
}

}  // namespace

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  const auto lines = split_lines(text);
  Checkpoint checkpoint;
  if (lines.empty()) return checkpoint;   // as Kafka creates it
  if (lines[0] != "0") return malformed_checkpoint(1, fmt::format("version {} is not 0", lines[0]));
  if (lines.size() < 2) return malformed_checkpoint(2, "the entry count is missing");
  const auto count = parse_number<int64_t>(lines[1]);
  if (!count || *count < 0) return malformed_checkpoint(2, fmt::format("\"{}\" is not an entry count", lines[1]));
  if (static_cast<uint64_t>(*count) != lines.size() - 2) {
    return malformed_checkpoint(2, fmt::format("{} entries announced, {} found", *count, lines.size() - 2));
  }
  for (size_t i = 2; i < lines.size(); ++i) {
    const auto fields = split_fields(lines[i]);
    if (fields.size() != 3) return malformed_checkpoint(i + 1, "expected \"topic partition offset\"");
    const auto partition = parse_number<int32_t>(fields[1]);
    const auto offset = parse_number<int64_t>(fields[2]);
    if (!partition || !offset) return malformed_checkpoint(i + 1, "partition or offset is not a number");
    checkpoint[TopicPartition{std::string(fields[0]), PartitionIndex(*partition)}] = Offset(*offset);
  }
  return checkpoint;
}

std::string format_checkpoint(const Checkpoint& checkpoint) {
  std::string text = fmt::format("0\n{}\n", checkpoint.size());
  for (const auto& [partition, offset] : checkpoint) {
    fmt::format_to(std::back_inserter(text), "{} {} {}\n", partition.topic, partition.partition.value(), offset.value());
  }
  return text;
}

runtime::Task<Result<Checkpoint>> read_checkpoint(runtime::Disk& disk, std::string path) {
  const Result<Bytes> content = co_await runtime::read_file(disk, path, kCheckpointBytesMax);
  if (!content) {
    if (content.error().code() == ErrorCode::kNotFound) co_return Checkpoint{};
    co_return fail(content.error());
  }
  Result<Checkpoint> checkpoint = parse_checkpoint(as_text(*content));
  if (!checkpoint) co_return fail(checkpoint.error().within(path));
  co_return std::move(*checkpoint);
}

runtime::Task<Result<void>> write_checkpoint(runtime::Disk& disk, std::string path, Checkpoint checkpoint) {
  co_return co_await runtime::write_file_atomically(disk, path, to_bytes(format_checkpoint(checkpoint)));
}

}  // namespace weir::storage
