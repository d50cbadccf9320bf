// Any bytes as a run of batches: cursors, header checks, record cursors of every codec, and validation.
// Property: no crash, no read outside, no output above its cap; a validated batch parses and carries its CRC.

#include <cstdint>

#include "weir/base/assert.h"
#include "weir/record/batches.h"
#include "weir/record/record.h"
#include "weir/record/validate.h"

namespace {

constexpr size_t kOutputBytesMax = 256 * 1024;

void read_all(const weir::record::BatchView& batch, weir::codec::Codecs& codecs, weir::Bytes& scratch) {
  auto records = weir::record::Records::open(batch, codecs, kOutputBytesMax, scratch);
  if (!records) return;
  WEIR_ASSERT(scratch.size() <= kOutputBytesMax, scratch.size());
  for (;;) {
    const auto record = records->next();
    if (!record || !*record) return;
    (*record)->headers.list();
    WEIR_ASSERT((*record)->offset <= batch.last_offset());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace weir;
  if (size == 0) return 0;
  const uint8_t choice = data[0];
  SharedBytes input = SharedBytes::copy_of(ByteView(reinterpret_cast<const std::byte*>(data + 1), size - 1));
  codec::Codecs codecs;
  Bytes scratch;

  record::Batches batches(input);
  for (;;) {
    const auto next = batches.next();
    if (!next || !*next) break;
    (void)(*next)->crc_matches();
    if (const record::BatchView* batch = (*next)->v2()) read_all(*batch, codecs, scratch);
  }

  // The checksum is mended half of the time, or the fuzzer would never get past it.
  if ((choice & 1) != 0 && input.size() >= record::kHeaderBytes) {
    const auto whole = record::BatchView::parse(input);
    if (whole) store_be(input.mutable_view().data() + record::kCrcAt, record::compute_crc(whole->bytes()));
  }
  record::ValidationRules rules{.check_records = (choice & 2) != 0, .decompressed_bytes_max = kOutputBytesMax};
  rules.keys_required = (choice & 4) != 0;
  if ((choice & 8) != 0) rules.timestamp_type = record::TimestampType::kLogAppendTime;
  if ((choice & 16) != 0) rules.compression = static_cast<record::Compression>((choice >> 5) % codec::kCompressionCount);
  const auto validated = record::validate(input, rules, 1'700'000'000'000, codecs, scratch);
  if (validated) WEIR_ASSERT(validated->view().crc_matches() && validated->view().record_count() > 0);
  return 0;
}
