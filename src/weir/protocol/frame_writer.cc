#include "weir/protocol/frame_writer.h"

#include <algorithm>

namespace weir::protocol {

void FrameWriter::share(const SharedBytes& slice) {
  if (slice.size() < kShareBytesMin) {
    bytes(slice);
    return;
  }
  shared_.push_back({own_bytes(), slice});
  shared_bytes_ += slice.size();
}

void FrameWriter::grow(size_t count) {
  const size_t used = own_bytes();
  SharedBytes larger = SharedBytes::allocate(std::max(block_.size() * 2, used + count));
  std::memcpy(larger.mutable_view().data(), begin_, used);
  block_ = std::move(larger);
  adopt();
  at_ += used;
}

std::vector<SharedBytes> FrameWriter::take() && {
  std::vector<SharedBytes> slices;
  slices.reserve(shared_.size() * 2 + 1);
  size_t done = 0;
  for (Shared& shared : shared_) {
    if (shared.position > done) slices.push_back(block_.slice(done, shared.position - done));
    done = shared.position;
    slices.push_back(std::move(shared.slice));
  }
  if (own_bytes() > done) slices.push_back(block_.slice(done, own_bytes() - done));
  shared_.clear();
  return slices;
}

SharedBytes FrameWriter::join() && {
  if (shared_.empty()) return block_.slice(0, own_bytes());
  SharedBytes all = SharedBytes::allocate(size());
  std::byte* to = all.mutable_view().data();
  for (const SharedBytes& slice : std::move(*this).take()) {
    std::memcpy(to, slice.data(), slice.size());
    to += slice.size();
  }
  return all;
}

}  // namespace weir::protocol
