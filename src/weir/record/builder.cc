#include "weir/record/builder.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/base/varint.h"

namespace weir::record {
namespace {

size_t nullable_size(std::optional<ByteView> view) {
  return view ? varint_size(static_cast<int64_t>(view->size())) + view->size() : 1;
}

size_t header_size(const Header& header) {
  return varint_size(static_cast<int64_t>(header.key.size())) + header.key.size() + nullable_size(header.value);
}

std::byte* put_varint(std::byte* to, int64_t value) { return put_unsigned_varint(to, zigzag(value)); }

std::byte* put_bytes(std::byte* to, ByteView view) {
  if (!view.empty()) std::memcpy(to, view.data(), view.size());
  return to + view.size();
}

std::byte* put_nullable(std::byte* to, std::optional<ByteView> view) {
  return view ? put_bytes(put_varint(to, static_cast<int64_t>(view->size())), *view) : put_varint(to, -1);
}

int64_t subtract_wrapping(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
}

}  // namespace

BatchBuilder::BatchBuilder(const BatchOptions& options, size_t capacity_bytes) : options_(options) {
  out_.reserve(std::max(capacity_bytes, kHeaderBytes));
  out_.resize(kHeaderBytes);
  if (options.delete_horizon) base_timestamp_ = *options.delete_horizon;
}

void BatchBuilder::add_raw(int32_t offset_delta, TimestampMs timestamp, std::optional<ByteView> key,
                           std::optional<ByteView> value, size_t header_count, size_t headers_size, auto&& write_headers) {
  WEIR_ASSERT(offset_delta > last_offset_delta_, offset_delta, last_offset_delta_);
  if (record_count_ == 0) {
    if (!options_.delete_horizon) base_timestamp_ = timestamp;
    max_timestamp_ = timestamp;
  }
  max_timestamp_ = std::max(max_timestamp_, timestamp);
  const int64_t timestamp_delta = subtract_wrapping(timestamp, base_timestamp_);
  const size_t length = 1 + varint_size(timestamp_delta) + varint_size(offset_delta) + nullable_size(key) + nullable_size(value) +
                        varint_size(static_cast<int64_t>(header_count)) + headers_size;
  const size_t at = out_.size();
  out_.resize(at + varint_size(static_cast<int64_t>(length)) + length);
  std::byte* to = put_varint(out_.data() + at, static_cast<int64_t>(length));
  *to++ = std::byte{0};  // attributes
  to = put_varint(to, timestamp_delta);
  to = put_varint(to, offset_delta);
  to = put_nullable(to, key);
  to = put_nullable(to, value);
  to = put_varint(to, static_cast<int64_t>(header_count));
  to = write_headers(to);
  WEIR_ASSERT(to == out_.data() + out_.size());
  last_offset_delta_ = offset_delta;
  ++record_count_;
}

void BatchBuilder::add(TimestampMs timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
                       std::span<const Header> headers) {
  add_at(last_offset_delta_ + 1, timestamp, key, value, headers);
}

void BatchBuilder::add_at(int32_t offset_delta, TimestampMs timestamp, std::optional<ByteView> key, std::optional<ByteView> value,
                          std::span<const Header> headers) {
  size_t headers_size = 0;
  for (const Header& header : headers) headers_size += header_size(header);
  add_raw(offset_delta, timestamp, key, value, headers.size(), headers_size, [&headers](std::byte* to) {
    for (const Header& header : headers) {
      to = put_bytes(put_varint(to, static_cast<int64_t>(header.key.size())), as_bytes(header.key));
      to = put_nullable(to, header.value);
    }
    return to;
  });
}

void BatchBuilder::add_record(int32_t offset_delta, const Record& record) {
  add_raw(offset_delta, record.timestamp, record.key, record.value, record.headers.count(), record.headers.bytes().size(),
          [&record](std::byte* to) { return put_bytes(to, record.headers.bytes()); });
}

void BatchBuilder::extend_to(int32_t last_offset_delta) {
  WEIR_ASSERT(last_offset_delta >= last_offset_delta_ && last_offset_delta >= 0, last_offset_delta, last_offset_delta_);
  last_offset_delta_ = last_offset_delta;
}

size_t BatchBuilder::record_bytes_max(std::optional<ByteView> key, std::optional<ByteView> value,
                                      std::span<const Header> headers) {
  size_t size = 3 * kVarintBytesMax + kVarlongBytesMax + 1 + nullable_size(key) + nullable_size(value);
  for (const Header& header : headers) size += header_size(header);
  return size;
}

Result<Bytes> BatchBuilder::build(codec::Codecs& codecs) && {
  WEIR_ASSERT(last_offset_delta_ >= 0);
  const bool is_compressed = options_.compression != Compression::kNone && record_count_ > 0;
  if (is_compressed) {
    const int level = options_.compression_level.value_or(codec::default_level(options_.compression));
    WEIR_TRY(const Bytes body, codecs.compress(options_.compression, level, ByteView(out_).subspan(kHeaderBytes)));
    out_.resize(kHeaderBytes);
    out_.insert(out_.end(), body.begin(), body.end());
  }
  if (out_.size() > std::numeric_limits<int32_t>::max()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("a batch of {} bytes is too large", out_.size()));
  }
  const bool is_append_time = options_.timestamp_type == TimestampType::kLogAppendTime;
  int attributes = is_compressed ? static_cast<int>(options_.compression) : 0;
  if (is_append_time) attributes |= kLogAppendTimeBit;
  if (options_.is_transactional) attributes |= kTransactionalBit;
  if (options_.is_control) attributes |= kControlBit;
  if (options_.delete_horizon) attributes |= kDeleteHorizonBit;

  std::byte* header = out_.data();
  store_be(header, options_.base_offset.value());
  store_be(header + 8, static_cast<int32_t>(out_.size() - kPrefixBytes));
  store_be(header + 12, options_.leader_epoch.value());
  store_be(header + kMagicAt, kMagicV2);
  store_be(header + 21, static_cast<int16_t>(attributes));
  store_be(header + 23, last_offset_delta_);
  store_be(header + 27, base_timestamp_);
  store_be(header + 35, is_append_time ? options_.log_append_time : max_timestamp_);
  store_be(header + 43, options_.producer_id.value());
  store_be(header + 51, options_.producer_epoch.value());
  store_be(header + 53, options_.base_sequence);
  store_be(header + 57, record_count_);
  store_be(header + kCrcAt, compute_crc(out_));
  return std::move(out_);
}

Result<SharedBytes> recompressed(const BatchView& batch, ByteView records, Compression compression, int level,
                                 codec::Codecs& codecs) {
  Bytes compressed;
  if (compression != Compression::kNone) {
    WEIR_TRY(compressed, codecs.compress(compression, level, records));
    records = compressed;
  }
  if (records.size() > std::numeric_limits<int32_t>::max() - kHeaderBytes) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("a batch body of {} bytes is too large", records.size()));
  }
  SharedBytes result = SharedBytes::allocate(kHeaderBytes + records.size());
  const MutableBytes bytes = result.mutable_view();
  std::memcpy(bytes.data(), batch.bytes().data(), kHeaderBytes);
  if (!records.empty()) std::memcpy(bytes.data() + kHeaderBytes, records.data(), records.size());
  store_be(bytes.data() + 8, static_cast<int32_t>(bytes.size() - kPrefixBytes));
  store_be(bytes.data() + 21, static_cast<int16_t>((batch.attributes() & ~kCompressionMask) | static_cast<int>(compression)));
  store_be(bytes.data() + kCrcAt, compute_crc(bytes));
  return result;
}

}  // namespace weir::record
