// Makes one batch of magic 2, record by record.
//
// Owner    the caller; one batch per builder.
// Format   docs/formats/record-batch.md.
// Holds    - the result passes BatchView::parse and carries the right CRC
//          - an uncompressed batch is built in the buffer that is returned: records are written once
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/record/batch.h"
#include "weir/record/record.h"

namespace weir::record {

struct BatchOptions {
  Offset base_offset{0};
  LeaderEpoch leader_epoch = kNoLeaderEpoch;
  Compression compression = Compression::kNone;
  std::optional<int> compression_level;  // the codec's default when unset
  TimestampType timestamp_type = TimestampType::kCreateTime;
  TimestampMs log_append_time = kNoTimestamp;  // the max timestamp under kLogAppendTime
  ProducerId producer_id = kNoProducerId;
  ProducerEpoch producer_epoch = kNoProducerEpoch;
  int32_t base_sequence = -1;
  bool is_transactional = false;
  bool is_control = false;
  std::optional<TimestampMs> delete_horizon;  // written as the base timestamp, with its attribute
};

class BatchBuilder {
 public:
  explicit BatchBuilder(const BatchOptions& options, size_t capacity_bytes = 1024);

  // Adds a record after the last one, at the next offset.
  void add(TimestampMs timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
           std::span<const Header> headers = {});
  // The same at `offset_delta` from the base offset, which must be above the last record's: compaction leaves gaps.
  void add_at(int32_t offset_delta, TimestampMs timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
              std::span<const Header> headers = {});
  // The same with a record's headers as they were read.
  void add_record(int32_t offset_delta, const Record& record);
  // Makes the batch reach to `last_offset_delta` though its last records are gone. With it a batch may have no record.
  void extend_to(int32_t last_offset_delta);

  int32_t record_count() const { return record_count_; }
  bool empty() const { return record_count_ == 0; }
  // Of the batch as it would be without compression.
  size_t size_bytes() const { return out_.size(); }
  // What `add` would add at most.
  static size_t record_bytes_max(std::optional<ByteView> key, std::optional<ByteView> value,
                                 std::span<const Header> headers = {});

  // The batch. There must be a record, or extend_to was called. The builder is used up.
  // Errors: kInvalidArgument (2 GiB or more), kInternal (the codec failed).
  Result<Bytes> build(codec::Codecs& codecs) &&;

 private:
  void add_raw(int32_t offset_delta, TimestampMs timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
               size_t header_count, size_t headers_size, auto&& write_headers);

  BatchOptions options_;
  Bytes out_;  // 61 bytes for the header, then records
  int32_t record_count_ = 0;
  int32_t last_offset_delta_ = -1;
  TimestampMs base_timestamp_ = kNoTimestamp;
  TimestampMs max_timestamp_ = kNoTimestamp;
};

// The batch `bytes` with its body in another codec, header otherwise unchanged but for length, codec and CRC.
// `records` is the body without compression.
Result<SharedBytes> recompressed(const BatchView& batch, ByteView records, Compression compression, int level,
                                 codec::Codecs& codecs);

}  // namespace weir::record
