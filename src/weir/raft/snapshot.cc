#include "weir/raft/snapshot.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "weir/storage/segment_files.h"

namespace weir::raft {
namespace {

constexpr std::string_view kSuffix = ".checkpoint";
constexpr size_t kOffsetDigits = 20;
constexpr size_t kEpochDigits = 10;
constexpr size_t kSnapshotBatchBytes = 1u << 20;  // a data batch is closed when it has this many

template <typename T>
std::optional<T> digits(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

// Cuts the values into data batches and hands each to `write`.
class SnapshotBatches {
 public:
  SnapshotBatches(const SnapshotContent& content, LeaderEpoch epoch, TimestampMs now)
      : content_(content), place_{Offset(0), epoch, now} {}

  // The next batch; an empty one after the footer.
  Result<Bytes> next() {
    switch (stage_) {
      case Stage::kHeader: {
        stage_ = Stage::kData;
        const std::vector<Voter>* voters = content_.voters.empty() ? nullptr : &content_.voters;
        WEIR_TRY(Bytes batch, snapshot_header_batch(place_, content_.last_timestamp, voters));
        place_.base_offset = place_.base_offset + (voters == nullptr ? 1 : 3);
        return batch;
      }
      case Stage::kData: {
        if (at_ < content_.values.size()) return data();
        stage_ = Stage::kDone;
        return snapshot_footer_batch(place_);
      }
      case Stage::kDone: return Bytes();
    }
    return Bytes();
  }

 private:
  enum class Stage : uint8_t { kHeader, kData, kDone };

  Result<Bytes> data() {
    std::vector<Bytes> some;
    for (size_t size = 0; at_ < content_.values.size() && size < kSnapshotBatchBytes; ++at_) {
      size += content_.values[at_].size();
      some.push_back(content_.values[at_]);
    }
    WEIR_TRY(Bytes batch, data_batch(place_, some));
    place_.base_offset = place_.base_offset + static_cast<int64_t>(some.size());
    return batch;
  }

  const SnapshotContent& content_;
  BatchPlace place_;
  Stage stage_ = Stage::kHeader;
  size_t at_ = 0;
};

runtime::Task<Result<void>> write_batches(runtime::File& file, const SnapshotContent& content, LeaderEpoch epoch,
                                          TimestampMs now) {
  SnapshotBatches batches(content, epoch, now);
  uint64_t position = 0;
  for (;;) {
    WEIR_CO_TRY(const Bytes batch, batches.next());
    if (batch.empty()) break;
    const ByteView parts[] = {batch};
    WEIR_CO_CHECK(co_await file.write_at(position, parts));
    position += batch.size();
  }
  co_return co_await file.sync_data();
}

}  // namespace

std::string snapshot_file_name(SnapshotId id) {
  return fmt::format("{:020}-{:010}{}", id.end.value(), id.epoch.value(), kSuffix);
}

std::optional<SnapshotId> parse_snapshot_file_name(std::string_view name) {
  if (name.size() != kOffsetDigits + 1 + kEpochDigits + kSuffix.size() || !name.ends_with(kSuffix) ||
      name[kOffsetDigits] != '-') {
    return std::nullopt;
  }
  const auto end = digits<int64_t>(name.substr(0, kOffsetDigits));
  const auto epoch = digits<int32_t>(name.substr(kOffsetDigits + 1, kEpochDigits));
  if (!end || !epoch) return std::nullopt;
  return SnapshotId{Offset(*end), LeaderEpoch(*epoch)};
}

runtime::Task<Result<void>> write_snapshot_file(runtime::Disk& disk, std::string dir, std::string name, SnapshotContent content,
                                                LeaderEpoch epoch, TimestampMs now) {
  const std::string path = fmt::format("{}/{}", dir, name);
  const std::string part = path + std::string(kPartSuffix);
  WEIR_CO_CHECK(co_await disk.remove(part));
  WEIR_CO_TRY(const std::unique_ptr<runtime::File> file, co_await disk.open(part, runtime::OpenMode::kCreateNew));
  WEIR_CO_CHECK(co_await write_batches(*file, content, epoch, now));
  WEIR_CO_CHECK(co_await disk.rename(part, path));
  co_return co_await disk.sync_directory(dir);
}

runtime::Task<Result<LoadedSnapshot>> load_snapshot_file(runtime::Disk& disk, std::string path) {
  LoadedSnapshot snapshot;
  WEIR_CO_TRY(snapshot.bytes, co_await runtime::read_file(disk, path, kSnapshotBytesMax));
  const Result<void> read = for_each_batch(snapshot.bytes, [&](const record::BatchView& batch) -> Result<void> {
    if (!batch.crc_matches()) {
      return fail(ErrorCode::kMalformedFile, fmt::format("the checksum of the batch at {} does not match", batch.base_offset()));
    }
    if (!batch.is_control()) return {};
    return read_control_batch(batch, snapshot.control);
  });
  if (!read) co_return fail(ErrorCode::kMalformedFile, fmt::format("{}: {}", path, read.error().message()));
  if (!snapshot.control.snapshot_timestamp || !snapshot.control.snapshot_complete) {
    co_return fail(ErrorCode::kMalformedFile,
                   fmt::format("{}: it has no {}", path, snapshot.control.snapshot_timestamp ? "footer" : "header"));
  }
  co_return std::move(snapshot);
}

runtime::Task<Result<std::vector<SnapshotFile>>> list_snapshots(runtime::Disk& disk, std::string dir) {
  WEIR_CO_TRY(const std::vector<runtime::DirEntry> entries, co_await disk.list(dir));
  std::vector<SnapshotFile> snapshots;
  for (const runtime::DirEntry& entry : entries) {
    const auto id = parse_snapshot_file_name(entry.name);
    if (id) snapshots.push_back({*id, entry.size, entry.modified_ms});
    const auto is_half = [&](std::string_view mark) { return entry.name.ends_with(fmt::format("{}{}", kSuffix, mark)); };
    const bool leftover = is_half(kPartSuffix) || is_half(storage::kDeletedSuffix);
    if (leftover) WEIR_CO_CHECK(co_await disk.remove(fmt::format("{}/{}", dir, entry.name)));
  }
  std::ranges::sort(snapshots, {}, &SnapshotFile::id);
  co_return snapshots;
}

}  // namespace weir::raft
