// The bytes of one simulated file: what readers see, and what a power cut would leave.
//
// The unit of loss is the sector of 512 bytes: after a cut each unsynced sector holds its old or its new content, never a
// mix. Each write stamps the sectors that it touched; syncing clears the stamps it covered.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/prng.h"

namespace weir::runtime {

// What a crash does to bytes that were not synced.
enum class LoseUnsynced : uint8_t {
  kNothing,       // the process died, the machine did not: the page cache survives
  kAll,           // everything since the last sync is gone
  kRandomSubset,  // some sectors were written, in any order
  kPrefix,        // of each file the writes up to some point, as they were made
  kTorn,          // the same, with the last of those writes cut at a sector
  kZeroExtended,  // sizes and names survive, data does not: zeros where it was
  kBySeed,        // one of the five above, drawn by the seed
};
std::string_view name_of(LoseUnsynced mode);

class FileContent {
 public:
  static constexpr uint64_t kSectorBytes = 512;

  uint64_t size() const { return current_.size(); }
  size_t read(uint64_t position, MutableBytes into) const;
  void write(uint64_t position, ByteView bytes);  // one write: all its sectors get one stamp
  void truncate(uint64_t size);
  bool is_dirty() const { return dirty_low_ < dirty_high_ || current_.size() != durable_.size(); }

  // A sync covers what was written when it began, not what is written while it lasts.
  struct Snapshot {
    struct Run {
      uint64_t sector;
      uint64_t count;
    };
    uint64_t stamp = 0;
    uint64_t size = 0;
    std::vector<Run> runs;
    Bytes bytes;  // of all runs, one after another
  };
  Snapshot begin_sync() const;
  void end_sync(const Snapshot& snapshot);

  // What a failed fsync does: pages turn clean, stay readable, and never reach the disk.
  void fail_sync();
  // The disk writes each dirty sector with probability `percent`, unasked.
  void write_back(Prng& prng, unsigned percent);
  // A power cut: afterwards readers see what survived. `mode` is neither kNothing nor kBySeed. Says whether bytes were lost.
  bool lose(LoseUnsynced mode, Prng& prng);
  // Flips one bit of the stored content, synced or not.
  void flip_bit(uint64_t position, unsigned bit);

 private:
  using Stamp = uint64_t;
  uint64_t sectors() const { return (std::max(current_.size(), durable_.size()) + kSectorBytes - 1) / kSectorBytes; }
  void stamp_range(uint64_t from, uint64_t to);
  void persist_sector(uint64_t sector);
  void all_clean();

  Bytes current_;
  Bytes durable_;
  std::vector<Stamp> stamps_;  // of each sector; 0 is clean
  Stamp last_stamp_ = 0;
  Stamp synced_stamp_ = 0;  // of the newest sync that ended
  uint64_t dirty_low_ = 0;  // dirty sectors lie in [low, high)
  uint64_t dirty_high_ = 0;
};

}  // namespace weir::runtime
