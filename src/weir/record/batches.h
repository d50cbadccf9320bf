// Batches in a run of bytes: a fetch response, a produce request's records, a piece of a segment.
//
// Owner    the caller's stack; views over the caller's bytes.
// Holds    - position() is always the beginning of a batch, or the end
//          - a batch that is cut short by the end of the bytes ends the run without an error: has_truncated_tail() says so
#pragma once

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/record/batch.h"
#include "weir/record/legacy.h"

namespace weir::record {

// A batch of magic 2, or one legacy message (perhaps a wrapper of many).
class AnyBatch {
 public:
  AnyBatch(BatchView batch) : view_(batch) {}
  AnyBatch(LegacyView message) : view_(message) {}

  // nullptr when it is the other kind.
  const BatchView* v2() const { return std::get_if<BatchView>(&view_); }
  const LegacyView* legacy() const { return std::get_if<LegacyView>(&view_); }

  ByteView bytes() const { return std::visit([](const auto& view) { return view.bytes(); }, view_); }
  size_t size_bytes() const { return bytes().size(); }
  int8_t magic() const { return std::visit([](const auto& view) { return view.magic(); }, view_); }
  bool crc_matches() const { return std::visit([](const auto& view) { return view.crc_matches(); }, view_); }
  // Of a legacy message its last offset, the only one that it tells.
  Offset first_offset() const { return v2() != nullptr ? v2()->base_offset() : legacy()->offset(); }
  Offset last_offset() const { return std::visit([](const auto& view) { return view.last_offset(); }, view_); }
  Offset next_offset() const { return last_offset().next(); }
  // The largest timestamp in it, by its header.
  TimestampMs max_timestamp() const { return v2() != nullptr ? v2()->max_timestamp() : legacy()->timestamp(); }
  // kNoLeaderEpoch of a legacy message.
  LeaderEpoch leader_epoch() const { return v2() != nullptr ? v2()->leader_epoch() : kNoLeaderEpoch; }

 private:
  std::variant<BatchView, LegacyView> view_;
};

// The records of a batch of any magic; see read_records() and read_legacy_records().
Result<std::vector<Record>> read_records(const AnyBatch& batch, codec::Codecs& codecs, size_t output_bytes_max, Bytes& scratch);

// How long a batch is and which offsets it spans, by its first bytes: all that stepping over it needs.
struct BatchSpan {
  size_t bytes = 0;
  std::optional<Offset> first_offset;   // a legacy message does not tell
  Offset last_offset;
};
// The batch that begins at `bytes`; nullopt when fewer are there than the header of its magic: kHeaderBytes are always enough.
// Errors: kCorruptMessage.
Result<std::optional<BatchSpan>> peek_span(ByteView bytes);

//   Batches batches(bytes);
//   for (;;) {
//     WEIR_TRY(std::optional<AnyBatch> batch, batches.next());
//     if (!batch) break;
//     ...
//   }
class Batches {
 public:
  explicit Batches(ByteView bytes) : bytes_(bytes) {}

  // The next batch, or nullopt at the end or at a truncated tail. CRCs are not checked.
  // Errors: kCorruptMessage; then position() stays at the batch that is wrong, and every later call says the same.
  Result<std::optional<AnyBatch>> next();

  size_t position() const { return position_; }
  // After next() returned nullopt: whether bytes are left that begin a batch and do not finish it.
  bool has_truncated_tail() const { return position_ < bytes_.size(); }

 private:
  ByteView bytes_;
  size_t position_ = 0;
};

}  // namespace weir::record
