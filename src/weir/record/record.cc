#include "weir/record/record.h"

#include <fmt/format.h>

#include "weir/base/assert.h"

namespace weir::record {
namespace {

// The least record: its length, attributes, timestamp and offset deltas, key and value lengths, header count; 1 byte each.
constexpr size_t kRecordBytesMin = 7;

// A length of -1 is null; below that, or beyond the reader, fails the reader.
std::optional<ByteView> nullable_bytes(Reader& reader) {
  const int32_t length = reader.varint();
  if (length == -1) return std::nullopt;
  if (length < 0) {
    reader.fail();
    return std::nullopt;
  }
  return reader.bytes(static_cast<size_t>(length));
}

Header read_header(Reader& reader) {
  const std::optional<ByteView> key = nullable_bytes(reader);
  if (!key) reader.fail();
  const std::optional<ByteView> value = nullable_bytes(reader);
  return {as_text(key.value_or(ByteView())), value};
}

TimestampMs add_wrapping(TimestampMs base, int64_t delta) {
  return static_cast<TimestampMs>(static_cast<uint64_t>(base) + static_cast<uint64_t>(delta));
}

}  // namespace

std::vector<Header> Headers::list() const {
  std::vector<Header> headers;
  headers.reserve(count());
  Reader reader(bytes_);
  for (int32_t i = 0; i < count_; ++i) headers.push_back(read_header(reader));
  WEIR_ASSERT(!reader.failed() && reader.remaining() == 0, count_, bytes_.size());
  return headers;
}

Result<Records> Records::open(const BatchView& batch, codec::Codecs& codecs, size_t output_bytes_max, Bytes& scratch) {
  // A batch that compaction emptied keeps its header only, whatever codec it names.
  const bool is_emptied = batch.record_count() == 0 && batch.body().empty();
  if (batch.compression() == Compression::kNone || is_emptied) return over(batch, batch.body());
  WEIR_CHECK(codecs.decompress_into(batch.compression(), batch.body(), output_bytes_max, scratch));
  return over(batch, scratch);
}

Result<Records> Records::in_place(const BatchView& batch) {
  if (batch.compression() != Compression::kNone) {
    return fail(ErrorCode::kCorruptMessage, fmt::format("batch at offset {} is compressed and must not be", batch.base_offset()));
  }
  return over(batch, batch.body());
}

Result<Records> Records::over(const BatchView& batch, ByteView body) {
  if (static_cast<size_t>(batch.record_count()) > body.size() / kRecordBytesMin) {
    return fail(ErrorCode::kCorruptMessage,
                fmt::format("batch says {} records but holds {} bytes of them", batch.record_count(), body.size()));
  }
  return Records(batch, body);
}

std::unexpected<Error> Records::wrong(const char* what) {
  failed_ = true;
  return fail(ErrorCode::kCorruptMessage,
              fmt::format("record {} of the batch at offset {}: {}", read_, batch_.base_offset(), what));
}

Result<std::optional<Record>> Records::next() {
  if (failed_) return wrong("an earlier record was already wrong");
  if (read_ == batch_.record_count()) {
    if (reader_.remaining() != 0) return wrong("bytes are left after the last record");
    return std::nullopt;
  }
  const int32_t length = reader_.varint();
  if (reader_.failed() || length < 0 || static_cast<size_t>(length) > reader_.remaining())
    return wrong("its length is impossible");
  Reader reader(reader_.bytes(static_cast<size_t>(length)));

  reader.skip(1);  // attributes: none are defined
  const int64_t timestamp_delta = reader.varlong();
  const int32_t offset_delta = reader.varint();
  Record record;
  record.key = nullable_bytes(reader);
  record.value = nullable_bytes(reader);
  const int32_t header_count = reader.varint();
  if (reader.failed()) return wrong("its fields do not fit its length");
  if (header_count < 0 || static_cast<size_t>(header_count) > reader.remaining() / 2)
    return wrong("its header count is impossible");
  record.headers = Headers(header_count, reader.rest());
  for (int32_t i = 0; i < header_count; ++i) read_header(reader);
  if (reader.failed()) return wrong("its headers do not fit its length");
  if (reader.remaining() != 0) return wrong("bytes are left after its headers");
  if (offset_delta <= last_delta_) return wrong("its offset does not rise");
  if (offset_delta > batch_.last_offset_delta()) return wrong("its offset is above the batch's last");

  record.offset = batch_.base_offset() + offset_delta;
  record.timestamp = batch_.timestamp_type() == TimestampType::kLogAppendTime
                         ? batch_.max_timestamp()
                         : add_wrapping(batch_.base_timestamp(), timestamp_delta);
  last_delta_ = offset_delta;
  ++read_;
  return record;
}

Result<std::vector<Record>> read_records(const BatchView& batch, codec::Codecs& codecs, size_t output_bytes_max, Bytes& scratch) {
  WEIR_TRY(Records records, Records::open(batch, codecs, output_bytes_max, scratch));
  std::vector<Record> all;
  all.reserve(static_cast<size_t>(batch.record_count()));
  for (;;) {
    WEIR_TRY(const std::optional<Record> record, records.next());
    if (!record) return all;
    all.push_back(*record);
  }
}

}  // namespace weir::record
