#include "weir/codec/gzip.h"

#include <isa-l/igzip_lib.h>
#include <libdeflate.h>

#include <algorithm>
#include <limits>

#include "weir/codec/output.h"

namespace weir::codec {
namespace {

constexpr int kFastLevelMax = 3;
constexpr int kLevelMax = 9;
constexpr int kLevelDefault = 6;
constexpr size_t kPieceBytesMax = std::numeric_limits<uint32_t>::max();  // ISA-L counts in 32 bits

struct DeflateCompressorFree {
  void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
};

constexpr size_t fast_buffer_bytes(int level) {
  return level == 1 ? ISAL_DEF_LVL1_DEFAULT : level == 2 ? ISAL_DEF_LVL2_DEFAULT : ISAL_DEF_LVL3_DEFAULT;
}

uint8_t* isal_pointer(const std::byte* at) { return reinterpret_cast<uint8_t*>(const_cast<std::byte*>(at)); }

}  // namespace

struct Gzip::Contexts {
  std::unique_ptr<inflate_state> inflate;
  std::unique_ptr<isal_zstream> deflate;
  Bytes deflate_buffer;
  std::unique_ptr<libdeflate_compressor, DeflateCompressorFree> tight;
  int tight_level = 0;
};

Gzip::Gzip() : contexts_(std::make_unique<Contexts>()) {}
Gzip::~Gzip() = default;

Result<Bytes> Gzip::compress(int level, ByteView input) {
  if (level < 1) level = kLevelDefault;
  level = std::min(level, kLevelMax);
  if (input.size() > kPieceBytesMax) return fail(ErrorCode::kInvalidArgument, "more than 4 GiB to compress at once");
  return level <= kFastLevelMax ? compress_fast(level, input) : compress_tight(level, input);
}

Result<Bytes> Gzip::compress_fast(int level, ByteView input) {
  if (!contexts_->deflate) contexts_->deflate = std::make_unique<isal_zstream>();
  isal_zstream& stream = *contexts_->deflate;
  isal_deflate_init(&stream);
  contexts_->deflate_buffer.resize(fast_buffer_bytes(level));
  stream.level = static_cast<uint32_t>(level);
  stream.level_buf = isal_pointer(contexts_->deflate_buffer.data());
  stream.level_buf_size = static_cast<uint32_t>(contexts_->deflate_buffer.size());
  stream.gzip_flag = IGZIP_GZIP;
  stream.end_of_stream = 1;
  stream.flush = NO_FLUSH;
  stream.next_in = isal_pointer(input.data());
  stream.avail_in = static_cast<uint32_t>(input.size());

  Bytes output;
  CappedOutput out(output, input.size() / 8, SIZE_MAX);
  while (stream.internal_state.state != ZSTATE_END) {
    if (out.is_full()) WEIR_CHECK(out.grow());
    const auto room = static_cast<uint32_t>(std::min(out.room(), kPieceBytesMax));
    stream.next_out = isal_pointer(out.at());
    stream.avail_out = room;
    if (isal_deflate(&stream) != COMP_OK) return fail(ErrorCode::kInternal, "gzip compressor failed");
    WEIR_CHECK(out.produced(room - stream.avail_out));
  }
  out.finish();
  return output;
}

Result<Bytes> Gzip::compress_tight(int level, ByteView input) {
  if (!contexts_->tight || contexts_->tight_level != level) {
    contexts_->tight.reset(libdeflate_alloc_compressor(level));
    contexts_->tight_level = level;
  }
  if (!contexts_->tight) return fail(ErrorCode::kInternal, "gzip compressor could not be made");
  Bytes output(libdeflate_gzip_compress_bound(contexts_->tight.get(), input.size()));
  const size_t size = libdeflate_gzip_compress(contexts_->tight.get(), input.data(), input.size(), output.data(), output.size());
  if (size == 0) return fail(ErrorCode::kInternal, "gzip compressor failed");
  output.resize(size);
  return output;
}

Result<void> Gzip::decompress(ByteView input, size_t output_bytes_max, Bytes& output) {
  if (input.size() > kPieceBytesMax) return fail(ErrorCode::kCorruptMessage, "more than 4 GiB of gzip");
  if (!contexts_->inflate) contexts_->inflate = std::make_unique<inflate_state>();
  inflate_state& state = *contexts_->inflate;
  isal_inflate_init(&state);
  state.crc_flag = ISAL_GZIP;
  state.next_in = isal_pointer(input.data());
  state.avail_in = static_cast<uint32_t>(input.size());

  CappedOutput out(output, input.size(), output_bytes_max);
  for (;;) {
    if (out.is_full()) WEIR_CHECK(out.grow());
    const auto room = static_cast<uint32_t>(std::min(out.room(), kPieceBytesMax));
    state.next_out = isal_pointer(out.at());
    state.avail_out = room;
    const int status = isal_inflate(&state);
    if (status != ISAL_DECOMP_OK) {
      return fail(ErrorCode::kCorruptMessage, status == ISAL_INCORRECT_CHECKSUM ? "gzip checksum is wrong" : "not valid gzip");
    }
    WEIR_CHECK(out.produced(room - state.avail_out));
    if (state.block_state == ISAL_BLOCK_FINISH) {
      // Bytes that do not begin another member are passed over, as Java's reader does: Kafka takes such batches.
      if (state.avail_in < 2 || state.next_in[0] != 0x1f || state.next_in[1] != 0x8b) break;
      isal_inflate_reset(&state);  // another member follows
      state.crc_flag = ISAL_GZIP;
    } else if (state.avail_in == 0 && state.avail_out != 0) {
      return fail(ErrorCode::kCorruptMessage, "gzip is cut short");
    }
  }
  out.finish();
  return {};
}

}  // namespace weir::codec
