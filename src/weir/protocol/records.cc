#include "weir/protocol/records.h"

#include "weir/base/assert.h"

namespace weir::protocol {

void Records::add(SharedBytes slice) {
  WEIR_ASSERT(file_ == nullptr);
  null_ = false;
  if (slice.empty()) return;
  const size_t bytes = slice.size();
  if (size_ == 0) {
    first_ = std::move(slice);
  } else {
    more_.push_back(std::move(slice));
  }
  size_ += bytes;
}

SharedBytes Records::joined() const {
  WEIR_ASSERT(file_ == nullptr);
  if (more_.empty()) return first_;
  SharedBytes all = SharedBytes::allocate(size_);
  std::byte* to = all.mutable_view().data();
  for (size_t i = 0; i < slice_count(); ++i) {
    std::memcpy(to, slice(i).data(), slice(i).size());
    to += slice(i).size();
  }
  return all;
}

bool operator==(const Records& a, const Records& b) {
  return a.null_ == b.null_ && a.size_ == b.size_ && equal(a.joined(), b.joined());
}

}  // namespace weir::protocol
