// A batch of a backup as a producer may send it, and where its records land. Pure.
//
// A batch stays as it is, compression included, but for its producer (whose sequences mean nothing in another cluster), its
// transaction (committed: what was aborted is not in the backup) and its base offset. It is built again, record by record,
// when offsets are missing in it, when it begins before the log's start, or when its timestamps are the broker's.
// It becomes the restore's own, with the offset at which it is to lie as its sequence. So the sequences of a partition follow
// on one another wherever a restore begins, and a batch is the same batch each time it is sent.
#pragma once

#include <vector>

#include "weir/client/produce.h"
#include "weir/codec/compression.h"
#include "weir/record/batch.h"

namespace weir::cli {

// Old offsets from `old_first` on have become new ones from `new_first` on.
struct OffsetRun {
  int64_t old_first = 0;
  int64_t new_first = 0;
  int64_t count = 0;
};

class OffsetMap {
 public:
  void add(int64_t old_offset, int64_t new_offset, int64_t count);
  // Of the record at or after `old_offset`.
  int64_t to_new(int64_t old_offset) const;
  bool is_identity() const { return runs_.empty() || (runs_.size() == 1 && runs_.front().old_first == runs_.front().new_first); }

 private:
  std::vector<OffsetRun> runs_;
};

struct Rewritten {
  SharedBytes bytes;  // empty when no record is left
  int32_t records = 0;
};

// `first`: records below it are left out. `next_new` is the offset that the first record gets; what becomes of which goes to
// `map`. Errors: kCorruptMessage and those of building.
Result<Rewritten> rewrite_batch(const record::BatchView& batch, int64_t first, int64_t next_new, client::ProducerIdentity producer,
                                codec::Codecs& codecs, OffsetMap& map);

}  // namespace weir::cli
