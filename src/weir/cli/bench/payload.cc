#include "weir/cli/bench/payload.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "weir/base/assert.h"
#include "weir/base/endian.h"
#include "weir/base/prng.h"

namespace weir::cli {

namespace {

constexpr TimestampMs kFullBatchAgeMaxMs = 500;

// Where the header keeps what a shorter or later batch changes.
constexpr size_t kLengthAt = 8;
constexpr size_t kLastOffsetDeltaAt = 23;
constexpr size_t kBaseTimestampAt = 27;
constexpr size_t kMaxTimestampAt = 35;
constexpr size_t kRecordCountAt = 57;

}  // namespace

std::optional<Mark> read_mark(ByteView value) {
  if (value.size() < kMarkBytes) return std::nullopt;
  return Mark{load_be<uint64_t>(value.data()), load_be<uint64_t>(value.data() + 8), MonoTime{load_be<int64_t>(value.data() + 16)}};
}

std::string Payload::key_text(uint32_t key) { return fmt::format("key-{:08}", key); }

uint32_t Payload::key_of(uint64_t number) const {
  WEIR_ASSERT(options_.keys > 0);
  uint64_t state = number;
  return static_cast<uint32_t>(split_mix(state) % options_.keys);
}

Payload::Payload(PayloadOptions options) : options_(options) {
  if (options_.marks) options_.record_bytes = std::max(options_.record_bytes, kMarkBytes);
  // Random letters: half as long when compressed, as text is.
  Prng prng(1);
  std::string value(options_.record_bytes, ' ');
  for (char& c : value) c = static_cast<char>('a' + prng.below(16));
  const std::string key = options_.keys > 0 ? key_text(0) : "";
  const std::optional<ByteView> key_bytes = options_.keys > 0 ? std::optional<ByteView>(as_bytes(key)) : std::nullopt;
  const size_t each = record::BatchBuilder::record_bytes_max(key_bytes, as_bytes(value));
  const size_t room = options_.batch_bytes > record::kHeaderBytes ? options_.batch_bytes - record::kHeaderBytes : 0;
  const size_t count = std::clamp<size_t>(room / each, 1, kRecordsPerBatchMax);
  record::BatchBuilder builder({}, record::kHeaderBytes + count * each);
  for (size_t i = 0; i < count; ++i) builder.add(0, key_bytes, as_bytes(value));
  Result<Bytes> built = std::move(builder).build(codecs_);
  WEIR_ASSERT(built.has_value());
  template_ = std::move(*built);
  const auto view = record::BatchView::parse(template_);
  WEIR_ASSERT(view.has_value());
  Bytes scratch;
  auto records = record::read_records(*view, codecs_, template_.size(), scratch);
  WEIR_ASSERT(records.has_value() && records->size() == count);
  const auto position = [&](ByteView of) { return static_cast<size_t>(of.data() - template_.data()); };
  for (const record::Record& one : *records) {
    const size_t value_at = position(*one.value);
    places_.push_back({one.key ? position(*one.key) : 0, value_at, value_at + one.value->size() + 1});  // a byte: no headers
  }
  WEIR_ASSERT(places_.back().end == template_.size(), places_.back().end, template_.size());
}

SharedBytes Payload::batch(std::span<const PendingRecord> pending, TimestampMs now) {
  WEIR_ASSERT(!pending.empty() && pending.size() <= places_.size());
  const bool is_plain = !options_.marks && options_.keys == 0;
  const bool is_full = pending.size() == places_.size();
  if (is_plain && is_full && !full_.empty() && now - full_made_ < kFullBatchAgeMaxMs) return full_;
  const size_t size = places_[pending.size() - 1].end;
  SharedBytes bytes = SharedBytes::allocate(size);
  std::byte* out = bytes.mutable_view().data();
  std::memcpy(out, template_.data(), size);
  store_be(out + kLengthAt, static_cast<int32_t>(size - record::kPrefixBytes));
  store_be(out + kLastOffsetDeltaAt, static_cast<int32_t>(pending.size() - 1));
  store_be(out + kBaseTimestampAt, now);
  store_be(out + kMaxTimestampAt, now);
  store_be(out + kRecordCountAt, static_cast<int32_t>(pending.size()));
  for (size_t i = 0; i < pending.size() && !is_plain; ++i) {
    if (options_.keys > 0) {
      const std::string key = key_text(key_of(pending[i].number));
      std::memcpy(out + places_[i].key_at, key.data(), key.size());
    }
    if (!options_.marks) continue;
    store_be(out + places_[i].value_at, options_.run);
    store_be(out + places_[i].value_at + 8, pending[i].number);
    store_be(out + places_[i].value_at + 16, pending[i].due.ns);
  }
  store_be(out + record::kCrcAt, record::compute_crc(bytes.view()));
  if (options_.compression != record::Compression::kNone) {
    const auto view = record::BatchView::parse(bytes.view());
    WEIR_ASSERT(view.has_value());
    auto packed = record::recompressed(*view, view->body(), options_.compression, codec::default_level(options_.compression), codecs_);
    WEIR_ASSERT(packed.has_value());
    bytes = std::move(*packed);
  }
  if (is_plain && is_full) {
    full_ = bytes;
    full_made_ = now;
  }
  return bytes;
}

}  // namespace weir::cli
