#include "weir/runtime/sim/file_content.h"

#include <algorithm>
#include <cstring>

#include "weir/base/assert.h"

namespace weir::runtime {

std::string_view name_of(LoseUnsynced mode) {
  switch (mode) {
    case LoseUnsynced::kNothing: return "nothing";
    case LoseUnsynced::kAll: return "all";
    case LoseUnsynced::kRandomSubset: return "random subset";
    case LoseUnsynced::kPrefix: return "prefix";
    case LoseUnsynced::kTorn: return "torn";
    case LoseUnsynced::kZeroExtended: return "zero extended";
    case LoseUnsynced::kBySeed: return "by seed";
  }
  return "?";
}

size_t FileContent::read(uint64_t position, MutableBytes into) const {
  if (position >= current_.size()) return 0;
  const size_t count = std::min<uint64_t>(into.size(), current_.size() - position);
  if (count > 0) std::memcpy(into.data(), current_.data() + position, count);
  return count;
}

void FileContent::write(uint64_t position, ByteView bytes) {
  if (bytes.empty()) return;
  ++last_stamp_;
  const uint64_t end = position + bytes.size();
  if (end > current_.size()) current_.resize(end);
  std::memcpy(current_.data() + position, bytes.data(), bytes.size());
  stamp_range(position, end);
}

void FileContent::truncate(uint64_t size) {
  ++last_stamp_;
  const uint64_t old = current_.size();
  current_.resize(size);
  if (size < old) stamp_range(size, old);  // old bytes may come back until the next sync
}

void FileContent::stamp_range(uint64_t from, uint64_t to) {
  const uint64_t low = from / kSectorBytes;
  const uint64_t high = (to + kSectorBytes - 1) / kSectorBytes;
  if (stamps_.size() < high) stamps_.resize(std::max(high, sectors()), 0);
  std::fill(stamps_.begin() + static_cast<ptrdiff_t>(low), stamps_.begin() + static_cast<ptrdiff_t>(high), last_stamp_);
  if (dirty_low_ >= dirty_high_) {
    dirty_low_ = low;
    dirty_high_ = high;
  } else {
    dirty_low_ = std::min(dirty_low_, low);
    dirty_high_ = std::max(dirty_high_, high);
  }
}

FileContent::Snapshot FileContent::begin_sync() const {
  Snapshot snapshot;
  snapshot.stamp = last_stamp_;
  snapshot.size = current_.size();
  for (uint64_t sector = dirty_low_; sector < dirty_high_; ++sector) {
    if (stamps_[sector] == 0) continue;
    const uint64_t from = sector * kSectorBytes;
    const uint64_t to = std::min<uint64_t>(from + kSectorBytes, current_.size());
    if (from < to) {
      snapshot.bytes.insert(snapshot.bytes.end(), current_.begin() + static_cast<ptrdiff_t>(from),
                            current_.begin() + static_cast<ptrdiff_t>(to));
    }
    snapshot.bytes.resize(snapshot.bytes.size() + kSectorBytes - (from < to ? to - from : 0));
    if (!snapshot.runs.empty() && snapshot.runs.back().sector + snapshot.runs.back().count == sector)
      ++snapshot.runs.back().count;
    else
      snapshot.runs.push_back({sector, 1});
  }
  return snapshot;
}

void FileContent::end_sync(const Snapshot& snapshot) {
  if (snapshot.stamp < synced_stamp_) return;  // a later sync ended first and covered all of this one
  synced_stamp_ = snapshot.stamp;
  durable_.resize(snapshot.size);
  size_t at = 0;
  for (const Snapshot::Run& run : snapshot.runs) {
    const uint64_t from = run.sector * kSectorBytes;
    const uint64_t count = run.count * kSectorBytes;
    if (from < durable_.size()) {
      std::memcpy(durable_.data() + from, snapshot.bytes.data() + at, std::min<uint64_t>(count, durable_.size() - from));
    }
    at += count;
    for (uint64_t sector = run.sector; sector < run.sector + run.count; ++sector) {
      if (stamps_[sector] <= snapshot.stamp) stamps_[sector] = 0;
    }
  }
  while (dirty_low_ < dirty_high_ && stamps_[dirty_low_] == 0) ++dirty_low_;
  while (dirty_low_ < dirty_high_ && stamps_[dirty_high_ - 1] == 0) --dirty_high_;
}

void FileContent::fail_sync() {
  synced_stamp_ = last_stamp_;
  all_clean();
  // The size may well have reached the disk; then zeros, or what was there before, lie in the unwritten part.
  durable_.resize(current_.size());
}

void FileContent::all_clean() {
  std::fill(stamps_.begin(), stamps_.end(), 0);
  dirty_low_ = dirty_high_ = 0;
}

void FileContent::persist_sector(uint64_t sector) {
  const uint64_t from = sector * kSectorBytes;
  if (from >= durable_.size()) return;
  const uint64_t to = std::min<uint64_t>(from + kSectorBytes, durable_.size());
  const uint64_t there = std::clamp<uint64_t>(current_.size(), from, to);
  std::copy(current_.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(from, current_.size())),
            current_.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(there, current_.size())),
            durable_.begin() + static_cast<ptrdiff_t>(from));
  std::fill(durable_.begin() + static_cast<ptrdiff_t>(there), durable_.begin() + static_cast<ptrdiff_t>(to), std::byte{0});
}

