// One record, and the records of a batch of magic 2.
//
// Owner    views: they live as long as the batch's bytes and the scratch buffer they were read from.
// Format   docs/formats/record-batch.md, "Record".
// Holds    - a Records cursor yields exactly record_count() records and consumes the body to its last byte, or fails
//          - offsets rise strictly inside the batch and none is above last_offset()
//          - no allocation per record: headers are parsed when asked for
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/error.h"
#include "weir/base/ids.h"
#include "weir/base/reader.h"
#include "weir/record/batch.h"

namespace weir::record {

struct Header {
  std::string_view key;  // UTF-8, not checked
  std::optional<ByteView> value;
};

// Headers as they lie in a record: a count, and bytes already checked to hold exactly that many.
class Headers {
 public:
  Headers() = default;
  Headers(int32_t count, ByteView bytes) : count_(count), bytes_(bytes) {}

  size_t count() const { return static_cast<size_t>(count_); }
  bool empty() const { return count_ == 0; }
  ByteView bytes() const { return bytes_; }
  std::vector<Header> list() const;

 private:
  int32_t count_ = 0;
  ByteView bytes_;
};

struct Record {
  Offset offset;
  TimestampMs timestamp = kNoTimestamp;  // the batch's append time under LogAppendTime
  std::optional<ByteView> key;
  std::optional<ByteView> value;
  Headers headers;
};

// Reads the records of one batch front to back.
class Records {
 public:
  // Decompresses the body, when it is compressed, into `scratch`, which must outlive every view read; an uncompressed body
  // is read in place. Errors: kCorruptMessage (codec), kOutputTooLarge (more than `output_bytes_max`).
  static Result<Records> open(const BatchView& batch, codec::Codecs& codecs, size_t output_bytes_max, Bytes& scratch);
  // Of a batch that is never compressed, as control batches are not. Errors: kCorruptMessage (it is, or too many records).
  static Result<Records> in_place(const BatchView& batch);

  // The next record, or nullopt after the last. Errors: kCorruptMessage, with the record's number and what is wrong; the
  // cursor then stays failed.
  Result<std::optional<Record>> next();

  // Of the record returned last, 0 first; for error lists.
  int32_t index() const { return read_ - 1; }
  // All records as they lie in the batch, without compression.
  ByteView body() const { return body_; }

 private:
  static Result<Records> over(const BatchView& batch, ByteView body);
  Records(const BatchView& batch, ByteView body) : batch_(batch), body_(body), reader_(body) {}
  std::unexpected<Error> wrong(const char* what);

  BatchView batch_;
  ByteView body_;
  Reader reader_;
  int32_t read_ = 0;
  int64_t last_delta_ = -1;
  bool failed_ = false;
};

// All records of a batch at once: for tests, tools and small batches.
Result<std::vector<Record>> read_records(const BatchView& batch, codec::Codecs& codecs, size_t output_bytes_max, Bytes& scratch);

}  // namespace weir::record
