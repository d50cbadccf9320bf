// A stretch of an open file that is passed on by name, so that it can be sent without being read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace weir {

// What a FileRange is of. The floor that has files implements it: runtime::File.
class RangeSource {
 public:
  virtual ~RangeSource() = default;
};

// The bytes must not change until the last copy of the range is gone; the file stays open for as long.
struct FileRange {
  std::shared_ptr<RangeSource> source;
  uint64_t position = 0;
  size_t size = 0;
};

}  // namespace weir