void FileContent::write_back(Prng& prng, unsigned percent) {
  // Data reaches its place before the size that makes it visible does, or after: both happen, so only sectors inside the
  // durable size and growth as a whole are written here.
  if (current_.size() > durable_.size() && prng.chance(percent)) durable_.resize(current_.size());
  for (uint64_t sector = dirty_low_; sector < dirty_high_; ++sector) {
    if (stamps_[sector] != 0 && prng.chance(percent)) persist_sector(sector);  // stays stamped: a sync must still cover it
  }
}

bool FileContent::lose(LoseUnsynced mode, Prng& prng) {
  WEIR_ASSERT(mode != LoseUnsynced::kNothing && mode != LoseUnsynced::kBySeed);
  if (!is_dirty()) {
    const bool lost = durable_ != current_;  // after a failed sync, which left clean pages that were never written
    if (lost) current_ = durable_;
    return lost;
  }
  const uint64_t old_size = durable_.size();
  const uint64_t new_size = current_.size();
  std::vector<uint64_t> kept;
  uint64_t kept_end = old_size;
  const auto keep = [&](uint64_t sector) {
    kept.push_back(sector);
    kept_end = std::max(kept_end, std::min((sector + 1) * kSectorBytes, new_size));
  };
  // The oldest stamp not written; writes before it survive whole.
  Stamp cut = 0;
  if (mode == LoseUnsynced::kPrefix || mode == LoseUnsynced::kTorn) {
    Stamp oldest = last_stamp_;
    for (uint64_t sector = dirty_low_; sector < dirty_high_; ++sector) {
      if (stamps_[sector] != 0) oldest = std::min(oldest, stamps_[sector]);
    }
    cut = oldest + prng.below(last_stamp_ - oldest + 2);
  }
  const unsigned percent = static_cast<unsigned>(prng.between(5, 95));
  bool torn = false;
  for (uint64_t sector = dirty_low_; sector < dirty_high_; ++sector) {
    const Stamp stamp = stamps_[sector];
    if (stamp == 0) continue;
    switch (mode) {
      case LoseUnsynced::kRandomSubset:
        if (prng.chance(percent)) keep(sector);
        break;
      case LoseUnsynced::kPrefix:
        if (stamp < cut) keep(sector);
        break;
      case LoseUnsynced::kTorn:
        if (stamp == cut && !torn) torn = prng.chance(100 - percent);
        if (stamp < cut || (stamp == cut && !torn)) keep(sector);
        break;
      default: break;
    }
  }
  uint64_t size = old_size;
  if (mode == LoseUnsynced::kZeroExtended) {
    size = new_size;
  } else if (mode != LoseUnsynced::kAll) {
    const uint64_t choices[] = {kept_end, kept_end, new_size, mode == LoseUnsynced::kRandomSubset ? old_size : kept_end};
    size = choices[prng.below(4)];
  }
  durable_.resize(std::max({size, kept_end, old_size}));
  for (const uint64_t sector : kept) persist_sector(sector);
  durable_.resize(size);
  const bool lost = durable_ != current_;
  current_ = durable_;
  all_clean();
  return lost;
}

void FileContent::flip_bit(uint64_t position, unsigned bit) {
  WEIR_ASSERT(position < current_.size() && bit < 8, position, current_.size());
  const std::byte mask{static_cast<uint8_t>(1u << bit)};
  current_[position] ^= mask;
  if (position < durable_.size()) durable_[position] ^= mask;
}

}  // namespace weir::runtime
