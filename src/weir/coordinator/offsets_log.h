// Records of one partition of __consumer_offsets, in and out.
//
// Format   docs/formats/consumer-offsets.md
#pragma once

#include <span>
#include <variant>

#include "weir/coordinator/offsets.h"
#include "weir/protocol/internal/group_metadata.h"
#include "weir/record/builder.h"

namespace weir::coordinator {

// What one record says.
struct OffsetRecord {
  std::string group;
  OffsetChange change;
};
struct GroupRecord {
  std::string group;
  std::optional<protocol::GroupMetadataValue> value;  // none: the group is gone
};
struct UnknownRecord {
  std::string why;  // a type or version of a later Kafka, or of a coordinator that we do not have: passed over
};
using LoggedRecord = std::variant<OffsetRecord, GroupRecord, UnknownRecord>;

// Errors: kCorruptMessage. Views in the result lie in `record`.
Result<LoggedRecord> read_record(const record::Record& record);

// Key and value of a position's record. Errors: those of protocol::encode.
Result<SharedBytes> offset_key(const std::string& group, const OffsetPlace& place);
Result<SharedBytes> offset_value(const CommittedOffset& committed);

// Collects records that are appended as one batch.
class OffsetsBatch {
 public:
  explicit OffsetsBatch(TimestampMs now, record::Compression compression = record::Compression::kNone)
      : now_(now), builder_(record::BatchOptions{.compression = compression}) {}

  Result<void> add(const std::string& group, const OffsetChange& change);
  Result<void> add(const std::string& group, const protocol::GroupMetadataValue* value);  // nullptr: a tombstone
  bool empty() const { return builder_.empty(); }
  Result<SharedBytes> build(codec::Codecs& codecs) &&;

 private:
  TimestampMs now_;
  record::BatchBuilder builder_;
};

}  // namespace weir::coordinator
