// The records that a load generator sends, made once: a batch is the beginning of a template with its header, marks and keys
// patched, so that the generator costs little more than the copy.
//
// Owner    one generator.
// Holds    - every batch passes record::BatchView::parse, carries the right CRC, and holds `pending.size()` records
//          - a marked record's value begins with the run's id, its number and the instant at which it was due
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "weir/base/time.h"
#include "weir/record/batch.h"
#include "weir/record/builder.h"

namespace weir::cli {

// A record that is due: its number in the run, and when.
struct PendingRecord {
  uint64_t number = 0;
  MonoTime due;
};

struct Mark {
  uint64_t run = 0;
  uint64_t number = 0;
  MonoTime due;
};
inline constexpr size_t kMarkBytes = 24;
// Nothing when the value is no marked record's.
std::optional<Mark> read_mark(ByteView value);

struct PayloadOptions {
  uint64_t run = 0;           // id of the run
  size_t record_bytes = 1024;  // of a value
  size_t batch_bytes = 16 << 10;
  bool marks = false;
  uint32_t keys = 0;
  record::Compression compression = record::Compression::kNone;
};

class Payload {
 public:
  static constexpr size_t kRecordsPerBatchMax = 1'000'000;

  explicit Payload(PayloadOptions options);

  size_t records_per_batch() const { return places_.size(); }
  // Which key a record has: the same in every run. Only with keys.
  uint32_t key_of(uint64_t number) const;
  // The bytes of key number `key`.
  static std::string key_text(uint32_t key);

  // At most records_per_batch() of `pending`.
  SharedBytes batch(std::span<const PendingRecord> pending, TimestampMs now);

 private:
  struct Place {
    size_t key_at = 0;    // 0: none
    size_t value_at = 0;
    size_t end = 0;
  };

  PayloadOptions options_;
  Bytes template_;
  std::vector<Place> places_;
  SharedBytes full_;  // an unpatched full batch, used again while its timestamp is young
  TimestampMs full_made_ = kNoTimestamp;
  codec::Codecs codecs_;
};

}  // namespace weir::cli
