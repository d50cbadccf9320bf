#include "weir/storage/partition_metadata.h"

#include <fmt/format.h>

#include "weir/storage/text_fields.h"

namespace weir::storage {
namespace {

constexpr uint64_t kPartitionMetadataBytesMax = 4096;
constexpr std::string_view kVersionLine = "version: 0";
constexpr std::string_view kTopicIdField = "topic_id: ";

}  // namespace

Result<Uuid> parse_partition_metadata(std::string_view text) {
  const auto lines = split_lines(text);
  if (lines.size() < 2 || lines[0] != kVersionLine || !lines[1].starts_with(kTopicIdField)) {
    return fail(ErrorCode::kMalformedFile, "expected \"version: 0\" and \"topic_id: <id>\"");
  }
  const std::string_view id_text = lines[1].substr(kTopicIdField.size());
  const auto id = Uuid::parse(id_text);
  if (!id || id->is_zero()) return fail(ErrorCode::kMalformedFile, fmt::format("\"{}\" is not a topic id", id_text));
  return *id;
}

std::string format_partition_metadata(Uuid topic_id) { return fmt::format("{}\n{}{}", kVersionLine, kTopicIdField, topic_id.text()); }

runtime::Task<Result<Uuid>> read_partition_metadata(runtime::Disk& disk, std::string log_dir) {
  const std::string path = fmt::format("{}/{}", log_dir, kPartitionMetadataFile);
  const Result<Bytes> content = co_await runtime::read_file(disk, path, kPartitionMetadataBytesMax);
  if (!content) {
    if (content.error().code() == ErrorCode::kNotFound) co_return kZeroUuid;
    co_return fail(content.error());
  }
  const Result<Uuid> id = parse_partition_metadata(as_text(*content));
  if (!id) co_return fail(id.error().within(path));
  co_return *id;
}

runtime::Task<Result<void>> write_partition_metadata(runtime::Disk& disk, std::string log_dir, Uuid topic_id) {
  co_return co_await runtime::write_file_atomically(disk, fmt::format("{}/{}", log_dir, kPartitionMetadataFile),
                                                    to_bytes(format_partition_metadata(topic_id)));
}

}  // namespace weir::storage
