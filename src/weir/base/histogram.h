// A log-linear histogram (after HdrHistogram): 2 significant digits over 1 .. 2^40, fixed memory, mergeable.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace weir {

class Histogram {
 public:
  // Values are counted in 32 steps per power of two: at most 3.2 % off. Negative values count as 0.
  void record(int64_t value) {
    const uint64_t v = value < 0 ? 0 : static_cast<uint64_t>(value);
    ++buckets_[bucket_of(v)];
    ++count_;
    sum_ += v;
    if (v > max_) max_ = v;
  }
  uint64_t count() const { return count_; }
  uint64_t sum() const { return sum_; }
  uint64_t max() const { return max_; }
  // The value below which `percent` (0 .. 100] of the recorded ones lie; 0 when empty.
  uint64_t percentile(double percent) const {
    if (count_ == 0) return 0;
    const auto wanted = static_cast<uint64_t>(percent / 100.0 * static_cast<double>(count_) + 0.5);
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen >= wanted && seen > 0) return upper_bound_of(i) < max_ ? upper_bound_of(i) : max_;
    }
    return max_;
  }
  void merge(const Histogram& other) {
    for (size_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
    if (other.max_ > max_) max_ = other.max_;
  }

 private:
  static constexpr unsigned kStepBits = 5;
  static constexpr unsigned kPowersMax = 41;
  static constexpr size_t kBuckets = (kPowersMax - kStepBits + 1) << kStepBits;

  static size_t bucket_of(uint64_t v) {
    const auto width = static_cast<unsigned>(std::bit_width(v));
    if (width <= kStepBits) return v;
    if (width > kPowersMax) return kBuckets - 1;
    const unsigned shift = width - kStepBits - 1;
    return ((static_cast<size_t>(shift) + 1) << kStepBits) + ((v >> shift) & ((1u << kStepBits) - 1));
  }
  static uint64_t upper_bound_of(size_t bucket) {
    if (bucket < (1u << kStepBits)) return bucket;
    const size_t shift = (bucket >> kStepBits) - 1;
    return ((((bucket & ((1u << kStepBits) - 1)) | (1u << kStepBits)) + 1) << shift) - 1;
  }

  std::array<uint64_t, kBuckets> buckets_{};
  uint64_t count_ = 0;
  uint64_t sum_ = 0;
  uint64_t max_ = 0;
};

}  // namespace weir
