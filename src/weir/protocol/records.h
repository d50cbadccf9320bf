// A `records` field: the record batches of one partition as they lie on disk and on the wire, never copied.
//
// A request that was decoded from a SharedBytes frame holds one slice of that frame and keeps it alive; decoded from a
// plain view it borrows (see decode.h). A response holds any number of slices (tail cache, file reads), or a range of a
// file; the encoder passes both on by reference. Null and empty are different things in Kafka: both exist here.
//
// Holds    - slices or a file, never both
//          - null: no bytes
#pragma once

#include <vector>

#include "weir/base/bytes.h"
#include "weir/base/file_range.h"

namespace weir::protocol {

class Records {
 public:
  Records() = default;
  explicit Records(SharedBytes slice) { add(std::move(slice)); }
  // Records that lie in a file and are sent from there.
  explicit Records(FileRange file) : file_(std::make_shared<const FileRange>(std::move(file))), size_(file_->size) {}
  static Records null() {
    Records records;
    records.null_ = true;
    return records;
  }

  bool is_null() const { return null_; }
  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  // Puts `slice` behind the others; a null value becomes a value.
  void add(SharedBytes slice);

  // Null where the records are slices.
  const std::shared_ptr<const FileRange>& file() const { return file_; }
  size_t slice_count() const { return size_ == 0 || file_ != nullptr ? 0 : 1 + more_.size(); }
  const SharedBytes& slice(size_t index) const { return index == 0 ? first_ : more_[index - 1]; }
  // All bytes as one slice; copies only when there are several. Not of a file.
  SharedBytes joined() const;

  // The same bytes, however they are cut.
  friend bool operator==(const Records& a, const Records& b);

 private:
  SharedBytes first_;
  std::vector<SharedBytes> more_;
  std::shared_ptr<const FileRange> file_;
  size_t size_ = 0;
  bool null_ = false;
};

}  // namespace weir::protocol
